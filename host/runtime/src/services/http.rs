//! The way out.

use std::{collections::BTreeSet, future::Future, pin::Pin, time};

use serde::{Deserialize, Serialize};
use xinglin_plugin::{KeyKind, Placeholder};

/// The methods there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum HttpMethod {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
}

impl HttpMethod {
    /// As it goes over the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
        }
    }
}

/// A request that may be sent. Its placeholders are granted, and still in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// What is asked.
    pub method: HttpMethod,
    /// With placeholders, none of them in scheme, host or port.
    pub url: String,
    /// Name of the server as in the URL: a domain in its ASCII form, or an address.
    pub host: String,
    /// Names in lower case; values with placeholders.
    pub headers: Vec<(String, String)>,
    /// With placeholders if it is UTF-8.
    pub body: Option<Vec<u8>>,
    /// Key of the kind `sm4` to encrypt the body under.
    pub encrypt_with: Option<String>,
    /// How to sign the bytes as sent.
    pub sign_with: Option<SignWith>,
    /// Everything that is granted to stand behind placeholders, used here or not:
    /// what one request told a server, the next may be told back.
    pub guarded: BTreeSet<Placeholder>,
    /// In which time a whole answer must be there.
    pub timeout: time::Duration,
    /// Bytes that the body may have, placeholders replaced.
    pub max_request: usize,
    /// Bytes that headers and body of the answer may have.
    pub max_response: usize,
}

/// A signature in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignWith {
    /// Which key.
    pub key: String,
    /// Its kind, which signs.
    pub kind: KeyKind,
    /// Lower-case name of the header.
    pub header: String,
}

/// An answer, whatever its status, with placeholders where it repeats a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// Of HTTP.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Vec<u8>,
}

/// Why there is no answer. Texts are for the plugin: they hold no value that
/// stands behind a placeholder, and no address that a name led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpError {
    /// The server is not granted, or its address not open.
    Denied(String),
    /// The request means nothing.
    Invalid(String),
    /// No whole answer in time.
    Timeout,
    /// More bytes than this.
    TooLarge(u64),
    /// Too many at once, or in this call.
    TooMany,
    /// No connection, or it broke.
    Unavailable(String),
    /// Anything else.
    Other(String),
}

/// A request that is under way.
pub type EgressFuture<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

/// The way out, for one call of one plugin: replaces placeholders, protects the
/// body, minds addresses, and keeps the values out of the answer.
pub trait Egress: Send + Sync {
    /// Sends a request that the runtime has found to be granted.
    fn send(&self, request: HttpRequest) -> EgressFuture<'_>;
}
