//! When a test is wanted, from the record alone.

use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    settings,
    time::{Instant, china, plus_days},
    types::Decimal,
};

use crate::{
    chart::{Chart, Therapy},
    measure::{self, Found, Load},
    memory::{Arm, Memory},
    numbers::{self, Number},
    sources::Source,
};

/// A test that repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lab {
    /// HIV antigen and antibody.
    HivTest,
    /// Creatinine.
    Kidney,
    /// Surface antigen of hepatitis B.
    HepatitisB,
    /// Viral load.
    ViralLoad,
    /// CD4 count.
    Cd4,
}

impl Lab {
    /// All.
    pub const ALL: [Self; 5] = [Self::HivTest, Self::Kidney, Self::HepatitisB, Self::ViralLoad, Self::Cd4];

    /// Code of its task: the patient may see it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::HivTest => "lab-screen",
            Self::Kidney => "lab-kidney",
            Self::HepatitisB => "lab-surface",
            Self::ViralLoad => "lab-load",
            Self::Cd4 => "lab-count",
        }
    }

    /// By the code of its task.
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lab| lab.code() == code)
    }

    /// What a doctor orders.
    pub const fn order(self) -> &'static str {
        match self {
            Self::HivTest => measure::HIV_TEST,
            Self::Kidney => measure::CREATININE,
            Self::HepatitisB => measure::HEPATITIS_B,
            Self::ViralLoad => measure::VIRAL_LOAD,
            Self::Cd4 => measure::CD4,
        }
    }

    /// Why it is wanted.
    pub const fn source(self) -> Source {
        match self {
            Self::HivTest | Self::Kidney | Self::HepatitisB => Source::PrepFollowUp,
            Self::ViralLoad => Source::ViralLoad,
            Self::Cd4 => Source::Cd4,
        }
    }

    /// Its name for staff, Chinese and English.
    pub const fn names(self) -> [&'static str; 2] {
        match self {
            Self::HivTest => ["HIV抗原抗体", "HIV antigen and antibody"],
            Self::Kidney => ["血肌酐", "Creatinine"],
            Self::HepatitisB => ["乙肝表面抗原", "Hepatitis B surface antigen"],
            Self::ViralLoad => ["病毒载量", "Viral load"],
            Self::Cd4 => ["CD4计数", "CD4 count"],
        }
    }
}

/// When a test is wanted next; `None` if it is not. It may be past.
pub fn wanted(lab: Lab, memory: &Memory, chart: &Chart<'_>) -> Option<Instant> {
    match (memory.arm, lab) {
        (Arm::Urgent, Lab::HivTest) => week_of_test(memory, chart),
        (Arm::Prevention, Lab::HivTest) => Some(prevention_test(memory, chart)),
        (Arm::Prevention, Lab::Kidney) => Some(kidney(memory, chart)),
        (Arm::Prevention, Lab::HepatitisB) => chart.hepatitis().is_empty().then_some(memory.arm_since),
        (Arm::Treatment, Lab::ViralLoad) => Some(viral_load(memory, chart)),
        (Arm::Treatment, Lab::Cd4) => cd4(memory, chart),
        _ => None,
    }
}

/// The weeks after an exposure in which it is tested.
pub fn weeks() -> &'static [Number] {
    match settings::boolean("chinese-test-weeks") {
        Some(true) => &numbers::CHINA_WEEKS,
        _ => &numbers::TEST_WEEKS,
    }
}

fn week_of_test(memory: &Memory, chart: &Chart<'_>) -> Option<Instant> {
    let tests = chart.tests();
    let base = memory.course_began();
    let week = [0].into_iter().chain(weeks().iter().map(|week| week.value)).find(|week| {
        let from = plus_days(base, week * 7 - numbers::TEST_EARLY.value);
        tests.iter().all(|(taken, _)| *taken < from)
    });
    week.map(|week| plus_days(base, week * 7))
}

/// Whether the last of these weeks has its test.
pub fn weeks_are_over(memory: &Memory, chart: &Chart<'_>) -> bool {
    week_of_test(memory, chart).is_none()
}

/// Until when prevention goes on without another negative test; `None` if it has not begun. None is negative while HIV RNA
/// is found.
pub fn test_holds_until(memory: &Memory, chart: &Chart<'_>) -> Option<Instant> {
    let since = memory.prevention_since?;
    Some(match negative(memory, chart) {
        None => since,
        Some(taken) if taken < plus_days(since, numbers::PREP_FIRST_TEST.value - numbers::PREP_FIRST_EARLY.value) => {
            plus_days(since, numbers::PREP_FIRST_TEST.value).min(plus_days(taken, numbers::PREP_TEST.value))
        }
        Some(taken) => plus_days(taken, numbers::PREP_TEST.value),
    })
}

/// When the newest HIV test was taken, if it is negative and RNA does not say otherwise.
pub fn negative(memory: &Memory, chart: &Chart<'_>) -> Option<Instant> {
    let newest = chart.tests().into_iter().next();
    let negative = newest.filter(|(_, found)| *found == Found::Negative && !chart.is_suspect(memory.confirmed));
    negative.map(|(taken, _)| taken)
}

/// Whether a negative test that still holds is newer than the one there was when renewal was held.
pub fn is_negative_since_hold(memory: &Memory, chart: &Chart<'_>) -> bool {
    let negative = negative(memory, chart);
    negative > memory.negative_at_hold
        && negative.is_some_and(|taken| plus_days(taken, numbers::PREP_TEST.value) >= chart.now)
}

fn prevention_test(memory: &Memory, chart: &Chart<'_>) -> Instant {
    let Some((taken, _)) = chart.tests().into_iter().next() else { return memory.arm_since };
    let Some(until) = test_holds_until(memory, chart) else {
        // Not begun: a test of today's, to begin with.
        return plus_days(taken, numbers::PREP_TEST.value - numbers::PREP_LEAD.value);
    };
    let since = memory.prevention_since.unwrap_or(taken);
    let is_first = until == plus_days(since, numbers::PREP_FIRST_TEST.value);
    plus_days(until, if is_first { -numbers::PREP_LEAD_FIRST.value } else { -numbers::PREP_LEAD.value })
}

fn kidney(memory: &Memory, chart: &Chart<'_>) -> Instant {
    let Some(taken) = chart.kidney_taken() else { return memory.arm_since };
    match memory.prevention_since {
        Some(since) if taken < plus_days(since, numbers::PREP_FIRST_KIDNEY.value - numbers::MONTHS_EARLY.value) => {
            plus_days(since, numbers::PREP_FIRST_KIDNEY.value)
        }
        _ => plus_days(taken, numbers::PREP_KIDNEY.value),
    }
}

/// Whether the newest viral load is to be repeated within four weeks: it is high, and it was not
/// before, or the regimen is 24 weeks old. Of a new regimen it is high for a while.
pub fn is_repeated(memory: &Memory, chart: &Chart<'_>) -> bool {
    let loads = chart.loads();
    let Some(&(taken, Load::High)) = loads.first() else { return false };
    if memory.failing {
        return false;
    }
    match chart.therapy() {
        Therapy::Absent => false,
        Therapy::Unknown => true,
        Therapy::Since(_, regimen) => {
            let was_low = loads.iter().any(|(at, load)| *at >= regimen && *load != Load::High);
            taken >= plus_days(regimen, numbers::FAILURE_FROM.value) || was_low
        }
    }
}

/// Whether the two newest viral loads, of two days and under this regimen, are high, the newest from
/// week 24 on.
pub fn is_failure(chart: &Chart<'_>) -> bool {
    let loads = chart.loads();
    let Some(&(newest, Load::High)) = loads.first() else { return false };
    let before = loads.iter().find(|(taken, _)| china::day(*taken) < china::day(newest));
    let Some(&(before, Load::High)) = before else { return false };
    match chart.therapy() {
        Therapy::Absent => false,
        Therapy::Unknown => true,
        Therapy::Since(_, regimen) => before > regimen && newest >= plus_days(regimen, numbers::FAILURE_FROM.value),
    }
}

fn viral_load(memory: &Memory, chart: &Chart<'_>) -> Instant {
    let Some((taken, load)) = chart.loads().into_iter().next() else { return memory.arm_since };
    if is_repeated(memory, chart) {
        return plus_days(taken, numbers::LOAD_REPEAT.value - numbers::LAB_WINDOW.value);
    }
    let therapy = chart.therapy();
    if let Therapy::Since(_, regimen) = therapy
        && taken < plus_days(regimen, numbers::LOAD_FIRST.value - numbers::LOAD_FIRST_EARLY.value)
    {
        return plus_days(regimen, numbers::LOAD_FIRST.value);
    }
    let days = match (load, therapy) {
        (Load::Low | Load::High, _) | (_, Therapy::Absent) => numbers::LOAD_DETECTABLE.value,
        (Load::Undetectable, Therapy::Since(start, _)) if taken >= plus_days(start, numbers::TWO_YEARS.value) => {
            numbers::LOAD_LATER.value
        }
        (Load::Undetectable, _) => settings::integer("viral-load-days").unwrap_or(numbers::LOAD_DETECTABLE.value),
    };
    plus_days(taken, days)
}

/// The count nearest to the start is the baseline; a baseline that is not known counts as low.
fn cd4(memory: &Memory, chart: &Chart<'_>) -> Option<Instant> {
    let Some((taken, count)) = chart.counts().into_iter().next() else { return Some(memory.arm_since) };
    let is_low = |count: Decimal| count < Decimal::whole(numbers::CD4_BASELINE.value);
    let by = |low: bool| if low { numbers::CD4_OFTEN.value } else { numbers::CD4_SELDOM.value };
    let days = match chart.therapy() {
        Therapy::Since(start, _)
            if taken < plus_days(start, numbers::CD4_FIRST.value - numbers::MONTHS_EARLY.value) =>
        {
            return Some(plus_days(start, numbers::CD4_FIRST.value));
        }
        Therapy::Since(start, _) if taken < plus_days(start, numbers::TWO_YEARS.value) => {
            by(memory.low_baseline.unwrap_or(true))
        }
        Therapy::Since(..) if is_low(count) => numbers::CD4_OFTEN.value,
        Therapy::Since(..) if count <= Decimal::whole(numbers::CD4_OPTIONAL.value) => numbers::CD4_LATER.value,
        Therapy::Since(..) => match settings::boolean("cd4-above-500") {
            Some(false) => return None,
            _ => numbers::CD4_LATER.value,
        },
        Therapy::Absent | Therapy::Unknown => by(is_low(count)),
    };
    Some(plus_days(taken, days))
}
