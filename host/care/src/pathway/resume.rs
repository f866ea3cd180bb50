use serde::{Deserialize, Serialize};
use xinglin_domain::{id::EnrolmentId, pathway::Event, time::Instant};
use xinglin_extensions::install::Resumption;
use xinglin_platform::{AppError, AppResult, boxed};
use xinglin_store::{Cursor, Document, DocumentQuery, Tenant, Work};

use crate::event::keep_from;

/// How many patients are told in one transaction; the next ones a second later.
const PAGE: u32 = 200;

/// Where the pages are.
#[derive(Debug, Serialize, Deserialize)]
struct Page {
    #[serde(flatten)]
    resumption: Resumption,
    #[serde(default)]
    after: Option<Cursor>,
}

/// A pathway is here again after it was disabled, recalled or replaced by another version: the pathway of each patient
/// who is enrolled is told since when it was away. A page at a time, each in one transaction with the work of the next.
///
/// # Errors
/// If the store fails.
#[tracing::instrument(target = "xinglin::trace", name = "resume_pathway", skip_all)]
#[boxed]
pub async fn resume(records: &Tenant, work: &Work, now: Instant) -> AppResult<()> {
    let page: Page = serde_json::from_value(work.payload.clone()).map_err(AppError::internal)?;
    let query = DocumentQuery {
        parent_id: Some(work.lane.clone()),
        statuses: vec!["active".into()],
        ..DocumentQuery::default()
    };
    let rows = records.list_documents::<EnrolmentId>(&query, page.after.as_ref(), PAGE).await?;
    let tx = records.begin().await?;
    if !tx.finish_work(work).await? {
        return Ok(());
    }
    for row in &rows {
        keep_from(&tx, row.id, vec![Event::Resumed(page.resumption.since)], now).await?;
    }
    if rows.len() == PAGE as usize {
        let after = rows.last().map(Document::cursor);
        let next = Page { after, ..page };
        let payload = serde_json::to_value(next).map_err(AppError::internal)?;
        let next = Work { payload, ..Work::new(work.queue, &work.id, &work.lane, now.plus_seconds(1)) };
        tx.put_work(&[next]).await?;
    }
    Ok(tx.commit().await?)
}
