use xinglin_domain::{access::Action, id::RelationId};
use xinglin_fhir::project as fhir;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform,
    acting::{born, parse},
    boxed, document,
};
use xinglin_records::resource::project;

use super::{RelationView, projection, row, view};

/// Revokes a relation, effective from the next request on.
///
/// # Errors
/// `NOT_FOUND` if the caller may not see it; `AUTH_FORBIDDEN` if the caller may not revoke it;
/// `RELATION_STATE` if it was revoked before.
#[boxed]
pub async fn revoke(platform: &Platform, caller: &Caller, id: RelationId) -> AppResult<RelationView> {
    let relation = parse(platform.records(caller).get_relation(id).await?)?;
    let patient = relation.patient;
    caller.trail.saw(patient);
    let theirs = caller.actor.acts_for(patient) || caller.actor.account == relation.person;
    if !theirs && caller.may(Action::RegisterRelations).is_err() {
        return Err(AppError::not_found("relation", id));
    }
    caller.may_any(&[Action::RegisterRelations, Action::ManageConsent])?;
    let relation = relation.revoke(&caller.actor, caller.now)?;
    let tx = platform.begin(caller).await?;
    tx.revoke_relation(id, &row(&relation)?.body, caller.now).await?;
    let born = born(&tx, patient).await?;
    let shown = tx.get_resource("RelatedPerson", &id.to_string()).await?;
    if !shown.deleted {
        let mut shown = document::value(&shown)?;
        let told = fhir::related_person(&projection(&relation, born, caller.now, ("", None)));
        for field in ["active", "period"] {
            shown[field] = told[field].clone();
        }
        project(&tx, vec![shown], caller.now).await?;
    }
    tx.commit().await?;
    Ok(view(&relation, born, caller.now))
}
