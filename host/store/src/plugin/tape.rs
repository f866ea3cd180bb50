//! Tapes of plugin calls, in one hash chain per tenant (`chain.rs`).
//!
//! The record contains everything about its call; the other columns are copies for queries.
//!
//! Purges start at the beginning: `tape_purge` keeps the link of the last purged entry, so the rest
//! is verified from there to the same head as before.

use std::{io, num::NonZeroU32, sync::LazyLock};

use xinglin_domain::{id::CallId, time::Instant};
use zstd::{
    bulk::{Compressor, Decompressor},
    dict::{DecoderDictionary, EncoderDictionary},
    zstd_safe::{get_dict_id_from_dict, get_dict_id_from_frame},
};

use crate::{
    Executor, Result, StoreError, TenantScope, TenantTx,
    audit::chain::{Chain, ChainState, Head},
    db::{Row, Sql, args, insert_many},
};

/// A tape to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTapeEntry {
    /// Id of the call.
    pub call_id: CallId,
    /// Id of the plugin.
    pub plugin_id: String,
    /// Digest of its package.
    pub digest: String,
    /// The hook, for example `prescribing/review`.
    pub hook: String,
    /// When it was called.
    pub recorded_at: Instant,
    /// Ids of the patient, prescription, bill, … that it concerned.
    pub references: Vec<String>,
    /// The record.
    pub record: Vec<u8>,
}

/// A stored tape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapeEntry {
    /// Number in the tenant's chain, from 1.
    pub seq: i64,
    /// Id of the call.
    pub call_id: CallId,
    /// Id of the plugin.
    pub plugin_id: String,
    /// Digest of its package.
    pub digest: String,
    /// The hook.
    pub hook: String,
    /// When it was called.
    pub recorded_at: Instant,
    /// The record.
    pub record: Vec<u8>,
    /// Its SHA-256.
    pub record_hash: [u8; 32],
    /// The link of the chain.
    pub link: [u8; 32],
}

impl TryFrom<Row> for TapeEntry {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            seq: row.get("seq")?,
            call_id: row.get("call_id")?,
            plugin_id: row.get("plugin_id")?,
            digest: row.get("digest")?,
            hook: row.get("hook")?,
            recorded_at: row.get("recorded_at")?,
            record: unpack(row.get("record")?)?,
            record_hash: row.get("record_hash")?,
            link: row.get("link")?,
        })
    }
}

/// An item that calls of a package concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Its id: of a patient, a prescription, a bill, an enrolment, …
    pub reference: String,
    /// Number of calls.
    pub calls: i64,
    /// Time of the first call.
    pub first: Instant,
    /// Time of the last call.
    pub last: Instant,
}

/// A filter of tapes. All conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TapeQuery {
    /// Of this plugin.
    pub plugin_id: Option<String>,
    /// Of this package.
    pub digest: Option<String>,
    /// Concerning this id.
    pub reference: Option<String>,
}

impl TapeQuery {
    fn narrow(&self, sql: &mut Sql) {
        if let Some(plugin) = &self.plugin_id {
            sql.push(" AND plugin_id = ").bind(plugin);
        }
        if let Some(digest) = &self.digest {
            sql.push(" AND digest = ").bind(digest);
        }
        if let Some(reference) = &self.reference {
            sql.push(" AND seq IN (SELECT seq FROM tape_reference WHERE tenant_id = $1 AND reference = ");
            sql.bind(reference).push(")");
        }
    }
}

const TAPES: Chain = Chain { entries: "tape", heads: "tape_head", unpack };

/// Compression level: higher ones double the time for a few percent.
const LEVEL: i32 = 6;
/// Magic number of a compressed record (RFC 8878); an uncompressed one is JSON and begins with a
/// brace.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Largest record, in bytes; bounds the allocation when decompressing.
const MAX_RECORD: usize = 64 << 20;

/// Common content of records: field names, code systems, units. A frame names its dictionary by id,
/// so every dictionary ever released stays here unchanged; the last is used for new records. How
/// they are made: `dictionaries/README.md`.
const DICTIONARIES: [&[u8]; 1] = [include_bytes!("../../dictionaries/32769.zstd")];

static COMPRESSING: LazyLock<io::Result<EncoderDictionary<'static>>> = LazyLock::new(|| {
    let [.., newest] = DICTIONARIES;
    EncoderDictionary::try_copy(newest, LEVEL)
});

static DECOMPRESSING: LazyLock<io::Result<Vec<(NonZeroU32, DecoderDictionary<'static>)>>> = LazyLock::new(|| {
    let prepared = DICTIONARIES.iter().map(|bytes| {
        let id = get_dict_id_from_dict(bytes).ok_or_else(|| io::Error::other("a dictionary without an id"))?;
        Ok((id, DecoderDictionary::try_copy(bytes)?))
    });
    prepared.collect()
});

/// The stored form of a record. The chain is over the uncompressed record, so it does not depend on
/// the compression library.
fn pack(record: &[u8]) -> Result<Vec<u8>> {
    let packed = match &*COMPRESSING {
        Ok(dictionary) => {
            Compressor::with_prepared_dictionary(dictionary).and_then(|mut packing| packing.compress(record))
        }
        // Larger, but the call is recorded.
        Err(_) => zstd::bulk::compress(record, LEVEL),
    };
    packed.map_err(|e| StoreError::Invalid { detail: e.to_string() })
}

fn unpack(stored: Vec<u8>) -> Result<Vec<u8>> {
    if !stored.starts_with(&ZSTD) {
        return Ok(stored);
    }
    let unpacked = match get_dict_id_from_frame(&stored) {
        None => zstd::bulk::decompress(&stored, MAX_RECORD),
        Some(id) => with_dictionary(id, &stored),
    };
    unpacked.map_err(|e| StoreError::corrupt(format!("a record of a call: {e}")))
}

fn with_dictionary(id: NonZeroU32, stored: &[u8]) -> io::Result<Vec<u8>> {
    let known = DECOMPRESSING.as_ref().map_err(|e| io::Error::other(e.to_string()))?;
    let (_, dictionary) = known
        .iter()
        .find(|(known, _)| *known == id)
        .ok_or_else(|| io::Error::other(format!("it was packed with dictionary {id}, which this release lacks")))?;
    Decompressor::with_prepared_dictionary(dictionary)?.decompress(stored, MAX_RECORD)
}

impl<E: Executor> TenantScope<E> {
    /// One call.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_tape_entry(&self, call: CallId) -> Result<TapeEntry> {
        let sql = "SELECT * FROM tape WHERE tenant_id = $1 AND call_id = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, call])).await?;
        row.ok_or_else(|| StoreError::not_found("call", call))?.try_into()
    }

    /// The matching tapes before number `before`, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_tape(&self, query: &TapeQuery, before: Option<i64>, limit: u32) -> Result<Vec<TapeEntry>> {
        let mut sql = Sql::new(
            "SELECT * FROM tape WHERE tenant_id = $1 AND seq < $2",
            args![self.tenant, before.unwrap_or(i64::MAX)],
        );
        query.narrow(&mut sql);
        sql.push(" ORDER BY seq DESC LIMIT ").bind(limit);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Every id that calls of one package concerned, once: those that a recall concerns.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_touched(&self, digest: &str) -> Result<Vec<Touched>> {
        let sql = "SELECT r.reference, COUNT(*) AS calls, MIN(t.recorded_at) AS first_at, MAX(t.recorded_at) AS last_at
                   FROM tape t JOIN tape_reference r USING (tenant_id, seq)
                   WHERE t.tenant_id = $1 AND t.digest = $2 GROUP BY r.reference";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, digest])).await?;
        let touched = |row: &Row| {
            Ok(Touched {
                reference: row.get("reference")?,
                calls: row.get("calls")?,
                first: row.get("first_at")?,
                last: row.get("last_at")?,
            })
        };
        let mut all = rows.iter().map(touched).collect::<Result<Vec<_>>>()?;
        // Sorted here, because the engines' collations differ.
        all.sort_unstable_by(|a, b| a.reference.cmp(&b.reference));
        Ok(all)
    }

    /// The matching tapes after number `after`, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_tape_after(&self, query: &TapeQuery, after: i64, limit: u32) -> Result<Vec<TapeEntry>> {
        let mut sql = Sql::new("SELECT * FROM tape WHERE tenant_id = $1 AND seq > $2", args![self.tenant, after]);
        query.narrow(&mut sql);
        sql.push(" ORDER BY seq LIMIT ").bind(limit);
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// The call with this number in the chain, if any.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_call_at(&self, seq: i64) -> Result<Option<CallId>> {
        let sql = "SELECT call_id FROM tape WHERE tenant_id = $1 AND seq = $2";
        let row = self.exec.row(Sql::new(sql, args![self.tenant, seq])).await?;
        row.map(|row| row.get("call_id")).transpose()
    }

    /// Ids that the call with this number concerned, in order.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_references(&self, seq: i64) -> Result<Vec<String>> {
        let sql = "SELECT reference FROM tape_reference WHERE tenant_id = $1 AND seq = $2 ORDER BY reference";
        self.exec.rows(Sql::new(sql, args![self.tenant, seq])).await?.iter().map(|row| row.get("reference")).collect()
    }

    /// Verifies the chain, from its last purge.
    ///
    /// # Errors
    /// If the database fails. A broken chain is a finding, not an error.
    pub async fn verify_chain(&self) -> Result<ChainState> {
        loop {
            let base = self.tape_base().await?;
            let state = self.verify(&TAPES, base).await?;
            // Entries purged meanwhile are not missing.
            if matches!(state, ChainState::Intact { .. }) || self.tape_base().await?.seq == base.seq {
                return Ok(state);
            }
        }
    }

    /// The last purged entry.
    async fn tape_base(&self) -> Result<Head> {
        let sql = "SELECT seq, link FROM tape_purge WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1";
        let last = self.exec.row(Sql::new(sql, args![self.tenant])).await?;
        let first = Ok(Head::GENESIS);
        last.map_or(first, Head::try_from)
    }
}

impl TenantTx {
    /// Appends tapes in order; returns the number of the last. The tenant's chain is locked until
    /// the end of the transaction, so call this last.
    ///
    /// # Errors
    /// `Unique` if a call has a tape already.
    pub async fn append_tape(&self, entries: &[NewTapeEntry]) -> Result<i64> {
        let mut head = self.lock_head(&TAPES).await?;
        let (mut rows, mut references) = (Vec::with_capacity(entries.len()), Vec::new());
        for entry in entries {
            let record_hash = head.grow(&entry.record);
            rows.push(args![
                self.tenant,
                head.seq,
                entry.call_id,
                &entry.plugin_id,
                &entry.digest,
                &entry.hook,
                entry.recorded_at,
                pack(&entry.record)?,
                &record_hash,
                &head.link
            ]);
            let distinct: std::collections::BTreeSet<_> = entry.references.iter().collect();
            references.extend(distinct.into_iter().map(|reference| args![self.tenant, reference, head.seq]));
        }
        let text = "INSERT INTO tape (tenant_id, seq, call_id, plugin_id, digest, hook, recorded_at, record,
                                      record_hash, link)";
        let mut statements = insert_many(text, rows, "");
        let text = "INSERT INTO tape_reference (tenant_id, reference, seq)";
        statements.extend(insert_many(text, references, ""));
        statements.push(self.moved_head(&TAPES, head));
        self.exec.execute_all(statements).await?;
        Ok(head.seq)
    }

    /// Purges tapes from the beginning of the chain, up to the first that is not older than
    /// `before`, at most `limit`; returns their number. The caller checks whether that is lawful.
    /// Their references are deleted by [`purge_tape_references`](Self::purge_tape_references).
    ///
    /// # Errors
    /// If the database fails, or another purge runs concurrently.
    pub async fn purge_tape(&self, before: Instant, limit: u32, by: &str, at: Instant) -> Result<u64> {
        let base = self.tape_base().await?.seq;
        let sql = "SELECT seq, recorded_at, link FROM tape WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let mut last: Option<(i64, [u8; 32])> = None;
        for row in self.exec.rows(Sql::new(sql, args![self.tenant, base, limit])).await? {
            if row.get::<Instant>("recorded_at")? >= before {
                break;
            }
            last = Some((row.get("seq")?, row.get("link")?));
        }
        let Some((seq, link)) = last else {
            return Ok(0);
        };
        let sql = "INSERT INTO tape_purge (tenant_id, seq, link, purged_at, purged_by) VALUES ($1, $2, $3, $4, $5)";
        self.exec.execute(Sql::new(sql, args![self.tenant, seq, &link, at, by])).await?;
        let sql = "DELETE FROM tape WHERE tenant_id = $1 AND seq <= $2";
        self.exec.execute(Sql::new(sql, args![self.tenant, seq])).await
    }

    /// Deletes the references of purged tapes. Scans the tenant's references, so call it once after
    /// all batches of a purge.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn purge_tape_references(&self) -> Result<()> {
        let base = self.tape_base().await?.seq;
        let sql = "DELETE FROM tape_reference WHERE tenant_id = $1 AND seq <= $2";
        self.exec.execute(Sql::new(sql, args![self.tenant, base])).await.map(drop)
    }
}
