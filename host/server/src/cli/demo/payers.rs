//! Four patients and who pays for them: the basic fund, an insurer after it, an insurer alone, and a fund that
//! pays per head. The figures are those of the rules (`D1` to `D3`); the demonstration fails if one differs.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use xinglin_platform::ambient::{self, Clock};

use crate::cli::demo::{
    client::{Client, text},
    heads::{self, Stage},
    patient::{self, Patient},
    server::Server,
    story::Story,
    vendor::Vendor,
    visit::{FORMULARY, Plugin, Told, draft, employee, open_account, open_hospital, pay_at_counter, staff},
};

const BASIC: &str = "xinglin.medical-insurance";
const INSURER: &str = "xinglin.direct-billing";

/// The plugins of this demonstration.
pub const PLUGINS: [Plugin; 4] = [
    Plugin { file: "medical-insurance.wasm", id: BASIC, payer: Some("basic_insurance"), compartment: None },
    Plugin { file: "direct-billing.wasm", id: INSURER, payer: Some("commercial"), compartment: None },
    Plugin { file: "capitation.wasm", id: "xinglin.capitation", payer: None, compartment: None },
    Plugin { file: "identity-check.wasm", id: "xinglin.identity-check", payer: None, compartment: None },
];

/// The contract after the basic fund: four fifths of what is above a deductible.
const SUPPLEMENT: &str = "plans=SUPPLEMENT; networks=direct:0, partner:20; deductible=100000; copay=0; discount=0; \
     visit-limit=10000; annual-limit=none; visits=none; mental-visits=none; waiting-days=0; mental-waiting-days=0; \
     excluded=item:glucose-test-strips-50; preauthorization-above=200000; preauthorization-services=; \
     guarantee-days=30; documents=; claim-documents=; filing-days=90; appeal-days=60; year=calendar; remit-days=none";

/// The contract without a fund before it: five percent off, a copay of 100 yuan; psychotherapy needs a guarantee.
const DIRECT: &str = "plans=GOLD; networks=direct:0; deductible=0; copay=10000; discount=5; visit-limit=none; \
     annual-limit=none; visits=20; mental-visits=none; waiting-days=30; mental-waiting-days=90; excluded=; \
     preauthorization-above=none; preauthorization-services=item:psychotherapy-50min; guarantee-days=30; documents=; \
     claim-documents=; filing-days=90; appeal-days=60; year=calendar; remit-days=1";

const STRIPS: &str = "glucose-test-strips-50";
const SESSION: &str = "psychotherapy-50min";

/// The signed-in people.
struct Cast {
    operator: Client,
    administrator: Client,
    doctor: Client,
    pharmacist: Client,
    cashier: Client,
}

struct Scene {
    story: Story,
    server: Server,
    tenant: String,
    operator_password: String,
    password: String,
    cast: Cast,
}

/// Runs all steps.
pub async fn tell(server: Server, plugins: &Path, vendor: &Vendor, operator_password: &str) -> Result<Told> {
    let mut story = Story::new("four patients and who pays for them");
    let anyone = Client::new(&server.address);
    let operator = anyone.sign_in(None, "operator", operator_password).await?;
    let password = hex::encode(ambient::random_bytes::<8>());
    let tenant = open_hospital(&mut story, &operator, (&PLUGINS, plugins), vendor, &password).await?;
    for account in staff() {
        open_account(&operator, &tenant, account, &password).await?;
    }
    let cast = Cast::sign_in(&anyone, &tenant, (operator_password, &password)).await?;
    let mut scene = Scene { story, server, tenant, operator_password: operator_password.to_owned(), password, cast };
    scene.price().await?;
    scene.basic_alone().await?;
    scene.insurer_after_the_fund().await?;
    scene.insurer_alone().await?;
    let Scene { mut story, server, tenant, operator_password, password, .. } = scene;
    let stage =
        Stage { anyone: &anyone, operator_password: &operator_password, tenant: &tenant, staff_password: &password };
    let years = heads::play(&mut story, &stage).await?;
    story.step("The accounts of the year per head, in fen (D3)");
    heads::print(&years);
    books(&mut story, &stage).await?;
    Ok(Told { server, tenant, staff_password: password })
}

impl Cast {
    async fn sign_in(anyone: &Client, tenant: &str, (operator, staff): (&str, &str)) -> Result<Self> {
        let enter = async |login: &str| anyone.sign_in(Some(tenant), login, staff).await;
        Ok(Self {
            operator: anyone.sign_in(None, "operator", operator).await?,
            administrator: enter("administrator").await?,
            doctor: enter("doctor").await?,
            pharmacist: enter("pharmacist").await?,
            cashier: enter("cashier").await?,
        })
    }
}

impl Scene {
    fn plugin(&self, id: &str) -> String {
        format!("/api/v1/tenants/{}/plugins/{id}", self.tenant)
    }

    async fn contract(&self, terms: &str) -> Result<()> {
        let grant = json!({
            "payer": "commercial", "discount_per_mille": 50, "settings": { "terms.cigna-cmb": terms },
        });
        self.cast.operator.put(&self.plugin(INSURER), &grant).await.map(drop)
    }

    /// Adds the session to the price list.
    async fn price(&mut self) -> Result<()> {
        let path = format!("/api/v1/tenants/{}/formulary", self.tenant);
        let mut list: Value = serde_json::from_str(FORMULARY)?;
        list["items"].as_array_mut().context("items")?.push(json!({
            "code": SESSION, "title": "心理治疗 50 分钟 Psychotherapy, 50 minutes", "kind": "service", "price_fen": 120_000,
            "codings": [{ "system": "https://xinglin.dev/catalogue", "code": SESSION }],
        }));
        self.cast.operator.put(&path, &list).await.map(drop)
    }

    /// A patient who was seen elsewhere for a disease, with an account.
    async fn patient(&self, login: &str, disease: &str) -> Result<Patient> {
        let Self { cast, tenant, password, .. } = self;
        patient::arrive(&cast.administrator, &cast.operator, (tenant, login, password), disease).await
    }

    async fn insure(&self, patient: &Patient, payer: &str, coverage: Value) -> Result<()> {
        let path = format!("/api/v1/tenants/{}/patients/{}/coverages/{payer}", self.tenant, patient.id);
        self.cast.operator.put(&path, &coverage).await.map(drop)
    }

    async fn insure_as_employee(&self, patient: &Patient) -> Result<()> {
        self.insure(patient, BASIC, employee()).await
    }

    async fn insure_commercially(&self, patient: &Patient, plan: &str, balances: Value) -> Result<()> {
        let coverage = json!({
            "category": { "system": "https://xinglin.dev/coverage", "code": "group" },
            "policy": {
                "valid_from": "2020-01-01", "number": "G-7", "network": if plan == "GOLD" { "direct" } else { "partner" },
                "plan": { "system": "https://xinglin.dev/insurers/cigna-cmb", "code": plan }, "balances": balances,
            },
        });
        self.insure(patient, INSURER, coverage).await
    }

    /// A visit that the doctor has accepted.
    async fn visit(&self, patient: &Patient, disease: &str) -> Result<String> {
        let consent = text(&patient.client.get("/api/v1/consent").await?, "/sha256")?;
        let ask = json!({
            "patient": patient.id, "consent": consent,
            "evidence": [{
                "kind": "outpatient_record", "document": patient.evidence[0], "conditions": [patient.evidence[1]],
                "institution": "City Hospital",
            }],
        });
        let visit = text(&patient.client.post("/api/v1/encounters", &ask).await?, "/id")?;
        let accept = json!({ "diagnoses": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": disease }] });
        self.cast.doctor.post(&format!("/api/v1/encounters/{visit}/accept"), &accept).await?;
        Ok(visit)
    }

    /// A month's medicines, signed and approved, and test strips that the doctor ordered; what is to be billed.
    async fn prescribe(&self, patient: &Patient) -> Result<Value> {
        let visit = self.visit(patient, "E11.9").await?;
        let drafted = self.cast.doctor.post("/api/v1/prescriptions", &draft(&visit, &[])).await?;
        let prescription = text(&drafted, "/id")?;
        let path = format!("/api/v1/prescriptions/{prescription}");
        self.cast.doctor.post(&format!("{path}/sign"), &json!({ "valid_days": 3 })).await?;
        let checks = json!({ "prescription": true, "medicine": true, "incompatibility": true, "rationality": true });
        self.cast.pharmacist.post(&format!("{path}/approve"), &json!({ "checklist": checks })).await?;
        let strips = json!({ "item": STRIPS, "quantity": 1 });
        self.cast.doctor.post(&format!("/api/v1/encounters/{visit}/orders"), &strips).await?;
        Ok(json!({ "prescription": prescription, "items": [{ "item": STRIPS, "quantity": 1 }] }))
    }

    /// Quotes, checks who pays what in fen, and has the patient agree.
    async fn pay(&self, patient: &Patient, order: &Value, expected: &[(&str, i64)]) -> Result<()> {
        let quote = patient.client.post("/api/v1/charges", order).await?;
        self.story.calls(&self.cast.administrator, &quote).await?;
        self.story.money(&quote);
        shares(&quote, expected)?;
        let bill = format!("/api/v1/charges/{}", text(&quote, "/id")?);
        let cash = share(&quote, "cash");
        let agreed = json!({ "cash_fen": cash, "risk_acknowledged": true });
        let settled = patient.client.post(&format!("{bill}/confirm"), &agreed).await?;
        self.story.calls(&self.cast.administrator, &settled).await?;
        shares(&settled, expected)?;
        ensure!(settled["status"] == "SETTLED", "the bill is not settled: {settled}");
        self.story.say(format!("every payer settled what it had quoted: the bill is {}", settled["status"]));
        pay_at_counter(&self.story, &self.cast.cashier, &bill, cash).await
    }

    async fn basic_alone(&mut self) -> Result<()> {
        self.story.step("The first patient has basic insurance: fund, personal account, cash (D1)");
        let patient = self.patient("first", "E11.9").await?;
        self.insure_as_employee(&patient).await?;
        let order = self.prescribe(&patient).await?;
        self.pay(&patient, &order, &[("basic_fund", 5550), ("personal_account", 6000), ("cash", 6750)]).await
    }

    async fn insurer_after_the_fund(&mut self) -> Result<()> {
        self.story.step("The second has an insurer, too: it is asked about what the fund leaves (D2, secondary)");
        self.contract(SUPPLEMENT).await?;
        let patient = self.patient("second", "E11.9").await?;
        self.insure_as_employee(&patient).await?;
        let year = Clock::default().now().china_year();
        let balances = json!([{
            "code": "deductible", "from": format!("{year}-01-01"), "until": format!("{}-01-01", year + 1),
            "used_fen": 97_000, "limit_fen": 100_000,
        }]);
        self.insure_commercially(&patient, "SUPPLEMENT", balances).await?;
        let order = self.prescribe(&patient).await?;
        self.pay(&patient, &order, &[("basic_fund", 5550), ("commercial", 4200), ("cash", 8550)]).await
    }

    async fn insurer_alone(&mut self) -> Result<()> {
        self.story
            .step("The third has an insurer only: eligibility, guarantee of payment, session, claim (D2, primary)");
        self.contract(DIRECT).await?;
        let patient = self.patient("third", "F41.1").await?;
        self.insure_commercially(&patient, "GOLD", json!([])).await?;
        // The fee of the visit was paid before; the session is what is billed.
        let visit = self.visit(&patient, "F41.1").await?;
        let fee = patient.client.post("/api/v1/charges", &json!({ "encounter": visit, "self_pay": true })).await?;
        let bill = format!("/api/v1/charges/{}", text(&fee, "/id")?);
        let cash = share(&fee, "cash");
        patient.client.post(&format!("{bill}/confirm"), &json!({ "cash_fen": cash })).await?;
        pay_at_counter(&self.story, &self.cast.cashier, &bill, cash).await?;

        let ordered = json!({ "item": SESSION, "quantity": 1 });
        self.cast.doctor.post(&format!("/api/v1/encounters/{visit}/orders"), &ordered).await?;
        let order = json!({ "encounter": visit, "items": [{ "item": SESSION, "quantity": 1 }] });
        let refused = patient.client.refused("/api/v1/charges", &order, "ACCESS_COMPARTMENT").await?;
        self.story.refused("billing the insurer before the patient allowed it to know", &refused);
        let consent = json!({
            "scope": { "compartment": "mental-health" }, "recipient": { "plugin": INSURER }, "purposes": ["payment"],
        });
        patient.client.post(&format!("/api/v1/patients/{}/consents", patient.id), &consent).await?;

        let mut alone = order.clone();
        alone["self_pay"] = true.into();
        let alone = patient.client.post("/api/v1/charges", &alone).await?;
        let check = json!({ "payer": INSURER, "bill": alone["id"] });
        let eligible = patient.client.post("/api/v1/insurance/eligibility", &check).await?;
        let mut lines = eligible["lines"].as_array().into_iter().flatten();
        ensure!(lines.any(|line| line["guarantee_required"] == true), "no guarantee is wanted: {eligible}");
        self.story.say(format!("eligibility: {}, the session needs a guarantee", eligible["status"]));
        let quote = patient.client.post("/api/v1/charges", &order).await?;
        let confirm = format!("/api/v1/charges/{}/confirm", text(&quote, "/id")?);
        let agreed = json!({ "cash_fen": share(&quote, "cash"), "risk_acknowledged": true });
        let refused = patient.client.refused(&confirm, &agreed, "PAY_NO_GUARANTEE").await?;
        self.story.refused("confirming without it", &refused);
        let ask = json!({ "payer": INSURER, "bill": quote["id"] });
        let guarantee = patient.client.post("/api/v1/insurance/guarantees", &ask).await?;
        ensure!(guarantee["status"] == "GRANTED", "no guarantee: {guarantee}");
        self.story.say("the insurer guarantees the payment");
        self.pay(&patient, &order, &[("commercial", 104_000), ("cash", 10_000)]).await?;
        self.story.say("¥60.00 is the discount that the contract gives the insurer: the hospital's, not the patient's");
        Ok(())
    }
}

async fn books(story: &mut Story, stage: &Stage<'_>) -> Result<()> {
    story.step("All of it is in one ledger, and the books balance");
    let accountant = stage.sign_in("accountant").await?;
    let balance = accountant.get("/api/v1/ledger/trial-balance").await?;
    story.balance(&balance);
    ensure!(balance["balanced"] == true, "the books do not balance: {balance}");
    let chain = stage.sign_in("administrator").await?.get("/api/v1/calls/chain").await?;
    ensure!(chain["intact"] == true, "the chain is broken: {chain}");
    story.say(format!("{} plugin calls on tape, chain intact", chain["length"]));
    Ok(())
}

fn share(bill: &Value, source: &str) -> i64 {
    let mut parts = bill["parts"].as_array().into_iter().flatten();
    parts.find(|part| part["source"] == source).and_then(|part| part["fen"].as_i64()).unwrap_or_default()
}

fn shares(bill: &Value, expected: &[(&str, i64)]) -> Result<()> {
    for (source, fen) in expected {
        ensure!(share(bill, source) == *fen, "{source} should pay {fen} fen: {}", bill["parts"]);
    }
    Ok(())
}
