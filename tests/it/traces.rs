//! `traces`: what programs have noted of the files is found, and what only looks like it is not.
//! What is removed is gone, and everything else is as it was.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use md5::{Digest, Md5};
use serde_json::Value;

use crate::farewell::{kit, poof};
use crate::harness::{Lacks, Sandbox, Snapshot, differences, skipped};
use crate::story::{encrypted, on_disk};

/// The files of the tree, each with a content of its own.
const FILES: [&str; 7] = [
    "letter.txt",
    "My Docs/plan (1), final.odt",
    "pics/cat \u{e9}.jpg",
    "code/main.rs",
    "semi;colon & more.txt",
    "100% of it's.txt",
    "pics/dog.jpg",
];

fn content(name: &str) -> String {
    format!("{name}: {}\n", "the content of this very file, ".repeat(3))
}

/// What was planted: the traces by the path that poof is to report, each with the number of its
/// entries, and whether poof removes it; and what is to be left of the texts.
#[derive(Default)]
struct Planted {
    home: PathBuf,
    data: PathBuf,
    traces: BTreeMap<PathBuf, usize>,
    /// Those that poof only names.
    stay: Vec<PathBuf>,
    rests: BTreeMap<PathBuf, Vec<u8>>,
}

/// A part of a text: what stays, or an entry that tells.
enum Part {
    Keep(String),
    Cut(String),
}

use Part::{Cut, Keep};

impl Planted {
    fn new(sandbox: &Sandbox) -> Self {
        let (home, data) = (sandbox.home(), sandbox.data());
        for name in FILES {
            let path = data.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content(name)).unwrap();
        }
        Planted { home, data, ..Planted::default() }
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A file that tells.
    fn tells(&mut self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.write(path, content);
        self.traces.insert(path, 1);
    }

    /// One that poof only names.
    fn stays(&mut self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.write(path, content);
        self.stay.push(path.clone());
        self.traces.insert(path, 1);
    }

    fn text(&mut self, path: &str, parts: &[Part]) {
        let of = |with: bool| -> String {
            let parts = parts.iter().filter_map(|part| match part {
                Keep(text) => Some(text.as_str()),
                Cut(text) => with.then_some(text.as_str()),
            });
            parts.collect()
        };
        let path = self.write(path, of(true));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let count = parts.iter().filter(|part| matches!(part, Cut(_))).count();
        self.traces.insert(path.clone(), count);
        self.rests.insert(path, of(false).into_bytes());
    }

    fn path(&self, name: &str) -> String {
        self.data.join(name).to_str().unwrap().to_owned()
    }

    fn uri(&self, name: &str) -> String {
        uri(&self.path(name))
    }

    fn thumbnail(&mut self, dir: &str, name: &str, tells: bool) {
        let uri = self.uri(name);
        let digest = Md5::digest(uri.as_bytes());
        let digest = HEXLOWER.encode(&digest);
        let path = format!(".cache/thumbnails/{dir}/{digest}.png");
        if tells { self.tells(&path, png(&uri)) } else { drop(self.write(&path, png(&uri))) }
    }
}

/// As `g_filename_to_uri` writes it.
fn uri(path: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"!$&'()*+,-./:=@_~".contains(byte);
    let byte = |byte: &u8| {
        if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }
    };
    format!("file://{}", path.as_bytes().iter().map(byte).collect::<String>())
}

/// The head of a picture with the text that thumbnails have.
fn png(uri: &str) -> Vec<u8> {
    let text = [b"Thumb::URI\0", uri.as_bytes()].concat();
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&b"\x89PNG\r\n\x1a\n"[..], &length, b"tEXt", &text, b"crc.\0\0\0\0IENDcrc."].concat()
}

fn keep(text: impl Into<String>) -> Part {
    Keep(text.into())
}

fn cut(text: impl Into<String>) -> Part {
    Cut(text.into())
}

fn plant_pictures_and_lists(planted: &mut Planted) {
    for name in ["pics/cat \u{e9}.jpg", "pics/dog.jpg", "semi;colon & more.txt", "100% of it's.txt"]
    {
        planted.thumbnail("normal", name, true);
        planted.thumbnail("large", name, true);
    }
    planted.thumbnail("fail/gnome-thumbnail-factory", "letter.txt", true);
    for other in ["pics/dog.jpg2", "pics2", "../pics/dog.jpg", "pics/cat.jpg"] {
        planted.thumbnail("normal", other, false);
    }
    let bookmark = |uri: &str| {
        let uri = uri.replace('&', "&amp;").replace('\'', "&apos;");
        format!(
            "  <bookmark href=\"{uri}\" added=\"2026-01-01T00:00:00.000000Z\">\n    <info>\n      \
             <metadata owner=\"http://freedesktop.org\"/>\n    </info>\n  </bookmark>\n"
        )
    };
    let of = |name: &str| bookmark(&planted.uri(name));
    let parts = [
        keep("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<xbel version=\"1.0\">\n"),
        cut(of("letter.txt")),
        keep(of("letter.txt.bak")),
        cut(of("My Docs/plan (1), final.odt")),
        cut(of("100% of it's.txt")),
        keep(of("../other/letter.txt")),
        cut(of("semi;colon & more.txt")),
        keep(bookmark("file:///etc/passwd")),
        keep("</xbel>"),
    ];
    planted.text(".local/share/recently-used.xbel", &parts);
    for (number, name) in FILES.iter().take(3).enumerate() {
        let url = format!("[Desktop Entry]\nType=Link\nURL[$e]=file:$HOME/data/{name}\n");
        planted.tells(&format!(".local/share/RecentDocuments/{number}.desktop"), url);
    }
    planted
        .write(".local/share/RecentDocuments/x.desktop", "URL[$e]=file:$HOME/data/letter.txt~\n");
    let okular = format!("<?xml?>\n<documentInfo url=\"{}\">\n", planted.path("pics/dog.jpg"));
    planted.tells(".local/share/okular/docdata/12.dog.jpg.xml", okular);
    let item = |list: &str, uri: &str| {
        format!(
            "<item oor:path=\"/org.openoffice.Office.Histories/Histories/org.openoffice.Office.\
             Histories:HistoryInfo['PickList']/{list}\"><node oor:name=\"{uri}\" oor:op=\"replace\">\
             <prop oor:name=\"Filter\" oor:op=\"fuse\"><value>writer8</value></prop></node></item>\n"
        )
    };
    let plan = planted.uri("My Docs/plan (1), final.odt");
    let order = item("OrderList", "0").replace("writer8", &plan);
    let parts = [
        keep(
            "<?xml version=\"1.0\"?>\n<oor:items>\n<item oor:path=\"/org.openoffice.Office.Common\">x</item>\n",
        ),
        cut(item("ItemList", &plan)),
        keep(item("ItemList", &planted.uri("My Docs/plan"))),
        cut(order),
        keep("</oor:items>"),
    ];
    planted.text(".config/libreoffice/4/user/registrymodifications.xcu", &parts);
}

fn plant_content(planted: &mut Planted) {
    let trash = ".local/share/Trash";
    for (number, name) in FILES.iter().take(2).enumerate() {
        let info =
            format!("[Trash Info]\nPath={}\nDeletionDate=2026-01-01\n", &planted.uri(name)[7..]);
        planted.write(&format!("{trash}/info/thrown {number}.trashinfo"), info);
        planted.tells(&format!("{trash}/files/thrown {number}"), "an earlier version");
    }
    let info = format!("[Trash Info]\nPath={}\n", planted.path("pics"));
    planted.write(&format!("{trash}/info/pics.2.trashinfo"), info);
    planted.write(&format!("{trash}/files/pics.2/deep/a"), "a");
    planted.traces.insert(planted.home.join(trash).join("files/pics.2"), 1);
    let sizes = [cut("4096 1700000000 pics.2\n"), keep("4096 1700000000 pics\n")];
    planted.text(&format!("{trash}/directorysizes"), &sizes);
    // No find of its own.
    planted.traces.remove(&planted.home.join(trash).join("directorysizes"));
    planted.write(
        &format!("{trash}/info/other.trashinfo"),
        format!("Path={}x\n", planted.path("pics")),
    );
    planted.write(&format!("{trash}/files/other"), "somebody else's");

    for (dir, name) in
        [("-1a2b", "letter.txt"), ("5f3", "code/main.rs"), ("77", "100% of it's.txt")]
    {
        let history = format!(".config/Code/User/History/{dir}");
        let list = serde_json::json!({"version": 1, "resource": planted.uri(name), "entries": []});
        planted.write(&format!("{history}/entries.json"), list.to_string());
        planted.write(&format!("{history}/aBcD.txt"), "one");
        planted.write(&format!("{history}/eFgH.txt"), "two");
        planted.traces.insert(planted.home.join(history), 2);
    }
    let list =
        serde_json::json!({"version": 1, "resource": planted.uri("letter.tx"), "entries": []});
    planted.write(".config/Code/User/History/9/entries.json", list.to_string());

    let swap = |path: &str| {
        let mut bytes = vec![0; 4096];
        bytes[..10].copy_from_slice(b"b0VIM 9.1\0");
        bytes[108..108 + path.len()].copy_from_slice(path.as_bytes());
        bytes
    };
    let percent = |name: &str| planted.path(name).replace('/', "%");
    let bang = |name: &str| planted.path(name).replace('/', "!");
    let names = [
        format!(".vim/undo/{}", percent("letter.txt")),
        format!(".vim/undodir/{}", percent("code/main.rs")),
        format!(".local/state/nvim/undo/{}", percent("letter.txt")),
        format!(".local/state/nvim/swap/{}.swp", percent("letter.txt")),
        format!(".vim/backup/{}~", percent("code/main.rs")),
        format!(".emacs.d/backups/{}.~3~", bang("letter.txt")),
        format!(".emacs.d/backups/{}~", bang("letter.txt")),
        format!(".emacs.d/auto-save/#{}#", bang("code/main.rs")),
    ];
    let others = [
        format!(".vim/undo/{}", percent("letter.tx")),
        format!(".vim/undo/{}2", percent("letter.txt")),
        format!(".emacs.d/backups/{}~", bang("letter.txt.old")),
    ];
    for name in &names {
        planted.tells(name, "lines of the file");
    }
    for name in &others {
        planted.write(name, "lines of another");
    }
    planted.tells(".vim/swap/main.rs.swp", swap("~joe/data/code/main.rs"));
    planted.tells(".vim/swap/letter.txt.swp", swap(&planted.path("letter.txt")));
    planted.write(".vim/swap/other.txt.swp", swap("~joe/other/letter.txt"));

    planted.tells("Downloads/letter.txt", content("letter.txt"));
    planted.tells("Downloads/renamed.dat", content("pics/dog.jpg"));
    planted.tells("Mail/cur/1.2:2,S", content("code/main.rs"));
    planted.tells(".hidden/deep/x", content("letter.txt"));
    // The same size.
    planted.write("Downloads/other.txt", content("letter.txt").to_uppercase());
    planted.write("Downloads/half.txt", &content("letter.txt")[1..]);
}

fn plant_notes(planted: &mut Planted) {
    let path = |name: &str| planted.path(name);
    let main = path("code/main.rs");
    let bash = [
        keep("ls -l\ncd ~/data\n"),
        cut("vim ~/data/letter.txt\n"),
        keep("vim ~/data/letter.txt.bak\n"),
        cut("#1700000000\ncat data/letter.txt\n"),
        keep("#1700000001\nls data\n"),
        cut(format!("cp '{}' /tmp\n", path("My Docs/plan (1), final.odt"))),
        cut("less ~/data/My\\ Docs/plan\\ \\(1\\),\\ final.odt | head\n"),
        cut("convert --out=$HOME/data/pics/dog.jpg x\n"),
        keep("cat /mnt/data/letter.txt\necho don't; cat data2/letter.txt; cat xdata/letter.txt\n"),
        cut(format!("scp joe@host:{main} .\n")),
        keep("exit"),
    ];
    let zsh = [
        keep(": 1700000000:0;ls\n"),
        cut(": 1700000001:0;for i in 1 2; do\\\ncat ~/data/letter.txt\\\ndone\n"),
        cut(": 1700000002:0;rm ~/data/pics/dog.jpg\n"),
        keep(": 1700000003:0;echo letter.txt\n"),
    ];
    let fish = [
        keep("- cmd: ls\n  when: 1\n"),
        cut("- cmd: vim letter.txt\n  when: 2\n  paths:\n    - ~/data/letter.txt\n"),
        cut("- cmd: cat ~/data/code/main.rs\n  when: 3\n"),
        keep("- cmd: cat ~/data/code/main.rs.orig\n  when: 4\n"),
    ];
    let python = [keep("import os\n"), cut(format!("open('{main}').read()\n"))];
    let vim = [
        keep(
            "# This viminfo file was generated by Vim 9.1.\n\n# Command Line History (newest to oldest):\n",
        ),
        cut(":e ~/data/letter.txt\n"),
        cut("|2,0,1700000000,,\"e ~/data/letter.txt\"\n"),
        keep(":wq\n|2,0,1700000000,,\"wq\"\n\n# File marks:\n"),
        cut("'0  1  0  ~/data/letter.txt\n"),
        cut("|4,48,1,0,1700000000,\"~/data/letter.txt\"\n"),
        keep("'1  7  3  ~/other/letter.txt\n|4,49,7,3,1700000000,\"~/other/letter.txt\"\n\n"),
        keep("# Jumplist (newest first):\n"),
        cut("-'  1  0  ~/data/code/main.rs\n"),
        keep(
            "-'  1  0  ~/data/code/main\n\n# History of marks within files (newest to oldest):\n\n",
        ),
        cut("> ~/data/letter.txt\n"),
        cut("\t*\t1700000000\t0\n"),
        cut("\t\"\t1\t0\n"),
        keep("\n> ~/other/letter.txt\n\t*\t1700000000\t0\n\t\"\t1\t0\n"),
    ];
    let nano = [
        keep("/etc/fstab 3 1\n"),
        cut(format!("{} 12 1\n", path("letter.txt"))),
        keep(format!("{}.save 12 1\n", path("letter.txt"))),
        cut(format!("{} 1 2\n", path("My Docs/plan (1), final.odt"))),
    ];
    let less = [
        keep(".less-history-file:\n.search\n\"letter\n.mark\n"),
        cut(format!("m a 1 12 {}\n", path("letter.txt"))),
        keep("m b 1 12 /etc/fstab\n"),
    ];
    let recentf = [
        keep("(setq recentf-list\n      '(\n"),
        cut("        \"~/data/letter.txt\"\n"),
        keep("        \"~/other/letter.txt\"\n        ))\n"),
    ];
    let places = [
        keep(";;; -*- coding: utf-8 -*-\n("),
        cut("(\"~/data/code/main.rs\" . 12)"),
        keep("\n (\"~/other.rs\" . 3))\n"),
    ];
    planted.text(".bash_history", &bash);
    planted.text(".zsh_history", &zsh);
    planted.text(".local/share/fish/fish_history", &fish);
    planted.text(".python_history", &python);
    planted.text(".viminfo", &vim);
    planted.text(".local/share/nano/filepos_history", &nano);
    planted.text(".lesshst", &less);
    planted.text(".emacs.d/recentf", &recentf);
    planted.text(".emacs.d/places", &places);
}

fn plant_stores(planted: &mut Planted) {
    let uri = planted.uri("letter.txt");
    // A table of SQLite: the head of a record, and two texts that follow each other.
    let record = |uri: &str| {
        let number = uri.len() * 2 + 13;
        let number =
            [u8::try_from(number >> 7).unwrap() | 0x80, u8::try_from(number & 127).unwrap()];
        [&[5, 1][..], &number, &[33, 7], uri.as_bytes(), b"letter.txt"].concat()
    };
    let sqlite = |uri: &str| [&b"SQLite format 3\0"[..], &[0; 84], &record(uri)].concat();
    planted.stays(".cache/tracker3/files/meta.db", sqlite(&uri));
    planted.write(".cache/tracker3/files/other.db", sqlite(&format!("{uri}.bak")));
    planted.stays(".local/share/zeitgeist/activity.sqlite", sqlite(&uri));
    planted.stays(".mozilla/firefox/a.default/places.sqlite", format!("x\0{uri}\0").as_bytes());
    planted.write(".mozilla/firefox/b.default/places.sqlite", format!("x\0{uri}2\0").as_bytes());
    let path = planted.path("code/main.rs");
    let length = u16::try_from(path.len()).unwrap().to_be_bytes();
    let jetbrains = [&b"\0\0\x01"[..], &length, path.as_bytes(), b"main.rs"].concat();
    planted.stays(".cache/JetBrains/IdeaIC2026.1/LocalHistory/changes.storageData", jetbrains);
    let entry =
        |key: &str| format!("      <entry key=\"{key}\">\n        <value/>\n      </entry>\n");
    let projects = format!(
        "<map>\n{}{}</map>\n",
        entry("$USER_HOME$/data/code"),
        entry("$USER_HOME$/data2/code")
    );
    planted.stays(".config/JetBrains/IdeaIC2026.1/options/recentProjects.xml", projects);
    let shada = [
        &b"\x07\xce\x65\x00\x00\x00\x20\x81\xa1f\xc4"[..],
        &[u8::try_from(path.len()).unwrap()],
        path.as_bytes(),
        b"\x08",
    ];
    planted.stays(".local/state/nvim/shada/main.shada", shada.concat());
    // The names of Baloo, from the top: the number of a file, that of its directory, and a name.
    let names: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
    let nodes = names.iter().zip(1_u64..).map(|(name, id)| {
        let size = u16::try_from(8 + name.len()).unwrap();
        let mut node: Vec<u8> = [size, 0, 0, 8].iter().flat_map(|two| two.to_le_bytes()).collect();
        node.extend([id, id - 1].iter().flat_map(|eight| eight.to_le_bytes()));
        node.extend(name.as_bytes());
        node.resize(node.len().next_multiple_of(2), 0);
        node
    });
    let count = planted.write(".local/share/baloo/index", nodes.collect::<Vec<_>>().concat());
    planted.stay.push(count.clone());
    // The directory is known as well.
    planted.traces.insert(count, 2);
    // A journal of GVfs.
    let path = planted.path("pics/dog.jpg");
    let length = u32::try_from(17 + path.len() + 1).unwrap().to_be_bytes();
    let entry = [&length[..], &[0; 13], path.as_bytes(), b"\0"].concat();
    let journal = [&b"\xda\x1ajour\x01\0"[..], &[0; 12], &entry].concat();
    planted.stays(".local/share/gvfs-metadata/root-1a2b3c4d.log", journal);
}

fn planted(sandbox: &Sandbox) -> Planted {
    let mut planted = Planted::new(sandbox);
    plant_pictures_and_lists(&mut planted);
    plant_content(&mut planted);
    plant_notes(&mut planted);
    plant_stores(&mut planted);
    planted
}

/// The traces that a run tells of which are in this home, with the number of their entries.
fn told(lines: &[Value], home: &Path) -> BTreeMap<PathBuf, usize> {
    let traces = lines.iter().filter(|line| line["type"] == "trace" && line["removed"] == false);
    let told = traces.map(|line| {
        assert!(!line["command"].as_str().unwrap().is_empty(), "{line}");
        let entries = usize::try_from(line["entries"].as_u64().unwrap()).unwrap();
        (PathBuf::from(line["path"].as_str().unwrap()), entries)
    });
    told.filter(|(path, _)| path.starts_with(home)).collect()
}

#[track_caller]
fn assert_told(expected: &BTreeMap<PathBuf, usize>, found: &BTreeMap<PathBuf, usize>) {
    let missing: Vec<_> =
        expected.iter().filter(|(path, count)| found.get(*path) != Some(count)).collect();
    let surplus: Vec<_> =
        found.iter().filter(|(path, count)| expected.get(*path) != Some(count)).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "missing: {missing:#?}\nsurplus: {surplus:#?}"
    );
}

fn run(sandbox: &Sandbox, args: &[&str], code: i32) -> Vec<Value> {
    sandbox.poof(["--json", "traces"]).args(args).run().expect_code(code).json_lines()
}

#[test]
fn what_is_planted_is_found_and_goes_and_everything_else_stays_byte_for_byte() {
    let (sandbox, _) = on_disk();
    let planted = planted(&sandbox);
    let home = sandbox.home();
    sandbox.poof(["backup"]).run().expect_code(0);
    let count: usize = planted.traces.values().sum();
    assert!(count >= 60, "{count}");
    assert_told(&planted.traces, &told(&run(&sandbox, &[], 0), &home));
    // Nobody is there who could be asked, and a dry run changes nothing.
    let all = || Snapshot::of(&home);
    let before = all();
    run(&sandbox, &["--remove", "--copies"], 7);
    assert_told(&planted.traces, &told(&run(&sandbox, &["--remove", "--dry-run"], 0), &home));
    let is_own =
        |line: &String| line.contains(".local/state/poof") || line.contains(".poof-private");
    let changed = |before: &Snapshot| -> Vec<String> {
        differences(before, &all()).into_iter().filter(|line| !is_own(line)).collect()
    };
    assert_eq!(changed(&before), [""; 0]);
    // Copies stay if nobody says so.
    run(&sandbox, &["--remove", "--yes"], 0);
    assert!(home.join("Downloads/letter.txt").exists() && home.join(".hidden/deep/x").exists());
    run(&sandbox, &["--remove", "--copies", "--yes"], 0);
    let named: BTreeMap<_, _> =
        planted.traces.iter().filter(|(path, _)| planted.stay.contains(path)).collect();
    let left = told(&run(&sandbox, &[], 0), &home);
    assert_eq!(left.iter().collect::<BTreeMap<_, _>>(), named);
    for (path, rest) in &planted.rests {
        let found = fs::read(path).unwrap();
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(shown(&found), shown(rest), "{}", path.display());
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o640);
    }
    for line in changed(&before) {
        let (what, rest) = line.split_once(' ').unwrap();
        let path = rest.trim_start().split(" (").next().unwrap();
        let gone = |root: &PathBuf| home.join(unescaped(path)).starts_with(root);
        let is_info = path.ends_with(".trashinfo") && !path.contains("other");
        let expected = match what {
            "missing" => planted.traces.keys().any(gone) || is_info,
            "changed" => planted.rests.contains_key(&home.join(unescaped(path))),
            _ => false,
        };
        // A name with such a bracket in it is cut.
        assert!(expected || path.contains("plan"), "{line}");
    }
}

/// As the comparison of trees writes names.
fn unescaped(path: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let code = std::str::from_utf8(&[*high, *low]).unwrap().to_owned();
                bytes.push(u8::from_str_radix(&code, 16).unwrap());
                after
            }
            (b'\\', [escaped, after @ ..]) => {
                bytes.push(*escaped);
                after
            }
            (plain, after) => {
                bytes.push(*plain);
                after
            }
        };
    }
    PathBuf::from(OsStr::from_bytes(&bytes))
}

#[test]
fn each_command_removes_exactly_what_it_is_for() {
    let (sandbox, _) = on_disk();
    let planted = planted(&sandbox);
    for line in run(&sandbox, &[], 0) {
        let command = line["command"].as_str().unwrap_or_default();
        let is_ours =
            line["path"].as_str().is_some_and(|path| Path::new(path).starts_with(sandbox.home()));
        let runs = ["rm ", "env "].iter().any(|start| command.starts_with(start));
        if is_ours && runs && line.get("stays").is_none() {
            sandbox.program("sh").args(["-c", command]).run().expect_code(0);
        }
    }
    // An editor does it, and the sizes of the trash are for poof alone.
    let by_hand = |path: &PathBuf| path.ends_with("places") || path.ends_with("directorysizes");
    for (path, rest) in planted.rests.iter().filter(|(path, _)| !by_hand(path)) {
        assert_eq!(&fs::read(path).unwrap(), rest, "{}", path.display());
    }
    let left = told(&run(&sandbox, &[], 0), &sandbox.home());
    let own = left.keys().filter(|path| !planted.stay.contains(path) && !by_hand(path));
    assert_eq!(own.collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

#[test]
fn of_a_tree_that_is_wiped_the_snapshot_tells_the_names() {
    let (sandbox, _) = on_disk();
    let planted = planted(&sandbox);
    let copies =
        ["letter.txt", "renamed.dat"].map(|name| sandbox.home().join("Downloads").join(name));
    let run_dry = sandbox.poof(["upload", "--dry-run"]).run().expect_code(0);
    run_dry.stderr_has("these tell of the files: 3 in the trash").stderr_has("`poof traces`");
    let uploaded = sandbox.poof(["upload", "--yes"]).run().expect_code(0);
    uploaded.stderr_has("these tell of the files: 3 in the trash").stderr_has("9 thumbnails");
    assert!(!sandbox.data().exists());
    let found = told(&run(&sandbox, &[], 0), &sandbox.home());
    assert_told(&planted.traces, &found);
    assert!(copies.iter().all(|path| found.contains_key(path)));
    run(&sandbox, &["--only", "config"], 0);
    run(&sandbox, &["--remove", "--copies", "--yes"], 0);
    assert!(!copies.iter().any(|path| path.exists()));
}

#[test]
fn before_poof_goes_it_lists_what_tells_with_the_commands() {
    let sandbox = encrypted(2);
    fs::write(sandbox.data().join("letter"), "x").unwrap();
    let history = sandbox.home().join(".zsh_history");
    fs::write(&history, "ls\nvim ~/data/letter\n").unwrap();
    let program = crate::farewell::installed(&sandbox);
    kit(&sandbox);
    let run = poof(&sandbox, &program, &["upload", "--yes"]).run().expect_code(0);
    let run = run.stderr_has("1 in histories of shells");
    let command = format!("sed -i '2d' '{}'", history.display());
    assert!(run.stdout.contains(&command), "{run}");
    assert!(!program.exists() && fs::read_to_string(&history).unwrap().contains("letter"), "{run}");
}

#[test]
fn what_is_not_for_poof_to_change_is_named_and_stays() {
    let (sandbox, _) = on_disk();
    let home = sandbox.home();
    fs::write(sandbox.data().join("letter"), content("letter")).unwrap();
    let line = "vim ~/data/letter\n";
    for name in [".bash_history", ".zsh_history", ".ksh_history"] {
        fs::write(home.join(name), line).unwrap();
    }
    // Another name, a link, and a program at work.
    fs::hard_link(home.join(".zsh_history"), home.join("other name")).unwrap();
    fs::rename(home.join(".ksh_history"), home.join("real")).unwrap();
    std::os::unix::fs::symlink("real", home.join(".ksh_history")).unwrap();
    fs::write(home.join(".viminfo"), "'0  1  0  ~/data/letter\n").unwrap();
    fs::write(home.join(".viminfo.tmp"), "").unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(home.join(".bash_history"), Some(65534), None).unwrap();
    } else {
        skipped(Lacks::Root, "only root can give a file away");
        fs::remove_file(home.join(".bash_history")).unwrap();
    }
    // A copy in a tree is none, and neither is what the remote holds.
    fs::write(sandbox.data().join("copy"), content("letter")).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let lines = run(&sandbox, &["--remove", "--copies", "--yes"], 0);
    let stays: Vec<_> = lines.iter().filter_map(|line| line["stays"].as_str()).collect();
    let mut expected = vec!["a program is at work with it"];
    expected.extend(is_root.then_some("it belongs to somebody else"));
    expected.extend(["it is a link", "the file has another name"]);
    assert_eq!(stays, expected, "{lines:#?}");
    assert_eq!(told(&lines, &home).len(), expected.len());
    for name in [".zsh_history", "real"] {
        assert_eq!(fs::read_to_string(home.join(name)).unwrap(), line);
    }
}

// Hazard 63.
#[test]
fn what_somebody_else_could_change_is_named_and_stays() {
    let (sandbox, _) = on_disk();
    let home = sandbox.home();
    fs::write(sandbox.data().join("letter"), content("letter")).unwrap();
    let shared = home.join("shared");
    fs::create_dir_all(shared.join("fish")).unwrap();
    fs::set_permissions(shared.join("fish"), Permissions::from_mode(0o777)).unwrap();
    let history = shared.join("fish/fish_history");
    fs::write(&history, "- cmd: cat ~/data/letter\n  when: 3\n").unwrap();
    fs::create_dir_all(home.join(".local")).unwrap();
    std::os::unix::fs::symlink("../shared", home.join(".local/share")).unwrap();
    // Nor does it say nothing of what it cannot look into.
    File::create(home.join(".bash_history")).unwrap().set_len((64 << 20) + 1).unwrap();
    let run = sandbox.poof(["--json", "traces", "--remove", "--yes"]).run().expect_code(0);
    let run = run.stderr_has("it is too large, and it may tell of your files");
    let lines = run.json_lines();
    let stays: Vec<_> = lines.iter().filter_map(|line| line["stays"].as_str()).collect();
    assert_eq!(stays, ["somebody else could change what is at this path"], "{lines:#?}");
    assert!(fs::read_to_string(&history).unwrap().contains("letter"));
}

#[test]
fn a_copy_that_only_a_bucket_for_anybody_knows_stays() {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("letter"), content("letter")).unwrap();
    let copy = sandbox.home().join("copy");
    fs::write(&copy, content("letter")).unwrap();
    sandbox.poof(["upload", "--yes"]).run().expect_code(0);
    // This machine no longer knows that it made the snapshot.
    fs::remove_dir_all(sandbox.home().join(".local/state/poof")).unwrap();
    let lines = run(&sandbox, &["--remove", "--copies", "--yes"], 0);
    let stays: Vec<_> = lines.iter().filter_map(|line| line["stays"].as_str()).collect();
    assert_eq!(stays, ["only a bucket that is not encrypted says that it is a copy"], "{lines:#?}");
    assert!(copy.exists());
}
