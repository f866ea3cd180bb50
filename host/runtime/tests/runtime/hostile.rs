//! Packages made to hurt whoever reads them: each bound is tripped, and garbage
//! of every kind is refused in bounded time and memory.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
    time::{Duration, Instant},
};

use arbitrary::Unstructured;
use xinglin_domain::code::Code;
use xinglin_runtime::{Bundle, Grants, Manifest, Package, PluginError, attach};

use crate::fixtures::{Checker, runtime, toml};

// --- a little encoder -------------------------------------------------------------

fn leb(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [leb(bytes.len() as u64), bytes.to_vec()].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], sized(content)].concat()
}

/// A section of so many equal items.
fn many(id: u8, count: usize, item: &[u8]) -> Vec<u8> {
    section(id, &[leb(count as u64), item.repeat(count)].concat())
}

fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}

fn component(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0".to_vec(), sections.concat()].concat()
}

/// A component of one core module.
fn around(sections: &[Vec<u8>]) -> Vec<u8> {
    component(&[section(1, &module(sections))])
}

/// One function type, one function of it, with this body after its locals.
fn function(ty: &[u8], locals: &[u8], body: &[u8]) -> Vec<u8> {
    let code = sized(&[locals, body, &[0x0b]].concat());
    around(&[many(1, 1, ty), many(3, 1, &[0]), section(10, &[leb(1), code].concat())])
}

const NOTHING: [u8; 3] = [0x60, 0, 0];
const NO_LOCALS: [u8; 1] = [0];

fn name(length: usize) -> Vec<u8> {
    sized(&vec![b'x'; length])
}

/// Takes and gives so many `i32`.
fn signature(params: usize, results: usize) -> Vec<u8> {
    [vec![0x60], sized(&vec![0x7f; params]), sized(&vec![0x7f; results])].concat()
}

fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(component(&[]), |inner, _| component(&[section(4, &inner)]))
}

fn custom(text: &[u8]) -> Vec<u8> {
    section(0, &sized(text))
}

/// What, the bytes, and which bound it trips.
fn bombs() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let type_section = many(1, 1, &NOTHING);
    let data = [0x01, 0x00];
    // Passive, of function indices.
    let elements = |count: usize| [vec![0x01, 0x00], leb(count as u64), vec![0; count]].concat();
    let outer_export = [vec![0x00], name(1), vec![0x00, 0x11, 0x00, 0x00]].concat();
    let br_table = [vec![0x41, 0, 0x0e], leb(70_000), vec![0; 70_001]].concat();
    let loops = |count: usize| [0x03, 0x40, 0x0b].repeat(count);
    let locals = |count: u64| [vec![1], leb(count), vec![0x7f]].concat();
    // `i32.const 0` and `drop`.
    let waiting = |count: usize, body: Vec<u8>| [[0x41, 0].repeat(count), body, vec![0x1a; count]].concat();
    let dozen = {
        let body = sized(&[locals(1_000), loops(4_000), vec![0x0b]].concat());
        vec![type_section.clone(), many(3, 12, &[0]), section(10, &[leb(12), body.repeat(12)].concat())]
    };
    let large_functions = {
        let body = sized(&[vec![0], vec![0x01; 500 << 10], vec![0x0b]].concat());
        vec![type_section.clone(), many(3, 70, &[0]), section(10, &[leb(70), body.repeat(70)].concat())]
    };
    let core_import = [name(1), name(1), vec![0x00, 0x00]].concat();
    let core_export = |length| [name(length), vec![0x00, 0x00]].concat();
    vec![
        ("10,000 exports", around(&[many(7, 10_000, &core_export(4))]), "exports"),
        ("10,000 imports", around(&[type_section.clone(), many(2, 10_000, &core_import)]), "imports"),
        ("a giant name", around(&[many(7, 1, &core_export(5_000))]), "bytes in one name"),
        ("a giant name of a section", component(&[custom(&[b'x'; 5_000])]), "bytes in one name"),
        (
            "4 GiB of memory",
            around(&[section(5, &[leb(1), vec![0], leb(65_536)].concat())]),
            "bytes of memory at the start",
        ),
        ("many memories", around(&[many(5, 50, &[vec![0], leb(100)].concat())]), "bytes of memory at the start"),
        (
            "a huge table",
            around(&[section(4, &[leb(1), vec![0x70, 0x00], leb(10_000_000)].concat())]),
            "table elements at the start",
        ),
        ("100 tables", around(&[many(4, 100, &[0x70, 0x00, 0x01])]), "tables"),
        ("20,000 data segments", around(&[many(11, 20_000, &data)]), "data segments"),
        ("a data count of 100,000", around(&[section(12, &leb(100_000))]), "data segments"),
        ("10,000 element segments", around(&[many(9, 10_000, &elements(0))]), "element segments"),
        ("100,000 elements", around(&[many(9, 1, &elements(100_000))]), "elements in segments"),
        ("100,000 functions", around(&[type_section.clone(), many(3, 100_000, &[0])]), "functions"),
        ("40,000 globals", around(&[many(6, 40_000, &[0x7f, 0x00, 0x41, 0x00, 0x0b])]), "globals"),
        ("40,000 types", around(&[many(1, 40_000, &NOTHING)]), "types"),
        ("3 MiB of types", around(&[many(1, 30_000, &signature(100, 0))]), "bytes of types"),
        ("1,000 parameters", around(&[many(1, 1, &signature(1_000, 0))]), "parameters of one function"),
        ("1,000 results", around(&[many(1, 1, &signature(0, 1_000))]), "results of one function"),
        ("20,000 locals in three bytes", function(&NOTHING, &locals(20_000), &[]), "locals in one function"),
        ("a giant function", function(&NOTHING, &NO_LOCALS, &vec![0x01; 1_100 << 10]), "bytes in one function"),
        ("35 MiB of code", around(&large_functions), "bytes of code"),
        (
            "5,000 blocks in blocks",
            function(&NOTHING, &NO_LOCALS, &[[0x02, 0x40].repeat(5_000), vec![0x0b; 5_000]].concat()),
            "blocks in blocks in one function",
        ),
        (
            "a branch table of 70,000",
            function(&NOTHING, &NO_LOCALS, &br_table),
            "targets of branch tables in one function",
        ),
        (
            "2,000 locals over 5,000 loops",
            function(&NOTHING, &locals(2_000), &loops(5_000)),
            "values carried over branches in one function",
        ),
        (
            "2,000 values waiting over 5,000 loops",
            function(&NOTHING, &NO_LOCALS, &waiting(2_000, loops(5_000))),
            "values carried over branches in one function",
        ),
        ("12 functions of four million values each", around(&dozen), "values carried over branches"),
        ("components in components", nested(20), "levels of components in components"),
        (
            "200 modules",
            component(&section(1, &module(&[])).repeat(200).chunks(1).map(<[u8]>::to_vec).collect::<Vec<_>>()),
            "modules and components",
        ),
        ("1,000 custom sections", component(&vec![custom(b"x"); 1_000]), "custom sections"),
        ("5,000 sections", component(&vec![many(7, 0, &[]); 5_000]), "sections"),
        ("1,000 core instances", component(&[many(2, 1_000, &[0x01, 0x00])]), "instances"),
        ("1,000 instances", component(&[many(5, 1_000, &[0x01, 0x00])]), "instances"),
        ("20,000 aliases", component(&[many(6, 20_000, &[0x03, 0x02, 0x00, 0x00])]), "aliases"),
        ("10,000 resources dropped", component(&[many(8, 10_000, &[0x03, 0x00])]), "lifted and lowered functions"),
        (
            "300 exports of the component",
            component(&[many(11, 300, &outer_export)]),
            "imports and exports of the component",
        ),
        (
            "40,000 types within one",
            component(&[section(7, &[vec![1, 0x42], leb(40_000), [0x01, 0x7f].repeat(40_000)].concat())]),
            "types",
        ),
    ]
}

fn packed(component: &[u8]) -> Vec<u8> {
    attach(component, &Manifest::parse(&toml("")).expect("a manifest")).expect("attached")
}

/// How long anything may take to be refused. It takes milliseconds; the rest is
/// for busy machines.
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn each_bound_is_kept() {
    for (what, component, expected) in bombs() {
        let bytes = packed(&component);
        let started = Instant::now();
        let error = Package::read(bytes).map(|_| ()).expect_err(what);
        assert!(started.elapsed() < PATIENCE, "{what}: {:?}", started.elapsed());
        assert_eq!(error.code(), Code::PluginInvalid, "{what}: {error}");
        match error {
            PluginError::TooMuch { what: bound, found, limit } => {
                assert_eq!(bound, expected, "{what}");
                assert!(found > limit, "{what}: {found} of {limit}");
            }
            other => panic!("{what}: {other}"),
        }
    }
}

#[test]
fn types_that_grow_when_they_are_unfolded_are_refused() {
    // Each is a tuple of the one before, twice: 2^40 fields in 200 bytes.
    let doubled = |n: u64| [vec![0x6f, 0x02], leb(n), leb(n)].concat();
    let mut types = vec![0x7d];
    for n in 0..40 {
        types.extend(doubled(n));
    }
    let tuples = component(&[section(7, &[leb(41), types].concat())]);
    // A type within a type within a type, a thousand times, and more often than any
    // stack has room for.
    let deep = |times: usize, kind: u8| {
        let types = [vec![1], [kind, 0x01, 0x01].repeat(times), vec![0x7f]].concat();
        component(&[section(7, &types)])
    };
    let depths =
        [("depth", deep(1_000, 0x42)), ("bottomless", deep(600_000, 0x42)), ("components", deep(600_000, 0x41))];
    for (what, component) in [("tuples", tuples)].into_iter().chain(depths) {
        let started = Instant::now();
        let error = Package::read(packed(&component)).map(|_| ()).expect_err(what);
        assert!(matches!(error, PluginError::Corrupt(_)), "{what}: {error}");
        assert!(started.elapsed() < PATIENCE, "{what}: {:?}", started.elapsed());
    }
}

#[test]
fn a_manifest_is_one_and_small() {
    let good = Checker::allow().component();
    let section = |size: usize| {
        let json = format!("{{\"id\":\"{}\"}}", "x".repeat(size));
        self::section(0, &[sized(b"xinglin:manifest"), json.into_bytes()].concat())
    };
    let code = |bytes: Vec<u8>| Package::read(bytes).map(|_| ()).expect_err("refused");
    assert!(matches!(code([good.clone(), section(65 << 10)].concat()), PluginError::TooLarge { .. }));
    assert!(code([packed(&good), section(10)].concat()).to_string().contains("more than one"));
    // In a nested module it is somebody else's, and no manifest of ours.
    let inner = component(&[self::section(1, &module(&[section(10)]))]);
    assert!(code([good, inner[8..].to_vec()].concat()).to_string().contains("carries none"));
}

/// What the bounds let through is compiled in seconds: one function as costly as
/// may be, of locals that live over many branches. Without the bound on that, a
/// function of 280 KB took half a minute, and one of 300 KB with waiting values more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_costliest_function_is_compiled_in_seconds() {
    let (locals, blocks) = (500, 2_500);
    let body: String = (0..blocks)
        .map(|n| {
            let (a, b, c) = (n % locals, (n * 7 + 3) % locals, (n * 13 + 5) % locals);
            format!(
                "(block (block (br_table 0 1 0 1 (local.get $l{a}))) \
                 (local.set $l{b} (i32.add (i32.mul (local.get $l{c}) (local.get $l{a})) (i32.const {n})))) "
            )
        })
        .collect();
    let declared: String = (0..locals).map(|n| format!("(local $l{n} i32)")).collect();
    let function = |count: usize| {
        let body = body.repeat(count);
        let items = format!("(func (export \"nasty\") (result i32) {declared} {body} (local.get $l0))");
        let checker = Checker::allow().items(&items);
        Package::read(attach(&checker.component(), &Manifest::parse(&checker.toml()).expect("one")).expect("packed"))
    };
    assert!(matches!(function(2), Err(PluginError::TooMuch { .. })), "it is close to the bound");
    let package = function(1).expect("within the bound");
    let started = Instant::now();
    runtime().load(&package, &Grants::as_asked(package.manifest())).await.expect("loaded");
    let took = started.elapsed();
    println!("{} bytes compiled in {took:?}", package.bytes().len());
    assert!(took < Duration::from_secs(60), "{took:?}");
}

// --- garbage ------------------------------------------------------------------------

/// xorshift64*: the same garbage in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("small")
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(length).collect()
    }
}

/// One case: what it is, and its bytes.
fn garbage(kind: usize, dice: &mut Dice, real: &[Vec<u8>], bundle: &[u8]) -> (&'static str, Vec<u8>) {
    let flipped = |dice: &mut Dice, bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        for _ in 0..=dice.below(4) {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        bytes
    };
    let original = &real[dice.below(real.len())];
    match kind {
        0 => ("bits flipped", flipped(dice, original)),
        1 => ("cut short", original[..dice.below(original.len())].to_vec()),
        2 => {
            let (from, to) = (dice.below(original.len()), dice.below(original.len()));
            let length = dice.below(64).min(original.len() - from.max(to));
            let mut bytes = original.clone();
            bytes.copy_within(from..from + length, to);
            ("a piece copied", bytes)
        }
        3 => (
            "noise",
            [b"\0asm\x0d\0\x01\0".to_vec(), {
                let n = dice.below(600);
                dice.bytes(n)
            }]
            .concat(),
        ),
        4 | 5 => {
            let seed = dice.bytes(2_048);
            let mut seed = Unstructured::new(&seed);
            let made = match kind {
                4 => wasm_smith::Module::new(wasm_smith::Config::default(), &mut seed)
                    .map(|module| component(&[section(1, &module.to_bytes())])),
                _ => wasm_smith::Component::new(wasm_smith::Config::default(), &mut seed).map(|c| c.to_bytes()),
            };
            let bytes = made.ok().and_then(|c| attach(&c, &Manifest::parse(&toml("")).expect("a manifest")).ok());
            ("made by wasm-smith", bytes.unwrap_or_default())
        }
        _ => ("a bundle with bits flipped", flipped(dice, bundle)),
    }
}

/// Runs in a process of its own, so that its memory can be measured.
#[test]
#[ignore = "runs as a child of garbage_is_refused_in_bounded_time_and_memory"]
fn reads_garbage() {
    const CASES: usize = 2_100;
    let mut dice = Dice(0x5eed_f00d_cafe);
    let compat = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/compat/drug-safety-0.1-wit-1.0.0.wasm");
    let small = Checker::allow().package().bytes().to_vec();
    let large = std::fs::read(compat).expect("a frozen plugin");
    // A large one costs fifty times as much: one in eight.
    let mut real = vec![small; 7];
    real.push(large);
    let bundle = Bundle::unsigned(real[0].clone()).to_bytes().expect("a bundle");
    let (mut taken, mut slowest) = (0, Duration::ZERO);
    for case in 0..CASES {
        let (what, bytes) = garbage(case % 7, &mut dice, &real, &bundle);
        let started = Instant::now();
        let read = catch_unwind(AssertUnwindSafe(|| match Bundle::read(&bytes) {
            Ok(bundle) => Package::read(bundle.component).is_ok(),
            Err(_) => Package::read(bytes.clone()).is_ok(),
        }));
        let took = started.elapsed();
        assert!(read.is_ok(), "case {case}, {what}, panicked");
        assert!(took < PATIENCE, "case {case}, {what}, took {took:?}");
        taken += usize::from(read.unwrap_or(false));
        slowest = slowest.max(took);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    println!("cases {CASES} taken {taken} slowest {slowest:?}\npeak {}", peak.trim());
}

#[test]
fn garbage_is_refused_in_bounded_time_and_memory() {
    let child = Command::new(std::env::current_exe().expect("a program"))
        .args(["--ignored", "--exact", "--nocapture", "hostile::reads_garbage"])
        .output()
        .expect("it starts");
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{output}\n{}", String::from_utf8_lossy(&child.stderr));
    println!("{output}");
    let peak = output.lines().find_map(|line| line.strip_prefix("peak ")).and_then(|line| line.strip_suffix(" kB"));
    let peak: u64 = peak.and_then(|kib| kib.trim().parse().ok()).expect("its peak");
    assert!(peak > 0 && peak < 300 << 10, "{peak} KiB");
}
