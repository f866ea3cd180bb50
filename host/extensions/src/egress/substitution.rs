//! Values in the place of placeholders on the way out, and placeholders in the
//! place of values on the way back.

use std::collections::{BTreeMap, BTreeSet};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use xinglin_runtime::{HttpError, Piece, Placeholder, pieces};

/// What stands behind placeholders. Never printed.
#[derive(Default)]
pub struct Values(pub BTreeMap<Placeholder, String>);

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a text is part of, and so how a value is written in it: a patient's name
/// must not become markup, nor a second field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// After the host of a URL.
    Url,
    /// The value of a header.
    Header,
    /// `application/json`, `…+json`.
    Json,
    /// `application/xml`, `text/xml`, `…+xml`.
    Xml,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// Any other body.
    Plain,
}

impl Notation {
    /// Of a body of this `content-type`.
    pub fn of_body(content_type: Option<&str>) -> Self {
        // By its head alone: what is malformed behind it is read as JSON all the same.
        let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/json" | "text/json" => Self::Json,
            "application/xml" | "text/xml" => Self::Xml,
            "application/x-www-form-urlencoded" => Self::Form,
            kind if kind.ends_with("+json") => Self::Json,
            kind if kind.ends_with("+xml") => Self::Xml,
            _ => Self::Plain,
        }
    }

    fn write(self, value: &str) -> Result<String, &'static str> {
        Ok(match self {
            Self::Url => percent(value),
            Self::Header if value.contains(char::is_control) => {
                return Err("a value with control characters does not go into a header");
            }
            Self::Header | Self::Plain => value.to_owned(),
            Self::Json => json(value),
            Self::Xml => xml(value),
            Self::Form => url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        })
    }
}

impl Values {
    /// A text with its placeholders replaced.
    ///
    /// # Errors
    /// `Invalid` if one has no value, or one that does not fit.
    pub fn fill(&self, text: &str, notation: Notation) -> Result<String, HttpError> {
        let mut filled = String::with_capacity(text.len());
        for piece in pieces(text).map_err(HttpError::Invalid)? {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Place(place) => {
                    let value = self.0.get(&place);
                    let value = value.ok_or_else(|| HttpError::Invalid(format!("{place} has no value")))?;
                    let written = notation.write(value);
                    filled.push_str(&written.map_err(|why| HttpError::Invalid(format!("{place}: {why}")))?);
                }
            }
        }
        Ok(filled)
    }

    /// What an answer must not repeat.
    pub fn echoes(&self) -> Echoes {
        let mut spellings: Vec<(Vec<u8>, String)> = Vec::new();
        for (place, value) in self.0.iter().filter(|(_, value)| value.len() >= SHORTEST) {
            let form: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            let sent = BTreeSet::from([value.clone(), percent(value), form, json(value), xml(value)]);
            spellings.extend(sent.iter().flat_map(|text| spelled(text)).map(|spelling| (spelling, place.to_string())));
        }
        // The longest first: a value that is part of another does not cut it.
        spellings.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        spellings.dedup_by(|(a, _), (b, _)| a == b);
        let mut by_first = vec![Vec::new(); 256];
        for (at, first) in spellings.iter().enumerate().filter_map(|(at, (text, _))| Some((at, *text.first()?))) {
            for case in BTreeSet::from([first.to_ascii_lowercase(), first.to_ascii_uppercase()]) {
                by_first[usize::from(case)].push(at);
            }
        }
        Echoes { spellings, by_first }
    }
}

/// Bytes that a value must have to be looked for: shorter ones are everywhere.
pub const SHORTEST: usize = 4;

/// Values as an answer may spell them: as they are, as they were sent, and either
/// of it percent-encoded, in JSON, in XML, in hexadecimal; in base64, also within
/// a longer text (`user:secret`). Case is of no account. This is against servers
/// that repeat what they got; one that conspires with a plugin is kept away by not
/// granting it.
pub struct Echoes {
    spellings: Vec<(Vec<u8>, String)>,
    /// Places in `spellings`, by the first byte.
    by_first: Vec<Vec<usize>>,
}

impl Echoes {
    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.spellings.is_empty()
    }

    /// The bytes with each value put back to its placeholder.
    pub fn remove(&self, bytes: &[u8]) -> Vec<u8> {
        let mut clean = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some((first, tail)) = rest.split_first() {
            let candidates = self.by_first.get(usize::from(*first)).into_iter().flatten();
            let found = candidates.filter_map(|at| self.spellings.get(*at)).find(|(spelling, _)| {
                rest.get(..spelling.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(spelling))
            });
            match found {
                Some((spelling, place)) => {
                    clean.extend_from_slice(place.as_bytes());
                    rest = rest.get(spelling.len()..).unwrap_or_default();
                }
                None => {
                    clean.push(*first);
                    rest = tail;
                }
            }
        }
        clean
    }
}

fn spelled(value: &str) -> Vec<Vec<u8>> {
    let json = json(value);
    let ascii = json_ascii(&json);
    let every: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let form: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let numeric = |radix: fn(u32) -> String| -> String {
        value.chars().map(|c| if c.is_ascii() { c.to_string() } else { radix(c.into()) }).collect()
    };
    let texts = [
        value.to_owned(),
        percent(value),
        every,
        form,
        json.replace('/', "\\/"),
        ascii.replace('/', "\\/"),
        json,
        ascii,
        xml(value),
        numeric(|c| format!("&#{c};")),
        numeric(|c| format!("&#x{c:X};")),
        hex::encode(value),
    ];
    let mut spellings: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
    for before in 0..3_usize {
        // Of the characters, those that depend on the value alone.
        let (first, whole) = ([0, 2, 3][before], (before + value.len()) * 8 / 6);
        let padded = [vec![0; before], value.as_bytes().to_vec()].concat();
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            spellings.extend(encoded.get(first..whole).filter(|core| core.len() >= SHORTEST).map(|core| core.into()));
        }
    }
    spellings
}

/// All but unreserved characters. RFC 3986, 2.3.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn percent(value: &str) -> String {
    utf8_percent_encode(value, &RESERVED).to_string()
}

/// As within the quotes of a JSON string.
fn json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// With `\uXXXX` for what is not ASCII.
fn json_ascii(json: &str) -> String {
    let mut text = String::new();
    for c in json.chars() {
        match c.is_ascii() {
            true => text.push(c),
            false => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    text
}

fn xml(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use xinglin_runtime::IdentityField;

    use super::*;

    fn values(secret: &str) -> Values {
        Values(BTreeMap::from([
            (Placeholder::Secret("token".into()), secret.to_owned()),
            (Placeholder::Patient(IdentityField::Name), "李明<a>&\"".to_owned()),
        ]))
    }

    #[test]
    fn a_value_stays_within_its_place() {
        let values = values("a b/../?#&\r\n\"\\");
        let fill = |notation| values.fill("<{{secret:token}}>", notation);
        assert_eq!(fill(Notation::Url).unwrap(), "<a%20b%2F..%2F%3F%23%26%0D%0A%22%5C>");
        assert_eq!(fill(Notation::Json).unwrap(), r#"<a b/../?#&\r\n\"\\>"#);
        assert_eq!(fill(Notation::Form).unwrap(), "<a+b%2F..%2F%3F%23%26%0D%0A%22%5C>");
        assert_eq!(fill(Notation::Plain).unwrap(), "<a b/../?#&\r\n\"\\>");
        assert!(matches!(fill(Notation::Header), Err(HttpError::Invalid(why)) if !why.contains("a b")));
        let name = values.fill("<n>{{patient:name}}</n>", Notation::Xml).unwrap();
        assert_eq!(name, "<n>李明&lt;a&gt;&amp;&quot;</n>");
        assert!(matches!(values.fill("{{secret:other}}", Notation::Plain), Err(HttpError::Invalid(_))));
    }

    #[test]
    fn the_notation_follows_the_content_type() {
        for (kind, notation) in [
            (Some("application/json; charset=utf-8"), Notation::Json),
            (Some("Application/FHIR+JSON"), Notation::Json),
            (Some("text/xml"), Notation::Xml),
            (Some("application/soap+xml"), Notation::Xml),
            (Some("application/x-www-form-urlencoded"), Notation::Form),
            (Some("text/plain"), Notation::Plain),
            (None, Notation::Plain),
        ] {
            assert_eq!(Notation::of_body(kind), notation, "{kind:?}");
        }
    }

    #[test]
    fn every_spelling_goes_back_to_its_placeholder() {
        let (secret, values) = ("tök/en+42=", values("tök/en+42="));
        let echoes = values.echoes();
        for spelled in [
            secret.to_owned(),
            secret.to_ascii_uppercase(),
            "t%C3%B6k%2Fen%2B42%3D".into(),
            "t%c3%b6k%2fen%2b42%3d".into(),
            "t\\u00f6k\\/en+42=".into(),
            "t\\u00F6k/en+42=".into(),
            "t&#246;k/en+42=".into(),
            // As it was sent, repeated in something else.
            hex::encode("t%C3%B6k%2Fen%2B42%3D"),
            "t%25C3%25B6k%252Fen%252B42%253D".into(),
            hex::encode(secret),
            hex::encode_upper(secret),
        ] {
            let clean = String::from_utf8(echoes.remove(format!("[{spelled}]").as_bytes())).unwrap();
            assert_eq!(clean, "[{{secret:token}}]", "{spelled}");
        }
        // Wherever it stands in what was encoded.
        for before in ["", "a", "ab", "user:"] {
            for encoded in
                [STANDARD.encode(format!("{before}{secret}!")), URL_SAFE.encode(format!("{before}{secret}!"))]
            {
                let clean = String::from_utf8(echoes.remove(encoded.as_bytes())).unwrap();
                assert!(clean.contains("{{secret:token}}"), "{before}: {clean}");
            }
        }
        let answer = r#"{"echo":"李明<a>&\"","unrelated":"李"}"#.as_bytes();
        let clean = String::from_utf8(echoes.remove(answer)).unwrap();
        assert_eq!(clean, r#"{"echo":"{{patient:name}}","unrelated":"李"}"#);
        assert!(!format!("{values:?}").contains("tök"));
    }

    #[test]
    fn short_values_are_not_looked_for() {
        assert!(Values(BTreeMap::from([(Placeholder::Secret("pin".into()), "123".to_owned())])).echoes().is_empty());
    }
}
