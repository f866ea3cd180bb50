//! The actor of an account at a moment, with guardianships and family relations.

use crate::boxed;
use serde_json::Value;
use xinglin_domain::{
    access::{Actor, Role},
    code::Code,
    id::{AccountId, PatientId, TenantId},
    relation::{Guardianship, Kind, Relation},
    sharing::Consenters,
    time::Instant,
};
use xinglin_store::{Account, Executor, StoreError, TenantScope};

use crate::{AppError, AppResult, Bounds, Caller, Platform, document, standing};

/// An absent person with their rights at this moment, for work done later on their behalf.
///
/// # Errors
/// `AUTH_FORBIDDEN` if the account is closed.
#[boxed]
pub async fn acting(platform: &Platform, tenant: TenantId, account: AccountId) -> AppResult<Caller> {
    let records = platform.store().tenant(tenant);
    let row = match records.get_account(account).await {
        Ok(row) if row.active => row,
        Ok(_) | Err(StoreError::NotFound { .. }) => {
            return Err(AppError::new(Code::AuthForbidden, "the account is closed"));
        }
        Err(error) => return Err(error.into()),
    };
    let client = standing::standing(&row)?.client;
    let bounds = Bounds { scopes: client.map(|client| client.scopes()).transpose()?, ..Bounds::default() };
    let actor = actor(&records, &row, platform.now()).await?;
    Ok(Caller { bounds, ..platform.for_actor(actor, String::new()) })
}

/// An account at a moment: its roles, wards and family.
pub async fn actor<E: Executor>(records: &TenantScope<E>, row: &Account, now: Instant) -> AppResult<Actor> {
    let mut actor = standing::actor(row)?;
    if !actor.is(Role::Patient) {
        return Ok(actor);
    }
    for relation in records.list_relations_of_account(row.id).await? {
        let relation = parse(relation)?;
        if relation.is_family(now) {
            if vouched(records, &relation, now).await? {
                actor.relatives.push(relation.patient);
            }
        } else if relation.terms.kind == Kind::Guardian {
            let born = born(records, relation.patient).await?;
            actor.wards.extend(relation.guards(born, now));
        }
    }
    Ok(actor)
}

/// The proof that a patient has a guardian at this moment who may act, if there is one.
pub async fn guardian_of<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
    now: Instant,
) -> AppResult<Option<Guardianship>> {
    let born = born(records, patient).await?;
    for row in records.list_relations(&patient.to_string(), false).await? {
        let relation = parse(row)?;
        if let Some(guardian) = relation.guards(born, now)
            && records.get_account(relation.person).await?.active
        {
            return Ok(Some(guardian));
        }
    }
    Ok(None)
}

/// How an account is related to a patient at this moment: see [`actor`] for what it takes.
pub async fn kinship<E: Executor>(
    records: &TenantScope<E>,
    account: AccountId,
    patient: PatientId,
    now: Instant,
) -> AppResult<Vec<Kind>> {
    let mut kinds = Vec::new();
    for row in records.list_relations_of_account(account).await? {
        let relation = parse(row)?;
        if relation.patient != patient {
            continue;
        }
        let holds = match relation.terms.kind {
            Kind::Guardian => relation.guards(born(records, patient).await?, now).is_some(),
            _ => relation.holds(None, now) && vouched(records, &relation, now).await?,
        };
        if holds {
            kinds.push(relation.terms.kind);
        }
    }
    Ok(kinds)
}

/// Who may consent for a patient at this moment. A guardian whose account is closed or suspended says nothing.
pub async fn consenters<E: Executor>(
    records: &TenantScope<E>,
    patient: PatientId,
    now: Instant,
) -> AppResult<Consenters> {
    let born = born(records, patient).await?;
    let mut relations = Vec::new();
    for row in records.list_relations(&patient.to_string(), false).await? {
        let relation = parse(row)?;
        if relation.guards(born, now).is_some() && records.get_account(relation.person).await?.active {
            relations.push(relation);
        }
    }
    Ok(Consenters::of(born, &relations, now))
}

/// Whether the person who created a relation may still act for the patient: someone invited by a
/// guardian is family only while that guardian is one.
async fn vouched<E: Executor>(records: &TenantScope<E>, relation: &Relation, now: Instant) -> AppResult<bool> {
    let by = relation.confirmed_by;
    let patient = relation.patient;
    if standing::actor(&records.get_account(by).await?)?.patients.contains(&patient) {
        return Ok(true);
    }
    let relations = records.list_relations(&patient.to_string(), true).await?;
    let mut theirs = relations.into_iter().map(parse).collect::<AppResult<Vec<_>>>()?;
    theirs.retain(|other| other.person == by && other.terms.kind == Kind::Guardian);
    if theirs.is_empty() {
        // Someone who never was a guardian is staff, and saw the evidence.
        return Ok(true);
    }
    let born = born(records, patient).await?;
    Ok(theirs.iter().any(|other| other.guards(born, now).is_some()))
}

/// A patient's date of birth according to the current record.
pub async fn born<E: Executor>(records: &TenantScope<E>, patient: PatientId) -> AppResult<Option<Instant>> {
    match records.get_resource("Patient", &patient.to_string()).await {
        Ok(person) if !person.deleted => Ok(born_of(&document::value(&person)?)),
        Ok(_) | Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The date of birth in a Patient resource.
pub fn born_of(patient: &Value) -> Option<Instant> {
    patient["birthDate"].as_str().and_then(Instant::parse)
}

/// Parses a stored relation.
///
/// # Errors
/// If the stored value cannot be parsed.
pub fn parse(row: xinglin_store::Relation) -> AppResult<Relation> {
    serde_json::from_value(row.body).map_err(AppError::internal)
}
