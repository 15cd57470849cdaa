//! What a policy says.

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    ser::{SerializeMap, SerializeStruct},
};

use super::{Mistake, Operator, Place, PolicyError, Raw, read};
use crate::limits;

/// A policy. It serialises to one text only, in IAM's words, without what need not be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub version: Version,
    pub id: Option<String>,
    pub statements: Vec<Statement>,
}

/// The version of the language, which the document says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Version {
    /// `2008-10-17`: what says nothing. `${aws:username}` is plain text in it.
    #[default]
    First,
    /// `2012-10-17`
    Second,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub sid: Option<String>,
    pub effect: Effect,
    /// Of resource policies alone.
    pub principals: Option<Scope<Party>>,
    pub actions: Scope<String>,
    /// Absent in a resource policy means the resource itself.
    pub resources: Option<Scope<String>>,
    pub conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    Allow,
    Deny,
}

/// `Action` or `NotAction`, and the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope<T> {
    Only(Vec<T>),
    AllBut(Vec<T>),
}

impl<T> Scope<T> {
    pub fn named(&self) -> &[T] {
        match self {
            Self::Only(named) | Self::AllBut(named) => named,
        }
    }
}

/// One principal of a resource policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Party {
    Anyone,
    /// An account's digits, or an ARN.
    Aws(String),
    Service(String),
    /// Nobody here comes from elsewhere, so it is never met.
    Federated(String),
    /// The same.
    CanonicalUser(String),
}

/// All values of one key under one operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub operator: Operator,
    pub key: String,
    pub values: Vec<String>,
}

/// What a policy is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Whoever acts: it names resources, and no principals.
    Identity,
    /// What is acted on: it names principals.
    Resource,
}

impl Document {
    /// Reads JSON.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(text: &str, purpose: Purpose) -> Result<Self, PolicyError> {
        let (got, limit) = match purpose {
            // White space does not count ("IAM and AWS STS quotas").
            Purpose::Identity => {
                (text.chars().filter(|c| !c.is_whitespace()).count(), limits::INLINE_POLICIES_SIZE)
            }
            Purpose::Resource => (text.len(), limits::POLICY_SIZE),
        };
        if got > limit {
            return Place::default().error(Mistake::Size { got, limit });
        }
        match serde_json::from_str::<Raw>(text) {
            Ok(raw) => Self::read(&raw, purpose),
            Err(error) => Place::default().error(Mistake::Syntax(error.to_string())),
        }
    }

    /// Reads a value that is JSON already.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn read(raw: &Raw, purpose: Purpose) -> Result<Self, PolicyError> {
        let document = read::document(raw)?;
        document.check(purpose)?;
        Ok(document)
    }

    /// Whether its statements say what such a policy must say.
    ///
    /// # Errors
    /// The first statement that does not.
    pub fn check(&self, purpose: Purpose) -> Result<(), PolicyError> {
        for (index, statement) in self.statements.iter().enumerate() {
            let place = Place::default().key("Statement").item(index);
            match (purpose, &statement.principals, &statement.resources) {
                (Purpose::Identity, Some(scope), _) => {
                    let key = match scope {
                        Scope::Only(_) => "Principal",
                        Scope::AllBut(_) => "NotPrincipal",
                    };
                    return place.error(Mistake::PrincipalNotHere(key));
                }
                (Purpose::Identity, None, None) => {
                    let example =
                        "\"Resource\": \"arn:aws:sqs:us-east-1:000000000000:clicks\", or \"*\" for all";
                    return place.error(Mistake::Missing { key: "Resource", example });
                }
                (Purpose::Resource, None, _) => {
                    let example = "\"Principal\": {\"AWS\": \"000000000000\"}, or \"*\" for all";
                    return place.error(Mistake::Missing { key: "Principal", example });
                }
                (Purpose::Identity, None, Some(_)) | (Purpose::Resource, Some(_), _) => {}
            }
        }
        Ok(())
    }

    /// Bytes of its text without white space: what IAM's limits count.
    pub fn size(&self) -> usize {
        // Structs and maps of strings always serialise.
        serde_json::to_vec(self).map_or(usize::MAX, |text| text.len())
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        read::document(&raw).map_err(serde::de::Error::custom)
    }
}

impl Version {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "2008-10-17",
            Self::Second => "2012-10-17",
        }
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Document", 3)?;
        fields.serialize_field("Version", self.version.as_str())?;
        if let Some(id) = &self.id {
            fields.serialize_field("Id", id)?;
        }
        fields.serialize_field("Statement", &self.statements)?;
        fields.end()
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(sid) = &self.sid {
            map.serialize_entry("Sid", sid)?;
        }
        let effect = match self.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        map.serialize_entry("Effect", effect)?;
        match &self.principals {
            Some(Scope::Only(parties)) => map.serialize_entry("Principal", &Parties(parties))?,
            Some(Scope::AllBut(parties)) => map.serialize_entry("NotPrincipal", &Parties(parties))?,
            None => {}
        }
        match &self.actions {
            Scope::Only(actions) => map.serialize_entry("Action", &Few(actions))?,
            Scope::AllBut(actions) => map.serialize_entry("NotAction", &Few(actions))?,
        }
        match &self.resources {
            Some(Scope::Only(resources)) => map.serialize_entry("Resource", &Few(resources))?,
            Some(Scope::AllBut(resources)) => map.serialize_entry("NotResource", &Few(resources))?,
            None => {}
        }
        if !self.conditions.is_empty() {
            map.serialize_entry("Condition", &Conditions(&self.conditions))?;
        }
        map.end()
    }
}

/// One is written as itself, several as a list.
struct Few<'a, T>(&'a [T]);

impl<T: Serialize> Serialize for Few<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

struct Parties<'a>(&'a [Party]);

impl Serialize for Parties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let [Party::Anyone] = self.0 {
            return serializer.serialize_str("*");
        }
        let mut map = serializer.serialize_map(None)?;
        for kind in ["AWS", "Service", "Federated", "CanonicalUser"] {
            let named = self.0.iter().map(Party::written).filter(|(known, _)| *known == kind);
            let named: Vec<&str> = named.map(|(_, name)| name).collect();
            if !named.is_empty() {
                map.serialize_entry(kind, &Few(&named))?;
            }
        }
        map.end()
    }
}

impl Party {
    fn written(&self) -> (&'static str, &str) {
        match self {
            Self::Anyone => ("AWS", "*"),
            Self::Aws(name) => ("AWS", name),
            Self::Service(name) => ("Service", name),
            Self::Federated(name) => ("Federated", name),
            Self::CanonicalUser(name) => ("CanonicalUser", name),
        }
    }
}

struct Conditions<'a>(&'a [Condition]);

impl Serialize for Conditions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut operators: Vec<Operator> = Vec::new();
        for condition in self.0 {
            if !operators.contains(&condition.operator) {
                operators.push(condition.operator);
            }
        }
        let mut map = serializer.serialize_map(Some(operators.len()))?;
        for operator in operators {
            let under: Vec<&Condition> = self.0.iter().filter(|it| it.operator == operator).collect();
            map.serialize_entry(&operator.to_string(), &Keys(&under))?;
        }
        map.end()
    }
}

struct Keys<'a>(&'a [&'a Condition]);

impl Serialize for Keys<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for condition in self.0 {
            map.serialize_entry(&condition.key, &Few(&condition.values))?;
        }
        map.end()
    }
}
