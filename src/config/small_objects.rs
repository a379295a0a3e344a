//! The storage class of small objects, and where they cost more than their size.

use super::bundle::bundle;
use super::poof_conf::PoofConf;
use super::rclone_conf::RcloneConf;
use super::status::Problem;

/// The key in poof.conf.
pub const KEY: &str = "small_objects";

/// Amazon bills smaller objects in these as if they had 128 KB: the table "Comparing the Amazon
/// S3 storage classes" of
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html>.
const AT_LEAST_128_KB: [&str; 3] = ["STANDARD_IA", "ONEZONE_IA", "GLACIER_IR"];

/// "If the size of an object is less than 128 KB, it is not monitored and not eligible for
/// auto-tiering. Smaller objects can be stored, but they are always charged at the Frequent
/// Access tier rates":
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketIntelligentTieringConfiguration.html>.
const TIERING: &str = "INTELLIGENT_TIERING";

/// Nothing can be read from these before it is restored, which takes hours.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// The storage class of objects below 128 KiB, as stored; None: that of all others.
///
/// # Errors
/// A [`Problem`] if it is no class, or one from which nothing is read at once.
pub fn small_objects(conf: &PoofConf) -> Result<Option<String>, Problem> {
    let Some(value) = conf.get(KEY) else { return Ok(None) };
    let wrong = |what: &str| {
        let hint = "Write \"STANDARD\", or remove the key.";
        Problem::of_key(KEY, what, hint)
    };
    let is_class = |class: &&str| {
        let is_letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        !class.is_empty() && class.chars().all(is_letter)
    };
    let class = value.as_str().filter(is_class);
    let class = class.ok_or_else(|| wrong("must be a storage class of S3 in capitals"))?;
    if ARCHIVES.contains(&class) {
        return Err(wrong("must be a storage class from which objects can be read at once"));
    }
    Ok(Some(class.to_owned()))
}

/// What whoever pays for small objects ought to know, and what helps. None: nothing. `section`
/// is that of the storage.
pub fn word(poof: &PoofConf, rclone: &RcloneConf, section: &str) -> Option<String> {
    let get = |key| rclone.get(section, key).unwrap_or_default();
    let is_bundled = matches!(bundle(poof), Ok(Some(_)));
    // An alias, or another remote on top of one, may lead to S3.
    let leads_on = get("remote").contains(':') || rclone.get(section, "upstreams").is_some();
    match (rclone.kind(section)?, small_objects(poof)) {
        ("s3", Ok(None)) if get("provider") == "AWS" && !is_bundled => {
            let class = get("storage_class");
            if class == TIERING {
                Some(format!(
                    "In {class}, Amazon never makes an object below 128 KB cheaper. If you have many \
                     small files, add \"bundle\": true to poof.conf"
                ))
            } else if AT_LEAST_128_KB.contains(&class) {
                Some(format!(
                    "In {class}, Amazon bills each object below 128 KB as if it had 128 KB. If you \
                     have many small files, add \"bundle\": true or \"{KEY}\": \"STANDARD\" to poof.conf"
                ))
            } else {
                None
            }
        }
        (kind, Ok(Some(_))) if kind != "s3" && !leads_on => Some(format!(
            "poof.conf \"{KEY}\" has no effect, since [{section}] is not of type s3. Remove the key"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poof(more: &str) -> PoofConf {
        let text = format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}{more}}}"#);
        PoofConf::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn it_is_a_class_from_which_records_can_be_read() {
        assert_eq!(small_objects(&poof("")).unwrap(), None);
        for class in ["STANDARD", "REDUCED_REDUNDANCY", "GLACIER_IR"] {
            let found = small_objects(&poof(&format!(r#", "small_objects": "{class}""#)));
            assert_eq!(found.unwrap().as_deref(), Some(class));
        }
        for value in
            ["true", "\"\"", "\"standard\"", "\"A\\r\\nB\"", "\"GLACIER\"", "\"DEEP_ARCHIVE\""]
        {
            let problem = small_objects(&poof(&format!(r#", "small_objects": {value}"#)));
            assert!(problem.unwrap_err().place.contains(KEY), "{value}");
        }
    }

    #[test]
    fn only_who_pays_for_more_than_there_is_hears_of_it() {
        let aws = "type = s3\nprovider = AWS\nstorage_class = ";
        let small = r#", "small_objects": "STANDARD""#;
        for (section, more, words) in [
            (format!("{aws}STANDARD_IA"), "", Some("STANDARD_IA, Amazon bills")),
            (format!("{aws}ONEZONE_IA"), r#", "bundle": false"#, Some("\"small_objects\"")),
            (format!("{aws}GLACIER_IR"), "", Some("\"bundle\": true")),
            (format!("{aws}INTELLIGENT_TIERING"), "", Some("never makes")),
            (format!("{aws}INTELLIGENT_TIERING"), r#", "bundle": "1M""#, None),
            (format!("{aws}STANDARD_IA"), r#", "bundle": true"#, None),
            (format!("{aws}STANDARD_IA"), small, None),
            (format!("{aws}STANDARD"), "", None),
            (aws.to_owned(), "", None),
            ("type = s3\nprovider = Minio\nstorage_class = STANDARD_IA".to_owned(), "", None),
            ("type = alias\nremote = /mnt/disk".to_owned(), small, Some("no effect")),
            ("type = sftp\nhost = nas".to_owned(), small, Some("no effect")),
            ("type = alias\nremote = other:x".to_owned(), small, None),
            ("type = alias\nremote = /mnt/disk".to_owned(), "", None),
        ] {
            let rclone = RcloneConf::parse(format!("[r]\n{section}\n").as_bytes()).unwrap();
            let found = word(&poof(more), &rclone, "r");
            let has = |words: &str| found.as_ref().is_some_and(|found| found.contains(words));
            assert!(words.map_or(found.is_none(), has), "{section} {more}: {found:?}");
        }
    }
}
