//! Questionnaires. A patient reads them: they name no disease, no test and no medicine.

use xinglin_sdk::{
    pathway::{AnswerKind, AnswerValue, Question, Questionnaire, Response},
    types::{Coding, Decimal, LocalizedText, zh_en},
};

use crate::sources;

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

/// LOINC code of the ninth item of PHQ-9, by which the host knows that it asks about safety.
const PHQ9_ITEM9: &str = "44260-8";

/// System of the answers to [`link::PLAN`].
pub const PLANS: &str = "urn:xinglin:follow-up:plan";

/// All.
pub fn all() -> Vec<Questionnaire> {
    vec![intake(), course(), regular(), routine(), phq9(), gad7()]
}

fn intake() -> Questionnaire {
    let risks = [
        zh_en(
            "过去6个月内,您是否有过未采取保护措施的亲密行为?",
            "In the last 6 months, did you have sex without protection?",
        ),
        zh_en("过去6个月内,您是否与他人共用过针具?", "In the last 6 months, did you share needles?"),
        zh_en(
            "过去6个月内,您的伴侣是否已确诊可经血液或亲密接触传播的感染?",
            "In the last 6 months, did you have a partner with an infection that passes by blood or sex?",
        ),
        zh_en(
            "过去6个月内,您是否新诊断过经亲密接触传播的感染?",
            "In the last 6 months, were you newly diagnosed with an infection that passes by sex?",
        ),
        zh_en(
            "过去6个月内,您是否不止一次因为担心的接触而接受过28天的处理?",
            "In the last 6 months, were you given a course of 28 days after a contact more than once?",
        ),
    ];
    let mut questions = vec![
        required(
            link::CONTACT,
            zh_en(
                "最近是否发生过您担心的接触(针刺、血液接触或未采取保护措施的亲密行为)?",
                "Has there lately been a contact that worries you (a needle, blood, or sex without protection)?",
            ),
            AnswerKind::Boolean,
        ),
        question(
            link::CONTACT_HOURS,
            zh_en("如有:距现在大约多少小时?", "If so: about how many hours ago?"),
            AnswerKind::Quantity("h".to_owned()),
        ),
    ];
    questions.extend(link::RISKS.into_iter().zip(risks).map(|(link, text)| required(link, text, AnswerKind::Boolean)));
    questions.extend([
        question(
            link::SUPPRESSED,
            zh_en(
                "如伴侣有上述感染:医生是否确认其过去6个月的化验值一直低于200/毫升?",
                "If your partner has one: did a doctor confirm values below 200 per millilitre for the last 6 months?",
            ),
            AnswerKind::Boolean,
        ),
        required(link::UNWELL, unwell(), AnswerKind::Boolean),
        plan(),
    ]);
    questionnaire(INTAKE, zh_en("健康评估问卷", "Health assessment"), questions, None)
}

fn course() -> Questionnaire {
    let questions = vec![
        required(
            link::STARTED,
            zh_en("您是否已按当面就诊时医生的安排开始?", "Have you started what the doctor arranged at your visit?"),
            AnswerKind::Boolean,
        ),
        question(
            link::STARTED_HOURS,
            zh_en("如已开始:距现在大约多少小时?", "If so: about how many hours ago?"),
            AnswerKind::Quantity("h".to_owned()),
        ),
        gap(),
        required(link::UNWELL, unwell(), AnswerKind::Boolean),
        question(link::FINISHED, zh_en("您是否已经停止?", "Have you stopped?"), AnswerKind::Boolean),
    ];
    questionnaire(COURSE, zh_en("随访问卷", "Follow-up"), questions, None)
}

fn regular() -> Questionnaire {
    let questions = vec![
        plan(),
        gap(),
        required(link::UNWELL, unwell(), AnswerKind::Boolean),
        question(
            link::STOP,
            zh_en("您是否希望停止目前的安排?", "Do you want to stop the current plan?"),
            AnswerKind::Boolean,
        ),
        question(
            link::LAST_DAYS,
            zh_en("最近一次您担心的接触距今多少天?", "How many days ago was the last contact that worries you?"),
            AnswerKind::Quantity("d".to_owned()),
        ),
    ];
    questionnaire(REGULAR, zh_en("随访问卷", "Follow-up"), questions, None)
}

fn routine() -> Questionnaire {
    let questions = vec![Question { required: true, ..gap() }, required(link::UNWELL, unwell(), AnswerKind::Boolean)];
    questionnaire(ROUTINE, zh_en("随访问卷", "Follow-up"), questions, None)
}

fn unwell() -> LocalizedText {
    zh_en(
        "过去4周内,您是否有发热、皮疹、咽痛、淋巴结肿大或其他明显不适?",
        "In the last 4 weeks, did you have fever, a rash, a sore throat, swollen glands or feel clearly unwell?",
    )
}

fn plan() -> Question {
    let choice = |code: &str, display: &str| Coding::new(PLANS, code).displayed(display);
    required(
        link::PLAN,
        zh_en("您目前是否在执行门诊医生给您的预防安排?", "Do you follow a plan of prevention that a clinic gave you?"),
        AnswerKind::Choice(vec![
            choice("none", "否 / No"),
            choice("daily", "每日 / Daily"),
            choice("on-demand", "按需 / When needed"),
        ]),
    )
}

fn gap() -> Question {
    question(
        link::GAP_HOURS,
        zh_en(
            "上次填写以来,最长一次连续多少小时没有按医生安排服用(没有中断填0)?",
            "Since the last time, what was the longest gap, in hours, in taking what the doctor arranged (0 for none)?",
        ),
        AnswerKind::Quantity("h".to_owned()),
    )
}

fn phq9() -> Questionnaire {
    let items = [
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
    let mut questions: Vec<Question> = scored(&items);
    for question in questions.iter_mut().filter(|question| question.link_id == link::ITEM9) {
        question.records_as = Some(Coding::loinc(PHQ9_ITEM9));
    }
    // The tenth is not scored.
    questions.push(question(
        "item-10",
        zh_en(
            "如有上述任何问题:这些问题给您的工作、家务或与人相处造成了多大困难?(0没有困难,1有些困难,2很困难,3极度困难)",
            "If you checked off any problems, how difficult have these problems made it for you to do your work, take \
             care of things at home, or get along with other people? (0 not, 1 somewhat, 2 very, 3 extremely)",
        ),
        AnswerKind::Integer,
    ));
    questionnaire(PHQ9, zh_en("PHQ-9 问卷", "PHQ-9"), questions, Some(sources::PHQ9))
}

fn gad7() -> Questionnaire {
    let items = [
        ("感觉紧张、焦虑或急切", "Feeling nervous, anxious or on edge"),
        ("不能够停止或控制担忧", "Not being able to stop or control worrying"),
        ("对各种各样的事情担忧过多", "Worrying too much about different things"),
        ("很难放松下来", "Trouble relaxing"),
        ("由于不安而无法静坐", "Being so restless that it is hard to sit still"),
        ("变得容易烦恼或急躁", "Becoming easily annoyed or irritable"),
        ("感到似乎将有可怕的事情发生而害怕", "Feeling afraid as if something awful might happen"),
    ];
    questionnaire(GAD7, zh_en("GAD-7 问卷", "GAD-7"), scored(&items), Some(sources::GAD7))
}

fn scored(items: &[(&str, &str)]) -> Vec<Question> {
    let item = |(number, (zh, en)): (usize, &(&str, &str))| {
        let zh = format!("过去两周内,您有多少时候受到困扰:{zh}?(0完全不会,1好几天,2一半以上的天数,3几乎每天)");
        let en = format!(
            "Over the last 2 weeks, how often have you been bothered by: {en}? (0 not at all, 1 several days, \
             2 more than half the days, 3 nearly every day)"
        );
        required(&format!("item-{}", number + 1), zh_en(zh, en), AnswerKind::Integer)
    };
    items.iter().enumerate().map(item).collect()
}

/// Without a source where its title would name the disease: the patient may see it.
fn questionnaire(
    code: &str,
    title: LocalizedText,
    questions: Vec<Question>,
    source: Option<sources::Source>,
) -> Questionnaire {
    let citation = source.map(|source| source.citation());
    Questionnaire { code: code.to_owned(), title, questions, citation }
}

fn required(link_id: &str, text: LocalizedText, kind: AnswerKind) -> Question {
    Question { required: true, ..question(link_id, text, kind) }
}

/// None is recorded as an observation: what a patient types is no result.
fn question(link_id: &str, text: LocalizedText, kind: AnswerKind) -> Question {
    Question { link_id: link_id.to_owned(), text, kind, required: false, records_as: None }
}

/// Answers, read strictly.
pub struct Answers<'a>(pub &'a Response);

/// A number that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Not answered.
    Silent,
    /// Another unit or type, negative or beyond what can be.
    Wrong,
    /// Usable.
    Of(Decimal),
}

impl Answers<'_> {
    fn value(&self, link_id: &str) -> Option<&AnswerValue> {
        self.0.answers.iter().find(|answer| answer.link_id == link_id).map(|answer| &answer.value)
    }

    /// `None` if it was not answered, or not by yes or no.
    pub fn boolean(&self, link_id: &str) -> Option<bool> {
        match self.value(link_id)? {
            AnswerValue::Boolean(yes) => Some(*yes),
            _ => None,
        }
    }

    /// Whether it was answered by yes.
    pub fn yes(&self, link_id: &str) -> bool {
        self.boolean(link_id) == Some(true)
    }

    /// A quantity of 0 to `most`, in this unit.
    pub fn amount(&self, link_id: &str, unit: &str, most: i64) -> Amount {
        match self.value(link_id) {
            None => Amount::Silent,
            Some(AnswerValue::Quantity(quantity))
                if quantity.unit == unit
                    && (Decimal::whole(0)..=Decimal::whole(most)).contains(&quantity.value)
                    && quantity.value.scale <= 6 =>
            {
                Amount::Of(quantity.value)
            }
            Some(_) => Amount::Wrong,
        }
    }

    /// The chosen plan of prevention.
    pub fn plan(&self) -> Option<&str> {
        match self.value(link::PLAN)? {
            AnswerValue::Choice(coding) if coding.system == PLANS => Some(&coding.code),
            _ => None,
        }
    }

    /// An item of 0 to 3.
    pub fn item(&self, link_id: &str) -> Option<i64> {
        match self.value(link_id)? {
            AnswerValue::Integer(score @ 0..=3) => Some(*score),
            _ => None,
        }
    }

    /// The sum of the first items, if each has its score.
    pub fn total(&self, items: usize) -> Option<i64> {
        (1..=items).map(|number| self.item(&format!("item-{number}"))).sum()
    }
}
