//! A private NATS and PostgreSQL on free loopback ports.
