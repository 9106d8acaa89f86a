//! Proofs of who sends a request: secrets, the shops' signatures, and the links in mails.

pub(crate) mod links;
pub(crate) mod secret;
pub(crate) mod shop;
pub(crate) mod signature;
pub(crate) mod stripe;
