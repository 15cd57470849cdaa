use sonagi_model::{AccountId, AppName, LambdaName};

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Holds a key of the credentials file: may do everything.
    Operator { key_id: String },
    /// A function of ours, by the credentials in its environment.
    Function {
        app: AppName,
        function: LambdaName,
        /// The name at the end of its role's ARN.
        role: String,
    },
    /// A service of the platform's that acts for somebody: a topic that delivers, a schedule that is due.
    Service {
        /// As resource policies name it: `sns.amazonaws.com`.
        name: String,
    },
    /// Nobody in particular; exists in [`Mode::Open`](crate::Mode::Open) alone, or before authentication.
    Anonymous,
}

impl Principal {
    /// The ARN that IAM shows for it.
    pub fn arn(&self, account: &AccountId) -> String {
        match self {
            Self::Operator { key_id } => format!("arn:aws:iam::{account}:user/{key_id}"),
            Self::Function { function, role, .. } => {
                format!("arn:aws:sts::{account}:assumed-role/{role}/{function}")
            }
            Self::Service { name } => name.clone(),
            Self::Anonymous => format!("arn:aws:iam::{account}:root"),
        }
    }

    /// What policies call `aws:PrincipalArn`: of a session the role's, and of a service none.
    pub(crate) fn role_arn(&self, account: &AccountId) -> Option<String> {
        match self {
            Self::Function { role, .. } => Some(format!("arn:aws:iam::{account}:role/{role}")),
            Self::Operator { .. } | Self::Anonymous => Some(self.arn(account)),
            Self::Service { .. } => None,
        }
    }

    /// What STS's `GetCallerIdentity` calls `UserId`.
    pub fn user_id(&self, account: &AccountId) -> String {
        match self {
            Self::Operator { key_id } => key_id.clone(),
            Self::Function { function, role, .. } => format!("{role}:{function}"),
            Self::Service { name } => name.clone(),
            Self::Anonymous => account.to_string(),
        }
    }
}
