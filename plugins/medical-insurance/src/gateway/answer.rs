//! What the office answers. What does not fit makes the whole answer nobody's.

use scheme::json::Json;
use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    money::Fen,
    payment::{Accumulator, Adjudication, Bill, LineResult, Part, Source},
    types::{Attribute, AttributeValue, Attributes as _, Decimal, LocalizedText, Money, zh_en},
};

use super::{Person, envelope::text, office::Office};
use crate::{
    adjudicate::{DEDUCTIBLE_USED, FUND_USED},
    refusal::rule,
};

/// Fen of an amount in yuan.
pub fn fen(json: Option<&Json>) -> Option<i64> {
    let amount: Decimal = text(json)?.parse().ok()?;
    let amount = amount.times(Decimal::whole(100))?.normalized();
    (amount.scale == 0).then_some(amount.unscaled)
}

/// An amount that may be left out.
fn fen_or_none(of: &Json, field: &str) -> Option<i64> {
    match of.get(field) {
        None | Some(Json::Null) => Some(0),
        some => fen(some),
    }
}

fn list<'a>(of: &'a Json, field: &str) -> &'a [Json] {
    match of.get(field) {
        Some(Json::List(items)) => items,
        _ => &[],
    }
}

/// Of 1101.
pub fn person(output: &Json) -> Option<Person> {
    let psn_no = text(output.get("baseinfo")?.get("psn_no")).filter(|number| !number.is_empty())?.to_owned();
    Some(Person { psn_no, insutype: String::new(), used: None })
}

/// Whether 1101 names the kind of insurance as in force.
pub fn is_insured(output: &Json, insutype: &str) -> bool {
    list(output, "insuinfo")
        .iter()
        .any(|row| text(row.get("insutype")) == Some(insutype) && text(row.get("psn_insu_stas")) == Some("1"))
}

/// Whether 2001 names a benefit that is enjoyed.
pub fn is_entitled(output: &Json) -> bool {
    list(output, "trtinfo").iter().any(|row| text(row.get("trt_enjymnt_flag")) == Some("1"))
}

/// Deductible and fund used, of 5206, if the office says both.
pub fn used(output: &Json, office: &Office) -> Option<(i64, i64)> {
    let of = |code: &str| {
        let code = office.code(code);
        let row = list(output, "cuminfo").iter().find(|row| text(row.get("cum_type_code")) == Some(code))?;
        fen(row.get("cum"))
    };
    of(DEDUCTIBLE_USED).zip(of(FUND_USED))
}

/// How the office sees a line, in fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineShares {
    number: u32,
    /// 全自费.
    pub self_funded: i64,
    /// 超限价.
    pub over_limit: i64,
    /// 先行自付.
    pub pre_self_pay: i64,
    /// 符合范围.
    pub in_scope: i64,
    /// 丙类.
    is_outside: bool,
}

/// The lines of an upload, if they are those of the bill and each adds up.
pub fn lines(rows: Option<&Json>, bill: &Bill) -> Option<Vec<LineShares>> {
    let Some(Json::List(rows)) = rows else { return None };
    let row = |number: u32| rows.iter().find(|row| text(row.get("feedetl_sn")) == Some(number.to_string().as_str()));
    let read = |line: &xinglin_sdk::payment::Line| {
        let row = row(line.number)?;
        let part = |field: &str| fen(row.get(field)).filter(|part| *part >= 0);
        let shares = LineShares {
            number: line.number,
            self_funded: part("fulamt_ownpay_amt")?,
            over_limit: part("overlmt_amt")?,
            pre_self_pay: part("preselfpay_amt")?,
            in_scope: part("inscp_scp_amt")?,
            is_outside: text(row.get("chrgitm_lv")) == Some("03"),
        };
        let parts = [shares.self_funded, shares.over_limit, shares.pre_self_pay, shares.in_scope];
        (sum(&parts)? == line.gross.minor_units).then_some(shares)
    };
    let read: Option<Vec<LineShares>> = bill.lines.iter().map(read).collect();
    read.filter(|_| rows.len() == bill.lines.len())
}

fn sum(amounts: &[i64]) -> Option<i64> {
    amounts.iter().try_fold(0_i64, |sum, amount| sum.checked_add(*amount))
}

/// Sum of a bill, if it is none too large.
pub fn total(bill: &Bill) -> Option<i64> {
    sum(&bill.lines.iter().map(|line| line.gross.minor_units).collect::<Vec<_>>())
}

/// `setlinfo`, in fen.
#[derive(Debug, Clone)]
pub struct Setl {
    /// `setl_id`; empty of a quote.
    pub id: String,
    /// `mdtrt_id`
    pub visit: String,
    total: i64,
    self_funded: i64,
    over_limit: i64,
    pre_self_pay: i64,
    in_scope: i64,
    /// `act_pay_dedc`
    pub deductible: i64,
    /// `hifp_pay`: the pooled fund.
    pub pooled: i64,
    /// Every other fund.
    others: i64,
    fund: i64,
    person: i64,
    account: i64,
    family: i64,
    cash: i64,
    /// `balc`
    pub balance: Option<i64>,
}

impl Setl {
    /// Reads it; `None` if an amount is missing or none.
    pub fn read(setlinfo: Option<&Json>) -> Option<Self> {
        let of = setlinfo?;
        let amount = |field: &str| fen(of.get(field));
        let others = ["cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "maf_pay", "oth_pay"];
        let others: Option<Vec<i64>> = others.iter().map(|field| fen_or_none(of, field)).collect();
        Some(Self {
            id: text(of.get("setl_id")).unwrap_or_default().to_owned(),
            visit: text(of.get("mdtrt_id")).unwrap_or_default().to_owned(),
            total: amount("medfee_sumamt")?,
            self_funded: amount("fulamt_ownpay_amt")?,
            over_limit: amount("overlmt_selfpay")?,
            pre_self_pay: amount("preselfpay_amt")?,
            in_scope: amount("inscp_scp_amt")?,
            deductible: fen_or_none(of, "act_pay_dedc")?,
            pooled: amount("hifp_pay")?,
            others: sum(&others?)?,
            fund: amount("fund_pay_sumamt")?,
            person: amount("psn_part_amt")?,
            account: amount("acct_pay")?,
            family: fen_or_none(of, "acct_mulaid_pay")?,
            cash: amount("psn_cash_pay")?,
            balance: fen(of.get("balc")),
        })
    }

    /// Total, fund, account and cash.
    pub const fn paid(&self) -> [i64; 4] {
        [self.total, self.fund, self.account.saturating_add(self.family), self.cash]
    }

    /// D1: every sum of the interface, against the bill's total and its lines.
    pub fn check(&self, total: i64, lines: &[LineShares], use_account: bool) -> Result<(), &'static str> {
        let of = |part: fn(&LineShares) -> i64| sum(&lines.iter().map(part).collect::<Vec<_>>());
        let parts =
            [self.self_funded, self.over_limit, self.pre_self_pay, self.in_scope, self.pooled, self.others, self.fund];
        let persons = [self.person, self.account, self.family, self.cash, self.deductible];
        let sums = [
            (total == self.total, "medfee_sumamt is not that of the bill"),
            (parts.into_iter().chain(persons).all(|part| part >= 0), "an amount is below zero"),
            (
                sum(&[self.self_funded, self.over_limit, self.pre_self_pay, self.in_scope]) == Some(self.total),
                "medfee_sumamt ≠ fulamt_ownpay_amt + overlmt_selfpay + preselfpay_amt + inscp_scp_amt",
            ),
            (sum(&[self.fund, self.person]) == Some(self.total), "medfee_sumamt ≠ fund_pay_sumamt + psn_part_amt"),
            (
                sum(&[self.account, self.family, self.cash]) == Some(self.person),
                "psn_part_amt ≠ acct_pay + acct_mulaid_pay + psn_cash_pay",
            ),
            (sum(&[self.pooled, self.others]) == Some(self.fund), "fund_pay_sumamt is not the sum of the funds"),
            (of(|line| line.self_funded) == Some(self.self_funded), "fulamt_ownpay_amt is not that of the lines"),
            (of(|line| line.over_limit) == Some(self.over_limit), "overlmt_selfpay is not that of the lines"),
            (of(|line| line.pre_self_pay) == Some(self.pre_self_pay), "preselfpay_amt is not that of the lines"),
            (of(|line| line.in_scope) == Some(self.in_scope), "inscp_scp_amt is not that of the lines"),
            (use_account || self.account + self.family == 0, "the account was used against acct_used_flag"),
        ];
        sums.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, what)| Err(what))
    }

    /// In the type of the contract.
    pub fn adjudication(&self, lines: &[LineShares], accumulators: Vec<Accumulator>) -> Adjudication {
        let money = |fen: i64| Money::from(Fen::new(fen));
        let shares = [
            (Source::BasicFund, self.pooled),
            (Source::SupplementaryFund, self.others),
            (Source::PersonalAccount, self.account),
            (Source::FamilyAccount, self.family),
            (Source::Cash, self.cash),
        ];
        let always = [Source::BasicFund, Source::PersonalAccount, Source::Cash];
        let parts = shares.into_iter().filter(|(source, amount)| *amount != 0 || always.contains(source));
        let result = |line: &LineShares| LineResult {
            number: line.number,
            self_funded: money(line.self_funded),
            over_limit: money(line.over_limit),
            pre_self_pay: money(line.pre_self_pay),
            in_scope: money(line.in_scope),
            note: note(line),
        };
        let figures = [
            ("nhsa.medfee-sumamt", self.total),
            ("nhsa.fulamt-ownpay-amt", self.self_funded),
            ("nhsa.overlmt-selfpay", self.over_limit),
            ("nhsa.preselfpay-amt", self.pre_self_pay),
            ("nhsa.inscp-scp-amt", self.in_scope),
            ("nhsa.act-pay-dedc", self.deductible),
            ("nhsa.hifp-pay", self.pooled),
            ("nhsa.fund-pay-sumamt", self.fund),
            ("nhsa.psn-part-amt", self.person),
            ("nhsa.acct-pay", self.account),
            ("nhsa.acct-mulaid-pay", self.family),
            ("nhsa.psn-cash-pay", self.cash),
        ];
        Adjudication {
            lines: lines.iter().map(result).collect(),
            parts: parts.map(|(source, amount)| Part { source, amount: money(amount) }).collect(),
            accumulators,
            citation: rule(),
            attributes: figures.into_iter().map(|(key, fen)| Attribute::new(key, money(fen))).collect(),
        }
    }
}

fn note(line: &LineShares) -> LocalizedText {
    if line.is_outside {
        zh_en("丙类或目录外,全自费。", "Class C or outside the catalogue: wholly self-funded.")
    } else if line.over_limit > 0 {
        zh_en("超出限价的部分自费。", "The part above the price limit is self-funded.")
    } else {
        Vec::new()
    }
}

/// A figure of an adjudication, in fen.
pub fn figure(attributes: &[Attribute], key: &str) -> Option<i64> {
    match attributes.value(key)? {
        AttributeValue::Money(money) => Some(money.minor_units),
        _ => None,
    }
}
