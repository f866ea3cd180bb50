//! Amounts to the fen, through the exported functions, and what else of the local decision the
//! suite of all insurers does not ask.

use direct_billing::{DirectBilling, profile};
use xinglin_sdk::{
    insurance::{
        Claim, Error, LineKind, Operation, Policy, Source,
        claims::{Adjudication, Claims, LineAdjudication, Objection, Predetermined, Response},
        eligibility::{Eligibility, Standing},
        preauthorization::{Decision, Preauthorization},
        reconciliation::{Entry, Reconciliation, Statement},
    },
    kv,
    testing::{ClaimBuilder, Host, PolicyBuilder, START, YEAR, attempt},
    time::DAY,
    types::{Coding, Money, zh_en},
};

/// A whole contract, so that nothing illustrative is needed.
const CONTRACT: &str = "plans=GOLD, SUPPLEMENT; networks=direct:0, partner:20; deductible=0; copay=10000; discount=5; \
     visit-limit=none; annual-limit=none; visits=none; mental-visits=none; waiting-days=0; mental-waiting-days=0; \
     excluded=item:glucose-test-strips-50; preauthorization-above=200000; preauthorization-services=item:psychotherapy-course; \
     guarantee-days=30; documents=; claim-documents=; filing-days=90; appeal-days=60; year=calendar; remit-days=none; \
     SUPPLEMENT:deductible=100000; SUPPLEMENT:copay=0; SUPPLEMENT:discount=0; SUPPLEMENT:visit-limit=10000";

fn contracted() -> Host {
    Host::of::<DirectBilling>().setting("terms.cigna-cmb", CONTRACT)
}

fn contracted_with(more: &str) -> Host {
    let key = more.split('=').next().expect("a key");
    let kept: Vec<&str> =
        CONTRACT.split(';').map(str::trim).filter(|part| part.split('=').next() != Some(key)).collect();
    Host::of::<DirectBilling>().setting("terms.cigna-cmb", format!("{};{more}", kept.join(";")))
}

fn policy(plan: &str, network: &str) -> PolicyBuilder {
    let plan = profile::find("cigna-cmb").expect("an insurer").plan(plan);
    PolicyBuilder::new("a member", plan).with(|policy| policy.network = Some(network.to_owned()))
}

fn item(code: &str) -> Coding {
    Coding::new("https://xinglin.dev/catalogue", code)
}

fn claim(bill: &str) -> ClaimBuilder {
    ClaimBuilder::new(bill).with(|claim| claim.diagnoses.push(Coding::icd10("E11.9")))
}

/// What basic insurance leaves of the bill of DOMAIN D1, its fund share split among the lines.
fn after_basic(bill: &str, metformin: [i64; 2], dapagliflozin: i64, visit: i64) -> ClaimBuilder {
    let [gross, fund] = metformin;
    claim(bill)
        .line(LineKind::Service, item("follow-up-visit"), "1", 2_000)
        .basic([0, 0, 0, 2_000])
        .prior(Source::BasicFund, visit)
        .line(LineKind::Medicine, item("metformin-500mg-60"), "2", gross)
        .basic([0, 0, 0, gross])
        .prior(Source::BasicFund, fund)
        .line(LineKind::Medicine, item("dapagliflozin-10mg-30"), "1", 6_800)
        .basic([0, 800, 600, 5_400])
        .prior(Source::BasicFund, dapagliflozin)
        .line(LineKind::Material, item("glucose-test-strips-50"), "1", 4_500)
        .basic([4_500, 0, 0, 0])
}

fn sum(adjudication: &Adjudication, part: fn(&LineAdjudication) -> &Money) -> i64 {
    adjudication.lines.iter().map(|line| part(line).minor_units).sum()
}

fn columns(adjudication: &Adjudication) -> [i64; 8] {
    [
        sum(adjudication, |line| &line.contractual),
        sum(adjudication, |line| &line.not_covered),
        sum(adjudication, |line| &line.allowed),
        sum(adjudication, |line| &line.deductible),
        sum(adjudication, |line| &line.copay),
        sum(adjudication, |line| &line.coinsurance),
        sum(adjudication, |line| &line.over_limit),
        sum(adjudication, |line| &line.benefit),
    ]
}

fn decided(host: &mut Host, key: &str, claim: &Claim, policy: &Policy) -> (String, Adjudication) {
    match host.submit::<DirectBilling>(&attempt(key), claim, policy) {
        Ok(Response::Adjudicated(eob)) => (eob.reference, eob.adjudication),
        other => panic!("{other:?}"),
    }
}

fn codes<T: std::fmt::Debug>(answer: &Result<T, Error>) -> String {
    format!("{answer:?}")
}

#[test]
fn d2_secondary_and_the_return_of_a_box() {
    let mut host = contracted();
    let policy = policy("SUPPLEMENT", "partner").money("deductible", 97_000, Some(100_000)).build();
    let whole = after_basic("bill", [5_000, 2_238], 2_417, 895).build();
    let quote = host.predetermine::<DirectBilling>(&whole, &policy, START);
    let Ok(Predetermined::Covered(quote)) = quote else { panic!("{quote:?}") };
    let (reference, eob) = decided(&mut host, "claim", &whole, &policy);
    assert_eq!(eob, quote);
    // Excluded strips 4500; eligible 8250; deductible left 3000; 5250 × 80 % = 4200; limit unbound.
    assert_eq!(columns(&eob), [0, 4_500, 8_250, 3_000, 0, 1_050, 0, 4_200]);
    assert_eq!(eob.lines[3].reasons[0].code.code, "96");
    let [draw] = eob.draws.as_slice() else { panic!("{:?}", eob.draws) };
    assert_eq!((draw.code.as_str(), draw.period), ("deductible", YEAR));

    // DOMAIN D7: 15800 = 3675 + 3700 + 8425.
    let cancelled =
        host.call(|| <DirectBilling as Claims>::cancel(attempt("cancel"), reference.clone(), policy.clone()));
    assert!(matches!(cancelled, Ok(Response::Cancelled(_))), "{cancelled:?}");
    let rest = after_basic("bill", [2_500, 741], 2_134, 800).with(|claim| claim.related = Some(reference)).build();
    assert_eq!(rest.lines.iter().map(|line| line.gross.minor_units).sum::<i64>(), 15_800);
    let (_, eob) = decided(&mut host, "rest", &rest, &policy);
    assert_eq!(columns(&eob), [0, 4_500, 7_625, 3_000, 0, 925, 0, 3_700]);
}

#[test]
fn an_appeal_gives_back_what_the_former_decision_drew() {
    let mut host = contracted();
    let policy = |used, network| policy("SUPPLEMENT", network).money("deductible", used, Some(100_000)).build();
    let whole = after_basic("bill", [5_000, 2_238], 2_417, 895).build();
    let (former, eob) = decided(&mut host, "claim", &whole, &policy(97_000, "partner"));
    assert_eq!(columns(&eob)[7], 4_200);
    // The host has drawn the 3000. The hospital was in the better tier: 8250 less the deductible.
    let objection = Objection {
        reference: former.clone(),
        lines: vec![1, 4],
        grounds: zh_en("本院为直付网络医院。", "The hospital is in the direct tier."),
        documents: Vec::new(),
    };
    let corrected = policy(100_000, "direct");
    let appeal = |host: &mut Host, key: &str, objection: &Objection, at| {
        let (operation, objection) = (Operation { key: key.to_owned(), at }, objection.clone());
        host.call(|| <DirectBilling as Claims>::appeal(operation, objection, corrected.clone()))
    };
    let stranger = Objection { lines: vec![5], ..objection.clone() };
    assert!(codes(&appeal(&mut host, "line", &stranger, START)).contains("APPEAL_LINE_UNKNOWN"));
    assert!(codes(&appeal(&mut host, "late", &objection, START + 61 * DAY)).contains("APPEAL_LATE"));
    let answer = appeal(&mut host, "appeal", &objection, START + DAY);
    let Ok(Response::Adjudicated(anew)) = answer else { panic!("{answer:?}") };
    assert_eq!(columns(&anew.adjudication), [0, 4_500, 8_250, 3_000, 0, 0, 0, 5_250]);
    assert!(codes(&appeal(&mut host, "again", &objection, START + DAY)).contains("CLAIM_REPLACED"));

    let entry = |reference: &str, minor_units| {
        let amount = Money { minor_units, currency: "CNY".to_owned() };
        Entry { reference: reference.to_owned(), amount }
    };
    let entries = vec![entry(&former, 4_200), entry(&former, -4_200), entry(&anew.reference, 5_250)];
    let comparison = host.call(|| DirectBilling::compare(Statement { period: YEAR, entries }, START + DAY));
    let comparison = comparison.expect("compared");
    assert_eq!((comparison.total.minor_units, comparison.differences.len()), (5_250, 0));
    let cancelled =
        host.call(|| <DirectBilling as Claims>::cancel(attempt("cancel"), anew.reference, corrected.clone()));
    assert!(matches!(cancelled, Ok(Response::Cancelled(_))), "{cancelled:?}");
    let gone = Objection { reference: former, ..objection };
    assert!(codes(&appeal(&mut host, "gone", &gone, START + DAY)).contains("CLAIM_REPLACED"));
}

#[test]
fn d2_primary() {
    let mut host = contracted();
    let policy = policy("GOLD", "direct").build();
    let session = claim("session").line(LineKind::Service, item("psychotherapy-50min"), "1", 120_000);
    let (_, eob) = decided(&mut host, "claim", &session.build(), &policy);
    // Contract −5 % (6000); copay 10000; insurer 104000.
    assert_eq!(columns(&eob), [6_000, 0, 114_000, 0, 10_000, 0, 0, 104_000]);
    assert_eq!(eob.lines[0].reasons[0].code.code, "45");

    // In four lines the same, to the fen.
    let split = [33_333, 33_333, 33_333, 20_001]
        .into_iter()
        .fold(claim("split"), |claim, gross| claim.line(LineKind::Service, item("psychotherapy-50min"), "1", gross));
    let (_, eob) = decided(&mut host, "split", &split.build(), &policy);
    // Half-up for each line: 1666.65, 1666.65, 1666.65, 1000.05.
    assert_eq!(columns(&eob), [6_001, 0, 113_999, 0, 10_000, 0, 0, 103_999]);
    assert_eq!(
        eob.lines.iter().map(|line| line.contractual.minor_units).collect::<Vec<_>>(),
        [1_667, 1_667, 1_667, 1_000]
    );
}

#[test]
fn a_share_is_rounded_down_for_the_insurer_and_split_to_the_fen() {
    let mut host = contracted_with("discount=0");
    for (amounts, benefit) in [(&[10_001][..], 0), (&[10_003], 2), (&[10_000, 1, 1, 1], 2), (&[5_003, 5_004], 5)] {
        let policy = policy("GOLD", "partner").build();
        let claim = amounts.iter().fold(claim(&format!("{amounts:?}")), |claim, gross| {
            claim.line(LineKind::Service, item("follow-up-visit"), "1", *gross)
        });
        let claim = claim.build();
        let (_, eob) = decided(&mut host, &claim.bill, &claim, &policy);
        let total: i64 = amounts.iter().sum();
        assert_eq!(columns(&eob), [0, 0, total, 0, 10_000, total - 10_000 - benefit, 0, benefit], "{amounts:?}");
    }
}

#[test]
fn an_illustrative_figure_never_goes_live_silently() {
    let claim = claim("bill").line(LineKind::Service, item("follow-up-visit"), "1", 50_000).build();
    for known in profile::ALL {
        let policy = PolicyBuilder::new("a member", known.plan("ANY")).build();
        let told = Host::of::<DirectBilling>().predetermine::<DirectBilling>(&claim, &policy, START);
        let Err(Error::MissingData(text)) = told else { panic!("{told:?}") };
        assert!(text[1].text.contains("copay") && text[0].text.contains("示例"), "{text:?}");
        let mut demo = Host::of::<DirectBilling>().setting("accept-illustrative", true);
        let told = demo.predetermine::<DirectBilling>(&claim, &policy, START);
        assert!(codes(&told).contains("PLAN_UNKNOWN"), "{told:?}");
    }
    let policy = policy("GOLD", "direct").build();
    for (terms, told) in [
        ("plans=GOLD; copay=0", "networks"),
        ("copay", "`copay`"),
        ("coppay=1", "`coppay`"),
        ("copay=1; copay=2", "`copay`"),
        (&CONTRACT.replace("copay=10000", "copay=-1"), "`copay=-1`"),
        (&CONTRACT.replace("partner:20", "partner:120"), "networks"),
        (&CONTRACT.replace("item:glucose", "thing:glucose"), "excluded"),
        (&CONTRACT.replace("year=calendar", "year=lunar"), "`year=lunar`"),
        (&format!("{CONTRACT}; decide=somebody"), "decide"),
    ] {
        let mut host = Host::of::<DirectBilling>().setting("terms.cigna-cmb", terms);
        let answer = host.predetermine::<DirectBilling>(&claim, &policy, START);
        assert!(matches!(&answer, Err(Error::MissingData(text)) if text[1].text.contains(told)), "{terms}: {answer:?}");
    }
    let stranger = PolicyBuilder::new("a member", Coding::new("https://insurer.example", "GOLD")).build();
    let answer = contracted().predetermine::<DirectBilling>(&claim, &stranger, START);
    assert!(matches!(answer, Err(Error::MissingData(_))), "{answer:?}");
}

#[test]
fn the_limits_of_a_member_count_before_those_of_the_contract() {
    let session = claim("session").line(LineKind::Service, item("psychotherapy-50min"), "1", 120_000).build();
    for (terms, limits, expected) in [
        ("annual-limit=none", (0, Some(50_000)), Some([6_000, 0, 114_000, 0, 10_000, 0, 54_000, 50_000])),
        ("annual-limit=20000", (0, Some(50_000)), Some([6_000, 0, 114_000, 0, 10_000, 0, 54_000, 50_000])),
        ("annual-limit=20000", (5_000, None), Some([6_000, 0, 114_000, 0, 10_000, 0, 89_000, 15_000])),
        ("annual-limit=20000", (20_000, None), None),
        ("annual-limit=none", (50_000, Some(50_000)), None),
    ] {
        let policy = policy("GOLD", "direct").money("annual-limit", limits.0, limits.1).build();
        let answer = contracted_with(terms).submit::<DirectBilling>(&attempt("claim"), &session, &policy);
        match (answer, expected) {
            (Ok(Response::Adjudicated(eob)), Some(expected)) => assert_eq!(columns(&eob.adjudication), expected),
            (answer, None) => assert!(codes(&answer).contains("CLAIM_LIMIT"), "{answer:?}"),
            (answer, _) => panic!("{answer:?}"),
        }
    }
    let policy = policy("GOLD", "direct").count("outpatient-visits", 3, None).build();
    let answer = contracted_with("visits=3").submit::<DirectBilling>(&attempt("claim"), &session, &policy);
    assert!(codes(&answer).contains("CLAIM_LIMIT"), "{answer:?}");
}

#[test]
fn what_is_filed_late_is_the_hospitals() {
    let claim = claim("bill").line(LineKind::Service, item("follow-up-visit"), "1", 50_000).build();
    for (days, expected) in [(90, [2_500, 0, 47_500, 0, 10_000, 0, 0, 37_500]), (91, [50_000, 0, 0, 0, 0, 0, 0, 0])] {
        let operation = Operation { key: "claim".to_owned(), at: START + days * DAY };
        let policy = policy("GOLD", "direct").money("annual-limit", 0, None).money("deductible", 0, Some(0)).build();
        let answer = contracted().submit::<DirectBilling>(&operation, &claim, &policy);
        let Ok(Response::Adjudicated(eob)) = answer else { panic!("{answer:?}") };
        assert_eq!(columns(&eob.adjudication), expected, "{days}");
        // Nothing is drawn where nothing is used up.
        assert_eq!(eob.adjudication.draws.len(), usize::from(expected[7] > 0), "{days}");
    }
}

#[test]
fn visits_are_counted_and_an_unknown_balance_is_asked_for() {
    let mut host = contracted_with("mental-visits=2");
    let visit = |bill: &str, diagnosis: &str| {
        let diagnosis = Coding::icd10(diagnosis);
        ClaimBuilder::new(bill)
            .with(|claim| claim.diagnoses.push(diagnosis))
            .line(LineKind::Service, item("psychiatry-visit"), "1", 50_000)
            .build()
    };
    let bare = policy("GOLD", "direct").build();
    let answer = host.submit::<DirectBilling>(&attempt("first"), &visit("first", "F32.1"), &bare);
    assert!(
        matches!(&answer, Err(Error::MissingData(text)) if text[1].text.contains("mental-health-visits")),
        "{answer:?}"
    );
    let uncoded = ClaimBuilder::new("uncoded").line(LineKind::Service, item("psychiatry-visit"), "1", 50_000).build();
    let answer = host.submit::<DirectBilling>(&attempt("uncoded"), &uncoded, &bare);
    assert!(matches!(&answer, Err(Error::MissingData(text)) if text[1].text.contains("ICD-10")), "{answer:?}");
    // Other illnesses do not count.
    decided(&mut host, "diabetes", &visit("diabetes", "E11.9"), &bare);

    let standing = host.call(|| DirectBilling::check(visit("first", "F32.1"), bare.clone(), START));
    let Ok(Standing::InForce(entitlement)) = standing else { panic!("{standing:?}") };
    assert_eq!(entitlement.balances.len(), 1);
    assert_eq!(entitlement.balances[0].count_left(), Some(2));
    for used in 0..3 {
        let policy = policy("GOLD", "direct").count("mental-health-visits", used, Some(2)).build();
        let bill = format!("visit-{used}");
        let answer = host.submit::<DirectBilling>(&attempt(&bill), &visit(&bill, "F32.1"), &policy);
        match used {
            2 => assert!(codes(&answer).contains("CLAIM_LIMIT"), "{answer:?}"),
            _ => assert!(matches!(answer, Ok(Response::Adjudicated(_))), "{answer:?}"),
        }
    }
}

#[test]
fn a_listed_service_needs_a_guarantee_whatever_it_costs() {
    let mut host = contracted();
    let policy = policy("GOLD", "direct").build();
    let course = claim("course")
        .line(LineKind::Service, item("psychotherapy-course"), "1", 20_000)
        .line(LineKind::Service, item("follow-up-visit"), "1", 30_000)
        .build();
    let standing = host.call(|| DirectBilling::check(course.clone(), policy.clone(), START));
    let Ok(Standing::InForce(entitlement)) = standing else { panic!("{standing:?}") };
    assert_eq!(entitlement.benefits.iter().map(|b| b.preauthorization_required).collect::<Vec<_>>(), [true, false]);
    let answer = host.submit::<DirectBilling>(&attempt("without"), &course, &policy);
    assert!(codes(&answer).contains("CLAIM_NO_PREAUTH"), "{answer:?}");

    // A guarantee of the visit alone does not carry the course.
    let visit = claim("course").line(LineKind::Service, item("follow-up-visit"), "1", 30_000).build();
    let mut asked = visit.clone();
    asked.lines[0].number = 2;
    let answer = host.call(|| <DirectBilling as Preauthorization>::submit(attempt("guarantee"), asked, policy.clone()));
    let Ok(Decision::Approved(guarantee)) = answer else { panic!("{answer:?}") };
    let mut late = course.clone();
    late.preauthorization = Some(guarantee.reference.clone());
    late.served_at = guarantee.expires;
    let answer = host.submit::<DirectBilling>(&attempt("late"), &late, &policy);
    assert!(codes(&answer).contains("PREAUTHORIZATION_EXPIRED"), "{answer:?}");
    late.served_at = guarantee.expires - 1;
    let (_, eob) = decided(&mut host, "claim", &late, &policy);
    assert_eq!(columns(&eob), [1_500, 20_000, 28_500, 0, 10_000, 0, 0, 18_500]);
    assert_eq!(eob.lines[0].reasons[0].code.code, "197");
}

#[test]
fn a_bill_is_claimed_once() {
    let mut host = contracted();
    let policy = policy("GOLD", "direct").build();
    let bill = claim("bill").line(LineKind::Service, item("follow-up-visit"), "1", 50_000).build();
    let (reference, _) = decided(&mut host, "first", &bill, &policy);
    for key in ["second", "second"] {
        let answer = host.submit::<DirectBilling>(&attempt(key), &bill, &policy);
        assert!(codes(&answer).contains("DUPLICATE_CLAIM"), "{answer:?}");
    }
    let correction = Claim { related: Some(reference.clone()), ..bill.clone() };
    let answer = host.submit::<DirectBilling>(&attempt("correction"), &correction, &policy);
    assert!(codes(&answer).contains("RELATED_STANDS"), "{answer:?}");
    let entries = vec![Entry { reference, amount: Money { minor_units: 37_500, currency: "CNY".to_owned() } }];
    let statement = Statement { period: YEAR, entries };
    let comparison = host.call(|| DirectBilling::compare(statement, START)).expect("compared");
    assert_eq!((comparison.count, comparison.differences.len()), (1, 0));
    // What was answered once is never "never seen".
    let lost =
        host.call(|| <DirectBilling as Claims>::status(attempt("lost"), Some("cigna-cmb:E-1".to_owned()), START));
    assert!(matches!(lost, Err(Error::Unknown(_))), "{lost:?}");
    // Both interfaces keep apart.
    let status = host.call(|| <DirectBilling as Preauthorization>::status(attempt("first"), None, START));
    assert!(matches!(status, Err(Error::Conflict(_))), "{status:?}");
}

#[test]
fn what_our_ledger_names_is_found_though_a_list_lost_it() {
    let mut host = contracted();
    let policy = policy("GOLD", "direct").build();
    let bill = claim("bill").line(LineKind::Service, item("follow-up-visit"), "1", 50_000).build();
    let (reference, _) = decided(&mut host, "claim", &bill, &policy);
    let entry = Entry { reference, amount: Money { minor_units: 37_500, currency: "CNY".to_owned() } };
    let compare = |host: &mut Host, entries: Vec<Entry>| {
        let statement = Statement { period: YEAR, entries };
        let comparison = host.call(|| DirectBilling::compare(statement, START)).expect("compared");
        (comparison.total.minor_units, comparison.differences.len())
    };
    assert_eq!(compare(&mut host, Vec::new()), (37_500, 1));
    // As if another call had written the list at the same time.
    let day = 20_454; // 2026-01-01
    host.call(|| (0..16).for_each(|list| kv::delete(&format!("d/{day}/{list}")).expect("deleted")));
    assert_eq!(compare(&mut host, Vec::new()), (0, 0));
    assert_eq!(compare(&mut host, vec![entry]), (37_500, 0));
}

#[test]
fn nothing_is_decided_that_is_not_stored_and_old_answers_go() {
    let bill = |name: &str| claim(name).line(LineKind::Service, item("follow-up-visit"), "1", 50_000).build();
    let policy = policy("GOLD", "direct").build();
    let mut host = contracted().setting("keep-days", 400);
    host.store_available(false);
    let answer = host.submit::<DirectBilling>(&attempt("claim"), &bill("bill"), &policy);
    assert!(matches!(answer, Err(Error::NotDone(_))), "{answer:?}");
    host.store_available(true);
    for index in 0..40 {
        decided(&mut host, &format!("claim-{index}"), &bill(&format!("bill-{index}")), &policy);
    }
    let full = host.stored();
    for day in [400, 401, 402] {
        let name = format!("later-{day}");
        let mut later = bill(&name);
        later.served_at = START + day * DAY;
        let operation = Operation { key: name, at: later.served_at };
        let answer = host.submit::<DirectBilling>(&operation, &later, &policy);
        assert!(matches!(answer, Ok(Response::Adjudicated(_))), "{answer:?}");
        assert!(day > 400 || host.stored() > full, "nothing goes before its time");
    }
    assert!(host.stored() < 25, "{} keys are left", host.stored());
    // What is gone is not "never seen": it may have been paid.
    let status = host.call(|| <DirectBilling as Claims>::status(attempt("claim-0"), None, START));
    assert!(matches!(status, Err(Error::Unknown(_))), "{status:?}");
    let again = host.submit::<DirectBilling>(&attempt("claim-0"), &bill("bill-0"), &policy);
    assert!(matches!(again, Err(Error::Unknown(_))), "{again:?}");
    let period = xinglin_sdk::insurance::Period { start: START, end: START + DAY };
    let statement = Statement { period, entries: Vec::new() };
    assert!(host.call(|| DirectBilling::compare(statement, START)).is_err());
}

#[test]
fn a_claim_that_makes_no_sense_is_not_done() {
    let mut host = contracted();
    let policy = policy("GOLD", "direct").build();
    let good = claim("bill").line(LineKind::Service, item("follow-up-visit"), "1", 50_000);
    let cases = [
        good.clone().with(|claim| claim.lines.clear()),
        good.clone().prior(Source::BasicFund, 50_001),
        good.clone().prior(Source::BasicFund, -1),
        good.clone().with(|claim| claim.lines[0].gross.minor_units = -1),
        good.clone().with(|claim| claim.lines[0].gross.currency = "USD".to_owned()),
        good.clone().with(|claim| claim.lines.push(claim.lines[0].clone())),
        good.clone().with(|claim| {
            claim.lines[0].gross.minor_units = i64::MAX;
            let second = xinglin_sdk::insurance::ClaimLine { number: 2, ..claim.lines[0].clone() };
            claim.lines.push(second);
        }),
    ];
    for case in cases {
        let claim = case.build();
        let answer = host.submit::<DirectBilling>(&attempt("claim"), &claim, &policy);
        assert!(matches!(answer, Err(Error::NotDone(_))), "{claim:?}: {answer:?}");
    }
    let dollars = good.clone().with(|claim| claim.currency = "USD".to_owned()).build();
    assert!(
        codes(&host.submit::<DirectBilling>(&attempt("dollars"), &dollars, &policy)).contains("CURRENCY_NOT_ACCEPTED")
    );
    decided(&mut host, "claim", &good.build(), &policy);
}
