//! The office and how it is spoken to, from the hospital's settings.

use serde::{Deserialize, Serialize};
use xinglin_sdk::{
    payment::{Bill, Error},
    settings,
    types::{Codings as _, zh_en},
};

use crate::rules;

/// The way of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channel {
    /// 窗口: 2201 to 2208.
    Counter,
    /// 移动支付: 6201 to 6401.
    Online,
}

/// The insurance office of the hospital.
#[derive(Debug, Clone)]
pub struct Office {
    /// Name, possibly with a port.
    pub server: String,
    /// With `{infno}` where the number of the message belongs.
    pub path: String,
    /// How bills are settled.
    pub channel: Channel,
    /// 定点医药机构编号.
    pub institution: String,
    /// Its name.
    pub institution_name: String,
    /// 就医地医保区划.
    pub place: String,
    /// 参保地医保区划.
    pub insured_place: String,
    /// 接收方系统代码.
    pub receiver: String,
    /// 接口版本号.
    pub version: String,
    /// 经办人.
    pub operator: String,
    /// Its name.
    pub operator_name: String,
    /// 签到流水号; may be empty.
    pub sign_in: String,
    /// 医疗类别.
    pub med_type: String,
    /// The office's public key: 65 bytes of SM2. What it does not sign is nobody's answer.
    pub public_key: Vec<u8>,
    /// Whether bodies are sent under the key `sm4`.
    pub encrypts: bool,
    /// Code system of the national codes of items, where the formulary has them.
    pub item_system: String,
    /// What the office says where 2601 finds nothing to undo; empty if it does not refuse that.
    pub nothing_to_undo: String,
    /// Ours and the region's.
    codes: Vec<(String, String)>,
    /// Fields that the region wants in a message, with their values: `2201.dept_code`.
    fields: Vec<(String, String)>,
}

/// What the hospital has to set first.
pub fn unset(keys: &str) -> Error {
    Error::MissingData(zh_en(
        format!("医保接口参数未设置或有误:{keys}。"),
        format!("Settings of the insurance office are missing or wrong: {keys}."),
    ))
}

fn text(key: &str) -> Option<String> {
    settings::text(&format!("office.{key}")).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

impl Office {
    /// From the settings.
    ///
    /// # Errors
    /// `missing-data` names every setting that is missing or wrong.
    pub fn configured() -> Result<Self, Error> {
        let mut wrong = Vec::new();
        let mut needed = |key: &str| {
            text(key).unwrap_or_else(|| {
                wrong.push(format!("office.{key}"));
                String::new()
            })
        };
        let (server, place) = (needed("server"), needed("mdtrtarea-admvs"));
        let (institution, institution_name) = (needed("fixmedins-code"), needed("fixmedins-name"));
        let (operator, operator_name) = (needed("opter"), needed("opter-name"));
        let receiver = needed("recer-sys-code");
        let public_key = needed("public-key");
        let channel = match text("channel").as_deref() {
            None | Some("counter") => Channel::Counter,
            Some("online") => Channel::Online,
            Some(_) => {
                wrong.push("office.channel".to_owned());
                Channel::Counter
            }
        };
        let mut pairs = |key: &str| {
            let pairs = read(&text(key).unwrap_or_default());
            pairs.unwrap_or_else(|| {
                wrong.push(format!("office.{key}"));
                Vec::new()
            })
        };
        let (codes, fields) = (pairs("codes"), pairs("fields"));
        let public_key = bytes(&public_key).unwrap_or_default();
        if public_key.len() != 65 && !wrong.iter().any(|key| key == "office.public-key") {
            wrong.push("office.public-key".to_owned());
        }
        // A message has a number of 30 characters, 12 of which are the institution's.
        if institution.len() > 12 || !institution.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            wrong.push("office.fixmedins-code".to_owned());
        }
        let path = text("path").unwrap_or_else(|| "/nhsa/{infno}".to_owned());
        if !path.starts_with('/') || path.contains("{{") {
            wrong.push("office.path".to_owned());
        }
        if !wrong.is_empty() {
            return Err(unset(&wrong.join(", ")));
        }
        Ok(Self {
            server,
            path,
            channel,
            institution,
            institution_name,
            insured_place: text("insuplc-admdvs").unwrap_or_else(|| place.clone()),
            place,
            receiver,
            version: text("infver").unwrap_or_else(|| "V1.0".to_owned()),
            operator,
            operator_name,
            sign_in: text("sign-no").unwrap_or_default(),
            med_type: text("med-type").unwrap_or_else(|| "11".to_owned()),
            public_key,
            encrypts: settings::boolean("office.encrypts").unwrap_or(false),
            item_system: text("item-system").unwrap_or_default(),
            nothing_to_undo: text("nothing-to-undo").unwrap_or_default(),
            codes,
            fields,
        })
    }

    /// The region's code for one of ours: a message (`2207`), or a running figure (`deductible-used`).
    pub fn code<'a>(&'a self, ours: &'a str) -> &'a str {
        self.codes.iter().find(|(code, _)| code == ours).map_or(ours, |(_, theirs)| theirs)
    }

    /// Fields that the region wants beside those of the national interface.
    pub fn more<'a>(&'a self, infno: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> + 'a {
        let of = move |(field, value): &'a (String, String)| {
            let (number, field) = field.split_once('.')?;
            (number == infno).then_some((field, value.as_str()))
        };
        self.fields.iter().filter_map(of)
    }

    /// The national code of an item and the hospital's; either stands in for the other.
    pub fn item<'a>(&'a self, bill: &'a Bill, index: usize) -> (&'a str, &'a str) {
        let codes = bill.lines.get(index).map(|line| line.code.as_slice()).unwrap_or_default();
        let own = codes.codes_in(rules::SYSTEM).next();
        let national = codes.codes_in(&self.item_system).next();
        let any = codes.first().map_or("", |code| code.code.as_str());
        (national.or(own).unwrap_or(any), own.unwrap_or(any))
    }
}

/// `key=value` between semicolons; `None` if a piece is none.
fn read(text: &str) -> Option<Vec<(String, String)>> {
    let pieces = text.split(';').map(str::trim).filter(|piece| !piece.is_empty());
    let pair = |piece: &str| {
        let (key, value) = piece.split_once('=')?;
        let (key, value) = (key.trim(), value.trim());
        (!key.is_empty() && !value.is_empty()).then(|| (key.to_owned(), value.to_owned()))
    };
    pieces.map(pair).collect()
}

/// Bytes in base64.
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let text = text.trim().trim_end_matches('=');
    let (mut held, mut bits) = (0_u32, 0);
    for letter in text.bytes() {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(six)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_become_bytes_and_pairs_are_pairs() {
        for (letters, plain) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob")] {
            assert_eq!(bytes(letters).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(bytes("Zm9v!"), None);
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read(" 2207=A0003; ;x = y"), Some(vec![pair("2207", "A0003"), pair("x", "y")]));
        for wrong in ["2207", "=x", "2207="] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
