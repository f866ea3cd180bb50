//! Questionnaires: asked, asked again, then reported.

use xinglin_sdk::{
    pathway::{Role, Severity},
    time::{plus_days, plus_minutes},
    types::zh_en,
};

use super::{DAY_IN_MINUTES, Step, task};
use crate::{
    memory::Arm,
    questions::{self, Amount, Answers, link},
    rules, sources,
};

/// Minutes after which the first questions are asked again.
const INTAKE_AGAIN: i64 = 120;

/// The questionnaire of a task.
pub fn questionnaire(code: &str) -> Option<&'static str> {
    let of = [
        (task::COURSE, questions::COURSE),
        (task::REGULAR, questions::REGULAR),
        (task::ROUTINE, questions::ROUTINE),
        (task::MOOD, questions::PHQ9),
        (task::WORRY, questions::GAD7),
    ];
    if code == task::INTAKE {
        return Some(questions::INTAKE);
    }
    of.into_iter().find(|(before, _)| task::day(code, before).is_some()).map(|(_, questionnaire)| questionnaire)
}

impl Step<'_> {
    /// At once: who was exposed has no time.
    pub(super) fn ask_intake(&mut self) {
        self.ask(questions::INTAKE);
        self.memory.unanswered.insert(task::INTAKE.to_owned());
        self.schedule(task::INTAKE, plus_minutes(self.now, INTAKE_AGAIN));
        self.remind_of_questions();
    }

    pub(super) fn schedule_scales(&mut self) {
        for day in rules::SCALES {
            for before in [task::MOOD, task::WORRY] {
                self.schedule(&format!("{before}{day}"), plus_days(self.memory.enrolled, day));
            }
        }
    }

    pub(super) fn ask_due(&mut self, code: &str) {
        let Some(questionnaire) = questionnaire(code) else { return };
        if !self.is_current(code) {
            return;
        }
        self.plan_next(code);
        self.memory.unanswered.insert(code.to_owned());
        self.ask(questionnaire);
        self.remind_of_questions();
    }

    pub(super) fn ask_again(&mut self, code: &str) {
        if let Some(questionnaire) = questionnaire(code).filter(|_| self.is_current(code)) {
            self.ask(questionnaire);
            self.remind_of_questions();
        }
    }

    /// Questions of another arm are not asked any more.
    fn is_current(&self, code: &str) -> bool {
        let is = |before: &str| task::day(code, before).is_some();
        match self.memory.arm {
            Arm::Urgent => !is(task::REGULAR) && !is(task::ROUTINE),
            Arm::Prevention => !is(task::COURSE) && !is(task::ROUTINE),
            Arm::Treatment => !is(task::COURSE) && !is(task::REGULAR) && code != task::INTAKE,
            Arm::Assessment => !is(task::COURSE) && !is(task::REGULAR) && !is(task::ROUTINE),
        }
    }

    /// What repeats goes on repeating.
    pub(super) fn plan_next(&mut self, code: &str) {
        let (enrolled, since) = (self.memory.enrolled, self.memory.arm_since);
        let last = |days: &[i64]| days.last().copied().unwrap_or_default();
        for (before, base, from, every) in [
            (task::MOOD, enrolled, last(&rules::SCALES), rules::SCALES_LATER),
            (task::WORRY, enrolled, last(&rules::SCALES), rules::SCALES_LATER),
            (task::REGULAR, since, rules::PREP_TEST, rules::PREP_TEST),
            (task::ROUTINE, since, rules::ADHERENCE_EVERY, rules::ADHERENCE_EVERY),
        ] {
            if let Some(day) = task::day(code, before).filter(|day| *day >= from) {
                let next = self.next_day(base, day, every);
                self.schedule(&format!("{before}{next}"), plus_days(base, next));
            }
        }
    }

    pub(super) fn clear_unanswered(&mut self, questionnaire_code: &str) {
        for code in std::mem::take(&mut self.memory.unanswered) {
            if questionnaire(&code) == Some(questionnaire_code) {
                self.cancel(&code);
            } else {
                self.memory.unanswered.insert(code);
            }
        }
    }

    pub(super) fn report_unanswered(&mut self) {
        self.alert(
            "QUESTIONNAIRE_MISSED",
            Severity::Warning,
            zh_en("问卷超期未填写,请联系患者。", "A questionnaire was not answered: please contact the patient."),
            Role::HealthManager,
            DAY_IN_MINUTES,
            sources::PROJECT,
        );
    }

    fn remind_of_questions(&mut self) {
        self.tell(
            "questionnaire-due",
            zh_en("您有一份随访问卷待填写。", "There is a questionnaire for you to fill in."),
        );
    }

    /// The five items, an exposure, signs, prevention.
    pub(super) fn intake(&mut self, answers: &Answers<'_>) {
        let hours = answers.amount(link::CONTACT_HOURS, "h", rules::HOURS_PLAUSIBLE);
        let asked = [link::CONTACT, link::UNWELL].into_iter().chain(link::RISKS);
        let whole = asked.into_iter().all(|link| answers.boolean(link).is_some()) && hours != Amount::Wrong;
        if !whole {
            self.answer_unusable();
        }
        if self.chart.is_infected() {
            return;
        }
        // Hours say that there was one, too.
        let exposed = answers.boolean(link::CONTACT).unwrap_or(matches!(hours, Amount::Of(_)));
        if answers.yes(link::UNWELL) {
            self.symptoms();
        }
        let is_risk = |link: &&&str| answers.yes(link) && !(**link == link::PARTNER && answers.yes(link::SUPPRESSED));
        let risks = link::RISKS.iter().filter(is_risk).count();
        if risks > 0 {
            self.note(zh_en(
                format!("风险评估:5项中{risks}项为是,高风险。"),
                format!("Risk: {risks} of 5 items are yes, a high risk."),
            ));
        }
        if exposed {
            self.exposure(hours);
        } else if let Some(plan @ ("daily" | "on-demand")) = answers.plan() {
            self.start_prevention(plan);
        } else if risks > 0 {
            self.want_prevention();
        } else if self.memory.arm == Arm::Assessment {
            let days = if whole { rules::RISK_AGAIN } else { 1 };
            self.schedule(task::INTAKE, plus_days(self.now, days));
        }
    }
}
