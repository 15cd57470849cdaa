use http::request::Parts as Head;

use super::error::Fault;

macro_rules! operations {
    ($($name:ident),* $(,)?) => {
        /// Every operation that is here, of DynamoDB and of its streams.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Operation { $($name),* }

        /// The operations and their names.
        pub(super) const ALL: &[(Operation, &str)] = &[$((Operation::$name, stringify!($name))),*];
    };
}

operations! {
    // What comes the most often stands first.
    GetItem,
    PutItem,
    UpdateItem,
    Query,
    DeleteItem,
    BatchGetItem,
    BatchWriteItem,
    TransactWriteItems,
    TransactGetItems,
    Scan,
    GetRecords,
    GetShardIterator,
    DescribeStream,
    ListStreams,
    DescribeTable,
    CreateTable,
    UpdateTable,
    DeleteTable,
    ListTables,
    DescribeTimeToLive,
    UpdateTimeToLive,
    TagResource,
    UntagResource,
    ListTagsOfResource,
    DescribeLimits,
    DescribeEndpoints,
}

const TABLES: &str = "DynamoDB_20120810.";
const STREAMS: &str = "DynamoDBStreams_20120810.";

impl Operation {
    pub(super) fn name(self) -> &'static str {
        ALL.iter().find(|(operation, _)| *operation == self).map_or("", |(_, name)| name)
    }

    const fn is_of_streams(self) -> bool {
        matches!(self, Self::GetRecords | Self::GetShardIterator | Self::DescribeStream | Self::ListStreams)
    }
}

/// Of the target header.
pub(super) fn of_target(head: &Head) -> Result<Operation, Fault> {
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let unknown = || Fault::new("UnknownOperationException", "");
    let target = target.ok_or_else(unknown)?;
    let (name, of_streams) = match (target.strip_prefix(TABLES), target.strip_prefix(STREAMS)) {
        (Some(name), _) => (name, false),
        (None, Some(name)) => (name, true),
        (None, None) => return Err(unknown()),
    };
    let found =
        ALL.iter().find(|(operation, known)| *known == name && operation.is_of_streams() == of_streams);
    found.map(|(operation, _)| *operation).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_name_operations_of_their_service() {
        let of = |target: &str| {
            let request = http::Request::builder().header("x-amz-target", target).body(()).unwrap();
            of_target(&request.into_parts().0).ok()
        };
        assert_eq!(of("DynamoDB_20120810.GetItem"), Some(Operation::GetItem));
        assert_eq!(of("DynamoDBStreams_20120810.GetRecords"), Some(Operation::GetRecords));
        for wrong in [
            "DynamoDB_20120810.GetRecords",
            "DynamoDBStreams_20120810.GetItem",
            "GetItem",
            "",
            "DynamoDB_20120810.",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
