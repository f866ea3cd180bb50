//! Relations to a patient: staff register them upon evidence, patients invite family members, and
//! either can revoke them.

use thiserror::Error;

use crate::{
    access::{Action, Actor, Denied, can},
    code::Code,
    id::{AccountId, PatientId, RelationId},
    relation::{Ground, Kind, Relation, Revoked, Terms, majority},
    time::Instant,
};

/// The two people of a relation, as known at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct People<'a> {
    /// First moment of the day of the patient's birth, if it is recorded.
    pub born: Option<Instant>,
    /// The person who is to be related to the patient.
    pub person: &'a Actor,
    /// Whether that person's name was verified against a document.
    pub verified: bool,
}

/// Why a relation is not created or revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RelationError {
    /// See [`Denied`].
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The actor is not entitled to revoke it.
    #[error("this is not theirs to say")]
    NotTheirs,
    /// Invalid or incomplete input.
    #[error("{0}")]
    Invalid(&'static str),
    /// It was already revoked.
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
    /// Registers a relation, by staff who have seen the evidence.
    ///
    /// # Errors
    /// If the actor may not, or the input is invalid.
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

    /// Accepts an invitation of the patient. This cannot create a guardianship.
    ///
    /// # Errors
    /// If the input is invalid.
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
        if terms.ends(people.born).is_some_and(|end| end <= terms.from || end <= at) {
            return Err(RelationError::Invalid("it would have ended before it begins"));
        }
        Ok(())
    }

    /// Revokes the relation from this moment on. Guardianships are revoked by the hospital only;
    /// other relations also by the patient and by the related person.
    ///
    /// # Errors
    /// If `by` is not entitled to, or it was already revoked.
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::Role,
        fixture,
        relation::{Guardianship, Tie},
    };

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
        // The birth date in the record was corrected since.
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
        // Revoked by the patient or by the related person, and nobody else.
        assert!(family.clone().revoke(&patient, NOW).is_ok() && family.clone().revoke(&person, NOW).is_ok());
        assert_eq!(family.revoke(&fixture::doctor(), NOW), Err(RelationError::NotTheirs));
        let guardian = register("2015-01-01", parent()).expect("registered");
        assert_eq!(guardian.revoke(&fixture::patient(), NOW), Err(RelationError::NotTheirs));
    }
}
