//! Text to condition.

use std::fmt;

use super::{Comparison, Condition, Expression, Operator, Term, Value};
use crate::number::Number;

/// Longest condition, in bytes.
const MAX_LENGTH: usize = 2_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 16;
/// Most of the newest values that `last` and `trend` look at.
const MAX_LAST: u8 = 12;
/// Most days that are looked back.
const MAX_DAYS: u32 = 3_660;

const TERMS: &str = "obs('CODE'), lab('CODE'), delta('CODE', DAYS), change('CODE', DAYS), trend('CODE', N), \
                     answer('QUESTIONNAIRE', 'ITEM'), missed('TASK'), diagnosis('icd-10', 'PREFIX'), \
                     medication('atc', 'PREFIX'), days_in_stage, days_enrolled, age_years, sex, held";

/// Why a text is no condition, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Characters before it.
    pub at: usize,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (character {} of the condition)", self.what, self.at + 1)
    }
}

impl std::error::Error for Mistake {}

/// Reads a condition.
///
/// # Errors
/// The first mistake.
pub fn parse(text: &str) -> Result<Condition, Mistake> {
    if text.len() > MAX_LENGTH {
        return Err(Mistake { at: 0, what: format!("a condition has at most {MAX_LENGTH} bytes: split the rule") });
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.chars().count() };
    let expression = parser.any(0)?;
    match parser.peek() {
        None => Ok(Condition { text: text.to_owned(), expression }),
        Some(token) => Err(parser.mistake(format!("{token} is too much here: join conditions by `and` or `or`"))),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Number(String),
    Operator(Operator),
    Open,
    Close,
    Comma,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "`{word}`"),
            Self::Text(text) => write!(f, "`'{text}'`"),
            Self::Number(number) => write!(f, "`{number}`"),
            Self::Operator(_) => f.write_str("the comparison"),
            Self::Open => f.write_str("`(`"),
            Self::Close => f.write_str("`)`"),
            Self::Comma => f.write_str("`,`"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Mistake> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let start = at;
        at += 1;
        let mut run = |keep: fn(char) -> bool| {
            while chars.get(at).is_some_and(|c| keep(*c)) {
                at += 1;
            }
            chars.get(start..at).unwrap_or_default().iter().collect::<String>()
        };
        let token = match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '\'' => {
                let quoted = run(|c| c != '\'');
                if chars.get(at) != Some(&'\'') {
                    let what = "this quotation does not end: add a `'`".to_owned();
                    return Err(Mistake { at: start, what });
                }
                at += 1;
                Token::Text(quoted.chars().skip(1).collect())
            }
            '>' | '<' | '=' | '!' => {
                let both = chars.get(at) == Some(&'=');
                at += usize::from(both);
                Token::Operator(match (c, both) {
                    ('>', true) => Operator::AtLeast,
                    ('>', false) => Operator::Above,
                    ('<', true) => Operator::AtMost,
                    ('<', false) => Operator::Below,
                    ('!', true) => Operator::Unequal,
                    ('=', _) => Operator::Equal,
                    _ => return Err(Mistake { at: start, what: "write `not` or `!=` instead of `!`".to_owned() }),
                })
            }
            '-' | '0'..='9' => Token::Number(run(|c| c.is_ascii_digit() || c == '.')),
            c if c.is_ascii_alphabetic() => Token::Word(run(|c| c.is_ascii_alphanumeric() || c == '_')),
            '"' => {
                let what = "texts in a condition have single quotes: 'mmol/L'".to_owned();
                return Err(Mistake { at: start, what });
            }
            other => return Err(Mistake { at: start, what: format!("`{other}` means nothing in a condition") }),
        };
        found.push((start, token));
    }
    Ok(found)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    /// Where the next token is, or the end.
    fn here(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn mistake(&self, what: impl Into<String>) -> Mistake {
        Mistake { at: self.here(), what: what.into() }
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).map(|(_, token)| token.clone());
        self.next += usize::from(token.is_some());
        token
    }

    fn is(&mut self, wanted: &Token) -> bool {
        let found = self.peek() == Some(wanted);
        self.next += usize::from(found);
        found
    }

    fn word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word == wanted);
        self.next += usize::from(found);
        found
    }

    fn any(&mut self, depth: usize) -> Result<Expression, Mistake> {
        let mut parts = vec![self.all(depth)?];
        while self.word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(one_of(parts, Expression::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Expression, Mistake> {
        let mut parts = vec![self.negation(depth)?];
        while self.word("and") {
            parts.push(self.negation(depth)?);
        }
        Ok(one_of(parts, Expression::All))
    }

    fn negation(&mut self, depth: usize) -> Result<Expression, Mistake> {
        if depth > MAX_DEPTH {
            return Err(self.mistake("the condition is nested too deeply: split the rule"));
        }
        if self.word("not") {
            return Ok(Expression::Not(Box::new(self.negation(depth + 1)?)));
        }
        if self.is(&Token::Open) {
            let inner = self.any(depth + 1)?;
            return if self.is(&Token::Close) { Ok(inner) } else { Err(self.mistake("a `)` is missing here")) };
        }
        self.comparison().map(Expression::Is)
    }

    fn comparison(&mut self) -> Result<Comparison, Mistake> {
        let term = self.term()?;
        let (operator, value) = match self.peek() {
            Some(Token::Operator(operator)) => {
                let operator = *operator;
                self.next += 1;
                (operator, self.value()?)
            }
            _ if term.is_truth() => (Operator::Equal, Value::Truth(true)),
            _ => return Err(self.mistake(format!("say what {term} is compared with, for example `{term} >= 1`"))),
        };
        let (mut last, mut within_days) = (1, None);
        loop {
            if self.word("last") {
                last = u8::try_from(self.count("last", u32::from(MAX_LAST))?).unwrap_or(MAX_LAST);
            } else if self.word("within") {
                within_days = Some(self.count("within", MAX_DAYS)?);
                if !self.word("days") {
                    return Err(self.mistake("write `within N days`"));
                }
            } else {
                break;
            }
        }
        let measured = matches!(term, Term::Observed { .. });
        if (last != 1 || within_days.is_some()) && !measured {
            return Err(self.mistake("`last` and `within` belong to obs('…') and lab('…') only"));
        }
        Ok(Comparison { term, operator, value, last, within_days })
    }

    fn value(&mut self) -> Result<Value, Mistake> {
        let at = self.here();
        match self.take() {
            Some(Token::Number(number)) => {
                let parsed = number.parse::<Number>();
                let number = parsed.map_err(|error| Mistake { at, what: error.to_string() })?;
                let unit = match self.peek() {
                    Some(Token::Text(unit)) => Some(unit.clone()),
                    _ => None,
                };
                self.next += usize::from(unit.is_some());
                Ok(Value::Number(number, unit))
            }
            Some(Token::Text(text)) => Ok(Value::Text(text)),
            Some(Token::Word(word)) if word == "true" => Ok(Value::Truth(true)),
            Some(Token::Word(word)) if word == "false" => Ok(Value::Truth(false)),
            _ => {
                let what = "compare with a number and its unit, a 'text', true or false".to_owned();
                Err(Mistake { at, what })
            }
        }
    }

    fn count(&mut self, of: &str, most: u32) -> Result<u32, Mistake> {
        let at = self.here();
        let number = match self.take() {
            Some(Token::Number(number)) => number.parse::<u32>().ok(),
            _ => None,
        };
        let wrong = || Mistake { at, what: format!("`{of}` takes a whole number from 1 to {most}") };
        number.filter(|number| (1..=most).contains(number)).ok_or_else(wrong)
    }

    fn term(&mut self) -> Result<Term, Mistake> {
        let at = self.next;
        let Some(Token::Word(name)) = self.take() else {
            self.next = at;
            return Err(self.mistake(format!("a condition begins with one of {TERMS}")));
        };
        Ok(match name.as_str() {
            "days_in_stage" => Term::DaysInStage,
            "days_enrolled" => Term::DaysEnrolled,
            "age_years" => Term::AgeYears,
            "sex" => Term::Sex,
            "held" => Term::Held,
            "obs" => Term::Observed { code: self.only()?, laboratory: false },
            "lab" => Term::Observed { code: self.only()?, laboratory: true },
            "missed" => Term::Missed(self.only()?),
            "delta" => {
                let (code, days) = self.with_number(MAX_DAYS)?;
                Term::Delta { code, days }
            }
            "change" => {
                let (code, days) = self.with_number(MAX_DAYS)?;
                Term::Change { code, days }
            }
            "trend" => {
                let (code, count) = self.with_number(u32::from(MAX_LAST))?;
                if count < 2 {
                    return Err(self.mistake("a trend needs two values or more"));
                }
                Term::Trend { code, count: u8::try_from(count).unwrap_or(MAX_LAST) }
            }
            "answer" => {
                let (questionnaire, item) = self.pair()?;
                Term::Answer { questionnaire, item }
            }
            "diagnosis" => {
                let (system, prefix) = self.pair()?;
                Term::Diagnosis { system, prefix }
            }
            "medication" => {
                let (system, prefix) = self.pair()?;
                Term::Medication { system, prefix }
            }
            other => {
                self.next = at;
                return Err(self.mistake(format!("there is no `{other}`; there are {TERMS}")));
            }
        })
    }

    fn only(&mut self) -> Result<String, Mistake> {
        self.expect(&Token::Open, "(")?;
        let text = self.text()?;
        self.expect(&Token::Close, ")")?;
        Ok(text)
    }

    fn pair(&mut self) -> Result<(String, String), Mistake> {
        self.expect(&Token::Open, "(")?;
        let first = self.text()?;
        self.expect(&Token::Comma, ",")?;
        let second = self.text()?;
        self.expect(&Token::Close, ")")?;
        Ok((first, second))
    }

    fn with_number(&mut self, most: u32) -> Result<(String, u32), Mistake> {
        self.expect(&Token::Open, "(")?;
        let text = self.text()?;
        self.expect(&Token::Comma, ",")?;
        let number = self.count("this", most)?;
        self.expect(&Token::Close, ")")?;
        Ok((text, number))
    }

    fn text(&mut self) -> Result<String, Mistake> {
        let at = self.here();
        match self.take() {
            Some(Token::Text(text)) if !text.is_empty() => Ok(text),
            _ => Err(Mistake { at, what: "a code in single quotes is missing here".to_owned() }),
        }
    }

    fn expect(&mut self, token: &Token, shown: &str) -> Result<(), Mistake> {
        if self.is(token) { Ok(()) } else { Err(self.mistake(format!("`{shown}` is missing here"))) }
    }
}

fn one_of(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let of = |text: &str| parse(text).unwrap_or_else(|mistake| panic!("{text}: {mistake}")).expression;
        let Expression::Any(parts) = of("obs('14743-9') >= 16.7 'mmol/L' or not (held and days_in_stage < 14)") else {
            panic!("an or")
        };
        assert_eq!(parts.len(), 2);
        assert!(matches!(&parts[1], Expression::Not(inner) if matches!(&**inner, Expression::All(_))));
        let Expression::Is(comparison) = of("lab('4548-4') >= 7 '%' last 2 within 200 days") else { panic!("one") };
        assert_eq!((comparison.last, comparison.within_days), (2, Some(200)));
        assert_eq!(comparison.term, Term::Observed { code: "4548-4".to_owned(), laboratory: true });
        for text in [
            "missed('visit')",
            "answer('cat', 'total') >= 10",
            "answer('q', 'chest-pain') = true",
            "trend('98979-8', 3) = 'falling'",
            "change('98979-8', 365) <= -25 '%'",
            "delta('29463-7', 3) > 2 'kg'",
            "medication('atc', 'M04AA') and diagnosis('icd-10', 'N18')",
        ] {
            of(text);
        }
    }

    #[test]
    fn each_mistake_has_its_place() {
        for (text, at, hint) in [
            ("", 0, "begins with one of"),
            ("obs('1') >= ", 12, "compare with a number"),
            ("obs('1') => 5", 10, "compare with a number"),
            ("obs(1) >= 5", 4, "single quotes"),
            ("weight('1') >= 5", 0, "there is no `weight`"),
            ("obs('1')", 8, "compared with"),
            ("obs('1') >= 5 'kg", 14, "does not end"),
            ("obs('1') >= 5 \"kg\"", 14, "single quotes"),
            ("held held", 5, "is too much here"),
            ("(held", 5, "`)` is missing"),
            ("held last 2", 11, "belong to obs"),
            ("obs('1') > 1e3", 12, "is too much"),
            ("obs('1') > 5 last 0", 18, "from 1 to 12"),
            ("obs('1') > 1.2.3", 11, "no decimal number"),
            ("!held", 0, "`not`"),
        ] {
            let mistake = parse(text).expect_err(text);
            assert!(mistake.what.contains(hint), "{text}: {mistake}");
            assert_eq!(mistake.at, at, "{text}: {mistake}");
        }
        assert!(parse(&"(".repeat(1_000)).is_err());
        assert!(parse(&"not ".repeat(400)).is_err());
    }
}
