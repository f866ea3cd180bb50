//! Questionnaires. A patient reads them: they name no disease, no test and no medicine.

use xinglin_sdk::{
    follow_up::{
        AnswerKind, AnswerValue, Behavior, Bounds, ChoiceOption, Condition, Contact, Enablement, Item, Measured,
        Questionnaire, Response, Role, Safeguard, Score, Test,
    },
    time::{Instant, MINUTE},
    types::{Coding, Decimal, LocalizedText, zh_en},
};

use crate::{
    numbers::{
        ASSESS_MINUTES, CONTACT_AGAIN_1, CONTACT_AGAIN_2, CONTACT_AGAIN_3, CONTACT_MINUTES, DAYS_PLAUSIBLE,
        HOURS_PLAUSIBLE, ITEM9_ASSESS, ITEM9_CONTACT, Number, PARTNER_SUPPRESSED, RISK_MONTHS,
    },
    sources::Source,
};

/// Risk and exposure.
pub const INTAKE: &str = "intake";
/// During a course after an exposure.
pub const COURSE: &str = "course";
/// During prevention.
pub const REGULAR: &str = "regular";
/// During treatment.
pub const ROUTINE: &str = "routine";
/// Patient Health Questionnaire.
pub const PHQ9: &str = "phq-9";
/// Generalized Anxiety Disorder scale.
pub const GAD7: &str = "gad-7";

/// An hour.
pub const HOUR: Instant = 60 * MINUTE;

/// Links of the questions.
pub mod link {
    /// The five items of risk.
    pub const RISKS: [&str; 5] = ["unprotected", "needles", PARTNER, "infection", "repeated"];
    /// Of them, the partner.
    pub const PARTNER: &str = "partner";
    /// Whether the partner is suppressed.
    pub const SUPPRESSED: &str = "partner-suppressed";
    /// Whether there was an exposure.
    pub const CONTACT: &str = "contact";
    /// Hours since.
    pub const CONTACT_HOURS: &str = "contact-hours";
    /// Signs of an acute infection, or of a side effect.
    pub const UNWELL: &str = "unwell";
    /// Which.
    pub const SYMPTOMS: &str = "symptoms";
    /// Whether prevention is taken, and how.
    pub const PLAN: &str = "plan";
    /// Whether the course has begun.
    pub const STARTED: &str = "started";
    /// Hours since.
    pub const STARTED_HOURS: &str = "started-hours";
    /// Whether it has ended.
    pub const FINISHED: &str = "finished";
    /// Longest gap, in hours.
    pub const GAP_HOURS: &str = "gap-hours";
    /// Whether the patient wants to stop.
    pub const STOP: &str = "stop";
    /// Days since the last exposure.
    pub const LAST_DAYS: &str = "last-days";
    /// The ninth item of PHQ-9.
    pub const ITEM9: &str = "item-9";
}

/// LOINC: the ninth item of PHQ-9, by which the host knows that it asks about safety, and the totals. They are in the
/// compartment `mental-health`, too: this pathway writes them and is not told of them, so it sums by itself what it acts on.
const PHQ9_ITEM9: &str = "44260-8";
const PHQ9_TOTAL: &str = "44261-6";
const GAD7_TOTAL: &str = "70274-6";

/// System of the answers to [`link::PLAN`].
pub const PLANS: &str = "urn:xinglin:follow-up:plan";
/// System of the answers to [`link::SYMPTOMS`].
pub const SIGNS: &str = "urn:xinglin:follow-up:sign";

/// Signs of an acute infection or of a side effect, in Chinese and English.
const SYMPTOMS: [(&str, &str, &str); 8] = [
    ("fever", "发热", "fever"),
    ("rash", "皮疹", "a rash"),
    ("throat", "咽痛或口腔溃疡", "a sore throat or mouth ulcers"),
    ("glands", "淋巴结肿大", "swollen glands"),
    ("muscles", "肌肉或关节痛", "muscle or joint pain"),
    ("stomach", "恶心、呕吐或腹泻", "nausea, vomiting or diarrhoea"),
    ("yellow", "眼睛或皮肤发黄", "yellow eyes or skin"),
    ("other", "其他明显不适", "something else"),
];

/// LOINC answers of how often, with what they count.
const OFTEN: [(&str, &str, &str, i32); 4] = [
    ("LA6568-5", "完全不会", "not at all", 0),
    ("LA6569-3", "好几天", "several days", 1),
    ("LA6570-1", "一半以上的天数", "more than half the days", 2),
    ("LA6571-9", "几乎每天", "nearly every day", 3),
];
/// LOINC answers of how difficult.
const DIFFICULT: [(&str, &str, &str); 4] = [
    ("LA6572-7", "毫无困难", "not difficult at all"),
    ("LA6573-5", "有点困难", "somewhat difficult"),
    ("LA6574-3", "非常困难", "very difficult"),
    ("LA6575-0", "极度困难", "extremely difficult"),
];

/// All.
pub fn all() -> Vec<Questionnaire> {
    vec![intake(), course(), regular(), routine(), phq9(), gad7()]
}

/// Its code as the definition has it; none if it is of no questionnaire.
pub fn known(code: &str) -> Option<&'static str> {
    [INTAKE, COURSE, REGULAR, ROUTINE, PHQ9, GAD7].into_iter().find(|known| *known == code)
}

fn intake() -> Questionnaire {
    let months = RISK_MONTHS.value;
    let risks = [
        zh_en(
            format!("过去{months}个月内,您是否有过未采取保护措施的亲密行为?"),
            format!("In the last {months} months, did you have sex without protection?"),
        ),
        zh_en(
            format!("过去{months}个月内,您是否与他人共用过针具?"),
            format!("In the last {months} months, did you share needles?"),
        ),
        zh_en(
            format!("过去{months}个月内,您的伴侣是否已确诊可经血液或亲密接触传播的感染?"),
            format!(
                "In the last {months} months, did you have a partner with an infection that passes by blood or sex?"
            ),
        ),
        zh_en(
            format!("过去{months}个月内,您是否新诊断过经亲密接触传播的感染?"),
            format!("In the last {months} months, were you newly diagnosed with an infection that passes by sex?"),
        ),
        zh_en(
            format!("过去{months}个月内,您是否不止一次因为担心的接触而接受过28天的处理?"),
            format!("In the last {months} months, were you given a course of 28 days after a contact more than once?"),
        ),
    ];
    let mut items = vec![
        required(
            link::CONTACT,
            zh_en(
                "最近是否发生过您担心的接触(针刺、血液接触或未采取保护措施的亲密行为)?",
                "Has there lately been a contact that worries you (a needle, blood, or sex without protection)?",
            ),
            AnswerKind::Boolean,
        ),
        // Not required: who does not know is sent at once, too.
        optional(
            link::CONTACT_HOURS,
            zh_en("距现在大约多少小时?", "About how many hours ago?"),
            quantity("h", HOURS_PLAUSIBLE),
        )
        .when(vec![yes(link::CONTACT)]),
    ];
    items.extend(link::RISKS.into_iter().zip(risks).map(|(link, text)| required(link, text, AnswerKind::Boolean)));
    let values = PARTNER_SUPPRESSED.value;
    items.push(
        optional(
            link::SUPPRESSED,
            zh_en(
                format!("医生是否确认伴侣过去{months}个月的化验值一直低于{values}/毫升?"),
                format!("Did a doctor confirm your partner's values below {values} per millilitre for the last {months} months?"),
            ),
            AnswerKind::Boolean,
        )
        .when(vec![yes(link::PARTNER)]),
    );
    items.extend(unwell());
    items.push(plan());
    questionnaire(INTAKE, zh_en("健康评估问卷", "Health assessment"), items)
}

fn course() -> Questionnaire {
    let mut items = vec![
        required(
            link::STARTED,
            zh_en("您是否已按当面就诊时医生的安排开始?", "Have you started what the doctor arranged at your visit?"),
            AnswerKind::Boolean,
        ),
        optional(
            link::STARTED_HOURS,
            zh_en("距现在大约多少小时?", "About how many hours ago?"),
            quantity("h", HOURS_PLAUSIBLE),
        )
        .when(vec![yes(link::STARTED)]),
        gap().when(vec![yes(link::STARTED)]),
        optional(link::FINISHED, zh_en("您是否已经停止?", "Have you stopped?"), AnswerKind::Boolean)
            .when(vec![yes(link::STARTED)]),
    ];
    items.extend(unwell());
    questionnaire(COURSE, zh_en("随访问卷", "Follow-up"), items)
}

fn regular() -> Questionnaire {
    let mut items = vec![
        plan(),
        gap(),
        optional(
            link::STOP,
            zh_en("您是否希望停止目前的安排?", "Do you want to stop the current plan?"),
            AnswerKind::Boolean,
        ),
    ];
    let none = Condition::of(link::PLAN, Test::Equals(Coding::new(PLANS, "none")));
    items.push(Item {
        enabled_when: Some(Enablement { behavior: Behavior::Any, conditions: vec![yes(link::STOP), none] }),
        ..optional(
            link::LAST_DAYS,
            zh_en("最近一次您担心的接触距今多少天?", "How many days ago was the last contact that worries you?"),
            quantity("d", DAYS_PLAUSIBLE),
        )
    });
    items.extend(unwell());
    questionnaire(REGULAR, zh_en("随访问卷", "Follow-up"), items)
}

fn routine() -> Questionnaire {
    let mut items = vec![Item { required: true, ..gap() }];
    items.extend(unwell());
    questionnaire(ROUTINE, zh_en("随访问卷", "Follow-up"), items)
}

fn unwell() -> [Item; 2] {
    let options = SYMPTOMS.map(|(code, zh, en)| option(SIGNS, code, (zh, en), None)).to_vec();
    let which = required(
        link::SYMPTOMS,
        zh_en("有哪些不适(可多选)?", "What do you feel (several if need be)?"),
        AnswerKind::Choice(options),
    );
    [
        required(
            link::UNWELL,
            zh_en(
                "过去4周内,您是否有发热、皮疹、咽痛、淋巴结肿大或其他明显不适?",
                "In the last 4 weeks, did you have fever, a rash, a sore throat, swollen glands or feel clearly unwell?",
            ),
            AnswerKind::Boolean,
        ),
        Item { repeats: true, ..which.when(vec![yes(link::UNWELL)]) },
    ]
}

fn plan() -> Item {
    let choice = |code: &str, zh: &str, en: &str| option(PLANS, code, (zh, en), None);
    required(
        link::PLAN,
        zh_en("您目前是否在执行门诊医生给您的预防安排?", "Do you follow a plan of prevention that a clinic gave you?"),
        AnswerKind::Choice(vec![
            choice("none", "否", "No"),
            choice("daily", "每日", "Daily"),
            choice("on-demand", "按需", "When needed"),
        ]),
    )
}

fn gap() -> Item {
    optional(
        link::GAP_HOURS,
        zh_en(
            "上次填写以来,最长一次连续多少小时没有按医生安排服用(没有中断填0)?",
            "Since the last time, what was the longest gap, in hours, in taking what the doctor arranged (0 for none)?",
        ),
        quantity("h", HOURS_PLAUSIBLE),
    )
}

fn phq9() -> Questionnaire {
    let texts = [
        ("做事时提不起劲或没有兴趣", "Little interest or pleasure in doing things"),
        ("感到心情低落、沮丧或绝望", "Feeling down, depressed, or hopeless"),
        ("入睡困难、睡不安稳或睡眠过多", "Trouble falling or staying asleep, or sleeping too much"),
        ("感觉疲倦或没有活力", "Feeling tired or having little energy"),
        ("食欲不振或吃太多", "Poor appetite or overeating"),
        (
            "觉得自己很糟,或觉得自己很失败,或让自己或家人失望",
            "Feeling bad about yourself, or that you are a failure or have let yourself or your family down",
        ),
        (
            "对事物专注有困难,例如阅读报纸或看电视时",
            "Trouble concentrating on things, such as reading the newspaper or watching television",
        ),
        (
            "动作或说话速度缓慢到别人已经察觉?或正好相反,烦躁或坐立不安、动来动去的情况更胜于平常",
            "Moving or speaking so slowly that other people could have noticed? Or the opposite: being so fidgety or \
             restless that you have been moving around a lot more than usual",
        ),
        (
            "有不如死掉或用某种方式伤害自己的念头",
            "Thoughts that you would be better off dead, or of hurting yourself in some way",
        ),
    ];
    let mut items = scored(&texts);
    let scores = vec![score(PHQ9_TOTAL, &items)];
    for item in items.iter_mut().filter(|item| item.link_id == link::ITEM9) {
        item.records_as = Some(Coding::loinc(PHQ9_ITEM9));
    }
    // The tenth is not scored.
    let options = DIFFICULT.map(|(code, zh, en)| option("http://loinc.org", code, (zh, en), None)).to_vec();
    items.push(optional(
        "item-10",
        zh_en(
            "如有上述任何问题:这些问题给您的工作、家务或与人相处造成了多大困难?",
            "If you checked off any problems, how difficult have these problems made it for you to do your work, take \
             care of things at home, or get along with other people?",
        ),
        AnswerKind::Choice(options),
    ));
    let (safeguards, citation) = (safeguards(), Some(Source::Phq9.citation()));
    Questionnaire { scores, safeguards, citation, ..questionnaire(PHQ9, zh_en("PHQ-9 问卷", "PHQ-9"), items) }
}

fn gad7() -> Questionnaire {
    let items = scored(&[
        ("感觉紧张、焦虑或急切", "Feeling nervous, anxious or on edge"),
        ("不能够停止或控制担忧", "Not being able to stop or control worrying"),
        ("对各种各样的事情担忧过多", "Worrying too much about different things"),
        ("很难放松下来", "Trouble relaxing"),
        ("由于不安而无法静坐", "Being so restless that it is hard to sit still"),
        ("变得容易烦恼或急躁", "Becoming easily annoyed or irritable"),
        ("感到似乎将有可怕的事情发生而害怕", "Feeling afraid as if something awful might happen"),
    ]);
    let scores = vec![score(GAD7_TOTAL, &items)];
    let citation = Some(Source::Gad7.citation());
    Questionnaire { scores, citation, ..questionnaire(GAD7, zh_en("GAD-7 问卷", "GAD-7"), items) }
}

fn scored(texts: &[(&str, &str)]) -> Vec<Item> {
    let item = |(number, (zh, en)): (usize, &(&str, &str))| {
        let options =
            OFTEN.map(|(code, zh, en, weight)| option("http://loinc.org", code, (zh, en), Some(weight))).to_vec();
        let zh = format!("过去两周内,您有多少时候受到困扰:{zh}?");
        let en = format!("Over the last 2 weeks, how often have you been bothered by: {en}?");
        required(&format!("item-{}", number + 1), zh_en(zh, en), AnswerKind::Choice(options))
    };
    texts.iter().enumerate().map(item).collect()
}

fn score(code: &str, items: &[Item]) -> Score {
    Score { code: Coding::loinc(code), items: items.iter().map(|item| item.link_id.clone()).collect() }
}

/// What the ninth item does whatever becomes of this plugin.
///
/// Kin are not informed. The emergency contact whom a patient names for a hospital need not know why they are followed up
/// here, and a call from this pathway would say it; a definition cannot ask whether this one does. Disclosure is the
/// patient's to make (艾滋病防治条例, article 39). Who speaks with the patient sees whom they named, and may reach that
/// person when life is in danger, without saying what the follow-up is for.
fn safeguards() -> Vec<Safeguard> {
    let on = |points: Number, contact: Contact| Safeguard {
        conditions: vec![Condition::of(link::ITEM9, Test::AtLeast(Decimal::whole(points.value)))],
        contact,
    };
    let contact = |code: &str, minutes: Number, reason: LocalizedText| Contact {
        code: code.to_owned(),
        owner: Role::Doctor,
        within_minutes: minutes.minutes(),
        escalation: vec![Role::Psychotherapist, Role::Nurse],
        helplines: vec!["12356".to_owned(), "120".to_owned()],
        inform_kin: false,
        locks_visit: false,
        recontact_hours: Vec::new(),
        reason,
        citation: Source::Project.citation(),
    };
    let assess = contact(
        "SAFETY_ASSESSMENT",
        ASSESS_MINUTES,
        zh_en(
            "PHQ-9第9项阳性:4小时内由医生完成安全评估。",
            "PHQ-9 item 9: a doctor assesses safety in less than 4 hours.",
        ),
    );
    let now = contact(
        "SAFETY_CONTACT_NOW",
        CONTACT_MINUTES,
        zh_en(
            format!("PHQ-9第9项≥{}:{}分钟内由真人联系,不得结束会话。", ITEM9_CONTACT.value, CONTACT_MINUTES.value),
            format!(
                "PHQ-9 item 9 of {} or more: a person makes contact within {} minutes; the visit is not closed.",
                ITEM9_CONTACT.value, CONTACT_MINUTES.value
            ),
        ),
    );
    let again = [CONTACT_AGAIN_1, CONTACT_AGAIN_2, CONTACT_AGAIN_3].iter().map(Number::hours).collect();
    vec![on(ITEM9_ASSESS, assess), on(ITEM9_CONTACT, Contact { locks_visit: true, recontact_hours: again, ..now })]
}

/// Without a source where its title would name the disease: the patient may see it.
fn questionnaire(code: &str, title: LocalizedText, items: Vec<Item>) -> Questionnaire {
    let (scores, safeguards) = (Vec::new(), Vec::new());
    Questionnaire { code: code.to_owned(), title, items, scores, safeguards, citation: None }
}

fn required(link_id: &str, text: LocalizedText, kind: AnswerKind) -> Item {
    Item::required(link_id, text, kind)
}

/// None but the ninth item of PHQ-9 is recorded as an observation: what a patient types is no result.
fn optional(link_id: &str, text: LocalizedText, kind: AnswerKind) -> Item {
    Item { required: false, ..Item::required(link_id, text, kind) }
}

fn option(system: &str, code: &str, (zh, en): (&str, &str), weight: Option<i32>) -> ChoiceOption {
    ChoiceOption { code: Coding::new(system, code).displayed(en), text: zh_en(zh, en), weight }
}

fn quantity(unit: &str, most: Number) -> AnswerKind {
    let bounds = Bounds { least: Some(Decimal::whole(0)), most: Some(Decimal::whole(most.value)) };
    AnswerKind::Quantity(Measured { unit: unit.to_owned(), bounds })
}

fn yes(link_id: &str) -> Condition {
    Condition::of(link_id, Test::Is(true))
}

/// Answers, as the host has checked them.
pub struct Answers<'a>(pub &'a Response);

impl Answers<'_> {
    /// Whether it was answered by yes.
    pub fn yes(&self, link_id: &str) -> bool {
        matches!(self.0.values(link_id), [AnswerValue::Boolean(true)])
    }

    /// An amount in the unit of the question.
    pub fn amount(&self, link_id: &str) -> Option<Decimal> {
        match self.0.values(link_id) {
            [AnswerValue::Quantity(quantity)] => Some(quantity.value),
            _ => None,
        }
    }

    /// The moment so many hours before the answer was given; not after `now`.
    pub fn hours_before(&self, link_id: &str, now: Instant) -> Option<Instant> {
        let answer = self.0.answers.iter().find(|answer| answer.link_id == link_id)?;
        Some(answer.at.min(now).saturating_sub(micros(self.amount(link_id)?)))
    }

    /// The chosen plan of prevention.
    pub fn plan(&self) -> Option<&str> {
        match self.0.values(link::PLAN) {
            [AnswerValue::Choice(coding)] if coding.system == PLANS => Some(&coding.code),
            _ => None,
        }
    }

    /// The symptoms that were chosen, in Chinese and English.
    pub fn symptoms(&self) -> [String; 2] {
        let chosen = |code: &str| {
            let is = |value: &AnswerValue| matches!(value, AnswerValue::Choice(coding) if coding.code == code);
            self.0.values(link::SYMPTOMS).iter().any(is)
        };
        let found: Vec<_> = SYMPTOMS.iter().filter(|(code, ..)| chosen(code)).collect();
        let join = |words: Vec<&str>, between: &str| words.join(between);
        [
            join(found.iter().map(|(_, zh, _)| *zh).collect(), "、"),
            join(found.iter().map(|(.., en)| *en).collect(), ", "),
        ]
    }

    /// What an item of a scale counts.
    pub fn points(&self, link_id: &str) -> Option<i64> {
        let [AnswerValue::Choice(coding)] = self.0.values(link_id) else { return None };
        OFTEN.iter().find(|(code, ..)| *code == coding.code).map(|(.., weight)| i64::from(*weight))
    }

    /// The sum of the first items, if each was answered.
    pub fn total(&self, items: usize) -> Option<i64> {
        (1..=items).map(|number| self.points(&format!("item-{number}"))).sum()
    }
}

/// Microseconds in so many hours, rounded down; 0 if that is no number, so that nobody is thought to be late.
fn micros(hours: Decimal) -> Instant {
    let Some(exact) = hours.times(Decimal::whole(HOUR)) else { return 0 };
    (0..exact.scale).fold(exact.unscaled, |value, _| value / 10)
}
