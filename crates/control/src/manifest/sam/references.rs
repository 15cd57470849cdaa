//! What `Ref` and `Fn::GetAtt` name: parameters, pseudo parameters, resources, and the resources that SAM generates
//! ("Generated AWS CloudFormation resources" in the SAM developer guide).

use sonagi_model::{Digest, api::ApiKind};

use super::{
    super::{
        layers, names,
        problem::did_you_mean,
        tree::{Node, Span},
    },
    resources::Kind,
    template::{IMPLICIT_HTTP, IMPLICIT_REST, State, Template},
};

/// `AWS::URLSuffix`.
const SUFFIX: &str = "amazonaws.com";

impl Template<'_> {
    pub(super) fn reference(&self, name: &str, span: &Span) -> Node {
        let text = |text: String| Node::text(span, text);
        let context = self.context;
        match name {
            "AWS::Region" => return text(context.region.to_string()),
            "AWS::AccountId" => return text(context.account.to_string()),
            "AWS::Partition" => return text("aws".into()),
            "AWS::URLSuffix" => return text(SUFFIX.into()),
            "AWS::StackName" => return text(self.app.to_string()),
            "AWS::StackId" => return text(self.stack_id()),
            _ => {}
        }
        if name.starts_with("AWS::") {
            self.report.problem(span, format!("the pseudo parameter `{name}` is not supported"));
            return Node::broken(span);
        }
        if let Some(value) = self.parameters.get(name) {
            return Node::new(span.clone(), value.data.clone());
        }
        if let Some((resource, attribute @ ("Alias" | "Version" | "Stage" | "Deployment"))) =
            name.split_once('.')
        {
            return self.attribute(resource, attribute, span);
        }
        if let Some(resource) = self.resources.get(name) {
            if !self.exists(resource) {
                return self.absent(name, span);
            }
            return match &resource.kind {
                Kind::Function => {
                    self.depends(name);
                    self.lambda_name(name, span).map_or_else(|| Node::broken(span), text)
                }
                Kind::Api(_) => {
                    self.depends(name);
                    text(names::api_id(&self.app, name).to_string())
                }
                Kind::Layer(_) => self.layer_arn(name, span),
                Kind::Role => text(self.physical_name(name, "RoleName")),
                Kind::Policy | Kind::RolePolicy => text(self.physical_name(name, "PolicyName")),
                Kind::ManagedPolicy => text(self.policy_arn(name)),
                Kind::Declared(kind) => self.declared_reference(name, *kind, span),
                Kind::QueuePolicy | Kind::TopicPolicy | Kind::InvokeConfig => text(self.id_of(name)),
                Kind::Mapping => text(names::mapping_id(&self.app, name)),
                Kind::Ignored(_) => self.valueless(name, span),
                // The resource itself is reported.
                Kind::Unsupported(_) => Node::broken(span),
            };
        }
        if self.implicit_api(name).is_some() {
            self.depends(name);
            return text(names::api_id(&self.app, name).to_string());
        }
        if let Some(value) = self.generated(name, span) {
            return value;
        }
        self.unknown(name, span)
    }

    /// `Fn::GetAtt`: `Name.Attribute`, or a list of the two.
    pub(super) fn get_att(&self, argument: &Node) -> Node {
        let wants = "`Fn::GetAtt` wants `Resource.Attribute`";
        if let Some([resource, attribute]) = argument.list() {
            let attribute = match self.text(attribute, wants) {
                Ok(text) => text,
                Err(broken) => return broken,
            };
            let Some(resource) = resource.scalar() else { return self.wrong(resource, wants) };
            return self.attribute(resource, &attribute, &argument.span);
        }
        match argument.scalar().and_then(|text| text.split_once('.')) {
            Some((resource, attribute)) => self.attribute(resource, attribute, &argument.span),
            None => self.wrong(argument, wants),
        }
    }

    pub(super) fn attribute(&self, name: &str, attribute: &str, span: &Span) -> Node {
        let text = |text: String| Node::text(span, text);
        if let Some(resource) = self.resources.get(name) {
            if !self.exists(resource) {
                return self.absent(name, span);
            }
            return match &resource.kind {
                Kind::Function => self.function_attribute(name, attribute, span),
                Kind::Api(kind) => self.api_attribute(name, *kind, attribute, span),
                Kind::Layer(_) if attribute == "LayerVersionArn" => self.layer_arn(name, span),
                Kind::Layer(_) => self.no_attribute(name, attribute, &["LayerVersionArn"], span),
                Kind::Role => match attribute {
                    "Arn" => text(self.role_arn(&self.physical_name(name, "RoleName"))),
                    "RoleId" => text(role_id(&self.physical_name(name, "RoleName"))),
                    _ => self.no_attribute(name, attribute, &["Arn", "RoleId"], span),
                },
                Kind::ManagedPolicy if attribute == "PolicyArn" => text(self.policy_arn(name)),
                Kind::ManagedPolicy => self.no_attribute(name, attribute, &["PolicyArn"], span),
                Kind::Declared(kind) => self.declared_attribute(name, *kind, attribute, span),
                Kind::Mapping => self.mapping_attribute(name, attribute, span),
                Kind::QueuePolicy | Kind::TopicPolicy if attribute == "Id" => text(self.id_of(name)),
                Kind::Policy
                | Kind::RolePolicy
                | Kind::QueuePolicy
                | Kind::TopicPolicy
                | Kind::InvokeConfig => self.no_attribute(name, attribute, &["none"], span),
                Kind::Ignored(_) => self.valueless(name, span),
                Kind::Unsupported(_) => Node::broken(span),
            };
        }
        if let Some(kind) = self.implicit_api(name) {
            return self.api_attribute(name, kind, attribute, span);
        }
        if let Some(function) = self.function_of(name, "Role") {
            // The role is made before the function, so this is no circle.
            let name = format!("{}-{function}Role", self.app);
            return match attribute {
                "Arn" => text(self.role_arn(&name)),
                "RoleId" => text(role_id(&name)),
                _ => self.no_attribute(&name, attribute, &["Arn", "RoleId"], span),
            };
        }
        if let Some(function) = self.function_of(name, "Url").filter(|function| self.has_url(function)) {
            self.depends(function);
            return match attribute {
                "FunctionUrl" => {
                    let id = names::url_id(&self.app, function);
                    text(format!("{}/", self.address(&id.to_string(), "lambda-url")))
                }
                "FunctionArn" => self.lambda_arn(function, span).map_or_else(|| Node::broken(span), text),
                _ => self.no_attribute(name, attribute, &["FunctionUrl", "FunctionArn"], span),
            };
        }
        self.unknown(name, span)
    }

    /// Of the version that the release brings: its number is known once it is deployed.
    fn layer_arn(&self, name: &str, span: &Span) -> Node {
        self.depends(name);
        match self.layer_name(name, span) {
            Some(name) => Node::text(span, layers::own_arn(self.context, &name)),
            None => Node::broken(span),
        }
    }

    fn function_attribute(&self, name: &str, attribute: &str, span: &Span) -> Node {
        self.depends(name);
        match attribute {
            "Arn" => {
                self.lambda_arn(name, span).map_or_else(|| Node::broken(span), |arn| Node::text(span, arn))
            }
            "Alias" => match (self.alias(name), self.lambda_arn(name, span)) {
                (Some(alias), Some(arn)) => Node::text(span, format!("{arn}:{alias}")),
                (None, _) => {
                    let message =
                        format!("`{name}` has no `AutoPublishAlias`, so there is no `{name}.Alias`");
                    self.report.problem(span, message);
                    Node::broken(span)
                }
                (_, None) => Node::broken(span),
            },
            "Version" => {
                let message = format!(
                    "`{name}.Version` is not supported: a version's number is known only once it is published"
                );
                self.report.problem_with_help(span, message, format!("use `{name}.Alias`"));
                Node::broken(span)
            }
            _ => self.no_attribute(name, attribute, &["Arn", "Alias"], span),
        }
    }

    fn api_attribute(&self, name: &str, kind: ApiKind, attribute: &str, span: &Span) -> Node {
        self.depends(name);
        let id = names::api_id(&self.app, name).to_string();
        match (kind, attribute) {
            (ApiKind::Http, "ApiEndpoint") => Node::text(span, self.address(&id, "execute-api")),
            (ApiKind::Http, "ApiId") | (ApiKind::Rest, "RestApiId") => Node::text(span, id),
            (_, "Stage") => self.stage(name, span),
            (ApiKind::Http, _) => self.no_attribute(name, attribute, &["ApiEndpoint", "ApiId"], span),
            (ApiKind::Rest, _) => self.no_attribute(name, attribute, &["RestApiId"], span),
        }
    }

    /// The name of an API's stage.
    fn stage(&self, api: &str, span: &Span) -> Node {
        let (said, usual) = match self.resources.get(api) {
            Some(resource) => {
                let http = resource.kind == Kind::Api(ApiKind::Http);
                (resource.properties.get("StageName"), if http { "$default" } else { "Prod" })
            }
            None if api == IMPLICIT_HTTP => (None, "$default"),
            None => (None, "Prod"),
        };
        match said.and_then(|node| self.evaluate(node)) {
            Some(value) => Node::new(span.clone(), value.data),
            None => Node::text(span, usual),
        }
    }

    /// `Ref` of a resource that SAM generates.
    fn generated(&self, name: &str, span: &Span) -> Option<Node> {
        let text = |text: String| Node::text(span, text);
        if let Some(function) = self.function_of(name, "Role") {
            return Some(text(format!("{}-{function}Role", self.app)));
        }
        if let Some(function) = self.function_of(name, "Url").filter(|function| self.has_url(function)) {
            self.depends(function);
            return Some(self.lambda_arn(function, span).map_or_else(|| Node::broken(span), text));
        }
        match name {
            "ServerlessRestApiProdStage" if self.implicit_api(IMPLICIT_REST).is_some() => {
                return Some(text("Prod".into()));
            }
            "ServerlessHttpApiApiGatewayDefaultStage" if self.implicit_api(IMPLICIT_HTTP).is_some() => {
                return Some(text("$default".into()));
            }
            _ => {}
        }
        let (function, alias) = self.resources.iter().find_map(|(function, resource)| {
            let rest = name.strip_prefix(function)?.strip_prefix("Alias")?;
            let alias = self.alias(function).filter(|_| resource.kind == Kind::Function)?;
            (alias == rest).then_some((*function, alias))
        })?;
        self.depends(function);
        Some(match self.lambda_arn(function, span) {
            Some(arn) => text(format!("{arn}:{alias}")),
            None => Node::broken(span),
        })
    }

    /// The function that `name` is made of, with `end` after it.
    fn function_of<'n>(&self, name: &'n str, end: &str) -> Option<&'n str> {
        let function = name.strip_suffix(end)?;
        let resource = self.active(function)?;
        let has_role = end == "Role" && resource.properties.get("Role").is_some();
        (resource.kind == Kind::Function && !has_role).then_some(function)
    }

    fn has_url(&self, function: &str) -> bool {
        self.resources.get(function).is_some_and(|it| it.properties.get("FunctionUrlConfig").is_some())
    }

    /// The alias that a function publishes itself under.
    pub(super) fn alias(&self, function: &str) -> Option<String> {
        let node = self.resources.get(function)?.properties.get("AutoPublishAlias")?;
        let value = self.report.quietly(|| self.outside(|| self.evaluate(node)))?;
        value.scalar().map(str::to_owned)
    }

    /// A function's name for Lambda; reported and `None` when it depends on itself.
    pub(super) fn lambda_name(&self, function: &str, span: &Span) -> Option<String> {
        let usual = || names::lambda_name(&self.app, function).map(|name| name.to_string());
        if self.resources.get(function)?.properties.get("FunctionName").is_none() {
            return usual();
        }
        self.named(function, "FunctionName", span, usual)
    }

    /// What the property `key` says that a resource is called, or else `usual`.
    pub(super) fn named(
        &self,
        resource: &str,
        key: &str,
        span: &Span,
        usual: impl Fn() -> Option<String>,
    ) -> Option<String> {
        match self.memory.names.borrow().get(resource) {
            Some(State::Known(name)) => return Some(name.clone()),
            Some(State::Broken) => return None,
            Some(State::Running) => {
                self.report.problem(span, format!("the name of `{resource}` refers to itself, in a circle"));
                return None;
            }
            None => {}
        }
        if !self.deeper(span) {
            return None;
        }
        self.memory.names.borrow_mut().insert(resource.to_owned(), State::Running);
        let node = self.resources.get(resource).and_then(|it| it.properties.get(key));
        let name = match node.and_then(|node| self.outside(|| self.evaluate(node))) {
            Some(value) => value.scalar().map(str::to_owned),
            None => usual(),
        };
        self.memory.depth.set(self.memory.depth.get() - 1);
        let state = name.clone().map_or(State::Broken, State::Known);
        self.memory.names.borrow_mut().insert(resource.to_owned(), state);
        name
    }

    pub(super) fn lambda_arn(&self, function: &str, span: &Span) -> Option<String> {
        let (region, account) = (&self.context.region, &self.context.account);
        let name = self.lambda_name(function, span)?;
        Some(format!("arn:aws:lambda:{region}:{account}:function:{name}"))
    }

    pub(super) fn role_arn(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:role/{name}", self.context.account)
    }

    fn policy_arn(&self, resource: &str) -> String {
        let name = self.physical_name(resource, "ManagedPolicyName");
        format!("arn:aws:iam::{}:policy/{name}", self.context.account)
    }

    /// What a resource is called outside the template: what its property `key` says, or a name made of its own.
    pub(super) fn physical_name(&self, resource: &str, key: &str) -> String {
        let node = self.resources.get(resource).and_then(|it| it.properties.get(key));
        let said = node.and_then(|node| self.outside(|| self.evaluate(node)));
        let said = said.as_ref().and_then(|value| value.scalar());
        said.map_or_else(|| format!("{}-{resource}", self.app), str::to_owned)
    }

    fn stack_id(&self) -> String {
        let (region, account, app) = (&self.context.region, &self.context.account, &self.app);
        let hex = Digest::of(format!("stack\n{account}\n{region}\n{app}").as_bytes()).to_string();
        let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]].join("-");
        format!("arn:aws:cloudformation:{region}:{account}:stack/{app}/{uuid}")
    }

    /// AWS addresses of the template's own APIs become those of this machine's gateway.
    pub(super) fn localize(&self, text: String) -> String {
        let ids = self.memory.apis.get_or_init(|| {
            let apis = self.resources.iter().filter(|(_, resource)| matches!(resource.kind, Kind::Api(_)));
            let names = apis.map(|(name, _)| *name).chain([IMPLICIT_REST, IMPLICIT_HTTP]);
            names.map(|name| names::api_id(&self.app, name).to_string()).collect()
        });
        let host = format!(".execute-api.{}.{SUFFIX}", self.context.region);
        let mut result = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(&host) {
            let (before, after) = (&rest[..at], &rest[at + host.len()..]);
            match before.rsplit_once("https://") {
                Some((kept, id)) if ids.contains(id) => {
                    result.push_str(kept);
                    result.push_str(&self.address(id, "execute-api"));
                }
                _ => {
                    result.push_str(before);
                    result.push_str(&host);
                }
            }
            rest = after;
        }
        result.push_str(rest);
        result
    }

    /// Where this machine's gateway answers for an API or a function URL: AWS's host names, below the gateway's.
    fn address(&self, id: &str, kind: &str) -> String {
        let kind = format!("{kind}.{}", self.context.region);
        names::address(&self.context.gateway, id, &kind)
    }

    fn absent(&self, name: &str, span: &Span) -> Node {
        let message = format!("`{name}` does not exist, since its condition does not hold");
        self.report.problem_with_help(span, message, "guard this with `Fn::If` and the same condition");
        Node::broken(span)
    }

    fn valueless(&self, name: &str, span: &Span) -> Node {
        if self.memory.granting.get() {
            let (region, account, app) = (&self.context.region, &self.context.account, &self.app);
            return Node::text(span, format!("arn:aws:none:{region}:{account}:{app}-{name}"));
        }
        let message = format!("`{name}` has no effect here, so it has no value that could be used");
        self.report.problem(span, message);
        Node::broken(span)
    }

    pub(super) fn no_attribute(&self, name: &str, attribute: &str, known: &[&str], span: &Span) -> Node {
        let message = format!("`{name}` has no attribute `{attribute}` that is supported here");
        self.report.problem_with_help(span, message, format!("it has {}", known.join(", ")));
        Node::broken(span)
    }

    fn unknown(&self, name: &str, span: &Span) -> Node {
        let unsupported = |(known, it): (&&str, &super::template::Resource<'_>)| {
            matches!(it.kind, Kind::Unsupported(_)) && name.starts_with(*known)
        };
        if self.resources.iter().any(unsupported) {
            // Something that SAM generates of a resource that is reported already.
            return Node::broken(span);
        }
        let message = format!("there is no parameter or resource `{name}`");
        let known = self.resources.keys().copied().chain(self.parameters.keys().map(String::as_str));
        match did_you_mean(name, known) {
            Some(word) => self.report.problem_with_help(span, message, format!("did you mean `{word}`?")),
            None => self.report.problem(span, message),
        }
        Node::broken(span)
    }
}

fn role_id(name: &str) -> String {
    let hex = Digest::of(name.as_bytes()).to_string().to_ascii_uppercase();
    format!("AROA{}", &hex[..17])
}
