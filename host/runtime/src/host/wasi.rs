//! WASI 0.2 for guests with an interpreter, which need it.
//!
//! The bindings are wasmtime-wasi's; the implementation is this crate's, since a call must replay
//! to the byte and must not reach anything that is not granted:
//!
//! - environment and arguments are empty, standard input is closed;
//! - standard output and error are lines of the plugin's log;
//! - the wall clock is fixed at the time of the call, the monotonic clock advances with
//!   each reading, and a sleep returns at once and advances it by its duration;
//! - random numbers are those of the call (`random`);
//! - files are those of `files`: `/packs/<name>` and `/scratch`;
//! - sockets are refused: none can be created, no name resolved.

mod filesystem;
mod stdio;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use wasmtime::component::{HasData, HasSelf, Linker, Resource};
use wasmtime_wasi::{
    ResourceTable, async_trait,
    p2::{
        DynInputStream, DynOutputStream, DynPollable, Pollable,
        bindings::{cli, clocks, filesystem as fs, random, sockets},
        pipe::ClosedInputStream,
        subscribe,
    },
    sockets::{WasiSockets, WasiSocketsCtx, WasiSocketsCtxView},
};
use wasmtime_wasi_io::bindings::wasi::io;
use xinglin_plugin::LogLevel;

use self::stdio::{Output, Sink};
use super::CallState;
use crate::limits::Stop;

/// Maximum resources of a guest at once: open files, streams, timers.
const MOST_RESOURCES: usize = 4096;

/// How far the monotonic clock advances with each reading, in nanoseconds.
const STEP: u64 = 1_000;

/// WASI state of one call.
pub(crate) struct Wasi {
    table: ResourceTable,
    sockets: WasiSocketsCtx,
    monotonic: Arc<AtomicU64>,
    output: Arc<Mutex<Output>>,
}

impl Default for Wasi {
    fn default() -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MOST_RESOURCES);
        // All network access is denied by default.
        Self { table, sockets: WasiSocketsCtx::default(), monotonic: Arc::default(), output: Arc::default() }
    }
}

impl CallState {
    fn wasi(&mut self) -> &mut Wasi {
        self.wasi.get_or_insert_default()
    }

    /// Moves printed lines to the log.
    pub(crate) fn take_output(&mut self, is_end: bool) {
        let Some(wasi) = &self.wasi else { return };
        let (lines, dropped) = wasi.output.lock().unwrap_or_else(PoisonError::into_inner).take(is_end);
        for (level, line) in lines {
            self.write_line(level, line);
        }
        self.log.dropped += dropped;
    }
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

/// Defines [`xinglin_plugin::WASI`].
pub(crate) fn link(l: &mut Linker<CallState>) -> wasmtime::Result<()> {
    type State = HasSelf<CallState>;

    fn table(state: &mut CallState) -> &mut ResourceTable {
        &mut state.wasi().table
    }
    io::error::add_to_linker::<CallState, HasTable>(l, table)?;
    io::poll::add_to_linker::<CallState, HasTable>(l, table)?;
    io::streams::add_to_linker::<CallState, HasTable>(l, table)?;

    cli::environment::add_to_linker::<_, State>(l, |state| state)?;
    cli::exit::add_to_linker::<_, State>(l, |state| state)?;
    cli::stdin::add_to_linker::<_, State>(l, |state| state)?;
    cli::stdout::add_to_linker::<_, State>(l, |state| state)?;
    cli::stderr::add_to_linker::<_, State>(l, |state| state)?;
    cli::terminal_input::add_to_linker::<_, State>(l, |state| state)?;
    cli::terminal_output::add_to_linker::<_, State>(l, |state| state)?;
    cli::terminal_stdin::add_to_linker::<_, State>(l, |state| state)?;
    cli::terminal_stdout::add_to_linker::<_, State>(l, |state| state)?;
    cli::terminal_stderr::add_to_linker::<_, State>(l, |state| state)?;
    clocks::monotonic_clock::add_to_linker::<_, State>(l, |state| state)?;
    clocks::wall_clock::add_to_linker::<_, State>(l, |state| state)?;
    fs::preopens::add_to_linker::<_, State>(l, |state| state)?;
    fs::types::add_to_linker::<_, State>(l, |state| state)?;
    random::insecure::add_to_linker::<_, State>(l, |state| state)?;
    random::insecure_seed::add_to_linker::<_, State>(l, |state| state)?;
    random::random::add_to_linker::<_, State>(l, |state| state)?;

    fn denied(state: &mut CallState) -> WasiSocketsCtxView<'_> {
        let Wasi { table, sockets, .. } = state.wasi();
        WasiSocketsCtxView { ctx: sockets, table }
    }
    sockets::instance_network::add_to_linker::<_, WasiSockets>(l, denied)?;
    sockets::ip_name_lookup::add_to_linker::<_, WasiSockets>(l, denied)?;
    sockets::network::add_to_linker::<_, WasiSockets>(l, &sockets::network::LinkOptions::default(), denied)?;
    sockets::tcp::add_to_linker::<_, WasiSockets>(l, denied)?;
    sockets::tcp_create_socket::add_to_linker::<_, WasiSockets>(l, denied)?;
    sockets::udp::add_to_linker::<_, WasiSockets>(l, denied)?;
    sockets::udp_create_socket::add_to_linker::<_, WasiSockets>(l, denied)?;
    Ok(())
}

// --- cli ---------------------------------------------------------------------

impl cli::environment::Host for CallState {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl cli::exit::Host for CallState {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        Err(Stop::Exit(status.is_err().into()).into())
    }

    fn exit_with_code(&mut self, code: u8) -> wasmtime::Result<()> {
        Err(Stop::Exit(code).into())
    }
}

impl cli::stdin::Host for CallState {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        let closed: DynInputStream = Box::new(ClosedInputStream);
        Ok(self.wasi().table.push(closed)?)
    }
}

impl CallState {
    fn printer(&mut self, level: LogLevel) -> wasmtime::Result<Resource<DynOutputStream>> {
        let wasi = self.wasi();
        let printer: DynOutputStream = Box::new(Sink::new(wasi.output.clone(), level));
        Ok(wasi.table.push(printer)?)
    }
}

impl cli::stdout::Host for CallState {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.printer(LogLevel::Info)
    }
}

impl cli::stderr::Host for CallState {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.printer(LogLevel::Warn)
    }
}

impl cli::terminal_input::Host for CallState {}

impl cli::terminal_input::HostTerminalInput for CallState {
    fn drop(&mut self, _: Resource<cli::terminal_input::TerminalInput>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl cli::terminal_output::Host for CallState {}

impl cli::terminal_output::HostTerminalOutput for CallState {
    fn drop(&mut self, _: Resource<cli::terminal_output::TerminalOutput>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl cli::terminal_stdin::Host for CallState {
    fn get_terminal_stdin(&mut self) -> wasmtime::Result<Option<Resource<cli::terminal_input::TerminalInput>>> {
        Ok(None)
    }
}

impl cli::terminal_stdout::Host for CallState {
    fn get_terminal_stdout(&mut self) -> wasmtime::Result<Option<Resource<cli::terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

impl cli::terminal_stderr::Host for CallState {
    fn get_terminal_stderr(&mut self) -> wasmtime::Result<Option<Resource<cli::terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

// --- clocks ------------------------------------------------------------------

impl CallState {
    /// The time of the call, as a WASI datetime.
    fn wall_clock(&self) -> clocks::wall_clock::Datetime {
        let micros = u64::try_from(self.now.micros()).unwrap_or(0);
        clocks::wall_clock::Datetime {
            seconds: micros / 1_000_000,
            nanoseconds: u32::try_from(micros % 1_000_000 * 1_000).unwrap_or(0),
        }
    }

    fn wake(&mut self, due: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let wasi = self.wasi();
        let timer = wasi.table.push(Timer { clock: wasi.monotonic.clone(), due })?;
        subscribe(&mut wasi.table, timer)
    }
}

impl clocks::wall_clock::Host for CallState {
    fn now(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        Ok(self.wall_clock())
    }

    fn resolution(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        Ok(clocks::wall_clock::Datetime { seconds: 0, nanoseconds: 1_000 })
    }
}

/// Ready at once; waiting for it advances the clock to its time.
struct Timer {
    clock: Arc<AtomicU64>,
    due: u64,
}

#[async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        self.clock.fetch_max(self.due, Ordering::Relaxed);
    }
}

impl clocks::monotonic_clock::Host for CallState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.wasi().monotonic.fetch_add(STEP, Ordering::Relaxed))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(STEP)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.wake(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.wasi().monotonic.load(Ordering::Relaxed);
        self.wake(now.saturating_add(duration))
    }
}

// --- random ------------------------------------------------------------------

impl CallState {
    fn draw_u64(&mut self) -> wasmtime::Result<u64> {
        let bytes = self.draw(8)?;
        Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }
}

impl random::random::Host for CallState {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.draw(length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.draw_u64()
    }
}

impl random::insecure::Host for CallState {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.draw(length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.draw_u64()
    }
}

impl random::insecure_seed::Host for CallState {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.draw_u64()?, self.draw_u64()?))
    }
}
