//! What is remembered of a patient.

use serde::{Deserialize, Serialize};
use xinglin_sdk::follow_up::{Error, State, migration::Migrated};

/// Version of the format.
pub const VERSION: u32 = 2;

/// Of version 2.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// How many pressures in a row were too high, since the last one that was not.
    pub too_high: u8,
    /// Whether a referral for it has been attended since.
    pub referred: bool,
    /// Whether a team has been asked since.
    pub team: bool,
}

/// Of version 1, which did not know of teams.
#[derive(Debug, Serialize, Deserialize)]
struct First {
    too_high: u8,
    referred: bool,
}

impl Memory {
    /// Of a patient who may be new.
    pub fn read(state: Option<&State>) -> Result<Self, Error> {
        state.map_or_else(|| Ok(Self::default()), |state| pathway_kit::read(state, VERSION))
    }

    /// As the host keeps it.
    pub fn write(&self) -> Result<State, Error> {
        pathway_kit::write(self, VERSION)
    }
}

/// Takes version 1 over.
pub fn migrate(state: State, stage: String) -> Result<Migrated, Error> {
    match state.version {
        VERSION => Ok(Migrated { state, stage }),
        1 => {
            let First { too_high, referred } = pathway_kit::read(&state, 1)?;
            let memory = Memory { too_high, referred, team: false };
            Ok(Migrated { state: memory.write()?, stage })
        }
        newer => Err(Error::BadState(format!("version {newer}, and this component reads 1 and {VERSION}"))),
    }
}
