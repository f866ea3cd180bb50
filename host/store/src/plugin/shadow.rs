//! Calls of candidate versions in shadow.

use xinglin_domain::{decision::Difference, id::CallId, time::Instant};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args, insert_many},
};

/// The result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShadowOutcome {
    /// The candidate gave the same decision.
    Same,
    /// The candidate gave another decision.
    Differs,
    /// One of the two failed by load or timeout, so they cannot be compared.
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

/// A compared call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowCall {
    /// The call of the active package.
    pub call_id: CallId,
    /// Id of the plugin.
    pub plugin_id: String,
    /// The active package.
    pub digest: String,
    /// The package in shadow.
    pub candidate_digest: String,
    /// The hook.
    pub hook: String,
    /// The result.
    pub outcome: ShadowOutcome,
    /// The differences.
    pub differences: Vec<Difference>,
    /// When they were compared.
    pub compared_at: Instant,
}

/// Number of calls of a candidate by result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShadowSummary {
    /// Same decision.
    pub same: i64,
    /// Another decision.
    pub differing: i64,
    /// Not comparable.
    pub inconclusive: i64,
    /// Number of differing calls, by kind of decision.
    pub kinds: Vec<(String, i64)>,
}

/// One difference with its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowExample {
    /// The call of the active package.
    pub call_id: CallId,
    /// The hook.
    pub hook: String,
    /// The difference.
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
    /// Results of a candidate.
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
    /// Stores a comparison, replacing an earlier one of the same call.
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

    /// Deletes the results of a candidate, before a new shadow run.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn clear_shadow(&self, candidate_digest: &str) -> Result<()> {
        let sql = "DELETE FROM shadow_call WHERE tenant_id = $1 AND candidate_digest = $2";
        self.exec.execute(Sql::new(sql, args![self.tenant, candidate_digest])).await.map(drop)
    }
}
