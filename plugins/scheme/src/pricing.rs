//! What every price list does the same: nothing of a medicine enters a price, an amount is divided
//! among those whose income it is, and what was bought is given back.

use serde::Deserialize;
use xinglin_sdk::{
    insurance::{Balance, Draw, Error, Period},
    money::{Fen, Rounding},
    pricing::{Due, Fee, Payee, Price, Priced, Progress, Purchase, Refund, ReturnedFee, Service},
    time::{DAY, Instant},
    types::{Citation, Coding, Codings as _, LocalizedText, zh_en},
};

use crate::{
    Reason, calendar,
    edition::{Editions, Figures, unique},
    invalid,
    number::Percent,
    share,
};

/// Code system of services and of fees.
pub const CATALOGUE: &str = "https://xinglin.dev/catalogue";

/// How long a price is good: a project default, and short, so that a new edition is soon in use.
const GOOD_FOR: Instant = DAY;

/// The service is not on the list.
pub const NOT_PRICED: Reason = Reason {
    code: "SERVICE_NOT_PRICED",
    zh: "价目表中没有这项服务。",
    en: "The service is not on the list of prices.",
};

const DRUG_LINKED: Reason = Reason {
    code: "BUNDLE_DRUG_LINKED",
    zh: "服务价格不得与药品挂钩,询价中不得出现药品。",
    en: "A fee must not depend on medicines, so no medicine may be part of the question.",
};

/// A list of prices, as one plugin writes it.
pub trait PriceList: Figures {
    /// Key of the source of its prices.
    fn source(&self) -> &str;

    /// How a purchase is given back.
    fn refund(&self) -> &Terms;

    /// What a service costs. `editions` are for what was bought earlier.
    ///
    /// # Errors
    /// If it cannot be said.
    fn price(&self, editions: &Editions<Self>, service: &Service, now: Instant) -> Result<Answer, Error>;
}

/// What a list says of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is sold.
    Offered(Offer),
    /// It is not sold like this.
    Refused(Reason),
}

/// What it costs, what it takes from packages, and what it opens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// The lines of the bill.
    pub fees: Vec<Fee>,
    /// Of the patient's counters.
    pub draws: Vec<Draw>,
    /// Of the package that is bought.
    pub opens: Vec<Balance>,
    /// At list price without a package; the sum of the fees if absent.
    pub list_price: Option<Fen>,
}

/// The whole of `Pricing::quote`.
///
/// # Errors
/// If the figures are missing, or the list cannot say.
pub fn quote<L: PriceList>(shipped: &str, service: &Service, now: Instant) -> Result<Priced, Error> {
    let editions = Editions::<L>::of(shipped)?;
    let edition = editions.at(now)?;
    if names_medicine(service) {
        // 医务人员的个人收入不得与药品收入相挂钩.
        let rule = Citation::new("互联网诊疗监管细则(试行)(国卫办医发〔2022〕2号)", 2022);
        return Ok(Priced::Refused(vec![DRUG_LINKED.refusal(rule)]));
    }
    let citation = edition.cite(edition.scheme.source());
    Ok(match edition.scheme.price(&editions, service, now)? {
        Answer::Refused(reason) => Priced::Refused(vec![reason.refusal(citation)]),
        Answer::Offered(Offer { fees, draws, opens, list_price }) => {
            let sum = || Fen::sum(fees.iter().filter_map(|fee| Fen::of(&fee.amount).ok())).map_err(invalid);
            let list_price = list_price.map_or_else(sum, Ok)?.into();
            Priced::Offered(Price { fees, draws, opens, list_price, expires: now.saturating_add(GOOD_FOR), citation })
        }
    })
}

/// The whole of `Pricing::cancel`, by the edition that was in force when it was bought.
///
/// # Errors
/// If the figures are missing, or the purchase makes no sense.
pub fn cancel<L: PriceList>(shipped: &str, purchase: &Purchase, now: Instant) -> Result<Refund, Error> {
    let editions = Editions::<L>::of(shipped)?;
    let edition = editions.at(purchase.bought_at)?;
    let terms = edition.scheme.refund();
    Ok(Refund { fees: terms.returned(purchase, now)?, citation: edition.cite(&terms.source) })
}

/// Whether a medicine is among the codes of the question, under any spelling of ATC, RxNorm and
/// the NHSA drug code (医保药品代码: `X` and 22, `Z` and 19, `T` and 9 characters).
fn names_medicine(service: &Service) -> bool {
    let codes = service.code.iter().chain(&service.diagnoses).chain(&service.severity).chain(&service.plan);
    codes.into_iter().any(is_medicine)
}

/// Whether it is the code of a medicine.
pub fn is_medicine(coding: &Coding) -> bool {
    let system = coding.system.to_ascii_lowercase();
    let systems = ["whocc.no/atc", "2.16.840.1.113883.6.73", "rxnorm", "2.16.840.1.113883.6.88"];
    let code = coding.code.trim().to_ascii_uppercase();
    let digits = |from: usize| code.as_bytes().iter().skip(from).all(u8::is_ascii_digit);
    systems.iter().any(|medicines| system.contains(medicines))
        || match (code.as_bytes().first(), code.len()) {
            (Some(b'X'), 23) => digits(14),
            (Some(b'Z'), 20) => digits(10),
            (Some(b'T'), 10) => digits(1),
            _ => false,
        }
}

/// Whether the codes that a list makes fees of are there, differ, and are no medicines.
///
/// # Errors
/// Names the first that is not.
pub fn check_codes<'a>(codes: impl Iterator<Item = &'a str> + Clone) -> Result<(), String> {
    unique(codes.clone())?;
    match codes.into_iter().find(|code| is_medicine(&Coding::new(CATALOGUE, *code))) {
        Some(code) => Err(format!("{}: `{code}` is the code of a medicine", DRUG_LINKED.code)),
        None => Ok(()),
    }
}

/// A name for people, as it is written in a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    zh: String,
    en: String,
}

impl Title {
    /// In both languages.
    pub fn text(&self) -> LocalizedText {
        zh_en(self.zh.clone(), self.en.clone())
    }

    /// In Chinese.
    pub fn zh(&self) -> &str {
        &self.zh
    }

    /// With something behind it.
    #[must_use]
    pub fn and(&self, zh: &str, en: &str) -> Self {
        Self { zh: format!("{}{zh}", self.zh), en: format!("{}{en}", self.en) }
    }

    /// Whether both are there.
    ///
    /// # Errors
    /// If one is empty.
    pub fn check(&self) -> Result<(), String> {
        if self.zh.is_empty() || self.en.is_empty() { Err("a title is empty".to_owned()) } else { Ok(()) }
    }
}

/// Whose income a fee is, in percent that sum to 100.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Split {
    doctor: Percent,
    hospital: Percent,
    platform: Percent,
}

impl Split {
    /// All to one.
    pub fn all(payee: Payee) -> Self {
        let of = |whose| if whose == payee { Percent::ALL } else { Percent::NONE };
        Self { doctor: of(Payee::Doctor), hospital: of(Payee::Hospital), platform: of(Payee::Platform) }
    }

    /// Whether it sums to 100.
    ///
    /// # Errors
    /// If it does not.
    pub fn check(&self) -> Result<(), String> {
        let sum: u64 = self.shares().iter().map(|(_, _, share)| share).sum();
        let all = u64::from(Percent::ALL.hundredths());
        if sum == all { Ok(()) } else { Err("a split does not sum to 100 %".to_owned()) }
    }

    fn shares(&self) -> [(Payee, &'static str, u64); 3] {
        let share = |percent: Percent| u64::from(percent.hundredths());
        [
            (Payee::Doctor, "doctor", share(self.doctor)),
            (Payee::Hospital, "hospital", share(self.hospital)),
            (Payee::Platform, "platform", share(self.platform)),
        ]
    }
}

/// Something that costs an amount.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// In [`CATALOGUE`].
    pub code: &'a str,
    /// For people.
    pub title: &'a Title,
    /// Of all payees.
    pub amount: Fen,
    /// Whose it is.
    pub split: &'a Split,
    /// When it is to be paid.
    pub due: Due,
    /// Over which it is earned.
    pub earned_over: Option<Period>,
}

impl Item<'_> {
    /// A line for each payee who has a share. A single line has the code of the item, so that what
    /// is known of the item applies to it; several add the payee: `<code>-doctor`.
    ///
    /// # Errors
    /// If it cannot be divided, which a checked split excludes.
    pub fn fees(&self) -> Result<Vec<Fee>, Error> {
        let shares: Vec<_> = self.split.shares().into_iter().filter(|(_, _, share)| *share > 0).collect();
        let weights: Vec<u64> = shares.iter().map(|(_, _, share)| *share).collect();
        let amounts = share::divide(self.amount, &weights)
            .ok_or_else(|| Error::Other(format!("`{}` cannot be divided", self.code)))?;
        let line = |((payee, name, _), amount): ((Payee, &str, u64), Fen)| Fee {
            code: Coding::new(
                CATALOGUE,
                if shares.len() == 1 { self.code.to_owned() } else { format!("{}-{name}", self.code) },
            ),
            title: self.title.text(),
            payee,
            amount: amount.into(),
            due: self.due,
            earned_over: self.earned_over,
        };
        Ok(shares.iter().copied().zip(amounts).map(line).collect())
    }
}

/// The code of a service that a list knows, of all that the host has for it.
pub fn known<'a, T>(service: &Service, rows: &'a [T], code: impl Fn(&T) -> &str) -> Option<&'a T> {
    service.code.codes_in(CATALOGUE).find_map(|wanted| rows.iter().find(|row| code(row) == wanted))
}

/// How a purchase is given back.
///
/// Until it has begun, all that was paid. When it is completed, nothing. Between the two:
///
/// - of a fee that is earned day by day, what is left of the days, or of the price after the
///   services used at their list price, whichever is less;
/// - of any other, `after-start` percent.
///
/// What is due at completion was not paid yet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Terms {
    /// Key of its source.
    pub source: String,
    after_start: Percent,
}

impl Terms {
    /// What the patient gets back now, of each fee.
    fn returned(&self, purchase: &Purchase, now: Instant) -> Result<Vec<ReturnedFee>, Error> {
        let Purchase { price, progress, used, .. } = purchase;
        let used = Fen::of(used).and_then(Fen::non_negative).map_err(invalid)?;
        if *progress == Progress::Completed {
            return Ok(Vec::new());
        }
        let amount = |fee: &Fee| Fen::of(&fee.amount).and_then(Fen::non_negative).map_err(invalid);
        let (daily, whole): (Vec<&Fee>, Vec<&Fee>) = price.fees.iter().partition(|fee| fee.earned_over.is_some());

        let mut back = Vec::new();
        for fee in whole.into_iter().filter(|fee| fee.due == Due::AtStart) {
            let part = if *progress == Progress::NotStarted { Percent::ALL } else { self.after_start };
            back.push((fee, part.of(amount(fee)?, Rounding::Floor).map_err(invalid)?));
        }
        if let Some(period) = daily.first().and_then(|fee| fee.earned_over) {
            if daily.iter().any(|fee| fee.earned_over != Some(period)) {
                return Err(Error::Other("the fees of a package are earned over different periods".to_owned()));
            }
            let amounts = daily.iter().copied().map(amount).collect::<Result<Vec<_>, _>>()?;
            let rest = left(Fen::sum(amounts.iter().copied()).map_err(invalid)?, &period, used, now)?;
            let weights: Vec<u64> = amounts.iter().map(|amount| amount.amount().unsigned_abs()).collect();
            let parts = share::divide(rest, &weights).ok_or_else(|| Error::Other("no fee to return".to_owned()))?;
            back.extend(daily.into_iter().zip(parts));
        }
        let returned = |(fee, amount): (&Fee, Fen)| ReturnedFee { code: fee.code.clone(), amount: amount.into() };
        Ok(back.into_iter().filter(|(_, amount)| *amount > Fen::ZERO).map(returned).collect())
    }
}

/// Price − max(earned, used), at least zero. A day is earned when it is over; a fraction of a fen is
/// not earned yet.
fn left(price: Fen, period: &Period, used: Fen, now: Instant) -> Result<Fen, Error> {
    let (over, all) = calendar::days_over(period, now);
    if all == 0 {
        return Err(Error::Other("a package of no days".to_owned()));
    }
    let earned = i128::from(price.amount()) * i128::from(over) / i128::from(all);
    let earned = i64::try_from(earned).map(Fen::new).unwrap_or(price);
    Ok(price.minus(earned.max(used)).map_err(invalid)?.or_zero())
}
