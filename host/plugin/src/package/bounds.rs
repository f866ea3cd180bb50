//! Structural limits of components. Checked in one pass over the bytes, before anything is
//! validated, compiled or stored: packages are untrusted, and the limits of WebAssembly itself
//! are those of browsers, which allow gigabytes and minutes for one module.
//!
//! The limits are derived from measurements of real plugins. The largest is an interpreter,
//! CPython by `componentize-py` 0.25: 41 modules, 13,478 functions in 6.6 MB of code, the largest
//! 427 KB with 781 nested blocks and 15,805 targets of branch tables; at most 279 locals, 4,441
//! exports, 2,387 imports, 1,924 data segments; 0.2 million values carried over the branches of
//! one function and 6.3 million over all ([`flow`]). Plugins in Rust stay below a tenth of that.
//!
//! [`check`] runs first and keeps only counters. The compile cost of a function is known only
//! during validation: [`validate`].

use std::ops::Range;

use wasmparser::{
    BinaryReader, ComponentType, ComponentTypeDeclaration, CompositeInnerType, CoreType, ElementItems, FuncValidator,
    FuncValidatorAllocations, FunctionBody, ModuleTypeDeclaration, Operator, Parser, Payload, TypeRef, ValidPayload,
    Validator, ValidatorResources, types::Types,
};

use crate::{error::PluginError, limits::Limits};

/// A limit on a count, over the whole component or one part.
#[derive(Clone, Copy)]
struct Bound {
    what: &'static str,
    most: u64,
}

const fn bound(what: &'static str, most: u64) -> Bound {
    Bound { what, most }
}

// Over the whole component.
const DEPTH: Bound = bound("levels of components in components", 8);
const MODULES: Bound = bound("modules and components", 128);
const SECTIONS: Bound = bound("sections", 4_096);
const CUSTOM_SECTIONS: Bound = bound("custom sections", 512);
const TYPE_BYTES: Bound = bound("bytes of types", 2 << 20);
const TYPES: Bound = bound("types", 32_768);
const IMPORTS: Bound = bound("imports", 8_192);
const EXPORTS: Bound = bound("exports", 8_192);
const ALIASES: Bound = bound("aliases", 16_384);
const INSTANCES: Bound = bound("instances", 512);
const CANONICALS: Bound = bound("lifted and lowered functions", 8_192);
const FUNCTIONS: Bound = bound("functions", 49_152);
const GLOBALS: Bound = bound("globals", 32_768);
const CODE_BYTES: Bound = bound("bytes of code", 32 << 20);
const MEMORY_BYTES: Bound = bound("bytes of memory at the start", (Limits::MAXIMUM.memory_mib as u64) << 20);
const TABLES: Bound = bound("tables", 64);
const TABLE_ELEMENTS: Bound = bound("table elements at the start", 1 << 16);
const DATA_SEGMENTS: Bound = bound("data segments", 16_384);
const ELEMENT_SEGMENTS: Bound = bound("element segments", 8_192);
const ELEMENTS: Bound = bound("elements in segments", 1 << 16);
// The outermost component.
const OUTER_NAMES: Bound = bound("imports and exports of the component", 256);
// Of one function, type or name.
const NAME_BYTES: Bound = bound("bytes in one name", 1_024);
const PARAMS: Bound = bound("parameters of one function", 128);
const RESULTS: Bound = bound("results of one function", 8);
const LOCALS: Bound = bound("locals in one function", 8_192);
const FUNCTION_BYTES: Bound = bound("bytes in one function", 1 << 20);
const NESTING: Bound = bound("blocks in blocks in one function", 4_096);
const BRANCH_TARGETS: Bound = bound("targets of branch tables in one function", 1 << 16);
/// See [`flow`]. A function at this limit compiles in seconds; without it, one of 300 KB took 45
/// seconds.
const FLOW: Bound = bound("values carried over branches in one function", 4 << 20);
const ALL_FLOW: Bound = bound("values carried over branches", 40 << 20);

/// Maximum nesting of types. The engine's parser has the same limit, but checks it only after
/// reading.
const TYPE_DEPTH: usize = 100;

/// Refuses a component that exceeds a limit.
pub(super) fn check(component: &[u8]) -> Result<(), PluginError> {
    let mut tally = Tally::default();
    let mut depth = 0_u64;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.map_err(corrupt)?;
        match &payload {
            Payload::Version { .. } => {
                depth += 1;
                DEPTH.allow(depth)?;
                tally.modules.add(MODULES, 1)?;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CodeSectionEntry(body) => {
                FUNCTION_BYTES.allow(size(&body.range()))?;
                tally.code.add(CODE_BYTES, size(&body.range()))?;
            }
            section => {
                tally.sections.add(SECTIONS, 1)?;
                tally.section(component, section, depth == 1)?;
            }
        }
    }
    Ok(())
}

fn corrupt(error: wasmparser::BinaryReaderError) -> PluginError {
    PluginError::Corrupt(error.message().to_owned())
}

impl Bound {
    fn allow(self, found: u64) -> Result<(), PluginError> {
        if found <= self.most {
            return Ok(());
        }
        Err(PluginError::TooMuch { what: self.what, found, limit: self.most })
    }
}

#[derive(Default)]
struct Count(u64);

impl Count {
    fn add(&mut self, bound: Bound, more: u64) -> Result<(), PluginError> {
        self.0 = self.0.saturating_add(more);
        bound.allow(self.0)
    }
}

#[derive(Default)]
struct Tally {
    modules: Count,
    sections: Count,
    custom: Count,
    type_bytes: Count,
    types: Count,
    imports: Count,
    exports: Count,
    outer_names: Count,
    aliases: Count,
    instances: Count,
    canonicals: Count,
    functions: Count,
    globals: Count,
    code: Count,
    memory: Count,
    tables: Count,
    table_elements: Count,
    data: Count,
    segments: Count,
    elements: Count,
}

fn size(range: &Range<usize>) -> u64 {
    range.len() as u64
}

fn name(text: &str) -> Result<(), PluginError> {
    NAME_BYTES.allow(text.len() as u64)
}

impl Tally {
    /// Compares the counts stated by the section header, before the section is read.
    fn section(&mut self, component: &[u8], payload: &Payload<'_>, outermost: bool) -> Result<(), PluginError> {
        match payload {
            Payload::CustomSection(section) => {
                self.custom.add(CUSTOM_SECTIONS, 1)?;
                name(section.name())?;
            }
            Payload::TypeSection(section) => {
                self.type_bytes.add(TYPE_BYTES, size(&section.range()))?;
                self.types.add(TYPES, u64::from(section.count()))?;
                for group in section.clone() {
                    for (n, ty) in group.map_err(corrupt)?.types().enumerate() {
                        if n > 0 {
                            self.types.add(TYPES, 1)?;
                        }
                        arity(&ty.composite_type.inner)?;
                    }
                }
            }
            Payload::ImportSection(section) => {
                self.imports.add(IMPORTS, u64::from(section.count()))?;
                for import in section.clone().into_imports() {
                    let import = import.map_err(corrupt)?;
                    name(import.module)?;
                    name(import.name)?;
                    match import.ty {
                        TypeRef::Memory(memory) => self.memory(memory.initial)?,
                        TypeRef::Table(table) => self.table(table.initial)?,
                        _ => {}
                    }
                }
            }
            Payload::FunctionSection(section) => self.functions.add(FUNCTIONS, u64::from(section.count()))?,
            Payload::TableSection(section) => {
                for table in section.clone() {
                    self.table(table.map_err(corrupt)?.ty.initial)?;
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    self.memory(memory.map_err(corrupt)?.initial)?;
                }
            }
            Payload::GlobalSection(section) => self.globals.add(GLOBALS, u64::from(section.count()))?,
            Payload::TagSection(section) => self.globals.add(GLOBALS, u64::from(section.count()))?,
            Payload::ExportSection(section) => {
                self.exports.add(EXPORTS, u64::from(section.count()))?;
                for export in section.clone() {
                    name(export.map_err(corrupt)?.name)?;
                }
            }
            Payload::ElementSection(section) => {
                self.segments.add(ELEMENT_SEGMENTS, u64::from(section.count()))?;
                for element in section.clone() {
                    let count = match element.map_err(corrupt)?.items {
                        ElementItems::Functions(items) => items.count(),
                        ElementItems::Expressions(_, items) => items.count(),
                    };
                    self.elements.add(ELEMENTS, u64::from(count))?;
                }
            }
            Payload::DataCountSection { count, .. } => DATA_SEGMENTS.allow(u64::from(*count))?,
            Payload::DataSection(section) => self.data.add(DATA_SEGMENTS, u64::from(section.count()))?,
            Payload::CodeSectionStart { count, .. } => FUNCTIONS.allow(u64::from(*count))?,
            other => self.component_section(component, other, outermost)?,
        }
        Ok(())
    }

    fn component_section(
        &mut self,
        component: &[u8],
        payload: &Payload<'_>,
        outermost: bool,
    ) -> Result<(), PluginError> {
        match payload {
            Payload::InstanceSection(section) => self.instances.add(INSTANCES, u64::from(section.count()))?,
            Payload::ComponentInstanceSection(section) => {
                self.instances.add(INSTANCES, u64::from(section.count()))?;
            }
            Payload::ComponentAliasSection(section) => self.aliases.add(ALIASES, u64::from(section.count()))?,
            Payload::ComponentCanonicalSection(section) => {
                self.canonicals.add(CANONICALS, u64::from(section.count()))?;
            }
            Payload::CoreTypeSection(section) => {
                self.type_bytes.add(TYPE_BYTES, size(&section.range()))?;
                for ty in section.clone() {
                    self.core_type(&ty.map_err(corrupt)?)?;
                }
            }
            Payload::ComponentTypeSection(section) => {
                self.type_bytes.add(TYPE_BYTES, size(&section.range()))?;
                let bytes = component.get(section.range()).unwrap_or_default();
                self.component_types(bytes, section.range().start)?;
            }
            Payload::ComponentImportSection(section) => {
                self.imports.add(IMPORTS, u64::from(section.count()))?;
                for import in section.clone() {
                    name(import.map_err(corrupt)?.name.name)?;
                }
                if outermost {
                    self.outer_names.add(OUTER_NAMES, u64::from(section.count()))?;
                }
            }
            Payload::ComponentExportSection(section) => {
                self.exports.add(EXPORTS, u64::from(section.count()))?;
                for export in section.clone() {
                    name(export.map_err(corrupt)?.name.name)?;
                }
                if outermost {
                    self.outer_names.add(OUTER_NAMES, u64::from(section.count()))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn memory(&mut self, pages: u64) -> Result<(), PluginError> {
        self.memory.add(MEMORY_BYTES, pages.saturating_mul(64 << 10))
    }

    fn table(&mut self, elements: u64) -> Result<(), PluginError> {
        self.tables.add(TABLES, 1)?;
        self.table_elements.add(TABLE_ELEMENTS, elements)
    }

    fn core_type(&mut self, ty: &CoreType<'_>) -> Result<(), PluginError> {
        self.types.add(TYPES, 1)?;
        match ty {
            CoreType::Rec(group) => {
                for ty in group.types() {
                    arity(&ty.composite_type.inner)?;
                }
            }
            CoreType::Module(declarations) => {
                for declaration in declarations {
                    self.types.add(TYPES, 1)?;
                    match declaration {
                        ModuleTypeDeclaration::Export { name: text, .. } => name(text)?,
                        ModuleTypeDeclaration::Import(import) => name(import.name)?,
                        ModuleTypeDeclaration::Type(group) => {
                            for ty in group.types() {
                                arity(&ty.composite_type.inner)?;
                            }
                        }
                        ModuleTypeDeclaration::OuterAlias { .. } => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads nested types level by level. The parser would recurse at any depth, and overflow the
    /// stack.
    fn component_types(&mut self, section: &[u8], offset: usize) -> Result<(), PluginError> {
        let mut reader = BinaryReader::new(section, offset);
        // Remaining items at each level: types at the first, declarations below.
        let mut levels = vec![reader.read_var_u32().map_err(corrupt)?];
        while let Some(left) = levels.last_mut() {
            let Some(fewer) = left.checked_sub(1) else {
                levels.pop();
                continue;
            };
            *left = fewer;
            if levels.len() == 1 || self.declaration(&mut reader)? {
                levels.extend(self.component_type(&mut reader)?);
            }
            if levels.len() > 1 + TYPE_DEPTH {
                return Err(PluginError::Corrupt("component type nesting is too deep".into()));
            }
        }
        Ok(())
    }

    /// Reads a declaration of a component or instance type. If it declares a type, reads only up
    /// to the type's start, and returns `true`.
    fn declaration(&mut self, reader: &mut BinaryReader<'_>) -> Result<bool, PluginError> {
        let mut ahead = reader.clone();
        if ahead.read_u8().map_err(corrupt)? == 0x01 {
            *reader = ahead;
            return Ok(true);
        }
        match reader.read::<ComponentTypeDeclaration<'_>>().map_err(corrupt)? {
            ComponentTypeDeclaration::CoreType(ty) => self.core_type(&ty)?,
            ComponentTypeDeclaration::Export { name: export, .. } => name(export.name)?,
            ComponentTypeDeclaration::Import(import) => name(import.name.name)?,
            ComponentTypeDeclaration::Alias(_) => self.aliases.add(ALIASES, 1)?,
            ComponentTypeDeclaration::Type(_) => {}
        }
        Ok(false)
    }

    /// Reads a type; of a component or instance type only the number of declarations that follow.
    fn component_type(&mut self, reader: &mut BinaryReader<'_>) -> Result<Option<u32>, PluginError> {
        self.types.add(TYPES, 1)?;
        let mut ahead = reader.clone();
        if matches!(ahead.read_u8().map_err(corrupt)?, 0x41 | 0x42) {
            let declarations = ahead.read_var_u32().map_err(corrupt)?;
            *reader = ahead;
            return Ok(Some(declarations));
        }
        reader.read::<ComponentType<'_>>().map_err(corrupt)?;
        Ok(None)
    }
}

/// Limits parameters and results of a function or block type: the compiler creates a value for
/// each wherever the type is used.
fn arity(ty: &CompositeInnerType) -> Result<(), PluginError> {
    let CompositeInnerType::Func(function) = ty else { return Ok(()) };
    PARAMS.allow(function.params().len() as u64)?;
    RESULTS.allow(function.results().len() as u64)
}

/// Validates a component, and sums the compile cost of its functions.
pub(super) fn validate(component: &[u8]) -> Result<Types, PluginError> {
    let mut validator = Validator::new();
    let (mut functions, mut types) = (Vec::new(), None);
    for payload in Parser::new(0).parse_all(component) {
        match validator.payload(&payload.map_err(corrupt)?).map_err(corrupt)? {
            ValidPayload::Func(function, body) => functions.push((function, body)),
            // The last one is that of the whole component.
            ValidPayload::End(end) => types = Some(end),
            ValidPayload::Ok | ValidPayload::Parser(_) => {}
        }
    }
    let (mut allocations, mut all) = (FuncValidatorAllocations::default(), Count::default());
    for (function, body) in functions {
        let mut validator = function.into_validator(allocations);
        all.add(ALL_FLOW, flow(&body, &mut validator)?)?;
        allocations = validator.into_allocations();
    }
    types.ok_or_else(|| PluginError::Corrupt("it has no end".into()))
}

/// Compile cost of one function: at each branch and each branch target, every local and every
/// value on the operand stack may be live. Compile time and memory are proportional to this
/// count, which can be a thousand times larger in a short function than in a long one.
fn flow(body: &FunctionBody<'_>, validator: &mut FuncValidator<ValidatorResources>) -> Result<u64, PluginError> {
    validator.read_locals(&mut body.get_binary_reader()).map_err(corrupt)?;
    LOCALS.allow(u64::from(validator.len_locals()))?;
    let (mut flow, mut targets) = (Count::default(), Count::default());
    let mut operators = body.get_operators_reader().map_err(corrupt)?;
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset().map_err(corrupt)?;
        validator.op(offset, &operator).map_err(corrupt)?;
        match operator {
            Operator::BrTable { targets: more } => targets.add(BRANCH_TARGETS, u64::from(more.len()))?,
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                NESTING.allow(u64::from(validator.control_stack_height()))?;
            }
            Operator::Else | Operator::Br { .. } | Operator::BrIf { .. } => {}
            _ => continue,
        }
        let alive = u64::from(validator.len_locals()) + u64::from(validator.operand_stack_height());
        // A branch has a cost even without live values.
        flow.add(FLOW, alive + 8)?;
    }
    operators.finish().map_err(corrupt)?;
    Ok(flow.0)
}
