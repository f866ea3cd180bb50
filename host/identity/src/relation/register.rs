use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{AccountId, BlobId, PatientId, RelationId},
    registration::People,
    relation::{Ground, Kind, Relation, Terms, Tie},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, acting::born_of, ambient, boxed, document};
use xinglin_store::{StoreError, TenantTx};

use super::{RelationView, keep, named};

/// A relation to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRelation {
    /// `guardian`, `family` or `emergency_contact`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// `mother`, `father`, `grandparent`, `spouse`, `child`, `sibling`, `relative` or `other`.
    #[schema(value_type = String)]
    pub tie: Tie,
    /// Of a guardian: `parent`, `court` or `agreement`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub ground: Option<Ground>,
    /// Evidence in the patient's record: `Binary/blob-…` or `DocumentReference/…`.
    #[serde(default)]
    pub evidence: Option<String>,
    /// The person's own account, with a verified name.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// The person's name, as on the document it was verified with.
    pub name: String,
    /// Contact.
    #[serde(default)]
    pub phone: Option<String>,
    /// Start of the period, RFC 3339 or a date; now if left out.
    #[serde(default)]
    pub from: Option<String>,
    /// End of the period, exclusive, if known. A minor's guardianship ends at 18 in any case.
    #[serde(default)]
    pub until: Option<String>,
}

/// Registers a relation, by staff who checked the evidence.
///
/// # Errors
/// `RELATION_INVALID` if it is inconsistent or incomplete; `NOT_FOUND` if there is no such
/// patient or account.
#[boxed]
pub async fn register(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    new: NewRelation,
) -> AppResult<RelationView> {
    caller.may(Action::RegisterRelations)?;
    caller.trail.saw(patient);
    let name = named(&new.name)?;
    let tx = platform.begin(caller).await?;
    let person = tx.get_resource("Patient", &patient.to_string()).await?;
    if person.deleted {
        return Err(AppError::not_found("patient", patient));
    }
    if let Some(evidence) = &new.evidence {
        proves(&tx, patient, evidence).await?;
    }
    let account = tx.get_account(new.account).await?;
    let (actor, verified) = super::person(&account)?;
    let people = People { born: born_of(&document::value(&person)?), person: &actor, verified };
    let time = |field, text: Option<&str>| text.map(|text| AppError::time(field, text)).transpose();
    let terms = Terms {
        kind: new.kind,
        tie: new.tie,
        ground: new.ground,
        evidence: new.evidence,
        from: time("from", new.from.as_deref())?.unwrap_or(caller.now),
        until: time("until", new.until.as_deref())?,
    };
    let id = RelationId::from_u128(ambient::fresh_id());
    let relation = Relation::register(id, patient, people, terms, &caller.actor, caller.now)?;
    keep(tx, caller, relation, people.born, (name, new.phone.as_deref())).await
}

/// Whether there is such a document in the patient's record.
async fn proves(tx: &TenantTx, patient: PatientId, evidence: &str) -> AppResult<()> {
    let none = || {
        let detail = format!("evidence: there is no `{evidence}` in this patient's record");
        AppError::new(Code::RelationInvalid, detail).with("path", "evidence")
    };
    let owner = match evidence.split_once('/') {
        Some(("Binary", id)) => match id.parse::<BlobId>() {
            Ok(id) => tx.get_blob(id).await.map(|blob| Some(blob.patient_id)),
            Err(_) => return Err(none()),
        },
        Some((kind @ "DocumentReference", id)) => {
            tx.get_resource(kind, id).await.map(|found| found.patient_id.filter(|_| !found.deleted))
        }
        _ => return Err(none()),
    };
    match owner {
        Ok(owner) if owner == Some(patient.to_string()) => Ok(()),
        Ok(_) | Err(StoreError::NotFound { .. }) => Err(none()),
        Err(error) => Err(error.into()),
    }
}
