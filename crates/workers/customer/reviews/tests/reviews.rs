//! The reviews worker through the runtime, against real servers. Every event is delivered twice.

use std::time::Duration;

use despatch_contracts::notification::NotificationSkipped;
use despatch_contracts::order::{OrderCancelled, OrderReturned};
use despatch_contracts::review::{ReviewAskDue, ReviewLapsed, ReviewReceived, ReviewRequested};
use despatch_contracts::shipment::{Scan, ShipmentCollected, ShipmentDelivered};
use despatch_domain::link;
use despatch_read_model::reviews::{Review, review_of};
use despatch_reviews::{Config, worker};
use despatch_status::ReviewState;
use despatch_testkit::{TestEnv, eventually};

const NEVER: u64 = 30 * 24 * 3600;

fn config(ask_after_seconds: u64, reminders_seconds: &[u64], lapse_after_seconds: u64) -> Config {
    Config {
        ask_after_seconds,
        reminders_seconds: reminders_seconds.to_vec(),
        lapse_after_seconds,
        public_url: "https://shop.example.com/".into(),
        link_secret: "a secret".into(),
    }
}

async fn env(config: &Config) -> TestEnv {
    let env = TestEnv::new().await;
    env.run(worker(config)).await;
    env
}

fn delivered(id: &str, parcel: u32, parcels: u32) -> ShipmentDelivered {
    ShipmentDelivered { scan: Some(Scan { order_id: id.into(), parcel, parcels, ..Scan::default() }) }
}

fn received(id: &str, rating: u32) -> ReviewReceived {
    ReviewReceived { order_id: id.into(), rating, comment: format!("{rating} stars") }
}

fn due(id: &str, ask: u32) -> ReviewAskDue {
    ReviewAskDue { order_id: id.into(), ask }
}

async fn review(env: &TestEnv, id: &str) -> Review {
    review_of(&env.db().await, id).await.expect("the store answers").expect("the order is known")
}

/// The number of timers set for an order.
async fn timers(env: &TestEnv, id: &str) -> i64 {
    let sql = "select count(*) from reviews.timer where key = $1";
    env.db().await.query_one(sql, &[&id]).await.expect("the runtime's table").get(0)
}

#[tokio::test]
async fn the_customer_is_asked_once_every_parcel_is_delivered() {
    let env = env(&config(0, &[NEVER], NEVER)).await;
    env.deliver(&delivered("o-1", 2, 2)).await;
    env.quiet().await;
    assert_eq!(review(&env, "o-1").await.state, ReviewState::AwaitingDelivery);
    assert_eq!(timers(&env, "o-1").await, 0);

    env.deliver(&delivered("o-1", 1, 2)).await;
    let request: ReviewRequested = env.expect("o-1").await;
    let token = link::sign(b"a secret", "review", "o-1");
    assert_eq!(request.ask, 0);
    assert_eq!(request.review_url, format!("https://shop.example.com/reviews/o-1/{token}"));

    env.deliver(&delivered("o-1", 1, 2)).await;
    env.quiet().await;
    assert_eq!(env.count::<ReviewRequested>("o-1").await, 1, "delivered again is not asked again");
    let review = review(&env, "o-1").await;
    assert_eq!((review.state, review.asks), (ReviewState::Asking, 1));
    assert_eq!(timers(&env, "o-1").await, 1, "the first reminder");
}

#[tokio::test]
async fn reminders_of_weeks_go_out_when_their_time_has_come_and_not_before() {
    let (day, week) = (Duration::from_secs(24 * 3600), Duration::from_secs(7 * 24 * 3600));
    let env = env(&config(week.as_secs(), &[week.as_secs(), 2 * week.as_secs()], week.as_secs())).await;
    env.deliver(&delivered("o-1", 1, 1)).await;
    env.quiet().await;
    for (moved, expected) in [(6 * day, 0), (2 * day, 1), (6 * day, 1), (2 * day, 2), (8 * day, 3)] {
        env.advance(moved).await;
        let due = "select from reviews.timer where due <= despatch_now()";
        eventually("no timer is due", async || match env.db().await.query_opt(due, &[]).await.unwrap() {
            Some(_) => None,
            None => Some(()),
        })
        .await;
        env.quiet().await;
        assert_eq!(env.count::<ReviewRequested>("o-1").await, expected, "{moved:?} later");
    }
    env.advance(8 * day).await;
    env.expect::<ReviewLapsed>("o-1").await;
}

#[tokio::test]
async fn reminders_go_out_until_the_review_lapses() {
    let env = env(&config(0, &[1, 1], 0)).await;
    env.deliver(&delivered("o-1", 1, 1)).await;
    env.expect::<ReviewLapsed>("o-1").await;
    env.quiet().await;
    assert_eq!(env.count::<ReviewRequested>("o-1").await, 3, "the ask and both reminders");
    assert_eq!(env.count::<ReviewLapsed>("o-1").await, 1);
    let review = review(&env, "o-1").await;
    assert_eq!((review.state, review.asks, review.rating), (ReviewState::Lapsed, 3, None));
    assert_eq!(timers(&env, "o-1").await, 0);
}

#[tokio::test]
async fn an_answer_ends_the_asking_at_once() {
    let env = env(&config(0, &[NEVER], NEVER)).await;
    env.deliver(&delivered("o-1", 1, 1)).await;
    env.expect::<ReviewRequested>("o-1").await;
    env.quiet().await;
    env.deliver(&received("o-1", 4)).await;
    env.quiet().await;
    assert_eq!(timers(&env, "o-1").await, 0);

    // A reminder whose timer had fired before the answer was recorded.
    env.deliver(&due("o-1", 1)).await;
    env.quiet().await;
    assert_eq!(env.count::<ReviewRequested>("o-1").await, 1);

    env.deliver(&received("o-1", 1)).await;
    env.quiet().await;
    let review = review(&env, "o-1").await;
    assert_eq!(
        (review.state, review.rating, review.comment.as_deref()),
        (ReviewState::Answered, Some(4), Some("4 stars"))
    );
    let sql = "select count(*) from reviews.answer where order_id = 'o-1'";
    let answers: i64 = env.db().await.query_one(sql, &[]).await.expect("the table").get(0);
    assert_eq!(answers, 2, "the second one is kept, and changes nothing");
}

#[tokio::test]
async fn an_answer_nobody_asked_for_is_kept_and_never_asked_for() {
    let env = env(&config(0, &[NEVER], NEVER)).await;
    env.deliver(&received("o-1", 5)).await;
    env.quiet().await;
    env.deliver(&delivered("o-1", 1, 1)).await;
    env.quiet().await;
    assert_eq!(env.count::<ReviewRequested>("o-1").await, 0);
    assert_eq!(review(&env, "o-1").await.state, ReviewState::Answered);
}

#[tokio::test]
async fn a_late_answer_is_kept() {
    let env = env(&config(0, &[], 0)).await;
    env.deliver(&delivered("o-1", 1, 1)).await;
    env.expect::<ReviewLapsed>("o-1").await;
    env.deliver(&received("o-1", 3)).await;
    env.quiet().await;
    let review = review(&env, "o-1").await;
    assert_eq!((review.state, review.rating), (ReviewState::Answered, Some(3)));
}

#[tokio::test]
async fn a_rating_that_is_none_is_a_case() {
    let env = env(&config(0, &[], NEVER)).await;
    for (id, rating) in [("o-1", 0), ("o-2", 6), ("o-3", u32::MAX)] {
        env.deliver(&received(id, rating)).await;
        assert_eq!(env.expect_dead(id).await.reason, "rating-invalid");
    }
    assert_eq!(review_of(&env.db().await, "o-1").await.expect("the store answers"), None);
}

#[tokio::test]
async fn an_order_that_came_back_is_not_asked_about_any_more() {
    let env = env(&config(0, &[NEVER], NEVER)).await;
    env.deliver(&delivered("o-1", 1, 1)).await;
    env.expect::<ReviewRequested>("o-1").await;
    env.quiet().await;
    env.deliver(&OrderReturned { order_id: "o-1".into(), reason: "parcel-returned".into() }).await;
    env.quiet().await;
    assert_eq!(timers(&env, "o-1").await, 0);
    env.deliver(&due("o-1", 1)).await;
    env.quiet().await;
    assert_eq!(env.count::<ReviewRequested>("o-1").await, 1);
    let review = review(&env, "o-1").await;
    assert_eq!(review.state, ReviewState::Stopped);
    let reason = "select stopped_because from reviews.review where order_id = 'o-1'";
    let reason: Option<String> = env.db().await.query_one(reason, &[]).await.expect("the table").get(0);
    assert_eq!(reason.as_deref(), Some("parcel-returned"));
}

#[tokio::test]
async fn a_cancellation_that_comes_first_counts_too() {
    let env = env(&config(0, &[], NEVER)).await;
    env.deliver(&OrderCancelled { order_id: "o-1".into(), reason: "customer-cancelled".into() }).await;
    env.quiet().await;
    env.deliver(&delivered("o-1", 1, 1)).await;
    env.quiet().await;
    assert_eq!(env.count::<ReviewRequested>("o-1").await, 0);
    assert_eq!(review(&env, "o-1").await.state, ReviewState::Stopped);
}

#[tokio::test]
async fn a_timer_of_an_ask_that_is_over_does_nothing() {
    let env = env(&config(0, &[NEVER], NEVER)).await;
    env.deliver(&delivered("o-1", 1, 1)).await;
    env.expect::<ReviewRequested>("o-1").await;
    env.quiet().await;
    for ask in [0, 2, 7] {
        env.deliver(&due("o-1", ask)).await;
    }
    env.quiet().await;
    assert_eq!(env.count::<ReviewRequested>("o-1").await, 1);
    assert_eq!(env.count::<ReviewLapsed>("o-1").await, 0);
    assert_eq!(review(&env, "o-1").await.asks, 1);
}

#[tokio::test]
async fn a_customer_without_an_address_is_not_asked_again() {
    let env = env(&config(0, &[NEVER], NEVER)).await;
    let skipped = |milestone: &str| NotificationSkipped {
        order_id: "o-1".into(),
        milestone: milestone.into(),
        reason: "no-mail-address".into(),
    };
    env.deliver(&delivered("o-1", 1, 1)).await;
    env.expect::<ReviewRequested>("o-1").await;
    env.deliver(&skipped("delivered")).await;
    env.quiet().await;
    assert_eq!(review(&env, "o-1").await.state, ReviewState::Asking, "that mail was about something else");
    env.deliver(&skipped("review")).await;
    env.expect::<ReviewLapsed>("o-1").await;
    env.quiet().await;
    assert_eq!(env.count::<ReviewLapsed>("o-1").await, 1);
    assert_eq!((review(&env, "o-1").await.state, timers(&env, "o-1").await), (ReviewState::Lapsed, 0));
}

#[tokio::test]
async fn a_collected_parcel_has_reached_its_customer() {
    let env = env(&config(0, &[NEVER], NEVER)).await;
    env.deliver(&delivered("o-1", 2, 2)).await;
    env.deliver(&ShipmentCollected { order_id: "o-1".into(), parcel: 1, parcels: 2 }).await;
    env.expect::<ReviewRequested>("o-1").await;
    env.quiet().await;
    assert_eq!(env.count::<ReviewRequested>("o-1").await, 1);
}
