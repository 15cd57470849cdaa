use std::sync::Arc;

use sonagi_invoke::{Config, EnvironmentState, Error};

use crate::world::World;

/// The environments themselves check that they have one invocation at a time and of one function.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_two_invocations_and_no_two_functions_share_an_environment() {
    let config =
        Config { account_concurrency: 24, environments: 12, start_parallelism: 4, ..Config::default() };
    let world = Arc::new(World::new(config));
    let targets: Vec<_> = (0..6)
        .map(|number| {
            world.deploy(&format!("f{number}"), |f| f.reserved_concurrency = (number == 0).then_some(2))
        })
        .collect();
    let mut callers = Vec::new();
    for caller in 0..48_usize {
        let (world, targets) = (world.clone(), targets.clone());
        callers.push(tokio::spawn(async move {
            let mut refused = 0_u64;
            for round in 0..150_usize {
                let number = (caller * 7 + round * round) % targets.len();
                let payload = match (caller + round) % 9 {
                    0 => "exit".to_owned(),
                    1 => "fail".to_owned(),
                    n => format!("yield {n}"),
                };
                match world.invoke(&targets[number], &payload).await {
                    Ok(_) => {}
                    Err(Error::Throttled { .. }) => refused += 1,
                    Err(other) => panic!("{other}"),
                }
                assert!(world.driver.alive() <= 12, "more environments than there is room for");
            }
            refused
        }));
    }
    let mut refused = 0;
    for caller in callers {
        refused += caller.await.unwrap();
    }
    world.frontend.idle().await;
    let totals = world.frontend.usage();
    assert_eq!(totals.iter().map(|f| f.totals.invocations).sum::<u64>() + refused, 48 * 150);
    assert_eq!(totals.iter().map(|f| f.totals.throttles).sum::<u64>(), refused);
    assert!(world.frontend.environments().iter().all(|e| e.state == EnvironmentState::Idle));
    assert_eq!(world.frontend.environments().len(), world.driver.alive());
}
