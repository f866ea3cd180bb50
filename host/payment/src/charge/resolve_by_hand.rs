use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::{
        By, Charge, Claim,
        claim::{Reduced, Stated},
    },
    code::Code,
    id::BillId,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_records::patient;
use xinglin_store::{OperationState, Tenant};

use super::{
    ChargeView, Row,
    guard::Free,
    load,
    operation::{
        Figures, Finished, Outcome, SILENCE_SECONDS, Then, begin_reversal, finish, in_flight_until, mark, post_settled,
    },
    resolve::verb,
    view,
};

/// What a payer said, outside of its plugin, of the pending operation of a bill.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// Whether the operation was done, exactly as agreed. If the payer settled other figures, it has
    /// to take them back first: then nothing was done.
    pub done: bool,
    /// The payer's reference, if it was done.
    #[serde(default)]
    pub reference: Option<String>,
    /// Who of the payer said so, and which document shows it.
    pub reason: String,
}

/// No payer will pay for what a refund has left of a bill: the patient does, but no more than before.
async fn waive(
    records: &Tenant,
    caller: &Caller,
    row: Row,
    reduced: Claim<Reduced>,
    resolve: Resolve,
) -> AppResult<ChargeView> {
    if resolve.done {
        let detail = "done: what is left of the bill was not agreed to; say that it is not done, and the patient pays \
                      no more than before";
        return Err(AppError::new(Code::BodyInvalid, detail).with("path", "done"));
    }
    let asked = reduced.asked().map(|attempt| attempt.operation.clone());
    let settled = Charge::from(reduced.waive(&caller.actor, resolve.reason, caller.now)?);
    let tx = records.begin().await?;
    if let Some(asked) = asked {
        mark(&tx, &asked.key, OperationState::Failed, None, (asked.at, caller.now)).await?;
    }
    post_settled(&tx, row, &settled, caller.now).await?;
    tx.commit().await?;
    tracing::warn!(bill = %settled.id(), by = %caller.actor.account, "what a refund left of a bill was borne by the hospital");
    view(&settled, Vec::new(), Vec::new())
}

/// States the outcome of a payment operation of which the payer's plugin gives none (disabled,
/// recalled, broken), or of a refund that it withholds, by a person of the hospital's accounts. Statement and person are kept with
/// the bill. A settlement that was not done can be confirmed again or cancelled; a reversal that
/// was not done can be asked for again. What a refund has left of a bill, and no payer will pay for
/// (`done: false`), is the patient's, as far as it is no more than before, else the hospital's. What a scheme counts of the patient moves as it was quoted, or back,
/// if it is still what was quoted on; the answer's `notes` say so, or that it is not known.
///
/// # Errors
/// `PAY_STATE` if no operation of the bill waits for an outcome, or a call may still be running;
/// `BODY_INVALID` without a reason, or without a reference of what was done.
#[boxed]
pub async fn resolve_by_hand(
    platform: &Platform,
    caller: &Caller,
    id: BillId,
    resolve: Resolve,
) -> AppResult<ChargeView> {
    caller.may(Action::ResolveCharge)?;
    let (records, now) = (platform.records(caller), caller.now);
    let Stored { row, value } = load(&records, id).await?;
    caller.trail.saw(value.patient());
    if let Charge::Reduced(reduced) = value {
        return waive(&records, caller, row, reduced, resolve).await;
    }
    let landed = match (&value, value.in_progress()) {
        // What the payer had not answered by then may still be on its way.
        (Charge::Unknown(unknown), _) => now >= unknown.state().since.plus_seconds(SILENCE_SECONDS),
        (_, Some((attempt, _))) => now >= in_flight_until(&records.get_payment(&attempt.operation.key).await?),
        (_, None) => false,
    };
    let tx = records.begin().await?;
    // Before the rows, as whoever begins an operation.
    patient::lock(&tx, value.patient()).await?;
    let (row, unknown) = match value {
        Charge::Unwinding(waiting) if !resolve.done && waiting.state().held.is_some() => {
            let detail = "its reversal waits for another bill, see `unresolved`: the payer was not asked yet";
            return Err(AppError::new(Code::PayState, detail));
        }
        // What a payer did not take back when it was asked, or was not asked yet: as if it were asked now.
        Charge::Unwinding(unwinding) => {
            let (reversing, free) = (unwinding.reverse(By::Host, now)?, Free::stated(id));
            (begin_reversal(&tx, row, reversing.clone(), &free, now).await?, reversing.unanswered(now))
        }
        Charge::Unknown(unknown) if landed => (row, unknown),
        Charge::Settling(settling) if landed => (row, settling.unanswered(now)),
        Charge::Reversing(reversing) if landed => (row, reversing.unanswered(now)),
        other => {
            let detail = format!("the bill is {}; no operation of it waits for an outcome", other.state());
            return Err(AppError::new(Code::PayState, detail));
        }
    };
    let stated = match resolve.done {
        true => Stated::Done { reference: resolve.reference.unwrap_or_default() },
        false => Stated::NotDone,
    };
    let payer = unknown.state().pending.share().payer().to_owned();
    let (verb, key) = (verb(&unknown), unknown.state().pending.attempt().operation.key.clone());
    let after = unknown.stated(&caller.actor, stated, resolve.reason, now)?;
    let outcome = Outcome { verb, key, then: Then::Stop, after };
    let Finished { charge, figures, .. } = finish(platform, &tx, row, outcome, now).await?;
    tx.commit().await?;
    tracing::warn!(bill = %id, by = %caller.actor.account, status = %charge.state(), "a payment's outcome was stated by hand");
    let note = figures.map(|figures| match figures {
        Figures::Moved => format!("what `{payer}` counts of the patient was moved by what was quoted"),
        Figures::Unknown => format!(
            "what `{payer}` counts of the patient is not known, as it changed since the quote: ask it, and correct the coverage"
        ),
    });
    view(&charge, note.into_iter().collect(), Vec::new())
}
