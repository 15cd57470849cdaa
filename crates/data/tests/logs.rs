//! What logs promise, each promise by its name.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use sonagi_data::logs::{Followed, Logs, Query};
use sonagi_model::{
    AppName, Clock, LambdaName, Timestamp,
    clock::ManualClock,
    limits::{LOG_FOLLOW_LINES, LOG_LINE_SIZE},
    logs::LogLine,
};

fn app(name: &str) -> AppName {
    AppName::new(name).unwrap()
}

fn function(name: &str) -> LambdaName {
    LambdaName::new(name).unwrap()
}

fn open(dir: &Path) -> Logs {
    Logs::open(dir.into(), Arc::new(ManualClock::at(Timestamp(5)))).unwrap()
}

fn write(logs: &Logs, to: &str, at: u64, text: impl Into<Bytes>) {
    let (app_name, function_name) = to.split_once('/').unwrap();
    let sink = logs.sink(&app(app_name), &function(function_name), "2026/01/31/[$LATEST]00ff");
    sink.line(LogLine { at: Timestamp::from_millis(at), request: None, text: text.into() });
}

async fn texts(logs: &Logs, query: Query) -> Vec<String> {
    let entries = logs.read(query).await.unwrap();
    entries.iter().map(|entry| String::from_utf8_lossy(&entry.line.text).into_owned()).collect()
}

#[tokio::test]
async fn lines_are_read_back_in_the_order_of_time() {
    let dir = tempfile::tempdir().unwrap();
    let logs = open(dir.path());
    write(&logs, "a/f", 1, "one");
    write(&logs, "a/g", 4, "four");
    write(&logs, "a/f", 3, "three");
    write(&logs, "b/f", 2, "two");
    write(&logs, "a/f", 3, "three again");
    assert_eq!(texts(&logs, Query::default()).await, ["one", "two", "three", "three again", "four"]);
    let of_a = Query { app: Some(app("a")), ..Query::default() };
    assert_eq!(texts(&logs, of_a).await, ["one", "three", "three again", "four"]);
    let of_g = Query { function: Some(function("g")), ..Query::default() };
    assert_eq!(texts(&logs, of_g).await, ["four"]);
    let since = Query { since: Some(Timestamp::from_millis(3)), ..Query::default() };
    assert_eq!(texts(&logs, since).await, ["three", "three again", "four"]);
    let limited = Query { limit: 2, ..Query::default() };
    assert_eq!(texts(&logs, limited).await, ["three again", "four"]);
    let nobody = Query { app: Some(app("nobody")), function: Some(function("f")), ..Query::default() };
    assert_eq!(texts(&logs, nobody).await, [""; 0]);
}

#[tokio::test]
async fn an_entry_survives_a_restart_with_all_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let logs = open(dir.path());
    let text = Bytes::from_static(b"\xff\x00 tab\t line\n back\\slash \xf0\x9f\x8c\xa7");
    let request = "6f4a3c1e-0b0e-4c5e-9d55-0d8f0c6f2a11".parse().unwrap();
    let line = LogLine { at: Timestamp(1_234_567), request: Some(request), text };
    logs.sink(&app("a"), &function("f"), "2026/01/31/[3]00ff").line(line.clone());
    drop(logs);
    let entries = open(dir.path()).read(Query::default()).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((&*entries[0].stream, &entries[0].line), ("2026/01/31/[3]00ff", &line));
}

#[tokio::test]
async fn half_a_line_and_noise_are_skipped_and_harm_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let logs = open(dir.path());
    write(&logs, "a/f", 1, "before");
    write(&logs, "a/f", 2, "torn by a crash");
    drop(logs);
    let path = dir.path().join("a/f/current.log");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let logs = open(dir.path());
    assert_eq!(texts(&logs, Query::default()).await, ["before"]);
    write(&logs, "a/f", 3, "after");
    drop(logs);
    // What a machine's crash may leave: a hole of zeros.
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&vec![0; 700_000]).unwrap();
    drop(file);
    let logs = open(dir.path());
    write(&logs, "a/f", 4, "at last");
    assert_eq!(texts(&logs, Query::default()).await, ["before", "after", "at last"]);
}

#[tokio::test]
async fn a_log_keeps_its_newest_lines_over_many_segments() {
    let dir = tempfile::tempdir().unwrap();
    let logs = open(dir.path());
    let filler = "x".repeat(100_000);
    for number in 0..250_u64 {
        write(&logs, "a/f", number, format!("{number} {filler}"));
        if number % 50 == 0 {
            logs.flush().await;
        }
    }
    let newest = texts(&logs, Query { limit: 80, ..Query::default() }).await;
    let numbers: Vec<_> = newest.iter().map(|text| text.split_once(' ').unwrap().0.to_owned()).collect();
    assert_eq!(numbers, (170..250).map(|number| number.to_string()).collect::<Vec<_>>());
    let bytes: u64 =
        fs::read_dir(dir.path().join("a/f")).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes <= 16 << 20, "{bytes} bytes");
}

#[tokio::test]
async fn a_line_that_is_too_long_is_split() {
    let dir = tempfile::tempdir().unwrap();
    let logs = open(dir.path());
    write(&logs, "a/f", 1, vec![b'\\'; LOG_LINE_SIZE + 10]);
    let entries = logs.read(Query::default()).await.unwrap();
    assert_eq!(entries.iter().map(|e| e.line.text.len()).collect::<Vec<_>>(), [LOG_LINE_SIZE, 10]);
}

#[tokio::test]
async fn a_follower_sees_its_lines_as_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let logs = open(dir.path());
    write(&logs, "a/f", 1, "too early");
    logs.flush().await;
    let mut all = logs.follow(None, None);
    let mut some = logs.follow(Some(app("a")), Some(function("g")));
    write(&logs, "a/f", 2, "one");
    write(&logs, "a/g", 3, "two");
    let mut next = async || match all.next().await {
        Some(Followed::Entry(entry)) => String::from_utf8(entry.line.text.to_vec()).unwrap(),
        other => format!("{other:?}"),
    };
    assert_eq!([next().await, next().await], ["one", "two"]);
    let Some(Followed::Entry(entry)) = some.next().await else { panic!("should follow") };
    assert_eq!(entry.line.text, "two");
    drop(logs);
    assert_eq!(some.next().await, None);
}

#[tokio::test]
async fn a_slow_follower_loses_the_oldest_and_is_told_how_many() {
    let dir = tempfile::tempdir().unwrap();
    let logs = open(dir.path());
    let mut slow = logs.follow(None, None);
    for number in 0..LOG_FOLLOW_LINES + 7 {
        write(&logs, "a/f", number as u64, number.to_string());
    }
    logs.flush().await;
    assert_eq!(slow.next().await, Some(Followed::Lost(7)));
    let Some(Followed::Entry(entry)) = slow.next().await else { panic!("should follow") };
    assert_eq!(entry.line.text, "7");
}

#[tokio::test]
async fn lines_that_come_too_fast_are_dropped_and_the_log_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(Timestamp::from_millis(9_000));
    let logs = Logs::open(dir.path().into(), Arc::new(clock.clone())).unwrap();
    let sink = logs.sink(&app("a"), &function("f"), "s");
    // Far more than the queue holds, and faster than any disk.
    let text = Bytes::from(vec![b'x'; LOG_LINE_SIZE]);
    let count = 2_000_u64;
    for number in 0..count {
        sink.line(LogLine { at: Timestamp::from_millis(number), request: None, text: text.clone() });
    }
    clock.advance(Duration::ZERO).await;
    assert_eq!(clock.now(), Timestamp::from_millis(9_000));
    let lines = texts(&logs, Query::default()).await;
    let notices = lines.iter().filter(|line| line.starts_with("[sonagi] ")).count();
    // A disk that is fast enough drops nothing; then there is nothing to say.
    assert!(notices > 0 || lines.len() > 50, "{} lines", lines.len());
    for notice in lines.iter().filter(|line| line.starts_with("[sonagi] ")) {
        assert!(notice.ends_with("log lines were dropped: they came faster than they could be written"));
    }
}
