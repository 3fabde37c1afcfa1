//! The constants of the detector, each with its reason.
//!
//! None is fitted to a named series: `benches/detection/run.py` prints how the scores on published sets move when each
//! is halved and doubled.

macro_rules! settings {
    ($($(#[doc = $reason:literal])* $name:ident: $type:ty = $value:expr;)*) => {
        /// The settings of a detector: [`Settings::DEFAULT`], unless something is being measured.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Settings { $($(#[doc = $reason])* pub $name: $type,)* }

        impl Settings {
            /// The settings that SQL uses.
            pub const DEFAULT: Settings = Settings { $($name: $value,)* };

            /// Sets a setting by its name, a number of rows to the whole ones; returns false if there is no such
            /// setting.
            pub fn set(&mut self, name: &str, value: f64) -> bool {
                match name {
                    $(stringify!($name) => self.$name = value as $type,)*
                    _ => return false,
                }
                true
            }
        }
    };
}

settings! {
    /// Rows before the first verdict: fewer do not distinguish noise from level.
    warm_up: usize = 20;
    /// Expected changes per row. Evidence outweighs it in a few rows; rarer only delays small changes.
    hazard: f64 = 1.0 / 500.0;
    /// Prior share of segments that have a slope: most series sit on levels.
    slope_share: f64 = 0.2;
    /// Prior share of segments whose level wanders: few do, and in those that do every row tells.
    wander_share: f64 = 0.01;
    /// Standard deviation of slopes per step, in standard deviations of the series: such a trend crosses the usual
    /// range of the series in 33 steps.
    slope_sd: f64 = 0.03;
    /// Standard deviation of levels, in standard deviations of the series: a change may lead beyond the range so far.
    level_sd: f64 = 3.0;
    /// Shape of the prior of a segment's variance, that of two observations: few enough that a change of the variance
    /// shows, and enough that the first two rows do not decide.
    noise_rows: f64 = 1.0;
    /// Robust standard deviations at which differences are cut off, beyond which one in eighty of normal noise is: jumps
    /// do not pass for noise.
    winsor: f64 = 2.5;
    /// Pseudo-observations of white noise in the estimate of autocorrelation: in few rows a step looks like it.
    white_rows: f64 = 20.0;
    /// Least weight of a row in autocorrelated noise: beyond a correlation of 0.8 drift and changes look alike.
    least_weight: f64 = 0.12;
    /// Least further weight where tails are heavy: a row is then weaker evidence of the level, and again of the noise.
    least_regular: f64 = 0.3;
    /// Prior share of outliers: one row in a hundred is wrong in most real series.
    outlier_share: f64 = 0.01;
    /// Pseudo-observations of the prior share of outliers.
    outlier_rows: f64 = 20.0;
    /// Largest share of outliers that a series is believed to have.
    most_outliers: f64 = 0.2;
    /// Rows at which the estimate of autocorrelation is trusted by half: the first few cannot show it.
    caution: f64 = 4.0;
    /// Standard deviation of outliers, in standard deviations of the series.
    outlier_spread: f64 = 3.0;
    /// Candidates kept per octave of age: neighbouring starts say nearly the same.
    per_band: usize = 3;
    /// Distance behind the best (natural log) at which a candidate is given up: one chance in three million.
    hopeless: f32 = 15.0;
    /// Probability from which a change is alerted.
    alert: f64 = 0.9;
    /// Rows of a new segment before it is alerted: fewer would be a burst of outliers.
    alert_rows: u64 = 5;
    /// Rows by which a start may move and still be the same change.
    margin: u64 = 5;
    /// Rows that count as recent in the probability of a recent change: the usual delay of an alert.
    recent: u64 = 25;

    /// Degrees of freedom of a single row's tail, before it is calibrated.
    tail_df: f64 = 12.0;
    /// Step of the running 99 % quantile, relative to it.
    tail_rate: f64 = 0.02;
    /// Pseudo-exceedances of a normal tail in the mean excess.
    tail_prior: f64 = 10.0;
    /// Exceedances that the mean excess remembers: 20,000 rows.
    tail_memory: f64 = 200.0;
    /// Multiple of the mean excess at which an excess is cut off: one disaster does not hide the next.
    tail_clip: f64 = 6.0;
    /// Values that the mean and spread of a view remember.
    view_memory: f64 = 10_000.0;
    /// Weight of a row in the local mean: that of ten rows.
    local: f64 = 2.0 / 11.0;
    /// Weight of a row in the slow mean and in the activity: that of forty rows.
    slow: f64 = 0.05;
    /// Standard deviations from the last ten rows beyond which a row is no part of a lasting deviation before the next.
    lasting_reach: f64 = 4.0;
    /// Weight of a row in the level beside which the season is seen: that of a hundred rows.
    season_level: f64 = 0.01;
    /// Values that a slot of the seasonal profile needs before it has a mean.
    profile_least: u8 = 3;
    /// Values that a slot of the seasonal profile remembers.
    profile_memory: u8 = 100;
    /// Rows that the errors of forecasts remember: enough to tell them apart, few enough to follow a change of habit.
    expert_memory: f64 = 200.0;
    /// Relative step of the forecast's interval at a row outside of it; such rows then come one in twenty.
    ratio_step: f64 = 0.03;
    /// Surprise, about -log10 of a probability, from which a row is an outlier: once in a thousand rows by chance.
    outlier: f64 = 3.0;
    /// Rows for which an outlier silences others.
    silence: u16 = 50;
    /// Surprise by which an outlier must exceed the one that silences it: ten times as rare.
    stronger: f64 = 1.0;
}
