//! Payment per head, and what services cost: years of a hundred members, bundles, packages, platform fees;
//! two accountants; the journal. All figures are computed by the plugins in Wasm (`DOMAIN.md` D3 to D6).

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::time::Instant;
use xinglin_store::Engine;

use crate::support::{
    BUNDLE, CAPITATION, Client, Clinic, MEDICAL_INSURANCE, MEMBERSHIP, PLATFORM_FEE, Person, Plugin, TestHospital,
    clinic::part, eventually, on_both_engines, record,
};

on_both_engines!(
    Years:
    a_year_ends_in_the_figures_of_its_members,
    services_are_bought_earned_and_given_back,
    what_one_accountant_posts_another_approves,
);

/// A hospital whose tokens outlast the years.
struct Years(TestHospital);

impl Years {
    async fn open(engine: Engine) -> Self {
        Self(TestHospital::open_with(engine, |config| config.sessions.token_seconds = 4 * 366 * 24 * 3600).await)
    }

    /// Moves the clock to a day, with fresh tokens for who acts afterwards.
    async fn until(&mut self, clinic: &mut Clinic, day: &str) {
        let seconds = (Instant::parse(day).expect("a day").micros() - self.0.now().micros()) / 1_000_000 + 1;
        assert!(seconds > 0, "{day} is over");
        self.0.advance(seconds).await;
        self.0.operator = self.0.anyone.sign_in(None, "operator").await;
        clinic.operator = self.0.operator.clone();
        for (login, client) in [
            ("administrator", &mut clinic.administrator),
            ("doctor", &mut clinic.doctor),
            ("pharmacist", &mut clinic.pharmacist),
            ("patient", &mut clinic.patient),
        ] {
            *client = self.0.anyone.sign_in(Some(&clinic.tenant), login).await;
        }
    }
}

/// In a demonstration, with the shipped figures.
async fn illustrative(clinic: &Clinic, plugins: &[&Plugin]) {
    for plugin in plugins {
        let path = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, plugin.id);
        clinic.operator.put(&path, json!({ "settings": { "accept-illustrative": true } })).await;
    }
}

async fn on_account(clinic: &Clinic, name: &str) -> i64 {
    let balance = clinic.balanced().await;
    let accounts = balance["accounts"].as_array().cloned().unwrap_or_default();
    accounts.iter().find(|account| account["account"] == name).map_or(0, |account| account["fen"].as_i64().unwrap_or(0))
}

/// Patients of these years of birth with a diagnosis; their ids.
async fn patients(clinic: &Clinic, people: &[(u16, &str)]) -> Vec<String> {
    let born: Vec<Value> = people.iter().map(|(year, _)| record::patient(&format!("{year}-05-05"))).collect();
    let patients = clinic.import(&born).await;
    let conditions: Vec<Value> = patients
        .iter()
        .zip(people)
        .map(|(patient, (_, code))| {
            json!({
                "resourceType": "Condition", "subject": { "reference": patient },
                "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": code }] },
                "clinicalStatus": { "coding": [
                    { "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" },
                ] },
            })
        })
        .collect();
    clinic.import(&conditions).await;
    patients.into_iter().map(|patient| patient.trim_start_matches("Patient/").to_owned()).collect()
}

const MEMBERS: &str = "/api/v1/capitation/members";

fn figures(end: &Value) -> [i64; 5] {
    ["kept", "returned", "fund_bears", "provider_bears", "payable"]
        .map(|field| end[format!("{field}_fen")].as_i64().unwrap_or_else(|| panic!("{field}: {end}")))
}

/// DOMAIN.md D3, twice: a year with a surplus, and one with an overrun.
async fn a_year_ends_in_the_figures_of_its_members(mut years: Years) {
    let mut clinic = years.0.clinic(&[&MEDICAL_INSURANCE, &CAPITATION]).await;
    illustrative(&clinic, &[&CAPITATION]).await;
    let now = years.0.now().to_string();
    let (this, month_day) = (years.0.now().china_year(), now[5..10].to_owned());
    // In a December, so that the members count from the first of January.
    let before = if *month_day < *"12-14" { this } else { this + 1 };
    let year = before + 1;
    years.until(&mut clinic, &format!("{before}-12-15T09:00:00+08:00")).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    let (manager, _) = clinic.hire(Person::new("manager", "health_manager").licensed(&json!({}))).await;

    let contracts = format!("/api/v1/tenants/{}/capitation/{}", clinic.tenant, CAPITATION.id);
    let partners = json!([{ "id": "org-2", "title": "河北街社区医院" }, { "id": "org-3", "title": "河东街社区医院" }]);
    let contract = json!({ "payer": MEDICAL_INSURANCE.id, "title": "杏林医院", "partners": partners });
    let lead = &clinic.tenant.clone();
    clinic.administrator.put(&format!("{contracts}/{lead}"), contract.clone()).await;
    clinic.administrator.put(&format!("{contracts}/org-9"), contract.clone()).await;
    for (body, code) in [
        (json!({ "payer": "nobody", "title": "x", "partners": [] }), "NOT_FOUND"),
        (
            json!({ "payer": MEDICAL_INSURANCE.id, "title": "x", "partners": [partners[0], partners[0]] }),
            "BODY_INVALID",
        ),
        (
            json!({ "payer": MEDICAL_INSURANCE.id, "title": "x", "partners": [{ "id": "a b", "title": "x" }] }),
            "BODY_INVALID",
        ),
    ] {
        clinic.administrator.ask(Method::PUT, &format!("{contracts}/org-9"), Some(body)).await.refused("", code);
    }
    let leads = clinic.patient.get("/api/v1/capitation/leads").await;
    assert_eq!(leads.as_array().map(Vec::len), Some(2), "{leads}");

    // 55 + 5 low, 30 medium, 10 high: 100 members. Of the five, three come and two go at midyear, so that
    // there are 690, 360 and 120 member-months.
    let mut people = vec![(1977, "E11.9"); 56];
    people.extend([(1950, "E11.9"); 30]);
    people.extend([(1977, "E11.2"); 10]);
    people.extend([(1990, "E10.9"); 3]);
    let all = patients(&clinic, &people).await;
    let (late, whole) = (&all[96..], &all[..96]);
    let choice = |patient: &str, lead: &str, change: bool| json!({ "patient": patient, "plugin": CAPITATION.id, "lead": lead, "partners": ["org-2"], "change": change });
    let january = format!("{year}-01-01");
    let own = clinic.patient.post(MEMBERS, choice(&clinic.subject, lead, false)).await;
    assert_eq!((&own["since"], &own["risk_class"]["code"]), (&json!(january), &json!("low")), "{own}");
    let mut members = Vec::new();
    for patient in whole {
        members.push(manager.post(MEMBERS, choice(patient, lead, false)).await);
    }
    let classes = |code: &str| members.iter().filter(|member| member["risk_class"]["code"] == code).count();
    assert_eq!((classes("low"), classes("medium"), classes("high")), (56, 30, 10));

    // DOMAIN.md H21, and who may.
    let second = clinic.patient.refused(MEMBERS, choice(&clinic.subject, "org-9", false), "CAP_DUPLICATE").await;
    assert_eq!(second["lead"], json!(lead));
    clinic.patient.refused(MEMBERS, choice(&clinic.subject, "org-9", true), "CAP_REFUSED").await;
    let mut paper = choice(&late[0], lead, false);
    paper["chosen_on"] = json!(format!("{before}-11-20"));
    manager.refused(MEMBERS, paper, "CAP_BACKDATED").await;
    let mut stranger = choice(&late[0], lead, false);
    stranger["partners"] = json!(["org-4"]);
    manager.refused(MEMBERS, stranger, "BODY_INVALID").await;
    manager.refused(MEMBERS, choice(&late[0], lead, true), "CAP_REFUSED").await;
    manager.refused(MEMBERS, choice(&late[0], "org-8", false), "NOT_FOUND").await;
    clinic.patient.refused(MEMBERS, choice(&late[0], lead, false), "NOT_FOUND").await;
    clinic.doctor.refused(MEMBERS, choice(&late[0], lead, false), "AUTH_FORBIDDEN").await;

    let of_lead = format!("/api/v1/capitation/leads/{}/{lead}", CAPITATION.id);
    let of_year = |number: i16| format!("{of_lead}/years/{number}");
    let prepayment = json!({ "amount_fen": 54_000_000, "source": "slip 1", "id": "txn-00000000000000000000000009" });
    accountant.post(&format!("{}/prepayments", of_year(year)), prepayment.clone()).await;
    accountant.refused(&format!("{}/prepayments", of_year(year)), prepayment, "PAY_IDEMPOTENCY_CONFLICT").await;
    assert_eq!(on_account(&clinic, "liability.capitation").await, -54_000_000);

    // Midyear: three join, one moves, one dies. The host was away for months, and takes each once.
    years.until(&mut clinic, &format!("{year}-06-15T09:00:00+08:00")).await;
    let accountant = years.0.anyone.sign_in(Some(&clinic.tenant), "accountant").await;
    let manager = years.0.anyone.sign_in(Some(&clinic.tenant), "manager").await;
    let counted = async |to: &str, number: i16| {
        eventually("the months are counted", async || {
            let account = accountant.get(&of_year(number)).await;
            account["counted_to"] == to
                && account["accruals"].as_array().and_then(|all| all.last()).is_some_and(|last| last["month"] == to)
        })
        .await;
        accountant.get(&of_year(number)).await
    };
    let account = counted(&format!("{year}-05"), year).await;
    assert_eq!(account["accruals"].as_array().map(Vec::len), Some(5), "{account}");
    for patient in late {
        let joined = manager.post(MEMBERS, choice(patient, lead, false)).await;
        assert_eq!(joined["since"], json!(format!("{year}-07-01")));
    }
    let leave = |member: &Value| format!("{MEMBERS}/{}/leave", member["id"].as_str().expect("an id"));
    let moved = manager.post(&leave(&members[0]), json!({ "reason": "moved" })).await;
    assert_eq!((&moved["until"], &moved["left"]), (&json!(format!("{year}-07-01")), &json!("moved")));
    manager.refused(&leave(&members[0]), json!({ "reason": "moved" }), "CAP_CLOSED").await;
    manager.refused(&leave(&members[1]), json!({ "reason": "deceased" }), "BODY_INVALID").await;
    clinic.patient.refused(&leave(&members[1]), json!({ "reason": "withdrew" }), "NOT_FOUND").await;
    // Recorded months later: the months after the death are taken off again.
    years.until(&mut clinic, &format!("{year}-09-20T09:00:00+08:00")).await;
    counted(&format!("{year}-08"), year).await;
    let path = format!("/fhir/R4/Patient/{}", whole[1]);
    let mut dead = clinic.administrator.get(&path).await;
    dead["deceasedDateTime"] = json!(format!("{year}-06-30"));
    clinic.administrator.put(&path, dead).await;
    let of_dead = format!("/api/v1/patients/{}/memberships", whole[1]);
    eventually("the dead do not count", async || {
        let memberships = clinic.administrator.get(&of_dead).await;
        memberships[0]["until"] == json!(format!("{year}-07-01")) && memberships[0]["left"] == "deceased"
    })
    .await;

    // A bill of a member: the patient's share settles, the fund's is consumption. Taken back, it is taken off.
    clinic.insure().await;
    let visit = clinic.import(&[record::visit(&clinic.subject, years.0.now(), 35)]).await.remove(0);
    let diagnosis = record::condition(&clinic.subject, &visit, years.0.now(), "E11.9");
    clinic.evidence = [visit, clinic.import(&[diagnosis]).await.remove(0)];
    let used = async || accountant.get(&of_year(year)).await["used_fen"].as_i64().expect("fen");
    let prescription = clinic.worked_example().await;
    let quote = clinic.quote(&prescription).await;
    let fund = part(&quote, "basic_fund");
    assert!(fund > 0, "{quote}");
    clinic.confirm(&quote).await;
    eventually("it is charged", async || used().await == fund).await;
    assert_eq!(on_account(&clinic, "receivable.basic-fund").await, 0);
    assert_eq!(on_account(&clinic, "liability.capitation").await, fund - 54_000_000);
    // Though the contract names another fund by now, it is taken back of the one that it was charged to.
    let mut renamed = contract.clone();
    renamed["payer"] = json!(CAPITATION.id);
    clinic.administrator.put(&format!("{contracts}/{lead}"), renamed).await;
    clinic
        .pharmacist
        .post(&format!("/api/v1/charges/{}/reverse", quote["id"].as_str().expect("an id")), json!(null))
        .await;
    assert_eq!((used().await, on_account(&clinic, "liability.capitation").await), (0, -54_000_000));
    clinic.administrator.put(&format!("{contracts}/{lead}"), contract).await;
    let quote = clinic.quote(&prescription).await;
    clinic.confirm(&quote).await;
    let handout = clinic.handout(&prescription).await;
    clinic.pharmacist.post(&format!("{prescription}/dispense"), handout).await;
    eventually("it is charged again", async || used().await == fund).await;
    // The fee is given back: what is left is settled anew, and charged anew.
    let fee = json!({ "key": "fee", "lines": [{ "line": 1, "quantity": 1 }], "reason": "the doctor was late" });
    let path = format!("/api/v1/charges/{}/refunds", quote["id"].as_str().expect("an id"));
    let left = clinic.pharmacist.post(&path, fee).await;
    assert!((1..fund).contains(&part(&left, "basic_fund")), "{left}");
    let fund = part(&left, "basic_fund");
    eventually("what is left is charged", async || used().await == fund).await;
    assert_eq!(on_account(&clinic, "receivable.basic-fund").await, 0);

    // What others have given, by statement: partners and approved referrals are charged, the rest is not.
    let uses = format!("{of_lead}/uses");
    let statement = |number: &str, institution: &str, referred: bool, fen: i64, day: &str| {
        json!({
            "statement": number, "institution": institution, "referred": referred, "fund_fen": fen,
            "served_on": day, "source": "医保结算单",
        })
    };
    let august = format!("{year}-08-31");
    for (number, institution, referred, fen, charged) in [
        ("a-1", "org-2", false, 20_000_000, 20_000_000),
        ("a-2", "big-hospital", true, 34_000_000, 34_000_000),
        ("a-3", "big-hospital", false, 9_000_000, 0),
    ] {
        let body = statement(number, institution, referred, fen, &august);
        assert_eq!(accountant.post(&uses, body.clone()).await["charged_fen"], charged);
        assert_eq!(accountant.post(&uses, body).await["charged_fen"], charged, "once");
    }
    for (body, code) in [
        (statement("a-1", "org-2", false, 1, &august), "PAY_IDEMPOTENCY_CONFLICT"),
        (statement("a-4", lead, false, 1, &august), "BODY_INVALID"),
        (statement("a-4", "org-2", false, 0, &august), "MONEY_INVALID"),
        (statement("a-4", "org-2", false, 1, "2999-01-01"), "BODY_INVALID"),
    ] {
        accountant.refused(&uses, body, code).await;
    }
    let rest = 54_600_000 - 54_000_000 - fund;
    accountant.post(&uses, statement("a-5", "org-3", false, rest, &august)).await;
    clinic.administrator.refused(&uses, statement("a-6", "org-2", false, 1, &august), "AUTH_FORBIDDEN").await;

    let close = |number: i16| format!("{}/close", of_year(number));
    accountant.refused(&close(year), json!(null), "CAP_NOT_CLOSABLE").await;
    years.until(&mut clinic, &format!("{}-01-10T09:00:00+08:00", year + 1)).await;
    let account = counted(&format!("{year}-12"), year).await;
    let last = account["accruals"].as_array().and_then(|all| all.last()).expect("a year");
    let months: Vec<(&str, u64)> = last["member_months"]
        .as_array()
        .expect("classes")
        .iter()
        .map(|of| (of["class"].as_str().expect("a class"), of["months"].as_u64().expect("months")))
        .collect();
    assert_eq!(months, [("high", 120), ("low", 690), ("medium", 360)]);
    let fen = |account: &Value, field: &str| account[format!("{field}_fen")].as_i64().expect("fen");
    let of = |account: &Value| ["budget", "prepayment", "prepaid", "used", "balance"].map(|field| fen(account, field));
    assert_eq!(of(&account), [60_000_000, 54_000_000, 54_000_000, 54_600_000, 5_400_000]);

    let measured = |counts: [u32; 6]| {
        let codes = [
            "management-rate",
            "hba1c-tested",
            "hba1c-controlled",
            "complication-screening",
            "avoidable-admission",
            "satisfaction",
        ];
        let rows = codes.into_iter().zip(counts);
        let rows = rows.map(|(code, numerator)| {
            json!({ "code": code, "numerator": numerator, "denominator": 100, "source": "年度质量报表" })
        });
        json!({ "indicators": rows.collect::<Vec<_>>() })
    };
    let indicators = |number: i16| format!("{}/indicators", of_year(number));
    accountant.refused(&close(year), json!(null), "CAP_NOT_CLOSABLE").await;
    let wrong = json!({ "indicators": [{ "code": "x", "numerator": 2, "denominator": 1, "source": "s" }] });
    accountant.ask(Method::PUT, &indicators(year), Some(wrong)).await.refused("", "BODY_INVALID");
    let scored = accountant.put(&indicators(year), measured([100, 100, 80, 70, 0, 70])).await;
    assert_eq!(scored["score"]["total"], "86");
    clinic.administrator.refused(&close(year), json!(null), "AUTH_FORBIDDEN").await;
    let closed = accountant.post(&close(year), json!(null)).await;
    assert_eq!((&closed["status"], figures(&closed["end"])), (&json!("closed"), [4_860_000, 540_000, 0, 0, 5_460_000]));
    let shares: Vec<_> = closed["end"]["shares"].as_array().expect("shares").iter().map(|of| &of["fen"]).collect();
    assert_eq!(shares, [2_916_000, 1_215_000, 729_000]);
    accountant.refused(&close(year), json!(null), "CAP_CLOSED").await;
    accountant.ask(Method::PUT, &indicators(year), Some(measured([0; 6]))).await.refused("", "CAP_CLOSED");
    accountant
        .refused(&format!("{}/prepayments", of_year(year)), json!({ "amount_fen": 1, "source": "x" }), "CAP_CLOSED")
        .await;
    assert_eq!(on_account(&clinic, "revenue.capitation").await, -2_916_000);
    assert_eq!(on_account(&clinic, "payable.team").await, -729_000);
    assert_eq!(on_account(&clinic, "payable.institution").await, fund - 54_600_000 - 1_215_000);
    assert_eq!(on_account(&clinic, "liability.capitation").await, 5_460_000);
    let balance = format!("{}/balance", of_year(year));
    accountant.post(&balance, json!({ "slip": "slip 2" })).await;
    accountant.refused(&balance, json!({ "slip": "slip 3" }), "CAP_CLOSED").await;
    assert_eq!(on_account(&clinic, "liability.capitation").await, 0);

    // The next year: 98 members of the first, of whom one goes at midyear: the same member-months.
    accountant
        .post(&format!("{}/prepayments", of_year(year + 1)), json!({ "amount_fen": 54_000_000, "source": "slip 4" }))
        .await;
    // What comes late for a closed year is charged to this one.
    let late = accountant.post(&uses, statement("b-1", "org-2", false, 66_000_000, &format!("{year}-12-30"))).await;
    assert_eq!(late["year"], json!(year + 1));
    years.until(&mut clinic, &format!("{}-06-15T09:00:00+08:00", year + 1)).await;
    let manager = years.0.anyone.sign_in(Some(&clinic.tenant), "manager").await;
    // After a patient-year the lead may be changed, at the beginning of a month.
    let changed = manager.post(MEMBERS, choice(&whole[2], "org-9", true)).await;
    assert_eq!((&changed["lead"], &changed["since"]), (&json!("org-9"), &json!(format!("{}-07-01", year + 1))));
    years.until(&mut clinic, &format!("{}-01-10T09:00:00+08:00", year + 2)).await;
    let account = counted(&format!("{}-12", year + 1), year + 1).await;
    assert_eq!(of(&account), [60_000_000, 54_000_000, 54_000_000, 66_000_000, -6_000_000], "{account}");
    accountant.put(&indicators(year + 1), measured([100, 100, 80, 70, 0, 70])).await;
    let closed = accountant.post(&close(year + 1), json!(null)).await;
    assert_eq!(figures(&closed["end"]), [0, 0, 1_500_000, 4_500_000, 7_500_000]);
    accountant.post(&format!("{}/balance", of_year(year + 1)), json!({ "slip": "slip 5" })).await;
    assert_eq!(on_account(&clinic, "liability.capitation").await, 0);
    assert_eq!(on_account(&clinic, "loss.capitation").await, 4_500_000);
    let other = accountant.get(&format!("/api/v1/capitation/leads/{}/org-9/years/{}", CAPITATION.id, year + 1)).await;
    assert_eq!(fen(&other, "budget"), 6 * 40_000, "six months of one low member");
    clinic.balanced().await;
}

const PURCHASES: &str = "/api/v1/purchases";

fn path_of(sale: &Value, verb: &str) -> String {
    format!("{PURCHASES}/{}/{verb}", sale["id"].as_str().expect("an id"))
}

/// DOMAIN.md D4, D5 and D6.
async fn services_are_bought_earned_and_given_back(mut years: Years) {
    let mut clinic = years.0.clinic(&[&BUNDLE, &MEMBERSHIP, &PLATFORM_FEE]).await;
    illustrative(&clinic, &[&BUNDLE, &MEMBERSHIP, &PLATFORM_FEE]).await;
    let licence = json!({ "title": "associate_senior" });
    let (expert, expert_id) = clinic.hire(Person::new("expert", "doctor").licensed(&licence)).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    let catalogue = |code: &str| json!([{ "system": "https://xinglin.dev/catalogue", "code": code }]);
    let subject = clinic.subject.clone();
    let ask = |plugin: &Plugin, code: &str| json!({ "patient": subject, "plugin": plugin.id, "code": catalogue(code) });
    let with = |mut body: Value, more: Value| {
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("fields"));
        body
    };
    let amounts = |sale: &Value| {
        let lines = sale["lines"].as_array().expect("lines").iter();
        lines
            .map(|line| (line["payee"].as_str().expect("whose").to_owned(), line["amount_fen"].as_i64().expect("fen")))
            .collect::<Vec<_>>()
    };
    let line = |payee: &str, fen: i64| (payee.to_owned(), fen);
    let buy = async |sale: &Value| {
        let agreed = json!({ "agreed_fen": sale["due_fen"] });
        clinic.patient.post(&path_of(sale, "buy"), agreed).await
    };

    // D5: 10000 wholly the doctor's, and the platform's as a line of its own.
    let consult = with(ask(&PLATFORM_FEE, "online-consultation"), json!({ "doctor": expert_id }));
    let offer = clinic.patient.post(PURCHASES, consult.clone()).await;
    assert_eq!(amounts(&offer), [line("doctor", 10_000), line("platform", 1_000)], "{offer}");
    for (body, code) in
        [(json!({ "agreed_fen": 10_999 }), "PRICE_STATE"), (json!({ "agreed_fen": 110.5 }), "MONEY_INVALID")]
    {
        clinic.patient.refused(&path_of(&offer, "buy"), body, code).await;
    }
    // Nothing is sold to who waits in danger for a person.
    let danger = json!({ "patient": subject, "danger": "acute", "note": "来电" });
    let contact = clinic.doctor.post("/api/v1/safety-contacts", danger).await;
    let contact = format!("/api/v1/safety-contacts/{}/end", contact["contact"].as_str().expect("an id"));
    let agreed = json!({ "agreed_fen": 11_000 });
    clinic.patient.refused(&path_of(&offer, "buy"), agreed.clone(), "ENC_RED_FLAG_OPEN").await;
    clinic.doctor.post(&contact, json!({ "outcome": "mistaken", "note": "误报", "findings": 1 })).await;
    buy(&offer).await;
    clinic.patient.refused(&path_of(&offer, "buy"), agreed, "PRICE_STATE").await;
    assert_eq!(on_account(&clinic, "liability.deferred").await, -11_000);
    assert_eq!(on_account(&clinic, "receivable.patient").await, 11_000);
    // Both back until the doctor replies.
    let back = clinic.patient.post(&path_of(&offer, "cancel"), json!(null)).await;
    assert_eq!(back["status"], "CANCELLED");
    assert_eq!(
        (on_account(&clinic, "liability.deferred").await, on_account(&clinic, "receivable.patient").await),
        (0, 0)
    );
    clinic.patient.refused(&path_of(&offer, "cancel"), json!(null), "PRICE_STATE").await;
    // None after completion.
    let again = clinic.patient.post(PURCHASES, consult).await;
    buy(&again).await;
    clinic.doctor.refused(&path_of(&again, "start"), json!(null), "AUTH_FORBIDDEN").await;
    clinic.patient.refused(&path_of(&again, "start"), json!(null), "AUTH_FORBIDDEN").await;
    expert.post(&path_of(&again, "start"), json!(null)).await;
    assert_eq!(
        (on_account(&clinic, "payable.doctor").await, on_account(&clinic, "payable.platform-fee").await),
        (-10_000, -1_000)
    );
    expert.post(&path_of(&again, "complete"), json!({})).await;
    clinic.patient.refused(&path_of(&again, "cancel"), json!(null), "PRICE_STATE").await;

    // D4: half at the start, half for four fifths of the tasks; never for medicines.
    let severity = json!({ "system": "https://xinglin.dev/bundle/severity", "code": "severe" });
    let plan = json!({ "system": "https://xinglin.dev/bundle/plan", "code": "intensive" });
    let course = with(ask(&BUNDLE, "bundle"), json!({ "doctor": expert_id, "severity": severity, "plan": plan }));
    for more in [
        json!({ "drug_amount_fen": 120_000 }),
        json!({ "plan": { "system": "http://www.whocc.no/atc", "code": "A10BA02" } }),
        json!({ "code": [{ "system": "https://xinglin.dev/catalogue", "code": "bundle" },
                         { "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6809" }] }),
    ] {
        clinic.patient.refused(PURCHASES, with(course.clone(), more), "BUNDLE_DRUG_LINKED").await;
    }
    clinic.patient.refused(PURCHASES, with(course.clone(), json!({ "plan": null })), "PRICE_REFUSED").await;
    clinic.patient.refused(PURCHASES, ask(&BUNDLE, "gold"), "PRICE_REFUSED").await;
    for (done, second) in [(8, 21_000), (7, 0)] {
        let before = on_account(&clinic, "payable.doctor").await;
        let offer = clinic.patient.post(PURCHASES, course.clone()).await;
        assert_eq!((amounts(&offer), &offer["due_fen"]), (vec![line("doctor", 21_000); 2], &json!(21_000)));
        buy(&offer).await;
        expert.post(&path_of(&offer, "start"), json!(null)).await;
        expert.refused(&path_of(&offer, "complete"), json!({ "tasks_done": 11, "tasks": 10 }), "BODY_INVALID").await;
        expert.post(&path_of(&offer, "complete"), json!({ "tasks_done": done, "tasks": 10 })).await;
        assert_eq!(on_account(&clinic, "payable.doctor").await - before, -21_000 - second);
    }

    // D6: 36500 a year, revenue by days; on day 90, with 10000 used, 26500 come back.
    let owed = on_account(&clinic, "receivable.patient").await;
    clinic.patient.refused(PURCHASES, ask(&MEMBERSHIP, "second-opinion"), "PRICE_REFUSED").await;
    let package = clinic.patient.post(PURCHASES, ask(&MEMBERSHIP, "family-doctor-year")).await;
    assert_eq!((amounts(&package), &package["due_fen"]), (vec![line("hospital", 36_500)], &json!(36_500)));
    let other = clinic.patient.post(PURCHASES, ask(&MEMBERSHIP, "family-doctor-year")).await;
    buy(&package).await;
    clinic.patient.refused(&path_of(&other, "buy"), json!({ "agreed_fen": 36_500 }), "PRICE_STATE").await;
    clinic.patient.refused(PURCHASES, ask(&MEMBERSHIP, "family-doctor-year"), "PRICE_REFUSED").await;
    let counter = async || {
        let view = clinic.patient.get(&format!("{PURCHASES}/{}", package["id"].as_str().expect("an id"))).await;
        let counters = view["counters"].as_array().expect("counters").iter();
        let opinions = counters.filter(|of| of["counter"] == "family-doctor-second-opinions");
        (
            opinions.map(|of| of["used_times"].as_u64().expect("times")).sum::<u64>(),
            view["used_fen"].as_i64().expect("fen"),
        )
    };
    let opinion = async || {
        let offer = clinic.patient.post(PURCHASES, ask(&MEMBERSHIP, "second-opinion")).await;
        assert_eq!((&offer["due_fen"], &offer["list_price_fen"]), (&json!(0), &json!(10_000)), "{offer}");
        buy(&offer).await
    };
    let first = opinion().await;
    let second = opinion().await;
    assert_eq!(counter().await, (2, 20_000));
    clinic.patient.refused(PURCHASES, ask(&MEMBERSHIP, "second-opinion"), "PRICE_REFUSED").await;
    // What was not given is not used.
    clinic.patient.post(&path_of(&second, "cancel"), json!(null)).await;
    assert_eq!(counter().await, (1, 10_000));
    expert.post(&path_of(&first, "start"), json!(null)).await;
    expert.refused(&path_of(&package, "start"), json!(null), "PRICE_STATE").await;
    let earned = on_account(&clinic, "revenue.service").await;
    let day_90 = xinglin_domain::time::Day::of(years.0.now()).start().plus_days(90).plus_hours(1);
    years.until(&mut clinic, &day_90.to_string()).await;
    eventually("days are earned", async || on_account(&clinic, "revenue.service").await == earned - 9_000).await;
    let journal =
        format!("/api/v1/ledger/transactions?reason={}&kind=earning&limit=500", package["id"].as_str().expect("an id"));
    let days = accountant.get(&journal).await;
    assert_eq!(days["transactions"].as_array().map(Vec::len), Some(90), "one for each day");
    let back = clinic.patient.post(&path_of(&package, "cancel"), json!(null)).await;
    assert_eq!(back["status"], "CANCELLED");
    assert_eq!(on_account(&clinic, "receivable.patient").await, owed + 36_500 - 26_500);
    assert_eq!(on_account(&clinic, "revenue.service").await, earned - 10_000);
    assert_eq!(on_account(&clinic, "liability.deferred").await, 0);

    // The doctor's income, by doctor; other patients see nothing; the hospital bounds its prices.
    let today = xinglin_domain::time::Day::of(years.0.now()).to_string();
    let income = accountant.get(&format!("/api/v1/ledger/statement?by=income&from=2026-01-01&to={today}")).await;
    assert_eq!(
        (&income["lines"][0]["key"], &income["total"]["balance_fen"]),
        (&json!(expert_id), &json!(73_000)),
        "{income}"
    );
    let (stranger, _) = clinic.person("stranger").await;
    stranger.hidden(&format!("{PURCHASES}/{}", package["id"].as_str().expect("an id")), "NOT_FOUND").await;
    stranger.refused(&path_of(&package, "cancel"), json!(null), "NOT_FOUND").await;
    let rules = format!("/api/v1/tenants/{}/money-rules", clinic.tenant);
    clinic.administrator.put(&rules, json!({ "most_price_fen": 10_000 })).await;
    clinic.patient.refused(PURCHASES, ask(&MEMBERSHIP, "family-doctor-year"), "PRICE_REFUSED").await;
    clinic
        .administrator
        .ask(Method::PUT, &rules, Some(json!({ "least_price_fen": 2, "most_price_fen": 1 })))
        .await
        .refused("", "MONEY_INVALID");
}

async fn what_one_accountant_posts_another_approves(Years(hospital): Years) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    let hire = async |login: &str| -> Client { clinic.hire(Person::new(login, "accountant")).await.0 };
    let (one, other) = (hire("accountant-1").await, hire("accountant-2").await);
    let rules = format!("/api/v1/tenants/{}/money-rules", clinic.tenant);
    clinic.administrator.put(&rules, json!({ "two_persons_above_fen": 1_000 })).await;
    let journal = "/api/v1/ledger/transactions";
    let post = |fen: i64, number: u32| {
        json!({
            "kind": "capitation_prepayment", "payer": MEDICAL_INSURANCE.id, "amount_fen": fen,
            "id": format!("txn-0000000000000000000000000{number}"), "reason": "slip",
        })
    };
    let small = one.post(journal, post(1_000, 1)).await;
    assert_eq!(small["status"], "posted");
    for number in [2, 3] {
        let waits = one.post(journal, post(5_000, number)).await;
        assert_eq!(
            (&waits["status"], &waits["postings"][0]["amount_fen"]),
            (&json!("waiting"), &json!(5_000)),
            "{waits}"
        );
    }
    one.refused(journal, post(5_000, 2), "PAY_IDEMPOTENCY_CONFLICT").await;
    assert_eq!(on_account(&clinic, "bank").await, 1_000, "it does not count yet");
    let drafts = other.get("/api/v1/ledger/drafts").await;
    assert_eq!(drafts.as_array().map(Vec::len), Some(2), "{drafts}");
    let judge = |number: u32, verb: &str| format!("/api/v1/ledger/drafts/txn-0000000000000000000000000{number}/{verb}");
    one.refused(&judge(2, "approve"), json!(null), "LEDGER_APPROVAL").await;
    clinic.administrator.refused(&judge(2, "approve"), json!(null), "AUTH_FORBIDDEN").await;
    let approved = other.post(&judge(2, "approve"), json!(null)).await;
    assert_eq!((&approved["status"], &approved["id"]), (&json!("posted"), &json!("txn-00000000000000000000000002")));
    other.refused(&judge(2, "approve"), json!(null), "PAY_STATE").await;
    other.post(&judge(3, "reject"), json!({ "reason": "no such slip" })).await;
    other.refused(&judge(3, "approve"), json!(null), "PAY_STATE").await;
    assert_eq!(on_account(&clinic, "bank").await, 6_000);
    // Taking back what is above the limit needs two, too.
    let correct = format!("{journal}/{}/correct", approved["id"].as_str().expect("an id"));
    one.refused(&correct, json!({ "reason": "wrong" }), "LEDGER_APPROVAL").await;
    other.post(&correct, json!({ "reason": "wrong" })).await;
    assert_eq!(on_account(&clinic, "bank").await, 1_000);

    // The journal, newest first, page by page.
    let page = one.get(&format!("{journal}?limit=2")).await;
    let kinds = |page: &Value| {
        let rows = page["transactions"].as_array().expect("rows").iter();
        rows.map(|row| row["kind"].as_str().expect("a kind").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&page), ["contra", "capitation_prepayment"]);
    let next = page["next"].as_str().expect("more");
    let page = one.get(&format!("{journal}?limit=2&after={next}")).await;
    assert_eq!((kinds(&page), &page["next"]), (vec!["capitation_prepayment".to_owned()], &Value::Null));
    assert_eq!(kinds(&one.get(&format!("{journal}?kind=contra&account=bank")).await), ["contra"]);
    assert!(kinds(&one.get(&format!("{journal}?payer=nobody")).await).is_empty());
    clinic.doctor.hidden(journal, "AUTH_FORBIDDEN").await;
    one.hidden(&format!("{journal}?kind=gift"), "BODY_INVALID").await;
    one.hidden(&format!("{journal}?after=moon"), "BODY_INVALID").await;
}
