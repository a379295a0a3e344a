//! A command that a text shows works as it stands there: it names the configuration that the
//! text is of.

use super::event::Event;

/// `text` with `options` in each command of poof between backticks.
pub fn with_options(text: &str, options: &str) -> String {
    const BEGINNING: &str = "`poof ";
    if options.is_empty() {
        return text.to_owned();
    }
    let mut parts = text.split(BEGINNING);
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        all.push_str(BEGINNING);
        // One with options of its own is of another configuration.
        if part.starts_with(|first: char| first.is_ascii_lowercase()) {
            all.push_str(options);
            all.push(' ');
        }
        all.push_str(part);
    }
    all
}

/// Whether what is said of an event is the user's: names and contents, as they are.
pub fn is_of_user(event: &Event) -> bool {
    use Event as E;
    matches!(
        event,
        E::Completions { .. }
            | E::Difference { .. }
            | E::Entry(_)
            | E::File { .. }
            | E::FileTrace(_)
            | E::Finding(_)
            | E::Help { .. }
            | E::Man { .. }
            | E::Path { .. }
            | E::Plan { .. }
            | E::Revision(_)
    )
}

/// The event, where programs are told commands in a text of it.
pub fn addressed(event: &Event, options: &str) -> Option<Event> {
    let of = |text: &String| with_options(text, options);
    match event {
        _ if options.is_empty() => None,
        Event::Warning { message } => Some(Event::Warning { message: of(message) }),
        Event::Doubt { what, exposes, residue } => {
            Some(Event::Doubt { what: of(what), exposes: *exposes, residue: *residue })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_the_options() {
        let of = |text| with_options(text, "--profile disk");
        let text = "See docs. `poof backup`, then `poof check --read-data`.";
        let told = "See docs. `poof --profile disk backup`, then `poof --profile disk check \
                    --read-data`.";
        assert_eq!(of(text), told);
        assert_eq!(of(told), told);
        assert_eq!(with_options(text, ""), text);
        for other in ["`poof.conf`", "poof backup", "`poof `", "`poof"] {
            assert_eq!(of(other), other);
        }
    }
}
