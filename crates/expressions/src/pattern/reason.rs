use sonagi_model::limits;

use crate::json::FlawKind;

/// What is wrong with a pattern. The texts are AWS's own where it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("Filter is not valid JSON")]
    Json { wanted: Option<&'static str> },
    #[error("Filter is nested too deeply")]
    TooDeep,
    #[error("Filter is not an object")]
    NotAnObject,
    #[error("Filter has {size} {unit}, and {limit} are the most")]
    TooLong { size: usize, limit: usize, unit: &'static str },
    #[error("\"{key}\" must be an object or an array")]
    NotAList { key: String },
    #[error("Empty objects are not allowed")]
    EmptyObject,
    #[error("Empty arrays are not allowed")]
    EmptyArray,
    #[error("Match value must be String, number, true, false, or null")]
    Value,
    #[error("{of} expression name not found")]
    NoOperator { of: &'static str },
    #[error("Only one key allowed in match expression")]
    TwoOperators,
    #[error("Unrecognized match type {name}")]
    UnknownOperator { name: String },
    #[error("{operator} match pattern must be a string")]
    NotText { operator: &'static str },
    #[error("exists match pattern must be either true or false.")]
    Exists,
    #[error("Unsupported {operator} pattern: {name}")]
    Unsupported { operator: &'static str, name: String },
    #[error("Value of anything-but must be an array or single string/number value.")]
    AnythingBut,
    #[error("Inside anything but list, start|null|boolean is not supported.")]
    AnythingButValue,
    #[error("Inside anything but list, either all values are number or string, mixed type is not supported")]
    AnythingButMixed,
    #[error("Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.")]
    AnythingButFoldValue,
    #[error("Null prefix/suffix not allowed")]
    EmptyAffix,
    #[error("Value of numeric must be an array.")]
    NumericArray,
    #[error("Invalid member in numeric match: {member}")]
    NumericMember { member: String },
    #[error("Unrecognized numeric range operator: {operator}")]
    NumericOperator { operator: String },
    #[error("Value of {operator} must be numeric")]
    NumericValue { operator: String },
    #[error("Bad value in numeric range: {member}")]
    NumericBound { member: String },
    #[error("Bad numeric range operator: {operator}")]
    NumericSecondOperator { operator: String },
    #[error("Too many elements in numeric expression")]
    NumericTooMany,
    #[error("Too many terms in numeric range expression")]
    NumericTooManyTerms,
    #[error("Cannot compare number : {number}")]
    NumericUncomparable { number: String },
    #[error("Bottom must be less than top")]
    NumericEmpty,
    #[error("Malformed CIDR, one '/' required")]
    CidrSlash,
    #[error("Malformed CIDR, mask bits must be an integer")]
    CidrMask,
    #[error("Malformed CIDR, mask bits must not be negative")]
    CidrNegative,
    #[error("Nonstandard IP address: {address}")]
    CidrAddress { address: String },
    #[error("{family} mask bits must be < {bits}")]
    CidrBits { family: &'static str, bits: u8 },
    #[error("Consecutive wildcard characters at pos {position}")]
    WildcardTwice { position: usize },
    #[error("Invalid escape character at pos {position}")]
    WildcardEscape { position: usize },
    #[error(
        "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a \
         wildcard character"
    )]
    Wildcards,
    #[error("It must be an Array followed with $or.")]
    OrArray,
    #[error("There must have at least 2 Objects in $or relationship.")]
    OrOne,
    #[error("Only JSON object is allowed in array of $or relationship.")]
    OrObject,
    #[error("{name} is Ruler reserved fieldName which cannot be used inside $or.")]
    OrReserved { name: String },
    #[error("Rule is too complex - try using fewer $or or fewer fields")]
    Combinations,
    #[error("Filter policy can not have more than {} keys", limits::SUBSCRIPTION_KEYS)]
    Keys,
    #[error("Filter policy is too complex")]
    PolicyCombinations,
    #[error("Filter policy scope MessageAttributes does not support nested filter policy")]
    Nested,
}

impl Reason {
    pub(super) fn of(flaw: FlawKind) -> Self {
        match flaw {
            FlawKind::Ends => Self::Json { wanted: None },
            FlawKind::Wanted(what) => Self::Json { wanted: Some(what) },
            FlawKind::TooDeep => Self::TooDeep,
        }
    }

    /// How to mend it, where the reason alone does not say so.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::Json { wanted: Some(wanted) } => return Some(format!("here belongs {wanted}")),
            Self::Json { wanted: None } => "the text ends too early",
            Self::TooDeep => return Some(format!("{} levels are the most", limits::PATTERN_DEPTH)),
            Self::NotAnObject => "write {\"field\": [\"value\"]}",
            Self::NotAList { key } => {
                return Some(format!("write the values as a list: {{\"{key}\": [\"value\"]}}"));
            }
            Self::EmptyObject => "name a field, or leave the object out",
            Self::EmptyArray => {
                "list a value; an empty string is [\"\"], a missing field [{\"exists\": false}]"
            }
            Self::Value => "a list does not hold another list",
            Self::NoOperator { .. } => "write an operator, as in {\"prefix\": \"a\"}",
            Self::TwoOperators => {
                "write each operator as an object of its own: [{\"prefix\": \"a\"}, {\"suffix\": \"z\"}]"
            }
            Self::UnknownOperator { .. } => {
                "the operators are prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, cidr and exists"
            }
            Self::Exists => "without quotes: {\"exists\": true}",
            Self::Unsupported { operator: "anything-but", .. } => {
                "it takes values, prefix, suffix, equals-ignore-case or wildcard"
            }
            Self::Unsupported { .. } => "it takes a string or {\"equals-ignore-case\": \"text\"}",
            Self::EmptyAffix => "every string begins and ends with nothing: this would never match",
            Self::NumericArray | Self::NumericMember { .. } => "write {\"numeric\": [\">\", 0, \"<=\", 5]}",
            Self::NumericOperator { .. } => "the operators are =, <, <=, > and >=",
            Self::NumericSecondOperator { .. } => "after > or >= comes < or <=: [\">\", 0, \"<=\", 5]",
            Self::NumericTooMany => "only > and >= may be followed by a second operator, < or <=",
            Self::NumericUncomparable { .. } => "no double holds it as it is written",
            Self::CidrSlash | Self::CidrMask | Self::CidrNegative => "write {\"cidr\": \"10.0.0.0/24\"}",
            Self::CidrBits { .. } => "a single address is written without cidr",
            Self::WildcardTwice { .. } => "one * is any number of characters, none too",
            Self::WildcardEscape { .. } => {
                "a backslash stands before * or \\ only, and is itself written twice in JSON: \"\\\\*\""
            }
            Self::Wildcards => return Some(format!("{} wildcards are the most", limits::PATTERN_WILDCARDS)),
            Self::OrOne => "with one alternative, write its fields without $or",
            Self::OrReserved { .. } => "rename the field, or take it out of the $or",
            Self::Combinations => {
                return Some(format!(
                    "its $or make more than {} rules, or more than {} fields, of it",
                    limits::PATTERN_COMBINATIONS,
                    limits::PATTERN_FIELDS
                ));
            }
            Self::PolicyCombinations => {
                return Some(format!(
                    "the numbers of values and the levels of all keys, multiplied, may be {} at the most",
                    limits::SUBSCRIPTION_COMBINATIONS
                ));
            }
            Self::Nested => "set FilterPolicyScope to MessageBody to filter by the message's body",
            Self::TooLong { .. }
            | Self::NotText { .. }
            | Self::AnythingBut
            | Self::AnythingButValue
            | Self::AnythingButMixed
            | Self::AnythingButFoldValue
            | Self::NumericValue { .. }
            | Self::NumericBound { .. }
            | Self::NumericTooManyTerms
            | Self::NumericEmpty
            | Self::CidrAddress { .. }
            | Self::OrArray
            | Self::OrObject
            | Self::Keys => return None,
        };
        Some(help.to_owned())
    }
}
