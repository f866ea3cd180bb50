//! "Denied by type": what a plugin can import is read from the published WIT and
//! proved against the linker, so that no later edit opens a door unseen.

use std::collections::BTreeSet;

use wit_component::dummy_module;
use wit_parser::{ManglingAndAbi, Resolve, Type, TypeDefKind, TypeId};
use xinglin_domain::code::Code;
use xinglin_runtime::{Export, Grants, Manifest, Package, PluginError, attach, componentize};

use crate::fixtures::{self, resolve, runtime, toml};

/// Everything that can be imported, function by function. To add one is a
/// decision about safety, and is made here.
///
/// - `http.send` lets bytes out of the hospital, to servers that manifest and
///   grant name, from addresses that the operator left open, in the open of tape
///   and log. It brings back an answer, in which what stands behind placeholders
///   is a placeholder again.
/// - `secrets.available` and `identity.available` say *that* something is there,
///   in words of the manifest, never what it says.
/// - `signing.sign` signs under the plugin's own keys, in its own name. Whether a
///   prescription holds is asked of the keys of doctors and pharmacists, which no
///   import reaches. `verify` and `public-keys` tell what everybody may know.
const IMPORTABLE: [&str; 23] = [
    "xinglin:host/http.send",
    "xinglin:host/identity.available",
    // Values of its own: the plugin reads what it wrote, in one tenant.
    "xinglin:host/kv.delete",
    "xinglin:host/kv.get",
    "xinglin:host/kv.set",
    // Lines go to the operator and nowhere back.
    "xinglin:host/log.write",
    // What the tenant itself wrote down for this plugin.
    "xinglin:host/settings.all",
    "xinglin:host/settings.get",
    // The snapshot, read on: of the one patient at hand, whom no argument names,
    // of what the manifest declares and the tenant saw, in the same coded form
    // without free text, under the same consent.
    "xinglin:host/records.allergies",
    "xinglin:host/records.conditions",
    "xinglin:host/records.medications",
    "xinglin:host/records.observations",
    // Packs are the operator's, read-only, granted by name, and their digests are
    // on tape; no path reaches the file system. Scratch begins empty and ends with
    // the call, so nothing passes from one patient to the next through it.
    "xinglin:host/files.list-pack",
    "xinglin:host/files.packs",
    "xinglin:host/files.read-pack",
    "xinglin:host/files.read-scratch",
    "xinglin:host/files.remove-scratch",
    "xinglin:host/files.write-scratch",
    // Bytes that say nothing, and that a tape repeats.
    "xinglin:host/random.bytes",
    "xinglin:host/secrets.available",
    "xinglin:host/signing.public-keys",
    "xinglin:host/signing.sign",
    "xinglin:host/signing.verify",
];

/// Words that would betray an act or a datum no plugin may have.
const FORBIDDEN: [&str; 26] = [
    "prescribe",
    "prescription",
    "sign",
    "approve",
    "dispense",
    "pay",
    "transfer",
    "post",
    "ledger",
    "refund",
    "name",
    "surname",
    "patient",
    "person",
    "identity",
    "identifier",
    "number",
    "phone",
    "telephone",
    "address",
    "birth",
    "photo",
    "secret",
    "password",
    "token",
    "credential",
];

/// Identifiers that only look like such words, each in one function and no other.
const INNOCENT: [(&str, &[&str]); 4] = [
    // Of a data pack.
    ("xinglin:host/files.packs", &["name"]),
    // A method of HTTP, and the name of a key under which the host signs bytes.
    ("xinglin:host/http.send", &["post", "sign-with"]),
    // Cases of an enum: which there are, not what they say.
    ("xinglin:host/identity.available", &["birth-date", "full-name", "id-number", "insurance-number", "phone"]),
    // Bytes, under the plugin's own key.
    ("xinglin:host/signing.sign", &["sign"]),
];

fn contract() -> Resolve {
    fixtures::contract(|text| text)
}

fn is_forbidden(identifier: &str) -> bool {
    identifier.split('-').any(|word| FORBIDDEN.contains(&word))
}

/// Every identifier in a type, and in the types it is made of.
fn identifiers(resolve: &Resolve, ty: &Type, seen: &mut BTreeSet<TypeId>, found: &mut BTreeSet<String>) {
    let Type::Id(id) = ty else { return };
    if !seen.insert(*id) {
        return;
    }
    let definition = &resolve.types[*id];
    found.extend(definition.name.clone());
    let mut visit = |ty: &Type, found: &mut BTreeSet<String>| identifiers(resolve, ty, seen, found);
    match &definition.kind {
        TypeDefKind::Record(record) => {
            for field in &record.fields {
                found.insert(field.name.clone());
                visit(&field.ty, found);
            }
        }
        TypeDefKind::Variant(variant) => {
            for case in &variant.cases {
                found.insert(case.name.clone());
                if let Some(ty) = &case.ty {
                    visit(ty, found);
                }
            }
        }
        TypeDefKind::Enum(cases) => found.extend(cases.cases.iter().map(|case| case.name.clone())),
        TypeDefKind::Flags(flags) => found.extend(flags.flags.iter().map(|flag| flag.name.clone())),
        TypeDefKind::Tuple(tuple) => tuple.types.iter().for_each(|ty| visit(ty, found)),
        TypeDefKind::List(ty) | TypeDefKind::Option(ty) | TypeDefKind::Type(ty) => visit(ty, found),
        TypeDefKind::Result(result) => {
            for ty in [&result.ok, &result.err].into_iter().flatten() {
                visit(ty, found);
            }
        }
        other => panic!("an importable function must not pass {other:?}: handles are authority"),
    }
}

/// Functions of `xinglin:host`, as `package/interface.function`.
fn host_functions(resolve: &Resolve) -> Vec<(String, &wit_parser::Function)> {
    resolve
        .packages
        .iter()
        .filter(|(_, package)| package.name.namespace == "xinglin" && package.name.name == "host")
        .flat_map(|(_, package)| &package.interfaces)
        .flat_map(|(interface, id)| {
            resolve.interfaces[*id]
                .functions
                .iter()
                .map(move |(function, item)| (format!("xinglin:host/{interface}.{function}"), item))
        })
        .collect()
}

#[test]
fn the_host_offers_a_closed_list_of_functions() {
    let resolve = contract();
    let offered: BTreeSet<String> = host_functions(&resolve).into_iter().map(|(name, _)| name).collect();
    assert_eq!(offered, IMPORTABLE.map(String::from).into());
}

#[test]
fn no_world_of_a_plugin_offers_anything_else() {
    let resolve = contract();
    for (_, world) in &resolve.worlds {
        for (key, _) in &world.imports {
            let name = resolve.name_world_key(key);
            let known = [
                "xinglin:host/",
                "xinglin:types/",
                "xinglin:clinical/",
                "xinglin:payment/insurance@",
                "xinglin:pathway/terms@",
                "xinglin:pathway/questionnaires@",
            ];
            assert!(known.iter().any(|package| name.starts_with(package)), "{} imports {name}", world.name);
        }
    }
    // The vocabulary has no functions: importing it gives nothing but types.
    for (id, interface) in &resolve.interfaces {
        let name = resolve.id_of(id).expect("a name");
        if ["types/", "clinical/", "payment/insurance@", "pathway/terms@", "pathway/questionnaires@"]
            .iter()
            .any(|word| name.contains(&format!("xinglin:{word}")))
        {
            assert!(interface.functions.is_empty(), "{name}");
        }
    }
}

#[test]
fn no_import_names_a_forbidden_act_or_returns_a_forbidden_datum() {
    let resolve = contract();
    for (name, function) in host_functions(&resolve) {
        let mut found = BTreeSet::from([function.name.clone()]);
        let mut seen = BTreeSet::new();
        for parameter in &function.params {
            found.insert(parameter.name.clone());
            identifiers(&resolve, &parameter.ty, &mut seen, &mut found);
        }
        if let Some(result) = &function.result {
            identifiers(&resolve, result, &mut seen, &mut found);
        }
        let betrayed: Vec<&str> = found.iter().map(String::as_str).filter(|word| is_forbidden(word)).collect();
        let innocent = INNOCENT.iter().find(|(function, _)| *function == name).map_or(&[][..], |(_, words)| words);
        assert_eq!(betrayed, innocent, "{name}");
    }
    // The fields of a person are an enum and nothing that could hold a value.
    let fields = resolve.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("field")).expect("fields").1;
    assert!(matches!(fields.kind, TypeDefKind::Enum(_)));
    // The walk itself sees what it is meant to see.
    assert!(is_forbidden("id-number") && is_forbidden("sign-prescription") && !is_forbidden("settings"));
}

#[test]
fn a_pathway_has_no_directive_that_prescribes() {
    let resolve = contract();
    let directive = resolve
        .types
        .iter()
        .find_map(|(_, ty)| match &ty.kind {
            TypeDefKind::Variant(variant) if ty.name.as_deref() == Some("directive") => Some(variant),
            _ => None,
        })
        .expect("the directives");
    let cases: Vec<&str> = directive.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(
        cases,
        [
            "schedule-task",
            "cancel-task",
            "ask",
            "send-message",
            "raise-alert",
            "refer",
            "request-lab",
            "hold-prescribing",
            "release-prescribing",
            "propose-note",
            "close",
        ]
    );
}

const ALL_CAPABILITIES: &str = r#"
    [capabilities.log]
    [capabilities.settings]
    [capabilities.kv]
    [capabilities.records]
    [capabilities.http]
    hosts = ["api.example.com"]
    [capabilities.secrets]
    keys = ["token"]
    [capabilities.identity]
    fields = ["name"]
    [capabilities.signing]
    keys = { gateway = "sm2" }
    [capabilities.files]
    scratch-kib = 1
    [capabilities.random]
"#;

/// Loads a component of this world that has no code, with every capability
/// there is asked for and granted.
async fn load(extra: &[&str], world: &str) -> Result<(), PluginError> {
    load_with(ALL_CAPABILITIES, extra, world).await
}

async fn load_with(asked: &str, extra: &[&str], world: &str) -> Result<(), PluginError> {
    let (resolve, _, world) = resolve(|text| text, extra, world);
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync));
    wit_component::embed_component_metadata(&mut module, &resolve, world, wit_component::StringEncoding::UTF8)
        .expect("metadata");
    let manifest = Manifest::parse(&toml(asked)).expect("a manifest");
    let package = Package::read(attach(&componentize(&module)?, &manifest)?)?;
    runtime().load(&package, &Grants::as_asked(&manifest)).await.map(|_| ())
}

const EXPORT: &str = "export xinglin:prescribing/review@1.0.0;";

#[tokio::test]
async fn every_interface_loads_with_all_its_functions() {
    // Those that are published.
    let first: Vec<&Export> = Export::ALL.iter().filter(|export| export.version().major == 1).collect();
    for export in &first {
        load(&[], &format!("export {export};")).await.unwrap_or_else(|e| panic!("{export}: {e}"));
    }
    let all: String = first.iter().map(|export| format!("export {export};")).collect();
    load(&[], &all).await.expect("several in one component");
}

#[tokio::test]
async fn with_all_capabilities_granted_the_linker_has_the_closed_list_and_nothing_else() {
    let resolve = contract();
    let offered: BTreeSet<&str> =
        IMPORTABLE.iter().filter_map(|function| function.split_once('.')).map(|(interface, _)| interface).collect();
    for (_, interface) in &resolve.interfaces {
        let (Some(package), Some(name)) = (interface.package, &interface.name) else { continue };
        let id = &resolve.packages[package].name;
        let full = format!("{}:{}/{name}", id.namespace, id.name);
        let version = id.version.as_ref().expect("a version");
        let outcome = load(&[], &format!("import {full}@{version}; {EXPORT}")).await;
        let type_only = interface.functions.is_empty();
        if type_only || offered.contains(full.as_str()) {
            assert_eq!(outcome, Ok(()), "{full}");
        } else {
            let error = outcome.expect_err(&full);
            assert_eq!(error.code(), Code::PluginCapability, "{full}: {error}");
            assert!(error.to_string().contains(&full), "{error}");
        }
    }
}

#[tokio::test]
async fn the_world_outside_cannot_be_imported() {
    for (package, import) in [
        ("package wasi:http@0.2.6; interface outgoing-handler { handle: func(); }", "wasi:http/outgoing-handler@0.2.6"),
        ("package wasi:keyvalue@0.2.6; interface store { open: func(); }", "wasi:keyvalue/store@0.2.6"),
        ("package wasi:cli@0.2.6; interface run { run: func(); }", "wasi:cli/run@0.2.6"),
        ("package xinglin:ledger@1.0.0; interface ledger { post: func(fen: s64); }", "xinglin:ledger/ledger@1.0.0"),
        ("package acme:helper@1.0.0; interface helper { help: func(); }", "acme:helper/helper@1.0.0"),
    ] {
        for asked in ["", "[capabilities.wasi]"] {
            let world = format!("import {import}; {EXPORT}");
            let error = load_with(asked, &[package], &world).await.expect_err(import);
            assert_eq!(error.code(), Code::PluginCapability, "{error}");
            assert!(error.to_string().contains(import), "{error}");
        }
    }
    let error = load(&[], &format!("import help: func(); {EXPORT}")).await.expect_err("a bare function");
    assert_eq!(error.code(), Code::PluginCapability, "{error}");
}

#[tokio::test]
async fn system_calls_are_a_capability_too() {
    for (package, import) in [
        ("package wasi:random@0.2.6; interface random { get-random-u64: func() -> u64; }", "wasi:random/random@0.2.6"),
        (
            "package wasi:cli@0.2.6; interface environment { initial-cwd: func() -> option<string>; }",
            "wasi:cli/environment@0.2.6",
        ),
        ("package wasi:sockets@0.2.6; interface network { resource network; }", "wasi:sockets/network@0.2.6"),
    ] {
        let world = format!("import {import}; {EXPORT}");
        let error = load(&[package], &world).await.expect_err(import);
        assert_eq!(error.code(), Code::PluginCapability, "{error}");
        assert!(error.to_string().contains("`wasi`"), "{error}");
        assert_eq!(load_with("[capabilities.wasi]", &[package], &world).await, Ok(()), "{import}");

        // Another draft, or another shape.
        let (other, draft) = (package.replace("0.2.6", "0.3.0"), world.replace("0.2.6", "0.3.0"));
        let error = load_with("[capabilities.wasi]", &[&other], &draft).await.expect_err("another version");
        assert_eq!(error.code(), Code::PluginInterface, "{error}");
    }
    let bent = "package wasi:random@0.2.6; interface random { get-random-u64: func() -> u32; }";
    let world = format!("import wasi:random/random@0.2.6; {EXPORT}");
    let error = load_with("[capabilities.wasi]", &[bent], &world).await.expect_err("another shape");
    assert_eq!(error.code(), Code::PluginInterface, "{error}");
}
