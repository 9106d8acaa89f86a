//! The opening stock: the units of a file's orders, received before the orders are placed.

use std::collections::{BTreeMap, HashMap, HashSet};

use despatch_inventory::store::{Location, ReceiptLine, open_locations, receive_all, units_on_receipts};
use despatch_order_files::FileOrder;
use despatch_runtime::{Database, DbError};
use tokio_postgres::GenericClient;

/// The locations: id, name and region.
const LOCATIONS: [(&str, &str, &str); 3] =
    [("louisville", "Louisville", "KY"), ("reno", "Reno", "NV"), ("allentown", "Allentown", "PA")];

/// The ids of the locations.
pub(crate) const LOCATION_IDS: [&str; 3] = [LOCATIONS[0].0, LOCATIONS[1].0, LOCATIONS[2].0];

/// Receives the units that these orders want and that were not received for them before; returns their number. So an order's
/// units are received once, whichever file or call the order comes with. If it comes with more of its lines later, as in a longer
/// part of the same file, the units that are missing are on another receipt of the order.
///
/// Most SKUs are in one place, so most orders are one parcel. Some SKUs are elsewhere or in two places.
pub async fn receive_stock(db: &Database, orders: &[FileOrder]) -> Result<i64, DbError> {
    let locations = (1..).zip(LOCATIONS).map(|(rank, (id, name, region))| Location {
        id: id.to_owned(),
        name: name.to_owned(),
        country: "US".to_owned(),
        region: region.to_owned(),
        rank,
    });
    let mut client = db.client().await?;
    let tx = client.transaction().await?;
    // Two calls with the same orders must not both find them without a receipt.
    tx.batch_execute("select pg_advisory_xact_lock(hashtextextended('despatch.opening-stock', 0))").await?;
    open_locations(&*tx, &locations.collect::<Vec<_>>()).await?;
    let missing = missing(&*tx, orders).await?;
    let lines = lines(&missing);
    receive_all(&*tx, &lines).await?;
    tx.commit().await?;
    Ok(lines.iter().fold(0, |units, line| line.quantity.saturating_add(units)))
}

/// Units of an order that were not received yet, and the receipt for them.
#[derive(Debug)]
struct Missing {
    receipt: String,
    units: BTreeMap<String, i64>,
}

/// Returns the name of an order's receipt, by its number from 1.
fn receipt_of(order: &FileOrder, number: u32) -> String {
    let first = format!("opening stock for {}/{}", order.shop, order.shop_order_id);
    if number == 1 { first } else { format!("{first}, {number}") }
}

/// Returns the units that the orders want and that none of their receipts has. Of an order that is there twice the first counts.
async fn missing(db: &impl GenericClient, orders: &[FileOrder]) -> Result<Vec<Missing>, DbError> {
    let mut seen = HashSet::new();
    let mut open: Vec<(&FileOrder, BTreeMap<String, i64>)> = orders
        .iter()
        .filter(|order| seen.insert(receipt_of(order, 1)))
        .map(|order| (order, wanted(order)))
        .collect();
    let mut missing = Vec::new();
    // Few orders have a second receipt, and almost none a third.
    for number in 1.. {
        let receipts: Vec<String> = open.iter().map(|(order, _)| receipt_of(order, number)).collect();
        let mut known = units_on_receipts(db, &receipts).await?;
        let mut others = Vec::new();
        for ((order, mut units), receipt) in open.into_iter().zip(receipts) {
            match known.remove(&receipt) {
                Some(received) => {
                    take_off(&mut units, &received);
                    others.push((order, units));
                }
                None if units.is_empty() => {}
                None => missing.push(Missing { receipt, units }),
            }
        }
        if others.is_empty() {
            break;
        }
        open = others;
    }
    Ok(missing)
}

/// Returns the units that can be received for an order, by SKU.
fn wanted(order: &FileOrder) -> BTreeMap<String, i64> {
    let mut wanted = BTreeMap::<String, i64>::new();
    for (sku, units) in order.units.iter().filter(|(sku, units)| !sku.is_empty() && *units > 0) {
        let wanted = wanted.entry(sku.clone()).or_default();
        *wanted = wanted.saturating_add(*units);
    }
    wanted
}

fn take_off(units: &mut BTreeMap<String, i64>, received: &HashMap<String, i64>) {
    units.retain(|sku, units| {
        *units -= received.get(sku).copied().unwrap_or_default();
        *units > 0
    });
}

/// Returns a receipt line for each SKU and location of each order.
fn lines(orders: &[Missing]) -> Vec<ReceiptLine<'_>> {
    let mut wanted = BTreeMap::<&str, i64>::new();
    for (_, sku, units) in units(orders) {
        let wanted = wanted.entry(sku).or_default();
        *wanted = wanted.saturating_add(units);
    }
    let [main, second, third] = LOCATION_IDS;
    // The units that each place still takes, by SKU. The last place is filled first.
    let mut places: BTreeMap<&str, Vec<(&str, i64)>> = BTreeMap::new();
    for (index, (sku, wanted)) in wanted.into_iter().enumerate() {
        let split = match index % 20 {
            0 => vec![(third, wanted)],
            1 | 2 if wanted > 1 => vec![(second, wanted - wanted / 2), (main, wanted / 2)],
            _ => vec![(main, wanted)],
        };
        places.insert(sku, split);
    }
    let mut lines = Vec::new();
    for (receipt_id, sku, mut units) in units(orders) {
        let Some(places) = places.get_mut(sku) else { continue };
        while units > 0 {
            let Some((location, room)) = places.last_mut() else { break };
            let quantity = units.min(*room);
            lines.push(ReceiptLine { receipt_id, sku, location, quantity });
            units -= quantity;
            *room -= quantity;
            if *room == 0 {
                places.pop();
            }
        }
    }
    lines
}

/// The receipt, SKU and units of each line.
fn units(orders: &[Missing]) -> impl Iterator<Item = (&str, &str, i64)> {
    orders.iter().flat_map(|order| {
        order.units.iter().map(|(sku, units)| (order.receipt.as_str(), sku.as_str(), *units))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;

    fn order(number: usize, units: &[(&str, i64)]) -> FileOrder {
        FileOrder {
            order: to_raw_value(&()).unwrap(),
            shop: "north".to_owned(),
            shop_order_id: number.to_string(),
            currency: "USD".to_owned(),
            total_minor: 0,
            units: units.iter().map(|(sku, units)| ((*sku).to_owned(), *units)).collect(),
        }
    }

    #[test]
    fn each_order_s_units_are_on_its_own_receipt_and_some_lie_in_two_places() {
        let skus: Vec<String> = (0..20).map(|number| format!("SKU-{number:02}")).collect();
        let all: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 3)).collect();
        let orders = [order(1, &all), order(2, &all), order(3, &[("", 4), ("SKU-00", -1)])];
        let orders = orders.map(|order| Missing { receipt: receipt_of(&order, 1), units: wanted(&order) });
        let lines = lines(&orders);
        let sum = |receipt: &str, sku: &str| -> i64 {
            let of = lines.iter().filter(|line| line.receipt_id == receipt && line.sku == sku);
            of.map(|line| line.quantity).sum()
        };
        for Missing { receipt, .. } in &orders[..2] {
            assert!(skus.iter().all(|sku| sum(receipt, sku) == 3), "{receipt}");
        }
        assert!(orders[2].units.is_empty());
        let at = |sku: &str| -> HashSet<&str> {
            lines.iter().filter(|line| line.sku == sku).map(|line| line.location).collect()
        };
        assert_eq!(at("SKU-00"), HashSet::from(["allentown"]));
        assert_eq!(at("SKU-01"), HashSet::from(["louisville", "reno"]));
        assert_eq!(at("SKU-03"), HashSet::from(["louisville"]));
        assert!(lines.iter().all(|line| line.quantity > 0));
    }
}
