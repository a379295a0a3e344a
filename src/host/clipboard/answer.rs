//! The one line with which the holder answers the poof that started it.

const HELD: &str = "held";
const FAILED: &str = "failed: ";

/// The line, without its newline, for an outcome or the reason against it.
pub fn write(outcome: Result<(), String>) -> String {
    match outcome {
        Ok(()) => HELD.to_owned(),
        Err(reason) => FAILED.to_owned() + &reason.replace(['\n', '\r'], " "),
    }
}

/// # Errors
/// The reason why the text is not held.
pub fn read(line: &str) -> Result<(), String> {
    let line = line.trim_end();
    match line.strip_prefix(FAILED) {
        _ if line == HELD => Ok(()),
        Some(reason) => Err(reason.to_owned()),
        // It died, or the program at our path is another one by now.
        None => Err("the process that should hold it ended at once".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_holder_answers_arrives() {
        assert_eq!(read(&write(Ok(()))), Ok(()));
        assert_eq!(read(&write(Err("no\nserver".to_owned()))), Err("no server".to_owned()));
    }

    #[test]
    fn a_holder_that_dies_silently_is_a_failure() {
        assert!(read("").is_err());
        assert!(read("usage: something else\n").is_err());
    }
}
