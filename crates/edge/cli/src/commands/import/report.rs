//! The result of an import, order by order.

use std::fmt::Write as _;

use despatch_order_files::{FileOrder, PlaceOutcome, Placed};
use serde::Serialize;

use crate::output::next_command;
use crate::result::Result;

/// Every order of an import, in the order in which the gateway answered.
#[derive(Debug, Default, Serialize)]
pub(super) struct ImportReport {
    pub(super) orders: Vec<ImportedOrder>,
    pub(super) refused: Vec<RefusedOrder>,
    /// How many units were booked as received; `None` when that was not asked for.
    pub(super) units_received: Option<i64>,
}

/// An order that the gateway has.
#[derive(Debug, Serialize)]
pub(super) struct ImportedOrder {
    shop: String,
    shop_order_id: String,
    order_id: String,
    outcome: PlaceOutcome,
}

/// An order that it does not have.
#[derive(Debug, Serialize)]
pub(super) struct RefusedOrder {
    shop: String,
    shop_order_id: String,
    error: String,
}

impl ImportReport {
    pub(super) fn placed(&mut self, order: &FileOrder, placed: Placed) {
        let (shop, shop_order_id) = (order.shop.clone(), order.shop_order_id.clone());
        let Placed { order_id, outcome } = placed;
        self.orders.push(ImportedOrder { shop, shop_order_id, order_id, outcome });
    }

    pub(super) fn refused(&mut self, order: &FileOrder, error: String) {
        let (shop, shop_order_id) = (order.shop.clone(), order.shop_order_id.clone());
        self.refused.push(RefusedOrder { shop, shop_order_id, error });
    }

    fn count(&self, outcome: PlaceOutcome) -> usize {
        self.orders.iter().filter(|order| order.outcome == outcome).count()
    }

    pub(super) fn as_lines(&self) -> String {
        let (placed, same) = (self.count(PlaceOutcome::Placed), self.count(PlaceOutcome::Same));
        let mut lines = format!("{placed} placed, {same} there already, {} refused\n", self.refused.len());
        if let Some(units) = self.units_received {
            // Writing to a string cannot fail.
            let _ = match units {
                0 => writeln!(lines, "stock: nothing to receive, these orders have theirs"),
                units => writeln!(lines, "stock: {units} units received"),
            };
        }
        if let Some(ImportedOrder { shop, shop_order_id, .. }) = self.orders.last() {
            let show = next_command(format_args!("orders show {shop}/{shop_order_id}"));
            let _ = writeln!(lines, "next: {}\n      {show}", next_command("status"));
        }
        lines
    }

    pub(super) fn as_json(&self) -> Result<String> {
        let mut object = serde_json::to_value(self)?;
        object["placed"] = self.count(PlaceOutcome::Placed).into();
        object["there_already"] = self.count(PlaceOutcome::Same).into();
        Ok(format!("{object:#}\n"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::value::to_raw_value;

    use super::*;

    fn report() -> ImportReport {
        let order = |number: &str| FileOrder {
            order: to_raw_value(&()).unwrap(),
            shop: "north".to_owned(),
            shop_order_id: number.to_owned(),
            currency: "USD".to_owned(),
            total_minor: 0,
            units: Vec::new(),
        };
        let mut report = ImportReport::default();
        for (number, outcome) in [("1", PlaceOutcome::Placed), ("2", PlaceOutcome::Same)] {
            report.placed(&order(number), Placed { order_id: format!("id-{number}"), outcome });
        }
        report.refused(&order("3"), "lines[0].total: expected a number".to_owned());
        report
    }

    #[test]
    fn what_was_placed_what_was_there_and_what_was_refused_is_told_apart() {
        let text = ImportReport { units_received: Some(7), ..report() }.as_lines();
        insta::assert_snapshot!(text, @r#"
1 placed, 1 there already, 1 refused
stock: 7 units received
next: despatch status
      despatch orders show north/2
"#);
        let nothing = ImportReport { units_received: Some(0), ..ImportReport::default() };
        assert!(nothing.as_lines().contains("nothing to receive"));
        let object: Value = serde_json::from_str(&report().as_json().unwrap()).unwrap();
        assert_eq!((&object["placed"], &object["there_already"]), (&1.into(), &1.into()));
        assert_eq!(object["orders"][1]["outcome"], "same");
        assert_eq!(object["refused"][0]["shop_order_id"], "3");
    }
}
