//! The plugins of this repository, built by `cargo xtask build-plugins`, and old ones, kept in
//! `tests/compat`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde_json::json;
use xinglin_runtime::{Limits, Package, attach};

use super::Client;

/// A built plugin.
pub struct Plugin {
    /// Below the target folder, or `compat/…` below `tests`.
    file: &'static str,
    pub id: &'static str,
    payer: Option<&'static str>,
}

pub const DIABETES: Plugin = Plugin { file: "plugins/diabetes.wasm", id: "xinglin.diabetes", payer: None };
pub const HYPERTENSION: Plugin = Plugin { file: "plugins/hypertension.wasm", id: "xinglin.hypertension", payer: None };
pub const HIV: Plugin = Plugin { file: "plugins/hiv.wasm", id: "xinglin.hiv", payer: None };
pub const MENTAL_HEALTH: Plugin =
    Plugin { file: "plugins/mental-health.wasm", id: "xinglin.mental-health", payer: None };
pub const DRUG_SAFETY: Plugin = Plugin { file: "plugins/drug-safety.wasm", id: "xinglin.drug-safety", payer: None };
pub const MEDICAL_INSURANCE: Plugin =
    Plugin { file: "plugins/medical-insurance.wasm", id: "xinglin.medical-insurance", payer: Some("basic_insurance") };
pub const DIRECT_BILLING: Plugin =
    Plugin { file: "plugins/direct-billing.wasm", id: "xinglin.direct-billing", payer: Some("commercial") };
pub const CAPITATION: Plugin = Plugin { file: "plugins/capitation.wasm", id: "xinglin.capitation", payer: None };
pub const BUNDLE: Plugin = Plugin { file: "plugins/bundle.wasm", id: "xinglin.bundle", payer: None };
pub const MEMBERSHIP: Plugin = Plugin { file: "plugins/membership.wasm", id: "xinglin.membership", payer: None };
pub const PLATFORM_FEE: Plugin = Plugin { file: "plugins/platform-fee.wasm", id: "xinglin.platform-fee", payer: None };
/// Payment per head and prices in Python.
pub const PYTHON_HEADS: Plugin = Plugin { file: "plugins/python-heads.wasm", id: "example.heads", payer: None };
/// A commercial insurer in Python.
pub const PYTHON_INSURER: Plugin =
    Plugin { file: "plugins/python-insurer.wasm", id: "example.insurer", payer: Some("commercial") };
/// A pathway of 1.1 in Python.
pub const PYTHON_PATHWAY: Plugin =
    Plugin { file: "plugins/python-pathway.wasm", id: "example.anticoagulation", payer: None };
pub const PYTHON: Plugin = Plugin { file: "plugins/python-plugin.wasm", id: "example.paediatric-opioids", payer: None };
/// Verifies people and certificates by their documents.
pub const IDENTITY_CHECK: Plugin =
    Plugin { file: "plugins/identity-check.wasm", id: "xinglin.identity-check", payer: None };
/// Uses system calls; needs the data pack `icd10-gb`.
pub const PYTHON_WASI: Plugin = Plugin { file: "plugins/python-wasi.wasm", id: "example.code-table", payer: None };

/// 1.0.0 with another threshold of critical glucose.
pub const DIABETES_CHANGED: Plugin = Plugin { file: "plugins/variants/diabetes-2.1.0.wasm", ..DIABETES };

/// Built against the contract as first published, and never rebuilt.
pub mod frozen {
    use super::Plugin;

    pub const DIABETES: Plugin = Plugin { file: "compat/diabetes-0.1-wit-1.0.0.wasm", ..super::DIABETES };
    /// With a panel.
    pub const DIABETES_PANEL: Plugin = Plugin { file: "compat/diabetes-0.1-wit-panel-1.0.0.wasm", ..super::DIABETES };
    pub const DRUG_SAFETY: Plugin = Plugin { file: "compat/drug-safety-0.1-wit-1.0.0.wasm", ..super::DRUG_SAFETY };
    pub const MEDICAL_INSURANCE: Plugin =
        Plugin { file: "compat/medical-insurance-0.1-wit-1.0.0.wasm", ..super::MEDICAL_INSURANCE };
    pub const IDENTITY_CHECK: Plugin =
        Plugin { file: "compat/identity-check-0.1-wit-1.0.0.wasm", ..super::IDENTITY_CHECK };
    pub const DIRECT_BILLING: Plugin =
        Plugin { file: "compat/direct-billing-0.1-wit-1.1.0.wasm", ..super::DIRECT_BILLING };
    pub const CAPITATION: Plugin = Plugin { file: "compat/capitation-0.1-wit-1.1.0.wasm", ..super::CAPITATION };
    pub const PLATFORM_FEE: Plugin = Plugin { file: "compat/platform-fee-0.1-wit-1.1.0.wasm", ..super::PLATFORM_FEE };
    /// Of pathway 1.0.
    pub const HIV: Plugin = Plugin { file: "compat/hiv-0.1-wit-1.0.0.wasm", ..super::HIV };
    /// Of pathway 1.1.
    pub const HYPERTENSION: Plugin = Plugin { file: "compat/hypertension-0.1-wit-1.1.0.wasm", ..super::HYPERTENSION };
    /// Of pathway 1.1, with `migration` from 1.0.
    pub const HIV_FOLLOW_UP: Plugin = Plugin { file: "compat/hiv-0.1-wit-1.1.0.wasm", ..super::HIV };
    /// Of `xinglin:prescribing@2.0.0`, the fixture.
    pub const COURSE_LENGTH: Plugin =
        Plugin { file: "compat/course-length-wit-2.0.0.wasm", id: "test.course-length", payer: None };
}

impl Plugin {
    /// The original package.
    pub fn bytes(&self) -> Vec<u8> {
        if self.file.starts_with("compat/") {
            return super::repository(&format!("tests/{}", self.file));
        }
        let file = super::built(self.file, "cargo xtask test");
        std::fs::read(file).expect("a package")
    }

    /// The package, with the longest deadlines: its speed on a busy machine is not tested. A tenant
    /// cannot grant more than the manifest requests.
    pub fn package(&self) -> Vec<u8> {
        /// By file: reading one takes longer than most tests with it.
        static PATIENT: Mutex<BTreeMap<&str, Vec<u8>>> = Mutex::new(BTreeMap::new());
        let mut patient = PATIENT.lock().unwrap_or_else(PoisonError::into_inner);
        let package = patient.entry(self.file).or_insert_with(|| {
            let package = Package::read(self.bytes()).expect("a good package");
            let mut manifest = package.manifest().clone();
            manifest.limits.deadline_ms = Limits::MAXIMUM.deadline_ms;
            attach(package.bytes(), &manifest).expect("the same package with another deadline")
        });
        package.clone()
    }

    /// The original package, as another version.
    pub fn package_of(&self, version: &str) -> Vec<u8> {
        let package = Package::read(self.bytes()).expect("a good package");
        let mut manifest = package.manifest().clone();
        manifest.version = version.parse().expect("a version");
        attach(package.bytes(), &manifest).expect("the same package as another version")
    }

    /// Adds it to a host, if needed, and enables it in a tenant.
    pub async fn enable(&self, operator: &Client, tenant: &str) {
        let installed = operator.upload(self.package()).await;
        assert!(installed.status == 201 || installed.code() == "ALREADY_EXISTS", "{}", installed.text);
        let path = format!("/api/v1/tenants/{tenant}/plugins/{}", self.id);
        let mut grant = self.payer.map_or_else(|| json!({}), |payer| json!({ "payer": payer }));
        // No pooling region has set its figures; the frozen one has defaults.
        if self.file == MEDICAL_INSURANCE.file {
            grant["settings"] = json!({ "accept-illustrative": true });
        }
        if let Some(compartment) = Package::read(self.bytes()).expect("a good package").manifest().compartment {
            grant["compartment"] = json!(compartment);
        }
        operator.put(&path, grant).await;
        operator.post(&format!("{path}/enable"), json!(null)).await;
    }
}
