use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    canonical::Digest,
    code::Code,
    coding::Coding,
    encounter::{Encounter, EncounterError, Evidence, EvidenceKind, IdentityCheck, Request, Visit},
    id::{EncounterId, PatientId},
    time::Instant,
};
use xinglin_fhir::index;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient, boxed,
    document::{self, fresh},
    settings::settings,
    standing,
};
use xinglin_records::{patient, real_name, resource};
use xinglin_store::{Executor, TenantScope};

use super::{VisitView, projection, view};

/// A requested visit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestVisit {
    /// The patient: the caller, or a ward of theirs.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// SHA-256 of the consent text that was agreed to.
    pub consent: Option<String>,
    /// Evidence of an earlier diagnosis, from the patient's own record.
    #[serde(default)]
    pub evidence: Vec<NewEvidence>,
}

/// A document that proves an earlier diagnosis. Date and diagnoses are read from the record;
/// kind and institution are stated by the caller and checked by the doctor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEvidence {
    /// `outpatient_record`, `inpatient_record`, `discharge_note` or `certificate`.
    #[schema(value_type = String)]
    pub kind: EvidenceKind,
    /// The document in the record: `Encounter/…` or `DocumentReference/…`.
    pub document: String,
    /// Diagnoses made in it: `Condition/…`.
    pub conditions: Vec<String>,
    /// Who issued it.
    pub institution: String,
}

/// Requests a follow-up visit for a patient.
///
/// # Errors
/// `ENC_…` if identity, consent or evidence are missing or invalid.
#[tracing::instrument(target = "xinglin::trace", name = "request_visit", skip_all)]
#[boxed]
pub async fn request(platform: &Platform, caller: &Caller, ask: RequestVisit) -> AppResult<VisitView> {
    caller.may(Action::RequestEncounter)?;
    caller.trail.saw(ask.patient);
    if !caller.actor.acts_for(ask.patient) {
        // Said before anything of the record is read.
        return Err(EncounterError::Identity("the account may not act for this patient").into());
    }
    let records = platform.records(caller);
    let rules = settings(&records).await?.encounter_rules();
    let account = records.get_account(caller.actor.account).await?;
    let unchecked = IdentityCheck { document_matches: false, face_per_mille: 0 };
    let identity = standing::standing(&account)?.identity.unwrap_or(unchecked);
    let (real_name, _) = real_name::real_name(platform, caller.actor.tenant, ask.patient).await?;
    patient::treatable(&records, ask.patient).await?;
    let person = records.get_resource("Patient", &ask.patient.to_string()).await?;
    let born = document::value(&person)?["birthDate"].as_str().and_then(Instant::parse);
    let born = born.ok_or_else(|| AppError::new(Code::EncIdentity, "the record holds no date of birth"))?;
    let consent = match ask.consent.as_deref().map(str::parse::<Digest>) {
        Some(Ok(digest)) => Some(digest),
        Some(Err(_)) => return Err(AppError::new(Code::BodyInvalid, "consent: not a SHA-256 in lower-case hex")),
        None => None,
    };
    let mut evidence = Vec::with_capacity(ask.evidence.len());
    for document in ask.evidence {
        evidence.push(read_evidence(&records, ask.patient, document).await?);
    }
    let id = EncounterId::from_u128(ambient::fresh_id());
    let request = Request { id, patient: ask.patient, born, identity, real_name, consent, evidence };
    let visit: Encounter = Visit::request_by(&caller.actor, request, &rules, caller.now)?.into();
    let row = fresh(id, ask.patient, None, visit.state().as_str(), &visit, caller.now)?;
    let tx = platform.begin(caller).await?;
    tx.insert_document(&row).await?;
    resource::project(&tx, vec![projection(&visit)], caller.now).await?;
    tx.commit().await?;
    view(visit)
}

/// Reads a document of the patient's own record as evidence.
async fn read_evidence<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
    new: NewEvidence,
) -> AppResult<Evidence> {
    let patient = patient.to_string();
    let missing =
        |reference: &str| AppError::new(Code::EncNoEvidence, format!("`{reference}` is not in this patient's record"));
    let read = async |reference: &str, kinds: &[&str]| {
        let (kind, id) = reference.split_once('/').ok_or_else(|| missing(reference))?;
        if !kinds.contains(&kind) {
            return Err(missing(reference));
        }
        match records.get_resource(kind, id).await {
            Ok(found) if !found.deleted && found.patient_id.as_deref() == Some(&patient) => Ok(found),
            Ok(_) | Err(xinglin_store::StoreError::NotFound { .. }) => Err(missing(reference)),
            Err(error) => Err(error.into()),
        }
    };
    let unfit = |reference: &str, why: &str| AppError::new(Code::EncNoEvidence, format!("`{reference}` {why}"));
    let document = read(&new.document, &["Encounter", "DocumentReference"]).await?;
    if new.document.starts_with(&format!("Encounter/{}-", EncounterId::PREFIX)) {
        return Err(unfit(&new.document, "is an online visit; the diagnosis must have been made in person"));
    }
    let Some(issued) = index::index(&document::value(&document)?).date else {
        return Err(unfit(&new.document, "has no date"));
    };
    let mut diagnoses = Vec::new();
    for reference in &new.conditions {
        let condition = document::value(&read(reference, &["Condition"]).await?)?;
        if condition["encounter"]["reference"].as_str() != Some(&new.document) && new.document.starts_with("Encounter/")
        {
            return Err(unfit(reference, "was not diagnosed in that visit"));
        }
        let verified = condition["verificationStatus"]["coding"].as_array();
        let refuted = |coding: &Value| matches!(coding["code"].as_str(), Some("refuted" | "entered-in-error"));
        if verified.is_some_and(|codings| codings.iter().any(refuted)) {
            return Err(unfit(reference, "was refuted"));
        }
        let codings = condition["code"]["coding"].as_array().cloned().unwrap_or_default();
        diagnoses.extend(codings.into_iter().filter_map(|coding| {
            let text = |key: &str| coding[key].as_str().map(str::to_owned);
            Some(Coding { system: text("system")?, code: text("code")?, display: text("display") })
        }));
    }
    Ok(Evidence {
        kind: new.kind,
        diagnoses,
        issued,
        institution: new.institution,
        document: Digest::of_bytes(document.body.get().as_bytes()),
    })
}
