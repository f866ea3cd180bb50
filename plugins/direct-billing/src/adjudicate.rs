//! The decision: who is insured for what, and the shares of each line.
//!
//! Order: contract discount, deductible, copay, coinsurance, limits. A discount is rounded half-up
//! for each line, the insurer's share of the whole claim is rounded down; whatever is of the claim
//! as a whole is split among its lines to the fen.

use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    insurance::{
        Allowance, Balance, Draw, Error, Period, Policy,
        claims::{Adjudication, LineAdjudication},
    },
    money::{Fen, MoneyError, Rounding},
    time::{Instant, plus_days},
    types::{Decimal, Money, zh_en},
};

use crate::{
    calendar,
    case::{Case, Line},
    not_done,
    profile::Profile,
    refusal,
    share::split,
    terms::{Selector, Terms, Year},
};

/// Code of the balance of the yearly deductible.
pub const DEDUCTIBLE: &str = "deductible";
/// Of what the insurer pays in a year.
pub const ANNUAL_LIMIT: &str = "annual-limit";
/// Of visits in a year.
pub const VISITS: &str = "outpatient-visits";
/// Of visits for mental illness in a year.
pub const MENTAL_VISITS: &str = "mental-health-visits";

/// Why the policy does not hold on the day of service. Empty if it does.
pub fn not_in_force(case: &Case, policy: &Policy, terms: &Terms) -> Result<Vec<&'static str>, Error> {
    if !terms.plans.contains(&policy.plan.code.as_str()) {
        return Ok(vec!["PLAN_UNKNOWN"]);
    }
    let Some(since) = policy.valid_from else {
        return Err(Error::MissingData(zh_en("缺少保障起始日。", "It is not known since when the cover runs.")));
    };
    let mut reasons = Vec::new();
    if case.served_at < since {
        reasons.push("NOT_YET_INSURED");
    }
    if policy.valid_until.is_some_and(|last| case.served_at >= calendar::end_of_day(last)) {
        reasons.push("COVERAGE_LAPSED");
    }
    Ok(reasons)
}

/// Why nothing of the claim is covered, although the policy holds.
pub fn not_covered(case: &Case, policy: &Policy, terms: &Terms) -> Result<Vec<&'static str>, Error> {
    let is_diagnosis = |selector: &Selector| matches!(selector, Selector::Diagnosis(..));
    let asks_diagnosis = terms.mental_waiting_days > terms.waiting_days
        || terms.mental_visits.is_some()
        || terms.excluded.iter().any(is_diagnosis);
    if case.principal().is_none() && asks_diagnosis && !case.lines.is_empty() {
        return Err(Error::MissingData(zh_en("缺少ICD-10诊断编码。", "The diagnosis is not coded in ICD-10.")));
    }
    let waits = |days: i64| {
        let begun = calendar::midnight(calendar::day(policy.valid_from.unwrap_or(Instant::MAX)));
        case.served_at < plus_days(begun, days)
    };
    let balance = |code: &str| policy.balance(code, case.served_at);
    let is_used_up =
        |code: &str, limit: Option<u32>| balance(code).is_some_and(|balance| count_left(balance, limit) == Some(0));
    let annual = balance(ANNUAL_LIMIT).and_then(|balance| money_left(balance, terms.annual_limit));
    let limits = [
        annual == Some(Fen::ZERO),
        is_used_up(VISITS, terms.visits),
        case.is_mental() && is_used_up(MENTAL_VISITS, terms.mental_visits),
    ];
    let excluded = |code: &str| terms.excluded.iter().any(|selector| selector.names_diagnosis(code));
    let reasons = [
        (terms.share(policy).is_none(), "OUT_OF_NETWORK"),
        (waits(terms.waiting_days), "WAITING_PERIOD"),
        (case.is_mental() && waits(terms.mental_waiting_days), "MENTAL_WAITING_PERIOD"),
        (case.principal().is_some_and(excluded), "EXCLUDED_DIAGNOSIS"),
        (limits.contains(&true), "CLAIM_LIMIT"),
    ];
    Ok(reasons.into_iter().filter(|(applies, _)| *applies).map(|(_, code)| code).collect())
}

/// Whether the item is excluded.
pub fn is_excluded(line: &Line, terms: &Terms) -> bool {
    terms.excluded.iter().any(|selector| selector.names_line(line))
}

/// Whether a line needs a guarantee of payment first: by itself, or for the size of the claim.
pub fn needs_guarantee(line: &Line, case: &Case, terms: &Terms) -> bool {
    if is_excluded(line, terms) {
        return false;
    }
    let covered = case.lines.iter().filter(|line| !is_excluded(line, terms)).map(|line| line.rest).sum::<i64>();
    terms.preauthorization_above.is_some_and(|most| covered > most)
        || terms.preauthorization_services.iter().any(|selector| selector.names_line(line))
}

/// The benefit year that holds the day of service.
pub const fn year(case: &Case, policy: &Policy, terms: &Terms) -> Period {
    match (terms.year, policy.valid_from) {
        (Year::Policy, Some(since)) => calendar::policy_year(since, case.served_at),
        _ => calendar::calendar_year(case.served_at),
    }
}

/// What the policy has, and what it must have by the terms, unused.
pub fn balances(case: &Case, policy: &Policy, terms: &Terms) -> Vec<Balance> {
    let period = year(case, policy, terms);
    let mut balances = policy.balances.clone();
    for (code, used, limit) in wanted(terms) {
        if policy.balance(code, case.served_at).is_none() {
            balances.push(Balance { code: code.to_owned(), period, used, limit });
        }
    }
    balances
}

/// Balances that a decision by these terms draws on.
fn wanted(terms: &Terms) -> Vec<(&'static str, Allowance, Option<Allowance>)> {
    let money = |amount| Allowance::Money(Fen::new(amount).into());
    let mut wanted = Vec::new();
    if terms.deductible > 0 {
        wanted.push((DEDUCTIBLE, money(0), Some(money(terms.deductible))));
    }
    if let Some(limit) = terms.annual_limit {
        wanted.push((ANNUAL_LIMIT, money(0), Some(money(limit))));
    }
    for (code, limit) in [(VISITS, terms.visits), (MENTAL_VISITS, terms.mental_visits)] {
        if let Some(limit) = limit {
            wanted.push((code, Allowance::Count(0), Some(Allowance::Count(limit))));
        }
    }
    wanted
}

/// What is left of a balance of money: by its own limit, or by that of the terms.
fn money_left(balance: &Balance, limit: Option<i64>) -> Option<Fen> {
    match (balance.money_left().ok()?, &balance.used, limit) {
        (Some(left), ..) => Some(left),
        (None, Allowance::Money(used), Some(limit)) if balance.limit.is_none() => {
            Some(Fen::new(limit).minus(Fen::of(used).ok()?).ok()?.or_zero())
        }
        _ => None,
    }
}

/// What is left of a balance of visits, likewise.
const fn count_left(balance: &Balance, limit: Option<u32>) -> Option<u32> {
    match (balance.count_left(), &balance.used, limit) {
        (Some(left), ..) => Some(left),
        (None, Allowance::Count(used), Some(limit)) if balance.limit.is_none() => Some(limit.saturating_sub(*used)),
        _ => None,
    }
}

/// The most that the insurer still pays of this claim by the limits of the visit and the year.
pub fn ceiling(case: &Case, policy: &Policy, terms: &Terms) -> Option<Fen> {
    let annual = policy.balance(ANNUAL_LIMIT, case.served_at);
    let annual = annual.and_then(|balance| money_left(balance, terms.annual_limit));
    [terms.visit_limit.map(Fen::new), annual].into_iter().flatten().min()
}

/// What a guarantee of payment gives for each line.
pub type Guaranteed = Vec<(u32, i64)>;

/// The shares of a claim that is covered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// In the order of the claim.
    pub lines: Vec<Shares>,
    draws: Vec<Drawn>,
}

/// The shares of a line, in fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Shares {
    number: u32,
    contractual: i64,
    not_covered: i64,
    allowed: i64,
    deductible: i64,
    copay: i64,
    coinsurance: i64,
    over_limit: i64,
    /// What the insurer pays.
    pub benefit: i64,
    /// Codes.
    pub reasons: Vec<String>,
}

/// What is drawn on a balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Drawn {
    code: String,
    start: Instant,
    end: Instant,
    amount: i64,
    is_count: bool,
}

/// Shares the claim. Policy and terms were found to cover it; a guarantee, if it rests on one, to
/// hold.
pub fn figures(
    case: &Case,
    policy: &Policy,
    terms: &Terms,
    guaranteed: Option<&Guaranteed>,
    filed_at: Instant,
) -> Result<Figures, Error> {
    let missing: Vec<&str> = wanted(terms)
        .into_iter()
        .map(|(code, ..)| code)
        .filter(|code| policy.balance(code, case.served_at).is_none())
        .filter(|code| *code != MENTAL_VISITS || case.is_mental())
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(Error::MissingData(zh_en(
            format!("缺少本保险年度的累计信息 {missing},请先查询资格。"),
            format!("The balances of this benefit year are not known ({missing}); ask for eligibility first."),
        )));
    }
    shared(case, policy, terms, guaranteed, filed_at).map_err(|error| not_done(error.to_string()))
}

fn shared(
    case: &Case,
    policy: &Policy,
    terms: &Terms,
    guaranteed: Option<&Guaranteed>,
    filed_at: Instant,
) -> Result<Figures, MoneyError> {
    let is_late =
        terms.filing_days.is_some_and(|days| filed_at >= calendar::end_of_day(plus_days(case.served_at, days)));
    let mut lines = Vec::new();
    for line in &case.lines {
        let rest = Fen::new(line.rest);
        let guarantee = guaranteed.and_then(|lines| lines.iter().find(|(number, _)| *number == line.number));
        let denied = if is_excluded(line, terms) {
            Some("EXCLUDED_ITEM")
        } else if needs_guarantee(line, case, terms) && guaranteed.is_some() && guarantee.is_none() {
            Some("NOT_GUARANTEED")
        } else {
            None
        };
        let mut shares = Shares { number: line.number, ..Shares::default() };
        match denied {
            Some(code) if line.rest > 0 => {
                shares.not_covered = line.rest;
                shares.reasons.push(code.to_owned());
            }
            Some(_) => {}
            None if is_late && line.rest > 0 => {
                shares.contractual = line.rest;
                shares.reasons.push("FILED_LATE".to_owned());
            }
            None => {
                let contractual = rest.times(terms.discount, Rounding::HalfUp)?;
                shares.contractual = contractual.amount();
                shares.allowed = rest.minus(contractual)?.amount();
                if contractual > Fen::ZERO {
                    shares.reasons.push("CONTRACT_DISCOUNT".to_owned());
                }
            }
        }
        lines.push(shares);
    }

    let column =
        |lines: &[Shares], part: fn(&Shares) -> i64| lines.iter().map(|line| Fen::new(part(line))).collect::<Vec<_>>();
    let balance = |code: &str| policy.balance(code, case.served_at);

    let allowed = column(&lines, |line| line.allowed);
    let left = balance(DEDUCTIBLE).and_then(|balance| money_left(balance, Some(terms.deductible))).unwrap_or(Fen::ZERO);
    let deductible = Fen::sum(allowed.iter().copied())?.min(left);
    for (line, part) in lines.iter_mut().zip(split(deductible, &allowed)?) {
        line.deductible = part.amount();
    }

    let after = column(&lines, |line| line.allowed - line.deductible);
    let copay = Fen::sum(after.iter().copied())?.min(Fen::new(terms.copay));
    for (line, part) in lines.iter_mut().zip(split(copay, &after)?) {
        line.copay = part.amount();
    }

    let base = column(&lines, |line| line.allowed - line.deductible - line.copay);
    let share = Decimal::whole(1)
        .plus(terms.share(policy).unwrap_or(Decimal::whole(1)).times(Decimal::whole(-1)).ok_or(MoneyError::Overflow)?);
    let whole = Fen::sum(base.iter().copied())?.times(share.ok_or(MoneyError::Overflow)?, Rounding::Floor)?;
    let before = split(whole, &base)?;
    let most = ceiling(case, policy, terms).map_or(whole, |most| most.min(whole));
    for (index, (line, part)) in lines.iter_mut().zip(split(most, &before)?).enumerate() {
        let guarantee = guaranteed.and_then(|lines| lines.iter().find(|(number, _)| *number == line.number));
        line.benefit = guarantee.map_or(part.amount(), |(_, most)| part.amount().min(*most));
        line.coinsurance = base[index].minus(before[index])?.amount();
        line.over_limit = before[index].amount() - line.benefit;
        if line.over_limit > 0 {
            line.reasons.push("BENEFIT_LIMIT".to_owned());
        }
    }

    let benefit = Fen::sum(column(&lines, |line| line.benefit))?;
    let is_used = allowed.iter().any(|allowed| *allowed > Fen::ZERO);
    let drawn = [
        (DEDUCTIBLE, deductible.amount(), false),
        (ANNUAL_LIMIT, benefit.amount(), false),
        (VISITS, i64::from(is_used), true),
        (MENTAL_VISITS, i64::from(is_used && case.is_mental()), true),
    ];
    let draws = drawn.into_iter().filter(|(_, amount, _)| *amount > 0).filter_map(|(code, amount, is_count)| {
        let Period { start, end } = balance(code)?.period;
        Some(Drawn { code: code.to_owned(), start, end, amount, is_count })
    });
    let draws = draws.collect();
    Ok(Figures { lines, draws })
}

impl Figures {
    /// What the insurer pays.
    pub fn benefit(&self) -> i64 {
        self.lines.iter().map(|line| line.benefit).sum()
    }

    /// Why nothing is covered, if nothing is; empty otherwise.
    pub fn nothing_covered(&self) -> Vec<String> {
        let mut reasons: Vec<String> = Vec::new();
        let is_denied = |line: &Shares| line.not_covered > 0 && line.allowed == 0 && line.contractual == 0;
        if self.lines.iter().all(is_denied) {
            for reason in self.lines.iter().flat_map(|line| &line.reasons) {
                if !reasons.contains(reason) {
                    reasons.push(reason.clone());
                }
            }
        }
        reasons
    }

    /// Takes what it drew off the balances of a policy that has it: as if it had not been decided.
    pub fn give_back(&self, policy: &mut Policy) {
        for drawn in &self.draws {
            let period = Period { start: drawn.start, end: drawn.end };
            let balance = policy.balances.iter_mut().find(|other| other.code == drawn.code && other.period == period);
            match balance.map(|balance| &mut balance.used) {
                Some(Allowance::Money(used)) => used.minor_units = used.minor_units.saturating_sub(drawn.amount).max(0),
                Some(Allowance::Count(used)) => {
                    *used = used.saturating_sub(u32::try_from(drawn.amount).unwrap_or(u32::MAX));
                }
                None => {}
            }
        }
    }

    /// In the type of the contract.
    pub fn adjudication(&self, profile: &Profile) -> Adjudication {
        let money = |amount: i64| -> Money { Fen::new(amount).into() };
        let lines = self.lines.iter().map(|line| LineAdjudication {
            number: line.number,
            contractual: money(line.contractual),
            not_covered: money(line.not_covered),
            allowed: money(line.allowed),
            deductible: money(line.deductible),
            copay: money(line.copay),
            coinsurance: money(line.coinsurance),
            over_limit: money(line.over_limit),
            benefit: money(line.benefit),
            reasons: line.reasons.iter().map(|code| refusal::reason(profile, code)).collect(),
        });
        let draws = self.draws.iter().map(|drawn| Draw {
            code: drawn.code.clone(),
            period: Period { start: drawn.start, end: drawn.end },
            amount: match u32::try_from(drawn.amount) {
                Ok(count) if drawn.is_count => Allowance::Count(count),
                _ => Allowance::Money(money(drawn.amount)),
            },
        });
        Adjudication {
            lines: lines.collect(),
            draws: draws.collect(),
            citation: profile.cite("deductible, copay, networks, limits"),
            attributes: Vec::new(),
        }
    }
}
