//! What the host can call, one folder a WIT package. Each hook lowers the domain's words
//! for the guest, which cannot fail, and raises what the guest says, which can.
//!
//! Hooks are found in a component's type, never by trying a call.

pub(crate) mod clinical {
    pub(crate) mod v1;
}
pub(crate) mod hook;
pub(crate) mod identity;
pub(crate) mod pathway {
    pub(crate) mod v1;
}
pub(crate) mod payment {
    pub(crate) mod v1;
}
pub(crate) mod prescribing;
pub(crate) mod types {
    pub(crate) mod v1;
}

use self::{
    hook::Hook,
    pathway::v1::{Describe, Screen, Step},
    payment::v1::{Authorize, Query, Quote, Reverse, Settle},
};

/// A hook with its types forgotten, but for what somebody needs of them.
pub(crate) trait Entry {
    fn of<H: Hook>() -> Self;
}

/// Everything the host can call, the newest major of a function first. One table; a new
/// hook is one line in it.
pub(crate) fn hooks<E: Entry>() -> Vec<E> {
    vec![
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
        E::of::<identity::v1::Person>(),
        E::of::<identity::v1::Credential>(),
    ]
}
