//! Insurers, schemes per head and lists of prices: guests whose functions answer what lies at 1024.
//! Zeros there are `ok` of the first case: `ok(none)`, `ok(covered(…))` without a line.

use std::sync::Arc;

use wit_component::{StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{
    LiftLowerAbi, ManglingAndAbi, WorldItem,
    abi::{AbiVariant, WasmType},
};
use xinglin_domain::{
    capitation::{Consumption, Place},
    code::Code,
    coding::{Citation, Coding, Decimal},
    insurance::{
        Claim, ClaimLine, InsurerError, LineKind, Operation, Period, Policy,
        claims::{Asked, Response},
        preauthorization::{self, Decision},
        reconciliation::Statement,
    },
    money::Money,
    pricing::{Price, Progress, Purchase},
};
use xinglin_runtime::{
    FailureCode, Grants, Interface, Manifest, Mistake, Package, Plugin, PluginError, Runtime, attach, componentize,
};

use crate::fixtures::{component, context, now, resolve, runtime, toml};

const NEW: [&str; 6] = ["eligibility", "preauthorization", "claims", "reconciliation", "capitation", "pricing"];

fn exports(interfaces: &[&str]) -> String {
    interfaces.iter().map(|name| format!("export xinglin:payment/{name}@1.1.0;\n")).collect()
}

/// A component of this world; every function answers what lies at 1024.
fn package(world: &str, data: &str) -> Result<Package, PluginError> {
    let (resolve, _, world) = resolve(|text| text, &[], world);
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
            functions += &format!("(func (export \"{export}\") (param{parameters}) (result i32) i32.const 1024)\n");
        }
    }
    let core = format!(
        r#"(module
            (memory (export "memory") 4)
            (global $top (mut i32) (i32.const 131072))
            (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
                (global.set $top (i32.add (local.get $at) (local.get $size)))
                (local.get $at))
            {functions}
            {data})"#
    );
    let manifest = Manifest::parse(&toml(""))?;
    Package::read(attach(&component(&core, &resolve, world), &manifest)?)
}

async fn guest(interfaces: &[&str], data: &str) -> (Runtime, Arc<Plugin>) {
    let package = package(&exports(interfaces), data).expect("a good package");
    let runtime = runtime();
    let plugin = runtime.load(&package, &Grants::as_asked(package.manifest())).await.expect("it loads");
    (runtime, plugin)
}

fn claim() -> Claim {
    Claim {
        bill: "bill-1".into(),
        served_at: now(),
        diagnoses: Vec::new(),
        lines: vec![ClaimLine {
            number: 1,
            kind: LineKind::Service,
            code: vec![Coding::new("https://hospital.example/items", "visit")],
            quantity: Decimal::whole(1),
            gross: Money::fen(2_000),
            prior: Vec::new(),
            basic: None,
            attributes: Vec::new(),
        }],
        preauthorization: None,
        related: None,
        documents: Vec::new(),
        attributes: Vec::new(),
    }
}

fn policy() -> Policy {
    Policy {
        member: "m-1".into(),
        valid_from: None,
        valid_until: None,
        number: String::new(),
        plan: Coding::new("https://insurer.example/plans", "gold"),
        network: None,
        balances: Vec::new(),
        attributes: Vec::new(),
    }
}

fn operation() -> Operation {
    Operation { key: "key-1".into(), at: now() }
}

fn period() -> Period {
    Period { start: now().plus_days(-1), end: now() }
}

#[tokio::test]
async fn one_component_may_have_all_roles_and_imports_words_only() {
    let world = format!("export xinglin:payment/payer@1.0.0;\n{}", exports(&NEW));
    let package = package(&world, "").expect("a good package");
    assert!(package.imports().is_empty(), "no capability");
    let roles = [
        Interface::Payer,
        Interface::Eligibility,
        Interface::Preauthorization,
        Interface::Claims,
        Interface::Reconciliation,
        Interface::Capitation,
        Interface::Pricing,
    ];
    assert_eq!(package.interfaces().iter().copied().collect::<Vec<_>>(), roles);
    let versions: Vec<String> = package.exports().iter().map(ToString::to_string).collect();
    assert!(versions.contains(&"xinglin:payment/payer@1.0.0".to_owned()), "{versions:?}");
    assert!(versions.contains(&"xinglin:payment/claims@1.1.0".to_owned()), "{versions:?}");
    let can: Vec<String> = package.sheet().can.iter().map(|item| item.text.get("en").to_owned()).collect();
    assert_eq!(can.len(), roles.len());
    assert!(can.iter().any(|text| text.contains("line by line what an insurer pays")), "{can:?}");
    runtime().load(&package, &Grants::as_asked(package.manifest())).await.expect("it loads");
}

#[tokio::test]
async fn a_version_that_is_not_served_is_named() {
    let newer = |text: String| text.replace("package xinglin:payment@1.1.0", "package xinglin:payment@1.2.0");
    let (resolve, _, world) = resolve(newer, &[], "export xinglin:payment/pricing@1.2.0;");
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
    let manifest = Manifest::parse(&toml("")).expect("a manifest");
    let component = componentize(&module).expect("a component");
    let refused = Package::read(attach(&component, &manifest).expect("attached")).expect_err("refused");
    assert_eq!(refused.code(), Code::PluginInterface, "{refused}");
    assert!(refused.to_string().contains("@1.2.0"), "{refused}");
}

#[tokio::test]
async fn what_changes_nothing_and_is_wrong_is_no_answer() {
    let (runtime, plugin) = guest(&NEW, "").await;
    let (claim, policy) = (claim(), policy());
    let mut failures = Vec::new();
    let standing = runtime.check_eligibility(&plugin, context(), &claim, &policy, now()).await;
    failures.push(("benefits", standing.outcome.map(|_| ()), standing.tape));
    let quoted = runtime.predetermine(&plugin, context(), (&claim, &policy), now(), &|_| None).await;
    failures.push(("lines", quoted.outcome.map(|_| ()), quoted.tape));
    let citation = Citation { title: "List".into(), section: None, year: 2026, url: None };
    let price = Price {
        fees: Vec::new(),
        draws: Vec::new(),
        opens: Vec::new(),
        list_price: Money::ZERO,
        expires: now(),
        citation,
    };
    let purchase = Purchase { price, bought_at: now(), progress: Progress::Started, used: Money::ZERO };
    let refund = runtime.price_refund(&plugin, context(), &purchase, now()).await;
    failures.push(("citation.title", refund.outcome.map(|_| ()), refund.tape));
    let budget = runtime.accrue_budget(&plugin, context(), &period(), &[]).await;
    // An amount without a currency.
    failures.push(("MONEY_INVALID", budget.outcome.map(|_| ()), budget.tape));
    for (field, outcome, tape) in failures {
        let failure = outcome.expect_err(field);
        assert_eq!(failure.code, FailureCode::Output, "{failure}");
        assert!(failure.message.contains(field), "{failure}");
        assert!(runtime.replay(&plugin, &tape).await.expect("it is understood").identical, "{}", tape.hook);
    }

    // Nothing is remitted: a good answer.
    let sent = runtime.remittances(&plugin, context(), &period(), now()).await;
    assert_eq!(sent.outcome.expect("an answer"), Ok(Vec::new()));
}

#[tokio::test]
async fn an_insurer_that_may_have_acted_is_heard_and_its_mistake_named() {
    // ok(cancelled({ reference: … })) of three bytes, or of none.
    let cancelled = |length: u8| {
        format!(
            r#"(data (i32.const 1032) "\03\00\00\00\00\00\00\00\00\02\00\00\{length:02x}\00\00\00")
               (data (i32.const 512) "C-1")"#
        )
    };
    let judge = |answer: &Result<Response, InsurerError>| -> Option<Mistake> {
        answer.as_ref().ok()?.check(Asked::Cancel).err().map(Into::into)
    };
    for (length, reference, mistake) in [(3, "C-1", None), (0, "", Some("reference"))] {
        let (runtime, plugin) = guest(&["claims"], &cancelled(length)).await;
        let call = runtime.cancel_claim(&plugin, context(), &operation(), "EOB-1", &policy(), &judge).await;
        let Ok(Response::Cancelled(cancellation)) = call.outcome.expect("an answer") else { panic!("cancelled") };
        assert_eq!(cancellation.reference, reference);
        assert_eq!(call.mistake.map(|mistake| mistake.field).as_deref(), mistake);
        assert_eq!(call.tape.hook, "xinglin:payment/claims@1.1.0#cancel");
        assert!(runtime.replay(&plugin, &call.tape).await.expect("it is understood").identical);
    }

    let (runtime, plugin) = guest(&["claims", "preauthorization"], "").await;
    let seen = runtime.claim_status(&plugin, context(), &operation(), Some("EOB-1"), &|_| None).await;
    assert_eq!(seen.outcome.expect("an answer"), Ok(None));
    let seen = runtime.guarantee_status(&plugin, context(), &operation(), None, &|_| None).await;
    assert_eq!(seen.outcome.expect("an answer"), Ok(None));
    // `approved` by a reference of nothing, for no line.
    let claim = claim();
    let judge = |answer: &Result<Decision, InsurerError>| {
        let asked = preauthorization::Asked::Submit(&claim, now());
        answer.as_ref().ok().and_then(|decision| decision.check(asked).err()).map(Mistake::from)
    };
    let asked = runtime.request_guarantee(&plugin, context(), &operation(), &claim, &policy(), &judge).await;
    assert!(asked.outcome.is_ok());
    assert_eq!(asked.mistake.map(|mistake| mistake.field).as_deref(), Some("reference"));
}

#[tokio::test]
async fn each_error_keeps_its_meaning() {
    let text = || "down".to_owned();
    for (case, error) in [
        (0, InsurerError::NotDone(text())),
        (1, InsurerError::Unknown(text())),
        (2, InsurerError::Conflict(text())),
        (4, InsurerError::Other(text())),
    ] {
        // err(case("down")): an error is at 1032 in an answer of eight bytes' alignment.
        let data = format!(
            r#"(data (i32.const 1024) "\01\00\00\00\00\00\00\00\{case:02x}\00\00\00\00\02\00\00\04\00\00\00")
               (data (i32.const 512) "down")"#
        );
        let (runtime, plugin) = guest(&["claims", "reconciliation"], &data).await;
        let call = runtime.submit_claim(&plugin, context(), &operation(), &claim(), &policy(), &|_| None).await;
        assert_eq!(call.outcome.expect("an answer"), Err(error.clone()));
        let statement = Statement { period: period(), entries: Vec::new() };
        let call = runtime.compare_statement(&plugin, context(), &statement, now()).await;
        assert_eq!(call.outcome.expect("an answer"), Err(error));
    }
}

#[tokio::test]
async fn a_budget_is_charged_at_most_the_funds_share() {
    // ok(55.50 CNY).
    let data =
        r#"(data (i32.const 1032) "\ae\15\00\00\00\00\00\00\00\02\00\00\03\00\00\00") (data (i32.const 512) "CNY")"#;
    let (runtime, plugin) = guest(&["capitation"], data).await;
    let consumption = |fund| Consumption {
        bill: "bill-1".into(),
        served_at: now(),
        institution: "org-1".into(),
        place: Place::Lead,
        lead: "org-1".into(),
        diagnoses: Vec::new(),
        fund: Money::fen(fund),
    };
    for fund in [5_550, 6_000] {
        let call = runtime.charge_budget(&plugin, context(), &consumption(fund)).await;
        assert_eq!(call.outcome.expect("an answer"), Ok(Money::fen(5_550)));
    }
    for fund in [5_549, 0] {
        let failure = runtime.charge_budget(&plugin, context(), &consumption(fund)).await.outcome.expect_err("refused");
        assert_eq!(failure.code, FailureCode::Output);
        assert!(failure.message.contains("55.50 is more than"), "{failure}");
    }
}
