//! What leaves the hospital: exports, subscriptions, attachments, conversations.

use serde_json::json;
use xinglin_domain::{
    compartment::Compartment,
    id::{AccountId, BlobId, ConsentId, EncounterId, ExportId},
};
use xinglin_store::{
    Blob, Consent, Export, ExportState, Label, NEVER, Queue, Result, StoreError, Subscription, SubscriptionState,
    VisitMessage, Work,
};

use crate::{Bench, at, body, code_of, contract, encounter, here_id};

contract!(
    an_export_is_tried_by_one_at_a_time,
    labels_and_consents_of_many,
    a_subscription_is_told_in_order_by_one_at_a_time,
    an_attachment_is_of_one_tenant,
    what_is_said_only_grows_until_it_is_purged,
);

pub(crate) fn export(number: u128, created: i64) -> Export {
    Export {
        tenant: here_id(),
        id: ExportId::from_u128(number),
        account: AccountId::from_u128(7),
        state: ExportState::Open,
        body: body(1),
        attempts: 0,
        ends_at: None,
        created_at: at(created),
    }
}

async fn an_export_is_tried_by_one_at_a_time(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    tx.insert_export(&export(2, 5)).await?;
    tx.insert_export(&export(1, 9)).await?;
    tx.commit().await?;
    assert_eq!(tenant.get_export(ExportId::from_u128(2)).await?, export(2, 5));
    assert_eq!(code_of(bench.there().get_export(ExportId::from_u128(2)).await), "NOT_FOUND");
    assert_eq!((tenant.count_open_exports().await?, bench.there().count_open_exports().await?), (2, 0));

    let claim = async |now, lease| {
        let tx = bench.operator().begin().await?;
        let claimed = tx.claim_work(Queue::Export, at(now), at(lease), 1).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(claimed.into_iter().next())
    };
    let tried = |claimed: &Option<Work>| claimed.as_ref().map(|work| (work.id.clone(), work.attempts));
    let (first, second) = (ExportId::from_u128(2), ExportId::from_u128(1));
    let of_first = claim(10, 70).await?;
    assert_eq!(tried(&of_first), Some((first.to_string(), 1)));
    let of_second = claim(10, 70).await?;
    assert_eq!(tried(&of_second), Some((second.to_string(), 1)));
    let (of_first, dead) = (of_first.expect("claimed"), of_second.expect("claimed"));
    assert_eq!(claim(69, 99).await?, None, "leased");
    let tx = tenant.begin().await?;
    assert!(tx.put_off_work(&of_first, at(130)).await?);
    assert!(tx.note_export(&Export { body: body(2), attempts: 1, ..export(2, 5) }).await?);
    tx.commit().await?;
    let again = claim(70, 140).await?;
    assert_eq!(tried(&again), Some((second.to_string(), 2)), "whoever says nothing is thought dead");

    let tx = tenant.begin().await?;
    assert!(!tx.put_off_work(&dead, at(130)).await?);
    assert!(!tx.finish_work(&dead).await?, "an earlier try says nothing any more");
    assert!(tx.finish_work(&again.expect("claimed")).await?);
    let late = Export { attempts: 2, state: ExportState::Done, ends_at: Some(at(500)), ..export(1, 9) };
    assert!(tx.note_export(&late).await?);
    assert!(tx.cancel_export(first, at(80)).await?);
    assert!(!tx.cancel_export(first, at(81)).await?);
    assert!(!tx.put_off_work(&of_first, at(130)).await?, "called off");
    assert!(!tx.note_export(&Export { body: body(9), ..export(2, 5) }).await?, "called off");
    tx.commit().await?;
    assert_eq!(tenant.get_export(second).await?, late);
    assert_eq!(tenant.get_export(first).await?.body, body(2));

    let ended = async |now| {
        let ended = bench.operator().list_ended_exports(at(now), 9).await?;
        Ok::<_, StoreError>(ended.into_iter().map(|export| export.id).collect::<Vec<_>>())
    };
    assert_eq!(ended(79).await?, []);
    assert_eq!(ended(499).await?, [first]);
    assert_eq!(ended(500).await?, [first, second]);
    let tx = tenant.begin().await?;
    tx.insert_export(&export(3, 9)).await?;
    for id in [first, second, ExportId::from_u128(3)] {
        tx.delete_export(id).await?;
    }
    tx.commit().await?;
    assert_eq!(code_of(tenant.get_export(first).await), "NOT_FOUND");
    assert_eq!(tenant.count_open_exports().await?, 1, "what has not ended stays");
    Ok(())
}

async fn labels_and_consents_of_many(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let label = |kind: &str, id: &str| Label {
        kind: kind.to_owned(),
        id: id.to_owned(),
        patient_id: Some("pat-1".to_owned()),
        compartment: Compartment::Hiv,
    };
    let consent = |number, patient: &str| Consent {
        id: ConsentId::from_u128(number),
        patient_id: patient.to_owned(),
        organisation: None,
        body: json!({ "n": 1 }),
        given_at: at(1),
        revoked_at: None,
    };
    let tx = tenant.begin().await?;
    tx.put_labels(&[label("Observation", "a"), label("Observation", "b"), label("Condition", "a")]).await?;
    for (number, patient) in [(1, "p"), (2, "q"), (3, "r"), (4, "p")] {
        tx.insert_consent(&consent(number, patient)).await?;
    }
    tx.revoke_consent(ConsentId::from_u128(4), &body(1), at(2)).await?;
    tx.commit().await?;
    let (ids, patients) = (["a".to_owned(), "c".to_owned()], ["p".to_owned(), "q".to_owned()]);
    assert_eq!(tenant.list_labels_of("Observation", &ids).await?, [label("Observation", "a")]);
    assert_eq!(tenant.list_labels_of("Observation", &[]).await?, []);
    assert_eq!(bench.there().list_labels_of("Observation", &ids).await?, []);
    let mut found = tenant.list_consents_of(&patients).await?;
    found.sort_by_key(|consent| consent.id);
    assert_eq!(found, [consent(1, "p"), consent(2, "q")]);
    assert_eq!(tenant.list_consents_of(&[]).await?, []);
    assert_eq!(bench.there().list_consents_of(&patients).await?, []);
    Ok(())
}

pub(crate) fn subscription(id: &str, kind: &str) -> Subscription {
    Subscription {
        tenant: here_id(),
        id: id.to_owned(),
        account: AccountId::from_u128(7),
        state: SubscriptionState::Requested,
        kind: kind.to_owned(),
        body: body(1),
        sealed: Some(vec![1, 2]),
        delivered: 0,
        attempts: 0,
    }
}

fn event(subscription: &str, id: &str, due: i64) -> Work {
    let work = Work::new(Queue::Subscription, id, subscription, at(due));
    Work { tenant: here_id(), subject: Some("Observation/o1".to_owned()), payload: body(3), ..work }
}

async fn a_subscription_is_told_in_order_by_one_at_a_time(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    for one in [subscription("s", "Observation"), subscription("u", "Condition")] {
        tx.put_subscription(&one).await?;
    }
    tx.commit().await?;
    assert_eq!(tenant.find_subscription("s").await?, Some(subscription("s", "Observation")));
    assert_eq!(bench.there().find_subscription("s").await?, None);
    assert_eq!(tenant.list_active_subscriptions(&["Observation"]).await?, []);
    let active = Subscription { state: SubscriptionState::Active, ..subscription("s", "Observation") };
    let tx = tenant.begin().await?;
    tx.note_subscription(&active).await?;
    tx.commit().await?;
    assert_eq!(tenant.list_active_subscriptions(&["Observation", "Patient"]).await?, [active]);

    let claim = async |now, lease| {
        let tx = bench.operator().begin().await?;
        let claimed = tx.claim_work(Queue::Subscription, at(now), at(lease), 9).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(claimed)
    };
    let ids = |claimed: &[Work]| claimed.iter().map(|work| work.id.clone()).collect::<Vec<_>>();
    let tx = tenant.begin().await?;
    tx.put_work(&[event("s", "b", 5), event("s", "a", 6), event("u", "c", 60)]).await?;
    tx.commit().await?;
    assert_eq!(bench.there().list_work(Queue::Subscription, "s").await?, []);
    assert_eq!(tenant.list_work(Queue::Subscription, "s").await?, [event("s", "a", 6), event("s", "b", 5)]);
    assert_eq!(claim(5, 50).await?, [], "what comes first is not due");
    let first = claim(6, 50).await?;
    assert_eq!(first, [Work { due_at: at(50), attempts: 1, version: 2, ..event("s", "a", 6) }]);
    assert_eq!(claim(49, 90).await?, [], "leased, and the next waits for it");
    let tx = tenant.begin().await?;
    assert!(tx.put_off_work(&first[0], at(70)).await?);
    tx.commit().await?;
    assert_eq!(ids(&claim(60, 90).await?), ["c"], "another lane goes on");
    let again = claim(70, 90).await?;
    assert_eq!(again, [Work { due_at: at(90), attempts: 2, version: 3, ..event("s", "a", 6) }]);
    let tx = tenant.begin().await?;
    assert!(!tx.finish_work(&first[0]).await?, "overtaken");
    assert!(tx.finish_work(&again[0]).await?);
    tx.commit().await?;
    let next = claim(71, 90).await?;
    assert_eq!(ids(&next), ["b"]);

    // Whoever writes it anew overtakes who works on it.
    let tx = tenant.begin().await?;
    tx.move_lane(Queue::Subscription, "s", NEVER).await?;
    assert!(!tx.finish_work(&next[0]).await?);
    tx.commit().await?;
    assert_eq!(ids(&claim(1_000, 1_001).await?), ["c"], "nobody wants the others");
    let tx = tenant.begin().await?;
    tx.move_lane(Queue::Subscription, "s", at(2_000)).await?;
    tx.commit().await?;
    let woken = claim(2_000, 2_001).await?;
    let woken = woken.iter().find(|work| work.id == "b").expect("it waits no more");
    assert_eq!((woken.since, woken.attempts), (at(2_000), 1));
    let tx = tenant.begin().await?;
    tx.delete_subscription("s").await?;
    tx.commit().await?;
    assert_eq!(tenant.find_subscription("s").await?, None);
    assert_eq!(tenant.list_work(Queue::Subscription, "s").await?, []);
    Ok(())
}

async fn an_attachment_is_of_one_tenant(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let blob = Blob {
        id: BlobId::from_u128(1),
        patient_id: "pat-1".to_owned(),
        account: AccountId::from_u128(7),
        sha256: "ab".repeat(32),
        content_type: "image/png".to_owned(),
        size: 1 << 33,
        created_at: at(3),
    };
    let tx = tenant.begin().await?;
    tx.insert_blob(&blob).await?;
    tx.commit().await?;
    assert_eq!(tenant.get_blob(blob.id).await?, blob);
    assert_eq!(code_of(bench.there().get_blob(blob.id).await), "NOT_FOUND");
    let tx = tenant.begin().await?;
    assert!(crate::is_unique_in(tx.insert_blob(&blob).await, "blob"));
    Ok(())
}

async fn what_is_said_only_grows_until_it_is_purged(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let visit = EncounterId::from_u128(1);
    let tx = tenant.begin().await?;
    tx.insert_document(&encounter(1, at(0))).await?;
    for (seq, said) in [(1, 10), (2, 20), (3, 30)] {
        assert_eq!(tx.append_visit_message(visit, &body(seq), at(said)).await?, seq);
    }
    tx.commit().await?;
    let message = |seq, said| VisitMessage { seq, body: body(seq), created_at: at(said) };
    assert_eq!(tenant.list_visit_messages(visit, 0, 2).await?, [message(1, 10), message(2, 20)]);
    assert_eq!(tenant.list_visit_messages(visit, 2, 9).await?, [message(3, 30)]);
    assert_eq!(bench.there().list_visit_messages(visit, 0, 9).await?, []);
    let tx = tenant.begin().await?;
    let nowhere = tx.append_visit_message(EncounterId::from_u128(2), &body(1), at(1)).await;
    assert_eq!(code_of(nowhere), "REFERENCE_INVALID");
    drop(tx);

    for sql in ["UPDATE visit_message SET created_at = 0", "DELETE FROM visit_message WHERE seq = 1"] {
        assert!(bench.raw(sql).await.is_err(), "{sql}");
    }
    let tx = tenant.begin().await?;
    assert_eq!(tx.purge_visit_messages(at(20), "acc-1", at(99)).await?, 1);
    tx.commit().await?;
    let tx = tenant.begin().await?;
    assert_eq!(tx.purge_visit_messages(at(20), "acc-2", at(100)).await?, 0);
    tx.commit().await?;
    assert_eq!(tenant.list_visit_messages(visit, 0, 9).await?.len(), 2);
    assert!(bench.raw("DELETE FROM visit_message WHERE seq = 2").await.is_err(), "what was not purged stays");
    for sql in ["UPDATE visit_message_purge SET before_at = 0", "DELETE FROM visit_message_purge"] {
        assert!(bench.raw(sql).await.is_err(), "{sql}");
    }
    Ok(())
}
