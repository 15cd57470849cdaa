//! The ways to name a function.

use sonagi_model::{LambdaName, limits};

use super::constraint::violated;
use crate::{Error, Result, releases::change::Arns};

const PATTERN: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?";

/// A function's name as callers write it: `name`, `account:function:name`, `function:name` or a whole ARN, each
/// with or without `:qualifier` (the model's `FunctionName`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionReference {
    pub region: Option<String>,
    pub account: Option<String>,
    pub name: String,
    pub qualifier: Option<String>,
}

/// The parts that may come before the name, in their order.
const PREFIXES: usize = 4;

impl FunctionReference {
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > limits::FUNCTION_REFERENCE_SIZE {
            let rule = match text.is_empty() {
                true => "Member must have length greater than or equal to 1".to_owned(),
                false => {
                    format!(
                        "Member must have length less than or equal to {}",
                        limits::FUNCTION_REFERENCE_SIZE
                    )
                }
            };
            return Err(violated("functionName", Some(text), &rule));
        }
        // As a regular expression would: take each optional part if the rest still fits, else leave it.
        let parts: Vec<&str> = text.split(':').collect();
        (0..1 << PREFIXES).find_map(|left_out| Self::read(&parts, left_out)).ok_or_else(|| {
            let rule = format!("Member must satisfy regular expression pattern: {PATTERN}");
            violated("functionName", Some(text), &rule)
        })
    }

    /// Reads `parts` without the optional ones whose bits are set in `left_out`: the first has the highest bit.
    fn read(parts: &[&str], left_out: u32) -> Option<Self> {
        let takes = |index: usize| left_out & (1 << (PREFIXES - 1 - index)) == 0;
        let mut rest = parts;
        if takes(0) {
            rest = match rest {
                ["arn", partition, "lambda", rest @ ..] if is_partition(partition) => rest,
                _ => return None,
            };
        }
        let mut next = |index: usize, fits: fn(&str) -> bool| -> Option<Option<String>> {
            if !takes(index) {
                return Some(None);
            }
            let (first, tail) = rest.split_first()?;
            rest = tail;
            fits(first).then(|| Some((*first).to_owned()))
        };
        let region = next(1, is_region)?;
        let account = next(2, is_account)?;
        next(3, |part| part == "function")?;
        let (name, qualifier) = match rest {
            [name] => (name, None),
            [name, qualifier] => (name, Some((*qualifier).to_owned())),
            _ => return None,
        };
        let fits = is_word(name) && qualifier.as_deref().is_none_or(|q| q == "$LATEST" || is_word(q));
        fits.then(|| Self { region, account, name: (*name).to_owned(), qualifier })
    }

    /// The Lambda name and the qualifier that `text` and `qualifier` together mean here.
    pub(crate) fn locate(
        arns: &Arns,
        text: &str,
        qualifier: Option<&str>,
    ) -> Result<(LambdaName, Option<String>)> {
        let reference = Self::parse(text)?;
        if let Some(qualifier) = qualifier {
            check_qualifier(qualifier)?;
        }
        if let Some(region) = reference.region.filter(|region| region != arns.region.as_str()) {
            return Err(Error::NotFound(format!(
                "Functions from '{region}' are not reachable in this region ('{}')",
                arns.region
            )));
        }
        if let Some(account) = reference.account.filter(|account| account != arns.account.as_str()) {
            let name = reference.name;
            let arn = format!("arn:aws:lambda:{}:{account}:function:{name}", arns.region);
            return Err(Error::NoFunction { arn });
        }
        let qualifier = qualifier.filter(|qualifier| !qualifier.is_empty()).map(str::to_owned);
        let qualifier = match (reference.qualifier, qualifier) {
            (Some(within), Some(beside)) if within != beside => {
                return Err(Error::Invalid(
                    "The derived qualifier from the function name does not match the specified qualifier."
                        .into(),
                ));
            }
            (within, beside) => beside.or(within),
        };
        let name = LambdaName::new(&reference.name).map_err(|_| arns.no_function(&reference.name))?;
        Ok((name, qualifier))
    }
}

/// `NumericLatestPublishedOrAliasQualifier` of the model.
fn check_qualifier(qualifier: &str) -> Result<()> {
    if qualifier.len() > 128 {
        let rule = "Member must have length less than or equal to 128";
        return Err(violated("qualifier", Some(qualifier), rule));
    }
    if !qualifier.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'$' | b'_' | b'-')) {
        let rule = "Member must satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)";
        return Err(violated("qualifier", Some(qualifier), rule));
    }
    Ok(())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// `(aws[a-zA-Z-]*)?`
fn is_partition(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix("aws")
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-'))
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// `(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}`
pub(super) fn is_region(text: &str) -> bool {
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let parts: Vec<&str> = text.strip_prefix("eusc-").unwrap_or(text).split('-').collect();
    let (area, zone, number) = match parts[..] {
        [area, zone, number] => (area, zone, number),
        [area, part, zone, number] => {
            let iso = part
                .strip_prefix("iso")
                .is_some_and(|rest| rest.len() <= 1 && (rest.is_empty() || letters(rest)));
            if part != "gov" && !iso {
                return false;
            }
            (area, zone, number)
        }
        _ => return false,
    };
    area.len() == 2
        && letters(area)
        && letters(zone)
        && number.len() == 1
        && number.as_bytes()[0].is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> (Option<String>, Option<String>, String, Option<String>) {
        let FunctionReference { region, account, name, qualifier } = FunctionReference::parse(text).unwrap();
        (region, account, name, qualifier)
    }

    #[test]
    fn a_function_may_be_named_in_every_way_that_lambda_takes() {
        let some = |text: &str| Some(text.to_owned());
        let (region, account) = (some("us-east-1"), some("000000000000"));
        assert_eq!(parsed("f"), (None, None, "f".into(), None));
        assert_eq!(parsed("f:live"), (None, None, "f".into(), some("live")));
        assert_eq!(parsed("function:f"), (None, None, "f".into(), None));
        assert_eq!(parsed("function"), (None, None, "function".into(), None));
        assert_eq!(parsed("000000000000:function:f:3"), (None, account.clone(), "f".into(), some("3")));
        assert_eq!(parsed("000000000000:f"), (None, account.clone(), "f".into(), None));
        assert_eq!(parsed("000000000000:$LATEST"), (None, None, "000000000000".into(), some("$LATEST")));
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
        assert_eq!(parsed(arn), (region.clone(), account.clone(), "f".into(), None));
        assert_eq!(parsed(&format!("{arn}:$LATEST")), (region, account, "f".into(), some("$LATEST")));
    }

    #[test]
    fn what_is_not_a_name_is_refused_with_the_pattern() {
        for wrong in ["", "a b", "a:b:c:d", "arn:aws:s3:::x", "f:", ":f", "f:$X", "é", &"a".repeat(141)] {
            assert!(matches!(FunctionReference::parse(wrong), Err(Error::Constraint(_))), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn a_reference_is_read_as_it_was_written(
            arn in any::<bool>(),
            name in "[a-zA-Z_-][a-zA-Z0-9_-]{0,20}",
            qualifier in proptest::option::of("\\$LATEST|[a-z][a-z0-9_-]{0,9}|[1-9][0-9]{0,3}"),
        ) {
            let prefix = if arn { "arn:aws:lambda:eu-west-3:123456789012:function:" } else { "" };
            // "function" itself and account-like words before a qualifier have a second reading.
            prop_assume!(arn || (name != "function" && !is_region(&name)));
            let text = format!("{prefix}{name}{}", qualifier.as_ref().map_or(String::new(), |q| format!(":{q}")));
            let read = FunctionReference::parse(&text).unwrap();
            prop_assert_eq!(read.name, name);
            prop_assert_eq!(read.qualifier, qualifier);
            prop_assert_eq!(read.region.is_some(), arn);
        }

        #[test]
        fn no_text_is_too_strange(text in "[a-z0-9:$\\-é/]{0,60}") {
            if let Ok(read) = FunctionReference::parse(&text) {
                prop_assert!(is_word(&read.name));
                prop_assert!(text.contains(&read.name));
            }
        }
    }
}
