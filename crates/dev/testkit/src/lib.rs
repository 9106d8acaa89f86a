//! What tests share: real servers, a database and a subject prefix per test.
