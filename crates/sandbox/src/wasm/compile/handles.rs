//! The handles that a component holds after its initialisation.
//!
//! A handle is a number in the component's memory and an entry in its table of handles, which is no memory: an instance
//! that begins with a snapshot has the number and an empty table. So the table is read ([`Probe`]) once the memory is
//! taken. What is in it and is a standard stream is opened again, at the same number, before anything else runs in an
//! instance ([`restore`]). Anything else would be a number that later means somebody else's resource, and there is no
//! snapshot then. So always: an instance begins with the very table that its memory knows.
//!
//! ```text
//! held at the snapshot    1: stdin   2: free   3: stderr
//! start of an instance    get-stdin → 1, filler → 2, get-stderr → 3, drop 2
//! ```

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
};

use bytes::Bytes;
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, CodeSection, ComponentAliasSection,
    ComponentExportKind, ComponentExportSection, ComponentSection as _, ComponentTypeSection,
    ComponentValType, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    InstanceSection, Module, ModuleArg, ModuleSection, PrimitiveValType, StartSection, TypeSection, ValType,
};
use wasmparser::{
    BinaryReaderError, CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind,
    ComponentType, ComponentTypeRef, ExternalKind, InstanceTypeDeclaration, Parser, Payload,
};
use wasmtime::{
    Result, Store, bail,
    component::{Instance, Resource, ResourceAny},
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError};
use wasmtime_wasi_http::{
    FieldMap,
    p2::{
        body::{HostFutureTrailers, HostIncomingBody, HostOutgoingBody},
        types::{
            HostFutureIncomingResponse, HostIncomingRequest, HostIncomingResponse, HostOutgoingRequest,
            HostOutgoingResponse, HostResponseOutparam,
        },
    },
};

use super::seclusion::{MARK, Seclusion};
use crate::wasm::host::Host;

/// Handles that a component may have while it is initialised. A table of handles has never had more numbers than that.
pub(super) const MOST: usize = 4_096;
/// A handle at the next free number.
const NEXT: &str = "sonagi-next-handle";
/// The handle of that number, if it is what the stream of that place in [`Probe::streams`] is.
const GIVE: &str = "sonagi-give-handle-";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standard {
    In,
    Out,
    Err,
}

impl Standard {
    const ALL: [Self; 3] = [Self::In, Self::Out, Self::Err];

    fn interface(self) -> &'static str {
        match self {
            Self::In => "wasi:cli/stdin@0.2.",
            Self::Out => "wasi:cli/stdout@0.2.",
            Self::Err => "wasi:cli/stderr@0.2.",
        }
    }

    fn function(self) -> &'static str {
        match self {
            Self::In => "get-stdin",
            Self::Out => "get-stdout",
            Self::Err => "get-stderr",
        }
    }

    fn resource(self) -> &'static str {
        match self {
            Self::In => "input-stream",
            Self::Out | Self::Err => "output-stream",
        }
    }
}

/// A standard stream that a component imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stream {
    standard: Standard,
    /// Of the interface.
    version: String,
    instance: u32,
}

/// How many there are of what the outermost component is made of, and which standard streams it imports.
#[derive(Debug, Default)]
struct Spaces {
    types: u32,
    functions: u32,
    instances: u32,
    core_functions: u32,
    core_instances: u32,
    modules: u32,
    streams: Vec<Stream>,
}

impl Spaces {
    fn read(bytes: &[u8]) -> Result<Self, BinaryReaderError> {
        let mut spaces = Self::default();
        // What the types of instances export.
        let mut offered: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            match payload {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                _ if depth != 1 => {}
                Payload::ModuleSection { .. } => spaces.modules += 1,
                Payload::InstanceSection(section) => spaces.core_instances += section.count(),
                Payload::ComponentInstanceSection(section) => spaces.instances += section.count(),
                Payload::ComponentTypeSection(section) => {
                    for kind in section {
                        if let ComponentType::Instance(declarations) = kind? {
                            let names = declarations.iter().filter_map(|declaration| match declaration {
                                InstanceTypeDeclaration::Export { name, .. } => Some(name.name),
                                InstanceTypeDeclaration::CoreType(_)
                                | InstanceTypeDeclaration::Type(_)
                                | InstanceTypeDeclaration::Alias(_) => None,
                            });
                            offered.insert(spaces.types, names.collect());
                        }
                        spaces.types += 1;
                    }
                }
                Payload::ComponentCanonicalSection(section) => {
                    for function in section {
                        match function? {
                            CanonicalFunction::Lift { .. } => spaces.functions += 1,
                            _ => spaces.core_functions += 1,
                        }
                    }
                }
                Payload::ComponentAliasSection(section) => {
                    for alias in section {
                        match alias? {
                            ComponentAlias::InstanceExport { kind, .. } => spaces.count(kind),
                            ComponentAlias::CoreInstanceExport {
                                kind: ExternalKind::Func | ExternalKind::FuncExact,
                                ..
                            } => spaces.core_functions += 1,
                            ComponentAlias::CoreInstanceExport { .. } => {}
                            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Type, .. } => {
                                spaces.types += 1;
                            }
                            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. } => {
                                spaces.modules += 1;
                            }
                            ComponentAlias::Outer { .. } => {}
                        }
                    }
                }
                Payload::ComponentImportSection(section) => {
                    for import in section {
                        let import = import?;
                        if let ComponentTypeRef::Instance(kind) = import.ty {
                            spaces.import(import.name.name, offered.get(&kind));
                        }
                        spaces.count(import.ty.kind());
                    }
                }
                Payload::ComponentExportSection(section) => {
                    for export in section {
                        spaces.count(export?.kind);
                    }
                }
                _ => {}
            }
        }
        Ok(spaces)
    }

    fn count(&mut self, kind: ComponentExternalKind) {
        match kind {
            ComponentExternalKind::Type => self.types += 1,
            ComponentExternalKind::Func => self.functions += 1,
            ComponentExternalKind::Instance => self.instances += 1,
            ComponentExternalKind::Module => self.modules += 1,
            ComponentExternalKind::Component | ComponentExternalKind::Value => {}
        }
    }

    fn import(&mut self, name: &str, offered: Option<&BTreeSet<&str>>) {
        for standard in Standard::ALL {
            let has = |item: &str| offered.is_some_and(|offered| offered.contains(item));
            if let Some(version) = name.strip_prefix(standard.interface())
                && has(standard.function())
                && has(standard.resource())
            {
                self.streams.push(Stream { standard, version: version.into(), instance: self.instances });
            }
        }
    }
}

/// Parts that are put behind all others of a component.
struct Appendix {
    bytes: Vec<u8>,
    spaces: Spaces,
}

impl Appendix {
    fn new(bytes: &[u8]) -> Result<Self, BinaryReaderError> {
        Ok(Self { bytes: bytes.into(), spaces: Spaces::read(bytes)? })
    }

    fn alias(&mut self, instance: u32, kind: ComponentExportKind, name: &str) -> u32 {
        let mut section = ComponentAliasSection::new();
        section.alias(Alias::InstanceExport { instance, kind, name });
        section.append_to_component(&mut self.bytes);
        let space = match kind {
            ComponentExportKind::Func => &mut self.spaces.functions,
            _ => &mut self.spaces.types,
        };
        next(space)
    }

    fn types(&mut self, define: impl FnOnce(&mut ComponentTypeSection)) -> u32 {
        let mut section = ComponentTypeSection::new();
        define(&mut section);
        section.append_to_component(&mut self.bytes);
        next(&mut self.spaces.types)
    }

    /// A resource of which nobody else knows.
    fn filler(&mut self) -> u32 {
        self.types(|section| {
            section.resource(ValType::I32, None);
        })
    }

    fn core(&mut self, define: impl FnOnce(&mut CanonicalFunctionSection)) -> u32 {
        let mut section = CanonicalFunctionSection::new();
        define(&mut section);
        section.append_to_component(&mut self.bytes);
        next(&mut self.spaces.core_functions)
    }

    /// An instance of the module, which imports these functions by their places.
    fn instance(&mut self, module: &Module, imports: &[u32]) -> u32 {
        ModuleSection(module).append_to_component(&mut self.bytes);
        let module = next(&mut self.spaces.modules);
        let lent = next(&mut self.spaces.core_instances);
        let items: Vec<_> = (0..)
            .zip(imports)
            .map(|(place, &function): (u32, _)| (place.to_string(), ExportKind::Func, function))
            .collect();
        let mut section = InstanceSection::new();
        section.export_items(items);
        section.instantiate(module, [("", ModuleArg::Instance(lent))]);
        section.append_to_component(&mut self.bytes);
        next(&mut self.spaces.core_instances)
    }

    fn export(&mut self, instance: u32, function: &str, kind: u32, name: &str) {
        let mut section = ComponentAliasSection::new();
        section.alias(Alias::CoreInstanceExport { instance, kind: ExportKind::Func, name: function });
        section.append_to_component(&mut self.bytes);
        let core = next(&mut self.spaces.core_functions);
        let mut section = CanonicalFunctionSection::new();
        section.lift(core, kind, NO_OPTIONS);
        section.append_to_component(&mut self.bytes);
        let lifted = next(&mut self.spaces.functions);
        let mut section = ComponentExportSection::new();
        section.export(name, ComponentExportKind::Func, lifted, None);
        section.append_to_component(&mut self.bytes);
        self.spaces.functions += 1;
    }
}

const NO_OPTIONS: [CanonicalOption; 0] = [];

fn next(space: &mut u32) -> u32 {
    *space += 1;
    *space - 1
}

/// A component whose table of handles can be read.
pub(super) struct Probe {
    pub(super) component: Vec<u8>,
    streams: Vec<Stream>,
}

/// The table of handles: what is at each number. None is free.
pub(super) type Held = BTreeMap<u32, Stream>;

impl Probe {
    pub(super) fn new(bytes: &[u8]) -> Result<Self, BinaryReaderError> {
        let mut appendix = Appendix::new(bytes)?;
        let streams = appendix.spaces.streams.clone();
        let filler = appendix.filler();
        let new = appendix.core(|section| {
            section.resource_new(filler);
        });
        let instance = appendix.instance(&reader(), &[new]);
        let kind = appendix.types(|section| {
            let none: [(&str, ComponentValType); 0] = [];
            section.function().params(none).result(Some(PrimitiveValType::U32.into()));
        });
        appendix.export(instance, "next", kind, NEXT);
        for (place, stream) in streams.iter().enumerate() {
            let resource =
                appendix.alias(stream.instance, ComponentExportKind::Type, stream.standard.resource());
            let own = appendix.types(|section| section.defined_type().own(resource));
            let kind = appendix.types(|section| {
                let number = [("number", ComponentValType::from(PrimitiveValType::U32))];
                section.function().params(number).result(Some(ComponentValType::Type(own)));
            });
            appendix.export(instance, "give", kind, &format!("{GIVE}{place}"));
        }
        Ok(Self { component: appendix.bytes, streams })
    }

    /// Reads the table, which is of no more use then. Fails, in words for who deploys, if something cannot be had again.
    pub(super) async fn read(
        &self,
        store: &mut Store<Host>,
        instance: &Instance,
        seclusion: &Seclusion,
    ) -> Result<Held> {
        // All numbers that are free come first, and there were never more than `MOST`.
        store.set_max_component_handles(2 * MOST + 2);
        let next = instance.get_typed_func::<(), (u32,)>(&mut *store, NEXT)?;
        let mut free = BTreeSet::new();
        for _ in 0..=MOST {
            free.insert(next.call_async(&mut *store, ()).await?.0);
        }
        let last = free.last().copied().unwrap_or(0);
        let mut held = Held::new();
        let mut others = 0;
        for number in (1..last).filter(|number| !free.contains(number)) {
            match self.stream(store, instance, seclusion, number).await? {
                Some(stream) => {
                    held.insert(number, stream);
                }
                None => others += 1,
            }
        }
        if others > 0 {
            bail!("it holds {}", names(store, others));
        }
        Ok(held)
    }

    async fn stream(
        &self,
        store: &mut Store<Host>,
        instance: &Instance,
        seclusion: &Seclusion,
        number: u32,
    ) -> Result<Option<Stream>> {
        for (place, stream) in self.streams.iter().enumerate() {
            let give =
                instance.get_typed_func::<(u32,), (ResourceAny,)>(&mut *store, format!("{GIVE}{place}"))?;
            // Fails if it is of another kind.
            let Ok((handle,)) = give.call_async(&mut *store, (number,)).await else { continue };
            let standard = match stream.standard {
                Standard::In => at_its_end(store, handle)?.then_some(Standard::In),
                Standard::Out | Standard::Err => output(store, handle, seclusion)?,
            };
            let Some(standard) = standard else { return Ok(None) };
            let same = |other: &&Stream| other.standard == standard && other.version == stream.version;
            return Ok(self.streams.iter().find(same).cloned());
        }
        Ok(None)
    }
}

/// Whether nothing will ever be read there, which is what standard input is in every instance.
fn at_its_end(store: &mut Store<Host>, handle: ResourceAny) -> Result<bool> {
    let resource: Resource<DynInputStream> = handle.try_into_resource(&mut *store)?;
    let stream = store.data_mut().table.get_mut(&resource)?;
    let ended = matches!(stream.read(1), Err(StreamError::Closed));
    forget(store, resource, ended);
    Ok(ended)
}

/// Which of the standard streams it is, if any.
fn output(store: &mut Store<Host>, handle: ResourceAny, seclusion: &Seclusion) -> Result<Option<Standard>> {
    let resource: Resource<DynOutputStream> = handle.try_into_resource(&mut *store)?;
    let stream = store.data_mut().table.get_mut(&resource)?;
    let before = seclusion.marks();
    let line = Bytes::from(format!("{MARK}\n"));
    if stream.check_write().is_ok_and(|most| most >= line.len()) {
        // A stream that refuses it is not one of ours.
        let _ = stream.write(line);
    }
    let after = seclusion.marks();
    let standard = match (after.out > before.out, after.err > before.err) {
        (true, false) => Some(Standard::Out),
        (false, true) => Some(Standard::Err),
        _ => None,
    };
    forget(store, resource, standard.is_some());
    Ok(standard)
}

/// Takes what is known out of the table, for the rest to be named.
fn forget<T: 'static>(store: &mut Store<Host>, resource: Resource<T>, known: bool) {
    if known {
        // It may have children, which are named then.
        let _ = store.data_mut().table.delete(resource);
    }
}

/// What there is in our own table.
fn names(store: &mut Store<Host>, handles: usize) -> String {
    let mut names = BTreeSet::new();
    for entry in store.data_mut().table.iter_mut() {
        names.insert(name(entry));
    }
    if names.is_empty() {
        return format!("{handles} of its own resources");
    }
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn name(entry: &(dyn Any + Send)) -> &'static str {
    let known: [(bool, &str); 13] = [
        (entry.is::<FieldMap>(), "fields"),
        (entry.is::<HostIncomingRequest>(), "incoming-request"),
        (entry.is::<HostIncomingResponse>(), "incoming-response"),
        (entry.is::<HostIncomingBody>(), "incoming-body"),
        (entry.is::<HostOutgoingRequest>(), "outgoing-request"),
        (entry.is::<HostOutgoingResponse>(), "outgoing-response"),
        (entry.is::<HostOutgoingBody>(), "outgoing-body"),
        (entry.is::<HostResponseOutparam>(), "response-outparam"),
        (entry.is::<HostFutureIncomingResponse>(), "future-incoming-response"),
        (entry.is::<HostFutureTrailers>(), "future-trailers"),
        (entry.is::<DynInputStream>(), "input-stream"),
        (entry.is::<DynOutputStream>(), "output-stream"),
        (entry.is::<DynPollable>(), "pollable"),
    ];
    known.into_iter().find_map(|(is, name)| is.then_some(name)).unwrap_or("a resource of another kind")
}

/// `next: func() -> u32` and `give: func(u32) -> u32`.
fn reader() -> Module {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([], [ValType::I32]);
    let mut imports = ImportSection::new();
    imports.import("", "0", EntityType::Function(0));
    let mut functions = FunctionSection::new();
    functions.function(1).function(0);
    let mut exports = ExportSection::new();
    exports.export("next", ExportKind::Func, 1).export("give", ExportKind::Func, 2);
    let mut next = Function::new([]);
    next.instructions().i32_const(0).call(0).end();
    let mut give = Function::new([]);
    give.instructions().local_get(0).end();
    let mut code = CodeSection::new();
    code.function(&next).function(&give);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
    module
}

/// The component, of which every instance begins with `held`.
pub(super) fn restore(bytes: Vec<u8>, held: &Held) -> Result<Vec<u8>, BinaryReaderError> {
    let Some(&last) = held.keys().next_back() else { return Ok(bytes) };
    let mut appendix = Appendix::new(&bytes)?;
    drop(bytes);
    let filler = appendix.filler();
    let mut imports = vec![
        appendix.core(|section| {
            section.resource_new(filler);
        }),
        appendix.core(|section| {
            section.resource_drop(filler);
        }),
    ];
    // The place of what makes each number, in order.
    let mut makers: Vec<u32> = Vec::new();
    for number in 1..=last {
        let Some(stream) = held.get(&number) else {
            makers.push(0);
            continue;
        };
        let function = appendix.alias(stream.instance, ComponentExportKind::Func, stream.standard.function());
        makers.push(imports.len() as u32);
        imports.push(appendix.core(|section| {
            section.lower(function, NO_OPTIONS);
        }));
    }
    let module = opener(&makers, imports.len());
    appendix.instance(&module, &imports);
    Ok(appendix.bytes)
}

/// Opens what `makers` say and traps if it is not at the numbers from 1 on.
fn opener(makers: &[u32], imports: usize) -> Module {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([ValType::I32], []);
    types.ty().function([], [ValType::I32]);
    types.ty().function([], []);
    let mut imported = ImportSection::new();
    for place in 0..imports {
        let kind = place.min(2) as u32;
        imported.import("", &place.to_string(), EntityType::Function(kind));
    }
    let mut functions = FunctionSection::new();
    functions.function(3);
    let mut start = Function::new([]);
    for (number, &maker) in (1..).zip(makers) {
        let mut code = start.instructions();
        if maker == 0 {
            code.i32_const(0);
        }
        code.call(maker).i32_const(number).i32_ne().if_(wasm_encoder::BlockType::Empty).unreachable().end();
    }
    for (number, &maker) in (1..).zip(makers) {
        if maker == 0 {
            start.instructions().i32_const(number).call(1);
        }
    }
    start.instructions().end();
    let mut code = CodeSection::new();
    code.function(&start);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imported)
        .section(&functions)
        .section(&StartSection { function_index: imports as u32 })
        .section(&code);
    module
}
