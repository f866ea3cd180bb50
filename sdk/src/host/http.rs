//! Requests to external servers. Request the capability with `[capabilities.http]` and the
//! required `hosts`; the tenant may grant fewer.
//!
//! ```ignore
//! let claim = http::post("https://gateway.example.com/v1/claims")
//!     .header("authorization", "Bearer {{secret:token}}")
//!     .json(r#"{"insured":"{{patient:insurance-number}}"}"#)
//!     .sign_with("gateway", "x-signature")
//!     .send()?;
//! if !claim.is_success() { … }
//! ```
//!
//! `{{secret:<key>}}` and `{{patient:<field>}}` are replaced by the host before sending; see
//! [`secrets`](crate::secrets) and [`identity`](crate::identity). A request counts towards the
//! deadline of the call.

use std::time::Duration;

pub use crate::bindings::xinglin::host::http::{Error, Method, Protection, Request, Response};

/// A GET request.
pub fn get(url: impl Into<String>) -> Builder {
    request(Method::Get, url)
}

/// A POST request.
pub fn post(url: impl Into<String>) -> Builder {
    request(Method::Post, url)
}

/// A PUT request.
pub fn put(url: impl Into<String>) -> Builder {
    request(Method::Put, url)
}

/// A request of any method.
pub fn request(method: Method, url: impl Into<String>) -> Builder {
    Builder {
        request: Request {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: None,
            protection: None,
            timeout_millis: None,
        },
    }
}

/// Builder of a request.
#[derive(Debug, Clone)]
#[must_use = "nothing goes out before `send`"]
pub struct Builder {
    request: Request,
}

impl Builder {
    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body, with this `content-type`.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.request.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// Sets a body that is already JSON. The host escapes the values that it inserts for
    /// placeholders.
    pub fn json(self, body: impl Into<String>) -> Self {
        self.body("application/json", body.into())
    }

    /// Encrypts the body with a key of kind `sm4`, as described in the contract.
    pub fn encrypt_with(mut self, key: impl Into<String>) -> Self {
        self.protection().encrypt_with = Some(key.into());
        self
    }

    /// Adds a signature over the bytes as sent, in this header.
    pub fn sign_with(mut self, key: impl Into<String>, header: impl Into<String>) -> Self {
        let protection = self.protection();
        protection.sign_with = Some(key.into());
        protection.signature_header = header.into();
        self
    }

    /// Timeout of the whole response.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.request.timeout_millis = Some(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        self
    }

    /// Sends the request. A response of any status is `Ok`.
    ///
    /// # Errors
    /// If there is no response. After [`Error::Unavailable`] and [`Error::Timeout`] it is unknown
    /// whether the server has processed the request.
    pub fn send(self) -> Result<Response, Error> {
        #[cfg(target_family = "wasm")]
        return crate::bindings::xinglin::host::http::send(&self.request);
        #[cfg(not(target_family = "wasm"))]
        crate::testing::with("http", |call| call.send(self.request))
    }

    fn protection(&mut self) -> &mut Protection {
        let none = || Protection { encrypt_with: None, sign_with: None, signature_header: String::new() };
        self.request.protection.get_or_insert_with(none)
    }
}

impl Response {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok()
    }
}
