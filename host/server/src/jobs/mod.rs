//! What the hospital does without being asked: timers that come due, payments nobody heard
//! of again, events that a pathway has not dealt with, exports, notifications, sign-ins
//! that have ended. All of it is in the store; a host that dies leaves nothing behind but
//! work to be claimed.

use xinglin_care::pathway::{self, Occasion};
use xinglin_domain::time::Instant;
use xinglin_extensions::recall;
use xinglin_identity::session;
use xinglin_payment::charge;
use xinglin_platform::{
    AppResult, ambient,
    work::{Passes, drain, keep_draining},
};
use xinglin_records::{export, subscription};
use xinglin_store::{Queue, Work};

use crate::Hospital;

impl Hospital {
    /// Starts the work in the background. It ends with the host's
    /// [tasks](xinglin_platform::Tasks).
    pub fn start_jobs(&self) {
        let tasks = self.platform.tasks();
        for queue in Queue::ALL {
            // What takes long holds nothing else up.
            let hospital = self.clone();
            drop(tasks.spawn(async move { keep_draining(&hospital.platform, queue, hospital.worker()).await }));
        }
        let hospital = self.clone();
        drop(tasks.spawn(async move {
            let mut passes = Passes::of(&hospital.platform);
            while passes.next().await {
                hospital.tidy_up(&passes).await;
            }
        }));
    }

    /// Does all work that is due now. One piece that fails, even by a panic, does
    /// not stop the rest.
    pub async fn do_due_work(&self) {
        let passes = Passes::of(&self.platform);
        for queue in Queue::ALL {
            let hospital = self.clone();
            passes
                .alone(queue.as_str(), async move { drain(&hospital.platform, queue, hospital.worker()).await })
                .await;
        }
        self.tidy_up(&passes).await;
    }

    fn worker(&self) -> impl Fn(Work, Instant) -> Doing + Clone + Send + Sync + 'static {
        let hospital = self.clone();
        move |work, now| Box::pin(hospital.clone().do_work(work, now))
    }

    async fn do_work(self, work: Work, now: Instant) -> AppResult<()> {
        let occasion = Occasion { request_id: format!("job-{:032x}", ambient::fresh_id()), now };
        let records = self.platform.store().tenant(work.tenant);
        match work.queue {
            Queue::Timer => pathway::fire(&self.extensions, &records, &work, &occasion).await,
            Queue::Event => pathway::deliver(&self.extensions, &records, &work, &occasion).await.map(drop),
            Queue::Payment => charge::resolve(&self.extensions, &work, &occasion).await,
            Queue::Export => export::run(&self.platform, work).await,
            Queue::Subscription => subscription::tell(&self.platform, work).await,
        }
    }

    /// What has no queue: it looks at what there is.
    async fn tidy_up(&self, passes: &Passes) {
        let [policies, recalls, ended, exports] = [(); 4].map(|()| self.clone());
        tokio::join!(
            passes.alone("policies", async move {
                policies.platform.reload_policies().await;
                Ok(())
            }),
            passes.alone("recalls", async move { Ok(recall::apply(&recalls.extensions).await?) }),
            passes.alone("sign-ins", async move { session::purge(&ended.identity, ended.platform.now()).await }),
            passes.alone("exports", async move { export::forget_ended(&exports.platform).await }),
        );
    }
}

/// Work being done.
type Doing = futures_util::future::BoxFuture<'static, AppResult<()>>;
