//! Makes sure that the folder of the built console exists, so that a plain `cargo build` works
//! without Node: until the console is built, the page in it says how to build it.

use std::{env, fs, path::Path};

const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tenon</title>\
<p>The console has not been built. Run <code>cargo xtask run</code>, which builds and serves it.</p>\
<p>The API is at <a href=\"/docs\">/docs</a>.</p></html>\n";

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script where it is by the environment")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let Some(manifest) = env::var_os("CARGO_MANIFEST_DIR") else { return };
    let dist = Path::new(&manifest).join("../../console/dist");
    let index = dist.join("index.html");
    if !index.exists() && fs::create_dir_all(&dist).is_ok() && fs::write(&index, PLACEHOLDER).is_err() {
        println!("cargo:warning=the console's folder cannot be written");
    }
}
