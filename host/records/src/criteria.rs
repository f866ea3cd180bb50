//! Matches written resources against subscriptions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xinglin_domain::{compartment::Compartments, time::Instant};
use xinglin_fhir::search;
use xinglin_platform::{AppError, AppResult, ambient, boxed};
use xinglin_store::{Queue, ResourceWrite, Subscription, TenantTx, Work};

/// Stored state of a subscription beside its resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms {
    pub(crate) criteria: String,
    pub(crate) endpoint: String,
    /// Whether notifications contain the resource.
    pub(crate) whole: bool,
    pub(crate) end: Option<Instant>,
    /// Scopes of the token it was created with.
    pub(crate) scopes: Option<String>,
}

impl Terms {
    pub(crate) fn of(subscription: &Subscription) -> AppResult<Self> {
        Self::deserialize(&subscription.body).map_err(AppError::internal)
    }

    /// The search of its criteria. References are never followed into restricted compartments.
    pub(crate) fn search(&self) -> AppResult<search::Search> {
        let (kind, query) = self.criteria.split_once('?').unwrap_or((&self.criteria, ""));
        let mut search = search::parse(kind, &search::parameters(query.as_bytes()))?;
        search.query.withheld_beyond = Compartments::ALL;
        Ok(search)
    }
}

/// What a subscriber is to be told: the payload of work in [`Queue::Subscription`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Notice {
    /// That there is a subscription: before anything else, and only once answered is it
    /// active.
    Handshake,
    /// What was written.
    Event { kind: String, resource: String, version: i64 },
}

impl Notice {
    fn event(write: &ResourceWrite) -> Self {
        Self::Event { kind: write.kind.clone(), resource: write.id.clone(), version: write.version }
    }

    pub(crate) fn stored(&self) -> AppResult<Value> {
        serde_json::to_value(self).map_err(AppError::internal)
    }
}

/// Stores the events of matching subscriptions, in the transaction of the write.
#[boxed]
pub(crate) async fn notice(tx: &TenantTx, writes: &[ResourceWrite], now: Instant) -> AppResult<()> {
    const LOOKED_AT: usize = 200;
    let mut written: BTreeMap<&str, Vec<&ResourceWrite>> = BTreeMap::new();
    for write in writes.iter().filter(|write| !write.deleted) {
        written.entry(&write.kind).or_default().push(write);
    }
    let kinds: Vec<&str> = written.keys().copied().collect();
    if kinds.is_empty() {
        return Ok(());
    }
    let mut events = Vec::new();
    for subscription in tx.list_active_subscriptions(&kinds).await? {
        let terms = Terms::of(&subscription)?;
        let mut search = match terms.search() {
            Ok(search) if terms.end.is_none_or(|end| now < end) => search,
            Ok(_) => continue,
            Err(error) => {
                tracing::error!(subscription = subscription.id, %error, "criteria cannot be read any more");
                continue;
            }
        };
        for writes in written.get(subscription.kind.as_str()).into_iter().flat_map(|all| all.chunks(LOOKED_AT)) {
            search.query.ids = writes.iter().map(|write| write.id.clone()).collect();
            let found = tx.list_resources(&search.query, None, u32::try_from(LOOKED_AT).unwrap_or(u32::MAX)).await?;
            // In the order in which it was written.
            for write in writes.iter().filter(|write| found.iter().any(|resource| resource.id == write.id)) {
                let about = Some(format!("{}/{}", write.kind, write.id));
                let id = format!("{:032x}", ambient::fresh_id());
                let work = Work::new(Queue::Subscription, id, &subscription.id, now);
                events.push(Work { subject: about, payload: Notice::event(write).stored()?, ..work });
            }
        }
    }
    Ok(tx.put_work(&events).await?)
}
