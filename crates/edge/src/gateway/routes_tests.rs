use proptest::prelude::*;
use sonagi_model::{
    ApiId, FunctionName,
    api::{PayloadFormat, Route},
};

use super::*;

fn router(kind: ApiKind, routes: &[(&str, &str)]) -> Router {
    let routes = routes
        .iter()
        .map(|(method, path)| Route {
            method: (*method).into(),
            path: (*path).into(),
            function: FunctionName::new("f").unwrap(),
            alias: None,
            payload: PayloadFormat::V2,
            timeout: None,
        })
        .collect();
    Router::new(&Api {
        id: ApiId("a".into()),
        name: "a".into(),
        kind,
        stage: "$default".into(),
        stage_variables: Default::default(),
        cors: None,
        routes,
        binary_media_types: Vec::new(),
        minimum_compression_size: None,
    })
}

fn route(router: &Router, method: &str, path: &str) -> Option<usize> {
    match router.find(method, path) {
        Routed::Route(found) => {
            assert!(found.values.len() <= router.variables(found.route).len());
            Some(found.route)
        }
        Routed::NoMethod(_) | Routed::NoRoute => None,
    }
}

/// The table of "Create routes for HTTP APIs in API Gateway", section "Routing API requests".
#[test]
fn an_http_api_takes_the_best_match() {
    let routes = [
        ("GET", "/pets/dog/1"),
        ("GET", "/pets/dog/{id}"),
        ("GET", "/pets/{proxy+}"),
        ("ANY", "/{proxy+}"),
        ("ANY", "$default"),
    ];
    let router = router(ApiKind::Http, &routes);
    for (method, path, expected) in [
        ("GET", "/pets/dog/1", 0),
        ("GET", "/pets/dog/2", 1),
        ("GET", "/pets/cat/1", 2),
        ("POST", "/test/5", 3),
        ("POST", "/pets/dog/1", 3),
        ("GET", "/pets/dog/1/", 2),
        ("GET", "/pets/dog%2f1", 2),
        ("GET", "/pets/d%6fg/1", 0),
        ("GET", "/pets", 3),
        ("GET", "/", 4),
        ("GET", "//", 3),
    ] {
        assert_eq!(route(&router, method, path), Some(expected), "{method} {path}");
    }
}

#[test]
fn a_method_beats_any_on_one_path_and_a_literal_beats_a_variable() {
    let routes = [("ANY", "/a/{x}"), ("GET", "/a/{y}"), ("ANY", "/a/b"), ("GET", "/{z}/b")];
    let router = router(ApiKind::Http, &routes);
    assert_eq!(route(&router, "GET", "/a/c"), Some(1));
    assert_eq!(route(&router, "PUT", "/a/c"), Some(0));
    assert_eq!(route(&router, "GET", "/a/b"), Some(2));
    assert_eq!(route(&router, "GET", "/c/b"), Some(3));
    assert_eq!(route(&router, "PUT", "/c/b"), None);
}

#[test]
fn variables_keep_the_names_of_their_own_route() {
    let router = router(ApiKind::Http, &[("GET", "/a/{x}/b/{y}"), ("POST", "/a/{q}/b/{rest+}")]);
    let Routed::Route(found) = router.find("POST", "/a/1%2F2/b/3/4/") else { panic!("no route") };
    assert_eq!(found.values, ["1%2F2", "3/4/"]);
    assert_eq!(router.variables(found.route), ["q".into(), "rest".into()]);
    assert_eq!(route(&router, "GET", "/a//b/1"), None);
}

#[test]
fn a_rest_api_chooses_the_resource_before_the_method() {
    let routes = [("GET", "/pets"), ("ANY", "/{proxy+}"), ("GET", "/")];
    let router = router(ApiKind::Rest, &routes);
    assert_eq!(route(&router, "GET", "/pets"), Some(0));
    assert_eq!(route(&router, "GET", "/pets/"), Some(0));
    assert_eq!(router.find("POST", "/pets"), Routed::NoMethod(vec!["GET".into()]));
    assert_eq!(route(&router, "POST", "/other"), Some(1));
    assert_eq!(route(&router, "GET", "/"), Some(2));
    assert_eq!(router.find("DELETE", "/"), Routed::NoMethod(vec!["GET".into()]));
}

/// The rules, asked of every route one by one.
fn naive(routes: &[(String, String)], method: &str, path: &str) -> Option<usize> {
    let segments: Vec<&str> = path[1..].split('/').collect();
    let rank = |(route_method, route_path): &(String, String)| -> Option<(bool, Vec<u8>, bool)> {
        if route_method != "ANY" && route_method != method {
            return None;
        }
        let parts: Vec<&str> = route_path[1..].split('/').collect();
        let mut kinds = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            if part.ends_with("+}") {
                let rest = segments.get(at..).filter(|rest| !rest.is_empty())?.join("/");
                kinds.push(2);
                return (!rest.is_empty()).then_some((true, kinds, route_method == "ANY"));
            }
            let segment = segments.get(at)?;
            if part.starts_with('{') {
                if segment.is_empty() {
                    return None;
                }
                kinds.push(1);
            } else if part == segment {
                kinds.push(0);
            } else {
                return None;
            }
        }
        (parts.len() == segments.len()).then_some((false, kinds, route_method == "ANY"))
    };
    let mut ranked: Vec<_> =
        routes.iter().enumerate().filter_map(|(at, route)| Some((rank(route)?, at))).collect();
    ranked.sort();
    ranked.first().map(|&(_, at)| at)
}

fn path(segment: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(segment, 0..4).prop_map(|parts| format!("/{}", parts.join("/")))
}

proptest! {
    #[test]
    fn the_tree_agrees_with_asking_every_route(
        routes in prop::collection::vec(
            ("GET|POST|ANY", path("a|b|\\{v\\}"), any::<bool>()),
            1..10,
        ),
        asks in prop::collection::vec(("GET|POST|PUT", path("[abc]?")), 1..20),
    ) {
        let routes: Vec<(String, String)> = routes
            .into_iter()
            .map(|(method, path, greedy)| match greedy {
                true => (method, format!("{}/{{rest+}}", path.trim_end_matches('/'))),
                false => (method, path),
            })
            .collect();
        let borrowed: Vec<_> = routes.iter().map(|(m, p)| (m.as_str(), p.as_str())).collect();
        let router = router(ApiKind::Http, &borrowed);
        for (method, path) in asks {
            let (found, expected) = (route(&router, &method, &path), naive(&routes, &method, &path));
            prop_assert_eq!(
                found.map(|at| &routes[at]),
                expected.map(|at| &routes[at]),
                "{} {} over {:?}", method, path, routes
            );
        }
    }
}
