//! What is wrong with a text that is not JSON, in the words of Python's decoder, with the position in
//! characters. Reached only after the real parser has refused the text.

/// Where and why.
pub fn explain(text: &[u8]) -> (usize, &'static str) {
    let Ok(text) = std::str::from_utf8(text) else { return (0, "invalid start byte") };
    let characters: Vec<char> = text.chars().collect();
    let mut reader = Reader { text: &characters, at: 0 };
    reader.blanks();
    match reader.value(0) {
        Err(problem) => problem,
        Ok(()) => {
            reader.blanks();
            (reader.at, "Extra data")
        }
    }
}

type Problem = (usize, &'static str);

/// Depth at which Python gives up, roughly.
const DEPTH: usize = 500;

struct Reader<'a> {
    text: &'a [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }
    fn blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }
    fn starts_with(&self, word: &str) -> bool {
        word.chars().enumerate().all(|(offset, c)| self.text.get(self.at + offset) == Some(&c))
    }

    fn value(&mut self, depth: usize) -> Result<(), Problem> {
        if depth > DEPTH {
            return Err((self.at, "Expecting value"));
        }
        match self.peek() {
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"') => {
                self.at += 1;
                self.string()
            }
            _ => self.word_or_number(),
        }
    }

    fn word_or_number(&mut self) -> Result<(), Problem> {
        for word in ["null", "true", "false"] {
            if self.starts_with(word) {
                self.at += word.len();
                return Ok(());
            }
        }
        let begin = self.at;
        if self.peek() == Some('-') {
            self.at += 1;
        }
        let digits = |reader: &mut Self| {
            let from = reader.at;
            while reader.peek().is_some_and(|c| c.is_ascii_digit()) {
                reader.at += 1;
            }
            reader.at > from
        };
        if self.peek() == Some('0') {
            self.at += 1;
        } else if !digits(self) {
            self.at = begin;
            return Err((begin, "Expecting value"));
        }
        let back = self.at;
        if self.peek() == Some('.') {
            self.at += 1;
            if !digits(self) {
                self.at = back;
            }
        }
        let back = self.at;
        if matches!(self.peek(), Some('e' | 'E')) {
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            if !digits(self) {
                self.at = back;
            }
        }
        Ok(())
    }

    /// After the opening quote.
    fn string(&mut self) -> Result<(), Problem> {
        let begin = self.at - 1;
        loop {
            match self.peek() {
                None => return Err((begin, "Unterminated string starting at")),
                Some('"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') => {
                    let escape = self.at;
                    self.at += 1;
                    match self.peek() {
                        None => return Err((begin, "Unterminated string starting at")),
                        Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => self.at += 1,
                        Some('u') => {
                            let four = self.text.get(self.at + 1..self.at + 5);
                            if !four.is_some_and(|four| four.iter().all(char::is_ascii_hexdigit)) {
                                return Err((escape + 1, "Invalid \\uXXXX escape"));
                            }
                            self.at += 5;
                        }
                        Some(_) => return Err((escape, "Invalid \\escape")),
                    }
                }
                Some(c) if (c as u32) < 0x20 => return Err((self.at, "Invalid control character at")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), Problem> {
        const NAME: &str = "Expecting property name enclosed in double quotes";
        self.at += 1;
        self.blanks();
        if self.peek() == Some('}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek() != Some('"') {
                return Err((self.at, NAME));
            }
            self.at += 1;
            self.string()?;
            self.blanks();
            if self.peek() != Some(':') {
                return Err((self.at, "Expecting ':' delimiter"));
            }
            self.at += 1;
            self.blanks();
            self.value(depth + 1)?;
            self.blanks();
            match self.peek() {
                Some(',') => self.at += 1,
                Some('}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err((self.at, "Expecting ',' delimiter")),
            }
            self.blanks();
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Problem> {
        self.at += 1;
        self.blanks();
        if self.peek() == Some(']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            self.blanks();
            match self.peek() {
                Some(',') => self.at += 1,
                Some(']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err((self.at, "Expecting ',' delimiter")),
            }
            self.blanks();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::explain;

    #[test]
    fn positions_and_words_are_those_of_python() {
        // As `json.loads` of Python 3.11 says them.
        for (text, at, why) in [
            ("{bad", 1, "Expecting property name enclosed in double quotes"),
            ("", 0, "Expecting value"),
            ("{\"a\" 1}", 5, "Expecting ':' delimiter"),
            ("{\"a\":1 2}", 7, "Expecting ',' delimiter"),
            ("[1,]", 3, "Expecting value"),
            ("{} x", 3, "Extra data"),
            ("{\"a\":\"x", 5, "Unterminated string starting at"),
            ("{\"a\":NaN}", 5, "Expecting value"),
            ("{\"é\":nul}", 5, "Expecting value"),
        ] {
            assert_eq!(explain(text.as_bytes()), (at, why), "{text}");
        }
    }
}
