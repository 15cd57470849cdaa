//! The project's own chores: `cargo xtask test`, `cargo xtask bench`, `cargo xtask conformance`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program")]
#![expect(clippy::disallowed_methods, reason = "a terminal program reads its environment and the clock")]

mod bench;
mod conformance;
mod shell;
mod test;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask CHORE

  test            what must pass before anything lands: installs what is missing (and says so), then
                  formatting, lints, and every test of the workspace
  test FILTER     only the tests whose names contain FILTER, without formatting and lints
  tools           only install what the tests need
  bench [NAME] [--quick] [--guests DIR]
                  measure what docs/performance.md claims and rewrite its tables; NAME is one of invoke, cold,
                  records, idle and wasm, or of wasm-requests, wasm-first, wasm-turns, wasm-neighbours, wasm-live
                  and wasm-snapshot. --quick only shows that all works, and writes nothing. DIR holds rust.wasm,
                  go.wasm, c.wasm, js.wasm or python.wasm, for languages whose tool is missing
  conformance dynamodb --suite PATH
                  run a checkout of the public suite nubo-db/dynamodb-conformance, and write the score into
                  docs/compatibility.md
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => test::everything(),
        ["test", filter] => test::some(filter),
        ["tools"] => tools::ensure().map(drop),
        ["bench", words @ ..] => bench::run(words),
        ["conformance", words @ ..] => conformance::run(words),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
