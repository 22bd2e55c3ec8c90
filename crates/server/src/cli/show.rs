//! `tenon config` and `tenon version`.

use std::io::Write;

use crate::config::{Inputs, Settings, table};

use super::{args::ConfigArgs, failure::Failure};

/// Prints every setting. Exit code 2 when a start would be refused; the reasons are in the
/// output and on standard error.
pub fn config(inputs: &Inputs, args: &ConfigArgs) -> Result<(), Failure> {
    if args.reference {
        print(&table::markdown());
        return Ok(());
    }
    let settings = Settings::inspect(inputs);
    if args.json {
        print(&format!("{:#}\n", settings.json()));
    } else {
        print(&settings.table());
    }
    settings.verdict().map_err(Failure::from)
}

/// Prints the version.
pub fn version() {
    print(concat!("tenon ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// Writes to standard output; a reader that went away (`| head`) is no failure.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
