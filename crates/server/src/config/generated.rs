//! The secrets that dev makes for itself, once, and keeps in `<DATA_DIR>/secrets.json`.

use std::{
    collections::BTreeMap,
    io::Write,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The settings whose values are made.
pub const NAMES: &[&str] = &["ENCRYPTION_KEY", "JWT_SECRET_KEY", "SETUP_TOKEN"];

type Secrets = BTreeMap<String, String>;

/// Where they lie.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("secrets.json")
}

/// Makes the folder if it is missing and proves that files can be made in it.
pub fn ensure_data_dir(data_dir: &Path) -> Result<(), String> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .and_then(|()| tempfile::NamedTempFile::new_in(data_dir))
        .map(drop)
        .map_err(|error| cannot_write(data_dir, &error))
}

fn cannot_write(data_dir: &Path, error: &std::io::Error) -> String {
    let (dir, kind) = (data_dir.display(), error.kind());
    format!(
        "DATA_DIR {dir} cannot be written ({kind}): make it a folder that this user owns, or set DATA_DIR to another one"
    )
}

/// The secrets that exist, without making any.
pub fn peek(data_dir: &Path) -> Result<Option<Secrets>, String> {
    let path = path(data_dir);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(format!(
                "{} belongs to another user; start as that user or set DATA_DIR",
                path.display()
            ));
        }
        Err(error) => return Err(cannot_write(data_dir, &error)),
    };
    serde_json::from_str(&text).map(Some).map_err(|_| {
        let path = path.display();
        format!("{path} is damaged: restore it from a backup; without it, what its ENCRYPTION_KEY encrypted is lost")
    })
}

/// The secrets, made now if they are missing. Two processes that start together end up with
/// the same ones: the file appears whole or not at all.
pub fn load_or_make(data_dir: &Path) -> Result<Secrets, String> {
    for _ in 0..3 {
        let known = peek(data_dir)?;
        if let Some(secrets) =
            known.as_ref().filter(|secrets| NAMES.iter().all(|name| secrets.contains_key(*name)))
        {
            return Ok(secrets.clone());
        }
        ensure_data_dir(data_dir)?;
        let fresh = known.is_none();
        let mut secrets = known.unwrap_or_default();
        for name in NAMES {
            secrets.entry((*name).to_owned()).or_insert_with(base::random::token);
        }
        if write(data_dir, &secrets, fresh).map_err(|error| cannot_write(data_dir, &error))? {
            return Ok(secrets);
        }
    }
    Err(format!("{} changes while it is read; start again", path(data_dir).display()))
}

/// Writes the file with mode 0600; `false` when another process was first.
fn write(data_dir: &Path, secrets: &Secrets, fresh: bool) -> std::io::Result<bool> {
    let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o600))?;
    serde_json::to_writer_pretty(&mut file, secrets)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    if !fresh {
        file.persist(path(data_dir)).map_err(|error| error.error)?;
        return Ok(true);
    }
    match file.persist_noclobber(path(data_dir)) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// A warning when others may read the file.
pub fn exposure(data_dir: &Path) -> Option<String> {
    let path = path(data_dir);
    let mode = std::fs::metadata(&path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0)
        .then(|| format!("{} can be read by others (mode {mode:o}): chmod 600 it", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_made_once_and_for_the_owner_only() {
        let dir = tempfile::tempdir().expect("folder");
        let data = dir.path().join("a/b");
        assert_eq!(peek(&data), Ok(None));
        let first = load_or_make(&data).expect("made");
        assert_eq!(load_or_make(&data).expect("kept"), first);
        assert!(first.values().all(|secret| secret.len() == 43));
        let mode = std::fs::metadata(path(&data)).expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(exposure(&data), None);
    }

    #[test]
    fn parallel_starts_agree() {
        let dir = tempfile::tempdir().expect("folder");
        let made: Vec<Secrets> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| load_or_make(dir.path()).expect("made"))).collect();
            threads.into_iter().map(|thread| thread.join().expect("joined")).collect()
        });
        assert!(made.iter().all(|secrets| *secrets == made[0]));
        assert_eq!(std::fs::read_dir(dir.path()).expect("folder").count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_missing_secret_is_added_and_a_damaged_file_is_not_touched() {
        let dir = tempfile::tempdir().expect("folder");
        std::fs::write(path(dir.path()), r#"{"JWT_SECRET_KEY":"kept"}"#).expect("written");
        assert!(exposure(dir.path()).is_some());
        assert_eq!(
            load_or_make(dir.path()).expect("made").get("JWT_SECRET_KEY").map(String::as_str),
            Some("kept")
        );
        std::fs::write(path(dir.path()), "{").expect("written");
        assert!(load_or_make(dir.path()).expect_err("damaged").contains("damaged"));
    }

    #[test]
    fn a_folder_that_cannot_be_written_says_what_to_do() {
        let file = tempfile::NamedTempFile::new().expect("file");
        let message = load_or_make(&file.path().join("data")).expect_err("not a folder");
        assert!(message.contains("DATA_DIR"), "{message}");
        assert!(message.contains("set DATA_DIR to another one"), "{message}");
        assert!(!message.contains('\n'));
    }
}
