//! What the hospital does without being asked: timers that come due, payments
//! nobody heard of again, events that a pathway has not dealt with, sign-ins that
//! have ended. All of it is in the store; a host that dies leaves nothing behind but work to be claimed.
//! What fails is put off, ever longer. Enrolments do not wait for each other, but
//! the work of one is done in its order.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use xinglin_care::pathway::{self, Kept, Occasion, RETRY, next_firing, next_try};
use xinglin_domain::{
    id::{EnrolmentId, TenantId},
    time::Instant,
};
use xinglin_extensions::recall;
use xinglin_identity::session;
use xinglin_payment::charge;
use xinglin_platform::{AppResult, ambient};
use xinglin_records::{export, subscription};
use xinglin_store::{OutboxEntry, Task, Tenant};

use crate::Hospital;

/// How many pieces of work are claimed at once.
const BATCH: u32 = 32;

/// How many enrolments are worked on at once.
const AT_ONCE: usize = 8;

/// For how long a claim keeps others away. Whoever dies over it frees it so.
const LEASE_SECONDS: i64 = 30;

/// A payment is asked after if nobody has heard of it for so long.
const PAYMENT_SILENCE_SECONDS: i64 = 10;

impl Hospital {
    /// Starts the work in the background. It ends when the handle is aborted.
    pub fn start_jobs(&self) -> JoinHandle<()> {
        let hospital = self.clone();
        tokio::spawn(async move {
            // What takes long holds nothing else up. One at a time a host.
            let due = hospital.again_and_again(async |hospital| hospital.do_due_work().await);
            let exports = hospital.again_and_again(async |hospital| {
                let pass = hospital.clone();
                alone(async move { report("exports", export::run_due(&pass.platform).await) }).await;
            });
            let subscriptions = hospital.again_and_again(async |hospital| {
                let pass = hospital.clone();
                alone(async move { report("subscriptions", pass.tell_subscriptions().await) }).await;
            });
            tokio::join!(due, exports, subscriptions);
        })
    }

    async fn again_and_again(&self, work: impl AsyncFn(&Self)) {
        let mut ticks = tokio::time::interval(Duration::from_millis(self.platform.config().timer_poll_millis.max(10)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            work(self).await;
        }
    }

    /// Does all work that is due now. One piece that fails, even by a panic, does
    /// not stop the rest.
    pub async fn do_due_work(&self) {
        let now = self.platform.now();
        let (timers, payments, events, recalls) = (self.clone(), self.clone(), self.clone(), self.clone());
        let ended = self.clone();
        let mut passes = JoinSet::new();
        let policies = self.clone();
        passes.spawn(async move { policies.platform.reload_policies().await });
        passes.spawn(async move { report("timers", timers.fire_due_timers(now).await) });
        passes.spawn(async move { report("payments", payments.resolve_payments(now).await) });
        passes.spawn(async move { report("events", events.tell_events(now).await) });
        passes.spawn(async move { report("recalls", recall::apply(&recalls.extensions).await.map_err(Into::into)) });
        passes.spawn(async move { report("sign-ins", session::purge(&ended.identity, now).await) });
        while let Some(ended) = passes.join_next().await {
            report_panic(ended);
        }
    }

    async fn fire_due_timers(&self, now: Instant) -> AppResult<()> {
        let tx = self.platform.store().operator().begin().await?;
        let due = tx.claim_due_tasks(now, now.plus_seconds(LEASE_SECONDS), BATCH).await?;
        tx.commit().await?;
        self.platform.meter().claimed("timer", due.len());
        let mut enrolments: BTreeMap<(TenantId, EnrolmentId), Vec<Task>> = BTreeMap::new();
        for claimed in due {
            enrolments.entry((claimed.tenant, claimed.task.enrolment_id)).or_default().push(claimed.task);
        }
        let work = enrolments.into_iter().map(|((tenant, _), timers)| {
            let (hospital, records) = (self.clone(), self.platform.store().tenant(tenant));
            async move {
                for timer in timers {
                    let fired = hospital.fire_or_defer(&records, &timer, &occasion(now)).await;
                    report_one("timer", timer.id, fired);
                }
            }
        });
        side_by_side(work).await;
        Ok(())
    }

    async fn fire_or_defer(&self, records: &Tenant, timer: &Task, occasion: &Occasion) -> AppResult<()> {
        let fired = pathway::fire(&self.extensions, records, timer, occasion).await;
        if fired.is_err() {
            let tx = records.begin().await?;
            tx.defer_task(timer.id, timer.version, next_firing(timer, occasion.now)).await?;
            tx.commit().await?;
        }
        fired
    }

    async fn resolve_payments(&self, now: Instant) -> AppResult<()> {
        let before = now.plus_seconds(-PAYMENT_SILENCE_SECONDS);
        let tx = self.platform.store().operator().begin().await?;
        let due = tx.claim_unresolved_payments(before, now, BATCH).await?;
        tx.commit().await?;
        self.platform.meter().claimed("payment", due.len());
        for operation in due {
            let key = operation.key.clone();
            report_one("payment", &key, charge::resolve(&self.extensions, operation, &occasion(now)).await);
        }
        Ok(())
    }

    async fn tell_subscriptions(&self) -> AppResult<()> {
        let now = self.platform.now();
        let tx = self.platform.store().operator().begin().await?;
        let due = tx.claim_subscriptions(now, now.plus_seconds(subscription::LEASE_SECONDS), BATCH).await?;
        tx.commit().await?;
        self.platform.meter().claimed("subscription", due.len());
        let work = due.into_iter().map(|claimed| {
            let hospital = self.clone();
            async move {
                let id = claimed.id.clone();
                report_one("subscription", id, subscription::tell(&hospital.platform, claimed).await);
            }
        });
        side_by_side(work).await;
        Ok(())
    }

    async fn tell_events(&self, now: Instant) -> AppResult<()> {
        let tx = self.platform.store().operator().begin().await?;
        let due = tx.claim_outbox(now, now.plus_seconds(LEASE_SECONDS), BATCH).await?;
        tx.commit().await?;
        self.platform.meter().claimed("event", due.len());
        let mut enrolments: BTreeMap<(TenantId, EnrolmentId), Vec<(OutboxEntry, Kept)>> = BTreeMap::new();
        for entry in due.into_iter().filter(|entry| entry.topic == RETRY) {
            match Kept::deserialize(&entry.payload) {
                Ok(kept) => enrolments.entry((entry.tenant, kept.enrolment)).or_default().push((entry, kept)),
                Err(error) => {
                    tracing::error!(entry = entry.id, %error, "an event that was kept cannot be read");
                    let records = self.platform.store().tenant(entry.tenant);
                    report_one("event", &entry.id, put_off(&records, &[&entry], now).await);
                }
            }
        }
        let work = enrolments.into_iter().map(|((tenant, _), events)| {
            let (hospital, records) = (self.clone(), self.platform.store().tenant(tenant));
            async move { hospital.tell_in_order(&records, &events, now).await }
        });
        side_by_side(work).await;
        Ok(())
    }

    /// Tells a pathway of one enrolment's events. If the host itself fails over
    /// one, those after it wait with it.
    async fn tell_in_order(&self, records: &Tenant, events: &[(OutboxEntry, Kept)], now: Instant) {
        for (done, (entry, kept)) in events.iter().enumerate() {
            let told =
                pathway::deliver(&self.extensions, records, &entry.id, kept, entry.attempts, &occasion(now)).await;
            let failed = told.is_err();
            report_one("event", &entry.id, told.map(drop));
            if failed {
                let rest: Vec<&OutboxEntry> = events.iter().skip(done).map(|(entry, _)| entry).collect();
                return report_one("event", &entry.id, put_off(records, &rest, now).await);
            }
        }
    }
}

/// Lets entries wait together, as long as the first of them has to.
async fn put_off(records: &Tenant, entries: &[&OutboxEntry], now: Instant) -> AppResult<()> {
    let until = entries.first().map_or(now, |first| next_try(first.attempts, now));
    let tx = records.begin().await?;
    for entry in entries {
        tx.retry_outbox(&entry.id, until).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Does pieces of work next to each other, a few at once.
async fn side_by_side(work: impl Iterator<Item: Future<Output = ()> + Send + 'static>) {
    let mut running = JoinSet::new();
    for piece in work {
        if running.len() >= AT_ONCE
            && let Some(ended) = running.join_next().await
        {
            report_panic(ended);
        }
        running.spawn(piece);
    }
    while let Some(ended) = running.join_next().await {
        report_panic(ended);
    }
}

/// Does one piece of work; a panic in it ends nothing else.
async fn alone(work: impl Future<Output = ()> + Send + 'static) {
    side_by_side(std::iter::once(work)).await;
}

fn occasion(now: Instant) -> Occasion {
    Occasion { request_id: format!("job-{:032x}", ambient::fresh_id()), now }
}

fn report(what: &str, result: AppResult<()>) {
    if let Err(error) = result {
        tracing::error!(what, %error, "due work could not be claimed");
    }
}

fn report_one(what: &str, which: impl std::fmt::Display, result: AppResult<()>) {
    if let Err(error) = result {
        tracing::error!(what, %which, %error, "due work failed and will be tried again");
    }
}

fn report_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "due work ended in a panic; what it held is claimed again when its lease runs out");
    }
}
