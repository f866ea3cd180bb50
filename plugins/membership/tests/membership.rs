//! The plugin as the host uses it: quote and cancel.

use membership::Membership;
use proptest::prelude::*;
use scheme::calendar::date;
use xinglin_sdk::{
    insurance::{Allowance, Balance, Draw, Error, Period},
    pricing::{Payee, Price, Priced, Pricing, Progress, Purchase, Refund, Service},
    testing::Host,
    time::{DAY, Instant, MINUTE},
    types::{Coding, Money},
};

const SHIPPED: &str = include_str!("../data/scheme.toml");
/// In the evening of 10 March 2026.
const BOUGHT: Instant = date(2026, 3, 10) + 20 * 60 * MINUTE;
const FIRST_DAY: Instant = date(2026, 3, 10);

fn demo() -> Host {
    Host::of::<Membership>().setting("accept-illustrative", true)
}

fn own(text: &str) -> Host {
    Host::of::<Membership>().setting("scheme", text)
}

fn own_with(before: &str, after: &str) -> String {
    let text = SHIPPED.replace("illustrative = true\n", "");
    assert!(text.contains(before), "{before}");
    text.replacen(before, after, 1)
}

fn service(code: &str, entitlements: Vec<Balance>) -> Service {
    Service {
        code: vec![Coding::new("https://xinglin.dev/catalogue", code)],
        title: None,
        age_years: Some(58),
        diagnoses: Vec::new(),
        severity: None,
        plan: None,
        entitlements,
    }
}

fn quote(host: &mut Host, service: Service, now: Instant) -> Result<Priced, Error> {
    host.call(|| Membership::quote(service, now))
}

fn offered(host: &mut Host, service: Service, now: Instant) -> Price {
    match quote(host, service, now) {
        Ok(Priced::Offered(price)) => price,
        other => panic!("{other:?}"),
    }
}

fn refused(host: &mut Host, service: Service, now: Instant) -> String {
    match quote(host, service, now) {
        Ok(Priced::Refused(reasons)) => reasons[0].code.clone(),
        other => panic!("{other:?}"),
    }
}

/// The package, bought at a moment.
fn package(now: Instant) -> Price {
    offered(&mut demo(), service("family-doctor-year", Vec::new()), now)
}

fn counter(code: &str, used: u32, limit: Option<u32>) -> Balance {
    let period = Period { start: FIRST_DAY, end: date(2027, 3, 10) };
    Balance { code: code.to_owned(), period, used: Allowance::Count(used), limit: limit.map(Allowance::Count) }
}

fn sum(price: &Price) -> i64 {
    price.fees.iter().map(|fee| fee.amount.minor_units).sum()
}

#[test]
fn a_package_is_earned_over_its_days_and_opens_counters() {
    let price = package(BOUGHT);
    let period = Period { start: FIRST_DAY, end: date(2027, 3, 10) };
    let [fee] = &price.fees[..] else { panic!("{price:?}") };
    assert_eq!((fee.amount.minor_units, fee.payee, fee.earned_over), (36_500, Payee::Hospital, Some(period)));
    assert_eq!((period.end - period.start) / DAY, 365);
    let opened: Vec<(&str, Option<u32>)> =
        price.opens.iter().map(|balance| (balance.code.as_str(), balance.count_left())).collect();
    assert_eq!(
        opened,
        [
            ("family-doctor-consultations", None),
            ("family-doctor-videos", Some(12)),
            ("family-doctor-second-opinions", Some(2)),
            ("family-doctor-escorts", Some(1)),
            ("family-doctor-reports", Some(4)),
        ]
    );
    assert!(price.opens.iter().all(|balance| balance.period == period && balance.used == Allowance::Count(0)));
    assert!(price.draws.is_empty());
    assert_eq!(price.list_price.minor_units, 36_500);
}

#[test]
fn packages_by_age() {
    let aged = own_with("months = 12", "age-from = 18\nage-until = 64\nmonths = 12");
    let of = |age_years| Service { age_years, ..service("family-doctor-year", Vec::new()) };
    for (age, is_sold) in [(17, false), (18, true), (64, true), (65, false)] {
        let answer = quote(&mut own(&aged), of(Some(age)), BOUGHT);
        assert_eq!(matches!(answer, Ok(Priced::Offered(_))), is_sold, "{age}: {answer:?}");
    }
    assert_eq!(refused(&mut own(&aged), of(Some(65)), BOUGHT), "PACKAGE_OTHER_AGE");
    assert!(matches!(quote(&mut own(&aged), of(None), BOUGHT), Err(Error::MissingData(_))));
    let never = own_with("months = 12", "age-from = 65\nage-until = 64\nmonths = 12");
    assert!(matches!(quote(&mut own(&never), of(Some(65)), BOUGHT), Err(Error::MissingData(_))));
}

#[test]
fn packages_by_disease_and_one_at_a_time() {
    let with = |code: &str| Service { diagnoses: vec![Coding::icd10(code)], ..service("diabetes-year", Vec::new()) };
    let price = offered(&mut demo(), with("E11.9"), BOUGHT);
    let fees: Vec<(&str, i64)> =
        price.fees.iter().map(|fee| (fee.code.code.as_str(), fee.amount.minor_units)).collect();
    assert_eq!(fees, [("diabetes-year-doctor", 29_200), ("diabetes-year-hospital", 43_800)]);
    assert_eq!(refused(&mut demo(), with("I10"), BOUGHT), "PACKAGE_OTHER_DIAGNOSIS");
    assert_eq!(refused(&mut demo(), service("diabetes-year", Vec::new()), BOUGHT), "PACKAGE_OTHER_DIAGNOSIS");

    let again = |now| {
        quote(&mut demo(), service("family-doctor-year", vec![counter("family-doctor-videos", 12, Some(12))]), now)
    };
    for now in [FIRST_DAY, BOUGHT, date(2027, 3, 10) - 1] {
        assert!(matches!(again(now), Ok(Priced::Refused(reasons)) if reasons[0].code == "PACKAGE_RUNNING"), "{now}");
    }
    assert!(matches!(again(date(2027, 3, 10)), Ok(Priced::Offered(_))), "it has ended");
    // Another package may run beside it.
    let beside = Service { entitlements: vec![counter("family-doctor-videos", 0, Some(12))], ..with("E11.9") };
    assert!(matches!(quote(&mut demo(), beside, BOUGHT), Ok(Priced::Offered(_))));
}

#[test]
fn a_service_is_taken_from_the_package_or_paid() {
    let videos = |used| counter("family-doctor-videos", used, Some(12));
    let last_day = date(2027, 3, 9);
    // Counters, when, price, drawn.
    for (what, counters, now, price, drawn) in [
        ("nothing bought", vec![], BOUGHT, 5_000, false),
        ("the first of twelve, on the first day", vec![videos(0)], FIRST_DAY, 0, true),
        ("the last of twelve, on the last day", vec![videos(11)], last_day + DAY - 1, 0, true),
        ("used up", vec![videos(12)], BOUGHT, 5_000, false),
        ("more than used up", vec![videos(13)], BOUGHT, 5_000, false),
        ("the day before", vec![videos(0)], FIRST_DAY - 1, 5_000, false),
        ("the day after", vec![videos(0)], last_day + DAY, 5_000, false),
        ("a counter of something else", vec![counter("family-doctor-reports", 0, Some(4))], BOUGHT, 5_000, false),
        ("a counter of another plugin", vec![counter("psychotherapy-sessions", 0, Some(4))], BOUGHT, 5_000, false),
        (
            "money instead of times",
            vec![Balance { limit: Some(Allowance::Money(money(1))), ..videos(0) }],
            BOUGHT,
            5_000,
            false,
        ),
    ] {
        let offer = offered(&mut demo(), service("video-consultation", counters), now);
        assert_eq!(sum(&offer), price, "{what}");
        assert!(!offer.fees.is_empty(), "{what}: the bill says what was given");
        assert!(offer.opens.is_empty());
        assert_eq!(offer.list_price.minor_units, 5_000, "{what}: what counts as used");
        let period = counter("", 0, None).period;
        let expected = Draw { code: "family-doctor-videos".to_owned(), period, amount: Allowance::Count(1) };
        assert_eq!(offer.draws, if drawn { vec![expected] } else { vec![] }, "{what}");
    }

    let unbounded = vec![counter("family-doctor-consultations", 1_000, None)];
    assert_eq!(sum(&offered(&mut demo(), service("online-consultation", unbounded), BOUGHT)), 0);

    // Of two counters the one that ends first; one that is used up is passed over.
    let soon = Period { start: FIRST_DAY, end: date(2026, 9, 10) };
    let diabetes = |used| Balance { period: soon, ..counter("diabetes-visits", used, Some(12)) };
    for (counters, code) in [
        (vec![videos(0), diabetes(0)], "diabetes-visits"),
        (vec![diabetes(0), videos(0)], "diabetes-visits"),
        (vec![videos(0), diabetes(12)], "family-doctor-videos"),
    ] {
        let offer = offered(&mut demo(), service("video-consultation", counters), BOUGHT);
        assert_eq!(offer.draws[0].code, code);
    }
}

#[test]
fn what_is_only_in_a_package_is_not_sold_alone() {
    let escort = |used| vec![counter("family-doctor-escorts", used, Some(1))];
    assert_eq!(sum(&offered(&mut demo(), service("hospital-escort", escort(0)), BOUGHT)), 0);
    for (code, counters, expected) in [
        ("hospital-escort", escort(1), "ENTITLEMENT_USED_UP"),
        ("hospital-escort", vec![], "PACKAGE_ONLY"),
        ("surgery", vec![], "SERVICE_NOT_PRICED"),
    ] {
        assert_eq!(refused(&mut demo(), service(code, counters), BOUGHT), expected, "{code}");
    }
    let medicine = Service { code: vec![Coding::atc("A10BA02")], ..service("x", vec![]) };
    assert_eq!(refused(&mut demo(), medicine, BOUGHT), "BUNDLE_DRUG_LINKED");
}

#[test]
fn what_was_bought_stays_what_it_was() {
    let first = own_with("from = 2021-01-01\n", "from = 2026-01-01\n");
    let later = own_with("from = 2021-01-01\n", "from = 2026-06-01\n")
        .replace("services = [\"video-consultation\"]", "services = [\"dietitian\"]")
        .replace("after-start = 0", "after-start = 50");
    let mut host = own(&(first + &later));
    let july = date(2026, 7, 1);
    let old = || vec![counter("family-doctor-videos", 0, Some(12))];
    assert_eq!(sum(&offered(&mut host, service("video-consultation", old()), july)), 0);
    assert_eq!(sum(&offered(&mut host, service("dietitian", old()), july)), 4_000);
    let single = |host: &mut Host, bought_at| {
        let price = offered(host, service("dietitian", vec![]), bought_at);
        let purchase = Purchase { price, bought_at, progress: Progress::Started, used: money(0) };
        returned(&cancel(host, purchase, july).expect("reckoned"))
    };
    assert_eq!(single(&mut host, BOUGHT), 0);
    assert_eq!(single(&mut host, date(2026, 6, 1)), 2_000);
}

#[test]
fn a_list_that_does_not_hold_together_is_refused() {
    for (before, after, hint) in [
        ("code = \"dietitian\"", "code = \"diet\"", "`dietitian` has no list price"),
        ("months = 12", "months = 0", "1 to 120 months"),
        ("count = 12", "count = 0", "a counter of nothing"),
        ("code = \"diabetes-visits\"", "code = \"family-doctor-videos\"", "`family-doctor-videos` is there twice"),
        ("price = 36500", "price = 365.00", "floating"),
        ("split = { doctor = 40, hospital = 60 }", "split = { doctor = 40, hospital = 40 }", "a split does not sum"),
    ] {
        match quote(&mut own(&own_with(before, after)), service("dietitian", vec![]), BOUGHT) {
            Err(Error::MissingData(text)) => assert!(text[1].text.contains(hint), "{text:?} / {hint}"),
            other => panic!("{other:?}"),
        }
    }
    let nothing_set = quote(&mut Host::of::<Membership>(), service("dietitian", vec![]), BOUGHT);
    assert!(matches!(nothing_set, Err(Error::MissingData(_))), "{nothing_set:?}");
}

// --- giving it back --------------------------------------------------------------

fn money(fen: i64) -> Money {
    Money { minor_units: fen, currency: "CNY".to_owned() }
}

fn cancel(host: &mut Host, purchase: Purchase, now: Instant) -> Result<Refund, Error> {
    host.call(|| Membership::cancel(purchase, now))
}

fn returned(refund: &Refund) -> i64 {
    assert!(refund.fees.iter().all(|fee| fee.amount.minor_units > 0), "{refund:?}");
    refund.fees.iter().map(|fee| fee.amount.minor_units).sum()
}

/// What comes back of the package so many days after its first midnight.
fn left(days: i64, used: i64, progress: Progress) -> i64 {
    let purchase = Purchase { price: package(BOUGHT), bought_at: BOUGHT, progress, used: money(used) };
    returned(&cancel(&mut demo(), purchase, FIRST_DAY + days * DAY + 12 * 60 * MINUTE).expect("reckoned"))
}

#[test]
fn the_days_over_or_the_services_used_whichever_is_more() {
    use Progress::{Completed, NotStarted, Started};
    for (days, used, progress, expected) in [
        (90, 10_000, Started, 26_500),
        (90, 9_000, Started, 27_500),
        (90, 8_999, Started, 27_500),
        (90, 0, NotStarted, 27_500),
        (101, 10_000, Started, 26_400),
        // The first day is not over; the last leaves one.
        (0, 0, NotStarted, 36_500),
        (0, 2_500, Started, 34_000),
        (1, 0, NotStarted, 36_400),
        (364, 0, Started, 100),
        (365, 0, Started, 0),
        (400, 0, Started, 0),
        // Never below zero.
        (90, 36_500, Started, 0),
        (90, 50_000, Started, 0),
        (90, 10_000, Completed, 0),
        // Before it begins, by a clock that is wrong.
        (-5, 0, NotStarted, 36_500),
    ] {
        assert_eq!(left(days, used, progress), expected, "day {days}, {used} used, {progress:?}");
    }
}

#[test]
fn a_year_with_a_leap_day_has_366() {
    let bought_at = date(2027, 3, 10);
    let price = package(bought_at);
    assert_eq!(price.fees[0].earned_over, Some(Period { start: bought_at, end: date(2028, 3, 10) }));
    let purchase = Purchase { price, bought_at, progress: Progress::Started, used: money(0) };
    // 36500 · 90 ÷ 366 = 8975.4 are earned.
    let refund = cancel(&mut demo(), purchase, bought_at + 90 * DAY).expect("reckoned");
    assert_eq!(returned(&refund), 27_525);
    // Bought on the leap day, it ends with the last of February.
    let leap = package(date(2028, 2, 29));
    assert_eq!(leap.fees[0].earned_over.map(|period| period.end), Some(date(2029, 3, 1)));
}

#[test]
fn several_payees_return_in_proportion() {
    let price = offered(
        &mut demo(),
        Service { diagnoses: vec![Coding::icd10("E11.9")], ..service("diabetes-year", Vec::new()) },
        BOUGHT,
    );
    let purchase = Purchase { price, bought_at: BOUGHT, progress: Progress::Started, used: money(72_999) };
    let back = |used| {
        let purchase = Purchase { used: money(used), ..purchase.clone() };
        let refund = cancel(&mut demo(), purchase, BOUGHT).expect("reckoned");
        refund.fees.into_iter().map(|fee| (fee.code.code, fee.amount.minor_units)).collect::<Vec<_>>()
    };
    let line = |payee: &str, amount| (format!("diabetes-year-{payee}"), amount);
    assert_eq!(back(0), [line("doctor", 29_200), line("hospital", 43_800)]);
    assert_eq!(back(72_996), [line("doctor", 2), line("hospital", 2)]); // 1.6 and 2.4
    assert_eq!(back(72_999), [line("hospital", 1)]);
    assert_eq!(back(73_000), []);
}

#[test]
fn a_purchase_that_makes_no_sense_is_not_returned() {
    let sound = Purchase { price: package(BOUGHT), bought_at: BOUGHT, progress: Progress::Started, used: money(0) };
    let changed = |change: fn(&mut Purchase)| {
        let mut purchase = sound.clone();
        change(&mut purchase);
        cancel(&mut demo(), purchase, BOUGHT)
    };
    assert!(changed(|_| ()).is_ok());
    for wrong in [
        changed(|purchase| purchase.used.minor_units = -1),
        changed(|purchase| purchase.used.currency = "USD".to_owned()),
        changed(|purchase| purchase.price.fees[0].amount.minor_units = -1),
        changed(|purchase| purchase.price.fees[0].earned_over = Some(Period { start: BOUGHT, end: BOUGHT })),
        changed(|purchase| {
            let mut other = purchase.price.fees[0].clone();
            other.earned_over = Some(Period { start: BOUGHT, end: BOUGHT + DAY });
            purchase.price.fees.push(other);
        }),
    ] {
        assert!(matches!(wrong, Err(Error::Other(_))), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn no_refund_is_above_the_price_or_grows(days in 0..400_i64, later in 0..50_i64, used in 0..60_000_i64) {
        let now = left(days, used, Progress::Started);
        prop_assert!((0..=36_500).contains(&now));
        prop_assert!(left(days + later, used, Progress::Started) <= now);
        prop_assert!(left(days, used + 1_000, Progress::Started) <= now);
    }
}
