//! Somebody between poof and its encrypted remote, who has no password, answers with what is
//! there in the wrong place, in part, from before, or not at all. Whatever poof does then, it
//! puts nothing wrong here, it wipes nothing that is not there, and it does not say that all
//! is well.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::farewell::{installed, kit, poof, safe};
use crate::harness::command::Run;
use crate::harness::proxy::Request;
use crate::harness::{Backdoor, Kind, Proxy, Sandbox, Verdict};
use crate::story::proxied;

type Rule = Box<dyn Fn(&Request) -> Verdict + Send + Sync>;
type Contents = BTreeMap<String, Vec<u8>>;

/// More than two blocks of crypt, and all of one size.
const SIZE: usize = 200_000;
const NAMES: [&str; 4] = ["one", "two", "twice", "small"];

fn content(name: &str, late: bool) -> Vec<u8> {
    let size = if name == "small" { 10 } else { SIZE };
    let seed = name.bytes().map(u64::from).sum::<u64>() * 2 + u64::from(late && name == "twice");
    let mut bytes = vec![0; size];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

fn saved() -> Contents {
    NAMES.iter().map(|name| ((*name).to_owned(), content(name, true))).collect()
}

fn contents(dir: &Path) -> Contents {
    let files = walkdir::WalkDir::new(dir).into_iter().flatten();
    let files = files.filter(|entry| entry.file_type().is_file());
    let name = |path: &Path| path.strip_prefix(dir).unwrap().to_string_lossy().into_owned();
    files.map(|entry| (name(entry.path()), fs::read(entry.path()).unwrap())).collect()
}

const MISSING: Verdict = Verdict::Status(404, "NoSuchKey");

fn always(kinds: &[Kind], verdict: Verdict) -> Rule {
    let kinds = kinds.to_vec();
    Box::new(
        move |request| {
            if kinds.contains(&request.kind) { verdict.clone() } else { Verdict::Pass }
        },
    )
}

/// Who asks for one of these objects.
fn got(keys: &[&String], verdict: Verdict) -> Rule {
    let keys: Vec<String> = keys.iter().map(|key| (*key).clone()).collect();
    Box::new(move |request| {
        let is_it = matches!(request.kind, Kind::Get | Kind::Head);
        let is_it = is_it && keys.iter().any(|key| key == request.key());
        if is_it { verdict.clone() } else { Verdict::Pass }
    })
}

/// The first that does anything.
fn first(rules: Vec<Rule>) -> Rule {
    Box::new(move |request| {
        let verdicts = rules.iter().map(|rule| rule(request));
        verdicts.into_iter().find(|v| !matches!(v, Verdict::Pass)).unwrap_or(Verdict::Pass)
    })
}

/// A listing without these objects.
fn lacking(keys: &[String]) -> Verdict {
    let ends = keys.iter().map(|key| key.rsplit('/').next().unwrap().to_owned());
    Verdict::Lacking(ends.collect())
}

/// A machine with two generations of a snapshot, and what its remote holds.
struct Victim {
    sandbox: Sandbox,
    proxy: Proxy,
    /// Keys and raw objects by the paths of files.
    raw: BTreeMap<&'static str, (String, Vec<u8>)>,
    /// Before its content changed.
    older: Vec<u8>,
    heads: [(String, Vec<u8>); 2],
    shards: Vec<String>,
    tree: String,
}

impl Victim {
    fn new() -> Self {
        let (sandbox, proxy) = proxied(true);
        let write = |late| {
            for name in NAMES {
                fs::write(sandbox.data().join(name), content(name, late)).unwrap();
            }
            sandbox.poof(["backup"]).run().expect_code(0);
        };
        // A server that always breaks off is taken for a network that is away.
        sandbox.set("patience", "1s".into());
        write(false);
        let door = Backdoor::past(&sandbox);
        let older = door.read("data/twice");
        write(true);
        let paths = ["data/one", "data/two", "data/twice"];
        let raw = paths.map(|path| (path, (door.key(path), door.read(path)))).into();
        let heads = door.heads("data").map(|head| (door.key(&head), door.read(&head)));
        let shard = ".poof/trees/data/shard";
        let shards = door.names(shard).into_iter().map(|name| door.key(&format!("{shard}/{name}")));
        let (shards, tree) = (shards.collect(), door.key("data"));
        Victim { sandbox, proxy, raw, older, heads, shards, tree }
    }

    /// All that whoever is on the way may do, by name.
    fn tampers(&self) -> Vec<(&'static str, Rule)> {
        let [one, two, twice] = ["data/one", "data/two", "data/twice"].map(|p| &self.raw[p]);
        let [newest, before] = &self.heads;
        let cut = one.1[..32 + 2 * (16 + (64 << 10))].to_vec();
        let body = |body: &[u8]| Verdict::Body(body.to_vec());
        let both = vec![newest.0.clone(), before.0.clone()];
        let lists = |verdict| always(&[Kind::List], verdict);
        let tree = self.tree.clone();
        vec![
            ("swapped", first(vec![got(&[&one.0], body(&two.1)), got(&[&two.0], body(&one.1))])),
            ("cut between two blocks", got(&[&one.0], Verdict::Body(cut))),
            ("broken off", got(&[&one.0], Verdict::Half)),
            ("older content", got(&[&twice.0], body(&self.older))),
            ("older head", got(&[&newest.0], body(&before.1))),
            (
                "newest head deleted",
                first(vec![got(&[&newest.0], MISSING), lists(lacking(&both[..1]))]),
            ),
            (
                "all heads deleted",
                first(vec![got(&[&newest.0, &before.0], MISSING), lists(lacking(&both))]),
            ),
            ("shards missing", got(&self.shards.iter().collect::<Vec<_>>(), MISSING)),
            (
                "empty bucket",
                first(vec![lists(Verdict::Empty), always(&[Kind::Get, Kind::Head], MISSING)]),
            ),
            (
                "empty listing of the tree",
                Box::new(move |request| match request.kind {
                    Kind::List if request.query.contains(&tree) => Verdict::Empty,
                    _ => Verdict::Pass,
                }),
            ),
            ("all listings empty", lists(Verdict::Empty)),
            ("every answer corrupt", always(&[Kind::Get], Verdict::Corrupt)),
        ]
    }

    /// Those of `which`; none: all.
    fn some(&self, which: &[&str]) -> Vec<(&'static str, Rule)> {
        chosen(self.tampers(), which)
    }

    /// Runs something with each of these, and looks at it.
    fn each(&self, which: &[&str], run: impl Fn() -> Run, look: impl Fn(&str, &Run)) {
        for (what, rule) in self.some(which) {
            self.proxy.set_rule(rule);
            let run = run();
            self.proxy.set_rule(|_| Verdict::Pass);
            told(what, &run);
            look(what, &run);
        }
    }
}

fn chosen(mut all: Vec<(&'static str, Rule)>, which: &[&str]) -> Vec<(&'static str, Rule)> {
    all.retain(|(name, _)| which.is_empty() || which.contains(name));
    assert!(all.len() >= which.len().max(1), "{which:?}");
    all
}

fn told(what: &str, run: &Run) {
    eprintln!("{what}: exit code {:?} after {:?}", run.code, run.elapsed);
}

/// What is in `dir` is what was saved, or was there before; exit 0 says that it is all of it.
#[track_caller]
fn nothing_is_wrong(dir: &Path, mine: &[u8], what: &str, run: &Run) {
    let (here, saved) = (contents(dir), saved());
    for (name, content) in &here {
        assert!(saved.get(name) == Some(content) || content == mine, "{what}: {name}: {run}");
    }
    assert!(run.code != Some(0) || here == saved, "{what}: {run}");
}

/// Who never answers to the end is taken for a network that is away.
const AWAY: &str = "broken off";

/// Whether a run ended with what went wrong.
fn says_so(what: &str, run: &Run) -> bool {
    matches!(run.code, Some(5 | 7)) || what == AWAY && run.code == Some(4)
}

/// What this machine remembers of the manifest nobody has to tell it, and an object that no
/// listing shows is asked for by its name.
const EXACT: [&str; 3] = ["older head", "shards missing", UNSEEN];
const UNSEEN: &str = "empty listing of the tree";

fn downloads(victim: &Victim, which: &[&str]) {
    let data = victim.sandbox.data();
    let mine = b"mine";
    let run = || {
        let _ = fs::remove_dir_all(&data);
        fs::create_dir(&data).unwrap();
        for name in ["one", "twice"] {
            fs::write(data.join(name), mine).unwrap();
        }
        let args = ["download", "--only", "data", "--yes", "--allow", "mass-deletion"];
        victim.sandbox.poof(args).run()
    };
    victim.each(which, run, |what, run| {
        nothing_is_wrong(&data, mine, what, run);
        assert!(EXACT.contains(&what) || says_so(what, run), "{what}: {run}");
    });
    run().expect_code(0);
    assert_eq!(contents(&data), saved());
}

#[test]
#[ignore = "half a minute: make soak"]
fn soak_a_download_brings_nothing_that_was_tampered_with() {
    downloads(&Victim::new(), &[]);
}

fn checks(victim: &Victim, which: &[&str]) {
    let run = || victim.sandbox.poof(["check", "--read-data"]).run();
    victim.each(which, run, |what, run| {
        assert!(says_so(what, run), "{what}: {run}");
    });
    run().expect_code(0);
}

#[test]
#[ignore = "half a minute: make soak"]
fn soak_a_check_names_what_was_tampered_with() {
    checks(&Victim::new(), &[]);
}

fn returns(victim: &Victim, which: &[&str]) {
    let (kit, phrase) = (kit(&victim.sandbox), safe(&victim.sandbox).join("phrase"));
    let args = ["return", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
    for (what, rule) in victim.some(which) {
        let other = Sandbox::new();
        victim.proxy.set_rule(rule);
        let run = other.poof(args).run();
        victim.proxy.set_rule(|_| Verdict::Pass);
        told(what, &run);
        nothing_is_wrong(&other.data(), b"", what, &run);
        assert!(what == UNSEEN || says_so(what, &run), "{what}: {run}");
        if which.is_empty() {
            // Without him all comes back, whatever the first try has left.
            if other.confdir().join("poof.conf").exists() {
                other.poof(["download", "--yes"]).run().expect_code(0);
            } else {
                other.poof(args).run().expect_code(0);
            }
            assert_eq!(contents(&other.data()), saved(), "{what}");
        }
    }
}

#[test]
#[ignore = "a minute: make soak"]
fn soak_a_return_brings_nothing_that_was_tampered_with() {
    returns(&Victim::new(), &[]);
}

/// What changes nothing of what the server lists.
const READ_ALONE: [&str; 4] = ["swapped", "cut between two blocks", "broken off", "older content"];

fn neuters(victim: &Victim, which: &[&str]) {
    victim.sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0);
    let program = installed(&victim.sandbox);
    let run = || poof(&victim.sandbox, &program, &["neuter", "--yes", "--allow", "no-kit"]).run();
    for (what, rule) in victim.some(which) {
        if READ_ALONE.contains(&what) {
            continue;
        }
        victim.proxy.set_rule(rule);
        let run = run();
        told(what, &run);
        let run = run.expect_code(7);
        assert!(program.exists() && victim.sandbox.rclone_conf().exists(), "{what}: {run}");
        assert!(victim.sandbox.state().join("wiped").exists(), "{what}: {run}");
    }
    victim.proxy.set_rule(|_| Verdict::Pass);
    run().expect_code(0);
}

#[test]
#[ignore = "half a minute: make soak"]
fn soak_poof_does_not_go_on_the_word_of_who_tampers() {
    neuters(&Victim::new(), &[]);
}

#[test]
fn what_was_tampered_with_neither_comes_here_nor_is_called_well() {
    let victim = Victim::new();
    checks(&victim, &["older content", "newest head deleted", "empty listing of the tree"]);
    returns(&victim, &["newest head deleted"]);
    downloads(&victim, &["older content", "all heads deleted", "all listings empty"]);
    // What that check has read is sent again, in a newer snapshot.
    neuters(&Victim::new(), &["newest head deleted", "all listings empty"]);
}

/// What somebody does to an upload.
fn tampers_with_sending(victim: &Victim) -> Vec<(&'static str, Rule)> {
    let tree = format!("{}/", victim.tree);
    let at = tree.clone();
    let own: Vec<(&str, Rule)> = vec![
        ("another tag", always(&[Kind::Put], Verdict::Tagged)),
        (
            "swallowed",
            Box::new(move |request| match request.kind {
                Kind::Put if request.key().starts_with(&tree) => Verdict::Swallow,
                _ => Verdict::Pass,
            }),
        ),
        ("swallowed, all", always(&[Kind::Put], Verdict::Swallow)),
        (
            "no hashes",
            Box::new(move |request| match request.kind {
                Kind::List => Verdict::Hashless,
                Kind::Get if request.key().starts_with(&at) => Verdict::Corrupt,
                _ => Verdict::Pass,
            }),
        ),
    ];
    own.into_iter().chain(victim.tampers()).collect()
}

/// An upload of something new, with each tamper: what is wiped is there.
fn uploads(which: &[&str]) {
    let mut victim = Victim::new();
    let names: Vec<_> = chosen(tampers_with_sending(&victim), which);
    for (number, (what, _)) in names.into_iter().enumerate() {
        if number > 0 {
            victim = Victim::new();
        }
        let data = victim.sandbox.data();
        fs::write(data.join("new"), content("new", false)).unwrap();
        let before = contents(&data);
        let (_, rule) = chosen(tampers_with_sending(&victim), &[what]).remove(0);
        victim.proxy.set_rule(rule);
        let run = victim.sandbox.poof(["upload", "--yes", "--keep-poof"]).run();
        victim.proxy.set_rule(|_| Verdict::Pass);
        told(what, &run);
        let here = contents(&data);
        let there = if here == before {
            Contents::new()
        } else {
            victim.sandbox.poof(["download", "--only", "data", "--to", "beside"]).run();
            contents(&victim.sandbox.home().join("beside/data"))
        };
        for (name, content) in &before {
            let is_safe = here.get(name) == Some(content) || there.get(name) == Some(content);
            assert!(is_safe, "{what}: {name} is lost: {run}");
        }
        assert!(run.code != Some(0) || here.is_empty(), "{what}: {run}");
        assert!(run.code.is_some_and(|code| matches!(code, 0 | 4..=7)), "{what}: {run}");
    }
}

#[test]
fn an_upload_wipes_nothing_on_the_word_of_who_tampers() {
    uploads(&["swallowed", "no hashes"]);
}

#[test]
#[ignore = "a minute: make soak"]
fn soak_an_upload_wipes_nothing_on_the_word_of_who_tampers() {
    uploads(&[]);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_an_answer_that_drips_ends_and_brings_nothing_wrong() {
    let victim = Victim::new();
    let data = victim.sandbox.data();
    for (size, pause) in [(1, 1_000), (1, 20_000), (64, 5_000)] {
        for args in [&["download", "--only", "data", "--yes"][..], &["check", "--read-data"]] {
            let _ = fs::remove_dir_all(&data);
            let pause = Duration::from_millis(pause);
            victim.proxy.set_rule(move |request| match request.kind {
                Kind::Get => Verdict::Drip(size, pause),
                _ => Verdict::Pass,
            });
            let run = victim.sandbox.poof(args).timeout(Duration::from_mins(20)).run();
            victim.proxy.set_rule(|_| Verdict::Pass);
            eprintln!("{size} B each {pause:?}: {:?} after {:?}", run.code, run.elapsed);
            nothing_is_wrong(&data, b"", "drip", &run);
            assert!(matches!(run.code, Some(4 | 5)), "{run}");
        }
    }
}
