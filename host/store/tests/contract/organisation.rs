//! Schools and employers: who represents them, who informs them, and what is published of groups.

use xinglin_domain::id::{AccountId, ConsentId, OrganisationId};
use xinglin_store::{Account, CohortRow, Consent, GroupFigures, Organisation, Result};

use crate::{Bench, at, body, code_of, contract, here_id, is_unique_in};

contract!(
    an_organisation_is_registered_and_closed,
    an_account_represents_one_organisation,
    who_informs_an_organisation_is_found,
    nobody_is_in_two_cohorts,
    a_month_is_published_once,
);

const SCHOOL: OrganisationId = OrganisationId::from_u128(1);
const EMPLOYER: OrganisationId = OrganisationId::from_u128(2);
const OTHER_EMPLOYER: OrganisationId = OrganisationId::from_u128(3);

fn organisation(id: OrganisationId, second: i64) -> Organisation {
    Organisation { id, body: body(1), registered_at: at(second), closed_at: None }
}

async fn registered(bench: &Bench) -> Result<()> {
    let tx = bench.here().begin().await?;
    tx.insert_organisation(&organisation(SCHOOL, 1)).await?;
    tx.insert_organisation(&organisation(EMPLOYER, 2)).await?;
    tx.commit().await
}

async fn an_organisation_is_registered_and_closed(bench: Bench) -> Result<()> {
    registered(&bench).await?;
    let tenant = bench.here();
    assert_eq!(tenant.get_organisation(SCHOOL).await?, organisation(SCHOOL, 1));
    let ids = |rows: &[Organisation]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let first = tenant.list_organisations(false, None, 1).await?;
    assert_eq!(ids(&first), [EMPLOYER], "newest first");
    assert_eq!(ids(&tenant.list_organisations(false, Some(&first[0].cursor()), 9).await?), [SCHOOL]);

    let tx = tenant.begin().await?;
    tx.close_organisation(SCHOOL, &body(2), at(9)).await?;
    tx.commit().await?;
    let tx = tenant.begin().await?;
    assert_eq!(code_of(tx.close_organisation(SCHOOL, &body(3), at(10)).await), "VERSION_CONFLICT");
    tx.rollback().await?;
    let closed = tenant.get_organisation(SCHOOL).await?;
    assert_eq!((closed.body, closed.closed_at), (body(2), Some(at(9))));
    assert_eq!(ids(&tenant.list_organisations(false, None, 9).await?), [EMPLOYER]);
    assert_eq!(ids(&tenant.list_organisations(true, None, 9).await?), [EMPLOYER, SCHOOL]);
    let there = bench.there();
    assert_eq!(code_of(there.get_organisation(SCHOOL).await), "NOT_FOUND");
    assert!(there.list_organisations(true, None, 9).await?.is_empty());
    Ok(())
}

async fn an_account_represents_one_organisation(bench: Bench) -> Result<()> {
    registered(&bench).await?;
    let tenant = bench.here();
    let head = AccountId::from_u128(1);
    let tx = tenant.begin().await?;
    tx.insert_account(&Account {
        id: head,
        tenant: here_id(),
        login: "head".to_owned(),
        password_hash: None,
        roles: vec!["representative".to_owned()],
        person_ref: None,
        credential: None,
        public_key: None,
        active: true,
        practice_years: 3,
        version: 0,
        created_at: at(0),
        updated_at: at(0),
    })
    .await?;
    tx.appoint_representative(SCHOOL, head, AccountId::from_u128(9), at(3)).await?;
    tx.commit().await?;
    assert_eq!(tenant.find_organisation_of(head).await?.map(|one| one.id), Some(SCHOOL));
    assert_eq!(tenant.list_representatives(SCHOOL).await?, [head]);
    assert!(bench.there().find_organisation_of(head).await?.is_none());
    assert!(bench.there().list_representatives(SCHOOL).await?.is_empty());

    let tx = tenant.begin().await?;
    let again = tx.appoint_representative(EMPLOYER, head, AccountId::from_u128(9), at(4)).await;
    assert!(is_unique_in(again, "representative"), "one at a time");
    tx.rollback().await?;
    let tx = tenant.begin().await?;
    let nobody = tx.appoint_representative(EMPLOYER, AccountId::from_u128(8), AccountId::from_u128(9), at(4)).await;
    assert_eq!(code_of(nobody), "REFERENCE_INVALID");
    tx.rollback().await?;
    let tx = tenant.begin().await?;
    assert!(!tx.dismiss_representative(EMPLOYER, head).await?);
    assert!(tx.dismiss_representative(SCHOOL, head).await?);
    assert!(!tx.dismiss_representative(SCHOOL, head).await?);
    tx.commit().await?;
    assert!(tenant.find_organisation_of(head).await?.is_none());
    Ok(())
}

async fn who_informs_an_organisation_is_found(bench: Bench) -> Result<()> {
    let tenant = bench.here();
    let consent = |number: u128, patient: &str, organisation| Consent {
        id: ConsentId::from_u128(number),
        patient_id: patient.to_owned(),
        organisation,
        body: body(1),
        given_at: at(1),
        revoked_at: None,
    };
    let tx = tenant.begin().await?;
    for given in [
        consent(1, "pat-1", Some(SCHOOL)),
        consent(2, "pat-1", Some(SCHOOL)),
        consent(3, "pat-2", Some(SCHOOL)),
        consent(4, "pat-3", Some(EMPLOYER)),
        consent(5, "pat-4", None),
        consent(6, "pat-5", Some(SCHOOL)),
    ] {
        tx.insert_consent(&given).await?;
    }
    tx.revoke_consent(ConsentId::from_u128(6), &body(2), at(2)).await?;
    tx.commit().await?;
    assert_eq!(tenant.get_consent(ConsentId::from_u128(3)).await?.organisation, Some(SCHOOL));
    assert_eq!(tenant.list_informing(SCHOOL, "", 9).await?, ["pat-1", "pat-2"]);
    assert_eq!(tenant.list_informing(SCHOOL, "", 1).await?, ["pat-1"]);
    assert_eq!(tenant.list_informing(SCHOOL, "pat-1", 9).await?, ["pat-2"]);
    assert_eq!(tenant.list_informing(EMPLOYER, "", 9).await?, ["pat-3"]);
    assert!(bench.there().list_informing(SCHOOL, "", 9).await?.is_empty());
    Ok(())
}

async fn nobody_is_in_two_cohorts(bench: Bench) -> Result<()> {
    registered(&bench).await?;
    let tenant = bench.here();
    let tx = tenant.begin().await?;
    tx.insert_organisation(&organisation(OTHER_EMPLOYER, 3)).await?;
    tx.commit().await?;
    let cohort = |number, members: &[&str]| CohortRow {
        number,
        size: 2,
        open: true,
        members: members.iter().map(|one| (*one).to_owned()).collect(),
    };
    let (first, second) = (cohort(1, &["pat-1", "pat-2"]), cohort(2, &["pat-3", "pat-4"]));
    let tx = tenant.begin().await?;
    tx.insert_cohort(EMPLOYER, &first).await?;
    tx.insert_cohort(EMPLOYER, &second).await?;
    tx.commit().await?;
    let tx = tenant.begin().await?;
    assert!(is_unique_in(tx.insert_cohort(EMPLOYER, &cohort(3, &["pat-2"])).await, "cohort_member"));
    tx.rollback().await?;
    let tx = tenant.begin().await?;
    let elsewhere = tx.insert_cohort(OTHER_EMPLOYER, &cohort(1, &["pat-5", "pat-2"])).await;
    assert!(is_unique_in(elsewhere, "cohort_member"), "nor is anybody counted for two employers");
    tx.rollback().await?;
    assert_eq!(tenant.list_counted_elsewhere(OTHER_EMPLOYER).await?, ["pat-1", "pat-2", "pat-3", "pat-4"]);
    assert!(tenant.list_counted_elsewhere(EMPLOYER).await?.is_empty());
    assert!(bench.there().list_counted_elsewhere(OTHER_EMPLOYER).await?.is_empty());
    let tx = tenant.begin().await?;
    tx.close_cohort(EMPLOYER, 1).await?;
    assert_eq!(code_of(tx.close_cohort(EMPLOYER, 9).await), "NOT_FOUND");
    assert_eq!(code_of(tx.close_cohort(EMPLOYER, 1).await), "NOT_FOUND", "once");
    tx.commit().await?;
    assert_eq!(tenant.list_cohorts(EMPLOYER).await?, [CohortRow { open: false, ..first }, second.clone()]);
    assert!(tenant.list_cohorts(SCHOOL).await?.is_empty() && bench.there().list_cohorts(EMPLOYER).await?.is_empty());

    // Who was counted stays known, until they are erased; a cohort closes, and changes in no other way.
    for change in [
        "DELETE FROM cohort_member",
        "UPDATE cohort_member SET number = 1",
        "UPDATE cohort_member SET patient_id = 'pat-9' WHERE patient_id = 'pat-1'",
        "UPDATE cohort SET open = TRUE",
        "UPDATE cohort SET open = FALSE WHERE number = 1",
        "UPDATE cohort SET size = 3 WHERE number = 2",
        "UPDATE cohort SET open = FALSE, size = 3 WHERE number = 2",
    ] {
        assert!(bench.raw(change).await.is_err(), "{change}");
    }
    assert_eq!(tenant.count_of_patient("pat-4").await?.get("cohort_member"), Some(&1));
    let tx = tenant.begin().await?;
    tx.erase_patient("pat-4", "acc-9", at(9)).await?;
    tx.commit().await?;
    let left = tenant.list_cohorts(EMPLOYER).await?;
    assert_eq!(left[1], CohortRow { members: vec!["pat-3".to_owned()], ..second });
    Ok(())
}

async fn a_month_is_published_once(bench: Bench) -> Result<()> {
    registered(&bench).await?;
    let tenant = bench.here();
    let figures = |period: &str, n| GroupFigures { period: period.to_owned(), body: body(n), published_at: at(n) };
    let tx = tenant.begin().await?;
    tx.insert_group_figures(EMPLOYER, &figures("2026-11", 1)).await?;
    tx.insert_group_figures(EMPLOYER, &figures("2026-12", 2)).await?;
    tx.commit().await?;
    let tx = tenant.begin().await?;
    assert!(is_unique_in(tx.insert_group_figures(EMPLOYER, &figures("2026-12", 3)).await, "group_figures"));
    tx.rollback().await?;
    assert_eq!(tenant.list_group_figures(EMPLOYER, 9).await?, [figures("2026-12", 2), figures("2026-11", 1)]);
    assert_eq!(tenant.list_group_figures(EMPLOYER, 1).await?, [figures("2026-12", 2)]);
    assert!(tenant.list_group_figures(SCHOOL, 9).await?.is_empty());
    assert!(bench.there().list_group_figures(EMPLOYER, 9).await?.is_empty());
    for change in ["UPDATE group_figures SET published_at = 0", "DELETE FROM group_figures"] {
        assert!(bench.raw(change).await.is_err(), "{change}");
    }
    Ok(())
}
