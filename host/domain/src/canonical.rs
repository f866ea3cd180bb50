//! Canonical JSON, so that hashes are stable over time and languages: sorted keys, no white
//! space, whole numbers only (the integer subset of RFC 8785), hashed with SHA-256.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// A SHA-256 hash, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest([u8; 32]);

/// The text is not 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a SHA-256 digest in lower-case hex")]
pub struct InvalidDigest;

/// The value has no canonical form.
#[derive(Debug, Error)]
pub enum CanonicalError {
    /// Not serialisable as JSON.
    #[error("not representable as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Fractions have no canonical form across languages; use text.
    #[error("`{0}` is not a whole number of at most 64 bits")]
    Fraction(String),
}

impl Digest {
    /// The hash of bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hash of a value's canonical form.
    ///
    /// # Errors
    /// If the value is not JSON or holds a number that is not whole.
    pub fn of(value: &impl Serialize) -> Result<Self, CanonicalError> {
        Ok(Self::of_bytes(canonical_json(value)?.as_bytes()))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(InvalidDigest);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidDigest)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// The canonical form of a value.
///
/// # Errors
/// If the value is not JSON or holds a number that is not whole.
pub fn canonical_json(value: &impl Serialize) -> Result<String, CanonicalError> {
    let mut out = String::new();
    write(&serde_json::to_value(value)?, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            if !(number.is_i64() || number.is_u64()) {
                return Err(CanonicalError::Fraction(number.to_string()));
            }
            out.push_str(&number.to_string());
        }
        Value::String(text) => out.push_str(&serde_json::to_string(text)?),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(fields) => {
            // Sorted here, independent of the features of serde_json.
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (i, (key, item)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::to_string(key)?);
                out.push(':');
                write(item, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_and_space_do_not_matter() {
        let one: Value = serde_json::from_str(r#"{"b":[1, {"y":null,"x":"杏"}], "a":true}"#).expect("json");
        let two: Value = serde_json::from_str(r#"{"a":true,"b":[1,{"x":"杏","y":null}]}"#).expect("json");
        assert_eq!(canonical_json(&one).expect("canonical"), r#"{"a":true,"b":[1,{"x":"杏","y":null}]}"#);
        assert_eq!(Digest::of(&one).expect("digest"), Digest::of(&two).expect("digest"));
    }

    #[test]
    fn known_answer() {
        let digest = Digest::of(&json!({})).expect("digest");
        assert_eq!(digest.to_string(), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!(digest.to_string().to_uppercase().parse::<Digest>().is_err());
    }

    #[test]
    fn fractions_are_refused() {
        assert!(matches!(Digest::of(&json!([1.5])), Err(CanonicalError::Fraction(_))));
    }
}
