//! The steps of the visit.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use xinglin_domain::time::Instant;
use xinglin_platform::ambient::{self, Clock};
use xinglin_runtime::Bundle;

use crate::cli::demo::{
    client::{Client, number, text},
    server::Server,
    story::{Story, words},
    vendor::Vendor,
};

/// A plugin of the demonstration.
pub struct Plugin {
    /// Its package.
    pub file: &'static str,
    /// Its id.
    pub id: &'static str,
    /// The kind of payer that it is.
    pub payer: Option<&'static str>,
    /// The restricted part of the record that it is for.
    pub compartment: Option<&'static str>,
}

/// The plugins of the demonstration.
pub const PLUGINS: [Plugin; 4] = [
    Plugin { file: "diabetes.wasm", id: "xinglin.diabetes", payer: None, compartment: None },
    Plugin { file: "drug-safety.wasm", id: "xinglin.drug-safety", payer: None, compartment: None },
    Plugin { file: "identity-check.wasm", id: "xinglin.identity-check", payer: None, compartment: None },
    Plugin {
        file: "medical-insurance.wasm",
        id: "xinglin.medical-insurance",
        payer: Some("basic_insurance"),
        compartment: None,
    },
];

/// What the hospital sells.
pub const FORMULARY: &str = include_str!("../../../../../examples/formulary/clinic.json");

/// The state after the last step.
pub struct Told {
    /// Still running.
    pub server: Server,
    /// The hospital.
    pub tenant: String,
    /// Password of all its accounts.
    pub staff_password: String,
}

/// The signed-in clients.
struct Cast {
    administrator: Client,
    doctor: Client,
    pharmacist: Client,
    cashier: Client,
    patient: Client,
    assistant_id: String,
}

/// State of the running demonstration.
struct Scene {
    story: Story,
    server: Server,
    operator_password: String,
    staff_password: String,
    tenant: String,
    patient: String,
    cast: Cast,
}

/// Runs all steps.
pub async fn tell(
    server: Server,
    plugins: &Path,
    vendor: &Vendor,
    bundle: Value,
    operator_password: &str,
) -> Result<Told> {
    let mut story = Story::new("one patient's follow-up visit");
    let anyone = Client::new(&server.address);
    let operator = anyone.sign_in(None, "operator", operator_password).await?;
    let staff_password = hex::encode(ambient::random_bytes::<8>());

    let tenant = open_hospital(&mut story, &operator, (&PLUGINS, plugins), vendor, &staff_password).await?;
    let administrator = anyone.sign_in(Some(&tenant), "administrator", &staff_password).await?;
    let (patient, recent) = import(&mut story, &administrator, bundle).await?;
    let assistant_id = insure_and_open_accounts(&story, &operator, &tenant, &patient, &staff_password).await?;

    let mut scene = Scene {
        cast: Cast::sign_in(&anyone, &tenant, &staff_password, assistant_id).await?,
        story,
        server,
        operator_password: operator_password.to_owned(),
        staff_password,
        tenant,
        patient,
    };
    let stopped = scene.follow_up(&recent).await?;
    let enrolment = scene.pathway(&stopped).await?;
    let encounter = scene.visit(&recent).await?;
    let prescription = scene.prescribe(&encounter).await?;
    scene.pay_and_dispense(&encounter, &prescription).await?;
    scene.timer(&enrolment).await?;
    scene.audit().await?;
    let Scene { server, tenant, staff_password, .. } = scene;
    Ok(Told { server, tenant, staff_password })
}

/// A hospital with an administrator, a formulary, and these plugins of a folder; its id.
pub async fn open_hospital(
    story: &mut Story,
    operator: &Client,
    (plugins, folder): (&[Plugin], &Path),
    vendor: &Vendor,
    password: &str,
) -> Result<String> {
    story.step(&format!("An operator founds a hospital and lets {} plugins in", plugins.len()));
    let tenant = operator
        .post("/api/v1/tenants", &json!({ "kind": "hospital", "name": "杏林互联网医院 Xinglin Clinic" }))
        .await?;
    let tenant = text(&tenant, "/id")?;
    story.say(format!("hospital {tenant}"));
    let account = json!({ "login": "administrator", "password": password, "roles": ["administrator"] });
    operator.post(&format!("/api/v1/tenants/{tenant}/accounts"), &account).await?;
    let auditor = operator.sign_in(Some(&tenant), "administrator", password).await?;
    for plugin in plugins {
        let file = folder.join(plugin.file);
        let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
        let kib = bytes.len().div_ceil(1024);
        let unsigned = operator.try_upload("/api/v1/plugins", "application/wasm", bytes.clone()).await?;
        if unsigned.body["code"] != "PLUGIN_SIGNATURE" {
            bail!("an unsigned package should have been refused, but: {} {}", unsigned.status, unsigned.body);
        }
        let package = operator.upload("/api/v1/plugins", Bundle::MEDIA_TYPE, vendor.sign(bytes)?).await?;
        let path = format!("/api/v1/tenants/{tenant}/plugins/{}", plugin.id);
        // A demonstration: no pooling region has set the figures.
        let settings = json!({ "accept-illustrative": true });
        let mut grant = plugin.payer.map_or_else(|| json!({}), |payer| json!({ "payer": payer, "settings": settings }));
        if let Some(compartment) = plugin.compartment {
            grant["compartment"] = compartment.into();
        }
        operator.put(&path, &grant).await?;
        let enabled = operator.post(&format!("{path}/enable"), &Value::Null).await?;
        let digest = text(&package, "/digest")?;
        story.say(format!(
            "{} {} ({kib} KiB, sha256 {}…), refused unsigned, signed by {}, enabled",
            plugin.id,
            text(&package, "/version")?,
            &digest[..12],
            text(&package, "/signatures/0/key")?,
        ));
        for (title, list) in [("may", "can"), ("may not", "cannot")] {
            let items = package["permissions"][list].as_array().map(Vec::as_slice).unwrap_or_default();
            let items: Vec<String> = items.iter().take(3).map(|item| words(&item["text"])).collect();
            story.say(format!("  {title}: {}", items.join("; ")));
        }
        story.calls(&auditor, &enabled).await?;
    }
    let formulary: Value = serde_json::from_str(FORMULARY)?;
    operator.put(&format!("/api/v1/tenants/{tenant}/formulary"), &formulary).await?;
    Ok(tenant)
}

/// Evidence of a visit elsewhere, five weeks ago.
struct Recent {
    document: String,
    condition: String,
}

async fn import(story: &mut Story, administrator: &Client, bundle: Value) -> Result<(String, Recent)> {
    story.step("A synthetic patient's FHIR R4 record is imported");
    let sent = bundle["entry"].as_array().map_or(0, Vec::len);
    let answer = administrator.post("/fhir/R4", &bundle).await?;
    let locations: Vec<&str> = answer["entry"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["response"]["location"].as_str())
        .collect();
    ensure!(locations.len() == sent, "{sent} resources were sent, {} were taken", locations.len());
    let patient = locations.iter().find_map(|location| location.strip_prefix("Patient/")).context("no Patient")?;
    let patient = patient.split('/').next().unwrap_or(patient).to_owned();
    let mut kinds: Vec<&str> = locations.iter().filter_map(|location| location.split('/').next()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    story.say(format!("{sent} resources of {} types are now the record of Patient/{patient}", kinds.len()));
    let sample = locations.iter().find(|location| location.starts_with("Claim/")).or(locations.last());
    if let Some(path) = sample.and_then(|location| location.split("/_history").next()) {
        let kept = administrator.get(&format!("/fhir/R4/{path}")).await?;
        story.say(format!(
            "nothing is dropped: {path} reads back with {} fields",
            kept.as_object().map_or(0, |f| f.len())
        ));
    }
    let recent = recent_visit(administrator, &patient).await?;
    story.say(format!("the outpatient record of five weeks ago, from another hospital: {}", recent.document));
    Ok((patient, recent))
}

async fn recent_visit(administrator: &Client, patient: &str) -> Result<Recent> {
    let visited = Clock::default().now().plus_days(-35).to_string();
    let day = &visited[..10];
    let entry = |url: &str, kind: &str, resource: Value| json!({ "fullUrl": url, "resource": resource, "request": { "method": "POST", "url": kind } });
    let subject = json!({ "reference": format!("Patient/{patient}") });
    let laboratory = |url: &str, code: &str, value: &str, unit: &str| {
        let value: Value = serde_json::from_str(value).unwrap_or_default();
        entry(
            url,
            "Observation",
            json!({
                "resourceType": "Observation", "status": "final", "subject": subject,
                "code": { "coding": [{ "system": "http://loinc.org", "code": code }] },
                "effectiveDateTime": visited,
                "valueQuantity": { "value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit },
            }),
        )
    };
    let e11 = json!({ "coding": [{
        "system": "http://hl7.org/fhir/sid/icd-10", "code": "E11.9",
        "display": "Type 2 diabetes mellitus without complications",
    }] });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        entry("urn:uuid:7d1d9f4e-1111-4c7a-9b57-000000000001", "Encounter", json!({
            "resourceType": "Encounter", "status": "finished", "subject": subject,
            "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
            "period": { "start": visited, "end": visited }, "reasonCode": [e11],
        })),
        entry("urn:uuid:7d1d9f4e-1111-4c7a-9b57-000000000002", "Condition", json!({
            "resourceType": "Condition", "subject": subject, "code": e11, "recordedDate": day,
            "encounter": { "reference": "urn:uuid:7d1d9f4e-1111-4c7a-9b57-000000000001" },
            "clinicalStatus": { "coding": [
                { "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" },
            ] },
        })),
        laboratory("urn:uuid:7d1d9f4e-1111-4c7a-9b57-000000000003", "98979-8", "92", "mL/min/{1.73_m2}"),
        laboratory("urn:uuid:7d1d9f4e-1111-4c7a-9b57-000000000004", "4548-4", "7.4", "%"),
    ] });
    let answer = administrator.post("/fhir/R4", &bundle).await?;
    let location = |at: usize| {
        let location = text(&answer, &format!("/entry/{at}/response/location"))?;
        Ok::<_, anyhow::Error>(location.split("/_history").next().unwrap_or_default().to_owned())
    };
    Ok(Recent { document: location(0)?, condition: location(1)? })
}

async fn insure_and_open_accounts(
    story: &Story,
    operator: &Client,
    tenant: &str,
    patient: &str,
    password: &str,
) -> Result<String> {
    let path = format!("/api/v1/tenants/{tenant}/patients/{patient}/coverages/xinglin.medical-insurance");
    operator.put(&path, &employee()).await?;
    story.say("insured as an employee: ¥450 of the ¥500 deductible used, ¥60 on the personal account");
    let account = json!({ "login": "patient", "roles": ["patient"], "patients": [patient],
        "identity": { "document_matches": true, "face_per_mille": 972 } });
    let mut assistant = None;
    for account in staff().into_iter().chain([account]) {
        let opened = open_account(operator, tenant, account, password).await?;
        if let Some(number) = opened["certificates"].as_array().map(Vec::len).filter(|number| *number > 0) {
            story.say(format!(
                "{}: {number} certificates verified by a plugin that saw no number",
                text(&opened, "/login")?
            ));
        }
        if opened["login"] == "assistant" {
            assistant = Some(text(&opened, "/id")?);
        }
    }
    if verify_by_hand(operator, tenant, patient).await? {
        story.say(
            "the patient's passport is no document that the verifier knows: verified by hand, and the record says so",
        );
    }
    assistant.context("no assistant")
}

/// What basic insurance counts of an employee.
pub fn employee() -> Value {
    json!({
        "category": { "system": "urn:nhsa:insutype", "code": "310", "display": "职工基本医疗保险" },
        "accumulators": [
            { "code": "deductible-used", "fen": 45000 },
            { "code": "fund-used", "fen": 0 },
            { "code": "account-balance", "fen": 6000 },
        ],
    })
}

/// Opens an account; a plugin verifies its certificates.
pub async fn open_account(operator: &Client, tenant: &str, mut account: Value, password: &str) -> Result<Value> {
    account["password"] = password.into();
    let opened = operator.post(&format!("/api/v1/tenants/{tenant}/accounts"), &account).await?;
    let open = opened["certificates"].as_array().into_iter().flatten().filter(|one| one["state"] == "submitted");
    let open: Vec<&Value> = open.map(|one| &one["id"]).collect();
    ensure!(open.is_empty(), "the verifier left certificates open: {open:?}");
    Ok(opened)
}

/// Has a cashier take the patient's share of a bill.
pub async fn pay_at_counter(story: &Story, cashier: &Client, bill: &str, cash: i64) -> Result<()> {
    let receipt = bill.rsplit('/').next().unwrap_or_default();
    let paid = json!({ "amount_fen": cash, "receipt": receipt });
    let paid = cashier.post(&format!("{bill}/payments/counter"), &paid).await?;
    ensure!(paid["status"] == "PAID", "the patient's share is not paid: {paid}");
    story.say(format!("the patient pays their share at the counter: {}", paid["status"]));
    Ok(())
}

/// Verifies a patient's real name unless a plugin has: patients are synthetic and have no Chinese identity card.
/// Whether it was left to be done.
pub async fn verify_by_hand(operator: &Client, tenant: &str, patient: &str) -> Result<bool> {
    let name = format!("/api/v1/tenants/{tenant}/patients/{patient}/real-name");
    if operator.get(&name).await?["state"] == "verified" {
        return Ok(false);
    }
    let judgement = json!({ "verified": true, "reason": "passport and face were seen at the counter" });
    operator.post(&format!("{name}/judge"), &judgement).await?;
    Ok(true)
}

/// Accounts of a doctor, a pharmacist, an assistant, with their certificates, and of a cashier.
pub fn staff() -> [Value; 4] {
    let filings = json!([{ "basis": "main", "from": "2020-01-01", "state": "in_force" }]);
    let paper = |kind: &str, number: &str, more: Value| {
        let mut paper = json!({
            "kind": kind, "number": number, "issued_by": "北京市卫生健康委员会", "issued_on": "2015-07-01",
            "valid_until": "2099-01-01",
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            paper[key] = value.clone();
        }
        paper
    };
    let practice = json!({ "scope": ["内科专业"], "institution": "City Hospital", "practising_since": "2012-07-01" });
    let doctor = [
        paper("identity_card", "310104197506150029", json!({})),
        paper("doctor_qualification", "200511110310104197506150029", json!({})),
        paper("doctor_practice", "110000000000001", practice),
        paper("doctor_title", "ZC-2015-0007", json!({ "rank": "middle" })),
    ];
    let pharmacy = |number: &str, rank: &str| [paper("pharmacy_title", number, json!({ "rank": rank }))];
    [
        json!({ "login": "doctor", "roles": ["doctor"], "certificates": doctor, "filings": filings }),
        json!({ "login": "pharmacist", "roles": ["pharmacist"], "certificates": pharmacy("YS-2015-0011", "middle"),
                "filings": filings }),
        json!({ "login": "assistant", "roles": ["pharmacy_technician"],
                "certificates": pharmacy("YS-2020-0042", "junior"), "filings": filings }),
        json!({ "login": "cashier", "roles": ["cashier"] }),
    ]
}

impl Cast {
    async fn sign_in(anyone: &Client, tenant: &str, password: &str, assistant_id: String) -> Result<Self> {
        let enter = async |login: &str| anyone.sign_in(Some(tenant), login, password).await;
        Ok(Self {
            administrator: enter("administrator").await?,
            doctor: enter("doctor").await?,
            pharmacist: enter("pharmacist").await?,
            cashier: enter("cashier").await?,
            patient: enter("patient").await?,
            assistant_id,
        })
    }
}

impl Scene {
    async fn follow_up(&mut self, recent: &Recent) -> Result<String> {
        let Self { story, cast, patient, .. } = self;
        story.step("The patient shows evidence of the earlier diagnosis, and the doctor accepts the follow-up");
        let consent = text(&cast.patient.get("/api/v1/consent").await?, "/sha256")?;
        let ask = json!({ "patient": patient, "consent": consent });
        let refused = cast.patient.refused("/api/v1/encounters", &ask, "ENC_NO_EVIDENCE").await?;
        story.refused("a first visit online, without evidence", &refused);
        self.visit(recent).await
    }

    async fn visit(&mut self, recent: &Recent) -> Result<String> {
        let Self { story, cast, patient, .. } = self;
        let consent = text(&cast.patient.get("/api/v1/consent").await?, "/sha256")?;
        let evidence = json!([{
            "kind": "outpatient_record", "document": recent.document, "conditions": [recent.condition],
            "institution": "City Hospital",
        }]);
        let ask = json!({ "patient": patient, "consent": consent, "evidence": evidence });
        let visit = cast.patient.post("/api/v1/encounters", &ask).await?;
        let encounter = text(&visit, "/id")?;
        let accept = json!({ "diagnoses": [{
            "system": "http://hl7.org/fhir/sid/icd-10", "code": "E11.9",
            "display": "Type 2 diabetes mellitus without complications",
        }] });
        let visit = cast.doctor.post(&format!("/api/v1/encounters/{encounter}/accept"), &accept).await?;
        story.say(format!("visit {encounter} is {}, signed by the doctor (Ed25519)", text(&visit, "/status")?));
        Ok(encounter)
    }

    async fn pathway(&mut self, encounter: &str) -> Result<String> {
        let Self { story, cast, patient, .. } = self;
        story.step("The doctor enrols the patient in the diabetes pathway, which asks for glucose and HbA1c");
        let enrol = json!({ "patient": patient, "plugin": "xinglin.diabetes" });
        let enrolled = cast.doctor.post("/api/v1/enrolments", &enrol).await?;
        let enrolment = text(&enrolled, "/id")?;
        story.calls(&cast.administrator, &enrolled).await?;
        let timers = enrolled["timers"].as_array().map(Vec::as_slice).unwrap_or_default();
        if let Some(first) = timers.iter().min_by_key(|timer| timer["due"].as_str().unwrap_or_default().to_owned()) {
            story.say(format!(
                "{} durable timers are set; the next is {} on {}",
                timers.len(),
                first["code"],
                first["due"]
            ));
        }

        story.step("A critical glucose raises the alert and stops the visit and online prescribing");
        let told =
            cast.patient.post(&format!("/api/v1/enrolments/{enrolment}/answers"), &answers("17.2", "8.1")).await?;
        story.calls(&cast.administrator, &told).await?;
        let alerts = cast.doctor.get("/api/v1/alerts?state=open").await?;
        let critical =
            alerts.as_array().into_iter().flatten().find(|alert| alert["detail"]["alert"]["severity"] == "critical");
        let critical = critical.context("no critical alert was raised")?.clone();
        let minutes = number(&critical, "/detail/alert/sla_minutes")?;
        ensure!(minutes == 15, "the doctor must look within 15 minutes, not {minutes}");
        story.say(format!(
            "alert {}: the doctor must look within {minutes} minutes, by {}",
            critical["code"], critical["deadline"]
        ));
        let refused = cast.doctor.refused("/api/v1/prescriptions", &draft(encounter, &[]), "ENC_RED_FLAG").await?;
        story.refused("prescribing meanwhile", &refused);
        let taken =
            cast.doctor.post(&format!("/api/v1/alerts/{}/acknowledge", text(&critical, "/id")?), &Value::Null).await?;
        story.say(format!("the doctor takes the alert up, in time: {}", taken["in_time"]));
        for hold in
            cast.doctor.get(&format!("/api/v1/patients/{patient}/holds")).await?.as_array().into_iter().flatten()
        {
            let release =
                json!({ "reason": "Seen in person today: no ketosis; glucose 9.8 mmol/L after a missed dose." });
            cast.doctor.post(&format!("/api/v1/holds/{}/release", text(hold, "/id")?), &release).await?;
            story.say(format!("the doctor lifts the hold {} with a written reason", hold["code"]));
        }
        for referral in cast.doctor.get("/api/v1/requests").await?.as_array().into_iter().flatten() {
            if referral["kind"] == "referral" {
                let seen = json!({ "note": "Seen in person today: no ketosis." });
                cast.doctor.post(&format!("/api/v1/requests/{}/fulfil", text(referral, "/id")?), &seen).await?;
                story.say(format!("the referral {} is attended", referral["code"]));
            }
        }
        let note = json!({ "note": "Seen in person today: no ketosis. To be followed up online." });
        let closed = cast.doctor.post(&format!("/api/v1/encounters/{encounter}/close"), &note).await?;
        story.say(format!("the stopped visit is {}; another one follows", text(&closed, "/status")?));
        let told =
            cast.patient.post(&format!("/api/v1/enrolments/{enrolment}/answers"), &answers("9.8", "7.4")).await?;
        story.calls(&cast.administrator, &told).await?;
        Ok(enrolment)
    }

    async fn prescribe(&mut self, encounter: &str) -> Result<String> {
        let Self { story, cast, .. } = self;
        story.step("The doctor prescribes; the checker vetoes a medicine that the patient is allergic to");
        let mistaken = draft(encounter, &[line("amoxicillin-500mg-24", "500", "3", 7, 1)]);
        let drafted = cast.doctor.post("/api/v1/prescriptions", &mistaken).await?;
        let id = text(&drafted, "/id")?;
        let path = format!("/api/v1/prescriptions/{id}");
        let refused = cast.doctor.refused(&format!("{path}/sign"), &json!({ "valid_days": 3 }), "RX_VETOED").await?;
        story.calls(&cast.administrator, &refused).await?;
        story.refused("signing", &refused);
        let mut corrected = draft(encounter, &[]);
        corrected.as_object_mut().context("a draft is an object")?.remove("encounter");
        cast.doctor.put(&path, &corrected).await?;
        story.say("the doctor takes it off and signs again");
        let mut sign = json!({ "valid_days": 3 });
        let mut answer = cast.doctor.ask(reqwest::Method::POST, &format!("{path}/sign"), Some(&sign)).await?;
        if answer.body["code"] == "RX_WARNING_UNACKNOWLEDGED" {
            story.calls(&cast.administrator, &answer.body).await?;
            story.refused("signing without having seen the warnings", &answer.body);
            let findings = answer.body["findings"].as_array().cloned().unwrap_or_default();
            let seen = |found: &Value| json!({ "plugin": found["plugin"], "code": found["code"], "reason": "监测血糖和肾功能" });
            sign["acknowledged"] = findings.iter().map(seen).collect();
            story.say("the doctor acknowledges them, each with a reason");
            answer = cast.doctor.ask(reqwest::Method::POST, &format!("{path}/sign"), Some(&sign)).await?;
        }
        ensure!(answer.status.is_success(), "the corrected prescription was not signed: {}", answer.body);
        story.calls(&cast.administrator, &answer.body).await?;
        story.say(format!("signed: {}, valid until {}", answer.body["status"], answer.body["valid_until"]));
        Ok(id)
    }

    async fn pay_and_dispense(&mut self, encounter: &str, prescription: &str) -> Result<()> {
        let Self { story, cast, .. } = self;
        story.step("A pharmacist approves, never the prescriber");
        let path = format!("/api/v1/prescriptions/{prescription}");
        let checks = json!({ "prescription": true, "medicine": true, "incompatibility": true, "rationality": true });
        let approve = json!({ "checklist": checks });
        let refused = cast.doctor.refused(&format!("{path}/approve"), &approve, "AUTH_FORBIDDEN").await?;
        story.refused("the prescriber approving", &refused);
        let early = json!({ "prescription": prescription });
        let refused = cast.patient.refused("/api/v1/charges", &early, "RX_DRUG_BEFORE_RX").await?;
        story.refused("ordering before the review", &refused);
        let approved = cast.pharmacist.post(&format!("{path}/approve"), &approve).await?;
        story.say(format!("the pharmacist approves and signs: {}", approved["status"]));

        story.step("Medical insurance quotes the bill to the fen; the patient confirms; it settles");
        let order =
            json!({ "prescription": prescription, "items": [{ "item": "glucose-test-strips-50", "quantity": 1 }] });
        let refused = cast.patient.refused("/api/v1/charges", &order, "ORDER_REQUIRED").await?;
        story.refused("test strips that no doctor has ordered", &refused);
        let strips = json!({ "item": "glucose-test-strips-50", "quantity": 1 });
        cast.doctor.post(&format!("/api/v1/encounters/{encounter}/orders"), &strips).await?;
        let quote = cast.patient.post("/api/v1/charges", &order).await?;
        story.calls(&cast.administrator, &quote).await?;
        story.money(&quote);
        let bill = text(&quote, "/id")?;
        let cash = quote["parts"].as_array().into_iter().flatten().find(|part| part["source"] == "cash");
        let cash = cash.map_or(Ok(0), |part| number(part, "/fen"))?;
        let confirm = json!({ "cash_fen": cash, "risk_acknowledged": true });
        let settled = cast.patient.post(&format!("/api/v1/charges/{bill}/confirm"), &confirm).await?;
        story.calls(&cast.administrator, &settled).await?;
        story.say(format!("the bill is {}, the prescription reserved", settled["status"]));
        let again = json!({ "cash_fen": cash + 1, "risk_acknowledged": true });
        let refused = cast
            .patient
            .refused(&format!("/api/v1/charges/{bill}/confirm"), &again, "PAY_IDEMPOTENCY_CONFLICT")
            .await?;
        story.refused("confirming once more with another amount", &refused);

        story.step("The server is killed with -9 between settlement and dispensing, and started again");
        self.restart().await?;
        let Self { story, cast, .. } = self;
        let balance = cast.administrator.get("/api/v1/ledger/trial-balance").await?;
        story.say("nothing is lost, the books balance:");
        story.balance(&balance);
        ensure!(balance["balanced"] == true, "the books do not balance: {balance}");
        let kept = cast.patient.get(&format!("/api/v1/charges/{bill}")).await?;
        ensure!(kept["status"] == "SETTLED" && kept["parts"] == quote["parts"], "the bill changed: {kept}");

        story.step("Two of the pharmacy dispense, once");
        let dispense = json!({ "prepared_by": cast.assistant_id, "handouts": handouts(&approved)? });
        let refused = cast.pharmacist.refused(&format!("{path}/dispense"), &dispense, "PAY_DUE").await?;
        story.refused("handing out what the patient has not paid", &refused);
        pay_at_counter(story, &cast.cashier, &format!("/api/v1/charges/{bill}"), cash).await?;
        let refused = cast.pharmacist.refused(&format!("{path}/dispense"), &json!({
            "prepared_by": text(&approved, "/detail/effective/state/issue/approval/by")?, "handouts": handouts(&approved)?,
        }), "DISP_TWO_STAFF").await?;
        story.refused("one person alone", &refused);
        let dispensed = cast.pharmacist.post(&format!("{path}/dispense"), &dispense).await?;
        story.say(format!("the prescription is {}", dispensed["status"]));
        let refused = cast.pharmacist.refused(&format!("{path}/dispense"), &dispense, "RX_ALREADY_USED").await?;
        story.refused("dispensing it again", &refused);
        Ok(())
    }

    async fn timer(&mut self, enrolment: &str) -> Result<()> {
        self.story.step("The next follow-up is a durable timer: kill the server, move the clock, and it fires once");
        let before = self.cast.patient.get(&format!("/api/v1/enrolments/{enrolment}")).await?;
        let timers = before["timers"].as_array().into_iter().flatten();
        let is_visit = |timer: &Value| timer["code"].as_str().is_some_and(|code| code.starts_with("visit-"));
        let open = timers.filter(|timer| timer["state"] == "open" && is_visit(timer));
        let next = open.min_by_key(|timer| timer["due"].as_str().unwrap_or_default().to_owned());
        let next = next.context("no timer is set")?.clone();
        let due = Instant::parse(&text(&next, "/due")?).context("a timer's due time is no time")?;
        let said = self.messages().await?.len();
        self.restart().await?;
        let operator = Client::new(&self.server.address).sign_in(None, "operator", &self.operator_password).await?;
        let ahead = (due.micros() - Clock::default().now().micros()) / 1_000_000 + 60;
        let clock = operator.post("/api/v1/clock/advance", &json!({ "seconds": ahead.max(1) })).await?;
        self.story.say(format!("the clock now reads {}; {} was due on {}", clock["now"], next["code"], next["due"]));
        self.sign_in_again().await?;
        let timer = text(&next, "/id")?;
        let fired = async |scene: &Self| {
            let view = scene.cast.patient.get(&format!("/api/v1/enrolments/{enrolment}")).await?;
            let timers = view["timers"].as_array().cloned().unwrap_or_default();
            Ok::<_, anyhow::Error>(
                timers.iter().any(|known| known["id"] == timer.as_str() && known["state"] == "fired"),
            )
        };
        for attempt in 0.. {
            if fired(self).await? {
                break;
            }
            if attempt > 100 {
                bail!("the timer did not fire within ten seconds");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let after = self.messages().await?;
        let reminders = &after[..after.len().saturating_sub(said)];
        ensure!(!reminders.is_empty(), "the timer fired, and nobody was reminded");
        self.story.say("the timer fired once; the patient got:");
        for message in reminders.iter().rev() {
            self.story.say(format!("  {}: {}", message["kind"], words(&message["text"])));
        }
        self.restart().await?;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        self.sign_in_again().await?;
        ensure!(self.messages().await?.len() == after.len(), "the reminder was sent again after a restart");
        self.story.say("killed and started once more: no second reminder");
        Ok(())
    }

    async fn audit(&mut self) -> Result<()> {
        self.story.step("Every call stands on tape, in a hash chain");
        let chain = self.cast.administrator.get("/api/v1/calls/chain").await?;
        ensure!(chain["intact"] == true, "the chain is broken: {chain}");
        let head = text(&chain, "/head")?;
        self.story.say(format!("{} calls, chain intact, head {}…", chain["length"], &head[..16]));
        Ok(())
    }

    async fn messages(&self) -> Result<Vec<Value>> {
        let messages = self.cast.patient.get(&format!("/api/v1/patients/{}/messages", self.patient)).await?;
        Ok(messages.as_array().cloned().unwrap_or_default())
    }

    /// `kill -9`, then a new server on the same folder and address.
    async fn restart(&mut self) -> Result<()> {
        let listen = self.server.address.trim_start_matches("http://").to_owned();
        self.server.kill().await?;
        self.server = Server::start(self.server.folder(), &listen, &self.operator_password).await?;
        self.sign_in_again().await
    }

    async fn sign_in_again(&mut self) -> Result<()> {
        let anyone = Client::new(&self.server.address);
        let assistant = self.cast.assistant_id.clone();
        self.cast = Cast::sign_in(&anyone, &self.tenant, &self.staff_password, assistant).await?;
        Ok(())
    }
}

fn answers(glucose: &str, hba1c: &str) -> Value {
    json!({ "questionnaire": "follow-up", "answers": [
        { "link_id": "glucose", "value": { "quantity": { "value": glucose, "unit": "mmol/L" } } },
        { "link_id": "hba1c", "value": { "quantity": { "value": hba1c, "unit": "%" } } },
        { "link_id": "needed-help", "value": { "boolean": false } },
    ] })
}

fn line(item: &str, milligrams: &str, doses_per_day: &str, days: u16, packs: u32) -> Value {
    json!({
        "item": item, "dose": { "value": milligrams, "unit": "mg" }, "doses_per_day": doses_per_day, "days": days,
        "packs": packs,
    })
}

/// A prescription with a diabetic's medicines for a month, and further lines.
pub fn draft(encounter: &str, more: &[Value]) -> Value {
    let mut lines =
        vec![line("metformin-500mg-60", "1000", "2", 30, 2), line("dapagliflozin-10mg-30", "10", "1", 30, 1)];
    lines.extend_from_slice(more);
    json!({ "encounter": encounter, "course": { "extended": { "reason": "慢性病 chronic disease" } }, "lines": lines })
}

/// Packages to dispense for every line of a prescription.
fn handouts(prescription: &Value) -> Result<Vec<Value>> {
    let medicines = prescription.pointer("/detail/effective/head/sheet/medicines").and_then(Value::as_array);
    let medicines = medicines.context("the prescription lists no medicines")?;
    medicines
        .iter()
        .map(|medicine| {
            let (number, packs) = (number(medicine, "/line/number")?, number(medicine, "/supply/packs")?);
            let traces: Vec<String> = (1..=packs).map(|pack| format!("8100{number:04}{pack:08}")).collect();
            Ok(json!({ "line": number, "batch": "B2026-11", "expires": "2098-12-31", "traces": traces }))
        })
        .collect()
}
