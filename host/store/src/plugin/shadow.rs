//! Calls that a candidate version was given beside the one that counted.

use xinglin_domain::{decision::Difference, id::CallId, time::Instant};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args, insert_many},
};

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShadowOutcome {
    /// The candidate decided the same.
    Same,
    /// It decided otherwise.
    Differs,
    /// One of the two ended by load or time, which proves nothing.
    Inconclusive,
}

impl ShadowOutcome {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// One call, compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowCall {
    /// The call that counted.
    pub call_id: CallId,
    /// Of which plugin.
    pub plugin_id: String,
    /// The package that was called.
    pub digest: String,
    /// The package in its shadow.
    pub candidate_digest: String,
    /// What was called.
    pub hook: String,
    /// What came of it.
    pub outcome: ShadowOutcome,
    /// How it differs.
    pub differences: Vec<Difference>,
    /// When they were compared.
    pub compared_at: Instant,
}

/// How many calls of a candidate came out how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShadowSummary {
    /// It decided the same.
    pub same: i64,
    /// It decided otherwise.
    pub differing: i64,
    /// Nothing is proved.
    pub inconclusive: i64,
    /// Calls that differ in a decision of a kind, by kind.
    pub kinds: Vec<(String, i64)>,
}

/// One difference and the call that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowExample {
    /// The call that counted.
    pub call_id: CallId,
    /// What was called.
    pub hook: String,
    /// How it differs.
    pub difference: Difference,
}

impl TryFrom<Row> for ShadowExample {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            call_id: row.get("call_id")?,
            hook: row.get("hook")?,
            difference: Difference {
                kind: row.get("kind")?,
                before: row.json("decided")?,
                after: row.json("would_decide")?,
            },
        })
    }
}

impl<E: Executor> TenantScope<E> {
    /// How a candidate has done.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn shadow_summary(&self, candidate_digest: &str) -> Result<ShadowSummary> {
        let sql = "SELECT outcome, COUNT(*) AS calls FROM shadow_call
                   WHERE tenant_id = $1 AND candidate_digest = $2 GROUP BY outcome";
        let mut summary = ShadowSummary::default();
        for row in self.exec.rows(Sql::new(sql, args![self.tenant, candidate_digest])).await? {
            let calls = row.get("calls")?;
            match row.get::<String>("outcome")?.as_str() {
                "same" => summary.same = calls,
                "differs" => summary.differing = calls,
                _ => summary.inconclusive = calls,
            }
        }
        let sql = "SELECT kind, COUNT(*) AS calls FROM shadow_difference
                   WHERE tenant_id = $1 AND candidate_digest = $2 GROUP BY kind ORDER BY kind";
        for row in self.exec.rows(Sql::new(sql, args![self.tenant, candidate_digest])).await? {
            summary.kinds.push((row.get("kind")?, row.get("calls")?));
        }
        Ok(summary)
    }

    /// Differences of a candidate, by kind, the newest calls first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_shadow_differences(&self, candidate_digest: &str, limit: u32) -> Result<Vec<ShadowExample>> {
        let sql = "SELECT d.call_id, c.hook, d.kind, d.decided, d.would_decide
                   FROM shadow_difference d JOIN shadow_call c USING (tenant_id, candidate_digest, call_id)
                   WHERE d.tenant_id = $1 AND d.candidate_digest = $2
                   ORDER BY d.kind, c.compared_at DESC, d.call_id LIMIT $3";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, candidate_digest, limit])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl TenantTx {
    /// Keeps a comparison, in place of an earlier one of the same call.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_shadow_call(&self, call: &ShadowCall) -> Result<()> {
        let sql = "DELETE FROM shadow_call WHERE tenant_id = $1 AND candidate_digest = $2 AND call_id = $3";
        self.exec.execute(Sql::new(sql, args![self.tenant, &call.candidate_digest, call.call_id])).await?;
        let sql = "INSERT INTO shadow_call (tenant_id, plugin_id, candidate_digest, call_id, digest, hook, outcome,
                                            compared_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let row = args![
            self.tenant,
            &call.plugin_id,
            &call.candidate_digest,
            call.call_id,
            &call.digest,
            &call.hook,
            call.outcome.as_str(),
            call.compared_at
        ];
        self.exec.execute(Sql::new(sql, row)).await?;
        let mut rows = Vec::new();
        for difference in &call.differences {
            rows.push(args![
                self.tenant,
                &call.candidate_digest,
                call.call_id,
                &difference.kind,
                Arg::json(&difference.before)?,
                Arg::json(&difference.after)?
            ]);
        }
        let head = "INSERT INTO shadow_difference (tenant_id, candidate_digest, call_id, kind, decided, would_decide)";
        self.exec.execute_all(insert_many(head, rows, "")).await.map(drop)
    }

    /// Forgets what a candidate did, before it begins anew.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn clear_shadow(&self, candidate_digest: &str) -> Result<()> {
        let sql = "DELETE FROM shadow_call WHERE tenant_id = $1 AND candidate_digest = $2";
        self.exec.execute(Sql::new(sql, args![self.tenant, candidate_digest])).await.map(drop)
    }
}
