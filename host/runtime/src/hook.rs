//! What the host can call. One table; a new hook is one line in it.
//!
//! A component exports whole interfaces and may export several. They are found
//! in its type, never by trying a call.

use std::{fmt, future::Future, pin::Pin};

use semver::Version;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasmtime::{
    Store,
    component::{ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower},
};

use xinglin_domain::decision::Decides;

use crate::{
    call::CallState,
    engine::Runtime,
    pathway::v1::{Describe, Screen, Step},
    payment::v1::{Authorize, Query, Quote, Reverse, Settle},
    prescribing::v1::Review,
    registry::Plugin,
    tape::{ReplayError, ReplayReport, Rerun, Tape},
    types::v1::Invalid,
};

/// An interface that the host calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// `xinglin:pathway/pathway`: a disease pathway. Fails open.
    Pathway,
    /// `xinglin:prescribing/review`: checks of a prescription. Fails closed.
    Review,
    /// `xinglin:payment/payer`: a payment scheme. Fails to unknown.
    Payer,
}

impl Interface {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pathway, Self::Review, Self::Payer];

    /// Its name without a version.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pathway => "xinglin:pathway/pathway",
            Self::Review => "xinglin:prescribing/review",
            Self::Payer => "xinglin:payment/payer",
        }
    }

    /// The newest version that this host calls. Older ones of the same major
    /// are called too.
    pub const fn version(self) -> Version {
        Version::new(1, 0, 0)
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name(), self.version())
    }
}

/// One function of one interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HookName {
    /// With its version, as bindings were generated.
    pub interface: &'static str,
    pub function: &'static str,
}

/// `xinglin:prescribing/review@1.0.0#review`, as core modules export it.
impl fmt::Display for HookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.interface, self.function)
    }
}

/// One typed hook: what it takes and gives in the domain's words, and how those
/// become the guest's.
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

type Check = fn(&mut Store<CallState>, &Instance, &ComponentExportIndex) -> wasmtime::Result<()>;
type Replay = for<'a> fn(
    &'a Runtime,
    &'a Plugin,
    &'a Tape,
    Rerun,
) -> Pin<Box<dyn Future<Output = Result<ReplayReport, ReplayError>> + Send + 'a>>;

/// A hook with its types forgotten.
pub(crate) struct Entry {
    pub interface: Interface,
    pub name: HookName,
    /// Whether an export has the type of the hook.
    pub check: Check,
    pub replay: Replay,
}

const fn entry<H: Hook>(interface: Interface) -> Entry {
    Entry {
        interface,
        name: H::NAME,
        check: |store, instance, index| instance.get_typed_func::<H::Parameters, H::Results>(store, index).map(|_| ()),
        replay: |runtime, plugin, tape, rerun| Box::pin(runtime.replay_as::<H>(plugin, tape, rerun)),
    }
}

/// Everything the host can call.
pub(crate) static HOOKS: [Entry; 9] = [
    entry::<Describe>(Interface::Pathway),
    entry::<Screen>(Interface::Pathway),
    entry::<Step>(Interface::Pathway),
    entry::<Review>(Interface::Review),
    entry::<Quote>(Interface::Payer),
    entry::<Authorize>(Interface::Payer),
    entry::<Settle>(Interface::Payer),
    entry::<Query>(Interface::Payer),
    entry::<Reverse>(Interface::Payer),
];
