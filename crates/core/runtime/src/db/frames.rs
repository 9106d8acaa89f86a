//! PostgreSQL's protocol as far as needed to know whether an answer is due: a message is a byte for its type, its length
//! and a body. <https://www.postgresql.org/docs/current/protocol-message-formats.html>

/// The type of a client's message after which the server must send a [`READY`].
pub(crate) const SYNC: u8 = b'S';

/// The type of a client's simple query, after which the server must send a [`READY`] too.
pub(crate) const QUERY: u8 = b'Q';

/// The type of the server's message that ends its answer.
pub(crate) const READY: u8 = b'Z';

/// Bytes of a type and a length.
const HEADER: usize = 5;

/// One direction of a connection, from the beginning of a message on.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    header: [u8; HEADER],
    /// Bytes of the header that have passed.
    known: usize,
    /// Bytes of the body that have not passed yet.
    left: usize,
}

impl Frames {
    /// Lets bytes pass and counts the messages of these types that begin in them.
    pub(crate) fn count(&mut self, mut bytes: &[u8], types: &[u8]) -> usize {
        let mut found = 0;
        while !bytes.is_empty() {
            if self.left > 0 {
                let passed = self.left.min(bytes.len());
                self.left -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            let passed = (HEADER - self.known).min(bytes.len());
            self.header[self.known..self.known + passed].copy_from_slice(&bytes[..passed]);
            self.known += passed;
            bytes = &bytes[passed..];
            if self.known == HEADER {
                let [of, length @ ..] = self.header;
                // The length counts itself.
                self.left = (u32::from_be_bytes(length) as usize).saturating_sub(4);
                self.known = 0;
                found += usize::from(types.contains(&of));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(of: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("a short body");
        [&[of][..], &length.to_be_bytes(), body].concat()
    }

    proptest! {
        #[test]
        fn messages_are_counted_however_they_are_cut(
            messages in prop::collection::vec((prop::sample::select(b"SQZTDC".to_vec()), prop::collection::vec(any::<u8>(), 0..40)), 0..20),
            cuts in prop::collection::vec(1_usize..30, 1..50),
        ) {
            let bytes: Vec<u8> = messages.iter().flat_map(|(of, body)| message(*of, body)).collect();
            let mut frames = Frames::default();
            let (mut found, mut rest) = (0, &bytes[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                found += frames.count(now, &[SYNC, QUERY]);
                rest = later;
            }
            let expected = messages.iter().filter(|(of, _)| [SYNC, QUERY].contains(of)).count();
            prop_assert_eq!(found, expected);
        }
    }
}
