//! The trade's rules without any I/O: money, reason codes, the order's state machine.
