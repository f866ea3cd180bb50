//! Calls of the payers of a bill: authorize and settle, or reverse, one after the other.

use xinglin_care::pathway::Occasion;
use xinglin_domain::{
    billing::{
        BillingError, Charge, Claim,
        claim::{Reversing, Settling, Why},
    },
    code::Code,
    consent::Purpose,
    payer::{self, Authorized, Operation, PayerError, Refusal},
};
use xinglin_extensions::{
    Extensions,
    call::{CallView, Calls},
};
use xinglin_platform::{AppError, AppResult, boxed};
use xinglin_store::Tenant;

use super::{
    Row, load,
    operation::{Finished, Outcome, Then, Verb, finish, hold},
    payer::payer_of,
    rest::requote,
};

/// What came of the operations of a bill.
pub(super) struct Reply {
    pub(super) charge: Charge,
    pub(super) calls: Vec<CallView>,
    /// Why a payer did not take its settlement back; empty if none refused.
    pub(super) refusals: Vec<Refusal>,
}

/// Whether a call with this error never reached the payer.
const fn never_sent(error: &AppError) -> bool {
    matches!(
        error.code,
        Code::PluginBusy | Code::PluginResting | Code::PluginInterface | Code::PluginCapability | Code::PluginState
    )
}

/// Somebody else has the operation.
fn superseded() -> AppError {
    AppError::new(Code::VersionConflict, "another request goes on with this bill")
}

/// Carries out the operation in progress and those that follow from its outcome, payer by payer, until
/// the bill waits for somebody: the first operation must be stored before.
#[boxed]
pub(super) async fn carry_out(
    extensions: &Extensions,
    records: &Tenant,
    mut row: Row,
    charge: Charge,
    occasion: &Occasion,
) -> AppResult<Reply> {
    let mut reply = Reply { charge, calls: Vec::new(), refusals: Vec::new() };
    loop {
        let step = match reply.charge {
            Charge::Settling(settling) => settle(extensions, records, row, settling, occasion).await?,
            Charge::Reversing(reversing) => reverse(extensions, records, row, reversing, occasion).await?,
            Charge::Reduced(reduced) if reduced.is_asked() => {
                requote(extensions, records, row, reduced, occasion).await?
            }
            _ => return Ok(reply),
        };
        reply.charge = step.finished.charge;
        reply.calls.extend(step.calls);
        reply.refusals.extend(step.refusals);
        if !step.finished.send {
            return Ok(reply);
        }
        row = step.finished.row;
    }
}

/// What came of one operation.
pub(super) struct Step {
    pub(super) finished: Finished,
    pub(super) calls: Vec<CallView>,
    pub(super) refusals: Vec<Refusal>,
}

impl Step {
    /// Nothing came of it: it waits, as it is.
    pub(super) const fn waits(row: Row, charge: Charge) -> Self {
        Self { finished: Finished { row, charge, send: false, figures: None }, calls: Vec::new(), refusals: Vec::new() }
    }
}

/// Calls `settle` of the payer in turn and stores the answer.
///
/// # Errors
/// `VERSION_CONFLICT` if somebody else asked after the operation before the payer was called: it is
/// theirs, and the payer was not called.
#[boxed]
async fn settle(
    extensions: &Extensions,
    records: &Tenant,
    mut row: Row,
    settling: Claim<Settling>,
    occasion: &Occasion,
) -> AppResult<Step> {
    let (platform, patient) = (&extensions.platform, settling.patient());
    let operation = settling.state().attempt.operation.clone();
    let fresh = || {
        let calls = Calls::new(extensions, records.id(), &occasion.request_id, occasion.now);
        calls.of(patient, Purpose::Payment).about(row.id)
    };
    let (mut calls, mut views) = (fresh(), Vec::new());
    let served = (patient, settling.bill().served_at);
    // Until the outcome is stored.
    let mut called = None;
    let after = match payer_of(extensions, records, served, &settling.state().share).await {
        Err(cause) => settling.failed(&PayerError::Unavailable(cause.to_string()), platform.now()),
        Ok(payer) => {
            let authorize = Operation { key: format!("{}/authorize", operation.key), at: occasion.now };
            let authorized = payer.authorize(extensions, &mut calls, (&authorize, &settling.bill_sent())).await;
            // What the payer noted of it must stand before it is asked to settle.
            let tx = records.begin().await?;
            views = calls.write(&tx).await?;
            tx.commit().await?;
            calls = fresh();
            match authorized {
                Ok(Ok(Authorized::Granted(authorization))) => {
                    let held = hold(platform, records, row, &operation.key).await?.ok_or_else(superseded)?;
                    row = held.0;
                    called = Some(held.1);
                    let asked = (&operation, &authorization);
                    let answer = payer.settle(extensions, &mut calls, asked, &settling).await;
                    let now = platform.now();
                    match answer {
                        Ok(Ok(answer)) => settling.answered(answer, now),
                        Ok(Err(error)) => settling.failed(&error, now),
                        Err(error) if never_sent(&error) => {
                            settling.failed(&PayerError::Unavailable(error.to_string()), now)
                        }
                        Err(_) => settling.unanswered(now).into(),
                    }
                }
                Ok(Ok(Authorized::Refused(refusals))) => {
                    settling.answered(payer::Settled::Refused(refusals), platform.now())
                }
                // An authorization moves no money: without one, nothing was settled.
                Ok(Err(error)) => settling.failed(&PayerError::Unavailable(format!("{error:?}")), platform.now()),
                Err(error) => settling.failed(&PayerError::Unavailable(error.to_string()), platform.now()),
            }
        }
    };
    let outcome = Outcome { verb: Verb::Settle, key: operation.key, then: Then::Stop, after };
    let tx = records.begin().await?;
    let finished = finish(platform, &tx, row, outcome, platform.now()).await?;
    views.extend(calls.write(&tx).await?);
    tx.commit().await?;
    drop(called);
    Ok(Step { finished, calls: views, refusals: Vec::new() })
}

/// What a confirmation hears of the bill that came of it.
///
/// # Errors
/// `PAY_QUOTE_EXPIRED`, `INS_PRESETTLE_DRIFT`, `PAY_REFUSED`, `PAY_UNAVAILABLE` or `PAY_STATE`, unless it is paid, or may still be.
pub(super) fn heard(charge: &Charge) -> AppResult<()> {
    let why = match charge {
        Charge::Settling(_) | Charge::Settled(_) => return Ok(()),
        Charge::Unknown(unknown) if super::resolve::verb(unknown) == Verb::Settle => return Ok(()),
        Charge::Abandoned(lapsed) if lapsed.state().lapsed => return Err(BillingError::Expired.into()),
        Charge::Confirmed(_) => {
            return Err(AppError::new(
                Code::PayUnavailable,
                "the insurer cannot settle just now; nothing was charged: confirm again to try again, or cancel",
            ));
        }
        Charge::Declined(declined) => {
            let refused = AppError::new(Code::PayRefused, "the payer refused to settle");
            return Err(refused.with("refusals", &declined.state().refusals));
        }
        other => other.why(),
    };
    let stage = match charge {
        Charge::Reversed(_) | Charge::Abandoned(_) => "it was taken back",
        Charge::Unwinding(_) => "the payer did not take it back: reverse it again",
        _ => "it is being taken back",
    };
    Err(match why {
        Some(Why::Drifted(_)) => {
            AppError::new(Code::InsPresettleDrift, format!("the payer settled other figures; {stage}"))
        }
        Some(Why::Declined(refusals)) => {
            let message = format!("a payer refused to settle; what another has settled: {stage}");
            AppError::new(Code::PayRefused, message).with("refusals", refusals)
        }
        _ => AppError::new(Code::PayState, format!("the bill is {}", charge.state())),
    })
}

/// Calls `reverse` of the payer in turn and stores the answer. If the payer cannot be called, the
/// operation waits: the job calls it.
#[boxed]
async fn reverse(
    extensions: &Extensions,
    records: &Tenant,
    row: Row,
    reversing: Claim<Reversing>,
    occasion: &Occasion,
) -> AppResult<Step> {
    let (platform, patient) = (&extensions.platform, reversing.patient());
    let mut calls = Calls::new(extensions, records.id(), &occasion.request_id, occasion.now)
        .of(patient, Purpose::Payment)
        .about(row.id);
    let share = &reversing.state().turn.share;
    let payer = match payer_of(extensions, records, (patient, reversing.bill().served_at), share).await {
        Ok(payer) => payer,
        Err(cause) => {
            let named = share.payer();
            tracing::warn!(bill = %row.id, payer = named, %cause, "a reversal waits: the payer cannot be called");
            return Ok(Step::waits(row, reversing.into()));
        }
    };
    let operation = reversing.state().attempt.operation.clone();
    let Some((row, _called)) = hold(platform, records, row.clone(), &operation.key).await? else {
        // Somebody else has the operation.
        let charge = load(records, row.id).await?.value;
        return Ok(Step::waits(row, charge));
    };
    let settlement = reversing.state().turn.settlement.clone();
    let answer = payer.reverse(extensions, &mut calls, (&operation, &settlement)).await;
    let now = platform.now();
    let mut refusals = Vec::new();
    let (then, after) = match answer {
        Ok(Ok(answer)) => {
            if let payer::Reversed::Refused(why) = &answer {
                refusals.clone_from(why);
            }
            (Then::Stop, reversing.answered(answer, now))
        }
        Ok(Err(error)) => (Then::SendLater, reversing.failed(&error, now)),
        Err(error) if never_sent(&error) => {
            (Then::SendLater, reversing.failed(&PayerError::Unavailable(error.to_string()), now))
        }
        Err(_) => (Then::SendLater, reversing.unanswered(now).into()),
    };
    let outcome = Outcome { verb: Verb::Reverse, key: operation.key, then, after };
    let tx = records.begin().await?;
    let finished = finish(platform, &tx, row, outcome, now).await?;
    let calls = calls.write(&tx).await?;
    tx.commit().await?;
    Ok(Step { finished, calls, refusals })
}
