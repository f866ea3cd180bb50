//! What payers owe by their decisions, what they remitted, and where their books and ours differ.

use xinglin_domain::{
    id::{AccountId, BillId, BreakId},
    money::Money,
    time::Instant,
};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Row, Sql, args, insert_many},
};

/// What a payer owes under one reference of its own: below zero of what was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayerClaim {
    /// Key of the operation that it came of: each is booked once.
    pub id: String,
    /// The plugin of the payer.
    pub payer: String,
    /// The payer's reference.
    pub reference: String,
    /// The bill.
    pub bill_id: BillId,
    /// How much.
    pub amount: Money,
    /// When.
    pub booked_at: Instant,
}

impl TryFrom<Row> for PayerClaim {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("claim_id")?,
            payer: row.get("payer")?,
            reference: row.get("reference")?,
            bill_id: row.get("bill_id")?,
            amount: row.get("amount")?,
            booked_at: row.get("booked_at")?,
        })
    }
}

/// Money under one trace number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayerRemittance {
    /// The plugin of the payer.
    pub payer: String,
    /// Unique for the payer.
    pub trace: String,
    /// Business day on which it was sent, or else shown by the bank, as ISO date.
    pub day: String,
    /// As the payer advised it; `None` if it did not.
    pub advised: Option<Money>,
    /// What of it belongs to no claim.
    pub adjustment: Money,
    /// As the bank shows it; `None` if it does not.
    pub banked: Option<Money>,
    /// The bank's day.
    pub bank_day: Option<String>,
    /// When it was booked.
    pub posted_at: Option<Instant>,
    /// The version that was read; 0 if not stored.
    pub version: i64,
}

impl TryFrom<Row> for PayerRemittance {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            payer: row.get("payer")?,
            trace: row.get("trace")?,
            day: row.get("day")?,
            advised: row.get("advised")?,
            adjustment: row.get("adjustment")?,
            banked: row.get("banked")?,
            bank_day: row.get("bank_day")?,
            posted_at: row.get("posted_at")?,
            version: row.get("version")?,
        })
    }
}

/// A difference between the books and those of somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciliationBreak {
    /// Its id.
    pub id: BreakId,
    /// Which books: `claim`, `remittance`, `bank`.
    pub kind: String,
    /// The plugin of the payer.
    pub payer: String,
    /// What it is about: the payer's reference, or a trace number.
    pub reference: String,
    /// The bill, if it is known.
    pub bill_id: Option<BillId>,
    /// The business day that it belongs to, as ISO date.
    pub day: String,
    /// Our figure; `None` if we have none.
    pub ours: Option<Money>,
    /// The other figure.
    pub theirs: Option<Money>,
    /// Who works on it.
    pub owner: AccountId,
    /// Why it is resolved; `None` while it is open.
    pub reason: Option<String>,
    /// Who resolved it.
    pub resolved_by: Option<AccountId>,
    /// When it was found.
    pub opened_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
    /// The version that was read; 0 if not stored.
    pub version: i64,
}

impl ReconciliationBreak {
    /// Whether nobody has resolved it.
    pub const fn is_open(&self) -> bool {
        self.resolved_by.is_none()
    }

    const fn status(&self) -> &'static str {
        if self.is_open() { "open" } else { "resolved" }
    }
}

impl TryFrom<Row> for ReconciliationBreak {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.get("break_id")?,
            kind: row.get("kind")?,
            payer: row.get("payer")?,
            reference: row.get("reference")?,
            bill_id: row.get("bill_id")?,
            day: row.get("day")?,
            ours: row.get("ours")?,
            theirs: row.get("theirs")?,
            owner: row.get("owner")?,
            reason: row.get("reason")?,
            resolved_by: row.get("resolved_by")?,
            opened_at: row.get("opened_at")?,
            updated_at: row.get("updated_at")?,
            version: row.get("version")?,
        })
    }
}

/// References that are looked for in one statement.
const AT_ONCE: usize = 500;

impl<E: Executor> TenantScope<E> {
    /// What a payer owes by decisions of a time, oldest first, at most so many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_payer_claims(
        &self,
        payer: &str,
        (from, until): (Instant, Instant),
        limit: u32,
    ) -> Result<Vec<PayerClaim>> {
        let sql = "SELECT * FROM payer_claim WHERE tenant_id = $1 AND payer = $2 AND booked_at >= $3 AND booked_at < $4
                   ORDER BY booked_at, claim_id LIMIT $5";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, payer, from, until, limit])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Everything that a payer owes, or owed, under these references.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_payer_claims(&self, payer: &str, references: &[String]) -> Result<Vec<PayerClaim>> {
        let mut found = Vec::new();
        for some in references.chunks(AT_ONCE) {
            let mut sql = Sql::new(
                "SELECT * FROM payer_claim WHERE tenant_id = $1 AND payer = $2 AND reference IN ",
                args![self.tenant, payer],
            );
            sql.bind_all(some);
            for row in self.exec.rows(sql).await? {
                found.push(row.try_into()?);
            }
        }
        Ok(found)
    }

    /// Money under a trace number, if any is known.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_remittance(&self, payer: &str, trace: &str) -> Result<Option<PayerRemittance>> {
        let sql = "SELECT * FROM payer_remittance WHERE tenant_id = $1 AND payer = $2 AND trace = $3";
        self.exec.row(Sql::new(sql, args![self.tenant, payer, trace])).await?.map(TryInto::try_into).transpose()
    }

    /// Money of these days, in order of days and trace numbers, at most so many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_remittances(
        &self,
        payer: &str,
        (from, to): (&str, &str),
        limit: u32,
    ) -> Result<Vec<PayerRemittance>> {
        let sql = "SELECT * FROM payer_remittance WHERE tenant_id = $1 AND payer = $2 AND day >= $3 AND day <= $4
                   ORDER BY day, trace LIMIT $5";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, payer, from, to, limit])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// What was paid under a trace number, by the payer's references.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_remittance_items(&self, payer: &str, trace: &str) -> Result<Vec<(String, Money)>> {
        let sql = "SELECT reference, amount FROM payer_remittance_item
                   WHERE tenant_id = $1 AND payer = $2 AND trace = $3 ORDER BY reference";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, payer, trace])).await?;
        rows.iter().map(|row| Ok((row.get("reference")?, row.get("amount")?))).collect()
    }

    /// What was ever remitted for these references: one row for each trace number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_remitted(&self, payer: &str, references: &[String]) -> Result<Vec<(String, Money)>> {
        let mut found = Vec::new();
        for some in references.chunks(AT_ONCE) {
            let text = "SELECT reference, amount FROM payer_remittance_item
                        WHERE tenant_id = $1 AND payer = $2 AND reference IN ";
            let mut sql = Sql::new(text, args![self.tenant, payer]);
            sql.bind_all(some);
            for row in self.exec.rows(sql).await? {
                found.push((row.get("reference")?, row.get("amount")?));
            }
        }
        Ok(found)
    }

    /// A difference.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_break(&self, id: BreakId) -> Result<ReconciliationBreak> {
        let sql = "SELECT * FROM reconciliation_break WHERE tenant_id = $1 AND break_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, id])).await?;
        row.ok_or_else(|| StoreError::not_found("break", id))?.try_into()
    }

    /// A difference by what it is about.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_break(&self, kind: &str, payer: &str, reference: &str) -> Result<Option<ReconciliationBreak>> {
        let sql = "SELECT * FROM reconciliation_break
                   WHERE tenant_id = $1 AND kind = $2 AND payer = $3 AND reference = $4";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, kind, payer, reference])).await?;
        row.map(TryInto::try_into).transpose()
    }

    /// Differences, open ones or all, the oldest first, at most so many; of one payer if it is named.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_breaks(
        &self,
        payer: Option<&str>,
        only_open: bool,
        limit: u32,
    ) -> Result<Vec<ReconciliationBreak>> {
        let mut sql = Sql::new("SELECT * FROM reconciliation_break WHERE tenant_id = $1", args![self.tenant]);
        if let Some(payer) = payer {
            sql.push(" AND payer = ").bind(payer);
        }
        if only_open {
            sql.push(" AND status = 'open'");
        }
        sql.push(" ORDER BY day, opened_at, break_id LIMIT ").bind(limit);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Open differences of days up to this one, at most so many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_open_breaks(&self, last_day: &str, limit: u32) -> Result<Vec<BreakId>> {
        let sql = "SELECT break_id FROM reconciliation_break WHERE tenant_id = $1 AND status = 'open' AND day <= $2
                   ORDER BY day, break_id LIMIT $3";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, last_day, limit])).await?;
        rows.iter().map(|row| row.get("break_id")).collect()
    }
}

impl TenantTx {
    /// Books what a payer owes by a decision; what was booked before stays as it is.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn insert_payer_claim(&self, claim: &PayerClaim) -> Result<()> {
        let sql = "INSERT INTO payer_claim (tenant_id, claim_id, payer, reference, bill_id, amount, booked_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, claim_id) DO NOTHING";
        let PayerClaim { id, payer, reference, bill_id, amount, booked_at } = claim;
        let args = args![self.tenant, id, payer, reference, *bill_id, *amount, *booked_at];
        self.exec.execute(Sql::new(sql, args)).await.map(drop)
    }

    /// Stores money under a trace number, new or changed.
    ///
    /// # Errors
    /// `VersionConflict`, also if the caller takes an existing one for new.
    pub async fn put_remittance(&self, remittance: &PayerRemittance) -> Result<i64> {
        let sql = "INSERT INTO payer_remittance (tenant_id, payer, trace, day, advised, adjustment, banked, bank_day,
                                                 posted_at, version)
                   SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 + 1
                   WHERE $10 = 0 OR EXISTS (SELECT 1 FROM payer_remittance
                                            WHERE tenant_id = $1 AND payer = $2 AND trace = $3)
                   ON CONFLICT (tenant_id, payer, trace) DO UPDATE
                   SET day = excluded.day, advised = excluded.advised, adjustment = excluded.adjustment,
                       banked = excluded.banked, bank_day = excluded.bank_day, posted_at = excluded.posted_at,
                       version = excluded.version
                   WHERE payer_remittance.version = $10";
        let PayerRemittance { payer, trace, day, advised, adjustment, banked, bank_day, posted_at, version } =
            remittance;
        let args =
            args![self.tenant, payer, trace, day, *advised, *adjustment, *banked, bank_day, *posted_at, *version];
        self.exec.update_one(Sql::new(sql, args), "remittance", trace, *version).await
    }

    /// Stores what was paid under a trace number.
    ///
    /// # Errors
    /// `Unique` if it is stored already.
    pub async fn insert_remittance_items(&self, payer: &str, trace: &str, items: &[(String, Money)]) -> Result<()> {
        let head = "INSERT INTO payer_remittance_item (tenant_id, payer, trace, reference, amount)";
        let row = |(reference, amount): &(String, Money)| args![self.tenant, payer, trace, reference, *amount];
        self.exec.execute_all(insert_many(head, items.iter().map(row).collect(), "")).await.map(drop)
    }

    /// Stores a difference, new or changed.
    ///
    /// # Errors
    /// `VersionConflict`; `Unique` if another is about the same.
    pub async fn put_break(&self, found: &ReconciliationBreak) -> Result<i64> {
        let sql = "INSERT INTO reconciliation_break (tenant_id, break_id, kind, payer, reference, bill_id, day, ours,
                                                     theirs, status, owner, reason, resolved_by, opened_at, updated_at,
                                                     version)
                   SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 + 1
                   WHERE $16 = 0 OR EXISTS (SELECT 1 FROM reconciliation_break WHERE tenant_id = $1 AND break_id = $2)
                   ON CONFLICT (tenant_id, break_id) DO UPDATE
                   SET bill_id = excluded.bill_id, day = excluded.day, ours = excluded.ours, theirs = excluded.theirs,
                       status = excluded.status, owner = excluded.owner, reason = excluded.reason,
                       resolved_by = excluded.resolved_by, updated_at = excluded.updated_at,
                       version = excluded.version
                   WHERE reconciliation_break.version = $16";
        let args = args![
            self.tenant,
            found.id,
            &found.kind,
            &found.payer,
            &found.reference,
            found.bill_id,
            &found.day,
            found.ours,
            found.theirs,
            found.status(),
            found.owner,
            &found.reason,
            found.resolved_by,
            found.opened_at,
            found.updated_at,
            found.version
        ];
        self.exec.update_one(Sql::new(sql, args), "break", found.id, found.version).await
    }
}
