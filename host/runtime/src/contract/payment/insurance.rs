//! Words that the interfaces of `xinglin:payment@1.1` share ⇄ [`xinglin_domain::insurance`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    insurance::{self as domain, Claim, Fault, InsurerError, Operation, Policy, Refusal},
    money::Money,
    payer,
    time::Instant,
};

use crate::{
    contract::types::v1::{Invalid, lower, raise_text},
    wit::xinglin::payment1_1_0::insurance as wit,
};
pub(super) use wit::Error;

// --- balances ----------------------------------------------------------------

impl From<&domain::Period> for wit::Period {
    fn from(x: &domain::Period) -> Self {
        Self { start: x.start.micros(), end: x.end.micros() }
    }
}

impl From<wit::Period> for domain::Period {
    fn from(x: wit::Period) -> Self {
        Self { start: Instant::from_micros(x.start), end: Instant::from_micros(x.end) }
    }
}

impl From<&domain::Allowance> for wit::Allowance {
    fn from(x: &domain::Allowance) -> Self {
        match x {
            domain::Allowance::Money(money) => Self::Money(money.into()),
            domain::Allowance::Count(count) => Self::Count(*count),
        }
    }
}

impl TryFrom<wit::Allowance> for domain::Allowance {
    type Error = Invalid;

    fn try_from(x: wit::Allowance) -> Result<Self, Invalid> {
        Ok(match x {
            wit::Allowance::Money(money) => Self::Money(money.try_into()?),
            wit::Allowance::Count(count) => Self::Count(count),
        })
    }
}

impl From<&domain::Balance> for wit::Balance {
    fn from(x: &domain::Balance) -> Self {
        Self {
            code: x.code.clone(),
            period: (&x.period).into(),
            used: (&x.used).into(),
            limit: x.limit.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<wit::Balance> for domain::Balance {
    type Error = Invalid;

    fn try_from(x: wit::Balance) -> Result<Self, Invalid> {
        Ok(Self {
            code: x.code,
            period: x.period.into(),
            used: x.used.try_into()?,
            limit: x.limit.map(TryInto::try_into).transpose()?,
        })
    }
}

impl From<&domain::Draw> for wit::Draw {
    fn from(x: &domain::Draw) -> Self {
        Self { code: x.code.clone(), period: (&x.period).into(), amount: (&x.amount).into() }
    }
}

impl TryFrom<wit::Draw> for domain::Draw {
    type Error = Invalid;

    fn try_from(x: wit::Draw) -> Result<Self, Invalid> {
        Ok(Self { code: x.code, period: x.period.into(), amount: x.amount.try_into()? })
    }
}

// --- the claim ---------------------------------------------------------------

impl From<&domain::Policy> for wit::Policy {
    fn from(x: &domain::Policy) -> Self {
        Self {
            member: x.member.clone(),
            valid_from: x.valid_from.map(|at| at.micros()),
            valid_until: x.valid_until.map(|at| at.micros()),
            number: x.number.clone(),
            plan: (&x.plan).into(),
            network: x.network.clone(),
            balances: lower(&x.balances),
            attributes: lower(&x.attributes),
        }
    }
}

impl From<domain::LineKind> for wit::LineKind {
    fn from(x: domain::LineKind) -> Self {
        match x {
            domain::LineKind::Service => Self::Service,
            domain::LineKind::Medicine => Self::Medicine,
            domain::LineKind::Material => Self::Material,
            domain::LineKind::Other => Self::Other,
        }
    }
}

impl From<domain::Source> for wit::Source {
    fn from(x: domain::Source) -> Self {
        match x {
            domain::Source::BasicFund => Self::BasicFund,
            domain::Source::SupplementaryFund => Self::SupplementaryFund,
            domain::Source::Commercial => Self::Commercial,
            domain::Source::PersonalAccount => Self::PersonalAccount,
            domain::Source::FamilyAccount => Self::FamilyAccount,
        }
    }
}

impl From<&domain::PriorShare> for wit::PriorShare {
    fn from(x: &domain::PriorShare) -> Self {
        Self { source: x.source.into(), amount: (&x.amount).into() }
    }
}

impl From<&domain::BasicClass> for wit::BasicClass {
    fn from(x: &domain::BasicClass) -> Self {
        Self {
            self_funded: (&x.self_funded).into(),
            over_limit: (&x.over_limit).into(),
            pre_self_pay: (&x.pre_self_pay).into(),
            in_scope: (&x.in_scope).into(),
        }
    }
}

impl From<&domain::ClaimLine> for wit::ClaimLine {
    fn from(x: &domain::ClaimLine) -> Self {
        Self {
            number: x.number,
            kind: x.kind.into(),
            code: lower(&x.code),
            quantity: (&x.quantity).into(),
            gross: (&x.gross).into(),
            prior: lower(&x.prior),
            basic: x.basic.as_ref().map(Into::into),
            attributes: lower(&x.attributes),
        }
    }
}

impl From<&domain::Document> for wit::Document {
    fn from(x: &domain::Document) -> Self {
        Self { kind: (&x.kind).into(), id: x.id.clone() }
    }
}

impl From<&domain::Claim> for wit::Claim {
    fn from(x: &domain::Claim) -> Self {
        Self {
            bill: x.bill.clone(),
            currency: Money::CURRENCY.to_owned(),
            served_at: x.served_at.micros(),
            diagnoses: lower(&x.diagnoses),
            lines: lower(&x.lines),
            preauthorization: x.preauthorization.clone(),
            related: x.related.clone(),
            documents: lower(&x.documents),
            attributes: lower(&x.attributes),
        }
    }
}

impl From<&payer::Operation> for wit::Operation {
    fn from(x: &payer::Operation) -> Self {
        Self { key: x.key.clone(), at: x.at.micros() }
    }
}

// --- answers -----------------------------------------------------------------

impl From<wit::Refusal> for Refusal {
    fn from(x: wit::Refusal) -> Self {
        Self { code: x.code, message: raise_text(x.message), citation: x.citation.into() }
    }
}

impl From<wit::Pending> for domain::Pending {
    fn from(x: wit::Pending) -> Self {
        Self {
            reference: x.reference,
            ask_after: Instant::from_micros(x.ask_after),
            documents_wanted: x.documents_wanted.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<wit::Error> for InsurerError {
    fn from(x: wit::Error) -> Self {
        match x {
            wit::Error::NotDone(what) => Self::NotDone(what),
            wit::Error::Unknown(what) => Self::Unknown(what),
            wit::Error::Conflict(what) => Self::Conflict(what),
            wit::Error::MissingData(text) => Self::MissingData(raise_text(text)),
            wit::Error::Other(what) => Self::Other(what),
        }
    }
}

impl From<Fault> for Invalid {
    fn from(fault: Fault) -> Self {
        Self(fault.to_string())
    }
}

/// Raises an answer.
pub(super) fn answer<W, D>(answered: Result<W, Error>) -> Result<Result<D, InsurerError>, Invalid>
where
    D: TryFrom<W>,
    Invalid: From<D::Error>,
{
    Ok(match answered {
        Ok(value) => Ok(value.try_into()?),
        Err(error) => Err(error.into()),
    })
}

/// Raises an answer that may be absent.
pub(super) fn maybe<W, D>(answered: Result<Option<W>, Error>) -> Result<Result<Option<D>, InsurerError>, Invalid>
where
    D: TryFrom<W>,
    Invalid: From<D::Error>,
{
    Ok(match answered {
        Ok(value) => Ok(value.map(D::try_from).transpose()?),
        Err(error) => Err(error.into()),
    })
}

/// Checks an answer of a function that changes nothing: one that is wrong counts as none.
pub(super) fn believe<T>(
    answered: &Result<T, InsurerError>,
    check: impl FnOnce(&T) -> Result<(), Fault>,
) -> Result<(), Invalid> {
    match answered {
        Ok(answer) => Ok(check(answer)?),
        Err(_) => Ok(()),
    }
}

// --- what claims and guarantees are asked -------------------------------------

/// Input of `submit`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubmitInput<'a> {
    pub operation: Cow<'a, Operation>,
    pub claim: Cow<'a, Claim>,
    pub policy: Cow<'a, Policy>,
}

/// Input of `status`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusInput<'a> {
    pub operation: Cow<'a, Operation>,
    pub reference: Option<Cow<'a, str>>,
    pub now: Instant,
}

/// Input of `cancel`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelInput<'a> {
    pub operation: Cow<'a, Operation>,
    pub reference: Cow<'a, str>,
    pub policy: Cow<'a, Policy>,
}
