//! The way out for plugins and notifications: one client for all of them.
//!
//! The runtime has seen that a request is granted. Here placeholders become
//! values, the body is protected, names become addresses that are open, and an
//! answer that repeats a value gets its placeholder back before anybody reads it.
//!
//! ```text
//! HttpRequest ─ fill ─ encrypt ─ sign ─ AddressRule ─ TLS ─▶ server
//! HttpResponse ◀────────── echoes removed ◀── read, bounded ──┘
//! ```

pub mod address;
pub mod key;
pub mod substitution;

use std::{error::Error, io, net::IpAddr, path::PathBuf, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{
    Certificate, Client, Method, Response,
    header::{HeaderName, HeaderValue},
    redirect::Policy,
};
use thiserror::Error;
use tokio::time::timeout;
use url::{Host, Url};
use xinglin_runtime::{HttpError, HttpMethod, HttpRequest, HttpResponse};

use crate::{
    config,
    egress::{
        address::{AddressRule, Closed, Resolver},
        key::PluginKey,
        substitution::{Echoes, Notation, Values},
    },
};

/// Opens connections for plugins. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    client: Client,
    rule: AddressRule,
}

/// The way out cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A network that is none.
    #[error("`egress.open_networks`: `{0}` is no network; write it as `10.20.0.0/16`")]
    Network(String),
    /// The file of certificates.
    #[error("`egress.ca_file` {path}: {reason}")]
    Certificates {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The client.
    #[error("the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// The longest that the host waits for an answer to a question of its own.
const FETCH_TIME: Duration = Duration::from_secs(10);

/// The largest answer that it reads.
const FETCH_BYTES: usize = 1 << 20;

/// The host's own question was not answered.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct FetchError(String);

/// What a request is sent with besides.
#[derive(Debug, Default)]
pub struct Means {
    /// Of its placeholders, and whatever else its answer must not repeat.
    pub values: Values,
    /// To encrypt the body under.
    pub encrypt_with: Option<PluginKey>,
    /// To sign the bytes as sent.
    pub sign_with: Option<PluginKey>,
}

impl Egress {
    /// Over the names of the system.
    ///
    /// # Errors
    /// If a setting is wrong.
    pub fn open(settings: &config::Egress) -> Result<Self, OpenError> {
        let rule = AddressRule::new(&settings.open_networks).map_err(OpenError::Network)?;
        Self::over(settings, rule.clone(), Resolver::system(rule))
    }

    fn over(settings: &config::Egress, rule: AddressRule, resolver: Resolver) -> Result<Self, OpenError> {
        crate::tls::install();
        let mut own = Vec::new();
        if let Some(path) = &settings.ca_file {
            let wrong = |reason: String| OpenError::Certificates { path: path.clone(), reason };
            let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
            own = Certificate::from_pem_bundle(&pem).map_err(|e| wrong(e.to_string()))?;
            if own.is_empty() {
                return Err(wrong("there is no certificate in it".to_owned()));
            }
        }
        let resolver = std::sync::Arc::new(resolver);
        let builder = || {
            Client::builder()
                .user_agent(concat!("Xinglin/", env!("CARGO_PKG_VERSION")))
                .redirect(Policy::none())
                .referer(false)
                .no_proxy()
                .dns_resolver(resolver.clone())
                .pool_idle_timeout(Duration::from_secs(30))
                .pool_max_idle_per_host(4)
        };
        let client = builder().tls_certs_merge(own.clone()).build().or_else(|error| {
            tracing::warn!(%error, "the system's certificates cannot be read: only those of `egress.ca_file` hold");
            builder().tls_certs_only(own).build()
        })?;
        Ok(Self { client, rule })
    }

    /// Sends a request and reads the whole answer, in the time and the bounds that
    /// the request has.
    ///
    /// # Errors
    /// What the plugin is told. No text holds a value or an address.
    pub async fn send(&self, request: HttpRequest, means: &Means) -> Result<HttpResponse, HttpError> {
        let limit = request.timeout;
        timeout(limit, self.exchange(request, means)).await.unwrap_or(Err(HttpError::Timeout))
    }

    /// Sends a request of the host's own, under the same rule for addresses: in the time
    /// that a page may take, with an answer that is not too large to be one. Only over TLS,
    /// unless the operator opened the very address.
    ///
    /// # Errors
    /// Why not. No text holds what was sent.
    pub async fn fetch(&self, request: openidconnect::HttpRequest) -> Result<openidconnect::HttpResponse, FetchError> {
        let unavailable = |why: String| FetchError(why);
        let request = reqwest::Request::try_from(request).map_err(|_| unavailable("not a request".to_owned()))?;
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let opened = literal(request.url()).map(|address| self.rule.opened(address));
        if opened == Some(false) || (request.url().scheme() != "https" && opened.is_none()) {
            return Err(unavailable(format!("`{host}` is not open: over TLS, and to an address that is")));
        }
        let exchange = async {
            let mut response = self.client.execute(request).await.map_err(|error| words(refusal(&error, &host)))?;
            let mut body = Vec::new();
            while let Some(piece) = response.chunk().await.map_err(|error| words(refusal(&error, &host)))? {
                if body.len() + piece.len() > FETCH_BYTES {
                    return Err(format!("`{host}`: more than {FETCH_BYTES} bytes"));
                }
                body.extend_from_slice(&piece);
            }
            let mut answer = openidconnect::http::Response::new(body);
            *answer.status_mut() = response.status();
            *answer.headers_mut() = response.headers().clone();
            Ok(answer)
        };
        let late = || Err(format!("`{host}` took too long"));
        timeout(FETCH_TIME, exchange).await.unwrap_or_else(|_| late()).map_err(FetchError)
    }

    /// Posts on behalf of the hospital itself; the status. What is answered besides is
    /// not read.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn post(
        &self,
        url: Url,
        headers: Vec<(HeaderName, HeaderValue)>,
        content_type: &'static str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<u16, HttpError> {
        self.admit(&url)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let request = self.client.post(url).timeout(limit).headers(headers.into_iter().collect());
        let response = request.header("content-type", content_type).body(body).send().await;
        Ok(response.map_err(|error| refusal(&error, &host))?.status().as_u16())
    }

    /// An address in a URL must have been opened, whatever it is.
    fn admit(&self, url: &Url) -> Result<(), HttpError> {
        if literal(url).is_some_and(|address| !self.rule.opened(address)) {
            return Err(HttpError::Denied(
                "no address in a URL is open to plugins but those that the operator opened".into(),
            ));
        }
        Ok(())
    }

    async fn exchange(&self, request: HttpRequest, means: &Means) -> Result<HttpResponse, HttpError> {
        let url = target(&request, &means.values)?;
        self.admit(&url)?;
        let mut outgoing = self.client.request(method(request.method), url);
        // What is compressed cannot be looked through.
        outgoing = outgoing.header("accept-encoding", "identity");
        for (name, value) in &request.headers {
            outgoing = outgoing.header(header_name(name)?, header_value(&means.values.fill(value, Notation::Header)?)?);
        }
        let body = protect(&request, means)?;
        if let Some(sign) = &request.sign_with {
            let signature = means.sign_with.as_ref().and_then(|key| key.sign(body.as_deref().unwrap_or_default()));
            let signature =
                signature.ok_or_else(|| HttpError::Invalid(format!("the key `{}` does not sign", sign.key)))?;
            outgoing = outgoing.header(header_name(&sign.header)?, header_value(&STANDARD.encode(signature))?);
        }
        if let Some(body) = body {
            outgoing = outgoing.body(body);
        }
        let response = outgoing.send().await.map_err(|error| refusal(&error, &request.host))?;
        read(response, &request, &means.values.echoes()).await
    }
}

/// The address that a URL names, if it is no name.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    }
}

fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Head => Method::HEAD,
    }
}

/// The URL with its values. They change neither where it leads nor how many
/// steps its path has.
fn target(request: &HttpRequest, values: &Values) -> Result<Url, HttpError> {
    let parse = |text: &str| Url::parse(text).map_err(|_| HttpError::Invalid("not a URL".to_owned()));
    let plain = Values(values.0.keys().map(|place| (place.clone(), "x".to_owned())).collect());
    let (expected, url) =
        (parse(&plain.fill(&request.url, Notation::Url)?)?, parse(&values.fill(&request.url, Notation::Url)?)?);
    let steps = |url: &Url| url.path_segments().map_or(0, Iterator::count);
    let same = url.origin() == expected.origin() && steps(&url) == steps(&expected);
    same.then_some(url).ok_or_else(|| HttpError::Invalid("a value bends the URL".to_owned()))
}

fn header_name(name: &str) -> Result<HeaderName, HttpError> {
    name.parse().map_err(|_| HttpError::Invalid("not the name of a header".to_owned()))
}

fn header_value(value: &str) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| HttpError::Invalid("not the value of a header".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The body with its values, then encrypted if that is wanted.
fn protect(request: &HttpRequest, means: &Means) -> Result<Option<Vec<u8>>, HttpError> {
    let Some(body) = &request.body else { return Ok(None) };
    let kind = request.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str());
    let mut body = match std::str::from_utf8(body) {
        Ok(text) => means.values.fill(text, Notation::of_body(kind))?.into_bytes(),
        Err(_) => body.clone(),
    };
    if body.len() > request.max_request {
        return Err(HttpError::TooLarge(request.max_request as u64));
    }
    if let Some(key) = &request.encrypt_with {
        let encrypted = means.encrypt_with.as_ref().and_then(|key| key.encrypt(&body));
        body = encrypted.ok_or_else(|| HttpError::Invalid(format!("the key `{key}` does not encrypt")))?.into_bytes();
    }
    Ok(Some(body))
}

/// Reads an answer piece by piece, so that no server decides how much we hold.
async fn read(mut response: Response, request: &HttpRequest, echoes: &Echoes) -> Result<HttpResponse, HttpError> {
    let too_large = || HttpError::TooLarge(request.max_response as u64);
    if !echoes.is_empty() && response.headers().get("content-encoding").is_some_and(|how| how != "identity") {
        let reason = "the answer is compressed, though that was not offered: it cannot be looked through for values";
        return Err(HttpError::Other(reason.to_owned()));
    }
    let clean = |bytes: &[u8]| String::from_utf8_lossy(&echoes.remove(bytes)).into_owned();
    let headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .map(|(name, value)| (clean(name.as_str().as_bytes()), clean(value.as_bytes())))
        .collect();
    let of_headers: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let room = request.max_response.checked_sub(of_headers).ok_or_else(too_large)?;
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| refusal(&error, &request.host))? {
        if body.len() + piece.len() > room {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    let body = if echoes.is_empty() { body } else { echoes.remove(&body) };
    if body.len() > room {
        return Err(too_large());
    }
    Ok(HttpResponse { status: response.status().as_u16(), headers, body })
}

/// What a plugin is told of a failure. The error itself names the whole URL.
fn refusal(error: &reqwest::Error, host: &str) -> HttpError {
    if error.is_timeout() {
        return HttpError::Timeout;
    }
    // An I/O error is not the source of what it wraps.
    let causes = || std::iter::successors(Some(error as &(dyn Error + 'static)), |cause| within(*cause));
    if causes().any(|cause| cause.is::<Closed>()) {
        return HttpError::Denied(format!("`{host}` leads to no address that is open to plugins"));
    }
    let tls = causes().find_map(|cause| cause.downcast_ref::<rustls::Error>()).map(|tls| format!("TLS: {tls}"));
    let io = || causes().filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).last();
    let reason = tls.or_else(|| io().map(|kind| kind.to_string()));
    HttpError::Unavailable(format!("`{host}`: {}", reason.as_deref().unwrap_or("the connection failed")))
}

fn words(error: HttpError) -> String {
    match error {
        HttpError::Denied(why) | HttpError::Invalid(why) | HttpError::Unavailable(why) | HttpError::Other(why) => why,
        HttpError::Timeout | HttpError::TooLarge(_) | HttpError::TooMany => "no whole answer in time".to_owned(),
    }
}

fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        net::SocketAddr,
        pin::Pin,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    fn request(url: &str) -> HttpRequest {
        HttpRequest {
            method: HttpMethod::Get,
            url: url.to_owned(),
            host: Url::parse(url).unwrap().host_str().unwrap().to_owned(),
            headers: Vec::new(),
            body: None,
            encrypt_with: None,
            sign_with: None,
            guarded: std::collections::BTreeSet::new(),
            timeout: Duration::from_secs(5),
            max_request: 1024,
            max_response: 1024,
        }
    }

    /// A way out on which every name leads, one look after the other, here.
    fn egress(open: &[&str], answers: Vec<Vec<&'static str>>) -> (Egress, Arc<AtomicUsize>) {
        let open: Vec<String> = open.iter().map(|network| (*network).to_owned()).collect();
        let settings = config::Egress { open_networks: open.clone(), ca_file: None };
        let rule = AddressRule::new(&open).unwrap();
        let looks = Arc::new(AtomicUsize::new(0));
        let counted = looks.clone();
        let lookup = move |_: String| -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> {
            let look = counted.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
            let found = answers[look].iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
            Box::pin(async move { Ok(found) })
        };
        (Egress::over(&settings, rule.clone(), Resolver::over(rule, Arc::new(lookup))).unwrap(), looks)
    }

    /// Answers every connection on this machine; how many there were.
    async fn listen() -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, connections) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let counted = connections.clone();
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
                let _ = stream.shutdown().await;
            }
        });
        (port, connections)
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_followed() {
        let (port, connections) = listen().await;
        let url = format!("http://rebinding.example.com:{port}/");
        for inside in ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "10.0.0.1", "169.254.169.254", "::1"] {
            let (egress, _) = egress(&[], vec![vec![inside]]);
            let refused = egress.send(request(&url), &Means::default()).await;
            let Err(HttpError::Denied(reason)) = refused else { panic!("{inside}: {refused:?}") };
            assert!(reason.contains("rebinding.example.com") && !reason.contains(inside), "{reason}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_second_look_cannot_undo_the_first() {
        let (port, connections) = listen().await;
        let url = format!("http://rebinding.example.com:{port}/");
        // What was looked at is what is connected to: there is one look, and it counts.
        let (way_out, looks) = egress(&["127.0.0.1/32"], vec![vec!["127.0.0.1"], vec!["10.0.0.1"]]);
        assert_eq!(way_out.send(request(&url), &Means::default()).await.unwrap().status, 204);
        assert_eq!((looks.load(Ordering::SeqCst), connections.load(Ordering::SeqCst)), (1, 1));
        assert!(matches!(way_out.send(request(&url), &Means::default()).await, Err(HttpError::Denied(_))));
        // Of several addresses only those that are open are tried.
        let (mixed, _) = egress(&["127.0.0.1/32"], vec![vec!["10.0.0.1", "::1", "127.0.0.1"]]);
        assert_eq!(mixed.send(request(&url), &Means::default()).await.unwrap().status, 204);
    }

    #[tokio::test]
    async fn an_address_in_a_url_must_be_opened_however_it_is_written() {
        let (egress, looks) = egress(&[], vec![vec!["127.0.0.1"]]);
        for host in [
            "127.0.0.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "0x7f.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "8.8.8.8",
            "[2606:4700::1111]",
            "0",
            "１２７.0.0.1",
        ] {
            let refused = egress.send(request(&format!("http://{host}:9/")), &Means::default()).await;
            assert!(matches!(refused, Err(HttpError::Denied(_))), "{host}: {refused:?}");
        }
        assert_eq!(looks.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn values_do_not_bend_a_url() {
        let values = |value: &str| {
            let place = xinglin_runtime::Placeholder::Secret("x".into());
            Values(std::collections::BTreeMap::from([(place, value.to_owned())]))
        };
        let request = request("https://a.example.com/v1/{{secret:x}}/claims?k={{secret:x}}");
        let url = target(&request, &values("../../admin?y=1#z@evil.net")).unwrap();
        let written = "%2F..%2Fadmin%3Fy%3D1%23z%40evil.net";
        assert_eq!(url.as_str(), format!("https://a.example.com/v1/..{written}/claims?k=..{written}"));
        for bending in ["..", "."] {
            assert!(matches!(target(&request, &values(bending)), Err(HttpError::Invalid(_))), "{bending}");
        }
    }

    #[test]
    fn a_setting_that_is_wrong_is_named() {
        let wrong = |open: &str, ca_file: Option<&str>| {
            let settings = config::Egress { open_networks: vec![open.to_owned()], ca_file: ca_file.map(Into::into) };
            Egress::open(&settings).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert!(wrong("nonsense", None).contains("open_networks"));
        assert!(wrong("10.0.0.0/8", Some("/nowhere.pem")).contains("/nowhere.pem"));
        assert_eq!(wrong("10.0.0.0/8", None), "");
    }
}
