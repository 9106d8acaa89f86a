//! A committer at a real database, with a batch of which the database rejects one submission.

use std::sync::OnceLock;

use despatch_contracts::order::OrderCancelRequested;
use despatch_contracts::{Emitted, EventId, Trace, collect_spans};
use despatch_testkit::TestEnv;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tokio::sync::oneshot;

use super::*;
use crate::sources::shippo;

const ORDER: &str = "01920000-0000-7000-8000-000000000001";

fn queued(
    submission: Submission,
    trace: &Trace,
) -> (QueuedSubmission, oneshot::Receiver<Result<Receipt, SubmitError>>) {
    let (reply, replied) = oneshot::channel();
    let (event_id, trace, message) = (EventId::new(), trace.child(), OnceLock::new());
    (QueuedSubmission { submission, event_id, trace, message, reply }, replied)
}

fn cancellation(order_id: &str) -> Submission {
    let event = OrderCancelRequested { order_id: order_id.into(), ..OrderCancelRequested::default() };
    Submission::Event(Emitted::from(&event))
}

#[tokio::test]
async fn a_batch_that_is_committed_again_one_by_one_sends_its_spans_once() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    global::set_tracer_provider(provider);
    collect_spans();
    let env = TestEnv::new().await;
    let process = env.run(crate::worker()).await;
    let order = Trace::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "").unwrap();
    let db = env.db().await;
    db.batch_execute(&format!(
        "insert into gateway.orders (shop, shop_order_id, order_id, digest, traceparent)
             values ('api-shop', '1', '{ORDER}', '', '{order}');
         create function gateway.refuse() returns trigger language plpgsql as
             $$ begin raise 'not this one' using errcode = 'check_violation'; end $$;
         create trigger refuse before insert on gateway.journal for each row
             when (new.subject = 'order/poison') execute function gateway.refuse();"
    ))
    .await
    .unwrap();

    let said = br#"{"event": "track_updated", "data": {"carrier": "usps", "tracking_number": "1",
                    "tracking_status": {"status": "TRANSIT", "status_date": "2026-03-01T10:00:00Z"}}}"#;
    let scan = shippo::read(said).unwrap().unwrap();
    let (scanned, scan_replied) = queued(Submission::UnknownParcel(scan, Bytes::from_static(said)), &order);
    let (cancelled, cancel_replied) = queued(cancellation(ORDER), &order);
    let (poison, poison_replied) = queued(cancellation("poison"), &order);
    let committer = Committer::new(process.outbox(crate::NAME).unwrap(), 8);
    committer.commit_and_reply(vec![scanned, cancelled, poison]).await;

    assert_eq!(scan_replied.await.unwrap(), Ok(Receipt::Noted));
    assert_eq!(cancel_replied.await.unwrap(), Ok(Receipt::Noted));
    assert_eq!(poison_replied.await.unwrap(), Err(SubmitError::Rejected));
    let spans = exporter.get_finished_spans().unwrap();
    let mut names: Vec<&str> =
        spans.iter().map(|span| &*span.name).filter(|name| !name.starts_with("process")).collect();
    names.sort_unstable();
    assert_eq!(names, ["refuse gateway.outbox", "send evt.order.cancel-requested"]);
}
