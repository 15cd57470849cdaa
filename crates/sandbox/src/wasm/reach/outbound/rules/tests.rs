use proptest::prelude::*;

use super::*;

fn to(uri: &str) -> Result<Destination, Error> {
    Destination::of(&uri.parse().map_err(|_| Error::HttpRequestUriInvalid)?)
}

fn passes(rules: &[&str], uri: &str) -> Option<Passes> {
    let rules: Vec<OutboundRule> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    permitted(&rules, &to(uri).unwrap())
}

#[test]
fn a_rule_lets_its_own_scheme_host_and_port_through() {
    for (rule, uri) in [
        ("api.example.com", "https://api.example.com/"),
        ("api.example.com", "https://API.Example.COM./path?query"),
        ("api.example.com", "https://api.example.com:443"),
        ("api.example.com:8443", "https://api.example.com:8443/"),
        ("api.example.com:*", "https://api.example.com:1/"),
        ("http://api.example.com", "http://api.example.com/"),
        ("*.example.com", "https://a.example.com/"),
        ("*.example.com", "https://a.b.example.com/"),
    ] {
        assert_eq!(passes(&[rule], uri), Some(Passes::Public), "{rule} {uri}");
    }
    for (rule, uri) in [
        ("api.example.com", "http://api.example.com/"),
        ("api.example.com", "http://api.example.com:443/"),
        ("api.example.com", "https://api.example.com:8443/"),
        ("api.example.com", "https://api.example.com.evil.example/"),
        ("api.example.com", "https://evil-api.example.com/"),
        ("api.example.com", "https://example.com/"),
        ("http://api.example.com", "https://api.example.com/"),
        ("*.example.com", "https://example.com/"),
        ("*.example.com", "https://.example.com/"),
        ("*.example.com", "https://evilexample.com/"),
        ("*.example.com", "https://a.example.com.evil.example/"),
        ("http://10.0.0.5", "http://10.0.0.6/"),
        ("http://10.0.0.5", "http://[::10.0.0.5]/"),
        ("http://[fd00::1]", "http://[fd00::2]/"),
    ] {
        assert_eq!(to(uri).ok().and_then(|_| passes(&[rule], uri)), None, "{rule} {uri}");
    }
    assert_eq!(passes(&[], "https://api.example.com/"), None);
}

#[test]
fn an_address_is_let_through_by_its_own_rule_alone() {
    let five = "10.0.0.5".parse().unwrap();
    assert_eq!(passes(&["http://10.0.0.5"], "http://10.0.0.5/"), Some(Passes::Named(five)));
    assert_eq!(passes(&["http://10.0.0.5"], "http://[::ffff:10.0.0.5]/"), Some(Passes::Named(five)));
    assert_eq!(passes(&["http://[::ffff:10.0.0.5]"], "http://10.0.0.5/"), Some(Passes::Named(five)));
    assert_eq!(passes(&["private:http://*.example.com:*"], "http://10.0.0.5/"), None);
    assert!(Passes::Named(five).address(five));
    assert!(!Passes::Named(five).address("10.0.0.6".parse().unwrap()));
    assert!(!Passes::Named(five).address("1.1.1.1".parse().unwrap()));
}

#[test]
fn private_networks_are_for_rules_that_say_so() {
    let (public, private, never) = ("1.1.1.1", "169.254.169.254", "0.0.0.0");
    let passing = |rules: &[&str]| {
        let passes = passes(rules, "http://a.example.com/").unwrap();
        [public, private, never].map(|address| passes.address(address.parse().unwrap()))
    };
    assert_eq!(passing(&["http://a.example.com"]), [true, false, false]);
    assert_eq!(passing(&["private:http://a.example.com"]), [true, true, false]);
    assert_eq!(passing(&["private:http://*.example.com", "http://a.example.com"]), [true, true, false]);
    assert!(!Passes::Public.address("::ffff:127.0.0.1".parse().unwrap()));
}

#[test]
fn what_is_no_plain_destination_is_refused() {
    for uri in [
        "/path",
        "https://user@api.example.com/",
        "https://api.example.com@evil.example/",
        "https://api.example.com:/",
        "https://api.example.com:0/",
        "https://api.example.com:65536/",
        "https://api.example.com:+443/",
        "https://a..b/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://1.2.3.4./",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[127.0.0.1]/",
        "https://a%2eexample.com/",
        "https://[::1]x/",
        "https://-/..",
        "https://a.example.0x/",
    ] {
        if uri == "https://-/.." {
            // A hyphen is a label that some resolve; only rules say where to.
            assert!(to(uri).is_ok());
            continue;
        }
        assert!(to(uri).is_err(), "{uri}: {:?}", to(uri));
    }
    assert!(matches!(to("ftp://api.example.com/"), Err(Error::HttpProtocolError)));
}

#[test]
fn the_host_field_says_where_a_request_goes() {
    for (uri, host) in [
        ("https://API.example.com/", "api.example.com"),
        ("https://api.example.com:443/", "api.example.com"),
        ("https://api.example.com:80/", "api.example.com:80"),
        ("http://api.example.com.:80/", "api.example.com"),
        ("http://[FD00::1]:81/", "[fd00::1]:81"),
        ("http://[::ffff:10.0.0.5]/", "10.0.0.5"),
    ] {
        assert_eq!(to(uri).unwrap().authority(), host, "{uri}");
    }
}

proptest! {
    #[test]
    fn no_rule_for_a_name_lets_a_private_address_pass(name in "[a-z]{1,8}(\\.[a-z]{1,8}){1,3}", bits: u32, extra: u128) {
        let passes = passes(&[&format!("http://{name}:*")], &format!("http://{name}:7/")).unwrap();
        for address in [IpAddr::V4(bits.into()), IpAddr::V6(extra.into()), IpAddr::V4((bits >> 8 | 10 << 24).into())] {
            prop_assert_eq!(passes.address(address), class(address) == Class::Public);
        }
    }

    #[test]
    fn only_what_is_below_a_suffix_matches_it(host in "[a-z.-]{1,20}") {
        let uri = format!("https://{host}/");
        if let Ok(destination) = to(&uri) {
            let rules = ["*.example.com".parse().unwrap()];
            let Host::Name(name) = &destination.host else { panic!("{host}") };
            prop_assert_eq!(permitted(&rules, &destination).is_some(), name.ends_with(".example.com"));
        }
    }

    #[test]
    fn any_authority_is_answered_without_a_panic(authority in "\\PC{0,40}") {
        if let Ok(uri) = Uri::builder().scheme("http").authority(authority).path_and_query("/").build()
            && let Ok(destination) = Destination::of(&uri)
        {
            prop_assert!(http::HeaderValue::try_from(destination.authority()).is_ok());
        }
    }
}
