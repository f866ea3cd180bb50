//! `xinglin demo --once`, the first command of the README, from begin to end.

use tempfile::TempDir;
use xinglin_store::{Engine, testing::TestDatabase};

use crate::support::{Desk, built, rules_on_both_engines};

rules_on_both_engines!(Stage: the_demonstration_runs_to_its_end);

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

async fn the_demonstration_runs_to_its_end(stage: Stage) {
    let plugins = built("plugins/diabetes.wasm", "cargo xtask test");
    let plugins = plugins.parent().expect("a folder").display().to_string();
    let data = stage.data.path().join("data").display().to_string();
    let mut arguments = vec!["demo", "--once", "--plugins", &plugins, "--data-dir", &data];
    if let Some(database) = &stage.database {
        arguments.extend(["--database-url", database.url()]);
    }
    let told = stage.desk.xinglin(&arguments).await.done();
    let chapters = told.lines().filter_map(|line| line.split_once(". ")?.0.parse::<u32>().ok());
    assert!(chapters.eq(1..=12), "{told}");
    assert!(told.contains("chain intact"), "{told}");
    assert!(stage.desk.files("").is_empty(), "it wrote where it was not told to");
}
