//! Local adjudication of basic medical insurance (基本医保本地试算).
//!
//! A bill is shared by the national rules: the catalogue determines what is in
//! scope; then deductible, ratio and cap determine the share of the pooled fund,
//! followed by the personal account and cash. A gateway to a real insurance office would
//! replace it; its figures have the names of that office (`nhsa.*`), so that the two
//! can be compared line by line.

mod adjudicate;
mod catalogue;
mod memory;

use adjudicate::{Case, Scheme};
use memory::{Key, Outcome};
use xinglin_sdk::{
    money::MoneyError,
    payment::{
        Authorization, Authorized, Bill, Coverage, Error, Operation, Payer, Quoted, Refusal, Reversal, Reversed,
        Settled, Settlement, Status,
    },
    plugin,
    time::{Instant, plus_days},
    types::{Citation, zh_en},
};

/// The payer plugin.
#[plugin(payment)]
pub struct MedicalInsurance;

/// Validity of an authorization, in days: that of the visit.
const AUTHORIZATION_DAYS: i64 = 1;

impl Payer for MedicalInsurance {
    fn quote(bill: Bill, coverage: Coverage, _now: Instant) -> Result<Quoted, Error> {
        Ok(match Case::of(&bill, &coverage)? {
            Err(refusals) => Quoted::Declined(refusals),
            Ok(case) => Quoted::Covered(case.figures(&Scheme::configured()?)?.adjudication()),
        })
    }

    fn authorize(operation: Operation, bill: Bill, coverage: Coverage) -> Result<Authorized, Error> {
        let key = Key::of(&operation);
        let claim = memory::claim(&bill, &coverage)?;
        match memory::recall(&key, &claim)? {
            Some(Outcome::Authorized { expires }) => return Ok(granted(&key, expires)),
            Some(Outcome::Refused(refusals)) => return Ok(Authorized::Refused(restore(&refusals))),
            Some(_) => return Err(other_verb()),
            None => {}
        }
        if let Err(refusals) = Case::of(&bill, &coverage)? {
            return refused(&key, claim, refusals).map(Authorized::Refused);
        }
        let expires = plus_days(operation.at, AUTHORIZATION_DAYS);
        memory::remember(&key, claim, Outcome::Authorized { expires })?;
        Ok(granted(&key, expires))
    }

    fn settle(
        operation: Operation,
        authorization: Authorization,
        bill: Bill,
        coverage: Coverage,
    ) -> Result<Settled, Error> {
        let key = Key::of(&operation);
        let claim = memory::claim(&bill, &coverage)?;
        match memory::recall(&key, &claim)? {
            Some(Outcome::Settled { figures, .. }) => {
                return Ok(Settled::Done(Settlement {
                    reference: key.settlement(),
                    adjudication: figures.adjudication(),
                }));
            }
            Some(Outcome::Refused(refusals)) => return Ok(Settled::Refused(restore(&refusals))),
            Some(_) => return Err(other_verb()),
            None => {}
        }
        if let Some(code) = unauthorized(&authorization, &claim, operation.at)? {
            return refused(&key, claim, vec![refusal(code)]).map(Settled::Refused);
        }
        let case = match Case::of(&bill, &coverage)? {
            Ok(case) => case,
            Err(refusals) => return refused(&key, claim, refusals).map(Settled::Refused),
        };
        let figures = case.figures(&Scheme::configured()?)?;
        let adjudication = figures.adjudication();
        memory::remember(&key, claim, Outcome::Settled { figures, reversed: false })?;
        Ok(Settled::Done(Settlement { reference: key.settlement(), adjudication }))
    }

    fn query(operation: Operation) -> Result<Status, Error> {
        let key = Key::of(&operation);
        Ok(match memory::outcome(&key)? {
            None => Status::NeverSeen,
            Some(Outcome::Settled { figures, .. }) => {
                Status::Settled(Settlement { reference: key.settlement(), adjudication: figures.adjudication() })
            }
            Some(Outcome::Reversed { after }) => {
                Status::Reversed(Reversal { reference: key.reversal(), accumulators: after.accumulators() })
            }
            Some(Outcome::Refused(refusals)) => Status::Refused(restore(&refusals)),
            Some(Outcome::Authorized { .. }) => return Err(other_verb()),
        })
    }

    fn reverse(operation: Operation, settlement: Settlement, coverage: Coverage) -> Result<Reversed, Error> {
        let key = Key::of(&operation);
        let claim = memory::reversal_claim(&settlement, &coverage);
        match memory::recall(&key, &claim)? {
            Some(Outcome::Reversed { after }) => {
                return Ok(Reversed::Done(Reversal { reference: key.reversal(), accumulators: after.accumulators() }));
            }
            Some(Outcome::Refused(refusals)) => return Ok(Reversed::Refused(restore(&refusals))),
            Some(_) => return Err(other_verb()),
            None => {}
        }
        let Some((settled_key, settled)) = memory::settled(&settlement.reference)? else {
            return refused(&key, claim, vec![refusal("SETTLEMENT_UNKNOWN")]).map(Reversed::Refused);
        };
        if settled.reversed {
            return refused(&key, claim, vec![refusal("PAY_ALREADY_REVERSED")]).map(Reversed::Refused);
        }
        if settled.figures.parts() != settlement.adjudication.parts {
            return Err(Error::Conflict(format!("`{}` was settled with other amounts", settlement.reference)));
        }
        let after = settled.figures.taken_back(&coverage)?;
        let accumulators = after.accumulators();
        memory::mark_reversed(&settled_key, settled)?;
        memory::remember(&key, claim, Outcome::Reversed { after })?;
        Ok(Reversed::Done(Reversal { reference: key.reversal(), accumulators }))
    }
}

fn granted(key: &Key, expires: Instant) -> Authorized {
    Authorized::Granted(Authorization { reference: key.authorization(), expires })
}

/// Why this authorization does not cover this claim, if it does not.
fn unauthorized(
    authorization: &Authorization,
    claim: &memory::Claim,
    at: Instant,
) -> Result<Option<&'static str>, Error> {
    Ok(match memory::authorized(&authorization.reference)? {
        None => Some("AUTHORIZATION_UNKNOWN"),
        Some((authorized, _)) if authorized != *claim => Some("AUTHORIZATION_OTHER_BILL"),
        Some((_, expires)) if at >= expires => Some("AUTHORIZATION_EXPIRED"),
        Some(_) => None,
    })
}

/// Stores a refusal, so that the same operation is refused again.
fn refused(key: &Key, claim: memory::Claim, refusals: Vec<Refusal>) -> Result<Vec<Refusal>, Error> {
    let codes = refusals.iter().map(|refusal| refusal.code.clone()).collect();
    memory::remember(key, claim, Outcome::Refused(codes))?;
    Ok(refusals)
}

fn restore(codes: &[String]) -> Vec<Refusal> {
    codes.iter().map(|code| refusal(code)).collect()
}

fn refusal(code: &str) -> Refusal {
    let message = match code {
        "COVERAGE_LAPSED" => zh_en("就诊当日参保已失效。", "The insurance had lapsed on the day of the service."),
        "CATEGORY_NOT_COVERED" => zh_en(
            "参保类别不是职工(310)或城乡居民(390)基本医疗保险。",
            "The category is neither employees' (310) nor residents' (390) basic insurance.",
        ),
        "BASIC_FUND_PAYS_FIRST" => {
            zh_en("基本医保须先于其他付款方结算。", "Basic insurance is settled before any other payer.")
        }
        "AUTHORIZATION_UNKNOWN" => {
            zh_en("没有这笔登记,请先登记。", "There is no such authorization; ask for one first.")
        }
        "AUTHORIZATION_OTHER_BILL" => zh_en("登记与本次账单不符。", "The authorization was given for another bill."),
        "AUTHORIZATION_EXPIRED" => zh_en("登记已过期,请重新登记。", "The authorization has expired; ask again."),
        "SETTLEMENT_UNKNOWN" => zh_en("没有这笔结算,无从冲正。", "There is no such settlement to take back."),
        "PAY_ALREADY_REVERSED" => zh_en("这笔结算已经冲正过。", "The settlement was taken back before."),
        other => zh_en(other, other),
    };
    Refusal { code: code.to_owned(), message, citation: rule() }
}

/// The source of the rules.
fn rule() -> Citation {
    Citation::new("《基本医疗保险用药管理暂行办法》(国家医疗保障局令第1号)", 2020)
}

fn other_verb() -> Error {
    Error::Conflict("the key was used for an operation of another kind".to_owned())
}

fn money(error: MoneyError) -> Error {
    Error::Other(error.to_string())
}
