//! The construction of this crate's state machines.
//!
//! A machine is a generic struct with one type for each state, `Rx<Draft>`, whose transitions
//! consume it, and an enum over all states, `Prescription`, for values whose state is known only
//! at run time. A refused transition returns the old value inside [`Refused`].

use std::{error::Error, fmt};

/// A refused transition: the reason, and the unchanged value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused<T, E> {
    /// Unchanged.
    pub value: Box<T>,
    /// The reason.
    pub error: E,
}

impl<T, E> Refused<T, E> {
    pub(crate) fn new(value: T, error: E) -> Self {
        Self { value: Box::new(value), error }
    }
}

impl<T, E: fmt::Display> fmt::Display for Refused<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T: fmt::Debug, E: Error> Error for Refused<T, E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

/// Defines the enum over the states of a machine, the enum of bare state tags, and the
/// conversions between the typed and the untyped form.
/// conversions between the typed and the untyped form.
///
/// `$Typed<S>` must have a field `head: $Head`.
macro_rules! machine {
    (
        $(#[$any_doc:meta])* enum $Any:ident of $Typed:ident with $Head:ty;
        $(#[$tag_doc:meta])* tag $Tag:ident;
        $(#[$stage_doc:meta])* stage $Stage:ident;
        $($(#[$doc:meta])* $State:ident = $text:literal,)*
    ) => {
        $(#[$any_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $Any {
            $($(#[$doc])* $State($Typed<$State>),)*
        }

        $(#[$tag_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $Tag {
            $($(#[$doc])* #[serde(rename = $text)] $State,)*
        }

        impl $Tag {
            /// All states.
            pub const ALL: &'static [Self] = &[$(Self::$State),*];

            /// The name in the API and the store.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$State => $text,)* }
            }
        }

        impl std::fmt::Display for $Tag {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        $(#[$stage_doc])*
        pub trait $Stage: sealed::Sealed + Sized {
            /// The tag of the state.
            const STATE: $Tag;

            /// The typed value, if it is in this state.
            ///
            /// # Errors
            /// The unchanged value, if it is in another.
            #[expect(clippy::result_large_err, reason = "the error is the value itself, given back")]
            fn of(any: $Any) -> Result<$Typed<Self>, $Any>;
        }

        mod sealed {
            pub trait Sealed {}
            $(impl Sealed for super::$State {})*
        }

        $(
            impl $Stage for $State {
                const STATE: $Tag = $Tag::$State;

                fn of(any: $Any) -> Result<$Typed<Self>, $Any> {
                    match any {
                        $Any::$State(typed) => Ok(typed),
                        other => Err(other),
                    }
                }
            }

            impl From<$Typed<$State>> for $Any {
                fn from(typed: $Typed<$State>) -> Self {
                    Self::$State(typed)
                }
            }
        )*

        impl $Any {
            /// The state.
            pub const fn state(&self) -> $Tag {
                match self { $(Self::$State(_) => $Tag::$State,)* }
            }

            const fn head(&self) -> &$Head {
                match self { $(Self::$State(typed) => &typed.head,)* }
            }
        }
    };
}

pub(crate) use machine;
