//! The audit trail: accesses to patients' records and changes of them. One hash chain per tenant,
//! as the tapes.

use std::collections::BTreeSet;

use tokio::sync::oneshot;
use xinglin_domain::{audit::Access, id::TenantId, time::Instant};

use crate::{
    Executor, Result, Store, StoreError, TenantScope, TenantTx,
    audit::chain::{Chain, ChainState, Head},
    db::{Row, Sql, args, insert_many},
    engine::{trail_queue::Waiting, writer::detached},
};

const TRAIL: Chain = Chain { entries: "audit_event", heads: "audit_head", unpack: Ok };

/// An entry of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Number in the tenant's chain, from 1.
    pub seq: i64,
    /// The access.
    pub access: Access,
    /// The link of the chain.
    pub link: [u8; 32],
}

impl TryFrom<Row> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        let record: Vec<u8> = row.get("record")?;
        let access = serde_json::from_slice(&record).map_err(StoreError::corrupt)?;
        Ok(Self { seq: row.get("seq")?, access, link: row.get("link")? })
    }
}

/// A filter of entries. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// About this patient.
    pub patient_id: Option<String>,
    /// By this account or plugin.
    pub who: Option<String>,
    /// `read`, `write` or `disclose`.
    pub act: Option<String>,
    /// At or after this time.
    pub from: Option<Instant>,
    /// Before this time.
    pub until: Option<Instant>,
}

impl<E: Executor> TenantScope<E> {
    /// The matching entries before number `before`, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_audit(&self, query: &AuditQuery, before: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>> {
        let text = "SELECT e.seq, e.record, e.link FROM audit_event e WHERE e.tenant_id = $1 AND e.seq < $2";
        let mut sql = Sql::new(text, args![self.tenant, before.unwrap_or(i64::MAX)]);
        if let Some(patient) = &query.patient_id {
            sql.push(" AND e.seq IN (SELECT p.seq FROM audit_patient p WHERE p.tenant_id = $1 AND p.patient_id = ");
            sql.bind(patient).push(")");
        }
        for (column, value) in [("who", &query.who), ("act", &query.act)] {
            if let Some(value) = value {
                sql.push(&format!(" AND e.{column} = ")).bind(value);
            }
        }
        for (comparison, bound) in [(">=", query.from), ("<", query.until)] {
            if let Some(bound) = bound {
                sql.push(&format!(" AND e.recorded_at {comparison} ")).bind(bound);
            }
        }
        sql.push(" ORDER BY e.seq DESC LIMIT ").bind(limit);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Verifies the whole trail.
    ///
    /// # Errors
    /// If the database fails. A broken chain is a finding, not an error.
    pub async fn verify_audit(&self) -> Result<ChainState> {
        self.verify(&TRAIL, Head::GENESIS).await
    }
}

impl TenantTx {
    /// Appends entries in order. The tenant's trail is locked until the end of the transaction, so
    /// call this last.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn append_audit(&self, accesses: &[Access]) -> Result<()> {
        if accesses.is_empty() {
            return Ok(());
        }
        let mut head = self.lock_head(&TRAIL).await?;
        let (mut rows, mut patients) = (Vec::with_capacity(accesses.len()), Vec::new());
        for access in accesses {
            let record = serde_json::to_vec(access).map_err(|e| StoreError::Invalid { detail: e.to_string() })?;
            let record_hash = head.grow(&record);
            let (who, act) = (access.who.key(), access.act.as_str());
            rows.push(args![self.tenant, head.seq, who, act, access.at, record, &record_hash, &head.link]);
            let distinct: BTreeSet<_> = access.patients.iter().collect();
            patients.extend(distinct.into_iter().map(|patient| args![self.tenant, patient.to_string(), head.seq]));
        }
        let text = "INSERT INTO audit_event (tenant_id, seq, who, act, recorded_at, record, record_hash, link)";
        let mut statements = insert_many(text, rows, "");
        let text = "INSERT INTO audit_patient (tenant_id, patient_id, seq)";
        statements.extend(insert_many(text, patients, ""));
        statements.push(self.moved_head(&TRAIL, head));
        self.exec.execute_all(statements).await.map(drop)
    }
}

impl Store {
    /// Appends an entry in a transaction shared with concurrent entries, for acts without a
    /// transaction of their own. Returns when it is durable.
    ///
    /// # Errors
    /// If the database fails, for all entries of that transaction.
    pub async fn append_access(&self, tenant: TenantId, access: Access) -> Result<()> {
        let (told, hears) = oneshot::channel();
        if self.trail.join(tenant, Waiting { access, told }) {
            #[expect(clippy::disallowed_methods, reason = "whoever is in the queue waits for it")]
            tokio::spawn(self.clone().write_queue(tenant));
        }
        hears.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the trail was not written".into())))
    }

    async fn write_queue(self, tenant: TenantId) {
        while let Some(batch) = self.trail.next(tenant) {
            let (accesses, waiting): (Vec<_>, Vec<_>) = batch.into_iter().map(|one| (one.access, one.told)).unzip();
            let store = self.clone();
            let written = detached(async move {
                let tx = store.tenant(tenant).begin().await?;
                tx.append_audit(&accesses).await?;
                tx.commit().await
            })
            .await;
            for told in waiting {
                let outcome = match &written {
                    Ok(()) => Ok(()),
                    Err(StoreError::Contention) => Err(StoreError::Contention),
                    Err(error) => Err(StoreError::Unavailable(error.to_string().into())),
                };
                // The entry is written even if the caller was dropped.
                let _ = told.send(outcome);
            }
        }
    }
}
