//! What a check found: errors fail it, warnings are only shown.

use crate::shell::Done;

/// Findings of one check.
#[derive(Default)]
pub struct Verdict {
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl Verdict {
    /// Something that must be put right.
    pub fn error(&mut self, text: impl Into<String>) {
        self.errors.push(text.into());
    }

    /// Something to know.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// Shows everything; fails when there was an error.
    pub fn end(self) -> Done {
        for warning in &self.warnings {
            println!("warning: {warning}");
        }
        for error in &self.errors {
            println!("error: {error}");
        }
        match self.errors.len() {
            0 => Ok(()),
            1 => Err("1 error, above".to_owned()),
            many => Err(format!("{many} errors, above")),
        }
    }

    /// What was found so far, for tests.
    #[cfg(test)]
    pub fn errors(&self) -> &[String] {
        &self.errors
    }
}
