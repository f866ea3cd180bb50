//! Who belongs to a patient: guardians, family, whom to call. Read anew for each act, so
//! that a term that ends, a birthday or a word of the hospital holds with the next one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Actor, Role},
    code::Code,
    id::{AccountId, BlobId, PatientId, RelationId},
    relation::{Ground, Kind, People, Relation, Terms, Tie},
    time::Instant,
};
use xinglin_fhir::project as fhir;
use xinglin_platform::{
    AppError, AppResult, Caller, Platform,
    acting::{self, born, born_of, parse},
    ambient, document, one_time, standing,
};
use xinglin_records::record::project;
use xinglin_store::{Account, ResourceQuery, StoreError, TenantTx};

/// The kind of an invitation among what is shown once.
const INVITATION: &str = "relation";

/// How long an invitation can be accepted, in hours.
const INVITATION_HOURS: i64 = 7 * 24;

/// Most people of one patient that are listed.
const MOST: u32 = 200;

/// Somebody to register.
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
    /// What proves it, in the patient's record: `Binary/blob-…` or `DocumentReference/…`.
    #[serde(default)]
    pub evidence: Option<String>,
    /// The person's own account, whose name was checked.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// The person's name, as on the document that it was checked against.
    pub name: String,
    /// Where they are reached.
    #[serde(default)]
    pub phone: Option<String>,
    /// From when on, RFC 3339 or a day; from now on if it is left out.
    #[serde(default)]
    pub from: Option<String>,
    /// Until just before then, if that is known. A minor's guardianship ends at 18 anyway.
    #[serde(default)]
    pub until: Option<String>,
}

/// An invitation to be somebody's family.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// `family` or `emergency_contact`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// As in a relation that is registered.
    #[schema(value_type = String)]
    pub tie: Tie,
    /// Until just before then; for good if it is left out.
    #[serde(default)]
    pub until: Option<String>,
}

/// To be handed to whom one means.
#[derive(Serialize, ToSchema)]
pub struct InvitationView {
    /// Good once, for whoever shows it first.
    pub code: String,
    /// Until when (RFC 3339).
    pub expires_at: String,
}

/// An invitation that is accepted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The invitation.
    pub code: String,
    /// One's name, as on one's document.
    pub name: String,
    /// Where one is reached.
    #[serde(default)]
    pub phone: Option<String>,
}

/// A person tied to a patient.
#[derive(Serialize, ToSchema)]
pub struct RelationView {
    /// `kin-…`, and the id of the `RelatedPerson`.
    #[schema(value_type = String)]
    pub id: RelationId,
    /// To whom.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// Their account: to whom consents are given.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// `guardian`, `family` or `emergency_contact`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// How they are related.
    #[schema(value_type = String)]
    pub tie: Tie,
    /// Why they are the guardian.
    #[schema(value_type = Option<String>)]
    pub ground: Option<Ground>,
    /// Their name; not said to themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// From when on.
    pub from: String,
    /// When it ends or ended: by a word, by its term, or by the patient's majority.
    pub until: Option<String>,
    /// Whether it holds now.
    pub active: bool,
    /// By whose word it was made.
    #[schema(value_type = String)]
    pub confirmed_by: AccountId,
    /// When it was revoked.
    pub revoked: Option<String>,
}

/// What an invitation stands for.
#[derive(Serialize, Deserialize)]
struct Invited {
    patient: PatientId,
    by: AccountId,
    kind: Kind,
    tie: Tie,
    until: Option<Instant>,
}

/// Staff register somebody, having seen what proves it.
///
/// # Errors
/// `RELATION_INVALID` if it makes no sense, or something is missing; `NOT_FOUND` if
/// there is no such patient or account.
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
    let (actor, verified) = standing(&account)?;
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

/// The patient invites somebody to be their family, who is handed the code.
///
/// # Errors
/// `NOT_FOUND` for anybody but the patient; `RELATION_INVALID` for a guardian.
pub async fn invite(
    platform: &Platform,
    caller: &Caller,
    patient: PatientId,
    new: NewInvitation,
) -> AppResult<InvitationView> {
    caller.trail.saw(patient);
    if !caller.actor.acts_for(patient) {
        return Err(AppError::not_found("patient", patient));
    }
    caller.may(Action::ManageConsent)?;
    if new.kind == Kind::Guardian {
        let detail = "who is a guardian is registered by the hospital, upon evidence";
        return Err(AppError::new(Code::RelationInvalid, detail));
    }
    let until = new.until.as_deref().map(|text| AppError::time("until", text)).transpose()?;
    let invited = Invited { patient, by: caller.actor.account, kind: new.kind, tie: new.tie, until };
    let (code, digest) = one_time::draw();
    let expires_at = caller.now.plus_hours(INVITATION_HOURS);
    let tx = platform.begin(caller).await?;
    tx.put_one_time(INVITATION, &digest, &invited, expires_at).await?;
    tx.commit().await?;
    Ok(InvitationView { code, expires_at: expires_at.to_string() })
}

/// Somebody accepts an invitation.
///
/// # Errors
/// `NOT_FOUND` if there is no such invitation, it was accepted before, or whoever
/// made it may not speak for the patient any more; `RELATION_INVALID`.
pub async fn join(platform: &Platform, caller: &Caller, join: Join) -> AppResult<RelationView> {
    caller.may(Action::JoinFamily)?;
    let name = named(&join.name)?;
    let none = || AppError::new(Code::NotFound, "no such invitation, or it is over");
    let tx = platform.begin(caller).await?;
    let taken = tx.take_one_time::<Invited>(INVITATION, &one_time::digest(&join.code), caller.now).await?;
    let Invited { patient, by, kind, tie, until } = taken.good().ok_or_else(none)?;
    caller.trail.saw(patient);
    let inviter = tx.get_account(by).await?;
    if !inviter.active || !acting::actor(&tx, &inviter, caller.now).await?.acts_for(patient) {
        return Err(none());
    }
    let (_, verified) = standing(&tx.get_account(caller.actor.account).await?)?;
    let born = born(&tx, patient).await?;
    let people = People { born, person: &caller.actor, verified };
    let terms = Terms { kind, tie, ground: None, evidence: None, from: caller.now, until };
    let id = RelationId::from_u128(ambient::fresh_id());
    let relation = Relation::join(id, patient, people, terms, by, caller.now)?;
    keep(tx, caller, relation, born, (name, join.phone.as_deref())).await
}

/// Who belongs to a patient, newest first, with those who did.
///
/// # Errors
/// `NOT_FOUND` if the caller may not see the patient.
pub async fn list(platform: &Platform, caller: &Caller, patient: PatientId) -> AppResult<Vec<RelationView>> {
    caller.may_see(patient, "patient", patient)?;
    let records = platform.records(caller);
    let rows = records.list_relations(&patient.to_string(), true).await?;
    let born = born(&records, patient).await?;
    let ids = rows.iter().map(|row| row.id.to_string()).collect();
    let query = ResourceQuery { kind: "RelatedPerson".to_owned(), ids, ..ResourceQuery::default() };
    let people = match query.ids.is_empty() {
        true => Vec::new(),
        false => records.list_resources(&query, None, MOST).await?,
    };
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let person = people.iter().find(|person| person.id == row.id.to_string());
        let name = match person {
            Some(person) => document::value(person)?["name"][0]["text"].as_str().map(str::to_owned),
            None => None,
        };
        views.push(RelationView { name, ..view(&parse(row)?, born, caller.now) });
    }
    Ok(views)
}

/// Whom the caller belongs to, and how, oldest first.
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

/// It holds no more, with the next act.
///
/// # Errors
/// `NOT_FOUND` for whom it is none of; `AUTH_FORBIDDEN` if it is not theirs to say;
/// `RELATION_STATE` if it was revoked before.
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

/// An account without whom it belongs to, and whether its name was checked.
fn standing(row: &Account) -> AppResult<(Actor, bool)> {
    let actor = standing::actor(row)?;
    let verified = standing::standing(row)?.identity.is_some_and(|check| check.document_matches);
    if !row.active || !actor.is(Role::Patient) {
        return Err(AppError::new(Code::RelationInvalid, "the account is none of a patient or of their family"));
    }
    Ok((actor, verified))
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
