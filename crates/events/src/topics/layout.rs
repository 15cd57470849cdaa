//! Where topics are among the records.
//!
//! ```text
//! events/topics/names/<name>                            the topic: its settings, tags, and when it changed
//! events/topics/subscriptions/<name>/<id>               a subscription
//! events/topics/sequences/<name>                        the last sequence number of a FIFO topic
//! events/topics/sent/<name>/<window><scope>0<id>        what was published in that window, by its deduplication id
//! ```
//!
//! No topic's name has a slash.

use crate::TopicName;

pub(super) const NAMES: &[u8] = b"events/topics/names/";
pub(super) const SUBSCRIPTIONS: &[u8] = b"events/topics/subscriptions/";
const SEQUENCES: &[u8] = b"events/topics/sequences/";
const SENT: &[u8] = b"events/topics/sent/";

pub(super) fn name(name: &TopicName) -> Vec<u8> {
    [NAMES, name.as_str().as_bytes()].concat()
}

/// What the keys of all subscriptions of a topic begin with.
pub(super) fn subscriptions(topic: &TopicName) -> Vec<u8> {
    [SUBSCRIPTIONS, topic.as_str().as_bytes(), b"/"].concat()
}

pub(super) fn subscription(topic: &TopicName, id: &str) -> Vec<u8> {
    [SUBSCRIPTIONS, topic.as_str().as_bytes(), b"/", id.as_bytes()].concat()
}

pub(super) fn sequence(topic: &TopicName) -> Vec<u8> {
    [SEQUENCES, topic.as_str().as_bytes()].concat()
}

/// What the keys of all that is known by deduplication ids begin with.
pub(super) fn all_sent(topic: &TopicName) -> Vec<u8> {
    [SENT, topic.as_str().as_bytes(), b"/"].concat()
}

/// Where those of a window begin.
pub(super) fn sent_from(topic: &TopicName, window: u64) -> Vec<u8> {
    [&all_sent(topic)[..], &window.to_be_bytes()].concat()
}

pub(super) fn sent(topic: &TopicName, window: u64, scope: &str, deduplication: &str) -> Vec<u8> {
    [&sent_from(topic, window)[..], scope.as_bytes(), &[0], deduplication.as_bytes()].concat()
}
