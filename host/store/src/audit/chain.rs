//! Hash chains, one per tenant: removed or changed entries are detected.
//!
//! `record_hash` is the SHA-256 of the record's bytes, and each entry's `link` is
//! SHA-256(previous link ‖ record_hash); the first previous link is 32 zeros.

use sha2::{Digest as _, Sha256};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Row, Sql, args},
};

/// The result of verifying a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainState {
    /// Every link holds.
    Intact {
        /// Number of the last purged entry; 0 if none was purged.
        purged: i64,
        /// Number of entries, including purged ones.
        length: i64,
        /// The last link, to compare with a published one.
        head: [u8; 32],
    },
    /// Entries from here on are not verified.
    Broken {
        /// The first changed entry; one past the last entry if the end of the chain is missing.
        seq: i64,
    },
}

/// Number of entries read at once.
const STRETCH: i64 = 256;

/// The tables of a chain, and how its records are stored.
pub(crate) struct Chain {
    /// Has the columns `tenant_id, seq, record, record_hash, link`.
    pub entries: &'static str,
    /// `tenant_id, seq, link`: the end of each chain, whose row lock serialises its writers.
    pub heads: &'static str,
    /// Decodes a stored record.
    pub unpack: fn(Vec<u8>) -> Result<Vec<u8>>,
}

/// The end of a chain while it is extended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Number of the last entry.
    pub seq: i64,
    /// Its link.
    pub link: [u8; 32],
}

impl Head {
    /// Before the first entry.
    pub const GENESIS: Self = Self { seq: 0, link: [0; 32] };

    /// Appends one record; returns its hash.
    pub fn grow(&mut self, record: &[u8]) -> [u8; 32] {
        let record_hash = Sha256::digest(record).into();
        *self = self.after(&record_hash);
        record_hash
    }

    fn after(self, record_hash: &[u8; 32]) -> Self {
        let link = Sha256::new().chain_update(self.link).chain_update(record_hash).finalize().into();
        Self { seq: self.seq + 1, link }
    }
}

impl TryFrom<Row> for Head {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self { seq: row.get("seq")?, link: row.get("link")? })
    }
}

impl<E: Executor> TenantScope<E> {
    /// Verifies a chain from `base`, the last purged entry.
    pub(crate) async fn verify(&self, chain: &Chain, base: Head) -> Result<ChainState> {
        // The head is read first: entries appended meanwhile are beyond it.
        let sql = format!("SELECT seq, link FROM {} WHERE tenant_id = $1", chain.heads);
        let head = self.exec.row(Sql::new(sql, args![self.tenant])).await?;
        let Head { seq: length, link: head } = head.map_or(Ok(Head::GENESIS), Head::try_from)?;
        let mut at = base;
        loop {
            let sql = format!(
                "SELECT seq, record, record_hash, link FROM {}
                 WHERE tenant_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4",
                chain.entries
            );
            let rows = self.exec.rows(Sql::new(sql, args![self.tenant, at.seq, length, STRETCH])).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                // A record that cannot be decoded was changed.
                let Ok(record) = (chain.unpack)(row.get("record")?) else {
                    return Ok(ChainState::Broken { seq: at.seq + 1 });
                };
                let broken = ChainState::Broken { seq: at.seq + 1 };
                let expected = at.grow(&record);
                // Compared as vectors, as stored hashes may have another length.
                let written = (row.get::<i64>("seq")?, row.get::<Vec<u8>>("record_hash")?, row.get::<Vec<u8>>("link")?);
                if written != (at.seq, expected.to_vec(), at.link.to_vec()) {
                    return Ok(broken);
                }
            }
        }
        if (at.seq, at.link) == (length, head) {
            Ok(ChainState::Intact { purged: base.seq, length, head })
        } else {
            Ok(ChainState::Broken { seq: at.seq + 1 })
        }
    }
}

impl TenantTx {
    /// The end of a chain, locked until the end of the transaction.
    pub(crate) async fn lock_head(&self, chain: &Chain) -> Result<Head> {
        let heads = chain.heads;
        let sql = format!(
            "INSERT INTO {heads} (tenant_id, seq, link) VALUES ($1, 0, $2)
             ON CONFLICT (tenant_id) DO UPDATE SET seq = {heads}.seq
             RETURNING seq, link"
        );
        let head = self.exec.row(Sql::new(sql, args![self.tenant, &Head::GENESIS.link])).await?;
        head.ok_or_else(|| StoreError::corrupt("a chain without a head"))?.try_into()
    }

    /// The statement that stores the new end of a chain.
    pub(crate) fn moved_head(&self, chain: &Chain, head: Head) -> Sql {
        let sql = format!("UPDATE {} SET seq = $2, link = $3 WHERE tenant_id = $1", chain.heads);
        Sql::new(sql, args![self.tenant, head.seq, &head.link])
    }
}
