//! Who asks, and whether they may.

use xinglin_domain::{
    access::{Action, Actor, Role, can},
    code::Code,
    id::{AccountId, PatientId, SessionId, TenantId},
    scope::Scopes,
    time::Instant,
};
use xinglin_store::{StoreError, Tenant, TenantTx};

use super::{AppError, AppResult, Hospital, account, audit::Trail};

/// A signed-in person, at the moment of the request. Roles and credentials were
/// read from the store just now, not when they signed in.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person, their roles and their credentials.
    pub actor: Actor,
    /// The sign-in; none on the command line.
    pub session: Option<SessionId>,
    /// What the token of a service client opens. Checked with the request's path,
    /// before any handler.
    pub scopes: Option<Scopes>,
    /// The moment of the request; every rule of this request is given this one.
    pub now: Instant,
    /// Name of the request, for logs and tapes.
    pub request_id: String,
    /// What of patients' records the request touches.
    pub trail: Trail,
}

impl Hospital {
    /// The caller behind an access token.
    ///
    /// # Errors
    /// `AUTH_REQUIRED` if the token is not ours, has run out, or names an
    /// account or a sign-in that is closed.
    pub async fn caller(&self, token: &str, request_id: String) -> AppResult<Caller> {
        let now = self.now();
        let refused = || AppError::new(Code::AuthRequired, "the access token is not valid any more; sign in again");
        let claims = self.tokens().check(token, now).ok_or_else(refused)?;
        let records = self.store().tenant(claims.tenant);
        let (row, scopes) = match (claims.sid, claims.scope) {
            (Some(session), None) => (records.find_signed_in(claims.sub, session).await?, None),
            (None, Some(scope)) => {
                let scopes = scope.parse().map_err(AppError::internal)?;
                (Some(records.get_account(claims.sub).await.map_err(|_| refused())?), Some(scopes))
            }
            _ => return Err(refused()),
        };
        let row = row.filter(|row| row.active).ok_or_else(refused)?;
        let actor = account::actor(&row)?;
        // A service without scopes, or a person with some, was not let in by us.
        if scopes.is_some() != actor.is(Role::Service) {
            return Err(refused());
        }
        Ok(Caller { actor, session: claims.sid, scopes, now, request_id, trail: Trail::default() })
    }

    /// Somebody who is not there, with the rights of this moment: for what is done on
    /// their behalf later.
    ///
    /// # Errors
    /// `AUTH_FORBIDDEN` if the account is closed.
    pub(super) async fn acting(&self, tenant: TenantId, account: AccountId) -> AppResult<Caller> {
        let row = match self.store().tenant(tenant).get_account(account).await {
            Ok(row) if row.active => row,
            Ok(_) | Err(StoreError::NotFound { .. }) => {
                return Err(AppError::new(Code::AuthForbidden, "the account is closed"));
            }
            Err(error) => return Err(error.into()),
        };
        let client = account::standing(&row)?.client;
        let scopes = client.map(|client| client.scopes.parse().map_err(AppError::internal)).transpose()?;
        let (actor, now) = (account::actor(&row)?, self.now());
        Ok(Caller { actor, session: None, scopes, now, request_id: String::new(), trail: Trail::default() })
    }

    /// The records of the caller's own tenant.
    pub(super) fn records(&self, caller: &Caller) -> Tenant {
        self.store().tenant(caller.actor.tenant)
    }

    /// A transaction on them.
    pub(super) async fn begin(&self, caller: &Caller) -> AppResult<TenantTx> {
        Ok(self.records(caller).begin().await?)
    }
}

impl Caller {
    /// Whether the caller may do this now, somewhere.
    ///
    /// # Errors
    /// Why not.
    pub fn may(&self, action: Action) -> AppResult<()> {
        can(&self.actor, action, self.now).map_err(|denied| AppError::new(denied.code(), denied.to_string()))
    }

    /// Whether the caller may do this in `tenant`: their own, or any if they
    /// run the platform.
    ///
    /// # Errors
    /// Why not. A tenant that is none of theirs does not exist for them.
    pub fn may_in(&self, tenant: TenantId, action: Action) -> AppResult<()> {
        self.may(action)?;
        let platform = self.actor.is(Role::Operator) && self.actor.tenant == super::tenant::PLATFORM;
        if platform || self.actor.tenant == tenant {
            return Ok(());
        }
        Err(AppError::not_found("tenant", tenant))
    }

    /// Whether the caller may see something of this patient: staff of the tenant
    /// may, a patient only what is theirs or their wards'.
    ///
    /// # Errors
    /// `NOT_FOUND` in the words of what was asked for: who may not see it does
    /// not learn that there is one, nor whose it is.
    pub fn may_see(&self, patient: PatientId, what: &str, id: impl std::fmt::Display) -> AppResult<()> {
        self.trail.saw(patient);
        let staff = can(&self.actor, Action::ReadRecords, self.now);
        if staff.is_ok() || self.actor.acts_for(patient) {
            return Ok(());
        }
        Err(AppError::not_found(what, id))
    }

    /// As [`Caller::may_see`], for acts that check their own rights: only those
    /// who are patients and nothing else are kept away, so that a pharmacist
    /// whose licence has lapsed is told that.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn may_act_on(&self, patient: PatientId, what: &str, id: impl std::fmt::Display) -> AppResult<()> {
        self.trail.saw(patient);
        let only_patient = self.actor.roles.iter().all(|role| *role == Role::Patient);
        if only_patient { self.may_see(patient, what, id) } else { Ok(()) }
    }
}
