//! `xinglin:payment@1` ⇄ [`xinglin_domain::payer`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{money::Money, payer as domain, time::Instant};

use crate::{
    contract::{
        hook::{Hook, HookName},
        types::v1::{Invalid, lower, lower_text, raise, raise_text},
    },
    wit::exports::xinglin::payment1_0_0::payer as wit,
};

const INTERFACE: &str = "xinglin:payment/payer@1.0.0";

// --- the bill ----------------------------------------------------------------

impl From<&domain::Line> for wit::Line {
    fn from(l: &domain::Line) -> Self {
        Self {
            number: l.number,
            kind: match l.kind {
                domain::LineKind::Service => wit::LineKind::Service,
                domain::LineKind::Medicine => wit::LineKind::Medicine,
                domain::LineKind::Material => wit::LineKind::Material,
                domain::LineKind::Other => wit::LineKind::Other,
            },
            code: lower(&l.code),
            quantity: (&l.quantity).into(),
            gross: (&l.gross).into(),
            attributes: lower(&l.attributes),
        }
    }
}

impl From<&domain::Accumulator> for wit::Accumulator {
    fn from(a: &domain::Accumulator) -> Self {
        Self { code: a.code.clone(), amount: (&a.amount).into() }
    }
}

impl TryFrom<wit::Accumulator> for domain::Accumulator {
    type Error = Invalid;

    fn try_from(a: wit::Accumulator) -> Result<Self, Invalid> {
        Ok(Self { code: a.code, amount: a.amount.try_into()? })
    }
}

impl From<&domain::Coverage> for wit::Coverage {
    fn from(c: &domain::Coverage) -> Self {
        Self {
            member: c.member.clone(),
            category: (&c.category).into(),
            valid_until: c.valid_until.map(|i| i.micros()),
            accumulators: lower(&c.accumulators),
            attributes: lower(&c.attributes),
        }
    }
}

impl From<domain::Source> for wit::Source {
    fn from(source: domain::Source) -> Self {
        match source {
            domain::Source::BasicFund => Self::BasicFund,
            domain::Source::SupplementaryFund => Self::SupplementaryFund,
            domain::Source::Commercial => Self::Commercial,
            domain::Source::PersonalAccount => Self::PersonalAccount,
            domain::Source::FamilyAccount => Self::FamilyAccount,
            domain::Source::Cash => Self::Cash,
        }
    }
}

impl From<wit::Source> for domain::Source {
    fn from(source: wit::Source) -> Self {
        match source {
            wit::Source::BasicFund => Self::BasicFund,
            wit::Source::SupplementaryFund => Self::SupplementaryFund,
            wit::Source::Commercial => Self::Commercial,
            wit::Source::PersonalAccount => Self::PersonalAccount,
            wit::Source::FamilyAccount => Self::FamilyAccount,
            wit::Source::Cash => Self::Cash,
        }
    }
}

impl From<&domain::Part> for wit::Part {
    fn from(p: &domain::Part) -> Self {
        Self { source: p.source.into(), amount: (&p.amount).into() }
    }
}

impl TryFrom<wit::Part> for domain::Part {
    type Error = Invalid;

    fn try_from(p: wit::Part) -> Result<Self, Invalid> {
        Ok(Self { source: p.source.into(), amount: p.amount.try_into()? })
    }
}

impl From<&domain::LineResult> for wit::LineResult {
    fn from(l: &domain::LineResult) -> Self {
        Self {
            number: l.number,
            self_funded: (&l.self_funded).into(),
            over_limit: (&l.over_limit).into(),
            pre_self_pay: (&l.pre_self_pay).into(),
            in_scope: (&l.in_scope).into(),
            note: lower_text(&l.note),
        }
    }
}

impl TryFrom<wit::LineResult> for domain::LineResult {
    type Error = Invalid;

    fn try_from(l: wit::LineResult) -> Result<Self, Invalid> {
        Ok(Self {
            number: l.number,
            self_funded: l.self_funded.try_into()?,
            over_limit: l.over_limit.try_into()?,
            pre_self_pay: l.pre_self_pay.try_into()?,
            in_scope: l.in_scope.try_into()?,
            note: raise_text(l.note),
        })
    }
}

impl From<&domain::Adjudication> for wit::Adjudication {
    fn from(a: &domain::Adjudication) -> Self {
        Self {
            lines: lower(&a.lines),
            parts: lower(&a.parts),
            accumulators: lower(&a.accumulators),
            citation: (&a.citation).into(),
            attributes: lower(&a.attributes),
        }
    }
}

impl TryFrom<wit::Adjudication> for domain::Adjudication {
    type Error = Invalid;

    fn try_from(a: wit::Adjudication) -> Result<Self, Invalid> {
        Ok(Self {
            lines: raise(a.lines)?,
            parts: raise(a.parts)?,
            accumulators: raise(a.accumulators)?,
            citation: a.citation.into(),
            attributes: raise(a.attributes)?,
            insured: None,
        })
    }
}

impl From<&domain::Bill> for wit::Bill {
    fn from(b: &domain::Bill) -> Self {
        Self {
            id: b.id.clone(),
            currency: Money::CURRENCY.to_owned(),
            served_at: b.served_at.micros(),
            diagnoses: lower(&b.diagnoses),
            lines: lower(&b.lines),
            prior: lower(&b.prior),
            use_account: b.use_account,
            attributes: lower(&b.attributes),
        }
    }
}

// --- operations --------------------------------------------------------------

impl From<&domain::Operation> for wit::Operation {
    fn from(o: &domain::Operation) -> Self {
        Self { key: o.key.clone(), at: o.at.micros() }
    }
}

impl From<wit::Refusal> for domain::Refusal {
    fn from(r: wit::Refusal) -> Self {
        Self { code: r.code, message: raise_text(r.message), citation: r.citation.into() }
    }
}

impl From<&domain::Authorization> for wit::Authorization {
    fn from(a: &domain::Authorization) -> Self {
        Self { reference: a.reference.clone(), expires: a.expires.micros() }
    }
}

impl From<&domain::Settlement> for wit::Settlement {
    fn from(s: &domain::Settlement) -> Self {
        Self { reference: s.reference.clone(), adjudication: (&s.adjudication).into() }
    }
}

impl TryFrom<wit::Settlement> for domain::Settlement {
    type Error = Invalid;

    fn try_from(s: wit::Settlement) -> Result<Self, Invalid> {
        Ok(Self { reference: s.reference, adjudication: s.adjudication.try_into()? })
    }
}

impl TryFrom<wit::Reversal> for domain::Reversal {
    type Error = Invalid;

    fn try_from(r: wit::Reversal) -> Result<Self, Invalid> {
        Ok(Self { reference: r.reference, accumulators: raise(r.accumulators)? })
    }
}

impl TryFrom<wit::Quoted> for domain::Quoted {
    type Error = Invalid;

    fn try_from(q: wit::Quoted) -> Result<Self, Invalid> {
        Ok(match q {
            wit::Quoted::Covered(adjudication) => Self::Covered(adjudication.try_into()?),
            wit::Quoted::Declined(refusals) => Self::Declined(raise(refusals)?),
        })
    }
}

impl TryFrom<wit::Authorized> for domain::Authorized {
    type Error = Invalid;

    fn try_from(a: wit::Authorized) -> Result<Self, Invalid> {
        Ok(match a {
            wit::Authorized::Granted(a) => Self::Granted(domain::Authorization {
                reference: a.reference,
                expires: Instant::from_micros(a.expires),
            }),
            wit::Authorized::Refused(refusals) => Self::Refused(raise(refusals)?),
        })
    }
}

impl TryFrom<wit::Settled> for domain::Settled {
    type Error = Invalid;

    fn try_from(s: wit::Settled) -> Result<Self, Invalid> {
        Ok(match s {
            wit::Settled::Done(settlement) => Self::Done(settlement.try_into()?),
            wit::Settled::Refused(refusals) => Self::Refused(raise(refusals)?),
        })
    }
}

impl TryFrom<wit::Reversed> for domain::Reversed {
    type Error = Invalid;

    fn try_from(r: wit::Reversed) -> Result<Self, Invalid> {
        Ok(match r {
            wit::Reversed::Done(reversal) => Self::Done(reversal.try_into()?),
            wit::Reversed::Refused(refusals) => Self::Refused(raise(refusals)?),
        })
    }
}

impl TryFrom<wit::Status> for domain::Status {
    type Error = Invalid;

    fn try_from(s: wit::Status) -> Result<Self, Invalid> {
        Ok(match s {
            wit::Status::NeverSeen => Self::NeverSeen,
            wit::Status::Pending => Self::Pending,
            wit::Status::Settled(settlement) => Self::Settled(settlement.try_into()?),
            wit::Status::Reversed(reversal) => Self::Reversed(reversal.try_into()?),
            wit::Status::Refused(refusals) => Self::Refused(raise(refusals)?),
        })
    }
}

impl From<wit::Error> for domain::PayerError {
    fn from(e: wit::Error) -> Self {
        match e {
            wit::Error::Conflict(what) => Self::Conflict(what),
            wit::Error::MissingData(text) => Self::MissingData(raise_text(text)),
            wit::Error::Unavailable(what) => Self::Unavailable(what),
            wit::Error::Other(what) => Self::Other(what),
        }
    }
}

/// Raises the answer of a payer.
fn answer<W, D>(answer: Result<W, wit::Error>) -> Result<Result<D, domain::PayerError>, Invalid>
where
    D: TryFrom<W, Error = Invalid>,
{
    Ok(match answer {
        Ok(value) => Ok(value.try_into()?),
        Err(error) => Err(error.into()),
    })
}

// --- hooks -------------------------------------------------------------------

/// Input of `quote`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuoteInput<'a> {
    pub bill: Cow<'a, domain::Bill>,
    pub coverage: Cow<'a, domain::Coverage>,
    pub now: Instant,
}

/// `xinglin:payment/payer#quote`.
pub(crate) struct Quote;

impl Hook for Quote {
    const NAME: HookName = HookName { interface: INTERFACE, function: "quote" };
    type Input<'a> = QuoteInput<'a>;
    type Output = Result<domain::Quoted, domain::PayerError>;
    type Parameters = (wit::Bill, wit::Coverage, i64);
    type Results = (Result<wit::Quoted, wit::Error>,);

    fn lower(input: &QuoteInput<'_>) -> Self::Parameters {
        (input.bill.as_ref().into(), input.coverage.as_ref().into(), input.now.micros())
    }

    fn raise((quoted,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(quoted)
    }
}

/// Input of `authorize`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorizeInput<'a> {
    pub operation: Cow<'a, domain::Operation>,
    pub bill: Cow<'a, domain::Bill>,
    pub coverage: Cow<'a, domain::Coverage>,
}

/// `xinglin:payment/payer#authorize`.
pub(crate) struct Authorize;

impl Hook for Authorize {
    const NAME: HookName = HookName { interface: INTERFACE, function: "authorize" };
    type Input<'a> = AuthorizeInput<'a>;
    type Output = Result<domain::Authorized, domain::PayerError>;
    type Parameters = (wit::Operation, wit::Bill, wit::Coverage);
    type Results = (Result<wit::Authorized, wit::Error>,);

    fn lower(input: &AuthorizeInput<'_>) -> Self::Parameters {
        (input.operation.as_ref().into(), input.bill.as_ref().into(), input.coverage.as_ref().into())
    }

    fn raise((authorized,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(authorized)
    }
}

/// Input of `settle`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettleInput<'a> {
    pub operation: Cow<'a, domain::Operation>,
    pub authorization: Cow<'a, domain::Authorization>,
    pub bill: Cow<'a, domain::Bill>,
    pub coverage: Cow<'a, domain::Coverage>,
}

/// `xinglin:payment/payer#settle`.
pub(crate) struct Settle;

impl Hook for Settle {
    const NAME: HookName = HookName { interface: INTERFACE, function: "settle" };
    type Input<'a> = SettleInput<'a>;
    type Output = Result<domain::Settled, domain::PayerError>;
    type Parameters = (wit::Operation, wit::Authorization, wit::Bill, wit::Coverage);
    type Results = (Result<wit::Settled, wit::Error>,);

    fn lower(input: &SettleInput<'_>) -> Self::Parameters {
        (
            input.operation.as_ref().into(),
            input.authorization.as_ref().into(),
            input.bill.as_ref().into(),
            input.coverage.as_ref().into(),
        )
    }

    fn raise((settled,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(settled)
    }
}

/// Input of `query`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryInput<'a> {
    pub operation: Cow<'a, domain::Operation>,
}

/// `xinglin:payment/payer#query`.
pub(crate) struct Query;

impl Hook for Query {
    const NAME: HookName = HookName { interface: INTERFACE, function: "query" };
    type Input<'a> = QueryInput<'a>;
    type Output = Result<domain::Status, domain::PayerError>;
    type Parameters = (wit::Operation,);
    type Results = (Result<wit::Status, wit::Error>,);

    fn lower(input: &QueryInput<'_>) -> Self::Parameters {
        (input.operation.as_ref().into(),)
    }

    fn raise((status,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(status)
    }
}

/// Input of `reverse`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReverseInput<'a> {
    pub operation: Cow<'a, domain::Operation>,
    pub settlement: Cow<'a, domain::Settlement>,
    pub coverage: Cow<'a, domain::Coverage>,
}

/// `xinglin:payment/payer#reverse`.
pub(crate) struct Reverse;

impl Hook for Reverse {
    const NAME: HookName = HookName { interface: INTERFACE, function: "reverse" };
    type Input<'a> = ReverseInput<'a>;
    type Output = Result<domain::Reversed, domain::PayerError>;
    type Parameters = (wit::Operation, wit::Settlement, wit::Coverage);
    type Results = (Result<wit::Reversed, wit::Error>,);

    fn lower(input: &ReverseInput<'_>) -> Self::Parameters {
        (input.operation.as_ref().into(), input.settlement.as_ref().into(), input.coverage.as_ref().into())
    }

    fn raise((reversed,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(reversed)
    }
}
