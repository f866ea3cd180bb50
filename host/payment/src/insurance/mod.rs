//! Questions to insurers beside the settlement of a bill: whether a patient is insured, guarantees of payment,
//! appeals. One file for each verb; rules are in `domain/src/billing/request.rs`.
//!
//! A question is stored before it is asked. If it has no answer, a job asks what became of it, and sends it
//! again only if the insurer has never seen it.

mod appeal;
mod ask_again;
mod cancel;
mod check_eligibility;
mod close;
mod complete;
mod get;
mod list;
mod project;
mod request_guarantee;
mod send;
mod submit;
mod view;

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::{Charge, request::Request},
    code::Code,
    coding::Coding,
    compartment::Compartments,
    id::{BillId, BlobId, InsuranceRequestId, PatientId},
    insurance::Document as Supporting,
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform,
    document::{Stored, fresh},
};
use xinglin_records::consent;
use xinglin_store::{Document, Executor, Queue, StoreError, Tenant, TenantScope, TenantTx, Work};

use crate::charge;

pub use self::appeal::{NewAppeal, appeal};
pub use self::ask_again::{ask_again, is_question};
pub use self::cancel::cancel;
pub use self::check_eligibility::{NewCheck, check_eligibility};
pub use self::close::{Close, close};
pub use self::complete::{Complete, complete};
pub use self::get::get;
pub use self::list::list;
pub use self::request_guarantee::{NewGuarantee, request_guarantee};
pub use self::submit::{submit_claim, submit_eligibility};
pub use self::view::{LineView, RefusalView, RequestView};

type Row = Document<InsuranceRequestId>;

/// A paper that supports a question: an attachment of the patient's record.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDocument {
    /// What it is, for example LOINC 34133-9.
    #[schema(value_type = Object)]
    pub kind: Coding,
    /// `blob-…`: an attachment of the patient.
    #[schema(value_type = String)]
    pub id: BlobId,
}

/// Most papers of a question. A project default.
const MOST_DOCUMENTS: usize = 50;

async fn load<E: Executor>(
    records: &TenantScope<E>,
    id: InsuranceRequestId,
) -> AppResult<Stored<InsuranceRequestId, Request>> {
    records.get_document(id).await?.try_into()
}

/// Papers that are this patient's.
async fn documents(records: &Tenant, patient: PatientId, new: Vec<NewDocument>) -> AppResult<Vec<Supporting>> {
    if new.len() > MOST_DOCUMENTS {
        return Err(AppError::new(Code::BodyInvalid, format!("documents: at most {MOST_DOCUMENTS}")));
    }
    let mut documents = Vec::with_capacity(new.len());
    for NewDocument { kind, id } in new {
        let blob = records.get_blob(id).await?;
        if blob.patient_id != patient.to_string() {
            return Err(AppError::not_found("blob", id));
        }
        documents.push(Supporting { kind, id: id.to_string() });
    }
    Ok(documents)
}

/// The bill, if the caller may act on it.
async fn bill_of(
    platform: &Platform,
    caller: &Caller,
    records: &Tenant,
    id: BillId,
) -> AppResult<Stored<BillId, Charge>> {
    let stored = charge::load(records, id).await?;
    let patient = stored.value.patient();
    caller.may_act_on(patient, "bill", id)?;
    if caller.may(Action::ReadRecords).is_ok() {
        let labels = (Compartments::of(&stored.row.body), false);
        consent::may_open(platform, caller, patient, labels, "bill", id).await?;
    }
    Ok(stored)
}

/// That the insurer may learn of it.
///
/// # Errors
/// `ACCESS_COMPARTMENT`; `PAY_STATE` if the patient refused it.
async fn may_learn(
    platform: &Platform,
    records: &Tenant,
    payer: &str,
    patient: PatientId,
    labels: Compartments,
) -> AppResult<()> {
    match consent::may_bill(platform, records, payer, patient, labels).await? {
        true => Ok(()),
        false => Err(AppError::new(Code::PayState, format!("the patient has refused `{payer}` to learn of it"))),
    }
}

/// What only one open question may be about.
fn exclusive(request: &Request) -> Option<String> {
    request.asks_at(request.at, charge::SILENCE_SECONDS)?;
    let bill = request.bill.filter(|_| request.ask.as_str() != "eligibility")?;
    Some(format!("{}/{bill}/{}", request.ask.as_str(), request.payer))
}

/// A row for a new question.
fn row_of(request: &Request) -> AppResult<Row> {
    let parent = request.bill.map(|id| id.to_string()).or(request.visit.map(|id| id.to_string()));
    let row = fresh(request.id, request.patient, parent, request.state.as_str(), request, request.at)?;
    Ok(Row { exclusive_key: exclusive(request), ..row })
}

/// Stores a new question, to be asked after the commit.
async fn insert(tx: &TenantTx, request: &Request) -> AppResult<Row> {
    let mut row = row_of(request)?;
    row.version = tx.insert_document(&row).await.map_err(|error| match error {
        StoreError::Unique { .. } => AppError::new(
            Code::PayState,
            format!(
                "another {} for this bill waits for the insurer: complete, cancel or await it",
                request.ask.as_str()
            ),
        ),
        other => other.into(),
    })?;
    schedule(tx, request, request.at).await?;
    Ok(row)
}

/// Stores the next state of a question, and when it is asked about.
async fn update(tx: &TenantTx, row: Row, request: &Request, now: Instant) -> AppResult<Row> {
    let mut row = xinglin_platform::document::next(row, request.state.as_str(), request, now)?;
    row.exclusive_key = exclusive(request);
    row.version = tx.update_document(&row).await?;
    schedule(tx, request, now).await?;
    Ok(row)
}

async fn schedule(tx: &TenantTx, request: &Request, now: Instant) -> AppResult<()> {
    match request.asks_at(now, charge::SILENCE_SECONDS) {
        Some(at) => tx.put_work(&[Work::new(Queue::Payment, request.id, request.id, at)]).await?,
        None => tx.drop_work(Queue::Payment, &request.id.to_string()).await?,
    }
    Ok(())
}
