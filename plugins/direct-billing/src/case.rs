//! A claim as this plugin keeps it, and a digest of everything that it asks.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use xinglin_sdk::{
    insurance::{Claim, Document, Error, Policy, claims::Objection},
    money::Fen,
    time::Instant,
    types::{Codings as _, system},
};

use crate::not_done;

/// What a decision rests on, beside the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Of the bill.
    pub bill: String,
    /// When the service is given.
    pub served_at: Instant,
    /// ICD-10, the principal one first.
    pub diagnoses: Vec<String>,
    /// In order.
    pub lines: Vec<Line>,
    /// The insurer's reference.
    pub preauthorization: Option<String>,
}

/// A line of it. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Of the line of the claim.
    pub number: u32,
    /// `LineKind` as a number.
    pub kind: u8,
    /// System and code.
    pub codes: Vec<(String, String)>,
    /// As charged.
    pub gross: i64,
    /// What payers before leave.
    pub rest: i64,
}

impl Case {
    /// Reads a claim. A claim that cannot be, is not done.
    pub fn of(claim: &Claim) -> Result<Self, Error> {
        let mut lines = Vec::new();
        for line in &claim.lines {
            let rest = line.rest().map_err(|error| not_done(format!("line {}: {error}", line.number)))?;
            let is_sound = line.gross.minor_units >= 0
                && rest >= Fen::ZERO
                && line.prior.iter().all(|share| share.amount.minor_units >= 0);
            if !is_sound {
                return Err(not_done(format!("line {}: payers before pay more than it charges", line.number)));
            }
            if lines.iter().any(|other: &Line| other.number == line.number) {
                return Err(not_done(format!("line {} is there twice", line.number)));
            }
            lines.push(Line { rest: rest.amount(), ..Line::from(line) });
        }
        if Fen::sum(lines.iter().map(|line| Fen::new(line.gross))).is_err() {
            return Err(not_done("the claim is out of range".to_owned()));
        }
        Ok(Self {
            bill: claim.bill.clone(),
            served_at: claim.served_at,
            diagnoses: claim.diagnoses.codes_in(system::ICD10).map(str::to_owned).collect(),
            lines,
            preauthorization: claim.preauthorization.clone(),
        })
    }

    /// The principal diagnosis.
    pub fn principal(&self) -> Option<&str> {
        self.diagnoses.first().map(String::as_str)
    }

    /// ICD-10 chapter V.
    pub fn is_mental(&self) -> bool {
        self.principal().is_some_and(|code| code.starts_with(['F', 'f']))
    }

    /// What is asked of this payer.
    pub fn charged(&self) -> i64 {
        self.lines.iter().map(|line| line.rest).sum()
    }
}

/// Digest of the content of an operation. Balances, network and validity of the policy are not
/// in it: they change, and a repeated operation gets the first answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content([u8; 32]);

/// Of whom, so that a reference is of use for its patient only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member([u8; 16]);

impl Member {
    /// Of a policy.
    pub fn of(policy: &Policy) -> Self {
        let digest = Sha256::digest(policy.member.as_bytes());
        let mut member = [0; 16];
        member.copy_from_slice(&digest[..16]);
        Self(member)
    }

    /// As bytes.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Hashes parts with their lengths.
struct Parts(Sha256);

impl Parts {
    fn of(policy: &Policy) -> Self {
        let mut parts = Self(Sha256::new());
        for text in [&policy.member, &policy.number, &policy.plan.system, &policy.plan.code] {
            parts.text(text);
        }
        parts
    }

    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    fn number(&mut self, number: i64) {
        self.0.update(number.to_le_bytes());
    }

    fn documents(&mut self, documents: &[Document]) {
        self.number(documents.len() as i64);
        for document in documents {
            self.text(&document.kind.system);
            self.text(&document.kind.code);
            self.text(&document.id);
        }
    }

    fn end(self) -> Content {
        Content(self.0.finalize().into())
    }
}

/// Of a claim or a request for a guarantee.
pub fn of_claim(claim: &Claim, policy: &Policy) -> Content {
    let mut parts = Parts::of(policy);
    for text in [&claim.bill, &claim.currency] {
        parts.text(text);
    }
    for reference in [&claim.preauthorization, &claim.related] {
        parts.text(reference.as_deref().unwrap_or_default());
    }
    parts.number(claim.served_at);
    parts.number(claim.diagnoses.len() as i64);
    for code in &claim.diagnoses {
        parts.text(&code.system);
        parts.text(&code.code);
    }
    parts.number(claim.lines.len() as i64);
    for line in &claim.lines {
        parts.number(i64::from(line.number));
        parts.number(line.kind as i64);
        parts.number(line.code.len() as i64);
        for code in &line.code {
            parts.text(&code.system);
            parts.text(&code.code);
        }
        parts.text(&line.quantity.normalized().to_string());
        parts.text(&line.gross.currency);
        parts.number(line.gross.minor_units);
        parts.number(line.prior.len() as i64);
        for share in &line.prior {
            parts.number(share.source as i64);
            parts.number(share.amount.minor_units);
        }
        let basic = line.basic.as_ref();
        let classes = basic.map(|basic| [&basic.self_funded, &basic.over_limit, &basic.pre_self_pay, &basic.in_scope]);
        parts.number(i64::from(classes.is_some()));
        for amount in classes.into_iter().flatten() {
            parts.number(amount.minor_units);
        }
        parts.text(&format!("{:?}", line.attributes));
    }
    parts.documents(&claim.documents);
    parts.text(&format!("{:?}", claim.attributes));
    parts.end()
}

/// Of a cancellation.
pub fn of_reference(reference: &str, policy: &Policy) -> Content {
    let mut parts = Parts::of(policy);
    parts.text(reference);
    parts.end()
}

/// Of an appeal.
pub fn of_objection(objection: &Objection, policy: &Policy) -> Content {
    let mut parts = Parts::of(policy);
    parts.text(&objection.reference);
    parts.number(objection.lines.len() as i64);
    for line in &objection.lines {
        parts.number(i64::from(*line));
    }
    parts.number(objection.grounds.len() as i64);
    for text in &objection.grounds {
        parts.text(&text.language);
        parts.text(&text.text);
    }
    parts.documents(&objection.documents);
    parts.end()
}
