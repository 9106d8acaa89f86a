//! The number of processes that a worker should have: KEDA's and Kubernetes' autoscaler as functions of time and
//! numbers alone.
//!
//! KEDA's `nats-jetstream` scaler reports pending + ack pending to the autoscaler, as an average per process
//! (`pkg/scalers/nats_jetstream_scaler.go`, `getMaxMsgLag`). While there is at least one process, the autoscaler asks
//! on every turn of its own; KEDA's `pollingInterval` only decides between none and one. The rest follows
//! `pkg/controller/podautoscaler`: `GetExternalPerPodMetricReplicas`, `stabilizeRecommendationWithBehaviors`,
//! `convertDesiredReplicasWithBehaviorRate`.

use std::time::Duration;

/// Time between two turns of the autoscaler: Kubernetes' default.
pub(crate) const SYNC: Duration = Duration::from_secs(15);

/// The chart's lag threshold of one process of `labels`.
pub(crate) const LAG_THRESHOLD: u64 = 200;

/// Relative deviation within which nothing changes: Kubernetes' default.
const TOLERANCE: f64 = 0.1;

/// Processes added per period, unless doubling adds more: Kubernetes' default.
const UP_BY: usize = 4;

/// The bounds of a worker's processes. The durations are a cluster's, unless they were made [`faster`](Rules::faster).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Messages, pending or in flight, for which one process is responsible.
    pub(crate) lag_threshold: u64,
    pub(crate) least: usize,
    pub(crate) most: usize,
    /// Time between two turns, and the period for additions.
    pub(crate) sync: Duration,
    /// Time for which fewer processes must suffice before one leaves.
    pub(crate) stabilisation: Duration,
    /// The period in which one process may leave.
    pub(crate) down_period: Duration,
}

impl Rules {
    /// Returns the chart's rules.
    pub(crate) fn of_the_chart(lag_threshold: u64) -> Self {
        Rules {
            lag_threshold,
            least: 1,
            most: 4,
            sync: SYNC,
            stabilisation: Duration::from_secs(300),
            down_period: Duration::from_secs(60),
        }
    }

    /// Returns the rules for a clock that is this many times as fast.
    pub(crate) fn faster(self, times: f64) -> Self {
        let faster = |duration: Duration| duration.div_f64(times);
        Rules {
            sync: faster(self.sync),
            stabilisation: faster(self.stabilisation),
            down_period: faster(self.down_period),
            ..self
        }
    }

    /// Returns ⌈lag / threshold⌉ within the bounds, as the chart's documents have it.
    pub(crate) fn formula(&self, lag: u64) -> usize {
        self.bounded(self.unbounded(lag))
    }

    /// Returns the recommendation without bounds, if it differs enough from the current number.
    fn recommended(&self, lag: u64, current: usize) -> usize {
        #[expect(clippy::cast_precision_loss, reason = "messages and processes of a benchmark")]
        let ratio = lag as f64 / (self.lag_threshold as f64 * current as f64);
        if (1.0 - TOLERANCE..=1.0 + TOLERANCE).contains(&ratio) { current } else { self.unbounded(lag) }
    }

    fn unbounded(&self, lag: u64) -> usize {
        usize::try_from(lag.div_ceil(self.lag_threshold)).unwrap_or(usize::MAX)
    }

    fn bounded(&self, processes: usize) -> usize {
        processes.clamp(self.least, self.most)
    }
}

/// The autoscaler of one worker: its rules and its memory. `at` counts from any beginning and never goes back.
#[derive(Debug)]
pub(crate) struct Scaler {
    rules: Rules,
    recommended: Vec<(Duration, usize)>,
    added: Vec<(Duration, usize)>,
    removed: Vec<(Duration, usize)>,
}

impl Scaler {
    pub(crate) fn new(rules: Rules) -> Self {
        Scaler { rules, recommended: Vec::new(), added: Vec::new(), removed: Vec::new() }
    }

    /// Returns the number of processes from now on, of `current` existing ones.
    pub(crate) fn decide(&mut self, at: Duration, lag: u64, current: usize) -> usize {
        let rules = self.rules;
        let recommended = rules.recommended(lag, current);
        let stable = if recommended >= current {
            recommended
        } else {
            since(&self.recommended, at, rules.stabilisation).fold(recommended, usize::max)
        };
        self.recommended.push((at, recommended));
        let next = if stable > current {
            let before = current.saturating_sub(since(&self.added, at, rules.sync).sum());
            stable.min((before + UP_BY).max(before * 2).max(current))
        } else {
            let before = current + since(&self.removed, at, rules.down_period).sum::<usize>();
            stable.max(before.saturating_sub(1)).min(current)
        };
        let next = rules.bounded(next);
        if next > current {
            self.added.push((at, next - current));
        } else if next < current {
            self.removed.push((at, current - next));
        }
        next
    }
}

/// Returns what was noted within this long before `at`.
fn since(noted: &[(Duration, usize)], at: Duration, long: Duration) -> impl Iterator<Item = usize> {
    noted.iter().rev().take_while(move |(then, _)| *then + long > at).map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use std::fs::read_to_string;
    use std::path::Path;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn scaler() -> Scaler {
        Scaler::new(Rules::of_the_chart(200))
    }

    #[test]
    fn the_formula_is_the_lag_over_the_threshold_rounded_up() {
        let rules = Rules::of_the_chart(200);
        let found = [0, 1, 200, 201, 400, 601, 5_000_000].map(|lag| rules.formula(lag));
        assert_eq!(found, [1, 1, 1, 2, 2, 4, 4]);
    }

    #[test]
    fn within_a_tenth_nothing_is_changed() {
        let decided = |lag, current| scaler().decide(at(0), lag, current);
        assert_eq!([decided(220, 1), decided(440, 2), decided(360, 2)], [1, 2, 2]);
        assert_eq!([decided(221, 1), decided(441, 2), decided(359, 3)], [2, 3, 2]);
    }

    #[test]
    fn there_is_always_one_and_never_more_than_the_most() {
        assert_eq!(scaler().decide(at(0), 0, 1), 1);
        assert_eq!(scaler().decide(at(0), 1_000_000, 1), 4);
        assert_eq!(scaler().decide(at(0), 1_000_000, 4), 4);
    }

    #[test]
    fn upwards_goes_by_four_or_to_twice_as_many_in_a_period() {
        let mut scaler = Scaler::new(Rules { most: 100, ..Rules::of_the_chart(200) });
        assert_eq!(scaler.decide(at(0), 1_000_000, 1), 5);
        // Nothing more within the same period.
        assert_eq!(scaler.decide(at(10), 1_000_000, 5), 5);
        assert_eq!(scaler.decide(at(15), 1_000_000, 5), 10);
        assert_eq!(scaler.decide(at(30), 2_400, 10), 12);
    }

    #[test]
    fn no_process_leaves_before_fewer_have_been_enough_for_the_whole_window() {
        let mut scaler = scaler();
        assert_eq!(scaler.decide(at(0), 800, 1), 4);
        for turn in 1..20 {
            assert_eq!(scaler.decide(at(turn * 15), 0, 4), 4, "after {} s", turn * 15);
        }
        assert_eq!(scaler.decide(at(300), 0, 4), 3);
    }

    #[test]
    fn a_peak_within_the_window_begins_it_again() {
        let mut scaler = scaler();
        scaler.decide(at(0), 800, 4);
        scaler.decide(at(150), 800, 4);
        assert_eq!(scaler.decide(at(300), 0, 4), 4);
        assert_eq!(scaler.decide(at(450), 0, 4), 3);
    }

    #[test]
    fn one_leaves_in_a_minute() {
        let mut scaler = scaler();
        let mut current = 4;
        let mut counts = Vec::new();
        for turn in 0..12 {
            current = scaler.decide(at(turn * 15), 0, current);
            counts.push(current);
        }
        assert_eq!(counts, [3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1]);
    }

    #[test]
    fn a_faster_clock_changes_durations_alone() {
        let rules = Rules::of_the_chart(200).faster(30.0);
        assert_eq!(
            [rules.sync, rules.stabilisation, rules.down_period],
            [500, 10_000, 2_000].map(Duration::from_millis)
        );
        assert_eq!((rules.lag_threshold, rules.least, rules.most), (200, 1, 4));
    }

    #[test]
    fn the_rules_are_those_of_the_chart() {
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../deploy/helm/despatch");
        let values = read_to_string(chart.join("values.yaml")).unwrap();
        let template = read_to_string(chart.join("templates/scaling.yaml")).unwrap();
        let Rules { lag_threshold, least, most, stabilisation, down_period, .. } =
            Rules::of_the_chart(LAG_THRESHOLD);
        let (_, worker) = values.split_once("\nworker:\n").unwrap();
        let (worker, workers) = worker.split_once("\nworkers:\n").unwrap();
        assert!(worker.contains(&format!("\n  minReplicas: {least}\n")));
        assert!(worker.contains(&format!("\n  maxReplicas: {most}\n")));
        // Nothing else, so the bounds of `worker` hold for labels too.
        assert!(workers.contains(&format!("\n  labels: {{lagThreshold: {lag_threshold}}}\n")));
        assert!(values.contains(&format!("\n  scaleDownAfterSeconds: {}\n", stabilisation.as_secs())));
        let policy =
            format!("policies: [{{type: Pods, value: 1, periodSeconds: {}}}]", down_period.as_secs());
        let keda = template.split_once("kind: ScaledObject").unwrap().1.split_once("{{- else }}").unwrap().0;
        assert!(keda.contains(&policy));
        // The template must not set these, because the rules do not have them.
        for other in ["pollingInterval", "useCachedMetrics", "metricType", "scaleUp", "tolerance"] {
            assert!(!keda.contains(other), "{other}");
        }
    }
}
