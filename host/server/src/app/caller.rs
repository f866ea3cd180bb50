//! Who asks, and whether they may.

use std::sync::Arc;

use xinglin_domain::{
    access::{Action, Actor, Role, can},
    code::Code,
    id::{AccountId, PatientId, SessionId, TenantId},
    scope::Scopes,
    time::Instant,
};
use xinglin_store::{StoreError, Tenant, TenantTx};

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
    /// What bounds the token beyond the person's own rights.
    pub bounds: Bounds,
    /// Whether two factors were shown in the sign-in.
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

/// What bounds a token. Paths are held against it before any handler runs.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// What the token of a service client or an app opens.
    pub scopes: Option<Scopes>,
    /// The patient at hand, whose record `patient/` scopes open.
    pub patient: Option<PatientId>,
    /// The only patient there is for this request, since `patient/` scopes opened it.
    pub within: Option<PatientId>,
    /// Whether a second factor must be set up before anything else.
    pub second_factor_first: bool,
}

impl Bounds {
    /// What the token opens beyond the one patient at hand; `None` if it is not scoped.
    /// What is done later or in bulk is done by the grace of these alone.
    pub fn wide_scopes(&self) -> Option<Scopes> {
        self.scopes.clone().map(Scopes::without_patient)
    }
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
        let mut bounds = Bounds::default();
        let mut second_factor = false;
        let row = match (claims.sid, claims.scope) {
            (Some(session), None) => {
                let found = records.find_signed_in(claims.sub, session).await?.ok_or_else(refused)?;
                if let Some(lent) = found.lent {
                    bounds.scopes = Some(lent.scope.parse().map_err(AppError::internal)?);
                    let patient = lent.patient_id.map(|id| id.parse()).transpose();
                    bounds.patient = patient.map_err(AppError::internal)?;
                }
                second_factor = found.strong;
                bounds.second_factor_first = found.needs_strong && !found.strong;
                found.account
            }
            (None, Some(scope)) => {
                bounds.scopes = Some(scope.parse().map_err(AppError::internal)?);
                records.get_account(claims.sub).await.map_err(|_| refused())?
            }
            _ => return Err(refused()),
        };
        let actor = self.actor(&records, &row, now).await?;
        // Services do not sign in, and nobody else comes without.
        if !row.active || claims.sid.is_none() != actor.is(Role::Service) {
            return Err(refused());
        }
        bounds.second_factor_first &= is_staff(&actor);
        Ok(Caller { session: claims.sid, bounds, second_factor, now, ..self.for_actor(actor, request_id) })
    }

    /// Somebody who is not there, with the rights of this moment: for what is done on
    /// their behalf later.
    ///
    /// # Errors
    /// `AUTH_FORBIDDEN` if the account is closed.
    pub(super) async fn acting(&self, tenant: TenantId, account: AccountId) -> AppResult<Caller> {
        let records = self.store().tenant(tenant);
        let row = match records.get_account(account).await {
            Ok(row) if row.active => row,
            Ok(_) | Err(StoreError::NotFound { .. }) => {
                return Err(AppError::new(Code::AuthForbidden, "the account is closed"));
            }
            Err(error) => return Err(error.into()),
        };
        let client = account::standing(&row)?.client;
        let bounds = Bounds { scopes: client.map(|client| client.scopes()).transpose()?, ..Bounds::default() };
        let actor = self.actor(&records, &row, self.now()).await?;
        Ok(Caller { bounds, ..self.for_actor(actor, String::new()) })
    }

    /// Somebody who did not sign in, at this moment.
    pub(crate) fn for_actor(&self, actor: Actor, request_id: String) -> Caller {
        Caller {
            actor,
            session: None,
            bounds: Bounds::default(),
            second_factor: false,
            policies: self.policies(),
            decided: Decided::default(),
            now: self.now(),
            request_id,
            trail: Trail::default(),
        }
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
        if self.is_beyond(Some(patient)) {
            return Err(AppError::not_found(what, id));
        }
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

    /// Whether what is of this patient, or of nobody, is not for this request at all.
    pub(super) fn is_beyond(&self, patient: Option<PatientId>) -> bool {
        self.bounds.within.is_some() && self.bounds.within != patient
    }
}

/// Whether somebody is here for others.
pub(super) fn is_staff(actor: &Actor) -> bool {
    actor.roles.iter().any(|role| !matches!(role, Role::Patient | Role::Service))
}
