//! The file that tells a monitor how the last run went.

use std::path::PathBuf;

use super::poof_conf::PoofConf;
use super::status::Problem;

/// The key in poof.conf.
pub const KEY: &str = "metrics";

/// What the textfile collector of Prometheus reads.
const SUFFIX: &str = "prom";

/// None: nobody wants one.
///
/// # Errors
/// A [`Problem`] if it is not the full path of such a file.
pub fn metrics(conf: &PoofConf) -> Result<Option<PathBuf>, Problem> {
    let Some(value) = conf.get(KEY) else { return Ok(None) };
    let path = value.as_str().map(PathBuf::from);
    let is_fit = |path: &PathBuf| {
        path.is_absolute() && path.extension().is_some_and(|suffix| suffix == SUFFIX)
    };
    path.filter(is_fit).map(Some).ok_or_else(|| {
        Problem::of_key(
            KEY,
            "must be the full path of a file whose name ends with .prom",
            "Write it like \"/var/lib/prometheus/node-exporter/poof.prom\".",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(more: &str) -> Result<Option<PathBuf>, Problem> {
        let text = format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}{more}}}"#);
        metrics(&PoofConf::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn it_is_the_full_path_of_a_file_that_the_collector_reads() {
        assert_eq!(of("").unwrap(), None);
        assert_eq!(of(r#", "metrics": "/m/poof.prom""#).unwrap(), Some("/m/poof.prom".into()));
        for value in ["\"poof.prom\"", "\"~/poof.prom\"", "\"/m/poof\"", "\"/m/.prom\"", "true"] {
            let problem = of(&format!(r#", "metrics": {value}"#)).unwrap_err();
            assert!(format!("{problem:?}").contains("metrics"), "{value}");
        }
    }
}
