//! Calls of the payers of a bill in their order: authorize, settle, query, reverse.

use std::sync::Arc;

use xinglin_care::pathway::Occasion;
use xinglin_domain::{
    billing::{
        BillingError, Charge, Claim, PayerKind,
        allocation::check_accumulators,
        claim::{Reversing, Settling},
    },
    code::Code,
    consent::Purpose,
    id::PatientId,
    payer::{self, Authorized, Coverage, Operation, PayerError, Refusal},
};
use xinglin_extensions::{
    Extensions,
    call::{CallView, Calls},
    install,
};
use xinglin_platform::{AppError, AppResult, boxed, grant};
use xinglin_runtime::{Interface, Mistake, Plugin};
use xinglin_store::{Executor, Install, Tenant, TenantScope};

use super::{Row, finish, guard::Cleared, hold, load};
use crate::coverage;

/// A loaded payer with the coverage of one patient.
pub(super) struct Payer {
    pub(super) install: Install,
    pub(super) plugin: Arc<Plugin>,
    pub(super) coverage: Coverage,
}

/// The request to a payer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Settle,
    Reverse,
}

impl Verb {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::Reverse => "reverse",
        }
    }
}

/// What follows an operation that did not take place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing, or what a person decides.
    Stop,
    /// A reversal is begun anew, and sent by the job.
    SendLater,
    /// A reversal is begun anew, and sent after the commit: the payer never received it.
    SendAgain,
    /// As [`SendAgain`](Self::SendAgain), a settlement that may still take place.
    SettleAgain(Cleared),
}

/// The outcome of a stored operation.
pub(super) struct Outcome {
    pub(super) verb: Verb,
    pub(super) key: String,
    pub(super) then: Then,
    pub(super) after: Charge,
}

/// The stored outcome.
pub(super) struct Finished {
    pub(super) row: Row,
    pub(super) charge: Charge,
    /// Whether the charge's pending operation is to be sent after the commit.
    pub(super) send: bool,
}

/// What came of a reversal that was sent.
pub(super) struct Reply {
    pub(super) charge: Charge,
    pub(super) calls: Vec<CallView>,
    /// Why the payer refused; empty if it did not.
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

/// Calls `settle` of the payer and stores the answer. The operation must be stored before.
///
/// # Errors
/// `VERSION_CONFLICT` if somebody else asked after the operation before the payer was called: it is
/// theirs, and the payer was not called.
#[boxed]
pub(super) async fn settle(
    extensions: &Extensions,
    records: &Tenant,
    mut row: Row,
    settling: Claim<Settling>,
    payer: &Payer,
    occasion: &Occasion,
) -> AppResult<(Charge, Vec<CallView>)> {
    let (platform, now) = (&extensions.platform, occasion.now);
    let patient = Charge::from(settling.clone()).patient();
    let Payer { install, plugin, coverage } = payer;
    let operation = settling.state().attempt.operation.clone();
    let bill = settling.bill().clone();
    let fresh = || {
        let calls = Calls::new(extensions, records.id(), &occasion.request_id, now);
        calls.of(patient, Purpose::Payment).about(row.id)
    };

    let mut calls = fresh();
    let authorize = Operation { key: format!("{}/authorize", operation.key), at: now };
    let authorized = match calls.context(install, plugin) {
        Ok(context) => {
            let call = extensions.runtime().authorize(plugin, context, &authorize, &bill, coverage).await;
            calls.took(install, call).await
        }
        Err(forbidden) => Err(forbidden),
    };
    // What the payer noted of it must stand before it is asked to settle.
    let tx = records.begin().await?;
    let mut views = calls.write(&tx).await?;
    tx.commit().await?;

    let mut calls = fresh();
    if matches!(authorized, Ok(Ok(Authorized::Granted(_)))) {
        row = hold(platform, records, row, &operation.key).await?.ok_or_else(superseded)?;
    }
    let after = match authorized {
        Ok(Ok(Authorized::Granted(authorization))) => {
            let judge = |answer: &Result<payer::Settled, PayerError>| match answer {
                Ok(payer::Settled::Done(settlement)) => mistake(settling.check(settlement)),
                _ => None,
            };
            let answer = match calls.context(install, plugin) {
                Ok(context) => {
                    let asked = (&operation, &authorization);
                    let call = extensions.runtime().settle(plugin, context, asked, &bill, coverage, &judge).await;
                    calls.took(install, call).await
                }
                Err(forbidden) => Err(forbidden),
            };
            let now = platform.now();
            match answer {
                Ok(Ok(answer)) => settling.answered(answer, now),
                Ok(Err(error)) => settling.failed(&error, now),
                Err(error) if never_sent(&error) => settling.failed(&PayerError::Unavailable(error.to_string()), now),
                Err(_) => settling.unanswered(now).into(),
            }
        }
        Ok(Ok(Authorized::Refused(refusals))) => settling.answered(payer::Settled::Refused(refusals), now),
        // An authorization moves no money: without one, nothing was settled.
        Ok(Err(error)) => settling.failed(&PayerError::Unavailable(format!("{error:?}")), now),
        Err(error) => settling.failed(&PayerError::Unavailable(error.to_string()), now),
    };
    let outcome = Outcome { verb: Verb::Settle, key: operation.key, then: Then::Stop, after };
    let tx = records.begin().await?;
    let Finished { row, charge, send } = finish(&tx, row, outcome, platform.now()).await?;
    views.extend(calls.write(&tx).await?);
    tx.commit().await?;
    match charge {
        Charge::Reversing(reversing) if send => {
            let reply = Box::pin(reverse_payment(extensions, records, row, reversing, occasion)).await?;
            Err(drift(&reply.charge).with("calls", [views, reply.calls].concat()))
        }
        Charge::Declined(_) => Err(declined(&charge).with("calls", views)),
        Charge::Confirmed(_) => Err(AppError::new(
            Code::PayUnavailable,
            "the insurer cannot settle just now; nothing was charged: confirm again to try again, or cancel",
        )
        .with("calls", views)),
        after => Ok((after, views)),
    }
}

/// The answer to the confirmation of a bill that was settled with other figures.
pub(super) fn drift(charge: &Charge) -> AppError {
    let message = match charge {
        Charge::Reversed(_) => "the payer settled other figures; it was taken back",
        Charge::Drifted(_) => "the payer settled other figures and did not take it back: reverse it again",
        _ => "the payer settled other figures; it is being taken back",
    };
    AppError::new(Code::InsPresettleDrift, message)
}

/// The answer to the confirmation of a bill that the payer declined.
pub(super) fn declined(charge: &Charge) -> AppError {
    let refused = AppError::new(Code::PayRefused, "the payer refused to settle");
    match charge {
        Charge::Declined(declined) => refused.with("refusals", &declined.state().refusals),
        _ => refused,
    }
}

/// Calls `reverse` of the payer and stores the answer. If the payer cannot be called, the
/// operation waits: the job calls it.
#[boxed]
pub(super) async fn reverse_payment(
    extensions: &Extensions,
    records: &Tenant,
    row: Row,
    reversing: Claim<Reversing>,
    occasion: &Occasion,
) -> AppResult<Reply> {
    let (platform, now) = (&extensions.platform, occasion.now);
    let charge = Charge::from(reversing.clone());
    let waiting = |charge: Charge, cause: &AppError| {
        tracing::warn!(bill = %charge.id(), payer = charge.payer(), %cause, "a reversal waits: the payer cannot be called");
        Ok(Reply { charge, calls: Vec::new(), refusals: Vec::new() })
    };
    let named = charge.payer().map(str::to_owned);
    let Payer { install, plugin, coverage } =
        match payer_of(extensions, records, charge.patient(), named.as_deref()).await {
            Ok(payer) => payer,
            Err(cause) => return waiting(charge, &cause),
        };
    let operation = reversing.state().attempt.operation.clone();
    let mut calls = Calls::new(extensions, records.id(), &occasion.request_id, now)
        .of(charge.patient(), Purpose::Payment)
        .about(row.id);
    let Some(settlement) = reversing.state().origin.settlement().cloned() else {
        return Err(AppError::internal("a settlement without an answer is being reversed"));
    };
    let context = match calls.context(&install, &plugin) {
        Ok(context) => context,
        Err(cause) => return waiting(charge, &cause),
    };
    let judge = |answer: &Result<payer::Reversed, PayerError>| match answer {
        Ok(payer::Reversed::Done(reversal)) => mistake(check_accumulators(&reversal.accumulators)),
        _ => None,
    };
    let Some(row) = hold(platform, records, row, &operation.key).await? else {
        // Somebody else has the operation.
        let charge = load(records, charge.id()).await?.value;
        return Ok(Reply { charge, calls: Vec::new(), refusals: Vec::new() });
    };
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
    let Finished { charge, .. } = finish(&tx, row, outcome, now).await?;
    let calls = calls.write(&tx).await?;
    tx.commit().await?;
    Ok(Reply { charge, calls, refusals })
}

/// The payer of a patient: the one named, or the first that there is.
pub(super) async fn find_payer<E: Executor>(
    extensions: &Extensions,
    records: &TenantScope<E>,
    patient: PatientId,
    named: Option<&str>,
    notes: &mut Vec<String>,
) -> AppResult<Option<Payer>> {
    let mut payers = Vec::new();
    let playing = install::playing(extensions, records, Interface::Payer).await?;
    for (row, coverage) in coverage::of_patient(records, patient).await? {
        if named.is_some_and(|named| named != row.payer) {
            continue;
        }
        if let Some((install, plugin)) = playing.iter().find(|(install, _)| install.plugin_id == row.payer) {
            let (install, plugin) = (install.clone(), plugin.clone());
            payers.push((grant::payer_kind(&install)?, Payer { install, plugin, coverage }));
        }
    }
    // The basic fund is asked first.
    payers.sort_by_key(|(kind, _)| *kind != PayerKind::BasicInsurance);
    for (_, unasked) in payers.iter().skip(1) {
        let payer = &unasked.install.plugin_id;
        notes.push(format!("coverage by `{payer}` is not asked: this version asks one payer a bill"));
    }
    Ok(payers.into_iter().next().map(|(_, payer)| payer))
}

/// The payer of a bill.
///
/// # Errors
/// `PAY_UNAVAILABLE` if it cannot be called: disabled, recalled, or not to be loaded.
#[boxed]
pub(super) async fn payer_of(
    extensions: &Extensions,
    records: &Tenant,
    patient: PatientId,
    named: Option<&str>,
) -> AppResult<Payer> {
    let named = named.unwrap_or_default();
    match find_payer(extensions, records, patient, Some(named), &mut Vec::new()).await {
        Ok(Some(payer)) if payer.install.recalled.is_none() => Ok(payer),
        Ok(Some(_)) => Err(unavailable(format!("the payer `{named}` of this bill was recalled"))),
        Ok(None) => Err(unavailable(format!("the payer `{named}` of this bill is not enabled any more"))),
        Err(error) if error.code == Code::StoreUnavailable => Err(error),
        Err(error) => Err(unavailable(error)),
    }
}
