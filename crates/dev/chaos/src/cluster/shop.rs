//! A shop that places orders at an even rate until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use despatch_order_files::{FileOrder, GatewayClient};
use despatch_scenario::{CheckoutClient, Minds, PlacedOrder, answer_mails};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::deployment::Cluster;
use crate::deployment::API_KEY;
use crate::orders::{self, Accepted, AcceptedOrders, Shops};
use crate::result::Result;

/// The shop, and its customers.
pub(crate) struct Shop {
    orders: Arc<Vec<FileOrder>>,
    pub(crate) accepted: AcceptedOrders,
    open: watch::Sender<usize>,
    placing: JoinHandle<Result>,
    pace: JoinHandle<()>,
    customers: JoinHandle<std::result::Result<(), reqwest::Error>>,
}

impl Shop {
    /// Opens the shop: it places this many of these orders a second.
    pub(crate) fn open(cluster: &Cluster, orders: Vec<FileOrder>, rate: u32) -> Result<Self> {
        let orders = Arc::new(orders);
        let accepted = AcceptedOrders::default();
        let (open, opened) = watch::channel(0);
        let gateway = GatewayClient::new(&cluster.gateway_url(), API_KEY)?;
        let checkout = CheckoutClient::new(gateway, Some(cluster.sandbox.stripe_url()))?.mixing_tenders();
        let shops = Shops { checkout, editing: None };
        let placing = tokio::spawn(orders::place(shops, orders.clone(), opened, accepted.clone()));
        let (opening, all) = (open.clone(), orders.len());
        let pace = tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_secs(1) / rate);
            while *opening.borrow() < all {
                tick.tick().await;
                opening.send_modify(|open| *open += 1);
            }
        });
        let customers =
            answer_mails(cluster.sandbox.control_url(), cluster.gateway_url(), API_KEY.into(), Minds::Made);
        Ok(Shop { orders, accepted, open, placing, pace, customers: tokio::spawn(customers) })
    }

    /// Lets no more orders come, and returns the number of those that customers want.
    pub(crate) fn close(&self) -> usize {
        self.pace.abort();
        *self.open.borrow()
    }

    /// Ends the shop with its customers, and returns every order that was answered 2xx.
    pub(crate) fn end(&self) -> Vec<Accepted> {
        self.placing.abort();
        self.customers.abort();
        self.accepted.all()
    }

    /// Returns accepted orders as the audit wants them.
    pub(crate) fn placed<'a>(&'a self, accepted: &'a [Accepted]) -> Vec<PlacedOrder<'a>> {
        accepted.iter().filter_map(|it| it.placed(&self.orders)).collect()
    }
}
