//! Reads the format of `data/superstore.csv`: one row per order line, with the order's columns repeated on each.
//!
//! The file has no e-mail address and no street. They are derived from the customer id: an address under example.com,
//! and a street.

use std::collections::HashMap;
use std::io::Read;

use despatch_domain::{Currency, Money, MoneyError};
use serde::Deserialize;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::file_order::FileOrder;

/// The shop of these orders.
pub const SHOP: &str = "superstore";

/// A row of the file, under the file's own names.
#[derive(Debug, Deserialize)]
#[allow(clippy::struct_field_names, reason = "the file's names")]
struct Row {
    #[serde(rename = "Row ID")]
    row_id: String,
    #[serde(rename = "Order ID")]
    order_id: String,
    #[serde(rename = "Order Date")]
    order_date: String,
    #[serde(rename = "Ship Mode")]
    ship_mode: String,
    #[serde(rename = "Customer ID")]
    customer_id: String,
    #[serde(rename = "Customer Name")]
    customer_name: String,
    #[serde(rename = "Country")]
    country: String,
    #[serde(rename = "City")]
    city: String,
    #[serde(rename = "State")]
    state: String,
    #[serde(rename = "Postal Code")]
    postal_code: String,
    #[serde(rename = "Product ID")]
    product_id: String,
    #[serde(rename = "Product Name")]
    product_name: String,
    #[serde(rename = "Sales")]
    sales: String,
    #[serde(rename = "Quantity")]
    quantity: i64,
}

/// A file that is not in this format.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The file is not such a table.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// An order cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A value cannot be used.
    #[error("row {row}: {column}: {problem}")]
    Value {
        /// The row's own id.
        row: String,
        /// The column's name.
        column: &'static str,
        /// The expected and the found value.
        problem: String,
    },
}

/// Reads every order, in the order of their first lines.
pub fn read(file: impl Read) -> Result<Vec<FileOrder>, Unreadable> {
    let mut orders: Vec<Unfinished> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for row in csv::Reader::from_reader(file).deserialize() {
        let row: Row = row?;
        let place = if let Some(place) = places.get(&row.order_id) {
            *place
        } else {
            places.insert(row.order_id.clone(), orders.len());
            orders.push(begin(&row)?);
            orders.len() - 1
        };
        let order = &mut orders[place];
        let refuse = |error: MoneyError| Unreadable::Value {
            row: row.row_id.clone(),
            column: "Sales",
            problem: error.to_string(),
        };
        let total = Money::parse_rounded(&row.sales, Currency::USD).map_err(refuse)?;
        let order_total = Money::new(order.total_minor, Currency::USD).checked_add(total).map_err(refuse)?;
        order.total_minor = order_total.minor;
        order.units.push((row.product_id.clone(), row.quantity));
        order.lines.push(json!({
            "sku": row.product_id, "title": row.product_name, "quantity": row.quantity, "total": total.decimal(),
        }));
    }
    orders.into_iter().map(Unfinished::finish).collect()
}

/// An order that may get more lines.
struct Unfinished {
    shop_order_id: String,
    order: Value,
    lines: Vec<Value>,
    total_minor: i64,
    units: Vec<(String, i64)>,
}

impl Unfinished {
    fn finish(self) -> Result<FileOrder, Unreadable> {
        let Unfinished { shop_order_id, mut order, lines, total_minor, units } = self;
        order["lines"] = lines.into();
        order["total"] = Money::new(total_minor, Currency::USD).decimal().into();
        Ok(FileOrder {
            order: to_raw_value(&order)?,
            shop: SHOP.to_owned(),
            shop_order_id,
            currency: Currency::USD.code().to_owned(),
            total_minor,
            units,
        })
    }
}

fn begin(row: &Row) -> Result<Unfinished, Unreadable> {
    let refuse = |column, value: &str, expected: &str| Unreadable::Value {
        row: row.row_id.clone(),
        column,
        problem: format!("expected {expected}, found {value:?}"),
    };
    let level = match row.ship_mode.as_str() {
        "Standard Class" => "standard",
        "Second Class" => "second-class",
        "First Class" => "first-class",
        "Same Day" => "same-day",
        other => return Err(refuse("Ship Mode", other, "Standard, Second or First Class, or Same Day")),
    };
    if row.country != "United States" {
        return Err(refuse("Country", &row.country, "United States"));
    }
    let region = state_code(&row.state).ok_or_else(|| refuse("State", &row.state, "a state's name"))?;
    let handle = row.customer_id.to_lowercase();
    let digits = row.customer_id.bytes().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0'));
    // The remainder is taken at each digit, because an id may have any number of digits.
    let house = digits.fold(0, |house, digit| (house * 10 + digit) % 990) + 1;
    Ok(Unfinished {
        order: json!({
            "shop": SHOP,
            "shop_order_id": row.order_id,
            "placed_at": format!("{}T12:00:00Z", row.order_date),
            "customer": {
                "customer_id": row.customer_id, "name": row.customer_name, "email": format!("{handle}@example.com"),
            },
            "ship_to": {
                "name": row.customer_name,
                "street1": format!("{house} {} Street", row.customer_id),
                "city": row.city,
                "region": region,
                // The file's codes are numbers, so those of the north-east have lost their leading zero.
                "postcode": format!("{:0>5}", row.postal_code),
                "country": "US",
            },
            "currency": "USD",
            "service_level": level,
        }),
        shop_order_id: row.order_id.clone(),
        lines: Vec::new(),
        total_minor: 0,
        units: Vec::new(),
    })
}

/// Returns the postal service's code of a state.
fn state_code(name: &str) -> Option<&'static str> {
    STATES.iter().find(|(state, _)| *state == name).map(|(_, code)| *code)
}

#[rustfmt::skip]
const STATES: [(&str, &str); 51] = [
    ("Alabama", "AL"), ("Alaska", "AK"), ("Arizona", "AZ"), ("Arkansas", "AR"), ("California", "CA"),
    ("Colorado", "CO"), ("Connecticut", "CT"), ("Delaware", "DE"), ("District of Columbia", "DC"), ("Florida", "FL"),
    ("Georgia", "GA"), ("Hawaii", "HI"), ("Idaho", "ID"), ("Illinois", "IL"), ("Indiana", "IN"), ("Iowa", "IA"),
    ("Kansas", "KS"), ("Kentucky", "KY"), ("Louisiana", "LA"), ("Maine", "ME"), ("Maryland", "MD"),
    ("Massachusetts", "MA"), ("Michigan", "MI"), ("Minnesota", "MN"), ("Mississippi", "MS"), ("Missouri", "MO"),
    ("Montana", "MT"), ("Nebraska", "NE"), ("Nevada", "NV"), ("New Hampshire", "NH"), ("New Jersey", "NJ"),
    ("New Mexico", "NM"), ("New York", "NY"), ("North Carolina", "NC"), ("North Dakota", "ND"), ("Ohio", "OH"),
    ("Oklahoma", "OK"), ("Oregon", "OR"), ("Pennsylvania", "PA"), ("Rhode Island", "RI"), ("South Carolina", "SC"),
    ("South Dakota", "SD"), ("Tennessee", "TN"), ("Texas", "TX"), ("Utah", "UT"), ("Vermont", "VT"),
    ("Virginia", "VA"), ("Washington", "WA"), ("West Virginia", "WV"), ("Wisconsin", "WI"), ("Wyoming", "WY"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of two lines of one order.
    fn two_lines(customer_id: &str, sales: [&str; 2]) -> String {
        let [first, second] = sales.map(|sales| {
            format!("1,A,2026-03-01,Same Day,{customer_id},Ann,United States,Ames,Iowa,50010,P,Pen,{sales},1")
        });
        format!(
            "Row ID,Order ID,Order Date,Ship Mode,Customer ID,Customer Name,Country,City,State,Postal Code,\
             Product ID,Product Name,Sales,Quantity\n{first}\n{second}\n"
        )
    }

    #[test]
    fn a_total_that_is_too_large_is_refused() {
        let most = "92233720368547758.07";
        let file = two_lines("A-1", [most, "0.01"]);
        assert_eq!(
            read(file.as_bytes()).unwrap_err().to_string(),
            "row 1: Sales: expected an amount that fits 64 bits of minor units, found a larger one"
        );
        let file = two_lines("A-1", [most, "0"]);
        assert_eq!(read(file.as_bytes()).unwrap()[0].total_minor, i64::MAX);
    }

    #[test]
    fn a_customer_id_may_be_a_long_number() {
        let file = two_lines("99000000010000000005", ["1", "1"]);
        let orders = read(file.as_bytes()).unwrap();
        assert_eq!(orders[0].order().unwrap()["ship_to"]["street1"], "106 99000000010000000005 Street");
    }

    #[test]
    fn the_sample_is_read_to_the_cent() {
        let file = std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../data/superstore.csv"))
            .unwrap();
        let orders = read(file).unwrap();
        assert_eq!(orders.len(), 5_009);
        assert_eq!(orders.iter().map(|order| order.total_minor).sum::<i64>(), 229_720_107);
        assert_eq!(orders.iter().flat_map(|order| &order.units).map(|(_, units)| units).sum::<i64>(), 37_873);
        for file_order in &orders {
            let order = file_order.order().unwrap();
            assert_eq!(order["ship_to"]["postcode"].as_str().unwrap().len(), 5, "{order}");
        }
    }
}
