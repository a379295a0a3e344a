//! Kits that open with their phrase and hold anything, and files that only look like one.
#![no_main]

use std::io::Write;

use age::armor::{ArmoredWriter, Format};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use poof_fuzz::base::secret::Secret;
use poof_fuzz::kit::lines::{self, Line, Lines};
use poof_fuzz::kit::{Kept, Kit, Last};
use poof_fuzz::text;

const PHRASE: &str = "words";
/// Of scrypt, as a power of two: the real one takes a second.
const WORK: u8 = 2;
const MOST_WORK: u8 = 8;

fn kit(u: &mut Unstructured) -> Result<Kit> {
    let mut kit = Kit::new(u.arbitrary()?, text(u)?, text(u)?);
    kit.format = u.int_in_range(0..=2)?;
    kit.version = text(u)?;
    kit.poof_conf = text(u)?;
    kit.rclone_conf = text(u)?.into();
    for _ in 0..u.int_in_range(0..=3)? {
        kit.secrets.insert(text(u)?, Kept { clear: text(u)?.into(), form: text(u)?.into() });
        let last = Last {
            generation: u.arbitrary()?,
            head: text(u)?,
            names_store: u.arbitrary()?,
            made: u.arbitrary()?,
        };
        kit.snapshots.insert(text(u)?, last);
    }
    kit.store = u.arbitrary::<bool>()?.then(|| text(u)).transpose()?;
    kit.scheduled = u.arbitrary()?;
    kit.every = u.arbitrary::<bool>()?.then(|| text(u)).transpose()?;
    Ok(kit)
}

/// What age writes before its payload, with fields that say anything.
fn header(u: &mut Unstructured) -> Result<Vec<u8>> {
    let mut file = b"age-encryption.org/v1\n".to_vec();
    for _ in 0..u.int_in_range(0..=3)? {
        let kind = u.choose(&["scrypt", "X25519", "", "grease"])?;
        let salt = u.choose(&["AAAAAAAAAAAAAAAAAAAAAA", "AA", "*", ""])?;
        let body = u.choose(&["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", "AAAA"])?;
        writeln!(file, "-> {kind} {salt} {}\n{body}", u.int_in_range(-1..=300)?).unwrap();
    }
    writeln!(file, "--- {}", u.choose(&["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "A"])?)
        .unwrap();
    file.extend_from_slice(u.bytes(u.len().min(100))?);
    let mut armored = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).unwrap();
    armored.write_all(&file).unwrap();
    Ok(armored.finish().unwrap())
}

fn open(file: &[u8]) -> Option<Kit> {
    Kit::open_within(MOST_WORK, file, &Secret::new(PHRASE.to_owned())).ok()
}

/// Lines that come back, whatever is around them and between them.
fn on_paper(u: &mut Unstructured) -> Result<()> {
    let size = u.int_in_range(0..=200)?;
    let bytes = u.bytes(size.min(u.len()))?.to_vec();
    let written = lines::of(&bytes).unwrap();
    let between = u.choose(&["\n", " ", "", " * ", "\r\n\r\n"])?;
    let text: Vec<_> = written.iter().map(Line::for_people).collect();
    let mut read = Lines::default();
    read.read(&text.join(between), None);
    assert_eq!(read.bytes().unwrap(), bytes);
    let mut broken = text.join(between).into_bytes();
    let at = u.choose_index(broken.len())?;
    broken[at] = u.arbitrary()?;
    let mut read = Lines::default();
    read.read(&String::from_utf8_lossy(&broken), None);
    if read.lacks(&[]).is_none() {
        assert_eq!(read.bytes().unwrap(), bytes);
    }
    Ok(())
}

fn try_one(u: &mut Unstructured) -> Result<()> {
    if u.ratio(1, 3)? {
        let _ = open(&header(u)?);
        return Ok(());
    }
    let kit = kit(u)?;
    let mut plain = serde_json::to_vec(&kit).unwrap();
    let mut whole = true;
    if u.ratio(1, 3)? {
        let at = u.choose_index(plain.len())?;
        plain.splice(at.., u.bytes(u.len().min(20))?.iter().copied());
        whole = false;
    }
    let mut recipient = age::scrypt::Recipient::new(PHRASE.to_owned().into());
    recipient.set_work_factor(WORK);
    let mut sealed = age::encrypt_and_armor(&recipient, &plain).unwrap().into_bytes();
    if u.ratio(1, 3)? {
        let at = u.choose_index(sealed.len())?;
        sealed[at] = u.arbitrary()?;
        whole = false;
    }
    let opened = open(&sealed);
    if whole {
        assert_eq!(opened.is_some(), kit.format <= 1);
        assert!(opened.is_none_or(|opened| opened == kit), "another kit than was sealed");
    }
    Ok(())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = open(data);
    let mut lines = Lines::default();
    lines.read(&String::from_utf8_lossy(data), Some(1));
    let _ = (lines.lacks(&[]), lines.bytes());
    let _ = on_paper(&mut Unstructured::new(data));
    let _ = try_one(&mut Unstructured::new(data));
});
