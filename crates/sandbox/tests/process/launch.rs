//! The program's children, alone, for tests: the launcher, and the compiler where its word is given.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == sonagi_sandbox::wasm::compile::WORD) {
        return sonagi_sandbox::wasm::compile::main();
    }
    sonagi_sandbox::launcher::main()
}
