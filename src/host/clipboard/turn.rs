//! Whose turn it is on a pasteboard: macOS keeps a copied text itself, and counts each new
//! content. The number tells whether ours is still there, without a look at it, which
//! would make macOS ask the user about it.

/// A pasteboard, as far as it matters here.
pub trait Board {
    /// The number of its content.
    fn number(&self) -> isize;

    /// Takes the text, and says with which number.
    ///
    /// # Errors
    /// Why it does not.
    fn put(&self, text: &str) -> Result<isize, String>;

    fn clear(&self);
}

/// The number of what this process has put there, if it has.
pub struct Turn(Option<isize>);

impl Turn {
    pub const NONE: Turn = Turn(None);

    /// # Errors
    /// The text is not there, and nothing of it.
    pub fn take(&mut self, board: &impl Board, text: &str) -> Result<(), String> {
        match board.put(text) {
            Ok(number) => {
                self.0 = Some(number);
                Ok(())
            }
            Err(reason) => {
                board.clear();
                Err(reason)
            }
        }
    }

    /// Whether what it took is still there.
    pub fn lasts(&self, board: &impl Board) -> bool {
        self.0.is_some_and(|ours| board.number() == ours)
    }

    /// Takes away what it took, and nothing that came afterwards.
    pub fn end(&mut self, board: &impl Board) {
        if self.lasts(board) {
            board.clear();
        }
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[derive(Default)]
    struct Fake {
        content: RefCell<(isize, String)>,
        breaks: bool,
    }

    impl Fake {
        fn copied(&self, text: &str) -> isize {
            let mut content = self.content.borrow_mut();
            *content = (content.0 + 1, text.to_owned());
            content.0
        }

        fn text(&self) -> String {
            self.content.borrow().1.clone()
        }
    }

    impl Board for Fake {
        fn number(&self) -> isize {
            self.content.borrow().0
        }

        fn put(&self, text: &str) -> Result<isize, String> {
            let number = self.copied(text);
            if self.breaks { Err("half of it".to_owned()) } else { Ok(number) }
        }

        fn clear(&self) {
            self.copied("");
        }
    }

    #[test]
    fn what_it_took_goes_when_its_turn_is_over() {
        let (board, mut turn) = (Fake::default(), Turn::NONE);
        assert!(!turn.lasts(&board), "it took nothing yet");
        turn.take(&board, "secret").unwrap();
        assert!(turn.lasts(&board));
        turn.end(&board);
        assert_eq!(board.text(), "");
        assert!(!turn.lasts(&board));
    }

    #[test]
    fn what_was_copied_afterwards_stays_even_if_it_is_the_same() {
        for other in ["another", "secret"] {
            let (board, mut turn) = (Fake::default(), Turn::NONE);
            turn.take(&board, "secret").unwrap();
            board.copied(other);
            assert!(!turn.lasts(&board), "{other}");
            turn.end(&board);
            assert_eq!(board.text(), other);
        }
    }

    #[test]
    fn without_a_turn_nothing_is_taken_away() {
        let board = Fake::default();
        board.copied("somebody's");
        let mut turn = Turn::NONE;
        turn.end(&board);
        assert_eq!(board.text(), "somebody's");
    }

    #[test]
    fn nothing_stays_of_what_was_taken_in_half() {
        let (board, mut turn) = (Fake { breaks: true, ..Fake::default() }, Turn::NONE);
        assert!(turn.take(&board, "secret").is_err());
        assert_eq!(board.text(), "");
        assert!(!turn.lasts(&board));
    }
}
