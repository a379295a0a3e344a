//! What poof has inherited from who has started it, it does not hand on.

use std::fs;

use serde_json::json;

use crate::harness::minio::SECRET_KEY;
use crate::secret_sources::{declare, strip};
use crate::story::plain;

/// Notes which descriptors there are beyond the three of every program, and which variables
/// of rclone's.
const NOTE: &str = "for fd in /proc/$$/fd/*; do readlink $fd; done >>\"$HOME/seen\"; \
                    env | grep ^RCLONE_ >>\"$HOME/seen\"; ";

#[test]
fn no_program_that_poof_runs_gets_a_descriptor_of_whatever_number() {
    let sandbox = plain(3);
    strip(&sandbox, &["secret_access_key"]);
    let secret = format!("{NOTE} echo {SECRET_KEY}");
    declare(&sandbox, &json!({"poof-backup.secret_access_key": {"command": ["sh", "-c", secret]}}));
    sandbox.set("before", json!(["sh", "-c", format!("{NOTE} echo hook >>\"$HOME/seen\"")]));
    let precious = sandbox.home().with_file_name("precious");
    fs::write(&precious, "only for the script").unwrap();
    let poof = env!("CARGO_BIN_EXE_poof");
    let script = format!(
        "ulimit -n 4096; p='{}'; exec 3<$p 9<$p 1023<$p 1024<$p 4000<$p; '{poof}' backup --yes",
        precious.display()
    );
    let run = sandbox.program("bash").args(["-c", &script]).env("RCLONE_CONFIG_PASS", "x").run();
    run.expect_code(0);
    let seen = fs::read_to_string(sandbox.home().join("seen")).unwrap();
    assert!(seen.contains("hook") && seen.contains("/dev/null"), "{seen}");
    for word in ["precious", "RCLONE_"] {
        assert!(!seen.contains(word), "{word}: {seen}");
    }
}
