//! A kit on paper: its page, its codes and its lines are read back by others than who wrote
//! them, with the mistakes that people and scanners make.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rqrr::PreparedImage;

use crate::farewell::{PHRASE, installed, poof, safe};
use crate::harness::{Lacks, Sandbox, Snapshot, Terminal, assert_same_content, skipped};
use crate::homecoming::{bare, returned};
use crate::story::encrypted;

fn line_of(args: &str) -> String {
    format!("{} {args}", env!("CARGO_BIN_EXE_poof"))
}

/// A backup, and the page of its kit.
fn page(files: usize) -> (Sandbox, PathBuf) {
    let sandbox = encrypted(files);
    sandbox.poof(["backup"]).run().expect_code(0);
    let page = printed(&sandbox);
    (sandbox, page)
}

fn printed(sandbox: &Sandbox) -> PathBuf {
    let safe = safe(sandbox);
    let (page, phrase) = (safe.join("kit.html"), safe.join("phrase"));
    let args = ["kit", "--print", page.to_str().unwrap(), "--phrase-file"];
    sandbox.poof(args).args([phrase]).run().expect_code(0).stderr_has("Open the page in a browser");
    page
}

/// The numbered lines of a page.
fn lines(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let (_, rest) = text.split_once("<pre>\n").unwrap();
    rest.split_once("\n</pre>").unwrap().0.lines().map(str::to_owned).collect()
}

/// Reads a code by a library that poof does not use. Dark modules are true.
fn decoded(modules: &[Vec<bool>]) -> String {
    const SCALE: usize = 4;
    let (width, height) = (modules[0].len() * SCALE, modules.len() * SCALE);
    let shade = |x: usize, y: usize| if modules[y / SCALE][x / SCALE] { 0 } else { 255 };
    let mut image = PreparedImage::prepare_from_greyscale(width, height, shade);
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1);
    grids[0].decode().unwrap().1
}

/// The texts of the codes that are drawn on a page.
fn codes(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let mut texts = Vec::new();
    for svg in text.split("<svg ").skip(1) {
        let number = |name: &str| -> usize {
            let (_, rest) = svg.split_once(&format!("{name}=\"")).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        let mut modules = vec![vec![false; number("width")]; number("height")];
        let (_, path) = svg.split_once(" d=\"").unwrap();
        for dark in path.split('"').next().unwrap().split('M').skip(1) {
            let numbers: Vec<usize> = dark
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect();
            let [x, y, w, h] = numbers[..4] else { panic!("{dark}") };
            for row in &mut modules[y..y + h] {
                row[x..x + w].fill(true);
            }
        }
        texts.push(decoded(&modules));
    }
    texts
}

/// The codes in what a terminal shows, of half blocks: a light module is drawn.
fn on_screen(rows: &[String]) -> Vec<String> {
    let is_drawn = |row: &String| row.starts_with(['█', '▀', '▄']);
    let blocks = rows.chunk_by(|one, next| is_drawn(one) == is_drawn(next));
    let modules = blocks.filter(|block| is_drawn(&block[0])).map(|block| {
        let rows = block.iter().flat_map(|row| {
            let upper: Vec<_> = row.chars().map(|c| !matches!(c, '█' | '▀')).collect();
            let lower: Vec<_> = row.chars().map(|c| !matches!(c, '█' | '▄')).collect();
            [upper, lower]
        });
        let rows: Vec<_> = rows.collect();
        decoded(&rows)
    });
    modules.collect()
}

#[test]
fn a_kit_on_paper_comes_back_from_its_page_its_codes_and_its_lines() {
    let (sandbox, page) = page(5);
    let phrase = page.with_file_name("phrase");
    assert_eq!(fs::metadata(&page).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&page).unwrap();
    let secret = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let secrets = secret.lines().filter_map(|line| line.split_once(" = "));
    for (key, value) in secrets.filter(|(key, _)| key.contains("pass") || key.contains("secret")) {
        assert!(!text.contains(value), "{key} is on the page");
    }
    assert!(!text.contains(PHRASE) && text.contains(sandbox.bucket()), "{text}");
    let original = Snapshot::of(&sandbox.data());
    // The page itself; `return` counts as a kit afterwards, as long as it fits.
    let machine = bare();
    let program = installed(&machine);
    returned(&machine, &page, &phrase, &[]).expect_code(0);
    assert_same_content(&original, &Snapshot::of(&machine.data()));
    machine.poof(["status"]).run().expect_code(0).stdout_has(", fits (");
    let conf = machine.confdir().join("poof.conf");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, text.replace("\"remote\"", " \"remote\"")).unwrap();
    poof(&machine, &program, &["neuter", "--yes"])
        .run()
        .expect_code(7)
        .stderr_has("--allow no-kit");
    fs::write(&conf, text).unwrap();
    poof(&machine, &program, &["neuter", "--yes"]).run().expect_code(0);
    // The codes in any order, one of them twice, from standard input.
    let mut codes = codes(&page);
    assert!(codes.len() > 2 && codes[1].starts_with("POOF KIT 2/"), "{codes:?}");
    codes.reverse();
    codes.push(codes[0].clone());
    let machine = bare();
    let args = ["return", "-", "--phrase-file", phrase.to_str().unwrap()];
    machine.poof(args).stdin(codes.join("\n")).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&machine.data()));
    machine.poof(["status"]).run().expect_code(0).stdout_has(", fits (on paper)");
    // The lines, joined, in small letters, among other words.
    let typed = page.with_file_name("typed");
    fs::write(&typed, format!("My kit:\n{}\n", lines(&page).join(" ").to_lowercase())).unwrap();
    let machine = bare();
    returned(&machine, &typed, &phrase, &[]).expect_code(0);
    assert_same_content(&original, &Snapshot::of(&machine.data()));
}

/// The line with another character in its fourth group.
fn mistyped(line: &str) -> String {
    let other = if &line[22..23] == "X" { "Y" } else { "X" };
    format!("{}{other}{}", &line[..22], &line[23..])
}

#[test]
fn what_is_wrong_on_paper_is_named_and_the_machine_is_bare_as_before() {
    let (sandbox, page) = page(3);
    let phrase = page.with_file_name("phrase");
    let right = lines(&page);
    let write = |name: &str, lines: &[String]| {
        let path = page.with_file_name(name);
        fs::write(&path, lines.join("\n")).unwrap();
        path
    };
    let mut wrong = right.clone();
    wrong[6] = mistyped(&right[6]);
    wrong.remove(3);
    let wrong = write("wrong", &wrong);
    let half = write("half", &right[2..9]);
    let other = encrypted(1);
    let theirs = lines(&printed(&other));
    let mixed = write("mixed", &[&right[..4], &theirs[4..]].concat());
    let machine = bare();
    for (kit, says) in [
        (&wrong, "line 7 is wrong, and line 4 is missing"),
        (&half, "lines 1 to 2 and what comes after 9 are missing"),
        (&mixed, "these are two kits: lines 5 to "),
    ] {
        let run = returned(&machine, kit, &phrase, &[]).expect_code(3);
        assert!(run.stderr.contains(says), "{says}: {run}");
        assert!(!machine.confdir().exists(), "{run}");
    }
    let run = returned(&machine, &wrong, &phrase, &[]).expect_code(3);
    run.stderr_has("line 7 is wrong in group 4: ");
    // A right copy of a line is enough.
    let both = write("both", &[lines(&wrong_page(&page)), right].concat());
    returned(&machine, &both, &phrase, &[]).expect_code(0);
    let args = ["return", "-", "--phrase-file", "-"];
    machine.poof(args).run().expect_code(2).stderr_has("cannot be both kit and phrase");
    machine.poof(["return", "--type"]).run().expect_code(2).stderr_has("nobody to type the kit");
    machine.poof(["return", "--type", "kit"]).run().expect_code(2);
    machine.poof(["return"]).run().expect_code(2);
    // A page replaces a page of this configuration, and nothing else.
    printed(&sandbox);
    let print = |path: &Path, more: &[&str]| {
        let args = ["kit", "--phrase-file", phrase.to_str().unwrap(), "--print"];
        sandbox.poof(args).args([path]).args(more).run()
    };
    print(&phrase, &[]).expect_code(7).stderr_has("exists and is no kit");
    let args = [page.to_str().unwrap()];
    print(&page, &args).expect_code(2).stderr_has("cannot be one file");
    print(&sandbox.data().join("kit.html"), &[]).expect_code(0).stderr_has("the page is in ");
}

/// A copy of the page with a mistake in each line.
fn wrong_page(page: &Path) -> PathBuf {
    let mut text = fs::read_to_string(page).unwrap();
    for line in lines(page) {
        text = text.replace(&line, &mistyped(&line));
    }
    let copy = page.with_file_name("copy.html");
    fs::write(&copy, text).unwrap();
    copy
}

const WORDS: &str = "abandon ability able about above absent absorb abstract absurd abuse";

#[test]
fn lines_and_the_phrase_are_typed_with_mistakes() {
    let sandbox = encrypted(3);
    sandbox.poof(["backup"]).run().expect_code(0);
    let phrase = safe(&sandbox).join("words");
    let page = safe(&sandbox).join("kit.html");
    fs::write(&phrase, WORDS).unwrap();
    let args = ["kit", "--phrase-file", phrase.to_str().unwrap(), "--print"];
    sandbox.poof(args).args([&page]).run().expect_code(0);
    let right = lines(&page);
    let machine = bare();
    let terminal = Terminal::open(&machine, 100);
    let ends =
        |end: String| move |rows: &[String]| rows.last().is_some_and(|row| row.ends_with(&end));
    let shows =
        |text: &'static str| move |rows: &[String]| rows.iter().any(|row| row.contains(text));
    terminal.enter(&line_of("return --type --yes"));
    terminal.until("it asks for a line", ends("line 1:".to_owned()));
    terminal.enter(&mistyped(&right[0]));
    terminal.until("the mistake is named", shows("Not taken: line 1 is wrong in group 4"));
    terminal.enter(&right[0].to_lowercase().replace(' ', ""));
    terminal.until("it goes on", ends(format!("line 2 of {}:", right.len())));
    // Without its number, and then two at once.
    terminal.enter(right[1].split_once("  ").unwrap().1);
    terminal.until("it goes on", ends(format!("line 3 of {}:", right.len())));
    terminal.enter(&right[3..5].concat());
    terminal.until("it has them", |rows| {
        ends(format!("line 3 of {}:", right.len()))(rows) && rows.len() > 3
    });
    for line in &right[5..] {
        terminal.enter(line);
    }
    terminal.enter("");
    terminal.until("the missing one is named", shows("line 3 is missing."));
    terminal.enter(&right[2]);
    terminal.until("it asks for the phrase", ends("Phrase of the kit:".to_owned()));
    terminal.enter(&WORDS.replace("abandon", "abandom"));
    let near = "'abandom' is not in the list: abandon?";
    terminal.until("the nearest word is shown", |rows| {
        shows(near)(rows) && ends("kit:".to_owned())(rows)
    });
    terminal.enter(WORDS);
    terminal.until("it is back", shows("All restored: "));
    assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&machine.data()));
    // Three times, and a phrase of somebody's own has no list.
    let machine = bare();
    let terminal = Terminal::open(&machine, 100);
    terminal.enter(&line_of(&format!("return {}", page.display())));
    for count in 0..3 {
        let times = |rows: &[String]| {
            rows.iter().filter(|row| row.contains("with this phrase. Try")).count()
        };
        terminal.until("it asks", |rows| {
            ends("Phrase of the kit:".to_owned())(rows) && times(rows) == count
        });
        terminal.enter("my own");
    }
    let rows = terminal.until("it ends", shows("poof: the kit does not open with this phrase"));
    assert!(!rows.iter().any(|row| row.contains("in the list")), "{rows:?}");
    assert!(!machine.confdir().exists());
}

#[test]
fn the_codes_fit_the_terminal_and_hold_the_kit() {
    let sandbox = encrypted(3);
    let safe = safe(&sandbox);
    let (kit, phrase) = (safe.join("kit.txt"), safe.join("phrase"));
    let args = format!("kit {} --qr --phrase-file {}", kit.display(), phrase.display());
    let terminal = Terminal::open(&sandbox, 80);
    terminal.enter(&line_of(&args));
    let mut texts = Vec::new();
    for number in 1.. {
        let [asks, ends] = [format!("Code {number} of "), format!("code {number} of ")];
        let rows = terminal.until("the code is shown", |rows| {
            rows.iter().any(|row| row.starts_with(&asks) || row.starts_with(&ends))
        });
        let is_last = rows.iter().any(|row| row.starts_with(&ends));
        let image = rows.iter().rposition(|row| row.starts_with(&asks) || row.starts_with(&ends));
        // The one above may be there in part.
        let above =
            rows[..image.unwrap()].iter().rposition(|row| !row.starts_with(['█', '▀', '▄']));
        texts.extend(on_screen(&rows[above.map_or(0, |at| at + 1)..image.unwrap()]));
        assert_eq!(texts.len(), number);
        if is_last {
            break;
        }
        terminal.enter("");
    }
    assert!(texts.len() > 3 && texts[1].starts_with("POOF KIT 2/"), "{texts:?}");
    let machine = bare();
    let file = kit.with_file_name("texts");
    fs::write(&file, texts.concat()).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    returned(&machine, &file, &phrase, &[]).expect_code(0);
    assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&machine.data()));
    // Where nobody sees them, they follow each other.
    let args = ["kit", kit.to_str().unwrap(), "--qr", "--phrase-file", phrase.to_str().unwrap()];
    let run = sandbox.poof(args).run().expect_code(0).stdout_has("code 2 of ");
    let rows: Vec<_> = run.stdout.lines().map(str::to_owned).collect();
    fs::write(&file, on_screen(&rows).join("\n")).unwrap();
    returned(&bare(), &file, &phrase, &[]).expect_code(0);
}

#[test]
#[ignore = "needs Chromium and tesseract: make soak"]
fn soak_a_page_is_printed_by_a_browser_photographed_and_scanned() {
    let programs = ["chromium", "tesseract", "pdftoppm", "zbarimg"];
    let missing = programs.iter().find(|name| !Path::new("/usr/bin").join(name).is_file());
    if let Some(name) = missing {
        return skipped(Lacks::Tool, format!("{name} is not installed (scripts/server-tools.sh)"));
    }
    let (sandbox, page) = page(5);
    let phrase = page.with_file_name("phrase");
    let dir = page.parent().unwrap();
    let run = |program: &str, args: &[&str]| {
        let program = sandbox.program(program).args(args).current_dir(dir);
        program.timeout(Duration::from_mins(3)).run()
    };
    let url = format!("file://{}", page.display());
    let pdf = "--print-to-pdf=kit.pdf";
    run("chromium", &["--headless", "--no-sandbox", "--disable-gpu", pdf, &url]);
    run("pdftoppm", &["-r", "200", "-png", "kit.pdf", "sheet"]).expect_code(0);
    let mut sheets =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    sheets.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
    sheets.sort();
    let sheets: Vec<_> = sheets.iter().map(|path| path.to_str().unwrap()).collect();
    // A camera. It ends with 4 if there is no code on one of the sheets.
    let read = run("zbarimg", &[&["-q", "--raw"], &sheets[..]].concat());
    fs::write(dir.join("codes"), &read.stdout).unwrap();
    let machine = bare();
    returned(&machine, &dir.join("codes"), &phrase, &[]).expect_code(0);
    assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&machine.data()));
    // A scanner reads letters, and makes mistakes of its own: each line that is not right is
    // named. Those that are right, with the rest typed, are the kit.
    let scanned: String =
        sheets.iter().map(|sheet| run("tesseract", &[sheet, "-", "--psm", "6"]).stdout).collect();
    let right = lines(&page);
    let below = scanned.lines().skip_while(|line| line.trim() != "Lines");
    let seen: Vec<_> = below.filter(|line| line.split(' ').count() > 10).collect();
    assert_eq!(seen.len(), right.len(), "{scanned}");
    fastrand::seed(20);
    let mut wrong: Vec<usize> = (0..right.len()).collect();
    fastrand::shuffle(&mut wrong);
    wrong.truncate(10);
    let text = right
        .iter()
        .enumerate()
        .map(|(at, line)| if wrong.contains(&at) { mistyped(seen[at]) } else { line.clone() });
    fs::write(dir.join("scanned"), text.collect::<Vec<_>>().join("\n")).unwrap();
    let run = returned(&bare(), &dir.join("scanned"), &phrase, &[]).expect_code(3);
    for at in 0..right.len() {
        let named = run.stderr.contains(&format!("warning: line {} ", at + 1));
        assert_eq!(named, wrong.contains(&at), "line {}: {run}", at + 1);
    }
}
