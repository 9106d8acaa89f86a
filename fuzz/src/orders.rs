//! Rules for an accepted order, and for the refusal of another.

use despatch_contracts::order::Order;
use despatch_gateway::Invalid;
use prost::Message as _;

use crate::bounded;

/// Reads a body as an order and checks what comes of it.
pub fn check_order(body: &[u8], read: impl FnOnce(&[u8]) -> Result<Order, Invalid>) {
    let order = match bounded(body, || read(body)) {
        Ok(order) => order,
        Err(invalid) => return check_refusal(&invalid),
    };
    assert_eq!(order.order_id, "", "only the gateway makes ids");
    assert!((1..=200).contains(&order.shop_order_id.len()), "{:?}", order.shop_order_id);
    assert!(!order.shop.is_empty() && !order.channel.is_empty());
    assert!(order.lines.iter().zip(1..).all(|(line, number)| line.number == number));
    assert!(!order.currency.bytes().any(|byte| byte.is_ascii_lowercase()));
    if let Some(placed_at) = &order.placed_at {
        assert_eq!(placed_at.to_string().parse(), Ok(*placed_at));
    }
    let encoded = order.encode_to_vec();
    assert!(encoded.len() <= 4 * body.len() + 64, "{} bytes became {}", body.len(), encoded.len());
    assert_eq!(Order::decode(&*encoded), Ok(order));
}

/// A refusal names a field and says what is wrong with it, both in few words: it is sent back and logged.
pub fn check_refusal(Invalid { field, problem }: &Invalid) {
    assert!((1..=300).contains(&field.len()), "{field}");
    assert!((1..=600).contains(&problem.len()), "{problem}");
}
