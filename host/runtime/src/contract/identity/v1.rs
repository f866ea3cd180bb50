//! `xinglin:identity@1` ⇄ [`xinglin_domain::identity`].

use xinglin_domain::{identity as domain, review::Severity, time::Instant};

use super::{Answer, VerifyInput};
use crate::{
    contract::{
        hook::{Hook, HookName},
        types::v1::{Invalid, lower, raise, raise_text},
    },
    wit::exports::xinglin::identity::verifier as wit,
};

const INTERFACE: &str = "xinglin:identity/verifier@1.0.0";
const LONGEST_REFERENCE: usize = 200;

impl From<domain::Truth> for wit::Truth {
    fn from(truth: domain::Truth) -> Self {
        match truth {
            domain::Truth::Holds => Self::Holds,
            domain::Truth::Fails => Self::Fails,
            domain::Truth::Unknown => Self::Unknown,
        }
    }
}

impl From<domain::NumberFacts> for wit::NumberFacts {
    fn from(f: domain::NumberFacts) -> Self {
        Self {
            form: f.form.into(),
            checksum: f.checksum.into(),
            region: f.region.into(),
            birth: f.birth.into(),
            holder: f.holder.into(),
        }
    }
}

impl From<&domain::Evidence> for wit::Evidence {
    fn from(e: &domain::Evidence) -> Self {
        Self { kind: e.kind.clone(), per_mille: e.per_mille, source: e.source.clone() }
    }
}

impl From<&domain::PersonClaim> for wit::Person {
    fn from(c: &domain::PersonClaim) -> Self {
        Self {
            subject: c.subject.clone(),
            document: c.document.clone(),
            number: c.number.into(),
            age_years: c.age_years,
            evidence: lower(&c.evidence),
            attributes: lower(&c.attributes),
        }
    }
}

impl From<&domain::CredentialClaim> for wit::Credential {
    fn from(c: &domain::CredentialClaim) -> Self {
        Self {
            subject: c.subject.clone(),
            kind: c.kind.clone(),
            roles: c.roles.clone(),
            number: c.number.into(),
            issued_by: c.issued_by.clone(),
            issued_on: c.issued_on.micros(),
            valid_until: c.valid_until.map(Instant::micros),
            rank: c.rank.clone(),
            scope: c.scope.clone(),
            institution: c.institution.clone(),
            practice_months: c.practice_months,
            attributes: lower(&c.attributes),
        }
    }
}

impl TryFrom<wit::Finding> for domain::Finding {
    type Error = Invalid;

    fn try_from(f: wit::Finding) -> Result<Self, Invalid> {
        Ok(Self {
            code: f.code,
            severity: match f.severity {
                wit::Severity::Info => Severity::Info,
                wit::Severity::Warning => Severity::Warning,
                wit::Severity::Critical => Severity::Critical,
            },
            message: raise_text(f.message),
            citation: f.citation.into(),
            attributes: raise(f.attributes)?,
        })
    }
}

impl TryFrom<wit::Outcome> for domain::Outcome {
    type Error = Invalid;

    fn try_from(outcome: wit::Outcome) -> Result<Self, Invalid> {
        Ok(match outcome {
            wit::Outcome::Verified(wit::Verification { level, valid_until }) => Self::Verified {
                level: match level {
                    wit::Level::Basic => domain::Level::Basic,
                    wit::Level::Substantial => domain::Level::Substantial,
                    wit::Level::High => domain::Level::High,
                },
                valid_until: valid_until.map(Instant::from_micros),
            },
            wit::Outcome::Refused(findings) if findings.is_empty() => {
                return Err(Invalid("a refusal without a finding; somebody must be told why".into()));
            }
            wit::Outcome::Refused(findings) => Self::Refused(raise(findings)?),
            wit::Outcome::Pending(reference) if !(1..=LONGEST_REFERENCE).contains(&reference.len()) => {
                return Err(Invalid(format!("a reference of {} bytes; 1 to 200 are kept", reference.len())));
            }
            wit::Outcome::Pending(reference) => Self::Pending { reference },
        })
    }
}

impl From<wit::Error> for domain::VerifyError {
    fn from(e: wit::Error) -> Self {
        match e {
            wit::Error::MissingData(text) => Self::MissingData(raise_text(text)),
            wit::Error::NotUnderstood(what) => Self::NotUnderstood(what),
            wit::Error::Unavailable(what) => Self::Unavailable(what),
            wit::Error::Other(what) => Self::Other(what),
        }
    }
}

fn answer(result: Result<wit::Outcome, wit::Error>) -> Result<Answer, Invalid> {
    Ok(match result {
        Ok(outcome) => Ok(outcome.try_into()?),
        Err(error) => Err(error.into()),
    })
}

/// `xinglin:identity/verifier#verify-person`.
pub(crate) struct Person;

impl Hook for Person {
    const NAME: HookName = HookName { interface: INTERFACE, function: "verify-person" };
    type Input<'a> = VerifyInput<'a, domain::PersonClaim>;
    type Output = Answer;
    type Parameters = (wit::Person, i64);
    type Results = (Result<wit::Outcome, wit::Error>,);

    fn lower(input: &Self::Input<'_>) -> Self::Parameters {
        (input.claim.as_ref().into(), input.now.micros())
    }

    fn raise((result,): Self::Results) -> Result<Answer, Invalid> {
        answer(result)
    }
}

/// `xinglin:identity/verifier#verify-credential`.
pub(crate) struct Credential;

impl Hook for Credential {
    const NAME: HookName = HookName { interface: INTERFACE, function: "verify-credential" };
    type Input<'a> = VerifyInput<'a, domain::CredentialClaim>;
    type Output = Answer;
    type Parameters = (wit::Credential, i64);
    type Results = (Result<wit::Outcome, wit::Error>,);

    fn lower(input: &Self::Input<'_>) -> Self::Parameters {
        (input.claim.as_ref().into(), input.now.micros())
    }

    fn raise((result,): Self::Results) -> Result<Answer, Invalid> {
        answer(result)
    }
}
