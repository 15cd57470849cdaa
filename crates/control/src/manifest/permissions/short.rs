//! `permissions` in a `sonagi.toml`: `"sqs:SendMessage on clicks"`.

use sonagi_model::policy::{Document, Effect, Purpose, Scope, Statement, Version};

use super::{
    super::{
        fields::Fields,
        names,
        native::{Sort, Things},
        problem::{Report, did_you_mean},
        tree::{Data, Key, Node},
    },
    Collected, policy, templates,
};

/// What a name means to actions of each service: what follows `arn:aws:`, one or more of it.
const NAMES: [(&str, &[&str]); 14] = [
    ("sqs", &["sqs:{region}:{account}:{name}"]),
    ("sns", &["sns:{region}:{account}:{name}"]),
    // A function, and all its versions and aliases.
    ("lambda", &["lambda:{region}:{account}:function:{name}", "lambda:{region}:{account}:function:{name}:*"]),
    ("dynamodb", &["dynamodb:{region}:{account}:table/{name}", "dynamodb:{region}:{account}:table/{name}/*"]),
    ("s3", &["s3:::{name}", "s3:::{name}/*"]),
    ("events", &["events:{region}:{account}:event-bus/{name}"]),
    ("scheduler", &["scheduler:{region}:{account}:schedule/{name}/*"]),
    ("kinesis", &["kinesis:{region}:{account}:stream/{name}"]),
    ("firehose", &["firehose:{region}:{account}:deliverystream/{name}"]),
    (
        "states",
        &[
            "states:{region}:{account}:stateMachine:{name}",
            "states:{region}:{account}:stateMachine:{name}:*",
            "states:{region}:{account}:execution:{name}:*",
        ],
    ),
    // What Secrets Manager adds to a name.
    ("secretsmanager", &["secretsmanager:{region}:{account}:secret:{name}-??????"]),
    ("ssm", &["ssm:{region}:{account}:parameter/{name}"]),
    ("kms", &["kms:{region}:{account}:key/{name}"]),
    ("logs", &["logs:{region}:{account}:log-group:{name}", "logs:{region}:{account}:log-group:{name}:*"]),
];

const FORM: &str = "write it as \"sqs:SendMessage on clicks\"";

/// Reads `permissions` of a function. `things` are the app's own, which are meant by their names there.
pub(in super::super) fn read(fields: &Fields<'_>, things: &Things<'_>, report: &Report) -> Vec<Document> {
    let mut collected = Collected::default();
    let mut statements = Vec::new();
    for node in fields.list("permissions").unwrap_or_default() {
        match &node.data {
            Data::Map(entries) if !entries.is_empty() => table(node, things, &mut collected, report),
            Data::Text(text) => match statement(text, things) {
                Ok(statement) => statements.push((statement, node)),
                Err((message, help)) => report.problem_with_help(&node.span, message, help),
            },
            Data::Broken => {}
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::List(_) | Data::Map(_) => {
                let message = format!("a permission is text or a table, and this is {}", node.kind());
                report.problem_with_help(&node.span, message, FORM);
            }
        }
    }
    // Each is checked on its own, where it stands; together they are one policy.
    let mut sound = Vec::new();
    for (statement, node) in statements {
        let document = Document { version: Version::Second, id: None, statements: vec![statement] };
        let text = serde_json::to_string(&document).unwrap_or_default();
        match Document::parse(&text, Purpose::Identity) {
            Ok(document) => sound.extend(document.statements),
            Err(error) => report.problem(&node.span, error.mistake.to_string()),
        }
    }
    if !sound.is_empty() {
        let whole = Document { version: Version::Second, id: None, statements: sound };
        collected.inline(whole);
    }
    collected.finish(&fields.span_of("permissions"), report)
}

type Wrong = (String, String);

/// `[allow|deny] ACTION, … on NAME, …`
fn statement(text: &str, things: &Things<'_>) -> Result<Statement, Wrong> {
    let context = things.context;
    let wrong = |message: String| Err((message, FORM.to_owned()));
    let (effect, rest) = match text.trim().split_once(char::is_whitespace) {
        Some(("allow", rest)) => (Effect::Allow, rest),
        Some(("deny", rest)) => (Effect::Deny, rest),
        _ => (Effect::Allow, text.trim()),
    };
    let Some((actions, names)) = rest.split_once(" on ") else {
        return wrong(format!("{text:?} does not say on what"));
    };
    let list = |text: &str| -> Vec<String> { text.split(',').map(|part| part.trim().to_owned()).collect() };
    let (actions, names) = (list(actions), list(names));
    let mut resources = Vec::new();
    for name in &names {
        if name.is_empty() {
            return wrong(format!("{text:?} names nothing after a comma"));
        }
        if name == "*" || name.starts_with("arn:") {
            resources.push(name.clone());
            continue;
        }
        for action in &actions {
            let service = action.split(':').next().unwrap_or_default();
            let service = service.to_ascii_lowercase();
            let Some((_, forms)) = NAMES.iter().find(|(known, _)| *known == service) else {
                let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
                let message = format!("what {name:?} is to {action:?} is not known");
                let help = match did_you_mean(&service, known.iter().copied()) {
                    Some(word) => format!("did you mean `{word}:`?"),
                    None => format!("write its ARN; names are known of {}", known.join(", ")),
                };
                return Err((message, help));
            };
            let own = match service.as_str() {
                "sqs" => own(Sort::Queue, name, effect, things),
                "sns" => own(Sort::Topic, name, effect, things),
                "events" => own(Sort::Bus, name, effect, things),
                // The function with all its versions, whichever the name leads to.
                "lambda" if things.name(Sort::Function, name).is_some() => {
                    names::lambda_name(things.app, name).map(|name| name.to_string())
                }
                _ => None,
            };
            let name = own.unwrap_or_else(|| name.clone());
            // A parameter's slash divides its name from the word before as well.
            let name = if service == "ssm" { name.trim_start_matches('/') } else { &name };
            let deep = name.contains('/');
            for (at, form) in forms.iter().enumerate() {
                // What is in a bucket, in a group of schedules: the whole is named.
                let form = match (service.as_str(), deep, at) {
                    ("s3", true, 0) | ("scheduler", true, 0) => form.strip_suffix("/*").unwrap_or(form),
                    ("s3", true, _) => continue,
                    _ => form,
                };
                let arn = form
                    .replace("{region}", context.region.as_str())
                    .replace("{account}", context.account.as_str())
                    .replace("{name}", name);
                let arn = format!("arn:aws:{arn}");
                if !resources.contains(&arn) {
                    resources.push(arn);
                }
            }
        }
    }
    Ok(Statement {
        sid: None,
        effect,
        principals: None,
        actions: Scope::Only(actions),
        resources: Some(Scope::Only(resources)),
        conditions: Vec::new(),
    })
}

/// What one of the manifest's own things is called outside it.
fn own(sort: Sort, name: &str, effect: Effect, things: &Things<'_>) -> Option<String> {
    if effect == Effect::Allow {
        things.grant(sort, name);
    }
    things.name(sort, name).map(str::to_owned)
}

/// A whole statement in IAM's words, or one of SAM's policy templates.
fn table(node: &Node, things: &Things<'_>, collected: &mut Collected, report: &Report) {
    let entries = node.map().unwrap_or_default();
    if let [(key, values)] = entries
        && (key.text.ends_with("Policy") || templates().get(&key.text).is_some())
    {
        let values = outside(values, things);
        collected.template((key, &values), things.context, report);
        return;
    }
    let version = Node::text(&node.span, Version::Second.as_str());
    let key = |text: &str| Key { text: text.into(), span: node.span.clone() };
    let whole = vec![(key("Version"), version), (key("Statement"), node.clone())];
    let whole = Node::new(node.span.clone(), Data::Map(whole));
    if let Some(document) = policy(&whole, report) {
        collected.inline(document);
    }
}

/// The parameters of a policy template, with what the manifest's own things are called outside it.
fn outside(values: &Node, things: &Things<'_>) -> Node {
    let Some(entries) = values.map() else { return values.clone() };
    let entry = |(key, value): &(Key, Node)| {
        let sort = match key.text.as_str() {
            "QueueName" => Some(Sort::Queue),
            "TopicName" => Some(Sort::Topic),
            "EventBusName" => Some(Sort::Bus),
            _ => None,
        };
        let name = sort.zip(value.scalar()).and_then(|(sort, name)| own(sort, name, Effect::Allow, things));
        (key.clone(), name.map_or_else(|| value.clone(), |name| Node::text(&value.span, name)))
    };
    Node::new(values.span.clone(), Data::Map(entries.iter().map(entry).collect()))
}
