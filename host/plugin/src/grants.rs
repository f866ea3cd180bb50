//! A tenant's grants to a plugin: at most what its manifest requests.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use xinglin_domain::{compartment::Compartment, identity::IdentityField};

use crate::{
    capability::Capability,
    key::KeyKind,
    limits::Limits,
    package::{
        HttpGrant, Package,
        host_pattern::HostPattern,
        manifest::{DataNeeds, Manifest},
    },
    placeholder::Placeholder,
};

/// One tenant's grants to one plugin. Effective is the intersection with the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grants {
    /// Interfaces that it may import. It is refused if it needs another.
    pub capabilities: BTreeSet<Capability>,
    /// Quota of `kv`, in KiB.
    pub kv_quota_kib: u32,
    /// Data packs that it may read.
    #[serde(default)]
    pub packs: BTreeSet<String>,
    /// Quota of its scratch folder in a call, in KiB; zero for none.
    #[serde(default)]
    pub scratch_kib: u32,
    /// Servers that it may send requests to, with limits.
    #[serde(default)]
    pub http: HttpGrant,
    /// Keys of secrets that may be inserted into its requests.
    #[serde(default)]
    pub secrets: BTreeSet<String>,
    /// Fields of the patient's identity that may be inserted into its requests.
    #[serde(default)]
    pub identity: BTreeSet<IdentityField>,
    /// Keys that it may sign and encrypt with.
    #[serde(default)]
    pub keys: BTreeMap<String, KeyKind>,
    /// Limits of each call.
    pub limits: Limits,
    /// Data of the record that it may read; everything that it declares if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_needs: Option<DataNeeds>,
    /// Its restricted compartment. Kept, whatever a later version of the manifest declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compartment: Option<Compartment>,
}

impl Grants {
    /// Exactly what the manifest requests.
    pub fn as_asked(manifest: &Manifest) -> Self {
        Self {
            capabilities: manifest.capabilities.keys().copied().collect(),
            kv_quota_kib: manifest.kv_quota_kib(),
            packs: manifest.packs().clone(),
            scratch_kib: manifest.scratch_kib(),
            http: manifest.http(),
            secrets: manifest.secrets(),
            identity: manifest.identity(),
            keys: manifest.keys(),
            limits: manifest.limits,
            data_needs: Some(manifest.data_needs.clone()),
            compartment: manifest.compartment,
        }
    }

    /// The union of both.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.capabilities.extend(other.capabilities);
        self.kv_quota_kib = self.kv_quota_kib.max(other.kv_quota_kib);
        self.packs.extend(other.packs);
        self.scratch_kib = self.scratch_kib.max(other.scratch_kib);
        self.http = self.http.or(other.http);
        self.secrets.extend(other.secrets);
        self.identity.extend(other.identity);
        self.keys.extend(other.keys);
        self.limits = self.limits.at_least(other.limits);
        self.data_needs = match (self.data_needs, other.data_needs) {
            (Some(one), Some(more)) => Some(one.or(more)),
            _ => None,
        };
        self.compartment = self.compartment.or(other.compartment);
        self
    }

    /// What a package needs and these grants lack, as text: the tenant must grant it before the
    /// package can be used. Empty if nothing is missing.
    pub fn lacks(&self, package: &Package) -> Vec<String> {
        let missing = package.imports().iter().filter(|capability| !self.capabilities.contains(capability));
        let mut lacks: Vec<String> = missing.map(|capability| format!("capability `{capability}`")).collect();
        let manifest = package.manifest();
        let beyond = |what: &str, all: Vec<String>, granted: Vec<String>| -> Vec<String> {
            all.into_iter().filter(|one| !granted.contains(one)).map(|one| format!("{what} `{one}`")).collect()
        };
        let names = |list: &[HostPattern]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let http = manifest.http();
        lacks.extend(beyond("server", names(&http.hosts), names(&self.http.hosts)));
        lacks.extend(beyond("unencrypted server", names(&http.plaintext_hosts), names(&self.http.plaintext_hosts)));
        let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
        lacks.extend(beyond("secret", list(&manifest.secrets()), list(&self.secrets)));
        lacks.extend(beyond("data pack", list(manifest.packs()), list(&self.packs)));
        let fields =
            |set: &BTreeSet<IdentityField>| set.iter().map(|field| field.words().1).map(str::to_owned).collect();
        lacks.extend(beyond("identity", fields(&manifest.identity()), fields(&self.identity)));
        let keys = |map: &BTreeMap<String, KeyKind>| map.iter().map(|(key, kind)| format!("{key} ({kind})")).collect();
        lacks.extend(beyond("key", keys(&manifest.keys()), keys(&self.keys)));
        if let Some(granted) = &self.data_needs {
            lacks.extend(package.manifest().data_needs.beyond(granted));
        }
        if let Some(compartment) = manifest.compartment.filter(|asked| self.compartment != Some(*asked)) {
            lacks.push(format!("compartment `{compartment}`"));
        }
        lacks
    }

    /// Placeholders that may occur in its requests.
    pub fn guarded(&self) -> BTreeSet<Placeholder> {
        let may = |capability: Capability| self.capabilities.contains(&capability);
        let secrets = self.secrets.iter().filter(|_| may(Capability::Secrets)).cloned().map(Placeholder::Secret);
        let identity = self.identity.iter().filter(|_| may(Capability::Identity)).copied().map(Placeholder::Patient);
        secrets.chain(identity).collect()
    }

    /// The intersection with this manifest.
    #[must_use]
    pub fn within(&self, manifest: &Manifest) -> Self {
        let files = self.capabilities.contains(&Capability::Files);
        let (secrets, identity, keys) = (manifest.secrets(), manifest.identity(), manifest.keys());
        Self {
            capabilities: self
                .capabilities
                .iter()
                .copied()
                .filter(|capability| manifest.capabilities.contains_key(capability))
                .collect(),
            kv_quota_kib: self.kv_quota_kib.min(manifest.kv_quota_kib()),
            data_needs: Some(match &self.data_needs {
                Some(granted) => granted.within(&manifest.data_needs),
                None => manifest.data_needs.clone(),
            }),
            packs: self.packs.intersection(manifest.packs()).filter(|_| files).cloned().collect(),
            scratch_kib: if files { self.scratch_kib.min(manifest.scratch_kib()) } else { 0 },
            http: self.http.within(&manifest.http()),
            secrets: self.secrets.intersection(&secrets).cloned().collect(),
            identity: self.identity.intersection(&identity).copied().collect(),
            keys: keys.into_iter().filter(|(key, kind)| self.keys.get(key) == Some(kind)).collect(),
            limits: self.limits.at_most(manifest.limits).at_most(Limits::MAXIMUM),
            compartment: self.compartment,
        }
    }
}
