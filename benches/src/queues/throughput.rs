//! The same load on every broker, in turns, beside what the disk and a bare HTTP server do.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    BATCH, SIZE, WORKERS,
    amqp::{Amqp, Kind},
    sqs::Sqs,
    traffic::{self, Shape, Traffic},
};
use crate::{
    load::{self, Target},
    options::Options,
    platform::{self, Process, Server},
    records,
    statistics::{count, median, time},
};

const WARM_UP: Duration = Duration::from_secs(2);
const WINDOW: Duration = Duration::from_secs(10);
/// Messages a second, where the queue is to stay short so that a message's way is seen and not its wait.
const RATE: u32 = 500;
/// What is asked of each broker in each turn: messages of one request, and requests a second.
const SHAPES: [(usize, Option<u32>); 3] = [(1, None), (BATCH, None), (1, Some(RATE))];
/// An emulator listens within this.
const START: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// One under measurement.
struct Contender {
    name: &'static str,
    /// What an acknowledged sending says.
    acknowledged: &'static str,
    broker: Brokers,
    /// Of each shape, what every turn showed.
    turns: [Vec<Traffic>; SHAPES.len()],
}

enum Brokers {
    Sqs(Sqs),
    Amqp(Amqp),
}

impl Contender {
    fn new(name: &'static str, acknowledged: &'static str, broker: Brokers) -> Self {
        Self { name, acknowledged, broker, turns: Default::default() }
    }

    /// Messages a second that went all the way, in each turn.
    fn through(&self, shape: usize) -> impl Iterator<Item = f64> {
        self.turns[shape].iter().map(|traffic| traffic.deleted)
    }
}

/// In each turn: `fdatasync` a second, and requests a second to bare hyper.
#[derive(Default)]
struct Yardsticks {
    disk: Vec<f64>,
    http: Vec<f64>,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    let turns = options.length.of(1, 3);
    let (warm_up, window) = (options.length.of(WARM_UP / 4, WARM_UP), options.length.of(WINDOW / 5, WINDOW));
    let folder = records::folder()?;
    let server = Server::start(&folder.path().join("data"))?;
    let (_yardstick, bare) = platform::yardstick()?;
    let bare = Target::post(bare, "bare", "/", SIZE);
    let sonagi = Sqs { host: server.platform.clone() };
    let mut all = vec![Contender::new("Sonagi", "on the disk, fsynced", Brokers::Sqs(sonagi))];
    let _moto = match &options.moto {
        Some(python) => {
            let (process, address) = moto(python).await?;
            let broker = Brokers::Sqs(Sqs { host: address.to_string() });
            all.push(Contender::new("moto", "in memory", broker));
            Some(process)
        }
        None => None,
    };
    if let Some(address) = options.rabbitmq {
        for (name, acknowledged, kind) in [
            ("RabbitMQ, classic queue", "on the disk, or consumed before that", Kind::Classic),
            ("RabbitMQ, quorum queue", "on the disk, fsynced", Kind::Quorum),
        ] {
            all.push(Contender::new(name, acknowledged, Brokers::Amqp(Amqp { address, kind })));
        }
    }
    let mut yardsticks = Yardsticks::default();
    for turn in 1..=turns {
        eprintln!("    turn {turn} of {turns}");
        yardsticks.disk.push(tokio::task::block_in_place(|| records::disk(folder.path()))?);
        yardsticks.http.push(load::run(&bare, WORKERS, window).await?.per_second);
        for contender in &mut all {
            for ((batch, rate), turns) in SHAPES.into_iter().zip(&mut contender.turns) {
                let shape = Shape { batch, rate, warm_up, window };
                turns.push(match &contender.broker {
                    Brokers::Sqs(broker) => traffic::run(broker, shape).await,
                    Brokers::Amqp(broker) => traffic::run(broker, shape).await,
                }?);
            }
        }
    }
    tell(&all)?;
    println!();
    compare(&all, &yardsticks)
}

fn tell(all: &[Contender]) -> Result<()> {
    println!(
        "| | messages a request | sent/s | received/s | deleted/s | send p50 | p99 | end to end p50 | p99 | left over | \
         an acknowledged message is |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|");
    for contender in all {
        for ((batch, rate), turns) in SHAPES.into_iter().zip(&contender.turns) {
            let shape = match rate {
                None => batch.to_string(),
                Some(rate) => format!("{batch}, {rate} a second"),
            };
            let number = |of: fn(&Traffic) -> f64| median(turns.iter().map(of)).map(count).context("a turn");
            let latency =
                |of: fn(&Traffic) -> Duration| median(turns.iter().map(of)).map(time).context("a turn");
            println!(
                "| {} | {shape} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                contender.name,
                number(|traffic| traffic.sent)?,
                number(|traffic| traffic.received)?,
                number(|traffic| traffic.deleted)?,
                latency(|traffic| traffic.send.p50())?,
                latency(|traffic| traffic.send.p99())?,
                latency(|traffic| traffic.end_to_end.p50())?,
                latency(|traffic| traffic.end_to_end.p99())?,
                number(|traffic| traffic.left as f64)?,
                contender.acknowledged
            );
        }
    }
    Ok(())
}

/// What went all the way through Sonagi, to what others do.
fn compare(all: &[Contender], yardsticks: &Yardsticks) -> Result<()> {
    let (sonagi, others) = all.split_first().context("Sonagi itself")?;
    println!("| messages through Sonagi, to | a second | one a request | a second | {BATCH} a request |");
    println!("|---|---:|---:|---:|---:|");
    let row = |name: &str, theirs: [Vec<f64>; 2]| -> Result<()> {
        let mut cells = String::new();
        for (shape, theirs) in theirs.into_iter().enumerate() {
            let ratio = median(sonagi.through(shape).zip(&theirs).map(|(ours, theirs)| ours / theirs));
            let (theirs, ratio) = (median(theirs).context("a turn")?, ratio.context("a turn")?);
            cells += &match theirs {
                0.0 => " 0 | — |".to_owned(),
                theirs => format!(" {} | {ratio:.2} |", count(theirs)),
            };
        }
        println!("| {name} |{cells}");
        Ok(())
    };
    row("`fdatasync` of the disk", [yardsticks.disk.clone(), yardsticks.disk.clone()])?;
    row("requests to bare hyper, of 1 KB", [yardsticks.http.clone(), yardsticks.http.clone()])?;
    for other in others {
        row(&format!("messages through {}", other.name), [0, 1].map(|shape| other.through(shape).collect()))?;
    }
    Ok(())
}

/// moto's server, in memory.
async fn moto(python: &Path) -> Result<(Process, SocketAddr)> {
    // It does not say which port it chose.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = Command::new(python);
    command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &address.port().to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let process =
        Process::from(command.spawn().with_context(|| format!("start moto with {}", python.display()))?);
    let began = Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_err() {
        ensure!(began.elapsed() < START, "moto does not listen: is moto[server] installed there?");
        tokio::time::sleep(LOOK).await;
    }
    Ok((process, address))
}
