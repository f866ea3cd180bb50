//! A payment channel on this machine: see the library.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use tokio::net::TcpListener;
use xinglin_cash_channel::{CashChannel, Settings, serve};

/// Speaks as WeChat Pay (API v3) and Alipay, takes money on command, and commits faults on demand.
#[derive(Parser)]
#[command(after_long_help = EXAMPLES)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9010")]
    listen: String,
    /// A file that keeps the books: one JSON object a line. Without it they are lost at the end.
    #[arg(long)]
    journal: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  cash-channel                                    # on port 9010, books in memory
  cash-channel --journal books.jsonl              # books that survive
  curl localhost:9010/simulate/settings           # what to put into the hospital: PUT …/cash-channels/wechat-pay
  curl localhost:9010/simulate/books              # all orders and refunds
  curl localhost:9010/simulate/pay -d '{\"order\": \"01k…p01\"}' -H 'content-type: application/json'

The hospital must be allowed to reach it: `[egress] open_networks = [\"127.0.0.1/32\"]`.

A payment (POST /simulate/pay) takes, beside `order`:
  \"notices\": 2       the notice comes twice; 0: it is lost, or comes later by POST /simulate/notify
  \"amount\": 1        other money than was ordered, in fen: in the notice, in the books and in the statement
  \"again\": true      the patient pays a second time, in a second transaction
A notice (POST /simulate/notify) takes, beside `order` or `refund`:
  \"claim\": 1         the notice says another amount than the books
  \"merchant\": \"2\"    it says another merchant
  \"forged\": true     it is signed with another key
  \"same\": true       the very last notice once more, byte for byte
A fault (POST /simulate/fault) is {\"at\": …, \"do\": …, \"times\": 1}:
  at   prepare, query, close, refund, refund-query, statement
  do   lose-answer        done, and the connection breaks before the answer
       fail               not done, status 500
       refuse             not done, with a code of the channel
       bad-signature      done, and the answer is signed with another key
       pay-before-answer  (prepare) paid, and the notice sent, before the answer
       end-closed         (refund) accepted, and closed later: a notice says so
The clock (POST /simulate/clock) goes {\"seconds\": 3600} ahead.";

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind(&options.listen).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    println!("a payment channel at {base_url}");
    let channel = CashChannel::open(Settings { base_url, journal: options.journal })?;
    serve(channel, listener).await
}
