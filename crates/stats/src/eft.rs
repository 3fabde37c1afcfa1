//! Error-free transformations: a rounded result together with the exact rounding error.
//!
//! Sources: Knuth, TAOCP vol. 2, 4.2.2 (two-sum); Dekker 1971 and Veltkamp 1968 (product and splitting).

/// `(s, e)` with `s = fl(a + b)` and `s + e = a + b` exactly, whatever the magnitudes.
#[inline(always)]
pub fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let bb = s - a;
    (s, (a - (s - bb)) + (b - bb))
}

/// `(p, e)` with `p = fl(a * b)` and `p + e = a * b` exactly, as long as nothing overflows or underflows. `FUSED` says that
/// the processor is known to have a fused multiply-add.
#[inline(always)]
pub fn two_prod<const FUSED: bool>(a: f64, b: f64) -> (f64, f64) {
    let p = a * b;
    // Both branches are exact, so they agree; without the instruction `mul_add` is a slow library call.
    if FUSED || cfg!(target_feature = "fma") {
        return (p, a.mul_add(b, -p));
    }
    let (ah, al) = split(a);
    let (bh, bl) = split(b);
    (p, ((ah * bh - p) + ah * bl + al * bh) + al * bl)
}

/// [`two_prod`] of a value with itself, at half the cost.
#[inline(always)]
pub fn two_square<const FUSED: bool>(a: f64) -> (f64, f64) {
    let p = a * a;
    if FUSED || cfg!(target_feature = "fma") {
        return (p, a.mul_add(a, -p));
    }
    let (h, l) = split(a);
    (p, ((h * h - p) + 2.0 * (h * l)) + l * l)
}

/// Two halves of 26 bits with `h + l = a`; `|a|` must stay below 2^996.
#[inline(always)]
fn split(a: f64) -> (f64, f64) {
    let t = 134_217_729.0 * a;
    let h = t - (t - a);
    (h, a - h)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_have_the_same_bits_fused_or_not() {
        let mut x = 1.0_f64;
        for i in 0..10_000_u32 {
            x = (x * 1.618_033_988_749_895 + f64::from(i).sin()).rem_euclid(4.0) + 1e-3;
            for power in [-390, -30, 0, 52, 470] {
                let x = x * 2f64.powi(power);
                assert_eq!(two_square::<true>(x), two_square::<false>(x), "{x:e}");
                assert_eq!(two_square::<true>(x), two_prod::<false>(x, x), "{x:e}");
                let y = x.sqrt() * 2f64.powi(-40);
                assert_eq!(two_prod::<true>(x, y), two_prod::<false>(x, y), "{x:e}");
            }
        }
    }
}
