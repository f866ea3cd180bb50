//! The plugin as the host uses it: quote and cancel.

use platform_fee::PlatformFee;
use xinglin_sdk::{
    insurance::Error,
    pricing::{Payee, Price, Priced, Pricing, Progress, Purchase, Service},
    testing::{Host, START},
    time::DAY,
    types::{Coding, Money},
};

const SHIPPED: &str = include_str!("../data/scheme.toml");

fn demo() -> Host {
    Host::of::<PlatformFee>().setting("accept-illustrative", true)
}

fn own(before: &str, after: &str) -> Host {
    let text = SHIPPED.replace("illustrative = true\n", "");
    assert!(text.contains(before), "{before}");
    Host::of::<PlatformFee>().setting("scheme", text.replacen(before, after, 1))
}

fn quote(host: &mut Host, code: Coding, title: Option<&str>) -> Result<Priced, Error> {
    let service = Service {
        code: vec![code],
        title: title.map(str::to_owned),
        age_years: Some(58),
        diagnoses: Vec::new(),
        severity: None,
        plan: None,
        entitlements: Vec::new(),
    };
    host.call(|| PlatformFee::quote(service, START))
}

fn offered(host: &mut Host, code: &str, title: Option<&str>) -> Price {
    match quote(host, Coding::new("https://xinglin.dev/catalogue", code), title) {
        Ok(Priced::Offered(price)) => price,
        other => panic!("{other:?}"),
    }
}

fn fees(price: &Price) -> Vec<(&str, Payee, i64)> {
    price.fees.iter().map(|fee| (fee.code.code.as_str(), fee.payee, fee.amount.minor_units)).collect()
}

#[test]
fn the_fee_is_the_doctors_and_the_platform_has_a_line_of_its_own() {
    for (code, title, doctor, platform) in [
        ("online-consultation", "associate-senior", 10_000, 1_000),
        // Never below 600, never above 2000.
        ("online-consultation", "junior", 3_000, 600),
        ("online-consultation", "middle", 5_000, 600),
        ("online-consultation", "senior", 30_000, 2_000),
        ("video-consultation", "associate-senior", 15_000, 1_500),
        ("video-consultation", "senior", 50_000, 2_000),
    ] {
        let price = offered(&mut demo(), code, Some(title));
        let expected = [(code, Payee::Doctor, doctor), ("platform-fee", Payee::Platform, platform)];
        assert_eq!(fees(&price), expected, "{title}");
    }
    for (before, after, platform) in [
        ("percent = 10", "percent = 0", 600),
        ("percent = 10", "percent = 20", 2_000),
        ("percent = 10", "percent = \"12.5\"", 1_250),
        ("minimum = 600", "minimum = 2000", 2_000),
    ] {
        let price = offered(&mut own(before, after), "online-consultation", Some("associate-senior"));
        assert_eq!(fees(&price)[1], ("platform-fee", Payee::Platform, platform), "{after}");
    }
}

#[test]
fn a_tenant_divides_the_doctors_fee() {
    for (split, fee, expected) in [
        ("{ doctor = 70, hospital = 30 }", 10_000, [7_000, 3_000]),
        ("{ doctor = \"66.67\", hospital = \"33.33\" }", 10_001, [6_668, 3_333]),
        ("{ doctor = 50, hospital = 50 }", 10_001, [5_001, 5_000]),
    ] {
        let mut host = own("split = { doctor = 100 }", &format!("split = {split}"));
        if fee != 10_000 {
            let text = SHIPPED
                .replace("illustrative = true\n", "")
                .replace("split = { doctor = 100 }", &format!("split = {split}"));
            host = Host::of::<PlatformFee>()
                .setting("scheme", text.replace("associate-senior = 10000", &format!("associate-senior = {fee}")));
        }
        let price = offered(&mut host, "online-consultation", Some("associate-senior"));
        assert_eq!(
            fees(&price)[..2],
            [
                ("online-consultation-doctor", Payee::Doctor, expected[0]),
                ("online-consultation-hospital", Payee::Hospital, expected[1]),
            ],
            "{split}"
        );
    }
}

#[test]
fn a_regulated_price_stands_alone_whatever_the_title() {
    for title in [None, Some("senior")] {
        let price = offered(&mut demo(), "follow-up-visit", title);
        // The code is that of the catalogue, so that insurance knows the line.
        assert_eq!(fees(&price), [("follow-up-visit", Payee::Hospital, 2_000)]);
    }
}

#[test]
fn what_is_not_on_the_list() {
    let catalogue = |code| Coding::new("https://xinglin.dev/catalogue", code);
    let code = |answer| match answer {
        Ok(Priced::Refused(reasons)) => reasons.into_iter().next().map(|reason| reason.code),
        other => panic!("{other:?}"),
    };
    let mut host = demo();
    let refused = |code: &str| Some(code.to_owned());
    assert_eq!(code(quote(&mut host, catalogue("surgery"), Some("senior"))), refused("SERVICE_NOT_PRICED"));
    let elsewhere = Coding::new("urn:other", "online-consultation");
    assert_eq!(code(quote(&mut host, elsewhere, Some("senior"))), refused("SERVICE_NOT_PRICED"));
    assert_eq!(code(quote(&mut host, catalogue("video-consultation"), Some("junior"))), refused("TITLE_NOT_PRICED"));
    assert_eq!(code(quote(&mut host, Coding::atc("A10BA02"), Some("senior"))), refused("BUNDLE_DRUG_LINKED"));
    let no_title = quote(&mut host, catalogue("online-consultation"), None);
    assert!(matches!(no_title, Err(Error::MissingData(_))), "{no_title:?}");
    let nothing_set = quote(&mut Host::of::<PlatformFee>(), catalogue("follow-up-visit"), None);
    assert!(matches!(nothing_set, Err(Error::MissingData(_))), "{nothing_set:?}");
}

#[test]
fn a_scheme_that_does_not_hold_together_is_refused() {
    for (before, after, hint) in [
        ("minimum = 600", "minimum = 2001", "the minimum of the platform's fee is above its maximum"),
        ("junior = 3000", "nurse = 3000", "there is no title `nurse`"),
        ("fee = { any = 2000 }", "fee = {}", "`follow-up-visit` has no fee"),
        ("split = { hospital = 100 }", "split = { hospital = 99 }", "a split does not sum to 100 %"),
        ("code = \"video-consultation\"", "code = \"platform-fee\"", "`platform-fee` is there twice"),
    ] {
        match quote(&mut own(before, after), Coding::new("https://xinglin.dev/catalogue", "follow-up-visit"), None) {
            Err(Error::MissingData(text)) => assert!(text[1].text.contains(hint), "{text:?} / {hint}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn both_are_returned_until_the_doctor_replies_and_neither_after_completion() {
    let price = offered(&mut demo(), "online-consultation", Some("associate-senior"));
    let cancel = |host: &mut Host, progress| {
        let used = Money { minor_units: 0, currency: "CNY".to_owned() };
        let purchase = Purchase { price: price.clone(), bought_at: START, progress, used };
        let refund = host.call(|| PlatformFee::cancel(purchase, START + DAY)).expect("reckoned");
        refund.fees.into_iter().map(|fee| (fee.code.code, fee.amount.minor_units)).collect::<Vec<_>>()
    };
    let both =
        |doctor, platform| vec![("online-consultation".to_owned(), doctor), ("platform-fee".to_owned(), platform)];
    assert_eq!(cancel(&mut demo(), Progress::NotStarted), both(10_000, 1_000));
    assert_eq!(cancel(&mut demo(), Progress::Started), []);
    assert_eq!(cancel(&mut demo(), Progress::Completed), []);
    let half = || own("after-start = 0", "after-start = 50");
    assert_eq!(cancel(&mut half(), Progress::Started), both(5_000, 500));
    assert_eq!(cancel(&mut half(), Progress::Completed), [], "whatever a tenant sets");
}
