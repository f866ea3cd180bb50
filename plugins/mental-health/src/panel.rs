//! What is shown of a patient: the curves of the scales. The patient's screen is seen by others: it names no
//! illness and no risk, has neither the ninth item of the PHQ-9 nor what was answered to it, and always the
//! hospital's numbers to call. The host leaves its sources out.

use xinglin_sdk::{
    clinical::{OmissionReason, Section, Snapshot},
    follow_up,
    panel::{Act, Band, Block, Bound, Error, Metric, Points, Series, Standing, Text, Tone, Viewer},
    time::Instant,
    types::{Coding, Decimal, LocalizedText, zh_en},
};

use crate::{
    memory::{Hold, Memory, Scale},
    numbers::{
        GAD7_MILD, GAD7_MODERATE, GAD7_MOST, GAD7_SEVERE, ISI_MOST, Number, PHQ9_MILD, PHQ9_MODERATE,
        PHQ9_MODERATELY_SEVERE, PHQ9_MOST, PHQ9_SEVERE,
    },
    scales::{GAD7_TOTAL, ISI_TOTAL, Level, OWN, Observed, PHQ9_ITEM_9, PHQ9_TOTAL, code, gad7_band, phq9_band},
    sources::Source,
    step::sleep,
};

const TASKS: usize = 10;

/// The panel.
pub fn render(standing: &Standing, snapshot: &Snapshot, viewer: Viewer, now: Instant) -> Result<Vec<Block>, Error> {
    if snapshot.omissions.iter().any(|one| {
        one.section == Section::Observations
            && matches!(one.reason, OmissionReason::Consent | OmissionReason::Compartment)
    }) {
        return Err(Error::MissingData(zh_en("未获准读取评分。", "Scores may not be read.")));
    }
    let memory = standing.follow_up_state().map(|state| Memory::read(&state)).transpose().map_err(said)?;
    let sheet = Sheet { standing, snapshot, memory, now };
    Ok(if viewer.is_layman() { sheet.of_patient() } else { sheet.of_team() })
}

fn said(error: follow_up::Error) -> Error {
    match error {
        follow_up::Error::MissingData(text) => Error::MissingData(text),
        follow_up::Error::BadState(why) | follow_up::Error::Other(why) => Error::Other(why),
    }
}

/// A scale as it is drawn.
struct Drawn {
    scale: Scale,
    /// For the patient, and for the care team.
    titles: [(&'static str, &'static str); 2],
    /// Where bands begin, with the end of the scale.
    edges: &'static [Number],
    band: fn(i64) -> (&'static str, &'static str),
    source: Source,
}

const DRAWN: [Drawn; 3] = [
    Drawn {
        scale: Scale::Phq9,
        titles: [("患者健康问卷", "Patient health questionnaire"), ("PHQ-9 总分", "PHQ-9 total")],
        edges: &[PHQ9_MILD, PHQ9_MODERATE, PHQ9_MODERATELY_SEVERE, PHQ9_SEVERE, PHQ9_MOST],
        band: phq9_band,
        source: Source::Phq9,
    },
    Drawn {
        scale: Scale::Gad7,
        titles: [("近两周状态问卷", "How the last two weeks were"), ("GAD-7 总分", "GAD-7 total")],
        edges: &[GAD7_MILD, GAD7_MODERATE, GAD7_SEVERE, GAD7_MOST],
        band: gad7_band,
        source: Source::Gad7,
    },
    // Its bands are not this plugin's: only the total is kept.
    Drawn {
        scale: Scale::Isi,
        titles: [("睡眠评分", "Sleep score"), ("ISI 总分", "ISI total")],
        edges: &[ISI_MOST],
        band: |_| ("全部", "All"),
        source: Source::Isi,
    },
];

impl Drawn {
    fn title(&self, layman: bool) -> LocalizedText {
        let (zh, en) = self.titles[usize::from(!layman)];
        zh_en(zh, en)
    }

    /// How a total is meant: by the place of its band among the others.
    fn tone(&self, total: i64, layman: bool) -> Tone {
        if self.edges.len() < 2 {
            return Tone::Neutral;
        }
        match self.edges[..self.edges.len() - 1].iter().filter(|edge| total >= edge.value).count() {
            0 => Tone::Good,
            1 => Tone::Neutral,
            place if place + 1 == self.edges.len() && !layman => Tone::Danger,
            _ => Tone::Caution,
        }
    }

    fn bands(&self, layman: bool) -> Vec<Band> {
        if self.edges.len() < 2 {
            return Vec::new();
        }
        let begins = [0].into_iter().chain(self.edges.iter().map(|edge| edge.value));
        let ends = self.edges.iter().map(|edge| edge.value);
        begins
            .zip(ends)
            .map(|(low, high)| {
                let (zh, en) = (self.band)(low);
                let edges = (Some(Decimal::whole(low)), Some(Decimal::whole(high)));
                Band::new(zh_en(zh, en), self.tone(low, layman), edges, self.source.citation())
            })
            .collect()
    }
}

struct Sheet<'a> {
    standing: &'a Standing,
    snapshot: &'a Snapshot,
    memory: Option<Memory>,
    now: Instant,
}

impl Sheet<'_> {
    /// Totals on record, and those that version 1.0 kept.
    fn points(&self, scale: Scale) -> Points {
        let mut points = Points::new(self.now);
        for total in self.memory.iter().flat_map(|memory| &memory.totals).filter(|total| total.scale == scale) {
            points.add(Some(total.at), Some(Decimal::whole(total.value)), Bound::Exact);
        }
        let code = match scale {
            Scale::Phq9 => Coding::loinc(PHQ9_TOTAL),
            Scale::Gad7 => Coding::loinc(GAD7_TOTAL),
            Scale::Isi => Coding::new(OWN, ISI_TOTAL),
        };
        for one in self.snapshot.history(&code).filter(|one| one.refused().is_none()) {
            let found = Observed::of(one);
            let total = match scale {
                Scale::Phq9 => found.phq9,
                Scale::Gad7 => found.gad7,
                Scale::Isi => found.isi,
            };
            points.add(one.effective, total.map(Decimal::whole), Bound::Exact);
        }
        points
    }

    fn curves(&self, layman: bool) -> Vec<Block> {
        let mut blocks = Vec::new();
        for drawn in &DRAWN {
            let points = self.points(drawn.scale);
            let Some(newest) = points.newest() else { continue };
            let total = newest.value.unscaled;
            let (zh, en) = (drawn.band)(total);
            let title = drawn.title(layman);
            let named = if drawn.edges.len() < 2 {
                title.clone()
            } else {
                zh_en(format!("{}:{zh}", title[0].text), format!("{}: {en}", title[1].text))
            };
            blocks.push(
                Metric {
                    title: named,
                    unit: String::new(),
                    value: Some(newest),
                    tone: drawn.tone(total, layman),
                    citation: Some(drawn.source.citation()),
                }
                .into(),
            );
            let mut series = Series::new(title, "").points(&points);
            series.bands = drawn.bands(layman);
            blocks.push(series.into());
        }
        blocks
    }

    // --- the patient -------------------------------------------------------------------------

    fn of_patient(&self) -> Vec<Block> {
        let mut blocks = self.curves(true);
        if self.standing.active {
            blocks.extend(self.to_do());
        }
        // First, where somebody may need it now.
        let first = matches!(self.standing.stage.as_str(), "crisis" | "safety-watch");
        blocks.insert(if first { 0 } else { blocks.len() }, Act::Call.into());
        blocks
    }

    fn to_do(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = vec![Text::heading(zh_en("接下来", "What comes next")).into()];
        let awaited = |code: &str| self.memory.iter().any(|memory| memory.unanswered.contains(code));
        if awaited(code::PHQ9) {
            let words = zh_en(
                "您有一份患者健康问卷待填写,请在问卷列表中作答。",
                "A patient health questionnaire waits for you in the list of questionnaires.",
            );
            blocks.push(Text::paragraph(words).into());
        }
        if awaited(code::GAD7) {
            blocks.push(Block::Form(code::GAD7.to_owned()));
        }
        if self.standing.due_by(self.now).any(|task| task.code == sleep::DIARY) {
            blocks.push(Block::Form(code::DIARY.to_owned()));
        }
        if blocks.len() == 1 {
            blocks.push(Text::paragraph(zh_en("目前没有待办事项。", "There is nothing to do at present.")).into());
        }
        blocks
    }

    // --- the care team -----------------------------------------------------------------------

    fn of_team(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = self.concerns().into_iter().map(Block::Text).collect();
        blocks.extend(self.curves(false));
        blocks.extend(self.standing.next_tasks(TASKS).map(Block::Table));
        blocks
    }

    /// What the care team looks at first.
    fn concerns(&self) -> Vec<Text> {
        let mut found = Vec::new();
        if self.memory.as_ref().is_some_and(|memory| memory.danger.is_some() || memory.holds.contains(&Hold::Suicide)) {
            found.push(Text::notice(
                Tone::Danger,
                zh_en("存在未处理的自杀风险,请立即处置。", "A risk of suicide is open: act now."),
            ));
        }
        let newest = self.snapshot.latest(&Coding::loinc(PHQ9_ITEM_9)).filter(|one| one.refused().is_none());
        if let Some(safety) = newest.and_then(|one| Observed::of(one).safety) {
            let (tone, zh, en) = match safety.level {
                Level::Acute => (Tone::Danger, "2分及以上", "2 or more"),
                Level::Concern => (Tone::Caution, "1分", "1"),
                Level::Clear if safety.unreadable => (Tone::Caution, "无法读取", "unreadable"),
                Level::Clear => (Tone::Good, "0分", "0"),
            };
            found.push(Text::notice(
                tone,
                zh_en(format!("PHQ-9 第9题最近一次:{zh}。"), format!("PHQ-9, item 9, latest: {en}.")),
            ));
        }
        found
    }
}
