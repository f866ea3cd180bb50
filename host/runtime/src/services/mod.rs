//! What the host lends to a call: traits that the crates above implement. One file a
//! capability that needs something of the host.

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

/// What stands behind a plugin's imports: one field a capability that needs
/// something of the host. By default nothing does.
#[derive(Clone)]
pub struct HostServices {
    /// What the plugin has kept.
    pub kv: Arc<dyn KvRead>,
    /// The record of the patient whom the call is about.
    pub records: Arc<dyn RecordRead>,
    /// What the call's random numbers follow from; drawn afresh for each call.
    pub seed: [u8; 32],
    /// The way out.
    pub http: Arc<dyn Egress>,
    /// Which secrets the tenant keeps for it.
    pub secrets: Arc<dyn Secrets>,
    /// What is known of who the patient is.
    pub identity: Arc<dyn Identity>,
    /// Its keys.
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
