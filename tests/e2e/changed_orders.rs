//! A shop changes its orders in every way, in any order of its words, and repeated. The property of it all: no unit leaves that was
//! taken off before the hand-over, and every word ends in a final state, a wait with a deadline or a case.

use std::time::{Duration, Instant};

use despatch::Registry;
use despatch_order_files::{FileOrder, GatewayClient};
use despatch_runtime::Database;
use despatch_scenario::shopify::{EditingShop, Told, shop_configuration, with_spare_units};
use despatch_scenario::{Auditor, CheckoutClient, PlacedOrder, receive_stock, sample};
use futures_util::StreamExt;
use futures_util::stream;

use crate::deployment::Deployment;
use crate::until::until;

/// Orders of which everything is said before any parcel leaves.
const BEFORE: usize = 40;

/// Orders whose parcels leave while the shop goes on to change them.
const MEANWHILE: usize = 20;

pub(crate) const WORKERS: [&str; 8] =
    ["gateway", "orders", "inventory", "payments", "labels", "notifications", "reviews", "exceptions"];

/// How long the timers of an order may take that is delivered.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// A wait for an event that never comes ends within the test.
const SHORT_WAITS: &str = "
[runtime.policies.\"payments.report\"]
defer_deadline_seconds = 10
[runtime.policies.\"gateway.reread\"]
defer_deadline_seconds = 10
";

/// The seed of this run. Other ones are tried by hand.
fn seed() -> u64 {
    std::env::var("DESPATCH_TEST_SEED").map_or(7, |seed| seed.parse().unwrap())
}

/// A shop whose orders are those of the sample.
struct Changes<'d> {
    deployment: &'d Deployment,
    shop: EditingShop,
    orders: Vec<FileOrder>,
    auditor: Auditor,
}

impl Changes<'_> {
    /// Says everything about the orders at these places.
    async fn told(&self, places: std::ops::Range<usize>) -> Vec<(usize, Told)> {
        let telling =
            places.map(async |place| (place, self.shop.tell(place, &self.orders[place]).await.unwrap()));
        stream::iter(telling).buffer_unordered(20).collect().await
    }

    /// Returns once nothing is left to do but to wait.
    async fn is_quiet(&self) {
        until("nothing is left to do", async || {
            let backlogs = self.auditor.backlogs().await.unwrap();
            backlogs.iter().all(|(_, it)| it.waiting == 0 && it.outbox_batches == 0).then_some(())
        })
        .await;
        self.deployment.env.quiet().await;
    }

    /// Returns a line for each defect of the orders.
    async fn defects(&self, told: &[(usize, Told)]) -> Vec<String> {
        let placed: Vec<PlacedOrder<'_>> = told
            .iter()
            .filter_map(|(place, told)| {
                let order_id = told.order_id.as_deref()?;
                Some(PlacedOrder { order_id, order: &self.orders[*place], history: Some(&told.history) })
            })
            .collect();
        let found =
            self.auditor.audit(&self.deployment.sandbox.counts_by_order().unwrap(), &placed).await.unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    /// Prints the shop's words about orders with defects, and their timelines.
    async fn explain(&self, told: &[(usize, Told)], defects: &[String]) {
        let db = self.deployment.env.db().await;
        let timeline = "select event_type || ' ' || to_state || ' ' || detail from orders.timeline
                         where order_id = $1 order by seq";
        for (_, Told { order_id, history }) in told {
            let Some(order_id) = order_id.as_ref().filter(|id| defects.iter().any(|it| it.contains(*id)))
            else {
                continue;
            };
            eprintln!("{order_id}");
            for word in &history.words {
                let of = |field: &str| word.body[field].to_string();
                let [at, status, total] = ["updated_at", "financial_status", "current_total_price"].map(of);
                eprintln!("  shop: {} {at} {status} {total} {:?}", word.topic, word.wanted);
            }
            for row in db.query(timeline, &[order_id]).await.unwrap() {
                eprintln!("  timeline: {}", row.get::<_, String>(0));
            }
        }
    }

    /// Returns the orders of which more units would leave than the shop wants.
    async fn too_many(&self, told: &[(usize, Told)]) -> Vec<String> {
        let db = self.deployment.env.db().await;
        let held =
            "select sku, sum(quantity)::int8 from inventory.allocation where order_id = $1 group by sku";
        let mut wrong = Vec::new();
        for (_, Told { order_id, history }) in told {
            let Some(order_id) = order_id else { continue };
            let wanted = history.last().units;
            for row in db.query(held, &[order_id]).await.unwrap() {
                let (sku, units): (String, i64) = (row.get(0), row.get(1));
                let wants = wanted.get(&sku).copied().unwrap_or_default();
                if units > wants {
                    wrong.push(format!("{order_id}: {units} of {sku} would leave, the shop wants {wants}"));
                }
            }
        }
        wrong
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_unit_leaves_that_was_taken_off_and_every_word_has_an_end() {
    let seed = seed();
    eprintln!("DESPATCH_TEST_SEED={seed}");
    let files = tempfile::tempdir().unwrap();
    let configuration = files.path().join("despatch.toml");
    std::fs::write(&configuration, shop_configuration() + SHORT_WAITS).unwrap();
    let deployment = Deployment::new(&[
        ("DESPATCH_CONFIG", configuration.to_str().unwrap()),
        ("DESPATCH_EXCEPTIONS_MONITOR_SECONDS", "86400"),
    ])
    .await;
    let process = deployment.run(&WORKERS);
    let gateway_url = deployment.gateway_url(&process).await;
    let database = Database::new(&deployment.env.settings().database_url, 2).unwrap();
    let orders = sample::repeated(BEFORE + MEANWHILE).unwrap();
    let stock: Vec<FileOrder> = orders.iter().map(with_spare_units).collect();
    receive_stock(&database, &stock).await.unwrap();
    let gateway = GatewayClient::new(&gateway_url, "").unwrap();
    let checkout = CheckoutClient::new(gateway, Some(deployment.sandbox.stripe_url())).unwrap();
    let changes = Changes {
        deployment: &deployment,
        shop: EditingShop::new(&gateway_url, checkout, seed).unwrap(),
        orders,
        auditor: Auditor::new(database, Registry::default().names()),
    };

    // The carrier's scans wait until they are let through.
    let mut told = changes.told(0..BEFORE).await;
    changes.is_quiet().await;
    assert_eq!(changes.too_many(&told).await, [""; 0], "seed {seed}");
    deployment.scan(&gateway_url);
    changes.is_quiet().await;
    assert_eq!(changes.too_many(&told).await, [""; 0], "seed {seed}");

    told.extend(changes.told(BEFORE..BEFORE + MEANWHILE).await);
    changes.is_quiet().await;
    // Reviews lapse by timers.
    let started = Instant::now();
    let mut defects = changes.defects(&told).await;
    while !defects.is_empty() && started.elapsed() < ENDS_WITHIN {
        tokio::time::sleep(Duration::from_millis(200)).await;
        changes.is_quiet().await;
        defects = changes.defects(&told).await;
    }
    changes.explain(&told, &defects).await;
    assert_eq!(defects, [""; 0], "seed {seed}");
}
