//! Servers that show names, hashes and encodings each in its own way: what they do not
//! show as it was sent is kept nevertheless, and a bare machine gets all of it back.

use std::fs;
use std::path::Path;

use crate::harness::command::Run;
use crate::harness::hostile::names;
use crate::harness::minio::{ACCESS_KEY, SECRET_KEY};
use crate::harness::servers::{S3, Server};
use crate::harness::{Config, Kind, Sandbox, Snapshot, Verdict, assert_same_content, grow};
use crate::story::{grown, names_on};

/// A sandbox whose remote is that server, plain or encrypted.
fn on(kind: S3, server: &Server, encrypted: bool) -> Sandbox {
    let sandbox = Sandbox::new();
    let endpoint = format!("http://{}", server.address);
    sandbox.write_config(&if encrypted {
        Config::encrypted(endpoint)
    } else {
        Config::plain(endpoint)
    });
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let mut conf = conf.replace("provider = Minio", "provider = Other");
    if kind == S3::S3rver {
        // It knows nobody else.
        conf = conf.replace(ACCESS_KEY, "S3RVER").replace(SECRET_KEY, "S3RVER");
    }
    fs::write(sandbox.rclone_conf(), conf).unwrap();
    sandbox
}

/// s3rver ends if it has to make a file whose name is too long for its disk.
fn without_long_names(data: &Path) {
    for dir in ["files", "dirs"] {
        for entry in fs::read_dir(data.join(dir)).unwrap().flatten() {
            if entry.file_name().len() > 200 {
                let path = entry.path();
                let remove = if dir == "files" { fs::remove_file } else { fs::remove_dir_all };
                remove(path).unwrap();
            }
        }
    }
}

/// Backup, no change, check, upload, and a download on a machine that knows nothing.
fn keeps_all(kind: S3) {
    let Some(server) = Server::s3(kind) else { return };
    for encrypted in [false, true] {
        let sandbox = on(kind, &server, encrypted);
        let data = sandbox.data();
        if encrypted && kind == S3::S3sFs {
            // It makes a file name of bucket and key, so that a key has 160 bytes at most.
            let run = sandbox.poof(["backup"]).run().expect_code(4);
            run.stderr_has("cannot store the manifest of config: the server fails");
            continue;
        }
        names(&data);
        if kind == S3::S3rver {
            without_long_names(&data);
        }
        grow(&data, 5, 0..=3_000, 1);
        grow(&data.join("large"), 1, 5_500_000..=5_500_000, 2);
        // What takes a backslash for a slash has these two in one place.
        fs::create_dir(data.join("back")).unwrap();
        fs::write(data.join("back/slash"), "with a slash").unwrap();
        fs::write(data.join(r"back\slash"), "with a backslash").unwrap();
        let original = Snapshot::of(&data);
        let run = |args: &[&str]| -> Run {
            eprintln!("{kind:?}, encrypted: {encrypted}: {args:?}");
            sandbox.poof(args).run().expect_code(0)
        };
        run(&["backup"]);
        let unchanged = "data: 0 new, 0 changed, 0 removed";
        run(&["backup"]).stderr_has(unchanged);
        let files = walkdir::WalkDir::new(&data).into_iter().flatten();
        let files = files.filter(|entry| entry.file_type().is_file()).count();
        // rclone as a server shows a name from its cache as it was sent, and otherwise once
        // it has read its disk; a deletion between the two is confirmed and not done.
        let checked = run(&["check"]).stderr_has(&format!("data: {files} intact, 0 not, "));
        if kind != S3::Gofakes3 {
            checked.stderr_has("not, 0 foreign");
        }
        run(&["check", "--read-data"]);
        // A new name of a kind that is there already, and one that was changed.
        fs::write(data.join("files/another\nline"), "new").unwrap();
        fs::write(data.join("files/back\\slash"), "changed").unwrap();
        run(&["backup"]).stderr_has("data: 1 new, 1 changed, 0 removed");
        fs::remove_file(data.join("files/another\nline")).unwrap();
        fs::write(data.join("files/back\\slash"), "back\\slash").unwrap();
        run(&["upload", "--yes", "--keep-poof", "--allow", "no-kit"]);
        assert!(!data.exists());
        fs::remove_dir_all(sandbox.state()).unwrap();
        run(&["download", "--yes", "--only", "data"]);
        assert_same_content(&original, &Snapshot::of(&data));
        run(&["backup"]).stderr_has(unchanged);
        // Of s3s-fs rclone lists the first directory again and again, whatever it holds;
        // S3Mock tells of some directories only if it is asked for all that is below.
        if !encrypted && !matches!(kind, S3::S3sFs | S3::Adobes) {
            // Nobody's listing of the tree is broken by what lies there.
            assert!(names_on(&sandbox, "data").len() > 60);
        }
    }
}

// As s3s-fs: a look at one object has a hash, a listing has none.
#[test]
fn where_a_listing_has_no_hash_what_was_read_back_is_known_in_the_next_run() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = grown(encrypted, 5);
        proxy.set_rule(|request| match request.kind {
            Kind::List => Verdict::Hashless,
            _ => Verdict::Pass,
        });
        let data = sandbox.data();
        let run = |args: &[&str]| sandbox.poof(args).run().expect_code(0);
        run(&["backup"]);
        let unchanged = "data: 0 new, 0 changed, 0 removed";
        run(&["backup"]).stderr_has(unchanged);
        run(&["check"]);
        run(&["check", "--read-data"]);
        fs::write(data.join("another"), "new").unwrap();
        run(&["backup"]).stderr_has("data: 1 new, 0 changed, 0 removed");
        let original = Snapshot::of(&data);
        run(&["upload", "--yes", "--keep-poof", "--allow", "no-kit"]).stderr_has(unchanged);
        assert!(!data.exists());
        fs::remove_dir_all(sandbox.state()).unwrap();
        run(&["download", "--yes", "--only", "data"]);
        assert_same_content(&original, &Snapshot::of(&data));
    }
}

#[test]
fn moto_keeps_hostile_names() {
    keeps_all(S3::Moto);
}

#[test]
fn s3rver_keeps_hostile_names() {
    keeps_all(S3::S3rver);
}

#[test]
fn rclone_as_a_server_keeps_hostile_names() {
    keeps_all(S3::Gofakes3);
}

#[test]
#[ignore = "long: make soak"]
fn soak_versitygw_keeps_hostile_names() {
    keeps_all(S3::Versitygw);
}

#[test]
#[ignore = "long: make soak"]
fn soak_s3s_fs_keeps_hostile_names() {
    keeps_all(S3::S3sFs);
}

#[test]
#[ignore = "long: make soak"]
fn soak_s3mock_keeps_hostile_names() {
    keeps_all(S3::Adobes);
}
