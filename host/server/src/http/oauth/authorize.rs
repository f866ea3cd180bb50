//! `GET /oauth/authorize`, and the steps on its pages.

use axum::{
    Form,
    extract::{FromRequestParts, Query, State, rejection::QueryRejection},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{LOCATION, SET_COOKIE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use xinglin_domain::code::Code;
use xinglin_identity::app::authorize::{self, AuthorizeAsk, Next, StepAsk, Visitor};
use xinglin_platform::{AppError, AppResult, trail::Trail};

use crate::{
    Hospital,
    http::{
        cookie,
        oauth::page::{self, Language},
        problem::Refused,
        request_id::RequestId,
    },
};

/// What the browser is known by while somebody is asked.
const COOKIE: &str = "xinglin-authorize";

/// Who looks at the page, and in which language.
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
            request_id: parts.extensions.get::<RequestId>().cloned().unwrap_or_default().0,
        };
        Ok(Self { visitor, language: Language::of(&parts.headers) })
    }
}

/// An app asks for something, and the person is shown what.
pub async fn ask(
    State(hospital): State<Hospital>,
    looker: Looker,
    asked: Result<Query<AuthorizeAsk>, QueryRejection>,
) -> Response {
    let ask = asked.map_err(|_| AppError::new(Code::BodyInvalid, "each parameter once"));
    let next = match ask {
        Ok(Query(ask)) => authorize::authorize(&hospital.platform, ask, &looker.visitor).await,
        Err(error) => Err(error),
    };
    let mut response = shown(next, looker.language);
    if response.status() == StatusCode::OK {
        let secure = hospital.platform.config().base_url().starts_with("https://");
        if let Ok(value) = HeaderValue::from_str(&cookie::set(COOKIE, &looker.visitor.browser, "/oauth", secure)) {
            response.headers_mut().insert(SET_COOKIE, value);
        }
    }
    response
}

/// What the person did on the page.
pub async fn step(
    State(hospital): State<Hospital>,
    looker: Looker,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let mut step = StepAsk::default();
    for (name, value) in fields {
        match name.as_str() {
            "ticket" => step.ticket = value,
            "action" => step.action = value,
            "login" => step.login = value,
            "password" => step.password = value,
            "code" => step.code = value,
            "scope" => step.scopes.push(value),
            "patient" => step.patient = Some(value),
            _ => {}
        }
    }
    shown(authorize::step(&hospital.identity, step, &looker.visitor).await, looker.language)
}

fn shown(next: AppResult<Next>, language: Language) -> Response {
    match next {
        Ok(Next::Page(shown)) => page::page(&shown, language),
        Ok(Next::Away(to)) => match HeaderValue::from_str(&to) {
            Ok(to) => {
                let mut headers: HeaderMap = page::headers("");
                headers.insert(LOCATION, to);
                (StatusCode::FOUND, headers).into_response()
            }
            Err(error) => Refused::from(AppError::internal(error)).into_response(),
        },
        Err(error) => page::refusal(&error, language),
    }
}
