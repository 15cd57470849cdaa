//! Whom a resource policy names.

use sonagi_model::{AccountId, policy::Party};

/// Who acts, as resource policies name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller<'a> {
    /// A session of a role of this account.
    Session {
        account: &'a AccountId,
        role: &'a str,
        name: &'a str,
    },
    Service(&'a str),
    /// Nobody that is known.
    Nobody,
}

/// What it means that a caller is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// His account is: it may let him, by a policy of his own.
    Account,
    /// He is, or everybody.
    Himself,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    Anyone,
    Account(Box<str>),
    Role {
        account: Box<str>,
        name: Box<str>,
    },
    Session {
        account: Box<str>,
        role: Box<str>,
        name: Box<str>,
    },
    Service(Box<str>),
    /// Nobody here can be that.
    Other,
}

impl Named {
    pub(super) fn new(party: &Party) -> Self {
        match party {
            Party::Anyone => Self::Anyone,
            Party::Service(name) => Self::Service(name.as_str().into()),
            Party::Aws(name) => Self::aws(name),
            Party::Federated(_) | Party::CanonicalUser(_) => Self::Other,
        }
    }

    fn aws(name: &str) -> Self {
        let Some([_, _, service, _, account, resource]) = super::arn::parts(name) else {
            return Self::Account(name.into());
        };
        let account = account.into();
        let mut words = resource.split('/');
        match (service, words.next()) {
            ("iam", Some("root")) => Self::Account(account),
            // Sessions carry a role's name without its path.
            ("iam", Some("role")) => {
                Self::Role { account, name: words.next_back().unwrap_or_default().into() }
            }
            ("sts", Some("assumed-role")) => {
                let role = words.next().unwrap_or_default().into();
                Self::Session { account, role, name: words.next().unwrap_or_default().into() }
            }
            _ => Self::Other,
        }
    }

    pub(super) fn names(&self, caller: &Caller<'_>) -> Option<Standing> {
        match (self, caller) {
            (Self::Anyone, _) => Some(Standing::Himself),
            (Self::Account(known), Caller::Session { account, .. }) => {
                (**known == *account.as_str()).then_some(Standing::Account)
            }
            (Self::Role { account: known, name }, Caller::Session { account, role, .. }) => {
                (**known == *account.as_str() && **name == **role).then_some(Standing::Himself)
            }
            (
                Self::Session { account: known, role: wanted, name: session },
                Caller::Session { account, role, name },
            ) => (**known == *account.as_str() && **wanted == **role && **session == **name)
                .then_some(Standing::Himself),
            (Self::Service(known), Caller::Service(name)) => (**known == **name).then_some(Standing::Himself),
            (
                Self::Account(_) | Self::Role { .. } | Self::Session { .. },
                Caller::Service(_) | Caller::Nobody,
            )
            | (Self::Service(_), Caller::Session { .. } | Caller::Nobody)
            | (Self::Other, _) => None,
        }
    }
}
