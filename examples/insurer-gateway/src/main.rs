//! An insurance office and commercial insurers, as a server outside the hospital. It decides by itself, keeps books
//! of its own, and makes mistakes on demand. See the README.

mod books;
mod clock;
mod commercial;
mod faults;
mod http;
mod keys;
mod money;
mod nhsa;
mod parameters;
mod store;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context as _, Result};
use axum::serve::Listener;
use clap::Parser;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use faults::{Faults, Plan};
use http::Gateway;
use keys::Keys;
use parameters::{Parameters, SHIPPED};
use store::Store;

/// A basic medical insurance (NHSA messages) and commercial insurers, with faults on demand.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    /// Where to listen; port 0 is any that is free.
    #[arg(long, default_value = "127.0.0.1:8180")]
    listen: SocketAddr,
    /// The database (SQLite); made if it is not there.
    #[arg(long, default_value = "insurer-gateway.db")]
    database: PathBuf,
    /// Schemes, catalogue, insured persons and terms (TOML); without it, those of the worked examples.
    #[arg(long)]
    parameters: Option<PathBuf>,
    /// A plan of faults (TOML); it can be replaced at `/admin/faults`.
    #[arg(long)]
    faults: Option<PathBuf>,
    /// Seed of the faults, in place of the plan's.
    #[arg(long)]
    seed: Option<u64>,
    /// Certificate and key (PEM); without them, plain HTTP.
    #[arg(long, requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    #[arg(long, requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Key that answers are signed with: 32 bytes of SM2 in hexadecimal; drawn if left out.
    #[arg(long, env = "INSURER_GATEWAY_SIGNING_KEY", hide_env_values = true)]
    signing_key: Option<String>,
    /// Public key of the hospital, of SM2 or Ed25519, in base64: what it did not sign is refused.
    #[arg(long)]
    hospital_key: Option<String>,
    /// SM4 key shared with the hospital, in base64: NHSA messages come under it.
    #[arg(long, env = "INSURER_GATEWAY_SHARED_KEY", hide_env_values = true)]
    shared_key: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  insurer-gateway --listen 127.0.0.1:8180
  insurer-gateway --tls-certificate server.pem --tls-key server.key --parameters region.toml
  insurer-gateway --faults plan.toml --seed 7

  curl http://127.0.0.1:8180/books
  curl -X PUT http://127.0.0.1:8180/admin/faults \\
       -d '{\"rule\": [{\"on\": \"2207\", \"kind\": \"lost_answer\", \"every\": 3}]}'

Kinds of faults: timeout_before_commit, timeout_after_commit, lost_answer, duplicate_answer, stale_answer,
wrong_total, drift, bad_signature, slow, maintenance.";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let gateway = open(&arguments).await?;
    let tcp = TcpListener::bind(arguments.listen).await.context("listen")?;
    let address = tcp.local_addr()?;
    let public = gateway.keys.public();
    let service = http::router(Arc::new(gateway));
    let (certificate, key) = (&arguments.tls_certificate, &arguments.tls_key);
    // What a program that starts this one waits for.
    let ready = |scheme: &str| println!("listening on {scheme}://{address}\npublic key {public}");
    match certificate.as_ref().zip(key.as_ref()) {
        Some((certificate, key)) => {
            let acceptor = acceptor(certificate, key)?;
            ready("https");
            axum::serve(Tls { tcp, acceptor }, service).with_graceful_shutdown(stopped()).await?;
        }
        None => {
            ready("http");
            axum::serve(tcp, service).with_graceful_shutdown(stopped()).await?;
        }
    }
    Ok(())
}

async fn stopped() {
    // Without a handler it ends as the system ends it.
    let _ = tokio::signal::ctrl_c().await;
}

async fn open(arguments: &Arguments) -> Result<Gateway> {
    let read = |file: &Path| std::fs::read_to_string(file).with_context(|| file.display().to_string());
    let parameters = match &arguments.parameters {
        Some(file) => Parameters::read(&read(file)?)?,
        None => Parameters::read(SHIPPED)?,
    };
    let mut plan: Plan = match &arguments.faults {
        Some(file) => toml::from_str(&read(file)?).context("the plan of faults")?,
        None => Plan::default(),
    };
    plan.seed = arguments.seed.unwrap_or(plan.seed);
    let keys = Keys::read(
        arguments.signing_key.as_deref(),
        arguments.hospital_key.as_deref(),
        arguments.shared_key.as_deref(),
    )?;
    let store = Store::open(&arguments.database).await?;
    gateway(store, parameters, plan, keys).await
}

async fn gateway(store: Store, parameters: Parameters, plan: Plan, keys: Keys) -> Result<Gateway> {
    let mut tx = store.begin().await?;
    nhsa::found(&mut tx, &parameters.nhsa, &clock::year(clock::now())).await?;
    tx.commit().await?;
    let faults = Mutex::new(Faults::new(plan));
    let dialects = commercial::dialects()?;
    Ok(Gateway { store, parameters, dialects, keys, faults, before: Mutex::new(HashMap::new()) })
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor> {
    let certificates = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Connections over TLS.
struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

/// For a handshake.
const PATIENCE: Duration = Duration::from_secs(5);

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.tcp).await;
            if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, self.acceptor.accept(stream)).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
