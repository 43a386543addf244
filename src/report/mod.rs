//! Reports of a check, in each format.

mod human;
mod json;
mod junit;
mod markdown;
mod sarif;

use anstream::{eprintln, print};

use crate::arguments::Format;
use crate::verdict::CheckReport;

/// Prints the report on standard output, and what is wrong with the input on standard error.
pub fn print(report: &CheckReport, format: Format) {
    for error in &report.errors {
        eprintln!("error: {error}");
    }
    if format != Format::Human {
        for warning in &report.warnings {
            eprintln!("warning: {warning}");
        }
    }
    print!("{}", render(report, format));
}

/// The report as text.
pub fn render(report: &CheckReport, format: Format) -> String {
    match format {
        Format::Human => human::render(report),
        Format::Json => json::render(report),
        Format::Junit => junit::render(report),
        Format::Sarif => sarif::render(report),
        Format::Markdown => markdown::render(report),
    }
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
