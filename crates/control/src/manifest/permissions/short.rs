//! `permissions` in a `sonagi.toml`: `"sqs:SendMessage on clicks"`.

use std::collections::BTreeSet;

use sonagi_model::{
    AppName,
    policy::{Document, Effect, Purpose, Scope, Statement, Version},
};

use super::{
    super::{
        Context,
        fields::Fields,
        names,
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

/// Reads `permissions` of a function. `functions` are the app's own, by which names they are meant.
pub(in super::super) fn read(
    fields: &Fields<'_>,
    app: &AppName,
    functions: &BTreeSet<&str>,
    context: &Context,
    report: &Report,
) -> Vec<Document> {
    let mut collected = Collected::default();
    let mut statements = Vec::new();
    for node in fields.list("permissions").unwrap_or_default() {
        match &node.data {
            Data::Map(entries) if !entries.is_empty() => table(node, context, &mut collected, report),
            Data::Text(text) => match statement(text, app, functions, context) {
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
fn statement(
    text: &str,
    app: &AppName,
    functions: &BTreeSet<&str>,
    context: &Context,
) -> Result<Statement, Wrong> {
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
            let name = match functions.contains(name.as_str()) && service == "lambda" {
                true => names::lambda_name(app, name).map_or_else(String::new, |name| name.to_string()),
                false => name.clone(),
            };
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

/// A whole statement in IAM's words, or one of SAM's policy templates.
fn table(node: &Node, context: &Context, collected: &mut Collected, report: &Report) {
    let entries = node.map().unwrap_or_default();
    if let [(key, values)] = entries
        && (key.text.ends_with("Policy") || templates().get(&key.text).is_some())
    {
        collected.template((key, values), context, report);
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
