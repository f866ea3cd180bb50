//! A question to the policies, and the decision.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use cedar_policy::{
    Authorizer, Context, Decision as Verdict, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request,
    RestrictedExpression as Value,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Actor, Role, Title},
    id::TenantId,
    scope::Scopes,
    time::Instant,
};

use crate::policy::{Policies, PolicyText};

/// The principal of a question.
#[derive(Debug, Clone, Copy)]
pub enum Principal<'a> {
    /// A person, or a system if it has scopes.
    Actor {
        /// The account.
        actor: &'a Actor,
        /// The scopes of a system's token.
        scopes: Option<&'a Scopes>,
        /// Whether the session has a second factor.
        second_factor: bool,
    },
    /// A plugin of a tenant.
    Plugin {
        /// Its id.
        id: &'a str,
        /// Its tenant.
        tenant: TenantId,
        /// Its version.
        version: &'a str,
        /// Its publisher.
        publisher: &'a str,
        /// Its granted capabilities.
        capabilities: &'a [String],
    },
}

/// Whether a principal may perform an action.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The principal.
    pub principal: Principal<'a>,
    /// The action.
    pub action: Action,
    /// The tenant.
    pub tenant: TenantId,
    /// The capability, for `plugin.use`.
    pub capability: Option<&'a str>,
    /// When.
    pub at: Instant,
}

/// The decision of the policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Ids of the policies that decided: those that forbid if there are any, else those that
    /// permit. Empty if no policy permits it.
    pub by: Vec<String>,
    /// Evaluation errors; the decision is then a refusal.
    pub errors: Vec<String>,
}

/// The input of the policies.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PolicyInput)]
pub struct Asked {
    /// In Cedar: `Account::"acc-…"`.
    pub principal: String,
    /// Attributes of the principal.
    #[schema(value_type = Object)]
    pub attributes: serde_json::Value,
    /// In Cedar.
    pub action: String,
    /// In Cedar.
    pub resource: String,
    /// The circumstances.
    #[schema(value_type = Object)]
    pub context: serde_json::Value,
}

fn kind(name: &str) -> EntityTypeName {
    name.parse().expect("a name of the schema")
}

static ACCOUNT: LazyLock<EntityTypeName> = LazyLock::new(|| kind("Account"));

static ACTION: LazyLock<EntityTypeName> = LazyLock::new(|| kind("Action"));

static CAPABILITY: LazyLock<EntityTypeName> = LazyLock::new(|| kind("Capability"));

static PLUGIN: LazyLock<EntityTypeName> = LazyLock::new(|| kind("Plugin"));

static ROLE: LazyLock<EntityTypeName> = LazyLock::new(|| kind("Role"));

static SERVICE: LazyLock<EntityTypeName> = LazyLock::new(|| kind("Service"));

static TENANT: LazyLock<EntityTypeName> = LazyLock::new(|| kind("Tenant"));

/// Each in its action group.
static ACTIONS: LazyLock<HashMap<Action, Entity>> = LazyLock::new(|| {
    let entity =
        |action: Action| Entity::new_no_attrs(action_uid(action.as_str()), HashSet::from([action_uid(action.noun())]));
    Action::ALL.iter().map(|&action| (action, entity(action))).collect()
});

fn uid(kind: &EntityTypeName, id: impl AsRef<str>) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

pub(crate) fn action_uid(id: &str) -> EntityUid {
    uid(&ACTION, id)
}

impl Question<'_> {
    /// The principal with its attributes, and the roles that are valid now.
    fn entity(&self) -> Result<Entity, String> {
        let text = |text: &str| Value::new_string(text.to_owned());
        let tenant = |of: TenantId| ("tenant".to_owned(), Value::new_entity_uid(uid(&TENANT, of.to_string())));
        let (who, attributes, roles) = match self.principal {
            Principal::Actor { actor, scopes, .. } => {
                let roles = actor.live_roles(self.at);
                let parents = roles.iter().map(|role| uid(&ROLE, role.as_str())).collect();
                let id = actor.account.to_string();
                match scopes {
                    Some(scopes) => {
                        let scopes = Value::new_set(scopes.to_string().split_whitespace().map(text));
                        (uid(&SERVICE, id), HashMap::from([tenant(actor.tenant), ("scopes".into(), scopes)]), parents)
                    }
                    None => {
                        let rank = |role: Role| Some((role.as_str().to_owned(), actor.title(role, self.at)?));
                        let ranks = roles.into_iter().filter_map(rank);
                        let ranks =
                            Value::new_record(ranks.map(|(role, title)| (role, Value::new_long(number(title)))));
                        let ranks = ranks.map_err(|error| error.to_string())?;
                        (uid(&ACCOUNT, id), HashMap::from([tenant(actor.tenant), ("ranks".into(), ranks)]), parents)
                    }
                }
            }
            Principal::Plugin { id, tenant: of, version, publisher, capabilities } => {
                let capabilities = Value::new_set(capabilities.iter().map(|name| text(name)));
                let attributes = HashMap::from([
                    tenant(of),
                    ("version".into(), text(version)),
                    ("publisher".into(), text(publisher)),
                    ("capabilities".into(), capabilities),
                ]);
                (uid(&PLUGIN, id), attributes, HashSet::new())
            }
        };
        Entity::new(who, attributes, roles).map_err(|error| error.to_string())
    }

    fn resource(&self) -> EntityUid {
        match self.capability {
            Some(name) => uid(&CAPABILITY, name),
            None => uid(&TENANT, self.tenant.to_string()),
        }
    }

    fn context(&self) -> Result<Context, String> {
        let (hour, weekday) = in_shanghai(self.at);
        let mut pairs = vec![
            ("now".to_owned(), Value::new_datetime(to_the_second(self.at))),
            ("hour".to_owned(), Value::new_long(hour)),
            ("weekday".to_owned(), Value::new_long(weekday)),
        ];
        if let Principal::Actor { second_factor, .. } = self.principal {
            pairs.push(("second_factor".to_owned(), Value::new_bool(second_factor)));
        }
        Context::from_pairs(pairs).map_err(|error| error.to_string())
    }

    /// The input of the policies, for people.
    ///
    /// # Errors
    /// What cannot be expressed in Cedar.
    pub fn asked(&self) -> Result<Asked, String> {
        let entity = self.entity()?;
        let json = entity.to_json_value().map_err(|error| error.to_string())?;
        let (hour, weekday) = in_shanghai(self.at);
        let mut context = json!({ "now": to_the_second(self.at), "hour": hour, "weekday": weekday });
        let mut attributes = json["attrs"].clone();
        if let Principal::Actor { actor, second_factor, .. } = self.principal {
            context["second_factor"] = second_factor.into();
            attributes["roles"] = actor.live_roles(self.at).into_iter().map(Role::as_str).collect();
        }
        Ok(Asked {
            principal: entity.uid().to_string(),
            attributes,
            action: action_uid(self.action.as_str()).to_string(),
            resource: self.resource().to_string(),
            context,
        })
    }
}

impl Policies {
    /// The decision of the tenant's policies. Any error is a refusal.
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        self.try_decide(question).unwrap_or_else(|error| Decision {
            allowed: false,
            by: Vec::new(),
            errors: vec![error],
        })
    }

    fn try_decide(&self, question: &Question<'_>) -> Result<Decision, String> {
        let policies = self.rules(question.tenant).by_action.get(&question.action).ok_or("no policies")?;
        let action = ACTIONS.get(&question.action).ok_or("an action that policies do not know")?;
        let principal = question.entity()?;
        let request = Request::new(principal.uid(), action.uid(), question.resource(), question.context()?, None);
        let request = request.map_err(|error| error.to_string())?;
        let entities = Entities::from_entities([principal, action.clone()], None).map_err(|error| error.to_string())?;
        let response = Authorizer::new().is_authorized(&request, policies, &entities);
        let told = response.diagnostics();
        // Cedar skips a policy that fails to evaluate, even a `forbid`.
        let errors: Vec<String> = told.errors().map(ToString::to_string).collect();
        Ok(Decision {
            allowed: response.decision() == Verdict::Allow && errors.is_empty(),
            by: told.reason().map(ToString::to_string).collect(),
            errors,
        })
    }

    /// The policies that decided.
    pub fn deciding(&self, tenant: TenantId, decision: &Decision) -> Vec<PolicyText> {
        let texts = self.texts(tenant).iter();
        texts.filter(|text| decision.by.contains(&text.id)).cloned().collect()
    }
}

const fn number(title: Title) -> i64 {
    match title {
        Title::Junior => 1,
        Title::Middle => 2,
        Title::AssociateSenior => 3,
        Title::Senior => 4,
    }
}

const DAY: i64 = 24 * 3600;

/// Hour of the day and day of the week, Monday being 1. China has one time zone, without daylight
/// saving.
fn in_shanghai(at: Instant) -> (i64, i64) {
    let seconds = at.micros().div_euclid(1_000_000) + 8 * 3600;
    // 1970-01-01 was a Thursday.
    (seconds.rem_euclid(DAY) / 3600, (seconds.div_euclid(DAY) + 3).rem_euclid(7) + 1)
}

/// In Cedar's format: `2026-11-22T07:19:15Z`.
fn to_the_second(at: Instant) -> String {
    Instant::from_micros(at.micros().div_euclid(1_000_000) * 1_000_000).to_string()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, time::Instant as Stopwatch};

    use tempfile::TempDir;
    use xinglin_domain::{
        access::can,
        id::{AccountId, CertificateId, PatientId},
        identity::{Decider, Decision, Level, Verdict},
        practice::{Basis, Certificate, Document, Filing, FilingState, Kind, Practice},
    };

    use super::*;
    use crate::policy::{Flaws, HOST, SCHEMA, check, schema};

    /// A Saturday, 10:13 in Shanghai.
    const NOW: Instant = Instant::from_micros(1_795_227_200_000_000);
    const HERE: TenantId = TenantId::from_u128(1);

    fn actor(role: Role, licences: &[Role]) -> Actor {
        let (begun, title) = (NOW.plus_days(-2000), Title::Middle);
        let document = |kind: Kind| match kind {
            Kind::IdentityCard => Document::IdentityCard {},
            Kind::DoctorQualification => Document::DoctorQualification {},
            Kind::DoctorPractice => {
                Document::DoctorPractice { scope: vec!["内科".into()], institution: "H".into(), since: begun }
            }
            Kind::DoctorTitle => Document::DoctorTitle { rank: title },
            Kind::PharmacyTitle => Document::PharmacyTitle { rank: title },
            Kind::LicensedPharmacist => Document::LicensedPharmacist {},
            Kind::NurseRegistration => Document::NurseRegistration { institution: "H".into() },
            Kind::PsychotherapistTitle => Document::PsychotherapistTitle { rank: title },
            Kind::CounsellorBar => Document::CounsellorBar { charged_hours: 500 },
            Kind::EmployerProof => Document::EmployerProof { employer: "H".into() },
        };
        let certificate = |kind: &Kind| {
            let (id, until) = (CertificateId::from_u128(1), Some(NOW.plus_days(100)));
            let mut made = Certificate::submitted(id, document(*kind), "1".into(), "A".into(), begun, until);
            let by = Decider::person(AccountId::from_u128(8), "seen").expect("a reason");
            let verdict = Verdict::Verified { level: Level::Basic, until: None };
            made.decide(Decision { by, at: NOW.plus_days(-1), verdict }).expect("decided once");
            made
        };
        let filing = Filing { tenant: HERE, basis: Basis::Main, from: begun, until: None, state: FilingState::InForce };
        let kinds = licences.iter().flat_map(|role| role.needs().iter().copied().flatten());
        let practice =
            Practice { certificates: kinds.map(certificate).collect(), filings: vec![filing], ..Practice::default() };
        Actor {
            account: AccountId::from_u128(7),
            tenant: HERE,
            roles: vec![role],
            practice,
            patients: vec![PatientId::from_u128(1)],
            wards: vec![],
            relatives: vec![],
        }
    }

    fn question<'a>(actor: &'a Actor, scopes: Option<&'a Scopes>, action: Action, at: Instant) -> Question<'a> {
        let principal = Principal::Actor { actor, scopes, second_factor: false };
        Question { principal, action, tenant: HERE, capability: None, at }
    }

    fn shipped() -> Policies {
        Policies::load(Path::new("/nowhere")).expect("sound policies")
    }

    /// With these files in addition to the shipped ones.
    fn with(files: &[(&str, &str)]) -> Result<Policies, Flaws> {
        let folder = TempDir::new().expect("a folder");
        for (name, source) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, source).expect("written");
        }
        Policies::load(folder.path())
    }

    #[test]
    fn shipped_policies_and_the_law_agree_on_every_role_and_action() {
        let (policies, mut allowed) = (shipped(), 0);
        for role in Role::ALL {
            for licences in [&[][..], &[role]] {
                let actor = actor(role, licences);
                let scopes = (role == Role::Service).then(Scopes::default);
                for &action in Action::ALL {
                    let law = can(&actor, action, NOW);
                    let said = policies.decide(&question(&actor, scopes.as_ref(), action, NOW));
                    assert_eq!(said.allowed, law.is_ok(), "{role:?} {action:?} {law:?} {said:?}");
                    assert!(said.errors.is_empty(), "{said:?}");
                    allowed += usize::from(said.allowed);
                }
            }
        }
        assert!(allowed > 100, "{allowed}");
    }

    #[test]
    fn the_schema_has_the_catalogue_and_no_more() {
        let schema = schema().expect("a schema");
        let groups: HashSet<_> = Action::ALL.iter().map(|action| action_uid(action.noun())).collect();
        let acts: HashSet<_> = Action::ALL.iter().map(|action| action_uid(action.as_str())).collect();
        let stated: HashSet<_> = schema.actions().cloned().collect();
        assert_eq!(stated, groups.union(&acts).cloned().collect(), "{SCHEMA}");
        // Each is in the group of its noun, as in `ACTIONS`.
        for (action, entity) in ACTIONS.iter() {
            let entities = schema.action_entities().expect("actions");
            assert_eq!(entities.get(&entity.uid()), Some(entity), "{action:?}");
        }
    }

    #[test]
    fn what_is_asked_fits_the_schema() {
        let schema = schema().expect("a schema");
        let scopes: Scopes = "system/Patient.rs".parse().expect("scopes");
        let (doctor, service) = (actor(Role::Doctor, &[Role::Doctor]), actor(Role::Service, &[]));
        let plugin = Principal::Plugin {
            id: "a",
            tenant: HERE,
            version: "1.0.0",
            publisher: "p",
            capabilities: &["http".to_owned()],
        };
        let used = Question { capability: Some("http"), ..question(&doctor, None, Action::UseCapability, NOW) };
        for question in [
            question(&doctor, None, Action::SignPrescription, NOW),
            question(&service, Some(&scopes), Action::ReadRecords, NOW),
            Question { principal: plugin, ..question(&doctor, None, Action::CallPlugin, NOW) },
            Question { principal: plugin, ..used },
        ] {
            let entity = question.entity().expect("an entity");
            let action = action_uid(question.action.as_str());
            let context = question.context().expect("a context");
            Request::new(entity.uid(), action, question.resource(), context, Some(&schema)).expect("a request");
            Entities::from_entities([entity], Some(&schema)).expect("an entity as the schema has it");
            question.asked().expect("words");
        }
    }

    #[test]
    fn a_tenant_narrows_by_hour_rank_and_second_factor_and_nobody_else_is_touched() {
        let night = r#"
            @id("not-at-night")
            forbid (principal, action == Action::"prescription.sign", resource)
            when { context.hour < 8 || context.hour >= 20 };
            @id("seniors")
            forbid (principal, action == Action::"encounter.decide", resource)
            unless { principal.ranks has doctor && principal.ranks.doctor >= 3 };
            @id("two-factors")
            forbid (principal, action in Action::"pathway", resource) unless { context.second_factor };
            @id("until-2027")
            forbid (principal, action == Action::"charge.quote", resource)
            when { context.now < datetime("2027-01-01") };
        "#;
        let policies = with(&[(&format!("{HERE}/rules.cedar"), night)]).expect("sound policies");
        let doctor = actor(Role::Doctor, &[Role::Doctor]);
        let by = |action, at| policies.decide(&question(&doctor, None, action, at));
        assert!(by(Action::SignPrescription, NOW).allowed);
        let refused = by(Action::SignPrescription, NOW.plus_hours(10));
        assert_eq!(refused.by, [format!("{HERE}/rules.cedar#not-at-night")]);
        assert_eq!(policies.deciding(HERE, &refused)[0].line, 2);
        assert!(!by(Action::DecideFollowUp, NOW).allowed, "rank 2 of 3");
        assert!(!by(Action::EnrolPatient, NOW).allowed);
        assert!(!by(Action::QuoteCharge, NOW).allowed);
        assert!(by(Action::QuoteCharge, NOW.plus_days(60)).allowed);
        let mut strong = question(&doctor, None, Action::EnrolPatient, NOW);
        strong.principal = Principal::Actor { actor: &doctor, scopes: None, second_factor: true };
        assert!(policies.decide(&strong).allowed);

        let mut elsewhere = Actor { tenant: TenantId::from_u128(2), ..doctor.clone() };
        elsewhere.practice.filings.iter_mut().for_each(|filing| filing.tenant = elsewhere.tenant);
        let mut there = question(&elsewhere, None, Action::SignPrescription, NOW.plus_hours(10));
        there.tenant = elsewhere.tenant;
        assert!(policies.decide(&there).allowed);
        there.tenant = HERE;
        assert!(policies.decide(&there).by.contains(&"shipped/running.cedar#hospitals-are-apart".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_nothing_of_it_is_taken() {
        let flaw = |file: &str, source: &str| {
            let flaws = with(&[(file, source)]).expect_err("a flaw").0;
            (flaws[0].line, flaws[0].to_string())
        };
        let (line, text) = flaw("_host/a.cedar", "\n\nforbid (principal, action resource);");
        assert_eq!(line, Some(3), "{text}");
        assert!(text.starts_with("_host/a.cedar:3: "), "{text}");
        let (line, text) =
            flaw("_host/a.cedar", "// x\nforbid (principal, action == Action::\"prescription.sing\", resource);");
        assert_eq!(line, Some(2), "{text}");
        assert!(text.contains("prescription.sing"), "{text}");
        let (_, text) = flaw("_host/a.cedar", "forbid (principal, action, resource) unless { context.second_factor };");
        assert!(text.contains("second_factor"), "plugins have none: {text}");
        let (line, text) = flaw("_host/a.cedar", "\npermit (principal, action, resource);");
        assert_eq!(line, Some(2), "{text}");
        assert!(text.contains("only forbid"), "{text}");
        let (_, text) = flaw("ten-typo/a.cedar", "forbid (principal, action == Action::\"audit.read\", resource);");
        assert!(text.contains("called like a tenant"), "{text}");
        let (_, text) = flaw("a.cedar", "forbid (principal, action == Action::\"audit.read\", resource);");
        assert!(text.contains(HOST), "{text}");
        let twice = "@id(\"a\") forbid (principal, action == Action::\"audit.read\", resource);".repeat(2);
        assert!(flaw("_host/a.cedar", &twice).1.contains("already"));
        assert!(flaw("_host/a.cedar", "forbid (principal == ?principal, action, resource);").1.contains("templates"));
    }

    #[test]
    fn a_policy_that_cannot_be_evaluated_forbids() {
        // An overflow, which the validator does not detect.
        let overflows = r#"forbid (principal, action == Action::"audit.read", resource)
            when { context.hour + 9223372036854775807 < 0 };"#;
        let policies = with(&[("_host/a.cedar", overflows)]).expect("sound as far as one can tell");
        let regulator = actor(Role::Regulator, &[]);
        let said = policies.decide(&question(&regulator, None, Action::ReadAudit, NOW));
        assert!(!said.allowed && said.errors.len() == 1, "{said:?}");
    }

    #[test]
    fn folders_are_checked_without_being_used() {
        let folder = TempDir::new().expect("a folder");
        assert!(check(folder.path()).is_err(), "empty");
        let sound = "forbid (principal, action == Action::\"audit.read\", resource);";
        fs::write(folder.path().join("a.cedar"), sound).expect("written");
        assert_eq!(check(folder.path()).expect("sound")[0].id, "a.cedar#L1");
        fs::create_dir(folder.path().join(HOST)).expect("a folder");
        assert!(check(folder.path()).is_err(), "a file beside the folders is nobody's");
        fs::rename(folder.path().join("a.cedar"), folder.path().join(HOST).join("a.cedar")).expect("moved");
        assert_eq!(check(folder.path()).expect("sound")[0].id, "_host/a.cedar#L1");
    }

    #[test]
    fn hours_and_days_are_those_of_shanghai() {
        assert_eq!(in_shanghai(NOW), (10, 6));
        assert_eq!(in_shanghai(NOW.plus_hours(14)), (0, 7));
        assert_eq!(in_shanghai(NOW.plus_hours(38)), (0, 1));
        assert_eq!(in_shanghai(Instant::from_micros(-1)), (7, 4));
        assert_eq!(to_the_second(NOW.plus_seconds(0)), "2026-11-21T02:13:20Z");
    }

    /// Logs the duration of a decision: `--nocapture`. Unoptimised, it takes about ten times as
    /// long as in a release.
    #[test]
    fn a_decision_is_quick() {
        let policies = shipped();
        let doctor = actor(Role::Doctor, &[Role::Doctor]);
        let question = question(&doctor, None, Action::SignPrescription, NOW);
        let started = Stopwatch::now();
        for _ in 0..1000 {
            assert!(policies.decide(&question).allowed);
        }
        println!("a decision takes {:?}", started.elapsed() / 1000);
    }
}
