//! What `make install` and the packages bring, what the program needs of the system,
//! and that all of it goes again.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::time::Duration;

use crate::farewell::poof;
use crate::harness::command::Run;
use crate::harness::{Sandbox, tools};
use crate::neuter::paths;
use crate::story::plain;

const POOF: &str = env!("CARGO_BIN_EXE_poof");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// make with a target and variables, for the program that the tests have built.
fn make(sandbox: &Sandbox, words: &[&str]) -> Run {
    let program = format!("PROGRAM={POOF}");
    sandbox.program("make").args(["-s", "-C", ROOT, &program]).args(words).run()
}

/// All that is meant to be installed.
const FILES: [&str; 8] = [
    "bin/poof",
    "share/bash-completion/completions/poof",
    "share/doc/poof/LICENSE",
    "share/doc/poof/NOTICES",
    "share/fish/vendor_completions.d/poof.fish",
    "share/man/man1/poof.1",
    "share/man/man5/poof.conf.5",
    "share/zsh/site-functions/_poof",
];

/// What a receipt lists: files, and directories.
fn receipt(prefix: &Path) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
    let text = fs::read_to_string(prefix.join("share/poof/receipt")).unwrap();
    let lines = text.lines().filter(|line| line.starts_with('/'));
    let (dirs, files): (Vec<_>, Vec<_>) = lines.partition(|line| line.ends_with('/'));
    let all = |lines: Vec<&str>| lines.into_iter().map(PathBuf::from).collect();
    (all(files), all(dirs))
}

#[test]
fn make_install_notes_all_that_it_brings_and_make_uninstall_removes_just_that() {
    let sandbox = Sandbox::new();
    let home = sandbox.home();
    // PREFIX is ~/.local, where others have things as well.
    let prefix = home.join(".local");
    for file in ["bin/other", "share/man/man1/other.1"] {
        fs::create_dir_all(prefix.join(file).parent().unwrap()).unwrap();
        fs::write(prefix.join(file), "of somebody else").unwrap();
    }
    let before = paths(&home);
    make(&sandbox, &["install"]).expect_code(0).stdout_has("is not on PATH");
    let after = paths(&home);
    let brought: BTreeSet<_> = after.difference(&before).cloned().collect();
    let (files, dirs) = receipt(&prefix);
    assert_eq!(files, FILES.iter().map(|file| prefix.join(file)).collect());
    let mut noted: BTreeSet<_> = files.union(&dirs).cloned().collect();
    noted.insert(prefix.join("share/poof/receipt"));
    assert_eq!(brought, noted);
    for path in &brought {
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let runs = path.is_dir() || path.ends_with("bin/poof");
        assert_eq!(mode, if runs { 0o755 } else { 0o644 }, "{}", path.display());
    }
    sandbox.program(prefix.join("bin/poof").to_str().unwrap()).args(["version"]).run();
    for shell in ["share/bash-completion/completions/poof", "share/zsh/site-functions/_poof"] {
        assert!(fs::read_to_string(prefix.join(shell)).unwrap().contains("__complete"));
    }
    // A later version knows still what the first had made.
    make(&sandbox, &["install"]).expect_code(0);
    assert_eq!((paths(&home), receipt(&prefix)), (after, (files, dirs)));
    fs::write(prefix.join("share/doc/poof/mine"), "of the user").unwrap();
    make(&sandbox, &["uninstall"]).expect_code(0);
    let left: Vec<_> = paths(&home).difference(&before).cloned().collect();
    let doc = ["share/doc", "share/doc/poof", "share/doc/poof/mine"];
    assert_eq!(left, doc.map(|path| prefix.join(path)));
    make(&sandbox, &["uninstall"]).expect_code(2).stderr_has("there is no receipt");
}

#[test]
fn a_receipt_makes_uninstall_remove_nothing_that_no_installation_makes() {
    let sandbox = Sandbox::new();
    let (home, prefix) = (sandbox.home(), sandbox.home().join(".local"));
    make(&sandbox, &["install"]).expect_code(0);
    let (precious, empty) = (home.join("precious"), home.join("empty"));
    let other = prefix.join("share/man/man1/other.1");
    for path in [&precious, &other] {
        fs::write(path, "of somebody else").unwrap();
    }
    fs::create_dir(&empty).unwrap();
    let around = prefix.join("share/../../precious");
    let receipt = prefix.join("share/poof/receipt");
    let mut text = fs::read_to_string(&receipt).unwrap();
    let up = prefix.join("bin/../../empty/");
    for path in [&precious, &other, &around, &empty.join(""), &up] {
        text.extend([path.to_str().unwrap(), "\n"]);
    }
    fs::write(&receipt, text).unwrap();
    let run = make(&sandbox, &["uninstall"]).expect_code(0);
    assert!(precious.exists() && other.exists() && empty.exists(), "{run}");
    assert!(!prefix.join("bin/poof").exists() && !receipt.exists(), "{run}");
    for path in [&precious, &other, &around] {
        assert!(run.stderr.contains(&format!("left: {}, which", path.display())), "{run}");
    }
}

#[test]
fn a_receipt_that_somebody_else_could_have_written_makes_uninstall_remove_nothing() {
    let sandbox = Sandbox::new();
    let prefix = sandbox.home().join(".local");
    make(&sandbox, &["install"]).expect_code(0);
    let receipt = prefix.join("share/poof/receipt");
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for (path, bad, good) in [
        (receipt.clone(), 0o646, 0o644),
        (prefix.join("share"), 0o757, 0o755),
        (sandbox.home(), 0o777, 0o700),
    ] {
        mode(&path, bad);
        let run = make(&sandbox, &["uninstall"]).expect_code(2);
        let run = run.stderr_has("Nothing is removed").stderr_has(path.to_str().unwrap());
        assert!(receipt.exists() && prefix.join("bin/poof").exists(), "{run}");
        mode(&path, good);
    }
    // A directory like /tmp is no matter: nobody else can exchange what is in it.
    mode(&sandbox.home(), 0o1777);
    make(&sandbox, &["uninstall"]).expect_code(0);
    assert!(!prefix.join("bin/poof").exists());
}

#[test]
fn the_script_and_the_program_know_the_same_files_of_an_installation() {
    let read = |path: &str| fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
    let (script, program) = (read("scripts/uninstall.sh"), read("src/host/receipt.rs"));
    let between = |text: &str, start: &str, end: &str| {
        let (_, rest) = text.split_once(start).unwrap();
        let (list, _) = rest.split_once(end).unwrap();
        list.lines()
            .map(|l| l.trim_matches([' ', '"', ',']))
            .filter(|l| !l.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let known = between(&program, "const MADE: [&str; 9] = [", "];");
    assert_eq!(between(&script, "\nmade=\"", "\"\n\n"), known);
}

#[test]
fn neuter_removes_an_installation_as_if_it_had_never_been() {
    let sandbox = plain(3);
    let (home, link) = (sandbox.home(), sandbox.home().join("link"));
    fs::create_dir(home.join("disk")).unwrap();
    std::os::unix::fs::symlink("disk", &link).unwrap();
    // poof knows itself by the path without links.
    for prefix in [home.join("opt/deep"), link.join("opt")] {
        let before = paths(&home);
        let variable = format!("PREFIX={}", prefix.display());
        make(&sandbox, &["install", &variable]).expect_code(0);
        let program = prefix.join("bin/poof");
        let args = ["neuter", "--yes", "--allow", "no-kit"];
        let run = poof(&sandbox, &program, &args).run().expect_code(0);
        let config = |path: &PathBuf| path.starts_with(home.join(".config"));
        let left: Vec<_> = paths(&home)
            .symmetric_difference(&before)
            .filter(|path| !config(path))
            .cloned()
            .collect();
        assert_eq!(left, [] as [PathBuf; 0], "{run}");
    }
}

#[test]
fn a_staged_installation_lies_below_destdir_and_names_the_places_without_it() {
    let sandbox = Sandbox::new();
    let stage = sandbox.home().join("a stage");
    let destdir = format!("DESTDIR={}", stage.display());
    make(&sandbox, &["install", &destdir, "PREFIX=/usr"]).expect_code(0);
    let prefix = stage.join("usr");
    let (files, dirs) = receipt(&prefix);
    assert_eq!(files, FILES.iter().map(|file| Path::new("/usr").join(file)).collect());
    assert!(dirs.contains(Path::new("/usr/share/poof/")), "{dirs:?}");
    make(&sandbox, &["uninstall", &destdir, "PREFIX=/usr"]).expect_code(0);
    assert_eq!(paths(&stage).len(), 1, "{:?}", paths(&stage));
    make(&sandbox, &["install", &destdir, "PREFIX=/usr", "RECEIPT=no"]).expect_code(0);
    assert!(!prefix.join("share/poof").exists());
}

#[test]
fn a_prefix_that_is_no_full_path_is_refused() {
    let sandbox = Sandbox::new();
    for prefix in ["PREFIX=opt", "PREFIX="] {
        make(&sandbox, &["install", prefix]).expect_code(2).stderr_has("has to be a full path");
    }
    let run = make(&sandbox, &["install", "PROGRAM=/nowhere/poof"]).expect_code(2);
    run.stderr_has("`make build` builds it");
}

#[test]
fn the_program_needs_only_what_every_system_has() {
    let out = Process::new("ldd").arg(POOF).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let names: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.rsplit('/').next())
        .filter(|name| !name.starts_with("ld-linux") && !name.starts_with("linux-vdso"))
        .collect();
    assert!(names.iter().any(|name| name.starts_with("libc.so")), "{text}");
    // libc and what belongs to it; libgcc_s unwinds the stack.
    let kin = ["libc", "libm", "libresolv", "libpthread", "libdl", "librt", "libgcc_s"];
    for name in names {
        let stem = name.split(".so").next().unwrap();
        assert!(kin.contains(&stem), "{name} is not on every system: {text}");
    }
}

#[test]
fn the_manual_pages_are_ones_that_man_can_show() {
    let of_poof = ["poof upload", "--proof", "EXIT STATUS", "poof cconfig --remote local"];
    can_be_shown("poof", &of_poof);
    can_be_shown("poof.conf", &["schedule.network_wait", "HOOKS", "\"CACHEDIR.TAG\""]);
}

fn can_be_shown(name: &str, all: &[&str]) {
    let sandbox = Sandbox::new();
    let page = sandbox.poof(["man", name]).run().expect_code(0).stdout;
    let place = sandbox.home().join(name);
    fs::write(&place, page).unwrap();
    // -ww: all warnings; -P-cbou: without bold and underline.
    let groff = sandbox.program("groff").args(["-man", "-ww", "-Kutf8", "-Tutf8", "-P-cbou"]);
    let shown = groff.args([place]).run().expect_code(0);
    assert_eq!(shown.stderr, "", "groff finds fault");
    for words in all {
        assert!(shown.stdout.contains(words), "{words} is missing: {shown}");
    }
}

#[test]
fn no_release_is_made_of_a_program_that_says_where_it_was_built() {
    let sandbox = Sandbox::new();
    let out = sandbox.home().join("release");
    let script = Path::new(ROOT).join("scripts/release.sh");
    let home = |name| std::env::var_os(name).map(PathBuf::from);
    let cargo = home("CARGO_HOME").unwrap_or_else(|| home("HOME").unwrap().join(".cargo"));
    // cargo has built it for the tests.
    let run = sandbox.program(script.to_str().unwrap()).args([Path::new(POOF), &out]);
    let run = run.env("CARGO_HOME", cargo).run().expect_code(1);
    let run = run.stderr_has("is built by `make build`");
    assert!(!out.exists(), "{run}");
}

#[test]
fn the_package_for_arch_linux_is_filled_with_what_the_archive_says() {
    let sandbox = Sandbox::new();
    let archive = sandbox.home().join("archive.tar.gz");
    fs::write(&archive, "an archive").unwrap();
    let script = Path::new(ROOT).join("scripts/formula.sh");
    let fill = sandbox.program(script.to_str().unwrap()).args(["https://example.org/joe/poof"]);
    let filled = fill.args([&archive]).args(["packaging/PKGBUILD"]).run().expect_code(0).stdout;
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        format!("pkgver={version}\n"),
        format!("::https://example.org/joe/poof/archive/refs/tags/v{version}.tar.gz\")\n"),
        "url=\"https://example.org/joe/poof\"\n".to_owned(),
    ] {
        assert!(filled.contains(&line), "{line} is missing in\n{filled}");
    }
    let left = ["REPOSITORY", "SHA256\""].iter().find(|word| filled.contains(*word));
    assert_eq!(left, None, "{filled}");
}

/// The formula for an archive that is not published, and its checksum.
fn formula(sandbox: &Sandbox) -> (String, String) {
    let archive = sandbox.home().join("archive.tar.gz");
    fs::write(&archive, "an archive").unwrap();
    let script = Path::new(ROOT).join("scripts/formula.sh");
    let fill = sandbox.program(script.to_str().unwrap()).args(["https://example.org/joe/poof"]);
    let formula = fill.args([&archive]).run().expect_code(0).stdout;
    let sum = sandbox.program("sha256sum").args([&archive]).run().stdout;
    (formula, sum.split(' ').next().unwrap().to_owned())
}

#[test]
fn the_homebrew_formula_is_filled_with_what_the_archive_says() {
    let sandbox = Sandbox::new();
    let (formula, sum) = formula(&sandbox);
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        format!("  url \"https://example.org/joe/poof/archive/refs/tags/v{version}.tar.gz\"\n"),
        format!("  sha256 \"{sum}\"\n"),
        "  homepage \"https://example.org/joe/poof\"\n".to_owned(),
    ] {
        assert!(formula.contains(&line), "{line} is missing in\n{formula}");
    }
    let left = ["REPOSITORY", "SHA256"].iter().find(|word| formula.contains(*word));
    assert_eq!(left, None, "{formula}");
    let template = fs::read_to_string(Path::new(ROOT).join("Formula/poof.rb")).unwrap();
    let tag = format!("\"REPOSITORY/archive/refs/tags/v{version}.tar.gz\"");
    assert!(template.contains(&tag) && template.contains("sha256 \"SHA256\""));
}

#[test]
fn the_homebrew_formula_trusts_no_archive_that_is_not_the_tag() {
    let sandbox = Sandbox::new();
    let root = sandbox.home().join("repository");
    for dir in ["scripts", "Formula"] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    for file in ["scripts/formula.sh", "Formula/poof.rb", "Cargo.toml"] {
        fs::copy(Path::new(ROOT).join(file), root.join(file)).unwrap();
    }
    let tag = format!("v{}", env!("CARGO_PKG_VERSION"));
    let published = sandbox.home().join("published/archive/refs/tags");
    fs::create_dir_all(&published).unwrap();
    let sh = |script: &str| {
        let run = sandbox.program("sh").args(["-euc", script]).current_dir(&root);
        run.env("TAG", &tag).env("OUT", published.join(format!("{tag}.tar.gz"))).run()
    };
    let who = "git -c user.name=a -c user.email=a@example.org";
    sh(&format!("git init -q . && git add -A && {who} commit -qm x && {who} tag -a -m x $TAG"))
        .expect_code(0);
    let address = format!("file://{}", sandbox.home().join("published").display());
    let formula = || {
        let script = root.join("scripts/formula.sh");
        sandbox.program(script.to_str().unwrap()).args([&address]).run()
    };
    sh("git archive --format=tar.gz --prefix=poof-1/ -o $OUT $TAG").expect_code(0);
    formula().expect_code(0).stdout_has("sha256 \"");
    // Somebody at the server adds a line.
    sh("mkdir poof-1 && cp -R Cargo.toml Formula scripts poof-1/ && echo >>poof-1/Cargo.toml && \
        tar -czf $OUT poof-1")
    .expect_code(0);
    let run = formula().expect_code(1).stderr_has("is not the tag");
    assert!(!run.stdout.contains("sha256"), "{run}");
}

#[test]
#[ignore = "ruby is brought by make soak"]
fn soak_the_homebrew_formula_is_ruby() {
    let sandbox = Sandbox::new();
    let (formula, _) = formula(&sandbox);
    sandbox.program("ruby").args(["-c"]).stdin(formula.clone()).run().expect_code(0);
    // The rules of Homebrew's own style come with Homebrew alone. That style writes paths as
    // bin/"poof", and puts strings into double quotes.
    let rubocop = sandbox.program("rubocop").args(["--cache", "false", "--stdin", "poof.rb"]);
    let rubocop = rubocop.args(["--only", "Lint,Layout,Security,Naming"]);
    let rubocop = rubocop.args(["--except", "Layout/SpaceAroundOperators"]);
    rubocop.stdin(formula).run().expect_code(0);
}

#[test]
#[ignore = "builds: make soak"]
fn soak_cargo_installs_it_and_neuter_has_cargo_remove_it() {
    let sandbox = plain(3);
    let root = sandbox.home().join("cargo");
    let cargo = std::env::var("CARGO").unwrap();
    let mut install = Process::new(&cargo);
    // --debug: what the tests have built already.
    install.args(["install", "--quiet", "--locked", "--debug", "--path", ROOT, "--root"]);
    assert!(install.arg(&root).status().unwrap().success());
    let program = root.join("bin/poof");
    poof(&sandbox, &program, &["demo"]).run().expect_code(0);
    std::os::unix::fs::symlink(cargo, sandbox.bin().join("cargo")).unwrap();
    poof(&sandbox, &program, &["neuter", "--yes", "--allow", "no-kit"]).run().expect_code(0);
    let left: Vec<_> = paths(&root).into_iter().filter(|path| path.is_file()).collect();
    let records = [".crates.toml", ".crates2.json"].map(|name| root.join(name));
    assert!(left.iter().all(|path| records.contains(path)), "{left:?}");
}

// A quarter of an hour on two processors: all is compiled twice, as it is shipped.
#[test]
#[ignore = "builds: make soak"]
fn soak_whoever_builds_it_wherever_has_the_same_bytes() {
    let script = Path::new(ROOT).join("scripts/reproduce.sh");
    assert!(Process::new(script).current_dir(ROOT).status().unwrap().success());
}

// Minutes: a new system is made for it.
#[test]
#[ignore = "long: make soak"]
fn soak_packages_come_and_go_in_a_new_system_without_a_trace() {
    let sandbox = Sandbox::new();
    let out = sandbox.home().join("package");
    let script = |name: &str, args: &[&str]| {
        let path = Path::new(ROOT).join("scripts").join(name);
        let command = sandbox.program(path.to_str().unwrap()).args(args);
        let command = command.env("XDG_CACHE_HOME", tools::cache());
        command.timeout(Duration::from_mins(20)).run().expect_code(0)
    };
    let made = script("package.sh", &[POOF, out.to_str().unwrap()]).stdout;
    let [deb, rpm, pacman] = made.lines().collect::<Vec<_>>()[..] else { panic!("{made}") };
    // Who answers for a package is for its maker to say.
    let nobody = "bogus-mail-host,bogus-mail-host-in-debian-changelog";
    let lintian = sandbox.program("lintian").args(["--allow-root", "--fail-on=error,warning"]);
    lintian.args(["--suppress-tags", nobody, deb]).run().expect_code(0);
    let settings = Path::new(ROOT).join("packaging/rpmlint.toml");
    let rpmlint = sandbox.program("rpmlint").args(["--strict", "--config"]).args([settings]);
    rpmlint.args([rpm]).run().expect_code(0).stdout_has("0 errors, 0 warnings");
    let run = script("test-package.sh", &[deb, rpm, pacman]);
    assert_eq!(run.stdout.matches("came back whole, plain and encrypted").count(), 3, "{run}");
    assert_eq!(run.stdout.matches("removed without a trace").count(), 3, "{run}");
}
