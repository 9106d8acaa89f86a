//! The orders of `data/superstore.csv`.

use despatch_order_files::superstore::Unreadable;
use despatch_order_files::{FileOrder, superstore};

/// The file.
const SUPERSTORE: &[u8] = include_bytes!("../../../../data/superstore.csv");

/// Returns all 5,009 orders.
pub fn orders() -> Result<Vec<FileOrder>, Unreadable> {
    superstore::read(SUPERSTORE)
}

/// Returns this many orders. If the file has fewer, the same ones follow again as new orders.
pub fn repeated(count: usize) -> Result<Vec<FileOrder>, Unreadable> {
    let sample = orders()?;
    let rounds = (2..).flat_map(|round| sample.iter().map(move |order| order.again(round)));
    Ok(sample.iter().cloned().map(Ok).chain(rounds).take(count).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn repeated_orders_are_orders_of_their_own() {
        let orders = repeated(5_010).unwrap();
        let ids: BTreeSet<&str> = orders.iter().map(|order| order.shop_order_id.as_str()).collect();
        assert_eq!(ids.len(), 5_010);
        assert_eq!(orders[5_009].shop_order_id, format!("{}/2", orders[0].shop_order_id));
        assert_eq!(orders[5_009].total_minor, orders[0].total_minor);
    }
}
