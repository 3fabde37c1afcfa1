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
