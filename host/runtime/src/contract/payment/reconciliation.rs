//! `xinglin:payment/reconciliation@1.1` ⇄ [`xinglin_domain::insurance::reconciliation`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    insurance::{InsurerError, Period, reconciliation as domain},
    time::Instant,
};

use super::insurance::{Error, answer, believe};
use crate::{
    contract::{
        hook::{Hook, HookName},
        types::v1::{Invalid, lower, raise, raise_text},
    },
    wit::{exports::xinglin::payment1_1_0::reconciliation as wit, xinglin::payment1_1_0::insurance as words},
};

const INTERFACE: &str = "xinglin:payment/reconciliation@1.1.0";

impl From<&domain::Entry> for wit::Entry {
    fn from(x: &domain::Entry) -> Self {
        Self { reference: x.reference.clone(), amount: (&x.amount).into() }
    }
}

impl From<&domain::Statement> for wit::Statement {
    fn from(x: &domain::Statement) -> Self {
        Self { period: (&x.period).into(), entries: lower(&x.entries) }
    }
}

impl TryFrom<wit::Difference> for domain::Difference {
    type Error = Invalid;

    fn try_from(x: wit::Difference) -> Result<Self, Invalid> {
        Ok(Self {
            reference: x.reference,
            ours: x.hospital.map(TryInto::try_into).transpose()?,
            theirs: x.payer.map(TryInto::try_into).transpose()?,
            note: raise_text(x.note),
        })
    }
}

impl TryFrom<wit::Comparison> for domain::Comparison {
    type Error = Invalid;

    fn try_from(x: wit::Comparison) -> Result<Self, Invalid> {
        Ok(Self { total: x.total.try_into()?, count: x.count, differences: raise(x.differences)? })
    }
}

impl TryFrom<wit::Remitted> for domain::Remitted {
    type Error = Invalid;

    fn try_from(x: wit::Remitted) -> Result<Self, Invalid> {
        Ok(Self { reference: x.reference, amount: x.amount.try_into()? })
    }
}

impl TryFrom<wit::Remittance> for domain::Remittance {
    type Error = Invalid;

    fn try_from(x: wit::Remittance) -> Result<Self, Invalid> {
        Ok(Self {
            trace: x.trace,
            sent_at: Instant::from_micros(x.sent_at),
            amount: x.amount.try_into()?,
            items: raise(x.items)?,
            adjustment: x.adjustment.try_into()?,
        })
    }
}

/// Input of `compare`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompareInput<'a> {
    pub statement: Cow<'a, domain::Statement>,
    pub now: Instant,
}

/// `xinglin:payment/reconciliation#compare`.
pub(crate) struct Compare;

impl Hook for Compare {
    const NAME: HookName = HookName { interface: INTERFACE, function: "compare" };
    type Input<'a> = CompareInput<'a>;
    type Output = Result<domain::Comparison, InsurerError>;
    type Parameters = (wit::Statement, i64);
    type Results = (Result<wit::Comparison, Error>,);

    fn lower(input: &CompareInput<'_>) -> Self::Parameters {
        (input.statement.as_ref().into(), input.now.micros())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }

    fn check(input: &Self::Input<'_>, output: &Self::Output) -> Result<(), Invalid> {
        believe(output, |answer| answer.check(&input.statement))
    }
}

/// Input of `remittances`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemittancesInput<'a> {
    pub period: Cow<'a, Period>,
    pub now: Instant,
}

/// `xinglin:payment/reconciliation#remittances`.
pub(crate) struct Remittances;

impl Hook for Remittances {
    const NAME: HookName = HookName { interface: INTERFACE, function: "remittances" };
    type Input<'a> = RemittancesInput<'a>;
    type Output = Result<Vec<domain::Remittance>, InsurerError>;
    type Parameters = (words::Period, i64);
    type Results = (Result<Vec<wit::Remittance>, Error>,);

    fn lower(input: &RemittancesInput<'_>) -> Self::Parameters {
        (input.period.as_ref().into(), input.now.micros())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        Ok(match answered {
            Ok(sent) => Ok(raise(sent)?),
            Err(error) => Err(error.into()),
        })
    }

    fn check(input: &Self::Input<'_>, output: &Self::Output) -> Result<(), Invalid> {
        believe(output, |answer| domain::check_remittances(answer, *input.period))
    }
}
