//! How many requests there may be at once.

use std::sync::Arc;

use http::Request;
use http_body_util::{BodyExt as _, Empty};
use sonagi_model::{AppName, limits};
use wasmtime_wasi_http::{Error, WasiHttpHooks as _};

use super::{World, get, servers::Server, text};
use crate::wasm::reach::outbound::pool::Counted;

#[tokio::test]
async fn an_instance_has_so_many_requests_under_way_and_no_more() {
    let (world, server) = (World::new(), Server::start().await);
    let uri = format!("http://{}/", server.address);
    let mut guest = world.guest_of(server.address);
    let mut answers = Vec::new();
    for _ in 0..limits::OUTBOUND_REQUESTS_INSTANCE {
        answers.push(get(&mut guest, &uri).await.unwrap());
    }
    assert!(matches!(get(&mut guest, &uri).await, Err(Error::ConnectionLimitReached)));
    // Another instance has its own.
    let other = get(&mut world.guest_of(server.address), &uri).await.unwrap();
    // One that has ended makes room, read to its end or let go.
    text(answers.pop().unwrap()).await.unwrap();
    let again = get(&mut guest, &uri).await.unwrap();
    assert!(matches!(get(&mut guest, &uri).await, Err(Error::ConnectionLimitReached)));
    drop(again);
    assert!(get(&mut guest, &uri).await.is_ok());
    drop((answers, other, guest));
    world.until(|world| world.outbound.0.pool.requests() == 0).await;
}

#[tokio::test]
async fn a_request_that_was_made_and_never_waited_for_counts_until_it_is_dropped() {
    let (world, server) = (World::new(), Server::start().await);
    let mut guest = world.guest_of(server.address);
    let make = |guest: &mut super::OutboundHooks| {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = Request::get(format!("http://{}/", server.address)).body(body).unwrap();
        guest.send_request(request, None, Box::new(std::future::ready(Ok(()))))
    };
    let made: Vec<_> = (0..limits::OUTBOUND_REQUESTS_INSTANCE).map(|_| make(&mut guest)).collect();
    assert!(matches!(Box::into_pin(make(&mut guest)).await, Err(Error::ConnectionLimitReached)));
    drop(made);
    assert!(Box::into_pin(make(&mut guest)).await.is_ok());
}

#[tokio::test]
async fn an_app_leaves_room_for_others() {
    let world = World::new();
    let pool = Arc::clone(&world.outbound.0.pool);
    let (shop, other) = (AppName::new("shop").unwrap(), AppName::new("other").unwrap());
    let mut slots: Vec<_> =
        (0..limits::OUTBOUND_REQUESTS_APP).map(|_| pool.count(&shop, Counted::Request).unwrap()).collect();
    assert!(matches!(pool.count(&shop, Counted::Request), Err(Error::ConnectionLimitReached)));
    assert!(pool.count(&other, Counted::Request).is_ok());
    slots.pop();
    assert!(pool.count(&shop, Counted::Request).is_ok());
    // All together have a limit too.
    let apps = limits::OUTBOUND_REQUESTS / limits::OUTBOUND_REQUESTS_APP;
    for app in 1..=apps {
        let app = AppName::new(&format!("app{app}")).unwrap();
        slots.extend(
            (0..limits::OUTBOUND_REQUESTS_APP).map_while(|_| pool.count(&app, Counted::Request).ok()),
        );
    }
    assert_eq!(slots.len(), limits::OUTBOUND_REQUESTS);
    assert!(matches!(pool.count(&other, Counted::Request), Err(Error::ConnectionLimitReached)));
    let lookups: Vec<_> =
        (0..limits::OUTBOUND_LOOKUPS_APP).map(|_| pool.count(&other, Counted::Lookup).unwrap()).collect();
    assert!(pool.count(&other, Counted::Lookup).is_err());
    drop((slots, lookups));
    assert!(pool.is_empty());
}
