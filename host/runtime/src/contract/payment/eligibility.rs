//! `xinglin:payment/eligibility@1.1` ⇄ [`xinglin_domain::insurance::eligibility`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    insurance::{Claim, InsurerError, Policy, eligibility as domain},
    time::Instant,
};

use super::insurance::{Error, answer, believe};
use crate::{
    contract::{
        hook::{Hook, HookName},
        types::v1::{Invalid, raise},
    },
    wit::{exports::xinglin::payment1_1_0::eligibility as wit, xinglin::payment1_1_0::insurance as words},
};

const INTERFACE: &str = "xinglin:payment/eligibility@1.1.0";

impl TryFrom<wit::Benefit> for domain::Benefit {
    type Error = Invalid;

    fn try_from(x: wit::Benefit) -> Result<Self, Invalid> {
        Ok(Self {
            number: x.number,
            excluded: raise(x.excluded)?,
            preauthorization_required: x.preauthorization_required,
            documents_wanted: raise(x.documents_wanted)?,
        })
    }
}

impl TryFrom<wit::Entitlement> for domain::Entitlement {
    type Error = Invalid;

    fn try_from(x: wit::Entitlement) -> Result<Self, Invalid> {
        Ok(Self { benefits: raise(x.benefits)?, balances: raise(x.balances)?, citation: x.citation.into() })
    }
}

impl TryFrom<wit::Standing> for domain::Standing {
    type Error = Invalid;

    fn try_from(x: wit::Standing) -> Result<Self, Invalid> {
        Ok(match x {
            wit::Standing::InForce(x) => Self::InForce(x.try_into()?),
            wit::Standing::NotInForce(x) => Self::NotInForce(raise(x)?),
        })
    }
}

/// Input of `check`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckInput<'a> {
    pub claim: Cow<'a, Claim>,
    pub policy: Cow<'a, Policy>,
    pub now: Instant,
}

/// `xinglin:payment/eligibility#check`.
pub(crate) struct Check;

impl Hook for Check {
    const NAME: HookName = HookName { interface: INTERFACE, function: "check" };
    type Input<'a> = CheckInput<'a>;
    type Output = Result<domain::Standing, InsurerError>;
    type Parameters = (words::Claim, words::Policy, i64);
    type Results = (Result<wit::Standing, Error>,);

    fn lower(input: &CheckInput<'_>) -> Self::Parameters {
        (input.claim.as_ref().into(), input.policy.as_ref().into(), input.now.micros())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }

    fn check(input: &Self::Input<'_>, output: &Self::Output) -> Result<(), Invalid> {
        believe(output, |answer| answer.check(&input.claim, &input.policy))
    }
}
