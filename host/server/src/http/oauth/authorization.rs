//! `GET /oauth/authorize`, and the steps of its pages.

use axum::{
    extract::{FromRequestParts, Query, State, rejection::QueryRejection},
    http::{StatusCode, header::LOCATION, request::Parts},
    response::{IntoResponse, Response},
};
use axum_extra::extract::{Form, FormRejection};
use xinglin_domain::code::Code;
use xinglin_identity::app::authorize::{self, AuthorizeAsk, Next, StepAsk, Visitor};
use xinglin_platform::{AppError, AppResult, trail::Trail};

use crate::{
    Hospital,
    http::{cookie, language::Language, oauth::page, request_id},
};

/// The cookie that identifies the browser during an authorisation.
const COOKIE: &str = "xinglin-authorize";

/// The browser and its language.
pub struct Looker {
    visitor: Visitor,
    language: Language,
}

impl FromRequestParts<Hospital> for Looker {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Hospital) -> Result<Self, Self::Rejection> {
        let visitor = Visitor {
            browser: cookie::find(&parts.headers, COOKIE).unwrap_or_else(cookie::draw),
            trail: parts.extensions.get::<Trail>().cloned().unwrap_or_default(),
            request_id: request_id::of(&parts.extensions).to_owned(),
        };
        Ok(Self { visitor, language: page::language(&parts.headers) })
    }
}

/// An app requests authorisation: shows the request to the person.
pub async fn ask(
    State(hospital): State<Hospital>,
    looker: Looker,
    asked: Result<Query<AuthorizeAsk>, QueryRejection>,
) -> Response {
    let next = match asked {
        Ok(Query(ask)) => authorize::authorize(&hospital.platform, ask, &looker.visitor).await,
        Err(_) => Err(AppError::new(Code::BodyInvalid, "each parameter once")),
    };
    let response = shown(next, looker.language);
    if response.status() != StatusCode::OK {
        return response;
    }
    let secure = hospital.platform.config().base_url().starts_with("https://");
    (cookie::set(COOKIE, looker.visitor.browser, "/oauth", secure), response).into_response()
}

/// The person's input on the page.
pub async fn step(
    State(hospital): State<Hospital>,
    looker: Looker,
    step: Result<Form<StepAsk>, FormRejection>,
) -> Response {
    let next = match step {
        Ok(Form(step)) => authorize::step(&hospital.identity, step, &looker.visitor).await,
        Err(_) => Err(AppError::new(Code::BodyInvalid, "send what the page has, each field once")),
    };
    shown(next, looker.language)
}

fn shown(next: AppResult<Next>, language: Language) -> Response {
    match next {
        Ok(Next::Page(shown)) => page::page(&shown, language),
        Ok(Next::Away(to)) => (StatusCode::FOUND, page::headers(""), [(LOCATION, to)]).into_response(),
        Err(error) => page::refusal(&error, language),
    }
}
