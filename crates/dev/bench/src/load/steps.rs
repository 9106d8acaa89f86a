//! The work: five steps for each order, each a worker with its own schema, consumer and handler.
//!
//! A step consumes an event of about 300 bytes, computes something trivial in process, records a row of about 100 bytes under
//! the order's id, and returns the same event for the next step.

use bytes::Bytes;
use despatch_contracts::{DecodeError, Emits, Emitted, Incoming, Subject};
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Migration, Tx, Verdict, Worker};
use prost::Message;
use uuid::Uuid;

/// The workers, which are also the schemas.
pub(crate) const SCHEMAS: [&str; 5] = ["payments", "inventory", "labels", "notifications", "reviews"];

/// Their handlers.
pub(crate) const HANDLERS: [&str; 5] =
    ["payments.capture", "inventory.reserve", "labels.create", "notifications.notify", "reviews.ask"];

/// The event type that each step consumes. The last one is published by the last step, on request.
pub(crate) const TYPES: [&str; 6] =
    ["bench.placed", "bench.captured", "bench.reserved", "bench.labelled", "bench.notified", "bench.asked"];

/// The migrations of each worker: a table for its results.
pub(crate) const MIGRATIONS: [&[Migration]; 5] = [
    &[Migration { name: "0001_result", sql: RESULT }],
    &[Migration { name: "0001_result", sql: RESULT }],
    &[Migration { name: "0001_result", sql: RESULT }],
    &[Migration { name: "0001_result", sql: RESULT }],
    &[Migration { name: "0001_result", sql: RESULT }],
];

/// `{schema}` is the worker's.
const RESULT: &str = "create table {schema}.result (order_id uuid primary key, body bytea not null)";

/// The statement by which each step records a result.
pub(crate) const RECORD: [&str; 5] = [
    "insert into payments.result select * from unnest($1::uuid[], $2::bytea[])",
    "insert into inventory.result select * from unnest($1::uuid[], $2::bytea[])",
    "insert into labels.result select * from unnest($1::uuid[], $2::bytea[])",
    "insert into notifications.result select * from unnest($1::uuid[], $2::bytea[])",
    "insert into reviews.result select * from unnest($1::uuid[], $2::bytea[])",
];

/// Bytes of an order's content. With its id and their tags, the message has 300.
const CONTENT: usize = 259;

/// Bytes of a step's result.
pub(crate) const ROW: usize = 100;

/// An order, as it travels.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Parcel {
    /// A UUID.
    #[prost(string, tag = "1")]
    pub(crate) order_id: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) content: Bytes,
}

impl Parcel {
    pub(crate) fn new(order_id: Uuid) -> Self {
        Parcel { order_id: order_id.to_string(), content: Bytes::from_static(&[7; CONTENT]) }
    }

    /// Returns the event that the step consumes.
    pub(crate) fn event(&self, step: usize) -> Emitted {
        Emitted {
            event_type: TYPES[step],
            subject: Subject::order(&self.order_id).into(),
            payload: self.encode_to_vec().into(),
        }
    }
}

/// The event that a step consumes.
pub(crate) struct StepInput<const STEP: usize>(pub(crate) Parcel);

impl<const STEP: usize> Incoming for StepInput<STEP> {
    fn types() -> Vec<&'static str> {
        vec![TYPES[STEP]]
    }

    fn decode(event_type: &str, payload: Bytes) -> Result<Self, DecodeError> {
        match Parcel::decode(payload) {
            Ok(parcel) => Ok(StepInput(parcel)),
            Err(source) => Err(DecodeError::Payload { event_type: event_type.to_owned(), source }),
        }
    }

    fn subject(&self) -> Subject<'_> {
        Subject::order(&self.0.order_id)
    }
}

/// The event that a step publishes.
pub(crate) struct StepOutput<const STEP: usize>(Parcel);

impl<const STEP: usize> Emits for StepOutput<STEP> {
    fn types() -> Vec<&'static str> {
        vec![TYPES[STEP + 1]]
    }

    fn emit(self, into: &mut Vec<Emitted>) {
        into.push(self.0.event(STEP + 1));
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error("the order's id: {0}")]
    Id(#[from] uuid::Error),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for StepError {
    fn verdict(&self) -> Verdict {
        match self {
            StepError::Id(_) => Verdict::Reject(Reason::PayloadUndecodable),
            StepError::Database(error) => error.verdict(),
        }
    }
}

/// A step's handler.
struct Step<const STEP: usize> {
    /// Whether the order continues to the next step or to a listener.
    goes_on: bool,
}

impl<const STEP: usize> Handler for Step<STEP> {
    const NAME: &'static str = HANDLERS[STEP];
    type In = StepInput<STEP>;
    type Out = Option<StepOutput<STEP>>;
    type Error = StepError;

    async fn record(&self, event: &Self::In, tx: &Tx<'_>) -> Result<Self::Out, StepError> {
        let StepInput(parcel) = event;
        let order_id = Uuid::try_parse(&parcel.order_id)?;
        tx.execute_batched(RECORD[STEP], (order_id, result(parcel))).await?;
        Ok(self.goes_on.then(|| StepOutput(parcel.clone())))
    }
}

/// Computes something trivial.
pub(crate) fn result(parcel: &Parcel) -> Vec<u8> {
    parcel.content.iter().take(ROW).map(|byte| byte.wrapping_mul(31)).collect()
}

/// Creates the five workers. If `announces`, the last step publishes an event too.
pub(crate) fn workers(announces: bool) -> Vec<Worker> {
    vec![worker::<0>(true), worker::<1>(true), worker::<2>(true), worker::<3>(true), worker::<4>(announces)]
}

fn worker<const STEP: usize>(goes_on: bool) -> Worker {
    Worker::new(SCHEMAS[STEP], MIGRATIONS[STEP]).handler(Step::<STEP> { goes_on })
}

/// Returns the last step's durable consumer.
pub(crate) fn last_consumer() -> String {
    HANDLERS[HANDLERS.len() - 1].replace('.', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_baseline() {
        let parcel = Parcel::new(Uuid::nil());
        assert_eq!(parcel.encoded_len(), 300);
        assert_eq!(result(&parcel).len(), ROW);
    }

    #[test]
    fn each_step_is_consumed_by_the_next() {
        assert_eq!(<StepOutput<0> as Emits>::types(), <StepInput<1> as Incoming>::types());
        assert_eq!(workers(false).len(), SCHEMAS.len());
        for (schema, handler) in SCHEMAS.iter().zip(HANDLERS) {
            assert_eq!(handler.split('.').next(), Some(*schema));
        }
    }
}
