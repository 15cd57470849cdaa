//! PartiQL: what statements say is not looked at here (Developer Guide, "PartiQL - a SQL-compatible query language for Amazon
//! DynamoDB").

use sonagi_items::Value;

use super::{
    Fault,
    checks::Checks,
    choice::{Capacity, OnFailure},
    kind::{read, structure},
    scalar::Integer,
    transact_get::ACTIONS,
    value::Values,
};

/// A statement and what stands for its question marks.
#[derive(Debug)]
pub(crate) struct Statement {
    /// 1 to 8,192 characters.
    pub(crate) text: String,
    pub(crate) parameters: Vec<Value>,
    pub(crate) is_consistent: bool,
    pub(crate) on_failure: OnFailure,
}

/// API Reference, `ExecuteStatement`
#[derive(Debug)]
pub(crate) struct ExecuteStatement {
    pub(crate) statement: Statement,
    pub(crate) token: Option<String>,
    /// At least 1.
    pub(crate) limit: Option<usize>,
    pub(crate) capacity: Capacity,
}

/// API Reference, `BatchExecuteStatement`
#[derive(Debug)]
pub(crate) struct BatchExecuteStatement {
    /// 1 to 25.
    pub(crate) statements: Vec<Statement>,
    pub(crate) capacity: Capacity,
}

/// API Reference, `ExecuteTransaction`
#[derive(Debug)]
pub(crate) struct ExecuteTransaction {
    /// 1 to 100.
    pub(crate) statements: Vec<Statement>,
    /// `ClientRequestToken`
    pub(crate) token: Option<String>,
    pub(crate) capacity: Capacity,
}

structure! {
    ExecuteInput, "ExecuteStatementInput" {
        statement: String = "Statement",
        parameters: Values = "Parameters",
        consistent: bool = "ConsistentRead",
        token: String = "NextToken",
        capacity: String = "ReturnConsumedCapacity",
        limit: Integer = "Limit",
        on_failure: String = "ReturnValuesOnConditionCheckFailure",
    }
}

structure! {
    StatementInput, "BatchStatementRequest" {
        statement: String = "Statement",
        parameters: Values = "Parameters",
        consistent: bool = "ConsistentRead",
        on_failure: String = "ReturnValuesOnConditionCheckFailure",
    }
}

structure! {
    BatchInput, "BatchExecuteStatementInput" {
        statements: Vec<StatementInput> = "Statements",
        capacity: String = "ReturnConsumedCapacity",
    }
}

structure! {
    TransactionInput, "ExecuteTransactionInput" {
        statements: Vec<StatementInput> = "TransactStatements",
        token: String = "ClientRequestToken",
        capacity: String = "ReturnConsumedCapacity",
    }
}

/// Statements of a batch (API Reference, `BatchExecuteStatement`).
const BATCH: usize = 25;

/// `at` is where it stands, with a point behind it.
fn check(checks: &mut Checks, at: &str, input: &StatementInput) -> Option<OnFailure> {
    let statement = format!("{at}statement");
    checks.required(&statement, &input.statement);
    checks.length(&statement, input.statement.as_ref(), 1..=8_192);
    if let Some(parameters) = &input.parameters {
        let count = parameters.len();
        checks.count(&format!("{at}parameters"), count, 1..=usize::MAX, "AttributeValue");
    }
    checks.choice(&format!("{at}returnValuesOnConditionCheckFailure"), input.on_failure.as_ref())
}

/// After [`check`].
fn statement(input: StatementInput, on_failure: Option<OnFailure>) -> Result<Statement, Fault> {
    Ok(Statement {
        text: input.statement.unwrap_or_default(),
        parameters: input.parameters.map(Values::values).transpose()?.unwrap_or_default(),
        is_consistent: input.consistent.unwrap_or(false),
        on_failure: on_failure.unwrap_or(OnFailure::None),
    })
}

fn statements(
    mut checks: Checks,
    at: &str,
    inputs: Option<Vec<StatementInput>>,
    most: usize,
    class: &str,
) -> Result<Vec<Statement>, Fault> {
    checks.required(at, &inputs);
    if let Some(inputs) = &inputs {
        checks.count(at, inputs.len(), 1..=most, class);
    }
    let inputs = inputs.unwrap_or_default();
    let mut checked = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.into_iter().enumerate() {
        let on_failure = check(&mut checks, &format!("{at}.{}.member.", index + 1), &input);
        checked.push((input, on_failure));
    }
    checks.done()?;
    checked.into_iter().map(|(input, on_failure)| statement(input, on_failure)).collect()
}

impl ExecuteStatement {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let ExecuteInput { statement: text, parameters, consistent, token, capacity, limit, on_failure } =
            read(body)?;
        let input = StatementInput { statement: text, parameters, consistent, on_failure };
        let mut checks = Checks::default();
        let capacity = checks.choice("returnConsumedCapacity", capacity.as_ref());
        let on_failure = check(&mut checks, "", &input);
        checks.length("nextToken", token.as_ref(), 1..=32_768);
        let limit = checks.integer("limit", limit, 1..=i64::MAX);
        checks.done()?;
        Ok(Self {
            statement: statement(input, on_failure)?,
            token,
            limit: limit.and_then(|limit| usize::try_from(limit).ok()),
            capacity: capacity.unwrap_or(Capacity::None),
        })
    }
}

impl BatchExecuteStatement {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: BatchInput = read(body)?;
        let mut checks = Checks::default();
        let capacity = checks.choice("returnConsumedCapacity", input.capacity.as_ref());
        let statements = statements(checks, "statements", input.statements, BATCH, "BatchStatementRequest")?;
        Ok(Self { statements, capacity: capacity.unwrap_or(Capacity::None) })
    }
}

impl ExecuteTransaction {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: TransactionInput = read(body)?;
        let mut checks = Checks::default();
        let capacity = checks.choice("returnConsumedCapacity", input.capacity.as_ref());
        checks.length("clientRequestToken", input.token.as_ref(), 1..=36);
        let class = "ParameterizedStatement";
        let statements = statements(checks, "transactStatements", input.statements, ACTIONS, class)?;
        Ok(Self { statements, token: input.token, capacity: capacity.unwrap_or(Capacity::None) })
    }
}
