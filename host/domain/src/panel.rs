//! Panels: what a plugin shows of one patient, as in `xinglin:panel/panel`. Blocks are plain data;
//! [`Panel::check`] holds them to the bounds of the contract before anybody draws them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    coding::{Citation, Decimal, LocalizedText},
    pathway::State,
    time::Instant,
};

/// Most blocks of a panel.
pub const MAX_BLOCKS: usize = 50;
/// Most points of a curve.
pub const MAX_POINTS: usize = 2_000;
/// Most bands of a curve.
pub const MAX_BANDS: usize = 12;
/// Most columns of a table.
pub const MAX_COLUMNS: usize = 12;
/// Most rows of a table.
pub const MAX_ROWS: usize = 200;
/// Longest text in one language, in characters.
pub const MAX_TEXT: usize = 2_000;
/// Longest title, and longest cell of a table.
pub const MAX_TITLE: usize = 200;
/// Longest unit.
pub const MAX_UNIT: usize = 32;
/// Most tasks that a panel is told of.
pub const MAX_TASKS: usize = 200;
/// Most languages of a text.
const MAX_LANGUAGES: usize = 8;
/// Longest tag of a language, and longest code.
const MAX_CODE: usize = 64;
/// Longest title, section and address of a source: those of standards are long.
const MAX_SOURCE: usize = 500;
/// 1900-01-01T00:00:00Z: nothing was measured before.
const EARLIEST: Instant = Instant::from_micros(-2_208_988_800_000_000);

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Viewer {
    /// The patient.
    Patient,
    /// Who acts for the patient by law.
    Guardian,
    /// Who treats the patient.
    Clinician,
}

/// A task that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenTask {
    /// Its code.
    pub code: String,
    /// Title for display.
    pub title: LocalizedText,
    /// When it is due.
    pub due: Instant,
}

/// Where the patient stands in the plugin's pathway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Code of the stage.
    pub stage: String,
    /// When the patient was enrolled.
    pub enrolled: Instant,
    /// Whether it goes on.
    pub active: bool,
    /// The plugin's state.
    pub state: Option<State>,
    /// Soonest first.
    pub tasks: Vec<OpenTask>,
}

/// How something is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Tone {
    Neutral,
    Good,
    Caution,
    Danger,
}

/// How a text is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum TextStyle {
    Heading,
    Paragraph,
    Notice,
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// How it is set.
    pub style: TextStyle,
    /// How it is meant.
    pub tone: Tone,
    /// The words.
    pub text: LocalizedText,
}

/// How a value is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// As it is.
    Exact,
    /// The true value is below: a limit of detection.
    Below,
    /// The true value is above: the end of what was measured.
    Above,
}

/// A value of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// The moment.
    pub at: Instant,
    /// The value.
    pub value: Decimal,
    /// How it is to be read.
    pub bound: Bound,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// What it is.
    pub title: LocalizedText,
    /// UCUM; empty for a score.
    pub unit: String,
    /// The value, if there is one.
    pub value: Option<Point>,
    /// How it is meant.
    pub tone: Tone,
    /// Source of the target that the tone goes by.
    pub citation: Option<Citation>,
}

/// How values are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Evenly.
    Linear,
    /// By powers of ten.
    Logarithmic,
}

/// A range of values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// What it means.
    pub title: LocalizedText,
    /// How it is meant.
    pub tone: Tone,
    /// Lower edge; open if absent.
    pub low: Option<Decimal>,
    /// Upper edge; open if absent.
    pub high: Option<Decimal>,
    /// Where the edges come from. A plugin always says it; only the host leaves it out.
    pub citation: Option<Citation>,
}

/// A curve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// What it is.
    pub title: LocalizedText,
    /// UCUM; empty for a score.
    pub unit: String,
    /// How values are laid out.
    pub scale: Scale,
    /// Oldest first.
    pub points: Vec<Point>,
    /// Ranges behind the curve.
    pub bands: Vec<Band>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// What it is.
    pub title: LocalizedText,
    /// Heads of the columns.
    pub columns: Vec<LocalizedText>,
    /// Each with as many cells as there are columns.
    pub rows: Vec<Vec<LocalizedText>>,
}

/// What a reader can start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// An open task, by its code.
    DoTask(String),
    /// The hospital's own text and numbers.
    Call,
}

/// A part of a panel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A text.
    Text(Text),
    /// One number.
    Metric(Metric),
    /// A curve.
    Series(Series),
    /// A table.
    Table(Table),
    /// A questionnaire, by its code.
    Form(String),
    /// Something to start.
    Action(Act),
}

/// What a plugin shows, from top to bottom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Panel(pub Vec<Block>);

/// Why there is no panel, in the plugin's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PanelError {
    /// A datum without which it would mislead is not there.
    MissingData(LocalizedText),
    /// Anything else.
    Other(String),
}

/// What a panel may refer to.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Codes of the pathway's questionnaires.
    pub questionnaires: &'a [String],
    /// The open tasks.
    pub tasks: &'a [OpenTask],
    /// The moment of the call.
    pub now: Instant,
}

/// A bound that a panel breaks: the plugin's mistake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("block {block}: {what}")]
pub struct PanelFault {
    /// Its number, from 1; 0 of the panel as a whole.
    pub block: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl Panel {
    /// Checks the bounds of the contract.
    ///
    /// # Errors
    /// The first that is broken.
    pub fn check(&self, known: Known<'_>) -> Result<(), PanelFault> {
        bound(self.0.len() <= MAX_BLOCKS, "more than 50 blocks").map_err(|what| PanelFault { block: 0, what })?;
        let numbered = self.0.iter().zip(1..);
        numbered.into_iter().try_for_each(|(one, block)| one.check(known).map_err(|what| PanelFault { block, what }))
    }
}

impl Panel {
    /// Without sources, whose titles name illnesses: for a reader whose screen others may see.
    #[must_use]
    pub fn discreet(mut self) -> Self {
        for block in &mut self.0 {
            match block {
                Block::Metric(metric) => metric.citation = None,
                Block::Series(series) => series.bands.iter_mut().for_each(|band| band.citation = None),
                Block::Text(_) | Block::Table(_) | Block::Form(_) | Block::Action(_) => {}
            }
        }
        self
    }
}

impl Block {
    fn check(&self, known: Known<'_>) -> Result<(), &'static str> {
        match self {
            Self::Text(text) => said(&text.text, MAX_TEXT),
            Self::Metric(metric) => metric.check(known.now),
            Self::Series(series) => series.check(known.now),
            Self::Table(table) => table.check(),
            Self::Form(code) => bound(known.questionnaires.contains(code), "a questionnaire that is not its own"),
            Self::Action(Act::DoTask(code)) => {
                bound(known.tasks.iter().any(|task| task.code == *code), "a task that is not open")
            }
            Self::Action(Act::Call) => Ok(()),
        }
    }
}

impl Metric {
    fn check(&self, now: Instant) -> Result<(), &'static str> {
        said(&self.title, MAX_TITLE)?;
        unit(&self.unit)?;
        self.value.as_ref().map_or(Ok(()), |point| point.check(now))?;
        bound(self.tone == Tone::Neutral || self.citation.is_some(), "a tone without the source of its target")?;
        self.citation.as_ref().map_or(Ok(()), cited)
    }
}

impl Point {
    fn check(&self, now: Instant) -> Result<(), &'static str> {
        bound((EARLIEST..=now).contains(&self.at), "a value of the future, or of before 1900")
    }
}

impl Series {
    fn check(&self, now: Instant) -> Result<(), &'static str> {
        said(&self.title, MAX_TITLE)?;
        unit(&self.unit)?;
        bound(self.points.len() <= MAX_POINTS, "more than 2,000 points")?;
        self.points.iter().try_for_each(|point| point.check(now))?;
        bound(self.points.windows(2).all(|two| two[0].at < two[1].at), "points that are not oldest first, once each")?;
        bound(self.bands.len() <= MAX_BANDS, "more than 12 bands")?;
        self.bands.iter().try_for_each(Band::check)
    }
}

impl Band {
    fn check(&self) -> Result<(), &'static str> {
        said(&self.title, MAX_TITLE)?;
        let ordered = match (self.low, self.high) {
            (Some(low), Some(high)) => low < high,
            (low, high) => low.or(high).is_some(),
        };
        bound(ordered, "a band without an edge, or whose lower edge is not below the upper")?;
        self.citation.as_ref().map_or(Err("a band without the source of its edges"), cited)
    }
}

impl Table {
    fn check(&self) -> Result<(), &'static str> {
        said(&self.title, MAX_TITLE)?;
        bound((1..=MAX_COLUMNS).contains(&self.columns.len()), "a table of no column, or of more than 12")?;
        self.columns.iter().try_for_each(|head| said(head, MAX_TITLE))?;
        bound(self.rows.len() <= MAX_ROWS, "more than 200 rows")?;
        bound(self.rows.iter().all(|row| row.len() == self.columns.len()), "a row with other cells than columns")?;
        self.rows.iter().flatten().try_for_each(|cell| said(cell, MAX_TITLE))
    }
}

const fn bound(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// A text of bounded length that a reader sees as it is.
fn said(text: &LocalizedText, most: usize) -> Result<(), &'static str> {
    bound((1..=MAX_LANGUAGES).contains(&text.0.len()), "a text in no language, or in more than 8")?;
    let mut tags = BTreeSet::new();
    for one in &text.0 {
        let tagged = coded(&one.language) && tags.insert(one.language.to_ascii_lowercase());
        bound(tagged, "a text with a wrong tag of its language, or twice in one")?;
        bound(!one.text.trim().is_empty(), "an empty text")?;
        bound(one.text.chars().count() <= most, "a text that is too long")?;
        bound(one.text.chars().all(is_plain), "a text with control characters")?;
    }
    Ok(())
}

/// Neither a control character nor one that turns the direction of what follows, by which a text could
/// read otherwise than it is written (Unicode UAX 9, explicit formatting).
fn is_plain(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (!c.is_control() || c == '\n') && !turns
}

fn coded(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_CODE && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn unit(unit: &str) -> Result<(), &'static str> {
    // UCUM is printable ASCII.
    bound(unit.len() <= MAX_UNIT && unit.bytes().all(|b| b.is_ascii_graphic()), "a unit that is none")
}

fn cited(citation: &Citation) -> Result<(), &'static str> {
    let Citation { title, section, year, url } = citation;
    let parts = [Some(title), section.as_ref(), url.as_ref()];
    let short =
        parts.into_iter().flatten().all(|part| part.chars().count() <= MAX_SOURCE && part.chars().all(is_plain));
    bound(!title.trim().is_empty() && short && (1900..=2200).contains(year), "a source without title or year")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        coding::Translation,
        fixture::{NOW, citation},
    };

    fn text(words: &str) -> LocalizedText {
        LocalizedText::zh_en(words, words)
    }

    fn point(days: i64, value: i64) -> Point {
        Point { at: NOW.plus_days(days), value: Decimal::whole(value), bound: Bound::Exact }
    }

    fn metric() -> Metric {
        Metric {
            title: text("糖化"),
            unit: "%".into(),
            value: Some(point(0, 7)),
            tone: Tone::Good,
            citation: Some(citation()),
        }
    }

    fn band() -> Band {
        let edges = [4, 7].map(|edge| Some(Decimal::whole(edge)));
        Band { title: text("目标"), tone: Tone::Good, low: edges[0], high: edges[1], citation: Some(citation()) }
    }

    fn series() -> Series {
        let points = (0..3).map(|day| point(day - 3, 6)).collect();
        Series { title: text("血糖"), unit: "mmol/L".into(), scale: Scale::Linear, points, bands: vec![band()] }
    }

    fn table() -> Table {
        Table { title: text("任务"), columns: vec![text("a"), text("b")], rows: vec![vec![text("1"), text("2")]] }
    }

    fn words(text: LocalizedText) -> Block {
        Block::Text(Text { style: TextStyle::Paragraph, tone: Tone::Neutral, text })
    }

    fn fault(blocks: Vec<Block>) -> Option<(usize, &'static str)> {
        let tasks = [OpenTask { code: "visit-7".into(), title: text("随访"), due: NOW }];
        let known = Known { questionnaires: &["follow-up".into()], tasks: &tasks, now: NOW };
        Panel(blocks).check(known).err().map(|PanelFault { block, what }| (block, what))
    }

    #[test]
    fn what_the_contract_allows_passes() {
        let own =
            [Block::Form("follow-up".into()), Block::Action(Act::DoTask("visit-7".into())), Block::Action(Act::Call)];
        let open = Band { high: None, ..band() };
        let most = Series {
            points: (0..2_000).map(|n| Point { at: NOW.plus_seconds(n - 2_000), ..point(0, n) }).collect(),
            bands: [vec![open], vec![band(); 11]].concat(),
            ..series()
        };
        let untold = Metric { tone: Tone::Neutral, citation: None, value: None, unit: String::new(), ..metric() };
        let wide = Table { columns: vec![text("a"); 12], rows: vec![vec![text("1"); 12]; 200], ..table() };
        let blocks = vec![Block::Metric(metric()), Block::Metric(untold), Block::Series(most), Block::Table(wide)];
        let longest = words(text(&"字".repeat(2_000)));
        let empty = Block::Series(Series { points: Vec::new(), bands: Vec::new(), ..series() });
        assert_eq!(fault([blocks, own.to_vec(), vec![longest, empty]].concat()), None);
        assert_eq!(fault(vec![words(text("a\nb")); 50]), None);
        assert_eq!(fault(Vec::new()), None);
    }

    #[test]
    fn a_discreet_panel_names_no_source() {
        let panel = Panel(vec![Block::Metric(metric()), Block::Series(series())]);
        let text = serde_json::to_string(&panel.clone().discreet()).expect("JSON");
        assert!(!text.contains(&citation().title), "{text}");
        assert_ne!(panel.clone().discreet(), panel);
    }

    /// Each bound, broken alone.
    #[test]
    fn each_bound_is_named_when_it_is_broken() {
        let metric = |change: &dyn Fn(&mut Metric)| {
            let mut one = metric();
            change(&mut one);
            Block::Metric(one)
        };
        let series = |change: &dyn Fn(&mut Series)| {
            let mut one = series();
            change(&mut one);
            Block::Series(one)
        };
        let table = |change: &dyn Fn(&mut Table)| {
            let mut one = table();
            change(&mut one);
            Block::Table(one)
        };
        let translated = |tags: &[&str]| {
            let one = |tag: &&str| Translation { language: (*tag).to_owned(), text: "x".into() };
            words(LocalizedText(tags.iter().map(one).collect()))
        };
        let uncited = |year: u16, title: &str| Citation { title: title.into(), year, ..citation() };
        let rows: Vec<(Block, &str)> = vec![
            (words(text(" ")), "an empty text"),
            (words(text(&"字".repeat(2_001))), "a text that is too long"),
            (words(text("a\u{202e}b")), "a text with control characters"),
            (words(text("a\u{2067}b")), "a text with control characters"),
            (words(text("a\u{0}b")), "a text with control characters"),
            (translated(&[]), "a text in no language, or in more than 8"),
            (translated(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]), "a text in no language, or in more than 8"),
            (translated(&["en", "EN"]), "a text with a wrong tag of its language, or twice in one"),
            (translated(&["en\" onload=\""]), "a text with a wrong tag of its language, or twice in one"),
            (metric(&|one| one.title = text(&"x".repeat(201))), "a text that is too long"),
            (metric(&|one| one.unit = "x".repeat(33)), "a unit that is none"),
            (metric(&|one| one.unit = "m g".into()), "a unit that is none"),
            (metric(&|one| one.citation = None), "a tone without the source of its target"),
            (metric(&|one| one.citation = Some(uncited(2024, " "))), "a source without title or year"),
            (metric(&|one| one.citation = Some(uncited(0, "T"))), "a source without title or year"),
            (metric(&|one| one.citation = Some(uncited(2024, &"x".repeat(501)))), "a source without title or year"),
            (metric(&|one| one.value = Some(point(1, 7))), "a value of the future, or of before 1900"),
            (metric(&|one| one.value = Some(point(-99_999, 7))), "a value of the future, or of before 1900"),
            (series(&|one| one.points.push(point(1, 7))), "a value of the future, or of before 1900"),
            (series(&|one| one.points.reverse()), "points that are not oldest first, once each"),
            (series(&|one| one.points.push(one.points[2].clone())), "points that are not oldest first, once each"),
            (series(&|one| one.points = vec![point(0, 1); 2_001]), "more than 2,000 points"),
            (series(&|one| one.bands = vec![band(); 13]), "more than 12 bands"),
            (
                series(&|one| one.bands[0].high = one.bands[0].low),
                "a band without an edge, or whose lower edge is not below the upper",
            ),
            (
                series(&|one| (one.bands[0].low, one.bands[0].high) = (None, None)),
                "a band without an edge, or whose lower edge is not below the upper",
            ),
            (series(&|one| one.bands[0].citation = Some(uncited(2024, ""))), "a source without title or year"),
            (series(&|one| one.bands[0].citation = None), "a band without the source of its edges"),
            (table(&|one| one.columns.clear()), "a table of no column, or of more than 12"),
            (table(&|one| one.columns = vec![text("a"); 13]), "a table of no column, or of more than 12"),
            (table(&|one| one.rows = vec![one.rows[0].clone(); 201]), "more than 200 rows"),
            (table(&|one| one.rows[0].push(text("3"))), "a row with other cells than columns"),
            (table(&|one| one.rows[0][1] = text(&"x".repeat(201))), "a text that is too long"),
            (Block::Form("phq-9".into()), "a questionnaire that is not its own"),
            (Block::Action(Act::DoTask("visit-14".into())), "a task that is not open"),
        ];
        for (block, what) in rows {
            assert_eq!(fault(vec![words(text("x")), block.clone()]), Some((2, what)), "{block:?}");
        }
        assert_eq!(fault(vec![words(text("x")); 51]), Some((0, "more than 50 blocks")));
    }
}
