//! Two majors of one interface in one component. The second is a fixture.

use wit_component::{StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi};
use xinglin_domain::code::Code;
use xinglin_runtime::{Export, FailureCode, Grants, Interface, Manifest, Package, PluginError, attach, componentize};

use crate::fixtures::{context, now, order, resolve, runtime, snapshot, toml};

const SECOND: &str = include_str!("../wit/prescribing-2/prescribing.wit");

/// A component that exports these majors, and panics whatever it is asked.
fn package(contract: &str, majors: &[&str]) -> Result<Package, PluginError> {
    let exports: String = majors.iter().map(|v| format!("export xinglin:prescribing/review@{v};")).collect();
    let (resolve, _, world) = resolve(|text| text, &[contract], &exports);
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
    let manifest = Manifest::parse(&toml("")).expect("a manifest");
    Package::read(attach(&componentize(&module).expect("a component"), &manifest).expect("a package"))
}

#[tokio::test]
async fn a_component_is_called_in_the_newest_major_it_has() {
    let runtime = runtime();
    for (majors, called) in [
        (&["1.0.0"][..], "xinglin:prescribing/review@1.0.0#review"),
        (&["2.0.0"], "xinglin:prescribing/review@2.0.0#review"),
        (&["1.0.0", "2.0.0"], "xinglin:prescribing/review@2.0.0#review"),
    ] {
        let package = package(SECOND, majors).expect("a good package");
        // Whoever grants it sees one role, whoever inspects it each major.
        assert_eq!(package.interfaces().iter().copied().collect::<Vec<_>>(), [Interface::Review]);
        assert_eq!(package.exports().len(), majors.len());
        let plugin = runtime.load(&package, &Grants::as_asked(package.manifest())).await.expect("it loads");
        let call = runtime.review(&plugin, context(), &order(), &snapshot(), now()).await;
        assert_eq!(call.outcome.expect_err("it panics").code, FailureCode::Trap);
        assert_eq!(call.tape.hook, called);
        assert!(runtime.replay(&plugin, &call.tape).await.expect("it is understood").identical);
    }
}

#[tokio::test]
async fn a_major_of_another_shape_is_refused_when_it_is_loaded() {
    let bent = SECOND.replace("locale: string,", "locale: u32,");
    let package = package(&bent, &["1.0.0", "2.0.0"]).expect("the names are right");
    let loaded = runtime().load(&package, &Grants::as_asked(package.manifest())).await;
    assert_eq!(loaded.expect_err("refused").code(), Code::PluginInterface);
}

#[test]
fn a_minor_of_the_second_major_that_is_too_new_is_named() {
    let newer = SECOND.replace("package xinglin:prescribing@2.0.0", "package xinglin:prescribing@2.1.0");
    match package(&newer, &["2.1.0"]).expect_err("refused") {
        PluginError::Interface { offered, supported } => {
            assert_eq!(offered, "xinglin:prescribing/review@2.1.0");
            assert_eq!(supported, Export::ALL.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        }
        other => panic!("{other}"),
    }
}
