//! Asking before data is destroyed.

use std::io::{BufRead, IsTerminal, Write};

use super::failure::Failure;

/// Goes on when `yes` was given or when the person at the terminal types `yes`; `what`
/// completes "This will …".
pub fn confirm(what: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::refused(format!("this will {what}; add --yes to do it without a terminal")));
    }
    eprint!("This will {what}. Type `yes` to go on: ");
    let mut answer = String::new();
    let read = std::io::stderr().flush().and_then(|()| stdin.lock().read_line(&mut answer));
    match (read, answer.trim()) {
        (Ok(_), "yes") => Ok(()),
        _ => Err(Failure::refused("nothing was done")),
    }
}
