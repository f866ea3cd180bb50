use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::RelationId,
    registration::People,
    relation::{Relation, Terms},
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform,
    acting::{self, born},
    ambient, boxed, one_time,
};

use super::{INVITATION, Invited, RelationView, keep, named};

/// The acceptance of an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The invitation.
    pub code: String,
    /// Name, as on the identity document.
    pub name: String,
    /// Contact.
    #[serde(default)]
    pub phone: Option<String>,
}

/// Accepts an invitation for the calling account.
///
/// # Errors
/// `NOT_FOUND` if there is no such invitation, it was accepted before, or its author may not
/// act for the patient any more; `RELATION_INVALID`.
#[boxed]
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
    let (_, verified) = super::person(&tx.get_account(caller.actor.account).await?)?;
    let born = born(&tx, patient).await?;
    let people = People { born, person: &caller.actor, verified };
    let terms = Terms { kind, tie, ground: None, evidence: None, from: caller.now, until };
    let id = RelationId::from_u128(ambient::fresh_id());
    let relation = Relation::join(id, patient, people, terms, by, caller.now)?;
    keep(tx, caller, relation, born, (name, join.phone.as_deref())).await
}
