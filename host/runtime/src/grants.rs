//! What a tenant lets a plugin do: never more than it asks for, often less.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Capability, DataNeeds, Limits, Manifest, Package};

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
    /// The bounds of each call.
    pub limits: Limits,
    /// What of the record it may see; all that it declares if this says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_needs: Option<DataNeeds>,
}

impl Grants {
    /// Everything that the manifest asks for, and no more.
    pub fn as_asked(manifest: &Manifest) -> Self {
        Self {
            capabilities: manifest.capabilities.keys().copied().collect(),
            kv_quota_kib: manifest.kv_quota_kib(),
            packs: manifest.packs().clone(),
            scratch_kib: manifest.scratch_kib(),
            limits: manifest.limits,
            data_needs: Some(manifest.data_needs.clone()),
        }
    }

    /// These and others together: what either lets a plugin do.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.capabilities.extend(other.capabilities);
        self.kv_quota_kib = self.kv_quota_kib.max(other.kv_quota_kib);
        self.limits = self.limits.at_least(other.limits);
        self.data_needs = match (self.data_needs, other.data_needs) {
            (Some(one), Some(more)) => Some(one.or(more)),
            _ => None,
        };
        self
    }

    /// What a package needs and these do not give it, in words: what a tenant must
    /// grant before it can go over to it. Empty if nothing is missing.
    pub fn lacks(&self, package: &Package) -> Vec<String> {
        let missing = package.imports().iter().filter(|capability| !self.capabilities.contains(capability));
        let mut lacks: Vec<String> = missing.map(|capability| format!("capability `{capability}`")).collect();
        if let Some(granted) = &self.data_needs {
            lacks.extend(package.manifest().data_needs.beyond(granted));
        }
        lacks
    }

    /// What remains of the grants for this manifest.
    #[must_use]
    pub(crate) fn within(&self, manifest: &Manifest) -> Self {
        let files = self.capabilities.contains(&Capability::Files);
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
            limits: self.limits.at_most(manifest.limits).at_most(Limits::MAXIMUM),
        }
    }
}
