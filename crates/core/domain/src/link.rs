//! Signed links, by which a customer sees an order, answers or unsubscribes from a mail without an account.
//!
//! A link holds the order's id and a token over it. The token proves that this shop wrote the link; the purpose keeps a
//! link for one action from being used for another. The token itself never expires, because a mail may be read years later.
//! The gateway shows an order's page no longer than its configuration says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Half of the HMAC. 128 bits cannot be guessed, and the link stays short enough not to be wrapped in a mail. RFC 2104
/// (section 5) allows truncation to no less than this.
const TAG_BYTES: usize = 16;

/// The purpose of the link to an order's page.
pub const ORDER_PAGE: &str = "order";

/// Returns the address of an order's page under the shop's public URL.
pub fn order_page(public_url: &str, secret: &[u8], order_id: &str) -> String {
    let token = sign(secret, ORDER_PAGE, order_id);
    format!("{}/orders/{order_id}/{token}", public_url.trim_end_matches('/'))
}

/// The shortest secret that links may be signed with, in bytes: as long as a SHA-256 hash (RFC 2104, section 3).
pub const SHORTEST_SECRET: usize = 32;

/// A secret that is too short to sign links with, by its length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected at least {shortest} bytes, found {0}; make one with `openssl rand -hex 32`", shortest = SHORTEST_SECRET)]
pub struct SecretTooShort(pub usize);

/// Fails when a secret is too short to sign links with.
pub fn check_secret(secret: &[u8]) -> Result<(), SecretTooShort> {
    if secret.len() < SHORTEST_SECRET { Err(SecretTooShort(secret.len())) } else { Ok(()) }
}

/// Returns the token (22 characters of base64url) for one purpose, e.g. `review`, of one order.
pub fn sign(secret: &[u8], purpose: &str, order_id: &str) -> String {
    let tag = mac(secret, purpose, order_id).finalize().into_bytes();
    URL_SAFE_NO_PAD.encode(&tag[..TAG_BYTES])
}

/// Returns whether the token is the one that [`sign`] returns. Takes the same time wherever the two differ.
pub fn verify(secret: &[u8], purpose: &str, order_id: &str, token: &str) -> bool {
    URL_SAFE_NO_PAD.decode(token).is_ok_and(|tag| {
        tag.len() == TAG_BYTES && mac(secret, purpose, order_id).verify_truncated_left(&tag).is_ok()
    })
}

fn mac(secret: &[u8], purpose: &str, order_id: &str) -> Hmac<Sha256> {
    // HMAC hashes keys longer than a block and pads shorter ones, so every length is accepted.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    // The length comes first, so that no other purpose and order join to the same bytes.
    mac.update(&(purpose.len() as u64).to_be_bytes());
    mac.update(purpose.as_bytes());
    mac.update(order_id.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a secret of the shop";

    #[test]
    fn a_signed_link_verifies() {
        let token = sign(SECRET, "review", "0192-order");
        assert_eq!(token.len(), 22);
        assert!(verify(SECRET, "review", "0192-order", &token));
    }

    #[test]
    fn it_is_good_for_nothing_else() {
        let token = sign(SECRET, "review", "0192-order");
        assert!(!verify(SECRET, "unsubscribe", "0192-order", &token));
        assert!(!verify(SECRET, "review", "0193-order", &token));
        assert!(!verify(b"another secret", "review", "0192-order", &token));
        assert!(!verify(SECRET, "review0192-", "order", &token));
    }

    #[test]
    fn a_cut_or_malformed_token_is_refused() {
        let token = sign(SECRET, "review", "0192-order");
        for wrong in ["", "A", "not base64!", &token[..20], &format!("{token}AA")] {
            assert!(!verify(SECRET, "review", "0192-order", wrong), "{wrong:?}");
        }
    }

    #[test]
    fn an_order_s_page_is_under_the_shop_s_url() {
        let url = order_page("https://shop.example/", SECRET, "0192-order");
        let token = url.strip_prefix("https://shop.example/orders/0192-order/").expect("the page");
        assert!(verify(SECRET, ORDER_PAGE, "0192-order", token));
        assert!(!verify(SECRET, "review", "0192-order", token));
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert_eq!(check_secret(&[b'x'; 32]), Ok(()));
        assert_eq!(check_secret(&[b'x'; 31]), Err(SecretTooShort(31)));
        let said = check_secret(b"").unwrap_err().to_string();
        assert_eq!(said, "expected at least 32 bytes, found 0; make one with `openssl rand -hex 32`");
    }

    #[test]
    fn links_in_mails_already_sent_stay_good() {
        assert_eq!(sign(b"secret", "review", "order"), "CVy6A_bT6y6eO8dywHS2Ww");
    }
}
