//! What `Ref` and `Fn::GetAtt` give of queues, topics, buses, rules, schedules ("Return values" of each in the
//! CloudFormation template reference).

use sonagi_model::resource::ResourceKind;

use super::{
    super::{
        names::{self, Order},
        resources::Place,
        tree::{Node, Span},
    },
    template::Template,
};

/// The property that has a thing's name.
pub(super) const fn name_key(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Queue => "QueueName",
        ResourceKind::Topic => "TopicName",
        ResourceKind::Archive => "ArchiveName",
        ResourceKind::Bus | ResourceKind::Rule | ResourceKind::ScheduleGroup | ResourceKind::Schedule => {
            "Name"
        }
        // It has none.
        ResourceKind::Subscription => "SubscriptionName",
    }
}

impl Template<'_> {
    pub(super) fn place(&self) -> Place<'_> {
        Place(self.context)
    }

    /// A thing's name on the platform; reported and `None` when it depends on itself.
    pub(super) fn declared_name(&self, resource: &str, kind: ResourceKind, span: &Span) -> Option<String> {
        self.named(resource, name_key(kind), span, || {
            Some(names::resource(&self.app, resource, kind, self.order(resource, kind)))
        })
    }

    /// As `FifoQueue` or `FifoTopic` says.
    fn order(&self, resource: &str, kind: ResourceKind) -> Order {
        let key = match kind {
            ResourceKind::Queue => "FifoQueue",
            ResourceKind::Topic => "FifoTopic",
            ResourceKind::Subscription
            | ResourceKind::Bus
            | ResourceKind::Rule
            | ResourceKind::Archive
            | ResourceKind::ScheduleGroup
            | ResourceKind::Schedule => return Order::Standard,
        };
        let node = self.resources.get(resource).and_then(|it| it.properties.get(key));
        let said = node.and_then(|node| self.outside(|| self.evaluate(node)));
        match said.as_ref().and_then(Node::scalar) {
            Some("true") => Order::Fifo,
            Some(_) | None => Order::Standard,
        }
    }

    fn declared_arn(&self, resource: &str, kind: ResourceKind, span: &Span) -> Option<String> {
        let name = self.declared_name(resource, kind, span)?;
        let said = |key: &str| {
            let node = self.resources.get(resource)?.properties.get(key)?;
            let value = self.report.quietly(|| self.outside(|| self.evaluate(node)))?;
            value.scalar().map(str::to_owned)
        };
        Some(match kind {
            ResourceKind::Rule => self.place().rule(said("EventBusName").as_deref(), &name),
            ResourceKind::Schedule => {
                let group = said("GroupName").unwrap_or_else(|| "default".into());
                self.place().arn(kind, &format!("{group}/{name}"))
            }
            ResourceKind::Queue
            | ResourceKind::Topic
            | ResourceKind::Subscription
            | ResourceKind::Bus
            | ResourceKind::Archive
            | ResourceKind::ScheduleGroup => self.place().arn(kind, &name),
        })
    }

    pub(super) fn declared_reference(&self, resource: &str, kind: ResourceKind, span: &Span) -> Node {
        self.depends(resource);
        let value = match kind {
            ResourceKind::Queue => {
                self.declared_name(resource, kind, span).map(|name| self.place().queue_url(&name))
            }
            ResourceKind::Topic => self.declared_arn(resource, kind, span),
            ResourceKind::Subscription => return self.no_id_yet(resource, span),
            ResourceKind::Bus
            | ResourceKind::Rule
            | ResourceKind::Archive
            | ResourceKind::ScheduleGroup
            | ResourceKind::Schedule => self.declared_name(resource, kind, span),
        };
        value.map_or_else(|| Node::broken(span), |text| Node::text(span, text))
    }

    pub(super) fn declared_attribute(
        &self,
        resource: &str,
        kind: ResourceKind,
        attribute: &str,
        span: &Span,
    ) -> Node {
        self.depends(resource);
        let (arn, name) = match kind {
            ResourceKind::Queue => ("Arn", "QueueName"),
            ResourceKind::Topic => ("TopicArn", "TopicName"),
            ResourceKind::Subscription => return self.no_id_yet(resource, span),
            ResourceKind::Bus => ("Arn", "Name"),
            ResourceKind::Archive => ("Arn", "ArchiveName"),
            ResourceKind::Rule | ResourceKind::ScheduleGroup | ResourceKind::Schedule => ("Arn", ""),
        };
        let value = if attribute == arn {
            self.declared_arn(resource, kind, span)
        } else if attribute == name {
            self.declared_name(resource, kind, span)
        } else if kind == ResourceKind::Queue && attribute == "QueueUrl" {
            self.declared_name(resource, kind, span).map(|name| self.place().queue_url(&name))
        } else {
            let mut known = vec![arn];
            known.extend((!name.is_empty()).then_some(name));
            known.extend((kind == ResourceKind::Queue).then_some("QueueUrl"));
            return self.no_attribute(resource, attribute, &known, span);
        };
        value.map_or_else(|| Node::broken(span), |text| Node::text(span, text))
    }

    pub(super) fn mapping_attribute(&self, name: &str, attribute: &str, span: &Span) -> Node {
        let id = names::mapping_id(&self.app, name);
        match attribute {
            "Id" => Node::text(span, id),
            "EventSourceMappingArn" => {
                let (region, account) = (&self.context.region, &self.context.account);
                Node::text(span, format!("arn:aws:lambda:{region}:{account}:event-source-mapping:{id}"))
            }
            _ => self.no_attribute(name, attribute, &["Id", "EventSourceMappingArn"], span),
        }
    }

    /// The id of what has none but the one that CloudFormation makes.
    pub(super) fn id_of(&self, name: &str) -> String {
        format!("{}-{name}", self.app)
    }

    fn no_id_yet(&self, name: &str, span: &Span) -> Node {
        let message = format!("the subscription `{name}` has its ARN only once it is made");
        self.report.problem_with_help(span, message, "use the topic's ARN");
        Node::broken(span)
    }
}
