//! Standard output and error, as log lines.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime_wasi::{
    async_trait,
    p2::{OutputStream, Pollable, StreamResult},
};
use wasmtime_wasi_io::bytes::Bytes;
use xinglin_plugin::LogLevel;

use crate::host::log::{MAX_LINE, MAX_LINES};

/// Printed data that are not in the log yet. Limited as the log is.
#[derive(Default)]
pub(crate) struct Output {
    lines: Vec<(LogLevel, String)>,
    dropped: u64,
    /// Incomplete lines, one for each level.
    begun: Vec<(LogLevel, Vec<u8>)>,
}

impl Output {
    fn print(&mut self, level: LogLevel, bytes: &[u8]) {
        let begun = self.begun.iter().position(|(of, _)| *of == level);
        let mut line = begun.map(|at| self.begun.swap_remove(at).1).unwrap_or_default();
        for (number, part) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if number > 0 {
                self.end(level, &std::mem::take(&mut line));
            }
            let room = MAX_LINE.saturating_sub(line.len());
            line.extend_from_slice(part.get(..room).unwrap_or(part));
        }
        self.begun.push((level, line));
    }

    fn end(&mut self, level: LogLevel, line: &[u8]) {
        if self.lines.len() < MAX_LINES {
            self.lines.push((level, String::from_utf8_lossy(line).into_owned()));
        } else {
            self.dropped += 1;
        }
    }

    /// Takes the complete lines, at the end also incomplete ones, and the number of lines dropped
    /// after those.
    pub fn take(&mut self, is_end: bool) -> (Vec<(LogLevel, String)>, u64) {
        if is_end {
            for (level, line) in std::mem::take(&mut self.begun) {
                if !line.is_empty() {
                    self.end(level, &line);
                }
            }
        }
        (std::mem::take(&mut self.lines), std::mem::take(&mut self.dropped))
    }
}

/// A stream to the log.
pub(crate) struct Sink {
    output: Arc<Mutex<Output>>,
    level: LogLevel,
}

impl Sink {
    pub fn new(output: Arc<Mutex<Output>>, level: LogLevel) -> Self {
        Self { output, level }
    }
}

#[async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Sink {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).print(self.level, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}
