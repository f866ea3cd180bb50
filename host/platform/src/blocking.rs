//! CPU-bound or disk-bound work, off the threads that serve requests.

use tracing::Span;

use crate::{AppError, AppResult};

/// Runs it on a blocking thread, in the current span. It continues if the caller is dropped. Work
/// that takes more than a millisecond belongs here: between two `await`s it blocks all other
/// requests of its thread.
///
/// # Errors
/// `INTERNAL` if it panics.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> AppResult<T> {
    let span = Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work)).await.map_err(AppError::internal)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use xinglin_domain::code::Code;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_internal_error() {
        let refused = blocking(|| -> () { panic!("a defect") }).await.unwrap_err();
        assert_eq!(refused.code, Code::Internal);
        assert!(refused.context.is_some_and(|context| context.contains("a defect")));
    }

    #[tokio::test]
    async fn others_are_served_meanwhile() {
        let slow = blocking(|| std::thread::sleep(Duration::from_millis(300)));
        let mut beats = 0;
        let heart = async {
            loop {
                tokio::time::sleep(Duration::from_millis(10)).await;
                beats += 1;
            }
        };
        tokio::select! {
            done = slow => done.unwrap(),
            () = heart => {}
        }
        assert!(beats > 5, "{beats} beats of 10 ms in 300 ms");
    }
}
