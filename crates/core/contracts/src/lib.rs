//! The events that workers exchange: protobuf messages, their subjects, keys, identities and headers.
