//! Charges: the price of a visit and its medicines, the payers, and settlement exactly once.
//!
//! A payment operation is stored before the payer is called, so after a crash its outcome can
//! be queried. An operation with an unknown outcome is never sent again. A reversal that was asked
//! for is stored too, and begun anew until the payer carries it out or refuses it.

mod cancel;
mod confirm;
mod expire;
mod get;
mod notice;
mod quote;
mod resolve;
mod resolve_by_hand;
mod reverse;
mod settle;
mod view;

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_care::prescription;
use xinglin_domain::{
    billing::{
        BillingError, By, Charge, ChargeState, Claim, Paid,
        allocation::check_accumulators,
        claim::{self, Confirmed, Reversing, Settling},
    },
    code::Code,
    coding::{Attribute, AttributeValue, Decimal},
    id::{BillId, EncounterId, PatientId, PaymentId, PrescriptionId},
    money::{Money, Rounding},
    payer::{self, Bill, Line},
    prescription::{Effective, Prescription, Rx},
    time::Instant,
};
use xinglin_fhir::project;
use xinglin_platform::{
    AppError, AppResult, ambient,
    document::{Stored, next},
    settings::{self, FOLLOW_UP_VISIT, settings},
};
use xinglin_records::resource;
use xinglin_store::{
    Document, Executor, Operation as StoredOperation, OperationState, Started, StoreError, TenantScope, TenantTx,
};

use self::{
    settle::{Finished, Outcome, Payer, Then, Verb, mistake, payer_of, reverse_payment, settle, unavailable},
    view::{claim_projection, restricted, view},
};
use crate::{coverage, ledger};

pub use self::cancel::cancel;
pub use self::confirm::{Confirm, confirm};
pub use self::expire::expire;
pub use self::get::get;
pub use self::quote::{NewCharge, quote};
pub use self::resolve::resolve;
pub use self::resolve_by_hand::{Resolve, resolve_by_hand};
pub use self::reverse::reverse;
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
            code: item.codings.clone(),
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
        if item.kind == payer::LineKind::Medicine {
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
        attributes: Vec::new(),
    };
    Ok((bill, items))
}

/// The exclusive key of the bill that a visit's fee is on, from its confirmation until it is
/// declined, abandoned or reversed.
fn fee_of(visit: EncounterId) -> String {
    format!("fee/{visit}")
}

/// Whether the visit's fee is on the bill; it is on every bill of earlier versions.
fn has_fee(charge: &Charge) -> bool {
    let first = charge.bill().lines.first().and_then(|line| charge.item(line.number));
    first.is_none_or(|item| item.code == FOLLOW_UP_VISIT)
}

/// How long after a payer was called with no known outcome it is queried, in seconds.
const SILENCE_SECONDS: i64 = 10;

/// The longest time between two queries, or two attempts of a reversal, in seconds.
const LONGEST_SILENCE_SECONDS: i64 = 3600;

/// Number of operations of a bill after which a settlement that the payer never received is not
/// sent by itself any more: the patient confirms again, or cancels.
const MOST_ATTEMPTS: u32 = 4;

/// When to ask again about what is unknown since `since`: each time after as long as it is late.
fn ask_again(since: Instant, now: Instant) -> Instant {
    let late = now.micros().saturating_sub(since.micros()) / 1_000_000;
    now.plus_seconds(late.clamp(SILENCE_SECONDS, LONGEST_SILENCE_SECONDS))
}

/// When an operation that begins now is asked about: each attempt after the second waits twice as
/// long as the one before.
fn ask_first(attempts: u32, now: Instant) -> Instant {
    let doubled = SILENCE_SECONDS.saturating_mul(1 << attempts.saturating_sub(2).min(16));
    now.plus_seconds(doubled.min(LONGEST_SILENCE_SECONDS))
}

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

/// As [`begin`], for a reversal.
async fn begin_reversal(tx: &TenantTx, row: Row, reversing: Claim<Reversing>, now: Instant) -> AppResult<Row> {
    write_down(tx, row, reversing.into(), Verb::Reverse, now).await
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
            ask_first(charge.attempts(), now),
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
async fn finish(tx: &TenantTx, row: Row, outcome: Outcome, now: Instant) -> AppResult<Finished> {
    let Outcome { verb, key, then, after } = outcome;
    let state = match (verb, &after) {
        (_, Charge::Unknown(_)) => OperationState::Unknown,
        (Verb::Settle, Charge::Settled(_) | Charge::Drifted(_) | Charge::Declined(_))
        | (Verb::Reverse, Charge::Reversed(_)) => OperationState::Done,
        _ => OperationState::Failed,
    };
    let since = after.attempt().map_or(now, |attempt| attempt.operation.at);
    let response = serde_json::to_value(&after).map_err(AppError::internal)?;
    mark(tx, &key, state, Some(response), (since, now)).await?;
    let mut send = then == Then::SendAgain;
    let (row, charge) = match (verb, after) {
        (Verb::Settle, Charge::Confirmed(confirmed)) if send && confirmed.attempts() < MOST_ATTEMPTS => {
            let (row, settling) = begin(tx, row, confirmed, now).await?;
            (row, settling.into())
        }
        (Verb::Settle, Charge::Drifted(drifted)) => {
            // It did happen: the payer takes back from the figures that it left.
            let drift = drifted.state();
            let charge = Charge::from(drifted.clone());
            if let Some(payer) = charge.payer().filter(|_| drift.problem == Code::InsPresettleDrift) {
                run_on(tx, (charge.patient(), payer), &drift.settlement.adjudication.accumulators, now).await?;
            }
            let reversing = drifted.reverse(now)?;
            send = true;
            (begin_reversal(tx, row, reversing.clone(), now).await?, reversing.into())
        }
        // What was asked for is not forgotten.
        (Verb::Reverse, Charge::Drifted(drifted)) if then != Then::Stop => {
            let reversing = drifted.reverse(now)?;
            (begin_reversal(tx, row, reversing.clone(), now).await?, reversing.into())
        }
        (Verb::Reverse, Charge::Settled(settled)) if then != Then::Stop => {
            let reversing = settled.reverse(By::Host, now)?;
            (begin_reversal(tx, row, reversing.clone(), now).await?, reversing.into())
        }
        (Verb::Reverse, stands @ (Charge::Settled(_) | Charge::Drifted(_))) => {
            let payer = stands.payer();
            tracing::error!(bill = %row.id, payer, "a payer did not take a settlement back: agree with it, and reverse again");
            if !stands.has_drifted() {
                notice::not_refunded(tx, &stands, now).await?;
            }
            (update(tx, row, &stands, now).await?, stands)
        }
        (Verb::Settle, settled @ Charge::Settled(_)) => (post_settled(tx, row, &settled, now).await?, settled),
        (_, reversed @ Charge::Reversed(_)) => (post_reversed(tx, row, &reversed, now).await?, reversed),
        (_, declined @ Charge::Declined(_)) => {
            free(tx, parent(&row)?, row.id, now).await?;
            (update(tx, row, &declined, now).await?, declined)
        }
        (_, after) => (update(tx, row, &after, now).await?, after),
    };
    Ok(Finished { row, charge, send })
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

/// Stores the state of an operation; while it is unknown, `since` a time, it is asked about again.
async fn mark(
    tx: &TenantTx,
    key: &str,
    state: OperationState,
    response: Option<Value>,
    (since, now): (Instant, Instant),
) -> AppResult<()> {
    let mut operation = tx.get_payment(key).await?;
    operation.state = state;
    operation.response = response;
    operation.updated_at = now;
    tx.update_payment(&operation, ask_again(since, now)).await?;
    Ok(())
}

/// Posts a settled bill to the ledger.
async fn post_settled(tx: &TenantTx, row: Row, charge: &Charge, now: Instant) -> AppResult<Row> {
    let Some(allocation) = charge.allocation().cloned() else {
        return Err(AppError::internal("a settled bill without figures"));
    };
    ledger::book_shares(tx, charge.id(), charge.payer(), (None, &allocation), now).await?;
    if let Some(payer) = charge.payer() {
        run_on(tx, (charge.patient(), payer), allocation.accumulators(), now).await?;
    }
    let patient = charge.patient().to_string();
    let payment = PaymentId::from_u128(ambient::fresh_id());
    let mut projections = vec![claim_projection(charge, now)];
    if let (Some(payer), Charge::Settled(settled)) = (charge.payer(), charge)
        && let Some(settlement) = &settled.state().settlement
    {
        projections.push(project::claim_response(&project::Answered {
            id: payment,
            bill: charge.id(),
            patient: &patient,
            payer,
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

/// Posts the reversal of a bill to the ledger, releases the prescription and tells the patient.
async fn post_reversed(tx: &TenantTx, row: Row, reversed: &Charge, now: Instant) -> AppResult<Row> {
    ledger::unwind(tx, reversed.id(), None, now).await?;
    if let (Some(payer), Charge::Reversed(claim)) = (reversed.payer(), reversed)
        && let Some(reversal) = &claim.state().reversal
        // The money is back, whatever the payer counts.
        && check_accumulators(&reversal.accumulators).is_ok()
    {
        run_on(tx, (reversed.patient(), payer), &reversal.accumulators, now).await?;
    }
    resource::project(tx, vec![claim_projection(reversed, now)], now).await?;
    notice::refunded(tx, reversed, now).await?;
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

/// Stores the accumulators that the payer returned. Others may have changed since it was called.
async fn run_on(
    tx: &TenantTx,
    (patient, payer): (PatientId, &str),
    figures: &[payer::Accumulator],
    now: Instant,
) -> AppResult<()> {
    let known = coverage::of_patient(tx, patient).await?.into_iter().find(|(row, _)| row.payer == payer);
    let Some((row, mut coverage)) = known.filter(|_| !figures.is_empty()) else { return Ok(()) };
    for figure in figures {
        match coverage.accumulators.iter_mut().find(|known| known.code == figure.code) {
            Some(known) => known.amount = figure.amount,
            None => coverage.accumulators.push(figure.clone()),
        }
    }
    let body = serde_json::to_value(&coverage).map_err(AppError::internal)?;
    tx.put_coverage(&xinglin_store::Coverage { body, updated_at: now, ..row }).await?;
    Ok(())
}
