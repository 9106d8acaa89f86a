//! Who may send what: secrets and the shops' signatures.

pub(crate) mod secret;
pub(crate) mod signature;
