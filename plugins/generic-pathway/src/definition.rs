//! The definition of the pathway in the slot.

use xinglin_pathway_file::model::{Kind, Pathway, Question};
use xinglin_sdk::{
    pathway::{self, AnswerKind, DataNeed, Definition, Questionnaire, Stage},
    types::{Coding, zh_en},
};

use crate::{
    memory,
    text::{choices, citation, coding, text},
};

/// Of a component without a file: it takes nobody.
pub fn empty() -> Definition {
    Definition {
        code: "generic-pathway".to_owned(),
        title: zh_en("未写入路径文件", "No pathway file was built in"),
        conditions: Vec::new(),
        stages: vec![Stage { code: "none".to_owned(), title: zh_en("无", "None") }],
        questionnaires: Vec::new(),
        data_needs: Vec::new(),
        state_version: memory::VERSION,
        attributes: Vec::new(),
    }
}

pub fn definition(file: &Pathway) -> Definition {
    let stages = file.stages.iter().map(|stage| Stage { code: stage.code.clone(), title: text(&stage.title) });
    let questionnaires = file.questionnaires.iter().map(|questionnaire| Questionnaire {
        code: questionnaire.code.clone(),
        title: text(&questionnaire.title),
        questions: questionnaire.questions.iter().map(|asked| question(file, &questionnaire.code, asked)).collect(),
        citation: questionnaire.citation.as_ref().map(|cited| citation(file, Some(cited))),
    });
    let mut data_needs = vec![DataNeed::Conditions];
    if file.needs_medications() {
        data_needs.push(DataNeed::Medications);
    }
    let codes: Vec<Coding> = file.codes().into_iter().map(Coding::loinc).collect();
    if !codes.is_empty() {
        data_needs.push(DataNeed::Observations(codes));
    }
    Definition {
        code: file.code().to_owned(),
        title: text(&file.title),
        conditions: file.conditions.iter().map(coding).collect(),
        stages: stages.collect(),
        questionnaires: questionnaires.collect(),
        data_needs,
        state_version: memory::VERSION,
        attributes: Vec::new(),
    }
}

fn question(file: &Pathway, questionnaire: &str, question: &Question) -> pathway::Question {
    let kind = match question.kind {
        Kind::Boolean => AnswerKind::Boolean,
        Kind::Integer => AnswerKind::Integer,
        Kind::Text => AnswerKind::Text,
        Kind::Quantity => AnswerKind::Quantity(question.unit.clone().unwrap_or_default()),
        Kind::Choice => {
            let system = choices(file, questionnaire, &question.code);
            let coding = |choice: &xinglin_pathway_file::model::Choice| {
                let shown = choice.title.zh.clone().unwrap_or_default();
                Coding::new(system.as_str(), choice.code.as_str()).displayed(shown)
            };
            AnswerKind::Choice(question.choices.iter().map(coding).collect())
        }
    };
    pathway::Question {
        link_id: question.code.clone(),
        text: text(&question.text),
        kind,
        required: question.required,
        records_as: question.records_as.as_deref().map(Coding::loinc),
    }
}
