//! Relations of a patient: guardians, family, emergency contacts. Read for each request, so
//! the end of a period, a birthday or a revocation takes effect on the next one.

mod invite;
mod join;
mod list;
mod register;
mod revoke;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Actor, Role},
    code::Code,
    id::{AccountId, PatientId, RelationId},
    relation::{Ground, Kind, Relation, Tie},
    time::Instant,
};
use xinglin_fhir::project as fhir;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform,
    acting::{born, parse},
    boxed, standing,
};
use xinglin_records::resource::project;
use xinglin_store::{Account, TenantTx};

pub use self::invite::{InvitationView, NewInvitation, invite};
pub use self::join::{Join, join};
pub use self::list::list;
pub use self::register::{NewRelation, register};
pub use self::revoke::revoke;

/// The kind of invitations among one-time handles.
const INVITATION: &str = "relation";

/// A relation of a person to a patient.
#[derive(Serialize, ToSchema)]
pub struct RelationView {
    /// `kin-…`, and the id of the `RelatedPerson`.
    #[schema(value_type = String)]
    pub id: RelationId,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// The person's account, which consents refer to.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// `guardian`, `family` or `emergency_contact`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// How they are related.
    #[schema(value_type = String)]
    pub tie: Tie,
    /// Ground of the guardianship.
    #[schema(value_type = Option<String>)]
    pub ground: Option<Ground>,
    /// Their name; left out for themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Start of the period.
    pub from: String,
    /// End: by revocation, end of the period, or the patient's majority.
    pub until: Option<String>,
    /// Whether it is in force now.
    pub active: bool,
    /// The account that made it.
    #[schema(value_type = String)]
    pub confirmed_by: AccountId,
    /// When it was revoked.
    pub revoked: Option<String>,
}

/// The stored content of an invitation.
#[derive(Serialize, Deserialize)]
struct Invited {
    patient: PatientId,
    by: AccountId,
    kind: Kind,
    tie: Tie,
    until: Option<Instant>,
}

/// Relations of the caller, oldest first.
#[boxed]
pub(crate) async fn own(platform: &Platform, caller: &Caller) -> AppResult<Vec<RelationView>> {
    let records = platform.records(caller);
    let mut views = Vec::new();
    for row in records.list_relations_of_account(caller.actor.account).await? {
        let relation = parse(row)?;
        let born = born(&records, relation.patient).await?;
        views.push(view(&relation, born, caller.now));
    }
    Ok(views)
}

async fn keep(
    tx: TenantTx,
    caller: &Caller,
    relation: Relation,
    born: Option<Instant>,
    person: (&str, Option<&str>),
) -> AppResult<RelationView> {
    tx.insert_relation(&row(&relation)?).await?;
    let shown = fhir::related_person(&projection(&relation, born, caller.now, person));
    project(&tx, vec![shown], caller.now).await?;
    tx.commit().await?;
    Ok(RelationView { name: Some(person.0.to_owned()), ..view(&relation, born, caller.now) })
}

/// An account without relations, and whether its name is verified.
fn person(row: &Account) -> AppResult<(Actor, bool)> {
    let actor = standing::actor(row)?;
    let verified = standing::standing(row)?.identity.is_some_and(|check| check.document_matches);
    if !row.active || !actor.is(Role::Patient) {
        return Err(AppError::new(Code::RelationInvalid, "the account is none of a patient or of their family"));
    }
    Ok((actor, verified))
}

fn named(name: &str) -> AppResult<&str> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 64 {
        return Err(AppError::new(Code::BodyInvalid, "name: 1 to 64 characters").with("path", "name"));
    }
    Ok(name)
}

fn projection<'a>(
    relation: &Relation,
    born: Option<Instant>,
    now: Instant,
    (name, phone): (&'a str, Option<&'a str>),
) -> fhir::RelatedPerson<'a> {
    fhir::RelatedPerson {
        id: relation.id,
        patient: relation.patient,
        kind: relation.terms.kind,
        tie: relation.terms.tie,
        name,
        phone,
        from: relation.terms.from,
        until: relation.ends(born),
        // Its period says when it begins and ends; this, that nobody took it back.
        active: relation.revoked.is_none_or(|revoked| now < revoked.at),
    }
}

fn row(relation: &Relation) -> AppResult<xinglin_store::Relation> {
    Ok(xinglin_store::Relation {
        id: relation.id,
        patient_id: relation.patient.to_string(),
        account: relation.person,
        body: serde_json::to_value(relation).map_err(AppError::internal)?,
        confirmed_at: relation.confirmed,
        revoked_at: relation.revoked.map(|revoked| revoked.at),
    })
}

fn view(relation: &Relation, born: Option<Instant>, now: Instant) -> RelationView {
    RelationView {
        id: relation.id,
        patient: relation.patient,
        account: relation.person,
        kind: relation.terms.kind,
        tie: relation.terms.tie,
        ground: relation.terms.ground,
        name: None,
        from: relation.terms.from.to_string(),
        until: relation.ends(born).map(|end| end.to_string()),
        active: relation.holds(born, now),
        confirmed_by: relation.confirmed_by,
        revoked: relation.revoked.map(|revoked| revoked.at.to_string()),
    }
}
