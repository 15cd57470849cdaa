//! How many durable commits, reads and scans a second `Records` do on this disk, beside what the disk itself does
//! in the moment before: these disks change their mind.

use std::{
    fs::File,
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
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
use tempfile::TempDir;

use crate::statistics::count;

const TIME: Duration = Duration::from_secs(3);
const ROWS: u32 = 100_000;
const VALUE: [u8; 100] = [7; 100];

pub(crate) async fn run() -> Result<()> {
    measure(folder()?.path()).await
}

/// Beside the build, which is on a disk: a temporary folder may be in memory.
pub(crate) fn folder() -> Result<TempDir> {
    let program = std::env::current_exe()?;
    Ok(TempDir::new_in(program.parent().context("the program's folder")?)?)
}

/// What a commit cannot be faster than: the same number of bytes, at the place of earlier ones, and made durable.
pub(crate) fn disk(folder: &Path) -> Result<f64> {
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

async fn measure(folder: &Path) -> Result<()> {
    let records: Arc<dyn Records> =
        Arc::new(SqliteRecords::open(RecordsConfig::new(folder.join("records")))?);
    println!(
        "| durable commits/s | disk alone | one counter | of the disk | a new record each | of the disk |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for callers in [1, 16, 64, 256] {
        let disk = disk(folder)?;
        let counter = commits(&records, callers, Keys::OneCounter).await?;
        let own = commits(&records, callers, Keys::OwnRecord).await?;
        println!(
            "| {callers} callers | {} | {} | {:.1} | {} | {:.1} |",
            count(disk),
            count(counter),
            counter / disk,
            count(own),
            own / disk
        );
    }
    fill(&records).await?;
    println!();
    println!("| reads, of 100,000 records | per second |");
    println!("|---|---:|");
    for readers in [1, 16] {
        let rate = reads(&records, readers).await?;
        println!("| point reads, {readers} readers, a snapshot each | {} |", count(rate));
    }
    println!("| point reads, 1 reader, one snapshot | {} |", count(one_snapshot(&records).await?));
    println!("| scans of 100 records, 1 reader | {} |", count(scans(&records, 100).await?));
    println!("| scans of 10,000 records, 1 reader | {} |", count(scans(&records, 10_000).await?));
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
