//! Panels: what a pathway shows of one patient to the patient, a guardian, or the care team.
//!
//! A panel is a list of blocks: texts, numbers, curves with target bands, tables, questionnaires, and
//! things to start. The host checks them, draws them as HTML and SVG, and returns them as JSON. If the
//! call fails or a bound is broken, the page is shown without the panel and says so.
//!
//! Implement [`Panel`] on the type that carries `#[plugin(pathway, panel)]`.
//!
//! ```ignore
//! impl Panel for MyPathway {
//!     fn render(standing: Standing, snapshot: Snapshot, viewer: Viewer, now: Instant) -> Result<Vec<Block>, Error> {
//!         let mut points = Points::new(now);
//!         for one in snapshot.history(&Coding::loinc("4548-4")) {
//!             points.add(one.effective, one.quantity().map(|quantity| quantity.value), Bound::Exact);
//!         }
//!         Ok(vec![Series::new(zh_en("糖化血红蛋白", "HbA1c"), "%").points(&points).into()])
//!     }
//! }
//! ```

use std::collections::BTreeMap;

use crate::{
    time::{Instant, china},
    types::{Citation, Decimal, LocalizedText, zh_en},
};

#[doc(hidden)]
#[allow(missing_docs, unsafe_code, reason = "generated; the documentation is the contract's")]
pub mod bindings {
    wit_bindgen::generate!({
        path: ["../wit/types", "../wit/clinical", "../wit/host", "../wit/panel"],
        world: "xinglin:panel/panel-plugin",
        with: {
            "xinglin:types/types@1.0.0": crate::bindings::xinglin::types::types,
            "xinglin:clinical/snapshot@1.0.0": crate::bindings::xinglin::clinical::snapshot,
            "xinglin:host/log@1.1.0": crate::bindings::xinglin::host::log,
            "xinglin:host/settings@1.1.0": crate::bindings::xinglin::host::settings,
            "xinglin:host/records@1.1.0": crate::bindings::xinglin::host::records,
            "xinglin:host/files@1.1.0": crate::bindings::xinglin::host::files,
        },
        runtime_path: "::xinglin_sdk::rt",
        additional_derives: [PartialEq, Eq],
        generate_unused_types: true,
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

pub use bindings::exports::xinglin::panel::panel::{
    Act, Band, Block, Bound, Error, Guest as Panel, Metric, Point, Scale, Series, Standing, State, Table, Task, Text,
    TextStyle, Tone, Viewer,
};

/// Most points of a curve.
pub const MAX_POINTS: usize = 2_000;

impl Standing {
    /// Tasks that are due by then, soonest first.
    pub fn due_by(&self, then: Instant) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(move |task| task.due <= then)
    }

    /// The next tasks as a table, with their days in Asia/Shanghai; `None` if there is none.
    pub fn next_tasks(&self, most: usize) -> Option<Table> {
        let row = |task: &Task| {
            let (year, month, day) = china::civil(china::day(task.due));
            let day = format!("{year:04}-{month:02}-{day:02}");
            vec![task.title.clone(), zh_en(day.clone(), day)]
        };
        (!self.tasks.is_empty()).then(|| Table {
            title: zh_en("接下来的任务", "Next tasks"),
            columns: vec![zh_en("任务", "Task"), zh_en("日期", "Day")],
            rows: self.tasks.iter().take(most).map(row).collect(),
        })
    }

    /// The state as a pathway of 1.1 reads it: of an older version as long as nothing has happened since an upgrade.
    pub fn follow_up_state(&self) -> Option<crate::follow_up::State> {
        self.state.as_ref().map(|state| crate::follow_up::State { version: state.version, data: state.data.clone() })
    }

    /// The state as a pathway of 1.0 reads it.
    pub fn pathway_state(&self) -> Option<crate::pathway::State> {
        self.state.as_ref().map(|state| crate::pathway::State { version: state.version, data: state.data.clone() })
    }
}

impl Viewer {
    /// Whether it is the patient, or who acts for the patient: words are plain, and name nothing that a
    /// bystander should not read.
    pub const fn is_layman(self) -> bool {
        matches!(self, Self::Patient | Self::Guardian)
    }
}

/// Points as the host wants them: oldest first, one a moment, none of the future, the newest if there
/// are too many.
#[derive(Debug, Clone)]
pub struct Points {
    now: Instant,
    by_time: BTreeMap<Instant, (Decimal, Bound)>,
}

impl Points {
    /// None yet.
    pub const fn new(now: Instant) -> Self {
        Self { now, by_time: BTreeMap::new() }
    }

    /// Adds a value, if it has a time that is past. Of one moment the first that is added is kept.
    pub fn add(&mut self, at: Option<Instant>, value: Option<Decimal>, bound: Bound) {
        if let (Some(at), Some(value)) = (at, value)
            && at <= self.now
        {
            self.by_time.entry(at).or_insert((value, bound));
        }
    }

    /// The newest.
    pub fn newest(&self) -> Option<Point> {
        self.by_time.last_key_value().map(point)
    }

    /// Oldest first.
    pub fn list(&self) -> Vec<Point> {
        let skipped = self.by_time.len().saturating_sub(MAX_POINTS);
        self.by_time.iter().skip(skipped).map(point).collect()
    }
}

fn point((at, (value, bound)): (&Instant, &(Decimal, Bound))) -> Point {
    Point { at: *at, value: *value, bound: *bound }
}

impl Series {
    /// A curve on a linear scale, without points.
    pub fn new(title: LocalizedText, unit: impl Into<String>) -> Self {
        Self { title, unit: unit.into(), scale: Scale::Linear, points: Vec::new(), bands: Vec::new() }
    }

    /// On a scale of powers of ten.
    #[must_use]
    pub fn logarithmic(mut self) -> Self {
        self.scale = Scale::Logarithmic;
        self
    }

    /// With these points.
    #[must_use]
    pub fn points(mut self, points: &Points) -> Self {
        self.points = points.list();
        self
    }

    /// With one more range.
    #[must_use]
    pub fn band(mut self, band: Band) -> Self {
        self.bands.push(band);
        self
    }
}

impl Band {
    /// A range from one edge to the other; `None` is open.
    pub fn new(
        title: LocalizedText,
        tone: Tone,
        (low, high): (Option<Decimal>, Option<Decimal>),
        citation: Citation,
    ) -> Self {
        Self { title, tone, low, high, citation }
    }
}

impl Text {
    /// A heading.
    pub fn heading(text: LocalizedText) -> Self {
        Self { style: TextStyle::Heading, tone: Tone::Neutral, text }
    }

    /// A paragraph.
    pub fn paragraph(text: LocalizedText) -> Self {
        Self { style: TextStyle::Paragraph, tone: Tone::Neutral, text }
    }

    /// A notice.
    pub fn notice(tone: Tone, text: LocalizedText) -> Self {
        Self { style: TextStyle::Notice, tone, text }
    }
}

macro_rules! block {
    ($($case:ident),*) => {$(
        impl From<$case> for Block {
            fn from(block: $case) -> Self {
                Self::$case(block)
            }
        }
    )*};
}

block!(Text, Metric, Series, Table);

impl From<Act> for Block {
    fn from(act: Act) -> Self {
        Self::Action(act)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_in_order_and_of_the_past() {
        let mut points = Points::new(5_000);
        let value = |value: i64| Some(Decimal::whole(value));
        points.add(Some(30), value(3), Bound::Exact);
        points.add(Some(10), value(1), Bound::Below);
        points.add(Some(30), value(9), Bound::Exact);
        points.add(Some(5_001), value(4), Bound::Exact);
        points.add(None, value(5), Bound::Exact);
        points.add(Some(20), None, Bound::Exact);
        let list: Vec<(Instant, Decimal, Bound)> = points.list().iter().map(|p| (p.at, p.value, p.bound)).collect();
        assert_eq!(list, [(10, Decimal::whole(1), Bound::Below), (30, Decimal::whole(3), Bound::Exact)]);
        for at in 0..2_100 {
            points.add(Some(1_000 + at), value(at), Bound::Exact);
        }
        assert_eq!(points.list().len(), MAX_POINTS);
        assert_eq!(points.newest().map(|point| point.at), Some(3_099));
    }
}
