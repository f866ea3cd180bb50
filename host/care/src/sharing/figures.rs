use std::collections::{BTreeMap, BTreeSet, HashMap};

use xinglin_domain::{
    access::Action,
    headcount::{Cohort, last_month, publish},
    id::{OrganisationId, PatientId},
    organisation::{Kind, Organisation},
    sharing::CareStatus,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, ambient, boxed, organisation};
use xinglin_records::patient as records_of_patient;
use xinglin_store::{CohortRow, Executor, GroupFigures, TenantScope};

use super::{
    FiguresView, groups,
    told::{Asked, told},
};

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

/// Most of it is read before the transaction begins, which has others wait.
async fn compute(platform: &Platform, caller: &Caller, employer: &Organisation) -> AppResult<()> {
    let month = last_month(caller.now);
    let records = platform.records(caller);
    let mut persons = Persons::default();
    elsewhere(&records, employer.id, &mut persons).await?;
    let members = cohorts(&records, employer.id, &mut persons).await?.into_iter().flat_map(|one| one.members);
    let members: BTreeSet<PatientId> = members.collect();
    let counted = counted(&records, caller, employer, &members, &mut persons).await?;
    let tx = platform.begin(caller).await?;
    // Of the whole hospital: nobody is counted for two employers.
    tx.lock("figures").await?;
    if !is_due(&tx, employer, caller).await? {
        // Another request has just done it.
        tx.rollback().await?;
        return Ok(());
    }
    let elsewhere = elsewhere(&tx, employer.id, &mut persons).await?;
    let counted: Vec<_> = counted.into_iter().filter(|(patient, _)| !elsewhere.contains(patient)).collect();
    let known = cohorts(&tx, employer.id, &mut persons).await?;
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

/// Who agrees to be counted, each person once, with their status at the end of the last month, in an order drawn at random:
/// who is in which cohort follows from nothing. `members` are in a cohort already.
async fn counted<E: Executor>(
    records: &TenantScope<E>,
    caller: &Caller,
    employer: &Organisation,
    members: &BTreeSet<PatientId>,
    persons: &mut Persons,
) -> AppResult<Vec<(PatientId, CareStatus)>> {
    let until = last_month(caller.now).next().first().start();
    let mut counted: BTreeMap<PatientId, CareStatus> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = records.list_informing(employer.id, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(last);
        for patient in page {
            let patient: PatientId = patient.parse().map_err(AppError::internal)?;
            let known = members.contains(&persons.of(records, patient).await?);
            let asked = Asked { until, known };
            let Some(told) = told(records, employer, patient, asked, caller.now).await? else { continue };
            let status = counted.entry(told.current).or_insert(told.status);
            if told.status == CareStatus::InCare {
                *status = told.status;
            }
        }
    }
    let mut drawn: Vec<_> = counted.into_iter().map(|one| (ambient::random_bytes::<16>(), one)).collect();
    drawn.sort_unstable_by_key(|(draw, _)| *draw);
    Ok(drawn.into_iter().map(|(_, one)| one).collect())
}

/// Who is counted for other employers, or was.
async fn elsewhere<E: Executor>(
    records: &TenantScope<E>,
    employer: OrganisationId,
    persons: &mut Persons,
) -> AppResult<BTreeSet<PatientId>> {
    let mut all = BTreeSet::new();
    for patient in records.list_counted_elsewhere(employer).await? {
        all.insert(persons.of(records, patient.parse().map_err(AppError::internal)?).await?);
    }
    Ok(all)
}

/// The cohorts of an employer. Of two members who turned out to be one person one is missing.
async fn cohorts<E: Executor>(
    records: &TenantScope<E>,
    employer: OrganisationId,
    persons: &mut Persons,
) -> AppResult<Vec<Cohort>> {
    let mut cohorts = Vec::new();
    for CohortRow { number, size, open, members } in records.list_cohorts(employer).await? {
        let mut all = BTreeSet::new();
        for member in members {
            all.insert(persons.of(records, member.parse().map_err(AppError::internal)?).await?);
        }
        cohorts.push(Cohort { number, size, members: all.into_iter().collect(), open });
    }
    Ok(cohorts)
}

/// The record that stands for each person now, by the records that were read.
#[derive(Default)]
struct Persons(HashMap<PatientId, PatientId>);

impl Persons {
    async fn of<E: Executor>(&mut self, records: &TenantScope<E>, patient: PatientId) -> AppResult<PatientId> {
        if let Some(current) = self.0.get(&patient) {
            return Ok(*current);
        }
        let current = records_of_patient::current(records, patient).await?;
        self.0.insert(patient, current);
        Ok(current)
    }
}
