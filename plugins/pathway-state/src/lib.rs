//! How pathways keep what they know of a patient between steps: postcard, with a version of the format.

use serde::{Serialize, de::DeserializeOwned};
use xinglin_sdk::pathway::{Error, State};

/// Reads a state that was [written](write) with this version.
///
/// # Errors
/// `BadState` if it has another version, or is malformed.
pub fn read<T: DeserializeOwned>(state: &State, version: u32) -> Result<T, Error> {
    if state.version != version {
        return Err(Error::BadState(format!("version {}, and this component reads {version}", state.version)));
    }
    match postcard::take_from_bytes(&state.data) {
        Ok((memory, [])) => Ok(memory),
        Ok(_) => Err(Error::BadState("bytes are left over".to_owned())),
        Err(error) => Err(Error::BadState(error.to_string())),
    }
}

/// Writes a state.
///
/// # Errors
/// If it cannot be serialised.
pub fn write<T: Serialize>(memory: &T, version: u32) -> Result<State, Error> {
    let data = postcard::to_allocvec(memory).map_err(|error| Error::Other(error.to_string()))?;
    Ok(State { version, data })
}

/// As [`read`], of the bytes of a state of `found` where `read` is the version that the caller reads.
///
/// # Errors
/// As [`read`], in the words of 1.1.
pub fn read_bytes<T: DeserializeOwned>(
    data: &[u8],
    (found, reads): (u32, u32),
) -> Result<T, xinglin_sdk::follow_up::Error> {
    let state = State { version: found, data: data.to_vec() };
    read(&state, reads).map_err(widened)
}

/// As [`write`], without the version.
///
/// # Errors
/// As [`write`], in the words of 1.1.
pub fn write_bytes<T: Serialize>(memory: &T) -> Result<Vec<u8>, xinglin_sdk::follow_up::Error> {
    write(memory, 0).map(|state| state.data).map_err(widened)
}

fn widened(error: Error) -> xinglin_sdk::follow_up::Error {
    use xinglin_sdk::follow_up::Error as Wide;
    match error {
        Error::MissingData(text) => Wide::MissingData(text),
        Error::BadState(what) => Wide::BadState(what),
        Error::Other(what) => Wide::Other(what),
    }
}
