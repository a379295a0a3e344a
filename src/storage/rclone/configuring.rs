//! The calls about rclone's configuration that carry secrets. See go/calls/config.go.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::call::Call;
use super::requests::Nothing;

/// Makes `path` the configuration file and loads it afresh.
#[derive(Serialize)]
pub struct UseConfig<'a> {
    pub path: String,
    /// Of an encrypted file; empty: it is in clear.
    pub password: &'a str,
    /// Over what the file says; never saved.
    pub secrets: Vec<Overlaid<'a>>,
    /// PATH for the programs that rclone runs; None: as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// A login that is about to end is renewed when it is used.
    pub renews: bool,
}

/// A value that stands in no file, in the form in which rclone reads it.
#[derive(Serialize)]
pub struct Overlaid<'a> {
    pub section: &'a str,
    pub key: &'a str,
    pub value: &'a str,
}

impl UseConfig<'_> {
    /// A file that says everything itself.
    pub fn of(path: &Path) -> Self {
        let path = path.to_string_lossy().into_owned();
        UseConfig { path, password: "", secrets: Vec::new(), search: None, renews: false }
    }
}

impl Call for UseConfig<'_> {
    const METHOD: &'static str = "poof/config";
    type Reply = Nothing;
}

/// Creates a remote in the configuration file in force, which rclone rewrites.
#[derive(Serialize)]
pub struct CreateRemote {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub parameters: BTreeMap<String, String>,
    pub opt: ConfigOptions,
}

/// How `config/create` treats its parameters.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigOptions {
    /// Obscure what rclone knows to be a password.
    pub obscure: bool,
    /// Ask nothing.
    pub non_interactive: bool,
}

impl Call for CreateRemote {
    const METHOD: &'static str = "config/create";
    type Reply = Nothing;
}

/// One remote of the configuration in force, without the environment.
#[derive(Serialize)]
pub struct GetRemote {
    pub name: String,
}

impl Call for GetRemote {
    const METHOD: &'static str = "config/get";
    type Reply = BTreeMap<String, Zeroizing<String>>;
}

/// What rclone knows of a setting, and both forms of a value.
#[derive(Serialize)]
pub struct DescribeOption<'a> {
    pub kind: &'a str,
    pub key: &'a str,
    pub value: &'a str,
    /// The value is what `rclone obscure` makes of it.
    pub obscured: bool,
}

#[derive(Deserialize)]
pub struct Described {
    /// Whether rclone has this setting; true if it does not know the type.
    pub known: bool,
    /// The value in clear; empty if it is not obscured though it is said to be.
    pub clear: Zeroizing<String>,
    /// The value as rclone reads it: passwords are obscured.
    pub form: Zeroizing<String>,
    /// rclone keeps it obscured.
    pub password: bool,
    /// The value is said to be in clear and looks as if it were obscured.
    pub doubtful: bool,
}

impl Call for DescribeOption<'_> {
    const METHOD: &'static str = "poof/option";
    type Reply = Described;
}

/// The proxy of the environment for an address. See go/calls/proxy.go.
#[derive(Serialize)]
pub struct ProxyOf<'a> {
    pub url: &'a str,
}

#[derive(Deserialize)]
pub struct Proxy {
    /// Without its credentials; empty: there is none.
    pub proxy: String,
    /// The variable that says so.
    pub variable: String,
}

impl Call for ProxyOf<'_> {
    const METHOD: &'static str = "poof/proxy";
    type Reply = Proxy;
}

/// What may stand in a section of a type of remote. See go/calls/keys.go.
#[derive(Serialize)]
pub struct KeysOf<'a> {
    pub kind: &'a str,
}

#[derive(Deserialize)]
pub struct SectionKeys {
    /// Whether rclone has this type.
    pub known: bool,
    /// All types that there are.
    pub types: Vec<String>,
    pub keys: Vec<String>,
    /// What may follow `override.` and `global.`.
    pub overrides: Vec<String>,
    /// Of the keys those whose values are no free text.
    pub flags: Vec<String>,
}

impl Call for KeysOf<'_> {
    const METHOD: &'static str = "poof/keys";
    type Reply = SectionKeys;
}

/// Finds the values of a section that rclone does not take.
#[derive(Serialize)]
pub struct ValuesOf<'a> {
    pub kind: &'a str,
    pub values: &'a BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub struct WrongValues {
    pub wrong: Vec<WrongValue>,
}

/// A setting, and what its value should be: rclone's type of it, or `obscured`.
#[derive(Deserialize)]
pub struct WrongValue {
    pub key: String,
    pub want: String,
}

impl Call for ValuesOf<'_> {
    const METHOD: &'static str = "poof/values";
    type Reply = WrongValues;
}

/// All types of remotes that there are.
#[derive(Serialize)]
pub struct Types {}

#[derive(Deserialize)]
pub struct AllTypes {
    pub providers: Vec<RemoteType>,
}

/// A type of remote as rclone describes it (fs.RegInfo of rclone 1.76).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemoteType {
    pub name: String,
    pub description: String,
    /// It is another name of one that is there as well.
    pub hide: bool,
    pub options: Vec<RemoteOption>,
}

/// A setting of a type of remote (fs.Option of rclone 1.76).
#[allow(clippy::struct_excessive_bools)] // as rclone has them
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemoteOption {
    pub name: String,
    /// Its first line says it in a sentence.
    pub help: String,
    /// Of which providers of the type it is: `AWS,Minio`, or `!AWS,Minio`; empty: of all.
    #[serde(default)]
    pub provider: String,
    #[serde(default)]
    pub examples: Vec<Example>,
    /// Bit 2: whoever sets a remote up is not asked.
    pub hide: u8,
    pub required: bool,
    pub is_password: bool,
    pub advanced: bool,
    /// Its value is one of the examples.
    pub exclusive: bool,
    pub default_str: String,
    /// `string`, `bool`, `int`, …
    #[serde(rename = "Type")]
    pub kind: String,
}

/// A value that a setting may have.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Example {
    pub value: String,
    pub help: String,
    #[serde(default)]
    pub provider: String,
}

impl Call for Types {
    const METHOD: &'static str = "config/providers";
    type Reply = AllTypes;
}

/// Decrypts the text of a configuration file.
#[derive(Serialize)]
pub struct Unlock<'a> {
    pub text: &'a str,
    pub password: &'a str,
}

#[derive(Deserialize)]
pub struct Unlocked {
    pub text: Zeroizing<String>,
    /// The password is the one of the file.
    pub opened: bool,
}

impl Call for Unlock<'_> {
    const METHOD: &'static str = "poof/unlock";
    type Reply = Unlocked;
}

/// Encrypts the text of a configuration file.
#[derive(Serialize)]
pub struct Encrypt<'a> {
    pub text: &'a str,
    pub password: &'a str,
}

#[derive(Deserialize)]
pub struct Encrypted {
    pub text: String,
}

impl Call for Encrypt<'_> {
    const METHOD: &'static str = "poof/lock";
    type Reply = Encrypted;
}

/// Secrets made of the passwords of a crypt remote.
#[derive(Serialize)]
pub struct DeriveKey<'a> {
    /// Its section.
    pub crypt: &'a str,
}

#[derive(Deserialize)]
pub struct DerivedKey {
    /// 32 bytes, base64, as the other.
    pub key: Zeroizing<String>,
    /// What seals heads of before version 3.
    pub before: Zeroizing<String>,
}

impl Call for DeriveKey<'_> {
    const METHOD: &'static str = "poof/key";
    type Reply = DerivedKey;
}
