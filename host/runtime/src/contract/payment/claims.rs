//! `xinglin:payment/claims@1.1` ⇄ [`xinglin_domain::insurance::claims`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    insurance::{Claim, InsurerError, Operation, Policy, claims as domain},
    time::Instant,
};

use super::insurance::{CancelInput, Error, StatusInput, SubmitInput, answer, believe, maybe};
use crate::{
    contract::{
        hook::{Hook, HookName},
        types::v1::{Invalid, lower, lower_text, raise, raise_text},
    },
    wit::{exports::xinglin::payment1_1_0::claims as wit, xinglin::payment1_1_0::insurance as words},
};

const INTERFACE: &str = "xinglin:payment/claims@1.1.0";

impl TryFrom<wit::Reason> for domain::Reason {
    type Error = Invalid;

    fn try_from(x: wit::Reason) -> Result<Self, Invalid> {
        Ok(Self { code: x.code.into(), message: raise_text(x.message), citation: x.citation.into() })
    }
}

impl TryFrom<wit::LineAdjudication> for domain::LineAdjudication {
    type Error = Invalid;

    fn try_from(x: wit::LineAdjudication) -> Result<Self, Invalid> {
        Ok(Self {
            number: x.number,
            contractual: x.contractual.try_into()?,
            not_covered: x.not_covered.try_into()?,
            allowed: x.allowed.try_into()?,
            deductible: x.deductible.try_into()?,
            copay: x.copay.try_into()?,
            coinsurance: x.coinsurance.try_into()?,
            over_limit: x.over_limit.try_into()?,
            benefit: x.benefit.try_into()?,
            reasons: raise(x.reasons)?,
        })
    }
}

impl TryFrom<wit::Adjudication> for domain::Adjudication {
    type Error = Invalid;

    fn try_from(x: wit::Adjudication) -> Result<Self, Invalid> {
        Ok(Self {
            lines: raise(x.lines)?,
            draws: raise(x.draws)?,
            citation: x.citation.into(),
            attributes: raise(x.attributes)?,
        })
    }
}

impl TryFrom<wit::Predetermined> for domain::Predetermined {
    type Error = Invalid;

    fn try_from(x: wit::Predetermined) -> Result<Self, Invalid> {
        Ok(match x {
            wit::Predetermined::Covered(x) => Self::Covered(x.try_into()?),
            wit::Predetermined::Declined(x) => Self::Declined(raise(x)?),
        })
    }
}

impl TryFrom<wit::ExplanationOfBenefit> for domain::ExplanationOfBenefit {
    type Error = Invalid;

    fn try_from(x: wit::ExplanationOfBenefit) -> Result<Self, Invalid> {
        Ok(Self { reference: x.reference, adjudication: x.adjudication.try_into()? })
    }
}

impl From<wit::Cancellation> for domain::Cancellation {
    fn from(x: wit::Cancellation) -> Self {
        Self { reference: x.reference }
    }
}

impl TryFrom<wit::Response> for domain::Response {
    type Error = Invalid;

    fn try_from(x: wit::Response) -> Result<Self, Invalid> {
        Ok(match x {
            wit::Response::Adjudicated(x) => Self::Adjudicated(x.try_into()?),
            wit::Response::Pending(x) => Self::Pending(x.into()),
            wit::Response::Refused(x) => Self::Refused(raise(x)?),
            wit::Response::Cancelled(x) => Self::Cancelled(x.into()),
        })
    }
}

impl From<&domain::Objection> for wit::Objection {
    fn from(x: &domain::Objection) -> Self {
        Self {
            reference: x.reference.clone(),
            lines: x.lines.clone(),
            grounds: lower_text(&x.grounds),
            documents: lower(&x.documents),
        }
    }
}

/// Input of `predetermine`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PredetermineInput<'a> {
    pub claim: Cow<'a, Claim>,
    pub policy: Cow<'a, Policy>,
    pub now: Instant,
}

/// `xinglin:payment/claims#predetermine`.
pub(crate) struct Predetermine;

impl Hook for Predetermine {
    const NAME: HookName = HookName { interface: INTERFACE, function: "predetermine" };
    type Input<'a> = PredetermineInput<'a>;
    type Output = Result<domain::Predetermined, InsurerError>;
    type Parameters = (words::Claim, words::Policy, i64);
    type Results = (Result<wit::Predetermined, Error>,);

    fn lower(input: &PredetermineInput<'_>) -> Self::Parameters {
        (input.claim.as_ref().into(), input.policy.as_ref().into(), input.now.micros())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }

    fn check(input: &Self::Input<'_>, output: &Self::Output) -> Result<(), Invalid> {
        believe(output, |answer| answer.check(&input.claim, &input.policy))
    }
}

/// `xinglin:payment/claims#submit`.
pub(crate) struct Submit;

impl Hook for Submit {
    const NAME: HookName = HookName { interface: INTERFACE, function: "submit" };
    type Input<'a> = SubmitInput<'a>;
    type Output = Result<domain::Response, InsurerError>;
    type Parameters = (words::Operation, words::Claim, words::Policy);
    type Results = (Result<wit::Response, Error>,);

    fn lower(input: &SubmitInput<'_>) -> Self::Parameters {
        (input.operation.as_ref().into(), input.claim.as_ref().into(), input.policy.as_ref().into())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }
}

/// `xinglin:payment/claims#status`.
pub(crate) struct Status;

impl Hook for Status {
    const NAME: HookName = HookName { interface: INTERFACE, function: "status" };
    type Input<'a> = StatusInput<'a>;
    type Output = Result<Option<domain::Response>, InsurerError>;
    type Parameters = (words::Operation, Option<String>, i64);
    type Results = (Result<Option<wit::Response>, Error>,);

    fn lower(input: &StatusInput<'_>) -> Self::Parameters {
        let reference = input.reference.as_ref().map(ToString::to_string);
        (input.operation.as_ref().into(), reference, input.now.micros())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        maybe(answered)
    }
}

/// `xinglin:payment/claims#cancel`.
pub(crate) struct Cancel;

impl Hook for Cancel {
    const NAME: HookName = HookName { interface: INTERFACE, function: "cancel" };
    type Input<'a> = CancelInput<'a>;
    type Output = Result<domain::Response, InsurerError>;
    type Parameters = (words::Operation, String, words::Policy);
    type Results = (Result<wit::Response, Error>,);

    fn lower(input: &CancelInput<'_>) -> Self::Parameters {
        (input.operation.as_ref().into(), input.reference.to_string(), input.policy.as_ref().into())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }
}

/// Input of `appeal`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppealInput<'a> {
    pub operation: Cow<'a, Operation>,
    pub objection: Cow<'a, domain::Objection>,
    pub policy: Cow<'a, Policy>,
}

/// `xinglin:payment/claims#appeal`.
pub(crate) struct Appeal;

impl Hook for Appeal {
    const NAME: HookName = HookName { interface: INTERFACE, function: "appeal" };
    type Input<'a> = AppealInput<'a>;
    type Output = Result<domain::Response, InsurerError>;
    type Parameters = (words::Operation, wit::Objection, words::Policy);
    type Results = (Result<wit::Response, Error>,);

    fn lower(input: &AppealInput<'_>) -> Self::Parameters {
        (input.operation.as_ref().into(), input.objection.as_ref().into(), input.policy.as_ref().into())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }
}
