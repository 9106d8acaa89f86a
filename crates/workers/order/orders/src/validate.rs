//! What has to be right about an order before work on it begins. All that is wrong is found at once.

use std::fmt;

use despatch_contracts::order::{Address, Customer, Line, Order};
use despatch_domain::{Currency, Reason, country};

use crate::email;

/// More units than this on one line are taken for a mistake.
const MOST_UNITS: i64 = 10_000;

/// One thing that is wrong with an order, in words without personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// There is no shipping address at all.
    #[error("there is no shipping address")]
    AddressMissing,
    /// A part that no parcel arrives without is empty.
    #[error("the address has no {0}")]
    AddressPartMissing(&'static str),
    /// The country is not an upper-case alpha-2 code.
    #[error("{0:?} is not a country code of ISO 3166-1")]
    CountryUnknown(String),
    /// There is no customer at all.
    #[error("there is no customer")]
    CustomerMissing,
    /// The customer cannot be written to.
    #[error("the customer has no usable e-mail address")]
    EmailMissing,
    /// There is nothing to send.
    #[error("the order has no lines")]
    LinesMissing,
    /// It is not said what to send.
    #[error("line {0} has no SKU")]
    SkuMissing(u32),
    /// The SKU has characters that no catalogue has; some of them no database can hold.
    #[error("the SKU of line {0} contains control characters")]
    SkuUnreadable(u32),
    /// Not 1 to 10,000 units.
    #[error("line {line} asks for {quantity} units")]
    QuantityInvalid {
        /// The line's number.
        line: u32,
        /// What it asks for.
        quantity: i64,
    },
    /// An amount that cannot be negative is.
    #[error("the {what} is negative: {minor} minor units")]
    AmountNegative {
        /// Which amount.
        what: String,
        /// Minor units.
        minor: i64,
    },
    /// The currency is not an upper-case code.
    #[error("{0:?} is not a currency code of ISO 4217")]
    CurrencyUnknown(String),
    /// Lines, shipping and tax less the discount are not the total.
    #[error("the amounts add up to {sum} minor units, the order's total is {total}")]
    TotalsMismatch {
        /// What they add up to, in minor units.
        sum: i128,
        /// What the order says, in minor units.
        total: i64,
    },
}

impl Problem {
    /// The reason code of the problem.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Problem::AddressMissing => Reason::AddressMissing,
            Problem::AddressPartMissing(_) | Problem::CountryUnknown(_) => Reason::AddressIncomplete,
            Problem::CustomerMissing => Reason::CustomerMissing,
            Problem::EmailMissing => Reason::EmailMissing,
            Problem::LinesMissing => Reason::LinesMissing,
            Problem::SkuMissing(_) => Reason::SkuMissing,
            Problem::SkuUnreadable(_) => Reason::SkuUnknown,
            Problem::QuantityInvalid { .. } => Reason::QuantityInvalid,
            Problem::AmountNegative { .. } => Reason::AmountInvalid,
            Problem::CurrencyUnknown(_) => Reason::CurrencyUnknown,
            Problem::TotalsMismatch { .. } => Reason::TotalsMismatch,
        }
    }
}

/// All that is wrong with an order: at least one problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    first: Problem,
    others: Vec<Problem>,
}

impl Invalid {
    /// The first problem's reason code: that of the case.
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

/// What `orders.accept` checks of an order, all of it; the problems come in the order in which a person would fix them.
pub fn validate(order: &Order) -> Result<(), Invalid> {
    let mut problems = Vec::new();
    address(order.ship_to.as_ref(), &mut problems);
    customer(order.customer.as_ref(), &mut problems);
    lines(&order.lines, &mut problems);
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
    // Regions and postcodes are not asked for: some countries have none, and carriers know which.
    let parts = [("street", &address.street1), ("city", &address.city), ("country", &address.country)];
    let missing = parts.iter().filter(|(_, part)| part.trim().is_empty());
    problems.extend(missing.map(|(name, _)| Problem::AddressPartMissing(name)));
    if !address.country.trim().is_empty() && !country::exists(&address.country) {
        problems.push(Problem::CountryUnknown(address.country.clone()));
    }
}

fn customer(customer: Option<&Customer>, problems: &mut Vec<Problem>) {
    match customer {
        None => problems.push(Problem::CustomerMissing),
        Some(customer) if !email::is_usable(&customer.email) => problems.push(Problem::EmailMissing),
        Some(_) => {}
    }
}

fn lines(lines: &[Line], problems: &mut Vec<Problem>) {
    if lines.is_empty() {
        problems.push(Problem::LinesMissing);
    }
    for line in lines {
        if line.sku.trim().is_empty() {
            problems.push(Problem::SkuMissing(line.number));
        } else if line.sku.contains(char::is_control) {
            problems.push(Problem::SkuUnreadable(line.number));
        }
        if !(1..=MOST_UNITS).contains(&line.quantity) {
            problems.push(Problem::QuantityInvalid { line: line.number, quantity: line.quantity });
        }
    }
}

fn amounts(order: &Order, problems: &mut Vec<Problem>) {
    let named = order.lines.iter().map(|line| (format!("total of line {}", line.number), line.total_minor));
    let whole = [
        ("shipping", order.shipping_minor),
        ("tax", order.tax_minor),
        ("discount", order.discount_minor),
        ("total", order.total_minor),
    ];
    let named = named.chain(whole.map(|(what, minor)| (what.to_owned(), minor)));
    problems.extend(
        named.filter(|(_, minor)| *minor < 0).map(|(what, minor)| Problem::AmountNegative { what, minor }),
    );
    if Currency::parse(&order.currency).is_err() {
        problems.push(Problem::CurrencyUnknown(order.currency.clone()));
    }
    let added =
        order.lines.iter().map(|line| line.total_minor).chain([order.shipping_minor, order.tax_minor]);
    let sum = added.map(i128::from).sum::<i128>() - i128::from(order.discount_minor);
    if sum != i128::from(order.total_minor) {
        problems.push(Problem::TotalsMismatch { sum, total: order.total_minor });
    }
}

#[cfg(test)]
mod tests;
