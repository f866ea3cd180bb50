//! What services cost, as in `xinglin:payment/pricing@1.1`: answers of a list of prices and their
//! checks. A fee never depends on medicines (`BUNDLE_DRUG_LINKED`). What was sold is [`sale`].

pub mod sale;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    coding::{Citation, Coding, LocalizedText},
    insurance::{
        Balance, Draw, Fault, LineKind, Period, Refusal, Wrong,
        balance::{check_balances, check_draws},
        fault::{amount, citation, coding, refused, sum, text},
    },
    money::Money,
    prescription::{Substances, product::Product},
    time::Instant,
};

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// In every known coding.
    pub code: Vec<Coding>,
    /// Title of who gives it; absent if it does not matter yet.
    pub title: Option<String>,
    /// Completed years of the patient; absent if not known.
    pub age_years: Option<u16>,
    /// Coded diagnoses of a bundle.
    pub diagnoses: Vec<Coding>,
    /// Severity of a bundle.
    pub severity: Option<Coding>,
    /// Plan of treatment of a bundle.
    pub plan: Option<Coding>,
    /// Counters of packages that the patient has.
    pub entitlements: Vec<Balance>,
}

/// Whose income a fee is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Payee {
    Hospital,
    Doctor,
    Platform,
}

/// When a fee is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// At the start.
    AtStart,
    /// At the end of the course, if so many of a thousand of its tasks were done.
    AtCompletion(u16),
}

/// One line of a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fee {
    /// Unique within the price.
    pub code: Coding,
    /// For the patient.
    pub title: LocalizedText,
    /// Whose income it is.
    pub payee: Payee,
    /// Never negative.
    pub amount: Money,
    /// When it is due.
    pub due: Due,
    /// Over which it is earned day by day; absent if when the service is given.
    pub earned_over: Option<Period>,
}

/// A price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The lines.
    pub fees: Vec<Fee>,
    /// What it takes from the patient's counters.
    pub draws: Vec<Draw>,
    /// Counters of the package that is bought.
    pub opens: Vec<Balance>,
    /// At list price without a package: what counts as used of the package that it is drawn from.
    pub list_price: Money,
    /// Until when it is good.
    pub expires: Instant,
    /// The source of the rule.
    pub citation: Citation,
}

/// What a price of a tenant may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The least, unless it is drawn from a package.
    pub least: Money,
    /// The most.
    pub most: Money,
}

impl Price {
    /// Sum of the fees.
    ///
    /// # Errors
    /// On overflow.
    pub fn total(&self) -> Result<Money, Fault> {
        sum("fees", self.fees.iter().map(|fee| fee.amount))
    }

    fn check(&self, service: &Service, now: Instant) -> Result<(), Fault> {
        for (at, fee) in self.fees.iter().enumerate() {
            let field = format!("fees[{}]", fee.code.code);
            let part = |name: &str| format!("{field}.{name}");
            coding(part("code"), &fee.code)?;
            if self.fees[..at].iter().any(|other| other.code.same(&fee.code)) {
                return Err(Wrong::Twice.at(field));
            }
            text(part("title"), &fee.title)?;
            check_medicine(fee).map_err(|wrong| wrong.at(&field))?;
            amount(part("amount"), fee.amount)?;
            if let Due::AtCompletion(share @ 1001..) = fee.due {
                let wrong = Wrong::Number { is: share.to_string(), must: "0 to 1000".to_owned() };
                return Err(wrong.at(part("due")));
            }
            if fee.earned_over.is_some_and(|period| period.start >= period.end) {
                return Err(Wrong::Period.at(part("earned_over")));
            }
        }
        self.total()?;
        amount("list_price", self.list_price)?;
        check_draws(&self.draws, &service.entitlements, now)?;
        check_balances(&self.opens).map_err(|fault| fault.within("opens"))?;
        if self.expires <= now {
            return Err(Wrong::Time(self.expires).at("expires"));
        }
        citation("citation", &self.citation)
    }

    /// Checks that it is within what the tenant allows. What is drawn from a package may cost
    /// nothing.
    ///
    /// # Errors
    /// If it is not.
    pub fn check_within(&self, Bounds { least, most }: Bounds) -> Result<(), Fault> {
        let amount = self.total()?;
        if amount > most {
            Err(Wrong::Above { amount, most }.at("fees"))
        } else if amount < least && self.draws.is_empty() {
            Err(Wrong::Below { amount, least }.at("fees"))
        } else {
            Ok(())
        }
    }
}

impl Service {
    /// Checks that nothing of a medicine is in the question.
    ///
    /// # Errors
    /// `BUNDLE_DRUG_LINKED`, naming the field.
    pub fn check(&self) -> Result<(), Fault> {
        let fields = [("code", &self.code[..]), ("severity", self.severity.as_slice()), ("plan", self.plan.as_slice())];
        for (field, codings) in fields {
            for coding in codings {
                let product = Product::new(LineKind::Service, "", std::slice::from_ref(coding), &[], &BTreeSet::new());
                if let Some(mark) = product.medicine_mark(&Substances::default()) {
                    return Err(Wrong::Medicine(mark.to_string()).at(field));
                }
            }
        }
        Ok(())
    }
}

/// That a fee names no medicine: by an ATC, RxNorm or NHSA code, or by a number of approval.
fn check_medicine(fee: &Fee) -> Result<(), Wrong> {
    let code = std::slice::from_ref(&fee.code);
    let titles = fee.title.0.iter().map(|title| title.text.as_str());
    for title in titles {
        let product = Product::new(LineKind::Service, title, code, &[], &BTreeSet::new());
        if let Some(mark) = product.medicine_mark(&Substances::default()) {
            return Err(Wrong::Medicine(mark.to_string()));
        }
    }
    Ok(())
}

/// Answer to a question of price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priced {
    /// At this price.
    Offered(Price),
    /// Not sold like this.
    Refused(Vec<Refusal>),
}

impl Priced {
    /// Checks the answer.
    ///
    /// # Errors
    /// If a fee is negative, comes twice or names a medicine, or if it draws on what the patient
    /// does not have.
    pub fn check(&self, service: &Service, now: Instant) -> Result<(), Fault> {
        match self {
            Self::Offered(price) => price.check(service, now),
            Self::Refused(why) => refused("refused", why),
        }
    }
}

/// How far what was bought has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Nothing of it was used.
    NotStarted,
    /// Something was.
    Started,
    /// It was given.
    Completed,
}

/// What was bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purchase {
    /// As agreed.
    pub price: Price,
    /// When.
    pub bought_at: Instant,
    /// How far it has come.
    pub progress: Progress,
    /// Services used so far, at their list price.
    pub used: Money,
}

/// What comes back of a fee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturnedFee {
    /// Of the fee.
    pub code: Coding,
    /// How much.
    pub amount: Money,
}

/// What the patient gets back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refund {
    /// By fee.
    pub fees: Vec<ReturnedFee>,
    /// The source of the rule.
    pub citation: Citation,
}

impl Purchase {
    /// The most that can have been paid of a fee: nothing of what is due at a completion that has
    /// not come.
    const fn paid(&self, fee: &Fee) -> Money {
        match (fee.due, self.progress) {
            (Due::AtCompletion(_), Progress::NotStarted | Progress::Started) => Money::ZERO,
            (Due::AtStart, _) | (Due::AtCompletion(_), Progress::Completed) => fee.amount,
        }
    }
}

impl Refund {
    /// Checks the answer. That a purchase is refunded once is for the caller, who has its state.
    ///
    /// # Errors
    /// If a fee was never paid, comes twice, or more comes back than was paid of it.
    pub fn check(&self, purchase: &Purchase) -> Result<(), Fault> {
        for (at, returned) in self.fees.iter().enumerate() {
            let field = format!("fees[{}]", returned.code.code);
            if self.fees[..at].iter().any(|other| other.code.same(&returned.code)) {
                return Err(Wrong::Twice.at(field));
            }
            let paid = purchase.price.fees.iter().find(|fee| fee.code.same(&returned.code));
            let Some(paid) = paid else { return Err(Wrong::Strange.at(field)) };
            let (amount, most) = (returned.amount, purchase.paid(paid));
            if amount <= Money::ZERO {
                return Err(Wrong::Below { amount, least: Money::fen(1) }.at(field));
            }
            if amount > most {
                return Err(Wrong::Above { amount, most }.at(field));
            }
        }
        citation("citation", &self.citation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        coding::system,
        insurance::{
            Allowance,
            fixture::{YEAR, citation as source, refusal},
        },
        money::MoneyError,
    };

    fn code(code: &str) -> Coding {
        Coding::new("https://hospital.example/fees", code)
    }

    fn fee(name: &str, payee: Payee, fen: i64, due: Due) -> Fee {
        Fee {
            code: code(name),
            title: LocalizedText::zh_en("图文问诊", "Consultation by text"),
            payee,
            amount: Money::fen(fen),
            due,
            earned_over: None,
        }
    }

    /// A fee of 10,000 wholly the doctor's, and 2,000 of the platform on a line of its own.
    fn consultation() -> Price {
        Price {
            fees: vec![
                fee("consultation", Payee::Doctor, 10_000, Due::AtStart),
                fee("platform", Payee::Platform, 2_000, Due::AtStart),
            ],
            draws: Vec::new(),
            opens: Vec::new(),
            list_price: Money::fen(12_000),
            expires: YEAR.end,
            citation: source(),
        }
    }

    /// 1.40 × 30,000 = 42,000: half at the start, half if 80 % of the tasks were done.
    fn bundle() -> Price {
        let fees = vec![
            fee("course-start", Payee::Hospital, 21_000, Due::AtStart),
            fee("course-end", Payee::Hospital, 21_000, Due::AtCompletion(800)),
        ];
        Price { fees, ..consultation() }
    }

    fn visits(used: u32) -> Balance {
        let (used, limit) = (Allowance::Count(used), Some(Allowance::Count(12)));
        Balance { code: "visits".into(), period: YEAR, used, limit }
    }

    fn service(entitlements: Vec<Balance>) -> Service {
        Service {
            code: vec![code("consultation")],
            title: Some("associate-senior".into()),
            age_years: Some(58),
            diagnoses: Vec::new(),
            severity: None,
            plan: None,
            entitlements,
        }
    }

    /// A price, a change of it, what the patient has, and what is found wrong.
    type Case = (Price, fn(&mut Price), Vec<Balance>, Option<(&'static str, Wrong)>);

    #[test]
    fn a_price_names_no_medicine_and_draws_on_what_is_there() {
        let one = Draw { code: "visits".into(), period: YEAR, amount: Allowance::Count(1) };
        let drawn = Price { fees: Vec::new(), draws: vec![one], ..consultation() };
        let package = Price { opens: vec![visits(0)], ..consultation() };
        let cases: [Case; 15] = [
            (consultation(), |_| {}, vec![], None),
            (bundle(), |_| {}, vec![], None),
            (package, |_| {}, vec![], None),
            (drawn.clone(), |_| {}, vec![visits(11)], None),
            (drawn.clone(), |_| {}, vec![visits(12)], Some(("draws[visits]", Wrong::Balance))),
            (drawn, |_| {}, vec![], Some(("draws[visits]", Wrong::Strange))),
            (consultation(), |p| p.fees[1] = p.fees[0].clone(), vec![], Some(("fees[consultation]", Wrong::Twice))),
            (
                consultation(),
                |p| p.fees[0].amount = Money::fen(-1),
                vec![],
                Some(("fees[consultation].amount", Wrong::Money(MoneyError::Negative))),
            ),
            (
                consultation(),
                |p| p.fees[0].amount = Money::fen(i64::MAX),
                vec![],
                Some(("fees", Wrong::Money(MoneyError::Overflow))),
            ),
            (
                bundle(),
                |p| p.fees[1].due = Due::AtCompletion(1_001),
                vec![],
                Some(("fees[course-end].due", Wrong::Number { is: "1001".to_owned(), must: "0 to 1000".to_owned() })),
            ),
            (
                consultation(),
                |p| p.fees[0].earned_over = Some(Period { start: YEAR.end, end: YEAR.start }),
                vec![],
                Some(("fees[consultation].earned_over", Wrong::Period)),
            ),
            (consultation(), |p| p.fees[0].title.0.clear(), vec![], Some(("fees[consultation].title", Wrong::Empty))),
            (
                consultation(),
                |p| p.list_price = Money::fen(-1),
                vec![],
                Some(("list_price", Wrong::Money(MoneyError::Negative))),
            ),
            (consultation(), |p| p.expires = YEAR.start, vec![], Some(("expires", Wrong::Time(YEAR.start)))),
            (
                consultation(),
                |p| p.opens = vec![visits(0), visits(0)],
                vec![],
                Some(("opens.balances[visits]", Wrong::Twice)),
            ),
        ];
        for (mut price, change, entitlements, fault) in cases {
            change(&mut price);
            let found = Priced::Offered(price).check(&service(entitlements), YEAR.start).err();
            assert_eq!(found, fault.map(|(field, wrong)| wrong.at(field)));
        }
        for medicine in [
            Coding::new(system::ATC, "A10BA02"),
            Coding::new("https://www.whocc.no/atc/", "a10ba02"),
            Coding::new(system::RXNORM, "6809"),
            Coding::new("https://code.nhsa.gov.cn", "XA10BAE025A001010100145"),
        ] {
            let mut price = consultation();
            price.fees[0].code = medicine.clone();
            let fault = Priced::Offered(price).check(&service(Vec::new()), YEAR.start).expect_err("a medicine");
            assert_eq!(fault.code(), crate::code::Code::BundleDrugLinked, "{medicine:?}");
        }
        let asked = Service { plan: Some(Coding::new(system::ATC, "A10BA02")), ..service(Vec::new()) };
        assert_eq!(asked.check().map_err(|fault| fault.code()), Err(crate::code::Code::BundleDrugLinked));
        assert_eq!(service(Vec::new()).check(), Ok(()));
        let unsold = Priced::Refused(vec![refusal("NOT_SOLD")]);
        assert_eq!(unsold.check(&service(Vec::new()), YEAR.start), Ok(()));
    }

    #[test]
    fn a_price_is_within_the_bounds_of_the_tenant() {
        let bounds = |least, most| Bounds { least: Money::fen(least), most: Money::fen(most) };
        assert_eq!(consultation().check_within(bounds(12_000, 12_000)), Ok(()));
        let above = Wrong::Above { amount: Money::fen(12_000), most: Money::fen(11_999) };
        assert_eq!(consultation().check_within(bounds(0, 11_999)), Err(above.at("fees")));
        let free = Price { fees: Vec::new(), ..consultation() };
        let below = Wrong::Below { amount: Money::ZERO, least: Money::fen(1) };
        assert_eq!(free.check_within(bounds(1, 50_000)), Err(below.at("fees")));
        let draw = Draw { code: "visits".into(), period: YEAR, amount: Allowance::Count(1) };
        assert_eq!(Price { draws: vec![draw], ..free }.check_within(bounds(1, 50_000)), Ok(()));
    }

    #[test]
    fn no_more_comes_back_than_was_paid() {
        // A package of 36,500 for a year, on day 90, with services of 10,000 used:
        // 36,500 − max(9,000, 10,000) = 26,500.
        let package = Price {
            fees: vec![Fee { earned_over: Some(YEAR), ..fee("package", Payee::Hospital, 36_500, Due::AtStart) }],
            ..consultation()
        };
        let purchase =
            Purchase { price: package, bought_at: YEAR.start, progress: Progress::Started, used: Money::fen(10_000) };
        let returned = |name: &str, fen| ReturnedFee { code: code(name), amount: Money::fen(fen) };
        for (fees, wrong) in [
            (vec![returned("package", 26_500)], None),
            (vec![], None),
            (vec![returned("package", 36_500)], None),
            (
                vec![returned("package", 36_501)],
                Some(Wrong::Above { amount: Money::fen(36_501), most: Money::fen(36_500) }),
            ),
            (vec![returned("package", 0)], Some(Wrong::Below { amount: Money::ZERO, least: Money::fen(1) })),
            (vec![returned("package", 1), returned("package", 1)], Some(Wrong::Twice)),
            (vec![returned("platform", 1)], Some(Wrong::Strange)),
        ] {
            let found = Refund { fees, citation: source() }.check(&purchase).err().map(|fault| fault.wrong);
            assert_eq!(found, wrong);
        }
        // The second half of a bundle is not paid before its end.
        let halves = Purchase { price: bundle(), ..purchase };
        let late = || Refund { fees: vec![returned("course-end", 21_000)], citation: source() };
        let above = Wrong::Above { amount: Money::fen(21_000), most: Money::ZERO };
        assert_eq!(late().check(&halves), Err(above.at("fees[course-end]")));
        assert_eq!(late().check(&Purchase { progress: Progress::Completed, ..halves }), Ok(()));
    }
}
