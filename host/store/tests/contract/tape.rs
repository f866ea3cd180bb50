//! The tape.

use sha2::{Digest as _, Sha256};
use xinglin_domain::id::CallId;
use xinglin_store::{ChainState, Engine, NewTapeEntry, Result, TapeQuery, Tenant};

use crate::{Bench, at, code_of, contract, is_unique_in};

contract!(
    calls_are_found_by_what_they_were_about,
    links_tie_each_record_to_all_before,
    the_tape_only_grows,
    a_purge_leaves_a_chain_to_the_same_head,
    the_first_broken_link_is_named,
    a_record_names_the_dictionary_it_was_packed_with,
);

fn entry(number: u128, digest: &str, references: &[&str]) -> NewTapeEntry {
    NewTapeEntry {
        call_id: CallId::from_u128(number),
        plugin_id: "drug-safety".to_owned(),
        digest: digest.to_owned(),
        hook: "prescribing/review".to_owned(),
        recorded_at: at(0),
        references: references.iter().map(|&reference| reference.to_owned()).collect(),
        record: format!("record {number} \0 \u{10ffff}").into_bytes(),
    }
}

async fn append(tenant: &Tenant, entries: &[NewTapeEntry]) -> Result<i64> {
    let tx = tenant.begin().await?;
    let last = tx.append_tape(entries).await?;
    tx.commit().await?;
    Ok(last)
}

async fn calls_are_found_by_what_they_were_about(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    assert_eq!(append(&tenant, &[entry(1, "aa", &["rx-1", "pat-1", "rx-1"]), entry(2, "aa", &["rx-2"])]).await?, 2);
    let other = NewTapeEntry { plugin_id: "triage".to_owned(), ..entry(3, "bb", &["pat-1"]) };
    assert_eq!(append(&tenant, &[other]).await?, 3);
    assert_eq!(append(&bench.there(), &[entry(1, "aa", &["rx-9"])]).await?, 1, "chains are the tenants' own");

    let read = tenant.get_tape_entry(CallId::from_u128(2)).await?;
    assert_eq!((read.seq, read.digest.as_str(), read.hook.as_str()), (2, "aa", "prescribing/review"));
    assert_eq!(read.record, entry(2, "aa", &[]).record);
    assert_eq!(code_of(tenant.get_tape_entry(CallId::from_u128(9)).await), "NOT_FOUND");

    let seqs = async |query: TapeQuery, before, limit| -> Result<Vec<i64>> {
        Ok(tenant.list_tape(&query, before, limit).await?.iter().map(|entry| entry.seq).collect())
    };
    let all = TapeQuery::default;
    assert_eq!(seqs(all(), None, 10).await?, [3, 2, 1]);
    assert_eq!(seqs(all(), Some(3), 1).await?, [2]);
    assert_eq!(seqs(TapeQuery { reference: Some("pat-1".to_owned()), ..all() }, None, 10).await?, [3, 1]);
    assert_eq!(seqs(TapeQuery { digest: Some("aa".to_owned()), ..all() }, None, 10).await?, [2, 1]);
    assert_eq!(seqs(TapeQuery { plugin_id: Some("triage".to_owned()), ..all() }, None, 10).await?, [3]);
    let touched = tenant.list_touched("aa").await?;
    let touched: Vec<_> = touched.iter().map(|t| (t.reference.as_str(), t.calls, t.first, t.last)).collect();
    assert_eq!(touched, [("pat-1", 1, at(0), at(0)), ("rx-1", 1, at(0), at(0)), ("rx-2", 1, at(0), at(0))]);
    assert_eq!(tenant.find_call_at(2).await?, Some(CallId::from_u128(2)));
    assert_eq!(tenant.find_call_at(9).await?, None);
    assert_eq!(tenant.list_references(1).await?, ["pat-1", "rx-1"].map(str::to_owned));
    assert_eq!(tenant.list_references(9).await?, Vec::<String>::new());
    let oldest = tenant.list_tape_after(&TapeQuery { digest: Some("aa".to_owned()), ..all() }, 1, 5).await?;
    assert_eq!(oldest.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2]);

    let tx = tenant.begin().await?;
    assert!(is_unique_in(tx.append_tape(&[entry(2, "aa", &[])]).await, "tape"));
    Ok(())
}

async fn links_tie_each_record_to_all_before(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    assert_eq!(tenant.verify_chain().await?, ChainState::Intact { purged: 0, length: 0, head: [0; 32] });
    let entries: Vec<_> = (1..=600).map(|number| entry(number, "aa", &[])).collect();
    for batch in entries.chunks(150) {
        append(&tenant, batch).await?;
    }
    assert_eq!(append(&tenant, &[]).await?, 600);

    let mut expected = [0; 32];
    for entry in &entries {
        let record_hash = Sha256::digest(&entry.record);
        expected = Sha256::new().chain_update(expected).chain_update(record_hash).finalize().into();
    }
    assert_eq!(tenant.verify_chain().await?, ChainState::Intact { purged: 0, length: 600, head: expected });
    assert_eq!(tenant.get_tape_entry(CallId::from_u128(600)).await?.link, expected);
    Ok(())
}

async fn the_tape_only_grows(bench: Bench) -> Result<()> {
    append(&bench.here(), &[entry(1, "aa", &["rx-1"])]).await?;
    for sql in [
        "UPDATE tape SET plugin_id = ''",
        "DELETE FROM tape_reference",
        "DELETE FROM tape",
        "UPDATE tape_reference SET reference = ''",
    ] {
        assert!(bench.raw(sql).await.is_err(), "{sql}");
    }
    let ways_around = match bench.engine() {
        Engine::Sqlite => "INSERT OR REPLACE INTO tape SELECT * FROM tape",
        Engine::Postgres => "TRUNCATE tape, tape_reference",
    };
    assert!(bench.raw(ways_around).await.is_err(), "{ways_around}");
    Ok(())
}

async fn a_purge_leaves_a_chain_to_the_same_head(bench: Bench) -> Result<()> {
    let (tenant, other) = (bench.here(), bench.there());
    let entry = |number: u128, minutes| NewTapeEntry { recorded_at: at(minutes), ..entry(number, "aa", &["pat-1"]) };
    let entries = [entry(1, 1), entry(2, 2), entry(3, 9), entry(4, 3), entry(5, 12)];
    append(&tenant, &entries).await?;
    append(&other, &entries).await?;
    let ChainState::Intact { head, .. } = tenant.verify_chain().await? else { panic!("a broken chain") };
    let purge = async |before, limit| -> Result<u64> {
        let tx = tenant.begin().await?;
        let purged = tx.purge_tape(at(before), limit, "acc-1", at(99)).await?;
        tx.purge_tape_references().await?;
        tx.commit().await?;
        Ok(purged)
    };

    assert_eq!(purge(1, 10).await?, 0);
    assert_eq!(purge(9, 1).await?, 1, "as many as are asked for");
    assert_eq!(purge(9, 10).await?, 1, "the fourth is older than the third, which must be kept");
    assert_eq!(tenant.verify_chain().await?, ChainState::Intact { purged: 2, length: 5, head });
    assert_eq!(code_of(tenant.get_tape_entry(CallId::from_u128(2)).await), "NOT_FOUND");
    let about = TapeQuery { reference: Some("pat-1".to_owned()), ..TapeQuery::default() };
    let left: Vec<_> = tenant.list_tape(&about, None, 10).await?.iter().map(|entry| entry.seq).collect();
    assert_eq!(left, [5, 4, 3]);
    assert_eq!(bench.raw("SELECT COUNT(*) FROM tape_reference").await.expect("a count"), [8]);
    assert!(bench.raw("DELETE FROM tape WHERE seq = 3").await.is_err(), "what was not purged stays");
    assert!(bench.raw("DELETE FROM tape_purge").await.is_err(), "and so does that there was a purge");
    assert!(bench.raw("UPDATE tape_purge SET seq = 4").await.is_err());

    append(&tenant, &[entry(6, 20)]).await?;
    assert_eq!(purge(99, 10).await?, 4);
    assert_eq!(append(&tenant, &[entry(7, 100)]).await?, 7, "the chain goes on");
    assert!(matches!(tenant.verify_chain().await?, ChainState::Intact { purged: 6, length: 7, .. }));
    assert_eq!(other.verify_chain().await?, ChainState::Intact { purged: 0, length: 5, head }, "others keep theirs");
    Ok(())
}

/// Somebody with the rights of the schema's owner takes the guards away first.
async fn the_first_broken_link_is_named(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let entries: Vec<_> = (1..=5).map(|number| entry(number, "aa", &[])).collect();
    append(&tenant, &entries).await?;
    for guard in ["tape_grows", "tape_stays"] {
        let drop_guard = match bench.engine() {
            Engine::Sqlite => format!("DROP TRIGGER {guard}"),
            Engine::Postgres => format!("DROP TRIGGER {guard} ON tape"),
        };
        bench.raw(&drop_guard).await.expect("a dropped trigger");
    }
    let tamper = async |sql: &str| bench.raw(sql).await.expect("a changed row");

    tamper("UPDATE tape SET record_hash = link WHERE seq = 5").await;
    assert_eq!(tenant.verify_chain().await?, ChainState::Broken { seq: 5 });
    tamper("UPDATE tape SET link = record_hash WHERE seq = 4").await;
    assert_eq!(tenant.verify_chain().await?, ChainState::Broken { seq: 4 });
    tamper("UPDATE tape SET record = record_hash WHERE seq = 2").await;
    assert_eq!(tenant.verify_chain().await?, ChainState::Broken { seq: 2 });
    tamper("DELETE FROM tape WHERE seq = 1").await;
    assert_eq!(tenant.verify_chain().await?, ChainState::Broken { seq: 1 });

    // The end cut off, which leaves every link that is there whole.
    let other = bench.there();
    append(&other, &entries).await?;
    tamper(&format!("DELETE FROM tape WHERE seq = 5 AND tenant_id = '{}'", other.id())).await;
    assert_eq!(other.verify_chain().await?, ChainState::Broken { seq: 5 });
    Ok(())
}

/// The frame says how it was made, so that what was written by other releases, with
/// another dictionary or with none, is still read.
async fn a_record_names_the_dictionary_it_was_packed_with(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    append(&tenant, &[entry(1, "aa", &[])]).await?;
    // Magic number, single segment with an id of two bytes, 32769.
    let sql = match bench.engine() {
        Engine::Sqlite => "SELECT INSTR(record, X'28B52FFD220180') FROM tape",
        Engine::Postgres => "SELECT POSITION('\\x28b52ffd220180'::BYTEA IN record)::BIGINT FROM tape",
    };
    assert_eq!(bench.raw(sql).await.expect("a record"), [1]);
    let drop_guard = match bench.engine() {
        Engine::Sqlite => "DROP TRIGGER tape_grows",
        Engine::Postgres => "DROP TRIGGER tape_grows ON tape",
    };
    bench.raw(drop_guard).await.expect("a dropped trigger");
    let store = async |record: &[u8]| {
        let record = match bench.engine() {
            Engine::Sqlite => format!("X'{}'", hex::encode(record)),
            Engine::Postgres => format!("'\\x{}'::BYTEA", hex::encode(record)),
        };
        bench.raw(&format!("UPDATE tape SET record = {record}")).await.expect("a changed row");
    };

    let plain = entry(1, "aa", &[]).record;
    for written in [plain.clone(), zstd::bulk::compress(&plain, 3).expect("a frame")] {
        store(&written).await;
        assert!(matches!(tenant.verify_chain().await?, ChainState::Intact { length: 1, .. }));
        assert_eq!(tenant.get_tape_entry(CallId::from_u128(1)).await?.record, plain);
    }
    // The same with 40000, and one byte of content.
    let unknown = [0x28, 0xb5, 0x2f, 0xfd, 0x22, 0x40, 0x9c, 0x01, 0x09, 0x00, 0x00, 0x41];
    store(&unknown).await;
    let error = tenant.get_tape_entry(CallId::from_u128(1)).await.expect_err("no such dictionary");
    assert!(error.to_string().contains("dictionary 40000"), "{error}");
    assert_eq!(tenant.verify_chain().await?, ChainState::Broken { seq: 1 });
    Ok(())
}
