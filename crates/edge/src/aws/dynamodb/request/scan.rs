use sonagi_items::{
    expression::Which,
    legacy::{ConditionalOperator, Parameter},
};

use super::{
    Fault,
    checks::Checks,
    choice::Capacity,
    expressions::{Given, check_mixing},
    kind::{Entries, read, structure},
    legacy::{self, ConditionInput},
    page::{Page, check_select},
    scalar::Integer,
    value::Attributes,
};

/// API Reference, `Scan`
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) part: Option<Part>,
    pub(crate) page: Page,
}

/// Which part of a scan in parallel it is: less than how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) segment: u32,
    pub(crate) of: u32,
}

structure! {
    Input, "ScanInput" {
        table: String = "TableName",
        index: String = "IndexName",
        attributes: Vec<String> = "AttributesToGet",
        limit: Integer = "Limit",
        select: String = "Select",
        scan_filter: Entries<ConditionInput> = "ScanFilter",
        operator: String = "ConditionalOperator",
        start: Attributes = "ExclusiveStartKey",
        capacity: String = "ReturnConsumedCapacity",
        total: Integer = "TotalSegments",
        segment: Integer = "Segment",
        projection: String = "ProjectionExpression",
        filter: String = "FilterExpression",
        names: Entries<String> = "ExpressionAttributeNames",
        values: Attributes = "ExpressionAttributeValues",
        consistent: bool = "ConsistentRead",
    }
}

/// Segments of one scan (API Reference, `Scan`).
const SEGMENTS: i64 = 1_000_000;

impl Scan {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: Input = read(body)?;
        let table = Checks::table(input.table)?;
        let mut checks = Checks::default();
        let select = checks.choice("select", input.select.as_ref());
        checks.name("indexName", input.index.as_ref());
        let total = checks.integer("totalSegments", input.total, 1..=SEGMENTS);
        let capacity = checks.choice("returnConsumedCapacity", input.capacity.as_ref());
        let operator: Option<ConditionalOperator> =
            checks.choice("conditionalOperator", input.operator.as_ref());
        legacy::check_conditions(&mut checks, "scanFilter", input.scan_filter.as_ref());
        let segment = checks.integer("segment", input.segment, 0..=SEGMENTS - 1);
        let limit = checks.integer("limit", input.limit, 1..=i64::MAX);
        legacy::check_names(&mut checks, input.attributes.as_ref());
        checks.done()?;
        let expressions = [
            (Parameter::ProjectionExpression, input.projection.is_some()),
            (Parameter::FilterExpression, input.filter.is_some()),
        ];
        let others = [
            (Parameter::AttributesToGet, input.attributes.is_some()),
            (Parameter::ScanFilter, input.scan_filter.is_some()),
            (Parameter::ConditionalOperator, input.operator.is_some()),
        ];
        check_mixing(&expressions, &others)?;
        let given = Given { names: input.names, values: input.values };
        given.check_use(&expressions)?;
        let wants_attributes = input.attributes.is_some();
        let attributes = legacy::projection(input.attributes)?;
        let scan_filter = legacy::filter(input.scan_filter, operator)?;
        let start = input.start.map(Attributes::start_key).transpose()?;
        let part = part(segment, total)?;
        let expressions = given.expressions()?;
        let filter = expressions.condition(input.filter.as_ref(), Which::Filter)?.or(scan_filter);
        let wants_projection = input.projection.is_some();
        let projection = expressions.projection(input.projection.as_ref())?.or(attributes);
        expressions.done()?;
        check_select(select, input.index.as_ref(), wants_attributes, wants_projection)
            .map_err(Fault::validation)?;
        let page = Page {
            table,
            index: input.index,
            filter,
            projection,
            select,
            limit: limit.and_then(|limit| usize::try_from(limit).ok()),
            start,
            is_consistent: input.consistent.unwrap_or(false),
            capacity: capacity.unwrap_or(Capacity::None),
        };
        Ok(Self { part, page })
    }
}

fn part(segment: Option<i64>, total: Option<i64>) -> Result<Option<Part>, Fault> {
    match (segment, total) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Fault::validation(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
        )),
        (None, Some(_)) => Err(Fault::validation(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
        )),
        (Some(segment), Some(of)) if segment >= of => Err(Fault::validation(format_args!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {segment} is not \
             less than TotalSegments: {of}"
        ))),
        // Both are within their limits.
        (Some(segment), Some(of)) => Ok(Some(Part { segment: segment as u32, of: of as u32 })),
    }
}
