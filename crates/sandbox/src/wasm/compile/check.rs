//! What can be told of a component before anything is compiled, in words for whoever built it.

use sonagi_model::{function::WasiVersion, limits};

use super::{
    offers,
    order::Order,
    outline::{self, Extern, Kind, Named, Outline, Unreadable},
};

const MIB: u64 = 1 << 20;
/// How many names a text lists.
const LISTED: usize = 12;

/// The outline of a component that may be compiled, or why it may not be.
pub(super) fn check(bytes: &[u8], order: &Order) -> Result<Outline, String> {
    recognise(bytes)?;
    let outline = outline::read(bytes, limits::COMPONENT_DEPTH, limits::COMPONENT_NAMES).map_err(|error| {
        let (size, depth) = (bytes.len(), limits::COMPONENT_DEPTH);
        match error {
            Unreadable::Truncated => format!(
                "the component ends in the middle, after {size} bytes: it was not copied or written whole. Build it again"
            ),
            Unreadable::TooDeep => {
                format!("the component nests components and modules more than {depth} deep, which is the most")
            }
            Unreadable::Malformed(text) => format!("this is not a valid component: {text}. Build it again"),
        }
    })?;
    count("imports", outline.import_count)?;
    count("exports", outline.export_count)?;
    handler(&outline, order.wasi)?;
    for import in &outline.imports {
        if let Some(refusal) = offers::refusal(&import.name, order.wasi) {
            return Err(refusal);
        }
        if import.kind != Extern::Instance {
            return Err(format!(
                "the component imports `{}`, which is no interface. Offered are the interfaces of {}",
                import.name,
                offers::packages(order.wasi)
            ));
        }
    }
    fits(&outline)?;
    memory(outline.memory, order.memory)?;
    Ok(outline)
}

/// Whether the function has the memory that the component has before it runs.
pub(crate) fn memory(bytes: u64, function: u32) -> Result<(), String> {
    let needed = bytes.div_ceil(MIB);
    if needed > u64::from(function) {
        return Err(format!(
            "the component has {needed} MiB of memory before it runs, and the function may use {function} MiB: set \
             `memory` to more than {needed}"
        ));
    }
    Ok(())
}

fn recognise(bytes: &[u8]) -> Result<(), String> {
    Err(match outline::kind(bytes) {
        Kind::Component => return Ok(()),
        Kind::Module => "this is a core WebAssembly module, and a component is due. The language's component tool makes \
                         one (`cargo build --target wasm32-wasip2`, `componentize-py`, `jco componentize`), or \
                         `wasm-tools component new` makes one of this module"
            .into(),
        Kind::Unknown => {
            "this is WebAssembly of a version that is not known here: build the component with newer or older tools".into()
        }
        Kind::Empty => "the component's file is empty: build it again".into(),
        Kind::Text => "this is WebAssembly as text, and a component is binary: `wasm-tools parse` makes one of it".into(),
        Kind::Native => "this is a program or a library for a machine, and no WebAssembly component. Deploy the component \
                         itself: it is compiled here"
            .into(),
        Kind::Other => "this is no WebAssembly component: the file does not begin like one".into(),
    })
}

fn count(what: &str, count: usize) -> Result<(), String> {
    let most = limits::COMPONENT_NAMES;
    if count > most {
        return Err(format!("the component has {count} {what}, and {most} are the most"));
    }
    Ok(())
}

/// Whether the component exports what requests are given to.
fn handler(outline: &Outline, wasi: WasiVersion) -> Result<(), String> {
    const P2: &str = "wasi:http/incoming-handler";
    const P3: &str = "wasi:http/handler";
    let versions = |interface: &str| -> Vec<&str> {
        outline
            .exports
            .iter()
            .filter(|export| export.kind == Extern::Instance)
            .filter_map(|export| export.name.strip_prefix(interface)?.strip_prefix('@'))
            .collect()
    };
    let (old, new) = (versions(P2), versions(P3));
    let old_works = old.iter().find(|version| offers::is_of(version, "0.2"));
    let new_works = new.iter().find(|version| offers::is_of(version, "0.3"));
    match (wasi, old_works, new_works) {
        (WasiVersion::P2, Some(_), _) | (WasiVersion::P3, _, Some(_)) => return Ok(()),
        (WasiVersion::P2, None, Some(version)) => {
            return Err(format!(
                "the component exports `{P3}@{version}`. Support for 0.3 is experimental and asked for: say `wasi = \
                 \"0.3\"` in the function's settings, or build the component for `{P2}` of 0.2.x"
            ));
        }
        (WasiVersion::P3, Some(version), None) => {
            return Err(format!(
                "the component exports `{P2}@{version}`, and the function says `wasi = \"0.3\"`, which asks for \
                 `{P3}` of 0.3.x: leave `wasi` out"
            ));
        }
        (_, None, None) => {}
    }
    let works = format!("`{P2}` of 0.2.x works, and `{P3}` of 0.3.x with `wasi = \"0.3\"`");
    if let Some((interface, version)) =
        old.first().map(|version| (P2, version)).or_else(|| new.first().map(|version| (P3, version)))
    {
        return Err(format!(
            "the component exports `{interface}@{version}`, a version that does not work here: {works}"
        ));
    }
    let exports = match outline.exports.as_slice() {
        [] => "It exports nothing".to_owned(),
        exports => format!("It exports {}", list(exports)),
    };
    Err(format!(
        "the component does not export `{P2}`, which requests are given to: {works}. {exports}. Build it for the world \
         `wasi:http/proxy`"
    ))
}

/// Whether it fits into the slot of one instance, as far as that can be told here.
fn fits(outline: &Outline) -> Result<(), String> {
    let parts = [
        ("core instances", outline.core_instances, u64::from(limits::WASM_CORE_INSTANCES)),
        ("memories", outline.memories, u64::from(limits::WASM_MEMORIES)),
        ("tables", outline.tables, u64::from(limits::WASM_TABLES)),
    ];
    for (what, count, most) in parts {
        if count > most {
            return Err(format!("the component has {count} {what}, and {most} are the most"));
        }
    }
    let most = limits::WASM_TABLE_ELEMENTS as u64;
    if outline.table > most {
        return Err(format!(
            "the component has a table of {} elements, and {most} are the most",
            outline.table
        ));
    }
    Ok(())
}

fn list(names: &[Named]) -> String {
    let mut listed: Vec<String> =
        names.iter().take(LISTED).map(|named| format!("`{}`", named.name)).collect();
    if names.len() > LISTED {
        listed.push(format!("and {} more", names.len() - LISTED));
    }
    listed.join(", ")
}
