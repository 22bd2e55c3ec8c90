//! Where the commands that set a password take it from.

use std::io::BufRead;

use base::Secret;

use super::failure::Failure;

/// A password for somebody.
#[derive(Debug)]
pub struct NewPassword {
    /// The password.
    pub secret: Secret,
    /// Whether it was made here, so that it must be printed once.
    pub generated: bool,
}

/// From standard input when asked to, else from SUPERUSER_PASSWORD, else a random one.
pub fn new_password(from_stdin: bool, configured: Option<&Secret>) -> Result<NewPassword, Failure> {
    if from_stdin {
        return read(&mut std::io::stdin().lock());
    }
    Ok(match configured {
        Some(secret) => NewPassword { secret: secret.clone(), generated: false },
        None => NewPassword { secret: Secret::from(base::random::token()), generated: true },
    })
}

fn read(input: &mut dyn BufRead) -> Result<NewPassword, Failure> {
    let mut line = String::new();
    input
        .read_line(&mut line)
        .map_err(|error| Failure::failed(format!("standard input cannot be read: {error}")))?;
    let password = line.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        return Err(Failure::refused("--password-stdin: the first line of standard input is empty"));
    }
    Ok(NewPassword { secret: Secret::from(password), generated: false })
}

#[cfg(test)]
mod tests {
    use base::secret::ExposeSecret;

    use super::*;

    #[test]
    fn the_first_line_is_the_password() {
        let found = read(&mut b" pass word \r\nnext".as_slice()).expect("read");
        assert_eq!((found.secret.expose_secret(), found.generated), (" pass word ", false));
        assert!(read(&mut b"\n".as_slice()).is_err());
        let made = new_password(false, None).expect("made");
        assert!(made.generated && made.secret.expose_secret().len() == 43);
    }
}
