use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use serde::Serialize;
use xinglin_domain::id::TenantId;
use xinglin_platform::{AppError, AppResult};
use xinglin_runtime::{Digest, Package, Plugin, Tape};
use xinglin_store::TapeQuery;

use super::{ReplayView, alone, on_other, replayed};
use crate::{Extensions, install};

/// Tapes read in one batch.
const STRETCH: u32 = 128;

/// Results of replaying many calls.
#[derive(Debug, Default, Serialize)]
pub struct Crater {
    /// How many.
    pub calls: u64,
    /// Identical byte for byte.
    pub identical: u64,
    /// Different bytes, same decisions.
    pub same_decisions: u64,
    /// Different decisions.
    pub differing: u64,
    /// Inconclusive: ended by load or deadline, then or now.
    pub inconclusive: u64,
    /// Not replayable: the package or the hook no longer exists.
    pub unreadable: u64,
    /// Differing calls by kind of decision.
    pub kinds: BTreeMap<String, u64>,
    /// Calls that are not identical, at most a hundred.
    pub examples: Vec<ReplayView>,
}

impl Crater {
    const EXAMPLES: usize = 100;

    fn count(&mut self, report: AppResult<ReplayView>) {
        self.calls += 1;
        let Ok(report) = report else {
            self.unreadable += 1;
            return;
        };
        match &report {
            report if report.identical => self.identical += 1,
            report if !report.conclusive => self.inconclusive += 1,
            report if report.differences.is_empty() => self.same_decisions += 1,
            _ => self.differing += 1,
        }
        for difference in &report.differences {
            *self.kinds.entry(difference.kind.clone()).or_default() += 1;
        }
        if !report.identical && self.examples.len() < Self::EXAMPLES {
            self.examples.push(report);
        }
    }
}

/// Replays all calls of a tenant: each on its own package, or those of one plugin on another
/// version. Calls `progress` for each.
///
/// # Errors
/// If the store fails. A call that cannot be replayed is counted.
pub async fn replay_all(
    extensions: &Extensions,
    tenant: TenantId,
    against: Option<&Package>,
    mut progress: impl FnMut(&Crater),
) -> AppResult<Crater> {
    let records = extensions.platform.store().tenant(tenant);
    let query =
        TapeQuery { plugin_id: against.map(|package| package.manifest().id.clone()), digest: None, reference: None };
    let candidate = match against {
        Some(package) => Some(alone(extensions, package).await?),
        None => None,
    };
    let mut own: BTreeMap<Digest, Option<Arc<Plugin>>> = BTreeMap::new();
    let (mut crater, mut after) = (Crater::default(), 0);
    loop {
        let entries = records.list_tape_after(&query, after, STRETCH).await?;
        let Some(last) = entries.last() else { return Ok(crater) };
        after = last.seq;
        for entry in entries {
            let tape: Tape = serde_json::from_slice(&entry.record).map_err(AppError::internal)?;
            let report = match &candidate {
                Some(candidate) => on_other(extensions, candidate, &tape).await,
                None => {
                    let plugin = match own.entry(tape.digest) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(place) => place.insert(self::own(extensions, tape.digest).await),
                    };
                    match plugin {
                        Some(plugin) => extensions.runtime().replay(plugin, &tape).await.map_err(AppError::from),
                        None => Err(AppError::not_found("package", tape.digest)),
                    }
                }
            };
            crater.count(report.map(|report| replayed(&tape, report)));
            progress(&crater);
        }
    }
}

/// The package of a tape, if it still exists and loads.
async fn own(extensions: &Extensions, digest: Digest) -> Option<Arc<Plugin>> {
    alone(extensions, &install::package(&extensions.platform, &digest.to_string()).await.ok()?).await.ok()
}
