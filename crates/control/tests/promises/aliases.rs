use std::collections::BTreeMap;

use sonagi_control::{
    Error, Version,
    lambda::{CreateAlias, UpdateAlias},
};

use crate::support::{Counter, World, text_of};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

fn alias(name: &str, version: &str, weights: &[(&str, f64)]) -> CreateAlias {
    let weights = weights.iter().map(|&(version, weight)| (version.to_owned(), weight)).collect();
    CreateAlias { name: name.into(), version: version.into(), description: None, weights }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_points_to_a_version_and_moves() {
    let world = World::with_two_versions().await;
    let made = world.control.create_alias("f", alias("live", "1", &[])).await.unwrap();
    assert_eq!((made.version, made.arn.as_str()), (Version::Number(1), format!("{ARN}:live").as_str()));
    let twice = world.control.create_alias("f", alias("live", "1", &[])).await;
    assert_eq!(text_of(twice), format!("Alias already exists: {ARN}:live"));
    let stale = UpdateAlias { revision_id: Some("old".into()), ..Default::default() };
    assert!(matches!(world.control.update_alias("f", "live", stale).await, Err(Error::Precondition(_))));
    let change = UpdateAlias {
        version: Some("2".into()),
        revision_id: Some(made.revision_id.clone()),
        ..Default::default()
    };
    let moved = world.control.update_alias("f", "live", change).await.unwrap();
    assert_eq!(moved.version, Version::Number(2));
    assert_ne!(moved.revision_id, made.revision_id);
    let missing = world.control.update_alias("f", "other", UpdateAlias::default()).await;
    assert_eq!(text_of(missing), format!("Alias not found: {ARN}:other"));
    assert!(matches!(
        world.control.create_alias("f", alias("x", "9", &[])).await,
        Err(Error::NoQualifier { .. })
    ));
    assert!(matches!(
        world.control.create_alias("f", alias("12", "1", &[])).await,
        Err(Error::Constraint(_))
    ));
    assert!(matches!(
        world.control.create_alias("f", alias("x", "one", &[])).await,
        Err(Error::Constraint(_))
    ));
    world.control.create_alias("f", alias("newest", "$LATEST", &[])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_an_alias_names_cannot_be_deleted() {
    let world = World::with_two_versions().await;
    world.control.create_alias("f", alias("live", "1", &[("2", 0.1)])).await.unwrap();
    for version in ["1", "2"] {
        let refused = world.control.delete_function("f", Some(version)).await;
        assert!(matches!(&refused, Err(Error::Conflict(text)) if text.ends_with("[live]")));
    }
    world.control.delete_alias("f", "live").await.unwrap();
    world.control.delete_alias("f", "live").await.unwrap();
    world.control.delete_function("f", Some("1")).await.unwrap();
    world.control.delete_function("f", Some("1")).await.unwrap();
    assert!(world.function("f").versions.keys().eq(&[2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_share_invocations_between_two_versions() {
    let world = World::with_two_versions().await;
    world.control.create_alias("f", alias("live", "1", &[("2", 0.25)])).await.unwrap();
    let (entropy, f) = (Counter::default(), world.function("f"));
    let mut counts: BTreeMap<Version, u32> = BTreeMap::new();
    for _ in 0..4_000 {
        *counts.entry(f.resolve(Some("live"), &entropy).unwrap().version).or_default() += 1;
    }
    let share = f64::from(counts[&Version::Number(2)]) / 4_000.0;
    assert!((0.22..0.28).contains(&share), "{share}");
    assert_eq!(counts.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_that_make_no_sense_are_refused_with_lambdas_words() {
    let world = World::with_two_versions().await;
    for (wrong, words) in [
        (alias("a", "1", &[("1", 0.5)]), "Function version 1 is already included in routing configuration."),
        (
            alias("a", "$LATEST", &[("1", 0.5)]),
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
        (alias("a", "1", &[("2", 1.5)]), "less than or equal to 1.0"),
        (alias("a", "1", &[("2", f64::NAN)]), "less than or equal to 1.0"),
        (alias("a", "1", &[("x", 0.5)]), "Map keys must satisfy constraint"),
        (alias("a", "1", &[("9", 0.5)]), "Function not found"),
        (alias("a", "1", &[("2", 0.5), ("3", 0.1)]), "cannot be greater than 1"),
    ] {
        let text = text_of(world.control.create_alias("f", wrong).await);
        assert!(text.contains(words), "{text:?} does not say {words:?}");
    }
    assert!(world.function("f").aliases.is_empty());
}
