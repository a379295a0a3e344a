//! The drawing of the layers, as documents have it.

/// The layers of a line like `main, lib ─► entry ─► commands`, from top to bottom, or
/// none if it draws none.
fn layers(line: &str) -> Option<Vec<Vec<String>>> {
    let line = line.trim_start_matches("//!").trim();
    let drawn = line.starts_with("main") && line.contains("─►");
    let layer = |part: &str| part.split(',').map(|room| room.trim().to_owned()).collect();
    drawn.then(|| line.split("─►").map(layer).collect())
}

/// What is wrong with the drawing of `text`: there has to be one, and it has to show just
/// these layers. Within one the order is free.
pub fn fault(text: &str, wanted: &[&[&str]]) -> Option<String> {
    let drawn: Vec<_> = text.lines().filter_map(layers).collect();
    let [drawn] = &drawn[..] else {
        return Some(format!("{} drawings of the layers, and not one", drawn.len()));
    };
    let sorted = |mut layer: Vec<String>| {
        layer.sort();
        layer
    };
    let drawn: Vec<_> = drawn.iter().cloned().map(sorted).collect();
    let wanted: Vec<_> = wanted
        .iter()
        .map(|layer| sorted(layer.iter().map(|&room| room.to_owned()).collect()))
        .collect();
    (drawn != wanted).then(|| format!("it draws {drawn:?}, and the rule is {wanted:?}"))
}
