//! Orders, payments and refunds of the channel.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which of the two it speaks as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Shape {
    WechatPay,
    Alipay,
}

/// An order of the merchant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) shape: Shape,
    /// `out_trade_no`.
    pub(crate) name: String,
    /// In fen.
    pub(crate) amount: i64,
    pub(crate) notify_url: String,
    pub(crate) closed: bool,
    pub(crate) payments: Vec<Payment>,
}

/// Money that was taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) transaction: String,
    pub(crate) amount: i64,
    /// In seconds since 1970.
    pub(crate) at: i64,
}

/// A refund of the merchant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) shape: Shape,
    /// `out_refund_no`, `out_request_no`.
    pub(crate) name: String,
    /// `out_trade_no`.
    pub(crate) order: String,
    pub(crate) transaction: String,
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) notify_url: String,
    /// `SUCCESS`, `PROCESSING` or `CLOSED`.
    pub(crate) state: String,
    pub(crate) at: i64,
}

/// A fault to commit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// `prepare`, `query`, `close`, `refund`, `refund-query` or `statement`.
    pub(crate) at: String,
    /// What: see `--help`.
    #[serde(rename = "do")]
    pub(crate) what: String,
    #[serde(default = "once")]
    pub(crate) times: u32,
}

const fn once() -> u32 {
    1
}

/// A line of the journal: the newest of a name counts.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Order(Order),
    Refund(Refund),
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) orders: BTreeMap<String, Order>,
    pub(crate) refunds: BTreeMap<String, Refund>,
    faults: Vec<Fault>,
    /// The last notice of an order or refund: URL, headers and body.
    pub(crate) sent: BTreeMap<String, Sent>,
    ahead_seconds: i64,
    journal: Option<File>,
}

/// A notice as it was sent.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// The books.
pub(crate) struct Books(Mutex<State>);

impl Books {
    pub(crate) fn open(journal: Option<&Path>) -> Result<Self> {
        let mut state = State::default();
        if let Some(path) = journal {
            if path.exists() {
                for line in BufReader::new(File::open(path)?).lines() {
                    match serde_json::from_str(&line?)? {
                        Line::Order(order) => drop(state.orders.insert(order.name.clone(), order)),
                        Line::Refund(refund) => drop(state.refunds.insert(refund.name.clone(), refund)),
                    }
                }
            }
            state.journal = Some(OpenOptions::new().create(true).append(true).open(path)?);
        }
        Ok(Self(Mutex::new(state)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The channel's clock, in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        let ahead = self.lock().ahead_seconds;
        Timestamp::now().as_second().saturating_add(ahead)
    }
}

impl State {
    pub(crate) fn advance(&mut self, seconds: i64) {
        self.ahead_seconds = self.ahead_seconds.saturating_add(seconds);
    }

    pub(crate) fn put_order(&mut self, order: Order) {
        self.write(&Line::Order(order.clone()));
        self.orders.insert(order.name.clone(), order);
    }

    pub(crate) fn put_refund(&mut self, refund: Refund) {
        self.write(&Line::Refund(refund.clone()));
        self.refunds.insert(refund.name.clone(), refund);
    }

    fn write(&mut self, line: &Line) {
        if let (Some(journal), Ok(line)) = (&mut self.journal, serde_json::to_string(line)) {
            let _ = writeln!(journal, "{line}");
        }
    }

    /// The order of a transaction.
    pub(crate) fn of_transaction(&self, transaction: &str) -> Option<(&Order, &Payment)> {
        let all = self.orders.values().flat_map(|order| order.payments.iter().map(move |payment| (order, payment)));
        all.into_iter().find(|(_, payment)| payment.transaction == transaction)
    }

    /// How much of a transaction was not refunded.
    pub(crate) fn left(&self, payment: &Payment) -> i64 {
        let of_it = |refund: &&Refund| refund.transaction == payment.transaction && refund.state != "CLOSED";
        payment.amount - self.refunds.values().filter(of_it).map(|refund| refund.amount).sum::<i64>()
    }

    pub(crate) fn add_fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// The fault to commit here now, if any; it is committed as often as it was asked for.
    pub(crate) fn fault(&mut self, at: &str) -> Option<String> {
        let place = self.faults.iter().position(|fault| fault.at == at)?;
        let fault = &mut self.faults[place];
        let what = fault.what.clone();
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            self.faults.remove(place);
        }
        Some(what)
    }
}

/// The day in China, `2026-11-21`.
pub(crate) fn day(at: i64) -> String {
    china(at).get(..10).unwrap_or_default().to_owned()
}

/// The clock time in China, `2026-11-21T08:00:00`.
pub(crate) fn china(at: i64) -> String {
    let there = Timestamp::from_second(at.saturating_add(8 * 3600)).unwrap_or(Timestamp::MAX).to_string();
    there.get(..19).unwrap_or_default().to_owned()
}

/// Yuan with two decimals.
pub(crate) fn yuan(fen: i64) -> String {
    format!("{}{}.{:02}", if fen < 0 { "-" } else { "" }, fen.abs() / 100, fen.abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_keeps_the_newest_of_everything() {
        let folder = std::env::temp_dir().join(format!("cash-channel-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("books.jsonl");
        let order = Order {
            shape: Shape::Alipay,
            name: "01p01".to_owned(),
            amount: 5,
            notify_url: String::new(),
            closed: false,
            payments: Vec::new(),
        };
        let books = Books::open(Some(&path)).expect("new books");
        books.lock().put_order(order.clone());
        books.lock().put_order(Order { closed: true, ..order });
        drop(books);
        let again = Books::open(Some(&path)).expect("the same books");
        assert!(again.lock().orders["01p01"].closed);
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn a_fault_is_committed_as_often_as_it_was_asked_for() {
        let books = Books::open(None).expect("books");
        let mut books = books.lock();
        books.add_fault(Fault { at: "refund".to_owned(), what: "fail".to_owned(), times: 2 });
        let committed: Vec<_> = ["query", "refund", "refund", "refund"].map(|at| books.fault(at)).into();
        assert_eq!(committed, [None, Some("fail".to_owned()), Some("fail".to_owned()), None]);
        assert_eq!(
            (day(0), china(0).as_str(), yuan(-5).as_str()),
            ("1970-01-01".to_owned(), "1970-01-01T08:00:00", "-0.05")
        );
    }
}
