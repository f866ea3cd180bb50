//! Patients' records that a request accesses, collected while it runs.

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

/// Records that a request accesses, noted by every function that reads one.
#[derive(Debug, Clone, Default)]
pub struct Trail(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    /// Method and path, without the query.
    target: String,
    writes: bool,
    /// The caller's tenant, and their entry, to be completed.
    by: Option<(TenantId, Access)>,
    /// Whether any record was requested.
    asked: bool,
    patients: BTreeSet<PatientId>,
    emergency: bool,
}

impl Trail {
    /// The trail of a request.
    pub fn of(method: &str, path: &str) -> Self {
        let path: String = path.chars().take(300).collect();
        let writes = !matches!(method, "GET" | "HEAD");
        Self(Arc::new(Mutex::new(Noted { target: format!("{method} {path}"), writes, ..Noted::default() })))
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the caller: their tenant, and the start of their entry from act and target.
    pub(crate) fn belongs_to(&self, tenant: TenantId, begin: impl FnOnce(Act, String) -> Access) {
        let mut noted = self.noted();
        let act = if noted.writes { Act::Write } else { Act::Read };
        noted.by = Some((tenant, begin(act, noted.target.clone())));
    }

    /// Notes access, or attempted access, to the record of this patient.
    pub fn saw(&self, patient: PatientId) {
        let mut noted = self.noted();
        noted.asked = true;
        noted.patients.insert(patient);
    }

    /// Notes that a record was requested, or an act on the hospital's settings that is audited though
    /// it concerns no patient. A missing record takes as long to answer as a closed one.
    pub fn asked(&self) {
        self.noted().asked = true;
    }

    /// Notes that emergency access was used.
    pub fn emergency(&self) {
        self.noted().emergency = true;
    }

    /// The entry for what was noted since the last one, if any: accesses after a transaction wrote
    /// its entry get another.
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

/// Writes the entry of a request, except for what its transactions wrote. If it cannot be written,
/// the request must not be answered.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn write_trail(store: &Store, trail: &Trail, status: u16) -> AppResult<()> {
    let refused = (status >= 400).then(|| status.to_string());
    let Some((tenant, access)) = trail.entry(refused) else { return Ok(()) };
    Ok(store.append_access(tenant, access).await?)
}
