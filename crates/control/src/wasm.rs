//! What a WebAssembly function may ask for, whoever asks: a manifest, a release, a call of Lambda's API.
//!
//! Every check returns the text of what is wrong and what to do.

use std::collections::BTreeMap;

use sonagi_model::{
    function::{DriverChoice, Function, Network, OutboundRule, Reuse, Runtime, WasiVersion, Wasm, WasmStart},
    limits,
};

/// What is usually the name of the component's file in its package.
pub(crate) const USUAL_HANDLER: &str = "function.wasm";

pub(crate) type Check = Result<(), String>;

/// Everything, of a function as a release holds it.
pub(crate) fn check(function: &Function) -> Check {
    let Some(wasm) = &function.wasm else {
        return match function.runtime {
            Runtime::Wasm => Err("a function with the runtime provided.wasm must have `wasm`".into()),
            Runtime::Python { .. } | Runtime::Nodejs { .. } | Runtime::Provided(_) => Ok(()),
        };
    };
    if function.runtime != Runtime::Wasm {
        return Err(format!(
            "`wasm` is for the runtime provided.wasm, and this one's is {}",
            function.runtime
        ));
    }
    handler(&function.handler)?;
    if function.network != Network::None {
        return Err("a WebAssembly function has no network: what it may reach is in `outbound`".into());
    }
    if function.driver != DriverChoice::Usual {
        return Err("a WebAssembly function has no `driver`: it runs in the server's process".into());
    }
    if function.ephemeral_storage != limits::EPHEMERAL_STORAGE_MIN {
        return Err(NO_STORAGE.into());
    }
    start(wasm)?;
    let Wasm { wasi: _, start: _, reuse: asked, config: entries, keyvalue, outbound: rules } = wasm;
    asked.as_ref().map_or(Ok(()), reuse)?;
    config(entries)?;
    stores(keyvalue)?;
    outbound(rules)
}

pub(crate) const NO_STORAGE: &str =
    "a WebAssembly function has no /tmp, so the size of its ephemeral storage stays at 512 MB: leave it out";

/// A plain path, so that it means the same file in a folder and in a zip.
pub(crate) fn handler(text: &str) -> Check {
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    let stem = text.strip_suffix(".wasm").map(|stem| stem.rsplit('/').next().unwrap_or_default());
    let fits = stem.is_some_and(|stem| !stem.is_empty())
        && text.split('/').all(plain)
        && !text.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control());
    if fits {
        return Ok(());
    }
    Err(format!(
        "the handler {text:?} names no component: write the path of its file in the package, such as \
         {USUAL_HANDLER:?}"
    ))
}

fn reuse(reuse: &Reuse) -> Check {
    let Reuse { requests, age, memory } = *reuse;
    for (what, value, most, unit) in [
        ("requests", requests, limits::REUSE_REQUESTS_MAX, ""),
        ("age", age, limits::REUSE_AGE_MAX, " s"),
        ("memory", memory, limits::REUSE_MEMORY_MAX, " MB"),
    ] {
        if !(1..=most).contains(&value) {
            return Err(format!("the {what} of `reuse` is {value}{unit}; it must be from 1 to {most}"));
        }
    }
    Ok(())
}

/// Wizer, which takes snapshots, knows components of WASI 0.2.
pub(crate) fn start(wasm: &Wasm) -> Check {
    match (wasm.wasi, wasm.start) {
        (WasiVersion::P3, WasmStart::Snapshot) => {
            Err("a snapshot can be taken of a component of WASI 0.2 only, and this function says 0.3".into())
        }
        (WasiVersion::P2, _) | (WasiVersion::P3, WasmStart::Fresh) => Ok(()),
    }
}

pub(crate) fn config(entries: &BTreeMap<String, String>) -> Check {
    let (most, size) = (limits::WASM_CONFIG_ENTRIES, limits::WASM_CONFIG_SIZE);
    if entries.len() > most {
        return Err(format!("the configuration has {} entries, and the most is {most}", entries.len()));
    }
    if entries.contains_key("") {
        return Err("a key of the configuration is empty".into());
    }
    let bytes: usize = entries.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > size {
        return Err(format!("the configuration holds {bytes} bytes, and the limit is {size}"));
    }
    Ok(())
}

fn stores(names: &[String]) -> Check {
    store_count(names.len())?;
    names.iter().try_for_each(|name| store(name))
}

pub(crate) fn store_count(count: usize) -> Check {
    let most = limits::WASM_KEYVALUE_STORES;
    if count <= most { Ok(()) } else { Err(format!("{count} key-value stores, and the most is {most}")) }
}

pub(crate) fn store(name: &str) -> Check {
    let most = limits::WASM_STORE_NAME;
    let fits = (1..=most).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if fits {
        return Ok(());
    }
    Err(format!("{name:?} cannot name a key-value store: 1 to {most} letters, digits, `.`, `-` and `_`"))
}

fn outbound(rules: &[OutboundRule]) -> Check {
    rule_count(rules.len())
}

pub(crate) fn rule_count(count: usize) -> Check {
    let most = limits::WASM_OUTBOUND_RULES;
    if count <= most {
        return Ok(());
    }
    Err(format!("{count} rules of where outbound requests may go, and the most is {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_a_plain_path_of_a_component() {
        for text in ["function.wasm", "a/b-c/d.wasm", "x.y.wasm", "소나기.wasm"] {
            assert_eq!(handler(text), Ok(()));
        }
        for text in [
            "",
            "a",
            ".wasm",
            "a/.wasm",
            "/a.wasm",
            "../a.wasm",
            "a/../b.wasm",
            "./a.wasm",
            "a//b.wasm",
            "a.wasm/",
            "a\\b.wasm",
            "a b.wasm",
            "a\0.wasm",
            "a.wat",
            "app.handler",
        ] {
            assert!(handler(text).is_err(), "{text:?}");
        }
    }
}
