//! JSON of requests and answers: without floats, for amounts, and with placeholders, which only a plugin may write.

use std::fmt::Write as _;

/// A value. Numbers keep their digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean(bool),
    /// As written.
    Number(String),
    /// Text, never taken for a placeholder.
    Text(String),
    /// A placeholder of the host.
    Place(String),
    /// In order.
    List(Vec<Json>),
    /// In order.
    Object(Vec<(String, Json)>),
}

/// Deeper values are none of an insurer.
const DEPTH: usize = 32;

impl Json {
    /// The value of a name of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(pairs) => pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// As text.
    pub fn written(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => quote(text, out),
            Self::Place(place) => {
                let _ = write!(out, "\"{{{{{place}}}}}\"");
            }
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(pairs) => {
                out.push('{');
                for (index, (name, value)) in pairs.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    quote(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// Reads a text. `None` if it is not JSON, has a name twice, or is too deep.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(DEPTH)?;
        reader.space();
        (reader.at == text.len()).then_some(value)
    }
}

/// An opening brace is escaped: `{{secret:token}}` in a patient's words must stay words.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '{' => out.push_str("\\u007b"),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn take(&mut self, token: &str) -> Option<()> {
        self.text.get(self.at..)?.starts_with(token).then(|| self.at += token.len())
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        let depth = depth.checked_sub(1)?;
        self.space();
        Some(match self.peek()? {
            b'n' => self.take("null").map(|()| Json::Null)?,
            b't' => self.take("true").map(|()| Json::Boolean(true))?,
            b'f' => self.take("false").map(|()| Json::Boolean(false))?,
            b'"' => Json::Text(self.string()?),
            b'[' => Json::List(self.list(depth)?),
            b'{' => Json::Object(self.object(depth)?),
            _ => Json::Number(self.number()?),
        })
    }

    fn list(&mut self, depth: usize) -> Option<Vec<Json>> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        while self.peek()? != b']' {
            if !items.is_empty() {
                self.take(",")?;
            }
            items.push(self.value(depth)?);
            self.space();
        }
        self.at += 1;
        Some(items)
    }

    fn object(&mut self, depth: usize) -> Option<Vec<(String, Json)>> {
        let mut pairs: Vec<(String, Json)> = Vec::new();
        self.at += 1;
        self.space();
        while self.peek()? != b'}' {
            if !pairs.is_empty() {
                self.take(",")?;
                self.space();
            }
            let name = self.string()?;
            self.space();
            self.take(":")?;
            let value = self.value(depth)?;
            if pairs.iter().any(|(other, _)| *other == name) {
                return None;
            }
            pairs.push((name, value));
            self.space();
        }
        self.at += 1;
        Some(pairs)
    }

    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }

    fn number(&mut self) -> Option<String> {
        let from = self.at;
        let _ = self.take("-");
        if self.peek()? == b'0' {
            self.at += 1
        } else {
            self.digits()?
        }
        if self.take(".").is_some() {
            self.digits()?;
        }
        if self.take("e").or_else(|| self.take("E")).is_some() {
            let _ = self.take("+").or_else(|| self.take("-"));
            self.digits()?;
        }
        self.text.get(from..self.at).map(str::to_owned)
    }

    fn hex(&mut self) -> Option<u32> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn string(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut text = String::new();
        loop {
            let letter = self.text.get(self.at..)?.chars().next()?;
            self.at += letter.len_utf8();
            match letter {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                control if u32::from(control) < 0x20 => return None,
                other => text.push(other),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first);
                }
                self.take("\\u")?;
                let second = self.hex().filter(|second| (0xdc00..0xe000).contains(second))?;
                char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_json_is_not_read() {
        for text in [
            "",
            "{",
            "[1,]",
            "[,1]",
            "{\"a\":1,}",
            "{\"a\":1,\"a\":2}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "nul",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\n\"",
            "[1] 2",
            "{a:1}",
            "[1 2]",
            "{\"a\" 1}",
        ] {
            assert_eq!(Json::read(text), None, "{text}");
        }
        assert_eq!(Json::read(&"[".repeat(1_000)), None);
        let read = Json::read(r#" {"a": [1.50, -0, "\ud83d\ude00\u007b"], "b": {}} "#).expect("JSON");
        assert_eq!(
            read.get("a"),
            Some(&Json::List(vec![
                Json::Number("1.50".to_owned()),
                Json::Number("-0".to_owned()),
                Json::Text("😀{".to_owned()),
            ]))
        );
    }

    proptest! {
        #[test]
        fn words_stay_words(text in "\\PC*|.*\\{\\{secret:token\\}\\}.*") {
            let written = Json::Text(text.clone()).written();
            prop_assert!(!written.contains('{'), "{}", written);
            prop_assert_eq!(Json::read(&written), Some(Json::Text(text)));
        }
    }
}
