//! The chart of days: over the same hours, the arrivals, the processes, and the age of the oldest message.

use std::ops::Range;

use plotters::chart::SeriesLabelPosition;
use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::day_result::{AutoscaleResult, DayResult, Processes, time_of_day};
use super::run_day::Reading;
use crate::result::Result;

const SIZE: (u32, u32) = (734, 640);

/// The colours of fixed numbers, then of the scaler.
const FIXED: [RGBColor; 4] = [
    RGBColor(0xc2, 0x18, 0x5b),
    RGBColor(0xe0, 0x8e, 0x0b),
    RGBColor(0x7a, 0x82, 0x88),
    RGBColor(0xb8, 0xa9, 0xc9),
];
const SCALED: [RGBColor; 3] =
    [RGBColor(0x1f, 0x6f, 0x8b), RGBColor(0x5b, 0x4f, 0xa3), RGBColor(0x2e, 0x7d, 0x32)];

/// The lowest age drawn, in seconds: an hour of the day is a few seconds.
const YOUNGEST: f64 = 0.1;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Returns the SVG that `bench chart` prints.
pub(crate) fn svg(result: &AutoscaleResult) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let [load, processes, ages] = <[Area<'_>; 3]>::try_from(area.split_evenly((3, 1)))
            .map_err(|_| "three panels were asked for")?;
        let days = Days::new(result);
        days.draw_load(&load)?;
        days.draw_processes(&processes)?;
        days.draw_ages(&ages)?;
        area.present()?;
    }
    Ok(svg)
}

/// A day with its colour.
struct Line<'a> {
    day: &'a DayResult,
    colour: RGBColor,
    width: u32,
}

struct Days<'a> {
    result: &'a AutoscaleResult,
    lines: Vec<Line<'a>>,
    hours: Range<f64>,
}

impl<'a> Days<'a> {
    fn new(result: &'a AutoscaleResult) -> Self {
        let (mut fixed, mut scaled) = (FIXED.iter().cycle(), SCALED.iter().cycle());
        let lines = result.days.iter().map(|day| {
            let (colours, width): (&mut dyn Iterator<Item = &RGBColor>, u32) = match day.processes {
                Processes::Fixed(_) => (&mut fixed, 1),
                Processes::LagThreshold(_) => (&mut scaled, 2),
            };
            Line { day, colour: colours.next().copied().unwrap_or(BLACK), width }
        });
        let (first, last) = (result.day.hour(0.0), result.day.hour(result.day.seconds));
        let last =
            result.days.iter().flat_map(|day| &day.readings).map(|reading| reading.hour).fold(last, f64::max);
        Days { result, lines: lines.collect(), hours: first..last.ceil() }
    }

    /// Draws the arrivals, and the capacity of the processes.
    fn draw_load(&self, area: &Area<'_>) -> Result {
        let (each, peak) = (self.result.messages_per_second, self.result.day.peak);
        let title =
            format!("messages a second that come; the lines: what 1, 2, … processes can do, {each:.0} each");
        let most = peak.max(each) * 1.15;
        let mut chart = panel(area, &title).build_cartesian_2d(self.hours.clone(), 0.0..most)?;
        mesh(&mut chart, |rate| format!("{rate:.0}"))?;
        for processes in (1_u8..=4).map(f64::from).filter(|processes| processes * each <= most) {
            let ends = [self.hours.start, self.hours.end].map(|hour| (hour, processes * each));
            chart.draw_series(LineSeries::new(ends, BLACK.mix(0.3)))?;
        }
        let day = self.result.day;
        let seconds = (0_u16..=480).map(|step| f64::from(step) / 480.0 * day.seconds);
        let rates = seconds.map(|seconds| (day.hour(seconds), day.rate(seconds)));
        chart.draw_series(LineSeries::new(rates, BLACK.stroke_width(2)))?;
        Ok(())
    }

    /// Draws the number of working processes. Fixed numbers are beneath the scaler's.
    fn draw_processes(&self, area: &Area<'_>) -> Result {
        let all = self.result.days.iter().flat_map(|day| &day.readings).map(working);
        let most = all.fold(1.0, f64::max);
        let mut chart = panel(area, "processes").build_cartesian_2d(self.hours.clone(), 0.0..most + 0.5)?;
        mesh(&mut chart, |processes| format!("{processes:.0}"))?;
        for line in &self.lines {
            let readings = &line.day.readings;
            let first = readings.first().map(|reading| (reading.hour, working(reading)));
            // Each number holds until the next reading.
            let steps = readings.windows(2).flat_map(|pair| {
                let hour = pair[1].hour;
                [(hour, working(&pair[0])), (hour, working(&pair[1]))]
            });
            line.draw(&mut chart, first.into_iter().chain(steps))?;
        }
        Ok(())
    }

    fn draw_ages(&self, area: &Area<'_>) -> Result {
        let oldest = self.result.days.iter().map(|day| day.oldest_seconds.max).fold(1.0, f64::max);
        let ages = (YOUNGEST..10_f64.powf(oldest.log10().ceil())).log_scale();
        let title = "age of the oldest message not yet handled, seconds as they were";
        let mut chart = panel(area, title).build_cartesian_2d(self.hours.clone(), ages)?;
        mesh(&mut chart, |seconds| format!("{seconds}"))?;
        for line in &self.lines {
            let ages = line.day.readings.iter();
            let ages = ages.map(|reading| (reading.hour, reading.oldest_seconds.max(YOUNGEST)));
            line.draw(&mut chart, ages)?;
        }
        legend(&mut chart)
    }
}

impl Line<'_> {
    fn name(&self) -> String {
        match self.day.processes {
            Processes::Fixed(processes) => format!("always {processes}"),
            Processes::LagThreshold(lag) => format!("threshold {lag}"),
        }
    }

    fn draw<Y: Axis>(
        &self,
        chart: &mut Chart<'_, '_, Y>,
        points: impl Iterator<Item = (f64, f64)>,
    ) -> Result {
        let style = self.colour.stroke_width(self.width);
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(self.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        Ok(())
    }
}

/// An axis of figures, linear or logarithmic.
trait Axis: Ranged<ValueType = f64> + ValueFormatter<f64> {}
impl<A: Ranged<ValueType = f64> + ValueFormatter<f64>> Axis for A {}

type Chart<'a, 'b, Y> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, Y>>;

fn panel<'a, 'b>(area: &'a Area<'b>, title: &str) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.caption(title, ("sans-serif", 16)).margin(8).x_label_area_size(22).y_label_area_size(56);
    builder
}

fn mesh<Y: Axis>(chart: &mut Chart<'_, '_, Y>, figure: fn(f64) -> String) -> Result {
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(14)
        .y_labels(5)
        .x_label_formatter(&|hour| time_of_day(*hour))
        .y_label_formatter(&|value| figure(*value))
        .label_style(("sans-serif", 14))
        .draw()?;
    Ok(())
}

/// Draws the legend once for all panels, where ages leave room in the morning.
fn legend<'a, 'b: 'a, Y: Axis>(chart: &mut Chart<'a, 'b, Y>) -> Result {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 14))
        .draw()?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a few processes")]
fn working(reading: &Reading) -> f64 {
    reading.working as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::autoscale::day::Day;
    use crate::scenarios::autoscale::run_day::DayLog;

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
        let log = || DayLog {
            messages: 3,
            latest_ms: 5.0,
            readings: vec![reading(0.0, 1), reading(60.0, 3), reading(130.0, 1)],
        };
        let days = [Processes::Fixed(1), Processes::LagThreshold(200)];
        let days: Vec<DayResult> = days.map(|processes| DayResult::new(day, processes, log())).into();
        // After the day no process counts.
        assert!((days[0].average - 2.0).abs() < f64::EPSILON);
        let printed =
            serde_json::to_string(&AutoscaleResult { day, messages_per_second: 160.0, days }).unwrap();
        let drawn = svg(&serde_json::from_str(&printed).unwrap()).unwrap();
        assert!(drawn.contains("always 1") && drawn.contains("threshold 200"), "{drawn}");
    }
}
