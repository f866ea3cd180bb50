//! FHIR resources with their versions and index entries.
//!
//! Bodies are JSON text that is not parsed here, sealed if they identify a person (`sealing.rs`).
//! The caller extracts the index entries.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use serde_json::value::RawValue;
use xinglin_domain::time::Instant;

use crate::{
    CodeFilter, Cursor, Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args, insert_many},
    record::criterion::push_any_of,
};

/// Well-formed JSON text, passed through unchanged. PostgreSQL keeps the value but neither key
/// order nor white space.
pub type Json = Box<RawValue>;

/// An indexed token. References are tokens without a system: `param = "encounter"`, `code =
/// "Encounter/enc-…"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Token {
    /// Search parameter.
    pub param: String,
    /// Code system; empty for none.
    pub system: String,
    /// Code, identifier, or reference.
    pub code: String,
}

/// A resource to write.
#[derive(Debug, Clone)]
pub struct ResourceWrite {
    /// FHIR type.
    pub kind: String,
    /// FHIR id.
    pub id: String,
    /// The new version: 1 for a new resource, otherwise the current one plus one. `meta` in the
    /// body should state the same.
    pub version: i64,
    /// The patient whose record it belongs to; for a Patient its own id.
    pub patient_id: Option<String>,
    /// Effective time; the default sort key of lists.
    pub effective_at: Instant,
    /// When it is written.
    pub last_updated: Instant,
    /// Whether this version marks a deletion. It then has no index entries.
    pub deleted: bool,
    /// The resource.
    pub body: Json,
    /// Its index entries.
    pub found_by: FoundBy,
}

/// Index entries of a resource, of the current version only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundBy {
    /// Codes, identifiers, references, URIs.
    pub tokens: Vec<Token>,
    /// Texts.
    pub texts: Vec<Text>,
    /// Times and quantities.
    pub ranges: Vec<Range>,
}

/// An indexed text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text {
    /// Search parameter.
    pub param: String,
    /// The text as in the resource.
    pub exact: String,
    /// The text folded for comparison without case.
    pub folded: String,
}

/// An indexed range: time in µs, or a quantity in millionths.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Range {
    /// Search parameter.
    pub param: String,
    /// Lower bound.
    pub low: i64,
    /// Upper bound, exclusive; of a quantity, equal to `low`.
    pub high: i64,
    /// System of the unit; empty for none.
    pub system: String,
    /// The unit; empty for time.
    pub code: String,
}

/// A stored resource.
#[derive(Debug, Clone)]
pub struct Resource {
    /// FHIR type.
    pub kind: String,
    /// FHIR id.
    pub id: String,
    /// From 1.
    pub version: i64,
    /// The patient whose record it belongs to.
    pub patient_id: Option<String>,
    /// Effective time.
    pub effective_at: Instant,
    /// When it was written.
    pub last_updated: Instant,
    /// Whether it is deleted.
    pub deleted: bool,
    /// The resource.
    pub body: Json,
}

impl Resource {
    /// The cursor of the next page after this resource.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.effective_at, id: self.id.clone() }
    }
}

impl From<ResourceWrite> for Resource {
    fn from(written: ResourceWrite) -> Self {
        let ResourceWrite { kind, id, version, patient_id, effective_at, last_updated, deleted, body, .. } = written;
        Self { kind, id, version, patient_id, effective_at, last_updated, deleted, body }
    }
}

impl TryFrom<Row> for Resource {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            kind: row.get("resource_type")?,
            id: row.get("resource_id")?,
            version: row.get("version")?,
            patient_id: row.get("patient_id")?,
            effective_at: row.get("effective_at")?,
            last_updated: row.get("last_updated")?,
            deleted: row.get("deleted")?,
            body: RawValue::from_string(row.raw_json("body")?).map_err(StoreError::corrupt)?,
        })
    }
}

/// A query of a patient's record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatientQuery {
    /// FHIR id.
    pub patient_id: String,
    /// FHIR types; empty for all.
    pub kinds: Vec<String>,
    /// With one of these as `code`; empty for all.
    pub codes: Vec<CodeFilter>,
    /// Effective at or after this time.
    pub since: Option<Instant>,
    /// Effective before this time.
    pub before: Option<Instant>,
}

pub(crate) const COLUMNS: &str =
    "resource_type, resource_id, version, patient_id, effective_at, last_updated, deleted, body";

/// As above, for a table with alias `r`.
pub(crate) const OF_R: &str = "r.resource_type, r.resource_id, r.version, r.patient_id, r.effective_at, r.last_updated,
                       r.deleted, r.body";

impl<E: Executor> TenantScope<E> {
    /// The current version, which may be a deletion.
    ///
    /// # Errors
    /// `NotFound` if it never existed.
    pub async fn get_resource(&self, kind: &str, id: &str) -> Result<Resource> {
        let sql =
            format!("SELECT {COLUMNS} FROM resource WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = $3");
        let found = self.collect(Sql::new(sql, args![self.tenant, kind, id])).await?;
        found.into_iter().next().ok_or_else(|| StoreError::not_found("resource", format!("{kind}/{id}")))
    }

    /// One version.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_resource_version(&self, kind: &str, id: &str, version: i64) -> Result<Resource> {
        let sql = format!(
            "SELECT {COLUMNS} FROM resource
             WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = $3 AND version = $4
             UNION ALL
             SELECT {COLUMNS} FROM resource_history
             WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = $3 AND version = $4"
        );
        let found = self.collect(Sql::new(sql, args![self.tenant, kind, id, version])).await?;
        let none = || StoreError::not_found("resource", format!("{kind}/{id}/_history/{version}"));
        found.into_iter().next().ok_or_else(none)
    }

    /// Versions older than `before`, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_resource_history(
        &self,
        kind: &str,
        id: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Resource>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM resource
             WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = $3 AND version < $4
             UNION ALL
             SELECT {COLUMNS} FROM resource_history
             WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = $3 AND version < $4
             ORDER BY version DESC LIMIT $5"
        );
        let args = args![self.tenant, kind, id, before.unwrap_or(i64::MAX), limit];
        self.collect(Sql::new(sql, args)).await
    }

    /// The current version numbers of those that exist, including deleted ones, by (type, id).
    ///
    /// # Errors
    /// If the database fails.
    pub async fn resource_versions(&self, keys: &[(String, String)]) -> Result<HashMap<(String, String), i64>> {
        let mut by_kind: HashMap<&str, Vec<&str>> = HashMap::new();
        for (kind, id) in keys {
            by_kind.entry(kind).or_default().push(id);
        }
        let mut versions = HashMap::with_capacity(keys.len());
        for (kind, ids) in by_kind {
            for ids in ids.chunks(KEYS_AT_ONCE) {
                let mut sql = Sql::new(
                    "SELECT resource_id, version FROM resource
                     WHERE tenant_id = $1 AND resource_type = $2 AND resource_id IN ",
                    args![self.tenant, kind],
                );
                sql.bind_all(ids.iter().copied());
                for row in self.exec.rows(sql).await? {
                    versions.insert((kind.to_owned(), row.get("resource_id")?), row.get("version")?);
                }
            }
        }
        Ok(versions)
    }

    /// Whether anything but the Patient resource was ever written to a patient's record.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has_record(&self, patient_id: &str) -> Result<bool> {
        let sql = "SELECT version FROM resource
                   WHERE tenant_id = $1 AND patient_id = $2 AND resource_type <> 'Patient' LIMIT 1";
        Ok(self.exec.row(Sql::new(sql, args![self.tenant, patient_id])).await?.is_some())
    }

    /// Resources of a patient's record, newest first, without deleted ones.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_patient_resources(&self, query: &PatientQuery, limit: u32) -> Result<Vec<Resource>> {
        let text = format!(
            "SELECT {COLUMNS} FROM resource r
             WHERE r.tenant_id = $1 AND r.patient_id = $2 AND r.deleted = FALSE"
        );
        let mut sql = Sql::new(text, args![self.tenant, &query.patient_id]);
        if !query.kinds.is_empty() {
            sql.push(" AND r.resource_type IN ").bind_all(&query.kinds);
        }
        if !query.codes.is_empty() {
            push_has_token(&mut sql, "code", &query.codes);
        }
        if let Some(since) = query.since {
            sql.push(" AND r.effective_at >= ").bind(since);
        }
        if let Some(before) = query.before {
            sql.push(" AND r.effective_at < ").bind(before);
        }
        sql.push(" ORDER BY r.effective_at DESC, r.resource_id DESC LIMIT ").bind(limit);
        self.collect(sql).await
    }

    pub(crate) async fn collect(&self, sql: Sql) -> Result<Vec<Resource>> {
        let rows = self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect::<Result<_>>()?;
        self.opened(rows).await
    }
}

/// `AND` resource `r` has one of these values of `param`.
fn push_has_token(sql: &mut Sql, param: &str, any_of: &[CodeFilter]) {
    sql.push(
        " AND EXISTS (SELECT 1 FROM resource_token x WHERE x.tenant_id = r.tenant_id
          AND x.resource_type = r.resource_type AND x.resource_id = r.resource_id AND x.param = ",
    );
    sql.bind(param);
    push_any_of(sql, "x", any_of);
    sql.push(ONE_BY_ONE).push(")");
}

/// At the end of an `EXISTS`: PostgreSQL looks at each row of the outer query, as SQLite does. Without
/// it, before its first count of the rows, it joins all of the tenant's to each.
pub(crate) const ONE_BY_ONE: &str = " LIMIT 1 OFFSET 0";

impl TenantTx {
    /// Writes resources, each once; superseded versions move to the history.
    ///
    /// # Errors
    /// `VersionConflict` if one is not the successor of the stored version; `Invalid` if one occurs
    /// twice.
    pub async fn put_resources(&self, writes: &[ResourceWrite]) -> Result<()> {
        let keys: HashSet<_> = writes.iter().map(|write| (&write.kind, &write.id)).collect();
        if keys.len() < writes.len() {
            return Err(StoreError::Invalid { detail: "a resource comes twice".to_owned() });
        }
        let successors: Vec<_> = writes.iter().filter(|write| write.version > 1).collect();
        let mut superseded = HashSet::new();
        for chunk in successors.chunks(KEYS_AT_ONCE) {
            superseded.extend(self.keys_of(self.supersede(chunk)).await?);
            let keys: Vec<_> = chunk.iter().map(|write| (write.kind.as_str(), write.id.as_str())).collect();
            self.forget(&keys).await?;
        }
        let bodies = self.sealed_bodies(writes).await?;
        let mut written = HashSet::new();
        for sql in insert_many(INSERT, self.rows(writes, &bodies)?, UNLESS_CHANGED) {
            written.extend(self.keys_of(sql).await?);
        }
        let odd = writes.iter().find(|write| {
            let key = (write.kind.clone(), write.id.clone());
            !written.contains(&key) || (write.version > 1 && !superseded.contains(&key))
        });
        if let Some(ResourceWrite { kind, id, .. }) = odd {
            let error = StoreError::conflict("resource", format!("{kind}/{id}"));
            return Err(self.exec.mark_failed(error).await);
        }
        let found: Vec<Found<'_>> = writes
            .iter()
            .filter(|write| !write.deleted)
            .map(|ResourceWrite { kind, id, effective_at, found_by, .. }| {
                (kind.as_str(), id.as_str(), *effective_at, found_by)
            })
            .collect();
        self.note(&found).await
    }

    /// Replaces the index entries of these current versions.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn reindex_resources(&self, resources: &[(Resource, FoundBy)]) -> Result<()> {
        for chunk in resources.chunks(KEYS_AT_ONCE) {
            let keys: Vec<_> = chunk.iter().map(|(found, _)| (found.kind.as_str(), found.id.as_str())).collect();
            self.forget(&keys).await?;
        }
        let found: Vec<Found<'_>> = resources
            .iter()
            .map(|(of, found_by)| (of.kind.as_str(), of.id.as_str(), of.effective_at, found_by))
            .collect();
        self.note(&found).await
    }

    /// Takes a named lock of this tenant until the end of the transaction.
    ///
    /// # Errors
    /// `Contention` after a timeout.
    pub async fn lock(&self, name: &str) -> Result<()> {
        match self.exec.engine().lock() {
            Some(text) => self.exec.rows(Sql::new(text, args![format!("{}/{name}", self.tenant)])).await.map(drop),
            None => Ok(()),
        }
    }

    /// Copies the predecessors of these to the history.
    fn supersede(&self, writes: &[&ResourceWrite]) -> Sql {
        let text = format!(
            "INSERT INTO resource_history (tenant_id, {COLUMNS})
             SELECT tenant_id, {COLUMNS} FROM resource
             WHERE tenant_id = $1 AND (resource_type, resource_id, version) IN (VALUES "
        );
        let mut sql = Sql::new(text, args![self.tenant]);
        for (index, write) in writes.iter().enumerate() {
            sql.push(if index == 0 { "" } else { ", " });
            sql.bind_all(args![&write.kind, &write.id, write.version - 1]);
        }
        sql.push(") RETURNING resource_type, resource_id");
        sql
    }

    async fn forget(&self, keys: &[(&str, &str)]) -> Result<()> {
        let statements = ["resource_token", "resource_string", "resource_range"].map(|table| {
            let text = format!("DELETE FROM {table} WHERE tenant_id = $1 AND (resource_type, resource_id) IN (VALUES ");
            let mut sql = Sql::new(text, args![self.tenant]);
            for (index, (kind, id)) in keys.iter().enumerate() {
                sql.push(if index == 0 { "" } else { ", " }).bind_all([*kind, *id]);
            }
            sql.push(")");
            sql
        });
        self.exec.execute_all(statements.into()).await.map(drop)
    }

    async fn note(&self, found: &[Found<'_>]) -> Result<()> {
        let (mut tokens, mut texts, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
        for (kind, id, effective_at, FoundBy { tokens: t, texts: s, ranges: r }) in found {
            let distinct: HashSet<&Token> = t.iter().collect();
            tokens.extend(distinct.into_iter().map(|Token { param, system, code }| {
                let code = self.token(kind, param, code);
                args![self.tenant, *kind, *id, param, &*code, system, *effective_at]
            }));
            let distinct: HashSet<&Text> = s.iter().collect();
            texts.extend(
                distinct
                    .into_iter()
                    .map(|Text { param, exact, folded }| args![self.tenant, *kind, *id, param, exact, folded]),
            );
            let distinct: HashSet<&Range> = r.iter().collect();
            ranges.extend(distinct.into_iter().map(|Range { param, low, high, system, code }| {
                args![self.tenant, *kind, *id, param, *low, *high, system, code]
            }));
        }
        let mut statements = insert_many(INSERT_TOKEN, tokens, "");
        statements.extend(insert_many(INSERT_TEXT, texts, ""));
        statements.extend(insert_many(INSERT_RANGE, ranges, ""));
        self.exec.execute_all(statements).await.map(drop)
    }

    fn rows(&self, writes: &[ResourceWrite], bodies: &[Cow<'_, Json>]) -> Result<Vec<Vec<Arg>>> {
        let row = |(write, body): (&ResourceWrite, &Cow<'_, Json>)| {
            Ok(args![
                self.tenant,
                &write.kind,
                &write.id,
                write.version,
                &write.patient_id,
                write.effective_at,
                write.last_updated,
                write.deleted,
                Arg::json(&**body)?
            ])
        };
        writes.iter().zip(bodies).map(row).collect()
    }

    /// (type, id) of each row that a statement returns.
    async fn keys_of(&self, sql: Sql) -> Result<Vec<(String, String)>> {
        let rows = self.exec.rows(sql).await?;
        rows.iter().map(|row| Ok((row.get("resource_type")?, row.get("resource_id")?))).collect()
    }
}

const INSERT: &str = "INSERT INTO resource (tenant_id, resource_type, resource_id, version, patient_id, effective_at,
                                            last_updated, deleted, body)";
const UNLESS_CHANGED: &str = " ON CONFLICT (tenant_id, resource_type, resource_id) DO UPDATE
    SET version = excluded.version, patient_id = excluded.patient_id, effective_at = excluded.effective_at,
        last_updated = excluded.last_updated, deleted = excluded.deleted, body = excluded.body
    WHERE resource.version = excluded.version - 1
    RETURNING resource_type, resource_id";
const INSERT_TOKEN: &str =
    "INSERT INTO resource_token (tenant_id, resource_type, resource_id, param, code, system, effective_at)";
const INSERT_TEXT: &str = "INSERT INTO resource_string (tenant_id, resource_type, resource_id, param, exact, folded)";
const INSERT_RANGE: &str =
    "INSERT INTO resource_range (tenant_id, resource_type, resource_id, param, low, high, system, code)";

/// Type, id, date and index entries.
type Found<'a> = (&'a str, &'a str, Instant, &'a FoundBy);

/// Maximum number of keys in one statement.
const KEYS_AT_ONCE: usize = 64;
