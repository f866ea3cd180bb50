//! The clinical record.

use std::collections::HashMap;

use serde_json::{json, value::RawValue};
use xinglin_store::{
    CodeFilter, Criterion, FoundBy, PatientQuery, Place, Range, RangeMatch, RecordQuery, Resource, ResourceQuery,
    ResourceWrite, Result, Sort, SortBy, Tenant, Text, TextMatch, Token, TokenFilter, Values,
};

use crate::{Bench, at, code_of, contract};

contract!(
    versions_succeed_each_other,
    a_batch_is_written_whole,
    a_version_that_skips_or_repeats_is_refused,
    a_deleted_resource_is_found_by_id_only,
    a_patient_s_record_is_read_newest_first,
    search_filters_and_pages,
    texts_and_spans_are_compared,
    references_are_followed_both_ways,
    every_order_pages,
    what_is_found_is_replaced,
    a_lock_is_held_until_the_end,
    types_are_listed_once,
    numbers_keep_their_digits,
);

const LOINC: &str = "http://loinc.org";

pub(crate) fn observation(id: &str, patient: &str, code: &str, effective: i64) -> ResourceWrite {
    ResourceWrite {
        kind: "Observation".to_owned(),
        id: id.to_owned(),
        version: 1,
        patient_id: Some(patient.to_owned()),
        effective_at: at(effective),
        last_updated: at(1_000),
        deleted: false,
        body: text(&json!({"resourceType": "Observation", "id": id, "version": 1})),
        found_by: FoundBy {
            tokens: vec![
                token("code", LOINC, code),
                token("category", "", "laboratory"),
                token("category", "", "laboratory"),
            ],
            ..FoundBy::default()
        },
    }
}

pub(crate) fn text(value: &serde_json::Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).expect("JSON")
}

pub(crate) fn token(param: &str, system: &str, code: &str) -> Token {
    Token { param: param.to_owned(), system: system.to_owned(), code: code.to_owned() }
}

pub(crate) fn code(system: Option<&str>, code: &str) -> CodeFilter {
    CodeFilter { system: system.map(str::to_owned), code: code.to_owned() }
}

pub(crate) fn filter(param: &str, any_of: &[CodeFilter]) -> TokenFilter {
    TokenFilter { param: param.to_owned(), any_of: any_of.to_vec() }
}

fn observations() -> ResourceQuery {
    ResourceQuery { kind: "Observation".to_owned(), ..ResourceQuery::default() }
}

fn ids(resources: &[Resource]) -> Vec<&str> {
    resources.iter().map(|resource| resource.id.as_str()).collect()
}

pub(crate) async fn put(tenant: &Tenant, writes: &[ResourceWrite]) -> Result<()> {
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
    glucose.found_by.tokens = vec![token("code", LOINC, "4548-4")];
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
    let gone = RecordQuery { deleted: true, ..RecordQuery::default() };
    assert_eq!(ids(&tenant.list_record(&gone, None, 9).await?), ["o1"]);
    assert_eq!(ids(&tenant.list_record(&RecordQuery::default(), None, 9).await?), Vec::<&str>::new());
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
    writes[7].found_by.tokens = vec![
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

fn text_of(param: &str, exact: &str) -> Text {
    Text { param: param.to_owned(), exact: exact.to_owned(), folded: exact.to_lowercase() }
}

fn span(param: &str, low: i64, high: i64, unit: &str) -> Range {
    Range { param: param.to_owned(), low, high, system: "urn:u".to_owned(), code: unit.to_owned() }
}

/// Three patients; each is the subject of a measurement, the second of two.
async fn wards(bench: &Bench) -> Result<Tenant> {
    let tenant = bench.here();
    let person = |id: &str, name: &str, born: i64| ResourceWrite {
        kind: "Patient".to_owned(),
        patient_id: Some(id.to_owned()),
        found_by: FoundBy {
            tokens: vec![token("gender", "", if id == "p2" { "male" } else { "female" })],
            texts: vec![text_of("name", name), text_of("name", "100%_Li")],
            ranges: vec![Range { system: String::new(), ..span("birthdate", born, born + 10, "") }],
        },
        ..observation(id, id, "", born)
    };
    let measured = |id: &str, patient: &str, value: i64, at: i64| ResourceWrite {
        found_by: FoundBy {
            tokens: vec![token("subject", "", &format!("Patient/{patient}")), token("code", LOINC, "4548-4")],
            texts: Vec::new(),
            ranges: vec![span("value", value, value, "mg")],
        },
        ..observation(id, patient, "", at)
    };
    let writes = [
        person("p1", "Zhang San", 100),
        person("p2", "Zhao Si", 200),
        person("p3", "zhang wu", 300),
        measured("o1", "p1", 70, 1),
        measured("o2", "p2", 80, 2),
        measured("o3", "p2", 60, 3),
        measured("o4", "p3", 90, 4),
    ];
    put(&tenant, &writes).await?;
    put(&bench.there(), &[person("p9", "Zhang San", 100), measured("o9", "p9", 70, 1)]).await?;
    Ok(tenant)
}

async fn expect_found(tenant: &Tenant, kind: &str, criteria: Vec<Criterion>, wanted: &[&str]) -> Result<()> {
    // Alone, beside a token, within a record, and with few to choose from: each reads
    // other tables first.
    let named = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let plain = ResourceQuery { kind: kind.to_owned(), criteria, ..ResourceQuery::default() };
    let mut ways = vec![
        plain.clone(),
        ResourceQuery { within: Some(named(&["p1", "p2", "p3"])), ..plain.clone() },
        ResourceQuery { ids: named(&["p1", "p2", "p3", "o1", "o2", "o3", "o4"]), ..plain.clone() },
    ];
    if kind == "Observation" {
        ways.push(ResourceQuery { tokens: vec![filter("code", &[code(None, "4548-4")])], ..plain.clone() });
        let either = filter("code", &[code(None, "4548-4"), code(Some(LOINC), "")]);
        ways.push(ResourceQuery { tokens: vec![either], ..plain });
    }
    for query in ways {
        let mut found = tenant.search_resources(&query, None, 10).await?;
        found.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        let found: Vec<_> = found.iter().map(|(resource, _)| resource.id.as_str()).collect();
        assert_eq!(found, wanted, "{query:?}");
        assert_eq!(tenant.count_resources(&query).await?, wanted.len() as i64, "{query:?}");
        assert_eq!(tenant.count_resources_to(&query, 1).await?, wanted.len().min(1) as i64, "{query:?}");
    }
    Ok(())
}

fn like(how: TextMatch, text: &str) -> Criterion {
    Criterion::Text { param: "name".to_owned(), how, text: text.to_owned() }
}

async fn texts_and_spans_are_compared(bench: Bench) -> Result<()> {
    let tenant = wards(&bench).await?;
    let people =
        async |criteria: Vec<Criterion>, wanted: &[&str]| expect_found(&tenant, "Patient", criteria, wanted).await;
    people(vec![like(TextMatch::Begins, "zhang")], &["p1", "p3"]).await?;
    people(vec![like(TextMatch::Begins, "si")], &[]).await?;
    people(vec![like(TextMatch::Contains, " s")], &["p1", "p2"]).await?;
    people(vec![like(TextMatch::Contains, "%_")], &["p1", "p2", "p3"]).await?;
    people(vec![like(TextMatch::Contains, "z%s")], &[]).await?;
    people(vec![like(TextMatch::Exact, "Zhang San")], &["p1"]).await?;
    people(vec![like(TextMatch::Exact, "zhang san")], &[]).await?;
    people(vec![Criterion::Not(Box::new(like(TextMatch::Begins, "zhang")))], &["p2"]).await?;
    let either = vec![like(TextMatch::Exact, "Zhao Si"), like(TextMatch::Exact, "zhang wu")];
    people(vec![Criterion::Any(either)], &["p2", "p3"]).await?;
    people(vec![Criterion::Any(vec![])], &[]).await?;
    people(vec![Criterion::Present(Values::Texts, "name".to_owned())], &["p1", "p2", "p3"]).await?;
    people(vec![Criterion::Present(Values::Ranges, "death".to_owned())], &[]).await?;
    people(vec![Criterion::Ids(vec!["p2".to_owned()])], &["p2"]).await?;
    people(vec![Criterion::Ids(vec![])], &[]).await?;
    people(vec![Criterion::OfPatient("p3".to_owned())], &["p3"]).await?;

    let born = |how, low, high| Criterion::Range { param: "birthdate".to_owned(), how, low, high, unit: None };
    for (how, low, high, wanted) in [
        (RangeMatch::Eq, 200, 210, vec!["p2"]),
        (RangeMatch::Eq, 195, 310, vec!["p2", "p3"]),
        (RangeMatch::Eq, 202, 208, vec![]),
        (RangeMatch::Ne, 200, 210, vec!["p1", "p3"]),
        (RangeMatch::Lt, 200, 210, vec!["p1"]),
        (RangeMatch::Le, 200, 210, vec!["p1", "p2"]),
        (RangeMatch::Gt, 200, 210, vec!["p3"]),
        (RangeMatch::Ge, 200, 210, vec!["p2", "p3"]),
        (RangeMatch::Gt, 202, 208, vec!["p2", "p3"]),
        (RangeMatch::Lt, 202, 208, vec!["p1", "p2"]),
        (RangeMatch::After, 202, 208, vec!["p3"]),
        (RangeMatch::Before, 210, 211, vec!["p1", "p2"]),
    ] {
        people(vec![born(how, low, high)], &wanted).await?;
    }
    people(vec![Criterion::Written { how: RangeMatch::Eq, low: at(1_000), high: at(1_001) }], &["p1", "p2", "p3"])
        .await?;
    people(vec![Criterion::Written { how: RangeMatch::Gt, low: at(1_000), high: at(1_001) }], &[]).await?;

    let value = |unit: &str| Criterion::Range {
        param: "value".to_owned(),
        how: RangeMatch::Ge,
        low: 80,
        high: 80,
        unit: Some(code(Some("urn:u"), unit)),
    };
    expect_found(&tenant, "Observation", vec![value("mg")], &["o2", "o4"]).await?;
    expect_found(&tenant, "Observation", vec![value("g")], &[]).await
}

async fn references_are_followed_both_ways(bench: Bench) -> Result<()> {
    let tenant = wards(&bench).await?;
    let of = |all| Criterion::Chained { param: "subject".to_owned(), kind: "Patient".to_owned(), all };
    let zhang = || vec![like(TextMatch::Begins, "zhang")];
    let gender = |code_: &str| Criterion::Token(filter("gender", &[code(None, code_)]));
    let measured =
        async |all: Vec<Criterion>, wanted: &[&str]| expect_found(&tenant, "Observation", vec![of(all)], wanted).await;
    measured(zhang(), &["o1", "o4"]).await?;
    measured(vec![gender("male")], &["o2", "o3"]).await?;
    measured([zhang(), vec![gender("male")]].concat(), &[]).await?;
    let by = |how, low| Criterion::Referred {
        kind: "Observation".to_owned(),
        param: "subject".to_owned(),
        all: vec![Criterion::Range { param: "value".to_owned(), how, low, high: low, unit: None }],
    };
    expect_found(&tenant, "Patient", vec![by(RangeMatch::Ge, 80)], &["p2", "p3"]).await?;
    expect_found(&tenant, "Patient", vec![Criterion::Not(Box::new(by(RangeMatch::Ge, 80)))], &["p1"]).await?;
    // Found by another, and looked up.
    let led_to = [zhang(), vec![by(RangeMatch::Ge, 80)]].concat();
    expect_found(&tenant, "Patient", led_to, &["p3"]).await?;
    // Those of whom somebody with such a value is the subject, and back again.
    expect_found(&tenant, "Observation", vec![of(vec![by(RangeMatch::Gt, 85)])], &["o4"]).await?;

    // What lies outside of what may be seen is not followed.
    let narrow = |patient: &str, kind: &str, criteria| ResourceQuery {
        kind: kind.to_owned(),
        within: Some(vec![patient.to_owned()]),
        criteria,
        ..ResourceQuery::default()
    };
    for (query, wanted) in [
        (narrow("p1", "Observation", vec![of(zhang())]), 1),
        (narrow("p2", "Observation", vec![of(zhang())]), 0),
        (narrow("p2", "Patient", vec![by(RangeMatch::Gt, 85)]), 0),
        (narrow("p3", "Patient", vec![by(RangeMatch::Gt, 85)]), 1),
        (ResourceQuery { within: Some(vec![]), ..narrow("", "Observation", vec![]) }, 0),
    ] {
        assert_eq!(tenant.count_resources(&query).await?, wanted, "{query:?}");
    }
    Ok(())
}

async fn every_order_pages(bench: Bench) -> Result<()> {
    let tenant = wards(&bench).await?;
    let by = |by: SortBy, descending| Sort { by, descending };
    let value = || SortBy::Value(Values::Ranges, "value".to_owned());
    let subject = || SortBy::Value(Values::Tokens, "subject".to_owned());
    let code_is = vec![filter("code", &[code(None, "4548-4")])];
    for (sort, wanted) in [
        (vec![], ["o4", "o3", "o2", "o1"]),
        (vec![by(SortBy::Effective, false)], ["o1", "o2", "o3", "o4"]),
        (vec![by(SortBy::Id, true)], ["o4", "o3", "o2", "o1"]),
        (vec![by(SortBy::Updated, false)], ["o1", "o2", "o3", "o4"]),
        (vec![by(value(), false)], ["o3", "o1", "o2", "o4"]),
        (vec![by(value(), true)], ["o4", "o2", "o1", "o3"]),
        (vec![by(subject(), false), by(value(), true)], ["o1", "o2", "o3", "o4"]),
        (vec![by(subject(), true), by(value(), false)], ["o4", "o3", "o2", "o1"]),
        (vec![by(SortBy::Value(Values::Texts, "none".to_owned()), false), by(value(), true)], ["o4", "o2", "o1", "o3"]),
    ] {
        for tokens in [vec![], code_is.clone()] {
            let query = ResourceQuery { sort: sort.clone(), tokens, ..observations() };
            for size in [1, 2, 3, 10] {
                let (mut paged, mut place) = (Vec::new(), None::<Place>);
                loop {
                    let page = tenant.search_resources(&query, place.as_ref(), size).await?;
                    let Some((_, last)) = page.last() else { break };
                    place = Some(last.clone());
                    paged.extend(page.into_iter().map(|(resource, _)| resource.id));
                }
                assert_eq!(paged, wanted, "{query:?} by {size}");
            }
        }
    }
    let elsewhere = Place { keys: vec![], id: "o1".to_owned() };
    assert_eq!(code_of(tenant.search_resources(&observations(), Some(&elsewhere), 1).await), "VALUE_INVALID");

    let all = RecordQuery { patient_id: Some("p2".to_owned()), ..RecordQuery::default() };
    assert_eq!(ids(&tenant.list_record(&all, None, 10).await?), ["o2", "o3", "p2"]);
    assert_eq!(ids(&tenant.list_record(&all, Some(("Observation", "o3")), 10).await?), ["p2"]);
    let some = RecordQuery {
        kinds: vec!["Patient".to_owned()],
        updated_from: Some(at(1_000)),
        patient_id: None,
        ..RecordQuery::default()
    };
    assert_eq!(ids(&tenant.list_record(&some, None, 2).await?), ["p1", "p2"]);
    let later = RecordQuery { updated_from: Some(at(1_001)), ..RecordQuery::default() };
    assert!(tenant.list_record(&later, None, 2).await?.is_empty());
    Ok(())
}

async fn what_is_found_is_replaced(bench: Bench) -> Result<()> {
    let tenant = wards(&bench).await?;
    let p1 = tenant.get_resource("Patient", "p1").await?;
    let tx = tenant.begin().await?;
    let found_by = FoundBy { texts: vec![text_of("name", "Li"), text_of("name", "Li")], ..FoundBy::default() };
    tx.reindex_resources(&[(p1.clone(), found_by)]).await?;
    tx.commit().await?;
    expect_found(&tenant, "Patient", vec![like(TextMatch::Begins, "zhang")], &["p3"]).await?;
    expect_found(&tenant, "Patient", vec![like(TextMatch::Exact, "Li")], &["p1"]).await?;
    assert_eq!(tenant.get_resource("Patient", "p1").await?.version, 1);
    // A deletion leaves nothing of it.
    let gone = ResourceWrite { version: 2, deleted: true, ..observation("p1", "p1", "x", 0) };
    put(&tenant, &[ResourceWrite { kind: "Patient".to_owned(), ..gone }]).await?;
    for table in ["resource_token", "resource_string", "resource_range"] {
        let left = format!("SELECT COUNT(*) FROM {table} WHERE resource_id = 'p1'");
        assert_eq!(bench.raw(&left).await.expect("a count"), [0], "{table}");
    }
    Ok(())
}

async fn a_lock_is_held_until_the_end(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    tx.lock("Patient?identifier=1").await?;
    let other = tokio::spawn(async move {
        let tx = tenant.begin().await?;
        tx.lock("Patient?identifier=1").await?;
        let there = tx.count_resources(&observations()).await?;
        tx.commit().await?;
        Ok::<_, xinglin_store::StoreError>(there)
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!other.is_finished());
    tx.put_resources(&[observation("o1", "p1", "4548-4", 0)]).await?;
    tx.commit().await?;
    assert_eq!(other.await.expect("a task")?, 1);
    Ok(())
}

async fn types_are_listed_once(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    assert_eq!(tenant.list_resource_types().await?, Vec::<String>::new());
    let mut condition = observation("c", "pat-1", "1", 1);
    condition.kind = "Condition".to_owned();
    put(&tenant, &[observation("a", "pat-1", "1", 1), observation("b", "pat-2", "1", 1), condition]).await?;
    assert_eq!(tenant.list_resource_types().await?, ["Condition", "Observation"]);
    assert_eq!(bench.there().list_resource_types().await?, Vec::<String>::new());
    Ok(())
}
