//! Members that are one of a few words.

use sonagi_items::legacy::{Action, ComparisonOperator, ConditionalOperator};

/// Words in the order in which DynamoDB lists them, which is none that could be computed.
pub(super) trait Choice: Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];

    /// As the protocol writes it.
    fn as_str(self) -> &'static str
    where
        Self: PartialEq,
    {
        Self::WORDS.iter().find(|(_, choice)| *choice == self).map_or("", |(word, _)| *word)
    }

    fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, choice)| *choice)
    }
}

macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($word:literal => $variant:ident,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name {
            $($variant,)*
        }

        impl Choice for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)*];
        }
    };
}

choice! {
    /// `ReturnConsumedCapacity`
    Capacity { "INDEXES" => Indexes, "TOTAL" => Total, "NONE" => None, }
}
choice! {
    /// `ReturnItemCollectionMetrics`
    Metrics { "SIZE" => Size, "NONE" => None, }
}
choice! {
    ReturnValues {
        "ALL_NEW" => AllNew,
        "UPDATED_OLD" => UpdatedOld,
        "ALL_OLD" => AllOld,
        "NONE" => None,
        "UPDATED_NEW" => UpdatedNew,
    }
}
choice! {
    /// `ReturnValuesOnConditionCheckFailure`
    OnFailure { "ALL_OLD" => AllOld, "NONE" => None, }
}
choice! {
    Select {
        "SPECIFIC_ATTRIBUTES" => Specific,
        "COUNT" => Count,
        "ALL_ATTRIBUTES" => All,
        "ALL_PROJECTED_ATTRIBUTES" => Projected,
    }
}
impl Choice for ConditionalOperator {
    const WORDS: &'static [(&'static str, Self)] = &[("OR", Self::Or), ("AND", Self::And)];
}

impl Choice for Action {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ADD", Self::Add), ("DELETE", Self::Delete), ("PUT", Self::Put)];
}

impl Choice for ComparisonOperator {
    const WORDS: &'static [(&'static str, Self)] = &{
        let mut words = [("", Self::Eq); Self::ALL.len()];
        let mut at = 0;
        while at < words.len() {
            words[at] = (Self::ALL[at].as_str(), Self::ALL[at]);
            at += 1;
        }
        words
    };
}

choice! {
    BillingMode { "PROVISIONED" => Provisioned, "PAY_PER_REQUEST" => PayPerRequest, }
}
choice! {
    /// `AttributeType`
    KeyKind { "B" => B, "N" => N, "S" => S, }
}
choice! {
    KeyType { "HASH" => Hash, "RANGE" => Range, }
}
choice! {
    ProjectionType { "ALL" => All, "INCLUDE" => Include, "KEYS_ONLY" => KeysOnly, }
}
choice! {
    /// `StreamViewType`
    View {
        "NEW_IMAGE" => NewImage,
        "OLD_IMAGE" => OldImage,
        "NEW_AND_OLD_IMAGES" => NewAndOldImages,
        "KEYS_ONLY" => KeysOnly,
    }
}
choice! {
    TableClass { "STANDARD" => Standard, "STANDARD_INFREQUENT_ACCESS" => StandardInfrequentAccess, }
}
choice! {
    /// `SSEType`
    EncryptionType { "AES256" => Aes256, "KMS" => Kms, }
}
choice! {
    /// `BackupType` of a listing
    BackupFilter { "USER" => User, "SYSTEM" => System, "AWS_BACKUP" => AwsBackup, "ALL" => All, }
}
choice! {
    IteratorType {
        "AFTER_SEQUENCE_NUMBER" => After,
        "LATEST" => Latest,
        "AT_SEQUENCE_NUMBER" => At,
        "TRIM_HORIZON" => TrimHorizon,
        "AT_TIMESTAMP" => AtTime,
    }
}
choice! {
    ShardFilterType { "CHILD_SHARDS" => ChildShards, }
}
