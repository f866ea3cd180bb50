//! Adjudication: exact in fen, half-up for each line, floor for the fund.

use scheme::edition::Edition;
use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    money::{Fen, MoneyError, Rounding},
    payment::{Accumulator, Adjudication, Bill, Coverage, Error, Line, LineResult, Part, Refusal, Source},
    types::{Attribute, Citation, Decimal, LocalizedText, Money, zh_en},
};

use crate::{
    money,
    refusal::refusal,
    rules::{Class, Kind, Scheme},
};

/// Codes of the accumulators.
pub const DEDUCTIBLE_USED: &str = "deductible-used";
/// What the fund has paid in the year.
pub const FUND_USED: &str = "fund-used";
/// What is on the account.
pub const ACCOUNT_BALANCE: &str = "account-balance";

/// The insured person's accumulators and account balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    #[serde(with = "fen")]
    deductible: Fen,
    #[serde(with = "fen")]
    fund: Fen,
    /// `None` if the person has no personal account, as is the case for residents.
    #[serde(with = "maybe_fen")]
    account: Option<Fen>,
}

impl Used {
    /// The last values known to the host. Deductible and fund must be known:
    /// zero would give wrong amounts.
    fn of(coverage: &Coverage) -> Result<Self, Error> {
        let find = |code: &str| {
            let found = coverage.accumulators.iter().find(|accumulator| accumulator.code == code);
            found.map(|accumulator| Fen::of(&accumulator.amount).and_then(Fen::non_negative)).transpose().map_err(money)
        };
        let missing = |code: &str| {
            Error::MissingData(zh_en(
                format!("缺少累计信息 {code},请先查询参保人累计。"),
                format!("The accumulator {code} is not known; ask the insurance office for it first."),
            ))
        };
        Ok(Self {
            deductible: find(DEDUCTIBLE_USED)?.ok_or_else(|| missing(DEDUCTIBLE_USED))?,
            fund: find(FUND_USED)?.ok_or_else(|| missing(FUND_USED))?,
            account: find(ACCOUNT_BALANCE)?,
        })
    }

    /// In the type of the contract.
    pub fn accumulators(&self) -> Vec<Accumulator> {
        let accumulator = |(code, amount): (&str, Fen)| Accumulator { code: code.to_owned(), amount: amount.into() };
        let account = self.account.map(|balance| (ACCOUNT_BALANCE, balance));
        [(DEDUCTIBLE_USED, self.deductible), (FUND_USED, self.fund)]
            .into_iter()
            .chain(account)
            .map(accumulator)
            .collect()
    }
}

/// Why a bill is not basic insurance's to pay, whoever decides it; empty if it is.
///
/// # Errors
/// If it is in another currency.
pub fn refusals(bill: &Bill, coverage: &Coverage) -> Result<Vec<&'static str>, Error> {
    if bill.currency != Fen::CURRENCY {
        return Err(money(MoneyError::Currency(bill.currency.clone())));
    }
    let reasons = [
        (coverage.valid_until.is_some_and(|end| bill.served_at >= end), "COVERAGE_LAPSED"),
        (!bill.prior.is_empty(), "BASIC_FUND_PAYS_FIRST"),
    ];
    Ok(reasons.into_iter().filter(|(applies, _)| *applies).map(|(_, code)| code).collect())
}

/// A bill that the scheme accepts.
#[derive(Debug)]
pub struct Case<'a> {
    bill: &'a Bill,
    used: Used,
    edition: Edition<Scheme>,
    kind: Kind,
}

impl<'a> Case<'a> {
    /// Whether the scheme accepts it. The inner `Err` is a refusal.
    pub fn of(bill: &'a Bill, coverage: &Coverage) -> Result<Result<Self, Vec<Refusal>>, Error> {
        let mut reasons = refusals(bill, coverage)?;
        let edition = Scheme::at(bill.served_at)?;
        let kind = edition.scheme.kind(coverage).cloned();
        if kind.is_none() {
            reasons.push("CATEGORY_NOT_COVERED");
        }
        match kind.filter(|_| reasons.is_empty()) {
            Some(kind) => Ok(Ok(Self { bill, used: Used::of(coverage)?, edition, kind })),
            None => Ok(Err(reasons.into_iter().map(refusal).collect())),
        }
    }

    /// The source of the rules.
    pub fn citation(&self) -> Citation {
        self.edition.cite(&self.edition.scheme.source)
    }

    /// The shares of the bill.
    pub fn figures(&self) -> Result<Figures, Error> {
        let lines = self.bill.lines.iter().map(|line| LineFigures::of(line, &self.edition.scheme));
        self.share(lines.collect::<Result<Vec<_>, _>>()?).map_err(money)
    }

    fn share(&self, lines: Vec<LineFigures>) -> Result<Figures, MoneyError> {
        let total = |part: fn(&LineFigures) -> Fen| Fen::sum(lines.iter().map(part));
        let (gross, in_scope, pre_self_pay) =
            (total(|line| line.gross)?, total(|line| line.in_scope)?, total(|line| line.pre_self_pay)?);
        let used = self.used;

        let kind = &self.kind;
        let deductible = in_scope.min(kind.deductible.fen().minus(used.deductible)?.or_zero());
        let room = kind.cap.fen().minus(used.fund)?.or_zero();
        let ratio = self.edition.scheme.ratio(kind);
        let fund = ratio.of(in_scope.minus(deductible)?, Rounding::Floor)?.min(room);

        // The account pays only amounts that the scheme recognises.
        let recognised = in_scope.minus(fund)?.plus(pre_self_pay)?;
        let balance = used.account.filter(|_| self.bill.use_account && kind.account).unwrap_or(Fen::ZERO);
        let account = recognised.min(balance);
        let cash = gross.minus(fund)?.minus(account)?;

        let after = Used {
            deductible: used.deductible.plus(deductible)?,
            fund: used.fund.plus(fund)?,
            account: used.account.map(|balance| balance.minus(account)).transpose()?,
        };
        Ok(Figures { lines, deductible, fund, account, cash, after })
    }
}

/// The figures of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LineFigures {
    number: u32,
    #[serde(with = "fen")]
    gross: Fen,
    #[serde(with = "fen")]
    self_funded: Fen,
    #[serde(with = "fen")]
    over_limit: Fen,
    #[serde(with = "fen")]
    pre_self_pay: Fen,
    #[serde(with = "fen")]
    in_scope: Fen,
    note: Note,
}

/// Explanations of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Note {
    None,
    NotInCatalogue,
    ClassC,
    OverLimit,
}

impl LineFigures {
    fn of(line: &Line, scheme: &Scheme) -> Result<Self, Error> {
        let gross = Fen::of(&line.gross).and_then(Fen::non_negative).map_err(money)?;
        if line.quantity <= Decimal::whole(0) {
            return Err(Error::Other(format!("line {} charges for {} units", line.number, line.quantity)));
        }
        let outside = |note| Self {
            number: line.number,
            gross,
            self_funded: gross,
            over_limit: Fen::ZERO,
            pre_self_pay: Fen::ZERO,
            in_scope: Fen::ZERO,
            note,
        };
        let Some(item) = scheme.item(&line.code) else { return Ok(outside(Note::NotInCatalogue)) };
        if item.class == Class::C {
            return Ok(outside(Note::ClassC));
        }
        let split = || -> Result<Self, MoneyError> {
            let recognised = match item.limit {
                Some(limit) => gross.min(limit.fen().times(line.quantity, Rounding::HalfUp)?),
                None => gross,
            };
            let over_limit = gross.minus(recognised)?;
            let pre_self_pay = item.self_pay.of(recognised, Rounding::HalfUp)?;
            let in_scope = recognised.minus(pre_self_pay)?;
            let note = if over_limit > Fen::ZERO { Note::OverLimit } else { Note::None };
            Ok(Self { number: line.number, gross, self_funded: Fen::ZERO, over_limit, pre_self_pay, in_scope, note })
        };
        split().map_err(money)
    }

    fn result(&self) -> LineResult {
        LineResult {
            number: self.number,
            self_funded: self.self_funded.into(),
            over_limit: self.over_limit.into(),
            pre_self_pay: self.pre_self_pay.into(),
            in_scope: self.in_scope.into(),
            note: self.note.text(),
        }
    }
}

impl Note {
    fn text(self) -> LocalizedText {
        match self {
            Self::None => Vec::new(),
            Self::NotInCatalogue => {
                zh_en("不在医保目录内,全自费。", "Not in the scheme's catalogue: wholly self-funded.")
            }
            Self::ClassC => zh_en("丙类,全自费。", "Class C: wholly self-funded."),
            Self::OverLimit => zh_en("超出限价的部分自费。", "The part above the price limit is self-funded."),
        }
    }
}

/// The shares, and the new values of the accumulators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    lines: Vec<LineFigures>,
    #[serde(with = "fen")]
    deductible: Fen,
    #[serde(with = "fen")]
    fund: Fen,
    #[serde(with = "fen")]
    account: Fen,
    #[serde(with = "fen")]
    cash: Fen,
    after: Used,
}

impl Figures {
    /// Fund, account and cash; together the gross of the bill.
    pub fn parts(&self) -> Vec<Part> {
        let shares =
            [(Source::BasicFund, self.fund), (Source::PersonalAccount, self.account), (Source::Cash, self.cash)];
        shares.into_iter().map(|(source, amount)| Part { source, amount: amount.into() }).collect()
    }

    /// In the type of the contract, with the figures of NHSA 2206 and 2207.
    pub fn adjudication(&self, citation: Citation) -> Adjudication {
        Adjudication {
            lines: self.lines.iter().map(LineFigures::result).collect(),
            parts: self.parts(),
            accumulators: self.after.accumulators(),
            citation,
            attributes: self.nhsa(),
        }
    }

    /// The accumulators after a reversal of the settlement. Other
    /// settlements may have followed, so this is computed from the
    /// current values of the host.
    pub fn taken_back(&self, coverage: &Coverage) -> Result<Used, Error> {
        let now = Used::of(coverage)?;
        let less = |figure: Fen, amount: Fen| figure.minus(amount).and_then(Fen::non_negative);
        let back = || -> Result<Used, MoneyError> {
            Ok(Used {
                deductible: less(now.deductible, self.deductible)?,
                fund: less(now.fund, self.fund)?,
                account: match now.account {
                    Some(balance) => Some(balance.plus(self.account)?),
                    None if self.account == Fen::ZERO => None,
                    None => Some(self.account),
                },
            })
        };
        back().map_err(money)
    }

    fn nhsa(&self) -> Vec<Attribute> {
        // Each of these sums was computed before, or is part of one, so none overflows.
        let total = |part: fn(&LineFigures) -> Fen| Fen::sum(self.lines.iter().map(part)).unwrap_or_default();
        let own = self.account.plus(self.cash).unwrap_or_default();
        [
            ("nhsa.medfee-sumamt", total(|line| line.gross)),
            ("nhsa.fulamt-ownpay-amt", total(|line| line.self_funded)),
            ("nhsa.overlmt-selfpay", total(|line| line.over_limit)),
            ("nhsa.preselfpay-amt", total(|line| line.pre_self_pay)),
            ("nhsa.inscp-scp-amt", total(|line| line.in_scope)),
            ("nhsa.act-pay-dedc", self.deductible),
            ("nhsa.hifp-pay", self.fund),
            ("nhsa.fund-pay-sumamt", self.fund),
            ("nhsa.psn-part-amt", own),
            ("nhsa.acct-pay", self.account),
            ("nhsa.acct-mulaid-pay", Fen::ZERO),
            ("nhsa.psn-cash-pay", self.cash),
        ]
        .into_iter()
        .map(|(key, amount)| Attribute::new(key, Money::from(amount)))
        .collect()
    }
}

/// Amounts are stored in fen.
mod fen {
    use serde::{Deserialize, Deserializer, Serializer};
    use xinglin_sdk::money::Fen;

    pub fn serialize<S: Serializer>(fen: &Fen, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(fen.amount())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fen, D::Error> {
        i64::deserialize(deserializer).map(Fen::new)
    }
}

mod maybe_fen {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use xinglin_sdk::money::Fen;

    pub fn serialize<S: Serializer>(fen: &Option<Fen>, serializer: S) -> Result<S::Ok, S::Error> {
        fen.map(Fen::amount).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Fen>, D::Error> {
        Option::<i64>::deserialize(deserializer).map(|amount| amount.map(Fen::new))
    }
}
