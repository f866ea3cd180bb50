use xinglin_domain::{
    access::Action,
    headcount::{Cohort, last_month, publish},
    id::PatientId,
    organisation::{Kind, Organisation},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, boxed, organisation};
use xinglin_store::{CohortRow, Executor, GroupFigures, TenantScope};

use super::{FiguresView, groups, told::told};

/// Most months that are listed.
const MOST: u32 = 36;
/// How many patients are read at a time.
const PAGE: u32 = 500;

/// Figures of those who agreed to be counted for the caller's employer, the last month first. The last month that is over
/// is computed when it is first asked for, once; never anybody's name.
///
/// # Errors
/// `NOT_FOUND` if the caller represents no employer.
#[boxed]
pub async fn figures(platform: &Platform, caller: &Caller, limit: u32) -> AppResult<Vec<FiguresView>> {
    caller.may(Action::ReadFigures)?;
    let records = platform.records(caller);
    let employer = organisation::represented(&records, caller, Kind::Employer).await?;
    caller.trail.asked();
    if is_due(&records, &employer, caller).await? {
        compute(platform, caller, &employer).await?;
    }
    let rows = records.list_group_figures(employer.id, limit.clamp(1, MOST)).await?;
    rows.into_iter()
        .map(|row| {
            let (month, published) = (row.period, row.published_at.to_string());
            Ok(FiguresView { month, published, groups: groups(row.body)? })
        })
        .collect()
}

/// Whether the last month that is over is not published yet, and the organisation was registered in it.
async fn is_due<E: Executor>(records: &TenantScope<E>, employer: &Organisation, caller: &Caller) -> AppResult<bool> {
    let month = last_month(caller.now);
    let published = records.list_group_figures(employer.id, 1).await?;
    let known = published.first().is_some_and(|last| last.period >= String::from(month));
    Ok(!known && employer.registered < month.next().first().start())
}

async fn compute(platform: &Platform, caller: &Caller, employer: &Organisation) -> AppResult<()> {
    let month = last_month(caller.now);
    let end = month.next().first().start();
    let tx = platform.begin(caller).await?;
    tx.lock(&format!("figures/{}", employer.id)).await?;
    if !is_due(&tx, employer, caller).await? {
        // Another request has just done it.
        tx.rollback().await?;
        return Ok(());
    }
    let mut counted = Vec::new();
    let mut after = String::new();
    loop {
        let page = tx.list_informing(employer.id, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(last);
        for patient in page {
            let patient: PatientId = patient.parse().map_err(AppError::internal)?;
            if let Some(told) = told(&tx, employer, patient, end, caller.now).await? {
                counted.push((ambient::random_bytes::<16>(), patient, told.status));
            }
        }
    }
    // Who is in which cohort follows from nothing.
    counted.sort_unstable_by_key(|(draw, ..)| *draw);
    let counted: Vec<_> = counted.into_iter().map(|(_, patient, status)| (patient, status)).collect();
    let known = tx.list_cohorts(employer.id).await?.into_iter().map(cohort).collect::<AppResult<Vec<_>>>()?;
    let publication = publish(&known, &counted);
    for number in publication.closed {
        tx.close_cohort(employer.id, number).await?;
    }
    for formed in publication.formed {
        let Cohort { number, size, members, open } = formed;
        let members = members.iter().map(ToString::to_string).collect();
        tx.insert_cohort(employer.id, &CohortRow { number, size, open, members }).await?;
    }
    let body = serde_json::to_value(publication.groups).map_err(AppError::internal)?;
    let row = GroupFigures { period: month.into(), body, published_at: caller.now };
    tx.insert_group_figures(employer.id, &row).await?;
    publication.members.into_iter().for_each(|patient| caller.trail.saw(patient));
    tx.commit().await?;
    tracing::info!(organisation = %employer.id, month = %row.period, "figures of groups were published");
    Ok(())
}

fn cohort(row: CohortRow) -> AppResult<Cohort> {
    let members = row.members.iter().map(|one| one.parse::<PatientId>().map_err(AppError::internal));
    Ok(Cohort { number: row.number, size: row.size, members: members.collect::<AppResult<_>>()?, open: row.open })
}
