//! External servers for plugins.

use std::{
    io::{Read as _, Write as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A server on this machine that records requests byte for byte.
#[derive(Clone)]
pub struct Outside {
    pub port: u16,
    received: Arc<Mutex<Vec<String>>>,
    /// Whether `/moody` answers 503.
    refuses: Arc<AtomicBool>,
}

impl Outside {
    /// Without TLS, on 127.0.0.1. The answer depends on the path:
    ///
    /// - `/echo`: the whole request, in several encodings;
    /// - `/again`: all requests so far;
    /// - `/away`: a redirect to a private server;
    /// - `/slow`: the beginning of an answer, and no more;
    /// - `/huge`: an endless answer;
    /// - `/packed`: declared as compressed;
    /// - `/moody`: 503, while it [`refuses`](Self::refuse);
    /// - any other: `hello`.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let outside = Self {
            port: listener.local_addr().expect("an address").port(),
            received: Arc::default(),
            refuses: Arc::default(),
        };
        let serving = outside.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        outside
    }

    /// With the certificate of `localhost` in `tls/`, on 127.0.0.1; answers `hello`.
    pub fn open_tls() -> Self {
        let pem = |file: &str| super::repository(&format!("tests/it/tls/{file}"));
        let certificate = CertificateDer::from_pem_slice(&pem("server.pem")).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(&pem("server.key")).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a pair");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let outside = Self {
            port: listener.local_addr().expect("an address").port(),
            received: Arc::default(),
            refuses: Arc::default(),
        };
        let (serving, config) = (outside.clone(), Arc::new(config));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = rustls::ServerConnection::new(config.clone()).expect("a connection");
                let mut stream = rustls::StreamOwned::new(connection, stream);
                let mut request = [0; 4096];
                // A client that does not trust the certificate disconnects before this.
                let Ok(length @ 1..) = stream.read(&mut request) else { continue };
                serving.note(&request[..length]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        outside
    }

    /// The received requests.
    pub fn received(&self) -> Vec<String> {
        self.received.lock().expect("whole").clone()
    }

    /// Sets whether `/moody` answers 503.
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    fn note(&self, request: &[u8]) {
        self.received.lock().expect("whole").push(String::from_utf8_lossy(request).into_owned());
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some(request) = read(&mut stream).await else { return };
        self.note(&request);
        let text = String::from_utf8_lossy(&request).into_owned();
        let path = text.split(' ').nth(1).unwrap_or_default();
        let answer = match path.split('?').next().unwrap_or_default() {
            "/echo" => {
                let hex: String = request.iter().map(|byte| format!("{byte:02x}")).collect();
                let escaped = serde_json::Value::from(text.as_str()).to_string();
                let body = format!("{text}\n{hex}\n{escaped}");
                let header = text.lines().find_map(|line| line.strip_prefix("x-api-key: ")).unwrap_or_default();
                format!("HTTP/1.1 200 OK\r\nx-echo: {header}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            }
            "/again" => {
                let body = self.received().concat();
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            }
            "/away" => "HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/secret\r\ncontent-length: 0\r\n\r\n".into(),
            "/slow" => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhel").await;
                tokio::time::sleep(Duration::from_secs(60)).await;
                return;
            }
            "/huge" => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
                while stream.write_all(&[b'x'; 65536]).await.is_ok() {}
                return;
            }
            "/moody" if self.refuses.load(Ordering::SeqCst) => {
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".into()
            }
            "/packed" => "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x0b\x08".into(),
            _ => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello".to_owned(),
        };
        let _ = stream.write_all(answer.replacen("\r\n", "\r\nconnection: close\r\n", 1).as_bytes()).await;
    }
}

/// One request with its body.
async fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.ok().filter(|length| *length > 0)?;
        request.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let wanted = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        if request.len() >= head.len() + 4 + wanted {
            return Some(request);
        }
    }
}
