//! `on` of a function, what wakes it; and what becomes of events that it fails.

use std::collections::BTreeSet;

use serde_json::json;
use sonagi_model::{
    AliasName,
    function::{Asynchronous, Mapping},
    limits,
    policy::Document,
    resource::ResourceKind,
};

use super::{
    super::{
        FunctionDraft,
        fields::Fields,
        names::{self, Order},
        permissions::{allow, grant, to_send},
        problem::Report,
        resources::{Declared, Source},
        tree::{Key, Node},
    },
    buses::{Rule, one_schedule, target_properties},
    queues::{subscribe, subscription},
    things::{Sort, Things},
};

const KINDS: [&str; 4] = ["queue", "topic", "schedule", "event"];

/// What a function gets of what wakes it.
#[derive(Default)]
pub(super) struct Wakes {
    mappings: Vec<Mapping>,
    permissions: Vec<Document>,
}

impl Wakes {
    pub(super) fn give(self, draft: &mut FunctionDraft) {
        draft.mappings = self.mappings;
        self.permissions.into_iter().for_each(|document| grant(&mut draft.permissions, document));
    }
}

/// A function whose `on` is read.
struct Woken<'a, 'd> {
    key: &'a Key,
    alias: Option<&'a AliasName>,
    /// Seconds.
    timeout: u32,
    wakes: Wakes,
    things: &'a Things<'a>,
    declared: &'d mut Declared,
    report: &'a Report,
    /// The names of what was made for it.
    taken: BTreeSet<String>,
}

/// The entries of `on` of a function with this alias and this time-out in seconds.
pub(super) fn read(
    key: &Key,
    on: &[Node],
    (alias, timeout): (Option<&AliasName>, u32),
    things: &Things<'_>,
    declared: &mut Declared,
    report: &Report,
) -> Wakes {
    let (wakes, taken) = Default::default();
    let mut woken = Woken { key, alias, timeout, wakes, things, declared, report, taken };
    for node in on {
        let Some(fields) = Fields::of(node, "an entry of `on`", report) else { continue };
        let said: Vec<_> = KINDS.into_iter().filter(|kind| fields.has(kind)).collect();
        match said.as_slice() {
            ["queue"] => woken.queue(&fields),
            ["topic"] => woken.topic(&fields),
            ["schedule"] => woken.schedule(&fields),
            ["event"] => woken.event(&fields),
            _ => {
                let message = "an entry of `on` has one of `queue`, `topic`, `schedule` and `event`";
                let help = "such as `on = [{ queue = \"clicks\" }]`";
                report.problem_with_help(&node.span, message, help);
                continue;
            }
        }
        fields.finish();
    }
    woken.wakes
}

impl Woken<'_, '_> {
    /// The function as what wakes it names it.
    fn arn(&self) -> String {
        let name = self.things.name(Sort::Function, &self.key.text).unwrap_or_default();
        self.things.place().function(name)
    }

    /// A name in the manifest: `word`, and a number from the second on.
    fn name(&mut self, word: &str) -> String {
        let mut name = format!("{}-{word}", self.key.text);
        let mut count = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{}-{word}-{count}", self.key.text);
            count += 1;
        }
        name
    }

    fn queue(&mut self, fields: &Fields<'_>) {
        let report = self.report;
        let queue = fields.get("queue").and_then(|node| self.things.arn(Sort::Queue, node, report));
        let concurrencies = limits::MAPPING_CONCURRENCY_MIN..=limits::MAPPING_CONCURRENCY_MAX;
        let mut source = Source {
            arn: queue.clone().unwrap_or_default(),
            enabled: fields.flag("enabled"),
            batch: fields.number32("batch", 1..=limits::MAPPING_BATCH_MAX, " messages"),
            window: fields.number32("window", 0..=limits::MAPPING_WINDOW_MAX, " seconds"),
            concurrency: fields.number32("concurrency", concurrencies, " invocations at once"),
            partial: fields.flag("partial").unwrap_or_default(),
            ..Source::default()
        };
        for filter in fields.list("filters").unwrap_or_default() {
            source.filter(filter, report);
        }
        let Some(queue) = queue else { return };
        if self.wakes.mappings.iter().any(|mapping| mapping.source == queue) {
            return report.problem(&fields.span_of("queue"), "this queue wakes the function already");
        }
        let span = fields.span_of("queue");
        self.declared.wakes(&queue, self.timeout, &span);
        let name = format!("{} {}", self.key.text, queue.rsplit(':').next().unwrap_or_default());
        let mapping = source.mapping(self.things.app, &name, self.alias, &span, report);
        self.wakes.mappings.push(mapping);
        let actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
        grant(&mut self.wakes.permissions, allow(&actions, &queue));
    }

    fn topic(&mut self, fields: &Fields<'_>) {
        let (things, report) = (self.things, self.report);
        let topic = fields.get("topic").and_then(|node| things.arn(Sort::Topic, node, report));
        let attributes = subscription(fields, things, report);
        let Some(topic) = topic else { return };
        let word = topic.rsplit(':').next().unwrap_or_default();
        let name = format!("function.{}.topic.{word}", self.key.text);
        let to = ("lambda", self.arn());
        subscribe((&name, &topic), to, attributes, (fields.span, self.declared), report);
    }

    fn schedule(&mut self, fields: &Fields<'_>) {
        let name = self.name("schedule");
        let physical = names::resource(self.things.app, &name, ResourceKind::Schedule, Order::Standard);
        let key = (&*format!("function.{name}"), physical);
        let target = (self.arn(), Default::default());
        one_schedule(key, target, (fields, self.declared), self.things, self.report);
    }

    fn event(&mut self, fields: &Fields<'_>) {
        let (things, report) = (self.things, self.report);
        let name = self.name("event");
        let physical = names::resource(things.app, &name, ResourceKind::Rule, Order::Standard);
        let rule = Rule::read(fields, physical, things, report);
        let mut target = target_properties(fields, things, report);
        target.insert("Id".into(), json!("1"));
        target.insert("Arn".into(), self.arn().into());
        if let Some(rule) = rule {
            let key = format!("function.{name}");
            rule.declare(&key, vec![target], (fields.span, self.declared), report);
        }
    }
}

/// `retries`, `max_age`, `on_success`, `on_failure` and `dead_letters` of a function.
#[derive(Default)]
pub(super) struct Outcomes {
    asynchronous: Option<Asynchronous>,
    dead_letters: Option<String>,
    /// ARNs of where events are told.
    told: Vec<String>,
}

impl Outcomes {
    pub(super) fn read(fields: &Fields<'_>, things: &Things<'_>, report: &Report) -> Self {
        const TOLD: [Sort; 4] = [Sort::Function, Sort::Queue, Sort::Topic, Sort::Bus];
        let keys = ["retries", "max_age", "on_success", "on_failure"];
        let said = keys.into_iter().filter(|key| fields.has(key)).count() > 0;
        let usual = Asynchronous::default();
        let ages = limits::EVENT_AGE_MIN..=limits::EVENT_AGE_MAX;
        let destination = |key, sorts: &[Sort]| {
            let to = fields.fields(key)?;
            let found = things.one(&to, sorts, report);
            to.finish();
            found.map(|(_, arn)| arn)
        };
        let asynchronous = Asynchronous {
            max_age: fields.number32("max_age", ages, " seconds").unwrap_or(usual.max_age),
            retries: fields
                .number32("retries", 0..=limits::EVENT_RETRIES_MAX, " attempts")
                .unwrap_or(usual.retries),
            on_success: destination("on_success", &TOLD),
            on_failure: destination("on_failure", &TOLD),
        };
        let dead_letters = destination("dead_letters", &[Sort::Queue, Sort::Topic]);
        let told = [&asynchronous.on_success, &asynchronous.on_failure, &dead_letters];
        let told = told.into_iter().flatten().cloned().collect();
        Self { asynchronous: said.then_some(asynchronous), dead_letters, told }
    }

    pub(super) fn give(self, draft: &mut FunctionDraft) {
        draft.asynchronous = self.asynchronous;
        draft.dead_letters = self.dead_letters;
        for arn in self.told {
            grant(&mut draft.permissions, to_send(&arn));
        }
    }
}
