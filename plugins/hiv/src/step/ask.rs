//! Questionnaires: asked; the host asks again at half of their time, and reports.

use xinglin_sdk::{
    follow_up::{Directive, Question, Role, TaskRef},
    time::plus_days,
    types::zh_en,
};

use super::{Step, task};
use crate::{
    memory::Arm,
    numbers::{ANSWER_MINUTES, COURSE_MINUTES, INTAKE_MINUTES, RISK_AGAIN, SCALES_2, SCALES_3, SCALES_EVERY},
    questions::{self, Answers, link},
};

impl Step<'_> {
    pub(super) fn ask(&mut self, questionnaire: &str) {
        let within = match questionnaire {
            // At once: who was exposed has no time.
            questions::INTAKE => INTAKE_MINUTES,
            questions::COURSE => COURSE_MINUTES,
            _ => ANSWER_MINUTES,
        };
        self.memory.asked.insert(questionnaire.to_owned());
        self.push_once(Directive::Ask(Question {
            questionnaire: questionnaire.to_owned(),
            respondent: Role::Patient,
            within_minutes: within.minutes(),
        }));
    }

    /// It was answered, in this step or before.
    pub(super) fn no_longer_asked(&mut self, questionnaire: &str) {
        self.memory.asked.remove(questionnaire);
        self.directives.retain(|one| !matches!(one, Directive::Ask(asked) if asked.questionnaire == questionnaire));
    }

    /// Of another arm: nobody waits for it any more.
    pub(super) fn take_back(&mut self, questionnaire: &str) {
        if self.memory.asked.contains(questionnaire) {
            self.no_longer_asked(questionnaire);
            self.withdraw(questionnaire);
        }
    }

    /// On day 0, two days, and again and again.
    pub(super) fn begin_scales(&mut self) {
        for questionnaire in [questions::PHQ9, questions::GAD7] {
            self.ask(questionnaire);
        }
        for day in [SCALES_2, SCALES_3] {
            self.schedule(&format!("{}-{}", task::SCALES, day.value), plus_days(self.now, day.value));
        }
        self.schedule(task::SCALES, plus_days(self.now, SCALES_EVERY.value));
    }

    pub(super) fn series_due(&mut self, TaskRef { code, due }: &TaskRef) {
        let Some((series, day)) = task::series(code) else { return };
        if let Some((again, every)) = day.and_then(|day| series.repeats_after(day)) {
            self.schedule(again, plus_days(*due, every.value));
        }
        for questionnaire in series.questionnaires.iter().filter(|code| self.is_current(code)).collect::<Vec<_>>() {
            self.ask(questionnaire);
        }
    }

    /// Questions of another arm are not asked any more.
    fn is_current(&self, questionnaire: &str) -> bool {
        match questionnaire {
            questions::INTAKE => self.memory.arm != Arm::Treatment,
            questions::COURSE => self.memory.arm == Arm::Urgent,
            questions::REGULAR => self.memory.arm == Arm::Prevention,
            questions::ROUTINE => self.memory.arm == Arm::Treatment,
            _ => true,
        }
    }

    /// The five items, an exposure, signs, prevention.
    pub(super) fn intake(&mut self, answers: &Answers<'_>) {
        if self.chart.is_infected() {
            return;
        }
        if answers.yes(link::UNWELL) {
            self.symptoms(answers);
        }
        let is_risk = |link: &&&str| answers.yes(link) && !(**link == link::PARTNER && answers.yes(link::SUPPRESSED));
        let risks = link::RISKS.iter().filter(is_risk).count();
        if risks > 0 {
            self.note(zh_en(
                format!("风险评估:5项中{risks}项为是,高风险。"),
                format!("Risk: {risks} of 5 items are yes, a high risk."),
            ));
        }
        if answers.yes(link::CONTACT) {
            self.exposure(answers.hours_before(link::CONTACT_HOURS, self.now));
        } else if let Some(plan @ ("daily" | "on-demand")) = answers.plan() {
            self.start_prevention(plan);
        } else if risks > 0 {
            self.want_prevention();
        } else if self.memory.arm == Arm::Assessment {
            self.schedule(task::INTAKE, plus_days(self.now, RISK_AGAIN.value));
        }
    }
}
