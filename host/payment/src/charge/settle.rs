//! Calls of the payers of a bill: authorize and settle, or reverse, one after the other.

use std::sync::Arc;

use xinglin_care::pathway::Occasion;
use xinglin_domain::{
    billing::{
        BillingError, Charge, Claim, PayerKind,
        allocation::check_accumulators,
        claim::{Reversing, Settling, Why},
    },
    code::Code,
    consent::Purpose,
    id::PatientId,
    payer::{self, Authorized, Coverage, Operation, PayerError, Refusal},
    time::Instant,
};
use xinglin_extensions::{
    Extensions,
    call::{CallView, Calls},
    install,
};
use xinglin_platform::{AppError, AppResult, boxed, grant};
use xinglin_runtime::{Interface, Mistake, Plugin};
use xinglin_store::{Executor, Install, Tenant, TenantScope};

use super::{
    Row, load,
    operation::{Finished, Outcome, Then, Verb, finish, hold},
};
use crate::coverage;

/// A loaded payer with the coverage of one patient.
pub(super) struct Payer {
    pub(super) install: Install,
    pub(super) plugin: Arc<Plugin>,
    pub(super) coverage: Coverage,
}

/// What came of the operations of a bill.
pub(super) struct Reply {
    pub(super) charge: Charge,
    pub(super) calls: Vec<CallView>,
    /// Why a payer did not take its settlement back; empty if none refused.
    pub(super) refusals: Vec<Refusal>,
}

/// The payer cannot be asked now: what the patient hears, whatever the cause, which is logged.
pub(super) fn unavailable(cause: impl std::fmt::Display) -> AppError {
    AppError::new(
        Code::PayUnavailable,
        "the insurer cannot be asked now; nothing was charged: try again later, or pay without insurance (`self_pay`)",
    )
    .because(cause)
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

/// The payer's mistake, if the error is one.
pub(super) fn mistake<T>(checked: Result<T, BillingError>) -> Option<Mistake> {
    let error = checked.err()?;
    Some(Mistake { field: error.field()?, what: error.to_string() })
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
struct Step {
    finished: Finished,
    calls: Vec<CallView>,
    refusals: Vec<Refusal>,
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
    let after =
        match payer_of(extensions, records, (patient, settling.bill().served_at), settling.state().share.payer()).await
        {
            Err(cause) => settling.failed(&PayerError::Unavailable(cause.to_string()), platform.now()),
            Ok(Payer { install, plugin, coverage }) => {
                let bill = settling.bill_sent();
                let authorize = Operation { key: format!("{}/authorize", operation.key), at: occasion.now };
                let authorized = match calls.context(&install, &plugin) {
                    Ok(context) => {
                        let call = extensions.runtime().authorize(&plugin, context, &authorize, &bill, &coverage).await;
                        calls.took(&install, call).await
                    }
                    Err(forbidden) => Err(forbidden),
                };
                // What the payer noted of it must stand before it is asked to settle.
                let tx = records.begin().await?;
                views = calls.write(&tx).await?;
                tx.commit().await?;
                calls = fresh();
                match authorized {
                    Ok(Ok(Authorized::Granted(authorization))) => {
                        row = hold(platform, records, row, &operation.key).await?.ok_or_else(superseded)?;
                        let judge = |answer: &Result<payer::Settled, PayerError>| match answer {
                            Ok(payer::Settled::Done(settlement)) => mistake(settling.check(settlement)),
                            _ => None,
                        };
                        let answer = match calls.context(&install, &plugin) {
                            Ok(context) => {
                                let asked = (&operation, &authorization);
                                let runtime = extensions.runtime();
                                let call = runtime.settle(&plugin, context, asked, &bill, &coverage, &judge).await;
                                calls.took(&install, call).await
                            }
                            Err(forbidden) => Err(forbidden),
                        };
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
    Ok(Step { finished, calls: views, refusals: Vec::new() })
}

/// What a confirmation hears of the bill that came of it.
///
/// # Errors
/// `INS_PRESETTLE_DRIFT`, `PAY_REFUSED`, `PAY_UNAVAILABLE` or `PAY_STATE`, unless it is paid, or may still be.
pub(super) fn heard(charge: &Charge) -> AppResult<()> {
    let why = match charge {
        Charge::Settling(_) | Charge::Settled(_) => return Ok(()),
        Charge::Unknown(unknown) if super::resolve::verb(unknown) == Verb::Settle => return Ok(()),
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
    let named = reversing.state().turn.share.payer().to_owned();
    let waits = |row: Row, charge: Charge| Step {
        finished: Finished { row, charge, send: false },
        calls: Vec::new(),
        refusals: Vec::new(),
    };
    let mut calls = Calls::new(extensions, records.id(), &occasion.request_id, occasion.now)
        .of(patient, Purpose::Payment)
        .about(row.id);
    let callable = async {
        let payer = payer_of(extensions, records, (patient, reversing.bill().served_at), &named).await?;
        let context = calls.context(&payer.install, &payer.plugin)?;
        Ok::<_, AppError>((payer, context))
    };
    let (Payer { install, plugin, coverage }, context) = match callable.await {
        Ok(callable) => callable,
        Err(cause) => {
            tracing::warn!(bill = %row.id, payer = named, %cause, "a reversal waits: the payer cannot be called");
            return Ok(waits(row, reversing.into()));
        }
    };
    let operation = reversing.state().attempt.operation.clone();
    let judge = |answer: &Result<payer::Reversed, PayerError>| match answer {
        Ok(payer::Reversed::Done(reversal)) => mistake(check_accumulators(&reversal.accumulators)),
        _ => None,
    };
    let Some(row) = hold(platform, records, row.clone(), &operation.key).await? else {
        // Somebody else has the operation.
        let charge = load(records, row.id).await?.value;
        return Ok(waits(row, charge));
    };
    let settlement = reversing.state().turn.settlement.clone();
    let call = extensions.runtime().reverse(&plugin, context, &operation, &settlement, &coverage, &judge).await;
    let now = platform.now();
    let mut refusals = Vec::new();
    let (then, after) = match calls.took(&install, call).await {
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

/// The payers of a patient that can be called, in the order in which they are asked: basic insurance,
/// then commercial ones. Their figures are those of the benefit year of the service.
pub(super) async fn find_payers<E: Executor>(
    extensions: &Extensions,
    records: &TenantScope<E>,
    patient: PatientId,
    served_at: Instant,
) -> AppResult<Vec<(PayerKind, Payer)>> {
    let mut payers = Vec::new();
    let playing = install::playing(extensions, records, Interface::Payer).await?;
    for (row, membership) in coverage::of_patient(records, patient).await? {
        if let Some((install, plugin)) = playing.iter().find(|(install, _)| install.plugin_id == row.payer) {
            let (install, plugin, coverage) = (install.clone(), plugin.clone(), membership.coverage(served_at));
            payers.push((grant::payer_kind(&install)?, Payer { install, plugin, coverage }));
        }
    }
    payers.sort_by_key(|(kind, _)| *kind != PayerKind::BasicInsurance);
    Ok(payers)
}

/// A payer of a bill.
///
/// # Errors
/// `PAY_UNAVAILABLE` if it cannot be called: disabled, recalled, or not to be loaded.
#[boxed]
pub(super) async fn payer_of(
    extensions: &Extensions,
    records: &Tenant,
    (patient, served_at): (PatientId, Instant),
    named: &str,
) -> AppResult<Payer> {
    let found = find_payers(extensions, records, patient, served_at)
        .await
        .map(|payers| payers.into_iter().map(|(_, payer)| payer).find(|payer| payer.install.plugin_id == named));
    match found {
        Ok(Some(payer)) if payer.install.recalled.is_none() => Ok(payer),
        Ok(Some(_)) => Err(unavailable(format!("the payer `{named}` of this bill was recalled"))),
        Ok(None) => Err(unavailable(format!("the payer `{named}` of this bill is not enabled any more"))),
        Err(error) if error.code == Code::StoreUnavailable => Err(error),
        Err(error) => Err(unavailable(error)),
    }
}
