//! The definition of the pathway: stages, questionnaires, data needs.
//!
//! Titles of questionnaires reach the patient's messages, so they name no illness.

use xinglin_sdk::{
    pathway::{AnswerKind, DataNeed, Definition, Question, Questionnaire, Stage},
    types::{Attribute, Coding, LocalizedText, zh_en},
};

use crate::{
    conditions::{INSOMNIA, MOOD},
    memory,
    numbers::SMALLEST_GROUP,
    scales::{
        ASQ, CSSRS_RISK, DIFFICULT, GAD7, GAD7_TOTAL, ISI_TOTAL, Item, OFTEN, OWN, PHQ9, PHQ9_DIFFICULTY, PHQ9_ITEM_9,
        PHQ9_PANEL, PHQ9_SAFETY, PHQ9_TOTAL, RISKS, code,
    },
    sources::Source,
};

/// Links of the questions that are no scale's.
pub mod link {
    /// Signs of psychosis.
    pub const PSYCHOSIS: &str = "psychosis";
    /// Signs of mania.
    pub const MANIA: &str = "mania";
    /// Bipolar disorder, ever.
    pub const BIPOLAR: &str = "bipolar";
    /// Epilepsy, ever.
    pub const EPILEPSY: &str = "epilepsy";
    /// Sleep apnoea.
    pub const APNOEA: &str = "apnoea";
    /// Whether it is treated.
    pub const APNOEA_TREATED: &str = "apnoea-treated";
    /// Minutes in bed.
    pub const IN_BED: &str = "in-bed";
    /// Minutes asleep.
    pub const ASLEEP: &str = "asleep";
}

/// The definition; constant.
pub fn definition() -> Definition {
    let stage = |code: &str, title| Stage { code: code.to_owned(), title };
    let icd10 = [MOOD.icd10, INSOMNIA.icd10].concat().into_iter().map(Coding::icd10);
    let snomed = [MOOD.snomed, INSOMNIA.snomed].concat().into_iter().map(Coding::snomed);
    Definition {
        code: "mental-health".to_owned(),
        title: zh_en("心理与睡眠健康随访", "Mental health and sleep follow-up"),
        conditions: icd10.chain(snomed).collect(),
        stages: vec![
            stage("treatment", zh_en("随访期", "Follow-up")),
            stage("consent-pending", zh_en("待监护人同意", "Waiting for the guardian's consent")),
            stage("maintenance", zh_en("维持期", "Maintenance")),
            stage("safety-watch", zh_en("安全观察", "Safety watch")),
            stage("offline", zh_en("待线下处置", "Waiting for face-to-face care")),
            stage("crisis", zh_en("紧急处置", "Emergency")),
        ],
        questionnaires: vec![phq9(), gad7(), asq(), cssrs(), isi(), signs(), sleep_entry(), diary()],
        data_needs: vec![
            DataNeed::Conditions,
            DataNeed::Observations([PHQ9_PANEL, PHQ9_TOTAL, PHQ9_ITEM_9, GAD7_TOTAL].map(Coding::loinc).to_vec()),
        ],
        state_version: memory::VERSION,
        attributes: vec![
            Attribute::new("mental-health.school-sees", "consented-status"),
            Attribute::new("mental-health.smallest-group", SMALLEST_GROUP.value),
        ],
    }
}

fn phq9() -> Questionnaire {
    let mut questions: Vec<Question> = PHQ9.iter().map(|item| often(item, TWO_WEEKS)).collect();
    for question in questions.iter_mut().filter(|question| question.link_id == PHQ9_SAFETY) {
        question.records_as = Some(Coding::loinc(PHQ9_ITEM_9));
    }
    questions.push(Question { required: false, ..ask(&PHQ9_DIFFICULTY, choice(&DIFFICULT)) });
    questionnaire(code::PHQ9, zh_en("患者健康问卷", "Patient health questionnaire"), questions, Source::Phq9)
}

fn gad7() -> Questionnaire {
    let questions = GAD7.iter().map(|item| often(item, TWO_WEEKS)).collect();
    questionnaire(code::GAD7, zh_en("近两周状态问卷", "How the last two weeks were"), questions, Source::Gad7)
}

fn asq() -> Questionnaire {
    let questions = ASQ.iter().map(|item| ask(item, AnswerKind::Boolean)).collect();
    questionnaire(code::ASQ, zh_en("补充问卷", "Further questions"), questions, Source::Asq)
}

/// A slot: who holds the form fills it in.
fn cssrs() -> Questionnaire {
    let choices = RISKS.iter().map(|(code, display, _)| Coding::new(OWN, *code).displayed(*display)).collect();
    let slot = Item {
        link: CSSRS_RISK,
        zh: "C-SSRS筛查结果(由医务人员按正版量表评定)",
        en: "Result of the C-SSRS screener, rated by staff on the licensed form",
    };
    let questions = vec![ask(&slot, AnswerKind::Choice(choices))];
    questionnaire(code::CSSRS, zh_en("评估结果登记", "Result of an assessment"), questions, Source::Cssrs)
}

/// A slot: who holds the form fills it in.
fn isi() -> Questionnaire {
    let slot = Item {
        link: ISI_TOTAL,
        zh: "ISI总分(按正版量表评定,0–28)",
        en: "Total of the ISI, on the licensed form (0–28)",
    };
    let questions = vec![ask(&slot, AnswerKind::Integer)];
    questionnaire(code::ISI, zh_en("睡眠评分登记", "Sleep score"), questions, Source::Isi)
}

fn signs() -> Questionnaire {
    let questions = [
        Item {
            link: link::PSYCHOSIS,
            zh: "最近是否听到或看到别人听不到、看不到的东西,或觉得被人监视、控制?",
            en: "Lately, have you heard or seen what others do not, or felt watched or controlled?",
        },
        Item {
            link: link::MANIA,
            zh: "最近是否连续几天睡得很少却精力过盛,话多、花钱多或行为冒险?",
            en: "Lately, were there days on which you hardly slept and yet had too much energy, talked or spent far \
                 more than usual, or took risks?",
        },
    ];
    let questions = questions.iter().map(|item| ask(item, AnswerKind::Boolean)).collect();
    questionnaire(code::SIGNS, zh_en("近况问卷", "How you have been"), questions, Source::Project)
}

fn sleep_entry() -> Questionnaire {
    let questions = [
        Item {
            link: link::BIPOLAR,
            zh: "是否曾被诊断为双相障碍?",
            en: "Were you ever told that you have bipolar disorder?",
        },
        Item {
            link: link::EPILEPSY, zh: "是否曾被诊断为癫痫?", en: "Were you ever told that you have epilepsy?"
        },
        Item {
            link: link::APNOEA,
            zh: "是否有睡眠呼吸暂停,或打鼾伴憋醒?",
            en: "Do you have sleep apnoea, or snore and wake up choking?",
        },
        Item {
            link: link::APNOEA_TREATED,
            zh: "如有,是否正在治疗(例如呼吸机)?",
            en: "If so, is it treated, for example with a mask?",
        },
    ];
    let questions = questions
        .iter()
        .map(|item| Question { required: item.link != link::APNOEA_TREATED, ..ask(item, AnswerKind::Boolean) })
        .collect();
    questionnaire(code::SLEEP_ENTRY, zh_en("睡眠情况问卷", "About your sleep"), questions, Source::SleepFoundation)
}

fn diary() -> Questionnaire {
    let minutes = || AnswerKind::Quantity("min".to_owned());
    let questions = [
        Item {
            link: link::IN_BED, zh: "昨夜在床上多少分钟?", en: "How many minutes were you in bed last night?"
        },
        Item { link: link::ASLEEP, zh: "其中睡着了多少分钟?", en: "How many of them did you sleep?" },
    ];
    let questions = questions.iter().map(|item| ask(item, minutes())).collect();
    questionnaire(code::DIARY, zh_en("昨夜记录", "Last night"), questions, Source::SleepFoundation)
}

const TWO_WEEKS: (&str, &str) = ("过去两周:", "Over the last two weeks: ");

fn often(item: &Item, (zh, en): (&str, &str)) -> Question {
    Question { text: zh_en(format!("{zh}{}", item.zh), format!("{en}{}", item.en)), ..ask(item, choice(&OFTEN)) }
}

fn ask(item: &Item, kind: AnswerKind) -> Question {
    Question { link_id: item.link.to_owned(), text: zh_en(item.zh, item.en), kind, required: true, records_as: None }
}

fn choice(list: &[(&str, &str)]) -> AnswerKind {
    AnswerKind::Choice(list.iter().map(|(code, display)| Coding::loinc(*code).displayed(*display)).collect())
}

fn questionnaire(code: &str, title: LocalizedText, questions: Vec<Question>, source: Source) -> Questionnaire {
    Questionnaire { code: code.to_owned(), title, questions, citation: Some(source.citation()) }
}
