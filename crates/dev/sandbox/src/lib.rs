//! Stand-in providers on loopback that speak the real wires: Stripe, Shippo, SMTP.
