//! The opening stock: the units of a file's orders, received before the orders are placed.

use std::collections::BTreeMap;

use despatch_inventory::store::{Location, open_locations, receive};
use despatch_order_files::FileOrder;
use despatch_runtime::{Database, DbError};

/// The locations: id, name and region.
const LOCATIONS: [(&str, &str, &str); 3] =
    [("louisville", "Louisville", "KY"), ("reno", "Reno", "NV"), ("allentown", "Allentown", "PA")];

/// Receives the units of these orders, once for each `receipt`.
///
/// Most SKUs are in one place, so most orders are one parcel. Some SKUs are elsewhere or in two places.
pub async fn receive_stock(db: &Database, receipt: &str, orders: &[FileOrder]) -> Result<(), DbError> {
    let mut wanted = BTreeMap::<&str, i64>::new();
    for (sku, units) in
        orders.iter().flat_map(|order| &order.units).filter(|(sku, units)| !sku.is_empty() && *units > 0)
    {
        let wanted = wanted.entry(sku).or_default();
        *wanted = wanted.saturating_add(*units);
    }
    let locations = (1..).zip(LOCATIONS).map(|(rank, (id, name, region))| Location {
        id: id.to_owned(),
        name: name.to_owned(),
        country: "US".to_owned(),
        region: region.to_owned(),
        rank,
    });
    let mut units = Vec::new();
    for (index, (sku, wanted)) in wanted.into_iter().enumerate() {
        let [main, second, third] = LOCATIONS.map(|(id, ..)| id);
        match index % 20 {
            0 => units.push((sku, third, wanted)),
            1 | 2 if wanted > 1 => {
                units.extend([(sku, main, wanted / 2), (sku, second, wanted - wanted / 2)]);
            }
            _ => units.push((sku, main, wanted)),
        }
    }
    let client = db.client().await?;
    open_locations(&**client, &locations.collect::<Vec<_>>()).await?;
    receive(&**client, receipt, &units).await?;
    Ok(())
}
