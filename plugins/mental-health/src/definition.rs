//! The definition of the pathway: stages, questionnaires with their scores and safeguards, data needs.
//!
//! Titles of questionnaires reach the patient's messages, so they name no illness.

use xinglin_sdk::{
    follow_up::{
        AnswerKind, Behavior, Bounds, ChoiceOption, Condition, DataNeed, Definition, Enablement, Item, Measured,
        Questionnaire, Safeguard, Score, Stage, Test,
    },
    types::{Attribute, Coding, Decimal, LocalizedText, system, zh_en},
};

use crate::{
    conditions::{INSOMNIA, MOOD},
    contact::contact,
    memory,
    numbers::{ACUTE_ITEM, CONCERN_ITEM, ISI_MOST, LONGEST_NIGHT, SMALLEST_GROUP},
    scales::{
        self, ASQ, ASQ_NOW, CSSRS_RISK, DIFFICULT, GAD7, GAD7_TOTAL, ISI_TOTAL, Level, OFTEN, OWN, PHQ9,
        PHQ9_DIFFICULTY, PHQ9_ITEM_9, PHQ9_PANEL, PHQ9_SAFETY, PHQ9_TOTAL, RISK_EDGES, RISKS, code,
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

/// The definition. Times of contacts are the institution's.
pub fn definition() -> Definition {
    let stage = |code: &str, title| Stage { code: code.to_owned(), title };
    let icd10 = [MOOD.icd10, INSOMNIA.icd10].concat().into_iter().map(Coding::icd10);
    let snomed = [MOOD.snomed, INSOMNIA.snomed].concat().into_iter().map(Coding::snomed);
    let mut observed = [PHQ9_PANEL, PHQ9_TOTAL, PHQ9_ITEM_9, GAD7_TOTAL].map(Coding::loinc).to_vec();
    observed.push(Coding::new(OWN, ISI_TOTAL));
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
        data_needs: vec![DataNeed::Conditions, DataNeed::Observations(observed)],
        state_version: memory::VERSION,
        attributes: vec![
            Attribute::new("mental-health.school-sees", "consented-status"),
            Attribute::new("mental-health.smallest-group", SMALLEST_GROUP.value),
        ],
    }
}

fn phq9() -> Questionnaire {
    let mut items: Vec<Item> = PHQ9.iter().map(|item| often(item, TWO_WEEKS)).collect();
    for item in items.iter_mut().filter(|item| item.link_id == PHQ9_SAFETY) {
        item.records_as = Some(Coding::loinc(PHQ9_ITEM_9));
    }
    items.push(Item { required: false, ..ask(&PHQ9_DIFFICULTY, choice(system::LOINC, &DIFFICULT)) });
    let from = |least: i64| vec![Condition::of(PHQ9_SAFETY, Test::AtLeast(Decimal::whole(least)))];
    Questionnaire {
        scores: vec![total(PHQ9_TOTAL, &PHQ9)],
        safeguards: vec![
            Safeguard { conditions: from(CONCERN_ITEM.value), contact: contact(Level::Concern) },
            Safeguard { conditions: from(ACUTE_ITEM.value), contact: contact(Level::Acute) },
        ],
        ..questionnaire(code::PHQ9, zh_en("患者健康问卷", "Patient health questionnaire"), items, Source::Phq9)
    }
}

fn gad7() -> Questionnaire {
    let items = GAD7.iter().map(|item| often(item, TWO_WEEKS)).collect();
    Questionnaire {
        scores: vec![total(GAD7_TOTAL, &GAD7)],
        ..questionnaire(code::GAD7, zh_en("近两周状态问卷", "How the last two weeks were"), items, Source::Gad7)
    }
}

/// Any yes of the first four is a concern, and whether it is now is asked after one.
fn asq() -> Questionnaire {
    let said = |links: &[&str]| links.iter().map(|link| Condition::of(link, Test::Is(true))).collect::<Vec<_>>();
    let first: Vec<&str> = ASQ.iter().map(|item| item.link).filter(|link| *link != ASQ_NOW).collect();
    let mut items: Vec<Item> = ASQ.iter().map(|item| ask(item, AnswerKind::Boolean)).collect();
    for item in items.iter_mut().filter(|item| item.link_id == ASQ_NOW) {
        item.enabled_when = Some(Enablement { behavior: Behavior::Any, conditions: said(&first) });
    }
    Questionnaire {
        safeguards: vec![
            Safeguard { conditions: said(&first), contact: contact(Level::Concern) },
            Safeguard { conditions: said(&[ASQ_NOW]), contact: contact(Level::Acute) },
        ],
        ..questionnaire(code::ASQ, zh_en("补充问卷", "Further questions"), items, Source::Asq)
    }
}

/// A slot: staff who hold the form fill it in.
fn cssrs() -> Questionnaire {
    let slot = scales::Item {
        link: CSSRS_RISK,
        zh: "C-SSRS筛查结果(由医务人员按正版量表评定)",
        en: "Result of the C-SSRS screener, rated by staff on the licensed form",
    };
    let [concern, acute] = RISK_EDGES.map(|edge| {
        let least = Decimal::whole(i64::try_from(edge).unwrap_or(0));
        vec![Condition::of(CSSRS_RISK, Test::AtLeast(least))]
    });
    let items = vec![ask(&slot, choice(OWN, &RISKS))];
    Questionnaire {
        safeguards: vec![
            Safeguard { conditions: concern, contact: contact(Level::Concern) },
            Safeguard { conditions: acute, contact: contact(Level::Acute) },
        ],
        ..questionnaire(code::CSSRS, zh_en("评估结果登记", "Result of an assessment"), items, Source::Cssrs)
    }
}

/// A slot: who holds the form fills it in.
fn isi() -> Questionnaire {
    let slot = scales::Item {
        link: ISI_TOTAL,
        zh: "ISI总分(按正版量表评定,0–28)",
        en: "Total of the ISI, on the licensed form (0–28)",
    };
    let items =
        vec![ask(&slot, AnswerKind::Integer(within(0, ISI_MOST.value))).recorded_as(Coding::new(OWN, ISI_TOTAL))];
    questionnaire(code::ISI, zh_en("睡眠评分登记", "Sleep score"), items, Source::Isi)
}

fn signs() -> Questionnaire {
    let items = [
        scales::Item {
            link: link::PSYCHOSIS,
            zh: "最近是否听到或看到别人听不到、看不到的东西,或觉得被人监视、控制?",
            en: "Lately, have you heard or seen what others do not, or felt watched or controlled?",
        },
        scales::Item {
            link: link::MANIA,
            zh: "最近是否连续几天睡得很少却精力过盛,话多、花钱多或行为冒险?",
            en: "Lately, were there days on which you hardly slept and yet had too much energy, talked or spent far \
                 more than usual, or took risks?",
        },
    ];
    let items = items.iter().map(|item| ask(item, AnswerKind::Boolean)).collect();
    questionnaire(code::SIGNS, zh_en("近况问卷", "How you have been"), items, Source::Project)
}

fn sleep_entry() -> Questionnaire {
    let items = [
        scales::Item {
            link: link::BIPOLAR,
            zh: "是否曾被诊断为双相障碍?",
            en: "Were you ever told that you have bipolar disorder?",
        },
        scales::Item {
            link: link::EPILEPSY,
            zh: "是否曾被诊断为癫痫?",
            en: "Were you ever told that you have epilepsy?",
        },
        scales::Item {
            link: link::APNOEA,
            zh: "是否有睡眠呼吸暂停,或打鼾伴憋醒?",
            en: "Do you have sleep apnoea, or snore and wake up choking?",
        },
        scales::Item {
            link: link::APNOEA_TREATED,
            zh: "是否正在治疗(例如呼吸机)?",
            en: "Is it treated, for example with a mask?",
        },
    ];
    let items = items.iter().map(|item| {
        let asked = ask(item, AnswerKind::Boolean);
        match item.link {
            link::APNOEA_TREATED => asked.when(vec![Condition::of(link::APNOEA, Test::Is(true))]),
            _ => asked,
        }
    });
    let title = zh_en("睡眠情况问卷", "About your sleep");
    questionnaire(code::SLEEP_ENTRY, title, items.collect(), Source::SleepFoundation)
}

fn diary() -> Questionnaire {
    let minutes =
        |least| AnswerKind::Quantity(Measured { unit: "min".to_owned(), bounds: within(least, LONGEST_NIGHT.value) });
    let in_bed = scales::Item {
        link: link::IN_BED,
        zh: "昨夜在床上多少分钟?",
        en: "How many minutes were you in bed last night?",
    };
    let asleep =
        scales::Item { link: link::ASLEEP, zh: "其中睡着了多少分钟?", en: "How many of them did you sleep?" };
    let items = vec![ask(&in_bed, minutes(1)), ask(&asleep, minutes(0))];
    questionnaire(code::DIARY, zh_en("昨夜记录", "Last night"), items, Source::SleepFoundation)
}

const TWO_WEEKS: (&str, &str) = ("过去两周:", "Over the last two weeks: ");

fn often(item: &scales::Item, (zh, en): (&str, &str)) -> Item {
    let text = zh_en(format!("{zh}{}", item.zh), format!("{en}{}", item.en));
    Item { text, ..ask(item, choice(system::LOINC, &OFTEN)) }
}

fn ask(item: &scales::Item, kind: AnswerKind) -> Item {
    Item::required(item.link, zh_en(item.zh, item.en), kind)
}

/// Choices that weigh 0, 1, 2 and so on.
fn choice(system: &str, list: &[(&str, &str, &str)]) -> AnswerKind {
    let option = |(weight, (code, zh, en)): (i32, &(&str, &str, &str))| ChoiceOption {
        code: Coding::new(system, *code).displayed(format!("{zh} · {en}")),
        text: zh_en(*zh, *en),
        weight: Some(weight),
    };
    AnswerKind::Choice((0..).zip(list).map(option).collect())
}

fn total(code: &str, items: &[scales::Item]) -> Score {
    Score { code: Coding::loinc(code), items: items.iter().map(|item| item.link.to_owned()).collect() }
}

const fn within(least: i64, most: i64) -> Bounds {
    Bounds { least: Some(Decimal::whole(least)), most: Some(Decimal::whole(most)) }
}

fn questionnaire(code: &str, title: LocalizedText, items: Vec<Item>, source: Source) -> Questionnaire {
    Questionnaire {
        code: code.to_owned(),
        title,
        items,
        scores: Vec::new(),
        safeguards: Vec::new(),
        citation: Some(source.citation()),
    }
}
