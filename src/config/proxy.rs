//! Where the requests of a configuration go, as far as a proxy may be on the way.

use super::insecure::{global, reached, settings};
use super::rclone_conf::RcloneConf;

/// The requests of a section.
#[derive(Debug, PartialEq, Eq)]
pub enum Way {
    /// To this address, without credentials; the environment may name a proxy.
    Open(String),
    /// Through the proxy, without credentials, that this setting names.
    Through { place: String, proxy: String },
}

/// Types that send no requests of their own, or none by HTTP.
const NO_HTTP: [&str; 14] = [
    "alias", "cache", "chunker", "combine", "compress", "crypt", "ftp", "hasher", "hdfs", "local",
    "memory", "sftp", "smb", "union",
];

/// The ways of the sections in use.
pub fn ways(conf: &RcloneConf, active: &str) -> Vec<Way> {
    let mut found = Vec::new();
    for section in reached(conf, active) {
        let mut of_section = of(conf, section);
        of_section.retain(|way| !found.contains(way));
        found.extend(of_section);
    }
    found
}

fn of(conf: &RcloneConf, section: &str) -> Vec<Way> {
    let settings = settings(conf, section);
    let is_proxy = |key: &str| global(key).unwrap_or(key) == "http_proxy";
    let own = settings.iter().find(|(_, key, value)| is_proxy(key) && !value.is_empty());
    if let Some((place, _, value)) = own {
        let place = format!("rclone-poof.conf [{section}].{place}");
        return vec![Way::Through { place, proxy: bare(value) }];
    }
    let addresses = settings.iter().filter_map(|(_, _, value)| {
        let lower = value.to_ascii_lowercase();
        (lower.starts_with("http://") || lower.starts_with("https://")).then(|| bare(value))
    });
    let mut addresses: Vec<_> = addresses.collect();
    let kind = conf.kind(section).unwrap_or_default();
    let endpoint = conf.get(section, "endpoint").unwrap_or_default();
    if addresses.is_empty() && !NO_HTTP.contains(&kind) {
        addresses.push(match (kind, endpoint) {
            ("s3", "") => "https://s3.amazonaws.com".to_owned(),
            // As rclone takes it.
            (_, host) if !host.is_empty() => bare(&format!("https://{host}")),
            // Its servers are known to rclone alone.
            _ => format!("https://{kind}"),
        });
    }
    addresses.into_iter().map(Way::Open).collect()
}

/// Scheme and host of an address.
fn bare(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    format!("{}://{host}", scheme.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(addresses: &[&str]) -> Vec<Way> {
        addresses.iter().map(|address| Way::Open((*address).to_owned())).collect()
    }

    #[test]
    fn a_table_of_ways() {
        let through = |place: &str, proxy: &str| {
            let place = format!("rclone-poof.conf [s].{place}");
            vec![Way::Through { place, proxy: proxy.to_owned() }]
        };
        for (section, wanted) in [
            ("type = s3\n", open(&["https://s3.amazonaws.com"])),
            ("type = s3\nendpoint = h:9000\n", open(&["https://h:9000"])),
            ("type = s3\nendpoint = HTTP://h:9000/x\n", open(&["http://h:9000"])),
            ("type = webdav\nurl = https://me:unspeakable@h/x\n", open(&["https://h"])),
            ("type = drive\n", open(&["https://drive"])),
            ("type = sftp\nhost = h\n", Vec::new()),
            ("type = local\n", Vec::new()),
            (
                "type = s3\noverride.http_proxy = http://me:unspeakable@p:1\nendpoint = http://h\n",
                through("override.http_proxy", "http://p:1"),
            ),
            ("type = sftp\nhttp_proxy = me:unspeakable@p:1\n", through("http_proxy", "http://p:1")),
            ("type = alias\nremote = :webdav,url=\"https://h/\":x\n", open(&["https://h"])),
        ] {
            let conf = RcloneConf::parse(format!("[s]\n{section}").as_bytes()).unwrap();
            assert_eq!(ways(&conf, "s"), wanted, "{section}");
        }
    }
}
