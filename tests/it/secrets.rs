//! Secrets of plugins, set on the command line and never returned.

use serde_json::json;

use crate::support::{Process, guest::Guest, rules_on_both_engines};

rules_on_both_engines!(Process: secrets_and_keys_are_managed_from_the_command_line);

async fn secrets_and_keys_are_managed_from_the_command_line(process: Process) {
    let operator = process.operator().await;
    let tenant = operator.post("/api/v1/tenants", json!({ "kind": "hospital", "name": "杏林" })).await;
    let tenant = tenant["id"].as_str().expect("an id");
    let guest = Guest::new("test.keeper", "unreachable").manifest(
        r#"
        [capabilities.secrets]
        keys = ["token"]
        [capabilities.signing]
        keys = { pen = "ed25519", box = "sm4" }
        "#,
    );
    operator.upload(guest.package()).await.done("/api/v1/plugins");
    operator.put(&guest.path(tenant), json!({})).await;

    let secret = ["plugin", "secret", "test.keeper"];
    assert_eq!(process.xinglin(&secret).await.done(), "token: missing\n");
    let token = [&secret[..], &["token"]].concat();
    let told = process.xinglin_reading("s3cret-value\n", &token).await.done();
    assert!(told.starts_with("token: kept, version 1 of ") && !told.contains("s3cret"), "{told}");
    let listed = operator.get(&format!("{}/secrets", guest.path(tenant))).await;
    assert_eq!((&listed[0]["name"], &listed[0]["kept"]), (&json!("token"), &json!(true)));
    process.xinglin_reading("abc", &token).await.failed("BODY_INVALID");
    process.xinglin_reading("long enough", &[&secret[..], &["other"]].concat()).await.failed("NOT_FOUND");
    assert_eq!(process.xinglin(&[&token[..], &["--remove"]].concat()).await.done(), "token: missing\n");

    let key = ["plugin", "key", "test.keeper"];
    assert_eq!(process.xinglin(&key).await.done(), "box: sm4, missing\npen: ed25519, missing\n");
    let drawn = process.xinglin(&[&key[..], &["pen"]].concat()).await.done();
    let public = drawn.split("pen: ed25519, public half ").nth(1).expect("a key").trim().to_owned();
    process.xinglin(&[&key[..], &["pen"]].concat()).await.failed("ALREADY_EXISTS");
    let replaced = process.xinglin(&[&key[..], &["pen", "--replace"]].concat()).await.done();
    assert!(!replaced.contains(&public), "{replaced}");
    process.xinglin(&[&key[..], &["box"]].concat()).await.failed("import");
    let file = process.put("sm4.key", &[7; 16]);
    let kept = process.xinglin(&[&key[..], &["box", "--import", &file]].concat()).await.done();
    assert!(kept.starts_with("box: sm4, kept\n"), "{kept}");
}
