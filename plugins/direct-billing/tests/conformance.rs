//! The suite of every insurer, for the six profiles; and insurers that break one rule each.

use direct_billing::{
    DirectBilling,
    profile::{self, Profile},
    terms::{Contract, Selector},
};
use xinglin_sdk::{
    insurance::{
        Allowance, Claim, Error, LineKind, Operation, Period, Policy, Refusal,
        claims::{Claims, Objection, Predetermined, Response},
        eligibility::{Eligibility, Standing},
        preauthorization::{Decision, Preauthorization},
        reconciliation::{Comparison, Reconciliation, Remittance, Statement},
    },
    kv,
    testing::{
        Host, PolicyBuilder, START,
        conformance::{self, Insured, Insurer},
    },
    time::{DAY, Instant},
    types::{Citation, Coding, zh_en},
};

/// A patient of this insurer, by the terms of its profile.
fn insured(profile: &'static Profile) -> Insured {
    let host = Host::of::<DirectBilling>()
        .setting("accept-illustrative", true)
        .setting(&format!("terms.{}", profile.id), "remit-days=1");
    host.clone().call(|| {
        let contract = Contract::of(profile).expect("a contract");
        let plan = contract.terms("").expect("terms").plans[0].to_owned();
        let terms = contract.terms(&plan).expect("terms");
        let by_share = |most: bool| {
            let mut tiers = terms.networks.clone();
            tiers.sort_by_key(|(_, share)| *share);
            if most { tiers.pop() } else { tiers.into_iter().next() }
        };
        let tier = |most| by_share(most).map(|(tier, _)| tier);
        let policy = PolicyBuilder::new("a member", profile.plan(&plan)).with(|policy| {
            policy.valid_from = Some(START - 400 * DAY);
            policy.network = tier(true);
        });
        let better = policy.clone().with(|policy| policy.network = tier(false)).build();
        let mental = Coding::icd10("F32.1");
        let excludes_mental = terms.excluded.iter().any(|selector| selector.names_diagnosis(&mental.code));
        let mut waiting = vec![(terms.waiting_days, Coding::icd10("E11.9"))];
        if !excludes_mental {
            waiting.push((terms.mental_waiting_days, mental.clone()));
        }
        waiting.retain(|(days, _)| *days > 0);
        let kinds = [LineKind::Service, LineKind::Medicine, LineKind::Material, LineKind::Other];
        let excluded = kinds.into_iter().find(|kind| terms.excluded.contains(&Selector::Kind(*kind as u8)));
        Insured {
            policy: policy.build(),
            better: Some(better),
            diagnosis: Coding::icd10("E11.9"),
            service: (
                Coding::new("https://xinglin.dev/catalogue", "follow-up-visit"),
                terms.preauthorization_above.expect("a threshold") / 3,
            ),
            excluded_item: excluded
                .map(|kind| (kind, Coding::new("https://xinglin.dev/catalogue", "glucose-test-strips-50"))),
            excluded_diagnosis: excludes_mental.then_some(mental),
            waiting,
            threshold: terms.preauthorization_above,
            documents: terms.documents.clone(),
            claim_documents: terms.claim_documents.clone(),
            visit_limit: terms.visit_limit,
            annual_limit: terms.annual_limit.map(|_| "annual-limit"),
            remits: true,
            host,
        }
    })
}

#[test]
fn the_six_insurers_keep_every_rule() {
    assert_eq!(profile::ALL.len(), 6);
    for profile in profile::ALL {
        let failures = conformance::check::<DirectBilling>(&insured(profile));
        assert!(failures.is_empty(), "{}: {failures:#?}", profile.id);
    }
}

/// Ways to be wrong.
const A_FEN_TOO_MUCH: u8 = 0;
const A_NEW_DECISION_EACH_TIME: u8 = 1;
const THE_FIRST_ANSWER_FOR_WHATEVER_COMES: u8 = 2;
const NEVER_SEEN_IS_REFUSED: u8 = 3;
const THE_LAST_DAY_ENDS_AT_MIDNIGHT_BEFORE: u8 = 4;
const ANOTHER_CANCELLATION_EACH_TIME: u8 = 5;
const EVERYBODY_IS_IN_THE_NETWORK: u8 = 6;
const BALANCES_ARE_NOT_READ: u8 = 7;
const WHAT_ONLY_WE_HAVE_IS_NO_DIFFERENCE: u8 = 8;
const ONE_TRACE_FOR_ALL: u8 = 9;
const COVERED_FROM_THE_FIRST_DAY: u8 = 10;
const OBJECTIONS_ARE_NOT_READ: u8 = 11;

/// The plugin, wrong in one way.
struct Wrong<const HOW: u8>;

impl<const HOW: u8> Wrong<HOW> {
    fn policy(mut policy: Policy, served_at: Instant) -> Policy {
        match HOW {
            THE_LAST_DAY_ENDS_AT_MIDNIGHT_BEFORE => policy.valid_until = policy.valid_until.map(|last| last - DAY),
            EVERYBODY_IS_IN_THE_NETWORK => {
                policy.network.get_or_insert_with(|| "direct".to_owned());
            }
            COVERED_FROM_THE_FIRST_DAY if policy.valid_from.is_some_and(|since| since <= served_at) => {
                policy.valid_from = policy.valid_from.map(|since| since - 400 * DAY);
            }
            _ => {}
        }
        policy
    }

    /// For a decision about amounts.
    fn figures(policy: Policy, served_at: Instant) -> Policy {
        let mut policy = Self::policy(policy, served_at);
        if HOW == BALANCES_ARE_NOT_READ {
            for balance in &mut policy.balances {
                match &mut balance.used {
                    Allowance::Money(used) => used.minor_units = 0,
                    Allowance::Count(used) => *used = 0,
                }
            }
        }
        policy
    }

    fn is_second(what: &str) -> bool {
        let key = format!("wrong/{what}");
        let is_second = kv::get(&key).expect("a store").is_some();
        kv::set(&key, b"seen").expect("a store");
        is_second
    }
}

impl<const HOW: u8> Eligibility for Wrong<HOW> {
    fn check(claim: Claim, policy: Policy, now: Instant) -> Result<Standing, Error> {
        let served_at = claim.served_at;
        DirectBilling::check(claim, Self::policy(policy, served_at), now)
    }
}

impl<const HOW: u8> Preauthorization for Wrong<HOW> {
    fn submit(operation: Operation, claim: Claim, policy: Policy) -> Result<Decision, Error> {
        let served_at = claim.served_at;
        <DirectBilling as Preauthorization>::submit(operation, claim, Self::policy(policy, served_at))
    }

    fn status(operation: Operation, reference: Option<String>, now: Instant) -> Result<Option<Decision>, Error> {
        <DirectBilling as Preauthorization>::status(operation, reference, now)
    }

    fn cancel(operation: Operation, reference: String, policy: Policy) -> Result<Decision, Error> {
        <DirectBilling as Preauthorization>::cancel(operation, reference, policy)
    }
}

impl<const HOW: u8> Claims for Wrong<HOW> {
    fn predetermine(claim: Claim, policy: Policy, now: Instant) -> Result<Predetermined, Error> {
        let served_at = claim.served_at;
        DirectBilling::predetermine(claim, Self::figures(policy, served_at), now)
    }

    fn submit(operation: Operation, claim: Claim, policy: Policy) -> Result<Response, Error> {
        let (key, served_at) = (operation.key.clone(), claim.served_at);
        let is_odd = claim.lines.len() > 2;
        let mut answer = <DirectBilling as Claims>::submit(operation.clone(), claim, Self::figures(policy, served_at));
        if let Ok(Response::Adjudicated(eob)) = &mut answer {
            if HOW == A_FEN_TOO_MUCH && is_odd {
                eob.adjudication.lines[0].benefit.minor_units += 1;
            }
            if HOW == A_NEW_DECISION_EACH_TIME && Self::is_second(&key) {
                eob.reference.push_str("-2");
            }
        }
        match answer {
            Err(Error::Conflict(_)) if HOW == THE_FIRST_ANSWER_FOR_WHATEVER_COMES => {
                <DirectBilling as Claims>::status(operation.clone(), None, operation.at)
                    .map(|first| first.expect("an answer"))
            }
            answer => answer,
        }
    }

    fn status(operation: Operation, reference: Option<String>, now: Instant) -> Result<Option<Response>, Error> {
        match <DirectBilling as Claims>::status(operation, reference, now)? {
            None if HOW == NEVER_SEEN_IS_REFUSED => Ok(Some(Response::Refused(vec![Refusal {
                code: "CLAIM_UNKNOWN".to_owned(),
                message: zh_en("没有这笔理赔。", "There is no such claim."),
                citation: Citation::new("none", 2026),
            }]))),
            status => Ok(status),
        }
    }

    fn cancel(operation: Operation, reference: String, policy: Policy) -> Result<Response, Error> {
        let is_again = operation.key.ends_with("-again");
        let mut answer = <DirectBilling as Claims>::cancel(operation, reference, policy);
        if let Ok(Response::Cancelled(cancellation)) = &mut answer
            && HOW == ANOTHER_CANCELLATION_EACH_TIME
            && is_again
        {
            cancellation.reference.push_str("-2");
        }
        answer
    }

    fn appeal(operation: Operation, objection: Objection, policy: Policy) -> Result<Response, Error> {
        if HOW == OBJECTIONS_ARE_NOT_READ {
            let (key, now) = ("claim".to_owned(), operation.at);
            return <DirectBilling as Claims>::status(Operation { key, ..operation }, None, now)
                .map(|former| former.expect("a decision"));
        }
        DirectBilling::appeal(operation, objection, policy)
    }
}

impl<const HOW: u8> Reconciliation for Wrong<HOW> {
    fn compare(statement: Statement, now: Instant) -> Result<Comparison, Error> {
        let mut comparison = DirectBilling::compare(statement, now)?;
        if HOW == WHAT_ONLY_WE_HAVE_IS_NO_DIFFERENCE {
            comparison.differences.retain(|difference| difference.payer.is_some());
        }
        Ok(comparison)
    }

    fn remittances(period: Period, now: Instant) -> Result<Vec<Remittance>, Error> {
        let mut remittances = DirectBilling::remittances(period, now)?;
        if HOW == ONE_TRACE_FOR_ALL {
            for remittance in &mut remittances {
                remittance.trace = "2026".to_owned();
            }
        }
        Ok(remittances)
    }
}

#[test]
fn a_wrong_insurer_breaks_the_rule_that_it_breaks() {
    fn broken<P: Insurer>() -> Vec<&'static str> {
        let insured = insured(profile::find("medilink-global").expect("an insurer"));
        conformance::check::<P>(&insured).into_iter().map(|failure| failure.rule).collect()
    }
    for (broken, rules) in [
        (broken::<Wrong<{ u8::MAX }>>(), &[][..]),
        (broken::<Wrong<A_FEN_TOO_MUCH>>(), &["lines"]),
        (broken::<Wrong<A_NEW_DECISION_EACH_TIME>>(), &["replay"]),
        (broken::<Wrong<THE_FIRST_ANSWER_FOR_WHATEVER_COMES>>(), &["conflict"]),
        (broken::<Wrong<NEVER_SEEN_IS_REFUSED>>(), &["never seen"]),
        (broken::<Wrong<THE_LAST_DAY_ENDS_AT_MIDNIGHT_BEFORE>>(), &["in force"]),
        (broken::<Wrong<ANOTHER_CANCELLATION_EACH_TIME>>(), &["cancel"]),
        (broken::<Wrong<EVERYBODY_IS_IN_THE_NETWORK>>(), &["network"]),
        (broken::<Wrong<BALANCES_ARE_NOT_READ>>(), &["limits"]),
        (broken::<Wrong<WHAT_ONLY_WE_HAVE_IS_NO_DIFFERENCE>>(), &["books"]),
        (broken::<Wrong<ONE_TRACE_FOR_ALL>>(), &["remittances"]),
        (broken::<Wrong<COVERED_FROM_THE_FIRST_DAY>>(), &["waiting period"]),
        (broken::<Wrong<OBJECTIONS_ARE_NOT_READ>>(), &["appeal"]),
    ] {
        assert_eq!(broken, rules);
    }
}
