//! Plugins generated from text, most of them faulty. No WebAssembly toolchain is needed: they use
//! the canonical ABI. `review` returns a pointer to a `result<verdict, error>`: sixteen zero bytes
//! are `ok(allow)`, and `1, _, _, _, 2, _, _, _, pointer, length` is `err(other(text))`.

use serde_json::{Value, json};
use wit_component::{StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WorldId};
use xinglin_runtime::{Manifest, attach, componentize};

use super::{Client, repository};

/// The published packages, dependencies first.
const PACKAGES: [&str; 7] = ["types", "clinical", "host", "pathway", "prescribing", "payment", "identity"];

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
                (global $top (mut i32) (i32.const 131072))
                (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
                    (global.set $top (i32.add (local.get $at) (local.get $size)))
                    (local.get $at))
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
    for package in PACKAGES {
        let text = String::from_utf8(repository(&format!("wit/{package}/{package}.wit"))).expect("text");
        resolve.push_str(package, &edit(text)).expect("valid WIT");
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
