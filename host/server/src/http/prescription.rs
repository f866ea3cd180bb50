//! Prescriptions.

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::prescription::{
    self, Approve, ConfirmPrescription, NewPrescription, Object, PrescriptionView, RequiredCheckers, Rewrite, Sign,
};
use xinglin_domain::{
    access::Action,
    id::{PrescriptionId, TenantId},
};
use xinglin_pharmacy::{
    delivery::{self, Counsel, Lose, ParcelView, Receive, Ship, TakeBack},
    dispensing::{self, Dispense},
};
use xinglin_platform::Caller;

use crate::{
    Hospital,
    http::{
        access::{Access, allowed, by},
        extract::{At, Body},
        problem::{Problem, Reply},
    },
};

/// Who reads the record or prepares the prescription.
const KNOWN: Access = Access::By(&[Action::ReadRecords, Action::ReadOwnRecord, Action::PreparePrescription]);

/// Who takes a parcel, and who brings it.
const HANDS: Access = Access::By(&[Action::ReceivePrescription, Action::DeliverPrescription]);

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ReviewPrescription, routes!(approve)))
        .routes(by(&Action::DispensePrescription, routes!(dispense)))
        .routes(by(&Action::CounselPrescription, routes!(counsel)))
        .routes(by(&Action::DraftPrescription, routes!(discard)))
        .routes(by(&Action::DraftPrescription, routes!(draft)))
        .routes(allowed(KNOWN, routes!(get)))
        .routes(by(&Action::SignPrescription, routes!(confirm)))
        .routes(allowed(Access::SignedIn, routes!(get_required_checkers)))
        .routes(by(&Action::ManagePlugins, routes!(put_required_checkers)))
        .routes(by(&Action::ReviewPrescription, routes!(reject)))
        .routes(by(&Action::DraftPrescription, routes!(rewrite)))
        .routes(by(&Action::ReviewPrescription, routes!(send_back)))
        .routes(by(&Action::SignPrescription, routes!(sign)))
        .routes(by(&Action::DispensePrescription, routes!(hand_over)))
        .routes(by(&Action::DispensePrescription, routes!(lose)))
        .routes(allowed(HANDS, routes!(receive)))
        .routes(by(&Action::DispensePrescription, routes!(renew_code)))
        .routes(by(&Action::DeliverPrescription, routes!(report_loss)))
        .routes(by(&Action::DeliverPrescription, routes!(ship)))
        .routes(by(&Action::DispensePrescription, routes!(take_back)))
        .routes(by(&Action::SignPrescription, routes!(withdraw)))
}

/// A pharmacist, never the prescriber, approves and signs.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/approve", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Approve,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn approve(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Approve>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(prescription::approve(&hospital.extensions, &caller, id, ask).await?))
}

/// Two members of the pharmacy dispense what was ordered and paid, at most once.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/dispense", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Dispense,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn dispense(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Dispense>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(dispensing::dispense(&hospital.extensions, &caller, id, ask).await?))
}

/// The doctor discards a draft.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/discard", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn discard(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(prescription::discard(&hospital.platform, &caller, id).await?))
}

/// The doctor drafts a prescription in one of their visits.
#[utoipa::path(
    post, path = "/api/v1/prescriptions", tag = "Prescription",
    request_body = NewPrescription,
    responses((status = 201, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn draft(
    State(hospital): State<Hospital>,
    caller: Caller,
    Body(ask): Body<NewPrescription>,
) -> Reply<(StatusCode, Json<PrescriptionView>)> {
    Ok((StatusCode::CREATED, Json(prescription::draft(&hospital.platform, &caller, ask).await?)))
}

/// One prescription.
#[utoipa::path(
    get, path = "/api/v1/prescriptions/{id}", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(prescription::get(&hospital.platform, &caller, id).await?))
}

/// The prescriber confirms a returned prescription, with a reason and a second signature.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/confirm", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = ConfirmPrescription,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn confirm(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<ConfirmPrescription>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(prescription::confirm(&hospital.platform, &caller, id, ask).await?))
}

/// A pharmacist rejects it permanently.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/reject", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Object,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn reject(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Object>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(prescription::reject(&hospital.platform, &caller, id, ask).await?))
}

/// The doctor rewrites a draft, or a returned prescription.
#[utoipa::path(
    put, path = "/api/v1/prescriptions/{id}", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Rewrite,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn rewrite(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Rewrite>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(prescription::rewrite(&hospital.platform, &caller, id, ask).await?))
}

/// A pharmacist returns it to the prescriber.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/return", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Object,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn send_back(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Object>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(prescription::send_back(&hospital.platform, &caller, id, ask).await?))
}

/// The doctor signs. Every enabled checker is called first; a veto, or a checker without a verdict,
/// prevents the signature.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/sign", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Sign,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn sign(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Sign>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(prescription::sign(&hospital.extensions, &caller, id, ask).await?))
}

/// The prescriber withdraws what is signed, approved or not, and not yet ordered.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/withdraw", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn withdraw(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(prescription::withdraw(&hospital.platform, &caller, id).await?))
}

/// The checkers without whose verdict nobody signs in the caller's hospital.
#[utoipa::path(
    get, path = "/api/v1/required-checkers", tag = "Prescription",
    responses((status = 200, body = RequiredCheckers), (status = "4XX", body = Problem)),
)]
pub async fn get_required_checkers(State(hospital): State<Hospital>, caller: Caller) -> Reply<Json<RequiredCheckers>> {
    Ok(Json(prescription::get_required_checkers(&hospital.platform, &caller).await?))
}

/// Names the checkers without whose verdict nobody signs, beside all that are enabled.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/required-checkers", tag = "Prescription",
    params(("tenant" = String, Path, description = "`ten-…`")),
    request_body = RequiredCheckers,
    responses((status = 200, body = RequiredCheckers), (status = "4XX", body = Problem)),
)]
pub async fn put_required_checkers(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<RequiredCheckers>,
) -> Reply<Json<RequiredCheckers>> {
    Ok(Json(prescription::put_required_checkers(&hospital.platform, &caller, tenant, ask).await?))
}

/// A pharmacist or nurse has counselled the patient; the prescription is closed.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/counsel", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Counsel,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn counsel(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Counsel>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(delivery::counsel(&hospital.platform, &caller, id, ask).await?))
}

/// Dispensed medicines are handed over at the counter, after a document was checked.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/hand-over", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn hand_over(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(delivery::hand_over(&hospital.extensions, &caller, id).await?))
}

/// A pharmacist decides that a parcel is lost or spoilt; the patient is refunded.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/lose", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Lose,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn lose(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Lose>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(delivery::lose(&hospital.platform, &caller, id, ask).await?))
}

/// The patient receives a parcel with the code that they were told, or tells the code to who brings it and
/// enters it.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/receive", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Receive,
    responses((status = 200, body = ParcelView), (status = "4XX", body = Problem)),
)]
pub async fn receive(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Receive>,
) -> Reply<Json<ParcelView>> {
    Ok(Json(delivery::receive(&hospital.platform, &caller, id, ask).await?))
}

/// The patient is told a new code to receive a parcel with.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/renew-code", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    responses((status = 200, body = ParcelView), (status = "4XX", body = Problem)),
)]
pub async fn renew_code(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
) -> Reply<Json<ParcelView>> {
    Ok(Json(delivery::renew_code(&hospital.platform, &caller, id).await?))
}

/// Who brings a parcel reports that it is lost or spoilt; a pharmacist decides.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/report-loss", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Lose,
    responses((status = 200, body = ParcelView), (status = "4XX", body = Problem)),
)]
pub async fn report_loss(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Lose>,
) -> Reply<Json<ParcelView>> {
    Ok(Json(delivery::report_loss(&hospital.platform, &caller, id, ask).await?))
}

/// Dispensed medicines are shipped; the patient is told the code to receive them with.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/ship", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = Ship,
    responses((status = 200, body = ParcelView), (status = "4XX", body = Problem)),
)]
pub async fn ship(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<Ship>,
) -> Reply<Json<ParcelView>> {
    Ok(Json(delivery::ship(&hospital.extensions, &caller, id, ask).await?))
}

/// Medicines are taken back for a cause that is not the patient's, wherever they are; the patient is refunded.
#[utoipa::path(
    post, path = "/api/v1/prescriptions/{id}/take-back", tag = "Prescription",
    params(("id" = String, Path, description = "`rx-…`")),
    request_body = TakeBack,
    responses((status = 200, body = PrescriptionView), (status = "4XX", body = Problem)),
)]
pub async fn take_back(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<PrescriptionId>,
    Body(ask): Body<TakeBack>,
) -> Reply<Json<PrescriptionView>> {
    Ok(Json(delivery::take_back(&hospital.platform, &caller, id, ask).await?))
}
