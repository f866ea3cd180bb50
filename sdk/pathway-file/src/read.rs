//! YAML to model. YAML is read by `granit-parser`, event by event, into a tree that knows the place of
//! every node; serde then makes the model of it. What YAML guesses elsewhere is not guessed here: only
//! `true`, `false` and whole numbers are other than text, so `16.7` keeps its digits and `no` is a word.

use std::{collections::BTreeMap, fmt};

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput};
use serde_json::{Map, Value};

use crate::{condition, model::Pathway};

/// Largest file, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
const MAX_DEPTH: usize = 16;
const MAX_NODES: usize = 20_000;

/// A place in a file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A file, read.
#[derive(Debug, Clone)]
pub struct File {
    /// The model.
    pub pathway: Pathway,
    /// Where each node is, by its path: `stages[0].rules[2].if`.
    pub places: Places,
}

/// Where each node of a file is.
#[derive(Debug, Clone, Default)]
pub struct Places(BTreeMap<String, Place>);

impl Places {
    /// The place of a path, or of the nearest node around it.
    pub fn of(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            if let Some(place) = self.0.get(path) {
                return Some(*place);
            }
            path = path.get(..path.rfind(['.', '['])?)?;
        }
    }
}

/// Why a file cannot be read: where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// Where.
    pub place: Option<Place>,
    /// The path of the node, if it is known.
    pub path: String,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "{place}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for ReadError {}

/// Reads a file.
///
/// # Errors
/// The first thing that is no pathway file, with its place.
pub fn read(text: &str) -> Result<File, ReadError> {
    if text.len() > MAX_BYTES {
        let what = format!("the file has {} bytes; at most {MAX_BYTES} are read: split the pathway", text.len());
        return Err(ReadError { place: None, path: String::new(), what });
    }
    let mut options = Options::default();
    options.emit_comments = false;
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader { parser, places: Places::default(), nodes: 0 };
    let tree = reader.file()?;
    let places = reader.places;
    match serde_path_to_error::deserialize(&tree) {
        Ok(pathway) => Ok(File { pathway, places }),
        Err(error) => {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { path };
            Err(located(&tree, &places, path, &error.into_inner().to_string()))
        }
    }
}

/// A refused value with its place; within a condition, the place of the mistake.
fn located(tree: &Value, places: &Places, path: String, message: &str) -> ReadError {
    let mut place = places.of(&path);
    if let (Some(found), Some(Value::String(text))) = (&mut place, at(tree, &path))
        && let Err(mistake) = condition::parse(text)
        && message == mistake.to_string()
        && !text.contains('\n')
    {
        found.column += mistake.at;
    }
    let what = match message {
        message if message.starts_with("missing field") => format!("{message}: add it"),
        message if message.starts_with("unknown field") => format!("{message}: correct or remove it"),
        message if message.starts_with("invalid type:") && message.ends_with("expected a string") => {
            format!("{message}: put it in quotes")
        }
        message => message.to_owned(),
    };
    ReadError { place, path, what }
}

/// The value at a path, such as `stages[0].if`.
fn at<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = tree;
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        value = match part.strip_suffix(']') {
            Some(index) => value.get(index.parse::<usize>().ok()?)?,
            None => value.get(part)?,
        };
    }
    Some(value)
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    places: Places,
    nodes: usize,
}

fn place(span: &Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), ReadError> {
        match self.parser.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let at = Place { line: error.marker().line(), column: error.marker().col() + 1 };
                Err(wrong(Some(at), "", format!("no YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn file(&mut self) -> Result<Value, ReadError> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd | Event::DocumentEnd, span) => {
                    return Err(wrong(Some(place(&span)), "", "the file is empty: begin with `id: acme.my-pathway`"));
                }
                (event, span) => {
                    let tree = self.node(event, &span, "", 0)?;
                    loop {
                        match self.next()? {
                            (Event::StreamEnd, _) => break,
                            (Event::DocumentEnd, _) => {}
                            (_, span) => {
                                let what = "a file has one pathway: put the next into its own file";
                                return Err(wrong(Some(place(&span)), "", what));
                            }
                        }
                    }
                    return Ok(tree);
                }
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span, path: &str, depth: usize) -> Result<Value, ReadError> {
        let at = place(span);
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(wrong(Some(at), path, "the file is nested too deeply, or too large: split the pathway"));
        }
        match event {
            Event::Scalar(_, _, anchor, tag) if anchor != 0 || tag.is_some() => Err(no_anchors(at, path)),
            Event::SequenceStart(_, anchor, tag) | Event::MappingStart(_, anchor, tag)
                if anchor != 0 || tag.is_some() =>
            {
                Err(no_anchors(at, path))
            }
            Event::Scalar(text, style, ..) => {
                let inside = usize::from(matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
                self.places.0.insert(path.to_owned(), Place { column: at.column + inside, ..at });
                Ok(scalar(&text, style))
            }
            Event::SequenceStart(..) => {
                self.places.0.insert(path.to_owned(), at);
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => return Ok(Value::Array(list)),
                        (event, span) => {
                            let path = format!("{path}[{}]", list.len());
                            list.push(self.node(event, &span, &path, depth + 1)?);
                        }
                    }
                }
            }
            Event::MappingStart(..) => {
                self.places.0.insert(path.to_owned(), at);
                self.mapping(path, depth)
            }
            _ => Err(no_anchors(at, path)),
        }
    }

    fn mapping(&mut self, path: &str, depth: usize) -> Result<Value, ReadError> {
        let mut map = Map::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Object(map)),
                (Event::Scalar(key, ..), span) => {
                    let at = place(&span);
                    if map.contains_key(key.as_ref()) {
                        return Err(wrong(Some(at), path, format!("`{key}` is there twice: keep one")));
                    }
                    key.into_owned()
                }
                (_, span) => return Err(wrong(Some(place(&span)), path, "a key is a word")),
            };
            let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let (event, span) = self.next()?;
            let value = self.node(event, &span, &inner, depth + 1)?;
            // A key without a value is not there.
            if !value.is_null() {
                map.insert(key, value);
            }
        }
    }
}

/// Only these are no texts: `true`, `false`, whole numbers, and nothing.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::from(text);
    }
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "" | "~" | "null" => Value::Null,
        text => match text.parse::<u64>() {
            Ok(number) if !text.starts_with('+') => Value::from(number),
            _ => Value::from(text),
        },
    }
}

fn no_anchors(at: Place, path: &str) -> ReadError {
    wrong(Some(at), path, "anchors (&), aliases (*) and tags (!) are not taken: write it out, or put it in quotes")
}

fn wrong(place: Option<Place>, path: &str, what: impl Into<String>) -> ReadError {
    ReadError { place, path: path.to_owned(), what: what.into() }
}
