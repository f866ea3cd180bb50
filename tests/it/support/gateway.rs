//! The insurance office and the insurers: `examples/insurer-gateway` in a process of its own.

use std::{path::PathBuf, process::Stdio};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use xinglin_domain::time::Instant;

use super::{Client, Clinic, DIRECT_BILLING, MEDICAL_INSURANCE, http, record, repository};

/// Number of the identity card of the one person that its parameters insure.
const CARD: &str = "11010519491231002X";
/// The insurance's own number of that person.
const INSURED: &str = "11000000000000000000000000001";

/// The key of the hospital, of SM2, and the one shared with the office.
const HOSPITAL: [u8; 32] = [0x42; 32];
const SHARED: [u8; 16] = [0x24; 16];

/// What a host needs to trust the gateway.
pub fn authority() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("it/tls/ca.pem")
}

/// A clinic whose patient the office and the insurer know, and the gateway that decides for both.
pub async fn found(operator: &Client, now: Instant) -> (Clinic, Gateway) {
    let mut patient = record::patient("1949-12-31");
    patient["identifier"] = json!([
        { "system": "urn:oid:2.16.156.10011.1.3", "value": CARD },
        { "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "HC" }] },
          "value": INSURED },
    ]);
    let bundle = record::transaction(&[patient]);
    let plugins = [&MEDICAL_INSURANCE, &DIRECT_BILLING];
    let clinic = Clinic::found_with(operator, now, &plugins, bundle).await;
    let gateway = Gateway::open(&clinic).await;
    gateway.decides(&clinic, "counter").await;
    gateway.insures(&clinic).await;
    clinic.insure().await;
    let year = now.china_year();
    let coverage = json!({
        "category": { "system": "urn:test", "code": "group" },
        "policy": {
            "valid_from": "2020-01-01", "network": "partner",
            "plan": { "system": "https://xinglin.dev/insurers/cigna-cmb", "code": "SUPPLEMENT" },
            "balances": [{
                "code": "deductible", "from": format!("{year}-01-01"), "until": format!("{}-01-01", year + 1),
                "used_fen": 97_000, "limit_fen": 100_000,
            }],
        },
    });
    let path = format!("/api/v1/tenants/{}/patients/{}/coverages/{}", clinic.tenant, clinic.subject, DIRECT_BILLING.id);
    clinic.operator.put(&path, coverage).await;
    (clinic, gateway)
}

/// A running gateway with a database of its own.
pub struct Gateway {
    _child: Child,
    _folder: TempDir,
    address: String,
    public_key: String,
    client: reqwest::Client,
}

impl Gateway {
    /// Makes the keys of both payers' plugins in a clinic, and starts the gateway that knows them.
    pub async fn open(clinic: &Clinic) -> Self {
        let path = |plugin: &str, name: &str| format!("/api/v1/tenants/{}/plugins/{plugin}/keys/{name}", clinic.tenant);
        let import = |key: &[u8]| json!({ "import": STANDARD.encode(key) });
        let signs = clinic.operator.post(&path(MEDICAL_INSURANCE.id, "sm2"), import(&HOSPITAL)).await;
        clinic.operator.post(&path(MEDICAL_INSURANCE.id, "sm4"), import(&SHARED)).await;
        clinic.operator.post(&path(DIRECT_BILLING.id, "sm2"), import(&HOSPITAL)).await;
        let folder = TempDir::new().expect("a folder");
        let tls = |file: &str| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("it/tls").join(file);
        let mut child = Command::new(super::built("insurer-gateway", "cargo build -p insurer-gateway"))
            .args(["--listen", "127.0.0.1:0"])
            .arg("--database")
            .arg(folder.path().join("gateway.db"))
            .arg("--tls-certificate")
            .arg(tls("server.pem"))
            .arg("--tls-key")
            .arg(tls("server.key"))
            .args(["--hospital-key", signs["public"].as_str().expect("a public half")])
            .args(["--shared-key", &STANDARD.encode(SHARED)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the gateway starts");
        let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines();
        let mut line = async || lines.next_line().await.expect("a line").expect("a line");
        let address = line().await.replace("listening on https://127.0.0.1", "localhost");
        let public_key = line().await.replace("public key ", "");
        let authority = reqwest::Certificate::from_pem(&repository("tests/it/tls/ca.pem")).expect("a certificate");
        let client = http().tls_certs_only([authority]).build().expect("a client");
        Self { _child: child, _folder: folder, address, public_key, client }
    }

    /// Has the office decide what basic insurance pays.
    pub async fn decides(&self, clinic: &Clinic, channel: &str) {
        let settings = json!({
            "mode": "gateway", "office.server": self.address, "office.channel": channel, "office.encrypts": true,
            "office.public-key": self.public_key, "office.fixmedins-code": "H11000000001",
            "office.fixmedins-name": "杏林医院", "office.mdtrtarea-admvs": "110000", "office.recer-sys-code": "MBS",
            "office.opter": "1", "office.opter-name": "收费处",
        });
        let path = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, MEDICAL_INSURANCE.id);
        clinic.operator.put(&path, json!({ "payer": "basic_insurance", "settings": settings })).await;
    }

    /// Has an insurer decide what it pays after it.
    pub async fn insures(&self, clinic: &Clinic) {
        let path = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, DIRECT_BILLING.id);
        let settings =
            json!({ "terms.cigna-cmb": "decide=gateway; shape=confirmed", "gateway.cigna-cmb": self.address });
        clinic.operator.put(&path, json!({ "payer": "commercial", "settings": settings })).await;
        clinic.operator.put(&format!("{path}/secrets/cigna-cmb.token"), json!({ "value": "demo-token" })).await;
    }

    /// What it has settled, and what it took back.
    pub async fn books(&self) -> Value {
        let answer = self.client.get(format!("https://{}/books", self.address)).send().await.expect("an answer");
        answer.json().await.expect("books")
    }

    /// What it holds to have paid: of the fund, of personal accounts, and as the insurer.
    pub async fn standing(&self) -> [i64; 3] {
        let books = self.books().await;
        let settlements = books["settlements"].as_array().expect("settlements");
        let sum = |payer: &str, part: &str| -> i64 {
            let of = settlements.iter().filter(|one| one["payer"] == payer && one["reversed"].is_null());
            of.map(|one| one[part].as_i64().expect("fen")).sum()
        };
        [sum("nhsa", "paid"), sum("nhsa", "account"), sum("cigna-cmb", "paid")]
    }

    /// What goes wrong from now on: one rule, or none.
    pub async fn faults(&self, rule: Option<Value>) {
        let plan = json!({ "rule": rule.into_iter().collect::<Vec<_>>() });
        let answer = self.client.put(format!("https://{}/admin/faults", self.address)).json(&plan).send().await;
        assert_eq!(answer.expect("an answer").status(), 204);
    }
}
