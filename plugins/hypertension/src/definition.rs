//! What the pathway is: stages, the questionnaire, what it looks at.

use xinglin_sdk::{
    follow_up::{
        AnswerKind, Bounds, ChoiceOption, Condition, DataNeed, Definition, Item, Measured, Questionnaire, Score, Stage,
        Test,
    },
    types::{Coding, Decimal, LocalizedText, zh_en},
};

use crate::memory::VERSION;

/// The questionnaire of the pressure at home.
pub const FORM: &str = "blood-pressure";

/// Codes of what it looks at.
pub mod code {
    use xinglin_sdk::types::Coding;

    /// Both numbers.
    pub fn pressure() -> Coding {
        Coding::loinc("85354-9").displayed("Blood pressure panel")
    }

    /// The upper one.
    pub fn systolic() -> Coding {
        Coding::loinc("8480-6").displayed("Systolic blood pressure")
    }

    /// The lower one.
    pub fn diastolic() -> Coding {
        Coding::loinc("8462-4").displayed("Diastolic blood pressure")
    }

    /// In serum.
    pub fn potassium() -> Coding {
        Coding::loinc("2823-3").displayed("血钾 Potassium")
    }

    /// In serum.
    pub fn creatinine() -> Coding {
        Coding::loinc("2160-0").displayed("血肌酐 Creatinine")
    }

    /// By CKD-EPI 2021.
    pub fn egfr() -> Coding {
        Coding::loinc("98979-8").displayed("eGFR")
    }

    /// How often medicines are left out: the sum of two questions of this pathway's own wording.
    pub fn adherence() -> Coding {
        Coding::new("urn:xinglin:hypertension", "adherence").displayed("漏服评分 Doses left out")
    }
}

/// The stages.
pub mod stage {
    /// Not at its target yet, or not any more.
    pub const TITRATION: &str = "titration";
    /// At its target.
    pub const CONTROLLED: &str = "controlled";
    /// Others look at it: a referral or a team.
    pub const REVIEW: &str = "review";
}

/// Symptoms that make severe pressure an emergency.
pub const SYMPTOMS: [(&str, &str, &str); 6] = [
    ("headache", "剧烈头痛或头晕", "severe headache or dizziness"),
    ("vision", "视物模糊", "blurred vision"),
    ("chest", "胸痛或胸闷", "pain or pressure in the chest"),
    ("breath", "气促、不能平卧", "short of breath, cannot lie flat"),
    ("vomiting", "恶心呕吐", "nausea and vomiting"),
    ("weakness", "一侧肢体无力、言语不清或意识改变", "weakness of one side, slurred speech or confusion"),
];

/// System of the choices.
const CHOICES: &str = "urn:xinglin:hypertension";

fn option(code: &str, zh: &str, en: &str, weight: Option<i32>) -> ChoiceOption {
    ChoiceOption { code: Coding::new(CHOICES, code), text: zh_en(zh, en), weight }
}

fn pressure(link_id: &str, text: LocalizedText, least: i64, most: i64, records_as: Coding) -> Item {
    let bounds = Bounds { least: Some(Decimal::whole(least)), most: Some(Decimal::whole(most)) };
    Item::required(link_id, text, AnswerKind::Quantity(Measured { unit: "mm[Hg]".to_owned(), bounds }))
        .recorded_as(records_as)
}

fn questionnaire() -> Questionnaire {
    let often = || {
        AnswerKind::Choice(vec![
            option("never", "从不", "never", Some(0)),
            option("sometimes", "偶尔", "sometimes", Some(1)),
            option("often", "经常", "often", Some(2)),
        ])
    };
    let symptoms = SYMPTOMS.map(|(code, zh, en)| option(code, zh, en, None)).to_vec();
    Questionnaire {
        code: FORM.to_owned(),
        title: zh_en("家庭血压记录", "Blood pressure at home"),
        items: vec![
            pressure("systolic", zh_en("收缩压(高压)", "Systolic (upper) pressure"), 50, 300, code::systolic()),
            pressure("diastolic", zh_en("舒张压(低压)", "Diastolic (lower) pressure"), 30, 200, code::diastolic()),
            Item::required("unwell", zh_en("现在有明显不适吗?", "Do you feel unwell now?"), AnswerKind::Boolean),
            Item {
                repeats: true,
                ..Item::required("symptoms", zh_en("有哪些不适?", "What do you feel?"), AnswerKind::Choice(symptoms))
                    .when(vec![Condition::of("unwell", Test::Is(true))])
            },
            Item::required("forgets", zh_en("会忘记服药吗?", "Do you forget your medicine?"), often()),
            Item::required("stops", zh_en("感觉好转时会自行停药吗?", "Do you stop it when you feel better?"), often()),
            Item {
                required: false,
                ..Item::required("why", zh_en("为什么没有按时服药?", "Why was it left out?"), AnswerKind::Text)
                    .when(vec![Condition::of("forgets", Test::AtLeast(Decimal::whole(2)))])
            },
        ],
        scores: vec![Score { code: code::adherence(), items: vec!["forgets".to_owned(), "stops".to_owned()] }],
        safeguards: Vec::new(),
        citation: None,
    }
}

/// The declaration.
pub fn definition() -> Definition {
    let stage = |code: &str, title: LocalizedText| Stage { code: code.to_owned(), title };
    Definition {
        code: "hypertension".to_owned(),
        title: zh_en("高血压随访", "Hypertension follow-up"),
        conditions: vec![Coding::icd10("I10")],
        stages: vec![
            stage(stage::TITRATION, zh_en("调整期", "Titration")),
            stage(stage::CONTROLLED, zh_en("稳定期", "Controlled")),
            stage(stage::REVIEW, zh_en("转诊与会诊", "Under review")),
        ],
        questionnaires: vec![questionnaire()],
        data_needs: vec![
            DataNeed::Conditions,
            DataNeed::Observations(vec![
                code::pressure(),
                code::systolic(),
                code::diastolic(),
                code::potassium(),
                code::creatinine(),
                code::egfr(),
            ]),
        ],
        state_version: VERSION,
        attributes: Vec::new(),
    }
}
