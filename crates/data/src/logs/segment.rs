//! One function's two files, and the few of them that are open.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use sonagi_model::{
    AppName, LambdaName,
    limits::{LOG_OPEN_FILES, LOG_SEGMENT_SIZE},
};

pub(super) const CURRENT: &str = "current.log";
pub(super) const PREVIOUS: &str = "previous.log";

/// The segments that are open for writing: those used last, up to [`LOG_OPEN_FILES`].
pub(super) struct Segments {
    dir: PathBuf,
    open: HashMap<(AppName, LambdaName), Segment>,
    uses: u64,
}

pub(super) struct Segment {
    folder: PathBuf,
    file: File,
    size: u64,
    last_use: u64,
}

impl Segments {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, open: HashMap::new(), uses: 0 }
    }

    /// Appends whole entries to a function's log.
    pub(super) fn append(&mut self, app: &AppName, function: &LambdaName, entries: &[u8]) -> io::Result<()> {
        let key = (app.clone(), function.clone());
        let done = self.segment(&key).and_then(|segment| segment.append(entries));
        if done.is_err() {
            // Part of it may be written; opening the file again mends its end.
            self.open.remove(&key);
        }
        done
    }

    fn segment(&mut self, key: &(AppName, LambdaName)) -> io::Result<&mut Segment> {
        self.uses += 1;
        let uses = self.uses;
        if !self.open.contains_key(key) {
            if self.open.len() >= LOG_OPEN_FILES {
                let oldest = self.open.iter().min_by_key(|(_, segment)| segment.last_use);
                if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                    self.open.remove(&oldest);
                }
            }
            let folder = self.dir.join(key.0.as_str()).join(key.1.as_str());
            let segment = Segment::open(folder)?;
            self.open.insert(key.clone(), segment);
        }
        let segment = self.open.get_mut(key).ok_or(io::ErrorKind::NotFound)?;
        segment.last_use = uses;
        Ok(segment)
    }

    #[cfg(test)]
    pub(super) fn open_files(&self) -> usize {
        self.open.len()
    }
}

impl Segment {
    fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut file = append_to(&folder)?;
        let mut size = file.metadata()?.len();
        if size > 0 {
            // A crash may have left half an entry: end it, so that it spoils no other.
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
                size += 1;
            }
        }
        Ok(Self { folder, file, size, last_use: 0 })
    }

    fn append(&mut self, mut entries: &[u8]) -> io::Result<()> {
        while !entries.is_empty() {
            let room = usize::try_from((LOG_SEGMENT_SIZE as u64).saturating_sub(self.size)).unwrap_or(0);
            let fits = whole_entries(entries, room, self.size == 0);
            if fits == 0 {
                self.rotate()?;
                continue;
            }
            let (now, later) = entries.split_at(fits);
            self.file.write_all(now)?;
            self.size += fits as u64;
            entries = later;
        }
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        fs::rename(self.folder.join(CURRENT), self.folder.join(PREVIOUS))?;
        self.file = append_to(&self.folder)?;
        self.size = 0;
        Ok(())
    }
}

fn append_to(folder: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).read(true).open(folder.join(CURRENT))
}

/// How many bytes of whole entries fit into `room`; the first entry always fits into an empty segment.
fn whole_entries(entries: &[u8], room: usize, empty: bool) -> usize {
    if entries.len() <= room {
        return entries.len();
    }
    let first = || entries.iter().position(|&byte| byte == b'\n').map_or(entries.len(), |at| at + 1);
    match entries[..room].iter().rposition(|&byte| byte == b'\n') {
        Some(at) => at + 1,
        None if empty => first(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_functions_do_not_hold_ten_thousand_files() {
        let dir = tempfile::tempdir().unwrap();
        let mut segments = Segments::new(dir.path().into());
        let app = AppName::new("a").unwrap();
        for index in 0..LOG_OPEN_FILES * 3 {
            let function = LambdaName::new(&format!("f{index}")).unwrap();
            segments.append(&app, &function, b"x\n").unwrap();
            assert!(segments.open_files() <= LOG_OPEN_FILES);
        }
    }

    #[test]
    fn a_function_keeps_two_bounded_segments() {
        let dir = tempfile::tempdir().unwrap();
        let mut segments = Segments::new(dir.path().into());
        let (app, function) = (AppName::new("a").unwrap(), LambdaName::new("f").unwrap());
        let mut batch = vec![b'x'; 99_999];
        batch.push(b'\n');
        let batch = batch.repeat(10);
        for _ in 0..30 {
            segments.append(&app, &function, &batch).unwrap();
        }
        let size = |name| fs::metadata(dir.path().join("a/f").join(name)).unwrap().len();
        assert!(size(CURRENT) <= LOG_SEGMENT_SIZE as u64);
        assert!(size(PREVIOUS) <= LOG_SEGMENT_SIZE as u64);
        assert!(size(PREVIOUS) > LOG_SEGMENT_SIZE as u64 - 100_000);
        assert_eq!(fs::read_dir(dir.path().join("a/f")).unwrap().count(), 2);
    }
}
