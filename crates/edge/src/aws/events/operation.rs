use http::request::Parts as Head;

use super::error::Fault;

/// Every operation of EventBridge that is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    CancelReplay,
    CreateArchive,
    CreateEventBus,
    DeleteArchive,
    DeleteEventBus,
    DeleteRule,
    DescribeArchive,
    DescribeEventBus,
    DescribeReplay,
    DescribeRule,
    DisableRule,
    EnableRule,
    ListArchives,
    ListEventBuses,
    ListReplays,
    ListRuleNamesByTarget,
    ListRules,
    ListTagsForResource,
    ListTargetsByRule,
    PutEvents,
    PutPermission,
    PutRule,
    PutTargets,
    RemovePermission,
    RemoveTargets,
    StartReplay,
    TagResource,
    TestEventPattern,
    UntagResource,
    UpdateArchive,
    UpdateEventBus,
}

/// The operations, their names, and the action that a policy grants for them (Service Authorization Reference, "Actions
/// defined by Amazon EventBridge").
const ALL: [(Operation, &str, &str); 31] = [
    // What comes the most often stands first.
    (Operation::PutEvents, "PutEvents", "events:PutEvents"),
    (Operation::CancelReplay, "CancelReplay", "events:CancelReplay"),
    (Operation::CreateArchive, "CreateArchive", "events:CreateArchive"),
    (Operation::CreateEventBus, "CreateEventBus", "events:CreateEventBus"),
    (Operation::DeleteArchive, "DeleteArchive", "events:DeleteArchive"),
    (Operation::DeleteEventBus, "DeleteEventBus", "events:DeleteEventBus"),
    (Operation::DeleteRule, "DeleteRule", "events:DeleteRule"),
    (Operation::DescribeArchive, "DescribeArchive", "events:DescribeArchive"),
    (Operation::DescribeEventBus, "DescribeEventBus", "events:DescribeEventBus"),
    (Operation::DescribeReplay, "DescribeReplay", "events:DescribeReplay"),
    (Operation::DescribeRule, "DescribeRule", "events:DescribeRule"),
    (Operation::DisableRule, "DisableRule", "events:DisableRule"),
    (Operation::EnableRule, "EnableRule", "events:EnableRule"),
    (Operation::ListArchives, "ListArchives", "events:ListArchives"),
    (Operation::ListEventBuses, "ListEventBuses", "events:ListEventBuses"),
    (Operation::ListReplays, "ListReplays", "events:ListReplays"),
    (Operation::ListRuleNamesByTarget, "ListRuleNamesByTarget", "events:ListRuleNamesByTarget"),
    (Operation::ListRules, "ListRules", "events:ListRules"),
    (Operation::ListTagsForResource, "ListTagsForResource", "events:ListTagsForResource"),
    (Operation::ListTargetsByRule, "ListTargetsByRule", "events:ListTargetsByRule"),
    (Operation::PutPermission, "PutPermission", "events:PutPermission"),
    (Operation::PutRule, "PutRule", "events:PutRule"),
    (Operation::PutTargets, "PutTargets", "events:PutTargets"),
    (Operation::RemovePermission, "RemovePermission", "events:RemovePermission"),
    (Operation::RemoveTargets, "RemoveTargets", "events:RemoveTargets"),
    (Operation::StartReplay, "StartReplay", "events:StartReplay"),
    (Operation::TagResource, "TagResource", "events:TagResource"),
    (Operation::TestEventPattern, "TestEventPattern", "events:TestEventPattern"),
    (Operation::UntagResource, "UntagResource", "events:UntagResource"),
    (Operation::UpdateArchive, "UpdateArchive", "events:UpdateArchive"),
    (Operation::UpdateEventBus, "UpdateEventBus", "events:UpdateEventBus"),
];

/// Those that are not, and what they are about.
const ABSENT: [(&str, &str); 26] = [
    ("ActivateEventSource", PARTNERS),
    ("CreateApiDestination", DESTINATIONS),
    ("CreateConnection", DESTINATIONS),
    ("CreateEndpoint", ENDPOINTS),
    ("CreatePartnerEventSource", PARTNERS),
    ("DeactivateEventSource", PARTNERS),
    ("DeauthorizeConnection", DESTINATIONS),
    ("DeleteApiDestination", DESTINATIONS),
    ("DeleteConnection", DESTINATIONS),
    ("DeleteEndpoint", ENDPOINTS),
    ("DeletePartnerEventSource", PARTNERS),
    ("DescribeApiDestination", DESTINATIONS),
    ("DescribeConnection", DESTINATIONS),
    ("DescribeEndpoint", ENDPOINTS),
    ("DescribeEventSource", PARTNERS),
    ("DescribePartnerEventSource", PARTNERS),
    ("ListApiDestinations", DESTINATIONS),
    ("ListConnections", DESTINATIONS),
    ("ListEndpoints", ENDPOINTS),
    ("ListEventSources", PARTNERS),
    ("ListPartnerEventSourceAccounts", PARTNERS),
    ("ListPartnerEventSources", PARTNERS),
    ("PutPartnerEvents", PARTNERS),
    ("UpdateApiDestination", DESTINATIONS),
    ("UpdateConnection", DESTINATIONS),
    ("UpdateEndpoint", ENDPOINTS),
];

pub(super) const PARTNERS: &str = "partner event sources";
pub(super) const ENDPOINTS: &str = "global endpoints";
const DESTINATIONS: &str = "API destinations and connections";

/// What `X-Amz-Target` asks for.
pub(super) fn of_target(head: &Head) -> Result<Operation, Fault> {
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let name = target.strip_prefix("AWSEvents.").unwrap_or_default();
    if let Some(operation) = find(name) {
        return Ok(operation);
    }
    if let Some((name, about)) = ABSENT.iter().find(|(absent, _)| *absent == name) {
        return Err(Fault::absent(about, name));
    }
    let target: String = target.chars().take(128).collect();
    Err(Fault::new(
        "UnknownOperationException",
        format!("There is no operation {target:?} in Amazon EventBridge."),
    ))
}

fn find(name: &str) -> Option<Operation> {
    ALL.iter().find(|(_, known, _)| *known == name).map(|(operation, _, _)| *operation)
}

impl Operation {
    pub(super) fn action(self) -> &'static str {
        ALL.into_iter().find(|(operation, _, _)| *operation == self).unwrap_or(ALL[0]).2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_is_there_once_or_said_to_be_absent() {
        let listed = include_str!("../../../tests/data/events_operations.txt");
        let mut names: Vec<String> = ALL.iter().map(|(_, name, _)| (*name).to_owned()).collect();
        names.extend(ABSENT.iter().map(|(name, _)| format!("{name} absent")));
        names.sort_unstable();
        assert_eq!(names, listed.lines().collect::<Vec<_>>());
        for (operation, name, action) in ALL {
            assert_eq!((find(name), format!("{operation:?}")), (Some(operation), name.to_owned()));
            assert_eq!(action.strip_prefix("events:"), Some(name));
        }
    }
}
