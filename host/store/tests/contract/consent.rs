//! Compartments and consents.

use serde_json::json;
use xinglin_domain::{
    compartment::{Compartment, Compartments},
    id::ConsentId,
};
use xinglin_store::{
    CodeFilter, Consent, FoundBy, Label, ResourceQuery, ResourceWrite, Result, StoreError, Token, TokenFilter,
};

use crate::{Bench, at, code_of, contract};

contract!(what_is_labelled_is_left_out, labels_only_grow, a_consent_is_given_and_taken_back);

fn observation(id: &str, version: i64, code: &str) -> ResourceWrite {
    ResourceWrite {
        kind: "Observation".to_owned(),
        id: id.to_owned(),
        version,
        patient_id: Some("pat-1".to_owned()),
        effective_at: at(1),
        last_updated: at(1),
        deleted: false,
        body: serde_json::value::to_raw_value(&json!({ "code": code })).expect("JSON"),
        found_by: FoundBy {
            tokens: vec![Token { param: "code".to_owned(), system: String::new(), code: code.to_owned() }],
            ..FoundBy::default()
        },
    }
}

fn label(id: &str, compartment: Compartment) -> Label {
    Label { kind: "Observation".to_owned(), id: id.to_owned(), patient_id: Some("pat-1".to_owned()), compartment }
}

async fn what_is_labelled_is_left_out(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    tx.put_resources(&[observation("a", 1, "x"), observation("b", 1, "x"), observation("c", 1, "x")]).await?;
    tx.put_labels(&[label("b", Compartment::Hiv), label("c", Compartment::MentalHealth)]).await?;
    tx.commit().await?;
    let code =
        TokenFilter { param: "code".to_owned(), any_of: vec![CodeFilter { system: None, code: "x".to_owned() }] };
    let all = ResourceQuery { kind: "Observation".to_owned(), ..ResourceQuery::default() };
    // Driven by the type, by a token, by a patient.
    for query in [
        all.clone(),
        ResourceQuery { tokens: vec![code], ..all.clone() },
        ResourceQuery { patient_id: Some("pat-1".to_owned()), ..all },
    ] {
        for (withheld, wanted) in [
            (Compartments::NONE, "c b a"),
            (Compartment::Hiv.into(), "c a"),
            (Compartment::MentalHealth.into(), "b a"),
            (Compartments::ALL, "a"),
        ] {
            let query = ResourceQuery { withheld, ..query.clone() };
            let found = tenant.list_resources(&query, None, 9).await?;
            let ids: Vec<_> = found.iter().map(|found| found.id.as_str()).collect();
            assert_eq!(ids.join(" "), wanted);
            assert_eq!(tenant.count_resources(&query).await?, i64::try_from(ids.len()).expect("few"), "nor counted");
        }
    }
    for (id, wanted) in
        [("a", Compartments::NONE), ("b", Compartment::Hiv.into()), ("c", Compartment::MentalHealth.into())]
    {
        assert_eq!(tenant.resource_compartments("Observation", id).await?, wanted);
        let (found, labels) = tenant.get_labelled_resource("Observation", id).await?;
        assert_eq!((found.id.as_str(), labels), (id, wanted));
    }
    assert!(matches!(bench.there().get_labelled_resource("Observation", "b").await, Err(StoreError::NotFound { .. })));
    assert_eq!(bench.there().resource_compartments("Observation", "b").await?, Compartments::NONE);
    assert_eq!(bench.there().list_labels("pat-1").await?, []);
    Ok(())
}

async fn labels_only_grow(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    tx.put_resources(&[observation("a", 1, "x"), observation("b", 1, "y")]).await?;
    let nobodys = Label { patient_id: None, ..label("a", Compartment::Hiv) };
    tx.put_labels(std::slice::from_ref(&nobodys)).await?;
    tx.put_labels(&[label("a", Compartment::Hiv), label("a", Compartment::MentalHealth)]).await?;
    tx.put_labels(&[nobodys]).await?;
    tx.put_resources(&[observation("a", 2, "z")]).await?;
    tx.commit().await?;
    let mut labels = tenant.list_labels("pat-1").await?;
    labels.sort_by_key(|label| label.compartment);
    assert_eq!(labels, [label("a", Compartment::Hiv), label("a", Compartment::MentalHealth)]);
    assert!(bench.raw("DELETE FROM resource_label").await.is_err());

    let first = tenant.list_versions(("", "", 0), 2).await?;
    let keys = |versions: &[xinglin_store::Resource]| -> Vec<(String, i64)> {
        versions.iter().map(|found| (found.id.clone(), found.version)).collect()
    };
    assert_eq!(keys(&first), [("a".to_owned(), 1), ("a".to_owned(), 2)]);
    let rest = tenant.list_versions(("Observation", "a", 2), 2).await?;
    assert_eq!(keys(&rest), [("b".to_owned(), 1)]);
    assert!(rest[0].body.get().contains('y'));
    Ok(())
}

async fn a_consent_is_given_and_taken_back(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let consent = |number, patient: &str| Consent {
        id: ConsentId::from_u128(number),
        patient_id: patient.to_owned(),
        organisation: None,
        body: json!({ "scope": "record" }),
        given_at: at(i64::try_from(number).expect("small")),
        revoked_at: None,
    };
    let (one, two, other) = (consent(1, "pat-1"), consent(2, "pat-1"), consent(3, "pat-2"));
    let tx = tenant.begin().await?;
    for consent in [&one, &two, &other] {
        tx.insert_consent(consent).await?;
    }
    tx.commit().await?;
    assert_eq!(tenant.list_consents("pat-1", true).await?, [two.clone(), one.clone()]);
    assert_eq!(tenant.get_consent(one.id).await?, one);
    assert_eq!(code_of(bench.there().get_consent(one.id).await), "NOT_FOUND");

    let tx = tenant.begin().await?;
    tx.revoke_consent(one.id, &json!({ "gone": true }), at(9)).await?;
    tx.commit().await?;
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.revoke_consent(one.id, &json!({}), at(10)).await), "VERSION_CONFLICT");
    drop(tx);
    assert_eq!(tenant.list_consents("pat-1", false).await?, [two]);
    let kept = tenant.get_consent(one.id).await?;
    assert_eq!((kept.revoked_at, kept.body), (Some(at(9)), json!({ "gone": true })));
    assert!(bench.raw("DELETE FROM consent").await.is_err());
    Ok(())
}
