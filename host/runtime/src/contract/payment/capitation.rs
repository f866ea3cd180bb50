//! `xinglin:payment/capitation@1.1` ⇄ [`xinglin_domain::capitation`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{
    capitation as domain,
    insurance::{InsurerError, Period},
    money::Money,
    time::Instant,
};

use super::insurance::{Error, answer, believe};
use crate::{
    contract::{
        hook::{Hook, HookName},
        types::v1::{Invalid, lower, raise},
    },
    wit::{
        exports::xinglin::payment1_1_0::capitation as wit,
        xinglin::{payment1_1_0::insurance as words, types::types},
    },
};

const INTERFACE: &str = "xinglin:payment/capitation@1.1.0";

impl From<&domain::Membership> for wit::Membership {
    fn from(x: &domain::Membership) -> Self {
        Self { lead: x.lead.clone(), since: x.since.micros() }
    }
}

impl From<domain::Choice> for wit::Choice {
    fn from(x: domain::Choice) -> Self {
        match x {
            domain::Choice::Join => Self::Join,
            domain::Choice::Change => Self::Change,
        }
    }
}

impl From<&domain::Enrolment> for wit::Enrolment {
    fn from(x: &domain::Enrolment) -> Self {
        Self {
            member: x.member.clone(),
            choice: x.choice.into(),
            lead: x.lead.clone(),
            partners: x.partners.clone(),
            chosen_at: x.chosen_at.micros(),
            diagnoses: lower(&x.diagnoses),
            age_years: x.age_years,
            current: x.current.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<wit::Acceptance> for domain::Acceptance {
    type Error = Invalid;

    fn try_from(x: wit::Acceptance) -> Result<Self, Invalid> {
        Ok(Self {
            accrues_from: Instant::from_micros(x.accrues_from),
            risk_class: x.risk_class.into(),
            citation: x.citation.into(),
        })
    }
}

impl TryFrom<wit::Enrolled> for domain::Enrolled {
    type Error = Invalid;

    fn try_from(x: wit::Enrolled) -> Result<Self, Invalid> {
        Ok(match x {
            wit::Enrolled::Accepted(x) => Self::Accepted(x.try_into()?),
            wit::Enrolled::Refused(x) => Self::Refused(raise(x)?),
        })
    }
}

impl From<&domain::MemberMonths> for wit::MemberMonths {
    fn from(x: &domain::MemberMonths) -> Self {
        Self { risk_class: (&x.risk_class).into(), months: x.months }
    }
}

impl TryFrom<wit::Budget> for domain::Budget {
    type Error = Invalid;

    fn try_from(x: wit::Budget) -> Result<Self, Invalid> {
        Ok(Self { amount: x.amount.try_into()?, prepayment: x.prepayment.try_into()?, citation: x.citation.into() })
    }
}

impl From<domain::Place> for wit::Place {
    fn from(x: domain::Place) -> Self {
        match x {
            domain::Place::Lead => Self::Lead,
            domain::Place::Partner => Self::Partner,
            domain::Place::Referred => Self::Referred,
            domain::Place::Elsewhere => Self::Elsewhere,
        }
    }
}

impl From<&domain::Consumption> for wit::Consumption {
    fn from(x: &domain::Consumption) -> Self {
        Self {
            bill: x.bill.clone(),
            served_at: x.served_at.micros(),
            institution: x.institution.clone(),
            place: x.place.into(),
            lead: x.lead.clone(),
            diagnoses: lower(&x.diagnoses),
            fund: (&x.fund).into(),
        }
    }
}

impl From<&domain::Indicator> for wit::Indicator {
    fn from(x: &domain::Indicator) -> Self {
        Self { code: x.code.clone(), numerator: x.numerator, denominator: x.denominator }
    }
}

impl TryFrom<wit::Points> for domain::Points {
    type Error = Invalid;

    fn try_from(x: wit::Points) -> Result<Self, Invalid> {
        Ok(Self { code: x.code, points: x.points.try_into()?, maximum: x.maximum.try_into()? })
    }
}

impl TryFrom<wit::Quality> for domain::Quality {
    type Error = Invalid;

    fn try_from(x: wit::Quality) -> Result<Self, Invalid> {
        Ok(Self { points: raise(x.points)?, total: x.total.try_into()?, citation: x.citation.into() })
    }
}

impl From<&domain::Account> for wit::Account {
    fn from(x: &domain::Account) -> Self {
        Self {
            year: (&x.year).into(),
            budget: (&x.budget).into(),
            prepaid: (&x.prepaid).into(),
            used: (&x.used).into(),
            quality: (&x.quality).into(),
        }
    }
}

impl TryFrom<wit::Share> for domain::Share {
    type Error = Invalid;

    fn try_from(x: wit::Share) -> Result<Self, Invalid> {
        Ok(Self { code: x.code, amount: x.amount.try_into()? })
    }
}

impl TryFrom<wit::Closing> for domain::Closing {
    type Error = Invalid;

    fn try_from(x: wit::Closing) -> Result<Self, Invalid> {
        Ok(Self {
            kept: x.kept.try_into()?,
            returned: x.returned.try_into()?,
            fund_bears: x.fund_bears.try_into()?,
            provider_bears: x.provider_bears.try_into()?,
            payable: x.payable.try_into()?,
            shares: raise(x.shares)?,
            citation: x.citation.into(),
        })
    }
}

/// Input of `enrol`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrolInput<'a> {
    pub enrolment: Cow<'a, domain::Enrolment>,
    pub now: Instant,
}

/// `xinglin:payment/capitation#enrol`.
pub(crate) struct Enrol;

impl Hook for Enrol {
    const NAME: HookName = HookName { interface: INTERFACE, function: "enrol" };
    type Input<'a> = EnrolInput<'a>;
    type Output = Result<domain::Enrolled, InsurerError>;
    type Parameters = (wit::Enrolment, i64);
    type Results = (Result<wit::Enrolled, Error>,);

    fn lower(input: &EnrolInput<'_>) -> Self::Parameters {
        (input.enrolment.as_ref().into(), input.now.micros())
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }

    fn check(input: &Self::Input<'_>, output: &Self::Output) -> Result<(), Invalid> {
        believe(output, |answer| answer.check(&input.enrolment))
    }
}

/// Input of `accrue`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccrueInput<'a> {
    pub year: Cow<'a, Period>,
    pub months: Cow<'a, [domain::MemberMonths]>,
}

/// `xinglin:payment/capitation#accrue`.
pub(crate) struct Accrue;

impl Hook for Accrue {
    const NAME: HookName = HookName { interface: INTERFACE, function: "accrue" };
    type Input<'a> = AccrueInput<'a>;
    type Output = Result<domain::Budget, InsurerError>;
    type Parameters = (words::Period, Vec<wit::MemberMonths>);
    type Results = (Result<wit::Budget, Error>,);

    fn lower(input: &AccrueInput<'_>) -> Self::Parameters {
        (input.year.as_ref().into(), lower(&input.months))
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }

    fn check(input: &Self::Input<'_>, output: &Self::Output) -> Result<(), Invalid> {
        believe(output, |answer| answer.check(&input.months))
    }
}

/// Input of `consume`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsumeInput<'a> {
    pub consumption: Cow<'a, domain::Consumption>,
}

/// `xinglin:payment/capitation#consume`.
pub(crate) struct Consume;

impl Hook for Consume {
    const NAME: HookName = HookName { interface: INTERFACE, function: "consume" };
    type Input<'a> = ConsumeInput<'a>;
    type Output = Result<Money, InsurerError>;
    type Parameters = (wit::Consumption,);
    type Results = (Result<types::Money, Error>,);

    fn lower(input: &ConsumeInput<'_>) -> Self::Parameters {
        (input.consumption.as_ref().into(),)
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }

    fn check(input: &Self::Input<'_>, output: &Self::Output) -> Result<(), Invalid> {
        believe(output, |answer| input.consumption.check(*answer))
    }
}

/// Input of `score`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScoreInput<'a> {
    pub year: Cow<'a, Period>,
    pub indicators: Cow<'a, [domain::Indicator]>,
}

/// `xinglin:payment/capitation#score`.
pub(crate) struct Score;

impl Hook for Score {
    const NAME: HookName = HookName { interface: INTERFACE, function: "score" };
    type Input<'a> = ScoreInput<'a>;
    type Output = Result<domain::Quality, InsurerError>;
    type Parameters = (words::Period, Vec<wit::Indicator>);
    type Results = (Result<wit::Quality, Error>,);

    fn lower(input: &ScoreInput<'_>) -> Self::Parameters {
        (input.year.as_ref().into(), lower(&input.indicators))
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }

    fn check(input: &Self::Input<'_>, output: &Self::Output) -> Result<(), Invalid> {
        believe(output, |answer| answer.check(&input.indicators))
    }
}

/// Input of `close`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseInput<'a> {
    pub account: Cow<'a, domain::Account>,
}

/// `xinglin:payment/capitation#close`.
pub(crate) struct Close;

impl Hook for Close {
    const NAME: HookName = HookName { interface: INTERFACE, function: "close" };
    type Input<'a> = CloseInput<'a>;
    type Output = Result<domain::Closing, InsurerError>;
    type Parameters = (wit::Account,);
    type Results = (Result<wit::Closing, Error>,);

    fn lower(input: &CloseInput<'_>) -> Self::Parameters {
        (input.account.as_ref().into(),)
    }

    fn raise((answered,): Self::Results) -> Result<Self::Output, Invalid> {
        answer(answered)
    }

    fn check(input: &Self::Input<'_>, output: &Self::Output) -> Result<(), Invalid> {
        believe(output, |answer| answer.check(&input.account))
    }
}
