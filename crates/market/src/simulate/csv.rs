//! `tally-market simulate csv`: files of daily prices of many shares over a century, as a backtest reads them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use jiff::civil::{Date, Weekday};
use jiff::ToSpan;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha12Rng;
use tally_postgres::Failure;

use super::daily::Daily;
use super::merton::{Parameters, Path};
use super::progress_bar;

const HEADER: &str = "date,ticker,sector,adj_close,high,low,open,close,volume\n";
const FIRST_DAY: Date = Date::constant(1910, 1, 6);
const LAST_DAY: Date = Date::constant(2019, 9, 20);
const SECTORS: [&str; 12] = [
    "Basic Industries",
    "Capital Goods",
    "Consumer Durables",
    "Consumer Non-Durables",
    "Consumer Services",
    "Energy",
    "Finance",
    "Health Care",
    "Miscellaneous",
    "Public Utilities",
    "Technology",
    "Transportation",
];

/// Write files of simulated daily prices: every business day of a century, for many shares.
#[derive(Debug, clap::Args)]
pub struct CsvArgs {
    /// Directory to write to; created if it is missing
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Total size of all files, such as 200MB or 2GB
    #[arg(long, value_name = "SIZE", default_value = "200MB", value_parser = tally_program::bytes)]
    bytes: u64,
    /// Number of files to write
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    files: u32,
    /// Seed of the random numbers; equal seeds write identical files
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    prices: Daily,
}

/// Runs the command.
pub fn run(args: &CsvArgs) -> Result<(), Failure> {
    let at = |e: io::Error| Failure::new(e).at(args.dir.display());
    fs::create_dir_all(&args.dir).map_err(at)?;
    let days = business_days();
    let prices = args.prices.diffusion();
    let bar = progress_bar(u64::from(args.files), "written");
    let (mut share, mut rows) = (0, 0);
    for number in 0..args.files {
        let path = args.dir.join(format!("prices_{:04}.csv", number + 1));
        let mut out = Counted { out: BufWriter::new(File::create(path).map_err(at)?), bytes: 0 };
        out.write_all(HEADER.as_bytes()).map_err(at)?;
        let end = args.bytes / u64::from(args.files);
        while out.bytes < end {
            rows += write_share(args.seed, &prices, share, &days, end, &mut out).map_err(at)?;
            share += 1;
        }
        out.out.flush().map_err(at)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("wrote {rows} rows of {share} shares to {} files in {}", args.files, args.dir.display());
    Ok(())
}

/// Writes the days of one share until the century or the file ends; returns their number.
fn write_share(
    seed: u64,
    prices: &Parameters,
    share: u32,
    days: &[String],
    end: u64,
    out: &mut Counted,
) -> io::Result<u64> {
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    random.set_stream(share.into());
    let mut path = Path::start(prices, &mut random);
    let (ticker, sector) = (ticker(share), SECTORS[share as usize % SECTORS.len()]);
    let mut rows = 0;
    for day in days {
        let price = path.price();
        // A very small price has an exponent, as most programs write it.
        writeln!(out, "{day},{ticker},{sector},{price:?},{price:?},{price:?},{price:?},{price:?},1000000")?;
        path.advance(1.0, &mut random);
        rows += 1;
        if out.bytes >= end {
            break;
        }
    }
    Ok(rows)
}

/// The ticker symbol of a share: `SIAAAA`, `SIAAAB` and so on.
fn ticker(share: u32) -> String {
    let letter = |place: u32| char::from(b'A' + (share / 26u32.pow(place) % 26) as u8); // below 26
    ["SI".to_string(), (0..4).rev().map(letter).collect()].concat()
}

fn business_days() -> Vec<String> {
    let is_business = |day: &Date| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let days = FIRST_DAY.series(1.day()).take_while(|day| *day <= LAST_DAY);
    days.filter(is_business).map(|day| day.to_string()).collect()
}

struct Counted {
    out: BufWriter<File>,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::daily::DEFAULTS;
    use super::*;

    #[test]
    fn files_are_of_their_size_and_repeatable() {
        let written = |seed| {
            let directory = tempfile::tempdir().unwrap();
            let dir = directory.path().to_path_buf();
            run(&CsvArgs { dir, bytes: 9_000_000, files: 3, seed, prices: DEFAULTS }).unwrap();
            let file =
                |n: u32| fs::read_to_string(directory.path().join(format!("prices_000{n}.csv"))).unwrap();
            [file(1), file(2), file(3)]
        };
        let files = written(1);
        for file in &files {
            assert!((3_000_000..3_000_200).contains(&file.len()), "{}", file.len());
            assert!(file.starts_with(HEADER));
            assert!(file.lines().all(|line| line.split(',').count() == 9));
        }
        assert!(files == written(1) && files != written(2));
    }

    #[test]
    fn days_and_names() {
        let days = business_days();
        assert_eq!(days.len(), 28_622);
        assert_eq!((days[0].as_str(), days[2].as_str()), ("1910-01-06", "1910-01-10"));
        assert_eq!(
            (ticker(0), ticker(27), ticker(17_576)),
            ("SIAAAA".into(), "SIAABB".into(), "SIBAAA".into())
        );
    }
}
