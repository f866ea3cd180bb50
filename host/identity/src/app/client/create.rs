use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use serde_json::Value;
use url::{Host, Url};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::{AccountId, TenantId},
    scope::{Context, Scopes},
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, ambient, boxed, one_time,
    standing::{Authentication, Registration, Standing},
};
use xinglin_store::Account;

use super::{ClientView, algorithm, view};

/// A client to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// What it is called: `lis`, `growth charts`. Unique among the tenant's logins; people
    /// read it when they are asked.
    pub name: String,
    /// Client authentication: `private_key_jwt` (default), `client_secret`, or `none` for
    /// public apps.
    #[serde(default)]
    pub authentication: Authentication,
    /// Its public keys (RFC 7517), for `private_key_jwt`: RSA of 2048 bits or more, or EC
    /// P-384, each with a `kid`. Addresses of keys (`jku`) are not fetched.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub jwks: Option<Value>,
    /// Redirect URIs, compared exactly: `https://…`, `http://` on a loopback address, or a
    /// private scheme such as `cn.example.app:/back`. Apps need at least one; systems have
    /// none.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// The most it may ask for: `system/Observation.rs` of a system; of an app
    /// `patient/*.rs`, `user/*.cruds`, `launch`, `launch/patient`, `openid`, `fhirUser`,
    /// `offline_access`, `online_access`.
    pub scopes: String,
}

/// Registers a client.
///
/// # Errors
/// If the caller may not, the name is taken, a key is not accepted, a scope is unknown, or a
/// redirect URI is not allowed.
#[boxed]
pub async fn create(platform: &Platform, caller: &Caller, tenant: TenantId, new: NewClient) -> AppResult<ClientView> {
    caller.may_in(tenant, Action::ManageAccounts)?;
    let invalid = |path: &'static str, why: String| AppError::new(Code::BodyInvalid, why).with("path", path);
    if new.name.trim().is_empty() || new.name.chars().count() > 64 {
        return Err(invalid("name", "name: 1 to 64 characters".to_owned()));
    }
    let scopes: Scopes = new.scopes.parse().map_err(|e| invalid("scopes", format!("scopes: {e}")))?;
    if scopes.is_empty() {
        return Err(invalid("scopes", "scopes: at least one".to_owned()));
    }
    let jwks = match (new.authentication, new.jwks) {
        (Authentication::PrivateKeyJwt, Some(jwks)) => Some(key_set(jwks)?),
        (Authentication::PrivateKeyJwt, None) => {
            return Err(invalid("jwks", "jwks: the client's public keys".to_owned()));
        }
        (_, None) => None,
        (_, Some(_)) => return Err(invalid("jwks", "jwks: only with `private_key_jwt`".to_owned())),
    };
    if scopes.reach(Context::System) && jwks.is_none() {
        return Err(invalid("authentication", "authentication: a system signs with a key".to_owned()));
    }
    if scopes.of_systems(false).is_empty() != new.redirect_uris.is_empty() || new.redirect_uris.len() > 8 {
        let why = "redirect_uris: 1 to 8 of an app that people let in; none of a system";
        return Err(invalid("redirect_uris", why.to_owned()));
    }
    for uri in &new.redirect_uris {
        check_redirect(uri).map_err(|why| invalid("redirect_uris", format!("redirect_uris: `{uri}`: {why}")))?;
    }
    let drawn = (new.authentication == Authentication::ClientSecret).then(one_time::draw);
    let (client_secret, secret) = drawn.unzip();
    let records = platform.store().tenant(tenant);
    records.profile().await?;
    let redirect_uris = new.redirect_uris;
    let client = Some(Registration { jwks, secret, redirect_uris, scopes: scopes.to_string() });
    let row = Account {
        id: AccountId::from_u128(ambient::fresh_id()),
        tenant,
        login: new.name,
        password_hash: None,
        roles: vec!["service".to_owned()],
        person_ref: None,
        credential: Some(serde_json::to_value(Standing { client, ..Standing::default() }).map_err(AppError::internal)?),
        public_key: None,
        active: true,
        practice_years: 0,
        version: 0,
        created_at: caller.now,
        updated_at: caller.now,
    };
    let tx = records.begin().await?;
    tx.insert_account(&row).await?;
    tx.commit().await?;
    let view = view(&row)?.ok_or_else(|| AppError::internal("a client that is none"))?;
    Ok(ClientView { client_secret, ..view })
}

/// The keys of a client, if all are accepted.
fn key_set(jwks: Value) -> AppResult<JwkSet> {
    let invalid = |why: String| AppError::new(Code::BodyInvalid, why).with("path", "jwks");
    let jwks: JwkSet = serde_json::from_value(jwks).map_err(|e| invalid(format!("jwks: {e}")))?;
    if !(1..=8).contains(&jwks.keys.len()) {
        return Err(invalid("jwks: 1 to 8 keys".to_owned()));
    }
    if jwks.keys.iter().any(|key| algorithm(key).is_none()) {
        let why = "jwks: each key needs a `kid` and is RSA of at least 2048 bits, or EC P-384";
        return Err(invalid(why.to_owned()));
    }
    Ok(jwks)
}

/// Whether this redirect URI is allowed: not over plain HTTP, and no scheme that a browser
/// executes.
pub(super) fn check_redirect(uri: &str) -> Result<(), &'static str> {
    let url = Url::parse(uri).map_err(|_| "is no URL")?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"#\"'\\;,<>".contains(&byte);
    if uri.len() > 1000 || !uri.bytes().all(plain) {
        return Err("must be plain, and without a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must name nobody");
    }
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        // RFC 8252 §7.1: a name that the app owns, backwards.
        scheme if scheme.contains('.') => Ok(()),
        _ => Err("must be https, http on a loopback address, or of a scheme like `cn.example.app`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_not_sent_just_anywhere() {
        for good in ["https://app.example/back?x=1", "http://127.0.0.1:8080/", "http://[::1]/", "cn.example.app:/back"]
        {
            assert_eq!(check_redirect(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/back",
            "http://app.example/back",
            "http://127.0.0.1.example/",
            "https://app.example/#x",
            "https://a@app.example/",
            "https://app.example/;script-src *",
            "https://app.example/\r\nx: y",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
        ] {
            assert!(check_redirect(bad).is_err(), "{bad}");
        }
    }
}
