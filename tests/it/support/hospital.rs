//! A hospital in this process: a real server on a free port.

use std::{
    collections::BTreeMap,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use xinglin_domain::{
    id::{BillId, EncounterId, EnrolmentId, PrescriptionId, TenantId},
    time::Instant,
};
use xinglin_server::{Config, Hospital};
use xinglin_store::{DocumentQuery, Engine, ResourceQuery};

use super::{Client, Clinic, PASSWORD, Plugin, data::Data, template::Template};

/// A running server with an operator, removed when dropped.
pub struct TestHospital {
    pub hospital: Hospital,
    /// An anonymous client.
    pub anyone: Client,
    pub operator: Client,
    server: JoinHandle<()>,
    /// Dropping it stops the server.
    stop: oneshot::Sender<()>,
    data: Data,
    template: Option<Arc<Template>>,
    /// Number of clinics of the template that are in use.
    taken: AtomicUsize,
}

/// Number of rows of a tenant, by table or type.
type Footprint = BTreeMap<String, i64>;

/// FHIR types written by acts of the hospital or of these tests.
const KINDS: [&str; 16] = [
    "CarePlan",
    "CareTeam",
    "Claim",
    "ClaimResponse",
    "Condition",
    "DetectedIssue",
    "Encounter",
    "Flag",
    "MedicationDispense",
    "MedicationRequest",
    "Observation",
    "Patient",
    "Basic",
    "ServiceRequest",
    "Task",
    "Unheard",
];

impl TestHospital {
    pub async fn open(engine: Engine) -> Self {
        Self::open_with(engine, |_| {}).await
    }

    /// A copy of the [`Template`], with these settings.
    pub async fn open_with(engine: Engine, set: impl FnOnce(&mut Config)) -> Self {
        let template = Template::of(engine).await;
        Self::on(template.data.copy().await, Some(template), set).await
    }

    /// With an operator only.
    pub(super) async fn bare(engine: Engine) -> Self {
        Self::on(Data::new(engine).await, None, |_| {}).await
    }

    async fn on(data: Data, template: Option<Arc<Template>>, set: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            data_dir: data.folder().to_owned(),
            database_url: data.database_setting().map(str::to_owned),
            max_body_bytes: 24 << 20,
            // The first call of a Python guest compiles an interpreter.
            request_timeout_seconds: 600,
            timer_poll_millis: 50,
            movable_clock: true,
            cheap_passwords: true,
            ..Config::default()
        };
        // Sessions outlast changes of the clock.
        config.sessions.token_seconds = 400 * 24 * 3600;
        config.plugins.queue_millis = 10_000;
        config.plugins.allow_unsigned = true;
        set(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        config.public_url.get_or_insert_with(|| format!("http://{address}"));
        let hospital = Hospital::open(config).await.expect("an open hospital");
        hospital.ensure_operator(PASSWORD.to_owned()).await.expect("an operator");
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = hospital.clone();
        let server = tokio::spawn(async move {
            let stop = async move { drop(stopped.await) };
            xinglin_server::serve(serving, listener, stop).await.expect("a server");
        });
        let anyone = Client::new(&format!("http://{address}"));
        let operator = match &template {
            Some(template) => template.operator.at(&anyone),
            None => anyone.sign_in(None, "operator").await,
        };
        Self { hospital, anyone, operator, server, stop, data, template, taken: AtomicUsize::new(0) }
    }

    /// An unused clinic with these plugins: one of the template's while there are any. The plugins
    /// are enabled after it was created; where a plugin must see its creation, use
    /// [`Clinic::found`].
    pub async fn clinic(&self, plugins: &[&Plugin]) -> Clinic {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let founded = match &self.template {
            Some(template) => template.clinic(number, &self.operator, plugins).await,
            None => None,
        };
        match founded {
            Some(clinic) => clinic,
            None => Clinic::found(&self.operator, self.now(), plugins).await,
        }
    }

    /// Stops the server; returns its data.
    pub(super) async fn close(self) -> Data {
        let Self { hospital, anyone, operator, server, stop, data, .. } = self;
        drop((hospital, anyone, operator, stop));
        server.await.expect("the server ends");
        data
    }

    /// The same database with other settings, as after a restart.
    pub async fn reopened(&self, set: impl FnOnce(&mut Config)) -> Hospital {
        let mut config = self.hospital.config().clone();
        set(&mut config);
        Hospital::open(config).await.expect("an open hospital")
    }

    pub fn now(&self) -> Instant {
        self.hospital.now()
    }

    /// Moves the clock forward.
    pub async fn advance(&self, seconds: i64) {
        advance(&self.operator, seconds).await;
    }

    /// Number of rows of everything in a tenant, except tapes: a call is on tape whatever its
    /// result.
    pub async fn footprint(&self, tenant: &str) -> Footprint {
        let store = self.hospital.store();
        let records = store.tenant(TenantId::from_str(tenant).expect("a tenant"));
        let mut counts = Footprint::new();
        for kind in KINDS {
            let query = ResourceQuery { kind: kind.into(), ..ResourceQuery::default() };
            counts.insert(kind.to_owned(), records.count_resources(&query).await.expect("a count"));
        }
        let all = DocumentQuery::default();
        let documents = [
            ("visits", records.count_documents::<EncounterId>(&all).await),
            ("prescriptions", records.count_documents::<PrescriptionId>(&all).await),
            ("bills", records.count_documents::<BillId>(&all).await),
            ("enrolments", records.count_documents::<EnrolmentId>(&all).await),
        ];
        counts.extend(documents.map(|(what, count)| (what.to_owned(), count.expect("a count"))));
        let length = |length: usize| i64::try_from(length).expect("few");
        counts.insert("accounts".into(), length(records.list_accounts().await.expect("accounts").len()));
        counts.insert("installs".into(), length(records.list_installs(None).await.expect("installs").len()));
        let operator = store.operator();
        counts.insert("packages".into(), length(operator.list_packages().await.expect("packages").len()));
        counts.insert("tenants".into(), length(operator.list_tenants().await.expect("tenants").len()));
        let balances = records.trial_balance(None).await.expect("balances");
        counts.extend(
            balances.into_iter().map(|b| (format!("account {}", b.account), i64::try_from(b.amount).expect("it fits"))),
        );
        counts
    }
}

/// Moves a server's clock forward.
pub async fn advance(operator: &Client, seconds: i64) {
    operator.post("/api/v1/clock/advance", serde_json::json!({ "seconds": seconds })).await;
}
