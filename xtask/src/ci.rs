//! `cargo xtask ci`: what must hold before a merge, the quick things first.

use crate::{
    layers, openapi,
    shell::{Done, cargo, has, program, root, run, step, tenon_bin},
    sizes, test,
};

/// Every check; stops at the first that fails.
pub fn ci(arguments: &[String]) -> Done {
    step("format", || run(cargo(&["fmt", "--all", "--check"])))?;
    step("layers", layers::check)?;
    step("sizes", sizes::check)?;
    step("spelling", || optional("typos", "cargo install typos-cli", || run(program("typos", &[]))))?;
    step("dependencies", || optional("cargo-deny", "cargo install cargo-deny", deny))?;
    step("build", || run(cargo(&["build", "--workspace", "--all-targets"])))?;
    step("lints", || run(cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])))?;
    step("OpenAPI", openapi::check)?;
    test::test(arguments)?;
    step("schemathesis", || script("schemathesis.sh"))?;
    step("Python clients", || script("python_client.sh"))
}

/// A tool that is not on every machine; CI says so instead of failing.
fn optional(tool: &str, install: &str, check: impl FnOnce() -> Done) -> Done {
    if has(tool, "--version") {
        return check();
    }
    println!("left out: {tool} is not installed (`{install}`)");
    Ok(())
}

/// Bans, licences and sources work offline. Advisories come from the network, so they are a
/// step of their own that `deny.toml` describes.
fn deny() -> Done {
    run(program("cargo-deny", &["--offline", "check", "bans", "licenses", "sources"]))
}

/// A script of the folder `tests`, which starts the product by itself.
fn script(name: &str) -> Done {
    let script = root().join("tests").join(name);
    run(cargo(&["build", "--bin", "tenon"]))?;
    let mut command = program("bash", &[&script.to_string_lossy()]);
    command.env("TENON_BIN", tenon_bin());
    run(command)
}
