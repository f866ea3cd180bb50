//! How each insurer spells the one protocol: the profiles that insurer and hospital have agreed on.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::money;

const PROFILES: [&str; 6] = [
    include_str!("../../../../plugins/direct-billing/data/profiles/bupa.toml"),
    include_str!("../../../../plugins/direct-billing/data/profiles/cigna-cmb.toml"),
    include_str!("../../../../plugins/direct-billing/data/profiles/generali-china.toml"),
    include_str!("../../../../plugins/direct-billing/data/profiles/medilink-global.toml"),
    include_str!("../../../../plugins/direct-billing/data/profiles/msh-china.toml"),
    include_str!("../../../../plugins/direct-billing/data/profiles/shangbaotong.toml"),
];

#[derive(Deserialize)]
struct Profile {
    id: String,
    gateway: Gateway,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Gateway {
    base: String,
    amounts: String,
    times: String,
    signature_header: String,
    fields: BTreeMap<String, String>,
    outcomes: BTreeMap<String, String>,
}

/// The words of an insurer.
pub struct Dialect {
    /// Its name.
    pub id: String,
    /// Before every path.
    pub base: String,
    /// Header of signatures.
    pub signature_header: String,
    in_fen: bool,
    in_millis: bool,
    fields: BTreeMap<String, String>,
    outcomes: BTreeMap<String, String>,
}

/// All of them.
pub fn all() -> Result<Vec<Dialect>> {
    let read = |text: &&str| {
        let Profile { id, gateway } = toml::from_str(text).context("a profile")?;
        Ok(Dialect {
            id,
            base: gateway.base,
            signature_header: gateway.signature_header.to_ascii_lowercase(),
            in_fen: gateway.amounts == "fen",
            in_millis: gateway.times == "millis",
            fields: gateway.fields,
            outcomes: gateway.outcomes,
        })
    };
    PROFILES.iter().map(read).collect()
}

impl Dialect {
    /// Its word for a field; words that a profile does not name are as they are.
    pub fn field<'a>(&'a self, ours: &'a str) -> &'a str {
        self.fields.get(ours).map_or(ours, String::as_str)
    }

    /// Its word for an outcome.
    pub fn outcome<'a>(&'a self, ours: &'a str) -> &'a str {
        self.outcomes.get(ours).map_or(ours, String::as_str)
    }

    pub fn get<'a>(&self, of: &'a Value, field: &str) -> &'a Value {
        &of[self.field(field)]
    }

    pub fn text<'a>(&self, of: &'a Value, field: &str) -> Option<&'a str> {
        self.get(of, field).as_str()
    }

    pub fn list<'a>(&self, of: &'a Value, field: &str) -> &'a [Value] {
        self.get(of, field).as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// An amount, in fen.
    pub fn fen(&self, of: &Value, field: &str) -> Option<i64> {
        let value = self.get(of, field);
        if self.in_fen { value.to_string().parse().ok() } else { money::fen(value) }
    }

    pub fn money(&self, fen: i64) -> Value {
        if self.in_fen { fen.into() } else { money::yuan_text(fen).into() }
    }

    /// A moment, as a second since 1970.
    pub fn time(&self, of: &Value, field: &str) -> Option<i64> {
        let value = self.get(of, field);
        if self.in_millis {
            return Some(value.to_string().parse::<i64>().ok()?.div_euclid(1_000));
        }
        Some(value.as_str()?.parse::<Timestamp>().ok()?.as_second())
    }

    pub fn written(&self, second: i64) -> Value {
        if self.in_millis {
            return second.saturating_mul(1_000).into();
        }
        let at = Timestamp::from_second(second).unwrap_or_default();
        let zoned = at.to_zoned(TimeZone::fixed(jiff::tz::offset(8)));
        zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string().into()
    }

    pub fn object(&self, pairs: Vec<(&str, Value)>) -> Value {
        pairs.into_iter().map(|(ours, value)| (self.field(ours).to_owned(), value)).collect::<Map<_, _>>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for dialect in all().expect("profiles") {
            let pairs = vec![("sent-at", dialect.written(1_790_000_000)), ("amount", dialect.money(-104_005))];
            let object = dialect.object(pairs);
            assert_eq!(dialect.time(&object, "sent-at"), Some(1_790_000_000), "{object}");
            assert_eq!(dialect.fen(&object, "amount"), Some(-104_005), "{object}");
        }
    }
}
