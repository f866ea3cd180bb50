//! Packages, installs and what plugins keep.

use serde_json::json;
use xinglin_domain::{decision::Difference, id::CallId};
use xinglin_store::{
    Install, InstallState, KvWrite, NewPackage, OperatorTx, PackageSignature, Result, Revoked, ShadowCall,
    ShadowOutcome, ShadowSummary,
};

use crate::{Bench, at, code_of, contract, here_id, is_unique_in, there_id};

contract!(
    a_package_is_kept_once_by_its_digest,
    a_package_keeps_one_signature_a_key,
    a_recall_names_everybody_concerned,
    an_install_changes_by_version,
    a_candidate_is_compared_call_by_call,
    a_plugin_keeps_values_within_its_quota,
);

async fn keep(tx: &OperatorTx, digest: &str, version: &str) -> Result<bool> {
    let package = NewPackage {
        digest: digest.to_owned(),
        plugin_id: "diabetes".to_owned(),
        plugin_version: version.to_owned(),
        manifest: json!({"capabilities": ["log"]}),
        bytes: vec![0, 0x61, 0x73, 0x6d, 0xff],
        inserted_at: at(0),
    };
    tx.insert_package(package).await
}

fn install(digest: &str, state: InstallState) -> Install {
    Install {
        tenant: here_id(),
        plugin_id: "diabetes".to_owned(),
        digest: digest.to_owned(),
        previous_digest: None,
        candidate_digest: None,
        state,
        shadow: None,
        recalled: None,
        grants: json!(["log"]),
        settings: json!({}),
        definition: Some(json!({"stages": []})),
        version: 0,
        updated_at: at(1),
    }
}

async fn a_package_is_kept_once_by_its_digest(bench: Bench) -> Result<()> {
    let operator = bench.operator();
    let tx = operator.begin().await?;
    assert!(keep(&tx, "aa", "1.0.0").await?);
    assert!(!keep(&tx, "aa", "1.0.0").await?, "the same bytes again");
    assert!(keep(&tx, "bb", "1.1.0").await?);
    tx.commit().await?;
    let tx = operator.begin().await?;
    assert!(is_unique_in(keep(&tx, "cc", "1.0.0").await, "plugin_package"), "other bytes, same name");
    drop(tx);

    let package = operator.get_package("aa").await?;
    assert_eq!((package.plugin_version.as_str(), package.revoked.clone()), ("1.0.0", None));
    assert_eq!(operator.get_package_bytes("aa").await?, [0, 0x61, 0x73, 0x6d, 0xff]);
    assert_eq!(code_of(operator.get_package_bytes("dd").await), "NOT_FOUND");
    assert_eq!(code_of(operator.get_package("dd").await), "NOT_FOUND");
    let digests: Vec<_> = operator.list_packages().await?.into_iter().map(|package| package.digest).collect();
    assert_eq!(digests, ["aa", "bb"]);
    Ok(())
}

async fn a_package_keeps_one_signature_a_key(bench: Bench) -> Result<()> {
    let operator = bench.operator();
    let tx = operator.begin().await?;
    keep(&tx, "aa", "1.0.0").await?;
    let signed = |key: &str, seconds: i64| PackageSignature {
        digest: "aa".to_owned(),
        key_id: key.to_owned(),
        key_name: "acme".to_owned(),
        role: "vendor".to_owned(),
        signature: format!("untrusted comment: {seconds}\n"),
        signed_at: (seconds > 1).then(|| at(seconds)),
        recorded_at: at(9),
    };
    for signature in [signed("K2", 1), signed("K1", 2), signed("K2", 3)] {
        tx.put_signature(&signature).await?;
    }
    tx.commit().await?;
    assert_eq!(operator.list_signatures("aa").await?, [signed("K1", 2), signed("K2", 3)], "the later one stands");
    assert_eq!(operator.list_signatures("bb").await?, []);
    let tx = operator.begin().await?;
    tx.put_signature(&signed("K3", 1)).await?;
    assert_eq!(tx.list_signatures("aa").await?[2], signed("K3", 1), "made at an unknown time");
    let homeless = PackageSignature { digest: "zz".to_owned(), ..signed("K1", 1) };
    assert_eq!(code_of(tx.put_signature(&homeless).await), "REFERENCE_INVALID");
    Ok(())
}

async fn a_recall_names_everybody_concerned(bench: Bench) -> Result<()> {
    let operator = bench.operator();
    let tx = operator.begin().await?;
    keep(&tx, "aa", "1.0.0").await?;
    keep(&tx, "bb", "1.1.0").await?;
    tx.commit().await?;
    let tx = bench.here().begin().await?;
    tx.put_install(&install("aa", InstallState::Enabled)).await?;
    tx.commit().await?;
    let tx = bench.there().begin().await?;
    let upgraded = Install { previous_digest: Some("aa".to_owned()), ..install("bb", InstallState::Disabled) };
    tx.put_install(&upgraded).await?;
    tx.commit().await?;

    let concerned: Vec<_> = operator.list_installs_of("aa").await?.into_iter().map(|i| i.tenant).collect();
    assert_eq!(concerned, [here_id(), there_id()]);
    let enabled: Vec<_> = operator.list_enabled_installs().await?.into_iter().map(|i| i.tenant).collect();
    assert_eq!(enabled, [here_id()]);

    let tx = operator.begin().await?;
    let revoked = |reason: &str, at| Revoked { at, reason: reason.to_owned(), by: "operator".to_owned() };
    tx.revoke_package("aa", &revoked("misses an interaction", at(9))).await?;
    tx.revoke_package("aa", &revoked("again", at(10))).await?;
    assert_eq!(code_of(tx.revoke_package("dd", &revoked("?", at(9))).await), "NOT_FOUND");
    tx.commit().await?;
    assert_eq!(operator.list_revoked().await?, ["aa"]);
    assert_eq!(bench.here().get_install("diabetes").await?.recalled, Some(at(9)));
    assert_eq!(bench.there().get_install("diabetes").await?.recalled, None, "it calls another");
    assert_eq!(operator.get_package("aa").await?.revoked, Some(revoked("misses an interaction", at(9))));
    Ok(())
}

async fn an_install_changes_by_version(bench: Bench) -> Result<()> {
    let tx = bench.operator().begin().await?;
    keep(&tx, "aa", "1.0.0").await?;
    tx.commit().await?;
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    let mut install = install("aa", InstallState::Installed);
    install.version = tx.put_install(&install).await?;
    tx.commit().await?;
    assert_eq!(tenant.get_install("diabetes").await?, install);

    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.put_install(&Install { version: 0, ..install.clone() }).await), "VERSION_CONFLICT");
    install.state = InstallState::Enabled;
    install.definition = None;
    install.version = tx.put_install(&install).await?;
    tx.commit().await?;
    assert_eq!(install.version, 2);
    assert_eq!(tenant.list_installs(Some(InstallState::Enabled)).await?, [install.clone()]);
    assert_eq!(tenant.list_installs(Some(InstallState::Disabled)).await?, []);
    assert_eq!(tenant.list_installs(None).await?.len(), 1);

    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.delete_install("diabetes", 1).await), "VERSION_CONFLICT");
    tx.delete_install("diabetes", 2).await?;
    assert_eq!(code_of(tx.put_install(&install).await), "VERSION_CONFLICT", "it is gone");
    tx.commit().await?;
    assert_eq!(code_of(tenant.get_install("diabetes").await), "NOT_FOUND");

    let tx = tenant.begin().await?;
    let homeless = Install { digest: "zz".to_owned(), version: 0, ..install };
    assert_eq!(code_of(tx.put_install(&homeless).await), "REFERENCE_INVALID");
    Ok(())
}

fn write(key: &str, value: Option<&str>) -> KvWrite {
    KvWrite { key: key.to_owned(), value: value.map(|value| value.as_bytes().to_owned()) }
}

async fn a_plugin_keeps_values_within_its_quota(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    assert_eq!(tx.write_kv("p", &[write("a", Some("1234")), write("b/x", Some(""))], 100).await?, 8);
    assert_eq!(tx.write_kv("p", &[write("a", Some("12")), write("gone", None)], 100).await?, 6);
    assert_eq!(tx.write_kv("q", &[write("a", Some("!"))], 100).await?, 2);
    tx.commit().await?;
    assert_eq!(tenant.find_kv("p", "a").await?.as_deref(), Some(b"12".as_slice()));
    assert_eq!(tenant.find_kv("p", "c").await?, None);
    assert_eq!(bench.there().find_kv("p", "a").await?, None);
    assert_eq!(tenant.list_kv_keys("p", "").await?, ["a", "b/x"]);
    assert_eq!(tenant.list_kv_keys("p", "b/").await?, ["b/x"]);
    assert_eq!(tenant.kv_usage("p").await?, 6);
    assert_eq!(tenant.kv_usage("nobody").await?, 0);

    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.write_kv("p", &[write("big", Some("123456789"))], 17).await), "QUOTA_EXCEEDED");
    assert_eq!(code_of(tx.commit().await), "STORE_ABORTED");
    assert_eq!(tenant.find_kv("p", "big").await?, None);

    let tx = tenant.begin().await?;
    assert_eq!(tx.write_kv("p", &[write("a", None), write("b/x", None)], 0).await?, 0);
    tx.commit().await?;
    assert_eq!(tenant.list_kv_keys("p", "").await?, [""; 0]);
    Ok(())
}

async fn a_candidate_is_compared_call_by_call(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let differs = |kind: &str| Difference {
        kind: kind.to_owned(),
        before: vec!["warn".to_owned()],
        after: vec!["veto".to_owned()],
    };
    let call = |number, outcome, differences| ShadowCall {
        call_id: CallId::from_u128(number),
        plugin_id: "diabetes".to_owned(),
        digest: "aa".to_owned(),
        candidate_digest: "bb".to_owned(),
        hook: "pathway/step".to_owned(),
        outcome,
        differences,
        compared_at: at(1),
    };
    let tx = tenant.begin().await?;
    tx.put_shadow_call(&call(1, ShadowOutcome::Same, Vec::new())).await?;
    tx.put_shadow_call(&call(2, ShadowOutcome::Differs, vec![differs("alert"), differs("stage")])).await?;
    tx.put_shadow_call(&call(3, ShadowOutcome::Differs, vec![differs("stage")])).await?;
    tx.put_shadow_call(&call(4, ShadowOutcome::Inconclusive, Vec::new())).await?;
    // Compared again: the last word counts.
    tx.put_shadow_call(&call(3, ShadowOutcome::Differs, vec![differs("alert")])).await?;
    tx.commit().await?;
    let kinds = vec![("alert".to_owned(), 2), ("stage".to_owned(), 1)];
    let summary = ShadowSummary { same: 1, differing: 2, inconclusive: 1, kinds };
    assert_eq!(tenant.shadow_summary("bb").await?, summary);
    assert_eq!(bench.there().shadow_summary("bb").await?, ShadowSummary::default());
    let examples = tenant.list_shadow_differences("bb", 2).await?;
    assert_eq!(examples.iter().map(|e| e.difference.clone()).collect::<Vec<_>>(), [differs("alert"), differs("alert")]);

    let tx = tenant.begin().await?;
    tx.clear_shadow("bb").await?;
    tx.commit().await?;
    assert_eq!(tenant.shadow_summary("bb").await?, ShadowSummary::default());
    Ok(())
}
