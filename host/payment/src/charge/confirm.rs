use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_care::{encounter, item_order, pathway::Occasion, prescription};
use xinglin_domain::{
    access::Action,
    billing::{
        Act, Allocation, BillingError, Charge, Claim, Subject,
        claim::{Confirmed, Quoted, Reduced, Settling, Why},
    },
    code::Code,
    coding::AttributeValue,
    id::BillId,
    money::Money,
    pathway::HeldAct,
    payer::{Bill, Line, Source},
    prescription::{Effective, Event, LinePacks, Prescription, Purchase, Reserved},
};
use xinglin_extensions::Extensions;
use xinglin_platform::{
    AppError, AppResult, Caller, boxed,
    document::{Stored, touch},
};
use xinglin_store::{StoreError, Tenant};

use super::{
    ChargeView, RX_LINE, Row,
    basis::same_prices,
    fee_of,
    guard::{Order, Who, clear, one_at_a_time},
    has_fee, load,
    operation::{begin, begin_quote, post_settled, rest_of},
    ordered,
    payer::payer_of,
    settle::{Reply, carry_out, heard},
    subject, view,
};

/// The patient's agreement to a quote.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The cash that the patient agrees to pay, in fen; must equal the quote.
    #[schema(value_type = i64)]
    pub cash_fen: Money,
    /// That the risk notice of the medicines was read; of a bill without any it says nothing.
    #[serde(default)]
    pub risk_acknowledged: bool,
}

/// Confirms a quote: reserves the prescription, has the payer settle, and posts to the ledger.
/// Idempotent: the same confirmation gets the same answer, also at the same time; a payer that could
/// not settle before is called again.
///
/// # Errors
/// `PAY_QUOTE_EXPIRED` if the quote's time is over, `PAY_QUOTE_STALE` if a price, a coverage or what a payer
/// counts of the patient has changed since: ask for another; `RX_ALREADY_USED` if another order uses the prescription; `PAY_IDEMPOTENCY_CONFLICT`
/// if it was confirmed with another amount; `ACCESS_COMPARTMENT` if the payer may not learn of it;
/// `PAY_UNAVAILABLE` if the payer cannot be called: then
/// nothing is reserved and nothing charged; `PATIENT_…`, `ENC_RED_FLAG` or `RX_ALLERGY` for what has
/// changed since the approval.
#[tracing::instrument(target = "xinglin::trace", name = "confirm_charge", skip_all)]
#[boxed]
pub async fn confirm(extensions: &Extensions, caller: &Caller, id: BillId, confirm: Confirm) -> AppResult<ChargeView> {
    caller.may(Action::ConfirmCharge)?;
    let records = extensions.platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.may_see(value.patient(), "bill", id)?;
    if matches!(value, Charge::Quoted(_) | Charge::Confirmed(_) | Charge::Abandoned(_)) {
        // Before the state: a stop and a death close quotes, and that is the reason to be told.
        match subject(&row)? {
            Subject::Prescription(rx) => {
                let rx = prescription::load(&records, rx).await?.value;
                prescription::still_safe(&extensions.platform, caller, &records, (HeldAct::Charge, &rx)).await?;
            }
            Subject::Visit(visit) => drop(encounter::attended(&records, visit).await?),
        }
    }
    let refused = match value {
        Charge::Quoted(_) => match confirm_quote(extensions, caller, row, value, &confirm).await {
            // The same confirmation may have been first.
            Err(error) if matches!(error.code, Code::RxAlreadyUsed | Code::VersionConflict) => error,
            answered => return answered,
        },
        // Another quote is no help for an order that is over.
        Charge::Abandoned(lapsed) if lapsed.state().lapsed => {
            if let Subject::Prescription(rx) = subject(&row)? {
                let event = (Event::Reserve, Action::ReservePrescription);
                prescription::take::<Effective>(&extensions.platform, caller, rx, event).await?;
            }
            return Err(BillingError::Expired.into());
        }
        Charge::Confirmed(confirmed) => match confirm_again(extensions, caller, row, confirmed, &confirm).await {
            Err(error) if error.code == Code::VersionConflict => error,
            answered => return answered,
        },
        Charge::Reduced(reduced) => return agree(extensions, caller, row, reduced, &confirm).await,
        other => return confirmed_before(&records, other, &confirm).await,
    };
    // Whose confirmation was first is seen once it is committed.
    for _ in 0..COMMITTED {
        let Stored { row, value } = load(&records, id).await?;
        if !matches!(value, Charge::Quoted(_) | Charge::Confirmed(_)) {
            return confirmed_before(&records, value, &confirm).await;
        }
        if let Subject::Prescription(rx) = subject(&row)? {
            let rx = prescription::load(&records, rx).await?.value;
            if rx.reservation().is_some_and(|reservation| reservation.purchase.bill != id) {
                break;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(refused)
}

async fn confirm_quote(
    extensions: &Extensions,
    caller: &Caller,
    mut row: Row,
    charge: Charge,
    confirm: &Confirm,
) -> AppResult<ChargeView> {
    let (records, id) = (extensions.platform.records(caller), row.id);
    let (patient, fee) = (charge.patient(), has_fee(&charge));
    let quoted = charge.expecting::<Quoted>(Act::Confirm)?;
    let subject = subject(&row)?;
    let effective = match subject {
        Subject::Prescription(rx) => {
            let wanted = (Event::Reserve, Action::ReservePrescription);
            let (row, rx) = prescription::take::<Effective>(&extensions.platform, caller, rx, wanted).await?;
            prescription::still_checked(extensions, caller, &records, (HeldAct::Charge, &rx, &rx.state().issue))
                .await?;
            Some((row, rx))
        }
        Subject::Visit(_) => None,
    };
    let (asked, bill) = (Charge::from(quoted.clone()), quoted.bill().clone());
    let confirmed = quoted.confirm(&caller.actor, confirm.cash_fen, caller.now)?;
    // Before anything is reserved: a payer that cannot be called is not waited for.
    for share in asked.to_settle() {
        payer_of(extensions, &records, (patient, bill.served_at), share).await?;
    }
    let purchase = Purchase {
        bill: id,
        pharmacy: records.id(),
        lines: purchased(&bill),
        risk_acknowledged: confirm.risk_acknowledged,
    };
    let (visit, rx_row, order) = match (subject, effective) {
        (Subject::Visit(visit), _) => (visit, None, Order::Visit(visit)),
        (Subject::Prescription(_), Some((rx_row, effective))) => {
            let visit = effective.encounter();
            let reserved = effective.reserve(&caller.actor, purchase, &extensions.platform, caller.now)?;
            (visit, Some(rx_row), Order::Prescription(Box::new(reserved)))
        }
        (Subject::Prescription(_), None) => return Err(AppError::internal("a prescription was not loaded")),
    };
    if fee {
        row.exclusive_key = Some(fee_of(visit));
    }

    let tx = records.begin().await?;
    let cleared = clear(&extensions.platform, &tx, Who::Person(caller), (&asked, &order), caller.now).await?;
    same_prices(&tx, &asked).await?;
    if let (Order::Prescription(reserved), Some(rx_row)) = (order, rx_row) {
        // The constraint decides between two orders at once: one wins.
        let lines: Vec<u32> = reserved.state().reservation.purchase.lines.iter().map(|line| line.line).collect();
        tx.mark_used(reserved.id(), &lines, &id.to_string(), caller.now).await.map_err(|error| match error {
            StoreError::Unique { .. } => AppError::new(Code::RxAlreadyUsed, "another order was first"),
            other => other.into(),
        })?;
        prescription::put(&tx, rx_row, &Prescription::from(*reserved), caller.now).await?;
    }
    one_at_a_time(&tx, &asked).await?;
    for (order, quantity) in ordered(&asked) {
        item_order::take(&tx, order, id, quantity, caller.now).await?;
    }
    if confirmed.payers().is_empty() {
        let charge = Charge::from(confirmed.collect(caller.now)?);
        post_settled(&tx, row, &charge, caller.now).await?;
        tx.commit().await?;
        return view(&charge, Vec::new(), Vec::new());
    }
    let (row, settling) = begin(&tx, row, confirmed, &cleared, extensions.platform.now()).await?;
    tx.commit().await?;
    carried_out(extensions, caller, row, settling).await
}

/// Calls a payer again that could not settle at the confirmation and did not execute anything,
/// under a new operation key.
async fn confirm_again(
    extensions: &Extensions,
    caller: &Caller,
    row: Row,
    confirmed: Claim<Confirmed>,
    confirm: &Confirm,
) -> AppResult<ChargeView> {
    let records = extensions.platform.records(caller);
    let charge = Charge::from(confirmed.clone());
    let confirmed = confirmed.confirm_again(&caller.actor, confirm.cash_fen, caller.now)?;
    if let Some(share) = confirmed.state().next() {
        payer_of(extensions, &records, (charge.patient(), charge.bill().served_at), share).await?;
    }
    let (rx_row, order) = match subject(&row)? {
        Subject::Prescription(rx) => {
            let Stored { row: rx_row, value: rx } = prescription::load(&records, rx).await?;
            let reserved = rx.expecting::<Reserved>(Event::Dispense)?;
            prescription::still_checked(
                extensions,
                caller,
                &records,
                (HeldAct::Charge, &reserved, &reserved.state().issue),
            )
            .await?;
            (Some(rx_row), Order::Prescription(Box::new(reserved)))
        }
        Subject::Visit(visit) => (None, Order::Visit(visit)),
    };
    let tx = records.begin().await?;
    let cleared = clear(&extensions.platform, &tx, Who::Person(caller), (&charge, &order), caller.now).await?;
    one_at_a_time(&tx, &charge).await?;
    if let Some(rx_row) = rx_row {
        touch(&tx, rx_row, caller.now).await?;
    }
    let (row, settling) = begin(&tx, row, confirmed, &cleared, extensions.platform.now()).await?;
    tx.commit().await?;
    carried_out(extensions, caller, row, settling).await
}

/// The patient agrees to pay more than before for what a refund has left.
async fn agree(
    extensions: &Extensions,
    caller: &Caller,
    row: Row,
    reduced: Claim<Reduced>,
    confirm: &Confirm,
) -> AppResult<ChargeView> {
    let records = extensions.platform.records(caller);
    let confirmed = reduced.clone().agree(&caller.actor, confirm.cash_fen, caller.now)?;
    let charge = Charge::from(confirmed.clone());
    let tx = records.begin().await?;
    let order = rest_of(&tx, &row).await?;
    let cleared = match clear(&extensions.platform, &tx, Who::Person(caller), (&charge, &order), caller.now).await {
        // Nobody else asks for another quote of it.
        Err(stale) if stale.code == Code::PayQuoteStale => {
            begin_quote(&tx, row, reduced, extensions.platform.now()).await?;
            tx.commit().await?;
            return Err(stale);
        }
        cleared => cleared?,
    };
    if confirmed.payers().is_empty() {
        let charge = Charge::from(confirmed.collect(caller.now)?);
        post_settled(&tx, row, &charge, caller.now).await?;
        tx.commit().await?;
        return view(&charge, Vec::new(), Vec::new());
    }
    one_at_a_time(&tx, &charge).await?;
    let (row, settling) = begin(&tx, row, confirmed, &cleared, extensions.platform.now()).await?;
    tx.commit().await?;
    carried_out(extensions, caller, row, settling).await
}

/// Has the payers settle.
async fn carried_out(
    extensions: &Extensions,
    caller: &Caller,
    row: Row,
    settling: Claim<Settling>,
) -> AppResult<ChargeView> {
    let records = extensions.platform.records(caller);
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let Reply { charge, calls, .. } = carry_out(extensions, &records, row, settling.into(), &occasion).await?;
    match heard(&charge) {
        Ok(()) => view(&charge, Vec::new(), calls),
        Err(error) => Err(error.with("calls", calls)),
    }
}

/// Time between two looks at what another request does.
const LOOK: Duration = Duration::from_millis(50);

/// Number of looks for its commit, and for the outcome of its settlement: longer than a payer may take.
const COMMITTED: u32 = 20;
const SETTLED: u32 = 120;

/// A repeated confirmation: the same amount gets the answer that the first got, another amount is
/// refused.
async fn confirmed_before(records: &Tenant, charge: Charge, confirm: &Confirm) -> AppResult<ChargeView> {
    let same = |allocation: &Allocation| allocation.part(Source::Cash) == confirm.cash_fen;
    // Some of it may have been refunded since.
    let before = charge.replaced().iter().any(|replaced| same(&replaced.agreed));
    if !before && charge.allocation().is_some_and(|allocation| !same(allocation)) {
        return Err(BillingError::Conflict(charge.id().to_string()).into());
    }
    let mut charge = charge;
    for _ in 0..SETTLED {
        match &charge {
            Charge::Settling(_) => {}
            Charge::Reversing(_) if !matches!(charge.why(), Some(Why::Reversed | Why::Ended | Why::Refunded(_))) => {}
            _ => break,
        }
        tokio::time::sleep(LOOK).await;
        charge = load(records, charge.id()).await?.value;
    }
    heard(&charge)?;
    view(&charge, Vec::new(), Vec::new())
}

/// The part of a prescription that a bill covers.
fn purchased(bill: &Bill) -> Vec<LinePacks> {
    let line = |line: &Line| {
        let number = line.attributes.iter().find(|attribute| attribute.key == RX_LINE)?;
        let AttributeValue::Integer(number) = number.value else { return None };
        Some(LinePacks { line: u32::try_from(number).ok()?, packs: line.units() })
    };
    bill.lines.iter().filter_map(line).collect()
}
