//! A tenant with people in it, and their acts.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use xinglin_domain::time::Instant;

use super::{Client, Plugin, record};

/// Password of all accounts.
pub const PASSWORD: &str = "correct horse battery";

/// A hospital of the platform: staff, one patient, a formulary.
#[derive(Clone)]
pub struct Clinic {
    pub tenant: String,
    pub operator: Client,
    pub administrator: Client,
    pub doctor: Client,
    pub pharmacist: Client,
    /// Account of the pharmacist.
    pub pharmacist_id: String,
    /// Takes money at the counter.
    pub cashier: Client,
    /// Account of a pharmacy assistant.
    pub assistant_id: String,
    pub patient: Client,
    /// Id of the patient in the record: `pat-…`.
    pub subject: String,
    /// `Encounter/…` and `Condition/…` of five weeks ago.
    pub evidence: [String; 2],
    pub consent: String,
}

/// An account to create.
pub struct Person {
    account: Value,
}

impl Person {
    pub fn new(login: &str, role: &str) -> Self {
        Self { account: json!({ "login": login, "password": PASSWORD, "roles": [role] }) }
    }

    /// In another role, too.
    pub fn and(mut self, role: &str) -> Self {
        self.account["roles"].as_array_mut().expect("roles").push(json!(role));
        self
    }

    /// With certificates for the role, changed by `change`: see [`papers`].
    pub fn licensed(mut self, change: &Value) -> Self {
        let role = change["role"].as_str().or(self.account["roles"][0].as_str()).expect("a role");
        let (certificates, filings) = papers(role, change);
        self.account["certificates"] = certificates.into();
        self.account["filings"] = filings;
        self
    }

    /// In another role, too, with the certificates that it needs.
    pub fn and_licensed(self, role: &str) -> Self {
        let mut person = self.and(role);
        let certificates = person.account["certificates"].as_array_mut().expect("certificates");
        certificates.extend(papers(role, &json!({})).0);
        person
    }

    /// The body for the API.
    pub fn account(self) -> Value {
        self.account
    }

    /// Acting for a patient, with a face similarity in thousandths.
    pub fn acting_for(mut self, patient: &str, likeness: u16) -> Self {
        self.account["patients"] = json!([patient]);
        self.account["identity"] = json!({ "document_matches": true, "face_per_mille": likeness });
        self
    }
}

impl Clinic {
    /// With a patient born in 1977, who has diabetes and was seen five weeks ago.
    pub async fn found(operator: &Client, now: Instant, plugins: &[&Plugin]) -> Self {
        Self::found_with(operator, now, plugins, record::transaction(&[record::patient("1977-09-11")])).await
    }

    /// With a patient of this record.
    pub async fn found_with(operator: &Client, now: Instant, plugins: &[&Plugin], bundle: Value) -> Self {
        let tenant = operator.post("/api/v1/tenants", json!({ "kind": "hospital", "name": "杏林" })).await;
        let tenant = tenant["id"].as_str().expect("an id").to_owned();
        for plugin in plugins {
            plugin.enable(operator, &tenant).await;
        }
        let formulary = serde_json::from_slice(&super::repository("examples/formulary/clinic.json")).expect("JSON");
        operator.put(&format!("/api/v1/tenants/{tenant}/formulary"), formulary).await;

        let hire = async |person: Person| hire(operator, &tenant, person).await;
        let (administrator, _) = hire(Person::new("administrator", "administrator")).await;
        let (doctor, _) = hire(Person::new("doctor", "doctor").licensed(&json!({}))).await;
        let (pharmacist, pharmacist_id) = hire(Person::new("pharmacist", "pharmacist").licensed(&json!({}))).await;
        let (cashier, _) = hire(Person::new("cashier", "cashier")).await;
        let assistant = Person::new("assistant", "pharmacy_technician").licensed(&json!({ "title": "junior" }));
        let assistant_id = account(operator, &tenant, assistant).await.1;

        let imported = record::locations(&administrator.post("/fhir/R4", bundle).await);
        let subject = imported.iter().find_map(|location| location.strip_prefix("Patient/")).expect("a patient");
        let (patient, _) = hire(Person::new("patient", "patient").acting_for(subject, 972)).await;
        let visit = import(&administrator, &[record::visit(subject, now, 35)]).await.remove(0);
        let recent = [
            record::condition(subject, &visit, now, "E11.9"),
            record::result(subject, now, "98979-8", "92", "mL/min/{1.73_m2}"),
            record::result(subject, now, "4548-4", "7.40", "%"),
        ];
        let diagnosis = import(&administrator, &recent).await.remove(0);
        let consent = patient.get("/api/v1/consent").await["sha256"].as_str().expect("a hash").to_owned();
        Self {
            subject: subject.to_owned(),
            evidence: [visit, diagnosis],
            operator: operator.clone(),
            tenant,
            administrator,
            doctor,
            pharmacist,
            pharmacist_id,
            cashier,
            assistant_id,
            patient,
            consent,
        }
    }

    /// The same people at the address of another client, on a copy of their data.
    pub(super) fn at(&self, other: &Client) -> Self {
        let Self { operator, administrator, doctor, pharmacist, cashier, patient, .. } = self;
        Self {
            operator: operator.at(other),
            administrator: administrator.at(other),
            doctor: doctor.at(other),
            pharmacist: pharmacist.at(other),
            cashier: cashier.at(other),
            patient: patient.at(other),
            ..self.clone()
        }
    }

    /// Creates an account and signs in; returns the account's id, too.
    pub async fn hire(&self, person: Person) -> (Client, String) {
        hire(&self.operator, &self.tenant, person).await
    }

    /// Registers an account as a patient's guardian, changed by `change`; returns the relation's
    /// id.
    pub async fn register(&self, ward: &str, account: &str, change: Value) -> String {
        let path = format!("/api/v1/patients/{ward}/relations");
        let relation = self.administrator.post(&path, self.kinship(ward, account, change).await).await;
        relation["id"].as_str().expect("an id").to_owned()
    }

    /// The body of a mother's registration with evidence, changed by `change`.
    pub async fn kinship(&self, ward: &str, account: &str, change: Value) -> Value {
        let path = format!("/api/v1/blobs?patient={ward}");
        let paper = self.administrator.post_text(&path, "application/pdf", "%PDF-1.7 a birth certificate").await;
        let paper = paper.done(&path);
        let mut body = json!({
            "kind": "guardian", "tie": "mother", "ground": "parent", "account": account, "name": "王芳",
            "evidence": format!("Binary/{}", paper["id"].as_str().expect("an id")),
        });
        for (key, value) in change.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        body
    }

    /// A person with a record of their own who is registered as the patient's guardian; returns the
    /// relation's id, too.
    pub async fn guardian(&self, login: &str, change: Value) -> (Client, String) {
        let (client, account) = self.person(login).await;
        let relation = self.register(&self.subject, &account, change).await;
        (client, relation)
    }

    /// Another person with a record of their own; returns the account, too.
    pub async fn person(&self, login: &str) -> (Client, String) {
        let own = self.import(&[record::patient("1988-02-02")]).await.remove(0);
        self.hire(Person::new(login, "patient").acting_for(id(&own), 972)).await
    }

    /// Imports resources.
    pub async fn import(&self, resources: &[Value]) -> Vec<String> {
        import(&self.administrator, resources).await
    }

    /// Insures the patient: ¥450 of the ¥500 deductible used, ¥60 on the
    /// personal account.
    pub async fn insure(&self) {
        let coverage = json!({
            "category": { "system": "urn:nhsa:insutype", "code": "310", "display": "职工基本医疗保险" },
            "accumulators": [
                { "code": "deductible-used", "fen": 45000 },
                { "code": "fund-used", "fen": 0 },
                { "code": "account-balance", "fen": 6000 },
            ],
        });
        let payer = super::MEDICAL_INSURANCE.id;
        let path = format!("/api/v1/tenants/{}/patients/{}/coverages/{payer}", self.tenant, self.subject);
        self.operator.put(&path, coverage).await;
    }

    /// The body of a request for a visit.
    pub fn request(&self) -> Value {
        json!({
            "patient": self.subject, "consent": self.consent,
            "evidence": [{
                "kind": "outpatient_record", "document": self.evidence[0], "conditions": [self.evidence[1]],
                "institution": "City Hospital",
            }],
        })
    }

    /// A visit that the doctor has accepted as a follow-up.
    pub async fn visit(&self) -> String {
        let visit = self.patient.post("/api/v1/encounters", self.request()).await;
        let visit = visit["id"].as_str().expect("an id").to_owned();
        self.doctor.post(&format!("/api/v1/encounters/{visit}/accept"), self.decision()).await;
        visit
    }

    /// The doctor's decision on the visit.
    pub fn decision(&self) -> Value {
        json!({ "diagnoses": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": "E11.9" }] })
    }

    /// A draft in a visit; its path.
    pub async fn draft(&self, visit: &str, lines: &[Value]) -> String {
        let draft = self.doctor.post("/api/v1/prescriptions", draft(visit, lines)).await;
        path(&draft)
    }

    /// A signed prescription of metformin; its path.
    pub async fn signed(&self) -> String {
        let path = self.draft(&self.visit().await, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
        self.sign(&path).await;
        path
    }

    /// The doctor signs, acknowledging all warnings.
    pub async fn sign(&self, prescription: &str) -> Value {
        let path = format!("{prescription}/sign");
        let mut sign = json!({ "valid_days": 3 });
        let first = self.doctor.ask(reqwest::Method::POST, &path, Some(sign.clone())).await;
        if first.code() != "RX_WARNING_UNACKNOWLEDGED" {
            return first.done(&path);
        }
        let findings = first.body["findings"].as_array().cloned().unwrap_or_default();
        sign["acknowledged"] = findings.iter().map(seen).collect();
        self.doctor.post(&path, sign).await
    }

    pub async fn approve(&self, prescription: &str) -> Value {
        self.pharmacist.post(&format!("{prescription}/approve"), checklist()).await
    }

    /// An approved prescription of metformin; its path.
    pub async fn approved(&self) -> String {
        let path = self.signed().await;
        self.approve(&path).await;
        path
    }

    /// The doctor orders an item in the visit of a prescription; the order.
    pub async fn order(&self, prescription: &str, item: &str, quantity: u32) -> Value {
        let known = self.doctor.get(prescription).await;
        let state = known["detail"].as_object().and_then(|states| states.values().next()).expect("a state");
        let visit = state["head"]["encounter"].as_str().expect("a visit");
        let order = json!({ "item": item, "quantity": quantity });
        self.doctor.post(&format!("/api/v1/encounters/{visit}/orders"), order).await
    }

    /// The approved prescription of the worked example of basic insurance, with the test strips ordered; its path.
    pub async fn worked_example(&self) -> String {
        let month = [line("metformin-500mg-60", "1000", "2", 30, 2), line("dapagliflozin-10mg-30", "10", "1", 30, 1)];
        let prescription = self.draft(&self.visit().await, &month).await;
        self.sign(&prescription).await;
        self.approve(&prescription).await;
        self.order(&prescription, "glucose-test-strips-50", 1).await;
        prescription
    }

    pub async fn quote(&self, prescription: &str) -> Value {
        self.patient.post("/api/v1/charges", json!({ "prescription": id(prescription) })).await
    }

    pub async fn confirm(&self, quote: &Value) -> Value {
        self.patient.post(&confirm_path(quote), confirmation(quote)).await
    }

    /// The patient's share of a bill, or what of it goes back, at the counter; if it is due there.
    pub async fn settle_at_counter(&self, bill: &str) -> Value {
        static RECEIPT: AtomicU32 = AtomicU32::new(0);
        let path = format!("/api/v1/charges/{bill}/payments");
        let cash = self.cashier.get(&path).await;
        let receipt = format!("R-{:06}", RECEIPT.fetch_add(1, Ordering::Relaxed));
        let waiting = cash["refunds"].as_array().into_iter().flatten();
        let waiting = waiting.filter(|refund| refund["channel"] == "counter" && refund["stage"] == "waiting");
        let back: i64 = waiting.map(|refund| refund["amount_fen"].as_i64().expect("fen")).sum();
        let (verb, fen) = match cash["status"].as_str() {
            Some("DUE") => ("counter", cash["due_fen"].clone()),
            _ if back > 0 => ("hand-back", json!(back)),
            _ => return cash,
        };
        let body = json!({ "amount_fen": fen, "receipt": receipt });
        self.cashier.ask(reqwest::Method::POST, &format!("{path}/{verb}"), Some(body)).await.body
    }

    /// The body of a dispensing: unused packages for every line. What is due for them is paid at the counter
    /// first, as far as it can be now.
    pub async fn handout(&self, prescription: &str) -> Value {
        static PACK: AtomicU32 = AtomicU32::new(0);
        let known = self.pharmacist.get(prescription).await;
        let state = known["detail"].as_object().and_then(|states| states.values().next()).expect("a state");
        if let Some(bill) = state.pointer("/state/reservation/purchase/bill").and_then(Value::as_str) {
            self.settle_at_counter(bill).await;
        }
        let medicines = state.pointer("/head/sheet/medicines").and_then(Value::as_array).expect("medicines");
        let handouts: Vec<Value> = medicines
            .iter()
            .map(|medicine| {
                let packs = medicine["supply"]["packs"].as_u64().expect("packs");
                let pack = || format!("8100{:016}", PACK.fetch_add(1, Ordering::Relaxed));
                let traces: Vec<String> = (0..packs).map(|_| pack()).collect();
                json!({
                    "line": medicine["line"]["number"], "batch": "B2026-11", "expires": "2098-12-31", "traces": traces,
                })
            })
            .collect();
        json!({ "prepared_by": self.assistant_id, "handouts": handouts })
    }

    /// The ledger must balance.
    pub async fn balanced(&self) -> Value {
        let balance = self.administrator.get("/api/v1/ledger/trial-balance").await;
        assert_eq!(balance["balanced"], true, "{balance}");
        balance
    }

    /// Resources of a type in the patient's record.
    pub async fn found_in_record(&self, kind: &str) -> Vec<Value> {
        let bundle = self.doctor.get(&format!("/fhir/R4/{kind}?patient={}&_count=1000", self.subject)).await;
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        entries.into_iter().map(|mut entry| entry["resource"].take()).collect()
    }
}

async fn import(administrator: &Client, resources: &[Value]) -> Vec<String> {
    record::locations(&administrator.post("/fhir/R4", record::transaction(resources)).await)
}

async fn hire(operator: &Client, tenant: &str, person: Person) -> (Client, String) {
    let (login, id) = account(operator, tenant, person).await;
    (operator.sign_in(Some(tenant), &login).await, id)
}

/// Creates an account and verifies its certificates; returns login and id.
async fn account(operator: &Client, tenant: &str, person: Person) -> (String, String) {
    let accounts = format!("/api/v1/tenants/{tenant}/accounts");
    let opened = operator.post(&accounts, person.account).await;
    let text = |field: &str| opened[field].as_str().expect("a text").to_owned();
    verify(operator, &format!("{accounts}/{}", text("id")), &opened).await;
    for patient in opened["patients"].as_array().into_iter().flatten() {
        let name = format!("/api/v1/tenants/{tenant}/patients/{}/real-name", patient.as_str().expect("an id"));
        if operator.get(&name).await["state"] != "verified" {
            let judgement = json!({ "verified": true, "reason": "the identity card was seen" });
            operator.post(&format!("{name}/judge"), judgement).await;
        }
    }
    (text("login"), text("id"))
}

/// Verifies submitted certificates manually.
pub async fn verify(by: &Client, path: &str, account: &Value) {
    let submitted = account["certificates"].as_array().into_iter().flatten().filter(|one| one["state"] == "submitted");
    let ids: Vec<&Value> = submitted.map(|one| &one["id"]).collect();
    if !ids.is_empty() {
        let judgement = json!({ "certificates": ids, "verified": true, "reason": "the originals were seen" });
        by.post(&format!("{path}/certificates/judge"), judgement).await;
    }
}

/// Certificates that a role needs, with unique numbers, and a filing. `change` may contain `title`,
/// `from`, `until`, and whether practice is `filed`.
pub fn papers(role: &str, change: &Value) -> (Vec<Value>, Value) {
    static HOLDER: AtomicU32 = AtomicU32::new(0);
    let holder = HOLDER.fetch_add(1, Ordering::Relaxed);
    let said = |key: &str, otherwise: &str| change[key].as_str().unwrap_or(otherwise).to_owned();
    let paper = |kind: &str, number: String, more: Value| {
        let mut paper = json!({
            "kind": kind, "number": number, "issued_by": "北京市卫生健康委员会",
            "issued_on": said("from", "2020-01-01"), "valid_until": said("until", "2099-01-01"),
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            paper[key] = value.clone();
        }
        paper
    };
    let card = id_number(holder);
    let serial = |from: u64| (from + u64::from(holder)).to_string();
    let rank = json!({ "rank": said("title", "middle") });
    let certificates = match role {
        "doctor" => vec![
            paper("identity_card", card.clone(), json!({})),
            paper("doctor_qualification", format!("200511110{card}"), json!({})),
            paper(
                "doctor_practice",
                serial(110_000_000_000_000),
                json!({ "scope": ["内科专业"], "institution": "City Hospital", "practising_since": "2010-01-01" }),
            ),
            paper("doctor_title", serial(7_000_000), rank),
        ],
        "pharmacist" | "pharmacy_technician" => vec![paper("pharmacy_title", serial(8_000_000), rank)],
        "nurse" => {
            vec![paper("nurse_registration", serial(2_011_000_000), json!({ "institution": "City Hospital" }))]
        }
        "psychotherapist" => vec![paper("psychotherapist_title", serial(9_000_000), rank)],
        "counsellor" => vec![paper("counsellor_bar", serial(1), json!({ "charged_hours": 500 }))],
        other => vec![paper("employer_proof", serial(1), json!({ "institution": other }))],
    };
    let filing = json!([{ "basis": "main", "from": "2020-01-01", "state": "in_force" }]);
    (certificates, if change["filed"] == false { json!([]) } else { filing })
}

/// A unique resident identity number, with its check character.
pub fn id_number(serial: u32) -> String {
    let (year, month, day) = (1960 + serial % 30, 1 + serial / 30 % 12, 1 + serial / 360 % 28);
    let digits = format!("110105{year}{month:02}{day:02}{:03}", serial / 10_080 % 1000);
    let sum = digits.bytes().fold(0, |sum, digit| (sum + u32::from(digit - b'0')) * 2 % 11);
    format!("{digits}{}", char::from(b"10X98765432"[sum as usize]))
}

/// A line of a prescription.
pub fn line(item: &str, milligrams: &str, doses_per_day: &str, days: u16, packs: u32) -> Value {
    json!({
        "item": item, "dose": { "value": milligrams, "unit": "mg" }, "doses_per_day": doses_per_day, "days": days,
        "packs": packs,
    })
}

/// An item of a formulary: ten tablets of a milligram. Its ATC code, of combinations of nutrients,
/// follows from `code`, and no checker knows it.
pub fn medicine(code: &str, price_fen: i64) -> Value {
    let number = code.bytes().fold(0, |sum: u32, byte| sum + u32::from(byte)) % 100;
    let atc = json!({ "system": "http://www.whocc.no/atc", "code": format!("V06DX{number:02}") });
    json!({
        "code": code, "title": format!("{code} tablets"), "kind": "medicine", "price_fen": price_fen,
        "codings": [{ "system": "https://xinglin.dev/catalogue", "code": code }, atc], "ingredients": [atc],
        "pack": { "value": "10", "unit": "mg" },
    })
}

/// A month's medicines for a chronic disease.
pub fn draft(visit: &str, lines: &[Value]) -> Value {
    json!({ "encounter": visit, "course": { "extended": { "reason": "慢性病 chronic disease" } }, "lines": lines })
}

/// A complete checklist.
pub fn checklist() -> Value {
    json!({ "checklist": { "prescription": true, "medicine": true, "incompatibility": true, "rationality": true } })
}

/// `/api/v1/prescriptions/rx-…` of a prescription.
fn path(prescription: &Value) -> String {
    format!("/api/v1/prescriptions/{}", prescription["id"].as_str().expect("an id"))
}

/// The last segment of a path.
pub fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The share of one source in a bill, in fen.
pub fn part(bill: &Value, source: &str) -> i64 {
    let parts = bill["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    parts.iter().find(|part| part["source"] == source).map_or(0, |part| part["fen"].as_i64().expect("whole fen"))
}

pub fn confirm_path(quote: &Value) -> String {
    format!("/api/v1/charges/{}/confirm", quote["id"].as_str().expect("an id"))
}

/// The patient's confirmation of a quote.
pub fn confirmation(quote: &Value) -> Value {
    json!({ "cash_fen": part(quote, "cash"), "risk_acknowledged": true })
}

/// The acknowledgement of a finding.
pub fn seen(found: &Value) -> Value {
    json!({ "plugin": found["plugin"], "code": found["code"], "reason": "获益大于风险，已告知患者" })
}
