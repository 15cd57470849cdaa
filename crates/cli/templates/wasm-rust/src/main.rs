use serde_json::{Value, json};
use wstd::http::{Body, Error, Request, Response};

mod config;

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let kind = request.headers().get("ce-type").and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let answer = match kind {
        None => on_request(request.uri().query().unwrap_or_default()),
        Some(kind) => on_event(&kind, request.into_body().json().await?),
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

/// Answers an event, which comes as a CloudEvents request: its data is the body, all else is in `ce-` headers.
fn on_event(kind: &str, data: Value) -> Value {
    println!("an event of type {kind}");
    json!({ "got": data })
}
