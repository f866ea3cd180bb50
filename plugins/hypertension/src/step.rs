//! What happens at each event.

use xinglin_sdk::{
    clinical::{Observation, Snapshot},
    follow_up::{
        Acts, Alert, AnswerValue, Destination, Directive, Error, Event, Hold, LabRequest, Message, Outcome,
        Participant, Provenance, Question, Reading, Referral, ReleaseBy, Repetition, RequestEnd, RequestReport,
        Response, Role, Severity, State, Stop, Task, TaskEnd, TaskRef, TaskReport, Team,
    },
    time::{Instant, plus_days, plus_minutes},
    types::{Coding, Decimal, LocalizedText, zh_en},
};

use crate::{
    definition::{FORM, code, stage},
    memory::Memory,
    numbers::{
        ANSWER_DAYS, CLINIC_DIASTOLIC, CLINIC_SYSTOLIC, DIARY_DAYS, EGFR, EMERGENCY_MINUTES, HOME_DIASTOLIC,
        HOME_SYSTOLIC, Number, OLD, OLD_SYSTOLIC, POTASSIUM_DECIMMOL, RECHECK_DAYS, REFERRAL_DAYS,
        SEVERE_AGAIN_MINUTES, SEVERE_DIASTOLIC, SEVERE_MINUTES, SEVERE_SYSTOLIC, TEAM_DAYS, VISIT_DAYS, YEARLY_DAYS,
        YEARLY_RESULT_DAYS,
    },
    sources::Source,
};

const DAY_MINUTES: u32 = 24 * 60;

/// One step.
pub fn step(state: Option<&State>, event: &Event, snapshot: &Snapshot, now: Instant) -> Result<Outcome, Error> {
    let mut step = Step { memory: Memory::read(state)?, snapshot, now, directives: Vec::new() };
    match event {
        Event::Enrolled => step.enrolled(),
        Event::TaskDue(task) => step.due(task),
        Event::TaskEnded(report) => step.ended(report),
        Event::Answered(response) => step.answered(response),
        Event::Observed(reading) => step.observed(reading),
        Event::RequestEnded(report) => step.request_ended(report),
        _ => {}
    }
    let Step { memory, directives, .. } = step;
    let stage = match memory {
        Memory { too_high: 0, .. } if state.is_some() => stage::CONTROLLED,
        Memory { too_high: 2.., .. } => stage::REVIEW,
        _ => stage::TITRATION,
    };
    Ok(Outcome { state: memory.write()?, stage: stage.to_owned(), directives })
}

struct Step<'a> {
    memory: Memory,
    snapshot: &'a Snapshot,
    now: Instant,
    directives: Vec<Directive>,
}

/// Both numbers, in mm\[Hg\].
#[derive(Debug, Clone, Copy)]
struct Pressure {
    systolic: Decimal,
    diastolic: Decimal,
}

impl Pressure {
    fn reaches(self, systolic: Number, diastolic: Number) -> bool {
        self.systolic >= Decimal::whole(systolic.value) || self.diastolic >= Decimal::whole(diastolic.value)
    }
}

impl Step<'_> {
    fn enrolled(&mut self) {
        self.repeated("visit", zh_en("面对面随访", "Visit face to face"), Role::Doctor, (VISIT_DAYS, 14));
        self.repeated(
            "diary",
            zh_en("测量家庭血压", "Pressure at home"),
            Role::Patient,
            (DIARY_DAYS, ANSWER_DAYS.minutes()),
        );
        self.repeated("yearly", zh_en("年度检查", "Yearly tests"), Role::Doctor, (YEARLY_DAYS, 30));
        self.ask(ANSWER_DAYS.minutes() * DAY_MINUTES);
    }

    fn repeated(&mut self, code: &str, title: LocalizedText, owner: Role, (every, window_days): (Number, u32)) {
        self.directives.push(Directive::ScheduleTask(Task {
            code: code.to_owned(),
            title,
            owner,
            due: plus_days(self.now, every.value),
            window_minutes: window_days.saturating_mul(DAY_MINUTES),
            repeat: Some(Repetition { every_days: every.days(), times: None }),
        }));
    }

    fn due(&mut self, task: &TaskRef) {
        match task.code.as_str() {
            "diary" | "recheck" => self.ask(ANSWER_DAYS.minutes() * DAY_MINUTES),
            "yearly" => self.yearly(),
            _ => {}
        }
    }

    fn yearly(&mut self) {
        self.directives.push(Directive::RequestLab(LabRequest {
            code: "yearly-tests".to_owned(),
            tests: vec![code::potassium(), code::creatinine(), code::egfr()],
            by: plus_days(self.now, YEARLY_RESULT_DAYS.value),
            reason: zh_en("高血压年度检查。", "Yearly tests in hypertension."),
            citation: YEARLY_DAYS.source.citation(),
        }));
    }

    fn ask(&mut self, within_minutes: u32) {
        let question = Question { questionnaire: FORM.to_owned(), respondent: Role::Patient, within_minutes };
        self.directives.push(Directive::Ask(question));
    }

    fn ended(&mut self, TaskReport { task, end, .. }: &TaskReport) {
        if task.code == "visit" && *end == TaskEnd::Missed {
            self.alert(
                ("VISIT_MISSED", Severity::Warning, Role::Nurse, 3 * DAY_MINUTES),
                zh_en("面对面随访未按期完成,请联系患者。", "A visit face to face was missed: contact the patient."),
                VISIT_DAYS.source,
            );
        }
    }

    fn answered(&mut self, response: &Response) {
        let number = |link_id: &str| match response.values(link_id) {
            [AnswerValue::Quantity(quantity)] => Some(quantity.value),
            _ => None,
        };
        let (Some(systolic), Some(diastolic)) = (number("systolic"), number("diastolic")) else { return };
        let symptoms = !response.values("symptoms").is_empty();
        self.judge(Pressure { systolic, diastolic }, symptoms, (HOME_SYSTOLIC, HOME_DIASTOLIC));
    }

    fn observed(&mut self, Reading { observation, provenance }: &Reading) {
        let of = |code: &Coding| observation.quantity_of(code).map(|quantity| quantity.value);
        if let (Some(systolic), Some(diastolic)) = (of(&code::systolic()), of(&code::diastolic())) {
            let limits = match provenance {
                Provenance::Clinician | Provenance::Laboratory => (CLINIC_SYSTOLIC, CLINIC_DIASTOLIC),
                Provenance::Device | Provenance::SelfReported => (HOME_SYSTOLIC, HOME_DIASTOLIC),
            };
            self.judge(Pressure { systolic, diastolic }, false, limits);
        }
        // What a patient types is no laboratory result.
        if *provenance == Provenance::Laboratory {
            self.laboratory(observation);
        }
    }

    fn judge(&mut self, pressure: Pressure, symptoms: bool, (systolic, diastolic): (Number, Number)) {
        if pressure.reaches(SEVERE_SYSTOLIC, SEVERE_DIASTOLIC) {
            self.memory.too_high = self.memory.too_high.saturating_add(1);
            return if symptoms { self.emergency() } else { self.severe() };
        }
        let old = self.snapshot.age_years().is_some_and(|age| i64::from(age) >= OLD.value);
        let systolic = if old { OLD_SYSTOLIC } else { systolic };
        if !pressure.reaches(systolic, diastolic) {
            self.memory = Memory::default();
            return;
        }
        self.memory.too_high = self.memory.too_high.saturating_add(1);
        match self.memory {
            Memory { referred: true, team: false, .. } => self.team(),
            Memory { too_high: 2, referred: false, .. } => self.refer(),
            Memory { too_high: 1, .. } => self.recheck(),
            _ => {}
        }
    }

    fn emergency(&mut self) {
        let source = SEVERE_SYSTOLIC.source;
        let reason =
            zh_en("血压≥180/110并有症状,疑高血压急症。", "180/110 or more with symptoms: a hypertensive emergency.");
        self.directives.push(Directive::StopVisit(Stop {
            code: "HYPERTENSIVE_EMERGENCY".to_owned(),
            reason: reason.clone(),
            citation: source.citation(),
        }));
        self.directives.push(Directive::Hold(Hold {
            code: "HYPERTENSIVE_EMERGENCY".to_owned(),
            stops: Acts::PRESCRIBE | Acts::APPROVE | Acts::CHARGE | Acts::DISPENSE,
            medicines: Vec::new(),
            reason: reason.clone(),
            release: ReleaseBy::Doctor,
            citation: source.citation(),
        }));
        self.directives.push(Directive::Refer(Referral {
            code: "emergency".to_owned(),
            destination: Destination::Emergency,
            reason: reason.clone(),
            attend_by: plus_days(self.now, 1),
            recontact_days: Some(RECHECK_DAYS.days()),
            citation: Source::PrimaryCare.citation(),
        }));
        let alert = ("HYPERTENSIVE_EMERGENCY", Severity::Critical, Role::Doctor, EMERGENCY_MINUTES.minutes());
        self.alert(alert, reason, source);
    }

    fn severe(&mut self) {
        self.alert(
            ("SEVERE_PRESSURE", Severity::Critical, Role::Doctor, SEVERE_MINUTES.minutes()),
            zh_en(
                "血压≥180/110,无症状:请联系患者并安排复测。",
                "180/110 or more without symptoms: contact the patient.",
            ),
            SEVERE_SYSTOLIC.source,
        );
        self.message(
            "measure-again",
            zh_en(
                "请安静休息后复测,并填写记录;如有不适请立即就医。",
                "Rest, measure again and tell us; seek care at once if unwell.",
            ),
        );
        self.ask(SEVERE_AGAIN_MINUTES.minutes());
    }

    fn recheck(&mut self) {
        self.directives.push(Directive::ScheduleTask(Task {
            code: "recheck".to_owned(),
            title: zh_en("复测血压", "Measure again"),
            owner: Role::Patient,
            due: plus_days(self.now, RECHECK_DAYS.value),
            window_minutes: 3 * DAY_MINUTES,
            repeat: None,
        }));
    }

    fn refer(&mut self) {
        self.directives.push(Directive::Refer(Referral {
            code: "uncontrolled".to_owned(),
            destination: Destination::Offline(None),
            reason: zh_en("连续两次血压不达标。", "Too high twice in a row."),
            attend_by: plus_days(self.now, REFERRAL_DAYS.value),
            recontact_days: Some(REFERRAL_DAYS.days()),
            citation: REFERRAL_DAYS.source.citation(),
        }));
    }

    fn team(&mut self) {
        self.memory.team = true;
        let doctor = |discipline: &str, display: &str, zh: &str, en: &str| Participant {
            role: Role::Doctor,
            discipline: Some(Coding::new("urn:xinglin:discipline", discipline).displayed(display)),
            responsibility: zh_en(zh, en),
        };
        self.directives.push(Directive::Convene(Team {
            code: "resistant".to_owned(),
            question: zh_en("转诊后血压仍不达标,请共同制定方案。", "Too high after the referral: decide together."),
            participants: vec![
                doctor("cardiology", "心血管内科", "诊断与用药", "diagnosis and medicines"),
                doctor("nephrology", "肾内科", "继发因素", "secondary causes"),
                Participant {
                    role: Role::Pharmacist,
                    discipline: None,
                    responsibility: zh_en("相互作用与依从性", "interactions and adherence"),
                },
            ],
            deadline: plus_days(self.now, TEAM_DAYS.value),
            citation: TEAM_DAYS.source.citation(),
        }));
    }

    fn laboratory(&mut self, observation: &Observation) {
        let is = |code: &Coding| observation.code.iter().any(|known| known.same(code));
        let Some(value) = observation.quantity().map(|quantity| quantity.value) else { return };
        if is(&code::potassium()) && value >= Decimal::new(POTASSIUM_DECIMMOL.value, 1) {
            let reason = zh_en("血钾≥6.0 mmol/L,需立即处理。", "Potassium of 6.0 mmol/L or more: act at once.");
            self.directives.push(Directive::Refer(Referral {
                code: "potassium".to_owned(),
                destination: Destination::Emergency,
                reason: reason.clone(),
                attend_by: plus_days(self.now, 1),
                recontact_days: Some(1),
                citation: POTASSIUM_DECIMMOL.source.citation(),
            }));
            let alert = ("POTASSIUM_CRITICAL", Severity::Critical, Role::Doctor, EMERGENCY_MINUTES.minutes());
            self.alert(alert, reason, POTASSIUM_DECIMMOL.source);
        }
        if is(&code::egfr()) && value < Decimal::whole(EGFR.value) {
            self.directives.push(Directive::Refer(Referral {
                code: "nephrology".to_owned(),
                destination: Destination::Offline(Some(
                    Coding::new("urn:xinglin:discipline", "nephrology").displayed("肾内科"),
                )),
                reason: zh_en("eGFR低于30,建议肾内科就诊。", "eGFR below 30: see a nephrologist."),
                attend_by: plus_days(self.now, REFERRAL_DAYS.value),
                recontact_days: None,
                citation: EGFR.source.citation(),
            }));
        }
    }

    fn request_ended(&mut self, report: &RequestReport) {
        match (report.code.as_str(), report.end) {
            ("uncontrolled", RequestEnd::Fulfilled) => self.memory.referred = true,
            // Nobody saw the patient, or decided: if it is still too high, they are referred, or the team is asked,
            // once more. The host has told the doctor.
            ("uncontrolled", RequestEnd::Declined | RequestEnd::Lapsed) if self.memory.too_high > 0 => {
                self.memory.too_high = 1;
                self.recheck();
            }
            ("resistant", RequestEnd::Declined | RequestEnd::Lapsed) if self.memory.team => {
                self.memory.team = false;
                self.recheck();
            }
            ("resistant", RequestEnd::Fulfilled) => {
                let note = zh_en("会诊方案已形成,请据此调整治疗。", "The team has decided: adapt the treatment.");
                self.directives.push(Directive::ProposeNote(note));
                self.memory = Memory::default();
                self.recheck();
            }
            // Nobody looked at what mattered: once more. Who declined them is asked again in a year.
            ("yearly-tests", RequestEnd::Lapsed) => self.yearly(),
            (FORM, RequestEnd::Lapsed | RequestEnd::Declined) if self.memory.too_high > 0 => {
                self.directives.push(Directive::ScheduleTask(Task {
                    code: "call".to_owned(),
                    title: zh_en("电话随访血压", "Call about the pressure"),
                    owner: Role::Nurse,
                    due: plus_minutes(self.now, i64::from(DAY_MINUTES)),
                    window_minutes: 2 * DAY_MINUTES,
                    repeat: None,
                }));
            }
            _ => {}
        }
    }

    fn alert(
        &mut self,
        (code, severity, owner, sla_minutes): (&str, Severity, Role, u32),
        message: LocalizedText,
        source: Source,
    ) {
        self.directives.push(Directive::RaiseAlert(Alert {
            code: code.to_owned(),
            severity,
            message,
            owner,
            sla_minutes,
            escalation: if severity == Severity::Critical { vec![Role::Nurse] } else { Vec::new() },
            citation: source.citation(),
        }));
    }

    fn message(&mut self, template: &str, fallback: LocalizedText) {
        self.directives.push(Directive::SendMessage(Message {
            template: template.to_owned(),
            arguments: Vec::new(),
            fallback,
        }));
    }
}
