//! Errors of the store.

use thiserror::Error;

/// An error of the store. [`StoreError::code`] is stable and may be shown; the message is for
/// operators.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The tenant has no such row.
    #[error("no {what} `{id}`")]
    NotFound {
        /// The kind of row.
        what: &'static str,
        /// The requested id.
        id: String,
    },
    /// The row was changed after the caller read it.
    #[error("{what} `{id}` has changed since it was read")]
    VersionConflict {
        /// The kind of row.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A row with this key exists already.
    #[error("already in `{table}`")]
    Unique {
        /// The table with the constraint.
        table: String,
    },
    /// The row refers to a missing one, or is still referred to.
    #[error("a reference does not hold: {detail}")]
    Reference {
        /// Message of the database.
        detail: String,
    },
    /// A check of the schema refused, or a change of an append-only table was attempted.
    #[error("refused by the schema: {detail}")]
    Refused {
        /// Message of the database.
        detail: String,
    },
    /// The tenant is frozen.
    #[error("the tenant is frozen")]
    Frozen,
    /// The day lies in a month whose books are closed.
    #[error("the books of this month are closed")]
    PeriodClosed,
    /// The postings of a transaction do not sum to zero.
    #[error("the postings do not balance")]
    Unbalanced,
    /// The transaction has been reversed already.
    #[error("transaction `{id}` is already reversed")]
    AlreadyReversed {
        /// The transaction to be reversed.
        id: String,
    },
    /// The plugin would exceed its quota.
    #[error("{used} bytes exceed the quota of {quota}")]
    Quota {
        /// Bytes that it would store.
        used: i64,
        /// Its quota, in bytes.
        quota: i64,
    },
    /// A value that cannot be stored on every engine, such as a text with a NUL.
    #[error("not storable: {detail}")]
    Invalid {
        /// The reason.
        detail: String,
    },
    /// Lost a conflict with a concurrent transaction; may be retried.
    #[error("lost against a concurrent transaction")]
    Contention,
    /// A statement failed before, so the transaction can only be rolled back.
    #[error("the transaction has failed already")]
    Aborted,
    /// A stored value cannot be read.
    #[error("the record is damaged: {detail}")]
    Corrupt {
        /// Where and why.
        detail: String,
    },
    /// The database was written by a newer release.
    #[error("the database is at migration {found}, newer than this release, which knows {known}")]
    Newer {
        /// The database's newest migration.
        found: i64,
        /// The newest migration of this release.
        known: i64,
    },
    /// An applied migration differs from that of this release.
    #[error("migration {version} was applied in another form")]
    MigrationChanged {
        /// Its number.
        version: i64,
    },
    /// The URL names no supported engine.
    #[error("not a database URL of the form `sqlite:path` or `postgres://…`: {detail}")]
    Url {
        /// The reason.
        detail: String,
    },
    /// The database did not answer in time, or at all.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database rejected a statement: a bug of this crate.
    #[error("the database refused a statement")]
    Unexpected(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// The stable code, upper snake case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NOT_FOUND",
            Self::VersionConflict { .. } => "VERSION_CONFLICT",
            Self::Unique { .. } => "ALREADY_EXISTS",
            Self::Reference { .. } => "REFERENCE_INVALID",
            Self::Refused { .. } => "STORE_REFUSED",
            Self::Frozen => "TENANT_FROZEN",
            Self::PeriodClosed => "LEDGER_CLOSED",
            Self::Unbalanced => "LEDGER_UNBALANCED",
            Self::AlreadyReversed { .. } => "PAY_ALREADY_REVERSED",
            Self::Quota { .. } => "QUOTA_EXCEEDED",
            Self::Invalid { .. } => "VALUE_INVALID",
            Self::Contention => "STORE_CONTENTION",
            Self::Aborted => "STORE_ABORTED",
            Self::Corrupt { .. } => "STORE_CORRUPT",
            Self::Newer { .. } => "SCHEMA_NEWER",
            Self::MigrationChanged { .. } => "SCHEMA_CHANGED",
            Self::Url { .. } => "STORE_URL",
            Self::Unavailable(_) => "STORE_UNAVAILABLE",
            Self::Unexpected(_) => "STORE_UNEXPECTED",
        }
    }

    /// Whether a retry of the same request may succeed.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Contention | Self::Unavailable(_))
    }

    pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    pub(crate) fn conflict(what: &'static str, id: impl ToString) -> Self {
        Self::VersionConflict { what, id: id.to_string() }
    }

    pub(crate) fn corrupt(detail: impl ToString) -> Self {
        Self::Corrupt { detail: detail.to_string() }
    }
}

/// Result of this crate.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
