//! Authorisation: the actor, and one table of actions and roles.
//!
//! Every transition calls [`can`] at the moment of the act, not at sign-in, so a suspension is
//! effective at once. The table is the minimum that the law requires: policies of the host or a
//! tenant can only restrict it.

use std::str::FromStr;

use thiserror::Error;

pub use crate::role::{Role, Title};
use crate::{
    code::Code,
    id::{AccountId, PatientId, TenantId},
    practice::{CredentialFault, Practice},
    relation::Guardianship,
    time::Instant,
};

/// The actor: an account, with its roles and certificates at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account.
    pub account: AccountId,
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Its entitlement to practise.
    pub practice: Practice,
    /// The patients that are this person.
    pub patients: Vec<PatientId>,
    /// Guardianships that it holds at this moment.
    pub wards: Vec<Guardianship>,
    /// Patients whose family it is at this moment: it reads what they permitted by consent.
    pub relatives: Vec<PatientId>,
}

impl Actor {
    /// Whether it has the role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether it has the role, with the certificates and the filing that the role needs at this moment.
    pub fn is_live(&self, role: Role, at: Instant) -> bool {
        self.is(role) && self.entitled(role, at).is_ok()
    }

    /// Whether it is the patient or their guardian, in whatever role it acts: as staff it decides nothing about them.
    pub fn is_or_guards(&self, patient: PatientId) -> bool {
        self.patients.contains(&patient) || self.wards.iter().any(|ward| ward.patient() == patient)
    }

    /// Patients it may act for: the person's own, and wards.
    pub fn charges(&self) -> Vec<PatientId> {
        if !self.is(Role::Patient) {
            return Vec::new();
        }
        self.patients.iter().copied().chain(self.wards.iter().map(|ward| ward.patient())).collect()
    }

    /// Whether it may act for the patient.
    pub fn acts_for(&self, patient: PatientId) -> bool {
        let own = |ward: &Guardianship| ward.patient() == patient;
        self.is(Role::Patient) && (self.patients.contains(&patient) || self.wards.iter().any(own))
    }

    /// Whether it may act for the patient in restricted compartments too: a ward who is an
    /// adolescent decides on those personally.
    pub fn acts_wholly_for(&self, patient: PatientId) -> bool {
        let own = |ward: &Guardianship| ward.patient() == patient && !ward.ward_has_discretion();
        self.is(Role::Patient) && (self.patients.contains(&patient) || self.wards.iter().any(own))
    }

    /// Whether it is family of the patient.
    pub fn is_family_of(&self, patient: PatientId) -> bool {
        self.is(Role::Patient) && self.relatives.contains(&patient)
    }

    /// Its highest rank in a role, by certificates in force at a moment.
    pub fn title(&self, role: Role, at: Instant) -> Option<Title> {
        self.practice.rank(role, at)
    }

    /// Roles in force at a moment: those whose required certificates and filing it has.
    pub fn live_roles(&self, at: Instant) -> Vec<Role> {
        self.roles.iter().copied().filter(|&role| self.is_live(role, at)).collect()
    }

    fn entitled(&self, role: Role, at: Instant) -> Result<(), CredentialFault> {
        self.practice.check(role, self.tenant, at)
    }
}

/// The text is not the name of an action.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no action; `xinglin policy actions` lists them")]
pub struct UnknownAction(pub String);

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal: [$($role:ident),*];)*) => {
        /// An action that needs permission.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Action {
            /// All actions.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in policies and audit entries: `prescription.sign`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// A description in one sentence.
            pub fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_start(),)* }
            }

            /// Roles that may, before certificates are checked; empty if only plugins act so.
            pub const fn roles(self) -> &'static [Role] {
                match self { $(Self::$name => &[$(Role::$role),*],)* }
            }
        }
    };
}

actions! {
    /// Ask for a follow-up visit.
    RequestEncounter = "encounter.request": [Patient];
    /// Decide that a visit is a follow-up, and with which diagnoses.
    DecideFollowUp = "encounter.decide": [Doctor];
    /// Stop a visit because of a danger sign.
    StopEncounter = "encounter.stop": [Doctor, Pharmacist, Nurse, HealthManager, Counsellor, Psychotherapist];
    /// Confirm that a stopped visit was handed over.
    ResolveRedFlag = "encounter.resolve": [Doctor];
    /// Order in a visit what is no medicine, and take such an order back.
    OrderItem = "encounter.order": [Doctor];
    /// End a visit.
    CloseEncounter = "encounter.close": [Doctor];

    /// Draft a prescription and change the draft.
    DraftPrescription = "prescription.draft": [Doctor];
    /// Sign, confirm, amend, withdraw.
    SignPrescription = "prescription.sign": [Doctor];
    /// Approve, return or reject.
    ReviewPrescription = "prescription.review": [Pharmacist];
    /// Order what is prescribed.
    ReservePrescription = "prescription.reserve": [Patient];
    /// Prepare the medicines.
    PreparePrescription = "prescription.prepare": [Pharmacist, PharmacyTechnician];
    /// Check and issue the medicines, decide on returns.
    DispensePrescription = "prescription.dispense": [Pharmacist];
    /// Send the medicines or hand them over.
    DeliverPrescription = "prescription.deliver": [Pharmacist, PharmacyTechnician, Courier];
    /// Take the medicines.
    ReceivePrescription = "prescription.receive": [Patient];
    /// Counsel after delivery.
    CounselPrescription = "prescription.counsel": [Pharmacist, Nurse];
    /// Report an adverse reaction.
    ReportAdverseReaction = "prescription.report-adverse-reaction": [Doctor, Pharmacist, Nurse, HealthManager, Patient];
    /// Have orders checked without prescribing them.
    CheckPrescription = "prescription.check": [Doctor, Pharmacist, Service];
    /// Read package, label or leaflet.
    ReadLeaflet = "prescription.read-leaflet": [Patient, Doctor, Pharmacist];

    /// Quote a bill.
    QuoteCharge = "charge.quote": [Patient, Doctor, Pharmacist, Accountant];
    /// Agree to a quote and pay it.
    ConfirmCharge = "charge.confirm": [Patient];
    /// Cancel one's own order, or a ward's, as long as nothing was dispensed for it.
    CancelCharge = "charge.cancel": [Patient];
    /// Pay the patient's share of a bill, one's own or a ward's.
    PayCharge = "charge.pay": [Patient];
    /// Record money that was received at the counter, and money that was handed back.
    CollectCash = "charge.collect": [Cashier, Accountant];
    /// Set up the channels by which patients pay.
    ManageCashChannels = "charge.manage-channels": [Operator, Administrator];
    /// Reverse or refund a bill.
    ReverseCharge = "charge.reverse": [Pharmacist, Accountant];
    /// State what became of an operation of which a payer's plugin gives no outcome.
    ResolveCharge = "charge.resolve": [Accountant];
    /// Ask an insurer whether a patient is insured, and for a guarantee of payment.
    AskInsurer = "insurance.ask": [Patient, Doctor, Pharmacist, Accountant, Service];
    /// Undertake, before the service, to pay what an insurer denies.
    Undertake = "insurance.undertake": [Patient];
    /// Object to what an insurer decided, book what it denied, and end a question that it never answers.
    ObjectToInsurer = "insurance.object": [Accountant];
    /// Read the books.
    ReadLedger = "ledger.read": [Accountant, Administrator];
    /// Post what the accounts learn: remittances, write-offs, prepayments, fees, adjustments.
    PostLedger = "ledger.post": [Accountant];
    /// Take a transaction of the books back by its contra entry.
    CorrectLedger = "ledger.correct": [Accountant];
    /// Close the books of a month.
    CloseLedger = "ledger.close": [Accountant];
    /// Reconcile the books with a payer's and the bank's, and settle the differences.
    Reconcile = "ledger.reconcile": [Accountant];

    /// Approve what another has posted above the limit for one person.
    ApproveLedger = "ledger.approve": [Accountant];

    /// Choose a lead institution and its partners (1+N), change it, or leave.
    ChooseLead = "capitation.choose": [Patient, Nurse, HealthManager];
    /// See members, budgets and use of payment per head.
    ReadCapitation = "capitation.read": [Accountant, Administrator, HealthManager];
    /// Book prepayments and use, enter indicators, close a year.
    KeepCapitation = "capitation.keep": [Accountant];

    /// Ask what a service costs, buy it, or a package.
    BuyService = "purchase.buy": [Patient];
    /// Say that a service that was bought began, or was given.
    GiveService = "purchase.give": [Doctor, Nurse, HealthManager, Counsellor, Psychotherapist];
    /// Cancel what was bought, as far as its terms give it back.
    CancelPurchase = "purchase.cancel": [Patient, Accountant];
    /// Compare the statements of payment channels with the books, and say what a difference was.
    ReconcileCash = "ledger.reconcile-cash": [Accountant];

    /// Enrol a patient in a pathway.
    EnrolPatient = "pathway.enrol": [Doctor, Nurse, HealthManager];
    /// Leave a pathway.
    WithdrawEnrolment = "pathway.withdraw": [Patient, Doctor, Nurse, HealthManager];
    /// Answer a questionnaire.
    AnswerQuestionnaire = "pathway.answer":
        [Patient, Doctor, Nurse, HealthManager, Counsellor, Psychotherapist, PublicHealthDoctor];
    /// Do a task that is one's own.
    CompleteTask = "pathway.complete-task":
        [Patient, Doctor, Pharmacist, Nurse, HealthManager, Assistant, Dietitian, Counsellor, Psychotherapist,
         PublicHealthDoctor];
    /// Say how a request of a pathway ended, and decide in a team.
    EndRequest = "pathway.end-request":
        [Patient, Doctor, Pharmacist, Nurse, HealthManager, Assistant, Dietitian, Counsellor, Psychotherapist,
         PublicHealthDoctor];
    /// Take up an alert.
    AcknowledgeAlert = "pathway.acknowledge-alert":
        [Doctor, Pharmacist, Nurse, HealthManager, Assistant, Dietitian, Counsellor, Psychotherapist,
         PublicHealthDoctor, Administrator];
    /// Speak with a patient in danger, and record how it ended.
    EndSafetyContact = "pathway.end-safety-contact": [Doctor, Nurse, Psychotherapist];
    /// Report that a patient is in danger.
    ReportDanger = "pathway.report-danger":
        [Doctor, Pharmacist, Nurse, HealthManager, Assistant, Dietitian, Counsellor, Psychotherapist,
         PublicHealthDoctor];
    /// Lift a hold on prescribing.
    ReleaseHold = "pathway.release-hold": [Doctor];

    /// Take records over from elsewhere.
    ImportRecords = "record.import": [Administrator, Service];
    /// Read any patient's record, as far as consent and compartments let one.
    ReadRecords = "record.read": [Administrator, Doctor, Pharmacist, Nurse, HealthManager, Psychotherapist, Service];
    /// Read one's own record, or a ward's.
    ReadOwnRecord = "record.read-own": [Patient];
    /// Read what patients have opened to one.
    ReadOpenedRecord = "record.read-opened": [Insurer];
    /// Say who may see one's own record, and take it back.
    ManageConsent = "record.consent": [Patient];

    /// Register who a patient's guardian is, or who else belongs to them, upon evidence.
    RegisterRelations = "record.register-relation": [Administrator, Nurse];
    /// Accept a patient's invitation to be their family.
    JoinFamily = "record.join-family": [Patient];

    /// See what a patient, or the law, lets their family and guardians see of a pathway.
    ReadShared = "record.read-shared": [Patient];
    /// Register schools and employers that patients may inform, and who represents them.
    ManageOrganisations = "organisation.manage": [Administrator];
    /// See whether those are in care who agreed that this school is told.
    ReadMembers = "organisation.read-members": [Representative];
    /// See figures of the group of those who agreed to be counted for this employer.
    ReadFigures = "organisation.read-figures": [Representative];
    /// Set up the channels by which patients are reminded, and when and how often.
    ManageReminders = "reminder.manage": [Operator, Administrator];
    /// Say where one is reminded, or a ward, and whether.
    ChooseReminders = "reminder.choose": [Patient];
    /// See which reminders a patient got, and why not; not what they were about.
    ReadReminders = "reminder.read": [Patient, Administrator];

    /// Keep an attachment in a patient's record.
    AttachRecords = "record.attach":
        [Administrator, Doctor, Pharmacist, Nurse, HealthManager, Psychotherapist, Patient, Service];
    /// Take the record out in bulk, as far as it is open to the account.
    ExportRecords = "record.export": [Administrator, Service];
    /// Be told of what is written to the record.
    SubscribeRecords = "record.subscribe": [Administrator, Service];
    /// Write to each other in a visit, and meet by video.
    Converse = "encounter.converse": [Patient, Doctor, Pharmacist, Nurse, HealthManager, Psychotherapist];

    /// Open a restricted compartment in an emergency.
    OpenEmergencyAccess = "record.break-glass": [Doctor];
    /// Judge whether that was right.
    ReviewEmergencyAccess = "record.review-broken-glass": [Administrator];

    /// Purge what need not be kept any longer.
    PurgeRecords = "record.purge": [Operator, Administrator];

    /// Found and list tenants.
    ManageTenants = "tenant.manage": [Operator];
    /// Set what is sold, and what patients are insured by.
    ManageCatalogue = "catalogue.manage": [Operator, Administrator];
    /// Say what a medicine of the formulary is.
    ClassifyMedicine = "catalogue.classify": [Pharmacist];
    /// Take packages into the host, give them out, recall them.
    InstallPlugins = "plugin.install": [Operator];
    /// Grant, enable, shadow, promote what is installed, in one tenant.
    ManagePlugins = "plugin.manage": [Operator, Administrator];
    /// Be called in a tenant.
    CallPlugin = "plugin.call": [];
    /// Use a capability that the tenant granted.
    UseCapability = "plugin.use": [];
    /// Open, suspend and restore accounts, and record licences.
    ManageAccounts = "account.manage": [Operator, Administrator];
    /// Read the audit trail.
    ReadAudit = "audit.read": [Administrator, Regulator];
    /// Read the policies in force, and ask what they would say.
    ReadPolicies = "policy.read": [Operator, Administrator];
}

impl Action {
    /// The object of the action: the part of the name before the dot, by which policies group
    /// actions.
    pub fn noun(self) -> &'static str {
        self.as_str().split_once('.').map_or("", |(noun, _)| noun)
    }
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text).ok_or_else(|| UnknownAction(text.to_owned()))
    }
}

/// Why an actor may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Denied {
    /// No role of the actor may.
    #[error("`{}` is not among the rights of this account", .0.as_str())]
    Forbidden(Action),
    /// The role may, but a certificate or filing is missing.
    #[error("`{}`: {fault}", action.as_str())]
    Credential {
        /// The action.
        action: Action,
        /// The defect.
        fault: CredentialFault,
    },
}

impl Denied {
    /// The stable code.
    pub const fn code(self) -> Code {
        match self {
            Self::Forbidden(_) => Code::AuthForbidden,
            Self::Credential { action: Action::ReviewPrescription, .. } => Code::RxReviewerUnqualified,
            Self::Credential { .. } => Code::CredInvalid,
        }
    }
}

/// Whether the actor may do this in its tenant at this moment: one of its roles is in the table,
/// and has the certificates and the filing that it needs.
///
/// # Errors
/// Why not.
pub fn can(actor: &Actor, action: Action, at: Instant) -> Result<(), Denied> {
    let mut denied = Denied::Forbidden(action);
    for &role in action.roles().iter().filter(|&&role| actor.is(role)) {
        match actor.entitled(role, at) {
            Ok(()) => return Ok(()),
            Err(fault) => denied = Denied::Credential { action, fault },
        }
    }
    Err(denied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture,
        practice::{Document, Kind},
    };

    const NOW: Instant = fixture::NOW;

    #[test]
    fn a_suspension_takes_hold_at_once() {
        let mut doctor = fixture::doctor();
        assert_eq!(can(&doctor, Action::SignPrescription, NOW), Ok(()));
        fixture::suspend(&mut doctor, NOW);
        assert_eq!(can(&doctor, Action::SignPrescription, NOW.plus_seconds(-1)), Ok(()));
        let denied = can(&doctor, Action::SignPrescription, NOW).expect_err("suspended");
        assert_eq!(denied.code(), Code::CredInvalid);
        assert!(doctor.is_live(Role::Doctor, NOW.plus_seconds(-1)) && !doctor.is_live(Role::Doctor, NOW));
        assert!(!fixture::pharmacist().is_live(Role::Doctor, NOW));
    }

    #[test]
    fn each_fault_is_named() {
        let fault = |change: &dyn Fn(&mut Actor)| {
            let mut doctor = fixture::doctor();
            change(&mut doctor);
            match can(&doctor, Action::SignPrescription, NOW) {
                Err(Denied::Credential { fault, .. }) => Some(fault),
                _ => None,
            }
        };
        use CredentialFault as F;
        let card = Kind::IdentityCard;
        assert_eq!(fault(&|_| ()), None);
        assert_eq!(fault(&|doctor| doctor.practice.certificates[0].valid_until = Some(NOW)), Some(F::Lapsed(card)));
        let later = NOW.plus_seconds(1);
        assert_eq!(fault(&|doctor| doctor.practice.certificates[0].issued_on = later), Some(F::NotYet(card)));
        assert_eq!(fault(&|doctor| fixture::suspend(doctor, NOW)), Some(F::Suspended(card)));
        assert_eq!(fault(&|doctor| doctor.practice.filings.clear()), Some(F::NotFiled));
        assert_eq!(fault(&|doctor| doctor.tenant = TenantId::from_u128(2)), Some(F::NotFiled), "at another hospital");
        assert_eq!(fault(&|doctor| doctor.practice.certificates.clear()), Some(F::Missing(card)));
    }

    #[test]
    fn one_that_counts_is_enough() {
        let mut doctor = fixture::doctor();
        let mut lapsed = fixture::certificate(Kind::DoctorTitle);
        lapsed.valid_until = Some(NOW);
        lapsed.document = Document::DoctorTitle { rank: Title::Senior };
        doctor.practice.certificates.push(lapsed);
        assert_eq!(can(&doctor, Action::SignPrescription, NOW), Ok(()));
        assert_eq!(doctor.title(Role::Doctor, NOW), Some(Title::Middle));
    }

    #[test]
    fn codes_tell_reviewers_from_others() {
        let mut pharmacist = fixture::pharmacist();
        pharmacist.practice.certificates.clear();
        let code = |action| can(&pharmacist, action, NOW).expect_err("no licence").code();
        assert_eq!(code(Action::ReviewPrescription), Code::RxReviewerUnqualified);
        assert_eq!(code(Action::DispensePrescription), Code::CredInvalid);
        assert_eq!(code(Action::SignPrescription), Code::AuthForbidden);
    }

    #[test]
    fn names_are_those_of_the_api_and_lead_back() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).expect("a name"), role.as_str());
        }
        for &action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(action));
            assert!(!action.noun().is_empty() && action.about().ends_with('.'), "{action:?}");
        }
        assert_eq!("prescription".parse::<Action>(), Err(UnknownAction("prescription".into())));
    }

    #[test]
    fn only_doctors_prescribe_and_only_pharmacists_review() {
        for action in [Action::DraftPrescription, Action::SignPrescription, Action::ReleaseHold] {
            assert_eq!(action.roles(), [Role::Doctor]);
        }
        assert_eq!(Action::ReviewPrescription.roles(), [Role::Pharmacist]);
    }
}
