use sonagi_items::{
    Item,
    expression::{Condition, Update, Which},
};

use super::{
    Fault,
    checks::{Checks, Table},
    choice::{Capacity, Metrics, OnFailure},
    expressions::Given,
    kind::{Entries, read, structure},
    transact_get::ACTIONS,
    value::Attributes,
};

/// API Reference, `TransactWriteItems`
#[derive(Debug)]
pub(crate) struct TransactWriteItems {
    /// 1 to 100. How large an item may be is told of each one as a reason, and so not here.
    pub(crate) actions: Vec<Action>,
    /// `ClientRequestToken`
    pub(crate) token: Option<String>,
    pub(crate) capacity: Capacity,
    pub(crate) metrics: Metrics,
}

#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) table: Table,
    pub(crate) change: Change,
    /// A check of a condition always has one.
    pub(crate) condition: Option<Condition>,
    pub(crate) on_failure: OnFailure,
}

#[derive(Debug)]
pub(crate) enum Change {
    Put(Item),
    Delete {
        key: Item,
    },
    Update {
        key: Item,
        update: Update,
    },
    /// `ConditionCheck`
    Check {
        key: Item,
    },
}

structure! {
    Input, "TransactWriteItemsInput" {
        items: Vec<ItemInput> = "TransactItems",
        capacity: String = "ReturnConsumedCapacity",
        metrics: String = "ReturnItemCollectionMetrics",
        token: String = "ClientRequestToken",
    }
}

structure! {
    ItemInput, "TransactWriteItem" {
        check: CheckInput = "ConditionCheck",
        put: PutInput = "Put",
        delete: DeleteInput = "Delete",
        update: UpdateInput = "Update",
    }
}

structure! {
    CheckInput, "ConditionCheck" {
        key: Attributes = "Key",
        table: String = "TableName",
        condition: String = "ConditionExpression",
        names: Entries<String> = "ExpressionAttributeNames",
        values: Attributes = "ExpressionAttributeValues",
        on_failure: String = "ReturnValuesOnConditionCheckFailure",
    }
}

structure! {
    PutInput, "Put" {
        item: Attributes = "Item",
        table: String = "TableName",
        condition: String = "ConditionExpression",
        names: Entries<String> = "ExpressionAttributeNames",
        values: Attributes = "ExpressionAttributeValues",
        on_failure: String = "ReturnValuesOnConditionCheckFailure",
    }
}

structure! {
    DeleteInput, "Delete" {
        key: Attributes = "Key",
        table: String = "TableName",
        condition: String = "ConditionExpression",
        names: Entries<String> = "ExpressionAttributeNames",
        values: Attributes = "ExpressionAttributeValues",
        on_failure: String = "ReturnValuesOnConditionCheckFailure",
    }
}

structure! {
    UpdateInput, "Update" {
        key: Attributes = "Key",
        update: String = "UpdateExpression",
        table: String = "TableName",
        condition: String = "ConditionExpression",
        names: Entries<String> = "ExpressionAttributeNames",
        values: Attributes = "ExpressionAttributeValues",
        on_failure: String = "ReturnValuesOnConditionCheckFailure",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Check,
    Put,
    Delete,
    Update,
}

/// One of the four, so far as it was read.
struct Written {
    verb: Verb,
    table: Option<String>,
    /// The item or its key.
    attributes: Option<Attributes>,
    update: Option<String>,
    condition: Option<String>,
    given: Given,
    on_failure: Option<String>,
}

/// The four are structures of their own in the protocol, and have the same members but for these.
macro_rules! written {
    ($input:expr, $verb:ident, $attributes:ident, $update:expr) => {
        Written {
            verb: Verb::$verb,
            table: $input.table,
            attributes: $input.$attributes,
            update: $update,
            condition: $input.condition,
            given: Given { names: $input.names, values: $input.values },
            on_failure: $input.on_failure,
        }
    };
}

impl Written {
    /// All that there are of an element: there should be one.
    fn of(input: ItemInput) -> Vec<Self> {
        let ItemInput { check, put, delete, update } = input;
        let check = check.map(|input| written!(input, Check, key, None));
        let put = put.map(|input| written!(input, Put, item, None));
        let delete = delete.map(|input| written!(input, Delete, key, None));
        let update = update.map(|input| written!(input, Update, key, input.update));
        [check, put, delete, update].into_iter().flatten().collect()
    }

    fn check(&mut self, checks: &mut Checks, index: usize) -> (Table, Option<OnFailure>) {
        let (verb, attributes) = match self.verb {
            Verb::Check => ("conditionCheck", "key"),
            Verb::Put => ("put", "item"),
            Verb::Delete => ("delete", "key"),
            Verb::Update => ("update", "key"),
        };
        let at = |member: &str| format!("transactItems.{}.member.{verb}.{member}", index + 1);
        checks.required(&at(attributes), &self.attributes);
        let table = checks.nested_table(&at("tableName"), self.table.take());
        match self.verb {
            Verb::Check => checks.required(&at("conditionExpression"), &self.condition),
            Verb::Update => checks.required(&at("updateExpression"), &self.update),
            Verb::Put | Verb::Delete => {}
        }
        let on_failure = checks.choice(&at("returnValuesOnConditionCheckFailure"), self.on_failure.as_ref());
        (table, on_failure)
    }

    fn action(self, table: Table, on_failure: OnFailure) -> Result<Action, Fault> {
        let attributes = self.attributes.unwrap_or_default().item()?;
        let (mut update, mut condition) = (None, None);
        // Other than in requests for one item, names and values may be there without anything that uses them.
        if self.update.is_some() || self.condition.is_some() {
            let expressions = self.given.expressions()?;
            update = expressions.update(self.update.as_ref())?;
            condition = expressions.condition(self.condition.as_ref(), Which::Condition)?;
            expressions.done()?;
        }
        let change = match (self.verb, update) {
            (Verb::Put, _) => Change::Put(attributes),
            (Verb::Update, Some(update)) => Change::Update { key: attributes, update },
            (Verb::Delete, _) => Change::Delete { key: attributes },
            // An update without an expression violates its constraints.
            (Verb::Check | Verb::Update, _) => Change::Check { key: attributes },
        };
        Ok(Action { table, change, condition, on_failure })
    }
}

impl TransactWriteItems {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let input: Input = read(body)?;
        let mut checks = Checks::default();
        let capacity = checks.choice("returnConsumedCapacity", input.capacity.as_ref());
        let metrics = checks.choice("returnItemCollectionMetrics", input.metrics.as_ref());
        checks.length("clientRequestToken", input.token.as_ref(), 1..=36);
        checks.required("transactItems", &input.items);
        let wants = input.items.is_some();
        let items = input.items.unwrap_or_default();
        if wants {
            checks.count("transactItems", items.len(), 1..=ACTIONS, "TransactWriteItem");
        }
        let mut elements = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let mut element = Vec::new();
            for mut written in Written::of(item) {
                let (table, on_failure) = written.check(&mut checks, index);
                element.push((written, table, on_failure));
            }
            elements.push(element);
        }
        checks.done()?;
        let mut actions = Vec::with_capacity(elements.len());
        for mut element in elements {
            let several = element.len() > 1;
            match element.pop() {
                Some((written, table, on_failure)) if !several => {
                    actions.push(written.action(table, on_failure.unwrap_or(OnFailure::None))?);
                }
                Some(_) => {
                    return Err(Fault::validation(
                        "TransactItems can only contain one of Check, Put, Update or Delete",
                    ));
                }
                None => {
                    return Err(Fault::validation(
                        "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request",
                    ));
                }
            }
        }
        Ok(Self {
            actions,
            token: input.token,
            capacity: capacity.unwrap_or(Capacity::None),
            metrics: metrics.unwrap_or(Metrics::None),
        })
    }
}
