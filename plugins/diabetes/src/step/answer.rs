//! What the patient, or who asked them, answered.

use xinglin_sdk::{
    follow_up::{AnswerValue, Error, Response},
    types::{LocalizedText, Quantity, zh_en},
};

use super::{
    DAY, Step,
    request::{Asked, OFF_TARGET, URGENT, in_person},
};
use crate::{
    definition::{CODES, DIARY, FOLLOW_UP, link},
    measure::{Glucose, Hba1c, NotUnderstood, Pressure},
    numbers::{DIARY_DAYS, OFF_TARGET_DAYS, OFF_TARGET_VISITS},
    sources::Source,
    targets,
};

impl Step<'_> {
    /// The values are also told as observations, in separate events before, where critical ones are handled. Here a
    /// follow-up is judged as a whole.
    pub(super) fn answered(&mut self, response: &Response) -> Result<(), Error> {
        let answers = Answers(response);
        if answers.boolean(link::NEEDED_HELP) {
            self.needed_help();
        }
        self.judge_symptoms(&answers.symptoms());
        if response.questionnaire != FOLLOW_UP {
            return Ok(());
        }
        self.visits_answered();
        self.replan_hba1c()?;
        match self.off_target(&answers)? {
            Err(NotUnderstood(what)) => self.not_understood(&what),
            Ok(off_target) if off_target.is_empty() => self.memory.off_target = 0,
            Ok(off_target) => self.judged_off_target(&off_target),
        }
        Ok(())
    }

    fn judged_off_target(&mut self, off_target: &[LocalizedText]) {
        self.memory.off_target = self.memory.off_target.saturating_add(1);
        let (zh, en) = (join(off_target, 0, "、"), join(off_target, 1, ", "));
        self.note(zh_en(
            format!("随访未达标:{zh}。线上只宜逐步调整用药,不宜更换方案。"),
            format!("Off target: {en}. Online, adjust medication step by step; no change of regimen."),
        ));
        self.schedule_adjustment();
        if i64::from(self.memory.off_target) >= OFF_TARGET_VISITS.value {
            self.memory.off_target = 0;
            // Who is seen urgently is seen for this too.
            if !URGENT.iter().any(|code| self.is_open(code)) {
                self.refer_off_target();
            }
        }
        self.ask(DIARY, DIARY_DAYS.minutes().saturating_mul(DAY));
        self.schedule_extra_visit(self.extra_visit_in());
    }

    pub(super) fn refer_off_target(&mut self) {
        self.refer(Asked::offline(OFF_TARGET, in_person(), OFF_TARGET_DAYS, Source::PrimaryCare));
    }

    /// The values off target, in both languages.
    fn off_target(&mut self, answers: &Answers<'_>) -> Result<Result<Vec<LocalizedText>, NotUnderstood>, Error> {
        let understood = answers.understood();
        let (glucose, pressure, hba1c) = match understood {
            Ok(values) => values,
            Err(not_understood) => return Ok(Err(not_understood)),
        };
        // What the patient remembers is no laboratory result: it decides nothing, and a doctor reads it.
        if let Some(hba1c) = hba1c
            && !self.goals.hba1c_met(&hba1c)?
        {
            self.note(zh_en(
                format!("患者自报糖化血红蛋白 {},未达标;以检验结果为准。", hba1c.shown),
                format!("HbA1c {} by the patient's own account, off target: a laboratory result decides.", hba1c.shown),
            ));
        }
        let mut found = Vec::new();
        if let Some(glucose) = glucose
            && !targets::glucose_met(&glucose)?
        {
            found.push(zh_en(format!("血糖 {}", glucose.shown), format!("glucose {}", glucose.shown)));
        }
        if !targets::pressure_met(&pressure)? {
            found.push(zh_en(format!("血压 {}", pressure.shown()), format!("blood pressure {}", pressure.shown())));
        }
        Ok(Ok(found))
    }
}

struct Answers<'a>(&'a Response);

impl Answers<'_> {
    fn quantity(&self, link_id: &str) -> Option<&Quantity> {
        match self.0.values(link_id) {
            [AnswerValue::Quantity(quantity)] => Some(quantity),
            _ => None,
        }
    }

    fn boolean(&self, link_id: &str) -> bool {
        matches!(self.0.values(link_id), [AnswerValue::Boolean(true)])
    }

    fn symptoms(&self) -> Vec<&str> {
        let chosen = self.0.values(link::SYMPTOMS).iter();
        let codes = chosen.filter_map(|value| match value {
            AnswerValue::Choice(code) if code.system == CODES => Some(code.code.as_str()),
            _ => None,
        });
        codes.collect()
    }

    fn understood(&self) -> Result<(Option<Glucose>, Pressure, Option<Hba1c>), NotUnderstood> {
        let fasting = self.boolean(link::FASTING);
        Ok((
            self.quantity(link::GLUCOSE).map(|quantity| Glucose::of(quantity, fasting)).transpose()?,
            Pressure::of_values(self.quantity(link::SYSTOLIC), self.quantity(link::DIASTOLIC))?,
            self.quantity(link::HBA1C).map(Hba1c::of).transpose()?,
        ))
    }
}

pub(super) fn join(texts: &[LocalizedText], language: usize, separator: &str) -> String {
    let words: Vec<&str> = texts.iter().filter_map(|text| text.get(language)).map(|t| t.text.as_str()).collect();
    words.join(separator)
}
