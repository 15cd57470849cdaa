use sonagi_model::Entropy;

/// The kernel's random numbers.
#[derive(Debug, Default)]
pub struct OsEntropy;

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the kernel for randomness")]
impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Linux's getrandom fails only where the system call is forbidden; going on with known bytes would be worse.
        if let Err(error) = getrandom::fill(bytes) {
            tracing::error!(%error, "no randomness to be had from the kernel");
            std::process::abort();
        }
    }
}
