//! Simulated patients of the pathways that ship: the same seed gives the same bytes, and what was called is run again from
//! its tape.

use serde_json::{Value, json};
use xinglin_store::{Engine, testing::TestDatabase};

use crate::{
    pathway_files::{FILES, desk, template},
    support::{Desk, TestHospital, at_full_length, built, on_both_engines},
};

on_both_engines!(Archive: courses_replay);

/// An empty database.
struct Archive(TestDatabase);

impl Archive {
    async fn open(engine: Engine) -> Self {
        Self(TestDatabase::bare(engine).await.unwrap_or_else(|error| panic!("{error}")))
    }
}

/// Synthetic patients of every pathway that ships: nothing fails, and the same seed gives the same bytes.
#[tokio::test]
async fn courses_are_the_same_for_the_same_seed() {
    let desk = desk();
    let template = template();
    for name in ["diabetes", "hiv", "mental-health"] {
        desk.write(
            &format!("{name}.wasm"),
            std::fs::read(built(&format!("plugins/{name}.wasm"), "cargo xtask build-plugins")).expect("bytes"),
        );
    }
    let plugins = ["diabetes.wasm", "hiv.wasm", "mental-health.wasm"].map(str::to_owned);
    for path in plugins.into_iter().chain(FILES.map(|name| format!("{name}.yaml"))) {
        let run = async |seed: &str, svg: &str| {
            let simulate = ["simulate", &path, "--patients", "8", "--days", "180", "--seed", seed, "--json"];
            let rest = ["--svg", svg, "--template", &template];
            desk.xinglin(&[&simulate[..], &rest].concat()).await.done()
        };
        let (first, again) = (run("1", "a.svg").await, run("1", "b.svg").await);
        assert_eq!(first, again, "{path}");
        assert!(desk.read("a.svg") == desk.read("b.svg"), "{path}");
        if path == "gout.yaml" {
            assert_ne!(run("2", "c.svg").await, first);
        }
        let report: Value = serde_json::from_str(&first).expect("JSON");
        assert!(report["enrolled"].as_u64().is_some_and(|enrolled| enrolled >= 2), "{path}: {report}");
        assert!(report["alerts"].as_object().is_some_and(|alerts| !alerts.is_empty()), "{path}: {report}");
        assert_eq!(report["failed"], 0, "{path}");
    }
    desk.xinglin(&["simulate", "gout.yaml", "--template", "nowhere.wasm"]).await.failed("xinglin plugin build");
}

/// Every call of half a year is run again from its tape, byte for byte.
async fn courses_replay(Archive(database): Archive) {
    let desk = desk().set("XINGLIN_PLUGINS__ALLOW_UNSIGNED", "true");
    let database = ["--database-url", database.url()];
    let patients = if at_full_length() { "100" } else { "4" };
    let mut steps = 0;
    for plugin in ["diabetes", "hiv", "mental-health", "hypertension"] {
        let package = built(&format!("plugins/{plugin}.wasm"), "cargo xtask build-plugins").display().to_string();
        let simulate = ["simulate", &package, "--patients", patients, "--days", "180", "--keep", "--json"];
        let told = desk.xinglin(&[&database[..], &simulate].concat()).await.done();
        let report: Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!(report["failed"], 0, "{plugin}");
        steps += report["steps"].as_u64().expect("a count");
    }
    let told = desk.xinglin(&[&database[..], &["replay", "--all", "--json"]].concat()).await.done();
    let replayed: Value = serde_json::from_str(&told).expect("JSON");
    let sum = |field: &str| -> u64 {
        replayed.as_array().into_iter().flatten().map(|of| of[field].as_u64().expect("a count")).sum()
    };
    assert_eq!((sum("calls"), sum("identical")), (steps, steps), "{told}");
    assert!(steps > 100, "{steps}");
}

#[tokio::test]
async fn simulations_and_hospitals_are_kept_apart() {
    let hospital = TestHospital::open(Engine::Sqlite).await;
    let clinic = hospital.clinic(&[]).await;
    let desk = Desk::new().set("XINGLIN_PLUGINS__ALLOW_UNSIGNED", "true");
    let package = built("plugins/hypertension.wasm", "cargo xtask build-plugins").display().to_string();
    let folder = hospital.hospital.platform.config().data_dir.display().to_string();
    let told = desk.xinglin(&["--data-dir", &folder, "simulate", &package, "--patients", "1", "--keep"]).await;
    told.failed("keep simulations in another");
    assert_eq!(clinic.administrator.get("/api/v1/calls").await, json!([]));
}
