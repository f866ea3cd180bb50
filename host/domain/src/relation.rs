//! Who belongs to a patient: guardians, family, and whom to call in an emergency.
//!
//! A relation ties a person with an account of their own to a patient, for a period.
//! A guardian acts for the ward: reads, consents, converses, asks for visits. A minor's
//! guardianship ends by itself on the 18th birthday. Family reads what the patient has
//! opened to it by consent, and nothing else. Whom to call may do nothing at all.

use serde::{Deserialize, Serialize};

use crate::{
    id::{AccountId, PatientId, RelationId},
    time::Instant,
};

/// Years of age from which nobody is a minor (民法典 §17).
const MAJORITY_YEARS: i16 = 18;
/// Years of age from which minors say themselves who sees the restricted compartments
/// of their record. The age from which they consent to the use of their own data
/// (个人信息保护法 §31); that it holds for compartments is the project's reading.
const DISCRETION_YEARS: i16 = 14;

/// What somebody is to a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 监护人: acts for the patient.
    Guardian,
    /// Reads what the patient opened to them.
    Family,
    /// To be called, no more.
    EmergencyContact,
}

/// Why somebody is a guardian (民法典 §27 to §36).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// Father or mother of a minor.
    Parent,
    /// Appointed by a court, or by those whom the law has appoint.
    Court,
    /// Agreed upon in writing (意定监护, 协议监护).
    Agreement,
}

/// How they are related.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tie {
    /// Mother.
    Mother,
    /// Father.
    Father,
    /// Grandmother or grandfather.
    Grandparent,
    /// Wife or husband.
    Spouse,
    /// Daughter or son.
    Child,
    /// Sister or brother.
    Sibling,
    /// Otherwise of the family.
    Relative,
    /// Not of the family.
    Other,
}

impl Tie {
    /// The code of HL7's v3-RoleCode; none for who is not of the family.
    pub const fn role_code(self) -> Option<&'static str> {
        match self {
            Self::Mother => Some("MTH"),
            Self::Father => Some("FTH"),
            Self::Grandparent => Some("GRPRN"),
            Self::Spouse => Some("SPS"),
            Self::Child => Some("CHILD"),
            Self::Sibling => Some("SIB"),
            Self::Relative => Some("FAMMEMB"),
            Self::Other => None,
        }
    }
}

/// What is registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// What they are to the patient.
    pub kind: Kind,
    /// How they are related.
    pub tie: Tie,
    /// Why they are the guardian, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<Ground>,
    /// What proves it, in the patient's record: `Binary/…` or `DocumentReference/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// From when on.
    pub from: Instant,
    /// Until just before then, if that is known.
    pub until: Option<Instant>,
}

impl Terms {
    /// When it would end if nobody revoked it.
    pub(crate) fn ends(&self, born: Option<Instant>) -> Option<Instant> {
        // Who was no minor when it began is not let go by a birthday; nobody is a grown-up's
        // guardian for being a parent, whatever the record said when it was registered.
        let minor_s = |grown: &Instant| self.ground == Some(Ground::Parent) || self.from < *grown;
        let grown = born.map(majority).filter(|grown| self.kind == Kind::Guardian && minor_s(grown));
        self.until.into_iter().chain(grown).min()
    }
}

/// That it holds no more, and by whose word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// By which account.
    pub by: AccountId,
    /// From when on.
    pub at: Instant,
}

/// A person tied to a patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// Drawn at the edge.
    pub id: RelationId,
    /// To whom.
    pub patient: PatientId,
    /// Who, by their account.
    pub person: AccountId,
    /// What was registered.
    pub terms: Terms,
    /// By whose word: staff who saw the evidence, or the patient.
    pub confirmed_by: AccountId,
    /// When.
    pub confirmed: Instant,
    /// Since when it holds no more, if it was revoked.
    pub revoked: Option<Revoked>,
}

/// Proof that somebody is the guardian of a patient at this moment. Comes only from a
/// [`Relation`] that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guardianship {
    patient: PatientId,
    discretion: bool,
}

impl Guardianship {
    /// The ward.
    pub const fn patient(self) -> PatientId {
        self.patient
    }

    /// Whether the ward says themselves who sees the restricted compartments.
    pub const fn ward_has_discretion(self) -> bool {
        self.discretion
    }
}

impl Relation {
    /// When it ends, or ended: by a word, by its term, or by the patient's majority.
    pub fn ends(&self, born: Option<Instant>) -> Option<Instant> {
        let by_word = self.revoked.map(|revoked| revoked.at);
        by_word.into_iter().chain(self.terms.ends(born)).min()
    }

    /// Whether it holds at a moment. A guardianship of somebody of no known age does not.
    pub fn holds(&self, born: Option<Instant>, at: Instant) -> bool {
        let known = self.terms.kind != Kind::Guardian || born.is_some();
        known && at >= self.terms.from && self.ends(born).is_none_or(|end| at < end)
    }

    /// The proof that the person is the patient's guardian at this moment.
    pub fn guards(&self, born: Option<Instant>, at: Instant) -> Option<Guardianship> {
        let born = born.filter(|_| self.terms.kind == Kind::Guardian && self.holds(born, at))?;
        let discretion = at >= born.plus_years(DISCRETION_YEARS) && at < majority(born);
        Some(Guardianship { patient: self.patient, discretion })
    }

    /// Whether the person is the patient's family at this moment.
    pub fn is_family(&self, at: Instant) -> bool {
        self.terms.kind == Kind::Family && self.holds(None, at)
    }
}

/// First moment of the 18th birthday, in Shanghai.
pub(crate) fn majority(born: Instant) -> Instant {
    born.plus_years(MAJORITY_YEARS)
}
