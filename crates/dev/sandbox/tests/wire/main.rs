//! The sandbox as its clients see it: over HTTP and SMTP, with the client libraries that workers use.

#![allow(clippy::unwrap_used, reason = "what does not unwrap is what the test is there to find")]

mod control;
mod faults;
mod gateway;
mod restart;
mod shippo;
mod shop;
mod smtp;
mod stripe;
mod webhooks;
