//! The definition of the pathway. A patient may see its titles: they name nothing.

use xinglin_sdk::{
    follow_up::{DataNeed, Definition, Stage},
    types::{Coding, zh_en},
};

use crate::{measure, memory, questions};

/// The definition; constant.
pub fn definition() -> Definition {
    let stage = |code: &str, title| Stage { code: code.to_owned(), title };
    let diagnoses = ["B20", "B21", "B22", "B23", "B24", "Z21", "Z20.6"];
    let mut conditions: Vec<Coding> = diagnoses.into_iter().map(Coding::icd10).collect();
    conditions.push(Coding::snomed("86406008"));
    Definition {
        code: "specialist-follow-up".to_owned(),
        title: zh_en("专科随访", "Specialist follow-up"),
        conditions,
        stages: vec![
            stage("assessment", zh_en("评估", "Assessment")),
            stage("urgent", zh_en("短期随访", "Short follow-up")),
            stage("prevention", zh_en("定期随访", "Regular follow-up")),
            stage("treatment", zh_en("长期随访", "Long-term follow-up")),
            stage("offline", zh_en("待当面就诊", "Waiting for face-to-face care")),
        ],
        questionnaires: questions::all(),
        data_needs: vec![
            DataNeed::Conditions,
            DataNeed::Medications,
            DataNeed::Observations(measure::READ.into_iter().chain(measure::ORDERED).map(Coding::loinc).collect()),
        ],
        state_version: memory::VERSION,
        attributes: Vec::new(),
    }
}
