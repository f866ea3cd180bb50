//! What a request touches of patients' records, noted on its way.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use xinglin_domain::{
    audit::{Access, Act, Who},
    id::{PatientId, TenantId},
};
use xinglin_store::TenantTx;

use crate::{AppResult, Caller, Platform};

/// What a request touches, noted on its way by whoever looks at a record.
#[derive(Debug, Clone, Default)]
pub struct Trail(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    /// Method and path, without the query.
    target: String,
    writes: bool,
    /// Whose request it is: their tenant, and an entry of theirs to be completed.
    by: Option<(TenantId, Access)>,
    /// Whether a record was asked for at all.
    asked: bool,
    patients: BTreeSet<PatientId>,
    emergency: bool,
}

impl Trail {
    /// Of a request.
    pub fn of(method: &str, path: &str) -> Self {
        let path: String = path.chars().take(300).collect();
        let writes = !matches!(method, "GET" | "HEAD");
        Self(Arc::new(Mutex::new(Noted { target: format!("{method} {path}"), writes, ..Noted::default() })))
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whose request it is.
    pub fn is_of(&self, caller: &Caller) {
        let mut noted = self.noted();
        let act = if noted.writes { Act::Write } else { Act::Read };
        noted.by = Some((caller.actor.tenant, caller.access(act, [], noted.target.clone())));
    }

    /// The record of this patient was looked at, or would have been.
    pub fn saw(&self, patient: PatientId) {
        let mut noted = self.noted();
        noted.asked = true;
        noted.patients.insert(patient);
    }

    /// A record was asked for. It takes as long to be told that there is none as that
    /// it is closed.
    pub fn asked(&self) {
        self.noted().asked = true;
    }

    /// Emergency access was used for it.
    pub fn emergency(&self) {
        self.noted().emergency = true;
    }

    /// The entry that it comes to since the last one, if anything was asked: what is
    /// seen after a transaction wrote its entry gets one of its own.
    fn entry(&self, refused: Option<String>) -> Option<(TenantId, Access)> {
        let mut noted = self.noted();
        if !std::mem::take(&mut noted.asked) {
            return None;
        }
        let patients = std::mem::take(&mut noted.patients);
        let (tenant, access) = noted.by.clone()?;
        let patients = patients.into_iter().collect();
        Some((tenant, Access { patients, refused, emergency: noted.emergency, ..access }))
    }
}

/// Writes down what a request came to, but for what its transactions did. Whoever
/// cannot be written down is not answered.
///
/// # Errors
/// If the store fails.
pub async fn write_trail(platform: &Platform, trail: &Trail, status: u16) -> AppResult<()> {
    let refused = (status >= 400).then(|| status.to_string());
    let Some((tenant, access)) = trail.entry(refused) else { return Ok(()) };
    Ok(platform.store().append_access(tenant, access).await?)
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
    pub async fn write_trail(&self, tx: &TenantTx) -> AppResult<()> {
        if let Some((tenant, access)) = self.trail.entry(None)
            && tenant == tx.id()
        {
            tx.append_audit(&[access]).await?;
        }
        Ok(())
    }
}
