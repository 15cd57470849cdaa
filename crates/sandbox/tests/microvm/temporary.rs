//! `/tmp`: a drive, so that it is no memory.

use crate::world::{PYTHON, World};

const FILLS: &str = r#"
import errno, os

def fill(name):
    written = 0
    try:
        with open(name, "wb", buffering=0) as file:
            while True:
                written += file.write(b"x" * (1 << 20))
    except OSError as error:
        return written, errno.errorcode[error.errno]

def handler(event, context):
    before = os.listdir("/tmp")
    written, error = fill("/tmp/large")
    again = fill("/tmp/more")[1]
    os.remove("/tmp/large")
    with open("/tmp/small", "wb") as file:
        file.write(b"y" * (1 << 20))
    return {"before": before, "written": written, "error": error, "again": again}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn tmp_holds_more_than_the_memory_and_says_when_it_is_full() {
    let world = World::new().await;
    let mut spec = world.function(PYTHON, FILLS);
    // The machine has 224 MiB in all.
    spec.ephemeral_storage = 256;
    let mut function = world.start(spec).await.unwrap();
    let done = function.invoke("{}").await;
    let seen = done.json();
    assert_eq!(seen["before"], serde_json::json!([]));
    let written = seen["written"].as_u64().unwrap();
    assert!((256 << 20..258 << 20).contains(&written), "{written}");
    assert_eq!([&seen["error"], &seen["again"]], ["ENOSPC", "ENOSPC"]);
    assert!(done.finished.reusable);
    assert!(done.finished.memory_peak < 64 << 20, "{}", done.finished.memory_peak);
}
