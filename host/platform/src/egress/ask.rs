use reqwest::{
    Method,
    header::{HeaderName, HeaderValue},
};
use tokio::time::timeout;
use url::Url;

use super::{Egress, FETCH_TIME, NoAnswer, literal};
use crate::boxed;

/// A request of the host itself whose whole answer counts.
#[derive(Debug, Clone)]
pub struct Ask {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Where to.
    pub url: String,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The largest answer, in bytes.
    pub most: usize,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers whose values are text, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header; empty if absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl Egress {
    /// Sends a request of the host itself, under the rule of [`fetch`](Self::fetch): over TLS only, unless the
    /// URL has a literal address that the operator opened.
    ///
    /// # Errors
    /// Why there is no answer; [`NoAnswer::Denied`] if it was not sent. No text contains what was sent.
    #[boxed]
    pub async fn ask(&self, ask: Ask) -> Result<Answer, NoAnswer> {
        let denied = |why: &str| NoAnswer::Denied(why.to_owned());
        let url = Url::parse(&ask.url).map_err(|_| denied("not a URL"))?;
        let method = Method::from_bytes(ask.method.as_bytes()).map_err(|_| denied("not a method"))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if url.scheme() != "https" && literal(&url).is_none() {
            return Err(NoAnswer::Denied(format!("`{host}` is asked over TLS only")));
        }
        let mut request = self.request(method, url)?;
        for (name, value) in ask.headers {
            let name = HeaderName::from_static(name);
            request = request.header(name, HeaderValue::from_str(&value).map_err(|_| denied("not a header"))?);
        }
        let request = request.body(ask.body);
        let exchange = async {
            let mut response = request.send().await.map_err(|error| NoAnswer::of(&error, &host))?;
            let mut body = Vec::new();
            while let Some(piece) = response.chunk().await.map_err(|error| NoAnswer::of(&error, &host))? {
                if body.len() + piece.len() > ask.most {
                    return Err(NoAnswer::Unavailable(format!("`{host}`: more than {} bytes", ask.most)));
                }
                body.extend_from_slice(&piece);
            }
            let text = |(name, value): (&HeaderName, &HeaderValue)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            };
            let headers = response.headers().iter().filter_map(text).collect();
            Ok(Answer { status: response.status().as_u16(), headers, body })
        };
        timeout(FETCH_TIME, exchange).await.unwrap_or(Err(NoAnswer::Timeout))
    }
}
