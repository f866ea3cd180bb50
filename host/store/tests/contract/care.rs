//! Documents, dispensing, tasks, alerts, holds and messages.

use serde_json::json;
use xinglin_domain::id::{
    AlertId, BillId, EncounterId, EnrolmentId, HoldId, ItemOrderId, PrescriptionId, RequestId, TaskId,
};
use xinglin_store::{
    Alert, AlertQuery, Cursor, Document, DocumentId, DocumentQuery, Hold, Message, Queue, RequestQuery, Result,
    StoreError, Task, TaskQuery, TaskState, Tenant, TenantTx, Work, testing,
};

use crate::{Bench, at, body, code_of, contract, document, encounter, enrol, here_id, is_unique_in};

contract!(
    every_kind_of_document_is_kept,
    documents_are_listed_and_paged,
    an_exclusive_key_is_held_by_one,
    a_line_is_used_once_and_freed,
    a_trace_code_leaves_once,
    a_task_moves_and_is_cancelled,
    a_due_task_is_claimed_and_fires_once,
    alerts_are_listed_by_urgency,
    open_requests_are_listed_by_whom_they_are_given_to,
    requests_of_before_are_listed_too,
    tasks_are_listed_by_whom_they_are_given_to,
    tasks_of_before_are_listed_too,
    a_hold_stands_until_released,
    a_message_is_said_once,
);

async fn kept<Id: DocumentId>(tenant: &Tenant, id: Id) -> Result<()> {
    let mut document = document(id, "pat-1", "draft", at(0));
    document.parent_id = Some("parent".to_owned());
    let tx = tenant.begin().await?;
    document.version = tx.insert_document(&document).await?;
    assert_eq!(tx.get_document(id).await?, document);
    tx.commit().await?;
    assert_eq!(tenant.get_document(id).await?, document);

    document.status = "signed".to_owned();
    document.body = json!({"state": {"signed": {"by": "张", "at": 1_790_000_000_000_000_i64}}});
    document.updated_at = at(3);
    let tx = tenant.begin().await?;
    document.version = tx.update_document(&document).await?;
    tx.commit().await?;
    assert_eq!(document.version, 2);
    assert_eq!(tenant.get_document(id).await?, document);

    let tx = tenant.begin().await?;
    let stale = Document { version: 1, ..document };
    let error = tx.update_document(&stale).await.expect_err("a refusal");
    assert_eq!(error.code(), "VERSION_CONFLICT");
    assert!(error.to_string().contains(Id::KIND), "{error}");
    drop(tx);
    let tx = tenant.begin().await?;
    assert!(is_unique_in(tx.insert_document(&stale).await, Id::KIND));
    Ok(())
}

async fn every_kind_of_document_is_kept(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    kept(&tenant, EncounterId::from_u128(1)).await?;
    kept(&tenant, PrescriptionId::from_u128(1)).await?;
    kept(&tenant, ItemOrderId::from_u128(1)).await?;
    kept(&tenant, BillId::from_u128(1)).await?;
    kept(&tenant, EnrolmentId::from_u128(1)).await?;
    assert_eq!(code_of(tenant.get_document(EncounterId::from_u128(9)).await), "NOT_FOUND");
    Ok(())
}

async fn documents_are_listed_and_paged(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    for number in 0..7_u128 {
        let mut document = encounter(number, at(i64::try_from(number / 2).expect("small")));
        document.patient_id = if number < 5 { "pat-1" } else { "pat-2" }.to_owned();
        document.parent_id = (number == 3).then(|| "clinic".to_owned());
        document.status = if number == 4 { "closed" } else { "open" }.to_owned();
        tx.insert_document(&document).await?;
    }
    tx.commit().await?;

    let expect = async |query: DocumentQuery, wanted: &[u128]| -> Result<()> {
        let wanted: Vec<_> = wanted.iter().copied().map(EncounterId::from_u128).collect();
        assert_eq!(tenant.count_documents::<EncounterId>(&query).await?, wanted.len() as i64);
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = tenant.list_documents::<EncounterId>(&query, cursor.as_ref(), 3).await?;
            let Some(last) = page.last() else { break };
            cursor = Some(last.cursor());
            found.extend(page.iter().map(|document| document.id));
        }
        assert_eq!(found, wanted, "{query:?}");
        Ok(())
    };
    let patient = || DocumentQuery { patient_id: Some("pat-1".to_owned()), ..DocumentQuery::default() };
    let statuses = |list: &[&str]| list.iter().map(|&status| status.to_owned()).collect();
    expect(DocumentQuery::default(), &[6, 5, 4, 3, 2, 1, 0]).await?;
    expect(patient(), &[4, 3, 2, 1, 0]).await?;
    expect(DocumentQuery { statuses: statuses(&["closed"]), ..patient() }, &[4]).await?;
    expect(DocumentQuery { statuses: statuses(&["closed", "open"]), ..patient() }, &[4, 3, 2, 1, 0]).await?;
    let ids = [1, 3, 9].map(|number| EncounterId::from_u128(number).to_string()).to_vec();
    expect(DocumentQuery { ids, ..DocumentQuery::default() }, &[3, 1]).await?;
    let patients = |list: &[&str]| DocumentQuery { patient_ids: statuses(list), ..DocumentQuery::default() };
    expect(patients(&["pat-1", "pat-9"]), &[4, 3, 2, 1, 0]).await?;
    expect(patients(&["pat-9"]), &[]).await?;
    expect(DocumentQuery { parent_id: Some("clinic".to_owned()), ..DocumentQuery::default() }, &[3]).await
}

async fn an_exclusive_key_is_held_by_one(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let enrolment = |number| Document {
        exclusive_key: Some("diabetes/pat-1".to_owned()),
        ..document(EnrolmentId::from_u128(number), "pat-1", "active", at(0))
    };
    let mut first = enrolment(1);
    let tx = tenant.begin().await?;
    first.version = tx.insert_document(&first).await?;
    tx.commit().await?;
    let tx = tenant.begin().await?;
    assert!(is_unique_in(tx.insert_document(&enrolment(2)).await, "enrolment"));
    drop(tx);
    assert_eq!(tenant.find_document_by_key::<EnrolmentId>("diabetes/pat-1").await?, Some(first.clone()));

    first.exclusive_key = None;
    let tx = tenant.begin().await?;
    tx.update_document(&first).await?;
    tx.insert_document(&enrolment(2)).await?;
    tx.commit().await?;
    assert_eq!(tenant.find_document_by_key::<EnrolmentId>("nothing").await?, None);
    Ok(())
}

/// A prescription to be dispensed.
pub(crate) async fn prescribe(tenant: &Tenant, number: u128) -> Result<PrescriptionId> {
    let id = PrescriptionId::from_u128(number);
    let tx = tenant.begin().await?;
    tx.insert_document(&document(id, "pat-1", "effective", at(0))).await?;
    tx.commit().await?;
    Ok(id)
}

async fn a_line_is_used_once_and_freed(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let rx = prescribe(&tenant, 1).await?;
    let tx = tenant.begin().await?;
    tx.mark_used(rx, &[1, 2], "order-a", at(1)).await?;
    tx.commit().await?;
    let tx = tenant.begin().await?;
    assert!(is_unique_in(tx.mark_used(rx, &[3, 2], "order-b", at(2)).await, "prescription_use"));
    drop(tx);
    let used = |lines: &[(u32, &str)]| lines.iter().map(|&(line, order)| (line, order.to_owned())).collect::<Vec<_>>();
    assert_eq!(tenant.list_prescription_uses(rx).await?, used(&[(1, "order-a"), (2, "order-a")]));

    let tx = tenant.begin().await?;
    assert_eq!(tx.free_used(rx, "order-b").await?, 0);
    assert_eq!(tx.free_used(rx, "order-a").await?, 2);
    tx.mark_used(rx, &[2], "order-b", at(3)).await?;
    tx.commit().await?;
    assert_eq!(tenant.list_prescription_uses(rx).await?, used(&[(2, "order-b")]));

    let tx = tenant.begin().await?;
    let unknown = PrescriptionId::from_u128(9);
    assert_eq!(code_of(tx.mark_used(unknown, &[1], "order", at(0)).await), "REFERENCE_INVALID");
    Ok(())
}

async fn a_trace_code_leaves_once(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let rx = prescribe(&tenant, 1).await?;
    let tx = tenant.begin().await?;
    tx.use_trace_codes(rx, &["83000001".to_owned(), "83000002".to_owned()], at(1)).await?;
    tx.commit().await?;
    let tx = tenant.begin().await?;
    let again = ["83000003".to_owned(), "83000002".to_owned()];
    assert!(is_unique_in(tx.use_trace_codes(rx, &again, at(2)).await, "trace_code"));
    drop(tx);
    assert_eq!(tenant.find_trace_code("83000002").await?, Some(rx));
    assert_eq!(tenant.find_trace_code("83000003").await?, None);
    Ok(())
}

pub(crate) fn task(number: u128, enrolment: EnrolmentId, code: &str, due: i64) -> Task {
    Task {
        id: TaskId::from_u128(number),
        enrolment_id: enrolment,
        patient_id: "pat-1".to_owned(),
        code: code.to_owned(),
        given_to: "nurse".to_owned(),
        due_at: at(due),
        state: TaskState::Open,
        body: body(1),
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

async fn a_task_moves_and_is_cancelled(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    let enrolment = enrol(&tx, 1).await?;
    let first = task(1, enrolment, "hba1c", 100);
    assert_eq!(tx.schedule_task(&first).await?, first.id);
    assert_eq!(tx.get_task(first.id).await?, first);
    let moved = Task { body: body(2), ..task(2, enrolment, "hba1c", 50) };
    assert_eq!(tx.schedule_task(&moved).await?, first.id, "it keeps its id");
    tx.schedule_task(&task(3, enrolment, "foot", 60)).await?;
    tx.commit().await?;

    let stored = tenant.get_task(first.id).await?;
    assert_eq!((stored.due_at, stored.body, stored.version), (at(50), body(2), 2));
    let open = tenant.list_tasks("pat-1", Some(TaskState::Open), 10).await?;
    assert_eq!(open.iter().map(|task| task.code.as_str()).collect::<Vec<_>>(), ["hba1c", "foot"]);

    let tx = tenant.begin().await?;
    assert_eq!(tx.cancel_tasks(enrolment, Some("hba1c"), at(1)).await?.len(), 1);
    assert_eq!(tx.cancel_tasks(enrolment, Some("hba1c"), at(1)).await?.len(), 0);
    let again = task(4, enrolment, "hba1c", 70);
    assert_eq!(tx.schedule_task(&again).await?, again.id, "a cancelled one does not move");
    assert_eq!(tx.cancel_tasks(enrolment, None, at(2)).await?.len(), 2);
    tx.commit().await?;
    assert!(tenant.list_tasks("pat-1", Some(TaskState::Open), 10).await?.is_empty());
    assert_eq!(tenant.list_tasks("pat-1", None, 10).await?.len(), 3);
    assert_eq!(code_of(tenant.get_task(TaskId::from_u128(9)).await), "NOT_FOUND");

    // Of an enrolment, the latest first.
    let tx = tenant.begin().await?;
    let other = enrol(&tx, 2).await?;
    for (number, code, due) in [(21, "first", 300), (22, "second", 310), (23, "third", 320)] {
        tx.schedule_task(&task(number, other, code, due)).await?;
    }
    tx.fire_task(TaskId::from_u128(21), 1, at(300)).await?;
    tx.finish_task(TaskId::from_u128(22), 1, at(310)).await?;
    assert_eq!(tx.count_open_tasks(other, "first").await?, 1);
    assert_eq!(tx.count_open_tasks(other, "third").await?, 0);
    let listed = async |enrolment, pending, limit| {
        let tasks = tx.list_enrolment_tasks((enrolment, "pat-1"), pending, limit).await?;
        Ok::<_, StoreError>(tasks.into_iter().map(|task| task.code).collect::<Vec<_>>())
    };
    assert_eq!(listed(other, false, 10).await?, ["third", "second", "first"]);
    assert_eq!(listed(other, true, 10).await?, ["third", "first"]);
    assert_eq!(listed(other, true, 1).await?, ["third"]);
    assert_eq!(listed(enrolment, true, 10).await?, Vec::<String>::new());
    tx.rollback().await?;

    // A fired task is history, unless its pathway waits for it.
    let tx = tenant.begin().await?;
    for (number, code) in [(6, "left"), (7, "moved"), (8, "waited-for")] {
        let id = tx.schedule_task(&task(number, enrolment, code, 80)).await?;
        tx.fire_task(id, 1, at(81)).await?;
        tx.put_work(&[Work::new(Queue::Timer, id, enrolment, at(90))]).await?;
        if code == "left" {
            tx.drop_work(Queue::Timer, &id.to_string()).await?;
        }
    }
    tx.forget_fired_tasks(enrolment, "moved").await?;
    let cancelled = tx.cancel_tasks(enrolment, None, at(91)).await?;
    assert_eq!(
        cancelled.iter().map(|task| (task.code.as_str(), task.state)).collect::<Vec<_>>(),
        [("waited-for", TaskState::Cancelled)]
    );
    assert_eq!(tx.list_work(Queue::Timer, &enrolment.to_string()).await?, []);
    tx.commit().await?;

    let tx = tenant.begin().await?;
    let homeless = task(5, EnrolmentId::from_u128(9), "x", 0);
    assert_eq!(code_of(tx.schedule_task(&homeless).await), "REFERENCE_INVALID");
    Ok(())
}

async fn a_due_task_is_claimed_and_fires_once(bench: Bench) -> Result<()> {
    let (here, there) = (bench.here(), bench.there());
    for (tenant, due) in [(&here, 20), (&there, 10)] {
        let tx = tenant.begin().await?;
        let enrolment = enrol(&tx, 1).await?;
        tx.schedule_task(&task(1, enrolment, "due", due)).await?;
        tx.schedule_task(&task(2, enrolment, "later", 1_000)).await?;
        tx.commit().await?;
    }
    let claim = async |now, lease, limit| {
        let tx = bench.operator().begin().await?;
        let claimed = tx.claim_work(Queue::Timer, at(now), at(lease), limit).await?;
        tx.commit().await?;
        Ok::<_, StoreError>(claimed)
    };
    assert_eq!(claim(5, 100, 10).await?, [], "not yet");
    let first = claim(20, 100, 1).await?;
    assert_eq!(first.iter().map(|claimed| claimed.tenant).collect::<Vec<_>>(), [there.id()], "the earliest due");
    let second = claim(20, 100, 10).await?;
    assert_eq!(second.iter().map(|claimed| claimed.tenant).collect::<Vec<_>>(), [here_id()]);
    assert_eq!(claim(99, 200, 10).await?, [], "all are leased");

    // The first worker died; its lease ran out and another has the task.
    let again = claim(100, 200, 10).await?;
    assert_eq!(again.len(), 2);
    let lost = &first[0];
    let tx = there.begin().await?;
    assert!(!tx.finish_work(lost).await?, "another worker's");
    assert!(!tx.put_off_work(lost, at(400)).await?, "another worker's");
    let mine = again.iter().find(|claimed| claimed.tenant == there.id()).expect("claimed");
    assert!(tx.put_off_work(mine, at(300)).await?);
    tx.commit().await?;
    let tenants = claim(299, 300, 10).await?.iter().map(|claimed| claimed.tenant).collect::<Vec<_>>();
    assert_eq!(tenants, [here_id()], "one lease ran out, the other was prolonged");
    let tx = there.begin().await?;
    assert!(tx.finish_work(mine).await?);
    let id: TaskId = mine.id.parse().expect("a task");
    let version = tx.fire_task(id, 1, at(101)).await?;
    tx.commit().await?;
    assert_eq!(there.get_task(id).await?.state, TaskState::Fired);
    assert_eq!(there.list_work(Queue::Timer, &mine.lane).await?.len(), 1, "the later one");
    let tx = there.begin().await?;
    assert_eq!(code_of(tx.fire_task(id, version, at(102)).await), "VERSION_CONFLICT");
    assert_eq!(code_of(tx.commit().await), "STORE_ABORTED", "its effect is lost too");
    let tx = there.begin().await?;
    tx.finish_task(id, version, at(103)).await?;
    assert_eq!(code_of(tx.finish_task(id, version + 1, at(104)).await), "VERSION_CONFLICT");
    assert_eq!(code_of(tx.decline_task(id, version + 1, at(104)).await), "VERSION_CONFLICT", "it is done");
    tx.commit().await?;
    assert_eq!(there.get_task(id).await?.state, TaskState::Done);

    // Whoever moves a timer overtakes the worker that has it; who takes it back as well.
    let stale = claim(2_000, 2_100, 10).await?;
    let tx = there.begin().await?;
    let stale = stale.iter().find(|claimed| claimed.tenant == there.id()).expect("claimed");
    let enrolment = stale.lane.parse().expect("an enrolment");
    tx.schedule_task(&task(2, enrolment, "later", 3_000)).await?;
    assert!(!tx.finish_work(stale).await?);
    let moved = there_lane(&tx, stale).await?;
    assert_eq!(moved.iter().map(|work| (work.due_at, work.attempts)).collect::<Vec<_>>(), [(at(3_000), 0)]);
    tx.cancel_tasks(enrolment, None, at(2_001)).await?;
    assert_eq!(there_lane(&tx, stale).await?, []);
    tx.commit().await?;
    Ok(())
}

async fn there_lane(tx: &TenantTx, work: &Work) -> Result<Vec<Work>> {
    tx.list_work(work.queue, &work.lane).await
}

async fn alerts_are_listed_by_urgency(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let alert = |number, owner: &str, due| Alert {
        id: AlertId::from_u128(number),
        patient_id: format!("pat-{number}"),
        enrolment_id: Some(EnrolmentId::from_u128(7)),
        code: "GLUCOSE_CRITICAL".to_owned(),
        severity: if owner == "nurse" { "warning" } else { "critical" }.to_owned(),
        urgency: i64::from(owner == "nurse"),
        owner: owner.to_owned(),
        told: vec![owner.to_owned()],
        state: "open".to_owned(),
        due_at: at(due),
        body: body(1),
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    };
    let mut first = alert(1, "doctor", 30);
    let tx = tenant.begin().await?;
    tx.insert_alert(&first).await?;
    tx.insert_alert(&alert(2, "doctor", 10)).await?;
    tx.insert_alert(&alert(3, "nurse", 20)).await?;
    tx.commit().await?;
    assert_eq!(tenant.get_alert(first.id).await?, first);
    let list = async |query: AlertQuery| -> Result<Vec<u128>> {
        Ok(tenant.list_alerts(&query, None, 10).await?.iter().map(|alert| alert.id.as_u128()).collect())
    };
    let told = |roles: &[&str]| AlertQuery {
        told: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..AlertQuery::default()
    };
    assert_eq!(list(AlertQuery::default()).await?, [2, 1, 3], "critical, then by the time");
    assert_eq!(list(told(&["doctor"])).await?, [2, 1]);
    assert_eq!(list(told(&["nurse"])).await?, [3]);
    assert_eq!(list(told(&["administrator"])).await?, []);
    assert_eq!(list(AlertQuery { patient_id: Some("pat-3".to_owned()), ..AlertQuery::default() }).await?, [3]);
    let coded = |code: &str| AlertQuery { code: Some(code.to_owned()), ..AlertQuery::default() };
    assert_eq!((list(coded("GLUCOSE_CRITICAL")).await?.len(), list(coded("OTHER")).await?.len()), (3, 0));
    let raised = |number| AlertQuery { enrolment_id: Some(EnrolmentId::from_u128(number)), ..AlertQuery::default() };
    assert_eq!((list(raised(7)).await?.len(), list(raised(8)).await?.len()), (3, 0));
    // Page by page.
    let mut pages = Vec::new();
    let mut last = None;
    while let Some(alert) = tenant.list_alerts(&AlertQuery::default(), last.as_ref(), 1).await?.pop() {
        pages.push(alert.id.as_u128());
        last = Some(alert);
    }
    assert_eq!(pages, [2, 1, 3]);

    first.state = "acknowledged".to_owned();
    first.owner = "committee".to_owned();
    first.told = vec!["doctor".to_owned(), "administrator".to_owned()];
    let tx = tenant.begin().await?;
    first.version = tx.update_alert(&first).await?;
    tx.commit().await?;
    assert_eq!(tenant.get_alert(first.id).await?, first);
    assert_eq!(list(AlertQuery { state: Some("open".to_owned()), ..AlertQuery::default() }).await?, [2, 3]);
    assert_eq!(list(told(&["administrator", "nurse"])).await?, [1, 3], "it climbed");
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.update_alert(&Alert { version: 1, ..first.clone() }).await), "VERSION_CONFLICT");
    first.state = "lost".to_owned();
    assert_eq!(code_of(tx.update_alert(&first).await), "STORE_REFUSED");
    assert_eq!(code_of(tenant.get_alert(AlertId::from_u128(9)).await), "NOT_FOUND");
    Ok(())
}

/// Ids of the open requests of roles and patients, in pages of two.
async fn open_requests(tenant: &Tenant, roles: &[&str], patients: &[&str]) -> Result<Vec<u128>> {
    let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let query = RequestQuery { roles: own(roles), patients: own(patients) };
    let (mut found, mut after): (Vec<u128>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let page = tenant.list_open_requests(&query, after.as_ref(), 2).await?;
        found.extend(page.iter().map(|request| request.id.as_u128()));
        let Some(last) = page.last() else { return Ok(found) };
        let due = last.body["by"].as_i64().map(xinglin_domain::time::Instant::from_micros).expect("a time");
        after = Some(Cursor { at: due, id: last.id.to_string() });
    }
}

/// A request as the domain keeps it, as far as lists need it.
fn request(number: u128, patient: &str, due: i64, asked: serde_json::Value) -> Document<RequestId> {
    let body = json!({ "by": at(due).micros(), "asked": asked });
    Document { body, ..document(RequestId::from_u128(number), patient, "open", at(0)) }
}

async fn open_requests_are_listed_by_whom_they_are_given_to(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    for (number, patient, due, roles) in [
        (1, "pat-1", 50, ["doctor", "pharmacist"].as_slice()),
        (2, "pat-1", 40, &["patient"]),
        (3, "pat-2", 40, &["patient", "doctor"]),
        (4, "pat-2", 30, &["nurse"]),
        (5, "pat-2", 20, &["doctor"]),
    ] {
        tx.insert_document(&request(number, patient, due, json!({}))).await?;
        tx.give_request(RequestId::from_u128(number), roles, at(due)).await?;
    }
    let mut ended = request(6, "pat-1", 10, json!({}));
    tx.insert_document(&ended).await?;
    tx.give_request(ended.id, &["doctor"], at(10)).await?;
    ended.version = 1;
    ended.status = "lapsed".to_owned();
    tx.update_document(&ended).await?;
    assert_eq!(code_of(tx.give_request(RequestId::from_u128(9), &["doctor"], at(0)).await), "NOT_FOUND");
    tx.commit().await?;
    assert_eq!(open_requests(&tenant, &["doctor"], &[]).await?, [5, 3, 1], "the first that is due first");
    assert_eq!(open_requests(&tenant, &["pharmacist", "nurse"], &[]).await?, [4, 1]);
    assert_eq!(open_requests(&tenant, &[], &["pat-1"]).await?, [2], "the patient's own");
    assert_eq!(open_requests(&tenant, &["nurse"], &["pat-1", "pat-2"]).await?, [4, 2, 3], "both, in one order");
    assert_eq!(open_requests(&tenant, &["courier"], &[]).await?, []);
    assert_eq!(open_requests(&bench.there(), &["doctor"], &[]).await?, []);
    // It moves.
    let tx = tenant.begin().await?;
    let mut moved = tx.get_document(RequestId::from_u128(1)).await?;
    moved.body = json!({ "by": at(5).micros() });
    tx.update_document(&moved).await?;
    tx.give_request(moved.id, &["doctor"], at(5)).await?;
    tx.commit().await?;
    assert_eq!(open_requests(&tenant, &["doctor"], &[]).await?, [1, 5, 3]);
    Ok(())
}

/// Those that were stored before migration 30.
async fn requests_of_before_are_listed_too(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    let seats = json!([{ "role": "doctor" }, { "role": "health_manager" }]);
    for (number, due, asked) in [
        (1, 50, json!({ "question": { "respondent": "guardian" } })),
        (2, 40, json!({ "question": { "respondent": "nurse" } })),
        (3, 30, json!({ "team": { "participants": seats } })),
        (4, 20, json!({ "referral": { "destination": "emergency" } })),
    ] {
        tx.insert_document(&request(number, "pat-1", due, asked)).await?;
    }
    tx.commit().await?;
    bench.close().await?;
    let before = "DROP INDEX request_by_due;
        CREATE INDEX request_by_status ON request (tenant_id, status, created_at, document_id);
        ALTER TABLE request DROP COLUMN given_to;
        ALTER TABLE request DROP COLUMN due_at;
        DELETE FROM _sqlx_migrations WHERE version = 30;";
    testing::tamper(bench.database.url(), before).await.expect("the schema before");
    let again = bench.database.open().await?;
    let tenant = again.tenant(here_id());
    assert_eq!(open_requests(&tenant, &["doctor"], &[]).await?, [4, 3]);
    assert_eq!(open_requests(&tenant, &["health_manager"], &[]).await?, [4, 3]);
    assert_eq!(open_requests(&tenant, &["nurse"], &["pat-1"]).await?, [4, 2, 1]);
    assert_eq!(open_requests(&tenant, &[], &["pat-1"]).await?, [4, 1]);
    Ok(())
}

/// Numbers of the tasks of a query, in pages of two.
async fn given_tasks(tenant: &Tenant, query: &TaskQuery) -> Result<Vec<u128>> {
    let (mut found, mut after): (Vec<u128>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let page = tenant.list_given_tasks(query, after.as_ref(), 2).await?;
        found.extend(page.iter().map(|task| task.id.as_u128()));
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(Cursor { at: last.due_at, id: last.id.to_string() });
    }
}

fn given(roles: &[&str]) -> TaskQuery {
    TaskQuery { roles: roles.iter().map(|role| (*role).to_owned()).collect(), ..TaskQuery::default() }
}

async fn tasks_are_listed_by_whom_they_are_given_to(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    let enrolment = enrol(&tx, 1).await?;
    for (number, role, due) in [
        (1, "nurse", 50),
        (2, "assistant", 40),
        (3, "nurse", 40),
        (4, "", 30),
        (5, "nurse", 20),
        (6, "nurse", 10),
        (7, "nurse", 10),
        (8, "nurse", 10),
    ] {
        let task = Task { given_to: role.to_owned(), ..task(number, enrolment, &format!("task-{number}"), due) };
        tx.schedule_task(&task).await?;
    }
    // Of those that fired, the sixth has time left; the seventh is history, the eighth is done.
    for number in [6, 7, 8] {
        tx.fire_task(TaskId::from_u128(number), 1, at(11)).await?;
    }
    tx.drop_work(Queue::Timer, &TaskId::from_u128(7).to_string()).await?;
    tx.finish_task(TaskId::from_u128(8), 2, at(12)).await?;
    tx.commit().await?;
    assert_eq!(given_tasks(&tenant, &given(&["nurse"])).await?, [6, 5, 3, 1], "the first that is due first");
    assert_eq!(given_tasks(&tenant, &given(&["nurse", "assistant"])).await?, [6, 5, 2, 3, 1]);
    assert_eq!(given_tasks(&tenant, &given(&["courier"])).await?, []);
    let by = |due| TaskQuery { due_by: Some(at(due)), ..given(&["nurse"]) };
    assert_eq!(given_tasks(&tenant, &by(19)).await?, [6]);
    assert_eq!(given_tasks(&tenant, &by(20)).await?, [6, 5], "at this moment");
    let of = |patient: &str| TaskQuery { patient_id: Some(patient.to_owned()), ..given(&["nurse"]) };
    assert_eq!(given_tasks(&tenant, &of("pat-1")).await?, [6, 5, 3, 1]);
    assert_eq!(given_tasks(&tenant, &of("pat-2")).await?, []);
    let in_it = |enrolment| TaskQuery { enrolment: Some(enrolment), ..of("pat-1") };
    assert_eq!(given_tasks(&tenant, &in_it(enrolment)).await?, [6, 5, 3, 1]);
    assert_eq!(given_tasks(&tenant, &in_it(EnrolmentId::from_u128(99))).await?, []);
    assert_eq!(given_tasks(&bench.there(), &given(&["nurse"])).await?, []);
    // One that is scheduled again moves, also to another role.
    let tx = tenant.begin().await?;
    let moved = Task { given_to: "assistant".to_owned(), ..task(9, enrolment, "task-5", 60) };
    tx.schedule_task(&moved).await?;
    tx.commit().await?;
    assert_eq!(given_tasks(&tenant, &given(&["nurse"])).await?, [6, 3, 1]);
    assert_eq!(given_tasks(&tenant, &given(&["assistant"])).await?, [2, 5]);
    Ok(())
}

/// Those that were stored before migration 32.
async fn tasks_of_before_are_listed_too(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    let enrolment = enrol(&tx, 1).await?;
    for (number, owner, minutes) in [(1, "health_manager", 1440), (2, "guardian", 1440), (3, "nurse", 0)] {
        let body = json!({ "task": { "owner": owner, "window_minutes": minutes } });
        tx.schedule_task(&Task { body, ..task(number, enrolment, &format!("task-{number}"), 10) }).await?;
    }
    tx.commit().await?;
    bench.close().await?;
    let before = "DROP INDEX task_by_role;
        ALTER TABLE task DROP COLUMN given_to;
        DELETE FROM _sqlx_migrations WHERE version = 32;";
    testing::tamper(bench.database.url(), before).await.expect("the schema before");
    let again = bench.database.open().await?;
    let tenant = again.tenant(here_id());
    assert_eq!(given_tasks(&tenant, &given(&["health_manager", "nurse"])).await?, [1], "a bare timer is nobody's");
    assert_eq!(given_tasks(&tenant, &given(&["patient"])).await?, [2]);
    Ok(())
}

async fn a_hold_stands_until_released(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let hold = |number| Hold {
        id: HoldId::from_u128(number),
        patient_id: "pat-1".to_owned(),
        source: "diabetes".to_owned(),
        code: "HYPO".to_owned(),
        body: body(1),
        placed_at: at(0),
        released: None,
    };
    let tx = tenant.begin().await?;
    assert!(tx.place_hold(&hold(1)).await?);
    assert!(!tx.place_hold(&hold(2)).await?, "it stands already");
    tx.commit().await?;
    assert_eq!(tenant.list_active_holds("pat-1").await?, [hold(1)]);
    assert_eq!(bench.there().list_active_holds("pat-1").await?, []);

    let tx = tenant.begin().await?;
    assert!(!tx.release_hold(HoldId::from_u128(7), &body(2), "acc-1", at(5)).await?, "there is no such hold");
    assert!(tx.change_hold(HoldId::from_u128(1), &body(4)).await?, "it is wider now");
    assert_eq!(tx.get_hold(HoldId::from_u128(1)).await?.body, body(4));
    assert!(tx.release_hold(HoldId::from_u128(1), &body(2), "acc-1", at(5)).await?);
    assert!(!tx.change_hold(HoldId::from_u128(1), &body(4)).await?, "it is lifted");
    assert!(!tx.release_hold(HoldId::from_u128(1), &body(3), "acc-1", at(6)).await?, "it is lifted already");
    assert!(tx.place_hold(&hold(2)).await?, "it may be placed again");
    tx.commit().await?;
    assert_eq!(tenant.get_hold(HoldId::from_u128(1)).await?.released, Some((at(5), "acc-1".to_owned())));
    assert_eq!(tenant.get_hold(HoldId::from_u128(1)).await?.body, body(2));
    assert_eq!(tenant.list_active_holds("pat-1").await?, [hold(2)]);
    let all: Vec<HoldId> = tenant.list_holds("pat-1").await?.into_iter().map(|hold| hold.id).collect();
    assert_eq!(all, [HoldId::from_u128(1), HoldId::from_u128(2)]);
    assert_eq!(bench.there().list_holds("pat-1").await?, []);
    assert_eq!(code_of(tenant.get_hold(HoldId::from_u128(9)).await), "NOT_FOUND");
    Ok(())
}

async fn a_message_is_said_once(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let message = |id: &str, key: &str, created| Message {
        id: id.to_owned(),
        patient_id: "pat-1".to_owned(),
        dedupe_key: key.to_owned(),
        body: body(1),
        created_at: at(created),
        read_at: None,
    };
    let tx = tenant.begin().await?;
    assert!(tx.insert_message(&message("m1", "day-7", 0)).await?);
    assert!(!tx.insert_message(&message("m2", "day-7", 1)).await?);
    assert!(tx.insert_message(&message("m3", "day-14", 2)).await?);
    tx.read_message("pat-1", "m1", at(5)).await?;
    tx.read_message("pat-1", "m1", at(6)).await?;
    assert_eq!(code_of(tx.read_message("pat-2", "m1", at(5)).await), "NOT_FOUND");
    tx.commit().await?;
    let read = Message { read_at: Some(at(5)), ..message("m1", "day-7", 0) };
    assert_eq!(tenant.list_messages("pat-1", 10).await?, [message("m3", "day-14", 2), read]);
    assert_eq!(tenant.list_messages("pat-1", 1).await?.len(), 1);
    Ok(())
}
