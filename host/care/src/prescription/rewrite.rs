use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    id::PrescriptionId,
    prescription::{Draft, Event, Prescription},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored, settings::settings};
use xinglin_records::resource;

use super::{NewCourse, NewLine, PrescriptionView, facts, load, put_next, recheck::masked, requests, write_lines};

/// New lines that replace the existing ones.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// The version that was read, for a prescription that the pharmacist sent back.
    #[serde(default)]
    pub version: Option<u32>,
    /// For how long.
    #[serde(default)]
    pub course: NewCourse,
    /// The medicines.
    pub lines: Vec<NewLine>,
}

/// Replaces the lines of a draft or of a prescription that was sent back. Existing signatures
/// become void.
///
/// # Errors
/// `RX_…` if a rule forbids it; the prescription is unchanged.
#[boxed]
pub async fn rewrite(
    platform: &Platform,
    caller: &Caller,
    id: PrescriptionId,
    rewrite: Rewrite,
) -> AppResult<PrescriptionView> {
    caller.may(Action::DraftPrescription)?;
    let records = platform.records(caller);
    let settings = settings(&records).await?;
    let Stored { row, value } = load(&records, id).await?;
    caller.trail.saw(value.patient());
    let allergies = facts(platform, &records, value.patient(), caller.now).await?;
    let (before, of_whom) = (requests(&value), value.patient());
    let draft = match value {
        Prescription::Returned(returned) => {
            let version = rewrite.version.unwrap_or_else(|| returned.version());
            returned.amend(&caller.actor, version, caller.now)?
        }
        other => other.expecting::<Draft>(Event::Edit)?,
    };
    let draft =
        match write_lines(&caller.actor, draft, rewrite.course, rewrite.lines, &allergies, &settings, caller.now) {
            Ok(draft) => draft,
            Err(refused) => return Err(masked(platform, caller, &records, of_whom, refused).await?),
        };
    let rx = Prescription::from(draft);
    let dropped = dropped(before, &requests(&rx));
    put_next(platform, caller, row, rx, async |tx| resource::project(tx, dropped, caller.now).await).await
}

/// Lines with a projection that no longer exist, whose projections are to be ended.
fn dropped(before: Vec<Value>, after: &[Value]) -> Vec<Value> {
    let gone = before.into_iter().filter(|old| after.iter().all(|new| new["id"] != old["id"]));
    gone.map(|mut old| {
        old["status"] = "cancelled".into();
        old
    })
    .collect()
}
