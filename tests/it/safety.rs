//! What a patient can be harmed by: `docs/safety.md` has the hazards; each test here is the control
//! of one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Clinic, DIABETES, DRUG_SAFETY, TestHospital,
    clinic::{checklist, confirm_path, confirmation, draft, id, medicine},
    eventually, frozen, line, record, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    a_medicine_is_in_use_from_its_signature_until_its_supply_ends,
    what_was_never_bought_lapses,
    an_imported_dispense_counts,
    an_allergy_after_the_signature_stops_every_later_act,
    a_stopped_visit_stops_every_later_act,
    a_hold_stops_every_later_act,
    a_suspended_person_is_named_in_no_act,
    nothing_is_done_for_the_dead,
    a_record_not_in_use_is_not_treated,
    a_check_sees_restricted_medicines_and_says_nothing_of_them,
    without_a_required_checker_nobody_signs,
    a_warning_is_acknowledged_by_plugin_and_code_with_a_reason,
    another_interaction_of_the_same_code_is_not_acknowledged,
);

const NITROGLYCERIN: &str = "nitroglycerin-0.5mg-100";
const AZITHROMYCIN: &str = "azithromycin-500mg-6";
const SILDENAFIL: &str = "sildenafil-50mg-10";

/// A clinic that also sells a nitrate and a medicine that must not be taken with it.
async fn clinic(hospital: &TestHospital) -> Clinic {
    let clinic = hospital.clinic(&[&DRUG_SAFETY]).await;
    let path = format!("/api/v1/tenants/{}/formulary", clinic.tenant);
    let mut formulary = clinic.doctor.get("/api/v1/formulary").await;
    let sold = |code: &str, title: &str, atc: &str, milligrams: &str| {
        json!({
            "code": code, "title": title, "kind": "medicine", "price_fen": 3000,
            "codings": [
                { "system": "https://xinglin.dev/catalogue", "code": code },
                { "system": "http://www.whocc.no/atc", "code": atc },
            ],
            "ingredients": [{ "system": "http://www.whocc.no/atc", "code": atc }],
            "pack": { "value": milligrams, "unit": "mg" },
        })
    };
    let items = formulary["items"].as_array_mut().expect("items");
    items.push(sold(NITROGLYCERIN, "硝酸甘油片", "C01DA02", "50"));
    items.push(sold(AZITHROMYCIN, "阿奇霉素片", "J01FA10", "3000"));
    items.push(sold(SILDENAFIL, "枸橼酸西地那非片", "G04BE03", "500"));
    clinic.operator.put(&path, formulary).await;
    clinic
}

fn nitroglycerin() -> Value {
    line(NITROGLYCERIN, "0.5", "4", 25, 1)
}

fn sildenafil() -> Value {
    line(SILDENAFIL, "50", "1", 10, 1)
}

/// The stored document of a prescription.
fn state(prescription: &Value) -> &Value {
    prescription["detail"].as_object().and_then(|states| states.values().next()).expect("a state")
}

/// A draft of one medicine in a visit of its own; its path.
async fn drafted(clinic: &Clinic, line: Value) -> String {
    clinic.draft(&clinic.visit().await, &[line]).await
}

/// Findings of a refused signature.
async fn vetoed(clinic: &Clinic, prescription: &str) -> Vec<String> {
    let sign = format!("{prescription}/sign");
    let refused = clinic.doctor.refused(&sign, json!({ "valid_days": 3 }), "RX_VETOED").await;
    let findings = refused["findings"].as_array().expect("findings");
    findings.iter().map(|found| found["code"].as_str().expect("a code").to_owned()).collect()
}

async fn pay(clinic: &Clinic, prescription: &str) {
    let quote = clinic.quote(prescription).await;
    clinic.confirm(&quote).await;
}

async fn dispense(clinic: &Clinic, prescription: &str) {
    let handout = clinic.handout(prescription).await;
    clinic.pharmacist.post(&format!("{prescription}/dispense"), handout).await;
}

async fn a_medicine_is_in_use_from_its_signature_until_its_supply_ends(hospital: TestHospital) {
    let clinic = clinic(&hospital).await;
    let [nitrate, other] = [drafted(&clinic, nitroglycerin()).await, drafted(&clinic, sildenafil()).await];
    clinic.sign(&nitrate).await;
    assert_eq!(vetoed(&clinic, &other).await, ["DDI_PDE5_NITRATE"], "signed");
    clinic.approve(&nitrate).await;
    assert_eq!(vetoed(&clinic, &other).await, ["DDI_PDE5_NITRATE"], "approved");
    pay(&clinic, &nitrate).await;
    assert_eq!(vetoed(&clinic, &other).await, ["DDI_PDE5_NITRATE"], "paid");
    dispense(&clinic, &nitrate).await;
    assert_eq!(vetoed(&clinic, &other).await, ["DDI_PDE5_NITRATE"], "dispensed");
    // A hundred tablets, four a day: 25 days.
    hospital.advance(24 * 86_400).await;
    let other = drafted(&clinic, sildenafil()).await;
    assert_eq!(vetoed(&clinic, &other).await, ["DDI_PDE5_NITRATE"], "some are left");
    hospital.advance(86_400).await;
    let other = drafted(&clinic, sildenafil()).await;
    clinic.sign(&other).await;
}

async fn what_was_never_bought_lapses(hospital: TestHospital) {
    let clinic = clinic(&hospital).await;
    let nitrate = drafted(&clinic, nitroglycerin()).await;
    clinic.sign(&nitrate).await;
    clinic.approve(&nitrate).await;
    let other = drafted(&clinic, sildenafil()).await;
    assert_eq!(vetoed(&clinic, &other).await, ["DDI_PDE5_NITRATE"]);
    hospital.advance(3 * 86_400).await;
    eventually("it expires", async || clinic.doctor.get(&nitrate).await["status"] == "EXPIRED").await;
    let other = drafted(&clinic, sildenafil()).await;
    clinic.sign(&other).await;
}

async fn an_imported_dispense_counts(hospital: TestHospital) {
    let clinic = clinic(&hospital).await;
    let nitrate = |ago: i64, days: u32| {
        json!({
            "resourceType": "MedicationDispense", "status": "completed",
            "subject": { "reference": format!("Patient/{}", clinic.subject) },
            "medicationCodeableConcept": { "coding": [{ "system": "http://www.whocc.no/atc", "code": "C01DA02" }] },
            "whenHandedOver": hospital.now().plus_days(-ago).to_string(),
            "daysSupply": { "value": days, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d" },
        })
    };
    clinic.import(&[nitrate(40, 30)]).await;
    let prescription = drafted(&clinic, sildenafil()).await;
    clinic.sign(&prescription).await;
    clinic.import(&[nitrate(5, 30)]).await;
    let prescription = drafted(&clinic, sildenafil()).await;
    assert!(vetoed(&clinic, &prescription).await.contains(&"DDI_PDE5_NITRATE".to_owned()));
}

/// Every act on a signed prescription, each on one in the state before it, is refused with the code
/// after `change`.
///
/// Returns the bill that was quoted and the one that was paid.
async fn refused_afterwards(clinic: &Clinic, code: &str, change: impl AsyncFnOnce(&[String; 4])) -> [String; 2] {
    let signed = clinic.signed().await;
    let [approved, quoted, paid] = [clinic.approved().await, clinic.approved().await, clinic.approved().await];
    let quote = clinic.quote(&quoted).await;
    let bill = clinic.quote(&paid).await;
    clinic.confirm(&bill).await;
    let handout = clinic.handout(&paid).await;
    change(&[signed.clone(), approved.clone(), quoted.clone(), paid.clone()]).await;
    clinic.pharmacist.refused(&format!("{signed}/approve"), checklist(), code).await;
    clinic.patient.refused("/api/v1/charges", json!({ "prescription": id(&approved) }), code).await;
    clinic.patient.refused(&confirm_path(&quote), confirmation(&quote), code).await;
    clinic.pharmacist.refused(&format!("{paid}/dispense"), handout, code).await;
    for (prescription, status) in [(&signed, "PENDING_REVIEW"), (&approved, "EFFECTIVE"), (&quoted, "EFFECTIVE")] {
        assert_eq!(clinic.doctor.get(prescription).await["status"], status, "{prescription}");
    }
    // Still paid for, or refunded already.
    let state = clinic.doctor.get(&paid).await["status"].clone();
    assert!(state == "RESERVED" || state == "EFFECTIVE", "{state}");
    [quote, bill].map(|bill| format!("/api/v1/charges/{}", bill["id"].as_str().expect("an id")))
}

/// The job closes what was quoted and refunds what was paid.
async fn money_goes_back(hospital: &TestHospital, clinic: &Clinic, [quoted, paid]: &[String; 2]) {
    hospital.advance(1).await;
    let status = async |bill: &str| clinic.patient.get(bill).await["status"].clone();
    eventually("the bills are closed", async || {
        status(quoted).await == "ABANDONED" && status(paid).await == "REVERSED"
    })
    .await;
    clinic.balanced().await;
}

/// What the patient was told of bills and prescriptions, by occasion, with whether a bill is named.
async fn told(clinic: &Clinic) -> Vec<(String, bool)> {
    let messages = clinic.patient.get(&format!("/api/v1/patients/{}/messages", clinic.subject)).await;
    let notices = messages.as_array().expect("messages").iter().map(|message| &message["detail"]);
    let mut told: Vec<(String, bool)> = notices
        .filter_map(|notice| Some((notice["occasion"].as_str()?.to_owned(), notice["charge"].is_string())))
        .collect();
    told.sort();
    told
}

fn occasions(all: &[(&str, bool)]) -> Vec<(String, bool)> {
    all.iter().map(|(occasion, bill)| ((*occasion).to_owned(), *bill)).collect()
}

async fn an_allergy_after_the_signature_stops_every_later_act(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DRUG_SAFETY]).await;
    let _ = refused_afterwards(&clinic, "RX_ALLERGY", async |_| {
        clinic.import(&[allergy(&clinic, "A10BA02")]).await;
    })
    .await;
}

pub fn allergy(clinic: &Clinic, atc: &str) -> Value {
    json!({
        "resourceType": "AllergyIntolerance", "patient": { "reference": format!("Patient/{}", clinic.subject) },
        "clinicalStatus": { "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active",
        }] },
        "verificationStatus": { "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "code": "confirmed",
        }] },
        "criticality": "high",
        "code": { "coding": [{ "system": "http://www.whocc.no/atc", "code": atc }] },
    })
}

async fn a_stopped_visit_stops_every_later_act(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let bills = refused_afterwards(&clinic, "ENC_RED_FLAG", async |prescriptions| {
        for prescription in prescriptions {
            let known = clinic.doctor.get(prescription).await;
            let visit = state(&known)["head"]["encounter"].as_str().expect("a visit");
            clinic.doctor.post(&format!("/api/v1/encounters/{visit}/stop"), json!({ "code": "CHEST_PAIN" })).await;
            // A doctor who has seen to the patient does not make the prescription safe.
            let note = json!({ "note": "已转急诊" });
            clinic.doctor.post(&format!("/api/v1/encounters/{visit}/close"), note).await;
        }
    })
    .await;
    money_goes_back(&hospital, &clinic, &bills).await;
    // Of each prescription once, and of the order that it is refunded.
    let all =
        [("cancelled", false), ("cancelled", false), ("cancelled", false), ("cancelled", true), ("refunded", true)];
    eventually("the patient is told", async || told(&clinic).await == occasions(&all)).await;
    hospital.advance(3 * 86_400 + 60).await;
    hospital.hospital.do_due_work().await;
    assert_eq!(told(&clinic).await, occasions(&all));
}

/// By a pathway of 1.0, which holds and stops no visit.
async fn a_hold_stops_every_later_act(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&frozen::DIABETES]).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": frozen::DIABETES.id });
    let enrolment = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    let answers = format!("/api/v1/enrolments/{}/answers", enrolment["id"].as_str().expect("an id"));
    let _ = refused_afterwards(&clinic, "ENC_RED_FLAG", async |_| {
        let glucose = json!({ "link_id": "glucose", "value": { "quantity": { "value": "20", "unit": "mmol/L" } } });
        let help = json!({ "link_id": "needed-help", "value": { "boolean": false } });
        clinic.patient.post(&answers, json!({ "questionnaire": "follow-up", "answers": [glucose, help] })).await;
    })
    .await;
    // Nobody lifts it: what was signed expires.
    assert_eq!(told(&clinic).await, []);
    hospital.advance(3 * 86_400 + 60).await;
    let all = [("expired", false), ("expired", false), ("expired", false), ("expired", true), ("refunded", true)];
    eventually("the patient is told", async || told(&clinic).await == occasions(&all)).await;
}

async fn a_suspended_person_is_named_in_no_act(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let (signed, paid) = (clinic.signed().await, clinic.approved().await);
    pay(&clinic, &paid).await;
    let handout = clinic.handout(&paid).await;
    let accounts = format!("/api/v1/tenants/{}/accounts", clinic.tenant);
    let suspend = async |account: &str| {
        let why = json!({ "reason": "license under investigation" });
        clinic.operator.post(&format!("{accounts}/{account}/suspend"), why).await;
    };
    suspend(&clinic.assistant_id).await;
    clinic.pharmacist.refused(&format!("{paid}/dispense"), handout, "CRED_INVALID").await;
    let known = clinic.pharmacist.get(&signed).await;
    suspend(state(&known)["head"]["prescriber"].as_str().expect("an account")).await;
    clinic.pharmacist.refused(&format!("{signed}/approve"), checklist(), "CRED_INVALID").await;
}

/// Changes the patient's own resource.
async fn change_patient(clinic: &Clinic, change: Value) {
    let path = format!("/fhir/R4/Patient/{}", clinic.subject);
    let mut patient = clinic.administrator.get(&path).await;
    for (key, value) in change.as_object().into_iter().flatten() {
        patient[key] = value.clone();
    }
    clinic.administrator.put(&path, patient).await;
}

async fn nothing_is_done_for_the_dead(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DRUG_SAFETY, &DIABETES]).await;
    let visit = clinic.visit().await;
    let drafted = clinic.draft(&visit, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    let waiting = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let waiting = format!("/api/v1/encounters/{}/accept", waiting["id"].as_str().expect("an id"));
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    let enrolment = clinic.doctor.post("/api/v1/enrolments", enrol.clone()).await;
    let enrolment = format!("/api/v1/enrolments/{}", enrolment["id"].as_str().expect("an id"));
    let code = "PATIENT_DECEASED";
    let bills = refused_afterwards(&clinic, code, async |_| {
        change_patient(&clinic, json!({ "deceasedDateTime": "2026-11-20" })).await;
    })
    .await;
    clinic.patient.refused("/api/v1/encounters", clinic.request(), code).await;
    clinic.doctor.refused(&waiting, clinic.decision(), code).await;
    let lines = [line("metformin-500mg-60", "1000", "2", 30, 2)];
    clinic.doctor.refused("/api/v1/prescriptions", draft(&visit, &lines), code).await;
    clinic.doctor.refused(&format!("{drafted}/sign"), json!({ "valid_days": 3 }), code).await;
    clinic.doctor.refused("/api/v1/enrolments", enrol, code).await;
    // Pathways end with their timers, and a year later nobody is reminded of anything.
    money_goes_back(&hospital, &clinic, &bills).await;
    eventually("the pathway ends", async || clinic.doctor.get(&enrolment).await["active"] == false).await;
    let ended = clinic.doctor.get(&enrolment).await;
    let open = |timer: &&Value| timer["state"] == "open";
    assert_eq!(ended["timers"].as_array().expect("timers").iter().find(open), None);
    let messages = format!("/api/v1/patients/{}/messages", clinic.subject);
    assert_eq!(told(&clinic).await, occasions(&[("refunded", true)]));
    let before = clinic.patient.get(&messages).await;
    hospital.advance(366 * 86_400).await;
    let patient = clinic.operator.sign_in(Some(&clinic.tenant), "patient").await;
    assert_eq!(patient.get(&messages).await, before);
    // What was done can be read.
    assert!(!clinic.found_in_record("MedicationRequest").await.is_empty());
}

async fn a_record_not_in_use_is_not_treated(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let other = clinic.import(&[record::patient("1977-09-11")]).await.remove(0);
    for (change, code) in [
        (json!({ "active": false }), "PATIENT_INACTIVE"),
        (
            json!({ "active": true, "link": [{ "other": { "reference": other }, "type": "replaced-by" }] }),
            "PATIENT_REPLACED",
        ),
        (json!({ "link": [], "deceasedBoolean": true }), "PATIENT_DECEASED"),
    ] {
        let mut change = change;
        if change["link"] == json!([]) {
            change["link"] = json!([{ "other": { "reference": other }, "type": "seealso" }]);
        }
        change_patient(&clinic, change).await;
        clinic.patient.refused("/api/v1/encounters", clinic.request(), code).await;
    }
}

async fn a_check_sees_restricted_medicines_and_says_nothing_of_them(hospital: TestHospital) {
    let clinic = clinic(&hospital).await;
    let restricted = json!({
        "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "meta": { "security": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV" }] },
        "subject": { "reference": format!("Patient/{}", clinic.subject) },
        "medicationCodeableConcept": { "coding": [{ "system": "http://www.whocc.no/atc", "code": "C01DA02" }] },
    });
    clinic.import(&[restricted]).await;
    let prescription = drafted(&clinic, sildenafil()).await;
    let sign = format!("{prescription}/sign");
    let refused = clinic.doctor.refused(&sign, json!({ "valid_days": 3 }), "RX_VETOED").await;
    let findings = refused["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{refused}");
    assert_eq!((&findings[0]["code"], &findings[0]["lines"]), (&json!("RESTRICTED_INTERACTION"), &json!([1])));
    assert_eq!(findings[0]["plugin"], DRUG_SAFETY.id);
    for word in ["NITRATE", "硝酸", "nitro", "C01DA"] {
        assert!(!refused.to_string().contains(word), "{word}: {refused}");
    }
    // Nor do the recorded calls say it to those who may not read the compartment.
    for call in refused["calls"].as_array().expect("calls") {
        let path = format!("/api/v1/calls/{}", call["id"].as_str().expect("an id"));
        let tape = clinic.administrator.ask(Method::GET, &path, None).await;
        assert!(tape.status == 404 || !tape.text.contains("C01DA02"), "{}", tape.text);
    }
    // Another medicine is checked all the same.
    let metformin = drafted(&clinic, line("metformin-500mg-60", "1000", "2", 30, 2)).await;
    assert_eq!(clinic.sign(&metformin).await["status"], "PENDING_REVIEW");
}

async fn without_a_required_checker_nobody_signs(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DRUG_SAFETY]).await;
    let prescription = drafted(&clinic, line("metformin-500mg-60", "1000", "2", 30, 2)).await;
    let sign = format!("{prescription}/sign");
    let installs = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, DRUG_SAFETY.id);
    clinic.operator.post(&format!("{installs}/disable"), json!({})).await;
    let refused = clinic.doctor.refused(&sign, json!({ "valid_days": 3 }), "RX_NOT_CHECKED").await;
    assert_eq!(refused["unchecked"][0]["checker"]["plugin"], DRUG_SAFETY.id);
    // The hospital may say that it does without, and may require one that it does not have.
    let required = format!("/api/v1/tenants/{}/required-checkers", clinic.tenant);
    clinic.operator.put(&required, json!({ "plugins": ["acme.dosage"] })).await;
    let refused = clinic.doctor.refused(&sign, json!({ "valid_days": 3 }), "RX_NOT_CHECKED").await;
    assert_eq!(refused["unchecked"][0]["checker"]["plugin"], "acme.dosage");
    clinic
        .doctor
        .ask(Method::PUT, &required, Some(json!({ "plugins": [] })))
        .await
        .refused(&required, "AUTH_FORBIDDEN");
    let none = clinic.operator.put(&required, json!({ "plugins": [] })).await;
    assert_eq!(none, json!({ "plugins": [] }));
    assert_eq!(clinic.doctor.get("/api/v1/required-checkers").await, none);
    clinic.doctor.post(&sign, json!({ "valid_days": 3 })).await;
}

async fn a_warning_is_acknowledged_by_plugin_and_code_with_a_reason(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DRUG_SAFETY]).await;
    let mut formulary = clinic.doctor.get("/api/v1/formulary").await;
    formulary["items"].as_array_mut().expect("items").push(medicine("unheard-of", 100));
    clinic.operator.put(&format!("/api/v1/tenants/{}/formulary", clinic.tenant), formulary).await;
    let prescription = drafted(&clinic, line("unheard-of", "1", "1", 7, 1)).await;
    let sign = format!("{prescription}/sign");
    let try_with = async |plugin: &str, reason: &str, code: &str| {
        let seen = json!([{ "plugin": plugin, "code": "MEDICINE_NOT_COVERED", "reason": reason }]);
        clinic.doctor.refused(&sign, json!({ "valid_days": 3, "acknowledged": seen }), code).await;
    };
    try_with("acme.other", "已人工审核", "RX_WARNING_UNACKNOWLEDGED").await;
    try_with(DRUG_SAFETY.id, " ", "RX_REASON_REQUIRED").await;
    let signed = clinic.sign(&prescription).await;
    assert_eq!(signed["findings"][0]["plugin"], DRUG_SAFETY.id);
    let kept = &state(&signed)["state"]["signing"]["acknowledged"][0];
    assert_eq!((&kept["plugin"], &kept["code"]), (&json!(DRUG_SAFETY.id), &json!("MEDICINE_NOT_COVERED")));
    assert!(!kept["reason"].as_str().expect("a reason").is_empty());
    // The pharmacist's approval rests on what the prescriber has acknowledged.
    assert_eq!(clinic.approve(&prescription).await["status"], "EFFECTIVE");
}

async fn another_interaction_of_the_same_code_is_not_acknowledged(hospital: TestHospital) {
    let clinic = clinic(&hospital).await;
    let taken = |atc: &str| {
        json!({
            "resourceType": "MedicationStatement", "status": "active",
            "subject": { "reference": format!("Patient/{}", clinic.subject) },
            "medicationCodeableConcept": { "coding": [{ "system": "http://www.whocc.no/atc", "code": atc }] },
        })
    };
    // Amiodarone, then ondansetron: each prolongs QT with azithromycin.
    clinic.import(&[taken("C01BD01")]).await;
    let prescription = drafted(&clinic, line(AZITHROMYCIN, "500", "1", 3, 1)).await;
    let signed = clinic.sign(&prescription).await;
    assert!(signed["findings"].to_string().contains("DDI_QT_KNOWN_RISK"), "{signed}");
    clinic.import(&[taken("A04AA01")]).await;
    let approve = format!("{prescription}/approve");
    let refused = clinic.pharmacist.refused(&approve, checklist(), "RX_WARNING_UNACKNOWLEDGED").await;
    assert!(refused["detail"].as_str().expect("a detail").contains("DDI_QT_KNOWN_RISK"), "{refused}");
    assert_eq!(clinic.doctor.get(&prescription).await["status"], "PENDING_REVIEW");
}
