//! Who runs when there are more guests than processors.
//!
//! A call that is over soon just runs. One that has run for a tick is long, and
//! long calls share all processors but one: each takes a place in their lane when it
//! goes on and leaves it when it gives way or waits for the host. So however many
//! guests compute, or loop, a short call finds a processor.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep_until},
};

use crate::engine::TICK;

/// The places of long calls.
#[derive(Debug, Clone)]
pub(crate) struct Lane(Arc<Semaphore>);

impl Lane {
    /// One place fewer than there are processors, and at least one.
    pub fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(processors.saturating_sub(1).max(1))))
    }

    /// Drives a call: freely while it is short, then in the lane. From `ends` on it
    /// is driven at once, so that whatever stops it finds it.
    pub async fn drive<F: Future>(&self, call: F, ends: Option<Instant>) -> F::Output {
        let (mut call, mut ran, mut queue) = (pin!(call), Duration::ZERO, None);
        poll_fn(|context| {
            let place = if ran < TICK {
                None
            } else {
                match queue.get_or_insert_with(|| Queue::at(self, ends)).poll(context) {
                    Poll::Ready(place) => place,
                    Poll::Pending => return Poll::Pending,
                }
            };
            queue = None;
            let resumed = Instant::now();
            let polled = call.as_mut().poll(context);
            ran = ran.saturating_add(resumed.elapsed());
            drop(place);
            polled
        })
        .await
    }
}

/// Somebody's wait for a place.
struct Queue {
    place: Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>,
    ends: Option<Pin<Box<Sleep>>>,
}

impl Queue {
    fn at(lane: &Lane, ends: Option<Instant>) -> Self {
        let ends = ends.map(|ends| Box::pin(sleep_until(ends.into())));
        Self { place: Box::pin(lane.0.clone().acquire_owned()), ends }
    }

    /// The place, or none if time is up.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<OwnedSemaphorePermit>> {
        if let Poll::Ready(place) = self.place.as_mut().poll(context) {
            return Poll::Ready(place.ok());
        }
        match &mut self.ends {
            Some(ends) => ends.as_mut().poll(context).map(|()| None),
            None => Poll::Pending,
        }
    }
}
