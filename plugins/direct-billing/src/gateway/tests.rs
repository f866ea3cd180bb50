//! The protocol, spelt by each profile.

use xinglin_sdk::{
    http::{self, Method},
    identity::Field,
    insurance::{
        Allowance, Claim, Error, LineKind, Operation, Period, Policy, Source,
        claims::{Claims, Objection, Predetermined, Response},
        eligibility::{Eligibility, Standing},
        preauthorization::{Decision, Preauthorization},
        reconciliation::{Entry, Reconciliation, Statement},
    },
    money::Fen,
    testing::{ClaimBuilder, Host, PolicyBuilder, START, YEAR, attempt},
    time::DAY,
    types::{Coding, zh_en},
};

use super::time;
use crate::{
    DirectBilling,
    json::Json,
    profile::{self, Profile},
};

const KNOWN: [Field; 4] = [Field::FullName, Field::IdNumber, Field::BirthDate, Field::InsuranceNumber];

fn bare(profile: &Profile) -> Host {
    Host::of::<DirectBilling>()
        .setting(&format!("terms.{}", profile.id), "decide=gateway; shape=confirmed")
        .setting(&format!("gateway.{}", profile.id), "gateway.example.com:8443")
}

fn host(profile: &Profile) -> Host {
    KNOWN.into_iter().fold(bare(profile).secret(&format!("{}.token", profile.id)), Host::known)
}

fn policy(profile: &Profile) -> Policy {
    PolicyBuilder::new("a member", profile.plan("GOLD"))
        .with(|policy| policy.network = Some("direct".to_owned()))
        .money("deductible", 97_000, Some(100_000))
        .build()
}

fn claim() -> Claim {
    ClaimBuilder::new("bill")
        .with(|claim| claim.diagnoses.push(Coding::icd10("E11.9")))
        .line(LineKind::Service, Coding::new("https://xinglin.dev/catalogue", "follow-up-visit"), "1", 120_050)
        .prior(Source::BasicFund, 50)
        .document(Coding::loinc("34133-9"), "a-summary")
        .build()
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

fn outcome(profile: &Profile, ours: &str) -> Json {
    let theirs = profile.gateway.outcomes.iter().find(|(word, _)| *word == ours).expect("an outcome").1;
    text(theirs)
}

fn money(profile: &Profile, fen: i64) -> Json {
    profile.money(&Fen::new(fen).into())
}

/// 120000 shared as DOMAIN D2 does.
fn shared(profile: &Profile, benefit: i64) -> Vec<(&'static str, Json)> {
    let reason = profile.object(vec![
        ("system", text("https://x12.org/codes/claim-adjustment-reason-codes")),
        ("code", text("45")),
        ("message", text("协议折扣")),
    ]);
    let line = profile.object(vec![
        ("number", Json::Number("1".to_owned())),
        ("contractual", money(profile, 6_000)),
        ("allowed", money(profile, 114_000)),
        ("copay", money(profile, 10_000)),
        ("benefit", money(profile, benefit)),
        ("reasons", Json::List(vec![reason])),
    ]);
    let draw = |code: &str| {
        profile.object(vec![
            ("code", text(code)),
            ("start", time(profile, YEAR.start)),
            ("end", time(profile, YEAR.end)),
            ("amount", money(profile, 3_000)),
        ])
    };
    vec![("lines", Json::List(vec![line])), ("draws", Json::List(vec![draw("deductible"), draw("of-theirs")]))]
}

fn said(profile: &Profile, ours: &str, more: Vec<(&'static str, Json)>) -> String {
    let mut pairs = vec![("outcome", outcome(profile, ours))];
    pairs.extend(more);
    profile.object(pairs).written()
}

fn decided(profile: &Profile, reference: &str, benefit: i64) -> String {
    let mut more = vec![("reference", text(reference))];
    more.extend(shared(profile, benefit));
    said(profile, "adjudicated", more)
}

fn refused(profile: &Profile, ours: &str) -> String {
    let reason = profile.object(vec![("code", text("no-benefit")), ("message", text("无此责任"))]);
    said(profile, ours, vec![("refusals", Json::List(vec![reason]))])
}

fn body(host: &Host) -> String {
    let request = host.requests().last().expect("a request");
    String::from_utf8(request.body.clone().expect("a body")).expect("UTF-8")
}

fn header<'a>(request: &'a http::Request, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_claim_is_said_and_answered_in_the_words_of_each_insurer() {
    for profile in profile::ALL {
        let (mut host, policy) = (host(profile).document("a-summary"), policy(profile));
        host.answer_json(200, &decided(profile, "EOB-7", 104_000));
        let answer = host.submit::<DirectBilling>(&attempt("tenant:order:1"), &claim(), &policy);
        let Ok(Response::Adjudicated(eob)) = answer else { panic!("{}: {answer:?}", profile.id) };
        assert_eq!(eob.reference, format!("{}:EOB-7", profile.id));
        assert_eq!(eob.adjudication.lines[0].benefit.minor_units, 104_000);
        // Drawn on what the policy has; the rest is told.
        assert_eq!(eob.adjudication.draws.iter().map(|draw| draw.code.as_str()).collect::<Vec<_>>(), ["deductible"]);
        assert!(host.log()[0].message.contains("of-theirs"));

        let request = host.requests()[0].clone();
        let gateway = &profile.gateway;
        assert_eq!(
            (request.method, request.url),
            (Method::Post, format!("https://gateway.example.com:8443{}/claims", gateway.base))
        );
        let token = format!("Bearer {{{{secret:{}.token}}}}", profile.id);
        assert_eq!(header(&host.requests()[0], "authorization"), Some(token.as_str()));
        assert_eq!(header(&host.requests()[0], "idempotency-key"), Some("tenant:order:1"));
        let protection = host.requests()[0].protection.clone().expect("signed");
        assert_eq!(
            (protection.sign_with.as_deref(), protection.signature_header.as_str()),
            (Some(gateway.signature), gateway.signature_header)
        );

        let body = body(&host);
        assert!(!body.contains("\"\":"), "{}: a field without a name: {body}", profile.id);
        let read = Json::read(&body).expect("JSON");
        let member = read.get(profile.field("member")).expect("a member");
        for field in gateway.identity {
            assert_eq!(member.get(profile.field(field)), Some(&text(&format!("{{{{patient:{field}}}}}"))));
        }
        let Json::Object(member) = member else { panic!("{member:?}") };
        assert_eq!(member.len(), gateway.identity.len(), "no more than it asks for");
        assert!(body.contains("\"{{document:a-summary}}\""), "{body}");
        let gross = match gateway.amounts {
            profile::Amounts::Fen => "120050",
            profile::Amounts::Yuan => "\"1200.50\"",
        };
        assert!(body.contains(&format!("\"{}\":{gross}", profile.field("gross"))), "{body}");
    }
}

#[test]
fn what_an_answer_leaves_open_is_unknown() {
    let profile = profile::find("bupa").expect("an insurer");
    let (policy, claim) = (policy(profile), claim());
    let page =
        |status: u16, body: &str| Ok(http::Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() });
    let good = decided(profile, "EOB-7", 104_000);
    let long = decided(profile, &"7".repeat(200), 104_000);
    let cases = [
        (Err(http::Error::Timeout), "Unknown"),
        (Err(http::Error::Unavailable("broke".to_owned())), "Unknown"),
        (Err(http::Error::TooLarge(1)), "Unknown"),
        (Err(http::Error::Other("?".to_owned())), "Unknown"),
        (Err(http::Error::Denied("no".to_owned())), "NotDone"),
        (Err(http::Error::Invalid("no".to_owned())), "NotDone"),
        (Err(http::Error::TooMany), "NotDone"),
        (page(503, ""), "NotDone"),
        (page(401, &good), "NotDone"),
        (page(409, ""), "Conflict"),
        (page(404, ""), "Unknown"),
        (page(404, &said(profile, "never-seen", Vec::new())), "Unknown"),
        (page(500, &good), "Unknown"),
        (page(502, "<html>"), "Unknown"),
        (page(302, ""), "Unknown"),
        (page(200, ""), "Unknown"),
        (page(200, good.get(..good.len() - 1).expect("a part")), "Unknown"),
        (page(200, &good.replace("PROCESSED", "SOMETHING")), "Unknown"),
        (page(200, &decided(profile, "", 104_000)), "Unknown"),
        (page(200, &long), "Unknown"),
        (page(200, &decided(profile, "EOB-7", 104_001)), "Unknown"),
        (page(200, &decided(profile, "EOB-7", -104_000)), "Unknown"),
        (page(200, &good.replace("\"60.00\"", "\"60.01\"")), "Unknown"),
        (page(200, &good.replace("1040.00", "1040.005")), "Unknown"),
        (page(200, &good.replace("1040.00", "1.04e3")), "Unknown"),
        (page(200, &good.replace("\"number\":1", "\"number\":2")), "Unknown"),
        (page(200, &said(profile, "cancelled", vec![("reference", text("C"))])), "Unknown"),
        (page(200, &said(profile, "refused", Vec::new())), "Unknown"),
        (page(200, &good), "Adjudicated"),
        (page(200, &refused(profile, "refused")), "NO_BENEFIT"),
    ];
    for (answer, expected) in cases {
        let mut host = host(profile).document("a-summary");
        host.answer(answer.clone());
        let told = host.submit::<DirectBilling>(&attempt("claim"), &claim, &policy);
        assert!(format!("{told:?}").contains(expected), "{answer:?}: {told:?}");
        assert_eq!(host.stored(), 0);
    }
}

#[test]
fn nothing_leaves_without_what_it_needs() {
    let profile = profile::find("cigna-cmb").expect("an insurer");
    let token = format!("{}.token", profile.id);
    let unconfirmed = Host::of::<DirectBilling>()
        .setting("terms.cigna-cmb", "decide=gateway")
        .setting("gateway.cigna-cmb", "gateway.example.com");
    let nowhere = Host::of::<DirectBilling>().setting("terms.cigna-cmb", "decide=gateway; shape=confirmed");
    for (mut host, told) in [
        (unconfirmed, "shape=confirmed"),
        (nowhere, "gateway.cigna-cmb"),
        (bare(profile).secret(&token), "insurance-number"),
        (KNOWN.into_iter().fold(bare(profile), Host::known), "token"),
        // The document is not the patient's.
        (host(profile), "document"),
    ] {
        let answer = host.submit::<DirectBilling>(&attempt("claim"), &claim(), &policy(profile));
        let is_nothing = matches!(answer, Err(Error::MissingData(_) | Error::NotDone(_)));
        assert!(is_nothing && format!("{answer:?}").contains(told), "{told}: {answer:?}");
        assert!(host.requests().is_empty());
    }
    // Nobody's words become a placeholder, and no key a header of its own.
    let mut host = host(profile);
    host.answer_json(200, &refused(profile, "refused"));
    let objection = Objection {
        reference: "cigna-cmb:EOB-7".to_owned(),
        lines: vec![1],
        grounds: zh_en("{{patient:id-number}} {{secret:cigna-cmb.token}}", ""),
        documents: Vec::new(),
    };
    let appeal = |host: &mut Host, operation: Operation| {
        let (objection, policy) = (objection.clone(), policy(profile));
        host.call(|| DirectBilling::appeal(operation, objection, policy))
    };
    assert!(matches!(appeal(&mut host, attempt("appeal")), Ok(Response::Refused(_))));
    let body = body(&host);
    assert!(!body.contains("{{patient:id-number}}") && !body.contains("{{secret:"), "{body}");
    assert!(body.contains("\"EOB-7\""), "{body}");
    for key in ["a\r\nb", "{{secret:cigna-cmb.token}}", ""] {
        assert!(matches!(appeal(&mut host, attempt(key)), Err(Error::NotDone(_))), "{key}");
    }
    assert_eq!(host.requests().len(), 1);
    // Another insurer's reference.
    let policy = policy(profile);
    let answer = host.call(|| <DirectBilling as Claims>::cancel(attempt("cancel"), "bupa:EOB-7".to_owned(), policy));
    assert!(matches!(answer, Err(Error::NotDone(_))), "{answer:?}");
}

#[test]
fn nobody_has_seen_it_only_if_every_insurer_says_so() {
    let (bupa, msh) = (profile::find("bupa").expect("an insurer"), profile::find("msh-china").expect("an insurer"));
    let both = || {
        let host = host(bupa).secret("msh-china.token").setting("terms.msh-china", "decide=gateway; shape=confirmed");
        host.setting("gateway.msh-china", "msh.example.com")
    };
    let never = |profile| Some((404, said(profile, "never-seen", Vec::new())));
    let found = |profile, reference| Some((200, decided(profile, reference, 104_000)));
    for (first, second, expected) in [
        (never(bupa), never(msh), "Ok(None)"),
        (never(bupa), None, "Unknown"),
        (None, never(msh), "Unknown"),
        (Some((404, String::new())), never(msh), "Unknown"),
        (never(bupa), Some((404, "<html>".to_owned())), "Unknown"),
        (Some((404, refused(bupa, "refused"))), never(msh), "Unknown"),
        (Some((503, String::new())), never(msh), "NotDone"),
        (found(bupa, "EOB-1"), None, "bupa:EOB-1"),
        (None, found(msh, "EOB-2"), "msh-china:EOB-2"),
    ] {
        let mut host = both();
        for answer in [&first, &second] {
            match answer {
                None => host.answer(Err(http::Error::Timeout)),
                Some((status, body)) => host.answer_json(*status, body),
            }
        }
        let status = host.call(|| <DirectBilling as Claims>::status(attempt("a/key"), None, START));
        assert!(format!("{status:?}").contains(expected), "{first:?} {second:?}: {status:?}");
        let request = &host.requests()[0];
        assert_eq!(
            (request.method, request.url.as_str()),
            (Method::Get, "https://gateway.example.com:8443/global/claims/v2/claims/a%2Fkey")
        );
        assert!(header(request, bupa.gateway.signature_header).is_some_and(|signature| signature.len() == 88));
    }
    // With a reference only its insurer is asked.
    let mut host = both();
    host.answer_json(404, &said(msh, "never-seen", Vec::new()));
    let status = host
        .call(|| <DirectBilling as Preauthorization>::status(attempt("key"), Some("msh-china:G-1".to_owned()), START));
    assert_eq!(status, Ok(None));
    assert_eq!(host.requests().len(), 1);
}

#[test]
fn the_other_verbs_ask_and_read_too() {
    for profile in profile::ALL {
        let (mut host, policy) = (host(profile).document("a-summary"), policy(profile));
        let number = |number: &str| Json::Number(number.to_owned());
        let reference = |kind: &str| ("reference", text(kind));

        let used = profile.object(vec![("amount", money(profile, 1))]);
        let balance = profile.object(vec![
            ("code", text("deductible")),
            ("start", time(profile, YEAR.start)),
            ("end", time(profile, YEAR.end)),
            ("used", used.clone()),
            ("limit", used),
        ]);
        let benefit = profile.object(vec![("number", number("1")), ("preauthorization-required", Json::Boolean(true))]);
        let more = vec![("benefits", Json::List(vec![benefit])), ("balances", Json::List(vec![balance]))];
        host.answer_json(200, &said(profile, "in-force", more));
        let standing = host.call(|| DirectBilling::check(claim(), policy.clone(), START));
        let Ok(Standing::InForce(entitlement)) = standing else { panic!("{}: {standing:?}", profile.id) };
        assert_eq!(entitlement.balances[0].period, YEAR);
        assert!(entitlement.benefits[0].preauthorization_required);
        host.answer_json(200, &refused(profile, "not-in-force"));
        assert!(matches!(
            host.call(|| DirectBilling::check(claim(), policy.clone(), START)),
            Ok(Standing::NotInForce(_))
        ));

        host.answer_json(200, &said(profile, "covered", shared(profile, 104_000)));
        let quote = host.predetermine::<DirectBilling>(&claim(), &policy, START);
        assert!(matches!(quote, Ok(Predetermined::Covered(_))), "{quote:?}");
        assert!(header(host.requests().last().expect("a request"), "idempotency-key").is_none());

        let line = |amount| profile.object(vec![("number", number("1")), ("amount", money(profile, amount))]);
        let guarantee = |amount| {
            vec![reference("G-1"), ("lines", Json::List(vec![line(amount)])), ("expires", time(profile, START + DAY))]
        };
        let submit = |host: &mut Host| {
            let policy = policy.clone();
            host.call(|| <DirectBilling as Preauthorization>::submit(attempt("guarantee"), claim(), policy))
        };
        host.answer_json(200, &said(profile, "approved", guarantee(120_000)));
        let answer = submit(&mut host);
        let Ok(Decision::Approved(given)) = answer else { panic!("{answer:?}") };
        assert_eq!((given.reference, given.expires), (format!("{}:G-1", profile.id), START + DAY));
        // More than was asked, and all that is not all.
        for (outcome, amount) in [("approved", 120_001), ("approved", 1), ("partial", 120_001)] {
            host.answer_json(200, &said(profile, outcome, guarantee(amount)));
            assert!(matches!(submit(&mut host), Err(Error::Unknown(_))), "{outcome} {amount}");
        }
        let wanted = profile.object(vec![("system", text("http://loinc.org")), ("code", text("34133-9"))]);
        host.answer_json(
            200,
            &said(profile, "pending", vec![reference("P-1"), ("documents-wanted", Json::List(vec![wanted]))]),
        );
        let answer = submit(&mut host);
        let Ok(Decision::Pending(pending)) = answer else { panic!("{answer:?}") };
        assert_eq!(pending.documents_wanted, [Coding::loinc("34133-9")]);
        assert!(pending.ask_after > START);

        let theirs = format!("{}:EOB-7", profile.id);
        host.answer_json(200, &said(profile, "cancelled", vec![reference("C-1")]));
        let answer = host.call(|| <DirectBilling as Claims>::cancel(attempt("cancel"), theirs.clone(), policy.clone()));
        assert!(matches!(answer, Ok(Response::Cancelled(_))), "{answer:?}");
        host.answer_json(200, &said(profile, "cancelled", Vec::new()));
        let answer = host
            .call(|| <DirectBilling as Preauthorization>::cancel(attempt("release"), theirs.clone(), policy.clone()));
        assert_eq!(answer, Ok(Decision::Cancelled));

        let entry = |of: &str, amount| profile.object(vec![reference(of), ("amount", money(profile, amount))]);
        let entries = Json::List(vec![entry("EOB-7", 104_000), entry("C-1", -104_000), entry("EOB-8", 5)]);
        let statement = |total| {
            let pairs = vec![("total", money(profile, total)), ("count", number("3")), ("entries", entries.clone())];
            profile.object(pairs).written()
        };
        let ours = |reference: &str, amount: i64| Entry {
            reference: format!("{}:{reference}", profile.id),
            amount: Fen::new(amount).into(),
        };
        let asked = Statement { period: YEAR, entries: vec![ours("EOB-7", 104_000), ours("C-1", -104_000)] };
        host.answer_json(200, &statement(5));
        let comparison = host.call(|| DirectBilling::compare(asked.clone(), START)).expect("compared");
        assert_eq!((comparison.total.minor_units, comparison.count, comparison.differences.len()), (5, 3, 1));
        host.answer_json(200, &statement(6));
        assert!(matches!(host.call(|| DirectBilling::compare(asked, START)), Err(Error::Unknown(_))));

        let sent = |trace: &str| {
            profile.object(vec![
                ("trace", text(trace)),
                ("sent-at", time(profile, START)),
                ("amount", money(profile, 104_007)),
                ("adjustment", money(profile, 7)),
                ("items", Json::List(vec![entry("EOB-7", 104_000)])),
            ])
        };
        let period = Period { start: START, end: START + DAY };
        for (traces, count) in [(vec!["T-1", "T-2"], Some(2)), (vec!["T-1", "T-1"], None)] {
            let all = Json::List(traces.into_iter().map(sent).collect());
            host.answer_json(200, &profile.object(vec![("remittances", all)]).written());
            let told = host.call(|| DirectBilling::remittances(period, START + DAY));
            assert_eq!(told.ok().map(|told| told.len()), count, "{}", profile.id);
        }
        assert!(host.requests().iter().all(|request| !format!("{request:?}").contains("\"\":")));
    }
}

#[test]
fn what_was_decided_here_stays_here() {
    let profile = profile::find("cigna-cmb").expect("an insurer");
    let mut policy = policy(profile);
    (policy.plan, policy.valid_from) = (profile.plan("PEARL"), Some(START - 400 * DAY));
    let claim = ClaimBuilder::new("bill")
        .with(|claim| claim.diagnoses.push(Coding::icd10("E11.9")))
        .line(LineKind::Service, Coding::new("https://xinglin.dev/catalogue", "follow-up-visit"), "1", 50_000)
        .document(Coding::loinc("34133-9"), "a-summary")
        .build();
    let mut here = Host::of::<DirectBilling>().setting("accept-illustrative", true);
    let standing = here.call(|| DirectBilling::check(claim.clone(), policy.clone(), START));
    let Ok(Standing::InForce(entitlement)) = standing else { panic!("{standing:?}") };
    policy.balances = entitlement.balances;
    assert!(policy.balances.iter().all(|balance| matches!(balance.used, Allowance::Money(_) | Allowance::Count(0))));
    let answer = here.submit::<DirectBilling>(&attempt("claim"), &claim, &policy);
    let Ok(Response::Adjudicated(eob)) = answer else { panic!("{answer:?}") };
    // The contract moves to the gateway.
    let mut there =
        here.setting("terms.cigna-cmb", "decide=gateway").setting("gateway.cigna-cmb", "gateway.example.com");
    let answer = there.call(|| <DirectBilling as Claims>::cancel(attempt("cancel"), eob.reference.clone(), policy));
    assert!(matches!(answer, Ok(Response::Cancelled(_))), "{answer:?}");
    let status = there.call(|| <DirectBilling as Claims>::status(attempt("claim"), Some(eob.reference.clone()), START));
    assert!(matches!(status, Ok(Some(Response::Adjudicated(_)))), "{status:?}");
    assert!(there.requests().is_empty());
}
