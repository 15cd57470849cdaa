//! What several functions share lies in layers, which they find at `/opt`.

use serde_json::{Value, json};
use sonagi_harness::{App, Script, World};

#[tokio::test(flavor = "multi_thread")]
async fn boto3_does_all_of_lambdas_api_for_layers() {
    let world = World::start().await;
    Script::python("boto3_layers.py", world.platform(), &[]).await.passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_publishes_a_layer_and_gives_it_to_a_function() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, files: &[(&str, &[u8])]| {
        let path = folder.path().join(name);
        std::fs::write(&path, crate::bad_input::zip(files)).unwrap();
        format!("fileb://{}", path.display())
    };
    let layer = write("layer.zip", &[("python/words.py", b"WORD = 'shower'\n")]);
    let code = write(
        "code.zip",
        &[("app.py", b"import words\ndef handler(event, context):\n    return words.WORD\n")],
    );
    let aws = async |arguments: &[&str]| {
        let said = Script::aws(world.platform(), &[&["lambda"], arguments].concat()).await.passed().stdout;
        serde_json::from_str::<Value>(&said).unwrap_or_default()
    };
    let published = aws(&[
        "publish-layer-version",
        "--layer-name",
        "words",
        "--zip-file",
        &layer,
        "--compatible-runtimes",
        "python3.11",
    ])
    .await;
    let arn = published["LayerVersionArn"].as_str().unwrap();
    let role = "arn:aws:iam::000000000000:role/tests";
    let made = aws(&[
        "create-function",
        "--function-name",
        "speaks",
        "--runtime",
        "python3.11",
        "--handler",
        "app.handler",
        "--role",
        role,
        "--zip-file",
        &code,
        "--layers",
        arn,
    ])
    .await;
    assert_eq!(made["Layers"][0]["Arn"], arn);
    assert_eq!(world.invoke("speaks", "{}").await.json(), "shower");
    let by_arn = aws(&["get-layer-version-by-arn", "--arn", arn]).await;
    assert_eq!(by_arn["Content"]["CodeSha256"], published["Content"]["CodeSha256"]);
    let updated = aws(&["update-function-configuration", "--function-name", "speaks", "--layers"]).await;
    assert_eq!(updated["Layers"], Value::Null);
    let gone = world.invoke("speaks", "{}").await;
    assert!(gone.text().contains("No module named 'words'"), "{}", gone.text());
}

const NATIVE: &str = "\
app = \"shop\"
[layer.words]
code = \"shared/words\"
runtimes = [\"python3.11\"]
[layer.tools]
[function.speaks]
runtime = \"python3.11\"
layers = [\"words\", \"tools\"]
routes = [\"GET /\"]
[function.other]
runtime = \"nodejs20.x\"
layers = [\"tools\"]
";

fn shop() -> App {
    App::new(NATIVE)
        .file("shared/words/python/words.py", "WORD = 'rain'\n")
        .executable("tools/bin/greet", "#!/bin/sh\necho hello $1\n")
        .file(
            "speaks/app.py",
            "import subprocess, words\ndef handler(event, context):\n    return \
             subprocess.run(['greet', words.WORD], capture_output=True, text=True).stdout\n",
        )
        .file(
            "other/index.mjs",
            "import { execFileSync } from 'child_process';\nexport const handler = async () => \
             execFileSync('greet', ['node']).toString();\n",
        )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_own_layers_are_published_with_it_and_only_if_they_differ() {
    let world = World::start().await;
    let app = shop();
    let release = world.deploy(&app).await;
    assert_eq!(world.get("shop", "/").await.text(), "hello rain\n");
    assert_eq!(world.invoke("shop-other", "{}").await.json(), "hello node\n");
    let arns = |release: &sonagi_model::release::Release| -> Vec<String> {
        release.content.functions["speaks"].layers.iter().map(|layer| layer.arn.clone()).collect()
    };
    let arn = |rest: &str| format!("arn:aws:lambda:us-east-1:000000000000:layer:{rest}");
    assert_eq!(arns(&release), [arn("shop-words:1"), arn("shop-tools:1")]);
    assert_eq!(world.deploy(&app).await.number, release.number, "nothing differs");

    app.write("shared/words/python/words.py", "WORD = 'snow'\n");
    let changed = world.deploy(&app).await;
    assert_eq!(arns(&changed), [arn("shop-words:2"), arn("shop-tools:1")]);
    assert_eq!(world.get("shop", "/").await.text(), "hello snow\n");
    // What is as it was before is the version from before.
    app.write("shared/words/python/words.py", "WORD = 'rain'\n");
    assert_eq!(arns(&*world.deploy(&app).await), arns(&release));
    world.running().control().rollback(&"shop".parse().unwrap(), None).await.unwrap();
    assert_eq!(world.get("shop", "/").await.text(), "hello snow\n");
}

const TEMPLATE: &str = "\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: python3.11
    Handler: app.handler
    Layers: [!Ref Words]
Resources:
  Words:
    Type: AWS::Serverless::LayerVersion
    Metadata: { BuildMethod: python3.11 }
    Properties:
      ContentUri: words
      CompatibleRuntimes: [python3.11]
      RetentionPolicy: Delete
  Numbers:
    Type: AWS::Serverless::LayerVersion
    Properties: { LayerName: !Sub '${AWS::StackName}-numbers', ContentUri: numbers, LicenseInfo: MIT }
  Speaks:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: speaks
      Layers: [!Ref Numbers]
      Environment: { Variables: { NUMBERS: !Ref Numbers } }
      FunctionUrlConfig: { AuthType: NONE }
Outputs:
  Words: { Value: !Ref Words }
  Url: { Value: !GetAtt SpeaksUrl.FunctionUrl }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_sam_template_brings_its_layers() {
    let world = World::start().await;
    let app = App::sam(TEMPLATE)
        .file("words/words.py", "WORD = 'drops'\n")
        .file("numbers/python/numbers_of.py", "COUNT = 7\n")
        .file(
            "speaks/app.py",
            "import os, numbers_of, words\ndef handler(event, context):\n    return [numbers_of.COUNT, words.WORD, \
             os.environ['NUMBERS'], words.__file__]\n",
        );
    let release = world.deploy_path(app.path(), &[]).await.unwrap();
    let arn = "arn:aws:lambda:us-east-1:000000000000:layer";
    let name = &release.app;
    assert_eq!(release.content.outputs["Words"].value, format!("{arn}:Words:1"));
    let function = format!("{name}-Speaks");
    let numbers = format!("{arn}:{name}-numbers:1");
    assert_eq!(
        world.invoke(&function, "{}").await.json(),
        json!([7, "drops", numbers, "/opt/python/words.py"])
    );
    app.write("words/words.py", "WORD = 'puddles'\n");
    let release = world.deploy_path(app.path(), &[]).await.unwrap();
    assert_eq!(release.content.outputs["Words"].value, format!("{arn}:Words:2"));
    assert_eq!(world.invoke(&function, "{}").await.json()[1], "puddles");
    // `RetentionPolicy: Delete`
    let control = world.running().control();
    assert!(control.layer_version("Words", 1).await.is_err());
    assert_eq!(control.layer_version("Words", 2).await.unwrap().runtimes, ["python3.11"]);
    control.remove(name).await.unwrap();
    assert!(control.layer_version("Words", 2).await.is_err());
    assert_eq!(control.layer_version(&format!("{name}-numbers"), 1).await.unwrap().license, "MIT");
}
