//! Parses the parameters of a search into a query for the store.
//!
//! A parameter that is not in the tables of [`parameter`] is ignored and reported as such; misuse
//! of a known one is an error, whatever handling the caller prefers.

use thiserror::Error;
use xinglin_domain::time::Instant;
use xinglin_store::{CodeFilter, Criterion, RangeMatch, ResourceQuery, Sort, SortBy, TextMatch, TokenFilter, Values};

use crate::{
    error::{Issue, IssueKind},
    parameter::{self, Parameter, Type},
    primitive,
    value::{self, Measure, Span},
};

/// An invalid search. The path of the issue is `http.` and the parameter name, as in FHIR.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SearchError(pub Issue);

impl SearchError {
    fn new(parameter: &str, kind: IssueKind, message: impl Into<String>) -> Self {
        let short: String = parameter.chars().take(64).collect();
        Self(Issue { kind, path: format!("http.{short}"), message: message.into() })
    }
}

/// Whether to return the total number of matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// No.
    None,
    /// Only if all matches are on the page. The default: counting costs as much as searching.
    IfKnown,
    /// If it is cheap to compute.
    IfCheap,
    /// Always.
    Accurate,
}

/// An `_include` or `_revinclude`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// The type with the reference.
    pub kind: String,
    /// The reference parameter; `*` for all.
    pub param: String,
    /// Only references to this type.
    pub target: Option<String>,
}

/// A search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The query.
    pub query: ResourceQuery,
    /// Patients whose records are searched, as given.
    pub named: Vec<String>,
    /// Page size.
    pub count: u32,
    /// Whether to return the total.
    pub total: Total,
    /// Return the total only.
    pub only_count: bool,
    /// Without the narrative.
    pub without_text: bool,
    /// Return only these and required elements; empty for all.
    pub elements: Vec<String>,
    /// `_include`.
    pub include: Vec<Include>,
    /// `_revinclude`.
    pub revinclude: Vec<Include>,
    /// The applied parameters.
    pub applied: Vec<(String, String)>,
    /// The ignored parameters, with reasons.
    pub ignored: Vec<SearchError>,
}

/// Maximum page size.
pub const LARGEST_PAGE: u32 = 1000;

const USUAL_PAGE: u32 = 50;

/// Maximum number of parameters, and of values of one.
const MOST: usize = 100;

/// Maximum length of a chain of references.
const DEEPEST: usize = 3;

/// Parses the parameters of a search for `kind`.
///
/// # Errors
/// If a known parameter has an invalid value, modifier or prefix.
pub fn parse(kind: &str, parameters: &[(String, String)]) -> Result<Search, SearchError> {
    let mut search = Search {
        query: ResourceQuery { kind: kind.to_owned(), ..ResourceQuery::default() },
        named: Vec::new(),
        count: USUAL_PAGE,
        total: Total::IfKnown,
        only_count: false,
        without_text: false,
        elements: Vec::new(),
        include: Vec::new(),
        revinclude: Vec::new(),
        applied: Vec::new(),
        ignored: Vec::new(),
    };
    if parameters.len() > MOST {
        return Err(SearchError::new("_", IssueKind::Value, "too many parameters"));
    }
    for (name, value) in parameters {
        match apply(&mut search, kind, name, value)? {
            Applied::Yes => search.applied.push((name.clone(), value.clone())),
            Applied::Silently => {}
            Applied::No(why) => {
                search.ignored.push(SearchError::new(name, IssueKind::NotSupported, why));
            }
        }
    }
    let ResourceQuery { tokens, criteria, .. } = &mut search.query;
    tokens.sort_by_key(|filter| rank(kind, &filter.param));
    // A leading token with several values becomes a criterion of its own if it is selective:
    // several codes are, several statuses are not.
    if let Some(first) = tokens.first()
        && first.any_of.len() > 1
        && rank(kind, &first.param) < LEAST_TELLING
    {
        criteria.push(Criterion::Token(tokens.remove(0)));
    }
    Ok(search)
}

enum Applied {
    Yes,
    /// It concerns the form of the response, not the search.
    Silently,
    No(&'static str),
}

/// Rank of parameters with few distinct values.
const LEAST_TELLING: u8 = 3;

/// Typical selectivity of a token: lower is more selective.
fn rank(kind: &str, param: &str) -> u8 {
    match param {
        "identifier" => 0,
        "status"
        | "category"
        | "class"
        | "gender"
        | "active"
        | "intent"
        | "use"
        | "priority"
        | "outcome"
        | "type"
        | "clinical-status"
        | "verification-status" => 3,
        _ if parameter::find(kind, param).is_some_and(|p| p.kind == Type::Reference) => 1,
        _ => 2,
    }
}

/// Whether a query involves other types than the one searched: by include, chain or reverse
/// chain. An escaped name may be any of these.
pub fn reaches(query: &str) -> bool {
    query.split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        name.contains(['.', '%']) || ["_include", "_revinclude", "_has"].iter().any(|start| name.starts_with(start))
    })
}

fn apply(search: &mut Search, kind: &str, name: &str, value: &str) -> Result<Applied, SearchError> {
    let bad = |message: &str| SearchError::new(name, IssueKind::Value, message);
    match name {
        "_format" | "_pretty" => return Ok(Applied::Silently),
        "_count" => {
            let count: u32 = value.parse().map_err(|_| bad("must be a whole number from 0"))?;
            search.only_count |= count == 0;
            search.count = count.clamp(1, LARGEST_PAGE);
        }
        "_total" => {
            search.total = match value {
                "none" => Total::None,
                "estimate" => Total::IfCheap,
                "accurate" => Total::Accurate,
                _ => return Err(bad("must be none, estimate or accurate")),
            }
        }
        "_summary" => match value {
            "count" => search.only_count = true,
            "data" => search.without_text = true,
            "false" => {}
            "true" | "text" => return Ok(Applied::No("only `count`, `data` and `false` are supported")),
            _ => return Err(bad("must be true, text, data, count or false")),
        },
        "_elements" => search.elements.extend(split(value, ',').iter().map(|name| unescaped(name))),
        "_sort" => {
            for key in split(value, ',') {
                search.query.sort.push(sort(kind, name, key)?);
            }
            if search.query.sort.len() > 4 {
                return Err(bad("at most four orders"));
            }
        }
        "_include" | "_revinclude" => {
            let include = include(kind, name, value)?;
            let list = if name == "_include" { &mut search.include } else { &mut search.revinclude };
            list.push(include);
        }
        _ if name.starts_with("_include:") || name.starts_with("_revinclude:") => {
            return Err(SearchError::new(name, IssueKind::NotSupported, "references are followed one step"));
        }
        _ => return filter(search, kind, name, value),
    }
    Ok(Applied::Yes)
}

/// A parameter that filters.
fn filter(search: &mut Search, kind: &str, name: &str, value: &str) -> Result<Applied, SearchError> {
    let Some(found) = criterion(kind, name, name, value, 0)? else {
        return Ok(Applied::No("there is no such search parameter"));
    };
    let query = &mut search.query;
    // Criteria for which the store has a better access path.
    match found {
        Criterion::OfPatient(patient) if query.patient_id.is_none() => {
            search.named.push(patient.clone());
            query.patient_id = Some(patient);
        }
        Criterion::OfPatient(patient) => {
            search.named.push(patient.clone());
            query.criteria.push(Criterion::OfPatient(patient));
        }
        Criterion::Ids(ids) if query.ids.is_empty() && !ids.is_empty() => query.ids = ids,
        Criterion::Token(filter) => query.tokens.push(filter),
        other => query.criteria.push(other),
    }
    Ok(Applied::Yes)
}

/// `rest` is the part of the parameter name after the followed references; the result is `None`
/// if it is unknown.
fn criterion(kind: &str, name: &str, rest: &str, value: &str, depth: usize) -> Result<Option<Criterion>, SearchError> {
    let unsupported = |message: String| SearchError::new(name, IssueKind::NotSupported, message);
    let bad = |message: String| SearchError::new(name, IssueKind::Value, message);
    if depth > DEEPEST {
        return Err(unsupported(format!("more than {DEEPEST} references are not followed")));
    }
    if let Some(reverse) = rest.strip_prefix("_has:") {
        let mut parts = reverse.splitn(3, ':');
        let (Some(referring), Some(reference), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("must be _has:Type:reference:parameter".to_owned()));
        };
        let Some(parameter) = reference_to(referring, reference, kind) else {
            return Err(bad(format!("`{referring}` has no reference `{reference}` to {kind}")));
        };
        let Some(inner) = criterion(referring, name, rest, value, depth + 1)? else {
            return Err(bad(format!("`{referring}` has no search parameter `{rest}`")));
        };
        let param = parameter.kept_as(referring).to_owned();
        return Ok(Some(Criterion::Referred { kind: referring.to_owned(), param, all: vec![inner] }));
    }
    if let Some((head, rest)) = rest.split_once('.') {
        let (head, target) = match head.split_once(':') {
            Some((head, target)) => (head, Some(target)),
            None => (head, None),
        };
        let Some(parameter) = parameter::find(kind, head) else { return Ok(None) };
        if parameter.kind != Type::Reference {
            return Err(bad(format!("`{head}` is no reference")));
        }
        let targets: Vec<&str> = match target {
            Some(target) if leads_to(parameter, target) => vec![target],
            Some(target) => return Err(bad(format!("`{head}` does not lead to `{target}`"))),
            None => parameter.targets.to_vec(),
        };
        let mut any = Vec::new();
        for target in targets {
            if let Some(inner) = criterion(target, name, rest, value, depth + 1)? {
                let param = parameter.kept_as(kind).to_owned();
                any.push(Criterion::Chained { param, kind: target.to_owned(), all: vec![inner] });
            }
        }
        return match any.len() {
            0 => Err(bad(format!("nothing that `{head}` leads to has a search parameter `{rest}`"))),
            1 => Ok(any.pop()),
            _ => Ok(Some(Criterion::Any(any))),
        };
    }

    let (param, modifier) = match rest.split_once(':') {
        Some((param, modifier)) => (param, Some(modifier)),
        None => (rest, None),
    };
    match param {
        "_id" | "_lastUpdated" if modifier.is_some() => {
            return Err(unsupported(format!("`{param}` has no modifiers")));
        }
        "_id" => return Ok(Some(Criterion::Ids(values(name, value)?.iter().map(|id| unescaped(id)).collect()))),
        "_lastUpdated" => {
            return any(name, value, |text| {
                let (how, Span { low, high }) = span(name, text)?;
                Ok(Criterion::Written { how, low: Instant::from_micros(low), high: Instant::from_micros(high) })
            })
            .map(Some);
        }
        _ => {}
    }
    let Some(parameter) = parameter::find(kind, param) else {
        // `patient` is supported for every type.
        return match (param, modifier) {
            ("patient", None) => any(name, value, |text| {
                let id = unescaped(text);
                Ok(Criterion::OfPatient(id.strip_prefix("Patient/").unwrap_or(&id).to_owned()))
            })
            .map(Some),
            _ => Ok(None),
        };
    };
    let kept = parameter.kept_as(kind);
    if modifier == Some("missing") {
        let table = match parameter.kind {
            Type::Token | Type::Reference | Type::Uri => Values::Tokens,
            Type::String => Values::Texts,
            Type::Date | Type::Quantity => Values::Ranges,
        };
        let present = Criterion::Present(table, kept.to_owned());
        return match value {
            "true" => Ok(Some(Criterion::Not(Box::new(present)))),
            "false" => Ok(Some(present)),
            _ => Err(bad("must be true or false".to_owned())),
        };
    }
    let unknown = || match modifier {
        Some(modifier) => Err(unsupported(format!("`{param}` has no modifier `{modifier}` here"))),
        None => Ok(()),
    };
    match parameter.kind {
        Type::Token => {
            let codes = tokens(name, value)?;
            let token = Criterion::Token(TokenFilter { param: kept.to_owned(), any_of: codes });
            match modifier {
                None => Ok(Some(token)),
                Some("not") => Ok(Some(Criterion::Not(Box::new(token)))),
                Some(_) => unknown().map(|()| None),
            }
        }
        Type::Uri => {
            unknown()?;
            let any_of = values(name, value)?.iter().map(|uri| plain(unescaped(uri))).collect();
            Ok(Some(Criterion::Token(TokenFilter { param: kept.to_owned(), any_of })))
        }
        Type::String => {
            let how = match modifier {
                None => TextMatch::Begins,
                Some("contains") => TextMatch::Contains,
                Some("exact") => TextMatch::Exact,
                Some(_) => return unknown().map(|()| None),
            };
            any(name, value, |text| {
                let text = unescaped(text);
                let text = if how == TextMatch::Exact { text } else { value::fold(text.trim()) };
                Ok(Criterion::Text { param: kept.to_owned(), how, text })
            })
            .map(Some)
        }
        Type::Date => {
            unknown()?;
            any(name, value, |text| {
                let (how, Span { low, high }) = span(name, text)?;
                Ok(Criterion::Range { param: kept.to_owned(), how, low, high, unit: None })
            })
            .map(Some)
        }
        Type::Quantity => {
            unknown()?;
            any(name, value, |text| quantity(name, kept, text)).map(Some)
        }
        Type::Reference => reference(kind, parameter, name, modifier, value).map(Some),
    }
}

fn reference(
    kind: &str,
    parameter: &'static Parameter,
    name: &str,
    modifier: Option<&str>,
    value: &str,
) -> Result<Criterion, SearchError> {
    let kept = parameter.kept_as(kind).to_owned();
    let bad = |message: String| SearchError::new(name, IssueKind::Value, message);
    if modifier == Some("identifier") {
        return Ok(Criterion::Token(TokenFilter { param: format!("{kept}:identifier"), any_of: tokens(name, value)? }));
    }
    if let Some(target) = modifier.filter(|target| !leads_to(parameter, target)) {
        let message = format!("`{}` has no modifier `{target}` here", parameter.name);
        return Err(SearchError::new(name, IssueKind::NotSupported, message));
    }
    let texts = values(name, value)?;
    let mut any_of = Vec::new();
    for text in &texts {
        let text = unescaped(text);
        let text = text.split("/_history/").next().unwrap_or_default();
        if let Some(target) = modifier {
            any_of.push(plain(format!("{target}/{}", text.trim_start_matches(&format!("{target}/")))));
        } else if !primitive::is_id(text) {
            any_of.push(plain(text.to_owned()));
        } else if parameter.targets.is_empty() {
            return Err(bad(format!("`{text}` may be of many types: write Type/{text}")));
        } else {
            any_of.extend(parameter.targets.iter().map(|target| plain(format!("{target}/{text}"))));
        }
    }
    // The patient is a column.
    if parameter.is_owner() && texts.len() == 1 {
        let patients: Vec<_> = any_of.iter().filter_map(|code| code.code.strip_prefix("Patient/")).collect();
        if let [patient] = patients.as_slice()
            && (any_of.len() == 1 || patient.starts_with("pat-"))
        {
            return Ok(Criterion::OfPatient((*patient).to_owned()));
        }
    }
    Ok(Criterion::Token(TokenFilter { param: kept, any_of }))
}

fn leads_to(parameter: &Parameter, target: &str) -> bool {
    primitive::is_type_name(target) && (parameter.targets.is_empty() || parameter.targets.contains(&target))
}

/// The reference parameter of that name, if it may refer to `target`.
pub fn reference_to(kind: &str, name: &str, target: &str) -> Option<&'static Parameter> {
    parameter::find(kind, name).filter(|found| found.kind == Type::Reference && leads_to(found, target))
}

/// A code without a system.
fn plain(code: String) -> CodeFilter {
    CodeFilter { system: Some(String::new()), code }
}

fn tokens(name: &str, value: &str) -> Result<Vec<CodeFilter>, SearchError> {
    let token = |text: &&str| {
        let parts = split(text, '|');
        match parts.as_slice() {
            [code] => Ok(CodeFilter { system: None, code: unescaped(code) }),
            [system, code] if !(system.is_empty() && code.is_empty()) => {
                Ok(CodeFilter { system: Some(unescaped(system)), code: unescaped(code) })
            }
            _ => Err(SearchError::new(name, IssueKind::Value, "must be code, system|code, |code or system|")),
        }
    };
    values(name, value)?.iter().map(token).collect()
}

/// A prefix and the rest.
fn prefixed(text: &str) -> (RangeMatch, &str) {
    let rest = text.get(2..).unwrap_or_default();
    match text.get(..2) {
        Some("eq") => (RangeMatch::Eq, rest),
        Some("ne") => (RangeMatch::Ne, rest),
        Some("lt") => (RangeMatch::Lt, rest),
        Some("le") => (RangeMatch::Le, rest),
        Some("gt") => (RangeMatch::Gt, rest),
        Some("ge") => (RangeMatch::Ge, rest),
        Some("sa") => (RangeMatch::After, rest),
        Some("eb") => (RangeMatch::Before, rest),
        _ => (RangeMatch::Eq, text),
    }
}

fn span(name: &str, text: &str) -> Result<(RangeMatch, Span), SearchError> {
    let (how, date) = prefixed(text);
    let wrong = || {
        let message = format!("`{text}` is no date with one of the prefixes eq, ne, lt, le, gt, ge, sa, eb");
        SearchError::new(name, IssueKind::Value, message)
    };
    Ok((how, Span::of(date).ok_or_else(wrong)?))
}

fn quantity(name: &str, param: &str, text: &str) -> Result<Criterion, SearchError> {
    let parts = split(text, '|');
    let (number, unit) = match parts.as_slice() {
        [number] | [number, _, ""] => (*number, None),
        [number, system, code] => {
            let system = Some(unescaped(system)).filter(|system| !system.is_empty());
            (*number, Some(CodeFilter { system, code: unescaped(code) }))
        }
        _ => return Err(SearchError::new(name, IssueKind::Value, "must be number or number|system|code")),
    };
    let (how, number) = prefixed(number);
    let Some(Measure { value, half_step }) = Measure::of(number) else {
        return Err(SearchError::new(name, IssueKind::Value, format!("`{number}` is no number")));
    };
    // Equality is within the precision of the given digits; the other comparisons are exact.
    let (low, high) = match how {
        RangeMatch::Eq | RangeMatch::Ne => {
            (value.saturating_sub(half_step), value.saturating_add(half_step.max(1) - 1))
        }
        _ => (value, value),
    };
    Ok(Criterion::Range { param: param.to_owned(), how, low, high, unit })
}

fn sort(kind: &str, name: &str, key: &str) -> Result<Sort, SearchError> {
    let (descending, key) = match key.strip_prefix('-') {
        Some(key) => (true, key),
        None => (false, key),
    };
    let by = match key {
        "_id" => SortBy::Id,
        "_lastUpdated" => SortBy::Updated,
        _ => {
            let Some(parameter) = parameter::find(kind, key) else {
                let message = format!("`{kind}` has no search parameter `{key}` to sort by");
                return Err(SearchError::new(name, IssueKind::NotSupported, message));
            };
            let values = match parameter.kind {
                Type::Token | Type::Reference | Type::Uri => Values::Tokens,
                Type::String => Values::Texts,
                Type::Date | Type::Quantity => Values::Ranges,
            };
            SortBy::Value(values, parameter.kept_as(kind).to_owned())
        }
    };
    Ok(Sort { by, descending })
}

fn include(kind: &str, name: &str, value: &str) -> Result<Include, SearchError> {
    let parts: Vec<&str> = value.split(':').collect();
    let (of, param, target) = match parts.as_slice() {
        [of, param] => (*of, *param, None),
        [of, param, target] => (*of, *param, Some((*target).to_owned())),
        _ => return Err(SearchError::new(name, IssueKind::Value, "must be Type:reference or Type:reference:Type")),
    };
    let unknown = |why: String| Err(SearchError::new(name, IssueKind::NotSupported, why));
    let include = Include { kind: of.to_owned(), param: param.to_owned(), target };
    if name == "_include" {
        if of != kind {
            return unknown(format!("`{of}` is not what is searched for, and references are followed one step"));
        }
        let known = parameter::find(of, param).is_some_and(|found| found.kind == Type::Reference);
        return if param == "*" || known { Ok(include) } else { unknown(format!("`{of}` has no reference `{param}`")) };
    }
    if include.target.as_deref().is_some_and(|target| target != kind) || reference_to(of, param, kind).is_none() {
        return unknown(format!("`{of}` has no reference `{param}` to {kind}"));
    }
    Ok(include)
}

/// A disjunction of values.
fn any(
    name: &str,
    value: &str,
    one: impl Fn(&str) -> Result<Criterion, SearchError>,
) -> Result<Criterion, SearchError> {
    let mut found = values(name, value)?.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    Ok(if found.len() == 1 { found.remove(0) } else { Criterion::Any(found) })
}

/// The comma-separated values, without empty ones.
fn values<'a>(name: &str, value: &'a str) -> Result<Vec<&'a str>, SearchError> {
    let values: Vec<&str> = split(value, ',').into_iter().filter(|value| !value.is_empty()).collect();
    match values.len() {
        0 => Err(SearchError::new(name, IssueKind::Value, "there is no value")),
        1..=500 => Ok(values),
        _ => Err(SearchError::new(name, IssueKind::Value, "more than 500 values")),
    }
}

/// Splits at `separator`, unless escaped by a backslash.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut begin, mut escaped) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == separator {
            parts.push(&text[begin..at]);
            begin = at + separator.len_utf8();
        }
    }
    parts.push(&text[begin..]);
    parts
}

/// The parameters of a URL query or form, in order.
pub fn parameters(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

/// Removes the backslashes of escaped `,`, `|`, `$` and `\`.
fn unescaped(text: &str) -> String {
    let (mut plain, mut characters) = (String::with_capacity(text.len()), text.chars());
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(kind: &str, query: &str) -> Result<Search, SearchError> {
        parse(kind, &parameters(query.as_bytes()))
    }

    fn code(system: Option<&str>, code: &str) -> CodeFilter {
        CodeFilter { system: system.map(str::to_owned), code: code.to_owned() }
    }

    #[test]
    fn tokens_patients_and_ids_have_their_own_ways() {
        let search = parsed(
            "Observation",
            "status=final&code=http://loinc.org|4548-4,x\\,y&category=urn:c|&identifier=|7&patient=pat-1&_id=a,b&_count=20",
        )
        .expect("a search");
        let query = search.query;
        assert_eq!((query.patient_id.as_deref(), query.ids.len(), search.count), (Some("pat-1"), 2, 20));
        let tokens: Vec<_> = query.tokens.iter().map(|t| (t.param.as_str(), t.any_of.clone())).collect();
        assert_eq!(
            tokens,
            [
                ("identifier", vec![code(Some(""), "7")]),
                ("code", vec![code(Some("http://loinc.org"), "4548-4"), code(None, "x,y")]),
                ("status", vec![code(None, "final")]),
                ("category", vec![code(Some("urn:c"), "")]),
            ]
        );
        assert_eq!(search.applied.len(), 7);
        let several = parsed("Observation", "code=a,b&status=final,amended").expect("a search").query;
        assert_eq!((several.tokens.len(), several.criteria.len()), (1, 1));
    }

    #[test]
    fn references_know_where_they_lead() {
        let one = |kind: &str, query: &str| {
            let search = parsed(kind, query).expect(query);
            let filter = |filter: &TokenFilter| {
                let codes: Vec<_> = filter.any_of.iter().map(|code| code.code.as_str()).collect();
                format!("{}={}", filter.param, codes.join(","))
            };
            (search.query.patient_id, search.query.tokens.first().map(filter))
        };
        assert_eq!(one("Observation", "subject=Patient/pat-1"), (Some("pat-1".into()), None));
        assert_eq!(one("Observation", "subject:Patient=pat-1"), (Some("pat-1".into()), None));
        assert_eq!(one("Observation", "subject=pat-1"), (Some("pat-1".into()), None));
        assert_eq!(one("Observation", "subject=Group/g"), (None, Some("subject=Group/g".into())));
        assert_eq!(one("Task", "patient=p"), (Some("p".into()), None));
        assert_eq!(one("Observation", "encounter=e"), (None, Some("encounter=Encounter/e".into())));
        assert_eq!(
            one("Observation", "encounter=Encounter/e/_history/3"),
            (None, Some("encounter=Encounter/e".into()))
        );
        assert_eq!(one("Observation", "subject:identifier=urn:x|1"), (None, Some("subject:identifier=1".into())));
        assert!(parsed("Observation", "based-on=1").is_err());
        assert!(parsed("Observation", "subject:Claim=1").is_err());
        assert_eq!(one("Unheard", "patient=Patient/pat-1"), (Some("pat-1".into()), None));
        assert_eq!(one("Patient", "patient=pat-1"), (Some("pat-1".into()), None));
    }

    #[test]
    fn chains_and_their_reverse() {
        let only = |kind: &str, query: &str| parsed(kind, query).expect(query).query.criteria.remove(0);
        let name = || Criterion::Text { param: "name".into(), how: TextMatch::Begins, text: "li".into() };
        let chained = Criterion::Chained { param: "subject".into(), kind: "Patient".into(), all: vec![name()] };
        assert_eq!(only("Observation", "subject:Patient.name=Li"), chained);
        assert_eq!(only("Observation", "patient.name=LI"), chained);
        assert!(matches!(only("Observation", "subject.name=Li"), Criterion::Any(any) if any.len() == 2));
        let Criterion::Chained { all, .. } = only("Observation", "encounter.patient.name=li") else {
            panic!("a chain")
        };
        assert_eq!(all, [chained]);
        let Criterion::Referred { kind, param, all } = only("Patient", "_has:Observation:patient:code=4548-4") else {
            panic!("a reverse chain")
        };
        assert_eq!((kind.as_str(), param.as_str(), all.len()), ("Observation", "subject", 1));
        assert!(parsed("Patient", "_has:Observation:encounter:code=1").is_err());
        assert!(parsed("Observation", "subject.subject.subject.subject.subject=1").is_err());
        assert!(parsed("Observation", "status.name=1").is_err());
    }

    #[test]
    fn what_is_not_known_is_set_aside_and_what_is_misused_refused() {
        let search = parsed("Patient", "name=x&colour=red&_summary=true&_format=json").expect("a search");
        let ignored: Vec<_> = search.ignored.iter().map(|SearchError(issue)| issue.path.as_str()).collect();
        assert_eq!(ignored, ["http.colour", "http._summary"]);
        assert_eq!(search.applied, [("name".to_owned(), "x".to_owned())]);
        for bad in [
            "_count=-1",
            "_count=x",
            "_total=yes",
            "_sort=colour",
            "_id=",
            "_id:not=1",
            "name:text=x",
            "gender:in=x",
            "birthdate=tomorrow",
            "birthdate=ap2020",
            "birthdate:exact=2020",
            "gender:missing=maybe",
            "gender=a|b|c",
            "_include=Patient:name",
            "_include=Observation:subject",
            "_include:iterate=Patient:link",
            "_revinclude=Observation:encounter",
            "_has:Observation=1",
            "_sort=name,family,given,gender,active",
        ] {
            let SearchError(issue) = parsed("Patient", bad).expect_err(bad);
            let name = bad.split('=').next().unwrap_or_default();
            assert_eq!(issue.path, format!("http.{name}"), "{bad}");
        }
        assert!(parsed("Observation", "value-quantity=x").is_err());
        assert!(parsed("Observation", "value-quantity=1|2").is_err());
        assert!(parsed("Observation", &"status=final&".repeat(101)).is_err());
    }

    #[test]
    fn a_quantity_is_equal_to_its_digits() {
        let range = |query: &str| match parsed("Observation", query).expect(query).query.criteria.remove(0) {
            Criterion::Range { how, low, high, unit, .. } => (how, low, high, unit),
            other => panic!("{other:?}"),
        };
        assert_eq!(range("value-quantity=7.4"), (RangeMatch::Eq, 7_350_000, 7_449_999, None));
        assert_eq!(range("value-quantity=1e400").2, i64::MAX);
        assert_eq!(range("value-quantity=gt7.4"), (RangeMatch::Gt, 7_400_000, 7_400_000, None));
        assert_eq!(range("value-quantity=le7.4||mg").3, Some(code(None, "mg")));
        assert_eq!(range("value-quantity=7.4|urn:u|mg").3, Some(code(Some("urn:u"), "mg")));
    }
}
