//! What is shown of a patient: glucose with its bands, time in range of a sensor, HbA1c, blood pressure, what comes next.

use xinglin_sdk::{
    clinical::{OmissionReason, Section, Snapshot},
    follow_up,
    panel::{Band, Block, Bound, Error, Metric, Point, Points, Series, Standing, Table, Text, Tone, Viewer},
    time::{Instant, china, plus_days},
    types::{Coding, Decimal, LocalizedText, Quantity, zh_en},
};

use crate::{
    definition::{DIARY, FOLLOW_UP, RECHECK},
    measure::{GLUCOSE_CODES, Glucose, HBA1C_CODES, Hba1c, NotUnderstood, PRESSURE_CODES, Pressure},
    memory::Memory,
    numbers::{GLUCOSE_HIGH, GLUCOSE_LOW, IN_RANGE, IN_RANGE_FRAIL, LEVEL_2, decimal},
    sources::Source,
    step::{visit, yearly},
    targets::{self, Goals},
};

/// Days for which the patient is shown what to do.
const AHEAD_DAYS: i64 = 14;
/// Rows of the tables.
const PRESSURES: usize = 10;
const TASKS: usize = 10;

/// The panel.
pub fn render(standing: &Standing, snapshot: &Snapshot, viewer: Viewer, now: Instant) -> Result<Vec<Block>, Error> {
    if snapshot
        .omissions
        .iter()
        .any(|one| one.section == Section::Observations && one.reason == OmissionReason::Consent)
    {
        return Err(Error::MissingData(zh_en("未获准读取检测结果。", "Measurements may not be read.")));
    }
    let memory = standing.follow_up_state().map(|state| Memory::read(&state)).transpose().map_err(said)?;
    let severe = memory.as_ref().is_some_and(|memory| memory.severe_hypoglycaemia);
    let goals = Goals::of(snapshot, severe).map_err(said)?;
    let sheet = Sheet { standing, snapshot, goals, now };
    let mut blocks = Vec::new();
    if !viewer.is_layman()
        && let Some(memory) = &memory
    {
        blocks.extend(concerns(memory));
    }
    blocks.extend(sheet.glucose().map_err(said)?);
    blocks.extend(memory.as_ref().and_then(|memory| sheet.in_range(memory)));
    blocks.extend(sheet.hba1c().map_err(said)?);
    if viewer.is_layman() {
        blocks.extend(sheet.to_do(memory.as_ref()));
    } else {
        blocks.extend(sheet.pressures());
        blocks.extend(standing.next_tasks(TASKS).map(Block::Table));
    }
    Ok(blocks)
}

fn said(error: follow_up::Error) -> Error {
    match error {
        follow_up::Error::MissingData(text) => Error::MissingData(text),
        follow_up::Error::BadState(why) | follow_up::Error::Other(why) => Error::Other(why),
    }
}

/// What the care team looks at first.
fn concerns(memory: &Memory) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut notice = |tone, text| blocks.push(Text::notice(tone, text).into());
    if !memory.holds.is_empty() {
        notice(
            Tone::Danger,
            zh_en("危急值后线上处方已暂停,待线下处置。", "Online prescribing is held after a critical value."),
        );
    }
    if memory.severe_hypoglycaemia {
        notice(
            Tone::Caution,
            zh_en("曾发生需他人帮助的低血糖:目标已放宽。", "Another person had to help once: targets are relaxed."),
        );
    }
    if memory.off_target > 0 {
        notice(
            Tone::Caution,
            zh_en(
                format!("连续{}次随访未达标。", memory.off_target),
                format!("Off target at {} follow-ups in a row.", memory.off_target),
            ),
        );
    }
    blocks
}

struct Sheet<'a> {
    standing: &'a Standing,
    snapshot: &'a Snapshot,
    goals: Goals,
    now: Instant,
}

impl Sheet<'_> {
    /// Values in this unit, as the host converts them; what is in another is not drawn.
    fn points(&self, codes: &[&str], unit: &str) -> Points {
        let mut points = Points::new(self.now);
        for code in codes {
            for one in self.snapshot.history(&Coding::loinc(*code)) {
                let value = one.quantity().filter(|amount| amount.unit == unit && amount.value > Decimal::whole(0));
                points.add(one.effective, value.map(|amount| amount.value), Bound::Exact);
            }
        }
        points
    }

    fn glucose(&self) -> Result<Vec<Block>, follow_up::Error> {
        let points = self.points(&GLUCOSE_CODES, "mmol/L");
        let fasting = (targets::decimal("fasting-minimum")?, targets::decimal("fasting-maximum")?);
        let most = targets::decimal("glucose-maximum")?;
        let [level_2, critical_low, critical_high] =
            [LEVEL_2, GLUCOSE_LOW, GLUCOSE_HIGH].map(|number| decimal(number, 1));
        let judged = |value: Decimal| -> Result<Tone, follow_up::Error> {
            let glucose = Glucose::of(&Quantity::new(value, "mmol/L"), false).map_err(odd)?;
            Ok(if glucose.is_below(level_2) || !glucose.is_below(critical_high) {
                Tone::Danger
            } else if glucose.is_below(critical_low) || glucose.is_exactly(critical_low) || !glucose.is_below(most) {
                Tone::Caution
            } else {
                Tone::Good
            })
        };
        let newest = points.newest();
        let tone = newest.as_ref().map_or(Ok(Tone::Neutral), |point| judged(point.value))?;
        let band = |title: LocalizedText, tone, low, high, citation| Band::new(title, tone, (low, high), citation);
        let mut series = Series::new(zh_en("血糖", "Glucose"), "mmol/L").points(&points);
        series.bands = vec![
            band(zh_en("低血糖2级", "Level 2 low"), Tone::Danger, None, Some(level_2), Source::Goals.citation()),
            band(
                zh_en("低血糖1级", "Level 1 low"),
                Tone::Caution,
                Some(level_2),
                Some(critical_low),
                Source::Goals.citation(),
            ),
            band(
                zh_en("空腹目标", "Fasting goal"),
                Tone::Good,
                Some(fasting.0),
                Some(fasting.1),
                Source::Guideline.citation(),
            ),
            band(
                zh_en("非空腹目标", "Other goal"),
                Tone::Good,
                Some(fasting.1),
                Some(most),
                Source::Guideline.citation(),
            ),
            band(zh_en("危急值", "Critical"), Tone::Danger, Some(critical_high), None, Source::PrimaryCare.citation()),
        ];
        // A hospital may set both goals to the same value.
        series.bands.retain(|band| band.low.is_none() || band.high.is_none() || band.low < band.high);
        let latest = Metric {
            title: zh_en("最近一次血糖", "Latest glucose"),
            unit: "mmol/L".to_owned(),
            value: newest,
            tone,
            citation: Some(Source::Guideline.citation()),
        };
        Ok(vec![latest.into(), series.into()])
    }

    /// Of a sensor, if there is enough of it.
    fn in_range(&self, memory: &Memory) -> Option<Block> {
        let share = memory.sensor.summary()?.in_range();
        let goal = if self.goals.relaxed { IN_RANGE_FRAIL } else { IN_RANGE };
        let value = Point { at: self.now, value: Decimal::new(share, 1), bound: Bound::Exact };
        Some(
            Metric {
                title: zh_en("近14天血糖在目标范围内的时间", "Time in range, last 14 days"),
                unit: "%".to_owned(),
                tone: if value.value > Decimal::whole(goal.value) { Tone::Good } else { Tone::Caution },
                value: Some(value),
                citation: Some(goal.source.citation()),
            }
            .into(),
        )
    }

    fn hba1c(&self) -> Result<Vec<Block>, follow_up::Error> {
        let points = self.points(&HBA1C_CODES, "%");
        let most = self.goals.hba1c_maximum()?;
        let newest = points.newest();
        let tone = match &newest {
            None => Tone::Neutral,
            Some(point) => {
                let hba1c = Hba1c::of(&Quantity::new(point.value, "%")).map_err(odd)?;
                if self.goals.hba1c_met(&hba1c)? { Tone::Good } else { Tone::Caution }
            }
        };
        let latest = Metric {
            title: zh_en("最近一次糖化血红蛋白", "Latest HbA1c"),
            unit: "%".to_owned(),
            value: newest,
            tone,
            citation: Some(Source::Guideline.citation()),
        };
        let mut blocks = vec![latest.into()];
        if points.list().len() > 1 {
            let goal = Band::new(zh_en("目标", "Goal"), Tone::Good, (None, Some(most)), Source::Guideline.citation());
            blocks.push(Series::new(zh_en("糖化血红蛋白", "HbA1c"), "%").points(&points).band(goal).into());
        }
        Ok(blocks)
    }

    /// The last blood pressures; one that is not in mmHg is left out.
    fn pressures(&self) -> Option<Block> {
        let mut found: Vec<(Instant, String)> = Vec::new();
        for code in PRESSURE_CODES {
            for one in self.snapshot.history(&Coding::loinc(code)) {
                if let (Some(at), Ok(pressure)) = (one.effective.filter(|at| *at <= self.now), Pressure::of(one)) {
                    found.push((at, pressure.shown()));
                }
            }
        }
        found.sort();
        found.dedup();
        let cell = |text: &str| zh_en(text, text);
        let row = |(at, shown): &(Instant, String)| vec![cell(&day(*at)), cell(shown)];
        (!found.is_empty()).then(|| {
            Table {
                title: zh_en("最近的血压", "Latest blood pressures"),
                columns: vec![zh_en("日期", "Day"), zh_en("血压", "Blood pressure")],
                rows: found.iter().rev().take(PRESSURES).map(row).collect(),
            }
            .into()
        })
    }

    /// What the patient can do now. The other tasks are the care team's.
    fn to_do(&self, memory: Option<&Memory>) -> Vec<Block> {
        if !self.standing.active {
            return Vec::new();
        }
        let mut blocks = vec![Text::heading(zh_en("接下来", "What comes next")).into()];
        if memory.is_some_and(|memory| memory.recheck) {
            blocks.push(Block::Form(RECHECK.to_owned()));
        }
        let is_visit = |code: &str| code.starts_with(visit::VISIT);
        if self.standing.due_by(self.now).any(|task| is_visit(&task.code)) {
            blocks.push(Block::Form(FOLLOW_UP.to_owned()));
        }
        // A follow-up and a measurement are done by answering; a visit and a check by who sees the patient.
        let soon = self.standing.due_by(plus_days(self.now, AHEAD_DAYS)).filter(|task| task.code == visit::OFFLINE);
        blocks.extend(soon.map(|task| Text::paragraph(task.title.clone()).into()));
        for check in
            yearly::CHECKS.iter().filter(|check| memory.is_some_and(|memory| memory.open.contains_key(check.task)))
        {
            blocks.push(Text::paragraph(check.title()).into());
        }
        if blocks.len() == 1 {
            blocks.push(Text::paragraph(zh_en("目前没有待办事项。", "There is nothing to do at present.")).into());
        }
        blocks.push(Block::Form(DIARY.to_owned()));
        blocks
    }
}

fn odd(NotUnderstood(what): NotUnderstood) -> follow_up::Error {
    follow_up::Error::Other(what)
}

fn day(at: Instant) -> String {
    let (year, month, day) = china::civil(china::day(at));
    format!("{year:04}-{month:02}-{day:02}")
}
