//! One interface to two drivers: a statement is one text with `$n` parameters and typed arguments,
//! its rows are read by column name.

/// Drivers are compiled here, and not in every crate that sends a statement: see decision 0032.
use async_recursion::async_recursion as boxed;
use std::{borrow::Cow, convert::identity, fmt, future::Future, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, PgPool, Postgres, Row as _, SqlitePool,
    postgres::{PgArguments, PgPoolOptions, PgRow},
    sqlite::{SqliteArguments, SqlitePoolOptions, SqliteRow},
};
use tokio::sync::Mutex;
use tracing::instrument;
use xinglin_domain::{id, money::Money, time::Instant};

use crate::{
    Result, StoreError,
    engine::{
        dialect::{Address, Engine, JsonText, RlsTenant, SET_RLS_TENANT, begin_as},
        writer::{Turn, Writer},
    },
};

/// The value of a parameter.
#[derive(Debug, Clone)]
pub enum Arg {
    Int(Option<i64>),
    Bool(bool),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Json(Option<String>),
}

/// `args![tenant, id, now]`
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::engine::db::Arg::from($value)),*] };
}
pub(crate) use args;

macro_rules! arguments {
    ($($type:ty => |$value:ident| $arg:expr;)*) => {$(
        impl From<$type> for Arg {
            fn from($value: $type) -> Self {
                $arg
            }
        }
    )*};
}

arguments! {
    i64 => |value| Self::Int(Some(value));
    Option<i64> => |value| Self::Int(value);
    u32 => |value| Self::Int(Some(value.into()));
    bool => |value| Self::Bool(value);
    Instant => |value| Self::Int(Some(value.micros()));
    Option<Instant> => |value| Self::Int(value.map(Instant::micros));
    Money => |value| Self::Int(Some(value.as_fen()));
    Option<Money> => |value| Self::Int(value.map(Money::as_fen));
    String => |value| Self::Text(Some(value));
    &String => |value| Self::Text(Some(value.clone()));
    &str => |value| Self::Text(Some(value.to_owned()));
    Option<String> => |value| Self::Text(value);
    &Option<String> => |value| Self::Text(value.clone());
    Option<&str> => |value| Self::Text(value.map(str::to_owned));
    Vec<u8> => |value| Self::Bytes(Some(value));
    &[u8] => |value| Self::Bytes(Some(value.to_owned()));
    &[u8; 32] => |value| Self::Bytes(Some(value.to_vec()));
}

macro_rules! id_arguments {
    ($($id:ident),*) => {$(
        arguments! {
            id::$id => |value| Self::Text(Some(value.to_string()));
            Option<id::$id> => |value| Self::Text(value.map(|id| id.to_string()));
        }

        impl Column for id::$id {
            fn read(row: &Row, name: &str) -> Result<Self> {
                String::read(row, name)?.parse().map_err(StoreError::corrupt)
            }
        }

        impl Column for Option<id::$id> {
            fn read(row: &Row, name: &str) -> Result<Self> {
                Option::<String>::read(row, name)?.map(|text| text.parse().map_err(StoreError::corrupt)).transpose()
            }
        }
    )*};
}

id_arguments!(
    TenantId,
    AccountId,
    SessionId,
    EncounterId,
    PrescriptionId,
    BillId,
    TransactionId,
    EnrolmentId,
    TaskId,
    ReminderId,
    AlertId,
    HoldId,
    CallId,
    BlobId,
    ConsentId,
    ExportId,
    EmergencyAccessId,
    RelationId,
    OrganisationId,
    InsuranceRequestId,
    BreakId
);

impl Arg {
    /// A value as JSON.
    pub(crate) fn json(value: &impl Serialize) -> Result<Self> {
        match serde_json::to_string(value) {
            Ok(text) => Ok(Self::Json(Some(text))),
            Err(error) => Err(StoreError::Invalid { detail: error.to_string() }),
        }
    }

    /// A value as JSON, or NULL.
    pub(crate) fn opt_json(value: Option<&impl Serialize>) -> Result<Self> {
        value.map_or(Ok(Self::Json(None)), Self::json)
    }

    /// PostgreSQL refuses NUL in text, so it is refused for both engines.
    fn check(&self) -> Result<()> {
        let has_nul = match self {
            Self::Text(Some(text)) => text.contains('\0'),
            Self::Json(Some(text)) => holds_escaped_nul(text),
            _ => false,
        };
        if has_nul { Err(StoreError::Invalid { detail: "a text with a NUL".to_owned() }) } else { Ok(()) }
    }
}

/// Whether JSON text contains an escape `\u0000`.
fn holds_escaped_nul(json: &str) -> bool {
    json.match_indices("\\u0000").any(|(at, _)| {
        let slashes = json.as_bytes().iter().take(at).rev().take_while(|byte| **byte == b'\\').count();
        slashes % 2 == 0
    })
}

/// A statement for both engines, with its arguments.
#[derive(Debug, Clone)]
pub struct Sql {
    text: Cow<'static, str>,
    args: Vec<Arg>,
}

impl Sql {
    pub(crate) fn new(text: impl Into<Cow<'static, str>>, args: Vec<Arg>) -> Self {
        Self { text: text.into(), args }
    }

    /// Appends SQL text; never a value.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Appends the next `$n` and its value.
    pub(crate) fn bind(&mut self, value: impl Into<Arg>) -> &mut Self {
        self.args.push(value.into());
        let number = self.args.len();
        self.push(&format!("${number}"))
    }

    /// Appends another statement, to run after this one in the same call. Only SQLite supports
    /// several.
    fn then(&mut self, next: Self) -> &mut Self {
        let before = self.args.len();
        self.push("; ");
        for (index, piece) in next.text.split('$').enumerate() {
            let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = piece.split_at(digits);
            match number.parse::<usize>() {
                Ok(number) if index > 0 => self.push(&format!("${}{rest}", before + number)),
                _ => self.push(if index == 0 { "" } else { "$" }).push(piece),
            };
        }
        self.args.extend(next.args);
        self
    }

    /// Adds SQL text before and after.
    pub(crate) fn put_around(&mut self, before: &str, after: &str) {
        self.text = format!("{before}{}{after}", self.text).into();
    }

    /// Binds a value without adding it to the text; returns its `$n`.
    pub(crate) fn reserve(&mut self, value: impl Into<Arg>) -> String {
        self.args.push(value.into());
        format!("${}", self.args.len())
    }

    /// Appends `($n, $n, …)`.
    pub(crate) fn bind_all(&mut self, values: impl IntoIterator<Item = impl Into<Arg>>) -> &mut Self {
        self.push("(");
        for (index, value) in values.into_iter().enumerate() {
            self.push(if index == 0 { "" } else { ", " }).bind(value);
        }
        self.push(")")
    }
}

/// Maximum number of `VALUES` rows in a statement. Chunks are powers of two, so batches of any size
/// share few distinct texts, which the drivers have prepared already.
const LARGEST_CHUNK: usize = 64;

/// `head VALUES (…), (…) tail` for all rows, in few statements.
pub(crate) fn insert_many(head: &'static str, rows: Vec<Vec<Arg>>, tail: &'static str) -> Vec<Sql> {
    let mut statements = Vec::new();
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let fitting = 1 << rows.len().ilog2();
        let mut sql = Sql::new(head, Vec::new());
        for (index, row) in rows.by_ref().take(LARGEST_CHUNK.min(fitting)).enumerate() {
            sql.push(if index == 0 { " VALUES " } else { ", " }).bind_all(row);
        }
        sql.push(tail);
        statements.push(sql);
    }
    statements
}

/// Joins statements with few arguments. A call to SQLite goes to another thread and back, which
/// takes longer than most statements.
fn joined(statements: Vec<Sql>) -> Vec<Sql> {
    /// Beyond this number of arguments joining does not pay, and texts rarely repeat.
    const FEW: usize = 128;
    let mut fewer: Vec<Sql> = Vec::with_capacity(statements.len());
    for sql in statements {
        match fewer.last_mut() {
            Some(last) if last.args.len() + sql.args.len() <= FEW => drop(last.then(sql)),
            _ => fewer.push(sql),
        }
    }
    fewer
}

/// A row of either driver.
pub enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// Reads the column of that name.
    pub(crate) fn get<T: Column>(&self, name: &str) -> Result<T> {
        T::read(self, name)
    }

    /// Reads and parses the JSON column of that name.
    pub(crate) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let JsonText(text) = JsonText::read(self, name)?;
        serde_json::from_str(&text).map_err(|error| StoreError::corrupt(format!("{name}: {error}")))
    }

    /// As [`Self::json`], for nullable columns.
    pub(crate) fn opt_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let text = Option::<JsonText>::read(self, name)?;
        text.map(|JsonText(text)| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| StoreError::corrupt(format!("{name}: {error}")))
    }

    /// The text of the JSON column of that name.
    pub(crate) fn raw_json(&self, name: &str) -> Result<String> {
        JsonText::read(self, name).map(|JsonText(text)| text)
    }
}

/// A type that a column can be read as.
pub(crate) trait Column: Sized {
    fn read(row: &Row, name: &str) -> Result<Self>;
}

macro_rules! columns {
    ($($type:ty),*) => {$(
        impl Column for $type {
            fn read(row: &Row, name: &str) -> Result<Self> {
                Ok(match row {
                    Row::Sqlite(row) => row.try_get(name)?,
                    Row::Postgres(row) => row.try_get(name)?,
                })
            }
        }
    )*};
}

columns!(i64, Option<i64>, bool, String, Option<String>, Vec<u8>, Option<Vec<u8>>, JsonText, Option<JsonText>);

impl Column for Instant {
    fn read(row: &Row, name: &str) -> Result<Self> {
        i64::read(row, name).map(Self::from_micros)
    }
}

impl Column for Option<Instant> {
    fn read(row: &Row, name: &str) -> Result<Self> {
        Ok(Option::<i64>::read(row, name)?.map(Instant::from_micros))
    }
}

impl Column for Money {
    fn read(row: &Row, name: &str) -> Result<Self> {
        i64::read(row, name).map(Self::fen)
    }
}

impl Column for Option<Money> {
    fn read(row: &Row, name: &str) -> Result<Self> {
        Ok(Option::<i64>::read(row, name)?.map(Money::fen))
    }
}

impl Column for [u8; 32] {
    fn read(row: &Row, name: &str) -> Result<Self> {
        Vec::<u8>::read(row, name)?.try_into().map_err(|_| StoreError::corrupt(format!("{name} is not 32 bytes long")))
    }
}

/// Options of the store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Maximum number of connections; on SQLite, of readers.
    pub max_connections: u32,
    /// Timeout for a connection, or for a turn to write.
    pub patience: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { max_connections: 8, patience: Duration::from_secs(10) }
    }
}

/// The connection pools.
#[derive(Debug, Clone)]
pub(crate) enum Db {
    Sqlite { readers: SqlitePool, writer: Writer },
    Postgres(PgPool),
}

impl Db {
    #[boxed]
    pub(crate) async fn open(url: &str, options: &StoreOptions) -> Result<Self> {
        match Address::parse(url, options.patience)? {
            Address::Sqlite(address) => {
                // Changed pages stay in the cache of the one writing connection.
                let writing = address.clone().pragma("cache_size", "-65536");
                let mut connection = sqlx::SqliteConnection::connect_with(&writing).await?;
                migrate(&mut connection, Engine::Sqlite).await?;
                let readers = SqlitePoolOptions::new()
                    .max_connections(options.max_connections)
                    .acquire_timeout(options.patience)
                    // A file needs no liveness check, which would be a further call.
                    .test_before_acquire(false)
                    .connect_with(address.pragma("query_only", "ON"))
                    .await?;
                Ok(Self::Sqlite { readers, writer: Writer::new(connection, options.patience) })
            }
            Address::Postgres(address) => {
                let pool = PgPoolOptions::new()
                    .max_connections(options.max_connections)
                    .acquire_timeout(options.patience)
                    .connect_with(address)
                    .await?;
                migrate(&mut *pool.acquire().await?, Engine::Postgres).await?;
                Ok(Self::Postgres(pool))
            }
        }
    }

    pub(crate) const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    #[boxed]
    pub(crate) async fn begin(&self, rls_tenant: &RlsTenant) -> Result<Tx> {
        let connection = match self {
            Self::Sqlite { writer, .. } => Connection::Sqlite(writer.begin().await?),
            Self::Postgres(pool) => Connection::Postgres(pool.begin_with(begin_as(rls_tenant)).await?),
        };
        Ok(Tx { engine: self.engine(), session: Mutex::new(Session { connection, failed: false }) })
    }

    #[boxed]
    pub(crate) async fn close(&self) -> Result<()> {
        match self {
            Self::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await
            }
            Self::Postgres(pool) => {
                pool.close().await;
                Ok(())
            }
        }
    }
}

async fn migrate<C: sqlx::migrate::Migrate>(connection: &mut C, engine: Engine) -> Result<()> {
    let run = engine.migrator();
    run.run_direct(None, connection, false).await.map_err(|error| StoreError::from_migration(error, engine))
}

/// Where reads can run: on the pool, or in a transaction.
pub trait Executor: Send + Sync {
    /// All rows.
    #[doc(hidden)]
    fn rows(&self, sql: Sql) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// The first row, if any.
    #[doc(hidden)]
    fn row(&self, sql: Sql) -> impl Future<Output = Result<Option<Row>>> + Send {
        async { Ok(self.rows(sql).await?.into_iter().next()) }
    }
}

/// Reads outside a transaction, each on any free connection.
#[derive(Debug, Clone)]
pub struct Pool {
    db: Db,
    rls_tenant: RlsTenant,
}

impl Pool {
    pub(crate) const fn new(db: Db, rls_tenant: RlsTenant) -> Self {
        Self { db, rls_tenant }
    }

    pub(crate) async fn begin(&self) -> Result<Tx> {
        self.db.begin(&self.rls_tenant).await
    }

    pub(crate) const fn engine(&self) -> Engine {
        self.db.engine()
    }
}

impl Pool {
    #[instrument(level = "trace", skip_all, fields(sql = %sql.text), err(level = "debug"))]
    #[boxed]
    async fn fetch(&self, sql: Sql) -> Result<Vec<Row>> {
        match &self.db {
            Db::Sqlite { readers, .. } => {
                let rows = sqlite_query(sql)?.fetch_all(readers).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Db::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                sqlx::query(SET_RLS_TENANT).bind(self.rls_tenant.as_str()).execute(&mut *connection).await?;
                let rows = postgres_query(sql)?.fetch_all(&mut *connection).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }
}

impl Executor for Pool {
    async fn rows(&self, sql: Sql) -> Result<Vec<Row>> {
        self.fetch(sql).await
    }
}

/// One transaction. Dropped without a commit, it is rolled back. After an error it can only be
/// rolled back, on either engine.
pub struct Tx {
    engine: Engine,
    session: Mutex<Session>,
}

struct Session {
    connection: Connection,
    failed: bool,
}

enum Connection {
    Sqlite(Turn),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) const fn engine(&self) -> Engine {
        self.engine
    }

    /// Runs a statement; returns the number of affected rows.
    #[instrument(level = "trace", skip_all, fields(sql = %sql.text), err(level = "debug"))]
    #[boxed]
    pub(crate) async fn execute(&self, sql: Sql) -> Result<u64> {
        let mut session = self.session.lock().await;
        session
            .run(async |connection| match connection {
                Connection::Sqlite(turn) => Ok(sqlite_query(sql)?.execute(turn.connection()?).await?.rows_affected()),
                Connection::Postgres(tx) => Ok(postgres_query(sql)?.execute(&mut **tx).await?.rows_affected()),
            })
            .await
    }

    /// Runs an update that compares a version; returns the new version.
    pub(crate) async fn update_one(
        &self,
        sql: Sql,
        what: &'static str,
        id: impl ToString + Send,
        version: i64,
    ) -> Result<i64> {
        match self.execute(sql).await? {
            0 => Err(StoreError::conflict(what, id)),
            _ => Ok(version + 1),
        }
    }

    /// Runs statements in order; returns the total number of affected rows.
    pub(crate) async fn execute_all(&self, statements: Vec<Sql>) -> Result<u64> {
        let statements = match self.engine {
            Engine::Sqlite => joined(statements),
            Engine::Postgres => statements,
        };
        let mut touched = 0;
        for sql in statements {
            touched += self.execute(sql).await?;
        }
        Ok(touched)
    }

    /// Marks the transaction as failed, for an error that the database did not raise.
    pub(crate) async fn mark_failed(&self, reason: StoreError) -> StoreError {
        self.session.lock().await.failed = true;
        reason
    }

    #[boxed]
    pub(crate) async fn commit(self) -> Result<()> {
        let Session { connection, failed } = self.session.into_inner();
        match connection {
            Connection::Sqlite(turn) if failed => turn.rollback().await?,
            Connection::Postgres(tx) if failed => tx.rollback().await?,
            Connection::Sqlite(turn) => return turn.commit().await,
            Connection::Postgres(tx) => return Ok(tx.commit().await?),
        }
        Err(StoreError::Aborted)
    }

    #[boxed]
    pub(crate) async fn rollback(self) -> Result<()> {
        match self.session.into_inner().connection {
            Connection::Sqlite(turn) => turn.rollback().await,
            Connection::Postgres(tx) => Ok(tx.rollback().await?),
        }
    }
}

impl Session {
    async fn run<T>(&mut self, work: impl AsyncFnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        if self.failed {
            return Err(StoreError::Aborted);
        }
        let result = work(&mut self.connection).await;
        if let Err(error) = &result {
            self.failed = true;
            if let Connection::Sqlite(turn) = &mut self.connection
                && !error.spares_the_transaction()
            {
                turn.mark_suspect();
            }
        }
        result
    }
}

impl Tx {
    #[instrument(level = "trace", skip_all, fields(sql = %sql.text), err(level = "debug"))]
    #[boxed]
    async fn fetch(&self, sql: Sql) -> Result<Vec<Row>> {
        let mut session = self.session.lock().await;
        session
            .run(async |connection| match connection {
                Connection::Sqlite(turn) => {
                    let rows = sqlite_query(sql)?.fetch_all(turn.connection()?).await?;
                    Ok(rows.into_iter().map(Row::Sqlite).collect())
                }
                Connection::Postgres(tx) => {
                    let rows = postgres_query(sql)?.fetch_all(&mut **tx).await?;
                    Ok(rows.into_iter().map(Row::Postgres).collect())
                }
            })
            .await
    }
}

impl Executor for Tx {
    async fn rows(&self, sql: Sql) -> Result<Vec<Row>> {
        self.fetch(sql).await
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// `$1, $2, …` as `?, ?, …` if each occurs once and in order. For named parameters the driver looks
/// up each name, which SQLite does by a linear search; a statement that inserts many rows has
/// hundreds.
fn nameless(text: Cow<'static, str>) -> Cow<'static, str> {
    let mut without = String::with_capacity(text.len());
    for (number, piece) in text.split('$').enumerate() {
        if number > 0 {
            let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
            if piece[..digits].parse() != Ok(number) {
                return text;
            }
            without.push('?');
            without.push_str(&piece[digits..]);
        } else {
            without.push_str(piece);
        }
    }
    without.into()
}

macro_rules! query {
    ($name:ident, $database:ty, $arguments:ty, $text:expr) => {
        fn $name(sql: Sql) -> Result<sqlx::query::Query<'static, $database, $arguments>> {
            let mut arguments = <$arguments>::default();
            arguments.reserve(sql.args.len(), 0);
            for arg in sql.args {
                arg.check()?;
                match arg {
                    Arg::Int(value) => arguments.add(value),
                    Arg::Bool(value) => arguments.add(value),
                    Arg::Text(value) => arguments.add(value),
                    Arg::Bytes(value) => arguments.add(value),
                    Arg::Json(value) => arguments.add(value.map(JsonText)),
                }
                .map_err(|error| StoreError::Invalid { detail: error.to_string() })?;
            }
            Ok(sqlx::query_with(AssertSqlSafe($text(sql.text)), arguments))
        }
    };
}

query!(sqlite_query, sqlx::Sqlite, SqliteArguments, nameless);
query!(postgres_query, Postgres, PgArguments, identity);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_a_nul_through_escapes() {
        assert!(holds_escaped_nul(r#""\u0000""#));
        assert!(holds_escaped_nul(r#""\\\u0000""#));
        assert!(!holds_escaped_nul(r#""\\u0000""#));
        assert!(!holds_escaped_nul(r#""u0000""#));
    }

    #[test]
    fn numbers_the_arguments_of_a_second_statement_on() {
        let mut sql = Sql::new("UPDATE t SET a = $2 WHERE b = $1", args![1_i64, 2_i64]);
        sql.then(Sql::new("UPDATE u SET a = $1, c = '$.x$' WHERE b = $10", args![3_i64]));
        assert_eq!(sql.text, "UPDATE t SET a = $2 WHERE b = $1; UPDATE u SET a = $3, c = '$.x$' WHERE b = $12");
        assert_eq!(sql.args.len(), 3);
    }

    #[test]
    fn numbers_that_come_once_and_in_order_are_left_out() {
        for (text, without) in [
            (
                "INSERT INTO t VALUES ($1, $2); INSERT INTO u VALUES ($3)",
                "INSERT INTO t VALUES (?, ?); INSERT INTO u VALUES (?)",
            ),
            ("UPDATE t SET a = $2 WHERE b = $1", "UPDATE t SET a = $2 WHERE b = $1"),
            ("SELECT $1 WHERE $1", "SELECT $1 WHERE $1"),
            ("SELECT '$.x'", "SELECT '$.x'"),
            ("SELECT 1", "SELECT 1"),
        ] {
            assert_eq!(nameless(text.into()), without);
        }
    }

    #[test]
    fn cuts_a_batch_into_few_texts() {
        let rows = |count: i64| (0..count).map(|n| args![n, "x"]).collect();
        let statements = insert_many("INSERT INTO t", rows(200), "");
        let sizes: Vec<usize> = statements.iter().map(|sql| sql.args.len() / 2).collect();
        assert_eq!(sizes, [64, 64, 64, 8]);
        assert!(insert_many("INSERT INTO t", rows(0), "").is_empty());
        let [first, second] = [8, 2].map(|count| insert_many("INSERT INTO t", rows(count), ""));
        let joined =
            joined(first.into_iter().chain(second).chain(insert_many("INSERT INTO t", rows(64), "")).collect());
        assert_eq!(joined.iter().map(|sql| sql.args.len()).collect::<Vec<_>>(), [20, 128]);
        assert!(joined[0].text.ends_with("($15, $16); INSERT INTO t VALUES ($17, $18), ($19, $20)"), "{joined:?}");
        let two = insert_many("INSERT INTO t (a, b)", rows(2), " RETURNING a");
        assert_eq!(two[0].text, "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) RETURNING a");
    }
}
