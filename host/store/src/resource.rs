//! The clinical record: FHIR resources with their versions and search tokens.
//!
//! The body is JSON text that is never taken apart here. What can be searched
//! for is extracted by the caller and comes along as tokens.

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;
use xinglin_domain::time::Instant;

use crate::{
    Cursor, Executor, Result, StoreError, TenantScope, TenantTx,
    db::{Arg, Row, Sql, args, insert_many},
};

/// JSON text, known to be well formed, passed through as it is. PostgreSQL keeps
/// the value but not the order of keys nor white space.
pub type Json = Box<RawValue>;

/// A searchable value of a resource. References are tokens without a system:
/// `param = "encounter"`, `code = "Encounter/enc-…"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Token {
    /// Search parameter.
    pub param: String,
    /// Code system; empty if there is none.
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
    /// The version this becomes: 1 for a new one, otherwise the current one plus
    /// one. The body is expected to say the same in `meta`.
    pub version: i64,
    /// Whose record it belongs to; for a Patient its own id.
    pub patient_id: Option<String>,
    /// When it was true of the patient; what lists are sorted by.
    pub effective_at: Instant,
    /// When it is written.
    pub last_updated: Instant,
    /// Whether this version says that it is gone. It has no tokens then.
    pub deleted: bool,
    /// The resource.
    pub body: Json,
    /// What it can be found by.
    pub tokens: Vec<Token>,
}

/// A resource as stored.
#[derive(Debug, Clone)]
pub struct Resource {
    /// FHIR type.
    pub kind: String,
    /// FHIR id.
    pub id: String,
    /// From 1.
    pub version: i64,
    /// Whose record it belongs to.
    pub patient_id: Option<String>,
    /// When it was true of the patient.
    pub effective_at: Instant,
    /// When it was written.
    pub last_updated: Instant,
    /// Whether it is gone.
    pub deleted: bool,
    /// The resource.
    pub body: Json,
}

impl Resource {
    /// Where a list that ends here goes on.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.effective_at, id: self.id.clone() }
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

/// A code, in one system or in any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFilter {
    /// `None` for any; empty for codes without a system.
    pub system: Option<String>,
    /// The code.
    pub code: String,
}

/// A search parameter that must have one of these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFilter {
    /// Search parameter.
    pub param: String,
    /// Any of them will do; none at all matches nothing.
    pub any_of: Vec<CodeFilter>,
}

/// Which resources of a type. All filters must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceQuery {
    /// FHIR type.
    pub kind: String,
    /// Only of this patient's record.
    pub patient_id: Option<String>,
    /// Only these; empty for all.
    pub ids: Vec<String>,
    /// Only with these.
    pub tokens: Vec<TokenFilter>,
    /// Only effective then or later.
    pub from: Option<Instant>,
    /// Only effective before then.
    pub until: Option<Instant>,
    /// Only written then or later.
    pub updated_from: Option<Instant>,
}

/// Which resources of a patient's record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatientQuery {
    /// FHIR id.
    pub patient_id: String,
    /// FHIR types; empty for all.
    pub kinds: Vec<String>,
    /// Only with one of these as `code`; empty for all.
    pub codes: Vec<CodeFilter>,
    /// Only effective then or later.
    pub since: Option<Instant>,
    /// Only effective before that.
    pub before: Option<Instant>,
}

const COLUMNS: &str = "resource_type, resource_id, version, patient_id, effective_at, last_updated, deleted, body";

impl<E: Executor> TenantScope<E> {
    /// The current version, which may say that the resource is gone.
    ///
    /// # Errors
    /// `NotFound` if it never was.
    pub async fn get_resource(&self, kind: &str, id: &str) -> Result<Resource> {
        let sql =
            format!("SELECT {COLUMNS} FROM resource WHERE tenant_id = $1 AND resource_type = $2 AND resource_id = $3");
        let row = self.exec.row(Sql::new(sql, args![self.tenant, kind, id])).await?;
        row.ok_or_else(|| StoreError::not_found("resource", format!("{kind}/{id}")))?.try_into()
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
        let row = self.exec.row(Sql::new(sql, args![self.tenant, kind, id, version])).await?;
        row.ok_or_else(|| StoreError::not_found("resource", format!("{kind}/{id}/_history/{version}")))?.try_into()
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

    /// The current version numbers of those that exist, deleted ones included, by
    /// (type, id).
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

    /// What a patient's record holds, newest first, without what is gone.
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

    /// A page of the resources that match, newest first by `effective_at`, without
    /// what is gone.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_resources(
        &self,
        query: &ResourceQuery,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<Resource>> {
        let columns = "r.resource_type, r.resource_id, r.version, r.patient_id, r.effective_at, r.last_updated,
                       r.deleted, r.body";
        let (mut sql, order) = self.select(columns, query);
        if let Some(Cursor { at, id }) = after {
            sql.push(&format!(" AND ({order}.effective_at, {order}.resource_id) < ("));
            sql.bind(*at).push(", ").bind(id).push(")");
        }
        sql.push(&format!(" ORDER BY {order}.effective_at DESC, {order}.resource_id DESC LIMIT ")).bind(limit);
        self.collect(sql).await
    }

    /// How many resources match.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_resources(&self, query: &ResourceQuery) -> Result<i64> {
        let (sql, _) = self.select("COUNT(*) AS total", query);
        let row = self.exec.row(sql).await?;
        row.map_or(Ok(0), |row| row.get("total"))
    }

    /// All matching rows, and the table (`t`oken or `r`esource) to sort by.
    ///
    /// What drives the query decides whether a page costs the same in a large
    /// hospital as in a small one. A patient's or named resources are few.
    /// Otherwise, if some parameter has exactly one value, its index is read in
    /// the order of the page; if none has, the index of the type is.
    fn select(&self, columns: &str, query: &ResourceQuery) -> (Sql, &'static str) {
        let one_value = |filter: &TokenFilter| filter.any_of.len() == 1;
        let few = query.patient_id.is_some() || !query.ids.is_empty();
        let driver = if few { None } else { query.tokens.iter().position(one_value) };

        // The order of a CROSS JOIN is an order to SQLite, which keeps few
        // statistics; PostgreSQL decides for itself.
        let from = match driver {
            Some(_) => {
                "resource_token t CROSS JOIN resource r
                 WHERE t.tenant_id = $1 AND t.resource_type = $2 AND r.resource_id = t.resource_id AND"
            }
            None => "resource r WHERE",
        };
        let order = if driver.is_some() { "t" } else { "r" };
        let text = format!("SELECT {columns} FROM {from} r.tenant_id = $1 AND r.resource_type = $2");
        let mut sql = Sql::new(text, args![self.tenant, &query.kind]);
        sql.push(" AND r.deleted = FALSE");
        if let Some(patient) = &query.patient_id {
            sql.push(" AND r.patient_id = ").bind(patient);
        }
        if !query.ids.is_empty() {
            sql.push(" AND r.resource_id IN ").bind_all(&query.ids);
        }
        for (index, TokenFilter { param, any_of }) in query.tokens.iter().enumerate() {
            if driver == Some(index) {
                sql.push(" AND t.param = ").bind(param);
                push_any_of(&mut sql, "t", any_of);
                if any_of.iter().any(|code| code.system.is_none()) {
                    // A code that stands in several systems is one match.
                    sql.push(
                        " AND NOT EXISTS (SELECT 1 FROM resource_token y WHERE y.tenant_id = t.tenant_id
                          AND y.resource_type = t.resource_type AND y.resource_id = t.resource_id
                          AND y.param = t.param AND y.code = t.code AND y.system < t.system)",
                    );
                }
            } else {
                push_has_token(&mut sql, param, any_of);
            }
        }
        for (comparison, bound) in [(">=", query.from), ("<", query.until)] {
            if let Some(bound) = bound {
                sql.push(&format!(" AND {order}.effective_at {comparison} ")).bind(bound);
            }
        }
        if let Some(from) = query.updated_from {
            sql.push(" AND r.last_updated >= ").bind(from);
        }
        (sql, order)
    }

    async fn collect(&self, sql: Sql) -> Result<Vec<Resource>> {
        self.exec.rows(sql).await?.into_iter().map(TryInto::try_into).collect()
    }
}

/// `AND` resource `r` has one of these values for `param`.
fn push_has_token(sql: &mut Sql, param: &str, any_of: &[CodeFilter]) {
    sql.push(
        " AND EXISTS (SELECT 1 FROM resource_token x WHERE x.tenant_id = r.tenant_id
          AND x.resource_type = r.resource_type AND x.resource_id = r.resource_id AND x.param = ",
    );
    sql.bind(param);
    push_any_of(sql, "x", any_of);
    sql.push(")");
}

fn push_any_of(sql: &mut Sql, table: &str, any_of: &[CodeFilter]) {
    if any_of.is_empty() {
        sql.push(" AND FALSE");
    }
    for (index, CodeFilter { system, code }) in any_of.iter().enumerate() {
        sql.push(if index == 0 { " AND (" } else { " OR " });
        sql.push(&format!("{table}.code = ")).bind(code);
        if let Some(system) = system {
            sql.push(&format!(" AND {table}.system = ")).bind(system);
        }
    }
    sql.push(if any_of.is_empty() { "" } else { ")" });
}

impl TenantTx {
    /// Writes resources, each once; versions that are superseded go to the history.
    ///
    /// # Errors
    /// `VersionConflict` if one is not the successor of what is stored; `Invalid`
    /// if one comes twice.
    pub async fn put_resources(&self, writes: &[ResourceWrite]) -> Result<()> {
        let keys: HashSet<_> = writes.iter().map(|write| (&write.kind, &write.id)).collect();
        if keys.len() < writes.len() {
            return Err(StoreError::Invalid { detail: "a resource comes twice".to_owned() });
        }
        let successors: Vec<_> = writes.iter().filter(|write| write.version > 1).collect();
        let mut superseded = HashSet::new();
        for chunk in successors.chunks(KEYS_AT_ONCE) {
            superseded.extend(self.keys_of(self.supersede(chunk)).await?);
            self.exec.execute(self.forget_tokens(chunk)).await?;
        }
        let mut written = HashSet::new();
        for sql in insert_many(INSERT, self.rows(writes)?, UNLESS_CHANGED) {
            written.extend(self.keys_of(sql).await?);
        }
        let odd = writes.iter().find(|write| {
            let key = (write.kind.clone(), write.id.clone());
            !written.contains(&key) || (write.version > 1 && !superseded.contains(&key))
        });
        if let Some(ResourceWrite { kind, id, .. }) = odd {
            let error = StoreError::conflict("resource", format!("{kind}/{id}"));
            return Err(self.exec.doom(error).await);
        }
        self.exec.execute_all(insert_many(INSERT_TOKEN, self.token_rows(writes), "")).await?;
        Ok(())
    }

    /// Copies what these are the successors of.
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

    fn forget_tokens(&self, writes: &[&ResourceWrite]) -> Sql {
        let text = "DELETE FROM resource_token WHERE tenant_id = $1 AND (resource_type, resource_id) IN (VALUES ";
        let mut sql = Sql::new(text, args![self.tenant]);
        for (index, write) in writes.iter().enumerate() {
            sql.push(if index == 0 { "" } else { ", " }).bind_all(args![&write.kind, &write.id]);
        }
        sql.push(")");
        sql
    }

    fn rows(&self, writes: &[ResourceWrite]) -> Result<Vec<Vec<Arg>>> {
        let row = |write: &ResourceWrite| {
            Ok(args![
                self.tenant,
                &write.kind,
                &write.id,
                write.version,
                &write.patient_id,
                write.effective_at,
                write.last_updated,
                write.deleted,
                Arg::json(&write.body)?
            ])
        };
        writes.iter().map(row).collect()
    }

    fn token_rows(&self, writes: &[ResourceWrite]) -> Vec<Vec<Arg>> {
        let mut rows = Vec::new();
        for write in writes.iter().filter(|write| !write.deleted) {
            let distinct: HashSet<&Token> = write.tokens.iter().collect();
            rows.extend(distinct.into_iter().map(|Token { param, system, code }| {
                args![self.tenant, &write.kind, &write.id, param, code, system, write.effective_at]
            }));
        }
        rows
    }

    /// The (type, id) of each row a statement returns.
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

/// How many keys one statement names.
const KEYS_AT_ONCE: usize = 64;
