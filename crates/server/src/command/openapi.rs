//! `tenon openapi`: the document, without a database.

use std::path::Path;

use crate::{
    cli::{Failure, OpenapiArgs, print},
    config::{Config, Inputs},
    wiring,
};

/// Writes it to a file, or to standard output for `-`.
pub fn run(inputs: &Inputs, args: &OpenapiArgs) -> Result<(), Failure> {
    let config = Config::peek(inputs)?;
    let text = format!("{:#}\n", wiring::document(&mut wiring::api(), &config.app_name));
    if args.file == Path::new("-") {
        print(&text);
        return Ok(());
    }
    std::fs::write(&args.file, text)
        .map_err(|error| Failure::failed(format!("{} cannot be written: {error}", args.file.display())))
}
