//! The picture of days: over the same hours what comes, how many processes there are and how old the oldest message is.

use std::fmt::Write as _;

use super::{Found, Lived, Processes, Reading, clock};

const LEFT: f64 = 70.0;
const WIDTH: f64 = 640.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 52.0;
const HEIGHT: f64 = 130.0;
/// Between panels: a title and the hours.
const GAP: f64 = 54.0;

/// Of numbers that stay, then of what the scaler does.
const FIXED: [&str; 4] = ["#c2185b", "#e08e0b", "#7a8288", "#b8a9c9"];
const SCALED: [&str; 3] = ["#1f6f8b", "#5b4fa3", "#2e7d32"];

/// Ages below are drawn as this, in seconds: an hour of the day is a few.
const YOUNGEST: f64 = 0.1;

/// What `bench plot` draws.
pub(crate) fn svg(found: &Found) -> String {
    let drawing = Drawing::new(found);
    let height = TOP + 3.0 * (HEIGHT + GAP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{height:.0}\" font-family=\"sans-serif\" \
         font-size=\"12\" fill=\"#222\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        LEFT + WIDTH + RIGHT
    );
    drawing.legend(&mut svg);
    drawing.load(&mut svg);
    drawing.processes(&mut svg);
    drawing.ages(&mut svg);
    svg + "</svg>\n"
}

/// A day with its colour.
struct Line<'a> {
    lived: &'a Lived,
    colour: &'static str,
    is_scaled: bool,
}

struct Drawing<'a> {
    found: &'a Found,
    lines: Vec<Line<'a>>,
    /// The first and the last hour.
    hours: (f64, f64),
}

/// Where a panel is, and what its height stands for.
struct Panel {
    top: f64,
    least: f64,
    most: f64,
    logarithmic: bool,
}

impl Panel {
    fn new(number: u8, least: f64, most: f64, logarithmic: bool) -> Self {
        Panel { top: TOP + f64::from(number) * (HEIGHT + GAP) + 20.0, least, most, logarithmic }
    }

    fn y(&self, figure: f64) -> f64 {
        let scale = |figure: f64| if self.logarithmic { figure.log10() } else { figure };
        let figure = figure.clamp(self.least, self.most);
        let part = (scale(figure) - scale(self.least)) / (scale(self.most) - scale(self.least));
        self.top + HEIGHT * (1.0 - part)
    }
}

impl<'a> Drawing<'a> {
    fn new(found: &'a Found) -> Self {
        let (mut fixed, mut scaled) = (FIXED.iter().cycle(), SCALED.iter().cycle());
        let lines = found.days.iter().map(|lived| {
            let (colours, is_scaled) = match lived.processes {
                Processes::Fixed(_) => (&mut fixed, false),
                Processes::LagThreshold(_) => (&mut scaled, true),
            };
            Line { lived, colour: colours.next().copied().unwrap_or("#222"), is_scaled }
        });
        let readings = || found.days.iter().flat_map(|lived| &lived.readings).map(|reading| reading.hour);
        let (first, last) = (found.day.hour(0.0), found.day.hour(found.day.seconds));
        Drawing { found, lines: lines.collect(), hours: (first, readings().fold(last, f64::max).ceil()) }
    }

    fn x(&self, hour: f64) -> f64 {
        let (first, last) = self.hours;
        LEFT + (hour - first) / (last - first) * WIDTH
    }

    // Writing to a string does not fail, here and below.

    #[expect(clippy::cast_precision_loss, reason = "a few days")]
    fn legend(&self, svg: &mut String) {
        let apart = WIDTH / self.lines.len().max(4) as f64;
        let mut x = LEFT;
        for line in &self.lines {
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.0} 22h18\" stroke=\"{}\" stroke-width=\"{}\"/><text x=\"{:.0}\" y=\"26\">{}</text>",
                line.colour,
                line.width(),
                x + 23.0,
                line.name()
            );
            x += apart;
        }
    }

    /// A panel's title, its hours, and a line for each of `marks`.
    fn frame(&self, svg: &mut String, panel: &Panel, title: &str, marks: &[f64]) {
        let (top, bottom, right) = (panel.top, panel.top + HEIGHT, LEFT + WIDTH);
        let _ =
            writeln!(svg, "<text x=\"{LEFT}\" y=\"{:.0}\" font-weight=\"bold\">{title}</text>", top - 8.0);
        for mark in marks {
            let y = panel.y(*mark);
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>\
                 <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{mark}</text>",
                LEFT - 8.0,
                y + 4.0
            );
        }
        let mut hour = self.hours.0;
        while hour <= self.hours.1 {
            let x = self.x(hour);
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {bottom:.1}v4\" stroke=\"#222\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 16.0,
                clock(hour)
            );
            hour += 2.0;
        }
        let _ =
            writeln!(svg, "<path d=\"M{LEFT} {top:.1}V{bottom:.1}H{right}\" stroke=\"#222\" fill=\"none\"/>");
    }

    /// What comes, and what so many processes can do of it.
    fn load(&self, svg: &mut String) {
        let each = self.found.messages_per_second;
        let peak = self.found.day.peak;
        let panel = Panel::new(0, 0.0, peak.max(each) * 1.15, false);
        let marks: Vec<f64> =
            (0..=4_u8).map(|n| f64::from(n) * each).filter(|mark| *mark <= panel.most).collect();
        let title =
            format!("messages a second that come; the lines: what 1, 2, … processes can do, {each:.0} each");
        self.frame(svg, &panel, &title, &marks);
        let mut points = String::new();
        for step in 0..=480_u16 {
            let seconds = f64::from(step) / 480.0 * self.found.day.seconds;
            let (x, y) = (self.x(self.found.day.hour(seconds)), panel.y(self.found.day.rate(seconds)));
            let _ = write!(points, "{x:.1},{y:.1} ");
        }
        let _ =
            writeln!(svg, "<polyline points=\"{points}\" fill=\"none\" stroke=\"#222\" stroke-width=\"2\"/>");
    }

    /// How many take messages. Those that stay are beneath what the scaler does.
    fn processes(&self, svg: &mut String) {
        let all = self.found.days.iter().flat_map(|lived| &lived.readings).map(working);
        let most = all.fold(1.0, f64::max);
        let panel = Panel::new(1, 0.0, most + 0.5, false);
        let mut marks = vec![0.0];
        while marks.len() <= 4 && marks[marks.len() - 1] < most {
            marks.push(marks[marks.len() - 1] + (most / 4.0).ceil());
        }
        self.frame(svg, &panel, "processes", &marks);
        for line in &self.lines {
            let mut path = String::new();
            for reading in &line.lived.readings {
                let (x, y) = (self.x(reading.hour), panel.y(working(reading)));
                let _ = if path.is_empty() {
                    write!(path, "M{x:.1} {y:.1}")
                } else {
                    write!(path, "H{x:.1}V{y:.1}")
                };
            }
            line.draw(svg, &path);
        }
    }

    fn ages(&self, svg: &mut String) {
        let all = self.found.days.iter().map(|lived| lived.oldest_seconds.max);
        let most = 10_f64.powf(all.fold(1.0, f64::max).log10().ceil());
        let panel = Panel::new(2, YOUNGEST, most, true);
        let mut marks = vec![YOUNGEST];
        while marks[marks.len() - 1] < most {
            marks.push((marks[marks.len() - 1] * 100.0).round() / 10.0);
        }
        self.frame(svg, &panel, "age of the oldest message not yet handled, seconds as they were", &marks);
        for line in &self.lines {
            let mut path = String::new();
            for reading in &line.lived.readings {
                let begin = if path.is_empty() { 'M' } else { 'L' };
                let (x, y) = (self.x(reading.hour), panel.y(reading.oldest_seconds));
                let _ = write!(path, "{begin}{x:.1} {y:.1}");
            }
            line.draw(svg, &path);
        }
    }
}

impl Line<'_> {
    fn name(&self) -> String {
        match self.lived.processes {
            Processes::Fixed(1) => "always 1".to_owned(),
            Processes::Fixed(processes) => format!("always {processes}"),
            Processes::LagThreshold(lag) => format!("threshold {lag}"),
        }
    }

    fn width(&self) -> &'static str {
        if self.is_scaled { "2.5" } else { "1.5" }
    }

    fn draw(&self, svg: &mut String, path: &str) {
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"/>",
            self.colour,
            self.width()
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few processes")]
fn working(reading: &Reading) -> f64 {
    reading.working as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_is_as_high_as_what_it_stands_for() {
        let (linear, logarithmic) = (Panel::new(0, 0.0, 4.0, false), Panel::new(2, 0.1, 10.0, true));
        for (panel, figures) in [(linear, [0.0, 2.0, 4.0]), (logarithmic, [0.0, 1.0, 10.0])] {
            for (figure, from_top) in figures.into_iter().zip([HEIGHT, HEIGHT / 2.0, 0.0]) {
                assert!((panel.y(figure) - panel.top - from_top).abs() < 1e-6, "{figure}");
            }
        }
    }
}
