//! A committer at a real database, with a batch of which the database rejects one submission.

use std::sync::OnceLock;

use despatch_contracts::order::OrderCancelRequested;
use despatch_contracts::{Emitted, EventId, Trace, collect_spans};
use despatch_testkit::TestEnv;
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SamplingResult, SdkTracerProvider, ShouldSample,
};
use tokio::sync::oneshot;

use super::*;
use crate::sources::shippo;

const ORDER: &str = "01920000-0000-7000-8000-000000000001";

/// An order whose trace makes the committer panic.
const PANICS: &str = "01920000-0000-7000-8000-000000000002";
const PANICS_TRACE: &str = "00-0000000000000000000000000000dead-b7ad6b7169203331-01";

/// Panics at one trace, in place of a defect of the committer.
#[derive(Debug, Clone)]
struct PanicAt(TraceId);

impl ShouldSample for PanicAt {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        assert_ne!(trace_id, self.0, "told to panic");
        Sampler::AlwaysOn.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

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
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .with_sampler(PanicAt(TraceId::from(0xdead)))
        .build();
    global::set_tracer_provider(provider);
    collect_spans();
    let env = TestEnv::new().await;
    let process = env.run(crate::worker()).await;
    let order = Trace::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "").unwrap();
    let db = env.db().await;
    db.batch_execute(&format!(
        "insert into gateway.orders (shop, shop_order_id, order_id, digest, traceparent)
             values ('api-shop', '1', '{ORDER}', '', '{order}'), ('api-shop', '2', '{PANICS}', '', '{PANICS_TRACE}');
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
    let (panics, panics_replied) = queued(cancellation(PANICS), &order);
    let (probe, probe_replied) = queued(Submission::Probe, &order);
    let committer = Committer::new(process.outbox(crate::NAME).unwrap(), 8);
    let (queue, received) = mpsc::channel(8);
    for submission in [scanned, cancelled, poison, panics, probe] {
        queue.try_send(submission).unwrap_or_else(|_| panic!("there is room"));
    }
    drop(queue);
    committer.run(received).await;

    assert_eq!(scan_replied.await.unwrap(), Ok(Receipt::Noted));
    assert_eq!(cancel_replied.await.unwrap(), Ok(Receipt::Noted));
    assert_eq!(poison_replied.await.unwrap(), Err(SubmitError::Rejected));
    assert_eq!(panics_replied.await.unwrap(), Err(SubmitError::Rejected));
    assert_eq!(probe_replied.await.unwrap(), Ok(Receipt::Noted));
    let left = "select count(*) from gateway.journal where handler = 'probe' or subject = 'order/poison'";
    assert_eq!(db.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0, "a probe leaves nothing");
    let spans = exporter.get_finished_spans().unwrap();
    let mut names: Vec<&str> =
        spans.iter().map(|span| &*span.name).filter(|name| !name.starts_with("process")).collect();
    names.sort_unstable();
    assert_eq!(names, ["refuse gateway.outbox", "send evt.order.cancel-requested"]);
}
