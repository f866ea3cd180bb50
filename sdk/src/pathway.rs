//! Disease pathways: who may be enrolled, and what happens at each event.
//!
//! A pathway is a function from state and event to state and directives. There is
//! no directive that prescribes.
//!
//! Implement [`Pathway`] on the type that carries `#[plugin(pathway)]`.

#[doc(hidden)]
#[allow(missing_docs, unsafe_code, reason = "generated; the documentation is the contract's")]
pub mod bindings {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/clinical", "../wit/host", "../wit/pathway"],
        world: "xinglin:pathway/pathway-plugin",
        with: {
            "xinglin:types/types@1.0.0": crate::bindings::xinglin::types::types,
            "xinglin:clinical/snapshot@1.0.0": crate::bindings::xinglin::clinical::snapshot,
            "xinglin:host/log@1.1.0": crate::bindings::xinglin::host::log,
            "xinglin:host/settings@1.1.0": crate::bindings::xinglin::host::settings,
            "xinglin:host/kv@1.1.0": crate::bindings::xinglin::host::kv,
            "xinglin:host/records@1.1.0": crate::bindings::xinglin::host::records,
            "xinglin:host/http@1.1.0": crate::bindings::xinglin::host::http,
            "xinglin:host/secrets@1.1.0": crate::bindings::xinglin::host::secrets,
            "xinglin:host/identity@1.1.0": crate::bindings::xinglin::host::identity,
            "xinglin:host/signing@1.1.0": crate::bindings::xinglin::host::signing,
            "xinglin:host/files@1.1.0": crate::bindings::xinglin::host::files,
            "xinglin:host/random@1.1.0": crate::bindings::xinglin::host::random,
        },
        runtime_path: "::xinglin_sdk::rt",
        additional_derives: [PartialEq, Eq],
        generate_unused_types: true,
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

pub use bindings::exports::xinglin::pathway::pathway::{
    Alert, Answer, AnswerKind, AnswerValue, DataNeed, Definition, Destination, Directive, Eligibility, Error, Event,
    Guest as Pathway, Hold, Message, Outcome, Question, Questionnaire, Reason, Referral, ReleaseBy, Response, Role,
    Severity, Stage, State, Task, TaskRef,
};

use crate::{
    clinical::Observation,
    types::{Attribute, AttributeValue, Attributes as _, Quantity},
};

/// What an [`Event::Other`] tells. Events of later hosts are [`News::Unknown`]: pass them over.
///
/// The contract has no case for them, so the host sends attributes: `xinglin.event` names the event;
/// of a task, `xinglin.task` is its code and `xinglin.due` when it was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// `task-overdue`: the day after its due time is over and it is not done; it can still be done in
    /// time. Not sent for a task with less than two days of grace.
    TaskOverdue(TaskRef),
    /// `task-missed`: its days of grace (`window-days`) are over and it is not done. It can still be
    /// done, late: then `task-done` follows. Not sent for a task without days of grace, which is a
    /// bare timer. After a stop of the host it may follow `task-due` immediately.
    TaskMissed(TaskRef),
    /// Anything else.
    Unknown,
}

impl News {
    /// Reads the attributes of an [`Event::Other`].
    pub fn of(attributes: &[Attribute]) -> Self {
        let task = || match (attributes.value("xinglin.task"), attributes.value("xinglin.due")) {
            (Some(AttributeValue::Text(code)), Some(AttributeValue::Instant(due))) => {
                Some(TaskRef { code: code.clone(), due: *due })
            }
            _ => None,
        };
        let Some(AttributeValue::Text(event)) = attributes.value("xinglin.event") else { return Self::Unknown };
        let told = match event.as_str() {
            "task-overdue" => task().map(Self::TaskOverdue),
            "task-missed" => task().map(Self::TaskMissed),
            _ => None,
        };
        told.unwrap_or(Self::Unknown)
    }

    /// The attributes, as the host sends them; none of [`News::Unknown`].
    pub fn attributes(&self) -> Vec<Attribute> {
        let (event, task) = match self {
            Self::TaskOverdue(task) => ("task-overdue", task),
            Self::TaskMissed(task) => ("task-missed", task),
            Self::Unknown => return Vec::new(),
        };
        let due = Attribute { key: "xinglin.due".to_owned(), value: AttributeValue::Instant(task.due) };
        vec![Attribute::new("xinglin.event", event), Attribute::new("xinglin.task", task.code.as_str()), due]
    }
}

impl Event {
    /// What an [`Event::Other`] tells; [`News::Unknown`] for every other event.
    pub fn news(&self) -> News {
        match self {
            Self::Other(attributes) => News::of(attributes),
            _ => News::Unknown,
        }
    }
}

/// What the host says of an observation beside its value.
impl Observation {
    /// Whether the patient, or a relative, reported it (`xinglin.self-reported`). It is never a
    /// laboratory result, whatever its code.
    pub fn is_self_reported(&self) -> bool {
        self.attributes.value("xinglin.self-reported") == Some(&AttributeValue::Boolean(true))
    }

    /// The quantity as it was sent, if the host converted it to the canonical unit
    /// (`xinglin.as-sent`).
    pub fn as_sent(&self) -> Option<&Quantity> {
        match self.attributes.value("xinglin.as-sent")? {
            AttributeValue::Quantity(sent) => Some(sent),
            _ => None,
        }
    }

    /// Why a value is absent that somebody sent (`xinglin.refused`): `UNIT_NOT_UNDERSTOOD` or
    /// `MEASUREMENT_IMPLAUSIBLE`. The host has told the care team.
    pub fn refused(&self) -> Option<&str> {
        match self.attributes.value("xinglin.refused")? {
            AttributeValue::Text(code) => Some(code),
            _ => None,
        }
    }

    /// Id of the laboratory request of this pathway that it is the result of, where the host knows
    /// (`xinglin.request`); in events only.
    pub fn request(&self) -> Option<&str> {
        match self.attributes.value("xinglin.request")? {
            AttributeValue::Text(id) => Some(id),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_read_as_they_are_sent_and_the_unknown_is_passed_over() {
        let task = TaskRef { code: "visit-7".to_owned(), due: 5 };
        for news in [News::TaskOverdue(task.clone()), News::TaskMissed(task)] {
            assert_eq!(Event::Other(news.attributes()).news(), news);
            let mut later = news.attributes();
            later.push(Attribute::new("xinglin.of-a-later-host", true));
            assert_eq!(News::of(&later), news);
        }
        assert_eq!(News::of(&[]), News::Unknown);
        assert_eq!(News::of(&[Attribute::new("xinglin.event", "task-missed")]), News::Unknown, "of which task?");
        assert_eq!(Event::Withdrawn.news(), News::Unknown);
    }
}
