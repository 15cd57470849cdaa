//! Whether a caller may hand work to a schedule's target.
//!
//! On AWS whoever makes a schedule passes it a role, and the role says what it may reach. Here there are no roles: a
//! function that makes a schedule must be granted `iam:PassRole` for that role's ARN, or must itself be granted what the
//! schedule does.

use sonagi_events::{
    Destination,
    schedules::{Action, Target},
};
use sonagi_identity::{Access, Principal};
use sonagi_model::AppName;

use super::Call;
use crate::{
    aws::{error::AwsError, service::Protocol},
    platform::Parts,
};

pub(super) fn may_pass(parts: &Parts, call: &Call, target: &Target) -> Result<(), AwsError> {
    match call.principal {
        Principal::Function { .. } | Principal::Service { .. } => {}
        Principal::Operator { .. } | Principal::Anonymous => return Ok(()),
    }
    let passed = may(parts, call, "iam:PassRole", &target.role, None);
    if passed.is_ok() {
        return passed;
    }
    let (account, region) = (&parts.config.account, &parts.config.region);
    let Ok(action) = Action::parse(&target.arn, account, region) else {
        // It is refused for that.
        return Ok(());
    };
    let mut reached = Vec::new();
    let input = target.input.as_deref().unwrap_or_default();
    if let Ok(parcels) = action.parcels(target, input, (account, region)) {
        reached.extend(parcels.into_iter().map(|outgoing| outgoing.to));
    }
    if let Some(arn) = &target.dead_letters {
        reached.extend(Destination::parse(arn, account, region));
    }
    for destination in &reached {
        let (action, owner) = match destination {
            Destination::Function { name, .. } => {
                let live = parts.control.live();
                ("lambda:InvokeFunction", live.function(name.as_str()).map(|function| function.app.clone()))
            }
            Destination::Queue(_) => ("sqs:SendMessage", None),
            Destination::Topic(_) => ("sns:Publish", None),
            Destination::Bus(_) => ("events:PutEvents", None),
        };
        may(parts, call, action, &destination.arn(account, region), owner.as_ref())?;
    }
    Ok(())
}

fn may(
    parts: &Parts,
    call: &Call,
    action: &str,
    resource: &str,
    owner: Option<&AppName>,
) -> Result<(), AwsError> {
    let access = Access::new(&call.principal, action, resource, parts.clock.now()).owned_by(owner);
    parts.identity.may(&access).map_err(|error| AwsError::identity(&error, Protocol::RestJson))
}
