use std::collections::BTreeSet;

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    id::{EncounterId, PrescriptionId},
    pathway::HeldAct,
    prescription::{Draft, Event, Prescription, SignWith},
    review::Acknowledgement,
};
use xinglin_extensions::Extensions;
use xinglin_platform::{
    AppError, AppResult, Caller, boxed,
    document::{Stored, next},
    settings::settings,
};
use xinglin_records::resource;
use xinglin_store::Document;

use super::{
    PrescriptionView, check_products, load,
    recheck::{not_on_hold, still_safe_in},
    requests,
    review::review,
    view, watch,
};
use crate::{encounter, pathway::hold};

/// The prescriber's signature.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Days of validity, 1 to 3.
    pub valid_days: u8,
    /// The warnings that the prescriber has read and accepts, each by plugin and code, with a
    /// reason.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub acknowledged: BTreeSet<Acknowledgement>,
}

/// Signs a prescription. Every checker is called before, in parallel; a veto, or a checker
/// without an answer, prevents the signature.
///
/// # Errors
/// `RX_FORBIDDEN_DRUG` if the formulary or the negative list has changed since the draft;
/// `RX_VETOED`, `RX_NOT_CHECKED` or `RX_WARNING_UNACKNOWLEDGED` with the findings;
/// `RX_REASON_REQUIRED` for a warning that is acknowledged without a reason; `PATIENT_…` if nothing
/// more may be done for the patient; `ENC_RED_FLAG` while a hold is active; other `RX_…`.
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
    // Before any plugin is called: nothing they answer could lift it.
    not_on_hold(&extensions.platform, caller, &records, &draft).await?;
    let settings = settings(&records).await?;
    check_products(draft.sheet(), &settings)?;
    let review = review(extensions, caller, &records, &draft).await?;
    let reviewed = review.acknowledge(&sign.acknowledged)?;
    let digest = draft.signing_digest(sign.valid_days, caller.now).map_err(AppError::internal)?;
    let with = SignWith {
        follow_up: &follow_up,
        reviewed: &reviewed,
        holds: &hold::of_patient(&records, draft.patient()).await?,
        valid_days: sign.valid_days,
        signature: extensions.platform.sign(caller, &digest),
    };
    let signed = match draft.sign(&caller.actor, with, &settings.rules()?, &extensions.platform, caller.now) {
        Ok(signed) => signed,
        Err(refused) => {
            return Err(AppError::from(refused).with("calls", review.views()));
        }
    };
    let tx = extensions.platform.begin(caller).await?;
    // A hold or an allergy may have come while the checkers thought, or the guardian have ceased
    // to be one.
    still_safe_in(&extensions.platform, caller, &tx, (HeldAct::Prescribe, &signed)).await?;
    encounter::follow_up(&tx, encounter, caller.now).await?;
    let rx = Prescription::from(signed);
    tx.update_document(&next(row, rx.state().as_str(), &rx, caller.now)?).await?;
    resource::project(&tx, requests(&rx), caller.now).await?;
    watch(&tx, &rx).await?;
    let calls = review.calls.write(&tx).await?;
    tx.commit().await?;
    view(rx, review.findings, calls)
}

fn draft_encounter(row: &Document<PrescriptionId>) -> AppResult<EncounterId> {
    let parent = row.parent_id.as_deref().unwrap_or_default();
    parent.parse().map_err(AppError::internal)
}
