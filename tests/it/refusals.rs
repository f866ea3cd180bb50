//! Acts that law and hospital forbid, over HTTP, by code.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Clinic, DRUG_SAFETY, Person, TestHospital,
    clinic::{checklist, confirm_path, draft, id, papers, verify},
    line, medicine, record, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    a_visit_needs_identity_consent_and_evidence,
    a_follow_up_is_accepted_by_a_doctor,
    a_child_needs_a_guardian,
    a_danger_sign_stops_a_visit,
    a_draft_that_breaks_a_rule_is_refused,
    a_signature_that_breaks_a_rule_is_refused,
    an_expired_licence_is_refused,
    a_review_needs_another_person_and_the_whole_checklist,
    an_expired_prescription_is_refused,
    a_confirmation_must_match_the_quote,
    every_act_needs_its_role,
);

async fn found(hospital: &TestHospital) -> Clinic {
    hospital.clinic(&[]).await
}

/// An object with one field changed.
fn with(mut value: Value, pointer: &str, other: Value) -> Value {
    *value.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = other;
    value
}

async fn a_visit_needs_identity_consent_and_evidence(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    let before = hospital.footprint(&clinic.tenant).await;
    let now = hospital.now();
    let old = clinic.import(&[record::visit(&clinic.subject, now, 200)]).await.remove(0);
    let diagnosis = clinic.import(&[record::condition(&clinic.subject, &old, now, "E11.9")]).await.remove(0);
    let stale =
        with(with(clinic.request(), "/evidence/0/document", json!(old)), "/evidence/0/conditions/0", json!(diagnosis));
    let other_consent = "0".repeat(64);
    for (ask, code) in [
        (with(clinic.request(), "/evidence", json!([])), "ENC_NO_EVIDENCE"),
        (with(clinic.request(), "/evidence/0/conditions", json!([])), "ENC_NO_EVIDENCE"),
        (with(clinic.request(), "/evidence/0/document", json!("Encounter/none")), "ENC_NO_EVIDENCE"),
        (with(clinic.request(), "/evidence/0/document", json!(clinic.evidence[1])), "ENC_NO_EVIDENCE"),
        (stale, "ENC_EVIDENCE_STALE"),
        (with(clinic.request(), "/consent", json!(null)), "ENC_CONSENT_MISSING"),
        (with(clinic.request(), "/consent", json!(other_consent)), "ENC_CONSENT_MISSING"),
    ] {
        clinic.patient.refused("/api/v1/encounters", ask, code).await;
    }
    // A face that does not match is not the patient.
    let (impostor, _) = clinic.hire(Person::new("impostor", "patient").acting_for(&clinic.subject, 799)).await;
    impostor.refused("/api/v1/encounters", clinic.request(), "ENC_IDENTITY").await;
    // Nor is another person.
    let stranger = clinic.import(&[record::patient("1990-01-01")]).await.remove(0);
    let (stranger, _) = clinic.hire(Person::new("stranger", "patient").acting_for(id(&stranger), 990)).await;
    stranger.refused("/api/v1/encounters", clinic.request(), "ENC_IDENTITY").await;

    let mut after = hospital.footprint(&clinic.tenant).await;
    for (what, brought) in [("Encounter", 1), ("Condition", 1), ("Patient", 1), ("accounts", 2)] {
        *after.get_mut(what).expect("counted") -= brought;
    }
    assert_eq!(after, before);
}

async fn a_follow_up_is_accepted_by_a_doctor(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    let visit = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let visit = visit["id"].as_str().expect("an id").to_owned();
    let accept = format!("/api/v1/encounters/{visit}/accept");
    let lines = [line("metformin-500mg-60", "1000", "2", 30, 2)];
    clinic.doctor.refused("/api/v1/prescriptions", draft(&visit, &lines), "ENC_FOLLOWUP_UNDECIDED").await;
    let mut machine = clinic.decision();
    machine["author_kind"] = json!("machine");
    clinic.doctor.refused(&accept, machine, "AI_FORBIDDEN_ACT").await;
    clinic.doctor.refused(&accept, with(clinic.decision(), "/diagnoses", json!([])), "ENC_DIAGNOSIS_UNCODED").await;
    clinic
        .doctor
        .refused(&accept, with(clinic.decision(), "/diagnoses/0/code", json!("I10")), "ENC_NEW_DIAGNOSIS")
        .await;
    clinic.patient.refused(&accept, clinic.decision(), "AUTH_FORBIDDEN").await;
    clinic.doctor.post(&accept, clinic.decision()).await;
    clinic.doctor.refused(&accept, clinic.decision(), "ENC_STATE").await;
    let drafted = clinic.draft(&visit, &lines).await;
    let mut machine = draft(&visit, &lines);
    machine["author_kind"] = json!("machine");
    clinic.doctor.refused("/api/v1/prescriptions", machine, "RX_AI_ORIGIN").await;

    clinic.doctor.post(&format!("/api/v1/encounters/{visit}/close"), json!({})).await;
    let sign = format!("{drafted}/sign");
    let closed = clinic.doctor.ask(Method::POST, &sign, Some(json!({ "valid_days": 3 }))).await;
    assert_eq!(closed.status, 409, "{}", closed.text);
}

async fn a_child_needs_a_guardian(hospital: TestHospital) {
    let five_years_ago = hospital.now().plus_days(-5 * 365).to_string();
    let child = record::transaction(&[record::patient(&five_years_ago[..10])]);
    let clinic = Clinic::found_with(&hospital.operator, hospital.now(), &[], child).await;
    let visit = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let accept = format!("/api/v1/encounters/{}/accept", visit["id"].as_str().expect("an id"));
    clinic.doctor.refused(&accept, clinic.decision(), "ENC_GUARDIAN_REQUIRED").await;
    let mut decision = clinic.decision();
    decision["accompaniment"] = json!({ "guardian": "mother", "specialist": false });
    clinic.doctor.refused(&accept, decision.clone(), "ENC_GUARDIAN_REQUIRED").await;
    decision["accompaniment"]["specialist"] = json!(true);
    // The doctor's statement alone does not suffice.
    clinic.doctor.refused(&accept, decision.clone(), "ENC_GUARDIAN_REQUIRED").await;
    clinic.guardian("mother", json!({})).await;
    clinic.doctor.post(&accept, decision).await;
}

async fn a_danger_sign_stops_a_visit(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    let (counsellor, _) = clinic.hire(Person::new("counsellor", "counsellor").licensed(&json!({}))).await;
    let visit = clinic.visit().await;
    let rx = clinic.draft(&visit, &[line("metformin-500mg-60", "1000", "2", 30, 2)]).await;
    let path = format!("/api/v1/encounters/{visit}");
    let [stop, close] = ["stop", "close"].map(|verb| format!("{path}/{verb}"));
    let flag = json!({ "code": "SUICIDAL_INTENT" });
    clinic.patient.refused(&stop, flag.clone(), "AUTH_FORBIDDEN").await;
    clinic.doctor.refused(&stop, json!({ "code": " " }), "BODY_INVALID").await;
    let other = hospital.clinic(&[]).await;
    other.doctor.refused(&stop, flag.clone(), "NOT_FOUND").await;
    assert_eq!(counsellor.post(&stop, flag.clone()).await["status"], "STOPPED");
    clinic.doctor.refused(&stop, flag, "ENC_RED_FLAG_OPEN").await;
    // The visit is stopped, and cannot be closed without a reason.
    clinic.doctor.refused(&format!("{rx}/sign"), json!({ "valid_days": 3 }), "ENC_RED_FLAG").await;
    clinic.doctor.refused("/api/v1/prescriptions", draft(&visit, &[]), "ENC_RED_FLAG").await;
    clinic.patient.refused(&format!("{path}/messages"), json!({ "text": "x" }), "ENC_RED_FLAG").await;
    clinic.doctor.refused(&close, json!({}), "ENC_RED_FLAG_OPEN").await;
    clinic.doctor.refused(&close, json!({ "note": " " }), "BODY_INVALID").await;
    let note = json!({ "note": "With her husband; taken to 安定医院." });
    clinic.doctor.refused(&close, note.clone(), "ENC_RED_FLAG_OPEN").await;
    let contact = &clinic.doctor.get("/api/v1/safety-contacts").await[0];
    let end = json!({ "outcome": "handed_over", "note": "With her husband.", "findings": contact["findings"] });
    clinic.doctor.post(&format!("/api/v1/safety-contacts/{}/end", contact["id"].as_str().expect("an id")), end).await;
    let closed = clinic.doctor.post(&close, note).await;
    assert_eq!(closed["status"], "CLOSED");
    assert!(closed["detail"].to_string().contains("SUICIDAL_INTENT"), "{closed}");

    // A visit that is not a follow-up is declined, with a reason.
    let asked = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let decline = format!("/api/v1/encounters/{}/decline", asked["id"].as_str().expect("an id"));
    clinic.pharmacist.refused(&decline, json!({ "reason": "x" }), "AUTH_FORBIDDEN").await;
    clinic.doctor.refused(&decline, json!({ "reason": "" }), "BODY_INVALID").await;
    assert_eq!(clinic.doctor.post(&decline, json!({ "reason": "First see somebody." })).await["status"], "CLOSED");
    clinic.doctor.refused(&decline, json!({ "reason": "Again." }), "ENC_STATE").await;
}

async fn a_draft_that_breaks_a_rule_is_refused(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    clinic
        .import(&[json!({
            "resourceType": "AllergyIntolerance", "patient": { "reference": format!("Patient/{}", clinic.subject) },
            "code": { "coding": [{ "system": "http://www.whocc.no/atc", "code": "J01CA04" }] },
            "clinicalStatus": { "coding": [
                { "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active" },
            ] },
        })])
        .await;
    let mut formulary = clinic.doctor.get("/api/v1/formulary").await;
    let items = formulary["items"].as_array_mut().expect("items");
    items.extend(["a", "b", "c", "d", "e", "f"].map(|code| medicine(code, 100)));
    clinic.operator.put(&format!("/api/v1/tenants/{}/formulary", clinic.tenant), formulary).await;

    let visit = clinic.visit().await;
    let before = hospital.footprint(&clinic.tenant).await;
    let metformin = || line("metformin-500mg-60", "1000", "2", 30, 2);
    let six = ["a", "b", "c", "d", "e", "f"].map(|code| line(code, "1", "1", 7, 1));
    for (lines, code) in [
        (vec![line("zolpidem-10mg-7", "10", "1", 7, 1)], "RX_FORBIDDEN_DRUG"),
        (vec![line("amoxicillin-500mg-24", "500", "3", 7, 1)], "RX_ALLERGY"),
        (vec![metformin(), metformin()], "RX_DUPLICATE_DRUG"),
        (six.to_vec(), "RX_TOO_MANY_ITEMS"),
        (vec![line("metformin-500mg-60", "0", "2", 30, 2)], "RX_LINE_INVALID"),
        (vec![line("metformin-500mg-60", "1000", "2", 0, 2)], "RX_LINE_INVALID"),
        (vec![line("follow-up-visit", "1", "1", 1, 1)], "BODY_INVALID"),
        (vec![line("snake-oil", "1", "1", 1, 1)], "BODY_INVALID"),
    ] {
        clinic.doctor.refused("/api/v1/prescriptions", draft(&visit, &lines), code).await;
    }
    // Nor for another doctor's visit.
    let (other, _) = clinic.hire(Person::new("other", "doctor").licensed(&json!({}))).await;
    other.refused("/api/v1/prescriptions", draft(&visit, &[metformin()]), "RX_NO_ENCOUNTER").await;
    let mut after = hospital.footprint(&clinic.tenant).await;
    *after.get_mut("accounts").expect("counted") -= 1;
    assert_eq!(after, before);
}

async fn a_signature_that_breaks_a_rule_is_refused(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DRUG_SAFETY]).await;
    let mut formulary = clinic.doctor.get("/api/v1/formulary").await;
    formulary["items"].as_array_mut().expect("items").push(medicine("unheard-of", 100));
    clinic.operator.put(&format!("/api/v1/tenants/{}/formulary", clinic.tenant), formulary).await;
    let visit = clinic.visit().await;
    let quarter = line("metformin-500mg-60", "1000", "2", 90, 6);
    let ordinary = |line: Value| json!({ "encounter": visit, "lines": [line] });
    let extended = |line: Value| draft(&visit, &[line]);
    for (body, sign, code) in [
        (ordinary(quarter.clone()), json!({ "valid_days": 3 }), "RX_QTY_EXCEEDED"),
        (extended(quarter), json!({ "valid_days": 3 }), "RX_QTY_EXCEEDED"),
        (extended(line("metformin-500mg-60", "1000", "2", 30, 20)), json!({ "valid_days": 3 }), "RX_QTY_EXCEEDED"),
        (extended(line("metformin-500mg-60", "1000", "2", 30, 2)), json!({ "valid_days": 0 }), "RX_VALIDITY"),
        (extended(line("metformin-500mg-60", "1000", "2", 30, 2)), json!({ "valid_days": 4 }), "RX_VALIDITY"),
        (extended(line("unheard-of", "1", "1", 7, 1)), json!({ "valid_days": 3 }), "RX_WARNING_UNACKNOWLEDGED"),
    ] {
        let path = clinic.doctor.post("/api/v1/prescriptions", body).await;
        let path = format!("/api/v1/prescriptions/{}", path["id"].as_str().expect("an id"));
        let refused = clinic.doctor.refused(&format!("{path}/sign"), sign, code).await;
        assert_eq!(clinic.doctor.get(&path).await["status"], "DRAFT", "{refused}");
    }
    // A warning must be acknowledged before the signature, and is stored.
    let path = clinic.draft(&visit, &[line("unheard-of", "1", "1", 7, 1)]).await;
    let signed = clinic.sign(&path).await;
    assert_eq!(signed["findings"][0]["code"], "MEDICINE_NOT_COVERED");
    clinic.doctor.refused(&format!("{path}/sign"), json!({ "valid_days": 3 }), "RX_STATE").await;
}

async fn an_expired_licence_is_refused(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    let (signed, effective) = (clinic.signed().await, clinic.approved().await);
    let visit = clinic.visit().await;
    let lines = [line("metformin-500mg-60", "1000", "2", 30, 2)];
    for (name, fault) in [
        ("lapsed", json!({ "until": "2021-01-01" })),
        ("early", json!({ "from": "2098-01-01" })),
        ("unfiled", json!({ "filed": false })),
        ("otherwise", json!({ "role": "nurse" })),
    ] {
        let (doctor, _) = clinic.hire(Person::new(&format!("doctor-{name}"), "doctor").licensed(&fault)).await;
        doctor.refused("/api/v1/prescriptions", draft(&visit, &lines), "CRED_INVALID").await;
        let login = format!("pharmacist-{name}");
        let (pharmacist, _) = clinic.hire(Person::new(&login, "pharmacist").licensed(&fault)).await;
        pharmacist.refused(&format!("{signed}/approve"), checklist(), "RX_REVIEWER_UNQUALIFIED").await;
    }
    assert_eq!(clinic.doctor.get(&signed).await["status"], "PENDING_REVIEW");
    assert_eq!(clinic.doctor.get(&effective).await["status"], "EFFECTIVE");
}

async fn a_review_needs_another_person_and_the_whole_checklist(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    // A person with both roles may use each, but not both on the same prescription.
    let (mut certificates, filings) = papers("doctor", &json!({ "title": "senior" }));
    certificates.extend(papers("pharmacist", &json!({})).0);
    let both = json!({
        "login": "both", "password": crate::support::PASSWORD, "roles": ["doctor", "pharmacist"],
        "certificates": certificates, "filings": filings,
    });
    let accounts = format!("/api/v1/tenants/{}/accounts", clinic.tenant);
    let opened = clinic.operator.post(&accounts, both).await;
    verify(&clinic.operator, &format!("{accounts}/{}", opened["id"].as_str().expect("an id")), &opened).await;
    let both = clinic.operator.sign_in(Some(&clinic.tenant), "both").await;
    let visit = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
    let visit = visit["id"].as_str().expect("an id");
    both.post(&format!("/api/v1/encounters/{visit}/accept"), clinic.decision()).await;
    let own = both.post("/api/v1/prescriptions", draft(visit, &[line("metformin-500mg-60", "1000", "2", 30, 2)])).await;
    let own = format!("/api/v1/prescriptions/{}", own["id"].as_str().expect("an id"));
    both.post(&format!("{own}/sign"), json!({ "valid_days": 3 })).await;
    both.refused(&format!("{own}/approve"), checklist(), "RX_SELF_REVIEW").await;

    let path = clinic.signed().await;
    let partly = with(checklist(), "/checklist/rationality", json!(false));
    clinic.pharmacist.refused(&format!("{path}/approve"), partly, "RX_CHECKLIST_INCOMPLETE").await;
    let objection = |text: &str| json!({ "code": "DOSE", "text": text });
    clinic.pharmacist.refused(&format!("{path}/return"), objection(" "), "RX_REASON_REQUIRED").await;
    clinic.pharmacist.post(&format!("{path}/return"), objection("Twice the usual dose.")).await;
    clinic.doctor.refused(&format!("{path}/confirm"), json!({ "reason": "" }), "RX_SECOND_SIGN").await;
    let rewrite = |version: u32| json!({ "version": version, "lines": [line("metformin-500mg-60", "500", "2", 7, 1)] });
    let stale = clinic.doctor.ask(Method::PUT, &path, Some(rewrite(7))).await;
    stale.refused(&path, "RX_VERSION_CONFLICT");
    clinic.doctor.post(&format!("{path}/confirm"), json!({ "reason": "Titrated over months." })).await;
    clinic.approve(&path).await;
    clinic.doctor.post(&format!("{path}/withdraw"), json!(null)).await;
    clinic.patient.refused("/api/v1/charges", json!({ "prescription": id(&path) }), "RX_STATE").await;
}

async fn an_expired_prescription_is_refused(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    let (unreviewed, approved, ordered) = (clinic.signed().await, clinic.approved().await, clinic.approved().await);
    let quote = clinic.quote(&ordered).await;
    hospital.advance(73 * 3600).await;
    clinic.patient.refused("/api/v1/charges", json!({ "prescription": id(&approved) }), "RX_EXPIRED").await;
    assert_eq!(clinic.doctor.get(&approved).await["status"], "EXPIRED");
    clinic.pharmacist.refused(&format!("{unreviewed}/approve"), checklist(), "RX_EXPIRED").await;
    let confirm = json!({ "cash_fen": quote["total_fen"], "risk_acknowledged": true });
    clinic.patient.refused(&confirm_path(&quote), confirm, "RX_EXPIRED").await;
    let requests = clinic.found_in_record("MedicationRequest").await;
    assert!(requests.iter().all(|request| request["status"] == "stopped"), "{requests:?}");
    clinic.balanced().await;
}

async fn a_confirmation_must_match_the_quote(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    let signed = clinic.signed().await;
    let order = json!({ "prescription": id(&signed) });
    clinic.patient.refused("/api/v1/charges", order.clone(), "RX_DRUG_BEFORE_RX").await;
    clinic.approve(&signed).await;
    let mut smuggled = order;
    smuggled["items"] = json!([{ "item": "amoxicillin-500mg-24", "quantity": 1 }]);
    clinic.patient.refused("/api/v1/charges", smuggled, "RX_DRUG_BEFORE_RX").await;
    let quote = clinic.quote(&signed).await;
    let path = confirm_path(&quote);
    let confirm = |cash: Value| json!({ "cash_fen": cash, "risk_acknowledged": true });
    let less = quote["total_fen"].as_i64().expect("whole fen") - 1;
    clinic.patient.refused(&path, confirm(json!(less)), "INS_PRESETTLE_DRIFT").await;
    clinic.patient.refused(&path, confirm(json!(67.5)), "MONEY_INVALID").await;
    clinic.patient.post(&path, confirm(quote["total_fen"].clone())).await;
    clinic.patient.refused(&path, confirm(json!(less)), "PAY_IDEMPOTENCY_CONFLICT").await;
    let reverse = format!("/api/v1/charges/{}/reverse", quote["id"].as_str().expect("an id"));
    clinic.pharmacist.post(&reverse, json!(null)).await;
    clinic.pharmacist.refused(&reverse, json!(null), "PAY_ALREADY_REVERSED").await;
    clinic.patient.refused(&path, confirm(quote["total_fen"].clone()), "PAY_STATE").await;
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
}

/// The most important refusals. The table itself is tested in `domain`.
async fn every_act_needs_its_role(hospital: TestHospital) {
    let clinic = found(&hospital).await;
    let signed = clinic.signed().await;
    let visit = clinic.visit().await;
    let draft = draft(&visit, &[line("metformin-500mg-60", "1000", "2", 30, 2)]);
    let tenant = format!("/api/v1/tenants/{}", clinic.tenant);
    let sign = format!("{signed}/sign");
    let valid = json!({ "valid_days": 3 });
    let bundle = record::transaction(&[record::patient("1990-01-01")]);
    let account = json!({ "login": "x", "password": crate::support::PASSWORD, "roles": ["administrator"] });
    let before = hospital.footprint(&clinic.tenant).await;
    for (who, client, path, body) in [
        ("patient", &clinic.patient, "/api/v1/prescriptions", &draft),
        ("pharmacist", &clinic.pharmacist, "/api/v1/prescriptions", &draft),
        ("administrator", &clinic.administrator, "/api/v1/prescriptions", &draft),
        ("operator", &clinic.operator, "/api/v1/prescriptions", &draft),
        ("patient", &clinic.patient, &sign, &valid),
        ("pharmacist", &clinic.pharmacist, &sign, &valid),
        ("doctor", &clinic.doctor, "/fhir/R4", &bundle),
        ("patient", &clinic.patient, "/fhir/R4", &bundle),
        ("operator", &clinic.operator, "/fhir/R4", &bundle),
        ("doctor", &clinic.doctor, &format!("{tenant}/accounts"), &account),
        ("doctor", &clinic.doctor, &format!("{tenant}/plugins/test.x/enable"), &json!(null)),
        ("administrator", &clinic.administrator, "/api/v1/tenants", &json!({ "kind": "hospital", "name": "Mine" })),
        ("administrator", &clinic.administrator, "/api/v1/clock/advance", &json!({ "seconds": 1 })),
        ("doctor", &clinic.doctor, "/api/v1/encounters", &clinic.request()),
    ] {
        let answer = client.ask(Method::POST, path, Some(body.clone())).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "AUTH_FORBIDDEN"), "{who} {path}: {}", answer.text);
    }
    for (client, path) in [
        (&clinic.doctor, "/api/v1/calls"),
        (&clinic.patient, "/api/v1/calls/chain"),
        (&clinic.doctor, "/api/v1/ledger/trial-balance"),
        (&clinic.patient, "/api/v1/alerts"),
        (&clinic.administrator, "/api/v1/tenants"),
        (&clinic.operator, "/fhir/R4/Patient"),
    ] {
        client.hidden(path, "AUTH_FORBIDDEN").await;
    }
    assert_eq!(hospital.footprint(&clinic.tenant).await, before);
    assert_eq!(clinic.doctor.get(&signed).await["status"], "PENDING_REVIEW");
}
