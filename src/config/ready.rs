//! Both files together: do they say what to do, without doubt and without harm?

use crate::base::shown::path_of;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::bucket;
use super::bundle::bundle;
use super::bwlimit::bwlimit;
use super::disk;
use super::filters;
use super::hooks::Hooks;
use super::keep::keep;
use super::keys;
use super::metrics::metrics;
use super::patience::patience;
use super::poof_conf::PoofConf;
use super::precious::{Precious, precious};
use super::rclone_conf::RcloneConf;
use super::rehearse::rehearse;
use super::schedule::Schedule;
use super::scrub::{Scrub, scrub};
use super::secrets::Declared;
use super::sections::{check_secret, check_section, encrypted};
use super::small_objects::small_objects;
use super::status::{Problem, Status};
use super::trees::{self, Directory};
use super::versions;
use crate::storage::filter::Filter;
use crate::storage::remote::Remote;

/// A configuration that has been checked. Only [`ready`] makes one.
#[derive(Debug)]
pub struct Ready {
    directories: Vec<Directory>,
    remote: Remote,
    counterpart: Option<Remote>,
    filter: Filter,
    hooks: Hooks,
    versions: Result<(), Problem>,
    misspelt: Option<Problem>,
    patience: Duration,
    keep: Option<Duration>,
    bwlimit: Option<String>,
    bundling: Option<u64>,
    small_objects: Option<String>,
    scrub: Option<Scrub>,
    precious: Precious,
}

impl Ready {
    pub fn directories(&self) -> &[Directory] {
        &self.directories
    }

    /// Where the snapshots go.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// The same bucket with encryption the other way round, if it is configured.
    pub fn counterpart(&self) -> Option<&Remote> {
        self.counterpart.as_ref()
    }

    /// What is left out of every directory.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Whether the remote is what it is now, and not what it was.
    ///
    /// # Errors
    /// A section shows versions of the past: nothing must be sent there, or removed.
    pub fn is_the_present(&self) -> Result<(), Problem> {
        self.versions.clone()
    }

    /// Keys that mean nothing. They do no harm to what brings data back.
    pub fn misspelt(&self) -> Option<&Problem> {
        self.misspelt.as_ref()
    }

    /// The same, if all keys mean something.
    ///
    /// # Errors
    /// The keys that do not.
    pub fn strict(self) -> Result<Self, Problem> {
        match self.misspelt {
            Some(problem) => Err(problem),
            None => Ok(self),
        }
    }

    /// How long to wait for a network that is away.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// How many bytes a second are sent and received at most, as rclone writes it.
    pub fn bwlimit(&self) -> Option<&str> {
        self.bwlimit.as_deref()
    }

    /// For how long what a backup replaces and removes is kept; None: nobody has said.
    pub fn keep(&self) -> Option<Duration> {
        self.keep
    }

    /// The same where something is to be kept at all; none where what was kept is to go.
    pub fn keeps(&self) -> Option<Duration> {
        self.keep.filter(|time| !time.is_zero())
    }

    /// Files of up to so many bytes go into bundles; None: none do.
    pub fn bundling(&self) -> Option<u64> {
        self.bundling
    }

    /// The storage class of small objects; None: that of all others.
    pub fn small_objects(&self) -> Option<&str> {
        self.small_objects.as_deref()
    }

    /// What an upload writes over once it has wiped; None: nobody has said.
    pub fn scrub(&self) -> Option<Scrub> {
        self.scrub
    }

    /// What goes first when there is little time.
    pub fn precious(&self) -> &Precious {
        &self.precious
    }

    /// The same with bundles of files of up to so many bytes, or without, for tests.
    #[cfg(test)]
    #[must_use]
    pub fn bundled(self, bundling: Option<u64>) -> Self {
        Ready { bundling, ..self }
    }

    /// The same without a look at what is beside the remote in the bucket.
    #[must_use]
    pub fn alone(self) -> Self {
        Ready { counterpart: None, ..self }
    }

    /// The same with other remotes, for tests.
    #[cfg(test)]
    #[must_use]
    pub fn on(self, remote: Remote, counterpart: Option<Remote>) -> Self {
        Ready { remote, counterpart, ..self }
    }

    /// The same with another time, for tests.
    #[cfg(test)]
    #[must_use]
    pub fn keeping(self, keep: Option<Duration>) -> Self {
        Ready { keep, ..self }
    }

    /// What runs before and after.
    pub fn hooks(&self) -> &Hooks {
        &self.hooks
    }
}

/// Checks both files against each other. The network is not asked, nor whether
/// the directories exist.
///
/// # Errors
/// All mistakes that are found, as one [`Problem`].
pub fn ready(poof: &PoofConf, rclone: &RcloneConf, home: &Path) -> Result<Ready, Problem> {
    ready_with(trees::LEAST, poof, rclone, home)
}

/// The same for what needs no more than `least` directories.
///
/// # Errors
/// As [`ready`].
pub fn ready_with(
    least: usize,
    poof: &PoofConf,
    rclone: &RcloneConf,
    home: &Path,
) -> Result<Ready, Problem> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let mut wrong = Vec::new();
    let directories = kept(trees::at_least(least, poof.paths(), home, real), &mut wrong);
    let filter = kept(filters::filter(poof), &mut wrong);
    let secrets = poof.secrets();
    let storage = storage_section(poof, rclone);
    let check = |name| check_section(rclone, &secrets, name, storage);
    wrong.extend(rclone.sections().flat_map(check));
    for secret in &secrets {
        let directories = directories.as_deref().unwrap_or_default();
        wrong.extend(check_secret(rclone, secret, directories, real).err());
    }
    let values = values(poof, &mut wrong);
    let active = poof.remote();
    if !rclone.has(active) {
        wrong.push(Problem::new(
            Status::InvalidPoofConfig,
            "poof.conf \"remote\"",
            format!("rclone-poof.conf has no section [{active}]"),
            other_section(rclone),
        ));
    }
    wrong.extend(bucket::check(poof.bucket(), rclone, storage));
    wrong.extend(keys::forbidden(rclone, active));
    let chain = sections_in_use(rclone, active);
    let misspelt = keys::of_poof(poof).into_iter();
    let misspelt = misspelt.chain(chain.iter().flat_map(|name| keys::of_section(rclone, name)));
    // That the section is not there is said above.
    let remotes =
        rclone.has(active).then(|| remotes(rclone, &secrets, active, poof.bucket().trim()));
    let remotes = remotes.and_then(|remotes| kept(remotes, &mut wrong));
    let place = disk::bucket(rclone, storage, poof.bucket().trim());
    if let (Some(directories), Some(place)) = (&directories, &place) {
        wrong.extend(disk::apart(directories, place, real).err());
    }
    let (
        Some(directories),
        Some(filter),
        Some(Values { hooks, patience, keep, bwlimit, bundling, small_objects, scrub, precious }),
        Some((remote, counterpart)),
        true,
    ) = (directories, filter, values, remotes, wrong.is_empty())
    else {
        let none = || Problem::new(Status::InvalidPoofConfig, "poof.conf", "it is wrong", "");
        return Err(Problem::all(wrong.into_iter().chain(misspelt)).unwrap_or_else(none));
    };
    let misspelt = Problem::all(misspelt);
    let versions = versions::none(rclone, active);
    Ok(Ready {
        directories,
        remote,
        counterpart,
        filter,
        hooks,
        versions,
        misspelt,
        patience,
        keep,
        bwlimit,
        bundling,
        small_objects,
        scrub,
        precious,
    })
}

/// What poof.conf says that stands for itself.
struct Values {
    hooks: Hooks,
    patience: Duration,
    keep: Option<Duration>,
    bwlimit: Option<String>,
    bundling: Option<u64>,
    small_objects: Option<String>,
    scrub: Option<Scrub>,
    precious: Precious,
}

/// Reads these, and notes what is wrong with them, and with what others read later. None:
/// one of these is wrong.
fn values(poof: &PoofConf, wrong: &mut Vec<Problem>) -> Option<Values> {
    let hooks = kept(Hooks::of(poof), wrong);
    let patience = kept(patience(poof), wrong);
    let keep = kept(keep(poof), wrong);
    let bwlimit = kept(bwlimit(poof), wrong);
    let bundling = kept(bundle(poof), wrong);
    let small_objects = kept(small_objects(poof), wrong);
    let scrub = kept(scrub(poof), wrong);
    let precious = kept(precious(poof), wrong);
    wrong.extend(metrics(poof).err());
    wrong.extend(Schedule::of(poof).err());
    wrong.extend(rehearse(poof).err());
    let (hooks, patience, keep) = (hooks?, patience?, keep?);
    let (bwlimit, bundling) = (bwlimit?, bundling?);
    let (small_objects, scrub, precious) = (small_objects?, scrub?, precious?);
    Some(Values { hooks, patience, keep, bwlimit, bundling, small_objects, scrub, precious })
}

/// What is wrong with these.
pub fn wrong_values(poof: &PoofConf) -> Vec<Problem> {
    let mut wrong = Vec::new();
    let _ = values(poof, &mut wrong);
    wrong
}

/// What to do about a "remote" that is no section.
fn other_section(rclone: &RcloneConf) -> String {
    let names: Vec<_> = rclone.sections().map(|name| format!("{name:?}")).collect();
    if names.is_empty() {
        "`poof cconfig --remote TYPE KEY=VALUE` makes it; for Amazon S3, TYPE is s3.".to_owned()
    } else {
        format!("rclone-poof.conf has {}: write one of them.", names.join(", "))
    }
}

/// What is right is kept, what is wrong is noted.
fn kept<T>(checked: Result<T, Problem>, wrong: &mut Vec<Problem>) -> Option<T> {
    checked.map_err(|problem| wrong.push(problem)).ok()
}

/// The remote in use, and the same bucket with encryption the other way round.
fn remotes(
    rclone: &RcloneConf,
    secrets: &[Declared],
    active: &str,
    bucket: &str,
) -> Result<(Remote, Option<Remote>), Problem> {
    if is_crypt(rclone, active) {
        let plain = wrapped(rclone, active, bucket)?;
        return Ok((encrypted(&plain, rclone, secrets, active), Some(plain)));
    }
    let plain = storage(rclone, active, bucket)?;
    let counterpart = match counterpart_of(rclone, active) {
        Some(crypt) => Some(encrypted(&wrapped(rclone, crypt, bucket)?, rclone, secrets, crypt)),
        None => None,
    };
    Ok((plain, counterpart))
}

/// The section in use, and those that it and its counterpart rest on.
fn sections_in_use<'a>(rclone: &'a RcloneConf, active: &'a str) -> Vec<&'a str> {
    let crypts = rclone.sections().filter(|section| is_crypt(rclone, section));
    let counterpart = crypts.filter(|crypt| {
        wrapped_section(rclone, crypt).is_some_and(|(storage, _)| storage == active)
    });
    let mut open: Vec<_> = counterpart.chain([active]).collect();
    let mut found = Vec::new();
    while let Some(section) = open.pop() {
        if rclone.has(section) && !found.contains(&section) {
            found.push(section);
            open.extend(wrapped_section(rclone, section).map(|(below, _)| below));
        }
    }
    found
}

/// The section that `cryptoggle` changes `active` for.
///
/// # Errors
/// A [`Problem`] if there is none or more than one.
pub fn toggled(rclone: &RcloneConf, active: &str) -> Result<String, Problem> {
    let target = if is_crypt(rclone, active) {
        wrapped_section(rclone, active).map(|(section, _)| section.to_owned())
    } else {
        counterpart_of(rclone, active).map(str::to_owned)
    };
    target.filter(|section| rclone.has(section)).ok_or_else(|| {
        Problem::new(
            Status::InvalidCloningConfig,
            "rclone-poof.conf",
            "No encrypted remote is available!",
            "`poof econfig` adds one.",
        )
    })
}

/// The section of the storage remote: that of poof.conf, below its encryption.
pub fn storage_section<'a>(poof: &'a PoofConf, rclone: &'a RcloneConf) -> &'a str {
    let active = poof.remote();
    let below = wrapped_section(rclone, active).filter(|_| is_crypt(rclone, active));
    below.map_or(active, |(section, _)| section)
}

/// The bucket on a storage remote.
fn storage(rclone: &RcloneConf, section: &str, bucket: &str) -> Result<Remote, Problem> {
    let kind = rclone.kind(section).unwrap_or_default();
    let remote = Remote::plain(section, bucket, kind == "s3");
    // The directory that must be there for the place to be the right one.
    let disk = match kind {
        "local" => Path::new(bucket).parent(),
        "alias" => rclone.get(section, "remote").filter(|to| !to.contains(':')).map(Path::new),
        _ => return Ok(remote),
    };
    match disk {
        Some(disk) if disk.is_absolute() => Ok(remote.on_disk(disk.to_path_buf())),
        None if kind == "alias" => Ok(remote),
        _ => Err(Problem::new(
            Status::WarnMisconfigured,
            format!("rclone-poof.conf [{section}]"),
            "its path is relative, so the place depends on the directory poof is started in",
            "`poof cconfig --remote local PATH=/full/path` makes a directory the remote.",
        )),
    }
}

/// The storage below a crypt remote, which must be the configured bucket.
fn wrapped(rclone: &RcloneConf, crypt: &str, bucket: &str) -> Result<Remote, Problem> {
    let place = format!("rclone-poof.conf [{crypt}].remote");
    let misconfigured =
        |what: String, hint: &str| Problem::new(Status::WarnMisconfigured, &place, what, hint);
    let Some((section, path)) = wrapped_section(rclone, crypt) else {
        return Err(misconfigured(
            "it is not of the form REMOTE:BUCKET".to_owned(),
            "Point it at the storage remote and the bucket of poof.conf.",
        ));
    };
    if !rclone.has(section) {
        return Err(misconfigured(
            format!("it points at [{section}], which does not exist"),
            "Point it at the storage remote and the bucket of poof.conf.",
        ));
    }
    if path.trim_matches('/') != bucket.trim_matches('/') {
        return Err(misconfigured(
            format!("it points at the bucket {path:?}, but poof.conf has {bucket:?}"),
            "Point it at the bucket of poof.conf.",
        ));
    }
    storage(rclone, section, bucket)
}

/// `REMOTE` and `PATH` of a crypt section's `remote = REMOTE:PATH`.
fn wrapped_section<'a>(rclone: &'a RcloneConf, crypt: &str) -> Option<(&'a str, &'a str)> {
    rclone.get(crypt, "remote")?.split_once(':')
}

fn is_crypt(rclone: &RcloneConf, section: &str) -> bool {
    rclone.kind(section) == Some("crypt")
}

/// The crypt section for the storage `active`: the one that wraps it, else, if
/// there is but one, that one, whose target is then found wanting.
fn counterpart_of<'a>(rclone: &'a RcloneConf, active: &str) -> Option<&'a str> {
    let crypts: Vec<_> = rclone.sections().filter(|s| is_crypt(rclone, s)).collect();
    let wraps = |section: &&&str| {
        wrapped_section(rclone, section).is_some_and(|(storage, _)| storage == active)
    };
    match crypts.as_slice() {
        [only] => Some(only),
        several => several.iter().find(wraps).copied(),
    }
}

/// Directories that `verify` should name: missing, or no directory.
pub fn absent(directories: &[Directory]) -> Option<Problem> {
    let wrong = |path: &PathBuf| match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => None,
        Ok(_) => Some("it is not a directory".to_owned()),
        Err(error) => Some(format!("it cannot be opened: {error}")),
    };
    directories.iter().find_map(|directory| {
        let what = wrong(&directory.local)?;
        Some(Problem::new(
            Status::WarnMisconfigured,
            format!("poof.conf paths {}", path_of(&directory.local)),
            what,
            "Correct the path, mount the disk, or `poof download` to bring it back.",
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOF: &str = r#"{"bucket":"b","remote":"REMOTE","paths":{"/x/d":"d","/x/c":"c"}}"#;
    const S3: &str = "[poof-backup]\ntype = s3\naccess_key_id = k\nsecret_access_key = s\n";

    fn check(remote: &str, rclone: &str) -> Result<Ready, Problem> {
        let poof = PoofConf::parse(POOF.replace("REMOTE", remote).as_bytes())?;
        ready(&poof, &RcloneConf::parse(rclone.as_bytes())?, Path::new("/home/joe"))
    }

    fn crypt(remote: &str) -> String {
        format!("{S3}[poof-crypt]\ntype = crypt\nremote = {remote}\npassword = p\n")
    }

    #[test]
    fn plain_and_encrypted_are_counterparts() {
        let plain = check("poof-backup", S3).unwrap();
        assert!(!plain.remote().is_encrypted() && plain.counterpart().is_none());
        let both = check("poof-backup", &crypt("poof-backup:b")).unwrap();
        assert!(both.counterpart().unwrap().is_encrypted());
        let toggled = check("poof-crypt", &crypt("poof-backup:b")).unwrap();
        assert!(toggled.remote().is_encrypted());
        assert!(!toggled.counterpart().unwrap().is_encrypted());
    }

    // The sample of the Python poof's manual points at `poof:`.
    #[test]
    fn a_crypt_remote_that_points_elsewhere_is_caught() {
        for (remote, word) in [
            ("poof:b", "does not exist"),
            ("poof-backup:other", "other"),
            ("poof-backup", "REMOTE:BUCKET"),
        ] {
            for active in ["poof-backup", "poof-crypt"] {
                let problem = check(active, &crypt(remote)).unwrap_err();
                assert!(problem.what.contains(word), "{remote}: {}", problem.what);
                assert_eq!(problem.status, Status::WarnMisconfigured);
            }
        }
    }

    #[test]
    fn placeholders_and_missing_keys_are_named_without_their_value() {
        let bogus = S3.replace("= s\n", "= BOGUS-SECRET-KEY-USE-YOURS\n");
        let problem = check("poof-backup", &bogus).unwrap_err();
        assert_eq!(problem.status, Status::WarnMisconfigured);
        assert_eq!(problem.place, "rclone-poof.conf [poof-backup].secret_access_key");
        let problem = check("poof-backup", "[poof-backup]\ntype = s3\n").unwrap_err();
        assert_eq!(problem.status, Status::ErrorMissingKey);
        let problem = check("poof-backup", "[poof-backup]\nx = s3\n").unwrap_err();
        assert!(problem.place.ends_with("type"));
        assert!(check("poof-backup", "[poof-backup]\ntype = s3\nenv_auth = true\n").is_ok());
    }

    #[test]
    fn a_secret_of_poof_conf_stands_for_a_key_and_must_make_sense() {
        let check = |secrets: &str, rclone: &str| {
            let text = POOF.replace("REMOTE", "poof-backup");
            let text = text.replace("{\"bucket", &format!("{{\"secrets\":{secrets},\"bucket"));
            let poof = PoofConf::parse(text.as_bytes())?;
            ready(&poof, &RcloneConf::parse(rclone.as_bytes())?, Path::new("/home/joe"))
        };
        let key = |source: &str| format!("{{\"poof-backup.secret_access_key\":{source}}}");
        let file = key(r#"{"file":"/run/x"}"#);
        for left in ["", "secret_access_key = BOGUS-x\n", "secret_access_key =\n"] {
            let rclone = S3.replace("secret_access_key = s\n", left);
            assert!(check(&file, &rclone).is_ok(), "{left:?}");
            assert!(check("{}", &rclone).is_err(), "{left:?}");
        }
        let nowhere = check(r#"{"nope.key":{"file":"/run/x"}}"#, S3).unwrap_err();
        assert_eq!(nowhere.status, Status::InvalidPoofConfig);
        assert!(nowhere.what.contains("no section [nope]"), "{}", nowhere.what);
        for source in [r#"{"file":"/x/d/key"}"#, r#"{"command":["gpg","-d","/x/c/key.gpg"]}"#] {
            let inside = check(&key(source), S3).unwrap_err();
            assert_eq!(inside.status, Status::WarnMisconfigured);
            assert!(inside.what.contains("backed up"), "{}", inside.what);
        }
        assert!(check(r#"{"rclone-poof.conf":{"keychain":"x"}}"#, S3).is_ok());
    }

    #[test]
    fn an_unknown_remote_and_relative_places_are_caught() {
        assert_eq!(check("nope", S3).unwrap_err().status, Status::InvalidPoofConfig);
        assert!(check("d", "[d]\ntype = local\n").is_err());
        assert!(check("d", "[d]\ntype = alias\nremote = disk\n").is_err());
        assert!(check("d", "[d]\ntype = alias\nremote = /mnt/disk\n").is_ok());
        assert!(check("d", "[d]\ntype = alias\nremote = other:x\n").is_ok());
    }

    #[test]
    fn a_remote_inside_of_what_it_holds_is_caught() {
        let alias = |to: &str| check("d", &format!("[d]\ntype = alias\nremote = {to}\n"));
        for to in ["/x/d", "/x/d/deep", "/x"] {
            // Of /x the bucket b is beside the directories d and c.
            assert_eq!(alias(to).is_err(), to != "/x", "{to}");
        }
        assert!(alias("/x/d").unwrap_err().what.contains("/x/d and the remote"));
    }

    #[test]
    fn the_storage_is_found_below_the_encryption() {
        let conf = RcloneConf::parse(crypt("mine:b").as_bytes()).unwrap();
        for (active, storage) in [("mine", "mine"), ("poof-crypt", "mine"), ("new", "new")] {
            let poof = PoofConf::parse(POOF.replace("REMOTE", active).as_bytes()).unwrap();
            assert_eq!(storage_section(&poof, &conf), storage);
        }
    }

    #[test]
    fn the_toggle_goes_both_ways_and_needs_a_crypt_remote() {
        let conf = RcloneConf::parse(crypt("poof-backup:b").as_bytes()).unwrap();
        assert_eq!(toggled(&conf, "poof-backup").unwrap(), "poof-crypt");
        assert_eq!(toggled(&conf, "poof-crypt").unwrap(), "poof-backup");
        let plain = RcloneConf::parse(S3.as_bytes()).unwrap();
        assert!(toggled(&plain, "poof-backup").is_err());
    }
}
