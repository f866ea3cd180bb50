//! What somebody who does not treat a patient may see of a pathway: family and guardians, a school, an employer. Each is
//! shown what a consent in force names, and nothing else; guardians also what the law shows them.
//!
//! Who consents: a child's guardian; an adult; to family of an adolescent's restricted pathway the adolescent alone; to a
//! school or an employer of an adolescent both the adolescent and a guardian. The word of a guardian counts as long as
//! they are one.

use crate::{
    compartment::Compartments,
    consent::{Consent, Provision, Recipient, Scope},
    enrolment::Enrolment,
    id::{AccountId, ConsentId, EnrolmentId, OrganisationId},
    part::{Part, Parts, PathwayParts},
    relation::{Age, Relation},
    time::Instant,
};

/// Who may consent for a patient at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consenters {
    age: Option<Age>,
    guardians: Vec<AccountId>,
}

impl Consenters {
    /// Of a patient who was born then, with these relations.
    pub fn of(born: Option<Instant>, relations: &[Relation], at: Instant) -> Self {
        let guardians = relations.iter().filter(|one| one.guards(born, at).is_some()).map(|one| one.person).collect();
        Self { age: born.map(|born| Age::of(born, at)), guardians }
    }

    /// Whether a consent to family was given by who may give it.
    fn let_kin(&self, consent: &Consent) -> bool {
        match (consent.as_guardian, self.age) {
            (false, age) => age != Some(Age::Child),
            (true, Some(Age::Adolescent)) if consent.terms.scope.is_restricted() => false,
            (true, _) => self.guardians.contains(&consent.given_by),
        }
    }
}

/// Why the parts of a pathway cannot be consented to by this person.
///
/// # Errors
/// Of a child under 14 the guardian consents; to an organisation nobody does for a patient of unknown age.
pub fn may_consent(consenters: &Consenters, as_guardian: bool, to_organisation: bool) -> Result<(), &'static str> {
    match consenters.age {
        Some(Age::Child) if !as_guardian => Err("for a child under 14 the guardian says who may see this"),
        None if to_organisation => Err("the record holds no date of the patient's birth"),
        _ => Ok(()),
    }
}

/// What consents let an account of the family see of an enrolment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shared {
    /// The parts.
    pub parts: Parts,
    /// The restricted compartments that are named for the panel.
    pub panel: Compartments,
    /// The consents.
    pub consents: Vec<ConsentId>,
}

fn permits(consent: &Consent, at: Instant) -> bool {
    consent.terms.provision == Provision::Permit && consent.holds(at)
}

/// The parts of an enrolment that this consent opens, whose pathway lies in these compartments.
fn opens(consent: &Consent, enrolment: EnrolmentId, labels: Compartments) -> Option<PathwayParts> {
    match consent.terms.scope {
        Scope::Pathway(pathway) if pathway.enrolment == enrolment && labels.is_within(pathway.compartments) => {
            Some(pathway)
        }
        _ => None,
    }
}

/// What consents let an account see of an enrolment whose pathway lies in these compartments.
pub fn with_kin(
    consents: &[Consent],
    account: AccountId,
    (enrolment, labels): (EnrolmentId, Compartments),
    consenters: &Consenters,
    at: Instant,
) -> Shared {
    let mut shared = Shared::default();
    for consent in consents.iter().filter(|one| permits(one, at) && consenters.let_kin(one)) {
        if consent.terms.recipient != Recipient::Account(account) {
            continue;
        }
        if let Some(pathway) = opens(consent, enrolment, labels) {
            shared.parts = shared.parts.or(pathway.parts);
            if pathway.parts.contains(Part::Panel) {
                shared.panel = shared.panel.or(pathway.compartments);
            }
            shared.consents.push(consent.id);
        }
    }
    shared
}

/// The consent that lets an account see that the hospital is in contact with the patient because of a danger.
pub fn danger_with_kin(
    consents: &[Consent],
    account: AccountId,
    consenters: &Consenters,
    at: Instant,
) -> Option<ConsentId> {
    let tells = |one: &&Consent| {
        one.terms.scope == Scope::Danger
            && one.terms.recipient == Recipient::Account(account)
            && permits(one, at)
            && consenters.let_kin(one)
    };
    consents.iter().find(tells).map(|one| one.id)
}

/// The consent by which an organisation may be told this part of an enrolment whose pathway lies in these compartments:
/// the patient's own, if there are several.
pub fn with_organisation(
    consents: &[Consent],
    (organisation, part): (OrganisationId, Part),
    (enrolment, labels): (EnrolmentId, Compartments),
    consenters: &Consenters,
    at: Instant,
) -> Option<ConsentId> {
    let said = |as_guardian: bool| {
        let tells = |one: &&Consent| {
            one.as_guardian == as_guardian
                && permits(one, at)
                && one.terms.recipient == Recipient::Organisation(organisation)
                && (!as_guardian || consenters.guardians.contains(&one.given_by))
                && opens(one, enrolment, labels).is_some_and(|pathway| pathway.parts.contains(part))
        };
        consents.iter().find(tells).map(|one| one.id)
    };
    match consenters.age? {
        Age::Child => said(true),
        Age::Adolescent => said(true).and(said(false)),
        Age::Adult => said(false).or_else(|| said(true)),
    }
}

/// Whether somebody is in care: all that a school is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CareStatus {
    /// In care.
    InCare,
    /// Not any more, for whatever reason.
    Ended,
}

impl CareStatus {
    /// Of who is in these enrolments, at a moment. `None` if in none yet.
    pub fn of<'a>(enrolments: impl IntoIterator<Item = &'a Enrolment>, at: Instant) -> Option<Self> {
        let mut status = None;
        for enrolment in enrolments.into_iter().filter(|one| one.enrolled <= at) {
            match &enrolment.ended {
                Some(ended) if ended.at <= at => status = Some(Self::Ended),
                _ => return Some(Self::InCare),
            }
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        compartment::Compartment,
        consent::{Purpose, Terms},
        enrolment::{EndCause, Ended},
        fixture::{self, NOW, PATIENT},
    };

    const MENTAL: Compartment = Compartment::MentalHealth;
    const PATHWAY: EnrolmentId = EnrolmentId::from_u128(1);
    const KIN: AccountId = AccountId::from_u128(7);
    const GUARDIAN: AccountId = AccountId::from_u128(8);
    const SCHOOL: OrganisationId = OrganisationId::from_u128(3);

    fn consent(number: u128, recipient: Recipient, part: Part, labels: Compartments) -> Consent {
        let scope = Scope::Pathway(PathwayParts { enrolment: PATHWAY, parts: part.into(), compartments: labels });
        Consent {
            id: ConsentId::from_u128(number),
            patient: PATIENT,
            terms: Terms {
                provision: Provision::Permit,
                scope,
                recipient,
                purposes: [Purpose::Family].into(),
                from: NOW,
                until: None,
            },
            given_by: AccountId::from_u128(1),
            given: NOW,
            as_guardian: false,
            revoked: None,
        }
    }

    fn by_guardian(consent: Consent) -> Consent {
        Consent { as_guardian: true, given_by: GUARDIAN, id: ConsentId::from_u128(99), ..consent }
    }

    fn aged(years: i16) -> Consenters {
        Consenters { age: Some(Age::of(NOW.minus_years(years), NOW)), guardians: vec![GUARDIAN] }
    }

    fn adult() -> Consenters {
        aged(30)
    }

    #[test]
    fn the_age_of_the_patient_decides_who_consents() {
        for (age, wanted) in [(13, Age::Child), (14, Age::Adolescent), (17, Age::Adolescent), (18, Age::Adult)] {
            let born = NOW.minus_years(age);
            assert_eq!(Age::of(born, NOW), wanted, "{age}");
            let day_before = NOW.plus_seconds(-1);
            let one_less = Age::of(born, day_before);
            assert_eq!(one_less == wanted, age == 13 || age == 17, "{age}");
        }
        let to_school = |as_guardian| {
            let one = consent(1, Recipient::Organisation(SCHOOL), Part::Status, MENTAL.into());
            if as_guardian { by_guardian(one) } else { one }
        };
        let told = |consents: &[Consent], consenters: &Consenters| {
            let whose = (PATHWAY, MENTAL.into());
            with_organisation(consents, (SCHOOL, Part::Status), whose, consenters, NOW).map(ConsentId::as_u128)
        };
        let (own, guardian) = ([to_school(false)], [to_school(true)]);
        let both = [to_school(true), to_school(false)];
        for (age, by_own, by_the_guardian, by_both) in [
            (13, None, Some(99), Some(99)),
            (14, None, None, Some(1)),
            (17, None, None, Some(1)),
            (18, Some(1), Some(99), Some(1)),
        ] {
            let who = aged(age);
            assert_eq!((told(&own, &who), told(&guardian, &who)), (by_own, by_the_guardian), "{age}");
            assert_eq!(told(&both, &who), by_both, "{age}");
        }
        let unguarded = Consenters { guardians: Vec::new(), ..aged(13) };
        assert_eq!(told(&guardian, &unguarded), None, "who is no guardian any more");
        let unknown = Consenters { age: None, guardians: vec![GUARDIAN] };
        assert_eq!(told(&both, &unknown), None, "of no known age");
        assert!(may_consent(&unknown, false, true).is_err() && may_consent(&unknown, false, false).is_ok());
        assert!(may_consent(&aged(13), false, false).is_err() && may_consent(&aged(13), true, true).is_ok());
        assert!(may_consent(&aged(14), false, true).is_ok());
    }

    #[test]
    fn family_sees_the_parts_that_are_named() {
        let to = || Recipient::Account(KIN);
        let labels = Compartments::from(MENTAL);
        let status = consent(1, to(), Part::Status, labels);
        let shown = |consents: &[Consent], account, labels, who: &Consenters, at| {
            with_kin(consents, account, (PATHWAY, labels), who, at)
        };
        let seen = shown(std::slice::from_ref(&status), KIN, labels, &adult(), NOW);
        assert_eq!((seen.parts, seen.consents), (Part::Status.into(), vec![status.id]));
        assert!(seen.panel.is_empty(), "a status opens no compartment of a panel");
        let nothing = Shared::default();
        let one = std::slice::from_ref(&status);
        assert_eq!(shown(one, GUARDIAN, labels, &adult(), NOW), nothing, "another account");
        assert_eq!(shown(one, KIN, Compartments::ALL, &adult(), NOW), nothing, "a compartment that is not named");
        assert_eq!(shown(one, KIN, labels, &adult(), NOW.plus_seconds(-1)), nothing, "not yet");
        let revoked = Consent { revoked: Some(NOW), ..status.clone() };
        assert_eq!(shown(&[revoked], KIN, labels, &adult(), NOW), nothing, "at once");
        let other = with_kin(one, KIN, (EnrolmentId::from_u128(2), labels), &adult(), NOW);
        assert_eq!(other, nothing, "another pathway");
        let panel = consent(2, to(), Part::Panel, labels);
        let both = shown(&[status.clone(), panel], KIN, labels, &adult(), NOW);
        assert!(both.parts.contains(Part::Panel) && both.parts.contains(Part::Status));
        assert!(!both.parts.contains(Part::Tasks));
        assert_eq!(both.panel, labels);

        // Of an adolescent's restricted pathway the guardian opens nothing, of another one they do.
        let given = [by_guardian(status.clone())];
        assert_eq!(shown(&given, KIN, labels, &aged(14), NOW), nothing);
        assert_eq!(shown(&given, KIN, labels, &aged(13), NOW).parts, Part::Status.into());
        let open = [by_guardian(consent(1, to(), Part::Status, Compartments::NONE))];
        assert_eq!(shown(&open, KIN, Compartments::NONE, &aged(14), NOW).parts, Part::Status.into());
        let unguarded = Consenters { guardians: Vec::new(), ..aged(14) };
        assert_eq!(shown(&open, KIN, Compartments::NONE, &unguarded, NOW), nothing);

        let danger = Consent { terms: Terms { scope: Scope::Danger, ..status.terms.clone() }, ..status };
        let told = |consent: &Consent, account, who: &Consenters| {
            danger_with_kin(std::slice::from_ref(consent), account, who, NOW)
        };
        assert_eq!(told(&danger, KIN, &adult()), Some(danger.id));
        assert_eq!((told(&danger, GUARDIAN, &adult()), told(&one[0], KIN, &adult())), (None, None));
        assert_eq!(told(&by_guardian(danger), KIN, &aged(15)), None);
    }

    #[test]
    fn a_status_is_in_care_or_ended() {
        let active = fixture::enrolment();
        let at = active.enrolled.plus_days(9);
        let ended = |days| Enrolment {
            ended: Some(Ended { at: active.enrolled.plus_days(days), cause: EndCause::Withdrawn, left: None }),
            ..active.clone()
        };
        assert_eq!(CareStatus::of([], at), None);
        assert_eq!(CareStatus::of([&active], active.enrolled.plus_seconds(-1)), None);
        assert_eq!(CareStatus::of([&active], at), Some(CareStatus::InCare));
        assert_eq!(CareStatus::of([&ended(9)], at), Some(CareStatus::Ended));
        assert_eq!(CareStatus::of([&ended(10)], at), Some(CareStatus::InCare), "as it was then");
        assert_eq!(CareStatus::of([&ended(1), &active], at), Some(CareStatus::InCare));
    }

    fn any_consent() -> impl Strategy<Value = Consent> {
        let to = prop_oneof![
            Just(Recipient::Account(KIN)),
            Just(Recipient::Organisation(SCHOOL)),
            Just(Recipient::Organisation(OrganisationId::from_u128(4))),
        ];
        let part = prop_oneof![Just(Part::Status), Just(Part::Tasks), Just(Part::Panel), Just(Part::Counted)];
        (to, part, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(to, part, named, guardian, revoked, refuse)| {
                let labels = if named { MENTAL.into() } else { Compartments::NONE };
                let mut one = consent(1, to, part, labels);
                one.revoked = revoked.then_some(NOW);
                if refuse {
                    one.terms.provision = Provision::Refuse;
                }
                if guardian { by_guardian(one) } else { one }
            },
        )
    }

    proptest! {
        /// Whatever is shown was named by a consent in force for this recipient, with its compartment.
        #[test]
        fn nothing_is_shown_without_a_word(
            consents in proptest::collection::vec(any_consent(), 0..8), age in 10_i16..25, restricted in any::<bool>(),
        ) {
            let labels = if restricted { MENTAL.into() } else { Compartments::NONE };
            let word = |to: &Recipient, part: Part| consents.iter().any(|one| {
                let Scope::Pathway(pathway) = one.terms.scope else { return false };
                one.revoked.is_none() && one.terms.provision == Provision::Permit && one.terms.recipient == *to
                    && pathway.parts.contains(part) && labels.is_within(pathway.compartments)
            });
            let kin = with_kin(&consents, KIN, (PATHWAY, labels), &aged(age), NOW);
            for part in Part::ALL {
                prop_assert!(!kin.parts.contains(part) || word(&Recipient::Account(KIN), part));
                let told = with_organisation(&consents, (SCHOOL, part), (PATHWAY, labels), &aged(age), NOW);
                prop_assert!(told.is_none() || word(&Recipient::Organisation(SCHOOL), part));
            }
        }
    }
}
