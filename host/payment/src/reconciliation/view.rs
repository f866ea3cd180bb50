//! API views of what was compared.

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    id::{AccountId, BillId, BreakId},
    money::Money,
};
use xinglin_store::ReconciliationBreak;

/// A difference: `RECON_BREAK`.
#[derive(Debug, Serialize, ToSchema)]
pub struct BreakView {
    /// `break-…`
    #[schema(value_type = String)]
    pub id: BreakId,
    /// `claim`: the ledger and the payer's claim file; `remittance`: the ledger and what it remitted for a claim;
    /// `bank`: what it says it sent, and the bank.
    pub kind: String,
    /// Id of the payer's plugin.
    pub payer: String,
    /// The payer's reference; of `bank`, the trace number.
    pub reference: String,
    /// The bill, if it is known.
    #[schema(value_type = Option<String>)]
    pub bill: Option<BillId>,
    /// The business day that it belongs to.
    pub day: String,
    /// Our figure; of `bank`, what the payer says it sent for claims.
    #[schema(value_type = Option<i64>)]
    pub ours_fen: Option<Money>,
    /// Theirs; of `bank`, what the bank shows.
    #[schema(value_type = Option<i64>)]
    pub theirs_fen: Option<Money>,
    /// `open` or `resolved`.
    pub status: &'static str,
    /// Who works on it.
    #[schema(value_type = String)]
    pub owner: AccountId,
    /// Why it is resolved.
    pub reason: Option<String>,
    /// Who resolved it.
    #[schema(value_type = Option<String>)]
    pub resolved_by: Option<AccountId>,
    /// When it was found (RFC 3339).
    pub opened_at: String,
}

impl From<ReconciliationBreak> for BreakView {
    fn from(row: ReconciliationBreak) -> Self {
        let status = if row.is_open() { "open" } else { "resolved" };
        Self {
            id: row.id,
            kind: row.kind,
            payer: row.payer,
            reference: row.reference,
            bill: row.bill_id,
            day: row.day,
            ours_fen: row.ours,
            theirs_fen: row.theirs,
            status,
            owner: row.owner,
            reason: row.reason,
            resolved_by: row.resolved_by,
            opened_at: row.opened_at.to_string(),
        }
    }
}

/// A claim in three books.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClaimView {
    /// The payer's reference.
    pub reference: String,
    /// The bill.
    #[schema(value_type = String)]
    pub bill: BillId,
    /// What the payer owes by our ledger, in fen.
    #[schema(value_type = i64)]
    pub ledger_fen: Money,
    /// What its claim file says.
    #[schema(value_type = Option<i64>)]
    pub file_fen: Option<Money>,
    /// What it remitted so far.
    #[schema(value_type = Option<i64>)]
    pub remitted_fen: Option<Money>,
}
