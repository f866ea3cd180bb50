//! Treatment: viral load, CD4, adherence.

use xinglin_sdk::{
    follow_up::{Directive, Participant, RequestEnd, Role, Severity, Team},
    time::{Instant, MINUTE, plus_days},
    types::{Coding, Decimal, zh_en},
};

use super::{Step, request::Workup, task};
use crate::{
    chart::Therapy,
    measure::Load,
    memory::{Arm, Hold},
    numbers::{
        ADHERENCE_EVERY, CALLED_DAYS, CD4_BASELINE, CD4_PROPHYLAXIS, COVERED, DAY_MINUTES, DIET_FIRST, GAP_HOURS,
        LOAD_FIRST, PHARMACIST_FIRST, REVIEW_EVERY, SOON_MINUTES, TEAM_DAYS, TEAM_LEAST,
    },
    questions::{Answers, HOUR, link},
    schedule,
    sources::Source,
};

/// Code of the team that decides about a failure. The patient may see it.
pub const TEAM: &str = "plan-team";
/// System of its conclusions, with the codes that the pathway knows: the regimen changes; it goes on, with help to take it;
/// more tests first.
const CONCLUSIONS: &str = "urn:xinglin:follow-up:conclusion";
const CHANGE: &str = "change";
const CONTINUE: &str = "continue";
const MORE_TESTS: &str = "more-tests";
/// System of specialities.
const DISCIPLINES: &str = "urn:xinglin:discipline";
/// Who decides.
struct Seat {
    role: Role,
    /// Code and name of the speciality of a doctor.
    discipline: Option<(&'static str, &'static str)>,
    /// Part of the plan, in Chinese and English.
    part: (&'static str, &'static str),
}

const SEATS: [Seat; 4] = [
    Seat {
        role: Role::Doctor,
        discipline: Some(("infectious-diseases", "感染科")),
        part: ("诊断与方案", "diagnosis and plan"),
    },
    Seat {
        role: Role::Doctor,
        discipline: Some(("laboratory-medicine", "检验科")),
        part: ("检验结果解读", "what the tests for the plan mean"),
    },
    Seat { role: Role::Pharmacist, discipline: None, part: ("相互作用与依从性", "interactions and adherence") },
    Seat { role: Role::Psychotherapist, discipline: None, part: ("心理支持", "psychological support") },
];
const _: () = assert!(SEATS.len() >= TEAM_LEAST.value as usize, "too few disciplines");

impl Step<'_> {
    pub(super) fn enter_treatment(&mut self) {
        self.enter(Arm::Treatment);
        self.release(Hold::Renewal);
        for (code, days) in [
            (task::ROUTINE, ADHERENCE_EVERY),
            (task::REVIEW, REVIEW_EVERY),
            (task::PHARMACIST, PHARMACIST_FIRST),
            (task::DIET, DIET_FIRST),
        ] {
            self.schedule(code, plus_days(self.now, days.value));
        }
        self.schedule(task::PUBLIC_HEALTH, self.now);
        if self.chart.therapy() == Therapy::Absent {
            self.alert(
                "ART_NOT_ON_RECORD",
                Severity::Warning,
                zh_en(
                    "档案中没有抗病毒治疗记录:请核实并线下启动或补录。",
                    "No antiretroviral treatment on record: please verify, and begin it face to face or record it.",
                ),
                (Role::Doctor, DAY_MINUTES),
                Source::ViralLoad,
            );
        }
        self.judge_load();
        self.judge_cd4();
    }

    /// At the count nearest to the start, once.
    pub(super) fn note_baseline(&mut self) {
        if self.memory.low_baseline.is_some() {
            return;
        }
        let Therapy::Since(start, _) = self.chart.therapy() else { return };
        let before = |(taken, _): &&(Instant, Decimal)| *taken <= plus_days(start, LOAD_FIRST.value);
        let low = self.chart.counts().iter().find(before).map(|(_, count)| *count < Decimal::whole(CD4_BASELINE.value));
        self.memory.low_baseline = low;
    }

    /// The newest viral load.
    pub(super) fn judge_load(&mut self) {
        if self.memory.arm != Arm::Treatment {
            return;
        }
        match self.chart.loads().first() {
            Some((_, Load::High)) => self.judge_high(),
            Some((_, Load::Low)) => {
                self.fails_no_more();
                self.alert(
                    "LOW_LEVEL_VIRAEMIA",
                    Severity::Warning,
                    zh_en(
                        "病毒载量50~200拷贝/mL:药师复核依从性与相互作用。",
                        "Viral load 50 to 200 copies/mL: a pharmacist reviews adherence and interactions.",
                    ),
                    (Role::Pharmacist, DAY_MINUTES),
                    Source::Failure,
                );
            }
            Some((_, Load::Undetectable)) => self.fails_no_more(),
            None => {}
        }
    }

    /// What was asked because of it is not needed any more.
    fn fails_no_more(&mut self) {
        if std::mem::take(&mut self.memory.failing) {
            self.withdraw(TEAM);
            self.withdraw_tests(Workup::Regimen);
        }
    }

    fn judge_high(&mut self) {
        if self.memory.failing && !self.is_high_since_the_team() {
            return;
        }
        if schedule::is_failure(&self.chart) {
            self.failure();
        } else if schedule::is_repeated(&self.memory, &self.chart) {
            self.alert(
                "VIRAL_LOAD_HIGH",
                Severity::Warning,
                zh_en(
                    "病毒载量>200拷贝/mL:28天内复测,同时评估依从性。",
                    "Viral load above 200 copies/mL: repeat within 28 days, and assess adherence.",
                ),
                (Role::Doctor, DAY_MINUTES),
                Source::Failure,
            );
        }
    }

    /// Whether the newest viral load was taken after the team had decided.
    fn is_high_since_the_team(&self) -> bool {
        let newest = self.chart.loads().first().map(|(taken, _)| *taken);
        self.memory.decided.is_some_and(|decided| newest.is_some_and(|newest| newest > decided))
    }

    /// Treatment goes on meanwhile: there is no hold.
    fn failure(&mut self) {
        self.memory.failing = true;
        self.alert(
            "VIROLOGICAL_FAILURE",
            Severity::Critical,
            zh_en(
                "连续两次病毒载量>200拷贝/mL(治疗24周后):病毒学失败。已申请耐药检测并召集多学科讨论;期间不停药。",
                "Two viral loads in a row above 200 copies/mL after week 24: virological failure. A resistance test and a \
                 discussion of several disciplines are asked for; treatment goes on meanwhile.",
            ),
            (Role::Doctor, DAY_MINUTES),
            Source::Failure,
        );
        self.alert(
            "ADHERENCE_REVIEW",
            Severity::Warning,
            zh_en("病毒学失败:药师复核依从性。", "Virological failure: a pharmacist reviews adherence."),
            (Role::Pharmacist, DAY_MINUTES),
            Source::Failure,
        );
        self.request(Workup::Regimen);
        self.convene();
        self.tell(
            "team-discusses",
            zh_en(
                "团队将共同讨论您的随访安排,请照常执行。",
                "Our team will discuss your follow-up; please go on as before.",
            ),
        );
    }

    /// Several disciplines, each by name. What the patient may see of it names nothing.
    pub(super) fn convene(&mut self) {
        self.memory.decided = None;
        let participant = |Seat { role, discipline, part: (zh, en) }| Participant {
            role,
            discipline: discipline.map(|(code, display)| Coding::new(DISCIPLINES, code).displayed(display)),
            responsibility: zh_en(zh, en),
        };
        self.push_once(Directive::Convene(Team {
            code: TEAM.to_owned(),
            question: zh_en(
                "化验值连续两次高于目标:是否调整方案,如何支持患者坚持?结论代码:change、continue或more-tests。",
                "Two results in a row above the goal: does the plan change, and what helps the patient to keep to it? \
                 Conclusion: change, continue or more-tests.",
            ),
            participants: SEATS.map(participant).to_vec(),
            deadline: plus_days(self.now, TEAM_DAYS.value),
            citation: Source::Failure.citation(),
        }));
    }

    pub(super) fn team_ended(&mut self, end: RequestEnd, outcome: &[Coding]) {
        if !self.memory.failing {
            return;
        }
        let concluded = |code: &str| outcome.iter().any(|coding| coding.is(CONCLUSIONS, code));
        match end {
            RequestEnd::Fulfilled if concluded(MORE_TESTS) => {
                self.request(Workup::Regimen);
                self.convene();
            }
            RequestEnd::Fulfilled => self.team_decided(concluded(CHANGE), concluded(CONTINUE)),
            RequestEnd::Lapsed => {
                self.alert(
                    "FAILURE_TEAM_LAPSED",
                    Severity::Critical,
                    zh_en(
                        "病毒学失败的多学科讨论未在期限内形成方案,已再次召集,请催办。",
                        "The team has not decided about the virological failure in time. It is asked again: see to it.",
                    ),
                    (Role::HealthManager, SOON_MINUTES),
                    Source::Failure,
                );
                self.convene();
            }
            RequestEnd::Declined => {
                self.memory.decided = Some(self.now);
                self.alert(
                    "FAILURE_TEAM_DECLINED",
                    Severity::Critical,
                    zh_en(
                        "病毒学失败的多学科讨论被取消,请主管医生决定方案。",
                        "The discussion of the virological failure was turned down: the doctor decides about the regimen.",
                    ),
                    (Role::Doctor, DAY_MINUTES),
                    Source::Failure,
                );
            }
        }
    }

    fn team_decided(&mut self, change: bool, goes_on: bool) {
        self.memory.decided = Some(self.now);
        if change {
            self.schedule(task::CHANGE, self.now);
            self.note(zh_en(
                "多学科结论:更换方案。请线下完成并录入新方案;更换后第4周复测病毒载量。",
                "The team decided to change the regimen. Do it face to face and record it; viral load at week 4 after it.",
            ));
        } else if goes_on {
            self.schedule(task::PHARMACIST, self.now);
            self.note(zh_en(
                "多学科结论:维持方案并加强依从性支持。请据此随访。",
                "The team decided to go on with the regimen and to support adherence.",
            ));
        } else {
            self.note(zh_en("多学科方案已形成,请据此处理。", "The team has decided: act on its plan."));
        }
    }

    /// The newest CD4 count.
    pub(super) fn judge_cd4(&mut self) {
        let low = |count: &Decimal| *count < Decimal::whole(CD4_PROPHYLAXIS.value);
        if self.memory.arm == Arm::Treatment && self.chart.counts().first().is_some_and(|(_, count)| low(count)) {
            self.alert(
                "CD4_BELOW_200",
                Severity::Warning,
                zh_en(
                    "CD4<200/μL:评估机会性感染预防。",
                    "CD4 below 200/uL: review prophylaxis of opportunistic infections.",
                ),
                (Role::Doctor, DAY_MINUTES),
                Source::Prophylaxis,
            );
        }
    }

    pub(super) fn routine_answered(&mut self, answers: &Answers<'_>) {
        if self.memory.arm != Arm::Treatment {
            return;
        }
        if answers.yes(link::UNWELL) {
            self.symptoms(answers);
        }
        self.judge_gap(answers);
        self.judge_covered();
    }

    pub(super) fn judge_gap(&mut self, answers: &Answers<'_>) {
        if answers.amount(link::GAP_HOURS).is_some_and(|hours| hours > Decimal::whole(GAP_HOURS.value)) {
            self.gap();
        }
    }

    fn gap(&mut self) {
        self.alert(
            "ADHERENCE_GAP",
            Severity::Warning,
            zh_en("漏服或断药超过48小时,请药师电话联系。", "More than 48 hours without medicine: a pharmacist calls."),
            (Role::Pharmacist, DAY_MINUTES),
            Source::Project,
        );
    }

    pub(super) fn review(&mut self) {
        if self.memory.arm == Arm::Treatment {
            self.judge_covered();
        }
    }

    fn judge_covered(&mut self) {
        let Some((covered, days)) = self.chart.covered() else { return };
        let called = self.memory.called_until.is_some_and(|until| self.now < until);
        if covered * 100 < days * COVERED.value && !called {
            self.memory.called_until = Some(plus_days(self.now, CALLED_DAYS.value));
            self.alert(
                "ADHERENCE_LOW",
                Severity::Warning,
                zh_en(
                    format!("近{days}天药物覆盖{covered}天(低于95%),请药师电话联系。"),
                    format!("{covered} of {days} days covered, below 95 %: a pharmacist calls."),
                ),
                (Role::Pharmacist, DAY_MINUTES),
                Source::Project,
            );
        }
    }

    /// A timer 48 hours after the supply ends.
    pub(super) fn plan_supply(&mut self) {
        let ring = self.chart.supply_ends().map(|ends| ends.saturating_add(GAP_HOURS.value * HOUR + MINUTE));
        if ring == self.memory.supply {
            return;
        }
        self.memory.supply = ring;
        match ring {
            Some(ring) => self.schedule(task::SUPPLY, ring),
            None => self.cancel(task::SUPPLY),
        }
    }

    pub(super) fn supply_over(&mut self) {
        let over = |ends: Instant| self.now.saturating_sub(ends) > GAP_HOURS.value * HOUR;
        if self.memory.arm == Arm::Treatment && self.chart.supply_ends().is_some_and(over) {
            self.gap();
        }
    }
}
