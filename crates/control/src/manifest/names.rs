//! Names and ids that are derived, in one way, from what people chose.

use std::path::Path;

use sonagi_model::{ApiId, AppName, Digest, LambdaName, UrlId, limits, resource::ResourceKind};

/// A folder's name as an app name: a DNS label.
pub(super) fn app_of_folder(folder: &Path) -> Option<AppName> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let label: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let label: String = label.trim_matches('-').chars().take(63).collect();
    let label = label.trim_end_matches('-');
    AppName::new(if label.is_empty() { "app" } else { label }).ok()
}

/// `<app>-<function>`; too long a name is cut and told apart by a digest.
pub(super) fn lambda_name(app: &AppName, function: &str) -> Option<LambdaName> {
    LambdaName::new(&whole(app, function, 64)).ok()
}

/// The same for a thing that a release declares beside functions.
pub(super) fn resource(app: &AppName, name: &str, kind: ResourceKind, order: Order) -> String {
    let end = match order {
        Order::Standard => "",
        Order::Fifo => ".fifo",
    };
    let most = match kind {
        ResourceKind::Queue => limits::QUEUE_NAME_SIZE,
        ResourceKind::Topic => limits::TOPIC_NAME_SIZE,
        ResourceKind::Bus => limits::BUS_NAME_SIZE,
        ResourceKind::Archive => limits::ARCHIVE_NAME_SIZE,
        ResourceKind::Rule => limits::RULE_NAME_SIZE,
        ResourceKind::ScheduleGroup | ResourceKind::Schedule => limits::SCHEDULE_NAME_SIZE,
        // It has none of its own.
        ResourceKind::Subscription => limits::DECLARED_NAME_SIZE,
    };
    format!("{}{end}", whole(app, name, most - end.len()))
}

/// Whether a queue or a topic keeps the order of what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Standard,
    Fifo,
}

fn whole(app: &AppName, name: &str, most: usize) -> String {
    let full = format!("{app}-{name}");
    if full.len() <= most {
        return full;
    }
    let digest = Digest::of(full.as_bytes()).to_string();
    let kept: String = full.chars().take(most - 9).collect();
    format!("{kept}-{}", &digest[..8])
}

/// The id of an event source mapping, the same over all deployments: a UUID.
pub(super) fn mapping_id(app: &AppName, name: &str) -> String {
    let digest = Digest::of(format!("mapping\n{app}\n{name}").as_bytes());
    let mut hex = digest.to_string();
    // Of version 8, which is for whatever a UUID is made of (RFC 9562, section 5.8).
    hex.replace_range(12..13, "8");
    hex.replace_range(16..17, "8");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]].join("-")
}

/// The same for the same app and name, over all deployments.
pub(super) fn api_id(app: &AppName, name: &str) -> ApiId {
    ApiId(letters("api", app, name, 10))
}

/// The same for the same app and name, over all deployments.
pub(super) fn url_id(app: &AppName, name: &str) -> UrlId {
    UrlId(letters("url", app, name, 32))
}

fn letters(kind: &str, app: &AppName, name: &str, count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Digest::of(format!("{kind}\n{app}\n{name}").as_bytes());
    digest.as_bytes().iter().take(count).map(|byte| ALPHABET[usize::from(byte & 31)] as char).collect()
}

/// An address below the gateway's: `http://<label>.<kind>.localhost:8080`.
pub(super) fn address(gateway: &str, label: &str, kind: &str) -> String {
    let (scheme, authority) = gateway.split_once("://").unwrap_or(("http", gateway));
    let authority = authority.trim_end_matches('/');
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, format!(":{port}")),
        _ => (authority, String::new()),
    };
    // An IP address has no names below it, and the loopback one has the name localhost.
    let host = match host {
        "127.0.0.1" | "[::1]" | "0.0.0.0" | "[::]" => "localhost",
        host => host,
    };
    format!("{scheme}://{label}.{kind}.{host}{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_a_dns_label() {
        let app = |name: &str| app_of_folder(Path::new(name)).unwrap().to_string();
        assert_eq!(app("/tmp/Pet Shop_2"), "pet-shop-2");
        assert_eq!(app("/tmp/-소나기-"), "app");
        assert_eq!(app(&format!("/{}", "a".repeat(70))).len(), 63);
    }

    #[test]
    fn a_long_lambda_name_is_cut_and_stays_unique() {
        let app = AppName::new(&"a".repeat(40)).unwrap();
        let one = lambda_name(&app, &"f".repeat(40)).unwrap();
        let two = lambda_name(&app, &format!("{}g", "f".repeat(39))).unwrap();
        assert_eq!(one.as_str().len(), 64);
        assert_ne!(one, two);
        assert_eq!(lambda_name(&AppName::new("shop").unwrap(), "search").unwrap().as_str(), "shop-search");
    }

    #[test]
    fn an_address_is_below_the_gateways_name() {
        assert_eq!(
            address("http://127.0.0.1:8080", "x", "execute-api"),
            "http://x.execute-api.localhost:8080"
        );
        assert_eq!(address("https://fn.example/", "x", "lambda-url"), "https://x.lambda-url.fn.example");
    }
}
