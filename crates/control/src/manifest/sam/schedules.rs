//! `AWS::Scheduler::Schedule`, by itself and as an event of a function.

use serde_json::Value;
use sonagi_expressions::schedule;
use sonagi_model::{limits, resource::Resource as Thing};

use super::{
    super::{
        problem::Report,
        resources::{Declared, Field, Shape, is_time, needed, said},
        tree::Span,
    },
    buses::{DEAD_LETTERS, GROUP, RETRY},
};

const ELSEWHERE: &str = "its targets are services that are not here";
const WINDOW: &[Field] = &[
    needed("Mode", Shape::Word(&["OFF", "FLEXIBLE"]), "such as `Mode: \"OFF\"`"),
    said("MaximumWindowInMinutes", Shape::Whole(1, limits::SCHEDULE_WINDOW_MAX, " minutes")),
];
/// What a schedule and an event of type `ScheduleV2` both have.
pub(super) const COMMON: &[Field] = &[
    said("Description", Shape::Text),
    said("EndDate", Shape::Text),
    said("GroupName", Shape::Text),
    said("KmsKeyArn", Shape::Idle("schedules are not encrypted with a key of your own")),
    needed(
        "ScheduleExpression",
        Shape::Schedule(schedule::Dialect::Scheduler),
        "such as `ScheduleExpression: rate(5 minutes)`",
    ),
    said("ScheduleExpressionTimezone", Shape::Zone),
    said("StartDate", Shape::Text),
    said("State", Shape::Word(&["ENABLED", "DISABLED"])),
];
/// `FlexibleTimeWindow` of an event, which need not say it.
pub(super) const FLEXIBLE: &[Field] = &[said("FlexibleTimeWindow", Shape::Map(WINDOW))];
const EVENT: &[Field] = &[
    needed("DetailType", Shape::Text, "the kind of event that is put on the bus"),
    needed("Source", Shape::Text, "the source of the event that is put on the bus"),
];
const TARGET: &[Field] = &[
    needed("Arn", Shape::Text, "such as `!GetAtt Count.Arn`"),
    needed("RoleArn", Shape::Text, "such as `!GetAtt SchedulerRole.Arn`"),
    said("DeadLetterConfig", Shape::Map(DEAD_LETTERS)),
    said("EventBridgeParameters", Shape::Map(EVENT)),
    said("Input", Shape::Text),
    said("RetryPolicy", Shape::Map(RETRY)),
    said("SqsParameters", Shape::Map(GROUP)),
    said("EcsParameters", Shape::Unsupported(ELSEWHERE)),
    said("KinesisParameters", Shape::Unsupported(ELSEWHERE)),
    said("SageMakerPipelineParameters", Shape::Unsupported(ELSEWHERE)),
];
pub(super) const SCHEDULE: &[Field] = &[
    COMMON[0],
    COMMON[1],
    COMMON[2],
    COMMON[3],
    COMMON[4],
    COMMON[5],
    COMMON[6],
    COMMON[7],
    needed("FlexibleTimeWindow", Shape::Map(WINDOW), "such as `FlexibleTimeWindow: {Mode: \"OFF\"}`"),
    needed("Target", Shape::Map(TARGET), "with its `Arn` and `RoleArn`"),
];

/// A schedule that the scheduler would take.
pub(super) fn add(name: &str, thing: Thing, span: &Span, declared: &mut Declared, report: &Report) {
    let window = thing.properties.get("FlexibleTimeWindow");
    let flexible = window.and_then(|window| window.get("Mode")).and_then(Value::as_str) == Some("FLEXIBLE");
    let minutes = window.and_then(|window| window.get("MaximumWindowInMinutes")).is_some();
    if flexible != minutes {
        let message =
            "`MaximumWindowInMinutes` of `FlexibleTimeWindow` goes with the mode FLEXIBLE, and no other";
        report.problem(span, message);
    }
    for key in ["StartDate", "EndDate"] {
        if let Some(date) = thing.properties.get(key).and_then(Value::as_str).filter(|date| !is_time(date)) {
            let message = format!("`{key}` is {date:?}, which is no time");
            report.problem_with_help(span, message, "write it as 2030-01-31T08:00:00Z");
        }
    }
    declared.add(name, thing, span, report);
}
