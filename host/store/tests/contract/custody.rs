//! Who is frozen, by the schema itself, and in whose custody records are.

use xinglin_domain::id::EncounterId;
use xinglin_store::{Custody, Result};

use crate::{Bench, at, body, code_of, contract, document, encounter, enrol, here_id, there_id};

contract!(a_frozen_tenant_is_read_and_not_written, custody_is_kept_with_both);

async fn a_frozen_tenant_is_read_and_not_written(bench: Bench) -> Result<()> {
    for tenant in [bench.here(), bench.there()] {
        let tx = tenant.begin().await?;
        tx.insert_document(&encounter(1, at(1))).await?;
        tx.commit().await?;
    }
    let operator = bench.store.operator();
    assert!(!operator.is_frozen(here_id()).await?);
    let tx = operator.begin().await?;
    tx.freeze_tenant(here_id(), at(5)).await?;
    tx.freeze_tenant(here_id(), at(6)).await?;
    tx.commit().await?;
    assert!(operator.is_frozen(here_id()).await? && !operator.is_frozen(there_id()).await?);

    let (here, there) = (bench.here(), bench.there());
    let refused = here.begin().await?;
    assert_eq!(code_of(refused.insert_document(&encounter(2, at(9))).await), "TENANT_FROZEN");
    refused.rollback().await?;
    let refused = here.begin().await?;
    let mut row = refused.get_document(EncounterId::from_u128(1)).await?;
    row.status = "closed".to_owned();
    assert_eq!(code_of(refused.update_document(&row).await), "TENANT_FROZEN");
    refused.rollback().await?;
    let refused = here.begin().await?;
    assert_eq!(
        code_of(refused.append_visit_message(EncounterId::from_u128(1), &body(1), at(9)).await),
        "TENANT_FROZEN"
    );
    refused.rollback().await?;
    let refused = here.begin().await?;
    assert_eq!(code_of(enrol(&refused, 1).await), "TENANT_FROZEN");
    refused.rollback().await?;
    // It is read, and others go on.
    here.get_document(EncounterId::from_u128(1)).await?;
    let tx = there.begin().await?;
    tx.insert_document(&document(EncounterId::from_u128(2), "pat-1", "open", at(9))).await?;
    tx.commit().await?;
    for sql in ["DELETE FROM frozen_tenant", "UPDATE encounter SET version = version + 1"] {
        assert!(bench.raw(sql).await.is_err(), "{sql}");
    }
    Ok(())
}

async fn custody_is_kept_with_both(bench: Bench) -> Result<()> {
    let custody = Custody { source: here_id(), custodian: there_id(), body: body(1), started_at: at(5) };
    let operator = bench.store.operator();
    assert_eq!(operator.find_custody(here_id()).await?, None);
    let tx = operator.begin().await?;
    tx.insert_custody(&custody).await?;
    tx.commit().await?;
    let again = operator.begin().await?;
    assert_eq!(code_of(again.insert_custody(&custody).await), "ALREADY_EXISTS");
    again.rollback().await?;
    assert_eq!(operator.find_custody(here_id()).await?, Some(custody.clone()));
    assert_eq!(operator.find_custody(there_id()).await?, None, "not the other way");
    for tenant in [bench.here(), bench.there()] {
        assert_eq!(tenant.list_custodies().await?, std::slice::from_ref(&custody));
    }
    assert_eq!(bench.here().count_holdings().await?.get("resource"), Some(&0));
    assert!(bench.raw("DELETE FROM custody").await.is_err());
    assert!(bench.raw("UPDATE custody SET started_at = 0").await.is_err());
    Ok(())
}
