//! The shop and its customers: they place orders and answer reviews while the deployment is in trouble. In the end every
//! order is audited.

use std::sync::Arc;
use std::time::{Duration, Instant};

use despatch_order_files::{FileOrder, GatewayClient};
use despatch_scenario::shopify::{EditingShop, with_spare_units};
use despatch_scenario::stock_keeper::StockKeeper;
use despatch_scenario::{CheckoutClient, Discrepancy, Minds, PlacedOrder, answer_mails, receive_stock};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

use crate::deployment::{API_KEY, Deployment};
use crate::keeping::{Keeping, ORDERS_A_REQUEST};
use crate::orders::{self, AcceptedOrders, Shops};
use crate::quiesce::{Quiescence, Records, quiesce};
use crate::result::Result;
use crate::stream;
use crate::watch::Watch;

/// How long servers and workers may take to start, and orders to be accepted without faults.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How long nothing may change before the run counts as stuck. It is longer than the longest wait that cannot be cut
/// short: until a lost connection is noticed, a lost ack given up, an outbox batch swept.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// Further people of a run, each with the seed of what they do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct People {
    /// A shop of Shopify that places some of the orders and changes them.
    pub(crate) editing_shop: Option<u64>,
    /// A stock keeper.
    pub(crate) stock_keeper: Option<u64>,
}

/// A shop that places orders, as many as it may.
pub(crate) struct Shop {
    orders: Arc<Vec<FileOrder>>,
    pub(crate) accepted: AcceptedOrders,
    pub(crate) watch: Watch,
    may_place: watch::Sender<usize>,
    placing: JoinHandle<Result>,
    customers: AbortHandle,
    keeping: Option<Keeping>,
}

impl Shop {
    /// Opens the shop once the deployment takes orders. It places none yet.
    pub(crate) async fn open(
        deployment: &mut Deployment,
        orders: Vec<FileOrder>,
        people: People,
    ) -> Result<Self> {
        let mut watch = Watch::default();
        until("the gateway listens", START_TIMEOUT, async || {
            watch.check(deployment)?;
            Ok(deployment.follow_gateway())
        })
        .await?;
        let database = deployment.database()?;
        until("inventory has its schema", START_TIMEOUT, async || {
            let row = database
                .client()
                .await?
                .query_one("select to_regclass('inventory.receipt') is not null", &[])
                .await;
            Ok(row?.get(0))
        })
        .await?;
        let spare = |(place, order): (usize, &FileOrder)| {
            if EditingShop::takes(place) { with_spare_units(order) } else { order.clone() }
        };
        let stock: Vec<FileOrder> = orders.iter().enumerate().map(spare).collect();
        receive_stock(&database, if people.editing_shop.is_some() { &stock } else { &orders }).await?;
        let orders = Arc::new(orders);
        let accepted = AcceptedOrders::default();
        let (may_place, opened) = watch::channel(0);
        let gateway = GatewayClient::new(&deployment.gateway_url(), API_KEY)?;
        let checkout =
            CheckoutClient::new(gateway.clone(), Some(deployment.sandbox.stripe_url()))?.mixing_tenders();
        let keeping = people.stock_keeper.map(|seed| {
            let requests = orders.len().div_ceil(ORDERS_A_REQUEST);
            let keeper = StockKeeper::new(gateway.clone(), seed, &orders, requests);
            Keeping::begin(keeper, opened.clone())
        });
        let editing = people
            .editing_shop
            .map(|seed| EditingShop::new(&deployment.gateway_url(), checkout.clone(), seed))
            .transpose()?;
        let shops = Shops { checkout, editing };
        let placing = tokio::spawn(orders::place(shops, orders.clone(), opened, accepted.clone()));
        let customers = answer_mails(
            deployment.sandbox.control_url(),
            deployment.gateway_url(),
            API_KEY.into(),
            Minds::Changing,
        );
        let customers = tokio::spawn(customers).abort_handle();
        Ok(Shop { orders, accepted, watch, may_place, placing, customers, keeping })
    }

    /// Returns how many orders there are in all.
    pub(crate) fn orders(&self) -> usize {
        self.orders.len()
    }

    /// Lets this many orders be placed in all.
    pub(crate) fn place_up_to(&self, orders: usize) {
        self.may_place.send_replace(orders);
    }

    /// Waits until nothing is left to do, then compares every order with what was recorded and done. `whole` is whether
    /// the stream lost nothing.
    pub(crate) async fn audit(self, deployment: &mut Deployment, whole: bool) -> Result<Vec<Discrepancy>> {
        let Shop { orders, accepted, mut watch, placing, customers, keeping, may_place: _open } = self;
        if let Some(keeping) = &keeping {
            keeping.wait(async || watch.check(deployment)).await?;
        }
        let records = Records {
            database: deployment.database()?,
            auditor: deployment.auditor()?,
            jetstream: deployment.jetstream().await?,
        };
        let check = async || watch.check(deployment);
        let quiescence = quiesce(&records, orders.len(), &accepted, STUCK_AFTER, check).await?;
        customers.abort();
        if placing.is_finished() {
            placing.await??;
        } else {
            placing.abort();
        }
        let mut violations = watch.violations;
        if let Quiescence::Stuck(left) = quiescence {
            let stuck = |wrong| Discrepancy { about: "never quiescent".to_owned(), wrong };
            violations.extend(left.into_iter().map(stuck));
        }
        let accepted = accepted.all();
        let placed: Vec<PlacedOrder<'_>> = accepted.iter().filter_map(|it| it.placed(&orders)).collect();
        let Records { database, auditor, jetstream } = records;
        let effects = deployment.sandbox.counts_by_order()?;
        let labels = effects.values().flat_map(|counts| counts.labels.values());
        let (bought, voided) =
            labels.fold((0, 0), |(bought, voided), it| (bought + it.bought, voided + it.voided));
        println!("labels: {bought} bought, {voided} voided");
        violations.extend(auditor.audit(&effects, &placed).await?);
        if let Some(keeping) = keeping {
            violations.extend(keeping.audit(&auditor).await?);
        }
        match stream::compare(&jetstream, &database, whole).await {
            Ok(differences) => violations.extend(differences),
            // The findings of the orders' audit are still reported.
            Err(error) => {
                violations.push(Discrepancy { about: "the stream".to_owned(), wrong: error.to_string() });
            }
        }
        let panics = deployment.fleet.panics()?.into_iter();
        violations.extend(panics.map(|wrong| Discrepancy { about: "a panic".to_owned(), wrong }));
        Ok(violations)
    }
}

/// Waits until a condition holds, for this long at most.
pub(crate) async fn until(
    what: &str,
    within: Duration,
    mut holds: impl AsyncFnMut() -> Result<bool>,
) -> Result {
    let started = Instant::now();
    while !holds().await? {
        if started.elapsed() > within {
            return Err(format!("not within {within:?}: {what}").into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
