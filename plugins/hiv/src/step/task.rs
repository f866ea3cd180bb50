//! Tasks: owner, window and title by code. A patient may see all of it: codes and titles name nothing.

use xinglin_sdk::{
    follow_up::{Repetition, Role, Task},
    time::Instant,
    types::{LocalizedText, zh_en},
};

use crate::{
    numbers::{
        ADHERENCE_EVERY, ARRANGE_WINDOW, CALL_WINDOW, DAY_MINUTES, DIET_WINDOW, LAB_WINDOW, Number, PHARMACIST_EVERY,
        PREP_TEST, REVIEW_EVERY, SCALES_EVERY, SWITCH_DAYS, TALK_WINDOW,
    },
    questions,
    schedule::Lab,
};

/// Risk and exposure, asked again.
pub const INTAKE: &str = "intake";
/// Questions: during a course, during prevention, during treatment, of mood and worries.
pub const COURSE: &str = "course";
pub const REGULAR: &str = "regular";
pub const ROUTINE: &str = "routine";
pub const SCALES: &str = "scales";
/// Timers of an exposure, of a negative test, of a supply, of the record as a whole, of the day to stop.
pub const CLOCK_WINDOW: &str = "clock-window";
pub const RENEWAL: &str = "renewal";
pub const SUPPLY: &str = "supply";
pub const REVIEW: &str = "review";
pub const STOP_DAY: &str = "stop-day";
/// The health manager makes contact; the assistant arranges a visit.
pub const CONTACT: &str = "contact";
pub const ARRANGE: &str = "arrange-visit";
/// Pharmacist, dietitian and public-health doctor; the doctor changes a regimen.
pub const PHARMACIST: &str = "pharmacist-talk";
pub const DIET: &str = "diet-talk";
pub const PUBLIC_HEALTH: &str = "public-health-talk";
pub const CHANGE: &str = "plan-change";

/// Of the first version: the best hours after an exposure; after a crisis, with its hours; after the code of a test.
pub const CLOCK_BEST: &str = "clock-best";
const AGAIN: &str = "again-";
pub const CHECK: &str = "-check";

const STAFF: [&str; 6] = [CONTACT, ARRANGE, PHARMACIST, DIET, PUBLIC_HEALTH, CHANGE];

/// Questions that are asked on a day, alone or again and again. `mood` and `worry` are of the first version, which gave each
/// day of a series a task of its own.
#[derive(Debug)]
pub struct Series {
    code: &'static str,
    /// What is asked.
    pub questionnaires: &'static [&'static str],
    /// Code and period of what repeats after the first of these days.
    repeats: Option<(&'static str, Number)>,
}

static SERIES: [Series; 7] = [
    Series { code: INTAKE, questionnaires: &[questions::INTAKE], repeats: None },
    Series { code: COURSE, questionnaires: &[questions::COURSE], repeats: None },
    Series { code: REGULAR, questionnaires: &[questions::REGULAR], repeats: Some((REGULAR, PREP_TEST)) },
    Series { code: ROUTINE, questionnaires: &[questions::ROUTINE], repeats: Some((ROUTINE, ADHERENCE_EVERY)) },
    Series { code: SCALES, questionnaires: &[questions::PHQ9, questions::GAD7], repeats: Some((SCALES, SCALES_EVERY)) },
    Series { code: "mood", questionnaires: &[questions::PHQ9], repeats: Some((SCALES, SCALES_EVERY)) },
    Series { code: "worry", questionnaires: &[questions::GAD7], repeats: Some((SCALES, SCALES_EVERY)) },
];

/// The series of a task, and its day if the code has one.
pub fn series(code: &str) -> Option<(&'static Series, Option<i64>)> {
    SERIES.iter().find_map(|series| {
        let rest = code.strip_prefix(series.code)?;
        match rest.strip_prefix('-') {
            None => rest.is_empty().then_some((series, None)),
            Some(day) => Some((series, Some(day.parse().ok()?))),
        }
    })
}

impl Series {
    /// What repeats after this day, and after how many days, which the first version would have given a task.
    pub fn repeats_after(&self, day: i64) -> Option<(&'static str, Number)> {
        self.repeats.filter(|(_, every)| day >= every.value)
    }
}

/// Whether the team does it.
pub fn is_of_staff(code: &str) -> bool {
    STAFF.contains(&code) || code.starts_with(AGAIN)
}

/// The task of a code.
pub fn task(code: &str, due: Instant) -> Task {
    let (owner, window_days, title) = kind(code);
    let window_minutes = window_days.map_or(0, |days| days.minutes().saturating_mul(DAY_MINUTES.minutes()));
    Task { code: code.to_owned(), title, owner, due, window_minutes, repeat: repeat(code) }
}

/// A series without a day goes on until it is cancelled.
fn repeat(code: &str) -> Option<Repetition> {
    let every = match code {
        REVIEW => REVIEW_EVERY,
        PHARMACIST => PHARMACIST_EVERY,
        _ => SERIES.iter().find(|series| series.code == code)?.repeats?.1,
    };
    Some(Repetition { every_days: every.days(), times: None })
}

fn kind(code: &str) -> (Role, Option<Number>, LocalizedText) {
    if Lab::of(code).is_some() {
        return (Role::Patient, Some(LAB_WINDOW), zh_en("按预约完成化验", "Laboratory test as arranged"));
    }
    match code {
        CONTACT => {
            (Role::HealthManager, Some(CALL_WINDOW), zh_en("24小时内联系患者", "Contact the patient within 24 hours"))
        }
        ARRANGE => (Role::Assistant, Some(ARRANGE_WINDOW), zh_en("安排当面就诊", "Arrange the visit")),
        PHARMACIST => (Role::Pharmacist, Some(TALK_WINDOW), zh_en("药师沟通", "Talk with the pharmacist")),
        DIET => (Role::Dietitian, Some(DIET_WINDOW), zh_en("营养师沟通", "Talk with the dietitian")),
        PUBLIC_HEALTH => {
            (Role::PublicHealthDoctor, Some(TALK_WINDOW), zh_en("公卫医师沟通", "Talk with the public-health doctor"))
        }
        CHANGE => (Role::Doctor, Some(SWITCH_DAYS), zh_en("按讨论结果调整安排", "Change the plan as the team decided")),
        // A timer: of a task without a window nothing is told but that it is due.
        _ => (Role::HealthManager, None, zh_en("核对随访进度", "Check the follow-up")),
    }
}
