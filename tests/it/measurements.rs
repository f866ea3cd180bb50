//! Measurements reach pathways by whatever way they come in: once, in one unit, and if they can be
//! right. Points 4 and 5 of the safety issue.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Clinic, DIABETES, TestHospital, eventually, rules_on_both_engines};

rules_on_both_engines!(
    TestHospital:
    a_posted_glucose_alerts_and_holds_as_an_answered_one,
    every_way_in_is_an_event_exactly_once,
    what_is_sent_again_is_no_event_and_a_correction_is_one,
    history_is_context_and_no_alarm,
    the_same_device_value_twice_is_one,
    a_batch_of_a_sensor_is_one_event,
    what_a_patient_reports_is_no_laboratory_result,
    units_are_converted_for_every_pathway,
    an_implausible_value_is_kept_and_told_and_given_to_no_rule,
    what_is_no_amount_is_kept_and_told_and_given_to_no_rule,
    an_implausible_answer_is_refused_at_once,
    a_result_names_the_request_of_its_pathway,
);

/// A patient in the pathway, and what it was told.
pub struct Enrolled<'a> {
    pub hospital: &'a TestHospital,
    pub clinic: Clinic,
    /// `enr-…`
    pub id: String,
}

impl<'a> Enrolled<'a> {
    pub async fn open(hospital: &'a TestHospital) -> Self {
        let clinic = hospital.clinic(&[&DIABETES]).await;
        let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
        let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
        let id = enrolled["id"].as_str().expect("an id").to_owned();
        Self { hospital, clinic, id }
    }

    /// Events of a kind that the pathway was told and answered, oldest first.
    pub async fn events(&self, kind: &str) -> Vec<Value> {
        let calls = self.clinic.administrator.get(&format!("/api/v1/calls?about={}&limit=500", self.id)).await;
        let calls = calls.as_array().expect("calls").iter().rev();
        let events = calls.filter_map(|call| call.pointer("/tape/input/event")?.get(kind));
        // What was observed comes with where it is from.
        events.map(|event| event.get("observation").unwrap_or(event).clone()).collect()
    }

    /// The values of the observations that it was told, oldest first: `17.2 mmol/L`.
    pub async fn told(&self) -> Vec<String> {
        let quantity = |event: &Value| {
            let quantity = &event["value"]["quantity"];
            format!("{} {}", quantity["value"].as_str().unwrap_or("?"), quantity["unit"].as_str().unwrap_or("?"))
        };
        self.events("observed").await.iter().map(quantity).collect()
    }

    /// Waits until it was told these, and that nothing more follows.
    pub async fn hears(&self, wanted: &[&str]) {
        eventually(&format!("it hears {wanted:?}"), async || self.told().await.len() >= wanted.len()).await;
        for _ in 0..2 {
            self.hospital.advance(6).await;
            self.hospital.hospital.do_due_work().await;
        }
        assert_eq!(self.told().await, wanted);
    }

    /// Waits until all that is due was done: a timer and an event of one enrolment that meet are
    /// called again, and each call is on tape.
    pub async fn settles(&self) {
        let calls = async || self.clinic.administrator.get("/api/v1/calls?limit=1").await[0]["seq"].clone();
        let mut quiet = 0;
        let mut last = calls().await;
        while quiet < 5 {
            self.hospital.hospital.do_due_work().await;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let now = calls().await;
            quiet = if now == last { quiet + 1 } else { 0 };
            last = now;
        }
    }

    /// Codes of open alerts.
    pub async fn alerts(&self) -> Vec<Value> {
        let alerts = self.clinic.doctor.get("/api/v1/alerts?state=open").await;
        alerts.as_array().expect("alerts").clone()
    }

    pub async fn alert(&self, code: &str) -> Option<Value> {
        self.alerts().await.into_iter().find(|alert| alert["code"] == code)
    }

    pub async fn holds(&self) -> Vec<String> {
        let holds = self.clinic.doctor.get(&format!("/api/v1/patients/{}/holds", self.clinic.subject)).await;
        let active = holds.as_array().expect("holds").iter().filter(|hold| hold["active"] == true);
        active.map(|hold| hold["code"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub fn answers(&self) -> String {
        format!("/api/v1/enrolments/{}/answers", self.id)
    }

    /// A glucose of now, from a device.
    pub fn glucose(&self, value: &str, unit: &str) -> Value {
        self.result("14743-9", value, unit)
    }

    pub fn result(&self, loinc: &str, value: &str, unit: &str) -> Value {
        json!({
            "resourceType": "Observation", "status": "final",
            "category": [{ "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory",
            }] }],
            "code": { "coding": [{ "system": "http://loinc.org", "code": loinc }] },
            "subject": { "reference": format!("Patient/{}", self.clinic.subject) },
            "effectiveDateTime": self.hospital.now().to_string(),
            "valueQuantity": {
                "value": serde_json::from_str::<Value>(value).expect("a number"), "unit": unit,
                "system": "http://unitsofmeasure.org", "code": unit,
            },
        })
    }

    /// Posts a resource; returns `Observation/…`.
    pub async fn posted(&self, resource: Value) -> String {
        let created = self.clinic.administrator.post("/fhir/R4/Observation", resource).await;
        format!("Observation/{}", created["id"].as_str().expect("an id"))
    }
}

/// The answers of a follow-up.
pub fn follow_up(glucose: &str, fasting: bool) -> Value {
    json!({ "questionnaire": "follow-up", "answers": [
        { "link_id": "glucose", "value": { "quantity": { "value": glucose, "unit": "mmol/L" } } },
        { "link_id": "fasting", "value": { "boolean": fasting } },
        { "link_id": "needed-help", "value": { "boolean": false } },
    ] })
}

async fn a_posted_glucose_alerts_and_holds_as_an_answered_one(hospital: TestHospital) {
    for (value, code) in [("20", "GLUCOSE_CRITICAL_HIGH"), ("1.2", "GLUCOSE_CRITICAL_LOW")] {
        let answered = Enrolled::open(&hospital).await;
        // Not as a follow-up, which is judged as a whole, too.
        let mut recheck = follow_up(value, false);
        recheck["questionnaire"] = json!("recheck");
        recheck["answers"].as_array_mut().expect("answers").remove(1);
        answered.clinic.patient.post(&answered.answers(), recheck).await;
        let posted = Enrolled::open(&hospital).await;
        posted.posted(posted.glucose(value, "mmol/L")).await;
        eventually("the posted one alerts", async || posted.alert(code).await.is_some()).await;
        let mut both = Vec::new();
        for one in [&answered, &posted] {
            let alert = one.alert(code).await.expect("an alert");
            let severity = alert["detail"]["alert"]["severity"].clone();
            let codes: std::collections::BTreeSet<String> =
                one.alerts().await.iter().map(|alert| alert["code"].to_string()).collect();
            both.push((severity, codes, one.holds().await));
        }
        assert_eq!(both[0], both[1], "{value}");
        assert_eq!(both[1].2, ["critical-glucose"], "{value}");
        let visit = posted.clinic.visit().await;
        let line = crate::support::line("metformin-500mg-60", "1000", "2", 30, 2);
        let held = posted.clinic.draft(&visit, &[line]).await;
        posted.clinic.doctor.refused(&format!("{held}/sign"), json!({ "valid_days": 3 }), "ENC_RED_FLAG").await;
    }
}

async fn every_way_in_is_an_event_exactly_once(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let admin = &enrolled.clinic.administrator;
    let mut wanted: Vec<String> = Vec::new();
    let mut hears = async |value: &str| {
        wanted.push(format!("{value} mmol/L"));
        eventually(value, async || enrolled.told().await.len() >= wanted.len()).await;
        assert_eq!(enrolled.told().await, wanted);
    };
    let glucose = |value: &str| enrolled.glucose(value, "mmol/L");

    enrolled.posted(glucose("5.1")).await;
    hears("5.1").await;

    let mut updated = glucose("5.2");
    updated["id"] = json!("meter-1");
    admin.put("/fhir/R4/Observation/meter-1", updated.clone()).await;
    hears("5.2").await;

    let mut preliminary = glucose("5.3");
    preliminary["status"] = json!("preliminary");
    let path = format!("/fhir/R4/{}", enrolled.posted(preliminary).await);
    let patch = json!([{ "op": "replace", "path": "/status", "value": "final" }]).to_string();
    let patched = admin.exchange(Method::PATCH, &path, &[("content-type", "application/json-patch+json")], patch).await;
    assert!(patched.status.is_success(), "{}", patched.text());
    hears("5.3").await;

    let mut conditional = glucose("5.4");
    conditional["identifier"] = json!([{ "system": "urn:meter", "value": "5.4" }]);
    let body = conditional.to_string();
    for _ in 0..2 {
        let headers = [("content-type", "application/fhir+json"), ("if-none-exist", "identifier=urn:meter|5.4")];
        let created = admin.exchange(Method::POST, "/fhir/R4/Observation", &headers, body.clone()).await;
        assert!(created.status.is_success(), "{}", created.text());
    }
    hears("5.4").await;

    for (kind, value) in [("transaction", "5.5"), ("batch", "5.6")] {
        let entry = json!({ "resource": glucose(value), "request": { "method": "POST", "url": "Observation" } });
        admin.post("/fhir/R4", json!({ "resourceType": "Bundle", "type": kind, "entry": [entry] })).await;
        hears(value).await;
    }
    let today: Vec<Value> = ["5.7", "5.8", "5.9"].map(glucose).into();
    enrolled.clinic.import(&today).await;
    for value in ["5.7", "5.8", "5.9"] {
        wanted.push(format!("{value} mmol/L"));
    }
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    enrolled.hears(&wanted).await;
    // Nothing that the pathway did not ask for.
    enrolled.posted(enrolled.result("2823-3", "4.1", "mmol/L")).await;
    enrolled.hears(&wanted).await;
}

async fn what_is_sent_again_is_no_event_and_a_correction_is_one(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let admin = &enrolled.clinic.administrator;
    let path = format!("/fhir/R4/{}", enrolled.posted(enrolled.glucose("6.1", "mmol/L")).await);
    enrolled.hears(&["6.1 mmol/L"]).await;
    let sent = admin.get(&path).await;
    let again = admin.put(&path, sent.clone()).await;
    assert_eq!(again["meta"]["versionId"], "2", "a new version, and nothing new in it");
    let mut reworded = sent.clone();
    reworded["status"] = json!("amended");
    reworded["note"] = json!([{ "text": "recalibrated" }]);
    admin.put(&path, reworded).await;
    enrolled.hears(&["6.1 mmol/L"]).await;

    // Three days later it turns out to have been critical.
    hospital.advance(3 * 86_400).await;
    enrolled.settles().await;
    let mut corrected = sent.clone();
    corrected["status"] = json!("corrected");
    corrected["valueQuantity"]["value"] = json!(20);
    admin.put(&path, corrected.clone()).await;
    enrolled.hears(&["6.1 mmol/L", "20 mmol/L"]).await;
    assert!(enrolled.alert("GLUCOSE_CRITICAL_HIGH").await.is_some());
    admin.put(&path, corrected.clone()).await;
    let mut error = corrected;
    error["status"] = json!("entered-in-error");
    admin.put(&path, error).await;
    enrolled.hears(&["6.1 mmol/L", "20 mmol/L"]).await;
}

async fn history_is_context_and_no_alarm(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let dated = |value: &str, days: i64| {
        let mut result = enrolled.glucose(value, "mmol/L");
        result["effectiveDateTime"] = json!(hospital.now().plus_days(-days).to_string());
        result
    };
    enrolled.clinic.import(&[dated("22", 400), dated("21", 30)]).await;
    // Drawn before the enrolment, and written after it, without saying when it was issued.
    enrolled.clinic.import(&[dated("8.1", 2)]).await;
    enrolled.hears(&["8.1 mmol/L"]).await;
    hospital.advance(10 * 86_400).await;
    enrolled.settles().await;
    // Since the enrolment, and old; a correction of what was never news is none either.
    let old = enrolled.clinic.import(&[dated("24", 9)]).await.remove(0);
    let path = format!("/fhir/R4/{old}");
    let mut corrected = enrolled.clinic.administrator.get(&path).await;
    corrected["valueQuantity"]["value"] = json!(23);
    enrolled.clinic.administrator.put(&path, corrected).await;
    enrolled.clinic.import(&[enrolled.glucose("6.6", "mmol/L")]).await;
    enrolled.hears(&["8.1 mmol/L", "6.6 mmol/L"]).await;
    assert!(enrolled.alert("GLUCOSE_CRITICAL_HIGH").await.is_none());
    // It is in the snapshot all the same.
    let calls = enrolled.clinic.administrator.get(&format!("/api/v1/calls?about={}&limit=1", enrolled.id)).await;
    let seen = calls[0]["tape"]["input"]["snapshot"]["observations"].to_string();
    for value in ["22", "23", "21"] {
        assert!(seen.contains(&format!("\"value\":\"{value}\"")), "{value}: {seen}");
    }
    // A result that takes days is news when it is issued.
    let mut late = dated("19", 5);
    late["issued"] = json!(hospital.now().to_string());
    enrolled.clinic.import(&[late]).await;
    enrolled.hears(&["8.1 mmol/L", "6.6 mmol/L", "19 mmol/L"]).await;
    assert!(enrolled.alert("GLUCOSE_CRITICAL_HIGH").await.is_some(), "drawn five days ago");
    // A week later, a correction of what was news.
    hospital.advance(9 * 86_400).await;
    enrolled.settles().await;
    let known = enrolled.clinic.found_in_record("Observation").await;
    let mut corrected = known.into_iter().find(|one| one["valueQuantity"]["value"] == 19).expect("the result");
    corrected["valueQuantity"]["value"] = json!(9);
    let path = format!("/fhir/R4/Observation/{}", corrected["id"].as_str().expect("an id"));
    enrolled.clinic.administrator.put(&path, corrected).await;
    enrolled.hears(&["8.1 mmol/L", "6.6 mmol/L", "19 mmol/L", "9 mmol/L"]).await;
}

async fn the_same_device_value_twice_is_one(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let reading = enrolled.glucose("6.4", "mmol/L");
    let first = enrolled.posted(reading.clone()).await;
    let second = enrolled.posted(reading.clone()).await;
    assert_ne!(first, second, "both are in the record");
    enrolled.clinic.import(&[reading.clone(), reading.clone()]).await;
    // In other words, the same.
    let mut respelled = reading.clone();
    respelled["valueQuantity"]["value"] = serde_json::from_str("6.40").expect("a number");
    respelled["valueQuantity"]["code"] = json!("mmol/l");
    enrolled.posted(respelled).await;
    enrolled.hears(&["6.4 mmol/L"]).await;
    // Another moment, and another value of the same moment, are others.
    let mut later = reading.clone();
    later["effectiveDateTime"] = json!(hospital.now().plus_seconds(60).to_string());
    enrolled.posted(later).await;
    enrolled.hears(&["6.4 mmol/L", "6.4 mmol/L"]).await;
    let mut differing = reading.clone();
    differing["valueQuantity"]["value"] = json!(6.5);
    let differing = enrolled.posted(differing).await;
    let mut told = vec!["6.4 mmol/L", "6.4 mmol/L", "6.5 mmol/L"];
    enrolled.hears(&told).await;
    // A bound is another value.
    for comparator in ["<", ">"] {
        let mut bound = reading.clone();
        bound["valueQuantity"]["comparator"] = json!(comparator);
        enrolled.posted(bound).await;
        told.push("6.4 mmol/L");
        enrolled.hears(&told).await;
    }
    // What was entered in error, or corrected to something else, is in the record no more.
    let admin = &enrolled.clinic.administrator;
    let change = async |path: &str, change: fn(&mut Value)| {
        let path = format!("/fhir/R4/{path}");
        let mut known = admin.get(&path).await;
        change(&mut known);
        admin.put(&path, known).await;
    };
    change(&differing, |known| known["status"] = json!("entered-in-error")).await;
    let mut again = reading.clone();
    again["valueQuantity"]["value"] = json!(6.5);
    let again = enrolled.posted(again).await;
    told.push("6.5 mmol/L");
    enrolled.hears(&told).await;
    change(&again, |known| known["valueQuantity"]["value"] = json!(6.7)).await;
    told.push("6.7 mmol/L");
    enrolled.hears(&told).await;
    for (value, heard) in [(6.5, Some("6.5 mmol/L")), (6.7, None)] {
        let mut posted = reading.clone();
        posted["valueQuantity"]["value"] = json!(value);
        enrolled.posted(posted).await;
        told.extend(heard);
        enrolled.hears(&told).await;
    }
    // What the pathway may not see says nothing to it.
    let mut hidden = reading;
    hidden["valueQuantity"]["value"] = json!(6.8);
    let mut open = hidden.clone();
    hidden["meta"] =
        json!({ "security": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV" }] });
    enrolled.clinic.import(&[hidden]).await;
    enrolled.hears(&told).await;
    enrolled.posted(open.take()).await;
    told.push("6.8 mmol/L");
    enrolled.hears(&told).await;
}

async fn a_batch_of_a_sensor_is_one_event(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let start = hospital.now().plus_minutes(-180);
    let sensor = |more: Value| {
        let mut sent = enrolled.result("105272-9", "1", "mmol/L");
        let fields = sent.as_object_mut().expect("fields");
        fields.remove("valueQuantity");
        fields.insert("device".into(), json!({ "display": "glucose sensor" }));
        fields.extend(more.as_object().expect("fields").clone());
        sent
    };
    let batch = |from: i64, data: &str, unit: &str| {
        sensor(json!({
            "effectiveDateTime": start.plus_minutes(from).to_string(),
            "valueSampledData": { "origin": { "value": 0, "code": unit }, "period": 300_000, "dimensions": 1, "data": data },
        }))
    };
    // Points, those that came twice, those that cannot be true; in the order in which they were told.
    let told = async || {
        let events = enrolled.events("streamed").await;
        let of = |event: &Value| {
            assert_eq!((&event["code"]["code"], &event["unit"]), (&json!("105272-9"), &json!("mmol/L")));
            let points = event["points"].as_array().expect("points").len();
            (points, event["duplicates"].as_u64().expect("a number"), event["implausible"].as_u64().expect("a number"))
        };
        events.iter().map(of).collect::<Vec<_>>()
    };
    let hears = async |wanted: &[(usize, u64, u64)]| {
        eventually(&format!("it hears {wanted:?}"), async || told().await.len() >= wanted.len()).await;
        for _ in 0..2 {
            hospital.advance(6).await;
            hospital.hospital.do_due_work().await;
        }
        assert_eq!(told().await, wanted);
    };
    enrolled.posted(batch(0, "5.6 5.8 E 6.1 99 6.0", "mmol/L")).await;
    hears(&[(4, 0, 1)]).await;
    assert!(enrolled.alert("MEASUREMENT_IMPLAUSIBLE").await.is_some(), "a person looks at it");
    // It is sent again, with more; and again, as it was.
    enrolled.posted(batch(0, "5.6 5.8 E 6.1 6.2 6.0 6.3 6.4", "mmol/L")).await;
    hears(&[(4, 0, 1), (3, 4, 0)]).await;
    enrolled.posted(batch(0, "5.6 5.8 E 6.1 6.2", "mmol/L")).await;
    hears(&[(4, 0, 1), (3, 4, 0)]).await;
    // Single values of one write: twelve are one event, in the unit of the host; two of them it knows.
    let single = |place: i64| {
        sensor(json!({
            "code": { "coding": [{ "system": "http://loinc.org", "code": "99504-3" }] },
            "effectiveDateTime": start.plus_minutes(60 + 5 * place).to_string(),
            "valueQuantity": { "value": 100 + place, "system": "http://unitsofmeasure.org", "code": "mg/dL" },
        }))
    };
    let before = enrolled.told().await;
    let mut singles: Vec<Value> = (0..12).map(single).collect();
    singles.extend([single(3), single(4)]);
    enrolled.clinic.import(&singles).await;
    hears(&[(4, 0, 1), (3, 4, 0), (12, 2, 0)]).await;
    assert_eq!(enrolled.told().await, before, "none of them for itself");
    let few: Vec<Value> = (20..23).map(single).collect();
    enrolled.clinic.import(&few).await;
    eventually("a few are told one by one", async || enrolled.told().await.len() == before.len() + 3).await;
    hears(&[(4, 0, 1), (3, 4, 0), (12, 2, 0)]).await;
    assert!(enrolled.alert("UNIT_NOT_UNDERSTOOD").await.is_none());
    enrolled.posted(batch(120, "5.6 5.7", "furlong")).await;
    eventually("somebody is told", async || enrolled.alert("UNIT_NOT_UNDERSTOOD").await.is_some()).await;
    hears(&[(4, 0, 1), (3, 4, 0), (12, 2, 0)]).await;
}

async fn what_a_patient_reports_is_no_laboratory_result(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let clinic = &enrolled.clinic;
    let mut answers = follow_up("6.2", true);
    let hba1c = json!({ "link_id": "hba1c", "value": { "quantity": { "value": "8.90", "unit": "%" } } });
    answers["answers"].as_array_mut().expect("answers").push(hba1c);
    let timers = |view: &Value| -> Vec<Value> {
        let timers = view["timers"].as_array().cloned().unwrap_or_default();
        timers.into_iter().filter(|timer| timer["code"] == "hba1c" && timer["state"] == "open").collect()
    };
    let enrolment = format!("/api/v1/enrolments/{}", enrolled.id);
    let before = timers(&clinic.patient.get(&enrolment).await);
    clinic.patient.post(&enrolled.answers(), answers).await;
    // Each answer once, and before the response as a whole.
    enrolled.hears(&["6.2 mmol/L", "8.90 %"]).await;
    assert_eq!(enrolled.events("answered").await.len(), 1);
    for event in enrolled.events("observed").await {
        let marks = event["attributes"].as_array().expect("attributes").iter();
        let mut mark = marks.filter(|mark| mark["key"] == "xinglin.self-reported");
        assert_eq!(mark.next().map(|mark| &mark["value"]), Some(&json!({ "boolean": true })), "{event}");
    }
    assert_eq!(timers(&clinic.patient.get(&enrolment).await), before, "a typed HbA1c decides nothing");

    let patient = format!("Patient/{}", clinic.subject);
    let reported: Vec<Value> = clinic.found_in_record("Observation").await;
    let reported: Vec<&Value> =
        reported.iter().filter(|one| one["category"][0]["coding"][0]["code"] == "survey").collect();
    assert_eq!(reported.len(), 2);
    let me = clinic.patient.get("/api/v1/me").await;
    for observation in reported {
        assert_eq!(observation["performer"], json!([{ "reference": patient }]));
        assert_eq!(observation["extension"][0]["valueIdentifier"]["value"], me["id"], "{observation}");
        assert!(observation["effectiveDateTime"].is_string());
    }

    // What claims to be a laboratory's, and was reported by the patient, is not.
    let mut claimed = enrolled.result("4548-4", "9.1", "%");
    claimed["performer"] = json!([{ "reference": patient }]);
    enrolled.posted(claimed).await;
    enrolled.hears(&["6.2 mmol/L", "8.90 %", "9.1 %"]).await;
    assert_eq!(timers(&clinic.patient.get(&enrolment).await), before);
    enrolled.posted(enrolled.result("4548-4", "9.2", "%")).await;
    enrolled.hears(&["6.2 mmol/L", "8.90 %", "9.1 %", "9.2 %"]).await;
    assert_ne!(timers(&clinic.patient.get(&enrolment).await), before, "a laboratory's does");

    // Who of the care team writes for the patient is the author and the performer.
    let nurse = crate::support::Person::new("nurse", "nurse").licensed(&json!({}));
    let (nurse, account) = clinic.hire(nurse).await;
    nurse.post(&enrolled.answers(), follow_up("6.3", true)).await;
    let written = clinic.found_in_record("Observation").await;
    let digits: Value = serde_json::from_str("6.3").expect("a number");
    let written = written.iter().find(|one| one["valueQuantity"]["value"] == digits).expect("written");
    assert_eq!(written["performer"][0]["reference"], format!("Practitioner/{account}"));
}

async fn units_are_converted_for_every_pathway(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    enrolled.posted(enrolled.glucose("6.1", "mmol/l")).await;
    enrolled.posted(enrolled.result("2339-0", "100", "mg/dl")).await;
    enrolled.posted(enrolled.result("59261-8", "53", "mmol/mol")).await;
    enrolled.posted(enrolled.result("8480-6", "128", "mmHg")).await;
    enrolled.posted(enrolled.glucose("360", "mg/dL")).await;
    let wanted = ["6.1 mmol/L", "5.5499 mmol/L", "7.00044 %", "128 mm[Hg]", "19.9798 mmol/L"];
    enrolled.hears(&wanted).await;
    let events = enrolled.events("observed").await;
    let codes = |event: &Value| -> Vec<String> {
        let codes = event["code"].as_array().expect("codes").iter();
        codes.map(|code| code["code"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(codes(&events[1]), ["15074-8", "2339-0"], "the unit decides the code");
    assert_eq!(codes(&events[2]), ["4548-4", "59261-8"]);
    let alert = enrolled.alert("GLUCOSE_CRITICAL_HIGH").await.expect("an alert");
    assert!(alert.to_string().contains("19.9798 mmol/L (360 mg/dL)"), "as it was sent, too: {alert}");
    assert_eq!(enrolled.holds().await, ["critical-glucose"]);
    // The snapshot says the same, and the record what was sent.
    let calls = enrolled.clinic.administrator.get(&format!("/api/v1/calls?about={}&limit=1", enrolled.id)).await;
    let seen = calls[0]["tape"]["input"]["snapshot"]["observations"].as_array().expect("observations").clone();
    let units: std::collections::BTreeSet<&str> =
        seen.iter().filter_map(|one| one.pointer("/value/quantity/unit")?.as_str()).collect();
    assert!(!units.contains("mg/dL") && !units.contains("mmol/l") && !units.contains("mmol/mol"), "{units:?}");
    let kept = enrolled.clinic.found_in_record("Observation").await;
    assert!(kept.iter().any(|one| one["valueQuantity"]["value"] == 360 && one["valueQuantity"]["code"] == "mg/dL"));
}

async fn an_implausible_value_is_kept_and_told_and_given_to_no_rule(hospital: TestHospital) {
    for (loinc, value, unit, code) in [
        ("14743-9", "-5", "mmol/L", "MEASUREMENT_IMPLAUSIBLE"),
        ("14743-9", "0", "mmol/L", "MEASUREMENT_IMPLAUSIBLE"),
        ("4548-4", "64", "%", "MEASUREMENT_IMPLAUSIBLE"),
        ("14743-9", "7.2", "g/L", "UNIT_NOT_UNDERSTOOD"),
    ] {
        let enrolled = Enrolled::open(&hospital).await;
        let path = format!("/fhir/R4/{}", enrolled.posted(enrolled.result(loinc, value, unit)).await);
        eventually("somebody is told", async || enrolled.alert(code).await.is_some()).await;
        let alert = enrolled.alert(code).await.expect("an alert");
        assert_eq!(alert["detail"]["alert"]["owner"], "doctor");
        assert!(alert.to_string().contains(&format!("{value} {unit}")), "{alert}");
        enrolled.hears(&[]).await;
        assert!(enrolled.holds().await.is_empty(), "{value} {unit}");
        assert!(enrolled.alert("PATHWAY_SILENT").await.is_none(), "no rule stumbles over it");
        let kept = enrolled.clinic.doctor.get(&path).await;
        assert_eq!(kept["valueQuantity"]["value"].to_string(), value);
        // The next step sees that there is a value, and not which.
        enrolled.posted(enrolled.glucose("6.1", "mmol/L")).await;
        enrolled.hears(&["6.1 mmol/L"]).await;
        let calls = enrolled.clinic.administrator.get(&format!("/api/v1/calls?about={}&limit=1", enrolled.id)).await;
        let seen = calls[0]["tape"]["input"]["snapshot"]["observations"].as_array().expect("observations").clone();
        let refused = |one: &&Value| one["attributes"].to_string().contains(code);
        assert_eq!(seen.iter().find(refused).map(|one| &one["value"]), Some(&json!("absent")), "{value} {unit}");
    }
}

async fn what_is_no_amount_is_kept_and_told_and_given_to_no_rule(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let text = json!([{ "code": { "text": "餐后" }, "valueBoolean": true }]);
    for (loinc, sent) in [
        ("14743-9", json!({ "valueCodeableConcept": { "text": "Hi" } })),
        ("14743-9", json!({ "valueBoolean": true })),
        ("14743-9", json!({ "valueInteger": 7 })),
        ("4548-4", json!({ "valueRange": { "low": { "value": 6 }, "high": { "value": 7 } } })),
        ("14743-9", json!({ "component": text })),
    ] {
        let mut result = enrolled.result(loinc, "1", "1");
        let fields = result.as_object_mut().expect("fields");
        fields.remove("valueQuantity");
        fields.extend(sent.as_object().expect("fields").clone());
        let path = enrolled.posted(result).await;
        let alerted = async || enrolled.alerts().await.iter().any(|alert| alert.to_string().contains(&path));
        eventually(&sent.to_string(), alerted).await;
    }
    // Parts that may mean something are given, without a value; the pathway copes.
    enrolled.posted(enrolled.glucose("6.1", "mmol/L")).await;
    enrolled.hears(&["? ?", "6.1 mmol/L"]).await;
    let codes: std::collections::BTreeSet<String> =
        enrolled.alerts().await.iter().map(|alert| alert["code"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(codes.contains("UNIT_NOT_UNDERSTOOD") && !codes.contains("PATHWAY_SILENT"), "{codes:?}");
}

async fn an_implausible_answer_is_refused_at_once(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    let before = enrolled.clinic.found_in_record("Observation").await.len();
    for value in ["0", "-5", "126"] {
        let path = enrolled.answers();
        let patient = &enrolled.clinic.patient;
        let refused = patient.refused(&path, follow_up(value, true), "MEASUREMENT_IMPLAUSIBLE").await;
        assert_eq!(refused["path"], "answers.glucose", "{refused}");
    }
    assert_eq!(enrolled.clinic.found_in_record("Observation").await.len(), before, "nothing is stored");
    let mut respelled = follow_up("6.1", true);
    respelled["answers"][0]["value"]["quantity"]["unit"] = json!("mmol/l");
    enrolled.clinic.patient.post(&enrolled.answers(), respelled).await;
    enrolled.hears(&["6.1 mmol/L"]).await;
}

async fn a_result_names_the_request_of_its_pathway(hospital: TestHospital) {
    let enrolled = Enrolled::open(&hospital).await;
    // The last HbA1c was off target, five weeks ago: one is due every 90 days.
    hospital.advance(56 * 86_400).await;
    let requested = async || {
        let requests = enrolled.clinic.found_in_record("ServiceRequest").await;
        requests.into_iter().find(|one| one["orderDetail"][0]["coding"][0]["code"] == "4548-4")
    };
    eventually("HbA1c is requested", async || requested().await.is_some()).await;
    enrolled.settles().await;
    let request = requested().await.expect("a request");
    assert_eq!(request["basedOn"][0]["reference"], format!("CarePlan/{}", enrolled.id));
    let mut result = enrolled.result("4548-4", "7.1", "%");
    result["basedOn"] = json!([{ "reference": format!("ServiceRequest/{}", request["id"].as_str().expect("an id")) }]);
    enrolled.posted(result).await;
    enrolled.posted(enrolled.glucose("6.1", "mmol/L")).await;
    enrolled.hears(&["7.1 %", "6.1 mmol/L"]).await;
    let named = |event: &Value| {
        let marks = event["attributes"].as_array().cloned().unwrap_or_default();
        marks.into_iter().find(|mark| mark["key"] == "xinglin.request").map(|mark| mark["value"]["text"].clone())
    };
    let events = enrolled.events("observed").await;
    assert_eq!(named(&events[0]).as_ref(), Some(&request["id"]));
    assert_eq!(named(&events[1]), None, "nobody requested it");
    // Nobody else writes such requests.
    let mut forged = request.clone();
    forged["status"] = json!("completed");
    let path = format!("/fhir/R4/ServiceRequest/{}", request["id"].as_str().expect("an id"));
    enrolled.clinic.administrator.ask(Method::PUT, &path, Some(forged)).await.refused(&path, "FHIR_INVALID");
}
