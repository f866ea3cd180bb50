//! What is shown of a pathway to those who do not treat the patient: to family and guardians, to a school, to an employer.
//! Each sees what a consent in force names, and nothing else: `xinglin_domain::sharing`. To whom nothing is open it is as
//! if there were nothing.

mod figures;
mod members;
mod show;
mod told;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    coding::LocalizedText,
    headcount::Group,
    id::{ConsentId, EnrolmentId, PatientId, TaskId},
    safety::Helpline,
    sharing::CareStatus,
};

use crate::panel::PanelView;

pub use self::figures::figures;
pub use self::members::{MemberPage, members};
pub use self::show::show;

/// What family or a guardian is shown of a patient.
#[derive(Debug, Serialize, ToSchema)]
pub struct SharedView {
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// Pathways that are open to the caller, the newest first; at most 50.
    pub pathways: Vec<SharedPathway>,
    /// Whether the hospital is in contact with the patient because of a danger, if that is open to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub danger: Option<SharedDanger>,
}

/// A pathway of a patient, as far as it is open to the caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct SharedPathway {
    /// `enr-…`
    #[schema(value_type = String)]
    pub enrolment: EnrolmentId,
    /// Why it is shown.
    pub grounds: Vec<Ground>,
    /// Which pathway it is, if that is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<SharedStatus>,
    /// The patient's tasks to come, and those that are due and have time left, the first that is due first, if they are
    /// open; at most 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Vec<SharedTask>>,
    /// The panel, if it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel: Option<PanelView>,
}

/// Why something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Ground {
    /// By a consent.
    Consent {
        /// `con-…`
        #[schema(value_type = String)]
        consent: ConsentId,
    },
    /// To the guardian, by law.
    Guardian,
}

/// Which pathway, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct SharedStatus {
    /// Title of the pathway.
    #[schema(value_type = Vec<Object>)]
    pub pathway: LocalizedText,
    /// Title of its stage.
    #[schema(value_type = Vec<Object>)]
    pub stage: LocalizedText,
    /// Since when the patient is in the pathway (RFC 3339).
    pub since: String,
    /// When it ended.
    pub ended: Option<String>,
}

/// A task of the patient.
#[derive(Debug, Serialize, ToSchema)]
pub struct SharedTask {
    /// `task-…`
    #[schema(value_type = String)]
    pub task: TaskId,
    /// As the pathway set it.
    #[schema(value_type = Vec<Object>)]
    pub title: LocalizedText,
    /// When it is due (RFC 3339).
    pub due: String,
}

/// Whether the hospital is in contact with the patient because of a danger. What was found is for clinicians.
#[derive(Debug, Serialize, ToSchema)]
pub struct SharedDanger {
    /// Why it is shown.
    pub ground: Ground,
    /// Whether it is at this moment.
    pub open: bool,
    /// Since when (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Numbers to call, as the hospital set them; its words are for the patient.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub lines: Vec<Helpline>,
}

/// Somebody who agreed that the school is told whether they are in care.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    /// The consent: `con-…`; pass the last one as `after` for the next page.
    #[schema(value_type = String)]
    pub consent: ConsentId,
    /// Their name.
    pub name: Option<String>,
    /// `in_care` or `ended`.
    #[schema(value_type = String)]
    pub status: CareStatus,
}

/// Figures of a month that is over, as they were published.
#[derive(Debug, Serialize, ToSchema)]
pub struct FiguresView {
    /// The month: `2026-11`.
    pub month: String,
    /// When they were computed (RFC 3339). They do not change any more.
    pub published: String,
    /// The groups that are large enough. What is withheld is null.
    #[schema(value_type = Vec<Object>)]
    pub groups: Vec<Group>,
}

/// The same in the store.
fn groups(body: Value) -> xinglin_platform::AppResult<Vec<Group>> {
    serde_json::from_value(body).map_err(xinglin_platform::AppError::internal)
}
