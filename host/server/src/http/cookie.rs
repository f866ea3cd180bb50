//! Cookies: one at a time, for a browser that is in the middle of something.

use axum::http::{HeaderMap, header::COOKIE};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use xinglin_platform::ambient;

/// How long a browser keeps one, in seconds.
const SECONDS: u32 = 600;

/// A value that only this browser will have.
pub fn draw() -> String {
    URL_SAFE_NO_PAD.encode(ambient::random_bytes::<32>())
}

/// The value of a cookie, if it looks like one that was drawn here.
pub fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut values = pairs.flat_map(|pairs| pairs.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let value = values.find(|(found, _)| *found == name)?.1;
    URL_SAFE_NO_PAD.decode(value).is_ok_and(|bytes| bytes.len() == 32).then(|| value.to_owned())
}

/// The header that sets it: for no script, and not for what other sites send here, but
/// for who comes from there.
pub fn set(name: &str, value: &str, path: &str, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path={path}; Max-Age={SECONDS}; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let drawn = draw();
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "theme=dark; x".parse().expect("a header"));
        headers.append(COOKIE, format!("a=b; ours={drawn}; ours2=c").parse().expect("a header"));
        assert_eq!(find(&headers, "ours"), Some(drawn));
        for other in ["theme", "x", "our", "ours2", "none"] {
            assert_eq!(find(&headers, other), None, "{other}");
        }
    }
}
