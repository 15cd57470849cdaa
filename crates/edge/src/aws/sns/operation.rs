use super::error::{Code, Fault};

/// Every operation of SNS that is there, and one for all that are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    AddPermission,
    ConfirmSubscription,
    CreateTopic,
    DeleteTopic,
    GetDataProtectionPolicy,
    GetSubscriptionAttributes,
    GetTopicAttributes,
    ListSubscriptions,
    ListSubscriptionsByTopic,
    ListTagsForResource,
    ListTopics,
    Publish,
    PublishBatch,
    PutDataProtectionPolicy,
    RemovePermission,
    SetSubscriptionAttributes,
    SetTopicAttributes,
    Subscribe,
    TagResource,
    Unsubscribe,
    UntagResource,
    /// Of text messages and phones.
    Absent(&'static str),
}

/// The operations and their names.
const ALL: [(Operation, &str); 21] = [
    // What comes the most often stands first.
    (Operation::Publish, "Publish"),
    (Operation::PublishBatch, "PublishBatch"),
    (Operation::AddPermission, "AddPermission"),
    (Operation::ConfirmSubscription, "ConfirmSubscription"),
    (Operation::CreateTopic, "CreateTopic"),
    (Operation::DeleteTopic, "DeleteTopic"),
    (Operation::GetDataProtectionPolicy, "GetDataProtectionPolicy"),
    (Operation::GetSubscriptionAttributes, "GetSubscriptionAttributes"),
    (Operation::GetTopicAttributes, "GetTopicAttributes"),
    (Operation::ListSubscriptions, "ListSubscriptions"),
    (Operation::ListSubscriptionsByTopic, "ListSubscriptionsByTopic"),
    (Operation::ListTagsForResource, "ListTagsForResource"),
    (Operation::ListTopics, "ListTopics"),
    (Operation::PutDataProtectionPolicy, "PutDataProtectionPolicy"),
    (Operation::RemovePermission, "RemovePermission"),
    (Operation::SetSubscriptionAttributes, "SetSubscriptionAttributes"),
    (Operation::SetTopicAttributes, "SetTopicAttributes"),
    (Operation::Subscribe, "Subscribe"),
    (Operation::TagResource, "TagResource"),
    (Operation::Unsubscribe, "Unsubscribe"),
    (Operation::UntagResource, "UntagResource"),
];

/// Those of text messages and phones.
const ABSENT: [&str; 21] = [
    "CheckIfPhoneNumberIsOptedOut",
    "CreatePlatformApplication",
    "CreatePlatformEndpoint",
    "CreateSMSSandboxPhoneNumber",
    "DeleteEndpoint",
    "DeletePlatformApplication",
    "DeleteSMSSandboxPhoneNumber",
    "GetEndpointAttributes",
    "GetPlatformApplicationAttributes",
    "GetSMSAttributes",
    "GetSMSSandboxAccountStatus",
    "ListEndpointsByPlatformApplication",
    "ListOriginationNumbers",
    "ListPhoneNumbersOptedOut",
    "ListPlatformApplications",
    "ListSMSSandboxPhoneNumbers",
    "OptInPhoneNumber",
    "SetEndpointAttributes",
    "SetPlatformApplicationAttributes",
    "SetSMSAttributes",
    "VerifySMSSandboxPhoneNumber",
];

/// What `Action` asks for.
pub(super) fn of_action(action: Option<&str>) -> Result<Operation, Fault> {
    let action = action.filter(|action| !action.is_empty());
    let action = action
        .ok_or_else(|| Fault::new(Code::MISSING_ACTION, "The request must contain the parameter Action."))?;
    find(action).ok_or_else(|| {
        let action: String = action.chars().take(128).collect();
        Fault::new(Code::INVALID_ACTION, format!("The action {action} is not valid for this endpoint."))
    })
}

/// Whether it is one that messages have links for.
pub(in crate::aws) fn is_linked(action: Option<&str>) -> bool {
    matches!(action, Some("ConfirmSubscription" | "Unsubscribe"))
}

fn find(name: &str) -> Option<Operation> {
    let found = ALL.iter().find(|(_, known)| *known == name).map(|(operation, _)| *operation);
    found.or_else(|| ABSENT.into_iter().find(|known| *known == name).map(Operation::Absent))
}

impl Operation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Absent(name) => name,
            known => ALL.into_iter().find(|(operation, _)| *operation == known).unwrap_or(ALL[0]).1,
        }
    }

    /// What a policy grants for it: for a batch what it grants for a single message (Service Authorization Reference,
    /// "Actions defined by Amazon SNS").
    pub(super) fn action(self) -> String {
        let name = if self == Self::PublishBatch { "Publish" } else { self.name() };
        format!("sns:{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_is_there_once() {
        let listed = include_str!("../../../tests/data/sns_operations.txt");
        let mut names: Vec<&str> = ALL.iter().map(|(_, name)| *name).chain(ABSENT).collect();
        names.sort_unstable();
        assert_eq!(names, listed.lines().collect::<Vec<_>>());
        for (operation, name) in ALL {
            assert_eq!((find(name), operation.name()), (Some(operation), name));
            assert_eq!(format!("{operation:?}"), name);
        }
    }
}
