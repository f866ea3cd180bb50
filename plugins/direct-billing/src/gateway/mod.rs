//! Decisions of the insurer, over its gateway.
//!
//! One protocol for all, spelt as the profile says:
//!
//! | request | of |
//! |---|---|
//! | `POST /eligibility` | `eligibility.check` |
//! | `POST /preauthorizations`, `GET /preauthorizations/{key}` | `preauthorization.submit`, `.status` |
//! | `POST /claims` with `use` `predetermination` or `claim` | `claims.predetermine`, `.submit` |
//! | `GET /claims/{key}` | `claims.status`, whatever the operation was |
//! | `POST /cancellations` with `of` `preauthorization` or `claim` | `.cancel` |
//! | `POST /appeals` | `claims.appeal` |
//! | `POST /statements`, `POST /remittances` | `reconciliation` |
//!
//! Nothing is kept here: the insurer answers a repeated key as before (`409` if it comes with other
//! content). An answer that is lost, breaks off or makes no sense is `unknown`; a status by which
//! the insurer states that it did nothing is `not-done`. That it has never seen a key it has to say
//! in words: a `404` may come from anywhere.

mod answer;
mod message;

use xinglin_sdk::{
    http, identity,
    insurance::{
        Claim, Error, Operation, Period, Policy,
        claims::{Objection, Predetermined, Response},
        eligibility::Standing,
        preauthorization::Decision,
        reconciliation::Remittance,
    },
    secrets, signing,
    time::Instant,
    types::zh_en,
};

use crate::{calendar, json::Json, not_done, profile::Profile};
use answer::Answer;
use message::Message;

/// The gateway of an insurer.
#[derive(Debug)]
pub struct Gateway {
    /// The insurer.
    pub profile: &'static Profile,
    /// Name, possibly with a port.
    pub server: String,
    /// Before every path.
    pub base: String,
}

/// What may come back beside an answer.
enum Reply {
    Answer(Json),
    /// The insurer has never seen the key.
    NeverSeen,
}

impl Gateway {
    /// `eligibility.check`
    pub fn check(&self, claim: &Claim, policy: &Policy, now: Instant) -> Result<Standing, Error> {
        let body = self.message().at(now).claim(claim)?.policy(policy, self.patient()?).end();
        self.answer(self.post("/eligibility", None, &body)?).standing(claim)
    }

    /// `preauthorization.submit`
    pub fn guarantee(&self, operation: &Operation, claim: &Claim, policy: &Policy) -> Result<Decision, Error> {
        let body = self.message().operation(operation).claim(claim)?.policy(policy, self.patient()?).end();
        let decision = self
            .answer(self.post("/preauthorizations", Some(operation), &body)?)
            .decision(operation.at, Some(claim))?;
        match decision {
            Decision::Cancelled => Err(nonsense()),
            decision => Ok(decision),
        }
    }

    /// `preauthorization.status`
    pub fn guarantee_status(&self, operation: &Operation, now: Instant) -> Result<Option<Decision>, Error> {
        match self.get("/preauthorizations", operation)? {
            Reply::NeverSeen => Ok(None),
            Reply::Answer(answer) => self.answer(answer).decision(now, None).map(Some),
        }
    }

    /// `preauthorization.cancel`
    pub fn release(&self, operation: &Operation, reference: &str, policy: &Policy) -> Result<Decision, Error> {
        let body = self
            .message()
            .operation(operation)
            .cancellation("preauthorization", reference)?
            .policy(policy, self.patient()?)
            .end();
        match self.answer(self.post("/cancellations", Some(operation), &body)?).decision(operation.at, None)? {
            Decision::Approved(_) | Decision::Partial(_) => Err(nonsense()),
            decision => Ok(decision),
        }
    }

    /// `claims.predetermine`
    pub fn predetermine(&self, claim: &Claim, policy: &Policy, now: Instant) -> Result<Predetermined, Error> {
        let body =
            self.message().at(now).purpose("predetermination").claim(claim)?.policy(policy, self.patient()?).end();
        self.answer(self.post("/claims", None, &body)?).predetermined(claim, policy)
    }

    /// `claims.submit`
    pub fn submit(&self, operation: &Operation, claim: &Claim, policy: &Policy) -> Result<Response, Error> {
        let message = self.message().operation(operation).purpose("claim").claim(claim)?;
        let body = message.policy(policy, self.patient()?).end();
        let answer = self.answer(self.post("/claims", Some(operation), &body)?);
        match answer.response(operation.at, Some((claim, policy)))? {
            Response::Cancelled(_) => Err(nonsense()),
            response => Ok(response),
        }
    }

    /// `claims.status`
    pub fn claim_status(&self, operation: &Operation, now: Instant) -> Result<Option<Response>, Error> {
        match self.get("/claims", operation)? {
            Reply::NeverSeen => Ok(None),
            Reply::Answer(answer) => self.answer(answer).response(now, None).map(Some),
        }
    }

    /// `claims.cancel`
    pub fn cancel(&self, operation: &Operation, reference: &str, policy: &Policy) -> Result<Response, Error> {
        let body =
            self.message().operation(operation).cancellation("claim", reference)?.policy(policy, self.patient()?).end();
        match self.answer(self.post("/cancellations", Some(operation), &body)?).response(operation.at, None)? {
            Response::Adjudicated(_) => Err(nonsense()),
            response => Ok(response),
        }
    }

    /// `claims.appeal`
    pub fn appeal(&self, operation: &Operation, objection: &Objection, policy: &Policy) -> Result<Response, Error> {
        let body = self.message().operation(operation).objection(objection)?.policy(policy, self.patient()?).end();
        match self.answer(self.post("/appeals", Some(operation), &body)?).response(operation.at, None)? {
            Response::Cancelled(_) => Err(nonsense()),
            response => Ok(response),
        }
    }

    /// The insurer's file of a period: reference and amount.
    pub fn statement(&self, period: &Period) -> Result<Vec<(String, i64)>, Error> {
        let body = self.message().period(period).end();
        self.answer(self.post("/statements", None, &body)?).entries()
    }

    /// What the insurer says it sent.
    pub fn remittances(&self, period: &Period) -> Result<Vec<Remittance>, Error> {
        let body = self.message().period(period).end();
        self.answer(self.post("/remittances", None, &body)?).remittances(period)
    }

    fn message(&self) -> Message {
        Message::new(self.profile)
    }

    fn answer(&self, json: Json) -> Answer {
        Answer { profile: self.profile, json }
    }

    /// The fields of identity that the insurer asks for, as placeholders.
    fn patient(&self) -> Result<Vec<&'static str>, Error> {
        let known = identity::available();
        let is_known = |field: &str| {
            known.contains(&match field {
                "name" => identity::Field::FullName,
                "id-number" => identity::Field::IdNumber,
                "birth-date" => identity::Field::BirthDate,
                _ => identity::Field::InsuranceNumber,
            })
        };
        let wanted = self.profile.gateway.identity;
        let missing: Vec<&str> = wanted.iter().copied().filter(|field| !is_known(field)).collect();
        if missing.is_empty() {
            return Ok(wanted.to_vec());
        }
        let missing = missing.join(", ");
        Err(Error::MissingData(zh_en(
            format!("{}需要而本院没有的患者身份信息:{missing}。", self.profile.zh),
            format!("{} needs what is not known of the patient: {missing}.", self.profile.en),
        )))
    }

    fn post(&self, path: &str, operation: Option<&Operation>, body: &Json) -> Result<Json, Error> {
        let mut request = self.request(http::post(self.url(path)))?.json(body.written());
        if let Some(operation) = operation {
            request = request.header("idempotency-key", header(&operation.key)?);
        }
        let gateway = &self.profile.gateway;
        let answer = request.sign_with(gateway.signature, gateway.signature_header).send().map_err(lost)?;
        match self.reply(&answer)? {
            Reply::Answer(answer) => Ok(answer),
            Reply::NeverSeen => Err(nonsense()),
        }
    }

    /// A request without a body is signed over its method and target.
    fn get(&self, path: &str, operation: &Operation) -> Result<Reply, Error> {
        let gateway = &self.profile.gateway;
        let url = self.url(&format!("{path}/{}", segment(&operation.key)));
        let target = format!("GET {}", url.split_once(&self.server).map_or("", |(_, target)| target));
        let signature = signing::sign(gateway.signature, target.as_bytes())
            .map_err(|error| not_done(format!("no signature under `{}`: {error:?}", gateway.signature)))?;
        let request = self.request(http::get(url))?.header(gateway.signature_header, base64(&signature));
        self.reply(&request.send().map_err(lost)?)
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{}{path}", self.server, self.base)
    }

    fn request(&self, builder: http::Builder) -> Result<http::Builder, Error> {
        let token = format!("{}.token", self.profile.id);
        if !secrets::available().contains(&token) {
            return Err(not_done(format!("the secret `{token}` is not set")));
        }
        Ok(builder
            .header("authorization", format!("Bearer {{{{secret:{token}}}}}"))
            .header("accept", "application/json"))
    }

    fn reply(&self, answer: &http::Response) -> Result<Reply, Error> {
        let status = answer.status;
        if status == 409 {
            return Err(Error::Conflict("the insurer has the key with other content".to_owned()));
        }
        if self.profile.gateway.not_processed.contains(&status) {
            return Err(not_done(format!("the insurer answers {status}: not processed")));
        }
        let json = answer.text().and_then(Json::read);
        match json {
            Some(json) if answer.is_success() => Ok(Reply::Answer(json)),
            Some(json) if status == 404 && self.answer(json.clone()).says("never-seen") => Ok(Reply::NeverSeen),
            _ => Err(Error::Unknown(format!("the insurer answers {status}, which tells nothing"))),
        }
    }
}

/// A request that did not leave is not done; of any other nobody knows.
fn lost(error: http::Error) -> Error {
    match error {
        http::Error::Denied(reason) | http::Error::Invalid(reason) => not_done(reason),
        http::Error::TooMany => not_done("too many requests at once".to_owned()),
        http::Error::Timeout => Error::Unknown("no answer in time".to_owned()),
        // The request or the answer: which, it does not say.
        http::Error::TooLarge(most) => Error::Unknown(format!("more than {most} bytes")),
        http::Error::Unavailable(reason) | http::Error::Other(reason) => Error::Unknown(reason),
    }
}

/// An answer that is none.
fn nonsense() -> Error {
    Error::Unknown("the insurer's answer makes no sense".to_owned())
}

/// Keys come from the host; one that could be taken for a placeholder goes nowhere.
fn header(key: &str) -> Result<String, Error> {
    let is_plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'{');
    if is_plain {
        Ok(key.to_owned())
    } else {
        Err(not_done("the key of the operation does not fit a header".to_owned()))
    }
}

fn segment(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let six = (group >> (18 - 6 * index)) as usize & 63;
            out.push(if index <= chunk.len() { char::from(LETTERS[six]) } else { '=' });
        }
    }
    out
}

/// A moment that the insurer did not name: an hour on.
fn later(now: Instant) -> Instant {
    xinglin_sdk::time::plus_minutes(now, 60)
}

/// As the profile writes times.
fn time(profile: &Profile, at: Instant) -> Json {
    match profile.gateway.times {
        crate::profile::Times::Rfc3339 => Json::Text(calendar::rfc3339(at)),
        crate::profile::Times::Millis => Json::Number(at.div_euclid(1_000).to_string()),
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod spelling {
    use super::*;

    #[test]
    fn bytes_become_letters() {
        for (bytes, letters) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), letters);
        }
        assert_eq!(segment("a/{{b}}"), "a%2F%7B%7Bb%7D%7D");
    }
}
