//! Provisioned concurrency, in both kinds of manifest.

use crate::support::App;

fn native(keys: &str) -> App {
    App::new("shop")
        .with("hello/app.py", "")
        .with("sonagi.toml", &format!("[function.hello]\nruntime = \"python3.11\"\n{keys}\n"))
}

fn sam(properties: &str) -> App {
    let text = format!(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Hello:\n    Type: AWS::Serverless::Function\n    \
         Properties:\n      CodeUri: hello\n      Handler: app.handler\n      Runtime: python3.11\n{properties}"
    );
    App::new("shop").with("hello/app.py", "").with("template.yaml", &text)
}

fn provisioned(app: &App) -> Option<u32> {
    let manifest = app.load().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(manifest.notes, []);
    manifest.functions[0].function.provisioned_concurrency
}

#[test]
fn a_manifest_says_how_many_environments_are_ready() {
    assert_eq!(provisioned(&native("")), None);
    assert_eq!(provisioned(&native("provisioned_concurrency = 3")), Some(3));
    assert_eq!(provisioned(&native("provisioned_concurrency = 3\nreserved_concurrency = 3")), Some(3));
    let properties = "      AutoPublishAlias: live\n      ProvisionedConcurrencyConfig:\n        \
                      ProvisionedConcurrentExecutions: 2\n";
    assert_eq!(provisioned(&sam(properties)), Some(2));
    let globals = "Globals:\n  Function:\n    AutoPublishAlias: live\n    ProvisionedConcurrencyConfig: \
                   {ProvisionedConcurrentExecutions: 4}\n";
    assert_eq!(provisioned(&sam(globals)), Some(4));
}

#[test]
fn what_cannot_be_provisioned_is_a_problem_with_its_line() {
    assert_eq!(
        native("provisioned_concurrency = 0").problems(),
        ["3:27: `provisioned_concurrency` must be a whole number from 1 to 100000 environments, not 0"]
    );
    assert_eq!(
        native("provisioned_concurrency = 3\nreserved_concurrency = 2").problems(),
        ["3:27: 3 environments are provisioned, and 2 invocations may run at once (reserve as many as are \
          provisioned, or more)"]
    );
    assert!(
        native("provisioned_concurency = 3").problems()[0]
            .contains("did you mean `provisioned_concurrency`?")
    );
    let config = "      ProvisionedConcurrencyConfig:\n        ProvisionedConcurrentExecutions: 2\n";
    let problems = sam(config).problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains("is for what is published") && problems[0].contains("AutoPublishAlias: live")
    );
    let alias = "      AutoPublishAlias: live\n      ProvisionedConcurrencyConfig: {}\n";
    assert!(sam(alias).problems()[0].contains("has no `ProvisionedConcurrentExecutions`"));
    let unknown = "      AutoPublishAlias: live\n      ProvisionedConcurrencyConfig: \
                   {ProvisionedConcurrentExecution: 2}\n";
    assert!(sam(unknown).problems().iter().any(|problem| problem.contains("did you mean")));
}

#[test]
fn a_snapshot_and_provisioned_concurrency_exclude_each_other() {
    let app = App::new("shop").with("hello/function.wasm", "(component)").with(
        "sonagi.toml",
        "[function.hello]\nruntime = \"wasm\"\nsnapshot_start = true\nprovisioned_concurrency = 1\n",
    );
    let problems = app.problems();
    assert!(problems.iter().any(|problem| problem.contains("choose one of the two")), "{problems:?}");
}
