//! What is done for a function before its first request.

use std::{fs, path::PathBuf, time::Duration};

use sonagi_harness::{App, World};
use sonagi_model::Clock as _;
use sonagi_server::RealClock;

/// As many modules as a function with a few dependencies has.
const MODULES: usize = 200;

fn app(name: &str) -> App {
    let source = format!(
        "import importlib, os, time\nbegan = time.perf_counter()\nfor number in range({MODULES}):\n    \
         importlib.import_module(f'lib.m{{number}}')\ntook = time.perf_counter() - began\n\ndef handler(event, \
         context):\n    import lib.m7\n    return [os.path.exists(lib.m7.__cached__), sorted(os.listdir('/var/task')), \
         took]\n"
    );
    let module = "class Pet:\n    def __init__(self, name, *, kind=None):\n        self.name, self.kind = name, kind\n\n    \
                  def speak(self, times=1):\n        return [f'{self.name}: {n}' for n in range(times) if n % 2]\n\n"
        .repeat(20);
    let app = App::python(name, &source).file("f/lib/__init__.py", "");
    for number in 0..MODULES {
        app.write(&format!("f/lib/m{number}.py"), &module);
    }
    app
}

/// The unpacked packages.
fn packages(world: &World) -> Vec<PathBuf> {
    let entries = fs::read_dir(world.data().join("code")).unwrap().flatten();
    entries
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|it| it.path())
        .collect()
}

fn compiled(world: &World) -> bool {
    let markers = fs::read_dir(world.data().join("code")).unwrap().flatten();
    markers.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(".bytecode-"))
}

/// Returns when `condition` holds. What rests for a moment by the platform's clock goes on; what has a deadline by it has
/// all the time that it needs.
async fn soon(world: &World, what: &str, condition: impl Fn() -> bool) {
    let moment = Duration::from_millis(100);
    let real = RealClock::new();
    while !condition() {
        assert!(real.tick().0 < Duration::from_secs(60), "still not {what}");
        let clock = world.clock();
        match clock.next_wake() {
            Some(wake) if wake <= clock.tick() + moment => clock.advance(moment).await,
            Some(_) | None => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_of_what_goes_live_is_unpacked_and_compiled_before_the_first_request() {
    let mut world = World::start().await;
    let app = app("ahead");
    world.deploy(&app).await;
    soon(&world, "compiled", || compiled(&world)).await;
    let [package] = packages(&world).try_into().unwrap();
    assert_eq!(fs::read_dir(package.join("lib/__pycache__")).unwrap().count(), MODULES + 1);
    let zip = fs::metadata(package.join("lib/m7.py")).unwrap();
    assert!(zip.permissions().readonly(), "read-only as before");
    let answer = world.invoke("ahead-f", "{}").await;
    assert_eq!(answer.json()[0], true, "{}", answer.text());
    assert_eq!(answer.json()[1], serde_json::json!(["__pycache__", "app.py", "lib"]));

    // A restart finds it.
    world.restart().await;
    assert!(compiled(&world));
    assert_eq!(world.invoke("ahead-f", "{}").await.json()[0], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_before_is_answered_all_the_same() {
    let world = World::start().await;
    let app = app("early");
    world.deploy(&app).await;
    let (one, two) = tokio::join!(world.invoke("early-f", "{}"), world.invoke("early-f", "{}"));
    for answer in [one, two] {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.json()[2].is_number(), "{}", answer.text());
    }
    soon(&world, "compiled", || compiled(&world)).await;
    assert_eq!(packages(&world).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_is_no_good_keeps_nobody_from_anything() {
    let world = World::start().await;
    let app = App::python("odd", "def handler(event, context):\n    return 1\n")
        .file("f/broken.py", "def (\n")
        .file("f/deep.py", &format!("a = {}{}", "(".repeat(50_000), ")".repeat(50_000)))
        .file("f/own/m.py", "N = 1\n")
        .file("f/own/__pycache__/m.cpython-311.pyc", "brought");
    world.deploy(&app).await;
    soon(&world, "compiled", || compiled(&world)).await;
    assert_eq!(world.invoke("odd-f", "{}").await.text(), "1");
    let [package] = packages(&world).try_into().unwrap();
    let names: Vec<_> = fs::read_dir(package.join("__pycache__")).unwrap().flatten().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_waits_for_a_function_that_was_never_started() {
    let world = World::start().await;
    world.deploy(&app("waited")).await;
    soon(&world, "an interpreter that waits", || world.running().waiting() > 0).await;
    assert_eq!(world.invoke("waited-f", "{}").await.status, 200);
}
