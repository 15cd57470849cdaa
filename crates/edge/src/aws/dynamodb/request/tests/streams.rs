use super::{super::*, *};

const STREAM: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/abc/stream/2026-01-01T00:00:00.000";
const SHARD: &str = "shardId-00000000000000000000-00000000";

#[test]
fn an_iterator_starts_somewhere() {
    let iterator = |members: &str| {
        let body = format!(r#"{{"StreamArn":"{STREAM}","ShardId":"{SHARD}","ShardIteratorType":{members}}}"#);
        GetShardIterator::read(body.as_bytes())
    };
    let sequence = "000000000000000000001";
    for (members, start) in [
        (r#""TRIM_HORIZON""#.to_owned(), Start::TrimHorizon),
        (r#""LATEST""#.to_owned(), Start::Latest),
        (format!(r#""AT_SEQUENCE_NUMBER","SequenceNumber":"{sequence}""#), Start::At(sequence.into())),
        (format!(r#""AFTER_SEQUENCE_NUMBER","SequenceNumber":"{sequence}""#), Start::After(sequence.into())),
        (r#""AT_TIMESTAMP","Timestamp":1.5"#.to_owned(), Start::AtTime(1.5)),
    ] {
        assert_eq!(iterator(&members).unwrap().start, start);
    }
    assert!(iterator(r#""AT_SEQUENCE_NUMBER""#).is_err());
    invalid(
        iterator(r#""x","SequenceNumber":"1""#),
        "2 validation errors detected: Value 'x' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum \
         value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_SEQUENCE_NUMBER, TRIM_HORIZON, AT_TIMESTAMP]; Value '1' at \
         'sequenceNumber' failed to satisfy constraint: Member must have length greater than or equal to 21",
    );
}

#[test]
fn pages_have_their_limits() {
    assert_eq!(GetRecords::read(br#"{"ShardIterator":"i"}"#).unwrap().limit, 1_000);
    assert_eq!(ListStreams::read(br#"{"Limit":7}"#).unwrap().limit, 7);
    let body =
        format!(r#"{{"StreamArn":"{STREAM}","ShardFilter":{{"Type":"CHILD_SHARDS","ShardId":"{SHARD}"}}}}"#);
    let read = DescribeStream::read(body.as_bytes()).unwrap();
    assert_eq!((read.limit, read.children_of.as_deref()), (100, Some(SHARD)));
    invalid(
        GetRecords::read(br#"{"ShardIterator":"i","Limit":1001}"#),
        "1 validation error detected: Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than or \
         equal to 1000",
    );
    invalid(
        GetRecords::read(b"{}"),
        "1 validation error detected: Value null at 'shardIterator' failed to satisfy constraint: Member must not be null",
    );
}
