//! An `http.request` as the canonical ABI lays it out in memory, so that guests
//! made from text can send one.

/// A request of a guest.
#[derive(Clone, Default)]
pub struct Wire {
    /// Place in the enum: get, post, put, patch, delete, head.
    pub method: u8,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
    /// Encrypt with, sign with, signature header.
    pub protection: Option<(Option<String>, Option<String>, String)>,
    pub timeout_millis: Option<u32>,
}

impl Wire {
    pub fn get(url: &str) -> Self {
        Self { url: url.to_owned(), ..Self::default() }
    }

    pub fn post(url: &str, kind: &str, body: &str) -> Self {
        Self { method: 1, body: Some(body.into()), ..Self::get(url) }.header("content-type", kind)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn protect(mut self, encrypt: Option<&str>, sign: Option<&str>, header: &str) -> Self {
        self.protection = Some((encrypt.map(str::to_owned), sign.map(str::to_owned), header.to_owned()));
        self
    }

    pub fn timeout(mut self, millis: u32) -> Self {
        self.timeout_millis = Some(millis);
        self
    }

    /// A data segment that puts the request at this address.
    pub fn data(&self, address: u32) -> String {
        let bytes: String = self.image(address).iter().map(|byte| format!("\\{byte:02x}")).collect();
        format!("(data (i32.const {address}) \"{bytes}\")")
    }

    fn image(&self, address: u32) -> Vec<u8> {
        // The record, then what it points to.
        let mut image = Image { address, bytes: vec![0; 76] };
        image.bytes[0] = self.method;
        image.list(4, self.url.as_bytes());
        let headers = image.bytes.len();
        image.bytes.resize(headers + 16 * self.headers.len(), 0);
        image.point(12, headers, self.headers.len());
        for (at, (name, value)) in self.headers.iter().enumerate() {
            image.list(headers + 16 * at, name.as_bytes());
            image.list(headers + 16 * at + 8, value.as_bytes());
        }
        image.option(20, self.body.as_deref());
        if let Some((encrypt, sign, header)) = &self.protection {
            image.bytes[32] = 1;
            image.option(36, encrypt.as_ref().map(String::as_bytes));
            image.option(48, sign.as_ref().map(String::as_bytes));
            image.list(60, header.as_bytes());
        }
        if let Some(millis) = self.timeout_millis {
            image.bytes[68] = 1;
            image.bytes[72..76].copy_from_slice(&millis.to_le_bytes());
        }
        image.bytes
    }
}

struct Image {
    address: u32,
    bytes: Vec<u8>,
}

impl Image {
    /// Pointer and length at `at`, of what begins at `start`.
    fn point(&mut self, at: usize, start: usize, length: usize) {
        let pointer = self.address + u32::try_from(start).expect("small");
        self.bytes[at..at + 4].copy_from_slice(&pointer.to_le_bytes());
        self.bytes[at + 4..at + 8].copy_from_slice(&u32::try_from(length).expect("small").to_le_bytes());
    }

    fn list(&mut self, at: usize, content: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(content);
        // What comes next is aligned.
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.point(at, start, content.len());
    }

    fn option(&mut self, at: usize, content: Option<&[u8]>) {
        if let Some(content) = content {
            self.bytes[at] = 1;
            self.list(at + 4, content);
        }
    }
}

/// The core import.
pub const SEND: &str = r#"(import "xinglin:host/http@1.1.0" "send" (func $send (param i32 i32)))"#;

/// Where a guest has its request.
pub const REQUEST: u32 = 8192;

/// Sends the request; the answer is at 2048, and the names of its errors, each
/// of 16 bytes, at 3072.
pub const SENT: &str = "(call $send (i32.const 8192) (i32.const 2048))";

/// Names of errors, in the order of the contract.
pub const ERRORS: [&str; 7] = ["denied", "invalid", "timeout", "too-large", "too-many", "unavailable", "other"];

/// The data segment of the names.
pub fn errors() -> String {
    let names: String = ERRORS.iter().map(|name| format!("{name:16}")).collect();
    format!("(data (i32.const 3072) \"{names}\")")
}

/// What the guest got: the body, or the name of the error.
pub const POINTER: &str = "(if (result i32) (i32.load8_u (i32.const 2048))
    (then (i32.add (i32.const 3072) (i32.mul (i32.load8_u (i32.const 2056)) (i32.const 16))))
    (else (i32.load (i32.const 2068))))";
pub const LENGTH: &str = "(if (result i32) (i32.load8_u (i32.const 2048))
    (then (i32.const 16))
    (else (i32.load (i32.const 2072))))";
