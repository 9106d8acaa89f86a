//! A process that ends at a boundary of the protocol: the next one finishes its work, and nothing is done twice.

use despatch_contracts::order::OrderCompleted;
use despatch_contracts::payment::PaymentRefunded;
use despatch_contracts::review::ReviewAskDue;
use despatch_runtime::{migrate_all, provision_all};
use despatch_testkit::{TestEnv, eventually};

use crate::child;
use crate::fixture::{Fixture, asked, kept, told};
use crate::hasty_env;

/// Kills a process at `boundary` while it handles one event for each kind of handler. `reason` is their instruction.
struct Death {
    boundary: &'static str,
    reason: &'static str,
    /// The provider's request; none if the boundary is another handler's.
    buys: bool,
}

impl Death {
    async fn at(boundary: &'static str, reason: &'static str, buys: bool) {
        let env = hasty_env().await;
        let fixture = Fixture::new(&env).await;
        migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
        provision_all(env.settings(), &[fixture.worker()]).await.unwrap();
        Death { boundary, reason, buys }.and_after(&env, &fixture).await;
    }

    async fn and_after(&self, env: &TestEnv, fixture: &Fixture) {
        if self.buys {
            env.deliver(&asked("o", self.reason)).await;
        } else {
            env.deliver(&told("o", self.reason)).await;
        }
        child::start(env, &format!("{}=return", self.boundary)).aborted().await;
        env.db().await.execute("insert into fixture.fixed values ('o')", &[]).await.unwrap();

        env.run(fixture.worker()).await;
        if self.buys {
            env.expect::<PaymentRefunded>("o").await;
        } else {
            env.expect::<OrderCompleted>("o").await;
        }
        if self.reason == "timer" {
            env.expect::<ReviewAskDue>("o").await;
        }
        env.quiet().await;
        let timers = usize::from(self.reason == "timer");
        assert_eq!(env.count::<ReviewAskDue>("o").await, timers);
        if self.buys {
            assert_eq!(kept(env, "o", "bought").await, 1);
            assert_eq!(env.count::<PaymentRefunded>("o").await, 1);
            let effects = fixture.provider.effects("o").await;
            let expected = if self.reason == "declined-once" { 2 } else { 1 };
            assert_eq!(effects.len(), expected, "{effects:?}");
            assert!(effects.iter().all(|effect| effect.firsts == 1), "{effects:?}");
        } else {
            assert_eq!(kept(env, "o", "recorded").await, 1);
            assert_eq!(env.count::<OrderCompleted>("o").await, 1);
        }
        eventually("no start marker is left", async || {
            let left = env.db().await.query_one("select count(*) from fixture.start", &[]).await.unwrap();
            (left.get::<_, i64>(0) == 0).then_some(())
        })
        .await;
    }
}

macro_rules! deaths {
    ($($name:ident: $boundary:literal, $reason:literal, buys = $buys:literal;)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            Death::at($boundary, $reason, $buys).await;
        }
    )+};
}

deaths! {
    after_perform_of_a_purchase: "after-perform", "buy", buys = true;
    before_commit: "before-commit", "complete", buys = false;
    before_commit_of_a_purchase: "before-commit", "buy", buys = true;
    after_commit: "after-commit", "complete", buys = false;
    after_commit_of_a_purchase: "after-commit", "buy", buys = true;
    after_publish: "after-publish", "complete", buys = false;
    after_publish_of_a_purchase: "after-publish", "buy", buys = true;
    after_close: "after-close", "complete", buys = false;
    after_close_of_a_purchase: "after-close", "buy", buys = true;
    before_ack: "before-ack", "complete", buys = false;
    before_ack_of_a_purchase: "before-ack", "buy", buys = true;
    after_a_retry_is_fired: "after-fire", "retry-until-fixed", buys = false;
    after_a_retry_of_a_purchase_is_fired: "after-fire", "declined-once", buys = true;
    after_a_timer_is_fired: "after-timer", "timer", buys = false;
    after_a_timer_of_a_purchase_is_fired: "after-timer", "timer", buys = true;
}
