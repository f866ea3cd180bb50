//! The audit trail.

use xinglin_domain::{
    access::Role,
    audit::{Access, Act, Who},
    consent::Purpose,
    id::{AccountId, CallId, PatientId},
};
use xinglin_store::{AuditQuery, ChainState, Engine, Result};

use crate::{Bench, at, contract};

contract!(
    the_trail_only_grows,
    who_comes_at_once_shares_a_transaction,
    a_changed_entry_is_found,
    entries_are_found_by_whom_and_what
);

fn read(number: u8, patients: &[u128]) -> Access {
    Access {
        at: at(number.into()),
        who: Who::Person { account: AccountId::from_u128(u128::from(number)), roles: vec![Role::Doctor] },
        act: Act::Read,
        purpose: Purpose::Treatment,
        patients: patients.iter().map(|id| PatientId::from_u128(*id)).collect(),
        target: "GET /fhir/R4/Condition".to_owned(),
        refused: None,
        emergency: false,
        request: String::new(),
    }
}

async fn append(bench: &Bench, accesses: &[Access]) -> Result<()> {
    let tx = bench.here().begin().await?;
    tx.append_audit(accesses).await?;
    tx.commit().await
}

fn length(state: ChainState) -> Option<i64> {
    match state {
        ChainState::Intact { length, .. } => Some(length),
        ChainState::Broken { .. } => None,
    }
}

async fn the_trail_only_grows(bench: Bench) -> Result<()> {
    assert_eq!(length(bench.here().verify_audit().await?), Some(0));
    append(&bench, &[]).await?;
    append(&bench, &[read(1, &[1]), read(2, &[])]).await?;
    append(&bench, &[read(3, &[1, 2, 1])]).await?;
    assert_eq!(length(bench.here().verify_audit().await?), Some(3));
    assert_eq!(length(bench.there().verify_audit().await?), Some(0));
    for table in ["audit_event", "audit_patient"] {
        for sql in [format!("UPDATE {table} SET seq = 9"), format!("DELETE FROM {table}")] {
            assert!(bench.raw(&sql).await.is_err(), "{sql}");
        }
        let way_around = match bench.engine() {
            Engine::Sqlite => format!("INSERT OR REPLACE INTO {table} SELECT * FROM {table}"),
            Engine::Postgres => format!("TRUNCATE {table}"),
        };
        assert!(bench.raw(&way_around).await.is_err(), "{way_around}");
    }
    // Two writers, one chain.
    let (one, two) = (read(4, &[1]), read(5, &[2]));
    let (first, second) =
        tokio::join!(append(&bench, std::slice::from_ref(&one)), append(&bench, std::slice::from_ref(&two)));
    first.and(second)?;
    assert_eq!(length(bench.here().verify_audit().await?), Some(5));
    Ok(())
}

async fn who_comes_at_once_shares_a_transaction(bench: Bench) -> Result<()> {
    // More than one transaction takes, of two tenants, and one who does not wait.
    let mut all = tokio::task::JoinSet::new();
    for number in 1..=100_u8 {
        for tenant in [bench.here().id(), bench.there().id()] {
            let store = bench.store.clone();
            all.spawn(async move { store.append_access(tenant, read(number, &[number.into()])).await });
        }
    }
    let gone = tokio::spawn({
        let (store, tenant) = (bench.store.clone(), bench.here().id());
        async move { store.append_access(tenant, read(101, &[])).await }
    });
    tokio::task::yield_now().await;
    gone.abort();
    let left = gone.await.is_err();
    while let Some(written) = all.join_next().await {
        written.expect("no panic")?;
    }
    bench.store.append_access(bench.here().id(), read(102, &[])).await?;
    let here = bench.here().list_audit(&AuditQuery::default(), None, 500).await?;
    let mut who: Vec<_> = here.iter().map(|entry| entry.access.at).collect();
    who.sort_unstable();
    who.dedup();
    // Whoever went away before it was written is written down or never came.
    assert!((101..=102).contains(&here.len()) && who.len() == here.len(), "{} {left}", here.len());
    assert_eq!(length(bench.here().verify_audit().await?), i64::try_from(here.len()).ok());
    assert_eq!(length(bench.there().verify_audit().await?), Some(100));
    Ok(())
}

async fn a_changed_entry_is_found(bench: Bench) -> Result<()> {
    let many: Vec<Access> = (1..=20).map(|number| read(number, &[1])).collect();
    append(&bench, &many).await?;
    let off = match bench.engine() {
        Engine::Sqlite => "DROP TRIGGER audit_event_grows",
        Engine::Postgres => "ALTER TABLE audit_event DISABLE TRIGGER ALL",
    };
    bench.raw(off).await.expect("an owner may");
    let forge = match bench.engine() {
        Engine::Sqlite => "UPDATE audit_event SET record = CAST(replace(CAST(record AS TEXT), 'doctor', 'nurse') AS BLOB) WHERE seq = 7",
        Engine::Postgres => {
            "UPDATE audit_event SET record = convert_to(replace(convert_from(record, 'UTF8'), 'doctor', 'nurse'), 'UTF8')
             WHERE seq = 7"
        }
    };
    bench.raw(forge).await.expect("forged");
    assert_eq!(bench.here().verify_audit().await?, ChainState::Broken { seq: 7 });
    Ok(())
}

async fn entries_are_found_by_whom_and_what(bench: Bench) -> Result<()> {
    let plugin = Access {
        who: Who::Plugin { id: "acme.check".to_owned(), call: CallId::from_u128(7) },
        act: Act::Disclose,
        ..read(3, &[1])
    };
    append(&bench, &[read(1, &[1, 2]), read(2, &[2]), plugin.clone()]).await?;
    let here = bench.here();
    let seqs = async |query: AuditQuery, before: Option<i64>| -> Result<Vec<i64>> {
        Ok(here.list_audit(&query, before, 2).await?.iter().map(|entry| entry.seq).collect())
    };
    let all = AuditQuery::default;
    assert_eq!(seqs(all(), None).await?, [3, 2]);
    assert_eq!(seqs(all(), Some(2)).await?, [1]);
    let patient = |id| Some(PatientId::from_u128(id).to_string());
    assert_eq!(seqs(AuditQuery { patient_id: patient(1), ..all() }, None).await?, [3, 1]);
    assert_eq!(seqs(AuditQuery { who: Some("acme.check".to_owned()), ..all() }, None).await?, [3]);
    assert_eq!(seqs(AuditQuery { act: Some("read".to_owned()), ..all() }, None).await?, [2, 1]);
    assert_eq!(seqs(AuditQuery { from: Some(at(2)), until: Some(at(3)), ..all() }, None).await?, [2]);
    assert_eq!(here.list_audit(&all(), None, 1).await?[0].access, plugin);
    assert_eq!(bench.there().list_audit(&all(), None, 9).await?, []);
    Ok(())
}
