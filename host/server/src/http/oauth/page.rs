//! The pages on which people sign in for an app and say what it may. No script, nothing
//! from elsewhere, in no frame, kept by nobody.

use std::fmt::Write as _;

use axum::{
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
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

const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:28rem;margin:3rem auto;padding:0 1rem}\
    label{display:block;margin:.6em 0}input:not([type]),input[type=password]{display:block;width:100%;padding:.4em;\
    box-sizing:border-box}button{padding:.5em 1.4em;margin:1em .6em 0 0}.no{color:#a00000}small{color:#555}\
    fieldset{border:0;padding:0;margin:1em 0}";

/// What people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// zh-CN.
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The one that the browser would rather have; Chinese if it does not say.
    pub fn of(headers: &HeaderMap) -> Self {
        let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("zh");
        if wanted.trim_start().to_ascii_lowercase().starts_with("zh") { Self::Chinese } else { Self::English }
    }

    const fn say<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Chinese => zh,
            Self::English => en,
        }
    }
}

/// What goes with every page, and with the way back: `back` is where its form may lead.
pub fn headers(back: &str) -> HeaderMap {
    // Browsers hold the redirect after a form against this too.
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
    let mut headers = HeaderMap::new();
    let mut put = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put(CONTENT_SECURITY_POLICY, &policy);
    put(X_FRAME_OPTIONS, "DENY");
    put(X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(REFERRER_POLICY, "no-referrer");
    put(CACHE_CONTROL, "no-store");
    headers
}

/// A page of the way.
pub fn page(page: &Page, language: Language) -> Response {
    let body = match &page.show {
        Show::SignIn { login, refused } => sign_in(page, login, *refused, language),
        Show::Consent { login, scopes, patients, whole } => consent(page, login, scopes, (patients, *whole), language),
    };
    let mut headers = headers(&page.back);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    (StatusCode::OK, headers, document(&body, language)).into_response()
}

/// The way ends here.
pub fn refusal(error: &AppError, language: Language) -> Response {
    let status = StatusCode::from_u16(error.code.class().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_server_error() {
        tracing::error!(%error, "a page could not be shown");
    }
    let body = format!(
        "<h1>{}</h1><p class=\"no\">{}</p><p><small>{} {}</small></p>",
        language.say("无法继续", "This cannot go on"),
        escape(language.say(error.code.zh(), error.code.en())),
        error.code,
        escape(&error.detail),
    );
    let mut headers = headers("");
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    (status, headers, document(&body, language)).into_response()
}

fn document(body: &str, language: Language) -> String {
    let (code, title) = (language.say("zh-CN", "en"), language.say("授权", "Sign in"));
    format!(
        "<!doctype html><html lang=\"{code}\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style>{body}</html>"
    )
}

fn form(page: &Page, fields: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/oauth/authorize\" autocomplete=\"off\">\
         <input type=\"hidden\" name=\"ticket\" value=\"{}\">{fields}</form>",
        escape(&page.ticket)
    )
}

fn sign_in(page: &Page, login: &str, refused: Option<Code>, language: Language) -> String {
    let (app, hospital) = (escape(&page.app), escape(&page.hospital));
    let mut body = match language {
        Language::Chinese => format!("<h1>{hospital}</h1><p>“{app}”请求访问您的信息。请先登录。</p>"),
        Language::English => format!("<h1>{hospital}</h1><p>“{app}” asks for your information. Sign in first.</p>"),
    };
    if let Some(code) = refused {
        let _ =
            write!(body, "<p class=\"no\">{} <small>{code}</small></p>", escape(language.say(code.zh(), code.en())));
    }
    let fields = format!(
        "<label>{}<input name=\"login\" value=\"{}\" autocomplete=\"username\" required></label>\
         <label>{}<input type=\"password\" name=\"password\" autocomplete=\"current-password\"></label>\
         <label>{}<input name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\"></label>\
         <button name=\"action\" value=\"sign-in\">{}</button>\
         <button name=\"action\" value=\"deny\" formnovalidate>{}</button>",
        language.say("账号", "Login"),
        escape(login),
        language.say("密码", "Password"),
        language.say("动态验证码（如已启用）", "Code of your authenticator, if you have one"),
        language.say("登录", "Sign in"),
        language.say("取消", "Cancel"),
    );
    body.push_str(&form(page, &fields));
    body
}

fn consent(
    page: &Page,
    login: &str,
    scopes: &[Scopes],
    (patients, whole): (&[Choice], bool),
    language: Language,
) -> String {
    let (app, hospital, login) = (escape(&page.app), escape(&page.hospital), escape(login));
    let mut body = match language {
        Language::Chinese => {
            format!("<h1>{hospital}</h1><p>{login}，是否允许“{app}”以您的名义：</p>")
        }
        Language::English => format!("<h1>{hospital}</h1><p>{login}, may “{app}” act in your name and:</p>"),
    };
    let mut fields = String::from("<fieldset>");
    for scope in scopes {
        let _ = write!(
            fields,
            "<label><input type=\"checkbox\" name=\"scope\" value=\"{}\" checked> {} <small>{}</small></label>",
            escape(&scope.to_string()),
            escape(&in_words(scope, language)),
            escape(&scope.to_string()),
        );
    }
    fields.push_str("</fieldset>");
    if !patients.is_empty() {
        let _ = write!(fields, "<fieldset><p>{}</p>", language.say("患者：", "The patient:"));
        for (place, Choice { id, name }) in patients.iter().enumerate() {
            // Of several, none is meant until it is chosen.
            let chosen = if place == 0 && patients.len() == 1 { " checked" } else { "" };
            let _ = write!(
                fields,
                "<label><input type=\"radio\" name=\"patient\" value=\"{id}\"{chosen}> {}</label>",
                escape(name)
            );
        }
        if whole {
            let (zh, en) = ("其中包括病历中的受限内容。", "This includes the restricted parts of the record.");
            let _ = write!(fields, "<p>{}</p>", language.say(zh, en));
        }
        fields.push_str("</fieldset>");
    }
    let _ = write!(
        fields,
        "<p><small>{} {}</small></p><button name=\"action\" value=\"allow\">{}</button>\
         <button name=\"action\" value=\"deny\">{}</button>",
        language.say("之后返回：", "Then you go back to:"),
        escape(&page.back),
        language.say("允许", "Allow"),
        language.say("拒绝", "Refuse"),
    );
    body.push_str(&form(page, &fields));
    body
}

/// What somebody agrees to who agrees to this.
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

/// As text, wherever it stands.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
