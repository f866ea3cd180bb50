//! 2206 quotes, 2207 settles, 2208 takes back, 2601 undoes what a message did, if it did.

use serde_json::{Value, json};

use super::{
    Failure, Message, Outcome,
    adjudicate::{Figures, Used, share},
    fees, fen,
    person::Person,
    refuse,
    register::Visit,
    too_large,
};
use crate::{
    books::{Reversed, Settlement},
    clock,
    money::yuan,
    store::Tx,
};

/// Payer of the books.
pub const PAYER: &str = "nhsa";

/// Messages that an earlier 2601 undid before they came: they do nothing any more.
const UNDONE: &str = "undone";

/// The figures of a visit, by what its person has used.
pub async fn figures(
    tx: &mut Tx,
    message: &Message<'_>,
    visit: &Visit,
    account: bool,
) -> Outcome<(Person, Figures, Used)> {
    if visit.batch.is_empty() {
        return refuse("没有费用明细");
    }
    let person = Person::of(tx, &visit.psn_no).await?;
    let used = person.used(&clock::year(message.now));
    let Some(figures) = share(person.scheme(message.nhsa)?, &visit.lines, used, account) else { return too_large() };
    Ok((person, figures, used))
}

/// As 2206 and 2207 answer them.
pub fn written(visit: &Visit, figures: &Figures, balance: i64) -> Value {
    let own = figures.account + figures.cash;
    json!({
        "mdtrt_id": visit.id,
        "medfee_sumamt": yuan(figures.total),
        "fulamt_ownpay_amt": yuan(figures.self_funded),
        "overlmt_selfpay": yuan(figures.over_limit),
        "preselfpay_amt": yuan(figures.pre_self_pay),
        "inscp_scp_amt": yuan(figures.in_scope),
        "act_pay_dedc": yuan(figures.deductible),
        "hifp_pay": yuan(figures.fund),
        "cvlserv_pay": yuan(0),
        "hifes_pay": yuan(0),
        "hifmi_pay": yuan(0),
        "hifob_pay": yuan(0),
        "maf_pay": yuan(0),
        "oth_pay": yuan(0),
        "fund_pay_sumamt": yuan(figures.fund),
        "psn_part_amt": yuan(own),
        "acct_pay": yuan(figures.account),
        "acct_mulaid_pay": yuan(0),
        "psn_cash_pay": yuan(figures.cash),
        "balc": yuan(balance),
    })
}

fn uses_account(message: &Message<'_>) -> Outcome<bool> {
    match message.text("acct_used_flag")? {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => refuse("acct_used_flag 为 0 或 1"),
    }
}

/// The visit, which the amount and the batch of the message must be of.
async fn of_message(tx: &mut Tx, message: &Message<'_>) -> Outcome<Visit> {
    let visit = Visit::of(tx, message.data()).await?;
    if message.text("chrg_bchno")? != visit.batch {
        return refuse("没有该批次");
    }
    let total = fen(message.data(), "medfee_sumamt")?;
    if crate::money::sum(visit.lines.iter().map(|line| line.gross)) != Some(total) {
        return refuse("医疗费总额与明细合计不符");
    }
    Ok(visit)
}

/// 2206
pub async fn quote(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let visit = of_message(tx, message).await?;
    visit.open()?;
    let (_, figures, used) = figures(tx, message, &visit, uses_account(message)?).await?;
    Ok(json!({ "setlinfo": written(&visit, &figures, used.balance - figures.account), "setldetail": [] }))
}

/// Settles a visit and writes it down.
pub async fn commit(
    tx: &mut Tx,
    message: &Message<'_>,
    visit: &mut Visit,
    account: bool,
) -> Outcome<(Settlement, Value)> {
    visit.open()?;
    if tx.get::<bool>(UNDONE, message.msgid).await?.is_some() {
        return refuse("该报文已被冲正");
    }
    let (mut person, mut figures, used) = figures(tx, message, visit, account).await?;
    if message.drifts {
        // A fen of the fund becomes the patient's, or the other way round where the fund pays nothing.
        let moved = if figures.fund > 0 { 1 } else { -figures.cash.min(1) };
        figures.fund -= moved;
        figures.cash += moved;
    }
    let year = clock::year(message.now);
    let after = Used {
        deductible: used.deductible + figures.deductible,
        fund: used.fund + figures.fund,
        balance: used.balance - figures.account,
    };
    person.set(&year, after);
    person.save(tx).await?;
    let settlement = Settlement {
        id: format!("S{:012}", tx.next("settlement").await?),
        payer: PAYER.to_owned(),
        key: message.msgid.to_owned(),
        bill: visit.bill.clone(),
        visit: visit.id.clone(),
        person: person.psn_no.clone(),
        total: figures.total,
        paid: figures.fund,
        account: figures.account,
        deductible: figures.deductible,
        cash: figures.cash,
        year,
        at: message.seconds(),
        reversed: None,
    };
    settlement.save(tx).await?;
    tx.put("of-message", message.msgid, &settlement.id).await?;
    visit.settlement = Some(settlement.id.clone());
    visit.save(tx).await?;
    let mut answer = written(visit, &figures, after.balance);
    answer["setl_id"] = settlement.id.as_str().into();
    answer["setl_time"] = clock::written(message.now).into();
    Ok((settlement, answer))
}

/// 2207
pub async fn settle(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let mut visit = of_message(tx, message).await?;
    let (_, answer) = commit(tx, message, &mut visit, uses_account(message)?).await?;
    Ok(json!({ "setlinfo": answer, "setldetail": [], "feedetail": fees::written(&visit.lines) }))
}

/// Gives back what a settlement took, once.
pub async fn take_back(tx: &mut Tx, settlement: &mut Settlement, by: &str, message: &Message<'_>) -> Outcome<()> {
    if settlement.reversed.is_some() {
        return refuse("该结算已撤销");
    }
    if tx.get::<bool>(UNDONE, message.msgid).await?.is_some() {
        return refuse("该报文已被冲正");
    }
    apply(tx, settlement, -1).await?;
    settlement.reversed = Some(Reversed {
        key: message.msgid.to_owned(),
        by: by.to_owned(),
        reference: format!("R{:012}", tx.next("reversal").await?),
        at: message.seconds(),
    });
    settlement.save(tx).await?;
    tx.put("of-message", message.msgid, &settlement.id).await?;
    Ok(())
}

/// Moves a person's figures by a settlement: 1 forward, −1 back.
async fn apply(tx: &mut Tx, settlement: &Settlement, sign: i64) -> Outcome<()> {
    let mut person = Person::of(tx, &settlement.person).await?;
    let used = person.used(&settlement.year);
    let after = Used {
        deductible: used.deductible + sign * settlement.deductible,
        fund: used.fund + sign * settlement.paid,
        balance: used.balance - sign * settlement.account,
    };
    if after.deductible < 0 || after.fund < 0 || after.balance < 0 {
        return refuse("累计不足");
    }
    person.set(&settlement.year, after);
    person.save(tx).await
}

/// As 2208 answers: the amounts below zero.
pub fn returned(settlement: &Settlement, balance: i64, reference: &str) -> Value {
    json!({
        "setl_id": reference,
        "medfee_sumamt": yuan(-settlement.total),
        "fund_pay_sumamt": yuan(-settlement.paid),
        "acct_pay": yuan(-settlement.account),
        "psn_cash_pay": yuan(-settlement.cash),
        "balc": yuan(balance),
    })
}

/// 2208
pub async fn reverse(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let visit = Visit::of(tx, message.data()).await?;
    let Some(mut settlement) = Settlement::find(tx, message.text("setl_id")?).await? else {
        return refuse("没有该结算");
    };
    if settlement.payer != PAYER || settlement.visit != visit.id {
        return refuse("没有该结算");
    }
    take_back(tx, &mut settlement, "2208", message).await?;
    // The visit is over: what is left of the bill is registered anew.
    let balance = Person::of(tx, &settlement.person).await?.used(&settlement.year).balance;
    let reference = settlement.reversed.as_ref().map(|reversed| reversed.reference.clone()).unwrap_or_default();
    Ok(json!({ "setlinfo": returned(&settlement, balance, &reference) }))
}

/// 2601: whatever the message `omsgid` did is undone; if it never came, it will do nothing when it comes.
pub async fn compensate(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let (original, infno) = (message.text("omsgid")?, message.text("oinfno")?);
    let psn_no = message.text("psn_no")?;
    let of_message: Option<String> = tx.get("of-message", original).await?;
    tx.put(UNDONE, original, &true).await?;
    let Some(id) = of_message else { return Ok(json!({ "result": { "found": "0" } })) };
    let Some(mut settlement) = Settlement::find(tx, &id).await? else { return refuse("没有该结算") };
    if settlement.person != psn_no {
        return refuse("原交易不属于该参保人");
    }
    match infno {
        "2207" | "6202" if settlement.key == original => {
            if settlement.reversed.is_none() {
                take_back(tx, &mut settlement, "2601", message).await?;
                // As if it had not been settled.
                let mut visit = Visit::by_id(tx, &settlement.visit).await?;
                visit.settlement = None;
                visit.save(tx).await?;
            }
        }
        "2208" | "6203" => {
            if settlement.reversed.as_ref().is_some_and(|reversed| reversed.key == original) {
                apply(tx, &settlement, 1).await?;
                settlement.reversed = None;
                settlement.save(tx).await?;
            }
        }
        _ => return Err(Failure::Refused("原交易不可冲正".to_owned())),
    }
    Ok(json!({ "result": { "found": "1" } }))
}
