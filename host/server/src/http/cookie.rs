//! Cookies that bind a sign-in or authorisation in progress to one browser.

use axum::http::{HeaderMap, header::COOKIE};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use time::Duration;
use xinglin_platform::ambient;

/// Lifetime of a cookie.
const LASTS: Duration = Duration::minutes(10);

/// A random value for one browser.
pub fn draw() -> String {
    URL_SAFE_NO_PAD.encode(ambient::random_bytes::<32>())
}

/// The value of a cookie, if it has the form of [`draw`]. Of several the first: browsers send the
/// longest path first, and another site of the domain can set one with the path `/`.
pub fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookie = texts.flat_map(Cookie::split_parse).flatten().find(|cookie| cookie.name() == name)?;
    let value = cookie.value();
    URL_SAFE_NO_PAD.decode(value).is_ok_and(|bytes| bytes.len() == 32).then(|| value.to_owned())
}

/// The cookie: `HttpOnly`, `SameSite=Lax`.
pub fn set(name: &'static str, value: String, path: &'static str, secure: bool) -> CookieJar {
    let cookie = Cookie::build((name, value)).path(path).max_age(LASTS).http_only(true).same_site(SameSite::Lax);
    CookieJar::new().add(cookie.secure(secure))
}

#[cfg(test)]
mod tests {
    use axum::{http::header::SET_COOKIE, response::IntoResponse};

    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let drawn = draw();
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "theme=dark; x".parse().expect("a header"));
        headers.append(COOKIE, format!("a=b; ours={drawn}; ours2=c").parse().expect("a header"));
        headers.append(COOKIE, format!("ours={}", draw()).parse().expect("a header"));
        assert_eq!(find(&headers, "ours"), Some(drawn), "the first, of the longest path");
        for other in ["theme", "x", "our", "ours2", "none"] {
            assert_eq!(find(&headers, other), None, "{other}");
        }
    }

    #[test]
    fn it_is_set_for_a_while_and_for_no_script() {
        let set = |secure| {
            let response = set("ours", "value".to_owned(), "/oauth", secure).into_response();
            let text = response.headers()[SET_COOKIE].to_str().expect("text").to_owned();
            let mut parts: Vec<_> = text.split("; ").map(str::to_owned).collect();
            parts.sort();
            parts
        };
        assert_eq!(set(false), ["HttpOnly", "Max-Age=600", "Path=/oauth", "SameSite=Lax", "ours=value"]);
        assert_eq!(set(true), ["HttpOnly", "Max-Age=600", "Path=/oauth", "SameSite=Lax", "Secure", "ours=value"]);
    }
}
