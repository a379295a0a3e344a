//! `upload --receipt` (hazard 62): a text that says what was wiped and tells no name, and a signature that
//! any change breaks.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use minisign_verify::{PublicKey, Signature};
use serde_json::json;

use crate::farewell::{installed, kit, poof};
use crate::harness::command::Run;
use crate::harness::hostile::{Keeper, hostile};
use crate::harness::{Backdoor, Kind, Lacks, Sandbox, Verdict, grow, skipped, tools};
use crate::story::{encrypted, on_disk, plain, proxied};

/// Where receipts go: outside of all that is wiped.
fn place(sandbox: &Sandbox) -> PathBuf {
    let place = sandbox.home().join("desk");
    fs::create_dir_all(&place).unwrap();
    place.join("wiped.txt")
}

fn signature(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.minisig", path.display()))
}

/// What a run that wrote a receipt has left of it.
struct Receipt {
    text: String,
    signature: String,
    public_key: String,
}

impl Receipt {
    /// The public key is the one that the run has told.
    #[track_caller]
    fn of(path: &Path, run: &Run) -> Self {
        let lines = run.json_lines();
        let line = lines.iter().find(|line| line["type"] == "receipt");
        let line = line.unwrap_or_else(|| panic!("no receipt: {run}"));
        assert_eq!(line["path"], path.to_str().unwrap());
        let public_key = line["public_key"].as_str().unwrap().to_owned();
        let [text, signature] =
            [path, &*signature(path)].map(|path| fs::read_to_string(path).unwrap());
        let receipt = Receipt { text, signature, public_key };
        assert!(receipt.holds(receipt.text.as_bytes(), receipt.signature.as_bytes()));
        assert_eq!(receipt.value("public-key"), receipt.public_key);
        receipt
    }

    fn holds(&self, text: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = str::from_utf8(signature) else { return false };
        let Ok(signature) = Signature::decode(signature) else { return false };
        PublicKey::from_base64(&self.public_key).unwrap().verify(text, &signature, false).is_ok()
    }

    #[track_caller]
    fn value(&self, key: &str) -> &str {
        let found = self.text.lines().find_map(|line| line.strip_prefix(&format!("{key}: ")));
        found.unwrap_or_else(|| panic!("no {key}: {}", self.text))
    }
}

/// An upload with a receipt that leaves poof here.
#[track_caller]
fn upload(sandbox: &Sandbox, path: &Path, more: &[&str], code: i32) -> Run {
    let args = ["--json", "upload", "--yes", "--keep-poof", "--receipt", path.to_str().unwrap()];
    sandbox.poof([&args[..], more].concat()).run().expect_code(code)
}

/// Whether a run has left anything where the receipt was to be.
fn is_empty(path: &Path) -> bool {
    fs::read_dir(path.parent().unwrap()).unwrap().count() == 0
}

#[test]
fn a_receipt_says_what_was_wiped_and_any_changed_bit_is_noticed() {
    let sandbox = plain(20);
    let path = place(&sandbox);
    let dry = upload(&sandbox, &path, &["--dry-run"], 0).json_lines();
    let would: Vec<_> = dry.iter().filter(|line| line["type"] == "would_write").collect();
    assert_eq!(would[0]["path"], path.to_str().unwrap());
    assert_eq!(would[1]["path"], signature(&path).to_str().unwrap());
    assert!(is_empty(&path) && sandbox.data().exists());

    let run = upload(&sandbox, &path, &["--scrub=names"], 0);
    let receipt = Receipt::of(&path, &run);
    let wipe = run.json_lines().into_iter().find(|line| line["type"] == "wipe").unwrap();
    let wiped = format!("{} files, {} bytes", wipe["files"], wipe["bytes"]);
    for key in ["proven", "wiped", "root-of"] {
        assert_eq!(receipt.value(key), wiped, "{key}");
    }
    assert_eq!(receipt.value("proven-by"), "20 hash of the server, 0 reading back, 0 manifest");
    assert_eq!(receipt.value("type"), wipe["filesystem"].as_str().unwrap());
    assert_eq!(receipt.value("remote"), "not encrypted");
    assert!(receipt.value("exit-code").starts_with("0 (done"), "{}", receipt.text);
    // The configuration stays at this level.
    assert_eq!((receipt.value("directories"), receipt.value("directories-not-wiped")), ("1", "1"));
    let scrubs = run.json_lines().iter().filter(|line| line["type"] == "scrub").count();
    let said = receipt.text.lines().filter(|line| line.starts_with("scrub: ")).count();
    assert!(said >= scrubs.max(1), "{run}");

    let (text, signature) = (receipt.text.as_bytes(), receipt.signature.as_bytes());
    for bit in 0..text.len() * 8 {
        let mut text = text.to_vec();
        text[bit / 8] ^= 1 << (bit % 8);
        assert!(!receipt.holds(&text, signature), "bit {bit} of the text");
    }
    // Of the first line, which no signature covers, only the end has to hold.
    let first = receipt.signature.find('\n').unwrap();
    for bit in first * 8..signature.len() * 8 {
        let mut signature = signature.to_vec();
        signature[bit / 8] ^= 1 << (bit % 8);
        assert!(!receipt.holds(text, &signature), "bit {bit} of the signature");
    }
}

#[test]
fn the_three_lines_of_the_documentation_check_a_receipt() {
    let sandbox = plain(3);
    let path = place(&sandbox);
    let receipt = Receipt::of(&path, &upload(&sandbox, &path, &[], 0));
    let check = || {
        let args = ["-V", "-P", &receipt.public_key, "-m", path.to_str().unwrap()];
        sandbox.program("minisign").args(args).run()
    };
    if std::process::Command::new("minisign").arg("-v").output().is_err() {
        return skipped(Lacks::Tool, "minisign is not installed");
    }
    check().expect_code(0).stdout_has("poof wipe receipt");
    for (file, content) in [(path.clone(), &receipt.text), (signature(&path), &receipt.signature)] {
        for at in (0..content.len()).step_by(7) {
            let mut changed = content.clone().into_bytes();
            changed[at] ^= 1;
            fs::write(&file, changed).unwrap();
            let is_comment = file != path && at < content.find('\n').unwrap();
            assert!(is_comment || check().code != Some(0), "{}: byte {at}", file.display());
        }
        fs::write(&file, content).unwrap();
    }
    check().expect_code(0);
}

#[test]
fn whoever_has_the_files_computes_the_same_root() {
    let Some(python) = tools::format_reader() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/format/wipe_receipt.py");
    for sandbox in [plain(300), encrypted(5)] {
        hostile(&sandbox.data(), Keeper::User);
        for path in ["a", "a.b", "a-b", "a/b"] {
            let path = sandbox.data().join("order").join(path).join("x");
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let path = place(&sandbox);
        let receipt = Receipt::of(&path, &upload(&sandbox, &path, &[], 0));
        sandbox.poof(["download", "--yes"]).run().expect_code(0);
        let data = sandbox.data();
        let root = || {
            let args = ["-B", script, data.to_str().unwrap(), receipt.value("salt")];
            sandbox.program(python.to_str().unwrap()).args(args).run().expect_code(0).stdout
        };
        let lines =
            format!("root: {}\nroot-of: {}\n", receipt.value("root"), receipt.value("root-of"));
        assert_eq!(root(), lines);
        fs::write(sandbox.data().join("order/a/x"), "y").unwrap();
        assert_ne!(root(), lines);
    }
}

#[test]
fn no_name_and_no_secret_is_in_a_receipt() {
    let sandbox = encrypted(0);
    // Names that no word of a receipt has by chance.
    for (name, content) in [("Zyxwv.txt", "Qwxyz"), ("Kdir/Vfile", "Wcontent"), ("Xempty", "")] {
        let path = sandbox.data().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let more = sandbox.home().join("Jplans");
    fs::create_dir(&more).unwrap();
    fs::write(more.join("Uword"), "Gtext").unwrap();
    sandbox.poof(["add", more.to_str().unwrap(), "Ltree"]).run().expect_code(0);
    let path = place(&sandbox);
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let run = upload(&sandbox, &path, &["--scrub=names"], 0);
    let receipt = Receipt::of(&path, &run);
    assert_eq!(receipt.value("remote"), "encrypted");
    let values = conf.lines().filter_map(|line| line.split_once(" = ")).map(|(_, value)| value);
    let secrets = values.filter(|value| value.len() > 5 && *value != "false");
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let home = sandbox.home();
    let own = [sandbox.bucket(), home.to_str().unwrap(), "/home", "/tmp", "poof-crypt"];
    let names = [
        "Zyxwv", "Kdir", "Vfile", "Xempty", "Jplans", "Uword", "Ltree", "Qwxyz", "Wcontent",
        "Gtext", "data", "desk",
    ];
    for word in secrets.chain(own).chain(names) {
        for text in [&receipt.text, &receipt.signature] {
            assert!(!text.contains(word), "{word:?} is in {text}");
        }
    }
    // A machine may be called `vm`, as a part of any key can be.
    for text in [&receipt.text, &receipt.signature] {
        let mut words = text.split(|c: char| c.is_whitespace() || ",:;()[]".contains(c));
        assert!(words.all(|word| word != host), "{host:?} is in {text}");
    }
    assert_eq!(receipt.text.matches("\n[directory ").count(), 2);
}

#[test]
fn a_receipt_goes_where_it_stays_and_replaces_nothing() {
    let sandbox = plain(5);
    let path = place(&sandbox);
    let taken = path.with_file_name("taken");
    fs::write(&taken, "mine").unwrap();
    fs::write(signature(&path.with_file_name("half")), "mine").unwrap();
    for wrong in [
        taken.clone(),
        path.with_file_name("half"),
        sandbox.data().join("wiped.txt"),
        sandbox.confdir().join("wiped.txt"),
        path.parent().unwrap().to_path_buf(),
        path.join("none/wiped.txt"),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            let run = upload(&sandbox, &wrong, more, 2);
            assert!(run.stderr.contains("no wipe receipt can be written to"), "{run}");
        }
    }
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
    assert!(Backdoor::new(&sandbox).names("").is_empty(), "something was sent");
    assert_eq!(
        walkdir::WalkDir::new(sandbox.data()).into_iter().flatten().filter(is_file).count(),
        5
    );
}

fn is_file(entry: &walkdir::DirEntry) -> bool {
    entry.file_type().is_file()
}

#[test]
fn what_is_not_proven_or_not_wiped_is_in_the_receipt() {
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 3, 1..=100, 1);
    fs::write(sandbox.data().join("victim"), "precious").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    // Damaged after the backup: the listing that is made for the proof shows it.
    fs::write(sandbox.data().join("new"), "n").unwrap();
    let head = Backdoor::new(&sandbox).key(".poof/trees/data/head/0000000002");
    let (sandbox, done) = (Arc::new(sandbox), Once::new());
    let inner = Arc::clone(&sandbox);
    proxy.set_rule(move |request| {
        if request.kind == Kind::Get && request.key() == head {
            done.call_once(|| Backdoor::past(&inner).write("data/victim", b"rubbish!"));
        }
        Verdict::Pass
    });
    let path = place(&sandbox);
    let run = upload(&sandbox, &path, &[], 6);
    let receipt = Receipt::of(&path, &run);
    assert!(sandbox.data().join("victim").exists(), "{run}");
    assert!(receipt.value("exit-code").starts_with("6 ("), "{}", receipt.text);
    assert_eq!(receipt.value("not-proven"), "1");
    assert!(receipt.value("wiped").starts_with("4 files, "), "{}", receipt.text);
    assert!(receipt.value("root-of").starts_with("4 files, "), "{}", receipt.text);

    let sandbox = plain(4);
    fs::write(sandbox.home().join("twice"), "twice").unwrap();
    fs::hard_link(sandbox.home().join("twice"), sandbox.data().join("twice")).unwrap();
    let path = place(&sandbox);
    let receipt = Receipt::of(&path, &upload(&sandbox, &path, &["--proof", "readback"], 9));
    assert!(receipt.value("exit-code").starts_with("9 ("), "{}", receipt.text);
    assert_eq!(receipt.value("names-elsewhere"), "1");
    assert_eq!(receipt.value("proven-by"), "0 hash of the server, 5 reading back, 0 manifest");
    // All is wiped already: it says so.
    let again = path.with_file_name("again");
    let receipt = Receipt::of(&again, &upload(&sandbox, &again, &[], 0));
    assert_eq!(receipt.value("directories-wiped-before"), "1");
    assert_eq!(receipt.value("directories"), "0");
}

#[test]
fn a_run_that_does_not_come_to_its_end_leaves_no_receipt() {
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 10, 1..=100, 1);
    let path = place(&sandbox);
    let args = ["upload", "--yes", "--keep-poof", "--receipt", path.to_str().unwrap()];
    for signal in [libc::SIGINT, libc::SIGKILL] {
        let (reached, is_reached) = std::sync::mpsc::channel();
        proxy.set_rule(move |request| match request.kind {
            Kind::Put if request.key().contains("data/") => {
                let _ = reached.send(());
                Verdict::Delay(std::time::Duration::from_secs(2))
            }
            _ => Verdict::Pass,
        });
        let running = sandbox.poof(args).start();
        is_reached.recv().unwrap();
        running.signal(signal);
        assert_ne!(running.finish().code, Some(0));
        assert!(is_empty(&path), "{signal}");
    }
    proxy.set_rule(|_| Verdict::Pass);
    Receipt::of(&path, &upload(&sandbox, &path, &[], 0));
}

#[test]
fn what_came_to_its_place_meanwhile_is_not_replaced() {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("file"), "content").unwrap();
    let path = place(&sandbox);
    let script = format!("echo mine > '{}'", path.display());
    sandbox.set("after", json!(["sh", "-c", script]));
    let run = upload(&sandbox, &path, &[], 1);
    assert!(run.stderr.contains("no wipe receipt was written"), "{run}");
    assert!(!sandbox.data().exists(), "{run}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine\n");
    assert!(!signature(&path).exists(), "{run}");
}

#[test]
fn a_receipt_stays_when_poof_goes() {
    let sandbox = encrypted(5);
    let program = installed(&sandbox);
    kit(&sandbox);
    let path = place(&sandbox);
    let args = ["--json", "upload", "--yes", "--receipt", path.to_str().unwrap()];
    let run = poof(&sandbox, &program, &args).run().expect_code(0);
    assert!(run.stderr.contains("poof is gone."), "{run}");
    assert!(!program.exists() && !sandbox.state().exists() && !sandbox.data().exists());
    let receipt = Receipt::of(&path, &run);
    // With the configuration.
    assert_eq!((receipt.value("directories"), receipt.value("directories-not-wiped")), ("2", "0"));
    assert!(receipt.value("exit-code").starts_with("0 ("), "{}", receipt.text);
}
