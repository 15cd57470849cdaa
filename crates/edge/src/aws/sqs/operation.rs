use http::request::Parts as Head;

use super::error::{Code, Fault};

/// Every operation of SQS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    AddPermission,
    CancelMessageMoveTask,
    ChangeMessageVisibility,
    ChangeMessageVisibilityBatch,
    CreateQueue,
    DeleteMessage,
    DeleteMessageBatch,
    DeleteQueue,
    GetQueueAttributes,
    GetQueueUrl,
    ListDeadLetterSourceQueues,
    ListMessageMoveTasks,
    ListQueueTags,
    ListQueues,
    PurgeQueue,
    ReceiveMessage,
    RemovePermission,
    SendMessage,
    SendMessageBatch,
    SetQueueAttributes,
    StartMessageMoveTask,
    TagQueue,
    UntagQueue,
}

/// The operations, their names, and the action that a policy grants for them: those in batches have the one of the
/// single ones (Service Authorization Reference, "Actions defined by Amazon SQS").
const ALL: [(Operation, &str, &str); 23] = [
    // What comes the most often stands first.
    (Operation::SendMessage, "SendMessage", "sqs:SendMessage"),
    (Operation::ReceiveMessage, "ReceiveMessage", "sqs:ReceiveMessage"),
    (Operation::DeleteMessage, "DeleteMessage", "sqs:DeleteMessage"),
    (Operation::SendMessageBatch, "SendMessageBatch", "sqs:SendMessage"),
    (Operation::DeleteMessageBatch, "DeleteMessageBatch", "sqs:DeleteMessage"),
    (Operation::ChangeMessageVisibility, "ChangeMessageVisibility", "sqs:ChangeMessageVisibility"),
    (Operation::ChangeMessageVisibilityBatch, "ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility"),
    (Operation::GetQueueUrl, "GetQueueUrl", "sqs:GetQueueUrl"),
    (Operation::GetQueueAttributes, "GetQueueAttributes", "sqs:GetQueueAttributes"),
    (Operation::SetQueueAttributes, "SetQueueAttributes", "sqs:SetQueueAttributes"),
    (Operation::CreateQueue, "CreateQueue", "sqs:CreateQueue"),
    (Operation::DeleteQueue, "DeleteQueue", "sqs:DeleteQueue"),
    (Operation::ListQueues, "ListQueues", "sqs:ListQueues"),
    (Operation::PurgeQueue, "PurgeQueue", "sqs:PurgeQueue"),
    (Operation::ListDeadLetterSourceQueues, "ListDeadLetterSourceQueues", "sqs:ListDeadLetterSourceQueues"),
    (Operation::TagQueue, "TagQueue", "sqs:TagQueue"),
    (Operation::UntagQueue, "UntagQueue", "sqs:UntagQueue"),
    (Operation::ListQueueTags, "ListQueueTags", "sqs:ListQueueTags"),
    (Operation::AddPermission, "AddPermission", "sqs:AddPermission"),
    (Operation::RemovePermission, "RemovePermission", "sqs:RemovePermission"),
    (Operation::StartMessageMoveTask, "StartMessageMoveTask", "sqs:StartMessageMoveTask"),
    (Operation::CancelMessageMoveTask, "CancelMessageMoveTask", "sqs:CancelMessageMoveTask"),
    (Operation::ListMessageMoveTasks, "ListMessageMoveTasks", "sqs:ListMessageMoveTasks"),
];

/// What `X-Amz-Target` asks for.
pub(super) fn of_target(head: &Head) -> Result<Operation, Fault> {
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.strip_prefix("AmazonSQS.").and_then(find).ok_or_else(|| {
        let target: String = target.chars().take(128).collect();
        Fault::new(Code::UNKNOWN_OPERATION, format!("There is no operation {target:?} in Amazon SQS."))
    })
}

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

fn find(name: &str) -> Option<Operation> {
    ALL.iter().find(|(_, known, _)| *known == name).map(|(operation, _, _)| *operation)
}

impl Operation {
    pub(super) fn name(self) -> &'static str {
        self.entry().1
    }

    pub(super) fn action(self) -> &'static str {
        self.entry().2
    }

    fn entry(self) -> (Self, &'static str, &'static str) {
        ALL.into_iter().find(|(operation, _, _)| *operation == self).unwrap_or(ALL[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_is_there_once() {
        let listed = include_str!("../../../tests/data/sqs_operations.txt");
        let mut names: Vec<&str> = ALL.iter().map(|(_, name, _)| *name).collect();
        names.sort_unstable();
        assert_eq!(names, listed.lines().collect::<Vec<_>>());
        for (operation, name, _) in ALL {
            assert_eq!((find(name), operation.name()), (Some(operation), name));
            assert_eq!(format!("{operation:?}"), name);
        }
    }
}
