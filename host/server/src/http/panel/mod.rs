//! What a pathway shows of a patient.

mod chart;
mod page;
mod words;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use axum_extra::extract::{Form, FormRejection};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_care::panel::{self, PanelView};
use xinglin_domain::{access::Action, code::Code, id::EnrolmentId};
use xinglin_platform::{AppError, Caller};

use crate::{
    Hospital,
    http::{
        access::{READERS, allowed, by},
        extract::At,
        language::Language,
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(allowed(READERS, routes!(get)))
        .routes(by(&Action::AnswerQuestionnaire, routes!(answer)))
}

/// The panel of an enrolment for the caller, as its plugin describes it: JSON, or with `Accept: text/html`
/// a page without scripts. Without an answer of the plugin there are no blocks, and a `reason`. Times in
/// blocks are microseconds since 1970.
#[utoipa::path(
    get, path = "/api/v1/enrolments/{id}/panel", tag = "Enrolment",
    params(("id" = String, Path, description = "`enr-…`")),
    responses(
        (status = 200, content((PanelView = "application/json"), (String = "text/html"))),
        (status = "4XX", body = Problem),
    ),
)]
pub async fn get(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EnrolmentId>,
    headers: HeaderMap,
) -> Reply<Response> {
    let view = panel::show(&hospital.extensions, &caller, id).await?;
    let varies = [(header::VARY, "Accept, Accept-Language")];
    Ok(match wants_page(&headers) {
        true => (varies, page::page(&view, None, language(&headers))).into_response(),
        false => (varies, Json(view)).into_response(),
    })
}

/// The form of a panel was sent. Its fields are `questionnaire`, and `q.` with the link of each question.
/// Returns the page as it is now; if an answer says that the patient is in danger, the hospital's numbers
/// to call come first.
#[utoipa::path(
    post, path = "/api/v1/enrolments/{id}/panel", tag = "Enrolment",
    params(("id" = String, Path, description = "`enr-…`")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = String, content_type = "text/html"), (status = "4XX", body = Problem)),
)]
pub async fn answer(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(id): At<EnrolmentId>,
    headers: HeaderMap,
    form: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Reply<Response> {
    let wrong = |what: String| AppError::new(Code::BodyInvalid, what);
    let Form(fields) = form.map_err(|refused| wrong(refused.to_string()))?;
    let (mut questionnaire, mut answers) = (None, Vec::new());
    for (name, value) in fields {
        match name.strip_prefix("q.") {
            Some(link) => answers.push((link.to_owned(), value)),
            None if name == "questionnaire" => questionnaire = Some(value),
            None => return Err(wrong(format!("field `{name}`: none of this form")).into()),
        }
    }
    let questionnaire = questionnaire.ok_or_else(|| wrong("`questionnaire` is missing".to_owned()))?;
    let answered = panel::answer(&hospital.extensions, &caller, id, &questionnaire, answers).await?;
    let view = panel::show(&hospital.extensions, &caller, id).await?;
    let help = answered.safety.as_ref().map(|notice| &notice.help);
    Ok(page::page(&view, help, language(&headers)))
}

/// Chinese, unless English is preferred.
fn language(headers: &HeaderMap) -> Language {
    Language::wanted(headers).unwrap_or(Language::Chinese)
}

/// Whether `Accept` names HTML, as browsers do.
fn wants_page(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::ACCEPT);
    let kinds = all.iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    kinds.filter_map(|kind| kind.split(';').next()).any(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
}
