//! A function's `Events` that do not come over HTTP: each becomes what SAM makes of it ("Generated AWS CloudFormation
//! resources" in the SAM developer guide).

use serde_json::{Map, Value, json};
use sonagi_expressions::{pattern, schedule};
use sonagi_model::{
    AliasName, FunctionName,
    function::Mapping,
    limits,
    resource::{Resource as Thing, ResourceKind},
};

use super::{
    super::{
        fields::Fields,
        names,
        resources::{Declared, Field, Sender, Shape, Source, needed, read, said},
        tree::{Key, Span},
    },
    asynchronous::generate,
    buses::{self, RETRY, STATES},
    mappings::{self, is_queue},
    schedules::{self, COMMON, FLEXIBLE},
    template::Template,
    topics,
};

/// The types that there are, beside those that come over HTTP.
pub(super) const TYPES: [&str; 6] =
    ["SQS", "SNS", "Schedule", "ScheduleV2", "EventBridgeRule", "CloudWatchEvent"];

/// A function, and one of its events.
pub(super) struct Trigger<'a> {
    pub(super) template: &'a Template<'a>,
    pub(super) function: &'a FunctionName,
    pub(super) alias: Option<&'a AliasName>,
    pub(super) key: &'a Key,
    pub(super) declared: &'a mut Declared,
}

impl Trigger<'_> {
    /// The event of one of [`TYPES`]: the event source mapping, if it is one.
    pub(super) fn read(&mut self, kind: &str, event: &Fields<'_>) -> Option<Mapping> {
        let Some(fields) = event.fields("Properties") else {
            if !event.has("Properties") {
                event.missing("Properties", "that say what wakes the function");
            }
            return None;
        };
        let fields = fields.at(&self.key.span);
        let mapping = match kind {
            "SQS" => self.queue(&fields),
            "SNS" => self.topic(&fields),
            "Schedule" => self.schedule(&fields),
            "ScheduleV2" => self.scheduler(&fields),
            _ => self.rule(&fields, kind == "CloudWatchEvent"),
        };
        fields.finish();
        mapping
    }

    /// The logical id of what the event becomes.
    fn id(&self) -> String {
        format!("{}{}", self.function, self.key.text)
    }

    fn physical(&self, kind: ResourceKind) -> String {
        names::resource(&self.template.app, &self.id(), kind, names::Order::Standard)
    }

    /// What is invoked.
    fn arn(&self) -> Option<String> {
        let arn = self.template.lambda_arn(self.function.as_str(), &self.key.span)?;
        Some(self.alias.map_or_else(|| arn.clone(), |alias| format!("{arn}:{alias}")))
    }

    fn queue(&mut self, fields: &Fields<'_>) -> Option<Mapping> {
        if !fields.has("Queue") {
            fields.missing("Queue", "such as `Queue: !GetAtt Clicks.Arn`");
        }
        let queue = fields.text("Queue");
        let source = mappings::source(fields, queue.clone().unwrap_or_default(), self.template);
        let queue = queue?;
        if !is_queue(&queue) {
            let message = format!("{queue:?} is not the ARN of a queue");
            self.template.report.problem(&fields.span_of("Queue"), message);
            return None;
        }
        Some(self.mapping(source, &self.id()))
    }

    fn mapping(&self, source: Source, name: &str) -> Mapping {
        source.mapping(&self.template.app, name, self.alias, &self.key.span, self.template.report)
    }

    fn topic(&mut self, fields: &Fields<'_>) -> Option<Mapping> {
        let (template, report) = (self.template, self.template.report);
        if !fields.has("Topic") {
            fields.missing("Topic", "such as `Topic: !Ref News`");
        }
        let topic = fields.text("Topic");
        topics::region(fields, template);
        let mut attributes = read(fields, &[said("RedrivePolicy", Shape::Document)], report);
        topics::filter(fields, &mut attributes, report);
        let through = self.subscription_queue(fields);
        let topic = topic?;
        if topic.split(':').nth(2) != Some("sns") {
            report.problem(&fields.span_of("Topic"), format!("{topic:?} is not the ARN of a topic"));
            return None;
        }
        let (id, span) = (self.id(), self.key.span.clone());
        if let Some(source) = through? {
            let queue = source.arn.clone();
            topics::subscribe_queue(&id, (&topic, &queue), attributes, &span, self.declared, report);
            return Some(self.mapping(source, &format!("{id}EventSourceMapping")));
        }
        let mut properties = Map::new();
        properties.insert("TopicArn".into(), topic.into());
        properties.insert("Protocol".into(), "lambda".into());
        properties.insert("Endpoint".into(), self.arn()?.into());
        if !attributes.is_empty() {
            properties.insert("Attributes".into(), topics::texts(attributes));
        }
        topics::subscribe(&id, properties, &span, self.declared, report);
        None
    }

    /// `SqsSubscription`: the queue between the topic and the function, or none. Nothing: it is wrong.
    fn subscription_queue(&mut self, fields: &Fields<'_>) -> Option<Option<Source>> {
        let Some(node) = fields.get("SqsSubscription") else { return Some(None) };
        if node.map().is_none() {
            let wanted = fields.flag("SqsSubscription")?;
            return Some(
                wanted.then(|| self.between(&node.span)).map(|arn| Source { arn, ..Source::default() }),
            );
        }
        let between = fields.fields("SqsSubscription")?;
        let source = Source {
            arn: String::new(),
            batch: between.number32("BatchSize", 1..=limits::MAPPING_BATCH_MAX, " messages"),
            enabled: between.flag("Enabled"),
            ..Source::default()
        };
        between.text("QueueUrl");
        between.text("QueuePolicyLogicalId");
        let queue = between.text("QueueArn");
        let said = between.has("QueueArn");
        if said != between.has("QueueUrl") {
            let message = "`QueueArn` and `QueueUrl` of `SqsSubscription` must be there both, or neither";
            self.template.report.problem(&node.span, message);
        }
        between.finish();
        let arn = match (queue, said) {
            (Some(arn), _) => arn,
            (None, true) => return None,
            (None, false) => self.between(&node.span),
        };
        Some(Some(Source { arn, ..source }))
    }

    fn between(&mut self, span: &Span) -> String {
        generate(self.template, &format!("{}Queue", self.id()), ResourceKind::Queue, span, self.declared)
    }

    fn schedule(&mut self, fields: &Fields<'_>) -> Option<Mapping> {
        const RULE: &[Field] = &[said("Description", Shape::Text), said("State", Shape::Word(STATES))];
        let report = self.template.report;
        let mut properties = read(fields, RULE, report);
        let expression = [needed(
            "Schedule",
            Shape::Schedule(schedule::Dialect::Rule),
            "such as `Schedule: rate(5 minutes)`",
        )];
        let expression = read(fields, &expression, report).remove("Schedule");
        self.enabled(fields, &mut properties);
        let name = fields.text("Name").unwrap_or_else(|| self.physical(ResourceKind::Rule));
        buses::check_name(&name, ResourceKind::Rule, &fields.span_of("Name"), report);
        properties.insert("ScheduleExpression".into(), expression?);
        self.with_target(fields, name, properties);
        None
    }

    /// `Enabled` is `State` in other words.
    fn enabled(&self, fields: &Fields<'_>, properties: &mut Map<String, Value>) {
        let Some(enabled) = fields.flag("Enabled") else { return };
        if properties.contains_key("State") {
            let message = "`State` and `Enabled` say the same: leave one of them out";
            return self.template.report.problem(&fields.span_of("Enabled"), message);
        }
        let state = if enabled { "ENABLED" } else { "DISABLED" };
        properties.insert("State".into(), state.into());
    }

    fn rule(&mut self, fields: &Fields<'_>, old: bool) -> Option<Mapping> {
        const RULE: &[Field] = &[said("EventBusName", Shape::Text), said("State", Shape::Word(STATES))];
        let report = self.template.report;
        let mut properties = read(fields, RULE, report);
        let pattern =
            [needed("Pattern", Shape::Pattern(pattern::Dialect::Bus), "such as `Pattern: {source: [shop]}`")];
        let pattern = read(fields, &pattern, report).remove("Pattern");
        let key = if old { "Name" } else { "RuleName" };
        if old {
            self.enabled(fields, &mut properties);
        }
        let name = fields.text(key).unwrap_or_else(|| self.physical(ResourceKind::Rule));
        buses::check_name(&name, ResourceKind::Rule, &fields.span_of(key), report);
        properties.insert("EventPattern".into(), pattern?);
        self.with_target(fields, name, properties);
        None
    }

    /// A rule whose target is the function.
    fn with_target(&mut self, fields: &Fields<'_>, name: String, mut properties: Map<String, Value>) {
        const TARGET: &[Field] = &[
            said("Input", Shape::Document),
            said("InputPath", Shape::Path),
            said("InputTransformer", Shape::Transformer),
            said("RetryPolicy", Shape::Map(RETRY)),
        ];
        let report = self.template.report;
        let bus = properties.get("EventBusName").and_then(Value::as_str);
        let rule = self.template.place().rule(bus, &name);
        let mut target = read(fields, TARGET, report);
        if let Some(queue) = self.dead_letters(fields, Some(&rule)) {
            target.insert("DeadLetterConfig".into(), json!({ "Arn": queue }));
        }
        let id = fields.fields("Target").and_then(|target| {
            let id = target.text("Id");
            target.finish();
            id
        });
        target.insert("Id".into(), id.unwrap_or_else(|| format!("{}LambdaTarget", self.id())).into());
        let Some(arn) = self.arn() else { return };
        target.insert("Arn".into(), arn.into());
        properties.insert("Targets".into(), Value::Array(vec![target.into()]));
        let thing = Thing { kind: ResourceKind::Rule, name, properties, retain: false };
        buses::add_rule(&self.id(), thing, &self.key.span, self.declared, report);
    }

    /// `DeadLetterConfig`: the ARN of a queue, which SAM makes if it is asked to.
    fn dead_letters(&mut self, fields: &Fields<'_>, rule: Option<&str>) -> Option<String> {
        let config = fields.fields("DeadLetterConfig")?;
        let arn = config.text("Arn");
        let kind = config.choice("Type", &[("SQS", ())]);
        let id = config.text("QueueLogicalId").unwrap_or_else(|| format!("{}Queue", self.id()));
        let span = config.span.clone();
        if config.has("Arn") == config.has("Type") {
            let message =
                "`DeadLetterConfig` has either `Arn`, or `Type: SQS` for a queue that is made for it";
            self.template.report.problem(&span, message);
        }
        config.finish();
        if arn.is_some() {
            return arn;
        }
        kind?;
        let queue = generate(self.template, &id, ResourceKind::Queue, &span, self.declared);
        if let Some(rule) = rule {
            self.declared.lets_send(&queue, Sender::Rules, rule);
        }
        Some(queue)
    }

    fn scheduler(&mut self, fields: &Fields<'_>) -> Option<Mapping> {
        const TARGET: &[Field] = &[said("Input", Shape::Text), said("RetryPolicy", Shape::Map(RETRY))];
        let report = self.template.report;
        let mut properties = read(fields, COMMON, report);
        properties.extend(read(fields, FLEXIBLE, report));
        properties.entry("FlexibleTimeWindow").or_insert_with(|| json!({ "Mode": "OFF" }));
        let mut target = read(fields, TARGET, report);
        if let Some(queue) = self.dead_letters(fields, None) {
            target.insert("DeadLetterConfig".into(), json!({ "Arn": queue }));
        }
        let role = fields.text("RoleArn").unwrap_or_else(|| {
            let role = format!("{}-{}Role", self.template.app, self.id());
            self.template.role_arn(&role)
        });
        fields.note("PermissionsBoundary", "boundaries are not kept");
        let unnamed = fields.flag("OmitName") == Some(true);
        let name = fields.text("Name").filter(|_| !unnamed);
        let name = name.unwrap_or_else(|| self.physical(ResourceKind::Schedule));
        buses::check_name(&name, ResourceKind::Schedule, &fields.span_of("Name"), report);
        target.insert("RoleArn".into(), role.into());
        target.insert("Arn".into(), self.arn()?.into());
        properties.insert("Target".into(), target.into());
        let thing = Thing { kind: ResourceKind::Schedule, name, properties, retain: false };
        schedules::add(&self.id(), thing, &self.key.span, self.declared, report);
        None
    }
}
