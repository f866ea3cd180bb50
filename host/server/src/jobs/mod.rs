//! What the hospital does without being asked: timers that come due, payments
//! nobody heard of again, events that a pathway gave no answer to. All of it is
//! in the store; a host that dies leaves nothing behind but work to be claimed.

use std::time::Duration;

use serde::Deserialize;
use tokio::task::JoinHandle;
use xinglin_domain::{id::EnrolmentId, pathway::Event, time::Instant};

use crate::{
    ambient,
    app::{AppResult, Hospital, enrolment::Occasion, enrolment::RETRY},
};

/// How many pieces of work are claimed at once.
const BATCH: u32 = 32;
/// For how long a claim keeps others away. Whoever dies over it frees it so.
const LEASE_SECONDS: i64 = 30;
/// A payment is asked after if nobody has heard of it for so long.
const PAYMENT_SILENCE_SECONDS: i64 = 10;

impl Hospital {
    /// Starts the work in the background. It ends when the handle is aborted.
    pub fn start_jobs(&self) -> JoinHandle<()> {
        let hospital = self.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(hospital.config().timer_poll_millis.max(10)));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                hospital.do_due_work().await;
            }
        })
    }

    /// Does all work that is due now. One piece that fails does not stop the rest.
    pub async fn do_due_work(&self) {
        let now = self.now();
        report("timers", self.fire_due_timers(now).await);
        report("payments", self.resolve_payments(now).await);
        report("events", self.retry_events(now).await);
    }

    async fn fire_due_timers(&self, now: Instant) -> AppResult<()> {
        let tx = self.store().operator().begin().await?;
        let due = tx.claim_due_tasks(now, now.plus_seconds(LEASE_SECONDS), BATCH).await?;
        tx.commit().await?;
        for claimed in due {
            let timer = claimed.task.id;
            report_one("timer", timer, self.fire(claimed.tenant, claimed.task, &occasion(now)).await);
        }
        Ok(())
    }

    async fn resolve_payments(&self, now: Instant) -> AppResult<()> {
        let before = now.plus_seconds(-PAYMENT_SILENCE_SECONDS);
        for operation in self.store().operator().list_unresolved_payments(before, BATCH).await? {
            let key = operation.key.clone();
            report_one("payment", &key, self.resolve_payment(operation, &occasion(now)).await);
        }
        Ok(())
    }

    async fn retry_events(&self, now: Instant) -> AppResult<()> {
        #[derive(Deserialize)]
        struct Kept {
            enrolment: EnrolmentId,
            event: Event,
        }
        let tx = self.store().operator().begin().await?;
        let due = tx.claim_outbox(now, now.plus_seconds(LEASE_SECONDS), BATCH).await?;
        tx.commit().await?;
        for entry in due.into_iter().filter(|entry| entry.topic == RETRY) {
            let kept = match Kept::deserialize(&entry.payload) {
                Ok(kept) => kept,
                Err(error) => {
                    tracing::error!(entry = entry.id, %error, "an event that was kept cannot be read");
                    continue;
                }
            };
            let records = self.store().tenant(entry.tenant);
            let told = self.tell_again(&records, kept.enrolment, &kept.event, &occasion(now), &entry).await;
            report_one("event", &entry.id, told);
        }
        Ok(())
    }
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
