//! What components print.

use crate::support::{Bench, Fixture};

const LINE: usize = sonagi_model::limits::LOG_LINE_SIZE;

#[tokio::test]
async fn lines_are_logged_with_the_requests_id() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    for path in ["/lines/300", "/lines/300/err"] {
        let done = running.get(path).await;
        let lines = running.logs.of(done.request);
        assert_eq!(lines.len(), 301, "{path}");
        assert_eq!((lines[0].as_str(), lines[299].as_str()), ("line 0", "line 299"));
        assert_eq!(lines[300], "no end", "the rest is a line when the call is over");
    }
    assert_eq!(running.logs.texts().len(), 602, "nothing is logged of no request");
}

#[tokio::test]
async fn a_line_without_an_end_is_cut() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get(&format!("/line/{}", LINE * 3 + 5)).await;
    let lengths: Vec<usize> = running.logs.of(done.request).iter().map(String::len).collect();
    assert_eq!(lengths, [LINE, LINE, LINE, 5]);
}

#[tokio::test]
async fn what_was_printed_before_a_trap_comes_before_its_backtrace() {
    let bench = Bench::new();
    let mut running = bench.run(Fixture::Guest).await;
    let done = running.get("/log/trap").await;
    let lines = running.logs.of(done.request);
    assert_eq!(lines[..2], ["about to", "half a line"], "{lines:?}");
    assert!(lines[2].starts_with("error while executing at wasm backtrace:"), "{lines:?}");
}
