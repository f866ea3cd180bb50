//! The store and its two ways in.

use std::sync::Arc;

use xinglin_domain::id::TenantId;

use crate::{
    Engine, Executor, Pool, Result, StoreOptions, Tx, Vault,
    db::{Db, Sql, args},
    engine::{dialect::RlsTenant, trail_queue::TrailQueue},
};

/// The records of all tenants. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    vault: Arc<dyn Vault>,
    pub(crate) trail: Arc<TrailQueue>,
}

impl Store {
    /// Opens `sqlite:path` or `postgres://…`, creating the file and bringing the
    /// schema up to date as needed. What names people is sealed with `vault`.
    ///
    /// # Errors
    /// [`StoreError::Url`](crate::StoreError::Url), `Unavailable`, `Newer` if the
    /// database was written by a newer release, `MigrationChanged` if by a
    /// different one.
    pub async fn open(url: &str, options: &StoreOptions, vault: Arc<dyn Vault>) -> Result<Self> {
        let store = Self { db: Db::open(url, options).await?, vault, trail: Arc::default() };
        store.operator().warn_of_superuser().await?;
        Ok(store)
    }

    /// One tenant's records. That it exists is not checked here.
    pub fn tenant(&self, tenant: TenantId) -> Tenant {
        TenantScope { exec: Pool::new(self.db.clone(), RlsTenant::around(tenant)), tenant, vault: self.vault.clone() }
    }

    /// What lies above tenants. Not for requests that a tenant's users make.
    pub fn operator(&self) -> Operator {
        OperatorScope { exec: Pool::new(self.db.clone(), RlsTenant::none()) }
    }

    /// Which database keeps the records.
    pub const fn engine(&self) -> Engine {
        self.db.engine()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<()> {
        self.operator().exec.rows(Sql::new("SELECT 1 AS one", args![])).await.map(drop)
    }

    /// Waits for what is running and closes all connections.
    ///
    /// # Errors
    /// If SQLite cannot finish its file.
    pub async fn close(&self) -> Result<()> {
        self.db.close().await
    }
}

/// One tenant's rows, on the pool or in a transaction: the same reads on both,
/// writes in a transaction only.
#[derive(Debug)]
pub struct TenantScope<E> {
    pub(crate) exec: E,
    pub(crate) tenant: TenantId,
    pub(crate) vault: Arc<dyn Vault>,
}

/// Reads one tenant's rows.
pub type Tenant = TenantScope<Pool>;

/// Reads and writes one tenant's rows; nothing lasts before [`TenantTx::commit`].
pub type TenantTx = TenantScope<Tx>;

impl<E: Executor> TenantScope<E> {
    /// Whose rows they are.
    pub const fn id(&self) -> TenantId {
        self.tenant
    }
}

impl Clone for Tenant {
    fn clone(&self) -> Self {
        Self { exec: self.exec.clone(), tenant: self.tenant, vault: self.vault.clone() }
    }
}

impl Tenant {
    /// Opens a transaction. On SQLite it waits for its turn to write, so nothing
    /// slow belongs between here and the commit; least of all a plugin's call, or
    /// a second transaction.
    ///
    /// # Errors
    /// `Unavailable`; `Contention` if its turn did not come in time.
    pub async fn begin(&self) -> Result<TenantTx> {
        Ok(TenantScope { exec: self.exec.begin().await?, tenant: self.tenant, vault: self.vault.clone() })
    }
}

impl TenantTx {
    /// Returns when everything written is durable.
    ///
    /// # Errors
    /// `Aborted` if a statement had failed; `Unavailable`, after which nothing of
    /// the transaction is there, unless the connection broke in the very commit.
    pub async fn commit(self) -> Result<()> {
        self.exec.commit().await
    }

    /// Takes everything back. Dropping the transaction does the same, later.
    ///
    /// # Errors
    /// `Unavailable`; the transaction is lost all the same.
    pub async fn rollback(self) -> Result<()> {
        self.exec.rollback().await
    }
}

/// What lies above tenants, on the pool or in a transaction.
#[derive(Debug)]
pub struct OperatorScope<E> {
    pub(crate) exec: E,
}

/// Reads what lies above tenants.
pub type Operator = OperatorScope<Pool>;

/// Reads and writes what lies above tenants.
pub type OperatorTx = OperatorScope<Tx>;

impl Clone for Operator {
    fn clone(&self) -> Self {
        Self { exec: self.exec.clone() }
    }
}

impl Operator {
    /// Opens a transaction; see [`Tenant::begin`].
    ///
    /// # Errors
    /// `Unavailable` or `Contention`.
    pub async fn begin(&self) -> Result<OperatorTx> {
        Ok(OperatorScope { exec: self.exec.begin().await? })
    }

    /// Row-level security does not bind superusers.
    async fn warn_of_superuser(&self) -> Result<()> {
        if self.exec.engine() == Engine::Postgres {
            let sql = "SELECT rolsuper OR rolbypassrls AS unbound FROM pg_roles WHERE rolname = current_user";
            let row = self.exec.row(Sql::new(sql, args![])).await?;
            if row.map(|row| row.get::<bool>("unbound")).transpose()? == Some(true) {
                tracing::warn!("this PostgreSQL role passes row-level security: use an ordinary one");
            }
        }
        Ok(())
    }
}

impl OperatorTx {
    /// See [`TenantTx::commit`].
    ///
    /// # Errors
    /// See [`TenantTx::commit`].
    pub async fn commit(self) -> Result<()> {
        self.exec.commit().await
    }

    /// See [`TenantTx::rollback`].
    ///
    /// # Errors
    /// See [`TenantTx::rollback`].
    pub async fn rollback(self) -> Result<()> {
        self.exec.rollback().await
    }
}
