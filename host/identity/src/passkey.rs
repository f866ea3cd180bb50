//! Passkeys (WebAuthn): a key of a person's own, which opens only after the person has
//! shown a finger, a face or a number to the device that holds it. So it counts as both
//! factors, and there is nothing to type or to give away.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use utoipa::ToSchema;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Uuid, Webauthn, WebauthnBuilder, WebauthnError,
};
use xinglin_domain::{
    code::Code,
    id::{AccountId, TenantId},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, one_time, settings::PLATFORM};
use xinglin_store::Passkey as PasskeyRow;

use crate::{
    Identity, password,
    session::{self, Session},
};

/// The kinds of ceremonies among what is shown once.
const NEW: &str = "passkey-new";

const SIGN_IN: &str = "passkey-sign-in";

/// How long a ceremony may take, in minutes.
const MINUTES: i64 = 5;

/// How many keys a person has at most.
const MOST: usize = 20;

/// Who wants another key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasskey {
    /// The password, so that a borrowed screen is not enough.
    pub password: String,
}

/// What the browser is asked.
#[derive(Serialize, ToSchema)]
pub struct PasskeyOffer {
    /// Names this ceremony; good once, for five minutes.
    pub ceremony: String,
    /// For `navigator.credentials.create()` or `.get()`, in the JSON of WebAuthn level 3.
    #[schema(value_type = Object)]
    pub options: Value,
}

/// What the browser says of a new key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAnswer {
    /// Which ceremony.
    pub ceremony: String,
    /// What the person calls it: `phone`.
    pub name: String,
    /// The RegistrationResponseJSON of WebAuthn.
    #[schema(value_type = Object)]
    pub credential: Value,
}

/// Where somebody signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyKnock {
    /// The hospital; operators of the platform leave it out.
    #[schema(value_type = Option<String>)]
    pub tenant: Option<TenantId>,
}

/// What the browser says of a key that it found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeySignIn {
    /// The hospital; operators of the platform leave it out.
    #[schema(value_type = Option<String>)]
    pub tenant: Option<TenantId>,
    /// Which ceremony.
    pub ceremony: String,
    /// The AuthenticationResponseJSON of WebAuthn.
    #[schema(value_type = Object)]
    pub credential: Value,
    /// What signs in, for the list of one's sessions: `phone`, `ward 3`.
    pub client: Option<String>,
}

/// A key that somebody signs in with.
#[derive(Serialize, ToSchema)]
pub struct PasskeyView {
    /// As the device calls it.
    pub id: String,
    /// As the person calls it.
    pub name: String,
    /// When it was taken in.
    pub created_at: String,
    /// When somebody last signed in with it.
    pub used_at: Option<String>,
}

/// A new key, on its way.
#[derive(Serialize, Deserialize)]
struct Offered {
    account: AccountId,
    state: PasskeyRegistration,
}

/// Begins to take in another key of the caller's.
///
/// # Errors
/// `AUTH_FORBIDDEN` if the password is wrong; `NOT_FOUND` if the server has no name to make keys
/// for; `ALREADY_EXISTS` if there are too many.
pub async fn offer(identity: &Identity, caller: &Caller, ask: NewPasskey) -> AppResult<PasskeyOffer> {
    password::prove(identity, caller, ask.password).await?;
    let (account, records) = (caller.actor.account, identity.platform.records(caller));
    let known = records.list_passkeys(account).await?;
    if known.len() >= MOST {
        return Err(AppError::new(Code::AlreadyExists, format!("{MOST} passkeys are enough; remove one")));
    }
    let login = records.get_account(account).await?.login;
    let known = known.iter().map(|row| key(row).map(|key| key.cred_id().clone())).collect::<AppResult<_>>()?;
    let (options, state) = webauthn(&identity.platform)?
        .start_passkey_registration(handle(account), &login, &login, Some(known))
        .map_err(AppError::internal)?;
    let mut options = serde_json::to_value(options).map_err(AppError::internal)?;
    // Found by the device itself, so that nobody types who they are.
    options["publicKey"]["authenticatorSelection"]["residentKey"] = json!("required");
    options["publicKey"]["authenticatorSelection"]["requireResidentKey"] = json!(true);
    let ceremony = begin_ceremony(&identity.platform, caller.actor.tenant, NEW, &Offered { account, state }).await?;
    Ok(PasskeyOffer { ceremony, options })
}

/// Takes the key in.
///
/// # Errors
/// `AUTH_REQUIRED` if the ceremony is over or the key proves nothing; `ALREADY_EXISTS`
/// if it is somebody's.
pub async fn confirm(platform: &Platform, caller: &Caller, answer: PasskeyAnswer) -> AppResult<PasskeyView> {
    let name = answer.name.trim();
    if name.is_empty() || name.chars().count() > 64 {
        return Err(AppError::new(Code::BodyInvalid, "name: 1 to 64 characters").with("path", "name"));
    }
    let credential: RegisterPublicKeyCredential = parse(answer.credential)?;
    let offered: Offered = end_ceremony(platform, caller.actor.tenant, NEW, &answer.ceremony).await?;
    if offered.account != caller.actor.account {
        return Err(over());
    }
    let made = webauthn(platform)?.finish_passkey_registration(&credential, &offered.state).map_err(refused)?;
    let row = PasskeyRow {
        id: URL_SAFE_NO_PAD.encode(made.cred_id()),
        account: caller.actor.account,
        name: name.to_owned(),
        body: serde_json::to_value(&made).map_err(AppError::internal)?,
        counter: 0,
        created_at: caller.now,
        used_at: None,
    };
    let tx = platform.begin(caller).await?;
    tx.insert_passkey(&row).await?;
    if let Some(session) = caller.session {
        tx.strengthen_session(session).await?;
    }
    tx.commit().await?;
    Ok(row.into())
}

/// The caller's keys, oldest first.
///
/// # Errors
/// If the store fails.
pub async fn list(platform: &Platform, caller: &Caller) -> AppResult<Vec<PasskeyView>> {
    let rows = platform.records(caller).list_passkeys(caller.actor.account).await?;
    Ok(rows.into_iter().map(PasskeyView::from).collect())
}

/// Forgets one of the caller's keys.
///
/// # Errors
/// `NOT_FOUND` if it is none of theirs.
pub async fn remove(platform: &Platform, caller: &Caller, id: &str) -> AppResult<()> {
    let tx = platform.begin(caller).await?;
    if !tx.delete_passkey(caller.actor.account, id).await? {
        return Err(AppError::not_found("passkey", id));
    }
    Ok(tx.commit().await?)
}

/// Begins a sign-in. It says nothing of anybody: the device finds the key.
///
/// # Errors
/// `NOT_FOUND` if there is no such hospital, or the server has no name
/// to make keys for.
pub async fn offer_sign_in(platform: &Platform, ask: PasskeyKnock) -> AppResult<PasskeyOffer> {
    let tenant = ask.tenant.unwrap_or(PLATFORM);
    platform.store().tenant(tenant).profile().await?;
    let (options, state) = webauthn(platform)?.start_discoverable_authentication().map_err(AppError::internal)?;
    let mut options = serde_json::to_value(options).map_err(AppError::internal)?;
    // Whether it is asked for at once or offered in a field is the page's business.
    if let Some(options) = options.as_object_mut() {
        options.remove("mediation");
    }
    Ok(PasskeyOffer { ceremony: begin_ceremony(platform, tenant, SIGN_IN, &state).await?, options })
}

/// Signs in whose key it is. Both factors are shown with it.
///
/// # Errors
/// `AUTH_REQUIRED` if the ceremony is over, the key is nobody's or proves nothing, it
/// counts backwards, or the account is closed.
pub async fn sign_in(identity: &Identity, ask: PasskeySignIn) -> AppResult<Session> {
    let tenant = ask.tenant.unwrap_or(PLATFORM);
    let credential: PublicKeyCredential = parse(ask.credential)?;
    let state: DiscoverableAuthentication = end_ceremony(&identity.platform, tenant, SIGN_IN, &ask.ceremony).await?;
    let webauthn = webauthn(&identity.platform)?;
    let (whose, id) = webauthn.identify_discoverable_authentication(&credential).map_err(refused)?;
    let id = URL_SAFE_NO_PAD.encode(id);
    let records = identity.platform.store().tenant(tenant);
    let row = records.find_passkey(&id).await?.filter(|row| handle(row.account) == whose).ok_or_else(unknown)?;
    let mut key = key(&row)?;
    let found = webauthn.finish_discoverable_authentication_v2(&credential, state, DiscoverableKey::from(&key));
    let result = found.map_err(|error| {
        if matches!(error, WebauthnError::CredentialPossibleCompromise) {
            tracing::warn!(%tenant, account = %row.account, passkey = id, "a passkey counts backwards: there may be a copy");
        }
        refused(error)
    })?;
    let account = records.get_account(row.account).await?;
    if !result.user_verified() || !account.active {
        return Err(unknown());
    }
    key.update_credential(&result);
    let used = PasskeyRow {
        body: serde_json::to_value(&key).map_err(AppError::internal)?,
        counter: i64::from(result.counter()),
        used_at: Some(identity.platform.now()),
        ..row.clone()
    };
    let tx = records.begin().await?;
    // Of a key and its copy that sign at once, one is refused.
    if !tx.use_passkey(&used, row.counter).await? {
        return Err(unknown());
    }
    tx.commit().await?;
    session::open(identity, account, true, ask.client).await
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

/// Keys are made for the name by which others reach the server, and for no other.
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

/// What devices know an account by.
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

fn unknown() -> AppError {
    AppError::new(Code::AuthRequired, "no key of this hospital's, or not good any more")
}

fn refused(error: WebauthnError) -> AppError {
    AppError::new(Code::AuthRequired, "the key does not prove what it must").because(error)
}
