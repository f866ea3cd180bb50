use xinglin_care::pathway::Occasion;
use xinglin_domain::id::PurchaseId;
use xinglin_platform::{AppError, AppResult, Platform, boxed, document::Stored, work};
use xinglin_store::Work;

use super::{book::Posting, load, lock, update};

/// Books what the days of a package that are over have earned, each on its day, or if the books of that are
/// closed, on the first open one.
///
/// # Errors
/// If the store fails; it is tried again.
#[boxed]
pub async fn pass_days(platform: &Platform, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let records = platform.store().tenant(work.tenant);
    let id: PurchaseId = work.lane.parse().map_err(AppError::internal)?;
    let sale = match load(&records, id).await {
        Ok(Stored { value, .. }) => value,
        Err(error) if error.code == xinglin_domain::code::Code::NotFound => return work::finish(&records, work).await,
        Err(error) => return Err(error),
    };
    let tx = records.begin().await?;
    lock(&tx, sale.patient).await?;
    let Stored { row, value: mut sale } = load(&tx, id).await?;
    for (day, earned) in sale.pass_days(occasion.now)? {
        Posting { tx: &tx, sale: &sale, now: occasion.now, by: None }.earned(day, &earned).await?;
    }
    update(&tx, row, &sale, occasion.now).await?;
    let held = match sale.next_day() {
        Some(day) => tx.put_off_work(work, day).await?,
        None => tx.finish_work(work).await?,
    };
    if held { Ok(tx.commit().await?) } else { Ok(()) }
}
