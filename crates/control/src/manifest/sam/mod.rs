//! AWS SAM templates.
//!
//! Start reading at [`read`]. A template is evaluated in the order that CloudFormation does it in: parameters,
//! conditions, resources with their globals, outputs. Which parts are supported is in `docs/manifest.md`.

mod api;
mod asynchronous;
mod buses;
mod conditions;
mod evaluate;
mod events;
mod function;
mod globals;
mod layer_version;
mod layers;
mod mappings;
mod parameters;
mod permissions;
mod queues;
mod references;
mod resources;
mod schedules;
mod substitute;
mod template;
mod topics;
mod triggers;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::Path,
};

use sonagi_model::{
    api::{Api, ApiKind},
    limits,
    release::Output,
    resource::{Resource as Thing, ResourceKind},
};

use self::resources::Kind;
use super::{
    Context, DeclaredFunction, DeclaredLayer,
    fields::Fields,
    load::Loaded,
    names,
    problem::Report,
    resources::Declared,
    routes,
    tree::{Data, Key, Node, Span},
};
use permissions::Roles;
use template::{IMPLICIT_HTTP, IMPLICIT_REST, Resource, Template};

/// The transform that makes a template a SAM template.
const TRANSFORM: &str = "AWS::Serverless-2016-10-31";

pub(super) fn read(
    root: &Path,
    tree: &Node,
    given: &BTreeMap<String, String>,
    context: &Context,
    report: &Report,
) -> Option<Loaded> {
    let top = Fields::of(tree, "a template", report)?;
    if let Some(version) = top.text("AWSTemplateFormatVersion")
        && version != "2010-09-09"
    {
        report.problem(&top.span_of("AWSTemplateFormatVersion"), "the only version is 2010-09-09");
    }
    transform(&top, report);
    top.get("Description");
    top.get("Metadata");
    top.unsupported("Rules", "");
    top.unsupported("Hooks", "");
    let app = match &context.name {
        Some(name) => name.clone(),
        None => names::app_of_folder(root)?,
    };
    let parameters = parameters::read(entries(&top, "Parameters", report), given, report);
    let globals = Globals::read(&top, report);
    let mut template = Template {
        report,
        context,
        app,
        parameters,
        mappings: entries(&top, "Mappings", report),
        conditions: entries(&top, "Conditions", report)
            .iter()
            .map(|(key, node)| (key.text.as_str(), (key, node)))
            .collect(),
        resources: declared(entries(&top, "Resources", report), &globals, report),
        implicit: HashSet::new(),
        memory: template::Memory::default(),
    };
    if !top.has("Resources") {
        top.missing("Resources", "with an AWS::Serverless::Function");
    }
    // In the text's order, in which most conditions come after those that they use.
    for (key, _) in entries(&top, "Conditions", report) {
        template.condition(&key.text, &key.span);
    }
    template.implicit = implicit(&template);
    let (functions, apis, resources) = build(&template, &globals, root);
    let layers = layers(&template, root);
    let outputs = outputs(&template, entries(&top, "Outputs", report));
    circles(&template);
    top.finish();
    let app = template.app.clone();
    Some(Loaded { app, functions, layers, apis, outputs, resources })
}

fn transform(top: &Fields<'_>, report: &Report) {
    let Some(node) = top.get("Transform") else {
        return top.missing("Transform", &format!("`Transform: {TRANSFORM}` makes it a SAM template"));
    };
    let single = std::slice::from_ref(node);
    let items = node.list().unwrap_or(single);
    for item in items {
        match item.scalar() {
            Some(TRANSFORM) => {}
            Some(other) => {
                report.problem(&item.span, format!("the transform `{other}` is not supported yet"))
            }
            None => report.problem(&item.span, "a transform is a name"),
        }
    }
}

fn entries<'a>(top: &Fields<'a>, key: &'static str, report: &Report) -> &'a [(Key, Node)] {
    let Some(node) = top.get(key) else { return &[] };
    node.map().unwrap_or_else(|| {
        report.problem(&node.span, format!("`{key}` must be a map, and is {}", node.kind()));
        &[]
    })
}

struct Globals {
    function: Node,
    rest: Node,
    http: Node,
}

impl Globals {
    fn read(top: &Fields<'_>, report: &Report) -> Self {
        let empty = || Node::new(0..0, Data::Map(Vec::new()));
        let Some(fields) = top.fields("Globals") else {
            return Self { function: empty(), rest: empty(), http: empty() };
        };
        let section = |key: &'static str| {
            let node = fields.get(key).filter(|node| {
                let fits = node.map().is_some();
                if !fits {
                    report.problem(&node.span, format!("`{key}` must be a map, and is {}", node.kind()));
                }
                fits
            });
            node.cloned().unwrap_or_else(empty)
        };
        let globals = Self { function: section("Function"), rest: section("Api"), http: section("HttpApi") };
        fields.note("LayerVersion", "every change of a layer publishes a version");
        for other in ["SimpleTable", "StateMachine", "WebSocketApi", "CapacityProvider"] {
            fields.note(other, "no resource of this type is supported yet, so this is for none");
        }
        fields.finish();
        globals
    }

    fn of(&self, kind: Kind) -> Option<&Node> {
        match kind {
            Kind::Function => Some(&self.function),
            Kind::Api(ApiKind::Rest) => Some(&self.rest),
            Kind::Api(ApiKind::Http) => Some(&self.http),
            Kind::Layer(_)
            | Kind::Role
            | Kind::Policy
            | Kind::RolePolicy
            | Kind::ManagedPolicy
            | Kind::Declared(_)
            | Kind::QueuePolicy
            | Kind::TopicPolicy
            | Kind::Mapping
            | Kind::InvokeConfig
            | Kind::Ignored(_)
            | Kind::Unsupported(_) => None,
        }
    }
}

fn declared<'a>(
    entries: &'a [(Key, Node)],
    globals: &Globals,
    report: &'a Report,
) -> BTreeMap<&'a str, Resource<'a>> {
    let mut resources = BTreeMap::new();
    for (key, node) in entries {
        if !key.text.bytes().all(|b| b.is_ascii_alphanumeric()) || key.text.is_empty() {
            report.problem(&key.span, format!("{:?} cannot be a logical id: letters and digits", key.text));
            continue;
        }
        let Some(fields) = Fields::of(node, format!("resource `{}`", key.text), report) else { continue };
        let fields = fields.at(&key.span);
        let Some(name) = fields.text("Type") else {
            if !fields.has("Type") {
                fields.missing("Type", "such as `Type: AWS::Serverless::Function`");
            }
            continue;
        };
        let kind = resources::kind(&name);
        let span = fields.span_of("Type");
        match kind {
            Kind::Ignored(why) => report.note(&span, format!("`{}` ({name}) has no effect: {why}", key.text)),
            Kind::Unsupported(help) => report.problem_with_help(
                &span,
                format!("`{}`: the resource type {name} is not supported yet", key.text),
                help,
            ),
            Kind::Function
            | Kind::Api(_)
            | Kind::Layer(_)
            | Kind::Role
            | Kind::Policy
            | Kind::RolePolicy
            | Kind::ManagedPolicy
            | Kind::Declared(_)
            | Kind::QueuePolicy
            | Kind::TopicPolicy
            | Kind::Mapping
            | Kind::InvokeConfig => {}
        }
        let own = fields.get("Properties").cloned();
        let own = own.unwrap_or_else(|| Node::new(key.span.clone(), Data::Map(Vec::new())));
        let properties = match globals.of(kind) {
            Some(global) => globals::merge(&globals::kept(global, fields.get("IgnoreGlobals")), &own),
            None => own,
        };
        for (depend, span) in depends(&fields) {
            if !entries.iter().any(|(other, _)| other.text == depend) {
                report.problem(&span, format!("there is no resource `{depend}` to depend on"));
            }
        }
        for known in ["Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"] {
            fields.has(known);
        }
        fields
            .note("Connectors", "they grant nothing here: give the function a policy template in `Policies`");
        fields.unsupported("CreationPolicy", "");
        fields.unsupported("UpdatePolicy", "");
        let metadata = fields.get("Metadata");
        fields.finish();
        resources.insert(key.text.as_str(), Resource { key, kind, node, properties, metadata });
    }
    resources
}

/// What a resource says to depend on; everything is deployed at once here, so the names alone are checked.
fn depends(fields: &Fields<'_>) -> Vec<(String, Span)> {
    let Some(node) = fields.get("DependsOn") else { return Vec::new() };
    let single = std::slice::from_ref(node);
    let items = node.list().unwrap_or(single);
    items.iter().filter_map(|item| Some((item.scalar()?.to_owned(), item.span.clone()))).collect()
}

fn implicit(template: &Template<'_>) -> HashSet<ApiKind> {
    let functions = template.resources.values().filter(|it| it.kind == Kind::Function);
    functions
        .filter(|resource| template.exists(resource))
        .filter_map(|resource| resource.properties.get("Events")?.map())
        .flatten()
        .filter_map(|(_, event)| events::implicit(event))
        .collect()
}

type Built = (Vec<DeclaredFunction>, Vec<Api>, BTreeMap<String, Thing>);

fn build(template: &Template<'_>, globals: &Globals, root: &Path) -> Built {
    let report = template.report;
    let mut apis: Vec<(Api, Vec<Span>)> = Vec::new();
    for (name, kind, properties) in
        [(IMPLICIT_HTTP, ApiKind::Http, &globals.http), (IMPLICIT_REST, ApiKind::Rest, &globals.rest)]
    {
        if template.implicit.contains(&kind) {
            apis.push((api::read(template, name, kind, properties, &properties.span), Vec::new()));
        }
    }
    for (name, resource) in &template.resources {
        if let Kind::Api(kind) = resource.kind
            && template.exists(resource)
        {
            let api = api::read(template, name, kind, &resource.properties, &resource.key.span);
            apis.push((api, Vec::new()));
        }
    }
    let mut functions = Vec::new();
    let mut things = Declared::default();
    let roles = Roles::of(template);
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for (name, resource) in &template.resources {
        if resource.kind != Kind::Function || !template.exists(resource) {
            continue;
        }
        let declared = function::read(template, &roles, name, resource, root, &mut things);
        let alias = declared.as_ref().and_then(|function| function.function.publish_alias.clone());
        let mappings = match sonagi_model::FunctionName::new(name) {
            Ok(function) => {
                events::read(template, &function, alias.as_ref(), resource, &mut apis, &mut things)
            }
            Err(_) => Vec::new(),
        };
        let Some(mut declared) = declared else { continue };
        function::wake(&mut declared.function, mappings, template, &mut things);
        let lambda_name = declared.function.lambda_name.to_string();
        if let Some(line) = taken.insert(lambda_name.clone(), declared.line) {
            let span = resource.properties.get("FunctionName").map_or(&resource.key.span, |node| &node.span);
            report
                .problem(span, format!("the function name {lambda_name:?} is taken already, in line {line}"));
        }
        functions.push(declared);
    }
    if functions.len() > limits::FUNCTIONS_PER_APP {
        let message = format!("more than {} functions in one app", limits::FUNCTIONS_PER_APP);
        report.problem(&(0..0), message);
    }
    for (api, spans) in &apis {
        routes::check_api(api, spans, report);
    }
    declare(template, &mut functions, &mut things);
    (functions, apis.into_iter().map(|(api, _)| api).collect(), things.finish(report))
}

/// Everything beside functions and APIs; policies last, since they are for what is there.
fn declare(template: &Template<'_>, functions: &mut [DeclaredFunction], things: &mut Declared) {
    let there = || template.resources.iter().filter(|(_, resource)| template.exists(resource));
    for (name, resource) in there() {
        match resource.kind {
            Kind::Declared(ResourceKind::Queue) => queues::queue(template, name, resource, things),
            Kind::Declared(ResourceKind::Topic) => topics::topic(template, name, resource, things),
            Kind::Declared(ResourceKind::Subscription) => {
                topics::subscription(template, name, resource, things);
            }
            Kind::Declared(ResourceKind::Bus) => buses::bus(template, name, resource, things),
            Kind::Declared(ResourceKind::Rule) => buses::rule(template, name, resource, things),
            Kind::Declared(ResourceKind::Archive) => buses::archive(template, name, resource, things),
            Kind::Declared(ResourceKind::ScheduleGroup) => {
                buses::schedule_group(template, name, resource, things);
            }
            Kind::Declared(ResourceKind::Schedule) => buses::schedule(template, name, resource, things),
            Kind::Mapping => mappings::mapping(template, name, resource, (functions, things)),
            Kind::InvokeConfig => asynchronous::config(template, name, resource, functions),
            Kind::QueuePolicy
            | Kind::TopicPolicy
            | Kind::Function
            | Kind::Layer(_)
            | Kind::Api(_)
            | Kind::Role
            | Kind::Policy
            | Kind::RolePolicy
            | Kind::ManagedPolicy
            | Kind::Ignored(_)
            | Kind::Unsupported(_) => {}
        }
    }
    for (name, resource) in there() {
        if resource.kind == Kind::QueuePolicy {
            queues::policy(template, name, resource, things);
        } else if resource.kind == Kind::TopicPolicy {
            topics::policy(template, name, resource, things);
        }
    }
}

fn layers(template: &Template<'_>, root: &Path) -> Vec<DeclaredLayer> {
    let mut layers: Vec<DeclaredLayer> = Vec::new();
    for (id, resource) in &template.resources {
        let Kind::Layer(kind) = resource.kind else { continue };
        if !template.exists(resource) {
            continue;
        }
        let Some(layer) = layer_version::read(template, id, resource, kind, root) else { continue };
        if let Some(other) = layers.iter().find(|other| other.name == layer.name) {
            let message = format!("the layer name {} is taken already, in line {}", layer.name, other.line);
            template.report.problem(&resource.key.span, message);
        }
        layers.push(layer);
    }
    layers
}

fn outputs(template: &Template<'_>, entries: &[(Key, Node)]) -> BTreeMap<String, Output> {
    let report = template.report;
    let mut outputs = BTreeMap::new();
    for (key, node) in entries {
        let Some(fields) = Fields::of(node, format!("output `{}`", key.text), report) else { continue };
        let fields = fields.at(&key.span);
        let wanted = fields
            .text("Condition")
            .map(|name| template.condition(&name, &fields.span_of("Condition")).unwrap_or_default());
        fields.note("Export", "other templates cannot import it");
        let description = fields.text("Description").unwrap_or_default();
        let value = fields.get("Value");
        if !fields.has("Value") {
            fields.missing("Value", "such as `Value: !GetAtt MyFunction.Arn`");
        }
        fields.finish();
        if wanted == Some(false) {
            continue;
        }
        let Some(value) = value.and_then(|node| template.outside(|| template.evaluate(node))) else {
            continue;
        };
        match value.scalar() {
            Some(text) => {
                let output = Output { value: text.to_owned(), description };
                outputs.insert(key.text.clone(), output);
            }
            None => {
                template.wrong(&value, &format!("the value of output `{}` must be text", key.text));
            }
        }
    }
    outputs
}

/// CloudFormation refuses resources that need each other to exist first, and so is it here: a template that works
/// here works there.
fn circles(template: &Template<'_>) {
    let edges = template.memory.edges.borrow();
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in edges.iter() {
        next.entry(from).or_default().push(to);
    }
    // Depth-first with a stack of our own; `path` is the way to where we are.
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for &start in next.keys() {
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        let mut on_path: HashSet<&str> = HashSet::from([start]);
        while let Some((at, index)) = path.last_mut() {
            let here = *at;
            let follow = next.get(here).and_then(|nexts| nexts.get(*index)).copied();
            *index += 1;
            match follow {
                None => {
                    done.insert(here);
                    on_path.remove(here);
                    path.pop();
                }
                Some(to) if on_path.contains(to) => {
                    let from = path.iter().position(|(name, _)| *name == to).unwrap_or_default();
                    let names: Vec<_> = path[from..].iter().map(|(name, _)| *name).collect();
                    let resource = names.iter().find_map(|name| template.resources.get(name));
                    let span = resource.map_or(0..0, |resource| resource.key.span.clone());
                    let message = format!("circular dependency: {} → {to}", names.join(" → "));
                    let help = "CloudFormation refuses this as well: take one of the references out";
                    template.report.problem_with_help(&span, message, help);
                }
                Some(to) if !done.contains(to) => {
                    on_path.insert(to);
                    path.push((to, 0));
                }
                Some(_) => {}
            }
        }
    }
}
