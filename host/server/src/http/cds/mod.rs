//! CDS Hooks 2.0: checkers of prescriptions as services.

mod call;
mod feedback;
mod services;

use axum::http::{HeaderMap, header};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{app::Hospital, http::access::by};

/// Where the services are.
pub(crate) const BASE: &str = "/cds-services";

/// The routes.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::CheckPrescription, routes!(services::services)))
        .routes(by(&Action::CheckPrescription, routes!(call::call)))
        .routes(by(&Action::CheckPrescription, routes!(feedback::feedback)))
}

/// The language that is wanted most of those there are.
fn language(headers: &HeaderMap) -> &'static str {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let weighed = asked.split(',').filter_map(|range| {
        let (tag, weight) = range.split_once(";q=").unwrap_or((range, "1"));
        let weight: f32 = weight.trim().parse().ok()?;
        let known = match tag.trim().split('-').next()? {
            "zh" => "zh-CN",
            "en" => "en",
            _ => return None,
        };
        (weight > 0.0).then_some((known, weight))
    });
    // The first of those that are wanted as much.
    weighed.fold(("zh-CN", 0.0), |best, next| if next.1 > best.1 { next } else { best }).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_wanted_most() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, text.parse().expect("a value"));
            language(&headers)
        };
        assert_eq!(language(&HeaderMap::new()), "zh-CN");
        assert_eq!([of("en"), of("en-GB,zh;q=0.5"), of("de, zh;q=0.2, en;q=0.3")], ["en"; 3]);
        assert_eq!([of("de"), of("zh, en"), of("en;q=0"), of("en;q=x")], ["zh-CN"; 4]);
    }
}
