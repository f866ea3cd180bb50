//! `xinglin:panel@1` ⇄ [`xinglin_domain::panel`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xinglin_domain::{clinical::Snapshot, panel as domain, time::Instant};

use crate::{
    contract::{
        hook::{Hook, HookName},
        types::v1::{Invalid, lower, lower_text, raise, raise_text},
    },
    wit::{exports::xinglin::panel::panel as wit, xinglin::clinical::snapshot},
};

const INTERFACE: &str = "xinglin:panel/panel@1.0.0";

impl From<domain::Viewer> for wit::Viewer {
    fn from(viewer: domain::Viewer) -> Self {
        match viewer {
            domain::Viewer::Patient => Self::Patient,
            domain::Viewer::Guardian => Self::Guardian,
            domain::Viewer::Clinician => Self::Clinician,
        }
    }
}

impl From<&domain::OpenTask> for wit::Task {
    fn from(task: &domain::OpenTask) -> Self {
        Self { code: task.code.clone(), title: lower_text(&task.title), due: task.due.micros() }
    }
}

impl From<&domain::Standing> for wit::Standing {
    fn from(standing: &domain::Standing) -> Self {
        Self {
            stage: standing.stage.clone(),
            enrolled: standing.enrolled.micros(),
            active: standing.active,
            state: standing.state.as_ref().map(|s| wit::State { version: s.version, data: s.data.clone() }),
            tasks: lower(&standing.tasks),
        }
    }
}

impl From<wit::Tone> for domain::Tone {
    fn from(tone: wit::Tone) -> Self {
        match tone {
            wit::Tone::Neutral => Self::Neutral,
            wit::Tone::Good => Self::Good,
            wit::Tone::Caution => Self::Caution,
            wit::Tone::Danger => Self::Danger,
        }
    }
}

impl From<wit::Text> for domain::Text {
    fn from(t: wit::Text) -> Self {
        Self {
            style: match t.style {
                wit::TextStyle::Heading => domain::TextStyle::Heading,
                wit::TextStyle::Paragraph => domain::TextStyle::Paragraph,
                wit::TextStyle::Notice => domain::TextStyle::Notice,
            },
            tone: t.tone.into(),
            text: raise_text(t.text),
        }
    }
}

impl TryFrom<wit::Point> for domain::Point {
    type Error = Invalid;

    fn try_from(p: wit::Point) -> Result<Self, Invalid> {
        Ok(Self {
            at: Instant::from_micros(p.at),
            value: p.value.try_into()?,
            bound: match p.bound {
                wit::Bound::Exact => domain::Bound::Exact,
                wit::Bound::Below => domain::Bound::Below,
                wit::Bound::Above => domain::Bound::Above,
            },
        })
    }
}

impl TryFrom<wit::Metric> for domain::Metric {
    type Error = Invalid;

    fn try_from(m: wit::Metric) -> Result<Self, Invalid> {
        Ok(Self {
            title: raise_text(m.title),
            unit: m.unit,
            value: m.value.map(TryInto::try_into).transpose()?,
            tone: m.tone.into(),
            citation: m.citation.map(Into::into),
        })
    }
}

impl TryFrom<wit::Band> for domain::Band {
    type Error = Invalid;

    fn try_from(b: wit::Band) -> Result<Self, Invalid> {
        Ok(Self {
            title: raise_text(b.title),
            tone: b.tone.into(),
            low: b.low.map(TryInto::try_into).transpose()?,
            high: b.high.map(TryInto::try_into).transpose()?,
            citation: Some(b.citation.into()),
        })
    }
}

impl TryFrom<wit::Series> for domain::Series {
    type Error = Invalid;

    fn try_from(s: wit::Series) -> Result<Self, Invalid> {
        Ok(Self {
            title: raise_text(s.title),
            unit: s.unit,
            scale: match s.scale {
                wit::Scale::Linear => domain::Scale::Linear,
                wit::Scale::Logarithmic => domain::Scale::Logarithmic,
            },
            points: raise(s.points)?,
            bands: raise(s.bands)?,
        })
    }
}

impl From<wit::Table> for domain::Table {
    fn from(t: wit::Table) -> Self {
        Self {
            title: raise_text(t.title),
            columns: t.columns.into_iter().map(raise_text).collect(),
            rows: t.rows.into_iter().map(|row| row.into_iter().map(raise_text).collect()).collect(),
        }
    }
}

impl TryFrom<wit::Block> for domain::Block {
    type Error = Invalid;

    fn try_from(block: wit::Block) -> Result<Self, Invalid> {
        Ok(match block {
            wit::Block::Text(text) => Self::Text(text.into()),
            wit::Block::Metric(metric) => Self::Metric(metric.try_into()?),
            wit::Block::Series(series) => Self::Series(series.try_into()?),
            wit::Block::Table(table) => Self::Table(table.into()),
            wit::Block::Form(code) => Self::Form(code),
            wit::Block::Action(wit::Act::DoTask(code)) => Self::Action(domain::Act::DoTask(code)),
            wit::Block::Action(wit::Act::Call) => Self::Action(domain::Act::Call),
        })
    }
}

impl From<wit::Error> for domain::PanelError {
    fn from(e: wit::Error) -> Self {
        match e {
            wit::Error::MissingData(text) => Self::MissingData(raise_text(text)),
            wit::Error::Other(what) => Self::Other(what),
        }
    }
}

/// Input of `render`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenderInput<'a> {
    pub standing: Cow<'a, domain::Standing>,
    /// Codes that the pathway declared. The plugin knows them; the answer is checked with them.
    pub questionnaires: Cow<'a, [String]>,
    pub snapshot: Cow<'a, Snapshot>,
    pub viewer: domain::Viewer,
    pub now: Instant,
}

/// `xinglin:panel/panel#render`.
pub(crate) struct Render;

impl Hook for Render {
    const NAME: HookName = HookName { interface: INTERFACE, function: "render" };
    const APART: bool = true;
    type Input<'a> = RenderInput<'a>;
    type Output = Result<domain::Panel, domain::PanelError>;
    type Parameters = (wit::Standing, snapshot::Snapshot, wit::Viewer, i64);
    type Results = (Result<Vec<wit::Block>, wit::Error>,);

    fn lower(input: &RenderInput<'_>) -> Self::Parameters {
        (input.standing.as_ref().into(), input.snapshot.as_ref().into(), input.viewer.into(), input.now.micros())
    }

    fn raise((answer,): Self::Results) -> Result<Self::Output, Invalid> {
        Ok(match answer {
            Ok(blocks) => Ok(domain::Panel(raise(blocks)?)),
            Err(error) => Err(error.into()),
        })
    }

    fn check(input: &RenderInput<'_>, output: &Self::Output) -> Result<(), Invalid> {
        let known =
            domain::Known { questionnaires: &input.questionnaires, tasks: &input.standing.tasks, now: input.now };
        match output {
            Ok(panel) => panel.check(known).map_err(|fault| Invalid(fault.to_string())),
            Err(_) => Ok(()),
        }
    }
}
