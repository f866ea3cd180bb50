//! The plugin as the host uses it: quote, authorize, settle, query, reverse.

use medical_insurance::MedicalInsurance;
use proptest::prelude::*;
use xinglin_sdk::{
    payment::{
        Adjudication, Authorization, Authorized, Bill, Coverage, Error, LineKind, Operation, Payer, Quoted, Reversed,
        Settled, Settlement, Source, Status,
    },
    testing::{BillBuilder, CoverageBuilder, Host, START, operation},
    time::{DAY, plus_days},
    types::{AttributeValue, Attributes as _, Coding, Decimal, Money},
};

fn item(code: &str) -> Coding {
    Coding::new("https://xinglin.dev/catalogue", code)
}

fn employee() -> CoverageBuilder {
    CoverageBuilder::new("member-1", Coding::new("https://code.nhsa.gov.cn/insutype", "310"))
        .accumulator("deductible-used", 45_000)
        .accumulator("fund-used", 0)
        .accumulator("account-balance", 6_000)
}

fn follow_up(metformin_boxes: &str, metformin: i64) -> BillBuilder {
    BillBuilder::new("bill-1")
        .line(LineKind::Service, item("follow-up-visit"), "1", 2_000)
        .line(LineKind::Medicine, item("metformin-500mg-60"), metformin_boxes, metformin)
        .line(LineKind::Medicine, item("dapagliflozin-10mg-30"), "1", 6_800)
        .line(LineKind::Material, item("glucose-test-strips-50"), "1", 4_500)
}

const SHIPPED: &str = include_str!("../data/scheme.toml");

/// A demonstration.
fn host() -> Host {
    Host::of::<MedicalInsurance>().setting("accept-illustrative", true)
}

/// A hospital whose region has these figures.
fn region(changes: &[(&str, &str)]) -> Host {
    let own = SHIPPED.replace("illustrative = true", "illustrative = false");
    let own = changes.iter().fold(own, |text, (before, after)| {
        assert!(text.contains(before), "{before}");
        text.replacen(before, after, 1)
    });
    Host::of::<MedicalInsurance>().setting("scheme", own)
}

fn covered(host: &mut Host, bill: Bill, coverage: Coverage) -> Adjudication {
    match host.call(|| MedicalInsurance::quote(bill, coverage, START)) {
        Ok(Quoted::Covered(adjudication)) => adjudication,
        other => panic!("{other:?}"),
    }
}

/// Fund, account, cash.
fn shares(adjudication: &Adjudication) -> (i64, i64, i64) {
    let part =
        |source| adjudication.parts.iter().find(|part| part.source == source).map_or(0, |part| part.amount.minor_units);
    (part(Source::BasicFund), part(Source::PersonalAccount), part(Source::Cash))
}

fn accumulators(list: &[xinglin_sdk::payment::Accumulator]) -> Vec<(&str, i64)> {
    list.iter().map(|accumulator| (accumulator.code.as_str(), accumulator.amount.minor_units)).collect()
}

fn with_accumulators(list: &[xinglin_sdk::payment::Accumulator]) -> Coverage {
    let mut coverage = employee().build();
    coverage.accumulators = list.to_vec();
    coverage
}

fn authorize(host: &mut Host, key: &str, bill: &Bill) -> Authorization {
    let (bill, coverage) = (bill.clone(), employee().build());
    match host.call(|| MedicalInsurance::authorize(operation(key), bill, coverage)) {
        Ok(Authorized::Granted(authorization)) => authorization,
        other => panic!("{other:?}"),
    }
}

fn settle(host: &mut Host, key: &str, bill: &Bill, coverage: Coverage) -> Result<Settled, Error> {
    let gross: i64 = bill.lines.iter().map(|line| line.gross.minor_units).sum();
    let authorization = authorize(host, &format!("{key}/{gross}/authorize"), bill);
    let bill = bill.clone();
    host.call(|| MedicalInsurance::settle(operation(key), authorization, bill, coverage))
}

fn settled(host: &mut Host, key: &str, bill: &Bill, coverage: Coverage) -> Settlement {
    match settle(host, key, bill, coverage) {
        Ok(Settled::Done(settlement)) => settlement,
        other => panic!("{other:?}"),
    }
}

fn reverse(host: &mut Host, key: &str, settlement: &Settlement, coverage: &Coverage) -> Result<Reversed, Error> {
    let (settlement, coverage) = (settlement.clone(), coverage.clone());
    host.call(|| MedicalInsurance::reverse(operation(key), settlement, coverage))
}

fn query(host: &mut Host, key: &str) -> Result<Status, Error> {
    host.call(|| MedicalInsurance::query(operation(key)))
}

fn codes(refusals: &[xinglin_sdk::payment::Refusal]) -> Vec<&str> {
    refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

#[test]
fn the_worked_example_to_the_fen() {
    let adjudication = covered(&mut host(), follow_up("2", 5_000).build(), employee().build());
    assert_eq!(shares(&adjudication), (5_550, 6_000, 6_750));
    let lines: Vec<[i64; 4]> = adjudication
        .lines
        .iter()
        .map(|l| [&l.self_funded, &l.over_limit, &l.pre_self_pay, &l.in_scope].map(|money| money.minor_units))
        .collect();
    assert_eq!(lines, [[0, 0, 0, 2_000], [0, 0, 0, 5_000], [0, 800, 600, 5_400], [4_500, 0, 0, 0]]);
    assert_eq!(
        accumulators(&adjudication.accumulators),
        [("deductible-used", 50_000), ("fund-used", 5_550), ("account-balance", 0)]
    );
    for (key, fen) in [
        ("nhsa.medfee-sumamt", 18_300),
        ("nhsa.fulamt-ownpay-amt", 4_500),
        ("nhsa.overlmt-selfpay", 800),
        ("nhsa.preselfpay-amt", 600),
        ("nhsa.inscp-scp-amt", 12_400),
        ("nhsa.act-pay-dedc", 5_000),
        ("nhsa.hifp-pay", 5_550),
        ("nhsa.fund-pay-sumamt", 5_550),
        ("nhsa.psn-part-amt", 12_750),
        ("nhsa.acct-pay", 6_000),
        ("nhsa.acct-mulaid-pay", 0),
        ("nhsa.psn-cash-pay", 6_750),
    ] {
        let expected = AttributeValue::Money(Money { minor_units: fen, currency: "CNY".to_owned() });
        assert_eq!(adjudication.attributes.value(key), Some(&expected), "{key}");
    }
}

#[test]
fn the_cap_leaves_room_for_4000() {
    let coverage = employee().accumulator("fund-used", 396_000).build();
    let adjudication = covered(&mut host(), follow_up("2", 5_000).build(), coverage);
    assert_eq!(shares(&adjudication), (4_000, 6_000, 8_300));
}

#[test]
fn a_tenant_sets_deductible_ratio_and_cap() {
    let mut host = region(&[
        ("deductible = 50000", "deductible = 0"),
        ("tertiary = 75", "tertiary = \"33.3\""),
        ("cap = 400000", "cap = 1000000"),
    ]);
    let adjudication = covered(&mut host, follow_up("2", 5_000).build(), employee().build());
    assert!(!adjudication.citation.title.contains("illustrative"), "the region's own");
    // 12400 × 33.3 % = 4129.2, and the fund's side floors.
    assert_eq!(shares(&adjudication), (4_129, 6_000, 8_171));
    assert_eq!(accumulators(&adjudication.accumulators)[0], ("deductible-used", 45_000));
}

/// A resident of the example: no account, 300 yuan of deductible, half above it; and the same by level of hospital.
#[test]
fn residents_have_a_scheme_of_their_own_and_levels_a_ratio() {
    let resident = || {
        let category = Coding::new("https://code.nhsa.gov.cn/insutype", "390");
        CoverageBuilder::new("member-2", category).accumulator("deductible-used", 0).accumulator("fund-used", 0)
    };
    let dear = || BillBuilder::new("b").line(LineKind::Service, item("follow-up-visit"), "1", 130_001).build();
    // 130001 − 30000 = 100001, of which half floors.
    assert_eq!(shares(&covered(&mut host(), dear(), resident().build())), (50_000, 0, 80_001));
    let with_balance = resident().accumulator("account-balance", 6_000).build();
    let adjudication = covered(&mut host(), dear(), with_balance);
    assert_eq!(shares(&adjudication), (50_000, 0, 80_001), "an account that may not be used");
    assert_eq!(accumulators(&adjudication.accumulators)[2], ("account-balance", 6_000));
    for (level, fund) in [("primary", 65_000), ("secondary", 60_000), ("tertiary", 50_000)] {
        let mut host = region(&[("level = \"tertiary\"", &format!("level = \"{level}\""))]);
        assert_eq!(shares(&covered(&mut host, dear(), resident().build())).0, fund, "{level}");
    }
}

#[test]
fn without_the_regions_figures_nothing_is_decided() {
    let missing = |mut host: Host| match host
        .call(|| MedicalInsurance::quote(follow_up("2", 5_000).build(), employee().build(), START))
    {
        Err(Error::MissingData(why)) => why[0].text.clone(),
        other => panic!("{other:?}"),
    };
    assert!(missing(Host::of::<MedicalInsurance>()).contains("scheme"));
    for (before, after, hint) in [
        ("from = 2020-01-01", "from = 2099-01-01", "没有适用于"),
        ("benefit-year = \"calendar\"", "benefit-year = \"policy\"", "unknown variant"),
        ("class = \"C\"", "class = \"C\"\nlimit = 1", "C has no limit either"),
        ("class = \"C\"", "class = \"B\"", "B has a self-pay"),
        ("tertiary = 75", "tertiary = 175", "175"),
        ("category = \"390\"", "category = \"310\"", "`310` is there twice"),
        ("deductible = 50000", "deductible = -1", "negative"),
    ] {
        let why = missing(region(&[(before, after)]));
        assert!(why.contains(hint), "{why} / {hint}");
    }
}

#[test]
fn what_is_older_than_the_hospital_keeps_is_deleted_and_not_denied() {
    let mut host = host().setting("keep-days", 400);
    let mut bill = follow_up("2", 5_000).build();
    let at = |key: String, days: i64| Operation { key, at: plus_days(START, days) };
    let mut most = 0;
    for day in 0..900 {
        bill.served_at = plus_days(START, day);
        let (authorize, settle) = (at(format!("{day}/authorize"), day), at(format!("{day}"), day));
        let (asked, coverage) = (bill.clone(), employee().build());
        let authorized = host.call(|| MedicalInsurance::authorize(authorize, asked, coverage));
        let Ok(Authorized::Granted(authorization)) = authorized else { panic!("{authorized:?}") };
        let (asked, coverage) = (bill.clone(), employee().build());
        let settled = host.call(|| MedicalInsurance::settle(settle, authorization, asked, coverage));
        assert!(matches!(settled, Ok(Settled::Done(_))), "{settled:?}");
        most = most.max(host.stored());
    }
    assert!(most < 402 * 4 + 2, "{most}");
    let mut query = |day: i64| host.call(|| MedicalInsurance::query(at(day.to_string(), day)));
    assert!(matches!(query(0), Err(Error::Other(_))), "what was deleted was not never seen");
    assert!(matches!(query(600), Ok(Status::Settled(_))));
    assert_eq!(host.call(|| MedicalInsurance::query(at("new".to_owned(), 900))), Ok(Status::NeverSeen));
}

#[test]
fn the_account_is_left_alone_where_another_payer_follows() {
    let adjudication = covered(&mut host(), follow_up("2", 5_000).without_account().build(), employee().build());
    assert_eq!(shares(&adjudication), (5_550, 0, 12_750));
    assert_eq!(accumulators(&adjudication.accumulators)[2], ("account-balance", 6_000));
}

#[test]
fn the_account_pays_nothing_outside_the_scheme() {
    let strips = BillBuilder::new("b").line(LineKind::Material, item("glucose-test-strips-50"), "1", 4_500).build();
    assert_eq!(shares(&covered(&mut host(), strips, employee().build())), (0, 0, 4_500));
    let unknown = BillBuilder::new("b").line(LineKind::Other, item("no-such-item"), "1", 700).build();
    let adjudication = covered(&mut host(), unknown, employee().build());
    assert_eq!(shares(&adjudication), (0, 0, 700));
    assert!(!adjudication.lines[0].note.is_empty());
}

#[test]
fn half_a_fen_is_rounded_up_on_the_line() {
    // 10 % of 5 fen is half a fen.
    let bill = BillBuilder::new("b").line(LineKind::Medicine, item("dapagliflozin-10mg-30"), "1", 5).build();
    let adjudication = covered(&mut host(), bill, employee().build());
    assert_eq!(adjudication.lines[0].pre_self_pay.minor_units, 1);
    assert_eq!(adjudication.lines[0].in_scope.minor_units, 4);
}

#[test]
fn a_limit_counts_for_each_unit() {
    let bill = BillBuilder::new("b").line(LineKind::Medicine, item("dapagliflozin-10mg-30"), "2.5", 16_000).build();
    assert_eq!(covered(&mut host(), bill, employee().build()).lines[0].over_limit.minor_units, 1_000);
}

#[test]
fn the_scheme_declines_what_is_not_its_own() {
    let declined = |bill: Bill, coverage: Coverage| match host().call(|| MedicalInsurance::quote(bill, coverage, START))
    {
        Ok(Quoted::Declined(refusals)) => codes(&refusals).join(" "),
        other => panic!("{other:?}"),
    };
    let bill = || follow_up("2", 5_000);
    assert_eq!(declined(bill().build(), employee().until(START).build()), "COVERAGE_LAPSED");
    let mut student = employee().build();
    student.category.code = "999".to_owned();
    assert_eq!(declined(bill().build(), student), "CATEGORY_NOT_COVERED");
    let prior = covered(&mut host(), bill().build(), employee().build());
    assert_eq!(declined(bill().after(prior).build(), employee().build()), "BASIC_FUND_PAYS_FIRST");
}

#[test]
fn what_is_not_known_or_makes_no_sense_is_not_guessed() {
    let quote = |bill: Bill, coverage: Coverage| host().call(|| MedicalInsurance::quote(bill, coverage, START));
    let unknown = CoverageBuilder::new("m", Coding::new("x", "310")).accumulator("fund-used", 0).build();
    assert!(matches!(quote(follow_up("2", 5_000).build(), unknown), Err(Error::MissingData(_))));

    let mut dollars = follow_up("2", 5_000).build();
    dollars.lines[0].gross.currency = "USD".to_owned();
    let negative = BillBuilder::new("b").line(LineKind::Service, item("follow-up-visit"), "1", -1).build();
    let nothing = BillBuilder::new("b").line(LineKind::Service, item("follow-up-visit"), "0", 100).build();
    let enormous = BillBuilder::new("b")
        .line(LineKind::Service, item("follow-up-visit"), "1", i64::MAX)
        .line(LineKind::Service, item("follow-up-visit"), "1", 1)
        .build();
    for bill in [dollars, negative, nothing, enormous] {
        assert!(matches!(quote(bill.clone(), employee().build()), Err(Error::Other(_))), "{bill:?}");
    }
    let overdrawn = employee().accumulator("account-balance", -1).build();
    assert!(matches!(quote(follow_up("2", 5_000).build(), overdrawn), Err(Error::Other(_))));
}

#[test]
fn a_repeated_settlement_gets_the_first_answer() {
    let (mut host, bill) = (host(), follow_up("2", 5_000).build());
    assert_eq!(query(&mut host, "k"), Ok(Status::NeverSeen));
    let first = settled(&mut host, "k", &bill, employee().build());
    // The host's figures have moved on, its question is the same.
    let again = settled(&mut host, "k", &bill, with_accumulators(&first.adjudication.accumulators));
    assert_eq!(first, again);
    assert_eq!(query(&mut host, "k"), Ok(Status::Settled(first.clone())));

    let dearer = follow_up("2", 5_001).build();
    assert!(matches!(settle(&mut host, "k", &dearer, employee().build()), Err(Error::Conflict(_))));
    let other = settled(&mut host, "k2", &bill, employee().build());
    assert_ne!(first.reference, other.reference);
}

#[test]
fn a_settlement_needs_its_own_authorization() {
    let (mut host, bill) = (host(), follow_up("2", 5_000).build());
    let authorization = authorize(&mut host, "a", &bill);
    assert_eq!(authorization, authorize(&mut host, "a", &bill), "the same key, the same answer");
    let mut settle = |key: &str, authorization: Authorization, bill: Bill, at| {
        let mut operation = operation(key);
        operation.at = at;
        let coverage = employee().build();
        match host.call(|| MedicalInsurance::settle(operation, authorization, bill, coverage)) {
            Ok(Settled::Refused(refusals)) => codes(&refusals).join(" "),
            other => panic!("{other:?}"),
        }
    };
    let forged = Authorization { reference: "A-0123".to_owned(), expires: i64::MAX };
    assert_eq!(settle("s1", forged.clone(), bill.clone(), START), "AUTHORIZATION_UNKNOWN");
    let prolonged = Authorization { expires: i64::MAX, ..authorization.clone() };
    assert_eq!(settle("s2", prolonged, bill.clone(), plus_days(START, 1)), "AUTHORIZATION_EXPIRED");
    let other = follow_up("1", 2_500).build();
    assert_eq!(settle("s3", authorization.clone(), other, START), "AUTHORIZATION_OTHER_BILL");
    // A refusal is an answer too: the same operation is refused again.
    assert_eq!(settle("s1", authorization, bill, START), "AUTHORIZATION_UNKNOWN");
    assert!(matches!(query(&mut host, "s1"), Ok(Status::Refused(_))));
}

#[test]
fn one_key_names_one_kind_of_operation() {
    let (mut host, bill) = (host(), follow_up("2", 5_000).build());
    let authorization = authorize(&mut host, "k", &bill);
    let answer = host.call(|| MedicalInsurance::settle(operation("k"), authorization, bill, employee().build()));
    assert!(matches!(answer, Err(Error::Conflict(_))), "{answer:?}");
}

#[test]
fn a_box_comes_back() {
    let mut host = host();
    let before = employee().build();
    let first = settled(&mut host, "s1", &follow_up("2", 5_000).build(), before.clone());
    let after = with_accumulators(&first.adjudication.accumulators);
    let Ok(Reversed::Done(reversal)) = reverse(&mut host, "r1", &first, &after) else { panic!("reversed") };
    assert_eq!(reversal.accumulators, before.accumulators);
    let rest = settled(&mut host, "s2", &follow_up("1", 2_500).build(), with_accumulators(&reversal.accumulators));
    assert_eq!(shares(&rest.adjudication), (3_675, 6_000, 6_125));
    let (fund, account, cash) = shares(&first.adjudication);
    assert_eq!((3_675 - fund, 6_000 - account, 6_125 - cash), (-1_875, 0, -625));
}

#[test]
fn a_settlement_is_taken_back_once() {
    let (mut host, bill) = (host(), follow_up("2", 5_000).build());
    let settlement = settled(&mut host, "s", &bill, employee().build());
    let after = with_accumulators(&settlement.adjudication.accumulators);
    let first = reverse(&mut host, "r", &settlement, &after);
    assert_eq!(first, reverse(&mut host, "r", &settlement, &after), "the same key, the same answer");
    assert!(matches!(query(&mut host, "r"), Ok(Status::Reversed(_))));
    let Ok(Reversed::Refused(refusals)) = reverse(&mut host, "r2", &settlement, &after) else { panic!("refused") };
    assert_eq!(codes(&refusals), ["PAY_ALREADY_REVERSED"]);
    // It did happen, so asking for it still says so.
    assert_eq!(query(&mut host, "s"), Ok(Status::Settled(settlement.clone())));

    let mut unknown = settlement.clone();
    unknown.reference = "S-ffff".to_owned();
    let Ok(Reversed::Refused(refusals)) = reverse(&mut host, "r3", &unknown, &after) else { panic!("refused") };
    assert_eq!(codes(&refusals), ["SETTLEMENT_UNKNOWN"]);
}

#[test]
fn a_reversal_of_other_amounts_is_a_conflict() {
    let (mut host, bill) = (host(), follow_up("2", 5_000).build());
    let settlement = settled(&mut host, "s", &bill, employee().build());
    let after = with_accumulators(&settlement.adjudication.accumulators);
    let mut other = settlement.clone();
    other.adjudication.parts[0].amount.minor_units += 1;
    assert!(matches!(reverse(&mut host, "r", &other, &after), Err(Error::Conflict(_))));
    // Accumulators that cannot have held the settlement are refused, not made negative.
    assert!(matches!(reverse(&mut host, "r", &settlement, &employee().build()), Err(Error::Other(_))));
    assert!(matches!(reverse(&mut host, "r", &settlement, &after), Ok(Reversed::Done(_))));
}

#[test]
fn without_its_store_it_does_nothing() {
    let (mut host, bill) = (host(), follow_up("2", 5_000).build());
    let authorization = authorize(&mut host, "a", &bill);
    host.store_available(false);
    let answer = host.call(|| MedicalInsurance::settle(operation("s"), authorization, bill, employee().build()));
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    host.store_available(true);
    assert_eq!(query(&mut host, "s"), Ok(Status::NeverSeen));
}

proptest! {
    /// Whatever is on the bill, every fen of it is somebody's.
    #[test]
    fn nothing_is_lost_or_invented(
        lines in prop::collection::vec((0_usize..6, 1_i64..10_000, 0_i64..1_000_000_000_000), 0..12),
        deductible_used in 0_i64..200_000,
        fund_used in 0_i64..1_000_000,
        balance in 0_i64..10_000_000,
        percent in 0_i64..=10_000,
        use_account: bool,
    ) {
        const ITEMS: [&str; 6] = [
            "follow-up-visit", "metformin-500mg-60", "dapagliflozin-10mg-30", "insulin-glargine-300iu-1",
            "glucose-test-strips-50", "not-in-the-catalogue",
        ];
        let mut bill = BillBuilder::new("b");
        for (index, thousandths, gross) in &lines {
            bill = bill.line(LineKind::Other, item(ITEMS[*index]), &Decimal::new(*thousandths, 3).to_string(), *gross);
        }
        let bill = if use_account { bill } else { bill.without_account() }.build();
        let coverage = employee()
            .accumulator("deductible-used", deductible_used)
            .accumulator("fund-used", fund_used)
            .accumulator("account-balance", balance)
            .build();
        let mut host = region(&[("tertiary = 75", &format!("tertiary = \"{}\"", Decimal::new(percent, 2)))]);
        let adjudication = covered(&mut host, bill.clone(), coverage);

        let gross: i64 = bill.lines.iter().map(|line| line.gross.minor_units).sum();
        let parts: Vec<i64> = adjudication.parts.iter().map(|part| part.amount.minor_units).collect();
        prop_assert_eq!(parts.iter().sum::<i64>(), gross);
        prop_assert!(parts.iter().all(|part| *part >= 0));
        for (line, result) in bill.lines.iter().zip(&adjudication.lines) {
            let four = [&result.self_funded, &result.over_limit, &result.pre_self_pay, &result.in_scope];
            prop_assert!(four.iter().all(|part| part.minor_units >= 0));
            prop_assert_eq!(four.iter().map(|part| part.minor_units).sum::<i64>(), line.gross.minor_units);
        }
        let (fund, account, _) = shares(&adjudication);
        prop_assert!(fund + fund_used <= fund_used.max(400_000));
        let spendable = if use_account { balance } else { 0 };
        prop_assert!(account <= spendable);
        for accumulator in &adjudication.accumulators {
            prop_assert!(accumulator.amount.minor_units >= 0);
        }
    }
}

#[test]
fn an_authorization_lasts_a_day() {
    let authorization = authorize(&mut host(), "a", &follow_up("2", 5_000).build());
    assert_eq!(authorization.expires, START + DAY);
}
