//! Background tasks begun by requests. A stopping host waits for all of them.

use crate::boxed;
use std::{future::Future, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// The tasks of one host. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Starts a task in the current span. It continues if the handle is dropped, and the host waits
    /// for it when it stops. A task without an end of its own must listen for [`Tasks::cancelled`].
    pub fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.tracker.spawn(work.in_current_span())
    }

    /// Returns when the host stops, at once if it is stopping.
    #[boxed]
    pub async fn cancelled(&self) {
        self.stop.cancelled().await;
    }

    /// Cancelled when the host stops; cancelling it stops the host.
    pub fn token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Number of running tasks.
    pub fn running(&self) -> usize {
        self.tracker.len()
    }

    /// Signals the stop to all tasks and waits for them, at most `limit`; returns how many have not
    /// ended. Tasks that they start meanwhile are included.
    #[boxed]
    pub async fn close_and_wait(&self, limit: Duration) -> usize {
        self.stop.cancel();
        self.tracker.close();
        match tokio::time::timeout(limit, self.tracker.wait()).await {
            Ok(()) => 0,
            Err(_) => self.tracker.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn what_has_an_end_is_carried_to_it_and_what_has_none_is_told() {
        let (tasks, written) = (Tasks::default(), Arc::new(AtomicUsize::new(0)));
        let (inner, one, other) = (tasks.clone(), written.clone(), written.clone());
        // Its handle is dropped, and it starts another task after the stop.
        drop(tasks.spawn(async move {
            tokio::time::sleep(SHORT).await;
            drop(inner.spawn(async move {
                tokio::time::sleep(SHORT).await;
                other.fetch_add(1, Ordering::SeqCst);
            }));
            one.fetch_add(1, Ordering::SeqCst);
        }));
        let listening = tasks.clone();
        let endless = tasks.spawn(async move {
            tokio::select! {
                () = listening.cancelled() => "told",
                () = tokio::time::sleep(LONG) => "never",
            }
        });
        assert_eq!(tasks.running(), 2);
        assert_eq!(tasks.close_and_wait(LONG).await, 0);
        assert_eq!(written.load(Ordering::SeqCst), 2);
        assert_eq!(endless.await.ok(), Some("told"));
    }

    #[tokio::test]
    async fn what_does_not_end_is_counted_and_not_waited_for() {
        let tasks = Tasks::default();
        for long in [SHORT, LONG, LONG] {
            drop(tasks.spawn(tokio::time::sleep(long)));
        }
        // A task that panicked has ended.
        assert!(tasks.spawn(async { panic!("a defect") }).await.is_err_and(|error| error.is_panic()));
        let begun = std::time::Instant::now();
        assert_eq!(tasks.close_and_wait(4 * SHORT).await, 2);
        assert!(begun.elapsed() < LONG / 100);
    }
}
