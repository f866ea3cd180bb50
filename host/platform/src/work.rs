//! Background work: claimed from the store, done in small batches, and retried later if it fails.

use crate::boxed;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Interval, MissedTickBehavior, interval, sleep},
};
use xinglin_domain::{id::TenantId, time::Instant};
use xinglin_store::{Queue, StoreError, Tenant, Work};

use crate::{AppResult, Platform, tasks::Tasks};

/// The longest delay between two tries, in minutes.
const LONGEST_WAIT_MINUTES: i64 = 64;

/// Parameters of a queue.
struct Terms {
    /// Length of a lease: after it, another host may claim the work.
    lease_seconds: i64,
    /// Number of pieces claimed at once: no more than can start within the lease.
    batch: u32,
    /// Number of lanes worked on concurrently.
    at_once: usize,
    /// Whether later work of a lane waits for failed work.
    in_order: bool,
    /// Delay before a retry, in seconds; `None`: increasing.
    wait_seconds: Option<i64>,
}

const fn terms(queue: Queue) -> Terms {
    match queue {
        Queue::Timer => Terms { lease_seconds: 30, batch: 32, at_once: 8, in_order: false, wait_seconds: None },
        Queue::Event => Terms { lease_seconds: 30, batch: 32, at_once: 8, in_order: true, wait_seconds: None },
        Queue::Payment => Terms { lease_seconds: 30, batch: 32, at_once: 8, in_order: false, wait_seconds: Some(10) },
        // Two answers of a channel, and a commit each.
        Queue::Cash => Terms { lease_seconds: 60, batch: 16, at_once: 8, in_order: false, wait_seconds: Some(60) },
        // A refund may take as long as a payer.
        Queue::Charge | Queue::Prescription => {
            Terms { lease_seconds: 60, batch: 32, at_once: 8, in_order: false, wait_seconds: None }
        }
        // Longer than the slowest page, or the slowest receiver, may take.
        Queue::Export => Terms { lease_seconds: 60, batch: 1, at_once: 1, in_order: false, wait_seconds: Some(60) },
        Queue::Subscription => {
            Terms { lease_seconds: 60, batch: 32, at_once: 8, in_order: true, wait_seconds: Some(60) }
        }
        Queue::Observation => Terms { lease_seconds: 30, batch: 32, at_once: 8, in_order: true, wait_seconds: None },
        Queue::Alert | Queue::Contact | Queue::Request => {
            Terms { lease_seconds: 30, batch: 32, at_once: 8, in_order: false, wait_seconds: None }
        }
        // A month, or a day of each sale, at a time; a plugin is asked.
        Queue::Capitation | Queue::Purchase => {
            Terms { lease_seconds: 60, batch: 16, at_once: 4, in_order: false, wait_seconds: None }
        }
        // An answer of a gateway, and two commits.
        Queue::Reminder => Terms { lease_seconds: 60, batch: 32, at_once: 8, in_order: false, wait_seconds: None },
        Queue::Patient | Queue::Resumption => {
            Terms { lease_seconds: 60, batch: 8, at_once: 2, in_order: false, wait_seconds: None }
        }
    }
}

/// The end of a lease that begins now.
pub const fn lease(queue: Queue, now: Instant) -> Instant {
    now.plus_seconds(terms(queue).lease_seconds)
}

/// When to retry failed work: the delay equals the current lateness, so that each delay is as long
/// as all before it; at least a minute and at most 64.
pub fn next_try(work: &Work, now: Instant) -> Instant {
    match terms(work.queue).wait_seconds {
        Some(seconds) => now.plus_seconds(seconds),
        None => {
            let late = now.micros().saturating_sub(work.since.micros()) / 60_000_000;
            now.plus_minutes(late.clamp(1, LONGEST_WAIT_MINUTES))
        }
    }
}

/// Deletes work that has no effect any more, unless the lease is lost.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn finish(records: &Tenant, work: &Work) -> AppResult<()> {
    let tx = records.begin().await?;
    tx.finish_work(work).await?;
    Ok(tx.commit().await?)
}

/// Postpones work to `until`, unless the lease is lost.
///
/// # Errors
/// If the store fails.
#[boxed]
pub async fn postpone(records: &Tenant, work: &Work, until: Instant) -> AppResult<()> {
    let tx = records.begin().await?;
    tx.put_off_work(work, until).await?;
    Ok(tx.commit().await?)
}

/// Does all due work of a queue. Work of one lane is done in order; lanes are done concurrently.
/// `work` finishes each piece in the transaction of its effect
/// ([`finish_work`](xinglin_store::TenantTx::finish_work)); failed work is retried later, and after
/// a panic the work is due again when its lease expires.
///
/// # Errors
/// If claiming fails.
pub async fn drain<W, F>(platform: &Platform, queue: Queue, work: W) -> AppResult<()>
where
    W: Fn(Work, Instant) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = AppResult<()>> + Send + 'static,
{
    let tasks = platform.tasks();
    let mut lanes: VecDeque<(Lane, Vec<Work>)> = VecDeque::new();
    let (mut running, mut busy) = (JoinSet::new(), BTreeMap::new());
    let mut failed = None;
    loop {
        // Running work is completed, even if the next claim fails.
        let ending = failed.is_some() || tasks.token().is_cancelled();
        if ending {
            give_back(platform, lanes.drain(..).flat_map(|(_, pieces)| pieces).collect()).await;
        } else if running.len() < terms(queue).at_once
            && lanes.iter().all(|(lane, _)| busy.values().any(|other| other == lane))
        {
            match claim(platform, queue).await {
                Ok(claimed) => lanes.extend(by_lane(claimed)),
                Err(error) => failed = Some(error),
            }
        }
        while running.len() < terms(queue).at_once
            && let Some((lane, pieces)) = next_free(&mut lanes, &busy.values().collect())
        {
            let doing = do_lane(platform.clone(), pieces, work.clone());
            busy.insert(running.spawn(doing).id(), lane);
        }
        let may_claim = !ending && !running.is_empty() && running.len() < terms(queue).at_once;
        let ended = tokio::select! {
            ended = running.join_next_with_id() => ended,
            () = sleep(poll(platform)), if may_claim => continue,
        };
        match ended {
            None => return failed.map_or(Ok(()), |error| Err(error.into())),
            Some(Ok((id, ()))) => drop(busy.remove(&id)),
            Some(Err(error)) => {
                tracing::error!(queue = queue.as_str(), %error, "due work ended in a panic; it is due again later");
                busy.remove(&error.id());
            }
        }
    }
}

/// [Drains](drain) a queue repeatedly, until the host stops.
pub async fn keep_draining<W, F>(platform: &Platform, queue: Queue, work: W)
where
    W: Fn(Work, Instant) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = AppResult<()>> + Send + 'static,
{
    let mut passes = Passes::of(platform);
    while passes.next().await {
        let (here, work) = (platform.clone(), work.clone());
        passes.alone(queue.as_str(), async move { drain(&here, queue, work).await }).await;
    }
}

/// Ticks every `timer_poll_millis`, until the host stops.
pub struct Passes {
    ticks: Interval,
    tasks: Tasks,
}

impl Passes {
    /// The first is at once.
    pub fn of(platform: &Platform) -> Self {
        let mut ticks = interval(poll(platform));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, tasks: platform.tasks().clone() }
    }

    /// Returns at the next tick; `false` if the host stops.
    #[boxed]
    pub async fn next(&mut self) -> bool {
        tokio::select! {
            () = self.tasks.cancelled() => false,
            _ = self.ticks.tick() => true,
        }
    }

    /// Runs a part of a pass. An error or a panic is logged and ends nothing else.
    pub async fn alone(&self, what: &str, part: impl Future<Output = AppResult<()>> + Send + 'static) {
        match self.tasks.spawn(part).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(what, %error, "due work could not be looked for"),
            Err(error) => tracing::error!(what, %error, "looking for due work ended in a panic"),
        }
    }
}

fn poll(platform: &Platform) -> Duration {
    Duration::from_millis(platform.config().timer_poll_millis.max(10))
}

/// A lane of a tenant.
type Lane = (TenantId, String);

async fn claim(platform: &Platform, queue: Queue) -> Result<Vec<Work>, StoreError> {
    let now = platform.now();
    let tx = platform.store().operator().begin().await?;
    let claimed = tx.claim_work(queue, now, lease(queue, now), terms(queue).batch).await?;
    tx.commit().await?;
    platform.meter().claimed(queue.as_str(), claimed.len());
    Ok(claimed)
}

/// In the order of each lane's first piece.
fn by_lane(claimed: Vec<Work>) -> Vec<(Lane, Vec<Work>)> {
    let mut lanes: Vec<(Lane, Vec<Work>)> = Vec::new();
    for work in claimed {
        let lane = (work.tenant, work.lane.clone());
        match lanes.iter_mut().find(|(known, _)| *known == lane) {
            Some((_, pieces)) => pieces.push(work),
            None => lanes.push((lane, vec![work])),
        }
    }
    lanes
}

/// Takes the first lane that is not being worked on.
fn next_free(lanes: &mut VecDeque<(Lane, Vec<Work>)>, busy: &BTreeSet<&Lane>) -> Option<(Lane, Vec<Work>)> {
    let free = lanes.iter().position(|(lane, _)| !busy.contains(lane))?;
    lanes.remove(free)
}

async fn do_lane<W, F>(platform: Platform, pieces: Vec<Work>, work: W)
where
    W: Fn(Work, Instant) -> F,
    F: Future<Output = AppResult<()>>,
{
    let mut left = pieces.into_iter();
    while let Some(piece) = left.next() {
        if platform.tasks().token().is_cancelled() {
            return give_back(&platform, std::iter::once(piece).chain(left).collect()).await;
        }
        if piece.due_at <= platform.now() {
            // Its lease ran out while it waited for its turn: it is anybody's.
            continue;
        }
        let Err(error) = work(piece.clone(), platform.now()).await else { continue };
        let (queue, id) = (piece.queue, &piece.id);
        tracing::error!(queue = queue.as_str(), id, attempt = piece.attempts, %error, "due work failed; it is put off");
        let until = next_try(&piece, platform.now());
        let mut waiting = vec![piece];
        if terms(queue).in_order {
            waiting.extend(left.by_ref());
        }
        if let Err(error) = put_off(&platform, &waiting, until).await {
            tracing::error!(queue = queue.as_str(), %error, "work was not put off; it is due when its lease runs out");
        }
    }
}

/// Lets others have at once what was claimed and has not begun.
async fn give_back(platform: &Platform, claimed: Vec<Work>) {
    for (_, pieces) in by_lane(claimed) {
        if let Err(error) = put_off(platform, &pieces, platform.now()).await {
            tracing::warn!(%error, "work was not given back; it is due when its lease runs out");
        }
    }
}

async fn put_off(platform: &Platform, waiting: &[Work], until: Instant) -> Result<(), StoreError> {
    let Some(first) = waiting.first() else { return Ok(()) };
    let tx = platform.store().tenant(first.tenant).begin().await?;
    for work in waiting {
        tx.put_off_work(work, until).await?;
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::{AppError, Config};

    fn work(lane: &str, id: &str) -> Work {
        Work::new(Queue::Timer, id, lane, Instant::from_micros(0))
    }

    #[test]
    fn each_wait_is_as_long_as_all_before_it() {
        let timer = work("lane", "id");
        let (mut now, mut tries) = (timer.since, Vec::new());
        for _ in 0..9 {
            now = next_try(&timer, now);
            tries.push(now.micros() / 60_000_000);
        }
        assert_eq!(tries, [1, 2, 4, 8, 16, 32, 64, 128, 192]);
    }

    #[test]
    fn a_lane_that_is_worked_on_waits() {
        let claimed = vec![work("a", "1"), work("b", "2"), work("a", "3")];
        let mut lanes: VecDeque<_> = by_lane(claimed).into();
        let ids = |lane: Option<(Lane, Vec<Work>)>| {
            lane.map(|(_, pieces)| pieces.into_iter().map(|piece| piece.id).collect::<Vec<_>>())
        };
        let a = (TenantId::from_u128(0), "a".to_owned());
        assert_eq!(ids(next_free(&mut lanes, &BTreeSet::from([&a]))), Some(vec!["2".to_owned()]));
        assert_eq!(ids(next_free(&mut lanes, &BTreeSet::from([&a]))), None);
        assert_eq!(ids(next_free(&mut lanes, &BTreeSet::new())), Some(vec!["1".to_owned(), "3".to_owned()]));
    }

    /// A host on an empty store, with these pieces of work due now, each in its lane.
    async fn hospital(work: &[(Queue, &str, &str)]) -> (Platform, tempfile::TempDir) {
        let folder = tempfile::TempDir::new().unwrap();
        let config = Config { data_dir: folder.path().to_owned(), movable_clock: true, ..Config::default() };
        let platform = Platform::open(config).await.unwrap();
        let tx = platform.store().tenant(TenantId::from_u128(1)).begin().await.unwrap();
        let now = platform.now();
        let work: Vec<Work> = work.iter().map(|(queue, lane, id)| Work::new(*queue, id, lane, now)).collect();
        tx.put_work(&work).await.unwrap();
        tx.commit().await.unwrap();
        (platform, folder)
    }

    /// What was worked on, in order, and how often that was begun.
    type Log = Arc<Mutex<Vec<String>>>;

    async fn logged(platform: Platform, log: Log, work: Work) -> AppResult<()> {
        log.lock().unwrap().push(work.id.clone());
        let tx = platform.store().tenant(work.tenant).begin().await?;
        assert!(tx.finish_work(&work).await?, "it is still ours");
        Ok(tx.commit().await?)
    }

    #[tokio::test]
    async fn failed_work_waits_and_stops_its_lane_only_where_order_matters() {
        for (queue, done) in [(Queue::Timer, vec!["b", "c"]), (Queue::Event, vec!["c"])] {
            let (platform, _folder) = hospital(&[(queue, "x", "a"), (queue, "x", "b"), (queue, "y", "c")]).await;
            let log = Log::default();
            let (here, told) = (platform.clone(), log.clone());
            let work = move |work: Work, _| {
                let (here, told) = (here.clone(), told.clone());
                async move {
                    if work.id == "a" && work.attempts == 1 {
                        return Err(AppError::internal("not now"));
                    }
                    logged(here, told, work).await
                }
            };
            drain(&platform, queue, work.clone()).await.unwrap();
            let mut first = std::mem::take(&mut *log.lock().unwrap());
            first.sort();
            assert_eq!(first, done);
            drain(&platform, queue, work.clone()).await.unwrap();
            assert_eq!(log.lock().unwrap().len(), 0, "it waits");
            platform.clock().advance(61_000_000);
            drain(&platform, queue, work).await.unwrap();
            let left = platform.store().tenant(TenantId::from_u128(1)).list_work(queue, "x").await.unwrap();
            assert_eq!((log.lock().unwrap()[0].as_str(), left), ("a", vec![]));
        }
    }

    #[tokio::test]
    async fn a_panic_or_a_lost_lease_ends_one_piece_and_no_other() {
        let queue = Queue::Timer;
        let (platform, _folder) = hospital(&[(queue, "x", "a"), (queue, "y", "b"), (queue, "y", "c")]).await;
        let log = Log::default();
        let (here, told) = (platform.clone(), log.clone());
        let work = move |work: Work, _| {
            let (here, told) = (here.clone(), told.clone());
            async move {
                assert_ne!(work.id, "a", "a defect");
                if work.id == "b" {
                    // So long that the lease of what waits behind it runs out.
                    here.clock().advance(31_000_000);
                }
                logged(here, told, work).await
            }
        };
        drain(&platform, queue, work).await.unwrap();
        assert_eq!(*log.lock().unwrap(), ["b", "c"], "once, under a lease of its own");
    }

    #[tokio::test]
    async fn a_host_that_stops_gives_back_what_has_not_begun() {
        let queue = Queue::Event;
        let (platform, _folder) = hospital(&[(queue, "x", "a"), (queue, "x", "b")]).await;
        let log = Log::default();
        let (here, told) = (platform.clone(), log.clone());
        drain(&platform, queue, move |work: Work, _| {
            let (here, told) = (here.clone(), told.clone());
            async move {
                here.tasks().token().cancel();
                logged(here, told, work).await
            }
        })
        .await
        .unwrap();
        assert_eq!(*log.lock().unwrap(), ["a"], "what has begun is carried to its end");
        let left = platform.store().tenant(TenantId::from_u128(1)).list_work(queue, "x").await.unwrap();
        assert_eq!(left.len(), 1);
        assert!(left[0].due_at <= platform.now(), "another host may have it at once");
    }
}
