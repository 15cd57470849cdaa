//! The tables, and how connections to them are opened.
//!
//! `records` is one b-tree of keys and values (`WITHOUT ROWID`: the key leads straight to the value).
//! `changes` has one row for each commit, appended at its right edge. `feed` has one row: up to where the
//! changes were trimmed. The newest commit's number is the larger of the newest change's and that one.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, config::DbConfig};
use sonagi_model::limits;

use crate::{Error, Result};

/// The file in the folder of the records.
pub(super) const FILE: &str = "records.db";

/// What `application_id` says in the file's head: "snag".
const APPLICATION: i32 = 0x736e_6167;
/// The version of the tables.
const VERSION: i32 = 1;
/// Bytes of a new file's pages. Values of a quarter of one, which is most of them, lie in the b-tree itself; longer ones go
/// to pages of their own.
const PAGE_SIZE: usize = 8_192;
/// How long a connection waits for another that recovers or begins the log anew.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(5);

const TABLES: &str = "
    CREATE TABLE records (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE changes (sequence INTEGER PRIMARY KEY, writes BLOB NOT NULL) STRICT;
    CREATE TABLE feed (id INTEGER PRIMARY KEY CHECK (id = 1), trimmed INTEGER NOT NULL) STRICT;
    INSERT INTO feed (id, trimmed) VALUES (1, 0);
";

pub(super) const GET: &str = "SELECT value FROM records WHERE key = ?1";
pub(super) const SCAN_FORWARD: &str =
    "SELECT key, value FROM records WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3";
pub(super) const SCAN_REVERSE: &str =
    "SELECT key, value FROM records WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3";
pub(super) const PUT: &str = "
    INSERT INTO records (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
pub(super) const DELETE: &str = "DELETE FROM records WHERE key = ?1";
pub(super) const APPEND_CHANGE: &str = "INSERT INTO changes (sequence, writes) VALUES (?1, ?2)";
pub(super) const CHANGES_AFTER: &str =
    "SELECT sequence, writes FROM changes WHERE sequence > ?1 ORDER BY sequence LIMIT ?2";
pub(super) const TRIM: &str = "UPDATE feed SET trimmed = ?1 WHERE id = 1";
pub(super) const TRIMMABLE: &str =
    "SELECT sequence, length(writes) FROM changes WHERE sequence <= ?1 ORDER BY sequence LIMIT ?2";
pub(super) const REMOVE_CHANGES: &str = "DELETE FROM changes WHERE sequence <= ?1";

/// The connection that alone writes; makes the tables if the file is new.
pub(super) fn open_writer(folder: &Path, capacity: Option<u64>) -> Result<Connection, OpenFailure> {
    let connection = Connection::open_with_flags(
        folder.join(FILE),
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_WAIT)?;
    // Only a new file takes it.
    connection.pragma_update(None, "page_size", PAGE_SIZE as i64)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // The log's file keeps this size when it begins anew: overwriting is cheaper to make durable than growing.
    connection.pragma_update(None, "journal_size_limit", limits::WAL_RESTART_SIZE as i64)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Negative: KiB.
    connection.pragma_update(None, "cache_size", -32_768)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(32);
    steady_plans(&connection)?;
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        0 => {
            let transaction = connection.unchecked_transaction()?;
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
            transaction.commit()?;
        }
        VERSION => {}
        other => return Err(OpenFailure::Version(other)),
    }
    if let Some(capacity) = capacity {
        let pages = capacity / page_size(&connection)? as u64;
        connection.pragma_update(None, "max_page_count", pages.max(1) as i64)?;
    }
    Ok(connection)
}

/// A connection that only reads, or only copies the log into the database.
pub(super) fn open_beside(folder: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        folder.join(FILE),
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    steady_plans(&connection)?;
    Ok(connection)
}

/// Or SQLite plans a statement anew whenever its parameters change.
fn steady_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Bytes of the file's pages.
pub(super) fn page_size(connection: &Connection) -> rusqlite::Result<usize> {
    connection
        .pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))
        .map(|size| size.max(1) as usize)
}

/// The newest commit, and up to where the changes were trimmed.
pub(super) fn position(connection: &Connection) -> rusqlite::Result<(u64, u64)> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT max(sequence) FROM changes")?
        .query_row([], |row| row.get(0))
        .optional()?
        .flatten();
    let trimmed: i64 = connection
        .prepare_cached("SELECT trimmed FROM feed WHERE id = 1")?
        .query_row([], |row| row.get(0))?;
    Ok((newest.unwrap_or(0).max(trimmed) as u64, trimmed as u64))
}

/// Why the database could not be opened.
pub(super) enum OpenFailure {
    Sqlite(rusqlite::Error),
    Version(i32),
}

impl From<rusqlite::Error> for OpenFailure {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Sqlite(cause)
    }
}

// From a reference: one failure is the answer to many callers.
impl From<&OpenFailure> for Error {
    fn from(failure: &OpenFailure) -> Self {
        match failure {
            OpenFailure::Sqlite(cause) => Self::storage("open the records", cause),
            OpenFailure::Version(version) => Self::Damaged {
                what: format!("the records have version {version}, and this program knows version {VERSION}"),
            },
        }
    }
}

/// A failure of the database as the crate's own.
pub(super) fn checked<T>(doing: &'static str, result: rusqlite::Result<T>) -> Result<T> {
    result.map_err(|cause| Error::storage(doing, &cause))
}
