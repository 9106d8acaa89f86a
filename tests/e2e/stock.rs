//! Stock as a shop's owner works with it: from an empty deployment to the first order that goes out.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::local_deployment::LocalDeployment;
use crate::until::until;

/// The units of a SKU in a bucket of a location, by the sums of `stock explain`.
fn units(explained: &Value, location: &str, bucket: &str) -> i64 {
    let is_it = |sum: &&Value| sum["location"] == location && sum["bucket"] == bucket;
    explained["sums"].as_array().unwrap().iter().find(is_it).map_or(0, |sum| sum["units"].as_i64().unwrap())
}

/// How many rows ended in each way.
fn counts(report: &Value) -> [i64; 3] {
    ["booked", "before", "refused"].map(|name| report[name].as_i64().unwrap_or_else(|| panic!("{report:#}")))
}

#[allow(clippy::too_many_lines, reason = "one deployment, from nothing to the first order")]
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_deployment_is_filled_by_one_file_and_the_first_order_goes_out() {
    let local = LocalDeployment::start().await;
    let path = |name: &str| local.dir.path().join(name).to_str().unwrap().to_owned();
    let nothing = local.does(&["stock", "list"]).await;
    assert!(nothing.stdout.starts_with("no stock\nnext: despatch stock receive"), "{nothing:?}");

    // Nothing can be received where there is no location.
    let nowhere = local.does(&["stock", "receive", "SKU-A", "5", "--location", "louisville"]).await;
    assert_eq!(nowhere.status.code(), Some(1), "{nowhere:?}");
    assert!(
        nowhere.stderr.contains("found \"louisville\": create one with `despatch locations set`"),
        "{nowhere:?}"
    );
    for (id, rank) in [("louisville", "1"), ("shop", "200")] {
        let set = ["locations", "set", id, "--name", "Quay", "--city", "Louisville", "--region", "KY"];
        let set = local.does(&[&set[..], &["--country", "United States", "--rank", rank]].concat()).await;
        assert!(
            set.status.success() && set.stdout.starts_with("1 location set\nnext: despatch locations list"),
            "{set:?}"
        );
        let note = "note: without a street labels show the address of labels.sender\n";
        assert!(set.stderr.contains(note), "{set:?}");
    }
    let listed = local.does(&["locations", "list"]).await.stdout;
    assert!(
        listed.contains("louisville") && listed.contains("US") && listed.contains("all shops"),
        "{listed}"
    );
    let unknown_zone = local.does(&["locations", "set", "shop", "--zone", "Europe/Berlni"]).await;
    assert!(unknown_zone.stderr.contains("zone: expected an IANA time zone"), "{unknown_zone:?}");

    // A file as a person makes one: semicolons, a column of her own, some bad rows, two equal rows.
    let mut file = "\u{feff}Quantity;SKU;Location;Price\r\n".to_owned();
    for number in 0..1200 {
        let sku = if number < 2 { "SKU-A".to_owned() } else { format!("SKU-{number}") };
        let _ = write!(file, "3;{sku};louisville;1,50\r\n");
    }
    let good = file.clone();
    file.push_str(
        "\r\n3;SKU-X;luisville;\r\n1.000;SKU-Y;louisville;\r\n0;SKU-Z;louisville;\r\n;SKU-W;shop;\r\n",
    );
    std::fs::write(path("delivery.csv"), &file).unwrap();
    let refused = path("refused.csv");
    let receive =
        local.does(&["stock", "receive", "--from", &path("delivery.csv"), "--refused", &refused]).await;
    assert_eq!(receive.status.code(), Some(1), "{receive:?}");
    assert_eq!(
        receive.stdout,
        "1200 rows booked, 3600 units; 4 rows refused\n\
         1199 new articles: SKU-10, SKU-100, SKU-1000, SKU-1001, SKU-1002, ...\n\
         Correct the refused rows, and send them again.\n",
        "{receive:?}"
    );
    for part in [
        "note: these columns are not read: Price\n",
        "refused: line 1203: SKU-X at luisville: expected a location, found \"luisville\": did you mean \"louisville\"?",
        "refused: line 1204: quantity: expected a whole number without decimals and separators, found \"1.000\"\n",
        "refused: line 1205: quantity: expected 1 or more, found 0\n",
        "refused: line 1206: quantity: expected a whole number, found nothing\n",
    ] {
        assert!(receive.stderr.contains(part), "{part} in\n{}", receive.stderr);
    }

    // The same file under another name; the corrected file; the corrected rows alone: each row is booked once.
    std::fs::write(path("again.csv"), &good).unwrap();
    let received = async |name: &str, rest: &[&str]| {
        local.json(&[&["stock", "receive", "--json", "--from", &path(name)], rest].concat()).await
    };
    assert_eq!(counts(&received("again.csv", &[]).await), [0, 1200, 0]);
    let again = local.does(&["stock", "receive", "--from", &path("again.csv")]).await;
    assert!(again.status.success() && again.stdout.contains("this row was booked before, on "), "{again:?}");
    let corrected = file
        .replace("luisville", "louisville")
        .replace("1.000;", "1000;")
        .replace("\r\n0;", "\r\n7;")
        .replace("\r\n;SKU-W", "\r\n1;SKU-W")
        .replace("lolouisville", "louisville");
    std::fs::write(path("corrected.csv"), corrected).unwrap();
    let booked = received("corrected.csv", &[]).await;
    assert_eq!((counts(&booked), &booked["units"]), ([4, 1200, 0], &json!(1011)));
    let bad_rows = std::fs::read_to_string(&refused).unwrap();
    assert_eq!(
        bad_rows.lines().next(),
        Some("\u{feff}Quantity;SKU;Location;Price;rest_of;problem").map(|it| &it[3..])
    );
    std::fs::write(&refused, bad_rows.replace("luisville", "louisville")).unwrap();
    assert_eq!(counts(&received("refused.csv", &[]).await), [0, 1, 3]);
    // A corrected row that equals a booked one is booked in addition: alone, and once when the whole file follows.
    std::fs::write(path("two.csv"), "sku,location,quantity\nSKU-2X,shop,5\nSKU-2X,shpo,5\n").unwrap();
    assert_eq!(counts(&received("two.csv", &["--refused", &refused]).await), [1, 0, 1]);
    for name in ["refused.csv", "two.csv"] {
        let text = std::fs::read_to_string(path(name)).unwrap().replace("shpo,", "shop,");
        std::fs::write(path(name), text).unwrap();
    }
    assert_eq!(counts(&received("refused.csv", &[]).await), [1, 0, 0]);
    assert_eq!(counts(&received("refused.csv", &[]).await), [0, 1, 0]);
    assert_eq!(counts(&received("two.csv", &[]).await), [0, 2, 0]);
    // Another delivery of the same rows is one.
    assert_eq!(counts(&received("again.csv", &["--receipt", "2026-0815"]).await), [1200, 0, 0]);
    assert_eq!(counts(&received("again.csv", &["--receipt", "2026-0815"]).await), [0, 1200, 0]);

    // Where one bad row keeps every row from being booked.
    std::fs::write(path("strict.csv"), "sku,location,quantity\nSKU-A,shop,1\nSKU-A,shpo,1\n").unwrap();
    let strict = received("strict.csv", &["--all-or-nothing"]).await;
    assert_eq!((counts(&strict), &strict["withheld"]), ([0, 0, 1], &json!(1)));

    // A row that is typed is booked each time, unless the request has an id.
    let typed = ["stock", "receive", "SKU-T", "2", "--location", "shop"];
    for rest in [&[][..], &[], &["--request-id", "once"], &["--request-id", "once"]] {
        let done = local.does(&[&typed[..], rest].concat()).await;
        assert!(done.status.success(), "{done:?}");
    }
    let explained = async |sku: &str| local.json(&["stock", "explain", sku, "--json"]).await;
    assert_eq!(units(&explained("SKU-T").await, "shop", "available"), 6);

    // Corrections, with what the ledger says of them.
    let short =
        local.does(&["stock", "adjust", "SKU-T", "-7", "--location", "shop", "--reason", "lost"]).await;
    assert!(!short.status.success() && short.stderr.contains("expected at most 6 units"), "{short:?}");
    let misspelt =
        local.does(&["stock", "adjust", "SKU-TT", "-1", "--location", "shop", "--reason", "lost"]).await;
    assert!(misspelt.stderr.contains("did you mean \"SKU-T\"?"), "{misspelt:?}");
    for command in [
        &["stock", "adjust", "SKU-T", "-1", "--location", "shop", "--reason", "damaged", "--by", "ann"][..],
        &["stock", "count", "SKU-T", "4", "--location", "shop"],
        &["stock", "transfer", "SKU-T", "1", "shop", "louisville"],
        &["stock", "transfer", "SKU-T", "2", "shop", "louisville", "--arrives-later", "--transfer", "T-1"],
        &["stock", "arrive", "T-1"],
    ] {
        let done = local.does(command).await;
        assert!(done.status.success(), "{command:?}: {done:?}");
    }
    let moved = explained("SKU-T").await;
    let held = |location, bucket| units(&moved, location, bucket);
    assert_eq!(
        (held("shop", "available"), held("shop", "damaged"), held("shop", "missing")),
        (1, 1, 1),
        "{moved:#}"
    );
    assert_eq!(held("louisville", "available"), 3, "{moved:#}");
    let text = local.does(&["stock", "explain", "SKU-T"]).await.stdout;
    assert!(text.contains("corrected: damaged by ann, request "), "{text}");

    // Articles, by a file of their own.
    std::fs::write(
        path("articles.csv"),
        "sku,title,grams,barcode,origin\nSKU-A,Stapler,250,4006381333931 4006381333948=12,Germany\nSKU-B,Pen,,,Atlantis\n",
    )
    .unwrap();
    let items = local.does(&["items", "set", "--from", &path("articles.csv")]).await;
    assert!(items.stderr.contains("refused: line 3: SKU-B: origin: expected a country"), "{items:?}");
    let listed = local.json(&["items", "list", "--limit", "1", "--json"]).await;
    let (stapler, next) = (&listed["items"][0], listed["next"].as_str().unwrap());
    let after = local.json(&["items", "list", "--after", "SKU-9999", "--json"]).await;
    assert!(next < "SKU-A" && stapler["grams"].is_null(), "{listed:#}");
    let stapler = &after["items"][0];
    assert_eq!(
        (&stapler["sku"], &stapler["grams"], &stapler["origin"]),
        (&json!("SKU-A"), &json!(250), &json!("DE"))
    );
    assert_eq!(stapler["barcodes"][1], json!({ "code": "4006381333948", "factor": 12 }));

    // The first order goes out, and its label and the ledger say so.
    until("labels knows the weight", async || {
        let known = "select from labels.item where sku = 'SKU-A' and grams = 250";
        local.database.client().await.ok()?.query_opt(known, &[]).await.ok()?.map(drop)
    })
    .await;
    local.post(&local.checked_out(1).await, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").await;
    local.becomes("test/1", "completed").await;
    let shown = local.json(&["orders", "show", "test/1", "--json"]).await;
    let packed = json!({
        "grams": 400, "length_mm": 400, "width_mm": 300, "height_mm": 200,
        "assumed_weights": [], "unknown_sides": ["SKU-A"],
    });
    assert_eq!(shown["parcels"][0]["packed"], packed, "{shown:#}");
    let sold = explained("SKU-A").await;
    assert_eq!(
        (units(&sold, "louisville", "available"), units(&sold, "louisville", "customer")),
        (11, 1),
        "{sold:#}"
    );
    let level = local.json(&["stock", "list", "SKU-A", "--json"]).await;
    assert_eq!(level["levels"][0]["available"], 11, "{level:#}");
    let table = local.does(&["stock", "list", "--location", "shop"]).await.stdout;
    assert!(table.contains("SKU-W") && !table.contains("louisville"), "{table}");
    let unknown = local.does(&["stock", "explain", "SKU-0"]).await;
    assert!(unknown.stderr.contains("no article has the SKU \"SKU-0\""), "{unknown:?}");
    local.stop().await;
}

/// The open cases of a reason.
async fn cases(local: &LocalDeployment, reason: &str) -> Vec<Value> {
    let listed = local.json(&["exceptions", "list", "--reason", reason, "--json"]).await;
    listed["cases"].as_array().unwrap_or_else(|| panic!("{listed:#}")).clone()
}

#[allow(clippy::too_many_lines, reason = "one delivery, from its announcement to its end")]
#[tokio::test(flavor = "multi_thread")]
async fn an_announced_delivery_is_compared_with_what_comes() {
    let local = LocalDeployment::start().await;
    let path = |name: &str| local.dir.path().join(name).to_str().unwrap().to_owned();
    let file = |name: &str, rows: &str| {
        std::fs::write(path(name), format!("sku,location,quantity\n{rows}")).unwrap();
        path(name)
    };
    let nothing = local.does(&["stock", "expected"]).await.stdout;
    assert!(
        nothing.starts_with("no deliveries are expected\nnext: despatch stock expected set"),
        "{nothing}"
    );
    let main = local.does(&["locations", "set", "main", "--country", "US"]).await;
    assert!(main.status.success(), "{main:?}");

    let order = file("order.csv", "SKU-A,main,40\nSKU-B,main,5\nSKU-D,main,1\nSKU-D,main,2\nSKU-C,mian,2\n");
    let set = ["stock", "expected", "set", "PO/17", "--supplier", "Acme", "--from", &order];
    let no_due = local.does(&set).await;
    assert!(no_due.stderr.contains("expected the due time of a new delivery"), "{no_due:?}");
    let odd = local.does(&[&set[..], &["--due", "3d", "--contact", "acme"]].concat()).await;
    assert!(odd.stderr.contains("contact: expected an e-mail address"), "{odd:?}");
    let announced =
        local.does(&[&set[..], &["--due", "3d", "--contact", "orders@acme.example"]].concat()).await;
    assert_eq!(announced.status.code(), Some(1), "{announced:?}");
    assert_eq!(
        announced.stdout,
        "2 rows expected, 45 units; 3 rows refused\nCorrect the refused rows, and send them again.\n",
        "{announced:?}"
    );
    assert!(
        announced.stderr.contains("line 4: expected one row for SKU-D at main, found lines 4, 5"),
        "{announced:?}"
    );
    assert!(announced.stderr.contains("did you mean \"main\"?"), "{announced:?}");
    let typed = ["stock", "expected", "set", "PO/17", "SKU-C", "2", "--location", "main"];
    let typed = local.does(&typed).await;
    assert!(typed.stdout.starts_with("1 row expected, 2 units\nnext: despatch stock expected"), "{typed:?}");
    let listed = local.json(&["stock", "expected", "list", "--json"]).await;
    let delivery = &listed["deliveries"][0];
    assert_eq!(
        (&delivery["delivery"], &delivery["expected"], &delivery["open"], &delivery["is_overdue"]),
        (&json!("PO/17"), &json!(47), &json!(47), &json!(false)),
        "{listed:#}"
    );

    // A first part, a typed row, and a last part with too little of one article and one that was not ordered.
    let part = file("part.csv", "SKU-A,main,30\n");
    let received =
        local.does(&["stock", "receive", "--from", &part, "--receipt", "PO/17", "--more-follows"]).await;
    assert!(received.stdout.contains("PO/17 is open: 30 of 47 units are booked, due "), "{received:?}");
    let typed = ["stock", "receive", "SKU-C", "2", "--location", "main", "--receipt", "PO/17"];
    assert!(local.does(&typed).await.stdout.contains("PO/17 is open: 32 of 47"));
    let rest = file("rest.csv", "SKU-A,main,10\nSKU-B,main,4\nSKU-X,main,1\n");
    let received = local.does(&["stock", "receive", "--from", &rest, "--receipt", "PO/17"]).await;
    assert!(received.stdout.contains("PO/17 is closed, and differs from its announcement"), "{received:?}");
    assert!(received.stdout.contains("SKU-B") && received.stdout.contains("SKU-X"), "{received:?}");
    assert!(!received.stdout.contains("SKU-A") && !received.stdout.contains("SKU-C"), "{received:?}");
    let differs = local.case("receipt-differs").await;
    assert_eq!((&differs["queue"], &differs["subject"]), (&json!("purchasing"), &json!("delivery/PO/17")));
    assert_eq!(
        differs["error"],
        "PO/17 of Acme differs from its announcement: SKU-B at main: expected 5, booked 4; \
         SKU-X at main: expected 0, booked 1"
    );
    // The announcement was wrong. A replay looks again, and ends the case.
    for row in [["SKU-B", "4"], ["SKU-X", "1"]] {
        let set = ["stock", "expected", "set", "PO/17", row[0], row[1], "--location", "main"];
        assert!(local.does(&set).await.status.success());
    }
    let number = differs["number"].to_string();
    let replay = local.does(&["exceptions", "replay", &number]).await;
    assert!(replay.status.success(), "{replay:?}");
    until("the case is resolved", async || cases(&local, "receipt-differs").await.is_empty().then_some(()))
        .await;

    // One that nobody announced says nothing; one that came as announced closes; one is late.
    let other = local.does(&["stock", "receive", "--from", &part, "--receipt", "DN-1"]).await;
    assert!(other.stdout.starts_with("1 row booked, 30 units\nnext: despatch stock list"), "{other:?}");
    assert_eq!(other.stdout.lines().count(), 2, "{other:?}");
    let exact = ["stock", "expected", "set", "PO-18", "--due", "3d", "--from", &part];
    assert!(local.does(&exact).await.status.success());
    let received = local.does(&["stock", "receive", "--from", &part, "--receipt", "PO-18"]).await;
    assert!(received.stdout.ends_with("PO-18 is complete, as announced: 30 units\n"), "{received:?}");
    let late =
        ["stock", "expected", "set", "PO-19", "--due", "2026-01-02", "--contact", "orders@acme.example"];
    assert!(local.does(&[&late[..], &["--from", &part]].concat()).await.status.success());
    let overdue = local.case("delivery-overdue").await;
    assert!(overdue["error"].as_str().unwrap().contains("contact orders@acme.example"), "{overdue:#}");
    let table = local.does(&["stock", "expected"]).await.stdout;
    assert!(table.contains("PO-19") && table.contains("overdue") && !table.contains("PO-18"), "{table}");
    let cancelled = local.does(&["stock", "expected", "cancel", "PO-19"]).await;
    assert!(
        cancelled.stdout.starts_with("1 delivery cancelled\nnext: despatch stock expected"),
        "{cancelled:?}"
    );
    assert!(cancelled.stdout.ends_with("\nPO-19 is cancelled\n"), "{cancelled:?}");
    let unknown = local.does(&["stock", "expected", "show", "PO-20"]).await;
    assert!(unknown.stderr.contains("nobody announced a delivery \"PO-20\""), "{unknown:?}");
    assert_eq!(cases(&local, "receipt-differs").await.len(), 0);
    local.stop().await;
}
