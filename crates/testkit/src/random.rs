//! Random texts: of every form that there is, near every end, and spoilt.

use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// The generator that tests draw from, the same in every run.
pub struct Random(ChaCha12Rng);

impl Random {
    /// Random things of a seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A number from 0 to `most`.
    pub fn up_to(&mut self, most: usize) -> usize {
        self.0.next_u64() as usize % (most + 1)
    }

    /// True once in `count` times.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.up_to(count - 1) == 0
    }

    /// One of the choices.
    pub fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.up_to(choices.len() - 1)]
    }

    /// Digits, `most` or fewer, some of them several times: nines carry, zeros fall away.
    fn digits(&mut self, most: usize) -> String {
        let mut digits = String::new();
        let count = self.up_to(most);
        while digits.len() < count {
            let digit = char::from(b'0' + self.up_to(9) as u8);
            let digit = if self.one_in(3) { ['0', '9', '5'][self.up_to(2)] } else { digit };
            for _ in 0..=if self.one_in(4) { self.up_to(8) } else { 0 } {
                digits.push(digit);
            }
        }
        digits.truncate(count);
        digits
    }

    /// A number of two digits, seldom above `most`.
    fn two(&mut self, most: usize) -> String {
        let slack = usize::from(self.one_in(10));
        format!("{:02}", self.up_to(most + slack))
    }

    /// Bytes, `most` or fewer.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.up_to(most)];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Any integer of at most 64 bits, of any magnitude.
    pub fn integer(&mut self) -> i64 {
        self.0.next_u64() as i64 >> self.up_to(63)
    }

    /// Spoils one text in five.
    fn spoil(&mut self, text: String, alphabet: &str) -> String {
        if !self.one_in(5) {
            return text;
        }
        let mut letters: Vec<char> = text.chars().collect();
        let new = alphabet.chars().nth(self.up_to(alphabet.chars().count() - 1)).unwrap();
        let at = self.up_to(letters.len());
        match self.up_to(2) {
            0 if at < letters.len() => letters[at] = new,
            1 if at < letters.len() => drop(letters.remove(at)),
            _ => letters.insert(at, new),
        }
        letters.into_iter().collect()
    }
}

/// A text that mostly is a number.
pub fn number(random: &mut Random) -> String {
    if random.one_in(50) {
        return random.pick(&["NaN", "Infinity", "-Infinity", "+Infinity", "nan", "inf", ""]).into();
    }
    let most = if random.one_in(200) { 140_000 } else { 30 };
    let (sign, whole) = (random.pick(&["", "", "-", "+"]), random.digits(most));
    let most = if random.one_in(200) { 17_000 } else { 30 };
    let fraction = if random.one_in(2) { format!(".{}", random.digits(most)) } else { String::new() };
    let exponent = match random.up_to(5) {
        0 => format!("{}{}{}", random.pick(&["e", "E"]), random.pick(&["", "-", "+"]), random.digits(3)),
        1 if random.one_in(4) => {
            random.pick(&["e131071", "e131072", "e-16383", "e-16384", "e2147483648", "e-99999999999"]).into()
        }
        _ => String::new(),
    };
    let text = format!("{sign}{whole}{fraction}{exponent}");
    random.spoil(text, "0123456789.eE+-_ xN")
}

/// A text that mostly is a date or a time.
pub fn moment(random: &mut Random) -> String {
    let time = |random: &mut Random| {
        let mut time = format!("{}:{}", random.two(24), random.two(59));
        if !random.one_in(4) {
            time = time + ":" + &random.two(60);
            if random.one_in(2) {
                time = time + random.pick(&[".", ".", ","]) + &random.digits(10);
            }
        }
        match random.up_to(30) {
            0 => "24:00:00".into(),
            1 => "23:59:60".into(),
            2 => "23:59:59.9999995".into(),
            _ => time,
        }
    };
    if random.one_in(4) {
        let text = time(random);
        return random.spoil(text, "0123456789.:Z ");
    }
    let year = match random.up_to(3) {
        0 => random
            .pick(&[
                "0000", "0001", "4713", "4714", "9999", "10000", "294276", "294277", "5874897", "5874898",
            ])
            .into(),
        1 => format!("{:04}", random.up_to(9_999_999)),
        _ => format!("{:04}", random.up_to(9_999)),
    };
    let sign = if random.one_in(10) { random.pick(&["+", "-"]) } else { "" };
    let mut text = format!("{sign}{year}-{}-{}", random.two(12), random.two(31));
    if random.one_in(20) {
        text = random
            .pick(&["4714-11-24", "4714-11-23", "294276-12-31", "294277-01-01", "5874897-12-31"])
            .into();
    }
    if !random.one_in(3) {
        text = text + random.pick(&[" ", "T", "t"]) + &time(random);
        text += &match random.up_to(5) {
            0 => random.pick(&["Z", "z", " Z", " UTC"]).into(),
            1 => format!("{}{}", random.pick(&["+", "-", " +", " -"]), random.two(15)),
            2 => format!("{}{}:{}", random.pick(&["+", "-", " +"]), random.two(15), random.two(59)),
            3 => {
                let colon = random.pick(&["", ":"]);
                let sign = random.pick(&["+", "-"]);
                format!("{sign}{}{colon}{}{colon}{}", random.two(15), random.two(59), random.two(59))
            }
            _ => String::new(),
        };
    }
    if random.one_in(5) {
        text += random.pick(&[" BC", " bc"]);
    }
    random.spoil(text, "0123456789.:+-TZ /")
}

/// A text that mostly is a bytea.
pub fn bytea(random: &mut Random) -> String {
    let bytes = random.bytes(40);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = if random.one_in(3) { text.to_uppercase() } else { text };
    random.spoil(format!("\\x{text}"), "0123456789abcdefABCDEFgx\\")
}

/// A text that mostly is a boolean.
pub fn boolean(random: &mut Random) -> String {
    let word = random.pick(&["true", "t", "yes", "y", "on", "1", "false", "f", "no", "n", "off", "0", "2"]);
    let word = if random.one_in(3) { word.to_uppercase() } else { word.into() };
    random.spoil(word, "trueyesonfalsf01TF")
}

/// A text that mostly is a UUID.
pub fn uuid(random: &mut Random) -> String {
    let hex: String = (0..16).map(|_| format!("{:02x}", random.up_to(255))).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    let text = parts.join(random.pick(&["-", "-", ""]));
    let text = if random.one_in(3) { text.to_uppercase() } else { text };
    let text = if random.one_in(4) { format!("{{{text}}}") } else { text };
    random.spoil(text, "0123456789abcdefx-{}")
}

/// A text that mostly is an integer.
pub fn integer(random: &mut Random) -> String {
    let ends = [
        "32767",
        "32768",
        "-32768",
        "-32769",
        "2147483647",
        "2147483648",
        "-2147483648",
        "9223372036854775807",
    ];
    let text = match random.up_to(9) {
        0 => random.pick(&ends).into(),
        1 => format!("{}.0", random.integer()),
        2 => format!("+{}", random.integer().unsigned_abs()),
        3 => format!("{}e{}", random.up_to(999), random.up_to(20)),
        _ => random.integer().to_string(),
    };
    random.spoil(text, "0123456789.+- _e")
}

/// A text that mostly is a double: of any bits, or a number as people write it.
pub fn double(random: &mut Random) -> String {
    let bits = random.0.next_u64();
    let text = match random.up_to(5) {
        0 => random
            .pick(&[
                "NaN", "nan", "Infinity", "-inf", "-0", "0e9", "4.9e-324", "2e-324", "1.8e308", "3.5e38",
                "1e-46",
            ])
            .into(),
        1 => f32::from_bits(bits as u32).to_string(),
        2 => format!("{:e}", f64::from_bits(bits)),
        3 => format!("{}.{}", random.digits(20), random.digits(25)),
        _ => f64::from_bits(bits).to_string(),
    };
    random.spoil(text, "0123456789.eE+- xN")
}

/// Any text that PostgreSQL can hold.
pub fn any_text(random: &mut Random) -> String {
    let letters = [
        "a", "\"", "\\", "\n", "\r", ",", "'", " ", "\t", "é", "€", "😀", "\u{feff}", "\u{7f}", "null",
        "\\N", "\\.",
    ];
    (0..random.up_to(12)).map(|_| random.pick(&letters)).collect()
}

/// A text that mostly is JSON.
pub fn json(random: &mut Random) -> String {
    let text = json_of(random, 4);
    random.spoil(text, "{}[],:\"\\0u")
}

fn json_of(random: &mut Random, depth: usize) -> String {
    let space = random.pick(&["", "", " ", "\n"]);
    let many = |random: &mut Random, part: fn(&mut Random, usize) -> String| {
        (0..random.up_to(3)).map(|_| part(random, depth - 1)).collect::<Vec<_>>().join(",")
    };
    match random.up_to(if depth == 0 { 4 } else { 6 }) {
        0 => random.pick(&["null", "true", "false"]).into(),
        1 => random.integer().to_string(),
        2 => format!("{}.{}e{}", random.integer(), random.up_to(9_999), random.up_to(600)),
        3 | 4 => random
            .pick(&[
                r#""""#,
                r#""a\u00e9\ud83d\ude00""#,
                r#""\u0000""#,
                r#""\ud800""#,
                r#""\\u0000\n\/""#,
                r#""é""#,
            ])
            .into(),
        5 => format!("[{space}{}]", many(random, json_of)),
        _ => format!(
            "{{{}}}{space}",
            many(random, |random, depth| {
                format!("\"{}\": {}", random.pick(&["a", "b", "", "ä"]), json_of(random, depth))
            })
        ),
    }
}

/// A text that mostly is an array of numbers.
pub fn array(random: &mut Random) -> String {
    let parts: Vec<String> = (0..random.up_to(5))
        .map(|_| if random.one_in(5) { "NULL".into() } else { random.integer().to_string() })
        .collect();
    random.spoil(format!("{{{}}}", parts.join(",")), "0123456789{},N")
}

/// Writes what only ISO 8601 has as PostgreSQL does: years with a sign, and commas.
pub fn as_postgres_writes(text: &str) -> String {
    let text = text.replace(',', ".");
    let Some(unsigned) = text.strip_prefix(['+', '-']) else { return text };
    let Some((year, rest)) = unsigned.split_once('-') else { return text };
    let Ok(number) = year.parse::<i64>() else { return text };
    match number {
        0 => format!("0001-{rest} BC"),
        _ if text.starts_with('-') => format!("{:04}-{rest} BC", number + 1),
        _ => unsigned.into(),
    }
}
