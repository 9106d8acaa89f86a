//! Deliveries that were announced. Each change compares one with its receipts, and sets its timer for the next time at which
//! a person may have to be told something.

use std::time::Duration;

use despatch_contracts::stock::DeliveryCheckDue;
use despatch_runtime::{ConcurrencyKeys, DbError, Timer, Tx};

use crate::row_result::storable;
use crate::store::{self, Delivery};

/// How long differences are collected before a person is told of them, because a delivery is announced and received in several
/// requests. Once the receiver said that nothing more comes, nothing is waited for.
const COALESCED: Duration = Duration::from_secs(60);

/// The right to set the timers of deliveries, and the time from a due time until a delivery is overdue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deliveries {
    pub(crate) timer: Timer<DeliveryCheckDue>,
    pub(crate) grace: Duration,
}

impl Deliveries {
    /// Compares a delivery with its receipts and sets its timer. Everything that changes a delivery or records a receipt of its name
    /// ends with this, under the delivery's [key](keys).
    pub(crate) async fn settle(self, tx: &Tx<'_>, delivery: &str) -> Result<(), DbError> {
        let Some(known) = self.compare(tx, delivery).await? else { return Ok(()) };
        let key = format!("delivery/{delivery}");
        match next_check(&known) {
            Some(after) => {
                let due = DeliveryCheckDue { delivery: delivery.to_owned() };
                tx.schedule(self.timer, &key, after, &due).await
            }
            None => tx.unschedule(&key).await,
        }
    }

    /// Compares a delivery with its receipts; `None` if nobody announced it.
    pub(crate) async fn compare(self, tx: &Tx<'_>, delivery: &str) -> Result<Option<Delivery>, DbError> {
        store::compare(tx, delivery, self.grace).await
    }
}

/// Returns the keys with that of a delivery. The name may be empty.
pub(crate) fn keys(keys: ConcurrencyKeys, delivery: &str) -> ConcurrencyKeys {
    if delivery.is_empty() { keys } else { keys.and("delivery", &storable(delivery)) }
}

/// Returns the time until a person may have to be told something; `None` if there is nothing to tell.
fn next_check(delivery: &Delivery) -> Option<Duration> {
    let difference = delivery.differs.then_some(if delivery.is_ended { Duration::ZERO } else { COALESCED });
    [difference, delivery.overdue_in].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_person_is_told_at_the_end_or_after_a_while_or_once_it_is_overdue() {
        let hour = Duration::from_secs(3600);
        let open = Delivery {
            due: SystemTime::UNIX_EPOCH,
            supplier: String::new(),
            contact: String::new(),
            is_open: true,
            is_ended: false,
            differs: false,
            overdue_in: Some(hour),
        };
        assert_eq!(next_check(&open), Some(hour));
        let too_much = Delivery { differs: true, ..open.clone() };
        assert_eq!(next_check(&too_much), Some(COALESCED));
        let late = Delivery { overdue_in: Some(Duration::ZERO), ..too_much.clone() };
        assert_eq!(next_check(&late), Some(Duration::ZERO));
        let ended = Delivery { is_open: false, is_ended: true, overdue_in: None, ..too_much };
        assert_eq!(next_check(&ended), Some(Duration::ZERO));
        assert_eq!(next_check(&Delivery { differs: false, ..ended }), None, "as it was announced");
    }
}
