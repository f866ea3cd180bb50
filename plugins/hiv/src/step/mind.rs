//! PHQ-9 and GAD-7. The ninth item acts whatever the others say.

use xinglin_sdk::{
    pathway::{AnswerValue, Destination, Role, Severity},
    settings,
    time::{Instant, MINUTE},
    types::zh_en,
};

use super::{Step, THREE_DAYS_IN_MINUTES, task};
use crate::{
    memory::Hold,
    questions::{Answers, link},
    rules, sources,
};

const HOUR: Instant = 60 * MINUTE;

fn minutes(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(1)
}

impl Step<'_> {
    pub(super) fn mood_answered(&mut self, answers: &Answers<'_>) {
        match answers.item(link::ITEM9) {
            Some(score) if score >= rules::ITEM9_CONTACT => self.crisis(),
            Some(score) if score >= rules::ITEM9_ASSESS => self.assess(),
            // Answered in a way that nobody understands: a person finds out.
            None if answers.0.answers.iter().any(|one| one.link_id == link::ITEM9) => self.assess(),
            _ => {}
        }
        match answers.total(9) {
            Some(total) if total >= rules::PHQ9_TODAY => {
                let today = self.minutes_left_today();
                self.scored("PHQ9_SEVERE", "PHQ-9", total, Role::Doctor, today, sources::PHQ9);
            }
            Some(total) if total >= rules::PHQ9_REVIEW => {
                self.scored("PHQ9_REVIEW", "PHQ-9", total, Role::Doctor, THREE_DAYS_IN_MINUTES, sources::PHQ9);
            }
            Some(_) => {}
            None => self.answer_unusable(),
        }
        let tenth = answers.0.answers.iter().find(|one| one.link_id == "item-10").map(|one| &one.value);
        if tenth.is_some_and(|value| !matches!(value, AnswerValue::Integer(0..=3))) {
            self.answer_unusable();
        }
    }

    pub(super) fn worry_answered(&mut self, answers: &Answers<'_>) {
        match answers.total(7) {
            Some(total) if total >= rules::GAD7_SEVERE => {
                self.scored("GAD7_SEVERE", "GAD-7", total, Role::Doctor, THREE_DAYS_IN_MINUTES, sources::GAD7);
            }
            Some(total) if total >= rules::GAD7_REVIEW => {
                self.scored("GAD7_REVIEW", "GAD-7", total, Role::Counsellor, THREE_DAYS_IN_MINUTES, sources::GAD7);
            }
            Some(_) => {}
            None => self.answer_unusable(),
        }
    }

    fn scored(&mut self, code: &str, scale: &str, total: i64, owner: Role, minutes: u32, source: sources::Source) {
        let message = zh_en(format!("{scale} {total}分,请评估。"), format!("{scale} of {total}: please assess."));
        self.alert(code, Severity::Warning, message, owner, minutes, source);
    }

    fn assess(&mut self) {
        self.alert(
            "SAFETY_ASSESSMENT",
            Severity::Critical,
            zh_en(
                "PHQ-9第9项阳性:4小时内由医生完成安全评估。",
                "PHQ-9 item 9: a clinician assesses safety within 4 hours.",
            ),
            Role::Doctor,
            minutes(rules::ASSESS_MINUTES - 1),
            sources::PROJECT,
        );
        self.tell_where_to_call();
    }

    fn crisis(&mut self) {
        self.alert(
            "SAFETY_CONTACT_NOW",
            Severity::Critical,
            zh_en(
                "PHQ-9第9项≥2:5分钟内由真人联系,联系紧急联系人,不得结束会话。",
                "PHQ-9 item 9 of 2 or more: a person makes contact within 5 minutes, with the emergency contact; \
                 the visit is not closed.",
            ),
            Role::Doctor,
            minutes(rules::CONTACT_MINUTES),
            sources::PROJECT,
        );
        self.assess();
        self.hold(
            Hold::Safety,
            zh_en("须先当面评估安全。", "Safety is assessed face to face first."),
            sources::PROJECT,
        );
        self.refer(
            Destination::Emergency,
            zh_en("请立即获得当面帮助。", "Please get help in person now."),
            1,
            sources::PROJECT,
        );
        for hours in rules::CONTACT_AGAIN {
            self.schedule(&format!("{}{hours}", task::AGAIN), self.now.saturating_add(hours * HOUR));
        }
    }

    /// Never empty.
    fn tell_where_to_call(&mut self) {
        let line = settings::text("crisis-line").filter(|line| !line.trim().is_empty());
        let line = line.unwrap_or_else(|| "12356".to_owned());
        self.tell(
            "where-to-call",
            zh_en(
                format!("如果您现在很难受,请拨打{line},紧急情况请拨打120。医护人员会尽快与您联系。"),
                format!("If things are hard right now, call {line}; in an emergency call 120. Our team will contact you very soon."),
            ),
        );
    }
}
