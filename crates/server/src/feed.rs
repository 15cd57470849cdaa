//! Keeps the change feed short. Whoever follows it is close behind its end, or begins anew with what is there now.

use std::sync::Arc;

use sonagi_backend::{Error, Records, Sequence};
use sonagi_model::{
    Clock,
    limits::{CHANGES_KEPT, CHANGES_TRIM_INTERVAL},
};

/// Runs for as long as it is polled.
pub(crate) async fn keep_short(records: Arc<dyn Records>, clock: Arc<dyn Clock>) {
    let mut trimmed = Sequence::default();
    loop {
        let through = Sequence(records.sequence().0.saturating_sub(CHANGES_KEPT));
        if through > trimmed {
            match records.trim(through).await {
                Ok(()) => trimmed = through,
                Err(Error::Closed) => return,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the change feed is not shortened"
                    );
                }
            }
        }
        clock.sleep(CHANGES_TRIM_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use sonagi_backend::embedded::{RecordsConfig, SqliteRecords};
    use sonagi_model::clock::ManualClock;

    use super::*;

    #[tokio::test]
    async fn the_feed_keeps_its_newest_changes_and_forgets_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let records: Arc<dyn Records> =
            Arc::new(SqliteRecords::open(RecordsConfig::new(folder.path())).unwrap());
        let clock = ManualClock::default();
        let keeping = tokio::spawn(keep_short(Arc::clone(&records), Arc::new(clock.clone())));
        let more = 10;
        let commits = (0..CHANGES_KEPT + more).map(|number| {
            let records = Arc::clone(&records);
            async move { records.transact(move |t| t.put(b"key", &number.to_be_bytes())).await.unwrap() }
        });
        futures::future::join_all(commits).await;
        // A trim is behind what it is asked for; asking again waits for it.
        clock.advance(CHANGES_TRIM_INTERVAL).await;
        while records.changes(Sequence(more - 1)).next().await.is_ok() {
            clock.advance(CHANGES_TRIM_INTERVAL).await;
        }
        let Err(Error::Trimmed { oldest, .. }) = records.changes(Sequence(0)).next().await else { panic!() };
        assert_eq!(oldest, more + 1);
        assert_eq!(records.changes(Sequence(more)).next().await.unwrap().sequence, Sequence(more + 1));
        keeping.abort();
    }
}
