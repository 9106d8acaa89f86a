//! A provider that refuses our key: orders wait, one case and one alert say so, and when the key is right everything goes
//! on by itself, at the rate that the provider's breaker allows.

use std::collections::BTreeMap;

use despatch_contracts::Event as _;
use despatch_contracts::alert::AlertRaised;
use despatch_sandbox::{Faults, Operation, Rates};

use crate::deployment::Deployment;
use crate::until::until;

const ORDERS: u64 = 20;

/// Stripe refuses every request but the checkout's, as after a replacement of the worker's key.
fn refused() -> Faults {
    let rates = Rates { refused: 1.0, ..Rates::default() };
    let operations = [Operation::Capture, Operation::FindPayment, Operation::Refund, Operation::Cancel];
    Faults { rates: BTreeMap::from(operations.map(|operation| (operation, rates))), ..Faults::none() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_stripe_key_is_one_case_and_one_alert_and_no_order_is_lost() {
    let deployment = Deployment::new(&[]).await;
    deployment.sandbox.set_faults(refused()).unwrap();
    deployment.sandbox.record_requests();
    let workers = ["orders", "inventory", "payments", "labels", "notifications", "reviews", "exceptions"];
    let (_process, shop) = deployment.run_with_gateway(&workers, 100).await;
    shop.place(0..ORDERS).await;
    let db = deployment.env.db().await;
    let cases = async || {
        let sql = "select handler, reason, queue, state, coalesce(resolution, '') from exceptions.exception";
        let rows = db.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| [0, 1, 2, 3, 4].map(|at| row.get::<_, String>(at))).collect::<Vec<_>>()
    };
    until("every order waits, and the case is there", async || {
        let sql = "select count(*) from payments.retry join payments.breaker on provider = held_by where breaker.state = 'open'";
        let held: i64 = db.query_one(sql, &[]).await.unwrap().get(0);
        (held == i64::try_from(ORDERS).unwrap() && !cases().await.is_empty()).then_some(())
    })
    .await;
    assert_eq!(cases().await, [["payments.stripe", "provider-refused", "payments", "open", ""]]);
    let listed = deployment.does(&["retries", "list"]).await.stdout;
    for part in ["stripe is out of service", "provider-refused", "20 of payments held", "the next try"] {
        assert!(listed.contains(part), "{part} in\n{listed}");
    }
    let status = deployment.does(&["status"]).await.stdout;
    assert!(status.contains("out of service: stripe (provider-refused), 20 of payments wait"), "{status}");
    let doctor = deployment.does(&["doctor"]).await;
    assert!(!doctor.status.success() && doctor.stdout.contains("breaker payments stripe"), "{doctor:?}");
    let shown = deployment.does(&["exceptions", "show", "1"]).await.stdout;
    assert!(shown.contains("Expired API Key provided") && shown.contains("provider-refused"), "{shown}");

    deployment.sandbox.set_faults(Faults::none()).unwrap();
    let hurried = deployment.does(&["retries", "run-now", "--worker", "payments", "--yes"]).await;
    assert!(hurried.status.success(), "{hurried:?}");
    let counts = deployment.completes(ORDERS).await;
    assert_eq!((counts.captures, counts.labels), (ORDERS, ORDERS), "{counts:?}");
    until("the case resolves by itself", async || {
        (cases().await == [["payments.stripe", "provider-refused", "payments", "resolved", "recovered"]])
            .then_some(())
    })
    .await;
    assert_eq!(deployment.env.messages(&format!("evt.{}", AlertRaised::TYPE)).await.len(), 1, "one alert");

    // Each event begins with a look at the payment, and the first is the probe. Each answer raises the rate of 5 a second by
    // 0.05, so after so many seconds no more than this many looks can have been asked for. A delay only makes them fewer.
    let requests = deployment.sandbox.recorded_requests();
    let served = |request: &&despatch_sandbox::Request| {
        request.operation == Operation::FindPayment && request.fault.is_none()
    };
    let looks: Vec<_> = requests.iter().filter(served).map(|request| request.at).collect();
    for (number, at) in (0_u32..).zip(&looks).skip(1) {
        let allowed = 100.0 * ((0.05 * at.duration_since(looks[0]).as_secs_f64()).exp() - 1.0) + 2.0;
        assert!(f64::from(number) <= allowed, "look {number} came when {allowed:.1} were allowed");
    }
}
