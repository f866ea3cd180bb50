//! `xinglin:payment/pricing@1.1` ⇄ [`xinglin_domain::pricing`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{insurance::InsurerError, pricing as domain, time::Instant};

use super::insurance::{Error, answer, believe};
use crate::{
    contract::{
        hook::{Hook, HookName},
        types::v1::{Invalid, lower, lower_text, raise, raise_text},
    },
    wit::exports::xinglin::payment1_1_0::pricing as wit,
};

const INTERFACE: &str = "xinglin:payment/pricing@1.1.0";

impl From<&domain::Service> for wit::Service {
    fn from(x: &domain::Service) -> Self {
        Self {
            code: lower(&x.code),
            title: x.title.clone(),
            age_years: x.age_years,
            diagnoses: lower(&x.diagnoses),
            severity: x.severity.as_ref().map(Into::into),
            plan: x.plan.as_ref().map(Into::into),
            entitlements: lower(&x.entitlements),
        }
    }
}

impl From<domain::Payee> for wit::Payee {
    fn from(x: domain::Payee) -> Self {
        match x {
            domain::Payee::Hospital => Self::Hospital,
            domain::Payee::Doctor => Self::Doctor,
            domain::Payee::Platform => Self::Platform,
        }
    }
}

impl From<wit::Payee> for domain::Payee {
    fn from(x: wit::Payee) -> Self {
        match x {
            wit::Payee::Hospital => Self::Hospital,
            wit::Payee::Doctor => Self::Doctor,
            wit::Payee::Platform => Self::Platform,
        }
    }
}

impl From<domain::Due> for wit::Due {
    fn from(x: domain::Due) -> Self {
        match x {
            domain::Due::AtStart => Self::AtStart,
            domain::Due::AtCompletion(share) => Self::AtCompletion(share),
        }
    }
}

impl From<wit::Due> for domain::Due {
    fn from(x: wit::Due) -> Self {
        match x {
            wit::Due::AtStart => Self::AtStart,
            wit::Due::AtCompletion(share) => Self::AtCompletion(share),
        }
    }
}

impl From<&domain::Fee> for wit::Fee {
    fn from(x: &domain::Fee) -> Self {
        Self {
            code: (&x.code).into(),
            title: lower_text(&x.title),
            payee: x.payee.into(),
            amount: (&x.amount).into(),
            due: x.due.into(),
            earned_over: x.earned_over.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<wit::Fee> for domain::Fee {
    type Error = Invalid;

    fn try_from(x: wit::Fee) -> Result<Self, Invalid> {
        Ok(Self {
            code: x.code.into(),
            title: raise_text(x.title),
            payee: x.payee.into(),
            amount: x.amount.try_into()?,
            due: x.due.into(),
            earned_over: x.earned_over.map(Into::into),
        })
    }
}

impl From<&domain::Price> for wit::Price {
    fn from(x: &domain::Price) -> Self {
        Self {
            fees: lower(&x.fees),
            draws: lower(&x.draws),
            opens: lower(&x.opens),
            list_price: (&x.list_price).into(),
            expires: x.expires.micros(),
            citation: (&x.citation).into(),
        }
    }
}

impl TryFrom<wit::Price> for domain::Price {
    type Error = Invalid;

    fn try_from(x: wit::Price) -> Result<Self, Invalid> {
        Ok(Self {
            fees: raise(x.fees)?,
            draws: raise(x.draws)?,
            opens: raise(x.opens)?,
            list_price: x.list_price.try_into()?,
            expires: Instant::from_micros(x.expires),
            citation: x.citation.into(),
        })
    }
}

impl TryFrom<wit::Priced> for domain::Priced {
    type Error = Invalid;

    fn try_from(x: wit::Priced) -> Result<Self, Invalid> {
        Ok(match x {
            wit::Priced::Offered(x) => Self::Offered(x.try_into()?),
            wit::Priced::Refused(x) => Self::Refused(raise(x)?),
        })
    }
}

impl From<domain::Progress> for wit::Progress {
    fn from(x: domain::Progress) -> Self {
        match x {
            domain::Progress::NotStarted => Self::NotStarted,
            domain::Progress::Started => Self::Started,
            domain::Progress::Completed => Self::Completed,
        }
    }
}

impl From<&domain::Purchase> for wit::Purchase {
    fn from(x: &domain::Purchase) -> Self {
        Self {
            price: (&x.price).into(),
            bought_at: x.bought_at.micros(),
            progress: x.progress.into(),
            used: (&x.used).into(),
        }
    }
}

impl TryFrom<wit::ReturnedFee> for domain::ReturnedFee {
    type Error = Invalid;

    fn try_from(x: wit::ReturnedFee) -> Result<Self, Invalid> {
        Ok(Self { code: x.code.into(), amount: x.amount.try_into()? })
    }
}

impl TryFrom<wit::Refund> for domain::Refund {
    type Error = Invalid;

    fn try_from(x: wit::Refund) -> Result<Self, Invalid> {
        Ok(Self { fees: raise(x.fees)?, citation: x.citation.into() })
    }
}

/// Input of `quote`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuoteInput<'a> {
    pub service: Cow<'a, domain::Service>,
    pub now: Instant,
}

/// `xinglin:payment/pricing#quote`.
pub(crate) struct Quote;

impl Hook for Quote {
    const NAME: HookName = HookName { interface: INTERFACE, function: "quote" };
    type Input<'a> = QuoteInput<'a>;
    type Output = Result<domain::Priced, InsurerError>;
    type Parameters = (wit::Service, i64);
    type Results = (Result<wit::Priced, Error>,);

    fn lower(input: &QuoteInput<'_>) -> Self::Parameters {
        (input.service.as_ref().into(), input.now.micros())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }

    fn check(input: &Self::Input<'_>, output: &Self::Output) -> Result<(), Invalid> {
        believe(output, |answer| answer.check(&input.service, input.now))
    }
}

/// Input of `cancel`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelInput<'a> {
    pub purchase: Cow<'a, domain::Purchase>,
    pub now: Instant,
}

/// `xinglin:payment/pricing#cancel`.
pub(crate) struct Cancel;

impl Hook for Cancel {
    const NAME: HookName = HookName { interface: INTERFACE, function: "cancel" };
    type Input<'a> = CancelInput<'a>;
    type Output = Result<domain::Refund, InsurerError>;
    type Parameters = (wit::Purchase, i64);
    type Results = (Result<wit::Refund, Error>,);

    fn lower(input: &CancelInput<'_>) -> Self::Parameters {
        (input.purchase.as_ref().into(), input.now.micros())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }

    fn check(input: &Self::Input<'_>, output: &Self::Output) -> Result<(), Invalid> {
        believe(output, |answer| answer.check(&input.purchase))
    }
}
