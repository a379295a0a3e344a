//! The lines of a kit as QR codes, as many as it takes for a camera or a terminal. The texts
//! have only characters that such a code keeps in five and a half bits.

use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode, QrResult};

use crate::kit::lines::Line;

/// Lines in a code on paper: it has 57 modules a side, which a phone reads at five centimetres.
pub const ON_PAPER: usize = 5;
/// Of the empty edge at each side, in modules.
const EDGE: usize = 4;

/// Texts of codes with so many lines each. Each says which of how many it is.
pub fn texts(lines: &[Line], each: usize) -> Vec<String> {
    let parts = lines.chunks(each.max(1));
    let count = parts.len();
    let text = |(number, part): (usize, &[Line])| {
        let part: Vec<_> = part.iter().map(Line::for_code).collect();
        format!("POOF KIT {number}/{count} {}", part.join(" "))
    };
    (1..).zip(parts).map(text).collect()
}

/// A drawing for a page.
///
/// # Errors
/// The text is too long for a code.
pub fn drawn(text: &str) -> QrResult<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let drawing = code.render::<svg::Color>().module_dimensions(1, 1).build();
    // In a page it is no document of its own.
    Ok(drawing.split_once("?>").map_or(drawing.clone(), |(_, svg)| svg.to_owned()))
}

/// Images for a terminal, with as many lines of the kit in each as its columns and rows have
/// room for; None: it is too small for one.
pub fn shown(lines: &[Line], columns: u16, rows: u16) -> Option<Vec<String>> {
    let codes = (1..=lines.len()).rev().find_map(|each| {
        let codes = texts(lines, each).into_iter().map(|text| {
            let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
            let size = code.width() + 2 * EDGE;
            (size <= usize::from(columns) && size.div_ceil(2) <= usize::from(rows)).then_some(code)
        });
        codes.collect::<Option<Vec<_>>>()
    })?;
    let (dark, light) = (unicode::Dense1x2::Light, unicode::Dense1x2::Dark);
    let image = |code: &QrCode| {
        code.render::<unicode::Dense1x2>().dark_color(dark).light_color(light).build()
    };
    Some(codes.iter().map(image).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::lines;
    use qrcode::Version;

    fn lines(size: u8) -> Vec<Line> {
        lines::of(&(0..size).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn codes_on_paper_are_small_and_say_which_of_how_many_they_are() {
        let all = texts(&lines(250), ON_PAPER);
        assert_eq!(all.len(), 2);
        assert!(all[0].starts_with("POOF KIT 1/2 01") && all[1].starts_with("POOF KIT 2/2 06"));
        for text in &all {
            let code = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
            assert!(matches!(code.version(), Version::Normal(1..=10)), "{:?}", code.version());
            let drawing = drawn(text).unwrap();
            assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>"));
        }
    }

    #[test]
    fn codes_fit_a_terminal_however_small_it_is() {
        let lines = lines(250);
        let count = |columns, rows| {
            let images = shown(&lines, columns, rows)?;
            for image in &images {
                assert!(image.lines().count() <= rows.into());
                assert!(image.lines().all(|line| line.chars().count() <= columns.into()));
            }
            Some(images.len())
        };
        assert_eq!(
            [count(200, 60), count(80, 23), count(40, 60), count(36, 60)],
            [Some(1), Some(5), Some(9), None]
        );
        assert_eq!(count(200, 10), None);
    }
}
