use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_care::{pathway::Occasion, prescription};
use xinglin_domain::{
    access::{Action, Actor},
    billing::{
        Act, BillingError, Charge, Claim, Subject,
        claim::{self, RefundLine, Settled},
    },
    code::Code,
    coding::AttributeValue,
    id::{BillId, PrescriptionId},
    payer::Line,
    prescription::{LinePacks, Prescription, ReturnCause},
    time::Instant,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{
    AppError, AppResult, Caller, boxed,
    document::{Stored, touch},
};
use xinglin_store::{Document, TenantTx};

use super::{
    ChargeView, RX_LINE, Row,
    guard::refused,
    load,
    operation::{post_reduced, take_back},
    settle::carry_out,
    subject, view,
};

/// How many of a line of a bill are given back.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefundLine {
    /// Number of the line.
    pub line: u32,
    /// How many.
    pub quantity: u32,
}

impl From<&RefundLine> for NewRefundLine {
    fn from(line: &RefundLine) -> Self {
        Self { line: line.line, quantity: line.quantity }
    }
}

/// What is given back of a paid bill.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// What the asker calls it, unique of the bill, at most 64 bytes: a repetition gets the same answer.
    pub key: String,
    /// What is given back.
    pub lines: Vec<NewRefundLine>,
    /// Why; at most 1000 bytes.
    pub reason: String,
    /// Why medicines come back that the patient has: `quality`, `recall`, `courier` or `hospital`. Needed
    /// for these only.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub returned: Option<ReturnCause>,
}

const LONGEST_KEY: usize = 64;
const LONGEST_REASON: usize = 1000;

/// Gives a part of a paid bill back. What nobody pays for but the patient, and no payer counts, goes back
/// in cash. Else every payer takes its settlement back, the last first, and what is left is quoted anew
/// and settled, the first payer first. The patient never pays more than before without agreeing to it:
/// a rest that would cost more is offered, and waits (`REDUCED`) for the patient to confirm it, or for the
/// accounts to have the hospital bear it. While a payer cannot be called, it waits, and is carried out
/// later. Medicines that the patient has are refunded only if they come back for a cause that is not the
/// patient's.
///
/// # Errors
/// `PAY_LATER_FIRST` if a later bill rests on its settlement, `REFUND_EXCEEDS` for more than is on the bill, `REFUND_DRUG_NOT_RETURNABLE`, `PAY_STATE`, `PAY_REFUSED` if a payer
/// does not take its settlement back, `PAY_IDEMPOTENCY_CONFLICT` for another refund of the same key.
#[tracing::instrument(target = "xinglin::trace", name = "refund_charge", skip_all)]
#[boxed]
pub async fn refund(extensions: &Extensions, caller: &Caller, id: BillId, new: NewRefund) -> AppResult<ChargeView> {
    caller.may(Action::ReverseCharge)?;
    let too_long =
        |what: &str, most: usize| Err(AppError::new(Code::BodyInvalid, format!("{what}: at most {most} bytes")));
    if new.key.len() > LONGEST_KEY {
        return too_long("key", LONGEST_KEY);
    }
    if new.reason.len() > LONGEST_REASON {
        return too_long("reason", LONGEST_REASON);
    }
    let records = extensions.platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.trail.saw(value.patient());
    if let Some(answer) = refunded_before(&value, &new) {
        return answer;
    }
    match begin(extensions, caller, row, value, &new).await {
        // The same refund may have been first.
        Err(error) if error.code == Code::VersionConflict => {
            refunded_before(&load(&records, id).await?.value, &new).unwrap_or(Err(error))
        }
        Err(error) => Err(error),
        Ok(begun) => {
            let reply = go_on(extensions, caller, begun).await?;
            let Some(charge) = reply else { return refunded(&load(&records, id).await?.value) };
            refunded(&charge)
        }
    }
}

/// The answer to a refund that was asked for before; `None` if it was not.
fn refunded_before(charge: &Charge, new: &NewRefund) -> Option<AppResult<ChargeView>> {
    let before = charge.refund(&new.key)?;
    let same = before.reason == new.reason
        && before
            .lines
            .iter()
            .map(|line| (line.line, line.quantity))
            .eq(new.lines.iter().map(|l| (l.line, l.quantity)));
    Some(if same { view(charge, Vec::new(), Vec::new()) } else { Err(BillingError::Conflict(new.key.clone()).into()) })
}

/// What the asker hears of the bill.
fn refunded(charge: &Charge) -> AppResult<ChargeView> {
    if matches!(charge, Charge::Unwinding(_)) || (matches!(charge, Charge::Settled(_)) && charge.replaced().is_empty())
    {
        return Err(AppError::new(Code::PayRefused, "a payer did not take its settlement back"));
    }
    view(charge, Vec::new(), Vec::new())
}

async fn begin(extensions: &Extensions, caller: &Caller, row: Row, value: Charge, new: &NewRefund) -> AppResult<Begun> {
    let records = extensions.platform.records(caller);
    let settled = value.expecting::<Settled>(Act::Refund)?;
    let prescription = match subject(&row)? {
        Subject::Prescription(rx) => Some(prescription::load(&records, rx).await?),
        Subject::Visit(_) => None,
    };
    let returned = match prescription {
        Some(Stored { row: rx_row, value: rx }) => {
            let back = packs_back(&rx, &settled, new)?;
            Some((rx_row, if back.is_empty() { None } else { Some(come_back(caller, rx, &back, new)?) }))
        }
        None => None,
    };
    let refund = claim::NewRefund {
        key: new.key.clone(),
        lines: new.lines.iter().map(|line| RefundLine { line: line.line, quantity: line.quantity }).collect(),
        reason: new.reason.clone(),
    };
    let now = extensions.platform.now();
    let tx = records.begin().await?;
    match returned {
        Some((rx_row, Some(rx))) => prescription::put(&tx, rx_row, &rx, now).await?,
        Some((rx_row, None)) => touch(&tx, rx_row, now).await?,
        None => {}
    }
    let begun = begin_in(&tx, row, settled, &caller.actor, (refund, now)).await?;
    if let Charge::Unwinding(waiting) = &begun.charge
        && let Some(held) = waiting.state().held
    {
        return Err(refused(held));
    }
    tx.commit().await?;
    Ok(begun)
}

/// The packs that the patient has and would not be charged any more.
fn packs_back(rx: &Prescription, settled: &Claim<Settled>, new: &NewRefund) -> AppResult<Vec<LinePacks>> {
    let mut back = Vec::new();
    for line in &settled.bill().lines {
        let Some(of) = rx_line(line) else { continue };
        let given = new.lines.iter().filter(|given| given.line == line.number);
        let given = given.fold(0_u32, |sum, given| sum.saturating_add(given.quantity));
        let Some(charged) = line.units().checked_sub(given) else { return Err(BillingError::RefundExceeds.into()) };
        let packs = rx.kept(of).saturating_sub(charged);
        if packs > 0 && given > 0 {
            back.push(LinePacks { line: of, packs });
        }
    }
    Ok(back)
}

fn come_back(caller: &Caller, rx: Prescription, packs: &[LinePacks], new: &NewRefund) -> AppResult<Prescription> {
    let Some(cause) = new.returned else {
        let detail = "medicines that the patient has, or is still to be given, are not refunded: say why they come back \
                      (`returned`), cancel the order, or dispense in part";
        return Err(AppError::new(Code::RefundDrugNotReturnable, detail));
    };
    caller.may(Action::DispensePrescription)?;
    Ok(rx.take_packs_back(&caller.actor, packs, cause, caller.now).map_err(|refused| refused.error)?)
}

/// Which line of the prescription a line of a bill is for.
fn rx_line(line: &Line) -> Option<u32> {
    let of = line.attributes.iter().find(|attribute| attribute.key == RX_LINE)?;
    match of.value {
        AttributeValue::Integer(number) => u32::try_from(number).ok(),
        _ => None,
    }
}

/// A refund that is stored, and to be carried out after the commit.
pub struct Begun {
    row: Row,
    charge: Charge,
}

/// Stores a refund of a paid bill: done, if it is the patient's alone, else with the first reversal.
async fn begin_in(
    tx: &TenantTx,
    row: Row,
    settled: Claim<Settled>,
    by: &Actor,
    (refund, now): (claim::NewRefund, Instant),
) -> AppResult<Begun> {
    let before = Charge::from(settled.clone());
    match settled.refund(by, refund, now)? {
        Charge::Unwinding(unwinding) => {
            // If a later bill rests on this one, it waits for that.
            let (row, charge) = take_back(tx, row, unwinding.into(), now).await?;
            Ok(Begun { row, charge })
        }
        charge => {
            let Some(allocation) = before.allocation() else {
                return Err(AppError::internal("a settled bill without figures"));
            };
            let row = post_reduced(tx, row, (allocation, &charge), now).await?;
            Ok(Begun { row, charge })
        }
    }
}

/// Stores the refund of what was ordered and not handed out, in the transaction that hands out the rest;
/// `None` if all was.
///
/// # Errors
/// If the bill is not paid, or the actor may not.
pub async fn refund_missing(
    tx: &TenantTx,
    row: Document<BillId>,
    by: &Actor,
    (rx, reason): (&Prescription, &str),
    now: Instant,
) -> AppResult<Option<Begun>> {
    let Stored { row, value } = Stored::<BillId, Charge>::try_from(row)?;
    let settled = value.expecting::<Settled>(Act::Refund)?;
    let missing = |line: &Line| {
        let quantity = line.units().saturating_sub(rx.kept(rx_line(line)?));
        (quantity > 0).then_some(RefundLine { line: line.number, quantity })
    };
    let lines: Vec<RefundLine> = settled.bill().lines.iter().filter_map(missing).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let refund = claim::NewRefund { key: missing_key(rx.id()), lines, reason: reason.to_owned() };
    begin_in(tx, row, settled, by, (refund, now)).await.map(Some)
}

/// What the refund of a partial dispensing is called.
fn missing_key(rx: PrescriptionId) -> String {
    format!("dispensed/{rx}")
}

/// Carries a stored refund out; `None` if somebody else goes on with it, or nothing can be done now: then
/// the job does.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn go_on(extensions: &Extensions, caller: &Caller, begun: Begun) -> AppResult<Option<Charge>> {
    let Begun { row, charge } = begun;
    let records = extensions.platform.records(caller);
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    match carry_out(extensions, &records, row, charge, &occasion).await {
        Ok(reply) => Ok(Some(reply.charge)),
        Err(error) if error.code.class().status() < 500 => Ok(None),
        Err(error) => Err(error),
    }
}
