//! What is refused before anything runs, and what is said about the rest.

use xinglin_domain::{
    code::Code,
    coding::{Attribute, AttributeValue, Decimal},
};
use xinglin_runtime::{
    Capability, Export, Grants, Interface, Manifest, Package, PluginError, SettingKind, attach, componentize,
};

use crate::fixtures::{Checker, KV_GET, LOG, component, resolve, runtime, toml};

fn manifest(tail: &str) -> Result<Manifest, PluginError> {
    Manifest::parse(&toml(tail))
}

fn code<T: std::fmt::Debug>(result: Result<T, PluginError>) -> Code {
    result.expect_err("refused").code()
}

#[test]
fn a_manifest_is_read_and_survives_the_section() {
    let written = manifest(
        r#"
        description = { zh-CN = "用于测试", en = "For tests" }
        [capabilities.kv]
        quota-kib = 16
        reason = "remembers"
        [limits]
        memory-mib = 32
        [settings.target]
        type = "decimal"
        default = 7.0
        minimum = 6
        maximum = "9.5"
        description = { zh-CN = "目标", en = "Target" }
        [settings.verbose]
        type = "boolean"
        default = false
        [data-needs]
        conditions = true
        observations = [{ system = "http://loinc.org", code = "4548-4" }]
        "#,
    )
    .expect("a manifest");
    assert_eq!(written.id, "test.guest");
    assert_eq!(written.kv_quota_kib(), 16);
    assert_eq!((written.limits.memory_mib, written.limits.deadline_ms), (32, 100));
    let target = &written.settings["target"];
    assert_eq!(target.kind, SettingKind::Decimal);
    assert_eq!(target.maximum, Decimal::new(95, 1).ok());
    assert_eq!(written.data_needs.to_vec().len(), 2);

    let component = Checker::allow().component();
    let package = Package::read(attach(&component, &written).expect("attached")).expect("read");
    assert_eq!(package.manifest(), &written);
}

#[test]
fn a_manifest_that_says_too_little_too_much_or_nonsense_is_refused() {
    for (tail, says) in [
        ("wizard = true", "wizard"),
        ("[capabilities.telepathy]", "telepathy"),
        ("[capabilities.log]\nquota-kib = 4", "only `kv` has a quota"),
        ("[capabilities.kv]\nquota-kib = 99999", "1 to 16384"),
        ("[capabilities.kv]\nscratch-kib = 4", "only `files` has"),
        ("[capabilities.log]\npacks = [\"a\"]", "only `files` has"),
        ("[capabilities.files]\nscratch-kib = 65537", "1 to 65536"),
        ("[capabilities.files]\npacks = [\"../etc\"]", "no name of a pack"),
        ("[limits]\nmemory-mib = 4096", "1 to 256"),
        ("[limits]\ndeadline-ms = 0", "1 to 5000"),
        ("[limits]\nfuel = 9", "fuel"),
        ("[settings.x]\ntype = \"integer\"\ndefault = \"abc\"", "not of its type"),
        ("[settings.x]\ntype = \"integer\"\ndefault = 3\nmaximum = 2", "above"),
        ("[settings.x]\ntype = \"colour\"", "colour"),
        ("[settings.X]\ntype = \"text\"", "lower case"),
    ] {
        let error = manifest(tail).expect_err(tail);
        assert_eq!(error.code(), Code::PluginInvalid);
        assert!(error.to_string().contains(says), "{tail}: {error}");
    }
    for id in ["guest", "Test.guest", "test..guest", "test.guest-", "1test.guest", "test/guest.x"] {
        let text = toml("").replace("test.guest", id);
        assert_eq!(code(Manifest::parse(&text)), Code::PluginInvalid, "{id}");
    }
    assert_eq!(code(Manifest::parse(&toml("").replace("zh-CN", "fr"))), Code::PluginInvalid);
    assert_eq!(code(Manifest::parse(&toml("").replace("1.2.3", "1.2"))), Code::PluginInvalid);
}

#[test]
fn settings_have_a_schema() {
    let manifest = Manifest::parse(&toml(
        "[capabilities.settings]
         [settings.goal]
         type = \"decimal\"
         default = \"7.0\"
         minimum = \"6.5\"
         description = \"HbA1c in percent\"
         [settings.greeting]
         type = \"text\"
         maximum = 20",
    ));
    let schema = manifest.expect("a manifest").settings_schema();
    assert_eq!(schema["additionalProperties"], false);
    // Parsed, so that digits count and the order of keys does not.
    let wanted = r#"{"goal":{"default":7.0,"description":"HbA1c in percent","minimum":6.5,"type":"number"},"greeting":{"maxLength":20,"type":"string"}}"#;
    assert_eq!(schema["properties"], serde_json::from_str::<serde_json::Value>(wanted).expect("JSON"));
}

#[test]
fn settings_are_checked_and_completed() {
    let manifest = manifest(
        "[settings.days]\ntype = \"integer\"\ndefault = 7\nminimum = 1\nmaximum = 30\n[settings.note]\ntype = \"text\"",
    )
    .expect("a manifest");
    let value = |key: &str, value| Attribute { key: key.to_owned(), value };
    let resolved = manifest.resolve(&[value("note", AttributeValue::Text("x".into()))]).expect("resolved");
    assert_eq!(resolved, [value("days", AttributeValue::Integer(7)), value("note", AttributeValue::Text("x".into()))]);
    for bad in [
        value("days", AttributeValue::Integer(31)),
        value("days", AttributeValue::Text("7".into())),
        value("weeks", AttributeValue::Integer(1)),
    ] {
        assert_eq!(code(manifest.resolve(&[bad])), Code::BodyInvalid);
    }
}

#[test]
fn attaching_again_replaces() {
    let component = Checker::allow().component();
    let first = attach(&component, &manifest("").expect("a manifest")).expect("attached");
    let second = manifest("[limits]\nmemory-mib = 9").expect("a manifest");
    let replaced = attach(&first, &second).expect("attached");
    assert_eq!(replaced, attach(&component, &second).expect("attached"));
    let package = Package::read(replaced).expect("read");
    assert_eq!(package.manifest().limits.memory_mib, 9);
}

#[test]
fn what_is_no_plugin_is_refused() {
    let good = attach(&Checker::allow().component(), &manifest("").expect("a manifest")).expect("attached");
    assert!(Package::read(good.clone()).is_ok());

    assert_eq!(code(Package::read(b"hello".to_vec())), Code::PluginInvalid);
    assert_eq!(code(Package::read(good[..good.len() - 1].to_vec())), Code::PluginInvalid);
    assert_eq!(code(Package::read(Checker::allow().component())), Code::PluginInvalid);
    assert_eq!(code(Package::read(vec![0; Package::MAX_BYTES + 1])), Code::PluginInvalid);
    let core = wat::parse_str(Checker::allow().core()).expect("valid text");
    let error = Package::read(core.clone()).expect_err("a core module");
    assert!(error.to_string().contains("core module"), "{error}");
    assert_eq!(code(componentize(b"hello")), Code::PluginInvalid);
    // Built without the contract's bindings, it becomes a component of nothing.
    let nothing = componentize(&core).expect("an empty component");
    let packed = attach(&nothing, &manifest("").expect("a manifest")).expect("attached");
    assert_eq!(code(Package::read(packed)), Code::PluginInterface);

    // Every byte of it matters: no cut of it is taken.
    for end in (0..good.len()).step_by(97) {
        assert!(Package::read(good[..end].to_vec()).is_err(), "cut at {end}");
    }
}

#[test]
fn another_version_of_an_interface_is_named() {
    let newer = |text: String| text.replace("package xinglin:prescribing@1.0.0", "package xinglin:prescribing@3.0.0");
    let (resolve, _, world) = resolve(newer, &[], "export xinglin:prescribing/review@3.0.0;");
    let core = Checker::allow().core().replace("review@1.0.0", "review@3.0.0");
    let component = component(&core, &resolve, world);
    let packed = attach(&component, &manifest("").expect("a manifest")).expect("attached");
    match Package::read(packed).expect_err("refused") {
        PluginError::Interface { offered, supported } => {
            assert_eq!(offered, "xinglin:prescribing/review@3.0.0");
            for export in Export::ALL {
                assert!(supported.contains(&export.to_string()), "{supported}");
            }
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_newer_minor_of_a_capability_is_named() {
    let newer = |text: String| {
        let text = text.replace("package xinglin:host@1.1.0", "package xinglin:host@1.2.0");
        ["log", "settings", "kv", "records", "http", "secrets", "identity", "signing", "files", "random"].iter().fold(
            text,
            |text, interface| {
                text.replace(&format!("xinglin:host/{interface}@1.1.0"), &format!("xinglin:host/{interface}@1.2.0"))
            },
        )
    };
    let (resolve, _, world) =
        resolve(newer, &[], "import xinglin:host/log@1.2.0; export xinglin:prescribing/review@1.0.0;");
    let core = Checker::allow().with("log", LOG).core().replace("host/log@1.1.0", "host/log@1.2.0");
    let packed = attach(&component(&core, &resolve, world), &manifest("[capabilities.log]").expect("a manifest"));
    match Package::read(packed.expect("attached")).expect_err("refused") {
        PluginError::Interface { offered, supported } => {
            assert_eq!(offered, "xinglin:host/log@1.2.0");
            assert_eq!(supported, "xinglin:host/log@1.1.0");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn an_interface_of_another_shape_is_refused_when_it_is_loaded() {
    let bent = |text: String| text.replace("long-term: bool", "long-term: u8");
    let (resolve, _, world) = resolve(bent, &[], "export xinglin:prescribing/review@1.0.0;");
    let component = component(&Checker::allow().core(), &resolve, world);
    let packed = attach(&component, &manifest("").expect("a manifest")).expect("attached");
    let package = Package::read(packed).expect("the name is right");
    let loaded = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(runtime().load(&package, &Grants::default()));
    assert_eq!(code(loaded), Code::PluginInterface);
}

#[tokio::test]
async fn imports_must_be_asked_for_and_granted() {
    let checker = Checker::allow().with("kv", KV_GET).with("log", LOG);
    let component = checker.component();

    let unasked = manifest("[capabilities.log]").expect("a manifest");
    match Package::read(attach(&component, &unasked).expect("attached")).expect_err("refused") {
        PluginError::Capability { import, .. } => assert_eq!(import, "kv"),
        other => panic!("{other}"),
    }

    let package = checker.package();
    let mut grants = Grants::as_asked(package.manifest());
    assert!(runtime().load(&package, &grants).await.is_ok());
    grants.capabilities.remove(&Capability::Kv);
    match runtime().load(&package, &grants).await.expect_err("refused") {
        PluginError::Capability { import, .. } => assert_eq!(import, "kv"),
        other => panic!("{other}"),
    }
}

#[test]
fn the_sheet_says_what_the_type_says() {
    let checker = Checker::allow().with("log", LOG).manifest("[capabilities.kv]\nreason = \"unused\"");
    let package = checker.package();
    assert_eq!(package.interfaces().iter().copied().collect::<Vec<_>>(), [Interface::Review]);
    assert_eq!(package.imports().iter().copied().collect::<Vec<_>>(), [Capability::Log]);
    let sheet = package.sheet();
    let english = |items: &[xinglin_runtime::Item]| {
        items.iter().map(|i| i.text.get("en").to_owned()).collect::<Vec<_>>().join("\n")
    };
    assert!(english(&sheet.can).contains("operator's log"));
    assert!(english(&sheet.can).contains("comment on a prescription"));
    assert!(english(&sheet.cannot).contains("sign or approve a prescription"));
    assert!(english(&sheet.cannot).contains("small values"));
    assert!(english(&sheet.notes).contains("`kv`"));
    assert!(sheet.can.iter().chain(&sheet.cannot).all(|i| i.text.0.len() == 2));
}
