//! The two schemas, opening, and that nothing is left out.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tokio::task::JoinSet;
use xinglin_store::{
    Engine, Result, Store, StoreOptions,
    testing::{TestDatabase, TestVault},
};

use crate::{Bench, at, code_of, contract, encounter, here_id, tenant_row};

contract!(
    opening_makes_the_schema,
    what_was_committed_is_there_after_opening_again,
    a_newer_database_is_refused,
    a_changed_migration_is_refused,
    superseded_versions_cannot_be_changed,
    a_closed_store_says_so,
    a_test_database_is_copied_with_its_rows,
    patience_has_an_end,
);

/// (table, column, nullable)
type Columns = BTreeSet<(String, String, bool)>;

#[tokio::test]
async fn both_engines_have_the_same_columns() -> Result<(), sqlx::Error> {
    let columns = |rows: Vec<(String, String, bool)>| rows.into_iter().collect::<Columns>();
    let bench = Bench::new(Engine::Sqlite).await;
    let mut connection = SqliteConnection::connect(bench.database.url()).await?;
    let sql = "SELECT t.name, c.name, c.\"notnull\" = 0 FROM sqlite_schema t JOIN pragma_table_info(t.name) c
               WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '_sqlx%'";
    let sqlite = columns(sqlx::query_as(sql).fetch_all(&mut connection).await?);

    let bench = Bench::new(Engine::Postgres).await;
    let mut connection = PgConnection::connect(bench.database.url()).await?;
    let sql = "SELECT table_name::text, column_name::text, is_nullable = 'YES' FROM information_schema.columns
               WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'";
    let postgres = columns(sqlx::query_as(sql).fetch_all(&mut connection).await?);

    let differing: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert!(differing.is_empty(), "on one engine only: {differing:#?}");
    assert!(sqlite.len() > 150, "{}", sqlite.len());
    Ok(())
}

/// Unique keys and what may be NULL in them decide what is a conflict.
#[tokio::test]
async fn both_engines_have_the_same_indexes() -> Result<(), sqlx::Error> {
    let bench = Bench::new(Engine::Sqlite).await;
    let mut connection = SqliteConnection::connect(bench.database.url()).await?;
    let sql = "SELECT t.name || (CASE WHEN i.\"unique\" THEN ' unique' ELSE '' END)
                   || (CASE WHEN i.partial THEN ' partial' ELSE '' END) || ' '
                   || (SELECT group_concat(x.name, ',') FROM pragma_index_info(i.name) x)
               FROM sqlite_schema t JOIN pragma_index_list(t.name) i
               WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\'";
    let sqlite: BTreeSet<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await?.into_iter().collect();

    let bench = Bench::new(Engine::Postgres).await;
    let mut connection = PgConnection::connect(bench.database.url()).await?;
    let sql = "SELECT t.relname || (CASE WHEN i.indisunique THEN ' unique' ELSE '' END)
                   || (CASE WHEN i.indpred IS NOT NULL THEN ' partial' ELSE '' END) || ' '
                   || (SELECT string_agg(a.attname, ',' ORDER BY k.place)
                       FROM unnest(i.indkey) WITH ORDINALITY k(number, place)
                       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number)
               FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
               WHERE t.relnamespace = 'public'::regnamespace AND t.relname NOT LIKE '\\_sqlx%'";
    let postgres: BTreeSet<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await?.into_iter().collect();

    let differing: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert!(differing.is_empty(), "on one engine only: {differing:#?}");
    Ok(())
}

/// The wall behind the walls: SQL that forgets the tenant sees nothing.
#[tokio::test]
async fn postgres_hides_other_tenants_from_any_sql() -> Result<(), Box<dyn std::error::Error>> {
    let bench = Bench::new(Engine::Postgres).await;
    let tx = bench.here().begin().await?;
    tx.insert_document(&encounter(1, at(0))).await?;
    tx.commit().await?;

    let mut connection = PgConnection::connect(bench.database.url()).await?;
    let unbound: bool =
        sqlx::query_scalar("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            .fetch_one(&mut connection)
            .await?;
    assert!(!unbound, "DATABASE_URL must name an ordinary role: row-level security does not bind this one");
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.columns WHERE column_name = 'tenant_id' ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await?;
    assert!(tables.len() > 20, "{tables:?}");
    for (rls_tenant, visible) in [(None, 0), (Some("ten-other".to_owned()), 0), (Some(here_id().to_string()), 1)] {
        if let Some(rls_tenant) = rls_tenant {
            sqlx::query("SELECT set_config('xinglin.tenant', $1, FALSE)")
                .bind(rls_tenant)
                .execute(&mut connection)
                .await?;
        }
        for table in ["encounter", "tenant"] {
            let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
            let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
            assert_eq!(count, visible, "{table}");
        }
    }
    for table in tables {
        let forced: bool =
            sqlx::query_scalar("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = $1")
                .bind(&table)
                .fetch_one(&mut connection)
                .await?;
        assert!(forced, "{table}");
    }
    let smuggled = "INSERT INTO work VALUES ('ten-other', 'timer', 'x', 'l', NULL, '{}', 0, 0, 0, 1)";
    assert!(sqlx::query(smuggled).execute(&mut connection).await.is_err(), "nor can it write there");
    Ok(())
}

/// A host that is killed in the middle of its work loses nothing it had said was
/// written. The host is this very test, started again as a process of its own.
#[tokio::test]
async fn sqlite_keeps_what_was_committed_before_a_kill() -> Result<(), Box<dyn std::error::Error>> {
    let bench = Bench::new(Engine::Sqlite).await;
    let mut host = Command::new(env::current_exe()?)
        .args(["schema::host_to_be_killed", "--exact", "--ignored", "--nocapture"])
        .env(KILLED_HOST, bench.database.url())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = Vec::new();
    for line in BufReader::new(host.stdout.take().ok_or("a pipe")?).lines() {
        said.extend(line?.strip_prefix("committed ").and_then(|number| number.parse::<u128>().ok()));
        if said.len() == 200 {
            host.kill()?;
        }
    }
    assert!(!host.wait()?.success());
    assert!(said.len() >= 200, "{}", said.len());

    let store = bench.database.open().await?;
    for number in said {
        store.tenant(here_id()).get_document(encounter(number, at(0)).id).await?;
    }
    let mut connection = SqliteConnection::connect(bench.database.url()).await?;
    let check: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await?;
    assert_eq!(check, "ok");
    Ok(())
}

fn vault() -> Arc<TestVault> {
    Arc::new(TestVault::default())
}

const KILLED_HOST: &str = "XINGLIN_KILLED_HOST";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs as a child of sqlite_keeps_what_was_committed_before_a_kill"]
async fn host_to_be_killed() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(&env::var(KILLED_HOST)?, &StoreOptions::default(), vault()).await?;
    let mut writers = JoinSet::new();
    for writer in 0..8_u128 {
        let tenant = store.tenant(here_id());
        writers.spawn(async move {
            for number in 0.. {
                let number = number * 8 + writer;
                let tx = tenant.begin().await?;
                tx.insert_document(&encounter(number, at(0))).await?;
                tx.commit().await?;
                println!("committed {number}");
            }
            Result::<()>::Ok(())
        });
    }
    writers.join_all().await;
    Ok(())
}

/// The other tests have copies of a database that was opened once.
async fn opening_makes_the_schema(bench: Bench) -> Result<()> {
    let bare = TestDatabase::bare(bench.database.engine()).await.expect("a database");
    let store = bare.open().await?;
    let tenants = store.operator().begin().await?;
    tenants.insert_tenant(&tenant_row(here_id(), "here")).await?;
    tenants.commit().await?;
    let tx = store.tenant(here_id()).begin().await?;
    tx.insert_document(&encounter(1, at(0))).await?;
    tx.commit().await?;
    store.close().await?;
    bare.open().await?.tenant(here_id()).get_document(encounter(1, at(0)).id).await?;
    Ok(())
}

async fn what_was_committed_is_there_after_opening_again(bench: Bench) -> Result<()> {
    let tx = bench.here().begin().await?;
    tx.insert_document(&encounter(1, at(0))).await?;
    tx.commit().await?;
    bench.close().await?;
    let again = bench.database.open().await?;
    assert_eq!(again.tenant(here_id()).get_document(encounter(1, at(0)).id).await?.created_at, at(0));
    Ok(())
}

async fn a_newer_database_is_refused(bench: Bench) -> Result<()> {
    bench
        .raw(
            "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, execution_time
               FROM _sqlx_migrations WHERE version = 1",
        )
        .await
        .expect("a row");
    assert_eq!(code_of(bench.database.open().await), "SCHEMA_NEWER");
    Ok(())
}

async fn a_changed_migration_is_refused(bench: Bench) -> Result<()> {
    bench.raw("UPDATE _sqlx_migrations SET checksum = SUBSTR(checksum, 2)").await.expect("a row");
    assert_eq!(code_of(bench.database.open().await), "SCHEMA_CHANGED");
    Ok(())
}

async fn superseded_versions_cannot_be_changed(bench: Bench) -> Result<()> {
    let row =
        format!("INSERT INTO resource_history VALUES ('{}', 'Patient', 'p', 1, 'p', 0, 0, FALSE, '{{}}')", here_id());
    bench.raw(&row).await.expect("a row");
    assert!(bench.raw("UPDATE resource_history SET version = 2").await.is_err());
    assert!(bench.raw("DELETE FROM resource_history").await.is_err());
    Ok(())
}

async fn a_closed_store_says_so(bench: Bench) -> Result<()> {
    let store = bench.store.clone();
    bench.close().await?;
    assert_eq!(code_of(store.ping().await), "STORE_UNAVAILABLE");
    assert_eq!(code_of(store.tenant(here_id()).begin().await), "STORE_UNAVAILABLE");
    Ok(())
}

async fn a_test_database_is_copied_with_its_rows(bench: Bench) -> Result<()> {
    bench.close().await?;
    let copy = bench.database.copy().await.expect("a copy");
    let (original, copied) = (bench.database.open().await?, copy.open().await?);
    assert_eq!(copied.operator().list_tenants().await?.len(), 2);
    let tx = copied.operator().begin().await?;
    tx.insert_tenant(&tenant_row(xinglin_domain::id::TenantId::from_u128(3), "another")).await?;
    tx.commit().await?;
    assert_eq!(copied.operator().list_tenants().await?.len(), 3);
    assert_eq!(original.operator().list_tenants().await?.len(), 2);
    Ok(())
}

/// As many transactions as there are, and one more.
async fn patience_has_an_end(bench: Bench) -> Result<()> {
    let options = StoreOptions { max_connections: 1, patience: Duration::from_millis(200) };
    let store = Store::open(bench.database.url(), &options, vault()).await?;
    let tenant = store.tenant(here_id());
    let held = tenant.begin().await?;
    let refused = tenant.begin().await.expect_err("no turn");
    assert!(refused.is_transient(), "{refused:?}");
    held.rollback().await?;
    tenant.begin().await?.rollback().await
}

#[tokio::test]
async fn odd_addresses_are_refused() {
    for url in ["sqlite::memory:", "sqlite:x?mode=memory", "mysql://x", ""] {
        assert_eq!(code_of(Store::open(url, &StoreOptions::default(), vault()).await), "STORE_URL", "{url}");
    }
    let nowhere = "sqlite:/nowhere/at/all/records.db";
    assert_eq!(code_of(Store::open(nowhere, &StoreOptions::default(), vault()).await), "STORE_UNAVAILABLE");
    let nobody = "postgres://nobody@127.0.0.1:1/nothing";
    let impatient = StoreOptions { patience: Duration::from_millis(300), ..StoreOptions::default() };
    assert_eq!(code_of(Store::open(nobody, &impatient, vault()).await), "STORE_UNAVAILABLE");
}

#[tokio::test]
async fn a_test_database_goes_away() -> Result<(), Box<dyn std::error::Error>> {
    let database = TestDatabase::new(Engine::Sqlite).await?;
    let store = database.open().await?;
    store.close().await?;
    let file = database.url().trim_start_matches("sqlite:").to_owned();
    assert!(Path::new(&file).exists());
    drop(database);
    assert!(!Path::new(&file).exists());
    Ok(())
}

/// Every public statement is called by this suite, and so runs on both engines.
#[test]
fn every_statement_is_covered() -> std::io::Result<()> {
    fn read(folder: &Path) -> std::io::Result<String> {
        let mut text = String::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            text.push_str(&if path.is_dir() { read(&path)? } else { fs::read_to_string(path)? });
        }
        Ok(text)
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (source, tests) = (read(&root.join("src"))?, read(&root.join("tests/contract"))?);
    let statements: BTreeSet<&str> =
        source.split("    pub async fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next()).collect();
    assert!(statements.len() > 80, "{}", statements.len());
    let called = |name: &str| [format!(".{name}("), format!(".{name}::<")].iter().any(|call| tests.contains(call));
    let forgotten: Vec<_> =
        statements.into_iter().filter(|name| !["new", "open", "bare"].contains(name) && !called(name)).collect();
    assert!(forgotten.is_empty(), "no test calls {forgotten:?}");
    Ok(())
}
