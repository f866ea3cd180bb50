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
