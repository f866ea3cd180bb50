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

mod account;
mod alert;
mod audit;
mod blob;
mod chain;
mod consent;
mod conversation;
mod coverage;
mod custody;
mod db;
mod dialect;
mod dispensing;
mod document;
mod emergency_access;
mod erasure;
mod error;
mod export;
mod history;
mod hold;
mod idempotency;
mod identity;
mod install;
mod kv;
mod label;
mod ledger;
mod message;
mod meta;
mod one_time;
mod outbox;
mod package;
mod passkey;
mod payment;
mod practice;
mod relation;
mod resource;
mod scope;
mod search;
mod secret;
mod session;
mod shadow;
mod signature;
mod subscription;
mod tape;
mod task;
mod tenant;
#[cfg(feature = "testing")]
pub mod testing;
mod vault;
mod writer;

pub use account::Account;
pub use alert::{Alert, AlertQuery};
pub use audit::{AuditEntry, AuditQuery};
pub use blob::Blob;
pub use chain::ChainState;
pub use consent::Consent;
pub use conversation::VisitMessage;
pub use coverage::Coverage;
pub use custody::Custody;
pub use db::{Executor, Pool, Tx};
pub use dialect::Engine;
pub use document::{Document, DocumentId, DocumentQuery};
pub use emergency_access::EmergencyAccessRow;
pub use erasure::Erasure;
pub use error::{Result, StoreError};
pub use export::{Export, ExportState};
pub use history::{HistoryQuery, VersionPlace};
pub use hold::Hold;
pub use idempotency::{Request, RequestKey};
pub use identity::{IdentityLink, IdentityProvider};
pub use install::{Install, InstallState};
pub use kv::KvWrite;
pub use label::Label;
pub use ledger::{Balance, Posting, Transaction};
pub use message::Message;
pub use one_time::Shown;
pub use outbox::OutboxEntry;
pub use package::{NewPackage, Package, Revoked};
pub use passkey::Passkey;
pub use payment::{Operation, OperationState, Started};
pub use practice::{CertificateNumber, RealName};
pub use relation::Relation;
pub use resource::{FoundBy, Json, PatientQuery, Range, Resource, ResourceWrite, Text, Token};
pub use scope::{Operator, OperatorScope, OperatorTx, Store, StoreOptions, Tenant, TenantScope, TenantTx};
pub use search::{
    CodeFilter, Criterion, Place, RangeMatch, RecordQuery, ResourceQuery, Sort, SortBy, SortKey, TextMatch,
    TokenFilter, Values,
};
pub use secret::{Disclosure, PluginSecret};
pub use session::{Lent, SecondFactor, Session, SignedIn};
pub use shadow::{ShadowCall, ShadowExample, ShadowOutcome, ShadowSummary};
pub use signature::PackageSignature;
pub use subscription::{Subscription, SubscriptionEvent, SubscriptionState};
pub use tape::{NewTapeEntry, TapeEntry, TapeQuery, Touched};
pub use task::{ClaimedTask, Task, TaskState};
pub use tenant::TenantRow;
pub use vault::{KeyOf, PersonKey, Vault, WrappedKey};

/// Where a list goes on: the last row of the page before. Lists are newest
/// first unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What the list is sorted by.
    pub at: xinglin_domain::time::Instant,
    /// Tells rows of the same moment apart.
    pub id: String,
}
