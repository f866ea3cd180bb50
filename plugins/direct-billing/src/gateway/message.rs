//! What is said to an insurer, in its names.

use xinglin_sdk::{
    insurance::{
        Allowance, Balance, Claim, ClaimLine, Document, Error, LineKind, Operation, Period, Policy, Source,
        claims::Objection,
    },
    time::Instant,
    types::{Coding, LocalizedText, Money},
};

use super::time;
use crate::{
    json::Json,
    not_done,
    profile::{Amounts, Profile},
};

/// A message in the making.
pub struct Message {
    profile: &'static Profile,
    pairs: Vec<(&'static str, Json)>,
}

impl Message {
    pub const fn new(profile: &'static Profile) -> Self {
        Self { profile, pairs: Vec::new() }
    }

    fn with(mut self, field: &'static str, value: Json) -> Self {
        self.pairs.push((field, value));
        self
    }

    pub fn end(self) -> Json {
        self.profile.object(self.pairs)
    }

    pub fn at(self, at: Instant) -> Self {
        let at = time(self.profile, at);
        self.with("at", at)
    }

    pub fn operation(self, operation: &Operation) -> Self {
        self.with("key", Json::Text(operation.key.clone())).at(operation.at)
    }

    pub fn purpose(self, purpose: &str) -> Self {
        self.with("use", Json::Text(purpose.to_owned()))
    }

    pub fn period(self, period: &Period) -> Self {
        let (from, to) = (time(self.profile, period.start), time(self.profile, period.end));
        self.with("from", from).with("to", to)
    }

    pub fn cancellation(self, of: &str, reference: &str) -> Result<Self, Error> {
        let theirs = self.profile.theirs(reference)?;
        Ok(self.with("of", Json::Text(of.to_owned())).with("reference", Json::Text(theirs.to_owned())))
    }

    pub fn objection(self, objection: &Objection) -> Result<Self, Error> {
        let profile = self.profile;
        let theirs = profile.theirs(&objection.reference)?;
        let lines = objection.lines.iter().map(|number| Json::Number(number.to_string()));
        Ok(self
            .with("reference", Json::Text(theirs.to_owned()))
            .with("lines", Json::List(lines.collect()))
            .with("grounds", words(&objection.grounds))
            .with("documents", profile.documents(&objection.documents)?))
    }

    pub fn claim(self, claim: &Claim) -> Result<Self, Error> {
        let profile = self.profile;
        let reference = |reference: &Option<String>| match reference {
            None => Ok(Json::Null),
            Some(reference) => profile.theirs(reference).map(|theirs| Json::Text(theirs.to_owned())),
        };
        Ok(self
            .with("bill", Json::Text(claim.bill.clone()))
            .with("currency", Json::Text(claim.currency.clone()))
            .with("served-at", time(profile, claim.served_at))
            .with("diagnoses", profile.codes(&claim.diagnoses))
            .with("lines", Json::List(claim.lines.iter().map(|line| profile.line(line)).collect()))
            .with("preauthorization", reference(&claim.preauthorization)?)
            .with("related", reference(&claim.related)?)
            .with("documents", profile.documents(&claim.documents)?))
    }

    pub fn policy(self, policy: &Policy, patient: Vec<&'static str>) -> Self {
        let profile = self.profile;
        let maybe = |at: Option<Instant>| at.map_or(Json::Null, |at| time(profile, at));
        let insured = profile.object(vec![
            ("number", Json::Text(policy.number.clone())),
            ("plan", Json::Text(policy.plan.code.clone())),
            ("network", policy.network.clone().map_or(Json::Null, Json::Text)),
            ("start", maybe(policy.valid_from)),
            ("end", maybe(policy.valid_until)),
            ("balances", Json::List(policy.balances.iter().map(|balance| profile.balance(balance)).collect())),
        ]);
        let member = patient.into_iter().map(|field| (field, Json::Place(format!("patient:{field}"))));
        let member = profile.object(member.collect());
        self.with("policy", insured).with("member", member)
    }
}

impl Profile {
    /// Its word for one of ours.
    pub(super) fn field(&self, ours: &str) -> &'static str {
        let fields = self.gateway.fields;
        fields
            .binary_search_by(|(word, _)| (*word).cmp(ours))
            .ok()
            .and_then(|index| fields.get(index))
            .map_or("", |(_, name)| *name)
    }

    pub(super) fn object(&self, pairs: Vec<(&str, Json)>) -> Json {
        Json::Object(pairs.into_iter().map(|(ours, value)| (self.field(ours).to_owned(), value)).collect())
    }

    /// Its reference, without the name of the insurer before it.
    fn theirs<'a>(&self, reference: &'a str) -> Result<&'a str, Error> {
        match reference.split_once(':') {
            Some((id, theirs)) if id == self.id => Ok(theirs),
            _ => Err(not_done(format!("`{reference}` is not a reference of {}", self.en))),
        }
    }

    pub(super) fn money(&self, money: &Money) -> Json {
        let fen = money.minor_units;
        match self.gateway.amounts {
            Amounts::Fen => Json::Number(fen.to_string()),
            Amounts::Yuan => {
                let (sign, units) = (if fen < 0 { "-" } else { "" }, fen.unsigned_abs());
                Json::Text(format!("{sign}{}.{:02}", units / 100, units % 100))
            }
        }
    }

    fn codes(&self, codes: &[Coding]) -> Json {
        Json::List(codes.iter().map(|code| Json::Object(self.code(code))).collect())
    }

    fn code(&self, code: &Coding) -> Vec<(String, Json)> {
        let mut pairs = vec![("system", &code.system), ("code", &code.code)];
        pairs.extend(code.display.as_ref().map(|display| ("name", display)));
        pairs.into_iter().map(|(field, text)| (self.field(field).to_owned(), Json::Text(text.clone()))).collect()
    }

    fn line(&self, line: &ClaimLine) -> Json {
        let kind = match line.kind {
            LineKind::Service => "service",
            LineKind::Medicine => "medicine",
            LineKind::Material => "material",
            LineKind::Other => "other",
        };
        let prior = line.prior.iter().map(|share| {
            let source = match share.source {
                Source::BasicFund => "basic-fund",
                Source::SupplementaryFund => "supplementary-fund",
                Source::Commercial => "commercial",
                Source::PersonalAccount => "personal-account",
                Source::FamilyAccount => "family-account",
            };
            self.object(vec![("source", Json::Text(source.to_owned())), ("amount", self.money(&share.amount))])
        });
        let basic = line.basic.as_ref().map_or(Json::Null, |basic| {
            self.object(vec![
                ("self-funded", self.money(&basic.self_funded)),
                ("over-limit", self.money(&basic.over_limit)),
                ("pre-self-pay", self.money(&basic.pre_self_pay)),
                ("in-scope", self.money(&basic.in_scope)),
            ])
        });
        self.object(vec![
            ("number", Json::Number(line.number.to_string())),
            ("kind", Json::Text(kind.to_owned())),
            ("codes", self.codes(&line.code)),
            ("quantity", Json::Text(line.quantity.to_string())),
            ("gross", self.money(&line.gross)),
            ("prior", Json::List(prior.collect())),
            ("basic", basic),
        ])
    }

    fn allowance(&self, allowance: &Allowance) -> Json {
        match allowance {
            Allowance::Money(money) => self.object(vec![("amount", self.money(money))]),
            Allowance::Count(count) => self.object(vec![("count", Json::Number(count.to_string()))]),
        }
    }

    fn balance(&self, balance: &Balance) -> Json {
        self.object(vec![
            ("code", Json::Text(balance.code.clone())),
            ("start", time(self, balance.period.start)),
            ("end", time(self, balance.period.end)),
            ("used", self.allowance(&balance.used)),
            ("limit", balance.limit.as_ref().map_or(Json::Null, |limit| self.allowance(limit))),
        ])
    }

    /// The host puts the content in.
    fn documents(&self, documents: &[Document]) -> Result<Json, Error> {
        let written = documents.iter().map(|document| {
            let is_plain = !document.id.is_empty()
                && document.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte));
            if !is_plain {
                return Err(not_done("the id of a document is no id".to_owned()));
            }
            let content = Json::Place(format!("document:{}", document.id));
            let mut pairs = self.code(&document.kind);
            pairs.push((self.field("content").to_owned(), content));
            Ok(Json::Object(pairs))
        });
        written.collect::<Result<Vec<_>, _>>().map(Json::List)
    }
}

fn words(text: &LocalizedText) -> Json {
    text.first().map_or(Json::Null, |first| Json::Text(first.text.clone()))
}
