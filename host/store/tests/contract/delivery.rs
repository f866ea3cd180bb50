//! What leaves the hospital: exports, subscriptions, attachments, conversations.

use serde_json::json;
use xinglin_domain::{
    compartment::Compartment,
    id::{AccountId, BlobId, ConsentId, EncounterId, ExportId},
};
use xinglin_store::{
    Blob, Consent, Export, ExportState, Label, Result, StoreError, Subscription, SubscriptionEvent, SubscriptionState,
    VisitMessage,
};

use crate::{Bench, at, body, code_of, contract, encounter, here_id};

contract!(
    an_export_is_tried_by_one_at_a_time,
    labels_and_consents_of_many,
    a_subscription_is_told_in_order_by_one_at_a_time,
    an_attachment_is_of_one_tenant,
    what_is_said_only_grows_until_it_is_purged,
);

fn export(number: u128, created: i64) -> Export {
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
        let claimed = tx.claim_export(at(now), at(lease)).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(claimed.map(|export| (export.id, export.attempts)))
    };
    let (first, second) = (ExportId::from_u128(2), ExportId::from_u128(1));
    assert_eq!(claim(10, 70).await?, Some((first, 1)));
    assert_eq!(claim(10, 70).await?, Some((second, 1)));
    assert_eq!(claim(69, 99).await?, None, "leased");
    let tx = tenant.begin().await?;
    assert!(tx.note_export(first, 1, &body(2), at(130)).await?);
    tx.commit().await?;
    assert_eq!(claim(70, 140).await?, Some((second, 2)), "whoever says nothing is thought dead");

    let tx = tenant.begin().await?;
    let late = Export { attempts: 1, state: ExportState::Done, ends_at: Some(at(500)), ..export(1, 9) };
    assert!(!tx.note_export(second, 1, &body(9), at(130)).await?);
    assert!(!tx.finish_export(&late).await?, "an earlier try says nothing any more");
    assert!(tx.finish_export(&Export { attempts: 2, ..late.clone() }).await?);
    assert!(tx.cancel_export(first, at(80)).await?);
    assert!(!tx.cancel_export(first, at(81)).await?);
    assert!(!tx.note_export(first, 1, &body(9), at(130)).await?, "called off");
    tx.commit().await?;
    assert_eq!(tenant.get_export(second).await?, Export { attempts: 2, ..late });
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

fn subscription(id: &str, kind: &str) -> Subscription {
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
        due_at: at(5),
        version: 0,
    }
}

fn event(subscription: &str, id: &str) -> SubscriptionEvent {
    SubscriptionEvent {
        subscription: subscription.to_owned(),
        id: id.to_owned(),
        kind: "Observation".to_owned(),
        resource: "o1".to_owned(),
        version: 3,
    }
}

async fn a_subscription_is_told_in_order_by_one_at_a_time(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    for one in [subscription("s", "Observation"), subscription("t", "Condition")] {
        tx.put_subscription(&one).await?;
    }
    tx.commit().await?;
    let kept = Subscription { version: 1, ..subscription("s", "Observation") };
    assert_eq!(tenant.find_subscription("s").await?, Some(kept.clone()));
    assert_eq!(bench.there().find_subscription("s").await?, None);
    assert_eq!(tenant.list_active_subscriptions(&["Observation"]).await?, []);

    let claim = async |now, lease| {
        let tx = bench.operator().begin().await?;
        let mut claimed = tx.claim_subscriptions(at(now), at(lease), 9).await?;
        tx.commit().await?;
        claimed.sort_by(|a, b| a.id.cmp(&b.id));
        Ok::<_, StoreError>(claimed)
    };
    assert_eq!(claim(4, 50).await?, []);
    let mut claimed = claim(5, 50).await?;
    assert_eq!(claimed.iter().map(|one| (one.id.as_str(), one.version)).collect::<Vec<_>>(), [("s", 2), ("t", 2)]);
    assert_eq!(claim(49, 90).await?, [], "leased");
    for one in &mut claimed {
        one.state = SubscriptionState::Active;
        let tx = tenant.begin().await?;
        assert!(!tx.note_subscription(&Subscription { version: 1, ..one.clone() }, None).await?, "overtaken");
        assert!(tx.note_subscription(one, None).await?);
        tx.commit().await?;
    }
    assert_eq!(tenant.list_active_subscriptions(&["Observation", "Patient"]).await?, claimed[..1]);
    assert_eq!(claim(60, 90).await?, [], "there is nothing to tell");

    let tx = tenant.begin().await?;
    tx.insert_subscription_events(&[event("s", "b"), event("s", "a"), event("u", "c")]).await?;
    tx.commit().await?;
    assert_eq!(bench.there().next_subscription_event("s").await?, None);
    assert_eq!(tenant.next_subscription_event("s").await?, Some(event("s", "a")));
    let due = claim(60, 90).await?;
    assert_eq!(due.iter().map(|one| (one.id.as_str(), one.version)).collect::<Vec<_>>(), [("s", 3)]);
    let tx = tenant.begin().await?;
    tx.delete_subscription_event(&event("s", "a")).await?;
    let told = Subscription { delivered: 1, attempts: 2, due_at: at(70), ..due[0].clone() };
    assert!(tx.note_subscription(&told, Some(at(65))).await?);
    tx.commit().await?;
    assert_eq!(tenant.next_subscription_event("s").await?, Some(event("s", "b")));
    assert_eq!(claim(69, 90).await?, [], "not due");
    assert_eq!(claim(70, 90).await?, [Subscription { version: 4, ..told }]);

    // Whoever writes it anew overtakes who works on it.
    let tx = tenant.begin().await?;
    tx.put_subscription(&subscription("s", "Observation")).await?;
    tx.clear_subscription("s").await?;
    tx.commit().await?;
    assert_eq!(tenant.find_subscription("s").await?, Some(Subscription { version: 5, ..kept }));
    assert_eq!(tenant.next_subscription_event("s").await?, None);
    let tx = tenant.begin().await?;
    tx.delete_subscription("s").await?;
    tx.commit().await?;
    assert_eq!(tenant.find_subscription("s").await?, None);
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
