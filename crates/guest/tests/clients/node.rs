use serde_json::{Value, json};
use sonagi_guest::node;

use crate::session::{REQUEST, interpreters, start, start_with};

const NODE_24: [(&str, &str); 1] = [("AWS_EXECUTION_ENV", "AWS_Lambda_nodejs24.x")];

#[test]
fn an_event_goes_in_and_comes_out_on_every_interpreter() {
    for interpreter in interpreters(node()) {
        let mut session = start_with(node(), interpreter, "index.echo", &[]);
        assert_eq!(session.first.path, "invocation/next");
        for event in ["{\"a\":[1,2.5,null,\"é\"]}", "\"text\"", "[]", "null"] {
            let answer = session.invoke(event);
            assert_eq!(answer.path, format!("invocation/{REQUEST}/response"));
            assert_eq!(answer.text(), event);
        }
        let large = format!("\"{}\"", "é".repeat(200_000));
        assert_eq!(session.invoke(&large).text(), large);
    }
}

#[test]
fn handlers_of_every_shape_answer() {
    for (handler, expected) in [
        ("index.nested.inner.handler", json!("nested")),
        ("folder/mod.run", json!("folder")),
        ("esm/top.handler", json!("from the sdk")),
        ("esm/plain.handler", json!(true)),
        ("index.imports", json!("from the sdkfrom the sdk")),
        ("index.nothing", json!(null)),
        ("index.callback", json!("called back")),
        ("index.hurries", json!("hurried")),
        ("index.done", json!("done")),
        ("index.succeed", json!("succeeded")),
        ("index.sync", json!(null)),
        ("index.never", json!(null)),
    ] {
        let mut session = start(node(), handler);
        for _ in 0..2 {
            assert_eq!(session.invoke("{}").json(), expected, "{handler}");
        }
    }
}

#[test]
fn a_callback_waits_until_the_event_loop_is_empty() {
    let mut session = start(node(), "index.waits");
    session.hand_over("{}", "");
    assert_eq!(session.request().json(), json!("waited"));
    assert!(session.output().contains("afterwards"));
}

#[test]
fn node_24_has_no_callbacks_and_awaits_what_a_handler_returns() {
    let failure = start_with(node(), &interpreters(node())[0], "index.callback", &NODE_24).first.json();
    assert_eq!(failure["errorType"], "Runtime.CallbackHandlerDeprecated");
    let mut session = start_with(node(), &interpreters(node())[0], "index.sync", &NODE_24);
    assert_eq!(session.invoke("{}").json(), json!("ignored"));
    let mut session = start_with(node(), &interpreters(node())[0], "index.context", &NODE_24);
    assert_eq!(session.invoke("{}").json().get("callbackWaitsForEmptyEventLoop"), None);
}

#[test]
fn the_context_has_all_its_members() {
    let mut session = start(node(), "index.context");
    let answer = session.invoke_with(
        "{}",
        "Lambda-Runtime-Trace-Id: Root=1-2\r\nLambda-Runtime-Client-Context: {\"custom\":{\"a\":\"é\"}}\r\n\
         Lambda-Runtime-Cognito-Identity: {\"cognitoIdentityId\":\"i\"}\r\n",
    );
    let expected = json!({
        "callbackWaitsForEmptyEventLoop": true, "functionVersion": "7", "functionName": "shop",
        "memoryLimitInMB": "256", "logGroupName": "/aws/lambda/shop", "logStreamName": "2026/01/01/[7]abc",
        "clientContext": {"custom": {"a": "é"}}, "identity": {"cognitoIdentityId": "i"},
        "invokedFunctionArn": "arn:shop:live", "awsRequestId": REQUEST, "trace": "Root=1-2",
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(session.invoke("{}").json().get("trace"), None);
}

#[test]
fn a_failed_invocation_is_reported_and_the_next_one_runs() {
    for (handler, kind, message) in [
        ("index.rejects", "TypeError", "rejected"),
        ("index.syncThrow", "TypeError", "thrown"),
        ("index.callbackError", "RangeError", "called back"),
        ("index.callbackText", "string", "only text"),
        ("index.fail", "Error", "failed"),
        ("index.circular", "Error", "Unable to stringify response body"),
        ("index.streamFailsEarly", "Error", "early"),
        ("index.streamSync", "Error", "Streaming does not support non-async handlers."),
    ] {
        let mut session = start(node(), handler);
        for _ in 0..2 {
            let answer = session.invoke("{}");
            assert!(answer.failed(), "{handler}");
            assert_eq!(answer.headers["lambda-runtime-function-error-type"], kind);
            let failure = answer.json();
            assert_eq!(
                (failure["errorType"].as_str(), failure["errorMessage"].as_str()),
                (Some(kind), Some(message))
            );
            assert!(failure["trace"].is_array());
        }
        assert!(
            session.output().contains(&format!("\t{REQUEST}\tERROR\tInvoke Error \t{{\"errorType\":")),
            "{handler}"
        );
    }
}

#[test]
fn a_function_that_cannot_be_initialised_says_why() {
    for (handler, kind, message) in [
        ("index", "Runtime.MalformedHandlerName", "Bad handler"),
        ("../index.run", "Runtime.MalformedHandlerName", "'../index.run' is not a valid handler name."),
        (
            "nowhere.run",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'nowhere'\nRequire stack:\n- ",
        ),
        (
            "missing.run",
            "Runtime.ImportModuleError",
            "Error: Cannot find module 'nothing-like-it'\nRequire stack:\n- ",
        ),
        ("index.nowhere", "Runtime.HandlerNotFound", "index.nowhere is undefined or not exported"),
        ("index.notFunction", "Runtime.HandlerNotFound", "index.notFunction is not a function"),
        ("syntax.run", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected token '='"),
        ("raises.run", "RangeError", "at load"),
    ] {
        let mut session = start(node(), handler);
        assert_eq!(session.first.path, "init/error", "{handler}");
        assert_eq!(session.first.headers["lambda-runtime-function-error-type"], kind);
        let text = session.first.json()["errorMessage"].as_str().unwrap().to_owned();
        assert!(text.starts_with(message), "{text}");
        session.reply("202 Accepted");
        assert_eq!(session.ended(), Some(129));
        assert!(
            session.output().contains("\tundefined\tERROR\tUncaught Exception \t{"),
            "{}",
            session.output()
        );
    }
}

#[test]
fn what_nobody_caught_is_reported_and_ends_the_process() {
    for (handler, kind, message, status) in [
        ("index.lost", "Runtime.UnhandledPromiseRejection", "Error: lost", 128),
        ("index.uncaught", "Error", "uncaught", 129),
    ] {
        let mut session = start(node(), handler);
        let failure = session.answer("{}", "").json();
        assert_eq!(
            (failure["errorType"].as_str(), failure["errorMessage"].as_str()),
            (Some(kind), Some(message))
        );
        assert_eq!(session.ended(), Some(status));
    }
    let mut session = start(node(), "index.exits");
    session.hand_over("{}", "");
    assert_eq!(session.ended(), Some(7));
}

#[test]
fn each_console_call_is_a_line_of_text_or_json() {
    let mut session = start(node(), "index.logs");
    session.invoke("{}");
    let log = session.output();
    let lines: Vec<Vec<&str>> = log.lines().map(|line| line.splitn(4, '\t').collect()).collect();
    assert_eq!((lines[0][1], lines[0][2], lines[0][3]), (REQUEST, "DEBUG", "debugged"));
    assert_eq!((lines[1][2], lines[1][3]), ("INFO", "two\rlines { n: 1 }"));
    assert_eq!((lines[2][2], lines[3][2]), ("WARN", "ERROR"));
    assert!(lines[3][3].starts_with("RangeError: logged\r    at "));
    assert_eq!(lines[4], ["direct"]);

    let env = [("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("AWS_LAMBDA_LOG_LEVEL", "INFO")];
    let mut session = start_with(node(), &interpreters(node())[0], "index.logs", &env);
    session.invoke("{}");
    let lines: Vec<Value> =
        session.output().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["level"], &lines[0]["message"]), (&json!("INFO"), &json!("two\nlines { n: 1 }")));
    assert_eq!(
        (&lines[0]["requestId"], &lines[2]["message"]["errorType"]),
        (&json!(REQUEST), &json!("RangeError"))
    );
}

#[test]
fn a_streamed_answer_comes_in_parts() {
    let mut session = start(node(), "index.stream");
    for _ in 0..2 {
        let answer = session.invoke("{}");
        assert_eq!(answer.headers["lambda-runtime-function-response-mode"], "streaming");
        assert_eq!(answer.headers["content-type"], "text/plain");
        assert_eq!(answer.text(), "one{\"two\":2}");
        assert!(answer.trailers.is_empty());
    }
}

#[test]
fn a_streamed_http_answer_begins_with_its_prelude() {
    let answer = start(node(), "index.streamHttp").invoke("{}");
    assert_eq!(answer.headers["content-type"], "application/vnd.awslambda.http-integration-response");
    assert_eq!(answer.text(), "{\"statusCode\":201,\"headers\":{\"x-a\":\"b\"}}\0\0\0\0\0\0\0\0body of it");
}

#[test]
fn a_stream_that_goes_wrong_says_so_in_its_trailers() {
    for (handler, message) in [
        ("index.streamFailsLate", "late"),
        ("index.streamUnfinished", "Response stream is not finished."),
        ("index.streamUncaught", "uncaught"),
    ] {
        let mut session = start(node(), handler);
        let answer = session.answer("{}", "");
        assert_eq!(answer.text(), "begun", "{handler}");
        assert_eq!(answer.trailers["lambda-runtime-function-error-type"], "Error");
        let body = from_base64(&answer.trailers["lambda-runtime-function-error-body"]);
        let failure: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&failure["errorType"], &failure["errorMessage"]), (&json!("Error"), &json!(message)));
        if handler == "index.streamUncaught" {
            assert_eq!(session.ended(), Some(129));
        } else {
            assert_eq!(session.request().path, "invocation/next");
        }
    }
}

#[test]
fn a_broken_connection_is_opened_anew_and_the_answer_sent_again() {
    let mut session = start(node(), "index.hello");
    session.reconnect();
    assert_eq!(session.request().path, "invocation/next");
    session.hand_over("{}", "");
    let first = session.request();
    session.reconnect();
    assert_eq!(session.request().path, first.path);
    session.reply("202 Accepted");
    assert_eq!(session.request().path, "invocation/next");
}

#[test]
fn a_refused_answer_is_not_the_end_but_a_broken_platform_is() {
    let mut session = start(node(), "index.large");
    session.hand_over("7000000", "");
    assert_eq!(session.request().body.len(), 7_000_002);
    session.reply("413 Payload Too Large");
    assert_eq!(session.request().path, "invocation/next");
    session.hand_over("1", "");
    session.request();
    session.reply("500 Internal Server Error");
    assert_eq!(session.ended(), Some(1));
}

fn from_base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = LETTERS.iter().position(|known| *known == letter).unwrap() as u32;
        bits = (bits << 6) | value;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
