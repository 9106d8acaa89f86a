//! `labels.learn`: keeps a copy of what inventory says of articles and locations, for parcels that are labelled from now on.

use despatch_contracts::event_enum;
use despatch_contracts::stock::{ItemsDescribed, LocationDescribed};
use despatch_runtime::{DbError, Handler, Policy, Tx};

use crate::store;

event_enum! {
    /// The descriptions that labels need.
    pub(crate) enum Described {
        Items(ItemsDescribed),
        Location(LocationDescribed),
    }
}

/// Learns the weights and sides of articles, and the addresses of locations. The latest description counts, in whichever order
/// they come.
pub(crate) struct Learn;

impl Handler for Learn {
    const NAME: &'static str = "labels.learn";
    /// Each event has a transaction of its own, which locks articles in the order of their SKUs. Two of them in one transaction
    /// could wait for each other.
    const POLICY: Policy = Policy { batch: 1, ..Policy::DEFAULT };
    type In = Described;
    type Out = ();
    type Error = DbError;

    async fn record(&self, event: &Described, tx: &Tx<'_>) -> Result<(), DbError> {
        match event {
            Described::Items(event) => store::learn_items(tx, &event.items).await,
            Described::Location(event) => store::learn_location(tx, event).await,
        }
    }
}
