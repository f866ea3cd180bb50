//! Settled bills a second: of each, the basic fund pays a part, an insurer another, the patient
//! the rest, decided by two plugins; beside it, in the same run and database, the same rows
//! written by plain SQL without a server, plugins or checks.
//!
//! The server is a process of its own. What a bill leaves in the database is found by comparing
//! all tables before and after; the plain side writes exactly these rows, a transaction a bill, to
//! copies of the tables with the same keys and indexes, over as many connections.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};
use tokio::task::JoinSet;
use xinglin_bench::{
    Result, clinic,
    server::{Api, On, PASSWORD, Server, text},
    times::Times,
};

const BASIC: &str = "xinglin.medical-insurance";
const INSURER: &str = "xinglin.direct-billing";
const FORMULARY: &str = include_str!("../../../examples/formulary/clinic.json");

/// The insurer's contract: all of what the fund leaves, from a deductible on, four fifths.
const CONTRACT: &str = "plans=SUPPLEMENT; networks=direct:0, partner:20; deductible=100000; copay=0; discount=0; \
     visit-limit=10000; annual-limit=none; visits=none; mental-visits=none; waiting-days=0; mental-waiting-days=0; \
     excluded=item:glucose-test-strips-50; preauthorization-above=200000; preauthorization-services=; \
     guarantee-days=30; documents=; claim-documents=; filing-days=90; appeal-days=60; year=calendar; remit-days=none";

#[derive(Parser)]
struct Arguments {
    /// The `xinglin` to measure, built for release.
    #[arg(long)]
    server: PathBuf,
    /// Where the built plugins are.
    #[arg(long)]
    plugins: PathBuf,
    /// On which engine.
    #[arg(long, value_enum, default_values_t = [On::Sqlite, On::Postgres])]
    engine: Vec<On>,
    /// Bills to settle, each of another patient.
    #[arg(long, default_value_t = 400)]
    bills: usize,
    /// Patients who confirm at once.
    #[arg(long, default_value_t = 16)]
    connections: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    println!(
        "{} bills with two payers and the patient's share, {} at once; times in milliseconds\n",
        arguments.bills, arguments.connections
    );
    println!("{:<12}{:<44}{:>10}{:>9}{:>9}", "", "", "a second", "p50", "p99");
    for &on in &arguments.engine {
        let name = if on == On::Sqlite { "SQLite" } else { "PostgreSQL" };
        let mut server = Server::start(&arguments.server, on, &[("XINGLIN_PLUGINS__ALLOW_UNSIGNED", "true")]).await?;
        let quoted = Hospital::found(&server.base, &arguments).await?.quote_all(&arguments).await?;
        let mut database = Database::open(on, &server.database()).await?;
        database.remember().await?;
        let settled = confirm_all(quoted, arguments.connections).await?;
        println!("{name:<12}{settled}");
        server.child.kill().await?;
        let rows = database.find_new().await?;
        let plain = plain(&database, &rows, &arguments).await?;
        println!("{:<12}{plain}", "");
        let each: usize = rows.iter().map(|(_, count)| count).sum();
        let ratio = settled.rate / plain.rate;
        println!("{:<12}{:.2} × the plain inserts, of {} rows a bill\n", "", ratio, each / arguments.bills);
    }
    Ok(())
}

struct Row {
    what: &'static str,
    rate: f64,
    times: Times,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:<44}{:>10.1}{:>9.1}{:>9.1}", self.what, self.rate, self.times.p50, self.times.p99)
    }
}

// --- the hospital ----------------------------------------------------------------

struct Hospital {
    anyone: Api,
    operator: Api,
    administrator: Api,
    doctor: Api,
    pharmacist: Api,
    cashier: Api,
    tenant: String,
    consent: String,
}

/// A patient with an approved prescription and a quote.
struct Quoted {
    patient: Api,
    cashier: Api,
    quote: Value,
}

impl Hospital {
    async fn found(base: &str, arguments: &Arguments) -> Result<Self> {
        let anyone = Api::at(base);
        let operator = anyone.sign_in(None, "operator").await?;
        let tenant = operator.post("/api/v1/tenants", json!({ "kind": "hospital", "name": "Measured" })).await?;
        let tenant = text(&tenant, "id")?;
        for (file, id, grant) in [
            (
                "medical-insurance",
                BASIC,
                json!({ "payer": "basic_insurance", "settings": { "accept-illustrative": true } }),
            ),
            ("direct-billing", INSURER, json!({ "payer": "commercial", "settings": { "terms.cigna-cmb": CONTRACT } })),
        ] {
            let package = std::fs::read(arguments.plugins.join(format!("{file}.wasm")))?;
            operator.upload("/api/v1/plugins", "application/wasm", package).await?;
            let path = format!("/api/v1/tenants/{tenant}/plugins/{id}");
            operator.put(&path, grant).await?;
            operator.post(&format!("{path}/enable"), Value::Null).await?;
        }
        operator.put(&format!("/api/v1/tenants/{tenant}/formulary"), serde_json::from_str(FORMULARY)?).await?;
        let mut staff = Vec::new();
        for (number, role) in ["administrator", "doctor", "pharmacist", "cashier"].into_iter().enumerate() {
            staff.push(clinic::hire(&anyone, &operator, &tenant, (role, number)).await?);
        }
        let [administrator, doctor, pharmacist, cashier] = <[Api; 4]>::try_from(staff).map_err(|_| "four of staff")?;
        let consent = text(&administrator.get("/api/v1/consent").await?, "sha256")?;
        Ok(Self { anyone, operator, administrator, doctor, pharmacist, cashier, tenant, consent })
    }

    async fn quote_all(self, arguments: &Arguments) -> Result<Vec<Quoted>> {
        let (here, next) = (Arc::new(self), Arc::new(AtomicUsize::new(0)));
        let mut desks = JoinSet::new();
        for _ in 0..arguments.connections {
            let (here, next, bills) = (here.clone(), next.clone(), arguments.bills);
            desks.spawn(async move {
                let mut quoted = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= bills {
                        return Result::Ok(quoted);
                    }
                    quoted.push(here.quote(number).await?);
                }
            });
        }
        let mut all = Vec::new();
        while let Some(desk) = desks.join_next().await {
            all.extend(desk??);
        }
        Ok(all)
    }

    /// A patient who is insured twice, seen, prescribed to, and quoted.
    async fn quote(&self, number: usize) -> Result<Quoted> {
        let tenant = &self.tenant;
        let now = days_ago(0);
        let subject = clinic::import(
            &self.administrator,
            &[json!({
                "resourceType": "Patient", "active": true, "gender": "female", "birthDate": "1977-09-11",
                "name": [{ "family": "李", "given": [format!("{number}")] }],
            })],
        )
        .await?
        .remove(0);
        let subject = subject.strip_prefix("Patient/").ok_or("no patient")?.to_owned();
        let login = format!("patient-{number}");
        let accounts = format!("/api/v1/tenants/{tenant}/accounts");
        self.operator
            .post(
                &accounts,
                json!({
                    "login": login, "password": PASSWORD, "roles": ["patient"], "patients": [subject],
                    "identity": { "document_matches": true, "face_per_mille": 972 },
                }),
            )
            .await?;
        let name = format!("/api/v1/tenants/{tenant}/patients/{subject}/real-name/judge");
        self.operator.post(&name, json!({ "verified": true, "reason": "the identity card was seen" })).await?;
        let patient = self.anyone.sign_in(Some(tenant), &login).await?;
        let year = &now[..4];
        let next: i32 = year.parse::<i32>()? + 1;
        let coverages = format!("/api/v1/tenants/{tenant}/patients/{subject}/coverages");
        self.operator
            .put(
                &format!("{coverages}/{BASIC}"),
                json!({
                    "category": { "system": "urn:nhsa:insutype", "code": "310" },
                    "accumulators": [
                        { "code": "deductible-used", "fen": 45000 }, { "code": "fund-used", "fen": 0 },
                        { "code": "account-balance", "fen": 6000 },
                    ],
                }),
            )
            .await?;
        self.operator
            .put(
                &format!("{coverages}/{INSURER}"),
                json!({
                    "category": { "system": "urn:measured", "code": "group" },
                    "policy": {
                        "valid_from": "2020-01-01", "network": "partner",
                        "plan": { "system": "https://xinglin.dev/insurers/cigna-cmb", "code": "SUPPLEMENT" },
                        "balances": [{
                            "code": "deductible", "from": format!("{year}-01-01"), "until": format!("{next}-01-01"),
                            "used_fen": 97_000, "limit_fen": 100_000,
                        }],
                    },
                }),
            )
            .await?;
        let reference = json!({ "reference": format!("Patient/{subject}") });
        let seen = days_ago(35);
        let elsewhere = clinic::import(
            &self.administrator,
            &[json!({
                "resourceType": "Encounter", "status": "finished", "subject": reference,
                "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
                "period": { "start": seen, "end": seen },
            })],
        )
        .await?
        .remove(0);
        let condition = clinic::import(
            &self.administrator,
            &[json!({
                "resourceType": "Condition", "subject": reference, "encounter": { "reference": elsewhere },
                "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": "E11.9" }] },
                "recordedDate": &seen[..10],
                "clinicalStatus": { "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active",
                }] },
            })],
        )
        .await?
        .remove(0);
        let visit = patient
            .post(
                "/api/v1/encounters",
                json!({
                    "patient": subject, "consent": self.consent,
                    "evidence": [{
                        "kind": "outpatient_record", "document": elsewhere, "conditions": [condition],
                        "institution": "City Hospital",
                    }],
                }),
            )
            .await?;
        let visit = text(&visit, "id")?;
        let e11 = json!({ "diagnoses": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": "E11.9" }] });
        self.doctor.post(&format!("/api/v1/encounters/{visit}/accept"), e11).await?;
        let line = |item: &str, dose: &str, daily: &str, packs: u32| json!({ "item": item, "dose": { "value": dose, "unit": "mg" }, "doses_per_day": daily, "days": 30, "packs": packs });
        let draft = json!({
            "encounter": visit, "course": { "extended": { "reason": "慢性病 chronic disease" } },
            "lines": [line("metformin-500mg-60", "1000", "2", 2), line("dapagliflozin-10mg-30", "10", "1", 1)],
        });
        let draft = self.doctor.post("/api/v1/prescriptions", draft).await?;
        let prescription = text(&draft, "id")?;
        let path = format!("/api/v1/prescriptions/{prescription}");
        self.doctor.post(&format!("{path}/sign"), json!({ "valid_days": 3 })).await?;
        let all = json!({ "checklist": {
            "prescription": true, "medicine": true, "incompatibility": true, "rationality": true,
        } });
        self.pharmacist.post(&format!("{path}/approve"), all).await?;
        let quote = patient.post("/api/v1/charges", json!({ "prescription": prescription })).await?;
        Ok(Quoted { patient, cashier: self.cashier.clone(), quote })
    }
}

/// RFC 3339, so many days ago.
fn days_ago(days: u64) -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default() - i64::try_from(days * 86_400).unwrap_or_default();
    xinglin_domain::time::Instant::from_micros(seconds * 1_000_000).to_string()
}

/// Every patient agrees to the quote, and pays their share at the counter.
async fn confirm_all(quoted: Vec<Quoted>, connections: usize) -> Result<Row> {
    let count = quoted.len();
    let (quoted, next) = (Arc::new(quoted), Arc::new(AtomicUsize::new(0)));
    let started = Instant::now();
    let mut desks = JoinSet::new();
    for _ in 0..connections {
        let (quoted, next) = (quoted.clone(), next.clone());
        desks.spawn(async move {
            let mut took = Vec::new();
            while let Some(Quoted { patient, cashier, quote }) = quoted.get(next.fetch_add(1, Ordering::Relaxed)) {
                let parts = quote["parts"].as_array().into_iter().flatten();
                let cash = parts.filter(|part| part["source"] == "cash").map(|part| &part["fen"]).next();
                let agreed = json!({ "cash_fen": cash, "risk_acknowledged": true });
                let path = format!("/api/v1/charges/{}", text(quote, "id")?);
                let began = Instant::now();
                let settled = patient.post(&format!("{path}/confirm"), agreed).await?;
                let money = json!({ "amount_fen": cash, "receipt": text(quote, "id")? });
                let share = cashier.post(&format!("{path}/payments/counter"), money).await?;
                took.push(began.elapsed());
                if share["status"] != "PAID" {
                    return Err(format!("the share is not paid: {share}").into());
                }
                let paid = settled["parts"].as_array().into_iter().flatten().filter(|part| part["fen"] != 0).count();
                if settled["status"] != "SETTLED" || paid != 3 {
                    return Err(format!("not settled by two payers and cash: {settled}").into());
                }
            }
            Result::Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(desk) = desks.join_next().await {
        took.extend(desk??);
    }
    let rate = count as f64 / started.elapsed().as_secs_f64();
    Ok(Row { what: "settled and paid over HTTP, with plugins and checks", rate, times: Times::of(took) })
}

// --- the plain side --------------------------------------------------------------

/// A connection of one engine.
enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    async fn open(on: On, url: &str) -> Result<Self> {
        Ok(match on {
            On::Sqlite => {
                let mut connection = SqliteConnection::connect(url).await?;
                // As the host opens it.
                connection.execute("PRAGMA synchronous = FULL").await?;
                connection.execute("PRAGMA busy_timeout = 60000").await?;
                Self::Sqlite(connection)
            }
            On::Postgres => {
                let mut connection = PgConnection::connect(url).await?;
                // Of all tenants: the policies of the tables show no row without.
                connection.execute("SET xinglin.tenant = '*'").await?;
                Self::Postgres(connection)
            }
        })
    }

    async fn run(&mut self, sql: String) -> Result<()> {
        match self {
            Self::Sqlite(connection) => drop(connection.execute(AssertSqlSafe(sql)).await?),
            Self::Postgres(connection) => drop(connection.execute(AssertSqlSafe(sql)).await?),
        }
        Ok(())
    }

    /// A prepared statement with one number.
    async fn put(&mut self, sql: &str, number: i64) -> Result<()> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => drop(sqlx::query(sql).bind(number).execute(connection).await?),
            Self::Postgres(connection) => drop(sqlx::query(sql).bind(number).execute(connection).await?),
        }
        Ok(())
    }

    async fn texts(&mut self, sql: String) -> Result<Vec<String>> {
        Ok(match self {
            Self::Sqlite(connection) => {
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
                rows.iter().map(|row| row.try_get(0)).collect::<std::result::Result<_, _>>()?
            }
            Self::Postgres(connection) => {
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
                rows.iter().map(|row| row.try_get(0)).collect::<std::result::Result<_, _>>()?
            }
        })
    }
}

struct Database {
    on: On,
    url: String,
    tables: Vec<String>,
}

impl Database {
    async fn open(on: On, url: &str) -> Result<Self> {
        let mut connection = Connection::open(on, url).await?;
        let tables = match on {
            On::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
                 AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'"
            }
            On::Postgres => {
                "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() \
                 AND tablename NOT LIKE '\\_sqlx%'"
            }
        };
        let tables = connection.texts(tables.to_owned()).await?;
        Ok(Self { on, url: url.to_owned(), tables })
    }

    /// Copies every table.
    async fn remember(&mut self) -> Result<()> {
        let mut connection = Connection::open(self.on, &self.url).await?;
        for table in &self.tables {
            connection.run(format!("CREATE TABLE before_{table} AS SELECT * FROM {table}")).await?;
        }
        Ok(())
    }

    /// The rows that are new or changed, numbered in `new_…`, and empty copies of their tables, `plain_…`.
    async fn find_new(&self) -> Result<Vec<(String, usize)>> {
        let mut connection = Connection::open(self.on, &self.url).await?;
        let mut found = Vec::new();
        for table in &self.tables {
            let columns = self.columns(&mut connection, table).await?.join(", ");
            connection
                .run(format!(
                    "CREATE TABLE new_{table} AS SELECT row_number() OVER () AS row_of_it, {columns} FROM \
                     (SELECT {columns} FROM {table} EXCEPT SELECT {columns} FROM before_{table}) AS it"
                ))
                .await?;
            let count = connection.texts(format!("SELECT CAST(count(*) AS text) FROM new_{table}")).await?;
            let count: usize = count.first().ok_or("no count")?.parse()?;
            if count == 0 {
                continue;
            }
            connection.run(format!("CREATE UNIQUE INDEX new_{table}_at ON new_{table} (row_of_it)")).await?;
            self.copy_shape(&mut connection, table).await?;
            found.push((table.clone(), count));
        }
        Ok(found)
    }

    async fn columns(&self, connection: &mut Connection, table: &str) -> Result<Vec<String>> {
        let sql = match self.on {
            On::Sqlite => format!("SELECT name FROM pragma_table_info('{table}')"),
            On::Postgres => format!(
                "SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}' \
                 AND table_schema = current_schema() AND is_generated = 'NEVER' ORDER BY ordinal_position"
            ),
        };
        Ok(connection.texts(sql).await?.into_iter().map(|name| format!("\"{name}\"")).collect())
    }

    /// An empty table of the same columns, keys and indexes, without triggers.
    async fn copy_shape(&self, connection: &mut Connection, table: &str) -> Result<()> {
        if self.on == On::Postgres {
            let like = format!(
                "CREATE TABLE plain_{table} (LIKE {table} INCLUDING DEFAULTS INCLUDING GENERATED \
                 INCLUDING INDEXES INCLUDING STORAGE)"
            );
            return connection.run(like).await;
        }
        let own = format!(
            "SELECT sql FROM sqlite_master WHERE tbl_name = '{table}' AND type IN ('table', 'index') AND sql IS NOT \
             NULL ORDER BY type DESC"
        );
        for sql in connection.texts(own).await? {
            let (head, body) = sql.split_once('(').ok_or("no columns")?;
            let words: Vec<&str> = head.split_whitespace().collect();
            let head = match words.iter().position(|word| word.eq_ignore_ascii_case("INDEX")) {
                None => format!("CREATE TABLE plain_{table}"),
                Some(at) => {
                    let unique = if words.get(1) == Some(&"UNIQUE") { "UNIQUE " } else { "" };
                    let name = words.get(at + 1).ok_or("no name")?;
                    format!("CREATE {unique}INDEX plain_{name} ON plain_{table}")
                }
            };
            connection.run(format!("{head} ({body}")).await?;
        }
        Ok(())
    }
}

/// Writes the rows of each bill in a transaction of its own.
async fn plain(database: &Database, rows: &[(String, usize)], arguments: &Arguments) -> Result<Row> {
    let mut statements = Vec::new();
    let mut connection = Connection::open(database.on, &database.url).await?;
    for (table, count) in rows {
        let columns = database.columns(&mut connection, table).await?.join(", ");
        let put =
            format!("INSERT INTO plain_{table} ({columns}) SELECT {columns} FROM new_{table} WHERE row_of_it = $1");
        statements.push((put, *count));
    }
    let (statements, next) = (Arc::new(statements), Arc::new(AtomicUsize::new(0)));
    let bills = arguments.bills;
    // SQLite has one writer: more of them wait for its lock, and measure that.
    let writers = if database.on == On::Sqlite { 1 } else { arguments.connections };
    let mut open = Vec::new();
    for _ in 0..writers {
        open.push(Connection::open(database.on, &database.url).await?);
    }
    let started = Instant::now();
    let mut writing = JoinSet::new();
    for mut connection in open {
        let (statements, next) = (statements.clone(), next.clone());
        writing.spawn(async move {
            let mut took: Vec<Duration> = Vec::new();
            loop {
                let bill = next.fetch_add(1, Ordering::Relaxed);
                if bill >= bills {
                    return Result::Ok(took);
                }
                let began = Instant::now();
                connection.run("BEGIN".to_owned()).await?;
                for (put, count) in statements.iter() {
                    // The bill's share of the rows of this table.
                    for row in (bill * count / bills)..((bill + 1) * count / bills) {
                        connection.put(put, i64::try_from(row + 1)?).await?;
                    }
                }
                connection.run("COMMIT".to_owned()).await?;
                took.push(began.elapsed());
            }
        });
    }
    let mut took = Vec::new();
    while let Some(writer) = writing.join_next().await {
        took.extend(writer??);
    }
    let rate = bills as f64 / started.elapsed().as_secs_f64();
    Ok(Row { what: "the same rows as plain SQL, a transaction a bill", rate, times: Times::of(took) })
}
