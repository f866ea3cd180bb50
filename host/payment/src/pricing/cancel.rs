use xinglin_domain::{access::Action, code::Code, consent::Purpose, id::PurchaseId, pricing::sale::SaleState};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_platform::{AppError, AppResult, Caller, boxed, document::Stored};
use xinglin_runtime::Interface;
use xinglin_store::Queue;

use super::{SaleView, book::Posting, load, lock, undecided, update, view};

/// Cancels what was bought: the list of prices says what of it is given back, at most what was paid. What a
/// service took from a package is given back if it has not begun.
///
/// # Errors
/// `PRICE_STATE` if it was not bought, is completed, or was cancelled before; `VERSION_CONFLICT` if it changed
/// meanwhile.
#[tracing::instrument(target = "xinglin::trace", name = "cancel_purchase", skip_all)]
#[boxed]
pub async fn cancel(extensions: &Extensions, caller: &Caller, id: PurchaseId) -> AppResult<SaleView> {
    caller.may(Action::CancelPurchase)?;
    let records = extensions.platform.records(caller);
    let Stored { row, value: mut sale } = load(&records, id).await?;
    caller.may_act_on(sale.patient, "purchase", id)?;
    let passed = sale.pass_days(caller.now)?;
    let purchase = sale.purchase()?;
    let (install, plugin) = install::one_playing(extensions, &records, &sale.plugin, Interface::Pricing).await?;
    let mut calls = Calls::new(extensions, records.id(), &caller.request_id, caller.now)
        .of(sale.patient, Purpose::Payment)
        .about(id);
    let context = calls.context(&install, &plugin)?;
    let call = extensions.runtime().price_refund(&plugin, context, &purchase, caller.now).await;
    let refund = calls.took(&install, call).await?.map_err(|error| undecided(&error).with("calls", calls.views()))?;
    let began = sale.state() != SaleState::Bought;

    let tx = records.begin().await?;
    lock(&tx, sale.patient).await?;
    if tx.get_document(id).await?.version != row.version {
        return Err(AppError::new(Code::VersionConflict, "it has changed meanwhile: cancel again"));
    }
    let by = Some(caller.actor.account);
    for (day, earned) in &passed {
        Posting { tx: &tx, sale: &sale, now: caller.now, by: None }.earned(*day, earned).await?;
    }
    let back = sale.cancel(&refund)?;
    Posting { tx: &tx, sale: &sale, now: caller.now, by }.back(back).await?;
    if !began {
        for drawn in sale.drawn().to_vec() {
            let Stored { row, value: mut package } = load(&tx, drawn.from).await?;
            package.give_back(&drawn)?;
            update(&tx, row, &package, caller.now).await?;
        }
    }
    update(&tx, row, &sale, caller.now).await?;
    tx.drop_work(Queue::Purchase, &id.to_string()).await?;
    let calls = calls.write(&tx).await?;
    tx.commit().await?;
    view(&sale, calls)
}
