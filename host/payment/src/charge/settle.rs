//! Calls of the payers of a bill in their order: authorize, settle, query, reverse.

use std::sync::Arc;

use xinglin_care::pathway::Occasion;
use xinglin_domain::{
    billing::{
        Charge, Claim, PayerKind,
        claim::{Reversing, Settling},
    },
    code::Code,
    consent::Purpose,
    payer::{self, Authorized, Coverage, Operation, PayerError},
};
use xinglin_extensions::{
    Extensions,
    call::{CallView, Calls},
    install,
};
use xinglin_platform::{AppError, AppResult, boxed, grant};
use xinglin_runtime::{Interface, Plugin};
use xinglin_store::{Executor, Install, Tenant, TenantScope};

use super::{Row, finish};
use crate::coverage;

/// A loaded payer with the coverage of one patient.
pub(super) struct Payer {
    pub(super) install: Install,
    pub(super) plugin: Arc<Plugin>,
    pub(super) row: xinglin_store::Coverage,
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

/// The outcome of a stored operation.
pub(super) struct Outcome {
    pub(super) verb: Verb,
    pub(super) key: String,
    /// The payer never received it: it is safe to send.
    pub(super) unsent: bool,
    pub(super) after: Charge,
}

/// The stored outcome. A charge that is settling or reversing has a new pending operation, to
/// be sent after the commit.
pub(super) struct Finished {
    pub(super) row: Row,
    pub(super) charge: Charge,
    pub(super) calls: Vec<CallView>,
}

/// Calls `settle` of the payer and stores the answer. The operation must be stored before.
#[boxed]
pub(super) async fn settle(
    extensions: &Extensions,
    records: &Tenant,
    row: Row,
    settling: Claim<Settling>,
    occasion: &Occasion,
) -> AppResult<(Charge, Vec<CallView>)> {
    let now = occasion.now;
    let charge = Charge::from(settling.clone());
    let payer = payer_of(extensions, records, &charge).await?;
    let Payer { install, plugin, coverage, .. } = &payer;
    let operation = settling.state().attempt.operation.clone();
    let bill = settling.bill().clone();
    let fresh = || {
        let calls = Calls::new(extensions, records.id(), &occasion.request_id, now);
        calls.of(charge.patient(), Purpose::Payment).about(row.id)
    };

    let mut calls = fresh();
    let context = calls.context(install, plugin)?;
    let authorize = Operation { key: format!("{}/authorize", operation.key), at: now };
    let authorized =
        calls.took(install, extensions.runtime().authorize(plugin, context, &authorize, &bill, coverage).await).await;
    // What the payer noted of it must stand before it is asked to settle.
    let tx = records.begin().await?;
    let mut earlier = calls.write(&tx).await?;
    tx.commit().await?;

    let mut calls = fresh();
    let after = match authorized {
        Ok(Ok(Authorized::Granted(authorization))) => {
            let context = calls.context(install, plugin)?;
            let call = extensions.runtime().settle(plugin, context, &operation, &authorization, &bill, coverage).await;
            match calls.took(install, call).await {
                Ok(Ok(answer)) => settling.answered(answer, now),
                Ok(Err(error)) => settling.failed(&error, now),
                Err(_) => settling.unanswered(now).into(),
            }
        }
        Ok(Ok(Authorized::Refused(refusals))) => settling.answered(payer::Settled::Refused(refusals), now),
        // An authorization moves no money: without one, nothing was settled.
        Ok(Err(error)) => settling.failed(&PayerError::Unavailable(format!("{error:?}")), now),
        Err(error) => settling.failed(&PayerError::Unavailable(error.to_string()), now),
    };
    let outcome = Outcome { verb: Verb::Settle, key: operation.key, unsent: false, after };
    let tx = records.begin().await?;
    let Finished { row, charge, calls } = finish(&tx, row, outcome, &payer, calls, now).await?;
    tx.commit().await?;
    earlier.extend(calls);
    let views = earlier;
    match charge {
        Charge::Reversing(reversing) => {
            let (charge, more) = Box::pin(reverse_payment(extensions, records, row, reversing, occasion)).await?;
            let message = match charge {
                Charge::Reversed(_) => "the payer settled other figures; it was taken back",
                Charge::Drifted(_) => "the payer settled other figures and did not take it back: reverse it again",
                _ => "the payer settled other figures; it is being taken back",
            };
            Err(AppError::new(Code::InsPresettleDrift, message).with("calls", [views, more].concat()))
        }
        Charge::Declined(declined) => Err(AppError::new(Code::PayRefused, "the payer refused to settle")
            .with("refusals", &declined.state().refusals)
            .with("calls", views)),
        Charge::Confirmed(_) => Err(AppError::new(
            Code::PayUnavailable,
            "the payer cannot settle just now; nothing was charged: confirm again to try again",
        )
        .with("calls", views)),
        after => Ok((after, views)),
    }
}

/// Calls `reverse` of the payer and stores the answer.
#[boxed]
pub(super) async fn reverse_payment(
    extensions: &Extensions,
    records: &Tenant,
    row: Row,
    reversing: Claim<Reversing>,
    occasion: &Occasion,
) -> AppResult<(Charge, Vec<CallView>)> {
    let now = occasion.now;
    let charge = Charge::from(reversing.clone());
    let payer = payer_of(extensions, records, &charge).await?;
    let Payer { install, plugin, coverage, .. } = &payer;
    let operation = reversing.state().attempt.operation.clone();
    let mut calls = Calls::new(extensions, records.id(), &occasion.request_id, now)
        .of(charge.patient(), Purpose::Payment)
        .about(row.id);
    let Some(settlement) = reversing.state().origin.settlement().cloned() else {
        return Err(AppError::internal("a settlement without an answer is being reversed"));
    };
    let context = calls.context(install, plugin)?;
    let call = extensions.runtime().reverse(plugin, context, &operation, &settlement, coverage).await;
    let after = match calls.took(install, call).await {
        Ok(Ok(answer)) => reversing.answered(answer, now),
        Ok(Err(error)) => reversing.failed(&error, now),
        Err(_) => reversing.unanswered(now).into(),
    };
    let outcome = Outcome { verb: Verb::Reverse, key: operation.key, unsent: false, after };
    let tx = records.begin().await?;
    let Finished { charge, calls, .. } = finish(&tx, row, outcome, &payer, calls, now).await?;
    tx.commit().await?;
    Ok((charge, calls))
}

/// The payer of a patient: the one named, or the first that there is.
pub(super) async fn find_payer<E: Executor>(
    extensions: &Extensions,
    records: &TenantScope<E>,
    patient: xinglin_domain::id::PatientId,
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
            payers.push((grant::payer_kind(&install)?, Payer { install, plugin, row, coverage }));
        }
    }
    // The basic fund is asked first.
    payers.sort_by_key(|(kind, _)| *kind != PayerKind::BasicInsurance);
    for (_, unasked) in payers.iter().skip(1) {
        notes.push(format!("coverage by `{}` is not asked: this version asks one payer a bill", unasked.row.payer));
    }
    Ok(payers.into_iter().next().map(|(_, payer)| payer))
}

#[boxed]
pub(super) async fn payer_of(extensions: &Extensions, records: &Tenant, charge: &Charge) -> AppResult<Payer> {
    let named = charge.payer();
    let payer = find_payer(extensions, records, charge.patient(), named, &mut Vec::new()).await?;
    payer.ok_or_else(|| {
        let named = named.unwrap_or_default();
        AppError::new(Code::PluginState, format!("the payer `{named}` of this bill is not enabled any more"))
    })
}
