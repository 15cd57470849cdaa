//! `Globals` ("Globals section of the AWS SAM template" in the SAM developer guide): maps merge, lists append, and
//! of scalars the resource's own wins.

use super::{
    super::tree::{Data, Node},
    evaluate,
};

pub(super) fn merge(global: &Node, own: &Node) -> Node {
    // A call of a function is one value, whatever it is written as.
    if evaluate::call(global).is_some() || evaluate::call(own).is_some() {
        return own.clone();
    }
    match (&global.data, &own.data) {
        (Data::Map(base), Data::Map(over)) => {
            let mut entries = Vec::with_capacity(base.len() + over.len());
            for (key, value) in base {
                match over.iter().find(|(name, _)| name.text == key.text) {
                    Some((name, own)) => entries.push((name.clone(), merge(value, own))),
                    None => entries.push((key.clone(), value.clone())),
                }
            }
            for (key, value) in over {
                if !base.iter().any(|(name, _)| name.text == key.text) {
                    entries.push((key.clone(), value.clone()));
                }
            }
            Node::new(own.span.clone(), Data::Map(entries))
        }
        (Data::List(first), Data::List(then)) => {
            let items = first.iter().chain(then).cloned().collect();
            Node::new(own.span.clone(), Data::List(items))
        }
        (_, Data::Null) => Node::new(own.span.clone(), global.data.clone()),
        _ => own.clone(),
    }
}

/// What `IgnoreGlobals` leaves of the globals: `*` ignores all, a list the properties that it names.
pub(super) fn kept(global: &Node, ignore: Option<&Node>) -> Node {
    let Some(ignore) = ignore else { return global.clone() };
    let names: Vec<&str> = match ignore.list() {
        Some(items) => items.iter().filter_map(Node::scalar).collect(),
        None => ignore.scalar().into_iter().collect(),
    };
    let entries = global.map().unwrap_or_default().iter();
    let kept = entries.filter(|(key, _)| !names.iter().any(|name| *name == "*" || *name == key.text));
    Node::new(global.span.clone(), Data::Map(kept.cloned().collect()))
}
