//! The constants of the detector, each with its reason.
//!
//! None is fitted to a named series: `benches/detection/run.py` prints how the scores on published sets move when each
//! is halved and doubled.

macro_rules! settings {
    ($($(#[doc = $reason:literal])* $name:ident = $value:expr;)*) => {
        /// What a detector is set to; [`Settings::DEFAULT`] unless something is being measured.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Settings { $($(#[doc = $reason])* pub $name: f64,)* }

        impl Settings {
            /// The settings that SQL uses.
            pub const DEFAULT: Settings = Settings { $($name: $value,)* };

            /// The names of all settings.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// A setting by its name.
            pub fn named(&mut self, name: &str) -> Option<&mut f64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

settings! {
    /// Values looked at before the first verdict: fewer do not tell noise from level.
    warm_up = 20.0;
    /// Expected changes per row. Evidence outweighs it in a few rows; rarer only delays small changes.
    hazard = 1.0 / 500.0;
    /// Prior share of segments that have a slope: most series sit on levels.
    slope_share = 0.2;
    /// Standard deviation of slopes per step, in standard deviations of the series: such a trend crosses the usual
    /// range of the series in 33 steps.
    slope_sd = 0.03;
    /// Standard deviation of levels, in standard deviations of the series: a change may lead beyond the range so far.
    level_sd = 1.5;
    /// Shape of the prior of a segment's variance, that of two observations: so few that a change of the variance shows,
    /// and not so few that the first two rows decide.
    noise_rows = 1.0;
    /// Differences are cut off at so many robust standard deviations, beyond which normal noise hardly ever is: jumps do
    /// not pass for noise.
    winsor = 3.0;
    /// Pseudo-observations of white noise in the estimate of autocorrelation.
    white_rows = 2.0;
    /// Least weight of a row in autocorrelated noise: beyond a correlation of 0.75 drift and changes look alike.
    least_weight = 0.15;
    /// Least further weight where tails are heavy: a row then says less of the level, and again less of the noise.
    least_regular = 0.3;
    /// Prior share of outliers: one row in a hundred is wrong in most real series.
    outlier_share = 0.01;
    /// Rows that this is worth beside the share that the series shows.
    outlier_rows = 20.0;
    /// Most outliers that a series is believed to have.
    most_outliers = 0.2;
    /// Rows beside which those seen weigh, in how far the estimate of autocorrelation is trusted: the first few cannot
    /// show it.
    caution = 4.0;
    /// Their spread, in standard deviations of the series.
    outlier_spread = 3.0;
    /// Candidates kept per octave of age: neighbouring starts say nearly the same.
    per_band = 3.0;
    /// Candidates this far behind (natural log) are given up: one chance in three million.
    hopeless = 15.0;
    /// Probability from which a change is alerted.
    alert = 0.9;
    /// Rows of a new segment before it is alerted: fewer would be a burst of outliers.
    alert_rows = 5.0;
    /// Rows that a start may be moved and still be the same change.
    margin = 5.0;
    /// Rows that count as recent in the probability of a recent change: the usual delay of an alert.
    recent = 25.0;

    /// Degrees of freedom of a single row's tail, before it is calibrated.
    tail_df = 12.0;
    /// Step of the running 99 % quantile, relative to it.
    tail_rate = 0.02;
    /// Pseudo-exceedances of a normal tail in the mean excess.
    tail_prior = 10.0;
    /// Exceedances that the mean excess remembers: 20,000 rows.
    tail_memory = 200.0;
    /// An excess counts at most so many times the mean: one disaster does not hide the next.
    tail_clip = 6.0;
    /// Values that the mean and spread of a view remember.
    view_memory = 10_000.0;
    /// Weight of a row in the local mean: that of ten rows.
    local = 2.0 / 11.0;
    /// Weight of a row in the slow mean and in the activity: that of forty rows.
    slow = 0.05;
    /// Values that a slot of the seasonal profile needs, and how many it remembers.
    profile_least = 3.0;
    /// As above.
    profile_memory = 100.0;
    /// Surprise, about -log10 of a probability, from which a row is an outlier: once in a thousand rows by chance.
    outlier = 3.0;
    /// Rows for which an outlier silences others.
    silence = 200.0;
    /// Unless their surprise is so much greater: ten times as rare.
    stronger = 1.0;
}
