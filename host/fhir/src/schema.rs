//! FHIR 4.0.1 as tables: resources and data types, their elements with cardinality and type, and
//! the codes of required bindings. Generated from the official definitions by `cargo xtask
//! fhir-schema`; parsed once.

use std::{collections::HashMap, sync::LazyLock};

/// The elements of a resource, a data type, or a backbone element.
pub(crate) struct Shape {
    pub(crate) elements: Vec<Element>,
}

/// One element.
pub(crate) struct Element {
    /// Without the `[x]` of a choice.
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) form: Form,
}

/// Cardinality and type of an element.
pub(crate) enum Form {
    One(Kind),
    Many(Kind),
    /// `name[x]`: at most one of these, each with its own name.
    Choice(Vec<(String, Kind)>),
}

/// The type of an element.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Boolean,
    Integer,
    UnsignedInt,
    PositiveInt,
    Decimal,
    String,
    Id,
    Uri,
    Date,
    DateTime,
    Instant,
    Time,
    /// A code, with its required binding if any.
    Code(Option<ValueSet>),
    /// A CodeableConcept with a required binding.
    Concept(ValueSet),
    /// A Coding with a required binding.
    Coding(ValueSet),
    /// A reference, limited to these types if given.
    Reference(Option<&'static str>),
    /// An object of the shape with this number.
    Object(usize),
    Resource,
}

impl Kind {
    /// Whether it is a primitive, whose extensions are in a sibling element.
    pub const fn is_primitive(self) -> bool {
        !matches!(self, Self::Concept(_) | Self::Coding(_) | Self::Reference(_) | Self::Object(_) | Self::Resource)
    }
}

/// The codes of a required binding.
#[derive(Clone, Copy)]
pub(crate) struct ValueSet(&'static [(&'static str, &'static str)]);

impl ValueSet {
    pub fn has_code(self, code: &str) -> bool {
        self.0.iter().any(|(_, codes)| codes.split(' ').any(|one| one == code))
    }

    pub fn has(self, system: &str, code: &str) -> bool {
        self.0.iter().any(|(of, codes)| *of == system && codes.split(' ').any(|one| one == code))
    }

    pub fn has_system(self, system: &str) -> bool {
        self.0.iter().any(|(of, _)| *of == system)
    }

    /// The codes, shortened for a message.
    pub fn told(self) -> String {
        const MOST: usize = 300;
        let systems = self.0.iter().map(|(system, codes)| {
            let codes = codes.replace(' ', ", ");
            match self.0.len() {
                1 => codes,
                _ => format!("{codes} of {system}"),
            }
        });
        let told: String = systems.collect::<Vec<_>>().join("; ");
        match told.char_indices().nth(MOST) {
            Some((end, _)) => format!("{}…", &told[..end]),
            None => told,
        }
    }

    pub fn systems(self) -> String {
        self.0.iter().map(|(system, _)| *system).collect::<Vec<_>>().join(", ")
    }
}

struct Tables {
    shapes: Vec<Shape>,
    /// Numbers of shapes by name; resources separately.
    types: HashMap<&'static str, usize>,
    resources: HashMap<&'static str, usize>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| read(include_str!("r4.schema")));

/// The table of a resource type, if known.
pub(crate) fn of(resource_type: &str) -> Option<&'static Shape> {
    TABLES.resources.get(resource_type).map(|number| shape(*number))
}

pub(crate) fn shape(number: usize) -> &'static Shape {
    &TABLES.shapes[number]
}

/// The element that contains the extensions of a primitive.
pub(crate) fn element() -> Kind {
    Kind::Object(TABLES.types["Element"])
}

/// A CodeableConcept, Coding or Reference without constraints on codes or targets.
pub(crate) fn plain(kind: Kind) -> &'static Shape {
    shape(
        TABLES.types[match kind {
            Kind::Concept(_) => "CodeableConcept",
            Kind::Coding(_) => "Coding",
            _ => "Reference",
        }],
    )
}

/// The required elements of a resource type.
pub fn required(resource_type: &str) -> Vec<&'static str> {
    let elements = of(resource_type).map_or(&[][..], |shape| &shape.elements);
    elements.iter().filter(|element| element.required).map(|element| element.name).collect()
}

/// Parses the tables; the format is described at their start.
fn read(text: &'static str) -> Tables {
    let mut value_sets: HashMap<&str, Vec<(&'static str, &'static str)>> = HashMap::new();
    let mut types = HashMap::new();
    let mut resources = HashMap::new();
    let mut lines: Vec<Vec<&'static str>> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once(' ') {
            Some(("", element)) => lines.last_mut().into_iter().for_each(|elements| elements.push(element)),
            Some((kind @ ("type" | "resource"), name)) => {
                types.insert(name, lines.len());
                if kind == "resource" {
                    resources.insert(name, lines.len());
                }
                lines.push(Vec::new());
            }
            Some((value_set, codes)) => {
                let (system, codes) = codes.split_once(' ').unwrap_or((codes, ""));
                value_sets.entry(value_set).or_default().push((system, codes));
            }
            None => {}
        }
    }
    let value_sets = value_sets.into_iter().map(|(name, codes)| (name, ValueSet(codes.leak()))).collect();
    let shape = |lines: Vec<&'static str>| Shape {
        elements: lines.into_iter().filter_map(|line| element_of(line, &types, &value_sets)).collect(),
    };
    Tables { shapes: lines.into_iter().map(shape).collect(), types, resources }
}

fn element_of(
    line: &'static str,
    types: &HashMap<&str, usize>,
    value_sets: &HashMap<&str, ValueSet>,
) -> Option<Element> {
    let mut words = line.split(' ');
    let (name, often) = (words.next()?, words.next()?);
    let (value_sets_named, kinds): (Vec<_>, Vec<_>) = words.partition(|word| word.starts_with('$'));
    let bound = value_sets_named.first().and_then(|name| value_sets.get(name)).copied();
    let kind = |word: &'static str| match (word, bound) {
        ("boolean", _) => Kind::Boolean,
        ("integer", _) => Kind::Integer,
        ("unsignedInt", _) => Kind::UnsignedInt,
        ("positiveInt", _) => Kind::PositiveInt,
        ("decimal", _) => Kind::Decimal,
        ("id", _) => Kind::Id,
        ("uri" | "url" | "canonical" | "oid" | "uuid", _) => Kind::Uri,
        ("date", _) => Kind::Date,
        ("dateTime", _) => Kind::DateTime,
        ("instant", _) => Kind::Instant,
        ("time", _) => Kind::Time,
        ("code", bound) => Kind::Code(bound),
        ("CodeableConcept", Some(bound)) => Kind::Concept(bound),
        ("Coding", Some(bound)) => Kind::Coding(bound),
        ("Resource", _) => Kind::Resource,
        (word, _) => match (word.split_once(':'), types.get(word)) {
            (Some((_, targets)), _) => Kind::Reference(Some(targets)),
            (_, Some(number)) => Kind::Object(*number),
            // Text types: string, markdown, xhtml, base64Binary.
            (_, None) => Kind::String,
        },
    };
    let form = match (name.strip_suffix("[x]"), often) {
        (Some(_), _) => {
            let named = |word: &'static str| {
                let (of, _) = word.split_once(':').unwrap_or((word, ""));
                let (first, rest) = of.split_at(1);
                (format!("{}{rest}", first.to_ascii_uppercase()), kind(word))
            };
            Form::Choice(kinds.into_iter().map(named).collect())
        }
        (None, "?" | "1") => Form::One(kind(kinds.first()?)),
        (None, _) => Form::Many(kind(kinds.first()?)),
    };
    let name = name.strip_suffix("[x]").unwrap_or(name);
    Some(Element { name, required: matches!(often, "1" | "+"), form })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_all_of_fhir() {
        assert_eq!(TABLES.resources.len(), 146);
        let lines = include_str!("r4.schema").lines().filter(|line| line.starts_with(' ')).count();
        let elements: usize = TABLES.shapes.iter().map(|shape| shape.elements.len()).sum();
        assert_eq!(elements, lines, "each line is an element");
        assert_eq!(required("Observation"), ["status", "code"]);
        assert_eq!(required("MedicationRequest"), ["status", "intent", "medication", "subject"]);
        assert!(of("Nothing").is_none() && of("HumanName").is_none());
    }
}
