//! Entitlements of an account, as stored with it.

use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Actor, Role},
    code::Code,
    encounter::IdentityCheck,
    id::PatientId,
    practice::{Bar, Certificate, Filing, Practice},
    scope::Scopes,
};
use xinglin_store::Account;

use crate::{AppError, AppResult};

/// Entitlements of an account, as stored with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    #[serde(default)]
    /// Certificates, verified or not.
    pub certificates: Vec<Certificate>,
    #[serde(default)]
    /// Registrations or filings of the practice.
    pub filings: Vec<Filing>,
    /// The patient record of the person; at most one.
    pub patients: Vec<PatientId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    /// Result of the real-name check.
    pub identity: Option<IdentityCheck>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    /// Of a service client or an app.
    pub client: Option<Registration>,
}

/// The domain type of an account.
pub fn actor(row: &Account) -> AppResult<Actor> {
    let standing = standing(row)?;
    let roles = row
        .roles
        .iter()
        .map(|role| serde_json::from_value(serde_json::Value::String(role.clone())))
        .collect::<Result<Vec<Role>, _>>()
        .map_err(AppError::internal)?;
    Ok(Actor {
        account: row.id,
        tenant: row.tenant,
        roles,
        practice: Practice {
            certificates: standing.certificates,
            filings: standing.filings,
            bar: bar(row.practice_years),
        },
        // Old accounts list wards, too, which are relations now.
        patients: standing.patients.into_iter().take(1).collect(),
        wards: Vec::new(),
        relatives: Vec::new(),
    })
}

/// As [`actor`], of somebody who is named in an act without being its caller.
///
/// # Errors
/// `CRED_INVALID` if the account is suspended.
pub fn active(row: &Account) -> AppResult<Actor> {
    match row.active {
        true => actor(row),
        false => Err(AppError::new(Code::CredInvalid, format!("the account {} is suspended", row.id))),
    }
}

/// The entitlements of an account.
///
/// # Errors
/// If the stored value cannot be parsed.
pub fn standing(row: &Account) -> AppResult<Standing> {
    match &row.credential {
        Some(value) => serde_json::from_value(value.clone()).map_err(AppError::internal),
        None => Ok(Standing::default()),
    }
}

/// How a client authenticates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// By a signed assertion.
    #[default]
    PrivateKeyJwt,
    /// By a secret, shown once at registration.
    ClientSecret,
    /// Public client: no authentication.
    None,
}

/// The registration of a client, in its account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    /// Its public keys.
    pub jwks: Option<JwkSet>,
    /// SHA-256 of its secret, which is 32 random bytes, so no password hash is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    /// Permitted redirect URIs.
    pub redirect_uris: Vec<String>,
    /// The most that it may request: SMART scopes.
    pub scopes: String,
}

impl Registration {
    /// The most that it may request.
    ///
    /// # Errors
    /// If the stored value cannot be parsed.
    pub fn scopes(&self) -> AppResult<Scopes> {
        self.scopes.parse().map_err(AppError::internal)
    }

    /// How it authenticates.
    pub const fn authentication(&self) -> Authentication {
        match (&self.jwks, &self.secret) {
            (Some(_), _) => Authentication::PrivateKeyJwt,
            (None, Some(_)) => Authentication::ClientSecret,
            (None, None) => Authentication::None,
        }
    }
}

/// The years of independent practice that a tenant requires; the legal minimum if that is not met.
pub fn bar(years: i64) -> Bar {
    u8::try_from(years).ok().and_then(Bar::new).unwrap_or_default()
}
