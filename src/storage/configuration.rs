//! What rclone says of its configuration, and makes of it: which sections, keys and values
//! there may be, and which file is in force.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroizing;

use super::failure::Failure;
use super::rclone::call::call;
use super::rclone::configuring::{
    ConfigOptions, CreateRemote, DescribeOption, Encrypt, GetRemote, KeysOf, ProxyOf, Types,
    Unlock, ValuesOf,
};
pub use super::rclone::configuring::{
    Described, Example, Overlaid, Proxy, RemoteOption, RemoteType, SectionKeys, Unlocked,
    UseConfig, WrongValue,
};
use super::rclone::login::NewSection;

/// Whether this build has only some of rclone's types of remotes.
pub const FEW_TYPES: bool = cfg!(feature = "slim");

/// What may stand in a section of a type of remote.
///
/// # Errors
/// rclone does not answer.
pub fn keys_of(kind: &str) -> Result<SectionKeys, Failure> {
    call(&KeysOf { kind })
}

/// The values of a section that rclone does not take.
///
/// # Errors
/// rclone does not answer.
pub fn wrong_values(
    kind: &str,
    values: &BTreeMap<String, String>,
) -> Result<Vec<WrongValue>, Failure> {
    call(&ValuesOf { kind, values }).map(|found| found.wrong)
}

/// All types of remotes, by their names.
///
/// # Errors
/// rclone does not answer.
pub fn types() -> Result<Vec<RemoteType>, Failure> {
    let mut types = call(&Types {})?.providers;
    types.retain(|kind| !kind.hide);
    types.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(types)
}

/// The proxy of the environment for an address, if there is one.
///
/// # Errors
/// It is no address.
pub fn proxy_of(url: &str) -> Result<Proxy, Failure> {
    call(&ProxyOf { url })
}

/// What rclone knows of a setting, and both forms of a value; `obscured`: it is what
/// `rclone obscure` makes of it.
///
/// # Errors
/// rclone does not take the value.
pub fn describe(kind: &str, key: &str, value: &str, obscured: bool) -> Result<Described, Failure> {
    call(&DescribeOption { kind, key, value, obscured })
}

/// Makes a file the configuration, and loads it afresh.
///
/// # Errors
/// rclone cannot load it.
pub fn put_in_force(config: &UseConfig) -> Result<(), Failure> {
    if config.renews {
        RENEWS.store(true, Ordering::Relaxed);
    }
    call(config).map(|_| ())
}

/// Whether logins are renewed in this run.
static RENEWS: AtomicBool = AtomicBool::new(false);

/// Whether a file was in force in this run whose logins are renewed.
pub fn renews() -> bool {
    RENEWS.load(Ordering::Relaxed)
}

/// Makes a section in the file in force, which rclone rewrites; what it knows to be
/// a password it obscures.
///
/// # Errors
/// rclone does not accept the values.
pub fn create(
    section: &str,
    kind: &str,
    parameters: BTreeMap<String, String>,
) -> Result<(), Failure> {
    let opt = ConfigOptions { obscure: true, non_interactive: true };
    let (name, kind) = (section.to_owned(), kind.to_owned());
    call(&CreateRemote { name, kind, parameters, opt }).map(|_| ())
}

/// The values of a new section as rclone reads them, passwords obscured. Nothing is asked,
/// and the backend does not hear of it.
///
/// # Errors
/// rclone does not accept the values.
pub fn values_of(
    kind: &str,
    values: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Failure> {
    call(&NewSection { kind, values }).map(|section| section.values)
}

/// A section of the file in force, without the environment.
///
/// # Errors
/// rclone cannot read it.
pub fn section(name: &str) -> Result<BTreeMap<String, Zeroizing<String>>, Failure> {
    call(&GetRemote { name: name.to_owned() })
}

/// Decrypts the text of a configuration file.
///
/// # Errors
/// It is damaged.
pub fn unlock(text: &str, password: &str) -> Result<Unlocked, Failure> {
    call(&Unlock { text, password })
}

/// Encrypts the text of a configuration file.
///
/// # Errors
/// rclone cannot.
pub fn encrypt(text: &str, password: &str) -> Result<String, Failure> {
    call(&Encrypt { text, password }).map(|encrypted| encrypted.text)
}
