//! Processor time: what comes with a function's memory, and while it initialises whatever there is.

use sonagi_model::limits;
use sonagi_sandbox::{Initialization, Origin};

use crate::support::{Bench, PYTHON};

/// How many processors it had, on average.
const SPINS: &str = "\
import time
def spin(seconds):
    began, used = time.monotonic(), time.process_time()
    while time.monotonic() - began < seconds:
        pass
    return (time.process_time() - used) / (time.monotonic() - began)
first = spin(0.4)
def handler(event, context):
    return [first, spin(2)]
";

/// On a machine with more to do than it has processors, not every environment is seen to have more in the beginning.
const TRIES: u32 = 10;

#[tokio::test]
async fn a_function_has_the_time_that_comes_with_its_memory_once_it_has_begun() {
    let bench = Bench::new();
    for (initialization, origin) in
        [(Initialization::OnDemand, Origin::Initialised), (Initialization::SnapStart, Origin::Copied)]
    {
        let mut had_more = false;
        for version in 1..=TRIES {
            let mut function = bench.function(PYTHON, SPINS);
            function.spec.memory = 256;
            function.spec.version = version.to_string();
            function.spec.initialization = initialization;
            let share = f64::from(function.spec.memory) / limits::MEMORY_OF_A_PROCESSOR as f64;
            let mut running = bench.start(function).await.unwrap();
            assert_eq!(running.started.origin, origin, "{:?}", running.logs.texts());
            let text = running.invoke("{}").await;
            let [first, then]: [f64; 2] = serde_json::from_str(text.success()).unwrap();
            assert!(then < 1.3 * share, "{then:.3} of a processor instead of {share:.3}");
            had_more = first > 1.5 * share;
            if had_more {
                break;
            }
        }
        assert!(had_more, "it was limited while it initialised");
    }
    bench.driver.settled().await;
}
