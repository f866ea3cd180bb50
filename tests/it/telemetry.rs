//! Metrics for holders of the token, and traces at a collector. Neither contains a patient.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value::Value as Attribute,
    trace::v1::{Span, status::StatusCode},
};
use prost::Message as _;
use reqwest::Method;
use serde_json::{from_value, json};
use xinglin_store::Engine;

use crate::support::{Client, DIABETES, DRUG_SAFETY, Process, TestHospital, guest::Guest, line};

const TOKEN: &str = "scrape-me-if-you-can";
const REVIEW: &str = "xinglin:prescribing/review@1.0.0#review";

mod sqlite {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn metrics_need_the_token() {
        super::metrics_need_the_token().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn plugin_calls_are_counted() {
        super::plugin_calls_are_counted().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn calls_of_a_candidate_are_counted_separately() {
        super::calls_of_a_candidate_are_counted_separately().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_trace_spans_the_caller_and_the_plugin() {
        super::a_trace_spans_the_caller_and_the_plugin().await;
    }
}

async fn open(token: Option<&str>) -> TestHospital {
    TestHospital::open_with(Engine::Sqlite, |config| {
        config.telemetry.metrics_token = token.map(|token| from_value(json!(token)).expect("a token"));
    })
    .await
}

async fn metrics_need_the_token() {
    let closed = open(None).await;
    for client in [closed.anyone.with_token(Some("")), closed.anyone.with_token(Some(TOKEN)), closed.operator.clone()] {
        client.hidden("/metrics", "NOT_FOUND").await;
    }
    let open = open(Some(TOKEN)).await;
    let near = &TOKEN[..TOKEN.len() - 1];
    for given in [None, Some(""), Some(near), Some(open.operator.token())] {
        open.anyone.with_token(given).hidden("/metrics", "AUTH_REQUIRED").await;
    }
    let numbers = numbers(&open.anyone).await;
    assert_eq!(numbers.get(&format!("xinglin_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), Some(&1.0));
}

async fn plugin_calls_are_counted() {
    let hospital = open(Some(TOKEN)).await;
    let clinic = hospital.clinic(&[&DIABETES, &DRUG_SAFETY]).await;
    let prescription = clinic.draft(&clinic.visit().await, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    clinic.sign(&prescription).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    clinic.doctor.post("/api/v1/enrolments", enrol).await;

    let calls = clinic.administrator.get("/api/v1/calls?limit=500").await;
    let calls = calls.as_array().expect("calls");
    let taped = |plugin: &str| calls.iter().filter(|call| call["tape"]["plugin"] == plugin).count();
    let numbers = numbers(&hospital.anyone).await;
    // Counted calls equal the tapes.
    for plugin in [DIABETES.id, DRUG_SAFETY.id] {
        let counted = sum(&numbers, "xinglin_plugin_calls_total", &[("plugin", plugin), ("tenant", &clinic.tenant)]);
        assert_eq!(counted, taped(plugin) as f64, "{plugin}");
        let timed = sum(&numbers, "xinglin_plugin_call_seconds_count", &[("plugin", plugin)]);
        assert_eq!(timed, counted, "{plugin}");
        let seconds = sum(&numbers, "xinglin_plugin_call_seconds_sum", &[("plugin", plugin)]);
        assert!(seconds > 0.0 && seconds < 60.0, "{plugin}: {seconds}");
    }
    let reviews = [("hook", REVIEW), ("outcome", "answered")];
    assert!(sum(&numbers, "xinglin_plugin_calls_total", &reviews) >= 1.0, "{numbers:?}");
    assert!(sum(&numbers, "xinglin_plugin_call_memory_bytes_sum", &[("hook", REVIEW)]) >= 65_536.0);
    assert!(sum(&numbers, "xinglin_plugin_output_bytes_total", &[("hook", REVIEW)]) > 2.0);
    let answers: usize = calls.iter().map(|call| call["tape"]["answers"].as_array().map_or(0, Vec::len)).sum();
    let asked = sum(&numbers, "xinglin_plugin_host_calls_total", &[]);
    let lines = sum(&numbers, "xinglin_plugin_host_calls_total", &[("import", "log.write")]);
    assert_eq!(asked - lines, answers as f64);

    let signed = [("method", "POST"), ("route", "/api/v1/prescriptions/{id}/sign"), ("status", "200")];
    assert_eq!(sum(&numbers, "xinglin_http_requests_total", &signed), 1.0, "{numbers:?}");
    hospital.anyone.ask(Method::GET, &format!("/nowhere/{}", clinic.subject), None).await;
    let text = scrape(&hospital.anyone).await;
    assert!(text.contains(r#"route="none",status="404""#), "{text}");
    for secret in [clinic.subject.as_str(), "李", "metformin", TOKEN] {
        assert!(!text.contains(secret), "{secret} is in the numbers");
    }
}

async fn calls_of_a_candidate_are_counted_separately() {
    let hospital = open(Some(TOKEN)).await;
    let clinic = hospital.clinic(&[]).await;
    Guest::healthy().enable(&hospital.operator, &clinic.tenant).await;
    clinic.signed().await;
    let before = numbers(&hospital.anyone).await;
    hospital.operator.upload(Guest::undecided().version("1.1.0").package()).await.done("/api/v1/plugins");
    let gate = json!({ "max_differing_percent": 10.0, "minimum_calls": 2 });
    let start = json!({ "version": "1.1.0", "gate": gate, "over_tapes": 100 });
    hospital.operator.put(&format!("{}/shadow", Guest::healthy().path(&clinic.tenant)), start).await;

    let after = numbers(&hospital.anyone).await;
    let [calls, shadow] = ["xinglin_plugin_calls_total", "xinglin_plugin_shadow_calls_total"];
    assert_eq!(sum(&before, shadow, &[]), 0.0);
    assert_eq!(
        sum(&after, shadow, &[("outcome", "differs"), ("version", "1.0.0"), ("hook", REVIEW)]),
        1.0,
        "{after:?}"
    );
    assert_eq!(sum(&after, calls, &[]), sum(&before, calls, &[]));
    assert!(sum(&after, calls, &[("outcome", "answered")]) >= 1.0);
}

/// Metrics as parsed by Prometheus: series with labels, and value.
async fn numbers(anyone: &Client) -> BTreeMap<String, f64> {
    let text = scrape(anyone).await;
    let lines = text.lines().filter(|line| !line.is_empty());
    let (comments, samples): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with('#'));
    let told = |series: &str, what: &str| {
        let name = series.split('{').next().unwrap_or_default();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        comments.iter().any(|line| [family, name].iter().any(|name| line.starts_with(&format!("# {what} {name} "))))
    };
    samples
        .iter()
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
            assert!(told(series, "HELP") && told(series, "TYPE"), "{series} is not explained");
            (series.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
        })
        .collect()
}

async fn scrape(anyone: &Client) -> String {
    let answer = anyone.with_token(Some(TOKEN)).ask(Method::GET, "/metrics", None).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    answer.text
}

/// The sum of all series of a name with these labels.
fn sum(numbers: &BTreeMap<String, f64>, name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |series: &str| {
        let of = series.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'));
        of && labels.iter().all(|(key, value)| series.contains(&format!("{key}=\"{value}\"")))
    };
    numbers.iter().filter(|(series, _)| has(series)).map(|(_, value)| value).sum()
}

/// An OpenTelemetry collector on this machine.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    /// Returns its address, too.
    async fn open() -> (Self, String) {
        let collector = Self::default();
        let app = Router::new().route("/v1/traces", post(Self::take)).with_state(collector.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        (collector, address)
    }

    async fn take(State(collector): State<Self>, body: Bytes) {
        let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        collector.spans.lock().expect("unpoisoned").extend(scopes.flat_map(|scope| scope.spans));
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("unpoisoned").clone()
    }
}

async fn a_trace_spans_the_caller_and_the_plugin() {
    let (collector, address) = Collector::open().await;
    let mut process = Process::open_with(Engine::Sqlite, &[("XINGLIN_TELEMETRY__OTLP_ENDPOINT", &address)]).await;
    let clinic = process.clinic(&[&DRUG_SAFETY]).await;
    let prescription = clinic.draft(&clinic.visit().await, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    let (trace, caller) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let doctor = clinic.doctor.within(&format!("00-{trace}-{caller}-01"));
    let sign = json!({ "valid_days": 3 });
    let answer = doctor.ask(Method::POST, &format!("{prescription}/sign"), Some(sign)).await;
    let asked = answer.body["calls"].as_array().map_or(0, Vec::len);
    assert!(asked > 0, "{} {}", answer.status, answer.text);
    // Unsent spans are sent at the end.
    process.stop().await;

    let spans = collector.spans();
    let of_trace: Vec<&Span> = spans.iter().filter(|span| hex(&span.trace_id) == trace).collect();
    let calls: Vec<&&Span> = of_trace.iter().filter(|span| attribute(span, "plugin").is_some()).collect();
    assert_eq!(calls.len(), asked, "{of_trace:?}");
    for call in calls {
        assert_eq!(attribute(call, "plugin").as_deref(), Some(DRUG_SAFETY.id));
        assert_eq!(attribute(call, "hook").as_deref(), Some(REVIEW));
        assert_eq!(attribute(call, "outcome").as_deref(), Some("answered"));
        assert!(attribute(call, "call").is_some_and(|id| answer.text.contains(&id)), "{call:?}");
        assert!(attribute(call, "version").is_some() && call.end_time_unix_nano > call.start_time_unix_nano);
        let way = way(&of_trace, call);
        let names: Vec<&str> = way.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["sign_prescription", "POST /api/v1/prescriptions/{id}/sign"], "{of_trace:?}");
        let request = way.last().expect("a request");
        assert_eq!(hex(&request.parent_span_id), caller);
        let status = attribute(request, "http.response.status_code");
        assert_eq!(status.as_deref(), Some(answer.status.as_str()));
        assert_ne!(request.status.as_ref().map(|status| status.code), Some(StatusCode::Error as i32));
    }
    // Other requests have traces of their own, and no trace contains a name or record.
    assert!(spans.iter().any(|span| hex(&span.trace_id) != trace));
    let all = format!("{spans:?}");
    for secret in [clinic.subject.as_str(), prescription.as_str(), "metformin", "李", super::support::PASSWORD] {
        assert!(!all.contains(secret), "{secret} is in a trace");
    }
    assert!(spans.iter().all(|span| span.events.is_empty()), "log lines went out");
}

/// The ancestors of a span, up to one that is not of this server.
fn way<'a>(spans: &[&'a Span], from: &Span) -> Vec<&'a Span> {
    let above = |span: &Span| spans.iter().find(|above| above.span_id == span.parent_span_id).copied();
    std::iter::successors(above(from), |span| above(span)).collect()
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let value = span.attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()?;
    match value {
        Attribute::StringValue(text) => Some(text.clone()),
        Attribute::IntValue(number) => Some(number.to_string()),
        other => panic!("{key}: {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
