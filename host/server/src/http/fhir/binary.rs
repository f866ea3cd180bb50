//! `POST /fhir/R4/Binary` and `GET /fhir/R4/Binary/{id}`: attachments as FHIR resources.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use xinglin_domain::{
    code::Code,
    compartment::Compartments,
    id::{BlobId, PatientId},
};
use xinglin_platform::{AppError, Caller};
use xinglin_records::{
    blob::{BlobView, NewBlob},
    resource, search,
};

use crate::{
    Hospital,
    http::{
        blob,
        extract::{At, Raw, media_type},
        fhir::{
            asked::{Parameters, Terms, accepts},
            reply::{self, Refusal},
        },
    },
};

/// Media types of a `Binary` resource.
const JSON: [&str; 2] = ["application/json", "application/fhir+json"];

/// `Binary` resources stored before attachments existed; attachments are not searched.
pub async fn search(
    State(hospital): State<Hospital>,
    caller: Caller,
    parameters: Parameters,
    terms: Terms,
) -> Result<Response, Refusal> {
    let asked = terms.asked("Binary".to_owned(), parameters);
    reply::bundle(&search::search(&hospital.platform, &caller, &asked).await?)
}

/// Stores an attachment: a `Binary` in JSON, or the bytes with `X-Security-Context`. Must name the
/// patient.
pub async fn create(
    State(hospital): State<Hospital>,
    caller: Caller,
    terms: Terms,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_fhir = media_type(&headers).is_some_and(|kind| JSON.contains(&kind.essence_str()));
    let invalid = |detail: &str| AppError::new(Code::FhirInvalid, detail);
    let (content_type, bytes, context, labels) = if is_fhir {
        let resource: Value = serde_json::from_slice(&body).map_err(|error| invalid(&error.to_string()))?;
        if resource["resourceType"] != "Binary" {
            return Err(invalid("Binary.resourceType must be Binary").into());
        }
        let data = resource["data"].as_str().ok_or_else(|| invalid("Binary.data is missing"))?;
        let data: String = data.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(data).map_err(|_| invalid("Binary.data is not base64"))?;
        let content_type = resource["contentType"].as_str().unwrap_or_default().to_owned();
        let context = resource["securityContext"]["reference"].as_str().unwrap_or_default().to_owned();
        (content_type, bytes, context, Compartments::of(&resource["meta"]))
    } else {
        let context = text("x-security-context").unwrap_or_default().to_owned();
        (text("content-type").unwrap_or_default().to_owned(), body.into(), context, Compartments::NONE)
    };
    let patient: PatientId = context
        .rsplit_once("Patient/")
        .and_then(|(_, id)| id.parse().ok())
        .ok_or_else(|| invalid("Binary.securityContext must name the patient: Patient/…"))?;
    let mut compartments = labels.iter();
    let compartment = compartments.next();
    if compartments.next().is_some() {
        return Err(invalid("Binary.meta.security: an attachment falls into one restricted part at most").into());
    }
    let new = NewBlob { patient, compartment, content_type, bytes };
    let kept = xinglin_records::blob::keep(&hospital.platform, &caller, new).await?;
    let location = [(header::LOCATION, format!("{}/Binary/{}", terms.base, kept.id))];
    Ok((location, reply::document(StatusCode::CREATED, &resource(&kept, None))).into_response())
}

/// The bytes, or a `Binary` resource if FHIR is accepted.
pub async fn read(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let Ok(id) = id.parse::<BlobId>() else {
        // Stored before attachments existed.
        let kept = resource::read(&hospital.platform, &caller, "Binary", &id).await?;
        return Ok(reply::resource(StatusCode::OK, &kept));
    };
    let (blob, mut file) = xinglin_records::blob::open(&hospital.platform, &caller, id).await?;
    if !accepts(&headers, &JSON).unwrap_or(false) {
        return Ok(blob::bytes(&headers, &blob, file).into_response());
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).await.map_err(AppError::internal)?;
    Ok(reply::document(StatusCode::OK, &resource(&blob, Some(&bytes))))
}

fn resource(blob: &BlobView, bytes: Option<&[u8]>) -> Value {
    let mut resource = json!({
        "resourceType": "Binary", "id": blob.id, "meta": { "versionId": "1", "lastUpdated": blob.sent },
        "contentType": blob.content_type, "securityContext": { "reference": format!("Patient/{}", blob.patient) },
    });
    if let Some(bytes) = bytes {
        resource["data"] = STANDARD.encode(bytes).into();
    }
    resource
}
