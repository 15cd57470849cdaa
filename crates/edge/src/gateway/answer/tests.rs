use super::*;

fn reading(front: Front, format: PayloadFormat) -> Reading<'static> {
    Reading { front, format, binary_media_types: &[], accept: None }
}

fn v2(answer: &str) -> Result<Response<ResponseBody>, Malformed> {
    read(&Bytes::copy_from_slice(answer.as_bytes()), reading(Front::HttpApi, PayloadFormat::V2))
}

fn rest(answer: &str) -> Result<Response<ResponseBody>, Malformed> {
    read(&Bytes::copy_from_slice(answer.as_bytes()), reading(Front::RestApi, PayloadFormat::V1))
}

fn body(response: &Response<ResponseBody>) -> &[u8] {
    response.body().as_whole().unwrap()
}

#[test]
fn an_answer_without_a_status_is_the_body_itself() {
    for (answer, expected) in [
        (r#"{"message": "hi"}"#, r#"{"message": "hi"}"#),
        (r#""Hello from Lambda!""#, "Hello from Lambda!"),
        ("[1,2]", "[1,2]"),
        ("null", "null"),
        ("3", "3"),
        (r#"{"headers": 5, "body": []}"#, r#"{"headers": 5, "body": []}"#),
    ] {
        let response = v2(answer).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(body(&response), expected.as_bytes(), "{answer}");
    }
}

#[test]
fn a_formatted_answer_gives_status_headers_cookies_and_body() {
    let response =
        v2(r#"{"statusCode": "201", "headers": {"X-A": 1, "x-b": true, "X-C": null, "Connection": "close"},
        "cookies": ["a=1", "b=2; Secure"], "body": "é", "isBase64Encoded": false}"#)
        .unwrap();
    assert_eq!(response.status(), 201);
    let headers = response.headers();
    assert_eq!((&headers["x-a"], &headers["x-b"]), (&"1".parse().unwrap(), &"true".parse().unwrap()));
    assert!(!headers.contains_key("x-c") && !headers.contains_key("connection"));
    assert_eq!(headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2; Secure"]);
    assert_eq!(headers["content-type"], "text/plain;charset=utf-8");
    assert_eq!(body(&response), "é".as_bytes());
}

#[test]
fn both_spellings_of_headers_are_merged_for_payload_1() {
    let response = rest(
        r#"{"statusCode": 200, "headers": {"x-a": "1", "x-b": "9"}, "multiValueHeaders": {"x-a": ["1", "2"]}}"#,
    )
    .unwrap();
    assert_eq!(response.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(response.headers()["x-b"], "9");
    assert_eq!(response.headers()["content-type"], "application/json");
}

#[test]
fn a_malformed_answer_is_refused() {
    for answer in [
        r#"{"statusCode": 99}"#,
        r#"{"statusCode": 101}"#,
        r#"{"statusCode": 600}"#,
        r#"{"statusCode": "x"}"#,
        r#"{"statusCode": true}"#,
        r#"{"statusCode": 200, "headers": []}"#,
        r#"{"statusCode": 200, "headers": {"a b": "c"}}"#,
        r#"{"statusCode": 200, "headers": {"a": "c\r\nset-cookie: evil=1"}}"#,
        r#"{"statusCode": 200, "headers": {"a": {}}}"#,
        r#"{"statusCode": 200, "body": {}}"#,
        r#"{"statusCode": 200, "body": "%", "isBase64Encoded": true}"#,
        r#"{"statusCode": 200, "isBase64Encoded": "yes", "body": ""}"#,
        r#"{"statusCode": 200, "cookies": "a=1"}"#,
        r#"{"statusCode": 200"#,
        "",
        "hello",
        "\u{7f}",
    ] {
        assert!(v2(answer).is_err(), "{answer}");
    }
    for answer in [
        r#"{"body": "x"}"#,
        r#""x""#,
        "null",
        r#"{"statusCode": 200, "surprise": 1}"#,
        r#"{"statusCode": null}"#,
    ] {
        assert!(rest(answer).is_err(), "{answer}");
    }
}

#[test]
fn a_rest_api_decodes_the_binary_types_of_the_api_alone() {
    let answer = Bytes::from_static(
        br#"{"statusCode": 200, "headers": {"Content-Type": "image/png"}, "body": "aGk=", "isBase64Encoded": true}"#,
    );
    let types = ["image/*".to_owned()];
    let mut how = reading(Front::RestApi, PayloadFormat::V1);
    assert_eq!(body(&read(&answer, how).unwrap()), b"aGk=");
    how.binary_media_types = &types;
    assert_eq!(body(&read(&answer, how).unwrap()), b"hi");
    let how = reading(Front::HttpApi, PayloadFormat::V1);
    assert_eq!(body(&read(&answer, how).unwrap()), b"hi");
}
