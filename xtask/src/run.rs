//! `cargo xtask run`: the whole product on this machine.

use crate::{
    console,
    shell::{Done, cargo, run as execute, step},
};

/// Builds the console if needed, then serves. With `--dev`, Vite serves the console beside it.
pub fn run(arguments: &[String]) -> Done {
    let mut dev = false;
    let mut rest = arguments.iter().map(String::as_str);
    for argument in rest.by_ref() {
        match argument {
            "--dev" => dev = true,
            "--" => break,
            other => return Err(format!("run does not know `{other}`; options of the server follow `--`")),
        }
    }
    let options: Vec<&str> = rest.collect();
    let mut vite = None;
    if dev {
        console::need_node()?;
        console::install()?;
        let child = console::npm(&["run", "dev"]).spawn();
        vite = Some(child.map_err(|error| format!("`npm run dev` cannot start: {error}"))?);
    } else {
        step("console", console::build)?;
    }
    let mut words = vec!["run", "--quiet", "--bin", "tenon", "--", "serve"];
    words.extend(options);
    let served = execute(cargo(&words));
    if let Some(mut child) = vite {
        let _ = child.kill();
        let _ = child.wait();
    }
    served
}
