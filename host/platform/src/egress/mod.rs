//! Outbound connections: one client for plugins, notifications and requests of the host itself. It
//! connects to permitted addresses only.

pub mod address;
mod ask;

use crate::boxed;
use std::{error::Error, io, net::IpAddr, path::PathBuf, time::Duration};

use reqwest::{
    Certificate, Client, Method, RequestBuilder,
    header::{HeaderName, HeaderValue},
    redirect::Policy,
};
use thiserror::Error;
use tokio::time::timeout;
use url::{Host, Url};

use self::address::{AddressRule, Closed, Resolver};
pub use self::ask::{Answer, Ask};
use crate::config;

/// The outbound HTTP client. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    client: Client,
    rule: AddressRule,
}

/// The client cannot be built.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Not a network.
    #[error("`egress.open_networks`: `{0}` is no network; write it as `10.20.0.0/16`")]
    Network(String),
    /// The CA file.
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

/// Timeout of a request of the host itself.
const FETCH_TIME: Duration = Duration::from_secs(10);

/// Largest answer to one, in bytes.
const FETCH_BYTES: usize = 1 << 20;

/// A request of the host itself failed.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct FetchError(String);

/// Why there is no answer. No text contains what was sent, or an address that a name resolved to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoAnswer {
    /// The address is not permitted.
    #[error("{0}")]
    Denied(String),
    /// No complete answer in time.
    #[error("no whole answer in time")]
    Timeout,
    /// No connection, or it broke.
    #[error("{0}")]
    Unavailable(String),
}

impl NoAnswer {
    /// The reason without the URL, which the error itself contains.
    pub fn of(error: &reqwest::Error, host: &str) -> Self {
        if error.is_timeout() {
            return Self::Timeout;
        }
        // `source` of an I/O error skips the error that it wraps.
        let causes = || std::iter::successors(Some(error as &(dyn Error + 'static)), |cause| within(*cause));
        if causes().any(|cause| cause.is::<Closed>()) {
            return Self::Denied(format!("`{host}` leads to no address that is open to plugins"));
        }
        let tls = causes().find_map(|cause| cause.downcast_ref::<rustls::Error>()).map(|tls| format!("TLS: {tls}"));
        let io = || causes().filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).last();
        let reason = tls.or_else(|| io().map(|kind| kind.to_string()));
        Self::Unavailable(format!("`{host}`: {}", reason.as_deref().unwrap_or("the connection failed")))
    }
}

impl Egress {
    /// With the resolver of the system.
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

    /// Sends a request of the host itself, under the same address rule, with a timeout and a limit
    /// on the answer's size. Over TLS only, unless the URL has a literal address that the operator
    /// opened.
    ///
    /// # Errors
    /// The reason. No text contains what was sent.
    #[boxed]
    pub async fn fetch(&self, request: openidconnect::HttpRequest) -> Result<openidconnect::HttpResponse, FetchError> {
        let unavailable = |why: String| FetchError(why);
        let request = reqwest::Request::try_from(request).map_err(|_| unavailable("not a request".to_owned()))?;
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let opened = literal(request.url()).map(|address| self.rule.opened(address));
        if opened == Some(false) || (request.url().scheme() != "https" && opened.is_none()) {
            return Err(unavailable(format!("`{host}` is not open: over TLS, and to an address that is")));
        }
        let exchange = async {
            let mut response =
                self.client.execute(request).await.map_err(|error| NoAnswer::of(&error, &host).to_string())?;
            let mut body = Vec::new();
            while let Some(piece) = response.chunk().await.map_err(|error| NoAnswer::of(&error, &host).to_string())? {
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

    /// Sends a POST request of the host itself; returns the status. The body of the answer is not
    /// read.
    ///
    /// # Errors
    /// Why there is no answer.
    #[boxed]
    pub async fn post(
        &self,
        url: Url,
        headers: Vec<(HeaderName, HeaderValue)>,
        content_type: &'static str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<u16, NoAnswer> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let request = self.request(Method::POST, url)?.timeout(limit).headers(headers.into_iter().collect());
        let response = request.header("content-type", content_type).body(body).send().await;
        Ok(response.map_err(|error| NoAnswer::of(&error, &host))?.status().as_u16())
    }

    /// A request to be sent. A literal address in its URL must have been opened; the addresses of a
    /// name are checked when it is sent.
    ///
    /// # Errors
    /// [`NoAnswer::Denied`].
    pub fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, NoAnswer> {
        if literal(&url).is_some_and(|address| !self.rule.opened(address)) {
            return Err(NoAnswer::Denied(
                "no address in a URL is open to plugins but those that the operator opened".into(),
            ));
        }
        Ok(self.client.request(method, url))
    }
}

/// The literal address in a URL, if any.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
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

    async fn get(egress: &Egress, url: &str) -> Result<u16, NoAnswer> {
        let url = Url::parse(url).unwrap();
        let host = url.host_str().unwrap().to_owned();
        let response = egress.request(Method::GET, url)?.send().await;
        Ok(response.map_err(|error| NoAnswer::of(&error, &host))?.status().as_u16())
    }

    /// A client whose resolver gives these answers, one per lookup.
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

    /// Accepts every connection on this machine; counts them.
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
            let refused = get(&egress, &url).await;
            let Err(NoAnswer::Denied(reason)) = refused else { panic!("{inside}: {refused:?}") };
            assert!(reason.contains("rebinding.example.com") && !reason.contains(inside), "{reason}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_second_look_cannot_undo_the_first() {
        let (port, connections) = listen().await;
        let url = format!("http://rebinding.example.com:{port}/");
        // The address that was checked is used: there is one lookup.
        let (way_out, looks) = egress(&["127.0.0.1/32"], vec![vec!["127.0.0.1"], vec!["10.0.0.1"]]);
        assert_eq!(get(&way_out, &url).await.unwrap(), 204);
        assert_eq!((looks.load(Ordering::SeqCst), connections.load(Ordering::SeqCst)), (1, 1));
        assert!(matches!(get(&way_out, &url).await, Err(NoAnswer::Denied(_))));
        // Of several addresses only permitted ones are tried.
        let (mixed, _) = egress(&["127.0.0.1/32"], vec![vec!["10.0.0.1", "::1", "127.0.0.1"]]);
        assert_eq!(get(&mixed, &url).await.unwrap(), 204);
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
            let refused = get(&egress, &format!("http://{host}:9/")).await;
            assert!(matches!(refused, Err(NoAnswer::Denied(_))), "{host}: {refused:?}");
        }
        assert_eq!(looks.load(Ordering::SeqCst), 0);
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
