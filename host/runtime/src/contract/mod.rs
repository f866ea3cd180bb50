//! The hooks, one folder for each WIT package. Each hook lowers domain types for the guest, which
//! cannot fail, and raises the guest's answer, which can.
//!
//! Hooks are found by the type of a component, not by trial calls.

pub(crate) mod clinical {
    pub(crate) mod v1;
}
pub(crate) mod hook;
pub(crate) mod identity;
pub(crate) mod panel {
    pub(crate) mod v1;
}
pub(crate) mod pathway;
pub(crate) mod payment {
    pub(crate) mod capitation;
    pub(crate) mod claims;
    pub(crate) mod eligibility;
    pub(crate) mod insurance;
    pub(crate) mod preauthorization;
    pub(crate) mod pricing;
    pub(crate) mod reconciliation;
    pub(crate) mod v1;
}
pub(crate) mod prescribing;
pub(crate) mod types {
    pub(crate) mod v1;
}

use self::{
    hook::Hook,
    pathway::{
        follow_up,
        v1::{Describe, Screen, Step},
    },
    payment::{
        capitation, claims, eligibility, preauthorization, pricing, reconciliation,
        v1::{Authorize, Query, Quote, Reverse, Settle},
    },
};

/// A hook with its types erased, except for what the implementor keeps.
pub(crate) trait Entry {
    fn of<H: Hook>() -> Self;
}

/// All hooks, the newest major of a function first. A new hook is one line in this table.
pub(crate) fn hooks<E: Entry>() -> Vec<E> {
    vec![
        E::of::<follow_up::Describe>(),
        E::of::<follow_up::Screen>(),
        E::of::<follow_up::Step>(),
        E::of::<follow_up::Migrate>(),
        E::of::<Describe>(),
        E::of::<Screen>(),
        E::of::<Step>(),
        #[cfg(feature = "fixture-2-0")]
        E::of::<prescribing::v2::Review>(),
        E::of::<prescribing::v1::Review>(),
        E::of::<Quote>(),
        E::of::<Authorize>(),
        E::of::<Settle>(),
        E::of::<Query>(),
        E::of::<Reverse>(),
        E::of::<eligibility::Check>(),
        E::of::<preauthorization::Submit>(),
        E::of::<preauthorization::Status>(),
        E::of::<preauthorization::Cancel>(),
        E::of::<claims::Predetermine>(),
        E::of::<claims::Submit>(),
        E::of::<claims::Status>(),
        E::of::<claims::Cancel>(),
        E::of::<claims::Appeal>(),
        E::of::<reconciliation::Compare>(),
        E::of::<reconciliation::Remittances>(),
        E::of::<capitation::Enrol>(),
        E::of::<capitation::Accrue>(),
        E::of::<capitation::Consume>(),
        E::of::<capitation::Score>(),
        E::of::<capitation::Close>(),
        E::of::<pricing::Quote>(),
        E::of::<pricing::Cancel>(),
        E::of::<identity::v1::Person>(),
        E::of::<identity::v1::Credential>(),
        E::of::<panel::v1::Render>(),
    ]
}
