//! A provider that refuses us or is down: events wait without an attempt spent, one probes, and what waited goes on at a
//! limited rate.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use despatch_contracts::Event as _;
use despatch_contracts::payment::{PaymentRefunded, RefundRequested};
use despatch_contracts::provider::{ProviderFailed, ProviderRecovered};
use despatch_contracts::runtime::{self, RetryNow};
use despatch_domain::{ProviderKind, Reason};
use despatch_runtime::{
    Attempt, Database, DbError, EffectHandler, ExternalProvider, HandlerError, PartState, Policy, Reader,
    RetryFilter, Tx, Verdict, Worker, list_outages, list_retries,
};
use despatch_testkit::{TestEnv, eventually};
use prost::Message as _;

use crate::fixture::asked;

const WELL: u8 = 0;
const REFUSES: u8 = 1;
const DOWN: u8 = 2;
const PUTS_OFF: u8 = 3;
const FAILS_A_TENTH: u8 = 4;

/// A provider that serves, refuses or fails as the test says, and notes when it was asked.
#[derive(Clone, Default)]
struct Bank {
    mode: Arc<AtomicU8>,
    requests: Arc<Mutex<Vec<Instant>>>,
}

impl Bank {
    fn becomes(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }

    fn requests(&self) -> Vec<Instant> {
        self.requests.lock().unwrap().clone()
    }

    fn worker(&self) -> Worker {
        Worker::new("shop", &[]).effect_handler(Pay(self.clone()))
    }
}

#[derive(Debug, thiserror::Error)]
enum PayError {
    #[error("the bank does not serve us")]
    Bank(Verdict),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for PayError {
    fn verdict(&self) -> Verdict {
        match self {
            PayError::Bank(verdict) => *verdict,
            PayError::Database(_) => Verdict::Retry,
        }
    }
}

/// Asks the bank, unless the event costs nothing.
struct Pay(Bank);

impl EffectHandler for Pay {
    const NAME: &'static str = "shop.pay";
    const POLICY: Policy = Policy { concurrency: 4, ..Policy::DEFAULT };
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new("bank", ProviderKind::Mail));
    type In = RefundRequested;
    type Plan = String;
    type Response = ();
    type Out = Option<PaymentRefunded>;
    type Error = PayError;

    async fn prepare(&self, event: &RefundRequested, _: &Reader<'_>) -> Result<String, PayError> {
        Ok(event.reason.clone())
    }

    fn asks_provider(&self, plan: &String) -> bool {
        plan != "free"
    }

    async fn perform(&self, plan: &String, _: &Attempt) -> Result<(), PayError> {
        if plan == "free" {
            return Ok(());
        }
        let number = {
            let mut requests = self.0.requests.lock().unwrap();
            requests.push(Instant::now());
            requests.len()
        };
        match self.0.mode.load(Ordering::SeqCst) {
            _ if plan == "greylisted" => Err(PayError::Bank(Verdict::PutOff)),
            _ if plan == "failing" => Err(PayError::Bank(Verdict::Down(Duration::ZERO))),
            REFUSES => Err(PayError::Bank(Verdict::Refused)),
            PUTS_OFF => Err(PayError::Bank(Verdict::PutOff)),
            DOWN => Err(PayError::Bank(Verdict::Down(Duration::ZERO))),
            FAILS_A_TENTH if number.is_multiple_of(10) => Err(PayError::Bank(Verdict::Down(Duration::ZERO))),
            _ => Ok(()),
        }
    }

    async fn record(
        &self,
        event: &RefundRequested,
        _: &String,
        (): &(),
        _: &Tx<'_>,
    ) -> Result<Option<PaymentRefunded>, PayError> {
        Ok(Some(PaymentRefunded { order_id: event.order_id.clone(), ..PaymentRefunded::default() }))
    }
}

/// A breaker's row.
#[derive(Debug, PartialEq, Eq)]
struct BreakerRow {
    state: String,
    reason: String,
    probes: usize,
    held: usize,
}

async fn breaker(env: &TestEnv) -> BreakerRow {
    let sql = "select state, reason, probes::int8, (select count(*) from shop.retry where held_by = 'bank') from shop.breaker";
    let row = env.db().await.query_one(sql, &[]).await.unwrap();
    let count = |at| usize::try_from(row.get::<_, i64>(at)).unwrap();
    BreakerRow { state: row.get(0), reason: row.get(1), probes: count(2), held: count(3) }
}

async fn until_held(env: &TestEnv, events: usize) {
    eventually("the breaker is open and holds every event", async || {
        let row = breaker(env).await;
        (row.state == "open" && row.held == events).then_some(())
    })
    .await;
}

async fn run_now(env: &TestEnv) -> u64 {
    let filter = Some(runtime::RetryFilter::default());
    env.operator().await.ask("shop", &RetryNow { filter }).await.unwrap().count
}

const ORDERS: usize = 25;

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_makes_events_wait_until_it_is_right() {
    let env = TestEnv::new().await;
    let bank = Bank::default();
    bank.becomes(REFUSES);
    let process = env.run(bank.worker()).await;
    let other = env.run(bank.worker()).await;
    for order in 0..ORDERS {
        env.deliver(&asked(&format!("o-{order}"), "pay")).await;
    }
    until_held(&env, ORDERS).await;
    assert_eq!(breaker(&env).await.reason, Reason::ProviderRefused.code());
    // An event that needs no provider does not wait for it.
    env.deliver(&asked("free", "free")).await;
    env.expect::<PaymentRefunded>("free").await;

    // On a slow machine an event has probed by now. While all are held, none is on its way.
    let before = eventually("the requests that were no probes", async || {
        let (row, requests) = (breaker(&env).await, bank.requests().len());
        (row.held == ORDERS && breaker(&env).await == row).then(|| requests - row.probes)
    })
    .await;
    assert!(before < ORDERS, "{before} requests: the others were held without one");
    let longer = [2, 4, 8];
    for minutes in longer {
        let probes = breaker(&env).await.probes;
        env.advance(Duration::from_secs(60 * minutes)).await;
        eventually("an event probes, and waits again", async || {
            let row = breaker(&env).await;
            (row.probes > probes && row.held == ORDERS).then_some(())
        })
        .await;
    }
    let asked = bank.requests().len() - before;
    // A probe that is under way when the time is moved may outlive its lease, and another goes beside it.
    let most = breaker(&env).await.probes + longer.len();
    assert!(asked <= most, "{asked} requests, and one event probes for all");
    let attempts = "select max(attempts) from shop.journal where state = 'waiting'";
    let attempts: i32 = env.db().await.query_one(attempts, &[]).await.unwrap().get(0);
    assert_eq!(attempts, 0, "waiting costs no attempt");
    for process in [&process, &other] {
        assert!(process.health().is_ready());
        let part = process.health().parts().remove("shop.bank");
        assert!(matches!(part, Some(PartState::Degraded(_))), "{part:?}");
    }
    let db = Database::new(&env.settings().database_url, 1).unwrap();
    let listed = list_retries(&db, "shop", &RetryFilter::default(), 100).await.unwrap();
    assert_eq!(listed.len(), ORDERS);
    assert!(listed.iter().all(|waiting| waiting.held_by.as_deref() == Some("bank")), "{listed:?}");
    let outages = list_outages(&db, "shop").await.unwrap();
    let [outage] = outages.as_slice() else { panic!("{outages:?}") };
    assert_eq!((outage.reason.as_str(), outage.waiting), ("provider-refused", 25));

    // The key is right, and an operator does not want to wait for the next probe.
    bank.becomes(WELL);
    let asked_before = bank.requests().len();
    assert_eq!(run_now(&env).await, u64::try_from(ORDERS).unwrap());
    for order in 0..ORDERS {
        env.expect::<PaymentRefunded>(&format!("o-{order}")).await;
    }
    let failed = env.messages(&format!("evt.{}", ProviderFailed::TYPE)).await;
    let [failed] = failed.as_slice() else { panic!("{failed:?}") };
    let outage = ProviderFailed::decode(failed.payload.clone()).unwrap();
    let recovered: ProviderRecovered = env.expect("bank").await;
    assert_eq!(outage.outage_id, recovered.outage_id);
    assert!(recovered.seconds >= 14 * 60, "{recovered:?}");
    env.quiet().await;
    assert!(env.messages("dead.>").await.is_empty());
    eventually("both processes know", async || {
        let well = |process: &despatch_runtime::Process| {
            process.health().parts().get("shop.bank") == Some(&PartState::Ready)
        };
        (well(&process) && well(&other)).then_some(())
    })
    .await;
    assert_rate_held(&bank.requests()[asked_before..]);
}

/// Checks that no more events went on than the rate allowed by then. The first is the probe, after whose answer the rate
/// began to count. A delay of any kind makes requests later, never earlier, so this cannot fail by chance.
fn assert_rate_held(requests: &[Instant]) {
    for (number, at) in (0_u32..).zip(requests).skip(1) {
        let seconds = at.duration_since(requests[0]).as_secs_f64();
        // 5 a second at first, and 0.05 more with each answer.
        let allowed = 100.0 * ((0.05 * seconds).exp() - 1.0) + 2.0;
        assert!(f64::from(number) <= allowed, "request {number} came when {allowed:.1} were allowed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_comes_back_is_the_same_outage() {
    let env = TestEnv::new().await;
    let bank = Bank::default();
    bank.becomes(DOWN);
    env.run(bank.worker()).await;
    for order in 0..12 {
        env.deliver(&asked(&format!("o-{order}"), "pay")).await;
    }
    // Below the limit events wait by themselves; what makes it trip is due within seconds.
    eventually("it opens", async || {
        env.advance(Duration::from_secs(2)).await;
        (breaker(&env).await.state == "open").then_some(())
    })
    .await;
    bank.becomes(WELL);
    env.advance(Duration::from_secs(60)).await;
    eventually("it is half-open", async || (breaker(&env).await.state == "half-open").then_some(())).await;
    bank.becomes(DOWN);
    eventually("it opens again", async || (breaker(&env).await.state == "open").then_some(())).await;
    bank.becomes(WELL);
    env.advance(Duration::from_secs(60)).await;
    for order in 0..12 {
        env.expect::<PaymentRefunded>(&format!("o-{order}")).await;
    }
    env.expect::<ProviderRecovered>("bank").await;
    assert_eq!(env.count::<ProviderFailed>("bank").await, 1);
    env.quiet().await;
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_always_fails_a_tenth_is_asked_more_and_more() {
    let env = TestEnv::new().await;
    let bank = Bank::default();
    bank.becomes(REFUSES);
    env.run(bank.worker()).await;
    for order in 0..2 * ORDERS {
        env.deliver(&asked(&format!("o-{order}"), "pay")).await;
    }
    until_held(&env, 2 * ORDERS).await;
    bank.becomes(FAILS_A_TENTH);
    env.advance(Duration::from_secs(60)).await;
    for order in 0..2 * ORDERS {
        env.expect::<PaymentRefunded>(&format!("o-{order}")).await;
    }
    eventually("it closes", async || (breaker(&env).await.state == "closed").then_some(())).await;
    let rate: f64 = env.db().await.query_one("select rate from shop.breaker", &[]).await.unwrap().get(0);
    assert!(rate > 5.5, "{rate} a second after {} answers: it began with five", 2 * ORDERS);
    assert_eq!(env.count::<ProviderFailed>("bank").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_provider_puts_off_or_fails_alone_waits_for_days_and_opens_nothing() {
    let env = TestEnv::new().await;
    let bank = Bank::default();
    env.run(bank.worker()).await;
    env.deliver(&asked("grey", "greylisted")).await;
    env.deliver(&asked("fails", "failing")).await;
    let tries = async || -> Vec<i32> {
        let sql = "select generation from shop.journal where state <> 'done' order by subject";
        env.db().await.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    // Twelve hours at a time, to four days.
    for _ in 0..8 {
        let before =
            eventually("both wait", async || Some(tries().await).filter(|tries| tries.len() == 2)).await;
        env.advance(Duration::from_secs(12 * 3600)).await;
        eventually("both are tried again", async || {
            let tries = tries().await;
            (tries.iter().zip(&before).all(|(now, before)| now > before)).then_some(())
        })
        .await;
        // The provider serves others meanwhile.
        env.deliver(&asked("other", "pay")).await;
    }
    assert!(env.messages("dead.>").await.is_empty());
    assert_eq!(breaker(&env).await.state, "closed");
    env.advance(Duration::from_secs(2 * 24 * 3600)).await;
    for order in ["grey", "fails"] {
        assert_eq!(env.expect_dead(order).await.reason, Reason::ProviderDown.code());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_that_a_breaker_held_an_event_does_not_count_when_it_waits_for_itself() {
    let env = TestEnv::new().await;
    let bank = Bank::default();
    bank.becomes(REFUSES);
    env.run(bank.worker()).await;
    env.deliver(&asked("held", "pay")).await;
    for order in 0..ORDERS {
        env.deliver(&asked(&format!("other-{order}"), "pay")).await;
    }
    until_held(&env, ORDERS + 1).await;
    // Longer than any event is tried for.
    env.advance(Duration::from_secs(10 * 24 * 3600)).await;
    bank.becomes(PUTS_OFF);
    let waiting = async || {
        let sql = "select count(*) from shop.journal where state = 'waiting' and waiting_since > \
                   despatch_now() - interval '1 day'";
        env.db().await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
    };
    eventually("each has been put off and waits from then on", async || {
        (waiting().await == i64::try_from(ORDERS + 1).unwrap()).then_some(())
    })
    .await;
    assert!(env.messages("dead.>").await.is_empty());
    bank.becomes(WELL);
    env.advance(Duration::from_secs(24 * 3600)).await;
    env.expect::<PaymentRefunded>("held").await;
}
