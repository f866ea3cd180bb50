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
mod resolve;
mod resolve_by_hand;
mod reverse;
mod rules;
mod settle;
mod undertake;
mod unresolved;
mod view;

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_care::prescription;
use xinglin_domain::{
    billing::{Charge, ChargeState, Paid, claim},
    code::Code,
    coding::{Attribute, AttributeValue, Decimal},
    id::{BillId, EncounterId, PrescriptionId},
    money::{Money, Rounding},
    payer::{Bill, Line, LineKind},
    prescription::{Effective, Prescription, Rx},
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult,
    document::{Stored, next},
    settings::{self, FOLLOW_UP_VISIT, settings},
};
use xinglin_store::{Document, Executor, StoreError, TenantScope, TenantTx};

use self::view::view;
use crate::cash;

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
pub use self::resolve::resolve;
pub use self::resolve_by_hand::{Resolve, resolve_by_hand};
pub use self::reverse::reverse;
pub use self::rules::{PaymentRules, put_rules, rules};
pub use self::undertake::{Undertake, UndertakingText, undertake, undertaking};
pub use self::unresolved::{UnresolvedView, unresolved};
pub use self::view::{ChargeLine, ChargeView, PartView};

/// Maximum quantity of one item on a bill.
const MOST_OF_ONE: u32 = 10_000;

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

fn parent(row: &Row) -> AppResult<PrescriptionId> {
    row.parent_id.as_deref().unwrap_or_default().parse().map_err(AppError::internal)
}

/// The proof that a bill is paid, by its payers and by the patient, with the row it was read from; a use
/// case that relies on the proof updates the row in its transaction. The patient's money goes back with a
/// reversal of the bill only, which changes the row.
pub async fn paid<E: Executor>(records: &TenantScope<E>, id: BillId) -> AppResult<(Document<BillId>, Paid)> {
    let Stored { row, value } = load(records, id).await?;
    let cash = cash::find(records, id).await?.map(|stored| stored.till);
    Ok((row, value.paid(cash.as_ref())?))
}

/// What is wanted of a bill.
struct Wanted<'a> {
    extra: &'a [NewItem],
    /// Whether the personal account may be used.
    use_account: bool,
}

/// The visit, unless it is on another bill, the medicines, and what else is wanted, at the
/// formulary's prices.
///
/// # Errors
/// `MONEY_INVALID` if a line or the whole is more than a bill may be.
async fn bill<E: Executor>(
    records: &TenantScope<E>,
    id: BillId,
    rx: &Rx<Effective>,
    wanted: Wanted<'_>,
    now: Instant,
) -> AppResult<(Bill, Vec<claim::Item>)> {
    let settings = settings(records).await?;
    let rules = settings.rules()?;
    let (mut lines, mut items): (Vec<Line>, Vec<claim::Item>) = (Vec::new(), Vec::new());
    let mut total = Money::ZERO;
    let mut add = |item: &settings::Item, quantity: u32, attributes: Vec<Attribute>| {
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
        items.push(claim::Item { line: number, code: item.code.clone(), title: item.title.clone() });
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
    if records.find_document_by_key::<BillId>(&fee_of(rx.encounter())).await?.is_none() {
        add(settings.item(FOLLOW_UP_VISIT)?, 1, Vec::new())?;
    }
    for medicine in &rx.sheet().medicines {
        let item = settings.item_of(medicine).ok_or_else(|| {
            AppError::new(Code::BodyInvalid, format!("line {} is no longer in the formulary", medicine.line.number))
        })?;
        let line =
            Attribute { key: RX_LINE.to_owned(), value: AttributeValue::Integer(i64::from(medicine.line.number)) };
        add(item, medicine.supply.packs, vec![line])?;
    }
    for NewItem { item, quantity } in wanted.extra {
        let item = settings.item(item)?;
        if item.kind == LineKind::Medicine {
            return Err(AppError::new(Code::RxDrugBeforeRx, format!("`{}` needs a prescription", item.code)));
        }
        if item.code == FOLLOW_UP_VISIT {
            return Err(AppError::new(Code::BodyInvalid, format!("`{}` is charged once, by itself", item.code)));
        }
        if !(1..=MOST_OF_ONE).contains(quantity) {
            return Err(AppError::new(Code::BodyInvalid, format!("`{}`: 1 to {MOST_OF_ONE}", item.code)));
        }
        add(item, *quantity, Vec::new())?;
    }
    let bill = Bill {
        id: id.to_string(),
        served_at: now,
        diagnoses: rx.sheet().diagnoses.clone(),
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

async fn update(tx: &TenantTx, row: Row, charge: &Charge, now: Instant) -> AppResult<Row> {
    let mut row = next(row, charge.state().as_str(), charge, now)?;
    if matches!(charge.state(), ChargeState::Reversed | ChargeState::Declined | ChargeState::Abandoned) {
        row.exclusive_key = None;
    }
    row.version = tx.update_document(&row).await.map_err(|error| match error {
        StoreError::Unique { .. } => {
            AppError::new(Code::PayState, "the visit was charged meanwhile, on another bill; ask for another quote")
        }
        other => other.into(),
    })?;
    Ok(row)
}

/// Releases the prescription of a failed order, which can be used again while it is valid.
/// Must precede the write of the bill: all transactions lock the prescription first, which
/// avoids deadlocks.
async fn free(tx: &TenantTx, id: PrescriptionId, bill: BillId, now: Instant) -> AppResult<()> {
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
