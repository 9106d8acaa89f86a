//! How the sample orders are paid.

use despatch_order_files::FileOrder;

/// Returns how much of an order is authorised at Stripe, in minor units of its currency. Of one order in eight a gift card
/// pays a third, and one in sixteen is paid in the shop. That follows from its number, so every run is alike.
pub fn due_at_stripe(order: &FileOrder) -> i64 {
    let number: u32 = order.shop_order_id.bytes().map(u32::from).sum();
    match number % 16 {
        0 | 8 => order.total_minor - order.total_minor / 3,
        1 => 0,
        _ => order.total_minor,
    }
}
