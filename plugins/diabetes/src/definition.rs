//! The definition of the pathway: stages, questionnaires, data needs.

use xinglin_sdk::{
    pathway::{AnswerKind, DataNeed, Definition, Question, Questionnaire, Stage},
    types::{Coding, LocalizedText, zh_en},
};

use crate::{
    measure::{DIASTOLIC, GLUCOMETER, GLUCOSE_CODES, HBA1C, HBA1C_CODES, LDL_CODES, PRESSURE_CODES, SYSTOLIC},
    memory, sources,
    step::yearly,
};

/// Questionnaire of a follow-up.
pub const FOLLOW_UP: &str = "follow-up";
/// Questionnaire 15 minutes after a low glucose.
pub const RECHECK: &str = "recheck";

/// Links of the questions.
pub mod link {
    /// Glucose now.
    pub const GLUCOSE: &str = "glucose";
    /// Whether that was before breakfast.
    pub const FASTING: &str = "fasting";
    /// HbA1c, if it was measured.
    pub const HBA1C: &str = "hba1c";
    /// Systolic blood pressure.
    pub const SYSTOLIC: &str = "systolic";
    /// Diastolic blood pressure.
    pub const DIASTOLIC: &str = "diastolic";
    /// Whether another person had to help with a low glucose.
    pub const NEEDED_HELP: &str = "needed-help";
}

/// The definition; constant.
pub fn definition() -> Definition {
    let stage = |code: &str, title| Stage { code: code.to_owned(), title };
    Definition {
        code: "diabetes-t2".to_owned(),
        title: zh_en("2型糖尿病随访", "Type 2 diabetes follow-up"),
        conditions: vec![Coding::icd10("E11"), Coding::snomed("44054006")],
        stages: vec![
            stage("initial", zh_en("强化随访(12周)", "Intensive follow-up (12 weeks)")),
            stage("maintenance", zh_en("常规随访", "Regular follow-up")),
            stage("offline", zh_en("待线下处置", "Waiting for face-to-face care")),
            stage("remission-watch", zh_en("缓解观察", "Remission watch")),
        ],
        questionnaires: vec![follow_up(), recheck()],
        data_needs: vec![DataNeed::Conditions, DataNeed::Medications, DataNeed::Observations(observations())],
        state_version: memory::VERSION,
        attributes: Vec::new(),
    }
}

fn observations() -> Vec<Coding> {
    let judged = [&GLUCOSE_CODES[..], &HBA1C_CODES, &PRESSURE_CODES, &LDL_CODES].concat();
    let mut codes: Vec<Coding> = judged.into_iter().map(Coding::loinc).collect();
    codes.extend(yearly::CHECKS.iter().flat_map(|check| check.done_by).map(|code| Coding::loinc(*code)));
    codes
}

fn follow_up() -> Questionnaire {
    Questionnaire {
        code: FOLLOW_UP.to_owned(),
        title: zh_en("随访问卷", "Follow-up"),
        questions: vec![
            glucose(),
            question(
                link::FASTING,
                zh_en(
                    "这次测量是空腹(至少8小时未进食)吗?",
                    "Was this before eating, at least 8 hours after the last meal?",
                ),
                AnswerKind::Boolean,
                None,
            ),
            question(
                link::HBA1C,
                zh_en("最近一次糖化血红蛋白(%)", "Latest HbA1c (%)"),
                AnswerKind::Quantity("%".to_owned()),
                Some(Coding::loinc(HBA1C)),
            ),
            question(
                link::SYSTOLIC,
                zh_en("收缩压(高压,mmHg)", "Systolic blood pressure (mmHg)"),
                AnswerKind::Quantity("mm[Hg]".to_owned()),
                Some(Coding::loinc(SYSTOLIC)),
            ),
            question(
                link::DIASTOLIC,
                zh_en("舒张压(低压,mmHg)", "Diastolic blood pressure (mmHg)"),
                AnswerKind::Quantity("mm[Hg]".to_owned()),
                Some(Coding::loinc(DIASTOLIC)),
            ),
            needed_help(),
        ],
        citation: Some(sources::public_health()),
    }
}

fn recheck() -> Questionnaire {
    Questionnaire {
        code: RECHECK.to_owned(),
        title: zh_en("复测", "Measure again"),
        questions: vec![glucose(), needed_help()],
        citation: Some(sources::glycaemic_goals()),
    }
}

fn glucose() -> Question {
    Question {
        required: true,
        ..question(
            link::GLUCOSE,
            zh_en("血糖仪读数(mmol/L)", "Glucometer reading (mmol/L)"),
            AnswerKind::Quantity("mmol/L".to_owned()),
            Some(Coding::loinc(GLUCOMETER)),
        )
    }
}

fn needed_help() -> Question {
    Question {
        required: true,
        ..question(
            link::NEEDED_HELP,
            zh_en(
                "过去24小时内,是否因低血糖需要他人帮助(例如神志不清、不能自行进食)?",
                "In the last 24 hours, did low blood sugar make you need somebody's help, \
                 for example because you were confused or could not eat by yourself?",
            ),
            AnswerKind::Boolean,
            None,
        )
    }
}

fn question(link_id: &str, text: LocalizedText, kind: AnswerKind, records_as: Option<Coding>) -> Question {
    Question { link_id: link_id.to_owned(), text, kind, required: false, records_as }
}
