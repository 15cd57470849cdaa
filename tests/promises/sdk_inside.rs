//! The AWS SDKs are there inside a function, and talk to this platform with the function's own credentials.

use sonagi_harness::{App, World};

#[tokio::test(flavor = "multi_thread")]
async fn boto3_inside_a_function_invokes_another_function_of_its_app_and_no_other() {
    let world = World::start().await;
    let app = App::new(
        "app = \"inside\"\n\
         [function.caller]\nruntime = \"python3.11\"\ntimeout = 30\n\
         [function.callee]\nruntime = \"python3.11\"\n",
    )
    .file(
        "caller/app.py",
        "import boto3, json\n\
         def handler(event, context):\n    client = boto3.client('lambda')\n\
         \x20   try:\n        answer = client.invoke(FunctionName=event['name'], Payload=b'{\"n\": 20}')\n\
         \x20       return json.load(answer['Payload'])\n\
         \x20   except client.exceptions.ClientError as error:\n        return error.response['Error']['Code']\n",
    )
    .file("callee/app.py", "def handler(event, context):\n    return event['n'] + 1\n");
    world.deploy(&app).await;
    world.deploy(&App::python("stranger", "def handler(event, context):\n    return 'secret'\n")).await;
    let answer = world.invoke("inside-caller", r#"{"name": "inside-callee"}"#).await;
    assert_eq!(answer.text(), "21");
    let refused = world.invoke("inside-caller", r#"{"name": "stranger-f"}"#).await;
    assert_eq!(refused.text(), "\"AccessDeniedException\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_javascript_sdk_is_there_for_both_kinds_of_modules() {
    let world = World::start().await;
    let app = App::new(
        "app = \"js\"\n\
         [function.esm]\nruntime = \"nodejs20.x\"\ntimeout = 30\n\
         [function.cjs]\nruntime = \"nodejs20.x\"\ntimeout = 30\n",
    )
    .file(
        "esm/index.mjs",
        "import { LambdaClient, InvokeCommand } from '@aws-sdk/client-lambda';\n\
         export const handler = async () => {\n\
           const answer = await new LambdaClient({}).send(new InvokeCommand({ FunctionName: 'js-cjs' }));\n\
           return JSON.parse(Buffer.from(answer.Payload).toString());\n};\n",
    )
    .file(
        "cjs/index.js",
        "const { LambdaClient } = require('@aws-sdk/client-lambda');\n\
         exports.handler = async () => typeof LambdaClient;\n",
    );
    world.deploy(&app).await;
    assert_eq!(world.invoke("js-esm", "{}").await.text(), "\"function\"");
}
