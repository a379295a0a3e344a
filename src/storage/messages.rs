//! The jobs and the records of [`super::store`]: to rclone one JSON object a line each, as
//! `go/calls/store.go` reads and writes them.

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::failure::Failure;

/// Bytes that travel as base64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // null is how Go writes no bytes.
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        BASE64.decode(text.as_bytes()).map(Bytes).map_err(serde::de::Error::custom)
    }
}

/// An object as a listing shows it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Shown {
    #[serde(default)]
    pub id: u64,
    #[serde(default)]
    pub remote: Bytes,
    /// In bytes, as stored.
    pub size: u64,
    /// The server's hash: an MD5, an ETag, `TYPE:HEX`; empty if it gives none.
    pub tag: String,
    /// Of modification: seconds and nanoseconds.
    pub time: (i64, u32),
    pub failure: Option<Failure>,
}

impl Shown {
    /// Whether the server has exactly what was sent. Where it shows no hash, this
    /// says nothing: there only [`Sent::proven`] counts.
    pub fn confirms(&self, sent: &Sent) -> bool {
        self.failure.is_none()
            && !sent.tag.is_empty()
            && (self.size, &self.tag) == (sent.size, &sent.tag)
    }
}

/// A file to store, as it was seen, or content to store.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Send {
    pub id: u64,
    /// Below the root of the call.
    pub path: Bytes,
    pub remote: Bytes,
    /// The content itself, instead of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Bytes>,
    /// What is there under that name: if its content is equal, it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub have: Option<Have>,
    /// Store it only if nothing is there, where the server knows how (S3).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
    /// Where the remote is to move what is there, as soon as this has arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aside: Option<Bytes>,
    pub dev: u64,
    pub ino: u64,
    pub size: u64,
    /// Seconds and nanoseconds.
    pub mtime: (i64, i64),
    pub ctime: (i64, i64),
    /// Permission bits and type, as `st_mode` has them. Of members alone.
    #[serde(skip_serializing_if = "is_zero")]
    pub mode: u32,
    /// It goes into the bundle only if compressing makes it smaller. Of members alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub if_smaller: bool,
    /// What is stored is a bundle: a zip archive of these, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Send>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it so
fn is_zero(mode: &u32) -> bool {
    *mode == 0
}

#[derive(Clone, Debug, Serialize)]
pub struct Have {
    pub size: u64,
    pub tag: String,
}

/// What became of a [`Send`]. That the server has it is shown by a listing with
/// this size and tag, unless it is `proven`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Sent {
    pub id: u64,
    /// The file is not, or no longer, what the job says.
    pub changed: bool,
    pub failure: Option<Failure>,
    /// BLAKE3 of the plain content, hexadecimal.
    pub content: String,
    /// In bytes, as stored.
    pub size: u64,
    /// Of the plain content in bytes, if the file says another size.
    #[serde(default)]
    pub real: Option<u64>,
    /// Of the bytes as stored, hexadecimal.
    pub md5: String,
    /// That a listing will show; empty where listings show none.
    pub tag: String,
    /// Under crypt, 24 bytes.
    pub nonce: Bytes,
    /// Of modification, where listings show no tag.
    pub time: (i64, u32),
    /// It was read back and is equal.
    pub proven: bool,
    /// The object that was there is equal and was left alone.
    pub kept: bool,
    /// Of a bundle: what became of each of its members. Without any that is in it, nothing
    /// is stored.
    #[serde(default)]
    pub members: Vec<Packed>,
}

/// What became of a member of a bundle.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Packed {
    pub id: u64,
    /// The file is not, or no longer, what the job says.
    pub changed: bool,
    pub failure: Option<Failure>,
    /// It is not in the bundle: it would not be smaller there, or its size is not its own.
    pub declined: bool,
    /// BLAKE3 of the plain content, hexadecimal.
    pub content: String,
    /// Where its bytes begin in the archive, in clear.
    pub offset: u64,
    /// How many they are.
    pub size: u64,
    /// They are compressed.
    pub deflated: bool,
}

/// What a listing is besides its objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Objects whose names do not decrypt.
    pub strange: u64,
    /// There is something in the directory that was to be passed over.
    pub passed: bool,
}

/// What a remote can do with objects by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Abilities {
    pub copies: bool,
    pub moves: bool,
}

/// An object to copy or to move on the server.
#[derive(Clone, Debug, Serialize)]
pub struct Copy {
    pub id: u64,
    pub from: Bytes,
    pub remote: Bytes,
    /// In bytes, as stored.
    pub size: u64,
}

/// An object to read.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Fetch {
    pub id: u64,
    pub remote: Bytes,
    /// The name of the file to make, in the directory of the call; empty: the content is
    /// only hashed.
    pub to: Bytes,
    /// Make holes where the content is zero.
    pub sparse: bool,
    /// In bytes, as stored.
    pub size: u64,
    /// How many bytes of content are read at most; None: what `size` gives. An object that
    /// has more is not what was stored.
    pub limit: Option<u64>,
    /// Nothing but so many bytes of content from its beginning is read, 64 KiB at most, in one
    /// request; it comes as [`Fetched::data`], and goes to no file. None: the object is read
    /// to its end.
    pub first: Option<u64>,
    /// The content is a part of the object, which is a bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// Where a content is in the archive that a bundle is, in clear.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Part {
    pub offset: u64,
    pub size: u64,
    /// It is compressed (Deflate).
    pub deflated: bool,
}

/// What was read.
#[derive(Clone, Debug, Deserialize)]
pub struct Fetched {
    pub id: u64,
    pub failure: Option<Failure>,
    /// BLAKE3 of the plain content, hexadecimal; empty if not all of it was read.
    pub content: String,
    /// Of the plain content that was read, in bytes.
    pub size: u64,
    /// The beginning of it, if that was wanted.
    #[serde(default)]
    pub data: Bytes,
}

/// An object without more to say.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Named<'a> {
    pub id: usize,
    pub remote: &'a Bytes,
}

/// What became of a removal or of a copy.
#[derive(Clone, Debug, Deserialize)]
pub struct Done {
    pub id: u64,
    pub failure: Option<Failure>,
}

/// What a bucket keeps of what was deleted. See go/store/versions.go.
#[derive(Debug, Default, Deserialize)]
pub struct Versions {
    /// The bucket keeps versions.
    pub kept: bool,
    /// Some of them cannot be removed before their time.
    pub locked: bool,
    pub count: u64,
    pub bytes: u64,
    /// There are more than were counted.
    pub more: bool,
}

/// The directories in one of a store.
#[derive(Deserialize)]
pub struct DirectoryNames {
    pub names: Vec<String>,
}

/// What a mirror may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Make the destination equal: also delete what the source lacks.
    Sync,
    /// Never delete, even what vanishes from the source meanwhile.
    Copy,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(tag: &str) -> Sent {
        let text = format!(
            r#"{{"id":0,"changed":false,"failure":null,"content":"","size":7,"md5":"","tag":"{tag}",
            "nonce":null,"time":[0,0],"proven":false,"kept":false}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn shown(size: u64, tag: &str) -> Shown {
        let (id, remote, tag) = (0, Bytes::default(), tag.to_owned());
        Shown { id, remote, size, tag, time: (0, 0), failure: None }
    }

    #[test]
    fn only_the_hash_of_what_was_sent_confirms_it() {
        assert!(shown(7, "abc").confirms(&sent("abc")));
        assert!(!shown(8, "abc").confirms(&sent("abc")));
        assert!(!shown(7, "abd").confirms(&sent("abc")));
        // A disk shows no hash: what did not read back equal is not proven.
        assert!(!shown(7, "").confirms(&sent("")));
    }
}
