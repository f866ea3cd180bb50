//! Panels, as strict as the host's.

use std::collections::BTreeSet;

use super::{FollowUpRun, Host, PathwayRun};
use crate::{
    Plugin,
    clinical::Snapshot,
    follow_up::FollowUp,
    panel::{
        Act, Band, Block, Error, MAX_POINTS, Metric, Panel, Point, Series, Standing, State, Table, Task, Tone, Viewer,
    },
    pathway::Pathway,
    time::Instant,
    types::{Citation, LocalizedText},
};

const MOST_BLOCKS: usize = 50;
const MOST_BANDS: usize = 12;
const MOST_COLUMNS: usize = 12;
const MOST_ROWS: usize = 200;
const LONGEST_TEXT: usize = 2_000;
const LONGEST_TITLE: usize = 200;
const LONGEST_UNIT: usize = 32;
/// 1900-01-01.
const EARLIEST: Instant = -2_208_988_800_000_000;

impl Host {
    /// One call of a panel. See [`Host::call`].
    ///
    /// # Panics
    /// If the host would refuse the blocks, or a second call gives others.
    #[track_caller]
    pub fn panel<P: Panel + Pathway>(
        &mut self,
        standing: &Standing,
        snapshot: &Snapshot,
        viewer: Viewer,
        now: Instant,
    ) -> Result<Vec<Block>, Error> {
        let forms = self.call(P::describe).questionnaires.into_iter().map(|known| known.code).collect();
        render::<P>(self, forms, (standing, snapshot), viewer, now)
    }
}

#[track_caller]
fn render<P: Panel>(
    host: &mut Host,
    forms: Vec<String>,
    (standing, snapshot): (&Standing, &Snapshot),
    viewer: Viewer,
    now: Instant,
) -> Result<Vec<Block>, Error> {
    let answer = host.call_twice(|| P::render(standing.clone(), snapshot.clone(), viewer, now));
    if let Ok(blocks) = &answer {
        check_all(blocks, &forms, &standing.tasks, now);
    }
    answer
}

impl<P: FollowUp + Panel + Plugin> FollowUpRun<P> {
    /// The panel of the patient as the run stands.
    ///
    /// # Panics
    /// As [`Host::panel`].
    #[track_caller]
    pub fn panel(&self, viewer: Viewer) -> Result<Vec<Block>, Error> {
        let open =
            |task: &crate::follow_up::Task| Task { code: task.code.clone(), title: task.title.clone(), due: task.due };
        let mut tasks: Vec<Task> = self.pending().map(open).collect();
        tasks.sort_by_key(|task| task.due);
        let standing = Standing {
            stage: self.stage().to_owned(),
            enrolled: super::START,
            active: self.ended().is_none(),
            state: self.state().map(|state| State { version: state.version, data: state.data.clone() }),
            tasks,
        };
        let mut host = self.host().clone();
        host.about(&self.patient, self.now());
        let forms = self.definition().questionnaires.iter().map(|known| known.code.clone()).collect();
        render::<P>(&mut host, forms, (&standing, &self.snapshot()), viewer, self.now())
    }
}

impl<P: Pathway + Panel + Plugin> PathwayRun<P> {
    /// The panel of the patient as the run stands.
    ///
    /// # Panics
    /// As [`Host::panel`].
    #[track_caller]
    pub fn panel(&self, viewer: Viewer) -> Result<Vec<Block>, Error> {
        let mut tasks: Vec<Task> = self
            .open_tasks()
            .into_iter()
            .filter_map(|code| self.task(code))
            .map(|task| Task { code: task.code.clone(), title: task.title.clone(), due: task.due })
            .collect();
        tasks.sort_by_key(|task| task.due);
        let standing = Standing {
            stage: self.stage().to_owned(),
            enrolled: super::START,
            active: self.closed().is_none(),
            state: self.state().map(|state| State { version: state.version, data: state.data.clone() }),
            tasks: if self.closed().is_none() { tasks } else { Vec::new() },
        };
        let snapshot = self.patient.snapshot_for(&self.definition().data_needs, self.now());
        let mut host = self.host().clone();
        host.about(&self.patient, self.now());
        host.panel::<P>(&standing, &snapshot, viewer, self.now())
    }
}

/// All words of a panel in one language: `zh-CN` or `en`, with the titles of its questionnaires and tasks
/// left out, which are the pathway's. To check what a reader is never shown.
pub fn words(blocks: &[Block], language: &str) -> Vec<String> {
    let mut texts: Vec<&LocalizedText> = Vec::new();
    for block in blocks {
        match block {
            Block::Text(text) => texts.push(&text.text),
            Block::Metric(metric) => texts.push(&metric.title),
            Block::Series(series) => {
                texts.push(&series.title);
                texts.extend(series.bands.iter().map(|band| &band.title));
            }
            Block::Table(table) => {
                texts.push(&table.title);
                texts.extend(table.columns.iter().chain(table.rows.iter().flatten()));
            }
            Block::Form(_) | Block::Action(_) => {}
        }
    }
    let said = |text: &&LocalizedText| text.iter().find(|one| one.language == language).map(|one| one.text.clone());
    texts.iter().map(|text| said(text).unwrap_or_default()).collect()
}

#[track_caller]
fn check_all(blocks: &[Block], forms: &[String], tasks: &[Task], now: Instant) {
    assert!(blocks.len() <= MOST_BLOCKS, "more than 50 blocks");
    for block in blocks {
        match block {
            Block::Text(text) => said(&text.text, LONGEST_TEXT),
            Block::Metric(one) => metric(one, now),
            Block::Series(one) => series(one, now),
            Block::Table(one) => table(one),
            Block::Form(code) => {
                assert!(forms.contains(code), "the definition has no questionnaire `{code}`");
            }
            Block::Action(Act::DoTask(code)) => {
                assert!(tasks.iter().any(|task| task.code == *code), "no task `{code}` is open");
            }
            Block::Action(Act::Call) => {}
        }
    }
}

#[track_caller]
fn metric(metric: &Metric, now: Instant) {
    said(&metric.title, LONGEST_TITLE);
    unit(&metric.unit);
    metric.value.iter().for_each(|value| point(value, now));
    assert!(metric.tone == Tone::Neutral || metric.citation.is_some(), "a tone without the source of its target");
    metric.citation.iter().for_each(cited);
}

#[track_caller]
fn point(point: &Point, now: Instant) {
    assert!((EARLIEST..=now).contains(&point.at), "a value of the future, or of before 1900");
    assert!(point.value.scale <= crate::types::Decimal::MAX_SCALE, "a decimal of too many digits");
}

#[track_caller]
fn series(series: &Series, now: Instant) {
    said(&series.title, LONGEST_TITLE);
    unit(&series.unit);
    assert!(series.points.len() <= MAX_POINTS, "more than 2,000 points");
    series.points.iter().for_each(|value| point(value, now));
    assert!(series.points.windows(2).all(|two| two[0].at < two[1].at), "points that are not oldest first, once each");
    assert!(series.bands.len() <= MOST_BANDS, "more than 12 bands");
    for Band { title, low, high, citation, .. } in &series.bands {
        said(title, LONGEST_TITLE);
        match (low, high) {
            (Some(low), Some(high)) => assert!(low < high, "a band from {low} to {high}"),
            (low, high) => assert!(low.is_some() || high.is_some(), "a band without an edge"),
        }
        cited(citation);
    }
}

#[track_caller]
fn table(table: &Table) {
    said(&table.title, LONGEST_TITLE);
    assert!((1..=MOST_COLUMNS).contains(&table.columns.len()), "a table of no column, or of more than 12");
    assert!(table.rows.len() <= MOST_ROWS, "more than 200 rows");
    for row in &table.rows {
        assert_eq!(row.len(), table.columns.len(), "a row with other cells than columns");
    }
    table.columns.iter().chain(table.rows.iter().flatten()).for_each(|cell| said(cell, LONGEST_TITLE));
}

#[track_caller]
fn said(text: &LocalizedText, most: usize) {
    assert!(!text.is_empty(), "a text in no language");
    let mut languages = BTreeSet::new();
    for one in text {
        assert!(languages.insert(one.language.as_str()), "a text twice in `{}`", one.language);
        assert!(!one.text.trim().is_empty(), "an empty text in `{}`", one.language);
        assert!(one.text.chars().count() <= most, "more than {most} characters: {}", one.text);
        let plain = one.text.chars().all(|c| !c.is_control() || c == '\n');
        assert!(plain, "control characters in `{}`", one.text.escape_debug());
    }
}

#[track_caller]
fn unit(unit: &str) {
    assert!(unit.len() <= LONGEST_UNIT && unit.bytes().all(|b| b.is_ascii_graphic()), "`{unit}` is no unit");
}

#[track_caller]
fn cited(citation: &Citation) {
    assert!(
        !citation.title.trim().is_empty() && (1900..=2200).contains(&citation.year),
        "a source without title or year"
    );
}
