//! Requests per second and how long each takes, beside bare hyper and beside other servers.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};

use super::{
    app::{self, Function},
    guests, peers,
};
use crate::{
    load::{self, Target},
    options::Length,
    platform::{self, Process, Server},
    statistics::{count, median, time},
};

const WARM_UP: Duration = Duration::from_millis(500);
/// Connections of each measurement of a turn.
const SOME: usize = 16;
const MANY: usize = 64;

/// One of those that are measured in turns.
struct Contender {
    pub(crate) name: String,
    pub(crate) target: Target,
    turns: Vec<Turn>,
    _process: Option<Process>,
}

struct Turn {
    one: f64,
    p50: Duration,
    p99: Duration,
    some: f64,
    many: f64,
}

impl Contender {
    fn new(name: impl Into<String>, target: Target, process: Option<Process>) -> Self {
        Self { name: name.into(), target, turns: Vec::new(), _process: process }
    }

    async fn turn(&mut self, length: Duration) -> Result<()> {
        load::run(&self.target, 1, WARM_UP / 5).await.with_context(|| self.name.clone())?;
        let one = load::run(&self.target, 1, length).await?;
        let some = load::run(&self.target, SOME, length).await?;
        let many = load::run(&self.target, MANY, length).await?;
        self.turns.push(Turn {
            one: one.per_second,
            p50: one.latency.p50(),
            p99: one.latency.p99(),
            some: some.per_second,
            many: many.per_second,
        });
        Ok(())
    }

    fn median<T: Copy + PartialOrd + Default>(&self, of: fn(&Turn) -> T) -> T {
        median(self.turns.iter().map(of)).unwrap_or_default()
    }

    /// How many times the other's, turn by turn.
    fn times(&self, other: &Self, of: fn(&Turn) -> f64) -> f64 {
        let turns = self.turns.iter().zip(&other.turns);
        median(turns.map(|(mine, its)| of(mine) / of(its))).unwrap_or_default()
    }

    /// Its p50 less the other's, turn by turn.
    fn added(&self, other: &Self) -> Duration {
        let turns = self.turns.iter().zip(&other.turns);
        median(turns.map(|(mine, its)| mine.p50.saturating_sub(its.p50))).unwrap_or_default()
    }
}

async fn turns(contenders: &mut [Contender], turns: usize, length: Duration) -> Result<()> {
    for contender in contenders.iter() {
        load::run(&contender.target, SOME, WARM_UP).await.with_context(|| contender.name.clone())?;
    }
    for turn in 0..turns {
        eprintln!("    turn {} of {turns}", turn + 1);
        for contender in contenders.iter_mut() {
            contender.turn(length).await?;
        }
    }
    Ok(())
}

pub(crate) async fn run(length: Length) -> Result<()> {
    let folder = tempfile::tempdir()?;
    tiny(folder.path(), length).await?;
    languages(folder.path(), length).await
}

async fn tiny(folder: &Path, length: Length) -> Result<()> {
    let hello = app::hello()?;
    let file = folder.join("hello.wasm");
    std::fs::write(&file, &hello)?;
    let server = Server::start(&folder.join("tiny"))?;
    server.deploy(&app::write(folder, "hello", &[Function::new("hello", hello)])?)?;
    let (yardstick, bare) = platform::yardstick()?;
    let mut all = vec![
        Contender::new("bare hyper", Target::new(bare, "bare", "/"), Some(yardstick)),
        Contender::new("Sonagi", Target::new(server.gateway, "hello.localhost", "/"), None),
    ];
    let mut missing = Vec::new();
    for (name, peer) in [
        ("`wasmtime serve`", peers::wasmtime(&file)),
        ("workerd, a script that stays", peers::workerd(folder)),
    ] {
        match peer.with_context(|| name.to_owned())? {
            Some((process, address)) => {
                all.push(Contender::new(name, Target::new(address, "localhost", "/"), Some(process)));
            }
            None => missing.push(name),
        }
    }
    turns(&mut all, length.of(2, 5), length.of(Duration::from_millis(500), Duration::from_secs(2))).await?;
    println!(
        "| tiny component | req/s, 1 connection | p50 | p99 | p50 over bare | req/s, {SOME} connections | of bare \
         hyper | req/s, {MANY} connections | of bare hyper |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    let bare = &all[0];
    for it in &all {
        println!(
            "| {} | {} | {} | {} | {} | {} | {:.2} | {} | {:.2} |",
            it.name,
            count(it.median(|turn| turn.one)),
            time(it.median(|turn| turn.p50)),
            time(it.median(|turn| turn.p99)),
            time(it.added(bare)),
            count(it.median(|turn| turn.some)),
            it.times(bare, |turn| turn.some),
            count(it.median(|turn| turn.many)),
            it.times(bare, |turn| turn.many),
        );
    }
    println!();
    for peer in &all[2..] {
        println!(
            "Sonagi answers {:.1} times as many requests as {} with {SOME} connections, {:.1} times with {MANY}.",
            all[1].times(peer, |turn| turn.some),
            peer.name,
            all[1].times(peer, |turn| turn.many),
        );
    }
    for name in missing {
        println!("{name} could not be installed here and is left out.");
    }
    println!();
    Ok(())
}

async fn languages(folder: &Path, length: Length) -> Result<()> {
    let (guests, notes) = guests::all()?;
    let server = Server::start(&folder.join("languages"))?;
    println!(
        "| guest | Sonagi p50 | p99 | req/s, {SOME} connections | `wasmtime serve` p50 | p99 | req/s, {SOME} \
         connections | times its requests |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    let mut left_out = Vec::new();
    for guest in guests {
        eprintln!("    {}", guest.name);
        let app = app::write(folder, guest.name, &[Function::new("f", guest.component)])?;
        if let Err(error) = server.deploy(&app) {
            left_out.push(format!("{} is left out: {error:#}", guest.name));
            continue;
        }
        let host = format!("{}.localhost", guest.name);
        let mut all =
            vec![Contender::new(guest.name, Target::new(server.gateway, &host, guests::PATH), None)];
        if let Some((process, address)) = peers::wasmtime(&guest.file)? {
            let target = Target::new(address, "localhost", guests::PATH);
            all.push(Contender::new("`wasmtime serve`", target, Some(process)));
        }
        turns(&mut all, length.of(2, 3), length.of(Duration::from_millis(500), Duration::from_secs(1)))
            .await?;
        let shown = |it: &Contender| {
            format!(
                "{} | {} | {}",
                time(it.median(|turn| turn.p50)),
                time(it.median(|turn| turn.p99)),
                count(it.median(|turn| turn.some))
            )
        };
        let (peer, times) = match all.get(1) {
            Some(peer) => (shown(peer), format!("{:.1}", all[0].times(peer, |turn| turn.some))),
            None => ("— | — | —".into(), "—".into()),
        };
        println!("| {} | {} | {peer} | {times} |", guest.name, shown(&all[0]));
    }
    println!("\n{notes}");
    for line in left_out {
        println!("{line}");
    }
    Ok(())
}
