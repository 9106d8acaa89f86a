//! The checks of an order before work on it begins. All defects are found at once.

use std::fmt;

use despatch_contracts::order::{Address, ChargeKind, Line, Order};
use despatch_domain::{Currency, Reason, country};

/// Most units on one line. More are taken for a mistake.
const MOST_UNITS: i64 = 10_000;

/// One defect of an order, in words without personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// The order has no shipping address.
    #[error("expected a shipping address, found none")]
    AddressMissing,
    /// A required part of the address is empty.
    #[error("address: expected a {0}, found none")]
    AddressPartMissing(&'static str),
    /// The country is not an upper-case alpha-2 code.
    #[error("address: expected a country code of ISO 3166-1, found {0:?}")]
    CountryUnknown(String),
    /// The order has no lines.
    #[error("expected at least one line, found none")]
    LinesMissing,
    /// A line has no SKU.
    #[error("line {0}: expected a SKU, found none")]
    SkuMissing(u32),
    /// The SKU holds control characters, which no catalogue has and a database may refuse.
    #[error("line {0}: expected a SKU without control characters, found some")]
    SkuUnreadable(u32),
    /// The quantity is not 1 to 10,000.
    #[error("line {line}: expected 1 to {MOST_UNITS} units, found {quantity}")]
    QuantityInvalid {
        /// The line's number.
        line: u32,
        /// The quantity found.
        quantity: i64,
    },
    /// More or fewer units are taken off a line than it has.
    #[error("line {line}: expected 0 to {quantity} units taken off, found {removed}")]
    RemovedInvalid {
        /// The line's number.
        line: u32,
        /// The line's units.
        quantity: i64,
        /// The units found.
        removed: i64,
    },
    /// The shop refunded a part of the order, and did not say of which units.
    #[error(
        "charges: expected the units that the shop refunded, found only the amount: set `removed` of their lines, or make          the charge a fee if it is for none"
    )]
    RefundUnclear,
    /// An amount is negative that must not be.
    #[error("{what}: expected no negative amount, found {minor} minor units")]
    AmountNegative {
        /// The amount's name.
        what: String,
        /// Minor units.
        minor: i64,
    },
    /// The currency is not an upper-case code.
    #[error("expected a currency code of ISO 4217, found {0:?}")]
    CurrencyUnknown(String),
    /// Lines, charges and tax less the discount are not the total.
    #[error("expected a total of {total} minor units, but the amounts add up to {sum}")]
    TotalsMismatch {
        /// The sum, in minor units.
        sum: i128,
        /// The total, in minor units.
        total: i64,
    },
}

impl Problem {
    /// Returns the reason code of the problem.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Problem::AddressMissing => Reason::AddressMissing,
            Problem::AddressPartMissing(_) | Problem::CountryUnknown(_) => Reason::AddressIncomplete,
            Problem::LinesMissing => Reason::LinesMissing,
            Problem::SkuMissing(_) => Reason::SkuMissing,
            Problem::SkuUnreadable(_) => Reason::SkuUnknown,
            Problem::QuantityInvalid { .. } | Problem::RemovedInvalid { .. } => Reason::QuantityInvalid,
            Problem::RefundUnclear => Reason::RefundUnclear,
            Problem::AmountNegative { .. } => Reason::AmountInvalid,
            Problem::CurrencyUnknown(_) => Reason::CurrencyUnknown,
            Problem::TotalsMismatch { .. } => Reason::TotalsMismatch,
        }
    }
}

/// The defects of an order, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    first: Problem,
    others: Vec<Problem>,
}

impl Invalid {
    /// Returns the first problem's reason code: that of the case.
    pub(crate) fn reason(&self) -> Reason {
        self.first.reason()
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.others.iter().try_for_each(|problem| write!(f, "; {problem}"))
    }
}

impl std::error::Error for Invalid {}

/// Checks an order for `orders.accept`. Reports the problems in the order in which a person would fix them.
pub fn validate(order: &Order) -> Result<(), Invalid> {
    let mut problems = Vec::new();
    // An order of which nothing is sent needs no address.
    if order.lines.is_empty() || order.is_shipped() {
        address(order.ship_to.as_ref(), &mut problems);
    }
    lines(&order.lines, &mut problems);
    if order.charges.iter().any(|charge| charge.kind() == ChargeKind::Refund) {
        problems.push(Problem::RefundUnclear);
    }
    amounts(order, &mut problems);
    let mut problems = problems.into_iter();
    match problems.next() {
        None => Ok(()),
        Some(first) => Err(Invalid { first, others: problems.collect() }),
    }
}

fn address(address: Option<&Address>, problems: &mut Vec<Problem>) {
    let Some(address) = address else {
        return problems.push(Problem::AddressMissing);
    };
    problems.extend(address.missing_parts().map(Problem::AddressPartMissing));
    if !address.country.trim().is_empty() && !country::exists(&address.country) {
        problems.push(Problem::CountryUnknown(address.country.clone()));
    }
}

fn lines(lines: &[Line], problems: &mut Vec<Problem>) {
    if lines.is_empty() {
        problems.push(Problem::LinesMissing);
    }
    for line in lines {
        if line.sku.trim().is_empty() && line.our_units() != 0 {
            problems.push(Problem::SkuMissing(line.number));
        } else if line.sku.contains(char::is_control) {
            problems.push(Problem::SkuUnreadable(line.number));
        }
        if !(1..=MOST_UNITS).contains(&line.quantity) {
            problems.push(Problem::QuantityInvalid { line: line.number, quantity: line.quantity });
        } else if !(0..=line.quantity).contains(&line.removed) {
            let Line { number, quantity, removed, .. } = *line;
            problems.push(Problem::RemovedInvalid { line: number, quantity, removed });
        }
    }
}

fn amounts(order: &Order, problems: &mut Vec<Problem>) {
    let named = order.lines.iter().map(|line| (format!("total of line {}", line.number), line.total_minor));
    let charges = order.charges.iter().filter(|charge| !charge.kind().may_be_negative());
    let charges = charges.map(|charge| (charge.kind().name().to_owned(), charge.amount_minor));
    let whole = [("tax", order.tax_minor), ("discount", order.discount_minor), ("total", order.total_minor)];
    let tenders = (1..).zip(&order.tenders);
    let tenders = tenders.map(|(number, tender): (u32, _)| (format!("tender {number}"), tender.amount_minor));
    let named =
        named.chain(charges).chain(tenders).chain(whole.map(|(what, minor)| (what.to_owned(), minor)));
    problems.extend(
        named.filter(|(_, minor)| *minor < 0).map(|(what, minor)| Problem::AmountNegative { what, minor }),
    );
    if Currency::parse(&order.currency).is_err() {
        problems.push(Problem::CurrencyUnknown(order.currency.clone()));
    }
    let sum = order.parts_minor();
    if sum != i128::from(order.total_minor) {
        problems.push(Problem::TotalsMismatch { sum, total: order.total_minor });
    }
}

#[cfg(test)]
mod tests;
