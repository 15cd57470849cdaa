use sonagi_items::{Item, expression::UpdateError};
use sonagi_model::{AppName, FaultKind, limits};

use super::TableName;

/// Why a table did not do what it was asked: the caller's doing, in DynamoDB's words where it has any.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "TableName must be at least {} characters long and at most {} characters long",
        limits::TABLE_NAME_MIN,
        limits::TABLE_NAME_SIZE
    )]
    Name,
    /// Of an operation on items.
    #[error("Requested resource not found")]
    NoTable,
    /// Of an operation on tables.
    #[error("Requested resource not found: Table: {name} not found")]
    NoTableNamed { name: TableName },
    #[error("Table already exists: {name}")]
    Exists { name: TableName },
    #[error("the app {:?} declares a table of this name: give one of the two another name", app.as_str())]
    Owned { app: AppName },
    #[error("Table is being used: {name}")]
    InUse { name: TableName },
    #[error("The table does not have the specified index: {name}")]
    NoIndex { name: String },
    /// Of an operation on tables.
    #[error("Requested resource not found")]
    NoIndexNamed { name: TableName },
    #[error("Too many tables: {} are the most.", limits::TABLES)]
    TooManyTables,
    #[error("Too many tags: {} are the most.", limits::TAGS)]
    TooManyTags,
    #[error(
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
    )]
    Protected,
    #[error("The conditional request failed")]
    ConditionFailed {
        /// The item that it was asked of, if there was one.
        item: Option<Box<Item>>,
    },
    #[error(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes(reasons)
    )]
    Canceled { reasons: Vec<Option<Box<Refusal>>> },
    #[error("The client request token was used with other parameters")]
    OtherTransaction,
    #[error("Item collection size limit of 10 gigabytes exceeded")]
    CollectionSize,
    #[error("{0}")]
    Invalid(#[from] Invalid),
    #[error("Requested resource not found: Stream: {arn} not found")]
    NoStream { arn: String },
    #[error("Requested resource not found: Shard does not exist")]
    NoShard,
    #[error("Iterator expired. The iterator was created more than 15 minutes ago.")]
    IteratorExpired,
    #[error("The operation attempted to read past the oldest stream record in a shard")]
    Trimmed,
    #[error("Backup not found: {arn}")]
    NoBackup { arn: String },
    #[error("Backup is being used: {arn}")]
    BackupInUse { arn: String },
    #[error("Point in time recovery is not enabled for table '{name}'")]
    NoRecovery { name: TableName },
    #[error("Invalid restore time: it is not within the time for which the table can be restored")]
    RecoveryTime,
}

/// What is a `ValidationException` on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("One or more parameter values were invalid: Missing the key {0} in the item")]
    KeyMissing(String),
    #[error(
        "One or more parameter values were invalid: Type mismatch for key {name} expected: {expected} actual: {actual}"
    )]
    KeyKind { name: String, expected: &'static str, actual: &'static str },
    #[error(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {kind} \
         value. Key: {name}"
    )]
    KeyEmpty { kind: &'static str, name: String },
    #[error("The provided key element does not match the schema")]
    Key,
    #[error(
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"
    )]
    PartitionKeySize,
    #[error(
        "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 \
         bytes"
    )]
    SortKeySize,
    #[error(
        "One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: {expected} Actual: {actual} \
         IndexName: {index}"
    )]
    EntryKind { name: String, expected: &'static str, actual: &'static str, index: String },
    #[error(
        "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The \
         AttributeValue for a key attribute cannot contain an empty {kind} value. IndexName: {index}, IndexKey: {name}"
    )]
    EntryEmpty { kind: &'static str, index: String, name: String },
    #[error("Item size has exceeded the maximum allowed size")]
    ItemSize,
    #[error("Item size to update has exceeded the maximum allowed size")]
    UpdatedItemSize,
    #[error(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
    )]
    Depth,
    #[error(
        "One or more parameter values were invalid: Cannot update attribute {0}. This attribute is part of the key"
    )]
    UpdatesKey(String),
    #[error(transparent)]
    Update(#[from] UpdateError),
    #[error("Query condition missed key schema element: {0}")]
    ConditionMissing(String),
    #[error("Query key condition not supported")]
    ConditionKind,
    #[error("One or more parameter values were invalid: Condition parameter type does not match schema type")]
    ConditionType,
    #[error("{what} can only contain non-primary key attributes: Primary key attribute: {name}")]
    FilterOnKey { what: &'static str, name: String },
    #[error("The provided starting key is invalid")]
    Start,
    #[error("The provided starting key is invalid: The provided key element does not match the schema")]
    StartKey,
    #[error("The provided starting key is outside query boundaries based on provided conditions")]
    StartOutside,
    #[error("The provided starting key does not match the range key predicate")]
    StartOutsideSort,
    #[error("Consistent reads are not supported on global secondary indexes")]
    Consistent,
    #[error("Cannot read from backfilling global secondary index: {0}")]
    Filling(String),
    #[error(
        "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index \
         {0} because its projection type is not ALL"
    )]
    AllOfIndex(String),
    #[error(
        "One or more parameter values were invalid: Global secondary index {index} does not project {names}"
    )]
    NotProjected { index: String, names: String },
    #[error("Transaction request cannot include multiple operations on one item")]
    SameItem,
    #[error("Provided list of item keys contains duplicates")]
    Duplicates,
    #[error("{0}")]
    Text(String),
}

impl Refusal {
    /// What a cancelled transaction calls it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ConditionFailed { .. } => "ConditionalCheckFailed",
            Self::CollectionSize => "ItemCollectionSizeLimitExceeded",
            Self::Invalid(_) => "ValidationError",
            _ => "None",
        }
    }

    pub fn kind(&self) -> FaultKind {
        match self {
            Self::NoTable
            | Self::NoTableNamed { .. }
            | Self::NoIndexNamed { .. }
            | Self::NoStream { .. }
            | Self::NoShard
            | Self::NoBackup { .. } => FaultKind::NotFound,
            Self::Exists { .. } | Self::Owned { .. } => FaultKind::Exists,
            Self::InUse { .. }
            | Self::BackupInUse { .. }
            | Self::ConditionFailed { .. }
            | Self::Canceled { .. }
            | Self::OtherTransaction => FaultKind::Conflict,
            Self::TooManyTables | Self::TooManyTags | Self::CollectionSize => FaultKind::TooLarge,
            Self::Name
            | Self::NoIndex { .. }
            | Self::Protected
            | Self::Invalid(_)
            | Self::IteratorExpired
            | Self::Trimmed
            | Self::NoRecovery { .. }
            | Self::RecoveryTime => FaultKind::Invalid,
        }
    }
}

fn codes(reasons: &[Option<Box<Refusal>>]) -> String {
    let codes = reasons.iter().map(|reason| reason.as_ref().map_or("None", |refusal| refusal.code()));
    codes.collect::<Vec<_>>().join(", ")
}

/// Why a transaction is given up.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Refusal),
    Failed(sonagi_backend::Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Invalid> for Stop {
    fn from(invalid: Invalid) -> Self {
        Self::Refused(invalid.into())
    }
}

impl From<sonagi_backend::Error> for Stop {
    fn from(error: sonagi_backend::Error) -> Self {
        Self::Failed(error)
    }
}
