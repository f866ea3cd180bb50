//! Where `generic-pathway` keeps its model: bytes in its data, which `xinglin pathway build`
//! overwrites. No compiler, no capability and no file are needed at run time.
//!
//! ```text
//! magic (32 bytes) | format u32 LE | length u32 LE | model (postcard) | unused
//! ```

use thiserror::Error;

use crate::model::Pathway;

/// Bytes of a slot.
pub const SLOT: usize = 192 * 1024;
/// Version of the model that is written and read here.
pub const FORMAT: u32 = 1;
const MAGIC: [u8; 32] = *b"xinglin pathway file slot \xe6\x9d\x8f\xe6\x9e\x97";
const HEAD: usize = MAGIC.len() + 8;
const ROOM: usize = SLOT - HEAD;

/// Why a slot has no model, or gets none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SlotError {
    /// Nothing was written into it.
    #[error("no pathway file was built into this component: `xinglin pathway build FILE -o OUT.wasm`")]
    Empty,
    /// Of another version.
    #[error("the pathway was built in format {0}, and this component reads {FORMAT}: build it again")]
    Format(u32),
    /// Malformed.
    #[error("the pathway in this component cannot be read: {0}")]
    Corrupt(String),
    /// Too large.
    #[error("the pathway takes {0} bytes, and {ROOM} are there: shorten texts or split the pathway")]
    TooLarge(usize),
    /// No slot, or several.
    #[error("the component has {0} slots for a pathway and must have one: take the package `generic-pathway`")]
    Slots(usize),
}

/// An empty slot, for a `static`. It begins with the magic, so that it is data and not zeroed memory.
pub const fn empty() -> [u8; SLOT] {
    let mut slot = [0; SLOT];
    let mut at = 0;
    while at < MAGIC.len() {
        slot[at] = MAGIC[at];
        at += 1;
    }
    slot
}

/// The model of a slot.
///
/// # Errors
/// If there is none, of another format, or malformed.
pub fn read(slot: &[u8]) -> Result<Pathway, SlotError> {
    let word = |at: usize| -> Option<u32> { Some(u32::from_le_bytes(slot.get(at..at + 4)?.try_into().ok()?)) };
    let (format, length) = (word(MAGIC.len()).unwrap_or(0), word(MAGIC.len() + 4).unwrap_or(0));
    match (format, length) {
        (_, 0) => return Err(SlotError::Empty),
        (FORMAT, _) => {}
        (other, _) => return Err(SlotError::Format(other)),
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let bytes = slot.get(HEAD..).and_then(|rest| rest.get(..length));
    let bytes = bytes.ok_or_else(|| SlotError::Corrupt("it is cut off".to_owned()))?;
    match postcard::take_from_bytes(bytes) {
        Ok((pathway, [])) => Ok(pathway),
        Ok(_) => Err(SlotError::Corrupt("bytes are left over".to_owned())),
        Err(error) => Err(SlotError::Corrupt(error.to_string())),
    }
}

/// The component with this model in its slot. Where it has a model already, it is replaced.
///
/// # Errors
/// If the component has no slot, or several, or the model does not fit.
#[cfg(feature = "patch")]
pub fn write(component: &[u8], pathway: &Pathway) -> Result<Vec<u8>, SlotError> {
    let model = postcard::to_allocvec(pathway).map_err(|error| SlotError::Corrupt(error.to_string()))?;
    let length = u32::try_from(model.len()).ok().filter(|_| model.len() <= ROOM);
    let length = length.ok_or(SlotError::TooLarge(model.len()))?;
    let starts: Vec<usize> = component
        .windows(MAGIC.len())
        .enumerate()
        .filter(|(at, window)| *window == MAGIC && component.len() - at >= SLOT)
        .map(|(at, _)| at)
        .collect();
    let [start] = starts.as_slice() else { return Err(SlotError::Slots(starts.len())) };
    let mut slot = vec![0; SLOT];
    let head = [&MAGIC[..], &FORMAT.to_le_bytes(), &length.to_le_bytes(), &model].concat();
    slot.splice(..head.len(), head);
    let mut built = component.to_vec();
    built.splice(*start..*start + SLOT, slot);
    Ok(built)
}

#[cfg(all(test, feature = "patch", feature = "yaml"))]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_written_once_and_again_and_read_back() {
        let pathway = crate::read::read(include_str!("../tests/good.yaml")).expect("a file").pathway;
        let mut component = vec![7; 100];
        component.extend(empty());
        component.extend([9; 50]);
        assert_eq!(read(&component[100..100 + SLOT]), Err(SlotError::Empty));

        let built = write(&component, &pathway).expect("written");
        assert_eq!(built.len(), component.len());
        assert_eq!((&built[..100], &built[100 + SLOT..]), (&component[..100], &component[100 + SLOT..]));
        assert_eq!(read(&built[100..100 + SLOT]).as_ref(), Ok(&pathway));

        let renamed = Pathway { id: "acme.other".to_owned(), ..pathway.clone() };
        let again = write(&built, &renamed).expect("written again");
        assert_eq!(read(&again[100..100 + SLOT]).as_ref(), Ok(&renamed));
        assert_eq!(write(&again, &pathway).as_ref(), Ok(&built), "the same file gives the same bytes");
    }

    #[test]
    fn what_is_no_slot_is_refused() {
        let mut pathway = crate::read::read(include_str!("../tests/good.yaml")).expect("a file").pathway;
        assert_eq!(write(&[0; 1000], &pathway), Err(SlotError::Slots(0)));
        assert_eq!(write(&[&empty()[..], &empty()[..]].concat(), &pathway), Err(SlotError::Slots(2)));
        let mut other = write(&empty(), &pathway).expect("written");
        other[MAGIC.len()] = 99;
        assert_eq!(read(&other), Err(SlotError::Format(99)));
        other[MAGIC.len()] = 1;
        other[HEAD + 3] ^= 0xff;
        assert!(read(&other).is_err());
        assert!(read(&[]).is_err());
        pathway.publisher = "x".repeat(SLOT);
        assert!(matches!(write(&empty(), &pathway), Err(SlotError::TooLarge(_))));
    }
}
