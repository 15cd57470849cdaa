//! The ways to name a layer, and a version of one.

use sonagi_model::{LayerName, layer::OF_THIS_RELEASE, limits};

use crate::{Error, Result, lambda::violated, releases::change::Arns};

const LAYER: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]{1,140}|[a-zA-Z0-9-_]{1,140})";
pub(super) const VERSION: &str = r"((arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+))";

/// What AWS says of what is not there.
pub(super) fn absent() -> Error {
    Error::NotFound("The resource you requested does not exist.".into())
}

/// The layer that `text`, a name or an ARN without a version, names here.
pub(super) fn layer(arns: &Arns, text: &str) -> Result<LayerName> {
    let wrong = || {
        let rule = format!("Member must satisfy regular expression pattern: {LAYER}");
        violated("layerName", Some(text), &rule)
    };
    if text.len() > limits::LAYER_REFERENCE_SIZE {
        let rule = format!("Member must have length less than or equal to {}", limits::LAYER_REFERENCE_SIZE);
        return Err(violated("layerName", Some(text), &rule));
    }
    if !text.contains(':') {
        return LayerName::new(text).map_err(|_| wrong());
    }
    let (region, account, name, None) = parts(text).ok_or_else(wrong)? else { return Err(wrong()) };
    if region != arns.region.as_str() || account != arns.account.as_str() {
        return Err(absent());
    }
    LayerName::new(name).map_err(|_| wrong())
}

/// A layer version, as an ARN names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VersionReference {
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) name: LayerName,
    pub(crate) number: Number,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    Of(u64),
    /// The one that the release brings itself.
    OfThisRelease,
}

impl VersionReference {
    /// None for what is no layer version's ARN.
    pub(crate) fn parse(arn: &str) -> Option<Self> {
        let (region, account, name, Some(number)) = parts(arn)? else { return None };
        let number = match number {
            OF_THIS_RELEASE => Number::OfThisRelease,
            number if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
                Number::Of(number.parse().ok()?)
            }
            _ => return None,
        };
        let name = LayerName::new(name).ok()?;
        Some(Self { region: region.into(), account: account.into(), name, number })
    }
}

type Parts<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

/// Region, account, name and version.
fn parts(arn: &str) -> Option<Parts<'_>> {
    let parts: Vec<&str> = arn.split(':').collect();
    let (partition, region, account, name, version) = match parts[..] {
        ["arn", partition, "lambda", region, account, "layer", name] => {
            (partition, region, account, name, None)
        }
        ["arn", partition, "lambda", region, account, "layer", name, version] => {
            (partition, region, account, name, Some(version))
        }
        _ => return None,
    };
    let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let fits = (partition.is_empty() || partition.starts_with("aws") && word(partition))
        && !region.is_empty()
        && word(region)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit());
    fits.then_some((region, account, name, version))
}

impl Arns {
    pub(crate) fn layer(&self, name: &LayerName) -> String {
        format!("arn:aws:lambda:{}:{}:layer:{name}", self.region, self.account)
    }

    pub(crate) fn layer_version(&self, name: &LayerName, number: u64) -> String {
        format!("{}:{number}", self.layer(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_named_by_its_name_or_its_arn() {
        let arns = Arns { account: Default::default(), region: Default::default() };
        let name = LayerName::new("deps-1_a").unwrap();
        assert_eq!(layer(&arns, "deps-1_a").unwrap(), name);
        assert_eq!(layer(&arns, &arns.layer(&name)).unwrap(), name);
        for wrong in ["", "a b", "arn:aws:lambda:us-east-1:000000000000:layer:a:1", "arn:aws:lambda:x", "a.b"]
        {
            assert!(matches!(layer(&arns, wrong), Err(Error::Constraint(_))), "{wrong}");
        }
        let elsewhere = "arn:aws:lambda:us-east-1:123456789012:layer:a";
        assert!(matches!(layer(&arns, elsewhere), Err(Error::NotFound(_))));
    }

    #[test]
    fn a_version_is_named_by_its_arn_alone() {
        let arns = Arns { account: Default::default(), region: Default::default() };
        let name = LayerName::new("deps").unwrap();
        let parsed = VersionReference::parse(&arns.layer_version(&name, 12)).unwrap();
        assert_eq!((parsed.name, parsed.number), (name.clone(), Number::Of(12)));
        for wrong in [
            "deps:1".to_owned(),
            arns.layer(&name),
            format!("{}:", arns.layer(&name)),
            format!("{}:x", arns.layer(&name)),
            format!("{}:1:2", arns.layer(&name)),
            "arn:aws:lambda:us-east-1:0:layer:a:1".into(),
            "arn:gcp:lambda:us-east-1:000000000000:layer:a:1".into(),
        ] {
            assert_eq!(VersionReference::parse(&wrong), None, "{wrong}");
        }
    }
}
