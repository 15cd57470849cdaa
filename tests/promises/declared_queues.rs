//! Queues that an app declares are there with its releases, as both kinds of manifest say them.

use serde_json::{Value, json};
use sonagi_harness::{App, World, request, send};
use sonagi_model::AppName;

async fn attributes(world: &World, queue: &str) -> Value {
    let host = world.platform().to_string();
    let body = json!({ "QueueUrl": queue, "AttributeNames": ["All"] }).to_string();
    let request = request("POST", &host, "/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "AmazonSQS.GetQueueAttributes");
    send(world.platform(), request.body(body.into()).unwrap()).await.json()["Attributes"].clone()
}

/// Sends to the queue whose address is in the variable.
fn sender(variable: &str) -> String {
    format!(
        "import os, boto3\n\
         def handler(event, context):\n    \
         return boto3.client('sqs').send_message(QueueUrl=os.environ['{variable}'], MessageBody='hello')['MessageId']\n"
    )
}

fn native(seconds: u32) -> String {
    format!(
        "app = \"shop\"\n\
         [queue.clicks]\nvisibility = {seconds}\ndead_letters = {{ queue = \"lost\", receives = 3 }}\n\
         [queue.lost]\n\
         [function.f]\nruntime = \"python3.11\"\npermissions = [\"sqs:SendMessage on clicks\"]\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_sonagi_toml_changes_with_its_release_and_back() {
    let world = World::start().await;
    let app = App::new(&native(60)).file("f/app.py", &sender("QUEUE_CLICKS"));
    world.deploy(&app).await;
    let first = attributes(&world, "shop-clicks").await;
    assert_eq!(first["VisibilityTimeout"], "60");
    let lost = "arn:aws:sqs:us-east-1:000000000000:shop-lost";
    assert!(first["RedrivePolicy"].as_str().unwrap().contains(lost), "{first}");
    let sent = world.invoke("shop-f", "{}").await;
    assert_eq!(sent.header("x-amz-function-error"), "", "{}", sent.text());

    app.write("sonagi.toml", &native(90));
    world.deploy(&app).await;
    assert_eq!(attributes(&world, "shop-clicks").await["VisibilityTimeout"], "90");
    let name: AppName = "shop".parse().unwrap();
    world.running().control().rollback(&name, None).await.unwrap();
    let back = attributes(&world, "shop-clicks").await;
    assert_eq!(
        (&back["VisibilityTimeout"], &back["ApproximateNumberOfMessages"]),
        (&json!("60"), &json!("1"))
    );
}

fn template(seconds: u32) -> String {
    format!(
        "Transform: AWS::Serverless-2016-10-31
Resources:
  Clicks:
    Type: AWS::SQS::Queue
    Properties: {{VisibilityTimeout: {seconds}, QueueName: sam-clicks}}
  Send:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: app.handler
      CodeUri: f
      Environment: {{Variables: {{URL: !Ref Clicks}}}}
      Policies: [{{SQSSendMessagePolicy: {{QueueName: !GetAtt Clicks.QueueName}}}}]
      FunctionName: sam-send
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_a_template_changes_with_its_release_and_back() {
    let world = World::start().await;
    let app = App::sam(&template(60)).file("f/app.py", &sender("URL"));
    let release = world.deploy(&app).await;
    assert_eq!(attributes(&world, "sam-clicks").await["VisibilityTimeout"], "60");
    let sent = world.invoke("sam-send", "{}").await;
    assert_eq!(sent.header("x-amz-function-error"), "", "{}", sent.text());

    app.write("template.yaml", &template(90));
    world.deploy(&app).await;
    assert_eq!(attributes(&world, "sam-clicks").await["VisibilityTimeout"], "90");
    world.running().control().rollback(&release.app, None).await.unwrap();
    let back = attributes(&world, "sam-clicks").await;
    assert_eq!(
        (&back["VisibilityTimeout"], &back["ApproximateNumberOfMessages"]),
        (&json!("60"), &json!("1"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_here_can_have_stops_the_deployment() {
    let world = World::start().await;
    let app = App::new(
        "app = \"shop\"\n[queue.clicks]\n[topic.news]\nsubscriptions = [{ queue = \"arn:aws:sqs:us-east-1:999999999999:other\" }]\n",
    );
    let refused = world.deploy_path(app.path(), &[]).await.unwrap_err().to_string();
    assert!(refused.contains("SQS endpoint ARN"), "{refused}");
    assert_eq!(attributes(&world, "shop-clicks").await, Value::Null);
}
