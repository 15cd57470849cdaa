//! What a function's role may: `Policies`, and the roles and policies of the template ("AWS::IAM::Role" and the like
//! in the CloudFormation template reference).

use std::{cell::RefCell, collections::BTreeMap};

use sonagi_model::policy::Document;

use super::{
    super::{
        fields::Fields,
        permissions::{Collected, grant, managed_policy, policy},
        tree::{Data, Node},
    },
    resources::Kind,
    template::{Resource, Template},
};

const NOTHING: &str = "it grants nothing here";

/// The template's roles and policies, by the names of roles.
pub(super) struct Roles<'t> {
    roles: BTreeMap<String, &'t Resource<'t>>,
    /// The policies that say which roles they are for.
    attached: BTreeMap<String, Vec<&'t Resource<'t>>>,
    /// Roles that were read: what is wrong is found once.
    read: RefCell<BTreeMap<String, Collected>>,
}

impl<'t> Roles<'t> {
    pub(super) fn of(template: &'t Template<'t>) -> Self {
        let mut all =
            Self { roles: BTreeMap::new(), attached: BTreeMap::new(), read: RefCell::new(BTreeMap::new()) };
        for (&name, resource) in &template.resources {
            let key = match resource.kind {
                Kind::Role if template.exists(resource) => {
                    all.roles.insert(template.physical_name(name, "RoleName"), resource);
                    continue;
                }
                Kind::Policy | Kind::ManagedPolicy => "Roles",
                Kind::RolePolicy => "RoleName",
                Kind::Role
                | Kind::Function
                | Kind::Api(_)
                | Kind::Declared(_)
                | Kind::QueuePolicy
                | Kind::TopicPolicy
                | Kind::Mapping
                | Kind::InvokeConfig
                | Kind::Layer(_)
                | Kind::Ignored(_)
                | Kind::Unsupported(_) => continue,
            };
            let Some(node) = resource.properties.get(key).filter(|_| template.exists(resource)) else {
                continue;
            };
            // Where the policy is read what is wrong with it is said.
            let value = template.report.quietly(|| template.granted(node));
            let Some(value) = value else { continue };
            let single = std::slice::from_ref(&value);
            for role in value.list().unwrap_or(single).iter().filter_map(Node::scalar) {
                all.attached.entry(role.to_owned()).or_default().push(resource);
            }
        }
        all
    }

    /// What the template says of the role, if it says anything.
    fn role(&self, template: &Template<'_>, name: &str) -> Option<Collected> {
        if let Some(known) = self.read.borrow().get(name) {
            return Some(known.clone());
        }
        let (role, attached) = (self.roles.get(name), self.attached.get(name));
        if role.is_none() && attached.is_none() {
            return None;
        }
        let mut collected = Collected::default();
        if let Some(role) = role {
            read_role(template, role, &mut collected);
        }
        for policy in attached.into_iter().flatten() {
            read_policy(template, policy, &mut collected);
        }
        self.read.borrow_mut().insert(name.to_owned(), collected.clone());
        Some(collected)
    }
}

/// The policies of a function, whose role has this ARN.
pub(super) fn read(
    template: &Template<'_>,
    roles: &Roles<'_>,
    name: &str,
    properties: &Node,
    role: &str,
) -> Vec<Document> {
    let report = template.report;
    let said = |key: &str| properties.entry(key).filter(|(_, node)| node.data != Data::Null);
    let mut collected = Collected::default();
    let role_name = role.rsplit('/').next().unwrap_or_default();
    match (said("Role"), said("Policies")) {
        (Some(_), Some((key, _))) => {
            report.note(&key.span, "`Policies` beside `Role` has no effect, as in SAM");
        }
        (None, Some((_, node))) => {
            if let Some(value) = template.within(name, || template.granted(node)) {
                policies(template, &value, &mut collected);
            }
        }
        (_, None) => {}
    }
    match (roles.role(template, role_name), said("Role")) {
        (Some(found), _) => collected.add(found),
        (None, Some((_, node))) if !role.is_empty() => {
            let message = format!("the role {role_name:?} is not of this template: {NOTHING}");
            report.note(&node.span, message);
        }
        (None, _) => {}
    }
    let span = said("Policies")
        .or(said("Role"))
        .map_or_else(|| properties.span.clone(), |(key, _)| key.span.clone());
    collected.finish(&span, report)
}

/// `Policies` of a function: names, templates and documents, or one of them alone.
fn policies(template: &Template<'_>, value: &Node, collected: &mut Collected) {
    let single = std::slice::from_ref(value);
    for item in value.list().unwrap_or(single) {
        match &item.data {
            Data::Text(name) => managed(template, item, name, collected),
            Data::Map(_) if item.get("Statement").is_some() => {
                if let Some(document) = policy(item, template.report) {
                    collected.inline(document);
                }
            }
            Data::Map(entries) => {
                for (key, values) in entries {
                    collected.template((key, values), template.context, template.report);
                }
            }
            Data::Null | Data::Broken => {}
            Data::Bool(_) | Data::Number(_) | Data::List(_) => {
                let message = "a policy is the name of a managed one, a policy template, or a document with `Statement`";
                template.report.problem(&item.span, message);
            }
        }
    }
}

/// A managed policy, by its name or ARN.
fn managed(template: &Template<'_>, node: &Node, name: &str, collected: &mut Collected) {
    let (owner, plain) = match name.split_once(":policy/") {
        Some((owner, path)) => (owner, path.rsplit('/').next().unwrap_or_default()),
        None => ("aws", name),
    };
    if owner.ends_with("aws") {
        if !collected.managed_by_aws(plain, template.context) {
            template.report.note(&node.span, format!("the managed policy {plain:?} is not known: {NOTHING}"));
        }
        return;
    }
    let own = template.resources.iter().find(|(name, resource)| {
        resource.kind == Kind::ManagedPolicy
            && template.exists(resource)
            && template.physical_name(name, "ManagedPolicyName") == plain
    });
    match own {
        Some((_, resource)) => read_policy(template, resource, collected),
        None => {
            let message = format!("the managed policy {plain:?} is not of this template: {NOTHING}");
            template.report.note(&node.span, message);
        }
    }
}

fn read_role(template: &Template<'_>, role: &Resource<'_>, collected: &mut Collected) {
    let report = template.report;
    let Some(fields) = Fields::of(&role.properties, "an AWS::IAM::Role", report) else { return };
    let fields = fields.at(&role.key.span);
    for known in ["RoleName", "Path", "Description", "MaxSessionDuration", "Tags", "AssumeRolePolicyDocument"]
    {
        fields.has(known);
    }
    fields.note("PermissionsBoundary", "boundaries are not kept: the role may all that its policies allow");
    if let Some(value) = fields.get("ManagedPolicyArns").and_then(|node| template.granted(node)) {
        for item in value.list().unwrap_or_default() {
            match item.scalar() {
                Some(arn) => managed(template, item, arn, collected),
                None => drop(template.wrong(item, "a managed policy is the text of its ARN")),
            }
        }
    }
    if let Some(value) = fields.get("Policies").and_then(|node| template.granted(node)) {
        for item in value.list().unwrap_or_default() {
            let Some(fields) = Fields::of(item, "an inline policy", report) else { continue };
            fields.has("PolicyName");
            match fields.get("PolicyDocument") {
                Some(node) => {
                    policy(node, report).into_iter().for_each(|document| collected.inline(document))
                }
                None if fields.has("PolicyDocument") => {}
                None => fields.missing("PolicyDocument", "with its `Statement`"),
            }
            fields.finish();
        }
    }
    fields.finish();
}

/// An `AWS::IAM::Policy`, `RolePolicy` or `ManagedPolicy`.
fn read_policy(template: &Template<'_>, resource: &Resource<'_>, collected: &mut Collected) {
    let report = template.report;
    let Some(fields) = Fields::of(&resource.properties, "a policy", report) else { return };
    let fields = fields.at(&resource.key.span);
    for known in
        ["PolicyName", "ManagedPolicyName", "Description", "Path", "Roles", "RoleName", "Groups", "Users"]
    {
        fields.has(known);
    }
    match fields.get("PolicyDocument").and_then(|node| template.granted(node)) {
        Some(value) if resource.kind == Kind::ManagedPolicy => {
            managed_policy(&value, report).into_iter().for_each(|document| collected.managed(document));
        }
        Some(value) => policy(&value, report).into_iter().for_each(|document| collected.inline(document)),
        None if fields.has("PolicyDocument") => {}
        None => fields.missing("PolicyDocument", "with its `Statement`"),
    }
    fields.finish();
}

/// Attaches a policy that AWS manages.
pub(super) fn grant_managed(permissions: &mut Vec<Document>, name: &str, template: &Template<'_>) {
    let mut collected = Collected::default();
    collected.managed_by_aws(name, template.context);
    for document in collected.finish(&(0..0), template.report) {
        grant(permissions, document);
    }
}

impl Template<'_> {
    /// Whether a function names a role, to which SAM adds nothing.
    pub(super) fn has_own_role(&self, function: &str) -> bool {
        let role = self.resources.get(function).and_then(|resource| resource.properties.get("Role"));
        role.is_some_and(|node| node.data != Data::Null)
    }

    /// A value of a policy. What has no effect here may be named in it: to grant it is to grant nothing.
    fn granted(&self, node: &Node) -> Option<Node> {
        let before = self.memory.granting.replace(true);
        let value = self.evaluate(node);
        self.memory.granting.set(before);
        value
    }
}
