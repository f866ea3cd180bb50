use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    id::{EncounterId, PrescriptionId},
    prescription::{Create, Prescription, Rx},
    signature::AuthorKind,
};
use xinglin_platform::{AppResult, Caller, Platform, ambient, boxed, document::fresh, settings::settings};
use xinglin_records::resource;

use super::{NewCourse, NewLine, PrescriptionView, facts, recheck::masked, requests, view, watch, write_lines};
use crate::encounter::{self, human};

/// A prescription to draft.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrescription {
    /// The follow-up visit in progress.
    #[schema(value_type = String)]
    pub encounter: EncounterId,
    /// For how long: `ordinary`, `extended` with a reason, or `long_term`.
    #[serde(default)]
    pub course: NewCourse,
    /// The medicines.
    pub lines: Vec<NewLine>,
    /// `human`; anything else is refused (`RX_AI_ORIGIN`).
    #[serde(default = "human")]
    #[schema(value_type = String)]
    pub author_kind: AuthorKind,
}

/// Drafts a prescription in a visit of the calling doctor.
///
/// # Errors
/// `RX_…` if a rule forbids it; nothing is stored.
#[tracing::instrument(target = "xinglin::trace", name = "draft_prescription", skip_all)]
#[boxed]
pub async fn draft(platform: &Platform, caller: &Caller, new: NewPrescription) -> AppResult<PrescriptionView> {
    caller.may(Action::DraftPrescription)?;
    let records = platform.records(caller);
    let settings = settings(&records).await?;
    let follow_up = encounter::follow_up(&records, new.encounter, caller.now).await?;
    let id = PrescriptionId::from_u128(ambient::fresh_id());
    let create = Create { id, follow_up: &follow_up, author: new.author_kind };
    let draft = Rx::create(&caller.actor, create, caller.now)?;
    let allergies = facts(platform, &records, follow_up.patient(), caller.now).await?;
    let draft = match write_lines(&caller.actor, draft, new.course, new.lines, &allergies, &settings, caller.now) {
        Ok(draft) => draft,
        Err(refused) => return Err(masked(platform, caller, &records, follow_up.patient(), refused).await?),
    };
    let rx = Prescription::from(draft);
    let parent = Some(rx.encounter().to_string());
    let row = fresh(id, rx.patient(), parent, rx.state().as_str(), &rx, caller.now)?;
    let tx = platform.begin(caller).await?;
    tx.insert_document(&row).await?;
    resource::project(&tx, requests(&rx), caller.now).await?;
    watch(&tx, &rx).await?;
    tx.commit().await?;
    view(rx, Vec::new(), Vec::new())
}
