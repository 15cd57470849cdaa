//! `Parameters`: defaults, given values, and the rules that both must keep.

use std::collections::BTreeMap;

use super::super::{
    fields::Fields,
    problem::{Report, did_you_mean},
    tree::{Data, Key, Node},
};

/// Bytes of one parameter's value, as in CloudFormation.
const VALUE_SIZE: usize = 4_096;

pub(super) fn read(
    declared: &[(Key, Node)],
    given: &BTreeMap<String, String>,
    report: &Report,
) -> BTreeMap<String, Node> {
    for name in given.keys() {
        if !declared.iter().any(|(key, _)| key.text == *name) {
            let message = format!("the parameter {name:?} was given, and the template has none of that name");
            match did_you_mean(name, declared.iter().map(|(key, _)| key.text.as_str())) {
                Some(word) => {
                    report.problem_with_help(&(0..0), message, format!("did you mean `{word}`?"));
                }
                None => report.problem(&(0..0), message),
            }
        }
    }
    declared
        .iter()
        .map(|(key, node)| {
            let value = one(key, node, given.get(&key.text), report);
            (key.text.clone(), value.unwrap_or_else(|| Node::broken(&key.span)))
        })
        .collect()
}

fn one(key: &Key, node: &Node, given: Option<&String>, report: &Report) -> Option<Node> {
    let name = &key.text;
    let fields = Fields::of(node, format!("parameter `{name}`"), report)?.at(&key.span);
    let kind = fields.text("Type");
    if !fields.has("Type") {
        fields.missing("Type", "such as `Type: String`");
    }
    let default = match fields.entry("Default") {
        Some((_, node)) => fields.text("Default").map(|text| (text, node.span.clone())),
        // `Default: ""` is a value; only a bare `Default:` is none.
        None if fields.has("Default") => Some((String::new(), key.span.clone())),
        None => None,
    };
    let allowed = fields.texts("AllowedValues");
    let pattern = fields.text("AllowedPattern");
    let hint = fields.text("ConstraintDescription");
    let lengths = (bound(&fields, "MinLength"), bound(&fields, "MaxLength"));
    let values = (bound(&fields, "MinValue"), bound(&fields, "MaxValue"));
    fields.get("Description");
    fields.get("NoEcho");
    fields.finish();
    let kind = kind?;

    let (value, span) = match (given, default) {
        (Some(given), _) => (given.clone(), key.span.clone()),
        (None, Some(default)) => default,
        (None, None) => {
            let message = format!("the parameter `{name}` has no default, and no value was given");
            report.problem_with_help(&key.span, message, format!("give one with `--parameter {name}=VALUE`"));
            return None;
        }
    };
    let wrong = |message: String| {
        let message = format!("the parameter `{name}` is {value:?}: {message}");
        match &hint {
            Some(hint) => report.problem_with_help(&span, message, hint.clone()),
            None => report.problem(&span, message),
        }
        None
    };
    if value.len() > VALUE_SIZE {
        report.problem(&span, format!("the parameter `{name}` is longer than {VALUE_SIZE} bytes"));
        return None;
    }
    let (number, list) = match kind.as_str() {
        "String" => (false, false),
        "Number" => (true, false),
        "CommaDelimitedList" => (false, true),
        "List<Number>" => (true, true),
        other => {
            let span = fields_span(node, key);
            report.problem_with_help(
                &span,
                format!("parameters of type `{other}` are not supported yet"),
                "use String, Number, List<Number> or CommaDelimitedList",
            );
            return None;
        }
    };
    let items: Vec<&str> = if list { value.split(',').map(str::trim).collect() } else { vec![&value] };
    for item in &items {
        if number && item.parse::<f64>().is_err() {
            return wrong("it must be a number".into());
        }
        if let Some(allowed) = &allowed
            && !allowed.iter().any(|word| word == item)
        {
            return wrong(format!("it must be one of {}", allowed.join(", ")));
        }
        if !number {
            let length = item.chars().count() as f64;
            if lengths.0.is_some_and(|least| length < least) || lengths.1.is_some_and(|most| length > most) {
                return wrong(format!("it must have {} characters", range(lengths)));
            }
        }
        if let (true, Ok(value)) = (number, item.parse::<f64>())
            && (values.0.is_some_and(|least| value < least) || values.1.is_some_and(|most| value > most))
        {
            return wrong(format!("it must be {}", range(values)));
        }
        if let Some(pattern) = &pattern {
            match regex::RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(1 << 20).build() {
                Ok(regex) if !regex.is_match(item) => return wrong(format!("it must match {pattern}")),
                Ok(_) => {}
                Err(_) => report
                    .note(&span, format!("`AllowedPattern` of `{name}` cannot be checked here: {pattern}")),
            }
        }
    }
    let data = if list {
        Data::List(items.iter().map(|item| Node::text(&span, *item)).collect())
    } else {
        Data::Text(value)
    };
    Some(Node::new(span, data))
}

fn fields_span(node: &Node, key: &Key) -> super::super::tree::Span {
    node.get("Type").map_or_else(|| key.span.clone(), |kind| kind.span.clone())
}

fn bound(fields: &Fields<'_>, key: &'static str) -> Option<f64> {
    fields.text(key)?.parse().ok()
}

fn range((least, most): (Option<f64>, Option<f64>)) -> String {
    match (least, most) {
        (Some(least), Some(most)) => format!("from {least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => String::new(),
    }
}
