//! Who asks, and whether they may.

use std::sync::Arc;

use xinglin_domain::{
    access::{Action, Actor, Role, can},
    code::Code,
    id::{PatientId, SessionId, TenantId},
    scope::Scopes,
    time::Instant,
};
use xinglin_store::{SecondFactor, Tenant, TenantTx};

use super::{AppError, AppResult, Hospital, account, audit::Trail, policy::Decided};
use crate::policy::Policies;

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
    /// Whether two factors were shown in the sign-in. Looked at if a policy asks for it.
    pub second_factor: bool,
    /// The policies that were in force when the request began.
    pub policies: Arc<Policies>,
    /// What they said in this request already.
    pub decided: Decided,
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
        let policies = self.policies();
        let second_factor = match claims.sid {
            Some(session) if policies.asks_second_factor(claims.tenant) => {
                let factor = records.find_second_factor(actor.account).await?;
                // Since then nobody signs in without.
                let since = factor.and_then(|SecondFactor { confirmed_at, .. }| confirmed_at);
                match since {
                    Some(since) => since <= records.get_session(session).await?.created_at,
                    None => false,
                }
            }
            _ => false,
        };
        let (trail, decided) = (Trail::default(), Decided::default());
        Ok(Caller { actor, session: claims.sid, scopes, second_factor, policies, decided, now, request_id, trail })
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
    /// Whether the caller may do this now in their own tenant: the law first, then the
    /// policies, which only take away.
    ///
    /// # Errors
    /// Why not.
    pub fn may(&self, action: Action) -> AppResult<()> {
        self.law_allows(action)?;
        self.policies_allow(self.actor.tenant, action)
    }

    /// Whether the caller may do one of these.
    ///
    /// # Errors
    /// Why not the first of them that they might, but for a licence or a policy.
    pub fn may_any(&self, actions: &[Action]) -> AppResult<()> {
        let mut refused = None;
        for &action in actions {
            match self.may(action) {
                Ok(()) => return Ok(()),
                Err(error) if refused.is_none() || action.roles().iter().any(|role| self.actor.is(*role)) => {
                    refused = Some(error);
                }
                Err(_) => {}
            }
        }
        refused.map_or(Ok(()), Err)
    }

    fn law_allows(&self, action: Action) -> AppResult<()> {
        can(&self.actor, action, self.now).map_err(|denied| AppError::new(denied.code(), denied.to_string()))
    }

    /// Whether the caller may do this in `tenant`: their own, or any if they
    /// run the platform.
    ///
    /// # Errors
    /// Why not. A tenant that is none of theirs does not exist for them.
    pub fn may_in(&self, tenant: TenantId, action: Action) -> AppResult<()> {
        self.law_allows(action)?;
        let platform = self.actor.is(Role::Operator) && self.actor.tenant == super::tenant::PLATFORM;
        if !platform && self.actor.tenant != tenant {
            return Err(AppError::not_found("tenant", tenant));
        }
        self.policies_allow(tenant, action)
    }

    /// Whether the caller may see something of this patient: staff of the tenant
    /// may, a patient only what is theirs or their wards'.
    ///
    /// # Errors
    /// `NOT_FOUND` in the words of what was asked for: who may not see it does
    /// not learn that there is one, nor whose it is.
    pub fn may_see(&self, patient: PatientId, what: &str, id: impl std::fmt::Display) -> AppResult<()> {
        self.trail.saw(patient);
        if self.may(Action::ReadRecords).is_ok()
            || (self.actor.acts_for(patient) && self.may(Action::ReadOwnRecord).is_ok())
        {
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
