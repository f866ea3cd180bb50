//! What a call carries through the host functions, and the store that bounds it.

use std::{sync::Arc, time};

use tokio::{sync::Semaphore, task::yield_now};
use wasmtime::{Store, UpdateDeadline};
use xinglin_domain::{
    coding::{Attribute, AttributeValue},
    id::{CallId, TenantId},
    time::Instant,
};
use xinglin_plugin::{Grants, Limits};

use super::{
    files::{Files, pack::Pack},
    http::Http,
    kv::Kv,
    log::Log,
    random::Random,
    wasi::Wasi,
};
use crate::{
    contract::hook::HookName,
    limits::{Meter, Stop, transfer},
    recorder::Recorder,
    services::HostServices,
};

/// Who calls, and what the host lends to the call.
pub struct CallContext {
    /// Drawn by the caller; names the call in logs and on tape.
    pub call: CallId,
    /// For whom.
    pub tenant: TenantId,
    /// Of the HTTP request or job that led here.
    pub request_id: String,
    /// What [`crate::Manifest::resolve`] made of the tenant's settings.
    pub settings: Vec<Attribute>,
    /// When the call is made, by the caller's clock. For the tape, and for guests
    /// that ask WASI what time it is.
    pub now: Instant,
    /// What stands behind the imports.
    pub services: HostServices,
}

/// What the host functions of one call work on.
pub(crate) struct CallState {
    pub call: CallId,
    pub tenant: TenantId,
    pub request_id: String,
    pub plugin: Arc<str>,
    pub hook: HookName,
    pub now: Instant,
    pub settings: Vec<Attribute>,
    pub grants: Arc<Grants>,
    pub services: HostServices,
    pub kv: Kv,
    pub files: Files,
    pub random: Random,
    /// What the guest holds of the system; nothing if it never asked.
    pub wasi: Option<Box<Wasi>>,
    pub http: Http,
    pub log: Log,
    pub tape: Recorder,
    /// Whether the guest waits for a host function just now.
    pub waiting: bool,
    /// When its time is up, once it has begun.
    pub ends: Option<time::Instant>,
    pub meter: Meter,
}

/// Whose call it is, and under what.
pub(crate) struct Terms {
    pub plugin: Arc<str>,
    pub hook: HookName,
    pub grants: Arc<Grants>,
    pub requests: Arc<Semaphore>,
    pub packs: Vec<Arc<Pack>>,
    pub limits: Limits,
}

impl CallState {
    pub fn new(context: CallContext, terms: Terms, tape: Recorder) -> Self {
        let Terms { plugin, hook, grants, requests, packs, limits } = terms;
        let text = |key: &str| match context.settings.iter().find(|setting| setting.key == key)?.value {
            AttributeValue::Text(ref text) => Some(text.clone()),
            _ => None,
        };
        let http = Http::new(requests, &grants.http.hosts, &grants.http.plaintext_hosts, text);
        Self {
            call: context.call,
            tenant: context.tenant,
            request_id: context.request_id,
            plugin,
            hook,
            now: context.now,
            settings: context.settings,
            kv: Kv::new(context.services.kv.clone(), grants.kv_quota_kib),
            files: Files::new(packs, grants.scratch_kib),
            random: Random::new(context.services.seed),
            wasi: None,
            http,
            grants,
            services: context.services,
            log: Log::default(),
            tape,
            waiting: false,
            ends: None,
            meter: Meter::new(limits.memory()),
        }
    }
}

/// A store that keeps its guest within its limits from now on.
pub(crate) fn store(engine: &wasmtime::Engine, state: CallState, limits: Limits) -> Store<CallState> {
    let transfer = transfer(limits, state.files.scratch.is_granted());
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_hostcall_fuel(transfer);
    let (started, deadline) = (time::Instant::now(), limits.deadline());
    store.data_mut().ends = started.checked_add(deadline);
    store.set_epoch_deadline(1);
    let (mut is_first, mut gave_way) = (true, false);
    store.epoch_deadline_callback(move |_| {
        // Tokio's own yield: a task that merely wakes itself is polled 60 times
        // more before timers and sockets are looked at again.
        if is_first {
            // It has not had a tick yet, however late the machine made it.
            is_first = false;
            return Ok(UpdateDeadline::YieldCustom(1, Box::pin(yield_now())));
        }
        if started.elapsed() >= deadline {
            return Err(Stop::Deadline(deadline).into());
        }
        // Its turn may come late, so the time is looked at once more before it
        // runs on.
        gave_way = !gave_way;
        Ok(if gave_way { UpdateDeadline::YieldCustom(0, Box::pin(yield_now())) } else { UpdateDeadline::Continue(1) })
    });
    store
}
