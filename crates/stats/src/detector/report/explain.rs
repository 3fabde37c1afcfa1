//! A change as one readable sentence.

use super::change::{Change, Kind};

/// Standard errors that a level must be away from 0 before a change is reported relative to it.
const SURE: f64 = 3.0;
/// Relative changes below this, in percent, are left out.
const LEAST_PERCENT: f64 = 0.05;
const PLAIN_DIGITS: f64 = 1e15;

/// Formats a number to the digits that its error leaves significant, with separated thousands.
fn figure(x: f64, error: f64) -> String {
    let size = if error > 0.0 { error } else { x.abs() / 100.0 };
    if !(x.abs() < PLAIN_DIGITS && x.is_finite()) || (x != 0.0 && x.abs() < 1e-6) || size < 1e-12 {
        return format!("{x:.3e}");
    }
    let decimals = (1.0 - size.log10().floor()).clamp(0.0, 12.0) as usize;
    let plain = format!("{:.decimals$}", x.abs());
    let (whole, fraction) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if x < 0.0 && plain.contains(|c: char| c.is_ascii_digit() && c != '0') { "-" } else { "" };
    format!("{sign}{grouped}{fraction}")
}

fn with_error(x: f64, error: f64) -> String {
    let digits = if error > 0.0 { error } else { x.abs() / 100.0 };
    if error > 0.0 {
        format!("{} ± {}", figure(x, digits), figure(error, digits))
    } else {
        figure(x, digits)
    }
}

/// The unit of time, as seconds and name, in which a slope is neither tiny nor huge.
fn per(timed: bool, slope: f64) -> (f64, &'static str) {
    if !timed {
        return (1.0, "row");
    }
    let units =
        [(1.0, "second"), (60.0, "minute"), (3600.0, "hour"), (86400.0, "day"), (31_557_600.0, "year")];
    units.into_iter().find(|(factor, _)| slope.abs() * factor >= 0.01).unwrap_or(units[4])
}

impl Change {
    /// The sentence, without the name of the series; `when` and `seen` are the times of the change and of its alert.
    pub fn explain(&self, timed: bool, when: &str, seen: Option<&str>) -> String {
        let (before, after) = (with_error(self.before, self.errors.0), with_error(self.after, self.errors.1));
        let up = self.difference() >= 0.0;
        let percent = self.difference() / self.before.abs() * 100.0;
        let relative = if self.before.abs() > SURE * self.errors.0
            && percent.is_finite()
            && percent.abs() >= LEAST_PERCENT
            && percent.abs() < 10_000.0
        {
            let decimals = usize::from(percent.abs() < 10.0);
            format!("{percent:+.decimals$} %, ")
        } else {
            String::new()
        };
        let size = format!("{:.1}", self.effect_sd.abs());
        let what = match self.kind {
            Kind::Level => {
                let verb = if up { "rose" } else { "fell" };
                format!("{verb} from {before} to {after} ({relative}{size} sd)")
            }
            Kind::Slope => {
                let (factor, unit) = per(timed, self.before.abs().max(self.after.abs()));
                let error = self.errors.0.max(self.errors.1) * factor;
                let (before, after) =
                    (figure(self.before * factor, error), figure(self.after * factor, error));
                format!("turned from {before} to {after} per {unit}")
            }
            Kind::Variance => {
                let verb = if up { "became noisier" } else { "became steadier" };
                let factor = if up { self.after / self.before } else { self.before / self.after };
                let least = self.errors.0.min(self.errors.1);
                let (before, after) = (figure(self.before, least), figure(self.after, least));
                format!("{verb}, standard deviation from {before} to {after} ({factor:.1} times)")
            }
            Kind::Spike | Kind::Dip => {
                let noise = self.errors.0;
                let verb = if self.kind == Kind::Spike { "spiked" } else { "dipped" };
                let (value, expected) = (figure(self.after, noise), figure(self.before, noise));
                format!("{verb} to {value}, where {expected} was expected ({size} sd)")
            }
        };
        let seen = seen.map(|seen| format!(", seen {seen}")).unwrap_or_default();
        format!("{what} {when}{seen}; probability {}", likely(self.probability))
    }
}

/// Formats a probability to two digits, never as certain.
fn likely(p: f64) -> String {
    match p {
        p if p >= 0.9995 => "> 0.999".into(),
        p if p >= 0.99 => format!("{p:.3}"),
        p => format!("{p:.2}"),
    }
}
