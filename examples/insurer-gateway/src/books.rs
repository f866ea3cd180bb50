//! What was settled and what was taken back, of both protocols: compared with the hospital's ledger.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::store::{Result, Tx};

/// A settlement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settlement {
    /// The reference that the hospital was given.
    pub id: String,
    /// `nhsa`, or the insurer.
    pub payer: String,
    /// The message or operation that settled it.
    pub key: String,
    /// The hospital's bill.
    pub bill: String,
    /// The visit of basic insurance, or empty.
    #[serde(default)]
    pub visit: String,
    /// Whose.
    pub person: String,
    /// In fen: what the hospital charged.
    pub total: i64,
    /// Paid by the fund, or the insurer.
    pub paid: i64,
    /// From the personal account.
    pub account: i64,
    /// What it drew of the deductible.
    pub deductible: i64,
    /// The patient's.
    pub cash: i64,
    /// The benefit year it counts in.
    pub year: String,
    /// When, as a second since 1970.
    pub at: i64,
    /// How it ended.
    pub reversed: Option<Reversed>,
}

/// A reversal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reversed {
    /// The message or operation.
    pub key: String,
    /// `2208`, `2601`, `6203`, `cancellation`, `appeal`.
    pub by: String,
    /// Its reference.
    pub reference: String,
    /// When, as a second since 1970.
    pub at: i64,
}

/// Kind of the record.
const KIND: &str = "settlement";

impl Settlement {
    /// By its reference.
    pub async fn find(tx: &mut Tx, id: &str) -> Result<Option<Self>> {
        tx.get(KIND, id).await
    }

    /// All.
    pub async fn all(tx: &mut Tx) -> Result<Vec<Self>> {
        tx.all(KIND).await
    }

    /// Writes it down.
    pub async fn save(&self, tx: &mut Tx) -> Result<()> {
        tx.put(KIND, &self.id, self).await
    }
}

/// An entry of the books: a settlement, or its reversal below zero.
pub struct Entry {
    /// Its reference.
    pub reference: String,
    /// The settlement that it is about.
    pub settlement: Settlement,
    /// 1, or −1 of a reversal.
    pub sign: i64,
    /// When, as a second since 1970.
    pub at: i64,
}

/// The entries of a payer within `[from, to)`.
pub fn entries(settlements: Vec<Settlement>, payer: &str, (from, to): (i64, i64)) -> Vec<Entry> {
    let mut entries = Vec::new();
    for settlement in settlements.into_iter().filter(|settlement| settlement.payer == payer) {
        if let Some(Reversed { reference, at, .. }) = settlement.reversed.clone() {
            entries.push(Entry { reference, settlement: settlement.clone(), sign: -1, at });
        }
        let (reference, at) = (settlement.id.clone(), settlement.at);
        entries.push(Entry { reference, settlement, sign: 1, at });
    }
    entries.retain(|entry| (from..to).contains(&entry.at));
    entries.sort_by_key(|entry| (entry.at, -entry.sign));
    entries
}

/// As printed.
pub fn printed(settlements: &[Settlement]) -> Value {
    let standing = || settlements.iter().filter(|settlement| settlement.reversed.is_none());
    // Amounts were checked when they were settled; only their sum could be too large.
    let total = |part: fn(&Settlement) -> i64| standing().map(part).try_fold(0_i64, i64::checked_add);
    json!({
        "settlements": settlements,
        "standing": {
            "count": standing().count(),
            "total": total(|settlement| settlement.total),
            "paid": total(|settlement| settlement.paid),
            "account": total(|settlement| settlement.account),
            "cash": total(|settlement| settlement.cash),
        },
    })
}
