//! Payers that are strangers: an insurance office and an insurer in a process of their own, with books of their own,
//! that make every mistake once. At the end their books say what ours say.

use reqwest::Method;
use serde_json::{Value, json};
use xinglin_store::Engine;

use crate::support::{
    Clinic, DIRECT_BILLING, MEDICAL_INSURANCE, TestHospital,
    clinic::{confirm_path, confirmation, id, part},
    eventually,
    gateway::{self, Gateway},
    rules_on_both_engines,
};

rules_on_both_engines!(
    Bench:
    the_office_decides_and_every_mistake_comes_out_right,
);

/// A hospital that may speak to this machine, and the gateway.
struct Bench {
    hospital: TestHospital,
    clinic: Clinic,
    gateway: Gateway,
    prescription: String,
}

/// Who pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payers {
    Counter,
    Online,
    /// At the counter, and an insurer after it.
    Both,
}

/// A mistake, and what comes of it.
struct Row {
    payers: Payers,
    on: &'static str,
    kind: &'static str,
    /// What the patient hears; nothing if the bill is settled, or may still be.
    code: &'static str,
    state: &'static str,
    ends: &'static str,
    /// Settlements in the books of the office and of the insurer that this bill has ever had.
    ever: [usize; 2],
}

impl Bench {
    async fn open(engine: Engine) -> Self {
        let hospital = TestHospital::open_with(engine, |config| {
            config.egress.open_networks = vec!["127.0.0.1/32".to_owned()];
            config.egress.ca_file = Some(gateway::authority());
        })
        .await;
        let (clinic, gateway) = gateway::found(&hospital.operator, hospital.now()).await;
        let prescription = clinic.worked_example().await;
        Self { hospital, clinic, gateway, prescription }
    }

    /// D1, or D1 with an insurer after it (D2): to the fen, as the office and the insurer say it.
    async fn quote(&self, payers: Payers) -> Value {
        let mut order = json!({
            "prescription": id(&self.prescription), "items": [{ "item": "glucose-test-strips-50", "quantity": 1 }],
        });
        if payers != Payers::Both {
            order["payers"] = json!([MEDICAL_INSURANCE.id]);
        }
        let quote = self.clinic.patient.post("/api/v1/charges", order).await;
        let shares = ["basic_fund", "commercial", "personal_account", "cash"].map(|source| part(&quote, source));
        let expected = if payers == Payers::Both { [5550, 4200, 0, 8550] } else { [5550, 0, 6000, 6750] };
        assert_eq!(shares, expected, "{quote}");
        quote
    }

    async fn press(&self, quote: &Value) -> (String, String) {
        let answer = self.clinic.patient.ask(Method::POST, &confirm_path(quote), Some(confirmation(quote))).await;
        (answer.code().to_owned(), answer.text)
    }

    async fn status(&self, quote: &Value) -> String {
        let path = format!("/api/v1/charges/{}", quote["id"].as_str().expect("an id"));
        self.clinic.patient.get(&path).await["status"].as_str().expect("a state").to_owned()
    }

    /// Settlements of the office and of the insurer: those ever made, and those that stand.
    async fn settlements(&self) -> ([usize; 2], [usize; 2]) {
        let books = self.gateway.books().await;
        let settlements = books["settlements"].as_array().expect("settlements");
        let count = |standing: bool| {
            ["nhsa", "cigna-cmb"].map(|payer| {
                let of =
                    settlements.iter().filter(|one| one["payer"] == payer && (!standing || one["reversed"].is_null()));
                of.count()
            })
        };
        (count(false), count(true))
    }

    async fn receivable(&self, account: &str) -> i64 {
        let balance = self.clinic.balanced().await;
        let accounts = balance["accounts"].as_array().cloned().unwrap_or_default();
        let named = accounts.iter().find(|one| one["account"] == format!("receivable.{account}"));
        named.map_or(0, |one| one["fen"].as_i64().unwrap_or(0))
    }

    /// What office and insurer hold to have paid is what we hold that they owe.
    async fn books_agree(&self, when: &str) {
        let theirs = self.gateway.standing().await;
        let ours = [
            self.receivable("basic-fund").await,
            self.receivable("personal-account").await,
            self.receivable("commercial").await,
        ];
        assert_eq!(ours, theirs, "{when}");
    }

    /// The job asks after what is unknown.
    async fn found_out(&self, quote: &Value, state: &str) {
        self.hospital.advance(31).await;
        eventually(state, async || self.status(quote).await == state).await;
    }

    async fn reversed(&self, quote: &Value) {
        let path = format!("/api/v1/charges/{}/reverse", quote["id"].as_str().expect("an id"));
        self.clinic.pharmacist.post(&path, json!(null)).await;
        if self.status(quote).await != "REVERSED" {
            self.found_out(quote, "REVERSED").await;
        }
    }
}

async fn the_office_decides_and_every_mistake_comes_out_right(bench: Bench) {
    let counter = |kind, code, state, ends, office| Row {
        payers: Payers::Counter,
        on: "2207",
        kind,
        code,
        state,
        ends,
        ever: [office, 0],
    };
    let insurer =
        |kind, code, state, ends| Row { payers: Payers::Both, on: "/claims", kind, code, state, ends, ever: [1, 1] };
    let online =
        |on, kind, state| Row { payers: Payers::Online, on, kind, code: "", state, ends: "SETTLED", ever: [1, 0] };
    let rows = [
        counter("slow", "", "SETTLED", "SETTLED", 1),
        // What was done is undone by its number before it is sent again: two, of which one stands.
        counter("lost_answer", "", "UNKNOWN", "SETTLED", 2),
        counter("timeout_after_commit", "", "UNKNOWN", "SETTLED", 2),
        counter("duplicate_answer", "", "UNKNOWN", "SETTLED", 2),
        counter("stale_answer", "", "UNKNOWN", "SETTLED", 2),
        counter("bad_signature", "", "UNKNOWN", "SETTLED", 2),
        // It never came.
        counter("timeout_before_commit", "", "UNKNOWN", "SETTLED", 1),
        counter("maintenance", "PAY_UNAVAILABLE", "CONFIRMED", "SETTLED", 1),
        counter("wrong_total", "INS_PRESETTLE_DRIFT", "REVERSED", "REVERSED", 1),
        counter("drift", "INS_PRESETTLE_DRIFT", "REVERSED", "REVERSED", 1),
        // The way back.
        Row { on: "2208", ..counter("lost_answer", "", "SETTLED", "SETTLED", 1) },
        insurer("lost_answer", "", "UNKNOWN", "SETTLED"),
        insurer("wrong_total", "", "UNKNOWN", "SETTLED"),
        insurer("maintenance", "PAY_UNAVAILABLE", "CONFIRMED", "SETTLED"),
        insurer("drift", "INS_PRESETTLE_DRIFT", "REVERSED", "REVERSED"),
        Row { on: "/cancellations", ..insurer("lost_answer", "", "SETTLED", "SETTLED") },
        // Here the office is asked, and there never is a second.
        online("6202", "lost_answer", "UNKNOWN"),
        online("6202", "bad_signature", "UNKNOWN"),
        online("6203", "lost_answer", "SETTLED"),
    ];
    let mut channel = Payers::Counter;
    for Row { payers, on, kind, code, state, ends, ever } in rows {
        let what = format!("{payers:?} {on} {kind}");
        if payers != channel && payers == Payers::Online {
            bench.gateway.decides(&bench.clinic, "online").await;
        }
        channel = payers;
        let before = bench.settlements().await;
        let quote = bench.quote(payers).await;
        assert_eq!(bench.settlements().await, before, "{what}: a quote settles nothing");
        bench.gateway.faults(Some(json!({ "on": on, "kind": kind, "times": 1, "delay_ms": 200 }))).await;
        let (heard, text) = bench.press(&quote).await;
        assert_eq!((heard.as_str(), bench.status(&quote).await.as_str()), (code, state), "{what}: {text}");
        if state == "UNKNOWN" {
            // The desk presses again.
            let pressed = bench.settlements().await;
            bench.press(&quote).await;
            assert_eq!(bench.settlements().await, pressed, "{what}: nothing is sent again");
            bench.found_out(&quote, ends).await;
        }
        if state == "CONFIRMED" {
            let settled = bench.settlements().await.0;
            assert_eq!(
                settled[usize::from(payers == Payers::Both)],
                before.0[usize::from(payers == Payers::Both)],
                "{what}"
            );
            bench.press(&quote).await;
        }
        assert_eq!(bench.status(&quote).await, ends, "{what}");
        let (made, standing) = bench.settlements().await;
        assert_eq!([made[0] - before.0[0], made[1] - before.0[1]], ever, "{what}");
        let stands = usize::from(ends == "SETTLED");
        let insured = if payers == Payers::Both { stands } else { 0 };
        assert_eq!(standing, [stands, insured], "{what}");
        bench.books_agree(&what).await;
        if ends == "SETTLED" {
            bench.reversed(&quote).await;
        }
        bench.gateway.faults(None).await;
        assert_eq!(bench.settlements().await.1, [0, 0], "{what}");
        assert_eq!(bench.clinic.balanced().await["debit_fen"], 0, "{what}");
    }
    // With everything well: what stands at the end stands in both books.
    let quote = bench.quote(Payers::Both).await;
    assert_eq!(bench.press(&quote).await.0, "");
    assert_eq!(bench.status(&quote).await, "SETTLED");
    bench.books_agree("at the end").await;
    assert_eq!(bench.receivable("commercial").await, 4200);
}
