//! The ledger: double entry, append-only. The schema refuses unbalanced transactions, second
//! reversals and all changes.

use std::collections::BTreeMap;

use xinglin_domain::{
    id::{AccountId, BillId, TransactionId},
    money::Money,
    time::Instant,
};

use crate::{
    Cursor, Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Row, Sql, args, insert_many},
};

/// One side of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Account, named by the server, for example `payer:medical-insurance`.
    pub account: String,
    /// Debits are positive, credits negative; never zero.
    pub amount: Money,
}

/// Postings that sum to zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its id.
    pub id: TransactionId,
    /// The bill that it belongs to.
    pub bill_id: Option<BillId>,
    /// The transaction that it reverses.
    pub reverses: Option<TransactionId>,
    /// What it records: `contra` exactly if it reverses another.
    pub kind: String,
    /// The plugin of the payer.
    pub payer: Option<String>,
    /// The channel by which money of patients moved.
    pub channel: Option<String>,
    /// The doctor.
    pub doctor: Option<AccountId>,
    /// The business day, as ISO date.
    pub day: String,
    /// Why, for people.
    pub memo: String,
    /// Who posted it; `None` if the host.
    pub posted_by: Option<AccountId>,
    /// When it was posted.
    pub posted_at: Instant,
    /// At least two.
    pub postings: Vec<Posting>,
}

/// The balance of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The account.
    pub account: String,
    /// Debits less credits, in fen: a sum of amounts may be more than an amount holds.
    pub amount: i128,
}

/// The parts of an amount that are summed apart, so that no sum overflows on either engine.
pub(crate) const HALF: i64 = 1_000_000_000;

const SELECT: &str =
    "SELECT t.transaction_id, t.bill_id, t.reverses, t.kind, t.payer, t.channel, t.doctor, t.day, t.memo, t.posted_by,
                             t.posted_at, p.account, p.amount
                      FROM ledger_transaction t JOIN ledger_posting p USING (tenant_id, transaction_id)
                      WHERE t.tenant_id = $1";
const IN_ORDER: &str = " ORDER BY t.posted_at, t.transaction_id, p.line";

/// A filter of the journal. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalQuery {
    /// From this business day on, as ISO date.
    pub from: Option<String>,
    /// Until this one.
    pub to: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Of this payer.
    pub payer: Option<String>,
    /// Of this doctor.
    pub doctor: Option<AccountId>,
    /// Of this bill.
    pub bill: Option<BillId>,
    /// With a posting to this account.
    pub account: Option<String>,
    /// With exactly this reason.
    pub memo: Option<String>,
}

impl<E: Executor> TenantScope<E> {
    /// A page of the journal, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_journal(
        &self,
        query: &JournalQuery,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<Transaction>> {
        let mut page =
            Sql::new("SELECT t.transaction_id FROM ledger_transaction t WHERE t.tenant_id = $1", args![self.tenant]);
        let JournalQuery { from, to, kind, payer, doctor, bill, account, memo } = query;
        for (condition, value) in [
            (" AND t.day >= ", from),
            (" AND t.day <= ", to),
            (" AND t.kind = ", kind),
            (" AND t.payer = ", payer),
            (" AND t.doctor = ", &doctor.map(|id| id.to_string())),
            (" AND t.bill_id = ", &bill.map(|id| id.to_string())),
            (" AND t.memo = ", memo),
        ] {
            if let Some(value) = value {
                page.push(condition).bind(value);
            }
        }
        if let Some(account) = account {
            page.push(
                " AND EXISTS (SELECT 1 FROM ledger_posting q WHERE q.tenant_id = t.tenant_id
                              AND q.transaction_id = t.transaction_id AND q.account = ",
            );
            page.bind(account).push(")");
        }
        if let Some(Cursor { at, id }) = after {
            page.push(" AND (t.posted_at, t.transaction_id) < (").bind(*at).push(", ").bind(id).push(")");
        }
        page.push(" ORDER BY t.posted_at DESC, t.transaction_id DESC LIMIT ").bind(limit);
        page.put_around(
            "SELECT t.transaction_id, t.bill_id, t.reverses, t.kind, t.payer, t.channel, t.doctor, t.day, t.memo,
                    t.posted_by, t.posted_at, p.account, p.amount
             FROM ledger_transaction t JOIN ledger_posting p USING (tenant_id, transaction_id)
             WHERE t.tenant_id = $1 AND t.transaction_id IN (",
            ") ORDER BY t.posted_at DESC, t.transaction_id DESC, p.line",
        );
        gather(&self.exec.rows(page).await?)
    }

    /// One transaction.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_transaction(&self, id: TransactionId) -> Result<Transaction> {
        let sql = format!("{SELECT} AND t.transaction_id = $2{IN_ORDER}");
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, id])).await?;
        gather(&rows)?.pop().ok_or_else(|| StoreError::not_found("transaction", id))
    }

    /// A bill's transactions, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_transactions(&self, bill: BillId) -> Result<Vec<Transaction>> {
        let sql = format!("{SELECT} AND t.bill_id = $2{IN_ORDER}");
        gather(&self.exec.rows(Sql::new(sql, args![self.tenant, bill])).await?)
    }

    /// The balances of all accounts ever posted to, by name; or at the end of a day, as ISO date.
    /// Their sum is zero.
    ///
    /// # Errors
    /// `Corrupt` if it is not.
    pub async fn trial_balance(&self, as_of: Option<&str>) -> Result<Vec<Balance>> {
        // Both engines divide towards zero, and the remainder has the sign of the amount.
        let mut sql = Sql::new(
            format!(
                "SELECT p.account, CAST(SUM(p.amount / {HALF}) AS BIGINT) AS high,
                        CAST(SUM(p.amount % {HALF}) AS BIGINT) AS low
                 FROM ledger_posting p JOIN ledger_transaction t USING (tenant_id, transaction_id)
                 WHERE p.tenant_id = $1"
            ),
            args![self.tenant],
        );
        if let Some(day) = as_of {
            sql.push(" AND t.day <= ").bind(day);
        }
        sql.push(" GROUP BY p.account");
        let mut balances = BTreeMap::new();
        for row in self.exec.rows(sql).await? {
            balances.insert(row.get::<String>("account")?, whole(&row)?);
        }
        match balances.values().sum::<i128>() {
            0 => Ok(balances.into_iter().map(|(account, amount)| Balance { account, amount }).collect()),
            _ => Err(StoreError::corrupt("the ledger does not balance")),
        }
    }

    /// The balance of an account, in all transactions or in those of a payer, in fen.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn balance_of(&self, payer: Option<&str>, account: &str) -> Result<i128> {
        let mut sql = Sql::new(
            format!(
                "SELECT CAST(COALESCE(SUM(p.amount / {HALF}), 0) AS BIGINT) AS high,
                        CAST(COALESCE(SUM(p.amount % {HALF}), 0) AS BIGINT) AS low
                 FROM ledger_transaction t JOIN ledger_posting p USING (tenant_id, transaction_id)
                 WHERE t.tenant_id = $1 AND p.account = $2"
            ),
            args![self.tenant, account],
        );
        if let Some(payer) = payer {
            sql.push(" AND t.payer = ").bind(payer);
        }
        self.exec.row(sql).await?.map_or(Ok(0), |row| whole(&row))
    }

    /// The first day after this one, as ISO date, on which anything was booked.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn first_day_after(&self, day: &str) -> Result<Option<String>> {
        let sql = "SELECT MIN(day) AS day FROM ledger_transaction WHERE tenant_id = $1 AND day > $2";
        self.exec.row(Sql::new(sql, args![self.tenant, day])).await?.map_or(Ok(None), |row| row.get("day"))
    }
}

/// A sum of amounts from its parts.
pub(crate) fn whole(row: &Row) -> Result<i128> {
    let (high, low) = (row.get::<i64>("high")?, row.get::<i64>("low")?);
    Ok(i128::from(high) * i128::from(HALF) + i128::from(low))
}

/// Groups sorted rows by transaction.
fn gather(rows: &[Row]) -> Result<Vec<Transaction>> {
    let mut transactions: Vec<Transaction> = Vec::new();
    for row in rows {
        let id = row.get("transaction_id")?;
        let posting = Posting { account: row.get("account")?, amount: row.get("amount")? };
        match transactions.last_mut().filter(|last| last.id == id) {
            Some(last) => last.postings.push(posting),
            None => transactions.push(Transaction {
                id,
                bill_id: row.get("bill_id")?,
                reverses: row.get("reverses")?,
                kind: row.get("kind")?,
                payer: row.get("payer")?,
                channel: row.get("channel")?,
                doctor: row.get("doctor")?,
                day: row.get("day")?,
                memo: row.get("memo")?,
                posted_by: row.get("posted_by")?,
                posted_at: row.get("posted_at")?,
                postings: vec![posting],
            }),
        }
    }
    Ok(transactions)
}

impl TenantTx {
    /// Posts a transaction.
    ///
    /// # Errors
    /// `Unbalanced` if there are no postings, one of them is zero, or their sum is not zero;
    /// `AlreadyReversed`; `Reference` if it reverses a missing one; `Refused` if the id is taken;
    /// `PeriodClosed` if its day lies in a closed month.
    pub async fn insert_transaction(&self, transaction: &Transaction) -> Result<()> {
        let postings = &transaction.postings;
        let sum = Money::sum(postings.iter().map(|posting| posting.amount));
        if postings.is_empty() || sum != Ok(Money::ZERO) || postings.iter().any(|p| p.amount == Money::ZERO) {
            return Err(StoreError::Unbalanced);
        }
        if let Some(reversed) = transaction.reverses {
            let sql = "SELECT 1 AS one FROM ledger_transaction WHERE tenant_id = $1 AND reverses = $2";
            if self.exec.row(Sql::new(sql, args![self.tenant, reversed])).await?.is_some() {
                return Err(StoreError::AlreadyReversed { id: reversed.to_string() });
            }
        }
        let rows = (1_i64..)
            .zip(postings)
            .map(|(line, posting)| args![self.tenant, transaction.id, line, &posting.account, posting.amount]);
        let head = "INSERT INTO ledger_posting (tenant_id, transaction_id, line, account, amount)";
        self.exec.execute_all(insert_many(head, rows.collect(), "")).await?;
        let sql = "INSERT INTO ledger_transaction (tenant_id, transaction_id, bill_id, reverses, memo, posted_at,
                                                   kind, payer, doctor, day, posted_by, channel)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let Transaction {
            id, bill_id, reverses, kind, payer, channel, doctor, day, memo, posted_by, posted_at, ..
        } = transaction;
        let (id, bill, at, doctor, by) = (*id, *bill_id, *posted_at, *doctor, *posted_by);
        let args = args![self.tenant, id, bill, *reverses, memo, at, kind, payer, doctor, day, by, channel];
        let sealed = self.exec.execute(Sql::new(sql, args));
        match (sealed.await, reverses) {
            // Reversed by another transaction after the check above.
            (Err(StoreError::Unique { table }), Some(reversed)) if table == "ledger_transaction" => {
                Err(StoreError::AlreadyReversed { id: reversed.to_string() })
            }
            (sealed, _) => sealed.map(drop),
        }
    }
}
