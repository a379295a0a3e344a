//! What it costs to keep earlier states as copies, and what a bucket with versions would cost
//! in their place (docs/speed.md).

use std::fs;
use std::path::Path;

use fastrand::Rng;
use serde_json::json;

use crate::harness::{
    Config, Kind, Proxy, Sandbox, Snapshot, assert_exact, assert_same_content, copy_exactly, grow,
    minio,
};
use crate::immutable::{VERSIONING, admin, now, put};
use crate::story::told;

const FILES: usize = 2_000;
const SIZE: usize = 16 << 10;
const RUNS: usize = 10;

/// What keeps earlier states.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Copies,
    Versions,
    Both,
}

/// The requests of a run, by kind, and the bytes of their bodies.
fn bill(proxy: &Proxy) -> String {
    let log = proxy.log();
    let count =
        |is: &dyn Fn(&&crate::harness::proxy::Request) -> bool| log.iter().filter(is).count();
    let copies = count(&|r| r.kind == Kind::Put && r.length == 0);
    format!(
        "{} requests: {copies} copies, {} other PUT, {} GET, {} HEAD, {} lists, {} POST, {} DELETE; {} bytes sent",
        log.len(),
        proxy.count(Kind::Put) - copies,
        proxy.count(Kind::Get),
        proxy.count(Kind::Head),
        proxy.count(Kind::List),
        proxy.count(Kind::Post),
        proxy.count(Kind::Delete),
        proxy.sent()
    )
}

/// What the bucket has, also hidden: objects, bytes, delete markers, and pages of the listing.
fn stored(sandbox: &Sandbox) -> String {
    let (mut versions, mut bytes, mut markers, mut pages) = (0, 0_u64, 0, 0);
    let (mut latest, mut from) = (0, String::new());
    loop {
        // Sorted, as the signature wants it.
        let query = format!("encoding-type=url{from}&versions=");
        let path = format!("/{}", sandbox.bucket());
        let list = json!([{"method": "GET", "path": path, "query": query}]);
        let body = admin(&list)[0]["body"].as_str().unwrap().to_owned();
        pages += 1;
        let value = |text: &str, tag: &str| {
            let (_, rest) = text.split_once(&format!("<{tag}>"))?;
            Some(rest.split('<').next().unwrap().to_owned())
        };
        for version in body.split("<Version>").skip(1) {
            versions += 1;
            bytes += value(version, "Size").unwrap().parse::<u64>().unwrap();
            let own = version.split("</Version>").next().unwrap();
            latest += usize::from(own.contains("<IsLatest>true"));
        }
        markers += body.matches("<DeleteMarker>").count();
        if !body.contains("<IsTruncated>true") {
            break;
        }
        let key = value(&body, "NextKeyMarker").unwrap();
        let id = value(&body, "NextVersionIdMarker").unwrap_or_default();
        from = format!("&key-marker={}&version-id-marker={id}", key.replace('/', "%2F"));
    }
    format!(
        "{versions} versions, {latest} of them current, {bytes} bytes, {markers} delete markers, {pages} pages"
    )
}

/// Ten files have other content, five are new, and five are gone.
fn change(data: &Path, round: usize) {
    let mut rng = Rng::with_seed(round as u64);
    let mut noise = || {
        let mut noise = vec![0; SIZE];
        rng.fill(&mut noise);
        noise
    };
    let files = walkdir::WalkDir::new(data).sort_by_file_name().into_iter().flatten();
    let files: Vec<_> = files.filter(|entry| entry.file_type().is_file()).collect();
    for (number, file) in files.iter().enumerate() {
        match (number + 7 * round) % FILES {
            place if place.is_multiple_of(200) => fs::write(file.path(), noise()).unwrap(),
            place if place % 400 == 1 => fs::remove_file(file.path()).unwrap(),
            _ => {}
        }
    }
    for number in 0..5 {
        fs::write(data.join(format!("new-{round}-{number}")), noise()).unwrap();
    }
}

fn measure(by: By, encrypted: bool) {
    let at = format!("{by:?}, encrypted: {encrypted}");
    let (sandbox, proxy) = (Sandbox::new(), Proxy::start(minio().address()));
    let (endpoint, path) = (proxy.endpoint(), format!("/{}", sandbox.bucket()));
    admin(&json!([put(&path, "", "")]));
    if by != By::Copies {
        admin(&json!([put(&path, "versioning=", VERSIONING)]));
    }
    let config = if encrypted { Config::encrypted(endpoint) } else { Config::plain(endpoint) };
    sandbox.write_config(&config);
    if by != By::Versions {
        sandbox.set("keep", "30d".into());
    }
    let data = sandbox.data();
    grow(&data, FILES, SIZE as u64..=SIZE as u64, 1);
    let run = |what: &str, args: &[&str]| {
        proxy.reset();
        let run = sandbox.poof(args).run().expect_code(0);
        eprintln!("{at}: {what}: {}", bill(&proxy));
        run
    };
    let backup = ["backup", "--only", "data"];
    run("first", &backup);
    run("no change", &backup);
    let then = sandbox.home().join("then");
    let mut time = String::new();
    for round in 1..=RUNS {
        change(&data, round);
        run("changed", &backup).stderr_has("5 new, 10 changed, 5 removed");
        if round == RUNS - 5 {
            copy_exactly(&data, &then);
            time = now();
        }
    }
    eprintln!("{at}: stored: {}", stored(&sandbox));
    let back = sandbox.home().join("back");
    if by == By::Versions {
        proxy.reset();
        let from = format!("{}data", told(&sandbox));
        let to = back.to_str().unwrap();
        let args = ["--s3-version-at", &time, "copy", &from, to];
        sandbox.rclone(args).run().expect_code(0);
        eprintln!("{at}: five runs ago, by stock rclone: {}", bill(&proxy));
        assert_same_content(&Snapshot::of(&then), &Snapshot::of(&back));
    } else {
        let number = (RUNS - 5 + 1).to_string();
        let args = ["download", "--only", "data", "--to", "back", "--at", &number];
        run("five runs ago", &args);
        assert_exact(&then, &back.join("data"));
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_copies_cost_what_the_page_says_beside_versions() {
    for encrypted in [false, true] {
        for by in [By::Copies, By::Versions, By::Both] {
            measure(by, encrypted);
        }
    }
}
