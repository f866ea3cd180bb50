use serde_json::Value;
use xinglin_fhir::index;
use xinglin_platform::{Platform, boxed};
use xinglin_store::{RecordQuery, Resource};

/// Rebuilds the search index of all records if it was built by another revision of the
/// parameter tables.
#[boxed]
pub async fn index_anew(platform: &Platform) -> xinglin_store::Result<()> {
    const KEY: &str = "search-index";
    const PIECE: u32 = 500;
    let operator = platform.store().operator();
    if operator.find_meta::<u32>(KEY).await? == Some(index::REVISION) {
        return Ok(());
    }
    for tenant in operator.list_tenants().await? {
        let (records, mut after, mut indexed) = (platform.store().tenant(tenant.id), None::<(String, String)>, 0);
        loop {
            let tx = records.begin().await?;
            let from = after.as_ref().map(|(kind, id)| (kind.as_str(), id.as_str()));
            let piece = tx.list_record(&RecordQuery::default(), from, PIECE).await?;
            let Some(last) = piece.last() else { break };
            after = Some((last.kind.clone(), last.id.clone()));
            indexed += piece.len();
            let found = |resource: Resource| {
                let value: Value = serde_json::from_str(resource.body.get()).unwrap_or_default();
                (resource, index::index(&value).found_by)
            };
            tx.reindex_resources(&piece.into_iter().map(found).collect::<Vec<_>>()).await?;
            tx.commit().await?;
        }
        if indexed > 0 {
            tracing::info!(tenant = %tenant.id, indexed, "records indexed anew");
        }
    }
    let tx = operator.begin().await?;
    tx.put_meta(KEY, &index::REVISION).await?;
    tx.commit().await
}
