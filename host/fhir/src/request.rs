//! Requests of pathways as FHIR: each has a `Task` under its own id that says how far it is and how it ended, and
//!
//! | kind | resources |
//! |---|---|
//! | question | the `Task`, with the canonical URL of the questionnaire as input |
//! | referral | `ServiceRequest` under the id of the request |
//! | laboratory tests | `ServiceRequest` under an id of its own; the results are outputs of the `Task` |
//! | team | `CareTeam`, and `CarePlan` once there is a plan, under the id of the request |
//!
//! The patient reads these: what each of a team said, a plan before all have signed it, and the words of staff who turned
//! a team down are left out, as in the lists of requests.

use serde_json::{Value, json};
use xinglin_domain::{
    coding::{Coding, LocalizedText, system},
    enrolment::{
        RequestRecord,
        request::{Asked, Decision, Ended, Opinion},
    },
    id::EnrolmentId,
    pathway::{Destination, Participant, Role},
    time::Instant,
};

use crate::project::{
    LANGUAGE, PATHWAYS, ROLES, Resource, concept, concepts, patient, period, practitioner, reference, role,
};

/// Codes of Structured Data Capture, for tasks that ask for a questionnaire.
const SDC: &str = "http://hl7.org/fhir/uv/sdc/CodeSystem/temp";

const TASK_CODES: &str = "http://hl7.org/fhir/CodeSystem/task-code";

/// Minutes within which a referral is urgent: a project default.
const URGENT_MINUTES: i64 = 24 * 60;

/// A request with what its pathway says of it.
#[derive(Debug, Clone, Copy)]
pub struct PathwayRequest<'a> {
    /// The request, as it is now.
    pub record: &'a RequestRecord,
    /// Code of the pathway.
    pub pathway: &'a str,
    /// Title of the questionnaire, of a question whose pathway still has it.
    pub title: Option<&'a LocalizedText>,
    /// When it last changed.
    pub modified: Instant,
}

impl PathwayRequest<'_> {
    fn id(&self) -> String {
        self.record.id.to_string()
    }

    fn patient(&self) -> Value {
        patient(&self.record.patient.to_string())
    }

    fn enrolment(&self) -> Value {
        json!([reference("CarePlan", self.record.enrolment)])
    }

    /// The code of the request in its pathway, with codes of others.
    fn code(&self, others: Option<(&str, &str)>) -> Value {
        let own = json!({"system": PATHWAYS, "code": format!("{}.{}", self.pathway, self.record.code)});
        let others = others.map(|(system, code)| json!({"system": system, "code": code}));
        json!({"coding": std::iter::once(own).chain(others).collect::<Vec<_>>()})
    }

    fn time(&self) -> Value {
        period(self.record.since, Some(self.record.by))
    }
}

/// The resources of a request as it is now: see the module.
pub fn pathway_request(of: &PathwayRequest<'_>) -> Vec<Value> {
    let mut resources = vec![tracked(of)];
    match &of.record.asked {
        Asked::Question { .. } => {}
        Asked::Referral { destination, reason, .. } => resources.push(referral(of, destination, reason)),
        Asked::Laboratory { tests, service_request, .. } => resources.push(lab_request(&LabOrder {
            id: service_request,
            enrolment: of.record.enrolment,
            patient: &of.record.patient.to_string(),
            tests,
            status: LabStatus::of(of.record),
            authored: of.record.opened_at(),
            by: Some(of.record.by),
        })),
        Asked::Team(decision) => {
            resources.push(care_team(of, decision));
            resources.extend(joint_plan(of, decision));
        }
    }
    resources
}

/// `Task`: how far it is, and how it ended.
fn tracked(of: &PathwayRequest<'_>) -> Value {
    let record = of.record;
    let task = Resource::new("Task", of.id())
        .with("basedOn", of.enrolment())
        .with("status", task_status(record))
        .with("intent", "plan")
        .with("for", of.patient())
        .with("authoredOn", record.opened_at().to_string())
        .with("lastModified", of.modified.to_string())
        .with("executionPeriod", period(record.opened_at(), ended(record)))
        .with("restriction", json!({"period": of.time()}))
        .maybe("statusReason", turned_down(record).map(|reason| json!({"text": reason})))
        .list("note", note(record))
        .list("output", outputs(record));
    let performers = |roles: &[Role]| -> Vec<Value> {
        roles.iter().map(|one| json!({"coding": [{"system": ROLES, "code": role(*one)}]})).collect()
    };
    match &record.asked {
        Asked::Question { questionnaire, respondent } => {
            let form = format!("{PATHWAYS}/{}/{questionnaire}", of.pathway);
            let input = json!({
                "type": {"coding": [{"system": SDC, "code": "questionnaire"}]}, "valueCanonical": form,
            });
            let task = task
                .with("code", of.code(Some((SDC, "complete-questionnaire"))))
                .list("performerType", performers(&[*respondent]))
                .maybe("owner", (*respondent == Role::Patient).then(|| of.patient()))
                .with("input", json!([input]));
            of.title.into_iter().fold(task, |task, title| task.words("description", title)).done()
        }
        Asked::Referral { reason, .. } => task
            .with("code", of.code(Some((TASK_CODES, "fulfill"))))
            .with("priority", priority(record))
            .with("focus", reference("ServiceRequest", record.id))
            .words("description", reason)
            .done(),
        Asked::Laboratory { service_request, .. } => task
            .with("code", of.code(Some((TASK_CODES, "fulfill"))))
            .with("focus", reference("ServiceRequest", service_request))
            .done(),
        Asked::Team(decision) => task
            .with("code", of.code(None))
            .with("owner", reference("CareTeam", record.id))
            .list("performerType", performers(&roles_of(decision)))
            .words("description", &decision.question)
            .done(),
    }
}

/// Each once, in the order of the seats.
fn roles_of(decision: &Decision) -> Vec<Role> {
    let mut roles: Vec<Role> = Vec::new();
    for Participant { role, .. } in &decision.participants {
        if !roles.contains(role) {
            roles.push(*role);
        }
    }
    roles
}

fn task_status(record: &RequestRecord) -> &'static str {
    let begun = match &record.asked {
        Asked::Laboratory { found, .. } => !found.is_empty(),
        Asked::Team(decision) => decision.heard() > 0,
        Asked::Question { .. } | Asked::Referral { .. } => false,
    };
    match &record.ended {
        None if begun => "in-progress",
        None => "requested",
        Some(Ended::Fulfilled { .. }) => "completed",
        Some(Ended::Declined { .. }) => "rejected",
        Some(Ended::Lapsed { .. }) => "failed",
        Some(Ended::Withdrawn { .. }) => "cancelled",
    }
}

/// Of a `ServiceRequest`, which knows no more ends than these.
fn request_status(record: &RequestRecord) -> &'static str {
    match &record.ended {
        None => "active",
        Some(Ended::Fulfilled { .. }) => "completed",
        Some(Ended::Declined { .. } | Ended::Lapsed { .. } | Ended::Withdrawn { .. }) => "revoked",
    }
}

fn ended(record: &RequestRecord) -> Option<Instant> {
    record.ended.as_ref().map(|ended| match ended {
        Ended::Fulfilled { at, .. } | Ended::Declined { at, .. } | Ended::Lapsed { at } | Ended::Withdrawn { at } => {
            *at
        }
    })
}

/// Why it was turned down; what is said of a team is for the team.
fn turned_down(record: &RequestRecord) -> Option<&str> {
    match (&record.asked, &record.ended) {
        (Asked::Team(_), _) => None,
        (_, Some(Ended::Declined { reason, .. })) => Some(reason),
        _ => None,
    }
}

/// What staff have recorded of a referral or tests.
fn note(record: &RequestRecord) -> Option<Value> {
    match (&record.asked, &record.ended) {
        (Asked::Referral { .. } | Asked::Laboratory { .. }, Some(Ended::Fulfilled { at, note, .. })) => {
            (!note.trim().is_empty()).then(|| json!({"time": at.to_string(), "text": note}))
        }
        _ => None,
    }
}

/// Results, the plan, and the outcome in codes.
fn outputs(record: &RequestRecord) -> Vec<Value> {
    let named = |name: &str, what: Value| json!({"type": {"text": name}, "valueReference": what});
    let mut outputs = Vec::new();
    if let Asked::Laboratory { results, .. } = &record.asked {
        outputs.extend(results.iter().map(|id| named("result", reference("Observation", id))));
    }
    if let Some(Ended::Fulfilled { outcome, .. }) = &record.ended {
        if matches!(record.asked, Asked::Team(_)) {
            outputs.push(named("plan", reference("CarePlan", record.id)));
        }
        let coded = |code: Value| json!({"type": {"text": "outcome"}, "valueCodeableConcept": code});
        outputs.extend(concepts(outcome).map(coded));
    }
    outputs
}

/// An emergency is a matter of minutes; what has a day or less, urgent.
fn priority(record: &RequestRecord) -> &'static str {
    match record.is_emergency() {
        true => "stat",
        false if record.by <= record.since.plus_minutes(URGENT_MINUTES) => "urgent",
        false => "routine",
    }
}

/// `ServiceRequest` of a referral.
fn referral(of: &PathwayRequest<'_>, destination: &Destination, reason: &LocalizedText) -> Value {
    let (place, speciality) = match destination {
        Destination::Offline(speciality) => ("线下就诊", speciality.as_ref()),
        Destination::Emergency => ("急诊", None),
        Destination::Multidisciplinary => ("多学科会诊", None),
    };
    let words = reason.get(LANGUAGE);
    Resource::new("ServiceRequest", of.id())
        .with("basedOn", of.enrolment())
        .with("status", request_status(of.record))
        .with("intent", "plan")
        .with(
            "category",
            json!([{"coding": [{"system": system::SNOMED, "code": "3457005", "display": "Patient referral"}]}]),
        )
        .with("priority", priority(of.record))
        .with("code", json!({"text": place}))
        .with("subject", of.patient())
        .with("occurrencePeriod", of.time())
        .with("authoredOn", of.record.opened_at().to_string())
        .maybe("performerType", speciality.map(|one| concept(std::slice::from_ref(one))))
        .list("reasonCode", (!words.trim().is_empty()).then(|| json!({"text": words})))
        .done()
}

/// Laboratory tests that a pathway asks for; a doctor orders them.
#[derive(Debug, Clone)]
pub struct LabOrder<'a> {
    /// Id of the resource: [`LAB_REQUEST`](crate::project::LAB_REQUEST) and more.
    pub id: &'a str,
    /// The enrolment.
    pub enrolment: EnrolmentId,
    /// Id of the Patient.
    pub patient: &'a str,
    /// The tests.
    pub tests: &'a [Coding],
    /// The status.
    pub status: LabStatus,
    /// When it was asked for.
    pub authored: Instant,
    /// Until when, if it is followed.
    pub by: Option<Instant>,
}

/// Status of a laboratory request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabStatus {
    /// Results are waited for; also if nobody follows it.
    Active,
    /// All results are there, or staff have recorded them.
    Completed,
    /// It was turned down or taken back, or its time is over.
    Revoked,
}

impl LabStatus {
    fn of(record: &RequestRecord) -> Self {
        match request_status(record) {
            "completed" => Self::Completed,
            "revoked" => Self::Revoked,
            _ => Self::Active,
        }
    }
}

/// `ServiceRequest`, a proposal. Results may refer to it by `basedOn`.
pub fn lab_request(of: &LabOrder<'_>) -> Value {
    let status = match of.status {
        LabStatus::Active => "active",
        LabStatus::Completed => "completed",
        LabStatus::Revoked => "revoked",
    };
    Resource::new("ServiceRequest", of.id)
        .with("basedOn", json!([reference("CarePlan", of.enrolment)]))
        .with("status", status)
        .with("intent", "proposal")
        .with(
            "category",
            json!([{"coding": [{"system": system::SNOMED, "code": "108252007", "display": "Laboratory procedure"}]}]),
        )
        .with("code", json!({"text": "laboratory tests"}))
        .list("orderDetail", concepts(of.tests))
        .with("subject", patient(of.patient))
        .maybe("occurrencePeriod", of.by.map(|by| period(of.authored, Some(by))))
        .with("authoredOn", of.authored.to_string())
        .done()
}

/// `CareTeam`: its seats, and who sits or sat there since when.
fn care_team(of: &PathwayRequest<'_>, decision: &Decision) -> Value {
    let status = match (&of.record.ended, decision.heard()) {
        (Some(_), _) => "inactive",
        (None, 0) => "proposed",
        (None, _) => "active",
    };
    let question = decision.question.get(LANGUAGE);
    let (seats, over) = (decision.participants.iter().enumerate(), ended(of.record));
    Resource::new("CareTeam", of.id())
        .with("identifier", json!([{"system": PATHWAYS, "value": format!("{}.{}", of.pathway, of.record.code)}]))
        .with("status", status)
        .with("subject", of.patient())
        .with("period", period(of.record.opened_at(), over))
        .list("participant", seats.flat_map(|seat| sat(seat, &decision.opinions, over)))
        .list("reasonCode", (!question.trim().is_empty()).then(|| json!({"text": question})))
        .done()
}

/// Those of a seat, the first first, the last until it was over; of one that nobody has taken, the role alone.
fn sat((seat, of): (usize, &Participant), opinions: &[Opinion], over: Option<Instant>) -> Vec<Value> {
    let named = json!({"coding": [{"system": ROLES, "code": role(of.role)}]});
    let roles: Vec<Value> = std::iter::once(named).chain(of.discipline.iter().map(one)).collect();
    let sat: Vec<&Opinion> = opinions.iter().filter(|opinion| opinion.seat == seat).collect();
    if sat.is_empty() {
        return vec![json!({"role": roles})];
    }
    let until = sat.iter().skip(1).map(|next| Some(next.at)).chain([over]);
    let member = |(opinion, until): (&&Opinion, Option<Instant>)| {
        let until = until.map(|until| until.max(opinion.at));
        json!({"role": roles, "member": practitioner(&opinion.by.to_string()), "period": period(opinion.at, until)})
    };
    sat.iter().zip(until).map(member).collect()
}

fn one(coding: &Coding) -> Value {
    concept(std::slice::from_ref(coding))
}

/// `CarePlan` of a team that has written a plan: a draft without its words until all have signed it.
fn joint_plan(of: &PathwayRequest<'_>, decision: &Decision) -> Option<Value> {
    let plan = decision.plan.as_ref()?;
    let resource = Resource::new("CarePlan", of.id())
        .with("partOf", of.enrolment())
        .with("intent", "plan")
        .with("category", json!([of.code(None)]))
        .words("title", &decision.question)
        .with("subject", of.patient())
        .with("created", plan.at.to_string())
        .with("careTeam", json!([reference("CareTeam", of.record.id)]));
    let resource = match &of.record.ended {
        None => resource.with("status", "draft"),
        Some(Ended::Fulfilled { at, .. }) => resource
            .with("status", "active")
            .with("description", plan.text.as_str())
            .with("period", period(*at, None))
            .with("author", practitioner(&plan.by.to_string()))
            .list("contributor", plan.signed.iter().map(|signed| practitioner(&signed.by.to_string())))
            .list("activity", outcome(&plan.outcome)),
        Some(Ended::Declined { .. } | Ended::Lapsed { .. } | Ended::Withdrawn { .. }) => {
            resource.with("status", "revoked")
        }
    };
    Some(resource.done())
}

fn outcome(codes: &[Coding]) -> Option<Value> {
    let codes: Vec<Value> = concepts(codes).collect();
    (!codes.is_empty()).then(|| json!({"outcomeCodeableConcept": codes}))
}

#[cfg(test)]
mod tests {
    use xinglin_domain::{
        coding::Citation,
        enrolment::request::{Plan, Signed},
        id::{AccountId, PatientId, RequestId},
        pathway::Tracked,
    };

    use super::*;
    use crate::{index::index, validate::validate};

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("instant")
    }

    const NOW: &str = "2026-03-01T08:00:00Z";

    fn citation() -> Citation {
        Citation { title: "指南".into(), section: None, year: 2024, url: None }
    }

    fn open(asked: Asked, hours: i64) -> RequestRecord {
        let tracked = Tracked { code: "it".into(), by: at(NOW).plus_hours(hours) };
        let whose = (EnrolmentId::from_u128(1), PatientId::from_u128(2));
        RequestRecord::open(RequestId::from_u128(3), whose, (asked, tracked, true), at(NOW))
    }

    fn question(respondent: Role) -> RequestRecord {
        open(Asked::Question { questionnaire: "diary".into(), respondent }, 72)
    }

    fn referral(destination: Destination, hours: i64) -> RequestRecord {
        let reason = LocalizedText::zh_en("血压控制不佳。", "Uncontrolled.");
        open(Asked::Referral { destination, reason, citation: citation() }, hours)
    }

    fn loinc(code: &str) -> Coding {
        Coding::new(system::LOINC, code)
    }

    fn laboratory() -> RequestRecord {
        let tests = vec![loinc("2823-3"), loinc("2160-0")];
        open(Asked::Laboratory { tests, found: vec![], results: vec![], service_request: "labrequest-9".into() }, 72)
    }

    fn opinion(seat: usize, by: u128, minutes: i64) -> Opinion {
        Opinion { seat, by: AccountId::from_u128(by), at: at(NOW).plus_minutes(minutes), text: "仅供团队".into() }
    }

    fn team() -> RequestRecord {
        let seat = |role, discipline| Participant { role, discipline, responsibility: LocalizedText::default() };
        open(
            Asked::Team(Decision {
                question: LocalizedText::zh_en("请共同制定方案", "decide together"),
                participants: vec![
                    seat(Role::Doctor, Some(Coding::new("urn:discipline", "nephrology"))),
                    seat(Role::Pharmacist, None),
                ],
                citation: citation(),
                opinions: vec![],
                plan: None,
            }),
            48,
        )
    }

    /// Valid, and found under the patient.
    fn written(record: &RequestRecord) -> Vec<Value> {
        let title = LocalizedText::zh_en("血压日记", "Diary");
        let resources = pathway_request(&PathwayRequest {
            record,
            pathway: "hypertension",
            title: Some(&title),
            modified: at(NOW).plus_hours(1),
        });
        for resource in &resources {
            assert_eq!(validate(resource), Ok(()), "{resource}");
            let found = index(resource);
            assert_eq!(found.patient, Some(record.patient.to_string()), "{resource}");
            assert!(found.date.is_some(), "{resource}");
            assert!(!resource.to_string().contains("仅供团队"), "{resource}");
        }
        resources
    }

    fn statuses(record: &RequestRecord) -> Vec<(String, String)> {
        let text = |one: &Value, key: &str| one[key].as_str().expect("text").to_owned();
        written(record).iter().map(|one| (text(one, "resourceType"), text(one, "status"))).collect()
    }

    fn are(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
        wanted.iter().map(|(kind, status)| ((*kind).to_owned(), (*status).to_owned())).collect()
    }

    fn ends(record: &RequestRecord) -> [RequestRecord; 4] {
        let (by, now) = (AccountId::from_u128(5), at(NOW).plus_hours(1));
        let fulfilled =
            Ended::Fulfilled { by: Some(by), at: now, outcome: vec![loinc("1-8")], note: "已就诊".into() };
        let declined = Ended::Declined { by, at: now, reason: "理由".into() };
        [fulfilled, declined, Ended::Lapsed { at: now }, Ended::Withdrawn { at: now }]
            .map(|ended| RequestRecord { ended: Some(ended), ..record.clone() })
    }

    #[test]
    fn a_task_and_a_request_say_how_it_ended() {
        let task = ["completed", "rejected", "failed", "cancelled"];
        let request = ["completed", "revoked", "revoked", "revoked"];
        assert_eq!(statuses(&question(Role::Patient)), are(&[("Task", "requested")]));
        for (ended, task) in ends(&question(Role::Nurse)).iter().zip(task) {
            assert_eq!(statuses(ended), are(&[("Task", task)]));
        }
        for open in [referral(Destination::Offline(None), 72), laboratory()] {
            assert_eq!(statuses(&open), are(&[("Task", "requested"), ("ServiceRequest", "active")]));
            for ((ended, task), request) in ends(&open).iter().zip(task).zip(request) {
                assert_eq!(statuses(ended), are(&[("Task", task), ("ServiceRequest", request)]));
                let reason = written(ended)[0]["statusReason"]["text"].clone();
                assert_eq!(reason == "理由", task == "rejected", "{reason}");
            }
        }
        for (ended, task) in ends(&team()).iter().zip(task) {
            assert_eq!(statuses(ended), are(&[("Task", task), ("CareTeam", "inactive")]), "without a plan");
            assert!(!written(ended)[0].to_string().contains("理由"), "what is said of a team is for the team");
        }
    }

    #[test]
    fn a_question_names_its_form_and_who_answers() {
        let task = &written(&question(Role::Patient))[0];
        assert_eq!(task["input"][0]["valueCanonical"], "urn:xinglin:pathway/hypertension/diary");
        assert_eq!(task["owner"], task["for"]);
        assert_eq!(task["description"], "血压日记");
        assert_eq!(task["restriction"]["period"]["end"], at(NOW).plus_hours(72).to_string());
        // A nearer deadline leaves when it was asked for.
        let record = question(Role::Patient);
        let (now, by) = (at(NOW).plus_hours(1), at(NOW).plus_hours(2));
        let task = &written(&record.moved(&record.asked, (by, true), now).expect("the same question"))[0];
        assert_eq!(
            (&task["authoredOn"], &task["restriction"]["period"]["end"]),
            (&json!(at(NOW).to_string()), &json!(by.to_string()))
        );
        let task = &written(&question(Role::Guardian))[0];
        assert_eq!((task.get("owner"), &task["performerType"][0]["coding"][0]["code"]), (None, &json!("guardian")));
    }

    #[test]
    fn a_referral_has_its_urgency() {
        let of = |destination, hours| written(&referral(destination, hours))[1]["priority"].clone();
        assert_eq!(of(Destination::Emergency, 24 * 30), "stat");
        assert_eq!(of(Destination::Offline(None), 24), "urgent");
        assert_eq!(of(Destination::Offline(None), 25), "routine");
        let speciality = Coding::new("urn:discipline", "cardiology");
        let request = &written(&referral(Destination::Offline(Some(speciality)), 72))[1];
        assert_eq!(request["performerType"]["coding"][0]["code"], "cardiology");
        assert_eq!(request["reasonCode"][0]["text"], "血压控制不佳。");
    }

    #[test]
    fn results_are_outputs_as_they_come() {
        let first = laboratory().result((&[loinc("2823-3")], "obs-1"), at(NOW)).expect("one of two");
        assert_eq!(statuses(&first), are(&[("Task", "in-progress"), ("ServiceRequest", "active")]));
        let both = first.result((&[loinc("2160-0")], "obs-2"), at(NOW)).expect("the other");
        assert_eq!(statuses(&both), are(&[("Task", "completed"), ("ServiceRequest", "completed")]));
        let [task, request] = &written(&both)[..] else { panic!("two") };
        let results: Vec<&Value> = task["output"].as_array().expect("outputs").iter().collect();
        assert_eq!(results.len(), 2);
        assert_eq!(results[1]["valueReference"]["reference"], "Observation/obs-2");
        assert_eq!(task["focus"]["reference"], format!("ServiceRequest/{}", request["id"].as_str().expect("an id")));
    }

    #[test]
    fn a_team_is_its_seats_and_a_plan_has_words_once_all_have_signed() {
        let mut record = team();
        assert_eq!(statuses(&record), are(&[("Task", "requested"), ("CareTeam", "proposed")]));
        let Asked::Team(decision) = &mut record.asked else { panic!("a team") };
        decision.opinions = vec![opinion(0, 7, 5), opinion(0, 8, 9)];
        assert_eq!(statuses(&record), are(&[("Task", "in-progress"), ("CareTeam", "active")]));
        let seats = written(&record)[1]["participant"].as_array().expect("participants").clone();
        assert_eq!(seats.len(), 3, "who sat there before, who sits there, and an empty seat");
        assert_eq!(seats[0]["period"]["end"], seats[1]["period"]["start"]);
        assert_eq!(seats[1]["role"][1]["coding"][0]["code"], "nephrology");
        assert!(seats[1]["period"].get("end").is_none() && seats[2].get("member").is_none());

        let Asked::Team(decision) = &mut record.asked else { panic!("a team") };
        decision.opinions.push(opinion(1, 9, 10));
        let (doctor, pharmacist) = (AccountId::from_u128(8), AccountId::from_u128(9));
        let plan = Plan {
            version: 1,
            text: "加用螺内酯".into(),
            outcome: vec![loinc("1-8")],
            by: doctor,
            at: at(NOW),
            signed: [(0, doctor), (1, pharmacist)].map(|(seat, by)| Signed { seat, by, at: at(NOW) }).to_vec(),
        };
        decision.plan = Some(plan);
        assert_eq!(statuses(&record)[2], ("CarePlan".to_owned(), "draft".to_owned()));
        assert!(!written(&record)[2].to_string().contains("螺内酯"));
        let [fulfilled, others @ ..] = ends(&record);
        let over = written(&fulfilled)[1]["period"]["end"].clone();
        let seats = written(&fulfilled)[1]["participant"].clone();
        assert!(over.is_string() && seats[0]["period"]["end"] == seats[1]["period"]["start"], "{seats}");
        assert_eq!((&seats[1]["period"]["end"], &seats[2]["period"]["end"]), (&over, &over), "who sat there last");
        let decided = &written(&fulfilled)[2];
        assert_eq!((&decided["status"], &decided["description"]), (&json!("active"), &json!("加用螺内酯")));
        assert_eq!(decided["contributor"].as_array().map(Vec::len), Some(2));
        assert_eq!(decided["activity"][0]["outcomeCodeableConcept"][0]["coding"][0]["code"], "1-8");
        for ended in others {
            let plan = &written(&ended)[2];
            assert_eq!(plan["status"], "revoked");
            assert!(!plan.to_string().contains("螺内酯"), "{plan}");
        }
    }
}
