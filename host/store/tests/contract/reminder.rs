//! Reminders of messages: channels, addresses that only their person's key opens, and what became of each.

use serde_json::json;
use xinglin_domain::{id::ReminderId, time::Instant};
use xinglin_store::{Message, Queue, ReminderAddress, ReminderChannel, ReminderRow, Result, Work};

use crate::{Bench, at, body, code_of, contract, is_unique_in};

contract!(
    a_channel_is_set_up_and_replaced,
    an_address_is_sealed_and_goes_with_its_key,
    a_reminder_changes_by_version_and_is_found,
    what_is_of_a_patient_is_erased,
);

const NUMBER: &str = "13800138000";

async fn a_channel_is_set_up_and_replaced(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    assert!(!tenant.has_reminder_channels().await?);
    let mut channel =
        ReminderChannel { channel: "sms".to_owned(), body: body(1), sealed: vec![1, 2], version: 0, updated_at: at(0) };
    for n in [1, 2] {
        channel.body = body(n);
        let tx = tenant.begin().await?;
        tx.put_reminder_channel(&channel).await?;
        tx.commit().await?;
    }
    channel.version = 2;
    assert_eq!(tenant.find_reminder_channel("sms").await?, Some(channel.clone()));
    assert_eq!(tenant.find_reminder_channel("wechat").await?, None);
    assert_eq!(tenant.list_reminder_channels().await?, [channel]);
    assert!(tenant.has_reminder_channels().await?);
    let there = bench.there();
    assert!(!there.has_reminder_channels().await? && there.list_reminder_channels().await?.is_empty());
    Ok(())
}

fn address(version: i64) -> ReminderAddress {
    ReminderAddress {
        patient_id: "pat-1".to_owned(),
        channel: "sms".to_owned(),
        body: body(version),
        secret: NUMBER.to_owned(),
        version,
        updated_at: at(version),
    }
}

async fn an_address_is_sealed_and_goes_with_its_key(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let put = async |address: ReminderAddress| {
        let tx = tenant.begin().await?;
        tx.put_reminder_address(&address).await?;
        tx.commit().await
    };
    assert_eq!(code_of(put(address(3)).await), "VERSION_CONFLICT");
    put(address(0)).await?;
    assert_eq!(code_of(put(address(0)).await), "VERSION_CONFLICT", "it is not new");
    put(address(1)).await?;
    let stored = tenant.list_reminder_addresses("pat-1").await?;
    assert_eq!(stored, [ReminderAddress { version: 2, ..address(1) }]);
    assert!(!format!("{stored:?}").contains(NUMBER));
    assert!(tenant.list_reminder_addresses("pat-2").await?.is_empty());
    assert!(bench.there().list_reminder_addresses("pat-1").await?.is_empty());
    let shown = bench.raw(&format!("SELECT COUNT(*) FROM reminder_address WHERE sealed LIKE '%{NUMBER}%'")).await;
    assert_eq!(shown.expect("rows"), [0]);
    // What is sealed for one version is not that of another.
    bench.raw("UPDATE reminder_address SET version = 3").await.expect("changed");
    assert_eq!(code_of(tenant.list_reminder_addresses("pat-1").await), "STORE_CORRUPT");
    bench.raw("UPDATE reminder_address SET version = 2").await.expect("changed");
    let tx = tenant.begin().await?;
    tx.destroy_keys("pat-1", at(9)).await?;
    tx.commit().await?;
    assert_eq!(tenant.list_reminder_addresses("pat-1").await?[0].secret, "");
    Ok(())
}

fn reminder(number: u128, created_at: Instant) -> ReminderRow {
    ReminderRow {
        id: ReminderId::from_u128(number),
        patient_id: "pat-1".to_owned(),
        message_id: format!("msg-{number}"),
        status: "queued".to_owned(),
        urgent: false,
        tried_at: None,
        into: None,
        body: body(1),
        version: 0,
        created_at,
        updated_at: created_at,
    }
}

async fn a_reminder_changes_by_version_and_is_found(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let put = async |row: &ReminderRow| {
        let tx = tenant.begin().await?;
        tx.put_reminder(row).await?;
        tx.commit().await
    };
    for number in [1, 2, 3] {
        put(&reminder(number, at(i64::try_from(number).expect("few")))).await?;
    }
    assert_eq!(code_of(put(&reminder(1, at(1))).await), "VERSION_CONFLICT", "it is not new");
    let twice = ReminderRow { message_id: "msg-1".to_owned(), ..reminder(4, at(4)) };
    assert!(is_unique_in(put(&twice).await, "reminder"));
    let strange = ReminderRow { status: "lost".to_owned(), ..reminder(5, at(5)) };
    assert!(put(&strange).await.is_err());

    let sent = ReminderRow {
        status: "sent".to_owned(),
        urgent: true,
        tried_at: Some(at(7)),
        body: body(2),
        version: 1,
        updated_at: at(8),
        ..reminder(1, at(1))
    };
    put(&sent).await?;
    assert_eq!(code_of(put(&sent).await), "VERSION_CONFLICT");
    let sent = ReminderRow { version: 2, ..sent };
    let host = ReminderId::from_u128(2);
    let bundled = ReminderRow { status: "bundled".to_owned(), into: Some(host), version: 1, ..reminder(3, at(3)) };
    put(&bundled).await?;

    assert_eq!(tenant.find_reminder(sent.id).await?, Some(sent.clone()));
    assert_eq!(tenant.find_reminder_of("msg-1").await?, Some(sent.clone()));
    assert_eq!(tenant.find_reminder_of("msg-9").await?, None);
    let numbers = |rows: Vec<ReminderRow>| rows.into_iter().map(|row| row.id.as_u128()).collect::<Vec<_>>();
    assert_eq!(numbers(tenant.list_reminders("pat-1", 9).await?), [3, 2, 1]);
    assert_eq!(numbers(tenant.list_reminders("pat-1", 1).await?), [3]);
    assert_eq!(numbers(tenant.list_queued_reminders("pat-1").await?), [2]);
    assert_eq!(numbers(tenant.list_tried_reminders("pat-1", at(6)).await?), [1]);
    assert_eq!(numbers(tenant.list_tried_reminders("pat-1", at(7)).await?), []);
    assert_eq!(tenant.list_bundled_messages(host).await?, ["msg-3"]);
    assert!(tenant.list_bundled_messages(sent.id).await?.is_empty());

    let there = bench.there();
    assert_eq!(there.find_reminder(sent.id).await?, None);
    assert_eq!(there.find_reminder_of("msg-1").await?, None);
    assert!(there.list_reminders("pat-1", 9).await?.is_empty());
    assert!(there.list_queued_reminders("pat-1").await?.is_empty());
    assert!(there.list_tried_reminders("pat-1", at(0)).await?.is_empty());
    assert!(there.list_bundled_messages(host).await?.is_empty());
    Ok(())
}

async fn what_is_of_a_patient_is_erased(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let message = Message {
        id: "msg-1".to_owned(),
        patient_id: "pat-1".to_owned(),
        dedupe_key: "k".to_owned(),
        body: json!({}),
        created_at: at(0),
        read_at: None,
    };
    let tx = tenant.begin().await?;
    tx.insert_message(&message).await?;
    tx.put_reminder(&reminder(1, at(0))).await?;
    tx.put_reminder_address(&address(0)).await?;
    tx.put_work(&[
        Work::new(Queue::Reminder, "msg-1", "pat-1", at(0)),
        Work::new(Queue::Reminder, "msg-2", "pat-2", at(0)),
    ])
    .await?;
    tx.commit().await?;
    assert_eq!(tenant.find_message("msg-1").await?, Some(message));
    assert_eq!(bench.there().find_message("msg-1").await?, None);
    let tx = tenant.begin().await?;
    let erased = tx.erase_patient("pat-1", "acc-1", at(1)).await?;
    tx.commit().await?;
    for table in ["message", "reminder", "reminder_address", "work"] {
        assert_eq!(erased.rows.get(table), Some(&1), "{table}");
    }
    assert_eq!(tenant.find_message("msg-1").await?, None);
    assert!(tenant.list_reminder_addresses("pat-1").await?.is_empty());
    assert_eq!(tenant.list_work(Queue::Reminder, "pat-2").await?.len(), 1);
    Ok(())
}
