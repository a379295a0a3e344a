//! What Amazon takes for the name of a bucket. Others have rules of their own, and say so.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>

use std::net::Ipv4Addr;

use super::rclone_conf::RcloneConf;
use super::status::{Problem, Status};

/// The mistake in the name of the bucket: it leads elsewhere, or the section `storage` is
/// Amazon's, which does not take it.
pub fn check(bucket: &str, rclone: &RcloneConf, storage: &str) -> Option<Problem> {
    if bucket.split('/').any(|part| part == "." || part == "..") {
        return Some(Problem::new(
            Status::WarnMisconfigured,
            "poof.conf \"bucket\"",
            format!("{bucket:?} has . or .. in it, which leads to another place"),
            "Write it without them.",
        ));
    }
    let get = |key| rclone.get(storage, key).unwrap_or_default();
    if rclone.kind(storage) != Some("s3") || get("provider") != "AWS" || !get("endpoint").is_empty()
    {
        return None;
    }
    // A directory in it may follow.
    let name = bucket.trim_matches('/').split('/').next().unwrap_or_default();
    let what = wrong(name)?;
    let hint = "Amazon takes 3 to 63 lower-case letters, digits and hyphens, a letter or digit \
                first and last.";
    let what = format!("{name:?} is no name of a bucket: {what}");
    Some(Problem::new(Status::WarnMisconfigured, "poof.conf \"bucket\"", what, hint))
}

fn wrong(name: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = [name.chars().next(), name.chars().next_back()];
    if name.len() < 3 {
        Some("it has fewer than 3 characters")
    } else if name.len() > 63 {
        Some("it has more than 63 characters")
    } else if name.chars().any(|c| c.is_ascii_uppercase()) {
        Some("it has capital letters")
    } else if !name.chars().all(|c| is_plain(c) || ".-".contains(c)) {
        Some("it has other characters than letters, digits, hyphens and dots")
    } else if !ends.into_iter().flatten().all(is_plain) {
        Some("it does not begin and end with a letter or a digit")
    } else if name.contains("..") {
        Some("it has two dots in a row")
    } else if name.parse::<Ipv4Addr>().is_ok() {
        Some("it looks like an address")
    } else if ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|start| name.starts_with(start))
        || ["-s3alias", "--ols-s3", ".mrap", "--x-s3", "--table-s3"]
            .iter()
            .any(|end| name.ends_with(end))
    {
        Some("Amazon keeps such names for itself")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_amazon_hold_for_amazon_alone() {
        let conf = |provider: &str| {
            let text = format!("[r]\ntype = s3\nprovider = {provider}\n");
            RcloneConf::parse(text.as_bytes()).unwrap()
        };
        let (aws, other) = (conf("AWS"), conf("Minio"));
        for (name, word) in [
            ("ab", "fewer than 3"),
            (&"a".repeat(64), "more than 63"),
            ("Photos", "capital"),
            ("my_photos", "other characters"),
            ("fotos-zürich", "other characters"),
            ("-photos", "begin and end"),
            ("photos.", "begin and end"),
            ("a..b", "two dots"),
            ("192.168.0.1", "address"),
            ("xn--photos", "for itself"),
            ("Photos/inside", "capital"),
        ] {
            let problem = check(name, &aws, "r").unwrap();
            assert!(problem.what.contains(word), "{name}: {}", problem.what);
            assert!(check(name, &other, "r").is_none(), "{name}");
        }
        for name in ["abc", "poofbackup-joe-0123456789ab", "a.b-c", "abc/deep/Inside"] {
            assert!(check(name, &aws, "r").is_none(), "{name}");
        }
        for name in ["..", "a/../b", "./a"] {
            assert!(check(name, &other, "r").unwrap().what.contains("another place"), "{name}");
        }
        assert!(check("/volume1/..data", &other, "r").is_none());
        let minio = "[r]\ntype = s3\nprovider = AWS\nendpoint = https://nas\n";
        let minio = RcloneConf::parse(minio.as_bytes()).unwrap();
        assert!(check("Photos", &minio, "r").is_none());
    }
}
