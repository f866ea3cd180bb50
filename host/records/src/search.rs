//! Searching the record. Everything that a search brings, by whatever reference, is
//! within the reach of the caller: the store is asked for nothing else.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xinglin_domain::{
    access::{Action, Role},
    code::Code,
    compartment::Compartments,
    id::PatientId,
    time::Instant,
};
use xinglin_fhir::{
    answer::{self, Link, Searchset},
    index, outcome,
    parameter::{self, Type},
    schema,
    search::{self, Include, LARGEST_PAGE, Search, Total},
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, document};
use xinglin_store::{
    CodeFilter, Criterion, Executor, HistoryQuery, Place, RecordQuery, Resource, ResourceQuery, TenantScope,
    TokenFilter, VersionPlace,
};

use crate::{consent, record};

/// How many matches are counted without being asked to.
const CHEAP_TO_COUNT: u32 = 1000;

/// Most resources that come along with a page.
const MOST_INCLUDED: usize = 1000;

/// How many ids one statement names.
const AT_ONCE: usize = 200;

/// A search, as the caller put it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// FHIR type.
    pub kind: String,
    /// Parameters of the URL and of the body.
    pub parameters: Parameters,
    /// Whether a parameter that is not known is refused.
    pub strict: bool,
    /// Where the server is, for links.
    pub base: String,
}

/// The rest of a list. It is handed out as the link to the next page, with the host's
/// word that it is the one that it gave to this account.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Rest {
    Search { kind: String, parameters: Parameters, after: Place },
    Everything { patient: String, parameters: Parameters, after: (String, String) },
    History { kind: Option<String>, parameters: Parameters, after: VersionPlace },
}

/// Names and values, in their order.
pub type Parameters = Vec<(String, String)>;

/// What a caller reaches in a search.
pub struct Reach {
    /// Only the records of these patients, if it is said.
    within: Option<Vec<String>>,
    /// Compartments that are closed in what is looked for.
    withheld: Compartments,
    /// And in what is reached from there by reference, which may be of anybody.
    beyond: Compartments,
}

impl Reach {
    /// No further than a token that was lent for one patient.
    fn no_further(mut self, than: Option<PatientId>) -> Self {
        if let Some(only) = than {
            let only = only.to_string();
            let reached = self.within.as_ref().is_none_or(|within| within.contains(&only));
            self.within = Some(if reached { vec![only] } else { Vec::new() });
        }
        self
    }

    /// Keeps a query within it.
    pub fn bound(&self, query: &mut ResourceQuery) {
        query.within.clone_from(&self.within);
        (query.withheld, query.withheld_beyond) = (self.withheld, self.beyond);
    }

    /// The same of what was written.
    pub fn bound_history(self, query: &mut HistoryQuery) {
        (query.within, query.withheld) = (self.within, self.withheld);
    }
}

/// A page of what matches, with what it includes.
///
/// # Errors
/// `BODY_INVALID`, naming the parameter; `NOT_FOUND` if it names a patient whom the
/// caller may not see; `AUTH_FORBIDDEN` if the caller sees nobody's record.
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
    reach(platform, caller, &search.query).await?.bound(&mut search.query);

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

/// Everything in the record of a patient, by type and id, with the people, places and
/// medicines that it speaks of.
///
/// # Errors
/// `NOT_FOUND` if there is no such patient whom the caller may see; `BODY_INVALID`.
pub async fn everything_of_patient(
    platform: &Platform,
    caller: &Caller,
    id: &str,
    asked: &Asked,
) -> AppResult<Searchset> {
    record::read(platform, caller, "Patient", id).await?;
    let of_patient = ResourceQuery { patient_id: Some(id.to_owned()), ..ResourceQuery::default() };
    let reach = reach(platform, caller, &of_patient).await?;
    let records = platform.records(caller);
    let base = &asked.base;
    let (parameters, after) = match ticket(&asked.parameters) {
        None => (asked.parameters.clone(), None),
        Some(ticket) => match unsealed(platform, caller, ticket)? {
            Rest::Everything { patient, parameters, after } if patient == id => (parameters, Some(after)),
            _ => return Err(not_a_page()),
        },
    };
    let (mut query, count, applied) = whole(id, &parameters, asked.strict)?;
    query.withheld = reach.withheld;
    let after = after.as_ref().map(|(kind, id)| (kind.as_str(), id.as_str()));
    let mut found = records.list_record(&query, after, count + 1).await?;
    let has_more = cut(&mut found, count);

    let path = format!("Patient/{id}/$everything");
    let mut set = Searchset::of(here(asked, &path, &applied));
    if has_more && let Some(last) = found.last() {
        let after = (last.kind.clone(), last.id.clone());
        let rest = Rest::Everything { patient: id.to_owned(), parameters: applied, after };
        let rest = sealed(platform, caller, &rest)?;
        set.link.push(Link { relation: "next", url: format!("{base}/{path}?{TICKET}={rest}") });
    }
    // Not what is in a record, which is here already or in another one.
    let mut wanted = BTreeSet::new();
    for resource in &found {
        wanted.extend(all_references(&resource.kind, &document::value(resource)?, None));
    }
    let mut gathered = Gathered::without(&found);
    gathered
        .fetch(
            &records,
            &wanted,
            &ResourceQuery { within: reach.within, withheld: reach.beyond, ..ResourceQuery::default() },
        )
        .await?;
    gathered.resources.retain(|resource| resource.patient_id.is_none());
    show(&mut set, caller, base, found, "match");
    show(&mut set, caller, base, gathered.resources, "include");
    if gathered.is_full {
        set.remark(too_many()?);
    }
    Ok(set)
}

/// A visit with all that was written of it and all that it speaks of, on one page.
///
/// # Errors
/// `NOT_FOUND` if there is no such visit that the caller may see.
pub async fn everything_of_encounter(
    platform: &Platform,
    caller: &Caller,
    id: &str,
    asked: &Asked,
) -> AppResult<Searchset> {
    let visit = record::read(platform, caller, "Encounter", id).await?;
    let records = platform.records(caller);
    let mut search = search::parse("Encounter", &[])?;
    let of_patient = ResourceQuery { patient_id: visit.patient_id.clone(), ..ResourceQuery::default() };
    reach(platform, caller, &of_patient).await?.bound(&mut search.query);
    search.include.push(Include { kind: "Encounter".to_owned(), param: "*".to_owned(), target: None });
    for parameters in parameter::ALL {
        for name in ["encounter", "context"] {
            if search::reference_to(parameters.of, name, "Encounter").is_some() {
                let (kind, param) = (parameters.of.to_owned(), name.to_owned());
                search.revinclude.push(Include { kind, param, target: None });
            }
        }
    }
    let matches = [visit];
    let (included, is_whole) = included(&records, &search, &matches).await?;
    let mut set = Searchset::of(format!("{}/Encounter/{id}/$everything", asked.base));
    show(&mut set, caller, &asked.base, matches.to_vec(), "match");
    show(&mut set, caller, &asked.base, included, "include");
    if !is_whole {
        set.remark(too_many()?);
    }
    Ok(set)
}

/// Indexes all records again if they were indexed by other tables than today's, as
/// those of an earlier release.
pub async fn index_anew(platform: &Platform) -> xinglin_store::Result<()> {
    const KEY: &str = "search-index";
    const PIECE: u32 = 500;
    let operator = platform.store().operator();
    if operator.find_meta::<u32>(KEY).await? == Some(index::REVISION) {
        return Ok(());
    }
    for tenant in operator.list_tenants().await? {
        let (records, mut after, mut indexed) = (platform.store().tenant(tenant.id), None::<(String, String)>, 0);
        loop {
            let tx = records.begin().await?;
            let from = after.as_ref().map(|(kind, id)| (kind.as_str(), id.as_str()));
            let piece = tx.list_record(&RecordQuery::default(), from, PIECE).await?;
            let Some(last) = piece.last() else { break };
            after = Some((last.kind.clone(), last.id.clone()));
            indexed += piece.len();
            let found = |resource: Resource| {
                let value: Value = serde_json::from_str(resource.body.get()).unwrap_or_default();
                (resource, index::index(&value).found_by)
            };
            tx.reindex_resources(&piece.into_iter().map(found).collect::<Vec<_>>()).await?;
            tx.commit().await?;
        }
        if indexed > 0 {
            tracing::info!(tenant = %tenant.id, indexed, "records indexed anew");
        }
    }
    let tx = operator.begin().await?;
    tx.put_meta(KEY, &index::REVISION).await?;
    tx.commit().await
}

/// What the caller reaches with this query.
///
/// # Errors
/// `AUTH_FORBIDDEN` if nobody's record is theirs to search; `ACCESS_COMPARTMENT`.
pub(crate) async fn reach(platform: &Platform, caller: &Caller, query: &ResourceQuery) -> AppResult<Reach> {
    Ok(own_reach(platform, caller, query).await?.no_further(caller.bounds.within))
}

async fn own_reach(platform: &Platform, caller: &Caller, query: &ResourceQuery) -> AppResult<Reach> {
    caller.trail.asked();
    if caller.may(Action::ReadRecords).is_ok() {
        let withheld = withheld_of(platform, caller, query).await?;
        return Ok(Reach { within: None, withheld, beyond: Compartments::ALL });
    }
    if caller.actor.is(Role::Insurer) {
        let one = query.patient_id.clone().ok_or_else(|| {
            AppError::new(Code::AuthForbidden, "name the patient: an insurer sees what one opened to it")
        })?;
        let withheld = withheld_of(platform, caller, query).await?;
        return Ok(Reach { within: Some(vec![one]), withheld, beyond: Compartments::ALL });
    }
    let own = caller.actor.charges();
    let named = query.patient_id.as_deref().and_then(|id| id.parse::<PatientId>().ok());
    if let Some(one) = named.filter(|one| !caller.actor.acts_wholly_for(*one))
        && (own.contains(&one) || caller.actor.is_family_of(one))
    {
        // A relative's, as far as they opened it; or an adolescent ward's.
        let withheld = withheld_of(platform, caller, query).await?;
        return Ok(Reach { within: Some(vec![one.to_string()]), withheld, beyond: Compartments::ALL });
    }
    if own.is_empty() {
        return Err(AppError::new(Code::AuthForbidden, "this account has no record; name whose family it is"));
    }
    // Their own, all of it; across patients nothing that a ward has discretion over.
    let wholly = own.iter().all(|one| caller.actor.acts_wholly_for(*one));
    let withheld = if wholly { Compartments::NONE } else { Compartments::ALL };
    let within = Some(own.iter().map(PatientId::to_string).collect());
    Ok(Reach { within, withheld, beyond: withheld })
}

/// The compartments that are closed to the caller in what a query looks for, and in
/// any case those of all patients unless it names one.
async fn withheld_of(platform: &Platform, caller: &Caller, query: &ResourceQuery) -> AppResult<Compartments> {
    let patient = query.patient_id.as_deref().and_then(|id| id.parse().ok());
    let mut codes: Vec<&CodeFilter> = query.tokens.iter().flat_map(codes_of).collect();
    query.criteria.iter().for_each(|criterion| asked_for(criterion, &mut codes));
    consent::search_sight(platform, caller, patient, &codes).await
}

pub(crate) fn sealed(platform: &Platform, caller: &Caller, rest: &Rest) -> AppResult<String> {
    let content = serde_json::to_vec(rest).map_err(AppError::internal)?;
    let mac = platform.keys().page(caller.actor.tenant, caller.actor.account, &content);
    Ok(URL_SAFE_NO_PAD.encode([&mac[..MAC], &content].concat()))
}

pub(crate) fn unsealed(platform: &Platform, caller: &Caller, ticket: &str) -> AppResult<Rest> {
    let bytes = URL_SAFE_NO_PAD.decode(ticket).map_err(|_| not_a_page())?;
    let (mac, content) = bytes.split_at_checked(MAC).ok_or_else(not_a_page)?;
    let ours = platform.keys().page(caller.actor.tenant, caller.actor.account, content);
    // In constant time: what is compared does not say how much of it was right.
    let differing = mac.iter().zip(&ours[..MAC]).fold(0, |differing, (a, b)| differing | (a ^ b));
    if differing != 0 {
        return Err(not_a_page());
    }
    serde_json::from_slice(content).map_err(|_| not_a_page())
}

/// The parameter that a link to the next page consists of.
pub(crate) const TICKET: &str = "_page";

/// Bytes of a link that vouch for the rest of it.
const MAC: usize = 16;

pub(crate) fn ticket(parameters: &[(String, String)]) -> Option<&str> {
    parameters.iter().find(|(name, _)| name == TICKET).map(|(_, ticket)| ticket.as_str())
}

/// Cuts a list of which one more was asked for than goes on a page; whether it goes on.
pub(crate) fn cut<T>(found: &mut Vec<T>, page: u32) -> bool {
    let page = usize::try_from(page).unwrap_or(usize::MAX);
    let goes_on = found.len() > page;
    found.truncate(page);
    goes_on
}

pub(crate) fn not_a_page() -> AppError {
    let detail = "`_page` is no link that was given to this account for this list";
    let mut error = AppError::new(Code::BodyInvalid, detail);
    error.outcome = Some(Box::new(outcome::of_parameter(TICKET, "value", error.code.as_str(), detail)));
    error
}

fn too_many() -> AppResult<xinglin_store::Json> {
    let detail = format!("more than {MOST_INCLUDED} resources belong to this page; not all of them are on it");
    serde_json::value::to_raw_value(&outcome::warning("incomplete", &detail)).map_err(AppError::internal)
}

/// The codes that a filter asks for. A number or an address is none, whatever it looks like.
fn codes_of(filter: &TokenFilter) -> &[CodeFilter] {
    const NAMES: [&str; 4] = ["email", "identifier", "phone", "telecom"];
    if NAMES.contains(&filter.param.as_str()) { &[] } else { &filter.any_of }
}

/// The codes that a criterion asks for, at any remove.
fn asked_for<'a>(criterion: &'a Criterion, codes: &mut Vec<&'a CodeFilter>) {
    match criterion {
        Criterion::Any(all) | Criterion::Chained { all, .. } | Criterion::Referred { all, .. } => {
            all.iter().for_each(|one| asked_for(one, codes));
        }
        Criterion::Not(one) => asked_for(one, codes),
        Criterion::Token(filter) => codes.extend(codes_of(filter)),
        _ => {}
    }
}

/// Adds resources to a page, and notes whose record is shown.
fn show(set: &mut Searchset, caller: &Caller, base: &str, resources: Vec<Resource>, mode: &'static str) {
    for Resource { kind, id, patient_id, body, .. } in resources {
        if let Some(patient) = patient_id.and_then(|id| id.parse().ok()) {
            caller.trail.saw(patient);
        }
        set.push(base, &kind, &id, body, mode);
    }
}

/// Who names a patient that is not theirs learns nothing of them.
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

/// Where this page is: as it was asked for, less what was ignored.
pub(crate) fn here(Asked { base, parameters, .. }: &Asked, path: &str, applied: &[(String, String)]) -> String {
    if let Some(ticket) = ticket(parameters) {
        return format!("{base}/{path}?{TICKET}={ticket}");
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(applied).finish();
    if query.is_empty() { format!("{base}/{path}") } else { format!("{base}/{path}?{query}") }
}

/// As much of the resource as was asked for.
fn subset(search: &Search, resource: Resource) -> AppResult<Resource> {
    let mut value = document::value(&resource)?;
    answer::subset(&mut value, &search.elements, &schema::required(&resource.kind), search.without_text);
    let body = serde_json::value::to_raw_value(&value).map_err(AppError::internal)?;
    Ok(Resource { body, ..resource })
}

/// The parameters of `$everything`.
fn whole(patient: &str, parameters: &[(String, String)], strict: bool) -> AppResult<(RecordQuery, u32, Parameters)> {
    let wrong = |name: &str, detail: &str| {
        let mut error = AppError::new(Code::BodyInvalid, format!("`{name}` {detail}"));
        error.outcome = Some(Box::new(outcome::of_parameter(name, "value", error.code.as_str(), detail)));
        error
    };
    let mut query = RecordQuery { patient_id: Some(patient.to_owned()), ..RecordQuery::default() };
    let (mut count, mut applied) = (LARGEST_PAGE, Vec::new());
    for (name, value) in parameters {
        match name.as_str() {
            "_count" => {
                let asked: u32 = value.parse().map_err(|_| wrong(name, "must be a whole number"))?;
                count = asked.clamp(1, LARGEST_PAGE);
            }
            "_since" => {
                query.updated_from = Some(Instant::parse(value).ok_or_else(|| wrong(name, "must be an instant"))?);
            }
            "_type" => query.kinds.extend(value.split(',').map(str::to_owned)),
            _ if strict => return Err(wrong(name, "is not known here")),
            _ => continue,
        }
        applied.push((name.clone(), value.clone()));
    }
    Ok((query, count, applied))
}

/// What the references of these lead to, and what refers to them; and whether that is all.
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

/// `(Type, id)` of what a resource refers to: by one of its references, or by any.
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

/// What comes along with a page, each once.
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

    /// One more than fits, to know whether there were more.
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
