//! `xinglin:host/random`: unpredictable numbers that a tape can reproduce.
//!
//! The generator is HMAC-SHA-256 under the seed of the call over a counter. It is implemented
//! here and not taken from a library, because a tape of today must replay on any later host.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::CallState;
use crate::{limits::Stop, recorder::Question, wit::xinglin::host::random as wit};

/// Maximum bytes of one draw.
pub(crate) const MOST: u64 = 64 << 10;

/// The random generator of one call.
pub(crate) struct Random {
    seed: [u8; 32],
    generator: Option<Generator>,
}

impl Random {
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, generator: None }
    }
}

/// A seed, as recorded on the tape.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Seed(#[serde(with = "hex::serde")] [u8; 32]);

struct Generator {
    keyed: Hmac<Sha256>,
    /// Blocks drawn so far. The rest of a block is discarded.
    counter: u64,
}

impl Generator {
    fn new(Seed(seed): Seed) -> wasmtime::Result<Self> {
        let keyed = Hmac::new_from_slice(&seed)?;
        Ok(Self { keyed, counter: 0 })
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let mut block = self.keyed.clone();
            block.update(&self.counter.to_be_bytes());
            self.counter += 1;
            for (byte, drawn) in chunk.iter_mut().zip(block.finalize().into_bytes()) {
                *byte = drawn;
            }
        }
    }
}

impl CallState {
    /// Draws random bytes. The seed is recorded at the first draw.
    pub(crate) fn draw(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        if length > MOST {
            return Err(Stop::Random(length).into());
        }
        let generator = match &mut self.random.generator {
            Some(generator) => generator,
            unseeded => {
                let question = Question::new("random.seed", &[]);
                let seed = self.tape.recorded(&question)?.unwrap_or(Seed(self.random.seed));
                self.tape.record(question, &seed)?;
                unseeded.insert(Generator::new(seed)?)
            }
        };
        let mut bytes = vec![0; usize::try_from(length)?];
        generator.fill(&mut bytes);
        Ok(bytes)
    }
}

impl wit::Host for CallState {
    async fn bytes(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        self.draw(length.into())
    }
}
