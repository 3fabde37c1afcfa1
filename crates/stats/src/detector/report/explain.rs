//! A change as one readable sentence.

use super::change::{Change, Kind, Recurrence};
use super::figures::{constant, exact, figure, value, with_error};
use super::rhythm::{DAY, WEEK};

/// Standard errors that a level must be away from 0 before a change is reported relative to it.
const SURE: f64 = 3.0;
/// Relative changes in percent between which a reader can picture them; larger ones are said as a multiple.
const LEAST_PERCENT: f64 = 0.05;
const MOST_PERCENT: f64 = 900.0;
/// Sizes in standard deviations beyond which a number says nothing more, and below which a row does not stand out by
/// its size.
const MOST_SD: f64 = 100.0;
const LEAST_SD: f64 = 2.0;
/// Units of time, in seconds and by name. A year has 365.25 days.
const UNITS: [(f64, &str); 5] =
    [(1.0, "second"), (60.0, "minute"), (3600.0, "hour"), (86400.0, "day"), (31_557_600.0, "year")];

impl Change {
    /// The sentence, without the name of the series; `when` and `seen` are the times of the change and of its alert,
    /// if that was another, `phase` the time in the season, if that matters.
    pub fn explain(&self, when: &str, seen: Option<&str>, phase: Option<&str>) -> String {
        let what = match self.kind {
            Kind::Level => self.level(),
            Kind::Slope => self.slope(),
            Kind::Variance => self.variance(),
            Kind::Spike | Kind::Dip => self.outlier(phase),
        };
        let seen = seen.map(|seen| format!(", seen {seen}")).unwrap_or_default();
        let again = self.recurs.map(|recurrence| match recurrence {
            Recurrence::Period(DAY) => ", as on other days",
            Recurrence::Period(WEEK) => ", as in other weeks",
            Recurrence::Period(_) => ", as in other periods",
            Recurrence::States => ", as at other times",
            Recurrence::Echo => ", opposite to a week before",
        });
        format!("{what} {when}{seen}{}; {}", again.unwrap_or_default(), self.certainty())
    }

    fn level(&self) -> String {
        let verb = if self.difference() >= 0.0 { "rose" } else { "fell" };
        let (still, stands) = self.constant();
        let after = if stands { exact(self.after) } else { with_error(self.after, self.errors.1) };
        let mut sizes = Vec::from_iter(self.relative());
        if !(still || stands) {
            sizes.push(self.size());
        }
        let sizes = if sizes.is_empty() { String::new() } else { format!(" ({})", sizes.join(", ")) };
        if still {
            format!("was constant at {}, {verb} to {after}{sizes}", exact(self.before))
        } else {
            let constant = if stands { "a constant " } else { "" };
            format!("{verb} from {} to {constant}{after}{sizes}", with_error(self.before, self.errors.0))
        }
    }

    fn slope(&self) -> String {
        // One unit for all slopes of a series: the least in which there is a row.
        let (factor, unit) = self.step.map_or((1.0, "row"), |step| {
            UNITS.into_iter().find(|(seconds, _)| *seconds >= step).unwrap_or(UNITS[UNITS.len() - 1])
        });
        let written = |slope: f64, error: f64| with_error(slope * factor, error * factor);
        let (still, stands) = self.constant();
        let before = if still { exact(self.before * factor) } else { written(self.before, self.errors.0) };
        let after = if stands { exact(self.after * factor) } else { written(self.after, self.errors.1) };
        let size = if still || stands { String::new() } else { format!(" ({} since)", self.size()) };
        format!("turned from {before} to {after} per {unit}{size}")
    }

    fn variance(&self) -> String {
        let (before, after) = (self.before, self.after);
        let least = self.errors.0.min(self.errors.1);
        if constant(before, after) {
            return format!(
                "was constant, began to vary with a standard deviation of {}",
                figure(after, self.errors.1)
            );
        } else if constant(after, before) {
            return format!("became constant, standard deviation was {}", figure(before, self.errors.0));
        }
        let (verb, size) = match after / before {
            times if times >= 1000.0 => ("became noisier", "over 1000 times".to_string()),
            times if times >= 1.0 => ("became noisier", format!("{times:.1} times")),
            share if share < 0.01 => ("became steadier", "to less than 1 %".to_string()),
            share => ("became steadier", format!("to {:.0} %", share * 100.0)),
        };
        format!(
            "{verb}, standard deviation from {} to {} ({size})",
            figure(before, least),
            figure(after, least)
        )
    }

    fn outlier(&self, phase: Option<&str>) -> String {
        let noise = self.errors.0;
        let (still, _) = self.constant();
        let found = value(self.after, noise);
        let verb = if self.kind == Kind::Spike { "spiked" } else { "dipped" };
        let Some((low, high)) = self.usual.filter(|_| !still) else {
            return format!("{verb} to {found}, where {} was expected", exact(self.before));
        };
        let phase = phase.map(|phase| format!(" {phase}")).unwrap_or_default();
        let usual = format!("{} to {} is usual{phase}", value(low, noise), value(high, noise));
        if self.effect_sd.abs() < LEAST_SD {
            format!("stood out at {found}, where {usual}, by the rows around it")
        } else {
            format!("{verb} to {found}, where {usual} ({})", self.size())
        }
    }

    /// Whether the values before, and those after, were all the same.
    fn constant(&self) -> (bool, bool) {
        let size = self.before.abs().max(self.after.abs());
        (constant(self.errors.0, size), constant(self.errors.1, size))
    }

    /// The change relative to what was before, where that is clearly not 0 and has the sign of what came after.
    fn relative(&self) -> Option<String> {
        let percent = self.difference() / self.before.abs() * 100.0;
        let sure = self.before.abs() > SURE * self.errors.0 && self.before * self.after > 0.0;
        if !sure || !percent.is_finite() || percent.abs() < LEAST_PERCENT {
            return None;
        }
        Some(if percent <= MOST_PERCENT {
            let decimals = usize::from(percent.abs() < 10.0);
            format!("{percent:+.decimals$} %")
        } else {
            format!("{} times", figure((self.after / self.before).round(), 10.0))
        })
    }

    /// The size in standard deviations of the noise.
    fn size(&self) -> String {
        match self.effect_sd.abs() {
            size if size > MOST_SD => format!("over {MOST_SD} sd"),
            size => format!("{size:.1} sd"),
        }
    }

    /// The probability of a change, or the surprise of a row, which is no probability.
    fn certainty(&self) -> String {
        if matches!(self.kind, Kind::Spike | Kind::Dip) {
            return match -(1.0 - self.probability).log10() {
                surprise if surprise <= 9.0 => format!("surprise {surprise:.1}"),
                _ => "surprise over 9".into(),
            };
        }
        match self.probability {
            p if p >= 0.9995 => "probability > 0.999".into(),
            p if p >= 0.99 => format!("probability {p:.3}"),
            p => format!("probability {p:.2}"),
        }
    }
}
