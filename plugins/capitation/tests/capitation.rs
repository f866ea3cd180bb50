//! The plugin as the host uses it: enrol, accrue, consume, score, close.

use capitation::PerHead;
use proptest::prelude::*;
use scheme::calendar::{date, plus_months};
use xinglin_sdk::{
    capitation::{
        Account, Budget, Capitation, Choice, Closing, Consumption, Enrolled, Enrolment, Indicator, MemberMonths,
        Membership, Place, Quality,
    },
    insurance::{Error, Period},
    testing::{Host, YEAR},
    time::{DAY, Instant, MINUTE},
    types::{Coding, Decimal, LocalizedText, Money},
};

const SHIPPED: &str = include_str!("../data/scheme.toml");
const HOUR: Instant = 60 * MINUTE;

/// In a demonstration.
fn demo() -> Host {
    Host::of::<PerHead>().setting("accept-illustrative", true)
}

/// With figures of the tenant's own.
fn own(text: &str) -> Host {
    Host::of::<PerHead>().setting("scheme", text)
}

fn money(fen: i64) -> Money {
    Money { minor_units: fen, currency: "CNY".to_owned() }
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn class(code: &str) -> Coding {
    Coding::new("https://xinglin.dev/capitation/risk-class", code)
}

fn months(list: &[(&str, u32)]) -> Vec<MemberMonths> {
    list.iter().map(|(code, months)| MemberMonths { risk_class: class(code), months: *months }).collect()
}

fn year(first: u16) -> Period {
    Period { start: date(first, 1, 1), end: date(first + 1, 1, 1) }
}

fn accrue(host: &mut Host, year: Period, list: &[(&str, u32)]) -> Result<Budget, Error> {
    host.call(|| PerHead::accrue(year, months(list)))
}

/// Budget and prepayment.
fn budget(host: &mut Host, list: &[(&str, u32)]) -> (i64, i64) {
    let budget = accrue(host, YEAR, list).unwrap_or_else(|error| panic!("{error:?}"));
    (budget.amount.minor_units, budget.prepayment.minor_units)
}

fn score(host: &mut Host, counted: &[(&str, u32, u32)]) -> Result<Quality, Error> {
    let indicators = counted.iter().map(|(code, numerator, denominator)| Indicator {
        code: (*code).to_owned(),
        numerator: *numerator,
        denominator: *denominator,
    });
    let indicators = indicators.collect();
    host.call(|| PerHead::score(YEAR, indicators))
}

fn close(host: &mut Host, budget: i64, prepaid: i64, used: i64, quality: &str) -> Result<Closing, Error> {
    let account = Account {
        year: YEAR,
        budget: money(budget),
        prepaid: money(prepaid),
        used: money(used),
        quality: decimal(quality),
    };
    let answer = host.call(|| PerHead::close(account));
    if let Ok(closing) = &answer {
        holds(closing, budget, prepaid, used);
    }
    answer
}

/// What the contract promises of a closing.
#[track_caller]
fn holds(closing: &Closing, budget: i64, prepaid: i64, used: i64) {
    let Closing { kept, returned, fund_bears, provider_bears, payable, shares, .. } = closing;
    let [kept, returned, fund, provider, payable] =
        [kept, returned, fund_bears, provider_bears, payable].map(|money| money.minor_units);
    assert!([kept, returned, fund, provider].iter().all(|amount| *amount >= 0), "{closing:?}");
    assert_eq!(kept + returned, (budget - used).max(0));
    assert_eq!(fund + provider, (used - budget).max(0));
    assert_eq!(payable, used + kept - provider - prepaid);
    assert_eq!(shares.iter().map(|share| share.code.as_str()).collect::<Vec<_>>(), ["lead", "partners", "team"]);
    assert_eq!(shares.iter().map(|share| share.amount.minor_units).sum::<i64>(), kept);
}

/// Kept, returned, borne by the fund, by the provider, payable.
fn figures(closing: &Closing) -> [i64; 5] {
    let Closing { kept, returned, fund_bears, provider_bears, payable, .. } = closing;
    [kept, returned, fund_bears, provider_bears, payable].map(|money| money.minor_units)
}

fn said(text: &LocalizedText) -> &str {
    text.iter().find(|translation| translation.language == "en").map_or("", |translation| &translation.text)
}

/// The text of `missing-data`.
#[track_caller]
fn missing<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::MissingData(text)) => said(&text).to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_worked_example_to_the_fen() {
    let mut host = demo();
    assert_eq!(budget(&mut host, &[("low", 690), ("medium", 360), ("high", 120)]), (60_000_000, 54_000_000));

    let measured = [
        ("management-rate", 100, 100),
        ("hba1c-tested", 100, 100),
        ("hba1c-controlled", 80, 100),
        ("complication-screening", 70, 100),
        ("avoidable-admission", 0, 100),
        ("satisfaction", 70, 100),
    ];
    let quality = score(&mut host, &measured).expect("scored");
    let points: Vec<String> = quality.points.iter().map(|points| points.points.to_string()).collect();
    assert_eq!(points, ["20", "15", "20", "14", "10", "7"]);
    assert_eq!(quality.total, decimal("86"));

    let closing = close(&mut host, 60_000_000, 54_000_000, 54_600_000, "86").expect("closed");
    assert_eq!(figures(&closing), [4_860_000, 540_000, 0, 0, 5_460_000]);
    let shares: Vec<i64> = closing.shares.iter().map(|share| share.amount.minor_units).collect();
    assert_eq!(shares, [2_916_000, 1_215_000, 729_000]);

    let overrun = close(&mut host, 60_000_000, 54_000_000, 66_000_000, "86").expect("closed");
    assert_eq!(figures(&overrun), [0, 0, 1_500_000, 4_500_000, 7_500_000]);
}

// --- members -------------------------------------------------------------------

fn enrolment(chosen_at: Instant) -> Enrolment {
    Enrolment {
        member: "member-1".to_owned(),
        choice: Choice::Join,
        lead: "lead-a".to_owned(),
        partners: vec!["partner-1".to_owned(), "partner-2".to_owned()],
        chosen_at,
        diagnoses: vec![Coding::icd10("E11.9")],
        age_years: Some(58),
        current: None,
    }
}

fn with_lead(lead: &str, since: Instant) -> Option<Membership> {
    Some(Membership { lead: lead.to_owned(), since })
}

fn enrol(host: &mut Host, enrolment: Enrolment, now: Instant) -> Result<Enrolled, Error> {
    host.call(|| PerHead::enrol(enrolment, now))
}

/// When a member begins to count, or the codes of the refusals.
fn outcome(answer: Result<Enrolled, Error>) -> Result<Instant, Vec<String>> {
    match answer {
        Ok(Enrolled::Accepted(acceptance)) => Ok(acceptance.accrues_from),
        Ok(Enrolled::Refused(refusals)) => Err(refusals.into_iter().map(|refusal| refusal.code).collect()),
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn a_member_counts_from_the_next_month_on() {
    let utc = |day: Instant, hour: Instant| day * DAY + hour * HOUR;
    let january_31 = 20_484; // days since 1970
    assert_eq!(utc(january_31, -8), date(2026, 1, 31));
    let cases = [
        ("in the middle of a month", date(2026, 1, 15) + 10 * HOUR, date(2026, 2, 1)),
        ("as it begins", date(2026, 1, 1), date(2026, 2, 1)),
        ("as it ends", date(2026, 2, 1) - 1, date(2026, 2, 1)),
        ("before midnight in Shanghai", utc(january_31, 16) - 1, date(2026, 2, 1)),
        ("after midnight in Shanghai", utc(january_31, 16), date(2026, 3, 1)),
        ("on a leap day", date(2028, 2, 29) + HOUR, date(2028, 3, 1)),
        ("in December", date(2026, 12, 20), date(2027, 1, 1)),
    ];
    for (when, chosen_at, accrues_from) in cases {
        assert_eq!(outcome(enrol(&mut demo(), enrolment(chosen_at), chosen_at)), Ok(accrues_from), "{when}");
    }
}

#[test]
fn one_lead_at_a_time_and_never_backwards() {
    let january = date(2026, 1, 1);
    let refused = |codes: &[&str]| Err(codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>());
    // Current lead, chosen, asked, outcome.
    let cases = [
        ("in the first months", with_lead("lead-b", january), date(2026, 3, 5), 0, refused(&["CAP_CHANGE_TOO_EARLY"])),
        ("the same lead again", with_lead("lead-a", january), date(2028, 3, 5), 0, refused(&["CAP_DUPLICATE"])),
        (
            "one that does not count yet",
            with_lead("lead-b", date(2026, 2, 1)),
            date(2026, 1, 20),
            0,
            refused(&["CAP_CHANGE_TOO_EARLY"]),
        ),
        ("a month too early", with_lead("lead-b", january), date(2026, 11, 30), 0, refused(&["CAP_CHANGE_TOO_EARLY"])),
        ("after a patient-year", with_lead("lead-b", january), date(2026, 12, 1), 0, Ok(date(2027, 1, 1))),
        ("after one from April", with_lead("lead-b", date(2026, 4, 1)), date(2027, 3, 31), 0, Ok(date(2027, 4, 1))),
        ("in the last moment", None, date(2026, 1, 15), 17 * DAY - 1, Ok(date(2026, 2, 1))),
        ("when the month has begun", None, date(2026, 1, 15), 17 * DAY, refused(&["CAP_BACKDATED"])),
        ("months later", None, date(2026, 1, 15), 100 * DAY, refused(&["CAP_BACKDATED"])),
        ("before it was chosen", None, date(2026, 1, 15), -1, refused(&["CAP_CHOICE_IN_FUTURE"])),
        (
            "both",
            with_lead("lead-b", january),
            date(2026, 1, 15),
            17 * DAY,
            refused(&["CAP_CHANGE_TOO_EARLY", "CAP_BACKDATED"]),
        ),
    ];
    for (what, current, chosen_at, later, expected) in cases {
        let choice = if current.is_some() { Choice::Change } else { Choice::Join };
        let enrolment = Enrolment { choice, current, ..enrolment(chosen_at) };
        assert_eq!(outcome(enrol(&mut demo(), enrolment, chosen_at + later)), expected, "{what}");
    }
    // Whoever has a lead does not join another, however long ago; whoever has none has none to change.
    let second = Enrolment { current: with_lead("lead-b", january), ..enrolment(date(2028, 3, 5)) };
    assert_eq!(outcome(enrol(&mut demo(), second, date(2028, 3, 5))), refused(&["CAP_DUPLICATE"]));
    let none = Enrolment { choice: Choice::Change, ..enrolment(january) };
    assert_eq!(outcome(enrol(&mut demo(), none, january)), refused(&["CAP_NO_LEAD"]));

    // Where the region lets patients change at every month.
    let monthly = SHIPPED.replace("illustrative = true\n", "").replace("stay = 12", "stay = 1");
    let switch = |since| Enrolment {
        choice: Choice::Change,
        current: with_lead("lead-b", since),
        ..enrolment(date(2026, 3, 31))
    };
    let now = date(2026, 3, 31);
    assert_eq!(outcome(enrol(&mut own(&monthly), switch(date(2026, 3, 1)), now)), Ok(date(2026, 4, 1)));
    assert_eq!(outcome(enrol(&mut own(&monthly), switch(date(2026, 4, 1)), now)), refused(&["CAP_CHANGE_TOO_EARLY"]));
}

#[test]
fn the_first_class_that_fits() {
    let cases = [
        (&["E11.9"][..], Some(58), Ok("low")),
        (&["E11.9"], Some(64), Ok("low")),
        (&["E11.9"], Some(65), Ok("medium")),
        (&["E11.9", "E11.2"], Some(58), Ok("high")),
        (&["E14.7"], None, Ok("high")),
        (&["I10", "E10"], Some(20), Ok("low")),
        (&["I10"], Some(70), Err("CAP_NOT_ELIGIBLE")),
        (&[], Some(70), Err("CAP_NOT_ELIGIBLE")),
    ];
    let now = date(2026, 1, 15);
    for (codes, age_years, expected) in cases {
        let diagnoses = codes.iter().map(|code| Coding::icd10(*code)).collect();
        let answer = enrol(&mut demo(), Enrolment { diagnoses, age_years, ..enrolment(now) }, now);
        match (answer, expected) {
            (Ok(Enrolled::Accepted(acceptance)), Ok(code)) => {
                assert!(acceptance.risk_class.same(&class(code)), "{codes:?}: {acceptance:?}");
                assert!(acceptance.citation.title.contains("天津"), "{acceptance:?}");
                assert!(acceptance.citation.title.contains("illustrative"), "{acceptance:?}");
            }
            (Ok(Enrolled::Refused(refusals)), Err(code)) => assert_eq!(refusals[0].code, code, "{codes:?}"),
            (other, _) => panic!("{codes:?}: {other:?}"),
        }
    }
    let unknown_age = Enrolment { age_years: None, ..enrolment(now) };
    assert!(missing(enrol(&mut demo(), unknown_age, now)).contains("age"));
}

#[test]
fn partners_are_others_and_the_leads_own() {
    let network = "\n[[edition.scheme.network]]\nlead = \"lead-a\"\npartners = [\"partner-1\", \"partner-2\"]\n";
    let named = SHIPPED.replace("illustrative = true\n", "") + network;
    let sound = |lead: &str, partners: &[&str], text: Option<&str>| {
        let partners = partners.iter().map(|partner| (*partner).to_owned()).collect();
        let now = date(2026, 1, 15);
        let enrolment = Enrolment { lead: lead.to_owned(), partners, ..enrolment(now) };
        match outcome(enrol(&mut text.map_or_else(demo, own), enrolment, now)) {
            Ok(_) => true,
            Err(codes) => {
                assert_eq!(codes, ["CAP_INSTITUTIONS"]);
                false
            }
        }
    };
    for (lead, partners, without, with) in [
        ("lead-a", &["partner-1", "partner-2"][..], true, true),
        ("lead-a", &[], true, true),
        ("lead-a", &["partner-3"], true, false),
        ("lead-b", &[], true, false),
        ("lead-a", &["partner-1", "partner-1"], false, false),
        ("lead-a", &["lead-a"], false, false),
        ("lead-a", &[""], false, false),
        ("", &["partner-1"], false, false),
    ] {
        assert_eq!(sound(lead, partners, None), without, "{lead} {partners:?}");
        assert_eq!(sound(lead, partners, Some(&named)), with, "{lead} {partners:?}, by the network");
    }
}

// --- the year ------------------------------------------------------------------

#[test]
fn the_budget_of_member_months() {
    let mut host = demo();
    for (list, expected) in [
        (&[][..], (0, 0)),
        (&[("low", 0)], (0, 0)),
        (&[("low", 1)], (40_000, 36_000)),
        (&[("medium", 12)], (720_000, 648_000)),
        (&[("high", 12)], (1_080_000, 972_000)),
        // One class in two rows.
        (&[("low", 600), ("low", 90), ("medium", 360), ("high", 120)], (60_000_000, 54_000_000)),
    ] {
        assert_eq!(budget(&mut host, list), expected, "{list:?}");
    }
    assert!(missing(accrue(&mut host, YEAR, &[("elderly", 1)])).contains("`elderly`"));
    let other = MemberMonths { risk_class: Coding::new("urn:other", "low"), months: 1 };
    missing(host.call(|| PerHead::accrue(YEAR, vec![other])));
}

#[test]
fn a_fraction_of_a_fen_is_the_funds_and_does_not_add_up() {
    // 1000 · 0.8 ÷ 12 = 66.67 a month.
    let mut host = own(&SHIPPED.replace("illustrative = true\n", "").replace("base = 600000", "base = 1000"));
    let so_far: Vec<(i64, i64)> = (1..=12).map(|month| budget(&mut host, &[("low", month)])).collect();
    assert_eq!(so_far[..3], [(66, 59), (133, 119), (200, 180)]);
    assert_eq!(so_far[11], (800, 720));
    assert!(so_far.is_sorted(), "{so_far:?}");

    let mut host =
        own(&SHIPPED.replace("illustrative = true\n", "").replace("base = 600000", "base = 9000000000000000000"));
    assert!(matches!(accrue(&mut host, YEAR, &[("high", u32::MAX)]), Err(Error::Other(_))), "it overflows");
}

#[test]
fn a_month_is_a_month_in_every_year() {
    let mut host = demo();
    let full = |host: &mut Host, year| accrue(host, year, &[("medium", 12)]).map(|budget| budget.amount.minor_units);
    for first in [2026, 2027, 2028, 2029] {
        assert_eq!(full(&mut host, year(first)), Ok(720_000), "{first}");
    }
    let july = Period { start: date(2027, 7, 1), end: date(2028, 7, 1) };
    assert_eq!(full(&mut host, july), Ok(720_000), "a scheme whose year begins in July");
    let wrong = [
        Period { start: YEAR.start, end: YEAR.end - DAY },
        Period { start: YEAR.start + DAY, end: YEAR.end + DAY },
        Period { start: YEAR.start, end: plus_months(YEAR.start, 11) },
        // Midnight in London.
        Period { start: YEAR.start + 8 * HOUR, end: YEAR.end + 8 * HOUR },
        Period { start: YEAR.end, end: YEAR.start },
    ];
    for period in wrong {
        assert!(matches!(full(&mut host, period), Err(Error::Other(_))), "{period:?}");
    }
}

#[test]
fn what_is_charged_to_the_lead() {
    let consume = |place, diagnoses: &[&str], fund: Money| {
        let consumption = Consumption {
            bill: "bill-1".to_owned(),
            served_at: date(2026, 5, 1),
            institution: "somewhere".to_owned(),
            place,
            lead: "lead-a".to_owned(),
            diagnoses: diagnoses.iter().map(|code| Coding::icd10(*code)).collect(),
            fund,
        };
        demo().call(|| PerHead::consume(consumption)).map(|charged| charged.minor_units)
    };
    // Of 5550: where, for what, charged.
    for (place, diagnoses, charged) in [
        (Place::Lead, &["E11.9"][..], 5_550),
        (Place::Partner, &["E11.2"], 5_550),
        (Place::Referred, &["E11.9"], 5_550),
        (Place::Elsewhere, &["E11.9"], 0),
        // A statement of another institution.
        (Place::Referred, &[], 5_550),
        (Place::Elsewhere, &[], 0),
        // Not of the scheme; beside one of it.
        (Place::Lead, &["J06.9"], 0),
        (Place::Lead, &["J06.9", "E14"], 5_550),
    ] {
        assert_eq!(consume(place, diagnoses, money(5_550)), Ok(charged), "{place:?} {diagnoses:?}");
        assert_eq!(consume(place, diagnoses, money(0)), Ok(0), "{place:?} {diagnoses:?}");
    }
    let dollars = Money { minor_units: 1, currency: "USD".to_owned() };
    for wrong in [dollars, money(-1)] {
        assert!(matches!(consume(Place::Lead, &[], wrong), Err(Error::Other(_))));
    }
}

// --- the end of the year -------------------------------------------------------

#[test]
fn points_follow_the_rate() {
    // Indicator, numerator, denominator, points.
    for (code, numerator, denominator, points) in [
        ("hba1c-controlled", 80, 100, "20"),
        ("hba1c-controlled", 0, 100, "0"),
        ("hba1c-controlled", 100, 100, "25"),
        ("hba1c-controlled", 1, 3, "8.33"),
        ("hba1c-controlled", 2, 3, "16.67"),
        ("hba1c-controlled", 1, 8, "3.13"), // 3.125
        ("hba1c-controlled", u32::MAX, u32::MAX, "25"),
        ("hba1c-controlled", 0, 0, "0"),
        // Less is better: all of it at none, none from 10 % on.
        ("avoidable-admission", 0, 100, "10"),
        ("avoidable-admission", 5, 100, "5"),
        ("avoidable-admission", 10, 100, "0"),
        ("avoidable-admission", 50, 100, "0"),
        ("avoidable-admission", 0, 0, "0"),
    ] {
        let quality = score(&mut demo(), &[(code, numerator, denominator)]).expect("scored");
        assert_eq!(quality.total, decimal(points), "{code} {numerator}/{denominator}");
        // One row for each indicator; what was not given earned nothing.
        assert_eq!(quality.points.len(), 6);
        for row in quality.points {
            let expected = if row.code == code { decimal(points) } else { decimal("0") };
            assert_eq!(row.points, expected, "{}", row.code);
            assert!(row.points <= row.maximum);
        }
    }
    let none = score(&mut demo(), &[]).expect("scored");
    assert_eq!(none.total, decimal("0"));
    let unknown = score(&mut demo(), &[("visits", 1, 1)]).expect("what the scheme does not have is ignored");
    assert_eq!(unknown.total, decimal("0"));
    for wrong in [&[("satisfaction", 2, 1)][..], &[("satisfaction", 1, 1), ("satisfaction", 1, 1)]] {
        assert!(matches!(score(&mut demo(), wrong), Err(Error::Other(_))), "{wrong:?}");
    }
}

#[test]
fn full_points_before_all_are_reached() {
    let before = "points = 20\nnone-at = 0\nfull-at = 100";
    let target = SHIPPED.replace("illustrative = true\n", "").replacen(
        before,
        "points = 20\nnone-at = 50\nfull-at = \"76.93\"",
        1,
    );
    for (numerator, points) in [(7_693, "20"), (9_000, "20"), (7_692, "19.99"), (5_000, "0"), (4_999, "0")] {
        let quality = score(&mut own(&target), &[("management-rate", numerator, 10_000)]).expect("scored");
        assert_eq!(quality.total, decimal(points), "{numerator}");
    }
}

#[test]
fn a_surplus_is_kept_by_bands_of_quality() {
    for (quality, kept) in [
        ("100", 1_000),
        ("90", 1_000),
        ("90.00", 1_000),
        ("89.99", 900),
        ("80", 900),
        ("79.99", 600),
        ("60", 600),
        ("59.99", 0),
        ("0", 0),
    ] {
        let closing = close(&mut demo(), 10_000, 9_000, 9_000, quality).expect("closed");
        assert_eq!(figures(&closing), [kept, 1_000 - kept, 0, 0, kept], "{quality}");
    }
    // Rounded in favour of the fund, and divided to the fen.
    for (surplus, quality, kept, shares) in [
        (1, "86", 0, [0, 0, 0]),
        (112, "86", 100, [60, 25, 15]),
        (113, "86", 101, [61, 25, 15]),
        (7, "95", 7, [4, 2, 1]),
        (0, "95", 0, [0, 0, 0]),
    ] {
        let closing = close(&mut demo(), 10_000, 0, 10_000 - surplus, quality).expect("closed");
        assert_eq!(figures(&closing)[..2], [kept, surplus - kept], "{surplus}");
        assert_eq!(
            closing.shares.iter().map(|share| share.amount.minor_units).collect::<Vec<_>>(),
            shares,
            "{surplus}"
        );
    }
}

#[test]
fn an_overrun_is_borne_by_bands_of_the_budget() {
    let budget = 60_000_000;
    // Overrun, score, borne by the fund.
    for (overrun, quality, fund) in [
        (0, "86", 0),
        (1, "86", 0),
        (3_000_000, "86", 0),
        (3_000_001, "86", 0),
        (3_000_002, "86", 1),
        (6_000_000, "86", 1_500_000),
        (6_000_000, "60", 1_500_000),
        (6_000_000, "59.99", 0),
        (6_000_000, "0", 0),
        (9_000_000, "86", 3_000_000),
        // Beyond 15 % it is the provider's.
        (9_000_001, "86", 3_000_000),
        (60_000_000, "100", 3_000_000),
    ] {
        let closing = close(&mut demo(), budget, 54_000_000, budget + overrun, quality).expect("closed");
        let provider = overrun - fund;
        assert_eq!(figures(&closing), [0, 0, fund, provider, 6_000_000 + fund], "{overrun} at {quality}");
    }
    // The edges of bands lie between fens: 5 % of 10 are 0.5, 15 % are 1.5.
    assert_eq!(figures(&close(&mut demo(), 10, 0, 12, "86").expect("closed"))[2..4], [0, 2]);
    // A budget of nothing.
    assert_eq!(figures(&close(&mut demo(), 0, 0, 100, "86").expect("closed")), [0, 0, 0, 100, 0]);
    // What was paid in advance is paid back.
    assert_eq!(figures(&close(&mut demo(), 10_000, 9_000, 0, "0").expect("closed")), [0, 10_000, 0, 0, -9_000]);
}

#[test]
fn an_account_that_makes_no_sense_is_not_closed() {
    for (budget, prepaid, used, quality) in
        [(-1, 0, 0, "86"), (1, -1, 0, "86"), (1, 0, -1, "86"), (1, 0, 0, "100.01"), (1, 0, 0, "-0.01")]
    {
        assert!(matches!(close(&mut demo(), budget, prepaid, used, quality), Err(Error::Other(_))), "{quality}");
    }
    let most = i64::MAX;
    assert!(close(&mut demo(), most, 0, 0, "100").is_ok());
    assert!(close(&mut demo(), 0, most, most, "100").is_ok());
}

proptest! {
    #[test]
    fn every_closing_adds_up(
        budget in 0..1_000_000_000_000_i64, prepaid in 0..1_000_000_000_000_i64, used in 0..2_000_000_000_000_i64,
        quality in 0..=10_000_i64,
    ) {
        let quality = Decimal::new(quality, 2).to_string();
        prop_assert!(close(&mut demo(), budget, prepaid, used, &quality).is_ok());
    }

    #[test]
    fn a_budget_never_falls(before in prop::array::uniform3(0..100_000_u32), more in prop::array::uniform3(0..1_000_u32)) {
        let named = |months: [u32; 3]| [("low", months[0]), ("medium", months[1]), ("high", months[2])];
        let after = [before[0] + more[0], before[1] + more[1], before[2] + more[2]];
        let (first, second) = (budget(&mut demo(), &named(before)), budget(&mut demo(), &named(after)));
        prop_assert!(first.0 <= second.0 && first.1 <= second.1 && second.1 <= second.0);
    }
}

// --- the figures ---------------------------------------------------------------

#[test]
fn nothing_is_reckoned_with_figures_that_nobody_has_set() {
    let mut bare = Host::of::<PerHead>();
    let now = date(2026, 1, 15);
    for said in [
        missing(enrol(&mut bare, enrolment(now), now)),
        missing(accrue(&mut bare, YEAR, &[("low", 1)])),
        missing(score(&mut bare, &[])),
        missing(close(&mut bare, 1, 0, 0, "86")),
        // The shipped text, set by a tenant, is no more than it was.
        missing(accrue(&mut own(SHIPPED), YEAR, &[("low", 1)])),
    ] {
        assert!(said.contains("`scheme`") && said.contains("`accept-illustrative`"), "{said}");
    }
    assert_eq!(budget(&mut demo().setting("scheme", " \n"), &[("low", 12)]).0, 480_000, "as good as none");
}

#[test]
fn a_year_is_closed_by_its_own_figures() {
    let first = SHIPPED.replace("from = 2021-01-01\nillustrative = true\n", "from = 2026-01-01\nuntil = 2026-12-31\n");
    let second = SHIPPED.replace("from = 2021-01-01\nillustrative = true\n", "from = 2027-01-01\nuntil = 2027-12-31\n");
    let mut host = own(&(first + &second.replace("base = 600000", "base = 620000")));
    let base = |host: &mut Host, year| accrue(host, year, &[("medium", 10)]).map(|budget| budget.amount.minor_units);
    assert_eq!(base(&mut host, year(2026)), Ok(600_000));
    assert_eq!(base(&mut host, year(2027)), Ok(620_000));
    assert!(missing(base(&mut host, year(2028))).contains("2028-01-01"));
    assert!(missing(base(&mut host, year(2025))).contains("2025-01-01"));
    let budget = accrue(&mut host, year(2026), &[]).expect("accrued");
    assert_eq!(budget.citation.title, "杏林按人头付费示例", "what a tenant sets is not illustrative");
}

#[test]
fn a_scheme_that_does_not_hold_together_is_refused_with_the_place() {
    let own_text = SHIPPED.replace("illustrative = true\n", "");
    for (before, after, hint) in [
        ("points = 25", "points = 24", "the points of the indicators do not sum to 100"),
        ("team = 15", "team = 16", "the shares do not sum to 100"),
        ("from-score = 80", "from-score = 95", "the bands of a surplus descend"),
        ("up-to = 15", "up-to = 4", "the bands of an overrun ascend"),
        ("from-score = 90", "from-score = 101", "a score is above 100"),
        ("none-at = 10", "none-at = 0", "`none-at` and `full-at` are the same"),
        ("code = \"medium\"", "code = \"low\"", "`low` is there twice"),
        ("weight = \"0.80\"", "weight = 0.80", "a decimal as text"),
        ("base = 600000", "base = 6e5", "line"),
        ("stay = 12", "stay = 12\nstays = 12", "unknown field `stays`"),
        ("source = \"frame\"", "source = \"fame\"", "there is no source `fame`"),
    ] {
        assert!(own_text.contains(before), "{before}");
        let said = missing(accrue(&mut own(&own_text.replacen(before, after, 1)), YEAR, &[]));
        assert!(said.contains("The setting `scheme` is wrong") && said.contains(hint), "{said} / {hint}");
    }
}
