//! `despatch orders show`: everything that is known of one order.

use despatch_contracts::order::{Address, Order, TaxLine};
use despatch_read_model::placed::PlacedOrder;
use despatch_read_model::{OrderBook, ReadModel};
use despatch_status::PLACED;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::find;
use super::page::{OrderPage, ordered_at};
use crate::config::Config;
use crate::output::{print, width};
use crate::result::Result;

/// Prints what was ordered, how far it is, and what happened to it.
pub(super) async fn show(
    config: &Config,
    book: &OrderBook,
    name: &str,
    verbose: bool,
    as_json: bool,
) -> Result {
    let placed = find(book, name).await?;
    let record = ReadModel::new(&config.settings())?.order(&placed.order_id).await?;
    let page = OrderPage {
        contents: book.contents(&placed.order_id).await?.map(|(order, _)| order),
        cases: book.cases(&placed.order_id).await?,
        now: book.now().await?,
        record,
        placed,
    };
    if as_json {
        return print(&format!("{:#}\n", as_object(&page)));
    }
    print(&page.render(&TimeZone::system(), verbose, width()))
}

fn as_object(page: &OrderPage) -> Value {
    let OrderPage { placed, contents, record, cases, .. } = page;
    let PlacedOrder { order_id, shop, shop_order_id, received_at, trace_id } = placed;
    let mut object = json!({
        "order_id": order_id, "shop": shop, "shop_order_id": shop_order_id, "received_at": received_at,
        "trace_id": trace_id, "state": PLACED, "accepted": record.is_some(), "cases": cases,
    });
    let parts = [contents.as_ref().map(ordered), record.as_ref().map(|record| json!(record))];
    for (key, value) in parts.into_iter().flatten().filter_map(members).flatten() {
        object[key] = value;
    }
    object
}

fn members(value: Value) -> Option<serde_json::Map<String, Value>> {
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// The order as the customer placed it.
fn ordered(order: &Order) -> Value {
    let lines: Vec<Value> = order
        .lines
        .iter()
        .map(|line| {
            json!({
                "number": line.number, "sku": line.sku, "title": line.title, "quantity": line.quantity,
                "removed": line.removed, "total_minor": line.total_minor, "taxes": taxes(&line.taxes),
                "fulfilment": line.fulfilment().as_str_name().trim_start_matches("FULFILMENT_").to_lowercase(),
                "bundle": line.bundle, "shop_line_id": line.shop_line_id, "product_id": line.product_id,
                "variant_id": line.variant_id, "unit_price_minor": line.unit_price_minor,
                "discount_minor": line.discount_minor, "weight_grams": line.weight_grams,
            })
        })
        .collect();
    let charges: Vec<Value> = order
        .charges
        .iter()
        .map(|charge| {
            json!({
                "kind": charge.kind().name(), "title": charge.title, "amount_minor": charge.amount_minor,
                "taxes": taxes(&charge.taxes),
            })
        })
        .collect();
    let tenders: Vec<Value> = order
        .tenders
        .iter()
        .map(|tender| {
            json!({
                "provider": tender.provider, "reference": tender.reference, "name": tender.name,
                "amount_minor": tender.amount_minor, "currency": tender.currency,
                "state": tender.state().as_str_name().trim_start_matches("TENDER_STATE_").to_lowercase(),
            })
        })
        .collect();
    json!({
        "channel": order.channel,
        "number": order.number,
        "placed_at": ordered_at(order),
        "updated_at": order.updated_at.as_ref().map(ToString::to_string),
        "source": order.source, "is_test": order.is_test, "is_gift": order.is_gift, "note": order.note,
        "tags": order.tags, "discount_codes": order.discount_codes, "buyer_tax_id": order.buyer_tax_id,
        "customer": order.customer.as_ref().map(|customer| json!({
            "customer_id": customer.customer_id, "name": customer.name, "email": customer.email,
            "phone": customer.phone, "locale": customer.locale,
            "marketing": customer.marketing.as_ref().map(|said| json!({
                "state": said.state, "level": said.level, "at": said.at.as_ref().map(ToString::to_string),
            })),
        })),
        "ship_to": order.ship_to.as_ref().map(address),
        "bill_to": order.bill_to.as_ref().map(address),
        "lines": lines,
        "currency": order.currency, "charges": charges, "tax_minor": order.tax_minor,
        "prices_include_tax": order.prices_include_tax, "discount_minor": order.discount_minor,
        "total_minor": order.total_minor, "presentment_currency": order.presentment_currency,
        "presentment_total_minor": order.presentment_total_minor, "tenders": tenders,
    })
}

fn address(address: &Address) -> Value {
    json!({
        "name": address.name, "company": address.company, "street1": address.street1, "street2": address.street2,
        "city": address.city, "region": address.region, "postcode": address.postcode,
        "country": address.country, "phone": address.phone,
    })
}

fn taxes(taxes: &[TaxLine]) -> Vec<Value> {
    let tax = |TaxLine { title, rate_ppm, amount_minor }: &TaxLine| json!({"title": title, "rate_ppm": rate_ppm, "amount_minor": amount_minor});
    taxes.iter().map(tax).collect()
}

#[cfg(test)]
mod tests {
    use super::super::page::sample;
    use super::*;

    #[test]
    fn json_has_every_name_of_the_order_and_what_was_ordered() {
        let object = as_object(&sample::delivered());
        assert_eq!((&object["shop"], &object["shop_order_id"]), (&json!("north"), &json!("1001")));
        assert_eq!((&object["state"], &object["accepted"]), (&json!("delivered"), &json!(true)));
        assert_eq!(object["customer"]["email"], "zoe@example.com");
        assert_eq!(object["lines"][0]["sku"], "FUR-BO-10001798");
        assert_eq!(
            (&object["lines"][0]["fulfilment"], &object["bill_to"]),
            (&json!("unspecified"), &Value::Null)
        );
        assert_eq!(object["payment"]["tenders"][0]["captured_minor"], 1330);
        assert_eq!(object["tenders"][0]["state"], "authorised");
        let tax = json!({"title": "KY", "rate_ppm": 60_000, "amount_minor": 21});
        let shipping = json!({"kind": "shipping", "title": "Standard", "amount_minor": 350, "taxes": [tax]});
        assert_eq!(object["charges"], json!([shipping]));
        assert_eq!(
            (&object["lines"][0]["taxes"], &object["prices_include_tax"]),
            (&json!([]), &json!(false))
        );
        let object = as_object(&sample::not_accepted());
        assert_eq!((&object["state"], &object["accepted"]), (&json!("placed"), &json!(false)));
        assert_eq!(object["cases"][0]["number"], 12);
        assert_eq!(object["total_minor"], 1330);
    }
}
