//! Prevention: begun face to face, renewed only with a negative test.

use xinglin_sdk::{
    clinical::Sex,
    follow_up::{Role, Severity},
    time::{MINUTE, plus_days},
    types::{Decimal, zh_en},
};

use super::{
    Step,
    request::{Visit, Workup},
    task,
};
use crate::{
    chart::Kidney,
    measure::Found,
    memory::{Arm, Hold},
    numbers::{DAY_MINUTES, DAYS_MINUTES, PREP_CLEARANCE, PREP_FIRST_TEST, PREP_STOP, PREP_TEST},
    questions::{Answers, link},
    schedule,
    sources::Source,
};

impl Step<'_> {
    fn enter_prevention(&mut self) {
        if self.memory.arm == Arm::Prevention {
            return;
        }
        self.enter(Arm::Prevention);
        let first = PREP_FIRST_TEST.value;
        self.schedule(&format!("{}-{first}", task::REGULAR), plus_days(self.now, first));
        self.schedule(task::REGULAR, plus_days(self.now, PREP_TEST.value));
    }

    /// A high risk: prevention is offered, and begins face to face.
    pub(super) fn want_prevention(&mut self) {
        if self.memory.arm == Arm::Urgent || self.memory.prevention_since.is_some() {
            return;
        }
        self.enter_prevention();
        self.alert(
            "PREP_CANDIDATE",
            Severity::Warning,
            zh_en(
                format!(
                    "高风险且无72小时内暴露:建议线下评估暴露前预防(HIV阴性、无急性症状、肌酐清除率≥{}、乙肝状态已知)。",
                    PREP_CLEARANCE.value
                ),
                format!(
                    "High risk and no exposure within 72 hours: assess PrEP face to face (HIV negative, no acute signs, \
                     clearance of {} or more, hepatitis B known).",
                    PREP_CLEARANCE.value
                ),
            ),
            (Role::Doctor, DAYS_MINUTES),
            Source::Prep,
        );
        self.refer(Visit::Prevention);
        self.request(Workup::Prevention);
        self.tell_to_visit();
    }

    pub(super) fn start_prevention(&mut self, plan: &str) {
        if self.memory.arm == Arm::Urgent {
            return;
        }
        self.enter_prevention();
        if plan == "on-demand" {
            self.judge_on_demand();
        }
        if self.memory.prevention_since.is_some() {
            return;
        }
        self.memory.prevention_since = Some(self.now);
        self.withdraw_visit(Visit::Prevention);
        if self.chart.is_suspect(self.memory.confirmed) {
            return self.reactive();
        }
        self.judge_kidney();
        self.judge_hepatitis();
        if self.chart.kidney() == Kidney::Unknown || self.chart.hepatitis().is_empty() {
            self.alert(
                "PREP_BASELINE_INCOMPLETE",
                Severity::Warning,
                zh_en(
                    "暴露前预防缺少肌酐清除率或乙肝结果,续方前请补齐。",
                    "PrEP without a known clearance or hepatitis B status: complete it before a renewal.",
                ),
                (Role::Doctor, DAYS_MINUTES),
                Source::Prep,
            );
        }
    }

    fn judge_on_demand(&mut self) {
        if self.chart.snapshot.subject.sex == Sex::Male {
            self.note(zh_en(
                "患者按需(2-1-1)使用:仅适用于男男性行为者,请核实。",
                "The patient uses 2-1-1: only for men who have sex with men; please verify.",
            ));
        } else {
            self.alert(
                "PREP_ON_DEMAND_UNSUITED",
                Severity::Warning,
                zh_en(
                    "按需(2-1-1)方案仅适用于男男性行为者,请改评估每日方案。",
                    "2-1-1 is only for men who have sex with men: assess daily use.",
                ),
                (Role::Doctor, DAY_MINUTES),
                Source::PrepUse,
            );
        }
    }

    pub(super) fn judge_kidney(&mut self) {
        if self.memory.prevention_since.is_some() && self.chart.kidney() == Kidney::Below {
            self.alert(
                "PREP_CLEARANCE_LOW",
                Severity::Warning,
                zh_en(
                    "肌酐清除率<60 mL/min,不宜TDF/FTC。",
                    "Creatinine clearance below 60 mL/min: TDF/FTC is not suitable.",
                ),
                (Role::Doctor, DAY_MINUTES),
                Source::Prep,
            );
            self.hold(
                Hold::Kidney,
                zh_en("化验结果须医生复核。", "A result is to be reviewed by a doctor."),
                Source::Prep,
            );
        }
    }

    pub(super) fn judge_hepatitis(&mut self) {
        if self.memory.arm == Arm::Prevention && matches!(self.chart.hepatitis().first(), Some((_, Found::Positive))) {
            self.alert(
                "PREP_HEPATITIS_B",
                Severity::Warning,
                zh_en(
                    "乙肝表面抗原阳性:停用含TDF方案有肝炎发作风险,不宜按需使用,请线下评估。",
                    "Hepatitis B surface antigen positive: stopping TDF may cause a flare, 2-1-1 is unsuitable. Assess.",
                ),
                (Role::Doctor, DAY_MINUTES),
                Source::Prep,
            );
        }
    }

    /// Signs of an acute infection, or of a side effect.
    pub(super) fn symptoms(&mut self, answers: &Answers<'_>) {
        let [zh, en] = answers.symptoms();
        self.critical(
            "ACUTE_SYMPTOMS",
            zh_en(
                format!("患者报告{zh}:排除急性感染或不良反应,线下评估并加测核酸。"),
                format!("The patient has {en}: exclude an acute infection or a side effect, face to face, with RNA."),
            ),
            Source::Prep,
        );
        if self.memory.arm != Arm::Treatment {
            self.request(Workup::Confirm);
        }
        // A course that has begun goes on, as treatment does, until a doctor has seen the patient.
        if self.memory.arm != Arm::Treatment && !self.is_in_course() {
            self.hold(Hold::Symptoms, zh_en("不适症状须当面评估。", "To be seen face to face first."), Source::Prep);
        }
        self.refer(Visit::Symptoms);
        self.tell_to_visit();
    }

    pub(super) fn regular_answered(&mut self, answers: &Answers<'_>) {
        if self.memory.arm != Arm::Prevention {
            return;
        }
        let last = answers.amount(link::LAST_DAYS);
        match answers.plan() {
            Some(plan @ ("daily" | "on-demand")) => self.start_prevention(plan),
            Some(_) if self.memory.prevention_since.is_some() => {
                self.judge_stop(last);
                self.end_prevention();
            }
            _ => {}
        }
        if answers.yes(link::UNWELL) {
            self.symptoms(answers);
        }
        self.judge_gap(answers);
        if answers.yes(link::STOP) && self.memory.prevention_since.is_some() {
            self.judge_stop(last);
        }
    }

    /// Days that are not known count as too few.
    fn judge_stop(&mut self, last: Option<Decimal>) {
        if last.is_some_and(|days| days >= Decimal::whole(PREP_STOP.value)) {
            return self.note(zh_en(
                "患者希望停止或已停止,距末次暴露已满7天;停前请复查HIV并核对乙肝。",
                "The patient stops, 7 days or more after the last exposure: test HIV again, mind hepatitis B.",
            ));
        }
        self.alert(
            "PREP_STOP_TOO_EARLY",
            Severity::Warning,
            zh_en(
                "距末次暴露未满7天(或不明)即要停止,请药师联系。",
                "Stops less than 7 days after the last exposure, or it is not known: a pharmacist calls.",
            ),
            (Role::Pharmacist, DAY_MINUTES),
            Source::PrepUse,
        );
        self.tell(
            "keep-on",
            zh_en(
                "在与团队沟通之前,请继续按医生的安排执行。",
                "Please go on as your doctor arranged until our team has talked with you.",
            ),
        );
        // Of a part of a day none is gone.
        let gone = last.map(Decimal::normalized).filter(|days| days.scale == 0).map_or(0, |days| days.unscaled);
        self.schedule(task::STOP_DAY, plus_days(self.now, PREP_STOP.value - gone));
    }

    pub(super) fn stop_day(&mut self) {
        self.note(zh_en(
            "距末次暴露已满7天,可与患者讨论停止;停前请复查HIV。",
            "7 days since the last exposure: stopping may be discussed; test HIV again before.",
        ));
    }

    /// What is held for an overdue test stays: the patient may only say that it has ended.
    pub(super) fn end_prevention(&mut self) {
        self.memory.prevention_since = None;
    }

    /// The doctor who lifts the hold lets this test pass, not the next.
    pub(super) fn waive_test(&mut self) {
        self.memory.waived = schedule::test_holds_until(&self.memory, &self.chart);
    }

    /// No renewal without a negative test in its time.
    pub(super) fn plan_renewal(&mut self) {
        let until = match self.memory.arm {
            Arm::Prevention => schedule::test_holds_until(&self.memory, &self.chart),
            _ => None,
        };
        let holds = until.is_none_or(|until| until >= self.now && self.memory.prevention_since != Some(until));
        if holds && schedule::is_negative_since_hold(&self.memory, &self.chart) {
            self.release(Hold::Renewal);
        }
        let Some(until) = until else {
            if self.memory.renewal.take().is_some() {
                self.cancel(task::RENEWAL);
            }
            return;
        };
        if !holds && self.memory.waived != Some(until) && !self.memory.holds.contains(&Hold::Renewal) {
            self.memory.negative_at_hold = schedule::negative(&self.memory, &self.chart);
            self.alert(
                "PREP_TEST_OVERDUE",
                Severity::Warning,
                zh_en(
                    "期限内没有HIV阴性结果(首月及其后每90天):暂停续方,补测后自动恢复。",
                    "No negative HIV test in its time (after a month, then every 90 days): no renewal until there is one.",
                ),
                (Role::Doctor, DAY_MINUTES),
                Source::PrepFollowUp,
            );
            self.hold(Hold::Renewal, zh_en("有一项化验逾期。", "A laboratory test is overdue."), Source::PrepFollowUp);
            self.remind_of_laboratory();
        }
        let ring = until.saturating_add(MINUTE);
        if self.memory.renewal != Some(ring) {
            self.memory.renewal = Some(ring);
            if ring > self.now {
                self.schedule(task::RENEWAL, ring);
            } else {
                self.cancel(task::RENEWAL);
            }
        }
    }
}
