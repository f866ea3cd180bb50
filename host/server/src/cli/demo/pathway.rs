//! Half a year in a pathway: what each person saw, on the host's clock, with the server killed in between.
//! The demonstration fails if a suicidal answer does not reach a person at once.

mod script;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant as Stopwatch},
};

use anyhow::{Context, Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::time::Instant;
use xinglin_platform::ambient::{self, Clock};

use crate::cli::demo::{
    client::{Client, text},
    patient::{self, Patient},
    server::Server,
    story::{Story, words},
    vendor::Vendor,
    visit::{Told, open_account, open_hospital, staff},
};

use self::script::Script;
pub use self::script::Which;

/// How long it is played.
const DAYS: i64 = 180;
/// Days before which the server is killed and started again.
const KILLED: [i64; 2] = [45, 120];
/// Days on which the patient gives a suicidal answer; on the second the plugin is switched off.
const DANGER: [i64; 2] = [30, 100];
/// After how many days everybody looks again, if nothing is due.
const STRIDE: i64 = 7;
/// In what time the jobs tell a pathway of a result.
const TOLD: Duration = Duration::from_millis(1500);
/// In how many seconds of wall time a suicidal answer must have reached a person.
const SECONDS: u64 = 10;

/// Who works here, beside the administrator; the doctor is the public-health doctor too.
const STAFF: [&str; 8] =
    ["doctor", "pharmacist", "nurse", "health_manager", "assistant", "dietitian", "counsellor", "psychotherapist"];

struct Scene {
    story: Story,
    server: Server,
    script: Script,
    tenant: String,
    operator_password: String,
    password: String,
    patient: Patient,
    enrolment: String,
    visit: String,
    /// As FHIR.
    questionnaires: Value,
    began: Instant,
    /// How many seconds the server's clock is ahead.
    ahead: i64,
    /// Signed in, since the clock moved last.
    clients: BTreeMap<&'static str, Client>,
    /// Messages, tasks and requests that were seen.
    seen: BTreeSet<String>,
    /// How often each person saw what.
    counts: BTreeMap<(String, &'static str), usize>,
}

/// Runs all steps.
pub async fn tell(
    which: Which,
    server: Server,
    plugins: &Path,
    vendor: &Vendor,
    operator_password: &str,
) -> Result<Told> {
    let script = which.script();
    let mut story = Story::new(&format!("half a year in the pathway {}", script.plugin.id));
    let anyone = Client::new(&server.address);
    let operator = anyone.sign_in(None, "operator", operator_password).await?;
    let password = hex::encode(ambient::random_bytes::<8>());
    let played = which.plugins();
    let tenant = open_hospital(&mut story, &operator, (&played, plugins), vendor, &password).await?;
    for mut account in staff().into_iter().take(2).chain(STAFF[2..].iter().map(|role| employee(role))) {
        if account["login"] == "doctor" {
            account["roles"] = json!(["doctor", "public_health_doctor"]);
        }
        open_account(&operator, &tenant, account, &password).await?;
    }
    let administrator = anyone.sign_in(Some(&tenant), "administrator", &password).await?;
    story.step("A patient who was diagnosed elsewhere is enrolled by a doctor");
    let patient = patient::arrive(&administrator, &operator, (&tenant, "patient", &password), script.disease).await?;
    for (code, value, unit) in script.before {
        patient::import(&administrator, result(&patient.id, code, value, unit, Clock::default().now(), None)).await?;
    }
    if let Some(medicine) = script.medicine {
        let statement = json!({
            "resourceType": "MedicationStatement", "status": "active",
            "subject": { "reference": format!("Patient/{}", patient.id) },
            "medicationCodeableConcept": { "coding": [{ "system": "http://www.whocc.no/atc", "code": medicine }] },
            "effectivePeriod": { "start": Clock::default().now().plus_days(-400).to_string() },
        });
        patient::import(&administrator, statement).await?;
    }
    let doctor = anyone.sign_in(Some(&tenant), "doctor", &password).await?;
    if let Some(compartment) = script.plugin.compartment {
        let enrol = json!({ "patient": patient.id, "plugin": script.plugin.id });
        let refused = doctor.refused("/api/v1/enrolments", &enrol, "ACCESS_COMPARTMENT").await?;
        story.refused("enrolling without the patient's consent", &refused);
        for role in STAFF {
            let consent = json!({ "scope": { "compartment": compartment }, "recipient": { "role": role },
                                  "purposes": ["treatment"] });
            patient.client.post(&format!("/api/v1/patients/{}/consents", patient.id), &consent).await?;
        }
        story.say(format!("the patient opens the compartment {compartment} to the team"));
    }
    let visit = open_visit(&patient, &doctor, script.disease).await?;
    let enrol = json!({ "patient": patient.id, "plugin": script.plugin.id });
    let enrolled = doctor.post("/api/v1/enrolments", &enrol).await?;
    story.calls(&administrator, &enrolled).await?;
    let enrolment = format!("/api/v1/enrolments/{}", text(&enrolled, "/id")?);
    let mut scene = Scene {
        questionnaires: patient.client.get(&format!("{enrolment}/questionnaires")).await?,
        enrolment,
        story,
        server,
        script,
        tenant,
        operator_password: operator_password.to_owned(),
        password,
        patient,
        visit,
        began: Clock::default().now(),
        ahead: 0,
        clients: BTreeMap::new(),
        seen: BTreeSet::new(),
        counts: BTreeMap::new(),
    };
    scene.play().await?;
    scene.close().await?;
    let Scene { server, tenant, password, .. } = scene;
    Ok(Told { server, tenant, staff_password: password })
}

/// An account of a role, with its certificate.
fn employee(role: &str) -> Value {
    let (kind, more) = match role {
        "nurse" => ("nurse_registration", json!({ "institution": "City Hospital" })),
        "psychotherapist" => ("psychotherapist_title", json!({ "rank": "middle" })),
        "counsellor" => ("counsellor_bar", json!({ "charged_hours": 500 })),
        role => ("employer_proof", json!({ "institution": role })),
    };
    let mut paper = json!({
        "kind": kind, "number": format!("2015{:06}", STAFF.iter().position(|known| *known == role).unwrap_or_default()), "issued_by": "北京市卫生健康委员会",
        "issued_on": "2015-07-01", "valid_until": "2099-01-01",
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        paper[key] = value.clone();
    }
    json!({ "login": role, "roles": [role], "certificates": [paper],
            "filings": [{ "basis": "main", "from": "2020-01-01", "state": "in_force" }] })
}

fn result(patient: &str, code: &str, value: &str, unit: &str, at: Instant, based_on: Option<&str>) -> Value {
    let value: Value = serde_json::from_str(value).unwrap_or_default();
    let mut result = json!({
        "resourceType": "Observation", "status": "final", "subject": { "reference": format!("Patient/{patient}") },
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory",
        }] }],
        "code": { "coding": [{ "system": "http://loinc.org", "code": code }] }, "effectiveDateTime": at.to_string(),
        "valueQuantity": { "value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit },
    });
    if let Some(request) = based_on {
        result["basedOn"] = json!([{ "reference": format!("ServiceRequest/{request}") }]);
    }
    result
}

async fn open_visit(patient: &Patient, doctor: &Client, disease: &str) -> Result<String> {
    let consent = text(&patient.client.get("/api/v1/consent").await?, "/sha256")?;
    let ask = json!({ "patient": patient.id, "consent": consent, "evidence": [{
        "kind": "outpatient_record", "document": patient.evidence[0], "conditions": [patient.evidence[1]],
        "institution": "City Hospital",
    }] });
    let visit = patient.client.post("/api/v1/encounters", &ask).await?;
    let path = format!("/api/v1/encounters/{}", text(&visit, "/id")?);
    let accept = json!({ "diagnoses": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": disease }] });
    doctor.post(&format!("{path}/accept"), &accept).await?;
    Ok(path)
}

impl Scene {
    /// From one moment at which something is due to the next.
    async fn play(&mut self) -> Result<()> {
        self.story.step(&format!("{DAYS} days, from one due moment to the next: what each person sees and does"));
        let mut killed = KILLED.into_iter().peekable();
        let mut danger = DANGER.into_iter().enumerate().peekable();
        let mut now = self.began;
        loop {
            self.attend(now).await?;
            let end = self.began.plus_days(DAYS);
            if now >= end {
                return Ok(());
            }
            let due = self.next_due().await?.map_or(end, |due| due.max(now).plus_seconds(60));
            let mut next = due.min(now.plus_days(STRIDE)).min(end);
            if let Some(&(place, day)) = danger.peek()
                && self.script.suicidal.is_some()
                && next >= self.began.plus_days(day)
            {
                danger.next();
                next = self.began.plus_days(day).max(now);
                now = self.advance(next).await?;
                now = self.in_danger(now, place == 1).await?;
                continue;
            }
            if killed.next_if(|day| next >= self.began.plus_days(*day)).is_some() {
                self.server.kill().await?;
                let listen = self.server.address.trim_start_matches("http://").to_owned();
                self.server = Server::start(self.server.folder(), &listen, &self.operator_password).await?;
                self.story.say(format!("day {:3}  the server is killed (kill -9) and started again", self.day(now)));
            }
            now = self.advance(next).await?;
        }
    }

    fn day(&self, now: Instant) -> i64 {
        (now.micros() - self.began.micros()) / 86_400_000_000
    }

    /// Moves the clock, and waits until what is due was done.
    async fn advance(&mut self, next: Instant) -> Result<Instant> {
        let operator = Client::new(&self.server.address).sign_in(None, "operator", &self.operator_password).await?;
        let ahead = (next.micros() - Clock::default().now().micros()) / 1_000_000 - self.ahead;
        if ahead > 0 {
            operator.post("/api/v1/clock/advance", &json!({ "seconds": ahead })).await?;
            self.ahead += ahead;
        }
        self.clients.clear();
        self.patient.client = operator.sign_in(Some(&self.tenant), "patient", &self.password).await?;
        for _ in 0..500 {
            match self.next_due().await? {
                Some(due) if due <= next => tokio::time::sleep(Duration::from_millis(20)).await,
                _ => return Ok(next),
            }
        }
        bail!("what is due on day {} is not done within ten seconds", self.day(next))
    }

    async fn next_due(&self) -> Result<Option<Instant>> {
        let view = self.patient.client.get(&self.enrolment).await?;
        let open = view["timers"].as_array().into_iter().flatten().filter(|timer| timer["state"] == "open");
        Ok(open.filter_map(|timer| timer["due"].as_str().and_then(Instant::parse)).min())
    }

    async fn client(&mut self, role: &'static str) -> Result<Client> {
        if let Some(client) = self.clients.get(role) {
            return Ok(client.clone());
        }
        let anyone = Client::new(&self.server.address);
        let client = anyone.sign_in(Some(&self.tenant), role, &self.password).await?;
        self.clients.insert(role, client.clone());
        Ok(client)
    }

    fn saw(&mut self, now: Instant, who: &str, what: &'static str, text: &str) {
        *self.counts.entry((who.to_owned(), what)).or_default() += 1;
        let text: String = text.chars().take(110).collect();
        self.story.say(format!("day {:3}  {who:<20} {what:<8} {text}", self.day(now)));
    }

    /// Everybody looks, and does what is theirs.
    async fn attend(&mut self, now: Instant) -> Result<()> {
        self.tasks(now).await?;
        self.alerts(now).await?;
        self.requests(now).await?;
        self.decisions(now).await?;
        self.messages(now).await?;
        self.alerts(now).await?;
        self.holds(now).await
    }

    async fn messages(&mut self, now: Instant) -> Result<()> {
        let path = format!("/api/v1/patients/{}/messages", self.patient.id);
        let messages = self.patient.client.get(&path).await?;
        let mut asked = BTreeSet::new();
        for message in messages.as_array().into_iter().flatten().rev() {
            if !self.seen.insert(text(message, "/id")?) {
                continue;
            }
            self.saw(now, "patient", "reads", &words(&message["text"]));
            if let Some(code) = message["detail"]["questionnaire"].as_str() {
                asked.insert(code.to_owned());
            }
        }
        for code in asked {
            self.answer(now, &code, None).await?;
        }
        Ok(())
    }

    /// Answers a questionnaire as the script says; with this answer to one question, if given.
    async fn answer(&mut self, now: Instant, code: &str, instead: Option<(&str, Value)>) -> Result<Value> {
        let known = self.questionnaires.as_array().into_iter().flatten().find(|one| one["id"] == code);
        let known = known.with_context(|| format!("no questionnaire {code}"))?;
        let mut answers: Vec<Value> = Vec::new();
        for item in known["item"].as_array().into_iter().flatten() {
            if !is_asked(item, &answers) {
                continue;
            }
            let link = item["linkId"].as_str().unwrap_or_default();
            let said = match &instead {
                Some((other, value)) if *other == link => Some(value.clone()),
                _ => (self.script.answer)(self.day(now), code, link),
            };
            let value = match said {
                Some(value) => value,
                // What is asked only after another answer is not asked after ordinary ones.
                None if item["required"] == true && item["enableWhen"].is_null() => usual(item),
                None => continue,
            };
            answers.push(json!({ "link_id": link, "value": value }));
        }
        self.saw(now, "patient", "answers", code);
        let body = json!({ "questionnaire": code, "answers": answers });
        self.patient.client.post(&format!("{}/answers", self.enrolment), &body).await
    }

    /// Tasks that have come due are done by whom they were given to; the patient forgets one in four.
    async fn tasks(&mut self, now: Instant) -> Result<()> {
        let view = self.patient.client.get(&self.enrolment).await?;
        let fired: Vec<Value> = view["timers"].as_array().cloned().unwrap_or_default();
        for timer in fired.into_iter().filter(|timer| timer["state"] == "fired") {
            let id = text(&timer, "/id")?;
            if !self.seen.insert(id.clone()) {
                continue;
            }
            let task = self.patient.client.get(&format!("/fhir/R4/Task/{id}")).await?;
            let role = task["performerType"][0]["coding"][0]["code"].as_str().unwrap_or_default().replace('-', "_");
            let title = format!("{} {}", text(&timer, "/code")?, task["description"].as_str().unwrap_or_default());
            let login = if role == "public_health_doctor" { "doctor" } else { &role };
            let staff = STAFF.into_iter().find(|known| *known == login);
            if staff.is_none() && self.seen.len() % 4 == 3 {
                self.saw(now, &role, "forgets", &title);
                continue;
            }
            let client = match staff {
                Some(role) => self.client(role).await?,
                None => self.patient.client.clone(),
            };
            let done = client.post(&format!("/api/v1/tasks/{id}/done"), &Value::Null).await;
            done.with_context(|| format!("{role}: {title}"))?;
            self.saw(now, &role, "does", &title);
        }
        Ok(())
    }

    async fn alerts(&mut self, now: Instant) -> Result<()> {
        let doctor = self.client("doctor").await?;
        let alerts = doctor.get("/api/v1/alerts?state=open").await?;
        for alert in alerts.as_array().into_iter().flatten() {
            if alert["detail"]["contact"].is_string() {
                continue;
            }
            let owner = alert["told"].as_array().and_then(|told| told.first()?.as_str()).unwrap_or("doctor").to_owned();
            let said = format!("{} {}", text(alert, "/code")?, words(&alert["detail"]["alert"]["message"]));
            self.saw(now, &owner, "is told", &said);
            doctor.post(&format!("/api/v1/alerts/{}/acknowledge", text(alert, "/id")?), &Value::Null).await?;
        }
        for contact in doctor.get("/api/v1/safety-contacts").await?.as_array().into_iter().flatten() {
            self.saw(
                now,
                "doctor",
                "calls",
                &format!("{} by {}", text(contact, "/code")?, text(contact, "/deadline")?),
            );
            let path = format!("/api/v1/safety-contacts/{}/end", text(contact, "/id")?);
            let end = json!({ "outcome": "safe", "note": "Spoke with the patient: no thoughts of self-harm today.",
                              "findings": contact["findings"] });
            doctor.post(&path, &end).await?;
        }
        Ok(())
    }

    /// The laboratory does what was asked for.
    async fn requests(&mut self, now: Instant) -> Result<()> {
        let mut reported = false;
        let requests = format!("/fhir/R4/ServiceRequest?patient={}&_count=200", self.patient.id);
        let found = self.patient.client.get(&requests).await?;
        for entry in found["entry"].as_array().into_iter().flatten() {
            let (request, id) = (&entry["resource"], text(entry, "/resource/id")?);
            if !self.seen.insert(id.clone()) {
                continue;
            }
            let tests = request["orderDetail"].as_array().into_iter().flatten();
            for code in tests.filter_map(|test| test["coding"][0]["code"].as_str()) {
                let Some((value, unit)) = (self.script.result)(self.day(now), code) else { continue };
                let administrator = self.client("administrator").await?;
                let result = result(&self.patient.id, code, value, unit, now, Some(&id));
                patient::import(&administrator, result).await?;
                self.saw(now, "laboratory", "reports", &format!("{code}: {value} {unit}"));
                reported = true;
            }
        }
        if reported {
            tokio::time::sleep(TOLD).await;
        }
        Ok(())
    }

    /// Teams decide together, and who was referred is seen.
    async fn decisions(&mut self, now: Instant) -> Result<()> {
        let doctor = self.client("doctor").await?;
        let list = doctor.get(&format!("{}/requests", self.enrolment)).await?;
        for request in list.as_array().into_iter().flatten().filter(|one| one["state"] == "open") {
            let (path, code) = (format!("/api/v1/requests/{}", text(request, "/id")?), text(request, "/code")?);
            // What lapses at this moment is nobody's any more.
            let has_time = request["by"].as_str().and_then(Instant::parse).is_some_and(|by| by > now.plus_minutes(60));
            match request["kind"].as_str() {
                Some("team") if has_time => {
                    let seats = request["detail"]["asked"]["team"]["participants"].as_array().cloned();
                    let seats = seats.unwrap_or_default();
                    let role = |seat: &Value| STAFF.into_iter().find(|role| seat["role"] == *role);
                    let roles: Vec<&'static str> = seats.iter().filter_map(role).collect();
                    let people: BTreeSet<&str> = roles.iter().copied().collect();
                    if people.len() < seats.len() {
                        // One of each role works here: nobody speaks for two.
                        continue;
                    }
                    for (seat, role) in roles.iter().enumerate() {
                        let opinion = json!({ "seat": seat, "text": "As before." });
                        self.client(role).await?.post(&format!("{path}/opinions"), &opinion).await?;
                    }
                    doctor.post(&format!("{path}/plan"), &json!({ "text": "It goes on as it is." })).await?;
                    for (seat, role) in roles.iter().enumerate() {
                        // The plan as it was written: nobody has changed it.
                        let signature = json!({ "seat": seat, "plan": 1 });
                        self.client(role).await?.post(&format!("{path}/signatures"), &signature).await?;
                    }
                    self.saw(now, "doctor", "decides", &format!("{code}, with {}", roles[1..].join(" and ")));
                }
                Some("referral") => {
                    let found =
                        (self.script.found)(&code).map(|(system, code)| json!({ "system": system, "code": code }));
                    let outcome: Vec<Value> = found.into_iter().collect();
                    let seen = json!({ "note": "Seen in person.", "outcome": outcome });
                    doctor.post(&format!("{path}/fulfil"), &seen).await?;
                    self.saw(now, "doctor", "records", &format!("{code}: seen in person"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn holds(&mut self, now: Instant) -> Result<()> {
        let doctor = self.client("doctor").await?;
        let holds = doctor.get(&format!("/api/v1/patients/{}/holds", self.patient.id)).await?;
        for hold in holds.as_array().into_iter().flatten().filter(|hold| hold["active"] == true) {
            let release = json!({ "reason": "Seen in person: nothing speaks against prescribing online." });
            doctor.post(&format!("/api/v1/holds/{}/release", text(hold, "/id")?), &release).await?;
            self.saw(now, "doctor", "lifts", &text(hold, "/code")?);
        }
        Ok(())
    }

    /// The patient gives a suicidal answer, which must reach a person at once, also while the plugin is switched
    /// off; meanwhile the visit cannot be closed.
    async fn in_danger(&mut self, now: Instant, switched_off: bool) -> Result<Instant> {
        let Some((questionnaire, link, value)) = &self.script.suicidal else { return Ok(now) };
        let (questionnaire, link, value) = (questionnaire.to_owned(), link.to_owned(), value.clone());
        let plugin = format!("/api/v1/tenants/{}/plugins/{}", self.tenant, self.script.plugin.id);
        let operator = Client::new(&self.server.address).sign_in(None, "operator", &self.operator_password).await?;
        if switched_off {
            operator.post(&format!("{plugin}/disable"), &Value::Null).await?;
            self.story.say(format!("day {:3}  the plugin is switched off", self.day(now)));
        }
        let doctor = self.client("doctor").await?;
        let since = Stopwatch::now();
        let answered = self.answer(now, questionnaire, Some((link, value))).await?;
        for line in answered["safety"]["help"]["lines"].as_array().into_iter().flatten() {
            self.saw(now, "patient", "is shown", &format!("{} {}", text(line, "/number")?, words(&line["title"])));
        }
        let told = loop {
            let list = doctor.get("/api/v1/me/notifications").await?;
            let mut of_contact = list.as_array().into_iter().flatten();
            if let Some(found) = of_contact.find(|one| one["about"]["detail"]["contact"].is_string()) {
                break found.clone();
            }
            ensure!(since.elapsed().as_secs() < SECONDS, "the suicidal answer reached nobody in {SECONDS} seconds");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let said = words(&told["about"]["detail"]["alert"]["message"]);
        self.saw(now, "doctor", "is told", &said);
        self.story.say(format!("         that took {} ms of wall time", since.elapsed().as_millis()));
        let refused = doctor.ask(Method::POST, &format!("{}/close", self.visit), Some(&json!({}))).await?;
        ensure!(refused.body["code"] == "ENC_RED_FLAG_OPEN", "the visit could be closed: {}", refused.body);
        self.story.refused("closing the visit meanwhile", &refused.body);
        let contact = format!("/api/v1/safety-contacts/{}", text(&told, "/about/detail/contact")?);
        let read = doctor.get(&contact).await?;
        let kin = read["kin"]
            .as_array()
            .into_iter()
            .flatten()
            .find_map(|one| one["name"]["text"].as_str().map(str::to_owned));
        let nurse = self.client("nurse").await?;
        nurse
            .post(&format!("{contact}/attempts"), &json!({ "note": "The patient does not answer the phone." }))
            .await?;
        self.saw(now, "nurse", "calls", &format!("the patient, then {}", kin.context("nobody to call")?));
        let end = json!({ "outcome": "handed_over", "findings": read["findings"],
                          "note": "The brother took the patient to the emergency department." });
        let ended = doctor.post(&format!("{contact}/end"), &end).await?;
        let again: Vec<&str> = ended["repeats"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        self.saw(now, "doctor", "records", &format!("handed over; contact again {}", again.join(", ")));
        let mut now = now;
        if switched_off {
            operator.post(&format!("{plugin}/enable"), &Value::Null).await?;
            self.story.say(format!(
                "day {:3}  the plugin is switched on again, and gets what it was not told",
                self.day(now)
            ));
        }
        self.attend(now).await?;
        // After a day, three, and a week somebody contacts the patient again.
        for hours in [25, 48, 96] {
            now = self.advance(now.plus_hours(hours)).await?;
            let doctor = self.client("doctor").await?;
            let since = Stopwatch::now();
            while doctor.get("/api/v1/safety-contacts").await?.as_array().is_none_or(Vec::is_empty) {
                ensure!(since.elapsed().as_secs() < SECONDS, "nobody contacts the patient again");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            self.attend(now).await?;
        }
        Ok(now)
    }

    /// The books of the half year.
    async fn close(&mut self) -> Result<()> {
        self.story.step("What each person saw in half a year");
        for ((who, what), count) in &self.counts {
            self.story.say(format!("{who:<20} {what:<8} {count:4}"));
        }
        let view = self.patient.client.get(&self.enrolment).await?;
        self.story.say(format!("stage {} after {DAYS} days, active: {}", view["stage"], view["active"]));
        self.story.step("Every call stands on tape, in a hash chain");
        let chain = self.client("administrator").await?.get("/api/v1/calls/chain").await?;
        ensure!(chain["intact"] == true, "the chain is broken: {chain}");
        self.story.say(format!("{} calls, chain intact", chain["length"]));
        Ok(())
    }
}

/// Whether a question is asked after these answers: as FHIR `enableWhen` says of what was chosen, of yes or no, and of
/// whether there is an answer. What is of a number or more the patients of the demonstration do not reach.
fn is_asked(item: &Value, answers: &[Value]) -> bool {
    let Some(conditions) = item["enableWhen"].as_array() else { return true };
    let holds = |condition: &Value| {
        let given = answers.iter().find(|answer| answer["link_id"] == condition["question"]).map(|one| &one["value"]);
        match (condition["operator"].as_str(), given) {
            (Some("exists"), given) => condition["answerBoolean"] == given.is_some(),
            (Some("="), Some(given)) if !condition["answerCoding"].is_null() => {
                given["choice"]["code"] == condition["answerCoding"]["code"]
            }
            (Some("="), Some(given)) => given["boolean"] == condition["answerBoolean"],
            _ => false,
        }
    };
    match item["enableBehavior"].as_str() {
        Some("any") => conditions.iter().any(holds),
        _ => conditions.iter().all(holds),
    }
}

/// An ordinary answer to a question.
fn usual(item: &Value) -> Value {
    match item["type"].as_str().unwrap_or_default() {
        "boolean" => json!({ "boolean": false }),
        "integer" => json!({ "integer": 0 }),
        "choice" => {
            let first = &item["answerOption"][0]["valueCoding"];
            json!({ "choice": { "system": first["system"], "code": first["code"] } })
        }
        "quantity" => {
            json!({ "quantity": { "value": "1", "unit": item["extension"][0]["valueCoding"]["code"] } })
        }
        _ => json!({ "text": "-" }),
    }
}
