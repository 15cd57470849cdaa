//! What must be ready before a release goes live.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use sonagi_control::{
    Control, Error, Preparation, PrepareError,
    lambda::{CreateFunction, Mode, UpdateCode, UpdateConfiguration},
};
use sonagi_model::{
    Fault, FaultKind, NetworkName, ReleaseNumber,
    function::{Function, Network, Package, Runtime, SnapStart, WasmStart},
    limits,
    release::ReleaseContent,
};
use tokio::sync::Barrier;

use crate::support::{ROLE, World, app, content, function, request, text_of, zip};

/// Notes what it is asked for, and refuses what it is told to.
#[derive(Default)]
struct Notes {
    /// `function: the component's text`, in order.
    asked: Mutex<Vec<String>>,
    refuse: Mutex<BTreeSet<String>>,
    /// Runs a change of that function while the next preparation is under way.
    meanwhile: Mutex<Option<UpdateConfiguration>>,
    control: OnceLock<Control>,
}

impl Notes {
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// From now on refuses components whose text is one of `texts`.
    fn refuse(&self, texts: &[&str]) {
        *self.refuse.lock().unwrap() = texts.iter().map(|text| text.to_string()).collect();
    }
}

#[async_trait]
impl Preparation for Notes {
    async fn prepare(&self, function: &Function, code: &Path) -> Result<(), PrepareError> {
        let text = std::fs::read_to_string(code.join(&function.handler)).unwrap();
        self.asked.lock().unwrap().push(format!("{}: {text}", function.name));
        let change = self.meanwhile.lock().unwrap().take();
        if let Some(change) = change {
            let control = self.control.get().unwrap();
            control.update_configuration(function.lambda_name.as_str(), change).await.unwrap();
        }
        match text.as_str() {
            refused if self.refuse.lock().unwrap().contains(refused) => {
                Err(PrepareError::Invalid(format!("{text} is no component: compile it for wasm32-wasip2")))
            }
            "busy" => Err(PrepareError::Busy("too many components are being compiled: try again".into())),
            "machine" => Err(PrepareError::Machine {
                doing: "start the compiler",
                cause: io::Error::other("a secret of the machine"),
            }),
            _ => Ok(()),
        }
    }

    async fn grant(&self, network: &Network) -> Result<(), PrepareError> {
        match network {
            Network::Named(name) if self.refuse.lock().unwrap().contains(name.as_str()) => {
                Err(PrepareError::Invalid(format!("there is no network {name}")))
            }
            _ => Ok(()),
        }
    }
}

async fn world() -> (World, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let world = World::start().await.prepared_by(Arc::clone(&notes) as Arc<dyn Preparation>);
    assert!(notes.control.set(world.control.clone()).is_ok());
    (world, notes)
}

async fn component(world: &World, text: &str) -> Package {
    world.control.packages().put(zip(&[("function.wasm", text)])).await.unwrap()
}

fn wasm(app: &str, name: &str, package: Package) -> Function {
    let Function { name, lambda_name, .. } = function(app, name, package);
    Function::new(name, lambda_name, Runtime::Wasm, "function.wasm".into(), package)
}

async fn shop(world: &World, functions: &[(&str, &str)]) -> ReleaseContent {
    let mut all = Vec::new();
    for (name, text) in functions {
        all.push(wasm("shop", name, component(world, text).await));
    }
    content(all)
}

fn create(name: &str, text: &str) -> CreateFunction {
    CreateFunction {
        name: name.into(),
        runtime: Some("provided.wasm".into()),
        role: ROLE.into(),
        handler: Some("function.wasm".into()),
        code: zip(&[("function.wasm", text), ("app.py", "pass")]),
        ..CreateFunction::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webassembly_functions_are_made_ready_and_others_are_not() {
    let (world, notes) = world().await;
    let mut release = shop(&world, &[("a", "1"), ("b", "2")]).await;
    let python = function("shop", "c", world.package("3").await);
    release.functions.insert(python.name.clone(), python);
    world.control.deploy(&app("shop"), release.clone()).await.unwrap();
    let mut asked = notes.asked();
    asked.sort();
    assert_eq!(asked, ["a: 1", "b: 2"]);
    // Again, although nothing changed: what was lost meanwhile is made again.
    world.control.deploy(&app("shop"), release).await.unwrap();
    assert_eq!(notes.asked().len(), 2);
    world.create("python").await;
    assert!(notes.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_cannot_have_its_network_is_refused_whoever_asks() {
    let (world, notes) = world().await;
    let shop_app = app("shop");
    let mut python = function("shop", "c", world.package("3").await);
    let with = |function: &Function| content([function.clone()]);
    python.network = Network::Named(NetworkName::new("office").unwrap());
    world.control.deploy(&shop_app, with(&python)).await.unwrap();
    python.timeout = 7;
    world.control.deploy(&shop_app, with(&python)).await.unwrap();
    // The operator takes the network away.
    notes.refuse(&["office"]);
    python.timeout = 8;
    let text = "function c: there is no network office";
    assert_eq!(text_of(world.control.deploy(&shop_app, with(&python)).await), text);
    assert_eq!(text_of(world.control.rollback(&shop_app, None).await), text);
    let change = UpdateConfiguration { timeout: Some(9), ..UpdateConfiguration::default() };
    assert_eq!(
        text_of(world.control.update_configuration("shop-c", change).await),
        "there is no network office"
    );
    assert_eq!(world.function("shop-c").latest.function.timeout, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_cannot_be_made_ready_stops_the_whole_deployment() {
    let (world, notes) = world().await;
    let shop_app = app("shop");
    world.control.deploy(&shop_app, shop(&world, &[("a", "1"), ("b", "2")]).await).await.unwrap();
    let before = world.control.live().app("shop").unwrap().release.clone();
    notes.refuse(&["bad", "worse"]);
    let wanted = shop(&world, &[("a", "3"), ("b", "bad"), ("c", "worse")]).await;
    let refused = world.control.deploy(&shop_app, wanted).await;
    assert!(matches!(&refused, Err(Error::Invalid(_))));
    assert_eq!(text_of(refused), "function b: bad is no component: compile it for wasm32-wasip2");
    assert_eq!(world.control.live().app("shop").unwrap().release, before);
    assert_eq!(world.control.releases(&shop_app).await.unwrap().len(), 1);
    assert!(world.control.live().function("shop-c").is_none());
    // The number was not used up either.
    let next = world.control.deploy(&shop_app, shop(&world, &[("a", "3")]).await).await.unwrap();
    assert_eq!(next.release().number, ReleaseNumber(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_deployers_mistake_is_told_apart() {
    let (world, _) = world().await;
    let deploy = async |text: &str| {
        let wanted = shop(&world, &[("a", text)]).await;
        world.control.deploy(&app("shop"), wanted).await.unwrap_err()
    };
    let busy = deploy("busy").await;
    assert_eq!(busy.kind(), FaultKind::Unavailable);
    assert_eq!(busy.to_string(), "function a: too many components are being compiled: try again");
    let machine = deploy("machine").await;
    assert_eq!((machine.kind(), machine.to_string().as_str()), (FaultKind::Internal, "start the compiler"));
    assert!(world.control.live().app("shop").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_without_the_handlers_file_is_refused_with_what_it_has() {
    let (world, notes) = world().await;
    let deploy = async |files: &[(&str, &str)]| {
        let package = world.control.packages().put(zip(files)).await.unwrap();
        let refused = world.control.deploy(&app("shop"), content([wasm("shop", "a", package)])).await;
        text_of(refused)
    };
    let begin = "function a: the handler \"function.wasm\" names a file that is not in the package: ";
    assert_eq!(deploy(&[("shop.wasm", "")]).await, format!("{begin}there is `shop.wasm`"));
    let none = format!("{begin}there is no component at its top");
    assert_eq!(deploy(&[("app.py", "")]).await, none);
    assert_eq!(deploy(&[("function.wasm/x", "")]).await, format!("{begin}there is `function.wasm`"));
    assert!(notes.asked().is_empty());
}

/// Lets nobody on before [`limits::PREPARATIONS_AT_ONCE`] are there.
struct Crowd {
    all: Barrier,
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Preparation for Crowd {
    async fn prepare(&self, _: &Function, _: &Path) -> Result<(), PrepareError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.all.wait().await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    async fn grant(&self, _: &Network) -> Result<(), PrepareError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_functions_of_a_release_are_made_ready_side_by_side_but_not_all_at_once() {
    let crowd = Arc::new(Crowd {
        all: Barrier::new(limits::PREPARATIONS_AT_ONCE),
        now: AtomicUsize::default(),
        most: AtomicUsize::default(),
    });
    let world = World::start().await.prepared_by(Arc::clone(&crowd) as Arc<dyn Preparation>);
    let package = component(&world, "1").await;
    let functions = (0..3 * limits::PREPARATIONS_AT_ONCE).map(|at| wasm("shop", &format!("f{at}"), package));
    world.control.deploy(&app("shop"), content(functions)).await.unwrap();
    assert_eq!(crowd.most.load(Ordering::SeqCst), limits::PREPARATIONS_AT_ONCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_makes_ready_as_well_and_is_refused_where_that_fails() {
    let (world, notes) = world().await;
    let shop_app = app("shop");
    for text in ["1", "2", "3"] {
        world.control.deploy(&shop_app, shop(&world, &[("a", text)]).await).await.unwrap();
    }
    notes.asked();
    assert_eq!(world.control.rollback(&shop_app, None).await.unwrap().number, ReleaseNumber(2));
    assert_eq!(world.control.activate(&shop_app, ReleaseNumber(3)).await.unwrap().number, ReleaseNumber(3));
    assert_eq!(notes.asked(), ["a: 2", "a: 3"]);
    notes.refuse(&["1", "2"]);
    for refused in [
        world.control.rollback(&shop_app, None).await,
        world.control.rollback(&shop_app, Some(ReleaseNumber(1))).await,
        world.control.activate(&shop_app, ReleaseNumber(2)).await,
    ] {
        assert!(text_of(refused).contains("is no component"));
    }
    assert_eq!(world.control.live().app("shop").unwrap().release.number, ReleaseNumber(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn lambdas_calls_make_ready_before_they_change_anything() {
    let (world, notes) = world().await;
    notes.refuse(&["bad"]);
    let refused = world.control.create_function(create("f", "bad")).await;
    assert!(matches!(&refused, Err(Error::Invalid(_))));
    assert_eq!(text_of(refused), "bad is no component: compile it for wasm32-wasip2");
    assert!(world.control.live().function("f").is_none());
    world.control.create_function(create("f", "1")).await.unwrap();
    notes.asked();

    let before = world.function("f");
    let code = |text: &str, mode| UpdateCode {
        code: zip(&[("function.wasm", text), ("other.wasm", text), ("app.py", "pass")]),
        mode,
        ..UpdateCode::default()
    };
    assert!(world.control.update_code("f", code("bad", Mode::Apply)).await.is_err());
    assert_eq!(world.function("f").revision_id, before.revision_id);
    // A dry run stores nothing, so there is nothing to compile.
    notes.asked();
    world.control.update_code("f", code("bad", Mode::DryRun)).await.unwrap();
    assert!(notes.asked().is_empty());
    world.control.update_code("f", code("2", Mode::Apply)).await.unwrap();
    assert_eq!(notes.asked(), ["f: 2"]);

    let handler = |handler: &str| UpdateConfiguration {
        handler: Some(handler.into()),
        ..UpdateConfiguration::default()
    };
    world.control.update_configuration("f", handler("other.wasm")).await.unwrap();
    assert_eq!(notes.asked(), ["f: 2"]);
    let missing = world.control.update_configuration("f", handler("missing.wasm")).await;
    assert_eq!(
        text_of(missing),
        "the handler \"missing.wasm\" names a file that is not in the package: there is `function.wasm`, `other.wasm`"
    );
    assert_eq!(world.function("f").latest.function.handler, "other.wasm");
    world.control.publish_version("f", Default::default()).await.unwrap();
    assert!(notes.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_overtaken_while_it_was_made_ready_is_refused() {
    let (world, notes) = world().await;
    world.control.create_function(create("f", "1")).await.unwrap();
    let update =
        || UpdateCode { code: zip(&[("function.wasm", "2"), ("other.wasm", "3")]), ..UpdateCode::default() };
    let meanwhile = |change| *notes.meanwhile.lock().unwrap() = Some(change);
    meanwhile(UpdateConfiguration { memory: Some(512), ..UpdateConfiguration::default() });
    let refused = world.control.update_code("f", update()).await;
    assert!(matches!(&refused, Err(Error::Conflict(_))));
    let text = text_of(refused);
    assert!(text.starts_with(
        "The operation cannot be performed at this time. An update is in progress for resource: arn:"
    ));
    assert_eq!(world.function("f").latest.function.memory, 512);
    // What does not concern the code goes together.
    meanwhile(UpdateConfiguration { description: Some("new".into()), ..UpdateConfiguration::default() });
    world.control.update_code("f", update()).await.unwrap();
    assert_eq!(world.function("f").latest.function.description, "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_changes_to_webassembly_and_back() {
    let (world, _) = world().await;
    let mut wanted = request("f");
    wanted.code = zip(&[("function.wasm", "1"), ("app.py", "pass")]);
    world.control.create_function(wanted).await.unwrap();
    assert_eq!(world.function("f").latest.function.wasm, None);
    let change = |runtime: &str, handler: Option<&str>| UpdateConfiguration {
        runtime: Some(runtime.into()),
        handler: handler.map(str::to_owned),
        ..UpdateConfiguration::default()
    };
    let refused = world.control.update_configuration("f", change("provided.wasm", None)).await;
    assert!(text_of(refused).starts_with("the handler \"app.handler\" names no component"));
    let snapshot = |apply_on: &str| UpdateConfiguration {
        snap_start: Some(apply_on.into()),
        ..change("provided.wasm", Some("function.wasm"))
    };
    world.control.update_configuration("f", snapshot("PublishedVersions")).await.unwrap();
    let there = world.function("f");
    assert_eq!(there.latest.function.wasm.as_ref().unwrap().start, WasmStart::Snapshot);
    // What is not said stays.
    let described = UpdateConfiguration { description: Some("x".into()), ..UpdateConfiguration::default() };
    world.control.update_configuration("f", described).await.unwrap();
    assert_eq!(world.function("f").latest.function.wasm, there.latest.function.wasm);
    assert_eq!(world.function("f").latest.environment, there.latest.environment);
    world.control.update_configuration("f", snapshot("None")).await.unwrap();
    assert_eq!(world.function("f").latest.function.wasm.as_ref().unwrap().start, WasmStart::Fresh);
    // An environment is made from it.
    assert_ne!(world.function("f").latest.environment, there.latest.environment);
    world.control.update_configuration("f", change("python3.11", Some("app.handler"))).await.unwrap();
    assert_eq!(world.function("f").latest.function.wasm, None);
    let snap = || UpdateConfiguration {
        snap_start: Some("PublishedVersions".into()),
        ..UpdateConfiguration::default()
    };
    let before = world.function("f").latest.environment;
    world.control.update_configuration("f", snap()).await.unwrap();
    assert_eq!(world.function("f").latest.function.snap_start, SnapStart::PublishedVersions);
    assert_ne!(world.function("f").latest.environment, before);
    let refused = world.control.update_configuration("f", change("nodejs20.x", None)).await;
    assert!(matches!(&refused, Err(Error::Invalid(_))));
    assert!(text_of(refused).contains("nodejs20.x is not supported for SnapStart enabled functions."));
    let odd = world.control.update_configuration("f", snapshot("Always")).await;
    assert!(text_of(odd).contains("'snapStart.applyOn' failed to satisfy constraint"));
    let mut storage = create("g", "1");
    storage.ephemeral_storage = Some(1_024);
    assert!(text_of(world.control.create_function(storage).await).contains("has no /tmp"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_from_outside_keeps_the_limits_of_webassembly_functions() {
    let world = World::start().await;
    let package = component(&world, "1").await;
    type Change = fn(&mut Function);
    let cases: [(Change, &str); 18] = [
        (|f| f.wasm = None, "must have `wasm`"),
        (
            |f| f.runtime = Runtime::Python { minor: 11 },
            "`wasm` is for the runtime provided.wasm, and this one's is python3.11",
        ),
        (|f| f.handler = "../a.wasm".into(), "names no component"),
        (|f| f.handler = "app.handler".into(), "names no component"),
        (|f| f.ephemeral_storage = 513, "has no /tmp"),
        (|f| f.network = Network::Internet, "what it may reach is in `outbound`"),
        (|f| reuse(f).requests = 0, "the requests of `reuse` is 0; it must be from 1 to 1000000"),
        (|f| reuse(f).requests = limits::REUSE_REQUESTS_MAX + 1, "must be from 1 to 1000000"),
        (|f| reuse(f).age = 0, "the age of `reuse` is 0 s"),
        (|f| reuse(f).age = limits::REUSE_AGE_MAX + 1, "must be from 1 to 3600"),
        (|f| reuse(f).memory = 0, "the memory of `reuse` is 0 MB"),
        (|f| reuse(f).memory = limits::REUSE_MEMORY_MAX + 1, "must be from 1 to 10240"),
        (
            |f| config(f).extend((0..=limits::WASM_CONFIG_ENTRIES).map(|at| (at.to_string(), String::new()))),
            "the configuration has 257 entries",
        ),
        (
            |f| drop(config(f).insert("k".into(), "x".repeat(limits::WASM_CONFIG_SIZE))),
            "the configuration holds 65537 bytes",
        ),
        (|f| drop(config(f).insert(String::new(), "x".into())), "a key of the configuration is empty"),
        (|f| wasm_of(f).keyvalue = vec!["a b".into()], "\"a b\" cannot name a key-value store"),
        (
            |f| wasm_of(f).keyvalue = vec!["a".into(); limits::WASM_KEYVALUE_STORES + 1],
            "33 key-value stores, and the most is 32",
        ),
        (
            |f| wasm_of(f).outbound = vec!["a.example".parse().unwrap(); limits::WASM_OUTBOUND_RULES + 1],
            "101 rules of where outbound requests may go, and the most is 100",
        ),
    ];
    for (change, wanted) in cases {
        let mut function = wasm("shop", "a", package);
        change(&mut function);
        let refused = world.control.deploy(&app("shop"), content([function])).await;
        assert!(matches!(&refused, Err(Error::Invalid(_))), "{wanted}");
        let text = text_of(refused);
        assert!(text.starts_with("function a: ") && text.contains(wanted), "{text}");
    }
    assert!(world.control.live().app("shop").is_none());
}

fn wasm_of(function: &mut Function) -> &mut sonagi_model::function::Wasm {
    function.wasm.as_mut().unwrap()
}

fn reuse(function: &mut Function) -> &mut sonagi_model::function::Reuse {
    wasm_of(function).reuse.get_or_insert_default()
}

fn config(function: &mut Function) -> &mut BTreeMap<String, String> {
    &mut wasm_of(function).config
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_webassembly_function_asked_for_is_there_after_a_restart() {
    let world = World::start().await;
    let mut asked = wasm("shop", "a", component(&world, "1").await);
    reuse(&mut asked).requests = 7;
    config(&mut asked).insert("k".into(), "v".into());
    wasm_of(&mut asked).start = WasmStart::Snapshot;
    wasm_of(&mut asked).keyvalue = vec!["default".into()];
    wasm_of(&mut asked).outbound = vec!["private:http://*.intern:*".parse().unwrap()];
    world.control.deploy(&app("shop"), content([asked.clone()])).await.unwrap();
    world.control.publish_version("shop-a", Default::default()).await.unwrap();
    let environment = world.function("shop-a").latest.environment;
    let world = world.reopen().await;
    let there = world.function("shop-a");
    assert_eq!((&there.latest.function, there.latest.environment), (&asked, environment));
    assert_eq!(there.versions[&1].function, asked);
}
