//! Simulated egress, as strict about requests as the host. Nothing is sent, and the keys are
//! artificial: signatures are valid for these functions only.

use super::manifest::Reach;
use crate::{http, identity, signing};

/// The name in manifests and placeholders.
pub(super) const fn field_name(field: identity::Field) -> &'static str {
    match field {
        identity::Field::FullName => "name",
        identity::Field::IdNumber => "id-number",
        identity::Field::Phone => "phone",
        identity::Field::BirthDate => "birth-date",
        identity::Field::InsuranceNumber => "insurance-number",
    }
}

fn invalid<T>(reason: String) -> Result<T, http::Error> {
    Err(http::Error::Invalid(reason))
}

/// Refuses what the host would refuse.
pub(super) fn check(
    request: &http::Request,
    reach: &Reach,
    setting: impl Fn(&str) -> Option<String>,
    secrets: &[String],
    known: &[identity::Field],
    documents: &[String],
) -> Result<(), http::Error> {
    let (tls, rest) = match (request.url.strip_prefix("https://"), request.url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return invalid("a URL begins with https:// or http://".to_owned()),
    };
    let server = rest.split(['/', '?']).next().unwrap_or_default().to_ascii_lowercase();
    let usual = if tls { ":443" } else { ":80" };
    let server = server.strip_suffix(usual).unwrap_or(&server);
    let hosts: &[String] = if tls { &reach.hosts } else { &[] };
    let matches = |pattern: &String| {
        let whole = match pattern.strip_prefix("{{setting:").and_then(|rest| rest.strip_suffix("}}")) {
            Some(key) => setting(key).unwrap_or_default(),
            None => pattern.clone(),
        };
        let whole = whole.to_ascii_lowercase();
        match whole.strip_prefix('*') {
            Some(below) => server.strip_suffix(below).is_some_and(|label| !label.is_empty()),
            None => server == whole.strip_suffix(usual).unwrap_or(&whole),
        }
    };
    if !hosts.iter().chain(&reach.plaintext_hosts).any(matches) {
        return Err(http::Error::Denied(format!("`{server}` is not among the servers that plugin.toml asks for")));
    }
    if request.body.is_some() && matches!(request.method, http::Method::Get | http::Method::Head) {
        return invalid("GET and HEAD have no body".to_owned());
    }
    let body = request.body.as_deref().and_then(|body| std::str::from_utf8(body).ok());
    let values = request.headers.iter().map(|(_, value)| value.as_str());
    for text in [request.url.as_str()].into_iter().chain(values).chain(body) {
        placeholders(text, reach, secrets, known, documents)?;
    }
    if let Some(protection) = &request.protection {
        let kind = |key: &str| reach.keys.get(key).map(String::as_str);
        if let Some(key) = &protection.encrypt_with
            && (kind(key) != Some("sm4") || request.body.is_none())
        {
            return invalid(format!("`{key}` must be a key of the kind `sm4`, and there must be a body"));
        }
        if let Some(key) = &protection.sign_with
            && (!matches!(kind(key), Some("ed25519" | "sm2")) || protection.signature_header.is_empty())
        {
            return invalid(format!("`{key}` must be a key that signs, and there must be a header for it"));
        }
    }
    Ok(())
}

fn placeholders(
    text: &str,
    reach: &Reach,
    secrets: &[String],
    known: &[identity::Field],
    documents: &[String],
) -> Result<(), http::Error> {
    for rest in text.split("{{").skip(1) {
        let kind = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap_or_default();
        let Some(name) = rest.strip_prefix(kind).and_then(|rest| rest.strip_prefix(':')).filter(|_| !kind.is_empty())
        else {
            continue;
        };
        let Some((name, _)) = name.split_once("}}") else {
            return invalid(format!("`{{{{{kind}:` is not closed by `}}}}`"));
        };
        match kind {
            "secret" if !reach.secrets.iter().any(|key| key == name) => {
                return invalid(format!("plugin.toml asks for no secret `{name}`"));
            }
            "secret" if !secrets.iter().any(|key| key == name) => {
                return invalid(format!("the tenant has set no secret `{name}`: give it with `Host::secret`"));
            }
            "patient" if !reach.identity.iter().any(|field| field_name(*field) == name) => {
                return invalid(format!("plugin.toml asks for no identity field `{name}`"));
            }
            "patient" if !known.iter().any(|field| field_name(*field) == name) => {
                return invalid(format!("`{name}` is not known of the patient: give it with `Host::known`"));
            }
            "document" if !documents.iter().any(|id| id == name) => {
                return invalid(format!("there is no document `{name}`: give it with `Host::document`"));
            }
            "secret" | "patient" | "document" => {}
            _ => return invalid(format!("there is no placeholder `{{{{{kind}:…}}}}`")),
        }
    }
    Ok(())
}

fn algorithm(kind: &str) -> Option<signing::Algorithm> {
    match kind {
        "ed25519" => Some(signing::Algorithm::Ed25519),
        "sm2" => Some(signing::Algorithm::Sm2),
        _ => None,
    }
}

/// Of the length of a real key, and constant for the same key.
fn public(key: &str, algorithm: signing::Algorithm) -> Vec<u8> {
    let length = match algorithm {
        signing::Algorithm::Ed25519 => 32,
        signing::Algorithm::Sm2 => 65,
    };
    scramble(key.as_bytes(), length)
}

pub(super) fn public_keys(reach: &Reach) -> Vec<signing::PublicKey> {
    let signs = reach.keys.iter().filter_map(|(key, kind)| Some((key, algorithm(kind)?)));
    signs
        .map(|(key, algorithm)| signing::PublicKey { key: key.clone(), algorithm, bytes: public(key, algorithm) })
        .collect()
}

pub(super) fn sign(reach: &Reach, key: &str, message: &[u8]) -> Result<Vec<u8>, signing::Error> {
    let algorithm = reach.keys.get(key).and_then(|kind| algorithm(kind)).ok_or(signing::Error::UnknownKey)?;
    if message.len() > 64 * 1024 {
        return Err(signing::Error::TooLarge);
    }
    Ok(signature(&public(key, algorithm), message))
}

pub(super) fn verify(algorithm: signing::Algorithm, public: &[u8], message: &[u8], given: &[u8]) -> bool {
    let length = match algorithm {
        signing::Algorithm::Ed25519 => 32,
        signing::Algorithm::Sm2 => 65,
    };
    public.len() == length && given == signature(public, message)
}

fn signature(public: &[u8], message: &[u8]) -> Vec<u8> {
    scramble(&[public, message].concat(), 64)
}

/// FNV-1a, extended to `length`. Not cryptographic.
fn scramble(bytes: &[u8], length: usize) -> Vec<u8> {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let seed = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| step(hash, *byte));
    let drawn = (0..=u8::MAX).scan(seed, |hash, byte| {
        *hash = step(*hash, byte);
        Some((*hash >> 32) as u8)
    });
    drawn.take(length).collect()
}
