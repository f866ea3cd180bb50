//! 3201 compares the totals of a period, 3202 its settlements one by one.
//!
//! 3202 takes them in the message (`detail`) in place of the file that 9101 uploads, and answers what differs
//! in place of the file that 9102 downloads.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Message, Outcome, fen, refuse, settle::PAYER, text};
use crate::{
    books::{self, Entry, Settlement},
    money::{sum, yuan},
    store::Tx,
};

/// The entries of the days named, both included, in Asia/Shanghai.
async fn entries(tx: &mut Tx, message: &Message<'_>) -> Outcome<Vec<Entry>> {
    let begin = |field: &str, days: i64| -> Outcome<i64> {
        let day: Result<jiff::civil::Date, _> = message.text(field)?.parse();
        let Ok(day) = day else { return refuse(format!("{field} 不是日期")) };
        let midnight = day.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)));
        midnight.map_or_else(|_| refuse("日期超出范围"), |at| Ok(at.timestamp().as_second() + days * 86_400))
    };
    let period = (begin("stmt_begndate", 0)?, begin("stmt_enddate", 1)?);
    Ok(books::entries(Settlement::all(tx).await?, PAYER, period))
}

fn totals_of(entries: &[Entry]) -> Outcome<[i64; 3]> {
    let of = |part: fn(&Settlement) -> i64| {
        let total = sum(entries.iter().map(|entry| entry.sign * part(&entry.settlement)));
        total.map_or_else(super::too_large, Ok)
    };
    Ok([of(|one| one.total)?, of(|one| one.paid)?, of(|one| one.account)?])
}

/// 3201. A reversal counts as an entry of its own.
pub async fn totals(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let entries = entries(tx, message).await?;
    let theirs = totals_of(&entries)?;
    let data = message.data();
    let ours = [fen(data, "medfee_sumamt")?, fen(data, "fund_pay_sumamt")?, fen(data, "acct_pay")?];
    let count = data["fixmedins_setl_cnt"].to_string().trim_matches('"').parse::<usize>().ok();
    let same = ours == theirs && count == Some(entries.len());
    Ok(json!({ "stmtinfo": {
        "stmt_rslt": if same { "0" } else { "1" },
        "stmt_rslt_dscr": if same { "平" } else { "不平" },
        "medfee_sumamt": yuan(theirs[0]), "fund_pay_sumamt": yuan(theirs[1]), "acct_pay": yuan(theirs[2]),
        "fixmedins_setl_cnt": entries.len(),
    } }))
}

/// 3202
pub async fn details(tx: &mut Tx, message: &Message<'_>) -> Outcome<Value> {
    let entries = entries(tx, message).await?;
    let mut sides: BTreeMap<String, [Option<i64>; 2]> = BTreeMap::new();
    let paid = |entry: &Entry| entry.sign * (entry.settlement.paid + entry.settlement.account);
    for entry in &entries {
        sides.entry(entry.reference.clone()).or_default()[1] = Some(paid(entry));
    }
    for row in message.input["detail"].as_array().into_iter().flatten() {
        let Some(amount) = fen(row, "fund_pay_sumamt")?.checked_add(fen(row, "acct_pay")?) else {
            return super::too_large();
        };
        sides.entry(text(row, "setl_id")?.to_owned()).or_default()[0] = Some(amount);
    }
    let total = sum(entries.iter().map(paid));
    let differ = sides.iter().filter(|(_, [ours, theirs])| ours != theirs);
    let said = |amount: &Option<i64>| amount.map_or(Value::Null, yuan);
    let differences: Vec<Value> = differ
        .map(
            |(setl_id, [ours, theirs])| json!({ "setl_id": setl_id, "medins_amt": said(ours), "hi_amt": said(theirs) }),
        )
        .collect();
    Ok(json!({ "fileinfo": {
        "stmt_rslt": if differences.is_empty() { "0" } else { "1" },
        "total": total.map_or(Value::Null, yuan), "count": entries.len(), "differences": differences,
    } }))
}
