use std::collections::BTreeMap;

use sonagi_model::limits;

use super::{Buses, Refusal, RuleName};
use crate::{BusName, Result};

/// What can have tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tagged {
    Bus(BusName),
    Rule(BusName, RuleName),
}

impl Buses {
    /// Gives something other tags: `with` gets those that it has.
    pub async fn tag<F>(&self, what: &Tagged, with: F) -> Result<()>
    where
        F: Fn(&mut BTreeMap<String, String>) + Send + 'static,
    {
        let with = move |tags: &mut BTreeMap<String, String>| {
            with(tags);
            if tags.len() > limits::TAGS {
                let text = format!("A resource has at most {} tags.", limits::TAGS);
                return Err(Refusal::Parameter(text));
            }
            Ok(())
        };
        match what {
            Tagged::Bus(bus) => self.alter(bus, move |bus| with(&mut bus.tags)).await.map(drop),
            Tagged::Rule(bus, rule) => self.alter_rule(bus, rule, move |rule| with(&mut rule.tags)).await,
        }
    }

    pub async fn tags(&self, what: &Tagged) -> Result<BTreeMap<String, String>> {
        match what {
            Tagged::Bus(bus) => Ok(self.find(bus).await?.tags),
            Tagged::Rule(bus, rule) => Ok(self.find_rule(bus, rule).await?.tags),
        }
    }
}
