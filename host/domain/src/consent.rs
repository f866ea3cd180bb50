//! What a patient agrees to, and the one decision on every disclosure of a record.
//!
//! Who treats a patient sees the ordinary record without being told so; a restricted
//! compartment is shown to nobody but the patient, those who treat in it, and those
//! whom the patient named. In an emergency a doctor may open a compartment without consent.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    access::{Actor, Role},
    code::Code,
    compartment::{Compartment, Compartments},
    id::{AccountId, ConsentId, PatientId},
    time::Instant,
};

/// What a disclosure is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Care of the patient.
    Treatment,
    /// Who pays for it.
    Payment,
    /// What the law has the hospital itself look at before it prescribes. Nobody
    /// agrees to it or refuses it.
    Safety,
    /// Research.
    Research,
    /// That somebody of the family knows.
    Family,
}

impl Purpose {
    /// As it is written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Treatment => "treatment",
            Self::Payment => "payment",
            Self::Safety => "safety",
            Self::Research => "research",
            Self::Family => "family",
        }
    }
}

/// Of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything that is not restricted. A compartment is named or not meant.
    Record,
    /// One compartment.
    Compartment(Compartment),
    /// Who the patient is: name, numbers, contacts. Of the record it opens nothing.
    Identity,
}

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// Everybody in the hospital with this role.
    Role(Role),
    /// One person.
    Account(AccountId),
    /// A plugin, by its id: a pathway, a checker, an insurer's.
    Plugin(String),
    /// A file that leaves the hospital.
    Export,
}

/// What the patient said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provision {
    /// They may.
    Permit,
    /// They may not, whatever else says that they may. Not for people: those who
    /// treat a patient are chosen otherwise.
    Refuse,
}

/// What a patient is about to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Yes or no.
    pub provision: Provision,
    /// Of what.
    pub scope: Scope,
    /// To whom.
    pub recipient: Recipient,
    /// What for.
    pub purposes: BTreeSet<Purpose>,
    /// From when on.
    pub from: Instant,
    /// Until just before this, if it is not for good.
    pub until: Option<Instant>,
}

/// What a patient, or who acts for them, has said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Drawn at the edge.
    pub id: ConsentId,
    /// Whose record.
    pub patient: PatientId,
    /// What was said.
    pub terms: Terms,
    /// By which account.
    pub given_by: AccountId,
    /// When.
    pub given: Instant,
    /// Since when it does not hold any more, if it was taken back.
    pub revoked: Option<Instant>,
}

/// Why it cannot be given, or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConsentError {
    /// Only the patient consents.
    #[error("only the patient, or who acts for them, consents")]
    NotThePatient,
    /// It makes no sense.
    #[error("{0}")]
    Invalid(&'static str),
    /// It was taken back before.
    #[error("it was taken back before")]
    Revoked,
}

impl ConsentError {
    /// The stable code.
    pub const fn code(self) -> Code {
        match self {
            Self::NotThePatient => Code::AuthForbidden,
            Self::Invalid(_) => Code::ConsentInvalid,
            Self::Revoked => Code::ConsentState,
        }
    }
}

impl Consent {
    /// The patient consents.
    ///
    /// # Errors
    /// If `by` is not the patient, or what is said makes no sense.
    pub fn give(
        id: ConsentId,
        patient: PatientId,
        terms: Terms,
        by: &Actor,
        at: Instant,
    ) -> Result<Self, ConsentError> {
        if !by.acts_for(patient) {
            return Err(ConsentError::NotThePatient);
        }
        // A guardian may close an adolescent's compartment, and not open it.
        let opens = terms.provision == Provision::Permit && matches!(terms.scope, Scope::Compartment(_));
        if opens && !by.acts_wholly_for(patient) {
            return Err(ConsentError::NotThePatient);
        }
        let invalid = |what| Err(ConsentError::Invalid(what));
        if terms.purposes.is_empty() || terms.purposes.contains(&Purpose::Safety) {
            return invalid("say in `purposes` what for: treatment, payment, research or family");
        }
        if terms.until.is_some_and(|until| until <= terms.from || until <= at) {
            return invalid("it would have ended before it begins");
        }
        match &terms.recipient {
            // People of the hospital know who their patients are.
            Recipient::Role(_) | Recipient::Account(_) | Recipient::Export if terms.scope == Scope::Identity => {
                return invalid("who one is goes out to a plugin's servers, and to nobody else");
            }
            Recipient::Role(Role::Patient | Role::Operator) => return invalid("nobody with this role reads records"),
            Recipient::Role(_) | Recipient::Account(_) if terms.provision == Provision::Refuse => {
                return invalid("only plugins and exports can be refused");
            }
            Recipient::Plugin(id) if id.is_empty() || id.len() > 128 => {
                return invalid("`plugin` is the id of a plugin");
            }
            _ => {}
        }
        Ok(Self { id, patient, terms, given_by: by.account, given: at, revoked: None })
    }

    /// The patient takes it back, at once.
    ///
    /// # Errors
    /// If `by` is not the patient, or it was taken back before.
    pub fn revoke(mut self, by: &Actor, at: Instant) -> Result<Self, ConsentError> {
        if !by.acts_for(self.patient) {
            return Err(ConsentError::NotThePatient);
        }
        if self.revoked.is_some() {
            return Err(ConsentError::Revoked);
        }
        self.revoked = Some(at);
        Ok(self)
    }

    /// Whether it holds at a moment.
    pub fn holds(&self, at: Instant) -> bool {
        let Terms { from, until, .. } = self.terms;
        at >= from && until.is_none_or(|until| at < until) && self.revoked.is_none_or(|since| at < since)
    }

    fn speaks_of(&self, to: &Asker<'_>, purpose: Purpose) -> bool {
        let named = match (&self.terms.recipient, to) {
            (Recipient::Role(role), Asker::Person { roles, .. }) => roles.contains(role),
            (Recipient::Account(one), Asker::Person { account, .. }) => one == account,
            (Recipient::Plugin(one), Asker::Plugin { id, .. }) => one == id,
            (Recipient::Export, Asker::Export) => true,
            _ => false,
        };
        named && self.terms.purposes.contains(&purpose)
    }
}

/// Who would see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker<'a> {
    /// The patient, or who acts for them.
    Patient,
    /// The hospital's own rules.
    Host,
    /// A person.
    Person {
        /// Which account.
        account: AccountId,
        /// Roles that it may act in at this moment.
        roles: &'a [Role],
    },
    /// A plugin.
    Plugin {
        /// Its id.
        id: &'a str,
        /// The compartment that the tenant granted it.
        compartment: Option<Compartment>,
    },
    /// A file that leaves the hospital.
    Export,
}

/// What ties a person to a patient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Care {
    /// Compartments in which they treat the patient: by an enrolment that runs, or a
    /// visit that is open.
    pub within: Compartments,
    /// Compartments that they have emergency access to.
    pub opened: Compartments,
}

/// Why something is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Withheld {
    /// The patient's consent does not cover it.
    #[error("the patient's consent does not cover this")]
    Consent,
    /// It lies in a restricted compartment, which is not open to who asks.
    #[error("this lies in a restricted part of the record")]
    Compartment(Compartment),
}

impl Withheld {
    /// The stable code.
    pub const fn code(self) -> Code {
        match self {
            Self::Consent => Code::AuthForbidden,
            Self::Compartment(_) => Code::AccessCompartment,
        }
    }
}

/// Whether an entry that falls into these compartments may be shown: the one
/// decision on every way out of a record.
///
/// `consents` are the patient's, in any state; `care` ties the asker, if it is a
/// person, to the patient.
///
/// # Errors
/// Why not. Without consent, care or emergency access no compartment is shown.
pub fn may_disclose(
    labels: Compartments,
    to: &Asker<'_>,
    purpose: Purpose,
    consents: &[Consent],
    care: Care,
    at: Instant,
) -> Result<(), Withheld> {
    match to {
        Asker::Patient => return Ok(()),
        Asker::Host => return if purpose == Purpose::Safety { Ok(()) } else { Err(Withheld::Consent) },
        _ => {}
    }
    let said = |provision, scope| {
        consents.iter().any(|consent| {
            consent.terms.provision == provision
                && consent.terms.scope == scope
                && consent.holds(at)
                && consent.speaks_of(to, purpose)
        })
    };
    if said(Provision::Refuse, Scope::Record) {
        return Err(Withheld::Consent);
    }
    for compartment in labels.iter() {
        let scope = Scope::Compartment(compartment);
        let treats = purpose == Purpose::Treatment
            && match to {
                Asker::Person { .. } => care.within.or(care.opened).contains(compartment),
                Asker::Plugin { compartment: own, .. } => *own == Some(compartment),
                _ => false,
            };
        if said(Provision::Refuse, scope) || !(treats || said(Provision::Permit, scope)) {
            return Err(Withheld::Compartment(compartment));
        }
    }
    // Named for a compartment, or for treatment presumed.
    let presumed = match to {
        Asker::Person { .. } => purpose == Purpose::Treatment,
        Asker::Plugin { .. } => matches!(purpose, Purpose::Treatment | Purpose::Payment),
        _ => false,
    };
    if presumed || !labels.is_empty() || said(Provision::Permit, Scope::Record) {
        Ok(())
    } else {
        Err(Withheld::Consent)
    }
}

/// Whether a plugin may have the host send who the patient is to its servers. A payer
/// that the patient is `enrolled` with knows its members: for payment, enrolment is
/// consent enough. A refusal wins over either.
///
/// # Errors
/// If the patient has said no, or nothing.
pub fn may_identify(
    plugin: &str,
    purpose: Purpose,
    enrolled: bool,
    consents: &[Consent],
    at: Instant,
) -> Result<(), Withheld> {
    let to = Asker::Plugin { id: plugin, compartment: None };
    let said = |provision, scope| {
        consents.iter().any(|consent| {
            let Terms { provision: said, scope: of, .. } = &consent.terms;
            *said == provision && *of == scope && consent.holds(at) && consent.speaks_of(&to, purpose)
        })
    };
    let refused = [Scope::Record, Scope::Identity].into_iter().any(|scope| said(Provision::Refuse, scope));
    let agreed = said(Provision::Permit, Scope::Identity) || (enrolled && purpose == Purpose::Payment);
    if agreed && !refused { Ok(()) } else { Err(Withheld::Consent) }
}

/// Whether an entry that falls into these compartments may go into a file or a message
/// that leaves the hospital on behalf of `by`: what `by` may be shown, unless the
/// patient refused exports, and what the patient named exports for.
///
/// # Errors
/// Why not.
pub fn may_export(
    labels: Compartments,
    by: &Asker<'_>,
    purpose: Purpose,
    consents: &[Consent],
    at: Instant,
) -> Result<(), Withheld> {
    let refused = |scope| {
        consents.iter().any(|consent| {
            consent.terms.provision == Provision::Refuse
                && consent.terms.scope == scope
                && consent.holds(at)
                && consent.speaks_of(&Asker::Export, purpose)
        })
    };
    if refused(Scope::Record) {
        return Err(Withheld::Consent);
    }
    if let Some(compartment) = labels.iter().find(|one| refused(Scope::Compartment(*one))) {
        return Err(Withheld::Compartment(compartment));
    }
    let shown = |to| may_disclose(labels, to, purpose, consents, Care::default(), at);
    match shown(by) {
        Err(_) if !labels.is_empty() => shown(&Asker::Export),
        decided => decided,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture;

    const NOW: Instant = fixture::NOW;
    const HIV: Compartment = Compartment::Hiv;
    const MENTAL: Compartment = Compartment::MentalHealth;

    fn terms(scope: Scope, recipient: Recipient, purpose: Purpose) -> Terms {
        Terms { provision: Provision::Permit, scope, recipient, purposes: [purpose].into(), from: NOW, until: None }
    }

    fn consent(terms: Terms) -> Consent {
        Consent {
            id: ConsentId::from_u128(1),
            patient: PatientId::from_u128(1),
            terms,
            given_by: AccountId::from_u128(1),
            given: NOW,
            revoked: None,
        }
    }

    fn doctor() -> Asker<'static> {
        Asker::Person { account: AccountId::from_u128(7), roles: &[Role::Doctor] }
    }

    fn plugin(id: &str) -> Asker<'_> {
        Asker::Plugin { id, compartment: None }
    }

    fn ask(label: impl Into<Compartments>, to: &Asker<'_>, purpose: Purpose, consents: &[Consent]) -> bool {
        may_disclose(label.into(), to, purpose, consents, Care::default(), NOW).is_ok()
    }

    #[test]
    fn treatment_is_presumed_and_no_compartment_is() {
        let none = Compartments::NONE;
        assert!(ask(none, &doctor(), Purpose::Treatment, &[]));
        assert!(ask(none, &plugin("p"), Purpose::Treatment, &[]));
        assert!(!ask(none, &doctor(), Purpose::Payment, &[]), "an insurer needs consent to anything");
        assert!(!ask(none, &doctor(), Purpose::Research, &[]));
        assert!(!ask(none, &Asker::Export, Purpose::Treatment, &[]));
        for to in [doctor(), plugin("p"), Asker::Export] {
            assert!(!ask(HIV, &to, Purpose::Treatment, &[]));
        }
        assert!(ask(Compartments::ALL, &Asker::Patient, Purpose::Treatment, &[]));
        assert!(ask(Compartments::ALL, &Asker::Host, Purpose::Safety, &[]));
        assert!(!ask(none, &Asker::Host, Purpose::Treatment, &[]));
    }

    #[test]
    fn an_export_carries_what_its_maker_sees_and_the_patient_lets_out() {
        let may = |label: Compartments, consents: &[Consent]| {
            may_export(label, &doctor(), Purpose::Treatment, consents, NOW).is_ok()
        };
        let say =
            |provision, scope, recipient| consent(Terms { provision, ..terms(scope, recipient, Purpose::Treatment) });
        let (record, hiv) = (Scope::Record, Scope::Compartment(HIV));
        assert!(may(Compartments::NONE, &[]) && !may(HIV.into(), &[]));
        let named = say(Provision::Permit, hiv, Recipient::Export);
        assert!(may(HIV.into(), std::slice::from_ref(&named)) && !may(Compartments::ALL, std::slice::from_ref(&named)));
        assert!(may(HIV.into(), &[say(Provision::Permit, hiv, Recipient::Role(Role::Doctor))]));
        let refused = say(Provision::Refuse, record, Recipient::Export);
        assert!(!may(Compartments::NONE, std::slice::from_ref(&refused)));
        assert!(!may(HIV.into(), &[named, refused]), "a refusal of all is one of each");
        let shown = say(Provision::Permit, hiv, Recipient::Role(Role::Doctor));
        let refused = say(Provision::Refuse, hiv, Recipient::Export);
        assert!(may(Compartments::NONE, std::slice::from_ref(&refused)) && !may(HIV.into(), &[shown, refused]));
        let research = Consent {
            terms: Terms {
                purposes: [Purpose::Research].into(),
                ..say(Provision::Refuse, record, Recipient::Export).terms
            },
            ..consent(terms(record, Recipient::Export, Purpose::Research))
        };
        assert!(may(Compartments::NONE, &[research]), "of another purpose");
    }

    #[test]
    fn care_and_grant_open_their_own_compartment() {
        let to = doctor();
        for care in [Care { within: HIV.into(), ..Care::default() }, Care { opened: HIV.into(), ..Care::default() }] {
            let may = |label: Compartment, purpose| may_disclose(label.into(), &to, purpose, &[], care, NOW).is_ok();
            assert!(may(HIV, Purpose::Treatment));
            assert!(!may(MENTAL, Purpose::Treatment));
            assert!(!may(HIV, Purpose::Research), "who treats does not study");
        }
        let own = Asker::Plugin { id: "hiv", compartment: Some(HIV) };
        assert!(ask(HIV, &own, Purpose::Treatment, &[]));
        assert!(!ask(MENTAL, &own, Purpose::Treatment, &[]));
        assert!(!ask(HIV, &own, Purpose::Payment, &[]));
    }

    #[test]
    fn consent_is_for_whom_and_what_it_names() {
        let given = [consent(terms(Scope::Compartment(HIV), Recipient::Plugin("payer".into()), Purpose::Payment))];
        assert!(ask(HIV, &plugin("payer"), Purpose::Payment, &given));
        assert!(!ask(HIV, &plugin("other"), Purpose::Payment, &given));
        assert!(!ask(HIV, &plugin("payer"), Purpose::Treatment, &given));
        assert!(!ask(MENTAL, &plugin("payer"), Purpose::Payment, &given));
        assert!(!ask(Compartments::ALL, &plugin("payer"), Purpose::Payment, &given), "each label wants its own");
        let all = [consent(terms(Scope::Record, Recipient::Role(Role::Doctor), Purpose::Treatment))];
        assert!(!ask(HIV, &doctor(), Purpose::Treatment, &all), "a compartment is named or not meant");
    }

    #[test]
    fn a_refusal_wins() {
        let to = Recipient::Plugin("p".into());
        let no = Terms { provision: Provision::Refuse, ..terms(Scope::Record, to.clone(), Purpose::Treatment) };
        let both = [consent(no), consent(terms(Scope::Record, to, Purpose::Treatment))];
        assert!(!ask(Compartments::NONE, &plugin("p"), Purpose::Treatment, &both));
        assert!(ask(Compartments::NONE, &plugin("q"), Purpose::Treatment, &both));
    }

    #[test]
    fn who_one_is_goes_out_with_one_s_word() {
        let to = || Recipient::Plugin("p".into());
        let say = |provision, scope, purpose| consent(Terms { provision, ..terms(scope, to(), purpose) });
        let may = |purpose, enrolled, consents: &[Consent]| may_identify("p", purpose, enrolled, consents, NOW).is_ok();
        let yes = say(Provision::Permit, Scope::Identity, Purpose::Treatment);
        assert!(may(Purpose::Treatment, false, std::slice::from_ref(&yes)));
        assert!(!may(Purpose::Treatment, false, &[]) && !may(Purpose::Treatment, true, &[]));
        assert!(!may(Purpose::Payment, false, std::slice::from_ref(&yes)), "for another purpose");
        assert!(may_identify("q", Purpose::Treatment, false, std::slice::from_ref(&yes), NOW).is_err());
        let record = say(Provision::Permit, Scope::Record, Purpose::Treatment);
        assert!(!may(Purpose::Treatment, false, &[record]), "the record is not who one is");
        assert!(may(Purpose::Payment, true, &[]), "whom one is insured by");
        for scope in [Scope::Record, Scope::Identity] {
            let no = say(Provision::Refuse, scope, Purpose::Treatment);
            assert!(!may(Purpose::Treatment, false, &[yes.clone(), no]));
            assert!(!may(Purpose::Payment, true, &[say(Provision::Refuse, scope, Purpose::Payment)]));
        }
        assert!(!ask(Compartments::ALL, &plugin("p"), Purpose::Treatment, std::slice::from_ref(&yes)));
        let patient = fixture::patient();
        let odd = Terms { recipient: Recipient::Export, ..yes.terms };
        let refused = Consent::give(ConsentId::from_u128(1), patient.patients[0], odd, &patient, NOW);
        assert_eq!(refused.map_err(ConsentError::code), Err(Code::ConsentInvalid));
    }

    #[test]
    fn only_the_patient_says_and_takes_back() {
        let patient = fixture::patient();
        let whose = patient.patients[0];
        let good = terms(Scope::Compartment(HIV), Recipient::Role(Role::Doctor), Purpose::Treatment);
        let give = |terms: &Terms, by: &Actor| Consent::give(ConsentId::from_u128(1), whose, terms.clone(), by, NOW);
        assert_eq!(give(&good, &fixture::doctor()), Err(ConsentError::NotThePatient));
        let given = give(&good, &patient).expect("given");
        assert!(given.holds(NOW));
        assert_eq!(given.clone().revoke(&fixture::doctor(), NOW), Err(ConsentError::NotThePatient));
        let revoked = given.revoke(&patient, NOW).expect("taken back");
        assert!(!revoked.holds(NOW), "at once");
        assert_eq!(revoked.revoke(&patient, NOW), Err(ConsentError::Revoked));

        for bad in [
            Terms { purposes: BTreeSet::new(), ..good.clone() },
            Terms { purposes: [Purpose::Safety].into(), ..good.clone() },
            Terms { until: Some(NOW), ..good.clone() },
            Terms { recipient: Recipient::Role(Role::Operator), ..good.clone() },
            Terms { provision: Provision::Refuse, ..good.clone() },
        ] {
            assert_eq!(give(&bad, &patient).map_err(ConsentError::code), Err(Code::ConsentInvalid), "{bad:?}");
        }
    }

    fn any_consent() -> impl Strategy<Value = Consent> {
        let scope = prop_oneof![Just(Scope::Record), Just(Scope::Compartment(HIV)), Just(Scope::Compartment(MENTAL))];
        let recipient = prop_oneof![
            Just(Recipient::Role(Role::Doctor)),
            Just(Recipient::Account(AccountId::from_u128(7))),
            Just(Recipient::Plugin("p".into())),
            Just(Recipient::Export)
        ];
        let purpose = prop_oneof![Just(Purpose::Treatment), Just(Purpose::Payment), Just(Purpose::Research)];
        (scope, recipient, purpose, any::<bool>(), -5_i64..5, proptest::option::of(-5_i64..5)).prop_map(
            |(scope, recipient, purpose, permit, from, revoked)| {
                let provision = if permit { Provision::Permit } else { Provision::Refuse };
                let terms = Terms { provision, from: NOW.plus_days(from), ..terms(scope, recipient, purpose) };
                Consent { revoked: revoked.map(|days| NOW.plus_days(days)), ..consent(terms) }
            },
        )
    }

    fn any_asker() -> impl Strategy<Value = Asker<'static>> {
        prop_oneof![Just(doctor()), Just(plugin("p")), Just(Asker::Export)]
    }

    proptest! {
        /// Whatever was said, what is shown of a compartment was permitted by a
        /// consent that holds and names it, its recipient and its purpose.
        #[test]
        fn no_compartment_without_a_word(
            consents in proptest::collection::vec(any_consent(), 0..6), to in any_asker(),
            purpose in prop_oneof![Just(Purpose::Treatment), Just(Purpose::Payment), Just(Purpose::Research)],
        ) {
            let shown = may_disclose(HIV.into(), &to, purpose, &consents, Care::default(), NOW).is_ok();
            let word = consents.iter().any(|c| {
                c.holds(NOW) && c.terms.provision == Provision::Permit && c.terms.scope == Scope::Compartment(HIV)
                    && c.speaks_of(&to, purpose)
            });
            prop_assert!(!shown || word);
        }

        /// One more label never shows more; no consent at all never shows a compartment.
        #[test]
        fn labels_only_withhold(consents in proptest::collection::vec(any_consent(), 0..6), to in any_asker()) {
            let may = |labels: Compartments| may_disclose(labels, &to, Purpose::Treatment, &consents, Care::default(), NOW);
            if may(Compartments::ALL).is_ok() {
                prop_assert!(may(HIV.into()).is_ok() && may(MENTAL.into()).is_ok());
            }
            prop_assert!(may_disclose(HIV.into(), &to, Purpose::Treatment, &[], Care::default(), NOW).is_err());
        }

        /// What was taken back is as if it had never been said.
        #[test]
        fn revocation_is_complete(mut consents in proptest::collection::vec(any_consent(), 0..6), to in any_asker()) {
            for consent in &mut consents {
                consent.revoked = Some(NOW);
            }
            let may = |consents: &[Consent], labels| may_disclose(labels, &to, Purpose::Treatment, consents, Care::default(), NOW);
            for labels in [Compartments::NONE, HIV.into(), Compartments::ALL] {
                prop_assert_eq!(may(&consents, labels), may(&[], labels));
            }
        }
    }
}
