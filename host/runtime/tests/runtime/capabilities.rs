//! What the host lends beyond its first three capabilities: that it works when it
//! is granted, is refused when it is not, has its bounds, and replays.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use xinglin_domain::{
    clinical::{Allergy, Condition, ConditionStatus, Medication, Observation, ObservationValue},
    code::Code,
    coding::Coding,
    review::ReviewError,
    time::Instant,
};
use xinglin_runtime::{
    CallContext, CallFailure, FailureCode, Grants, HostServices, LogLine, Manifest, Options, Output, Package, Packs,
    Plugin, RecordError, RecordFuture, RecordQuery, RecordRead, Runtime, Tape, attach,
};

use crate::fixtures::{Checker, component, context, now, order, resolve, runtime, snapshot, toml};

/// What a guest said, what it logged, and the tape.
struct Said {
    outcome: Result<String, Box<CallFailure>>,
    log: Vec<LogLine>,
    tape: Tape,
}

async fn ask(runtime: &Runtime, plugin: &Plugin, services: HostServices) -> Said {
    let context = CallContext { services, ..context() };
    let call = runtime.review(plugin, context, &order(), &snapshot(), now()).await;
    let outcome = match call.outcome {
        Ok(Err(ReviewError::Other(text))) => Ok(text),
        Ok(other) => panic!("{other:?}"),
        Err(failure) => Err(Box::new(failure)),
    };
    Said { outcome, log: call.log, tape: call.tape }
}

async fn replays(runtime: &Runtime, plugin: &Plugin, tape: &Tape) {
    for _ in 0..2 {
        let report = runtime.replay(plugin, tape).await.expect("replayed");
        assert!(report.identical && report.conclusive, "{report:?}");
    }
}

/// Refused by name when it is loaded, unless it was granted.
async fn must_be_granted(package: &Package, name: &str) {
    let mut grants = Grants::as_asked(package.manifest());
    grants.capabilities.retain(|capability| capability.name() != name);
    let error = runtime().load(package, &grants).await.expect_err("refused");
    assert_eq!(error.code(), Code::PluginCapability, "{error}");
    assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
}

// --- records -----------------------------------------------------------------

const RECORDS: &str = r#"(import "xinglin:host/records@1.1.0" "conditions" (func $conditions (param i32)))
(import "xinglin:host/records@1.1.0" "observations" (func $observations
    (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32)))"#;

/// Says `0` and how many there are, or `1` and which case the error is.
fn reader(question: &str) -> Checker {
    Checker::say(
        &format!(
            "{question}
             (i32.store8 (i32.const 600) (i32.add (i32.const 48) (i32.load8_u (i32.const 2048))))
             (i32.store8 (i32.const 601) (i32.add (i32.const 48)
                 (select (i32.load8_u (i32.const 2052)) (i32.load (i32.const 2056)) (i32.load8_u (i32.const 2048)))))"
        ),
        "(i32.const 600)",
        "(i32.const 2)",
    )
    .with("records", &RECORDS.replace("\n   ", ""))
    .items("(data (i32.const 700) \"http://loinc.org4548-42951-2\")")
    .manifest("[data-needs]\nobservations = [{ system = \"http://loinc.org\", code = \"4548-4\" }]")
}

/// At most `limit` of HbA1c, not before `since`.
fn hba1c(limit: u32, since: Option<i64>) -> Checker {
    reader(&format!(
        "(call $observations (i32.const 700) (i32.const 16) (i32.const 716) (i32.const 6) (i32.const 0) (i32.const 0)
             (i32.const 0) (i32.const {}) (i64.const {}) (i32.const 0) (i64.const 0) (i32.const {limit})
             (i32.const 2048))",
        u8::from(since.is_some()),
        since.unwrap_or(0),
    ))
}

/// Holds HbA1c and sodium of four days, and answers more than it was asked.
#[derive(Default)]
struct Record {
    asked: Mutex<Vec<RecordQuery>>,
    withheld: bool,
}

fn observation(loinc: &str, day: i64) -> Observation {
    Observation {
        code: vec![Coding::new("http://loinc.org", loinc)],
        value: ObservationValue::Integer(7),
        components: Vec::new(),
        effective: Some(now().plus_days(-day)),
        attributes: Vec::new(),
    }
}

impl RecordRead for Record {
    fn observations<'a>(&'a self, query: &'a RecordQuery) -> RecordFuture<'a, Observation> {
        self.asked.lock().expect("one thread").push(query.clone());
        let found = (1..=4).flat_map(|day| [observation("2951-2", day), observation("4548-4", day)]).collect();
        let answer = if self.withheld { Err(RecordError::Withheld) } else { Ok(found) };
        Box::pin(async move { answer })
    }

    fn conditions(&self) -> RecordFuture<'_, Condition> {
        let condition =
            Condition { code: Vec::new(), status: ConditionStatus::Active, onset: None, attributes: Vec::new() };
        Box::pin(async move { Ok(vec![condition]) })
    }

    fn allergies(&self) -> RecordFuture<'_, Allergy> {
        Box::pin(async { Err(RecordError::Unavailable) })
    }

    fn medications(&self) -> RecordFuture<'_, Medication> {
        Box::pin(async { Err(RecordError::Unavailable) })
    }
}

async fn read(checker: Checker, record: Record) -> (String, usize) {
    let runtime = runtime();
    let plugin = checker.load(&runtime).await.expect("loaded");
    let record = Arc::new(record);
    let said = ask(&runtime, &plugin, HostServices { records: record.clone(), ..HostServices::default() }).await;
    assert_eq!(said.tape.answers.len(), 1, "each read is on tape");
    replays(&runtime, &plugin, &said.tape).await;
    (said.outcome.expect("an answer"), record.asked.lock().expect("one thread").len())
}

#[tokio::test]
async fn a_record_is_read_as_far_as_it_is_declared() {
    assert_eq!(read(hba1c(500, None), Record::default()).await, ("04".into(), 1), "of what was asked, and no sodium");
    assert_eq!(read(hba1c(2, None), Record::default()).await.0, "02");
    assert_eq!(read(hba1c(500, Some(now().plus_days(-3).micros())), Record::default()).await.0, "03");
    assert_eq!(read(hba1c(500, None), Record { withheld: true, ..Record::default() }).await.0, "11");
    for limit in [0, 501] {
        assert_eq!(read(hba1c(limit, None), Record::default()).await, ("14".into(), 0), "limit {limit}");
    }
    // Not declared: the embedder is not even asked.
    assert_eq!(read(reader("(call $conditions (i32.const 2048))"), Record::default()).await.0, "10");
    let mut sodium = hba1c(500, None);
    sodium.body = sodium.body.replace("(i32.const 716)", "(i32.const 722)");
    assert_eq!(read(sodium, Record::default()).await, ("10".into(), 0));
}

#[tokio::test]
async fn a_call_about_nobody_reads_nobody_s_record() {
    let runtime = runtime();
    let plugin = hba1c(1, None).load(&runtime).await.expect("loaded");
    assert_eq!(ask(&runtime, &plugin, HostServices::default()).await.outcome.expect("an answer"), "12");
    must_be_granted(&hba1c(1, None).package(), "records").await;
}

// --- random ------------------------------------------------------------------

const RANDOM: &str = r#"(import "xinglin:host/random@1.1.0" "bytes" (func $bytes (param i32 i32)))"#;

/// Says so many random bytes, each as one of sixteen letters.
fn gambler(length: u32) -> Checker {
    Checker::say(
        &format!(
            "(call $bytes (i32.const {length}) (i32.const 2048))
             (local.set $i (i32.load (i32.const 2052)))
             (block $done (loop $next
                 (br_if $done (i32.eqz (local.get $i)))
                 (local.set $i (i32.sub (local.get $i) (i32.const 1)))
                 (i32.store8 (call $at (local.get $i)) (i32.add (i32.const 97)
                     (i32.and (i32.const 15) (i32.load8_u (call $at (local.get $i))))))
                 (br $next)))"
        ),
        "(i32.load (i32.const 2048))",
        "(i32.load (i32.const 2052))",
    )
    .with("random", RANDOM)
    .items("(func $at (param i32) (result i32) (i32.add (i32.load (i32.const 2048)) (local.get 0)))")
}

#[tokio::test]
async fn dice_follow_from_the_seed_and_the_tape_has_it() {
    let runtime = runtime();
    let plugin = gambler(40).load(&runtime).await.expect("loaded");
    let seeded =
        async |seed: u8| ask(&runtime, &plugin, HostServices { seed: [seed; 32], ..HostServices::default() }).await;
    let (first, second) = (seeded(1).await, seeded(2).await);
    let letters = first.outcome.expect("an answer");
    assert_eq!(letters.len(), 40);
    assert_ne!(letters, second.outcome.expect("an answer"));
    assert_eq!(letters, seeded(1).await.outcome.expect("an answer"));
    // Tapes in the field depend on this value.
    assert_eq!(letters, PINNED);
    assert_eq!(first.tape.answers.len(), 1);
    assert_eq!(first.tape.answers[0].import, "random.seed");
    assert_eq!(first.tape.answers[0].answer, format!("\"{}\"", "01".repeat(32)));
    replays(&runtime, &plugin, &first.tape).await;

    let mut forged = first.tape.clone();
    forged.answers[0].answer = format!("\"{}\"", "02".repeat(32));
    assert!(!runtime.replay(&plugin, &forged).await.expect("replayed").identical);
    must_be_granted(&gambler(1).package(), "random").await;
}

const PINNED: &str = "fkeagnoomomomemgfajdffkbhlgjfbadgejcbmej";

#[tokio::test]
async fn more_dice_than_there_are_end_the_call() {
    let runtime = runtime();
    let most = gambler(65_536).pages(8).load(&runtime).await.expect("loaded");
    assert_eq!(ask(&runtime, &most, HostServices::default()).await.outcome.expect("an answer").len(), 65_536);
    let plugin = gambler(65_537).load(&runtime).await.expect("loaded");
    let failure = ask(&runtime, &plugin, HostServices::default()).await.outcome.expect_err("too many");
    assert_eq!(failure.code, FailureCode::Output);
    assert!(failure.message.contains("65537 random bytes"), "{failure}");
}

// --- files -------------------------------------------------------------------

const FILES: &str = r#"(import "xinglin:host/files@1.1.0" "packs" (func $packs (param i32)))
(import "xinglin:host/files@1.1.0" "list-pack" (func $list (param i32 i32 i32)))
(import "xinglin:host/files@1.1.0" "read-pack" (func $read (param i32 i32 i32 i32 i64 i32 i32)))
(import "xinglin:host/files@1.1.0" "read-scratch" (func $read-scratch (param i32 i32 i64 i32 i32)))
(import "xinglin:host/files@1.1.0" "write-scratch" (func $write (param i32 i32 i32 i32 i32)))
(import "xinglin:host/files@1.1.0" "remove-scratch" (func $remove (param i32 i32 i32)))"#;

/// A guest with a pack and a scratch folder of 1 MiB. `at 700` lies `codes`, the
/// name of the pack, and `at 720` a path.
fn filer(body: &str, path: &str) -> Checker {
    let escaped: String = path.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    Checker::new(body)
        .with("files", FILES)
        .items("(data (i32.const 700) \"codes\")\n(data (i32.const 600) \"!\")")
        .items(&format!("\n(data (i32.const 720) \"{escaped}\")"))
        .manifest("[capabilities.files]\npacks = [\"codes\"]\nscratch-kib = 1024")
        .pages(100)
}

/// Asks for a piece of a file of the pack, and says it; or `!` and the case of
/// the error.
fn pack_reader(path: &str, offset: u64, length: u32) -> Checker {
    let call = format!(
        "(call $read (i32.const 700) (i32.const 5) (i32.const 720) (i32.const {}) (i64.const {offset})
             (i32.const {length}) (i32.const 2048))",
        path.len()
    );
    filer(&said_piece(&call), path)
}

/// Says the bytes of a `result<list<u8>, error>` at 2048.
fn said_piece(prelude: &str) -> String {
    Checker::say(
        &format!(
            "{prelude}
             (i32.store8 (i32.const 601) (i32.add (i32.const 48) (i32.load8_u (i32.const 2056))))
             (if (i32.load8_u (i32.const 2048)) (then
                 (i32.store (i32.const 2056) (i32.const 600))
                 (i32.store (i32.const 2060) (i32.const 2))))"
        ),
        "(i32.load (i32.const 2056))",
        "(i32.load (i32.const 2060))",
    )
    .body
}

fn filing_package(checker: &Checker) -> Package {
    let manifest = Manifest::parse(&checker.toml()).expect("a manifest");
    Package::read(attach(&checker.component(), &manifest).expect("a package")).expect("a good package")
}

/// A folder of packs, of which `codes` is one.
struct Shelf(tempfile::TempDir);

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("codes/deep")).expect("a pack");
        fs::write(folder.path().join("codes/icd.txt"), "E11.9").expect("a file");
        fs::write(folder.path().join("codes/deep/atc.txt"), "A10BA02").expect("a file");
        fs::write(folder.path().join("secret.txt"), "host.key").expect("a file");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn runtime(&self) -> Runtime {
        let packs = Some(Packs::open(self.path()).expect("packs"));
        Runtime::new(Options { calls: 8, packs, ..Options::default() }).expect("an engine")
    }
}

async fn file(runtime: &Runtime, checker: &Checker) -> (Arc<Plugin>, Said) {
    let package = filing_package(checker);
    let plugin = runtime.load(&package, &Grants::as_asked(package.manifest())).await.expect("loaded");
    let said = ask(runtime, &plugin, HostServices::default()).await;
    (plugin, said)
}

async fn filed(shelf: &Shelf, checker: Checker) -> String {
    let runtime = shelf.runtime();
    let (plugin, said) = file(&runtime, &checker).await;
    replays(&runtime, &plugin, &said.tape).await;
    said.outcome.expect("an answer")
}

#[tokio::test]
async fn packs_are_read_and_nothing_beside_them() {
    let shelf = Shelf::new();
    assert_eq!(filed(&shelf, pack_reader("icd.txt", 0, 100)).await, "E11.9");
    assert_eq!(filed(&shelf, pack_reader("deep/atc.txt", 3, 2)).await, "BA");
    assert_eq!(filed(&shelf, pack_reader("icd.txt", 99, 5)).await, "");
    assert_eq!(filed(&shelf, pack_reader("icd.txt", u64::MAX >> 1, 5)).await, "");
    let (not_found, invalid, too_large) = ("!0", "!1", "!2");
    assert_eq!(filed(&shelf, pack_reader("none.txt", 0, 1)).await, not_found);
    assert_eq!(filed(&shelf, pack_reader("deep", 0, 1)).await, not_found, "a folder");
    assert_eq!(filed(&shelf, pack_reader("icd.txt", 0, (4 << 20) + 1)).await, too_large);
    let long = "a/".repeat(128);
    for path in
        ["../secret.txt", "deep/../../secret.txt", "deep/../icd.txt", "/etc/passwd", "icd.txt\0", "", ".", &long]
    {
        assert_eq!(filed(&shelf, pack_reader(path, 0, 1)).await, invalid, "{path:?}");
    }
}

#[tokio::test]
async fn a_pack_is_named_by_its_content() {
    let shelf = Shelf::new();
    let digest = |runtime: Runtime| async move {
        // list<pack> at 2048; a pack is two strings, of which the second is said.
        let body = Checker::say(
            "(call $packs (i32.const 2048)) (local.set $i (i32.load (i32.const 2048)))
             (if (i32.ne (i32.const 1) (i32.load (i32.const 2052))) (then unreachable))",
            "(i32.load offset=8 (local.get $i))",
            "(i32.load offset=12 (local.get $i))",
        )
        .body;
        let (plugin, said) = file(&runtime, &filer(&body, "")).await;
        replays(&runtime, &plugin, &said.tape).await;
        assert!(said.tape.answers[0].answer.contains(said.outcome.as_deref().expect("a digest")));
        said.outcome.expect("a digest")
    };
    let first = digest(shelf.runtime()).await;
    assert_eq!(first.len(), 64);
    assert_eq!(digest(Shelf::new().runtime()).await, first, "the same on every host");
    fs::write(shelf.path().join("codes/icd.txt"), "E11.8").expect("a file");
    let second = digest(shelf.runtime()).await;
    assert_ne!(second, first);
    fs::rename(shelf.path().join("codes/icd.txt"), shelf.path().join("codes/ice.txt")).expect("renamed");
    assert_ne!(digest(shelf.runtime()).await, second);
}

#[tokio::test]
async fn a_changed_pack_is_seen_at_the_next_call_and_by_every_replay() {
    let shelf = Shelf::new();
    let runtime = shelf.runtime();
    let (plugin, said) = file(&runtime, &pack_reader("icd.txt", 0, 100)).await;
    replays(&runtime, &plugin, &said.tape).await;
    assert!(!said.tape.answers[0].answer.contains("E11"), "the content stays in the pack");
    fs::write(shelf.path().join("codes/icd.txt"), "I10.x").expect("a file");
    assert_eq!(ask(&runtime, &plugin, HostServices::default()).await.outcome.expect("an answer"), "I10.x");
    let report = runtime.replay(&plugin, &said.tape).await.expect("replayed");
    assert!(report.diverged && !report.identical, "{report:?}");
    fs::remove_dir_all(shelf.path().join("codes")).expect("removed");
    assert_eq!(ask(&runtime, &plugin, HostServices::default()).await.outcome.expect("an answer"), "!0");
    assert!(runtime.replay(&plugin, &said.tape).await.expect("replayed").diverged);
}

#[tokio::test]
async fn a_pack_with_a_link_in_it_is_none() {
    let shelf = Shelf::new();
    let package = filing_package(&pack_reader("link", 0, 100));
    let runtime = shelf.runtime();
    let grants = Grants::as_asked(package.manifest());
    let plugin = runtime.load(&package, &grants).await.expect("loaded");
    std::os::unix::fs::symlink("/etc/passwd", shelf.path().join("codes/link")).expect("a link");
    let error = runtime.load(&package, &grants).await.expect_err("refused");
    assert_eq!(error.code(), Code::PluginCapability);
    assert!(error.to_string().contains("`link`"), "{error}");
    assert_eq!(ask(&runtime, &plugin, HostServices::default()).await.outcome.expect("an answer"), "!0");

    // Nor is a pack that is a link itself.
    fs::rename(shelf.path().join("codes"), shelf.path().join("elsewhere")).expect("renamed");
    std::os::unix::fs::symlink("elsewhere", shelf.path().join("codes")).expect("a link");
    assert_eq!(runtime.load(&package, &grants).await.expect_err("refused").code(), Code::PluginCapability);
}

#[tokio::test]
async fn packs_and_scratch_are_granted_by_name_and_size() {
    let shelf = Shelf::new();
    let runtime = shelf.runtime();
    let package = filing_package(&pack_reader("icd.txt", 0, 100));
    let narrowed = Grants { packs: [].into(), ..Grants::as_asked(package.manifest()) };
    let plugin = runtime.load(&package, &narrowed).await.expect("loaded");
    assert_eq!(ask(&runtime, &plugin, HostServices::default()).await.outcome.expect("an answer"), "!0");
    // What is granted and not asked for is not given.
    let mut grants = Grants::as_asked(package.manifest());
    grants.packs.insert("elsewhere".into());
    assert!(runtime.load(&package, &grants).await.is_ok());
    // Without a folder of packs there is none to grant.
    let error = crate::fixtures::runtime().load(&package, &Grants::as_asked(package.manifest())).await;
    assert!(error.expect_err("refused").to_string().contains("has no `codes`"));
    must_be_granted(&package, "files").await;
}

/// Writes a file of so many bytes to scratch so many times, each under a name of
/// its own, and says how many were taken, and the case of the last error.
fn writer(size: u32, times: u32) -> Checker {
    let body = format!(
        "(local.set $i (i32.const 0))
         (block $done (loop $next
             (br_if $done (i32.eq (local.get $i) (i32.const {times})))
             (i32.store8 (i32.const 720) (i32.add (i32.const 97) (local.get $i)))
             (call $write (i32.const 720) (i32.const 3) (i32.const 65536) (i32.const {size}) (i32.const 2048))
             (br_if $done (i32.load8_u (i32.const 2048)))
             (local.set $i (i32.add (local.get $i) (i32.const 1)))
             (br $next)))
         (i32.store8 (i32.const 600) (i32.add (i32.const 48) (local.get $i)))
         (i32.store8 (i32.const 601) (i32.add (i32.const 48) (i32.load8_u (i32.const 2056))))"
    );
    filer(&Checker::say(&body, "(i32.const 600)", "(i32.const 2)").body, "a/b")
}

#[tokio::test]
async fn scratch_has_its_quota() {
    let shelf = Shelf::new();
    assert_eq!(filed(&shelf, writer(1000, 5)).await, "50");
    assert_eq!(filed(&shelf, writer(300 << 10, 5)).await, "32", "three of 300 KiB fit into a MiB");
    assert_eq!(filed(&shelf, writer((4 << 20) + 1, 1)).await, "02");
}

#[tokio::test]
async fn scratch_lasts_for_the_call() {
    let shelf = Shelf::new();
    let write = "(call $write (i32.const 720) (i32.const 3) (i32.const 700) (i32.const 5) (i32.const 2048))";
    let read = "(call $read-scratch (i32.const 720) (i32.const 3) (i64.const 1) (i32.const 9) (i32.const 2048))";
    let remove = |length: u32| format!("(call $remove (i32.const 720) (i32.const {length}) (i32.const 2048))");
    assert_eq!(filed(&shelf, filer(&said_piece(&format!("{write} {read}")), "a/b")).await, "odes");
    assert_eq!(filed(&shelf, filer(&said_piece(&format!("{write} {} {read}", remove(3))), "a/b")).await, "!0");
    assert_eq!(filed(&shelf, filer(&said_piece(&format!("{write} {} {read}", remove(1))), "a/b")).await, "!0");
    for path in ["../", "/ab", "..", "a\0b", ""] {
        let body = write.replace("(i32.const 3)", &format!("(i32.const {})", path.len()));
        assert_eq!(filed(&shelf, filer(&said_piece(&body), path)).await, "!1", "{path:?}");
    }
    // Two calls of one plugin: the second finds nothing of the first.
    let runtime = shelf.runtime();
    let body = format!("{read} (if (i32.eqz (i32.load8_u (i32.const 2048))) (then unreachable)) {write} {read}");
    let (plugin, first) = file(&runtime, &filer(&said_piece(&body), "a/b")).await;
    let second = ask(&runtime, &plugin, HostServices::default()).await;
    assert_eq!((first.outcome.expect("an answer"), second.outcome.expect("an answer")), ("odes".into(), "odes".into()));
    assert!(first.tape.answers.is_empty(), "it follows from what the guest did");
}

// --- WASI --------------------------------------------------------------------

const WASI: [&str; 4] = [
    "package wasi:io@0.2.6;
     interface poll { resource pollable { block: func(); } }
     interface error { resource error; }
     interface streams {
         use error.{error}; variant stream-error { last-operation-failed(own<error>), closed }
         resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
     }",
    "package wasi:clocks@0.2.6;
     interface monotonic-clock {
         use wasi:io/poll@0.2.6.{pollable};
         now: func() -> u64; subscribe-duration: func(d: u64) -> own<pollable>;
     }
     interface wall-clock {
         record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime;
     }",
    "package wasi:random@0.2.6;
     interface random { get-random-u64: func() -> u64; }
     interface insecure-seed { insecure-seed: func() -> tuple<u64, u64>; }",
    "package wasi:cli@0.2.6;
     interface exit { exit: func(status: result); }
     interface stderr { use wasi:io/streams@0.2.6.{output-stream}; get-stderr: func() -> own<output-stream>; }",
];

const WASI_CORE: &str = r#"(import "wasi:clocks/monotonic-clock@0.2.6" "now" (func $now (result i64)))
(import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $sleep (param i64) (result i32)))
(import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
(import "wasi:clocks/wall-clock@0.2.6" "now" (func $wall (param i32)))
(import "wasi:random/random@0.2.6" "get-random-u64" (func $random (result i64)))
(import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i32)))
(import "wasi:cli/stderr@0.2.6" "get-stderr" (func $stderr (result i32)))
(import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush" (func $print (param i32 i32 i32 i32)))"#;

/// A guest that says the number that `expression` leaves, in sixteen letters.
fn system(expression: &str) -> Package {
    let body = format!(
        "(i64.store (i32.const 2048) {expression})
         (local.set $i (i32.const 8))
         (loop $next
             (local.set $i (i32.sub (local.get $i) (i32.const 1)))
             (i32.store8 (i32.add (i32.const 600) (i32.mul (i32.const 2) (i32.sub (i32.const 7) (local.get $i))))
                 (i32.add (i32.const 97) (i32.shr_u (i32.load8_u offset=2048 (local.get $i)) (i32.const 4))))
             (i32.store8 (i32.add (i32.const 601) (i32.mul (i32.const 2) (i32.sub (i32.const 7) (local.get $i))))
                 (i32.add (i32.const 97) (i32.and (i32.load8_u offset=2048 (local.get $i)) (i32.const 15))))
             (br_if $next (local.get $i)))"
    );
    let mut checker = Checker::say(&body, "(i32.const 600)", "(i32.const 16)");
    checker.items = format!("{WASI_CORE}\n(data (i32.const 700) \"one\\0atwo\")");
    let imports = [
        "clocks/monotonic-clock",
        "clocks/wall-clock",
        "random/random",
        "cli/exit",
        "cli/stderr",
        "io/poll",
        "io/error",
        "io/streams",
    ];
    let imports: String = imports.iter().map(|name| format!("import wasi:{name}@0.2.6;\n")).collect();
    let world = format!("{imports} export xinglin:prescribing/review@1.0.0;");
    let (resolve, _, world) = resolve(|text| text, &WASI, &world);
    let component = component(&checker.core(), &resolve, world);
    let manifest = Manifest::parse(&toml("[capabilities.wasi]\n[limits]\ndeadline-ms = 300")).expect("a manifest");
    Package::read(attach(&component, &manifest).expect("a package")).expect("a good package")
}

async fn called(package: &Package, services: HostServices) -> Said {
    let runtime = runtime();
    let plugin = runtime.load(package, &Grants::as_asked(package.manifest())).await.expect("loaded");
    let said = ask(&runtime, &plugin, services).await;
    if !matches!(said.tape.output, Output::Failed(code) if !code.is_deterministic()) {
        replays(&runtime, &plugin, &said.tape).await;
    }
    said
}

/// The number that was said.
async fn number(expression: &str) -> u64 {
    let letters = called(&system(expression), HostServices::default()).await.outcome.expect("an answer");
    letters.bytes().fold(0, |sum, letter| sum << 4 | u64::from(letter - b'a'))
}

#[tokio::test]
async fn the_wall_clock_stands_at_the_moment_of_the_call() {
    let seconds = number("(call $wall (i32.const 3000)) (i64.load (i32.const 3000))").await;
    assert_eq!(Some(seconds), u64::try_from(now().micros() / 1_000_000).ok());
    assert_ne!(context().now, Instant::from_micros(0));
}

#[tokio::test]
async fn who_sleeps_wakes_at_once_and_later() {
    let started = std::time::Instant::now();
    let hour = 3_600_000_000_000_u64;
    let slept = format!(
        "(i64.sub (i64.const 0) (call $now)) (call $block (call $sleep (i64.const {hour}))) (call $now) (i64.add)"
    );
    let slept = number(&slept).await;
    assert!((hour..hour + 1_000_000).contains(&slept), "{slept}");
    assert!(started.elapsed().as_secs() < 60);
    // A loop until the clock has gone on ends, for the clock counts how often it is asked.
    let until = "(loop $again (br_if $again (i64.lt_u (call $now) (i64.const 1000000)))) (i64.const 7)";
    assert_eq!(number(until).await, 7);
    // One until the wall clock has gone on does not, and runs into its deadline.
    let for_ever = "(loop $again (call $wall (i32.const 3000)) (br $again)) (i64.const 7)";
    let failure = called(&system(for_ever), HostServices::default()).await.outcome.expect_err("stopped");
    assert_eq!(failure.code, FailureCode::Fuel);
}

#[tokio::test]
async fn the_system_s_dice_are_those_of_the_call() {
    let package = system("(call $random)");
    let seeded = async |seed: u8| called(&package, HostServices { seed: [seed; 32], ..HostServices::default() }).await;
    let first = seeded(1).await;
    assert_eq!(first.tape.answers[0].import, "random.seed");
    let letters = first.outcome.expect("an answer");
    assert_eq!(letters, seeded(1).await.outcome.expect("an answer"));
    assert_ne!(letters, seeded(2).await.outcome.expect("an answer"));
    must_be_granted(&package, "wasi").await;
}

#[tokio::test]
async fn what_is_printed_is_logged_and_who_exits_has_failed() {
    let print = "(call $print (call $stderr) (i32.const 700) (i32.const 7) (i32.const 3000))";
    let said = called(&system(&format!("{print} {print} (i64.const 0)")), HostServices::default()).await;
    let lines: Vec<String> = said.log.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["warn: one", "warn: twoone", "warn: two"]);
    assert!(said.tape.answers.is_empty());

    let said =
        called(&system(&format!("{print} (call $exit (i32.const 1)) (i64.const 0)")), HostServices::default()).await;
    let failure = said.outcome.expect_err("gone");
    assert_eq!(failure.code, FailureCode::Trap);
    assert!(failure.message.contains("exit status 1"), "{failure}");
    assert_eq!(failure.log.len(), 2, "{failure}");
}

const WASI_FILES: &str = "package wasi:filesystem@0.2.6;
     interface types {
         enum error-code {
             access, would-block, already, bad-descriptor, busy, deadlock, quota, exist, file-too-large,
             illegal-byte-sequence, in-progress, interrupted, invalid, io, is-directory, loop, too-many-links,
             message-size, name-too-long, no-device, no-entry, no-lock, insufficient-memory, insufficient-space,
             not-directory, not-empty, not-recoverable, unsupported, no-tty, no-such-device, overflow, not-permitted,
             pipe, read-only, invalid-seek, text-file-busy, cross-device,
         }
         flags path-flags { symlink-follow }
         flags open-flags { create, directory, exclusive, truncate }
         flags descriptor-flags {
             read, write, file-integrity-sync, data-integrity-sync, requested-write-sync, mutate-directory,
         }
         resource descriptor {
             write: func(buffer: list<u8>, offset: u64) -> result<u64, error-code>;
             open-at: func(path-flags: path-flags, path: string, open-flags: open-flags, %flags: descriptor-flags)
                 -> result<own<descriptor>, error-code>;
         }
     }
     interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<own<descriptor>, string>>; }";

const WASI_FILES_CORE: &str = r#"(import "wasi:filesystem/preopens@0.2.6" "get-directories" (func $folders (param i32)))
(import "wasi:filesystem/types@0.2.6" "[method]descriptor.open-at" (func $open (param i32 i32 i32 i32 i32 i32 i32)))
(import "wasi:filesystem/types@0.2.6" "[method]descriptor.write" (func $write (param i32 i32 i32 i64 i32)))"#;

/// Opens a path of the pack (folder 0) or of scratch (folder 1), and then does as
/// `then` says. Says what is left at 600: two characters.
fn wasi_filer(folder: u32, path: &str, create: u32, write: u32, then: &str) -> Package {
    let body = format!(
        "(call $folders (i32.const 3000))
         (call $open (i32.load offset={} (i32.load (i32.const 3000))) (i32.const 1) (i32.const 720) (i32.const {})
             (i32.const {create}) (i32.const {}) (i32.const 2048))
         (i32.store8 (i32.const 600) (i32.add (i32.const 48) (i32.load8_u (i32.const 2048))))
         (i32.store8 (i32.const 601) (select (i32.add (i32.const 65) (i32.load8_u (i32.const 2052))) (i32.const 48)
             (i32.load8_u (i32.const 2048))))
         {then}",
        folder * 12,
        path.len(),
        1 + 2 * write,
    );
    let escaped: String = path.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let mut checker = Checker::say(&body, "(i32.const 600)", "(i32.const 2)").pages(8);
    checker.items = format!("{WASI_FILES_CORE}\n(data (i32.const 720) \"{escaped}\")");
    let world = "import wasi:filesystem/types@0.2.6; import wasi:filesystem/preopens@0.2.6;
                 export xinglin:prescribing/review@1.0.0;";
    let (resolve, _, world) = resolve(|text| text, &[WASI_FILES], world);
    let component = component(&checker.core(), &resolve, world);
    let asked = "[capabilities.wasi]\n[capabilities.files]\npacks = [\"codes\"]\nscratch-kib = 1024";
    let manifest = Manifest::parse(&toml(asked)).expect("a manifest");
    Package::read(attach(&component, &manifest).expect("a package")).expect("a good package")
}

async fn opened(shelf: &Shelf, package: &Package) -> Said {
    let runtime = shelf.runtime();
    let plugin = runtime.load(package, &Grants::as_asked(package.manifest())).await.expect("loaded");
    let said = ask(&runtime, &plugin, HostServices::default()).await;
    replays(&runtime, &plugin, &said.tape).await;
    said
}

#[tokio::test]
async fn an_interpreter_opens_what_was_granted_and_nothing_beside_it() {
    const PACK: u32 = 0;
    const SCRATCH: u32 = 1;
    const NOT_PERMITTED: &str = "1`";
    const READ_ONLY: &str = "1b";
    const NO_ENTRY: &str = "1U";
    let shelf = Shelf::new();
    let long = "a/".repeat(128);
    for (folder, path, create, write, said) in [
        (PACK, "icd.txt", 0, 0, "00"),
        (PACK, "deep/../icd.txt", 0, 0, "00"),
        (PACK, ".", 0, 0, "00"),
        (PACK, "none", 0, 0, NO_ENTRY),
        (PACK, "icd.txt/none", 0, 0, NO_ENTRY),
        (PACK, "../secret.txt", 0, 0, NOT_PERMITTED),
        (PACK, "deep/../../secret.txt", 0, 0, NOT_PERMITTED),
        (PACK, "/etc/passwd", 0, 0, NOT_PERMITTED),
        (PACK, "icd.txt\0", 0, 0, NOT_PERMITTED),
        (PACK, &long, 0, 0, NOT_PERMITTED),
        (PACK, "icd.txt", 0, 1, READ_ONLY),
        (PACK, "new.txt", 1, 0, READ_ONLY),
        (PACK, "icd.txt", 8, 0, READ_ONLY),
        (SCRATCH, "a", 0, 0, NO_ENTRY),
        (SCRATCH, "a", 1, 1, "00"),
        (SCRATCH, "no/a", 1, 1, NO_ENTRY),
        (SCRATCH, "../packs/codes/icd.txt", 0, 0, NOT_PERMITTED),
        (SCRATCH, "../a", 1, 1, NOT_PERMITTED),
    ] {
        let said_now = opened(&shelf, &wasi_filer(folder, path, create, write, "")).await;
        assert_eq!(said_now.outcome.expect("an answer"), said, "{folder} {path:?}");
        assert_eq!(said_now.tape.answers[0].import, "wasi.packs");
    }
}

#[tokio::test]
async fn an_interpreter_writes_as_much_as_was_granted() {
    let shelf = Shelf::new();
    // 64 KiB after 64 KiB, until one is refused; says how many went in, and why not more.
    let fill = "(block $done (loop $next
             (call $write (i32.load (i32.const 2052)) (i32.const 4096) (i32.const 65536)
                 (i64.mul (i64.const 65536) (i64.extend_i32_u (local.get $i))) (i32.const 4000))
             (br_if $done (i32.load8_u (i32.const 4000)))
             (local.set $i (i32.add (local.get $i) (i32.const 1)))
             (br_if $next (i32.lt_u (local.get $i) (i32.const 60)))))
         (i32.store8 (i32.const 600) (i32.add (i32.const 48) (local.get $i)))
         (i32.store8 (i32.const 601) (i32.add (i32.const 65) (i32.load8_u (i32.const 4008))))";
    let said = opened(&shelf, &wasi_filer(1, "a", 1, 1, fill)).await.outcome.expect("an answer");
    assert_eq!(said, "?X", "fifteen went in, and then there was no space");
    // A file with a hole in it counts as long as it is.
    let hole = "(call $write (i32.load (i32.const 2052)) (i32.const 4096) (i32.const 1) (i64.const 9223372036854775806)
             (i32.const 4000))
         (i32.store8 (i32.const 600) (i32.add (i32.const 48) (i32.load8_u (i32.const 4000))))
         (i32.store8 (i32.const 601) (i32.add (i32.const 65) (i32.load8_u (i32.const 4008))))";
    assert_eq!(opened(&shelf, &wasi_filer(1, "a", 1, 1, hole)).await.outcome.expect("an answer"), "1X");
}

#[tokio::test]
async fn a_replay_of_an_interpreter_with_another_pack_diverges() {
    let shelf = Shelf::new();
    let package = wasi_filer(0, "icd.txt", 0, 0, "");
    let runtime = shelf.runtime();
    let plugin = runtime.load(&package, &Grants::as_asked(package.manifest())).await.expect("loaded");
    let tape = ask(&runtime, &plugin, HostServices::default()).await.tape;
    fs::write(shelf.path().join("codes/icd.txt"), "I10.x").expect("a file");
    assert!(runtime.replay(&plugin, &tape).await.expect("replayed").diverged);
}

#[test]
fn the_sheet_of_an_interpreter_says_what_it_is() {
    let sheet = system("(i64.const 0)").sheet();
    let english = |items: &[xinglin_runtime::Item]| {
        items.iter().map(|item| item.text.get("en").to_owned()).collect::<Vec<_>>().join("\n")
    };
    assert!(english(&sheet.can).contains("system calls of an interpreter"), "{}", english(&sheet.can));
    assert!(english(&sheet.can).contains("no network"));
    assert!(!english(&sheet.cannot).contains("interpreter"));
    let filing = filing_package(&pack_reader("icd.txt", 0, 1)).sheet();
    assert!(english(&filing.can).contains("the data pack `codes`"), "{}", english(&filing.can));
    assert!(english(&filing.can).contains("1024 KiB"));
    assert!(english(&filing.cannot).contains("system calls of an interpreter"));
}
