//! Sums of the ledger by payer, day, doctor or account.

use crate::{
    Executor, Result, TenantScope,
    db::{Row, Sql, args},
    payment::ledger::{HALF, whole},
};

/// What postings are summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKey {
    /// The payer of the transaction.
    Payer,
    /// The business day.
    Day,
    /// The doctor.
    Doctor,
    /// The account.
    Account,
    /// The channel by which money of patients moved.
    Channel,
}

/// Which postings are summed.
#[derive(Debug, Clone, Copy)]
pub struct StatementQuery<'a> {
    /// The key.
    pub key: StatementKey,
    /// Only these accounts; at least one.
    pub accounts: &'a [&'a str],
    /// Accounts that are the patients' and not the payer's; at least one.
    pub of_patients: &'a [&'a str],
    /// The first day, as ISO date. What was before is summed apart, by day under an empty key.
    pub from: &'a str,
    /// The last day.
    pub to: &'a str,
    /// Only keys after this one.
    pub after: Option<&'a str>,
    /// At most so many keys.
    pub limit: u32,
}

/// The sum of the postings of one key, account and kind of transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summed {
    /// Payer, day, doctor or account; `patient` for accounts of patients by payer; `-` for none.
    pub key: String,
    /// The account.
    pub account: String,
    /// The kind of the transaction; of a contra entry, that of its original.
    pub kind: String,
    /// Whether it is of contra entries.
    pub contra: bool,
    /// Whether it was before the first day.
    pub earlier: bool,
    /// Debits less credits, in fen.
    pub amount: i128,
}

impl<E: Executor> TenantScope<E> {
    /// The sums of all keys with postings up to the last day, in the order of their keys, at most
    /// `limit` keys.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ledger_sums(&self, query: &StatementQuery<'_>) -> Result<Vec<Summed>> {
        let mut sql = Sql::new("WITH moved AS (SELECT ", args![self.tenant, query.from, query.to]);
        match query.key {
            StatementKey::Payer => {
                sql.push("CASE WHEN p.account IN ").bind_all(query.of_patients.iter().copied());
                sql.push(" THEN 'patient' ELSE COALESCE(t.payer, '-') END");
            }
            StatementKey::Doctor => drop(sql.push("COALESCE(t.doctor, '-')")),
            StatementKey::Channel => drop(sql.push("COALESCE(t.channel, '-')")),
            StatementKey::Day => drop(sql.push("CASE WHEN t.day < $2 THEN '' ELSE t.day END")),
            StatementKey::Account => drop(sql.push("p.account")),
        }
        sql.push(
            " AS entry_key, p.account AS account, COALESCE(o.kind, t.kind) AS kind,
              CASE WHEN t.reverses IS NULL THEN 0 ELSE 1 END AS contra,
              CASE WHEN t.day < $2 THEN 1 ELSE 0 END AS earlier, p.amount AS amount
              FROM ledger_transaction t
              JOIN ledger_posting p ON p.tenant_id = t.tenant_id AND p.transaction_id = t.transaction_id
              LEFT JOIN ledger_transaction o ON o.tenant_id = t.tenant_id AND o.transaction_id = t.reverses
              WHERE t.tenant_id = $1 AND t.day <= $3 AND p.account IN ",
        );
        sql.bind_all(query.accounts.iter().copied());
        sql.push(&format!(
            ") SELECT entry_key, account, kind, CAST(contra AS BIGINT) AS contra, CAST(earlier AS BIGINT) AS earlier,
                      CAST(SUM(amount / {HALF}) AS BIGINT) AS high, CAST(SUM(amount % {HALF}) AS BIGINT) AS low
             FROM moved
             WHERE entry_key = '' OR entry_key IN (SELECT DISTINCT entry_key FROM moved WHERE entry_key > "
        ));
        sql.bind(query.after.unwrap_or_default()).push(" ORDER BY entry_key LIMIT ").bind(query.limit);
        sql.push(
            ") GROUP BY entry_key, account, kind, contra, earlier
             ORDER BY entry_key, account, kind, contra, earlier",
        );
        self.exec.rows(sql).await?.iter().map(summed).collect()
    }

    /// What was booked from the first to the last day: the number of transactions, and the
    /// balances of accounts by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ledger_totals(&self, from: &str, to: &str) -> Result<(i64, Vec<(String, i128)>)> {
        let counted = "SELECT COUNT(*) AS total FROM ledger_transaction
                       WHERE tenant_id = $1 AND day >= $2 AND day <= $3";
        let row = self.exec.row(Sql::new(counted, args![self.tenant, from, to])).await?;
        let count = row.map_or(Ok(0), |row| row.get("total"))?;
        let sql = format!(
            "SELECT p.account, CAST(SUM(p.amount / {HALF}) AS BIGINT) AS high,
                    CAST(SUM(p.amount % {HALF}) AS BIGINT) AS low
             FROM ledger_transaction t
             JOIN ledger_posting p ON p.tenant_id = t.tenant_id AND p.transaction_id = t.transaction_id
             WHERE t.tenant_id = $1 AND t.day >= $2 AND t.day <= $3 GROUP BY p.account"
        );
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, from, to])).await?;
        let mut totals = rows.iter().map(|row| Ok((row.get("account")?, whole(row)?))).collect::<Result<Vec<_>>>()?;
        // The order of texts differs between databases.
        totals.sort();
        Ok((count, totals))
    }
}

fn summed(row: &Row) -> Result<Summed> {
    Ok(Summed {
        key: row.get("entry_key")?,
        account: row.get("account")?,
        kind: row.get("kind")?,
        contra: row.get::<i64>("contra")? == 1,
        earlier: row.get::<i64>("earlier")? == 1,
        amount: whole(row)?,
    })
}
