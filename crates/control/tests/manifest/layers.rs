//! Layers, as both kinds of manifest have them.

use sonagi_control::manifest::{LayerBuild, Manifest};
use sonagi_model::{
    function::{Architecture, Runtime},
    layer::Retention,
};

use crate::support::App;

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:layer";

fn native(text: &str) -> App {
    folders().with("sonagi.toml", &format!("app = \"shop\"\n{text}"))
}

fn sam(text: &str) -> App {
    folders().with("template.yaml", &format!("Transform: AWS::Serverless-2016-10-31\n{text}"))
}

fn folders() -> App {
    App::new("shop")
        .with("hello/app.py", "")
        .with("hello/function.wasm", "(component)")
        .with("words/words.py", "")
        .with("made/Makefile", "")
        .with("packed.zip", "")
}

fn layers(manifest: &Manifest, function: usize) -> Vec<&str> {
    manifest.functions[function].function.layers.iter().map(|layer| layer.arn.as_str()).collect()
}

#[test]
fn a_manifest_of_ours_declares_layers_and_gives_them_to_functions() {
    let app = native(&format!(
        "[layer.words]\nruntimes = [\"python3.13\", \"java21\"]\narchitectures = [\"arm64\"]\ndescription = \"Words\"\n\
         license = \"MIT\"\nretention = \"delete\"\nbuild = \"python3.13\"\n[layer.packed]\ncode = \"packed.zip\"\n\
         [layer.made]\nbuild = \"makefile\"\n[function.hello]\nruntime = \"python3.13\"\n\
         layers = [\"words\", \"{ARN}:others:7\"]\n"
    ));
    let manifest = app.load().unwrap();
    let [made, packed, words] = &manifest.layers[..] else { panic!("{:?}", manifest.layers) };
    assert_eq!((words.name.as_str(), &words.source), ("shop-words", &manifest.root.join("words")));
    assert_eq!((words.runtimes.as_slice(), words.line), (&["python3.13".to_owned(), "java21".into()][..], 2));
    assert_eq!((words.description.as_str(), words.license.as_str()), ("Words", "MIT"));
    assert_eq!((words.retention, packed.retention), (Retention::Delete, Retention::Retain));
    assert_eq!(words.architectures, [Architecture::Arm64]);
    assert_eq!(words.build, LayerBuild::Modules(Runtime::Python { minor: 13 }));
    assert_eq!(packed.build, LayerBuild::Zip);
    assert_eq!(made.build, LayerBuild::Makefile { target: "made".into() });
    assert_eq!(layers(&manifest, 0), [format!("{ARN}:shop-words:$LATEST"), format!("{ARN}:others:7")]);
    assert!(manifest.files.contains(&manifest.root.join("words")), "a change of it is a change of the app");
}

#[test]
fn a_template_declares_layers_that_references_lead_to() {
    let app = sam("\
Globals: { Function: { Layers: [!Ref Words], Runtime: python3.13, Handler: app.handler, CodeUri: hello } }
Resources:
  Words:
    Type: AWS::Serverless::LayerVersion
    Metadata: { BuildMethod: nodejs24.x }
    Properties: { ContentUri: words, CompatibleRuntimes: [nodejs24.x], RetentionPolicy: Delete }
  Made:
    Type: AWS::Serverless::LayerVersion
    Metadata: { BuildMethod: makefile }
    Properties: { ContentUri: made, LayerName: !Sub '${AWS::StackName}-made', Description: d, LicenseInfo: l }
  Plain:
    Type: AWS::Lambda::LayerVersion
    Properties: { Content: packed.zip, CompatibleArchitectures: [x86_64] }
  Hello:
    Type: AWS::Serverless::Function
    Properties: { Layers: [!Ref Made, !GetAtt Plain.LayerVersionArn] }
  Other: { Type: AWS::Serverless::Function }
Outputs: { Layer: { Value: !Ref Words } }
");
    let manifest = app.load().unwrap();
    let names: Vec<&str> = manifest.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["Plain", "Words", "shop-made"]);
    let [plain, words, made] = &manifest.layers[..] else { panic!("{names:?}") };
    assert_eq!(words.build, LayerBuild::Modules(Runtime::Nodejs { major: 24 }));
    assert_eq!(made.build, LayerBuild::Makefile { target: "Made".into() });
    assert_eq!(plain.build, LayerBuild::Zip);
    // CloudFormation replaces a layer version, and deletes what it replaced.
    assert_eq!(
        (words.retention, made.retention, plain.retention),
        (Retention::Delete, Retention::Retain, Retention::Delete)
    );
    let own = |name: &str| format!("{ARN}:{name}:$LATEST");
    assert_eq!(layers(&manifest, 0), [own("Words"), own("shop-made"), own("Plain")]);
    assert_eq!(layers(&manifest, 1), [own("Words")]);
    assert_eq!(manifest.outputs["Layer"].value, own("Words"));
}

#[test]
fn what_is_wrong_with_layers_is_said_in_its_place() {
    let five: String = ["a", "b", "c", "d", "e"].map(|name| format!("\"{ARN}:{name}:1\", ")).concat();
    let app = native(&format!(
        "[layer.words]\nruntimes = [\"pyton3.13\"]\narchitectures = [\"sparc\"]\nbuild = \"ruby3.3\"\n\
         [layer.nowhere]\n[layer.packed]\ncode = \"packed.zip\"\nbuild = \"python3.13\"\n[layer.made]\ncode = \"hello/app.py\"\n\
         [function.hello]\nruntime = \"python3.13\"\nlayers = [\"wrds\", \"{ARN}:x\", \"{ARN}:y:1\", \"{ARN}:y:2\"]\n\
         [function.many]\ncode = \"hello\"\nruntime = \"python3.13\"\nlayers = [{five}\"packed\"]\n\
         [function.other]\ncode = \"hello\"\nruntime = \"python3.13\"\n\
         layers = [\"arn:aws:lambda:us-east-1:123456789012:layer:x:1\", \"arn:aws:lambda:eu-west-1:000000000000:layer:z:1\"]\n\
         [function.wasm]\ncode = \"hello\"\nruntime = \"wasm\"\nlayers = [\"packed\"]\n"
    ));
    let problems = app.problems();
    for (line, said) in [
        (3, "`pyton3.13` is no runtime of Lambda's (did you mean `python3.13`?)"),
        (4, "`sparc` is not one of x86_64, arm64"),
        (
            5,
            "a layer is not built by `ruby3.3` (use makefile, or a runtime such as python3.13 or nodejs24.x)",
        ),
        (6, "there is no \"nowhere\" in"),
        (9, "a zip is not built (name a folder, or leave this out)"),
        (11, "\"hello/app.py\" is neither a folder nor a zip"),
        (14, "there is no layer `wrds` (did you mean `words`?)"),
        (14, "layer:x\" is no layer version's ARN"),
        (14, "two versions of the layer y in one function"),
        (18, "the function has 6 layers, and the most is 5 (put several into one)"),
        (22, "of another account"),
        (22, "of another region"),
        (
            26,
            "a WebAssembly function has no layers: its component holds all of its code (leave `layers` out)",
        ),
    ] {
        let place = format!("{line}:");
        let found = problems.iter().any(|problem| problem.starts_with(&place) && problem.contains(said));
        assert!(found, "{line}: {said} is not in {problems:#?}");
    }
    assert_eq!(problems.len(), 13, "{problems:#?}");
}

#[test]
fn what_is_wrong_with_a_templates_layers_is_said_in_its_place() {
    let app = sam("\
Resources:
  Remote:
    Type: AWS::Serverless::LayerVersion
    Properties: { ContentUri: 's3://bucket/key' }
  None:
    Type: AWS::Serverless::LayerVersion
    Properties: { LayerName: 'a b', Description: x }
  Words: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: words, LayerName: same } }
  Also: { Type: AWS::Lambda::LayerVersion, Properties: { Content: words, LayerName: same, RetentionPolicy: Delete } }
  Hello:
    Type: AWS::Serverless::Function
    Properties: { Runtime: wasm, CodeUri: hello, Layers: [!Ref Words] }
  Other:
    Type: AWS::Serverless::Function
    Properties: { Runtime: python3.13, Handler: app.handler, CodeUri: hello, Layers: [!Ref Wrds, !GetAtt Words.Arn] }
");
    let problems = app.problems();
    for (line, said) in [
        (5, "s3://bucket/key is not supported yet: name a folder or a zip"),
        (6, "an AWS::Serverless::LayerVersion has no `ContentUri`"),
        (8, "\"a b\" is not a layer name"),
        (9, "the layer name same is taken already, in line 10"),
        (10, "`RetentionPolicy` is not a key that an AWS::Lambda::LayerVersion has"),
        (13, "a WebAssembly function has no layers"),
        (16, "there is no parameter or resource `Wrds` (did you mean `Words`?)"),
        (16, "`Words` has no attribute `Arn` that is supported here (it has LayerVersionArn)"),
    ] {
        let found = problems.iter().any(|problem| problem.contains(said));
        assert!(found, "{line}: {said} is not in {problems:#?}");
    }
}

#[test]
fn a_handler_may_be_in_a_layer() {
    let text = |layers: &str| {
        format!(
            "[layer.words]\n[function.hello]\nruntime = \"python3.13\"\nhandler = \"words.handler\"\n{layers}"
        )
    };
    assert_eq!(native(&text("")).problems().len(), 1);
    assert_eq!(native(&text("layers = [\"words\"]\n")).problems(), [""; 0]);
}
