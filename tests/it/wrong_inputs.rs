//! A table of wrong inputs: each is named, with its exit code, and with what helps. What helps
//! is then done, as it stands there, and leads further.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::process::{Child, Command as Process};

use crate::harness::command::Run;
use crate::harness::minio::{ACCESS_KEY, Minio, SECRET_KEY};
use crate::harness::tls::{self, Names, Tls};
use crate::harness::{Config, DeadEnd, Lacks, Sandbox, Terminal, minio, skipped};
use crate::story::on_disk;

/// What a person has before something is wrong. `$C` is poof.conf, `$R` rclone-poof.conf.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// A disk, which is `$HOME/disk`.
    Disk,
    /// The same as a user whom permissions stop.
    Ordinary,
    /// The same where `inside` runs a command among the mounts that poof sees.
    Mounts,
    /// A bucket of S3.
    Bucket,
    /// The same, encrypted and backed up; `$HOME/good` is rclone-poof.conf.
    Encrypted,
    /// Nothing at all.
    Bare,
}
use Start::{Bare, Bucket, Disk, Encrypted, Mounts, Ordinary};

/// What a person then does.
enum Next {
    /// Types this command of the hint, in which the first word becomes the second, and the
    /// one that was wrong once more.
    Types(&'static str, &'static str, &'static str),
    /// Types this command of the hint, is asked, answers, and the same.
    Answers(&'static str, &'static str),
    /// Has an editor open the file that the hint names, as `$1`: does this to it.
    Edits(&'static str, &'static str),
    /// Does what the hint says and poof cannot, and the same.
    Does(&'static str),
    /// Runs this instead, which is what the hint says.
    Instead(&'static str),
}
use Next::{Answers, Does, Edits, Instead, Types};

struct Row {
    start: Start,
    /// What is done to it, as a shell has it.
    wrong: &'static str,
    command: &'static str,
    code: i32,
    says: &'static [&'static str],
    next: Next,
    /// How it ends after that.
    then: i32,
}

const fn row(
    start: Start,
    wrong: &'static str,
    command: &'static str,
    code: i32,
    says: &'static [&'static str],
    next: Next,
    then: i32,
) -> Row {
    Row { start, wrong, command, code, says, next, then }
}

/// Where servers are, by what rows call them.
struct Servers {
    dead: DeadEnd,
    page: SocketAddr,
    unknown: Tls,
    other_host: Tls,
    expired: Tls,
    abroad: Minio,
}

impl Servers {
    fn start() -> Self {
        let tls = |names, expired| tls::before(&Names { names, expired }, minio().address());
        Servers {
            dead: DeadEnd::new(),
            page: tls::page("<!DOCTYPE html><html><head><title>Console</title><body><p>Log in"),
            unknown: tls("IP:127.0.0.1", false),
            other_host: tls("DNS:localhost", false),
            expired: tls("IP:127.0.0.1", true),
            abroad: Minio::abroad("eu-central-1"),
        }
    }

    fn put(&self, text: &str) -> String {
        let port = |tls: &Tls| tls.endpoint().rsplit(':').next().unwrap().to_owned();
        let certificate = |tls: &Tls| tls.certificate().display().to_string();
        [
            ("{dead}", self.dead.endpoint()),
            ("{page}", format!("http://{}", self.page)),
            ("{unknown}", self.unknown.endpoint()),
            ("{unknown-certificate}", certificate(&self.unknown)),
            ("{other-host}", self.other_host.endpoint()),
            ("{other-host-port}", port(&self.other_host)),
            ("{other-host-certificate}", certificate(&self.other_host)),
            ("{expired}", self.expired.endpoint()),
            ("{expired-certificate}", certificate(&self.expired)),
            ("{abroad}", self.abroad.endpoint()),
        ]
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

/// A person, and the machine in front of them.
struct Person<'a> {
    sandbox: Sandbox,
    servers: Option<&'a Servers>,
    /// Holds the mounts.
    mounts: Option<Child>,
}

impl Drop for Person<'_> {
    fn drop(&mut self) {
        if let Some(mut mounts) = self.mounts.take() {
            let _ = mounts.kill();
            let _ = mounts.wait();
        }
    }
}

impl<'a> Person<'a> {
    /// None if the machine does not let it begin so.
    fn at(start: Start, servers: Option<&'a Servers>) -> Option<Self> {
        let sandbox = match start {
            Disk | Ordinary | Mounts => on_disk().0,
            Bare => Sandbox::new(),
            Bucket | Encrypted => {
                let sandbox = Sandbox::new();
                let endpoint = minio().endpoint();
                sandbox.write_config(&match start {
                    Encrypted => Config::encrypted(endpoint),
                    _ => Config::plain(endpoint),
                });
                sandbox
            }
        };
        fs::write(sandbox.data().join("a"), "x").unwrap();
        if start == Encrypted {
            sandbox.poof(["backup"]).run().expect_code(0);
            fs::copy(sandbox.rclone_conf(), sandbox.home().join("good")).unwrap();
        }
        let mut person = Person { sandbox, servers, mounts: None };
        person.install(start)?;
        Some(person)
    }

    /// `poof` as it is typed.
    fn install(&mut self, start: Start) -> Option<()> {
        let (bin, poof) = (self.sandbox.bin(), env!("CARGO_BIN_EXE_poof"));
        match start {
            Mounts => {
                let mount = ["-m", "mount", "-t", "tmpfs", "t", "/mnt"];
                let may = Process::new("unshare").args(mount).output();
                if !may.is_ok_and(|out| out.status.success()) {
                    skipped(Lacks::Mount, "only root can mount");
                    return None;
                }
                let mounts = Process::new("unshare").args(["-m", "sleep", "300"]).spawn().unwrap();
                let enter = format!("exec nsenter -t {} -m --", mounts.id());
                self.mounts = Some(mounts);
                script(&bin.join("inside"), &format!("{enter} \"$@\""));
                script(&bin.join("poof"), &format!("{enter} {poof} \"$@\""));
            }
            Ordinary if rustix::process::geteuid().is_root() => {
                // Makes a copy that everybody can read, and gives the rest away.
                self.sandbox.poof_as_ordinary_user(["paths"]).run().expect_code(0);
                fs::rename(bin.join("poof"), bin.join("poof-copy")).unwrap();
                let ids = "--reuid 65534 --regid 65534 --clear-groups";
                let copy = bin.join("poof-copy");
                let line = format!("exec setpriv {ids} {} \"$@\"", copy.display());
                script(&bin.join("poof"), &line);
            }
            _ => symlink(poof, bin.join("poof")).unwrap(),
        }
        Some(())
    }

    fn shell(&self, line: &str) -> Run {
        let (conf, rclone) = (self.sandbox.confdir().join("poof.conf"), self.sandbox.rclone_conf());
        let line = self.servers.map_or(line.to_owned(), |servers| servers.put(line));
        let line = line.replace("{minio}", &minio().endpoint());
        let shell = self.sandbox.program("sh").env("C", conf).env("R", rclone);
        shell.env("BUCKET", self.sandbox.bucket()).args(["-c", &line]).run()
    }

    /// In a terminal; `answer` is typed when it asks.
    fn types(&self, line: &str, answer: Option<&str>) {
        let terminal = Terminal::open(&self.sandbox, 100);
        terminal.enter(&format!("clear; {line}; echo code $?"));
        if let Some(answer) = answer {
            let asked = |row: &String| row.ends_with(':');
            terminal.until("a question", |rows| rows.last().is_some_and(asked));
            terminal.enter(answer);
        }
        let is_end = |row: &String| row.starts_with("code ");
        let rows = terminal.until("the end", |rows| rows.iter().any(is_end));
        assert!(rows.contains(&"code 0".to_owned()), "{line}: {}", rows.join("\n"));
    }

    /// Does what a row says, and gives the run after it.
    #[track_caller]
    fn goes_on(&self, next: &Next, command: &str, said: &Run) -> Run {
        let hint = |hint: &str| {
            let hint = hint.replace("$HOME", &self.sandbox.home().display().to_string());
            let is_there = said.stderr.contains(&format!("`{hint}`"));
            assert!(is_there, "no hint {hint:?}: {said}");
            hint
        };
        match next {
            Types(line, from, to) => {
                let line = hint(line);
                let typed = if from.is_empty() { line } else { line.replace(from, to) };
                let run = self.shell(&typed);
                assert!(matches!(run.code, Some(0 | 3)), "the hint fails: {run}");
                assert!(run.code == Some(0) || typed.starts_with("poof config"), "{run}");
            }
            Answers(line, answer) => self.types(&hint(line), Some(answer)),
            Edits(file, script) => {
                let editor = self.sandbox.home().join("my-editor");
                fs::write(&editor, format!("{script}\n")).unwrap();
                let line = hint(&format!("poof edit {file}"));
                self.types(&format!("EDITOR='sh {}' {line}", editor.display()), None);
            }
            Does(line) => {
                self.shell(line).expect_code(0);
            }
            Instead(line) => return self.shell(&format!("poof {line}")),
        }
        self.shell(&format!("poof {command}"))
    }
}

fn script(path: &std::path::Path, line: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, format!("#!/bin/sh\n{line}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The errors of a run, without what differs each time.
fn errors(run: &Run) -> String {
    let lines = run.stderr.lines().filter(|line| !line.starts_with("warning: "));
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn each_is_named_and_leads_further(rows: &[Row], servers: Option<&Servers>) {
    for (number, row) in rows.iter().enumerate() {
        let Row { start, wrong, command, code, says, next, then } = row;
        let Some(person) = Person::at(*start, servers) else { continue };
        let made = person.shell(wrong);
        assert_eq!(made.code, Some(0), "row {number}, {wrong}: {made}");
        let said = person.shell(&format!("poof {command}"));
        assert_eq!(said.code, Some(*code), "row {number}, {wrong}: {said}");
        for words in *says {
            assert!(said.stderr.contains(words), "row {number} lacks {words:?}: {said}");
        }
        // Nobody gets the words of a programmer.
        for word in ["strconv", "fs.SizeSuffix", "panicked", "serde", "Os {"] {
            assert!(!said.stderr.contains(word), "row {number} has {word:?}: {said}");
        }
        let after = person.goes_on(next, command, &said);
        assert_eq!(after.code, Some(*then), "row {number}, {wrong}, afterwards: {after}");
        assert!(*then == 0 || errors(&after) != errors(&said), "row {number} stays: {after}");
    }
}

const KEYS: &[Row] = &[
    row(
        Bucket,
        "sed -i 's/^access_key_id.*/access_key_id = wrong/' $R",
        "verify",
        4,
        &["InvalidAccessKeyId"],
        Types("poof cconfig access_key_id=YOURS", "YOURS", ACCESS_KEY),
        0,
    ),
    row(
        Bucket,
        "sed -i 's/^secret_access_key.*/secret_access_key = wrong/' $R",
        "verify",
        4,
        &["SignatureDoesNotMatch"],
        Types("poof cconfig secret_access_key=YOURS", "YOURS", SECRET_KEY),
        0,
    ),
    row(
        Bucket,
        "sed -i 's/^access_key_id.*/access_key_id = BOGUS-KEY/' $R",
        "verify",
        3,
        &["a placeholder is still there"],
        Types("poof cconfig access_key_id=VALUE", "VALUE", ACCESS_KEY),
        0,
    ),
    row(
        Bucket,
        "sed -i '/^access_key_id/d' $R",
        "verify",
        3,
        &["[poof-backup].access_key_id: the key is missing"],
        Types("poof cconfig access_key_id=VALUE", "VALUE", ACCESS_KEY),
        0,
    ),
    row(
        Bucket,
        "sed -i '/^secret_access_key/d' $R",
        "verify",
        3,
        &["[poof-backup].secret_access_key: the key is missing"],
        Answers("poof cconfig secret_access_key", SECRET_KEY),
        0,
    ),
    row(
        Bucket,
        "sed -i 's/^env_auth.*/env_auth = perhaps/' $R",
        "verify",
        3,
        &["env_auth (line 4)", "true or false"],
        Edits("rclone-poof.conf", "sed -i s/perhaps/false/ \"$1\""),
        0,
    ),
    row(
        Bucket,
        "echo chunk_size = 8Q >>$R",
        "backup",
        3,
        &["chunk_size (line 10)", "a size such as 8M"],
        Edits("rclone-poof.conf", "sed -i s/8Q/8M/ \"$1\""),
        0,
    ),
    row(
        Bucket,
        "echo chunk_size = 1M >>$R",
        "backup",
        3,
        &["is less than 5Mi"],
        Edits("rclone-poof.conf", "sed -i s/1M/8M/ \"$1\""),
        0,
    ),
    row(
        Bucket,
        "echo upload_concurrency = many >>$R",
        "verify",
        3,
        &["a whole number"],
        Edits("rclone-poof.conf", "sed -i s/many/2/ \"$1\""),
        0,
    ),
    row(
        Bucket,
        "echo storage_class = COLD >>$R",
        "backup",
        4,
        &["InvalidStorageClass"],
        Types("poof cconfig storage_class=", "", ""),
        0,
    ),
    row(
        Bucket,
        "echo server_side_encryption = ROT13 >>$R",
        "backup",
        4,
        &["encryption method is not supported"],
        Types("poof cconfig server_side_encryption=", "", ""),
        0,
    ),
    row(
        Bucket,
        "echo acces_key_id = x >>$R",
        "verify",
        3,
        &["acces_key_id (line 10)", "Did you mean \"access_key_id\"?"],
        Edits("rclone-poof.conf", "sed -i /^acces_/d \"$1\""),
        0,
    ),
    row(
        Bucket,
        "echo region = eu-west-1 >>$R",
        "verify",
        3,
        &["region (line 10)", "stands there twice"],
        Edits("rclone-poof.conf", "sed -i /eu-west-1/d \"$1\""),
        0,
    ),
    row(
        Bucket,
        "sed -i 's/^type.*/type = s33/' $R",
        "verify",
        3,
        &["no remote type \"s33\"", "Did you mean \"s3\"?"],
        Edits("rclone-poof.conf", "sed -i s/s33/s3/ \"$1\""),
        0,
    ),
    row(
        Bucket,
        "sed -i /^type/d $R",
        "verify",
        3,
        &["[poof-backup].type: the key is missing"],
        Edits("rclone-poof.conf", "sed -i '1a type = s3' \"$1\""),
        0,
    ),
    row(
        Bucket,
        "sed -i '1s/]//' $R",
        "verify",
        3,
        &["line 1: expected a section in brackets"],
        Edits("rclone-poof.conf", "sed -i '1s/$/]/' \"$1\""),
        0,
    ),
    row(
        Bucket,
        "printf '[poof-backup]\\n' >>$R",
        "verify",
        3,
        &["line 10: expected a section that was not there before"],
        Edits("rclone-poof.conf", "sed -i '$d' \"$1\""),
        0,
    ),
    row(
        Bucket,
        "printf 'nonsense\\n\\0\\n' >>$R",
        "verify",
        3,
        &["2 mistakes", "line 10: expected", "line 11: expected"],
        Edits("rclone-poof.conf", "sed -i '10,$d' \"$1\""),
        0,
    ),
    row(
        Bucket,
        "sed -i 's/^env_auth.*/env_auth = false ; mine/' $R",
        "verify",
        3,
        &["a comment stands behind the value"],
        Edits("rclone-poof.conf", "sed -i 's/ ; mine//' \"$1\""),
        0,
    ),
    row(
        Bucket,
        "echo 'description = `NAS' >>$R",
        "verify",
        3,
        &["line 10: expected a second quotation mark"],
        Edits("rclone-poof.conf", "sed -i 's/`//' \"$1\""),
        0,
    ),
];

#[test]
fn keys_and_settings_that_are_wrong() {
    each_is_named_and_leads_further(KEYS, None);
}

const ENDPOINTS: &[Row] = &[
    row(
        Bucket,
        "poof cconfig endpoint={abroad} region=us-east-1",
        "verify",
        4,
        &["AuthorizationHeaderMalformed"],
        Types("poof cconfig region=eu-central-1", "", ""),
        0,
    ),
    row(
        Bucket,
        "poof cconfig endpoint={dead}",
        "verify",
        4,
        &["no answer at 127.0.0.1:"],
        Types("poof cconfig endpoint=URL", "URL", "{minio}"),
        0,
    ),
    row(
        Bucket,
        "poof cconfig endpoint=http://no-such-host.invalid:9000",
        "verify",
        4,
        &["no answer at no-such-host.invalid:9000"],
        Types("poof cconfig endpoint=URL", "URL", "{minio}"),
        0,
    ),
    row(
        Bucket,
        "e={minio}; poof cconfig endpoint=https${e#http}",
        "verify",
        4,
        &["server gave HTTP response to HTTPS client"],
        Types("poof cconfig endpoint=http://HOST:PORT", "http://HOST:PORT", "{minio}"),
        0,
    ),
    row(
        Bucket,
        "e={unknown}; poof cconfig endpoint=http${e#https} override.ca_cert={unknown-certificate}",
        "verify",
        4,
        &["does not take plain http"],
        Types("poof cconfig endpoint=https://HOST:PORT", "https://HOST:PORT", "{unknown}"),
        0,
    ),
    row(
        Bucket,
        "poof cconfig endpoint={minio}/files",
        "verify",
        4,
        &["NoSuchBucket"],
        Types("poof cconfig endpoint=https://HOST:PORT", "https://HOST:PORT", "{minio}"),
        0,
    ),
    row(
        Bucket,
        "poof cconfig endpoint={page}",
        "verify",
        4,
        &["A web page answers there"],
        Types("poof cconfig endpoint=URL", "URL", "{minio}"),
        0,
    ),
    row(
        Bucket,
        "poof cconfig endpoint={unknown}",
        "verify",
        4,
        &["the certificate of 127.0.0.1:", "is not trusted"],
        Types(
            "poof cconfig override.ca_cert=/path/to/certificate.pem",
            "/path/to/certificate.pem",
            "{unknown-certificate}",
        ),
        0,
    ),
    row(
        Bucket,
        "poof cconfig endpoint=https://127.0.0.1:{other-host-port} \
         override.ca_cert={other-host-certificate}",
        "verify",
        4,
        &["the certificate of 127.0.0.1:", "is not trusted"],
        Types(
            "poof cconfig endpoint=https://NAME:PORT",
            "NAME:PORT",
            "localhost:{other-host-port}",
        ),
        0,
    ),
    row(
        Bucket,
        "poof cconfig endpoint={expired} override.ca_cert={expired-certificate}",
        "verify",
        4,
        &["has expired", "clock", "renew its certificate"],
        // Whoever runs the server has renewed it.
        Does("poof cconfig endpoint={unknown} override.ca_cert={unknown-certificate}"),
        0,
    ),
];

#[test]
fn regions_endpoints_and_certificates_that_are_wrong() {
    each_is_named_and_leads_further(ENDPOINTS, Some(&Servers::start()));
}

const BUCKETS: &[Row] = &[
    row(
        Bucket,
        "sed -i 's/\"bucket\": .*/\"bucket\": \"Photos\",/' $C",
        "verify",
        4,
        &["InvalidBucketName"],
        Edits("poof.conf", "sed -i \"s/Photos/photos-$USER/\" \"$1\""),
        0,
    ),
    row(
        Bucket,
        "sed -i 's/\"bucket\": .*/\"bucket\": \"a..b\\/..\\/c\",/' $C",
        "verify",
        3,
        &["leads to another place"],
        Edits("poof.conf", "sed -i \"s/a..b.*c/abc-$USER/\" \"$1\""),
        0,
    ),
    row(
        Bucket,
        "sed -i 's/\"bucket\": .*/\"bucket\": \" \",/' $C",
        "backup",
        3,
        &["\"bucket\" must be a text that is not empty"],
        Edits("poof.conf", "sed -i \"s/\\\" \\\"/\\\"abd-$USER\\\"/\" \"$1\""),
        0,
    ),
    row(
        Bucket,
        "sed -i '/^endpoint/d; s/Minio/AWS/' $R; \
         sed -i 's/\"bucket\": .*/\"bucket\": \"my_photos\",/' $C",
        "verify --offline",
        3,
        &["\"my_photos\" is no name of a bucket"],
        Edits("poof.conf", "sed -i s/my_photos/my-photos/ \"$1\""),
        0,
    ),
    row(
        Encrypted,
        "sed -i 's/^remote = .*/remote = poof-backup:other/' $R",
        "backup",
        3,
        &["it points at the bucket \"other\""],
        Edits("rclone-poof.conf", "cat $HOME/good >\"$1\""),
        0,
    ),
    row(
        Encrypted,
        "sed -i 's/^remote = .*/remote = poof-backup/' $R",
        "verify",
        3,
        &["it is not of the form REMOTE:BUCKET"],
        Edits("rclone-poof.conf", "cat $HOME/good >\"$1\""),
        0,
    ),
    row(
        Encrypted,
        "sed -i 's/^password = .*/password = hunter2/' $R",
        "backup",
        3,
        &["[poof-crypt].password (line 14)", "the form in which rclone keeps passwords"],
        Edits("rclone-poof.conf", "cat $HOME/good >\"$1\""),
        0,
    ),
    row(
        Encrypted,
        "sed -i '/^password = /d' $R",
        "verify",
        3,
        &["[poof-crypt].password: the key is missing", "the recovery kit has"],
        Types("poof econfig", "", ""),
        0,
    ),
    row(
        Encrypted,
        "sed -i '/^password2 = /d' $R",
        "backup",
        7,
        &["names in the bucket cannot be decrypted", "those of the snapshots?"],
        Does("cp $HOME/good $R"),
        0,
    ),
    row(
        Encrypted,
        "sed -i 's/^password = .*/password = P3JucdY7GPSrEMO5WX11rMZCqf7VxHuKLR3j9BJECAdh/' $R",
        "download",
        7,
        &["names in the bucket cannot be decrypted", "those of the snapshots?"],
        Does("cp $HOME/good $R"),
        0,
    ),
    row(
        Encrypted,
        "echo filename_encryption = maybe >>$R",
        "check",
        3,
        &["unknown file name encryption mode"],
        Edits("rclone-poof.conf", "sed -i /maybe/d \"$1\""),
        0,
    ),
    row(
        Bucket,
        "sed -i 's/\"remote\": .*/\"remote\": \"poof-crypt\"/' $C",
        "verify",
        3,
        &["no section [poof-crypt]", "has \"poof-backup\""],
        Edits("poof.conf", "sed -i s/poof-crypt/poof-backup/ \"$1\""),
        0,
    ),
    row(
        Bucket,
        "true",
        "cryptoggle",
        3,
        &["No encrypted remote is available"],
        Types("poof econfig", "", ""),
        0,
    ),
    row(
        Bucket,
        "poof backup; poof econfig",
        "purge-plain --yes",
        7,
        &["is not encrypted: it holds the snapshots themselves"],
        Types("poof cryptoggle", "", ""),
        7,
    ),
];

#[test]
fn buckets_and_passwords_that_are_wrong() {
    each_is_named_and_leads_further(BUCKETS, None);
}

const DISKS: &[Row] = &[
    row(
        Disk,
        "rmdir disk",
        "backup",
        4,
        &["which does not exist", "Is the disk attached and mounted?"],
        Does("mkdir disk"),
        0,
    ),
    row(
        Disk,
        "mv disk other",
        "backup",
        4,
        &["which does not exist"],
        Types("poof cconfig --remote local PATH=/full/path", "/full/path", "$HOME/other"),
        0,
    ),
    row(
        Disk,
        "rmdir disk; mkdir other; echo >disk",
        "backup",
        4,
        &["which is no directory"],
        Types("poof cconfig --remote local PATH=/full/path", "/full/path", "$HOME/other"),
        0,
    ),
    row(
        Ordinary,
        "chmod 500 disk",
        "backup",
        4,
        &["permission denied", "Check owner and permissions"],
        Does("chmod 700 disk"),
        0,
    ),
    row(
        Ordinary,
        "chmod 000 data",
        "backup",
        5,
        &["home/data: Permission denied", "Check owner and permissions"],
        Does("chmod 700 data"),
        0,
    ),
    row(
        Ordinary,
        "chmod 000 $R",
        "backup",
        3,
        &["Permission denied", "If it is yours"],
        Types("chmod u+rw '$HOME/.config/poof/rclone-poof.conf'", "", ""),
        0,
    ),
    row(
        Ordinary,
        "chmod 500 .local/state/poof",
        "backup",
        1,
        &[".local/state/poof", "Check owner and permissions"],
        Does("chmod 700 .local/state/poof"),
        0,
    ),
    row(
        Mounts,
        "inside mount -t tmpfs -o ro t $HOME/disk",
        "backup",
        4,
        &["read-only file system", "mount it so that it can be written to"],
        Does("inside mount -o remount,rw $HOME/disk"),
        0,
    ),
    row(
        Mounts,
        "head -c 3000000 /dev/urandom >data/big; inside mount -t tmpfs -o size=1m t $HOME/disk",
        "backup",
        5,
        &["data/big", "space"],
        Does("inside mount -o remount,size=20m $HOME/disk"),
        0,
    ),
    row(
        Mounts,
        "inside mount -t tmpfs t $HOME/disk && poof backup && inside umount $HOME/disk",
        "backup",
        4,
        &["nothing is mounted there", "Is the disk attached and mounted?"],
        // Another one.
        Does("inside mount -t tmpfs t $HOME/disk"),
        7,
    ),
    row(
        Disk,
        "rm -r data",
        "backup",
        7,
        &["data is missing; it has no snapshot"],
        Types("poof remove data", "", ""),
        3,
    ),
    row(
        Disk,
        "poof backup; rm -r data",
        "backup",
        7,
        &["data is missing; its snapshot stays"],
        Types("poof download", "", ""),
        0,
    ),
    row(
        Disk,
        "poof backup; rm data/a",
        "backup",
        7,
        &["data is empty: backing it up would erase its snapshot"],
        Types("poof download", "", ""),
        0,
    ),
    row(
        Disk,
        "rm -r data; echo >data",
        "backup",
        7,
        &["data is no directory"],
        Does("rm data; mkdir data; echo >data/a"),
        0,
    ),
];

#[test]
fn disks_and_directories_that_are_wrong() {
    each_is_named_and_leads_further(DISKS, None);
}

const POOF_CONF: &[Row] = &[
    row(
        Disk,
        "cp $C good; echo '{\"bucket\"' >$C",
        "verify",
        3,
        &["invalid JSON", "line 2 column 0"],
        Edits("poof.conf", "cat $HOME/good >\"$1\""),
        0,
    ),
    row(
        Disk,
        "cp $C good; printf '\\0\\0' >$C",
        "verify",
        3,
        &["invalid JSON"],
        Edits("poof.conf", "cat $HOME/good >\"$1\""),
        0,
    ),
    row(
        Disk,
        "cp $C good; echo '[1, 2]' >$C",
        "verify",
        3,
        &["it is not a JSON object"],
        Edits("poof.conf", "cat $HOME/good >\"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i 's/^{/{\"keep\": 7, \"exclude\": \"*.o\", \"befor\": [], \"hook_limit\": \"x\",/; \
         s/\"bucket\": .*/\"bucket\": 7,/' $C",
        "backup",
        3,
        &[
            "5 mistakes",
            "\"bucket\" must be a text",
            "\"exclude\" must be a list",
            "\"hook_limit\": must be",
            "\"keep\": must be",
        ],
        Edits(
            "poof.conf",
            "sed -i 's/\"keep\": 7, .*\"x\",//; s/\"bucket\": 7/\"bucket\": \"b\"/' \"$1\"",
        ),
        0,
    ),
    row(
        Disk,
        "sed -i 's/\"bucket\"/\"buckt\"/' $C",
        "backup",
        3,
        &["\"bucket\": the key is missing", "Did you mean \"bucket\"?"],
        Edits("poof.conf", "sed -i s/buckt/bucket/ \"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i 's/^{/{\"bucket\": \"b\", \"remote\": \"r\",/' $C",
        "backup",
        3,
        &["\"bucket\" stands there twice", "\"remote\" stands there twice"],
        Edits("poof.conf", "sed -i 's/\"bucket\": \"b\", \"remote\": \"r\",//' \"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i 's/^{/{\"excludes\": [\"*.o\"],/' $C",
        "backup",
        3,
        &["poof has no such key", "Did you mean \"exclude\"?"],
        Edits("poof.conf", "sed -i s/excludes/exclude/ \"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i 's/^{/{\"patience\": \"long\",/' $C",
        "backup",
        3,
        &["Write it like \"15m\""],
        Edits("poof.conf", "sed -i s/long/15m/ \"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i 's/^{/{\"bwlimit\": \"fast\",/' $C",
        "backup",
        3,
        &["is no rate and no timetable", "2M"],
        Edits("poof.conf", "sed -i s/fast/2M/ \"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i 's/^{/{\"before\": \"make\",/' $C",
        "backup",
        3,
        &["must be a program with its arguments"],
        Edits("poof.conf", "sed -i 's/\"make\"/[\"true\"]/' \"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i 's/^{/{\"before\": [\"\\/no\\/program\"],/' $C",
        "backup",
        3,
        &["/no/program, cannot be started"],
        Edits("poof.conf", "sed -i 's|/no/program|true|' \"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i 's/^{/{\"schedule\": {\"notify\": \"no\", \"skip_metered\": 1, \"when\": 2},/' $C",
        "backup",
        3,
        &["3 mistakes", "\"notify\"", "\"skip_metered\"", "\"when\""],
        Edits("poof.conf", "sed -i 's/\"schedule\": .*},//' \"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i 's/^{/{\"secrets\": {\"poof-backup.remote\": {\"file\": \"\\/x\"}},/' $C",
        "backup",
        3,
        &["this is no secret"],
        Edits("poof.conf", "sed -i 's/\"secrets\": .*},//' \"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i 's/^{/{\"secrets\": {\"a.b\": {\"cmd\": [\"x\"]}},/' $C",
        "backup",
        3,
        &["does not say where the secret comes from"],
        Edits("poof.conf", "sed -i 's/\"secrets\": .*},//' \"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i 's/^{/{\"exclude\": [\"[a\"],/' $C",
        "backup",
        3,
        &["is not a pattern of rclone's filters"],
        Edits("poof.conf", "sed -i 's/\\[a\"/b\"/' \"$1\""),
        0,
    ),
    row(
        Disk,
        "cd .config/poof; iconv -f UTF-8 -t UTF-16 poof.conf >x; mv x poof.conf",
        "backup",
        3,
        &["the file is UTF-16"],
        Types("iconv -f UTF-16 -t UTF-8 poof.conf >new", "poof.conf >new", "$C >new && mv new $C"),
        0,
    ),
    row(
        Disk,
        "sed -i \"s|$HOME/data|~/data|\" $C",
        "backup",
        3,
        &["\"~/data\" is not a full path", "without ~ or $HOME"],
        Edits("poof.conf", "sed -i \"s|~|$HOME|\" \"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i \"s|$HOME/data|$HOME/dta|\" $C",
        "verify",
        3,
        &["home/dta: it cannot be opened"],
        Does("mv data dta"),
        0,
    ),
    row(
        Disk,
        "sed -i 's|\"data\"|\"../data\"|' $C",
        "backup",
        3,
        &["\"../data\" cannot be a name on the remote"],
        Edits("poof.conf", "sed -i 's|\\.\\./||' \"$1\""),
        0,
    ),
    row(
        Disk,
        "sed -i 's|\"data\"|\"config\"|' $C",
        "backup",
        3,
        &["have the same name \"config\""],
        Edits("poof.conf", "sed -i '0,/\"config\"/s/\"config\"/\"c\"/' \"$1\""),
        0,
    ),
    row(
        Disk,
        "mkdir data/sub; sed -i \"s|\\\"paths\\\": {|&\\\"$HOME/data/sub\\\": \\\"sub\\\",|\" $C",
        "backup",
        3,
        &["is inside the other"],
        Edits("poof.conf", "sed -i 's|{\"[^\"]*/sub\": \"sub\",|{|' \"$1\""),
        0,
    ),
    row(Bare, "true", "backup", 3, &["poof.conf does not exist"], Types("poof config", "", ""), 3),
    row(
        Bare,
        "poof config",
        "backup",
        3,
        &["rclone-poof.conf does not exist"],
        Types("poof cconfig", "", ""),
        3,
    ),
    row(
        Bare,
        "mkdir disk; poof config; poof cconfig --remote local PATH=$HOME/disk",
        "backup",
        3,
        &["only the placeholder unittest is configured"],
        Types("poof add /your/directory", "/your/directory", "data"),
        0,
    ),
];

#[test]
fn poof_conf_that_is_wrong() {
    each_is_named_and_leads_further(POOF_CONF, None);
}

const COMMANDS: &[Row] = &[
    row(
        Disk,
        "true",
        "bakcup",
        2,
        &["a similar subcommand exists: 'backup'"],
        Instead("backup"),
        0,
    ),
    row(
        Disk,
        "true",
        "backup --dryrun",
        2,
        &["a similar argument exists: '--dry-run'"],
        Instead("backup --dry-run"),
        0,
    ),
    row(
        Disk,
        "true",
        "backup --allow everything",
        2,
        &["possible values: empty-source"],
        Instead("backup --allow empty-source"),
        0,
    ),
    row(Disk, "true", "backup -q -v", 2, &["cannot be used with"], Instead("backup --quiet"), 0),
    row(
        Disk,
        "true",
        "backup --only dta",
        2,
        &["no directory has the name \"dta\"", "poof.conf has: config, data"],
        Instead("backup --only data"),
        0,
    ),
    row(
        Disk,
        "true",
        "remove dta",
        2,
        &["dta is not in poof.conf", "config, data"],
        Instead("remove data"),
        0,
    ),
    row(
        Disk,
        "poof backup",
        "ls dta",
        2,
        &["dta is in no directory of poof.conf", "config, data"],
        Instead("ls data"),
        0,
    ),
    row(
        Disk,
        "poof backup",
        "get data/nothing",
        5,
        &["data/nothing is not in the snapshot", "`poof history data`"],
        Instead("history data"),
        0,
    ),
    row(
        Disk,
        "poof backup",
        "get data/a --at someday",
        2,
        &["\"someday\" is no time", "yesterday, 3d, 6h"],
        Instead("get data/a --at 0h --to back"),
        0,
    ),
    row(
        Disk,
        "poof backup",
        "get data/a --at 2001-01-01",
        5,
        &["has no snapshot from 2001-01-01", "`poof history data`"],
        Instead("history data"),
        0,
    ),
    row(
        Disk,
        "true",
        "lconfig --every 6x --print",
        2,
        &["such as 30m, 6h or 1d"],
        Instead("lconfig --every 6h --print"),
        0,
    ),
    row(
        Disk,
        "true",
        "--bwlimit fast backup",
        2,
        &["no rate and no timetable", "1M:off (UP:DOWN)"],
        Instead("--bwlimit 1M:off backup"),
        0,
    ),
    row(
        Disk,
        "true",
        "--profile ../x backup",
        2,
        &["\"../x\" cannot be the name of a profile", "letters, digits"],
        Instead("--profile x cconfig --remote local PATH=$HOME/disk"),
        0,
    ),
    row(
        Disk,
        "true",
        "--profile disk backup",
        3,
        &["there is no profile disk", "`poof --profile disk add DIR`"],
        Instead("--profile disk add data"),
        0,
    ),
    row(
        Disk,
        "true",
        "--confdir $HOME/none backup",
        3,
        &["none/poof.conf does not exist"],
        Types("poof --confdir $HOME/none config", "", ""),
        3,
    ),
    row(
        Bare,
        "true",
        "cconfig --remote drpbox token=x",
        3,
        &["no remote type \"drpbox\"", "Did you mean \"dropbox\"?"],
        Instead("cconfig --remote dropbox token=x"),
        0,
    ),
    row(
        Disk,
        "true",
        "cconfig --remote local PTH=disk",
        2,
        &["--remote local needs PATH=DIRECTORY"],
        Instead("cconfig --remote local PATH=$HOME/disk"),
        0,
    ),
    row(
        Disk,
        "true",
        "cconfig --remote local PATH=disk",
        2,
        &["PATH must be a full path", "`poof cconfig --remote local PATH=/full/path`"],
        Instead("cconfig --remote local PATH=$HOME/disk"),
        0,
    ),
    row(
        Disk,
        "true",
        "cconfig --remote local PATH=$HOME/data/a",
        2,
        &["data/a is no directory", "`poof cconfig --remote local PATH=/full/path`"],
        Instead("cconfig --remote local PATH=$HOME/disk"),
        0,
    ),
    row(
        Bucket,
        "true",
        "cconfig regoin=eu-west-1",
        3,
        &["rclone has no such setting", "Did you mean \"region\"?"],
        Instead("cconfig region=eu-west-1"),
        0,
    ),
    row(
        Bucket,
        "true",
        "cconfig --remote local PATH=$HOME/data",
        3,
        &["[poof-backup] exists and is of type s3", "`poof cconfig --remote s3 KEY=VALUE`"],
        Instead("cconfig --remote s3 region=us-east-1"),
        0,
    ),
    row(
        Disk,
        "true",
        "add nothing",
        2,
        &["No such file or directory", "check how it is written"],
        Instead("add disk/../data"),
        3,
    ),
    row(
        Disk,
        "mkdir more",
        "add data/a",
        2,
        &["data/a is not a directory", "Name the directory that holds the file"],
        Instead("add more"),
        0,
    ),
    row(
        Disk,
        "mkdir more data/sub",
        "add data/sub",
        3,
        &["is inside the other", "side by side"],
        Instead("add more"),
        0,
    ),
    row(
        Disk,
        "mkdir more",
        "add disk",
        3,
        &["is inside the other", "`poof add DIR`"],
        Instead("add more"),
        0,
    ),
    row(
        Disk,
        "mkdir -p more/data",
        "add more/data",
        3,
        &["have the same name \"data\"", "give one another name"],
        Instead("add more/data more"),
        0,
    ),
    row(
        Disk,
        "mkdir more",
        "add more .poof",
        3,
        &["poof keeps its own records", "Use another name"],
        Instead("add more other"),
        0,
    ),
    row(
        Disk,
        "true",
        "secret set nothing",
        2,
        &["not of the form SECTION.KEY"],
        Instead("secret --help"),
        0,
    ),
    row(
        Disk,
        "true",
        "login s3",
        2,
        &["\"s3\" wants no login in the browser", "dropbox"],
        Instead("login --help"),
        0,
    ),
    row(
        Disk,
        "true",
        "edit",
        2,
        &["an editor needs a terminal", "`poof verify`"],
        Instead("verify"),
        0,
    ),
    row(
        Disk,
        "true",
        "--log-file none/log status",
        2,
        &["Name a file of yours in a directory that is there"],
        Instead("--log-file log status"),
        0,
    ),
    row(
        Disk,
        "poof backup; echo >data/new",
        "download",
        7,
        &["1 file would be deleted", "`--keep-extra` keeps"],
        Instead("download --keep-extra"),
        0,
    ),
];

#[test]
fn command_lines_that_are_wrong() {
    each_is_named_and_leads_further(COMMANDS, None);
}

const KITS: &[Row] = &[
    row(
        Disk,
        "echo correct horse battery staple >phrase",
        "kit kit.txt",
        2,
        &["a new phrase is shown on a terminal only", "`--phrase-file FILE`"],
        Instead("kit kit.txt --phrase-file phrase"),
        0,
    ),
    row(
        Disk,
        "true",
        "kit kit.txt --phrase-file phrase",
        2,
        &["cannot read", "check how it is written"],
        Does("echo correct horse battery staple >phrase"),
        0,
    ),
    row(
        Disk,
        "echo >phrase",
        "kit kit.txt --phrase-file phrase",
        2,
        &["the phrase is empty", "the first line of the file"],
        Does("echo correct horse battery staple >phrase"),
        0,
    ),
    row(
        Disk,
        "echo correct horse battery staple >phrase",
        "kit data --phrase-file phrase",
        3,
        &["it is not a regular file", "Name another file"],
        Instead("kit kit.txt --phrase-file phrase"),
        0,
    ),
    row(
        Disk,
        "echo correct horse battery staple >phrase",
        "kit no/kit.txt --phrase-file phrase",
        1,
        &["there is no directory", "make it"],
        Does("mkdir no"),
        0,
    ),
    row(
        Disk,
        "echo correct horse battery staple >phrase",
        "kit data/a --phrase-file phrase",
        7,
        &["exists and is no kit", "Name another file"],
        Instead("kit kit.txt --phrase-file phrase"),
        0,
    ),
    row(
        Bare,
        "echo correct horse battery staple >phrase",
        "return kit.txt --phrase-file phrase",
        3,
        &["cannot read", "check how it is written"],
        Does("echo x >kit.txt"),
        3,
    ),
    row(
        Bare,
        "true",
        "return --type",
        2,
        &["there is nobody to type the kit", "`poof return FILE`"],
        Instead("return data/a --phrase-file data/a"),
        3,
    ),
    row(
        Bare,
        "true",
        "return kit.txt --map nonsense",
        2,
        &["expected /OLD=/NEW, full paths"],
        Instead("return kit.txt --map /old=/new"),
        3,
    ),
    row(
        Bare,
        "printf -- '-----BEGIN AGE ENCRYPTED FILE-----\\nYWdl\\n' >kit.txt; echo a b c d >phrase",
        "return kit.txt --phrase-file phrase",
        3,
        &["its end is missing", "`poof return OTHER-COPY`"],
        Instead("return data/a --phrase-file phrase"),
        3,
    ),
];

#[test]
fn kits_that_are_wrong() {
    each_is_named_and_leads_further(KITS, None);
}

#[test]
fn there_are_enough_of_them() {
    let tables = [KEYS, ENDPOINTS, BUCKETS, DISKS, POOF_CONF, COMMANDS, KITS];
    let count: usize = tables.iter().map(|table| table.len()).sum();
    assert!(count >= 60, "{count}");
}

/// Files as Windows writes them are no mistake.
#[test]
fn lines_that_end_as_those_of_windows_are_read() {
    let (sandbox, _) = on_disk();
    for path in [sandbox.confdir().join("poof.conf"), sandbox.rclone_conf()] {
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    }
    fs::write(sandbox.data().join("a"), "x").unwrap();
    sandbox.poof(["verify"]).run().expect_code(0);
    sandbox.poof(["backup"]).run().expect_code(0);
}
