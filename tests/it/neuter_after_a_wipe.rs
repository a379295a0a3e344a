//! What was wiped here is on the remote alone. `poof neuter` removes what leads back to it:
//! not before the remote has shown that it is there.

use std::fs;
use std::path::PathBuf;

use crate::farewell::{installed, poof};
use crate::harness::command::Run;
use crate::harness::{Backdoor, Proxy, Sandbox, Verdict};
use crate::story::grown;

struct Wiped {
    sandbox: Sandbox,
    proxy: Proxy,
    program: PathBuf,
}

impl Wiped {
    fn new() -> Self {
        let (sandbox, proxy) = grown(true, 5);
        sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0);
        assert!(!sandbox.data().exists());
        let program = installed(&sandbox);
        Wiped { sandbox, proxy, program }
    }

    fn neuter(&self, more: &[&str]) -> Run {
        let args = [&["neuter", "--yes", "--allow", "no-kit"], more].concat();
        poof(&self.sandbox, &self.program, &args).run()
    }

    #[track_caller]
    fn is_refused(&self, says: &str) {
        let run = self.neuter(&[]).expect_code(7);
        let run = run.stderr_has(says).stderr_has("--allow older-snapshot");
        let there = [&self.program, &self.sandbox.rclone_conf(), &self.sandbox.state()];
        assert!(there.iter().all(|path| path.exists()), "{run}");
        assert!(!run.stderr.contains("poof is gone"), "{run}");
    }

    #[track_caller]
    fn is_removed(&self, more: &[&str]) {
        let run = self.neuter(more).expect_code(0);
        assert!(!self.program.exists() && !self.sandbox.confdir().exists(), "{run}");
    }
}

#[test]
fn poof_stays_while_the_remote_lacks_something_that_was_wiped() {
    let wiped = Wiped::new();
    let door = Backdoor::past(&wiped.sandbox);
    let file = format!("data/{}", door.names("data")[0]);
    let [newest, older] = [door.read(&file), Vec::new()];
    door.delete(&file);
    wiped.is_refused("the remote does not show all of it");
    door.write(&file, &older);
    wiped.is_refused("the remote does not show all of it");
    door.write(&file, &newest);
    let heads = format!(".poof/trees/data/head/{}", door.names(".poof/trees/data/head")[0]);
    let head = door.read(&heads);
    door.delete(&heads);
    wiped.is_refused("its snapshot is not on the remote");
    door.write(&heads, &head);
    wiped.is_removed(&[]);
}

#[test]
fn poof_stays_while_nobody_can_ask_the_remote_and_a_word_removes_it() {
    let wiped = Wiped::new();
    wiped.proxy.set_rule(|_| Verdict::Status(403, "AccessDenied"));
    wiped.is_refused("the remote cannot be asked for it");
    wiped.is_removed(&["--allow", "older-snapshot"]);
}

#[test]
fn poof_stays_while_what_was_wiped_is_on_another_remote_or_not_configured() {
    let wiped = Wiped::new();
    let conf = wiped.sandbox.confdir().join("poof.conf");
    let text = fs::read_to_string(&conf).unwrap();
    wiped.sandbox.poof(["cryptoggle"]).run().expect_code(0);
    wiped.is_refused("which poof.conf does not name now");
    fs::write(&conf, text.replace("\"data\"", "\"other\"")).unwrap();
    wiped.is_refused("data is not in poof.conf any more");
    fs::write(&conf, "{").unwrap();
    wiped.is_refused("the remote cannot be asked for it");
    fs::write(&conf, text).unwrap();
    wiped.is_removed(&[]);
}

#[test]
fn poof_stays_while_a_wipe_is_not_completed() {
    let wiped = Wiped::new();
    let record = fs::read_dir(wiped.sandbox.state().join("wiped")).unwrap().next().unwrap();
    let record = record.unwrap().path();
    let text = fs::read_to_string(&record).unwrap();
    assert!(text.contains("\"wiped\""), "{text}");
    fs::write(record, text.replace("\"phase\":\"wiped\"", "\"phase\":\"wiping\"")).unwrap();
    wiped.is_refused("the wipe of data is not completed");
}
