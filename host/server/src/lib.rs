//! The hospital as a service: use cases over store and runtime, their HTTP face,
//! and the command line.
//!
//! An embedder needs three lines:
//!
//! ```ignore
//! let hospital = xinglin_server::Hospital::open(config).await?;
//! hospital.start_jobs();
//! let app = axum::Router::new().merge(hospital.router());
//! ```

pub mod cli;
mod hospital;
pub mod http;
pub mod jobs;
pub mod telemetry;

use std::future::Future;

pub use hospital::Hospital;
pub use xinglin_platform::Config;

/// Serves a hospital until `stop` is ready, then lets running requests finish
/// for as long as the settings allow.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    hospital: Hospital,
    listener: tokio::net::TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let grace = std::time::Duration::from_secs(hospital.config().shutdown_grace_seconds);
    let jobs = hospital.start_jobs();
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    let signal = async move {
        stop.await;
        tracing::info!("stopping: running requests may finish");
        let _ = stopping.send(());
    };
    let server = axum::serve(listener, hospital.router()).with_graceful_shutdown(signal);
    let late = async {
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        result = server => result?,
        () = late => tracing::warn!("requests were still running after {grace:?}"),
    }
    jobs.abort();
    if let Err(error) = hospital.store().close().await {
        tracing::error!(%error, "the store did not close in good order");
    }
    Ok(())
}
