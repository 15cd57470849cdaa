//! What a SAM template becomes, and what is said of one that will not do.

use sonagi_control::manifest::BuildKind;
use sonagi_model::{
    api::{ApiKind, PayloadFormat},
    function::{InvokeMode, LogFormat, Runtime, UrlAuth},
};

use crate::support::{App, TEMPLATE};

#[test]
fn a_rest_app_gets_its_implicit_api_its_outputs_and_its_globals() {
    let app = App::new("shop").with("hello/app.py", "").with("template.yaml", TEMPLATE);
    let manifest = app.load().unwrap();
    assert_eq!(manifest.app.as_str(), "shop");
    let [function] = manifest.functions.as_slice() else { panic!("{:?}", manifest.functions) };
    assert_eq!(function.function.lambda_name.as_str(), "shop-HelloFunction");
    assert_eq!(function.function.timeout, 7);
    assert_eq!(function.function.runtime, Runtime::Python { minor: 11 });
    assert_eq!(function.function.log_format, LogFormat::Json);
    assert_eq!(function.function.variables["STAGE"], "test");
    assert_eq!(function.function.variables["OWN"], "x");
    assert_eq!(function.line, 18);
    let [api] = manifest.apis.as_slice() else { panic!("{:?}", manifest.apis) };
    assert_eq!(
        (api.kind, api.stage.as_str(), api.name.as_str()),
        (ApiKind::Rest, "Prod", "ServerlessRestApi")
    );
    assert_eq!(api.routes[0].payload, PayloadFormat::V1);
    let address = format!("http://{}.execute-api.us-east-1.localhost:8080/Prod/hello/", api.id);
    assert_eq!(manifest.outputs["Address"].value, address);
    assert_eq!(manifest.outputs["Role"].value, "arn:aws:iam::000000000000:role/shop-HelloFunctionRole");
    assert_eq!(
        manifest.outputs["Arn"].value,
        "arn:aws:lambda:us-east-1:000000000000:function:shop-HelloFunction"
    );
    assert_eq!(manifest, app.load().unwrap(), "loading twice gives the same ids");
}

/// A function whose properties are `lines`.
fn function(lines: &str) -> String {
    format!(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    \
         Properties:\n      Handler: app.handler\n      Runtime: python3.11\n      CodeUri: hello\n{lines}"
    )
}

fn problems(template: &str) -> Vec<String> {
    App::new("shop").with("hello/app.py", "").with("template.yaml", template).problems()
}

fn variable(value: &str, rest: &str) -> Result<String, Vec<String>> {
    let template = format!(
        "{}\n{rest}",
        function(&format!("      Environment:\n        Variables:\n          KEY: {value}\n"))
    );
    let app = App::new("shop").with("hello/app.py", "").with("template.yaml", &template);
    match app.load() {
        Ok(manifest) => {
            Ok(manifest.functions[0].function.variables.get("KEY").cloned().unwrap_or("none".into()))
        }
        Err(_) => Err(app.problems()),
    }
}

#[test]
fn every_intrinsic_function_works_in_both_spellings() {
    let rest = "Parameters:\n  Name: {Type: String, Default: a b}\n  List: {Type: CommaDelimitedList, Default: 'x, y'}\n\
                Mappings:\n  Sizes:\n    us-east-1: {small: s1, all: [p, q]}\n\
                Conditions:\n  Is: !Equals [!Ref Name, a b]\n  On: !Not [!Condition Is]\n  \
                Both: !And [!Condition Is, !Or [!Condition On, {Condition: Is}]]\n";
    for (value, wanted) in [
        ("!Ref Name", "a b"),
        ("{Ref: Name}", "a b"),
        ("!Ref AWS::Region", "us-east-1"),
        ("!Ref AWS::NoValue", "none"),
        ("!Sub '${Name}-${AWS::StackName}-${!Literal}-$x'", "a b-shop-${Literal}-$x"),
        ("!Sub ['${A}/${Name}', {A: !Ref AWS::AccountId}]", "000000000000/a b"),
        ("{'Fn::Sub': 'x'}", "x"),
        ("!Join ['-', [a, !Ref Name, 1]]", "a-a b-1"),
        ("!Join ['+', !Ref List]", "x+y"),
        ("!Select [1, !Split [',', 'p,q,r']]", "q"),
        ("!Select ['0', !Ref List]", "x"),
        ("!FindInMap [Sizes, !Ref AWS::Region, small]", "s1"),
        ("!Select [1, !FindInMap [Sizes, us-east-1, all]]", "q"),
        ("!If [Is, 1.10, 2]", "1.10"),
        ("{'Fn::If': ['On', 1, !Ref AWS::NoValue]}", "none"),
        ("!If [Both, yes, no]", "true"),
        ("!Base64 abc", "YWJj"),
        ("!GetAtt FRole.Arn", "arn:aws:iam::000000000000:role/shop-FRole"),
        ("{'Fn::GetAtt': [FRole, Arn]}", "arn:aws:iam::000000000000:role/shop-FRole"),
        ("0123", "0123"),
        ("2010-09-09", "2010-09-09"),
        ("!Sub 'https://${AWS::URLSuffix}'", "https://amazonaws.com"),
    ] {
        assert_eq!(variable(value, rest), Ok(wanted.to_owned()), "{value}");
    }
}

#[test]
fn what_is_wrong_with_a_function_call_is_said_at_its_place() {
    for (value, wanted) in [
        ("!Ref Nme", "11:16: there is no parameter or resource `Nme`"),
        ("!Rf Name", "11:16: `Fn::Rf` is not a function"),
        ("!GetAZs ''", "the function `Fn::GetAZs` is not supported yet"),
        ("!ImportValue x", "the function `Fn::ImportValue` is not supported yet"),
        ("!Sub '${Nope.Arn}'", "there is no parameter or resource `Nope`"),
        ("!If [Maybe, 1, 2]", "there is no condition `Maybe`"),
        ("!Select [9, [a]]", "there is no item 9 in a list of 1"),
        ("!FindInMap [M, a, b]", "there is no mapping \"M\""),
        ("!Join [a]", "`Fn::Join` wants a list"),
        ("!GetAtt F.Nope", "`F` has no attribute `Nope`"),
        ("!GetAtt F.Arn", "circular dependency: F → F"),
        ("[a]", "`KEY` in `Variables` must be text, and is a list"),
        ("!Equals [a, b]", "`Fn::Equals` may stand in `Conditions` alone"),
    ] {
        let found = variable(value, "").unwrap_err().join("\n");
        assert!(found.contains(wanted.split_once(": ").map_or(wanted, |(_, text)| text)), "{value}: {found}");
    }
    let found = variable("!Ref Nme", "Parameters: {Name: {Type: String, Default: x}}\n").unwrap_err();
    assert_eq!(found, ["11:16: there is no parameter or resource `Nme` (did you mean `Name`?)"]);
}

#[test]
fn circles_of_conditions_and_names_are_found() {
    let template = function("") + "Conditions:\n  A: !Not [!Condition B]\n  B: !Not [!Condition A]\n";
    assert!(problems(&template).join("\n").contains("refers to itself, in a circle"));
    let template = function("      FunctionName: !Ref F\n");
    assert!(problems(&template).join("\n").contains("the name of `F` refers to itself, in a circle"));
    let template = function(
        "      Environment: {Variables: {URL: !Ref ServerlessRestApi}}\n      Events:\n        E: {Type: Api, \
         Properties: {Path: /, Method: get}}\n",
    );
    assert_eq!(
        problems(&template),
        [
            "3:3: circular dependency: F → ServerlessRestApi → F (CloudFormation refuses this as well: take one of \
          the references out)"
        ]
    );
    // A long chain must not run out of the machine's stack.
    let mut chain = function("") + "Conditions:\n  C0: !Equals [a, a]\n";
    for at in 1..2_000 {
        chain = format!("{chain}  C{at}: !Not [!Condition C{}]\n", at - 1);
    }
    assert!(App::new("shop").with("hello/app.py", "").with("template.yaml", &chain).load().is_ok());
    let mut chain = function("") + "Conditions:\n";
    for at in 0..2_000 {
        chain = format!("{chain}  C{at}: !Not [!Condition C{}]\n", at + 1);
    }
    assert!(problems(&chain).join("\n").contains("depend on each other"));
}

#[test]
fn unknown_and_unsupported_keys_are_named_all_at_once() {
    let template = function(
        "      MemorySze: 128\n      DeadLetterQueue: {Type: SQS}\n      Timeout: 901\n      Layers: [arn:aws:lambda:x:1:layer:y:2]\n",
    ) + "  T:\n    Type: AWS::DynamoDB::Table\nRules: {}\nRessources: {}\n";
    assert_eq!(
        problems(&template),
        [
            "9:7: `MemorySze` is not a key that an AWS::Serverless::Function has (did you mean `MemorySize`?)",
            "10:24: `DeadLetterQueue` has no `TargetArn` (such as `!GetAtt DeadLetters.Arn`)",
            "11:16: `Timeout` must be a whole number from 1 to 900 seconds, not 901",
            "12:16: \"arn:aws:lambda:x:1:layer:y:2\" is no layer version's ARN (it ends with `:layer:`, a name, `:` and a \
             number)",
            "14:11: `T`: the resource type AWS::DynamoDB::Table is not supported yet (docs/manifest.md \
             lists the types that are supported)",
            "15:1: `Rules` of a template is not supported yet",
            "16:1: `Ressources` is not a key that a template has (did you mean `Resources`?)",
        ]
    );
}

#[test]
fn what_has_no_effect_is_noted_with_its_line() {
    let template = function("      RolePath: /service/\n      Tracing: Active\n")
        + "  G:\n    Type: AWS::ResourceGroups::Group\n";
    let manifest = App::new("shop").with("hello/app.py", "").with("template.yaml", &template).load().unwrap();
    let lines: Vec<_> = manifest.notes.iter().map(|note| note.line).collect();
    assert_eq!(lines, [9, 10, 12], "{:?}", manifest.notes);
    assert!(manifest.notes[2].message.contains("AWS::ResourceGroups::Group"));
}

#[test]
fn http_apis_routes_urls_and_aliases_are_read() {
    let template = function(
        "      AutoPublishAlias: live\n      FunctionUrlConfig: {AuthType: AWS_IAM, InvokeMode: RESPONSE_STREAM}\n      \
         Events:\n        All: {Type: HttpApi}\n        One:\n          Type: HttpApi\n          Properties: {Path: \
         '/a/{b+}', Method: any, ApiId: !Ref Mine, PayloadFormatVersion: '1.0', TimeoutInMillis: 5000}\n",
    ) + "  Mine:\n    Type: AWS::Serverless::HttpApi\n    Properties:\n      StageName: v1\n      \
         CorsConfiguration: {AllowOrigins: ['https://a.example'], MaxAge: 60}\nOutputs:\n  Url: {Value: !GetAtt \
         FUrl.FunctionUrl}\n  Alias: {Value: !Ref F.Alias}\n  Other: {Value: !Ref FAliaslive}\n  \
         Api: {Value: !GetAtt Mine.ApiEndpoint}\n";
    let app = App::new("shop").with("hello/app.py", "").with("template.yaml", &template);
    let manifest = app.load().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(manifest.apis.len(), 2);
    let mine = manifest.apis.iter().find(|api| api.name == "Mine").unwrap();
    assert_eq!((mine.kind, mine.stage.as_str()), (ApiKind::Http, "v1"));
    assert_eq!(mine.cors.as_ref().unwrap().max_age, Some(60));
    let route = &mine.routes[0];
    assert_eq!((route.method.as_str(), route.path.as_str(), route.timeout), ("ANY", "/a/{b+}", Some(5_000)));
    assert_eq!(route.payload, PayloadFormat::V1);
    assert_eq!(route.alias.as_ref().unwrap().as_str(), "live");
    let implicit = manifest.apis.iter().find(|api| api.name == "ServerlessHttpApi").unwrap();
    assert_eq!(implicit.routes[0].path, "$default");
    let url = manifest.functions[0].function.url.as_ref().unwrap();
    assert_eq!((url.auth, url.mode), (UrlAuth::AwsIam, InvokeMode::ResponseStream));
    assert_eq!(
        manifest.outputs["Url"].value,
        format!("http://{}.lambda-url.us-east-1.localhost:8080/", url.id)
    );
    let alias = "arn:aws:lambda:us-east-1:000000000000:function:shop-F:live";
    assert_eq!((&*manifest.outputs["Alias"].value, &*manifest.outputs["Other"].value), (alias, alias));
    assert_eq!(
        manifest.outputs["Api"].value,
        format!("http://{}.execute-api.us-east-1.localhost:8080", mine.id)
    );
}

#[test]
fn routes_that_clash_or_break_the_rules_are_refused() {
    let events = |list: &[(&str, &str)]| {
        let mut text = String::from("      Events:\n");
        for (at, (method, path)) in list.iter().enumerate() {
            text +=
                &format!("        E{at}: {{Type: Api, Properties: {{Path: '{path}', Method: {method}}}}}\n");
        }
        problems(&function(&text)).join("\n")
    };
    assert!(
        events(&[("get", "/a"), ("GET", "/a")]).contains("GET /a of `ServerlessRestApi` is taken already")
    );
    assert!(events(&[("get", "/{p+}/a")]).contains("must be the last segment"));
    assert!(
        events(&[("get", "/{a}"), ("post", "/{b}")]).contains("a REST API has one variable at each level")
    );
    assert!(events(&[("fetch", "/a")]).contains("is not a method"));
    assert!(events(&[("get", "a")]).contains("does not start with `/`"));
}

#[test]
fn parameters_keep_their_rules() {
    let template = function("")
        + "Parameters:\n  Stage: {Type: String, AllowedValues: [dev, prod]}\n  Size: {Type: Number, Default: 5, \
           MaxValue: 9}\n  Name: {Type: String, Default: abc, AllowedPattern: '[a-z]+', ConstraintDescription: lower case}\n";
    let app = |pairs: &[(&str, &str)]| {
        App::new("shop")
            .with("hello/app.py", "")
            .with("template.yaml", &template)
            .given(pairs)
            .problems()
            .join("\n")
    };
    assert_eq!(app(&[("Stage", "dev")]), "");
    assert!(app(&[]).contains("the parameter `Stage` has no default, and no value was given"));
    assert!(app(&[("Stage", "x")]).contains("it must be one of dev, prod"));
    assert!(app(&[("Stage", "dev"), ("Size", "10")]).contains("it must be at most 9"));
    assert!(app(&[("Stage", "dev"), ("Size", "x")]).contains("it must be a number"));
    assert!(app(&[("Stage", "dev"), ("Name", "A")]).contains("it must match [a-z]+ (lower case)"));
    assert!(app(&[("Stge", "dev")]).contains("did you mean `Stage`?"));
}

#[test]
fn sources_handlers_and_names_are_checked_at_their_lines() {
    let app = |text: &str| problems(&text.replace("hello\n", "")).join("\n");
    assert!(
        app(&function("").replace("CodeUri: hello", "CodeUri: ../x"))
            .contains("8:16: \"../x\" leaves the folder")
    );
    assert!(
        app(&function("").replace("CodeUri: hello", "CodeUri: nope")).contains("8:16: there is no \"nope\"")
    );
    assert_eq!(
        problems(&function("").replace("app.handler", "main.handler")),
        [
            "6:16: the handler \"main.handler\" wants the file `main.py`, which is not in `hello` (there is `app.py`)"
        ]
    );
    assert_eq!(
        problems(&function("").replace("python3.11", "pythn3.11")),
        ["7:16: `pythn3.11` is not a runtime that Sonagi knows (did you mean `python3.11`?)"]
    );
    let two = function("      FunctionName: same\n")
        + "  G:\n    Type: AWS::Serverless::Function\n    Properties: {Handler: app.handler, Runtime: python3.11, \
           CodeUri: hello, FunctionName: same}\n";
    assert!(problems(&two).join("\n").contains("the function name \"same\" is taken already, in line 3"));
}

#[test]
fn typescript_and_powertools_layers_are_understood() {
    let template = function(
        "      Layers:\n        - !Sub arn:aws:lambda:${AWS::Region}:017000801446:layer:AWSLambdaPowertoolsPythonV3-python311-x86_64:7\n",
    );
    let manifest = App::new("shop").with("hello/app.py", "").with("template.yaml", &template).load().unwrap();
    assert!(manifest.functions[0].extras.iter().any(|extra| extra.starts_with("aws-lambda-powertools")));
    assert_eq!(manifest.notes.len(), 1);
    let template = function("    Metadata:\n      BuildMethod: esbuild\n      BuildProperties: {EntryPoints: [app.ts], Sourcemap: true}\n")
        .replace("python3.11", "nodejs20.x");
    let manifest = App::new("shop").with("hello/app.ts", "").with("template.yaml", &template).load().unwrap();
    let function = &manifest.functions[0];
    assert!(matches!(&function.build, BuildKind::Esbuild(options) if options.entry_points == ["app.ts"]));
    assert_eq!(function.function.variables["NODE_OPTIONS"], "--enable-source-maps");
}

#[test]
fn resources_without_their_condition_are_not_there() {
    let template = function("    Condition: Never\n")
        + "Conditions: {Never: !Equals [a, b]}\nOutputs:\n  A: {Condition: \
        Never, Value: !GetAtt F.Arn}\n";
    let manifest = App::new("shop").with("hello/app.py", "").with("template.yaml", &template).load().unwrap();
    assert!(manifest.functions.is_empty() && manifest.outputs.is_empty());
}
