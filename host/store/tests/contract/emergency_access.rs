//! Emergency access.

use serde_json::json;
use xinglin_domain::id::EmergencyAccessId;
use xinglin_store::{EmergencyAccessRow, Result};

use crate::{Bench, at, code_of, contract};

contract!(emergency_access_is_opened_and_judged_once);

async fn emergency_access_is_opened_and_judged_once(bench: Bench) -> Result<()> {
    let access = |number: u8, patient: &str, account: &str| EmergencyAccessRow {
        id: EmergencyAccessId::from_u128(number.into()),
        patient_id: patient.to_owned(),
        account_id: account.to_owned(),
        body: json!({ "n": number }),
        opened_at: at(number.into()),
        until_at: at(100 + i64::from(number)),
        judged_at: None,
    };
    let all = [access(1, "pat-1", "acc-1"), access(2, "pat-1", "acc-2"), access(3, "pat-2", "acc-1")];
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    for one in &all {
        tx.insert_emergency_access(one).await?;
    }
    tx.commit().await?;
    let pat = ["pat-1".to_owned(), "pat-9".to_owned()];
    assert_eq!(tenant.list_emergency_accesses_of(&[], "acc-1", at(50)).await?, []);
    assert_eq!(tenant.list_emergency_accesses_of(&pat, "acc-1", at(50)).await?, [all[0].clone()]);
    assert_eq!(tenant.list_emergency_accesses_of(&pat, "acc-1", at(101)).await?, [], "it has run out");
    assert_eq!(bench.there().list_emergency_accesses_of(&pat, "acc-1", at(50)).await?, []);
    assert_eq!(tenant.list_emergency_accesses(false, 2).await?, all[..2]);
    assert_eq!(tenant.get_emergency_access(all[1].id).await?, all[1]);
    assert_eq!(code_of(bench.there().get_emergency_access(all[1].id).await), "NOT_FOUND");

    let tx = tenant.begin().await?;
    tx.judge_emergency_access(all[0].id, &json!({ "judged": true }), at(9)).await?;
    tx.commit().await?;
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.judge_emergency_access(all[0].id, &json!({}), at(10)).await), "VERSION_CONFLICT");
    drop(tx);
    assert_eq!(tenant.list_emergency_accesses(false, 9).await?, all[1..]);
    let judged = tenant.list_emergency_accesses(true, 9).await?;
    assert_eq!((judged[0].judged_at, &judged[0].body), (Some(at(9)), &json!({ "judged": true })));
    assert!(bench.raw("DELETE FROM broken_glass").await.is_err());
    Ok(())
}
