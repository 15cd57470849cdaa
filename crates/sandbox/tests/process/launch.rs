//! The launcher as a program of its own, for tests.

fn main() {
    sonagi_sandbox::launcher::main()
}
