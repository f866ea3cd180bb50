//! Charges: the price of a visit and its medicines, the payers, and settlement exactly once.
//!
//! A payment operation is stored before the payer is called, so after a crash its outcome can
//! be queried. An operation with an unknown outcome is never sent again. A reversal that was asked
//! for is stored too, and begun anew until the payer carries it out or refuses it, or has not carried
//! it out in [`operation::MOST_REVERSALS`] attempts.
//!
//! Who calls a payer holds the operation: immediately before the call its row and the bill's are
//! written, and whoever was superseded meanwhile gives up. Until [`operation::SILENCE_SECONDS`] later nobody asks
//! after the operation, so that none is begun beside one that is still in flight.

mod attend;
mod basis;
mod cancel;
mod confirm;
mod decide_anew;
mod deny;
mod expire;
mod get;
mod guard;
mod lapse;
mod notice;
mod operation;
mod payer;
mod quote;
mod refund;
mod resolve;
mod resolve_by_hand;
mod rest;
mod reverse;
mod rules;
mod settle;
mod undertake;
mod unresolved;
mod view;

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_care::{item_order, prescription};
use xinglin_domain::{
    billing::{Charge, ChargeState, Paid, Subject, claim},
    code::Code,
    coding::{Attribute, AttributeValue, Coding, Decimal},
    id::{BillId, EncounterId, ItemOrderId},
    item_order::{MOST_ORDERED, draw},
    money::{Money, Rounding},
    payer::{Bill, Line, LineKind},
    prescription::{Medicine, Prescription},
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult,
    document::{Stored, next},
    settings::{self, FOLLOW_UP_VISIT, settings},
};
use xinglin_store::{Document, Executor, StoreError, TenantScope, TenantTx};

use self::view::view;
use crate::till;

pub(crate) use self::decide_anew::decide_anew;
pub(crate) use self::guard::discloses;
pub(crate) use self::operation::{SILENCE_SECONDS, ask_again as ask_again_at, is_still_in_time};

pub use self::attend::attend;
pub use self::cancel::cancel;
pub use self::confirm::{Confirm, confirm};
pub use self::deny::{NewDenial, deny};
pub use self::expire::expire;
pub use self::get::get;
pub use self::lapse::lapse;
pub use self::quote::{NewCharge, quote};
pub use self::refund::{Begun, NewRefund, NewRefundLine, go_on, refund, refund_missing};
pub use self::resolve::resolve;
pub use self::resolve_by_hand::{Resolve, resolve_by_hand};
pub use self::reverse::reverse;
pub use self::rules::{PaymentRules, put_rules, rules};
pub use self::undertake::{Undertake, UndertakingText, undertake, undertaking};
pub use self::unresolved::{UnresolvedView, unresolved};
pub use self::view::{ChargeLine, ChargeView, PartView, RefundView};

/// The highest total of a bill, ten trillion yuan: about a nine-thousandth of what an amount holds.
const DEAREST_BILL: Money = Money::fen(1_000_000_000_000_000);

/// Which line of the prescription a line of the bill is for.
const RX_LINE: &str = "xinglin.prescription-line";

/// A quantity of an item.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    /// Code of the formulary.
    pub item: String,
    /// How many.
    pub quantity: u32,
}

type Row = Document<BillId>;

pub(crate) async fn load<E: Executor>(records: &TenantScope<E>, id: BillId) -> AppResult<Stored<BillId, Charge>> {
    records.get_document(id).await?.try_into()
}

/// What a bill is for.
fn subject(row: &Row) -> AppResult<Subject> {
    row.parent_id.as_deref().unwrap_or_default().parse().map_err(AppError::internal)
}

/// The proof that a bill is paid, by its payers and by the patient, with the row it was read from; a use
/// case that relies on the proof updates the row in its transaction. The patient's money goes back with a
/// reversal of the bill only, which changes the row.
pub async fn paid<E: Executor>(records: &TenantScope<E>, id: BillId) -> AppResult<(Document<BillId>, Paid)> {
    let Stored { row, value } = load(records, id).await?;
    let cash = till::find(records, id).await?.map(|stored| stored.till);
    Ok((row, value.paid(cash.as_ref())?))
}

/// What is wanted of a bill.
struct Wanted<'a> {
    extra: &'a [NewItem],
    /// Whether the personal account may be used.
    use_account: bool,
}

/// What is to be charged: the visit, its diagnoses, and medicines of it, if any.
struct Served<'a> {
    visit: EncounterId,
    diagnoses: &'a [Coding],
    medicines: &'a [Medicine],
}

/// The visit, unless it is on another bill, the medicines, and what else is wanted and ordered, at the
/// formulary's prices.
///
/// # Errors
/// `ORDER_REQUIRED` or `ORDER_QTY_EXCEEDED` for what no clinician of the visit has ordered, `PAY_STATE` if
/// nothing is left to be charged, `MONEY_INVALID` if a line or the whole is more than a bill may be.
async fn bill<E: Executor>(
    records: &TenantScope<E>,
    id: BillId,
    served: Served<'_>,
    wanted: Wanted<'_>,
    now: Instant,
) -> AppResult<(Bill, Vec<claim::Item>)> {
    let settings = settings(records).await?;
    let rules = settings.rules()?;
    let (mut lines, mut items): (Vec<Line>, Vec<claim::Item>) = (Vec::new(), Vec::new());
    let mut total = Money::ZERO;
    let mut add = |item: &settings::Item, quantity: u32, order: Option<ItemOrderId>, attributes: Vec<Attribute>| {
        // The list or the formulary may have changed since it was prescribed.
        rules.check_product(&item.product())?;
        let gross = item.price_fen.share(i64::from(quantity), 1, Rounding::HalfUp);
        let gross = gross.and_then(|gross| Ok((gross, total.plus(gross)?)));
        let gross = match gross {
            Ok((gross, sum)) if sum <= DEAREST_BILL => {
                total = sum;
                gross
            }
            _ => {
                let detail = format!("`{}`: the bill would be more than {} fen", item.code, DEAREST_BILL.as_fen());
                return Err(AppError::new(Code::MoneyInvalid, detail));
            }
        };
        let number = u32::try_from(lines.len()).unwrap_or(u32::MAX).saturating_add(1);
        items.push(claim::Item { line: number, code: item.code.clone(), title: item.title.clone(), order });
        lines.push(Line {
            number,
            kind: item.kind,
            code: item.all_codings(),
            quantity: Decimal::whole(i64::from(quantity)),
            gross,
            attributes,
        });
        Ok::<_, AppError>(())
    };
    if records.find_document_by_key::<BillId>(&fee_of(served.visit)).await?.is_none() {
        add(settings.item(FOLLOW_UP_VISIT)?, 1, None, Vec::new())?;
    }
    for medicine in served.medicines {
        let item = settings.item_of(medicine).ok_or_else(|| {
            AppError::new(Code::BodyInvalid, format!("line {} is no longer in the formulary", medicine.line.number))
        })?;
        let line =
            Attribute { key: RX_LINE.to_owned(), value: AttributeValue::Integer(i64::from(medicine.line.number)) };
        add(item, medicine.supply.packs, None, vec![line])?;
    }
    let mut orders = item_order::of_visit(records, served.visit).await?;
    for NewItem { item, quantity } in wanted.extra {
        let item = settings.item(item)?;
        if item.kind == LineKind::Medicine {
            return Err(AppError::new(Code::RxDrugBeforeRx, format!("`{}` needs a prescription", item.code)));
        }
        if item.code == FOLLOW_UP_VISIT {
            return Err(AppError::new(Code::BodyInvalid, format!("`{}` is charged once, by itself", item.code)));
        }
        if !(1..=MOST_ORDERED).contains(quantity) {
            return Err(AppError::new(Code::BodyInvalid, format!("`{}`: 1 to {MOST_ORDERED}", item.code)));
        }
        // What is no medicine sold as one is refused for what it is, ordered or not.
        rules.check_product(&item.product())?;
        for (order, quantity) in draw(&mut orders, (&item.code, *quantity), id, now)? {
            add(item, quantity, Some(order), Vec::new())?;
        }
    }
    if lines.is_empty() {
        let detail = "the visit's fee is on another bill, and nothing else is to be charged";
        return Err(AppError::new(Code::PayState, detail));
    }
    let bill = Bill {
        id: id.to_string(),
        served_at: now,
        diagnoses: served.diagnoses.to_vec(),
        lines,
        prior: Vec::new(),
        use_account: wanted.use_account,
        guarantees: BTreeMap::new(),
        attributes: Vec::new(),
    };
    Ok((bill, items))
}

/// The exclusive key of the bill that a visit's fee is on, from its confirmation until it is
/// declined, abandoned or reversed.
fn fee_of(visit: EncounterId) -> String {
    format!("fee/{visit}")
}

/// Whether the visit's fee is on the bill.
fn has_fee(charge: &Charge) -> bool {
    let first = charge.bill().lines.first().and_then(|line| charge.item(line.number));
    first.is_some_and(|item| item.code == FOLLOW_UP_VISIT)
}

/// How many of each clinician's order are on a bill.
fn ordered(charge: &Charge) -> BTreeMap<ItemOrderId, u32> {
    let mut ordered = BTreeMap::<ItemOrderId, u32>::new();
    for line in &charge.bill().lines {
        if let Some(order) = charge.item(line.number).and_then(|item| item.order) {
            let sum = ordered.entry(order).or_default();
            *sum = sum.saturating_add(line.units());
        }
    }
    ordered
}

/// Stores a bill. What it gives up with its end, others may charge: the visit's fee, and what was
/// ordered.
async fn update(tx: &TenantTx, row: Row, charge: &Charge, now: Instant) -> AppResult<Row> {
    let mut row = next(row, charge.state().as_str(), charge, now)?;
    if matches!(charge.state(), ChargeState::Reversed | ChargeState::Declined | ChargeState::Abandoned) {
        row.exclusive_key = None;
        for order in ordered(charge).into_keys() {
            item_order::keep(tx, order, charge.id(), 0, now).await?;
        }
    }
    row.version = tx.update_document(&row).await.map_err(|error| match error {
        StoreError::Unique { .. } => {
            AppError::new(Code::PayState, "the visit was charged meanwhile, on another bill; ask for another quote")
        }
        other => other.into(),
    })?;
    Ok(row)
}

/// Releases the prescription of a failed order, if it is one, which can be used again while it is valid.
/// Must precede the write of the bill: all transactions lock the prescription first, which
/// avoids deadlocks.
async fn free(tx: &TenantTx, subject: Subject, bill: BillId, now: Instant) -> AppResult<()> {
    let Subject::Prescription(id) = subject else { return Ok(()) };
    let Stored { row, value } = prescription::load(tx, id).await?;
    let ordered = value.reservation().is_some_and(|reservation| reservation.purchase.bill == bill);
    if let Prescription::Reserved(reserved) = value
        && ordered
    {
        tx.free_used(id, &bill.to_string()).await?;
        prescription::put(tx, row, &reserved.release(now), now).await?;
    }
    Ok(())
}
