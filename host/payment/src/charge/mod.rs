//! Charges: the price of a visit and its medicines, the payers, and settlement exactly once.
//!
//! A payment operation is stored before the payer is called, so after a crash its outcome can
//! be queried. An operation with an unknown outcome is never sent again.

mod confirm;
mod get;
mod quote;
mod resolve;
mod reverse;
mod settle;
mod view;

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_care::prescription;
use xinglin_domain::{
    billing::{
        BillingError, Charge, Claim, Paid,
        claim::{Confirmed, Drifted, Reversing, Settling},
    },
    code::Code,
    coding::{Attribute, AttributeValue, Decimal},
    id::{BillId, PaymentId, PrescriptionId},
    payer::{self, Bill, Line},
    prescription::Prescription,
    time::Instant,
};
use xinglin_extensions::call::Calls;
use xinglin_fhir::project;
use xinglin_platform::{
    AppError, AppResult, ambient,
    document::{Stored, next},
    settings::{FOLLOW_UP_VISIT, settings},
};
use xinglin_records::resource;
use xinglin_store::{Document, Executor, Operation as StoredOperation, OperationState, Started, TenantScope, TenantTx};

use self::{
    settle::{Finished, Outcome, Payer, Verb, payer_of, reverse_payment, settle},
    view::{claim_projection, restricted, view},
};
use crate::ledger;

pub use self::confirm::{Confirm, confirm};
pub use self::get::get;
pub use self::quote::{NewCharge, quote};
pub use self::resolve::resolve;
pub use self::reverse::reverse;
pub use self::view::{ChargeLine, ChargeView, PartView};

/// Maximum quantity of one item on a bill.
const MOST_OF_ONE: u32 = 10_000;

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

async fn load<E: Executor>(records: &TenantScope<E>, id: BillId) -> AppResult<Stored<BillId, Charge>> {
    records.get_document(id).await?.try_into()
}

fn parent(row: &Row) -> AppResult<PrescriptionId> {
    row.parent_id.as_deref().unwrap_or_default().parse().map_err(AppError::internal)
}

/// The proof that a bill is paid, with the row it was read from; a use case that relies on the
/// proof updates the row in its transaction.
pub async fn paid<E: Executor>(records: &TenantScope<E>, id: BillId) -> AppResult<(Document<BillId>, Paid)> {
    let Stored { row, value } = load(records, id).await?;
    Ok((row, value.paid()?))
}

/// The visit, the medicines, and what else is wanted, at the formulary's prices.
async fn bill<E: Executor>(
    records: &TenantScope<E>,
    id: BillId,
    sheet: &xinglin_domain::prescription::Sheet,
    extra: &[NewItem],
    now: Instant,
) -> AppResult<Bill> {
    let settings = settings(records).await?;
    let rules = settings.rules()?;
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |item: &xinglin_platform::settings::Item, quantity: u32, attributes: Vec<Attribute>| {
        // The list or the formulary may have changed since it was prescribed.
        rules.check_product(&item.product())?;
        let gross = item.price_fen.share(i64::from(quantity), 1, xinglin_domain::money::Rounding::HalfUp);
        let number = u32::try_from(lines.len()).unwrap_or(u32::MAX).saturating_add(1);
        lines.push(Line {
            number,
            kind: item.kind,
            code: item.codings.clone(),
            quantity: Decimal::whole(i64::from(quantity)),
            gross: gross.map_err(|error| AppError::new(Code::MoneyInvalid, error.to_string()))?,
            attributes,
        });
        Ok::<_, AppError>(())
    };
    add(settings.item(FOLLOW_UP_VISIT)?, 1, Vec::new())?;
    for medicine in &sheet.medicines {
        let item = settings.item_of(medicine).ok_or_else(|| {
            AppError::new(Code::BodyInvalid, format!("line {} is no longer in the formulary", medicine.line.number))
        })?;
        let line =
            Attribute { key: RX_LINE.to_owned(), value: AttributeValue::Integer(i64::from(medicine.line.number)) };
        add(item, medicine.supply.packs, vec![line])?;
    }
    for NewItem { item, quantity } in extra {
        let item = settings.item(item)?;
        if item.kind == payer::LineKind::Medicine {
            return Err(AppError::new(Code::RxDrugBeforeRx, format!("`{}` needs a prescription", item.code)));
        }
        if !(1..=MOST_OF_ONE).contains(quantity) {
            return Err(AppError::new(Code::BodyInvalid, format!("`{}`: 1 to {MOST_OF_ONE}", item.code)));
        }
        add(item, *quantity, Vec::new())?;
    }
    Ok(Bill {
        id: id.to_string(),
        served_at: now,
        diagnoses: sheet.diagnoses.clone(),
        lines,
        prior: Vec::new(),
        use_account: true,
        attributes: Vec::new(),
    })
}

/// How long after a payer was called with no known outcome it is queried, in seconds.
const SILENCE_SECONDS: i64 = 10;

/// Creates the operation's key and stores it as pending, before the payer is called.
async fn begin(
    tx: &TenantTx,
    row: Row,
    confirmed: Claim<Confirmed>,
    now: Instant,
) -> AppResult<(Row, Claim<Settling>)> {
    let settling = confirmed.begin(now)?;
    let row = write_down(tx, row, settling.clone().into(), Verb::Settle, now).await?;
    Ok((row, settling))
}

/// As [`begin`], for a settlement that differs from the confirmed quote.
async fn take_back(
    tx: &TenantTx,
    row: Row,
    drifted: Claim<Drifted>,
    now: Instant,
) -> AppResult<(Row, Claim<Reversing>)> {
    let reversing = drifted.reverse(now)?;
    let row = write_down(tx, row, reversing.clone().into(), Verb::Reverse, now).await?;
    Ok((row, reversing))
}

async fn write_down(tx: &TenantTx, row: Row, charge: Charge, verb: Verb, now: Instant) -> AppResult<Row> {
    let attempt = charge.attempt().ok_or_else(|| AppError::internal("an operation without a name"))?;
    let started = tx
        .start_payment(
            &StoredOperation {
                tenant: tx.id(),
                key: attempt.operation.key.clone(),
                bill_id: charge.id(),
                payer: charge.payer().unwrap_or_default().to_owned(),
                verb: verb.as_str().to_owned(),
                request_digest: attempt.request.to_string(),
                state: OperationState::Pending,
                response: None,
                version: 0,
                created_at: now,
                updated_at: now,
            },
            now.plus_seconds(SILENCE_SECONDS),
        )
        .await?;
    if let Started::Known(before) = started {
        return Err(BillingError::Conflict(before.key).into());
    }
    update(tx, row, &charge, now).await
}

/// Stores the outcome of an operation: the bill's next state, ledger entries, the accumulators
/// of the coverage, and the prescription if it is released. A follow-up operation is stored in
/// the same transaction, so it is resumed after a crash.
async fn finish(
    tx: &TenantTx,
    row: Row,
    outcome: Outcome,
    payer: &Payer,
    calls: Calls<'_>,
    now: Instant,
) -> AppResult<Finished> {
    let Outcome { verb, key, unsent, after } = outcome;
    let state = match (verb, &after) {
        (_, Charge::Unknown(_)) => OperationState::Unknown,
        (Verb::Settle, Charge::Settled(_) | Charge::Drifted(_) | Charge::Declined(_))
        | (Verb::Reverse, Charge::Reversed(_)) => OperationState::Done,
        _ => OperationState::Failed,
    };
    let response = serde_json::to_value(&after).map_err(AppError::internal)?;
    mark(tx, &key, state, Some(response), now).await?;
    let (row, charge) = match (verb, after) {
        (Verb::Settle, Charge::Confirmed(confirmed)) if unsent => {
            let (row, settling) = begin(tx, row, confirmed, now).await?;
            (row, settling.into())
        }
        (verb, Charge::Drifted(drifted)) if unsent || verb == Verb::Settle => {
            // It did happen: the payer takes back from the figures that it left.
            let drift = drifted.state();
            if verb == Verb::Settle && drift.problem == Code::InsPresettleDrift {
                run_on(tx, payer, &drift.settlement.adjudication.accumulators, now).await?;
            }
            let (row, reversing) = take_back(tx, row, drifted, now).await?;
            (row, reversing.into())
        }
        (Verb::Settle, settled @ Charge::Settled(_)) => {
            (post_settled(tx, row, &settled, Some(payer), now).await?, settled)
        }
        (_, reversed @ Charge::Reversed(_)) => (post_reversed(tx, row, &reversed, Some(payer), now).await?, reversed),
        (_, declined @ Charge::Declined(_)) => {
            free(tx, parent(&row)?, row.id, now).await?;
            (update(tx, row, &declined, now).await?, declined)
        }
        (_, after) => (update(tx, row, &after, now).await?, after),
    };
    Ok(Finished { row, charge, calls: calls.write(tx).await? })
}

async fn update(tx: &TenantTx, row: Row, charge: &Charge, now: Instant) -> AppResult<Row> {
    let mut row = next(row, charge.state().as_str(), charge, now)?;
    row.version = tx.update_document(&row).await?;
    Ok(row)
}

async fn mark(tx: &TenantTx, key: &str, state: OperationState, response: Option<Value>, now: Instant) -> AppResult<()> {
    let mut operation = tx.get_payment(key).await?;
    operation.state = state;
    operation.response = response;
    operation.updated_at = now;
    tx.update_payment(&operation, now.plus_seconds(SILENCE_SECONDS)).await?;
    Ok(())
}

/// Posts a settled bill to the ledger.
async fn post_settled(tx: &TenantTx, row: Row, charge: &Charge, payer: Option<&Payer>, now: Instant) -> AppResult<Row> {
    let Some(allocation) = charge.allocation().cloned() else {
        return Err(AppError::internal("a settled bill without figures"));
    };
    ledger::book_settlement(tx, charge.id(), &allocation, now).await?;
    if let Some(payer) = payer {
        run_on(tx, payer, allocation.accumulators(), now).await?;
    }
    let patient = charge.patient().to_string();
    let payment = PaymentId::from_u128(ambient::fresh_id());
    let mut projections = vec![claim_projection(charge, now)];
    if let (Some(payer), Charge::Settled(settled)) = (payer, charge)
        && let Some(settlement) = &settled.state().settlement
    {
        projections.push(project::claim_response(&project::Answered {
            id: payment,
            bill: charge.id(),
            patient: &patient,
            payer: &payer.install.plugin_id,
            decision: project::Decision::Settled {
                reference: &settlement.reference,
                adjudication: &settlement.adjudication,
            },
            created: now,
        }));
    }
    resource::project(tx, projections, now).await?;
    update(tx, row, charge, now).await
}

/// Posts the reversal of a bill to the ledger and releases the prescription.
async fn post_reversed(
    tx: &TenantTx,
    row: Row,
    reversed: &Charge,
    payer: Option<&Payer>,
    now: Instant,
) -> AppResult<Row> {
    ledger::unwind(tx, reversed.id(), now).await?;
    if let (Some(payer), Charge::Reversed(claim)) = (payer, reversed)
        && let Some(reversal) = &claim.state().reversal
    {
        run_on(tx, payer, &reversal.accumulators, now).await?;
    }
    resource::project(tx, vec![claim_projection(reversed, now)], now).await?;
    free(tx, parent(&row)?, row.id, now).await?;
    update(tx, row, reversed, now).await
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

/// Stores the accumulators that the payer returned.
async fn run_on(tx: &TenantTx, payer: &Payer, figures: &[payer::Accumulator], now: Instant) -> AppResult<()> {
    let mut coverage = payer.coverage.clone();
    for figure in figures {
        match coverage.accumulators.iter_mut().find(|known| known.code == figure.code) {
            Some(known) => known.amount = figure.amount,
            None => coverage.accumulators.push(figure.clone()),
        }
    }
    let body = serde_json::to_value(&coverage).map_err(AppError::internal)?;
    tx.put_coverage(&xinglin_store::Coverage { body, updated_at: now, ..payer.row.clone() }).await?;
    Ok(())
}
