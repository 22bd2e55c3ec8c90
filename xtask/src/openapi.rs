//! The OpenAPI document and the console's types made from it: written, or compared with what
//! is committed.

use std::path::{Path, PathBuf};

use crate::{
    console,
    shell::{Done, cargo, output, program, read, root, run, target_dir},
};

/// Where the committed files lie.
fn document() -> PathBuf {
    root().join("openapi.json")
}

fn types() -> PathBuf {
    root().join("console/src/api/schema.d.ts")
}

/// `cargo xtask openapi`.
pub fn write() -> Done {
    generate(&document())?;
    println!("wrote {}", document().display());
    if can_type()? {
        generate_types(&document(), &types())?;
        println!("wrote {}", types().display());
    }
    Ok(())
}

/// Fails when a committed file is not what the code would write now.
pub fn check() -> Done {
    let folder = target_dir().join("xtask");
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let fresh = folder.join("openapi.json");
    generate(&fresh)?;
    same(&fresh, &document())?;
    if can_type()? {
        let fresh_types = folder.join("schema.d.ts");
        generate_types(&document(), &fresh_types)?;
        same(&fresh_types, &types())?;
    }
    println!("openapi.json and schema.d.ts are what the code describes");
    Ok(())
}

fn generate(file: &Path) -> Done {
    let name = file.to_string_lossy().into_owned();
    output(cargo(&["run", "--quiet", "--bin", "tenon", "--", "openapi", "--file", &name])).map(drop)
}

/// Types are generated once the console lists their generator.
fn can_type() -> Done<bool> {
    if !console::exists()
        || !read(&console::folder().join("package.json"))?.contains("\"openapi-typescript\"")
    {
        println!("console: openapi-typescript is not among its packages, so no types are made");
        return Ok(false);
    }
    console::need_node()?;
    console::install()?;
    Ok(true)
}

fn generate_types(document: &Path, file: &Path) -> Done {
    let tool = console::folder().join("node_modules/.bin/openapi-typescript");
    let (document, file) = (document.to_string_lossy(), file.to_string_lossy());
    run(program(&tool.to_string_lossy(), &[&document, "--output", &file]))
}

fn same(fresh: &Path, committed: &Path) -> Done {
    let name = committed.strip_prefix(root()).unwrap_or(committed).display().to_string();
    let known =
        read(committed).map_err(|_| format!("{name} is missing; make it with `cargo xtask openapi`"))?;
    let fresh = read(fresh)?;
    if known == fresh {
        return Ok(());
    }
    let line = known.lines().zip(fresh.lines()).take_while(|(a, b)| a == b).count() + 1;
    Err(format!(
        "{name} differs from the code at line {line}; run `cargo xtask openapi` and commit the change"
    ))
}
