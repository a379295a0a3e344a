//! What a backup replaces and removes stays on the remote for a time, and each snapshot within
//! that time comes back exactly.

mod gardener;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::harness::command::Run;
use crate::harness::servers::{PASSWORD, Server, USER};
use crate::harness::{
    Backdoor, Config, Proxy, Sandbox, assert_exact, copy_exactly, grow, is_bundled,
};
use crate::story::proxied;
use gardener::Gardener;

const BACKUP: [&str; 3] = ["backup", "--only", "data"];

/// What stands on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Copies by itself, in one request.
    Minio,
    /// Moves only.
    Disk,
    /// Moves only.
    Sftp,
    /// Copies and moves.
    Webdav,
}

/// A machine, and a remote that keeps what is replaced and removed.
struct Scene {
    sandbox: Sandbox,
    proxy: Option<Proxy>,
    _server: Option<Server>,
}

impl Scene {
    fn new(side: Side, encrypted: bool, keep: &str) -> Self {
        let (sandbox, proxy, server) = match side {
            Side::Minio => {
                let (sandbox, proxy) = proxied(encrypted);
                (sandbox, Some(proxy), None)
            }
            Side::Disk => {
                let sandbox = Sandbox::new();
                let path = format!("PATH={}", sandbox.home().join("disk").display());
                fs::create_dir(sandbox.home().join("disk")).unwrap();
                configure(&sandbox, encrypted, &["local", &path]);
                (sandbox, None, None)
            }
            Side::Sftp | Side::Webdav => {
                let sandbox = Sandbox::new();
                let kind = if side == Side::Sftp { "sftp" } else { "webdav" };
                let server = Server::rclone(kind);
                let (host, port) = (server.address.ip(), server.address.port());
                let (user, pass) = (format!("user={USER}"), format!("pass={PASSWORD}"));
                let proxy = (side == Side::Webdav).then(|| Proxy::start(server.address));
                let place = match &proxy {
                    None => [format!("host={host}"), format!("port={port}")],
                    Some(proxy) => [format!("url={}", proxy.endpoint()), "vendor=other".to_owned()],
                };
                let words = [kind, &place[0], &place[1], &user, &pass];
                configure(&sandbox, encrypted, &words);
                (sandbox, proxy, Some(server))
            }
        };
        sandbox.set("keep", keep.into());
        Scene { sandbox, proxy, _server: server }
    }

    #[track_caller]
    fn poof(&self, args: &[&str], code: i32) -> Run {
        self.sandbox.poof(args).run().expect_code(code)
    }

    #[track_caller]
    fn back_up(&self) -> Run {
        self.poof(&BACKUP, 0)
    }

    /// Exact copies of what was saved, by the numbers of snapshots.
    fn state(&self, number: usize) -> PathBuf {
        self.sandbox.home().join("states").join(number.to_string())
    }

    /// Backs up, and keeps a copy of what the snapshot of this number has.
    #[track_caller]
    fn save(&self, number: usize) {
        self.back_up();
        fs::create_dir_all(self.state(number)).unwrap();
        copy_exactly(&self.sandbox.data(), &self.state(number));
    }

    /// So many snapshots of a tree that changes at random.
    #[track_caller]
    fn grow(&self, rounds: usize, seed: u64) -> Gardener {
        let mut gardener = Gardener::new(&self.sandbox.data(), seed);
        self.save(1);
        for number in 2..=rounds {
            gardener.stir();
            self.save(number);
        }
        gardener
    }

    /// The snapshot of this number is, beside what is here, exactly what was saved.
    #[track_caller]
    fn comes_back(&self, number: usize, at: &str) {
        let back = self.sandbox.home().join("back");
        let args = ["download", "--only", "data", "--to", "back", "--at", &number.to_string()];
        let run = self.sandbox.poof(args).run();
        assert_eq!(run.code, Some(0), "{at}, snapshot {number}: {run}");
        assert_exact(&self.state(number), &back.join("data"));
        fs::remove_dir_all(back).unwrap();
    }

    /// What is kept, by its names in clear.
    fn kept(&self) -> Vec<String> {
        Backdoor::new(&self.sandbox).names(".poof/kept")
    }

    fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().unwrap()
    }

    /// Requests and bytes of a run.
    #[track_caller]
    fn bill(&self, args: &[&str]) -> (usize, u64) {
        self.proxy().reset();
        self.poof(args, 0);
        (self.proxy().total(), self.proxy().sent())
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.sandbox.data().join(name), content).unwrap();
    }
}

/// A remote that is no S3, as `poof cconfig` makes it of these words.
fn configure(sandbox: &Sandbox, encrypted: bool, words: &[&str]) {
    sandbox.write_config(&Config::plain("http://unused"));
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    sandbox.poof(["cconfig", "--remote"]).args(words).run().expect_code(0);
    if encrypted {
        for verb in ["econfig", "cryptoggle"] {
            sandbox.poof([verb]).run().expect_code(0);
        }
    }
}

/// Every snapshot of a tree that changes at random comes back, beside it and in its place.
fn every_snapshot_comes_back(side: Side, rounds: usize) {
    for (encrypted, seed) in [(false, 11), (true, 12)] {
        let at = format!("{side:?}, encrypted: {encrypted}");
        let scene = Scene::new(side, encrypted, "30d");
        scene.grow(rounds, seed);
        assert!(!scene.kept().is_empty() || is_bundled(), "{at}");
        let run = scene.poof(&["--json", "history", "data"], 0);
        let lines = run.json_lines();
        let numbers: Vec<_> = lines.iter().filter_map(|line| line["generation"].as_u64()).collect();
        assert_eq!(numbers.len(), rounds, "{at}: {numbers:?}");
        for number in 1..=rounds {
            scene.comes_back(number, &at);
        }
        let middle = rounds / 2;
        let number = middle.to_string();
        scene.poof(&["download", "--only", "data", "--yes", "--at", &number], 0);
        assert_exact(&scene.state(middle), &scene.sandbox.data());
        scene.back_up();
        for number in [1, middle, rounds] {
            scene.comes_back(number, &at);
        }
        let run = scene.poof(&["check", "--only", "data"], 0);
        assert!(!run.stdout.contains("foreign"), "{at}: {run}");
    }
}

#[test]
fn every_snapshot_comes_back_from_s3() {
    every_snapshot_comes_back(Side::Minio, 6);
}

#[test]
fn every_snapshot_comes_back_from_a_disk() {
    every_snapshot_comes_back(Side::Disk, 6);
}

#[test]
fn every_snapshot_comes_back_from_sftp() {
    every_snapshot_comes_back(Side::Sftp, 4);
}

#[test]
fn every_snapshot_comes_back_from_webdav() {
    every_snapshot_comes_back(Side::Webdav, 4);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_hundred_snapshots_come_back_from_s3() {
    every_snapshot_comes_back(Side::Minio, 100);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_hundred_snapshots_come_back_from_a_disk() {
    every_snapshot_comes_back(Side::Disk, 100);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_hundred_snapshots_come_back_from_sftp() {
    every_snapshot_comes_back(Side::Sftp, 100);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_hundred_snapshots_come_back_from_webdav() {
    every_snapshot_comes_back(Side::Webdav, 100);
}

/// What runs cost, with and without "keep": a first one, one without a change, one that
/// replaces five files and removes five, and one without a change after it.
fn costs(encrypted: bool, keeps: bool) -> [(usize, u64); 4] {
    let scene = Scene::new(Side::Minio, encrypted, "30d");
    let data = scene.sandbox.data();
    if !keeps {
        scene.sandbox.set("keep", "0s".into());
    }
    for number in 0..30 {
        fs::write(data.join(number.to_string()), noise(50_000, number)).unwrap();
    }
    let (first, unchanged) = (scene.bill(&BACKUP), scene.bill(&BACKUP));
    for number in 0..5 {
        fs::write(data.join(number.to_string()), noise(50_000, 100 + number)).unwrap();
        fs::remove_file(data.join((10 + number).to_string())).unwrap();
    }
    let ten_changed = scene.bill(&BACKUP);
    assert_eq!(scene.kept().len(), if keeps { 10 } else { 0 });
    [first, unchanged, ten_changed, scene.bill(&BACKUP)]
}

fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut noise = vec![0; size];
    fastrand::Rng::with_seed(seed).fill(&mut noise);
    noise
}

#[test]
fn keeping_sends_no_content_and_costs_a_request_for_each_object_and_two_more() {
    for encrypted in [false, true] {
        let (with, without) = (costs(encrypted, true), costs(encrypted, false));
        let at = format!("encrypted: {encrypted}, with {with:?}, without {without:?}");
        // The first one notes that it keeps, and looks whether that is there.
        assert!(with[0].0 <= without[0].0 + 2, "{at}");
        assert_eq!(with[1].0, without[1].0, "{at}");
        assert!(with[2].0 <= without[2].0 + 12, "{at}");
        assert!(with[3].0 <= without[3].0, "{at}");
        // What differs is in the records, of which no two are of one size.
        assert!(with[2].1 <= without[2].1 + 1_000, "{at}");
    }
}

// One page of a listing has 1,000 objects.
#[test]
fn a_run_without_a_change_costs_the_same_whatever_is_kept() {
    let scene = Scene::new(Side::Minio, false, "30d");
    let data = scene.sandbox.data();
    grow(&data.join("gone"), 1_100, 1..=8, 1);
    grow(&data.join("stays"), 50, 1..=8, 2);
    scene.back_up();
    fs::remove_dir_all(data.join("gone")).unwrap();
    scene.write("new", "new");
    scene.poof(&[&BACKUP[..], &["--allow", "mass-deletion"]].concat(), 0);
    assert!(scene.kept().len() > 1_000);
    let (with, _) = scene.bill(&BACKUP);
    let other = Scene::new(Side::Minio, false, "30d");
    copy_exactly(&data, &other.sandbox.data());
    other.back_up();
    let (without, _) = other.bill(&BACKUP);
    assert!(with <= without + 1, "{with} requests, and {without} where nothing is kept");
}

/// Where a backup is killed.
#[derive(Clone, Copy, Debug)]
enum Point {
    /// Before its request of this number.
    Request(usize),
    /// Before the system call of this name that one of its threads makes the nth time.
    Call(&'static str, usize),
}

/// Kills a backup that replaces and removes. Returns whether it was killed.
fn killed(side: Side, encrypted: bool, seed: u64, point: Point) -> bool {
    const ROUNDS: usize = 3;
    let at = format!("{side:?}, encrypted: {encrypted}, seed {seed}, killed at {point:?}");
    let scene = Scene::new(side, encrypted, "30d");
    let mut gardener = scene.grow(ROUNDS, seed);
    gardener.stir();
    let run = match point {
        Point::Request(k) => scene.sandbox.poof(BACKUP).run_killed_at(k, scene.proxy()),
        Point::Call(call, k) => {
            let (trace, inject) = (format!("--trace={call}"), format!("{call}:signal=SIGKILL"));
            let strace = scene.sandbox.program("strace").args(["-f", "-qq", "-o", "/dev/null"]);
            let strace = strace.args([trace, format!("--inject={inject}:when={k}")]);
            strace.args([env!("CARGO_BIN_EXE_poof")]).args(BACKUP).run()
        }
    };
    if run.code.is_some() {
        assert_eq!(run.code, Some(0), "{at}: {run}");
        return false;
    }
    for number in 1..=ROUNDS {
        scene.comes_back(number, &at);
    }
    let run = scene.sandbox.poof(BACKUP).run();
    assert_eq!(run.code, Some(0), "{at}: {run}");
    fs::create_dir_all(scene.state(ROUNDS + 1)).unwrap();
    copy_exactly(&scene.sandbox.data(), &scene.state(ROUNDS + 1));
    for number in 1..=ROUNDS + 1 {
        scene.comes_back(number, &at);
    }
    scene.sandbox.set("keep", "0s".into());
    scene.write("last", "last");
    let run = scene.sandbox.poof(BACKUP).run();
    assert_eq!(run.code, Some(0), "{at}: {run}");
    assert_eq!(scene.kept(), [""; 0], "{at}");
    scene.poof(&["check", "--only", "data"], 0);
    true
}

/// The number of requests of a backup that replaces and removes.
fn requests(side: Side, encrypted: bool, seed: u64) -> usize {
    let scene = Scene::new(side, encrypted, "30d");
    scene.grow(3, seed).stir();
    scene.bill(&BACKUP).0
}

/// Kills at `count` requests, spread evenly. Returns how many were killed.
fn killed_at_requests(side: Side, encrypted: bool, count: usize) -> usize {
    let seed = 20 + u64::from(encrypted);
    let total = requests(side, encrypted, seed);
    let points = (0..count).map(|i| 1 + (2 * i + 1) * (total - 1) / (2 * count));
    points.filter(|k| killed(side, encrypted, seed, Point::Request(*k))).count()
}

/// Kills at `count` system calls of each kind that change a disk, `step` calls apart.
fn killed_at_calls(encrypted: bool, count: usize, step: usize) -> usize {
    let kills = |call| {
        let points = (0..count).map(move |i| Point::Call(call, 1 + i * step));
        points.take_while(|point| killed(Side::Disk, encrypted, 30, *point)).count()
    };
    ["renameat", "unlinkat", "rename", "mkdirat"].into_iter().map(kills).sum()
}

#[test]
fn a_killed_backup_loses_no_snapshot_and_leaves_nothing() {
    for encrypted in [false, true] {
        assert_eq!(killed_at_requests(Side::Minio, encrypted, 2), 2);
    }
}

#[test]
fn a_backup_to_a_disk_that_is_killed_loses_no_snapshot_and_leaves_nothing() {
    for (encrypted, call) in [(false, 1), (true, 2)] {
        assert!(killed(Side::Disk, encrypted, 30, Point::Call("renameat", call)));
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_a_killed_backup_loses_no_snapshot_and_leaves_nothing() {
    let mut kills = 0;
    for encrypted in [false, true] {
        for side in [Side::Minio, Side::Webdav] {
            kills += killed_at_requests(side, encrypted, 20);
        }
        kills += killed_at_calls(encrypted, 5, 1);
    }
    eprintln!("{kills} kills");
    assert!(kills >= 80, "{kills}");
}

#[test]
fn what_is_out_of_time_goes_with_the_second_run_and_a_download_says_what_is_there() {
    for (side, encrypted) in [(Side::Minio, true), (Side::Disk, false)] {
        let scene = Scene::new(side, encrypted, "2s");
        for round in 1..=5 {
            scene.write("a", &format!("a of {round}"));
            scene.write(&format!("b{round}"), "same");
            let _ = fs::remove_file(scene.sandbox.data().join(format!("b{}", round - 1)));
            scene.save(round);
        }
        // The time is what is tested: whole seconds, so that the last is over in any case.
        thread::sleep(Duration::from_millis(3_100));
        scene.back_up().stderr_has("data: 0 new, 0 changed, 0 removed");
        // The first that finds it so may have had a wrong clock.
        assert!(!scene.kept().is_empty(), "{side:?}");
        scene.back_up().stderr_has("data: 0 new, 0 changed, 0 removed");
        assert_eq!(scene.kept(), [""; 0], "{side:?}");
        // Its head is gone as well, that of the fourth is not.
        let back = |number| scene.sandbox.poof(["download", "--to", "back", "--at", number]).run();
        back("1").expect_code(5).stderr_has("data has no snapshot 1").stderr_has("poof history");
        back("4")
            .expect_code(5)
            .stderr_has("data/b4: a later backup has replaced or removed its object")
            .stderr_has("data/a: the object is not what the snapshot holds");
        let back = scene.sandbox.home().join("back/data");
        assert_ne!(fs::read(back.join("a")).unwrap_or_default(), b"a of 5");
        scene.comes_back(5, &format!("{side:?}"));
    }
}

#[test]
fn what_is_kept_stays_after_an_upload_and_comes_back_elsewhere() {
    for encrypted in [false, true] {
        let scene = Scene::new(Side::Minio, encrypted, "30d");
        let mut gardener = scene.grow(2, 40);
        gardener.stir();
        let data = scene.sandbox.data();
        fs::create_dir_all(scene.state(3)).unwrap();
        copy_exactly(&data, &scene.state(3));
        scene.poof(&["upload", "--yes", "--keep-poof"], 0);
        assert!(!data.exists());
        assert!(!scene.kept().is_empty() || is_bundled());
        for number in 1..=3 {
            scene.comes_back(number, "wiped");
        }
        scene
            .poof(&["download", "--only", "data", "--at", "1"], 7)
            .stderr_has("`poof download --only data`")
            .stderr_has("`--to DIR`");
        assert!(!data.exists());
        scene.poof(&["download", "--only", "data"], 0);
        assert_exact(&scene.state(3), &data);
        scene.poof(&["download", "--only", "data", "--yes", "--at", "1"], 0);
        assert_exact(&scene.state(1), &data);
    }
}

#[test]
fn a_bucket_of_before_keeps_from_now_on() {
    for (encrypted, python) in [(false, true), (true, true), (false, false), (true, false)] {
        let at = format!("encrypted: {encrypted}, of the Python poof: {python}");
        let scene = Scene::new(Side::Minio, encrypted, "30d");
        let conf = scene.sandbox.confdir().join("poof.conf");
        let text = fs::read_to_string(&conf).unwrap();
        let of_before = text.replace("  \"keep\": \"30d\",\n", "");
        assert_ne!(text, of_before);
        fs::write(&conf, of_before).unwrap();
        grow(&scene.sandbox.data(), 10, 1..=3_000, 8);
        let mut first = 1;
        if python {
            scene.sandbox.python_poof(["backup"]).run().expect_code(0);
        } else {
            for round in 1..=5 {
                scene.write("changes", &format!("round {round}"));
                scene.save(round);
            }
            first = 5;
        }
        fs::write(&conf, text).unwrap();
        scene.save(first);
        for number in first + 1..=first + 3 {
            scene.write("changes", &format!("now {number}"));
            let file = walkdir::WalkDir::new(scene.sandbox.data()).sort_by_file_name();
            let mut files = file.into_iter().flatten().filter(|e| e.file_type().is_file());
            fs::remove_file(files.next().unwrap().path()).unwrap();
            scene.save(number);
        }
        for number in first..=first + 3 {
            scene.comes_back(number, &at);
        }
    }
}

// A kept object is found by its name, which anybody can write.
#[test]
fn what_is_kept_and_damaged_is_reported_and_nothing_else_comes_instead() {
    const DAMAGED: [&str; 4] = ["missing", "swapped-1", "swapped-2", "changed"];
    for encrypted in [false, true] {
        let scene = Scene::new(Side::Minio, encrypted, "30d");
        let content = |name: &str| format!("{name:9}").repeat(500);
        for name in DAMAGED.into_iter().chain(["whole"]) {
            scene.write(name, &content(name));
        }
        scene.write("stays", "stays");
        scene.back_up();
        // One after the other, to know what is kept of which.
        let mut kept: Vec<String> = Vec::new();
        for name in DAMAGED.into_iter().chain(["whole"]) {
            scene.write(name, "other");
            scene.back_up();
            let new = scene.kept().into_iter().map(|name| format!(".poof/kept/{name}"));
            let new = new.into_iter().find(|name| !kept.contains(name));
            kept.push(new.unwrap());
        }
        let door = Backdoor::new(&scene.sandbox);
        let [one, two, mut changed] = [1, 2, 3].map(|index| door.read(&kept[index]));
        door.delete(&kept[0]);
        door.write(&kept[1], &two);
        door.write(&kept[2], &one);
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        door.write(&kept[3], &changed);
        let at = ["download", "--only", "data", "--at", "1"];
        let run = scene.poof(&[&at[..], &["--to", "back"]].concat(), 5);
        let back = scene.sandbox.home().join("back/data");
        for name in DAMAGED {
            assert!(run.stderr.contains(&format!("data/{name}: ")), "{name}, {encrypted}: {run}");
            assert!(!back.join(name).exists(), "{name}, {encrypted}: {run}");
        }
        assert_eq!(fs::read(back.join("whole")).unwrap(), content("whole").as_bytes());
        assert_eq!(fs::read(back.join("stays")).unwrap(), b"stays");
        // In its place, what is here stays as it is.
        scene.poof(&[&at[..], &["--yes"]].concat(), 5);
        let here = |name: &str| fs::read(scene.sandbox.data().join(name)).unwrap();
        for name in DAMAGED {
            assert_eq!(here(name), b"other", "{name}, {encrypted}");
        }
        assert_eq!(here("whole"), content("whole").as_bytes());
    }
}

/// A daemon of Sia that has no files, and the address of it. Of all that rclone speaks to,
/// Sia is one that neither copies nor moves, and that is easy to stand in for.
fn sia() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.read(&mut [0; 4_096]);
            let body = r#"{"message":"no file known with that path"}"#;
            let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n";
            let length = body.len();
            let rest = format!("Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
            let _ = client.write_all(format!("{head}{rest}").as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn a_remote_that_can_neither_copy_nor_move_keeps_nothing_and_verify_says_so() {
    for encrypted in [false, true] {
        let sandbox = Sandbox::new();
        let url = format!("api_url={}", sia());
        configure(&sandbox, encrypted, &["sia", &url]);
        sandbox.set("keep", "30d".into());
        for verb in ["verify", "backup"] {
            let run = sandbox.poof([verb]).run().expect_code(3);
            run.stderr_has("can neither copy nor move").stderr_has("Remove \"keep\"");
        }
        // It is the key that is refused, and not the remote.
        sandbox.set("keep", "0s".into());
        let run = sandbox.poof(["verify"]).run();
        assert!(!run.stderr.contains("neither copy nor move"), "{run}");
    }
}

#[test]
fn the_history_of_a_file_says_which_versions_come_back() {
    for (side, encrypted) in [(Side::Minio, true), (Side::Disk, false)] {
        let scene = Scene::new(side, encrypted, "30d");
        for text in ["one", "two", "three"] {
            scene.write("a", text);
            scene.back_up();
        }
        fs::remove_file(scene.sandbox.data().join("a")).unwrap();
        scene.write("other", "other");
        scene.back_up();
        let restorable = || {
            let run = scene.poof(&["--json", "history", "data/a"], 0);
            let lines = run.json_lines();
            let lines = lines.iter().filter(|line| line["type"] == "revision");
            lines.map(|line| line["restorable"].as_bool().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(restorable(), [false, true, true, true], "{side:?}");
        let kept = scene.kept();
        Backdoor::new(&scene.sandbox).delete(&format!(".poof/kept/{}", kept[1]));
        assert_eq!(restorable(), [false, true, false, true], "{side:?}");
        // And it is so.
        for (number, code) in [("1", 0), ("2", 5), ("3", 0)] {
            scene.poof(&["get", "data/a", "--at", number, "--to", number], code);
        }
        let back = scene.sandbox.home().join("1/data/a");
        assert_eq!(fs::read(back).unwrap(), b"one", "{side:?}");
    }
}

// A disk shows no hash: of what it shows, both contents are the same.
#[test]
fn another_content_of_the_same_size_and_time_is_not_taken_for_an_earlier_one() {
    let scene = Scene::new(Side::Disk, false, "30d");
    let file = scene.sandbox.data().join("mail");
    let time = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
    for text in ["one", "two"] {
        fs::write(&file, text).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        scene.back_up();
    }
    scene.poof(&["download", "--only", "data", "--to", "then", "--at", "1"], 0);
    assert_eq!(fs::read(scene.sandbox.home().join("then/data/mail")).unwrap(), b"one");
    scene.poof(&["get", "data/mail", "--to", "got", "--at", "1"], 0);
    assert_eq!(fs::read(scene.sandbox.home().join("got/data/mail")).unwrap(), b"one");
}

// The server of rclone's remembers of a rename what it has refused: the object that then comes
// is shown twice, and what replaces it is written into it before it can be kept.
#[test]
fn what_comes_where_a_directory_was_left_is_kept_like_all_else() {
    for side in [Side::Sftp, Side::Webdav, Side::Disk] {
        let scene = Scene::new(side, false, "30d");
        let place = scene.sandbox.data().join("place");
        scene.write("other", "other");
        fs::create_dir(&place).unwrap();
        scene.write("place/inside", "inside");
        scene.save(1);
        fs::remove_dir_all(&place).unwrap();
        scene.save(2);
        scene.write("place", "first");
        scene.save(3);
        scene.write("place", "what comes next");
        let run = scene.back_up();
        assert!(!run.stderr.contains("did not make"), "{side:?}: {run}");
        for number in 1..=3 {
            scene.comes_back(number, &format!("{side:?}"));
        }
    }
}
