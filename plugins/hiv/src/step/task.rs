//! Tasks: owner, grace and title by code. A patient may see all of it: codes and titles name nothing.

use xinglin_sdk::{
    pathway::{Role, Task},
    time::Instant,
    types::{LocalizedText, zh_en},
};

use crate::schedule::{Lab, WINDOW};

/// After the code of a test: a timer that rings if it was only ticked.
pub const CHECK: &str = "-check";
/// Risk and exposure.
pub const INTAKE: &str = "intake";
/// Before the day of a question: during a course, during prevention, during treatment, mood, worries.
pub const COURSE: &str = "course-";
pub const REGULAR: &str = "regular-";
pub const ROUTINE: &str = "routine-";
pub const MOOD: &str = "mood-";
pub const WORRY: &str = "worry-";
/// Timers of an exposure: the best hours, and all.
pub const CLOCK_BEST: &str = "clock-best";
pub const CLOCK_WINDOW: &str = "clock-window";
/// Timer of a negative test, of a supply, of the record as a whole, of the day to stop.
pub const RENEWAL: &str = "renewal";
pub const SUPPLY: &str = "supply";
pub const REVIEW: &str = "review";
pub const STOP_DAY: &str = "stop-day";
/// The health manager makes contact; the assistant arranges a visit, and asks what came of it.
pub const CONTACT: &str = "contact";
pub const ARRANGE: &str = "arrange-visit";
/// Pharmacist, dietitian and public-health doctor.
pub const PHARMACIST: &str = "pharmacist-talk";
pub const DIET: &str = "diet-talk";
pub const PUBLIC_HEALTH: &str = "public-health-talk";
/// After a crisis, with its hours.
pub const AGAIN: &str = "again-";

/// Days to the later talks with a dietitian.
pub const DIET_LATER: i64 = 180;

const TIMERS: [&str; 6] = [CLOCK_BEST, CLOCK_WINDOW, RENEWAL, SUPPLY, REVIEW, STOP_DAY];
const STAFF: [&str; 5] = [CONTACT, ARRANGE, PHARMACIST, DIET, PUBLIC_HEALTH];

/// Whether it only rings.
pub fn is_timer(code: &str) -> bool {
    TIMERS.contains(&code) || code.ends_with(CHECK)
}

/// Whether the team does it.
pub fn is_of_staff(code: &str) -> bool {
    STAFF.contains(&code) || code.starts_with(AGAIN)
}

/// The day in a code such as `mood-28`.
pub fn day(code: &str, before: &str) -> Option<i64> {
    code.strip_prefix(before)?.parse().ok()
}

/// The task of a code.
pub fn task(code: &str, due: Instant) -> Task {
    let (owner, window_days, title) = kind(code);
    Task { code: code.to_owned(), title, owner, due, window_days }
}

fn kind(code: &str) -> (Role, u16, LocalizedText) {
    let questions = || zh_en("填写随访问卷", "Fill in a questionnaire");
    if is_timer(code) {
        return (Role::HealthManager, 0, zh_en("核对随访进度", "Check the follow-up"));
    }
    if Lab::of(code).is_some() {
        return (Role::Patient, WINDOW, zh_en("按预约完成化验", "Laboratory test as arranged"));
    }
    match code {
        INTAKE => (Role::Patient, 1, questions()),
        CONTACT => (Role::HealthManager, 1, zh_en("24小时内联系患者", "Contact the patient within 24 hours")),
        ARRANGE => (Role::Assistant, 2, zh_en("安排当面就诊并跟进结果", "Arrange the visit and ask what came of it")),
        PHARMACIST => (Role::Pharmacist, 7, zh_en("药师沟通", "Talk with the pharmacist")),
        DIET => (Role::Dietitian, 14, zh_en("营养师沟通", "Talk with the dietitian")),
        PUBLIC_HEALTH => (Role::PublicHealthDoctor, 7, zh_en("公卫医师沟通", "Talk with the public-health doctor")),
        _ if code.starts_with(AGAIN) => (Role::Counsellor, 1, zh_en("再次联系患者", "Contact the patient again")),
        _ if code.starts_with(COURSE) => (Role::Patient, 2, questions()),
        _ => (Role::Patient, 7, questions()),
    }
}
