//! The client against real servers on this machine; only names and time are the tests' own.

mod connections;
mod endings;
mod limits;
mod secrecy;
mod servers;
mod ways;

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use sonagi_model::{AppName, clock::ManualClock, function::Wasm};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks as _};

use super::{Outbound, OutboundConfig, OutboundHooks, Resolver, Roots};
use crate::wasm::reach::{Grants, Nothing};

/// How often other tasks may run before what a test waits for must have come.
const PATIENCE: usize = 20_000_000;

/// A client, and what its surroundings are.
pub(super) struct World {
    pub(super) clock: ManualClock,
    pub(super) names: Arc<Names>,
    pub(super) outbound: Outbound,
}

/// Answers each question with the next of its answers, and with the last one from then on.
#[derive(Default)]
pub(super) struct Names {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    pub(super) fn is(&self, name: &str, answers: &[&[&str]]) {
        let answers = answers.iter().map(|answer| answer.iter().map(|text| text.parse().unwrap()).collect());
        self.answers.lock().unwrap().insert(name.into(), answers.collect());
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.into());
        if name == "silent.example" {
            std::future::pending::<()>().await;
        }
        let mut answers = self.answers.lock().unwrap();
        let left = answers.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(if left.len() > 1 { left.remove(0) } else { left[0].clone() })
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self::trusting(Vec::new())
    }

    pub(super) fn trusting(roots: Vec<Vec<u8>>) -> Self {
        let (clock, names) = (ManualClock::default(), Arc::new(Names::default()));
        let outbound = Outbound::new(OutboundConfig {
            resolver: Arc::clone(&names) as _,
            roots: Roots::Only(roots),
            clock: Arc::new(clock.clone()),
            runtime: tokio::runtime::Handle::current(),
        });
        Self { clock, names, outbound }
    }

    /// A store of a function of `app` that was granted `rules`.
    pub(super) fn guest(&self, app: &str, rules: &[&str]) -> OutboundHooks {
        let outbound = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let wasm = Wasm { outbound, ..Wasm::default() };
        let app = AppName::new(app).unwrap();
        Grants::new(app, wasm, Arc::new(Nothing), self.outbound.clone()).hooks()
    }

    /// A guest that was granted one server's address.
    pub(super) fn guest_of(&self, server: SocketAddr) -> OutboundHooks {
        self.guest("shop", &[&format!("http://{server}")])
    }

    /// Lets tasks and sockets go on until `done`.
    pub(super) async fn until(&self, done: impl Fn(&Self) -> bool) {
        for _ in 0..PATIENCE {
            if done(self) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("it never comes");
    }

    /// Moves time once somebody waits for it.
    pub(super) async fn advance_sleepers(&self, by: Duration) {
        self.until(|world| world.clock.sleepers() > 0).await;
        self.clock.advance(by).await;
    }
}

pub(super) async fn get(hooks: &mut OutboundHooks, uri: &str) -> Result<Response<WasiBody>, Error> {
    send(hooks, Request::get(uri), None).await
}

pub(super) async fn send(
    hooks: &mut OutboundHooks,
    request: http::request::Builder,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    begin(hooks, request.body(body).unwrap(), options).await
}

pub(super) async fn begin(
    hooks: &mut OutboundHooks,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    let sent = hooks.send_request(request, options, Box::new(std::future::ready(Ok(()))));
    let (answer, finishing) = Box::into_pin(sent).await?;
    Box::into_pin(finishing).await?;
    Ok(answer)
}

pub(super) async fn text(answer: Response<WasiBody>) -> Result<String, Error> {
    let body: Bytes = answer.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}
