//! When the hooks of poof.conf run.

use std::fs;

use super::home::{Home, told};
use crate::base::error::{Kind, Result};
use crate::operations::Outcome;

type Run = fn(&Home) -> Result<Outcome>;

#[test]
fn hooks_run_before_the_bucket_is_looked_at_and_after_the_last_step_there() {
    let runs: [(&str, Run); 2] = [("backup", Home::back_up), ("upload", Home::upload)];
    for (command, run) in runs {
        let home = Home::with_hooks(false, 0);
        let (outcome, moments) = home.observe(run);
        assert_eq!(outcome.unwrap().kind, None);
        let before = format!("before {command}\n");
        assert!(moments.iter().all(|moment| moment.ran == before), "{}", told(&moments));
        assert!(moments.len() > 10, "{}", told(&moments));
        assert_eq!(home.ran(), format!("{before}after {command}: done\n"));
    }
}

/// A database is dumped by the hook before: the guards judge what is there then.
#[test]
fn guards_judge_after_the_hook_before_and_the_hook_after_is_told() {
    let home = Home::with_hooks(false, 0);
    fs::remove_dir_all(home.tree()).unwrap();
    let outcome = home.back_up();
    assert_eq!(outcome.unwrap().kind, Some(Kind::Guard));
    assert_eq!(home.ran(), "before backup\nafter backup: refused\n");
}

#[test]
fn nothing_is_done_where_the_hook_before_fails() {
    let home = Home::with_hooks(false, 3);
    let (outcome, moments) = home.observe(Home::upload);
    assert_eq!(outcome.unwrap_err().kind(), Kind::Unexpected);
    assert!(moments.is_empty(), "{}", told(&moments));
    assert!(home.files() > 0);
    assert_eq!(home.ran(), "before upload\nafter upload: failed\n");
}
