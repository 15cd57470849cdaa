use std::cell::RefCell;

use sonagi_model::Entropy;

/// Bytes that a thread fetches from the kernel at once: ids are asked for on every request, and a system call each
/// would show.
const BATCH: usize = 512;

/// The kernel's random numbers.
#[derive(Debug, Default)]
pub struct OsEntropy;

struct Batch {
    bytes: [u8; BATCH],
    /// How many of them, from the start, have been given out (and wiped).
    used: usize,
}

thread_local! {
    static SPARE: RefCell<Batch> = const { RefCell::new(Batch { bytes: [0; BATCH], used: BATCH }) };
}

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() > BATCH {
            return ask(bytes);
        }
        SPARE.with_borrow_mut(|spare| {
            if spare.used + bytes.len() > BATCH {
                ask(&mut spare.bytes);
                spare.used = 0;
            }
            let given = &mut spare.bytes[spare.used..spare.used + bytes.len()];
            bytes.copy_from_slice(given);
            given.fill(0);
            spare.used += bytes.len();
        });
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the kernel for randomness")]
fn ask(bytes: &mut [u8]) {
    // Linux's getrandom fails only where the system call is forbidden; going on with known bytes would be worse.
    if let Err(error) = getrandom::fill(bytes) {
        tracing::error!(%error, "no randomness to be had from the kernel");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_bytes_are_given_twice_and_none_are_left_out() {
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            let mut id = [0; 16];
            OsEntropy.fill(&mut id);
            assert!(seen.insert(id));
        }
        let mut much = vec![0; 3 * BATCH];
        OsEntropy.fill(&mut much);
        assert!(much.chunks(16).all(|chunk| chunk.iter().any(|&byte| byte != 0)));
    }
}
