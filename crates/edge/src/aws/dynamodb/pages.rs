//! Pages of items: queries and scans.

use serde::Serialize;
use sonagi_data::documents::{Order, Page, PageOf, Query, Scan, TableName, Wanted};
use sonagi_items::{
    Item,
    expression::{Condition, Projection},
};

use super::{
    Answer, Call, arn,
    capacity::{self, Consumed, Units, Way},
    error::Fault,
    items, json,
    request::{self, Capacity, Select, Wire},
};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Found<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<Wire<'a>>>,
    count: usize,
    scanned_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_evaluated_key: Option<Wire<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<Consumed>,
}

/// What is wanted of an index's items, which may have less than that.
fn wanted(select: Option<Select>, projection: Option<&Projection>, filter: Option<&Condition>) -> Wanted {
    match (select, projection) {
        (Some(Select::All), _) => Wanted::All,
        (Some(Select::Count | Select::Projected), _) | (_, None) => Wanted::Projected,
        (Some(Select::Specific) | None, Some(projection)) => {
            let filtered = filter.into_iter().flat_map(Condition::names).map(str::to_owned);
            Wanted::Names(projection.paths().iter().map(|path| path.name.clone()).chain(filtered).collect())
        }
    }
}

/// How a page is answered.
struct Asked<'a> {
    call: &'a Call<'a>,
    said: &'a str,
    table: TableName,
    index: Option<&'a str>,
    projection: Option<&'a Projection>,
    select: Option<Select>,
    consistent: bool,
    capacity: Capacity,
}

impl Asked<'_> {
    async fn may(&self, partition: &[&Item]) -> Result<(), Fault> {
        let Self { call, table, .. } = self;
        match self.index {
            None => call.may_all(table, partition).await,
            Some(index) => {
                let resource = arn::index(call.parts, table.as_str(), index);
                call.may_do(call.operation.name(), &resource, table, partition).await
            }
        }
    }

    async fn answer(&self, page: Page) -> Answer {
        let consumed_capacity = match self.capacity.detail() {
            None => None,
            Some(detail) => {
                let mut units = Units::default();
                let read = capacity::read_units(page.size, self.consistent);
                match self.index {
                    None => units.table = read,
                    Some(name) => {
                        let table = self.call.parts.documents.recall(&self.table).await?;
                        units.read_of_index(name, table.index(name)?.scope, read);
                        let fetched = page.fetched.iter();
                        units.table = fetched.map(|size| capacity::read_units(*size, self.consistent)).sum();
                    }
                }
                Some(units.consumed(self.said, detail, Way::Read, false))
            }
        };
        let count = page.items.len();
        let items: Vec<Item> = match self.projection {
            Some(projection) => page.items.iter().map(|item| projection.of(item)).collect(),
            None => page.items,
        };
        json(&Found {
            items: (self.select != Some(Select::Count)).then(|| items.iter().map(Wire).collect()),
            count,
            scanned_count: page.scanned,
            last_evaluated_key: page.last.as_ref().map(Wire),
            consumed_capacity,
        })
    }
}

pub(super) async fn query(call: &Call<'_>) -> Answer {
    let asked = request::Query::read(&call.body)?;
    let table = items::table(call.parts, &asked.table)?;
    let answering = Asked {
        call,
        said: asked.table.said(),
        table,
        index: asked.index.as_deref(),
        projection: asked.projection.as_ref(),
        select: asked.select,
        consistent: asked.is_consistent,
        capacity: asked.capacity,
    };
    let equal = asked.keys.tests().iter().filter_map(|(name, test)| match test {
        sonagi_items::expression::KeyTest::Equal(value) => Some((name.clone(), value.clone())),
        _ => None,
    });
    answering.may(&[&equal.collect()]).await?;
    let query = Query {
        index: asked.index.clone(),
        order: if asked.is_forward { Order::Forward } else { Order::Reverse },
        page: PageOf {
            limit: asked.limit,
            start: asked.start,
            wanted: wanted(asked.select, asked.projection.as_ref(), asked.filter.as_ref()),
            filter: asked.filter,
            consistent: asked.is_consistent,
        },
        condition: asked.keys,
    };
    let page = call.parts.documents.query(&answering.table, query).await?;
    answering.answer(page).await
}

pub(super) async fn scan(call: &Call<'_>) -> Answer {
    let asked = request::Scan::read(&call.body)?;
    let table = items::table(call.parts, &asked.table)?;
    let answering = Asked {
        call,
        said: asked.table.said(),
        table,
        index: asked.index.as_deref(),
        projection: asked.projection.as_ref(),
        select: asked.select,
        consistent: asked.is_consistent,
        capacity: asked.capacity,
    };
    answering.may(&[]).await?;
    let scan = Scan {
        index: asked.index.clone(),
        segment: asked.part.map(|part| (part.segment, part.of)),
        page: PageOf {
            limit: asked.limit,
            start: asked.start,
            wanted: wanted(asked.select, asked.projection.as_ref(), asked.filter.as_ref()),
            filter: asked.filter,
            consistent: asked.is_consistent,
        },
    };
    let page = call.parts.documents.scan(&answering.table, scan).await?;
    answering.answer(page).await
}
