//! Plugins generated from text, most of them faulty. No WebAssembly toolchain is needed: they use
//! the canonical ABI. `review` returns a pointer to a `result<verdict, error>`: sixteen zero bytes
//! are `ok(allow)`, and `1, _, _, _, 2, _, _, _, pointer, length` is `err(other(text))`.

use std::{fs, path::Path};

use serde_json::{Value, json};
use wit_component::{StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, SourceMap, WorldId};
use xinglin_runtime::{Manifest, attach, componentize};

use super::Client;

/// The allocator of the guests, which never frees.
const ALLOCATOR: &str = r#"(global $top (mut i32) (i32.const 131072))
    (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
        (global.set $top (i32.add (local.get $at) (local.get $size)))
        (local.get $at))"#;

/// The published packages, dependencies first.
const PACKAGES: [&str; 10] = [
    "types",
    "clinical",
    "host",
    "pathway",
    "pathway-1.1",
    "prescribing",
    "payment",
    "payment-1.1",
    "identity",
    "panel",
];

const REVIEW: &str = "xinglin:prescribing/review@1.0.0";

/// A checker of prescriptions.
#[derive(Clone)]
pub struct Guest {
    pub id: &'static str,
    /// Body of `review`.
    body: &'static str,
    /// Functions, tables and the like.
    items: &'static str,
    /// Core imports with the WIT imports behind them.
    imports: &'static [(&'static str, &'static str)],
    /// Further lines of the manifest.
    tail: &'static str,
    version: &'static str,
}

impl Guest {
    pub const fn new(id: &'static str, body: &'static str) -> Self {
        Self { id, body, items: "", imports: &[], tail: "[limits]\ndeadline-ms = 5000", version: "1.0.0" }
    }

    /// Has no findings.
    pub const fn healthy() -> Self {
        Self::new("test.healthy", "i32.const 1024")
    }

    /// Gives no verdict.
    pub const fn undecided() -> Self {
        Self::new(
            "test.healthy",
            "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1028) (i32.const 2)) (i32.const 1024)",
        )
    }

    pub const fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    pub const fn items(mut self, items: &'static str) -> Self {
        self.items = items;
        self
    }

    pub const fn imports(mut self, imports: &'static [(&'static str, &'static str)]) -> Self {
        self.imports = imports;
        self
    }

    /// Further lines of its manifest: capabilities and limits.
    pub const fn manifest(mut self, tail: &'static str) -> Self {
        self.tail = tail;
        self
    }

    /// The core module.
    pub fn core(&self) -> Vec<u8> {
        wat::parse_str(self.text()).expect("valid text")
    }

    fn text(&self) -> String {
        let imports: String = self.imports.iter().map(|(core, _)| format!("{core}\n")).collect();
        let Self { items, body, .. } = self;
        format!(
            r#"(module
                {imports}
                (memory (export "memory") 80)
                {ALLOCATOR}
                {items}
                (func (export "{REVIEW}#review") (param i32) (result i32) {body}))"#
        )
    }

    pub fn component(&self) -> Vec<u8> {
        self.component_of(|text| text)
    }

    /// The component, built against a contract changed by `edit`.
    pub fn component_of(&self, edit: impl Fn(String) -> String) -> Vec<u8> {
        let imports: String = self.imports.iter().map(|(_, wit)| format!("import {wit};\n")).collect();
        let (resolve, world) = world(&edit, &edit(format!("{imports} export {REVIEW};")));
        let mut module = wat::parse_str(edit(self.text())).expect("valid text");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
        componentize(&module).expect("a component")
    }

    /// A component with this guest's manifest.
    pub fn packed(&self, component: &[u8]) -> Vec<u8> {
        packed(component, self.id, self.version, self.tail)
    }

    pub fn package(&self) -> Vec<u8> {
        self.packed(&self.component())
    }

    /// Its package with another version than 1.0.0.
    pub fn package_of(&self, version: &str) -> Vec<u8> {
        packed(&self.component(), self.id, version, self.tail)
    }

    /// Adds it to a host and enables it in a tenant.
    pub async fn enable(&self, operator: &Client, tenant: &str) -> Value {
        operator.upload(self.package()).await.done("/api/v1/plugins");
        operator.put(&self.path(tenant), json!({})).await;
        operator.post(&format!("{}/enable", self.path(tenant)), json!(null)).await
    }

    /// Its path in a tenant.
    pub fn path(&self, tenant: &str) -> String {
        format!("/api/v1/tenants/{tenant}/plugins/{}", self.id)
    }
}

/// The contract, changed by `edit`, with a world with this body.
fn world(edit: impl Fn(String) -> String, body: &str) -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    // A world of earlier packages only has none of two versions.
    for package in PACKAGES.into_iter().filter(|package| !package.ends_with("-1.1") || body.contains("@1.1.0")) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit").join(package);
        let mut sources = SourceMap::new();
        for file in fs::read_dir(folder).expect("a package").flatten() {
            sources.push(&file.path(), edit(fs::read_to_string(file.path()).expect("text")));
        }
        let parsed = sources.parse().unwrap_or_else(|_| panic!("{package} is not valid WIT"));
        resolve.push_group(parsed).expect("valid WIT");
    }
    // An interface that the host does not have.
    let wizardry = "package acme:magic@0.1.0; interface wand { wave: func(); }";
    resolve.push_str("magic.wit", wizardry).expect("valid WIT");
    let text = format!("package test:guest;\nworld guest {{\n{body}\n}}");
    let package = resolve.push_str("guest.wit", &text).expect("a valid world");
    let world = resolve.select_world(&[package], Some("guest")).expect("the world");
    (resolve, world)
}

fn packed(component: &[u8], id: &str, version: &str, tail: &str) -> Vec<u8> {
    let manifest = format!(
        "id = \"{id}\"\nversion = \"{version}\"\npublisher = \"Test\"\nlicence = \"Apache-2.0\"\n\
         name = {{ zh-CN = \"测试\", en = \"Test\" }}\n{tail}"
    );
    attach(component, &Manifest::parse(&manifest).expect("a manifest")).expect("a package")
}

/// A verifier with these bodies. `verify-person` has its claim in locals 0 to 14 and the time in
/// 15, `verify-credential` all in memory at local 0. Both return a pointer to a `result<outcome,
/// error>`, of which forty zero bytes are `verified` to the level `basic`, without an end; `req-7`
/// is at 2048.
pub fn verifier(id: &str, person: &str, credential: &str) -> Vec<u8> {
    const VERIFIER: &str = "xinglin:identity/verifier@1.0.0";
    let (resolve, world) = world(|text| text, &format!("export {VERIFIER};"));
    let text = format!(
        r#"(module
            (memory (export "memory") 4)
            (data (i32.const 2048) "req-7")
            (global $top (mut i32) (i32.const 131072))
            (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
                (global.set $top (i32.add (local.get $at) (local.get $size)))
                (local.get $at))
            (func (export "{VERIFIER}#verify-person")
                (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32) {person})
            (func (export "{VERIFIER}#verify-credential") (param i32) (result i32) {credential}))"#
    );
    let mut module = wat::parse_str(text).expect("valid text");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
    packed(&componentize(&module).expect("a component"), id, "1.0.0", "")
}

/// A package that exports an interface in which every function panics.
pub fn broken(id: &str, version: &str, interface: &str) -> Vec<u8> {
    let (resolve, world) = world(|text| text, &format!("export {interface};"));
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
    packed(&componentize(&module).expect("a component"), id, version, "")
}

/// What a function of a payer does.
#[derive(Clone)]
pub enum Does {
    /// Panics.
    Panic,
    /// Runs until its deadline.
    Loop,
    /// Counts for about half a second before it does this.
    Slow(Box<Does>),
    /// `error.unavailable`: nothing was done.
    Unavailable,
    /// `error.other`: who knows.
    Other,
    /// Declines or refuses, for no reason.
    Refuse,
    /// `covered`, `granted`, `done`, or `settled` as the answer of a query.
    Figures(Figures),
    /// `never-seen`, of a query.
    NeverSeen,
}

/// The figures of an adjudication, in fen.
#[derive(Clone, Default)]
pub struct Figures {
    /// Self-funded, over limit, pre-self-pay and in scope, line by line.
    pub lines: Vec<[i64; 4]>,
    /// Share of the fund, and cash.
    pub parts: [i64; 2],
    /// Share of a commercial insurer.
    pub insurer: i64,
    /// The accumulator `x`, if it is positive or negative.
    pub accumulator: i64,
}

/// A payer in five answers.
#[derive(Clone)]
pub struct PayerGuest {
    pub quote: Does,
    pub authorize: Does,
    pub settle: Does,
    pub query: Does,
    pub reverse: Does,
}

impl PayerGuest {
    /// Settles these figures and takes them back.
    pub fn settling(figures: &Figures) -> Self {
        let done = || Does::Figures(figures.clone());
        Self { quote: done(), authorize: done(), settle: done(), query: Does::NeverSeen, reverse: done() }
    }

    /// Every function does this.
    pub fn all(does: &Does) -> Self {
        let does = || does.clone();
        Self { quote: does(), authorize: does(), settle: does(), query: does(), reverse: does() }
    }

    pub fn package(&self, id: &str, version: &str) -> Vec<u8> {
        const PAYER: &str = "xinglin:payment/payer@1.0.0";
        let mut memory = Memory::default();
        let deadline = match [&self.quote, &self.authorize, &self.settle, &self.query, &self.reverse] {
            all if all.iter().any(|does| matches!(does, Does::Slow(_))) => 5000,
            _ => 100,
        };
        let five = [
            ("quote", "(param i32)", memory.body("quote", &self.quote)),
            ("authorize", "(param i32)", memory.body("authorize", &self.authorize)),
            ("settle", "(param i32)", memory.body("settle", &self.settle)),
            ("query", "(param i32 i32 i64)", memory.body("query", &self.query)),
            ("reverse", "(param i32)", memory.body("reverse", &self.reverse)),
        ];
        let functions: String = five
            .iter()
            .map(|(name, parameters, body)| {
                format!(r#"(func (export "{PAYER}#{name}") {parameters} (result i32) {body})"#)
            })
            .collect();
        let data: String = memory.bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let text = format!(
            r#"(module
                (memory (export "memory") 4)
                (data (i32.const {BASE}) "{data}")
                {ALLOCATOR}
                {functions})"#
        );
        let (resolve, world) = world(|text| text, &format!("export {PAYER};"));
        let mut module = wat::parse_str(text).expect("valid text");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
        packed(
            &componentize(&module).expect("a component"),
            id,
            version,
            &format!("[limits]\ndeadline-ms = {deadline}"),
        )
    }
}

/// Where the guest's data begin.
const BASE: u32 = 1024;

/// Data of a guest in the layout of the canonical ABI.
#[derive(Default)]
struct Memory {
    bytes: Vec<u8>,
}

impl Memory {
    /// Stores aligned bytes; returns their address.
    fn put(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = BASE + u32::try_from(self.bytes.len()).expect("small");
        self.bytes.extend(bytes);
        at
    }

    /// A string or list of this length, stored elsewhere.
    fn list(&mut self, items: &[u8], length: usize) -> Vec<u8> {
        let at = self.put(items);
        [at.to_le_bytes(), u32::try_from(length).expect("few").to_le_bytes()].concat()
    }

    fn text(&mut self, text: &str) -> Vec<u8> {
        self.list(text.as_bytes(), text.len())
    }

    fn money(&mut self, fen: i64) -> Vec<u8> {
        [fen.to_le_bytes().to_vec(), self.text("CNY")].concat()
    }

    fn accumulators(&mut self, amount: i64) -> Vec<u8> {
        if amount == 0 {
            return vec![0; 8];
        }
        let item = [self.text("x"), self.money(amount)].concat();
        self.list(&item, 1)
    }

    fn adjudication(&mut self, figures: &Figures) -> Vec<u8> {
        let mut lines = Vec::new();
        for (number, amounts) in (1_u64..).zip(&figures.lines) {
            lines.extend(number.to_le_bytes());
            for fen in amounts {
                lines.extend(self.money(*fen));
            }
            lines.extend([0; 8]);
        }
        let mut parts = Vec::new();
        let [fund, cash] = figures.parts;
        for (source, fen) in [(0_u64, fund), (2, figures.insurer), (5, cash)] {
            parts.extend(source.to_le_bytes());
            parts.extend(self.money(fen));
        }
        let lists = [self.list(&lines, figures.lines.len()), self.list(&parts, 3)].concat();
        // Without a citation and attributes.
        [lists, self.accumulators(figures.accumulator), vec![0; 44]].concat()
    }

    /// The body of a function that does this.
    fn body(&mut self, function: &str, does: &Does) -> String {
        let word = |value: u32| value.to_le_bytes().to_vec();
        let result = match does {
            Does::Panic => return "unreachable".to_owned(),
            Does::Loop => return "(loop $again (br $again)) unreachable".to_owned(),
            Does::Slow(does) => {
                let count = "(local $n i64) (loop $again
                    (local.set $n (i64.add (local.get $n) (i64.const 1)))
                    (br_if $again (i64.lt_u (local.get $n) (i64.const 400_000_000))))";
                return format!("{count} {}", self.body(function, does));
            }
            // An authorization has a time in it, so all of it lies four bytes further.
            Does::Unavailable | Does::Other => {
                let case = if matches!(does, Does::Other) { 3 } else { 2 };
                let pad = if function == "authorize" { vec![0; 4] } else { Vec::new() };
                [word(1), pad, word(case), self.text("no gateway at 10.0.0.7")].concat()
            }
            Does::Refuse if function == "authorize" => [word(0), word(0), word(1), vec![0; 20]].concat(),
            Does::Refuse if function == "query" => [word(0), word(4), vec![0; 8]].concat(),
            Does::Refuse => [word(0), word(1), vec![0; 8]].concat(),
            Does::NeverSeen => [word(0), word(0)].concat(),
            Does::Figures(figures) => match function {
                "quote" => [word(0), word(0), self.adjudication(figures)].concat(),
                "authorize" => {
                    // 2100-01-01.
                    let far = 4_102_444_800_000_000_i64;
                    [vec![0; 16], self.text("A-1"), far.to_le_bytes().to_vec()].concat()
                }
                "reverse" => [word(0), word(0), self.text("R-1"), self.accumulators(figures.accumulator)].concat(),
                verb => {
                    let settled = if verb == "query" { word(2) } else { word(0) };
                    [word(0), settled, self.text("S-1"), self.adjudication(figures)].concat()
                }
            },
        };
        // The largest result, an adjudication in a settlement, is read whole.
        let at = self.put(&[result, vec![0; 128]].concat());
        format!("i32.const {at}")
    }
}
