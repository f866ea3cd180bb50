//! Schemathesis (PyPI) reads the OpenAPI document, and sends valid and invalid requests: nothing
//! fails, and all answers conform to the document.
//!
//! Every operation is called as one of the roles that may. `XINGLIN_FUZZ_EXAMPLES=200` runs longer,
//! and each operation as each of these roles; `XINGLIN_FUZZ_SEED=2` changes the seed.

use std::{collections::BTreeMap, path::Path};

use reqwest::Method;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use xinglin_domain::access::Action;
use xinglin_store::Engine;

use crate::support::{
    Client, Clinic, DIABETES, DRUG_SAFETY, MEDICAL_INSURANCE, PASSWORD, TestHospital, at_full_length, built,
    clinic::{checklist, confirmation, draft, id},
    line, record,
};

/// Random cases per operation, in addition to those that Schemathesis always tries: for short runs,
/// and at full length.
const EXAMPLES: [&str; 2] = ["1", "4"];

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

/// Excluded operations, with the reason.
const NEVER: [(&str, &str); 2] = [
    ("POST /api/v1/clock/advance", "it would end every session of the run"),
    ("GET /api/v1/encounters/{id}/messages/stream", "it goes on for as long as the visit"),
];

mod sqlite {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn responses_conform_to_the_openapi_description() {
        super::responses_conform_to_the_openapi_description(super::hospital(super::Engine::Sqlite).await).await;
    }
}

mod postgres {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "long: cargo xtask test --all"]
    async fn responses_conform_to_the_openapi_description() {
        super::responses_conform_to_the_openapi_description(super::hospital(super::Engine::Postgres).await).await;
    }
}

async fn hospital(engine: Engine) -> TestHospital {
    let video = xinglin_platform::config::Video {
        url: "https://meet.example/{room}?jwt={token}".to_owned(),
        key: "a key that the provider knows as well".to_owned().try_into().expect("long enough"),
        issuer: "xinglin".to_owned(),
        audience: "meet".to_owned(),
        subject: "*".to_owned(),
    };
    let set = |config: &mut xinglin_platform::Config| {
        config.video = Some(video);
        // Passkeys are bound to a host name.
        config.public_url = Some("https://hospital.example".to_owned());
    };
    TestHospital::open_with(engine, set).await
}

async fn responses_conform_to_the_openapi_description(hospital: TestHospital) {
    let plugins = [&DIABETES, &DRUG_SAFETY, &MEDICAL_INSURANCE];
    let clinic = Clinic::found_with(&hospital.operator, hospital.now(), &plugins, record::synthetic()).await;
    clinic.insure().await;
    let known = known(&clinic).await;
    let described = hospital.anyone.get("/api/v1/openapi.json").await;
    let roles = [
        ("patient", &clinic.patient),
        ("doctor", &clinic.doctor),
        ("pharmacist", &clinic.pharmacist),
        ("administrator", &clinic.administrator),
        ("operator", &clinic.operator),
    ];
    let all = std::env::var_os("XINGLIN_FUZZ_EXAMPLES").is_some();
    let shares = shared_out(&roles.map(|(role, _)| role), &described, all);
    let mut reached = BTreeMap::new();
    let mut failures = String::new();
    for ((role, client), share) in roles.into_iter().zip(shares) {
        let (tally, said) = session(client, share, known.clone()).await;
        if let Some(said) = said {
            failures += &format!("as {role}:\n{said}");
        }
        let is_described = |operation: &str| {
            let (method, path) = operation.split_once(' ').expect("a method and a path");
            !described["paths"][path][method.to_lowercase()].is_null()
        };
        for (operation, answers) in tally.as_object().expect("operations") {
            if !is_described(operation) {
                continue;
            }
            let good = answers.as_object().expect("statuses").keys().any(|status| status.starts_with('2'));
            *reached.entry(operation.clone()).or_insert(false) |= good;
        }
        // Fails if the session ended during the run.
        client.ask(Method::GET, "/api/v1/me", None).await.done(&format!("{role}, in the end"));
    }
    let (deep, shallow): (Vec<_>, Vec<_>) = reached.iter().partition(|(_, good)| **good);
    let shallow: Vec<_> = shallow.into_iter().map(|(operation, _)| operation).collect();
    println!("{} operations did something, {} refused all: {shallow:#?}", deep.len(), shallow.len());
    assert!(failures.is_empty(), "{failures}");
    assert!(deep.len() > 60, "{} of {}: {shallow:#?}", deep.len(), reached.len());
}

/// For each role, the operations to call: each operation for one of the roles that may, in turn, or
/// for all.
fn shared_out(roles: &[&str], described: &Value, all: bool) -> Vec<Value> {
    let mut shares = vec![described.clone(); roles.len()];
    let paths = described["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, operations)| {
        operations.as_object().expect("operations").iter().map(move |(method, operation)| (path, method, operation))
    });
    for (turn, (path, method, operation)) in operations.enumerate() {
        let actions = operation["x-action"].as_array().expect("a route names its action");
        let may = |role: &str| {
            actions.iter().filter_map(Value::as_str).any(|word| match word.parse::<Action>() {
                Ok(action) => action.roles().iter().any(|of| of.as_str() == role),
                Err(_) => true,
            })
        };
        let able: Vec<usize> = (0..roles.len()).filter(|place| may(roles[*place])).collect();
        let never = NEVER.iter().any(|(never, _)| *never == format!("{} {path}", method.to_uppercase()));
        for (place, share) in shares.iter_mut().enumerate() {
            let takes = able.contains(&place) && (all || able[turn % able.len()] == place);
            if never || !takes {
                share["paths"][path].as_object_mut().expect("operations").remove(method);
            }
        }
    }
    shares
}

/// Acts of every kind that leave something to be found, and valid requests.
async fn known(clinic: &Clinic) -> Value {
    let visit = clinic.visit().await;
    let lines = [line("metformin-500mg-60", "1000", "2", 30, 2)];
    let mut prescriptions = vec![clinic.draft(&visit, &lines).await];
    for _ in 0..3 {
        prescriptions.push(clinic.signed().await);
    }
    let approved = [clinic.approved().await, clinic.approved().await];
    let paid = clinic.quote(&approved[0]).await;
    clinic.confirm(&paid).await;
    let quote = clinic.quote(&approved[1]).await;
    let ordered = clinic.order(&approved[1], "glucose-test-strips-50", 2).await;
    prescriptions.extend(approved);
    let mut visits = vec![visit.clone()];
    for _ in 0..3 {
        let requested = clinic.patient.post("/api/v1/encounters", clinic.request()).await;
        visits.push(requested["id"].as_str().expect("an id").to_owned());
    }
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol.clone()).await;
    let answers = json!({ "questionnaire": "follow-up", "answers": [
        { "link_id": "glucose", "value": { "quantity": { "value": "9.8", "unit": "mmol/L" } } },
        { "link_id": "needed-help", "value": { "boolean": false } },
    ] });
    let app = json!({
        "name": "a clock", "authentication": "none", "redirect_uris": ["https://app.example/back"],
        "scopes": "openid patient/*.rs",
    });
    let emergency =
        json!({ "compartment": "hiv", "reason": "Unconscious, no relatives, needs surgery now.", "minutes": 30 });
    let consent =
        json!({ "scope": { "compartment": "hiv" }, "recipient": { "role": "doctor" }, "purposes": ["treatment"] });
    let me = clinic.doctor.get("/api/v1/me").await;
    let mut rewrite = draft(&visit, &lines);
    rewrite.as_object_mut().expect("an object").remove("encounter");
    let reason = json!({ "reason": "She was seen in person today." });
    json!({
        "members": {
            "tenant": [clinic.tenant],
            "patient": [clinic.subject],
            "encounter": visits,
            "prescription": prescriptions.iter().map(|path| id(path)).collect::<Vec<_>>(),
            "charge": [quote["id"], paid["id"]],
            "order": [ordered["id"]],
            "enrolment": [enrolled["id"]],
            "account": [me["id"], clinic.pharmacist_id],
            "prepared_by": [clinic.assistant_id],
            "plugin": [DIABETES.id, DRUG_SAFETY.id, MEDICAL_INSURANCE.id],
            "payer": [MEDICAL_INSURANCE.id],
            "item": ["metformin-500mg-60", "dapagliflozin-10mg-30", "glucose-test-strips-50"],
            "id": ["order-sign.xinglin.drug-safety", "order-select.xinglin.drug-safety"],
            "consent": [clinic.consent],
        },
        "bodies": {
            "POST /api/v1/sessions": [{ "tenant": clinic.tenant, "login": "assistant", "password": PASSWORD }],
            "POST /api/v1/sessions/passkey/offer": [{ "tenant": clinic.tenant }],
            "POST /api/v1/me/passkeys/offer": [{ "password": PASSWORD }],
            "POST /api/v1/me/second-factor": [{ "password": PASSWORD }],
            "POST /api/v1/tenants/{tenant}/accounts": [{ "login": "temp", "password": PASSWORD, "roles": ["nurse"] }],
            "POST /api/v1/tenants/{tenant}/clients": [app],
            "POST /api/v1/policies/explain": [{ "account": "doctor", "action": "prescription.sign" }],
            "PUT /api/v1/tenants/{tenant}/plugins/{plugin}": [{}, { "payer": "basic_insurance" }],
            "PUT /api/v1/tenants/{tenant}/patients/{patient}/coverages/{payer}": [{
                "category": { "system": "urn:nhsa:insutype", "code": "310" },
                "accumulators": [{ "code": "deductible-used", "fen": 45000 }],
            }],
            "POST /api/v1/patients/{patient}/break-glass": [emergency],
            "POST /api/v1/patients/{patient}/consents": [consent],
            "POST /api/v1/encounters": [clinic.request()],
            "POST /api/v1/encounters/{id}/accept": [clinic.decision()],
            "POST /api/v1/encounters/{id}/decline": [reason],
            "POST /api/v1/encounters/{id}/orders": [{ "item": "glucose-test-strips-50", "quantity": 1 }],
            "POST /api/v1/encounters/{id}/messages": [{ "text": "Good morning." }],
            "POST /api/v1/enrolments": [enrol],
            "POST /api/v1/enrolments/{id}/answers": [answers],
            "POST /api/v1/holds/{id}/release": [reason],
            "POST /api/v1/prescriptions": [draft(&visit, &lines)],
            "PUT /api/v1/prescriptions/{id}": [rewrite],
            "POST /api/v1/prescriptions/{id}/sign": [{ "valid_days": 3 }],
            "POST /api/v1/prescriptions/{id}/approve": [checklist()],
            "POST /api/v1/prescriptions/{id}/reject": [{ "code": "dose", "text": "too much" }],
            "POST /api/v1/prescriptions/{id}/return": [{ "code": "dose", "text": "too much" }],
            "POST /api/v1/prescriptions/{id}/dispense": [clinic.handout(&prescriptions[4]).await],
            "POST /api/v1/charges": [{ "prescription": id(&prescriptions[5]) }],
            "POST /api/v1/charges/{id}/confirm": [confirmation(&quote)],
        },
    })
}

/// One run of the program: how often each operation gave each status, and the failures.
async fn session(client: &Client, described: Value, mut known: Value) -> (Value, Option<String>) {
    let desk = TempDir::with_prefix("xinglin-fuzz-").expect("a folder");
    let write = |name: &str, content: &Value| {
        let path = desk.path().join(name);
        std::fs::write(&path, content.to_string()).expect("written");
        path
    };
    let setting = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    let seed: u64 = setting("XINGLIN_FUZZ_SEED", "1").parse().expect("a number");
    let me = client.get("/api/v1/me").await;
    let sessions = client.get("/api/v1/sessions").await;
    let examples = EXAMPLES[usize::from(at_full_length())];
    if std::env::var_os("XINGLIN_FUZZ_EXAMPLES").is_none() {
        // Methods that a path does not have.
        let few = "[phases.coverage]\nunexpected-methods = []\n";
        std::fs::write(desk.path().join("schemathesis.toml"), few).expect("written");
    }
    let mut own = vec![me["id"].clone()];
    own.extend(sessions.as_array().expect("sessions").iter().map(|session| session["id"].clone()));
    known
        .as_object_mut()
        .expect("an object")
        .extend(Map::from_iter([("seed".to_owned(), json!(seed)), ("own".to_owned(), json!(own))]));
    let tally = desk.path().join("tally.json");
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/clients/schemathesis_hooks.py");
    let output = Command::new(built("python/bin/python", "cargo xtask setup"))
        .args(["-m", "schemathesis.cli", "run"])
        .arg(write("openapi.json", &described))
        .args(["--url", client.base(), "--header", &format!("Authorization: Bearer {}", client.token())])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--warnings", "off", "--no-color"])
        .args(["--max-examples", &setting("XINGLIN_FUZZ_EXAMPLES", examples), "--seed", &seed.to_string()])
        .args(["--generation-database", "none", "--suppress-health-check", "all", "--continue-on-failure"])
        .env("SCHEMATHESIS_HOOKS", hooks)
        .env("FIXTURES", write("fixtures.json", &known))
        .env("TALLY", &tally)
        .current_dir(desk.path())
        .kill_on_drop(true)
        .output()
        .await
        .expect("Schemathesis");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = || text(&output.stdout) + &text(&output.stderr);
    let tally = std::fs::read(tally).unwrap_or_else(|_| panic!("it did not run: {}", said()));
    (serde_json::from_slice(&tally).expect("JSON"), (!output.status.success()).then(said))
}
