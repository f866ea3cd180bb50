//! What a pathway remembers of a patient between steps: postcard, with a version of the format.

use serde::{Serialize, de::DeserializeOwned};
use xinglin_sdk::{follow_up, pathway};

/// A state as a version of the contract has it.
pub trait Kept: Sized {
    /// Why a step is not decided.
    type Error;

    /// Of this version of the format.
    fn of(version: u32, data: Vec<u8>) -> Self;
    /// Its version and bytes.
    fn parts(&self) -> (u32, &[u8]);
    /// It cannot be read.
    fn bad(why: String) -> Self::Error;
    /// It cannot be written.
    fn unwritten(why: String) -> Self::Error;
}

macro_rules! kept {
    ($($contract:ident),*) => {$(
        impl Kept for $contract::State {
            type Error = $contract::Error;

            fn of(version: u32, data: Vec<u8>) -> Self {
                Self { version, data }
            }

            fn parts(&self) -> (u32, &[u8]) {
                (self.version, &self.data)
            }

            fn bad(why: String) -> Self::Error {
                $contract::Error::BadState(why)
            }

            fn unwritten(why: String) -> Self::Error {
                $contract::Error::Other(why)
            }
        }
    )*};
}

kept!(pathway, follow_up);

/// Reads a state that was [written](write) with this version.
///
/// # Errors
/// `BadState` if it has another version, or is malformed.
pub fn read<T: DeserializeOwned, S: Kept>(state: &S, version: u32) -> Result<T, S::Error> {
    let (found, data) = state.parts();
    if found != version {
        return Err(S::bad(format!("version {found}, and this component reads {version}")));
    }
    match postcard::take_from_bytes(data) {
        Ok((memory, [])) => Ok(memory),
        Ok(_) => Err(S::bad("bytes are left over".to_owned())),
        Err(error) => Err(S::bad(error.to_string())),
    }
}

/// Writes a state.
///
/// # Errors
/// If it cannot be serialised.
pub fn write<T: Serialize, S: Kept>(memory: &T, version: u32) -> Result<S, S::Error> {
    let data = postcard::to_allocvec(memory).map_err(|error| S::unwritten(error.to_string()))?;
    Ok(S::of(version, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_both_contracts_is_read_back_or_refused() {
        fn of<S: Kept + std::fmt::Debug>(is_bad: impl Fn(&S::Error) -> bool)
        where
            S::Error: std::fmt::Debug,
        {
            let state: S = write(&(7_u8, "words"), 2).expect("written");
            assert_eq!(read::<(u8, String), S>(&state, 2).expect("read"), (7, "words".to_owned()));
            let data = state.parts().1.to_vec();
            let short = S::of(2, data[..2].to_vec());
            let long = S::of(2, [data.as_slice(), &[0]].concat());
            for (state, version) in [(&state, 1), (&state, 3), (&short, 2), (&long, 2)] {
                let error = read::<(u8, String), S>(state, version).expect_err("refused");
                assert!(is_bad(&error), "{error:?}");
            }
        }
        of::<pathway::State>(|error| matches!(error, pathway::Error::BadState(_)));
        of::<follow_up::State>(|error| matches!(error, follow_up::Error::BadState(_)));
    }
}
