//! What a patient was offered and has bought: a single service, a bundle, a package. Money is owed for
//! what is due, deferred until it is earned, and given back by the terms of the price.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Due, Fee, Payee, Price, Progress, Purchase, Refund, Service};
use crate::{
    code::Code,
    id::{AccountId, PatientId, PurchaseId},
    insurance::{Balance, Draw, Fault, Period, Wrong},
    money::{Money, MoneyError, Rounding},
    time::{Day, Instant},
};

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SaleState {
    /// Priced, until the price expires.
    Offered,
    /// Bought; nothing of it was given.
    Bought,
    /// Something of it was given.
    Started,
    /// All of it was given, or its days are over.
    Completed,
    /// Given back as far as its terms say.
    Cancelled,
}

impl SaleState {
    /// The stored form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "OFFERED",
            Self::Bought => "BOUGHT",
            Self::Started => "STARTED",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// Why a step is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SaleError {
    /// Another state is needed.
    #[error("it is {}", .0.as_str())]
    State(SaleState),
    /// The price has expired.
    #[error("the price was good until {0}: ask again")]
    Expired(Instant),
    /// The patient agreed to another amount.
    #[error("it costs {0} now")]
    Costs(Money),
    /// More tasks done than there are, or no tasks.
    #[error("`tasks_done` of `tasks`: at most all, of more than none")]
    Tasks,
    /// It is earned day by day, and completes by itself.
    #[error("a package is used through the services that it holds, and ends by itself")]
    Package,
    /// A counter.
    #[error("counter `{0}`: {1}")]
    Counter(String, Wrong),
    /// The refund contradicts what was paid.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// An amount.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl SaleError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::State(_) | Self::Expired(_) | Self::Costs(_) | Self::Package | Self::Counter(..) => Code::PriceState,
            Self::Tasks => Code::BodyInvalid,
            Self::Fault(fault) => fault.code(),
            Self::Money(error) => error.code(),
        }
    }
}

/// What became of a fee: `billed` = `deferred` + `earned` + what was given back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounted {
    /// Owed by the patient.
    pub billed: Money,
    /// Not earned yet.
    pub deferred: Money,
    /// Earned by the payee.
    pub earned: Money,
}

/// What a service took from a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// The purchase of the package.
    pub from: PurchaseId,
    /// What it took.
    pub draw: Draw,
    /// At list price.
    pub worth: Money,
}

/// What a step books.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// Billed, and deferred.
    pub sold: Money,
    /// Of what was deferred, what is earned now, and by whom.
    pub earned: Vec<(Payee, Money)>,
}

/// What a refund books, before what is left is earned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Back {
    /// Of what was not earned yet.
    pub deferred: Money,
    /// Of what was earned, by whom.
    pub earned: Vec<(Payee, Money)>,
    /// What was deferred and is not given back: it is earned now.
    pub kept: Vec<(Payee, Money)>,
}

/// What a patient was offered or has bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sale {
    /// Its id.
    pub id: PurchaseId,
    /// The patient.
    pub patient: PatientId,
    /// The plugin that priced it.
    pub plugin: String,
    /// Who gives the service, if the patient chose.
    pub doctor: Option<AccountId>,
    /// What was asked.
    pub service: Service,
    /// What it costs.
    pub price: Price,
    state: SaleState,
    bought_at: Option<Instant>,
    /// Days of it that are over and earned.
    days: u32,
    used: Money,
    balances: Vec<Balance>,
    drawn: Vec<Drawn>,
    fees: Vec<Accounted>,
    /// Tasks done, of all.
    tasks: Option<(u32, u32)>,
}

impl Sale {
    /// An offer.
    pub fn offer(
        id: PurchaseId,
        (patient, doctor): (PatientId, Option<AccountId>),
        plugin: String,
        service: Service,
        price: Price,
    ) -> Self {
        let fees = vec![Accounted::default(); price.fees.len()];
        let state = SaleState::Offered;
        let (bought_at, used, balances, drawn) = (None, Money::ZERO, Vec::new(), Vec::new());
        Self {
            id,
            patient,
            plugin,
            doctor,
            service,
            price,
            state,
            bought_at,
            days: 0,
            used,
            balances,
            drawn,
            fees,
            tasks: None,
        }
    }

    /// Where it stands.
    pub const fn state(&self) -> SaleState {
        self.state
    }

    /// When it was bought.
    pub const fn bought_at(&self) -> Option<Instant> {
        self.bought_at
    }

    /// The counters of the package, as they are now.
    pub fn balances(&self) -> &[Balance] {
        &self.balances
    }

    /// What it took from packages.
    pub fn drawn(&self) -> &[Drawn] {
        &self.drawn
    }

    /// Services used of the package, at list price.
    pub const fn used(&self) -> Money {
        self.used
    }

    /// What became of each fee, in the order of the price.
    pub fn fees(&self) -> impl Iterator<Item = (&Fee, Accounted)> {
        self.price.fees.iter().zip(self.fees.iter().copied())
    }

    /// Tasks done, of all, of a course that is completed.
    pub const fn tasks(&self) -> Option<(u32, u32)> {
        self.tasks
    }

    /// Whether its counters can be drawn on.
    pub const fn is_running(&self) -> bool {
        matches!(self.state, SaleState::Bought | SaleState::Started)
    }

    /// What the patient pays when it is bought.
    ///
    /// # Errors
    /// On overflow.
    pub fn due_now(&self) -> Result<Money, MoneyError> {
        Money::sum(self.price.fees.iter().filter(|fee| fee.due == Due::AtStart).map(|fee| fee.amount))
    }

    fn expect(&self, states: &[SaleState]) -> Result<(), SaleError> {
        if states.contains(&self.state) { Ok(()) } else { Err(SaleError::State(self.state)) }
    }

    /// The patient buys it. `drawn` says of which package each draw of the price is, in its order.
    ///
    /// # Errors
    /// If it was bought before, the price has expired, or the amount is another.
    pub fn buy(&mut self, agreed: Money, drawn: Vec<Drawn>, now: Instant) -> Result<Moves, SaleError> {
        self.expect(&[SaleState::Offered])?;
        if now >= self.price.expires {
            return Err(SaleError::Expired(self.price.expires));
        }
        let due = self.due_now()?;
        if agreed != due {
            return Err(SaleError::Costs(due));
        }
        for (fee, account) in self.price.fees.iter().zip(&mut self.fees).filter(|(fee, _)| fee.due == Due::AtStart) {
            (account.billed, account.deferred) = (fee.amount, fee.amount);
        }
        self.balances = self.price.opens.clone();
        (self.state, self.bought_at, self.drawn) = (SaleState::Bought, Some(now), drawn);
        Ok(Moves { sold: due, earned: Vec::new() })
    }

    /// The service begins: what was paid for it is earned, but for what is earned day by day.
    ///
    /// # Errors
    /// If it is not bought, or began before.
    pub fn start(&mut self) -> Result<Moves, SaleError> {
        self.expect(&[SaleState::Bought])?;
        if self.period().is_some() {
            return Err(SaleError::Package);
        }
        self.state = SaleState::Started;
        Ok(Moves { sold: Money::ZERO, earned: self.earn(|fee| fee.earned_over.is_none())? })
    }

    /// The service was given. What is due at its end is billed if enough tasks were done.
    ///
    /// # Errors
    /// If it has not begun; if the tasks make no sense.
    pub fn complete(&mut self, done: u32, tasks: u32) -> Result<Moves, SaleError> {
        self.expect(&[SaleState::Started])?;
        if self.period().is_some() {
            return Err(SaleError::Package);
        }
        let at_end = |fee: &Fee| matches!(fee.due, Due::AtCompletion(_));
        if done > tasks || (tasks == 0 && self.price.fees.iter().any(at_end)) {
            return Err(SaleError::Tasks);
        }
        let mut sold = Money::ZERO;
        for (fee, account) in self.price.fees.iter().zip(&mut self.fees) {
            if let Due::AtCompletion(share) = fee.due
                && u64::from(done) * 1000 >= u64::from(share) * u64::from(tasks)
            {
                (account.billed, account.deferred) = (fee.amount, fee.amount);
                sold = sold.plus(fee.amount)?;
            }
        }
        (self.state, self.tasks) = (SaleState::Completed, Some((done, tasks)));
        Ok(Moves { sold, earned: self.earn(|_| true)? })
    }

    /// The period over which it is earned day by day, if it is.
    pub fn period(&self) -> Option<Period> {
        self.price.fees.iter().find_map(|fee| fee.earned_over)
    }

    /// When the next of its days is over; `None` if it is not earned by days, or any more.
    pub fn next_day(&self) -> Option<Instant> {
        let period = self.period().filter(|_| self.is_running())?;
        Some(Day::of(period.start).start().plus_days(i64::from(self.days) + 1))
    }

    /// The days that are over by now and not earned yet, each with what it earns: price × days over ÷
    /// days, rounded down, less what was earned. After the last day all is earned, and it is completed.
    ///
    /// # Errors
    /// On overflow.
    pub fn pass_days(&mut self, now: Instant) -> Result<Vec<(Day, Vec<(Payee, Money)>)>, SaleError> {
        let mut passed = Vec::new();
        while let Some(over) = self.next_day().filter(|over| *over <= now) {
            self.days += 1;
            let mut earned = BTreeMap::<Payee, Money>::new();
            let mut is_last = true;
            for (fee, account) in self.price.fees.iter().zip(&mut self.fees) {
                let Some(period) = fee.earned_over else { continue };
                let days = (period.end.china_day() - period.start.china_day()).max(1);
                let so_far = i64::from(self.days).min(days);
                is_last &= so_far == days;
                let earned_now = fee.amount.share(so_far, days, Rounding::Floor)?.minus(account.earned)?;
                let earned_now = earned_now.max(Money::ZERO).min(account.deferred);
                account.deferred = account.deferred.minus(earned_now)?;
                account.earned = account.earned.plus(earned_now)?;
                let sum = earned.entry(fee.payee).or_default();
                *sum = sum.plus(earned_now)?;
            }
            earned.retain(|_, amount| *amount > Money::ZERO);
            passed.push((Day::of(over.plus_seconds(-1)), earned.into_iter().collect()));
            if is_last {
                self.state = SaleState::Completed;
            }
        }
        Ok(passed)
    }

    /// A service takes from the counters of this package.
    ///
    /// # Errors
    /// If it is not running, or has no such counter, or too little.
    pub fn draw(&mut self, drawn: &Drawn, now: Instant) -> Result<(), SaleError> {
        self.expect(&[SaleState::Bought, SaleState::Started])?;
        let Drawn { draw, worth, .. } = drawn;
        let balance = self.balance(draw)?;
        if !balance.period.contains(now) {
            return Err(SaleError::Counter(draw.code.clone(), Wrong::Period));
        }
        *balance = balance.drawn(draw).map_err(|wrong| SaleError::Counter(draw.code.clone(), wrong))?;
        self.used = self.used.plus(*worth)?;
        self.state = SaleState::Started;
        Ok(())
    }

    /// A service that was not given gives back what it took.
    ///
    /// # Errors
    /// If it never took it.
    pub fn give_back(&mut self, drawn: &Drawn) -> Result<(), SaleError> {
        let Drawn { draw, worth, .. } = drawn;
        let balance = self.balance(draw)?;
        let used = balance.used.minus(draw.amount).map_err(|wrong| SaleError::Counter(draw.code.clone(), wrong))?;
        balance.used = used;
        self.used = self.used.minus(*worth)?.max(Money::ZERO);
        Ok(())
    }

    fn balance(&mut self, draw: &Draw) -> Result<&mut Balance, SaleError> {
        let found = self.balances.iter_mut().find(|balance| balance.is_of(draw));
        found.ok_or_else(|| SaleError::Counter(draw.code.clone(), Wrong::Strange))
    }

    /// What the list of prices is asked what is given back of.
    ///
    /// # Errors
    /// If it was not bought, or has ended.
    pub fn purchase(&self) -> Result<Purchase, SaleError> {
        self.expect(&[SaleState::Bought, SaleState::Started])?;
        let progress = if self.state == SaleState::Bought { Progress::NotStarted } else { Progress::Started };
        let bought_at = self.bought_at.unwrap_or(Instant::from_micros(0));
        Ok(Purchase { price: self.price.clone(), bought_at, progress, used: self.used })
    }

    /// Takes it back as far as the refund says: what is not earned yet first, then what was earned. The rest
    /// of what is not earned is earned now.
    ///
    /// # Errors
    /// If it has ended, or the refund is more than was paid of a fee.
    pub fn cancel(&mut self, refund: &Refund) -> Result<Back, SaleError> {
        refund.check(&self.purchase()?)?;
        let mut back = Back::default();
        let mut fees = self.fees.clone();
        for (fee, account) in self.price.fees.iter().zip(&mut fees) {
            let returned = refund.fees.iter().find(|returned| returned.code.same(&fee.code));
            let amount = returned.map_or(Money::ZERO, |returned| returned.amount);
            let of_deferred = amount.min(account.deferred);
            let of_earned = amount.minus(of_deferred)?;
            if of_earned > account.earned {
                let most = account.deferred.plus(account.earned)?;
                return Err(Wrong::Above { amount, most }.at(format!("fees[{}]", fee.code.code)).into());
            }
            account.deferred = account.deferred.minus(of_deferred)?;
            account.earned = account.earned.minus(of_earned)?;
            back.deferred = back.deferred.plus(of_deferred)?;
            back.earned.push((fee.payee, of_earned));
        }
        self.fees = fees;
        self.state = SaleState::Cancelled;
        back.kept = self.earn(|_| true)?;
        back.earned.retain(|(_, amount)| *amount > Money::ZERO);
        Ok(back)
    }

    /// Earns what is deferred of some fees.
    fn earn(&mut self, which: impl Fn(&Fee) -> bool) -> Result<Vec<(Payee, Money)>, SaleError> {
        let mut earned = Vec::new();
        for (fee, account) in self.price.fees.iter().zip(&mut self.fees) {
            if which(fee) && account.deferred > Money::ZERO {
                earned.push((fee.payee, account.deferred));
                account.earned = account.earned.plus(account.deferred)?;
                account.deferred = Money::ZERO;
            }
        }
        Ok(earned)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        coding::{Coding, LocalizedText},
        insurance::{Allowance, fixture::citation},
        pricing::ReturnedFee,
    };

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("a time")
    }

    fn fen(amount: i64) -> Money {
        Money::fen(amount)
    }

    fn fee(code: &str, payee: Payee, amount: i64, due: Due, earned_over: Option<Period>) -> Fee {
        let (code, title) = (Coding::new("urn:fees", code), LocalizedText::zh_en("费", "Fee"));
        Fee { code, title, payee, amount: fen(amount), due, earned_over }
    }

    fn sale(fees: Vec<Fee>, opens: Vec<Balance>) -> Sale {
        let service = Service {
            code: vec![Coding::new("urn:services", "x")],
            title: None,
            age_years: None,
            diagnoses: Vec::new(),
            severity: None,
            plan: None,
            entitlements: Vec::new(),
        };
        let expires = at("2026-03-11T20:00:00+08:00");
        let price = Price { fees, draws: Vec::new(), opens, list_price: Money::ZERO, expires, citation: citation() };
        let of = (PatientId::from_u128(1), Some(AccountId::from_u128(2)));
        Sale::offer(PurchaseId::from_u128(1), of, "xinglin.prices".into(), service, price)
    }

    fn bought() -> Instant {
        at("2026-03-10T20:00:00+08:00")
    }

    fn year() -> Period {
        Period { start: at("2026-03-10"), end: at("2027-03-10") }
    }

    fn refund(fees: &[(&str, i64)]) -> Refund {
        let fees = fees
            .iter()
            .map(|(code, amount)| ReturnedFee { code: Coding::new("urn:fees", *code), amount: fen(*amount) });
        Refund { fees: fees.collect(), citation: citation() }
    }

    /// DOMAIN.md D5: 10000 of the doctor and 1000 of the platform.
    fn consultation() -> Sale {
        sale(
            vec![
                fee("fee", Payee::Doctor, 10_000, Due::AtStart, None),
                fee("platform", Payee::Platform, 1_000, Due::AtStart, None),
            ],
            Vec::new(),
        )
    }

    /// DOMAIN.md D4: 42000, half at the start and half if 80 % of the tasks are done.
    fn bundle() -> Sale {
        sale(
            vec![
                fee("start", Payee::Doctor, 21_000, Due::AtStart, None),
                fee("end", Payee::Doctor, 21_000, Due::AtCompletion(800), None),
            ],
            Vec::new(),
        )
    }

    /// DOMAIN.md D6: 36500 for a year, with two second opinions.
    fn package() -> Sale {
        let opinions = Balance {
            code: "opinions".into(),
            period: year(),
            used: Allowance::Count(0),
            limit: Some(Allowance::Count(2)),
        };
        sale(vec![fee("package", Payee::Hospital, 36_500, Due::AtStart, Some(year()))], vec![opinions])
    }

    fn opinion() -> Drawn {
        let draw = Draw { code: "opinions".into(), period: year(), amount: Allowance::Count(1) };
        Drawn { from: PurchaseId::from_u128(1), draw, worth: fen(10_000) }
    }

    #[test]
    fn it_is_bought_once_at_its_price_before_it_expires() {
        for (agreed, now, refused) in [
            (11_000, bought(), None),
            (10_999, bought(), Some(SaleError::Costs(fen(11_000)))),
            (11_000, at("2026-03-11T20:00:00+08:00"), Some(SaleError::Expired(at("2026-03-11T20:00:00+08:00")))),
        ] {
            let mut sale = consultation();
            let moves = sale.buy(fen(agreed), Vec::new(), now);
            assert_eq!(moves.clone().err(), refused);
            if refused.is_none() {
                assert_eq!(moves, Ok(Moves { sold: fen(11_000), earned: Vec::new() }));
                assert_eq!(sale.buy(fen(agreed), Vec::new(), now), Err(SaleError::State(SaleState::Bought)));
            }
        }
        assert_eq!(consultation().start(), Err(SaleError::State(SaleState::Offered)));
        assert_eq!(consultation().purchase(), Err(SaleError::State(SaleState::Offered)));
    }

    #[test]
    fn a_fee_is_given_back_until_the_doctor_replies_and_not_after_completion() {
        let all = refund(&[("fee", 10_000), ("platform", 1_000)]);
        let mut early = consultation();
        early.buy(fen(11_000), Vec::new(), bought()).expect("bought");
        let back = Back { deferred: fen(11_000), ..Back::default() };
        assert_eq!(early.cancel(&all), Ok(back));
        assert_eq!(early.cancel(&all), Err(SaleError::State(SaleState::Cancelled)));

        let mut late = consultation();
        late.buy(fen(11_000), Vec::new(), bought()).expect("bought");
        let earned = vec![(Payee::Doctor, fen(10_000)), (Payee::Platform, fen(1_000))];
        assert_eq!(late.start(), Ok(Moves { sold: Money::ZERO, earned }));
        // Its terms may give a part back after it began; then it is of whom it had become.
        let mut half = late.clone();
        let back = half.cancel(&refund(&[("fee", 5_000)])).expect("by its terms");
        assert_eq!(back, Back { earned: vec![(Payee::Doctor, fen(5_000))], ..Back::default() });
        late.complete(0, 0).expect("given");
        assert_eq!(late.cancel(&all), Err(SaleError::State(SaleState::Completed)));
    }

    #[test]
    fn the_second_half_of_a_bundle_is_for_four_fifths_of_its_tasks() {
        for (done, tasks, second) in
            [(8, 10, 21_000), (10, 10, 21_000), (7, 10, 0), (799, 1000, 0), (800, 1000, 21_000)]
        {
            let mut course = bundle();
            assert_eq!(course.due_now(), Ok(fen(21_000)));
            course.buy(fen(21_000), Vec::new(), bought()).expect("bought");
            assert_eq!(course.start().expect("begun").earned, [(Payee::Doctor, fen(21_000))]);
            assert_eq!(course.complete(11, 10), Err(SaleError::Tasks));
            assert_eq!(course.complete(0, 0), Err(SaleError::Tasks));
            let moves = course.complete(done, tasks).expect("given");
            assert_eq!(moves.sold, fen(second), "{done}/{tasks}");
            assert_eq!(moves.earned.iter().map(|(_, amount)| amount.as_fen()).sum::<i64>(), second);
            assert_eq!(course.tasks(), Some((done, tasks)));
        }
    }

    #[test]
    fn a_package_is_earned_by_days_and_given_back_by_what_was_used() {
        let mut package = package();
        package.buy(fen(36_500), Vec::new(), bought()).expect("bought");
        assert_eq!((package.start(), package.complete(0, 0).is_err()), (Err(SaleError::Package), true));
        assert_eq!(package.next_day(), Some(at("2026-03-11")));
        assert_eq!(package.pass_days(at("2026-03-10T23:59:59+08:00")), Ok(Vec::new()));
        package.draw(&opinion(), bought()).expect("two are there");
        let outside = package.clone().draw(&opinion(), at("2027-03-10"));
        assert_eq!(outside, Err(SaleError::Counter("opinions".into(), Wrong::Period)));
        // Day 90: nobody looked for three months, and each day has its own.
        let passed = package.pass_days(at("2026-06-08T09:00:00+08:00")).expect("sound");
        assert_eq!(passed.len(), 90);
        assert_eq!((passed[0].0, passed[89].0), (Day::of(at("2026-03-10")), Day::of(at("2026-06-07"))));
        assert!(passed.iter().all(|(_, earned)| *earned == [(Payee::Hospital, fen(100))]));
        let purchase = package.purchase().expect("running");
        assert_eq!((purchase.progress, purchase.used), (Progress::Started, fen(10_000)));
        let mut again = package.clone();
        let back = package.cancel(&refund(&[("package", 26_500)])).expect("by its terms");
        let kept = vec![(Payee::Hospital, fen(1_000))];
        assert_eq!(back, Back { deferred: fen(26_500), earned: Vec::new(), kept });
        assert_eq!(package.next_day(), None);
        // More than was paid is no refund.
        assert_eq!(again.cancel(&refund(&[("package", 36_501)])).map_err(|e| e.code()), Err(Code::PluginOutput));
        again.draw(&opinion(), bought()).expect("the second");
        let beyond = again.draw(&opinion(), bought());
        assert_eq!(beyond, Err(SaleError::Counter("opinions".into(), Wrong::Balance)));
        again.give_back(&opinion()).expect("not given");
        assert_eq!(again.used(), fen(10_000));
        // To its end.
        let passed = again.pass_days(at("2028-01-01")).expect("sound");
        assert_eq!((passed.len(), again.state()), (275, SaleState::Completed));
        assert_eq!(
            again.fees().next().expect("a fee").1,
            Accounted { billed: fen(36_500), deferred: Money::ZERO, earned: fen(36_500) }
        );
    }

    proptest! {
        /// Whatever it costs and whenever it ends: what was billed is what was earned and given back.
        #[test]
        fn nothing_is_lost(
            amounts in prop::collection::vec(0_i64..1_000_000, 1..4),
            days in 0_i64..400,
            returned in 0_i64..1_000_000,
        ) {
            let payees = [Payee::Doctor, Payee::Hospital, Payee::Platform];
            let fees = amounts.iter().zip(payees).enumerate().map(|(at, (amount, payee))| {
                fee(&format!("f{at}"), payee, *amount, Due::AtStart, Some(year()))
            });
            let mut sale = sale(fees.collect(), Vec::new());
            let total = sale.due_now().expect("small");
            sale.buy(total, Vec::new(), bought()).expect("bought");
            let passed = sale.pass_days(year().start.plus_days(days)).expect("sound");
            let earned: i64 = passed.iter().flat_map(|(_, of)| of).map(|(_, amount)| amount.as_fen()).sum();
            let sums = |sale: &Sale| sale.fees().fold((0, 0, 0), |(billed, deferred, earned), (_, it)| {
                (billed + it.billed.as_fen(), deferred + it.deferred.as_fen(), earned + it.earned.as_fen())
            });
            let (billed, deferred, stands) = sums(&sale);
            prop_assert_eq!((billed, stands), (total.as_fen(), earned));
            prop_assert_eq!(deferred, billed - earned);
            prop_assert!(sale.fees().all(|(_, it)| it.deferred >= Money::ZERO));
            if sale.state() == SaleState::Bought {
                let back = returned.min(amounts[0]);
                let fees: Vec<(&str, i64)> = if back > 0 { vec![("f0", back)] } else { vec![] };
                let moved = sale.cancel(&refund(&fees)).expect("at most what was paid");
                let sum = |of: &[(Payee, Money)]| of.iter().map(|(_, amount)| amount.as_fen()).sum::<i64>();
                prop_assert_eq!(moved.deferred.as_fen() + sum(&moved.earned), back);
                prop_assert_eq!(earned - sum(&moved.earned) + sum(&moved.kept) + back, billed);
                prop_assert_eq!(sums(&sale).1, 0);
            }
        }
    }
}
