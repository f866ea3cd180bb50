//! What proves who somebody is.

use serde_json::json;
use xinglin_domain::id::{AccountId, PatientId};
use xinglin_store::{CertificateNumber, RealName, Result};

use crate::{Bench, at, code_of, contract, people::account};

contract!(a_number_is_held_by_one_account, a_real_name_is_decided_by_version, a_bar_goes_with_each_account,);

async fn a_number_is_held_by_one_account(bench: Bench) -> Result<()> {
    let (here, there) = (bench.here(), bench.there());
    let (mine, other) = (AccountId::from_u128(1), AccountId::from_u128(2));
    let number = |account, kind: &str, sealed: &[u8]| CertificateNumber {
        kind: kind.to_owned(),
        blind: "5b1d".to_owned(),
        account,
        sealed: sealed.to_vec(),
    };
    let tx = here.begin().await?;
    assert!(tx.claim_certificate_number(&number(mine, "doctor_title", b"one")).await?);
    assert!(tx.claim_certificate_number(&number(mine, "doctor_title", b"two")).await?, "a renewal keeps the number");
    assert!(!tx.claim_certificate_number(&number(other, "doctor_title", b"three")).await?, "another's");
    assert!(tx.claim_certificate_number(&number(other, "doctor_practice", b"four")).await?, "of another kind");
    tx.release_certificate_number(other, "doctor_title", "5b1d").await?;
    tx.commit().await?;
    assert_eq!(here.list_certificate_numbers(mine).await?, [number(mine, "doctor_title", b"two")]);
    assert!(there.list_certificate_numbers(mine).await?.is_empty());
    let tx = there.begin().await?;
    assert!(tx.claim_certificate_number(&number(other, "doctor_title", b"five")).await?, "in another tenant");
    tx.commit().await?;
    let tx = here.begin().await?;
    tx.release_certificate_number(mine, "doctor_title", "5b1d").await?;
    assert!(tx.claim_certificate_number(&number(other, "doctor_title", b"six")).await?);
    tx.commit().await?;
    assert!(here.list_certificate_numbers(mine).await?.is_empty());
    assert_eq!(here.list_certificate_numbers(other).await?.len(), 2);
    Ok(())
}

async fn a_real_name_is_decided_by_version(bench: Bench) -> Result<()> {
    let patient = PatientId::from_u128(7);
    let decided =
        |version, body: &str| RealName { patient, body: json!({ "is": body }), version, updated_at: at(version) };
    assert_eq!(bench.here().find_real_name(patient).await?, None);
    let tx = bench.here().begin().await?;
    assert_eq!(tx.put_real_name(&decided(0, "verified")).await?, 1);
    tx.commit().await?;
    let tx = bench.here().begin().await?;
    assert_eq!(code_of(tx.put_real_name(&decided(0, "refused")).await), "VERSION_CONFLICT");
    drop(tx);
    let tx = bench.here().begin().await?;
    assert_eq!(tx.put_real_name(&decided(1, "refused")).await?, 2);
    tx.commit().await?;
    let tx = bench.here().begin().await?;
    assert_eq!(code_of(tx.put_real_name(&decided(1, "verified")).await), "VERSION_CONFLICT");
    drop(tx);
    let kept = bench.here().find_real_name(patient).await?;
    assert_eq!(kept, Some(RealName { version: 2, ..decided(1, "refused") }));
    assert_eq!(bench.there().find_real_name(patient).await?, None);
    Ok(())
}

async fn a_bar_goes_with_each_account(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    tx.insert_account(&account(1, "doctor")).await?;
    tx.commit().await?;
    assert_eq!(tenant.get_account(AccountId::from_u128(1)).await?.practice_years, 3);
    let mut profile = tenant.profile().await?;
    profile.practice_years = 5;
    let tx = bench.operator().begin().await?;
    tx.update_tenant(&profile).await?;
    tx.commit().await?;
    assert_eq!(tenant.get_account(AccountId::from_u128(1)).await?.practice_years, 5);
    assert_eq!(tenant.find_account_by_login("doctor").await?.map(|row| row.practice_years), Some(5));
    Ok(())
}
