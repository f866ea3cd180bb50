//! The differences between SQLite and PostgreSQL.

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, Decode, Encode, Postgres, SqlSafeStr, Sqlite, Type,
    encode::IsNull,
    error::{BoxDynError, ErrorKind},
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    postgres::{PgArgumentBuffer, PgConnectOptions, PgTypeInfo, PgValueRef, types::Oid},
    sqlite::{
        SqliteArgumentsBuffer, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous, SqliteTypeInfo,
        SqliteValueRef,
    },
};
use xinglin_domain::id::TenantId;

use crate::{Result, StoreError};

/// The database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file, embedded.
    Sqlite,
    /// A server.
    Postgres,
}

impl Engine {
    /// Ends a `SELECT` of work `w` to be claimed: skips rows that another worker is claiming. SQLite
    /// has one writer, so it needs nothing.
    pub(crate) const fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE OF w SKIP LOCKED",
        }
    }

    /// Takes a named lock until the end of the transaction. SQLite has one writer, so it needs
    /// nothing.
    pub(crate) const fn lock(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"),
        }
    }

    const fn migrations(self) -> &'static [(i64, &'static str, &'static str)] {
        match self {
            Self::Sqlite => &[
                (1, "initial", include_str!("../../migrations/sqlite/0001_initial.sql")),
                (2, "lifecycle", include_str!("../../migrations/sqlite/0002_lifecycle.sql")),
                (3, "plugin_secret", include_str!("../../migrations/sqlite/0003_plugin_secret.sql")),
                (4, "plugin_signature", include_str!("../../migrations/sqlite/0004_plugin_signature.sql")),
                (5, "tape_purge", include_str!("../../migrations/sqlite/0005_tape_purge.sql")),
                (6, "search", include_str!("../../migrations/sqlite/0006_search.sql")),
                (7, "consent", include_str!("../../migrations/sqlite/0007_consent.sql")),
                (8, "session", include_str!("../../migrations/sqlite/0008_session.sql")),
                (9, "sign_in", include_str!("../../migrations/sqlite/0009_sign_in.sql")),
                (10, "delivery", include_str!("../../migrations/sqlite/0010_delivery.sql")),
                (11, "person_key", include_str!("../../migrations/sqlite/0011_person_key.sql")),
                (12, "practice", include_str!("../../migrations/sqlite/0012_practice.sql")),
                (13, "records", include_str!("../../migrations/sqlite/0013_records.sql")),
                (14, "work", include_str!("../../migrations/sqlite/0014_work.sql")),
                (17, "money", include_str!("../../migrations/sqlite/0017_money.sql")),
                (18, "alert_work", include_str!("../../migrations/sqlite/0018_alert_work.sql")),
                (21, "alert_page", include_str!("../../migrations/sqlite/0021_alert_page.sql")),
                (22, "ledger", include_str!("../../migrations/sqlite/0022_ledger.sql")),
                (23, "cash", include_str!("../../migrations/sqlite/0023_cash.sql")),
                (24, "item_order", include_str!("../../migrations/sqlite/0024_item_order.sql")),
                (26, "heads", include_str!("../../migrations/sqlite/0026_heads.sql")),
                (27, "insurance", include_str!("../../migrations/sqlite/0027_insurance.sql")),
                (28, "safety_contact", include_str!("../../migrations/sqlite/0028_safety_contact.sql")),
                (29, "request", include_str!("../../migrations/sqlite/0029_request.sql")),
                (30, "request_list", include_str!("../../migrations/sqlite/0030_request_list.sql")),
                (31, "reminder", include_str!("../../migrations/sqlite/0031_reminder.sql")),
                (32, "task_list", include_str!("../../migrations/sqlite/0032_task_list.sql")),
                (33, "organisation", include_str!("../../migrations/sqlite/0033_organisation.sql")),
            ],
            Self::Postgres => &[
                (1, "initial", include_str!("../../migrations/postgres/0001_initial.sql")),
                (2, "lifecycle", include_str!("../../migrations/postgres/0002_lifecycle.sql")),
                (3, "plugin_secret", include_str!("../../migrations/postgres/0003_plugin_secret.sql")),
                (4, "plugin_signature", include_str!("../../migrations/postgres/0004_plugin_signature.sql")),
                (5, "tape_purge", include_str!("../../migrations/postgres/0005_tape_purge.sql")),
                (6, "search", include_str!("../../migrations/postgres/0006_search.sql")),
                (7, "consent", include_str!("../../migrations/postgres/0007_consent.sql")),
                (8, "session", include_str!("../../migrations/postgres/0008_session.sql")),
                (9, "sign_in", include_str!("../../migrations/postgres/0009_sign_in.sql")),
                (10, "delivery", include_str!("../../migrations/postgres/0010_delivery.sql")),
                (11, "person_key", include_str!("../../migrations/postgres/0011_person_key.sql")),
                (12, "practice", include_str!("../../migrations/postgres/0012_practice.sql")),
                (13, "records", include_str!("../../migrations/postgres/0013_records.sql")),
                (14, "work", include_str!("../../migrations/postgres/0014_work.sql")),
                (17, "money", include_str!("../../migrations/postgres/0017_money.sql")),
                (18, "alert_work", include_str!("../../migrations/postgres/0018_alert_work.sql")),
                (21, "alert_page", include_str!("../../migrations/postgres/0021_alert_page.sql")),
                (22, "ledger", include_str!("../../migrations/postgres/0022_ledger.sql")),
                (23, "cash", include_str!("../../migrations/postgres/0023_cash.sql")),
                (24, "item_order", include_str!("../../migrations/postgres/0024_item_order.sql")),
                (26, "heads", include_str!("../../migrations/postgres/0026_heads.sql")),
                (27, "insurance", include_str!("../../migrations/postgres/0027_insurance.sql")),
                (28, "safety_contact", include_str!("../../migrations/postgres/0028_safety_contact.sql")),
                (29, "request", include_str!("../../migrations/postgres/0029_request.sql")),
                (30, "request_list", include_str!("../../migrations/postgres/0030_request_list.sql")),
                (31, "reminder", include_str!("../../migrations/postgres/0031_reminder.sql")),
                (32, "task_list", include_str!("../../migrations/postgres/0032_task_list.sql")),
                (33, "organisation", include_str!("../../migrations/postgres/0033_organisation.sql")),
            ],
        }
    }

    /// Runs pending migrations, each in one transaction; concurrent processes are serialised
    /// (PostgreSQL: advisory lock).
    pub(crate) fn migrator(self) -> Migrator {
        let list = self.migrations().iter().map(|&(version, name, sql)| {
            Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
        });
        Migrator::with_migrations(list.collect())
    }

    /// The newest migration of this release.
    pub(crate) fn newest_migration(self) -> i64 {
        self.migrations().iter().map(|(version, ..)| *version).max().unwrap_or_default()
    }
}

/// The address of the database.
pub(crate) enum Address {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

impl Address {
    pub(crate) fn parse(url: &str, patience: Duration) -> Result<Self> {
        let invalid = |detail: &dyn ToString| StoreError::Url { detail: detail.to_string() };
        if url.starts_with("sqlite:") {
            if url.contains(":memory:") || url.contains("mode=memory") {
                return Err(invalid(&"records are kept on disk"));
            }
            let options = SqliteConnectOptions::from_str(url).map_err(|e| invalid(&e))?;
            return Ok(Self::Sqlite(sqlite_options(options).busy_timeout(patience)));
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url).map_err(|e| invalid(&e))?;
            return Ok(Self::Postgres(options.application_name("xinglin")));
        }
        Err(invalid(&"unknown scheme"))
    }
}

/// - `synchronous = FULL`: in WAL mode `NORMAL` survives `kill -9` but may lose the last commits
///   at a power failure. A signed prescription must not be lost; group commits offset the cost.
/// - `recursive_triggers`: without it `INSERT OR REPLACE` deletes rows without firing the
///   triggers that protect append-only tables.
/// - `mmap_size`: the maximum, so that connections share the page cache.
/// - `wal_autocheckpoint`, in pages of 4 KiB: a high value, so that a page that is written often
///   is rarely copied into the file.
fn sqlite_options(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("recursive_triggers", "ON")
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "-8192")
        .pragma("mmap_size", "2147418112")
        .pragma("wal_autocheckpoint", "16000")
        .optimize_on_close(true, 400)
}

/// The tenant whose rows a statement may access, or all for the operator. PostgreSQL enforces it
/// with row-level security; on both engines every statement also names its tenant.
#[derive(Debug, Clone)]
pub(crate) struct RlsTenant(Arc<str>);

impl RlsTenant {
    pub(crate) fn around(tenant: TenantId) -> Self {
        Self(tenant.to_string().into())
    }

    pub(crate) fn none() -> Self {
        Self("*".into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RlsTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// PostgreSQL: sets the tenant of row-level security for the connection.
pub(crate) const SET_RLS_TENANT: &str = "SELECT set_config('xinglin.tenant', $1, FALSE)";

/// PostgreSQL: sets it for one transaction, in the round trip of `BEGIN`. It consists of the
/// characters of an id, so it needs no quoting.
pub(crate) fn begin_as(rls_tenant: &RlsTenant) -> impl SqlSafeStr + use<> {
    AssertSqlSafe(format!("BEGIN; SET LOCAL xinglin.tenant = '{rls_tenant}'"))
}

/// JSON as text, as both drivers encode it: SQLite in a TEXT column, PostgreSQL as JSONB, whose
/// wire format is a version byte and the text.
pub(crate) struct JsonText(pub(crate) String);

const JSONB: Oid = Oid(3802);
const JSONB_WIRE_VERSION: u8 = 1;

impl Type<Postgres> for JsonText {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(JSONB)
    }
}

impl Encode<'_, Postgres> for JsonText {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.push(JSONB_WIRE_VERSION);
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for JsonText {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        match value.as_bytes()? {
            [JSONB_WIRE_VERSION, text @ ..] => Ok(Self(std::str::from_utf8(text)?.to_owned())),
            _ => Err("a JSONB value in an unknown wire version".into()),
        }
    }
}

impl Type<Sqlite> for JsonText {
    fn type_info() -> SqliteTypeInfo {
        <String as Type<Sqlite>>::type_info()
    }
}

impl Encode<'_, Sqlite> for JsonText {
    fn encode(self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.0, buffer)
    }

    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode_by_ref(&self.0, buffer)
    }
}

impl Decode<'_, Sqlite> for JsonText {
    fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
        <String as Decode<Sqlite>>::decode(value).map(Self)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let database = match error {
            sqlx::Error::Database(database) => database,
            sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::TypeNotFound { .. } => return Self::corrupt(error),
            sqlx::Error::Encode(error) => {
                return Self::Invalid { detail: error.to_string() };
            }
            other => return Self::Unavailable(other.into()),
        };
        // The message of the triggers of `frozen_tenant`, on either engine.
        if database.message() == "the tenant is frozen" {
            return Self::Frozen;
        }
        // Those of `ledger_period`.
        if database.message() == "the books of this month are closed" {
            return Self::PeriodClosed;
        }
        let detail = || database.message().to_owned();
        match database.kind() {
            ErrorKind::UniqueViolation => Self::Unique { table: table_of(&*database) },
            ErrorKind::ForeignKeyViolation => Self::Reference { detail: detail() },
            ErrorKind::NotNullViolation | ErrorKind::CheckViolation | ErrorKind::ExclusionViolation => {
                Self::Refused { detail: detail() }
            }
            _ => match Fault::of(&*database) {
                Fault::Constraint => Self::Refused { detail: detail() },
                Fault::Contention => Self::Contention,
                Fault::Value => Self::Invalid { detail: detail() },
                Fault::Resource => Self::Unavailable(database.into_error()),
                Fault::Statement => Self::Unexpected(database.into_error()),
            },
        }
    }
}

/// SQLite names the columns (`UNIQUE constraint failed: account.tenant_id, …`), PostgreSQL the
/// table.
fn table_of(error: &dyn sqlx::error::DatabaseError) -> String {
    let named = error.table().or_else(|| {
        let (_, columns) = error.message().split_once(": ")?;
        columns.split('.').next()
    });
    named.unwrap_or_default().to_owned()
}

/// The class of an error that is not a constraint violation.
enum Fault {
    Constraint,
    Contention,
    Value,
    Resource,
    Statement,
}

impl Fault {
    fn of(error: &dyn sqlx::error::DatabaseError) -> Self {
        let Some(code) = error.code() else {
            return Self::Resource;
        };
        if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
            // The primary code is the lowest byte of the extended one.
            return match code.parse::<i32>().map(|extended| extended & 0xff) {
                Ok(5 | 6) => Self::Contention,
                Ok(19) => Self::Constraint,
                Ok(18 | 20) => Self::Value,
                Ok(1 | 21 | 25) => Self::Statement,
                _ => Self::Resource,
            };
        }
        match (&*code, code.get(..2)) {
            ("40001" | "40P01" | "55P03", _) => Self::Contention,
            (_, Some("22")) => Self::Value,
            (_, Some("23" | "P0")) => Self::Constraint,
            (_, Some("08" | "53" | "57" | "58")) => Self::Resource,
            _ => Self::Statement,
        }
    }
}

impl StoreError {
    /// SQLite rolls a whole transaction back when a resource fails (disk full, IO error, no
    /// memory); after any other error only the statement is undone.
    pub(crate) const fn spares_the_transaction(&self) -> bool {
        !matches!(self, Self::Unavailable(_) | Self::Contention)
    }

    pub(crate) fn from_migration(error: MigrateError, engine: Engine) -> Self {
        match error {
            MigrateError::VersionMissing(found) => Self::Newer { found, known: engine.newest_migration() },
            MigrateError::VersionMismatch(version) => Self::MigrationChanged { version },
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Unexpected(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, Row as _, SqliteConnection};

    use super::*;

    #[tokio::test]
    async fn sqlite_connections_are_set_up_for_a_power_failure() {
        // An in-memory database of this connection.
        let options = sqlite_options(SqliteConnectOptions::new());
        let mut connection = SqliteConnection::connect_with(&options).await.expect("a connection");
        for (pragma, wanted) in [("synchronous", 2), ("foreign_keys", 1), ("recursive_triggers", 1)] {
            let row = sqlx::query(AssertSqlSafe(format!("PRAGMA {pragma}"))).fetch_one(&mut connection).await;
            let value: i64 = row.and_then(|row| row.try_get(0)).expect("a value");
            assert_eq!(value, wanted, "{pragma}");
        }
    }
}
