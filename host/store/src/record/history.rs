//! Histories: versions of all resources or of one type, newest first.

use serde::{Deserialize, Serialize};
use xinglin_domain::{compartment::Compartments, time::Instant};

use crate::{
    Executor, Resource, Result, TenantScope,
    db::{Sql, args},
    record::{criterion::push_withheld, resource::COLUMNS},
};

/// A query of versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Of this FHIR type; `None` for all.
    pub kind: Option<String>,
    /// Written at or after this time.
    pub since: Option<Instant>,
    /// In the records of these patients, if given. A version belongs to the record that it was
    /// written to.
    pub within: Option<Vec<String>>,
    /// Excludes resources in these compartments.
    pub withheld: Compartments,
}

/// A position in the order of writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionPlace {
    /// When it was written.
    pub at: Instant,
    /// FHIR type.
    pub kind: String,
    /// FHIR id.
    pub id: String,
    /// From 1.
    pub version: i64,
}

impl From<&Resource> for VersionPlace {
    fn from(resource: &Resource) -> Self {
        Self {
            at: resource.last_updated,
            kind: resource.kind.clone(),
            id: resource.id.clone(),
            version: resource.version,
        }
    }
}

impl<E: Executor> TenantScope<E> {
    /// Versions after `after`, newest first, including those that mark a deletion.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_history(
        &self,
        query: &HistoryQuery,
        after: Option<&VersionPlace>,
        limit: u32,
    ) -> Result<Vec<Resource>> {
        const NEWEST_FIRST: &str =
            " ORDER BY last_updated DESC, resource_type DESC, resource_id DESC, version DESC LIMIT ";
        let mut sql = Sql::new("", args![self.tenant]);
        // From each table at most one page, in the order of its own index.
        for (table, before) in [("resource", ""), ("resource_history", " UNION ALL ")] {
            sql.push(before).push(&format!("SELECT * FROM (SELECT {COLUMNS} FROM {table} v WHERE v.tenant_id = $1"));
            if let Some(kind) = &query.kind {
                sql.push(" AND v.resource_type = ").bind(kind);
            }
            if let Some(since) = query.since {
                sql.push(" AND v.last_updated >= ").bind(since);
            }
            if let Some(VersionPlace { at, kind, id, version }) = after {
                sql.push(" AND v.last_updated <= ").bind(*at);
                sql.push(" AND (v.last_updated, v.resource_type, v.resource_id, v.version) < (");
                sql.bind(*at).push(", ").bind(kind).push(", ").bind(id).push(", ").bind(*version).push(")");
            }
            match query.within.as_deref() {
                Some([]) => drop(sql.push(" AND FALSE")),
                Some(patients) => drop(sql.push(" AND v.patient_id IN ").bind_all(patients)),
                None => {}
            }
            push_withheld(&mut sql, "v", query.withheld);
            sql.push(NEWEST_FIRST).bind(limit).push(&format!(") {table}_versions"));
        }
        sql.push(NEWEST_FIRST).bind(limit);
        self.collect(sql).await
    }
}
