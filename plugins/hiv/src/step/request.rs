//! What is asked of others, followed to its end: visits, tests, questions, the team.

use xinglin_sdk::{
    clinical::Sex,
    follow_up::{Destination, Directive, LabRequest, Referral, RequestEnd, RequestReport, Role, Severity},
    time::{Instant, plus_days},
    types::{Coding, LocalizedText, zh_en},
};

use super::{Step, task, treatment};
use crate::{
    chart::Chart,
    measure,
    memory::{Arm, Hold},
    numbers::{
        BASELINE_DAYS, CONFIRM_DAYS, DAY_MINUTES, EMERGENCY_DAYS, EXPIRED_VISIT_DAYS, Number, PREGNANT_DAYS,
        PREP_VISIT_DAYS, RECONTACT_DAYS, RECONTACT_URGENT, REGIMEN_TESTS_DAYS, SOON_MINUTES,
    },
    questions,
    schedule::Lab,
    sources::Source,
};

/// A visit face to face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// After an exposure, in time.
    Urgent,
    /// After an exposure, too late for a course.
    Expired,
    /// For prevention.
    Prevention,
    /// Signs of an acute infection or a side effect.
    Symptoms,
    /// A test that is not negative.
    Confirm,
    /// Thoughts of suicide.
    Crisis,
    /// A pregnancy.
    Pregnancy,
}

impl Visit {
    const ALL: [Self; 7] =
        [Self::Urgent, Self::Expired, Self::Prevention, Self::Symptoms, Self::Confirm, Self::Crisis, Self::Pregnancy];

    /// The patient may see it.
    const fn code(self) -> &'static str {
        match self {
            Self::Urgent => "urgent-visit",
            Self::Expired => "later-visit",
            Self::Prevention => "first-visit",
            Self::Symptoms => "symptoms-visit",
            Self::Confirm => "result-visit",
            Self::Crisis => "help-visit",
            Self::Pregnancy => "specialist-visit",
        }
    }

    fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|visit| visit.code() == code)
    }

    /// Attended within; of [`Self::Urgent`] the hours of the exposure say it.
    const fn days(self) -> Number {
        match self {
            Self::Urgent | Self::Crisis => EMERGENCY_DAYS,
            Self::Expired => EXPIRED_VISIT_DAYS,
            Self::Prevention => PREP_VISIT_DAYS,
            Self::Symptoms | Self::Confirm => CONFIRM_DAYS,
            Self::Pregnancy => PREGNANT_DAYS,
        }
    }

    const fn source(self) -> Source {
        match self {
            Self::Urgent => Source::Pep,
            Self::Expired => Source::PepFollowUp,
            Self::Prevention => Source::InternetCare,
            Self::Symptoms | Self::Confirm => Source::Prep,
            Self::Crisis | Self::Pregnancy => Source::Project,
        }
    }

    /// What the team is told if it does not take place: code, and what it was for.
    const fn lapsed(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Urgent => ("PEP_VISIT_LAPSED", "暴露后急诊评估", "the urgent assessment after an exposure"),
            Self::Expired => {
                ("EXPOSURE_VISIT_LAPSED", "暴露后(已超72小时)就诊", "the visit after an exposure, too late for PEP")
            }
            Self::Prevention => ("PREP_VISIT_LAPSED", "暴露前预防的线下评估", "the assessment for PrEP"),
            Self::Symptoms => ("SYMPTOMS_VISIT_LAPSED", "急性症状的当面评估", "the visit for acute symptoms"),
            Self::Confirm => ("CONFIRMATION_VISIT_LAPSED", "检测结果的当面确证", "the visit that confirms a test"),
            Self::Crisis => ("CRISIS_VISIT_LAPSED", "心理危机的急诊评估", "the emergency assessment in a crisis"),
            Self::Pregnancy => ("PREGNANCY_VISIT_LAPSED", "妊娠的专科评估", "the specialist visit in a pregnancy"),
        }
    }

    const fn severity(self) -> Severity {
        match self {
            Self::Urgent | Self::Symptoms | Self::Confirm | Self::Crisis => Severity::Critical,
            Self::Expired | Self::Prevention | Self::Pregnancy => Severity::Warning,
        }
    }
}

/// Several tests that are wanted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workup {
    /// At the start of a course after an exposure. Nobody waits for them.
    Baseline,
    /// Before prevention.
    Prevention,
    /// Of a test that is not negative, or of signs of an acute infection.
    Confirm,
    /// Of a failure.
    Regimen,
}

impl Workup {
    const ALL: [Self; 4] = [Self::Baseline, Self::Prevention, Self::Confirm, Self::Regimen];

    /// The patient may see it.
    const fn code(self) -> &'static str {
        match self {
            Self::Baseline => "baseline-tests",
            Self::Prevention => "first-tests",
            Self::Confirm => "result-tests",
            Self::Regimen => "plan-tests",
        }
    }

    fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workup| workup.code() == code)
    }

    const fn days(self) -> Number {
        match self {
            Self::Baseline => BASELINE_DAYS,
            Self::Prevention => PREP_VISIT_DAYS,
            Self::Confirm => CONFIRM_DAYS,
            Self::Regimen => REGIMEN_TESTS_DAYS,
        }
    }

    const fn source(self) -> Source {
        match self {
            Self::Baseline => Source::Pep,
            Self::Prevention | Self::Confirm => Source::Prep,
            Self::Regimen => Source::Failure,
        }
    }

    /// Code and English name of each; a doctor orders them.
    fn tests(self, chart: &Chart<'_>) -> Vec<(&'static str, &'static str)> {
        let test = (measure::HIV_TEST, "HIV antigen and antibody");
        let surface = (measure::HEPATITIS_B, "Hepatitis B surface antigen");
        let hepatitis = (measure::HEPATITIS_C, "Hepatitis C antibody");
        let creatinine = (measure::CREATININE, "Creatinine");
        match self {
            Self::Baseline => {
                let mut tests = vec![test, surface, hepatitis, creatinine, (measure::ALT, "Alanine aminotransferase")];
                if chart.snapshot.subject.sex != Sex::Male {
                    tests.push((measure::PREGNANCY, "Choriogonadotropin"));
                }
                tests
            }
            Self::Prevention => vec![test, creatinine, surface, hepatitis, (measure::SYPHILIS, "Syphilis antibody")],
            Self::Confirm => vec![test, (measure::VIRAL_LOAD, "HIV RNA")],
            Self::Regimen => {
                vec![(measure::RESISTANCE, "HIV-1 drug resistance, genotype"), (measure::CD4, "CD4 count")]
            }
        }
    }
}

impl Step<'_> {
    // --- asking -------------------------------------------------------------------------------

    /// The host sends the reason of a referral to the patient, so it names nothing: what it is about is in the alert.
    pub(super) fn refer(&mut self, visit: Visit) {
        self.refer_by(visit, plus_days(self.now, visit.days().value));
    }

    pub(super) fn refer_by(&mut self, visit: Visit, attend_by: Instant) {
        let reason = match visit {
            Visit::Urgent => zh_en("请现在就诊,不要等待任何检查。", "Please go now, without waiting for any tests."),
            Visit::Crisis => zh_en("请立即获得当面帮助。", "Please get help in person now."),
            _ => zh_en("请按团队的安排当面就诊。", "Please see a doctor in person, as our team arranges."),
        };
        let urgent = matches!(visit, Visit::Urgent | Visit::Crisis);
        let recontact = if urgent { RECONTACT_URGENT } else { RECONTACT_DAYS };
        self.push_once(Directive::Refer(Referral {
            code: visit.code().to_owned(),
            destination: if visit == Visit::Crisis { Destination::Emergency } else { Destination::Offline(None) },
            reason,
            attend_by,
            recontact_days: Some(recontact.days()),
            citation: visit.source().citation(),
        }));
        self.schedule(task::ARRANGE, self.now);
    }

    pub(super) fn withdraw_visit(&mut self, visit: Visit) {
        self.withdraw(visit.code());
    }

    pub(super) fn withdraw_tests(&mut self, workup: Workup) {
        self.withdraw(workup.code());
    }

    /// Also what this step was about to ask.
    pub(super) fn withdraw(&mut self, code: &str) {
        self.directives.retain(|one| match one {
            Directive::Refer(referral) => referral.code != code,
            Directive::RequestLab(request) => request.code != code,
            Directive::Convene(team) => team.code != code,
            _ => true,
        });
        self.push_once(Directive::WithdrawRequest(code.to_owned()));
    }

    pub(super) fn request(&mut self, workup: Workup) {
        let tests = workup.tests(&self.chart);
        let by = plus_days(self.now, workup.days().value);
        self.request_tests(workup.code(), &tests, by, workup.source());
    }

    pub(super) fn request_tests(&mut self, code: &str, tests: &[(&str, &str)], by: Instant, source: Source) {
        self.push_once(Directive::RequestLab(LabRequest {
            code: code.to_owned(),
            tests: tests.iter().map(|(code, name)| Coding::loinc(*code).displayed(*name)).collect(),
            by,
            reason: zh_en("随访需要的化验。", "Tests that the follow-up needs."),
            citation: source.citation(),
        }));
    }

    // --- how it ended -------------------------------------------------------------------------

    pub(super) fn request_ended(&mut self, RequestReport { code, end, outcome, .. }: &RequestReport) {
        if let Some(questionnaire) = questions::known(code) {
            return self.question_ended(questionnaire, *end);
        }
        if let Some(visit) = Visit::of(code) {
            return self.visit_ended(visit, *end);
        }
        if let Some(workup) = Workup::of(code) {
            return self.workup_ended(workup, *end);
        }
        if let Some(lab) = Lab::of(code) {
            return self.lab_request_ended(lab, *end);
        }
        if code == treatment::TEAM {
            self.team_ended(*end, outcome);
        }
    }

    fn visit_ended(&mut self, visit: Visit, end: RequestEnd) {
        match end {
            RequestEnd::Fulfilled => self.visit_took_place(visit),
            RequestEnd::Lapsed if visit == Visit::Urgent => self.urgent_visit_lapsed(),
            RequestEnd::Lapsed => {
                if self.is_wanted(visit) {
                    self.visit_lapsed(visit);
                    self.refer(visit);
                }
            }
            RequestEnd::Declined => {
                if self.is_wanted(visit) {
                    self.visit_declined(visit);
                }
            }
        }
    }

    /// Whether what it was for still stands.
    fn is_wanted(&self, visit: Visit) -> bool {
        match visit {
            Visit::Urgent => self.is_waiting() && !self.memory.seen,
            Visit::Expired => self.memory.arm == Arm::Urgent && self.memory.expired && !self.memory.seen,
            Visit::Prevention => self.memory.arm == Arm::Prevention && self.memory.prevention_since.is_none(),
            Visit::Symptoms => {
                let goes_on = self.memory.arm == Arm::Treatment || self.is_in_course();
                goes_on || self.memory.holds.contains(&Hold::Symptoms)
            }
            Visit::Confirm => self.memory.holds.contains(&Hold::Reactive),
            Visit::Crisis => true,
            Visit::Pregnancy => self.memory.pregnant,
        }
    }

    fn visit_took_place(&mut self, visit: Visit) {
        match visit {
            // Whether it began there is for the patient to say, and does not wait for the next day of questions.
            Visit::Urgent => {
                self.memory.seen = true;
                if self.is_waiting() {
                    self.ask(questions::COURSE);
                }
            }
            Visit::Expired => self.memory.seen = true,
            Visit::Prevention if self.memory.arm == Arm::Prevention => self.ask(questions::REGULAR),
            _ => {}
        }
    }

    pub(super) fn visit_lapsed(&mut self, visit: Visit) {
        let (code, zh, en) = visit.lapsed();
        let message = zh_en(
            format!("未在期限内就诊:{zh}。已再次转诊,请联系患者。"),
            format!("Not attended in time: {en}. Referred again; contact the patient."),
        );
        self.told_of_visit(visit, code, message);
    }

    fn visit_declined(&mut self, visit: Visit) {
        let (_, zh, en) = visit.lapsed();
        let message = zh_en(
            format!("就诊被拒绝:{zh}。请与患者沟通并记录。"),
            format!("Turned down: {en}. Talk with the patient, and record it."),
        );
        self.told_of_visit(visit, "VISIT_DECLINED", message);
    }

    fn told_of_visit(&mut self, visit: Visit, code: &str, message: LocalizedText) {
        match visit.severity() {
            Severity::Critical => self.critical(code, message, visit.source()),
            severity => self.alert(code, severity, message, (Role::Doctor, DAY_MINUTES), visit.source()),
        }
    }

    /// The host has told the doctor of results that are not there: the next is the health manager. They are asked for
    /// again while they are wanted.
    fn workup_ended(&mut self, workup: Workup, end: RequestEnd) {
        let wanted = match workup {
            Workup::Baseline => self.memory.arm == Arm::Urgent,
            Workup::Prevention => self.memory.arm == Arm::Prevention,
            Workup::Confirm => self.memory.arm != Arm::Treatment,
            Workup::Regimen => self.memory.failing,
        };
        let names: Vec<&str> = workup.tests(&self.chart).iter().map(|(_, name)| *name).collect();
        match end {
            RequestEnd::Lapsed if wanted => {
                self.results_missing(&names.join(", "), workup.source());
                self.request(workup);
            }
            RequestEnd::Declined if wanted => self.tests_declined(&names.join(", ")),
            _ => {}
        }
    }

    pub(super) fn results_missing(&mut self, names: &str, source: Source) {
        self.alert(
            "TEST_RESULTS_MISSING",
            Severity::Warning,
            zh_en(
                format!("期限内未见结果({names}),已再次申请,请联系患者与检验科。"),
                format!("No results in time ({names}); asked for again. Contact the patient and the laboratory."),
            ),
            (Role::HealthManager, DAY_MINUTES),
            source,
        );
    }

    pub(super) fn tests_declined(&mut self, names: &str) {
        self.alert(
            "TESTS_DECLINED",
            Severity::Warning,
            zh_en(
                format!("化验被拒绝({names}),请与患者沟通。"),
                format!("Tests turned down ({names}): talk with the patient."),
            ),
            (Role::Doctor, DAY_MINUTES),
            Source::Project,
        );
    }

    fn question_ended(&mut self, questionnaire: &str, end: RequestEnd) {
        self.memory.asked.remove(questionnaire);
        if end != RequestEnd::Fulfilled {
            self.unanswered(questionnaire);
        }
    }

    fn unanswered(&mut self, questionnaire: &str) {
        let urgent = matches!(questionnaire, questions::INTAKE | questions::COURSE);
        let within = if urgent { SOON_MINUTES } else { DAY_MINUTES };
        self.alert(
            "QUESTIONNAIRE_MISSED",
            Severity::Warning,
            zh_en(
                format!("问卷超期未填写({questionnaire}),请联系患者。"),
                format!("A questionnaire was not answered ({questionnaire}): please contact the patient."),
            ),
            (Role::HealthManager, within),
            Source::Project,
        );
        if questionnaire == questions::INTAKE && self.memory.arm == Arm::Assessment {
            self.schedule(task::INTAKE, plus_days(self.now, 1));
        }
    }
}
