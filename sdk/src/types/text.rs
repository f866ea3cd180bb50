//! Texts for display.

use super::{LocalizedText, Translation};

/// The same text in Chinese and English. For a hospital with another language
/// the host shows the first.
pub fn zh_en(zh: impl Into<String>, en: impl Into<String>) -> LocalizedText {
    vec![
        Translation { language: "zh-CN".to_owned(), text: zh.into() },
        Translation { language: "en".to_owned(), text: en.into() },
    ]
}
