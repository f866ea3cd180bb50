//! The caller of a request, and authorisation.

use crate::boxed;
use std::sync::Arc;

use xinglin_domain::{
    access::{Action, Actor, Role, can},
    audit::{Access, Act, Who},
    code::Code,
    consent::Purpose,
    id::{PatientId, SessionId, TenantId},
    scope::Scopes,
    time::Instant,
};
use xinglin_store::TenantTx;

use crate::{
    AppError, AppResult,
    policy::{Policies, Principal, Question},
    policy_desk::{Decided, why},
    trail::Trail,
};

/// A signed-in person at the moment of the request. Roles and credentials were read from the store
/// for this request, not at sign-in.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person, with roles and credentials.
    pub actor: Actor,
    /// The session; `None` on the command line.
    pub session: Option<SessionId>,
    /// Limits of the token beyond the person's own rights.
    pub bounds: Bounds,
    /// Whether the session was started with two factors.
    pub second_factor: bool,
    /// The policies that were in force when the request began.
    pub policies: Arc<Policies>,
    /// Policy decisions already made in this request.
    pub decided: Decided,
    /// The moment of the request, used by every rule of this request.
    pub now: Instant,
    /// Id of the request, for logs and tapes.
    pub request_id: String,
    /// Patients' records that the request accesses.
    pub trail: Trail,
}

/// Limits of a token. Paths are checked against them before any handler runs.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// The scopes of a service client's or an app's token.
    pub scopes: Option<Scopes>,
    /// The patient in context, to whom `patient/` scopes apply.
    pub patient: Option<PatientId>,
    /// The only patient visible to this request, as `patient/` scopes permitted it.
    pub within: Option<PatientId>,
    /// Whether a second factor must be set up before anything else.
    pub second_factor_first: bool,
}

impl Bounds {
    /// The scopes that are not limited to the patient in context; `None` if the token has no
    /// scopes. Deferred and bulk work is authorised by these only.
    pub fn wide_scopes(&self) -> Option<Scopes> {
        self.scopes.clone().map(Scopes::without_patient)
    }
}

impl Caller {
    /// Whether the caller may do this now in their own tenant: the table of roles first, then the
    /// policies, which only restrict.
    ///
    /// # Errors
    /// The reason of the refusal.
    pub fn may(&self, action: Action) -> AppResult<()> {
        self.law_allows(action)?;
        self.policies_allow(self.actor.tenant, action)
    }

    /// Whether the caller may do one of these.
    ///
    /// # Errors
    /// The refusal of an action that a role of the caller permits, if any, else of the first
    /// action.
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

    /// Whether the caller may do this in `tenant`: their own, or any for operators of the platform.
    ///
    /// # Errors
    /// The reason of the refusal. Another tenant is `NOT_FOUND`.
    pub fn may_in(&self, tenant: TenantId, action: Action) -> AppResult<()> {
        self.law_allows(action)?;
        let platform = self.actor.is(Role::Operator) && self.actor.tenant == crate::settings::PLATFORM;
        if !platform && self.actor.tenant != tenant {
            return Err(AppError::not_found("tenant", tenant));
        }
        self.policies_allow(tenant, action)
    }

    /// Whether the caller may see data of this patient: staff of the tenant may, a patient only
    /// their own and that of their wards.
    ///
    /// # Errors
    /// `NOT_FOUND` for the requested item: its existence and owner are not disclosed.
    pub fn may_see(&self, patient: PatientId, what: &str, id: impl std::fmt::Display) -> AppResult<()> {
        self.trail.saw(patient);
        if self.can_see(patient) { Ok(()) } else { Err(AppError::not_found(what, id)) }
    }

    /// As [`Caller::may_see`], for lists: it notes no access, which is noted of what is shown.
    pub fn can_see(&self, patient: PatientId) -> bool {
        !self.is_beyond(Some(patient))
            && (self.may(Action::ReadRecords).is_ok()
                || (self.actor.acts_for(patient) && self.may(Action::ReadOwnRecord).is_ok()))
    }

    /// As [`Caller::may_see`], for acts that check their own rights: refuses only those who have no
    /// role of staff, so that a pharmacist with a lapsed licence gets that reason.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn may_act_on(&self, patient: PatientId, what: &str, id: impl std::fmt::Display) -> AppResult<()> {
        self.trail.saw(patient);
        let outsider = |role: &Role| matches!(role, Role::Patient | Role::Representative);
        if self.actor.roles.iter().all(outsider) { self.may_see(patient, what, id) } else { Ok(()) }
    }

    /// Whether data of this patient, or of no patient, is outside the limits of the token.
    pub fn is_beyond(&self, patient: Option<PatientId>) -> bool {
        self.bounds.within.is_some() && self.bounds.within != patient
    }
}

/// Whether the account has a role of staff, or represents an organisation: it is kept to the same rules of sign-in.
pub fn is_staff(actor: &Actor) -> bool {
    actor.roles.iter().any(|role| !matches!(role, Role::Patient | Role::Service))
}

impl Caller {
    /// The purpose for which this person reads the record of this patient.
    pub fn purpose_with(&self, patient: PatientId) -> Purpose {
        let near = self.actor.acts_for(patient) || self.actor.is_family_of(patient);
        match self.purpose() {
            Purpose::Payment if near => Purpose::Family,
            purpose => purpose,
        }
    }

    /// The purpose for which this person reads records.
    pub fn purpose(&self) -> Purpose {
        if self.actor.is(Role::Representative) {
            Purpose::Organisation
        } else if self.actor.live_roles(self.now).iter().any(|role| Action::ReadRecords.roles().contains(role)) {
            Purpose::Treatment
        } else {
            Purpose::Payment
        }
    }
}

impl Caller {
    /// The question of this caller to the policies of a tenant.
    pub(crate) fn question(&self, tenant: TenantId, action: Action) -> Question<'_> {
        let principal = Principal::Actor {
            actor: &self.actor,
            scopes: self.bounds.scopes.as_ref().filter(|_| self.actor.is(Role::Service)),
            second_factor: self.second_factor,
        };
        Question { principal, action, tenant, capability: None, at: self.now }
    }

    /// Whether the policies of a tenant allow what the table of roles allows.
    ///
    /// # Errors
    /// `AUTH_FORBIDDEN`, naming the policy.
    pub fn policies_allow(&self, tenant: TenantId, action: Action) -> AppResult<()> {
        let decide = || self.policies.decide(&self.question(tenant, action));
        let decision = self.decided.or_else(tenant, action, decide);
        if decision.allowed {
            return Ok(());
        }
        if !decision.errors.is_empty() {
            tracing::error!(errors = ?decision.errors, action = action.as_str(), "a policy could not be evaluated");
        }
        let detail = format!("`{}`: {}", action.as_str(), why(&decision));
        Err(AppError::new(Code::AuthForbidden, detail).with("policies", decision.by))
    }
}

impl Caller {
    /// An audit entry for an act of this request.
    pub fn access(&self, act: Act, patients: impl IntoIterator<Item = PatientId>, target: String) -> Access {
        Access {
            at: self.now,
            who: Who::Person { account: self.actor.account, roles: self.actor.live_roles(self.now) },
            act,
            purpose: self.purpose(),
            patients: patients.into_iter().collect(),
            target,
            refused: None,
            emergency: false,
            request: self.request_id.clone(),
        }
    }

    /// Writes the audit entry of this request in the transaction of its effect.
    #[boxed]
    pub async fn write_trail(&self, tx: &TenantTx) -> AppResult<()> {
        if let Some((tenant, access)) = self.trail.entry(None)
            && tenant == tx.id()
        {
            tx.append_audit(&[access]).await?;
        }
        Ok(())
    }
}

impl Trail {
    /// Sets the caller of the request.
    pub fn is_of(&self, caller: &Caller) {
        self.belongs_to(caller.actor.tenant, |act, target| caller.access(act, [], target));
    }
}
