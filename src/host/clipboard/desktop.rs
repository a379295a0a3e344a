//! Which desktop there is, judged by the environment.

use std::ffi::OsString;

/// A desktop that the environment names. Both can be set: Xwayland runs beside
/// nearly every Wayland compositor.
pub struct Desktop {
    wayland: Option<String>,
    x11: Option<String>,
}

impl Desktop {
    /// Nothing, if neither variable has a value: a server, cron, ssh.
    pub fn find(env: impl Fn(&str) -> Option<OsString>) -> Option<Desktop> {
        let setting = |name: &str| {
            let value = env(name).filter(|value| !value.is_empty())?;
            Some(format!("{name}={}", value.to_string_lossy()))
        };
        let desktop = Desktop { wayland: setting("WAYLAND_DISPLAY"), x11: setting("DISPLAY") };
        (desktop.wayland.is_some() || desktop.x11.is_some()).then_some(desktop)
    }

    /// The line for a desktop that did not take the text, with what was `said`.
    pub fn refusal(&self, said: &str) -> String {
        match (&self.wayland, &self.x11) {
            // arboard then tries X11 and reports that one: a riddle where there is none.
            (Some(wayland), None) => format!(
                "{wayland} cannot be reached, or lets no program copy in the background (it has \
                 no data-control protocol)"
            ),
            (Some(wayland), Some(x11)) => format!("{wayland}, {x11}: {said}"),
            (None, x11) => format!("{}: {said}", x11.as_deref().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(settings: &[(&str, &str)]) -> Option<Desktop> {
        Desktop::find(|wanted| {
            let (_, value) = settings.iter().find(|(name, _)| *name == wanted)?;
            Some(OsString::from(value))
        })
    }

    #[test]
    fn without_a_display_there_is_no_desktop() {
        assert!(find(&[]).is_none());
        assert!(find(&[("DISPLAY", ""), ("WAYLAND_DISPLAY", ""), ("TERM", "linux")]).is_none());
    }

    #[test]
    fn a_refusal_names_the_display_that_was_tried() {
        let x11 = find(&[("DISPLAY", ":7")]).unwrap();
        assert_eq!(x11.refusal("unreachable"), "DISPLAY=:7: unreachable");
        let both = find(&[("DISPLAY", ":7"), ("WAYLAND_DISPLAY", "wayland-1")]).unwrap();
        assert_eq!(both.refusal("gone"), "WAYLAND_DISPLAY=wayland-1, DISPLAY=:7: gone");
    }

    #[test]
    fn pure_wayland_is_never_told_about_an_x11_server() {
        let refusal = find(&[("WAYLAND_DISPLAY", "wayland-1")]).unwrap().refusal("X11 is gone");
        assert!(refusal.starts_with("WAYLAND_DISPLAY=wayland-1 "));
        assert!(!refusal.contains("X11"));
    }
}
