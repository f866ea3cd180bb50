//! The store and its two scopes: tenant and operator.

use std::sync::Arc;

use xinglin_domain::id::TenantId;

use crate::{
    Engine, Executor, Pool, Result, StoreOptions, Tx, Vault,
    db::{Db, Sql, args},
    engine::{dialect::RlsTenant, trail_queue::TrailQueue},
};

/// The database of all tenants. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    vault: Arc<dyn Vault>,
    pub(crate) trail: Arc<TrailQueue>,
}

impl Store {
    /// Opens `sqlite:path` or `postgres://…`, creating the file and running migrations as needed.
    /// Identifying data is sealed with `vault`.
    ///
    /// # Errors
    /// [`StoreError::Url`](crate::StoreError::Url), `Unavailable`, `Newer` if the database was
    /// written by a newer release, `MigrationChanged` if by a different one.
    pub async fn open(url: &str, options: &StoreOptions, vault: Arc<dyn Vault>) -> Result<Self> {
        let store = Self { db: Db::open(url, options).await?, vault, trail: Arc::default() };
        store.operator().warn_of_superuser().await?;
        Ok(store)
    }

    /// One tenant's rows. Whether it exists is not checked.
    pub fn tenant(&self, tenant: TenantId) -> Tenant {
        TenantScope { exec: Pool::new(self.db.clone(), RlsTenant::around(tenant)), tenant, vault: self.vault.clone() }
    }

    /// Rows outside tenants, and of all tenants. Not for requests of a tenant's users.
    pub fn operator(&self) -> Operator {
        OperatorScope { exec: Pool::new(self.db.clone(), RlsTenant::none()) }
    }

    /// The database engine.
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

    /// Has PostgreSQL count its rows now, as it does by itself some time after many were written:
    /// until then it plans searches for empty tables, and one may take minutes. SQLite needs none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn refresh_statistics(&self) -> Result<()> {
        if self.engine() == Engine::Sqlite {
            return Ok(());
        }
        let tx = self.operator().begin().await?;
        tx.exec.execute(Sql::new("ANALYZE", args![])).await?;
        tx.commit().await
    }

    /// Waits for running statements and closes all connections.
    ///
    /// # Errors
    /// If SQLite cannot close its file.
    pub async fn close(&self) -> Result<()> {
        self.db.close().await
    }
}

/// One tenant's rows, on the pool or in a transaction: the same reads on both, writes in a
/// transaction only.
#[derive(Debug)]
pub struct TenantScope<E> {
    pub(crate) exec: E,
    pub(crate) tenant: TenantId,
    pub(crate) vault: Arc<dyn Vault>,
}

/// Reads one tenant's rows.
pub type Tenant = TenantScope<Pool>;

/// Reads and writes one tenant's rows, durable with [`TenantTx::commit`].
pub type TenantTx = TenantScope<Tx>;

impl<E: Executor> TenantScope<E> {
    /// The tenant.
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
    /// Opens a transaction. On SQLite it waits for its turn to write, so there must be nothing slow
    /// before the commit, in particular no plugin call and no second transaction.
    ///
    /// # Errors
    /// `Unavailable`; `Contention` after the timeout.
    pub async fn begin(&self) -> Result<TenantTx> {
        Ok(TenantScope { exec: self.exec.begin().await?, tenant: self.tenant, vault: self.vault.clone() })
    }
}

impl TenantTx {
    /// Commits; returns when everything written is durable.
    ///
    /// # Errors
    /// `Aborted` if a statement had failed; `Unavailable`, after which the transaction is rolled
    /// back, unless the connection broke during the commit.
    pub async fn commit(self) -> Result<()> {
        self.exec.commit().await
    }

    /// Rolls back. Dropping the transaction does the same, later.
    ///
    /// # Errors
    /// `Unavailable`; the transaction is rolled back in any case.
    pub async fn rollback(self) -> Result<()> {
        self.exec.rollback().await
    }
}

/// Rows outside tenants, on the pool or in a transaction.
#[derive(Debug)]
pub struct OperatorScope<E> {
    pub(crate) exec: E,
}

/// Reads rows outside tenants.
pub type Operator = OperatorScope<Pool>;

/// Reads and writes rows outside tenants.
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

    /// Warns, as row-level security does not apply to superusers.
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
