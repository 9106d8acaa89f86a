//! The stable hash behind every id, every fingerprint and every random draw.
//!
//! It must give the same value in the next process and after the next compiler upgrade, which the standard library's
//! hasher does not promise. So it is the head of a SHA-256.

use sha2::{Digest as _, Sha256};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Returns the SHA-256 of `parts`, each preceded by its length, so that no two lists of parts are alike.
fn sha(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Returns the first 128 bits of the hash of `parts`.
pub(crate) fn wide(parts: &[&[u8]]) -> u128 {
    sha(parts).iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

/// Returns the first 64 bits of the hash of `parts`.
pub(crate) fn narrow(parts: &[&[u8]]) -> u64 {
    sha(parts).iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Returns a number in [0, 1) drawn from `parts`.
pub(crate) fn unit(parts: &[&[u8]]) -> f64 {
    // 32 bits are exact in an f64 and fine enough for probabilities.
    let head = u32::try_from(narrow(parts) >> 32).unwrap_or(u32::MAX);
    f64::from(head) / (f64::from(u32::MAX) + 1.0)
}

/// Returns `length` (at most 32) characters of base 62, as in Stripe's ids.
pub(crate) fn base62(parts: &[&[u8]], length: usize) -> String {
    sha(parts).iter().take(length).map(|byte| char::from(BASE62[usize::from(*byte) % 62])).collect()
}

/// Returns `length` (at most 32) decimal digits, as in tracking numbers.
pub(crate) fn digits(parts: &[&[u8]], length: usize) -> String {
    sha(parts).iter().take(length).map(|byte| char::from(b'0' + byte % 10)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(narrow(&[b"ab", b"c"]), narrow(&[b"a", b"bc"]));
    }

    #[test]
    fn unit_is_spread_over_its_range() {
        let draws: Vec<f64> = (0..1000_u32).map(|n| unit(&[&n.to_le_bytes()])).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        let low = draws.iter().filter(|draw| **draw < 0.1).count();
        assert!((60..140).contains(&low), "{low} of 1000 draws below 0.1");
    }

    #[test]
    fn ids_have_the_length_asked_for() {
        assert_eq!(base62(&[b"x"], 24).len(), 24);
        assert!(digits(&[b"x"], 17).bytes().all(|byte| byte.is_ascii_digit()));
    }
}
