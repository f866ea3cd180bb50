//! What a tenant lets a plugin do: never more than it asks for, often less.

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

/// One tenant's grants to one plugin. What a plugin gets is the intersection of
/// this and its manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grants {
    /// The interfaces it may import. It is refused if it needs another.
    pub capabilities: BTreeSet<Capability>,
    /// How much `kv` may hold, in KiB.
    pub kv_quota_kib: u32,
    /// Which data packs it may read.
    #[serde(default)]
    pub packs: BTreeSet<String>,
    /// How much its scratch folder may hold in a call, in KiB; none if zero.
    #[serde(default)]
    pub scratch_kib: u32,
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
    /// What of the record it may see; all that it declares if this says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_needs: Option<DataNeeds>,
    /// The restricted compartment it works in. It stays, whatever a later version of
    /// the plugin says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compartment: Option<Compartment>,
}

impl Grants {
    /// Everything that the manifest asks for, and no more.
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

    /// These and others together: what either lets a plugin do.
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

    /// What a package needs and these do not give it, in words: what a tenant must
    /// grant before it can go over to it. Empty if nothing is missing.
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

    /// What may stand behind placeholders of its requests.
    pub fn guarded(&self) -> BTreeSet<Placeholder> {
        let may = |capability: Capability| self.capabilities.contains(&capability);
        let secrets = self.secrets.iter().filter(|_| may(Capability::Secrets)).cloned().map(Placeholder::Secret);
        let identity = self.identity.iter().filter(|_| may(Capability::Identity)).copied().map(Placeholder::Patient);
        secrets.chain(identity).collect()
    }

    /// What remains of the grants for this manifest.
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
