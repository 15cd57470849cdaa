//! Who may run now.
