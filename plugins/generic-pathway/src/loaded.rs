//! The pathway of this component.

use std::{hint::black_box, rc::Rc};

use xinglin_pathway_file::{
    model::Pathway,
    slot::{self, SLOT},
};
use xinglin_sdk::pathway::Error;

/// Overwritten in the built component.
static MODEL: [u8; SLOT] = slot::empty();

/// The model in the slot. The compiler must not conclude from the source what the slot holds.
pub fn pathway() -> Result<Rc<Pathway>, Error> {
    #[cfg(not(target_family = "wasm"))]
    if let Some(pathway) = native::loaded() {
        return Ok(pathway);
    }
    slot::read(black_box(&MODEL)).map(Rc::new).map_err(|error| Error::Other(error.to_string()))
}

#[cfg(not(target_family = "wasm"))]
pub use native::load;

/// For tests, which run without a component.
#[cfg(not(target_family = "wasm"))]
mod native {
    use std::{cell::RefCell, rc::Rc};

    use xinglin_pathway_file::model::Pathway;

    thread_local! {
        static LOADED: RefCell<Option<Rc<Pathway>>> = const { RefCell::new(None) };
    }

    /// Runs this pathway on this thread from now on, as if it were in the slot.
    pub fn load(pathway: Pathway) {
        LOADED.set(Some(Rc::new(pathway)));
    }

    pub(super) fn loaded() -> Option<Rc<Pathway>> {
        LOADED.with_borrow(Clone::clone)
    }
}
