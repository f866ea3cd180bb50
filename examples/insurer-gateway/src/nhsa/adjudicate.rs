//! The rules of the scheme: each line is rounded half up, the fund's share down (D1).

use serde::{Deserialize, Serialize};

use crate::{
    money::{Factor, Rounding, sum, times},
    parameters::{Class, Nhsa, Scheme},
};

/// A line as it was uploaded.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its number in the visit.
    pub number: String,
    /// The hospital's code.
    pub item: String,
    /// How many.
    pub count: Factor,
    /// Of the whole line, in fen.
    pub gross: i64,
}

/// A line as the scheme sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineShare {
    /// Its number in the visit.
    pub number: String,
    /// `chrgitm_lv`: 01 甲, 02 乙, 03 丙.
    pub level: String,
    /// Of the whole line.
    pub gross: i64,
    /// 全自费.
    pub self_funded: i64,
    /// 超限价.
    pub over_limit: i64,
    /// 先行自付.
    pub pre_self_pay: i64,
    /// 符合范围.
    pub in_scope: i64,
}

/// What the insured person has used, and has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Of the deductible, in the year.
    pub deductible: i64,
    /// Of the fund, in the year.
    pub fund: i64,
    /// On the account.
    pub balance: i64,
}

/// The shares of a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// 医疗费总额.
    pub total: i64,
    /// 全自费.
    pub self_funded: i64,
    /// 超限价.
    pub over_limit: i64,
    /// 先行自付.
    pub pre_self_pay: i64,
    /// 符合范围.
    pub in_scope: i64,
    /// 实际支付起付线.
    pub deductible: i64,
    /// 统筹基金.
    pub fund: i64,
    /// 个人账户.
    pub account: i64,
    /// 现金.
    pub cash: i64,
}

/// How the scheme sees a line; `None` if an amount is too large.
pub fn line(nhsa: &Nhsa, line: &Line) -> Option<LineShare> {
    let gross = line.gross;
    let outside = LineShare {
        number: line.number.clone(),
        level: "03".to_owned(),
        gross,
        self_funded: gross,
        over_limit: 0,
        pre_self_pay: 0,
        in_scope: 0,
    };
    let Some(item) = nhsa.items.iter().find(|item| item.code == line.item && item.class != Class::C) else {
        return Some(outside);
    };
    let recognised = match item.limit {
        Some(limit) => gross.min(times(limit, line.count, Rounding::HalfUp)?),
        None => gross,
    };
    let pre_self_pay = match item.self_pay {
        Some(percent) => times(recognised, percent.factor(), Rounding::HalfUp)?,
        None => 0,
    };
    Some(LineShare {
        level: if item.class == Class::A { "01" } else { "02" }.to_owned(),
        self_funded: 0,
        over_limit: gross.checked_sub(recognised)?,
        pre_self_pay,
        in_scope: recognised.checked_sub(pre_self_pay)?,
        ..outside
    })
}

/// Who pays what; `None` if an amount is too large.
pub fn share(scheme: &Scheme, lines: &[LineShare], used: Used, use_account: bool) -> Option<Figures> {
    let of = |part: fn(&LineShare) -> i64| sum(lines.iter().map(part));
    let (total, in_scope, pre_self_pay) =
        (of(|line| line.gross)?, of(|line| line.in_scope)?, of(|line| line.pre_self_pay)?);
    let left = |limit: i64, used: i64| limit.checked_sub(used).map(|left| left.max(0));
    let deductible = in_scope.min(left(scheme.deductible, used.deductible)?);
    let payable = times(in_scope.checked_sub(deductible)?, scheme.ratio.factor(), Rounding::Floor)?;
    let fund = payable.min(left(scheme.cap, used.fund)?);
    let recognised = in_scope.checked_sub(fund)?.checked_add(pre_self_pay)?;
    let account = if use_account && scheme.account { recognised.min(used.balance) } else { 0 };
    Some(Figures {
        total,
        self_funded: of(|line| line.self_funded)?,
        over_limit: of(|line| line.over_limit)?,
        pre_self_pay,
        in_scope,
        deductible,
        fund,
        account,
        cash: total.checked_sub(fund)?.checked_sub(account)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::{Parameters, SHIPPED};

    fn shares(used: Used, use_account: bool) -> (i64, i64, i64) {
        let Parameters { nhsa, .. } = Parameters::read(SHIPPED).expect("sound");
        let row = |number: &str, item: &str, count: &str, gross| Line {
            number: number.to_owned(),
            item: item.to_owned(),
            count: Factor::parse(count).expect("a number"),
            gross,
        };
        let rows = [
            row("1", "follow-up-visit", "1", 2000),
            row("2", "metformin-500mg-60", "2", 5000),
            row("3", "dapagliflozin-10mg-30", "1", 6800),
            row("4", "glucose-test-strips-50", "1", 4500),
        ];
        let lines: Vec<_> = rows.iter().map(|row| line(&nhsa, row).expect("small")).collect();
        let parts = |line: &LineShare| [line.self_funded, line.over_limit, line.pre_self_pay, line.in_scope];
        let expected = [[0, 0, 0, 2000], [0, 0, 0, 5000], [0, 800, 600, 5400], [4500, 0, 0, 0]];
        assert_eq!(lines.iter().map(parts).collect::<Vec<_>>(), expected);
        let figures = share(&nhsa.scheme[0], &lines, used, use_account).expect("small");
        (figures.fund, figures.account, figures.cash)
    }

    #[test]
    fn the_worked_example_and_its_variants() {
        let used = Used { deductible: 45_000, fund: 0, balance: 6000 };
        assert_eq!(shares(used, true), (5550, 6000, 6750));
        assert_eq!(shares(used, false), (5550, 0, 12_750));
        assert_eq!(shares(Used { fund: 396_000, ..used }, true), (4000, 6000, 8300));
        assert_eq!(shares(Used { fund: 500_000, deductible: 60_000, ..used }, true), (0, 6000, 12_300));
    }
}
