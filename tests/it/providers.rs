//! The snippets of docs/providers.md, run as they stand there against real servers.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::minio::{ACCESS_KEY, SECRET_KEY};
use crate::harness::servers::{PASSWORD, Server, USER};
use crate::harness::{Config, Sandbox, Snapshot, assert_same_content, grow, minio};

const DOC: &str = include_str!("../../docs/providers.md");

/// The words of the `number`th `poof cconfig` below a heading.
fn snippet(heading: &str, number: usize) -> Vec<String> {
    let (_, rest) = DOC.split_once(&format!("\n## {heading}\n")).expect(heading);
    let section = rest.split("\n## ").next().unwrap();
    let mut lines = section.lines().filter(|line| line.starts_with("$ poof cconfig"));
    let line = lines.nth(number).unwrap_or_else(|| panic!("no snippet {number} in {heading}"));
    line.split(' ').skip(3).map(str::to_owned).collect()
}

/// The configuration of a snippet, with `values` in the place of what stands there.
/// What is not in the snippet is in addition, and only for the port.
fn configured(heading: &str, number: usize, values: &[(&str, String)]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::plain("http://unused"));
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    let mut values: BTreeMap<_, _> = values.iter().cloned().collect();
    let mut words: Vec<String> = Vec::new();
    for word in snippet(heading, number) {
        let value = word.split_once('=').and_then(|(key, _)| Some((key, values.remove(key)?)));
        words.push(value.map_or(word.clone(), |(key, value)| format!("{key}={value}")));
    }
    for (key, value) in values {
        assert!(["port", "endpoint"].contains(&key), "{heading} does not name {key}");
        words.push(format!("{key}={value}"));
    }
    sandbox.poof(["cconfig"]).args(words).run().expect_code(0);
    sandbox
}

/// Backup, check, download and a comparison, plain and encrypted.
fn goes_round(sandbox: &Sandbox) {
    let data = sandbox.data();
    grow(&data, 12, 0..=30_000, 5);
    // More than is sent in one piece with its hash.
    grow(&data.join("large"), 1, 5_500_000..=5_500_000, 6);
    fs::create_dir(data.join("empty")).unwrap();
    fs::write(data.join("a name: with «more» 100%"), "content").unwrap();
    std::os::unix::fs::symlink("empty", data.join("link")).unwrap();
    let original = Snapshot::of(&data);
    let run = |args: &[&str]| sandbox.poof(args).run().expect_code(0);
    for encrypted in [false, true] {
        if encrypted {
            run(&["econfig"]);
            run(&["cryptoggle"]);
            run(&["backup", "--only", "data", "--allow", "other-remote"]);
        }
        run(&["verify"]).stdout_has("has valid credentials");
        run(&["backup", "--only", "data"]);
        run(&["check", "--only", "data"]);
        run(&["backup", "--only", "data"]).stderr_has("data: 0 new, 0 changed, 0 removed");
        run(&["download", "--only", "data", "--to", "back"]);
        assert_same_content(&original, &Snapshot::of(&sandbox.home().join("back/data")));
        fs::remove_dir_all(sandbox.home().join("back")).unwrap();
    }
    // All is proven: nothing stays here, and everything comes back.
    run(&["upload", "--yes", "--keep-poof", "--allow", "no-kit"]);
    assert!(!data.exists());
    run(&["download", "--yes"]);
    assert_same_content(&original, &Snapshot::of(&data));
}

/// Values that are the same everywhere.
fn login(server: &Server) -> [(&'static str, String); 4] {
    let host = server.address.ip().to_string();
    [("host", host), ("port", server.port()), ("user", USER.into()), ("pass", PASSWORD.into())]
}

#[test]
fn a_disk_as_the_manual_says() {
    let sandbox = Sandbox::new();
    let disk = sandbox.home().join("disk");
    fs::create_dir(&disk).unwrap();
    goes_round(&configured("A disk", 0, &[("PATH", disk.display().to_string())]));
}

#[test]
fn another_s3_server_as_the_manual_says() {
    let values = [
        ("endpoint", minio().endpoint()),
        ("access_key_id", ACCESS_KEY.to_owned()),
        ("secret_access_key", SECRET_KEY.to_owned()),
    ];
    goes_round(&configured("Any server that speaks S3", 0, &values));
}

#[test]
fn sftp_with_a_password_as_the_manual_says() {
    let server = Server::rclone("sftp");
    goes_round(&configured("SFTP", 1, &login(&server)));
}

fn web(server: &Server) -> [(&'static str, String); 3] {
    let url = format!("http://{}", server.address);
    [("url", url), ("user", USER.into()), ("pass", PASSWORD.into())]
}

#[test]
fn webdav_as_the_manual_says() {
    let server = Server::rclone("webdav");
    goes_round(&configured("WebDAV", 0, &web(&server)));
}

#[test]
fn ftp_as_the_manual_says() {
    let server = Server::rclone("ftp");
    goes_round(&configured("FTP", 0, &login(&server)));
}

#[test]
#[ignore = "long: make soak"]
fn soak_openssh_with_a_key_as_the_manual_says() {
    let server = Server::openssh();
    let me = if rustix::process::geteuid().is_root() { USER.into() } else { name() };
    let file = |name: &str| server.dir.join(name).display().to_string();
    let values = [
        ("host", server.address.ip().to_string()),
        ("port", server.port()),
        ("user", me),
        ("key_file", file("key")),
        ("known_hosts_file", file("known_hosts")),
    ];
    let sandbox = configured("SFTP", 0, &values);
    // A full path is one there, too.
    let place = server.dir.join("files/volume1/backup");
    let conf = sandbox.confdir().join("poof.conf");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, text.replace(sandbox.bucket(), &place.display().to_string())).unwrap();
    goes_round(&sandbox);
    assert!(place.read_dir().unwrap().count() > 1);
}

fn name() -> String {
    let out = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[test]
#[ignore = "long: make soak"]
fn soak_apache_as_the_manual_says() {
    let server = Server::apache();
    goes_round(&configured("WebDAV", 0, &web(&server)));
}

#[test]
#[ignore = "long: make soak"]
fn soak_samba_as_the_manual_says() {
    let server = Server::samba();
    let sandbox = configured("A NAS", 0, &login(&server));
    let conf = sandbox.confdir().join("poof.conf");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, text.replace(sandbox.bucket(), "files/backup")).unwrap();
    goes_round(&sandbox);
}

#[test]
#[ignore = "long: make soak"]
fn soak_azure_as_the_manual_says() {
    let server = Server::azurite();
    let account = "devstoreaccount1";
    // Of its documentation, and no secret.
    let key =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    let values = [
        ("account", account.to_owned()),
        ("key", key.to_owned()),
        ("endpoint", format!("http://{}/{account}", server.address)),
    ];
    goes_round(&configured("Azure Blob Storage", 0, &values));
}

/// Each snippet says what it was run against, or that it was not.
#[test]
fn every_snippet_says_whether_it_was_run() {
    let blocks: Vec<_> = DOC.split("```console\n$ poof cconfig").collect();
    assert!(blocks.len() > 8);
    for pair in blocks.windows(2) {
        let before = pair[0].rsplit("\n```\n").next().unwrap();
        let [run, not] = ["Run in `make", "run in `make"].map(|words| before.contains(words));
        let not_run = before.contains("Not run");
        let line = pair[1].lines().next().unwrap();
        assert!(run ^ not ^ not_run && !(run && not), "{line}: {before}");
    }
}
