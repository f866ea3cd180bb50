//! A claim by the terms of its plan: the discount half up for each line; deductible, copay, coinsurance and limit of
//! the whole claim, the insurer's share down (D2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Desk, Outcome, answer::refusal, invalid};
use crate::{
    clock,
    money::{Factor, Rounding, sum, times},
    parameters::Plan,
    store::Tx,
};

/// A claim as it was read.
pub struct Case<'a> {
    /// The terms.
    pub plan: &'a Plan,
    /// Share of the patient.
    coinsurance: Factor,
    /// Insurance number, identity card or policy.
    pub member: String,
    /// The hospital's bill.
    pub bill: String,
    /// Benefit year.
    pub year: String,
    /// When the year begins and ends, as seconds since 1970.
    pub period: (i64, i64),
    /// Used of the deductible.
    pub used: i64,
    /// What is left for this insurer.
    pub lines: Vec<Line>,
    /// Sum of it.
    pub asked: i64,
}

/// A line of a claim.
pub struct Line {
    /// In the bill.
    pub number: u32,
    /// What payers before this one left.
    pub rest: i64,
    /// Whether the plan does not insure it.
    pub is_excluded: bool,
}

/// How a line was decided.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Share {
    pub contractual: i64,
    pub not_covered: i64,
    pub allowed: i64,
    pub deductible: i64,
    pub copay: i64,
    pub coinsurance: i64,
    pub over_limit: i64,
    pub benefit: i64,
}

/// How a claim was decided.
#[derive(Debug, PartialEq, Eq)]
pub struct Decision {
    pub lines: Vec<Share>,
    pub benefit: i64,
    pub deductible: i64,
    pub contractual: i64,
}

/// A member, by benefit year.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Member {
    deductible: BTreeMap<String, i64>,
}

async fn member(desk: &Desk<'_>, tx: &mut Tx, number: &str) -> Outcome<Member> {
    if let Some(member) = tx.get(&desk.kind("member"), number).await? {
        return Ok(member);
    }
    let mut member = Member::default();
    for insured in desk.insurer.insured.iter().filter(|insured| insured.number == number) {
        member.deductible.insert(clock::year(desk.now), insured.deductible_used);
    }
    Ok(member)
}

/// Uses something of a deductible up, or gives it back.
pub async fn draw(desk: &Desk<'_>, tx: &mut Tx, (number, year): (&str, &str), amount: i64) -> Outcome<()> {
    let mut member = member(desk, tx, number).await?;
    let used = member.deductible.entry(year.to_owned()).or_default();
    *used = used.saturating_add(amount).max(0);
    tx.put(&desk.kind("member"), number, &member).await?;
    Ok(())
}

impl<'a> Case<'a> {
    /// Reads a claim. The inner error is a refusal.
    pub async fn read(desk: &'a Desk<'_>, tx: &mut Tx, body: &Value) -> Outcome<Result<Case<'a>, Value>> {
        let dialect = desk.dialect;
        let (policy, person) = (dialect.get(body, "policy"), dialect.get(body, "member"));
        let (Some(bill), Some(served_at)) = (dialect.text(body, "bill"), dialect.time(body, "served-at")) else {
            return invalid("a claim");
        };
        let number = ["insurance-number", "id-number"].into_iter().find_map(|field| dialect.text(person, field));
        let Some(number) = number.or_else(|| dialect.text(policy, "number")).filter(|number| !number.is_empty()) else {
            return invalid("a member");
        };
        let code = dialect.text(policy, "plan").unwrap_or_default();
        let Some(plan) = desk.insurer.plan.iter().find(|plan| plan.code == code) else {
            return Ok(Err(refusal(dialect, "PLAN_UNKNOWN", "没有该保险计划")));
        };
        let tier = dialect.text(policy, "network").unwrap_or_default();
        let Some(coinsurance) = plan.coinsurance.get(tier) else {
            return Ok(Err(refusal(dialect, "OUT_OF_NETWORK", "不在网络内")));
        };
        let in_force = dialect.time(policy, "start").is_none_or(|start| start <= served_at)
            && dialect.time(policy, "end").is_none_or(|end| served_at < end);
        if !in_force {
            return Ok(Err(refusal(dialect, "NOT_IN_FORCE", "就诊当日保单无效")));
        }
        let mut lines = Vec::new();
        for line in dialect.list(body, "lines") {
            let prior = dialect.list(line, "prior").iter().map(|share| dialect.fen(share, "amount"));
            let prior = prior.collect::<Option<Vec<_>>>().and_then(sum);
            let rest = dialect.fen(line, "gross").zip(prior).and_then(|(gross, prior)| gross.checked_sub(prior));
            let number = dialect.get(line, "number").as_u64().and_then(|number| u32::try_from(number).ok());
            let (Some(rest @ 0..), Some(number)) = (rest, number) else { return invalid("a line") };
            let codes = dialect.list(line, "codes").iter().filter_map(|code| dialect.text(code, "code"));
            let is_excluded = codes.into_iter().any(|code| plan.excluded.iter().any(|excluded| excluded == code));
            lines.push(Line { number, rest, is_excluded });
        }
        let Some(asked) = sum(lines.iter().map(|line| line.rest)).filter(|_| !lines.is_empty()) else {
            return invalid("lines");
        };
        let (year, period) = year_of(served_at)?;
        let used = member(desk, tx, number).await?.deductible.get(&year).copied().unwrap_or(0);
        let (number, bill) = (number.to_owned(), bill.to_owned());
        let coinsurance = coinsurance.factor();
        Ok(Ok(Self { plan, coinsurance, member: number, bill, year, period, used, lines, asked }))
    }

    /// Uses something of the deductible up.
    pub async fn draw(&self, desk: &Desk<'_>, tx: &mut Tx, amount: i64) -> Outcome<()> {
        draw(desk, tx, (&self.member, &self.year), amount).await
    }
}

/// The calendar year in Asia/Shanghai.
fn year_of(second: i64) -> Outcome<(String, (i64, i64))> {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    let Ok(at) = jiff::Timestamp::from_second(second) else { return invalid("a time") };
    let year = at.to_zoned(zone.clone()).year();
    let begin = |year: i16| {
        let first = jiff::civil::Date::new(year, 1, 1).and_then(|day| day.to_zoned(zone.clone()));
        first.map_or_else(|_| invalid("a time"), |first| Ok(first.timestamp().as_second()))
    };
    Ok((year.to_string(), (begin(year)?, begin(year + 1)?)))
}

/// Shares a sum among lines: each gets what is left of it, at most its own.
fn pour<'l>(left: &mut i64, lines: impl Iterator<Item = (&'l mut i64, i64)>) {
    for (part, most) in lines {
        *part = most.min(*left);
        *left -= *part;
    }
}

/// Decides a claim; `None` if an amount is too large.
pub fn adjudicate(case: &Case<'_>, drifts: bool) -> Option<Decision> {
    let mut shares = Vec::new();
    for line in &case.lines {
        let mut share = Share::default();
        if line.is_excluded {
            share.not_covered = line.rest;
        } else {
            share.contractual = times(line.rest, case.plan.discount.factor(), Rounding::HalfUp)?;
            share.allowed = line.rest.checked_sub(share.contractual)?;
        }
        shares.push(share);
    }
    let mut deductible = case.plan.deductible.checked_sub(case.used)?.max(0);
    pour(&mut deductible, shares.iter_mut().map(|share| (&mut share.deductible, share.allowed)));
    let mut copay = case.plan.copay;
    pour(&mut copay, shares.iter_mut().map(|share| (&mut share.copay, share.allowed - share.deductible)));
    // Of the sum up to each line, so that the parts are those of the whole, rounded once.
    let (mut base, mut insured) = (0_i64, 0_i64);
    for share in &mut shares {
        let left = share.allowed - share.deductible - share.copay;
        base = base.checked_add(left)?;
        let patients = times(base, case.coinsurance, Rounding::HalfUp)?;
        let benefit = base.checked_sub(patients)?.checked_sub(insured)?;
        share.benefit = benefit.clamp(0, left);
        share.coinsurance = left - share.benefit;
        insured = insured.checked_add(share.benefit)?;
    }
    if let Some(limit) = case.plan.visit_limit {
        let mut left = limit;
        for share in &mut shares {
            let paid = share.benefit.min(left);
            left -= paid;
            share.over_limit = share.benefit - paid;
            share.benefit = paid;
        }
    }
    if let Some(share) = shares.iter_mut().find(|share| drifts && share.benefit > 0) {
        share.benefit -= 1;
        share.coinsurance += 1;
    }
    let of = |part: fn(&Share) -> i64| sum(shares.iter().map(part));
    let (benefit, deductible, contractual) =
        (of(|share| share.benefit)?, of(|share| share.deductible)?, of(|share| share.contractual)?);
    Some(Decision { lines: shares, benefit, deductible, contractual })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::{Parameters, SHIPPED};

    fn case<'a>(plan: &'a Plan, percent: &str, used: i64, lines: &[(i64, bool)]) -> Case<'a> {
        let lines = lines.iter().zip(1..).map(|(&(rest, is_excluded), number)| Line { number, rest, is_excluded });
        let lines: Vec<Line> = lines.collect();
        Case {
            plan,
            coinsurance: Factor::parse(percent).expect("a number").of_percent(),
            member: String::new(),
            bill: String::new(),
            year: String::new(),
            period: (0, 1),
            used,
            asked: lines.iter().map(|line| line.rest).sum(),
            lines,
        }
    }

    fn plan(change: impl FnOnce(&mut Plan)) -> Plan {
        let mut parameters = Parameters::read(SHIPPED).expect("sound");
        let mut plan = parameters.insurer.remove("cigna-cmb").expect("an insurer").plan.remove(0);
        change(&mut plan);
        plan
    }

    fn sums_hold(case: &Case<'_>, decision: &Decision) {
        for (line, share) in case.lines.iter().zip(&decision.lines) {
            assert_eq!(share.contractual + share.not_covered + share.allowed, line.rest);
            let parts = share.deductible + share.copay + share.coinsurance + share.over_limit + share.benefit;
            assert_eq!(parts, share.allowed);
        }
    }

    /// D2 after D1: 4200 of 12750, and the primary one of 120000.
    #[test]
    fn the_worked_examples() {
        let supplement = plan(|_| ());
        let secondary = case(&supplement, "20", 97_000, &[(1105, false), (2762, false), (4383, false), (4500, true)]);
        let decision = adjudicate(&secondary, false).expect("small");
        assert_eq!((decision.benefit, decision.deductible), (4200, 3000));
        sums_hold(&secondary, &decision);
        let drifted = adjudicate(&secondary, true).expect("small");
        assert_eq!(drifted.benefit, 4199);
        sums_hold(&secondary, &drifted);

        let session = plan(|plan| {
            plan.discount = "5".to_owned().try_into().expect("a percentage");
            (plan.copay, plan.deductible, plan.visit_limit) = (10_000, 0, None);
        });
        let primary = case(&session, "0", 0, &[(120_000, false)]);
        let decision = adjudicate(&primary, false).expect("small");
        assert_eq!((decision.benefit, decision.contractual, decision.lines[0].copay), (104_000, 6_000, 10_000));
        sums_hold(&primary, &decision);

        let limited = plan(|plan| plan.visit_limit = Some(1_000));
        let decision = adjudicate(&case(&limited, "20", 100_000, &[(900, false), (900, false)]), false).expect("small");
        assert_eq!((decision.benefit, decision.lines[1].over_limit), (1_000, 440));
    }
}
