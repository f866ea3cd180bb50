//! Who does what besides the doctor: a pharmacist explains the medicines, a dietitian advises, a health manager looks at
//! the course; and a doctor adjusts the treatment of who is off target.

use xinglin_sdk::{
    follow_up::{Role, Severity, TaskEnd},
    time::plus_days,
    types::zh_en,
};

use super::{Step, THREE_DAYS};
use crate::{
    numbers::{ADJUST_DAYS, DIET_DAYS, EDUCATION_DAYS, MONITOR_DAYS, Number, TEAM_WINDOW_DAYS, YEARLY_DAYS},
    sources::Source,
};

const ADJUST: &str = "adjust-treatment";

/// Task, owner, words, first after, then every.
const TASKS: [(&str, Role, &str, &str, Number, Number); 3] = [
    (
        "medicine-education",
        Role::Pharmacist,
        "用药教育(注射技术、低血糖处理、依从性)",
        "Education on medicines: injections, hypoglycaemia, adherence",
        EDUCATION_DAYS,
        YEARLY_DAYS,
    ),
    ("diet-advice", Role::Dietitian, "饮食与运动指导", "Advice on food and exercise", DIET_DAYS, YEARLY_DAYS),
    (
        "monitoring",
        Role::HealthManager,
        "查看血糖日记、设备数据与任务完成情况",
        "Look at the diary, the devices and what was done",
        MONITOR_DAYS,
        MONITOR_DAYS,
    ),
];

impl Step<'_> {
    pub(super) fn schedule_team(&mut self) {
        for (code, owner, zh, en, first, every) in TASKS {
            let due = plus_days(self.now, first.value);
            self.schedule(code, (zh_en(zh, en), owner), (due, TEAM_WINDOW_DAYS), Some(every));
        }
    }

    pub(super) fn schedule_adjustment(&mut self) {
        let title = zh_en("评估并逐步调整治疗", "Assess the treatment and adjust it step by step");
        self.schedule(ADJUST, (title, Role::Doctor), (plus_days(self.now, ADJUST_DAYS.value), TEAM_WINDOW_DAYS), None);
    }

    pub(super) fn team_ended(&mut self, code: &str, end: TaskEnd) {
        let known = TASKS.iter().find(|(task, ..)| *task == code).map(|(_, _, zh, en, ..)| (*zh, *en));
        let known = known.or((code == ADJUST).then_some(("评估并调整治疗", "Assess and adjust the treatment")));
        if let (Some((zh, en)), TaskEnd::Missed) = (known, end) {
            self.alert(
                ("TEAM_TASK_MISSED", Severity::Warning, Role::HealthManager, THREE_DAYS),
                zh_en(format!("未按期完成:{zh}。"), format!("Not done in time: {en}.")),
                Source::Project,
            );
        }
    }
}
