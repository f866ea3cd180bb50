//! Tenants and accounts, and that tenants do not see each other.

use serde_json::json;
use xinglin_domain::id::{AccountId, BillId, EncounterId, SessionId, TenantId};
use xinglin_store::{Account, DocumentQuery, Result, SecondFactor, Session, StoreError};

use crate::{Bench, at, code_of, contract, document, encounter, here_id, is_unique_in, tenant_row, there_id};

contract!(
    tenants_are_kept,
    an_account_is_kept_and_changes_by_version,
    a_login_is_unique_in_its_tenant_and_found_without_it,
    an_account_needs_its_tenant,
    tenants_do_not_see_each_other,
    a_transaction_leaves_no_trace_unless_committed,
    a_failed_transaction_cannot_be_committed,
    what_one_engine_cannot_store_none_stores,
    a_session_goes_on_until_it_is_ended,
    a_step_is_taken_once,
);

pub(crate) fn account(number: u128, login: &str) -> Account {
    Account {
        id: AccountId::from_u128(number),
        tenant: here_id(),
        login: login.to_owned(),
        password_hash: Some("$argon2id$…".to_owned()),
        roles: vec!["doctor".to_owned(), "committee".to_owned()],
        person_ref: Some("prac-1".to_owned()),
        credential: Some(json!({"title": "主任医师"})),
        public_key: None,
        active: true,
        practice_years: 3,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}

async fn a_session_goes_on_until_it_is_ended(bench: Bench) -> Result<()> {
    let (tenant, other) = (bench.here(), bench.there());
    let session = |number: u128| Session {
        id: SessionId::from_u128(number),
        account: AccountId::from_u128(1),
        generation: 1,
        client: Some("ward 3".to_owned()),
        strong: false,
        lent: None,
        created_at: at(i64::try_from(number).expect("small")),
        refreshed_at: at(0),
        ended_at: None,
    };
    let [one, two, three] = [1, 2, 3].map(session);
    let tx = tenant.begin().await?;
    tx.insert_account(&account(1, "doctor")).await?;
    for session in [&one, &two, &three] {
        tx.insert_session(session).await?;
    }
    assert!(tx.refresh_session(one.id, 1, at(5)).await?);
    assert!(!tx.refresh_session(one.id, 1, at(6)).await?, "a generation is left once");
    tx.commit().await?;
    assert_eq!(tenant.get_session(one.id).await?, Session { generation: 2, refreshed_at: at(5), ..one.clone() });
    let live = async || -> Result<Vec<SessionId>> {
        Ok(tenant.list_sessions(one.account).await?.into_iter().map(|session| session.id).collect())
    };
    assert_eq!(live().await?, [three.id, two.id, one.id]);
    assert!(tenant.find_signed_in(one.account, one.id).await?.is_some());
    assert!(tenant.find_signed_in(AccountId::from_u128(2), one.id).await?.is_none(), "another's session");
    assert!(other.find_signed_in(one.account, one.id).await?.is_none(), "another tenant's");

    let tx = tenant.begin().await?;
    assert!(tx.end_session(two.id, "acc-1", at(7)).await?);
    assert!(!tx.end_session(two.id, "acc-1", at(8)).await?, "once");
    assert!(!tx.refresh_session(two.id, 1, at(9)).await?);
    assert_eq!(tx.end_sessions(one.account, Some(three.id), "acc-1", at(9)).await?, 1);
    tx.commit().await?;
    assert_eq!(live().await?, [three.id]);
    assert_eq!(tenant.get_session(two.id).await?.ended_at, Some(at(7)));
    let tx = tenant.begin().await?;
    assert_eq!(tx.end_sessions(one.account, None, "acc-1", at(9)).await?, 1);
    tx.commit().await?;
    assert!(tenant.find_signed_in(one.account, three.id).await?.is_none());
    Ok(())
}

async fn a_step_is_taken_once(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let factor =
        SecondFactor { account: AccountId::from_u128(1), sealed: vec![1, 2, 3], confirmed_at: None, last_step: 0 };
    let tx = tenant.begin().await?;
    tx.insert_account(&account(1, "doctor")).await?;
    tx.put_second_factor(&factor).await?;
    tx.put_second_factor(&SecondFactor { confirmed_at: Some(at(1)), last_step: 7, ..factor.clone() }).await?;
    assert!(!tx.take_step(factor.account, 7).await?);
    assert!(tx.take_step(factor.account, 8).await?);
    assert!(!tx.take_step(factor.account, 8).await?);
    tx.commit().await?;
    let kept = tenant.find_second_factor(factor.account).await?;
    assert_eq!(kept, Some(SecondFactor { confirmed_at: Some(at(1)), last_step: 8, ..factor.clone() }));
    assert_eq!(bench.there().find_second_factor(factor.account).await?, None);
    let tx = tenant.begin().await?;
    assert!(tx.delete_second_factor(factor.account).await? && !tx.delete_second_factor(factor.account).await?);
    tx.commit().await?;
    assert_eq!(tenant.find_second_factor(factor.account).await?, None);
    Ok(())
}

async fn tenants_are_kept(bench: Bench) -> Result<()> {
    let operator = bench.operator();
    let names: Vec<_> = operator.list_tenants().await?.into_iter().map(|tenant| tenant.name).collect();
    assert_eq!(names, ["here", "there"]);

    let mut tenant = operator.get_tenant(here_id()).await?;
    assert_eq!(tenant, tenant_row(here_id(), "here").tap(|row| row.version = 1));
    assert_eq!(bench.here().profile().await?, tenant);
    assert_eq!(bench.here().id(), here_id());

    tenant.name = "杏林".to_owned();
    let tx = operator.begin().await?;
    assert_eq!(tx.update_tenant(&tenant).await?, 2);
    assert_eq!(code_of(tx.update_tenant(&tenant).await), "VERSION_CONFLICT");
    tx.commit().await?;
    assert_eq!(bench.here().profile().await?.name, "杏林");

    let tx = operator.begin().await?;
    assert!(is_unique_in(tx.insert_tenant(&tenant).await, "tenant"));
    tx.rollback().await?;
    assert_eq!(code_of(operator.get_tenant(TenantId::from_u128(9)).await), "NOT_FOUND");
    bench.refresh_statistics().await?;
    bench.ping().await
}

async fn an_account_is_kept_and_changes_by_version(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let mut account = account(1, "zhang");
    let tx = tenant.begin().await?;
    assert_eq!(tx.insert_account(&account).await?, 1);
    assert_eq!(tx.get_account(account.id).await?, account, "a transaction sees what it wrote");
    tx.commit().await?;
    assert_eq!(tenant.get_account(account.id).await?, account);
    assert_eq!(tenant.list_accounts().await?, [account.clone()]);
    assert_eq!(tenant.list_accounts_of("prac-1").await?, [account.clone()]);
    assert_eq!(tenant.list_accounts_of("prac-2").await?, []);

    account.active = false;
    account.password_hash = None;
    account.credential = None;
    account.public_key = Some("key".to_owned());
    account.updated_at = at(5);
    let tx = tenant.begin().await?;
    account.version = tx.update_account(&account).await?;
    tx.commit().await?;
    assert_eq!(account.version, 2);
    assert_eq!(tenant.get_account(account.id).await?, account);

    let tx = tenant.begin().await?;
    account.version = 1;
    assert_eq!(code_of(tx.update_account(&account).await), "VERSION_CONFLICT");
    assert_eq!(code_of(tenant.get_account(AccountId::from_u128(9)).await), "NOT_FOUND");
    Ok(())
}

async fn a_login_is_unique_in_its_tenant_and_found_without_it(bench: Bench) -> Result<()> {
    for tenant in [bench.here(), bench.there()] {
        let tx = tenant.begin().await?;
        tx.insert_account(&account(1, "zhang")).await?;
        tx.commit().await?;
    }
    let tx = bench.here().begin().await?;
    assert!(is_unique_in(tx.insert_account(&account(2, "zhang")).await, "account"));
    drop(tx);

    let found = bench.here().find_account_by_login("zhang").await?.map(|account| account.tenant);
    assert_eq!(found, Some(here_id()));
    assert_eq!(bench.here().find_account_by_login("li").await?, None);
    let everywhere = bench.operator().list_accounts_by_login("zhang").await?;
    assert_eq!(everywhere.iter().map(|account| account.tenant).collect::<Vec<_>>(), [here_id(), there_id()]);
    Ok(())
}

async fn an_account_needs_its_tenant(bench: Bench) -> Result<()> {
    let tx = bench.tenant(TenantId::from_u128(9)).begin().await?;
    assert_eq!(code_of(tx.insert_account(&account(1, "zhang")).await), "REFERENCE_INVALID");
    Ok(())
}

async fn tenants_do_not_see_each_other(bench: Bench) -> Result<()> {
    let tx = bench.here().begin().await?;
    tx.insert_account(&account(1, "zhang")).await?;
    tx.insert_document(&encounter(1, at(0))).await?;
    tx.insert_document(&document(BillId::from_u128(1), "pat-1", "open", at(0))).await?;
    tx.commit().await?;

    let there = bench.there();
    assert_eq!(code_of(there.get_account(AccountId::from_u128(1)).await), "NOT_FOUND");
    assert_eq!(there.list_accounts().await?, []);
    assert_eq!(code_of(there.get_document(encounter(1, at(0)).id).await), "NOT_FOUND");
    assert_eq!(there.count_documents::<BillId>(&DocumentQuery::default()).await?, 0);
    let tx = there.begin().await?;
    let mut stolen = encounter(1, at(0));
    stolen.version = 1;
    assert_eq!(code_of(tx.update_document(&stolen).await), "VERSION_CONFLICT");
    tx.insert_document(&encounter(1, at(7))).await?;
    tx.commit().await?;
    assert_eq!(bench.here().get_document(stolen.id).await?.created_at, at(0), "the same id elsewhere is another");
    Ok(())
}

async fn a_transaction_leaves_no_trace_unless_committed(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let dropped = tenant.begin().await?;
    dropped.insert_document(&encounter(1, at(0))).await?;
    drop(dropped);
    let rolled_back = tenant.begin().await?;
    rolled_back.insert_document(&encounter(2, at(0))).await?;
    rolled_back.rollback().await?;
    let committed = tenant.begin().await?;
    committed.insert_document(&encounter(3, at(0))).await?;
    committed.commit().await?;

    let left = tenant.list_documents::<EncounterId>(&DocumentQuery::default(), None, 10).await?;
    assert_eq!(left.iter().map(|document| document.id).collect::<Vec<_>>(), [encounter(3, at(0)).id]);
    Ok(())
}

async fn a_failed_transaction_cannot_be_committed(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    tx.insert_document(&encounter(1, at(0))).await?;
    assert!(is_unique_in(tx.insert_document(&encounter(1, at(0))).await, "encounter"));
    assert_eq!(code_of(tx.insert_document(&encounter(2, at(0))).await), "STORE_ABORTED");
    assert_eq!(code_of(tx.commit().await), "STORE_ABORTED");
    assert_eq!(code_of(tenant.get_document(encounter(1, at(0)).id).await), "NOT_FOUND");
    Ok(())
}

async fn what_one_engine_cannot_store_none_stores(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let mut with_nul = encounter(1, at(0));
    with_nul.body = json!({"note": "a\0b"});
    let tx = tenant.begin().await?;
    assert!(matches!(tx.insert_document(&with_nul).await, Err(StoreError::Invalid { .. })));
    drop(tx);
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.insert_account(&account(1, "a\0b")).await), "VALUE_INVALID");
    drop(tx);

    let mut harmless = encounter(1, at(0));
    harmless.body = json!({"note": "the six letters \\u0000, an emoji 🩺 and a quote \""});
    let tx = tenant.begin().await?;
    tx.insert_document(&harmless).await?;
    tx.commit().await?;
    assert_eq!(tenant.get_document(harmless.id).await?.body, harmless.body);
    Ok(())
}

trait Tap: Sized {
    fn tap(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl<T> Tap for T {}
