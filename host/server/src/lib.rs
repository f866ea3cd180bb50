//! The hospital as a service: use cases over store and runtime, their HTTP API, and the command
//! line.
//!
//! An embedder needs three lines:
//!
//! ```ignore
//! let hospital = xinglin_server::Hospital::open(config).await?;
//! hospital.start_jobs();
//! let app = axum::Router::new().merge(hospital.router());
//! ```
//!
//! and when it stops `hospital.platform.tasks().close_and_wait(grace).await`, which ends the
//! jobs, and `hospital.store().close().await`. [`serve`] does all of it.

pub mod cli;
mod hospital;
pub mod http;
pub mod jobs;
mod svg;
pub mod telemetry;

use std::{
    future::{Future, IntoFuture as _},
    time::Duration,
};

pub use hospital::Hospital;
pub use xinglin_platform::Config;

/// Time for the store to close, in addition to the grace period.
const CLOSING: Duration = Duration::from_secs(5);

/// Serves a hospital until `stop` is ready; then accepts no more connections, ends event streams
/// and jobs, lets running requests and tracked tasks finish for at most `shutdown_grace_seconds`,
/// and closes the store. Dropping it stops the host, too, without waiting.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    hospital: Hospital,
    listener: tokio::net::TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let grace = Duration::from_secs(hospital.config().shutdown_grace_seconds);
    let tasks = hospital.platform.tasks().clone();
    let _stops = tasks.token().drop_guard();
    hospital.start_jobs();
    let asked = tasks.token().cancelled_owned();
    // A tracked task, which ends with its last connection.
    let server = axum::serve(listener, hospital.router()).with_graceful_shutdown(asked);
    let mut server = tasks.spawn(server.into_future());
    let ended = tokio::select! {
        ended = &mut server => ended?,
        () = stop => {
            tracing::info!("stopping: what has begun may finish");
            Ok(())
        }
    };
    let left = tasks.close_and_wait(grace).await;
    if left > 0 {
        tracing::warn!(left, "connections, requests and other work had not ended after {grace:?}");
    }
    server.abort();
    match tokio::time::timeout(CLOSING, hospital.store().close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the store did not close in good order"),
        Err(_) => tracing::error!("the store was still in use after {CLOSING:?}"),
    }
    ended
}
