//! The definition of the pathway: stages, questionnaires, data needs.

use xinglin_sdk::{
    follow_up::{
        AnswerKind, Bounds, ChoiceOption, Condition, Contact, DataNeed, Definition, Item, Measured, Questionnaire,
        Role, Safeguard, Stage, Test,
    },
    types::{Coding, Decimal, LocalizedText, zh_en},
};

use crate::{
    measure::{
        ALBUMIN_CODES, CREATININE_CODES, DIASTOLIC, FILTRATION_CODES, GLUCOMETER, GLUCOSE_CODES, HBA1C, HBA1C_CODES,
        LDL_CODES, PRESSURE_CODES, RETINA_CODES, SENSOR_CODES, SYSTOLIC,
    },
    memory,
    numbers::DOCTOR_MINUTES,
    sources::Source,
};

/// Questionnaire of a follow-up.
pub const FOLLOW_UP: &str = "follow-up";
/// Questionnaire 15 minutes after a low glucose.
pub const RECHECK: &str = "recheck";
/// The diary of glucose, that the patient keeps at any time, and is asked to keep when off target.
pub const DIARY: &str = "diary";

/// Code system of the choices, and of what staff record as found.
pub const CODES: &str = "urn:xinglin:diabetes";

/// Links of the questions.
pub mod link {
    /// Glucose now.
    pub const GLUCOSE: &str = "glucose";
    /// Whether that was before breakfast.
    pub const FASTING: &str = "fasting";
    /// When it was measured, in the diary.
    pub const CONTEXT: &str = "context";
    /// HbA1c, if it was measured.
    pub const HBA1C: &str = "hba1c";
    /// Systolic blood pressure.
    pub const SYSTOLIC: &str = "systolic";
    /// Diastolic blood pressure.
    pub const DIASTOLIC: &str = "diastolic";
    /// Whether the patient feels unwell.
    pub const UNWELL: &str = "unwell";
    /// How.
    pub const SYMPTOMS: &str = "symptoms";
    /// Whether another person had to help with a low glucose.
    pub const NEEDED_HELP: &str = "needed-help";
}

/// A symptom: code, words, and whether it is a danger sign.
pub const SYMPTOMS: [(&str, &str, &str, bool); 12] = [
    ("drowsy", "嗜睡、意识模糊或行为改变", "drowsy, confused or behaving differently", true),
    ("acetone", "呼气有烂苹果味", "breath that smells of rotten apples", true),
    ("vomiting", "恶心、呕吐", "nausea or vomiting", true),
    ("abdomen", "腹痛", "pain in the belly", true),
    ("breathing", "呼吸深快", "deep and fast breathing", true),
    ("heartbeat", "持续心跳过快(每分钟超过100次)", "a heart that beats fast all the time (over 100 a minute)", true),
    ("fever", "体温超过39℃", "a fever of more than 39 °C", true),
    ("vision", "突然视物不清", "sudden loss of sight", true),
    ("sweating", "心慌、出汗、手抖", "palpitations, sweating, trembling", false),
    ("thirst", "口渴、多饮、多尿", "thirst, much drinking and passing water", false),
    ("numb", "手脚麻木", "numb hands or feet", false),
    ("foot", "足部破溃", "a sore on a foot", false),
];

/// When a glucose of the diary was measured. The first is fasting.
const CONTEXTS: [(&str, &str, &str); 5] = [
    ("fasting", "空腹(至少8小时未进食)", "fasting, at least 8 hours after the last meal"),
    ("before-meal", "餐前", "before a meal"),
    ("after-meal", "餐后2小时", "2 hours after a meal"),
    ("bedtime", "睡前", "at bedtime"),
    ("other", "其他时间", "another time"),
];

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
        questionnaires: vec![follow_up(), recheck(), diary()],
        data_needs: vec![DataNeed::Conditions, DataNeed::Medications, DataNeed::Observations(observations())],
        state_version: memory::VERSION,
        attributes: Vec::new(),
    }
}

fn observations() -> Vec<Coding> {
    let codes = [
        &GLUCOSE_CODES[..],
        &SENSOR_CODES,
        &HBA1C_CODES,
        &PRESSURE_CODES,
        &LDL_CODES,
        &ALBUMIN_CODES,
        &FILTRATION_CODES,
        &CREATININE_CODES,
        &RETINA_CODES,
    ];
    codes.concat().into_iter().map(Coding::loinc).collect()
}

fn follow_up() -> Questionnaire {
    let fasting =
        zh_en("这次测量是空腹(至少8小时未进食)吗?", "Was this before eating, at least 8 hours after the last meal?");
    let hba1c = measured(
        link::HBA1C,
        zh_en("最近一次糖化血红蛋白(%)", "Latest HbA1c (%)"),
        ("%", (Decimal::whole(3), Decimal::whole(20))),
        HBA1C,
    );
    let pressure = |link_id, text, (least, most), code| {
        optional(measured(link_id, text, ("mm[Hg]", (Decimal::whole(least), Decimal::whole(most))), code))
    };
    let items = vec![
        glucose(),
        optional(Item::required(link::FASTING, fasting, AnswerKind::Boolean)),
        optional(hba1c),
        pressure(link::SYSTOLIC, zh_en("收缩压(高压,mmHg)", "Systolic blood pressure (mmHg)"), (40, 300), SYSTOLIC),
        pressure(link::DIASTOLIC, zh_en("舒张压(低压,mmHg)", "Diastolic blood pressure (mmHg)"), (20, 200), DIASTOLIC),
    ];
    questionnaire(FOLLOW_UP, zh_en("随访问卷", "Follow-up"), items, Source::PrimaryCare)
}

fn recheck() -> Questionnaire {
    questionnaire(RECHECK, zh_en("复测", "Measure again"), vec![glucose()], Source::Goals)
}

fn diary() -> Questionnaire {
    let options = CONTEXTS.map(|(code, zh, en)| option(code, zh, en)).to_vec();
    let context =
        Item::required(link::CONTEXT, zh_en("什么时候测的?", "When was it measured?"), AnswerKind::Choice(options));
    questionnaire(DIARY, zh_en("测量日记", "Diary of measurements"), vec![glucose(), context], Source::Guideline)
}

/// With what every questionnaire asks at its end, and what must happen on some of the answers.
fn questionnaire(code: &str, title: LocalizedText, mut items: Vec<Item>, source: Source) -> Questionnaire {
    let symptoms = SYMPTOMS.map(|(code, zh, en, _)| option(code, zh, en)).to_vec();
    items.extend([
        optional(Item::required(link::UNWELL, zh_en("现在有不适吗?", "Do you feel unwell?"), AnswerKind::Boolean)),
        Item {
            repeats: true,
            ..Item::required(link::SYMPTOMS, zh_en("有哪些不适?", "What do you feel?"), AnswerKind::Choice(symptoms))
                .when(vec![Condition::of(link::UNWELL, Test::Is(true))])
        },
        needed_help(),
    ]);
    Questionnaire {
        code: code.to_owned(),
        title,
        items,
        scores: Vec::new(),
        safeguards: vec![help(), danger()],
        citation: Some(source.citation()),
    }
}

fn needed_help() -> Item {
    let text = zh_en(
        "过去24小时内,是否因低血糖需要他人帮助(例如神志不清、不能自行进食)?",
        "In the last 24 hours, did low blood sugar make you need somebody's help, \
         for example because you were confused or could not eat by yourself?",
    );
    Item::required(link::NEEDED_HELP, text, AnswerKind::Boolean)
}

/// Severe hypoglycaemia: a doctor calls, also if the pathway does not answer.
fn help() -> Safeguard {
    Safeguard {
        conditions: vec![Condition::of(link::NEEDED_HELP, Test::Is(true))],
        contact: contact(
            "HYPOGLYCAEMIA_HELP",
            zh_en(
                "严重低血糖:过去24小时内需要他人帮助。确认患者现在清醒、安全。",
                "Severe hypoglycaemia: another person had to help in the last 24 hours. Make sure that the patient is safe.",
            ),
            Source::Goals,
        ),
    }
}

fn danger() -> Safeguard {
    let signs = SYMPTOMS.iter().filter(|(.., danger)| *danger);
    Safeguard {
        conditions: signs
            .map(|(code, ..)| Condition::of(link::SYMPTOMS, Test::Equals(Coding::new(CODES, *code))))
            .collect(),
        contact: contact(
            "DIABETES_DANGER_SIGNS",
            zh_en(
                "患者报告危险情况(如意识改变、呕吐、呼吸深快):确认是否已就医。",
                "The patient reports danger signs, such as confusion, vomiting or deep breathing: is care on its way?",
            ),
            Source::PrimaryCare,
        ),
    }
}

fn contact(code: &str, reason: LocalizedText, source: Source) -> Contact {
    Contact {
        code: code.to_owned(),
        owner: Role::Doctor,
        within_minutes: DOCTOR_MINUTES.minutes(),
        escalation: vec![Role::Nurse],
        helplines: vec!["120".to_owned()],
        inform_kin: true,
        locks_visit: true,
        recontact_hours: vec![24],
        reason,
        citation: source.citation(),
    }
}

/// Bounds as wide as a living person's, so that a meter that says nothing is noticed at once.
fn glucose() -> Item {
    measured(
        link::GLUCOSE,
        zh_en("血糖仪读数(mmol/L)", "Glucometer reading (mmol/L)"),
        ("mmol/L", (Decimal::new(5, 1), Decimal::whole(60))),
        GLUCOMETER,
    )
}

fn measured(
    link_id: &str,
    text: LocalizedText,
    (unit, (least, most)): (&str, (Decimal, Decimal)),
    records_as: &str,
) -> Item {
    let bounds = Bounds { least: Some(least), most: Some(most) };
    Item::required(link_id, text, AnswerKind::Quantity(Measured { unit: unit.to_owned(), bounds }))
        .recorded_as(Coding::loinc(records_as))
}

fn optional(item: Item) -> Item {
    Item { required: false, ..item }
}

fn option(code: &str, zh: &str, en: &str) -> ChoiceOption {
    ChoiceOption { code: Coding::new(CODES, code), text: zh_en(zh, en), weight: None }
}
