//! Own tracking numbers: derived from order and parcel, so that a retry prints the same one, with check digits.

use sha2::{Digest as _, Sha256};

/// The prefix of own tracking numbers.
pub const PREFIX: &str = "DH";

/// 20 digits. Even among a thousand million parcels, the chance that two share a number is only 1 in 200.
const SPACE: u128 = 10_u128.pow(20);

/// Returns the tracking number of a parcel: `DH`, 20 digits and two check digits (ISO 7064, MOD 97-10).
pub fn number(order_id: &str, parcel: u32) -> String {
    let digest = Sha256::digest(format!("{order_id}/{parcel}"));
    let serial = digest[..16].iter().fold(0_u128, |serial, &byte| serial << 8 | u128::from(byte)) % SPACE;
    // With 98 minus the remainder, the whole number, check digits included, leaves 1.
    let check = 98 - serial * 100 % 97;
    format!("{PREFIX}{serial:020}{check:02}")
}

/// Returns whether the text can be an own number. Detects every single wrong digit and every swap of two neighbours.
pub fn is_valid(number: &str) -> bool {
    number.strip_prefix(PREFIX).is_some_and(|digits| {
        digits.len() == 22
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && digits.parse::<u128>().is_ok_and(|value| value % 97 == 1)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_already_printed_keep_their_numbers() {
        assert_eq!(number("0193a1b2-order", 1), "DH9876451672118957703169");
    }

    proptest! {
        #[test]
        fn the_same_parcel_has_the_same_number(order in "[a-z0-9-]{1,36}", parcel in 1_u32..50) {
            let first = number(&order, parcel);
            prop_assert_eq!(&first, &number(&order, parcel));
            prop_assert!(is_valid(&first));
            prop_assert_ne!(first, number(&order, parcel + 1));
        }

        #[test]
        fn a_slip_of_the_hand_is_noticed(order in "[a-z0-9]{8}", at in 2_usize..24, by in 1_u8..10) {
            let mut wrong = number(&order, 1).into_bytes();
            wrong[at] = b'0' + (wrong[at] - b'0' + by) % 10;
            prop_assert!(!is_valid(&String::from_utf8(wrong).expect("digits")));
        }

        #[test]
        fn neighbours_swapped_are_noticed(order in "[a-z0-9]{8}", at in 2_usize..23) {
            let right = number(&order, 1).into_bytes();
            let mut wrong = right.clone();
            wrong.swap(at, at + 1);
            let wrong_is_other = wrong != right;
            prop_assert_eq!(is_valid(&String::from_utf8(wrong).expect("digits")), !wrong_is_other);
        }
    }
}
