//! Requests to servers outside. Ask for it with `[capabilities.http]` and the
//! `hosts` that you must reach; the tenant may grant fewer.
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
//! `{{secret:<key>}}` and `{{patient:<field>}}` are replaced by the host on the
//! way out; see [`secrets`](crate::secrets) and [`identity`](crate::identity). A
//! request counts against the deadline of the call.

use std::time::Duration;

pub use crate::bindings::xinglin::host::http::{Error, Method, Protection, Request, Response};

/// A request that reads.
pub fn get(url: impl Into<String>) -> Builder {
    request(Method::Get, url)
}

/// A request that sends something new.
pub fn post(url: impl Into<String>) -> Builder {
    request(Method::Post, url)
}

/// A request that sends what is to be there.
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

/// A request that is being written.
#[derive(Debug, Clone)]
#[must_use = "nothing goes out before `send`"]
pub struct Builder {
    request: Request,
}

impl Builder {
    /// With one more header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.headers.push((name.into(), value.into()));
        self
    }

    /// With a body of this `content-type`.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.request.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// With a body that is JSON already. The host escapes what it puts in the
    /// place of placeholders.
    pub fn json(self, body: impl Into<String>) -> Self {
        self.body("application/json", body.into())
    }

    /// With the body encrypted under a key of the kind `sm4`, as the contract says.
    pub fn encrypt_with(mut self, key: impl Into<String>) -> Self {
        self.protection().encrypt_with = Some(key.into());
        self
    }

    /// With a signature over the bytes as sent, in this header.
    pub fn sign_with(mut self, key: impl Into<String>, header: impl Into<String>) -> Self {
        let protection = self.protection();
        protection.sign_with = Some(key.into());
        protection.signature_header = header.into();
        self
    }

    /// In which time a whole answer must be there.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.request.timeout_millis = Some(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        self
    }

    /// Sends it. Any status is an answer.
    ///
    /// # Errors
    /// If there is no answer. After [`Error::Unavailable`] and [`Error::Timeout`]
    /// it is not known whether the other side has acted.
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
