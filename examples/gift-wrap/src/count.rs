//! `giftwrap.count`: counts the paper that was used.

use despatch_runtime::{ConcurrencyKeys, DbError, Handler, Tx};

use crate::event::GiftWrapped;
use crate::store;

/// Counts sheets of paper.
pub(crate) struct Count;

impl Handler for Count {
    const NAME: &'static str = "giftwrap.count";
    type In = GiftWrapped;
    type Out = ();
    type Error = DbError;

    /// All parcels in one colour change one row.
    fn keys(&self, event: &GiftWrapped) -> ConcurrencyKeys {
        ConcurrencyKeys::of("paper", &event.paper)
    }

    async fn record(&self, event: &GiftWrapped, tx: &Tx<'_>) -> Result<(), DbError> {
        store::count(tx, &event.paper).await
    }
}
