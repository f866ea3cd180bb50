//! The gateway's own database: records by kind and id, and the messages it has answered.

use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Row as _, Sqlite, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// A failure of the database.
pub type Result<T> = std::result::Result<T, sqlx::Error>;

/// The database. One request at a time is in it: there is one connection.
#[derive(Clone)]
pub struct Store(SqlitePool);

/// An answer that was given.
pub struct Answered {
    /// Digest of the request.
    pub digest: String,
    /// The answer.
    pub answer: String,
}

impl Store {
    /// Opens the file, or makes it.
    pub async fn open(file: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What was answered must stand after a power cut.
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        for statement in [
            "CREATE TABLE IF NOT EXISTS record (
                kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)
            ) STRICT",
            "CREATE TABLE IF NOT EXISTS message (
                id TEXT PRIMARY KEY, digest TEXT NOT NULL, answer TEXT NOT NULL
            ) STRICT",
        ] {
            sqlx::query(statement).execute(&pool).await?;
        }
        Ok(Self(pool))
    }

    /// Begins a transaction; whatever is not committed did not happen.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(Tx(self.0.begin().await?))
    }
}

/// A transaction.
pub struct Tx(Transaction<'static, Sqlite>);

fn unreadable(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

impl Tx {
    /// A record.
    pub async fn get<T: DeserializeOwned>(&mut self, kind: &str, id: &str) -> Result<Option<T>> {
        let row = sqlx::query("SELECT body FROM record WHERE kind = $1 AND id = $2")
            .bind(kind)
            .bind(id)
            .fetch_optional(&mut *self.0)
            .await?;
        row.map(|row| serde_json::from_str(row.get(0)).map_err(unreadable)).transpose()
    }

    /// Writes a record.
    pub async fn put(&mut self, kind: &str, id: &str, body: &impl Serialize) -> Result<()> {
        sqlx::query(
            "INSERT INTO record (kind, id, body) VALUES ($1, $2, $3)
             ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
        )
        .bind(kind)
        .bind(id)
        .bind(serde_json::to_string(body).map_err(unreadable)?)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// All records of a kind, by id.
    pub async fn all<T: DeserializeOwned>(&mut self, kind: &str) -> Result<Vec<T>> {
        let rows = sqlx::query("SELECT body FROM record WHERE kind = $1 ORDER BY id")
            .bind(kind)
            .fetch_all(&mut *self.0)
            .await?;
        rows.iter().map(|row| serde_json::from_str(row.get(0)).map_err(unreadable)).collect()
    }

    /// The next number of a kind, from 1.
    pub async fn next(&mut self, kind: &str) -> Result<u64> {
        let number = self.get::<u64>("counter", kind).await?.unwrap_or(0) + 1;
        self.put("counter", kind, &number).await?;
        Ok(number)
    }

    /// What was answered to a message.
    pub async fn answered(&mut self, id: &str) -> Result<Option<Answered>> {
        let row = sqlx::query("SELECT digest, answer FROM message WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.map(|row| Answered { digest: row.get(0), answer: row.get(1) }))
    }

    /// Keeps an answer.
    pub async fn answer(&mut self, id: &str, answered: &Answered) -> Result<()> {
        sqlx::query("INSERT INTO message (id, digest, answer) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(&answered.digest)
            .bind(&answered.answer)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Makes it stand.
    pub async fn commit(self) -> Result<()> {
        self.0.commit().await
    }
}
