//! Text of SVG that the host writes.

use std::borrow::Cow;

/// A text as character data or as the value of an attribute: it never becomes markup.
pub fn escaped(text: &str) -> Cow<'_, str> {
    const MARKUP: [char; 5] = ['&', '<', '>', '"', '\''];
    if !text.contains(MARKUP) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup() {
        assert_eq!(escaped("血糖 7.0"), "血糖 7.0");
        assert_eq!(escaped("a\"><img src='x'>&"), "a&quot;&gt;&lt;img src=&#39;x&#39;&gt;&amp;");
    }
}
