//! `bench chart`: draws `guard --json` as bars of orders per second, with other systems on the same work, and
//! `autoscale --json` as days ([`autoscale::chart`]).

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde_json::Value;

use crate::result::Result;
use crate::scenarios::autoscale;

/// Other systems with the same five steps on a machine of this size, each tuned as its experts would.
const PEERS: [(&str, f64); 8] = [
    ("graphile-worker 0.17, Postgres", 3_827.0),
    ("apalis 1.0, Postgres", 3_396.0),
    ("pg-boss 10.4, Postgres", 3_330.0),
    ("BullMQ 6.7, Redis", 1_786.0),
    ("Restate 1.7, five services", 679.0),
    ("Celery 5.7, Redis", 204.0),
    ("DBOS 3.4, Postgres", 92.0),
    ("Temporal dev server 1.32", 20.0),
];

const OURS: RGBColor = RGBColor(0x1f, 0x6f, 0x8b);
const OTHERS: RGBColor = RGBColor(0xb8, 0xc4, 0xc9);

/// The font. Its size includes the space above and below a line, for letters of 13 pixels.
const FONT: (&str, i32) = ("sans-serif", 16);

/// The height of a bar with its gap, and the widths beside and of the bars, in pixels.
const ROW: u32 = 26;
const NAMES: u32 = 240;
const BARS: u32 = 420;
const FIGURES: u32 = 80;

/// Prints the SVG of a results file, or of standard input.
pub(crate) fn command(results: &Path) -> Result<ExitCode> {
    let text = if results == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        text
    } else {
        std::fs::read_to_string(results)?
    };
    let results: Value = serde_json::from_str(&text)?;
    if results["what"] == "autoscale" {
        print!("{}", autoscale::chart::svg(&serde_json::from_value(results)?)?);
        return Ok(ExitCode::SUCCESS);
    }
    let rate = |of: &str| {
        let spread = &results[of]["orders_per_second"];
        let figure = |name: &str| spread[name].as_f64().ok_or(format!("no {of}.orders_per_second.{name}"));
        Ok::<_, String>(Bar { median: figure("median")?, range: Some((figure("min")?, figure("max")?)) })
    };
    let ours = [("despatch", rate("flow")?), ("baseline: NATS + Postgres, bare", rate("baseline")?)];
    let peers = PEERS.map(|(name, median)| (name, Bar { median, range: None }));
    print!("{}", svg(&[&ours[..], &peers[..]].concat())?);
    Ok(ExitCode::SUCCESS)
}

/// A figure and its range.
#[derive(Debug, Clone, Copy)]
struct Bar {
    median: f64,
    range: Option<(f64, f64)>,
}

impl Bar {
    fn max(&self) -> f64 {
        self.range.map_or(self.median, |(_, max)| max)
    }
}

fn svg(bars: &[(&str, Bar)]) -> Result<String> {
    let rows = u32::try_from(bars.len())?;
    let most = bars.iter().map(|(_, bar)| bar.max()).fold(1.0, f64::max);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (NAMES + BARS + FIGURES, ROW * (rows + 2)));
        let area = area.into_drawing_area();
        area.fill(&WHITE)?;
        let title = FONT.into_font().style(FontStyle::Bold).color(&BLACK);
        let title_at = (NAMES.cast_signed(), 8);
        area.draw(&Text::new("orders a second, five durable steps each, 2 cores", title_at, title))?;
        // A row is 1 high, and its bar leaves a gap above and below.
        let chart = ChartBuilder::on(&area)
            .margin_top(ROW)
            .margin_bottom(ROW)
            .margin_left(NAMES)
            .margin_right(FIGURES)
            .build_cartesian_2d(0.0..most, f64::from(rows)..0.0)?;
        let plane = chart.plotting_area();
        let style = FONT.into_font().color(&BLACK);
        let name_style = style.pos(Pos::new(HPos::Right, VPos::Center));
        let figure_style = style.pos(Pos::new(HPos::Left, VPos::Center));
        for (row, (name, bar)) in (0_u32..).zip(bars) {
            let (top, middle) = (f64::from(row), f64::from(row) + 0.5);
            let colour = if row == 0 { OURS } else { OTHERS };
            plane.draw(&Rectangle::new([(0.0, top + 0.15), (bar.median, top + 0.85)], colour.filled()))?;
            if let Some((min, max)) = bar.range {
                plane.draw(&PathElement::new([(min, middle), (max, middle)], BLACK.stroke_width(2)))?;
            }
            let name = Text::new((*name).to_owned(), (-8, 0), name_style.clone());
            plane.draw(&(EmptyElement::at((0.0, middle)) + name))?;
            let figure = Text::new(format!("{:.0}", bar.median), (6, 0), figure_style.clone());
            plane.draw(&(EmptyElement::at((bar.max(), middle)) + figure))?;
        }
        area.present()?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_width() {
        let bar = |median| Bar { median, range: None };
        let drawn = svg(&[("a", bar(50.0)), ("b", bar(100.0))]).unwrap();
        let bars = drawn.lines().filter(|line| line.starts_with(&format!("<rect x=\"{NAMES}\"")));
        let width =
            |bar: &str| bar.split_once(" width=\"").unwrap().1.split_once('"').unwrap().0.parse().unwrap();
        let widths: Vec<u32> = bars.map(width).collect();
        // The axis itself takes a pixel.
        assert_eq!(widths, [BARS / 2 - 1, BARS - 1], "{drawn}");
    }
}
