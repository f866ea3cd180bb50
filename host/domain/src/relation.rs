//! Who belongs to a patient: guardians, family, and whom to call in an emergency.
//!
//! A relation ties a person with an account of their own to a patient, for a period.
//! A guardian acts for the ward: reads, consents, converses, asks for visits. A minor's
//! guardianship ends by itself on the 18th birthday. Family reads what the patient has
//! opened to it by consent, and nothing else. Whom to call may do nothing at all.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    access::{Action, Actor, Denied, can},
    code::Code,
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

/// What is known of the two people, at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct People<'a> {
    /// First moment of the day of the patient's birth, if the record holds one.
    pub born: Option<Instant>,
    /// The person who is to be related to the patient.
    pub person: &'a Actor,
    /// Whether that person's name was checked against a document.
    pub verified: bool,
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

/// Why a relation does not come about, or end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RelationError {
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Not this person's to say.
    #[error("this is not theirs to say")]
    NotTheirs,
    /// It makes no sense, or something is missing.
    #[error("{0}")]
    Invalid(&'static str),
    /// It was revoked before.
    #[error("it was revoked before")]
    Revoked,
}

impl RelationError {
    /// The stable code.
    pub const fn code(self) -> Code {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::NotTheirs => Code::AuthForbidden,
            Self::Invalid(_) => Code::RelationInvalid,
            Self::Revoked => Code::RelationState,
        }
    }
}

impl Relation {
    /// Staff register it, having seen the evidence.
    ///
    /// # Errors
    /// If they may not, or what they say makes no sense.
    pub fn register(
        id: RelationId,
        patient: PatientId,
        people: People<'_>,
        terms: Terms,
        by: &Actor,
        at: Instant,
    ) -> Result<Self, RelationError> {
        can(by, Action::RegisterRelations, at)?;
        if by.account == people.person.account {
            return Err(RelationError::NotTheirs);
        }
        if terms.kind == Kind::Guardian {
            let born = people.born.ok_or(RelationError::Invalid("the record holds no date of the patient's birth"))?;
            let minor = terms.from < majority(born);
            match terms.ground {
                None => return Err(RelationError::Invalid("say in `ground` why they are the guardian")),
                Some(Ground::Parent) if !minor => {
                    return Err(RelationError::Invalid("nobody is an adult's guardian for being a parent"));
                }
                Some(_) if terms.evidence.is_none() => {
                    return Err(RelationError::Invalid("name in `evidence` what proves it, from the patient's record"));
                }
                Some(_) => {}
            }
        }
        Self::sound(patient, people, &terms, at)?;
        Ok(Self {
            id,
            patient,
            person: people.person.account,
            terms,
            confirmed_by: by.account,
            confirmed: at,
            revoked: None,
        })
    }

    /// Somebody whom the patient invited accepts. Nobody becomes a guardian that way.
    ///
    /// # Errors
    /// If what is said makes no sense.
    pub fn join(
        id: RelationId,
        patient: PatientId,
        people: People<'_>,
        terms: Terms,
        invited_by: AccountId,
        at: Instant,
    ) -> Result<Self, RelationError> {
        can(people.person, Action::JoinFamily, at)?;
        if terms.kind == Kind::Guardian {
            return Err(RelationError::Invalid("who is a guardian is registered by the hospital, upon evidence"));
        }
        Self::sound(patient, people, &terms, at)?;
        Ok(Self {
            id,
            patient,
            person: people.person.account,
            terms,
            confirmed_by: invited_by,
            confirmed: at,
            revoked: None,
        })
    }

    fn sound(patient: PatientId, people: People<'_>, terms: &Terms, at: Instant) -> Result<(), RelationError> {
        if people.person.patients.contains(&patient) {
            return Err(RelationError::Invalid("nobody is a relation of their own"));
        }
        if !people.verified {
            return Err(RelationError::Invalid("the person's name was never checked against a document"));
        }
        if terms.ground.is_some() != (terms.kind == Kind::Guardian) {
            return Err(RelationError::Invalid("a `ground` is what a guardian has, and nobody else"));
        }
        if ends(terms, people.born).is_some_and(|end| end <= terms.from || end <= at) {
            return Err(RelationError::Invalid("it would have ended before it begins"));
        }
        Ok(())
    }

    /// It holds no more, from this moment on. Guardianships are revoked by the hospital
    /// alone; anything else also by the patient, and by whom it is about.
    ///
    /// # Errors
    /// If it is not for `by` to say, or was revoked before.
    pub fn revoke(mut self, by: &Actor, at: Instant) -> Result<Self, RelationError> {
        let staff = can(by, Action::RegisterRelations, at).is_ok();
        let theirs = by.acts_for(self.patient) || by.account == self.person;
        let may = staff || (theirs && self.terms.kind != Kind::Guardian);
        if !may {
            return Err(RelationError::NotTheirs);
        }
        if self.revoked.is_some() {
            return Err(RelationError::Revoked);
        }
        self.revoked = Some(Revoked { by: by.account, at });
        Ok(self)
    }

    /// When it ends, or ended: by a word, by its term, or by the patient's majority.
    pub fn ends(&self, born: Option<Instant>) -> Option<Instant> {
        let by_word = self.revoked.map(|revoked| revoked.at);
        by_word.into_iter().chain(ends(&self.terms, born)).min()
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

fn majority(born: Instant) -> Instant {
    born.plus_years(MAJORITY_YEARS)
}

fn ends(terms: &Terms, born: Option<Instant>) -> Option<Instant> {
    // Who was no minor when it began is not let go by a birthday; nobody is a grown-up's
    // guardian for being a parent, whatever the record said when it was registered.
    let minor_s = |grown: &Instant| terms.ground == Some(Ground::Parent) || terms.from < *grown;
    let grown = born.map(majority).filter(|grown| terms.kind == Kind::Guardian && minor_s(grown));
    terms.until.into_iter().chain(grown).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::Role, fixture};

    const NOW: Instant = fixture::NOW;
    const WARD: PatientId = PatientId::from_u128(9);

    fn day(text: &str) -> Instant {
        Instant::parse(text).expect("a day")
    }

    fn staff() -> Actor {
        Actor { roles: vec![Role::Administrator], ..fixture::doctor() }
    }

    fn terms(kind: Kind, ground: Option<Ground>) -> Terms {
        let evidence = ground.map(|_| "Binary/blob-1".to_owned());
        Terms { kind, tie: Tie::Mother, ground, evidence, from: NOW, until: None }
    }

    fn parent() -> Terms {
        terms(Kind::Guardian, Some(Ground::Parent))
    }

    fn register(born: &str, terms: Terms) -> Result<Relation, RelationError> {
        let person = fixture::patient();
        let people = People { born: Some(day(born)), person: &person, verified: true };
        Relation::register(RelationId::from_u128(1), WARD, people, terms, &staff(), NOW)
    }

    #[test]
    fn a_minor_s_guardianship_ends_on_the_eighteenth_birthday_in_shanghai() {
        let born = day("2009-03-15");
        let guardian = register("2009-03-15", parent()).expect("registered");
        let birthday = Instant::parse("2027-03-15T00:00:00+08:00").expect("an instant");
        assert_eq!(guardian.ends(Some(born)), Some(birthday));
        assert!(guardian.guards(Some(born), birthday.plus_seconds(-1)).is_some());
        assert_eq!(guardian.guards(Some(born), birthday), None);
        // As the record has it today: the date was wrong.
        let earlier = Some(day("2008-11-20"));
        assert_eq!(guardian.guards(earlier, NOW), None);
        assert_eq!(guardian.guards(None, NOW), None, "of no known age");
    }

    #[test]
    fn an_adult_s_guardian_is_one_by_court_or_agreement_and_for_good() {
        assert_eq!(register("1950-01-01", parent()).map_err(RelationError::code), Err(Code::RelationInvalid));
        for ground in [Ground::Court, Ground::Agreement] {
            let guardian = register("1950-01-01", terms(Kind::Guardian, Some(ground))).expect("registered");
            let born = Some(day("1950-01-01"));
            assert_eq!(guardian.ends(born), None);
            let held = guardian.guards(born, NOW.plus_days(9000)).expect("still");
            assert!(!held.ward_has_discretion());
        }
    }

    #[test]
    fn it_holds_from_then_until_then_and_not_after_a_word() {
        let born = Some(day("2015-01-01"));
        let term = Terms { from: NOW.plus_days(1), until: Some(NOW.plus_days(3)), ..parent() };
        let relation = register("2015-01-01", term).expect("registered");
        let guards = |at| relation.guards(born, at).is_some();
        assert!(!guards(NOW) && guards(NOW.plus_days(1)) && guards(NOW.plus_days(3).plus_seconds(-1)));
        assert!(!guards(NOW.plus_days(3)));
        let revoked = relation.clone().revoke(&staff(), NOW.plus_days(2)).expect("revoked");
        assert!(revoked.guards(born, NOW.plus_days(2)).is_none() && revoked.guards(born, NOW.plus_days(1)).is_some());
        assert_eq!(revoked.revoke(&staff(), NOW.plus_days(2)), Err(RelationError::Revoked));
    }

    #[test]
    fn adolescents_have_discretion() {
        let guardian = register("2014-01-01", parent()).expect("registered");
        let born = Some(day("2014-01-01"));
        let discreet = |at: &str| guardian.guards(born, day(at)).map(Guardianship::ward_has_discretion);
        assert_eq!(discreet("2027-12-31"), Some(false));
        assert_eq!(discreet("2028-01-01"), Some(true));
        assert_eq!(discreet("2031-12-31"), Some(true));
        assert_eq!(discreet("2032-01-01"), None);
    }

    #[test]
    fn what_makes_no_sense_is_not_registered() {
        let bad = [
            Terms { ground: None, ..parent() },
            Terms { evidence: None, ..parent() },
            Terms { until: Some(NOW), ..parent() },
            terms(Kind::Family, Some(Ground::Court)),
        ];
        for terms in bad {
            let told = format!("{terms:?}");
            assert_eq!(
                register("2015-01-01", terms).map_err(RelationError::code),
                Err(Code::RelationInvalid),
                "{told}"
            );
        }
        let person = fixture::patient();
        let sound = People { born: Some(day("2015-01-01")), person: &person, verified: true };
        let by = |people, whom, by: &Actor| {
            Relation::register(RelationId::from_u128(1), whom, people, parent(), by, NOW).map_err(RelationError::code)
        };
        assert_eq!(by(People { verified: false, ..sound }, WARD, &staff()), Err(Code::RelationInvalid));
        assert_eq!(by(People { born: None, ..sound }, WARD, &staff()), Err(Code::RelationInvalid));
        assert_eq!(by(sound, fixture::PATIENT, &staff()), Err(Code::RelationInvalid), "of themselves");
        assert_eq!(by(sound, WARD, &person), Err(Code::AuthForbidden));
        let themselves = Actor { roles: vec![Role::Administrator, Role::Patient], ..person.clone() };
        assert_eq!(by(sound, WARD, &themselves), Err(Code::AuthForbidden), "not by one's own word");
    }

    #[test]
    fn whom_the_patient_invites_is_family_and_never_a_guardian() {
        let (person, patient) = (fixture::stranger(), fixture::patient());
        let people = People { born: None, person: &person, verified: true };
        let join =
            |terms| Relation::join(RelationId::from_u128(1), fixture::PATIENT, people, terms, patient.account, NOW);
        assert_eq!(join(parent()).map_err(RelationError::code), Err(Code::RelationInvalid));
        let family = join(terms(Kind::Family, None)).expect("joined");
        assert!(family.is_family(NOW) && family.guards(Some(NOW.plus_days(-999)), NOW).is_none());
        assert!(!join(terms(Kind::EmergencyContact, None)).expect("joined").is_family(NOW));
        // The patient takes it back, or whom it is about; nobody else.
        assert!(family.clone().revoke(&patient, NOW).is_ok() && family.clone().revoke(&person, NOW).is_ok());
        assert_eq!(family.revoke(&fixture::doctor(), NOW), Err(RelationError::NotTheirs));
        let guardian = register("2015-01-01", parent()).expect("registered");
        assert_eq!(guardian.revoke(&fixture::patient(), NOW), Err(RelationError::NotTheirs));
    }
}
