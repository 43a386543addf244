//! `resource.Quantity`: decimal and binary multiples, exact, rounded up (G33 `apimachinery/pkg/api/resource`).

/// The largest amount, in bytes or thousandths: more than any node has, and small enough to be added up.
const MOST: u128 = 1 << 50;

/// What a quantity would have to look like.
pub const ACCEPTED: &str = "a quantity such as 250m, 0.5, 64Mi or 1e9, at least 0 and at most 1Pi (2^50)";

/// The amount of `text` in whole units, rounded up.
///
/// # Errors
/// What is wrong with it.
pub fn units(text: &str) -> Result<u64, String> {
    scaled(text, 1)
}

/// The amount of `text` in thousandths, rounded up.
///
/// # Errors
/// What is wrong with it.
pub fn milli(text: &str) -> Result<u64, String> {
    scaled(text, 1000)
}

fn scaled(text: &str, factor: u128) -> Result<u64, String> {
    let wrong = || format!("'{text}' is no quantity");
    let too_large = || format!("'{text}' is more than any node has");
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let end = unsigned.find(|next: char| !next.is_ascii_digit() && next != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(wrong());
    }
    let (ten, two) = multiple(suffix).ok_or_else(wrong)?;
    if negative && number.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        return Err(format!("'{text}' is negative"));
    }
    // The digits, without leading zeros, times a power of ten; a tail far behind the point can only round up.
    let digits: String = [whole, fraction].concat();
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Ok(0);
    }
    let point = ten - i64::try_from(fraction.len()).map_err(|_| wrong())?;
    if i64::try_from(digits.len()).map_err(|_| wrong())? + point > 18 {
        return Err(too_large());
    }
    let kept = digits.len().min(24);
    let tail_is_zero = digits[kept..].bytes().all(|byte| byte == b'0');
    let mantissa: u128 = digits[..kept].parse().map_err(|_| wrong())?;
    let mantissa = mantissa + u128::from(!tail_is_zero);
    let power = point + (digits.len() - kept) as i64;
    let amount = match u32::try_from(power.unsigned_abs()) {
        Ok(zeros) if power >= 0 => {
            mantissa.checked_mul(10_u128.pow(zeros.min(18))).and_then(|n| n.checked_mul(factor << two))
        }
        Ok(places) if places <= 36 => {
            mantissa.checked_mul(factor << two).map(|n| n.div_ceil(10_u128.pow(places)))
        }
        // So little that only rounding up leaves anything of it.
        _ => Some(1),
    };
    match amount {
        Some(amount) if amount <= MOST => Ok(amount as u64),
        _ => Err(too_large()),
    }
}

/// A suffix as a power of ten and a power of two.
fn multiple(suffix: &str) -> Option<(i64, u32)> {
    Some(match suffix {
        "" => (0, 0),
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 10),
        "Mi" => (0, 20),
        "Gi" => (0, 30),
        "Ti" => (0, 40),
        "Pi" => (0, 50),
        "Ei" => (0, 60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            let plain =
                !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
            (plain.then(|| exponent.parse().ok()).flatten()?, 0)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact_and_round_up() {
        for (text, amount) in [
            ("250m", 250),
            ("0.5", 500),
            ("1", 1000),
            ("0.0001", 1),
            ("100u", 1),
            ("2", 2000),
            ("1e3", 1_000_000),
            ("1E-3", 1),
            (".5", 500),
            ("5.", 5000),
            ("+1", 1000),
            ("-0", 0),
            ("0.10000000000000000000000000000000000000000000001", 101),
        ] {
            assert_eq!(milli(text), Ok(amount), "{text}");
        }
        for (text, amount) in [
            ("64Mi", 64 << 20),
            ("1.5Gi", 3 << 29),
            ("128974848", 128_974_848),
            ("129e6", 129_000_000),
            ("129M", 129_000_000),
            ("128974848000m", 128_974_848),
            ("1n", 1),
            ("0.1Ki", 103),
            ("1Pi", 1 << 50),
            ("0", 0),
            ("0e9", 0),
        ] {
            assert_eq!(units(text), Ok(amount), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", ".", "m", "1mb", "1 Mi", "1e", "1.2.3", "0x1", "five", "1KI", "--1", "1e99999"] {
            assert!(units(text).is_err_and(|says| says.contains("is no quantity")), "{text}");
        }
        assert_eq!(milli("-1"), Err("'-1' is negative".into()));
        for text in ["1Ei", "2Pi", "1e16", "99999999999999999999999999", "1e300", "9e9999"] {
            assert!(units(text).is_err_and(|says| says.contains("more than any node has")), "{text}");
        }
    }
}
