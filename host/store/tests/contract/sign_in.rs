//! What people and apps sign in with.

use serde_json::{Value, json};
use xinglin_domain::id::{AccountId, SessionId};
use xinglin_store::{IdentityLink, IdentityProvider, Lent, Passkey, Result, Session, Shown};

use crate::{Bench, at, contract, is_unique_in, people::account};

contract!(
    what_is_shown_once_is_good_once,
    a_sign_in_that_was_lent_ends_with_the_app,
    what_has_ended_is_forgotten,
    a_provider_is_kept_and_people_are_linked,
    a_passkey_counts_on,
);

fn session(number: u128, lent: Option<Lent>) -> Session {
    Session {
        id: SessionId::from_u128(number),
        account: AccountId::from_u128(1),
        generation: 1,
        client: None,
        strong: false,
        lent,
        created_at: at(0),
        refreshed_at: at(0),
        ended_at: None,
    }
}

async fn what_is_shown_once_is_good_once(bench: Bench) -> Result<()> {
    let tx = bench.here().begin().await?;
    tx.put_one_time("code", "abc", &json!({ "n": 1 }), at(60)).await?;
    tx.put_one_time("launch", "abc", &json!({ "n": 2 }), at(60)).await?;
    tx.put_one_time("code", "late", &json!({ "n": 3 }), at(60)).await?;
    tx.commit().await?;
    let tx = bench.here().begin().await?;
    assert!(is_unique_in(tx.put_one_time("code", "abc", &json!({}), at(60)).await, "one_time"));
    drop(tx);
    let tx = bench.there().begin().await?;
    assert_eq!(tx.take_one_time::<Value>("code", "abc", at(1)).await?, Shown::Unknown, "another tenant's");
    drop(tx);
    let tx = bench.here().begin().await?;
    let good = tx.take_one_time::<Value>("code", "abc", at(59)).await?;
    assert_eq!(good, Shown::Good(json!({ "n": 1 })));
    assert_eq!(good.good(), Some(json!({ "n": 1 })));
    assert_eq!(tx.take_one_time::<Value>("code", "abc", at(59)).await?, Shown::Again(json!({ "n": 1 })));
    assert_eq!(tx.take_one_time::<Value>("code", "late", at(60)).await?, Shown::Unknown);
    assert_eq!(tx.take_one_time::<Value>("code", "none", at(1)).await?.good(), None);
    assert_eq!(tx.take_one_time::<Value>("launch", "abc", at(1)).await?.good(), Some(json!({ "n": 2 })));
    tx.commit().await
}

async fn a_sign_in_that_was_lent_ends_with_the_app(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let lent = Lent { app: AccountId::from_u128(2), scope: "patient/*.rs".into(), patient_id: Some("pat-1".into()) };
    let (own, theirs) = (session(1, None), session(2, Some(lent.clone())));
    let tx = tenant.begin().await?;
    tx.insert_account(&account(1, "doctor")).await?;
    tx.insert_account(&account(2, "app")).await?;
    tx.insert_session(&own).await?;
    tx.insert_session(&theirs).await?;
    tx.strengthen_session(own.id).await?;
    tx.commit().await?;
    assert_eq!(tenant.get_session(theirs.id).await?, theirs);
    assert!(tenant.get_session(own.id).await?.strong);
    let found = tenant.find_signed_in(theirs.account, theirs.id).await?.expect("signed in");
    assert_eq!((found.account.login.as_str(), found.lent, found.strong), ("doctor", Some(lent), false));
    assert!(!found.needs_strong);

    let mut row = tenant.profile().await?;
    row.second_factor = true;
    let tx = bench.operator().begin().await?;
    tx.update_tenant(&row).await?;
    tx.commit().await?;
    let found = tenant.find_signed_in(own.account, own.id).await?.expect("signed in");
    assert_eq!((found.strong, found.needs_strong, found.lent), (true, true, None));

    let tx = tenant.begin().await?;
    let mut app = tx.get_account(AccountId::from_u128(2)).await?;
    app.active = false;
    tx.update_account(&app).await?;
    tx.commit().await?;
    assert!(tenant.find_signed_in(theirs.account, theirs.id).await?.is_none(), "the app is suspended");
    assert!(tenant.find_signed_in(own.account, own.id).await?.is_some());
    Ok(())
}

async fn what_has_ended_is_forgotten(bench: Bench) -> Result<()> {
    for tenant in [bench.here(), bench.there()] {
        let tx = tenant.begin().await?;
        tx.insert_account(&account(1, "doctor")).await?;
        for (number, refreshed) in [(1, 100), (2, 100), (3, 10)] {
            tx.insert_session(&Session { refreshed_at: at(refreshed), ..session(number, None) }).await?;
        }
        tx.end_session(SessionId::from_u128(2), "acc-1", at(110)).await?;
        tx.put_one_time("code", "old", &json!({}), at(50)).await?;
        tx.put_one_time("code", "new", &json!({}), at(150)).await?;
        tx.commit().await?;
    }
    let tx = bench.operator().begin().await?;
    assert_eq!(tx.purge_sessions(at(110), at(10)).await?, 0);
    assert_eq!(tx.purge_sessions(at(111), at(11)).await?, 4, "of both tenants");
    assert_eq!(tx.purge_one_time(at(51)).await?, 2);
    tx.commit().await?;
    assert!(bench.here().get_session(SessionId::from_u128(1)).await.is_ok());
    let tx = bench.here().begin().await?;
    assert_eq!(tx.take_one_time::<Value>("code", "new", at(120)).await?, Shown::Good(json!({})));
    tx.commit().await
}

async fn a_provider_is_kept_and_people_are_linked(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    assert_eq!(tenant.find_identity_provider().await?, None);
    let provider =
        IdentityProvider { body: json!({ "issuer": "a" }), sealed: vec![1, 2], version: 1, updated_at: at(0) };
    let link = IdentityLink {
        issuer: "a".to_owned(),
        subject: "007".to_owned(),
        account: AccountId::from_u128(1),
        created_at: at(0),
    };
    let tx = tenant.begin().await?;
    tx.insert_account(&account(1, "doctor")).await?;
    tx.put_identity_provider(&provider).await?;
    tx.insert_identity_link(&link).await?;
    tx.commit().await?;
    assert_eq!(tenant.find_identity_provider().await?, Some(provider.clone()));
    assert_eq!(bench.there().find_identity_provider().await?, None);
    assert_eq!(tenant.find_linked("a", "007").await?.map(|account| account.login), Some("doctor".to_owned()));
    for (issuer, subject) in [("a", "008"), ("b", "007")] {
        assert_eq!(tenant.find_linked(issuer, subject).await?, None);
    }
    assert_eq!(bench.there().find_linked("a", "007").await?, None);
    assert!(tenant.is_linked("a", link.account).await? && !tenant.is_linked("b", link.account).await?);
    let tx = tenant.begin().await?;
    assert!(is_unique_in(tx.insert_identity_link(&link).await, "identity_link"));
    drop(tx);

    let tx = tenant.begin().await?;
    tx.put_identity_provider(&IdentityProvider { body: json!({ "issuer": "b" }), ..provider.clone() }).await?;
    tx.commit().await?;
    let kept = tenant.find_identity_provider().await?.map(|kept| (kept.body, kept.version));
    assert_eq!(kept, Some((json!({ "issuer": "b" }), 2)));
    let tx = tenant.begin().await?;
    assert!(tx.delete_identity_provider().await? && !tx.delete_identity_provider().await?);
    tx.commit().await?;
    assert_eq!(tenant.find_identity_provider().await?, None);
    assert_eq!(tenant.find_linked("a", "007").await?, None);
    Ok(())
}

async fn a_passkey_counts_on(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let key = Passkey {
        id: "AQID".to_owned(),
        account: AccountId::from_u128(1),
        name: "phone".to_owned(),
        body: json!({ "cred": 1 }),
        counter: 3,
        created_at: at(0),
        used_at: None,
    };
    let tx = tenant.begin().await?;
    tx.insert_account(&account(1, "doctor")).await?;
    tx.insert_passkey(&key).await?;
    tx.commit().await?;
    assert_eq!(tenant.find_passkey("AQID").await?, Some(key.clone()));
    assert_eq!(tenant.list_passkeys(key.account).await?, std::slice::from_ref(&key));
    assert_eq!(bench.there().find_passkey("AQID").await?, None);
    assert_eq!(tenant.list_passkeys(AccountId::from_u128(2)).await?, []);
    let tx = tenant.begin().await?;
    assert!(is_unique_in(tx.insert_passkey(&key).await, "passkey"));
    drop(tx);

    let used = Passkey { counter: 4, used_at: Some(at(9)), body: json!({ "cred": 2 }), ..key.clone() };
    let tx = tenant.begin().await?;
    assert!(tx.use_passkey(&used, 3).await?);
    assert!(!tx.use_passkey(&used, 3).await?, "somebody counted on meanwhile");
    tx.commit().await?;
    assert_eq!(tenant.find_passkey("AQID").await?, Some(used));
    let tx = tenant.begin().await?;
    assert!(!tx.delete_passkey(AccountId::from_u128(2), "AQID").await?, "another's");
    assert!(tx.delete_passkey(key.account, "AQID").await?);
    tx.commit().await?;
    assert_eq!(tenant.find_passkey("AQID").await?, None);
    Ok(())
}
