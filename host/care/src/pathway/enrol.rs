use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    consent::Purpose,
    enrolment::Enrolment,
    id::{EnrolmentId, PatientId},
    pathway::{Eligibility, Event},
};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_platform::{AppError, AppResult, Caller, ambient, boxed, grant};
use xinglin_records::{
    consent, patient,
    snapshot::{self, LeftOut},
};

use super::{EnrolmentView, Occasion, Occurrence, Ready, Reply, ask, carry_out, undecided};

/// A patient to enrol.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// Id of an enabled plugin with a pathway.
    pub plugin: String,
}

/// Screens a patient and enrols them.
///
/// # Errors
/// `PATIENT_…` if nothing more may be done for the patient; `PATHWAY_INELIGIBLE` with the reasons; `ALREADY_EXISTS` if the patient is
/// in this pathway.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
#[boxed]
pub async fn enrol(extensions: &Extensions, caller: &Caller, enrol: Enrol) -> AppResult<EnrolmentView> {
    caller.may(Action::EnrolPatient)?;
    caller.trail.saw(enrol.patient);
    let records = extensions.platform.records(caller);
    patient::treatable(&records, enrol.patient).await?;
    let (install, plugin) = install::pathway(extensions, &records, &enrol.plugin).await?;
    let compartments = grant::compartments(&install)?;
    // Before anything else: whether the patient is in this pathway is restricted too.
    consent::may_enter(&extensions.platform, caller, enrol.patient, compartments).await?;
    // It would take what is closed to it for absent.
    let whom = (Purpose::Treatment, compartments);
    if !consent::plugin_sees(&extensions.platform, &records, &enrol.plugin, enrol.patient, whom).await? {
        let detail = format!("the patient has closed this part of the record to `{}`", enrol.plugin);
        return Err(AppError::new(Code::AccessCompartment, detail));
    }
    let definition = install::definition(&install)?;
    let id = EnrolmentId::from_u128(ambient::fresh_id());
    let stage = definition.stages.first().map(|stage| stage.code.clone()).unwrap_or_default();
    let enrolment = Enrolment {
        id,
        patient: enrol.patient,
        plugin: enrol.plugin,
        pathway: definition.code.clone(),
        enrolled_by: caller.actor.account,
        enrolled: caller.now,
        stage,
        state: None,
        ended: None,
    };
    let occasion = Occasion { request_id: caller.request_id.clone(), now: caller.now };
    let mut calls = Calls::new(extensions, records.id(), &occasion.request_id, occasion.now)
        .of(enrol.patient, Purpose::Treatment)
        .about(id);
    let snapshot = snapshot::snapshot(
        &extensions.platform,
        &records,
        (&install.plugin_id, Purpose::Treatment),
        &definition.data_needs,
        enrol.patient,
        LeftOut::NOTHING,
        caller.now,
    )
    .await?;
    let context = calls.context(&install, &plugin)?;
    let screened =
        calls.took(&install, extensions.runtime().screen(&plugin, context, &snapshot, caller.now).await).await;
    let refusal = match screened {
        Ok(Ok(Eligibility::Eligible)) => None,
        Ok(Ok(Eligibility::Ineligible(reasons))) => Some(ineligible("not for this pathway", &reasons)),
        Ok(Ok(Eligibility::ReferOffline(reasons))) => Some(ineligible("must be seen in person first", &reasons)),
        Ok(Err(error)) => Some(undecided(&error)),
        Err(failure) => Some(failure),
    };
    if let Some(refusal) = refusal {
        return Err(refusal.with("calls", calls.views()));
    }
    let ready = Ready { row: None, enrolment, definition, compartments };
    match ask(extensions, &records, &ready, &Event::Enrolled, &occasion, &mut calls).await? {
        Reply::Accepted(accepted) => {
            let tx = records.begin().await?;
            patient::treatable(&tx, enrol.patient).await?;
            let view = carry_out(&tx, &ready, accepted, &occasion, &calls, Occurrence::Of("enrolled")).await?;
            tx.commit().await?;
            Ok(view)
        }
        // There is no state to go back to: the patient is not enrolled.
        Reply::Nothing(error) => Err(error.with("calls", calls.views())),
    }
}

fn ineligible(detail: &str, reasons: &[xinglin_domain::pathway::Reason]) -> AppError {
    AppError::new(Code::PathwayIneligible, detail).with("reasons", reasons)
}
