//! What a request touches of patients' records, noted on its way.

use crate::boxed;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use xinglin_domain::{
    audit::{Access, Act},
    id::{PatientId, TenantId},
};
use xinglin_store::Store;

use crate::AppResult;

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

    /// Says whose request it is: their tenant, and an entry of theirs that begins with
    /// what it does and where.
    pub(crate) fn belongs_to(&self, tenant: TenantId, begin: impl FnOnce(Act, String) -> Access) {
        let mut noted = self.noted();
        let act = if noted.writes { Act::Write } else { Act::Read };
        noted.by = Some((tenant, begin(act, noted.target.clone())));
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
    pub(crate) fn entry(&self, refused: Option<String>) -> Option<(TenantId, Access)> {
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
#[boxed]
pub async fn write_trail(store: &Store, trail: &Trail, status: u16) -> AppResult<()> {
    let refused = (status >= 400).then(|| status.to_string());
    let Some((tenant, access)) = trail.entry(refused) else { return Ok(()) };
    Ok(store.append_access(tenant, access).await?)
}
