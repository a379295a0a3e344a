//! A real systemd and a real cron run what `lconfig` wrote. Both are started in
//! namespaces of their own, and go with them; what the machine itself runs is not touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::farewell::installed;
use crate::harness::command::{Command, Run};
use crate::harness::{Lacks, Sandbox, skipped};
use crate::story::plain;

/// Whoever is not root can make neither cgroups nor mounts.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skipped(Lacks::Root, "only root starts a systemd or a cron");
    }
    is_root
}

/// A script in namespaces for mounts and processes.
fn apart(sandbox: &Sandbox, script: &str) -> Command {
    let path = sandbox.home().with_file_name("script");
    let private = "set -eu\nmount --make-rprivate /\nmount -t tmpfs none /run\n";
    fs::write(&path, format!("{private}{script}")).unwrap();
    let unshare = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh"];
    sandbox.program("unshare").args(unshare).args([&path]).timeout(Duration::from_mins(2))
}

/// What is in the bucket, by name.
fn stored(sandbox: &Sandbox) -> String {
    let place = format!("poof-backup:{}/data", sandbox.bucket());
    sandbox.rclone(["lsf", "-R", "--files-only", &place]).run().stdout
}

/// A user's systemd of the user nobody, and poof called with it.
fn with_systemd(sandbox: &Sandbox, program: &Path, inner: &str) -> Run {
    let (home, poof) = (sandbox.home(), program.display());
    let script = home.with_file_name("inner");
    fs::write(
        &script,
        format!(
            "poof() {{ '{poof}' \"$@\"; }}\n\
             /lib/systemd/systemd --user >/dev/null 2>&1 &\n\
             for i in $(seq 100); do systemctl --user show-environment >/dev/null 2>&1 && break\n\
             sleep 0.1; done\n{inner}\nsystemctl --user exit\nwait\n"
        ),
    )
    .unwrap();
    let dir = home.parent().unwrap().display();
    let outer = format!(
        // Without this systemd does not believe that it is wanted.
        "mkdir -p /run/systemd/system /run/user/65534\n\
         chmod 700 /run/user/65534\n\
         mount -t cgroup2 none /sys/fs/cgroup\n\
         own=/sys/fs/cgroup/{id}\nmkdir -p $own/inner\necho $$ >$own/inner/cgroup.procs\n\
         chown -R 65534:65534 $own /run/user/65534\nfind '{dir}' -uid 0 ! -name 'of root' \
         -exec chown -h 65534:65534 {{}} +\n\
         setpriv --reuid 65534 --regid 65534 --clear-groups \
         env -i HOME='{home}' USER=nobody PATH=/usr/bin:/bin XDG_RUNTIME_DIR=/run/user/65534 \
         sh -eu '{script}'\n",
        id = sandbox.bucket(),
        home = home.display(),
        script = script.display(),
    );
    let run = apart(sandbox, &outer).run();
    // Empty once all that was in it has ended.
    let remove = "for i in $(seq 50); do \
                  d=$(find /sys/fs/cgroup -type d -name \"$1\" 2>/dev/null | head -n 1)\n\
                  [ -n \"$d\" ] || exit 0; find \"$d\" -depth -type d -exec rmdir {} + && exit\n\
                  sleep 0.1; done";
    sandbox.program("sh").args(["-c", remove, "sh", sandbox.bucket()]).run();
    run
}

#[test]
fn a_real_systemd_makes_up_for_a_missed_run_and_forgets_it_with_the_schedule() {
    if !is_root() {
        return;
    }
    let sandbox = plain(3);
    // Of somebody else: where a unit has a user namespace, of nobody.
    fs::write(sandbox.data().join("of root"), "x").unwrap();
    let program = installed(&sandbox);
    let stamp = sandbox.home().join(".local/share/systemd/timers/stamp-poof.timer");
    let dropin = sandbox.home().join(".config/systemd/user/poof.timer.d");
    let inner = format!(
        "poof lconfig --every 6h\n\
         poof verify --offline | grep 'schedule enabled'\n\
         systemctl --user is-enabled poof.timer\n\
         [ -e '{stamp}' ] && echo 'the first run waits'\n\
         systemctl --user show poof.service --property=ExecMainStartTimestampMonotonic\n\
         mkdir '{dropin}'\n\
         printf '[Timer]\\nRandomizedDelaySec=0\\nAccuracySec=1us\\n' >'{dropin}/now.conf'\n\
         touch -d '2 days ago' '{stamp}'\n\
         poof lconfig >/dev/null 2>&1\n\
         for i in $(seq 200); do\n\
         case $(systemctl --user show poof.service --property=ExecMainExitTimestampMonotonic) in\n\
         *=0) sleep 0.1;; *) break;; esac; done\n\
         systemctl --user show poof.service --property=Result,ExecMainStatus\n\
         poof backup\n\
         rm -r '{dropin}'\n\
         poof lpurge\n\
         systemctl --user list-timers --all --no-legend\n\
         systemctl --user cat poof.service 2>&1 || true",
        stamp = stamp.display(),
        dropin = dropin.display(),
    );
    let run = with_systemd(&sandbox, &program, &inner).expect_code(0);
    let run =
        run.stdout_has("schedule enabled? - PoofStatus.LAUNCHD_ENABLED").stdout_has("enabled\n");
    // Enabling it is no reason to run at once.
    let run = run.stdout_has("the first run waits\nExecMainStartTimestampMonotonic=0");
    let run = run.stdout_has("Result=success").stdout_has("ExecMainStatus=0");
    assert!(stored(&sandbox).contains("of root"), "{run}");
    let run =
        run.stderr_has("data: 0 new, 0 changed, 0 removed").stdout_has("No files found for poof");
    assert!(!run.stdout.contains("poof.timer  ") && !stamp.exists(), "{run}");
    assert!(!sandbox.home().join(".config/systemd").exists(), "{run}");
}

#[test]
#[ignore = "cron calls once a minute"]
fn soak_a_real_cron_runs_the_lines_of_the_crontab() {
    if !is_root() {
        return;
    }
    let sandbox = plain(3);
    let odd = sandbox.home().join("100% of it's");
    fs::create_dir(&odd).unwrap();
    let program = installed(&sandbox);
    let moved: PathBuf = odd.join("poof");
    fs::rename(&program, &moved).unwrap();
    let script = format!(
        "for dir in /var/spool/cron /etc/cron.d; do mount -t tmpfs none $dir; done\n\
         mount --bind /dev/null /etc/crontab\n\
         mkdir -m 1730 /var/spool/cron/crontabs\nchgrp crontab /var/spool/cron/crontabs\n\
         echo '# of the user' | crontab -\n\
         cron -f &\n\
         # What changes within a second after cron has looked it does not see.\n\
         sleep 2\n\
         poof=\"{poof}\"\n\
         \"$poof\" lconfig --every 15m\n\
         crontab -l | sed 's|^\\*/15 |* |' | crontab -\n\
         for i in $(seq 75); do [ -e '{log}' ] && grep -q 'exit code' '{log}' && break\n\
         sleep 1; done\n\
         cat '{log}'\n\
         \"$poof\" lpurge\n\
         crontab -l\n",
        poof = moved.display(),
        log = sandbox.state().join("log/backup.log").display(),
    );
    let run = apart(&sandbox, &script).run().expect_code(0);
    let run = run.stdout_has("data: 3 new").stdout_has("exit code 0");
    assert_eq!(stored(&sandbox).lines().count(), 3, "{run}");
    assert!(run.stdout.ends_with("# of the user\n"), "{run}");
}
