//! Apps of WebAssembly functions, as folders that can be deployed.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

const HELLO: &str = include_str!("../../../tests/fixtures/wasm/hello.wat");
const GUEST: &str = include_str!("../../../tests/fixtures/wasm/guest.wat");

/// Answers `Hello from wasm`.
pub(super) fn hello() -> Result<Vec<u8>> {
    Ok(wat::parse_str(HELLO)?)
}

/// Does as its path says: waits, computes, allocates.
pub(super) fn guest() -> Result<Vec<u8>> {
    Ok(wat::parse_str(GUEST)?)
}

/// [`hello`] that computes for some milliseconds at its first request, and remembers that it has.
pub(super) fn slow_to_begin() -> Result<Vec<u8>> {
    const BEGINNING: &str = "(func (;10;) (type 2) (param i32 i32)\n      (local i32 i32 i32)\n";
    const WORK: &str = "
      (local i32)
      (if (i32.eqz (i32.load (i32.const 4096))) (then
        (loop $again
          (i32.store (i32.const 4096) (i32.add (i32.load (i32.const 4096)) (i32.const 1)))
          (local.set 5 (i32.add (local.get 5) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get 5) (i32.const 4000000))))))
";
    let (before, after) = HELLO.split_once(BEGINNING).context("hello.wat has another shape")?;
    Ok(wat::parse_str(format!("{before}{BEGINNING}{WORK}{after}"))?)
}

/// The same component with a custom section of its own, so that it is compiled and loaded by itself.
pub(super) fn salted(component: &[u8], salt: usize) -> Vec<u8> {
    const NAME: &[u8] = b"salt";
    let salt = salt.to_le_bytes();
    let mut salted = component.to_vec();
    let size = 1 + NAME.len() + salt.len();
    salted.extend([0, size as u8, NAME.len() as u8]);
    salted.extend(NAME);
    salted.extend(salt);
    salted
}

/// One function of an app, at the path of its name.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) component: Vec<u8>,
    /// Further lines of its table.
    pub(super) more: &'static str,
}

impl Function {
    pub(super) fn new(name: impl Into<String>, component: Vec<u8>) -> Self {
        Self { name: name.into(), component, more: "" }
    }

    pub(super) fn with(self, more: &'static str) -> Self {
        Self { more, ..self }
    }
}

/// Writes an app whose functions answer everything at and below `/<name>`, and the only one everything at all.
pub(super) fn write(folder: &Path, app: &str, functions: &[Function]) -> Result<PathBuf> {
    let folder = folder.join(app);
    fs::create_dir_all(&folder)?;
    let mut manifest = format!("app = \"{app}\"\n");
    for Function { name, component, more } in functions {
        fs::write(folder.join(format!("{name}.wasm")), component)?;
        let route = if functions.len() == 1 { "$default".into() } else { format!("GET /{name}") };
        write!(
            manifest,
            "[function.{name}]\nruntime = \"wasm\"\ncode = \"{name}.wasm\"\nroutes = [\"{route}\"]\n\
             config = {{ greeting = \"Hello\" }}\n{more}\n"
        )?;
    }
    fs::write(folder.join("sonagi.toml"), manifest)?;
    Ok(folder)
}
