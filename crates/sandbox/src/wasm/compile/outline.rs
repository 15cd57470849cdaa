//! What a component is made of, read without compiling or believing it.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, Encoding, Instance, Parser, Payload,
};

/// The first four bytes of every binary.
const MAGIC: &[u8] = b"\0asm";
/// Bytes of a page of linear memory that says nothing else.
const PAGE: u64 = 64 << 10;

/// What the bytes are, by their beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Component,
    Module,
    /// A binary of a version that nothing knows.
    Unknown,
    Empty,
    /// The text format.
    Text,
    /// A compiled component or module of Wasmtime, or another program for a machine.
    Native,
    Other,
}

pub(super) fn kind(bytes: &[u8]) -> Kind {
    if bytes.is_empty() {
        return Kind::Empty;
    }
    if let Some(rest) = bytes.strip_prefix(MAGIC) {
        return match rest.first_chunk::<4>() {
            Some([0x0d, 0, 1, 0]) => Kind::Component,
            Some([1, 0, 0, 0]) => Kind::Module,
            // Too short to say: what is missing is told when it is read.
            None => Kind::Component,
            Some(_) => Kind::Unknown,
        };
    }
    if bytes.starts_with(b"\x7fELF") {
        return Kind::Native;
    }
    let start = bytes.trim_ascii_start();
    if [&b"(component"[..], b"(module", b"(;", b";;"].iter().any(|word| start.starts_with(word)) {
        return Kind::Text;
    }
    Kind::Other
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    pub(super) imports: Vec<Named>,
    pub(super) exports: Vec<Named>,
    /// All that the component imports and exports, named or not within the limit.
    pub(super) import_count: usize,
    pub(super) export_count: usize,
    /// How deep it nests.
    pub(super) depth: usize,
    /// Bytes that the memories of the modules that it instantiates itself have at least.
    pub(super) memory: u64,
    /// Memories of the modules that it instantiates itself.
    pub(super) memories: u64,
    /// Tables of the modules that it instantiates itself.
    pub(super) tables: u64,
    /// Elements that the largest table of any module has at least.
    pub(super) table: u64,
    /// Core instances that it makes itself.
    pub(super) core_instances: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) kind: Extern,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extern {
    Instance,
    Function,
    Other,
}

/// Why there is no outline.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It ends in the middle.
    Truncated,
    TooDeep,
    Malformed(String),
}

impl From<wasmparser::BinaryReaderError> for Unreadable {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        if error.message().contains("unexpected end-of-file") {
            Self::Truncated
        } else {
            Self::Malformed(error.to_string())
        }
    }
}

/// A module of the outermost component, by its index; none where it comes from elsewhere.
#[derive(Debug, Clone, Copy, Default)]
struct Module {
    memory: u64,
    memories: u64,
    tables: u64,
}

/// Reads the outline of `bytes`; `depth` is the deepest nesting that is read, `names` how many names are kept.
pub(super) fn read(bytes: &[u8], depth: usize, names: usize) -> Result<Outline, Unreadable> {
    let mut outline = Outline::default();
    let mut modules: Vec<Option<Module>> = Vec::new();
    // Whether each of the open parts is a module.
    let mut open: Vec<Encoding> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        let outermost = open.len() == 1;
        match payload {
            Payload::Version { encoding, .. } => {
                open.push(encoding);
                outline.depth = outline.depth.max(open.len());
                if open.len() > depth {
                    return Err(Unreadable::TooDeep);
                }
            }
            Payload::End(_) => {
                open.pop();
            }
            Payload::ModuleSection { .. } if outermost => modules.push(Some(Module::default())),
            Payload::MemorySection(memories) if open.len() == 2 && open[1] == Encoding::Module => {
                for memory in memories {
                    let memory = memory?;
                    let page =
                        memory.page_size_log2.map_or(PAGE, |log2| 1_u64.checked_shl(log2).unwrap_or(PAGE));
                    if let Some(Some(module)) = modules.last_mut() {
                        module.memories += 1;
                        module.memory = module.memory.saturating_add(memory.initial.saturating_mul(page));
                    }
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    outline.table = outline.table.max(table?.ty.initial);
                    if open.len() == 2
                        && let Some(Some(module)) = modules.last_mut()
                    {
                        module.tables += 1;
                    }
                }
            }
            Payload::InstanceSection(instances) if outermost => {
                for instance in instances {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        outline.core_instances += 1;
                        if let Some(Some(module)) = modules.get(module_index as usize) {
                            outline.memories += module.memories;
                            outline.tables += module.tables;
                            outline.memory = outline.memory.saturating_add(module.memory);
                        }
                    }
                }
            }
            Payload::ComponentAliasSection(aliases) if outermost => {
                for alias in aliases {
                    let module = match alias? {
                        ComponentAlias::InstanceExport { kind, .. } => kind == ComponentExternalKind::Module,
                        ComponentAlias::Outer { kind, .. } => kind == ComponentOuterAliasKind::CoreModule,
                        ComponentAlias::CoreInstanceExport { .. } => false,
                    };
                    if module {
                        modules.push(None);
                    }
                }
            }
            Payload::ComponentImportSection(imports) if outermost => {
                for import in imports {
                    let import = import?;
                    let kind = import.ty.kind();
                    if kind == ComponentExternalKind::Module {
                        modules.push(None);
                    }
                    outline.import_count += 1;
                    if outline.imports.len() < names {
                        outline.imports.push(Named { name: import.name.name.into(), kind: kind.into() });
                    }
                }
            }
            Payload::ComponentExportSection(exports) if outermost => {
                for export in exports {
                    let export = export?;
                    outline.export_count += 1;
                    if outline.exports.len() < names {
                        outline
                            .exports
                            .push(Named { name: export.name.name.into(), kind: export.kind.into() });
                    }
                    if export.kind == ComponentExternalKind::Module {
                        modules.push(None);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}

impl From<ComponentExternalKind> for Extern {
    fn from(kind: ComponentExternalKind) -> Self {
        match kind {
            ComponentExternalKind::Instance => Self::Instance,
            ComponentExternalKind::Func => Self::Function,
            ComponentExternalKind::Module
            | ComponentExternalKind::Value
            | ComponentExternalKind::Type
            | ComponentExternalKind::Component => Self::Other,
        }
    }
}
