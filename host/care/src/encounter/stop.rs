use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    encounter::{Accepted, Encounter, EncounterState, Finder, Requested},
    id::{EncounterId, PatientId},
    safety::{Danger, Heard, is_sign},
    time::Instant,
};
use xinglin_platform::{
    AppResult, Caller, Platform, boxed,
    document::{Stored, next},
};
use xinglin_records::{patient, resource};
use xinglin_store::{DocumentQuery, TenantTx};

use super::{VisitView, load, lock, projection, put_with};
use crate::{
    look_again::look_again,
    safety::{self, Found},
};

/// A danger sign.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopVisit {
    /// Stable, upper snake case: `CHEST_PAIN`, `STROKE_SIGNS`, `SUICIDAL_INTENT`, …
    pub code: String,
}

/// Stops a visit because of a danger sign, by any member of the care team: nothing can be
/// prescribed in it any more, nothing that was prescribed in it can be used, unpaid bills for it are
/// closed and orders refunded; it is closed when a doctor records what was done. Of a danger to life by the patient's
/// own hand (`SUICIDAL_INTENT`, `SELF_HARM`, …) a [contact](crate::safety) is opened too.
///
/// # Errors
/// `BODY_INVALID` without a code; `ENC_RED_FLAG_OPEN` if it is stopped already, `ENC_STATE` if it is over.
#[boxed]
pub async fn stop(platform: &Platform, caller: &Caller, id: EncounterId, ask: StopVisit) -> AppResult<VisitView> {
    caller.may(Action::StopEncounter)?;
    let Stored { row, value } = load(&platform.records(caller), id).await?;
    caller.may_act_on(value.patient(), "visit", id)?;
    let of_whom = value.patient();
    let finder = Finder::Person(&caller.actor);
    let in_danger = is_sign(&ask.code).then(|| {
        let found = Found::danger(Danger::Acute, id.to_string());
        (found, Heard { by: caller.actor.account, note: ask.code.clone() })
    });
    let stopped = match value {
        value @ Encounter::Requested(_) => value.expecting::<Requested>()?.stop(finder, ask.code, caller.now)?,
        value => value.expecting::<Accepted>()?.stop(finder, ask.code, caller.now)?,
    };
    put_with(platform, caller, row, stopped.into(), async |tx| {
        patient::lock(tx, of_whom).await?;
        if let Some((found, heard)) = in_danger {
            safety::open_said(tx, of_whom, found, Some(heard), caller.now).await?;
        }
        // What is not settled goes with it.
        let of_visit = DocumentQuery { parent_id: Some(id.to_string()), ..DocumentQuery::default() };
        look_again(tx, of_visit, caller.now).await
    })
    .await
}

/// Stops the visits of a patient that have not ended, because a pathway found a danger sign. The caller has no lock of
/// the patient yet.
#[boxed]
pub(crate) async fn stop_by_pathway(
    tx: &TenantTx,
    of: PatientId,
    (plugin, code): (&str, &str),
    now: Instant,
) -> AppResult<()> {
    const MOST: u32 = 20;
    let statuses = [EncounterState::Requested, EncounterState::Accepted];
    let query = DocumentQuery {
        patient_id: Some(of.to_string()),
        statuses: statuses.map(|state| state.as_str().to_owned()).into(),
        ..DocumentQuery::default()
    };
    let rows = tx.list_documents::<EncounterId>(&query, None, MOST).await?;
    for row in &rows {
        lock(tx, row.id).await?;
    }
    patient::lock(tx, of).await?;
    for row in rows {
        let id = row.id;
        // As it is now that it is locked.
        let Stored { row, value } = load(tx, id).await?;
        let finder = Finder::Plugin(plugin);
        let stopped: Encounter = match value {
            value @ Encounter::Requested(_) => {
                value.expecting::<Requested>()?.stop(finder, code.to_owned(), now)?.into()
            }
            value @ Encounter::Accepted(_) => value.expecting::<Accepted>()?.stop(finder, code.to_owned(), now)?.into(),
            _ => continue,
        };
        tx.update_document(&next(row, stopped.state().as_str(), &stopped, now)?).await?;
        resource::project(tx, vec![projection(&stopped)], now).await?;
        let of_visit = DocumentQuery { parent_id: Some(id.to_string()), ..DocumentQuery::default() };
        look_again(tx, of_visit, now).await?;
    }
    Ok(())
}
