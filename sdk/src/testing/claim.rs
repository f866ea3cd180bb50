//! Claims for tests.

use crate::{
    time::Instant,
    types::{Attribute, AttributeValue},
    verifier::{Credential, Evidence, NumberFacts, Person},
};

/// Attribute with the host's reference of a pending query of a register.
const REFERENCE: &str = "xinglin.reference";

fn reference(reference: &str) -> Attribute {
    Attribute { key: REFERENCE.to_owned(), value: AttributeValue::Text(reference.to_owned()) }
}

/// Builds the claim of a patient with a valid document, without evidence.
#[derive(Debug, Clone)]
pub struct PersonBuilder(Person);

impl PersonBuilder {
    /// Age in years, with a resident identity card.
    pub fn aged(years: u16) -> Self {
        Self(Person {
            subject: "a patient".to_owned(),
            document: "identity_card".to_owned(),
            number: NumberFacts::SOUND,
            age_years: Some(years),
            evidence: Vec::new(),
            attributes: Vec::new(),
        })
    }

    /// Changes the facts about the number.
    #[must_use]
    pub fn number(mut self, change: impl FnOnce(&mut NumberFacts)) -> Self {
        change(&mut self.0.number);
        self
    }

    /// Adds evidence.
    #[must_use]
    pub fn shown(mut self, kind: &str, per_mille: u16) -> Self {
        self.0.evidence.push(Evidence { kind: kind.to_owned(), per_mille, source: "account".to_owned() });
        self
    }

    /// Changes the claim.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Person)) -> Self {
        change(&mut self.0);
        self
    }

    /// A repeated query, after the plugin answered `pending`.
    #[must_use]
    pub fn again(mut self, pending: &str) -> Self {
        self.0.attributes.push(reference(pending));
        self
    }

    /// The claim.
    pub fn build(self) -> Person {
        self.0
    }
}

/// Builds the claim of a valid doctor's certificate.
#[derive(Debug, Clone)]
pub struct CredentialBuilder(Credential);

impl CredentialBuilder {
    /// Kind, for example `doctor_practice`, and date of issue.
    pub fn of(kind: &str, issued_on: Instant) -> Self {
        Self(Credential {
            subject: "a doctor".to_owned(),
            kind: kind.to_owned(),
            roles: vec!["doctor".to_owned()],
            number: NumberFacts::SOUND,
            issued_by: "北京市卫生健康委员会".to_owned(),
            issued_on,
            valid_until: None,
            rank: None,
            scope: Vec::new(),
            institution: None,
            practice_months: None,
            attributes: Vec::new(),
        })
    }

    /// Changes the facts about the number.
    #[must_use]
    pub fn number(mut self, change: impl FnOnce(&mut NumberFacts)) -> Self {
        change(&mut self.0.number);
        self
    }

    /// Changes the claim.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Credential)) -> Self {
        change(&mut self.0);
        self
    }

    /// A repeated query, after the plugin answered `pending`.
    #[must_use]
    pub fn again(mut self, pending: &str) -> Self {
        self.0.attributes.push(reference(pending));
        self
    }

    /// The claim.
    pub fn build(self) -> Credential {
        self.0
    }
}
