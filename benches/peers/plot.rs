//! The table as a picture: for each world and job a group of bars, on a
//! logarithmic axis.

use std::fmt::Write;

use crate::Cell;
use crate::program::{PROGRAMS, Program};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 210.0;
const BAR: f64 = 9.0;
/// Seconds at the left end.
const START: f64 = 0.05;
/// From there to the right end.
const DECADES: f64 = 4.0;

pub fn svg(cells: &[Cell]) -> String {
    let mut groups: Vec<(String, Vec<&Cell>)> = Vec::new();
    for cell in cells {
        let name = format!("{}: {}", cell.world, cell.job);
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, group)) => group.push(cell),
            None => groups.push((name, vec![cell])),
        }
    }
    let mut body = String::new();
    let mut y = 50.0;
    for (name, group) in groups {
        y += BAR;
        text(&mut body, LEFT - 8.0, y + BAR, "end", &name);
        for cell in group {
            if let Some(cost) = &cell.cost {
                let seconds = cost.time.as_secs_f64();
                let width = (place(seconds) - LEFT).max(1.0);
                let fill = color(cell.program);
                let _ = writeln!(
                    body,
                    r#"<rect x="{LEFT}" y="{y}" width="{width:.1}" height="{BAR}" fill="{fill}"/>"#
                );
                let end = LEFT + width + 4.0;
                text(&mut body, end, y + BAR - 1.0, "start", &format!("{seconds:.2}"));
            }
            y += BAR;
        }
    }
    let mut head = String::new();
    for (index, program) in (0u8..).zip(PROGRAMS.into_iter().chain([Program::Shred])) {
        let x = LEFT + f64::from(index) * 110.0;
        let fill = color(program);
        let _ = writeln!(head, r#"<rect x="{x}" y="12" width="10" height="10" fill="{fill}"/>"#);
        text(&mut head, x + 14.0, 21.0, "start", &program.to_string());
    }
    for seconds in [0.1, 1.0, 10.0, 100.0] {
        let x = place(seconds);
        let _ =
            writeln!(head, r##"<line x1="{x:.1}" y1="45" x2="{x:.1}" y2="{y}" stroke="#ccc"/>"##);
        text(&mut head, x, 40.0, "middle", &format!("{seconds} s"));
    }
    let height = y + 20.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"9\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{head}{body}</svg>\n"
    )
}

fn place(seconds: f64) -> f64 {
    LEFT + (seconds / START).log10().max(0.0) / DECADES * (WIDTH - LEFT - 50.0)
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(out, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#);
}

fn color(program: Program) -> &'static str {
    match program {
        Program::Poof => "#0a7f5a",
        Program::PoofBundled => "#66c2a4",
        Program::Rclone => "#4477aa",
        Program::RcloneBest => "#88bbdd",
        Program::PythonPoof => "#ddaa33",
        Program::Restic => "#bb5566",
        Program::Shred => "#888888",
    }
}
