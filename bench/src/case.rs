//! Patients with type 2 diabetes, drawn by dice: their records, their orders, their
//! follow-ups and their bills. Codes, units and ranges are those of practice; the
//! medicines are all that the shipped checker knows.

use xinglin_domain::{
    clinical::{
        Allergy, Condition, ConditionStatus, Criticality, Medication, MedicationStatus, Observation, ObservationValue,
        Omission, OmissionReason, Section, Sex, Snapshot, Subject,
    },
    coding::{Coding, Decimal, Quantity, system},
    money::Money,
    pathway::{Answer, AnswerValue, Event, Provenance, Reading, Response, Role, TaskRef},
    payer::{self, Accumulator, Bill, Coverage, LineKind},
    review::{Line, Order},
    time::Instant,
};

use crate::{Result, dice::Dice};

/// 2027-01-15T08:00:00Z.
pub const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

const CONDITIONS: [(&str, &str); 24] = [
    ("I10", "原发性高血压"),
    ("E78.5", "高脂血症"),
    ("I25.1", "冠状动脉粥样硬化性心脏病"),
    ("N18.3", "慢性肾脏病3期"),
    ("E11.2", "2型糖尿病性肾病"),
    ("E11.3", "2型糖尿病性视网膜病变"),
    ("E11.4", "2型糖尿病性周围神经病变"),
    ("K21.9", "胃食管反流病"),
    ("M10.9", "痛风"),
    ("J45.9", "支气管哮喘"),
    ("E03.9", "甲状腺功能减退症"),
    ("I48.9", "心房颤动"),
    ("I50.9", "心力衰竭"),
    ("K76.0", "脂肪肝"),
    ("M81.9", "骨质疏松"),
    ("F32.9", "抑郁发作"),
    ("G47.0", "失眠症"),
    ("N40", "前列腺增生"),
    ("D50.9", "缺铁性贫血"),
    ("I63.9", "脑梗死"),
    ("J44.9", "慢性阻塞性肺疾病"),
    ("E66.9", "肥胖症"),
    ("M17.9", "膝骨关节炎"),
    ("L40.9", "银屑病"),
];

/// Code, name, unit, least and most in units of the last digit, digits after the point.
type Test = (&'static str, &'static str, &'static str, i64, i64, u8);

const CHECKED: [Test; 4] = [
    ("98979-8", "估算肾小球滤过率", "mL/min/{1.73_m2}", 25, 110, 0),
    ("14682-9", "血肌酐", "umol/L", 45, 190, 0),
    ("62238-1", "估算肾小球滤过率", "mL/min/{1.73_m2}", 25, 110, 0),
    ("2160-0", "血肌酐", "mg/dL", 50, 210, 2),
];

const FOLLOWED: [Test; 6] = [
    ("14743-9", "指尖血糖", "mmol/L", 42, 165, 1),
    ("4548-4", "糖化血红蛋白", "%", 55, 105, 1),
    ("8480-6", "收缩压", "mm[Hg]", 105, 172, 0),
    ("8462-4", "舒张压", "mm[Hg]", 60, 102, 0),
    ("98979-8", "估算肾小球滤过率", "mL/min/{1.73_m2}", 25, 110, 0),
    ("2089-1", "低密度脂蛋白胆固醇", "mmol/L", 14, 48, 1),
];

const ITEMS: [(&str, LineKind, i64); 10] = [
    ("follow-up-visit", LineKind::Service, 2_000),
    ("metformin-500mg-60", LineKind::Medicine, 2_450),
    ("dapagliflozin-10mg-30", LineKind::Medicine, 6_800),
    ("glucose-test-strips-50", LineKind::Material, 4_500),
    ("acarbose-50mg-30", LineKind::Medicine, 1_980),
    ("sitagliptin-100mg-14", LineKind::Medicine, 7_350),
    ("insulin-glargine-300iu-1", LineKind::Medicine, 6_990),
    ("hba1c-test", LineKind::Service, 5_500),
    ("renal-function-panel", LineKind::Service, 4_800),
    ("lancets-100", LineKind::Material, 1_500),
];

fn coding(system: &str, code: &str, display: &str) -> Coding {
    Coding { display: Some(display.to_owned()), ..Coding::new(system, code) }
}

fn quantity(unscaled: i64, scale: u8, unit: &str) -> Quantity {
    let value = Decimal::new(unscaled, scale).unwrap_or(Decimal::whole(unscaled));
    Quantity { value, unit: unit.to_owned() }
}

/// What every patient is drawn from.
#[derive(Debug)]
pub struct World {
    medicines: Vec<Coding>,
}

impl World {
    /// From the shipped checker's table of ingredients.
    ///
    /// # Errors
    /// If the table is not what it was.
    pub fn new() -> Result<Self> {
        let table: toml::Table = include_str!("../../plugins/drug-safety/data/ingredients.toml").parse()?;
        let ingredients = table.get("ingredient").and_then(toml::Value::as_table).ok_or("no ingredients")?;
        let name = |names: &toml::Value| names.get("zh").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let medicines = ingredients.iter().map(|(atc, names)| coding(system::ATC, atc, &name(names))).collect();
        Ok(Self { medicines })
    }

    /// A patient as of a moment.
    pub fn patient<'a>(&'a self, dice: &mut Dice, now: Instant) -> Patient<'a> {
        let millis = u64::try_from(now.micros() / 1_000).unwrap_or_default();
        let conditions = CONDITIONS.map(|(code, name)| coding(system::ICD10, code, name));
        let mut diagnoses = vec![coding(system::ICD10, "E11.9", "2型糖尿病")];
        let comorbidities = dice.between(0, 5);
        diagnoses.extend(dice.some(&conditions, comorbidities));
        let (allergies, medicines) = (dice.between(0, 2), dice.between(1, 7));
        Patient {
            world: self,
            id: dice.id(millis - dice.clone().bits() % 100_000_000_000),
            subject: Subject {
                pseudonym: format!("{:016x}{:016x}", dice.bits(), dice.bits()),
                age_months: u32::try_from(dice.between(320, 1_080)).ok(),
                sex: *dice.pick(&[Sex::Female, Sex::Male]),
            },
            conditions: diagnoses
                .into_iter()
                .map(|code| Condition {
                    code: vec![code],
                    status: ConditionStatus::Active,
                    onset: Some(past(dice, now, 6_000)),
                    attributes: Vec::new(),
                })
                .collect(),
            allergies: dice
                .some(&self.medicines, allergies)
                .into_iter()
                .map(|substance| Allergy {
                    substance: vec![substance],
                    criticality: *dice.pick(&[Criticality::Low, Criticality::High]),
                    recorded: Some(past(dice, now, 5_000)),
                    attributes: Vec::new(),
                })
                .collect(),
            medications: dice
                .some(&self.medicines, medicines)
                .into_iter()
                .map(|code| Medication {
                    ingredients: vec![Coding::new(system::ATC, code.code.clone())],
                    code: vec![code],
                    status: MedicationStatus::Active,
                    started: Some(past(dice, now, 1_500)),
                    ended: None,
                    attributes: Vec::new(),
                })
                .collect(),
            checked: results(dice, now, &CHECKED, 10),
            followed: results(dice, now, &FOLLOWED, 14),
        }
    }
}

fn past(dice: &mut Dice, now: Instant, days: i64) -> Instant {
    now.plus_seconds(-dice.between(86_400, days * 86_400))
}

fn result(dice: &mut Dice, (code, name, unit, low, high, scale): Test, at: Instant) -> Observation {
    Observation {
        code: vec![coding(system::LOINC, code, name)],
        value: ObservationValue::Quantity(quantity(dice.between(low, high), scale, unit)),
        components: Vec::new(),
        effective: Some(at),
        attributes: Vec::new(),
    }
}

fn results(dice: &mut Dice, now: Instant, tests: &[Test], most: i64) -> Vec<Observation> {
    let mut results: Vec<Observation> = (0..dice.between(0, most))
        .map(|_| {
            let (test, at) = (*dice.pick(tests), past(dice, now, 400));
            result(dice, test, at)
        })
        .collect();
    results.sort_by_key(|result| std::cmp::Reverse(result.effective));
    results
}

/// Somebody in care.
#[derive(Debug, Clone)]
pub struct Patient<'a> {
    world: &'a World,
    /// As the store knows them.
    pub id: u128,
    subject: Subject,
    conditions: Vec<Condition>,
    allergies: Vec<Allergy>,
    medications: Vec<Medication>,
    checked: Vec<Observation>,
    followed: Vec<Observation>,
}

impl Patient<'_> {
    /// What a check of prescriptions is shown.
    pub fn for_review(&self, taken_at: Instant) -> Snapshot {
        Snapshot {
            taken_at,
            subject: self.subject.clone(),
            conditions: self.conditions.clone(),
            allergies: self.allergies.clone(),
            medications: self.medications.clone(),
            observations: self.checked.clone(),
            omissions: vec![omitted(Section::Observations)],
            attributes: Vec::new(),
        }
    }

    /// What the pathway is shown.
    pub fn for_pathway(&self, taken_at: Instant) -> Snapshot {
        Snapshot {
            allergies: Vec::new(),
            observations: self.followed.clone(),
            omissions: vec![omitted(Section::Allergies), omitted(Section::Observations)],
            ..self.for_review(taken_at)
        }
    }

    /// A prescription of one to four lines.
    pub fn order(&self, dice: &mut Dice) -> Order {
        let lines = dice.between(1, 4);
        let mut number = 0;
        let lines = dice.some(&self.world.medicines, lines).into_iter().map(|code| {
            number += 1;
            Line {
                number,
                ingredients: vec![Coding::new(system::ATC, code.code.clone())],
                code: vec![code],
                dose: quantity(*dice.pick(&[5, 10, 20, 25, 40, 50, 100, 250, 500, 1_000]), 0, "mg"),
                doses_per_day: Decimal::whole(dice.between(1, 3)),
                days: *dice.pick(&[7, 14, 28, 30, 60, 84]),
                route: Some(coding(system::SNOMED, "26643006", "口服")),
                attributes: Vec::new(),
            }
        });
        Order {
            lines: lines.collect(),
            diagnoses: self.conditions.iter().take(2).flat_map(|condition| condition.code.clone()).collect(),
            long_term: dice.percent(60),
            attributes: Vec::new(),
        }
    }

    /// What happens to an enrolled patient: an answered questionnaire most often.
    pub fn event(&self, dice: &mut Dice, now: Instant) -> Event {
        match dice.between(1, 10) {
            1 => Event::TaskDue(TaskRef { code: "follow-up".to_owned(), due: now }),
            2..=4 => {
                let glucose = FOLLOWED[0];
                Event::Observed(Reading { observation: result(dice, glucose, now), provenance: Provenance::Laboratory })
            }
            _ => {
                let answer = |link: &str, value| Answer {
                    link_id: link.to_owned(),
                    values: vec![value],
                    at: now,
                    author: Role::Patient,
                };
                let mut measured =
                    |low, high, scale, unit| AnswerValue::Quantity(quantity(dice.between(low, high), scale, unit));
                let answers = vec![
                    answer("glucose", measured(38, 170, 1, "mmol/L")),
                    answer("systolic", measured(100, 175, 0, "mm[Hg]")),
                    answer("diastolic", measured(58, 105, 0, "mm[Hg]")),
                    answer("hba1c", measured(55, 105, 1, "%")),
                    answer("fasting", AnswerValue::Boolean(dice.percent(70))),
                    answer("needed-help", AnswerValue::Boolean(dice.percent(2))),
                ];
                Event::Answered(Response { questionnaire: "follow-up".to_owned(), answers })
            }
        }
    }

    /// What a visit costs.
    pub fn bill(&self, dice: &mut Dice, served_at: Instant) -> Bill {
        let lines = dice.between(1, 5);
        let mut number = 0;
        let lines = dice.some(&ITEMS, lines).into_iter().map(|(code, kind, price)| {
            number += 1;
            let count = dice.between(1, 3);
            payer::Line {
                number,
                kind,
                code: vec![Coding::new("https://xinglin.dev/catalogue", code)],
                quantity: Decimal::whole(count),
                gross: Money::fen(price * count),
                attributes: Vec::new(),
            }
        });
        Bill {
            guarantees: std::collections::BTreeMap::new(),
            lines: lines.collect(),
            id: format!("{:016x}{:016x}", dice.bits(), dice.bits()),
            served_at,
            diagnoses: self.conditions.iter().take(2).flat_map(|condition| condition.code.clone()).collect(),
            prior: Vec::new(),
            use_account: dice.percent(50),
            attributes: Vec::new(),
        }
    }

    /// How they are insured.
    pub fn coverage(&self, dice: &mut Dice) -> Coverage {
        let category = *dice.pick(&["310", "390"]);
        let mut used =
            |code: &str, most| Accumulator { code: code.to_owned(), amount: Money::fen(dice.between(0, most)) };
        Coverage {
            member: self.subject.pseudonym.clone(),
            category: Coding::new("https://code.nhsa.gov.cn/insutype", category),
            valid_until: None,
            accumulators: vec![
                used("deductible-used", 180_000),
                used("fund-used", 900_000),
                used("account-balance", 400_000),
            ],
            attributes: Vec::new(),
        }
    }
}

const fn omitted(section: Section) -> Omission {
    Omission { section, reason: OmissionReason::NotDeclared }
}
