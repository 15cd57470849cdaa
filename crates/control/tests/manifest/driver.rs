//! What functions run in, in both kinds of manifest.

use sonagi_model::function::DriverChoice;

use crate::support::{App, native, sam};

fn driver(app: &App) -> DriverChoice {
    app.load().unwrap_or_else(|error| panic!("{error}")).functions[0].function.driver
}

#[test]
fn a_function_or_a_whole_app_asks_for_microvms() {
    let common = "[defaults]\ndriver = \"microvm\"\n";
    assert_eq!(driver(&native("", "python3.11", "")), DriverChoice::Usual);
    assert_eq!(driver(&native("", "python3.11", "driver = \"microvm\"")), DriverChoice::Microvm);
    let snapshot = "driver = \"microvm-snapshot\"";
    assert_eq!(driver(&native("", "python3.11", snapshot)), DriverChoice::MicrovmSnapshot);
    assert_eq!(driver(&native(common, "python3.11", "")), DriverChoice::Microvm);
    assert_eq!(driver(&native(common, "python3.11", snapshot)), DriverChoice::MicrovmSnapshot);
    assert_eq!(driver(&native(common, "python3.11", "driver = \"usual\"")), DriverChoice::Usual);
    // What is common to an app is not for its components.
    assert_eq!(driver(&native(common, "wasm", "")), DriverChoice::Usual);

    assert_eq!(driver(&sam("python3.11", "")), DriverChoice::Usual);
    let microvm = "    Metadata:\n      Sonagi:\n        Driver: microvm\n";
    assert_eq!(driver(&sam("python3.11", microvm)), DriverChoice::Microvm);
}

#[test]
fn what_is_no_driver_is_a_problem_with_its_line() {
    assert_eq!(
        native("", "python3.11", "driver = \"microvn\"").problems(),
        [
            "3:10: `driver` is \"microvn\", which is not one of usual, microvm, microvm-snapshot (did you mean microvm?)"
        ]
    );
    assert!(
        native("", "wasm", "driver = \"microvm\"").problems()[0]
            .contains("a WebAssembly function has no `driver`")
    );
    let metadata = "    Metadata:\n      Sonagi:\n        Driver: firecracker\n";
    assert!(sam("python3.11", metadata).problems()[0].contains("`Driver` is \"firecracker\""));
    let metadata = "    Metadata:\n      Sonagi:\n        Driver: microvm\n";
    let problems = sam("provided.wasm", metadata).problems();
    assert!(
        problems.iter().any(|problem| problem.contains("a WebAssembly function has no `Driver`")),
        "{problems:?}"
    );
}
