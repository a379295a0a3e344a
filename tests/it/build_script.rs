//! A build that cannot succeed says why, and what to do, at once. The compiled
//! build.rs runs here as cargo runs it, without cargo: in milliseconds.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// The errors that the build stops with when these variables are set.
fn errors(dir: &Path, vars: &[(&str, &str)]) -> Vec<String> {
    let output = Command::new(env!("POOF_BUILD_SCRIPT"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_CFG_TARGET_OS", env::consts::OS)
        .env("CARGO_CFG_TARGET_ARCH", env::consts::ARCH)
        .env("OUT_DIR", dir)
        .envs(vars.iter().copied())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let errors: Vec<String> = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("cargo::error="))
        .map(Into::into)
        .collect();
    assert!(!errors.is_empty(), "the build went on: {stdout}");
    assert!(output.stderr.is_empty(), "noise: {}", String::from_utf8_lossy(&output.stderr));
    errors
}

#[track_caller]
fn assert_says(errors: &[String], what: &str, remedy: &str) {
    let [.., last_but_one, last] = errors else { panic!("too little: {errors:?}") };
    assert!(errors.len() <= 4, "too much: {errors:?}");
    assert!(last_but_one.contains(what), "{last_but_one}");
    assert!(last.contains(remedy), "{last}");
}

#[test]
fn a_missing_go_is_named_with_where_to_get_it() {
    let dir = TempDir::new().unwrap();
    let absent = dir.path().join("absent/go").display().to_string();
    let errors = errors(dir.path(), &[("GO", &absent)]);
    assert_says(&errors, &format!("`{absent}` cannot be run"), "https://go.dev/dl");
}

#[test]
fn a_go_that_is_too_old_is_named_with_the_version_that_is_needed() {
    let dir = TempDir::new().unwrap();
    let go = dir.path().join("go");
    fs::write(&go, "#!/bin/sh\necho go1.20\n").unwrap();
    fs::set_permissions(&go, fs::Permissions::from_mode(0o755)).unwrap();
    let errors = errors(dir.path(), &[("GO", go.to_str().unwrap())]);
    assert_says(&errors, "is go1.20", "Install Go 1.");
}

#[test]
fn a_missing_libclang_is_found_before_go_compiles() {
    let dir = TempDir::new().unwrap();
    let errors = errors(dir.path(), &[("LIBCLANG_PATH", dir.path().to_str().unwrap())]);
    assert_says(&errors, "libclang was not found", "make setup");
}

#[test]
fn a_module_proxy_out_of_reach_points_to_the_offline_build() {
    let dir = TempDir::new().unwrap();
    let cache = dir.path().join("modules");
    let cache = cache.to_str().unwrap();
    let online = [("POOF_OFFLINE", ""), ("GOMODCACHE", cache), ("GOFLAGS", "-modcacherw")];
    for proxy in ["off", "http://127.0.0.1:1"] {
        let vars = [&online[..], &[("GOPROXY", proxy)]].concat();
        assert_says(&errors(dir.path(), &vars), "compiling rclone failed", "POOF_OFFLINE=1");
    }
}

#[test]
fn a_missing_c_compiler_is_named() {
    let dir = TempDir::new().unwrap();
    let errors = errors(dir.path(), &[("CC", dir.path().join("absent/cc").to_str().unwrap())]);
    assert_says(&errors, "compiling rclone failed", "install gcc or clang");
}
