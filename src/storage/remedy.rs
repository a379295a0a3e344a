//! What to do about a remote that refuses: by the code that the server gives, or the one
//! that go/calls/reason.go gives where no server came to speak.

/// What helps against the refusal of `code`, whose words are `text`.
pub fn refused(code: &str, text: &str) -> String {
    let fixed = match code {
        "InvalidAccessKeyId" | "InvalidClientTokenId" => {
            "Check access_key_id in rclone-poof.conf: `poof cconfig access_key_id=YOURS`."
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => {
            "Check secret_access_key in rclone-poof.conf: `poof cconfig secret_access_key=YOURS`."
        }
        "RequestTimeTooSkewed" | "RequestExpired" => {
            "Set this machine's clock: `sudo timedatectl set-ntp true`, on a Mac \
             `sudo sntp -sS time.apple.com`."
        }
        "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired" => {
            "These credentials are for a time only. Write new ones: `poof cconfig \
             access_key_id=NEW secret_access_key=NEW session_token=NEW`."
        }
        "TokenExpired" => "Log in again: `poof login`.",
        "TokenMissing" => "Log in: `poof login`.",
        "InvalidBucketName" => {
            "\"bucket\" in poof.conf has 3 to 63 lower-case letters, digits and hyphens, a letter or \
             digit first and last. To correct it: `poof edit poof.conf`."
        }
        "BucketAlreadyExists" => {
            "Somebody else has a bucket of that name. Choose another \"bucket\": `poof edit poof.conf`."
        }
        "NoTls" => {
            "The server does not speak https, so it may speak http, which hides nothing on the \
             way: `poof cconfig endpoint=http://HOST:PORT`."
        }
        "NeedsTls" => {
            "The server does not take plain http, so it may speak https: `poof cconfig \
             endpoint=https://HOST:PORT`."
        }
        "ProxyAuthRequired" => {
            "The proxy wants a name and a password: `poof cconfig \
             override.http_proxy=http://USER:PASSWORD@PROXY:PORT`."
        }
        "NotAStore" => {
            "A web page answers there. Does this network want a login first? If not, the endpoint is \
             that of a console, and not of the storage: `poof cconfig endpoint=URL`."
        }
        code if is_region(code) => return region(text),
        _ => {
            "Check the credentials in rclone-poof.conf, and what they permit on that bucket: `poof \
             cconfig KEY=VALUE` changes a setting."
        }
    };
    fixed.to_owned()
}

fn is_region(code: &str) -> bool {
    matches!(
        code,
        "AuthorizationHeaderMalformed"
            | "PermanentRedirect"
            | "TemporaryRedirect"
            | "IllegalLocationConstraintException"
            | "InvalidLocationConstraint"
            | "InvalidRegion"
    )
}

/// Some servers say which region they expect.
fn region(text: &str) -> String {
    let expected = text.split_once("expecting '").and_then(|(_, rest)| rest.split_once('\''));
    let is_one = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    match expected.map(|(name, _)| name).filter(is_one) {
        Some(name) => format!("The bucket is in another region: `poof cconfig region={name}`."),
        None => "The bucket is in another region: `poof cconfig region=REGION`, with the region \
                 that the provider shows for it, and the endpoint of that region."
            .to_owned(),
    }
}

/// What helps if nobody answers.
pub const UNREACHABLE: &str = "Is this machine online? If so, correct the address: `poof cconfig endpoint=URL` for S3, \
     `poof cconfig host=NAME` for a server, `poof cconfig url=URL` for WebDAV.";

/// What helps where this machine may not write.
pub fn forbidden(code: &str) -> &'static str {
    match code {
        "ReadOnly" => "That disk is mounted read-only: mount it so that it can be written to.",
        _ => "Check owner and permissions of that path.",
    }
}

/// The setting that a server does not take, where its code, or its `text`, says so.
pub fn setting(code: &str, text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let is_encryption = || ["encryption", "kms"].iter().any(|word| text.contains(word));
    match code {
        "InvalidStorageClass" => Some(
            "The server has no such storage class. Leave it to the server: `poof cconfig \
             storage_class=`, and no \"small_objects\" in poof.conf.",
        ),
        "InvalidEncryptionAlgorithmError" | "InvalidArgument" | "NotImplemented"
            if is_encryption() =>
        {
            Some(
                "The server does not encrypt so. Leave it to the server: `poof cconfig \
                 server_side_encryption=`.",
            )
        }
        "NoSuchBucket" => Some(
            "The server does not make it either. Nothing but host and port belongs into the \
             endpoint: `poof cconfig endpoint=https://HOST:PORT`.",
        ),
        _ => None,
    }
}

/// What helps against a certificate that is not trusted.
pub fn untrusted(code: &str) -> &'static str {
    match code {
        "CertificateExpired" => {
            "Is this machine's clock right? If so, whoever runs the server has to renew its \
             certificate."
        }
        "CertificateHost" => {
            "Use a name that is in the certificate: `poof cconfig endpoint=https://NAME:PORT`."
        }
        _ => {
            "If the server is your own, trust its certificate: `poof cconfig \
             override.ca_cert=/path/to/certificate.pem`. If not, somebody may be listening."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_that_the_server_expects_is_in_the_command() {
        for (text, command) in [
            ("the region 'us-east-1' is wrong; expecting 'eu-west-1'", "region=eu-west-1`"),
            ("the region is wrong; expecting 'a`; rm -rf'", "region=REGION`"),
            ("wrong", "region=REGION`"),
        ] {
            let hint = refused("AuthorizationHeaderMalformed", text);
            assert!(hint.contains(command), "{hint}");
        }
    }

    #[test]
    fn every_refusal_has_a_remedy_of_its_own() {
        let codes = [
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "RequestTimeTooSkewed",
            "ExpiredToken",
            "TokenExpired",
            "TokenMissing",
            "InvalidBucketName",
            "BucketAlreadyExists",
            "NoTls",
            "NeedsTls",
            "ProxyAuthRequired",
            "NotAStore",
            "PermanentRedirect",
            "AccessDenied",
        ];
        let mut hints: Vec<_> = codes.iter().map(|code| refused(code, "")).collect();
        hints.extend(["CertificateExpired", "CertificateHost", "x"].map(|c| untrusted(c).into()));
        let count = hints.len();
        hints.sort();
        hints.dedup();
        assert_eq!(hints.len(), count);
    }
}
