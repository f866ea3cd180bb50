//! Egress of plugins.

use std::{collections::BTreeSet, future::Future, pin::Pin, time};

use serde::{Deserialize, Serialize};
use xinglin_plugin::{KeyKind, Placeholder};

/// The supported methods.
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
    /// The name on the wire.
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

/// A checked request. Its placeholders are granted, and not replaced yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: HttpMethod,
    /// With placeholders, none of them in scheme, host or port.
    pub url: String,
    /// Name of the server as in the URL: a domain in its ASCII form, or an address.
    pub host: String,
    /// Names in lower case; values with placeholders.
    pub headers: Vec<(String, String)>,
    /// With placeholders if it is UTF-8.
    pub body: Option<Vec<u8>>,
    /// Key of kind `sm4` to encrypt the body with.
    pub encrypt_with: Option<String>,
    /// How to sign the bytes as sent.
    pub sign_with: Option<SignWith>,
    /// All placeholders that are granted, used here or not: a response may repeat a value of an
    /// earlier request.
    pub guarded: BTreeSet<Placeholder>,
    /// Timeout of the whole response.
    pub timeout: time::Duration,
    /// Maximum bytes of the body, after placeholders are replaced.
    pub max_request: usize,
    /// Maximum bytes of headers and body of the response.
    pub max_response: usize,
}

/// A signature in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignWith {
    /// The key.
    pub key: String,
    /// Its algorithm, one for signatures.
    pub kind: KeyKind,
    /// Lower-case name of the header.
    pub header: String,
}

/// A response of any status, with placeholders in place of repeated values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Vec<u8>,
}

/// Why there is no response. The texts are for the plugin: they contain neither values of
/// placeholders nor resolved addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpError {
    /// The server is not granted, or its address is blocked.
    Denied(String),
    /// The request is invalid.
    Invalid(String),
    /// No complete response in time.
    Timeout,
    /// Larger than this limit, in bytes.
    TooLarge(u64),
    /// Too many requests at once, or in this call.
    TooMany,
    /// Connection failed or broken.
    Unavailable(String),
    /// Anything else.
    Other(String),
}

/// A pending request.
pub type EgressFuture<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

/// Egress for one call of one plugin: replaces placeholders, encrypts and signs, checks
/// addresses, and removes values from the response.
pub trait Egress: Send + Sync {
    /// Sends a request that the runtime has checked against the grants.
    fn send(&self, request: HttpRequest) -> EgressFuture<'_>;
}
