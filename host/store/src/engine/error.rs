//! What can go wrong between the hospital and its records.

use thiserror::Error;

/// A failure of the store. [`StoreError::code`] is stable and safe to show;
/// the message is for operators.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such row in this tenant.
    #[error("no {what} `{id}`")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// Somebody else wrote since the caller read.
    #[error("{what} `{id}` has changed since it was read")]
    VersionConflict {
        /// The kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A row with this key exists already.
    #[error("already in `{table}`")]
    Unique {
        /// The table that refused.
        table: String,
    },
    /// The row names another that does not exist, or another still names it.
    #[error("a reference does not hold: {detail}")]
    Reference {
        /// What the database said.
        detail: String,
    },
    /// A check of the schema refused, or a table that only grows was to shrink.
    #[error("refused by the schema: {detail}")]
    Refused {
        /// What the database said.
        detail: String,
    },
    /// Nothing is written to this tenant's records any more.
    #[error("the tenant is frozen")]
    Frozen,
    /// The postings of a transaction do not sum to zero.
    #[error("the postings do not balance")]
    Unbalanced,
    /// The transaction has been reversed before.
    #[error("transaction `{id}` is already reversed")]
    AlreadyReversed {
        /// The transaction that was to be reversed.
        id: String,
    },
    /// The plugin would hold more than it may.
    #[error("{used} bytes exceed the quota of {quota}")]
    Quota {
        /// What it would hold.
        used: i64,
        /// What it may hold.
        quota: i64,
    },
    /// A value that cannot be stored on every engine, such as a text with a NUL.
    #[error("not storable: {detail}")]
    Invalid {
        /// What is the matter.
        detail: String,
    },
    /// Two transactions got in each other's way; the loser may try again.
    #[error("lost against a concurrent transaction")]
    Contention,
    /// The transaction had failed before and can only be rolled back.
    #[error("the transaction has failed already")]
    Aborted,
    /// What was read is not what was written.
    #[error("the record is damaged: {detail}")]
    Corrupt {
        /// Where.
        detail: String,
    },
    /// The database was written by a newer release.
    #[error("the database is at migration {found}, newer than this release, which knows {known}")]
    Newer {
        /// The database's migration.
        found: i64,
        /// The newest one this release has.
        known: i64,
    },
    /// A migration that was applied is not the one this release has.
    #[error("migration {version} was applied in another form")]
    MigrationChanged {
        /// Which.
        version: i64,
    },
    /// The URL names no engine that there is.
    #[error("not a database URL of the form `sqlite:path` or `postgres://…`: {detail}")]
    Url {
        /// What is the matter.
        detail: String,
    },
    /// The database did not answer, or not in time.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database did not understand a statement: a defect of this crate.
    #[error("the database refused a statement")]
    Unexpected(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Stable, upper snake case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NOT_FOUND",
            Self::VersionConflict { .. } => "VERSION_CONFLICT",
            Self::Unique { .. } => "ALREADY_EXISTS",
            Self::Reference { .. } => "REFERENCE_INVALID",
            Self::Refused { .. } => "STORE_REFUSED",
            Self::Frozen => "TENANT_FROZEN",
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

    /// Whether the same request may succeed when it is simply made again.
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

/// Shorthand of this crate.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
