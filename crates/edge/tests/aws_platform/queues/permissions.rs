//! AddPermission and RemovePermission edit the policy.

use super::*;

#[tokio::test]
async fn permissions_come_and_go_as_statements() {
    let world = World::open().await;
    let url = queue(&world, "clicks", json!({})).await;
    let add = |label: &str, accounts: Value, actions: Value| json!({ "QueueUrl": url, "Label": label, "AWSAccountIds": accounts, "Actions": actions });
    let policy = async || -> Value {
        serde_json::from_str(attribute(&world, &url, "Policy").await.as_str().unwrap()).unwrap()
    };
    ok(&world, "AddPermission", add("one", json!(["111111111111"]), json!(["ReceiveMessage"]))).await;
    let statement = json!({
        "Sid": "one",
        "Effect": "Allow",
        "Principal": { "AWS": "arn:aws:iam::111111111111:root" },
        "Action": "SQS:ReceiveMessage",
        "Resource": arn("clicks"),
    });
    let id = format!("{}/SQSDefaultPolicy", arn("clicks"));
    assert_eq!(policy().await, json!({ "Version": "2008-10-17", "Id": id, "Statement": [statement] }));
    let two = add("two", json!(["111111111111", "222222222222"]), json!(["SendMessage", "*"]));
    assert_eq!(ok_xml(&world, "AddPermission", two).await, "");
    let second = policy().await["Statement"][1].clone();
    assert_eq!(second["Principal"]["AWS"].as_array().unwrap().len(), 2);
    assert_eq!(second["Action"], json!(["SQS:SendMessage", "SQS:*"]));
    let code = ("InvalidParameterValueException", "InvalidParameterValue");
    let missing = ("MissingRequiredParameterException", "MissingParameter");
    for wire in BOTH {
        let account = json!(["111111111111"]);
        for (input, code, text) in [
            (
                add("one", account.clone(), json!(["SendMessage"])),
                code,
                "Value one for parameter Label is invalid. Reason: Already exists.",
            ),
            (
                add("a b", account.clone(), json!(["SendMessage"])),
                code,
                "Value a b for parameter Label is invalid.",
            ),
            (
                add("x", json!(["me"]), json!(["SendMessage"])),
                code,
                "Value [me] for parameter PrincipalId is invalid. Reason: Unable to verify.",
            ),
            (
                add("x", account.clone(), json!(["SendMessageBatch"])),
                code,
                "Value SQS:SendMessageBatch for parameter ActionName is invalid. Reason: Please refer to the appropriate WSDL for a list of valid actions.",
            ),
            (
                add("x", account.clone(), json!(["CreateQueue"])),
                code,
                "Value SQS:CreateQueue for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action.",
            ),
            (
                add("", account.clone(), json!(["SendMessage"])),
                missing,
                "The request must contain the parameter Label.",
            ),
            (
                add("x", json!([]), json!(["SendMessage"])),
                missing,
                "The request must contain the parameter AWSAccountIds.",
            ),
            (add("x", account, json!([])), missing, "The request must contain the parameter Actions."),
        ] {
            is_error(&call(&world, wire, "AddPermission", &input).await, wire, 400, code, text);
        }
    }
    ok(&world, "RemovePermission", json!({ "QueueUrl": url, "Label": "one" })).await;
    assert_eq!(policy().await["Statement"], json!([second]));
    assert_eq!(ok_xml(&world, "RemovePermission", json!({ "QueueUrl": url, "Label": "two" })).await, "");
    assert_eq!(attribute(&world, &url, "Policy").await, Value::Null);
    for wire in BOTH {
        let reply = call(&world, wire, "RemovePermission", &json!({ "QueueUrl": url, "Label": "two" })).await;
        is_error(
            &reply,
            wire,
            400,
            code,
            "Value two for parameter Label is invalid. Reason: can't find label.",
        );
    }
}
