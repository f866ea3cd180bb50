//! A browser: keeps cookies, follows no redirects, and reads forms.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use reqwest::{Method, StatusCode, header, redirect::Policy};

/// One person's browser.
pub struct Browser {
    http: reqwest::Client,
    language: &'static str,
    /// By name.
    cookies: Mutex<BTreeMap<String, String>>,
}

/// An answer to the browser.
pub struct Seen {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub text: String,
}

impl Browser {
    pub fn new(language: &'static str) -> Self {
        let http = super::http().redirect(Policy::none()).build().expect("a client");
        Self { http, language, cookies: Mutex::default() }
    }

    pub async fn open(&self, url: &str) -> Seen {
        self.send(Method::GET, url, None).await
    }

    /// Submits a form.
    pub async fn send_form(&self, url: &str, fields: &[(&str, &str)]) -> Seen {
        self.send(Method::POST, url, Some(encoded(fields))).await
    }

    async fn send(&self, method: Method, url: &str, form: Option<String>) -> Seen {
        let cookies = |map: &BTreeMap<String, String>| {
            map.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
        };
        let jar = cookies(&self.cookies.lock().unwrap_or_else(PoisonError::into_inner));
        let mut request = self.http.request(method, url).header("accept-language", self.language);
        if !jar.is_empty() {
            request = request.header(header::COOKIE, jar);
        }
        if let Some(form) = form {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        }
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        for set in headers.get_all(header::SET_COOKIE) {
            let pair = set.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a name and a value");
            let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            cookies.insert(name.to_owned(), value.to_owned());
        }
        Seen { status, headers, text: response.text().await.expect("a whole answer") }
    }
}

impl Seen {
    /// Target of the redirect.
    pub fn location(&self) -> &str {
        let location = self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        location.unwrap_or_else(|| panic!("no way on: {} {}", self.status, self.text))
    }

    /// A query parameter of the redirect.
    pub fn answer(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(self.location()).expect("a URL");
        url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// Values of the form fields with this name.
    pub fn fields(&self, name: &str) -> Vec<String> {
        let marked = format!("name=\"{name}\" value=\"");
        let values = self.text.split(&marked).skip(1).filter_map(|rest| rest.split('"').next());
        values.map(|value| value.replace("&#38;", "&")).collect()
    }

    /// The only field with this name.
    pub fn field(&self, name: &str) -> String {
        self.fields(name).pop().unwrap_or_else(|| panic!("no field {name}: {} {}", self.status, self.text))
    }
}

/// Form encoding, also for the query of a URL.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
