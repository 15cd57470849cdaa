//! Groups, and listings.

use sonagi_events::schedules::{Filter, GroupState};
use sonagi_model::limits;

use super::*;

#[tokio::test]
async fn a_group_that_is_deleted_takes_all_its_schedules_with_it_also_across_a_crash() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    let pets = name("pets");
    world.schedules.create_group(&pets, Default::default(), None).await.unwrap();
    let count = 2 * limits::SCHEDULES_REMOVED_AT_ONCE + 1;
    for number in 0..count {
        let name = name(&format!("s-{number}"));
        world.schedules.create(&pets, &name, tells("rate(1 hour)"), None).await.unwrap();
    }
    world.make("other", tells("cron(0 10 * * ? *)")).await;
    let mut changes = world.records.changes(world.records.sequence());
    world.schedules.delete_group(&pets).await.unwrap();
    // It is there, and being deleted, with the first commit; then the server is gone.
    changes.next().await.unwrap();
    drop(changes);
    let clock = world.stop().await;
    let world = World::open(folder.path(), &clock).await;
    let mut changes = world.records.changes(world.records.sequence());
    loop {
        match world.schedules.get_group(&pets).await {
            Ok(group) => {
                assert_eq!(group.state, GroupState::Deleting);
                let again = world.schedules.create(&pets, &name("new"), tells("rate(1 hour)"), None).await;
                if let Err(Error::Schedule(refused)) = again {
                    assert!(matches!(refused, Refusal::Deleting(_) | Refusal::NoGroup(_)), "{refused:?}");
                } else {
                    panic!("{again:?}");
                }
            }
            Err(Error::Schedule(Refusal::NoGroup(_))) => break,
            Err(error) => panic!("{error}"),
        }
        if world.schedules.get_group(&pets).await.is_ok() {
            changes.next().await.unwrap();
        }
    }
    let left = world.schedules.list(&Filter { most: 100, ..Filter::default() }).await.unwrap();
    assert_eq!(left.items.iter().map(|left| left.name.as_str()).collect::<Vec<_>>(), ["other"]);
    world.advance(HOUR).await;
    world.is_quiet().await;
    world.advance(HOUR).await;
    assert_eq!(world.next().await, "2026-01-31T10:00:00Z");
    assert_eq!(refusal(world.schedules.delete_group(&group()).await), Refusal::Default);
}

#[tokio::test]
async fn a_client_token_makes_a_creation_safe_to_repeat() {
    let folder = TempDir::new().unwrap();
    let world = World::new(&folder).await;
    let create = async |settings: Settings, token: &str| {
        world.schedules.create(&group(), &name("once"), settings, Some(token.into())).await
    };
    create(tells("rate(1 hour)"), "a").await.unwrap();
    create(tells("rate(1 hour)"), "a").await.unwrap();
    let exists = Refusal::Exists(name("once"));
    assert_eq!(refusal(create(tells("rate(1 hour)"), "b").await), exists);
    assert_eq!(refusal(create(tells("rate(2 hours)"), "a").await), exists);
    assert_eq!(
        refusal(world.schedules.create(&name("no"), &name("x"), tells("rate(1 hour)"), None).await),
        Refusal::NoGroup(name("no"))
    );
}
