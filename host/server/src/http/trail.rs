//! No answer without its line in the audit trail: what a request saw of a record is
//! written down before it is answered.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::app::{Hospital, audit::Trail};

/// Follows a request and writes down what it touched.
pub async fn layer(State(hospital): State<Hospital>, mut request: Request, next: Next) -> Response {
    let trail = Trail::of(request.method().as_str(), request.uri().path());
    request.extensions_mut().insert(trail.clone());
    request.extensions_mut().insert(hospital.clone());
    let response = next.run(request).await;
    match hospital.write_trail(&trail, response.status().as_u16()).await {
        Ok(()) => response,
        Err(error) => error.into_response(),
    }
}
