//! Articles and locations: what people say of them, field by field.

use despatch_contracts::order::{Address, Order};
use despatch_contracts::stock::{
    Barcode, Channels, DescribedItem, Item, ItemsDescribed, ItemsSet, Location, LocationDescribed,
    LocationSet,
};

use despatch_contracts::stock::StockReserved;

use crate::stock_requests::{ask, asked, outcomes};
use crate::{AN_HOUR, accepted_as, order_for, warehouse};

#[tokio::test]
async fn articles_are_described_field_by_field() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 1)]).await;
    let item = |sku: &str| Item { sku: sku.into(), ..Item::default() };
    let barcode = |code: &str, factor| Barcode { code: code.into(), factor };
    let items = vec![
        Item {
            title: Some("A lamp".into()),
            grams: Some(1200),
            fragile: Some(true),
            barcodes: vec![barcode("401", 1), barcode("402", 6)],
            ..item("SKU-A")
        },
        Item { grams: Some(0), ..item("SKU-B") },
        Item { barcodes: vec![barcode("401", 1)], ..item("SKU-B") },
        Item { origin: Some("UK".into()), ..item("SKU-B") },
        Item { value_minor: Some(5), ..item("SKU-B") },
        Item { value_minor: Some(5), value_currency: Some("GBP".into()), ..item("SKU-B") },
        item("SKU-B"),
    ];
    let results = ask(&env, &db, "i-1", &ItemsSet { request: Some(asked("i-1")), items }).await;
    let refused = |code| ("refused", code);
    let expected = [
        ("booked", ""),
        refused("measure-invalid"),
        refused("barcode-used"),
        refused("country-unknown"),
        refused("value-invalid"),
        ("booked", ""),
        refused("row-twice"),
    ];
    assert_eq!(results, outcomes(&expected));
    let again = Item {
        grams: Some(1300),
        length_mm: Some(90),
        own_box: Some(true),
        barcodes: vec![barcode("401", 0)],
        ..item("SKU-A")
    };
    ask(&env, &db, "i-2", &ItemsSet { request: Some(asked("i-2")), items: vec![again] }).await;
    // Others are told of every article as it is now, and of none that was refused.
    let told = |sku: &str, change| DescribedItem { sku: sku.into(), change, ..DescribedItem::default() };
    let first: ItemsDescribed = env.expect("i-1").await;
    let expected = [DescribedItem { grams: Some(1200), ..told("SKU-A", 1) }, told("SKU-B", 1)];
    assert_eq!(first.items, expected);
    let second: ItemsDescribed = env.expect("i-2").await;
    let expected =
        DescribedItem { grams: Some(1300), length_mm: Some(90), own_box: true, ..told("SKU-A", 2) };
    assert_eq!(second.items, [expected]);
    let refused = ItemsSet { request: Some(asked("i-3")), items: vec![item("")] };
    ask(&env, &db, "i-3", &refused).await;
    env.quiet().await;
    assert_eq!(env.count::<ItemsDescribed>("i-3").await, 0);
    assert_eq!(env.count::<ItemsDescribed>("i-1").await, 1);
    let sql = "SELECT title, grams, fragile, array(SELECT code || ':' || factor FROM inventory.barcode b
                                                   WHERE b.sku = i.sku ORDER BY 1)
               FROM inventory.item i WHERE sku = 'SKU-A'";
    let row = db.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), (Some("A lamp".to_owned()), Some(1300_i64), true));
    assert_eq!(row.get::<_, Vec<String>>(3), ["402:6"]);
}

#[tokio::test]
async fn a_location_serves_the_shops_that_it_sells_for() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 5), ("SKU-A", "west", 1)]).await;
    let channels = Some(Channels { names: vec!["north".into()] });
    let east = Location { id: "east".into(), channels, ..Location::default() };
    let set = LocationSet { request: Some(asked("l-1")), location: Some(east) };
    assert_eq!(ask(&env, &db, "l-1", &set).await, outcomes(&[("booked", "")]));
    let of_shop = |order_id: &str, shop: &str, units| {
        accepted_as(Order { shop: shop.into(), ..order_for(order_id, &[("SKU-A", units)]) })
    };
    env.deliver(&of_shop("o-1", "south", 2)).await;
    assert_eq!(env.expect_dead("o-1").await.reason, "stock-short");
    for (order_id, shop, units, location) in [("o-2", "south", 1, "west"), ("o-3", "north", 2, "east")] {
        env.deliver(&of_shop(order_id, shop, units)).await;
        let reserved: StockReserved = env.expect(order_id).await;
        assert_eq!(reserved.allocations[0].location, location);
    }
}

#[tokio::test]
async fn locations_are_opened_and_changed_field_by_field() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    let set = |request_id: &str, location: Location| LocationSet {
        request: Some(asked(request_id)),
        location: Some(location),
    };
    let address = Address { city: "Leipzig".into(), country: "DE".into(), ..Address::default() };
    let north = Location {
        id: "north".into(),
        name: Some("North".into()),
        address: Some(address),
        zone: Some("Europe/Berlin".into()),
        rank: Some(7),
        channels: Some(Channels { names: vec!["web".into()] }),
        ..Location::default()
    };
    assert_eq!(ask(&env, &db, "l-1", &set("l-1", north)).await, outcomes(&[("booked", "")]));
    let rank = Location { id: "north".into(), rank: Some(3), ..Location::default() };
    ask(&env, &db, "l-2", &set("l-2", rank)).await;
    let sql = "SELECT name, city, country, zone, rank, channels FROM inventory.location WHERE id = 'north'";
    let row = db.query_one(sql, &[]).await.unwrap();
    let texts = [0, 1, 2, 3].map(|at| row.get::<_, String>(at));
    assert_eq!(texts, ["North", "Leipzig", "DE", "Europe/Berlin"]);
    assert_eq!((row.get::<_, i32>(4), row.get::<_, Vec<String>>(5)), (3, vec!["web".to_owned()]));
    let bad = |location: Location| Location { id: "south".into(), ..location };
    let refusals = [
        ("l-3", Location { mode: Some("handled".into()), ..Location::default() }, "mode-unknown"),
        ("l-4", Location { zone: Some("Mars".into()), ..Location::default() }, "zone-unknown"),
        ("l-5", Location { address: Some(Address::default()), ..Location::default() }, "country-unknown"),
    ];
    for (request_id, location, code) in refusals {
        let results = ask(&env, &db, request_id, &set(request_id, bad(location))).await;
        assert_eq!(results, outcomes(&[("refused", code)]));
    }
    // Others are told of the location as it is now, and of none that was refused.
    env.quiet().await;
    assert_eq!(env.count::<LocationDescribed>("south").await, 0);
    assert_eq!(env.count::<LocationDescribed>("north").await, 2);
    let told: LocationDescribed = env.expect("north").await;
    let address = told.address.expect("an address");
    assert_eq!((address.city.as_str(), address.street1.as_str()), ("Leipzig", ""));
    let none = "SELECT count(*) FROM inventory.location WHERE id = 'south'";
    assert_eq!(db.query_one(none, &[]).await.unwrap().get::<_, i64>(0), 0);
}
