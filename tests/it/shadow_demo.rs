//! One threshold is changed on purpose, and shadow, replay and gate detect it, from the command
//! line beside a running server.

use serde_json::{Value, json};
use xinglin_store::Engine;

use crate::support::{Clinic, DIABETES, DIABETES_CHANGED, DRUG_SAFETY, Process, line, rules_on_both_engines};

rules_on_both_engines!(Process: a_shadow_run_reports_a_changed_threshold, verification_names_a_flipped_byte);

/// A visit with a patient on the diabetes pathway.
struct Played {
    clinic: Clinic,
    /// Path for answers.
    answers: String,
}

async fn play(process: &Process) -> Played {
    let clinic = process.clinic(&[&DIABETES, &DRUG_SAFETY]).await;
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    let enrolled = clinic.doctor.post("/api/v1/enrolments", enrol).await;
    let answers = format!("/api/v1/enrolments/{}/answers", enrolled["id"].as_str().expect("an id"));
    let played = Played { clinic, answers };
    for glucose in ["6.4", "8.1", "17.2", "7.0", "9.8", "21.3"] {
        played.answer(glucose).await;
        played.release_holds().await;
    }
    let prescription = played.clinic.draft(&played.clinic.visit().await, &[metformin()]).await;
    played.clinic.sign(&prescription).await;
    played
}

fn metformin() -> Value {
    line("metformin-500mg-60", "1000", "2", 30, 2)
}

impl Played {
    /// The patient reports a glucose value, in mmol/L.
    async fn answer(&self, glucose: &str) {
        let answers = json!({ "questionnaire": "follow-up", "answers": [
            { "link_id": "glucose", "value": { "quantity": { "value": glucose, "unit": "mmol/L" } } },
            { "link_id": "needed-help", "value": { "boolean": false } },
        ] });
        self.clinic.patient.post(&self.answers, answers).await;
    }

    async fn active_holds(&self) -> Vec<Value> {
        let holds = self.clinic.doctor.get(&format!("/api/v1/patients/{}/holds", self.clinic.subject)).await;
        holds.as_array().expect("holds").iter().filter(|hold| hold["active"] == true).cloned().collect()
    }

    async fn release_holds(&self) {
        for hold in self.active_holds().await {
            let path = format!("/api/v1/holds/{}/release", hold["id"].as_str().expect("an id"));
            self.clinic.doctor.post(&path, json!({ "reason": "Seen in person today: no ketosis." })).await;
        }
    }
}

async fn a_shadow_run_reports_a_changed_threshold(process: Process) {
    let played = play(&process).await;
    let changed = process.put("diabetes-2.1.0.wasm", &DIABETES_CHANGED.package());
    process.xinglin(&["plugin", "install", &changed]).await.done();

    let shadow = ["plugin", "shadow", DIABETES.id, "--version", "2.1.0", "--tapes", "1000", "--minimum-calls", "5"];
    let told = process.xinglin(&shadow).await.done();
    let view = process.xinglin(&["plugin", "shadow", DIABETES.id, "--json"]).await.json();
    // 17.2 mmol/L is critical to one version only; 21.3 to both.
    assert_eq!((&view["differing"], &view["inconclusive"]), (&json!(1), &json!(0)), "{view}");
    let kinds = view["kinds"].as_object().expect("kinds");
    for kind in ["alert", "hold", "referral"] {
        assert_eq!(kinds.get(kind), Some(&json!(1)), "{kind}: {view}");
        assert!(told.contains(&format!("{kind}: 1 calls")), "{kind}: {told}");
    }
    assert!(told.contains("GLUCOSE_CRITICAL_HIGH") && told.contains("does not pass its gate"), "{told}");

    // A replay gives the same differences; with their own package, all calls are identical.
    let crater = process.xinglin(&["replay", "--all", "--against", &changed, "--json"]).await.json();
    assert_eq!((&crater[0]["differing"], &crater[0]["kinds"]), (&view["differing"], &view["kinds"]), "{crater}");
    let same = view["same"].as_i64().expect("a count");
    let crater_same = ["identical", "same_decisions"].map(|count| crater[0][count].as_i64().expect("a count"));
    assert_eq!(crater_same.iter().sum::<i64>(), same, "{crater} {view}");
    let told = process.xinglin(&["replay", "--all"]).await.done();
    assert!(told.contains("identical (100.0 %)") && told.contains(" 0 decided otherwise"), "{told}");

    // Above its gate it is not promoted; with a wider one it is, beside the running server.
    process.xinglin(&["plugin", "promote", DIABETES.id]).await.failed("PLUGIN_GATE");
    let wider = [&shadow[..], &["--max-differing-percent", "50"]].concat();
    assert!(process.xinglin(&wider).await.done().contains("passes its gate"));
    let promoted = process.xinglin(&["plugin", "promote", DIABETES.id]).await.done();
    assert!(promoted.contains("xinglin.diabetes 2.1.0: enabled"), "{promoted}");
    played.answer("17.2").await;
    assert_eq!(played.active_holds().await, Vec::<Value>::new(), "2.1.0 finds nothing critical in it");

    let back = process.xinglin(&["plugin", "rollback", DIABETES.id]).await.done();
    assert!(back.contains("xinglin.diabetes 2.0.0: enabled"), "{back}");
    played.answer("17.2").await;
    assert!(!played.active_holds().await.is_empty(), "2.0.0 holds prescribing again at once");
    let told = process.xinglin(&["replay", "--all"]).await.done();
    assert!(told.contains("identical (100.0 %)"), "{told}");
}

async fn verification_names_a_flipped_byte(mut process: Process) {
    let played = play(&process).await;
    let calls = played.clinic.administrator.get("/api/v1/calls?limit=500").await;
    let calls = calls.as_array().expect("calls");
    let one = &calls[calls.len() / 2];
    let (entry, call) = (&one["seq"], one["id"].as_str().expect("an id"));
    let intact = process.xinglin(&["audit", "verify"]).await.done();
    assert!(intact.contains(&format!("intact, {} calls", calls.len())), "{intact}");

    process.kill().await;
    let (guard, flip) = match process.engine() {
        Engine::Sqlite => (
            "DROP TRIGGER tape_grows",
            "unhex(substr(hex(record), 1, 60) || CASE substr(hex(record), 61, 1) WHEN '0' THEN '1' ELSE '0' END \
             || substr(hex(record), 62))",
        ),
        Engine::Postgres => ("DROP TRIGGER tape_grows ON tape", "set_byte(record, 30, get_byte(record, 30) # 1)"),
    };
    let update = format!("UPDATE tape SET record = {flip} WHERE seq = {entry}");
    process.tamper(&format!("{guard}; {update}")).await;

    let verified = process.xinglin(&["audit", "verify"]).await;
    verified.failed("1 of 1 chains are broken");
    assert_eq!(verified.code, Some(1));
    assert!(verified.out.contains(&format!("BROKEN at entry {entry}, {call}")), "{}", verified.out);
}
