//! Plots as SVG, from a run's own numbers.

use std::error::Error;

use plotters::prelude::*;

use crate::paired::{Ratios, Table};

type Outcome = Result<(), Box<dyn Error>>;

/// The part of the width that the names take, left of nought.
const NAMES: f64 = 0.45;

const COLOURS: [RGBColor; 4] =
    [RGBColor(31, 119, 180), RGBColor(255, 127, 14), RGBColor(44, 160, 44), RGBColor(148, 103, 189)];

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

/// The medians, with the middle half as a whisker.
pub fn bars(path: &str, title: &str, rows: &[(&str, Ratios)]) -> Outcome {
    let most = rows.iter().map(|(_, ratios)| ratios.quantile(0.75)).fold(1.0, f64::max) * 1.1;
    let root = SVGBackend::new(path, (700, 70 + 30 * rows.len() as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(26)
        .build_cartesian_2d(-most * NAMES..most, 0.0..rows.len() as f64)?;
    chart.configure_mesh().disable_y_mesh().disable_y_axis().x_label_formatter(&|at| tick(*at)).draw()?;
    for (number, (name, ratios)) in rows.iter().enumerate() {
        let at = (rows.len() - number - 1) as f64;
        let whisker = [(ratios.quantile(0.25), at + 0.48), (ratios.quantile(0.75), at + 0.52)];
        chart.draw_series([
            Rectangle::new([(0.0, at + 0.15), (ratios.median(), at + 0.85)], COLOURS[0].filled()),
            Rectangle::new(whisker, BLACK.filled()),
        ])?;
        let label = format!("{name} {:.2}", ratios.median());
        chart.draw_series([Text::new(label, (-most * NAMES, at + 0.65), ("sans-serif", 13))])?;
    }
    root.present()?;
    Ok(())
}

fn tick(at: f64) -> String {
    if at < -1e-9 { String::new() } else { format!("{:.1}", at.abs()) }
}
