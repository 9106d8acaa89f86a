//! Autoscaling: a day's load with a steep evening, through processes of a worker that waits for a carrier; always 1, 2 or 4
//! of them, and as many as KEDA's formula asks for.
//!
//! [`day`] is when messages come, [`carrier`] what handles them, [`lag`] what KEDA sees of it and [`decide`] what becomes of
//! that. [`watch`] sees a day through, [`picture`] draws the days.

pub(crate) mod carrier;
mod day;
mod decide;
mod fleet;
mod lag;
mod picture;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::args::{Args, Scaling};
use crate::report::{Report, Spread};
use crate::site::Site;

use day::Day;
use decide::Rules;
use watch::{Reading, Sizing};

pub(crate) use decide::{LAG_THRESHOLD, SYNC};
pub(crate) use picture::svg;
pub(crate) use watch::LOOK;

/// All that was found, as `--json` prints it and the picture is drawn from.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Found {
    day: Day,
    /// What one process can do.
    messages_per_second: f64,
    days: Vec<Lived>,
}

/// A day that was seen through.
#[derive(Debug, Serialize, Deserialize)]
struct Lived {
    processes: Processes,
    messages: usize,
    /// The longest that a message was placed after its time.
    latest_ms: f64,
    most_pending: u64,
    /// Of the readings of the whole day.
    oldest_seconds: Spread,
    /// Processes on average, until the end of the day.
    average: f64,
    readings: Vec<Reading>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Processes {
    Fixed(usize),
    LagThreshold(u64),
}

impl std::fmt::Display for Processes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&match self {
            Processes::Fixed(1) => "1 process".to_owned(),
            Processes::Fixed(processes) => format!("{processes} processes"),
            Processes::LagThreshold(lag) => format!("KEDA, {lag}"),
        })
    }
}

/// `bench autoscale`.
pub(crate) async fn command(args: &Args, scaling: &Scaling) -> Outcome<ExitCode> {
    let mut report = Report::new("autoscale");
    let site = Site::start(args).await?;
    let day = Day { seconds: scaling.seconds, peak: scaling.peak };
    let answers_after = Duration::from_millis(scaling.answer_ms);
    let fixed = scaling.fixed.iter().copied().map(Processes::Fixed);
    let scaled = scaling.lag_threshold.iter().copied().map(Processes::LagThreshold);
    let mut days = Vec::new();
    for processes in fixed.chain(scaled) {
        let sizing = match processes {
            Processes::Fixed(processes) => Sizing::Fixed(processes, Rules::of_the_chart(LAG_THRESHOLD)),
            Processes::LagThreshold(lag) => Sizing::Scaled(Rules::of_the_chart(lag).faster(scaling.clock)),
        };
        let seen = watch::through(&site, day, answers_after, sizing).await?;
        let lived = Lived::new(day, processes, seen);
        let oldest = lived.oldest_seconds;
        eprintln!("autoscale: {processes}, the oldest {:.1} s at most", oldest.max);
        days.push(lived);
    }
    site.stop().await?;
    let messages_per_second = carrier::messages_per_second(answers_after);
    report.line(
        "one process",
        format!("{messages_per_second:.0} messages/s of {:.0} in the evening", day.peak),
    );
    for lived in &days {
        lived.tell(&mut report);
    }
    by_the_hour(&mut report, &days);
    report.field("clock", scaling.clock);
    let found = serde_json::to_value(Found { day, messages_per_second, days })?;
    for (name, value) in found.as_object().into_iter().flatten() {
        report.field(name, value.clone());
    }
    report.print(args.json)?;
    Ok(ExitCode::SUCCESS)
}

impl Lived {
    #[expect(clippy::cast_precision_loss, reason = "a few processes, a few hundred readings")]
    fn new(day: Day, processes: Processes, seen: watch::Seen) -> Self {
        let watch::Seen { messages, latest_ms, readings } = seen;
        let within: Vec<f64> = readings
            .iter()
            .filter(|reading| reading.seconds <= day.seconds)
            .map(|reading| reading.working as f64)
            .collect();
        Lived {
            processes,
            messages,
            latest_ms,
            most_pending: readings.iter().map(|reading| reading.pending).max().unwrap_or_default(),
            oldest_seconds: Spread::of(readings.iter().map(|reading| reading.oldest_seconds)),
            average: within.iter().sum::<f64>() / within.len() as f64,
            readings,
        }
    }

    fn tell(&self, report: &mut Report) {
        report.line(
            &self.processes.to_string(),
            format!(
                "oldest {:.1} s at most, {:.1} s median; up to {} pending; {:.2} processes on average; {} messages, \
                 placed up to {:.0} ms late",
                self.oldest_seconds.max,
                self.oldest_seconds.median,
                self.most_pending,
                self.average,
                self.messages,
                self.latest_ms,
            ),
        );
    }
}

/// For each hour the oldest message of it, and where they change the processes at its end.
fn by_the_hour(report: &mut Report, days: &[Lived]) {
    let heads: Vec<String> = days.iter().map(|lived| format!("{:>14}", lived.processes)).collect();
    report.line("oldest, processes", heads.join(""));
    let last = days.iter().filter_map(|lived| lived.readings.last()).map(|reading| reading.hour);
    let last = last.fold(0.0, f64::max);
    let mut hour = 4.0;
    while hour < last {
        let columns = days.iter().map(|lived| {
            let of_it =
                || lived.readings.iter().filter(move |reading| (hour..hour + 1.0).contains(&reading.hour));
            let oldest = of_it().map(|reading| reading.oldest_seconds).fold(0.0, f64::max);
            let column = of_it().next_back().map(|last| format!("{oldest:.1} s, {}", last.working));
            format!("{:>14}", column.unwrap_or_default())
        });
        report.line(&clock(hour), columns.collect::<String>());
        hour += 1.0;
    }
}

/// An hour as it is written.
fn clock(hour: f64) -> String {
    format!("{:02.0}:00", hour % 24.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_drawn() {
        let day = Day { seconds: 120.0, peak: 480.0 };
        let reading = |seconds: f64, working| Reading {
            seconds,
            hour: day.hour(seconds),
            offered: day.rate(seconds),
            pending: 5,
            ack_pending: 64,
            oldest_seconds: 0.4,
            formula: 1,
            desired: working,
            working,
        };
        let seen = || watch::Seen {
            messages: 3,
            latest_ms: 5.0,
            readings: vec![reading(0.0, 1), reading(60.0, 3), reading(130.0, 1)],
        };
        let days = [Processes::Fixed(1), Processes::LagThreshold(200)];
        let days: Vec<Lived> = days.map(|processes| Lived::new(day, processes, seen())).into();
        // After the day nobody counts.
        assert!((days[0].average - 2.0).abs() < f64::EPSILON);
        let printed = serde_json::to_string(&Found { day, messages_per_second: 160.0, days }).unwrap();
        let drawn = svg(&serde_json::from_str(&printed).unwrap());
        assert!(drawn.contains("always 1") && drawn.contains("threshold 200"), "{drawn}");
    }
}
