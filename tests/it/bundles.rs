//! `"bundle"`: small files go together, as members of zip archives.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;

use crate::harness::hostile::{Keeper, hostile};
use crate::harness::{
    Backdoor, Config, Sandbox, Snapshot, assert_exact, assert_same_content, copy_exactly, minio,
    stock_rclone,
};

/// Small files, among them links and names that are hard, and a few that are large.
fn grow(root: &Path) {
    for dir in 0..10 {
        let dir = root.join(format!("dir {dir}"));
        fs::create_dir_all(&dir).unwrap();
        for file in 0..20 {
            let text = format!("{} ", dir.display()).repeat(file * 20);
            fs::write(dir.join(format!("file {file}")), text).unwrap();
        }
    }
    fs::write(root.join("large text"), "large text ".repeat(100_000)).unwrap();
    let mut noise = vec![0; 600_000];
    fastrand::Rng::with_seed(7).fill(&mut noise);
    fs::write(root.join("large noise"), noise).unwrap();
    fs::write(root.join("link.rclonelink"), "reads like a link").unwrap();
    symlink("large text", root.join("link")).unwrap();
    fs::hard_link(root.join("dir 1/file 1"), root.join("hard link")).unwrap();
}

fn bundled(encrypted: bool, dir: Option<&Path>) -> Sandbox {
    let sandbox = Sandbox::new();
    let endpoint = minio().endpoint();
    let mut config = if encrypted { Config::encrypted(endpoint) } else { Config::plain(endpoint) };
    if let Some(dir) = dir {
        config = config.on_disk(dir);
    }
    sandbox.write_config(&config);
    sandbox.set("bundle", json!(true));
    sandbox
}

#[test]
fn small_files_go_together_and_come_back_exactly() {
    let disk = tempfile::tempdir().unwrap();
    for (encrypted, dir) in
        [(false, None), (true, None), (false, Some(disk.path())), (true, Some(disk.path()))]
    {
        let sandbox = bundled(encrypted, dir);
        let (data, kept) = (sandbox.data(), sandbox.home().join("kept"));
        hostile(&data, Keeper::Root);
        grow(&data);
        sandbox.poof(["backup"]).run().expect_code(0);
        if !encrypted && dir.is_none() {
            let door = Backdoor::new(&sandbox);
            // And what is larger than any bundle.
            let large = ["kinds/all hole", "kinds/sparse", "large noise"];
            assert_eq!(door.names("data/"), large);
            assert_eq!(door.names(".poof/bundles/data/").len(), 1);
        }
        sandbox.poof(["check", "--read-data"]).run().expect_code(0);
        let run = sandbox.poof(["backup"]).run().expect_code(0);
        run.stderr_has("data: 0 new, 0 changed, 0 removed");
        copy_exactly(&data, &kept);
        sandbox.poof(["upload", "--keep-poof", "--yes"]).run().expect_code(0);
        assert!(!data.join("large text").exists());
        sandbox.poof(["download", "--yes"]).run().expect_code(0);
        assert_exact(&kept, &data);
        let run = sandbox.poof(["backup"]).run().expect_code(0);
        run.stderr_has("data: 0 new, 0 changed, 0 removed");
    }
}

/// The lines of the document, for these places.
fn by_hand(remote: &str, out: &Path) -> String {
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/format.md");
    let text = fs::read_to_string(text).unwrap();
    let (_, section) = text.split_once("### Bundles").unwrap();
    let (_, lines) = section.split_once("```console\n").unwrap();
    let (lines, _) = lines.split_once("```").unwrap();
    let lines = lines.replace("$ ", "").replace("REMOTE:", remote).replace("NAME", "data");
    lines.replace("OUT", out.to_str().unwrap())
}

#[test]
fn rclone_and_unzip_bring_back_every_file_without_poof() {
    for encrypted in [false, true] {
        let sandbox = bundled(encrypted, None);
        let (data, out) = (sandbox.data(), sandbox.home().join("out"));
        grow(&data);
        fs::write(data.join("changes"), "before").unwrap();
        fs::write(data.join("grows"), "small").unwrap();
        fs::write(data.join("goes"), "goes").unwrap();
        symlink("..", data.join("was a link")).unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::write(data.join("changes"), "after").unwrap();
        let mut noise = vec![0; 700_000];
        fastrand::Rng::with_seed(8).fill(&mut noise);
        fs::write(data.join("grows"), noise).unwrap();
        fs::remove_file(data.join("goes")).unwrap();
        fs::remove_file(data.join("was a link")).unwrap();
        fs::create_dir(data.join("was a link")).unwrap();
        fs::write(data.join("was a link/inside"), "inside").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        let remote = if encrypted {
            "poof-crypt:".to_owned()
        } else {
            format!("poof-backup:{}/", sandbox.bucket())
        };
        let bin = sandbox.bin().join("rclone");
        let config = sandbox.rclone_conf();
        let wrapper = format!(
            "#!/bin/sh\nexec '{}' --config '{}' \"$@\"\n",
            stock_rclone().display(),
            config.display()
        );
        fs::write(&bin, wrapper).unwrap();
        fs::set_permissions(&bin, fs::Permissions::from_mode(0o755)).unwrap();
        let script = by_hand(&remote, &out);
        sandbox.program("sh").args(["-e", "-c", &script]).run().expect_code(0);
        assert!(!out.parent().unwrap().join("inside").exists(), "a link was followed");
        // A superset: what is gone is still in a bundle.
        assert_eq!(fs::read(out.join("goes")).unwrap(), b"goes");
        fs::remove_file(out.join("goes")).unwrap();
        assert_same_content(&Snapshot::of(&data), &Snapshot::of(&out));
        // What the provider sees of small files is not one object each.
        let seen = sandbox.rclone(["lsf", "-R", "--files-only", &format!("{remote}data")]).run();
        assert_eq!(seen.stdout.lines().count(), 2, "{seen}");
    }
}

// At the top of the bucket nothing is seen but poof's records.
#[test]
fn a_toggled_remote_is_noticed_and_what_others_put_there_is_no_other_password() {
    for encrypted in [false, true] {
        let sandbox = bundled(encrypted, None);
        fs::write(sandbox.data().join("small"), "small").unwrap();
        if !encrypted {
            sandbox.poof(["econfig"]).run().expect_code(0);
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        let stray = format!("poof-backup:{}/stray/file", sandbox.bucket());
        sandbox.rclone(["rcat", &stray]).stdin("stray").run().expect_code(0);
        sandbox.poof(["backup"]).run().expect_code(0);
        sandbox.poof(["cryptoggle"]).run().expect_code(0);
        sandbox.poof(["backup"]).run().expect_code(7).stderr_has("poof cryptoggle");
    }
}
