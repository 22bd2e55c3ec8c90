//! Names that look like a setting but are none.

use super::{
    layers::Source,
    table::{SETTINGS, find, find_file},
};

/// Names that other systems use for the same thing.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("DB_NAME", "DB_DATABASE"),
    ("REDIS_DB", "REDIS_DATABASE"),
    ("SECRET_KEY", "JWT_SECRET_KEY"),
    ("ALLOWED_ORIGINS", "CORS_ORIGINS"),
    ("FROM_EMAIL", "DEFAULT_FROM_EMAIL"),
];

/// What every warning of this module says.
pub const MEANT: &str = "did you mean";

/// One warning per name that is close to a known one, in the order of the names.
pub fn warnings<'a>(names: impl Iterator<Item = (&'a str, &'a Source)>) -> Vec<String> {
    let mut found: Vec<String> = names
        .filter_map(|(name, source)| {
            let meant = suggestion(name)?;
            Some(format!("{name} ({source}) is not a setting and has no effect; {MEANT} {meant}?"))
        })
        .collect();
    found.sort();
    found
}

/// The setting that an unknown name was probably meant to be.
pub fn suggestion(name: &str) -> Option<String> {
    if find(name).is_some() || find_file(name).is_some() || name.len() < 5 {
        return None;
    }
    if let Some((_, meant)) = OTHER_NAMES.iter().find(|(other, _)| *other == name) {
        return Some((*meant).to_owned());
    }
    if let Some(base) = name.strip_suffix("_FILE") {
        return match find(base) {
            Some(open) => Some(format!("{} (only secrets are read from files)", open.name)),
            None => suggestion(base).map(|meant| format!("{meant}_FILE")),
        };
    }
    let upper = name.to_ascii_uppercase();
    let limit = if name.len() < 8 { 1 } else { 2 };
    let distance = |known: &str| match known {
        known if upper.len() >= 7 && known.starts_with(&upper) => 1,
        known => strsim::damerau_levenshtein(&upper, known),
    };
    SETTINGS
        .iter()
        .map(|setting| (distance(setting.name), setting.name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    #[test]
    fn misspelt_and_foreign_names_are_recognised() {
        for (wrong, meant) in [
            ("APP_PROT", "APP_PORT"),
            ("JWT_SECRET", "JWT_SECRET_KEY"),
            ("DB_USER", "DB_USERNAME"),
            ("DB_NAME", "DB_DATABASE"),
            ("REDIS_DB", "REDIS_DATABASE"),
            ("app_port", "APP_PORT"),
            ("DATABSE_URL", "DATABASE_URL"),
            ("ENCRYPTION_KEYS_FILE", "ENCRYPTION_KEY_FILE"),
        ] {
            assert_eq!(suggestion(wrong).as_deref(), Some(meant), "{wrong}");
        }
    }

    #[test]
    fn known_and_unrelated_names_are_left_alone() {
        for name in
            ["APP_PORT", "DB_PASSWORD_FILE", "PATH", "HOME", "LANG", "XDG_DATA_DIRS", "HOSTNAME", "SHLVL"]
        {
            assert_eq!(suggestion(name), None, "{name}");
        }
        assert!(suggestion("APP_PORT_FILE").expect("reported").contains("only secrets"));
    }
}
