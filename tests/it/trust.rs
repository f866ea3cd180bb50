//! Signatures of plugins: over HTTP, with the command line, without a network, and through a
//! registry; tested against minisign and an independent registry.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::{code::Code, id::TenantId};
use xinglin_extensions::{
    lifecycle,
    package::{self, Upload},
};
use xinglin_identity::access_token;
use xinglin_runtime::{Bundle, TrustStore};
use xinglin_store::Engine;

use crate::support::{Answer, Desk, Registry, TestHospital, guest::Guest, http};

const BOTH: &str = r#"policy = { all_of = ["vendor", "clinical"] }"#;

/// A hospital that requires the vendor's and a clinician's signature, and the folder with their
/// keys.
async fn strict(engine: Engine) -> (TestHospital, Desk) {
    let desk = Desk::new();
    let settings =
        format!("[trust]\n{BOTH}\n{}{}", desk.key("acme", "vendor").await, desk.key("committee", "clinical").await);
    desk.key("stranger", "vendor").await;
    desk.write("xinglin.toml", &settings);
    let file = desk.path("xinglin.toml");
    let trust = xinglin_platform::Config::load(Some(&file)).expect("settings").trust;
    let hospital = TestHospital::open_with(engine, |config| {
        config.plugins.allow_unsigned = false;
        config.trust = trust;
    })
    .await;
    (hospital, desk)
}

impl Desk {
    async fn sign(&self, file: &str, key: &str, role: &str) {
        self.xinglin(&["plugin", "sign", file, "--key", &format!("{key}.key"), "--role", role]).await.done();
    }

    /// The bundle of a package with the signatures of these.
    async fn bundle(&self, component: &[u8], signers: &[(&str, &str)]) -> Vec<u8> {
        for old in self.files(".minisig") {
            std::fs::remove_file(self.path(&old)).expect("removed");
        }
        self.write("x.wasm", component);
        for (key, role) in signers {
            self.sign("x.wasm", key, role).await;
        }
        self.xinglin(&["plugin", "save", "x.wasm", "-o", "x.xpk"]).await.done();
        self.read("x.xpk")
    }
}

async fn upload(hospital: &TestHospital, query: &str, bundle: Vec<u8>) -> Answer {
    hospital.operator.post_text(&format!("/api/v1/plugins{query}"), Bundle::MEDIA_TYPE, bundle).await
}

const VENDOR: (&str, &str) = ("acme", "vendor");

const COMMITTEE: (&str, &str) = ("committee", "clinical");

async fn only_packages_the_trust_policy_accepts_are_installed(engine: Engine) {
    let (hospital, desk) = strict(engine).await;
    let clinic = hospital.clinic(&[]).await;
    let before = hospital.footprint(&clinic.tenant).await;
    let guest = Guest::healthy();
    let package = guest.package();

    let unsigned = hospital.operator.upload(package.clone()).await.refused("unsigned", "PLUGIN_SIGNATURE");
    assert!(unsigned["detail"].as_str().is_some_and(|detail| detail.contains("not signed")), "{unsigned}");
    let stranger = desk.bundle(&package, &[("stranger", "vendor"), COMMITTEE]).await;
    let refused = upload(&hospital, "", stranger).await.refused("a stranger's", "PLUGIN_SIGNATURE");
    assert_eq!(refused["signatures"].as_array().map(Vec::len), Some(2), "{refused}");
    let standings: Vec<&Value> =
        refused["signatures"].as_array().expect("some").iter().map(|s| &s["standing"]).collect();
    assert!(standings.contains(&&json!("unknown")) && standings.contains(&&json!("good")), "{refused}");
    let vendors = desk.bundle(&package, &[VENDOR]).await;
    let refused = upload(&hospital, "", vendors.clone()).await.refused("the vendor's only", "PLUGIN_SIGNATURE");
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("missing clinical")), "{refused}");
    // Signed in a role that the key is not trusted for.
    let posing = desk.bundle(&package, &[VENDOR, ("committee", "vendor")]).await;
    upload(&hospital, "", posing).await.refused("posing as a vendor", "PLUGIN_SIGNATURE");

    // Valid signatures of another package.
    let other = desk.bundle(&guest.package_of("1.0.1"), &[VENDOR, COMMITTEE]).await;
    let other = Bundle::read(&other).expect("a bundle");
    let swapped = Bundle { component: package.clone().into(), ..other };
    let swapped = swapped.to_bytes().expect("bytes");
    upload(&hospital, "", swapped).await.refused("another's signatures", "PLUGIN_TAMPERED");
    let good = desk.bundle(&package, &[VENDOR, COMMITTEE]).await;
    let mut cut = good.clone();
    cut.truncate(good.len() - 2_000);
    upload(&hospital, "", cut).await.refused("cut short", "PLUGIN_INVALID");
    upload(&hospital, "", package.clone()).await.refused("no bundle", "PLUGIN_INVALID");
    hospital.operator.upload(good.clone()).await.refused("a bundle sent as a package", "PLUGIN_INVALID");
    assert_eq!(hospital.footprint(&clinic.tenant).await, before);

    let installed = upload(&hospital, "", good.clone()).await.done("signed by both");
    assert_eq!(installed["missing_signatures"], json!([]));
    let signers = |view: &Value| -> Vec<(String, String, bool)> {
        let signatures = view["signatures"].as_array().expect("signatures");
        let word = |s: &Value, key: &str| s[key].as_str().unwrap_or_default().to_owned();
        let mut all: Vec<_> =
            signatures.iter().map(|s| (word(s, "key"), word(s, "role"), s["trusted"] == true)).collect();
        all.sort();
        all
    };
    let both = [("acme".to_owned(), "vendor".to_owned(), true), ("committee".to_owned(), "clinical".to_owned(), true)];
    assert_eq!(signers(&installed), both);
    let listed = hospital.operator.get("/api/v1/plugins").await;
    assert_eq!((listed.as_array().map(Vec::len), signers(&listed[0])), (Some(1), both.to_vec()));
    clinic.doctor.hidden("/api/v1/plugins", "AUTH_FORBIDDEN").await;
    clinic.administrator.hidden(&format!("/api/v1/plugins/{}/bundle", guest.id), "AUTH_FORBIDDEN").await;
    assert_eq!(upload(&hospital, "", good).await.status, 201, "the same again");

    hospital.operator.put(&guest.path(&clinic.tenant), json!({})).await;
    hospital.operator.post(&format!("{}/enable", guest.path(&clinic.tenant)), json!(null)).await;
    clinic.signed().await;
}

async fn a_plugin_goes_forward_only(engine: Engine) {
    let hospital = TestHospital::open(engine).await;
    let guest = Guest::healthy();
    let send = async |query: &str, package: Vec<u8>| {
        hospital.operator.post_text(&format!("/api/v1/plugins{query}"), "application/wasm", package).await
    };
    let allowed = "?allow-downgrade=true";
    assert_eq!(send("", guest.package_of("1.1.0")).await.status, 201);
    assert_eq!(send("", guest.package_of("1.2.0")).await.status, 201);
    assert_eq!(send("", guest.package_of("1.1.0")).await.status, 201, "the same bytes as before");
    let refused = send("", guest.package_of("1.1.5")).await.refused("older", "PLUGIN_DOWNGRADE");
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("1.2.0")), "{refused}");
    send("", guest.package_of("1.2.0+again")).await.refused("not newer", "PLUGIN_DOWNGRADE");
    let other = Guest::new(guest.id, "unreachable").package_of("1.2.0");
    send("", other.clone()).await.refused("other bytes", "PLUGIN_DOWNGRADE");
    send(allowed, other).await.refused("other bytes, though allowed", "ALREADY_EXISTS");
    assert_eq!(send(allowed, guest.package_of("1.1.5")).await.status, 201);
    send("?allow-downgrade=perhaps", guest.package_of("1.0.0")).await.refused("no truth value", "BODY_INVALID");
    assert_eq!(send("", guest.package_of("1.3.0")).await.status, 201);

    // A recalled version cannot be added again, nor an older one.
    let recalled = hospital.operator.get("/api/v1/plugins").await;
    let digest = recalled.as_array().and_then(|all| all.last()).and_then(|p| p["digest"].as_str()).expect("a digest");
    let reason = json!({ "reason": "misses an interaction" });
    hospital.operator.post(&format!("/api/v1/recalls/{digest}"), reason).await;
    let refused = send(allowed, guest.package_of("1.3.0")).await.refused("recalled", "PLUGIN_RECALLED");
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("interaction")), "{refused}");
    send("", guest.package_of("1.2.9")).await.refused("older than what was recalled", "PLUGIN_DOWNGRADE");
    let bundle = format!("/api/v1/plugins/{}/bundle", guest.id);
    hospital.operator.hidden(&format!("{bundle}?version=1.3.0"), "PLUGIN_RECALLED").await;
    assert_eq!(send("", guest.package_of("1.3.1")).await.status, 201);

    // The minimum version applies in any case, to installed packages and new ones.
    let clinic = hospital.clinic(&[]).await;
    hospital.operator.put(&guest.path(&clinic.tenant), json!({ "version": "1.2.0" })).await;
    let floors = [(guest.id.to_owned(), "2.0.0".parse().expect("a version"))].into();
    let later =
        hospital.reopened(|config| config.trust = TrustStore::new(Vec::new(), None, floors).expect("floors")).await;
    let caller =
        access_token::caller(&later.identity, hospital.operator.token(), "later".into()).await.expect("the operator");
    let tenant: TenantId = clinic.tenant.parse().expect("a tenant");
    let refused =
        lifecycle::enable(&later.extensions, &caller, tenant, guest.id).await.map(|_| ()).expect_err("refused");
    assert_eq!(refused.code, Code::PluginDowngrade);
    let upload = Upload { bytes: guest.package_of("1.9.0"), bundled: false, allow_downgrade: true };
    let refused = package::install(&later.platform, &caller, upload).await.map(|_| ()).expect_err("refused");
    assert_eq!(refused.code, Code::PluginDowngrade);
}

async fn trust_is_checked_again_before_enabling(engine: Engine) {
    let (hospital, desk) = strict(engine).await;
    let clinic = hospital.clinic(&[]).await;
    let guest = Guest::healthy();
    let bundle = desk.bundle(&guest.package(), &[VENDOR, COMMITTEE]).await;
    upload(&hospital, "", bundle).await.done("signed by both");
    hospital.operator.put(&guest.path(&clinic.tenant), json!({})).await;
    let enable = format!("{}/enable", guest.path(&clinic.tenant));
    hospital.operator.post(&enable, json!(null)).await;

    // The operator revokes the committee's key.
    let settings = String::from_utf8(desk.read("xinglin.toml")).expect("text");
    let revoked = format!("{settings}revoked = true\n");
    let trusting = |text: &str| -> TrustStore {
        desk.write("changed.toml", text);
        xinglin_platform::Config::load(Some(&desk.path("changed.toml"))).expect("settings").trust
    };
    let tenant: TenantId = clinic.tenant.parse().expect("a tenant");
    for (settings, says) in [(revoked.as_str(), "revoked"), ("", "no trusted key")] {
        let trust = trusting(settings);
        let later = hospital.reopened(|config| config.trust = trust).await;
        let caller = access_token::caller(&later.identity, hospital.operator.token(), "later".into())
            .await
            .expect("the operator");
        let refused =
            lifecycle::enable(&later.extensions, &caller, tenant, guest.id).await.map(|_| ()).expect_err("refused");
        assert_eq!(refused.code, Code::PluginSignature);
        assert!(refused.detail.contains(says), "{}", refused.detail);
        let listed = package::list(&later.platform, &caller).await.expect("packages");
        let trusted: Vec<bool> = listed[0].signatures.iter().map(|signature| signature.trusted).collect();
        assert!(trusted.contains(&false), "{trusted:?}");
    }
    // Enabled plugins keep running: disable or recall them to stop them.
    clinic.signed().await;

    // A host that accepts unsigned plugins accepts it.
    let unsigned = hospital.reopened(|config| config.plugins.allow_unsigned = true).await;
    let caller = access_token::caller(&unsigned.identity, hospital.operator.token(), "later".into())
        .await
        .expect("the operator");
    assert!(lifecycle::enable(&unsigned.extensions, &caller, tenant, guest.id).await.is_ok());
}

macro_rules! on_each_engine {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(xinglin_store::Engine::Sqlite).await;
            })*
        }

        mod postgres_too {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(xinglin_store::Engine::Postgres).await;
            })*
        }
    };
}

on_each_engine!(
    only_packages_the_trust_policy_accepts_are_installed,
    a_plugin_goes_forward_only,
    trust_is_checked_again_before_enabling,
);

// --- minisign ----------------------------------------------------------------------

#[tokio::test]
async fn minisign_verifies_what_we_sign() {
    let desk = Desk::new().set("XINGLIN_KEY_PASSWORD", "open sesame");
    let made = desk.xinglin(&["plugin", "keygen", "acme", "--json"]).await.json();
    let id = made["key_id"].as_str().expect("an id");
    #[cfg(unix)]
    {
        let mode = std::fs::metadata(desk.path("acme.key")).expect("a file");
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
    }
    desk.xinglin(&["plugin", "keygen", "acme"]).await.failed("never written over");
    desk.write("x.wasm", Guest::healthy().package());
    desk.xinglin(&["plugin", "sign", "x.wasm", "--key", "acme.key", "--comment", "第一版"]).await.done();
    let signature = format!("x.wasm.{id}.minisig");
    let public = made["public_key"].as_str().expect("a key");
    for key in [["-p", "acme.pub"], ["-P", public]] {
        let verify = [&["-Vm", "x.wasm", "-x", &signature], key.as_slice()].concat();
        let verified = desk.minisign(&verify, "").await.done();
        assert!(verified.contains("role=vendor") && verified.contains("第一版"), "{verified}");
    }
    // Minisign reads the secret key, too, with its password.
    desk.minisign(&["-Sm", "x.wasm", "-s", "acme.key", "-x", "by-minisign"], "open sesame\n").await.done();
    desk.minisign(&["-Vm", "x.wasm", "-x", "by-minisign", "-p", "acme.pub"], "").await.done();
    // Neither reads it without.
    let locked = Desk::new();
    locked.write("acme.key", desk.read("acme.key"));
    locked.write("x.wasm", desk.read("x.wasm"));
    let sign = ["plugin", "sign", "x.wasm", "--key", "acme.key"];
    locked.xinglin(&sign).await.failed("XINGLIN_KEY_PASSWORD");
    locked.set("XINGLIN_KEY_PASSWORD", "guess").xinglin(&sign).await.failed("Wrong password");
}

#[tokio::test]
async fn we_verify_what_minisign_signs() {
    let desk = Desk::new();
    desk.minisign(&["-GW", "-p", "acme.pub", "-s", "acme.key"], "").await.done();
    desk.write("x.wasm", Guest::healthy().package());
    desk.minisign(&["-Sm", "x.wasm", "-s", "acme.key"], "").await.done();
    let public = String::from_utf8(desk.read("acme.pub")).expect("text");
    let public = public.lines().nth(1).expect("a key");
    let key = format!("[[trust.keys]]\nname = \"acme\"\nrole = \"vendor\"\npublic_key = \"{public}\"\n");
    desk.write("trust.toml", format!("[trust]\npolicy = \"vendor\"\n{key}"));
    let verify = ["plugin", "verify", "x.wasm", "--trust", "trust.toml", "--json"];
    let verified = desk.xinglin(&verify).await.json();
    assert_eq!((&verified["passes"], &verified["signatures"][0]["key"]), (&json!(true), &json!("acme")));
    // Signing with a key of minisign.
    std::fs::remove_file(desk.path("x.wasm.minisig")).expect("removed");
    desk.sign("x.wasm", "acme", "vendor").await;
    let verified = desk.xinglin(&verify).await.json();
    assert!(verified["signatures"][0]["signed_at"].is_number(), "{verified}");

    let text = desk.xinglin(&["plugin", "verify", "x.wasm", "--trust", "trust.toml"]).await.done();
    assert!(text.contains("+ acme (vendor)") && text.contains("policy: vendor: met"), "{text}");
    // Each failure has its message and exits with 1.
    let verify = ["plugin", "verify", "x.wasm"];
    desk.xinglin(&verify).await.failed("PLUGIN_SIGNATURE");
    desk.write("xinglin.toml", format!("[trust]\npolicy = \"vendor\"\n{key}revoked = true\n"));
    desk.xinglin(&verify).await.failed("revoked");
    desk.write("xinglin.toml", format!("[trust]\npolicy = \"vendor\"\n{key}"));
    desk.xinglin(&verify).await.done();
    desk.write("x.wasm", Guest::healthy().package_of("1.0.1"));
    desk.xinglin(&verify).await.failed("PLUGIN_TAMPERED");
    desk.write(&desk.files(".minisig")[0], "hello");
    desk.xinglin(&verify).await.failed("not a minisign signature");
}

// --- from host to host -------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_is_exported_and_imported_by_another_host() {
    let (first, desk) = strict(Engine::Sqlite).await;
    let guest = Guest::healthy();
    desk.write("x.wasm", guest.package());
    desk.sign("x.wasm", "acme", "vendor").await;
    desk.sign("x.wasm", "committee", "clinical").await;
    let trust = first.hospital.config().trust.clone();
    let second = TestHospital::open_with(Engine::Sqlite, |config| {
        config.plugins.allow_unsigned = false;
        config.trust = trust;
    })
    .await;

    // The command line with a running host.
    let at = |hospital: &TestHospital| {
        let desk = Desk::new().set("XINGLIN_TOKEN", hospital.operator.token());
        desk.set("XINGLIN_URL", hospital.anyone.base())
    };
    let here = at(&first);
    for file in std::iter::once("x.wasm".to_owned()).chain(desk.files(".minisig")) {
        here.write(&file, desk.read(&file));
    }
    let installed = here.xinglin(&["plugin", "install", "x.wasm", "--json"]).await.json();
    assert_eq!(installed[0]["signatures"].as_array().map(Vec::len), Some(2), "{installed}");
    here.xinglin(&["plugin", "save", guest.id, "-o", "x.xpk"]).await.done();
    here.xinglin(&["plugin", "save", "test.healthy@1.0.0", "-o", "y.xpk"]).await.done();
    assert_eq!(here.read("x.xpk"), here.read("y.xpk"));
    here.xinglin(&["plugin", "save", "test.healthy@9.0.0", "-o", "z.xpk"]).await.failed("NOT_FOUND");

    // Without a network between the two.
    let there = at(&second);
    let good = here.read("x.xpk");
    there.write("x.xpk", &good);
    there.write("cut.xpk", &good[..good.len() / 2]);
    let mut changed = good.clone();
    changed[good.len() / 2] ^= 1;
    there.write("changed.xpk", changed);
    there.write("x.wasm", here.read("x.wasm"));
    there.xinglin(&["plugin", "load", "cut.xpk"]).await.failed("cut short");
    there.xinglin(&["plugin", "load", "x.xpk", "changed.xpk"]).await.failed("not what its index says");
    there.xinglin(&["plugin", "load", "x.wasm"]).await.failed("no bundle");
    assert_eq!(second.operator.get("/api/v1/plugins").await, json!([]), "all or nothing");
    there.xinglin(&["plugin", "install", "x.wasm"]).await.failed("PLUGIN_SIGNATURE");
    let told = there.xinglin(&["plugin", "load", "x.xpk"]).await.done();
    assert!(told.contains("signed by acme (vendor)") && told.contains("committee (clinical)"), "{told}");
    let nobody = Desk::new().set("XINGLIN_URL", second.anyone.base());
    nobody.write("x.xpk", &good);
    nobody.xinglin(&["plugin", "load", "x.xpk"]).await.failed("XINGLIN_TOKEN");
    nobody.set("XINGLIN_TOKEN", "made-up").xinglin(&["plugin", "load", "x.xpk"]).await.failed("AUTH_REQUIRED");

    // On a folder, without a server.
    let folder = Desk::new();
    folder.write("x.xpk", &good);
    folder.write("x.wasm", here.read("x.wasm"));
    folder.xinglin(&["plugin", "load", "x.xpk"]).await.failed("PLUGIN_SIGNATURE");
    folder.write("xinglin.toml", desk.read("xinglin.toml"));
    folder.xinglin(&["plugin", "load", "x.xpk"]).await.done();
    folder.xinglin(&["plugin", "save", guest.id, "-o", "again.xpk"]).await.done();
    assert_eq!(folder.read("again.xpk"), good);
    folder.write("old.wasm", guest.package_of("0.9.0"));
    let folder = folder.set("XINGLIN_PLUGINS__ALLOW_UNSIGNED", "true");
    folder.xinglin(&["plugin", "install", "old.wasm"]).await.failed("PLUGIN_DOWNGRADE");
    let told = folder.xinglin(&["plugin", "install", "old.wasm", "--allow-downgrade"]).await.done();
    assert!(told.contains("taken although it lacks: vendor, clinical"), "{told}");
    let body = second.operator.ask(Method::GET, "/api/v1/plugins/test.healthy/bundle", None).await;
    assert!(body.status.is_success());
}

// --- a registry --------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_is_pushed_to_and_pulled_from_a_registry() {
    let registry = Registry::start(false).await;
    let (hospital, desk) = strict(Engine::Sqlite).await;
    let guest = Guest::healthy();
    let package = guest.package();
    desk.write("x.wasm", &package);
    desk.sign("x.wasm", "acme", "vendor").await;
    let name = format!("{}/acme/healthy", registry.address);
    let pushed = desk.xinglin(&["plugin", "push", &name, "x.wasm", "--json"]).await.json();
    assert_eq!((&pushed["reference"], &pushed["signatures"]), (&json!(format!("{name}:1.0.0")), &json!(1)));

    // The layout for other tools.
    let manifest: Value = http()
        .build()
        .expect("a client")
        .get(format!("http://{}/v2/acme/healthy/manifests/1.0.0", registry.address))
        .header("accept", "application/vnd.oci.image.manifest.v1+json")
        .send()
        .await
        .expect("the registry answers")
        .json()
        .await
        .expect("a manifest");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    let digest = pushed["digest"].as_str().expect("a digest");
    assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(1));
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(manifest["layers"][0]["digest"], format!("sha256:{digest}"));
    let config = manifest["config"]["digest"].as_str().expect("a digest").trim_start_matches("sha256:");
    let config: Value = serde_json::from_slice(&std::fs::read(registry.blob(config)).expect("a blob")).expect("JSON");
    assert_eq!((&config["architecture"], &config["os"]), (&json!("wasm"), &json!("wasip2")));
    assert_eq!(config["layerDigests"], json!([format!("sha256:{digest}")]));
    assert_eq!(config["component"]["exports"], json!(["xinglin:prescribing/review@1.0.0"]));

    // The committee pulls it, signs it and adds its signature.
    let committee = Desk::new();
    committee.write("committee.key", desk.read("committee.key"));
    committee.xinglin(&["plugin", "pull", &format!("{name}:1.0.0")]).await.done();
    assert_eq!(committee.read("test.healthy-1.0.0.wasm"), package);
    assert_eq!(committee.files(".minisig").len(), 1);
    committee.sign("test.healthy-1.0.0.wasm", "committee", "clinical").await;
    let again = committee.xinglin(&["plugin", "push", &name, "test.healthy-1.0.0.wasm", "--json"]).await.json();
    assert_eq!((&again["manifest"], &again["signatures"]), (&pushed["manifest"], &json!(2)));

    // A host pulls it by tag or by digest, and its policy decides.
    let pinned = format!("oci://{name}@{}", pushed["manifest"].as_str().expect("a digest"));
    let host = Desk::new().set("XINGLIN_TOKEN", hospital.operator.token()).set("XINGLIN_URL", hospital.anyone.base());
    let installed = host.xinglin(&["plugin", "install", &pinned, "--json"]).await.json();
    assert_eq!(installed[0]["digest"], digest);
    assert_eq!(installed[0]["signatures"].as_array().map(Vec::len), Some(2));

    // A tag is not moved by accident.
    desk.write("other.wasm", Guest::new(guest.id, "unreachable").package());
    desk.xinglin(&["plugin", "push", &name, "other.wasm"]).await.failed("--force");
    desk.xinglin(&["plugin", "push", &name, "other.wasm", "--force"]).await.done();
    let moved = Desk::new();
    moved.xinglin(&["plugin", "pull", &format!("{name}:1.0.0"), "-o", "moved.wasm"]).await.done();
    assert_eq!((moved.read("moved.wasm"), moved.files(".minisig").len()), (desk.read("other.wasm"), 0));
    moved.xinglin(&["plugin", "pull", &format!("{name}:9.9.9")]).await.failed("there is no");

    // Bytes that do not match the registry's digest are refused.
    let mut bytes = package;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(registry.blob(digest), &bytes).expect("poisoned");
    let before = moved.files(".wasm");
    let poisoned = moved.xinglin(&["plugin", "pull", &pinned]).await;
    assert!(!poisoned.good, "{}", poisoned.out);
    bytes.extend([0; 4_096]);
    std::fs::write(registry.blob(digest), &bytes).expect("poisoned");
    assert!(!moved.xinglin(&["plugin", "pull", &pinned]).await.good);
    assert_eq!(moved.files(".wasm"), before, "nothing of it was kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registry_credentials_are_read_as_docker_does() {
    let registry = Registry::start(true).await;
    let push = |desk: Desk| {
        let name = format!("{}/acme/healthy", registry.address);
        async move {
            desk.write("x.wasm", Guest::healthy().package());
            desk.xinglin(&["plugin", "push", &name, "x.wasm"]).await
        }
    };
    assert!(!push(Desk::new()).await.good);
    let wrong = Desk::new().set("XINGLIN_REGISTRY_USER", "robot").set("XINGLIN_REGISTRY_PASSWORD", "guess");
    let wrong = push(wrong).await;
    assert!(!wrong.good && !wrong.err.contains("guess"), "{}", wrong.err);
    let right = Desk::new().set("XINGLIN_REGISTRY_USER", "robot").set("XINGLIN_REGISTRY_PASSWORD", "secret");
    push(right).await.done();
    // The file of `docker login`: base64 of robot:secret.
    let docker = Desk::new();
    std::fs::create_dir(docker.path(".docker")).expect("a folder");
    let auths = json!({ "auths": { registry.address.clone(): { "auth": "cm9ib3Q6c2VjcmV0" } } });
    docker.write(".docker/config.json", auths.to_string());
    push(docker).await.done();
    // Credentials are never sent without TLS.
    let far = Desk::new().set("XINGLIN_REGISTRY_USER", "robot").set("XINGLIN_REGISTRY_PASSWORD", "secret");
    let clear = far.xinglin(&["plugin", "pull", "registry.invalid/acme/x:1", "--plain-http"]).await;
    clear.failed("in the clear");
}
