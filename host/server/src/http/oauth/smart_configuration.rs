//! `GET /fhir/R4/.well-known/smart-configuration`

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::app::Hospital;

/// What this server does of SMART App Launch. For everybody.
pub async fn smart_configuration(State(hospital): State<Hospital>) -> Json<Value> {
    Json(json!({
        "token_endpoint": hospital.token_url(),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "scopes_supported": ["system/*.cruds"],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }))
}
