//! `"bundle"`: small files go together, as members of zip archives.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;

use crate::harness::hostile::{Keeper, hostile};
use crate::harness::{
    Backdoor, Config, Proxy, Sandbox, Snapshot, assert_exact, assert_same_content, copy_exactly,
    minio, stock_rclone,
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

#[test]
fn what_others_put_beside_bundles_is_named_and_stays() {
    let sandbox = bundled(false, None);
    grow(&sandbox.data());
    sandbox.poof(["backup"]).run().expect_code(0);
    let door = Backdoor::new(&sandbox);
    let beside = [".poof/bundles/data/9999999999.zip", ".poof/bundles/data/notes.txt"];
    for name in beside {
        door.write(name, b"of somebody else");
    }
    sandbox.poof(["check"]).run().expect_code(0).stdout_has(beside[0]).stdout_has(beside[1]);
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(["check"]).run().expect_code(0).stdout_has(beside[0]).stdout_has(beside[1]);
    assert_eq!(door.names(".poof/bundles/data/").len(), 3);
}

/// Sizes of all objects of a bucket, the largest first, as its provider lists them.
fn seen_by_the_provider((dirs, files, size): (usize, usize, usize), bundle: bool) -> Vec<u64> {
    let sandbox = bundled(true, None);
    sandbox.set("bundle", json!(bundle));
    let mut random = fastrand::Rng::with_seed(3);
    for dir in 0..dirs {
        let dir = sandbox.data().join(format!("dir {dir}"));
        fs::create_dir_all(&dir).unwrap();
        for file in 0..files {
            let mut noise = vec![0; size];
            random.fill(&mut noise);
            fs::write(dir.join(format!("file {file}")), noise).unwrap();
        }
    }
    sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
    let raw = Backdoor::new(&sandbox).raw("");
    let run = sandbox.rclone(["lsf", "-R", "--files-only", "--format=s", &raw]).run();
    let mut sizes: Vec<u64> = run.stdout.lines().map(|line| line.parse().unwrap()).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}

// 800 KiB each: many small files in many directories, and a few in one.
#[test]
fn a_provider_tells_trees_apart_by_their_objects_and_hardly_by_their_bundles() {
    let trees = [(40, 10, 2 << 10), (1, 10, 80 << 10)];
    let [many, few] = trees.map(|tree| seen_by_the_provider(tree, false));
    assert!(many.len() > 400 && few.len() < 20, "{} and {}", many.len(), few.len());
    assert_eq!(few[..10], [(80 << 10) + 32 + 2 * 16; 10], "each size");
    let [many, few] = trees.map(|tree| seen_by_the_provider(tree, true));
    eprintln!("bundled: {many:?} and {few:?}");
    assert_eq!(many.len(), few.len());
    // What they are called takes room in an archive, and in the records.
    let (most, least) = (many[0].max(few[0]), many[0].min(few[0]));
    assert!(most - least < most / 10, "{many:?} and {few:?}");
    assert!(least > 800 << 10);
}

#[test]
fn one_file_comes_from_a_bundle_without_the_rest() {
    let (sandbox, proxy) = (Sandbox::new(), Proxy::start(minio().address()));
    sandbox.write_config(&Config::encrypted(proxy.endpoint()));
    sandbox.set("bundle", json!(true));
    let mut random = fastrand::Rng::with_seed(5);
    for file in 0..100 {
        let mut noise = vec![0; 20 << 10];
        random.fill(&mut noise);
        fs::write(sandbox.data().join(format!("file {file}")), noise).unwrap();
    }
    sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
    proxy.reset();
    let to = sandbox.home().join("to");
    let run = sandbox.poof(["get", "--to", to.to_str().unwrap(), "data/file 50"]).run();
    run.expect_code(0);
    let file = fs::read(to.join("data/file 50")).unwrap();
    assert_eq!(file, fs::read(sandbox.data().join("file 50")).unwrap());
    // Blocks of 64 KiB are encrypted: one or two of them, and what is asked before.
    assert!(proxy.received() < 200_000, "{} bytes", proxy.received());
    assert!(proxy.total() <= 3, "{} requests", proxy.total());
}

#[test]
fn what_is_damaged_of_a_bundle_takes_nothing_else_along() {
    let disk = tempfile::tempdir().unwrap();
    let sandbox = bundled(true, Some(disk.path()));
    let mut random = fastrand::Rng::with_seed(9);
    for file in 0..100 {
        let mut noise = vec![0; 6 << 10];
        random.fill(&mut noise);
        fs::write(sandbox.data().join(format!("file {file:03}")), noise).unwrap();
    }
    sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
    let files = walkdir::WalkDir::new(disk.path()).into_iter().flatten();
    let bundle = files.max_by_key(|entry| entry.metadata().unwrap().len()).unwrap().into_path();
    let (whole, made) = (fs::read(&bundle).unwrap(), fs::metadata(&bundle).unwrap().modified());
    // A block of 64 KiB has less than a dozen of them: in the first one, and in another.
    for at in [60_000, 400_000] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        fs::write(&bundle, damaged).unwrap();
        let file = fs::File::options().write(true).open(&bundle).unwrap();
        file.set_modified(*made.as_ref().unwrap()).unwrap();
        let out = tempfile::tempdir().unwrap();
        let to = out.path().to_str().unwrap();
        sandbox.poof(["download", "--only", "data", "--to", to]).run().expect_code(5);
        let came = fs::read_dir(out.path().join("data")).unwrap().flatten();
        let sound = came.filter(|came| {
            let original = sandbox.data().join(came.file_name());
            fs::read(came.path()).unwrap() == fs::read(original).unwrap()
        });
        let sound = sound.count();
        assert!((87..100).contains(&sound), "{sound} of 100 came back, with damage at {at}");
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
