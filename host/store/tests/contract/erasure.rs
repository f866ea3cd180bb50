//! A patient is erased; what is others' stays, and so does the note.

use serde_json::json;
use xinglin_domain::{
    compartment::Compartment,
    id::{AccountId, BlobId, ConsentId, EmergencyAccessId, EncounterId, RelationId},
};
use xinglin_store::{
    Account, Blob, Consent, EmergencyAccessRow, FoundBy, Label, Relation, ResourceWrite, Result, TenantTx, Token,
};

use crate::{Bench, at, body, contract, document, here_id};

contract!(a_patient_is_erased_and_nobody_else, a_file_goes_when_nobody_has_it, an_account_is_forgotten);

fn account(number: u128, person: &str) -> Account {
    Account {
        id: AccountId::from_u128(number),
        tenant: here_id(),
        login: format!("person-{number}"),
        password_hash: Some("secret".to_owned()),
        roles: vec!["patient".to_owned()],
        person_ref: Some(person.to_owned()),
        credential: Some(body(1)),
        public_key: None,
        active: true,
        practice_years: 3,
        version: 0,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn blob(number: u128, patient: &str, sha256: &str) -> Blob {
    Blob {
        id: BlobId::from_u128(number),
        patient_id: patient.to_owned(),
        account: AccountId::from_u128(7),
        sha256: sha256.to_owned(),
        content_type: "image/png".to_owned(),
        size: 1,
        created_at: at(3),
    }
}

/// Something of everything, of one patient.
async fn record(tx: &TenantTx, number: u128) -> Result<()> {
    let patient = format!("pat-{number}");
    let observation = |version: i64| ResourceWrite {
        kind: "Observation".to_owned(),
        id: format!("o{number}"),
        version,
        patient_id: Some(patient.clone()),
        effective_at: at(1),
        last_updated: at(version),
        deleted: false,
        body: serde_json::value::to_raw_value(&json!({ "n": version })).expect("JSON"),
        found_by: FoundBy {
            tokens: vec![Token { param: "code".to_owned(), system: String::new(), code: "x".to_owned() }],
            ..FoundBy::default()
        },
    };
    for version in 1..=2 {
        tx.put_resources(&[observation(version)]).await?;
    }
    tx.put_labels(&[Label {
        kind: "Observation".to_owned(),
        id: format!("o{number}"),
        patient_id: Some(patient.clone()),
        compartment: Compartment::Hiv,
    }])
    .await?;
    let visit = EncounterId::from_u128(number);
    tx.insert_document(&document(visit, &patient, "CLOSED", at(4))).await?;
    tx.append_visit_message(visit, &body(1), at(5)).await?;
    tx.insert_consent(&Consent {
        id: ConsentId::from_u128(number),
        patient_id: patient.clone(),
        organisation: None,
        body: body(1),
        given_at: at(1),
        revoked_at: None,
    })
    .await?;
    tx.insert_emergency_access(&EmergencyAccessRow {
        id: EmergencyAccessId::from_u128(number),
        patient_id: patient.clone(),
        account_id: "acc-1".to_owned(),
        body: body(1),
        opened_at: at(1),
        until_at: at(2),
        judged_at: None,
    })
    .await?;
    tx.insert_account(&account(number, &patient)).await?;
    tx.insert_relation(&Relation {
        id: RelationId::from_u128(number),
        patient_id: patient.clone(),
        account: AccountId::from_u128(number),
        body: body(1),
        confirmed_at: at(1),
        revoked_at: None,
    })
    .await?;
    tx.insert_blob(&blob(number, &patient, "cd")).await
}

async fn a_patient_is_erased_and_nobody_else(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    for number in [1, 2] {
        let tx = tenant.begin().await?;
        record(&tx, number).await?;
        tx.commit().await?;
    }
    let last = tenant.last_kept("pat-1").await?;
    assert_eq!((last.record, last.said, last.sold), (Some(at(4)), Some(at(5)), None));
    assert_eq!(tenant.last_kept("pat-9").await?, xinglin_domain::retention::LastKept::default());
    assert_eq!(tenant.count_tapes_about("pat-1").await?, 0);
    assert_eq!(tenant.list_untouched(at(3), "", 9).await?, ["pat-1", "pat-2"]);
    assert_eq!(tenant.list_untouched(at(3), "pat-1", 9).await?, ["pat-2"]);
    assert!(tenant.list_untouched(at(2), "", 9).await?.is_empty());
    let there = bench.there();
    assert!(there.count_of_patient("pat-1").await?.is_empty() && there.find_erasure("pat-1").await?.is_none());

    let expected = tenant.count_of_patient("pat-1").await?;
    for (table, rows) in [
        ("resource", 1),
        ("resource_history", 1),
        ("resource_token", 1),
        ("resource_label", 1),
        ("encounter", 1),
        ("visit_message", 1),
        ("consent", 1),
        ("broken_glass", 1),
        ("relation", 1),
        ("blob", 1),
    ] {
        assert_eq!(expected.get(table), Some(&rows), "{table}");
    }
    // Not before it is noted, whoever tries.
    for table in ["resource_history", "resource_label", "consent", "broken_glass", "visit_message"] {
        assert!(bench.raw(&format!("DELETE FROM {table}")).await.is_err(), "{table}");
    }
    let tx = tenant.begin().await?;
    let erasure = tx.erase_patient("pat-1", "acc-9", at(9)).await?;
    tx.commit().await?;
    assert_eq!((&erasure.rows, erasure.by.as_str()), (&expected, "acc-9"));
    assert_eq!(tenant.find_erasure("pat-1").await?, Some(erasure));
    assert!(tenant.count_of_patient("pat-1").await?.is_empty());
    assert_eq!(tenant.count_of_patient("pat-2").await?, expected);
    for table in ["resource_history", "resource_label", "consent", "broken_glass", "visit_message", "erasure"] {
        assert!(bench.raw(&format!("DELETE FROM {table}")).await.is_err(), "{table} of others");
    }
    assert!(bench.raw("UPDATE erasure SET erased_at = 0").await.is_err());
    Ok(())
}

async fn a_file_goes_when_nobody_has_it(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    for (number, patient, sha256) in [(1, "pat-1", "aa"), (2, "pat-1", "bb"), (3, "pat-2", "bb"), (4, "pat-1", "aa")] {
        tx.insert_blob(&blob(number, patient, sha256)).await?;
    }
    tx.erase_patient("pat-1", "acc-9", at(9)).await?;
    tx.commit().await?;
    assert_eq!(tenant.list_erased_files().await?, ["aa", "bb"]);
    assert!(!tenant.has_blob_of("aa").await? && tenant.has_blob_of("bb").await?);
    assert!(bench.there().list_erased_files().await?.is_empty() && !bench.there().has_blob_of("bb").await?);
    assert_eq!(bench.operator().list_unfinished_erasures().await?, [tenant.id()]);
    for (gone, left) in [("aa", &["bb"][..]), ("bb", &[])] {
        let tx = tenant.begin().await?;
        tx.forget_erased_file(gone).await?;
        tx.commit().await?;
        assert_eq!(tenant.list_erased_files().await?, left);
    }
    assert!(bench.operator().list_unfinished_erasures().await?.is_empty());
    Ok(())
}

async fn an_account_is_forgotten(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    tx.insert_account(&account(1, "pat-1")).await?;
    tx.forget_account(AccountId::from_u128(1), at(9)).await?;
    tx.commit().await?;
    let gone = tenant.get_account(AccountId::from_u128(1)).await?;
    assert_eq!((gone.login, gone.active), (AccountId::from_u128(1).to_string(), false));
    assert_eq!((gone.password_hash, gone.person_ref, gone.credential), (None, None, None));
    assert!(tenant.list_accounts_of("pat-1").await?.is_empty());
    assert!(tenant.find_account_by_login("person-1").await?.is_none());
    Ok(())
}
