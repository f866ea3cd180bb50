//! The online visit: evidence, the doctor's decision, the end.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    canonical::Digest,
    code::Code,
    coding::Coding,
    compartment::Compartments,
    encounter::{
        Accepted, Accompaniment, Decision, Encounter, EncounterError, Evidence, EvidenceKind, Finder, FollowUp,
        IdentityCheck, Request, Requested, Stopped, Visit,
    },
    id::{EncounterId, PatientId},
    relation::Guardianship,
    signature::AuthorKind,
    time::Instant,
};
use xinglin_fhir::{index, project};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, acting, ambient,
    document::{self, Stored, fresh, next},
    settings::settings,
    standing,
};
use xinglin_records::{consent, real_name, record};
use xinglin_store::{Document, Executor, TenantScope, TenantTx};

/// A visit that a patient asks for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestVisit {
    /// The patient: the caller, or a ward of theirs.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// SHA-256 of the consent text that was agreed to.
    pub consent: Option<String>,
    /// Documents of an earlier diagnosis, from the patient's own record.
    #[serde(default)]
    pub evidence: Vec<NewEvidence>,
}

/// A document that proves an earlier diagnosis. Date and diagnoses are read from
/// the record; kind and institution are the caller's word, for the doctor to
/// judge.
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

/// The doctor's decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptVisit {
    /// Coded diagnoses, at least one in ICD-10.
    #[schema(value_type = Vec<Object>)]
    pub diagnoses: Vec<Coding>,
    /// Why a diagnosis is of another chapter than the evidence.
    #[serde(default)]
    pub new_diagnosis_reason: Option<String>,
    /// Who is with a child under six.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub accompaniment: Option<Accompaniment>,
    /// `human`; anything else is refused.
    #[serde(default = "human")]
    #[schema(value_type = String)]
    pub author_kind: AuthorKind,
}

/// Why a visit does not come about.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineVisit {
    /// For the patient.
    pub reason: String,
}

/// A danger sign.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopVisit {
    /// Stable, upper snake case: `CHEST_PAIN`, `STROKE_SIGNS`, `SUICIDAL_INTENT`, …
    pub code: String,
}

/// What ends a visit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseVisit {
    /// For a visit stopped by a danger sign: what was done for the patient.
    #[serde(default)]
    pub note: Option<String>,
}

/// A visit.
#[derive(Serialize, ToSchema)]
pub struct VisitView {
    /// `enc-…`
    #[schema(value_type = String)]
    pub id: EncounterId,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// `REQUESTED`, `ACCEPTED`, `STOPPED` or `CLOSED`.
    pub status: String,
    /// Diagnoses, once a doctor decided.
    #[schema(value_type = Vec<Object>)]
    pub diagnoses: Vec<Coding>,
    /// All that is known of it.
    #[schema(value_type = Object)]
    pub detail: Value,
}

pub(crate) const fn human() -> AuthorKind {
    AuthorKind::Human
}

/// The patient asks for a follow-up visit.
///
/// # Errors
/// `ENC_…` if identity, consent or evidence are not in order.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
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
    record::project(&tx, vec![projection(&visit)], caller.now).await?;
    tx.commit().await?;
    view(visit)
}

/// The doctor decides that it is a follow-up and signs that.
///
/// # Errors
/// `ENC_…` if it cannot be one.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn accept(platform: &Platform, caller: &Caller, id: EncounterId, ask: AcceptVisit) -> AppResult<VisitView> {
    caller.may(Action::DecideFollowUp)?;
    let records = platform.records(caller);
    let rules = settings(&records).await?.encounter_rules();
    let Stored { row, value } = load(&records, id).await?;
    caller.trail.saw(value.patient());
    let visit = value.expecting::<Requested>()?;
    let decision = Decision {
        diagnoses: ask.diagnoses,
        new_diagnosis_reason: ask.new_diagnosis_reason,
        accompaniment: ask.accompaniment,
        author: ask.author_kind,
    };
    let digest = visit.decision_digest(caller.actor.account, &decision, caller.now).map_err(AppError::internal)?;
    let signature = platform.sign(caller, &digest);
    let guardian = guardian(&records, visit.request(), caller.now).await?;
    let visit = visit.accept(&caller.actor, decision, (signature, platform), guardian, &rules, caller.now)?;
    put(platform, caller, row, visit.into()).await
}

/// The doctor finds that this is no follow-up: the patient is to be seen in person.
///
/// # Errors
/// `BODY_INVALID` without a reason; `ENC_STATE` if it was decided already.
pub async fn decline(platform: &Platform, caller: &Caller, id: EncounterId, ask: DeclineVisit) -> AppResult<VisitView> {
    caller.may(Action::DecideFollowUp)?;
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    caller.trail.saw(value.patient());
    let declined = value.expecting::<Requested>()?.decline(&caller.actor, ask.reason, caller.now)?;
    put(platform, caller, row, declined.into()).await
}

/// A danger sign stops the visit at once, whoever of the care team finds it: nothing
/// is prescribed in it any more, and it ends when a doctor says what was done.
///
/// # Errors
/// `BODY_INVALID` without a code; `ENC_RED_FLAG_OPEN` if it is stopped already, `ENC_STATE` if it is over.
pub async fn stop(platform: &Platform, caller: &Caller, id: EncounterId, ask: StopVisit) -> AppResult<VisitView> {
    caller.may(Action::StopEncounter)?;
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    caller.may_act_on(value.patient(), "visit", id)?;
    let finder = Finder::Person(&caller.actor);
    let stopped = match value {
        value @ Encounter::Requested(_) => value.expecting::<Requested>()?.stop(finder, ask.code, caller.now)?,
        value => value.expecting::<Accepted>()?.stop(finder, ask.code, caller.now)?,
    };
    put(platform, caller, row, stopped.into()).await
}

/// The doctor ends the visit, or confirms that a patient with a danger sign
/// is in safe hands.
///
/// # Errors
/// `ENC_RED_FLAG_OPEN` if the visit was stopped and nobody says what was done.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn close(platform: &Platform, caller: &Caller, id: EncounterId, ask: CloseVisit) -> AppResult<VisitView> {
    caller.may(Action::CloseEncounter)?;
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    caller.trail.saw(value.patient());
    let closed = match (value, ask.note) {
        (Encounter::Stopped(_), None) => {
            return Err(AppError::new(Code::EncRedFlagOpen, "say in `note` what was done for the patient"));
        }
        (value @ Encounter::Stopped(_), Some(note)) => {
            value.expecting::<Stopped>()?.resolve(&caller.actor, note, caller.now)?
        }
        (value, _) => value.expecting::<Accepted>()?.close(&caller.actor, caller.now)?,
    };
    put(platform, caller, row, closed.into()).await
}

/// One visit.
///
/// # Errors
/// If there is none that the caller may see.
pub async fn get(platform: &Platform, caller: &Caller, id: EncounterId) -> AppResult<VisitView> {
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    // A visit that waits is put before the doctors by the patient.
    let waits = matches!(value, Encounter::Requested(_)) && caller.may(Action::DecideFollowUp).is_ok();
    let author = waits || value.doctor() == Some(caller.actor.account);
    consent::may_open(platform, caller, value.patient(), (Compartments::of(&row.body), author), "visit", id).await?;
    view(value)
}

async fn put(
    platform: &Platform,
    caller: &Caller,
    row: Document<EncounterId>,
    visit: Encounter,
) -> AppResult<VisitView> {
    let row = next(row, visit.state().as_str(), &visit, caller.now)?;
    let tx = platform.begin(caller).await?;
    lock(&tx, row.id).await?;
    tx.update_document(&row).await?;
    record::project(&tx, vec![projection(&visit)], caller.now).await?;
    tx.commit().await?;
    view(visit)
}

/// Until the transaction ends, nobody else changes the visit or speaks in it.
pub(crate) async fn lock(tx: &TenantTx, id: EncounterId) -> AppResult<()> {
    Ok(tx.lock(&format!("visit/{id}")).await?)
}

pub(crate) async fn load<E: Executor>(
    records: &TenantScope<E>,
    id: EncounterId,
) -> AppResult<Stored<EncounterId, Encounter>> {
    records.get_document(id).await?.try_into()
}

/// The proof that a follow-up is in progress, at this moment.
pub(crate) async fn follow_up<E: Executor>(
    records: &TenantScope<E>,
    id: EncounterId,
    now: Instant,
) -> AppResult<FollowUp> {
    let visit = load(records, id).await?.value;
    let guardian = guardian(records, visit.request(), now).await?;
    Ok(visit.follow_up(guardian, now)?)
}

/// The proof that who needs a guardian has one.
async fn guardian<E: Executor>(
    records: &TenantScope<E>,
    request: &Request,
    now: Instant,
) -> AppResult<Option<Guardianship>> {
    match request.wants_guardian(now) {
        true => acting::guardian_of(records, request.patient, now).await,
        false => Ok(None),
    }
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

fn projection(visit: &Encounter) -> Value {
    use project::EncounterStatus as S;
    let doctor = visit.doctor().map(|doctor| doctor.to_string());
    project::encounter(&project::Encounter {
        id: visit.id(),
        patient: &visit.patient().to_string(),
        doctor: doctor.as_deref(),
        status: match visit {
            Encounter::Requested(_) => S::Waiting,
            Encounter::Accepted(_) => S::InProgress,
            Encounter::Stopped(_) => S::Cancelled,
            Encounter::Closed(_) => S::Finished,
        },
        reasons: visit.accepted().map_or(&[], |accepted| &accepted.decision.diagnoses),
        started: visit.requested_at(),
        ended: match visit {
            Encounter::Closed(visit) => Some(visit.state().at),
            _ => None,
        },
    })
}

fn view(visit: Encounter) -> AppResult<VisitView> {
    Ok(VisitView {
        id: visit.id(),
        patient: visit.patient(),
        status: visit.state().as_str().to_owned(),
        diagnoses: visit.accepted().map(|accepted| accepted.decision.diagnoses.clone()).unwrap_or_default(),
        detail: serde_json::to_value(visit).map_err(AppError::internal)?,
    })
}
