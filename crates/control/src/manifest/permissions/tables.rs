//! Policies that are known by name: SAM's templates, and those that AWS manages.

use std::{collections::BTreeMap, sync::LazyLock};

use sonagi_model::policy::{
    Comparison, Condition, Document, Effect, Operator, PolicyError, Purpose, Quantifier, Scope, Statement,
    Version,
};

use super::super::Context;

static TEMPLATES: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("templates.txt")));
static MANAGED: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("managed.txt")));

/// SAM's policy templates.
pub(super) fn templates() -> &'static Table {
    &TEMPLATES
}

/// Policies that AWS manages.
pub(super) fn managed() -> &'static Table {
    &MANAGED
}

pub(super) struct Table(BTreeMap<&'static str, Entry>);

/// A policy that may have parameters.
pub(super) struct Entry {
    pub(super) parameters: Vec<&'static str>,
    /// Words of each statement, in the form that `templates.txt` tells.
    statements: Vec<Vec<&'static str>>,
}

impl Table {
    fn read(text: &'static str) -> Self {
        let mut entries: BTreeMap<&str, Entry> = BTreeMap::new();
        let mut name = "";
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            match (line.len() - line.trim_start().len(), entries.get_mut(name)) {
                (2, Some(entry)) => entry.statements.push(words.collect()),
                (4, Some(entry)) => {
                    if let Some(statement) = entry.statements.last_mut() {
                        statement.extend(words);
                    }
                }
                _ => {
                    name = words.next().unwrap_or_default();
                    entries.insert(name, Entry { parameters: words.collect(), statements: Vec::new() });
                }
            }
        }
        Self(entries)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

impl Entry {
    /// The policy with `values` for its parameters.
    ///
    /// # Errors
    /// A value makes no ARN.
    pub(super) fn expand(
        &self,
        values: &BTreeMap<&str, String>,
        context: &Context,
    ) -> Result<Document, PolicyError> {
        let fill = |text: &str| {
            let mut filled = text
                .replace("{region}", context.region.as_str())
                .replace("{account}", context.account.as_str());
            for (name, value) in values {
                filled = filled.replace(&format!("{{{name}}}"), value);
            }
            filled
        };
        let statements = self.statements.iter().map(|words| statement(words, &fill, context)).collect();
        let document = Document { version: Version::Second, id: None, statements };
        // A parameter's value may be anything.
        let text = serde_json::to_string(&document).unwrap_or_default();
        Document::parse(&text, Purpose::Identity)
    }
}

fn statement(words: &[&str], fill: &impl Fn(&str) -> String, context: &Context) -> Statement {
    let mut words = words.iter().copied();
    let (mut actions, mut service, mut all_but) = (Vec::new(), "", false);
    for word in words.by_ref().take_while(|word| *word != "@") {
        match word.strip_suffix(':') {
            Some(name) => service = name,
            None if word == "not" => all_but = true,
            None if service.is_empty() => actions.push(word.to_owned()),
            None => actions.push(format!("{service}:{word}")),
        }
    }
    let (region, account) = (&context.region, &context.account);
    let resource = |word: &str| match word.strip_prefix('=') {
        Some(whole) => fill(whole),
        None if word == "*" => word.to_owned(),
        None => format!("arn:aws:{service}:{region}:{account}:{}", fill(word)),
    };
    let resources = words.by_ref().take_while(|word| *word != "if").map(resource).collect();
    let condition = words.next().zip(words.next()).map(|(key, value)| Condition {
        operator: Operator {
            quantifier: Quantifier::One,
            comparison: Comparison::StringEquals,
            if_exists: false,
        },
        key: key.to_owned(),
        values: vec![fill(value)],
    });
    Statement {
        sid: None,
        effect: Effect::Allow,
        principals: None,
        actions: if all_but { Scope::AllBut(actions) } else { Scope::Only(actions) },
        resources: Some(Scope::Only(resources)),
        conditions: condition.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_that_is_known_by_name_is_one() {
        for (table, count) in [(templates(), 81), (managed(), 48)] {
            assert_eq!(table.0.len(), count);
            for (name, entry) in &table.0 {
                assert!(!entry.statements.is_empty(), "{name}");
                let arn = |name: &&'static str| if name.ends_with("Arn") { "arn:aws:a:b:c:d" } else { "x" };
                let values = entry.parameters.iter().map(|it| (*it, arn(it).to_owned())).collect();
                let document = entry.expand(&values, &Context::default());
                let document = document.unwrap_or_else(|error| panic!("{name}: {error}"));
                let text = serde_json::to_string(&document).unwrap();
                assert!(!text.contains(['{', '}']) || !text.contains("{region}"), "{text}");
                for parameter in &entry.parameters {
                    assert!(!text.contains(&format!("{{{parameter}}}")), "{name}: {text}");
                    let other = entry.parameters.iter().map(|it| (*it, "arn:aws:a:b:c:other".to_owned()));
                    assert_ne!(entry.expand(&other.collect(), &Context::default()).unwrap(), document);
                }
            }
        }
    }

    #[test]
    fn a_template_becomes_its_policy() {
        let expand = |name: &str, values: &[(&'static str, &str)]| {
            let values = values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            let document = templates().get(name).unwrap().expand(&values, &Context::default()).unwrap();
            serde_json::to_string(&document.statements).unwrap()
        };
        assert_eq!(
            expand("SQSSendMessagePolicy", &[("QueueName", "clicks")]),
            r#"[{"Effect":"Allow","Action":"sqs:SendMessage*","Resource":"arn:aws:sqs:us-east-1:000000000000:clicks"}]"#
        );
        assert_eq!(
            expand("S3WritePolicy", &[("BucketName", "b")]),
            r#"[{"Effect":"Allow","Action":["s3:PutObject","s3:PutObjectAcl","s3:PutLifecycleConfiguration"],"Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}]"#
        );
        let rotation = expand("AWSSecretsManagerRotationPolicy", &[("FunctionName", "f")]);
        let condition = r#""Condition":{"StringEquals":{"secretsmanager:resource/AllowRotationLambdaArn":"arn:aws:lambda:us-east-1:000000000000:function:f"}}"#;
        assert!(rotation.contains(condition), "{rotation}");
        let power = managed().get("PowerUserAccess").unwrap().expand(&BTreeMap::new(), &Context::default());
        let all_but = Scope::AllBut(vec!["iam:*".into(), "organizations:*".into(), "account:*".into()]);
        assert_eq!(power.unwrap().statements[0].actions, all_but);
    }
}
