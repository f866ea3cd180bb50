//! A payment channel that speaks as WeChat Pay (API v3) and as Alipay (open platform), for tests and
//! demonstrations: a stranger to the host, with its own books and its own code for both shapes. It takes
//! money on command (`/simulate/…`) and commits faults on demand. Its keys are known to the world.

#![allow(clippy::disallowed_methods, reason = "it has a clock and random numbers of its own")]

mod alipay;
mod books;
mod notices;
mod sign;
mod simulate;
mod wechat;

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use axum::{
    Router,
    body::{Body, Bytes},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::net::TcpListener;

use self::books::Books;

/// What it is told at its start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is reached: `http://127.0.0.1:9010`.
    pub base_url: String,
    /// A file that keeps the books.
    pub journal: Option<PathBuf>,
}

/// The merchant that it knows, of both shapes.
pub mod merchant {
    /// `appid`, `app_id`.
    pub const APP: &str = "wx0000000000000001";
    /// `mchid`, `seller_id`.
    pub const ID: &str = "1900000001";
    /// Serial number of its certificate.
    pub const SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A72";
    /// The API v3 key.
    pub const API_V3_KEY: &str = "xinglin-simulated-api-v3-key-032";
    /// Its private key, which a real channel does not have.
    pub const PRIVATE_KEY: &str = include_str!("../keys/merchant.key");
    pub(crate) const PUBLIC_KEY: &str = include_str!("../keys/merchant.pub");
    /// What WeChat Pay calls its key.
    pub const WECHAT_KEY_SERIAL: &str = "PUB_KEY_ID_0000000000000000000000000001";
    /// WeChat Pay's public key.
    pub const WECHAT_PUBLIC_KEY: &str = include_str!("../keys/wechat-pay.pub");
    pub(crate) const WECHAT_PRIVATE_KEY: &str = include_str!("../keys/wechat-pay.key");
    /// Alipay's public key.
    pub const ALIPAY_PUBLIC_KEY: &str = include_str!("../keys/alipay.pub");
    pub(crate) const ALIPAY_PRIVATE_KEY: &str = include_str!("../keys/alipay.key");
}

/// The channel. Cheap to clone.
#[derive(Clone)]
pub struct CashChannel {
    settings: Settings,
    books: Arc<Books>,
    http: reqwest::Client,
}

impl CashChannel {
    /// With the books of its journal, if there are any.
    ///
    /// # Errors
    /// If the journal cannot be read or written.
    pub fn open(settings: Settings) -> Result<Self> {
        let books = Arc::new(Books::open(settings.journal.as_deref())?);
        Ok(Self { settings, books, http: reqwest::Client::builder().no_proxy().build()? })
    }

    fn router(self) -> Router {
        Router::new()
            .route("/v3/pay/transactions/{how}", post(wechat::prepare))
            .route("/v3/pay/transactions/out-trade-no/{name}", get(wechat::order))
            .route("/v3/pay/transactions/out-trade-no/{name}/close", post(wechat::close))
            .route("/v3/refund/domestic/refunds", post(wechat::refund))
            .route("/v3/refund/domestic/refunds/{name}", get(wechat::refunded))
            .route("/v3/bill/tradebill", get(wechat::statement))
            .route("/v3/billdownload/{day}", get(wechat::statement_file))
            .route("/gateway.do", post(alipay::gateway))
            .route("/alipay/statement/{day}", get(alipay::statement_file))
            .route("/simulate/settings", get(simulate::settings))
            .route("/simulate/books", get(simulate::books))
            .route("/simulate/pay", post(simulate::pay))
            .route("/simulate/notify", post(simulate::notify))
            .route("/simulate/fault", post(simulate::fault))
            .route("/simulate/clock", post(simulate::clock))
            .with_state(self)
    }
}

/// Serves until the process or the task ends.
///
/// # Errors
/// If the socket fails.
pub async fn serve(channel: CashChannel, listener: TcpListener) -> Result<()> {
    Ok(axum::serve(listener, channel.router()).await?)
}

/// An answer that never arrives: the connection breaks.
fn lost() -> Response {
    let broken = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("lost")) });
    (StatusCode::OK, Body::from_stream(broken)).into_response()
}
