//! What the hospital does without being asked: timers that come due, payments nobody heard
//! of again, events that a pathway has not dealt with, exports, notifications, sign-ins
//! that have ended. All of it is in the store; a host that dies leaves nothing behind but
//! work to be claimed.

use std::time::Duration;

use tokio::task::JoinHandle;
use xinglin_care::pathway::{self, Occasion};
use xinglin_domain::time::Instant;
use xinglin_extensions::recall;
use xinglin_identity::session;
use xinglin_payment::charge;
use xinglin_platform::{AppResult, ambient, work::keep_draining};
use xinglin_records::{export, subscription};
use xinglin_store::Queue;

use crate::Hospital;

impl Hospital {
    /// Starts the work in the background. It ends when the handle is aborted.
    pub fn start_jobs(&self) -> JoinHandle<()> {
        let hospital = self.clone();
        tokio::spawn(async move {
            tokio::join!(
                hospital.fire_timers(),
                hospital.deliver_events(),
                hospital.resolve_payments(),
                hospital.make_exports(),
                hospital.tell_subscribers(),
                hospital.tidy_up(),
            );
        })
    }

    async fn fire_timers(&self) {
        let extensions = self.extensions.clone();
        keep_draining(&self.platform, Queue::Timer, move |work, now| {
            let extensions = extensions.clone();
            async move {
                let records = extensions.platform.store().tenant(work.tenant);
                pathway::fire(&extensions, &records, &work, &occasion(now)).await
            }
        })
        .await;
    }

    async fn deliver_events(&self) {
        let extensions = self.extensions.clone();
        keep_draining(&self.platform, Queue::Event, move |work, now| {
            let extensions = extensions.clone();
            async move {
                let records = extensions.platform.store().tenant(work.tenant);
                pathway::deliver(&extensions, &records, &work, &occasion(now)).await.map(drop)
            }
        })
        .await;
    }

    async fn resolve_payments(&self) {
        let extensions = self.extensions.clone();
        keep_draining(&self.platform, Queue::Payment, move |work, now| {
            let extensions = extensions.clone();
            async move { charge::resolve(&extensions, &work, &occasion(now)).await }
        })
        .await;
    }

    async fn make_exports(&self) {
        let platform = self.platform.clone();
        keep_draining(&self.platform, Queue::Export, move |work, _| {
            let platform = platform.clone();
            async move { export::run(&platform, work).await }
        })
        .await;
    }

    async fn tell_subscribers(&self) {
        let platform = self.platform.clone();
        keep_draining(&self.platform, Queue::Subscription, move |work, _| {
            let platform = platform.clone();
            async move { subscription::tell(&platform, work).await }
        })
        .await;
    }

    /// What has no queue: it looks at what there is.
    async fn tidy_up(&self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(self.platform.config().timer_poll_millis.max(10)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.platform.reload_policies();
            report("recalls", recall::apply(&self.extensions).await.map_err(Into::into));
            report("sign-ins", session::purge(&self.identity, self.platform.now()).await);
            report("exports", export::forget_ended(&self.platform).await);
        }
    }
}

fn occasion(now: Instant) -> Occasion {
    Occasion { request_id: format!("job-{:032x}", ambient::fresh_id()), now }
}

fn report(what: &str, result: AppResult<()>) {
    if let Err(error) = result {
        tracing::error!(what, %error, "could not be tidied up");
    }
}
