//! From raw values to a document ("Grammar of the IAM JSON policy language").

use std::collections::HashSet;

use super::{
    AddressRange, Comparison, Condition, Document, Effect, Mistake, Operator, Party, Place, PolicyError, Raw,
    Scope, Statement, Version,
    value::{arn_parts, moment, number},
};
use crate::limits;

type Result<T, E = PolicyError> = std::result::Result<T, E>;

pub(super) fn document(raw: &Raw) -> Result<Document> {
    let place = Place::default();
    let entries = object(raw, &place, &["Version", "Id", "Statement"])?;
    let version = match optional(entries, "Version", &place)? {
        None => Version::First,
        Some(text) if text == Version::First.as_str() => Version::First,
        Some(text) if text == Version::Second.as_str() => Version::Second,
        Some(text) => return place.key("Version").error(Mistake::Version(text)),
    };
    let id = optional(entries, "Id", &place)?;
    let Some(raw) = get(entries, "Statement") else {
        let example = "a list of statements, each with Effect, Action and Resource";
        return place.error(Mistake::Missing { key: "Statement", example });
    };
    let place = place.key("Statement");
    let statements = match raw {
        Raw::List(items) if items.len() > limits::POLICY_STATEMENTS => {
            return place.error(Mistake::Statements { got: items.len() });
        }
        Raw::List(items) => {
            let each = items.iter().enumerate().map(|(at, item)| statement(item, &place.item(at), version));
            each.collect::<Result<_>>()?
        }
        one => vec![statement(one, &place, version)?],
    };
    Ok(Document { version, id, statements })
}

fn statement(raw: &Raw, place: &Place, version: Version) -> Result<Statement> {
    let known = [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    let entries = object(raw, place, &known)?;
    let sid = optional(entries, "Sid", place)?;
    let effect = match optional(entries, "Effect", place)?.as_deref() {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        Some(other) => return place.key("Effect").error(Mistake::Effect(other.into())),
        None => {
            return place
                .error(Mistake::Missing { key: "Effect", example: "\"Effect\": \"Allow\" or \"Deny\"" });
        }
    };
    let principals = scope(entries, place, ("Principal", "NotPrincipal"), parties)?;
    let named = |raw: &Raw, place: &Place| texts(raw, place, action);
    let Some(actions) = scope(entries, place, ("Action", "NotAction"), named)? else {
        let example = "\"Action\": \"sqs:SendMessage\"";
        return place.error(Mistake::Missing { key: "Action", example });
    };
    let named = |raw: &Raw, place: &Place| texts(raw, place, |text, place| resource(text, place, version));
    let resources = scope(entries, place, ("Resource", "NotResource"), named)?;
    let conditions = match get(entries, "Condition") {
        Some(raw) => conditions(raw, &place.key("Condition"), version)?,
        None => Vec::new(),
    };
    Ok(Statement { sid, effect, principals, actions, resources, conditions })
}

/// The entries of an object that has no other keys than `known`, and none twice.
fn object<'a>(raw: &'a Raw, place: &Place, known: &[&str]) -> Result<&'a [(String, Raw)]> {
    let entries = entries(raw, place)?;
    for (key, _) in entries {
        if !known.contains(&key.as_str()) {
            return place.error(Mistake::UnknownKey { key: key.clone(), known: known.join(", ") });
        }
    }
    Ok(entries)
}

fn entries<'a>(raw: &'a Raw, place: &Place) -> Result<&'a [(String, Raw)]> {
    let Raw::Map(entries) = raw else {
        return place.error(Mistake::Kind { wanted: "an object", got: raw.kind() });
    };
    let mut seen = HashSet::with_capacity(entries.len());
    if let Some((key, _)) = entries.iter().find(|(key, _)| !seen.insert(key)) {
        return place.error(Mistake::Twice(key.clone()));
    }
    Ok(entries)
}

fn get<'a>(entries: &'a [(String, Raw)], key: &str) -> Option<&'a Raw> {
    entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

fn optional(entries: &[(String, Raw)], key: &str, place: &Place) -> Result<Option<String>> {
    let Some(raw) = get(entries, key) else { return Ok(None) };
    match raw.text() {
        Some(text) => Ok(Some(text.to_owned())),
        None => place.key(key).error(Mistake::Kind { wanted: "text", got: raw.kind() }),
    }
}

fn scope<T>(
    entries: &[(String, Raw)],
    place: &Place,
    (only, all_but): (&'static str, &'static str),
    read: impl Fn(&Raw, &Place) -> Result<Vec<T>>,
) -> Result<Option<Scope<T>>> {
    match (get(entries, only), get(entries, all_but)) {
        (Some(_), Some(_)) => place.error(Mistake::Both(only)),
        (Some(raw), None) => Ok(Some(Scope::Only(read(raw, &place.key(only))?))),
        (None, Some(raw)) => Ok(Some(Scope::AllBut(read(raw, &place.key(all_but))?))),
        (None, None) => Ok(None),
    }
}

/// A text, or a list of some.
fn texts(raw: &Raw, place: &Place, check: impl Fn(&str, &Place) -> Result<()>) -> Result<Vec<String>> {
    let read = |raw: &Raw, place: &Place| match raw.text() {
        Some(text) => check(text, place).map(|()| text.to_owned()),
        None => place.error(Mistake::Kind { wanted: "text", got: raw.kind() }),
    };
    match raw {
        Raw::List(items) if items.is_empty() => place.error(Mistake::Empty),
        Raw::List(items) => items.iter().enumerate().map(|(at, item)| read(item, &place.item(at))).collect(),
        one => Ok(vec![read(one, place)?]),
    }
}

fn action(text: &str, place: &Place) -> Result<()> {
    let word = |part: &str, more: &[u8]| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    let fits = match text.split_once(':') {
        Some((service, name)) => (service == "*" || word(service, b"-")) && word(name, b"*?"),
        None => text == "*",
    };
    if fits { Ok(()) } else { place.error(Mistake::Action(text.into())) }
}

fn resource(text: &str, place: &Place, version: Version) -> Result<()> {
    variables(text, place, version)?;
    let everything = !text.is_empty() && text.bytes().all(|b| b == b'*');
    let arn = arn_parts(text, version).is_some_and(|parts| parts[0] == "arn");
    if everything || arn { Ok(()) } else { place.error(Mistake::Resource(text.into())) }
}

/// Whether every `${` has its end.
fn variables(text: &str, place: &Place, version: Version) -> Result<()> {
    if version == Version::First {
        return Ok(());
    }
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        match rest[at..].find('}') {
            Some(end) => rest = &rest[at + end..],
            None => return place.error(Mistake::Variable(rest[at..].into())),
        }
    }
    Ok(())
}

fn parties(raw: &Raw, place: &Place) -> Result<Vec<Party>> {
    match raw {
        Raw::Text(text) if text == "*" => return Ok(vec![Party::Anyone]),
        Raw::Text(text) => return place.error(Mistake::Principal(text.clone())),
        Raw::Null | Raw::Bool(_) | Raw::Number(_) | Raw::List(_) | Raw::Map(_) => {}
    }
    let mut parties = Vec::new();
    for (kind, raw) in object(raw, place, &["AWS", "Service", "Federated", "CanonicalUser"])? {
        let check = |text: &str, place: &Place| match kind.as_str() {
            "AWS" => aws(text, place),
            "Service" => service(text, place),
            _ => Ok(()),
        };
        let party = |text: String| match kind.as_str() {
            "AWS" if text == "*" => Party::Anyone,
            "AWS" => Party::Aws(text),
            "Service" => Party::Service(text),
            "Federated" => Party::Federated(text),
            _ => Party::CanonicalUser(text),
        };
        parties.extend(texts(raw, &place.key(kind), check)?.into_iter().map(party));
    }
    if parties.is_empty() {
        return place.error(Mistake::Empty);
    }
    Ok(parties)
}

fn aws(text: &str, place: &Place) -> Result<()> {
    let account = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    let arn = text.starts_with("arn:") && text.split(':').count() >= 6 && !text.contains(['*', '?']);
    if text == "*" || account || arn { Ok(()) } else { place.error(Mistake::Principal(text.into())) }
}

fn service(text: &str, place: &Place) -> Result<()> {
    let fits = text.contains('.') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    if fits { Ok(()) } else { place.error(Mistake::Service(text.into())) }
}

fn conditions(raw: &Raw, place: &Place, version: Version) -> Result<Vec<Condition>> {
    let mut conditions = Vec::new();
    for (name, keys) in entries(raw, place)? {
        let place = place.key(name);
        let Ok(operator) = name.parse::<Operator>() else {
            return place.error(Mistake::Operator(name.clone()));
        };
        for (key, raw) in entries(keys, &place)? {
            let place = place.key(key);
            if !key.split_once(':').is_some_and(|(before, after)| !before.is_empty() && !after.is_empty()) {
                return place.error(Mistake::ConditionKey(key.clone()));
            }
            let read = |raw: &Raw, place: &Place| match raw.scalar() {
                Some(text) => value(operator, text, place, version).map(|()| text.to_owned()),
                None => {
                    place.error(Mistake::Kind { wanted: "text, a number or true or false", got: raw.kind() })
                }
            };
            let values = match raw {
                Raw::List(items) if items.is_empty() => return place.error(Mistake::Empty),
                Raw::List(items) => {
                    let each = items.iter().enumerate().map(|(at, item)| read(item, &place.item(at)));
                    each.collect::<Result<_>>()?
                }
                one => vec![read(one, &place)?],
            };
            conditions.push(Condition { operator, key: key.clone(), values });
        }
    }
    Ok(conditions)
}

fn value(operator: Operator, text: &str, place: &Place, version: Version) -> Result<()> {
    use Comparison as C;
    variables(text, place, version)?;
    if version == Version::Second && text.contains("${") {
        // What it will be, the request says.
        return Ok(());
    }
    let (fits, wanted) = match operator.comparison {
        C::StringEquals
        | C::StringNotEquals
        | C::StringEqualsIgnoreCase
        | C::StringNotEqualsIgnoreCase
        | C::StringLike
        | C::StringNotLike
        | C::BinaryEquals => (true, ""),
        C::ArnEquals | C::ArnLike | C::ArnNotEquals | C::ArnNotLike => {
            let fits = text == "*" || arn_parts(text, version).is_some();
            (fits, "an ARN of six parts, in which * and ? may stand")
        }
        C::Numeric(_) => (number(text).is_some(), "a number"),
        C::Date(_) => (moment(text).is_some(), "a time, as 2026-01-31T08:15:30Z"),
        C::Bool | C::Null => {
            let fits = text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
            (fits, "true or false")
        }
        C::IpAddress | C::NotIpAddress => {
            (AddressRange::parse(text).is_some(), "an address, or a range as 203.0.113.0/24")
        }
    };
    if fits {
        return Ok(());
    }
    place.error(Mistake::Value { operator: operator.to_string(), value: text.into(), wanted })
}
