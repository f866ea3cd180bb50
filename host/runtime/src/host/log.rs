//! `xinglin:host/log`: log lines for the operator.

use xinglin_plugin::{LogLevel, LogLine};

use super::CallState;
use crate::wit::xinglin::host::log as wit;

/// Maximum length of a line, in bytes; the rest is cut.
pub(crate) const MAX_LINE: usize = 4096;
/// Maximum lines of one call; further ones are dropped.
pub(crate) const MAX_LINES: usize = 256;

/// The log of a call.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub lines: Vec<LogLine>,
    /// Number of dropped lines.
    pub dropped: u64,
}

impl CallState {
    /// Adds a line to the log of the call, and to the operator's log.
    pub(crate) fn write_line(&mut self, level: LogLevel, mut message: String) {
        if self.log.lines.len() == MAX_LINES {
            self.log.dropped += 1;
            return;
        }
        message.truncate(message.floor_char_boundary(MAX_LINE));
        // One message is one line: a guest must not forge log lines.
        if [b'\n', b'\r', 0x1b].iter().any(|control| message.as_bytes().contains(control)) {
            message = message.replace(['\n', '\r', '\u{1b}'], " ");
        }
        // The level of a tracing event is static.
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(
                    target: "xinglin::plugin",
                    request = %self.request_id,
                    tenant = %self.tenant,
                    plugin = %self.plugin,
                    hook = %self.hook,
                    call = %self.call,
                    "{message}"
                )
            };
        }
        match level {
            LogLevel::Trace => emit!(trace),
            LogLevel::Debug => emit!(debug),
            LogLevel::Info => emit!(info),
            LogLevel::Warn => emit!(warn),
            LogLevel::Error => emit!(error),
        }
        self.log.lines.push(LogLine { level, message });
    }
}

impl wit::Host for CallState {
    async fn write(&mut self, level: wit::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            wit::Level::Trace => LogLevel::Trace,
            wit::Level::Debug => LogLevel::Debug,
            wit::Level::Info => LogLevel::Info,
            wit::Level::Warn => LogLevel::Warn,
            wit::Level::Error => LogLevel::Error,
        };
        self.take_output(false);
        self.write_line(level, message);
        Ok(())
    }
}
