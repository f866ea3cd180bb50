//! Timers of pathways: how late they fire while the hospital answers requests, and whether that depends on how many
//! patients are followed. Each size has a server of its own, a real process with real enrolments by a pathway file.
//!
//! The first patients are enrolled at a steady rate, all others as fast as it goes. A week later by the movable clock their
//! timers come due at that rate. From then on the server is asked for records at a steady rate, whether it has answered or
//! not, so that a slow answer delays no other request. When a timer fired is read from the database: the moment that is
//! committed with its effects.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use xinglin_bench::{
    Result, clinic,
    server::{Api, On, Server, text},
    times::Times,
};

const PLUGIN: &str = "bench.weekly";
/// A week, as in the file.
const WEEK_SECONDS: u64 = 7 * 24 * 3600;
/// Patients of one transaction of the import.
const BATCH: usize = 100;
/// Records that are asked for.
const READ: usize = 1000;
/// Seconds before the first timer at which requests begin.
const BEFORE: u64 = 5;

/// What is measured.
#[derive(Parser)]
struct Arguments {
    /// The `xinglin` to measure, built for release.
    #[arg(long)]
    server: PathBuf,
    /// Where the built plugins are.
    #[arg(long)]
    plugins: PathBuf,
    /// The pathway: one task a week.
    #[arg(long)]
    pathway: PathBuf,
    /// Which database it keeps its records in.
    #[arg(long, value_enum, default_value = "sqlite")]
    engine: On,
    /// How many patients are followed, one size after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000])]
    enrolments: Vec<usize>,
    /// Timers that come due in a second.
    #[arg(long, default_value_t = 20)]
    due: usize,
    /// Requests in a second.
    #[arg(long, default_value_t = 200)]
    requests: usize,
    /// For how long, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: usize,
    /// Requests at once while patients are enrolled.
    #[arg(long, default_value_t = 16)]
    connections: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let package = build(&arguments)?;
    println!(
        "{} timers and {} requests a second for {} s; times in milliseconds, memory in MB\n",
        arguments.due, arguments.requests, arguments.seconds
    );
    println!(
        "{:>10} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8}",
        "enrolments",
        "fired",
        "lag p50",
        "lag p99",
        "most",
        "overtook",
        "read p50",
        "read p99",
        "refused",
        "before",
        "peak"
    );
    let mut lags = Vec::new();
    for &enrolments in &arguments.enrolments {
        let measured = measure(&arguments, &package, enrolments).await?;
        println!("{measured}");
        lags.push(measured.lag.p99);
    }
    if let [first, .., last] = lags[..] {
        println!("\n{:.2} × the lag (p99) with {} × the enrolments", last / first, ratio(&arguments.enrolments));
    }
    Ok(())
}

fn ratio(sizes: &[usize]) -> usize {
    match sizes {
        [first, .., last] => last / first.max(&1),
        _ => 1,
    }
}

/// The pathway as a package.
fn build(arguments: &Arguments) -> Result<Vec<u8>> {
    let folder = tempfile::TempDir::with_prefix("xinglin-bench-")?;
    let package = folder.path().join("weekly.wasm");
    let template = arguments.plugins.join("generic-pathway.wasm");
    let mut command = Command::new(&arguments.server);
    command.args(["pathway".as_ref(), "build".as_ref(), arguments.pathway.as_os_str()]);
    let told = command.arg("--template").arg(template).arg("--out").arg(&package).output()?;
    if !told.status.success() {
        return Err(String::from_utf8_lossy(&told.stderr).into_owned().into());
    }
    Ok(std::fs::read(package)?)
}

// --- one size --------------------------------------------------------------------

struct Measured {
    enrolments: usize,
    fired: usize,
    lag: Times,
    most: f64,
    /// The longest time by which a timer fired before one that was due earlier.
    overtook: f64,
    read: Times,
    refused: usize,
    before: u64,
    peak: u64,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { enrolments, fired, lag, most, overtook, read, refused, before, peak } = self;
        write!(
            f,
            "{enrolments:>10} {fired:>7} {:>9.1} {:>9.1} {most:>9.1} {overtook:>9.1} {:>9.1} {:>9.1} {refused:>9} {before:>8} {peak:>8}",
            lag.p50, lag.p99, read.p50, read.p99
        )
    }
}

async fn measure(arguments: &Arguments, package: &[u8], enrolments: usize) -> Result<Measured> {
    let variables = [("XINGLIN_PLUGINS__ALLOW_UNSIGNED", "true"), ("XINGLIN_MOVABLE_CLOCK", "true")];
    let mut server = Server::start(&arguments.server, arguments.engine, &variables).await?;
    let process = server.child.id().ok_or("no process")?;
    let mut hospital = Hospital::found(&server.base, package).await?;
    let patients = hospital.import(enrolments, arguments.connections).await?;

    let started = Instant::now();
    hospital.enrol(&patients, arguments).await?;
    // The first timer is due a week after the first enrolment.
    let ahead = WEEK_SECONDS.saturating_sub(started.elapsed().as_secs() + BEFORE);
    hospital.operator.post("/api/v1/clock/advance", json!({ "seconds": ahead })).await?;
    // A session does not last a week.
    hospital.doctor = Api::at(&server.base).sign_in(Some(&hospital.tenant), "doctor").await?;

    let before = resident(process)?;
    let (read, refused, peak) = hospital.ask(&patients, process, arguments).await?;
    let fired = fired(arguments.engine, &server.database(), arguments.due * arguments.seconds).await?;
    server.child.kill().await?;
    let late: Vec<Duration> =
        fired.iter().map(|(due, at)| Duration::from_micros(u64::try_from(at - due).unwrap_or_default())).collect();
    let most = late.iter().max().map_or(f64::NAN, |most| most.as_secs_f64() * 1e3);
    Ok(Measured {
        enrolments,
        fired: fired.len(),
        lag: Times::of(late),
        most,
        overtook: overtook(&fired),
        read: Times::of(read),
        refused,
        before,
        peak,
    })
}

/// In milliseconds. `fired` is in the order in which they were due.
fn overtook(fired: &[(i64, i64)]) -> f64 {
    let mut most = 0;
    let mut latest = i64::MIN;
    for (_, at) in fired {
        most = most.max(latest.saturating_sub(*at));
        latest = latest.max(*at);
    }
    Duration::from_micros(u64::try_from(most).unwrap_or_default()).as_secs_f64() * 1e3
}

/// When the first timers were due, and when they fired, in microseconds, by due time.
async fn fired(on: On, url: &str, most: usize) -> Result<Vec<(i64, i64)>> {
    // Those of who was enrolled at a steady rate are the earliest.
    let sql = "SELECT due_at, updated_at FROM task WHERE state = 'fired' ORDER BY due_at LIMIT ";
    let sql = sqlx::AssertSqlSafe(format!("{sql}{most}"));
    let pairs = match on {
        On::Sqlite => {
            let mut connection = SqliteConnection::connect(url).await?;
            let rows = connection.fetch_all(sql).await?;
            rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_>>()?
        }
        On::Postgres => {
            let mut connection = PgConnection::connect(url).await?;
            // Of all tenants: the policies of the tables show no row without.
            connection.execute("SET xinglin.tenant = '*'").await?;
            let rows = connection.fetch_all(sql).await?;
            rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_>>()?
        }
    };
    Ok(pairs)
}

/// The memory of a process that is in use now, in MB.
fn resident(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes / 1024)
}

// --- the hospital ----------------------------------------------------------------

struct Hospital {
    tenant: String,
    administrator: Api,
    doctor: Api,
    operator: Api,
}

impl Hospital {
    async fn found(base: &str, package: &[u8]) -> Result<Self> {
        let anyone = Api::at(base);
        let operator = anyone.sign_in(None, "operator").await?;
        let tenant = operator.post("/api/v1/tenants", json!({ "kind": "hospital", "name": "Measured" })).await?;
        let tenant = text(&tenant, "id")?;
        operator.upload("/api/v1/plugins", "application/wasm", package.to_vec()).await?;
        let plugin = format!("/api/v1/tenants/{tenant}/plugins/{PLUGIN}");
        operator.put(&plugin, json!({})).await?;
        operator.post(&format!("{plugin}/enable"), Value::Null).await?;
        let administrator = clinic::hire(&anyone, &operator, &tenant, ("administrator", 0)).await?;
        let doctor = clinic::hire(&anyone, &operator, &tenant, ("doctor", 1)).await?;
        Ok(Self { tenant, administrator, doctor, operator })
    }

    /// Patients with diabetes; their ids.
    async fn import(&self, count: usize, connections: usize) -> Result<Vec<String>> {
        let mut patients = Vec::with_capacity(count);
        let (mut running, mut told) = (JoinSet::new(), Instant::now());
        let mut next = 0;
        while next < count || !running.is_empty() {
            while next < count && running.len() < connections {
                let batch: Vec<Value> = (next..count.min(next + BATCH)).flat_map(patient).collect();
                next += batch.len() / 2;
                let administrator = self.administrator.clone();
                running.spawn(async move { clinic::import(&administrator, &batch).await });
            }
            let located = running.join_next().await.ok_or("none")???;
            patients.extend(located.iter().filter_map(|at| at.strip_prefix("Patient/")).map(str::to_owned));
            tell(&mut told, "imported", patients.len(), count);
        }
        Ok(patients)
    }

    /// The first at the rate at which timers shall come due, the others as fast as it goes.
    async fn enrol(&self, patients: &[String], arguments: &Arguments) -> Result<()> {
        let paced = arguments.due * arguments.seconds;
        let mut ticks = interval(Duration::from_secs_f64(1.0 / arguments.due as f64));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut running, mut told) = (JoinSet::new(), Instant::now());
        for (number, patient) in patients.iter().enumerate() {
            if number < paced {
                ticks.tick().await;
            }
            while running.len() >= arguments.connections {
                running.join_next().await.ok_or("none")???;
            }
            let (doctor, body) = (self.doctor.clone(), json!({ "patient": patient, "plugin": PLUGIN }));
            running.spawn(async move { doctor.post("/api/v1/enrolments", body).await.map(drop) });
            tell(&mut told, "enrolled", number, patients.len());
        }
        while let Some(ended) = running.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Reads records at a steady rate: how long each took, how many were refused, and the most memory of the server.
    async fn ask(
        &self,
        patients: &[String],
        process: u32,
        arguments: &Arguments,
    ) -> Result<(Vec<Duration>, usize, u64)> {
        let read = Arc::new(patients.iter().take(READ).cloned().collect::<Vec<_>>());
        let mut ticks = interval(Duration::from_secs_f64(1.0 / arguments.requests as f64));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let seconds = arguments.seconds + usize::try_from(BEFORE)?;
        let (mut asked, mut peak) = (JoinSet::new(), resident(process)?);
        for number in 0..arguments.requests * seconds {
            ticks.tick().await;
            let (doctor, read) = (self.doctor.clone(), read.clone());
            asked.spawn(async move {
                let started = Instant::now();
                let answer = doctor.get(&format!("/fhir/R4/Patient/{}", read[number % read.len()])).await;
                answer.map(|_| started.elapsed())
            });
            if number % arguments.requests == 0 {
                peak = peak.max(resident(process)?);
            }
        }
        // The last timers fire.
        sleep(Duration::from_secs(BEFORE)).await;
        let (mut took, mut refused) = (Vec::new(), 0);
        while let Some(ended) = asked.join_next().await {
            match ended? {
                Ok(elapsed) => took.push(elapsed),
                Err(_) => refused += 1,
            }
        }
        Ok((took, refused, peak.max(resident(process)?)))
    }
}

/// A patient and their diagnosis.
fn patient(number: usize) -> [Value; 2] {
    [
        json!({
            "resourceType": "Patient", "id": format!("00000000-0000-4000-8000-{number:012x}"), "active": true,
            "gender": "female", "birthDate": "1977-09-11", "name": [{ "family": "李", "given": [number.to_string()] }],
        }),
        json!({
            "resourceType": "Condition", "subject": { "reference": format!("urn:uuid:00000000-0000-4000-8000-{number:012x}") },
            "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": "E11.9" }] },
            "clinicalStatus": { "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active",
            }] },
        }),
    ]
}

fn tell(told: &mut Instant, what: &str, done: usize, of: usize) {
    if told.elapsed() > Duration::from_secs(20) {
        *told = Instant::now();
        eprintln!("{what} {done} of {of}");
    }
}
