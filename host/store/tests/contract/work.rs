//! Work that is done in the background: leased, put off, done once.

use serde_json::{Value, json};
use xinglin_domain::{
    id::{ExportId, TaskId},
    time::Instant,
};
use xinglin_store::{Engine, NEVER, Queue, Result, StoreError, Subscription, SubscriptionState, Work, testing};

use crate::{
    Bench, at, body,
    care::task,
    contract,
    delivery::{export, subscription},
    enrol, here_id, there_id,
};

contract!(work_is_leased_put_off_and_done_once, work_of_a_queue_is_not_of_another, what_waits_is_carried_over,);

fn work(tenant: xinglin_domain::id::TenantId, id: &str, due: i64) -> Work {
    Work { tenant, payload: body(1), ..Work::new(Queue::Event, id, "lane", at(due)) }
}

async fn work_is_leased_put_off_and_done_once(bench: Bench) -> Result<()> {
    let (mine, theirs) = (work(here_id(), "a", 5), work(there_id(), "a", 1));
    for (tenant, work) in [(bench.here(), &mine), (bench.there(), &theirs)] {
        let tx = tenant.begin().await?;
        tx.put_work(std::slice::from_ref(work)).await?;
        tx.commit().await?;
    }
    let claim = async |now, lease| {
        let tx = bench.operator().begin().await?;
        let claimed = tx.claim_work(Queue::Event, at(now), at(lease), 10).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(claimed)
    };
    let tried =
        |work: &Work, attempts, lease| Work { attempts, version: attempts + 1, due_at: at(lease), ..work.clone() };
    assert_eq!(claim(0, 9).await?, []);
    assert_eq!(claim(5, 50).await?, [tried(&theirs, 1, 50), tried(&mine, 1, 50)]);
    assert_eq!(claim(6, 60).await?, [], "leased");

    let tx = bench.there().begin().await?;
    assert!(!tx.finish_work(&theirs).await?, "whoever put it in has it only until it is due");
    assert!(tx.finish_work(&tried(&theirs, 1, 50)).await?);
    assert!(!tx.finish_work(&tried(&theirs, 1, 50)).await?);
    tx.commit().await?;
    let tx = bench.here().begin().await?;
    assert!(tx.put_off_work(&tried(&mine, 1, 50), at(20)).await?);
    tx.commit().await?;
    assert_eq!(claim(19, 60).await?, []);
    assert_eq!(claim(20, 60).await?, [tried(&mine, 2, 60)]);
    assert_eq!(claim(60, 90).await?.len(), 1, "the lease ran out");

    // Put in anew, it is nobody's.
    let tx = bench.here().begin().await?;
    tx.put_work(&[work(here_id(), "a", 95)]).await?;
    assert!(!tx.finish_work(&tried(&mine, 3, 90)).await?);
    tx.put_work(&[Work { subject: Some("Observation/o".to_owned()), ..work(here_id(), "b", 96) }]).await?;
    tx.drop_work_without_subject(Queue::Event, "lane").await?;
    let left = tx.list_work(Queue::Event, "lane").await?;
    assert_eq!(left.iter().map(|work| work.id.as_str()).collect::<Vec<_>>(), ["b"]);
    tx.drop_work(Queue::Event, "b").await?;

    // What was stored with it follows it, also if somebody has claimed it.
    let together = |id: &str, due| work(here_id(), id, due);
    tx.put_work(&[together("c", 100), together("d", 100), together("e", 100), together("f", 101)]).await?;
    tx.put_work(&[Work { lane: "other".to_owned(), ..together("g", 100) }]).await?;
    tx.commit().await?;
    let claimed = claim(100, 120).await?;
    let of = |id: &str| claimed.iter().find(|work| work.id == id).expect("claimed").clone();
    let tx = bench.here().begin().await?;
    tx.put_off_following(&of("d"), at(150)).await?;
    assert!(!tx.finish_work(&of("e")).await?, "it waits");
    assert!(tx.finish_work(&of("c")).await? && tx.finish_work(&of("d")).await? && tx.finish_work(&of("g")).await?);
    tx.drop_work(Queue::Event, "f").await?;
    tx.commit().await?;
    assert_eq!(claim(149, 160).await?, []);
    assert_eq!(claim(150, 160).await?.into_iter().map(|work| work.id).collect::<Vec<_>>(), ["e"]);
    let tx = bench.here().begin().await?;
    tx.drop_work(Queue::Event, "e").await?;
    tx.commit().await?;
    assert_eq!(claim(1_000, 1_001).await?, []);
    Ok(())
}

async fn work_of_a_queue_is_not_of_another(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    let all: Vec<Work> = Queue::ALL.into_iter().map(|queue| Work::new(queue, "id", "lane", at(1))).collect();
    tx.put_work(&all).await?;
    tx.put_subscription(&subscription("lane", "Observation")).await?;
    tx.drop_lane(Queue::Timer, "lane").await?;
    tx.commit().await?;
    for queue in Queue::ALL {
        let tx = bench.operator().begin().await?;
        let claimed = tx.claim_work(queue, at(1), at(9), 10).await?;
        tx.commit().await?;
        let queues: Vec<Queue> = claimed.into_iter().map(|work| work.queue).collect();
        assert_eq!(queues, if queue == Queue::Timer { vec![] } else { vec![queue] });
    }
    Ok(())
}

/// The schema of the release before, with what waited there, is brought up to date.
async fn what_waits_is_carried_over(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    let enrolment = enrol(&tx, 1).await?;
    tx.schedule_task(&task(1, enrolment, "due", 20)).await?;
    for (id, state) in [("new", SubscriptionState::Requested), ("failed", SubscriptionState::Error)] {
        tx.put_subscription(&Subscription { id: id.to_owned(), state, ..subscription(id, "Observation") }).await?;
    }
    tx.insert_export(&export(7, 30)).await?;
    tx.commit().await?;
    let (json, int) = match bench.database.engine() {
        Engine::Sqlite => ("TEXT", "INTEGER"),
        Engine::Postgres => ("JSONB", "BIGINT"),
    };
    let before = format!(
        r#"DROP TABLE work;
           CREATE TABLE outbox (tenant_id TEXT, outbox_id TEXT, topic TEXT, payload {json}, created_at {int},
                                due_at {int}, attempts {int}, claimed_until {int}, done_at {int});
           CREATE TABLE subscription_event (tenant_id TEXT, subscription_id TEXT, event_id TEXT, resource_type TEXT,
                                            resource_id TEXT, version {int});
           ALTER TABLE task ADD COLUMN claimed_until {int}; CREATE INDEX task_due ON task (due_at);
           CREATE INDEX payment_operation_open ON payment_operation (updated_at);
           ALTER TABLE export_job ADD COLUMN claimed_until {int};
           ALTER TABLE subscription ADD COLUMN due_at {int} DEFAULT 9;
           ALTER TABLE subscription ADD COLUMN claimed_until {int};
           ALTER TABLE subscription ADD COLUMN version {int};
           CREATE INDEX subscription_due ON subscription (status, due_at);
           DELETE FROM _sqlx_migrations WHERE version = 14;
           INSERT INTO outbox VALUES
               ('{tenant}', 'kept', 'pathway.event', '{{"enrolment": "{enrolment}", "event": {{"a": 1}}}}', 1, 6, 2, 50, NULL),
               ('{tenant}', 'text', 'pathway.event', '{{"enrolment": "{enrolment}", "event": "withdrawn"}}', 1, 6, 2, 50, NULL),
               ('{tenant}', 'done', 'pathway.event', '{{"enrolment": "{enrolment}", "event": {{"a": 2}}}}', 1, 6, 2, NULL, 7);
           INSERT INTO subscription_event VALUES ('{tenant}', 'new', 'b', 'Observation', 'o1', 3),
                                                 ('{tenant}', 'failed', 'c', 'Observation', 'o2', 1),
                                                 ('{tenant}', 'gone', 'd', 'Observation', 'o3', 1);"#,
        tenant = here_id()
    );
    bench.close().await?;
    testing::tamper(bench.database.url(), &before).await.expect("the schema before");
    let store = bench.database.open().await?;
    let tenant = store.tenant(here_id());
    let waiting = async |queue, lane: &str| {
        let work = tenant.list_work(queue, lane).await?;
        Ok::<_, StoreError>(work.into_iter().map(|work| (work.id, work.due_at, work.payload)).collect::<Vec<_>>())
    };
    let (lane, nothing) = (enrolment.to_string(), Value::Null);
    let timer = TaskId::from_u128(1).to_string();
    assert_eq!(waiting(Queue::Timer, &lane).await?, [(timer, at(20), nothing.clone())]);
    let kept = ("kept".to_owned(), Instant::from_micros(6), json!({ "a": 1 }));
    let text = ("text".to_owned(), Instant::from_micros(6), json!("withdrawn"));
    assert_eq!(waiting(Queue::Event, &lane).await?, [kept, text]);
    let export = ExportId::from_u128(7).to_string();
    assert_eq!(waiting(Queue::Export, &export).await?, [(export.clone(), at(30), nothing)]);
    let (due, event) = (
        Instant::from_micros(9),
        |resource, version| json!({ "event": { "kind": "Observation", "resource": resource, "version": version } }),
    );
    let handshake = ("00000000000000000000000000000000-new".to_owned(), due, json!("handshake"));
    assert_eq!(waiting(Queue::Subscription, "new").await?, [handshake, ("b".to_owned(), due, event("o1", 3))]);
    assert_eq!(waiting(Queue::Subscription, "failed").await?, [("c".to_owned(), NEVER, event("o2", 1))]);
    assert_eq!(waiting(Queue::Subscription, "gone").await?, []);
    Ok(())
}
