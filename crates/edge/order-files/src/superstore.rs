//! Reads the format of `data/superstore.csv`: one row per order line, with the order's columns repeated on each.
//!
//! The file has no e-mail address and no street. They are derived from the customer id: an address under example.com,
//! and a street.

use std::collections::HashMap;
use std::io::Read;

use csv::StringRecord;
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
    /// The file cannot be read, or has no header.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// An order cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Some rows are not lines of an order.
    #[error("{} of {rows} rows are not lines of an order: {}", bad.len(), first(bad))]
    Rows {
        /// Every such row, at least one.
        bad: Vec<BadRow>,
        /// The number of rows.
        rows: usize,
    },
}

/// A row that is not a line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// The line of the file on which the row begins, from 1.
    pub line: u64,
    /// The column's name, or `row` if the row itself is malformed.
    pub column: String,
    /// The expected and the found value.
    pub problem: String,
}

fn first(bad: &[BadRow]) -> String {
    bad.first().map_or_else(String::new, |BadRow { line, column, problem }| {
        format!("line {line}: {column}: {problem}")
    })
}

/// A value that cannot be used.
struct BadValue {
    column: &'static str,
    problem: String,
}

/// Reads every order, in the order of their first lines, or reports every bad row.
pub fn read(file: impl Read) -> Result<Vec<FileOrder>, Unreadable> {
    let mut file = csv::Reader::from_reader(file);
    let header = file.headers()?.clone();
    let mut orders = Orders::default();
    let (mut bad, mut rows) = (Vec::new(), 0);
    let mut record = StringRecord::new();
    loop {
        // A row of another length or in another encoding is passed over. The next one is where it should be.
        let row = match file.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => record.deserialize::<Row>(Some(&header)),
            Err(error) if error.is_io_error() => return Err(error.into()),
            Err(error) => Err(error),
        };
        rows += 1;
        let refused = match row {
            Ok(row) => {
                orders.add(&row).err().map(|BadValue { column, problem }| (column.to_owned(), problem))
            }
            Err(error) => Some(malformed(&error, &header)),
        };
        if let Some((column, problem)) = refused {
            let line = record.position().map_or(0, csv::Position::line);
            bad.push(BadRow { line, column, problem });
        }
    }
    if bad.is_empty() { orders.finish() } else { Err(Unreadable::Rows { bad, rows }) }
}

/// Returns the column and the problem of a row that cannot be read, without its place.
fn malformed(error: &csv::Error, header: &StringRecord) -> (String, String) {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let column = err.field().and_then(|field| header.get(usize::try_from(field).ok()?));
            (column.unwrap_or("row").to_owned(), err.kind().to_string())
        }
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            ("row".to_owned(), format!("expected {expected_len} fields, found {len}"))
        }
        _ => ("row".to_owned(), error.to_string()),
    }
}

/// The orders so far.
#[derive(Default)]
struct Orders {
    orders: Vec<Unfinished>,
    places: HashMap<String, usize>,
}

impl Orders {
    /// Adds a line to its order, which begins with its first line.
    fn add(&mut self, row: &Row) -> Result<(), BadValue> {
        let place = if let Some(place) = self.places.get(&row.order_id) {
            *place
        } else {
            self.orders.push(begin(row)?);
            self.places.insert(row.order_id.clone(), self.orders.len() - 1);
            self.orders.len() - 1
        };
        let order = &mut self.orders[place];
        let refuse = |error: MoneyError| BadValue { column: "Sales", problem: error.to_string() };
        let total = Money::parse_rounded(&row.sales, Currency::USD).map_err(refuse)?;
        let order_total = Money::new(order.total_minor, Currency::USD).checked_add(total).map_err(refuse)?;
        order.total_minor = order_total.minor;
        order.units.push((row.product_id.clone(), row.quantity));
        order.lines.push(json!({
            "sku": row.product_id, "title": row.product_name, "quantity": row.quantity, "total": total.decimal(),
        }));
        Ok(())
    }

    fn finish(self) -> Result<Vec<FileOrder>, Unreadable> {
        self.orders.into_iter().map(Unfinished::finish).collect()
    }
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

fn begin(row: &Row) -> Result<Unfinished, BadValue> {
    let refuse = |column, value: &str, expected: &str| BadValue {
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
            "1 of 2 rows are not lines of an order: \
             line 3: Sales: expected an amount that fits 64 bits of minor units, found a larger one"
        );
        let file = two_lines("A-1", [most, "0"]);
        assert_eq!(read(file.as_bytes()).unwrap()[0].total_minor, i64::MAX);
    }

    #[test]
    fn every_bad_row_is_named_with_its_line_and_column() {
        let mut file = two_lines("A-1", ["1", "a lot"]);
        file.push_str("1,B,2026-03-01,By Pigeon,B-1,Ann,United States,Ames,Iowa,50010,P,Pen,1,1\n");
        file.push_str("1,C,2026-03-01,Same Day,\"C\n1\",Ann,Canada,Ames,Iowa,50010,P,Pen,1,1\n");
        file.push_str("1,D,2026-03-01,Same Day,D-1,Ann,United States,Ames,Iowa,50010,P,Pen,1,many\n");
        file.push_str("1,E\n");
        file.push_str("1,F,2026-03-01,Same Day,F-1,Ann,United States,Ames,Iowa,50010,P,Pen,1,1\n");
        let Err(Unreadable::Rows { bad, rows }) = read(file.as_bytes()) else { panic!("it is read") };
        assert_eq!(rows, 7);
        let found: Vec<_> =
            bad.iter().map(|row| format!("{} {}: {}", row.line, row.column, row.problem)).collect();
        let expected = [
            "3 Sales: expected a decimal amount, found \"a lot\"",
            "4 Ship Mode: expected Standard, Second or First Class, or Same Day, found \"By Pigeon\"",
            "5 Country: expected United States, found \"Canada\"",
            "7 Quantity: invalid digit found in string",
            "8 row: expected 14 fields, found 2",
        ];
        assert_eq!(found, expected);
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
