//! What a tenant lets a plugin do: never more than it asks for, often less.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Capability, HostPattern, IdentityField, KeyKind, Limits, Manifest, Placeholder};

/// One tenant's grants to one plugin. What a plugin gets is the intersection of
/// this and its manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grants {
    /// The interfaces it may import. It is refused if it needs another.
    pub capabilities: BTreeSet<Capability>,
    /// How much `kv` may hold, in KiB.
    pub kv_quota_kib: u32,
    /// Which servers it may reach, and how.
    #[serde(default)]
    pub http: HttpGrant,
    /// Keys of secrets that may go into its requests.
    #[serde(default)]
    pub secrets: BTreeSet<String>,
    /// What may go into its requests of who the patient is.
    #[serde(default)]
    pub identity: BTreeSet<IdentityField>,
    /// Keys that it may sign and encrypt with.
    #[serde(default)]
    pub keys: BTreeMap<String, KeyKind>,
    /// The bounds of each call.
    pub limits: Limits,
}

/// Which servers a plugin may reach, and how much may pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct HttpGrant {
    /// Servers that it may reach over TLS.
    pub hosts: Vec<HostPattern>,
    /// Servers that it may reach without TLS, too.
    pub plaintext_hosts: Vec<HostPattern>,
    /// Body of a request.
    pub max_request_kib: u32,
    /// Headers and body of an answer.
    pub max_response_kib: u32,
    /// Requests at once, over all calls.
    pub concurrent: u32,
}

impl HttpGrant {
    fn within(&self, asked: &Self) -> Self {
        let narrowed = |granted: &[HostPattern], asked: &[HostPattern]| {
            granted.iter().filter(|pattern| asked.iter().any(|asked| asked.covers(pattern))).cloned().collect()
        };
        Self {
            hosts: narrowed(&self.hosts, &asked.hosts),
            plaintext_hosts: narrowed(&self.plaintext_hosts, &asked.plaintext_hosts),
            max_request_kib: self.max_request_kib.min(asked.max_request_kib),
            max_response_kib: self.max_response_kib.min(asked.max_response_kib),
            concurrent: self.concurrent.min(asked.concurrent),
        }
    }
}

impl Grants {
    /// Everything that the manifest asks for, and no more.
    pub fn as_asked(manifest: &Manifest) -> Self {
        Self {
            capabilities: manifest.capabilities.keys().copied().collect(),
            kv_quota_kib: manifest.kv_quota_kib(),
            http: manifest.http(),
            secrets: manifest.secrets(),
            identity: manifest.identity(),
            keys: manifest.keys(),
            limits: manifest.limits,
        }
    }

    /// What may stand behind placeholders of its requests.
    pub(crate) fn guarded(&self) -> BTreeSet<Placeholder> {
        let may = |capability: Capability| self.capabilities.contains(&capability);
        let secrets = self.secrets.iter().filter(|_| may(Capability::Secrets)).cloned().map(Placeholder::Secret);
        let identity = self.identity.iter().filter(|_| may(Capability::Identity)).copied().map(Placeholder::Patient);
        secrets.chain(identity).collect()
    }

    /// What remains of the grants for this manifest.
    #[must_use]
    pub(crate) fn within(&self, manifest: &Manifest) -> Self {
        let (secrets, identity, keys) = (manifest.secrets(), manifest.identity(), manifest.keys());
        Self {
            capabilities: self
                .capabilities
                .iter()
                .copied()
                .filter(|capability| manifest.capabilities.contains_key(capability))
                .collect(),
            kv_quota_kib: self.kv_quota_kib.min(manifest.kv_quota_kib()),
            http: self.http.within(&manifest.http()),
            secrets: self.secrets.intersection(&secrets).cloned().collect(),
            identity: self.identity.intersection(&identity).copied().collect(),
            keys: keys.into_iter().filter(|(key, kind)| self.keys.get(key) == Some(kind)).collect(),
            limits: self.limits.at_most(manifest.limits).at_most(Limits::MAXIMUM),
        }
    }
}
