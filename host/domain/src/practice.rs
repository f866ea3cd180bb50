//! Entitlement to practise: verified certificates, and a filing at this hospital. One table
//! defines what each role requires.
//!
//! A [`Certificate`] is decided once and is then in force or suspended; a renewal is another
//! certificate. Its number is stored elsewhere, sealed.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    id::{AccountId, CertificateId, TenantId},
    id_number::{IdNumber, IdNumberError},
    identity::{DecideError, Decision, NumberFacts, Pending, Truth, Verdict},
    role::{Role, Title},
    time::Instant,
};

/// Kind of certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 身份证.
    IdentityCard,
    /// 医师资格证.
    DoctorQualification,
    /// 医师执业证.
    DoctorPractice,
    /// 职称证 of a doctor.
    DoctorTitle,
    /// 药学专业技术职称.
    PharmacyTitle,
    /// 执业药师.
    LicensedPharmacist,
    /// 护士执业证.
    NurseRegistration,
    /// 心理治疗师职称.
    PsychotherapistTitle,
    /// Proof that a counsellor meets the platform's requirements: the state certificate was
    /// abolished.
    CounsellorBar,
    /// Proof of employment in the role.
    EmployerProof,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::IdentityCard,
        Self::DoctorQualification,
        Self::DoctorPractice,
        Self::DoctorTitle,
        Self::PharmacyTitle,
        Self::LicensedPharmacist,
        Self::NurseRegistration,
        Self::PsychotherapistTitle,
        Self::CounsellorBar,
        Self::EmployerProof,
    ];

    /// The name in the API and in the WIT contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdentityCard => "identity_card",
            Self::DoctorQualification => "doctor_qualification",
            Self::DoctorPractice => "doctor_practice",
            Self::DoctorTitle => "doctor_title",
            Self::PharmacyTitle => "pharmacy_title",
            Self::LicensedPharmacist => "licensed_pharmacist",
            Self::NurseRegistration => "nurse_registration",
            Self::PsychotherapistTitle => "psychotherapist_title",
            Self::CounsellorBar => "counsellor_bar",
            Self::EmployerProof => "employer_proof",
        }
    }

    /// Facts computed from a number of this kind. `card` is the number of the person's identity
    /// card, if known.
    pub fn facts(self, number: &str, card: Option<&IdNumber>) -> NumberFacts {
        match self {
            Self::IdentityCard => NumberFacts { holder: Truth::Unknown, ..id_facts(number, None) },
            // Year, province, level and category, and the holder's identity number.
            Self::DoctorQualification => match number.trim().split_at_checked(9) {
                Some((head, holder)) if head.bytes().all(|b| b.is_ascii_digit()) => id_facts(holder, card),
                _ => NumberFacts { form: Truth::Fails, ..NumberFacts::default() },
            },
            Self::DoctorPractice => {
                let number = number.trim();
                let form = number.len() == 15 && number.bytes().all(|b| b.is_ascii_digit());
                NumberFacts { form: form.into(), ..NumberFacts::default() }
            }
            _ => NumberFacts::default(),
        }
    }
}

/// Facts computed from an identity number; `holder` requires another number to compare with.
pub fn id_facts(number: &str, card: Option<&IdNumber>) -> NumberFacts {
    use Truth::{Fails, Holds, Unknown};
    let facts = |form, region, checksum| NumberFacts { form, checksum, region, birth: Unknown, holder: Unknown };
    match number.parse::<IdNumber>() {
        Ok(number) => NumberFacts {
            holder: card.map_or(Unknown, |card| Truth::from(*card == number)),
            ..facts(Holds, Holds, Holds)
        },
        Err(IdNumberError::Form) => facts(Fails, Unknown, Unknown),
        Err(IdNumberError::Region) => facts(Holds, Fails, Unknown),
        Err(IdNumberError::Check) => facts(Holds, Holds, Fails),
        Err(IdNumberError::Birth) => NumberFacts { birth: Fails, ..facts(Holds, Holds, Holds) },
    }
}

/// A certificate by kind, with the fields of that kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Document {
    /// [`Kind::IdentityCard`]
    IdentityCard {},
    /// [`Kind::DoctorQualification`]
    DoctorQualification {},
    /// [`Kind::DoctorPractice`]
    DoctorPractice {
        /// Specialities (执业范围).
        scope: Vec<String>,
        /// The main institution (主要执业机构).
        institution: String,
        /// Start of independent practice.
        since: Instant,
    },
    /// [`Kind::DoctorTitle`]
    DoctorTitle {
        /// The rank.
        rank: Title,
    },
    /// [`Kind::PharmacyTitle`]
    PharmacyTitle {
        /// The rank.
        rank: Title,
    },
    /// [`Kind::LicensedPharmacist`]
    LicensedPharmacist {},
    /// [`Kind::NurseRegistration`]
    NurseRegistration {
        /// Institution of registration.
        institution: String,
    },
    /// [`Kind::PsychotherapistTitle`]
    PsychotherapistTitle {
        /// The rank.
        rank: Title,
    },
    /// [`Kind::CounsellorBar`]
    CounsellorBar {
        /// Hours of paid counselling.
        charged_hours: u32,
    },
    /// [`Kind::EmployerProof`]
    EmployerProof {
        /// The employer.
        employer: String,
    },
}

impl Document {
    /// Specialities, of a practice certificate.
    pub fn scope(&self) -> &[String] {
        match self {
            Self::DoctorPractice { scope, .. } => scope,
            _ => &[],
        }
    }

    /// Main institution, place of registration or employer.
    pub fn place(&self) -> Option<&str> {
        match self {
            Self::DoctorPractice { institution: place, .. }
            | Self::NurseRegistration { institution: place }
            | Self::EmployerProof { employer: place } => Some(place),
            _ => None,
        }
    }

    /// Start of a doctor's independent practice.
    pub const fn practising_since(&self) -> Option<Instant> {
        match self {
            Self::DoctorPractice { since, .. } => Some(*since),
            _ => None,
        }
    }

    /// The kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::IdentityCard {} => Kind::IdentityCard,
            Self::DoctorQualification {} => Kind::DoctorQualification,
            Self::DoctorPractice { .. } => Kind::DoctorPractice,
            Self::DoctorTitle { .. } => Kind::DoctorTitle,
            Self::PharmacyTitle { .. } => Kind::PharmacyTitle,
            Self::LicensedPharmacist {} => Kind::LicensedPharmacist,
            Self::NurseRegistration { .. } => Kind::NurseRegistration,
            Self::PsychotherapistTitle { .. } => Kind::PsychotherapistTitle,
            Self::CounsellorBar { .. } => Kind::CounsellorBar,
            Self::EmployerProof { .. } => Kind::EmployerProof,
        }
    }

    /// The rank that it confers. A licensed pharmacist has the rank [`Title::Middle`]
    /// (执业药师职业资格制度规定, 2019).
    pub const fn rank(&self) -> Option<Title> {
        match self {
            Self::DoctorTitle { rank } | Self::PharmacyTitle { rank } | Self::PsychotherapistTitle { rank } => {
                Some(*rank)
            }
            Self::LicensedPharmacist {} => Some(Title::Middle),
            _ => None,
        }
    }
}

/// Suspension of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Start.
    pub since: Instant,
    /// The account that suspended it.
    pub by: AccountId,
    /// The reason.
    pub reason: String,
}

/// State of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not decided yet.
    Submitted {
        /// The pending query of a register, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pending: Option<Pending>,
    },
    /// Verified or refused, finally.
    Decided(Decision),
}

/// A certificate that a person claims to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Its id.
    pub id: CertificateId,
    /// The document.
    pub document: Document,
    /// Stands for its number, which is stored elsewhere, sealed: equal for equal numbers.
    pub number: String,
    /// The issuer.
    pub issued_by: String,
    /// Start of validity.
    pub issued_on: Instant,
    /// End of validity, exclusive; unlimited if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Instant>,
    state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suspended: Option<Suspension>,
}

impl Certificate {
    /// A claim that is not decided yet.
    pub const fn submitted(
        id: CertificateId,
        document: Document,
        number: String,
        issued_by: String,
        issued_on: Instant,
        valid_until: Option<Instant>,
    ) -> Self {
        let state = State::Submitted { pending: None };
        Self { id, document, number, issued_by, issued_on, valid_until, state, suspended: None }
    }

    /// The kind.
    pub const fn kind(&self) -> Kind {
        self.document.kind()
    }

    /// The state.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The suspension, if any.
    pub const fn suspended(&self) -> Option<&Suspension> {
        self.suspended.as_ref()
    }

    /// Whether it was refused.
    pub const fn is_rejected(&self) -> bool {
        matches!(&self.state, State::Decided(Decision { verdict: Verdict::Refused { .. }, .. }))
    }

    /// `submitted`, `verified` or `rejected`.
    pub const fn word(&self) -> &'static str {
        match &self.state {
            State::Submitted { .. } => "submitted",
            State::Decided(Decision { verdict: Verdict::Verified { .. }, .. }) => "verified",
            State::Decided(_) => "rejected",
        }
    }

    /// Decides the claim, once.
    ///
    /// # Errors
    /// If it is already decided.
    pub fn decide(&mut self, decision: Decision) -> Result<(), DecideError> {
        if let State::Decided(_) = self.state {
            return Err(DecideError::Decided);
        }
        self.state = State::Decided(decision);
        Ok(())
    }

    /// Stores that a register was queried and will answer later.
    ///
    /// # Errors
    /// If it is already decided.
    pub fn await_answer(&mut self, pending: Pending) -> Result<(), DecideError> {
        if let State::Decided(_) = self.state {
            return Err(DecideError::Decided);
        }
        self.state = State::Submitted { pending: Some(pending) };
        Ok(())
    }

    /// Suspends the certificate from now on. An earlier suspension is not changed.
    pub fn suspend(&mut self, suspension: Suspension) {
        self.suspended.get_or_insert(suspension);
    }

    /// Ends a suspension.
    pub fn restore(&mut self) {
        self.suspended = None;
    }

    /// Whether it counts at a moment.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, at: Instant) -> Result<(), CredentialFault> {
        let kind = self.kind();
        if self.suspended.as_ref().is_some_and(|suspension| at >= suspension.since) {
            return Err(CredentialFault::Suspended(kind));
        }
        let until = match &self.state {
            State::Decided(Decision { at: since, verdict: Verdict::Verified { until, .. }, .. }) if at >= *since => {
                *until
            }
            State::Decided(Decision { verdict: Verdict::Refused { .. }, .. }) => {
                return Err(CredentialFault::Rejected(kind));
            }
            _ => return Err(CredentialFault::Unverified(kind)),
        };
        if at < self.issued_on {
            Err(CredentialFault::NotYet(kind))
        } else if [self.valid_until, until].into_iter().flatten().any(|end| at >= end) {
            Err(CredentialFault::Lapsed(kind))
        } else {
            Ok(())
        }
    }
}

/// Legal basis of practice at a hospital.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The main institution: registered here.
    Main,
    /// Additional institution, filed with the authority (多机构执业备案), with the consent of the
    /// main institution.
    MultiSite,
}

/// State of a filing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilingState {
    /// Applied for.
    Applied,
    /// Accepted by the authority.
    InForce,
    /// Ended.
    Ended,
}

/// Registration or filing of practice at a hospital.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filing {
    /// The hospital.
    pub tenant: TenantId,
    /// The legal basis.
    pub basis: Basis,
    /// Start.
    pub from: Instant,
    /// End, exclusive, if it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// The state.
    pub state: FilingState,
}

impl Filing {
    /// Whether it permits practice at a hospital at a moment.
    pub fn holds(&self, tenant: TenantId, at: Instant) -> bool {
        self.tenant == tenant
            && self.state == FilingState::InForce
            && at >= self.from
            && self.until.is_none_or(|until| at < until)
    }
}

/// Years of independent clinical work that a hospital requires of its doctors: not less than the
/// law requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bar(u8);

impl Bar {
    /// Minimum of the law: 互联网诊疗管理办法（试行）, 2018, §25.
    pub const LAW: Self = Self(3);

    /// `None` if less than the law requires, or more than a working life.
    pub const fn new(years: u8) -> Option<Self> {
        if years >= Self::LAW.0 && years <= 50 { Some(Self(years)) } else { None }
    }

    /// Years.
    pub const fn years(self) -> u8 {
        self.0
    }
}

impl Default for Bar {
    fn default() -> Self {
        Self::LAW
    }
}

/// A defect of somebody's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CredentialFault {
    /// No certificate of the kind.
    #[error("there is no `{}`", .0.as_str())]
    Missing(Kind),
    /// Not verified.
    #[error("`{}` is not verified", .0.as_str())]
    Unverified(Kind),
    /// Refused.
    #[error("`{}` was rejected", .0.as_str())]
    Rejected(Kind),
    /// Not yet valid.
    #[error("`{}` is not yet in force", .0.as_str())]
    NotYet(Kind),
    /// Expired.
    #[error("`{}` has lapsed", .0.as_str())]
    Lapsed(Kind),
    /// Suspended.
    #[error("`{}` is suspended", .0.as_str())]
    Suspended(Kind),
    /// Too few years of independent work.
    #[error("fewer than {0} years of independent clinical work")]
    TooFewYears(u8),
    /// Practice at this hospital is not filed.
    #[error("practice at this hospital is not filed")]
    NotFiled,
}

impl Role {
    /// Certificates required for the role: of each row at least one that counts. Empty if none is
    /// required.
    pub const fn needs(self) -> &'static [&'static [Kind]] {
        use Kind as K;
        match self {
            Self::Doctor | Self::PublicHealthDoctor => {
                &[&[K::IdentityCard], &[K::DoctorQualification], &[K::DoctorPractice], &[K::DoctorTitle]]
            }
            Self::Pharmacist => &[&[K::PharmacyTitle, K::LicensedPharmacist]],
            Self::PharmacyTechnician => &[&[K::PharmacyTitle, K::LicensedPharmacist]],
            Self::Nurse => &[&[K::NurseRegistration]],
            Self::Psychotherapist => &[&[K::PsychotherapistTitle]],
            Self::Counsellor => &[&[K::CounsellorBar]],
            Self::HealthManager | Self::Assistant | Self::Dietitian => &[&[K::EmployerProof]],
            Self::Operator
            | Self::Administrator
            | Self::Courier
            | Self::Insurer
            | Self::Accountant
            | Self::Cashier
            | Self::Regulator
            | Self::Patient
            | Self::Representative
            | Self::Service => &[],
        }
    }

    /// Whether practice in the role must be registered or filed at each hospital.
    pub const fn is_filed(self) -> bool {
        matches!(
            self,
            Self::Doctor
                | Self::PublicHealthDoctor
                | Self::Pharmacist
                | Self::PharmacyTechnician
                | Self::Nurse
                | Self::Psychotherapist
        )
    }

    /// Whether the role requires certificates.
    pub const fn needs_credential(self) -> bool {
        !self.needs().is_empty()
    }
}

/// A person's entitlement to practise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Practice {
    /// The certificates, in any state.
    pub certificates: Vec<Certificate>,
    /// The filings.
    pub filings: Vec<Filing>,
    /// The hospital's requirement for doctors.
    pub bar: Bar,
}

impl Practice {
    /// Whether it entitles to act in a role at a hospital, at a moment.
    ///
    /// # Errors
    /// The first defect.
    pub fn check(&self, role: Role, tenant: TenantId, at: Instant) -> Result<(), CredentialFault> {
        for kinds in role.needs() {
            self.one_of(kinds, at)?;
        }
        if role.needs().iter().any(|kinds| kinds.contains(&Kind::DoctorPractice)) {
            let begun = at.minus_years(i16::from(self.bar.years()));
            let counts = |one: &Certificate| match one.document {
                Document::DoctorPractice { since, .. } => since <= begun && one.check(at).is_ok(),
                _ => false,
            };
            if !self.certificates.iter().any(counts) {
                return Err(CredentialFault::TooFewYears(self.bar.years()));
            }
        }
        if role.is_filed() && !self.filings.iter().any(|filing| filing.holds(tenant, at)) {
            return Err(CredentialFault::NotFiled);
        }
        Ok(())
    }

    fn one_of(&self, kinds: &[Kind], at: Instant) -> Result<(), CredentialFault> {
        let mut fault = kinds.first().map(|kind| CredentialFault::Missing(*kind));
        for certificate in self.certificates.iter().filter(|one| kinds.contains(&one.kind())) {
            match certificate.check(at) {
                Ok(()) => return Ok(()),
                Err(why) => fault = Some(why),
            }
        }
        fault.map_or(Ok(()), Err)
    }

    /// The highest rank in a role, among certificates that count at a moment.
    pub fn rank(&self, role: Role, at: Instant) -> Option<Title> {
        let wanted = |one: &&Certificate| role.needs().iter().any(|kinds| kinds.contains(&one.kind()));
        let live = self.certificates.iter().filter(wanted).filter(|one| one.check(at).is_ok());
        live.filter_map(|one| one.document.rank()).max()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        fixture::{self, NOW},
        identity::{Decider, Level},
    };

    const HERE: TenantId = TenantId::from_u128(1);

    fn pending() -> Pending {
        Pending { plugin: "acme.register".into(), reference: "7".into() }
    }

    fn holder(role: Role) -> Practice {
        fixture::practice(role)
    }

    #[test]
    fn names_are_those_of_the_api() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("a name"), kind.as_str());
            let document = serde_json::to_value(fixture::document(kind)).expect("a document");
            assert_eq!(document["kind"], kind.as_str());
        }
    }

    #[test]
    fn every_role_acts_under_what_the_table_says_and_nothing_less() {
        for role in Role::ALL {
            assert_eq!(holder(role).check(role, HERE, NOW), Ok(()), "{role:?}");
            for (row, kinds) in role.needs().iter().enumerate() {
                let mut lacking = holder(role);
                lacking.certificates.remove(row);
                assert_eq!(lacking.check(role, HERE, NOW), Err(CredentialFault::Missing(kinds[0])), "{role:?}");
                assert!(!kinds.is_empty());
            }
            let mut elsewhere = holder(role);
            elsewhere.filings.iter_mut().for_each(|filing| filing.tenant = TenantId::from_u128(2));
            assert_eq!(elsewhere.check(role, HERE, NOW).is_err(), role.is_filed(), "{role:?}");
        }
    }

    #[test]
    fn either_kind_makes_a_pharmacist() {
        let mut practice = holder(Role::Pharmacist);
        assert_eq!(practice.certificates[0].kind(), Kind::PharmacyTitle);
        practice.certificates = vec![fixture::certificate(Kind::LicensedPharmacist)];
        assert_eq!(practice.check(Role::Pharmacist, HERE, NOW), Ok(()));
        assert_eq!(practice.rank(Role::Pharmacist, NOW), Some(Title::Middle));
    }

    #[test]
    fn a_hospital_raises_the_bar_and_none_lowers_it() {
        let mut practice = holder(Role::Doctor);
        let Document::DoctorPractice { since, .. } = &mut practice.certificates[2].document else { panic!() };
        *since = NOW.minus_years(3);
        assert_eq!(practice.check(Role::Doctor, HERE, NOW), Ok(()));
        assert_eq!(
            practice.check(Role::Doctor, HERE, NOW.plus_seconds(-1)),
            Err(CredentialFault::TooFewYears(3)),
            "to the second"
        );
        practice.bar = Bar::new(5).expect("above the law's");
        assert_eq!(practice.check(Role::Doctor, HERE, NOW), Err(CredentialFault::TooFewYears(5)));
        assert_eq!((Bar::new(2), Bar::new(51), Bar::new(3)), (None, None, Some(Bar::LAW)));
    }

    #[test]
    fn a_filing_counts_here_while_it_is_in_force() {
        let fault = |change: &dyn Fn(&mut Filing)| {
            let mut practice = holder(Role::Nurse);
            change(&mut practice.filings[0]);
            practice.check(Role::Nurse, HERE, NOW)
        };
        assert_eq!(fault(&|_| ()), Ok(()));
        let faults: [&dyn Fn(&mut Filing); 5] = [
            &|filing| filing.state = FilingState::Applied,
            &|filing| filing.state = FilingState::Ended,
            &|filing| filing.from = NOW.plus_seconds(1),
            &|filing| filing.until = Some(NOW),
            &|filing| filing.tenant = TenantId::from_u128(2),
        ];
        for change in faults {
            assert_eq!(fault(change), Err(CredentialFault::NotFiled));
        }
    }

    #[test]
    fn a_decision_is_made_once() {
        let mut certificate = fixture::certificate(Kind::EmployerProof);
        let State::Decided(decision) = certificate.state().clone() else { panic!() };
        assert_eq!(certificate.decide(decision), Err(DecideError::Decided));
        assert_eq!(certificate.await_answer(pending()), Err(DecideError::Decided));
        assert_eq!(certificate.word(), "verified");
    }

    #[test]
    fn a_number_is_told_by_facts() {
        let (card, other) = ("11010519491231002X", "440106199001010013");
        let number: IdNumber = card.parse().expect("the standard's example");
        let told = |kind: Kind, number: &str, card: Option<&IdNumber>| {
            let facts = kind.facts(number, card);
            (facts.form, facts.checksum, facts.holder)
        };
        use Truth::{Fails, Holds, Unknown};
        assert_eq!(told(Kind::IdentityCard, card, None), (Holds, Holds, Unknown));
        assert_eq!(told(Kind::IdentityCard, "110105194912310021", None), (Holds, Fails, Unknown));
        assert_eq!(told(Kind::IdentityCard, "1", None), (Fails, Unknown, Unknown));
        let qualification = format!("199811110{card}");
        assert_eq!(told(Kind::DoctorQualification, &qualification, Some(&number)), (Holds, Holds, Holds));
        assert_eq!(told(Kind::DoctorQualification, &qualification, None), (Holds, Holds, Unknown));
        assert_eq!(
            told(Kind::DoctorQualification, &format!("199811110{other}"), Some(&number)),
            (Holds, Holds, Fails),
            "somebody else's"
        );
        assert_eq!(told(Kind::DoctorQualification, "证1", None), (Fails, Unknown, Unknown));
        assert_eq!(told(Kind::DoctorPractice, "110000000000001", None), (Holds, Unknown, Unknown));
        assert_eq!(told(Kind::DoctorPractice, "11000000000000X", None), (Fails, Unknown, Unknown));
        assert_eq!(told(Kind::DoctorTitle, "whatever", None), (Unknown, Unknown, Unknown));
    }

    proptest! {
        /// For any practice, a person acts only while each row of the table has a certificate
        /// that is verified, in force and not suspended.
        #[test]
        fn nobody_acts_on_less_than_the_table_asks(
            role in proptest::sample::select(Role::ALL.to_vec()),
            held in proptest::collection::vec(
                (proptest::sample::select(Kind::ALL.to_vec()), 0_u8..6, -5_i64..5, -5_i64..5), 0..12),
            filed in any::<bool>(),
        ) {
            let mut live = Vec::new();
            let certificates = held.into_iter().map(|(kind, state, from, until)| {
                let mut one = Certificate::submitted(
                    CertificateId::from_u128(1), fixture::document(kind), String::new(), "X".into(),
                    NOW.plus_days(from), Some(NOW.plus_days(until)),
                );
                let by = Decider::person(AccountId::from_u128(9), "seen").expect("a reason");
                let verified = Verdict::Verified { level: Level::Basic, until: None };
                let refused = Verdict::Refused { findings: Vec::new() };
                match state {
                    0 => {}
                    1 => one.await_answer(pending()).expect("open"),
                    2 => one.decide(Decision { by, at: NOW, verdict: refused }).expect("open"),
                    3 => one.decide(Decision { by, at: NOW.plus_seconds(1), verdict: verified }).expect("open"),
                    _ => one.decide(Decision { by, at: NOW, verdict: verified }).expect("open"),
                }
                if state == 4 {
                    let reason = "complaint".to_owned();
                    one.suspend(Suspension { since: NOW, by: AccountId::from_u128(9), reason });
                }
                if state == 5 && from <= 0 && until > 0 {
                    live.push(kind);
                }
                one
            }).collect();
            let filings = if filed { fixture::practice(Role::Nurse).filings } else { Vec::new() };
            let practice = Practice { certificates, filings, bar: Bar::LAW };
            let entitled = role.needs().iter().all(|kinds| kinds.iter().any(|kind| live.contains(kind)))
                && (filed || !role.is_filed());
            prop_assert_eq!(practice.check(role, HERE, NOW).is_ok(), entitled);
        }
    }
}
