//! Panels: what the plugin of a pathway shows of a patient to the patient, a guardian, or the care team.
//! The plugin describes blocks; the bounds are checked in `xinglin_domain::panel` before an answer is
//! used, and whoever draws them escapes every text.

mod answer;
mod show;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::{
    coding::LocalizedText,
    id::{EnrolmentId, PatientId, TaskId},
    panel::{Metric, Series, Table, Text, Viewer},
    pathway::Questionnaire,
    safety::Help,
    time::Instant,
};
use xinglin_extensions::call::CallView;

pub use self::answer::answer;
pub use self::show::show;
pub(crate) use self::show::show_to_kin;

/// A panel for one reader.
#[derive(Debug, Serialize, ToSchema)]
pub struct PanelView {
    /// `enr-…`
    #[schema(value_type = String)]
    pub enrolment: EnrolmentId,
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// `patient`, `guardian` or `clinician`.
    #[schema(value_type = String)]
    pub viewer: Viewer,
    /// Whose words these are.
    pub plugin: PanelPlugin,
    /// Whether the reader's screen names no source, and is not to name the plugin.
    pub discreet: bool,
    /// From top to bottom. Each has a `kind`: `text`, `metric`, `series`, `table`, `form`, `task` or
    /// `help`.
    #[schema(value_type = Vec<Object>)]
    pub blocks: Vec<Shown>,
    /// Why there are no blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Absence>,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
}

/// The plugin that made a panel.
#[derive(Debug, Serialize, ToSchema)]
pub struct PanelPlugin {
    /// Its id.
    pub id: String,
    /// Its version, if it was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Title of its pathway.
    #[schema(value_type = Vec<Object>)]
    pub title: LocalizedText,
}

/// Why a panel has no blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Absence {
    /// `DISABLED`, `NOT_OFFERED`, `WITHHELD`, `MISSING_DATA` or `FAILED`.
    pub code: &'static str,
    /// The same in Chinese and English.
    #[schema(value_type = Vec<Object>)]
    pub text: LocalizedText,
}

/// A block as it is shown: what it refers to is filled in by the host.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shown {
    /// A text.
    Text(Text),
    /// One number.
    Metric(Metric),
    /// A curve.
    Series(Series),
    /// A table.
    Table(Table),
    /// A questionnaire that the reader may answer: `POST …/panel`, or `POST …/answers`.
    Form {
        /// As the pathway declared it.
        questionnaire: Questionnaire,
    },
    /// A task that the reader may do: `POST /api/v1/tasks/{task}/done`.
    Task {
        /// `task-…`
        task: TaskId,
        /// As the pathway set it.
        title: LocalizedText,
        /// When it is due.
        due: Instant,
    },
    /// The hospital's own text and numbers to call.
    Help {
        /// As the hospital set it.
        help: Help,
    },
}

impl Absence {
    /// The plugin is not enabled here, or was recalled.
    pub fn disabled() -> Self {
        Self::new(
            "DISABLED",
            "该随访服务目前已停用，面板无法显示。",
            "This follow-up is not in use at present, so its panel is not shown.",
        )
    }

    /// The plugin has none.
    pub fn not_offered() -> Self {
        Self::new("NOT_OFFERED", "该随访服务不提供面板。", "This follow-up has no panel.")
    }

    /// The record is not open to the reader.
    pub fn withheld() -> Self {
        Self::new(
            "WITHHELD",
            "患者的病历未向您开放，面板无法显示。",
            "The patient's record is not open to you, so the panel is not shown.",
        )
    }

    /// A datum is missing.
    pub fn missing_data() -> Self {
        Self::new(
            "MISSING_DATA",
            "缺少所需的数据，为避免误导，面板暂不显示。",
            "Data are missing without which the panel would mislead, so it is not shown.",
        )
    }

    /// The plugin failed, or broke a bound.
    pub fn failed() -> Self {
        Self::new(
            "FAILED",
            "面板暂时无法显示；随访照常进行，您的数据没有受影响。",
            "The panel cannot be shown at present. The follow-up goes on, and no data are affected.",
        )
    }

    fn new(code: &'static str, zh: &str, en: &str) -> Self {
        Self { code, text: LocalizedText::zh_en(zh, en) }
    }
}
