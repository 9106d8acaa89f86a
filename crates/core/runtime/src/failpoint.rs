//! Places where a test can end the process: the boundaries of the protocol. They cost nothing in a release build.

/// Passes a boundary. With the feature `failpoints` and, e.g., `FAILPOINTS=after-commit=return`, the process ends here
/// as abruptly as by `kill -9`.
pub(crate) fn pass(boundary: &'static str) {
    fail::fail_point!(boundary, |_| std::process::abort());
    // The name is unused without the feature.
    let _ = boundary;
}
