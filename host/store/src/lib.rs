//! One record, two engines: SQLite for a hospital in one binary, PostgreSQL for
//! a hospital with an IT department. Every statement is written once.
//!
//! # Ways in
//!
//! - [`Store::tenant`] is the only way to a tenant's rows. The [`Tenant`] it gives
//!   reads; [`Tenant::begin`] opens a [`TenantTx`], which reads the same and also
//!   writes. There is no write outside a transaction.
//! - [`Store::operator`] is for what lies above tenants: the tenants themselves,
//!   plugin packages, looking up a login, claiming due work of all tenants.
//!
//! # What every aggregate keeps
//!
//! - **Versions.** A row's `version` is the one its reader saw; 0 means that it is
//!   not stored yet. A write stores `version + 1` and returns it; if somebody else
//!   wrote in between it fails with [`StoreError::VersionConflict`].
//! - **Failure.** After an error a transaction can only be rolled back, on either
//!   engine. Conflicts that are part of normal life (a line that is used already,
//!   a key that was seen before) are outcomes, or errors that leave it usable
//!   where the documentation says so.
//! - **Time and ids** come from the caller. The store reads no clock.
//! - **What only grows** (ledger, tape, disclosures, superseded versions of
//!   clinical resources) is guarded by triggers, not by good manners.
//!
//! PostgreSQL adds row-level security below all this: a connection sees only the
//! tenant it works for. It binds ordinary roles, so do not connect as a superuser.

mod audit;
mod care;
mod custody;
mod engine;
mod idempotency;
mod identity;
mod payment;
mod plugin;
mod record;
mod tenant;
#[cfg(feature = "testing")]
pub mod testing;
mod work;

use engine::db;

pub use audit::{
    chain::ChainState,
    trail::{AuditEntry, AuditQuery},
};
pub use care::{
    alert::{Alert, AlertQuery},
    conversation::VisitMessage,
    document::{Document, DocumentId, DocumentQuery},
    hold::Hold,
    message::Message,
    task::{Task, TaskState},
};
pub use custody::Custody;
pub use engine::{
    db::{Executor, Pool, StoreOptions, Tx},
    dialect::Engine,
    error::{Result, StoreError},
    scope::{Operator, OperatorScope, OperatorTx, Store, Tenant, TenantScope, TenantTx},
    vault::{KeyOf, PersonKey, Vault, WrappedKey},
};
pub use idempotency::{Request, RequestKey};
pub use identity::{
    account::Account,
    one_time::Shown,
    passkey::Passkey,
    practice::{CertificateNumber, RealName},
    provider::{IdentityLink, IdentityProvider},
    relation::Relation,
    session::{Lent, SecondFactor, Session, SignedIn},
};
pub use payment::{
    coverage::Coverage,
    ledger::{Balance, Posting, Transaction},
    operation::{Operation, OperationState, Started},
};
pub use plugin::{
    install::{Install, InstallState},
    kv::KvWrite,
    package::{NewPackage, Package, Revoked},
    secret::{Disclosure, PluginSecret},
    shadow::{ShadowCall, ShadowExample, ShadowOutcome, ShadowSummary},
    signature::PackageSignature,
    tape::{NewTapeEntry, TapeEntry, TapeQuery, Touched},
};
pub use record::{
    blob::Blob,
    consent::Consent,
    criterion::{
        CodeFilter, Criterion, Place, RangeMatch, RecordQuery, ResourceQuery, Sort, SortBy, SortKey, TextMatch,
        TokenFilter, Values,
    },
    emergency_access::EmergencyAccessRow,
    erasure::Erasure,
    export::{Export, ExportState},
    history::{HistoryQuery, VersionPlace},
    label::Label,
    resource::{FoundBy, Json, PatientQuery, Range, Resource, ResourceWrite, Text, Token},
    subscription::{Subscription, SubscriptionState},
};
pub use tenant::TenantRow;
pub use work::{NEVER, Queue, Work};

/// Where a list goes on: the last row of the page before. Lists are newest
/// first unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What the list is sorted by.
    pub at: xinglin_domain::time::Instant,
    /// Tells rows of the same moment apart.
    pub id: String,
}
