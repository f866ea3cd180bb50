//! `xinglin:payment/preauthorization@1.1` ⇄ [`xinglin_domain::insurance::preauthorization`].

use xinglin_domain::{
    insurance::{InsurerError, preauthorization as domain},
    time::Instant,
};

use super::insurance::{CancelInput, Error, StatusInput, SubmitInput, answer, maybe};
use crate::{
    contract::{
        hook::{Hook, HookName},
        types::v1::{Invalid, raise},
    },
    wit::{exports::xinglin::payment1_1_0::preauthorization as wit, xinglin::payment1_1_0::insurance as words},
};

const INTERFACE: &str = "xinglin:payment/preauthorization@1.1.0";

impl TryFrom<wit::GuaranteedLine> for domain::GuaranteedLine {
    type Error = Invalid;

    fn try_from(x: wit::GuaranteedLine) -> Result<Self, Invalid> {
        Ok(Self { number: x.number, amount: x.amount.try_into()?, reasons: raise(x.reasons)? })
    }
}

impl TryFrom<wit::Guarantee> for domain::Guarantee {
    type Error = Invalid;

    fn try_from(x: wit::Guarantee) -> Result<Self, Invalid> {
        Ok(Self { reference: x.reference, lines: raise(x.lines)?, expires: Instant::from_micros(x.expires) })
    }
}

impl TryFrom<wit::Decision> for domain::Decision {
    type Error = Invalid;

    fn try_from(x: wit::Decision) -> Result<Self, Invalid> {
        Ok(match x {
            wit::Decision::Approved(x) => Self::Approved(x.try_into()?),
            wit::Decision::Partial(x) => Self::Partial(x.try_into()?),
            wit::Decision::Pending(x) => Self::Pending(x.into()),
            wit::Decision::Refused(x) => Self::Refused(raise(x)?),
            wit::Decision::Cancelled => Self::Cancelled,
        })
    }
}

/// `xinglin:payment/preauthorization#submit`.
pub(crate) struct Submit;

impl Hook for Submit {
    const NAME: HookName = HookName { interface: INTERFACE, function: "submit" };
    type Input<'a> = SubmitInput<'a>;
    type Output = Result<domain::Decision, InsurerError>;
    type Parameters = (words::Operation, words::Claim, words::Policy);
    type Results = (Result<wit::Decision, Error>,);

    fn lower(input: &SubmitInput<'_>) -> Self::Parameters {
        (input.operation.as_ref().into(), input.claim.as_ref().into(), input.policy.as_ref().into())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }
}

/// `xinglin:payment/preauthorization#status`.
pub(crate) struct Status;

impl Hook for Status {
    const NAME: HookName = HookName { interface: INTERFACE, function: "status" };
    type Input<'a> = StatusInput<'a>;
    type Output = Result<Option<domain::Decision>, InsurerError>;
    type Parameters = (words::Operation, Option<String>, i64);
    type Results = (Result<Option<wit::Decision>, Error>,);

    fn lower(input: &StatusInput<'_>) -> Self::Parameters {
        let reference = input.reference.as_ref().map(ToString::to_string);
        (input.operation.as_ref().into(), reference, input.now.micros())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        maybe(answered)
    }
}

/// `xinglin:payment/preauthorization#cancel`.
pub(crate) struct Cancel;

impl Hook for Cancel {
    const NAME: HookName = HookName { interface: INTERFACE, function: "cancel" };
    type Input<'a> = CancelInput<'a>;
    type Output = Result<domain::Decision, InsurerError>;
    type Parameters = (words::Operation, String, words::Policy);
    type Results = (Result<wit::Decision, Error>,);

    fn lower(input: &CancelInput<'_>) -> Self::Parameters {
        (input.operation.as_ref().into(), input.reference.to_string(), input.policy.as_ref().into())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }
}
