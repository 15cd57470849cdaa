//! What the platform writes into a function's log.
