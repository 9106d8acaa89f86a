//! Reasons why a label cannot be printed.

use super::address_block::TooLong;
use super::barcode::NotEncodable;

/// Why a label cannot be printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unprintable {
    /// The tracking number has no barcode.
    #[error(transparent)]
    Barcode(#[from] NotEncodable),
    /// A part of an address that must be complete does not fit.
    #[error(transparent)]
    Address(#[from] TooLong),
}
