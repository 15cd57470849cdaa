//! Layers and their versions, and what functions have of them.

use std::fs;

use sonagi_control::{
    Error,
    lambda::UpdateConfiguration,
    layers::{LayerFilter, PublishLayerVersion},
};
use sonagi_model::{
    LayerName,
    function::Package,
    layer::{AppLayer, Layer, OF_THIS_RELEASE, Retention},
    release::ReleaseContent,
};

use crate::support::{World, app, content, function, request, text_of, zip};

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:layer";

async fn publish(world: &World, name: &str, files: &[(&str, &str)]) -> String {
    let request = PublishLayerVersion { name: name.into(), code: zip(files), ..Default::default() };
    world.control.publish_layer_version(request).await.unwrap().arn
}

#[tokio::test]
async fn later_layers_lie_over_earlier_ones_and_folders_take_the_place_of_files() {
    let world = World::start().await;
    let packages = world.control.packages();
    let mut layers = Vec::new();
    for files in [
        &[("both", "1"), ("one/deep", "1"), ("file-then-folder", "1"), ("folder-then-file/a/b", "1")][..],
        &[("both", "2"), ("one/other", "2"), ("file-then-folder/c", "2"), ("folder-then-file", "2")],
    ] {
        layers.push(packages.put(zip(files)).await.unwrap());
    }
    let (name, folder) = packages.merged(&layers).await.unwrap().unwrap();
    let read = |path: &str| fs::read_to_string(folder.join(path)).unwrap();
    assert_eq!(read("both"), "2");
    assert_eq!((read("one/deep"), read("one/other")), ("1".into(), "2".into()));
    assert_eq!((read("file-then-folder/c"), read("folder-then-file")), ("2".into(), "2".into()));
    layers.reverse();
    let (other, reversed) = packages.merged(&layers).await.unwrap().unwrap();
    assert_ne!((name, &folder), (other, &reversed));
    assert_eq!(fs::read_to_string(reversed.join("both")).unwrap(), "1");
    // One alone is the package itself.
    let alone = packages.merged(&layers[..1]).await.unwrap().unwrap();
    assert_eq!(alone, (layers[0].digest, packages.unpacked(&layers[0]).await.unwrap()));
    assert_eq!(packages.merged(&[]).await.unwrap(), None);
}

#[tokio::test]
async fn no_layer_leads_anothers_links_out() {
    let world = World::start().await;
    let link = |name: &str, to: &str| {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        writer.add_symlink(name, to, zip::write::SimpleFileOptions::default()).unwrap();
        writer.finish().unwrap().into_inner()
    };
    let packages = world.control.packages();
    let first = packages.put(link("a/b/link", "../../x/../../y").into()).await;
    assert!(first.is_err(), "it leads out by itself");
    let first = packages.put(link("link", "a/b/../../y").into()).await.unwrap();
    let second = packages.put(link("a/b", "..").into()).await.unwrap();
    let refused = packages.merged(&[first, second]).await;
    assert!(matches!(refused, Err(Error::BadPackage(_))), "{refused:?}");
}

#[tokio::test]
async fn a_function_keeps_the_layers_whose_versions_are_deleted() {
    let world = World::start().await;
    let first = publish(&world, "words", &[("python/words.py", "WORD = 1")]).await;
    assert_eq!(first, format!("{ARN}:words:1"));
    let mut asked = request("f");
    asked.layers = Some(vec![first.clone()]);
    world.control.create_function(asked).await.unwrap();
    world.control.delete_layer_version("words", 1).await.unwrap();
    let layers = world.function("f").latest.function.layers.clone();
    assert_eq!(layers.len(), 1);
    assert!(world.control.packages().merged(&[layers[0].package.unwrap()]).await.is_ok());
    // As it is, and in another order with others.
    let second = publish(&world, "numbers", &[("x", "1")]).await;
    let change = UpdateConfiguration { layers: Some(vec![second, first.clone()]), ..Default::default() };
    world.control.update_configuration("f", change).await.unwrap();
    assert_eq!(world.function("f").latest.function.layers[1], layers[0]);
    let mut other = request("g");
    other.layers = Some(vec![first.clone()]);
    let text = text_of(world.control.create_function(other).await);
    assert_eq!(text, format!("Layer version {first} does not exist."));
    let world = world.reopen().await;
    assert_eq!(world.function("f").latest.function.layers[1].arn, first);
    assert_eq!(publish(&world, "words", &[("x", "2")]).await, format!("{ARN}:words:2"));
}

#[tokio::test]
async fn another_layer_is_another_environment_and_another_version() {
    let world = World::start().await;
    let arn = publish(&world, "words", &[("x", "1")]).await;
    world.create("f").await;
    let before = world.function("f").latest.environment;
    let change = UpdateConfiguration { layers: Some(vec![arn]), ..Default::default() };
    world.control.update_configuration("f", change).await.unwrap();
    assert_ne!(world.function("f").latest.environment, before);
}

fn own(name: &str) -> Layer {
    Layer { arn: format!("{ARN}:{name}:{OF_THIS_RELEASE}"), package: None }
}

fn layer(package: Package) -> AppLayer {
    AppLayer {
        package,
        description: String::new(),
        runtimes: Vec::new(),
        architectures: Vec::new(),
        license: String::new(),
        retention: Retention::Retain,
        version: None,
    }
}

async fn shop(world: &World, layers: &[(&str, AppLayer)]) -> ReleaseContent {
    let mut f = function("shop", "f", world.package("f").await);
    f.layers = layers.iter().map(|(name, _)| own(name)).collect();
    f.variables = [("LAYER".to_owned(), format!("{ARN}:words:{OF_THIS_RELEASE}"))].into();
    let named = |(name, layer): &(&str, AppLayer)| (LayerName::new(name).unwrap(), layer.clone());
    ReleaseContent { layers: layers.iter().map(named).collect(), ..content([f]) }
}

#[tokio::test]
async fn a_release_publishes_what_differs_and_names_the_versions_it_has() {
    let world = World::start().await;
    let (one, two) = (world.package("one").await, world.package("two").await);
    let deploy = async |package: Package, retention: Retention| {
        let content = shop(&world, &[("words", AppLayer { retention, ..layer(package) })]).await;
        world.control.deploy(&app("shop"), content).await.unwrap();
        let f = world.function("shop-f").latest.function.clone();
        assert_eq!(f.layers[0].arn, f.variables["LAYER"]);
        assert_eq!(f.layers[0].package, Some(package));
        f.layers[0].arn.rsplit_once(':').unwrap().1.parse::<u64>().unwrap()
    };
    assert_eq!(deploy(one, Retention::Retain).await, 1);
    assert_eq!(deploy(one, Retention::Retain).await, 1);
    assert_eq!(deploy(two, Retention::Delete).await, 2);
    assert!(world.control.layer_version("words", 1).await.is_ok());
    // Its own number is not given again, and what was to be deleted is.
    assert_eq!(deploy(one, Retention::Delete).await, 1);
    assert!(world.control.layer_version("words", 2).await.is_err());
    assert_eq!(deploy(two, Retention::Retain).await, 3);
    assert!(world.control.layer_version("words", 1).await.is_err());
    let back = world.control.rollback(&app("shop"), None).await.unwrap();
    assert_eq!(back.content.functions["f"].layers[0].package, Some(one), "it goes on with what is deleted");
    world.control.remove(&app("shop")).await.unwrap();
    let left = world.control.layer_versions("words", &LayerFilter::default(), None, 10).await.unwrap();
    assert_eq!(left.iter().map(|version| version.number).collect::<Vec<_>>(), [3]);
}

#[tokio::test]
async fn a_release_whose_layers_cannot_be_changes_nothing() {
    let world = World::start().await;
    let package = world.package("one").await;
    let deploy = async |content: ReleaseContent| text_of(world.control.deploy(&app("shop"), content).await);
    let mut absent = shop(&world, &[("words", layer(package))]).await;
    absent.layers.clear();
    assert_eq!(deploy(absent).await, "function f: the release does not bring the layer words");
    let mut unknown = shop(&world, &[]).await;
    unknown.functions.get_mut("f").unwrap().layers =
        vec![Layer { arn: format!("{ARN}:x:1"), package: Some(package) }];
    assert_eq!(deploy(unknown).await, format!("function f: Layer version {ARN}:x:1 does not exist."));
    let wrong = AppLayer { runtimes: vec!["cobol".into()], ..layer(package) };
    assert_eq!(
        deploy(shop(&world, &[("words", wrong)]).await).await,
        "layer words: \"cobol\" is no runtime of Lambda's"
    );
    let nowhere = Package { digest: sonagi_model::Digest::of(b"nowhere"), size: 1 };
    assert!(deploy(shop(&world, &[("words", layer(nowhere))]).await).await.contains("is not stored here"));
    assert!(world.control.layer_version("words", 1).await.is_err());
    assert!(world.control.live().app("shop").is_none());
}
