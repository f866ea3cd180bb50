//! A hook: one function that the host calls.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasmtime::component::{ComponentNamedList, Lift, Lower};
use xinglin_domain::decision::Decides;

use super::types::v1::Invalid;

/// One function of one interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HookName {
    /// With its version, as bindings were generated.
    pub interface: &'static str,
    pub function: &'static str,
}

impl HookName {
    /// Whether both are the same function, in whatever majors of its interface.
    pub fn is_kin(self, other: Self) -> bool {
        let name = |hook: Self| hook.interface.split_once('@').map(|(name, _)| (name, hook.function));
        name(self) == name(other)
    }
}

/// `xinglin:prescribing/review@1.0.0#review`, as core modules export it.
impl fmt::Display for HookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.interface, self.function)
    }
}

/// One typed hook: what it takes and gives in the domain's words, and how those
/// become the guest's. Majors of one function share input and output, so that
/// what one was asked can be asked of another; what a major adds to the input has
/// a default.
pub(crate) trait Hook: 'static {
    const NAME: HookName;
    /// Written to the tape, and read back to replay it.
    type Input<'a>: Serialize + Deserialize<'a> + Send + Sync;
    /// Written to the tape, compared byte for byte, and read back to compare what
    /// was decided.
    type Output: Serialize + DeserializeOwned + Decides + Send;
    type Parameters: ComponentNamedList + Lower + Send + Sync + 'static;
    type Results: ComponentNamedList + Lift + Send + Sync + 'static;

    fn lower(input: &Self::Input<'_>) -> Self::Parameters;
    fn raise(results: Self::Results) -> Result<Self::Output, Invalid>;
}
