//! Search. Everything that a search returns, by any reference, is within the caller's scope,
//! which is part of the statements.

mod everything_of_encounter;
mod everything_of_patient;
mod index_anew;
mod page;
mod scope;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use xinglin_domain::{
    access::{Action, Role},
    id::PatientId,
};
use xinglin_fhir::{
    answer::{self, Link, Searchset},
    index, outcome,
    parameter::{self, Type},
    schema,
    search::{self, Include, Search, Total},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document};
use xinglin_store::{CodeFilter, Criterion, Executor, Resource, ResourceQuery, TenantScope, TokenFilter};

pub use self::everything_of_encounter::everything_of_encounter;
pub use self::everything_of_patient::everything_of_patient;
pub use self::index_anew::index_anew;
pub(crate) use self::page::{Rest, TICKET, cut, not_a_page, sealed, ticket, unsealed};
pub use self::scope::SearchScope;
pub(crate) use self::scope::search_scope;

/// Maximum number of matches counted by default.
const CHEAP_TO_COUNT: u32 = 1000;

/// Maximum number of included resources of a page.
const MOST_INCLUDED: usize = 1000;

/// Maximum number of ids in one statement.
const AT_ONCE: usize = 200;

/// A search request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// FHIR type.
    pub kind: String,
    /// Parameters of the URL and of the body.
    pub parameters: Parameters,
    /// Whether unknown parameters are refused.
    pub strict: bool,
    /// The server's base URL, for links.
    pub base: String,
}

/// Names and values, in their order.
pub type Parameters = Vec<(String, String)>;

/// A page of matches, with included resources.
///
/// # Errors
/// `BODY_INVALID`, naming the parameter; `NOT_FOUND` if it names a patient whom the
/// caller may not see; `AUTH_FORBIDDEN` if the caller may not read any record.
#[boxed]
pub async fn search(platform: &Platform, caller: &Caller, asked: &Asked) -> AppResult<Searchset> {
    search_on(platform, &platform.records(caller), caller, asked).await
}

/// The same on the pool or in a transaction.
pub(crate) async fn search_on<E: Executor>(
    platform: &Platform,
    records: &TenantScope<E>,
    caller: &Caller,
    asked: &Asked,
) -> AppResult<Searchset> {
    let Asked { kind, base, .. } = asked;
    let (parameters, after) = match ticket(&asked.parameters) {
        None => (asked.parameters.clone(), None),
        Some(ticket) => match unsealed(platform, caller, ticket)? {
            Rest::Search { kind: of, parameters, after } if of == *kind => (parameters, Some(after)),
            _ => return Err(not_a_page()),
        },
    };
    let mut search = search::parse(kind, &parameters)?;
    if asked.strict
        && let Some(ignored) = search.ignored.first()
    {
        return Err(ignored.clone().into());
    }
    for patient in &search.named {
        may_name(caller, patient)?;
    }
    search_scope(platform, caller, &search.query).await?.bound(&mut search.query);

    let mut set = Searchset::of(here(asked, kind, &search.applied));
    if search.only_count {
        set.total = Some(records.count_resources(&search.query).await?);
        return Ok(set);
    }
    let mut found = records.search_resources(&search.query, after.as_ref(), search.count + 1).await?;
    let has_more = cut(&mut found, search.count);
    set.total = match search.total {
        Total::None => None,
        _ if !has_more && after.is_none() => i64::try_from(found.len()).ok(),
        Total::IfKnown => None,
        Total::Accurate => Some(records.count_resources(&search.query).await?),
        Total::IfCheap => {
            let counted = records.count_resources_to(&search.query, CHEAP_TO_COUNT + 1).await?;
            (counted <= CHEAP_TO_COUNT.into()).then_some(counted)
        }
    };
    if has_more && let Some((_, last)) = found.last() {
        let (kind, parameters) = (kind.clone(), search.applied.clone());
        let rest = sealed(platform, caller, &Rest::Search { kind, parameters, after: last.clone() })?;
        set.link.push(Link { relation: "next", url: format!("{base}/{}?{TICKET}={rest}", asked.kind) });
    }
    let matches: Vec<Resource> = found.into_iter().map(|(resource, _)| resource).collect();
    let (included, is_whole) = included(records, &search, &matches).await?;
    let whole = search.elements.is_empty() && !search.without_text;
    for (resources, mode) in [(matches, "match"), (included, "include")] {
        let shown = resources.into_iter().map(|resource| if whole { Ok(resource) } else { subset(&search, resource) });
        show(&mut set, caller, base, shown.collect::<AppResult<_>>()?, mode);
    }
    if !is_whole {
        set.remark(too_many()?);
    }
    Ok(set)
}

fn too_many() -> AppResult<xinglin_store::Json> {
    let detail = format!("more than {MOST_INCLUDED} resources belong to this page; not all of them are on it");
    serde_json::value::to_raw_value(&outcome::warning("incomplete", &detail)).map_err(AppError::internal)
}

/// Adds resources to a page, and records their patients for the audit trail.
fn show(set: &mut Searchset, caller: &Caller, base: &str, resources: Vec<Resource>, mode: &'static str) {
    for Resource { kind, id, patient_id, body, .. } in resources {
        if let Some(patient) = patient_id.and_then(|id| id.parse().ok()) {
            caller.trail.saw(patient);
        }
        set.push(base, &kind, &id, body, mode);
    }
}

/// Refuses a search that names a patient outside of the caller's scope.
fn may_name(caller: &Caller, patient: &str) -> AppResult<()> {
    // What is opened to an insurer, the patient's consents say.
    if caller.actor.is(Role::Insurer) {
        return Ok(());
    }
    match patient.parse::<PatientId>() {
        Ok(id) if caller.actor.is_family_of(id) && !caller.is_beyond(Some(id)) => Ok(()),
        Ok(id) => caller.may_see(id, "patient", patient),
        Err(_) if caller.is_beyond(None) => Err(AppError::not_found("patient", patient)),
        // Nobody's; staff may find that out.
        Err(_) => caller.may(Action::ReadRecords).map_err(|_| AppError::not_found("patient", patient)),
    }
}

/// The self link: the request without ignored parameters.
pub(crate) fn here(Asked { base, parameters, .. }: &Asked, path: &str, applied: &[(String, String)]) -> String {
    if let Some(ticket) = ticket(parameters) {
        return format!("{base}/{path}?{TICKET}={ticket}");
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(applied).finish();
    if query.is_empty() { format!("{base}/{path}") } else { format!("{base}/{path}?{query}") }
}

/// The requested elements of the resource.
fn subset(search: &Search, resource: Resource) -> AppResult<Resource> {
    let mut value = document::value(&resource)?;
    answer::subset(&mut value, &search.elements, &schema::required(&resource.kind), search.without_text);
    let body = serde_json::value::to_raw_value(&value).map_err(AppError::internal)?;
    Ok(Resource { body, ..resource })
}

/// Resources that these refer to or that refer to them; and whether the list is complete.
async fn included<E: Executor>(
    records: &TenantScope<E>,
    search: &Search,
    matches: &[Resource],
) -> AppResult<(Vec<Resource>, bool)> {
    let mut gathered = Gathered::without(matches);
    if matches.is_empty() || (search.include.is_empty() && search.revinclude.is_empty()) {
        return Ok((gathered.resources, true));
    }
    // As what is reached by reference.
    let beyond = ResourceQuery {
        within: search.query.within.clone(),
        withheld: search.query.withheld_beyond,
        withheld_beyond: search.query.withheld_beyond,
        ..ResourceQuery::default()
    };
    let mut wanted = BTreeSet::new();
    if !search.include.is_empty() {
        for resource in matches {
            let value = document::value(resource)?;
            for include in &search.include {
                wanted.extend(all_references(&resource.kind, &value, Some(include)));
            }
        }
    }
    gathered.fetch(records, &wanted, &beyond).await?;
    for Include { kind, param, .. } in &search.revinclude {
        let Some(parameter) = search::reference_to(kind, param, &search.query.kind) else { continue };
        for chunk in matches.chunks(AT_ONCE) {
            let any_of = chunk.iter().map(|resource| CodeFilter {
                system: Some(String::new()),
                code: format!("{}/{}", resource.kind, resource.id),
            });
            let token = TokenFilter { param: parameter.kept_as(kind).to_owned(), any_of: any_of.collect() };
            let query = ResourceQuery { kind: kind.clone(), criteria: vec![Criterion::Token(token)], ..beyond.clone() };
            let found = records.list_resources(&query, None, gathered.room()).await?;
            gathered.take(found);
        }
    }
    Ok((gathered.resources, !gathered.is_full))
}

/// `(Type, id)` of the references of a resource: of one parameter, or of all.
fn all_references(kind: &str, resource: &Value, include: Option<&Include>) -> BTreeSet<(String, String)> {
    let (param, target) = match include {
        Some(include) => (include.param.as_str(), include.target.as_deref()),
        None => ("*", None),
    };
    let mut found = BTreeSet::new();
    for parameter in parameter::of(kind) {
        if parameter.kind != Type::Reference || (param != "*" && param != parameter.name) {
            continue;
        }
        let leads = |to: &str| parameter.targets.is_empty() || parameter.targets.contains(&to);
        for path in parameter.paths {
            for item in index::at(resource, path) {
                for reference in index::references(item) {
                    if let Some((to, id)) = reference.split_once('/')
                        && leads(to)
                        && target.is_none_or(|target| target == to)
                    {
                        found.insert((to.to_owned(), id.to_owned()));
                    }
                }
            }
        }
    }
    found
}

/// The included resources of a page, without duplicates.
struct Gathered {
    seen: BTreeSet<(String, String)>,
    resources: Vec<Resource>,
    is_full: bool,
}

impl Gathered {
    fn without(matches: &[Resource]) -> Self {
        let seen = matches.iter().map(|resource| (resource.kind.clone(), resource.id.clone())).collect();
        Self { seen, resources: Vec::new(), is_full: false }
    }

    /// One more than the limit, to detect further ones.
    fn room(&self) -> u32 {
        u32::try_from(MOST_INCLUDED - self.resources.len()).unwrap_or(0) + 1
    }

    fn take(&mut self, found: Vec<Resource>) {
        for resource in found {
            if self.seen.contains(&(resource.kind.clone(), resource.id.clone())) {
                continue;
            }
            if self.resources.len() == MOST_INCLUDED {
                self.is_full = true;
                return;
            }
            self.seen.insert((resource.kind.clone(), resource.id.clone()));
            self.resources.push(resource);
        }
    }

    async fn fetch<E: Executor>(
        &mut self,
        records: &TenantScope<E>,
        wanted: &BTreeSet<(String, String)>,
        bounds: &ResourceQuery,
    ) -> AppResult<()> {
        let mut by_kind: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for key in wanted.iter().filter(|key| !self.seen.contains(*key)) {
            by_kind.entry(&key.0).or_default().push(key.1.clone());
        }
        for (kind, ids) in by_kind {
            for ids in ids.chunks(AT_ONCE) {
                let query = ResourceQuery { kind: kind.to_owned(), ids: ids.to_vec(), ..bounds.clone() };
                let found = records.list_resources(&query, None, self.room()).await?;
                self.take(found);
            }
        }
        Ok(())
    }
}
