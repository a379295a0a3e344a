//! Compiles `go/` (rclone and our glue) into a static library, generates the
//! bindings to it and links it. Each way in which this can fail ends in one
//! message that says what to do.
//!
//! Environment: `GO` names another go command; `POOF_OFFLINE=1` forbids the
//! network and builds from the module cache (see vendor/README.md).

use std::env;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use bindgen::Formatter;

const RCLONE: &str = "github.com/rclone/rclone";

const LIBCLANG: &str = "bindgen needs libclang: run `make setup` (Debian: apt-get install \
                        libclang-dev; macOS: xcode-select --install), or set LIBCLANG_PATH.";

fn main() {
    let root = PathBuf::from(var("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(var("OUT_DIR"));
    let source = root.join("go");
    // The directory, not the files that it holds now: a new one counts too.
    println!("cargo::rerun-if-changed={}", source.display());
    let of_target = compiler_of_target();
    for name in ["GO", "GOFLAGS", "GOMODCACHE", "POOF_OFFLINE", "CC", "LIBCLANG_PATH", &of_target] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    // So that a test can run this program as cargo does.
    println!("cargo::rustc-env=POOF_BUILD_SCRIPT={}", own_path());

    let manifest = read(&source.join("go.mod"));
    let go = env::var("GO").unwrap_or_else(|_| "go".to_owned());
    require_go(&go, &go_directive(&manifest));
    require_libclang();
    let archive = out.join("libbridge.a");
    build_archive(&go, &root, &archive, &required_version(&manifest, RCLONE));
    write_bindings(&out.join("libbridge.h"), &out.join("bindings.rs"));
    link(&out);
}

/// Stops the build with what happened and what to do next. cargo fails on the
/// error that was printed; on a bad exit status it would bury it below
/// everything else that was printed here.
fn fail(what: &str, remedy: &str) -> ! {
    println!("cargo::error={what}");
    println!("cargo::error={remedy}");
    exit(0)
}

fn var(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| fail(&format!("{name} is not set"), "Build with cargo."))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| {
        fail(&format!("cannot read {}: {error}", path.display()), "Is the checkout complete?")
    })
}

fn own_path() -> String {
    env::current_exe().unwrap_or_default().display().to_string()
}

/// The Go version that `go.mod` asks for, e.g. `1.26.0`.
fn go_directive(manifest: &str) -> String {
    manifest
        .lines()
        .find_map(|line| line.strip_prefix("go "))
        .unwrap_or_else(|| fail("go/go.mod has no go line", "Restore it from the repository."))
        .trim()
        .to_owned()
}

/// The version at which `go.mod` pins `module`.
fn required_version(manifest: &str, module: &str) -> String {
    manifest
        .lines()
        .find_map(|line| line.trim().trim_start_matches("require ").strip_prefix(module))
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap_or_else(|| {
            fail(&format!("go/go.mod does not pin {module}"), "Restore it from the repository.")
        })
        .to_owned()
}

/// Refuses a missing or too old Go before it fails in a less readable way.
fn require_go(go: &str, wanted: &str) {
    let remedy = format!("Install Go {wanted} or newer (https://go.dev/dl) and put it on PATH.");
    let output = Command::new(go).args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output();
    let Ok(output) = output else {
        fail(&format!("rclone is compiled with Go, and `{go}` cannot be run"), &remedy)
    };
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || found.is_empty() {
        let log = String::from_utf8_lossy(&output.stderr);
        fail(&format!("`{go} env GOVERSION` failed: {}", log.trim()), &remedy);
    }
    if version_numbers(&found) < version_numbers(wanted) {
        fail(&format!("rclone needs Go {wanted}, and `{go}` is {found}"), &remedy);
    }
}

/// `go1.26.8`, `1.26.0`, `go1.27rc1` and `devel go1.28-3f1c2a` as comparable
/// numbers.
fn version_numbers(text: &str) -> Vec<u32> {
    text.trim_start_matches("devel ")
        .trim_start_matches("go")
        .split('.')
        .map(|part| part.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default())
        .map_while(|digits| digits.parse().ok())
        .collect()
}

fn build_archive(go: &str, root: &Path, archive: &Path, rclone: &str) {
    let mut command = Command::new(go);
    command
        .current_dir(root.join("go"))
        .args(["build", "-buildmode=c-archive", "-trimpath", "-mod=readonly"])
        // The commit would be stamped into the archive and change it each time.
        .arg("-buildvcs=false")
        .arg(format!("-ldflags=-s -w -X {RCLONE}/fs.Version={rclone}"))
        .arg("-o")
        .arg(archive)
        .env("CGO_ENABLED", "1")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .env("GOOS", go_os(&var("CARGO_CFG_TARGET_OS")))
        .env("GOARCH", go_arch(&var("CARGO_CFG_TARGET_ARCH")));
    // For another system a compiler of its own, by the name that the crate cc has for it.
    if let Some(compiler) = env::var_os(compiler_of_target()) {
        command.env("CC", compiler);
    }
    if env::var_os("CARGO_FEATURE_SLIM").is_some() {
        command.arg("-tags=slim");
    }
    if offline() {
        // Unpacked modules stay deletable, as `make vendor-fill` leaves them.
        command.arg("-modcacherw").env("GOPROXY", "off");
        let cache = root.join("vendor/modcache");
        if cache.is_dir() {
            command.env("GOMODCACHE", cache);
        }
    }
    command.arg(".");
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => fail(&format!("cannot run {go}: {error}"), "Install Go."),
    };
    if !output.status.success() {
        let log = String::from_utf8_lossy(&output.stderr);
        let remedy = remedy_for(&log);
        // Of a known cause the first lines tell all: without a network each of
        // two hundred modules fails in the same words.
        let shown = if remedy.is_some() { 2 } else { 20 };
        for line in log.lines().filter(|line| !line.starts_with("go: downloading")).take(shown) {
            println!("cargo::error={line}");
        }
        let remedy = remedy.unwrap_or("If go/ is unchanged, please report this.");
        fail("compiling rclone failed, see above", remedy);
    }
}

/// `CC_aarch64_apple_darwin`, for one.
fn compiler_of_target() -> String {
    format!("CC_{}", env::var("TARGET").unwrap_or_default().replace('-', "_"))
}

fn offline() -> bool {
    env::var_os("POOF_OFFLINE").is_some_and(|value| !value.is_empty())
}

fn remedy_for(log: &str) -> Option<&'static str> {
    let unreachable = ["module lookup disabled", "dial tcp", "Get \"http", "reading http"];
    if unreachable.iter().any(|sign| log.contains(sign)) {
        Some(if offline() {
            "The module cache lacks a module: fill it with `make vendor-fill` while online \
             (vendor/README.md)."
        } else {
            "The Go module proxy cannot be reached: go online, set GOPROXY, or build from a \
             filled module cache with POOF_OFFLINE=1 (vendor/README.md)."
        })
    } else if log.contains("C compiler") || log.contains("executable file not found") {
        Some(
            "cgo needs a C compiler: install gcc or clang (Debian: apt-get install gcc libc6-dev).",
        )
    } else {
        None
    }
}

fn go_os(rust: &str) -> &str {
    if rust == "macos" { "darwin" } else { rust }
}

fn go_arch(rust: &str) -> &str {
    match rust {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Refuses a missing libclang before Go compiles for minutes. bindgen panics if
/// it cannot load it, with a message that is no help to a newcomer.
fn require_libclang() {
    panic::set_hook(Box::new(|_| {}));
    let found = panic::catch_unwind(bindgen::clang_version);
    let _ = panic::take_hook();
    if found.is_err() {
        fail("libclang was not found", LIBCLANG);
    }
}

/// Runs bindgen on the header that cgo generated.
fn write_bindings(header: &Path, target: &Path) {
    let header = header.to_string_lossy().into_owned();
    let bindings = bindgen::builder()
        .header(header)
        .allowlist_function("Poof.*")
        // Nobody reads them.
        .formatter(Formatter::None);
    match bindings.generate() {
        Ok(bindings) => {
            if let Err(error) = bindings.write_to_file(target) {
                fail(&format!("cannot write {}: {error}", target.display()), "Is the disk full?");
            }
        }
        Err(error) => fail(&format!("bindgen failed: {error}"), LIBCLANG),
    }
}

fn link(out: &Path) {
    println!("cargo::rustc-link-search=native={}", out.display());
    println!("cargo::rustc-link-lib=static:-bundle=bridge");
    // What the C parts of Go's runtime, net and crypto/x509 call
    // (`go list -deps -f '{{.CgoLDFLAGS}}'`, and cgo_import_dynamic for macOS).
    println!("cargo::rustc-link-lib=resolv");
    if var("CARGO_CFG_TARGET_OS") == "macos" {
        println!("cargo::rustc-link-lib=framework=CoreFoundation");
        println!("cargo::rustc-link-lib=framework=Security");
    }
}
