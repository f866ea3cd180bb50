//! Interfaces that the host calls. A component exports whole interfaces, possibly several.

use std::{collections::BTreeSet, fmt};

use semver::Version;
use serde::{Deserialize, Serialize};

/// An interface that the host calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// `xinglin:pathway/follow-up`: a disease pathway that is told what became of all that it asked for; used
    /// instead of `pathway` where both are exported. Fails open.
    FollowUp,
    /// `xinglin:pathway/migration`: takes what an older version of a pathway remembered. Fails closed.
    Migration,
    /// `xinglin:pathway/pathway`: a disease pathway. Fails open.
    Pathway,
    /// `xinglin:prescribing/review`: checks of a prescription. Fails closed.
    Review,
    /// `xinglin:payment/payer`: a payment scheme. A failure means that the outcome is unknown.
    Payer,
    /// `xinglin:payment/eligibility`: whether a patient is insured. Fails closed.
    Eligibility,
    /// `xinglin:payment/preauthorization`: guarantees of payment. A failure means that the outcome
    /// is unknown.
    Preauthorization,
    /// `xinglin:payment/claims`: direct billing by an insurer; used instead of `payer` where both
    /// are exported. A failure means that the outcome is unknown.
    Claims,
    /// `xinglin:payment/reconciliation`: the payer's books. Fails closed.
    Reconciliation,
    /// `xinglin:payment/capitation`: payment per head. Fails closed.
    Capitation,
    /// `xinglin:payment/pricing`: what services cost. Fails closed.
    Pricing,
    /// `xinglin:identity/verifier`: verification of persons and certificates. Fails closed.
    Verifier,
    /// `xinglin:panel/panel`: what is shown of a patient in a pathway. Fails open.
    Panel,
}

impl Interface {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::FollowUp,
        Self::Migration,
        Self::Pathway,
        Self::Review,
        Self::Payer,
        Self::Eligibility,
        Self::Preauthorization,
        Self::Claims,
        Self::Reconciliation,
        Self::Capitation,
        Self::Pricing,
        Self::Verifier,
        Self::Panel,
    ];

    /// Whether one of these is a disease pathway, of whatever minor.
    pub fn is_pathway(interfaces: &BTreeSet<Self>) -> bool {
        interfaces.contains(&Self::FollowUp) || interfaces.contains(&Self::Pathway)
    }

    /// Its name without a version.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FollowUp => "xinglin:pathway/follow-up",
            Self::Migration => "xinglin:pathway/migration",
            Self::Pathway => "xinglin:pathway/pathway",
            Self::Review => "xinglin:prescribing/review",
            Self::Payer => "xinglin:payment/payer",
            Self::Eligibility => "xinglin:payment/eligibility",
            Self::Preauthorization => "xinglin:payment/preauthorization",
            Self::Claims => "xinglin:payment/claims",
            Self::Reconciliation => "xinglin:payment/reconciliation",
            Self::Capitation => "xinglin:payment/capitation",
            Self::Pricing => "xinglin:payment/pricing",
            Self::Verifier => "xinglin:identity/verifier",
            Self::Panel => "xinglin:panel/panel",
        }
    }
}

/// An interface in one of the major versions that this host calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Export {
    interface: Interface,
    /// The newest version of the major. Older ones are called too.
    version: (u64, u64, u64),
}

impl Export {
    /// All exports that this host calls, the newest major of an interface first.
    pub const ALL: &[Self] = &[
        Self { interface: Interface::FollowUp, version: (1, 1, 0) },
        Self { interface: Interface::Migration, version: (1, 1, 0) },
        Self { interface: Interface::Pathway, version: (1, 0, 0) },
        #[cfg(feature = "fixture-2-0")]
        Self { interface: Interface::Review, version: (2, 0, 0) },
        Self { interface: Interface::Review, version: (1, 0, 0) },
        Self { interface: Interface::Payer, version: (1, 0, 0) },
        Self { interface: Interface::Eligibility, version: (1, 1, 0) },
        Self { interface: Interface::Preauthorization, version: (1, 1, 0) },
        Self { interface: Interface::Claims, version: (1, 1, 0) },
        Self { interface: Interface::Reconciliation, version: (1, 1, 0) },
        Self { interface: Interface::Capitation, version: (1, 1, 0) },
        Self { interface: Interface::Pricing, version: (1, 1, 0) },
        Self { interface: Interface::Verifier, version: (1, 0, 0) },
        Self { interface: Interface::Panel, version: (1, 0, 0) },
    ];

    /// The interface.
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
