//! Who belongs to a patient, and what was written in which order.

use serde_json::json;
use xinglin_domain::{
    compartment::{Compartment, Compartments},
    id::{AccountId, RelationId},
};
use xinglin_store::{Account, FoundBy, HistoryQuery, Label, Relation, Resource, ResourceWrite, Result, VersionPlace};

use crate::{Bench, at, body, code_of, contract, here_id};

contract!(a_relation_is_made_and_revoked, what_was_written_is_told_newest_first);

fn account(number: u128) -> Account {
    Account {
        id: AccountId::from_u128(number),
        tenant: here_id(),
        login: format!("person-{number}"),
        password_hash: None,
        roles: vec!["patient".to_owned()],
        person_ref: None,
        credential: None,
        public_key: None,
        active: true,
        practice_years: 3,
        version: 0,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn relation(number: u128, account: u128) -> Relation {
    Relation {
        id: RelationId::from_u128(number),
        patient_id: "pat-1".to_owned(),
        account: AccountId::from_u128(account),
        body: body(1),
        confirmed_at: at(i64::try_from(number).expect("small")),
        revoked_at: None,
    }
}

async fn a_relation_is_made_and_revoked(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    tx.insert_account(&account(1)).await?;
    for number in [1, 2] {
        tx.insert_relation(&relation(number, 1)).await?;
    }
    tx.commit().await?;
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.insert_relation(&relation(3, 9)).await), "REFERENCE_INVALID", "somebody's");
    tx.rollback().await?;

    let tx = tenant.begin().await?;
    tx.revoke_relation(RelationId::from_u128(1), &body(2), at(9)).await?;
    tx.commit().await?;
    let again = tenant.begin().await?;
    let code = code_of(again.revoke_relation(RelationId::from_u128(1), &body(3), at(10)).await);
    assert_eq!(code, "VERSION_CONFLICT");
    again.rollback().await?;

    let revoked = tenant.get_relation(RelationId::from_u128(1)).await?;
    assert_eq!((revoked.body, revoked.revoked_at), (body(2), Some(at(9))));
    let ids = |rows: Vec<Relation>| rows.into_iter().map(|row| row.id.as_u128()).collect::<Vec<_>>();
    assert_eq!(ids(tenant.list_relations("pat-1", true).await?), [2, 1]);
    assert_eq!(ids(tenant.list_relations("pat-1", false).await?), [2]);
    assert_eq!(ids(tenant.list_relations_of_account(AccountId::from_u128(1)).await?), [2]);
    let there = bench.there();
    assert_eq!(ids(there.list_relations("pat-1", true).await?), [0; 0]);
    assert_eq!(ids(there.list_relations_of_account(AccountId::from_u128(1)).await?), [0; 0]);
    assert_eq!(code_of(there.get_relation(RelationId::from_u128(2)).await), "NOT_FOUND");
    Ok(())
}

fn write(kind: &str, id: &str, version: i64, patient: Option<&str>, second: i64, deleted: bool) -> ResourceWrite {
    ResourceWrite {
        kind: kind.to_owned(),
        id: id.to_owned(),
        version,
        patient_id: patient.map(str::to_owned),
        effective_at: at(second),
        last_updated: at(second),
        deleted,
        body: serde_json::value::to_raw_value(&json!({ "resourceType": kind, "id": id })).expect("JSON"),
        found_by: FoundBy::default(),
    }
}

async fn what_was_written_is_told_newest_first(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let (one, two) = (Some("pat-1"), Some("pat-2"));
    for writes in [
        vec![write("Observation", "a", 1, one, 1, false), write("Observation", "b", 1, two, 1, false)],
        vec![write("Condition", "c", 1, one, 2, false)],
        // It was moved to another record, changed and deleted.
        vec![write("Observation", "a", 2, two, 3, false)],
        vec![write("Observation", "a", 3, two, 4, true), write("Medication", "m", 1, None, 4, false)],
    ] {
        let tx = tenant.begin().await?;
        tx.put_resources(&writes).await?;
        tx.commit().await?;
    }
    let told = |found: Vec<Resource>| -> String {
        let each = found.iter().map(|row| format!("{}{}{}", row.id, row.version, if row.deleted { "-" } else { "" }));
        each.collect::<Vec<_>>().join(" ")
    };
    let all = HistoryQuery::default();
    let of = |kind: &str| HistoryQuery { kind: Some(kind.to_owned()), ..HistoryQuery::default() };
    let within = |patient: &str| HistoryQuery { within: Some(vec![patient.to_owned()]), ..HistoryQuery::default() };
    assert_eq!(told(tenant.list_history(&all, None, 9).await?), "a3- m1 a2 c1 b1 a1");
    assert_eq!(told(tenant.list_history(&of("Observation"), None, 9).await?), "a3- a2 b1 a1");
    assert_eq!(
        told(tenant.list_history(&HistoryQuery { since: Some(at(3)), ..all.clone() }, None, 9).await?),
        "a3- m1 a2"
    );
    assert_eq!(told(tenant.list_history(&within("pat-1"), None, 9).await?), "c1 a1", "as they were written");
    assert_eq!(told(tenant.list_history(&within("pat-2"), None, 9).await?), "a3- a2 b1");
    assert_eq!(told(tenant.list_history(&HistoryQuery { within: Some(vec![]), ..all.clone() }, None, 9).await?), "");

    // Page by page, whatever the size of a page.
    for size in 1..4 {
        let (mut pages, mut after) = (Vec::new(), None::<VersionPlace>);
        loop {
            let page = tenant.list_history(&all, after.as_ref(), size).await?;
            let Some(last) = page.last() else { break };
            after = Some(VersionPlace::from(last));
            pages.push(told(page));
        }
        assert_eq!(pages.join(" "), "a3- m1 a2 c1 b1 a1");
    }

    // A label closes all versions, the last one too, which says that it is gone.
    let tx = tenant.begin().await?;
    let label = |id: &str, compartment| Label {
        kind: "Observation".to_owned(),
        id: id.to_owned(),
        patient_id: Some("pat-2".to_owned()),
        compartment,
    };
    tx.put_labels(&[label("a", Compartment::Hiv)]).await?;
    tx.commit().await?;
    let open = HistoryQuery { withheld: Compartments::ALL, ..all.clone() };
    assert_eq!(told(tenant.list_history(&open, None, 9).await?), "m1 c1 b1");
    let other = HistoryQuery { withheld: Compartment::MentalHealth.into(), ..all.clone() };
    assert_eq!(told(tenant.list_history(&other, None, 9).await?), "a3- m1 a2 c1 b1 a1");
    assert_eq!(told(bench.there().list_history(&all, None, 9).await?), "");
    Ok(())
}
