//! What is shown of a patient. A patient's screen is seen by others: what the patient is shown names no
//! disease, no test and no medicine, and the host leaves its sources out.

use xinglin_sdk::{
    clinical::{OmissionReason, Section, Snapshot},
    follow_up,
    panel::{Act, Band, Block, Bound, Error, Metric, Point, Points, Series, Standing, Text, Tone, Viewer},
    time::{Instant, plus_days},
    types::{Decimal, LocalizedText, zh_en},
};

use crate::{
    chart::Chart,
    measure::Load,
    memory::{Arm, Memory},
    numbers::{CD4_PROPHYLAXIS, COVERED, COVERED_DAYS, LAB_WINDOW, LOAD_HIGH, LOAD_LOW},
    questions,
    schedule::Lab,
    sources::Source,
};

/// Most tasks that are shown.
const TASKS: usize = 10;

/// The panel.
pub fn render(standing: &Standing, snapshot: &Snapshot, viewer: Viewer, now: Instant) -> Result<Vec<Block>, Error> {
    if snapshot.omissions.iter().any(|one| {
        one.section == Section::Observations
            && matches!(one.reason, OmissionReason::Consent | OmissionReason::Compartment)
    }) {
        return Err(Error::MissingData(zh_en("未获准读取化验结果。", "Results may not be read.")));
    }
    let memory = standing.follow_up_state().map(|state| Memory::read(&state)).transpose().map_err(said)?;
    let sheet = Sheet { standing, chart: Chart { snapshot, now }, memory, now };
    Ok(if viewer.is_layman() { sheet.of_patient() } else { sheet.of_team() })
}

fn said(error: follow_up::Error) -> Error {
    match error {
        follow_up::Error::MissingData(text) => Error::MissingData(text),
        follow_up::Error::BadState(why) | follow_up::Error::Other(why) => Error::Other(why),
    }
}

struct Sheet<'a> {
    standing: &'a Standing,
    chart: Chart<'a>,
    memory: Option<Memory>,
    now: Instant,
}

impl Sheet<'_> {
    fn loads(&self) -> Points {
        let mut points = Points::new(self.now);
        for (taken, (value, bound)) in self.chart.loads_drawn() {
            points.add(Some(taken), Some(value), bound);
        }
        points
    }

    fn counts(&self) -> Points {
        let mut points = Points::new(self.now);
        for (taken, value) in self.chart.counts() {
            points.add(Some(taken), Some(value), Bound::Exact);
        }
        points
    }

    /// A curve of values that fell, with three ranges.
    fn load_series(&self, title: LocalizedText, unit: &str, [low, middle, high]: [(LocalizedText, Tone); 3]) -> Series {
        let edges = [LOAD_LOW, LOAD_HIGH].map(|edge| Some(Decimal::whole(edge.value)));
        let band = |(title, tone), edges, source: Source| Band::new(title, tone, edges, source.citation());
        Series::new(title, unit)
            .logarithmic()
            .points(&self.loads())
            .band(band(low, (None, edges[0]), Source::ViralLoad))
            .band(band(middle, (edges[0], edges[1]), Source::Failure))
            .band(band(high, (edges[1], None), Source::Failure))
    }

    // --- the patient -------------------------------------------------------------------------

    fn of_patient(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        if !self.loads().list().is_empty() {
            let good = zh_en("目标范围", "Goal");
            let talk = zh_en("请与团队沟通", "Talk with the team");
            let again = zh_en("需要复查", "To be checked again");
            let bands = [(good, Tone::Good), (talk, Tone::Neutral), (again, Tone::Caution)];
            blocks.push(self.load_series(zh_en("化验值A", "Laboratory value A"), "/mL", bands).into());
        }
        let counts = self.counts();
        if !counts.list().is_empty() {
            blocks.push(Series::new(zh_en("化验值B", "Laboratory value B"), "/uL").points(&counts).into());
        }
        if self.standing.active {
            blocks.extend(self.to_do());
        }
        blocks.push(Act::Call.into());
        blocks
    }

    fn to_do(&self) -> Vec<Block> {
        let mut blocks = vec![Text::heading(zh_en("接下来", "What comes next")).into()];
        let forms = self.memory.iter().flat_map(|memory| &memory.asked).filter_map(|code| questions::known(code));
        blocks.extend(forms.map(|code| Block::Form(code.to_owned())));
        // Questions are done by answering.
        let soon =
            self.standing.due_by(plus_days(self.now, LAB_WINDOW.value)).filter(|task| Lab::of(&task.code).is_some());
        blocks.extend(soon.take(TASKS).map(|task| Block::Action(Act::DoTask(task.code.clone()))));
        if blocks.len() == 1 {
            blocks.push(Text::paragraph(zh_en("目前没有待办事项。", "There is nothing to do at present.")).into());
        }
        blocks
    }

    // --- the care team -----------------------------------------------------------------------

    fn of_team(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = self.concerns().into_iter().map(Block::Text).collect();
        let loads = self.loads();
        let tone = match self.chart.loads().first() {
            None => Tone::Neutral,
            Some((_, Load::Undetectable)) => Tone::Good,
            Some((_, Load::Low)) => Tone::Caution,
            Some((_, Load::High)) => Tone::Danger,
        };
        blocks.push(metric(
            zh_en("最近一次病毒载量", "Latest viral load"),
            "{copies}/mL",
            loads.newest(),
            tone,
            Source::ViralLoad,
        ));
        let bands = [
            (zh_en("检测不到 <50", "Undetectable <50"), Tone::Good),
            (zh_en("低水平 50–200:评估依从性", "Low 50–200: adherence"), Tone::Caution),
            (zh_en("高于200:28天内复查", "Above 200: repeat in 28 days"), Tone::Danger),
        ];
        blocks.push(self.load_series(zh_en("病毒载量", "Viral load"), "{copies}/mL", bands).into());
        let counts = self.counts();
        let newest = counts.newest();
        let low = |point: &Point| point.value < Decimal::whole(CD4_PROPHYLAXIS.value);
        let tone = match &newest {
            None => Tone::Neutral,
            Some(point) if low(point) => Tone::Caution,
            Some(_) => Tone::Good,
        };
        blocks.push(metric(zh_en("最近一次CD4", "Latest CD4"), "{cells}/uL", newest, tone, Source::Prophylaxis));
        if counts.list().len() > 1 {
            let edges = (None, Some(Decimal::whole(CD4_PROPHYLAXIS.value)));
            let title = zh_en("低于200:评估预防用药", "Below 200: review prophylaxis");
            let band = Band::new(title, Tone::Caution, edges, Source::Prophylaxis.citation());
            blocks.push(Series::new(zh_en("CD4", "CD4"), "{cells}/uL").points(&counts).band(band).into());
        }
        if let Some((covered, days)) = self.chart.covered().filter(|(_, days)| *days > 0) {
            let percent = covered * 100 / days;
            let tone = if percent < COVERED.value { Tone::Caution } else { Tone::Good };
            let value = Point { at: self.now, value: Decimal::whole(percent), bound: Bound::Exact };
            let title = zh_en(
                format!("药物覆盖天数比例(近{}天)", COVERED_DAYS.value),
                format!("Days covered (last {})", COVERED_DAYS.value),
            );
            blocks.push(metric(title, "%", Some(value), tone, Source::Project));
        }
        blocks.extend(self.standing.next_tasks(TASKS).map(Block::Table));
        blocks
    }

    /// What the care team looks at first.
    fn concerns(&self) -> Vec<Text> {
        let Some(memory) = &self.memory else { return Vec::new() };
        let mut found = Vec::new();
        let (zh, en) = match memory.arm {
            Arm::Assessment => ("评估", "Assessment"),
            Arm::Urgent => ("暴露后", "After an exposure"),
            Arm::Prevention => ("预防", "Prevention"),
            Arm::Treatment => ("治疗", "Treatment"),
        };
        found.push(Text::heading(zh_en(zh, en)));
        if memory.failing {
            found.push(Text::notice(
                Tone::Danger,
                zh_en(
                    "连续两次病毒载量高于200:病毒学失败评估中。",
                    "Two viral loads above 200 in a row: virological failure.",
                ),
            ));
        }
        if !memory.holds.is_empty() {
            found.push(Text::notice(
                Tone::Caution,
                zh_en(
                    format!("相关药物的线上处方已暂停({}项)。", memory.holds.len()),
                    format!("Online prescribing of these medicines is held ({}).", memory.holds.len()),
                ),
            ));
        }
        found
    }
}

fn metric(title: LocalizedText, unit: &str, value: Option<Point>, tone: Tone, source: Source) -> Block {
    Metric { title, unit: unit.to_owned(), value, tone, citation: Some(source.citation()) }.into()
}
