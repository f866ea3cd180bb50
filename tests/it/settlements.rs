//! What a quote rests on, and in which order settlements are taken back.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_domain::{id::TenantId, time::Instant};
use xinglin_store::testing::tamper;

use crate::{
    money::{
        PAYER, bill, calls_of_function, cancel, figures, insured, insured_by, promote, promote_package, status, told,
    },
    payers::{CONTRACT, counts, insure_commercially},
    support::{
        Clinic, DIABETES, DIRECT_BILLING, MEDICAL_INSURANCE, Person, TestHospital,
        clinic::{confirm_path, confirmation, id, part},
        eventually,
        guest::{self, Does, Figures, PayerGuest},
        on_both_engines,
    },
};

on_both_engines!(
    TestHospital:
    a_quote_rests_on_what_it_was_quoted_on,
    what_was_priced_on_a_bill_is_reversed_before_it,
    last_years_bill_moves_last_years_figures,
    a_persons_word_moves_what_is_known,
    only_the_payer_that_is_asked_must_be_well,
    an_insurer_takes_no_more_discount_than_its_contract_allows,
);

const UNRESOLVED: &str = "/api/v1/charges/unresolved";
const DAY: i64 = 24 * 3600;

fn reverse(quote: &Value) -> String {
    format!("{}/reverse", bill(quote))
}

/// A figure of basic insurance, in fen; `None` if it is not counted.
async fn figure(clinic: &Clinic, of: &str, code: &str) -> Option<i64> {
    let figures = counts(clinic, MEDICAL_INSURANCE.id, of).await;
    figures.into_iter().find(|(known, _)| known == code).map(|(_, fen)| fen)
}

/// Insures the patient by basic insurance with these figures.
async fn cover(clinic: &Clinic, change: impl FnOnce(&mut Value)) {
    let mut coverage = json!({
        "category": { "system": "urn:nhsa:insutype", "code": "310", "display": "职工基本医疗保险" },
        "accumulators": [
            { "code": "deductible-used", "fen": 45_000 },
            { "code": "fund-used", "fen": 0 },
            { "code": "account-balance", "fen": 6000 },
        ],
    });
    change(&mut coverage);
    let payer = MEDICAL_INSURANCE.id;
    let path = format!("/api/v1/tenants/{}/patients/{}/coverages/{payer}", clinic.tenant, clinic.subject);
    clinic.operator.put(&path, coverage).await;
}

async fn set_price(clinic: &Clinic, item: &str, fen: i64) {
    let mut formulary = clinic.doctor.get("/api/v1/formulary").await;
    let items = formulary["items"].as_array_mut().expect("items");
    items.iter_mut().filter(|known| known["code"] == item).for_each(|known| known["price_fen"] = json!(fen));
    clinic.operator.put(&format!("/api/v1/tenants/{}/formulary", clinic.tenant), formulary).await;
}

async fn a_quote_rests_on_what_it_was_quoted_on(hospital: TestHospital) {
    let clinic = insured(&hospital).await;
    let prescription = clinic.approved().await;
    let stale = async |quote: &Value, changed: &str| {
        let refused = clinic.patient.refused(&confirm_path(quote), confirmation(quote), "PAY_QUOTE_STALE").await;
        assert_eq!(refused["changed"], changed, "{refused}");
        assert_eq!(status(&clinic, quote).await, "QUOTED");
        assert_eq!(clinic.doctor.get(&prescription).await["status"], "EFFECTIVE", "nothing is reserved");
    };
    // A price; one that comes back is the same.
    let quote = clinic.quote(&prescription).await;
    set_price(&clinic, "metformin-500mg-60", 2600).await;
    stale(&quote, "prices").await;
    let alone = json!({ "prescription": id(&prescription), "self_pay": true });
    let alone = clinic.patient.post("/api/v1/charges", alone).await;
    set_price(&clinic, "metformin-500mg-60", 2500).await;
    stale(&alone, "prices").await;
    // Who is insured, and what is counted: the balance of the account.
    cover(&clinic, |coverage| coverage["valid_until"] = json!("2099-01-01")).await;
    stale(&quote, "coverage").await;
    cover(&clinic, |coverage| coverage["accumulators"][2]["fen"] = json!(100)).await;
    stale(&quote, "figures").await;
    cover(&clinic, |_| ()).await;
    assert_eq!(clinic.balanced().await["debit_fen"], 0);

    // Two bills are quoted together, and both are confirmed.
    let other = clinic.approved().await;
    let together = clinic.quote(&other).await;
    assert_eq!((part(&quote, "basic_fund"), part(&together, "basic_fund")), (1500, 1500));
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
    let refused = clinic.patient.refused(&confirm_path(&together), confirmation(&together), "PAY_QUOTE_STALE").await;
    assert_eq!(refused["changed"], "figures", "{refused}");
    let anew = clinic.quote(&other).await;
    assert_eq!(part(&anew, "basic_fund"), 5250, "the deductible is used");
    assert_eq!(clinic.confirm(&anew).await["status"], "SETTLED");

    // Its time.
    let rules = format!("/api/v1/tenants/{}/payment-rules", clinic.tenant);
    assert_eq!(clinic.operator.get(&rules).await, json!({ "quote_minutes": 30 }));
    for minutes in [0, 1441] {
        let answer = clinic.operator.ask(Method::PUT, &rules, Some(json!({ "quote_minutes": minutes }))).await;
        assert_eq!(answer.code(), "BODY_INVALID", "{}", answer.text);
    }
    clinic.operator.put(&rules, json!({ "quote_minutes": 10 })).await;
    let prescription = clinic.approved().await;
    let quote = clinic.quote(&prescription).await;
    let until = Instant::parse(quote["valid_until"].as_str().expect("a time")).expect("a time");
    let left = until.micros() - hospital.now().micros();
    assert!((595_000_000..=600_000_000).contains(&left), "{left}");
    hospital.advance(601).await;
    eventually("it lapses", async || status(&clinic, &quote).await == "ABANDONED").await;
    clinic.patient.refused(&confirm_path(&quote), confirmation(&quote), "PAY_QUOTE_EXPIRED").await;
    let anew = clinic.quote(&prescription).await;
    assert_eq!(clinic.confirm(&anew).await["status"], "SETTLED");
    assert_eq!(clinic.patient.get(&bill(&anew)).await["valid_until"], Value::Null);
}

/// D1 twice: the first bill uses up the deductible, the second is priced without it.
async fn what_was_priced_on_a_bill_is_reversed_before_it(hospital: TestHospital) {
    let clinic = insured(&hospital).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    let used = async || figure(&clinic, "accumulators", "deductible-used").await;
    let settle = async || {
        let prescription = clinic.approved().await;
        let quote = clinic.quote(&prescription).await;
        assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
        (prescription, quote)
    };
    let (_, first) = settle().await;
    let (dispensed, second) = settle().await;
    assert_eq!((part(&first, "basic_fund"), part(&second, "basic_fund")), (1500, 5250));
    let handout = clinic.handout(&dispensed).await;
    clinic.pharmacist.post(&format!("{dispensed}/dispense"), handout).await;
    // Persons are told at once, and which is first.
    for refused in [
        clinic.patient.refused(&cancel(&first), json!(null), "PAY_LATER_FIRST").await,
        clinic.pharmacist.refused(&reverse(&first), json!(null), "PAY_LATER_FIRST").await,
    ] {
        assert_eq!(refused["bill"], second["id"], "{refused}");
    }
    assert_eq!((status(&clinic, &first).await, used().await), ("SETTLED".to_owned(), Some(50_000)));

    // The order expires undispensed: the refund waits, and is seen to.
    hospital.advance(3 * DAY + 60).await;
    eventually("it waits", async || status(&clinic, &first).await == "UNWINDING").await;
    eventually("the patient is told", async || told(&clinic, &first).await == ["expired"]).await;
    let listed = accountant.get(UNRESOLVED).await;
    assert_eq!(
        (&listed[0]["id"], &listed[0]["waits"], &listed[0]["waits_for"]),
        (&first["id"], &json!("PAY_LATER_FIRST"), &second["id"]),
        "{listed}"
    );
    clinic.pharmacist.refused(&reverse(&first), json!(null), "PAY_LATER_FIRST").await;
    let not_done = json!({ "done": false, "reason": "by telephone" });
    accountant.refused(&format!("{}/resolve", bill(&first)), not_done, "PAY_STATE").await;
    hospital.advance(DAY).await;
    hospital.hospital.do_due_work().await;
    assert_eq!((status(&clinic, &first).await, used().await), ("UNWINDING".to_owned(), Some(50_000)));

    // The later one is taken back, and the earlier one goes on by itself.
    clinic.pharmacist.post(&format!("{dispensed}/take-back"), json!({ "cause": "recall" })).await;
    for quote in [&second, &first] {
        eventually("it is taken back", async || status(&clinic, quote).await == "REVERSED").await;
    }
    assert_eq!(told(&clinic, &first).await, ["expired", "refunded"]);
    assert_eq!(clinic.settle_at_counter(id(&bill(&second))).await["status"], "REFUNDED");
    assert_eq!(accountant.get(UNRESOLVED).await, json!([]));
    assert_eq!((used().await, figure(&clinic, "accumulators", "fund-used").await), (Some(45_000), Some(0)));
    assert_eq!(figure(&clinic, "accumulators", "account-balance").await, Some(6000));
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
}

async fn last_years_bill_moves_last_years_figures(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&MEDICAL_INSURANCE]).await;
    // Noon of the last day of the year in Shanghai, of the next one if that is over.
    let now = hospital.now();
    let noon = |year: i16| Instant::parse(&format!("{year}-12-31T12:00:00+08:00")).expect("a time");
    let (last, noon) = match now.china_year() {
        year if noon(year) > now => (year, noon(year)),
        year => (year + 1, noon(year + 1)),
    };
    hospital.advance((noon.micros() - now.micros()) / 1_000_000).await;
    clinic.insure().await;
    let settle = async || {
        let quote = clinic.quote(&clinic.approved().await).await;
        assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
        quote
    };
    let old = settle().await;
    assert_eq!(part(&old, "basic_fund"), 1500);
    hospital.advance(DAY).await;
    let coverages = async || {
        let coverages = clinic.patient.get(&format!("/api/v1/patients/{}/coverages", clinic.subject)).await;
        coverages[0].clone()
    };
    let of = |figures: &Value| -> Vec<(String, i64, Value)> {
        let one = |figure: &Value| {
            (
                figure["code"].as_str().expect("a code").to_owned(),
                figure["fen"].as_i64().expect("fen"),
                figure["year"].clone(),
            )
        };
        figures.as_array().expect("figures").iter().map(one).collect()
    };
    let row = |code: &str, fen: i64, year: Option<i16>| (code.to_owned(), fen, json!(year));
    let figures = |deductible: i64, fund: i64, year: i16| {
        [row("deductible-used", deductible, Some(year)), row("fund-used", fund, Some(year))]
    };
    let account = async || of(&coverages().await["accumulators"])[0].clone();
    // A new year starts from zero; what was on the account is there.
    assert_eq!(of(&coverages().await["accumulators"])[1..], figures(0, 0, last + 1));
    assert_eq!(of(&coverages().await["earlier"]), figures(50_000, 1500, last));
    let on_account = 6000 - part(&old, "personal_account");
    assert_eq!(account().await, row("account-balance", on_account, None));
    let new = settle().await;
    assert_eq!(part(&new, "basic_fund"), 0, "the deductible of the new year");
    let after_new = of(&coverages().await["accumulators"]);
    assert_eq!(after_new[1..], figures(7000, 0, last + 1));

    // Last year's bill is taken back, whatever was settled this year.
    assert_eq!(clinic.patient.post(&cancel(&old), json!(null)).await["status"], "REVERSED");
    assert_eq!(of(&coverages().await["earlier"]), figures(45_000, 0, last));
    assert_eq!(of(&coverages().await["accumulators"])[1..], after_new[1..]);
    let balance = 6000 - part(&new, "personal_account");
    assert_eq!(account().await, row("account-balance", balance, None));
    assert_eq!(clinic.patient.post(&cancel(&new), json!(null)).await["status"], "REVERSED");
    assert_eq!(of(&coverages().await["accumulators"])[1..], figures(0, 0, last + 1));
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
    // A correction of this year keeps those of last year, and may name it.
    cover(&clinic, |coverage| coverage["accumulators"][0]["fen"] = json!(1)).await;
    assert_eq!(of(&coverages().await["earlier"]), figures(45_000, 0, last));
    cover(&clinic, |coverage| coverage["accumulators"][0]["year"] = json!(last)).await;
    assert_eq!(of(&coverages().await["accumulators"])[1..], figures(0, 0, last + 1));
}

async fn a_persons_word_moves_what_is_known(hospital: TestHospital) {
    let counting = || PayerGuest::settling(&Figures { accumulator: 7, ..figures() });
    let clinic = insured_by(&hospital, &counting()).await;
    let (accountant, _) = clinic.hire(Person::new("accountant", "accountant")).await;
    let counted = async || counts(&clinic, PAYER, "accumulators").await;
    let x = |fen: i64| vec![("x".to_owned(), fen)];
    let broken = || PayerGuest { settle: Does::Panic, query: Does::Other, reverse: Does::Panic, ..counting() };
    let unknown = async || {
        let quote = clinic.quote(&clinic.approved().await).await;
        promote(&clinic, &broken()).await;
        assert_eq!(clinic.confirm(&quote).await["status"], "UNKNOWN");
        quote
    };
    let state = async |quote: &Value| {
        let mut stated = json!(null);
        for _ in 0..20 {
            hospital.advance(31).await;
            let said = json!({ "done": true, "reference": "letter-7", "reason": "the fund's office, by letter" });
            let answer = accountant.ask(Method::POST, &format!("{}/resolve", bill(quote)), Some(said)).await;
            // The job may be at it.
            if !matches!(answer.code(), "VERSION_CONFLICT" | "PAY_STATE") {
                stated = answer.done("resolve");
                break;
            }
        }
        let note = stated["notes"][0].as_str().unwrap_or_default().to_owned();
        (stated["status"].as_str().unwrap_or_default().to_owned(), note.contains("not known"), note.contains("moved"))
    };
    let first = unknown().await;
    assert_eq!(state(&first).await, ("SETTLED".to_owned(), false, true));
    assert_eq!(counted().await, x(7));
    let second = unknown().await;
    // Nobody takes another bill back meanwhile.
    let refused = clinic.patient.refused(&cancel(&first), json!(null), "PAY_STATE").await;
    assert_eq!(refused["bill"], second["id"], "{refused}");
    // What is counted was corrected since: it is not known what it is.
    let coverage =
        json!({ "category": { "system": "urn:test", "code": "1" }, "accumulators": [{ "code": "x", "fen": 3 }] });
    let path = format!("/api/v1/tenants/{}/patients/{}/coverages/{PAYER}", clinic.tenant, clinic.subject);
    clinic.operator.put(&path, coverage).await;
    assert_eq!(state(&second).await, ("SETTLED".to_owned(), true, false));
    assert_eq!(counted().await, x(3));

    // Back, by word as well: of the second nothing was moved, so nothing is known.
    for (quote, known, left) in [(&second, true, 3), (&first, false, 3)] {
        assert_eq!(clinic.patient.post(&cancel(quote), json!(null)).await["status"], "UNKNOWN");
        assert_eq!(state(quote).await, ("REVERSED".to_owned(), !known, known), "{quote}");
        assert_eq!(counted().await, x(left));
    }
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
    let third = unknown().await;
    state(&third).await;
    clinic.patient.post(&cancel(&third), json!(null)).await;
    assert_eq!(state(&third).await, ("REVERSED".to_owned(), false, true));
    assert_eq!(counted().await, x(3), "as before it");
}

async fn only_the_payer_that_is_asked_must_be_well(hospital: TestHospital) {
    let clinic = insured_by(&hospital, &PayerGuest::settling(&figures())).await;
    let prescription = clinic.approved().await;
    // A pathway whose package is damaged, and has to be loaded anew.
    DIABETES.enable(&clinic.operator, &clinic.tenant).await;
    let store = hospital.hospital.store();
    let records = store.tenant(clinic.tenant.parse::<TenantId>().expect("a tenant"));
    let install = records.get_install(DIABETES.id).await.expect("installed");
    let damage = format!("UPDATE plugin_package SET bytes = substr(bytes, 2) WHERE digest = '{}'", install.digest);
    tamper(&hospital.hospital.config().database_url(), &damage).await.expect("damaged");
    let tx = records.begin().await.expect("begun");
    tx.put_install(&install).await.expect("stored");
    tx.commit().await.expect("committed");
    let enrol = json!({ "patient": clinic.subject, "plugin": DIABETES.id });
    let damaged = clinic.doctor.ask(Method::POST, "/api/v1/enrolments", Some(enrol)).await;
    assert_eq!(damaged.code(), "PLUGIN_INVALID", "{}", damaged.text);
    let quote = clinic.quote(&prescription).await;
    assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");

    // It learns another contract after it has settled: what it knows by the old one is asked by that.
    let both = "xinglin:payment/payer@1.0.0; export xinglin:payment/claims@1.1.0";
    for (contracts, asked) in [(both, 1), ("xinglin:payment/claims@1.1.0", 0)] {
        let before = calls_of_function(&clinic, "reverse").await;
        promote_package(&clinic, |version| guest::broken(PAYER, version, contracts)).await;
        if asked == 1 {
            assert_eq!(clinic.patient.post(&cancel(&quote), json!(null)).await["status"], "UNKNOWN");
        } else {
            hospital.advance(3700).await;
            hospital.hospital.do_due_work().await;
        }
        assert_eq!(calls_of_function(&clinic, "reverse").await - before, asked, "{contracts}");
        let claims = calls_of_function(&clinic, "cancel").await + calls_of_function(&clinic, "status").await;
        assert_eq!(claims, 0, "{contracts}");
    }
    promote(&clinic, &PayerGuest::settling(&figures())).await;
    hospital.advance(3700).await;
    eventually("it is taken back", async || status(&clinic, &quote).await == "REVERSED").await;
    assert_eq!(clinic.balanced().await["debit_fen"], 0);
}

async fn an_insurer_takes_no_more_discount_than_its_contract_allows(hospital: TestHospital) {
    let clinic = hospital.clinic(&[&DIRECT_BILLING]).await;
    let prescription = clinic.approved().await;
    let order = json!({ "prescription": id(&prescription) });
    insure_commercially(&clinic, hospital.now().china_year()).await;
    let plugin = format!("/api/v1/tenants/{}/plugins/{}", clinic.tenant, DIRECT_BILLING.id);
    let terms = json!({ "terms.cigna-cmb": CONTRACT.replace("discount=0", "discount=5") });
    let grant = |rate: Value| json!({ "payer": "commercial", "settings": terms, "discount_per_mille": rate });
    // 5 % of 7000, as its terms say.
    for (rate, discount) in [(json!(null), None), (json!(49), None), (json!(50), Some(350))] {
        clinic.operator.put(&plugin, grant(rate)).await;
        let answer = clinic.patient.ask(Method::POST, "/api/v1/charges", Some(order.clone())).await;
        match discount {
            None => assert_eq!(answer.code(), "PAY_UNAVAILABLE", "{}", answer.text),
            Some(discount) => {
                let quote = answer.done("/api/v1/charges");
                let paid: i64 = ["commercial", "cash"].map(|source| part(&quote, source)).iter().sum();
                assert_eq!(paid + discount, 7000, "{quote}");
                assert_eq!(clinic.confirm(&quote).await["status"], "SETTLED");
                clinic.balanced().await;
            }
        }
    }
    let answer = clinic.operator.ask(Method::PUT, &plugin, Some(grant(json!(1001)))).await;
    assert_eq!(answer.code(), "BODY_INVALID", "{}", answer.text);
}
