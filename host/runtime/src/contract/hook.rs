//! A hook: one function that the host calls.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasmtime::component::{ComponentNamedList, Lift, Lower};
use xinglin_domain::decision::Decides;

use super::types::v1::Invalid;

/// One function of one interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HookName {
    /// Name with version, as in the bindings.
    pub interface: &'static str,
    pub function: &'static str,
}

impl HookName {
    /// Whether both are the same function, in any majors of its interface; of a pathway, in any of its interfaces.
    pub fn is_kin(self, other: Self) -> bool {
        let name = |hook: Self| match hook.interface.split_once('@')?.0 {
            "xinglin:pathway/follow-up" => Some(("xinglin:pathway/pathway", hook.function)),
            name => Some((name, hook.function)),
        };
        name(self) == name(other)
    }
}

/// `xinglin:prescribing/review@1.0.0#review`, as exported by core modules.
impl fmt::Display for HookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.interface, self.function)
    }
}

/// A typed hook: its input and output as domain types, and their conversion from and to the
/// guest's types. Majors of one function share input and output, so that the input of one can be
/// passed to another; fields that a major adds to the input have defaults.
pub(crate) trait Hook: 'static {
    const NAME: HookName;
    /// Whether its failures are counted apart from those of the plugin's other hooks: a page that cannot
    /// be shown is no reason to let a pathway rest.
    const APART: bool = false;
    /// Written to the tape, and parsed for a replay.
    type Input<'a>: Serialize + Deserialize<'a> + Send + Sync;
    /// Written to the tape, compared byte for byte, and parsed to compare decisions.
    type Output: Serialize + DeserializeOwned + Decides + Send;
    type Parameters: ComponentNamedList + Lower + Send + Sync + 'static;
    type Results: ComponentNamedList + Lift + Send + Sync + 'static;

    fn lower(input: &Self::Input<'_>) -> Self::Parameters;
    fn raise(results: Self::Results) -> Result<Self::Output, Invalid>;

    /// Checks an answer against its question, where a valid answer depends on it.
    fn check(_input: &Self::Input<'_>, _output: &Self::Output) -> Result<(), Invalid> {
        Ok(())
    }
}
