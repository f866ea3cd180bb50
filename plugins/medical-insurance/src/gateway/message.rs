//! What is said to the office.

use scheme::json::Json;
use xinglin_sdk::{
    identity,
    money::Fen,
    payment::{Bill, Error, Operation},
    random,
    time::{Instant, china},
    types::{Decimal, zh_en},
};

use super::{
    Failure, Person, Reference, Registered,
    answer::LineShares,
    envelope::{object, say, written},
    office::Office,
};

/// Yuan with two digits: a number of the message.
pub fn yuan(fen: i64) -> Json {
    Json::Number(Fen::new(fen).to_string())
}

/// Identity card; the host writes its number in.
const CARD: &str = "02";

fn card() -> Result<Json, Failure> {
    if identity::available().contains(&identity::Field::IdNumber) {
        return Ok(Json::Place("patient:id-number".to_owned()));
    }
    Err(Failure::Error(Error::MissingData(zh_en(
        "没有患者的身份证号,或未同意向医保提供。",
        "The patient's identity number is not known, or may not be given to the insurance office.",
    ))))
}

/// A person's number. Where it is the identity number, the host has put its placeholder in its place.
fn psn(number: &str) -> Json {
    match number {
        "{{patient:id-number}}" => Json::Place("patient:id-number".to_owned()),
        number => say(number),
    }
}

fn data(pairs: Vec<(&str, Json)>) -> Json {
    object(vec![("data", object(pairs))])
}

/// 1101
pub fn certificate() -> Result<Json, Failure> {
    Ok(data(vec![("mdtrt_cert_type", say(CARD)), ("mdtrt_cert_no", card()?), ("psn_cert_type", say("01"))]))
}

/// 2001
pub fn entitlement(office: &Office, person: &Person, now: Instant) -> Json {
    data(vec![
        ("psn_no", psn(&person.psn_no)),
        ("insutype", say(&person.insutype)),
        ("fixmedins_code", say(&office.institution)),
        ("med_type", say(&office.med_type)),
        ("begntime", say(written(now))),
    ])
}

/// 5206
pub fn accumulators(person: &Person, now: Instant) -> Json {
    let (year, month, _) = china::civil(china::day(now));
    data(vec![("psn_no", psn(&person.psn_no)), ("cum_ym", say(format!("{year:04}{month:02}")))])
}

/// 就诊号: at most 30 characters of the bill.
fn number_of(bill: &Bill) -> String {
    let letters: Vec<char> = bill.id.chars().filter(char::is_ascii_alphanumeric).collect();
    letters[letters.len().saturating_sub(30)..].iter().collect()
}

/// Adds what the region wants beside.
fn with_more(office: &Office, infno: &str, mut pairs: Vec<(&str, Json)>) -> Json {
    let more: Vec<_> = office.more(infno).map(|(field, value)| (field, say(value))).collect();
    // One that is named twice is none of JSON's.
    pairs.retain(|(field, _)| !more.iter().any(|(other, _)| other == field));
    object(pairs.into_iter().chain(more).collect())
}

/// 2201
pub fn registration(office: &Office, person: &Person, bill: &Bill) -> Result<Json, Failure> {
    let registration = with_more(
        office,
        "2201",
        vec![
            ("psn_no", psn(&person.psn_no)),
            ("insutype", say(&person.insutype)),
            ("begntime", say(written(bill.served_at))),
            ("mdtrt_cert_type", say(CARD)),
            ("mdtrt_cert_no", card()?),
            ("ipt_otp_no", say(number_of(bill))),
        ],
    );
    Ok(object(vec![("data", registration)]))
}

/// Diagnoses; their names stay with the hospital.
fn diagnoses(bill: &Bill) -> Vec<(&str, usize)> {
    bill.diagnoses.iter().zip(1..).map(|(diagnosis, at)| (diagnosis.code.as_str(), at)).collect()
}

/// 2203A
pub fn visit(office: &Office, person: &Person, id: &str, bill: &Bill) -> Json {
    let main = bill.diagnoses.first().map_or("", |diagnosis| diagnosis.code.as_str());
    let visit = with_more(
        office,
        "2203A",
        vec![
            ("mdtrt_id", say(id)),
            ("psn_no", psn(&person.psn_no)),
            ("med_type", say(&office.med_type)),
            ("begntime", say(written(bill.served_at))),
            ("dise_codg", say(main)),
        ],
    );
    let row = |(code, at): (&str, usize)| {
        object(vec![
            ("diag_type", say("1")),
            ("diag_srt_no", Json::Number(at.to_string())),
            ("diag_code", say(code)),
            ("diag_time", say(written(bill.served_at))),
            ("vali_flag", say("1")),
        ])
    };
    object(vec![("mdtrtinfo", visit), ("diseinfo", Json::List(diagnoses(bill).into_iter().map(row).collect()))])
}

/// A number of an upload, drawn.
pub fn batch() -> String {
    random::bytes(10).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of one unit, rounded: the office reckons with the whole.
fn price(gross: i64, quantity: Decimal) -> i64 {
    let units = i128::from(quantity.unscaled).max(1);
    let scaled = i128::from(gross) * 10_i128.saturating_pow(u32::from(quantity.scale));
    i64::try_from((scaled + units / 2) / units).unwrap_or(gross)
}

/// 2204
pub fn fees(office: &Office, person: &Person, id: &str, batch: &str, bill: &Bill) -> Json {
    let rows = bill.lines.iter().enumerate().map(|(index, line)| {
        let (national, own) = office.item(bill, index);
        let quantity = line.quantity.normalized();
        with_more(
            office,
            "2204",
            vec![
                ("feedetl_sn", say(line.number.to_string())),
                ("mdtrt_id", say(id)),
                ("psn_no", psn(&person.psn_no)),
                ("chrg_bchno", say(batch)),
                ("fee_ocur_time", say(written(bill.served_at))),
                ("med_list_codg", say(national)),
                ("medins_list_codg", say(own)),
                ("det_item_fee_sumamt", yuan(line.gross.minor_units)),
                ("cnt", Json::Number(quantity.to_string())),
                ("pric", yuan(price(line.gross.minor_units, quantity))),
            ],
        )
    });
    object(vec![("feedetail", Json::List(rows.collect()))])
}

/// 2205, and 2202 after it.
pub fn withdrawal(registered: &Registered, bill: &Bill) -> (Json, Json) {
    let of = |more: (&'static str, Json)| {
        data(vec![("psn_no", psn(&registered.psn_no)), ("mdtrt_id", say(&registered.id)), more])
    };
    (of(("chrg_bchno", say(&registered.token))), of(("ipt_otp_no", say(number_of(bill)))))
}

/// 2206, and 2207 with the figures of the lines.
pub fn settlement(
    office: &Office,
    infno: &str,
    registered: &Registered,
    bill: &Bill,
    lines: Option<&[LineShares]>,
) -> Result<Json, Failure> {
    let mut pairs = vec![
        ("psn_no", psn(&registered.psn_no)),
        ("mdtrt_cert_type", say(CARD)),
        ("mdtrt_cert_no", card()?),
        ("med_type", say(&office.med_type)),
        ("medfee_sumamt", yuan(registered.total)),
        ("psn_setlway", say("01")),
        ("mdtrt_id", say(&registered.id)),
        ("chrg_bchno", say(&registered.token)),
        ("acct_used_flag", say(if bill.use_account { "1" } else { "0" })),
        ("insutype", say(&registered.insutype)),
    ];
    if let Some(lines) = lines {
        // Each was checked against its line, and their sum against the bill.
        let of = |part: fn(&LineShares) -> i64| yuan(lines.iter().map(part).fold(0, i64::saturating_add));
        pairs.extend([
            ("fulamt_ownpay_amt", of(|line| line.self_funded)),
            ("overlmt_selfpay", of(|line| line.over_limit)),
            ("preselfpay_amt", of(|line| line.pre_self_pay)),
            ("inscp_scp_amt", of(|line| line.in_scope)),
        ]);
    }
    Ok(object(vec![("data", with_more(office, infno, pairs))]))
}

/// 2208
pub fn reversal(person: &Person, reference: &Reference<'_>) -> Json {
    data(vec![("psn_no", psn(&person.psn_no)), ("setl_id", say(reference.first)), ("mdtrt_id", say(reference.second))])
}

/// 2601
pub fn compensation(office: &Office, person: &Person, original: &str, infno: &str) -> Json {
    data(vec![("psn_no", psn(&person.psn_no)), ("omsgid", say(original)), ("oinfno", say(office.code(infno)))])
}

// --- online ---------------------------------------------------------------------

/// 6201
pub fn order(office: &Office, person: &Person, batch: &str, bill: &Bill, total: i64) -> Result<Json, Failure> {
    let rows = bill.lines.iter().enumerate().map(|(index, line)| {
        let (national, own) = office.item(bill, index);
        let quantity = line.quantity.normalized();
        object(vec![
            ("feedetlSn", say(line.number.to_string())),
            ("psnNo", psn(&person.psn_no)),
            ("chrgBchno", say(batch)),
            ("feeOcurTime", say(written(bill.served_at))),
            ("medListCodg", say(national)),
            ("medinsListCodg", say(own)),
            ("detItemFeeSumamt", yuan(line.gross.minor_units)),
            ("cnt", Json::Number(quantity.to_string())),
            ("pric", yuan(price(line.gross.minor_units, quantity))),
        ])
    });
    let rows = rows.collect();
    let diagnosis = |(code, at): (&str, usize)| {
        object(vec![
            ("diagType", say("1")),
            ("diagSrtNo", Json::Number(at.to_string())),
            ("diagCode", say(code)),
            ("valiFlag", say("1")),
        ])
    };
    let order = with_more(
        office,
        "6201",
        vec![
            ("orgCodg", say(&office.institution)),
            ("medOrgOrd", say(number_of(bill))),
            ("psnNo", psn(&person.psn_no)),
            ("insutype", say(&person.insutype)),
            ("idType", say("01")),
            ("idNo", card()?),
            ("iptOtpNo", say(number_of(bill))),
            ("medType", say(&office.med_type)),
            ("begntime", say(written(bill.served_at))),
            ("chrgBchno", say(batch)),
            ("acctUsedFlag", say(if bill.use_account { "1" } else { "0" })),
            ("psnSetlway", say("01")),
            ("medfeeSumamt", yuan(total)),
            ("diseinfoList", Json::List(diagnoses(bill).into_iter().map(diagnosis).collect())),
            ("feedetailList", Json::List(rows)),
        ],
    );
    Ok(object(vec![("data", order)]))
}

/// 6202, 6301 and 6401.
pub fn of_order(office: &Office, infno: &str, registered: &Registered) -> Json {
    let pairs = vec![
        ("orgCodg", say(&office.institution)),
        ("payOrdId", say(&registered.id)),
        ("payToken", say(&registered.token)),
    ];
    object(vec![("data", with_more(office, infno, pairs))])
}

/// 6301 of an order whose token is not known any more.
pub fn question(office: &Office, order: &str) -> Json {
    let pairs = vec![("orgCodg", say(&office.institution)), ("payOrdId", say(order))];
    object(vec![("data", with_more(office, "6301", pairs))])
}

/// 6203: total, fund, account and cash.
pub fn refund(office: &Office, operation: &Operation, order: &str, [total, fund, account, cash]: [i64; 4]) -> Json {
    let pairs = vec![
        ("orgCodg", say(&office.institution)),
        ("payOrdId", say(order)),
        ("appRefdSn", say(office.msgid(operation, "6203"))),
        ("appRefdTime", say(written(operation.at))),
        ("totlRefdAmt", yuan(total)),
        ("fundRefdAmt", yuan(fund)),
        ("psnAcctRefdAmt", yuan(account)),
        ("cashRefdAmt", yuan(cash)),
        ("refdType", say("ALL")),
    ];
    object(vec![("data", with_more(office, "6203", pairs))])
}
