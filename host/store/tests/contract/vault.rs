//! Who somebody is does not show in the database, and goes with their key.

use serde_json::{Value, json};
use xinglin_store::{
    Criterion, FoundBy, RecordQuery, Resource, ResourceQuery, ResourceWrite, Result, Text, testing::TestVault,
};

use crate::{
    Bench, at, code_of, contract, here_id,
    record::{code, filter, observation, put, text, token},
};

contract!(
    what_names_somebody_does_not_show,
    numbers_are_found_without_being_kept,
    with_the_key_go_all_versions,
    keys_are_wrapped_anew,
);

const ID_CARDS: &str = "urn:oid:2.16.156.10011.1.3";
const NUMBER: &str = "11010519491231002X";

fn person(kind: &str, id: &str, version: i64) -> ResourceWrite {
    let body = json!({
        "resourceType": kind, "id": id, "name": [{ "text": "欧阳明月" }],
        "identifier": [{ "system": ID_CARDS, "value": NUMBER }], "version": version,
    });
    ResourceWrite {
        kind: kind.to_owned(),
        id: id.to_owned(),
        version,
        patient_id: (kind != "Person").then(|| "pat-1".to_owned()),
        effective_at: at(0),
        last_updated: at(version),
        deleted: false,
        body: text(&body),
        found_by: FoundBy {
            tokens: vec![
                token("identifier", ID_CARDS, NUMBER),
                token("phone", "phone", "13800138000"),
                token("gender", "", "female"),
            ],
            texts: vec![Text { param: "name".into(), exact: "欧阳明月".into(), folded: "欧阳明月".into() }],
            ..FoundBy::default()
        },
    }
}

fn name(resource: &Resource) -> Value {
    let body: Value = serde_json::from_str(resource.body.get()).expect("JSON");
    body["name"][0]["text"].clone()
}

async fn what_names_somebody_does_not_show(bench: Bench) -> Result<()> {
    assert!(!bench.operator().has_person_keys().await?);
    let people = [person("Patient", "pat-1", 1), person("RelatedPerson", "rel-1", 1), person("Person", "per-1", 1)];
    put(&bench.here(), &people).await?;
    put(&bench.here(), &[person("Patient", "pat-1", 2), observation("o1", "pat-1", "4548-4", 0)]).await?;
    for table in ["resource", "resource_history"] {
        for secret in ["欧阳", NUMBER, "1949"] {
            let sql = format!("SELECT COUNT(*) FROM {table} WHERE CAST(body AS TEXT) LIKE '%{secret}%'");
            assert_eq!(bench.raw(&sql).await.expect("counted"), [0], "{secret} in {table}");
        }
    }
    assert!(bench.operator().has_person_keys().await?);
    // Read by each way in, it is what was written.
    let here = bench.here();
    assert_eq!(name(&here.get_resource("Patient", "pat-1").await?), "欧阳明月");
    assert_eq!(name(&here.get_resource_version("Patient", "pat-1", 1).await?), "欧阳明月");
    let all = |found: Vec<Resource>| found.iter().all(|one| one.kind == "Observation" || name(one) == "欧阳明月");
    assert!(all(here.list_resource_history("Patient", "pat-1", None, 9).await?));
    assert!(all(here.list_record(&RecordQuery::default(), None, 9).await?));
    assert!(all(here.list_versions(("", "", 0), 9).await?));
    for kind in ["Patient", "RelatedPerson", "Person"] {
        let query = ResourceQuery { kind: kind.to_owned(), ..ResourceQuery::default() };
        assert!(all(here.list_resources(&query, None, 9).await?), "{kind}");
        let found = here.search_resources(&query, None, 9).await?;
        assert!(all(found.into_iter().map(|(one, _)| one).collect()), "{kind}");
    }
    // Two patients have two keys; the relative has the patient's.
    put(&here, &[ResourceWrite { patient_id: Some("pat-2".into()), ..person("Patient", "pat-2", 1) }]).await?;
    assert_eq!(bench.raw("SELECT COUNT(*) FROM person_key").await.expect("counted"), [3]);
    // A sealed body opens in its own place only.
    let moved = "UPDATE resource SET body = (SELECT body FROM resource WHERE resource_id = 'pat-1')
                 WHERE resource_id = 'rel-1' RETURNING version";
    bench.raw(moved).await.expect("moved");
    assert_eq!(code_of(here.get_resource("RelatedPerson", "rel-1").await), "STORE_CORRUPT");
    Ok(())
}

async fn numbers_are_found_without_being_kept(bench: Bench) -> Result<()> {
    let mut result = observation("o1", "pat-1", "4548-4", 0);
    result.found_by.tokens.push(token("patient", "", "Patient/pat-1"));
    put(&bench.here(), &[person("Patient", "pat-1", 1), result]).await?;
    put(&bench.there(), &[person("Patient", "pat-9", 1)]).await?;
    let shown = format!("SELECT COUNT(*) FROM resource_token WHERE code IN ('{NUMBER}', '13800138000')");
    assert_eq!(bench.raw(&shown).await.expect("counted"), [0]);
    let alike = "SELECT COUNT(DISTINCT code) FROM resource_token WHERE param = 'identifier'";
    assert_eq!(bench.raw(alike).await.expect("counted"), [2], "tenants cannot be joined on it");

    let patients = |tokens| ResourceQuery { kind: "Patient".to_owned(), tokens, ..ResourceQuery::default() };
    let here = bench.here();
    for (found, filter) in [
        (1, filter("identifier", &[code(Some(ID_CARDS), NUMBER)])),
        (1, filter("identifier", &[code(None, NUMBER)])),
        (1, filter("identifier", &[code(Some(ID_CARDS), "")])),
        (1, filter("phone", &[code(None, "13800138000")])),
        (1, filter("gender", &[code(Some(""), "female")])),
        (0, filter("identifier", &[code(None, "110105194912310021")])),
        (0, filter("identifier", &[code(Some("urn:else"), NUMBER)])),
    ] {
        let query = patients(vec![filter.clone()]);
        assert_eq!(here.list_resources(&query, None, 9).await?.len(), found, "{filter:?}");
        assert_eq!(here.search_resources(&query, None, 9).await?.len(), found, "{filter:?}");
        assert_eq!(here.count_resources(&query).await?, found as i64, "{filter:?}");
        assert_eq!(here.count_resources_to(&query, 9).await?, found as i64, "{filter:?}");
        let not = Criterion::Not(Box::new(Criterion::Token(filter.clone())));
        let query = ResourceQuery { criteria: vec![not], ..patients(Vec::new()) };
        assert_eq!(here.list_resources(&query, None, 9).await?.len(), 1 - found, "not {filter:?}");
    }
    let number = |number: &str| Criterion::Token(filter("identifier", &[code(None, number)]));
    for (found, number) in [(1, number(NUMBER)), (0, number("110105194912310021"))] {
        let criteria =
            vec![Criterion::Chained { param: "patient".to_owned(), kind: "Patient".to_owned(), all: vec![number] }];
        let query = ResourceQuery { kind: "Observation".to_owned(), criteria, ..ResourceQuery::default() };
        assert_eq!(here.list_resources(&query, None, 9).await?.len(), found);
    }
    Ok(())
}

async fn with_the_key_go_all_versions(bench: Bench) -> Result<()> {
    let here = bench.here();
    for version in 1..=2 {
        put(&here, &[person("Patient", "pat-1", version)]).await?;
    }
    assert!(!here.has_record("pat-1").await?);
    let tx = here.begin().await?;
    let gone = ResourceWrite {
        deleted: true,
        body: text(&json!({ "resourceType": "Patient", "id": "pat-1" })),
        found_by: FoundBy::default(),
        ..person("Patient", "pat-1", 3)
    };
    tx.put_resources(&[gone]).await?;
    assert_eq!(tx.destroy_keys("pat-1", at(9)).await?, 1);
    tx.commit().await?;
    let history = here.list_resource_history("Patient", "pat-1", None, 9).await?;
    assert_eq!(history.len(), 3, "that there were versions is known");
    assert!(history.iter().all(|version| version.deleted && name(version).is_null()));
    let tx = here.begin().await?;
    assert_eq!(tx.destroy_keys("pat-1", at(9)).await?, 0);
    tx.rollback().await?;
    // Who comes again has another key, which opens nothing of what was.
    put(&here, &[person("Patient", "pat-1", 4)]).await?;
    assert_eq!(name(&here.get_resource("Patient", "pat-1").await?), "欧阳明月");
    assert!(name(&here.get_resource_version("Patient", "pat-1", 2).await?).is_null());
    put(&here, &[observation("o1", "pat-1", "4548-4", 0)]).await?;
    assert!(here.has_record("pat-1").await?);
    Ok(())
}

async fn keys_are_wrapped_anew(bench: Bench) -> Result<()> {
    put(&bench.here(), &[person("Patient", "pat-1", 1), person("Person", "per-1", 1)]).await?;
    put(&bench.there(), &[person("Patient", "pat-1", 1)]).await?;
    let store = bench.database.open_with(TestVault::of(2)).await?;
    let here = store.tenant(here_id());
    assert_eq!(name(&here.get_resource("Patient", "pat-1").await?), "欧阳明月", "the older key is still known");
    let old = here.list_keys_before(2, 9).await?;
    assert_eq!(old.iter().map(|key| key.owner.as_str()).collect::<Vec<_>>(), ["Person/per-1", "pat-1"]);
    assert_eq!(here.list_keys_before(2, 1).await?.len(), 1);
    let tx = here.begin().await?;
    assert_eq!(tx.wrap_keys_anew(&old).await?, 2);
    tx.commit().await?;
    assert!(here.list_keys_before(2, 9).await?.is_empty());
    assert_eq!(name(&here.get_resource("Patient", "pat-1").await?), "欧阳明月");
    assert_eq!(bench.there().list_keys_before(2, 9).await?.len(), 1, "of another tenant");
    // One that cannot be unwrapped is not lost in silence.
    bench.raw("UPDATE person_key SET generation = 7 WHERE owner = 'pat-1' RETURNING serial").await.expect("bent");
    let bent = here.list_keys_before(8, 9).await?;
    let tx = here.begin().await?;
    assert_eq!(code_of(tx.wrap_keys_anew(&bent).await), "STORE_CORRUPT");
    Ok(())
}
