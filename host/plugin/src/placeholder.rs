//! Placeholders of secrets and identity fields in `http.request`.
//!
//! `{{`, a lower-case word and `:` begin a placeholder, which must be a known one, so that a
//! misspelt placeholder is not sent as text. Any other `{{` is text.

use xinglin_domain::identity::IdentityField;

use crate::name::is_name;

/// A value that the host inserts into a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placeholder {
    /// `{{secret:<key>}}`
    Secret(String),
    /// `{{patient:<field>}}`
    Patient(IdentityField),
}

impl std::fmt::Display for Placeholder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secret(key) => write!(f, "{{{{secret:{key}}}}}"),
            Self::Patient(field) => write!(f, "{{{{patient:{field}}}}}"),
        }
    }
}

/// A piece of a text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Literal text.
    Text(&'a str),
    /// A placeholder.
    Place(Placeholder),
}

/// Splits a text into its pieces, in order. Their concatenation is the text.
///
/// # Errors
/// Which placeholder is invalid, and why.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let (mut pieces, mut plain, mut from) = (Vec::new(), 0, 0);
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("{{")).map(|found| from + found) {
        let inner = text.get(at + 2..).unwrap_or_default();
        let word = inner.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(inner.len());
        let Some((kind, rest)) =
            inner.split_at_checked(word).filter(|(kind, rest)| !kind.is_empty() && rest.starts_with(':'))
        else {
            from = at + 1;
            continue;
        };
        let Some((name, _)) = rest[1..].split_once("}}") else {
            return Err(format!("`{{{{{kind}:` is not closed by `}}}}`"));
        };
        let place = match kind {
            "secret" if name.len() <= 64 && name.split('.').all(is_name) => Placeholder::Secret(name.to_owned()),
            "secret" => return Err("keys of secrets are dotted and lower case".to_owned()),
            "patient" => match IdentityField::ALL.into_iter().find(|field| field.name() == name) {
                Some(field) => Placeholder::Patient(field),
                None => {
                    let known = IdentityField::ALL.map(IdentityField::name).join(", ");
                    return Err(format!("a patient has no such field; there are {known}"));
                }
            },
            _ => return Err(format!("there is no placeholder `{{{{{kind}:…}}}}`; there are `secret` and `patient`")),
        };
        if plain < at {
            pieces.push(Piece::Text(&text[plain..at]));
        }
        pieces.push(Piece::Place(place));
        plain = at + 2 + kind.len() + 1 + name.len() + 2;
        from = plain;
    }
    if plain < text.len() {
        pieces.push(Piece::Text(&text[plain..]));
    }
    Ok(pieces)
}
