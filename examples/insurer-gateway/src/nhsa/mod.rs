//! The interface of the insurance platform: one message a request, named by its `infno`.

mod adjudicate;
mod fees;
mod online;
mod person;
mod register;
mod settle;
mod statement;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{clock, money, parameters::Nhsa, store::Tx};

pub use person::found;

/// Why a message is not carried out; nothing was done.
#[derive(Debug)]
pub enum Failure {
    /// The message is refused, in the platform's words.
    Refused(String),
    /// The database failed.
    Store(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

/// What a handler gives.
type Outcome<T> = Result<T, Failure>;

fn refuse<T>(why: impl Into<String>) -> Outcome<T> {
    Err(Failure::Refused(why.into()))
}

/// A message and everything it is carried out with.
pub struct Message<'a> {
    /// The rules.
    pub nhsa: &'a Nhsa,
    /// Its number, which names it for ever.
    pub msgid: &'a str,
    /// Its content.
    pub input: &'a Value,
    /// When it came.
    pub now: Timestamp,
    /// Whether other figures are settled than quoted.
    pub drifts: bool,
}

impl Message<'_> {
    /// `input.data` of most messages.
    fn data(&self) -> &Value {
        &self.input["data"]
    }

    fn text(&self, field: &str) -> Outcome<&str> {
        text(self.data(), field)
    }

    fn seconds(&self) -> i64 {
        self.now.as_second()
    }
}

fn text<'a>(of: &'a Value, field: &str) -> Outcome<&'a str> {
    match of[field].as_str() {
        Some(text) if !text.is_empty() => Ok(text),
        _ => refuse(format!("缺少 {field}")),
    }
}

fn fen(of: &Value, field: &str) -> Outcome<i64> {
    money::fen(&of[field]).map_or_else(|| refuse(format!("{field} 不是金额")), Ok)
}

fn too_large<T>() -> Outcome<T> {
    refuse("金额超出范围")
}

/// Carries out a message.
///
/// # Errors
/// If it is refused; then nothing may be committed.
pub async fn carry_out(tx: &mut Tx, infno: &str, message: &Message<'_>) -> Outcome<Value> {
    match infno {
        "1101" => person::find(tx, message).await,
        "2001" => person::entitlement(tx, message).await,
        "5206" => person::accumulators(tx, message).await,
        "2201" => register::register(tx, message).await,
        "2202" => register::withdraw(tx, message).await,
        "2203A" => register::diagnose(tx, message).await,
        "2204" => fees::upload(tx, message).await,
        "2205" => fees::withdraw(tx, message).await,
        "2206" => settle::quote(tx, message).await,
        "2207" => settle::settle(tx, message).await,
        "2208" => settle::reverse(tx, message).await,
        "2601" => settle::compensate(tx, message).await,
        "3201" => statement::totals(tx, message).await,
        "3202" => statement::details(tx, message).await,
        "6201" => online::upload(tx, message).await,
        "6202" => online::pay(tx, message).await,
        "6203" => online::refund(tx, message).await,
        "6301" => online::query(tx, message).await,
        "6302" => online::notice(tx, message).await,
        "6401" => online::withdraw(tx, message).await,
        other => refuse(format!("没有交易 {other}")),
    }
}

/// The envelope of an answer.
pub fn envelope(msgid: &str, sent: &Value, now: Timestamp, outcome: Result<Value, String>) -> Value {
    let (infcode, err_msg, output) = match outcome {
        Ok(output) => (0, String::new(), output),
        Err(why) => (-1, why, Value::Null),
    };
    // In the platform's own numbers: place and moment, then what is drawn.
    let number = u32::from_be_bytes(clock::dice()) % 1_000_000;
    json!({
        "infcode": infcode,
        "inf_refmsgid": format!("{}{number:06}", clock::china(now, "%Y%m%d%H%M%S")),
        "refmsg_time": sent,
        "respond_time": clock::china(now, "%Y%m%d%H%M%S%3f"),
        "msgid": msgid,
        "err_msg": err_msg,
        "output": output,
    })
}
