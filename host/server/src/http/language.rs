//! The languages of texts for people.

use axum::http::{HeaderMap, header::ACCEPT_LANGUAGE};

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// zh-CN.
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The preferred language (`Accept-Language`, RFC 9110 §12.5.4), the first of equal weight;
    /// `None` if neither is accepted.
    pub fn wanted(headers: &HeaderMap) -> Option<Self> {
        let asked = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let weighed = asked.split(',').filter_map(|range| {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight: f32 = weight.trim().to_ascii_lowercase().strip_prefix("q=")?.parse().ok()?;
            let known = match tag.trim().split('-').next()?.to_ascii_lowercase().as_str() {
                "zh" => Self::Chinese,
                "en" => Self::English,
                _ => return None,
            };
            (weight > 0.0 && weight <= 1.0).then_some((known, weight))
        });
        weighed.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(language, _)| language)
    }

    /// The language tag (BCP 47).
    pub const fn tag(self) -> &'static str {
        self.say("zh-CN", "en")
    }

    /// Selects the text of this language.
    pub const fn say<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Chinese => zh,
            Self::English => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_wanted_most() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, text.parse().expect("a value"));
            Language::wanted(&headers)
        };
        assert_eq!(Language::wanted(&HeaderMap::new()), None);
        assert_eq!([of("en"), of("en-GB,zh;q=0.5"), of("de, zh;q=0.2, en;q=0.3")], [Some(Language::English); 3]);
        assert_eq!([of("zh, en"), of("ZH-Hans-CN"), of("en ; Q=0.9, zh, en;q=inf")], [Some(Language::Chinese); 3]);
        assert_eq!([of("de"), of("en;q=0"), of("en;q=x")], [None; 3]);
    }
}
