//! What every implementation of the traits must keep, as cases that know the traits alone.
//!
//! A test file of an implementation names its factory and calls the macro of the trait:
//!
//! ```ignore
//! sonagi_backend::records_conformance!(MyFactory::new());
//! ```
//!
//! which makes a test of each case, run on tokio with several threads. A case panics when a promise is broken.

#![expect(clippy::unwrap_used, reason = "a conformance case is a test: it fails by panicking")]

pub mod blobs;
pub mod bus;
pub mod records;

/// Makes a test of each named case of a module; the other macros of this module call it.
#[macro_export]
macro_rules! conformance_cases {
    ($module:ident, $factory:expr, [$($case:ident),* $(,)?]) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                $crate::conformance::$module::$case(&$factory).await;
            }
        )*
    };
}
