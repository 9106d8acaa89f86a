//! Which cases a cancelled order leaves without anything to do.

use despatch_contracts::Event as _;
use despatch_contracts::order::{
    AdditionReported, OrderAccepted, OrderAddressChangeRequested, OrderCancelRequested, OrderChanged,
    OrderExtended, OrderPlaced, PaymentReported,
};
use despatch_contracts::payment::{PaymentAuthorised, PaymentCaptured};
use despatch_contracts::stock::{ReservationExpiryDue, StockPicked, StockReserved, StockWithdrawn};

/// The worker that holds each order's state. It needs every fact, whatever became of the order: of money that was captured
/// although the order is cancelled, it requests the refund.
const STATE: &str = "orders";

/// The worker that gives back money of an order that changed, cancelled or not.
const MONEY: &str = "payments";

/// Whether the event only carries its order forward. Once the order is cancelled, there is nothing left to do about it.
///
/// Every other case stays open, above all those of the way out: money that did not go back, stock that was not released, a
/// customer who was not told.
pub(super) fn ends_with_order(worker: &str, event_type: &str) -> bool {
    match event_type {
        OrderPlaced::TYPE
        | PaymentReported::TYPE
        | AdditionReported::TYPE
        | OrderCancelRequested::TYPE
        | OrderAddressChangeRequested::TYPE => true,
        OrderAccepted::TYPE
        | PaymentAuthorised::TYPE
        | StockReserved::TYPE
        | ReservationExpiryDue::TYPE
        | PaymentCaptured::TYPE
        | StockPicked::TYPE
        | StockWithdrawn::TYPE => worker != STATE,
        OrderChanged::TYPE | OrderExtended::TYPE => worker != MONEY,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_carries_an_order_forward_ends_with_it_and_what_winds_it_up_stays() {
        let ending: Vec<&str> = despatch_contracts::ALL
            .iter()
            .copied()
            .filter(|event_type| ends_with_order("inventory", event_type))
            .collect();
        let expected = [
            "order.placed",
            "order.accepted",
            "order.payment-reported",
            "order.cancel-requested",
            "order.address-change-requested",
            "order.changed",
            "order.addition-reported",
            "order.extended",
            "stock.reserved",
            "stock.reservation-expiry-due",
            "stock.picked",
            "stock.withdrawn",
            "payment.authorised",
            "payment.captured",
        ];
        assert_eq!(ending, expected);
        assert!(
            !ends_with_order("orders", "payment.captured"),
            "the refund of a late capture follows from it"
        );
        assert!(!ends_with_order("payments", "order.changed"), "money may still have to go back");
        assert!(ends_with_order("orders", "order.cancel-requested"));
        assert!(!ends_with_order("payments", ""), "input that the gateway refused");
    }
}
