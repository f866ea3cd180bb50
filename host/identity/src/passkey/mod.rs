//! Passkeys (WebAuthn) with user verification by the device (biometrics or PIN), so a passkey
//! counts as both factors.

mod confirm;
mod list;
mod offer;
mod offer_sign_in;
mod remove;
mod sign_in;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::ToSchema;
use webauthn_rs::prelude::{Passkey, PasskeyRegistration, Url, Uuid, Webauthn, WebauthnBuilder, WebauthnError};
use xinglin_domain::{
    code::Code,
    id::{AccountId, TenantId},
};
use xinglin_platform::{AppError, AppResult, Platform, one_time};
use xinglin_store::Passkey as PasskeyRow;

pub use self::confirm::{PasskeyAnswer, confirm};
pub use self::list::list;
pub use self::offer::{NewPasskey, offer};
pub use self::offer_sign_in::{PasskeyKnock, offer_sign_in};
pub use self::remove::remove;
pub use self::sign_in::{PasskeySignIn, sign_in};

/// The kinds of ceremonies among one-time handles.
const NEW: &str = "passkey-new";

const SIGN_IN: &str = "passkey-sign-in";

/// How long a ceremony may take, in minutes.
const MINUTES: i64 = 5;

/// The options of a ceremony.
#[derive(Serialize, ToSchema)]
pub struct PasskeyOffer {
    /// Id of the ceremony; valid once, for five minutes.
    pub ceremony: String,
    /// For `navigator.credentials.create()` or `.get()`, in the JSON of WebAuthn level 3.
    #[schema(value_type = Object)]
    pub options: Value,
}

/// A registered passkey.
#[derive(Serialize, ToSchema)]
pub struct PasskeyView {
    /// Credential id.
    pub id: String,
    /// Name given by the user.
    pub name: String,
    /// When it was registered.
    pub created_at: String,
    /// When it was last used.
    pub used_at: Option<String>,
}

/// A registration in progress.
#[derive(Serialize, Deserialize)]
struct Offered {
    account: AccountId,
    state: PasskeyRegistration,
}

async fn begin_ceremony(
    platform: &Platform,
    tenant: TenantId,
    kind: &str,
    state: &impl Serialize,
) -> AppResult<String> {
    let (ceremony, digest) = one_time::draw();
    let tx = platform.store().tenant(tenant).begin().await?;
    tx.put_one_time(kind, &digest, state, platform.now().plus_minutes(MINUTES)).await?;
    tx.commit().await?;
    Ok(ceremony)
}

async fn end_ceremony<T: DeserializeOwned>(
    platform: &Platform,
    tenant: TenantId,
    kind: &str,
    ceremony: &str,
) -> AppResult<T> {
    let tx = platform.store().tenant(tenant).begin().await?;
    let taken = tx.take_one_time(kind, &one_time::digest(ceremony), platform.now()).await?;
    tx.commit().await?;
    taken.good().ok_or_else(over)
}

/// The relying party: the host name of `public_url`.
fn webauthn(platform: &Platform) -> AppResult<Webauthn> {
    let nameless = |_| {
        let detail = "no passkeys here: they are made for a name, and `public_url` of this host is none";
        AppError::new(Code::NotFound, detail)
    };
    let origin = Url::parse(&platform.config().base_url()).map_err(AppError::internal)?;
    let name = origin.domain().unwrap_or_default().to_owned();
    let builder = WebauthnBuilder::new(&name, &origin).map_err(nameless)?;
    builder.rp_name("Xinglin").build().map_err(nameless)
}

impl From<PasskeyRow> for PasskeyView {
    fn from(row: PasskeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            created_at: row.created_at.to_string(),
            used_at: row.used_at.map(|at| at.to_string()),
        }
    }
}

/// The user handle of an account.
fn handle(account: AccountId) -> Uuid {
    Uuid::from_u128(account.as_u128())
}

fn key(row: &PasskeyRow) -> AppResult<Passkey> {
    serde_json::from_value(row.body.clone()).map_err(AppError::internal)
}

fn parse<T: DeserializeOwned>(credential: Value) -> AppResult<T> {
    let invalid = |error| AppError::new(Code::BodyInvalid, format!("credential: {error}")).with("path", "credential");
    serde_json::from_value(credential).map_err(invalid)
}

fn over() -> AppError {
    AppError::new(Code::AuthRequired, "this ceremony is over or another's; begin again")
}

fn refused(error: WebauthnError) -> AppError {
    AppError::new(Code::AuthRequired, "the key does not prove what it must").because(error)
}
