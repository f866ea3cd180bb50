//! The contract of the store: every statement, on both engines, by the same
//! test. `cargo test -p xinglin-store sqlite::` and `… postgres::` run one of
//! them.
#![allow(clippy::disallowed_methods, reason = "tasks of a test end with it")]

mod audit;
mod care;
mod cash;
mod concurrency;
mod consent;
mod custody;
mod delivery;
mod edge;
mod emergency_access;
mod erasure;
mod heads;
mod money;
mod organisation;
mod people;
mod plugins;
mod practice;
mod record;
mod relation;
mod reminder;
mod schema;
mod secret;
mod sign_in;
mod tape;
mod vault;
mod work;

use std::ops::Deref;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _, SqliteConnection};
use xinglin_domain::{
    id::{EncounterId, EnrolmentId, TenantId},
    time::Instant,
};
use xinglin_store::{
    Document, DocumentId, Engine, Result, Store, StoreError, Tenant, TenantRow, TenantTx, testing::TestDatabase,
};

/// Runs each function, which takes a [`Bench`], once an engine.
macro_rules! contract {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let bench = crate::Bench::new(xinglin_store::Engine::Sqlite).await;
                super::$test(bench).await.expect("every statement succeeds");
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let bench = crate::Bench::new(xinglin_store::Engine::Postgres).await;
                super::$test(bench).await.expect("every statement succeeds");
            })*
        }
    };
}
pub(crate) use contract;

/// A fresh store with two tenants in it.
pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) database: TestDatabase,
}

impl Deref for Bench {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Bench {
    pub(crate) async fn new(engine: Engine) -> Self {
        let database = TestDatabase::new(engine).await.expect("a database");
        let store = database.open().await.expect("an open store");
        let operator = store.operator().begin().await.expect("a transaction");
        for (tenant, name) in [(here_id(), "here"), (there_id(), "there")] {
            operator.insert_tenant(&tenant_row(tenant, name)).await.expect("a tenant");
        }
        operator.commit().await.expect("a commit");
        Self { store, database }
    }

    /// The tenant that tests work in.
    pub(crate) fn here(&self) -> Tenant {
        self.store.tenant(here_id())
    }

    /// Another tenant, which must see nothing of it.
    pub(crate) fn there(&self) -> Tenant {
        self.store.tenant(there_id())
    }

    /// Runs SQL past the store, seeing all tenants; the integers it gives back.
    pub(crate) async fn raw(&self, sql: &str) -> Result<Vec<i64>, sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.store.engine() {
            Engine::Sqlite => {
                let mut connection = SqliteConnection::connect(self.database.url()).await?;
                let rows = sqlx::query("PRAGMA recursive_triggers = ON").execute(&mut connection).await;
                rows.and(Ok(()))?;
                let rows = sqlx::query(sql).fetch_all(&mut connection).await?;
                rows.iter().map(|row| row.try_get(0)).collect()
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(self.database.url()).await?;
                sqlx::query("SET xinglin.tenant = '*'").execute(&mut connection).await?;
                let rows = sqlx::query(sql).fetch_all(&mut connection).await?;
                rows.iter().map(|row| row.try_get(0)).collect()
            }
        }
    }
}

pub(crate) const fn here_id() -> TenantId {
    TenantId::from_u128(1)
}

pub(crate) const fn there_id() -> TenantId {
    TenantId::from_u128(2)
}

/// So many seconds after some morning.
pub(crate) const fn at(seconds: i64) -> Instant {
    Instant::from_micros(1_790_000_000_000_000).plus_seconds(seconds)
}

pub(crate) fn tenant_row(id: TenantId, name: &str) -> TenantRow {
    TenantRow {
        id,
        kind: "hospital".to_owned(),
        name: name.to_owned(),
        settings: json!({"theme": "green"}),
        second_factor: false,
        practice_years: 3,
        version: 0,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn document<Id: DocumentId>(id: Id, patient: &str, status: &str, created_at: Instant) -> Document<Id> {
    Document {
        id,
        patient_id: patient.to_owned(),
        parent_id: None,
        exclusive_key: None,
        status: status.to_owned(),
        body: json!({"note": "第一次复诊", "lines": [1, 2]}),
        version: 0,
        created_at,
        updated_at: created_at,
    }
}

/// An enrolment for things to hang from.
pub(crate) async fn enrol(tx: &TenantTx, number: u128) -> Result<EnrolmentId> {
    let id = EnrolmentId::from_u128(number);
    tx.insert_document(&document(id, "pat-1", "active", at(0))).await?;
    Ok(id)
}

/// An encounter that nothing is special about.
pub(crate) fn encounter(number: u128, created_at: Instant) -> Document<EncounterId> {
    document(EncounterId::from_u128(number), "pat-1", "open", created_at)
}

pub(crate) fn code_of<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.expect_err("a refusal").code()
}

pub(crate) fn is_unique_in<T>(result: Result<T>, wanted: &str) -> bool {
    matches!(result, Err(StoreError::Unique { table }) if table == wanted)
}

pub(crate) fn body(n: i64) -> Value {
    json!({ "n": n })
}
