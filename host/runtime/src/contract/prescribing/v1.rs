//! `xinglin:prescribing@1` ⇄ [`xinglin_domain::review`].

use xinglin_domain::review as domain;

use super::{Answer, ReviewInput, check};
use crate::{
    contract::{
        hook::{Hook, HookName},
        types::v1::{Invalid, lower, raise, raise_text},
    },
    wit::{exports::xinglin::prescribing::review as wit, xinglin::clinical::snapshot},
};

impl From<&domain::Line> for wit::Line {
    fn from(l: &domain::Line) -> Self {
        Self {
            number: l.number,
            code: lower(&l.code),
            ingredients: lower(&l.ingredients),
            dose: (&l.dose).into(),
            doses_per_day: (&l.doses_per_day).into(),
            days: l.days,
            route: l.route.as_ref().map(Into::into),
            attributes: lower(&l.attributes),
        }
    }
}

impl From<&domain::Order> for wit::Order {
    fn from(o: &domain::Order) -> Self {
        Self {
            diagnoses: lower(&o.diagnoses),
            lines: lower(&o.lines),
            long_term: o.long_term,
            attributes: lower(&o.attributes),
        }
    }
}

impl TryFrom<wit::Finding> for domain::Finding {
    type Error = Invalid;

    fn try_from(f: wit::Finding) -> Result<Self, Invalid> {
        Ok(Self {
            code: f.code,
            severity: match f.severity {
                wit::Severity::Info => domain::Severity::Info,
                wit::Severity::Warning => domain::Severity::Warning,
                wit::Severity::Critical => domain::Severity::Critical,
            },
            message: raise_text(f.message),
            suggestion: raise_text(f.suggestion),
            lines: f.lines,
            citation: f.citation.into(),
            attributes: raise(f.attributes)?,
        })
    }
}

impl TryFrom<wit::Verdict> for domain::Verdict {
    type Error = Invalid;

    fn try_from(v: wit::Verdict) -> Result<Self, Invalid> {
        Ok(match v {
            wit::Verdict::Allow => Self::Allow,
            wit::Verdict::Warn(findings) => Self::Warn(raise(findings)?),
            wit::Verdict::Veto(findings) => Self::Veto(raise(findings)?),
        })
    }
}

impl From<wit::Error> for domain::ReviewError {
    fn from(e: wit::Error) -> Self {
        match e {
            wit::Error::MissingData(text) => Self::MissingData(raise_text(text)),
            wit::Error::NotUnderstood(what) => Self::NotUnderstood(what),
            wit::Error::Other(what) => Self::Other(what),
        }
    }
}

/// `xinglin:prescribing/review#review`.
pub(crate) struct Review;

impl Hook for Review {
    const NAME: HookName = HookName { interface: "xinglin:prescribing/review@1.0.0", function: "review" };
    type Input<'a> = ReviewInput<'a>;
    type Output = Answer;
    type Parameters = (wit::Order, snapshot::Snapshot, i64);
    type Results = (Result<wit::Verdict, wit::Error>,);

    fn lower(input: &ReviewInput<'_>) -> Self::Parameters {
        (input.order.as_ref().into(), input.snapshot.as_ref().into(), input.now.micros())
    }

    fn raise((answer,): Self::Results) -> Result<Self::Output, Invalid> {
        Ok(match answer {
            Ok(verdict) => Ok(verdict.try_into()?),
            Err(error) => Err(error.into()),
        })
    }

    fn check(input: &ReviewInput<'_>, answer: &Answer) -> Result<(), Invalid> {
        check(input, answer)
    }
}
