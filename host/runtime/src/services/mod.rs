//! Services that the host provides to a call: traits implemented by the crates above. One file
//! for each capability that needs one.

pub(crate) mod http;
pub(crate) mod identity;
pub(crate) mod kv;
mod nothing;
pub(crate) mod records;
pub(crate) mod secrets;
pub(crate) mod signing;

use std::sync::Arc;

use self::{
    http::Egress,
    identity::Identity,
    kv::{KvRead, NoKv},
    nothing::Nothing,
    records::{NoRecord, RecordRead},
    secrets::Secrets,
    signing::Keyring,
};

/// The services behind a plugin's imports, one field for each capability that needs one. Empty by
/// default.
#[derive(Clone)]
pub struct HostServices {
    /// The key-value store.
    pub kv: Arc<dyn KvRead>,
    /// The record of the call's patient.
    pub records: Arc<dyn RecordRead>,
    /// Seed of the call's random numbers; generated for each call.
    pub seed: [u8; 32],
    /// Egress.
    pub http: Arc<dyn Egress>,
    /// The tenant's secrets for the plugin.
    pub secrets: Arc<dyn Secrets>,
    /// Identity fields of the patient.
    pub identity: Arc<dyn Identity>,
    /// The plugin's keys.
    pub signing: Arc<dyn Keyring>,
}

impl Default for HostServices {
    fn default() -> Self {
        Self {
            kv: Arc::new(NoKv),
            records: Arc::new(NoRecord),
            seed: [0; 32],
            http: Arc::new(Nothing),
            secrets: Arc::new(Nothing),
            identity: Arc::new(Nothing),
            signing: Arc::new(Nothing),
        }
    }
}
