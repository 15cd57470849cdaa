//! Which functions an event has woken on its way: how a function that wakes itself without end is found.
//!
//! The platform's `Lineage` rides in the trace header, which the AWS SDKs in a function pass on with every call (AWS X-Ray
//! Developer Guide, "Tracing header"; Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite
//! loops"). It names each function by a digest, with how often it was woken: `Lineage=9f86d081:3|5feceb66:1`.

use std::fmt::Write as _;

use sonagi_model::{Digest, Entropy, Timestamp, limits};

/// What a trace header says of functions that were woken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lineage(Vec<(String, u32)>);

impl Lineage {
    /// None, or one that nobody could have written: an empty one.
    pub(crate) fn of(header: Option<&str>) -> Self {
        let items = header.and_then(|header| part(header, "Lineage")).unwrap_or_default().split('|');
        let read = |item: &str| {
            let (function, count) = item.split_once(':')?;
            let fits = function.len() == 8 && function.bytes().all(|byte| byte.is_ascii_hexdigit());
            Some((function.to_owned(), count.parse().ok().filter(|_| fits)?))
        };
        Self(items.filter_map(read).take(limits::LINEAGE_FUNCTIONS).collect())
    }

    /// Of events that wake a function together.
    pub(crate) fn join(&mut self, other: Self) {
        for (function, count) in other.0 {
            match self.0.iter_mut().find(|(known, _)| *known == function) {
                Some((_, known)) => *known = count.max(*known),
                None => self.0.push((function, count)),
            }
        }
    }

    /// How often the function was woken, this time included.
    pub(crate) fn wake(&mut self, arn: &str) -> u32 {
        let function = Digest::of(arn.as_bytes()).to_string()[..8].to_owned();
        let count = match self.0.iter().position(|(known, _)| *known == function) {
            Some(at) => self.0.remove(at).1.saturating_add(1),
            None => 1,
        };
        // In front, so that what is forgotten are those that were woken the longest ago.
        self.0.insert(0, (function, count));
        self.0.truncate(limits::LINEAGE_FUNCTIONS);
        count
    }

    /// `caller` with this lineage instead of its own; with a new root if it has none.
    pub(crate) fn header(&self, caller: Option<&str>, now: Timestamp, entropy: &dyn Entropy) -> String {
        let mut header = String::with_capacity(192);
        match caller.and_then(|caller| part(caller, "Root")) {
            Some(root) => header.push_str(&format!("Root={root}")),
            None => {
                let bytes: [u8; 12] = entropy.bytes();
                // Writing to a string cannot fail.
                let _ = write!(header, "Root=1-{:08x}-", now.seconds() as u32);
                for byte in bytes {
                    let _ = write!(header, "{byte:02x}");
                }
            }
        }
        for name in ["Parent", "Sampled"] {
            if let Some(value) = caller.and_then(|caller| part(caller, name)) {
                let _ = write!(header, ";{name}={value}");
            }
        }
        for (at, (function, count)) in self.0.iter().enumerate() {
            header.push_str(if at == 0 { ";Lineage=" } else { "|" });
            let _ = write!(header, "{function}:{count}");
        }
        header
    }
}

fn part<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Ones;
    impl Entropy for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0x1f);
        }
    }

    #[test]
    fn a_function_is_counted_each_time_that_it_is_woken() {
        let mut header = None;
        for count in 1..=20 {
            let mut lineage = Lineage::of(header.as_deref());
            assert_eq!(lineage.wake("arn:a"), count);
            lineage.wake("arn:b");
            header = Some(lineage.header(header.as_deref(), Timestamp(0), &Ones));
        }
        let header = header.unwrap();
        assert!(header.starts_with("Root=1-00000000-1f1f1f1f1f1f1f1f1f1f1f1f;Lineage="), "{header}");
        assert!(header.ends_with(":20"), "{header}");
    }

    #[test]
    fn what_is_no_lineage_is_none_and_the_rest_of_a_header_stays() {
        for header in ["Lineage=", "Lineage=x:1", "Root=1;Lineage=zzzzzzzz:1", "Lineage=abcdef01:-1|:"] {
            assert_eq!(Lineage::of(Some(header)), Lineage::default(), "{header}");
        }
        let caller = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        assert_eq!(Lineage::default().header(Some(caller), Timestamp(0), &Ones), caller);
    }

    #[test]
    fn the_most_that_a_header_holds_fits_into_what_is_passed_on() {
        let mut lineage = Lineage::default();
        for function in 0..100 {
            lineage.wake(&format!("arn:{function}"));
        }
        lineage.0.iter_mut().for_each(|(_, count)| *count = u32::MAX);
        let caller = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        assert!(lineage.header(Some(caller), Timestamp(0), &Ones).len() <= limits::TRACE_SIZE);
    }

    #[test]
    fn events_that_come_together_are_as_far_as_the_furthest() {
        let mut one = Lineage::of(Some("Lineage=aaaaaaaa:3|bbbbbbbb:1"));
        one.join(Lineage::of(Some("Lineage=bbbbbbbb:7|cccccccc:2")));
        let want = [("aaaaaaaa", 3), ("bbbbbbbb", 7), ("cccccccc", 2)];
        assert_eq!(one.0, want.map(|(function, count)| (function.to_owned(), count)));
    }
}
