use std::collections::BTreeSet;

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    consent::Purpose,
    id::{EncounterId, PrescriptionId},
    prescription::{Draft, Event, Prescription, Rx, RxError, SignWith},
    review::{Answer, Checker, Finding, ReviewOutcome, fold},
};
use xinglin_extensions::{
    Extensions,
    call::{Calls, failed},
    install,
};
use xinglin_platform::{
    AppError, AppResult, Caller, boxed,
    document::{Stored, next},
};
use xinglin_records::{resource, snapshot};
use xinglin_runtime::Interface;
use xinglin_store::{Document, Executor, TenantScope};

use super::{PrescriptionView, load, requests, rules, view, watch};
use crate::{encounter, pathway::hold};

/// The prescriber's signature.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Days of validity, 1 to 3.
    pub valid_days: u8,
    /// Codes of the warnings that the prescriber has seen and accepts.
    #[serde(default)]
    pub acknowledged: BTreeSet<String>,
}

/// Signs a prescription. Every enabled checker is called before, in parallel; a veto, or a
/// checker without an answer, prevents the signature.
///
/// # Errors
/// `RX_VETOED`, `RX_NOT_CHECKED` or `RX_WARNING_UNACKNOWLEDGED` with the
/// findings; `ENC_RED_FLAG` while a hold is active; other `RX_…`.
#[tracing::instrument(target = "xinglin::trace", name = "sign_prescription", skip_all)]
#[boxed]
pub async fn sign(
    extensions: &Extensions,
    caller: &Caller,
    id: PrescriptionId,
    sign: Sign,
) -> AppResult<PrescriptionView> {
    caller.may(Action::SignPrescription)?;
    let records = extensions.platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.trail.saw(value.patient());
    let draft = value.expecting::<Draft>(Event::Sign)?;
    let encounter = draft_encounter(&row)?;
    let follow_up = encounter::follow_up(&records, encounter, caller.now).await?;
    let holds = hold::of_patient(&records, draft.patient()).await?;
    if let Some(hold) = holds.iter().find(|hold| hold.is_active()) {
        // Said before any plugin is asked: nothing they say could lift it.
        return Err(RxError::OnHold(hold::shown(&extensions.platform, caller, hold.clone()).await?.code).into());
    }

    let (outcome, calls) = review(extensions, caller, &records, &draft).await?;
    let findings = findings(&outcome);
    let reviewed = match outcome.acknowledge(&sign.acknowledged) {
        Ok(reviewed) => reviewed,
        Err(refused) => {
            let calls = calls.views();
            let unchecked: Vec<_> = outcome.unchecked().collect();
            return Err(AppError::new(refused.code(), refused.to_string())
                .with("findings", findings)
                .with("unchecked", unchecked)
                .with("calls", calls));
        }
    };
    let digest = draft.signing_digest(sign.valid_days, caller.now).map_err(AppError::internal)?;
    let with = SignWith {
        follow_up: &follow_up,
        reviewed: &reviewed,
        holds: &holds,
        valid_days: sign.valid_days,
        signature: extensions.platform.sign(caller, &digest),
    };
    let signed = match draft.sign(&caller.actor, with, rules()?, &extensions.platform, caller.now) {
        Ok(signed) => signed,
        Err(refused) => {
            return Err(AppError::from(refused).with("calls", calls.views()));
        }
    };
    let rx = Prescription::from(signed);
    let patient = rx.patient();
    let row = next(row, rx.state().as_str(), &rx, caller.now)?;
    let tx = extensions.platform.begin(caller).await?;
    // A hold may have come while the checkers thought.
    if let Some(hold) = hold::of_patient(&tx, patient).await?.into_iter().find(|hold| hold.is_active()) {
        tx.rollback().await?;
        return Err(RxError::OnHold(hold::shown(&extensions.platform, caller, hold).await?.code).into());
    }
    // Or the guardian have ceased to be one.
    encounter::follow_up(&tx, encounter, caller.now).await?;
    tx.update_document(&row).await?;
    resource::project(&tx, requests(&rx), caller.now).await?;
    watch(&tx, &rx).await?;
    let calls = calls.write(&tx).await?;
    tx.commit().await?;
    view(rx, findings, calls)
}

/// Calls every enabled checker with a draft, in parallel, each in a fresh instance with its
/// own snapshot of the record.
async fn review<'a, E: Executor>(
    extensions: &'a Extensions,
    caller: &Caller,
    records: &TenantScope<E>,
    draft: &Rx<Draft>,
) -> AppResult<(ReviewOutcome, Calls<'a>)> {
    let mut calls = Calls::new(extensions, records.id(), &caller.request_id, caller.now)
        .of(draft.patient(), Purpose::Treatment)
        .about(draft.id());
    let order = draft.order();
    let playing = install::playing(extensions, records, Interface::Review).await?;
    let mut asked = Vec::with_capacity(playing.len());
    for (install, plugin) in &playing {
        let needs = plugin.data_needs().to_vec();
        let snapshot = snapshot::snapshot(
            &extensions.platform,
            records,
            (&install.plugin_id, Purpose::Treatment),
            &needs,
            draft.patient(),
            caller.now,
        )
        .await?;
        asked.push((calls.context(install, plugin)?, plugin, snapshot));
    }
    let reviews = asked.into_iter().map(|(context, plugin, snapshot)| {
        let (runtime, order, plugin, now) = (extensions.runtime().clone(), order.clone(), plugin.clone(), caller.now);
        let review = async move { runtime.review(&plugin, context, &order, &snapshot, now).await };
        extensions.platform.tasks().spawn(review)
    });
    let running: Vec<_> = reviews.collect();
    let mut reviewed = Vec::with_capacity(playing.len());
    for ((install, _), review) in playing.iter().zip(running) {
        reviewed.push((install, review.await.map_err(AppError::internal)?));
    }
    let verdicts = calls.note(reviewed).await?;
    let answers = playing.iter().zip(verdicts).map(|((install, _), verdict)| {
        (install.plugin_id.clone(), Answer::from_call(verdict.map_err(|failure| failed(&failure))))
    });
    let answers = answers.collect();
    let checkers: Vec<Checker> =
        playing.iter().map(|(install, _)| Checker { plugin: install.plugin_id.clone(), required: true }).collect();
    let subject = draft.fingerprint().map_err(AppError::internal)?;
    Ok((fold(subject, &checkers, answers), calls))
}

fn draft_encounter(row: &Document<PrescriptionId>) -> AppResult<EncounterId> {
    let parent = row.parent_id.as_deref().unwrap_or_default();
    parent.parse().map_err(AppError::internal)
}

fn findings(outcome: &ReviewOutcome) -> Vec<Finding> {
    let vetoes = outcome.vetoes().flat_map(|(_, findings)| findings.to_vec());
    vetoes.chain(outcome.warnings().map(|(_, finding)| finding.clone())).collect()
}
