//! Orders as a list shows them.

use despatch_status::OrderState;
use jiff::{SignedDuration, Timestamp};

use crate::cases::OrderCase;
use crate::orders::Summary;
use crate::placed::PlacedOrder;

/// The states of an order that is still the shop's to work on: it is accepted, and the carrier does not have it yet.
pub const BEFORE_DESPATCH: [OrderState; 5] =
    [OrderState::Accepted, OrderState::Reserved, OrderState::Paid, OrderState::Picked, OrderState::Labelled];

/// Which orders to list. A field that is `None` restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// How far they are.
    pub state: Option<StateFilter>,
    /// Nothing was recorded of them for at least this long. Without a state, only of those in [`BEFORE_DESPATCH`].
    pub idle: Option<SignedDuration>,
    /// Of this shop.
    pub shop: Option<String>,
    /// A person has to decide about them.
    pub stuck: bool,
}

/// A state to filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateFilter {
    /// Committed, and not accepted.
    Placed,
    /// Accepted, and this far.
    Is(OrderState),
}

/// An order as a list shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedOrder {
    /// Its names.
    pub placed: PlacedOrder,
    /// How far it is; `None` while it is not accepted.
    pub summary: Option<Summary>,
    /// For how many seconds nothing was recorded of it.
    pub idle_seconds: f64,
    /// The first case that a person has to decide about.
    pub case: Option<OrderCase>,
}

impl ListedOrder {
    /// `now` is the database's time.
    pub(crate) fn new(
        placed: PlacedOrder,
        summary: Option<Summary>,
        case: Option<OrderCase>,
        now: Timestamp,
    ) -> Self {
        let received = now.duration_since(placed.received_at).as_secs_f64();
        let idle_seconds = summary.as_ref().map_or(received, |summary| summary.idle_seconds);
        ListedOrder { placed, summary, idle_seconds, case }
    }

    /// Whether the filter lets it through.
    pub(crate) fn passes(&self, filter: &OrderFilter) -> bool {
        let state = self.summary.as_ref().map(|summary| summary.state);
        let state_fits = match filter.state {
            None if filter.idle.is_some() => state.is_some_and(|state| BEFORE_DESPATCH.contains(&state)),
            None => true,
            Some(StateFilter::Placed) => state.is_none(),
            Some(StateFilter::Is(wanted)) => state == Some(wanted),
        };
        state_fits
            && filter.idle.is_none_or(|idle| self.idle_seconds >= idle.as_secs_f64())
            && filter.shop.as_ref().is_none_or(|shop| *shop == self.placed.shop)
            && (!filter.stuck || self.case.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(state: Option<OrderState>, idle_seconds: f64) -> ListedOrder {
        let placed = PlacedOrder {
            order_id: "o-1".into(),
            shop: "north".into(),
            shop_order_id: "1".into(),
            received_at: Timestamp::UNIX_EPOCH,
            trace_id: String::new(),
        };
        let summary = state.map(|state| Summary {
            state,
            currency: "USD".into(),
            total_minor: 1,
            updated_at: Timestamp::UNIX_EPOCH,
            idle_seconds,
        });
        ListedOrder::new(placed, summary, None, Timestamp::from_second(60).unwrap())
    }

    #[test]
    fn an_order_that_waits_for_a_review_does_not_count_as_idle() {
        let idle = OrderFilter { idle: Some(SignedDuration::from_mins(10)), ..OrderFilter::default() };
        assert!(listed(Some(OrderState::Paid), 600.0).passes(&idle));
        assert!(!listed(Some(OrderState::Paid), 599.0).passes(&idle));
        assert!(!listed(Some(OrderState::Delivered), 6000.0).passes(&idle));
        let state = Some(StateFilter::Is(OrderState::Delivered));
        assert!(listed(Some(OrderState::Delivered), 6000.0).passes(&OrderFilter { state, ..idle }));
    }

    #[test]
    fn each_filter_restricts() {
        let all = OrderFilter::default();
        let order = listed(None, 0.0);
        assert!((order.idle_seconds - 60.0).abs() < 1e-9, "since it was received: {}", order.idle_seconds);
        assert!(order.passes(&all));
        assert!(order.passes(&OrderFilter { state: Some(StateFilter::Placed), ..all.clone() }));
        assert!(
            !listed(Some(OrderState::Paid), 0.0)
                .passes(&OrderFilter { state: Some(StateFilter::Placed), ..all.clone() })
        );
        assert!(!order.passes(&OrderFilter { shop: Some("south".into()), ..all.clone() }));
        assert!(!order.passes(&OrderFilter { stuck: true, ..all }));
    }
}
