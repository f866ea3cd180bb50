//! What a million calls cost on disk.
//!
//! Real calls of the shipped plugins on patients drawn by dice, put on tape through
//! the store; then the engine is asked what each part of it takes. `--dump` writes
//! the records out instead, which is what the store's dictionary is trained on.
//!
//! `cargo xtask bench tape` builds the plugins and runs this.

use std::{collections::BTreeMap, fs, io::Write as _, path::PathBuf, sync::Arc, time::Instant as Moment};

use clap::{Parser, ValueEnum};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use xinglin_bench::{
    Result,
    case::{NOW, World},
    dice::Dice,
};
use xinglin_domain::{
    coding::{Attribute, AttributeValue},
    id::{CallId, TenantId},
    pathway::{Event, State},
    time::Instant,
};
use xinglin_runtime::{CallContext, Grants, HostServices, Options, Package, Plugin, Runtime, Tape};
use xinglin_store::{ChainState, Engine, NewTapeEntry, TenantRow, testing::TestDatabase};

/// What a call on tape may cost, in bytes, everything counted.
const BUDGET: f64 = 2_000.0;
/// Calls in one transaction.
const BATCH: usize = 50;
const TENANT: TenantId = TenantId::from_u128(0x0199_a2f0_3c41_7d52_9f6e_2b8d_4c1a_7e90);

#[derive(Parser)]
struct Arguments {
    /// Calls to put on tape.
    #[arg(long, default_value_t = 20_000)]
    calls: usize,
    /// Which patients. The dictionary was trained on those of seed 1.
    #[arg(long, default_value_t = 2)]
    seed: u64,
    /// Where the built plugins are.
    #[arg(long)]
    plugins: PathBuf,
    /// On which engine.
    #[arg(long, value_enum, default_values_t = [On::Sqlite, On::Postgres])]
    engine: Vec<On>,
    /// Writes the records to a folder, one a file, and stops.
    #[arg(long)]
    dump: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum On {
    Sqlite,
    Postgres,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let started = Moment::now();
    let taped = Taping::new(&arguments).await?.run(arguments.calls).await?;
    let mut hooks: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for entry in &taped {
        let (calls, bytes) = hooks.entry(&entry.hook).or_default();
        (*calls, *bytes) = (*calls + 1, *bytes + entry.record.len());
    }
    println!("{} calls of the shipped plugins in {:.1?}; their records as JSON:", taped.len(), started.elapsed());
    for (hook, (calls, bytes)) in hooks {
        println!("  {hook:<44}{calls:>8} calls{:>8} bytes each", bytes / calls);
    }
    if let Some(folder) = &arguments.dump {
        fs::create_dir_all(folder)?;
        for (number, entry) in taped.iter().enumerate() {
            fs::File::create(folder.join(format!("{number:06}.json")))?.write_all(&entry.record)?;
        }
        return Ok(());
    }
    for on in arguments.engine {
        measure(on, &taped).await?;
    }
    Ok(())
}

// --- calls -----------------------------------------------------------------------

/// The plugins, and the dice that decide whom they are asked about.
struct Taping {
    runtime: Runtime,
    checker: Arc<Plugin>,
    pathway: Arc<Plugin>,
    payer: Arc<Plugin>,
    dice: Dice,
    now: Instant,
    taped: Vec<NewTapeEntry>,
}

/// What a demonstration sets: a plugin that has no figures of a region reckons with those that it ships.
fn illustrative(plugin: &Plugin) -> Vec<Attribute> {
    let key = "accept-illustrative";
    let asks = plugin.manifest().settings.contains_key(key);
    asks.then(|| Attribute { key: key.to_owned(), value: AttributeValue::Boolean(true) }).into_iter().collect()
}

impl Taping {
    async fn new(arguments: &Arguments) -> Result<Self> {
        let runtime = Runtime::new(Options::default())?;
        let load = async |name: &str| -> Result<Arc<Plugin>> {
            let file = arguments.plugins.join(name).with_extension("wasm");
            let bytes = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
            let package = Package::read(bytes.as_slice())?;
            Ok(runtime.load(&package, &Grants::as_asked(package.manifest())).await?)
        };
        Ok(Self {
            checker: load("drug-safety").await?,
            pathway: load("diabetes").await?,
            payer: load("medical-insurance").await?,
            runtime,
            dice: Dice::new(arguments.seed),
            now: NOW,
            taped: Vec::new(),
        })
    }

    /// One patient after the other: screened, enrolled, and then some visits, each
    /// with what the pathway makes of it, a check of what is prescribed (one in
    /// three is changed and checked again), and a quote of the bill.
    async fn run(mut self, calls: usize) -> Result<Vec<NewTapeEntry>> {
        let world = World::new()?;
        while self.taped.len() < calls {
            self.pass(60_000_000);
            let patient = world.patient(&mut self.dice, self.now);
            let enrolment = self.draw();
            let about = [patient.id, enrolment];
            let context = self.context(&self.pathway.clone())?;
            let call = self.runtime.screen(&self.pathway, context, &patient.for_pathway(self.now), self.now).await;
            call.outcome?.map_err(|e| format!("{e:?}"))?;
            self.keep(&call.tape, &about)?;
            let mut state: Option<State> = None;
            let mut event = Event::Enrolled;
            for _ in 0..self.dice.between(2, 6) {
                let context = self.context(&self.pathway.clone())?;
                let snapshot = patient.for_pathway(self.now);
                let call = self.runtime.step(&self.pathway, context, state.as_ref(), &event, &snapshot, self.now).await;
                state = Some(call.outcome?.map_err(|e| format!("{e:?}"))?.state);
                self.keep(&call.tape, &about)?;

                self.pass(10_000_000);
                let prescription = self.draw();
                for _ in 0..if self.dice.percent(33) { 2 } else { 1 } {
                    let order = patient.order(&mut self.dice);
                    let (context, snapshot) = (self.context(&self.checker.clone())?, patient.for_review(self.now));
                    let call = self.runtime.review(&self.checker, context, &order, &snapshot, self.now).await;
                    call.outcome?.map_err(|e| format!("{e:?}"))?;
                    self.keep(&call.tape, &[patient.id, prescription])?;
                }

                self.pass(10_000_000);
                let charge = self.draw();
                let (bill, coverage) = (patient.bill(&mut self.dice, self.now), patient.coverage(&mut self.dice));
                let context = self.context(&self.payer.clone())?;
                let call = self.runtime.quote(&self.payer, context, &bill, &coverage, self.now).await;
                call.outcome?.map_err(|e| format!("{e:?}"))?;
                self.keep(&call.tape, &[patient.id, charge])?;

                self.pass(10_000_000);
                event = patient.event(&mut self.dice, self.now);
            }
        }
        self.taped.truncate(calls);
        Ok(self.taped)
    }

    /// Time goes by: up to so many microseconds.
    fn pass(&mut self, most: i64) {
        self.now = Instant::from_micros(self.now.micros() + self.dice.between(1_000, most));
    }

    fn draw(&mut self) -> u128 {
        self.dice.id(u64::try_from(self.now.micros() / 1_000).unwrap_or_default())
    }

    fn context(&mut self, plugin: &Plugin) -> Result<CallContext> {
        Ok(CallContext {
            call: CallId::from_u128(self.draw()),
            tenant: TENANT,
            request_id: "bench".to_owned(),
            settings: plugin.manifest().resolve(&illustrative(plugin))?,
            services: HostServices::default(),
            now: self.now,
        })
    }

    /// As the server puts a call on tape.
    fn keep(&mut self, tape: &Tape, about: &[u128]) -> Result<()> {
        self.taped.push(NewTapeEntry {
            call_id: tape.call,
            plugin_id: tape.plugin.clone(),
            digest: tape.digest.to_string(),
            hook: tape.hook.clone(),
            recorded_at: tape.started,
            references: about.iter().map(|&id| CallId::from_u128(id).to_string()).collect(),
            record: serde_json::to_vec(tape)?,
        });
        Ok(())
    }
}

// --- the store -------------------------------------------------------------------

async fn measure(on: On, taped: &[NewTapeEntry]) -> Result<()> {
    let engine = match on {
        On::Sqlite => Engine::Sqlite,
        On::Postgres => Engine::Postgres,
    };
    let database = TestDatabase::new(engine).await?;
    let store = database.open().await?;
    let operator = store.operator().begin().await?;
    let row = TenantRow {
        id: TENANT,
        kind: "hospital".to_owned(),
        name: "bench".to_owned(),
        settings: serde_json::json!({}),
        second_factor: false,
        version: 0,
        created_at: NOW,
        updated_at: NOW,
    };
    operator.insert_tenant(&row).await?;
    operator.commit().await?;

    let tenant = store.tenant(TENANT);
    let started = Moment::now();
    for batch in taped.chunks(BATCH) {
        let tx = tenant.begin().await?;
        tx.append_tape(batch).await?;
        tx.commit().await?;
    }
    let written = started.elapsed();
    let started = Moment::now();
    let ChainState::Intact { length, .. } = tenant.verify_chain().await? else {
        return Err("the chain does not hold".into());
    };
    let verified = started.elapsed();
    if length != i64::try_from(taped.len())? {
        return Err(format!("{length} calls are on tape, not {}", taped.len()).into());
    }
    store.close().await?;

    let sizes = match on {
        On::Sqlite => sqlite(database.url()).await?,
        On::Postgres => postgres(database.url()).await?,
    };
    let each = |bytes: i64| bytes as f64 / taped.len() as f64;
    let total: f64 = sizes.parts.iter().map(|(_, bytes)| each(*bytes)).sum();
    println!("\n{engine:?}: bytes a call, pages and all");
    println!("  {:<32}{:>10.0}", "record, compressed", each(sizes.records));
    let json: usize = taped.iter().map(|entry| entry.record.len()).sum();
    println!("  {:<32}{:>10.0}", "  of JSON", json as f64 / taped.len() as f64);
    for (part, bytes) in &sizes.parts {
        println!("  {part:<32}{:>10.0}", each(*bytes));
    }
    println!("  {:<32}{total:>10.0}", "in all");
    println!("  1,000,000 calls: {:.2} GB", total / 1e3);
    println!("  budget, {BUDGET:.0} bytes a call: {}", if total < BUDGET { "met" } else { "EXCEEDED" });
    let rate = |time: std::time::Duration| taped.len() as f64 / time.as_secs_f64();
    println!("  written at {:.0} calls a second, verified at {:.0}", rate(written), rate(verified));
    Ok(())
}

struct Sizes {
    /// Of the compressed records alone.
    records: i64,
    /// Tables and indexes; together they are everything.
    parts: Vec<(String, i64)>,
}

async fn sqlite(url: &str) -> Result<Sizes> {
    let mut connection = SqliteConnection::connect(url).await?;
    let records = sqlx::query_scalar("SELECT SUM(LENGTH(record)) FROM tape").fetch_one(&mut connection).await?;
    let sql = "SELECT CASE WHEN name = 'tape' THEN 'row, with its record' ELSE name END, SUM(pgsize) FROM dbstat
               WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name IN ('tape', 'tape_reference'))
               GROUP BY name ORDER BY SUM(pgsize) DESC";
    let parts = sqlx::query_as(sql).fetch_all(&mut connection).await?;
    Ok(Sizes { records, parts })
}

async fn postgres(url: &str) -> Result<Sizes> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query("SET xinglin.tenant = '*'").execute(&mut connection).await?;
    let sql = "SELECT SUM(OCTET_LENGTH(record))::BIGINT FROM tape";
    let records = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
    let sql = "SELECT CASE WHEN oid = 'tape'::regclass THEN 'row, with its record' ELSE relname::TEXT END,
                      CASE WHEN relkind = 'i' THEN pg_relation_size(oid) ELSE pg_table_size(oid) END AS bytes
               FROM pg_class
               WHERE oid IN ('tape'::regclass, 'tape_reference'::regclass)
                  OR oid IN (SELECT indexrelid FROM pg_index
                             WHERE indrelid IN ('tape'::regclass, 'tape_reference'::regclass))
               ORDER BY bytes DESC";
    let parts = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut connection).await?;
    Ok(Sizes { records, parts })
}
