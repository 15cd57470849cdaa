use std::{borrow::Cow, fmt, sync::Arc};

use sonagi_model::{AccountId, AppName, LambdaName, Timestamp};

use crate::{
    Error, Principal, Result,
    policy::{Ask, Asked, Caller, Facts, Given, Policies, Standing, Verdict},
};

/// One question: may this principal do this to that?
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    pub principal: &'a Principal,
    /// As IAM names it: `lambda:InvokeFunction`.
    pub action: &'a str,
    /// An ARN, or `*` for what is done to nothing in particular.
    pub resource: &'a str,
    /// The app that the resource belongs to.
    pub owner: Option<&'a AppName>,
    /// When it is asked.
    pub now: Timestamp,
    /// Condition keys of the request, beyond those that every request has (see `docs/permissions.md`).
    pub context: &'a [(&'a str, Given<'a>)],
    /// The policy of the resource, if it has one.
    pub resource_policy: Option<&'a Policies>,
}

impl<'a> Access<'a> {
    pub fn new(principal: &'a Principal, action: &'a str, resource: &'a str, now: Timestamp) -> Self {
        Self { principal, action, resource, owner: None, now, context: &[], resource_policy: None }
    }

    pub fn owned_by(self, owner: Option<&'a AppName>) -> Self {
        Self { owner, ..self }
    }

    pub fn with(self, context: &'a [(&'a str, Given<'a>)]) -> Self {
        Self { context, ..self }
    }

    pub fn under(self, resource_policy: Option<&'a Policies>) -> Self {
        Self { resource_policy, ..self }
    }
}

/// What functions may, as their manifests grant it. `edge` answers from what is live.
pub trait Grants: Send + Sync {
    /// None when the app has no such function, or no longer.
    fn of(&self, app: &AppName, function: &LambdaName) -> Option<Arc<Policies>>;
}

/// Why nothing lets a principal do what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Denial {
    /// A statement of its own policies denies it.
    ByIdentityPolicy,
    /// A statement of the resource's policy denies it.
    ByResourcePolicy,
    /// No policy of its own allows it.
    NoIdentityPolicy,
    /// No policy of the resource allows it, and it has none of its own.
    NoResourcePolicy,
}

impl Denial {
    /// The end of AWS's sentence ("Troubleshoot access denied error messages" in the IAM user guide).
    pub(crate) fn because(self, action: &str) -> impl fmt::Display {
        struct Because<'a>(Denial, &'a str);
        impl fmt::Display for Because<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    Denial::ByIdentityPolicy => {
                        f.write_str("with an explicit deny in an identity-based policy")
                    }
                    Denial::ByResourcePolicy => {
                        f.write_str("with an explicit deny in a resource-based policy")
                    }
                    Denial::NoIdentityPolicy => {
                        write!(f, "because no identity-based policy allows the {} action", self.1)
                    }
                    Denial::NoResourcePolicy => {
                        write!(f, "because no resource-based policy allows the {} action", self.1)
                    }
                }
            }
        }
        Because(self, action)
    }
}

/// Bytes of an action in lower case that need no memory of their own.
const ACTION: usize = 128;

/// What a function's own policies and the resource's say together. Both are of one account, so either may allow.
pub(crate) fn decide(access: &Access<'_>, account: &AccountId, own: Option<&Policies>) -> Result<(), Denial> {
    let mut buffer = [0; ACTION];
    let action = lower(access.action, &mut buffer);
    let asked = Asked::new(access.resource);
    let facts = Known { access, account, place: asked.place() };
    let caller = match access.principal {
        Principal::Function { function, role, .. } => {
            Caller::Session { account, role, name: function.as_str() }
        }
        Principal::Service { name } => Caller::Service(name),
        Principal::Operator { .. } | Principal::Anonymous => Caller::Nobody,
    };
    let ask = Ask { action: &action, resource: asked, caller, facts: &facts };
    let verdict = |policies: Option<&Policies>| policies.map_or(Verdict::Silent, |it| it.verdict(&ask));
    let (own, resource) = (verdict(own), verdict(access.resource_policy));
    match (own, resource) {
        (Verdict::Denied, _) => Err(Denial::ByIdentityPolicy),
        (_, Verdict::Denied) => Err(Denial::ByResourcePolicy),
        (Verdict::Allowed(_), _) | (_, Verdict::Allowed(Standing::Himself)) => Ok(()),
        (Verdict::Silent, Verdict::Allowed(Standing::Account) | Verdict::Silent) => match access.principal {
            // What was always so: the functions of an app are one program.
            Principal::Function { app, .. }
                if access.owner == Some(app) && action.starts_with("lambda:invokefunction") =>
            {
                Ok(())
            }
            Principal::Function { .. } | Principal::Operator { .. } => Err(Denial::NoIdentityPolicy),
            Principal::Service { .. } | Principal::Anonymous => Err(Denial::NoResourcePolicy),
        },
    }
}

fn lower<'a>(action: &str, buffer: &'a mut [u8; ACTION]) -> Cow<'a, str> {
    let Some(place) = buffer.get_mut(..action.len()) else { return Cow::Owned(action.to_ascii_lowercase()) };
    place.copy_from_slice(action.as_bytes());
    place.make_ascii_lowercase();
    match std::str::from_utf8(place) {
        Ok(text) => Cow::Borrowed(text),
        // Letters that are ASCII were changed, and no others.
        Err(_) => Cow::Owned(action.to_ascii_lowercase()),
    }
}

/// What the request says, and what is known of every request.
struct Known<'a> {
    access: &'a Access<'a>,
    account: &'a AccountId,
    /// The region and the account of the resource.
    place: Option<(&'a str, &'a str)>,
}

impl Facts for Known<'_> {
    fn given(&self, key: &str) -> Option<Given<'_>> {
        if let Some((_, given)) = self.access.context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))
        {
            return Some(given.clone());
        }
        let (principal, account) = (self.access.principal, self.account);
        let service = match principal {
            Principal::Service { name } => Some(name.as_str()),
            Principal::Operator { .. } | Principal::Function { .. } | Principal::Anonymous => None,
        };
        let place = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned().into());
        match key {
            "aws:currenttime" => Some(self.access.now.to_string().into()),
            "aws:epochtime" => Some(self.access.now.seconds().to_string().into()),
            // What a function sends does not leave the machine on its way.
            "aws:securetransport" => Some("true".into()),
            "aws:requestedregion" => self.place.and_then(|(region, _)| place(region)),
            "aws:resourceaccount" => match self.place {
                // Some ARNs, as a bucket's, do not say whose they are.
                Some((_, "")) | None => Some(account.as_str().into()),
                Some((_, other)) => place(other),
            },
            "aws:principalisawsservice" => Some(if service.is_some() { "true" } else { "false" }.into()),
            "aws:principalservicename" => service.map(Given::from),
            "aws:principalaccount" if service.is_none() => Some(account.as_str().into()),
            "aws:principalarn" => principal.role_arn(account).map(Given::from),
            "aws:principaltype" => match principal {
                Principal::Operator { .. } => Some("User".into()),
                Principal::Function { .. } => Some("AssumedRole".into()),
                Principal::Anonymous => Some("Anonymous".into()),
                Principal::Service { .. } => None,
            },
            "aws:userid" if service.is_none() => Some(principal.user_id(account).into()),
            "aws:username" => match principal {
                Principal::Operator { key_id } => Some(key_id.as_str().into()),
                Principal::Function { .. } | Principal::Anonymous | Principal::Service { .. } => None,
            },
            _ => None,
        }
    }
}

impl Error {
    pub(crate) fn denied(access: &Access<'_>, account: &AccountId, why: Denial) -> Self {
        Self::Denied {
            user: access.principal.arn(account),
            action: access.action.into(),
            resource: access.resource.into(),
            why,
        }
    }
}
