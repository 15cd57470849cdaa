//! What a function notices of another app's guests that compute without end, eat memory or sleep.

use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;

use super::app::{self, Function};
use crate::{
    load::{self, Client, Target},
    options::Length,
    platform::Server,
    statistics::{Samples, median, time},
};

/// The neighbour's requests per second, and the connections that they are spread over.
const RATE: u32 = 200;
const CONNECTIONS: u32 = 8;
/// Over this they begin, one after the other, lest they ask again all at once.
const BEGIN: Duration = Duration::from_secs(1);
/// Before a measurement all of them have begun.
const SETTLE: Duration = Duration::from_millis(1_200);
/// A guest goes on though its caller has gone, but no longer than this: its function's time, and some more.
const OVER: Duration = Duration::from_millis(2_500);
const TIME: &str = "timeout = 2\nmemory = 128";

/// Guests of another app.
struct Trouble {
    name: &'static str,
    path: &'static str,
    at_once: u32,
}

const TROUBLES: [Trouble; 4] = [
    Trouble { name: "8 that compute without end", path: "/spin", at_once: 8 },
    Trouble { name: "8 that allocate all they can, again and again", path: "/allocate", at_once: 8 },
    Trouble { name: "8 that use 100 MiB, again and again", path: "/touch/100", at_once: 8 },
    Trouble { name: "100 that sleep", path: "/sleep/1000", at_once: 100 },
];

pub(crate) async fn run(length: Length) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let rounds = length.of(2, 5);
    let window = length.of(Duration::from_secs(2), Duration::from_secs(5));
    println!("| beside the neighbour | p50 | p99 | quiet p50 | quiet p99 | p99, times its quiet one |");
    println!("|---|---:|---:|---:|---:|---:|");
    for trouble in TROUBLES {
        let server = Server::start(&folder.path().join(trouble.path.replace('/', "-")))?;
        let guest = Function::new("f", app::guest()?).with(TIME);
        server.deploy(&app::write(folder.path(), "trouble", &[guest])?)?;
        server.deploy(&app::write(folder.path(), "neighbour", &[Function::new("f", app::hello()?)])?)?;
        let neighbour = Target::new(server.gateway, "neighbour.localhost", "/");
        load::run(&neighbour, 1, SETTLE).await?;
        let (mut quiet, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            quiet.push(load::paced(&neighbour, CONNECTIONS, RATE, window).await?);
            let mut callers = begin(&server, &trouble);
            tokio::time::sleep(SETTLE).await;
            beside.push(load::paced(&neighbour, CONNECTIONS, RATE, window).await?);
            if let Some(ended) = callers.try_join_next() {
                ended??;
            }
            drop(callers);
            tokio::time::sleep(OVER).await;
        }
        let of = |samples: &[Samples], quantile: fn(&Samples) -> Duration| {
            median(samples.iter().map(quantile)).unwrap_or_default()
        };
        let times = quiet.iter().zip(&beside);
        let times = times.map(|(quiet, beside)| beside.p99().as_secs_f64() / quiet.p99().as_secs_f64());
        println!(
            "| {} | {} | {} | {} | {} | {:.1} |",
            trouble.name,
            time(of(&beside, Samples::p50)),
            time(of(&beside, Samples::p99)),
            time(of(&quiet, Samples::p50)),
            time(of(&quiet, Samples::p99)),
            median(times).unwrap_or_default()
        );
    }
    Ok(())
}

/// Callers that each ask again when they have been answered, whatever the answer is.
fn begin(server: &Server, trouble: &Trouble) -> JoinSet<Result<()>> {
    let mut callers = JoinSet::new();
    for index in 0..trouble.at_once {
        let target = Target::new(server.gateway, "trouble.localhost", trouble.path);
        let wait = BEGIN * index / trouble.at_once;
        callers.spawn(async move {
            tokio::time::sleep(wait).await;
            let mut client = Client::connect(target.address).await?;
            loop {
                client.status(&target).await?;
            }
        });
    }
    callers
}
