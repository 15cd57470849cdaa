//! Pages of items: queries and scans.

use serde::Serialize;
use sonagi_data::documents::{Order, Page, PageOf, Query, Scan, TableName, Wanted};
use sonagi_items::{
    Item,
    expression::{Condition, KeyTest, Projection},
};

use super::{
    Answer, Call, arn,
    capacity::{self, Consumed, Units, Way},
    error::Fault,
    items, json,
    request::{self, Select, Wire},
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

/// The page that is asked for, of which the filter and the start go there.
fn page_of(asked: &mut request::Page) -> PageOf {
    let wanted = wanted(asked.select, asked.projection.as_ref(), asked.filter.as_ref());
    PageOf {
        limit: asked.limit,
        start: asked.start.take(),
        filter: asked.filter.take(),
        consistent: asked.is_consistent,
        wanted,
    }
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

/// A page of a table that the caller may read.
struct Asked<'a> {
    call: &'a Call<'a>,
    table: TableName,
    page: &'a request::Page,
}

impl<'a> Asked<'a> {
    /// `partition`: the attributes that all items are known to have.
    async fn of(call: &'a Call<'a>, page: &'a request::Page, partition: &[&Item]) -> Result<Self, Fault> {
        let table = items::table(call.parts, &page.table)?;
        match &page.index {
            None => call.may_all(&table, partition).await?,
            Some(index) => {
                let resource = arn::index(call.parts, table.as_str(), index);
                call.may_do(call.operation.name(), &resource, &table, partition).await?;
            }
        }
        Ok(Self { call, table, page })
    }

    async fn answer(&self, page: Page) -> Answer {
        let request::Page { table: said, index, projection, select, is_consistent, capacity, .. } = self.page;
        let consumed_capacity = match capacity.detail() {
            None => None,
            Some(detail) => {
                let mut units = Units::default();
                let read = capacity::read_units(page.size, *is_consistent);
                match index {
                    None => units.table = read,
                    Some(name) => {
                        let table = self.call.parts.documents.recall(&self.table).await?;
                        units.read_of_index(name, table.index(name)?.scope, read);
                        let fetched = page.fetched.iter();
                        units.table = fetched.map(|size| capacity::read_units(*size, *is_consistent)).sum();
                    }
                }
                Some(units.consumed(said.said(), detail, Way::Read, false))
            }
        };
        let count = page.items.len();
        let items: Vec<Item> = match projection {
            Some(projection) => page.items.iter().map(|item| projection.of(item)).collect(),
            None => page.items,
        };
        json(&Found {
            items: (*select != Some(Select::Count)).then(|| items.iter().map(Wire).collect()),
            count,
            scanned_count: page.scanned,
            last_evaluated_key: page.last.as_ref().map(Wire),
            consumed_capacity,
        })
    }
}

pub(super) async fn query(call: &Call<'_>) -> Answer {
    let mut asked = request::Query::read(&call.body)?;
    let page = page_of(&mut asked.page);
    let equal = asked.keys.tests().iter().filter_map(|(name, test)| match test {
        KeyTest::Equal(value) => Some((name.clone(), value.clone())),
        _ => None,
    });
    let answering = Asked::of(call, &asked.page, &[&equal.collect()]).await?;
    let query = Query {
        index: asked.page.index.clone(),
        order: if asked.is_forward { Order::Forward } else { Order::Reverse },
        page,
        condition: asked.keys,
    };
    let page = call.parts.documents.query(&answering.table, query).await?;
    answering.answer(page).await
}

pub(super) async fn scan(call: &Call<'_>) -> Answer {
    let mut asked = request::Scan::read(&call.body)?;
    let page = page_of(&mut asked.page);
    let answering = Asked::of(call, &asked.page, &[]).await?;
    let segment = asked.part.map(|part| (part.segment, part.of));
    let scan = Scan { index: asked.page.index.clone(), segment, page };
    let page = call.parts.documents.scan(&answering.table, scan).await?;
    answering.answer(page).await
}
