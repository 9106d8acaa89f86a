//! The names that people know an order by.

use crate::order::Order;

impl Order {
    /// Returns the number that people know, e.g. `#5017`. It is the shop's own order id if the shop gives no other.
    pub fn shown_number(&self) -> &str {
        if self.number.is_empty() { &self.shop_order_id } else { &self.number }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_without_a_number_is_known_by_its_id() {
        let mut order = Order { shop_order_id: "820982911946154508".into(), ..Order::default() };
        assert_eq!(order.shown_number(), "820982911946154508");
        order.number = "#5017".into();
        assert_eq!(order.shown_number(), "#5017");
    }
}
