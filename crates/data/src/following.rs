//! Following the feed of changes, for as long as the records are open.

use std::sync::Arc;

use sonagi_backend::{Error, Records, Sequence, records::ChangeSet};
use sonagi_model::{Clock, limits};

/// Has `take_in` see every commit after `from`, in order. `missed` is told when some cannot be seen any more: what it knows
/// may be out of date. `who` is named in the log.
pub(crate) async fn follow(
    who: &str,
    records: &Arc<dyn Records>,
    clock: &Arc<dyn Clock>,
    from: Sequence,
    take_in: impl Fn(&ChangeSet),
    missed: impl Fn(),
) {
    let mut changes = records.changes(from);
    loop {
        match changes.next().await {
            Ok(set) => take_in(&set),
            Err(Error::Closed) => return,
            Err(error) => {
                if !matches!(error, Error::Trimmed { .. }) {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the {who} cannot follow the records"
                    );
                    clock.sleep(limits::RECORDS_RETRY).await;
                }
                changes = records.changes(records.sequence());
                missed();
            }
        }
    }
}
