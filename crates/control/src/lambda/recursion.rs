//! Functions that wake themselves.

use sonagi_model::function::RecursiveLoop;

use super::{constraint::Violations, update::edit};
use crate::{Control, Result};

impl Control {
    /// `choice` is `Allow` or `Terminate`.
    pub async fn put_recursion(&self, name: &str, choice: &str) -> Result<RecursiveLoop> {
        let name = self.locate_whole(name)?;
        let choices = [RecursiveLoop::Terminate, RecursiveLoop::Allow];
        let mut found = Violations::default();
        found.one_of("recursiveLoop", choice, &choices.map(RecursiveLoop::as_str));
        found.check()?;
        let chosen = choices.into_iter().find(|known| known.as_str() == choice).unwrap_or_default();
        self.change(move |change| {
            edit(change, &name, None, |function| {
                function.recursive_loop = chosen;
                Ok(())
            })
        })
        .await?;
        Ok(chosen)
    }
}
