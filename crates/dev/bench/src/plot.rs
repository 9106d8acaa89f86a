//! Pictures of what was found: of `bench guard --json` orders a second as bars, with other systems on the same work; what
//! `bench autoscale --json` has found is drawn by [`autoscale`].

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use crate::{Outcome, autoscale};

/// Others doing the same five steps on a machine of this size, each tuned as its experts would.
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

const ROW: usize = 26;
const LEFT: usize = 240;
const WIDTH: usize = 420;

/// `bench plot`.
pub(crate) fn command(results: &Path) -> Outcome<ExitCode> {
    let text = if results == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        text
    } else {
        std::fs::read_to_string(results)?
    };
    let results: Value = serde_json::from_str(&text)?;
    if results["what"] == "autoscale" {
        print!("{}", autoscale::svg(&serde_json::from_value(results)?));
        return Ok(ExitCode::SUCCESS);
    }
    let rate = |of: &str| {
        let spread = &results[of]["orders_per_second"];
        let figure = |name: &str| spread[name].as_f64().ok_or(format!("no {of}.orders_per_second.{name}"));
        Ok::<_, String>(Bar { median: figure("median")?, range: Some((figure("min")?, figure("max")?)) })
    };
    let ours = [("despatch", rate("flow")?), ("the floor: NATS + Postgres, bare", rate("floor")?)];
    let peers = PEERS.map(|(name, median)| (name, Bar { median, range: None }));
    print!("{}", svg(&[&ours[..], &peers[..]].concat()));
    Ok(ExitCode::SUCCESS)
}

/// A figure, and between which it lay.
#[derive(Debug, Clone, Copy)]
struct Bar {
    median: f64,
    range: Option<(f64, f64)>,
}

fn svg(bars: &[(&str, Bar)]) -> String {
    let most = bars.iter().map(|(_, bar)| bar.range.map_or(bar.median, |(_, max)| max)).fold(1.0, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "a few hundred pixels")]
    let x = |figure: f64| LEFT as f64 + figure / most * WIDTH as f64;
    let height = ROW * (bars.len() + 2);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"{ROW}\" font-weight=\"bold\">orders a second, five durable steps each, 2 cores</text>\n",
        total = LEFT + WIDTH + 80,
    );
    for (row, (name, bar)) in bars.iter().enumerate() {
        let top = ROW * (row + 1) + ROW / 2;
        let (text, label) = (top + 14, LEFT - 8);
        let colour = if row == 0 { "#1f6f8b" } else { "#b8c4c9" };
        let (end, wide) = (x(bar.range.map_or(bar.median, |(_, max)| max)) + 6.0, x(bar.median) - x(0.0));
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<text x=\"{label}\" y=\"{text}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{LEFT}\" y=\"{top}\" width=\"{wide:.1}\" height=\"18\" fill=\"{colour}\"/>\
             <text x=\"{end:.1}\" y=\"{text}\">{:.0}</text>",
            bar.median
        );
        if let Some((min, max)) = bar.range {
            let middle = top + 9;
            let _ = writeln!(
                svg,
                "<path d=\"M{:.1} {middle}H{:.1}\" stroke=\"#222\" stroke-width=\"2\"/>",
                x(min),
                x(max)
            );
        }
    }
    svg + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_width() {
        let bar = |median| Bar { median, range: None };
        let drawn = svg(&[("a", bar(50.0)), ("b", bar(100.0))]);
        assert!(drawn.contains("width=\"210.0\"") && drawn.contains("width=\"420.0\""), "{drawn}");
    }
}
