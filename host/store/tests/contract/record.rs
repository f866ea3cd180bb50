//! The clinical record.

use std::collections::HashMap;

use serde_json::{json, value::RawValue};
use xinglin_store::{
    CodeFilter, PatientQuery, Resource, ResourceQuery, ResourceWrite, Result, Tenant, Token, TokenFilter,
};

use crate::{Bench, at, code_of, contract};

contract!(
    versions_succeed_each_other,
    a_batch_is_written_whole,
    a_version_that_skips_or_repeats_is_refused,
    a_deleted_resource_is_found_by_id_only,
    a_patient_s_record_is_read_newest_first,
    search_filters_and_pages,
    numbers_keep_their_digits,
);

const LOINC: &str = "http://loinc.org";

fn observation(id: &str, patient: &str, code: &str, effective: i64) -> ResourceWrite {
    ResourceWrite {
        kind: "Observation".to_owned(),
        id: id.to_owned(),
        version: 1,
        patient_id: Some(patient.to_owned()),
        effective_at: at(effective),
        last_updated: at(1_000),
        deleted: false,
        body: text(&json!({"resourceType": "Observation", "id": id, "version": 1})),
        tokens: vec![
            token("code", LOINC, code),
            token("category", "", "laboratory"),
            token("category", "", "laboratory"),
        ],
    }
}

fn text(value: &serde_json::Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).expect("JSON")
}

fn token(param: &str, system: &str, code: &str) -> Token {
    Token { param: param.to_owned(), system: system.to_owned(), code: code.to_owned() }
}

fn code(system: Option<&str>, code: &str) -> CodeFilter {
    CodeFilter { system: system.map(str::to_owned), code: code.to_owned() }
}

fn filter(param: &str, any_of: &[CodeFilter]) -> TokenFilter {
    TokenFilter { param: param.to_owned(), any_of: any_of.to_vec() }
}

fn observations() -> ResourceQuery {
    ResourceQuery { kind: "Observation".to_owned(), ..ResourceQuery::default() }
}

fn ids(resources: &[Resource]) -> Vec<&str> {
    resources.iter().map(|resource| resource.id.as_str()).collect()
}

async fn put(tenant: &Tenant, writes: &[ResourceWrite]) -> Result<()> {
    let tx = tenant.begin().await?;
    tx.put_resources(writes).await?;
    tx.commit().await
}

async fn versions_succeed_each_other(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let mut glucose = observation("o1", "p1", "14743-9", 10);
    put(&tenant, &[glucose.clone()]).await?;
    glucose.version = 2;
    glucose.effective_at = at(20);
    glucose.tokens = vec![token("code", LOINC, "4548-4")];
    glucose.body = text(&json!({"resourceType": "Observation", "id": "o1", "version": 2}));
    put(&tenant, &[glucose.clone()]).await?;

    let current = tenant.get_resource("Observation", "o1").await?;
    assert_eq!((current.version, current.effective_at, current.last_updated), (2, at(20), at(1_000)));
    assert_eq!(current.patient_id.as_deref(), Some("p1"));
    let read: serde_json::Value = serde_json::from_str(current.body.get()).expect("JSON");
    assert_eq!(read, json!({"resourceType": "Observation", "id": "o1", "version": 2}));

    assert_eq!(tenant.get_resource_version("Observation", "o1", 1).await?.effective_at, at(10));
    assert_eq!(tenant.get_resource_version("Observation", "o1", 2).await?.effective_at, at(20));
    assert_eq!(code_of(tenant.get_resource_version("Observation", "o1", 3).await), "NOT_FOUND");
    assert_eq!(code_of(tenant.get_resource("Condition", "o1").await), "NOT_FOUND");
    assert_eq!(code_of(bench.there().get_resource("Observation", "o1").await), "NOT_FOUND");
    let versions = |history: Vec<Resource>| history.iter().map(|resource| resource.version).collect::<Vec<_>>();
    assert_eq!(versions(tenant.list_resource_history("Observation", "o1", None, 10).await?), [2, 1]);
    assert_eq!(versions(tenant.list_resource_history("Observation", "o1", Some(2), 10).await?), [1]);
    assert_eq!(versions(tenant.list_resource_history("Observation", "o1", None, 1).await?), [2]);

    let old = ResourceQuery { tokens: vec![filter("code", &[code(None, "14743-9")])], ..observations() };
    assert_eq!(tenant.count_resources(&old).await?, 0, "the old version's tokens are gone");
    let new = ResourceQuery { tokens: vec![filter("code", &[code(None, "4548-4")])], ..observations() };
    assert_eq!(tenant.count_resources(&new).await?, 1);
    Ok(())
}

async fn a_batch_is_written_whole(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let first: Vec<_> = (0..777).map(|n| observation(&format!("o{n}"), "p1", "14743-9", n)).collect();
    put(&tenant, &first).await?;
    assert_eq!(tenant.count_resources(&observations()).await?, 777);

    // Half of them again, and as many new ones.
    let second: Vec<_> = (400..1_200)
        .map(|n| {
            let version = if n < 777 { 2 } else { 1 };
            ResourceWrite { version, ..observation(&format!("o{n}"), "p1", "4548-4", n) }
        })
        .collect();
    put(&tenant, &second).await?;
    assert_eq!(tenant.count_resources(&observations()).await?, 1_200);
    let by_code =
        |wanted| ResourceQuery { tokens: vec![filter("code", &[code(Some(LOINC), wanted)])], ..observations() };
    assert_eq!(tenant.count_resources(&by_code("14743-9")).await?, 400);
    assert_eq!(tenant.count_resources(&by_code("4548-4")).await?, 800);

    let keys: Vec<_> =
        ["o1", "o400", "o1199", "o1200"].map(|id| ("Observation".to_owned(), id.to_owned())).into_iter().collect();
    let versions = tenant.resource_versions(&keys).await?;
    let expected = keys.iter().cloned().zip([1, 2, 1]).collect::<HashMap<_, _>>();
    assert_eq!(versions, expected);
    Ok(())
}

async fn a_version_that_skips_or_repeats_is_refused(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    put(&tenant, &[observation("o1", "p1", "4548-4", 0)]).await?;
    for (id, version) in [("o1", 1), ("o1", 3), ("new", 2)] {
        let tx = tenant.begin().await?;
        let good = observation("good", "p1", "4548-4", 0);
        let odd = ResourceWrite { version, ..observation(id, "p1", "4548-4", 0) };
        let error = tx.put_resources(&[good, odd]).await.expect_err("a refusal");
        assert_eq!(error.code(), "VERSION_CONFLICT");
        assert!(error.to_string().contains(&format!("Observation/{id}")), "{error}");
        assert_eq!(code_of(tx.commit().await), "STORE_ABORTED");
    }
    let tx = tenant.begin().await?;
    let twice = [observation("o2", "p1", "4548-4", 0), observation("o2", "p1", "4548-4", 0)];
    assert_eq!(code_of(tx.put_resources(&twice).await), "VALUE_INVALID");
    tx.commit().await?;
    assert_eq!(tenant.count_resources(&observations()).await?, 1, "nothing of the refused batches");
    Ok(())
}

async fn a_deleted_resource_is_found_by_id_only(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    put(&tenant, &[observation("o1", "p1", "4548-4", 0)]).await?;
    put(&tenant, &[ResourceWrite { version: 2, deleted: true, ..observation("o1", "p1", "4548-4", 0) }]).await?;
    assert!(tenant.get_resource("Observation", "o1").await?.deleted);
    assert_eq!(tenant.count_resources(&observations()).await?, 0);
    let query = PatientQuery { patient_id: "p1".to_owned(), ..PatientQuery::default() };
    assert!(tenant.list_patient_resources(&query, 10).await?.is_empty());
    assert_eq!(bench.raw("SELECT COUNT(*) FROM resource_token").await.expect("a count"), [0]);
    put(&tenant, &[ResourceWrite { version: 3, ..observation("o1", "p1", "4548-4", 0) }]).await?;
    assert_eq!(tenant.count_resources(&observations()).await?, 1, "it came back");
    Ok(())
}

async fn a_patient_s_record_is_read_newest_first(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let condition = ResourceWrite { kind: "Condition".to_owned(), ..observation("c1", "p1", "E11", 15) };
    put(
        &tenant,
        &[
            observation("o1", "p1", "4548-4", 10),
            observation("o2", "p1", "14743-9", 20),
            observation("o3", "p1", "8480-6", 30),
            observation("o4", "p2", "4548-4", 40),
            condition,
        ],
    )
    .await?;
    let all = PatientQuery { patient_id: "p1".to_owned(), ..PatientQuery::default() };
    assert_eq!(ids(&tenant.list_patient_resources(&all, 10).await?), ["o3", "o2", "c1", "o1"]);
    assert_eq!(ids(&tenant.list_patient_resources(&all, 2).await?), ["o3", "o2"]);
    let kind = PatientQuery { kinds: vec!["Observation".to_owned()], ..all.clone() };
    let codes = vec![code(Some(LOINC), "4548-4"), code(Some(LOINC), "14743-9")];
    assert_eq!(ids(&tenant.list_patient_resources(&PatientQuery { codes, ..kind.clone() }, 10).await?), ["o2", "o1"]);
    let codes = vec![code(Some("http://snomed.info/sct"), "4548-4")];
    assert!(tenant.list_patient_resources(&PatientQuery { codes, ..kind }, 10).await?.is_empty());
    let span = PatientQuery { since: Some(at(15)), before: Some(at(30)), ..all };
    assert_eq!(ids(&tenant.list_patient_resources(&span, 10).await?), ["o2", "c1"]);
    Ok(())
}

async fn search_filters_and_pages(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let mut writes: Vec<_> =
        (0..10).map(|n| observation(&format!("o{n}"), if n % 2 == 0 { "p0" } else { "p1" }, "4548-4", n / 2)).collect();
    writes[7].tokens = vec![
        token("code", LOINC, "14743-9"),
        token("code", "urn:local", "14743-9"),
        token("category", "http://x", "laboratory"),
    ];
    writes[9].last_updated = at(5_000);
    put(&tenant, &writes).await?;
    put(&bench.there(), &[observation("foreign", "p0", "4548-4", 99)]).await?;

    let expect = async |query: ResourceQuery, wanted: &[&str]| -> Result<()> {
        assert_eq!(ids(&tenant.list_resources(&query, None, 100).await?), wanted, "{query:?}");
        assert_eq!(tenant.count_resources(&query).await?, wanted.len() as i64, "{query:?}");
        // The same, two at a time.
        let (mut paged, mut cursor) = (Vec::new(), None);
        loop {
            let page = tenant.list_resources(&query, cursor.as_ref(), 2).await?;
            let Some(last) = page.last() else { break };
            cursor = Some(last.cursor());
            paged.extend(page.into_iter().map(|resource| resource.id));
        }
        assert_eq!(paged, wanted, "{query:?}");
        Ok(())
    };
    let by = |tokens: &[TokenFilter]| ResourceQuery { tokens: tokens.to_vec(), ..observations() };
    let hba1c = filter("code", &[code(Some(LOINC), "4548-4")]);
    let either = filter("code", &[code(Some(LOINC), "4548-4"), code(None, "14743-9")]);

    expect(observations(), &["o9", "o8", "o7", "o6", "o5", "o4", "o3", "o2", "o1", "o0"]).await?;
    expect(by(std::slice::from_ref(&hba1c)), &["o9", "o8", "o6", "o5", "o4", "o3", "o2", "o1", "o0"]).await?;
    expect(by(&[either.clone(), filter("category", &[code(Some("http://x"), "laboratory")])]), &["o7"]).await?;
    expect(
        by(&[filter("category", &[code(Some(""), "laboratory")]), hba1c.clone()]),
        &["o9", "o8", "o6", "o5", "o4", "o3", "o2", "o1", "o0"],
    )
    .await?;
    expect(by(&[filter("code", &[])]), &[]).await?;
    expect(by(&[filter("code", &[code(None, "14743-9")])]), &["o7"]).await?;
    expect(by(&[filter("code", &[code(Some("urn:local"), "14743-9")])]), &["o7"]).await?;
    let patient = ResourceQuery { patient_id: Some("p1".to_owned()), ..by(&[either]) };
    expect(patient.clone(), &["o9", "o7", "o5", "o3", "o1"]).await?;
    expect(ResourceQuery { tokens: vec![hba1c.clone()], ..patient }, &["o9", "o5", "o3", "o1"]).await?;
    let named = vec!["o2".to_owned(), "o7".to_owned(), "foreign".to_owned()];
    expect(ResourceQuery { ids: named, ..observations() }, &["o7", "o2"]).await?;
    let dated = ResourceQuery { from: Some(at(1)), until: Some(at(3)), ..by(&[hba1c]) };
    expect(dated, &["o5", "o4", "o3", "o2"]).await?;
    expect(ResourceQuery { updated_from: Some(at(4_000)), ..observations() }, &["o9"]).await?;
    expect(ResourceQuery { kind: "Condition".to_owned(), ..ResourceQuery::default() }, &[]).await
}

async fn numbers_keep_their_digits(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let exact = r#"{"value": 7.00, "fen": 9007199254740993, "tiny": 0.000000000000000001}"#;
    let body = RawValue::from_string(exact.to_owned()).expect("JSON");
    put(&tenant, &[ResourceWrite { body, ..observation("o1", "p1", "4548-4", 0) }]).await?;
    let read = tenant.get_resource("Observation", "o1").await?;
    for number in ["7.00", "9007199254740993", "0.000000000000000001"] {
        assert!(read.body.get().contains(number), "{number} in {}", read.body.get());
    }
    Ok(())
}
