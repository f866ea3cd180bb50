//! Marks that are unique: a line of a prescription is used by one order, a trace code is dispensed
//! once.

use xinglin_domain::{id::PrescriptionId, time::Instant};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Sql, args, insert_many},
};

impl<E: Executor> TenantScope<E> {
    /// Used lines of a prescription, each with its order.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_prescription_uses(&self, prescription: PrescriptionId) -> Result<Vec<(u32, String)>> {
        let sql = "SELECT line, order_id FROM prescription_use
                   WHERE tenant_id = $1 AND prescription_id = $2 ORDER BY line";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, prescription])).await?;
        rows.iter()
            .map(|row| Ok((row.get::<i64>("line")?.try_into().map_err(StoreError::corrupt)?, row.get("order_id")?)))
            .collect()
    }

    /// The prescription for which a trace code was dispensed, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_trace_code(&self, code: &str) -> Result<Option<PrescriptionId>> {
        let sql = "SELECT prescription_id FROM trace_code WHERE tenant_id = $1 AND code = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, code])).await?;
        row.map(|row| row.get("prescription_id")).transpose()
    }
}

impl TenantTx {
    /// Marks lines as used by an order, all or none.
    ///
    /// # Errors
    /// `Unique` in `prescription_use` if one is used already; `Reference` if there is no such
    /// prescription.
    pub async fn mark_used(
        &self,
        prescription: PrescriptionId,
        lines: &[u32],
        order_id: &str,
        at: Instant,
    ) -> Result<()> {
        let rows = lines.iter().map(|line| args![self.tenant, prescription, *line, order_id, at]).collect();
        let head = "INSERT INTO prescription_use (tenant_id, prescription_id, line, order_id, used_at)";
        self.exec.execute_all(insert_many(head, rows, "")).await?;
        Ok(())
    }

    /// Removes an order's marks after a refund; returns their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn free_used(&self, prescription: PrescriptionId, order_id: &str) -> Result<u64> {
        let sql = "DELETE FROM prescription_use WHERE tenant_id = $1 AND prescription_id = $2 AND order_id = $3";
        self.exec.execute(Sql::new(sql, args![self.tenant, prescription, order_id])).await
    }

    /// Records dispensed packages, all or none.
    ///
    /// # Errors
    /// `Unique` in `trace_code` if one was dispensed before; `Reference` if there is no such
    /// prescription.
    pub async fn use_trace_codes(&self, prescription: PrescriptionId, codes: &[String], at: Instant) -> Result<()> {
        let rows = codes.iter().map(|code| args![self.tenant, code, prescription, at]).collect();
        let head = "INSERT INTO trace_code (tenant_id, code, prescription_id, used_at)";
        self.exec.execute_all(insert_many(head, rows, "")).await?;
        Ok(())
    }
}
