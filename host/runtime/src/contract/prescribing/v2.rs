//! `xinglin:prescribing@2`, a test fixture ⇄ [`xinglin_domain::review`]. Its contract is
//! `tests/wit/prescribing-2`; it uses the same `types` and `clinical` packages as version 1.

use xinglin_domain::{
    coding::{Attribute, AttributeValue},
    review as domain,
};

use super::{Answer, ReviewInput, check};
use crate::contract::{
    hook::{Hook, HookName},
    types::v1::{Invalid, lower, raise, raise_text},
};
use contract::exports::xinglin::prescribing::review as wit;

#[allow(dead_code, missing_docs, reason = "generated for every direction, used in one")]
mod contract {
    wasmtime::component::bindgen!({
        path: ["../../wit/types", "../../wit/clinical", "tests/wit/prescribing-2"],
        world: "xinglin:prescribing/prescribing-plugin",
        with: {
            "xinglin:types/types@1.0.0": crate::wit::xinglin::types::types,
            "xinglin:clinical/snapshot@1.0.0": crate::wit::xinglin::clinical::snapshot,
        },
    });
}

/// Language of findings.
const LOCALE: &str = "zh-CN";

/// Attribute for the rule of a finding, which the domain type lacks.
const RULE: &str = "xinglin.rule";

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
        let mut attributes: Vec<Attribute> = raise(f.attributes)?;
        attributes.extend(f.rule.map(|rule| Attribute { key: RULE.into(), value: AttributeValue::Text(rule) }));
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
            attributes,
        })
    }
}

/// `xinglin:prescribing/review#review`.
pub(crate) struct Review;

impl Hook for Review {
    const NAME: HookName = HookName { interface: "xinglin:prescribing/review@2.0.0", function: "review" };
    type Input<'a> = ReviewInput<'a>;
    type Output = Answer;
    type Parameters = (wit::Request,);
    type Results = (Result<wit::Verdict, wit::Error>,);

    fn lower(input: &ReviewInput<'_>) -> Self::Parameters {
        (wit::Request {
            order: input.order.as_ref().into(),
            snapshot: input.snapshot.as_ref().into(),
            now: input.now.micros(),
            locale: LOCALE.into(),
        },)
    }

    fn raise((answer,): Self::Results) -> Result<Answer, Invalid> {
        Ok(match answer {
            Ok(wit::Verdict::Allow) => Ok(domain::Verdict::Allow),
            Ok(wit::Verdict::Warn(findings)) => Ok(domain::Verdict::Warn(raise(findings)?)),
            Ok(wit::Verdict::Veto(findings)) => Ok(domain::Verdict::Veto(raise(findings)?)),
            Err(wit::Error::MissingData(text)) => Err(domain::ReviewError::MissingData(raise_text(text))),
            Err(wit::Error::NotUnderstood(what)) => Err(domain::ReviewError::NotUnderstood(what)),
            Err(wit::Error::Other(what)) => Err(domain::ReviewError::Other(what)),
        })
    }

    fn check(input: &ReviewInput<'_>, answer: &Answer) -> Result<(), Invalid> {
        check(input, answer)
    }
}
