//! The metrics of one host, for Prometheus. They belong to the hospital, not to the process, and
//! start at zero when it is opened.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use metrics::{Label, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusRecorder};
use xinglin_plugin::{Call, Output, Tape};

const CALLS: &str = "xinglin_plugin_calls_total";

const CALL_SECONDS: &str = "xinglin_plugin_call_seconds";

const CALL_MEMORY: &str = "xinglin_plugin_call_memory_bytes";

const OUTPUT: &str = "xinglin_plugin_output_bytes_total";

const HOST_CALLS: &str = "xinglin_plugin_host_calls_total";

const MISTAKES: &str = "xinglin_plugin_mistakes_total";

const SHADOW_CALLS: &str = "xinglin_plugin_shadow_calls_total";

const SHADOW_SKIPPED: &str = "xinglin_plugin_shadow_skipped_total";

const REQUESTS: &str = "xinglin_http_requests_total";

const REQUEST_SECONDS: &str = "xinglin_http_request_seconds";

const JOBS: &str = "xinglin_jobs_claimed_total";

const BUILD: &str = "xinglin_build_info";

/// In seconds, from 50 µs to 5 s: a call of a small component takes about 100 µs, and none may
/// exceed its deadline.
const CALL_BUCKETS: [f64; 16] =
    [50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

const REQUEST_BUCKETS: [f64; 14] = [1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// In bytes, from 64 KiB, a Wasm page, to 1 GiB.
const MEMORY_BUCKETS: [f64; 8] =
    [65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0, 268_435_456.0, 1_073_741_824.0];

/// Observations between two upkeeps of the histograms, so that their buffers stay bounded even if
/// they are never read.
const UPKEEP: u64 = 1024;

/// Metrics of a hospital.
pub struct Meter {
    recorder: PrometheusRecorder,
    observed: AtomicU64,
}

impl Meter {
    /// All at zero.
    ///
    /// # Errors
    /// Never with these buckets: they are not empty.
    pub fn new() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(CALL_SECONDS.into()), &CALL_BUCKETS)?
            .set_buckets_for_metric(Matcher::Full(CALL_MEMORY.into()), &MEMORY_BUCKETS)?
            .set_buckets_for_metric(Matcher::Full(REQUEST_SECONDS.into()), &REQUEST_BUCKETS)?
            .build_recorder();
        metrics::with_local_recorder(&recorder, || {
            describe_counter!(CALLS, "Calls of plugins, by how they ended.");
            describe_histogram!(CALL_SECONDS, "Seconds from the making of an instance to its end.");
            describe_histogram!(CALL_MEMORY, "Bytes of memories and tables of a call at their peak.");
            describe_counter!(OUTPUT, "Bytes of answers of plugins, as JSON.");
            describe_counter!(HOST_CALLS, "Calls that plugins made of host functions, by import.");
            describe_counter!(
                MISTAKES,
                "Answers of plugins that are wrong, by hook and field; they count as failures."
            );
            describe_counter!(SHADOW_CALLS, "Calls that a candidate was given too, by what came of it.");
            describe_counter!(SHADOW_SKIPPED, "Calls that no candidate was given, for lack of a free place.");
            describe_counter!(REQUESTS, "HTTP requests, by route and status.");
            describe_histogram!(REQUEST_SECONDS, "Seconds from a request to the head of its answer.");
            describe_counter!(JOBS, "Pieces of due work claimed; one that is put off is claimed again.");
            describe_gauge!(BUILD, "Always 1; the version of this host is a label.");
            gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        });
        Ok(Self { recorder, observed: AtomicU64::new(0) })
    }

    /// Counts a plugin call.
    pub fn called<T>(&self, call: &Call<T>) {
        let tape = &call.tape;
        self.observe(|| {
            let hook = of_hook(tape);
            counter!(CALLS, with(&hook, "outcome", call.outcome_code())).increment(1);
            histogram!(CALL_SECONDS, with(&hook, "outcome", call.outcome_code())).record(call.elapsed);
            if let Output::Answered(answer) = &tape.output {
                counter!(OUTPUT, hook.clone()).increment(count(answer.len()));
            }
            for answer in &tape.answers {
                counter!(HOST_CALLS, with(&hook, "import", answer.import.clone())).increment(1);
            }
            if let Some(mistake) = &call.mistake {
                // Without what the plugin wrote in it.
                let field = mistake.field.split('[').next().unwrap_or_default().to_owned();
                counter!(MISTAKES, with(&hook, "field", field)).increment(1);
            }
            let lines = count(call.log.len()).saturating_add(call.log_dropped);
            if lines > 0 {
                counter!(HOST_CALLS, with(&hook, "import", "log.write")).increment(lines);
            }
            #[expect(clippy::cast_precision_loss, reason = "bytes, for a histogram")]
            histogram!(CALL_MEMORY, hook).record(call.memory_peak as f64);
        });
    }

    /// Counts a shadow call of a candidate.
    pub fn shadowed(&self, tape: &Tape, candidate: &str, outcome: &'static str) {
        self.observe(|| {
            let labels = with(&of_hook(tape), "candidate", candidate.to_owned());
            counter!(SHADOW_CALLS, with(&labels, "outcome", outcome)).increment(1);
        });
    }

    /// Counts an answered request. `route` is the route's pattern, never the path.
    pub fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        self.observe(|| {
            let labels = vec![
                Label::new("method", method),
                Label::new("route", route.to_owned()),
                Label::new("status", status.to_string()),
            ];
            counter!(REQUESTS, labels.clone()).increment(1);
            histogram!(REQUEST_SECONDS, labels).record(took);
        });
    }

    /// Counts claimed work.
    pub fn claimed(&self, kind: &'static str, pieces: usize) {
        metrics::with_local_recorder(&self.recorder, || counter!(JOBS, "kind" => kind).increment(count(pieces)));
    }

    /// All metrics in the text format of Prometheus. `skipped` is the number of calls that no
    /// candidate received.
    pub fn render(&self, skipped: u64) -> String {
        metrics::with_local_recorder(&self.recorder, || counter!(SHADOW_SKIPPED).absolute(skipped));
        self.recorder.handle().render()
    }

    fn observe(&self, write: impl FnOnce()) {
        metrics::with_local_recorder(&self.recorder, write);
        if self.observed.fetch_add(1, Ordering::Relaxed) % UPKEEP == UPKEEP - 1 {
            self.recorder.handle().run_upkeep();
        }
    }
}

fn of_hook(tape: &Tape) -> Vec<Label> {
    vec![
        Label::new("tenant", tape.tenant.to_string()),
        Label::new("plugin", tape.plugin.clone()),
        Label::new("version", tape.version.to_string()),
        Label::new("hook", tape.hook.clone()),
    ]
}

fn with(labels: &[Label], key: &'static str, value: impl Into<metrics::SharedString>) -> Vec<Label> {
    labels.iter().cloned().chain([Label::new(key, value)]).collect()
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hospitals_do_not_count_for_each_other() {
        let (one, other) = (Meter::new().unwrap(), Meter::new().unwrap());
        one.answered("GET", "/healthz", 200, Duration::from_millis(2));
        let line = r#"xinglin_http_requests_total{method="GET",route="/healthz",status="200"} 1"#;
        assert!(one.render(0).contains(line), "{}", one.render(0));
        assert!(!other.render(0).contains("/healthz"));
    }

    #[test]
    fn what_nobody_reads_is_tidied() {
        let meter = Meter::new().unwrap();
        for _ in 0..3 * UPKEEP {
            meter.answered("GET", "/healthz", 200, Duration::from_millis(2));
        }
        let text = meter.render(7);
        let bucket =
            r#"xinglin_http_request_seconds_bucket{method="GET",route="/healthz",status="200",le="0.0025"} 3072"#;
        assert!(text.contains(bucket), "{text}");
        assert!(text.contains("xinglin_plugin_shadow_skipped_total 7"), "{text}");
    }
}
