//! The envelope of a message, on its way there and back.

use scheme::json::Json;
use sha2::{Digest as _, Sha256};
use xinglin_sdk::{
    http,
    payment::{Error, Operation},
    random, signing,
    time::{DAY, Instant, MINUTE, china},
};

use super::office::{Office, bytes};

/// Keys of the manifest.
const SIGNS: &str = "sm2";
const ENCRYPTS: &str = "sm4";
/// Header of signatures, in base64, over the bytes as sent.
const SIGNATURE: &str = "x-signature";
/// Statuses by which the platform's gateway states that it passed nothing on.
const NOT_PASSED_ON: [u16; 5] = [400, 401, 403, 429, 503];

/// Why there is no answer that counts.
#[derive(Debug)]
pub enum Failure {
    /// The office has done nothing.
    NotDone(String),
    /// Nobody knows what the office has done.
    Lost(String),
    /// The office has refused, and done nothing.
    Refused {
        /// Our number of the message.
        infno: String,
        /// `err_msg`
        said: String,
    },
    /// Something of this side.
    Error(Error),
}

/// An answer that is none.
pub fn nonsense() -> Failure {
    Failure::Lost("the office's answer makes no sense".to_owned())
}

/// Text, or what a number says.
pub fn text(json: Option<&Json>) -> Option<&str> {
    match json? {
        Json::Text(text) | Json::Number(text) => Some(text),
        _ => None,
    }
}

/// An object.
pub fn object(pairs: Vec<(&str, Json)>) -> Json {
    Json::Object(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A text of JSON.
pub fn say(text: impl Into<String>) -> Json {
    Json::Text(text.into())
}

/// `20260131090000`
fn compact(at: Instant) -> String {
    let (year, month, day) = china::civil(china::day(at));
    let (hour, minute, second) = of_day(at);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// `2026-01-31 09:00:00`
pub fn written(at: Instant) -> String {
    let (hour, minute, second) = of_day(at);
    format!("{} {hour:02}:{minute:02}:{second:02}", date(at))
}

/// `2026-01-31`
pub fn date(at: Instant) -> String {
    let (year, month, day) = china::civil(china::day(at));
    format!("{year:04}-{month:02}-{day:02}")
}

const fn of_day(at: Instant) -> (i64, i64, i64) {
    let seconds = at.saturating_add(china::AHEAD).rem_euclid(DAY) / (MINUTE / 60);
    (seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// Four letters of a number.
fn suffix(mut number: u32) -> String {
    const LETTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut letters = String::new();
    for _ in 0..4 {
        letters.push(char::from(LETTERS[(number % 36) as usize]));
        number /= 36;
    }
    letters
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

impl Office {
    /// 12 characters of the institution, 14 of the moment, 4 more.
    fn numbered(&self, at: Instant, drawn: u32) -> String {
        format!("{:0>12}{}{}", self.institution, compact(at), suffix(drawn))
    }

    /// The number of a message that moves money: it follows from the operation.
    pub fn msgid(&self, operation: &Operation, infno: &str) -> String {
        let digest = Sha256::digest(format!("{infno}/{}", operation.key));
        self.numbered(operation.at, number(&digest))
    }

    /// Sends a message that moves no money; its output.
    pub fn send(&self, now: Instant, infno: &str, input: Json) -> Result<Json, Failure> {
        self.pass(&self.numbered(now, number(&random::bytes(4))), now, infno, input)
    }

    /// Sends a message that moves money; its output.
    pub fn send_once(&self, operation: &Operation, infno: &str, input: Json) -> Result<Json, Failure> {
        self.pass(&self.msgid(operation, infno), operation.at, infno, input)
    }

    fn pass(&self, msgid: &str, now: Instant, infno: &str, input: Json) -> Result<Json, Failure> {
        let theirs = self.code(infno);
        let fixed = |text: &str| say(text.to_owned());
        let body = object(vec![
            ("infno", fixed(theirs)),
            ("msgid", fixed(msgid)),
            ("mdtrtarea_admvs", fixed(&self.place)),
            ("insuplc_admdvs", fixed(&self.insured_place)),
            ("recer_sys_code", fixed(&self.receiver)),
            ("dev_no", fixed("")),
            ("dev_safe_info", fixed("")),
            ("cainfo", fixed("")),
            ("signtype", fixed("SM2")),
            ("infver", fixed(&self.version)),
            ("opter_type", fixed("1")),
            ("opter", fixed(&self.operator)),
            ("opter_name", fixed(&self.operator_name)),
            ("inf_time", say(written(now))),
            ("fixmedins_code", fixed(&self.institution)),
            ("fixmedins_name", fixed(&self.institution_name)),
            ("sign_no", fixed(&self.sign_in)),
            ("input", input),
        ]);
        let url = format!("https://{}{}", self.server, self.path.replace("{infno}", theirs));
        let mut request = http::post(url).json(body.written()).sign_with(SIGNS, SIGNATURE);
        if self.encrypts {
            request = request.encrypt_with(ENCRYPTS);
        }
        let answer = request.send().map_err(lost)?;
        self.read(&answer, msgid, infno)
    }

    fn read(&self, answer: &http::Response, msgid: &str, infno: &str) -> Result<Json, Failure> {
        if NOT_PASSED_ON.contains(&answer.status) {
            return Err(Failure::NotDone(format!("the office answers {} to {infno}: not processed", answer.status)));
        }
        if !answer.is_success() {
            return Err(Failure::Lost(format!("the office answers {} to {infno}, which tells nothing", answer.status)));
        }
        // Whoever the patient is stands in the answer to 1101, in whose place the host puts the placeholder: those
        // bytes are not the ones that were signed. It moves no money.
        if infno != "1101" && !self.signed(answer) {
            return Err(Failure::Lost(format!("the answer to {infno} is not signed by the office")));
        }
        let json = answer.text().and_then(Json::read).ok_or_else(nonsense)?;
        // Not every platform repeats the number.
        if text(json.get("msgid")).is_some_and(|theirs| !theirs.is_empty() && theirs != msgid) {
            return Err(Failure::Lost(format!("the answer is to another message than {msgid}")));
        }
        match text(json.get("infcode")) {
            Some("0") => Ok(json.get("output").cloned().unwrap_or(Json::Null)),
            Some("-1") => {
                let said = text(json.get("err_msg")).unwrap_or_default().to_owned();
                Err(Failure::Refused { infno: infno.to_owned(), said })
            }
            _ => Err(nonsense()),
        }
    }

    fn signed(&self, answer: &http::Response) -> bool {
        let signature = answer.header(SIGNATURE).and_then(bytes);
        signature.is_some_and(|signature| {
            signing::verify(signing::Algorithm::Sm2, &self.public_key, &answer.body, &signature)
        })
    }
}

/// A request that did not leave is not done; of any other nobody knows.
fn lost(error: http::Error) -> Failure {
    match error {
        http::Error::Denied(reason) | http::Error::Invalid(reason) => Failure::NotDone(reason),
        http::Error::TooMany => Failure::NotDone("too many requests at once".to_owned()),
        http::Error::Timeout => Failure::Lost("no answer in time".to_owned()),
        // The request or the answer: which, it does not say.
        http::Error::TooLarge(most) => Failure::Lost(format!("more than {most} bytes")),
        http::Error::Unavailable(reason) | http::Error::Other(reason) => Failure::Lost(reason),
    }
}
