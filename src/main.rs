//! The program: arguments in, exit code out. Everything else is in the library.

/// Gives memory back after a burst. A daemon that links a month at once would keep for ever what it
/// needed then: measured 263 MB kept of which 188 MB were free.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    ringledger::cli::main()
}
