//! The surroundings of the workers: a shop that places orders, a carrier that scans parcels, customers who answer the
//! review request.
//!
//! All three use HTTP, as in a deployment. The carrier and the customers subscribe to the workers' events, so that
//! nothing is polled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_nats::Subscriber;
use despatch_contracts::label::LabelCreated;
use despatch_contracts::review::ReviewRequested;
use despatch_contracts::{Event, event_subject};
use despatch_domain::{Currency, Money};
use despatch_order_files::FileOrder;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::deployment::{API_KEY, WEBHOOK_TOKEN};
use crate::load::http_client::HttpClient;
use crate::load::run_env::RunEnv;
use crate::result::{Error, Result};

/// Requests of each of the three at the same time.
const AT_ONCE: usize = 64;

/// How long no order may be completed before the run fails.
const STUCK_AFTER: Duration = Duration::from_secs(60);

const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The time of the scans. The dates do not matter.
const DESPATCHED_AT: &str = "2026-01-05T09:00:00Z";
const DELIVERED_AT: &str = "2026-01-07T15:00:00Z";

/// The three, running.
pub(crate) struct LoadGenerator {
    http: HttpClient,
    in_flight: Arc<Semaphore>,
    reviewed: Arc<AtomicUsize>,
    /// The carrier and the customers, which do not end by themselves.
    tasks: JoinSet<Result>,
}

impl LoadGenerator {
    /// Starts the carrier and the customers. This many orders may be placed before the first are reviewed.
    pub(crate) async fn start(env: &RunEnv, http: HttpClient, in_flight: usize) -> Result<Self> {
        let in_flight = Arc::new(Semaphore::new(in_flight));
        let reviewed = Arc::new(AtomicUsize::new(0));
        let namespace = &env.settings.namespace;
        let labels = env.nats.subscribe(format!("{namespace}.{}", event_subject(LabelCreated::TYPE))).await?;
        let reviews =
            env.nats.subscribe(format!("{namespace}.{}", event_subject(ReviewRequested::TYPE))).await?;
        env.nats.flush().await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(carry(http.clone(), labels));
        tasks.spawn(review(http.clone(), reviews, in_flight.clone(), reviewed.clone()));
        Ok(LoadGenerator { http, in_flight, reviewed, tasks })
    }

    /// Places orders, and returns once all of them have been reviewed.
    pub(crate) async fn run(&mut self, orders: &[FileOrder]) -> Result {
        let goal = self.reviewed.load(Ordering::Relaxed) + orders.len();
        let (http, in_flight) = (&self.http, &self.in_flight);
        let place = async |order: &FileOrder| {
            // The customer returns the permit.
            in_flight.acquire().await?.forget();
            http.post("/v1/orders", Some(API_KEY), paid(order)?.to_string()).await?;
            Ok::<_, Error>(())
        };
        let reviewed = &self.reviewed;
        let all = async {
            stream::iter(orders.iter().map(Ok)).try_for_each_concurrent(AT_ONCE, place).await?;
            let (mut before, mut changed) = (0, Instant::now());
            loop {
                let now = reviewed.load(Ordering::Relaxed);
                if now >= goal {
                    return Ok(());
                }
                if now != before {
                    (before, changed) = (now, Instant::now());
                } else if changed.elapsed() > STUCK_AFTER {
                    return Err(format!("{} orders do not come to their end", goal - now).into());
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        tokio::select! {
            done = all => done,
            Some(ended) = self.tasks.join_next() => Err(match ended? {
                Ok(()) => "the connection to NATS was closed".into(),
                Err(error) => error,
            }),
        }
    }
}

/// Returns an order as a shop sends it, with the payment authorised at the workers' provider.
fn paid(order: &FileOrder) -> Result<Value> {
    let mut body = order.order()?;
    body["authorisation"] = json!({
        "provider": "fake",
        "reference": format!("auth-{}-{}", order.shop, order.shop_order_id),
        "amount": Money::new(order.total_minor, Currency::parse(&order.currency)?).decimal(),
    });
    Ok(body)
}

/// Runs the carrier: scans every parcel with a label twice, at the collection and at the delivery.
async fn carry(http: HttpClient, labels: Subscriber) -> Result {
    let path = format!("/webhooks/shippo?token={WEBHOOK_TOKEN}");
    let (http, path) = (&http, &path);
    let scan = async |label: LabelCreated| {
        for (status, date) in [("TRANSIT", DESPATCHED_AT), ("DELIVERED", DELIVERED_AT)] {
            let webhook = json!({
                "event": "track_updated",
                "data": {
                    "carrier": label.carrier,
                    "tracking_number": label.tracking_number,
                    "metadata": format!("{}/{}", label.order_id, label.parcel),
                    "tracking_status": { "status": status, "status_date": date, "status_details": "" },
                },
            });
            http.post(path, None, webhook.to_string()).await?;
        }
        Ok(())
    };
    let labels = labels.map(|message| Ok(LabelCreated::decode(message.payload)?));
    labels.try_for_each_concurrent(AT_ONCE, scan).await
}

/// Runs the customers: each answers the link of the first mail that asks for a review.
async fn review(
    http: HttpClient,
    requests: Subscriber,
    in_flight: Arc<Semaphore>,
    reviewed: Arc<AtomicUsize>,
) -> Result {
    let answer = async |request: ReviewRequested| {
        let path = request.review_url.find("/reviews/").map(|at| &request.review_url[at..]);
        let body = json!({ "rating": 5, "comment": "" });
        http.post(path.ok_or("a review without a link")?, None, body.to_string()).await?;
        reviewed.fetch_add(1, Ordering::Relaxed);
        in_flight.add_permits(1);
        Ok(())
    };
    let requests = requests.map(|message| Ok(ReviewRequested::decode(message.payload)?));
    requests.try_for_each_concurrent(AT_ONCE, answer).await
}
