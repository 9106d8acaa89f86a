//! Autoscaling: a day's load with a steep evening, through processes of a worker that waits for a carrier. Either 1, 2
//! or 4 of them throughout, or as many as KEDA's formula asks for.
//!
//! [`day`] has the arrivals, [`lag`] KEDA's view of them, and [`decide`] its decisions. [`mod@run_day`] runs a day to
//! its end, [`day_result`] is its result, and [`chart`] draws the days.

pub(crate) mod chart;
mod day;
pub(crate) mod day_result;
mod decide;
mod fleet;
mod lag;
mod run_day;

use std::process::ExitCode;
use std::time::Duration;

use day::Day;
use day_result::{AutoscaleResult, DayResult, Processes, time_of_day};
use decide::{LAG_THRESHOLD, Rules, SYNC};
use run_day::{POLL_INTERVAL, Sizing, run_day};

use crate::bounds::{above_zero, at_least_one};
use crate::load::carrier;
use crate::load::run_env::Servers;
use crate::measure::report::Report;
use crate::options::Options;
use crate::result::Result;

/// A day, and the processes that handle what comes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Scaling {
    /// How long the day lasts.
    #[arg(long, default_value_t = 120.0, value_name = "N", value_parser = above_zero)]
    pub(crate) seconds: f64,
    /// Messages a second in the evening.
    #[arg(long, default_value_t = 480.0, value_name = "N", value_parser = above_zero)]
    pub(crate) peak: f64,
    /// How long the carrier takes to answer, in milliseconds.
    #[arg(long, default_value_t = 400, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) answer_ms: u64,
    /// Numbers of processes that stay, separated by commas.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 2, 4], value_parser = at_least_one)]
    pub(crate) fixed: Vec<usize>,
    /// Messages for which the scaler takes one process, separated by commas: a day each.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [LAG_THRESHOLD],
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) lag_threshold: Vec<u64>,
    /// How many times as fast as in a cluster the scaler's clock goes, up to 30.
    #[arg(long, default_value_t = 30.0, value_name = "N", value_parser = clock_speed)]
    pub(crate) clock: f64,
}

/// Parses the clock's speed. The scaler decides when the lag is read, so its decisions cannot be closer together.
fn clock_speed(text: &str) -> Result<f64, String> {
    let fastest = SYNC.div_duration_f64(POLL_INTERVAL);
    match above_zero(text)? {
        times if (1.0..=fastest).contains(&times) => Ok(times),
        _ => Err(format!("between 1 and {fastest}")),
    }
}

/// `bench autoscale`.
pub(crate) async fn command(options: &Options, scaling: &Scaling) -> Result<ExitCode> {
    let mut report = Report::new("autoscale");
    let servers = Servers::start(options).await?;
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
        let log = run_day(&servers, day, answers_after, sizing).await?;
        let result = DayResult::new(day, processes, log);
        let oldest = result.oldest_seconds;
        eprintln!("autoscale: {processes}, the oldest {:.1} s at most", oldest.max);
        days.push(result);
    }
    servers.stop().await?;
    let messages_per_second = carrier::messages_per_second(answers_after);
    report.line(
        "one process",
        format!("{messages_per_second:.0} messages/s of {:.0} in the evening", day.peak),
    );
    for day in &days {
        day.add_to(&mut report);
    }
    by_the_hour(&mut report, &days);
    report.field("clock", scaling.clock);
    let results = serde_json::to_value(AutoscaleResult { day, messages_per_second, days })?;
    for (name, value) in results.as_object().into_iter().flatten() {
        report.field(name, value.clone());
    }
    report.print(options.json)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints for each hour its oldest message and, if they change, the processes at its end.
fn by_the_hour(report: &mut Report, days: &[DayResult]) {
    let heads: Vec<String> = days.iter().map(|day| format!("{:>14}", day.processes)).collect();
    report.line("oldest, processes", heads.join(""));
    let last = days.iter().filter_map(|day| day.readings.last()).map(|reading| reading.hour);
    let last = last.fold(0.0, f64::max);
    let mut hour = 4.0;
    while hour < last {
        let columns = days.iter().map(|day| {
            let of_it =
                || day.readings.iter().filter(move |reading| (hour..hour + 1.0).contains(&reading.hour));
            let oldest = of_it().map(|reading| reading.oldest_seconds).fold(0.0, f64::max);
            let column = of_it().next_back().map(|last| format!("{oldest:.1} s, {}", last.working));
            format!("{:>14}", column.unwrap_or_default())
        });
        report.line(&time_of_day(hour), columns.collect::<String>());
        hour += 1.0;
    }
}
