//! Resources of the record: reads within the caller's access, and writes of next versions.

mod labels;
mod read;
mod read_history;
mod read_version;
mod write;

use std::collections::BTreeSet;

use serde_json::Value;
use xinglin_domain::code::Code;
use xinglin_platform::{AppError, AppResult, Caller, Platform};
use xinglin_store::{Executor, Resource, ResourceQuery, StoreError, TenantScope};

use crate::consent;

pub(crate) use self::labels::labels;
pub use self::labels::{label_anew, marked};
pub use self::read::read;
pub use self::read_history::read_history;
pub use self::read_version::read_version;
pub(crate) use self::write::write;
pub use self::write::{mint, project};

/// One version of a resource, or the current one, if the caller may see it.
///
/// Staff see the hospital's records except restricted compartments, a patient their own, an
/// insurer what consent covers. Others get `NOT_FOUND` also for deleted resources.
pub(crate) async fn visible<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    caller: &Caller,
    kind: &str,
    id: &str,
    version: Option<i64>,
) -> AppResult<Resource> {
    let (resource, labels) = match version {
        None => records.get_labelled_resource(kind, id).await?,
        Some(version) => {
            let resource = records.get_resource_version(kind, id, version).await?;
            (resource, records.resource_compartments(kind, id).await?)
        }
    };
    let may_read = consent::may_read(platform, caller, &resource, labels).await?;
    match (may_read, resource.deleted) {
        (false, _) => Err(AppError::not_found("resource", format!("{kind}/{id}"))),
        (true, true) => Err(AppError::new(Code::Deleted, format!("{kind}/{id} was deleted"))),
        (true, false) => Ok(resource),
    }
}

/// The id of the medicine that a request or statement names by reference.
pub fn medication(resource: &Value) -> Option<&str> {
    resource["medicationReference"]["reference"].as_str()?.strip_prefix("Medication/")?.split('/').next()
}

/// Medications by id. They belong to no patient, so no patient's record lists them.
pub async fn medications<E: Executor>(
    records: &TenantScope<E>,
    ids: impl IntoIterator<Item = &str>,
) -> Result<Vec<(String, Value)>, StoreError> {
    const AT_ONCE: u32 = 200;
    let ids: BTreeSet<&str> = ids.into_iter().collect();
    let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
    let mut found = Vec::new();
    for ids in ids.chunks(AT_ONCE as usize) {
        let query = ResourceQuery { kind: "Medication".to_owned(), ids: ids.to_vec(), ..ResourceQuery::default() };
        for row in records.list_resources(&query, None, AT_ONCE).await? {
            let body = serde_json::from_str(row.body.get()).unwrap_or_default();
            found.push((row.id, body));
        }
    }
    Ok(found)
}
