//! Files in the form of `data/superstore.csv`.

#![no_main]

use despatch_fuzz::{bounded, check_order};
use despatch_gateway::order_json;
use despatch_order_files::superstore;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    match bounded(file, || superstore::read(file)) {
        Ok(file_orders) => {
            for file_order in file_orders {
                let body = file_order.order.to_string();
                check_order(body.as_bytes(), order_json::read);
                let Ok(order) = order_json::read(body.as_bytes()) else { continue };
                assert_eq!(order.total_minor, file_order.total_minor);
                let lines = order.lines.iter().map(|line| line.total_minor);
                assert_eq!(lines.map(i128::from).sum::<i128>(), i128::from(file_order.total_minor));
                let units = order.lines.into_iter().map(|line| (line.sku, line.quantity));
                assert!(
                    units.eq(file_order.units.into_iter().map(|(sku, units)| (sku.trim().to_owned(), units)))
                );
            }
        }
        Err(unreadable) => assert!(!unreadable.to_string().is_empty()),
    }
});
