//! A gateway of text messages on this machine: see the library.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use tokio::net::TcpListener;
use xinglin_message_gateway::{MessageGateway, Settings, serve};

/// Takes reminders of a hospital, verifies and lists them, and commits faults on demand.
#[derive(Parser)]
#[command(after_long_help = EXAMPLES)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9020")]
    listen: String,
    /// A file that keeps what it received: one JSON object a line. Without it, it is lost at the end.
    #[arg(long)]
    journal: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  message-gateway                                 # on port 9020, in memory
  curl localhost:9020/simulate/settings           # what to put into the hospital: PUT …/reminder-channels/sms
  curl localhost:9020/simulate/received           # all that it was asked to send
  curl localhost:9020/simulate/fault -d '{\"do\": \"fail\", \"times\": 3}' -H 'content-type: application/json'

The hospital must be allowed to reach it: `[egress] open_networks = [\"127.0.0.1/32\"]`, and its `url` is
`http://127.0.0.1:9020/send`.

A fault (POST /simulate/fault) is {\"do\": …, \"times\": 1, \"to\": …}; of 0 times, it lasts until POST /simulate/heal:
  fail             status 500, not sent
  busy             status 429, not sent
  fail-after       sent, and status 502
  silence          sent, and no answer
  address-invalid  status 422: there is no such number
  refuse           status 403, for another reason
A receipt (POST /simulate/receipt) is {\"id\": …, \"status\": \"delivered\"}, or `failed` or `address-invalid`:
  \"forged\": true   it is signed as a request
  \"age\": 600       it is ten minutes old
The clock (POST /simulate/clock) goes {\"seconds\": 3600} ahead.";

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind(&options.listen).await?;
    println!("a gateway of messages at http://{}", listener.local_addr()?);
    serve(MessageGateway::open(Settings { journal: options.journal })?, listener).await
}
