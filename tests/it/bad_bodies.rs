//! Invalid input gives a code, never a 5xx and never a partial write.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::{
    Answer, Client, Clinic, DIABETES, MEDICAL_INSURANCE, TestHospital,
    clinic::{confirm_path, id},
    record, rules_on_both_engines,
};

rules_on_both_engines!(
    TestHospital:
    an_invalid_body_is_refused_with_its_code,
    money_is_whole_fen,
    money_that_does_not_fit_is_refused,
    malformed_fhir_is_refused_with_the_path,
    a_transaction_with_one_fault_writes_nothing,
    oversized_requests_are_refused,
    missing_resources_are_not_found,
    every_route_requires_authentication,
    forged_and_expired_tokens_are_refused,
    no_operation_fails_internally_on_garbage,
    a_request_has_a_name_that_forges_nothing,
);

/// Refused with this code.
fn refused(what: &str, answer: &Answer, code: &str) {
    assert!(answer.status.is_client_error(), "{what}: {} {}", answer.status, answer.text);
    assert_eq!(answer.code(), code, "{what}: {} {}", answer.status, answer.text);
}

async fn an_invalid_body_is_refused_with_its_code(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DIABETES]).await;
    let visit = clinic.visit().await;
    let effective = clinic.approved().await;
    let enrolled =
        clinic.doctor.post("/api/v1/enrolments", json!({ "patient": clinic.subject, "plugin": DIABETES.id })).await;
    let answers = format!("/api/v1/enrolments/{}/answers", enrolled["id"].as_str().expect("an id"));
    let before = hospital.footprint(&clinic.tenant).await;
    let tenant = format!("/api/v1/tenants/{}", clinic.tenant);
    let accounts = format!("{tenant}/accounts");
    let Clinic { operator, patient, doctor, pharmacist, .. } = &clinic;
    let metformin = |change: &str| {
        let whole = r#"{"item":"metformin-500mg-60","dose":{"value":"1000","unit":"mg"},"doses_per_day":"2","days":30,"packs":2}"#;
        let (old, new) = change.split_once(" => ").expect("a change");
        format!(r#"{{"encounter":"{visit}","lines":[{}]}}"#, whole.replace(old, new))
    };
    let account = |rest: &str| format!(r#"{{"login":"n","password":"correct horse battery",{rest}}}"#);
    let answered = |rest: &str| format!(r#"{{"questionnaire":"recheck","answers":[{rest}]}}"#);
    let sound = r#"{"link_id":"glucose","value":{"quantity":{"value":"7.1","unit":"mmol/L"}}},{"link_id":"needed-help","value":{"boolean":false}}"#;
    let cases: Vec<(&Client, &str, String, &str)> = vec![
        // Not JSON, or truncated.
        (operator, "/api/v1/tenants", "{\"kind\":".into(), "BODY_INVALID"),
        (operator, "/api/v1/tenants", String::new(), "BODY_INVALID"),
        (operator, "/api/v1/tenants", "kind=hospital&name=x".into(), "BODY_INVALID"),
        (operator, "/api/v1/tenants", r#"{"kind":"hospital","name":"x"} {}"#.into(), "BODY_INVALID"),
        (operator, "/api/v1/tenants", r#"{"kind":"hospital","name":"\ud800"}"#.into(), "BODY_INVALID"),
        (operator, "/api/v1/tenants", r#"{"kind":"hospital","name":"a\u0000b"}"#.into(), "BODY_INVALID"),
        (operator, "/api/v1/tenants", "[".repeat(100_000), "BODY_INVALID"),
        // Unknown and missing fields, wrong types.
        (operator, "/api/v1/tenants", r#"{"kind":"hospital","name":"x","vip":true}"#.into(), "BODY_INVALID"),
        (operator, "/api/v1/tenants", r#"{"kind":"castle","name":"x"}"#.into(), "BODY_INVALID"),
        (operator, "/api/v1/tenants", r#"{"name":"x"}"#.into(), "BODY_INVALID"),
        (operator, "/api/v1/tenants", r#"["hospital","x"]"#.into(), "BODY_INVALID"),
        (operator, &accounts, account(r#""roles":["wizard"]"#), "BODY_INVALID"),
        (operator, &accounts, account(r#""roles":[]"#), "BODY_INVALID"),
        (operator, &accounts, account(r#""roles":["operator"]"#), "AUTH_FORBIDDEN"),
        (operator, &accounts, account(r#""roles":["patient"],"patients":["pat-1"]"#), "BODY_INVALID"),
        (
            operator,
            &accounts,
            account(r#""roles":["patient"],"patients":["pat-00000000000000000000000001"]"#),
            "NOT_FOUND",
        ),
        (operator, &accounts, r#"{"login":"n","password":"short","roles":["doctor"]}"#.into(), "BODY_INVALID"),
        (
            operator,
            &accounts,
            r#"{"login":" ","password":"correct horse battery","roles":["doctor"]}"#.into(),
            "BODY_INVALID",
        ),
        (operator, "/api/v1/clock/advance", r#"{"seconds":-1}"#.into(), "BODY_INVALID"),
        (operator, "/api/v1/clock/advance", r#"{"seconds":4294967296}"#.into(), "BODY_INVALID"),
        (operator, "/api/v1/clock/advance", r#"{"seconds":1.5}"#.into(), "BODY_INVALID"),
        (
            patient,
            "/api/v1/encounters",
            format!(r#"{{"patient":"{}","consent":"yes"}}"#, clinic.subject),
            "BODY_INVALID",
        ),
        (patient, "/api/v1/encounters", r#"{"patient":7,"consent":null}"#.into(), "BODY_INVALID"),
        (patient, "/api/v1/encounters", with_unknown(&clinic.request(), "/evidence/0"), "BODY_INVALID"),
        (doctor, "/api/v1/prescriptions", metformin(r#""days":30 => "days":-1"#), "BODY_INVALID"),
        (doctor, "/api/v1/prescriptions", metformin(r#""days":30 => "days":70000"#), "BODY_INVALID"),
        (doctor, "/api/v1/prescriptions", metformin(r#""packs":2 => "packs":2.0"#), "BODY_INVALID"),
        (doctor, "/api/v1/prescriptions", metformin(r#""packs":2 => "packs":2,"free":true"#), "BODY_INVALID"),
        (doctor, "/api/v1/prescriptions", metformin(r#""2" => 2"#), "BODY_INVALID"),
        (doctor, "/api/v1/prescriptions", metformin(r#""1000" => "much""#), "BODY_INVALID"),
        (doctor, "/api/v1/prescriptions", metformin(r#""1000" => "99999999999999999999""#), "BODY_INVALID"),
        (
            doctor,
            "/api/v1/enrolments",
            format!(r#"{{"patient":"{}","plugin":"no.such"}}"#, clinic.subject),
            "NOT_FOUND",
        ),
        (
            patient,
            "/api/v1/charges",
            format!(
                r#"{{"prescription":"{}","items":[{{"item":"glucose-test-strips-50","quantity":0}}]}}"#,
                id(&effective)
            ),
            "BODY_INVALID",
        ),
        (
            patient,
            "/api/v1/charges",
            format!(
                r#"{{"prescription":"{}","items":[{{"item":"glucose-test-strips-50","quantity":-1}}]}}"#,
                id(&effective)
            ),
            "BODY_INVALID",
        ),
        (
            patient,
            "/api/v1/charges",
            format!(r#"{{"prescription":"{}","items":[{{"item":"gold","quantity":1}}]}}"#, id(&effective)),
            "BODY_INVALID",
        ),
        (patient, "/api/v1/charges", r#"{"prescription":"bill-00000000000000000000000001"}"#.into(), "BODY_INVALID"),
        (patient, &answers, answered(""), "BODY_INVALID"),
        (patient, &answers, answered(&sound.replace("mmol/L", "mg/dL")), "BODY_INVALID"),
        (patient, &answers, answered(&sound.replace(r#""7.1""#, "7.1")), "BODY_INVALID"),
        (patient, &answers, answered(&sound.replace("false", "\"no\"")), "BODY_INVALID"),
        (patient, &answers, answered(&format!("{sound},{sound}")), "BODY_INVALID"),
        (patient, &answers, answered(&sound.replace("needed-help", "shoe-size")), "BODY_INVALID"),
        (patient, &answers, answered(sound).replace("recheck", "horoscope"), "NOT_FOUND"),
        (pharmacist, "/api/v1/sessions", r#"{"login":"doctor","password":"x","admin":true}"#.into(), "BODY_INVALID"),
        (pharmacist, "/api/v1/sessions", r#"{"tenant":"none","login":"doctor","password":"x"}"#.into(), "BODY_INVALID"),
        (pharmacist, "/api/v1/sessions", r#"{"login":"a\u0000b","password":"x"}"#.into(), "BODY_INVALID"),
    ];
    for (client, path, body, code) in cases {
        let answer = client.post_text(path, "application/json", body.clone()).await;
        let shown: String = body.chars().take(120).collect();
        refused(&format!("{path} {shown}"), &answer, code);
    }
    // A body with another media type is not parsed.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let answer = operator.post_text("/api/v1/tenants", kind, r#"{"kind":"hospital","name":"x"}"#).await;
        refused(kind, &answer, "BODY_INVALID");
    }
    for grant in [
        json!({ "capabilities": ["telepathy"] }),
        json!({ "payer": "rich uncle" }),
        json!({ "fuel": 1 }),
        json!({ "limits": { "deadline_ms": -1 } }),
        json!({ "settings": { "systolic-maximum": "high" } }),
        json!({ "settings": { "systolic-maximum": 130.5 } }),
        json!({ "settings": { "shoe-size": 44 } }),
    ] {
        let path = format!("{tenant}/plugins/{}", DIABETES.id);
        refused(&grant.to_string(), &operator.ask(Method::PUT, &path, Some(grant.clone())).await, "BODY_INVALID");
    }
    assert_eq!(hospital.footprint(&clinic.tenant).await, before);
    assert_eq!(clinic.doctor.get(&effective).await["status"], "EFFECTIVE");
}

/// The document with an unknown field at a pointer.
fn with_unknown(document: &Value, pointer: &str) -> String {
    let mut document = document.clone();
    document.pointer_mut(pointer).expect("there")["oops"] = json!(1);
    document.to_string()
}

/// JSON values that are not amounts of money.
const NO_MONEY: [&str; 10] =
    ["67.5", "67.0", "\"67\"", "1e30", "1e2", "9223372036854775808", "-9223372036854775809", "true", "null", "[67]"];

async fn money_is_whole_fen(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    clinic.insure().await;
    let quote = clinic.quote(&clinic.approved().await).await;
    let before = hospital.footprint(&clinic.tenant).await;
    let formulary = clinic.doctor.get("/api/v1/formulary").await;
    let coverages = format!("/api/v1/patients/{}/coverages", clinic.subject);
    let coverage = clinic.patient.get(&coverages).await;
    let tenant = format!("/api/v1/tenants/{}", clinic.tenant);
    let put = format!("{tenant}/patients/{}/coverages/{}", clinic.subject, MEDICAL_INSURANCE.id);
    for amount in NO_MONEY.into_iter().chain(["-1"]) {
        let fen: Value = serde_json::from_str(amount).expect("JSON");
        let confirm = json!({ "cash_fen": fen, "risk_acknowledged": true });
        // A negative amount is valid, but not the quoted one.
        let code = if amount == "-1" { "INS_PRESETTLE_DRIFT" } else { "MONEY_INVALID" };
        let answer = clinic.patient.ask(Method::POST, &confirm_path(&quote), Some(confirm)).await;
        refused(&format!("confirm {amount}"), &answer, code);

        let mut dear = formulary.clone();
        dear["items"][0]["price_fen"] = fen.clone();
        let answer = clinic.operator.ask(Method::PUT, &format!("{tenant}/formulary"), Some(dear)).await;
        refused(&format!("price {amount}"), &answer, "MONEY_INVALID");

        let figures = json!({
            "category": { "system": "urn:nhsa:insutype", "code": "310" },
            "accumulators": [{ "code": "account-balance", "fen": fen }],
        });
        refused(
            &format!("figure {amount}"),
            &clinic.operator.ask(Method::PUT, &put, Some(figures)).await,
            "MONEY_INVALID",
        );
    }
    assert_eq!(hospital.footprint(&clinic.tenant).await, before);
    assert_eq!(clinic.doctor.get("/api/v1/formulary").await, formulary);
    assert_eq!(clinic.patient.get(&coverages).await, coverage);
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
}

async fn money_that_does_not_fit_is_refused(hospital: TestHospital) {
    for insured in [false, true] {
        let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
        if insured {
            clinic.insure().await;
        }
        let formulary = clinic.doctor.get("/api/v1/formulary").await;
        let path = format!("/api/v1/tenants/{}/formulary", clinic.tenant);
        let priced = |price: i64| {
            let mut priced = formulary.clone();
            let strips = priced["items"].as_array_mut().expect("items").last_mut().expect("strips");
            strips["price_fen"] = json!(price);
            priced
        };
        for price in [i64::MAX, i64::MAX / 2, 10_000_000_001] {
            let answer = clinic.operator.ask(Method::PUT, &path, Some(priced(price))).await;
            refused(&price.to_string(), &answer, "MONEY_INVALID");
        }
        assert_eq!(clinic.doctor.get("/api/v1/formulary").await, formulary);

        // The largest quantity at the highest price: the ledger holds it, repeatedly.
        clinic.operator.put(&path, priced(10_000_000_000)).await;
        for _ in 0..2 {
            let prescription = clinic.approved().await;
            clinic.order(&prescription, "glucose-test-strips-50", 10_000).await;
            let order = |quantity: u32| {
                let items = json!([{ "item": "glucose-test-strips-50", "quantity": quantity }]);
                json!({ "prescription": id(&prescription), "items": items })
            };
            let answer = clinic.patient.ask(Method::POST, "/api/v1/charges", Some(order(u32::MAX))).await;
            refused("a quantity", &answer, "BODY_INVALID");
            let quote = clinic.patient.post("/api/v1/charges", order(10_000)).await;
            assert_eq!(quote["total_fen"], 100_000_000_007_000_i64);
            assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
        }
        assert_eq!(clinic.balanced().await["debit_fen"], 200_000_000_014_000_i64);
    }
}

async fn malformed_fhir_is_refused_with_the_path(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let before = hospital.footprint(&clinic.tenant).await;
    let subject = json!({ "reference": format!("Patient/{}", clinic.subject) });
    let cases = [
        ("Patient", json!({ "resourceType": "Patient", "gender": "f" }), "Patient.gender"),
        ("Patient", json!({ "resourceType": "Patient", "birthDate": "1977-02-30" }), "Patient.birthDate"),
        ("Patient", json!({ "resourceType": "Patient", "name": { "text": "x" } }), "Patient.name"),
        ("Patient", json!({ "resourceType": "Patient", "name": [{ "family": "a\u{0}b" }] }), "Patient.name[0].family"),
        ("Patient", json!({ "resourceType": "Patient", "active": null }), "Patient.active"),
        (
            "Observation",
            json!({ "resourceType": "Observation", "code": { "text": "x" }, "subject": subject }),
            "Observation.status",
        ),
        (
            "Observation",
            json!({
                "resourceType": "Observation", "status": "final", "code": { "text": "x" }, "subject": subject,
                "valueQuantity": { "value": "6.5" },
            }),
            "Observation.valueQuantity.value",
        ),
        (
            "Basic",
            json!({ "resourceType": "Basic", "code": { "text": "x" }, "meta": { "lastUpdated": "soon" } }),
            "Basic.meta.lastUpdated",
        ),
        ("Unheard", json!({ "resourceType": "Unheard" }), "Unheard.resourceType"),
        ("Patient", json!({ "resourceType": "Patient", "birthdate": "1977" }), "Patient.birthdate"),
        ("Patient", json!({ "resourceType": "Basic", "code": { "text": "x" } }), "Bundle.entry[0].request.url"),
        ("Patient", json!({ "resourceType": "patient" }), "Resource.resourceType"),
        ("Patient", json!(7), "Resource"),
        ("Patient", json!({}), "Resource.resourceType"),
    ];
    for (kind, resource, place) in cases {
        let answer = clinic.administrator.ask(Method::POST, &format!("/fhir/R4/{kind}"), Some(resource.clone())).await;
        refused(&resource.to_string(), &answer, "FHIR_INVALID");
        assert_eq!(answer.body["resourceType"], "OperationOutcome");
        let issues = answer.body["issue"].as_array().expect("issues");
        assert!(issues.iter().any(|issue| issue["expression"][0] == place), "{place}: {}", answer.text);
    }
    for (what, body) in [("broken", "{\"resourceType\":"), ("twice", "{} {}"), ("a list", "[{}]"), ("empty", "")] {
        let answer = clinic.administrator.post_text("/fhir/R4/Patient", "application/fhir+json", body).await;
        refused(what, &answer, "BODY_INVALID");
    }
    for (query, code) in [
        ("Patient?name:text=x", "BODY_INVALID"),
        ("Patient?_sort=colour", "BODY_INVALID"),
        ("Patient?_page=x", "BODY_INVALID"),
        ("Patient?_count=-1", "BODY_INVALID"),
        ("Patient?_count=many", "BODY_INVALID"),
        ("Patient/none", "NOT_FOUND"),
        ("Patient/none/_history", "NOT_FOUND"),
        (&format!("Patient/{}/_history/99", clinic.subject), "NOT_FOUND"),
        (&format!("Patient/{}/_history/99999999999999999999", clinic.subject), "NOT_FOUND"),
        (&format!("Patient/{}/_history/-1", clinic.subject), "NOT_FOUND"),
    ] {
        refused(query, &clinic.doctor.ask(Method::GET, &format!("/fhir/R4/{query}"), None).await, code);
    }
    assert_eq!(hospital.footprint(&clinic.tenant).await, before);
}

async fn a_transaction_with_one_fault_writes_nothing(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let before = hospital.footprint(&clinic.tenant).await;
    let good = || record::patient("1990-01-01");
    let bad = || json!({ "resourceType": "Patient", "birthDate": "long ago" });
    let whole = record::transaction(&[good(), good(), bad(), good()]);
    let answer = clinic.administrator.ask(Method::POST, "/fhir/R4", Some(whole.clone())).await;
    refused("a transaction", &answer, "FHIR_INVALID");
    assert_eq!(answer.body["issue"][0]["expression"][0], "Bundle.entry[2].resource.birthDate");
    // An error that occurs at the write only: an id that is taken.
    let mut late =
        record::transaction(&[good(), record::condition(&clinic.subject, &clinic.evidence[0], hospital.now(), "I10")]);
    let taken = &clinic.evidence[1];
    late["entry"][1]["resource"]["id"] = json!(id(taken));
    late["entry"][1]["request"] = json!({ "method": "PUT", "url": taken, "ifMatch": "W/\"7\"" });
    let answer = clinic.administrator.ask(Method::POST, "/fhir/R4", Some(late)).await;
    refused("a version", &answer, "PRECONDITION_FAILED");
    for (what, bundle) in [
        ("a searchset", json!({ "resourceType": "Bundle", "type": "searchset" })),
        ("no type", json!({ "resourceType": "Bundle" })),
        ("no bundle", json!({ "resourceType": "Patient" })),
        ("entries that are none", json!({ "resourceType": "Bundle", "type": "transaction", "entry": {} })),
        ("no request", json!({ "resourceType": "Bundle", "type": "transaction", "entry": [{ "resource": good() }] })),
        (
            "a patch",
            json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
            { "request": { "method": "PATCH", "url": format!("Patient/{}", clinic.subject) } },
        ] }),
        ),
    ] {
        refused(what, &clinic.administrator.ask(Method::POST, "/fhir/R4", Some(bundle)).await, "FHIR_INVALID");
    }
    assert_eq!(hospital.footprint(&clinic.tenant).await, before);

    // In a batch each entry is independent.
    let mut batch = whole;
    batch["type"] = json!("batch");
    let answer = clinic.administrator.post("/fhir/R4", batch).await;
    let statuses: Vec<&str> =
        answer["entry"].as_array().expect("entries").iter().filter_map(|e| e["response"]["status"].as_str()).collect();
    assert_eq!(statuses, ["201 Created", "201 Created", "422", "201 Created"]);
    assert_eq!(hospital.footprint(&clinic.tenant).await["Patient"], before["Patient"] + 3);
}

async fn oversized_requests_are_refused(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let before = hospital.footprint(&clinic.tenant).await;
    // One byte too many: the server reads up to the limit, and answers.
    let spaces = |most: usize| vec![b' '; most + 1];
    let answer = clinic.operator.post_text("/api/v1/tenants", "application/json", spaces(1 << 20)).await;
    refused("a body", &answer, "BODY_TOO_LARGE");
    let large = spaces(hospital.hospital.config().max_body_bytes);
    let answer = clinic.administrator.post_text("/fhir/R4", "application/fhir+json", large.clone()).await;
    refused("a bundle", &answer, "BODY_TOO_LARGE");
    refused("a package", &clinic.operator.upload(large).await, "BODY_TOO_LARGE");
    // Limited to the maximum page size, without an error.
    let page = clinic.doctor.get("/fhir/R4/Observation?_count=4294967295").await;
    assert_eq!(page["resourceType"], "Bundle");
    clinic.administrator.get("/api/v1/calls?limit=4294967295").await;
    assert_eq!(hospital.footprint(&clinic.tenant).await, before);
}

async fn missing_resources_are_not_found(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let visit = clinic.visit().await;
    for path in [
        "/api/v1/nothing".to_owned(),
        "/api/v2/charges".to_owned(),
        "/api/v1/charges/nonsense".to_owned(),
        format!("/api/v1/charges/{visit}"),
        "/api/v1/charges/bill-00000000000000000000000001".to_owned(),
        "/api/v1/charges/bill-%00".to_owned(),
        "/api/v1/charges/%FF%FE".to_owned(),
        "/api/v1/charges/..%2f..%2fetc%2fpasswd".to_owned(),
        format!("/api/v1/encounters/{}", visit.to_uppercase()),
        "/api/v1/patients/pat-00000000000000000000000001/../x".to_owned(),
        "/fhir/R5/Patient".to_owned(),
        "/fhir/R4/Patient/a/b/c/d".to_owned(),
    ] {
        refused(&path, &clinic.patient.ask(Method::GET, &path, None).await, "NOT_FOUND");
    }
    for (method, path) in [
        (Method::DELETE, format!("/api/v1/encounters/{visit}")),
        (Method::PATCH, "/api/v1/charges".to_owned()),
        (Method::PUT, "/api/v1/sessions".to_owned()),
        (Method::POST, format!("/fhir/R4/Patient/{}", clinic.subject)),
        (Method::PUT, "/fhir/R4".to_owned()),
    ] {
        let answer = clinic.administrator.ask(method, &path, None).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (405, "METHOD_NOT_ALLOWED"), "{path}: {}", answer.text);
    }
    assert_eq!(clinic.doctor.get(&format!("/api/v1/encounters/{visit}")).await["status"], "ACCEPTED");
}

/// A route of the API, from the OpenAPI document.
struct Route {
    method: Method,
    path: String,
    /// An example of the body with every field, if it takes JSON.
    body: Option<Value>,
}

/// All routes, with parameters that are valid ids of nothing.
async fn routes(hospital: &TestHospital, parameter: impl Fn(&str) -> String) -> Vec<Route> {
    let api = hospital.anyone.get("/api/v1/openapi.json").await;
    let mut routes = Vec::new();
    for (path, operations) in api["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let path = parameters.iter().filter(|p| p["in"] == "path").fold(path.clone(), |path, known| {
                let name = known["name"].as_str().expect("a name");
                // The document gives the form of an id: `rx-…`.
                let form = known["description"].as_str().unwrap_or_default();
                path.replace(&format!("{{{name}}}"), &parameter(form))
            });
            let schema = operation.pointer("/requestBody/content/application~1json/schema");
            let method = method.to_uppercase().parse().expect("a method");
            routes.push(Route { method, path, body: schema.map(|schema| example(&api, schema, 0)) });
        }
    }
    assert!(routes.len() > 40, "{} routes", routes.len());
    routes
}

/// A value that matches the schema.
fn example(api: &Value, schema: &Value, depth: usize) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let named = api.pointer(reference.trim_start_matches('#')).expect("a schema");
        return if depth > 6 { json!(null) } else { example(api, named, depth + 1) };
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema[choice].as_array().and_then(|all| all.iter().rfind(|one| one["type"] != "null")) {
            return example(api, first, depth);
        }
    }
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].as_array()?.first()?.as_str());
    match kind {
        Some("integer") => json!(1),
        Some("number") => json!(1.5),
        Some("boolean") => json!(true),
        Some("array") => json!([example(api, &schema["items"], depth)]),
        Some("object") => {
            let fields = schema["properties"].as_object().cloned().unwrap_or_default();
            Value::Object(
                fields.iter().map(|(name, schema)| (name.clone(), example(api, schema, depth))).collect::<Map<_, _>>(),
            )
        }
        _ => json!("x"),
    }
}

/// An unused id of this form.
fn nobody(form: &str) -> String {
    let prefix = form.trim_start_matches('`').split('-').next().unwrap_or_default();
    format!("{prefix}-00000000000000000000000001")
}

async fn every_route_requires_authentication(hospital: TestHospital) {
    let mut open = Vec::new();
    for Route { method, path, body } in routes(&hospital, nobody).await {
        let answer = hospital.anyone.ask(method.clone(), &path, body).await;
        if answer.code() != "AUTH_REQUIRED" || answer.status != 401 {
            open.push(format!("{method} {path}: {}", answer.status));
        }
    }
    // The public routes of sign-in, and of payment channels and gateways of reminders, which sign what they send.
    let ways_in = [
        "POST /api/v1/cash/ten-00000000000000000000000001/wechat-00000000000000000000000001/notices: 404 Not Found",
        "POST /api/v1/reminders/ten-00000000000000000000000001/sms` or `wechat`-00000000000000000000000001/receipts: 404 Not Found",
        "POST /api/v1/sessions: 400 Bad Request",
        "POST /api/v1/sessions/passkey/confirm: 400 Bad Request",
        "POST /api/v1/sessions/passkey/offer: 400 Bad Request",
        "GET /api/v1/sso/ten-00000000000000000000000001/start: 404 Not Found",
    ];
    assert_eq!(open, ways_in);
    for path in ["/Patient", "/Patient/1", "/Patient/1/_history", "/Patient/1/_history/1"] {
        hospital.anyone.hidden(&format!("/fhir/R4{path}"), "AUTH_REQUIRED").await;
    }
    for (method, path) in [(Method::POST, ""), (Method::POST, "/Patient"), (Method::PUT, "/Patient/1")] {
        let answer = hospital.anyone.ask(method, &format!("/fhir/R4{path}"), Some(json!({}))).await;
        refused(path, &answer, "AUTH_REQUIRED");
    }
    for path in ["/healthz", "/readyz", "/fhir/R4/metadata", "/api/v1/openapi.json"] {
        hospital.anyone.get(path).await;
    }
}

async fn forged_and_expired_tokens_are_refused(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let token = clinic.doctor.token().to_owned();
    let (head, rest) = token.split_once('.').expect("three parts");
    let (claims, signature) = rest.split_once('.').expect("three parts");
    let (_, other) = clinic.administrator.token().rsplit_once('.').expect("three parts");
    for (what, forged) in [
        ("without a signature", format!("{head}.{claims}.")),
        ("with another's signature", format!("{head}.{claims}.{other}")),
        ("with another head", format!("eyJhbGciOiJub25lIn0.{claims}.{signature}")),
        ("turned round", token.chars().rev().collect()),
        ("cut", token[..token.len() - 4].to_owned()),
        ("empty", String::new()),
        ("long", "x".repeat(6000)),
    ] {
        let answer = clinic.doctor.with_token(Some(&forged)).ask(Method::GET, "/api/v1/consent", None).await;
        refused(what, &answer, "AUTH_REQUIRED");
    }
    let wrong = json!({ "tenant": clinic.tenant, "login": "doctor", "password": "correct horse batterx" });
    hospital.anyone.refused("/api/v1/sessions", wrong, "AUTH_REQUIRED").await;
    clinic.doctor.get("/api/v1/consent").await;
    hospital.advance(i64::from(401 * 24 * 3600)).await;
    clinic.doctor.hidden("/api/v1/consent", "AUTH_REQUIRED").await;
}

async fn no_operation_fails_internally_on_garbage(hospital: TestHospital) {
    let clinic = hospital.clinic(&[]).await;
    let before = hospital.footprint(&clinic.tenant).await;
    let who = [
        ("administrator", &clinic.administrator),
        ("doctor", &clinic.doctor),
        ("patient", &clinic.patient),
        ("pharmacist", &clinic.pharmacist),
    ];
    let survives = async |method: &Method, path: &str, body: &Value| {
        for (role, client) in who {
            let answer = client.ask(method.clone(), path, Some(body.clone())).await;
            let what = format!("{role} {method} {path} {body}: {} {}", answer.status, answer.text);
            assert!(!answer.status.is_server_error(), "{what}");
            assert!(answer.status.is_success() || !answer.code().is_empty(), "{what}");
        }
    };
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let garbage = [json!([]), json!({}), json!("x"), json!(-1), json!({ "": 1 }), deep];
    for Route { method, path, body } in routes(&hospital, nobody).await {
        survives(&method, &path, &json!(null)).await;
        let Some(body) = body else { continue };
        let texts = ["\u{0}", "\u{202e}", "9".repeat(400).as_str()].map(|text| replaced(&body, &json!(text)));
        let numbers = [json!(-1), json!(i64::MAX), json!(0)].map(|number| numbered(&body, &number));
        for body in garbage.iter().chain([&body]).chain(&texts).chain(&numbers) {
            survives(&method, &path, body).await;
        }
    }
    for Route { method, path, body } in routes(&hospital, |_| "x".to_owned()).await {
        survives(&method, &path, &body.unwrap_or_default()).await;
    }
    for query in [
        "?",
        "?x=1",
        "?limit=x",
        "?limit=-1",
        "?state=%00",
        "?about=%00&plugin=%ff",
        "?_count=0",
        "?code=|",
        "?patient=%00",
        "?_id=,,",
        "?name=%00&_sort=-name",
        "?_page=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "?_has:%00:x:y=1",
        "?subject.subject.name:exact=%00",
        "?birthdate=gt9999-12-31&date=lt0001",
        "?_lastUpdated=ge2020,le1999&_elements=,",
        "?value-quantity=1e400",
    ] {
        for path in ["/api/v1/calls", "/api/v1/alerts", "/fhir/R4/Patient", "/fhir/R4/%00", "/fhir/R4/Observation"] {
            let answer = clinic.administrator.ask(Method::GET, &format!("{path}{query}"), None).await;
            assert!(!answer.status.is_server_error(), "{path}{query}: {} {}", answer.status, answer.text);
        }
    }
    assert_eq!(hospital.footprint(&clinic.tenant).await, before);
    // None of it has an effect: the hospital works.
    clinic.signed().await;
}

/// The document with all its texts replaced.
fn replaced(document: &Value, text: &Value) -> Value {
    map(document, &|leaf| if leaf.is_string() { text.clone() } else { leaf.clone() })
}

/// The document with all its numbers replaced.
fn numbered(document: &Value, number: &Value) -> Value {
    map(document, &|leaf| if leaf.is_number() { number.clone() } else { leaf.clone() })
}

fn map(document: &Value, leaf: &dyn Fn(&Value) -> Value) -> Value {
    match document {
        Value::Array(items) => items.iter().map(|item| map(item, leaf)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), map(value, leaf))).collect::<Map<_, _>>().into()
        }
        other => leaf(other),
    }
}

async fn a_request_has_a_name_that_forges_nothing(hospital: TestHospital) {
    let clinic = Clinic::found(&hospital.operator, hospital.now(), &[]).await;
    let path = format!("/fhir/R4/Patient/{}", clinic.subject);
    let named = async |given: &str| {
        let answer = clinic.doctor.exchange(Method::GET, &path, &[("x-request-id", given)], "").await;
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(named("from-the_gateway-7").await, "from-the_gateway-7");
    for bad in ["", "two words", "a,b", "req\t1", "<b>", &"x".repeat(65)] {
        let name = named(bad).await;
        assert!(name.starts_with("req-") && name.len() == 36, "{bad}: {name}");
    }
    let trail = clinic.administrator.get(&format!("/api/v1/audit?patient={}", clinic.subject)).await;
    assert!(trail.to_string().contains("\"from-the_gateway-7\""), "{trail}");
}
