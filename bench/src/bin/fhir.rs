//! FHIR over HTTP: how many requests a second the shipped server answers, and how long
//! the slowest hundredth of them takes, with policies, audit and sealed identities as in
//! service; then the same with many times the records.
//!
//! The server is a process of its own (`xinglin serve` on an empty database), the callers
//! are here, on the same processors. Any other FHIR R4 server can be measured beside it
//! with the same people and the same requests: `--beside`.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use xinglin_bench::{
    Result,
    dice::Dice,
    population::{Drawn, IDENTIFIER, Institutions, Population},
    server::{Api, On, PASSWORD, Server, text},
    times::Times,
};

const HOSPITALS: usize = 20;
/// How many of the records that were made are remembered to be asked for.
const REMEMBERED: usize = 100_000;
/// How often a transaction that the server was too busy for is sent again.
const AGAIN: usize = 20;

/// What is measured.
#[derive(Parser)]
struct Arguments {
    /// The `xinglin` to measure, built for release.
    #[arg(long)]
    server: PathBuf,
    /// Which database it keeps its records in.
    #[arg(long, value_enum, default_value = "sqlite")]
    engine: On,
    /// Resources to import before anything is measured.
    #[arg(long, default_value_t = 150_000)]
    resources: usize,
    /// How many times as many to go on to; 1 to stop at the first.
    #[arg(long, default_value_t = 10)]
    times: usize,
    /// For how long each kind of request is made, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Requests at once.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Base of another FHIR R4 server that is empty and asks for no token, for example
    /// `http://127.0.0.1:8080`: given the first so many resources and the same requests.
    #[arg(long)]
    beside: Option<String>,
    /// Which population.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    // Whoever installed one before installed the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ours = Ours::start(&arguments).await?;
    let mut sides =
        vec![Side::new("xinglin", &format!("{}/fhir/R4", ours.server.base), Some(&ours.token), &arguments)?];
    if let Some(base) = &arguments.beside {
        sides.push(Side::new("beside", base, None, &arguments)?);
    }
    println!(
        "{} requests at once, {} s each; 99th percentiles and medians in milliseconds",
        arguments.connections, arguments.seconds
    );
    let mut small: Vec<Table> = Vec::new();
    for side in &mut sides {
        let table = side.measure(&arguments, arguments.resources).await?;
        println!("\n{} with {} resources\n{}", side.name, side.resources, table.beside(small.first()));
        small.push(table);
    }
    println!("\nxinglin: {}", ours.size().await?);
    if arguments.times > 1
        && let Some(side) = sides.first_mut()
    {
        let table = side.measure(&arguments, arguments.resources * arguments.times).await?;
        println!("\n{} with {} resources\n{}", side.name, side.resources, table.beside(small.first()));
        println!("\nxinglin: {}", ours.size().await?);
    }
    Ok(())
}

// --- the server ------------------------------------------------------------------

/// Our server, on records of its own, with a token of its hospital's administrator.
struct Ours {
    server: Server,
    token: String,
}

impl Ours {
    async fn start(arguments: &Arguments) -> Result<Self> {
        let server = Server::start(&arguments.server, arguments.engine, &[]).await?;
        let token = hospital(&server.base).await?;
        Ok(Self { server, token })
    }

    /// What of the machine it takes.
    async fn size(&self) -> Result<String> {
        // Each connection maps the database: a page of it counts once, not once for each.
        let mapped = format!("/proc/{}/smaps_rollup", self.server.child.id().ok_or("it has ended")?);
        let mapped = std::fs::read_to_string(mapped)?;
        let megabytes = |name: &str| -> u64 {
            let line = mapped.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
                / 1_000_000
        };
        let (own, all) = (megabytes("Pss_Anon:"), megabytes("Pss:"));
        let disk = folder_size(self.server.folder.path())? / 1_000_000;
        Ok(format!("{own} MB of memory, {all} MB with the files that it maps, {disk} MB on disk"))
    }
}

fn folder_size(folder: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let (entry, data) = entry.and_then(|entry| entry.metadata().map(|data| (entry, data)))?;
        sum += if data.is_dir() { folder_size(&entry.path())? } else { data.len() };
    }
    Ok(sum)
}

/// Founds a hospital; a token of its administrator.
async fn hospital(base: &str) -> Result<String> {
    let anyone = Api::at(base);
    let operator = anyone.sign_in(None, "operator").await?;
    let tenant = operator.post("/api/v1/tenants", json!({ "kind": "hospital", "name": "Measured" })).await?;
    let tenant = text(&tenant, "id")?;
    let account = json!({ "login": "administrator", "password": PASSWORD, "roles": ["administrator"] });
    operator.post(&format!("/api/v1/tenants/{tenant}/accounts"), account).await?;
    let administrator = anyone.sign_in(Some(&tenant), "administrator").await?;
    Ok(administrator.token().ok_or("no token")?.to_owned())
}

// --- callers ---------------------------------------------------------------------

/// A server under measurement, with what it was given.
struct Side {
    name: &'static str,
    caller: Caller,
    population: Population,
    seen: Option<Institutions>,
    resources: usize,
    known: Arc<Known>,
    seed: u64,
}

/// What there is to be asked for.
#[derive(Default, Clone)]
struct Known {
    /// `Type/id`, some of all.
    records: Vec<String>,
    people: Vec<Person>,
}

#[derive(Clone)]
struct Person {
    id: String,
    identifier: String,
    family: String,
    born: String,
}

#[derive(Clone)]
struct Caller {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Caller {
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(StatusCode, Vec<u8>)> {
        let mut request = self.http.request(method, format!("{}/{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            let kind = if body.is_array() { "application/json-patch+json" } else { "application/fhir+json" };
            request = request.header("content-type", kind).body(serde_json::to_vec(body)?);
        }
        let answer = request.send().await?;
        Ok((answer.status(), answer.bytes().await?.to_vec()))
    }

    /// A transaction, sent again while the server is too busy for it; where its entries
    /// are, `Type/id`.
    async fn import(&self, bundle: &Value) -> Result<Vec<String>> {
        let (mut status, mut body) = self.ask(Method::POST, "", Some(bundle)).await?;
        for _ in 0..AGAIN {
            if status != StatusCode::SERVICE_UNAVAILABLE {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            (status, body) = self.ask(Method::POST, "", Some(bundle)).await?;
        }
        if !status.is_success() {
            return Err(format!("a transaction was refused: {status}: {}", String::from_utf8_lossy(&body)).into());
        }
        let body: Value = serde_json::from_slice(&body)?;
        let location = |entry: &Value| {
            let location = entry.pointer("/response/location")?.as_str()?;
            let current = location.split_once("/_history").map_or(location, |(current, _)| current);
            let mut parts = current.rsplitn(3, '/');
            let (id, kind) = (parts.next()?, parts.next()?);
            Some(format!("{kind}/{id}"))
        };
        let located: Option<Vec<String>> = body["entry"].as_array().ok_or("no entries")?.iter().map(location).collect();
        Ok(located.ok_or("an entry without a location")?)
    }
}

impl Side {
    fn new(name: &'static str, base: &str, token: Option<&str>, arguments: &Arguments) -> Result<Self> {
        let http = reqwest::Client::builder().pool_max_idle_per_host(arguments.connections).build()?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self {
            name,
            caller: Caller { http, base, token: token.map(str::to_owned) },
            population: Population::new(arguments.seed),
            seen: None,
            resources: 0,
            known: Arc::default(),
            seed: arguments.seed,
        })
    }

    async fn measure(&mut self, arguments: &Arguments, resources: usize) -> Result<Table> {
        let mut table = Table { rows: vec![self.import(arguments, resources).await?] };
        for load in [Load::Read, Load::Create, Load::Mix, Load::Search] {
            table.rows.extend(self.load(arguments, load).await?);
        }
        Ok(table)
    }

    /// Imports people until there are so many resources.
    async fn import(&mut self, arguments: &Arguments, resources: usize) -> Result<Row> {
        let seen = match &self.seen {
            Some(seen) => seen.clone(),
            None => {
                let located = self.caller.import(&self.population.institutions(HOSPITALS)).await?;
                self.resources += located.len();
                let (hospitals, doctors) = located.split_at(HOSPITALS);
                Institutions { hospitals: hospitals.to_vec(), doctors: doctors.to_vec() }
            }
        };
        let keep_one_in = resources.div_ceil(REMEMBERED).max(1);
        let known = Arc::new(Mutex::new((*self.known).clone()));
        let mut took = Vec::new();
        let (mut running, mut imported) = (JoinSet::new(), 0);
        // Drawn while others are on their way: it takes little of their time.
        let (started, mut told) = (Instant::now(), Instant::now());
        while self.resources < resources {
            let drawn = self.population.patient(&seen);
            self.resources += drawn.resources;
            imported += drawn.resources;
            while running.len() >= arguments.connections {
                took.push(running.join_next().await.ok_or("none")???);
            }
            let (caller, known) = (self.caller.clone(), known.clone());
            running.spawn(async move {
                let started = Instant::now();
                let located = caller.import(&drawn.bundle).await?;
                let took = started.elapsed();
                remember(&known, drawn, located, keep_one_in);
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(took)
            });
            if told.elapsed() > Duration::from_secs(20) {
                told = Instant::now();
                eprintln!("{}: {} of {resources} resources", self.name, self.resources);
            }
        }
        while let Some(ended) = running.join_next().await {
            took.push(ended??);
        }
        let seconds = started.elapsed().as_secs_f64();
        self.known =
            Arc::new(Arc::try_unwrap(known).map_err(|_| "still shared")?.into_inner().map_err(|_| "poisoned")?);
        self.seen = Some(seen);
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let rate = imported as f64 / seconds;
        Ok(Row { what: "import, resources".to_owned(), rate, times: Times::of(took), refused: 0 })
    }

    /// Asks as fast as it is answered, for as long as was said.
    async fn load(&self, arguments: &Arguments, load: Load) -> Result<Vec<Row>> {
        let refused = Arc::new(AtomicUsize::new(0));
        let until = Instant::now() + Duration::from_secs(arguments.seconds);
        let mut callers = JoinSet::new();
        let started = Instant::now();
        for number in 0..arguments.connections {
            let mut worker = Worker {
                caller: self.caller.clone(),
                known: self.known.clone(),
                dice: Dice::new(self.seed ^ (number as u64 + 1) << 32 ^ load as u64),
                population: Population::new(self.seed ^ (number as u64 + 1) << 40 ^ self.resources as u64),
                mine: Vec::new(),
            };
            let refused = refused.clone();
            callers.spawn(async move {
                let mut took: Vec<(usize, Duration)> = Vec::new();
                while Instant::now() < until {
                    let (kind, method, path, body) = worker.next(load);
                    let started = Instant::now();
                    let (status, answer) = worker.caller.ask(method.clone(), &path, body.as_ref()).await?;
                    took.push((kind, started.elapsed()));
                    if status.is_success() {
                        worker.heed(&method, &answer)?;
                    } else if refused.fetch_add(1, Ordering::Relaxed) == 0 {
                        eprintln!("refused: {method} {path}: {status}: {}", String::from_utf8_lossy(&answer));
                    }
                }
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(took)
            });
        }
        let mut kinds: Vec<Vec<Duration>> = vec![Vec::new(); SEARCHES.len()];
        while let Some(ended) = callers.join_next().await {
            for (kind, took) in ended?? {
                kinds[kind].push(took);
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let row = |what: String, took: Vec<Duration>, refused| Row {
            what,
            rate: took.len() as f64 / seconds,
            times: Times::of(took),
            refused,
        };
        let all = kinds.iter().flatten().copied().collect();
        let mut rows = vec![row(load.words().to_owned(), all, refused.load(Ordering::Relaxed))];
        if matches!(load, Load::Search) {
            rows.extend(SEARCHES.iter().zip(kinds).map(|((words, _), took)| row(format!("  {words}"), took, 0)));
        }
        Ok(rows)
    }
}

fn remember(known: &Mutex<Known>, drawn: Drawn, located: Vec<String>, keep_one_in: usize) {
    let Ok(mut known) = known.lock() else { return };
    if let Some(id) = located.first().and_then(|location| location.strip_prefix("Patient/")) {
        let Drawn { identifier, family, born, .. } = drawn;
        known.people.push(Person { id: id.to_owned(), identifier, family, born });
    }
    known.records.extend(located.into_iter().step_by(keep_one_in));
}

// --- what is asked ---------------------------------------------------------------

#[derive(Clone, Copy)]
enum Load {
    Read,
    Create,
    Mix,
    Search,
}

impl Load {
    const fn words(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Mix => "CRUD mix (60 read, 15 create, 15 update, 5 patch, 5 delete)",
            Self::Search => "search, all of these in turn",
        }
    }
}

/// Searches, and how each is asked about somebody.
const SEARCHES: [(&str, fn(&Person, &mut Dice) -> String); 11] = [
    ("Patient by identifier", |p, _| format!("Patient?identifier={IDENTIFIER}|{}", p.identifier)),
    ("Patient by family name and birth date", |p, _| format!("Patient?family={}&birthdate={}", name(p), p.born)),
    ("Patient by family name, first 20", |p, _| format!("Patient?family={}&_count=20", name(p))),
    ("Observation of a patient by code, newest 10", |p, _| {
        format!("Observation?patient={}&code=http://loinc.org|4548-4&_sort=-date&_count=10", p.id)
    }),
    ("Observation of a patient by category since a date", |p, _| {
        format!("Observation?patient={}&category=vital-signs&date=ge2024-01-01", p.id)
    }),
    ("Observation by code and value, first 20", |_, dice| {
        format!("Observation?code=http://loinc.org|4548-4&value-quantity=gt{}&_count=20", dice.between(9, 10))
    }),
    ("Condition by code, first 20", |_, dice| {
        let code = dice.pick(&["44054006", "59621000", "55822004"]);
        format!("Condition?code=http://snomed.info/sct|{code}&_count=20")
    }),
    ("Encounter of a patient with its doctor", |p, _| {
        format!("Encounter?patient={}&_include=Encounter:practitioner", p.id)
    }),
    ("Patient by id with conditions that refer to it", |p, _| {
        format!("Patient?_id={}&_revinclude=Condition:subject", p.id)
    }),
    ("Observation by code and the patient's identifier (chain)", |p, _| {
        format!("Observation?code=http://loinc.org|8867-4&patient.identifier={IDENTIFIER}|{}", p.identifier)
    }),
    ("Patient by birth date who has a diagnosis (_has)", |p, _| {
        format!("Patient?birthdate={}&_has:Condition:subject:code=http://snomed.info/sct|59621000", p.born)
    }),
];

fn name(person: &Person) -> String {
    person.family.replace('\'', "%27")
}

/// One of those who ask.
struct Worker {
    caller: Caller,
    known: Arc<Known>,
    dice: Dice,
    population: Population,
    /// What it created and has not deleted, as it was told last.
    mine: Vec<Value>,
}

impl Worker {
    /// Which kind of it, and the request.
    fn next(&mut self, load: Load) -> (usize, Method, String, Option<Value>) {
        match load {
            Load::Read => (0, Method::GET, self.dice.pick(&self.known.records).clone(), None),
            Load::Create => self.create(),
            Load::Search => {
                let kind = self.dice.bits() as usize % SEARCHES.len();
                let person = self.dice.pick(&self.known.people).clone();
                (kind, Method::GET, SEARCHES[kind].1(&person, &mut self.dice), None)
            }
            Load::Mix => match self.dice.between(1, 100) {
                1..=60 => self.next(Load::Read),
                61..=75 => self.create(),
                dice => {
                    let Some(mut one) = self.mine.pop() else { return self.create() };
                    let path = format!("Observation/{}", one["id"].as_str().unwrap_or_default());
                    match dice {
                        76..=90 => {
                            one["status"] = "amended".into();
                            (0, Method::PUT, path, Some(one))
                        }
                        91..=95 => {
                            let patch = json!([{ "op": "replace", "path": "/status", "value": "corrected" }]);
                            (0, Method::PATCH, path, Some(patch))
                        }
                        _ => (0, Method::DELETE, path, None),
                    }
                }
            },
        }
    }

    fn create(&mut self) -> (usize, Method, String, Option<Value>) {
        let subject = format!("Patient/{}", self.dice.pick(&self.known.people).id);
        let result = self.population.result(&subject, "2025-11-20T08:30:00+08:00");
        (0, Method::POST, "Observation".to_owned(), Some(result))
    }

    /// Remembers what it made.
    fn heed(&mut self, method: &Method, answer: &[u8]) -> Result<()> {
        if [Method::POST, Method::PUT, Method::PATCH].contains(method) && self.mine.len() < 1_000 {
            self.mine.push(serde_json::from_slice(answer)?);
        }
        Ok(())
    }
}

// --- figures ---------------------------------------------------------------------

struct Table {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    /// A second.
    rate: f64,
    times: Times,
    refused: usize,
}

impl Table {
    /// With ratios of rates and medians to another's.
    fn beside(&self, other: Option<&Self>) -> impl fmt::Display {
        let mut text = format!("{:<64}{:>10}{:>9}{:>9}", "", "a second", "p50", "p99");
        if other.is_some() {
            text += &format!("{:>9}{:>9}", "rate, ×", "p50, ×");
        }
        for (index, Row { what, rate, times, refused }) in self.rows.iter().enumerate() {
            text += &format!("\n{what:<64}{rate:>10.0}{:>9.2}{:>9.2}", times.p50, times.p99);
            if let Some(other) = other.and_then(|other| other.rows.get(index)) {
                text += &format!("{:>9.2}{:>9.2}", rate / other.rate, times.p50 / other.times.p50);
            }
            if *refused > 0 {
                text += &format!("  {refused} refused");
            }
        }
        text
    }
}
