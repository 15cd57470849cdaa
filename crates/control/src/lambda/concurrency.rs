//! Reserved concurrency.

use super::{constraint::violated, update::edit};
use crate::{Control, Result};

impl Control {
    /// Reserves `executions` of the account's concurrency for the function; returns what it reserves now.
    pub async fn put_concurrency(&self, name: &str, executions: i64) -> Result<u32> {
        let name = self.locate_whole(name)?;
        if executions < 0 {
            let rule = "Member must have value greater than or equal to 0";
            return Err(violated("reservedConcurrentExecutions", Some(&executions.to_string()), rule));
        }
        // What does not fit is over the account's limit anyway, and that is what the caller is told.
        let reserved = u32::try_from(executions).unwrap_or(u32::MAX);
        self.change(move |change| {
            edit(change, &name, None, |function| {
                function.reserved_concurrency = Some(reserved);
                Ok(())
            })
        })
        .await?;
        Ok(reserved)
    }

    /// No error if nothing was reserved.
    pub async fn delete_concurrency(&self, name: &str) -> Result<()> {
        let name = self.locate_whole(name)?;
        self.change(move |change| {
            edit(change, &name, None, |function| {
                function.reserved_concurrency = None;
                Ok(())
            })
        })
        .await
    }
}
