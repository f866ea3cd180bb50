//! Panels: an answer within the bounds is taken, any other is the plugin's failure, and panels that fail
//! do not let the pathway rest.

use std::sync::Arc;

use wit_parser::{
    WorldItem,
    abi::{AbiVariant, WasmType},
};
use xinglin_domain::{
    coding::LocalizedText,
    panel::{Block, Panel, PanelError, Standing, Text, TextStyle, Tone, Viewer},
};
use xinglin_runtime::{CallFailure, FailureCode, Grants, Manifest, Package, Plugin, Runtime, attach};

use crate::fixtures::{component, context, now, resolve, runtime, snapshot, toml};

const WORLD: &str = "export xinglin:pathway/pathway@1.0.0;\nexport xinglin:panel/panel@1.0.0;";

/// A plugin of which every function does this.
async fn guest(body: &str, data: &str) -> (Runtime, Arc<Plugin>) {
    let (resolve, _, world) = resolve(|text| text, &[], WORLD);
    let mut functions = String::new();
    for (key, item) in &resolve.worlds[world].exports {
        let WorldItem::Interface { id, .. } = item else { continue };
        for (name, function) in &resolve.interfaces[*id].functions {
            let flat = resolve.wasm_signature(AbiVariant::GuestExport, function);
            let parameters: String = flat
                .params
                .iter()
                .map(|ty| match ty {
                    WasmType::I64 | WasmType::PointerOrI64 => " i64",
                    WasmType::F32 => " f32",
                    WasmType::F64 => " f64",
                    WasmType::I32 | WasmType::Pointer | WasmType::Length => " i32",
                })
                .collect();
            let export = format!("{}#{name}", resolve.name_world_key(key));
            functions += &format!("(func (export \"{export}\") (param{parameters}) (result i32) {body})\n");
        }
    }
    let core = format!(
        r#"(module
            (memory (export "memory") 8)
            (global $top (mut i32) (i32.const 131072))
            (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
                (global.set $top (i32.add (local.get $at) (local.get $size)))
                (local.get $at))
            {functions}
            {data})"#
    );
    let manifest = Manifest::parse(&toml("[limits]\ndeadline-ms = 200")).expect("a manifest");
    let package = attach(&component(&core, &resolve, world), &manifest).expect("packed");
    let package = Package::read(package).expect("a package");
    let runtime = runtime();
    let plugin = runtime.load(&package, &Grants::as_asked(package.manifest())).await.expect("it loads");
    (runtime, plugin)
}

async fn rendered(runtime: &Runtime, plugin: &Plugin) -> Result<Result<Panel, PanelError>, CallFailure> {
    let standing = Standing { stage: "initial".into(), enrolled: now(), active: true, state: None, tasks: Vec::new() };
    let asked = (&standing, &["follow-up".to_owned()][..]);
    runtime.render_panel(plugin, context(), asked, &snapshot(), Viewer::Patient, now()).await.outcome
}

/// Bytes at an address.
fn at(address: u32, bytes: &[u8]) -> String {
    let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(data (i32.const {address}) \"{escaped}\")\n")
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// `ok` of so many blocks at 4096, which are zero.
fn blocks(count: u32) -> String {
    at(1024, &words(&[0, 4096, count]))
}

const ANSWER: &str = "i32.const 1024";

#[tokio::test]
async fn what_is_within_the_bounds_is_taken_as_it_is() {
    let hostile = "<script>\"'&";
    // A text: case 0, then style, tone, and a list of one translation at 5120.
    let text = [at(4096, &[0]), at(4104, &[2, 3, 0, 0]), at(4108, &words(&[5120, 1]))].concat();
    let length = u32::try_from(hostile.len()).expect("short");
    let translation =
        [at(5120, &words(&[6144, 5, 6160, length])), at(6144, b"zh-CN"), at(6160, hostile.as_bytes())].concat();
    let (runtime, plugin) = guest(ANSWER, &[blocks(1), text, translation].concat()).await;
    let panel = rendered(&runtime, &plugin).await.expect("an answer").expect("a panel");
    let mut expected = LocalizedText::zh_en(hostile, "");
    expected.0.truncate(1);
    let expected = Text { style: TextStyle::Notice, tone: Tone::Danger, text: expected };
    assert_eq!(panel, Panel(vec![Block::Text(expected)]));

    let (runtime, plugin) = guest(ANSWER, &blocks(0)).await;
    assert_eq!(rendered(&runtime, &plugin).await.expect("an answer"), Ok(Panel::default()));
    // `error`: case 1, then `other` with a text.
    let error = [at(1024, &words(&[1, 1, 6144, 3])), at(6144, b"why")].concat();
    let (runtime, plugin) = guest(ANSWER, &error).await;
    assert_eq!(rendered(&runtime, &plugin).await.expect("an answer"), Err(PanelError::Other("why".into())));
}

#[tokio::test]
async fn what_breaks_a_bound_or_the_call_is_a_failure() {
    let form = [at(4096, &[4]), at(4104, &words(&[6144, 5])), at(6144, b"phq-9")].concat();
    for (body, data, code, what) in [
        (ANSWER, blocks(1), FailureCode::Output, "block 1: a text in no language"),
        (ANSWER, blocks(51), FailureCode::Output, "more than 50 blocks"),
        (ANSWER, blocks(1) + &form, FailureCode::Output, "block 1: a questionnaire that is not its own"),
        ("unreachable", String::new(), FailureCode::Trap, ""),
        ("(loop (br 0)) i32.const 0", String::new(), FailureCode::Fuel, ""),
    ] {
        let (runtime, plugin) = guest(body, &data).await;
        let failure = rendered(&runtime, &plugin).await.expect_err("refused");
        assert!(failure.code == code && failure.to_string().contains(what), "{failure}");
    }
}

#[tokio::test]
async fn panels_that_fail_do_not_let_the_pathway_rest() {
    let (runtime, plugin) = guest("unreachable", "").await;
    let mut codes = Vec::new();
    for _ in 0..9 {
        codes.push(rendered(&runtime, &plugin).await.expect_err("a failure").code);
    }
    assert_eq!((codes[7], codes[8]), (FailureCode::Trap, FailureCode::Resting), "{codes:?}");
    let described = runtime.describe(&plugin, context()).await.outcome.expect_err("it traps as well");
    assert_eq!(described.code, FailureCode::Trap, "it was called");
}
