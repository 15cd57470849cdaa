use serde_json::{Value, json};
use sonagi_guest::python;

use crate::session::{REQUEST, fixtures, interpreters, start, start_with};

#[test]
fn an_event_goes_in_and_comes_out_on_every_interpreter() {
    for interpreter in interpreters(python()) {
        let mut session = start_with(python(), interpreter, "app.echo", &[]);
        assert_eq!(session.first.path, "invocation/next");
        for event in ["{\"a\": [1, 2.5, null, \"é\"]}", " 5 ", "\"text\"", "[]", "null"] {
            let answer = session.invoke(event);
            assert_eq!(answer.path, format!("invocation/{REQUEST}/response"));
            assert_eq!(answer.headers["content-type"], "application/json");
            assert_eq!(answer.json(), serde_json::from_str::<Value>(event).unwrap());
        }
    }
}

#[test]
fn a_plain_function_loads_no_module_that_it_did_not_ask_for() {
    let mut session = start(python(), "app.no_site");
    assert_eq!(session.invoke("{}").json(), json!([]));
}

#[test]
fn a_handler_may_lie_in_a_package() {
    for handler in ["pkg/sub/mod.run", "pkg.sub.mod.run", "pkg/sub.mod.run"] {
        assert_eq!(start(python(), handler).invoke("{}").json(), json!("pkg.sub.mod"));
    }
}

#[test]
fn the_context_has_all_its_members() {
    let mut session = start(python(), "app.context");
    let answer = session.invoke_with(
        "{}",
        "Lambda-Runtime-Trace-Id: Root=1-2\r\n\
         Lambda-Runtime-Client-Context: {\"custom\":{\"a\":\"é\"},\"env\":{\"b\":1},\"client\":{\"app_title\":\"t\"}}\r\n\
         Lambda-Runtime-Cognito-Identity: {\"cognitoIdentityId\":\"i\",\"cognitoIdentityPoolId\":\"p\"}\r\n",
    );
    let expected = json!({
        "name": "shop", "version": "7", "arn": "arn:shop:live", "memory": "256", "request": REQUEST,
        "group": "/aws/lambda/shop", "stream": "2026/01/01/[7]abc", "identity": ["i", "p"],
        "client": [{"a": "é"}, {"b": 1}, "t"], "tenant": null, "trace": "Root=1-2",
    });
    assert_eq!(answer.json(), expected);
    let answer = session.invoke("{}").json();
    assert_eq!(
        (&answer["client"], &answer["identity"], &answer["trace"]),
        (&json!(null), &json!([null, null]), &json!(null))
    );
    assert!(session.output().contains("from the context\n"));
    let answer = session.invoke_with("{}", "Lambda-Runtime-Client-Context: {broken\r\n").json();
    assert_eq!(answer["errorType"], "Runtime.LambdaContextUnmarshalError");
}

#[test]
fn answers_are_written_as_lambdas_encoder_writes_them() {
    let mut session = start(python(), "app.values");
    let expected = "{\"point\": {\"x\": 1, \"y\": 1.10}, \"bytes\": \"text\", \"key\": [NaN, Infinity, 1.5, true, null], \
                    \"nan\": NaN, \"letter\": \"\\u00e9\"}";
    assert_eq!(session.invoke("{}").text(), expected);
    let env = [("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13")];
    let mut session = start_with(python(), &interpreters(python())[0], "app.values", &env);
    assert!(session.invoke("{}").text().ends_with("\"letter\": \"é\"}"));
    let answer = start(python(), "app.raw").invoke("{}");
    assert_eq!(
        (answer.body.as_slice(), answer.headers["content-type"].as_str()),
        (&b"\x00\xff"[..], "application/unknown")
    );
}

#[test]
fn a_failed_invocation_is_reported_and_the_next_one_runs() {
    let mut session = start(python(), "app.fails");
    for _ in 0..2 {
        let answer = session.invoke("{}");
        assert!(answer.failed());
        assert_eq!(answer.headers["lambda-runtime-function-error-type"], "ValueError");
        let frame = format!(
            "  File \"{}\", line 47, in fails\n    raise ValueError(\"wrong: é\")\n",
            fixtures().join("python/app.py").display()
        );
        assert_eq!(
            answer.json(),
            json!({"errorMessage": "wrong: é", "errorType": "ValueError", "requestId": REQUEST, "stackTrace": [frame]})
        );
    }
    let log = session.output();
    assert!(
        log.starts_with(
            "[ERROR] ValueError: wrong: é\nTraceback (most recent call last):\n\u{a0}\u{a0}File \""
        ),
        "{log}"
    );
}

#[test]
fn what_cannot_be_read_or_written_has_its_own_error() {
    for (handler, event, kind, message) in [
        (
            "app.echo",
            "{\"a\": }",
            "Runtime.UnmarshalError",
            "Unable to unmarshal input: Expecting value: line 1 column 7 (char 6)",
        ),
        (
            "app.echo",
            "{} x",
            "Runtime.UnmarshalError",
            "Unable to unmarshal input: Extra data: line 1 column 4 (char 3)",
        ),
        (
            "app.unserialisable",
            "{}",
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type datetime is not JSON serializable",
        ),
        (
            "app.circular",
            "{}",
            "Runtime.MarshalError",
            "Unable to marshal response: Circular reference detected",
        ),
        ("app.not_callable", "{}", "TypeError", "'int' object is not callable"),
    ] {
        let answer = start(python(), handler).invoke(event).json();
        assert_eq!(
            (answer["errorType"].as_str(), answer["errorMessage"].as_str()),
            (Some(kind), Some(message))
        );
    }
}

#[test]
fn a_function_that_cannot_be_initialised_says_why() {
    for (handler, kind, message) in [
        (
            "app",
            "Runtime.MalformedHandlerName",
            "Bad handler 'app': not enough values to unpack (expected 2, got 1)",
        ),
        (
            "nowhere.run",
            "Runtime.ImportModuleError",
            "Unable to import module 'nowhere': No module named 'nowhere'",
        ),
        (
            "missing.run",
            "Runtime.ImportModuleError",
            "Unable to import module 'missing': No module named 'nothing_like_it'",
        ),
        ("app.nowhere", "Runtime.HandlerNotFound", "Handler 'nowhere' missing on module 'app'"),
        ("sys.exit", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"),
        ("raises.run", "KeyError", "'at import'"),
    ] {
        let mut session = start(python(), handler);
        assert_eq!(session.first.path, "init/error", "{handler}");
        assert_eq!(session.first.headers["lambda-runtime-function-error-type"], kind);
        assert_eq!(session.first.json()["errorMessage"], message);
        session.reply("202 Accepted");
        assert_eq!(session.ended(), Some(1));
        assert!(session.output().starts_with(&format!("[ERROR] {kind}: {message}\n")));
    }
    let failure = start(python(), "syntax.run").first.json();
    assert_eq!(failure["errorType"], "Runtime.UserCodeSyntaxError");
    assert!(
        failure["errorMessage"]
            .as_str()
            .unwrap()
            .starts_with("Syntax error in module 'syntax': invalid syntax")
    );
    assert!(failure["stackTrace"][0].as_str().unwrap().ends_with("Line 1\n    def broken(:\n"));
}

#[test]
fn an_exit_ends_the_process_without_an_answer() {
    let mut session = start(python(), "app.exits");
    session.hand_over("{}", "");
    assert_eq!(session.ended(), Some(7));
}

#[test]
fn what_is_printed_is_written_before_the_answer() {
    let mut session = start(python(), "app.prints");
    session.hand_over("{}", "");
    session.request();
    assert_eq!(session.output(), "a b\nno line endto stderr\n");
}

#[test]
fn log_records_are_lines_of_text_or_json() {
    let mut session = start(python(), "app.logs");
    session.invoke("{}");
    let log = session.output();
    let first: Vec<&str> = log.lines().next().unwrap().split('\t').collect();
    assert_eq!((first[0], first[2], first[3]), ("[WARNING]", REQUEST, "warn 1"));
    assert!(first[1].ends_with('Z') && first[1].len() == "2026-01-01T00:00:00.000Z".len(), "{log}");
    assert!(log.contains("ZeroDivisionError: division by zero\n"));

    let env = [("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("AWS_LAMBDA_LOG_LEVEL", "WARN")];
    let mut session = start_with(python(), &interpreters(python())[0], "app.logs", &env);
    session.invoke("{}");
    let lines: Vec<Value> =
        session.output().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for (name, value) in
        [("level", "WARNING"), ("message", "warn 1"), ("logger", "shop"), ("requestId", REQUEST)]
    {
        assert_eq!(lines[0][name], value);
    }
    assert_eq!((&lines[0]["order"], &lines[1]["errorType"]), (&json!(5), &json!("ZeroDivisionError")));
    assert!(
        lines[1]["stackTrace"].is_array() && lines[1]["location"].as_str().unwrap().contains("app.py:logs:")
    );
}

#[test]
fn a_function_that_takes_its_process_apart_is_still_answered_for() {
    let mut session = start(python(), "app.steals_streams");
    assert_eq!(session.invoke("{}").json(), json!("stolen"));
    assert!(session.output().contains("still logged") && !session.output().contains("unseen"));

    let mut session = start(python(), "app.closes_files");
    session.hand_over("{}", "");
    session.take_connection();
    assert_eq!(session.request().json(), json!(4));

    let mut session = start(python(), "app.forks");
    assert_eq!(session.invoke("{}").json(), json!({"child": false}));
    assert_eq!(session.invoke("{}").json(), json!({"child": false}));

    assert_eq!(start(python(), "app.reads_input").invoke("{}").json(), json!(""));
}

#[test]
fn modules_are_searched_in_the_function_first_and_in_the_sdk_last() {
    assert_eq!(start(python(), "app.paths").invoke("{}").json(), json!([true, "from the sdk", true]));
}

#[test]
fn a_broken_connection_is_opened_anew_and_the_answer_sent_again() {
    let mut session = start(python(), "app.hello");
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
    let mut session = start(python(), "app.large");
    session.hand_over("7000000", "");
    assert_eq!(session.request().body.len(), 7_000_002);
    session.reply("413 Payload Too Large");
    assert_eq!(session.request().path, "invocation/next");
    session.hand_over("1", "");
    session.request();
    session.reply("500 Internal Server Error");
    assert_eq!(session.ended(), Some(1));
}
