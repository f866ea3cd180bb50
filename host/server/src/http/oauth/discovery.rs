//! `GET /.well-known/…`: metadata of the server. Public.

use axum::{Json, extract::State};
use jsonwebtoken::jwk::JwkSet;
use serde_json::{Value, json};
use xinglin_identity::app::{authorize, client, exchange};

use crate::{Hospital, http::problem::Reply};

/// Members common to all documents (RFC 8414).
fn metadata(hospital: &Hospital) -> Value {
    let methods = ["private_key_jwt", "client_secret_basic", "client_secret_post", "none"];
    json!({
        "issuer": client::issuer(&hospital.platform),
        "authorization_endpoint": authorize::authorize_url(&hospital.platform),
        "token_endpoint": client::token_url(&hospital.platform),
        "revocation_endpoint": format!("{}/oauth/revoke", client::issuer(&hospital.platform)),
        "jwks_uri": format!("{}/oauth/jwks", client::issuer(&hospital.platform)),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "scopes_supported": [
            "openid", "fhirUser", "launch", "launch/patient", "offline_access", "online_access",
            "patient/*.rs", "user/*.cruds", "system/*.cruds",
        ],
    })
}

/// `/.well-known/oauth-authorization-server`
pub async fn authorization_server(State(hospital): State<Hospital>) -> Json<Value> {
    Json(metadata(&hospital))
}

/// `/.well-known/openid-configuration`
pub async fn openid(State(hospital): State<Hospital>) -> Json<Value> {
    let mut told = metadata(&hospital);
    told["subject_types_supported"] = json!(["public"]);
    told["id_token_signing_alg_values_supported"] = json!(["ES256"]);
    told["claims_supported"] = json!(["iss", "sub", "aud", "iat", "exp", "auth_time", "nonce", "fhirUser"]);
    Json(told)
}

/// `/fhir/R4/.well-known/smart-configuration`
pub async fn smart(State(hospital): State<Hospital>) -> Json<Value> {
    let mut told = metadata(&hospital);
    told["capabilities"] = json!([
        "launch-ehr",
        "launch-standalone",
        "client-public",
        "client-confidential-symmetric",
        "client-confidential-asymmetric",
        "sso-openid-connect",
        "context-ehr-patient",
        "context-standalone-patient",
        "permission-offline",
        "permission-online",
        "permission-patient",
        "permission-user",
        "permission-v1",
        "permission-v2",
    ]);
    Json(told)
}

/// `/oauth/jwks`
pub async fn jwks(State(hospital): State<Hospital>) -> Reply<Json<JwkSet>> {
    Ok(Json(exchange::id_token_keys(&hospital.platform)?))
}
