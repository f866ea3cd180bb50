//! The pages on which people sign in for an app and authorise it: no scripts, no external
//! resources, no framing, no caching.

use askama::Template;
use axum::{
    http::{
        HeaderMap, HeaderName, StatusCode,
        header::{
            ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
            X_FRAME_OPTIONS,
        },
    },
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use url::Url;
use xinglin_domain::{
    code::Code,
    scope::{Context, Scopes, Word},
};
use xinglin_identity::app::authorize::{Choice, Page, Show};
use xinglin_platform::AppError;

use crate::http::{
    language::Language,
    problem::{self, Refused},
};

const STYLE: &str = include_str!("../../../templates/oauth/page.css");

#[derive(Template)]
#[template(path = "oauth/sign-in.html")]
struct SignIn<'a> {
    language: Language,
    page: &'a Page,
    login: &'a str,
    refused: Option<Code>,
}

#[derive(Template)]
#[template(path = "oauth/consent.html")]
struct Consent<'a> {
    language: Language,
    page: &'a Page,
    login: &'a str,
    scopes: Vec<Asked>,
    patients: &'a [Choice],
    whole: bool,
}

/// One scope that an app requests.
struct Asked {
    name: String,
    words: String,
}

#[derive(Template)]
#[template(path = "oauth/refusal.html")]
struct Refusal<'a> {
    language: Language,
    error: &'a AppError,
}

/// The preferred language; Chinese without `Accept-Language`.
pub fn language(headers: &HeaderMap) -> Language {
    let other = if headers.contains_key(ACCEPT_LANGUAGE) { Language::English } else { Language::Chinese };
    Language::wanted(headers).unwrap_or(other)
}

/// Headers of every page and of the redirect: `back` is the allowed target of its form.
pub fn headers(back: &str) -> [(HeaderName, String); 5] {
    // Browsers apply `form-action` to the redirect after a form, too.
    let target = match Url::parse(back) {
        Ok(url) if url.origin().is_tuple() => url.origin().ascii_serialization(),
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => String::new(),
    };
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self' {target}; frame-ancestors 'none'; \
         base-uri 'none'"
    );
    [
        (CONTENT_SECURITY_POLICY, policy),
        (X_FRAME_OPTIONS, "DENY".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (REFERRER_POLICY, "no-referrer".to_owned()),
        (CACHE_CONTROL, "no-store".to_owned()),
    ]
}

/// A page of the authorisation.
pub fn page(page: &Page, language: Language) -> Response {
    match &page.show {
        Show::SignIn { login, refused } => {
            shown(StatusCode::OK, &page.back, &SignIn { language, page, login, refused: *refused })
        }
        Show::Consent { login, scopes, patients, whole } => {
            let asked = |scope: &Scopes| Asked { name: scope.to_string(), words: in_words(scope, language) };
            let scopes = scopes.iter().map(asked).collect();
            shown(StatusCode::OK, &page.back, &Consent { language, page, login, scopes, patients, whole: *whole })
        }
    }
}

/// The page that ends an authorisation with an error.
pub fn refusal(error: &AppError, language: Language) -> Response {
    let status = problem::status(error.code);
    if status.is_server_error() {
        tracing::error!(%error, "a page could not be shown");
    }
    shown(status, "", &Refusal { language, error })
}

fn shown(status: StatusCode, back: &str, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, headers(back), Html(text)).into_response(),
        Err(error) => Refused::from(AppError::internal(error)).into_response(),
    }
}

/// The rights of these scopes, in words.
fn in_words(scope: &Scopes, language: Language) -> String {
    let rights = scope.rights_in_words().map(|(context, kind, reads, writes)| {
        let what = noun(kind, language);
        match (language, context, reads, writes) {
            (Language::Chinese, Context::Patient, ..) => format!("查看该患者的{what}"),
            (Language::Chinese, _, true, true) => format!("查看和修改您有权处理的所有{what}"),
            (Language::Chinese, _, false, _) => format!("修改您有权处理的所有{what}"),
            (Language::Chinese, _, true, false) => format!("查看您有权查看的所有{what}"),
            (Language::English, Context::Patient, ..) => format!("see {what} of this patient"),
            (Language::English, _, true, true) => format!("see and change all {what} that you may"),
            (Language::English, _, false, _) => format!("change all {what} that you may"),
            (Language::English, _, true, false) => format!("see all {what} that you may see"),
        }
    });
    let words = scope.words().map(|word| {
        let (zh, en) = match word {
            Word::FhirUser => ("知道您在病历系统中的身份", "know who you are in the record"),
            Word::Launch | Word::LaunchPatient => ("知道所选的患者", "know which patient is meant"),
            Word::OfflineAccess => ("在您离开后继续，直至您撤销", "go on when you have left, until you end it"),
            Word::OnlineAccess => ("在您使用期间保持登录", "stay signed in while you use it"),
            Word::OpenId => ("知道您的账号编号", "know your account's number"),
        };
        language.say(zh, en).to_owned()
    });
    rights.chain(words).collect::<Vec<_>>().join("; ")
}

fn noun(kind: &str, language: Language) -> String {
    const NOUNS: [(&str, &str, &str); 15] = [
        ("*", "病历内容", "records"),
        ("AllergyIntolerance", "过敏史", "allergies"),
        ("CarePlan", "管理方案", "care plans"),
        ("Claim", "费用", "charges"),
        ("Condition", "诊断", "diagnoses"),
        ("Coverage", "医保信息", "insurance"),
        ("DiagnosticReport", "检查报告", "reports"),
        ("DocumentReference", "文书", "documents"),
        ("Encounter", "就诊记录", "visits"),
        ("Immunization", "免疫接种", "vaccinations"),
        ("MedicationDispense", "发药记录", "medicines handed out"),
        ("MedicationRequest", "处方", "prescriptions"),
        ("Observation", "检验与测量", "results and measurements"),
        ("Patient", "基本信息", "basic data"),
        ("Procedure", "操作", "procedures"),
    ];
    let known = NOUNS.iter().find(|(name, ..)| *name == kind);
    known.map_or_else(|| kind.to_owned(), |(_, zh, en)| language.say(zh, en).to_owned())
}

#[cfg(test)]
mod tests {
    use axum::body;
    use xinglin_domain::id::PatientId;

    use super::*;

    const HOSTILE: &str = "<script>\"'&";

    fn shown(show: Show) -> Page {
        let text = || HOSTILE.to_owned();
        Page { app: text(), hospital: text(), back: text(), ticket: text(), show }
    }

    async fn text(response: Response) -> String {
        let bytes = body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        String::from_utf8(bytes.into()).expect("text")
    }

    #[tokio::test]
    async fn nothing_that_is_shown_becomes_markup() {
        let choice = Choice { id: PatientId::from_u128(1), name: HOSTILE.to_owned() };
        let scopes = vec![Scopes::known("patient/*.rs")];
        let login = || HOSTILE.to_owned();
        let sign_in = shown(Show::SignIn { login: login(), refused: Some(Code::AuthRequired) });
        let consent = shown(Show::Consent { login: login(), scopes, patients: vec![choice], whole: true });
        let error = AppError::new(Code::BodyInvalid, HOSTILE);
        for language in [Language::Chinese, Language::English] {
            let pages = [(page(&sign_in, language), 4), (page(&consent, language), 6), (refusal(&error, language), 1)];
            for (page, times) in pages {
                let text = text(page).await;
                assert!(
                    !text.contains("<script") && text.matches("&#60;script&#62;&#34;&#39;&#38;").count() == times,
                    "{text}"
                );
                assert!(text.contains(&format!("lang=\"{}\"", language.tag())), "{text}");
            }
        }
    }

    #[tokio::test]
    async fn the_policy_admits_the_style_of_the_page_and_nothing_else() {
        let page = page(&shown(Show::SignIn { login: String::new(), refused: None }), Language::English);
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned();
        let text = text(page).await;
        let (_, rest) = text.split_once("<style>").expect("a style");
        let (style, _) = rest.split_once("</style>").expect("its end");
        let admitted = format!("style-src 'sha256-{}';", STANDARD.encode(Sha256::digest(style)));
        assert!(style.contains("font:") && policy.contains(&admitted), "{policy}");
    }
}
