//! Claims for tests.

use crate::{
    time::Instant,
    types::{Attribute, AttributeValue},
    verifier::{Credential, Evidence, NumberFacts, Person},
};

/// What the host calls a request that a register has not answered yet.
const REFERENCE: &str = "xinglin.reference";

fn reference(reference: &str) -> Attribute {
    Attribute { key: REFERENCE.to_owned(), value: AttributeValue::Text(reference.to_owned()) }
}

/// A patient whose document is sound, without evidence yet.
#[derive(Debug, Clone)]
pub struct PersonBuilder(Person);

impl PersonBuilder {
    /// Of so many years, with a resident identity card.
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

    /// With other facts about the number.
    #[must_use]
    pub fn number(mut self, change: impl FnOnce(&mut NumberFacts)) -> Self {
        change(&mut self.0.number);
        self
    }

    /// With evidence of a kind.
    #[must_use]
    pub fn shown(mut self, kind: &str, per_mille: u16) -> Self {
        self.0.evidence.push(Evidence { kind: kind.to_owned(), per_mille, source: "account".to_owned() });
        self
    }

    /// With something of the claim changed.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Person)) -> Self {
        change(&mut self.0);
        self
    }

    /// Asked again, after the plugin answered `pending`.
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

/// A doctor's certificate that is sound.
#[derive(Debug, Clone)]
pub struct CredentialBuilder(Credential);

impl CredentialBuilder {
    /// Of a kind, for example `doctor_practice`, issued at a moment.
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

    /// With other facts about the number.
    #[must_use]
    pub fn number(mut self, change: impl FnOnce(&mut NumberFacts)) -> Self {
        change(&mut self.0.number);
        self
    }

    /// With something of the claim changed.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Credential)) -> Self {
        change(&mut self.0);
        self
    }

    /// Asked again, after the plugin answered `pending`.
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
