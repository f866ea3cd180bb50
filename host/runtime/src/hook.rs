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
    identity,
    pathway::v1::{Describe, Screen, Step},
    payment::v1::{Authorize, Query, Quote, Reverse, Settle},
    prescribing,
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
    /// `xinglin:identity/verifier`: whether people are and hold what they say. Fails closed.
    Verifier,
}

impl Interface {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pathway, Self::Review, Self::Payer, Self::Verifier];

    /// Its name without a version.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pathway => "xinglin:pathway/pathway",
            Self::Review => "xinglin:prescribing/review",
            Self::Payer => "xinglin:payment/payer",
            Self::Verifier => "xinglin:identity/verifier",
        }
    }
}

/// An interface in one of the majors that this host calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Export {
    interface: Interface,
    /// Newest of the major. Older ones of it are called too.
    version: (u64, u64, u64),
}

impl Export {
    /// Everything that this host calls, the newest major of an interface first.
    pub const ALL: &[Self] = &[
        Self { interface: Interface::Pathway, version: (1, 0, 0) },
        #[cfg(feature = "fixture-2-0")]
        Self { interface: Interface::Review, version: (2, 0, 0) },
        Self { interface: Interface::Review, version: (1, 0, 0) },
        Self { interface: Interface::Payer, version: (1, 0, 0) },
        Self { interface: Interface::Verifier, version: (1, 0, 0) },
    ];

    /// Which interface.
    pub const fn interface(self) -> Interface {
        self.interface
    }

    /// The newest version of this major that the host calls.
    pub const fn version(self) -> Version {
        let (major, minor, patch) = self.version;
        Version::new(major, minor, patch)
    }
}

/// `xinglin:prescribing/review@1.0.0`
impl fmt::Display for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.interface.name(), self.version())
    }
}

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

type Check = fn(&mut Store<CallState>, &Instance, &ComponentExportIndex) -> wasmtime::Result<()>;
type Replay = for<'a> fn(
    &'a Runtime,
    &'a Plugin,
    &'a Tape,
    Rerun,
) -> Pin<Box<dyn Future<Output = Result<ReplayReport, ReplayError>> + Send + 'a>>;

/// A hook with its types forgotten.
pub(crate) struct Entry {
    pub name: HookName,
    /// Whether an export has the type of the hook.
    pub check: Check,
    pub replay: Replay,
}

const fn entry<H: Hook>() -> Entry {
    Entry {
        name: H::NAME,
        check: |store, instance, index| instance.get_typed_func::<H::Parameters, H::Results>(store, index).map(|_| ()),
        replay: |runtime, plugin, tape, rerun| Box::pin(runtime.replay_as::<H>(plugin, tape, rerun)),
    }
}

/// Everything the host can call, the newest major of a function first.
pub(crate) static HOOKS: &[Entry] = &[
    entry::<Describe>(),
    entry::<Screen>(),
    entry::<Step>(),
    #[cfg(feature = "fixture-2-0")]
    entry::<prescribing::v2::Review>(),
    entry::<prescribing::v1::Review>(),
    entry::<Quote>(),
    entry::<Authorize>(),
    entry::<Settle>(),
    entry::<Query>(),
    entry::<Reverse>(),
    entry::<identity::v1::Person>(),
    entry::<identity::v1::Credential>(),
];
