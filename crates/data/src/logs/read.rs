//! Reading logs back: every file from its end, no further than needed.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use sonagi_model::{
    AppName, LambdaName, Timestamp,
    limits::{LOG_LINE_SIZE, LOG_READ_LINES, LOG_READ_SIZE},
};

use super::{
    Entry, Query, line,
    segment::{CURRENT, PREVIOUS},
};
use crate::{Error, Result};

/// Several environments write one log, so its lines are only nearly in the order of time: a line may stand behind
/// one that is so much later.
const DISORDER: Duration = Duration::from_secs(60);

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Bytes of the longest entry on disk: every byte of the text escaped, and room for the rest.
const ENTRY_SIZE: usize = 2 * LOG_LINE_SIZE + 4_096;

pub(super) fn read(dir: &Path, query: &Query) -> Result<Vec<Entry>> {
    let mut newest = Newest::new(query.limit.min(LOG_READ_LINES));
    for (app, app_dir) in folders(dir, query.app.as_ref(), AppName::new)? {
        for (function, folder) in folders(&app_dir, query.function.as_ref(), LambdaName::new)? {
            read_function(&folder, &app, &function, query.since, &mut newest)
                .map_err(|cause| Error::Files { doing: "read the log in", path: folder, cause })?;
        }
    }
    Ok(newest.into_entries())
}

/// The folders in `dir` whose names are names, in order; only `wanted`, if given.
fn folders<N: std::fmt::Display, E>(
    dir: &Path,
    wanted: Option<&N>,
    name: fn(&str) -> Result<N, E>,
) -> Result<Vec<(N, PathBuf)>> {
    let fault = |cause| Error::Files { doing: "list the folder", path: dir.into(), cause };
    let mut found = Vec::new();
    let mut texts = Vec::new();
    match wanted {
        Some(wanted) => texts.push(wanted.to_string()),
        None => match fs::read_dir(dir) {
            Ok(entries) => {
                for entry in entries {
                    texts.extend(entry.map_err(fault)?.file_name().into_string());
                }
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(fault(cause)),
        },
    }
    texts.sort_unstable();
    for text in texts {
        if let Ok(name) = name(&text) {
            found.push((name, dir.join(text)));
        }
    }
    Ok(found)
}

fn read_function(
    folder: &Path,
    app: &AppName,
    function: &LambdaName,
    since: Option<Timestamp>,
    newest: &mut Newest,
) -> io::Result<()> {
    newest.next_function();
    // The current file first: if it becomes the previous one in between, it is the same file twice, not a gap.
    let mut seen = None;
    for name in [CURRENT, PREVIOUS] {
        let file = match File::open(folder.join(name)) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
            Err(cause) => return Err(cause),
        };
        let inode = file.metadata()?.ino();
        if seen.replace(inode) == Some(inode) {
            continue;
        }
        let mut lines = Backwards::new(file)?;
        while let Some(text) = lines.next()? {
            let Some(entry) = line::read(text, app, function) else { continue };
            let at = entry.line.at;
            if since.is_some_and(|since| at < since) {
                if since.is_some_and(|since| at + DISORDER < since) {
                    return Ok(());
                }
                continue;
            }
            if newest.has_only_after(at + DISORDER) {
                return Ok(());
            }
            newest.add(entry);
        }
    }
    Ok(())
}

/// The newest entries seen so far.
struct Newest {
    limit: usize,
    bytes: usize,
    /// The oldest on top. Entries of one moment stay in the order of functions and then of their places.
    heap: BinaryHeap<Reverse<Ranked>>,
    function: u32,
    place: u64,
}

struct Ranked {
    rank: (Timestamp, u32, Reverse<u64>),
    entry: Entry,
}

impl Newest {
    fn new(limit: usize) -> Self {
        Self { limit, bytes: 0, heap: BinaryHeap::new(), function: 0, place: 0 }
    }

    fn next_function(&mut self) {
        self.function += 1;
        self.place = 0;
    }

    /// Full, with nothing as old as `at`.
    fn has_only_after(&self, at: Timestamp) -> bool {
        self.heap.len() >= self.limit && self.heap.peek().is_none_or(|oldest| oldest.0.rank.0 > at)
    }

    fn add(&mut self, entry: Entry) {
        self.place += 1;
        self.bytes += entry.line.text.len();
        let rank = (entry.line.at, self.function, Reverse(self.place));
        self.heap.push(Reverse(Ranked { rank, entry }));
        while self.heap.len() > self.limit || self.bytes > LOG_READ_SIZE {
            let Some(Reverse(oldest)) = self.heap.pop() else { break };
            self.bytes -= oldest.entry.line.text.len();
        }
    }

    fn into_entries(self) -> Vec<Entry> {
        let mut ranked: Vec<_> = self.heap.into_iter().map(|Reverse(ranked)| ranked).collect();
        ranked.sort_unstable_by_key(|ranked| ranked.rank);
        ranked.into_iter().map(|ranked| ranked.entry).collect()
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}
impl Eq for Ranked {}
impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// The lines of a file, the last first. What stands behind the last line feed is half an entry and left out.
struct Backwards {
    file: File,
    /// Bytes of the file that are not in `buffer` yet: those before it.
    before: u64,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were not handed out: those before the line handed out last.
    unread: usize,
}

impl Backwards {
    fn new(mut file: File) -> io::Result<Self> {
        let before = file.seek(SeekFrom::End(0))?;
        let mut lines = Self { file, before, buffer: Vec::new(), unread: 0 };
        // Skips half an entry, and leaves the line feed that ends the last whole one out of what is unread.
        lines.next()?;
        Ok(lines)
    }

    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let mut searched = self.unread;
        loop {
            if let Some(at) = self.buffer[..searched].iter().rposition(|&byte| byte == b'\n') {
                let line = at + 1..self.unread;
                self.unread = at;
                return Ok(Some(&self.buffer[line]));
            }
            if self.before == 0 {
                let line = 0..std::mem::take(&mut self.unread);
                return Ok((!line.is_empty()).then(|| &self.buffer[line]));
            }
            if self.unread > ENTRY_SIZE {
                // No entry is so long: what is here is broken, and its end need not be kept.
                self.unread = 0;
            }
            searched = self.fill()?;
        }
    }

    /// Puts one more chunk before what is unread, and tells its size.
    fn fill(&mut self) -> io::Result<usize> {
        let size = CHUNK.min(usize::try_from(self.before).unwrap_or(CHUNK));
        self.before -= size as u64;
        self.buffer.truncate(self.unread);
        let mut chunk = vec![0; size];
        self.file.seek(SeekFrom::Start(self.before))?;
        self.file.read_exact(&mut chunk)?;
        chunk.extend_from_slice(&self.buffer);
        self.buffer = chunk;
        self.unread += size;
        Ok(size)
    }
}
