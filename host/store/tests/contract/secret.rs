//! Secrets of plugins, and where identity went.

use xinglin_domain::id::CallId;
use xinglin_store::{Cursor, Disclosure, Engine, PluginSecret, Result};

use crate::{Bench, at, code_of, contract, here_id};

contract!(a_secret_changes_by_version, secrets_are_of_one_tenant_and_plugin, disclosures_only_grow);

fn secret(plugin: &str, kind: &str, name: &str) -> PluginSecret {
    PluginSecret {
        tenant: here_id(),
        plugin_id: plugin.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        sealed: vec![0, 0xff, 7],
        public: (kind != "secret").then(|| vec![4; 65]),
        version: 0,
        updated_at: at(1),
    }
}

async fn a_secret_changes_by_version(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    let mut kept = secret("gateway", "secret", "token");
    kept.version = tx.put_plugin_secret(&kept).await?;
    tx.commit().await?;
    assert_eq!(tenant.find_plugin_secret("gateway", "secret", "token").await?, Some(kept.clone()));

    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.put_plugin_secret(&PluginSecret { version: 0, ..kept.clone() }).await), "VERSION_CONFLICT");
    drop(tx);
    let tx = tenant.begin().await?;
    kept = PluginSecret { sealed: vec![9], updated_at: at(2), ..kept };
    kept.version = tx.put_plugin_secret(&kept).await?;
    tx.commit().await?;
    assert_eq!(kept.version, 2);
    assert_eq!(tenant.list_plugin_secrets("gateway").await?, [kept.clone()]);

    let tx = tenant.begin().await?;
    assert!(tx.delete_plugin_secret("gateway", "secret", "token").await?);
    assert!(!tx.delete_plugin_secret("gateway", "secret", "token").await?);
    assert_eq!(code_of(tx.put_plugin_secret(&kept).await), "VERSION_CONFLICT", "it is gone");
    Ok(())
}

async fn secrets_are_of_one_tenant_and_plugin(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    for (kind, name) in [("sm2", "gateway"), ("secret", "b"), ("secret", "a"), ("sm4", "gateway")] {
        tx.put_plugin_secret(&secret("p", kind, name)).await?;
    }
    tx.put_plugin_secret(&secret("q", "secret", "a")).await?;
    tx.commit().await?;
    let kept = tenant.list_plugin_secrets("p").await?;
    let names: Vec<_> = kept.iter().map(|s| (s.kind.as_str(), s.name.as_str(), s.public.is_some())).collect();
    assert_eq!(
        names,
        [("secret", "a", false), ("secret", "b", false), ("sm2", "gateway", true), ("sm4", "gateway", true)]
    );
    assert_eq!(tenant.find_plugin_secret("p", "ed25519", "gateway").await?, None);
    assert_eq!(bench.there().find_plugin_secret("p", "secret", "a").await?, None);
    assert_eq!(bench.there().list_plugin_secrets("p").await?, []);
    Ok(())
}

fn disclosure(number: u8, patient: &str) -> Disclosure {
    Disclosure {
        id: format!("d-{number}"),
        patient_id: patient.to_owned(),
        plugin_id: "gateway".to_owned(),
        call_id: CallId::from_u128(7),
        field: "id-number".to_owned(),
        host: "api.example.com".to_owned(),
        at: at(number.into()),
    }
}

async fn disclosures_only_grow(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    let all = [disclosure(1, "pat-1"), disclosure(2, "pat-1"), disclosure(3, "pat-2")];
    tx.append_disclosures(&all).await?;
    tx.commit().await?;
    assert_eq!(tenant.list_disclosures("pat-1", None, 1).await?, [all[1].clone()]);
    let after = Cursor { at: all[1].at, id: all[1].id.clone() };
    assert_eq!(tenant.list_disclosures("pat-1", Some(&after), 9).await?, [all[0].clone()]);
    assert_eq!(bench.there().list_disclosures("pat-1", None, 9).await?, []);

    for sql in ["UPDATE identity_disclosure SET host = ''", "DELETE FROM identity_disclosure"] {
        assert!(bench.raw(sql).await.is_err(), "{sql}");
    }
    let way_around = match bench.engine() {
        Engine::Sqlite => "INSERT OR REPLACE INTO identity_disclosure SELECT * FROM identity_disclosure",
        Engine::Postgres => "TRUNCATE identity_disclosure",
    };
    assert!(bench.raw(way_around).await.is_err(), "{way_around}");
    Ok(())
}
