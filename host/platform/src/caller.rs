//! Who asks, and whether they may.

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
        let platform = self.actor.is(Role::Operator) && self.actor.tenant == crate::settings::PLATFORM;
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
    pub fn is_beyond(&self, patient: Option<PatientId>) -> bool {
        self.bounds.within.is_some() && self.bounds.within != patient
    }
}

/// Whether somebody is here for others.
pub fn is_staff(actor: &Actor) -> bool {
    actor.roles.iter().any(|role| !matches!(role, Role::Patient | Role::Service))
}

impl Caller {
    /// What this person reads the record of this patient for.
    pub fn purpose_with(&self, patient: PatientId) -> Purpose {
        let near = self.actor.acts_for(patient) || self.actor.is_family_of(patient);
        match self.purpose() {
            Purpose::Payment if near => Purpose::Family,
            purpose => purpose,
        }
    }

    /// What this person reads records for.
    pub fn purpose(&self) -> Purpose {
        if self.actor.live_roles(self.now).iter().any(|role| Action::ReadRecords.roles().contains(role)) {
            Purpose::Treatment
        } else {
            Purpose::Payment
        }
    }
}

impl Caller {
    /// What the policies of a tenant are asked of this caller.
    pub(crate) fn question(&self, tenant: TenantId, action: Action) -> Question<'_> {
        let principal = Principal::Actor {
            actor: &self.actor,
            scopes: self.bounds.scopes.as_ref().filter(|_| self.actor.is(Role::Service)),
            second_factor: self.second_factor,
        };
        Question { principal, action, tenant, capability: None, at: self.now }
    }

    /// Whether the policies of a tenant allow what the law allows.
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
    /// An entry of what they do in this request.
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

    /// Writes down what this request came to in the transaction of what it did.
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
    /// Says whose request it is.
    pub fn is_of(&self, caller: &Caller) {
        self.belongs_to(caller.actor.tenant, |act, target| caller.access(act, [], target));
    }
}
