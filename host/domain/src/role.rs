//! Roles of accounts in a tenant, and professional ranks. Access by role: [`crate::access`].

use serde::{Deserialize, Serialize};

use crate::pathway;

/// A role of an account in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Operates the hospital's installation; no access to records.
    Operator,
    /// Administers one hospital: catalogue, ledger, imports.
    Administrator,
    /// 医师.
    Doctor,
    /// 药师.
    Pharmacist,
    /// 药士: prepares medicines, does not review prescriptions.
    PharmacyTechnician,
    /// 护士.
    Nurse,
    /// 健管师.
    HealthManager,
    /// 医助: organises visits, does not treat.
    Assistant,
    /// 营养师.
    Dietitian,
    /// 心理咨询师.
    Counsellor,
    /// 心理治疗师.
    Psychotherapist,
    /// 公卫医师.
    PublicHealthDoctor,
    /// Delivers medicines.
    Courier,
    /// An insurer or a third-party administrator.
    Insurer,
    /// Keeps the accounts.
    Accountant,
    /// 收费员: takes money at the counter, and hands it back.
    Cashier,
    /// The health authority's supervisor.
    Regulator,
    /// The patient, or a guardian acting for them.
    Patient,
    /// Represents a school or an employer: sees what patients agreed to tell it, and nothing else.
    Representative,
    /// A client system without a user; restricted further by the scopes of its token.
    Service,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Operator,
        Self::Administrator,
        Self::Doctor,
        Self::Pharmacist,
        Self::PharmacyTechnician,
        Self::Nurse,
        Self::HealthManager,
        Self::Assistant,
        Self::Dietitian,
        Self::Counsellor,
        Self::Psychotherapist,
        Self::PublicHealthDoctor,
        Self::Courier,
        Self::Insurer,
        Self::Accountant,
        Self::Cashier,
        Self::Regulator,
        Self::Patient,
        Self::Representative,
        Self::Service,
    ];

    /// The name in the API and in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Administrator => "administrator",
            Self::Doctor => "doctor",
            Self::Pharmacist => "pharmacist",
            Self::PharmacyTechnician => "pharmacy_technician",
            Self::Nurse => "nurse",
            Self::HealthManager => "health_manager",
            Self::Assistant => "assistant",
            Self::Dietitian => "dietitian",
            Self::Counsellor => "counsellor",
            Self::Psychotherapist => "psychotherapist",
            Self::PublicHealthDoctor => "public_health_doctor",
            Self::Courier => "courier",
            Self::Insurer => "insurer",
            Self::Accountant => "accountant",
            Self::Cashier => "cashier",
            Self::Regulator => "regulator",
            Self::Patient => "patient",
            Self::Representative => "representative",
            Self::Service => "service",
        }
    }
}

impl From<pathway::Role> for Role {
    fn from(role: pathway::Role) -> Self {
        match role {
            pathway::Role::Patient | pathway::Role::Guardian => Self::Patient,
            pathway::Role::Doctor => Self::Doctor,
            pathway::Role::Pharmacist => Self::Pharmacist,
            pathway::Role::Nurse => Self::Nurse,
            pathway::Role::HealthManager => Self::HealthManager,
            pathway::Role::Dietitian => Self::Dietitian,
            pathway::Role::Counsellor => Self::Counsellor,
            pathway::Role::Psychotherapist => Self::Psychotherapist,
            pathway::Role::Assistant => Self::Assistant,
            pathway::Role::PublicHealthDoctor => Self::PublicHealthDoctor,
        }
    }
}

/// Professional rank (职称).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Title {
    /// 初级.
    Junior,
    /// 中级: may start a long-term prescription.
    Middle,
    /// 副高.
    AssociateSenior,
    /// 正高.
    Senior,
}

impl Title {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Junior => "junior",
            Self::Middle => "middle",
            Self::AssociateSenior => "associate_senior",
            Self::Senior => "senior",
        }
    }
}
