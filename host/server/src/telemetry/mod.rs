//! Traces: from the request through the use case into the plugin and outbound requests. Only spans
//! of [`xinglin_runtime::TRACE`] are exported, and no log lines.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    time::Duration,
};

use axum::http::HeaderMap;
use opentelemetry::{Context, KeyValue, propagation::TextMapPropagator, trace::TracerProvider};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{ExporterBuildError, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    propagation::TraceContextPropagator,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use tokio::runtime::Handle;
use tracing::{Metadata, Span, Subscriber, level_filters::LevelFilter};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::{Layer, filter::FilterFn, registry::LookupSpan};
use xinglin_platform::config::Telemetry;
use xinglin_runtime::TRACE;

/// Timeout of the last export at shutdown.
const FAREWELL: Duration = Duration::from_secs(5);

/// The exporter of spans, if any.
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Exports to the collector of the settings, over HTTP on this runtime, from a separate thread.
    /// Without a collector nothing is exported.
    ///
    /// # Errors
    /// If the endpoint is not a URL.
    pub fn open(settings: &Telemetry, runtime: &Handle) -> Result<Self, ExporterBuildError> {
        let Some(endpoint) = &settings.otlp_endpoint else { return Ok(Self(None)) };
        let endpoint = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().with_endpoint(endpoint).build()?;
        let resource = Resource::builder()
            .with_service_name("xinglin")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(OnRuntime { exporter, runtime: runtime.clone() })
            .with_resource(resource)
            .build();
        Ok(Self(Some(provider)))
    }

    /// The layer that records spans, beside those for logs.
    pub fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let tracer = self.0.as_ref()?.tracer("xinglin");
        let layer = OpenTelemetryLayer::new(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false);
        Some(layer.with_filter(FilterFn::new(goes_out).with_max_level_hint(LevelFilter::INFO)))
    }

    /// Exports the remaining spans. The runtime must still run, and not be blocked by this.
    pub fn close(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown_with_timeout(FAREWELL)
        {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

/// Whether this is a span for export.
fn goes_out(what: &Metadata<'_>) -> bool {
    what.is_span() && what.target() == TRACE
}

/// Whether this is for the log: everything that is not exported.
pub fn stays(what: &Metadata<'_>) -> bool {
    !goes_out(what)
}

/// Continues the caller's trace, if the request has a `traceparent` (W3C).
pub fn continue_from(span: &Span, headers: &HeaderMap) {
    if span.is_disabled() {
        return;
    }
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
    // Fails only if no layer records spans.
    let _ = span.set_parent(parent);
}

/// Runs an exporter, whose HTTP client needs the runtime, on another thread.
#[derive(Debug)]
struct OnRuntime<E> {
    exporter: E,
    runtime: Handle,
}

impl<E: SpanExporter> SpanExporter for OnRuntime<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut exporting = pin!(self.exporter.export(batch));
        poll_fn(|context| {
            let _within = self.runtime.enter();
            exporting.as_mut().poll(context)
        })
        .await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
