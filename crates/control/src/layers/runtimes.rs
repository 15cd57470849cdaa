//! The runtimes that a layer may say it is for (the API model's `Runtime`): more than Sonagi has, since a layer of
//! another's is kept as it is.

use sonagi_model::function::Runtime;

/// Those that Sonagi does not run.
const OTHERS: [&str; 33] = [
    "nodejs",
    "nodejs4.3",
    "nodejs4.3-edge",
    "nodejs6.10",
    "nodejs8.10",
    "nodejs10.x",
    "nodejs12.x",
    "nodejs14.x",
    "nodejs16.x",
    "nodejs26.x",
    "java8",
    "java8.al2",
    "java11",
    "java17",
    "java21",
    "java25",
    "python2.7",
    "python3.6",
    "python3.7",
    "python3.15",
    "dotnetcore1.0",
    "dotnetcore2.0",
    "dotnetcore2.1",
    "dotnetcore3.1",
    "dotnet6",
    "dotnet8",
    "dotnet10",
    "go1.x",
    "ruby2.5",
    "ruby2.7",
    "ruby3.2",
    "ruby3.3",
    "ruby3.4",
];

/// All of them.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let lambdas = Runtime::ALL.into_iter().filter(|runtime| *runtime != Runtime::Wasm);
    OTHERS.map(str::to_owned).into_iter().chain(lambdas.map(|runtime| runtime.to_string()))
}

pub(crate) fn is_runtime(text: &str) -> bool {
    names().any(|runtime| runtime == text)
}
