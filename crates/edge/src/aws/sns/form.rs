//! A form's pairs as the tree that their names are (Smithy, "AWS query protocol"): `Tags.member.1.Key=team` is the `Key` of
//! the first of `Tags`.

use std::collections::BTreeMap;

use crate::aws::query::Query;

/// Dots in a key that mean something; no input nests deeper.
const DEPTH: usize = 10;

#[derive(Debug, Default)]
pub(super) struct Form {
    value: Option<String>,
    below: BTreeMap<String, Form>,
}

impl Form {
    pub(super) fn read(query: &Query) -> Self {
        let mut root = Self::default();
        for (key, value) in query.pairs() {
            let mut node = &mut root;
            for part in key.splitn(DEPTH, '.') {
                node = node.below.entry(part.to_owned()).or_default();
            }
            node.value.get_or_insert_with(|| value.to_owned());
        }
        root
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.below.get(name)?.value.as_deref()
    }

    /// The members of a list in their order: `X.member.1`, or `X.1`.
    pub(super) fn items(&self, name: &str) -> Vec<&Self> {
        self.below.get(name).map(|list| list.numbered("member")).unwrap_or_default()
    }

    /// The texts of a list.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        self.items(name).into_iter().filter_map(|item| item.value.as_deref()).collect()
    }

    /// The entries of a map in their order: `X.entry.1.<key>` and `X.entry.1.<value>`.
    pub(super) fn entries(&self, name: &str, key: &str, value: &str) -> Vec<(&str, &Self)> {
        let entries = self.below.get(name).map(|map| map.numbered("entry")).unwrap_or_default();
        entries.into_iter().filter_map(|entry| Some((entry.text(key)?, entry.below.get(value)?))).collect()
    }

    /// A map of texts.
    pub(super) fn map(&self, name: &str) -> BTreeMap<String, String> {
        let entries = self.entries(name, "key", "value").into_iter();
        entries.map(|(key, value)| (key.to_owned(), value.value.clone().unwrap_or_default())).collect()
    }

    fn numbered(&self, word: &str) -> Vec<&Self> {
        let list = self.below.get(word).unwrap_or(self);
        let items = list.below.iter().filter_map(|(part, item)| Some((part.parse::<u32>().ok()?, item)));
        let mut items: Vec<_> = items.collect();
        items.sort_by_key(|(index, _)| *index);
        items.into_iter().map(|(_, item)| item).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_a_tree() {
        let form = Form::read(&Query::parse(
            "TopicArn=arn&Tags.member.2.Key=b&Tags.member.10.Key=c&Tags.member.1.Key=a\
             &Attributes.entry.1.key=DisplayName&Attributes.entry.1.value=\
             &MessageAttributes.entry.1.Name=my.name&MessageAttributes.entry.1.Value.DataType=String\
             &TagKeys.1=x",
        ));
        assert_eq!((form.text("TopicArn"), form.text("Other")), (Some("arn"), None));
        let keys: Vec<_> = form.items("Tags").into_iter().filter_map(|tag| tag.text("Key")).collect();
        assert_eq!(keys, ["a", "b", "c"]);
        assert_eq!(form.texts("TagKeys"), ["x"]);
        assert_eq!(form.map("Attributes"), BTreeMap::from([("DisplayName".to_owned(), String::new())]));
        let [(name, value)] = form.entries("MessageAttributes", "Name", "Value")[..] else { panic!() };
        assert_eq!((name, value.text("DataType")), ("my.name", Some("String")));
    }

    proptest! {
        #[test]
        fn no_form_breaks_it(form in "([A-Z]{0,1}[a-z.0-9]{0,12}|Tags|\\.member|\\.1|=|&){0,24}") {
            let form = Form::read(&Query::parse(&form));
            form.items("Tags");
            form.map("Tags");
        }

        #[test]
        fn no_depth_breaks_it(depth in 0..20_000_usize) {
            drop(Form::read(&Query::parse(&"Tags.1.".repeat(depth))));
        }
    }
}
