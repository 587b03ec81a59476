//! Plots as SVG, from a run's own numbers.

use std::error::Error;

use plotters::prelude::*;

use crate::paired::{Ratios, Table};

type Outcome = Result<(), Box<dyn Error>>;

/// The part of the width that the names take, left of nought.
const NAMES: f64 = 0.45;

const COLOURS: [RGBColor; 5] = [
    RGBColor(31, 119, 180),
    RGBColor(255, 127, 14),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
    RGBColor(140, 86, 75),
];

/// A box for every subject of every table: the middle half, the median, and whiskers to the fifths from the ends.
pub fn ratios(path: &str, title: &str, tables: &[Table], reach: f64) -> Outcome {
    let rows: usize = tables.iter().map(|table| table.rows().len()).sum();
    let root = SVGBackend::new(path, (900, 60 + 26 * rows as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(26)
        .build_cartesian_2d(-1.3 * NAMES..1.3, 0.0..rows as f64)?;
    chart.configure_mesh().disable_y_mesh().disable_y_axis().x_label_formatter(&|at| tick(*at)).draw()?;
    chart.draw_series(LineSeries::new([(reach, 0.0), (reach, rows as f64)], RED))?;
    let mut at = rows as f64;
    for table in tables {
        for (number, row) in table.rows().iter().enumerate() {
            at -= 1.0;
            let colour = COLOURS[number % COLOURS.len()];
            let [low, left, median, right, high] = [0.05, 0.25, 0.5, 0.75, 0.95].map(|part| row.wall.quantile(part));
            chart.draw_series([
                Rectangle::new([(left, at + 0.25), (right, at + 0.75)], colour.filled()),
                Rectangle::new([(low, at + 0.48), (high, at + 0.52)], colour.filled()),
                Rectangle::new([(median - 0.001, at + 0.15), (median + 0.001, at + 0.85)], BLACK.filled()),
            ])?;
            let label = format!("{}: {} {median:.3}", table.title(), row.name);
            chart.draw_series([Text::new(label, (-1.3 * NAMES, at + 0.7), ("sans-serif", 13))])?;
        }
    }
    root.present()?;
    Ok(())
}

/// A bar, and between which the middle half of the runs lies where there were several.
#[derive(Clone, Debug)]
pub struct Bar {
    name: String,
    value: f64,
    middle: Option<(f64, f64)>,
}

impl Bar {
    /// One count.
    #[must_use]
    pub fn count(name: &str, value: f64) -> Self {
        Self { name: format!("{name} {value:.0}"), value, middle: None }
    }

    /// The median.
    #[must_use]
    pub fn ratio(name: &str, ratios: &Ratios) -> Self {
        let value = ratios.median();
        let middle = Some((ratios.quantile(0.25), ratios.quantile(0.75)));
        Self { name: format!("{name} {value:.2}"), value, middle }
    }
}

/// A bar for each.
pub fn bars(path: &str, title: &str, rows: &[Bar]) -> Outcome {
    let most = rows.iter().map(|row| row.middle.map_or(row.value, |(_, high)| high)).fold(1.0, f64::max) * 1.1;
    let root = SVGBackend::new(path, (700, 70 + 30 * rows.len() as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(26)
        .build_cartesian_2d(-most * NAMES..most, 0.0..rows.len() as f64)?;
    let tick = |at: &f64| if most < 10.0 { tick(*at) } else { whole(*at) };
    chart.configure_mesh().disable_y_mesh().disable_y_axis().x_label_formatter(&tick).draw()?;
    for (number, row) in rows.iter().enumerate() {
        let at = (rows.len() - number - 1) as f64;
        chart.draw_series([Rectangle::new([(0.0, at + 0.15), (row.value, at + 0.85)], COLOURS[0].filled())])?;
        if let Some((low, high)) = row.middle {
            chart.draw_series([Rectangle::new([(low, at + 0.48), (high, at + 0.52)], BLACK.filled())])?;
        }
        chart.draw_series([Text::new(row.name.clone(), (-most * NAMES, at + 0.65), ("sans-serif", 13))])?;
    }
    root.present()?;
    Ok(())
}

/// A line.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
}

/// Lines over a logarithmic axis.
pub fn lines(path: &str, title: &str, across: &str, up: &str, lines: &[Line]) -> Outcome {
    let points = || lines.iter().flat_map(|line| &line.points);
    let (least, most) = points().fold((f64::MAX, 1.0_f64), |(low, high), (x, _)| (low.min(*x), high.max(*x)));
    let highest = points().map(|(_, y)| *y).fold(0.0, f64::max) * 1.1;
    let root = SVGBackend::new(path, (700, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d((least / 1.5..most * 1.5).log_scale(), 0.0..highest)?;
    chart.configure_mesh().x_desc(across).y_desc(up).x_label_formatter(&|at| whole(*at)).draw()?;
    for (number, line) in lines.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let marks = line.points.iter().map(|point| Circle::new(*point, 4, colour.filled()));
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))?
            .label(line.name.clone())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(marks)?;
    }
    let corner = SeriesLabelPosition::UpperLeft;
    chart.configure_series_labels().position(corner).background_style(WHITE.filled()).border_style(BLACK).draw()?;
    root.present()?;
    Ok(())
}

fn tick(at: f64) -> String {
    if at < -1e-9 { String::new() } else { format!("{:.1}", at.abs()) }
}

/// With its thousands apart.
fn whole(at: f64) -> String {
    if at < -1e-9 {
        return String::new();
    }
    let digits = format!("{at:.0}");
    let first = digits.len() % 3;
    let groups = digits.as_bytes()[first..].chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let head = Some(digits[..first].to_owned()).filter(|head| !head.is_empty());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}
