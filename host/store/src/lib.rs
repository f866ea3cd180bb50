//! The database on two engines: SQLite for a single-binary hospital, PostgreSQL for larger ones.
//! Every statement is written once.
//!
//! # Scopes
//!
//! - [`Store::tenant`] is the only access to a tenant's rows. Its [`Tenant`] reads;
//!   [`Tenant::begin`] opens a [`TenantTx`], which reads the same and also writes. There are no
//!   writes outside a transaction.
//! - [`Store::operator`] is for rows outside tenants: the tenants themselves, plugin packages,
//!   looking up a login, claiming due work of all tenants.
//!
//! # Common rules
//!
//! - **Versions.** `version` of a row is the one that was read; 0 means not stored yet. A write
//!   stores `version + 1` and returns it; after a concurrent write it fails with
//!   [`StoreError::VersionConflict`].
//! - **Failure.** After an error a transaction can only be rolled back, on either engine.
//!   Expected conflicts (a line that is used already, a key that was seen before) are outcomes,
//!   or errors that leave it usable where the documentation says so.
//! - **Time and ids** are arguments. The store reads no clock.
//! - **Append-only tables** (ledger, tape, disclosures, superseded versions of clinical
//!   resources) are protected by triggers.
//!
//! In addition, PostgreSQL enforces row-level security: a connection sees only its tenant. It does
//! not apply to superusers, so connect with an ordinary role.

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
    reminder::{ReminderAddress, ReminderChannel, ReminderRow},
    request::RequestQuery,
    task::{Task, TaskQuery, TaskState},
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
    organisation::Organisation,
    passkey::Passkey,
    practice::{CertificateNumber, RealName},
    provider::{IdentityLink, IdentityProvider},
    relation::Relation,
    session::{Lent, SecondFactor, Session, SignedIn},
};
pub use payment::{
    capitation::{CapitationContract, CapitationMember, CapitationUse, CapitationYear},
    cash::{CashChannel, CashDifference, CashMovement, CashRow, Noted},
    coverage::Coverage,
    draft::{Draft, DraftState},
    ledger::{Balance, JournalQuery, Posting, Transaction},
    operation::{Operation, OperationState, Started},
    period::ClosedPeriod,
    reconciliation::{PayerClaim, PayerRemittance, ReconciliationBreak},
    statement::{StatementKey, StatementQuery, Summed},
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
    group_figures::{CohortRow, GroupFigures},
    history::{HistoryQuery, VersionPlace},
    label::Label,
    resource::{FoundBy, Json, PatientQuery, Range, Resource, ResourceWrite, Text, Token},
    subscription::{Subscription, SubscriptionState},
};
pub use tenant::TenantRow;
pub use work::{NEVER, Queue, Work};

/// A position in a list: the last row of the previous page. Lists are newest first unless stated
/// otherwise.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cursor {
    /// The sort key.
    pub at: xinglin_domain::time::Instant,
    /// Distinguishes rows with the same sort key.
    pub id: String,
}
