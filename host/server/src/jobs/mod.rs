//! Background jobs: due timers, new observations, undelivered events, alerts that nobody acknowledged,
//! payments with unknown outcome, money at payment channels, quotes that lapse, reversals that waited, prescriptions
//! whose time is over, patients who have died, months of payment per head, days of what was sold, exports,
//! notifications, reminders to patients, ended sessions. All work is in the store; after a crash it is claimed again.

use xinglin_care::{
    alert,
    pathway::{self, Occasion},
    safety,
};
use xinglin_domain::time::Instant;
use xinglin_extensions::recall;
use xinglin_identity::session;
use xinglin_payment::{capitation, charge, insurance, pricing};
use xinglin_platform::{
    AppResult, ambient,
    work::{Passes, drain, keep_draining},
};
use xinglin_records::{export, notice, reminder, subscription};
use xinglin_store::{Queue, Work};

use crate::Hospital;

impl Hospital {
    /// Starts the background jobs. They end with the host's [tasks](xinglin_platform::Tasks).
    pub fn start_jobs(&self) {
        let tasks = self.platform.tasks();
        for queue in Queue::ALL {
            // One task per queue, so that slow work delays no other queue.
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

    /// Does all work that is due now. A failure or panic of one piece does not stop the rest.
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
            Queue::Payment if insurance::is_question(&work) => {
                insurance::ask_again(&self.extensions, &work, &occasion).await
            }
            Queue::Payment => charge::resolve(&self.extensions, &work, &occasion).await,
            Queue::Charge => charge::attend(&self.extensions, &work, &occasion).await,
            Queue::Cash => charge::lapse(&self.extensions, &work, &occasion).await,
            Queue::Prescription => charge::expire(&self.extensions, &work, &occasion).await,
            Queue::Export => export::run(&self.platform, work).await,
            Queue::Subscription => subscription::tell(&self.platform, work).await,
            Queue::Observation => pathway::observe(&self.platform, &records, &work, &occasion).await,
            Queue::Patient => {
                // The work is done when the last of these has finished it.
                capitation::end_of_patient(&records, &work, &occasion).await?;
                pathway::end(&self.extensions, &records, &work, &occasion).await
            }
            Queue::Capitation => capitation::work(&self.extensions, &work, &occasion).await,
            Queue::Purchase => pricing::pass_days(&self.platform, &work, &occasion).await,
            Queue::Alert => alert::escalate(&records, &work, now).await,
            Queue::Contact => safety::repeat(&records, &work, now).await,
            Queue::Request => pathway::request::pass(&records, &work, now).await,
            Queue::Resumption => pathway::resume(&records, &work, now).await,
            Queue::Reminder if notice::what_is_due(&work).is_some() => pathway::remind(&records, &work, now).await,
            Queue::Reminder => reminder::pass(&self.platform, &records, &work, now).await,
        }
    }

    /// Work without a queue.
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

/// A running piece of work.
type Doing = futures_util::future::BoxFuture<'static, AppResult<()>>;
