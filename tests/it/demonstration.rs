//! `xinglin demo --once`, the first command of the README, and `--payers`, from begin to end.

use tempfile::TempDir;
use xinglin_store::{Engine, testing::TestDatabase};

use crate::support::{Desk, built, on_engine, rules_on_both_engines};

rules_on_both_engines!(
    Stage:
    the_demonstration_runs_to_its_end,
    four_patients_have_their_payers,
    half_a_year_with_a_suicidal_answer,
);
on_engine!(sqlite_alone, Sqlite, Stage: half_a_year_with_diabetes, half_a_year_with_hiv);

struct Stage {
    desk: Desk,
    data: TempDir,
    database: Option<TestDatabase>,
}

impl Stage {
    async fn open(engine: Engine) -> Self {
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(TestDatabase::new(engine).await.expect("a database")),
        };
        Self { desk: Desk::new(), data: TempDir::with_prefix("xinglin-demo-").expect("a folder"), database }
    }
}

impl Stage {
    /// Plays it to the end; what it told, in so many chapters.
    async fn play(&self, which: &[&str], chapters: u32) -> String {
        let plugins = built("plugins/diabetes.wasm", "cargo xtask test");
        let plugins = plugins.parent().expect("a folder").display().to_string();
        let data = self.data.path().join("data").display().to_string();
        let mut arguments = vec!["demo", "--once", "--plugins", &plugins, "--data-dir", &data];
        arguments.extend(which);
        if let Some(database) = &self.database {
            arguments.extend(["--database-url", database.url()]);
        }
        let told = self.desk.xinglin(&arguments).await.done();
        let found = told.lines().filter_map(|line| line.split_once(". ")?.0.parse::<u32>().ok());
        assert!(found.eq(1..=chapters), "{told}");
        assert!(told.contains("chain intact"), "{told}");
        assert!(self.desk.files("").is_empty(), "it wrote where it was not told to");
        told
    }
}

async fn the_demonstration_runs_to_its_end(stage: Stage) {
    stage.play(&[], 12).await;
}

/// It fails by itself if a figure differs.
async fn four_patients_have_their_payers(stage: Stage) {
    let told = stage.play(&["--payers"], 9).await;
    for figure in ["6750", "8550", "104000", "60000000", "4860000", "5460000", "4500000"] {
        assert!(told.contains(figure), "{figure}: {told}");
    }
}

/// It fails by itself if the answer reaches nobody, or the visit can be closed.
async fn half_a_year_with_a_suicidal_answer(stage: Stage) {
    let told = stage.play(&["--pathway", "mental-health"], 5).await;
    let count = |words: &str| told.matches(words).count();
    assert_eq!(count("the server is killed"), 2, "{told}");
    assert_eq!((count("closing the visit meanwhile: ENC_RED_FLAG_OPEN"), count("the plugin is switched off")), (2, 1));
    assert_eq!(count("SUICIDE_RISK_RECONTACT"), 6, "after a day, three, and a week, twice: {told}");
    assert!(told.contains("REMISSION"), "{told}");
}

async fn half_a_year_with_diabetes(stage: Stage) {
    let told = stage.play(&["--pathway", "diabetes"], 5).await;
    assert!(told.contains("GLUCOSE_CRITICAL_HIGH") && told.contains("lifts    critical-glucose"), "{told}");
}

async fn half_a_year_with_hiv(stage: Stage) {
    let told = stage.play(&["--pathway", "hiv"], 5).await;
    assert!(told.contains("VIROLOGICAL_FAILURE"), "{told}");
}
