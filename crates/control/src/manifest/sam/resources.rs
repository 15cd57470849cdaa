//! What is done with each type of resource.

use sonagi_model::{api::ApiKind, resource::ResourceKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Function,
    Api(ApiKind),
    Layer(LayerType),
    /// A role, which functions may have.
    Role,
    /// An inline policy that names its roles.
    Policy,
    /// An inline policy that names its one role.
    RolePolicy,
    ManagedPolicy,
    /// A queue, a topic, a rule, a schedule and the like.
    Declared(ResourceKind),
    QueuePolicy,
    TopicPolicy,
    /// An event source mapping.
    Mapping,
    /// How asynchronous invocations of a function go on.
    InvokeConfig,
    /// Accepted without an effect on what the app does; the text says why.
    Ignored(&'static str),
    /// The text says what could be done instead.
    Unsupported(&'static str),
}

/// Which of the two types of resource declares a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LayerType {
    Serverless,
    Lambda,
}

const WATCHING: &str = "it watches the app from outside, and changes nothing that the app does";

pub(super) fn kind(name: &str) -> Kind {
    match name {
        "AWS::Serverless::Function" => Kind::Function,
        "AWS::Serverless::HttpApi" => Kind::Api(ApiKind::Http),
        "AWS::Serverless::Api" => Kind::Api(ApiKind::Rest),
        "AWS::Serverless::LayerVersion" => Kind::Layer(LayerType::Serverless),
        "AWS::Lambda::LayerVersion" => Kind::Layer(LayerType::Lambda),
        "AWS::IAM::Role" => Kind::Role,
        "AWS::IAM::Policy" => Kind::Policy,
        "AWS::IAM::RolePolicy" => Kind::RolePolicy,
        "AWS::IAM::ManagedPolicy" => Kind::ManagedPolicy,
        "AWS::SQS::Queue" => Kind::Declared(ResourceKind::Queue),
        "AWS::SNS::Topic" => Kind::Declared(ResourceKind::Topic),
        "AWS::SNS::Subscription" => Kind::Declared(ResourceKind::Subscription),
        "AWS::Events::EventBus" => Kind::Declared(ResourceKind::Bus),
        "AWS::Events::Rule" => Kind::Declared(ResourceKind::Rule),
        "AWS::Events::Archive" => Kind::Declared(ResourceKind::Archive),
        "AWS::Scheduler::ScheduleGroup" => Kind::Declared(ResourceKind::ScheduleGroup),
        "AWS::Scheduler::Schedule" => Kind::Declared(ResourceKind::Schedule),
        "AWS::SQS::QueuePolicy" => Kind::QueuePolicy,
        "AWS::SNS::TopicPolicy" => Kind::TopicPolicy,
        "AWS::Lambda::EventSourceMapping" => Kind::Mapping,
        "AWS::Lambda::EventInvokeConfig" => Kind::InvokeConfig,
        "AWS::Serverless::Connector" => {
            Kind::Ignored("connectors grant nothing here: give the function a policy template in `Policies`")
        }
        "AWS::Lambda::LayerVersionPermission" => {
            Kind::Ignored("there is one account here, and it may use its own layers")
        }
        "AWS::Lambda::Permission" => {
            Kind::Ignored("the gateway and function URLs may always call the functions of their app")
        }
        "AWS::ResourceGroups::Group"
        | "AWS::ApplicationInsights::Application"
        | "AWS::CloudWatch::Alarm"
        | "AWS::CloudWatch::CompositeAlarm"
        | "AWS::CloudWatch::Dashboard"
        | "AWS::Logs::MetricFilter"
        | "AWS::Logs::QueryDefinition"
        | "AWS::XRay::Group"
        | "AWS::XRay::SamplingRule" => Kind::Ignored(WATCHING),
        "AWS::Logs::LogGroup" => {
            Kind::Ignored("each function's log is kept until it is full, whatever retention is asked")
        }
        "AWS::Lambda::Function" => Kind::Unsupported("declare it as an AWS::Serverless::Function"),
        "AWS::ApiGatewayV2::Api" => Kind::Unsupported("declare it as an AWS::Serverless::HttpApi"),
        "AWS::ApiGateway::RestApi" => Kind::Unsupported("declare it as an AWS::Serverless::Api"),
        "AWS::Lambda::Url" => Kind::Unsupported("use `FunctionUrlConfig` of the function"),
        "AWS::Lambda::Alias" | "AWS::Lambda::Version" => {
            Kind::Unsupported("use `AutoPublishAlias` of the function")
        }
        _ => Kind::Unsupported("docs/manifest.md lists the types that are supported"),
    }
}
