//! Who may send what: secrets and the shops' signatures.

pub(crate) mod secret;
pub(crate) mod shop;
pub(crate) mod signature;
