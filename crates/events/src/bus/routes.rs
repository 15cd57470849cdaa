//! What an event meets on a bus: its rules and archives, read and compiled.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError},
};

use bytes::Bytes;
use serde_json::Value;
use sonagi_backend::{Error, Transaction, records::Record};
use sonagi_expressions::{
    pattern::{Dialect, Pattern},
    transform::Occasion,
};
use sonagi_model::limits;

use super::{
    Archive, Buses, Rule, RuleName,
    event::Event,
    layout::{self, Id},
    store::{self, damaged},
    target::{Compiled, CompiledInput},
};
use crate::{BusName, Undeliverable};

/// All that an event meets on one bus, as of one change.
pub(super) struct Routes {
    /// The commit that made it so; none: no rule and no archive was there ever.
    version: Option<Bytes>,
    pub(super) exists: bool,
    rules: Vec<Arc<Route>>,
    archives: Vec<Gate>,
    /// Places in `rules`, by the source that they want; then those of all others.
    by_source: HashMap<String, Vec<usize>>,
    by_no_source: Vec<usize>,
}

/// A rule that is enabled.
pub(super) struct Route {
    record: Bytes,
    pub(super) rule: Rule,
    pub(super) arn: String,
    /// None: it has a schedule only.
    pattern: Option<Pattern>,
    pub(super) targets: Vec<Compiled>,
}

/// An archive.
struct Gate {
    record: Bytes,
    id: Id,
    pattern: Option<Arc<Pattern>>,
}

/// Who wants an event.
pub(super) struct Plan {
    pub(super) archives: Vec<Id>,
    pub(super) deliveries: Vec<Delivery>,
}

/// What one target gets.
pub(super) struct Delivery {
    pub(super) route: Arc<Route>,
    /// Its place among the rule's targets.
    pub(super) target: usize,
    pub(super) input: Result<Bytes, Undeliverable>,
}

impl Routes {
    /// Who wants this event; only those of `rules`, if there are any.
    pub(super) fn plan(&self, event: &Event, rules: &[RuleName]) -> Plan {
        let archives = self.archives.iter().filter(|_| !event.is_replayed);
        let archives = archives
            .filter(|gate| gate.pattern.as_ref().is_none_or(|pattern| pattern.matches(&event.value)))
            .map(|gate| gate.id);
        let by_source = self.by_source.get(event.source()).into_iter().flatten();
        let mut places: Vec<usize> = by_source
            .chain(&self.by_no_source)
            .copied()
            .filter(|place| {
                let route = &self.rules[*place];
                (rules.is_empty() || rules.contains(&route.rule.name))
                    && route.pattern.as_ref().is_some_and(|pattern| pattern.matches(&event.value))
            })
            .collect();
        places.sort_unstable();
        let deliveries = places.into_iter().flat_map(|place| self.rules[place].deliveries(event)).collect();
        Plan { archives: archives.collect(), deliveries }
    }

    /// The rule of that name, if it is enabled.
    pub(super) fn of_rule(&self, name: &RuleName) -> Option<&Arc<Route>> {
        self.rules.iter().find(|route| route.rule.name == *name)
    }

    /// Whether it is as of the same change.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.version == other.version
    }

    fn read(
        buses: &Buses,
        bus: &BusName,
        version: Option<Bytes>,
        (rules, archives): (Vec<Record>, Vec<Record>),
        before: Option<&Self>,
    ) -> Result<Self, Error> {
        let exists = bus.is_default() || version.is_some();
        let archives = if exists { archives } else { Vec::new() };
        let known: HashMap<&Bytes, &Arc<Route>> =
            before.into_iter().flat_map(|before| &before.rules).map(|route| (&route.record, route)).collect();
        let mut routes = Vec::new();
        for record in rules {
            match known.get(&record.value) {
                Some(route) => routes.push(Arc::clone(route)),
                None => routes.extend(Route::read(buses, record.value)?.map(Arc::new)),
            }
        }
        let known: HashMap<&Bytes, &Gate> =
            before.into_iter().flat_map(|before| &before.archives).map(|gate| (&gate.record, gate)).collect();
        let mut gates = Vec::new();
        for Record { value, .. } in archives {
            let archive: Archive = store::decode(&value, "an archive")?;
            if archive.bus != *bus {
                continue;
            }
            let pattern = match (known.get(&value), &archive.pattern) {
                (Some(gate), _) => gate.pattern.clone(),
                (None, Some(pattern)) => Some(Arc::new(read_pattern(pattern)?)),
                (None, None) => None,
            };
            gates.push(Gate { record: value, id: archive.id, pattern });
        }
        let (mut by_source, mut by_no_source) = (HashMap::<String, Vec<usize>>::new(), Vec::new());
        for (place, route) in routes.iter().enumerate() {
            match route.rule.pattern.as_deref().and_then(sources) {
                Some(sources) => {
                    for source in sources {
                        by_source.entry(source).or_default().push(place);
                    }
                }
                None => by_no_source.push(place),
            }
        }
        Ok(Self { version, exists, rules: routes, archives: gates, by_source, by_no_source })
    }
}

impl Route {
    /// None: it is disabled.
    pub(super) fn read(buses: &Buses, record: Bytes) -> Result<Option<Self>, Error> {
        let rule: Rule = store::decode(&record, "a rule")?;
        if !rule.state.is_enabled() {
            return Ok(None);
        }
        let pattern = rule.pattern.as_deref().map(read_pattern).transpose()?;
        let config = buses.events().config();
        let targets = rule.targets.iter().map(|target| target.compile(&rule.bus, config));
        let targets = targets.collect::<Result<_, _>>().map_err(|_| damaged("a rule's target"))?;
        let arn = buses.rule_arn(&rule.bus, &rule.name);
        Ok(Some(Self { record, rule, arn, pattern, targets }))
    }

    pub(super) fn deliveries(self: &Arc<Self>, event: &Event) -> impl Iterator<Item = Delivery> {
        self.targets.iter().enumerate().map(|(target, compiled)| Delivery {
            route: Arc::clone(self),
            target,
            input: self.input(&compiled.input, event),
        })
    }

    fn input(&self, input: &CompiledInput, event: &Event) -> Result<Bytes, Undeliverable> {
        match input {
            CompiledInput::Event => Ok(event.text.clone()),
            CompiledInput::Constant(text) => Ok(Bytes::from(text.clone())),
            CompiledInput::Path(path) => match path.select(event.document()?) {
                Some(value) => Ok(Bytes::from(value)),
                // A target gets JSON whatever the event has.
                None => Ok(Bytes::from_static(b"{}")),
            },
            CompiledInput::Template(transformer) => {
                let occasion = Occasion {
                    rule_arn: &self.arn,
                    rule_name: self.rule.name.as_str(),
                    ingestion_time: event.received,
                };
                match transformer.render(event.document()?, occasion) {
                    Ok(text) => Ok(text.into()),
                    Err(error) => Err(Undeliverable::invalid(error.to_string())),
                }
            }
        }
    }
}

fn read_pattern(text: &str) -> Result<Pattern, Error> {
    Pattern::parse(text, Dialect::Bus).map_err(|_| damaged("an event pattern"))
}

/// The sources that a pattern wants, if it names them all: no event of another source matches it.
fn sources(pattern: &str) -> Option<HashSet<String>> {
    let pattern: Value = serde_json::from_str(pattern).ok()?;
    let values = pattern.get("source")?.as_array()?;
    values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

impl Buses {
    /// What an event meets on a bus at this moment of a transaction.
    pub(super) fn routes(&self, t: &mut dyn Transaction, bus: &BusName) -> Result<Arc<Routes>, Error> {
        let version = t.get(&layout::version(bus))?;
        let known = self.known_routes(bus);
        if let Some(known) = known.as_ref().filter(|known| known.version == version) {
            return Ok(Arc::clone(known));
        }
        let records = (store::all(t, &layout::rules(bus))?, store::all(t, layout::ARCHIVES)?);
        // What this transaction has itself changed may not come to be.
        let is_own = version.as_deref() == Some(&t.sequence().0.to_be_bytes());
        let routes = Arc::new(Routes::read(self, bus, version, records, known.as_deref())?);
        if !is_own {
            self.know_routes(bus, &routes);
        }
        Ok(routes)
    }

    /// What it met last: transactions find out whether it is so still.
    pub(super) async fn recall_routes(&self, bus: &BusName) -> Result<Arc<Routes>, Error> {
        let known = self.known_routes(bus);
        if let Some(known) = known {
            return Ok(known);
        }
        let snapshot = self.events().records().snapshot();
        let version = snapshot.get(&layout::version(bus)).await?;
        let rules = store::all_of(&*snapshot, &layout::rules(bus)).await?;
        let archives = store::all_of(&*snapshot, layout::ARCHIVES).await?;
        let routes = Arc::new(Routes::read(self, bus, version, (rules, archives), None)?);
        self.know_routes(bus, &routes);
        Ok(routes)
    }

    fn known_routes(&self, bus: &BusName) -> Option<Arc<Routes>> {
        self.state().routes.lock().unwrap_or_else(PoisonError::into_inner).get(bus).cloned()
    }

    fn know_routes(&self, bus: &BusName, routes: &Arc<Routes>) {
        if !routes.exists {
            return;
        }
        let mut all = self.state().routes.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= limits::BUSES_KNOWN {
            all.clear();
        }
        all.insert(bus.clone(), Arc::clone(routes));
    }
}

/// Says that a bus's rules or archives are others now.
pub(super) fn touch(t: &mut dyn Transaction, bus: &BusName) -> Result<(), Error> {
    let version = t.sequence().0.to_be_bytes();
    t.put(&layout::version(bus), &version)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_pattern_that_names_all_its_sources_is_found_by_them() {
        let found = |pattern: &str| sources(pattern).map(|sources| sources.len());
        assert_eq!(found("{\"source\": [\"a\", \"b\"], \"detail\": {\"n\": [1]}}"), Some(2));
        for pattern in [
            "{\"detail-type\": [\"x\"]}",
            "{\"source\": [\"a\", {\"prefix\": \"b\"}]}",
            "{\"source\": [\"a\", null]}",
            "{\"$or\": [{\"source\": [\"a\"]}, {\"detail\": {\"n\": [1]}}]}",
        ] {
            assert_eq!(found(pattern), None, "{pattern}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let value = prop_oneof![
            "[ab]".prop_map(Value::from),
            Just(json!(null)),
            "[ab]".prop_map(|text| json!({ "prefix": text })),
            "[ab]".prop_map(|text| json!({ "anything-but": text })),
            Just(json!({ "exists": false })),
        ];
        prop::collection::vec(value, 1..3).prop_map(Value::from)
    }

    proptest! {
        #[test]
        fn no_rule_is_passed_over_that_wants_an_event(
            source in values(),
            kind in prop::option::of(values()),
            other in prop::option::of(values()),
            event in ("[abc]", "[ab]"),
        ) {
            let mut pattern = json!({ "source": source });
            if let Some(kind) = kind {
                pattern["detail-type"] = kind;
            }
            if let Some(other) = other {
                pattern["$or"] = json!([{ "detail-type": other }, { "detail-type": ["a"] }]);
            }
            let text = pattern.to_string();
            let Ok(read) = Pattern::parse(&text, Dialect::Bus) else { return Ok(()) };
            let event = json!({ "source": event.0, "detail-type": event.1 });
            if read.matches(&event) {
                let sources = sources(&text);
                prop_assert!(sources.is_none_or(|sources| sources.contains(event["source"].as_str().unwrap())));
            }
        }
    }
}
