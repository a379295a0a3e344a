//! What a ransom program leaves replaces no snapshot, and what people and their programs do
//! is no reason to refuse.

use std::fs;

use super::home::{Contents, Home, TREE, is_data};
use crate::base::error::Kind;
use crate::operations::caution::Caution;
use crate::storage::failure::FailureKind;
use crate::storage::memory::{Event, Fault, What};
use crate::tree::guard::Allowed;

/// What cannot be told from what is encrypted.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

fn text(seed: u64, length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut text = Vec::new();
    while text.len() < length {
        let line = format!("let value_{} = other({});\n", random.u16(..), random.u8(..));
        text.extend(line.into_bytes());
    }
    text
}

/// Each of its kind: photos, documents, tables, and much text.
fn of_some_kind(seed: u64) -> (&'static str, Vec<u8>) {
    let length = 600 + usize::try_from(seed * 37 % 5_000).unwrap();
    let behind = |mark: &[u8]| [mark, &noise(seed, length)].concat();
    match seed % 6 {
        0 => ("jpg", behind(b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01")),
        1 => ("docx", behind(b"PK\x03\x04\x14\0\x06\0")),
        2 => ("pdf", behind(b"%PDF-1.7\n")),
        3 => ("dat", (0..u32::try_from(length).unwrap()).flat_map(u32::to_le_bytes).collect()),
        4 => ("rs", text(seed, length)),
        _ => ("txt", text(seed, length)),
    }
}

/// A home that is backed up, with so many files of all kinds.
fn mixed(home: Home, count: u64) -> (Home, Vec<String>) {
    let made = (0..count).map(|seed| {
        let (ending, content) = of_some_kind(seed);
        (format!("d{}/f{seed}.{ending}", seed % 7), content)
    });
    backed_up(home, made)
}

fn backed_up(
    home: Home,
    files: impl IntoIterator<Item = (String, Vec<u8>)>,
) -> (Home, Vec<String>) {
    let mut names = Vec::new();
    for (name, content) in files {
        let path = home.tree().join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        names.push(name);
    }
    assert_eq!(home.back_up().unwrap().kind, None);
    home.memory.take_log();
    (home, names)
}

fn read(home: &Home, name: &str) -> Vec<u8> {
    fs::read(home.tree().join(name)).unwrap()
}

fn put(home: &Home, name: &str, content: &[u8]) {
    fs::write(home.tree().join(name), content).unwrap();
}

/// As a program does it that appends its key.
fn encrypt(home: &Home, name: &str) {
    let length = read(home, name).len() + 300;
    put(home, name, &noise(blake3::hash(name.as_bytes()).as_bytes()[0].into(), length));
}

fn rename(home: &Home, from: &str, to: &str) {
    // Another inode: a copy that is encrypted, and the original removed.
    put(home, to, &read(home, from));
    home.remove(from);
}

/// How a run ends, and how many objects of the directory it has read.
#[track_caller]
fn run(home: &Home, allowed: Allowed) -> (Option<Kind>, usize) {
    let outcome = home.back_up_with(Caution { yes: true, allowed, ..Caution::default() }).unwrap();
    let log = home.memory.take_log();
    let refused = outcome.kind == Some(Kind::Guard);
    assert!(!refused || !log.iter().any(|event| event.what.changes()), "{log:?}");
    let read = log.iter().filter(|event| event.what == What::Fetch && is_data(event)).count();
    (outcome.kind, read)
}

#[track_caller]
fn is_refused(home: &Home, before: &Contents) {
    let kept = home.side().names();
    let (kind, read) = run(home, Allowed::default());
    assert_eq!(kind, Some(Kind::Guard));
    assert!(read <= 32, "{read}");
    let caution = Caution { yes: true, ..Caution::default() };
    assert_eq!(home.upload_with(caution).unwrap().kind, Some(Kind::Guard));
    assert_eq!(home.side().names(), kept);
    assert_eq!(home.elsewhere(), *before, "the snapshot is whole");
    home.memory.take_log();
    let allowed = Allowed { mass_change: true, ..Allowed::default() };
    assert_eq!(run(home, allowed), (None, 0));
    assert_eq!(home.elsewhere(), home.contents());
}

#[track_caller]
fn passes(home: &Home, reads: std::ops::RangeInclusive<usize>) {
    let (kind, read) = run(home, Allowed::default());
    assert_eq!(kind, None);
    assert!(reads.contains(&read), "{read}");
}

#[test]
fn files_that_were_encrypted_in_place_are_refused() {
    for home in [Home::new(), Home::sealed()] {
        let (home, names) = mixed(home, 60);
        let before = home.contents();
        for name in &names {
            encrypt(&home, name);
        }
        is_refused(&home, &before);
    }
}

#[test]
fn files_that_were_encrypted_under_other_names_are_refused() {
    let ways: [fn(&str) -> String; 4] = [
        |name| format!("{name}.locked"),
        |name| format!("{name}.id-7F.[mail@example.org].phobos"),
        |name| format!("{}.crypt", name.rsplit_once('.').unwrap().0),
        // Nothing of the name is left.
        |name| {
            let name = name.split_once('/').unwrap();
            format!("{}/{}", name.0, blake3::hash(name.1.as_bytes()).to_hex())
        },
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let sealed = number % 2 == 0;
        let (home, names) = mixed(if sealed { Home::sealed() } else { Home::new() }, 300);
        let before = home.contents();
        // Fewer than a mass deletion.
        for name in names.iter().step_by(4) {
            encrypt(&home, name);
            rename(&home, name, &way(name));
        }
        is_refused(&home, &before);
    }
}

#[test]
fn four_in_a_hundred_are_refused_also_among_what_a_person_does() {
    let (home, names) = mixed(Home::new(), 2_000);
    let before = home.contents();
    for name in names.iter().step_by(25) {
        encrypt(&home, name);
    }
    for name in names.iter().skip(3).step_by(20) {
        let (_, content) = of_some_kind(names.iter().position(|of| of == name).unwrap() as u64 + 6);
        put(&home, name, &content);
    }
    is_refused(&home, &before);
}

// 40 a run: whoever waits for the next backup each time would have all in 50 of them.
#[test]
fn two_in_a_hundred_a_run_are_refused_and_one_in_a_hundred_is_not() {
    let (home, names) = mixed(Home::new(), 2_000);
    for name in &names[..20] {
        encrypt(&home, name);
    }
    passes(&home, 0..=0);
    let before = home.contents();
    for name in &names[20..60] {
        encrypt(&home, name);
    }
    is_refused(&home, &before);
}

#[test]
fn more_than_half_with_other_content_are_refused_whatever_it_is() {
    let (home, names) = mixed(Home::new(), 250);
    let before = home.contents();
    let more = |home: &Home, names: &[String]| {
        for name in names {
            put(home, name, &[&read(home, name)[..], b"\n// more"].concat());
        }
    };
    more(&home, &names[..120]);
    passes(&home, 0..=0);
    assert_ne!(home.contents(), before);
    let before = home.contents();
    more(&home, &names[..130]);
    is_refused(&home, &before);
}

#[test]
fn a_tagger_of_photos_is_refused_for_more_than_half_of_them_alone() {
    let photo = |seed: u64, tag: &str| {
        let begin = format!("\u{e1}Exif {tag:>200}").into_bytes();
        [b"\xff\xd8\xff", &begin[..], &noise(seed, 9_000)].concat()
    };
    let all = (0..400).map(|seed| (format!("p/{seed}.jpg"), photo(seed, "none")));
    let (home, names) = backed_up(Home::new(), all);
    let tag = |count: usize, tag: &str| {
        for (name, seed) in names.iter().zip(0..).take(count) {
            put(&home, name, &photo(seed, tag));
        }
    };
    tag(190, "holidays");
    passes(&home, 0..=0);
    let before = home.contents();
    tag(210, "work");
    is_refused(&home, &before);
}

#[test]
fn sources_that_are_worked_on_are_no_alarm() {
    let all = (0..900).map(|seed| (format!("src/m{}/f{seed}.rs", seed % 9), text(seed, 3_000)));
    let (home, names) = backed_up(Home::new(), all);
    for (name, seed) in names.iter().zip(0..).take(400) {
        let source = String::from_utf8(read(&home, name)).unwrap().replace("value", "amount");
        put(&home, name, source.as_bytes());
        if seed % 5 == 0 {
            rename(&home, name, &name.replace("src/m", "src/of_m").replace("/f", "_f"));
        }
    }
    passes(&home, 0..=0);
}

// Containers, keys, what others have packed or encrypted.
#[test]
fn what_was_noise_before_is_no_alarm() {
    for home in [Home::new(), Home::sealed()] {
        let all = (0..500).map(|seed| {
            let ending = ["gpg", "kdbx", "dat", "jpg"][usize::try_from(seed % 4).unwrap()];
            (format!("v/{seed}.{ending}"), noise(seed, 2_000))
        });
        let (home, names) = backed_up(home, all);
        for (name, seed) in names.iter().zip(1_000..).take(200) {
            put(&home, name, &noise(seed, 2_100));
        }
        passes(&home, 1..=32);
        for (name, seed) in names.iter().zip(2_000..).take(200) {
            home.remove(name);
            put(&home, &format!("v/other{seed}"), &noise(seed, 2_200));
        }
        passes(&home, 1..=32);
    }
}

// The cache of a browser: what is under a name has nothing to do with what was.
#[test]
fn names_under_which_anything_is_at_any_time_are_no_alarm() {
    for (share, reads) in [(3, 0..=0), (7, 1..=32)] {
        let of = |seed: u64| {
            let (_, known) = of_some_kind(seed);
            let is_noise = blake3::hash(&seed.to_le_bytes()).as_bytes()[0] % 10 < share;
            if is_noise { noise(seed, known.len()) } else { known }
        };
        let all = (0..1_000).map(|seed| (format!("c/{seed}"), of(seed)));
        let (home, names) = backed_up(Home::new(), all);
        for round in 1..5 {
            for (name, seed) in names.iter().zip(round * 1_000..).take(400) {
                put(&home, name, &of(seed));
            }
            passes(&home, reads.clone());
        }
    }
}

#[test]
fn noise_that_is_new_is_no_alarm() {
    let (home, _) = mixed(Home::new(), 50);
    for seed in 0..200 {
        put(&home, &format!("d1/new{seed}"), &noise(seed, 900));
    }
    passes(&home, 0..=0);
    home.write("a", "changed");
    passes(&home, 0..=0);
}

#[test]
fn where_the_old_cannot_be_read_the_names_decide_and_without_an_answer_nothing_is_sent() {
    let (home, names) = mixed(Home::new(), 80);
    let before = home.contents();
    for name in &names {
        encrypt(&home, name);
    }
    let is_fetch = |event: &Event| event.what == What::Fetch && is_data(event);
    home.memory.fail_always(Fault::Break, is_fetch);
    let (kind, _) = run(&home, Allowed::default());
    assert_eq!(kind, Some(Kind::Remote));
    for kind in [FailureKind::Denied, FailureKind::Missing, FailureKind::Other] {
        home.memory.fail_always(Fault::Refuse(kind), is_fetch);
        assert_eq!(run(&home, Allowed::default()).0, Some(Kind::Guard), "{kind:?}");
    }
    home.memory.heal();
    is_refused(&home, &before);
    assert_eq!(TREE, home.directory().name);
}
