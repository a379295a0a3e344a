//! By which signature macOS knows a program again. Privacy grants and what the keychain
//! lets it read are bound to that: of a program without a certificate to its very bytes,
//! so that both are gone with each update.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::host::flags::ON_MACOS;
use crate::host::tool;

/// What to do about it.
const WHY: &str = "poof is not signed with a certificate, so that macOS takes each version for \
                   another program: after an update, grant it Full Disk Access again if a schedule \
                   starts it (System Settings, Privacy & Security; remove the old entry there \
                   first), and answer \"Always Allow\" when it asks for the keychain. Run poof once \
                   on a terminal after each update: a scheduled run has nobody to answer";

/// Whether `codesign -dv --verbose=2` says that nothing but its bytes tells the program. None:
/// it says nothing of that.
fn is_bare(said: &str) -> Option<bool> {
    let has = |start: &str| said.lines().any(|line| line.starts_with(start));
    if has("Authority=") {
        return Some(false);
    }
    let unsigned = said.lines().any(|line| line.ends_with(": code object is not signed at all"));
    (unsigned || has("Signature=adhoc")).then_some(true)
}

/// What to know before the next update of `program`, if it is signed so.
pub fn warning(program: &Path) -> Option<&'static str> {
    if !ON_MACOS {
        return None;
    }
    let mut command = Command::new(tool::found("codesign", None).ok()?);
    command.args(["-dv", "--verbose=2"]).arg(program).stdin(Stdio::null());
    // All that it says goes to standard error.
    let said = command.output().ok()?.stderr;
    is_bare(&String::from_utf8_lossy(&said))?.then_some(WHY)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// github.com/losnoco/Cog, issue 312.
    const CERTIFICATE: &str = "\
Executable=Cog.app/Contents/MacOS/Cog
Identifier=org.cogx.cog
Format=app bundle with Mach-O universal (x86_64 arm64)
CodeDirectory v=20500 size=39544 flags=0x10000(runtime) hashes=1225+7 location=embedded
Signature size=4767
Authority=Apple Development: Created via API (6U9DBS23H9)
Authority=Apple Worldwide Developer Relations Certification Authority
Authority=Apple Root CA
Signed Time=12 Jul 2022 at 06:15:39
Info.plist entries=45
TeamIdentifier=N6E749HJ2X
";

    /// The lines that `codesign --sign -` leads to; what a linker signs by itself (arm64)
    /// differs in the flags: `0x20002(adhoc,linker-signed)`. Put together, not recorded.
    const AD_HOC: &str = "\
Executable=/usr/local/bin/poof
Identifier=poof
Format=Mach-O thin (arm64)
CodeDirectory v=20500 size=200 flags=0x2(adhoc) hashes=10+2 location=embedded
Signature=adhoc
Info.plist=not bound
TeamIdentifier=not set
Sealed Resources=none
Internal requirements count=0 size=12
";

    #[test]
    fn a_program_without_a_certificate_is_another_one_after_each_update() {
        assert_eq!(is_bare(AD_HOC), Some(true));
        assert_eq!(
            is_bare(&AD_HOC.replace("0x2(adhoc)", "0x20002(adhoc,linker-signed)")),
            Some(true)
        );
        // github.com/deskflow/deskflow, issue 4463.
        let unsigned = "/Applications/Synergy.app/: code object is not signed at all\n";
        assert_eq!(is_bare(unsigned), Some(true));
        assert_eq!(is_bare(CERTIFICATE), Some(false));
    }

    #[test]
    fn what_says_nothing_of_it_is_no_reason_to_warn() {
        for said in ["", "/usr/local/bin/poof: No such file or directory\n", "usage: codesign\n"] {
            assert_eq!(is_bare(said), None, "{said}");
        }
        // A path or an identifier is no signature.
        let odd = AD_HOC.replace("Signature=adhoc\n", "").replace("=poof", "=Signature=adhoc");
        assert_eq!(is_bare(&odd), None);
    }
}
