use xinglin_domain::{access::Action, id::ItemOrderId};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};

use super::{ItemOrderView, load, put, view};

/// The doctor who ordered takes the order back: no more of it is billed. What is on bills stays.
///
/// # Errors
/// `AUTH_FORBIDDEN` for another doctor, `ORDER_STATE` if it was taken back before.
#[boxed]
pub async fn revoke(platform: &Platform, caller: &Caller, id: ItemOrderId) -> AppResult<ItemOrderView> {
    caller.may(Action::OrderItem)?;
    let Stored { row, mut value } = load(&platform.records(caller), id).await?;
    caller.trail.saw(value.patient());
    value.revoke(&caller.actor, caller.now)?;
    let tx = platform.begin(caller).await?;
    put(&tx, row, &value, caller.now).await?;
    tx.commit().await?;
    Ok(view(&value, caller.now))
}
