//! The plugin as the host uses it: quote and cancel.

use bundle::Bundle;
use xinglin_sdk::{
    insurance::Error,
    pricing::{Due, Payee, Price, Priced, Pricing, Progress, Purchase, Service},
    testing::{Host, START},
    time::DAY,
    types::{Coding, Money},
};

const SHIPPED: &str = include_str!("../data/scheme.toml");

fn demo() -> Host {
    Host::of::<Bundle>().setting("accept-illustrative", true)
}

fn own(before: &str, after: &str) -> Host {
    let text = SHIPPED.replace("illustrative = true\n", "");
    assert!(text.contains(before), "{before}");
    Host::of::<Bundle>().setting("scheme", text.replacen(before, after, 1))
}

fn service(diagnoses: &[&str], severity: &str, plan: &str) -> Service {
    Service {
        code: vec![Coding::new("https://xinglin.dev/catalogue", "bundle")],
        title: None,
        age_years: Some(58),
        diagnoses: diagnoses.iter().map(|code| Coding::icd10(*code)).collect(),
        severity: Some(Coding::new("https://xinglin.dev/bundle/severity", severity)),
        plan: Some(Coding::new("https://xinglin.dev/bundle/plan", plan)),
        entitlements: Vec::new(),
    }
}

fn severe() -> Service {
    service(&["E11.9"], "severe", "intensive")
}

fn quote(host: &mut Host, service: Service) -> Result<Priced, Error> {
    host.call(|| Bundle::quote(service, START))
}

fn offered(host: &mut Host, service: Service) -> Price {
    match quote(host, service) {
        Ok(Priced::Offered(price)) => price,
        other => panic!("{other:?}"),
    }
}

fn fees(price: &Price) -> Vec<(&str, Payee, i64, Due)> {
    price.fees.iter().map(|fee| (fee.code.code.as_str(), fee.payee, fee.amount.minor_units, fee.due)).collect()
}

#[test]
fn half_at_the_start_and_half_if_the_tasks_are_done() {
    let price = offered(&mut demo(), severe());
    assert_eq!(
        fees(&price),
        [
            ("diabetes-severe-intensive-start", Payee::Doctor, 21_000, Due::AtStart),
            ("diabetes-severe-intensive-completion", Payee::Doctor, 21_000, Due::AtCompletion(800)),
        ]
    );
    assert!(price.draws.is_empty() && price.opens.is_empty());
    assert_eq!(price.expires, START + DAY);
    assert!(price.citation.title.contains("illustrative"), "{}", price.citation);
}

#[test]
fn diagnosis_group_severity_and_plan_are_the_key() {
    for (diagnoses, severity, plan, total) in [
        (&["E11.9"][..], "mild", "standard", Some(25_500)),
        (&["E10.2"], "moderate", "standard", Some(30_000)),
        (&["I10"], "mild", "standard", Some(21_000)),
        (&["B20"], "moderate", "standard", Some(37_500)),
        // The main diagnosis comes first.
        (&["I10", "E11.9"], "mild", "standard", Some(21_000)),
        (&["E11.9", "I10"], "mild", "standard", Some(25_500)),
        (&["J45", "E11.9"], "mild", "standard", Some(25_500)),
        (&["E11.9"], "mild", "intensive", None),
        (&["I10"], "severe", "intensive", None),
        (&["J45"], "mild", "standard", None),
    ] {
        let answer = quote(&mut demo(), service(diagnoses, severity, plan));
        let found = match answer {
            Ok(Priced::Offered(price)) => Some(price.fees.iter().map(|fee| fee.amount.minor_units).sum::<i64>()),
            Ok(Priced::Refused(reasons)) => {
                assert_eq!(reasons[0].code, "BUNDLE_NOT_PRICED");
                None
            }
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!(found, total, "{diagnoses:?} {severity} {plan}");
    }
    // A code of another system only looks alike.
    let other = Service { severity: Some(Coding::new("urn:other", "severe")), ..severe() };
    assert!(matches!(quote(&mut demo(), other), Ok(Priced::Refused(_))));
    let unknown = Service { code: vec![Coding::new("https://xinglin.dev/catalogue", "follow-up-visit")], ..severe() };
    assert!(
        matches!(quote(&mut demo(), unknown), Ok(Priced::Refused(reasons)) if reasons[0].code == "SERVICE_NOT_PRICED")
    );
    for incomplete in [
        Service { severity: None, ..severe() },
        Service { plan: None, ..severe() },
        Service { diagnoses: Vec::new(), ..severe() },
    ] {
        assert!(matches!(quote(&mut demo(), incomplete), Err(Error::MissingData(_))));
    }
}

#[test]
fn a_medicine_is_no_part_of_the_question() {
    for medicine in [
        Coding::atc("A10BA02"),
        Coding::rxnorm("6809"),
        Coding::new("https://www.whocc.no/atc/", "A10BA02"),
        Coding::new("urn:oid:2.16.840.1.113883.6.73", "A10BA02"),
        Coding::new("urn:own", "XA10BAE058A001010100483"),
        Coding::new("urn:own", "ZA12HAY0012010304785"),
        Coding::new("urn:own", "T001200323"),
    ] {
        for asked in [
            Service { code: [severe().code, vec![medicine.clone()]].concat(), ..severe() },
            Service { severity: Some(medicine.clone()), ..severe() },
            Service { plan: Some(medicine.clone()), ..severe() },
            Service { diagnoses: vec![Coding::icd10("E11.9"), medicine.clone()], ..severe() },
        ] {
            match quote(&mut demo(), asked) {
                Ok(Priced::Refused(reasons)) => {
                    assert_eq!(reasons[0].code, "BUNDLE_DRUG_LINKED");
                    assert!(reasons[0].citation.title.contains("互联网诊疗监管细则"), "{}", reasons[0].citation);
                }
                other => panic!("{medicine:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_scheme_cannot_be_written_by_medicines() {
    for (before, after, hint) in [
        ("plan = \"https://xinglin.dev/bundle/plan\"", "plan = \"http://www.whocc.no/atc\"", "BUNDLE_DRUG_LINKED"),
        ("weight = \"1.40\"", "weight = \"1.40\"\ndrug-amount = 100", "unknown field `drug-amount`"),
        ("code = \"diabetes-severe-intensive\"", "code = \"diabetes-mild-standard\"", "is there twice"),
        ("severity = \"severe\"\nplan = \"intensive\"", "severity = \"mild\"\nplan = \"standard\"", "is there twice"),
        ("code = \"hiv-moderate-standard\"", "code = \"XA10BAE058A001010100483\"", "BUNDLE_DRUG_LINKED"),
        ("group = \"hiv\"", "group = \"aids\"", "there is no group `aids`"),
        ("split = { doctor = 100 }", "split = { doctor = 90 }", "a split does not sum to 100 %"),
    ] {
        match quote(&mut own(before, after), severe()) {
            Err(Error::MissingData(text)) => assert!(text[1].text.contains(hint), "{text:?} / {hint}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(quote(&mut Host::of::<Bundle>(), severe()), Err(Error::MissingData(_))));
}

#[test]
fn parts_sum_to_the_price_whoever_has_them() {
    for (before, after, expected) in [
        ("base = 30000", "base = 30001", vec![("start", 21_001), ("completion", 21_000)]), // 42001.4
        ("at-start = 50", "at-start = 100", vec![("start", 42_000)]),
        ("at-start = 50", "at-start = 0", vec![("completion", 42_000)]),
        ("at-start = 50", "at-start = \"33.33\"", vec![("start", 13_999), ("completion", 28_001)]), // 13998.6
        (
            "split = { doctor = 100 }",
            "split = { doctor = 70, hospital = 30 }",
            vec![
                ("start-doctor", 14_700),
                ("start-hospital", 6_300),
                ("completion-doctor", 14_700),
                ("completion-hospital", 6_300),
            ],
        ),
    ] {
        let price = offered(&mut own(before, after), severe());
        let expected: Vec<_> =
            expected.into_iter().map(|(code, amount)| (format!("diabetes-severe-intensive-{code}"), amount)).collect();
        let found: Vec<_> = price.fees.iter().map(|fee| (fee.code.code.clone(), fee.amount.minor_units)).collect();
        assert_eq!(found, expected, "{after}");
        assert!(!price.citation.title.contains("illustrative"), "it is the tenant's");
    }
}

#[test]
fn the_start_is_returned_until_it_has_begun() {
    let price = offered(&mut demo(), severe());
    let cancel = |host: &mut Host, progress| {
        let used = Money { minor_units: 0, currency: "CNY".to_owned() };
        let purchase = Purchase { price: price.clone(), bought_at: START, progress, used };
        let refund = host.call(|| Bundle::cancel(purchase, START + 30 * DAY)).expect("reckoned");
        refund.fees.into_iter().map(|fee| (fee.code.code, fee.amount.minor_units)).collect::<Vec<_>>()
    };
    // What is due at completion was not paid.
    let start = |amount| vec![("diabetes-severe-intensive-start".to_owned(), amount)];
    assert_eq!(cancel(&mut demo(), Progress::NotStarted), start(21_000));
    assert_eq!(cancel(&mut demo(), Progress::Started), []);
    assert_eq!(cancel(&mut demo(), Progress::Completed), []);
    assert_eq!(cancel(&mut own("after-start = 0", "after-start = \"33.33\""), Progress::Started), start(6_999));
}
