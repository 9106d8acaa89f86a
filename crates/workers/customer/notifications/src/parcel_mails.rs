//! The order of mails about one parcel.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The order's id and the parcel.
type Key = (String, String);

/// Lets one mail about a parcel out at a time, from the look at what was sent until it is recorded itself. So two scans that
/// come at once give two mails in their order, or one mail, as two scans that come one after the other do.
///
/// Processes do not know of each other's mails before they are recorded.
#[derive(Debug, Default)]
pub(crate) struct ParcelMails {
    turns: Mutex<HashMap<Key, Weak<AsyncMutex<()>>>>,
}

/// The turn of one mail; the next one comes once this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _turn: OwnedMutexGuard<()>,
}

impl ParcelMails {
    /// Waits until no other mail about this parcel is under way.
    pub(crate) async fn turn(&self, order_id: &str, part: &str) -> Turn {
        let key = (order_id.to_owned(), part.to_owned());
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(turn) = turns.get(&key).and_then(Weak::upgrade) {
                turn
            } else {
                // There are no more live turns than mails under way.
                turns.retain(|_, turn| turn.strong_count() > 0);
                let turn = Arc::new(AsyncMutex::new(()));
                turns.insert(key, Arc::downgrade(&turn));
                turn
            }
        };
        Turn { _turn: turn.lock_owned().await }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_mail_about_a_parcel_is_under_way_at_a_time() {
        let mails = ParcelMails::default();
        let first = mails.turn("o-1", "1").await;
        assert!(mails.turn("o-1", "2").now_or_never().is_some(), "another parcel");
        let mut second = Box::pin(mails.turn("o-1", "1"));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert!(second.now_or_never().is_some());
        drop(mails.turn("o-2", "1").await);
        assert_eq!(mails.turns.lock().unwrap().len(), 1, "what is over takes no memory");
    }
}
