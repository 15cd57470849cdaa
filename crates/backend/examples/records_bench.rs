//! How many durable commits, reads and scans a second `Records` do on this disk, beside what the disk itself does.
//!
//! `cargo run --release -p sonagi-backend --example records_bench [FOLDER]`

#![expect(clippy::disallowed_methods, reason = "a measurement reads the real clock")]
#![expect(clippy::print_stdout, reason = "a program that prints its results")]

use std::{
    fs::File,
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use sonagi_backend::{
    Records,
    embedded::{RecordsConfig, SqliteRecords},
    records::Direction,
};

const TIME: Duration = Duration::from_secs(3);
const ROWS: u32 = 100_000;
const VALUE: [u8; 100] = [7; 100];

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let folder = tempfile::TempDir::new_in(folder).context("make a folder to measure in")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("{:<44} {:>12}", "", "per second");
    let disk = disk(folder.path())?;
    report("4 KiB write + fdatasync, over what is there", disk);
    runtime.block_on(measure(folder.path(), disk))
}

fn report(what: &str, rate: f64) {
    println!("{what:<44} {rate:>12.0}");
}

/// What a commit cannot be faster than: the same number of bytes, at the place of earlier ones, and made durable.
fn disk(folder: &Path) -> Result<f64> {
    let mut file = File::create(folder.join("yardstick"))?;
    let page = [1; 4096];
    for _ in 0..1_000 {
        file.write_all(&page)?;
    }
    file.sync_all()?;
    let (mut count, start) = (0_u64, Instant::now());
    while start.elapsed() < TIME {
        file.seek(SeekFrom::Start(count % 1_000 * 4096))?;
        file.write_all(&page)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

async fn measure(folder: &Path, disk: f64) -> Result<()> {
    let records: Arc<dyn Records> =
        Arc::new(SqliteRecords::open(RecordsConfig::new(folder.join("records")))?);
    for callers in [1, 16, 64, 256] {
        let counter = commits(&records, callers, Keys::OneCounter).await?;
        let own = commits(&records, callers, Keys::OwnRecord).await?;
        println!(
            "{:<44} {counter:>12.0} {:>8.2} x disk",
            format!("commits, {callers} callers, one counter"),
            counter / disk
        );
        println!(
            "{:<44} {own:>12.0} {:>8.2} x disk",
            format!("commits, {callers} callers, a new record each"),
            own / disk
        );
    }
    fill(&records).await?;
    for readers in [1, 16] {
        report(&format!("point reads, {readers} readers, a snapshot each"), reads(&records, readers).await?);
    }
    report("point reads, 1 reader, one snapshot", one_snapshot(&records).await?);
    report("scans of 100 records, 1 reader", scans(&records, 100).await?);
    report("scans of 10,000 records, 1 reader", scans(&records, 10_000).await?);
    Ok(())
}

#[derive(Clone, Copy)]
enum Keys {
    OneCounter,
    OwnRecord,
}

/// Runs `each` in as many tasks as there are `callers` for a while; how often a second.
async fn rate<F, R>(callers: u64, each: F) -> Result<f64>
where
    F: Fn(u64, u64) -> R,
    R: Future<Output = Result<()>> + Send + 'static,
    F: Clone + Send + Sync + 'static,
{
    let (count, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let start = Instant::now();
    let tasks = (0..callers).map(|caller| {
        let (count, stop, each) = (Arc::clone(&count), Arc::clone(&stop), each.clone());
        tokio::spawn(async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                each(caller, n).await?;
                n += 1;
            }
            count.fetch_add(n, Ordering::Relaxed);
            anyhow::Ok(())
        })
    });
    let tasks: Vec<_> = tasks.collect();
    tokio::time::sleep(TIME).await;
    stop.store(true, Ordering::Relaxed);
    for result in try_join_all(tasks).await? {
        result?;
    }
    Ok(count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64())
}

async fn commits(records: &Arc<dyn Records>, callers: u64, keys: Keys) -> Result<f64> {
    let records = Arc::clone(records);
    rate(callers, move |caller, n| {
        let records = Arc::clone(&records);
        async move {
            match keys {
                Keys::OneCounter => {
                    let count = |t: &mut dyn sonagi_backend::Transaction| {
                        let before = t.get(b"counter")?;
                        let before =
                            before.and_then(|bytes| bytes[..].try_into().ok()).map_or(0, u64::from_be_bytes);
                        t.put(b"counter", &(before + 1).to_be_bytes())
                    };
                    records.transact(count).await?;
                }
                Keys::OwnRecord => {
                    let key = format!("commit/{callers}/{caller}/{n:08}");
                    records.transact(move |t| t.put(key.as_bytes(), &VALUE)).await?;
                }
            }
            Ok(())
        }
    })
    .await
}

async fn fill(records: &Arc<dyn Records>) -> Result<()> {
    for start in (0..ROWS).step_by(10_000) {
        records.transact(move |t| (start..start + 10_000).try_for_each(|n| t.put(&row(n), &VALUE))).await?;
    }
    Ok(())
}

fn row(n: u32) -> Vec<u8> {
    format!("row/{n:08}").into_bytes()
}

/// Rows in no order.
fn some_row(reader: u64, n: u64) -> u32 {
    ((reader + 1).wrapping_mul(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u32 % ROWS
}

async fn reads(records: &Arc<dyn Records>, readers: u64) -> Result<f64> {
    let records = Arc::clone(records);
    rate(readers, move |reader, n| {
        let records = Arc::clone(&records);
        async move {
            records.snapshot().get(&row(some_row(reader, n))).await?.context("the row is there")?;
            Ok(())
        }
    })
    .await
}

async fn one_snapshot(records: &Arc<dyn Records>) -> Result<f64> {
    let snapshot = records.snapshot();
    rate(1, move |reader, n| {
        let snapshot = Arc::clone(&snapshot);
        async move {
            snapshot.get(&row(some_row(reader, n))).await?.context("the row is there")?;
            Ok(())
        }
    })
    .await
}

async fn scans(records: &Arc<dyn Records>, rows: u32) -> Result<f64> {
    let records = Arc::clone(records);
    rate(1, move |reader, n| {
        let records = Arc::clone(&records);
        async move {
            let start = row(some_row(reader, n).min(ROWS - rows));
            let found =
                records.snapshot().scan(&start[..]..&b"row0"[..], Direction::Forward, rows as usize).await?;
            anyhow::ensure!(found.len() == rows as usize, "all rows are there");
            Ok(())
        }
    })
    .await
}
