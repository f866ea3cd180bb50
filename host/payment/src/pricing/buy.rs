use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_care::safety;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::PurchaseId,
    money::Money,
    pricing::sale::{Drawn, Sale},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::patient;
use xinglin_store::{Queue, Work};

use super::{SaleView, book::Posting, load, lock, running, update, view};

/// The patient's agreement to a price.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Buy {
    /// What the patient agrees to pay now; must equal the offer.
    #[schema(value_type = i64)]
    pub agreed_fen: Money,
}

/// Buys what was offered: what is due now is owed by the patient, and what the price takes from packages is
/// taken.
///
/// # Errors
/// `PRICE_STATE` if it was bought before, has expired or costs another amount, if a package holds too little
/// meanwhile, or runs already; `PATIENT_…` if nothing more may be done for the patient, `ENC_RED_FLAG_OPEN` while they wait
/// in danger for a person.
#[boxed]
pub async fn buy(platform: &Platform, caller: &Caller, id: PurchaseId, ask: Buy) -> AppResult<SaleView> {
    caller.may(Action::BuyService)?;
    let records = platform.records(caller);
    let patient = load(&records, id).await?.value.patient;
    caller.may_act_on(patient, "purchase", id)?;
    let tx = records.begin().await?;
    lock(&tx, patient).await?;
    patient::lock(&tx, patient).await?;
    patient::treatable(&tx, patient).await?;
    safety::none_locks(&tx, patient).await?;
    let Stored { row, value: mut sale } = load(&tx, id).await?;
    let mut held = running(&tx, patient, &sale.plugin).await?;
    let counts = |one: &Sale| one.balances().iter().map(|balance| (balance.code.clone(), balance.period)).collect();
    let open: Vec<_> = held.iter().flat_map(|one| -> Vec<_> { counts(&one.value) }).collect();
    let overlaps = sale.price.opens.iter().any(|new| {
        open.iter()
            .any(|(code, period)| *code == new.code && period.start < new.period.end && new.period.start < period.end)
    });
    if overlaps {
        return Err(AppError::new(Code::PriceState, "the package runs already"));
    }
    let mut drawn = Vec::new();
    for (at, draw) in sale.price.draws.clone().into_iter().enumerate() {
        let worth = if at == 0 { sale.price.list_price } else { Money::ZERO };
        let package = held.iter_mut().find(|one| one.value.balances().iter().any(|balance| balance.is_of(&draw)));
        let package =
            package.ok_or_else(|| AppError::new(Code::PriceState, format!("no package has `{}`", draw.code)))?;
        let taken = Drawn { from: package.value.id, draw, worth };
        package.value.draw(&taken, caller.now)?;
        package.row = update(&tx, package.row.clone(), &package.value, caller.now).await?;
        drawn.push(taken);
    }
    let moves = sale.buy(ask.agreed_fen, drawn, caller.now)?;
    let posting = Posting { tx: &tx, sale: &sale, now: caller.now, by: Some(caller.actor.account) };
    posting.moves(moves).await?;
    update(&tx, row, &sale, caller.now).await?;
    if let Some(day) = sale.next_day() {
        tx.put_work(&[Work::new(Queue::Purchase, id, id, day)]).await?;
    }
    tx.commit().await?;
    view(&sale, Vec::new())
}
