//! All that a reminder can say. The name of the hospital, or the one that it chose for reminders, is the only part that
//! anybody writes.

/// The language of a reminder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Language {
    /// Chinese.
    #[default]
    #[serde(rename = "zh-CN")]
    Chinese,
    /// English.
    #[serde(rename = "en")]
    English,
}

impl Language {
    /// As a language tag.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    /// The language of a tag; Chinese for what is neither.
    pub fn of(tag: &str) -> Self {
        let primary = tag.split('-').next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("en") { Self::English } else { Self::Chinese }
    }
}

/// That there are new messages.
pub fn messages(hospital: &str, count: u32, language: Language) -> String {
    match (language, count) {
        (Language::Chinese, 0 | 1) => format!("您在{hospital}有一条新消息，请登录查看。"),
        (Language::Chinese, many) => format!("您在{hospital}有{many}条新消息，请登录查看。"),
        (Language::English, 0 | 1) => format!("You have a new message at {hospital}. Please sign in to read it."),
        (Language::English, many) => {
            format!("You have {many} new messages at {hospital}. Please sign in to read them.")
        }
    }
}

/// The code by which a patient confirms an address.
pub fn code(hospital: &str, code: &str, minutes: i64, language: Language) -> String {
    match language {
        Language::Chinese => format!("{hospital}：验证码{code}，{minutes}分钟内有效，请勿告诉他人。"),
        Language::English => {
            format!("{hospital}: your code is {code}, valid for {minutes} minutes. Tell it to nobody.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_but_that_there_is_something() {
        assert_eq!(messages("杏林", 1, Language::Chinese), "您在杏林有一条新消息，请登录查看。");
        assert_eq!(messages("杏林", 3, Language::Chinese), "您在杏林有3条新消息，请登录查看。");
        assert_eq!(
            messages("Xinglin", 1, Language::English),
            "You have a new message at Xinglin. Please sign in to read it."
        );
        assert_eq!(messages("X", 2, Language::English), "You have 2 new messages at X. Please sign in to read them.");
        assert!(code("X", "012345", 10, Language::English).contains("012345"));
    }

    #[test]
    fn languages_by_their_tag() {
        for (tag, language) in
            [("en", "en"), ("en-GB", "en"), ("EN", "en"), ("zh-CN", "zh-CN"), ("fr", "zh-CN"), ("", "zh-CN")]
        {
            assert_eq!(Language::of(tag).as_str(), language, "{tag}");
        }
    }
}
