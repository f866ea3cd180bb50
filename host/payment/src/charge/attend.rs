use xinglin_care::pathway::Occasion;
use xinglin_domain::{
    billing::{By, Charge},
    id::BillId,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{AppError, AppResult, boxed, document::Stored, work};
use xinglin_store::{StoreError, Work};

use super::{guard::may_reverse, operation::begin_reversal, settle::carry_out, update};

/// Attends to a bill: a quote that nobody confirmed in time lapses; a reversal that waited for another bill
/// is begun once it may be, and waits on until then, each time as long again, up to an hour.
///
/// # Errors
/// If the store fails; it is tried again.
#[tracing::instrument(target = "xinglin::trace", name = "attend_charge", skip_all)]
#[boxed]
pub async fn attend(extensions: &Extensions, work: &Work, occasion: &Occasion) -> AppResult<()> {
    let platform = &extensions.platform;
    let (records, now) = (platform.store().tenant(work.tenant), occasion.now);
    let id: BillId = work.id.parse().map_err(AppError::internal)?;
    let Stored { row, value } = match records.get_document(id).await {
        Ok(row) => row.try_into()?,
        // It was erased.
        Err(StoreError::NotFound { .. }) => return work::finish(&records, work).await,
        Err(error) => return Err(error.into()),
    };
    match value {
        Charge::Quoted(quoted) if now < quoted.state().valid_until => {
            work::postpone(&records, work, quoted.state().valid_until).await
        }
        Charge::Quoted(quoted) => {
            let tx = records.begin().await?;
            update(&tx, row, &quoted.lapse(now)?.into(), now).await?;
            tx.finish_work(work).await?;
            Ok(tx.commit().await?)
        }
        Charge::Unwinding(waiting) if waiting.state().held.is_some() => {
            let tx = records.begin().await?;
            match may_reverse(&tx, &waiting.clone().into()).await? {
                Ok(free) => {
                    let begun = platform.now();
                    let reversing = waiting.reverse(By::Host, begun)?;
                    let row = begin_reversal(&tx, row, reversing.clone(), &free, begun).await?;
                    tx.finish_work(work).await?;
                    tx.commit().await?;
                    carry_out(extensions, &records, row, reversing.into(), occasion).await.map(drop)
                }
                Err(held) => {
                    if waiting.state().held != Some(held) {
                        update(&tx, row, &waiting.hold(held).into(), now).await?;
                    }
                    tx.put_off_work(work, work::next_try(work, now)).await?;
                    Ok(tx.commit().await?)
                }
            }
        }
        _ => work::finish(&records, work).await,
    }
}
