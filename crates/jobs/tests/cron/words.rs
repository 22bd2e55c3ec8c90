//! Expressions in words, in both languages, against a committed table.

use jobs::cron::{Cron, Locale};

const WORDS: &str = include_str!("data/words.tsv");

#[test]
fn expressions_read_as_the_table_says() {
    let mut seen = 0;
    for line in WORDS.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [expression, english, chinese] = columns[..] else { panic!("three columns: {line}") };
        let cron = Cron::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        assert_eq!(cron.describe(Locale::En), english, "{expression}");
        assert_eq!(cron.describe(Locale::Zh), chinese, "{expression}");
        seen += 1;
    }
    assert!(seen >= 60, "{seen} expressions in words");
}
