use serde_json::{Value, json};
use wstd::http::{Body, Error, Request, Response};

mod config;

/// A header of events alone: no client of the gateway can send it.
const EVENT: &str = "lambda-runtime-aws-request-id";

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let answer = if request.headers().contains_key(EVENT) {
        let kind = request.headers()["ce-type"].to_str().unwrap_or_default().to_owned();
        on_event(&kind, request.into_body().json().await?)
    } else {
        on_request(request.uri().query().unwrap_or_default())
    };
    Ok(Response::builder().header("content-type", "application/json").body(answer.to_string().into())?)
}

/// Answers GET /hello?name=…
fn on_request(query: &str) -> Value {
    let name = query.split('&').find_map(|pair| pair.strip_prefix("name=")).unwrap_or("world");
    println!("hello, {name}");
    let greeting = config::get("greeting").unwrap_or_default();
    json!({ "message": format!("{greeting}, {name}!") })
}

/// Answers an event, which comes as a CloudEvents request: its data is the body, all else is in headers.
fn on_event(kind: &str, data: Value) -> Value {
    println!("an event of type {kind}");
    json!({ "got": data })
}
