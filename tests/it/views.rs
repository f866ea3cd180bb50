//! What those see who do not treat a patient: family and guardians, a school, an employer. Each sees what was consented
//! to, as long as it is, and to everybody else it is as if there were nothing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Client, Clinic, DIABETES, HYPERTENSION, MENTAL_HEALTH, Person, TestHospital, record, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    family_sees_the_parts_that_are_consented_to,
    a_restricted_pathway_is_shown_if_it_is_named,
    the_emergency_contact_knows_of_a_danger_if_the_patient_wants_it,
    an_adolescent_and_a_guardian_decide_and_a_childs_guardian_alone,
    a_school_is_told_a_status_and_nothing_else,
    a_person_is_one_member_and_the_dead_are_none,
    who_represents_an_organisation_gets_nothing_else,
    an_employer_sees_groups_and_nobody,
);

const DAY: i64 = 86_400;
const MEMBERS: &str = "/api/v1/organisation/members";
const FIGURES: &str = "/api/v1/organisation/figures";
const ORGANISATIONS: &str = "/api/v1/organisations";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}")).to_owned()
}

/// Enrols a patient, with this diagnosis, in a pathway: `enr-…`.
async fn enrol(hospital: &TestHospital, clinic: &Clinic, patient: &str, (plugin, diagnosis): (&str, &str)) -> String {
    let visit = clinic.import(&[record::visit(patient, hospital.now(), 30)]).await.remove(0);
    clinic.import(&[record::condition(patient, &visit, hospital.now(), diagnosis)]).await;
    let enrolled = clinic.doctor.post("/api/v1/enrolments", json!({ "patient": patient, "plugin": plugin })).await;
    text(&enrolled["id"])
}

const SUGAR: (&str, &str) = (DIABETES.id, "E11.9");
const PRESSURE: (&str, &str) = (HYPERTENSION.id, "I10");
const MOOD: (&str, &str) = (MENTAL_HEALTH.id, "F32.1");

fn consents(patient: &str) -> String {
    format!("/api/v1/patients/{patient}/consents")
}

fn view(patient: &str) -> String {
    format!("/api/v1/patients/{patient}/shared-view")
}

/// A consent to show parts of a pathway to an account.
fn to_kin(enrolment: &str, parts: &[&str], compartments: &[&str], account: &str) -> Value {
    json!({
        "scope": { "pathway": { "enrolment": enrolment, "parts": parts, "compartments": compartments } },
        "recipient": { "account": account }, "purposes": ["family"],
    })
}

/// A consent to tell an organisation.
fn to_organisation(enrolment: &str, part: &str, compartments: &[&str], organisation: &str) -> Value {
    json!({
        "scope": { "pathway": { "enrolment": enrolment, "parts": [part], "compartments": compartments } },
        "recipient": { "organisation": organisation }, "purposes": ["organisation"],
    })
}

async fn give(client: &Client, patient: &str, consent: Value) -> String {
    text(&client.post(&consents(patient), consent).await["id"])
}

async fn revoke(client: &Client, consent: &str) {
    client.post(&format!("/api/v1/consents/{consent}/revoke"), json!({})).await;
}

/// A doctor may treat the patient in this compartment.
fn to_doctors(compartment: &str) -> Value {
    json!({ "scope": { "compartment": compartment }, "recipient": { "role": "doctor" }, "purposes": ["treatment"] })
}

/// A person whom the patient invited; with their account and the relation.
async fn invited(
    clinic: &Clinic,
    patient: &Client,
    subject: &str,
    login: &str,
    kind: &str,
) -> (Client, String, String) {
    let (person, account) = clinic.person(login).await;
    let invitation = json!({ "kind": kind, "tie": "relative" });
    let invitation = patient.post(&format!("/api/v1/patients/{subject}/invitations"), invitation).await;
    let join = json!({ "code": invitation["code"], "name": "李小明" });
    let joined = person.post("/api/v1/me/relations", join).await;
    (person, account, text(&joined["id"]))
}

/// An organisation, and who represents it.
async fn organisation(clinic: &Clinic, kind: &str, login: &str) -> (String, Client, String) {
    let known = clinic.administrator.post(ORGANISATIONS, json!({ "kind": kind, "name": format!("{login}单位") })).await;
    let id = text(&known["id"]);
    let (client, account) = clinic.hire(Person::new(login, "representative")).await;
    let appoint = json!({ "account": account });
    clinic.administrator.post(&format!("{ORGANISATIONS}/{id}/representatives"), appoint).await;
    (id, client, account)
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> =
        value.as_object().unwrap_or_else(|| panic!("{value}")).keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

async fn family_sees_the_parts_that_are_consented_to(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION, &DIABETES]).await;
    let subject = clinic.subject.clone();
    let enrolment = enrol(&hospital, &clinic, &subject, SUGAR).await;
    let other = enrol(&hospital, &clinic, &subject, PRESSURE).await;
    let (son, account, relation) = invited(&clinic, &clinic.patient, &subject, "son", "family").await;
    let (daughter, ..) = invited(&clinic, &clinic.patient, &subject, "daughter", "family").await;
    let (stranger, stranger_account) = clinic.person("stranger").await;
    let path = view(&subject);
    let nothing = async |when: &str| {
        for one in [&son, &daughter, &stranger] {
            let answer = one.ask(Method::GET, &path, None).await;
            assert_eq!(answer.code(), "NOT_FOUND", "{when}: {}", answer.text);
        }
    };
    nothing("without a consent").await;
    // As a patient whom there is not.
    let absent = view("pat-00000000000000000000000001");
    let wording =
        |answer: &crate::support::Answer| answer.body["detail"].as_str().map(|detail| detail[..12].to_owned());
    let (closed, missing) = (son.ask(Method::GET, &path, None).await, son.ask(Method::GET, &absent, None).await);
    assert_eq!((closed.status, wording(&closed)), (missing.status, wording(&missing)));

    let status = give(&clinic.patient, &subject, to_kin(&enrolment, &["status"], &[], &account)).await;
    let shown = son.get(&path).await;
    assert_eq!(shown["pathways"].as_array().map(Vec::len), Some(1), "the other pathway is not named: {shown}");
    let pathway = &shown["pathways"][0];
    assert_eq!(keys(pathway), ["enrolment", "grounds", "status"], "{pathway}");
    assert_eq!(pathway["grounds"], json!([{ "by": "consent", "consent": status }]));
    assert_eq!((&pathway["enrolment"], pathway["status"]["ended"].is_null()), (&json!(enrolment), true));
    assert!(pathway["status"]["since"].is_string() && pathway["status"]["stage"][0]["text"].is_string(), "{pathway}");
    assert!(shown.get("danger").is_none() && !shown.to_string().contains(&other), "{shown}");
    daughter.hidden(&path, "NOT_FOUND").await;
    // It opens nothing else.
    for closed in [
        format!("/api/v1/enrolments/{enrolment}"),
        format!("/api/v1/enrolments/{enrolment}/panel"),
        format!("/api/v1/enrolments/{enrolment}/requests"),
        format!("/fhir/R4/Patient/{subject}"),
        format!("/api/v1/patients/{subject}/messages"),
    ] {
        son.hidden(&closed, "NOT_FOUND").await;
    }

    let more = give(&clinic.patient, &subject, to_kin(&enrolment, &["tasks", "panel"], &[], &account)).await;
    let shown = son.get(&path).await;
    let pathway = &shown["pathways"][0];
    assert_eq!(keys(pathway), ["enrolment", "grounds", "panel", "status", "tasks"], "{pathway}");
    assert_eq!(pathway["grounds"].as_array().map(Vec::len), Some(2), "{pathway}");
    let tasks = pathway["tasks"].as_array().expect("tasks");
    assert!(!tasks.is_empty() && tasks.iter().all(|task| task["due"].is_string()), "{pathway}");
    let blocks = pathway["panel"]["blocks"].as_array().expect("blocks");
    assert!(!blocks.is_empty(), "{pathway}");
    assert!(blocks.iter().all(|block| block["kind"] != "form" && block["kind"] != "task"), "{pathway}");
    clinic.patient.hidden(&path, "NOT_FOUND").await;
    clinic.doctor.hidden(&path, "AUTH_FORBIDDEN").await;

    // The patient sees who looked.
    let seen = clinic.patient.get(&format!("/api/v1/patients/{subject}/accesses?limit=200")).await;
    let looked = seen.as_array().expect("accesses").iter().find(|one| {
        one["who"] == "son" && one["refused"] == false && one["what"].to_string().contains("show your family")
    });
    assert!(looked.is_some(), "{seen}");

    // Another hospital's people see nothing.
    let elsewhere = hospital.clinic(&[]).await;
    elsewhere.patient.hidden(&path, "NOT_FOUND").await;

    revoke(&clinic.patient, &more).await;
    assert_eq!(keys(&son.get(&path).await["pathways"][0]), ["enrolment", "grounds", "status"]);
    revoke(&clinic.patient, &status).await;
    nothing("after the revocation").await;
    give(&clinic.patient, &subject, to_kin(&enrolment, &["status"], &[], &account)).await;
    give(&clinic.patient, &subject, to_kin(&enrolment, &["status"], &[], &stranger_account)).await;
    son.get(&path).await;
    stranger.hidden(&path, "NOT_FOUND").await;
    clinic.patient.post(&format!("/api/v1/relations/{relation}/revoke"), json!({})).await;
    nothing("after the relation ended").await;

    let mut wrong = to_kin(&enrolment, &["status"], &[], &account);
    wrong["purposes"] = json!(["treatment"]);
    for (consent, code) in [
        (to_kin(&enrolment, &["counted"], &[], &account), "CONSENT_INVALID"),
        (to_kin(&enrolment, &[], &[], &account), "CONSENT_INVALID"),
        (to_kin(&enrolment, &["status"], &["hiv"], &account), "CONSENT_INVALID"),
        (to_kin(&enrolment, &["scores"], &[], &account), "BODY_INVALID"),
        (to_kin("enr-00000000000000000000000001", &["status"], &[], &account), "NOT_FOUND"),
        (wrong, "CONSENT_INVALID"),
    ] {
        clinic.patient.refused(&consents(&subject), consent, code).await;
    }
    // Of somebody else's pathway nobody consents.
    let own = text(&son.get("/api/v1/me").await["patients"][0]);
    son.refused(&consents(&own), to_kin(&enrolment, &["status"], &[], &stranger_account), "NOT_FOUND").await;
}

async fn a_restricted_pathway_is_shown_if_it_is_named(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MENTAL_HEALTH]).await;
    let subject = clinic.subject.clone();
    clinic.patient.post(&consents(&subject), to_doctors("mental-health")).await;
    let enrolment = enrol(&hospital, &clinic, &subject, MOOD).await;
    let (son, account, _) = invited(&clinic, &clinic.patient, &subject, "son", "family").await;
    let path = view(&subject);
    // The whole unrestricted record opens nothing of it.
    let record = json!({ "scope": "record", "recipient": { "account": account }, "purposes": ["family"] });
    clinic.patient.post(&consents(&subject), record).await;
    son.hidden(&path, "NOT_FOUND").await;
    for compartments in [&[][..], &["hiv"], &["hiv", "mental-health"]] {
        let unnamed = to_kin(&enrolment, &["status"], compartments, &account);
        clinic.patient.refused(&consents(&subject), unnamed, "CONSENT_INVALID").await;
    }
    son.hidden(&path, "NOT_FOUND").await;
    let consent = give(&clinic.patient, &subject, to_kin(&enrolment, &["status"], &["mental-health"], &account)).await;
    let shown = son.get(&path).await;
    assert_eq!(keys(&shown["pathways"][0]), ["enrolment", "grounds", "status"]);
    let panel = to_kin(&enrolment, &["panel"], &["mental-health"], &account);
    let panel = give(&clinic.patient, &subject, panel).await;
    assert_eq!(keys(&son.get(&path).await["pathways"][0]), ["enrolment", "grounds", "panel", "status"]);
    // Nor does it open the compartment.
    let found = son.ask(Method::GET, &format!("/fhir/R4/Condition?patient={subject}"), None).await;
    assert!(!found.text.contains("F32.1"), "{}", found.text);
    son.hidden(&format!("/api/v1/enrolments/{enrolment}"), "NOT_FOUND").await;
    revoke(&clinic.patient, &consent).await;
    revoke(&clinic.patient, &panel).await;
    son.hidden(&path, "NOT_FOUND").await;
}

async fn the_emergency_contact_knows_of_a_danger_if_the_patient_wants_it(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MENTAL_HEALTH]).await;
    let subject = clinic.subject.clone();
    clinic.patient.post(&consents(&subject), to_doctors("mental-health")).await;
    let enrolment = enrol(&hospital, &clinic, &subject, MOOD).await;
    let (friend, account, _) = invited(&clinic, &clinic.patient, &subject, "friend", "emergency_contact").await;
    let (son, sons, _) = invited(&clinic, &clinic.patient, &subject, "son", "family").await;
    let path = view(&subject);
    friend.hidden(&path, "NOT_FOUND").await;
    let danger =
        |account: &str| json!({ "scope": "danger", "recipient": { "account": account }, "purposes": ["family"] });
    let consent = give(&clinic.patient, &subject, danger(&account)).await;
    give(&clinic.patient, &subject, danger(&sons)).await;
    let calm = json!({ "patient": subject, "pathways": [], "danger": { "ground": { "by": "consent", "consent": consent }, "open": false } });
    assert_eq!(friend.get(&path).await, calm);

    let answers: Vec<Value> =
        (1..=5).map(|item| json!({ "link_id": format!("asq-{item}"), "value": { "boolean": item == 1 } })).collect();
    let asq = json!({ "questionnaire": "asq", "answers": answers });
    clinic.patient.post(&format!("/api/v1/enrolments/{enrolment}/answers"), asq).await;
    let shown = friend.get(&path).await;
    assert_eq!((&shown["danger"]["open"], shown["danger"]["since"].is_string()), (&json!(true), true), "{shown}");
    assert!(shown["danger"]["lines"][0]["number"].is_string(), "{shown}");
    let said = shown.to_string().to_lowercase();
    for word in ["suicid", "自杀", "伤害", "hurt", "asq", "finding", "contact-"] {
        assert!(!said.contains(word), "`{word}` in {said}");
    }
    son.hidden(&path, "NOT_FOUND").await;
    revoke(&clinic.patient, &consent).await;
    friend.hidden(&path, "NOT_FOUND").await;
}

/// A clinic whose patient was born so many years ago.
async fn clinic_of(hospital: &TestHospital, years: i16) -> Clinic {
    let born = hospital.now().plus_days(-20).minus_years(years).to_string();
    let patient = record::transaction(&[record::patient(&born[..10])]);
    Clinic::found_with(&hospital.operator, hospital.now(), &[&MENTAL_HEALTH], patient).await
}

async fn an_adolescent_and_a_guardian_decide_and_a_childs_guardian_alone(hospital: TestHospital) {
    let clinic = clinic_of(&hospital, 15).await;
    let subject = clinic.subject.clone();
    let (mother, _) = clinic.guardian("mother", json!({})).await;
    let account = text(&mother.get("/api/v1/me").await["id"]);
    clinic.patient.post(&consents(&subject), to_doctors("mental-health")).await;
    let enrolment = enrol(&hospital, &clinic, &subject, MOOD).await;
    let (school, head, _) = organisation(&clinic, "school", "head").await;
    let named = &["mental-health"];
    let nothing = json!({ "patient": subject, "pathways": [] });
    assert_eq!(mother.get(&view(&subject)).await, nothing, "no word that there is a pathway");
    // She opens it neither to herself nor, as she does not know of it, to the school.
    let status = to_kin(&enrolment, &["status"], named, &account);
    mother.refused(&consents(&subject), status.clone(), "AUTH_FORBIDDEN").await;
    let tell = to_organisation(&enrolment, "status", named, &school);
    mother.refused(&consents(&subject), tell.clone(), "NOT_FOUND").await;

    let own = give(&clinic.patient, &subject, tell.clone()).await;
    assert_eq!(head.get(MEMBERS).await, json!([]), "the guardian has not agreed");
    let shown = give(&clinic.patient, &subject, status).await;
    let seen = mother.get(&view(&subject)).await;
    assert_eq!(keys(&seen["pathways"][0]), ["enrolment", "grounds", "status"], "{seen}");
    let hers = give(&mother, &subject, tell.clone()).await;
    let listed = json!([{ "consent": own, "name": "李明", "status": "in_care" }]);
    assert_eq!(head.get(MEMBERS).await, listed, "both have");
    let given = mother.get(&consents(&subject)).await;
    assert!(given.to_string().contains(&hers) && !given.to_string().contains(&own), "{given}");
    // Either of them ends it.
    revoke(&clinic.patient, &own).await;
    assert_eq!(head.get(MEMBERS).await, json!([]));
    give(&clinic.patient, &subject, tell.clone()).await;
    assert_eq!(head.get(MEMBERS).await.as_array().map(Vec::len), Some(1));
    revoke(&mother, &hers).await;
    assert_eq!(head.get(MEMBERS).await, json!([]));
    revoke(&clinic.patient, &shown).await;
    assert_eq!(mother.get(&view(&subject)).await, nothing);

    // Of a child the guardian sees the whole, and decides.
    let clinic = clinic_of(&hospital, 13).await;
    let subject = clinic.subject.clone();
    let (mother, relation) = clinic.guardian("mother", json!({})).await;
    mother.post(&consents(&subject), to_doctors("mental-health")).await;
    let enrolment = enrol(&hospital, &clinic, &subject, MOOD).await;
    let (school, head, _) = organisation(&clinic, "school", "head").await;
    let seen = mother.get(&view(&subject)).await;
    assert_eq!(keys(&seen["pathways"][0]), ["enrolment", "grounds", "panel", "status", "tasks"], "{seen}");
    assert_eq!(seen["pathways"][0]["grounds"], json!([{ "by": "guardian" }]));
    assert_eq!(seen["danger"], json!({ "ground": { "by": "guardian" }, "open": false }));
    let tell = to_organisation(&enrolment, "status", named, &school);
    clinic.patient.refused(&consents(&subject), tell.clone(), "CONSENT_INVALID").await;
    give(&mother, &subject, tell.clone()).await;
    assert_eq!(head.get(MEMBERS).await[0]["status"], "in_care");
    clinic.administrator.post(&format!("/api/v1/relations/{relation}/revoke"), json!({})).await;
    assert_eq!(head.get(MEMBERS).await, json!([]), "who is no guardian any more has nothing to say");
    mother.hidden(&view(&subject), "NOT_FOUND").await;
    // Nor has a guardian whose account is suspended.
    let (father, _) = clinic.guardian("father", json!({ "tie": "father" })).await;
    give(&father, &subject, tell).await;
    assert_eq!(head.get(MEMBERS).await[0]["status"], "in_care");
    let account = text(&father.get("/api/v1/me").await["id"]);
    let suspend = format!("/api/v1/tenants/{}/accounts/{account}/suspend", clinic.tenant);
    clinic.administrator.post(&suspend, json!({ "reason": "核实身份" })).await;
    assert_eq!(head.get(MEMBERS).await, json!([]));
}

async fn a_school_is_told_a_status_and_nothing_else(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION, &MENTAL_HEALTH]).await;
    let subject = clinic.subject.clone();
    clinic.patient.post(&consents(&subject), to_doctors("mental-health")).await;
    let mood = enrol(&hospital, &clinic, &subject, MOOD).await;
    let pressure = enrol(&hospital, &clinic, &subject, PRESSURE).await;
    let (school, head, account) = organisation(&clinic, "school", "head").await;
    let (other_school, other_head, _) = organisation(&clinic, "school", "other-head").await;
    let (employer, chief, _) = organisation(&clinic, "employer", "chief").await;
    // Somebody else who is in the same pathway, and agreed to nothing.
    let (silent, _) = clinic.person("silent").await;
    let silent = text(&silent.get("/api/v1/me").await["patients"][0]);
    enrol(&hospital, &clinic, &silent, PRESSURE).await;
    assert_eq!(head.get(MEMBERS).await, json!([]));
    let known = clinic.patient.get(ORGANISATIONS).await;
    assert!(known.to_string().contains(&school) && !known.to_string().contains(&account), "{known}");

    let tell = |part: &str, to: &str| to_organisation(&mood, part, &["mental-health"], to);
    for (consent, code) in [
        (tell("counted", &school), "CONSENT_INVALID"),
        (tell("panel", &school), "CONSENT_INVALID"),
        (tell("status", &employer), "CONSENT_INVALID"),
        (to_organisation(&mood, "status", &[], &school), "CONSENT_INVALID"),
        (tell("status", "org-00000000000000000000000001"), "NOT_FOUND"),
        (
            json!({ "scope": "record", "recipient": { "organisation": school }, "purposes": ["organisation"] }),
            "CONSENT_INVALID",
        ),
    ] {
        clinic.patient.refused(&consents(&subject), consent, code).await;
    }
    let consent = give(&clinic.patient, &subject, tell("status", &school)).await;
    let answer = head.ask(Method::GET, MEMBERS, None).await;
    assert_eq!(answer.body, json!([{ "consent": consent, "name": "李明", "status": "in_care" }]), "the whole of it");
    for word in [
        "心理",
        "抑郁",
        "高血压",
        "Mental",
        "Hypertension",
        "F32",
        "I10",
        "stage",
        "score",
        "panel",
        "task",
        "pat-",
        "enr-",
        "xinglin.",
    ] {
        assert!(!answer.text.contains(word), "`{word}` in {}", answer.text);
    }
    assert_eq!(other_head.get(MEMBERS).await, json!([]), "another school");
    chief.hidden(MEMBERS, "NOT_FOUND").await;
    head.hidden(FIGURES, "NOT_FOUND").await;
    // Another pathway of the same person is no second line.
    let second = give(&clinic.patient, &subject, to_organisation(&pressure, "status", &[], &school)).await;
    assert_eq!(head.get(MEMBERS).await.as_array().map(Vec::len), Some(1));
    revoke(&clinic.patient, &second).await;
    // Pages.
    let (pupil, _) = clinic.person("pupil").await;
    let pupils = text(&pupil.get("/api/v1/me").await["patients"][0]);
    let theirs = enrol(&hospital, &clinic, &pupils, PRESSURE).await;
    give(&pupil, &pupils, to_organisation(&theirs, "status", &[], &school)).await;
    let all = head.get(MEMBERS).await;
    assert_eq!(all.as_array().map(Vec::len), Some(2), "{all}");
    let first = head.get(&format!("{MEMBERS}?limit=1")).await;
    let after = text(&first[0]["consent"]);
    let rest = head.get(&format!("{MEMBERS}?after={after}")).await;
    assert_eq!(json!([first[0], rest[0]]), all);
    other_head.hidden(&format!("{MEMBERS}?after={after}"), "NOT_FOUND").await;

    // The patient sees that the school looked.
    let seen = clinic.patient.get(&format!("/api/v1/patients/{subject}/accesses?limit=200")).await;
    let looked = seen.as_array().expect("accesses").iter().find(|one| one["who"] == "head").expect("an entry");
    assert_eq!((&looked["purpose"], &looked["roles"]), (&json!("organisation"), &json!(["representative"])));
    assert!(looked["what"].to_string().contains("as you told your school"), "{looked}");
    let seen = clinic.administrator.get(&format!("/api/v1/audit?patient={silent}&limit=200")).await;
    assert!(!seen.to_string().contains(MEMBERS), "{seen}");

    clinic.doctor.post(&format!("/api/v1/enrolments/{mood}/leave"), json!({ "reason": "已转线下" })).await;
    let ended = head.get(MEMBERS).await;
    let ended = ended.as_array().expect("members").iter().find(|one| one["consent"] == consent.as_str());
    assert_eq!(ended.expect("still told")["status"], "ended");
    revoke(&clinic.patient, &consent).await;
    let left = head.get(MEMBERS).await;
    assert!(left.as_array().map(Vec::len) == Some(1) && !left.to_string().contains(&consent), "{left}");

    // Who represents it no more, and whose organisation is closed, sees nothing.
    let representatives = format!("{ORGANISATIONS}/{other_school}/representatives");
    clinic.administrator.refused(&representatives, json!({ "account": account }), "ALREADY_EXISTS").await;
    let representative = format!("{ORGANISATIONS}/{school}/representatives/{account}");
    let gone = clinic.administrator.ask(Method::DELETE, &representative, None).await;
    assert_eq!(gone.status, 204);
    head.hidden(MEMBERS, "NOT_FOUND").await;
    clinic.administrator.post(&representatives, json!({ "account": account })).await;
    assert_eq!(head.get(MEMBERS).await, json!([]), "now of the other school");
    clinic.administrator.post(&format!("{ORGANISATIONS}/{other_school}/close"), json!(null)).await;
    head.hidden(MEMBERS, "NOT_FOUND").await;
    let closed = to_organisation(&theirs, "status", &[], &other_school);
    pupil.refused(&consents(&pupils), closed, "ORGANISATION_STATE").await;
    clinic
        .administrator
        .refused(&format!("{ORGANISATIONS}/{other_school}/close"), json!(null), "ORGANISATION_STATE")
        .await;
}

async fn a_person_is_one_member_and_the_dead_are_none(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let (school, head, _) = organisation(&clinic, "school", "head").await;
    let mut records = Vec::new();
    for login in ["pupil", "pupil-again"] {
        let (client, _) = clinic.person(login).await;
        let patient = text(&client.get("/api/v1/me").await["patients"][0]);
        let enrolment = enrol(&hospital, &clinic, &patient, PRESSURE).await;
        give(&client, &patient, to_organisation(&enrolment, "status", &[], &school)).await;
        records.push(patient);
    }
    let listed = async || head.get(MEMBERS).await.as_array().map(Vec::len);
    let change = async |patient: &str, key: &str, value: Value| {
        let path = format!("/fhir/R4/Patient/{patient}");
        let mut person = clinic.administrator.get(&path).await;
        person[key] = value;
        clinic.administrator.put(&path, person).await;
    };
    let link = |kind: &str, to: &str| json!([{ "type": kind, "other": { "reference": format!("Patient/{to}") } }]);
    assert_eq!(listed().await, Some(2));
    change(&records[0], "link", link("replaced-by", &records[1])).await;
    change(&records[1], "link", link("replaces", &records[0])).await;
    assert_eq!(listed().await, Some(1), "one person");
    change(&records[1], "deceasedBoolean", json!(true)).await;
    assert_eq!(listed().await, Some(0));
}

async fn who_represents_an_organisation_gets_nothing_else(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let subject = clinic.subject.clone();
    let enrolment = enrol(&hospital, &clinic, &subject, PRESSURE).await;
    let (school, head, account) = organisation(&clinic, "school", "head").await;
    give(&clinic.patient, &subject, to_organisation(&enrolment, "status", &[], &school)).await;
    assert_eq!(head.get(MEMBERS).await.as_array().map(Vec::len), Some(1));
    for path in [
        "/fhir/R4/Patient".to_owned(),
        format!("/fhir/R4/Patient/{subject}"),
        format!("/fhir/R4/Patient/{subject}/$everything"),
        format!("/fhir/R4/Observation?patient={subject}"),
        "/fhir/R4/_history".to_owned(),
        format!("/api/v1/patients/{subject}/relations"),
        format!("/api/v1/patients/{subject}/accesses"),
        view(&subject),
        format!("/api/v1/enrolments/{enrolment}"),
        format!("/api/v1/enrolments/{enrolment}/panel"),
        "/api/v1/requests".to_owned(),
        "/api/v1/alerts".to_owned(),
        "/api/v1/safety-contacts".to_owned(),
        "/api/v1/audit".to_owned(),
        ORGANISATIONS.to_owned(),
        "/api/v1/consent".to_owned(),
        format!("/api/v1/tenants/{}/accounts", clinic.tenant),
        format!("/api/v1/tenants/{}/formulary", clinic.tenant),
    ] {
        let answer = head.ask(Method::GET, &path, None).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.text);
        assert!(!answer.text.contains("李明") && !answer.text.contains("I10"), "{path}: {}", answer.text);
    }
    // Every route of the server, but for those of one's own account.
    let mut closed = 0;
    for route in hospital.hospital.routes() {
        let own = ["/api/v1/me", "/api/v1/sessions", "/api/v1/organisation/"];
        if route.access.contains(&"public".to_owned()) || own.iter().any(|own| route.path.starts_with(own)) {
            continue;
        }
        let path = route.path.replace("{kind}", "Patient").replace(['{', '}'], "");
        let method: Method = route.method.parse().expect("a method");
        let body = (method != Method::GET).then(|| json!({}));
        let answer = head.ask(method, &path, body).await;
        assert!(answer.status.is_client_error(), "{} {path}: {} {}", route.method, answer.status, answer.text);
        closed += 1;
    }
    assert!(closed > 150, "{closed}");
    // No other role goes with it, and an administrator of another hospital appoints nobody here.
    let accounts = format!("/api/v1/tenants/{}/accounts", clinic.tenant);
    let both = json!({ "login": "both", "password": crate::support::PASSWORD, "roles": ["representative", "nurse"] });
    clinic.administrator.refused(&accounts, both, "BODY_INVALID").await;
    let representatives = format!("{ORGANISATIONS}/{school}/representatives");
    let doctor = clinic.doctor.get("/api/v1/me").await["id"].clone();
    clinic.administrator.refused(&representatives, json!({ "account": doctor }), "ORGANISATION_INVALID").await;
    for client in [&clinic.doctor, &clinic.patient, &head] {
        client.refused(ORGANISATIONS, json!({ "kind": "school", "name": "x" }), "AUTH_FORBIDDEN").await;
        client.refused(&representatives, json!({ "account": account }), "AUTH_FORBIDDEN").await;
    }
    let empty = json!({ "kind": "school", "name": " " });
    clinic.administrator.refused(ORGANISATIONS, empty, "ORGANISATION_INVALID").await;

    let elsewhere = hospital.clinic(&[]).await;
    elsewhere.administrator.refused(&representatives, json!({ "account": account }), "NOT_FOUND").await;
    assert_eq!(elsewhere.administrator.get(ORGANISATIONS).await, json!([]));
    let (_, other_head, _) = organisation(&elsewhere, "school", "head").await;
    assert_eq!(other_head.get(MEMBERS).await, json!([]));
    let consent = to_organisation(&enrolment, "status", &[], &school);
    elsewhere.patient.refused(&consents(&elsewhere.subject), consent, "NOT_FOUND").await;
    // A suspended account is out at once.
    clinic.administrator.post(&format!("{accounts}/{account}/suspend"), json!({ "reason": "离职" })).await;
    assert!(head.ask(Method::GET, MEMBERS, None).await.status.is_client_error());
}

async fn an_employer_sees_groups_and_nobody(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&HYPERTENSION]).await;
    let (gradual, gradual_chief, _) = organisation(&clinic, "employer", "gradual").await;
    let (eleven, eleven_chief, _) = organisation(&clinic, "employer", "eleven").await;
    let (large, large_chief, _) = organisation(&clinic, "employer", "large").await;
    let (twin, twin_chief, _) = organisation(&clinic, "employer", "twin").await;
    assert_eq!(large_chief.get(FIGURES).await, json!([]), "no month is over since it was registered");
    let mut people = Vec::new();
    // 24 of the large one, of whom eleven also tell its twin; 15 of the gradual one, where nine begin; eleven.
    for number in 0..50 {
        let (client, _) = clinic.person(&format!("employee-{number}")).await;
        let patient = text(&client.get("/api/v1/me").await["patients"][0]);
        let enrolment = enrol(&hospital, &clinic, &patient, PRESSURE).await;
        let counted = |to: &str| to_organisation(&enrolment, "counted", &[], to);
        let employers = match number {
            0..11 => vec![&large, &twin],
            11..24 => vec![&large],
            24..33 => vec![&gradual],
            33..39 => Vec::new(),
            _ => vec![&eleven],
        };
        for employer in employers {
            give(&client, &patient, counted(employer)).await;
        }
        if number < 24 && number % 2 == 0 {
            let reason = json!({ "reason": "已完成" });
            clinic.doctor.post(&format!("/api/v1/enrolments/{enrolment}/leave"), reason).await;
        }
        people.push((client, patient, enrolment));
    }
    let month = async || hospital.advance(31 * DAY).await;
    let groups = async |chief: &Client| chief.get(FIGURES).await[0]["groups"].clone();
    let group = |members: u32, cells: Option<(u32, u32)>| {
        json!({
            "group": 1, "members": members, "in_care": cells.map(|cells| cells.0), "ended": cells.map(|cells| cells.1),
            "in_care_percent": cells.map(|(one, other)| one * 100 / (one + other)),
        })
    };
    let join = async |at: usize| {
        let (client, patient, enrolment) = &people[24 + at];
        give(client, patient, to_organisation(enrolment, "counted", &[], &gradual)).await
    };
    month().await;
    assert_eq!(groups(&gradual_chief).await, json!([]), "nine are no group");
    assert_eq!(groups(&eleven_chief).await, json!([group(10, None)]), "eleven, rounded, and no cell of them");
    let answer = large_chief.ask(Method::GET, FIGURES, None).await;
    assert_eq!(answer.body[0]["groups"], json!([group(20, Some((10, 10)))]), "{}", answer.text);
    assert_eq!(keys(&answer.body[0]), ["groups", "month", "published"]);
    assert_eq!(groups(&twin_chief).await, json!([]), "who is counted for one employer is for no other");
    for word in ["李", "pat-", "enr-", "con-", "acc-", "employee", "高血压", "I10"] {
        assert!(!answer.text.contains(word), "`{word}` in {}", answer.text);
    }
    // Who joins, leaves or changes meanwhile does not change what is published.
    let tenth = join(9).await;
    let (_, _, enrolment) = &people[1];
    clinic.doctor.post(&format!("/api/v1/enrolments/{enrolment}/leave"), json!({ "reason": "已完成" })).await;
    assert_eq!(large_chief.get(FIGURES).await, answer.body);
    assert_eq!(groups(&gradual_chief).await, json!([]));

    month().await;
    // Who renews their consent after the end of the month stays.
    let (client, patient, enrolment) = &people[2];
    let given = client.get(&consents(patient)).await;
    let old = given.as_array().expect("consents").iter().find(|one| one["recipient"]["organisation"] == large.as_str());
    revoke(client, &text(&old.expect("given")["id"])).await;
    give(client, patient, to_organisation(enrolment, "counted", &[], &large)).await;
    assert_eq!(groups(&gradual_chief).await, json!([group(10, None)]), "ten are");
    assert_eq!(groups(&large_chief).await, json!([group(20, Some((10, 10)))]), "11 and 13");
    assert_eq!(large_chief.get(FIGURES).await.as_array().map(Vec::len), Some(2), "months are kept");
    assert_eq!(large_chief.get(&format!("{FIGURES}?limit=1")).await.as_array().map(Vec::len), Some(1));

    // The eleventh waits for a group of their own; nothing says that there is one.
    join(10).await;
    month().await;
    assert_eq!(groups(&gradual_chief).await, json!([group(10, None)]));
    // One leaves: nothing is published of those who stay, in this group or in another, nor if the one comes back.
    revoke(&people[24 + 9].0, &tenth).await;
    month().await;
    assert_eq!(groups(&gradual_chief).await, json!([]));
    join(9).await;
    for at in 11..15 {
        join(at).await;
    }
    month().await;
    assert_eq!(groups(&gradual_chief).await, json!([]), "five newcomers");
    let (client, patient, _) = &people[1];
    let left = client.get(&consents(patient)).await;
    let of_large =
        left.as_array().expect("consents").iter().find(|one| one["recipient"]["organisation"] == large.as_str());
    revoke(client, &text(&of_large.expect("given")["id"])).await;
    month().await;
    assert_eq!(groups(&large_chief).await, json!([]), "24 less one");
    assert_eq!(groups(&twin_chief).await, json!([]), "nor is who was counted once");

    // Whoever is counted sees when; an employer is told nobody's status.
    let seen = client.get(&format!("/api/v1/patients/{patient}/accesses?limit=200")).await;
    let counted = seen.as_array().expect("accesses").iter().filter(|one| one["who"] == "large").count();
    assert!(counted >= 2, "{seen}");
    large_chief.hidden(MEMBERS, "NOT_FOUND").await;
    let elsewhere = hospital.clinic(&[]).await;
    let (_, other_chief, _) = organisation(&elsewhere, "employer", "large").await;
    assert_eq!(other_chief.get(FIGURES).await, json!([]));
    let account = other_chief.get("/api/v1/me").await["id"].clone();
    let representatives = format!("{ORGANISATIONS}/{large}/representatives");
    clinic.administrator.refused(&representatives, json!({ "account": account }), "NOT_FOUND").await;
}
