//! Quantities: `500m`, `1Gi`, `2`. Counted in thousandths, which is as fine as any comparison here needs.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// The quantity in thousandths, rounded up; 0 if it is none.
pub fn thousandths(quantity: &Quantity) -> i128 {
    parse(&quantity.0).unwrap_or(0)
}

fn parse(text: &str) -> Option<i128> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || ".+-".contains(c))).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (numerator, denominator) = scale(suffix)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let negative = whole.starts_with('-');
    let whole: i128 = if whole.trim_start_matches(['+', '-']).is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = if fraction.len() > 18 { &fraction[..18] } else { fraction };
    let digits: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let unit = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let value = whole * unit + if negative { -digits } else { digits };
    let scaled = value.checked_mul(numerator)?;
    let divisor = unit * denominator;
    Some(scaled.div_euclid(divisor) + i128::from(scaled.rem_euclid(divisor) != 0))
}

/// What a suffix multiplies with, to thousandths: numerator and denominator.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    Some(match suffix {
        "n" => (1, 1_000_000),
        "u" => (1, 1_000),
        "m" => (1, 1),
        "" => (1_000, 1),
        "k" => (1_000 * 1_000, 1),
        "M" => (1_000 * 1_000_000, 1),
        "G" => (1_000 * 1_000_000_000, 1),
        "T" => (1_000 * 1_000_000_000_000, 1),
        "P" => (1_000 * 1_000_000_000_000_000, 1),
        "E" => (1_000 * 1_000_000_000_000_000_000, 1),
        "Ki" => (1_000 << 10, 1),
        "Mi" => (1_000 << 20, 1),
        "Gi" => (1_000 << 30, 1),
        "Ti" => (1_000 << 40, 1),
        "Pi" => (1_000 << 50, 1),
        "Ei" => (1_000 << 60, 1),
        exponent => {
            let exponent: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
            if exponent < 0 { (1_000, power) } else { (power.checked_mul(1_000)?, 1) }
        }
    })
}

/// Amounts of resources by name, in thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts(BTreeMap<String, i128>);

impl Amounts {
    /// The amounts of a resource list.
    pub fn of(list: Option<&BTreeMap<String, Quantity>>) -> Self {
        let amount = |(name, quantity): (&String, &Quantity)| (name.clone(), thousandths(quantity));
        Self(list.into_iter().flatten().map(amount).collect())
    }

    /// The amount of one resource; 0 if it is not named.
    pub fn get(&self, name: &str) -> i128 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Every resource that is named, with its amount.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i128)> {
        self.0.iter().map(|(name, amount)| (name.as_str(), *amount))
    }

    /// Adds other amounts.
    pub fn add(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            *self.0.entry(name.to_owned()).or_insert(0) += amount;
        }
    }

    /// Takes other amounts away.
    pub fn subtract(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            *self.0.entry(name.to_owned()).or_insert(0) -= amount;
        }
    }

    /// Sets each amount that the other names.
    pub fn replace_with(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            self.0.insert(name.to_owned(), amount);
        }
    }

    /// Raises each amount to that of the other.
    pub fn raise_to(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            let own = self.0.entry(name.to_owned()).or_insert(0);
            *own = amount.max(*own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        let cases = [
            ("1", 1_000),
            ("500m", 500),
            ("0.5", 500),
            ("1.5k", 1_500_000),
            ("1Ki", 1_024_000),
            ("1Gi", 1_073_741_824_000),
            ("1e3", 1_000_000),
            ("1E3", 1_000_000),
            ("5E", 5_000_000_000_000_000_000_000),
            ("12e-1", 1_200),
            ("1u", 1),
            ("-1", -1_000),
            ("-0.5", -500),
            ("+2", 2_000),
            (".5", 500),
        ];
        for (text, expected) in cases {
            assert_eq!(thousandths(&Quantity(text.to_owned())), expected, "{text}");
        }
        for nonsense in ["", "x", "1X", "1.2.3"] {
            assert_eq!(thousandths(&Quantity(nonsense.to_owned())), 0, "{nonsense}");
        }
    }
}
