//! Guests, made from text on the spot: no WebAssembly toolchain is needed.
//!
//! They are written against the canonical ABI. What `review` returns is a
//! pointer to a `result<verdict, error>`, of which sixteen zero bytes are
//! `ok(allow)`, and `1, _, _, _, 2, _, _, _, pointer, length` is
//! `err(other(text))`.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc};

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{PackageId, Resolve, SourceMap, WorldId};
use xinglin_domain::{
    clinical::{Sex, Snapshot, Subject},
    coding::{Coding, Decimal, Quantity},
    id::{CallId, TenantId},
    review::{Line, Order},
    time::Instant,
};
use xinglin_runtime::{
    CallContext, Grants, HostServices, KvFuture, KvRead, Manifest, Options, Package, Plugin, PluginError, Runtime,
    attach, componentize,
};

/// The folders of the contract, dependencies first.
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

/// The contract, changed by `edit`.
pub fn contract(edit: impl Fn(String) -> String) -> Resolve {
    let mut resolve = Resolve::default();
    for package in PACKAGES {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../wit").join(package);
        let mut sources = SourceMap::new();
        for file in fs::read_dir(folder).expect("a package").flatten() {
            sources.push(&file.path(), edit(fs::read_to_string(file.path()).expect("text")));
        }
        let parsed = sources.parse().unwrap_or_else(|_| panic!("{package} is not valid WIT"));
        resolve.push_group(parsed).unwrap_or_else(|error| panic!("{package}: {error}"));
    }
    resolve
}

/// The contract, changed by `edit` if wanted, with a world of this body.
pub fn resolve(edit: impl Fn(String) -> String, extra: &[&str], world: &str) -> (Resolve, PackageId, WorldId) {
    let mut resolve = contract(edit);
    for package in extra {
        resolve.push_str("extra.wit", package).expect("valid WIT");
    }
    let text = format!("package test:guest;\nworld guest {{\n{world}\n}}");
    let package = resolve.push_str("guest.wit", &text).expect("valid world");
    let world = resolve.select_world(&[package], Some("guest")).expect("the world");
    (resolve, package, world)
}

/// A core module made a component of a world.
pub fn component(core: &str, resolve: &Resolve, world: WorldId) -> Vec<u8> {
    let mut module = wat::parse_str(core).expect("valid text");
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).expect("metadata");
    componentize(&module).expect("a component")
}

/// What a checker is made of.
#[derive(Clone, Default)]
pub struct Checker {
    /// Capabilities, in the manifest and in the world.
    pub capabilities: Vec<&'static str>,
    /// Core imports, functions, globals, tables, data.
    pub items: String,
    /// Of `review`, whose argument is local 0.
    pub body: String,
    /// Memory in pages.
    pub pages: u32,
    /// More of plugin.toml.
    pub manifest: &'static str,
}

impl Checker {
    pub fn new(body: &str) -> Self {
        Self { body: body.to_owned(), pages: 4, ..Self::default() }
    }

    /// Answers `ok(allow)`.
    pub fn allow() -> Self {
        Self::new("i32.const 1024")
    }

    /// Answers `err(other(text))` with a text that lies at `pointer`.
    pub fn say(prelude: &str, pointer: &str, length: &str) -> Self {
        Self::new(&format!(
            "{prelude}
             (i32.store8 (i32.const 1024) (i32.const 1))
             (i32.store8 (i32.const 1028) (i32.const 2))
             (i32.store (i32.const 1032) {pointer})
             (i32.store (i32.const 1036) {length})
             i32.const 1024"
        ))
    }

    pub fn with(mut self, capability: &'static str, items: &str) -> Self {
        if !self.capabilities.contains(&capability) {
            self.capabilities.push(capability);
        }
        // Imports come before anything else in a module.
        self.items = format!("{items}\n{}", self.items);
        self
    }

    pub fn items(mut self, items: &str) -> Self {
        self.items.push_str(items);
        self
    }

    pub fn pages(mut self, pages: u32) -> Self {
        self.pages = pages;
        self
    }

    pub fn manifest(mut self, manifest: &'static str) -> Self {
        self.manifest = manifest;
        self
    }

    pub fn core(&self) -> String {
        let (imports, items): (Vec<&str>, Vec<&str>) =
            self.items.lines().partition(|line| line.trim_start().starts_with("(import"));
        format!(
            r#"(module
                {imports}
                (memory (export "memory") {pages})
                (global $top (mut i32) (i32.const 131072))
                (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
                    (global.set $top (i32.add (local.get $at) (local.get $size)))
                    (local.get $at))
                {items}
                (func $review (export "xinglin:prescribing/review@1.0.0#review")
                    (param i32) (result i32) (local $i i32)
                    {body}))"#,
            imports = imports.join("\n"),
            items = items.join("\n"),
            pages = self.pages,
            body = self.body,
        )
    }

    pub fn component(&self) -> Vec<u8> {
        let imports: String = self.capabilities.iter().map(|c| format!("import xinglin:host/{c}@1.1.0;\n")).collect();
        let world = format!("{imports} export xinglin:prescribing/review@1.0.0;");
        let (resolve, _, world) = resolve(|text| text, &[], &world);
        component(&self.core(), &resolve, world)
    }

    pub fn toml(&self) -> String {
        // Unless the manifest itself says more of it.
        let plain = self.capabilities.iter().filter(|c| !self.manifest.contains(&format!("[capabilities.{c}]")));
        let capabilities: String = plain.map(|c| format!("[capabilities.{c}]\n")).collect();
        toml(&format!("{capabilities}{}", self.manifest))
    }

    pub fn package(&self) -> Package {
        let manifest = Manifest::parse(&self.toml()).expect("a manifest");
        Package::read(attach(&self.component(), &manifest).expect("a package")).expect("a good package")
    }

    /// Loaded with everything it asks for.
    pub async fn load(&self, runtime: &Runtime) -> Result<Arc<Plugin>, PluginError> {
        let package = self.package();
        runtime.load(&package, &Grants::as_asked(package.manifest())).await
    }
}

/// A manifest with this tail.
pub fn toml(tail: &str) -> String {
    format!(
        r#"
        id = "test.guest"
        version = "1.2.3"
        publisher = "Test"
        licence = "Apache-2.0"
        name = {{ zh-CN = "测试", en = "Test" }}
        {tail}"#
    )
}

pub fn runtime() -> Runtime {
    Runtime::new(Options { calls: 16, ..Options::default() }).expect("an engine")
}

pub fn context() -> CallContext {
    CallContext {
        call: CallId::from_u128(7),
        tenant: TenantId::from_u128(5),
        request_id: "req-1".to_owned(),
        settings: Vec::new(),
        now: now(),
        services: HostServices::default(),
    }
}

/// Nothing but these values.
pub fn services(kv: impl KvRead + 'static) -> HostServices {
    HostServices { kv: Arc::new(kv), ..HostServices::default() }
}

pub fn now() -> Instant {
    Instant::from_micros(1_800_000_000_000_000)
}

pub fn order() -> Order {
    Order {
        diagnoses: vec![Coding::new("http://hl7.org/fhir/sid/icd-10", "E11.9")],
        lines: vec![Line {
            number: 1,
            code: vec![Coding::new("http://www.whocc.no/atc", "A10BA02")],
            ingredients: Vec::new(),
            dose: Quantity { value: Decimal::whole(500), unit: "mg".into() },
            doses_per_day: Decimal::whole(2),
            days: 30,
            route: None,
            attributes: Vec::new(),
        }],
        long_term: false,
        attributes: Vec::new(),
    }
}

pub fn snapshot() -> Snapshot {
    Snapshot {
        taken_at: now(),
        subject: Subject { pseudonym: "p-1".into(), age_months: Some(700), sex: Sex::Female },
        conditions: Vec::new(),
        allergies: Vec::new(),
        medications: Vec::new(),
        observations: Vec::new(),
        omissions: Vec::new(),
        attributes: Vec::new(),
    }
}

/// Kept values in memory.
#[derive(Default)]
pub struct Kept(pub BTreeMap<String, Vec<u8>>);

impl KvRead for Kept {
    fn get<'a>(&'a self, key: &'a str) -> KvFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move { Ok(self.0.get(key).cloned()) })
    }

    fn used(&self) -> KvFuture<'_, u64> {
        Box::pin(async move { Ok(self.0.iter().map(|(k, v)| (k.len() + v.len()) as u64).sum()) })
    }
}

/// A store that never answers.
pub struct Stuck;

impl KvRead for Stuck {
    fn get<'a>(&'a self, _: &'a str) -> KvFuture<'a, Option<Vec<u8>>> {
        Box::pin(std::future::pending())
    }

    fn used(&self) -> KvFuture<'_, u64> {
        Box::pin(std::future::pending())
    }
}

pub const KV_GET: &str = r#"(import "xinglin:host/kv@1.1.0" "get" (func $get (param i32 i32 i32)))"#;
pub const KV_SET: &str = r#"(import "xinglin:host/kv@1.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))"#;
pub const LOG: &str = r#"(import "xinglin:host/log@1.1.0" "write" (func $log (param i32 i32 i32)))"#;
pub const SETTINGS_GET: &str = r#"(import "xinglin:host/settings@1.1.0" "get" (func $setting (param i32 i32 i32)))"#;

/// Says what `kv` holds under `greeting`; panics if it holds nothing.
pub fn greeter() -> Checker {
    // result<option<list<u8>>, error> at 2048: its payload is aligned to 8.
    Checker::say(
        "(call $get (i32.const 512) (i32.const 8) (i32.const 2048))
         (if (i32.load8_u (i32.const 2048)) (then unreachable))
         (if (i32.eqz (i32.load8_u (i32.const 2056))) (then unreachable))",
        "(i32.load (i32.const 2060))",
        "(i32.load (i32.const 2064))",
    )
    .with("kv", KV_GET)
    .items(r#"(data (i32.const 512) "greeting")"#)
}
