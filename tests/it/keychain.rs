//! Secrets in the keychain: a real one, of a desktop session (`harness::desktop`).

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::farewell::{PHRASE, safe};
use crate::harness::desktop::{locked_session, session};
use crate::harness::minio::{ACCESS_KEY, SECRET_KEY};
use crate::harness::{Sandbox, Snapshot, assert_same_content};
use crate::secret_sources::{declare, leaks, outside};
use crate::story::{encrypted, plain};

const PASSWORD: &str = "the first pass word";
const NAME: &str = "poof-backup.secret_access_key";

fn poof_conf(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.confdir().join("poof.conf")).unwrap()
}

fn rclone_conf(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.rclone_conf()).unwrap()
}

/// What an entry holds, as another program sees it.
fn entry(sandbox: &Sandbox, name: &str) -> String {
    let line = format!("secret-tool lookup service poof username '{name}'");
    session(sandbox, &line).run().stdout
}

#[test]
fn what_stands_in_the_file_is_moved_and_works_from_there() {
    let sandbox = encrypted(5);
    let original = Snapshot::of(&sandbox.data());
    let before = rclone_conf(&sandbox);
    let edited = before.replace("acl = private", "# mine\nacl = private");
    fs::write(sandbox.rclone_conf(), &edited).unwrap();
    let mut conf: Value = serde_json::from_str(&poof_conf(&sandbox)).unwrap();
    conf["_mine"] = json!([1, {"x": null}]);
    fs::write(sandbox.confdir().join("poof.conf"), conf.to_string()).unwrap();

    let names = [NAME, "poof-backup.access_key_id", "poof-crypt.password"];
    let line = names.map(|name| format!("poof --json secret set {name}")).join(" && ");
    let run = session(&sandbox, &line).run().expect_code(0);
    let moved = run.json_lines().into_iter().filter(|line| line["type"] == "secret");
    assert!(moved.map(|line| line["moved"].clone()).eq([true, true, true]), "{run}");
    assert_eq!(entry(&sandbox, NAME), SECRET_KEY);
    assert_eq!(entry(&sandbox, "poof-crypt.password"), PASSWORD, "in clear");
    let gone = |line: &&str| {
        !["secret_access_key =", "access_key_id =", "password ="]
            .iter()
            .any(|k| line.starts_with(k))
    };
    let kept: Vec<_> = edited.lines().filter(gone).collect();
    assert_eq!(rclone_conf(&sandbox).lines().collect::<Vec<_>>(), kept);
    conf["secrets"] = names.into_iter().map(|name| (name, json!({"keychain": name}))).collect();
    assert_eq!(poof_conf(&sandbox), serde_json::to_string_pretty(&conf).unwrap());
    let secrets = [SECRET_KEY, ACCESS_KEY, PASSWORD];
    assert_eq!(leaks(&sandbox, &secrets), [] as [PathBuf; 0]);

    let line = format!(
        "poof verify && poof backup && rm -r '{}' && poof download",
        sandbox.data().display()
    );
    session(&sandbox, &line).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    assert_eq!(leaks(&sandbox, &secrets), [] as [PathBuf; 0]);
    // To the remote nothing has changed.
    fs::write(sandbox.rclone_conf(), &before).unwrap();
    declare(&sandbox, &json!({}));
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed");
}

#[test]
fn a_new_value_is_asked_for_or_given_and_the_file_s_own_goes() {
    let sandbox = plain(1);
    let value = sandbox.home().with_file_name("value");
    fs::write(&value, format!("{SECRET_KEY}\nmore\n")).unwrap();
    let given = format!("poof secret set {NAME} --value-file '{}'", value.display());
    session(&sandbox, &given).run().expect_code(0);
    assert_eq!(entry(&sandbox, NAME), SECRET_KEY);
    assert!(!rclone_conf(&sandbox).contains("secret_access_key"));
    session(&sandbox, "poof verify").run().expect_code(0);
    // A second time it replaces the first.
    let line = format!("printf 'another\\n' | poof secret set {NAME} --value-file -");
    session(&sandbox, &line).run().expect_code(0);
    assert_eq!(entry(&sandbox, NAME), "another");
    session(&sandbox, "poof verify").run().expect_code(4);
    // On a terminal, where it does not show.
    let line = format!("script -qec 'poof secret set {NAME}' /dev/null");
    let run = session(&sandbox, &line).stdin(format!("{SECRET_KEY}\n")).run().expect_code(0);
    assert!(run.stdout.contains(&format!("Value of {NAME}: ")), "{run}");
    assert_eq!(entry(&sandbox, NAME), SECRET_KEY);
    // Off one nobody asks.
    let run = session(&sandbox, &format!("poof secret set {NAME}")).run().expect_code(2);
    run.stderr_has("--value-file");
    assert_eq!(entry(&sandbox, NAME), SECRET_KEY);
}

#[test]
fn what_cannot_be_set_changes_nothing() {
    let sandbox = plain(1);
    let (poof, rclone) = (poof_conf(&sandbox), rclone_conf(&sandbox));
    for (name, code, word) in [
        ("nonsense", 2, "SECTION.KEY"),
        ("poof-backup.type", 2, "no secret"),
        ("nope.key", 3, "no section [nope]"),
        ("poof-backup.secret", 3, "no setting secret for a remote of type s3"),
        ("poof-backup.session_token", 2, "--value-file"),
        ("rclone-poof.conf", 3, "is not encrypted"),
    ] {
        let run = session(&sandbox, &format!("poof secret set {name}")).run().expect_code(code);
        run.stderr_has(word);
    }
    let line = format!("poof secret set {NAME}");
    for run in [locked_session(&sandbox, &line).run(), sandbox.poof(["secret", "set", NAME]).run()]
    {
        let run = run.expect_code(3).stderr_has("cannot be put into the keychain");
        run.stderr_has("a \"command\" or a \"file\"");
    }
    assert_eq!((poof_conf(&sandbox), rclone_conf(&sandbox)), (poof, rclone));
}

#[test]
fn a_keychain_that_stays_locked_has_its_verdict() {
    let sandbox = plain(1);
    session(&sandbox, &format!("poof secret set {NAME}")).run().expect_code(0);
    let run = locked_session(&sandbox, "poof backup").run().expect_code(3);
    run.stderr_has(&format!("poof.conf secrets \"{NAME}\": the keychain stays locked"));
    let run = sandbox.poof(["verify"]).run().expect_code(3).stderr_has("there is no keychain");
    run.stdout_has("PoofStatus.ERROR_MISSING_KEY");
}

/// Kills a move into the keychain before the nth of these system calls, looks where the
/// secret is, and lets the next run complete it. Returns whether it came to its end.
fn killed_move(calls: &str, nth: usize) -> bool {
    let sandbox = plain(1);
    let set = format!("poof secret set {NAME}");
    let options = format!("-f -qq -o /dev/null -e trace={calls}");
    let inject = format!("-e inject={calls}:signal=KILL:when={nth}");
    let run = session(&sandbox, &format!("strace {options} {inject} {set}")).run();
    let named = poof_conf(&sandbox).contains(NAME);
    let stands = rclone_conf(&sandbox).contains(&format!("secret_access_key = {SECRET_KEY}"));
    let held = entry(&sandbox, NAME) == SECRET_KEY;
    assert!(stands || named && held, "lost before {calls} {nth}: {run}");
    let look = session(&sandbox, "poof verify").run().expect_code(0);
    assert_eq!(look.stderr.contains("a value is still there"), stands && named, "{look}");
    if stands {
        session(&sandbox, &set).run().expect_code(0);
        assert!(!rclone_conf(&sandbox).contains("secret_access_key"));
        session(&sandbox, "poof verify").run().expect_code(0);
    }
    run.code == Some(0)
}

// At each moment the secret is in the keychain, and poof.conf says so, or in the file.
#[test]
fn a_move_that_is_killed_loses_nothing_and_is_completed() {
    let points = [("rename,renameat,renameat2", 2), ("fsync", 4), ("fdatasync", 1)];
    for (calls, least) in points {
        let survived = (1..20).find(|nth| killed_move(calls, *nth)).unwrap();
        assert!(survived > least, "{calls}: only {} were seen", survived - 1);
    }
}

#[test]
fn another_configuration_has_entries_of_its_own() {
    let sandbox = plain(1);
    let other = sandbox.home().join("other");
    fs::create_dir(&other).unwrap();
    for name in ["poof.conf", "rclone-poof.conf"] {
        fs::copy(sandbox.confdir().join(name), other.join(name)).unwrap();
    }
    let text = rclone_conf(&sandbox).replace(SECRET_KEY, "of the other");
    fs::write(other.join("rclone-poof.conf"), text).unwrap();
    let line =
        format!("poof secret set {NAME} && poof --confdir '{}' secret set {NAME}", other.display());
    session(&sandbox, &line).run().expect_code(0);
    assert_eq!(entry(&sandbox, NAME), SECRET_KEY);
    let conf: Value = serde_json::from_slice(&fs::read(other.join("poof.conf")).unwrap()).unwrap();
    let named = conf["secrets"][NAME]["keychain"].as_str().unwrap();
    assert_ne!(named, NAME);
    assert_eq!(entry(&sandbox, named), "of the other");
}

#[test]
fn neuter_removes_the_entries_that_poof_made_and_names_others() {
    let sandbox = plain(1);
    let mine = "printf mine | secret-tool store --label=x service poof username mine";
    session(&sandbox, &format!("{mine} && poof secret set {NAME}")).run().expect_code(0);
    let mut conf: Value = serde_json::from_str(&poof_conf(&sandbox)).unwrap();
    conf["secrets"]["poof-backup.access_key_id"] = json!({"keychain": "mine"});
    let file = outside(&sandbox, "kept", "mine too");
    conf["secrets"]["poof-backup.session_token"] = json!({"file": file});
    fs::write(sandbox.confdir().join("poof.conf"), conf.to_string()).unwrap();
    let run = session(&sandbox, "poof neuter --dry-run").run().expect_code(0);
    run.stdout_has(&format!("x \"{NAME}\" in the keychain"));
    assert_eq!(entry(&sandbox, NAME), SECRET_KEY);
    let run = session(&sandbox, "poof neuter --yes --allow no-kit").run().expect_code(9);
    let run = run.stderr_has("secret-tool clear service poof username 'mine'");
    run.stderr_has(&format!("rm '{}'", file.display()));
    assert!(file.exists());
    assert_eq!(
        (entry(&sandbox, NAME), entry(&sandbox, "mine")),
        (String::new(), "mine".to_owned())
    );
    assert!(!sandbox.confdir().exists());
}

#[test]
fn neuter_without_a_keychain_names_what_it_could_not_remove() {
    let sandbox = plain(1);
    session(&sandbox, &format!("poof secret set {NAME}")).run().expect_code(0);
    let run = sandbox.poof(["neuter", "--yes", "--allow", "no-kit"]).run().expect_code(9);
    run.stderr_has(&format!("secret-tool clear service poof username '{NAME}'"));
}

/// Level 4 with its secrets in the keychain: only the kit brings them back.
#[test]
fn a_kit_holds_the_secrets_and_brings_them_into_the_keychain_or_the_file() {
    let sandbox = encrypted(8);
    let original = Snapshot::of(&sandbox.data());
    let names = [NAME, "poof-crypt.password"];
    let line = names.map(|name| format!("poof secret set {name}")).join(" && ");
    session(&sandbox, &format!("{line} && poof backup")).run().expect_code(0);
    // Both files together do not bring anybody back.
    let run = session(&sandbox, "poof -q config && poof -q cconfig && poof upload --yes").run();
    run.expect_code(7).stderr_has("no recovery kit");
    let file = safe(&sandbox).join("kit.txt");
    let phrase = file.with_file_name("phrase");
    let line = format!("poof kit '{}' --phrase-file '{}'", file.display(), phrase.display());
    session(&sandbox, &line).run().expect_code(0);
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(SECRET_KEY) && !text.contains(PHRASE));
    // A secret that is set anew is not in the kit.
    let again = format!(
        "printf '{SECRET_KEY}' | poof secret set {NAME} --value-file - && poof upload --yes"
    );
    session(&sandbox, &again).run().expect_code(7).stderr_has("changed since its recovery kit");
    session(&sandbox, &format!("{line} && poof upload --yes --keep-poof")).run().expect_code(0);
    assert!(!sandbox.data().exists());

    let back = format!("poof return '{}' --phrase-file '{}'", file.display(), phrase.display());
    let secrets = [SECRET_KEY, PASSWORD];
    let machine = bare();
    session(&machine, &back).run().expect_code(0).stderr_has("in the keychain of this machine");
    assert_same_content(&original, &Snapshot::of(&machine.data()));
    assert_eq!(leaks(&machine, &secrets), [] as [PathBuf; 0]);
    assert_eq!(entry(&machine, NAME), SECRET_KEY);
    session(&machine, "poof backup").run().expect_code(0).stderr_has("data: 0 new, 0 changed");

    // A machine without a keychain.
    let machine = bare();
    let args = ["return", file.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
    let run = machine.poof(args).run().expect_code(0);
    run.stderr_has(&format!("{NAME} is in rclone-poof.conf now"));
    assert_same_content(&original, &Snapshot::of(&machine.data()));
    assert!(!poof_conf(&machine).contains("secrets"));
    assert!(rclone_conf(&machine).contains(&format!("secret_access_key = {SECRET_KEY}")));
    assert!(!rclone_conf(&machine).contains(PASSWORD), "what rclone keeps obscured is so");
    machine.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed");
}

fn bare() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::remove_dir(sandbox.data()).unwrap();
    sandbox
}

#[test]
fn a_return_that_is_refused_leaves_no_entry_behind() {
    let sandbox = encrypted(2);
    session(&sandbox, &format!("poof secret set {NAME} && poof backup")).run().expect_code(0);
    let file = safe(&sandbox).join("kit.txt");
    let phrase = file.with_file_name("phrase");
    let with = format!("'{}' --phrase-file '{}'", file.display(), phrase.display());
    session(&sandbox, &format!("poof kit {with}")).run().expect_code(0);
    let machine = bare();
    let line = format!("script -qec \"poof return {with}\" /dev/null");
    let run = session(&machine, &line).stdin("n\n").run().expect_code(7);
    assert!(run.stdout.contains("nothing was brought back"), "{run}");
    assert_eq!(entry(&machine, NAME), "");
    assert!(!machine.confdir().exists());
}
