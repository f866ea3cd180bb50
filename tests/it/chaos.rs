//! Orders of all mixes of payers, an insurance office, an insurer and a payment channel that fail at random, and a host
//! that is killed meanwhile. At the end every book says the same, and nobody has medicines without money, or has paid
//! without medicines. `--all` plays 1,000 orders and 50 kills.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::{Mutex, RwLock};
use xinglin_domain::time::Instant;
use xinglin_platform::ambient::Clock;
use xinglin_store::Engine;

use crate::{
    money::bill,
    support::{
        Answer, Client, Clinic, MEDICAL_INSURANCE, Process, at_full_length,
        cash_channel::PaymentChannel,
        clinic::{confirm_path, confirmation, id, part},
        gateway::{self, Gateway},
        on_both_engines,
    },
};

on_both_engines!(Stage: nothing_is_lost_in_chaos);

/// Orders and kills.
fn length() -> (usize, usize) {
    if at_full_length() { (1000, 50) } else { (24, 4) }
}

struct Stage {
    /// Written while the host is killed: what is no payment is done under a read, so that its answer comes.
    process: RwLock<Process>,
    gateway: Gateway,
    channel: PaymentChannel,
    /// Whose patient has basic insurance and an insurer, and two whose patients pay alone.
    clinics: [Clinic; 3],
    /// What was paid at the channel: it sends its notices again until it is heard.
    paid: Mutex<Vec<Value>>,
    /// The clocks of the host and of the channel are moved together.
    clock: Mutex<()>,
}

/// An order, as it is left.
struct Order {
    clinic: usize,
    prescription: String,
    bill: String,
}

/// How the patient pays.
#[derive(Debug, Clone, Copy)]
enum Way {
    Counter,
    /// The notice comes as often as this.
    Channel(&'static str, u32),
    Twice(&'static str),
    /// Of other money than is due.
    Wrong(&'static str, i64),
    Never,
}

/// What becomes of a paid order.
#[derive(Debug, Clone, Copy)]
enum End {
    Dispensed,
    Cancelled,
    StripsGivenBack,
    Recalled,
}

const WAYS: [Way; 8] = [
    Way::Counter,
    Way::Channel("wechat-pay", 1),
    Way::Channel("alipay", 0),
    Way::Twice("wechat-pay"),
    Way::Channel("wechat-pay", 2),
    Way::Wrong("alipay", -1),
    Way::Wrong("wechat-pay", 50),
    Way::Never,
];
const ENDS: [End; 5] = [End::Dispensed, End::StripsGivenBack, End::Cancelled, End::Recalled, End::Dispensed];
/// What the office and the insurer do wrong, once: the message, and the fault.
const PAYERS_DO: [Option<(&str, &str)>; 9] = [
    None,
    Some(("2207", "lost_answer")),
    Some(("2207", "timeout_before_commit")),
    None,
    Some(("/claims", "lost_answer")),
    Some(("2207", "bad_signature")),
    Some(("2208", "lost_answer")),
    Some(("/claims", "drift")),
    Some(("/cancellations", "lost_answer")),
];
const CHANNEL_DOES: [Option<(&str, &str)>; 7] = [
    None,
    Some(("prepare", "lose-answer")),
    Some(("query", "fail")),
    Some(("refund", "lose-answer")),
    None,
    Some(("refund", "fail")),
    Some(("refund-query", "bad-signature")),
];

/// One of them, the same for the same order.
fn choose<T: Copy>(of: &[T], order: usize, salt: usize) -> T {
    let mixed = (order.wrapping_mul(7919) ^ salt.wrapping_mul(104_729)).wrapping_mul(2_654_435_761) >> 7;
    of[mixed % of.len()]
}

/// Asks until there is an answer: the host may be gone.
async fn ask(client: &Client, method: Method, path: &str, body: Option<Value>) -> Answer {
    for _ in 0..600 {
        let request = client.request(method.clone(), path);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        if let Ok(response) = request.send().await {
            let status = response.status();
            if let Ok(text) = response.text().await {
                let body = serde_json::from_str(&text).unwrap_or_default();
                return Answer { status, text, body };
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path}: the host does not come back");
}

async fn read(client: &Client, path: &str) -> Value {
    ask(client, Method::GET, path, None).await.done(path)
}

fn status(of: &Value) -> &str {
    of["status"].as_str().unwrap_or_default()
}

const OVER: [&str; 3] = ["REVERSED", "ABANDONED", "DECLINED"];

impl Stage {
    async fn open(engine: Engine) -> Self {
        let authority = gateway::authority().display().to_string();
        let settings =
            [("XINGLIN_EGRESS__OPEN_NETWORKS", "[\"127.0.0.1/32\"]"), ("XINGLIN_EGRESS__CA_FILE", authority.as_str())];
        let mut process = Process::open_with(engine, &settings).await;
        // From now on at the same address.
        process.restart().await;
        let operator = process.operator().await;
        let now = Clock::default().now();
        let (insured, gateway) = gateway::found(&operator, now).await;
        let channel = PaymentChannel::open().await;
        let clinics = [insured, Clinic::found(&operator, now, &[]).await, Clinic::found(&operator, now, &[]).await];
        for clinic in &clinics {
            channel.set_up(clinic).await;
        }
        Self {
            process: RwLock::new(process),
            gateway,
            channel,
            clinics,
            paid: Mutex::default(),
            clock: Mutex::default(),
        }
    }

    /// Both clocks.
    async fn advance(&self, seconds: i64) {
        let _alone = self.clock.lock().await;
        let advance = json!({ "seconds": seconds });
        let moved = ask(&self.clinics[0].operator, Method::POST, "/api/v1/clock/advance", Some(advance)).await;
        // The channel refuses what was signed minutes ago, and the host may have moved twice: once unheard.
        let now = moved.body["now"].as_str().and_then(Instant::parse).expect("the time");
        self.channel.advance_to(now.micros() / 1_000_000).await;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }

    async fn play(&self, clinic: usize, number: usize) -> Order {
        let at = &self.clinics[clinic];
        let still = self.process.read().await;
        let prescription = at.worked_example().await;
        let mut order = json!({
            "prescription": id(&prescription), "items": [{ "item": "glucose-test-strips-50", "quantity": 1 }],
        });
        match number % 3 {
            _ if clinic > 0 => {}
            0 => order["payers"] = json!([MEDICAL_INSURANCE.id]),
            1 => order["self_pay"] = true.into(),
            _ => {}
        }
        let quote = at.patient.ask(Method::POST, "/api/v1/charges", Some(order)).await.done("a quote");
        if let (0, fault) = (clinic, choose(&PAYERS_DO, number, 1)) {
            self.gateway.faults(fault.map(|(on, kind)| json!({ "on": on, "kind": kind, "times": 1 }))).await;
        }
        drop(still);
        let order = Order { clinic, prescription, bill: bill(&quote) };
        if self.confirm(&order, &quote).await && self.pay(&order, number).await {
            self.finish(&order, choose(&ENDS, number, 3)).await;
        }
        order
    }

    /// Whether it is settled.
    async fn confirm(&self, order: &Order, quote: &Value) -> bool {
        let patient = &self.clinics[order.clinic].patient;
        for _ in 0..30 {
            let answer = ask(patient, Method::POST, &confirm_path(quote), Some(confirmation(quote))).await;
            match status(&read(patient, &order.bill).await) {
                "SETTLED" => return true,
                over if OVER.contains(&over) => return false,
                _ if answer.code().starts_with("PAY_QUOTE") => return false,
                // The order before it is not paid, and lapses.
                _ if answer.code() == "PAY_DUE" => self.advance(301).await,
                _ => self.advance(31).await,
            }
        }
        false
    }

    /// Whether the patient's share is there.
    async fn pay(&self, order: &Order, number: usize) -> bool {
        let clinic = &self.clinics[order.clinic];
        let payments = format!("{}/payments", order.bill);
        if let Some((at, what)) = choose(&CHANNEL_DOES, number, 2) {
            self.channel.fault(at, what).await;
        }
        let way = choose(&WAYS, number, 4);
        let opened = async |channel: &str| {
            for _ in 0..5 {
                let answer = ask(&clinic.patient, Method::POST, &payments, Some(json!({ "channel": channel }))).await;
                if answer.status.is_success() {
                    let orders = answer.body["orders"].as_array().cloned().unwrap_or_default();
                    let name = orders.last().map(|last| last["name"].clone());
                    self.paid.lock().await.extend(name.clone());
                    return name;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            None
        };
        match way {
            Way::Counter => {
                let body = json!({ "amount_fen": read(&clinic.cashier, &payments).await["due_fen"], "receipt": id(&order.bill) });
                ask(&clinic.cashier, Method::POST, &format!("{payments}/counter"), Some(body)).await;
            }
            Way::Channel(channel, notices) => {
                if let Some(name) = opened(channel).await {
                    self.channel.pay_if_open(&name, json!({ "notices": notices })).await;
                }
            }
            Way::Twice(channel) => {
                if let Some(name) = opened(channel).await {
                    self.channel.pay_if_open(&name, json!({})).await;
                    self.channel.pay_if_open(&name, json!({ "again": true })).await;
                }
            }
            Way::Wrong(channel, more) => {
                if let Some(name) = opened(channel).await {
                    let due = read(&clinic.patient, &payments).await["due_fen"].as_i64().unwrap_or_default();
                    self.channel.pay_if_open(&name, json!({ "amount": due + more })).await;
                }
            }
            Way::Never => return false,
        }
        for _ in 0..8 {
            match status(&read(&clinic.patient, &payments).await) {
                "PAID" => return true,
                "DUE" => self.advance(61).await,
                _ => return false,
            }
        }
        false
    }

    async fn finish(&self, order: &Order, end: End) {
        let clinic = &self.clinics[order.clinic];
        let path = |verb: &str| format!("{}/{verb}", order.prescription);
        match end {
            End::Cancelled => {
                ask(&clinic.patient, Method::POST, &format!("{}/cancel", order.bill), Some(json!(null))).await;
            }
            End::Dispensed => self.dispense(order).await,
            End::StripsGivenBack => {
                self.dispense(order).await;
                let lines = json!([{ "line": 4, "quantity": 1 }]);
                let back = json!({ "key": "strips", "lines": lines, "reason": "returned" });
                ask(&clinic.pharmacist, Method::POST, &format!("{}/refunds", order.bill), Some(back)).await;
            }
            End::Recalled => {
                self.dispense(order).await;
                ask(&clinic.pharmacist, Method::POST, &path("take-back"), Some(json!({ "cause": "recall" }))).await;
            }
        }
    }

    async fn dispense(&self, order: &Order) {
        let clinic = &self.clinics[order.clinic];
        let handout = {
            let _still = self.process.read().await;
            clinic.handout(&order.prescription).await
        };
        ask(&clinic.pharmacist, Method::POST, &format!("{}/dispense", order.prescription), Some(handout)).await;
    }

    /// Payments of the channel that no share has received.
    async fn print_unheard(&self, all: &[Order]) {
        let mut heard = std::collections::BTreeMap::new();
        for order in all {
            let share = self.clinics[order.clinic].patient.get(&format!("{}/payments", order.bill)).await;
            for received in share["received"].as_array().into_iter().flatten() {
                heard.insert(received["transaction"].to_string(), share.clone());
            }
            for opened in share["orders"].as_array().into_iter().flatten() {
                heard.entry(opened["name"].to_string()).or_insert_with(|| share.clone());
            }
        }
        let books = self.channel.client.get("/simulate/books").await;
        for order in books["orders"].as_array().into_iter().flatten() {
            for payment in order["payments"].as_array().into_iter().flatten() {
                if !heard.contains_key(&payment["transaction"].to_string()) {
                    println!("{order}\n  {:?}", heard.get(&order["name"].to_string()).map(Value::to_string));
                }
            }
        }
    }

    /// What of an order is not at its end yet; nothing if all is.
    async fn open_of(&self, order: &Order) -> Option<String> {
        let clinic = &self.clinics[order.clinic];
        let charge = clinic.patient.get(&order.bill).await;
        let share = clinic.patient.get(&format!("{}/payments", order.bill)).await;
        let pending = share["refunds"].as_array().into_iter().flatten();
        let pending =
            pending.filter(|refund| ["waiting", "sent"].iter().any(|stage| refund["stage"] == *stage)).count();
        let is_over = match (status(&charge), status(&share)) {
            ("SETTLED", "PAID" | "NOTHING") => true,
            (state, "NOTHING" | "REFUNDED" | "LAPSED") => {
                OVER.contains(&state) || state == "QUOTED" || state == "LAPSED"
            }
            _ => false,
        };
        if is_over && pending == 0 {
            return None;
        }
        // At the counter somebody has to come.
        clinic.settle_at_counter(id(&order.bill)).await;
        Some(format!("{}: {} with the share {share}", order.bill, status(&charge)))
    }
}

/// How long the jobs have for what is left.
const AFTERWARDS: Duration = Duration::from_secs(120);

async fn nothing_is_lost_in_chaos(stage: Stage) {
    let (orders, kills) = length();
    let (stage, played) = (&stage, &AtomicUsize::new(0));
    // The insured patient's orders take longest: one of three.
    let of_clinic = |clinic: usize| async move {
        let mut all = Vec::new();
        for number in (clinic..orders).step_by(stage.clinics.len()) {
            all.push(stage.play(clinic, number).await);
            played.fetch_add(1, Ordering::Relaxed);
        }
        all
    };
    // Evenly over the orders, each time at another moment of one.
    let killer = async {
        for kill in 0..kills {
            while played.load(Ordering::Relaxed) * kills < orders * kill {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tokio::time::sleep(Duration::from_millis(u64::try_from(kill % 11).expect("few") * 67)).await;
            stage.process.write().await.restart().await;
        }
    };
    let (first, second, third, ()) = tokio::join!(of_clinic(0), of_clinic(1), of_clinic(2), killer);
    let all: Vec<Order> = first.into_iter().chain(second).chain(third).collect();
    assert_eq!(all.len(), orders);

    // Everybody is well again, and time passes.
    stage.gateway.faults(None).await;
    for order in stage.paid.lock().await.iter() {
        let again = json!({ "order": order, "all": true });
        if stage.channel.has_been_paid(order).await {
            stage.channel.client.ask(Method::POST, "/simulate/notify", Some(again)).await;
        }
    }
    let (mut left, mut open) = (all.iter().collect::<Vec<_>>(), Vec::new());
    let since = tokio::time::Instant::now();
    for round in 0.. {
        // The clock goes as fast as this asks; the jobs do not.
        if round >= 120 && since.elapsed() >= AFTERWARDS {
            break;
        }
        stage.advance(if round % 4 == 0 { 1801 } else { 61 }).await;
        let mut still = Vec::new();
        open.clear();
        for order in left {
            if let Some(why) = stage.open_of(order).await {
                open.push(why);
                still.push(order);
            }
        }
        left = still;
        if left.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    if !open.is_empty() {
        let log = stage.process.read().await.log();
        let of = |line: &&str| {
            open.iter()
                .filter_map(|why| why.split([':', '/']).find(|part| part.starts_with("bill-")))
                .any(|id| line.contains(id))
        };
        let told: Vec<&str> = log.lines().filter(of).collect();
        panic!("not at their end: {open:#?}\nthe server said:\n{}", told[told.len().saturating_sub(60)..].join("\n"));
    }

    let (mut cash, mut theirs, mut at_counter) = (0, [0; 3], 0);
    for (number, clinic) in stage.clinics.iter().enumerate() {
        let trial = clinic.balanced().await;
        let account = |name: &str| {
            let accounts = trial["accounts"].as_array().into_iter().flatten();
            accounts.into_iter().find(|one| one["account"] == name).map_or(0, |one| one["fen"].as_i64().unwrap_or(0))
        };
        let payers = ["receivable.basic-fund", "receivable.personal-account", "receivable.commercial"].map(account);
        for (sum, fen) in theirs.iter_mut().zip(payers) {
            *sum += fen;
        }
        cash += account("cash");
        assert_eq!((account("receivable.patient"), account("payable.patient")), (0, 0), "clinic {number}: {trial}");
        assert_eq!(clinic.administrator.get("/api/v1/calls/chain").await["intact"], true);
    }
    let (mut medicines, mut paid, mut over) = (0, 0, 0);
    for order in &all {
        let clinic = &stage.clinics[order.clinic];
        let charge = clinic.patient.get(&order.bill).await;
        let share = clinic.patient.get(&format!("{}/payments", order.bill)).await;
        if status(&charge) == "SETTLED" && status(&clinic.doctor.get(&order.prescription).await) == "RESERVED" {
            // The patient comes for what is paid.
            stage.dispense(order).await;
        }
        let has = status(&clinic.doctor.get(&order.prescription).await) == "DISPENSED";
        assert_eq!(has, status(&charge) == "SETTLED", "{charge}: medicines and money");
        let fen = |list: &str, which: &dyn Fn(&Value) -> bool| -> i64 {
            let of = share[list].as_array().into_iter().flatten().filter(|one| which(one));
            of.map(|one| one["amount_fen"].as_i64().expect("fen")).sum()
        };
        at_counter += fen("received", &|one| one["channel"] == "counter")
            - fen("refunds", &|one| one["channel"] == "counter" && one["stage"] == "done");
        let kept = fen("received", &|_| true) - fen("refunds", &|one| one["stage"] == "done");
        let due = part(&charge, "cash");
        assert_eq!(kept, if has { due } else { 0 }, "{charge} {share}");
        medicines += usize::from(has);
        paid += kept;
        over += usize::from(!has);
    }
    assert_eq!(cash, paid, "what the patients have paid is what the books have");
    let kept = stage.channel.kept().await;
    if kept != cash - at_counter {
        stage.print_unheard(&all).await;
    }
    assert_eq!(kept, cash - at_counter, "the channel's books");
    let standing = stage.gateway.standing().await;
    if standing != theirs {
        println!("{:#}", stage.gateway.books().await);
        for order in all.iter().filter(|order| order.clinic == 0) {
            let clinic = &stage.clinics[0];
            println!("{} {}", order.bill, status(&clinic.patient.get(&order.bill).await));
            let calls = clinic.administrator.get(&format!("/api/v1/calls?about={}&limit=500", id(&order.bill))).await;
            for call in calls.as_array().into_iter().flatten().rev() {
                let tape = &call["tape"];
                println!("  {} {} {} -> {}", call["seq"], tape["hook"], tape["input"]["operation"], tape["output"]);
            }
        }
    }
    assert_eq!(standing, theirs, "the office's and the insurer's books");
    assert!(medicines > 0 && over > 0, "{medicines} dispensed, {over} over");
    println!(
        "{orders} orders, {kills} kills: {medicines} dispensed, {over} taken back or never paid, {paid} fen of patients"
    );
}
