//! Bars as SVG: one headline, the value at each bar, ours in one colour throughout; readable on a phone, light and dark.
//!
//! What a bench has measured is recorded in `recorded/NAME.tsv`, and `NAME.svg` is drawn from that.

use std::error::Error;
use std::fmt::Write;
use std::fs;

use crate::paired::Ratios;

type Outcome = Result<(), Box<dyn Error>>;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const WIDTH: f64 = 720.0;
const MARGIN: f64 = 24.0;
/// Where the bars begin, and how long the longest is.
const NAMES: f64 = 312.0;
const LONGEST: f64 = 300.0;
const ROW: f64 = 44.0;
const LETTERS_OF_A_HEADLINE: usize = 40;

const STYLE: &str = "\
  .page{fill:#fff} .ink{fill:#1f2328} .dim{fill:#59636e} .ours{fill:#0969da} .other{fill:#b6bec7} .range{stroke:#1f2328}
  @media (prefers-color-scheme: dark) {
    .page{fill:#0d1117} .ink{fill:#f0f6fc} .dim{fill:#9198a1} .ours{fill:#4493f8} .other{fill:#59616b} .range{stroke:#f0f6fc}
  }
  text{font-size:24px} .head{font-size:29px;font-weight:700} .group{font-weight:700} .small{font-size:21px}";

/// One plot: what it says, in what unit, and its rows.
#[derive(Clone, Debug)]
pub struct Plot {
    headline: String,
    unit: String,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
enum Row {
    Group(String),
    Bar(Bar),
}

/// A bar, its value as text, and between which the middle half of the runs lies if there were several.
#[derive(Clone, Debug)]
pub struct Bar {
    ours: bool,
    name: String,
    value: f64,
    text: String,
    middle: Option<(f64, f64)>,
}

impl Bar {
    /// One count.
    #[must_use]
    pub fn count(name: &str, value: f64) -> Self {
        Self { ours: false, name: name.into(), value, text: whole(value), middle: None }
    }

    /// One measurement with a decimal.
    #[must_use]
    pub fn measure(name: &str, value: f64) -> Self {
        Self { text: format!("{value:.1}"), ..Self::count(name, value) }
    }

    /// The median of several.
    #[must_use]
    pub fn ratio(name: &str, ratios: &Ratios) -> Self {
        let value = ratios.median();
        let middle = Some((ratios.quantile(0.25), ratios.quantile(0.75)));
        Self { text: format!("{value:.2}"), middle, ..Self::count(name, value) }
    }

    /// Draws it in our colour.
    #[must_use]
    pub fn ours(self) -> Self {
        Self { ours: true, ..self }
    }

    fn most(&self) -> f64 {
        self.middle.map_or(self.value, |(_, high)| self.value.max(high))
    }

    fn record(&self) -> String {
        let Self { ours, name, value, text, middle } = self;
        let middle = middle.map_or(String::new(), |(low, high)| format!("\t{low}\t{high}"));
        format!("{}\t{name}\t{text}\t{value}{middle}", if *ours { "ours" } else { "other" })
    }

    fn read(line: &str) -> Option<Self> {
        let cells = line.split('\t').collect::<Vec<_>>();
        let [whose, name, text, value, middle @ ..] = cells.as_slice() else { return None };
        let middle = match middle {
            [low, high] => Some((low.parse().ok()?, high.parse().ok()?)),
            _ => None,
        };
        let (name, text) = ((*name).to_owned(), (*text).to_owned());
        Some(Self { ours: *whose == "ours", name, text, value: value.parse().ok()?, middle })
    }
}

impl Plot {
    /// Without rows.
    #[must_use]
    pub fn new(headline: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { headline: headline.into(), unit: unit.into(), rows: Vec::new() }
    }

    /// A heading above the rows that follow.
    pub fn group(&mut self, name: impl Into<String>) {
        self.rows.push(Row::Group(name.into()));
    }

    /// One bar more.
    pub fn bar(&mut self, bar: Bar) {
        self.rows.push(Row::Bar(bar));
    }

    /// Records it as `name`, and draws it.
    pub fn save(&self, name: &str) -> Outcome {
        let rows = self.rows.iter().map(|row| match row {
            Row::Group(name) => format!("group\t{name}\n"),
            Row::Bar(bar) => bar.record() + "\n",
        });
        let text = format!("headline\t{}\nunit\t{}\n", self.headline, self.unit) + &rows.collect::<String>();
        fs::create_dir_all(format!("{ROOT}/recorded"))?;
        fs::write(format!("{ROOT}/recorded/{name}.tsv"), text)?;
        self.draw(name)
    }

    /// Draws what was recorded as `name`.
    pub fn redraw(name: &str) -> Outcome {
        let mut plot = Self::new("", "");
        for line in fs::read_to_string(format!("{ROOT}/recorded/{name}.tsv"))?.lines() {
            match line.split_once('\t') {
                Some(("headline", text)) => plot.headline = text.into(),
                Some(("unit", text)) => plot.unit = text.into(),
                Some(("group", text)) => plot.group(text),
                _ => plot.bar(Bar::read(line).ok_or_else(|| format!("{name}.tsv: {line}"))?),
            }
        }
        plot.draw(name)
    }

    fn draw(&self, name: &str) -> Outcome {
        Ok(fs::write(format!("{ROOT}/{name}.svg"), self.svg()?)?)
    }

    fn svg(&self) -> Result<String, std::fmt::Error> {
        let most = self.rows.iter().filter_map(Row::bar).map(Bar::most).fold(f64::MIN_POSITIVE, f64::max);
        let (mut body, mut y) = (String::new(), 50.0);
        for line in wrapped(&self.headline) {
            writeln!(body, r#"<text class="head ink" x="{MARGIN}" y="{y}">{}</text>"#, escaped(&line))?;
            y += 36.0;
        }
        writeln!(body, r#"<text class="small dim" x="{MARGIN}" y="{y}">{}</text>"#, escaped(&self.unit))?;
        y += 24.0;
        for row in &self.rows {
            match row {
                Row::Group(name) => {
                    let at = y + 34.0;
                    writeln!(body, r#"<text class="group ink" x="{MARGIN}" y="{at}">{}</text>"#, escaped(name))?;
                }
                Row::Bar(bar) => bar.svg(&mut body, y, most)?,
            }
            y += ROW;
        }
        let height = y + 18.0;
        let font = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";
        let open = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="{font}" role="img">"#
        );
        let title = escaped(&self.headline);
        let page = format!(r#"<rect class="page" width="{WIDTH}" height="{height}" rx="12"/>"#);
        Ok(format!("{open}\n<title>{title}</title>\n<style>\n{STYLE}\n</style>\n{page}\n{body}</svg>\n"))
    }
}

impl Row {
    fn bar(&self) -> Option<&Bar> {
        match self {
            Self::Group(_) => None,
            Self::Bar(bar) => Some(bar),
        }
    }
}

impl Bar {
    fn svg(&self, body: &mut String, y: f64, most: f64) -> std::fmt::Result {
        let x = |value: f64| NAMES + value / most * LONGEST;
        let (end, middle, text) = (x(self.value), y + ROW / 2.0, y + 31.0);
        let (class, name) = (if self.ours { "ours" } else { "other" }, escaped(&self.name));
        writeln!(body, r#"<text class="ink" x="{MARGIN}" y="{text:.1}">{name}</text>"#)?;
        let (top, width, height) = (y + 6.0, end - NAMES, ROW - 12.0);
        writeln!(
            body,
            r#"<rect class="{class}" x="{NAMES}" y="{top:.1}" width="{width:.1}" height="{height}" rx="4"/>"#
        )?;
        let mut label = end;
        if let Some((low, high)) = self.middle {
            let (from, to) = (x(low), x(high));
            label = label.max(to);
            writeln!(body, r#"<path class="range" d="M{from:.1} {middle:.1} H{to:.1}" stroke-width="3"/>"#)?;
        }
        writeln!(body, r#"<text class="ink" x="{:.1}" y="{text:.1}">{}</text>"#, label + 10.0, escaped(&self.text))
    }
}

/// In lines that fit the width.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("never empty");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + word.chars().count() < LETTERS_OF_A_HEADLINE {
            last.extend([" ", word]);
        } else {
            lines.push(word.into());
        }
    }
    lines
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Without decimals, the thousands apart.
#[must_use]
pub fn whole(value: f64) -> String {
    let digits = format!("{value:.0}");
    let first = digits.len() % 3;
    let groups = digits.as_bytes()[first..].chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let head = Some(digits[..first].to_owned()).filter(|head| !head.is_empty());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}
